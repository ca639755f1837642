/* SPDX-License-Identifier: Apache-2.0 */
/* An <entry> of a multicast tree: what is read can be written and read again,
 * as what an agent or as what a control node says. */
#include <config.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

#include "tsn/error.h"
#include "xmpp/route.h"
#include "xmpp/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
decode(const char *s, size_t size, struct xmpp_mcast *route)
{
    struct xmpp_xml *xml;
    struct tsn_err err;

    if (xmpp_xml_parse(s, size, &xml, &err)) {
        return false;
    }
    int error = xmpp_mcast_decode(xmpp_xml_root(xml), route, &err);
    xmpp_xml_destroy(xml);
    return !error;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ds out = DS_EMPTY_INITIALIZER;
    struct xmpp_mcast a, b;

    if (!decode((const char *) data, size, &a)) {
        return 0;
    }
    if (a.label_first) {
        xmpp_mcast_encode_publish(&out, &a);
        ovs_assert(decode(out.string, out.length, &b));
        ovs_assert(tsn_ip_equals(&a.group, &b.group)
                   && tsn_ip_equals(&a.source, &b.source)
                   && tsn_ip_equals(&a.next_hop, &b.next_hop)
                   && a.label_first == b.label_first
                   && a.label_last == b.label_last);
        xmpp_mcast_fini(&b);
    }

    ds_clear(&out);
    xmpp_mcast_encode_notify(&out, &a);
    ovs_assert(decode(out.string, out.length, &b));
    ovs_assert(a.source_label == b.source_label && a.n_olist == b.n_olist);
    for (size_t i = 0; i < a.n_olist; i++) {
        ovs_assert(tsn_ip_equals(&a.olist[i].ip, &b.olist[i].ip)
                   && a.olist[i].label == b.olist[i].label);
    }
    xmpp_mcast_fini(&b);
    xmpp_mcast_fini(&a);
    ds_destroy(&out);
    return 0;
}
