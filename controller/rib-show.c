/* SPDX-License-Identifier: Apache-2.0 */
/* What people see of the routes. */
#include <config.h>
#include "controller/rib-private.h"

#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "util.h"

void
ctrl_rib_client_stats(const struct ctrl_rib_client *client,
                      struct ctrl_rib_client_stats *stats)
{
    stats->n_subscriptions = shash_count(&client->subs);
    stats->n_routes = client->n_routes;
    stats->n_trees = client->n_members;
    stats->n_items = client->n_items;
    stats->n_retracts = client->n_retracts;
}

void
ctrl_rib_instance_stats(const struct ctrl_rib *rib, const char *name,
                        struct ctrl_rib_instance_stats *stats)
{
    const struct rib_instance *instance = shash_find_data(&rib->instances,
                                                          name);

    *stats = (struct ctrl_rib_instance_stats) { .known = false };
    if (instance) {
        stats->known = instance->known;
        const struct rib_sub *sub;

        LIST_FOR_EACH (sub, instance_node, &instance->subs) {
            stats->n_subscribers += sub->client->ops && !sub->stale;
        }
        stats->n_routes = hmap_count(&instance->routes)
                          - instance->n_gone
                          + ovs_list_size(&instance->bums);
    }
}

static int
compare_routes(const void *a_, const void *b_)
{
    const struct xmpp_evpn *a = &(*(struct rib_route *const *) a_)->sent;
    const struct xmpp_evpn *b = &(*(struct rib_route *const *) b_)->sent;
    int order = eth_addr_compare_3way(a->mac, b->mac);

    if (!order) {
        order = memcmp(&a->ip, &b->ip, sizeof a->ip);
    }
    if (!order) {
        order = (int) a->plen - (int) b->plen;
    }
    return order ? order : a->tag < b->tag ? -1 : a->tag > b->tag;
}

static void
for_each_path(const struct rib_instance *instance, ctrl_rib_path_fn *fn,
              void *aux)
{
    const struct rib_bum *bum;

    LIST_FOR_EACH (bum, instance_node, &instance->bums) {
        if (!bum->withdrawn) {
            const struct ctrl_rib_path_info info = {
                .instance = instance->name,
                .route = &bum->attrs,
                .publisher = bum->sub->client->name,
                .best = true,
                .stale = bum->stale,
            };

            fn(&info, aux);
        }
    }

    size_t n = hmap_count(&instance->routes), i = 0;
    struct rib_route **routes = xmalloc(n * sizeof *routes);
    struct rib_route *route;
    HMAP_FOR_EACH (route, node, &instance->routes) {
        routes[i++] = route;
    }
    if (n) {
        qsort(routes, n, sizeof *routes, compare_routes);
    }
    for (i = 0; i < n; i++) {
        const struct rib_path *best = rib_route_best(routes[i]), *path;

        LIST_FOR_EACH (path, route_node, &routes[i]->paths) {
            const struct ctrl_rib_path_info info = {
                .instance = instance->name,
                .route = &path->attrs,
                .publisher = path->sub->client->name,
                .best = path == best,
                .stale = rib_path_is_stale(path),
            };

            fn(&info, aux);
        }
    }
    free(routes);
}

void
ctrl_rib_for_each_path(const struct ctrl_rib *rib, ctrl_rib_path_fn *fn,
                       void *aux)
{
    const struct shash_node **nodes = shash_sort(&rib->instances);

    for (size_t i = 0; i < shash_count(&rib->instances); i++) {
        for_each_path(nodes[i]->data, fn, aux);
    }
    free(nodes);
}

void
ctrl_rib_for_each_member(const struct ctrl_rib *rib, ctrl_rib_member_fn *fn,
                         void *aux)
{
    const struct shash_node **nodes = shash_sort(&rib->instances);

    for (size_t i = 0; i < shash_count(&rib->instances); i++) {
        const struct rib_instance *instance = nodes[i]->data;
        const struct ctrl_tree_member *member;

        LIST_FOR_EACH (member, node, &instance->tree.members) {
            fn(instance->name, member, aux);
        }
    }
    free(nodes);
}
