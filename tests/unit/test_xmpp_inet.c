/* SPDX-License-Identifier: Apache-2.0 */
/* Unicast IP routes: what the table of vectors (test_xmpp_route.c) does not
 * show. */
#include <config.h>
#include "xmpp/inet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

#include "tests/unit/route-vectors.h"
#include "tsn/error.h"
#include "xmpp/stanza.h"
#include "xmpp/xml.h"

static int
decode(const char *entry, uint32_t family, struct xmpp_inet *route,
       struct tsn_err *err)
{
    struct xmpp_xml *xml;

    if (xmpp_xml_parse(entry, strlen(entry), &xml, err)) {
        fail_msg("%s: %s", tsn_err_format(err), entry);
    }
    int error = xmpp_inet_decode(xmpp_xml_root(xml), family, route, err);
    xmpp_xml_destroy(xml);
    return error;
}

static void
inet__no_entry__bad(void **state OVS_UNUSED)
{
    struct xmpp_inet route;
    struct tsn_err err;

    assert_int_equal(xmpp_inet_decode(NULL, XMPP_FAMILY_INET, &route, &err),
                     -EBADMSG);
    assert_int_equal(xmpp_inet_decode(NULL, XMPP_FAMILY_INET, &route, NULL),
                     -EBADMSG);
    assert_int_equal(decode("<entry/>", XMPP_FAMILY_INET, &route, &err),
                     -EBADMSG);
}

/* A list of 'n' elements. */
static char *
make_list(const char *begin, const char *element, int n, const char *end)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&s, begin);
    for (int i = 0; i < n; i++) {
        ds_put_cstr(&s, element);
    }
    ds_put_cstr(&s, end);
    return ds_steal_cstr(&s);
}

static void
inet__long_lists__refused_above_limit(void **state OVS_UNUSED)
{
    static const struct {
        const char *instead_of, *begin, *element, *end;
        int max;
    } cases[] = {
        { "<next-hops>", "<next-hops>", "<next-hop/>", "</next-hops><x>",
          XMPP_MAX_NEXT_HOPS },
        { "<security-group-list>", "<security-group-list>",
          "<security-group>1</security-group>", "</security-group-list><x>",
          XMPP_MAX_SECURITY_GROUPS },
        { "<community-tag-list />", "<community-tag-list>",
          "<community-tag>1:2</community-tag>", "</community-tag-list>",
          XMPP_MAX_COMMUNITIES },
        { "<tag-list />", "<tag-list>", "<tag>1</tag>", "</tag-list>",
          XMPP_MAX_TAGS },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (int extra = 0; extra < 2; extra++) {
            char *stanza = vector_read("publish-inet.xml");
            char *entry = vector_cut_entry(stanza);
            char *list = make_list(cases[i].begin, cases[i].element,
                                   cases[i].max + extra, cases[i].end);
            struct xmpp_inet route;
            struct tsn_err err;

            vector_replace(&entry, cases[i].instead_of, list);
            if (strstr(cases[i].end, "<x>")) {
                /* What stood in the list before is left for nobody. */
                char *end = strchr(cases[i].end, '>');
                char *tag = xmemdup0(cases[i].end, end - cases[i].end + 1);
                char *rest = strstr(strstr(entry, list) + strlen(list), tag);

                memcpy(rest, "</x>                         ", strlen(tag));
                free(tag);
            }
            int error = decode(entry, XMPP_FAMILY_INET, &route, &err);
            assert_int_equal(error, extra ? -EBADMSG : 0);
            if (!error) {
                xmpp_inet_fini(&route);
            } else {
                assert_non_null(strstr(err.text, "more than"));
            }
            free(list);
            free(entry);
            free(stanza);
        }
    }
}

static void
inet__published_into_the_fabric__by_other_rules(void **state OVS_UNUSED)
{
    static const struct {
        uint32_t family;
        const char *next_hop;
        uint32_t label;
        bool ok, ok_in_fabric;
    } cases[] = {
        { XMPP_FAMILY_INET, "10.0.0.1", 7, true, false },
        { XMPP_FAMILY_INET, "10.0.0.1", 0, false, true },
        { XMPP_FAMILY_INET, "2001:db8::1", 0, false, false },
        { XMPP_FAMILY_INET, "0.0.0.0", 0, false, false },
        { XMPP_FAMILY_INET6, "10.0.0.1", 7, true, false },
        { XMPP_FAMILY_INET6, "10.0.0.1", 0, false, true },
        { XMPP_FAMILY_INET6, "2001:db8::1", 0, false, true },
        { XMPP_FAMILY_INET6, "2001:db8::1", 7, false, false },
        { XMPP_FAMILY_INET6, "::", 0, false, false },
        { XMPP_FAMILY_LABELED, "10.0.0.1", 7, true, true },
        { XMPP_FAMILY_LABELED, "10.0.0.1", 0, false, false },
        { XMPP_FAMILY_LABELED, "2001:db8::1", 7, false, false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xmpp_inet_hop hop = { .dst.label = cases[i].label };
        struct xmpp_inet route = {
            .family = cases[i].family, .hops = &hop, .n_hops = 1,
        };
        struct tsn_err err;

        assert_int_equal(tsn_ip_parse(cases[i].next_hop, &hop.dst.ip), 0);
        assert_int_equal(xmpp_inet_check_publish(&route, false, &err),
                         cases[i].ok ? 0 : -EBADMSG);
        assert_int_equal(xmpp_inet_check_publish(&route, true, &err),
                         cases[i].ok_in_fabric ? 0 : -EBADMSG);
    }
}

static void
inet__item_id__is_a_prefix_of_its_family(void **state OVS_UNUSED)
{
    struct in6_addr ip;
    uint8_t plen;

    assert_int_equal(xmpp_inet_parse_item_id("192.0.2.9/32", XMPP_FAMILY_INET,
                                             &ip, &plen), 0);
    assert_true(tsn_ip_is_v4(&ip));
    assert_int_equal(plen, 32);
    assert_int_equal(xmpp_inet_parse_item_id("2001:DB8::9/64",
                                             XMPP_FAMILY_INET6, &ip, &plen),
                     0);
    assert_int_equal(plen, 64);
    assert_int_equal(xmpp_inet_parse_item_id("192.0.2.9/32",
                                             XMPP_FAMILY_INET6, &ip, &plen),
                     -EINVAL);
    assert_int_equal(xmpp_inet_parse_item_id("2001:db8::9/64",
                                             XMPP_FAMILY_LABELED, &ip, &plen),
                     -EINVAL);
    assert_int_equal(xmpp_inet_parse_item_id("192.0.2.9", XMPP_FAMILY_INET,
                                             &ip, &plen), -EINVAL);
    assert_int_equal(plen, 64);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inet__no_entry__bad),
        cmocka_unit_test(inet__long_lists__refused_above_limit),
        cmocka_unit_test(inet__published_into_the_fabric__by_other_rules),
        cmocka_unit_test(inet__item_id__is_a_prefix_of_its_family),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
