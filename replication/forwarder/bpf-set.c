/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/bpf-set.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "replication/forwarder/bpf-endpoint.h"
#include "replication/forwarder/bpf-flood.h"
#include "replication/forwarder/bpf-grace.h"
#include "replication/forwarder/bpf-maps.h"
#include "replication/forwarder/bpf-pool.h"
#include "replication/forwarder/encap.h"
#include "replication/forwarder/table.h"
#include "util.h"

/* How often an index may be made twice as large so that its look-ups are
 * short enough. */
#define MAX_DOUBLINGS 4

/* The order of classes in a block, see abi.h. */
static const enum fwd_class block_order[] = { FWD_EVPN, FWD_TOR, FWD_TREE };
BUILD_ASSERT_DECL(ARRAY_SIZE(block_order) == FWD_N_CLASSES);

/* A set that is being written. */
struct draft {
    const struct fwd_bpf_parts *parts;
    const struct fwd_network *network;
    uint32_t n;                 /* Members. */
    struct fwd_bpf_at *at;      /* Of each member. */
    /* Endpoints of those who get the last copies. */
    uint32_t last[FWD_BPF_MAX_DEVS][FWD_N_CLASSES];
    struct fwd_bpf_net net;
};

static uint32_t
network_size(const struct fwd_network *network)
{
    uint32_t n = 0;

    for (int class = 0; class < FWD_N_CLASSES; class++) {
        n += network->n_members[class];
    }
    return n;
}

static void
reuse(void *pool, uint32_t first, uint32_t n)
{
    fwd_bpf_pool_free(pool, first, n);
}

/* Whether one interface has more copies than the programs make of a frame. */
static bool
is_too_large(const struct draft *d)
{
    for (int dev = 0; dev < FWD_BPF_MAX_DEVS; dev++) {
        uint32_t n = 0;

        for (int class = 0; class < FWD_N_CLASSES; class++) {
            n += d->net.devs[dev].n[class];
        }
        if (n > FWD_BPF_MAX_FANOUT) {
            return true;
        }
    }
    return false;
}

/* Sees to it that no frame is copied to 'm' which does not fit into a packet
 * of 'mtu' octets then. */
static void
limit_size(struct draft *d, const struct fwd_member *m, uint32_t mtu)
{
    /* From the tree there are fewer headers to add, never more. */
    const struct fwd_verdict v = { .net = &d->network->net,
                                   .class = FWD_TOR };
    struct fwd_copy copy;

    if (fwd_needs_checksum(&m->ip, m->encap)) {
        d->net.max_size = 0;    /* The host's stack makes it. */
    } else if (mtu) {
        fwd_copy_init(&copy, d->parts->host, &v, m, 0);
        uint32_t headers = fwd_copy_len(&copy);
        d->net.max_size = MIN(d->net.max_size,
                              mtu > headers ? mtu - headers : 0);
    }
}

static void
count_members(struct draft *d)
{
    for (uint32_t i = 0; i < d->n; i++) {
        const struct fwd_member *m = &d->network->members[i];

        d->at[i] = fwd_bpf_endpoint_ref(d->parts->endpoints, &m->ip);
        d->net.devs[d->at[i].dev].n[m->class]++;
        limit_size(d, m, d->at[i].mtu);
    }
}

/* Finds the entry of 'endpoint' in an index, or a free one; NULL if that takes
 * too many steps. */
static struct fwd_bpf_index *
probe(struct fwd_bpf_index *index, uint32_t mask, uint32_t seed,
      uint32_t endpoint)
{
    uint32_t hash = fwd_bpf_index_hash(endpoint, seed);

    for (uint32_t i = 0; i < FWD_BPF_MAX_PROBES; i++) {
        struct fwd_bpf_index *entry = &index[(hash + i) & mask];

        if (!entry->endpoint || entry->endpoint == endpoint) {
            return entry;
        }
    }
    return NULL;
}

/* Writes member 'i' as copy 'at' of its interface.  Returns false if there is
 * no room in the index. */
static bool
write_member(const struct draft *d, uint32_t i, uint16_t at,
             struct fwd_bpf_member *block, struct fwd_bpf_index *index)
{
    const struct fwd_member *m = &d->network->members[i];
    const struct fwd_bpf_at *to = &d->at[i];
    struct fwd_bpf_index *entry = probe(index, d->net.index_mask,
                                        d->net.net.seed, to->endpoint);

