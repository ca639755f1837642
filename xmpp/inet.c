/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/inet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#include "openvswitch/dynamic-string.h"
#include "tsn/error.h"
#include "xmpp/route-private.h"
#include "xmpp/stanza.h"
#include "xmpp/value.h"
#include "xmpp/xml.h"

/* The names that communities have (RFC 1997, 7611, 9494). */
static const struct {
    const char *name;
    uint32_t value;
} well_known[] = {
    { "accept-own", 0xffff0001 },
    { "llgr-stale", 0xffff0006 },
    { "no-llgr", 0xffff0007 },
    { "accept-own-nexthop", 0xffff0008 },
    { "no-export", 0xffffff01 },
    { "no-advertise", 0xffffff02 },
    { "no-export-subconfed", 0xffffff03 },
};

static const struct {
    const char *name;
    enum xmpp_balance_field bit;
} balance_fields[] = {
    { "l3-source-address", XMPP_BALANCE_L3_SOURCE },
    { "l3-destination-address", XMPP_BALANCE_L3_DESTINATION },
    { "l4-protocol", XMPP_BALANCE_L4_PROTOCOL },
    { "l4-source-port", XMPP_BALANCE_L4_SOURCE_PORT },
    { "l4-destination-port", XMPP_BALANCE_L4_DESTINATION_PORT },
};

static const struct {
    const char *name;
    enum xmpp_sub_protocol value;
} sub_protocols[] = {
    { "interface-static", XMPP_SUB_INTERFACE_STATIC },
    { "service-interface", XMPP_SUB_SERVICE_INTERFACE },
    { "bgpaas", XMPP_SUB_BGPAAS },
};

void
xmpp_inet_fini(struct xmpp_inet *route)
{
    for (size_t i = 0; i < route->n_hops; i++) {
        route_hop_more_fini(&route->hops[i].more);
        free(route->hops[i].virtual_network);
    }
    free(route->hops);
    free(route->virtual_network);
    free(route->security_groups);
    free(route->communities);
}

static bool
is_v6(uint32_t family)
{
    return family == XMPP_FAMILY_INET6;
}

int
xmpp_inet_parse_item_id(const char *id, uint32_t family, struct in6_addr *ipp,
                        uint8_t *plenp)
{
    struct in6_addr ip;
    uint8_t plen;

    if (tsn_prefix_parse(id, &ip, &plen)
        || tsn_ip_is_v4(&ip) == is_v6(family)) {
        return -EINVAL;
    }
    *ipp = ip;
    *plenp = plen;
    return 0;
}

static char *
get_text(const struct xmpp_node *parent, const char *name)
{
    const char *text = xmpp_node_text(parent, name);

    return *text ? xstrdup(text) : NULL;
}

static int
get_key(const struct xmpp_node *nlri, struct xmpp_inet *route,
        struct tsn_err *err)
{
    const struct xmpp_node *address = xmpp_node_child(nlri, "address");

    if (route_check_family(nlri, route->family >> 16,
                           route->family & UINT16_MAX, err)) {
        return -EBADMSG;
    }
    if (!address) {
        tsn_err_set(err, NULL, "no <address>");
        return -EBADMSG;
    }
    return xmpp_inet_parse_item_id(address->text, route->family, &route->ip,
                                   &route->plen)
           ? route_bad_value(address, err) : 0;
}

static int
get_hops(const struct xmpp_node *entry, struct xmpp_inet *route,
         struct tsn_err *err)
{
    const struct xmpp_node *list = xmpp_node_child(entry, "next-hops");
    const struct xmpp_node *node;
    size_t allocated = 0;

