/* SPDX-License-Identifier: Apache-2.0 */
/* Routes as values, and reading them.  route-put.c writes them. */
#include <config.h>
#include "xmpp/route.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "util.h"

#include "tsn/error.h"
#include "xmpp/route-private.h"
#include "xmpp/value.h"
#include "xmpp/xml.h"

const struct xmpp_encap xmpp_encaps[XMPP_N_ENCAPS] = {
    { "gre", TSN_ENCAP_MPLS_GRE },
    { "udp", TSN_ENCAP_MPLS_UDP },
    { "vxlan", TSN_ENCAP_VXLAN },
    /* Control nodes up to R3.2. */
    { "udp-contrail", TSN_ENCAP_MPLS_UDP },
    { "vxlan-contrail", TSN_ENCAP_VXLAN },
};

static struct tunnel_dst *
copy_dsts(const struct tunnel_dst *dsts, size_t n)
{
    return n ? xmemdup(dsts, n * sizeof *dsts) : NULL;
}

static bool
dsts_equal(const struct tunnel_dst *a, size_t n_a,
           const struct tunnel_dst *b, size_t n_b)
{
    if (n_a != n_b) {
        return false;
    }
    for (size_t i = 0; i < n_a; i++) {
        if (!tsn_ip_equals(&a[i].ip, &b[i].ip) || a[i].label != b[i].label
            || a[i].encaps != b[i].encaps) {
            return false;
        }
    }
    return true;
}

void
xmpp_evpn_init(struct xmpp_evpn *route)
{
    *route = (struct xmpp_evpn) { .plen = 32 };
}

void
xmpp_evpn_fini(struct xmpp_evpn *route)
{
    free(route->next_hops);
    free(route->olist);
    free(route->leaf_olist);
    free(route->virtual_network);
    free(route->security_groups);
    route_more_free(route->more);
}

void
xmpp_evpn_copy(struct xmpp_evpn *dst, const struct xmpp_evpn *src)
{
    *dst = *src;
    dst->next_hops = copy_dsts(src->next_hops, src->n_next_hops);
    dst->olist = copy_dsts(src->olist, src->n_olist);
    dst->leaf_olist = copy_dsts(src->leaf_olist, src->n_leaf_olist);
    dst->virtual_network = nullable_xstrdup(src->virtual_network);
    dst->security_groups = src->n_security_groups
        ? xmemdup(src->security_groups,
                  src->n_security_groups * sizeof *src->security_groups)
        : NULL;
    dst->more = route_more_clone(src->more);
}

bool
xmpp_evpn_equals(const struct xmpp_evpn *a, const struct xmpp_evpn *b)
{
    return xmpp_evpn_key_equals(a, b)
           && dsts_equal(a->next_hops, a->n_next_hops,
                         b->next_hops, b->n_next_hops)
           && dsts_equal(a->olist, a->n_olist, b->olist, b->n_olist)
           && dsts_equal(a->leaf_olist, a->n_leaf_olist,
                         b->leaf_olist, b->n_leaf_olist)
           && nullable_string_is_equal(a->virtual_network, b->virtual_network)
           && a->n_security_groups == b->n_security_groups
           && (!a->n_security_groups
               || !memcmp(a->security_groups, b->security_groups,
                          a->n_security_groups * sizeof *a->security_groups))
           && a->local_pref == b->local_pref
           && a->med == b->med
           && a->sequence == b->sequence
           && a->sticky == b->sticky
           && (a->edge_replication_not_supported
               == b->edge_replication_not_supported)
           && (a->assisted_replication_supported
               == b->assisted_replication_supported)
           && a->etree_leaf == b->etree_leaf
           && tsn_ip_equals(&a->replicator, &b->replicator)
           && route_more_equals(a->more, b->more);
}

enum xmpp_evpn_type
xmpp_evpn_type(const struct xmpp_evpn *route)
{
    return route->more && tsn_ip_is_set(&route->more->group) ? XMPP_EVPN_GROUP
           : eth_addr_is_broadcast(route->mac) ? XMPP_EVPN_BROADCAST
           : eth_addr_is_zero(route->mac) ? XMPP_EVPN_PREFIX
           : XMPP_EVPN_MAC;
}

