/* SPDX-License-Identifier: Apache-2.0 */
/* Two agents for one switch: what the one without a session announces
 * (spec/tor-agent.md E.2), and how they take turns. */
#include <config.h>
#include "tests/unit/tor_rig.h"

#include "util.h"

#define HOLD_MS 300000

static void
standby__partner_announces__copies_of_least_preference(
    void **state OVS_UNUSED)
{
    assert_null(bridge_role(&tor));
    rig_route(1, OWN, 3, 100);
    rig_route(2, HOST1, 0, 100);
    rig_expect_routes("* " OWN " 1\n1 " OWN " #0 1\n200:* " OWN " 1");
    assert_string_equal(bridge_role(&tor), "standby");
    /* For as long as it does. */
    rig_advance(2 * HOLD_MS);
    rig_expect_routes("* " OWN " 1\n1 " OWN " #0 1\n200:* " OWN " 1");
}

static void
standby__partner_dies__copies_stay_for_the_hold_time(void **state OVS_UNUSED)
{
    rig_route(1, OWN, 3, 100);
    rig_advance(HOLD_MS);
    rig_reflect(1);             /* Nothing but our copy is left. */
    rig_expect_routes("* " OWN " 1\n1 " OWN " #0 1\n200:* " OWN " 1");
    assert_null(bridge_role(&tor));
    rig_advance(HOLD_MS - 1000);
    rig_expect_routes("* " OWN " 1\n1 " OWN " #0 1\n200:* " OWN " 1");
    rig_advance(1000);
    rig_expect_routes("");
    rig_reflect(1);
    rig_expect_routes("");
}

static void
standby__partner_comes_back__copies_do_not_age(void **state OVS_UNUSED)
{
    rig_route(1, OWN, 3, 100);
    rig_run();
    rig_reflect(1);
    rig_advance(HOLD_MS - 1000);
    rig_route(1, OWN, 1, 100);
    rig_advance(HOLD_MS);
    rig_expect_routes("* " OWN " 1\n1 " OWN " #0 1\n200:* " OWN " 1");
    assert_string_equal(bridge_role(&tor), "standby");
}

static void
standby__mac_moves_elsewhere__its_copy_goes_at_once(void **state OVS_UNUSED)
{
    rig_route(1, OWN, 3, 100);
    rig_route(2, OWN, 1, 100);
    rig_run();
    rig_route(1, HOST1, 4, 100);
    rig_expect_routes("* " OWN " 1\n2 " OWN " #0 1\n200:* " OWN " 1");
    /* Likewise of one that ages. */
    rig_reflect(2);
    rig_run();
    rig_route(2, HOST1, 0, 100);
    rig_expect_routes("* " OWN " 1\n200:* " OWN " 1");
}

static void
standby__only_a_copy_of_the_partner__is_not_copied(void **state OVS_UNUSED)
{
    rig_route(1, OWN, 0, 1);
    rig_expect_routes("");
    assert_null(bridge_role(&tor));
}

static void
standby__switch_has_two_addresses__broadcast_where_the_network_is(
    void **state OVS_UNUSED)
{
    rig_tunnel_ips(OWN, OWN2);
    rig_route(1, OWN2, 3, 100);
    rig_expect_routes("* " OWN2 " 1\n1 " OWN2 " #0 1");
}

static void
takeover__switch_comes_to_us__announced_above_the_copy(void **state OVS_UNUSED)
{
    rig_route(1, OWN, 3, 100);
    rig_route(2, OWN, 1, 100);
    rig_run();
    rig_reflect(1);
    rig_reflect(2);
    rig_run();
    rig_learn(1, OWN);
    rig_flood(OWN);
    rig_tunnel_ips(OWN, NULL);
    rig_session(true);
    /* The other one has aged meanwhile. */
    rig_expect_routes("* " OWN " 100\n1 " OWN " #1 100");
    assert_string_equal(bridge_role(&tor), "active");
}

static void
session_lost__for_a_moment__costs_no_route_but_broadcasts(
    void **state OVS_UNUSED)
{
    rig_learn(1, OWN);
    rig_flood(OWN);
    rig_run();
    rig_reflect(1);
    rig_run();
    rig_published();
    rig_session(false);
    /* The other agent's replicator is to be preferred at once. */
    rig_expect_routes("* " OWN " 1\n1 " OWN " #1 100");
    rig_advance(TOR_GRACE_MS - 1000);
    rig_session(true);
    rig_advance(60000);
    rig_expect_routes("* " OWN " 100\n1 " OWN " #1 100");
    assert_int_equal(rig_published(), 2);
}

