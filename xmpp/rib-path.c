/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/rib-path.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "packets.h"
#include "util.h"
#include "xmpp/route.h"

/* More than a name takes beside its characters. */
#define NAME_BYTES 64u

struct rib_path {
    struct hmap_node node;      /* In the pool's 'paths', by content. */
    uint32_t n_refs;
    bool unicast;               /* The MAC of 'route' is left out. */
    struct tunnel_dst hop;      /* The next hop of 'route' if it has one. */
    struct xmpp_evpn route;
};

static struct rib_path *
path_cast(const struct xmpp_evpn *route)
{
    return CONTAINER_OF(CONST_CAST(struct xmpp_evpn *, route),
                        struct rib_path, route);
}

void
rib_paths_init(struct rib_paths *pool)
{
    hmap_init(&pool->paths);
    xmpp_names_init(&pool->names);
    pool->n_bytes = 0;
}

void
rib_paths_fini(struct rib_paths *pool)
{
    ovs_assert(hmap_is_empty(&pool->paths));
    hmap_destroy(&pool->paths);
    xmpp_names_fini(&pool->names);
}

static uint32_t
hash_dsts(const struct tunnel_dst *dsts, size_t n, uint32_t hash)
{
    /* Field by field: there is padding. */
    for (size_t i = 0; i < n; i++) {
        hash = hash_bytes(&dsts[i].ip, sizeof dsts[i].ip, hash);
        hash = hash_add(hash_add(hash, dsts[i].label), dsts[i].encaps);
    }
    return hash_add(hash, n);
}

static uint32_t
hash_more(const struct xmpp_evpn_more *more, uint32_t hash)
{
    for (size_t i = 0; i < more->n_hops; i++) {
        const struct xmpp_hop_more *hop = &more->hops[i];

        hash = hash_bytes(&hop->router_mac, sizeof hop->router_mac, hash);
        hash = hash_add(hash_add(hash, hop->l3_label), hop->local_sequence);
        hash = hash_add(hash, hop->n_tags);
    }
    return hash;
}

/* Of all that routes mostly differ in. */
static uint32_t
hash_route(const struct xmpp_evpn *route)
{
    uint32_t hash = xmpp_evpn_key_hash(route);

    hash = hash_dsts(route->next_hops, route->n_next_hops, hash);
    hash = hash_dsts(route->olist, route->n_olist, hash);
    hash = hash_dsts(route->leaf_olist, route->n_leaf_olist, hash);
    if (route->n_security_groups) {
        hash = hash_bytes(route->security_groups,
                          route->n_security_groups
                          * sizeof *route->security_groups, hash);
    }
    if (route->more) {
        hash = hash_more(route->more, hash);
    }
    hash = hash_add(hash_add(hash, route->local_pref), route->med);
    return hash_finish(hash_add(hash, route->sequence), 0);
}

/* What a path of 'route' is found by: 'route' as it is in it. */
struct content {
    struct xmpp_evpn route;
    bool unicast;
    uint32_t hash;
};

/* Borrows what 'route' owns. */
static void
init_content(struct content *c, const struct xmpp_evpn *route)
{
    c->route = *route;
    c->unicast = !eth_addr_is_multicast(route->mac)
                 && !eth_addr_is_zero(route->mac);
    if (c->unicast) {
        c->route.mac = eth_addr_zero;
    }
    c->hash = hash_route(&c->route);
}

static struct rib_path *
find(const struct rib_paths *pool, const struct content *c)
{
    struct rib_path *path;

    HMAP_FOR_EACH_WITH_HASH (path, node, c->hash, &pool->paths) {
        if (path->unicast == c->unicast
            && xmpp_evpn_equals(&path->route, &c->route)) {
            return path;
        }
    }
    return NULL;
}

/* Moves what 'route' owns to where it takes less. */
static void
compact(struct rib_paths *pool, struct rib_path *path)
{
    struct xmpp_evpn *own = &path->route;

    if (own->n_next_hops == 1) {
        path->hop = own->next_hops[0];
        free(own->next_hops);
        own->next_hops = &path->hop;
    }
    if (own->virtual_network) {
        size_t n_bytes = pool->names.n_bytes;
        const char *name = xmpp_names_get(&pool->names, own->virtual_network);

        free(own->virtual_network);
        own->virtual_network = CONST_CAST(char *, name);
        pool->n_bytes += pool->names.n_bytes - n_bytes;
    }
}

/* Takes over what 'c' borrows. */
static struct rib_path *
create(struct rib_paths *pool, const struct content *c)
{
    struct rib_path *path = xmalloc(sizeof *path);

    path->n_refs = 1;
    path->unicast = c->unicast;
    path->route = c->route;
    compact(pool, path);
    hmap_insert(&pool->paths, &path->node, c->hash);
    pool->n_bytes += rib_path_size(&path->route);
    return path;
}

const struct xmpp_evpn *
rib_path_get(struct rib_paths *pool, struct xmpp_evpn *route, size_t room)
{
    struct content c;

    init_content(&c, route);
    struct rib_path *path = find(pool, &c);
    if (path) {
        path->n_refs++;
        xmpp_evpn_fini(route);
        return &path->route;
    }
    const char *vn = route->virtual_network;
    if (rib_path_size(route) + (vn ? strlen(vn) + NAME_BYTES : 0) > room) {
        return NULL;
    }
    return &create(pool, &c)->route;
}

const struct xmpp_evpn *
rib_path_get_copy(struct rib_paths *pool, const struct xmpp_evpn *route)
{
    struct content c;

    init_content(&c, route);
    struct rib_path *path = find(pool, &c);
    if (path) {
        path->n_refs++;
    } else {
        struct xmpp_evpn borrowed = c.route;
        xmpp_evpn_copy(&c.route, &borrowed);
        path = create(pool, &c);
    }
    return &path->route;
}

const struct xmpp_evpn *
rib_path_ref(const struct xmpp_evpn *route)
{
    path_cast(route)->n_refs++;
    return route;
}

void
rib_path_unref(struct rib_paths *pool, const struct xmpp_evpn *route)
{
    struct rib_path *path = path_cast(route);
    struct xmpp_evpn *own = &path->route;

    if (--path->n_refs) {
        return;
    }
    hmap_remove(&pool->paths, &path->node);
    pool->n_bytes -= rib_path_size(own);
    /* What it does not own by itself. */
    if (own->next_hops == &path->hop) {
        own->next_hops = NULL;
    }
    if (own->virtual_network) {
        size_t n_bytes = pool->names.n_bytes;

        xmpp_names_put(&pool->names, own->virtual_network);
        own->virtual_network = NULL;
        pool->n_bytes -= n_bytes - pool->names.n_bytes;
    }
    xmpp_evpn_fini(own);
    free(path);
}

bool
rib_path_is_unicast(const struct xmpp_evpn *route)
{
    return path_cast(route)->unicast;
}

const struct xmpp_evpn *
rib_path_route(const struct xmpp_evpn *path, const struct eth_addr *mac,
               struct xmpp_evpn *buf)
{
    if (!rib_path_is_unicast(path)) {
        return path;
    }
    *buf = *path;
    buf->mac = *mac;
    return buf;
}

size_t
rib_path_size(const struct xmpp_evpn *route)
{
    size_t n_tunnels = route->n_olist + route->n_leaf_olist
                       + (route->n_next_hops > 1 ? route->n_next_hops : 0);

    return sizeof(struct rib_path) + n_tunnels * sizeof *route->next_hops
           + route->n_security_groups * sizeof *route->security_groups
           + xmpp_evpn_more_size(route);
}
