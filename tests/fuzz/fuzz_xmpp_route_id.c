/* SPDX-License-Identifier: Apache-2.0 */
/* Ids of items and retracts: what one names is the same after it was written
 * and read again. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "util.h"

#include "xmpp/inet.h"
#include "xmpp/route.h"
#include "xmpp/stanza.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_evpn(const char *id)
{
    struct xmpp_evpn a, b;
    char buf[XMPP_ID_STRLEN];

    if (xmpp_evpn_parse_item_id(id, &a)) {
        return;
    }
    ovs_assert(!xmpp_evpn_parse_item_id(xmpp_evpn_item_id(&a, buf), &b));
    ovs_assert(xmpp_evpn_equals(&a, &b));
    xmpp_evpn_fini(&b);
    xmpp_evpn_fini(&a);
}

static void
check_mcast(const char *id)
{
    struct xmpp_mcast_id a, b;
    char buf[XMPP_ID_STRLEN];

    if (xmpp_mcast_parse_item_id(id, &a)) {
        return;
    }
    ovs_assert(!xmpp_mcast_parse_item_id(xmpp_mcast_item_id(&a, buf), &b));
    ovs_assert(tsn_ip_equals(&a.agent, &b.agent)
               && a.instance_id == b.instance_id
               && tsn_ip_equals(&a.group, &b.group)
               && tsn_ip_equals(&a.source, &b.source));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *id = xmemdup0((const char *) data, size);
    struct in6_addr ip;
    uint8_t plen;

    check_evpn(id);
    check_mcast(id);
    xmpp_inet_parse_item_id(id, XMPP_FAMILY_INET, &ip, &plen);
    xmpp_inet_parse_item_id(id, XMPP_FAMILY_INET6, &ip, &plen);
    free(id);
    return 0;
}
