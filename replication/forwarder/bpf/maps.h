/* SPDX-License-Identifier: Apache-2.0 */
/* The maps, and the pipeline's look-ups in them.  See abi.h. */
#ifndef FWD_BPF_MAPS_H
#define FWD_BPF_MAPS_H 1

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "replication/forwarder/bpf/abi.h"
#include "replication/forwarder/counters.h"
#include "replication/forwarder/encap.h"
#include "replication/forwarder/pipeline.h"
#include "replication/forwarder/policer.h"

const volatile struct fwd_bpf_constants constants SEC(FWD_BPF_CONSTANTS);

#define ARRAY_OF(NAME, TYPE, N) \
    struct { \
        __uint(type, BPF_MAP_TYPE_ARRAY); \
        __uint(map_flags, BPF_F_MMAPABLE); \
        __uint(max_entries, N); \
        __type(key, __u32); \
        __type(value, TYPE); \
    } NAME SEC(".maps")

#define HASH_OF(NAME, KEY, VALUE, N) \
    struct { \
        __uint(type, BPF_MAP_TYPE_HASH); \
        __uint(map_flags, BPF_F_NO_PREALLOC); \
        __uint(max_entries, N); \
        __type(key, KEY); \
        __type(value, VALUE); \
    } NAME SEC(".maps")

ARRAY_OF(nets, struct fwd_bpf_net, FWD_BPF_MAX_RECORDS);
ARRAY_OF(current, __u64, FWD_BPF_MAX_NETWORKS);
ARRAY_OF(members, struct fwd_bpf_member, FWD_BPF_MAX_MEMBERS);
ARRAY_OF(index, struct fwd_bpf_index, FWD_BPF_MAX_INDEX);
ARRAY_OF(endpoints, struct fwd_bpf_endpoint, FWD_BPF_MAX_ENDPOINTS);
ARRAY_OF(buckets, struct fwd_bucket, FWD_N_BUCKETS);
ARRAY_OF(devs, __u64, FWD_BPF_MAX_DEVS);                /* ifindex. */

HASH_OF(slots, __u32, __u32, FWD_BPF_MAX_NETWORKS);     /* By VNI. */
HASH_OF(addresses, struct fwd_ip, __u32, FWD_BPF_MAX_ENDPOINTS);
HASH_OF(labels, __u32, struct fwd_bpf_label, FWD_BPF_MAX_LABELS);
HASH_OF(macs, struct fwd_bpf_mac_key, struct fwd_mac, FWD_BPF_MAX_MACS);
HASH_OF(arps, struct fwd_bpf_arp_key, struct fwd_arp, FWD_BPF_MAX_ARPS);

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, FWD_BPF_MAX_NETWORKS);
    __type(key, __u32);
    __type(value, struct fwd_bpf_counters);
} counters SEC(".maps");

/* Which copy is next: of each CPU and interface.  The last one has the
 * sequence number of the CPU. */
struct fwd_bpf_state {
    __u64 seq;
    __u32 next;
};
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, FWD_BPF_MAX_DEVS + 1);
    __type(key, __u32);
    __type(value, struct fwd_bpf_state);
} states SEC(".maps");

struct fwd_bpf_devmap {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, FWD_BPF_MAX_DEVS);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(struct bpf_devmap_val));
};

/* One entry for each interface, for a frame with one copy. */
struct fwd_bpf_devmap relays SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, FWD_BPF_MAX_FLOODS);
    __type(key, __u32);
    __array(values, struct fwd_bpf_devmap);
} floods SEC(".maps");

/* The program 'heir' of the process that takes over from this one. */
struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} heirs SEC(".maps");

/* The loader alone uses it, to wait for a grace period. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 1);
    __type(key, __u32);
    __array(values, struct fwd_bpf_devmap);
} grace SEC(".maps");

FWD_INLINE struct fwd_bpf_counters *
counters_of(__u32 slot)
{
    return bpf_map_lookup_elem(&counters, &slot);
}

/* The network that a slot has now. */
FWD_INLINE const struct fwd_bpf_net *
net_in_slot(__u32 slot)
{
    __u64 *record = bpf_map_lookup_elem(&current, &slot);
    if (!record) {
        return 0;
    }
    __u32 key = *(volatile __u64 *) record;
    return bpf_map_lookup_elem(&nets, &key);
}