    XMPP_NODE_FOR_EACH (node, list, "next-hop") {
        struct xmpp_inet_hop hop = { .dst.encaps = route_get_encaps(node) };
        uint32_t unused;        /* Says nothing, but has to be a number. */

        if (route->n_hops >= XMPP_MAX_NEXT_HOPS) {
            tsn_err_set(err, NULL, "more than %d next hops",
                        XMPP_MAX_NEXT_HOPS);
            return -EBADMSG;
        }
        if (route_get_uint(node, "af", UINT16_MAX, &unused, err)
            || route_get_uint(node, "vni", UINT32_MAX, &unused, err)
            || route_get_ip(node, "address", &hop.dst.ip, err)
            || route_get_uint(node, "label", TSN_VNI_MAX, &hop.dst.label, err)
            || route_get_hop_more(node, &hop.more, err)) {
            return -EBADMSG;
        }
        hop.virtual_network = get_text(node, "virtual-network");
        if (route->n_hops >= allocated) {
            route->hops = x2nrealloc(route->hops, &allocated,
                                     sizeof *route->hops);
        }
        route->hops[route->n_hops++] = hop;
    }
    return 0;
}

/* "AS:VALUE", each of 16 bits, or a name. */
static bool
parse_community(const char *s, uint32_t *value)
{
    for (size_t i = 0; i < ARRAY_SIZE(well_known); i++) {
        if (!strcmp(s, well_known[i].name)) {
            *value = well_known[i].value;
            return true;
        }
    }

    size_t n = strspn(s, "0123456789");
    char as[6];
    uint64_t high, low;
    if (!n || n >= sizeof as || s[n] != ':'
        || !s[n + 1] || s[n + 1 + strspn(s + n + 1, "0123456789")]) {
        return false;
    }
    ovs_strlcpy(as, s, n + 1);
    if (xmpp_value_uint(as, UINT16_MAX, &high)
        || xmpp_value_uint(s + n + 1, UINT16_MAX, &low)) {
        return false;
    }
    *value = high << 16 | low;
    return true;
}

/* Those that are bad are left out, the route counts. */
static int
get_communities(const struct xmpp_node *entry, struct xmpp_inet *route,
                struct tsn_err *err)
{
    const struct xmpp_node *list = xmpp_node_child(entry,
                                                   "community-tag-list");
    const struct xmpp_node *tag;
    size_t allocated = 0;

    XMPP_NODE_FOR_EACH (tag, list, "community-tag") {
        uint32_t value;

        if (!parse_community(tag->text, &value)) {
            continue;
        }
        if (route->n_communities >= XMPP_MAX_COMMUNITIES) {
            tsn_err_set(err, NULL, "more than %d communities",
                        XMPP_MAX_COMMUNITIES);
            return -EBADMSG;
        }
        if (route->n_communities >= allocated) {
            route->communities = x2nrealloc(route->communities, &allocated,
                                            sizeof *route->communities);
        }
        route->communities[route->n_communities++] = value;
    }
    return 0;
}

static void
get_load_balance(const struct xmpp_node *entry, struct xmpp_inet *route)
{
    const struct xmpp_node *balance = xmpp_node_child(entry, "load-balance");
    const struct xmpp_node *fields = xmpp_node_child(balance,
                                                     "load-balance-fields");
    const struct xmpp_node *field;

    route->source_bias = !strcmp(xmpp_node_text(balance,
                                                "load-balance-decision"),
                                 "source-bias");
    XMPP_NODE_FOR_EACH (field, fields, "load-balance-field-list") {
        for (size_t i = 0; i < ARRAY_SIZE(balance_fields); i++) {
            if (!strcmp(field->text, balance_fields[i].name)) {
                route->balance_fields |= balance_fields[i].bit;
            }
        }
    }
}

static void
get_sub_protocol(const struct xmpp_node *entry, struct xmpp_inet *route)
{
    const char *name = xmpp_node_text(entry, "sub-protocol");

    for (size_t i = 0; i < ARRAY_SIZE(sub_protocols); i++) {
        if (!strcmp(name, sub_protocols[i].name)) {
            route->sub_protocol = sub_protocols[i].value;
        }
    }
}

