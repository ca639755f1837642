/* SPDX-License-Identifier: Apache-2.0 */
/* Which MACs of the switch become routes, and which routes rows. */
#include <config.h>
#include "tests/unit/tor_rig.h"

#include "util.h"

/* Up. */

static void
local_mac__comes_and_goes__route_follows(void **state OVS_UNUSED)
{
    rig_learn(1, OWN);
    rig_expect_routes("1 " OWN " #1 100");
    rig_expect_rows("");
    rig_learn(2, OWN2);
    rig_expect_routes("1 " OWN " #1 100\n2 " OWN2 " #1 100");
    rig_age(1);
    rig_expect_routes("2 " OWN2 " #1 100");
    rig_age(2);
    rig_expect_routes("");
    assert_int_equal(hmap_count(&rig_network("blue")->macs), 0);
}

static void
local_mac__changes__costs_one_route(void **state OVS_UNUSED)
{
    for (unsigned int i = 1; i <= 200; i++) {
        rig_learn(i, OWN);
        rig_route(255 - (i % 50), HOST1, 1, 100);
    }
    assert_true(rig_published() >= 200);
    rig_stated();
    rig_learn(201, OWN);
    assert_int_equal(rig_published(), 1);
    rig_age(7);
    assert_int_equal(rig_published(), 1);
    assert_int_equal(rig_stated(), 0);
    rig_route(255, HOST2, 2, 100);
    assert_int_equal(rig_stated(), 1);
    assert_int_equal(rig_published(), 0);
}

static void
local_mac__other_locator__published_again(void **state OVS_UNUSED)
{
    rig_learn(1, OWN);
    rig_expect_routes("1 " OWN " #1 100");
    rig_reflect(1);
    rig_learn(1, OWN2);
    rig_expect_routes("1 " OWN2 " #1 100");
    rig_expect_rows("");
}

/* It costs no look: nothing is queued. */
static void
local_mac__route_comes_back__only_noted(void **state OVS_UNUSED)
{
    rig_learn(1, OWN);
    rig_learn(2, OWN);
    rig_expect_routes("1 " OWN " #1 100\n2 " OWN " #1 100");
    rig_reflect(1);
    assert_true(bridge_is_settled(&tor));

    /* What lingers of it is not taken for another agent's. */
    rig_age(1);
    rig_expect_routes("2 " OWN " #1 100");
    rig_route(1, OWN, 1, 100);
    rig_run();
    assert_int_equal(tor.n_partner, 0);
    rig_no_route(1);

    /* What is not the same is looked at. */
    rig_route(2, OWN, 2, 100);
    assert_false(bridge_is_settled(&tor));
    rig_run();
    assert_int_equal(tor.n_rival, 1);
    rig_reflect(2);
    assert_false(bridge_is_settled(&tor));
    rig_run();
    assert_int_equal(tor.n_rival, 0);
    rig_route(2, HOST1, 1, 100);
    assert_false(bridge_is_settled(&tor));
    rig_no_route(2);
    rig_run();
}

static void
local_mac__locator_must_not_leave__not_published(void **state OVS_UNUSED)
{
    rig_learn(1, "224.0.0.1");
    rig_learn(2, OWN);
    rig_expect_routes("2 " OWN " #1 100");
    rig_learn(1, OWN);
    rig_expect_routes("1 " OWN " #1 100\n2 " OWN " #1 100");
}

static void
vni__changes__withdrawn_under_the_old_one_first(void **state OVS_UNUSED)
{
    rig_learn(1, OWN);
    rig_flood(OWN);
    rig_expect_routes("* " OWN " 100\n1 " OWN " #1 100");
    rig_published();
    /* The speaker of the rig refuses to withdraw what it has not. */
    rig_config("blue", 101);
    rig_expect_routes("101:* " OWN " 100\n101:1 " OWN " #1 100");
    assert_int_equal(rig_published(), 4);
    rig_age(1);
    rig_no_flood(OWN);
    rig_expect_routes("");
}