static inline const struct fwd_net *
fwd_find_net(const struct fwd_table *table, __u32 vni)
{
    __u32 *slot = bpf_map_lookup_elem(&slots, &vni);
    if (!slot) {
        return 0;
    }
    const struct fwd_bpf_net *net = net_in_slot(*slot);
    /* The slot may just have got another network. */
    return net && net->net.vni == vni ? &net->net : 0;
}

FWD_INLINE const struct fwd_bpf_net *
bpf_net_of(const struct fwd_net *net)
{
    return (const struct fwd_bpf_net *) net;
}

/* The host as the pipeline wants it: not volatile, as it never changes, but
 * not for the compiler to read either. */
FWD_INLINE const struct fwd_host *
this_host(void)
{
    const struct fwd_host *p = (const struct fwd_host *) &constants.host;

    asm("" : "+r"(p));
    return p;
}

/* The number of an endpoint; 0 for none. */
FWD_INLINE __u32
find_endpoint(const struct fwd_ip *ip)
{
    __u32 *endpoint = bpf_map_lookup_elem(&addresses, ip);

    return endpoint ? *endpoint : 0;
}

/* Where 'source' is among the members of a network; NULL if it is none. */
FWD_INLINE const struct fwd_bpf_index *
find_index(const struct fwd_bpf_net *net, const struct fwd_ip *source)
{
    __u32 endpoint = find_endpoint(source);
    if (!endpoint) {
        return 0;
    }
    __u32 hash = fwd_bpf_index_hash(endpoint, net->net.seed);

#pragma unroll
    for (int i = 0; i < FWD_BPF_MAX_PROBES; i++) {
        __u32 key = net->index + ((hash + i) & net->index_mask);
        const struct fwd_bpf_index *entry = bpf_map_lookup_elem(&index, &key);

        if (!entry || !entry->endpoint) {
            return 0;
        }
        if (entry->endpoint == endpoint) {
            return entry;
        }
    }
    return 0;
}

static inline const struct fwd_net *
fwd_find_label(const struct fwd_table *table, __u32 label,
               enum fwd_label_kind *kind)
{
    const struct fwd_bpf_label *entry = bpf_map_lookup_elem(&labels, &label);
    if (!entry) {
        return 0;
    }
    *kind = entry->kind;
    const struct fwd_bpf_net *net = net_in_slot(entry->slot);
    return net && net->net.vni == entry->vni ? &net->net : 0;
}

static inline __u32
fwd_find_classes(const struct fwd_table *table, const struct fwd_net *net,
                 const struct fwd_ip *source)
{
    const struct fwd_bpf_index *entry = find_index(bpf_net_of(net), source);
    __u32 classes = 0;

    if (entry) {
#pragma unroll
        for (int i = 0; i < FWD_N_CLASSES; i++) {
            classes |= entry->at[i] != FWD_BPF_NONE ? 1 << i : 0;
        }
    }
    return classes;
}

static inline const struct fwd_mac *
fwd_find_mac(const struct fwd_table *table, const struct fwd_net *net,
             const __u8 *mac)
{
    struct fwd_bpf_mac_key key = { .slot = bpf_net_of(net)->slot };

    __builtin_memcpy(key.mac, mac, sizeof key.mac);
    return bpf_map_lookup_elem(&macs, &key);
}

static inline const struct fwd_arp *
fwd_find_arp(const struct fwd_table *table, const struct fwd_net *net,
             __be32 ip)
{
    struct fwd_bpf_arp_key key = { bpf_net_of(net)->slot, ip };

    return bpf_map_lookup_elem(&arps, &key);
}

static inline struct fwd_bucket *
fwd_bucket_at(void *map, __u32 i)
{
    return bpf_map_lookup_elem(map, &i);
}

#endif /* replication/forwarder/bpf/maps.h */