bool
xmpp_evpn_is_broadcast(const struct xmpp_evpn *route)
{
    return xmpp_evpn_type(route) == XMPP_EVPN_BROADCAST;
}

bool
xmpp_evpn_has_next_hop(const struct xmpp_evpn *route,
                       const struct in6_addr *ip)
{
    for (size_t i = 0; i < route->n_next_hops; i++) {
        if (tsn_ip_equals(&route->next_hops[i].ip, ip)) {
            return true;
        }
    }
    return false;
}

void
xmpp_evpn_add_next_hop(struct xmpp_evpn *route, const struct in6_addr *ip,
                       uint32_t label, uint8_t encaps)
{
    size_t n = route->n_next_hops++;

    route->next_hops = xrealloc(route->next_hops,
                                (n + 1) * sizeof *route->next_hops);
    route->next_hops[n] = (struct tunnel_dst) {
        .ip = *ip, .label = label, .encaps = encaps,
    };
}

void
xmpp_mcast_init(struct xmpp_mcast *route)
{
    *route = (struct xmpp_mcast) { 0 };
}

void
xmpp_mcast_fini(struct xmpp_mcast *route)
{
    free(route->olist);
}

void
xmpp_mcast_copy(struct xmpp_mcast *dst, const struct xmpp_mcast *src)
{
    *dst = *src;
    dst->olist = copy_dsts(src->olist, src->n_olist);
}

/* Fills 'err' with what is wrong with the text of an element. */
int
route_bad_value(const struct xmpp_node *node, struct tsn_err *err)
{
    tsn_err_set(err, NULL, "bad <%s>: \"%.64s\"", node->name, node->text);
    return -EBADMSG;
}

/* Reads the number in the child 'name' of 'parent', 0 if there is none. */
int
route_get_uint(const struct xmpp_node *parent, const char *name,
               uint32_t max, uint32_t *value, struct tsn_err *err)
{
    const struct xmpp_node *child = xmpp_node_child(parent, name);
    uint64_t v = 0;

    if (child && xmpp_value_uint(child->text, max, &v)) {
        return route_bad_value(child, err);
    }
    *value = v;
    return 0;
}

/* Reads the address in the child 'name' of 'parent', none if there is none. */
int
route_get_ip(const struct xmpp_node *parent, const char *name,
             struct in6_addr *ip, struct tsn_err *err)
{
    const struct xmpp_node *child = xmpp_node_child(parent, name);

    *ip = in6addr_any;
    if (child && *child->text && tsn_ip_parse(child->text, ip)) {
        return route_bad_value(child, err);
    }
    if (!tsn_ip_is_set(ip)) {
        *ip = in6addr_any;
    }
    return 0;
}

bool
route_get_bool(const struct xmpp_node *parent, const char *name)
{
    return xmpp_value_bool(xmpp_node_text(parent, name));
}

/* An empty list means GRE, which is how a control node shows it to others;
 * one of nothing but unknown names gives no bit at all. */
uint8_t
route_get_encaps(const struct xmpp_node *next_hop)
{
    const struct xmpp_node *list = xmpp_node_child(
        next_hop, "tunnel-encapsulation-list");
    const struct xmpp_node *encap;
    bool empty = true;
    uint8_t encaps = 0;

    XMPP_NODE_FOR_EACH (encap, list, "tunnel-encapsulation") {
        empty = false;
        for (size_t i = 0; i < XMPP_N_ENCAPS; i++) {
            if (!strcmp(encap->text, xmpp_encaps[i].name)) {
                encaps |= xmpp_encaps[i].bit;
            }
        }
    }
    return empty ? TSN_ENCAP_MPLS_GRE : encaps;
}

/* Reads the rarer children of a <next-hop>, and keeps them as those of next
 * hop 'i' of 'route', unless that is NULL. */