static void
network__goes_and_comes_back__macs_of_the_switch_published(
    void **state OVS_UNUSED)
{
    rig_learn(1, OWN);
    rig_flood(OWN);
    rig_route(2, HOST1, 0, 100);
    rig_expect_rows("2 " HOST1);
    rig_config("blue", 0);
    rig_expect_routes("");
    rig_expect_rows("");
    /* The session tells nothing again. */
    rig_config("blue", 100);
    rig_expect_routes("* " OWN " 100\n1 " OWN " #1 100");
}

static void
security_groups__change__only_that_route_published(void **state OVS_UNUSED)
{
    rig_group(1, 8000001);
    rig_learn(1, OWN);
    rig_learn(2, OWN);
    rig_expect_routes("1 " OWN " #1 100 sg=8000001\n2 " OWN " #1 100");
    rig_published();
    rig_group(1, 8000002);
    rig_expect_routes("1 " OWN " #1 100 sg=8000002\n2 " OWN " #1 100");
    assert_int_equal(rig_published(), 1);
    rig_group(1, 0);
    rig_expect_routes("1 " OWN " #1 100\n2 " OWN " #1 100");
    assert_int_equal(rig_published(), 1);
    /* Of a MAC that the switch has not learnt yet. */
    rig_group(3, 8000003);
    assert_int_equal(rig_published(), 0);
}

static void
floods__one_broadcast_route_each__none_for_zero(void **state OVS_UNUSED)
{
    rig_flood(OWN);
    rig_flood(OWN2);
    rig_flood("0.0.0.0");
    rig_expect_routes("* " OWN " 100\n* " OWN2 " 100");
    rig_no_flood(OWN);
    rig_expect_routes("* " OWN2 " 100");
    assert_int_equal(rig_published(), 3);
}

static void
replicator__switch_floods_elsewhere__route_names_it(void **state OVS_UNUSED)
{
    rig_flood(OWN);
    rig_expect_routes("* " OWN " 100");
    rig_published();
    rig_flood_node(TSN);
    assert_int_equal(rig_published(), 0);
    rig_flood_node(TSN2);
    rig_expect_routes("* " OWN " 100 by " TSN2);
    assert_int_equal(rig_published(), 1);
    rig_flood_rank(TSN);
    rig_expect_routes("* " OWN " 100");
    rig_flood_rank(TSN2);
    rig_expect_routes("* " OWN " 100 by " TSN2);
    assert_int_equal(rig_published(), 2);
    /* While that is not known nothing changes. */
    rig_flood_node(NULL);
    rig_flood_rank(NULL);
    rig_run();
    assert_int_equal(rig_published(), 0);
    rig_expect_routes("* " OWN " 100 by " TSN2);
}

static void
replicator__switch_goes_away__stays_if_it_is_a_tsn(void **state OVS_UNUSED)
{
    assert_int_equal(tsn_ip_parse(TSN2, &tor.tsns[1]), 0);
    tor.n_tsns = 2;
    rig_flood(OWN);
    rig_flood_node(TSN2);
    rig_run();
    rig_session(false);
    rig_expect_routes("* " OWN " 1 by " TSN2);
    tor.n_tsns = 1;
    bridge_floods_changed(&tor, rig_network("blue"));
    rig_expect_routes("* " OWN " 1");
}

/* The row leads to the old one until it is written. */
static void
replicator__another_tsn_is_configured__follows_the_row(void **state OVS_UNUSED)
{
    rig_flood(OWN);
    rig_flood_node(TSN);
    rig_run();
    rig_flood_node(NULL);
    assert_int_equal(tsn_ip_parse(TSN2, &tor.tsns[0]), 0);
    bridge_floods_changed(&tor, rig_network("blue"));
    rig_expect_routes("* " OWN " 100 by " TSN);
    rig_flood_node(TSN2);
    rig_expect_routes("* " OWN " 100");
}

