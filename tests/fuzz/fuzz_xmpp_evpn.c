/* SPDX-License-Identifier: Apache-2.0 */
/* An <entry> of an EVPN route: what is read is the same after it was written
 * and read again. */
#include <config.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

#include "tsn/error.h"
#include "xmpp/route.h"
#include "xmpp/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
decode(const char *s, size_t size, struct xmpp_evpn *route)
{
    struct xmpp_xml *xml;
    struct tsn_err err;

    if (xmpp_xml_parse(s, size, &xml, &err)) {
        return false;
    }
    int error = xmpp_evpn_decode(xmpp_xml_root(xml), route, &err);
    xmpp_xml_destroy(xml);
    return !error;
}

/* A retract of what 'a' was told as names the same route. */
static void
check_id(const struct xmpp_evpn *a)
{
    char id[XMPP_ID_STRLEN];
    struct xmpp_evpn key;

    ovs_assert(!xmpp_evpn_parse_item_id(xmpp_evpn_item_id(a, id), &key));
    ovs_assert(xmpp_evpn_key_equals(a, &key));
    ovs_assert(xmpp_evpn_key_hash(a) == xmpp_evpn_key_hash(&key));
    xmpp_evpn_fini(&key);
}

static void
check_copy(const struct xmpp_evpn *a)
{
    struct xmpp_evpn copy;

    xmpp_evpn_copy(&copy, a);
    ovs_assert(xmpp_evpn_equals(a, &copy));
    xmpp_evpn_sort_next_hops(&copy);
    ovs_assert(xmpp_evpn_more_size(&copy) >= xmpp_evpn_more_size(a));
    xmpp_evpn_fini(&copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ds out = DS_EMPTY_INITIALIZER;
    char id[XMPP_ID_STRLEN];
    struct xmpp_evpn a, b;

    if (!decode((const char *) data, size, &a)) {
        return 0;
    }
    check_id(&a);
    check_copy(&a);
    xmpp_evpn_node_id(&a, id);

    xmpp_evpn_encode_publish(&out, &a);
    ovs_assert(decode(out.string, out.length, &b));
    /* No known encapsulation is written as none at all. */
    for (size_t i = 0; i < a.n_next_hops; i++) {
        if (!a.next_hops[i].encaps) {
            b.next_hops[i].encaps = 0;
        }
    }
    for (size_t i = 0; i < a.n_olist; i++) {
        if (!a.olist[i].encaps) {
            b.olist[i].encaps = 0;
        }
    }
    for (size_t i = 0; i < a.n_leaf_olist; i++) {
        if (!a.leaf_olist[i].encaps) {
            b.leaf_olist[i].encaps = 0;
        }
    }
    ovs_assert(xmpp_evpn_equals(&a, &b));
    xmpp_evpn_fini(&b);

    ds_clear(&out);
    xmpp_evpn_encode_notify(&out, &a);
    ovs_assert(decode(out.string, out.length, &b));
    xmpp_evpn_fini(&b);
    xmpp_evpn_fini(&a);
    ds_destroy(&out);
    return 0;
}
