/* SPDX-License-Identifier: Apache-2.0 */
/* The forwarding tables in user space.  A network is immutable once made and
 * shared by the tables that hold it; a table is immutable, too, and names all
 * networks.  So a change of one network makes that network anew and a table
 * of pointers, and a forwarding thread that was handed a table needs no lock.
 *
 * The control thread makes, references and frees all of them; forwarding
 * threads only look things up. */
#ifndef FWD_TABLE_H
#define FWD_TABLE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "openvswitch/util.h"
#include "replication/forwarder/counters.h"
#include "replication/forwarder/pipeline.h"

/* Maps 128-bit keys to indexes of an array: open addressing, at most half
 * full, with a seed of its own, as tenants choose MACs. */
struct fwd_map_slot {
    uint64_t a, b;
    uint32_t index;             /* FWD_MAP_FREE, or the value: mostly where
                                 * it is. */
};
#define FWD_MAP_FREE UINT32_MAX

struct fwd_map {
    struct fwd_map_slot *slots; /* NULL in an empty map. */
    uint32_t mask;
    uint64_t seed;
};

static inline uint32_t
fwd_map_find(const struct fwd_map *map, uint64_t a, uint64_t b)
{
    if (!map->slots) {
        return FWD_MAP_FREE;
    }
    for (uint32_t i = fwd_hash(a, b, map->seed); ; i++) {
        const struct fwd_map_slot *slot = &map->slots[i & map->mask];

        if (slot->index == FWD_MAP_FREE || (slot->a == a && slot->b == b)) {
            return slot->index;
        }
    }
}

static inline uint64_t
fwd_mac_key(const uint8_t mac[6])
{
    uint64_t key = 0;

    memcpy(&key, mac, 6);
    return key;
}

struct fwd_mac_entry {
    uint8_t addr[6];
    uint8_t pad[2];
    struct fwd_mac mac;
};

struct fwd_arp_entry {
    __be32 ip;
    struct fwd_arp arp;
};

/* Counters of a network: they outlive the network as it is now. */
struct fwd_net_counters {
    struct fwd_counters c;      /* Of the forwarding thread, and ... */
    struct fwd_counters fast;   /* ... of BPF programs, written by the control
                                 * thread. */
    unsigned int refs;          /* Control thread. */
};
struct fwd_net_counters *fwd_net_counters_create(void);
struct fwd_net_counters *fwd_net_counters_ref(struct fwd_net_counters *);
void fwd_net_counters_unref(struct fwd_net_counters *); /* NULL is fine. */

struct fwd_network {
    struct fwd_net net;
    struct fwd_net_counters *counters;
    unsigned int refs;          /* Control thread. */

    /* By class, then address; 'first' and 'n_members' tell whose are where.
     * 'class_map' has the classes of an address, 1 << enum fwd_class. */
    struct fwd_member *members;
    uint32_t first[FWD_N_CLASSES], n_members[FWD_N_CLASSES];
    struct fwd_map class_map;

    struct fwd_in_label *labels;        /* By label. */
    uint32_t n_labels;

    struct fwd_mac_entry *macs; /* By address. */
    uint32_t n_macs;
    struct fwd_map mac_map;

    struct fwd_arp_entry *arps; /* By address. */
    uint32_t n_arps;
    struct fwd_map arp_map;
};

/* What to make a network of.  A MAC, an address or a label may be in its array
 * once, a (class, address) among the members once. */
struct fwd_network_spec {
    struct fwd_net net;
    const struct fwd_member *members;
    size_t n_members;
    const struct fwd_in_label *labels;
    size_t n_labels;
    const struct fwd_mac_entry *macs;
    size_t n_macs;
    const struct fwd_arp_entry *arps;
    size_t n_arps;
};

/* Copies all of 'spec' and references 'counters'.  The caller owns the only
 * reference. */
struct fwd_network *fwd_network_create(const struct fwd_network_spec *,
                                       struct fwd_net_counters *counters);
struct fwd_network *fwd_network_ref(struct fwd_network *);
void fwd_network_unref(struct fwd_network *);           /* NULL is fine. */
/* Whether both forward alike. */
bool fwd_network_equals(const struct fwd_network *,
                        const struct fwd_network *);

/* A label of a table's networks. */
struct fwd_table_label {
    uint32_t label;
    enum fwd_label_kind kind;
    uint32_t network;           /* Index in 'networks'. */
};