static int
get_hop_more(const struct xmpp_node *next_hop, struct xmpp_evpn *route,
             size_t i, struct tsn_err *err)
{
    struct xmpp_hop_more more;
    int error = route_get_hop_more(next_hop, &more, err);

    if (error) {
        return error;
    }
    if (route && !route_hop_more_is_empty(&more)) {
        *xmpp_evpn_get_hop_more(route, i) = more;
    } else {
        route_hop_more_fini(&more);
    }
    return 0;
}

/* Reads the <next-hop> elements of the child 'name' of 'entry'.  They are next
 * hops of 'route', or only have to be well-formed where that is NULL. */
static int
get_dsts(const struct xmpp_node *entry, const char *name,
         struct xmpp_evpn *route, struct tunnel_dst **dsts, size_t *n,
         struct tsn_err *err)
{
    const struct xmpp_node *list = xmpp_node_child(entry, name);
    const struct xmpp_node *next_hop;
    size_t allocated = 0;

    XMPP_NODE_FOR_EACH (next_hop, list, "next-hop") {
        struct tunnel_dst dst = { .encaps = route_get_encaps(next_hop) };
        uint32_t family;        /* Says nothing that the address does not. */

        if (*n >= XMPP_MAX_NEXT_HOPS) {
            tsn_err_set(err, NULL, "more than %d elements in <%s>",
                        XMPP_MAX_NEXT_HOPS, name);
            return -EBADMSG;
        }
        if (route_get_uint(next_hop, "af", UINT16_MAX, &family, err)
            || route_get_ip(next_hop, "address", &dst.ip, err)
            || route_get_uint(next_hop, "label", TSN_VNI_MAX, &dst.label, err)
            || get_hop_more(next_hop, route, *n, err)) {
            return -EBADMSG;
        }
        if (*n >= allocated) {
            *dsts = x2nrealloc(*dsts, &allocated, sizeof **dsts);
        }
        (*dsts)[(*n)++] = dst;
    }
    return 0;
}

/* Whether 'nlri' is of that family. */
int
route_check_family(const struct xmpp_node *nlri, uint32_t afi, uint32_t safi,
                   struct tsn_err *err)
{
    uint32_t af, sf;

    if (route_get_uint(nlri, "af", UINT16_MAX, &af, err)
        || route_get_uint(nlri, "safi", UINT8_MAX, &sf, err)) {
        return -EBADMSG;
    }
    if (af != afi || sf != safi) {
        tsn_err_set(err, NULL, "address family %"PRIu32"/%"PRIu32" instead of "
                    "%"PRIu32"/%"PRIu32, af, sf, afi, safi);
        return -EBADMSG;
    }
    return 0;
}

/* Of a route that is not a prefix, the lengths that stand for one address;
 * with no address also 0. */
static bool
is_host_plen(const struct in6_addr *ip, uint8_t plen)
{
    return plen == (tsn_ip_is_v4(ip) ? 32 : 128)
           || (!plen && !tsn_ip_is_set(ip));
}

/* Reads the address, once the rest of the key is known. */
static int
get_prefix(const struct xmpp_node *address, struct xmpp_evpn *route,
           struct tsn_err *err)
{
    bool any_plen = xmpp_evpn_type(route) == XMPP_EVPN_PREFIX;
    struct in6_addr ip;
    uint8_t plen;

    if (!address || !*address->text) {
        if (any_plen) {
            tsn_err_set(err, NULL, "a prefix route without prefix");
            return -EBADMSG;
        }
        return 0;
    }
    if (tsn_prefix_parse(address->text, &ip, &plen)
        || (!any_plen && !is_host_plen(&ip, plen))) {
        return route_bad_value(address, err);
    }
    if (any_plen || tsn_ip_is_set(&ip)) {
        route->ip = ip;
        route->plen = plen;
    }
    return 0;
}

/* A server shows "0.0.0.0" where there is no group (8). */
static int
get_group(const struct xmpp_node *nlri, struct xmpp_evpn *route,
          struct tsn_err *err)
{
    struct in6_addr group, source;
    uint32_t flags;

    if (route_get_ip(nlri, "group", &group, err)
        || route_get_ip(nlri, "source", &source, err)
        || route_get_uint(nlri, "flags", UINT32_MAX, &flags, err)) {
        return -EBADMSG;
    }
    if (tsn_ip_is_set(&group)) {
        xmpp_evpn_set_group(route, &group, &source, flags);
    }
    return 0;
}