    if (!entry) {
        return false;
    }
    block[at] = (struct fwd_bpf_member) {
        .endpoint = to->endpoint,
        .label = (m->label & FWD_BPF_LABEL_MASK)
                 | (uint32_t) m->encap << FWD_BPF_ENCAP_SHIFT
                 | (uint32_t) m->class << FWD_BPF_CLASS_SHIFT,
    };
    if (!entry->endpoint) {
        *entry = (struct fwd_bpf_index) {
            .endpoint = to->endpoint,
            .at = { FWD_BPF_NONE, FWD_BPF_NONE, FWD_BPF_NONE },
            .dev = to->dev,
        };
    }
    entry->at[m->class] = at;
    return true;
}

static void
forget_last(struct draft *d)
{
    for (int dev = 0; dev < FWD_BPF_MAX_DEVS; dev++) {
        memset(d->net.devs[dev].last, 0xff, sizeof d->net.devs[dev].last);
        memset(d->last[dev], 0, sizeof d->last[dev]);
    }
}

/* Member 'i' is copy 'at', behind those before: it gets the last copy of who
 * floods to its class, unless there is one behind it. */
static void
note_last(struct draft *d, uint32_t i, uint16_t at)
{
    enum fwd_class class = d->network->members[i].class;
    const struct fwd_bpf_at *to = &d->at[i];

    for (int source = 0; source < FWD_N_CLASSES && to->ready; source++) {
        uint32_t *endpoint = &d->last[to->dev][source];
        uint16_t *last = d->net.devs[to->dev].last[source];

        if (fwd_flood_classes(source) & 1u << class) {
            if (*endpoint != to->endpoint) {
                last[1] = last[0];
            }
            *endpoint = to->endpoint;
            last[0] = at;
        }
    }
}

/* Writes members and index into their blocks.  Returns false if look-ups in
 * the index would take too long. */
static bool
write_blocks(struct draft *d, uint32_t members, struct fwd_bpf_index *index)
{
    struct fwd_bpf_maps *maps = d->parts->maps;
    uint32_t next[FWD_BPF_MAX_DEVS] = { 0 };

    memset(index, 0, (d->net.index_mask + 1) * sizeof *index);
    forget_last(d);
    for (int dev = 0; dev < FWD_BPF_MAX_DEVS; dev++) {
        d->net.devs[dev].first = members;
        for (int class = 0; class < FWD_N_CLASSES; class++) {
            members += d->net.devs[dev].n[class];
        }
    }
    for (size_t k = 0; k < ARRAY_SIZE(block_order); k++) {
        enum fwd_class class = block_order[k];
        uint32_t first = d->network->first[class];

        for (uint32_t i = first; i < first + d->network->n_members[class];
             i++) {
            unsigned int dev = d->at[i].dev;

            /* Endpoints that there is no room for get nothing. */
            if (!write_member(d, i, next[dev],
                              &maps->members[d->net.devs[dev].first],
                              index)) {
                return false;
            }
            note_last(d, i, next[dev]++);
        }
    }
    return true;
}

static int
write_index(struct draft *d, const struct fwd_bpf_pools *pools,
            struct fwd_bpf_set *set)
{
    uint32_t n = 2;

    while (n < 2 * d->n) {
        n *= 2;
    }
    for (int i = 0; i <= MAX_DOUBLINGS; i++, n *= 2) {
        uint32_t first = fwd_bpf_pool_alloc(pools->index, n);

        if (first == FWD_BPF_POOL_FULL) {
            return -ENOSPC;
        }
        d->net.index = first;
        d->net.index_mask = n - 1;
        if (write_blocks(d, set->members, &d->parts->maps->index[first])) {
            set->index = first;
            set->n_index = n;
            return 0;
        }
        fwd_bpf_pool_free(pools->index, first, n);
    }
    return -ENOSPC;
}

/* Copies of a frame whose source is of a class, by interface. */
static void
count_copies(const struct fwd_bpf_net *net, enum fwd_class source,
             uint32_t copies[FWD_BPF_MAX_DEVS])
{
    uint32_t to = fwd_flood_classes(source);

    for (int dev = 0; dev < FWD_BPF_MAX_DEVS; dev++) {
        copies[dev] = 0;
        for (int class = 0; class < FWD_N_CLASSES; class++) {
            copies[dev] += to & 1u << class ? net->devs[dev].n[class] : 0;
        }
    }
}

/* Chooses the maps for frames whose source is of a class.  Returns false if
 * there is no room for one of them. */
static bool
choose_floods_of(struct draft *d, enum fwd_class class, bool coarse,
                 struct fwd_bpf_set *set)
{
    struct fwd_bpf_floods *floods = d->parts->floods;
    uint32_t copies[FWD_BPF_MAX_DEVS], n = 0;