static void
address_of_mac__if_used__has_a_route_of_its_own(void **state OVS_UNUSED)
{
    rig_learn_ip(1, OWN, "192.0.2.1");
    rig_expect_routes("1 " OWN " #1 100");
    tor.bridge.ipaddr = true;
    rig_learn_ip(2, OWN, "192.0.2.2");
    rig_learn_ip(3, OWN, "2001:db8::3");
    rig_expect_routes("1 " OWN " #1 100\n"
                      "2 " OWN " #1 100\n2/192.0.2.2 " OWN " #1 100\n"
                      "3 " OWN " #1 100\n3/2001:db8::3 " OWN " #1 100");
    rig_learn_ip(2, OWN, "192.0.2.3");
    rig_age(3);
    rig_expect_routes("1 " OWN " #1 100\n"
                      "2 " OWN " #1 100\n2/192.0.2.3 " OWN " #1 100");
    rig_config("blue", 101);
    rig_learn_ip(2, OWN, NULL);
    rig_age(1);
    rig_expect_routes("101:2 " OWN " #1 100");
}

/* Down. */

static void
route__comes_moves_and_goes__row_follows(void **state OVS_UNUSED)
{
    rig_route(1, HOST1, 0, 100);
    rig_expect_rows("1 " HOST1);
    rig_route(1, HOST2, 1, 100);
    rig_expect_rows("1 " HOST2);
    rig_no_route(1);
    rig_expect_rows("");
    rig_expect_routes("");
}

static void
route__stale__gives_way_to_a_fresh_one(void **state OVS_UNUSED)
{
    rig_route(1, HOST1, 7, 200);
    rig_stale(1);
    rig_expect_rows("1 " HOST1);
    /* Of a control node that was restarted and numbers from the start. */
    rig_route(1, HOST2, 0, 100);
    rig_expect_rows("1 " HOST2);
    rig_no_route(1);
    rig_expect_rows("1 " HOST1);
    rig_swept(1);
    rig_expect_rows("");
}

static void
route__stale_elsewhere__gives_way_to_the_switch(void **state OVS_UNUSED)
{
    rig_route(1, HOST1, 7, 200);
    rig_stale(1);
    rig_route(1, OWN, 1, 100);
    rig_route(2, OWN, 7, 200);
    rig_stale(2);
    rig_route(2, HOST2, 0, 100);
    rig_expect_rows("1 " HOST1 "\n2 " HOST2);
    /* What the switch learns is numbered after all of them: the stale one may
     * come back. */
    rig_learn(1, OWN);
    rig_learn(2, OWN);
    rig_expect_routes("1 " OWN " #8 100\n2 " OWN " #8 100");
    rig_expect_rows("");
    assert_int_equal(tor.n_moves, 1);
}

static void
route__to_any_own_vtep__no_row(void **state OVS_UNUSED)
{
    rig_route(1, OWN, 5, 200);
    rig_route(2, OWN2, 5, 200);
    rig_expect_rows("");
    /* One that is only in the configuration. */
    rig_tunnel_ips(OWN2, NULL);
    assert_true(tor.vtep_differs);
    rig_expect_rows("");
    rig_tunnel_ips(OWN2, "10.0.0.3");
    rig_route(3, "10.0.0.3", 1, 100);
    rig_expect_rows("");
    rig_tunnel_ips(OWN, NULL);
    assert_false(tor.vtep_differs);
    rig_expect_rows("2 " OWN2 "\n3 10.0.0.3");
}

static void
ecmp__choice__stays_as_long_as_it_is_there(void **state OVS_UNUSED)
{
    rig_route(1, HOST3 "," HOST2, 0, 100);
    rig_expect_rows("1 " HOST2);
    rig_route(1, HOST1 "," HOST2 "," HOST3, 0, 100);
    rig_expect_rows("1 " HOST2);
    rig_route(1, HOST3 "," HOST1, 0, 100);
    rig_expect_rows("1 " HOST1);
    rig_route(1, HOST3 "," HOST2 "," HOST1, 0, 100);
    rig_expect_rows("1 " HOST1);
    /* A move leaves no choice. */
    rig_route(1, HOST3, 1, 100);
    rig_expect_rows("1 " HOST3);
}

