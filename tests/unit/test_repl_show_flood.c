/* SPDX-License-Identifier: Apache-2.0 */
/* What "tsnctl flood show" has of a network. */
#include <config.h>
#include "replication/show-flood.h"

#include <stdlib.h>

#include "repl_rig.h"
#include "tests/unit/ip.h"
#include "tsn/json.h"

static int
setup(void **state)
{
    return rig_setup_with(state, (struct repl_identity) {
        .first_label = 100, .last_label = 131,
    });
}

static void
assert_shown(const struct rig *rig, uint32_t vni, const char *expected)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct tsn_json json;

    tsn_json_init(&json, &ds);
    tsn_json_object_begin(&json, NULL);
    repl_show_flood_set(&json, repl_networks_find(rig->rn, vni), &rig->sp,
                        NULL);
    tsn_json_object_end(&json);
    assert_string_equal(ds_cstr(&ds), expected);
    ds_destroy(&ds);
}

static void
flood__nobody__said_so(void **state)
{
    struct xmpp_network networks[] = { net("blue", 1, 100) };
    struct rig *rig = *state;

    set_view(rig, networks, 1);
    assert_shown(rig, 100, "{\"tree\":\"no place\",\"announced_by\":\"vxlan\","
                 "\"in_labels\":[],\"members\":[]}");
}

static void
flood__all_there_is__by_class(void **state)
{
    struct xmpp_network networks[] = { net("blue", 1, 100) };
    struct tunnel_dst leaf = { ip("10.0.1.1"), 100, TSN_ENCAP_VXLAN };
    /* We have no address of IPv6. */
    struct tunnel_dst olist[] = {
        { ip("10.0.2.1"), 4711, TSN_ENCAP_MPLS_GRE },
        { ip("2001:db8::1"), 4711, TSN_ENCAP_MPLS_GRE },
    };
    struct tunnel_dst c1 = { ip("10.0.0.21"), 30000, TSN_ENCAP_MPLS_UDP };
    struct xmpp_evpn route = {
        .tag = 0, .mac = eth_addr_broadcast, .plen = 32,
        .leaf_olist = &leaf, .n_leaf_olist = 1, .olist = olist,
        .n_olist = ARRAY_SIZE(olist),
    };
    struct rig *rig = *state;

    rig->encap = TSN_ENCAP_MPLS_UDP;
    rig->sp.routes_of = "blue";
    rig->sp.route = &route;
    rig->sp.tree_of = "blue";
    rig->sp.tree = (struct xmpp_tree) {
        .label = 119, .old_labels = { 118 }, .n_old_labels = 1,
        .neighbours = &c1, .n_neighbours = 1, .stale = true,
    };
    set_view(rig, networks, 1);
    assert_shown(rig, 100,
                 "{\"tree\":\"last known place\",\"announced_by\":\"mpls\","
                 "\"unreachable\":1,\"in_labels\":["
                 "{\"label\":100,\"from\":\"evpn\",\"current\":true},"
                 "{\"label\":118,\"from\":\"tree\",\"current\":false},"
                 "{\"label\":119,\"from\":\"tree\",\"current\":true}],"
                 "\"members\":["
                 "{\"class\":\"tor\",\"vtep\":\"10.0.1.1\","
                 "\"encapsulation\":\"vxlan\",\"label\":100},"
                 "{\"class\":\"evpn\",\"vtep\":\"10.0.2.1\","
                 "\"encapsulation\":\"mpls-gre\",\"label\":4711},"
                 "{\"class\":\"tree\",\"vtep\":\"10.0.0.21\","
                 "\"encapsulation\":\"mpls-udp\",\"label\":30000}]}");

    /* Another encapsulation: the lists hold, the label is one of before. */
    rig->sp.routes_of = NULL;
    rig->sp.tree_of = NULL;
    rig->encap = TSN_ENCAP_VXLAN;
    repl_networks_tree_changed(rig->rn, "blue");
    set_view(rig, networks, 1);
    assert_shown(rig, 100, "{\"tree\":\"no place\",\"announced_by\":\"vxlan\","
                 "\"lists\":\"of before, until others come\",\"in_labels\":["
                 "{\"label\":100,\"from\":\"evpn\",\"current\":false}],"
                 "\"members\":["
                 "{\"class\":\"tor\",\"vtep\":\"10.0.1.1\","
                 "\"encapsulation\":\"vxlan\",\"label\":100},"
                 "{\"class\":\"evpn\",\"vtep\":\"10.0.2.1\","
                 "\"encapsulation\":\"mpls-gre\",\"label\":4711}]}");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, rig_teardown)
        TEST(flood__nobody__said_so),
        TEST(flood__all_there_is__by_class),
    };

    return cmocka_run_group_tests_name("repl_show_flood", tests, NULL, NULL);
}
