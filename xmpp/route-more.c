/* SPDX-License-Identifier: Apache-2.0 */
/* What few routes and few next hops have, kept apart so that the others stay
 * small. */
#include <config.h>
#include "xmpp/route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "util.h"

#include "tsn/error.h"
#include "xmpp/route-private.h"
#include "xmpp/value.h"
#include "xmpp/xml.h"

static const struct xmpp_evpn_more no_more;
static const struct xmpp_hop_more no_hop_more;

void
route_hop_more_fini(struct xmpp_hop_more *more)
{
    free(more->tags);
}

bool
route_hop_more_is_empty(const struct xmpp_hop_more *more)
{
    return eth_addr_is_zero(more->router_mac) && !more->l3_label
           && !more->local_sequence && !more->n_tags;
}

static void
copy_hop_more(struct xmpp_hop_more *dst, const struct xmpp_hop_more *src)
{
    *dst = *src;
    dst->tags = src->n_tags
        ? xmemdup(src->tags, src->n_tags * sizeof *src->tags) : NULL;
}

static bool
hop_more_equals(const struct xmpp_hop_more *a, const struct xmpp_hop_more *b)
{
    return eth_addr_equals(a->router_mac, b->router_mac)
           && a->l3_label == b->l3_label
           && a->local_sequence == b->local_sequence
           && a->n_tags == b->n_tags
           && (!a->n_tags
               || !memcmp(a->tags, b->tags, a->n_tags * sizeof *a->tags));
}

void
route_more_free(struct xmpp_evpn_more *more)
{
    if (more) {
        for (size_t i = 0; i < more->n_hops; i++) {
            route_hop_more_fini(&more->hops[i]);
        }
        free(more->hops);
        free(more);
    }
}

struct xmpp_evpn_more *
route_more_clone(const struct xmpp_evpn_more *src)
{
    if (!src) {
        return NULL;
    }

    struct xmpp_evpn_more *more = xmemdup(src, sizeof *src);
    more->hops = NULL;
    if (src->n_hops) {
        more->hops = xmalloc(src->n_hops * sizeof *more->hops);
        for (size_t i = 0; i < src->n_hops; i++) {
            copy_hop_more(&more->hops[i], &src->hops[i]);
        }
    }
    return more;
}

static const struct xmpp_hop_more *
hop_at(const struct xmpp_evpn_more *more, size_t i)
{
    return i < more->n_hops ? &more->hops[i] : &no_hop_more;
}

bool
route_more_equals(const struct xmpp_evpn_more *a,
                  const struct xmpp_evpn_more *b)
{
    if (!a && !b) {
        return true;
    }
    a = a ? a : &no_more;
    b = b ? b : &no_more;
    for (size_t i = 0; i < MAX(a->n_hops, b->n_hops); i++) {
        if (!hop_more_equals(hop_at(a, i), hop_at(b, i))) {
            return false;
        }
    }
    return tsn_ip_equals(&a->group, &b->group)
           && tsn_ip_equals(&a->source, &b->source) && a->flags == b->flags;
}

size_t
xmpp_evpn_more_size(const struct xmpp_evpn *route)
{
    const struct xmpp_evpn_more *more = route->more;

    if (!more) {
        return 0;
    }
    size_t size = sizeof *more + more->n_hops * sizeof *more->hops;
    for (size_t i = 0; i < more->n_hops; i++) {
        size += more->hops[i].n_tags * sizeof *more->hops[i].tags;
    }
    return size;
}

static struct xmpp_evpn_more *
get_more(struct xmpp_evpn *route)
{
    if (!route->more) {
        route->more = xzalloc(sizeof *route->more);
    }
    return route->more;
}

void
xmpp_evpn_set_group(struct xmpp_evpn *route, const struct in6_addr *group,
                    const struct in6_addr *source, uint32_t flags)
{
    struct xmpp_evpn_more *more = get_more(route);

    more->group = *group;
    more->source = *source;
    more->flags = flags;
}

const struct xmpp_hop_more *
xmpp_evpn_hop_more(const struct xmpp_evpn *route, size_t i)
{
    return route->more && i < route->more->n_hops ? &route->more->hops[i]
                                                  : NULL;
}