static void
encapsulation__not_vxlan__no_row_but_counted(void **state OVS_UNUSED)
{
    rig_encaps(TSN_ENCAP_MPLS_GRE | TSN_ENCAP_MPLS_UDP);
    rig_route(1, HOST1, 0, 100);
    rig_route(2, HOST1, 0, 100);
    rig_encaps(0);
    rig_route(3, HOST1, 0, 100);
    rig_expect_rows("2 " HOST1);
    assert_int_equal(tor.n_no_vxlan, 2);
    rig_route(1, HOST1, 0, 100);
    rig_no_route(3);
    rig_expect_rows("1 " HOST1 "\n2 " HOST1);
    assert_int_equal(tor.n_no_vxlan, 0);
}

static void
next_hop__no_host_or_not_ipv4__no_row(void **state OVS_UNUSED)
{
    rig_route(1, "0.0.0.0", 0, 100);
    rig_route(2, "224.0.0.1", 0, 100);
    rig_route(3, "2001:db8::1", 0, 100);
    rig_route(4, "255.255.255.255", 0, 100);
    rig_expect_rows("");
}

static void
work__of_many_macs__is_done_in_bounded_turns(void **state OVS_UNUSED)
{
    struct tor_network *net = rig_network("blue");

    for (unsigned int i = 0; i < 3 * TOR_LOOK_BUDGET; i++) {
        struct eth_addr mac = { .ea = { 2, 0, 0, 1, i >> 8, i } };
        bridge_mac_changed(&tor, net, &mac);
        bridge_mac_changed(&tor, net, &mac);
    }
    assert_int_equal(ovs_list_size(&tor.dirty), 3 * TOR_LOOK_BUDGET);
    bridge_run(&tor);
    assert_int_equal(ovs_list_size(&tor.dirty), 2 * TOR_LOOK_BUDGET);
    assert_false(bridge_is_settled(&tor));
    rig_run();
    /* None of them is anywhere: they are forgotten. */
    assert_int_equal(hmap_count(&net->macs), 0);
}

int
main(void)
{
#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, rig_setup, \
                                                   rig_teardown)
    const struct CMUnitTest tests[] = {
        CASE(local_mac__comes_and_goes__route_follows),
        CASE(local_mac__changes__costs_one_route),
        CASE(local_mac__route_comes_back__only_noted),
        CASE(local_mac__other_locator__published_again),
        CASE(local_mac__locator_must_not_leave__not_published),
        CASE(vni__changes__withdrawn_under_the_old_one_first),
        CASE(network__goes_and_comes_back__macs_of_the_switch_published),
        CASE(security_groups__change__only_that_route_published),
        CASE(floods__one_broadcast_route_each__none_for_zero),
        CASE(replicator__switch_floods_elsewhere__route_names_it),
        CASE(replicator__switch_goes_away__stays_if_it_is_a_tsn),
        CASE(replicator__another_tsn_is_configured__follows_the_row),
        CASE(address_of_mac__if_used__has_a_route_of_its_own),
        CASE(route__comes_moves_and_goes__row_follows),
        CASE(route__stale__gives_way_to_a_fresh_one),
        CASE(route__stale_elsewhere__gives_way_to_the_switch),
        CASE(route__to_any_own_vtep__no_row),
        CASE(ecmp__choice__stays_as_long_as_it_is_there),
        CASE(encapsulation__not_vxlan__no_row_but_counted),
        CASE(next_hop__no_host_or_not_ipv4__no_row),
        CASE(work__of_many_macs__is_done_in_bounded_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