static void
session_lost__for_long__copies_then_nothing(void **state OVS_UNUSED)
{
    rig_learn(1, OWN);
    rig_flood(OWN);
    rig_run();
    rig_reflect(1);
    rig_run();
    rig_session(false);
    rig_advance(TOR_GRACE_MS);
    rig_expect_routes("* " OWN " 1\n1 " OWN " #0 1");
    /* Our own, which has not been taken back there yet, is no partner. */
    assert_null(bridge_role(&tor));
    rig_reflect(1);
    rig_advance(HOLD_MS - TOR_GRACE_MS);
    rig_expect_routes("1 " OWN " #0 1");
    rig_advance(TOR_GRACE_MS);
    rig_expect_routes("");

    /* The switch comes back as it was, and the session says nothing anew. */
    rig_session(true);
    rig_expect_routes("* " OWN " 100\n1 " OWN " #1 100");
}

static void
session_lost__partner_takes_over__copies_at_once(void **state OVS_UNUSED)
{
    rig_learn(1, OWN);
    rig_run();
    rig_reflect(1);
    rig_run();
    rig_session(false);
    rig_expect_routes("1 " OWN " #1 100");
    rig_route(1, OWN, 2, 100);
    rig_expect_routes("* " OWN " 1\n1 " OWN " #0 1");
    assert_string_equal(bridge_role(&tor), "standby");
}

/* Whoever comes next starts above them. */
static void
leaving__all_become_copies(void **state OVS_UNUSED)
{
    rig_learn(1, OWN);
    rig_flood(OWN);
    rig_run();
    rig_reflect(1);
    rig_run();
    bridge_leave(&tor);
    rig_expect_routes("* " OWN " 1\n1 " OWN " #0 1");
    assert_int_equal(rig_published(), 4);
}

static void
both_have_a_session__noticed(void **state OVS_UNUSED)
{
    rig_learn(1, OWN);
    rig_run();
    rig_reflect(1);
    rig_run();
    assert_int_equal(tor.n_rival, 0);
    rig_route(1, OWN, 2, 100);
    rig_run();
    assert_int_equal(tor.n_rival, 1);
    /* There is no outdoing each other. */
    rig_expect_routes("1 " OWN " #1 100");
    rig_expect_rows("");
    rig_reflect(1);
    rig_run();
    assert_int_equal(tor.n_rival, 0);
}

static void
vni__changes_on_standby__copies_under_the_new_one(void **state OVS_UNUSED)
{
    rig_route(1, OWN, 3, 100);
    rig_run();
    rig_config("blue", 101);
    rig_expect_routes("101:* " OWN " 1\n101:1 " OWN " #0 1\n200:* " OWN " 1");
}

static void
switch_address__changes__copies_that_do_not_match_go(void **state OVS_UNUSED)
{
    rig_tunnel_ips(OWN2, NULL);
    rig_route(1, OWN2, 3, 100);
    rig_expect_routes("* " OWN2 " 1\n1 " OWN2 " #0 1\n200:* " OWN2 " 1");
    rig_tunnel_ips(OWN, NULL);
    rig_expect_rows("");
}

int
main(void)
{
#define ACTIVE(NAME) cmocka_unit_test_setup_teardown(NAME, rig_setup, \
                                                     rig_teardown)
#define STANDBY(NAME) \
    cmocka_unit_test_setup_teardown(NAME, rig_setup_standby, rig_teardown)
    const struct CMUnitTest tests[] = {
        STANDBY(standby__partner_announces__copies_of_least_preference),
        STANDBY(standby__partner_dies__copies_stay_for_the_hold_time),
        STANDBY(standby__partner_comes_back__copies_do_not_age),
        STANDBY(standby__mac_moves_elsewhere__its_copy_goes_at_once),
        STANDBY(standby__only_a_copy_of_the_partner__is_not_copied),
        STANDBY(standby__switch_has_two_addresses__broadcast_where_the_network_is),
        STANDBY(takeover__switch_comes_to_us__announced_above_the_copy),
        ACTIVE(session_lost__for_a_moment__costs_no_route_but_broadcasts),
        ACTIVE(session_lost__for_long__copies_then_nothing),
        ACTIVE(session_lost__partner_takes_over__copies_at_once),
        ACTIVE(leaving__all_become_copies),
        ACTIVE(both_have_a_session__noticed),
        STANDBY(vni__changes_on_standby__copies_under_the_new_one),
        STANDBY(switch_address__changes__copies_that_do_not_match_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
