/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/table.h"

#include <stdlib.h>

#include "openvswitch/util.h"
#include "random.h"
#include "util.h"

static void
map_init(struct fwd_map *map, size_t n)
{
    if (!n) {
        *map = (struct fwd_map) { .slots = NULL };
        return;
    }

    size_t n_slots = 4;
    while (n_slots < 2 * n) {
        n_slots *= 2;
    }
    map->slots = xcalloc(n_slots, sizeof *map->slots);
    map->mask = n_slots - 1;
    map->seed = random_uint64();
    for (size_t i = 0; i < n_slots; i++) {
        map->slots[i].index = FWD_MAP_FREE;
    }
}

static void
map_insert(struct fwd_map *map, uint64_t a, uint64_t b, uint32_t index)
{
    uint32_t i = fwd_hash(a, b, map->seed);

    while (map->slots[i & map->mask].index != FWD_MAP_FREE) {
        i++;
    }
    map->slots[i & map->mask] = (struct fwd_map_slot) { a, b, index };
}

struct fwd_net_counters *
fwd_net_counters_create(void)
{
    struct fwd_net_counters *counters = xzalloc(sizeof *counters);

    counters->refs = 1;
    return counters;
}

struct fwd_net_counters *
fwd_net_counters_ref(struct fwd_net_counters *counters)
{
    counters->refs++;
    return counters;
}

void
fwd_net_counters_unref(struct fwd_net_counters *counters)
{
    if (counters && !--counters->refs) {
        free(counters);
    }
}

static int
compare_members(const void *a_, const void *b_)
{
    const struct fwd_member *a = a_, *b = b_;

    return a->class != b->class
           ? (int) a->class - (int) b->class
           : memcmp(&a->ip, &b->ip, sizeof a->ip);
}

static int
compare_macs(const void *a, const void *b)
{
    return memcmp(a, b, 6);
}

static int
compare_arps(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(__be32));
}

static void *
sorted_copy(const void *array, size_t n, size_t size,
            int (*compare)(const void *, const void *))
{
    if (!n) {
        return NULL;
    }
    void *copy = xmemdup(array, n * size);
    qsort(copy, n, size, compare);
    return copy;
}

static void
index_members(struct fwd_network *network, size_t n)
{
    map_init(&network->member_map, n);
    for (size_t i = 0; i < n; i++) {
        const struct fwd_member *m = &network->members[i];
        uint64_t key[2];

        memcpy(key, &m->ip, sizeof key);
        map_insert(&network->member_map, key[0], key[1], i);
        if (!network->n_members[m->class]++) {
            network->first[m->class] = i;
        }
    }
}

struct fwd_network *
fwd_network_create(const struct fwd_network_spec *spec,
                   struct fwd_net_counters *counters)
{
    struct fwd_network *network = xzalloc(sizeof *network);

    network->net = spec->net;
    network->counters = fwd_net_counters_ref(counters);
    network->refs = 1;

    network->members = sorted_copy(spec->members, spec->n_members,
                                   sizeof *spec->members, compare_members);
    index_members(network, spec->n_members);

    network->macs = sorted_copy(spec->macs, spec->n_macs, sizeof *spec->macs,
                                compare_macs);
    network->n_macs = spec->n_macs;
    map_init(&network->mac_map, network->n_macs);
    for (uint32_t i = 0; i < network->n_macs; i++) {
        map_insert(&network->mac_map, fwd_mac_key(network->macs[i].addr), 0,
                   i);
    }

    network->arps = sorted_copy(spec->arps, spec->n_arps, sizeof *spec->arps,
                                compare_arps);
    network->n_arps = spec->n_arps;
    map_init(&network->arp_map, network->n_arps);
    for (uint32_t i = 0; i < network->n_arps; i++) {
        map_insert(&network->arp_map, network->arps[i].ip, 0, i);
    }
    return network;
}

struct fwd_network *
fwd_network_ref(struct fwd_network *network)
{
    network->refs++;
    return network;
}

void
fwd_network_unref(struct fwd_network *network)
{
    if (network && !--network->refs) {
        fwd_net_counters_unref(network->counters);
        free(network->members);
        free(network->member_map.slots);
        free(network->macs);
        free(network->mac_map.slots);
        free(network->arps);
        free(network->arp_map.slots);
        free(network);
    }
}

static bool
array_equals(const void *a, size_t n_a, const void *b, size_t n_b, size_t size)
{
    return n_a == n_b && (!n_a || !memcmp(a, b, n_a * size));
}

bool
fwd_network_equals(const struct fwd_network *a, const struct fwd_network *b)
{
    size_t n_a = 0, n_b = 0;

    for (int class = 0; class < FWD_N_CLASSES; class++) {
        n_a += a->n_members[class];
        n_b += b->n_members[class];
    }
    /* Sorted, and without padding that could differ. */
    return !memcmp(&a->net, &b->net, sizeof a->net)
           && array_equals(a->members, n_a, b->members, n_b,
                           sizeof *a->members)
           && array_equals(a->macs, a->n_macs, b->macs, b->n_macs,
                           sizeof *a->macs)
           && array_equals(a->arps, a->n_arps, b->arps, b->n_arps,
                           sizeof *a->arps);
}

static int
compare_networks(const void *a_, const void *b_)
{
    struct fwd_network *const *a = a_, *const *b = b_;

    return (*a)->net.vni < (*b)->net.vni ? -1 : (*a)->net.vni > (*b)->net.vni;
}

struct fwd_table *
fwd_table_create(struct fwd_network *const *networks, size_t n)
{
    struct fwd_table *table = xzalloc(sizeof *table);

    table->networks = sorted_copy(networks, n, sizeof *networks,
                                  compare_networks);
    table->n_networks = n;
    map_init(&table->vni_map, n);
    for (size_t i = 0; i < n; i++) {
        fwd_network_ref(table->networks[i]);
        map_insert(&table->vni_map, table->networks[i]->net.vni, 0, i);
    }
    return table;
}

void
fwd_table_destroy(struct fwd_table *table)
{
    if (table) {
        for (size_t i = 0; i < table->n_networks; i++) {
            fwd_network_unref(table->networks[i]);
        }
        free(table->networks);
        free(table->vni_map.slots);
        free(table);
    }
}