    count_copies(&d->net, class, copies);
    bool ok = fwd_bpf_flood_ref(floods, copies, coarse,
                                &set->floods[class][0]);
    for (int dev = 0; dev < FWD_BPF_MAX_DEVS; dev++) {
        n += copies[dev];
    }
    d->net.fanout[class] = n;
    for (int dev = 0; ok && n > 1 && dev < FWD_BPF_MAX_DEVS; dev++) {
        if (copies[dev]) {
            copies[dev] -= !coarse;
            ok = fwd_bpf_flood_ref(floods, copies, coarse,
                                   &set->floods[class][1 + dev]);
            copies[dev] += !coarse;
        }
    }
    return ok;
}

static void
unref_floods(const struct fwd_bpf_parts *parts, const struct fwd_bpf_set *set)
{
    for (int class = 0; class < FWD_N_CLASSES; class++) {
        for (int i = 0; i <= FWD_BPF_MAX_DEVS; i++) {
            fwd_bpf_flood_unref(parts->floods, set->floods[class][i]);
        }
    }
}

static bool
choose_floods(struct draft *d, bool coarse, struct fwd_bpf_set *set)
{
    bool ok = true;

    for (int class = 0; ok && class < FWD_N_CLASSES; class++) {
        ok = choose_floods_of(d, class, coarse, set);
    }
    if (!ok) {
        unref_floods(d->parts, set);
        memset(set->floods, 0xff, sizeof set->floods);
    }
    d->net.coarse = coarse;
    BUILD_ASSERT_DECL(sizeof d->net.floods == sizeof set->floods);
    memcpy(d->net.floods, set->floods, sizeof set->floods);
    return ok;
}

static int
write_set(struct draft *d, const struct fwd_bpf_pools *pools,
          struct fwd_bpf_set *set)
{
    /* Places in a block are numbers of 16 bits. */
    if (d->n >= FWD_BPF_NONE) {
        return -EMSGSIZE;
    }
    set->too_large = is_too_large(d);
    if (set->too_large) {
        d->net.max_size = 0;
    }
    set->net = fwd_bpf_pool_alloc(pools->nets, 1);
    if (set->net == FWD_BPF_POOL_FULL) {
        set->net = 0;
        return -ENOSPC;
    }
    set->n_members = MAX(d->n, 1);
    set->members = fwd_bpf_pool_alloc(pools->members, set->n_members);
    if (set->members == FWD_BPF_POOL_FULL) {
        set->n_members = 0;
        return -ENOSPC;
    }
    int error = write_index(d, pools, set);
    if (error) {
        return error;
    }
    d->net.self = set->net;
    memcpy(d->net.floods, set->floods, sizeof set->floods);
    if (!set->too_large && !choose_floods(d, false, set)
        && !choose_floods(d, true, set)) {
        set->too_varied = true;
        d->net.max_size = 0;
    }
    d->parts->maps->nets[set->net] = d->net;
    return 0;
}

int
fwd_bpf_set_write(const struct fwd_bpf_parts *parts,
                  const struct fwd_bpf_pools *pools,
                  const struct fwd_network *network, uint32_t slot,
                  struct fwd_bpf_set *set)
{
    struct draft d = {
        .parts = parts, .network = network,
        .net = { .net = network->net, .slot = slot, .max_size = UINT32_MAX },
    };

    d.n = network_size(network);
    d.at = xmalloc(MAX(d.n, 1) * sizeof *d.at);
    *set = (struct fwd_bpf_set) { .net = 0 };
    memset(set->floods, 0xff, sizeof set->floods);
    count_members(&d);
    int error = write_set(&d, pools, set);
    if (error) {
        fwd_bpf_set_retire(parts, pools, network, set);
        *set = (struct fwd_bpf_set) { .net = 0 };
    }
    free(d.at);
    return error;
}

void
fwd_bpf_set_retire(const struct fwd_bpf_parts *parts,
                   const struct fwd_bpf_pools *pools,
                   const struct fwd_network *network,
                   const struct fwd_bpf_set *set)
{
    uint32_t n = network_size(network);

    for (uint32_t i = 0; i < n; i++) {
        fwd_bpf_endpoint_unref(parts->endpoints, &network->members[i].ip);
    }
    if (!set->net) {
        return;
    }
    fwd_bpf_defer(parts->grace, reuse, pools->nets, set->net, 1);
    if (set->n_members) {
        fwd_bpf_defer(parts->grace, reuse, pools->members, set->members,
                      set->n_members);
    }
    if (set->n_index) {
        fwd_bpf_defer(parts->grace, reuse, pools->index, set->index,
                      set->n_index);
    }
    unref_floods(parts, set);
}