/* Reads the key and the flags beside it. */
static int
get_evpn_key(const struct xmpp_node *nlri, struct xmpp_evpn *route,
             struct tsn_err *err)
{
    if (route_check_family(nlri, 25, 242, err)
        || route_get_uint(nlri, "ethernet-tag", UINT32_MAX, &route->tag,
                          err)) {
        return -EBADMSG;
    }

    const struct xmpp_node *mac = xmpp_node_child(nlri, "mac");
    if (mac && xmpp_value_mac(mac->text, &route->mac)) {
        return route_bad_value(mac, err);
    }
    if (get_group(nlri, route, err)) {
        return -EBADMSG;
    }
    return get_prefix(xmpp_node_child(nlri, "address"), route, err);
}

int
route_get_mobility(const struct xmpp_node *entry, bool *stickyp,
                   uint32_t *sequencep, struct tsn_err *err)
{
    const struct xmpp_node *mobility = xmpp_node_child(entry, "mobility");
    const char *seqno = xmpp_node_attr(mobility, "seqno");
    const char *sticky = xmpp_node_attr(mobility, "sticky");
    uint64_t sequence = 0;

    if (seqno && xmpp_value_uint(seqno, UINT32_MAX, &sequence)) {
        tsn_err_set(err, NULL, "bad seqno: \"%.64s\"", seqno);
        return -EBADMSG;
    }
    if (route_get_uint(entry, "sequence-number", UINT32_MAX, sequencep, err)) {
        return -EBADMSG;
    }
    *stickyp = sticky && xmpp_value_bool(sticky);
    if (sequence) {
        *sequencep = sequence;
    }
    return 0;
}

int
route_get_security_groups(const struct xmpp_node *entry, uint32_t **groupsp,
                          size_t *np, struct tsn_err *err)
{
    const struct xmpp_node *list = xmpp_node_child(entry,
                                                   "security-group-list");
    const struct xmpp_node *group;
    size_t allocated = 0;

    XMPP_NODE_FOR_EACH (group, list, "security-group") {
        uint64_t id;

        if (*np >= XMPP_MAX_SECURITY_GROUPS) {
            tsn_err_set(err, NULL, "more than %d security groups",
                        XMPP_MAX_SECURITY_GROUPS);
            return -EBADMSG;
        }
        if (xmpp_value_uint(group->text, UINT32_MAX, &id)) {
            return route_bad_value(group, err);
        }
        if (*np >= allocated) {
            *groupsp = x2nrealloc(*groupsp, &allocated, sizeof **groupsp);
        }
        (*groupsp)[(*np)++] = id;
    }
    return 0;
}

static int
get_evpn(const struct xmpp_node *entry, struct xmpp_evpn *route,
         struct tsn_err *err)
{
    int error = get_evpn_key(xmpp_node_child(entry, "nlri"), route, err);
    bool sticky;

    if (error) {
        return error;
    }
    if (get_dsts(entry, "next-hops", route, &route->next_hops,
                 &route->n_next_hops, err)
        || get_dsts(entry, "olist", NULL, &route->olist, &route->n_olist, err)
        || get_dsts(entry, "leaf-olist", NULL, &route->leaf_olist,
                    &route->n_leaf_olist, err)
        || route_get_mobility(entry, &sticky, &route->sequence, err)
        || route_get_security_groups(entry, &route->security_groups,
                                     &route->n_security_groups, err)
        || route_get_uint(entry, "local-preference", UINT32_MAX,
                          &route->local_pref, err)
        || route_get_uint(entry, "med", UINT32_MAX, &route->med, err)
        || route_get_ip(entry, "replicator-address", &route->replicator,
                        err)) {
        return -EBADMSG;
    }

