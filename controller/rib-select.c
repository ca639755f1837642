/* SPDX-License-Identifier: Apache-2.0 */
/* What is told about routes: best path and ECMP of unicast MAC routes and
 * prefixes, the replication lists of broadcast-MAC routes. */
#include <config.h>
#include "controller/rib-private.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/list.h"
#include "util.h"

#define DEFAULT_LOCAL_PREF 100

static uint32_t
local_pref(const struct xmpp_evpn *route)
{
    return route->local_pref ? route->local_pref : DEFAULT_LOCAL_PREF;
}

/* As BGP does, the local preference comes before the mobility sequence: the
 * stale copies of a standby ToR agent (preference 1, sequence 0) lose both
 * ways, and a moved MAC has the higher sequence at the same preference. */
static int
compare_preference(const struct xmpp_evpn *a, const struct xmpp_evpn *b)
{
    if (local_pref(a) != local_pref(b)) {
        return local_pref(a) > local_pref(b) ? -1 : 1;
    }
    return a->sequence > b->sequence ? -1 : a->sequence < b->sequence;
}

/* Best first.  The second half only makes the order stable. */
static int
compare_paths(const struct rib_path *a, const struct rib_path *b)
{
    int order = compare_preference(&a->attrs, &b->attrs);

    if (!order) {
        order = memcmp(&a->attrs.next_hops[0].ip, &b->attrs.next_hops[0].ip,
                       sizeof a->attrs.next_hops[0].ip);
    }
    return order ? order : strcmp(a->sub->client->name, b->sub->client->name);
}

bool
rib_path_is_better(const struct rib_path *a, const struct rib_path *b)
{
    return compare_paths(a, b) < 0;
}

const struct rib_path *
rib_route_best(const struct rib_route *route)
{
    const struct rib_path *best = NULL, *path;

    LIST_FOR_EACH (path, route_node, &route->paths) {
        if (!best || rib_path_is_better(path, best)) {
            best = path;
        }
    }
    return best;
}

/* Makes of what a publisher said what others are told. */
static void
drop_what_is_not_its_to_say(struct xmpp_evpn *out,
                            const struct rib_instance *instance)
{
    free(out->olist);
    free(out->leaf_olist);
    out->olist = out->leaf_olist = NULL;
    out->n_olist = out->n_leaf_olist = 0;
    free(out->virtual_network);
    out->virtual_network = nullable_xstrdup(instance->virtual_network);
    out->local_pref = local_pref(out);
    out->edge_replication_not_supported = false;
    out->assisted_replication_supported = false;
    out->replicator = in6addr_any;
}

void
rib_route_merge(const struct rib_route *route, struct xmpp_evpn *out)
{
    const struct rib_path *best = rib_route_best(route), *path;

    xmpp_evpn_init(out);
    xmpp_evpn_copy(out, &best->attrs);
    LIST_FOR_EACH (path, route_node, &route->paths) {
        const struct tunnel_dst *hop = &path->attrs.next_hops[0];

        if (!compare_preference(&path->attrs, &best->attrs)
            && !xmpp_evpn_has_next_hop(out, &hop->ip)) {
            xmpp_evpn_add_next_hop_of(out, &path->attrs, 0);
        }
    }
    xmpp_evpn_sort_next_hops(out);
    drop_what_is_not_its_to_say(out, route->instance);
}

static const struct tunnel_dst *
bum_address(const struct rib_bum *bum)
{
    return &bum->attrs.next_hops[0];
}

static bool
is_leaf(const struct rib_bum *bum)
{
    return tsn_ip_is_set(&bum->attrs.replicator);
}

/* By endpoint, then the one that wins.  An active and a standby ToR agent
 * publish the same endpoint of the same switch: that is one member. */
static int
compare_bums(const void *a_, const void *b_)
{
    const struct rib_bum *a = *(const struct rib_bum *const *) a_;
    const struct rib_bum *b = *(const struct rib_bum *const *) b_;
    int order = memcmp(&bum_address(a)->ip, &bum_address(b)->ip,
                       sizeof bum_address(a)->ip);

    if (!order && a->attrs.tag != b->attrs.tag) {
        order = a->attrs.tag < b->attrs.tag ? -1 : 1;
    }
    if (!order) {
        order = compare_preference(&a->attrs, &b->attrs);
    }
    return order ? order : strcmp(a->sub->client->name, b->sub->client->name);
}

static bool
same_member(const struct rib_bum *a, const struct rib_bum *b)
{
    return tsn_ip_equals(&bum_address(a)->ip, &bum_address(b)->ip)
           && a->attrs.tag == b->attrs.tag;
}

const struct rib_bum **
rib_bum_members(const struct rib_instance *instance, size_t *np)
{
    const struct rib_bum **members
        = xmalloc(ovs_list_size(&instance->bums) * sizeof *members);
    const struct rib_bum *bum;
    size_t n = 0, n_unique = 0;

    LIST_FOR_EACH (bum, instance_node, &instance->bums) {
        /* Without a label nobody can send to it. */
        if (!bum->withdrawn && bum_address(bum)->label
            && xmpp_evpn_is_broadcast(&bum->attrs)) {
            members[n++] = bum;
        }
    }
    if (n) {
        qsort(members, n, sizeof *members, compare_bums);
    }
    for (size_t i = 0; i < n; i++) {
        if (!n_unique || !same_member(members[n_unique - 1], members[i])) {
            members[n_unique++] = members[i];
        }
    }
    *np = n_unique;
    return members;
}

static void
add_member(struct tunnel_dst **list, size_t *n, size_t n_max,
           const struct rib_bum *member)
{
    if (!*list) {
        *list = xmalloc(n_max * sizeof **list);
    }
    (*list)[(*n)++] = *bum_address(member);
}

bool
rib_bum_lists(const struct rib_bum *local,
              const struct rib_bum *const members[], size_t n,
              struct xmpp_evpn *out)
{
    const struct xmpp_evpn *own = &local->attrs;

    xmpp_evpn_init(out);
    if (!local->withdrawn && !xmpp_evpn_is_broadcast(own)) {
        xmpp_evpn_copy(out, own);
        drop_what_is_not_its_to_say(out, local->sub->instance);
        return true;
    }
    if (local->withdrawn || is_leaf(local)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct rib_bum *member = members[i];

        if (tsn_ip_equals(&bum_address(member)->ip,
                          &bum_address(local)->ip)) {
            continue;
        }
        if (is_leaf(member)) {
            if (own->assisted_replication_supported
                && tsn_ip_equals(&member->attrs.replicator,
                                 &bum_address(local)->ip)) {
                add_member(&out->leaf_olist, &out->n_leaf_olist, n, member);
            }
        } else if (own->edge_replication_not_supported
                   || member->attrs.edge_replication_not_supported) {
            add_member(&out->olist, &out->n_olist, n, member);
        }
        /* Else the label tree connects the two. */
    }
    if (!out->n_olist && !out->n_leaf_olist) {
        return false;
    }

    out->tag = own->tag;
    out->mac = own->mac;
    out->ip = own->ip;
    out->plen = own->plen;
    out->virtual_network =
        nullable_xstrdup(local->sub->instance->virtual_network);
    out->local_pref = local_pref(own);
    out->sequence = own->sequence;
    return true;
}