struct xmpp_hop_more *
xmpp_evpn_get_hop_more(struct xmpp_evpn *route, size_t i)
{
    struct xmpp_evpn_more *more = get_more(route);

    if (i >= more->n_hops) {
        more->hops = xrealloc(more->hops, (i + 1) * sizeof *more->hops);
        memset(&more->hops[more->n_hops], 0,
               (i + 1 - more->n_hops) * sizeof *more->hops);
        more->n_hops = i + 1;
    }
    return &more->hops[i];
}

void
xmpp_evpn_add_next_hop_of(struct xmpp_evpn *route, const struct xmpp_evpn *src,
                          size_t i)
{
    const struct tunnel_dst *hop = &src->next_hops[i];
    const struct xmpp_hop_more *more = xmpp_evpn_hop_more(src, i);

    xmpp_evpn_add_next_hop(route, &hop->ip, hop->label, hop->encaps);
    if (more && !route_hop_more_is_empty(more)) {
        copy_hop_more(xmpp_evpn_get_hop_more(route, route->n_next_hops - 1),
                      more);
    }
}

/* A next hop with what there is about it. */
struct whole_hop {
    struct tunnel_dst dst;
    struct xmpp_hop_more more;
};

static int
compare_hops(const void *a_, const void *b_)
{
    const struct whole_hop *a = a_, *b = b_;

    return memcmp(&a->dst.ip, &b->dst.ip, sizeof a->dst.ip);
}

void
xmpp_evpn_sort_next_hops(struct xmpp_evpn *route)
{
    size_t n = route->n_next_hops;

    if (n < 2) {
        return;
    }

    bool any_more = route->more && route->more->n_hops;
    struct whole_hop *hops = xmalloc(n * sizeof *hops);
    for (size_t i = 0; i < n; i++) {
        hops[i].dst = route->next_hops[i];
        hops[i].more = any_more ? *hop_at(route->more, i) : no_hop_more;
    }
    qsort(hops, n, sizeof *hops, compare_hops);
    if (any_more) {
        xmpp_evpn_get_hop_more(route, n - 1);
    }
    for (size_t i = 0; i < n; i++) {
        route->next_hops[i] = hops[i].dst;
        if (any_more) {
            route->more->hops[i] = hops[i].more;
        }
    }
    free(hops);
}

/* Reading. */

static int
get_tags(const struct xmpp_node *next_hop, struct xmpp_hop_more *more,
         struct tsn_err *err)
{
    const struct xmpp_node *list = xmpp_node_child(next_hop, "tag-list");
    const struct xmpp_node *tag;
    size_t allocated = 0;

    if (!list || !list->children) {
        return 0;
    }

    bool is_new = route_get_bool(next_hop, "is-new-tags-list");
    XMPP_NODE_FOR_EACH (tag, list, "tag") {
        uint64_t v;

        if (more->n_tags >= XMPP_MAX_TAGS) {
            tsn_err_set(err, NULL, "more than %d tags", XMPP_MAX_TAGS);
            return -EBADMSG;
        }
        if (xmpp_value_uint(tag->text, is_new ? XMPP_TAG_MAX : UINT32_MAX,
                            &v)) {
            return route_bad_value(tag, err);
        }
        if (more->n_tags >= allocated) {
            more->tags = x2nrealloc(more->tags, &allocated,
                                    sizeof *more->tags);
        }
        more->tags[more->n_tags++] = is_new ? v
                                     : v >> 16 << 32 | (v & UINT16_MAX);
    }
    return 0;
}

int
route_get_hop_more(const struct xmpp_node *next_hop,
                   struct xmpp_hop_more *morep, struct tsn_err *err)
{
    const struct xmpp_node *mac = xmpp_node_child(next_hop, "mac");
    struct xmpp_hop_more more = no_hop_more;

    *morep = no_hop_more;
    if (mac && xmpp_value_mac(mac->text, &more.router_mac)) {
        return route_bad_value(mac, err);
    }
    if (route_get_uint(next_hop, "l3-label", TSN_VNI_MAX, &more.l3_label, err)
        || route_get_uint(next_hop, "local-sequence-number", UINT32_MAX,
                          &more.local_sequence, err)
        || get_tags(next_hop, &more, err)) {
        route_hop_more_fini(&more);
        return -EBADMSG;
    }
    *morep = more;
    return 0;
}
