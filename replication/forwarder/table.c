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

static struct fwd_map_slot *
map_slot(const struct fwd_map *map, uint64_t a, uint64_t b)
{
    uint32_t i = fwd_hash(a, b, map->seed);
    struct fwd_map_slot *slot;

    for (; ; i++) {
        slot = &map->slots[i & map->mask];
        if (slot->index == FWD_MAP_FREE || (slot->a == a && slot->b == b)) {
            return slot;
        }
    }
}

/* Of a key that is not there yet. */
static void
map_insert(struct fwd_map *map, uint64_t a, uint64_t b, uint32_t index)
{
    *map_slot(map, a, b) = (struct fwd_map_slot) { a, b, index };
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
compare_labels(const void *a_, const void *b_)
{
    const struct fwd_in_label *a = a_, *b = b_;

    return a->label < b->label ? -1 : a->label > b->label;
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
    map_init(&network->class_map, n);
    for (size_t i = 0; i < n; i++) {
        const struct fwd_member *m = &network->members[i];
        uint64_t key[2];

        memcpy(key, &m->ip, sizeof key);
        struct fwd_map_slot *slot = map_slot(&network->class_map, key[0],
                                             key[1]);
        uint32_t classes = slot->index == FWD_MAP_FREE ? 0 : slot->index;
        *slot = (struct fwd_map_slot) {
            key[0], key[1], classes | 1u << m->class,
        };
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

    network->labels = sorted_copy(spec->labels, spec->n_labels,
                                  sizeof *spec->labels, compare_labels);
    network->n_labels = spec->n_labels;

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
        free(network->class_map.slots);
        free(network->labels);
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
           && array_equals(a->labels, a->n_labels, b->labels, b->n_labels,
                           sizeof *a->labels)
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

/* By label, then network, so by VNI. */
static int
compare_table_labels(const void *a_, const void *b_)
{
    const struct fwd_table_label *a = a_, *b = b_;

    return a->label != b->label ? (a->label < b->label ? -1 : 1)
           : a->network < b->network ? -1 : a->network > b->network;
}

static struct fwd_table_label *
collect_labels(const struct fwd_table *table, size_t *np)
{
    size_t n = 0;

    for (size_t i = 0; i < table->n_networks; i++) {
        n += table->networks[i]->n_labels;
    }
    struct fwd_table_label *labels = xmalloc(MAX(n, 1) * sizeof *labels);

    *np = n;
    n = 0;
    for (size_t i = 0; i < table->n_networks; i++) {
        for (size_t j = 0; j < table->networks[i]->n_labels; j++) {
            const struct fwd_in_label *in = &table->networks[i]->labels[j];

            labels[n++] = (struct fwd_table_label) {
                in->label, in->kind, i,
            };
        }
    }
    qsort(labels, n, sizeof *labels, compare_table_labels);
    return labels;
}

/* The first claim to a label counts. */
static void
index_labels(struct fwd_table *table)
{
    size_t n, allocated = 0;

    table->labels = collect_labels(table, &n);
    map_init(&table->label_map, n);
    for (size_t i = 0; i < n; i++) {
        const struct fwd_table_label claim = table->labels[i];
        const struct fwd_table_label *last
            = table->n_labels ? &table->labels[table->n_labels - 1] : NULL;

        if (!last || last->label != claim.label) {
            map_insert(&table->label_map, claim.label, 0, table->n_labels);
            table->labels[table->n_labels++] = claim;
            continue;
        }
        if (table->n_conflicts == allocated) {
            table->conflicts = x2nrealloc(table->conflicts, &allocated,
                                          sizeof *table->conflicts);
        }
        table->conflicts[table->n_conflicts++] = (struct fwd_label_conflict) {
            .label = claim.label,
            .vni = table->networks[last->network]->net.vni,
            .loser_vni = table->networks[claim.network]->net.vni,
        };
    }
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
    index_labels(table);
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
        free(table->labels);
        free(table->label_map.slots);
        free(table->conflicts);
        free(table);
    }
}