    route->sticky = sticky;
    const char *vn = xmpp_node_text(entry, "virtual-network");
    route->virtual_network = *vn ? xstrdup(vn) : NULL;
    route->edge_replication_not_supported
        = route_get_bool(entry, "edge-replication-not-supported");
    route->assisted_replication_supported
        = route_get_bool(entry, "assisted-replication-supported");
    route->etree_leaf = route_get_bool(entry, "etree-leaf");
    return 0;
}

int
xmpp_evpn_decode(const struct xmpp_node *entry, struct xmpp_evpn *routep,
                 struct tsn_err *err)
{
    struct xmpp_evpn route;

    xmpp_evpn_init(&route);
    int error = get_evpn(entry, &route, err);
    if (error) {
        xmpp_evpn_fini(&route);
        return error;
    }
    *routep = route;
    return 0;
}

bool
xmpp_mcast_is_broadcast(const struct xmpp_mcast *route)
{
    return (!tsn_ip_is_set(&route->group)
            || (in6_addr_get_mapped_ipv4(&route->group)
                == htonl(INADDR_BROADCAST)))
           && !tsn_ip_is_set(&route->source);
}

/* Reads "FIRST-LAST", of which a control node wants both. */
static int
get_label_range(const struct xmpp_node *next_hop, struct xmpp_mcast *route,
                struct tsn_err *err)
{
    const struct xmpp_node *node = xmpp_node_child(next_hop, "label");
    const char *text = node ? node->text : "";
    size_t first_len = strspn(text, "0123456789");
    size_t last_len = strspn(text + first_len + !!text[first_len],
                             "0123456789");
    uint64_t first = 0, last = 0;

    if (!first_len || text[first_len] != '-' || !last_len
        || text[first_len + 1 + last_len] || first_len > 9
        || xmpp_value_uint(text + first_len + 1, TSN_MPLS_LABEL_MAX, &last)) {
        goto bad;
    }

    char buf[10];
    ovs_strlcpy(buf, text, first_len + 1);
    if (!xmpp_value_uint(buf, TSN_MPLS_LABEL_MAX, &first)
        && first && first <= last) {
        route->label_first = first;
        route->label_last = last;
        return 0;
    }

bad:
    tsn_err_set(err, NULL, "bad label range: \"%.64s\"", text);
    return -EBADMSG;
}

static int
get_mcast(const struct xmpp_node *entry, struct xmpp_mcast *route,
          struct tsn_err *err)
{
    const struct xmpp_node *nlri = xmpp_node_child(entry, "nlri");
    struct in6_addr group, source;

    if (route_check_family(nlri, 1, 241, err)
        || route_get_ip(nlri, "group", &group, err)
        || route_get_ip(nlri, "source", &source, err)
        || route_get_uint(nlri, "source-label", TSN_MPLS_LABEL_MAX,
                          &route->source_label, err)
        || get_dsts(entry, "olist", NULL, &route->olist, &route->n_olist,
                    err)) {
        return -EBADMSG;
    }
    if (!tsn_ip_is_v4(&group)
        || (tsn_ip_is_set(&source) && !tsn_ip_is_v4(&source))) {
        tsn_err_set(err, NULL, "group or source is not an IPv4 address");
        return -EBADMSG;
    }
    route->group = group;
    route->source = source;

    /* Who joins says where and with which labels; a server says neither. */
    const struct xmpp_node *next_hop
        = xmpp_node_child(xmpp_node_child(entry, "next-hops"), "next-hop");
    if (!next_hop) {
        return 0;
    }
    if (xmpp_node_next(next_hop, "next-hop")) {
        tsn_err_set(err, NULL, "more than one next hop");
        return -EBADMSG;
    }
    if (route_get_ip(next_hop, "address", &route->next_hop, err)
        || get_label_range(next_hop, route, err)) {
        return -EBADMSG;
    }
    route->encaps = route_get_encaps(next_hop);
    return 0;
}

int
xmpp_mcast_decode(const struct xmpp_node *entry, struct xmpp_mcast *routep,
                  struct tsn_err *err)
{
    struct xmpp_mcast route;

    xmpp_mcast_init(&route);
    int error = get_mcast(entry, &route, err);
    if (error) {
        xmpp_mcast_fini(&route);
        return error;
    }
    *routep = route;
    return 0;
}