static int
get_inet(const struct xmpp_node *entry, struct xmpp_inet *route,
         struct tsn_err *err)
{
    uint32_t version;

    if (get_key(xmpp_node_child(entry, "nlri"), route, err)
        || route_get_uint(entry, "version", UINT32_MAX, &version, err)
        || get_hops(entry, route, err)
        || route_get_mobility(entry, &route->sticky, &route->sequence, err)
        || route_get_security_groups(entry, &route->security_groups,
                                     &route->n_security_groups, err)
        || get_communities(entry, route, err)
        || route_get_uint(entry, "local-preference", UINT32_MAX,
                          &route->local_pref, err)
        || route_get_uint(entry, "med", UINT32_MAX, &route->med, err)) {
        return -EBADMSG;
    }
    route->virtual_network = get_text(entry, "virtual-network");
    get_load_balance(entry, route);
    get_sub_protocol(entry, route);
    return 0;
}

int
xmpp_inet_decode(const struct xmpp_node *entry, uint32_t family,
                 struct xmpp_inet *routep, struct tsn_err *err)
{
    struct xmpp_inet route = { .family = family };

    if (get_inet(entry, &route, err)) {
        xmpp_inet_fini(&route);
        return -EBADMSG;
    }
    *routep = route;
    return 0;
}

int
xmpp_inet_check_publish(const struct xmpp_inet *route, bool is_fabric,
                        struct tsn_err *err)
{
    if (route->n_hops != 1) {
        tsn_err_set(err, NULL, "%"PRIuSIZE" next hops instead of 1",
                    route->n_hops);
        return -EBADMSG;
    }

    /* In the underlay a route of its own family needs no tunnel, and IPv6
     * goes by IPv6. */
    const struct tunnel_dst *dst = &route->hops[0].dst;
    bool no_label = is_fabric && route->family != XMPP_FAMILY_LABELED;
    if (!tsn_ip_is_set(&dst->ip)
        || (!tsn_ip_is_v4(&dst->ip)
            && !(is_fabric && is_v6(route->family)))) {
        tsn_err_set(err, NULL, "next hop cannot be one");
        return -EBADMSG;
    }
    if (no_label != !dst->label) {
        tsn_err_set(err, NULL, "label %"PRIu32" where %s is wanted",
                    dst->label, no_label ? "none" : "one");
        return -EBADMSG;
    }
    return 0;
}

void
xmpp_inet_encode_host(struct ds *out, const struct in6_addr *ip,
                      uint32_t label)
{
    char host[TSN_IP_STRLEN];

    tsn_ip_format(ip, host);
    ds_put_format(out, "<entry><nlri><af>1</af><safi>1</safi><address>%s/32"
                  "</address></nlri><next-hops><next-hop><af>1</af><address>"
                  "%s</address><mac></mac><label>%"PRIu32"</label><vni>0</vni>"
                  "<tunnel-encapsulation-list><tunnel-encapsulation>gre"
                  "</tunnel-encapsulation><tunnel-encapsulation>udp"
                  "</tunnel-encapsulation></tunnel-encapsulation-list>"
                  "<virtual-network>default-domain:default-project:ip-fabric"
                  "</virtual-network><tag-list /></next-hop></next-hops>"
                  "<version>1</version><virtual-network></virtual-network>"
                  "<mobility seqno=\"0\" sticky=\"false\" />"
                  "<sequence-number>0</sequence-number>"
                  "<security-group-list /><community-tag-list />"
                  "<local-preference>100</local-preference><med>0</med>"
                  "</entry>", host, host, label);
}

const char *
xmpp_inet_host_node_id(const char *instance, const struct in6_addr *ip,
                       char buf[XMPP_ID_STRLEN])
{
    char host[TSN_IP_STRLEN];

    snprintf(buf, XMPP_ID_STRLEN, "1/1/%.128s/%s/32", instance,
             tsn_ip_format(ip, host));
    return buf;
}
