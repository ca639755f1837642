/* SPDX-License-Identifier: Apache-2.0 */
/* An <entry> of a unicast IP route, read as each family. */
#include <config.h>

#include <string.h>

#include "util.h"

#include "tsn/error.h"
#include "xmpp/inet.h"
#include "xmpp/stanza.h"
#include "xmpp/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct xmpp_node *entry, uint32_t family)
{
    struct xmpp_inet route;
    struct tsn_err err = { .text = "" };

    if (xmpp_inet_decode(entry, family, &route, &err)) {
        ovs_assert(err.text[0]);
        return;
    }
    ovs_assert(tsn_ip_is_v4(&route.ip) == (family != XMPP_FAMILY_INET6));
    ovs_assert(route.plen <= (tsn_ip_is_v4(&route.ip) ? 32 : 128));
    if (!xmpp_inet_check_publish(&route, false, &err)) {
        ovs_assert(route.n_hops == 1 && route.hops[0].dst.label);
    }
    xmpp_inet_check_publish(&route, true, &err);

    /* The id of an item is its prefix. */
    char ip[TSN_IP_STRLEN], id[TSN_IP_STRLEN + 4];
    struct in6_addr again;
    uint8_t plen;
    snprintf(id, sizeof id, "%s/%u", tsn_ip_format(&route.ip, ip), route.plen);
    ovs_assert(!xmpp_inet_parse_item_id(id, family, &again, &plen));
    ovs_assert(tsn_ip_equals(&again, &route.ip) && plen == route.plen);
    xmpp_inet_fini(&route);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xmpp_xml *xml;
    struct tsn_err err;

    if (!xmpp_xml_parse((const char *) data, size, &xml, &err)) {
        check(xmpp_xml_root(xml), XMPP_FAMILY_INET);
        check(xmpp_xml_root(xml), XMPP_FAMILY_INET6);
        check(xmpp_xml_root(xml), XMPP_FAMILY_LABELED);
        xmpp_xml_destroy(xml);
    }
    return 0;
}