/* A label that two networks claim. */
struct fwd_label_conflict {
    uint32_t label;
    uint32_t vni;               /* Who has it ... */
    uint32_t loser_vni;         /* ... and who does not. */
};

struct fwd_table {
    struct fwd_network **networks;      /* By VNI. */
    uint32_t n_networks;
    struct fwd_map vni_map;

    struct fwd_table_label *labels;     /* By label. */
    uint32_t n_labels;
    struct fwd_map label_map;
    struct fwd_label_conflict *conflicts;       /* By label, loser. */
    uint32_t n_conflicts;

    struct fwd_table *next;     /* In a list of those to free. */
};

/* References each of the networks, whose VNIs must differ.  Of those that
 * claim the same label the one with the lowest VNI gets it, whatever their
 * order; the others are in 'conflicts'. */
struct fwd_table *fwd_table_create(struct fwd_network *const *networks,
                                   size_t n);
void fwd_table_destroy(struct fwd_table *);             /* NULL is fine. */

static inline const struct fwd_network *
fwd_network_of(const struct fwd_net *net)
{
    return CONTAINER_OF(net, struct fwd_network, net);
}

/* The look-ups of the pipeline. */

static inline const struct fwd_net *
fwd_find_net(const struct fwd_table *table, __u32 vni)
{
    uint32_t i = fwd_map_find(&table->vni_map, vni, 0);

    return i == FWD_MAP_FREE ? NULL : &table->networks[i]->net;
}

static inline const struct fwd_net *
fwd_find_label(const struct fwd_table *table, __u32 label,
               enum fwd_label_kind *kind)
{
    uint32_t i = fwd_map_find(&table->label_map, label, 0);

    if (i == FWD_MAP_FREE) {
        return NULL;
    }
    *kind = table->labels[i].kind;
    return &table->networks[table->labels[i].network]->net;
}

static inline __u32
fwd_find_classes(const struct fwd_table *table OVS_UNUSED,
                 const struct fwd_net *net, const struct fwd_ip *source)
{
    const struct fwd_network *network = fwd_network_of(net);
    uint64_t key[2];

    memcpy(key, source, sizeof key);
    uint32_t classes = fwd_map_find(&network->class_map, key[0], key[1]);
    return classes == FWD_MAP_FREE ? 0 : classes;
}

static inline const struct fwd_mac *
fwd_find_mac(const struct fwd_table *table OVS_UNUSED,
             const struct fwd_net *net, const __u8 *mac)
{
    const struct fwd_network *network = fwd_network_of(net);
    uint32_t i = fwd_map_find(&network->mac_map, fwd_mac_key(mac), 0);

    return i == FWD_MAP_FREE ? NULL : &network->macs[i].mac;
}

static inline const struct fwd_arp *
fwd_find_arp(const struct fwd_table *table OVS_UNUSED,
             const struct fwd_net *net, __be32 ip)
{
    const struct fwd_network *network = fwd_network_of(net);
    uint32_t i = fwd_map_find(&network->arp_map, ip, 0);

    return i == FWD_MAP_FREE ? NULL : &network->arps[i].arp;
}

/* The copies that a FWD_FLOOD makes: every member of the classes in 'to', but
 * never the source.
 *
 *     struct fwd_copies copies;
 *     const struct fwd_member *m;
 *
 *     fwd_copies_init(&copies, &verdict, &source);
 *     while ((m = fwd_copies_next(&copies))) ...
 */
struct fwd_copies {
    const struct fwd_network *network;
    const struct fwd_ip *source;
    uint16_t to;
    enum fwd_class class;
    uint32_t i;
};

static inline void
fwd_copies_init(struct fwd_copies *copies, const struct fwd_verdict *v,
                const struct fwd_ip *source)
{
    *copies = (struct fwd_copies) {
        .network = fwd_network_of(v->net), .source = source, .to = v->to,
    };
}

static inline const struct fwd_member *
fwd_copies_next(struct fwd_copies *copies)
{
    const struct fwd_network *network = copies->network;

    for (; copies->class < FWD_N_CLASSES; copies->class++, copies->i = 0) {
        if (!(copies->to & 1 << copies->class)) {
            continue;
        }
        while (copies->i < network->n_members[copies->class]) {
            const struct fwd_member *m
                = &network->members[network->first[copies->class]
                                    + copies->i++];
            if (!fwd_ip_equals(&m->ip, copies->source)) {
                return m;
            }
        }
    }
    return NULL;
}

#endif /* replication/forwarder/table.h */
