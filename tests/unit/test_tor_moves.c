/* SPDX-License-Identifier: Apache-2.0 */
/* MACs that are at a switch and elsewhere (spec/tor-agent.md D.4), and those
 * that move too often (RFC 7432 section 15.1). */
#include <config.h>
#include "tests/unit/tor_rig.h"

#include "packets.h"
#include "util.h"

/* The switch's address is OWN, below that of HOST1, and above this one. */
#define LOWER "10.0.0.0"

static void
arrival__of_a_remote_mac__announced_with_the_next_sequence(
    void **state OVS_UNUSED)
{
    rig_route(1, HOST1, 7, 200);
    rig_expect_rows("1 " HOST1);
    rig_learn(1, OWN);
    rig_expect_routes("1 " OWN " #8 100");
    rig_expect_rows("");
    assert_int_equal(rig_renewed(), 0);
    rig_reflect(1);
    rig_expect_routes("1 " OWN " #8 100");
    assert_int_equal(tor.n_moves, 1);
}

static void
arrival__at_the_end_of_numbers__stays_there(void **state OVS_UNUSED)
{
    rig_route(1, HOST1, UINT32_MAX, 100);
    rig_learn(1, OWN);
    rig_expect_routes("1 " OWN " #4294967295 100");
}

static void
existing_route__behind_the_same_switch__next_sequence_but_no_move(
    void **state OVS_UNUSED)
{
    rig_route(1, OWN, 4, 100);
    rig_learn(1, OWN);
    rig_expect_routes("1 " OWN " #5 100");
    assert_int_equal(tor.n_moves, 0);
}

static void
departure__higher_sequence_elsewhere__row_makes_switch_give_up(
    void **state OVS_UNUSED)
{
    rig_learn(1, OWN);
    rig_reflect(1);
    rig_expect_routes("1 " OWN " #1 100");
    rig_route(1, HOST1, 2, 100);
    /* As long as the switch has it. */
    rig_expect_routes("1 " OWN " #1 100");
    rig_expect_rows("1 " HOST1);
    assert_int_equal(rig_renewed(), 1);
    rig_age(1);
    rig_expect_routes("");
    rig_expect_rows("1 " HOST1);
    assert_int_equal(rig_renewed(), 0);

    /* It comes back. */
    rig_learn(1, OWN);
    rig_expect_routes("1 " OWN " #3 100");
    rig_expect_rows("");
}

static void
departure__route_goes_again__row_goes_too(void **state OVS_UNUSED)
{
    rig_learn(1, OWN);
    rig_run();
    rig_route(1, HOST1, 2, 100);
    rig_expect_rows("1 " HOST1);
    rig_no_route(1);
    rig_expect_rows("");
    rig_expect_routes("1 " OWN " #1 100");
}

static void
old_route__of_lower_sequence__changes_nothing(void **state OVS_UNUSED)
{
    rig_route(1, HOST1, 4, 100);
    rig_learn(1, OWN);
    rig_expect_routes("1 " OWN " #5 100");
    rig_route(1, HOST2, 3, 300);
    rig_expect_routes("1 " OWN " #5 100");
    rig_expect_rows("");
}

static void
tie__lower_address_keeps_it__other_one_learns_again(void **state OVS_UNUSED)
{
    rig_learn(1, OWN);
    rig_learn(2, OWN);
    rig_run();
    rig_route(1, HOST1, 1, 100);
    rig_route(2, LOWER, 1, 100);
    rig_expect_rows("2 " LOWER);
    assert_int_equal(rig_renewed(), 1);
    rig_expect_routes("1 " OWN " #1 100\n2 " OWN " #1 100");
    /* So quickly that it is one change for us. */
    rig_age(2);
    rig_learn(2, OWN);
    rig_expect_routes("1 " OWN " #1 100\n2 " OWN " #2 100");
    rig_expect_rows("");
}

/* A control node that takes both for equal says so in one route. */
static void
tie__both_in_one_route__the_same(void **state OVS_UNUSED)
{
    rig_learn(1, OWN);
    rig_learn(2, OWN);
    rig_run();
    rig_route(1, OWN "," HOST1, 1, 100);
    rig_route(2, LOWER "," OWN, 1, 100);
    rig_expect_rows("2 " LOWER);
    assert_int_equal(rig_renewed(), 1);
    rig_expect_routes("1 " OWN " #1 100\n2 " OWN " #1 100");
}

/* There and here in turn, each time with the next number, as the switches
 * learn it: 'n' moves, the first of them to here. */
static void
flap(unsigned int n, uint64_t ms_between)
{
    static uint32_t sequence;

    for (unsigned int i = 0; i < n; i++) {
        rig_advance(ms_between);
        if (i % 2) {
            rig_route(1, HOST1, sequence += 2, 100);
            rig_run();
            rig_age(1);
        } else {
            sequence = MAX(sequence, 10);
            rig_route(1, HOST1, sequence, 100);
            rig_run();
            rig_learn(1, OWN);
            rig_run();
        }
    }
    rig_run();
}

static void
moves__too_many__mac_stays_where_it_was(void **state OVS_UNUSED)
{
    rig_route(1, HOST1, 1, 100);
    rig_run();
    flap(4, 1000);
    assert_int_equal(tor.n_frozen, 0);
    rig_expect_routes("");
    rig_expect_rows("1 " HOST1);
    rig_learn(1, OWN);
    rig_expect_routes("");
    rig_expect_rows("1 " HOST1);
    assert_int_equal(tor.n_frozen, 1);
    assert_int_equal(tor.n_moves, 5);

    /* For good; its row follows nothing but its route. */
    rig_advance(24 * 3600 * 1000);
    rig_age(1);
    rig_run();
    rig_learn(1, OWN);
    rig_expect_routes("");
    rig_route(1, HOST2, 90, 100);
    rig_expect_rows("1 " HOST2);
    assert_int_equal(tor.n_moves, 5);
}

static void
moves__too_many__mac_that_is_here_stays_here(void **state OVS_UNUSED)
{
    tor.bridge.move_limit = 4;
    rig_route(1, HOST1, 1, 100);
    rig_run();
    flap(3, 1000);
    const char *routes = rig_routes();
    char *before = xstrdup(routes);
    rig_route(1, HOST1, 1000, 100);
    rig_expect_routes(before);
    free(before);
    rig_expect_rows("");
    assert_int_equal(tor.n_frozen, 1);
    rig_route(1, HOST2, 1001, 100);
    rig_expect_rows("");
    /* Until it is here no more. */
    rig_age(1);
    rig_expect_routes("");
    rig_expect_rows("1 " HOST2);
    rig_learn(1, OWN);
    rig_expect_routes("");
    assert_int_equal(tor.n_frozen, 1);
}

static void
moves__frozen_and_nobody_else_has_it__announced(void **state OVS_UNUSED)
{
    rig_route(1, HOST1, 1, 100);
    rig_run();
    flap(5, 1000);
    rig_expect_routes("");
    rig_no_route(1);
    rig_expect_routes("1 " OWN " #1 100");
    rig_expect_rows("");
    assert_int_equal(tor.n_frozen, 1);
}

static void
moves__too_slow_for_the_window__never_frozen(void **state OVS_UNUSED)
{
    rig_route(1, HOST1, 1, 100);
    rig_run();
    flap(41, 46000);
    assert_int_equal(tor.n_frozen, 0);
    assert_int_equal(tor.n_moves, 41);
    rig_advance(tor.bridge.move_window_ms);
    assert_true(ovs_list_is_empty(&tor.moving));
}

static void
moves__no_limit__never_frozen(void **state OVS_UNUSED)
{
    tor.bridge.move_limit = 0;
    rig_route(1, HOST1, 1, 100);
    rig_run();
    flap(41, 100);
    assert_int_equal(tor.n_frozen, 0);
}

static void
moves__of_one_mac__do_not_freeze_another(void **state OVS_UNUSED)
{
    rig_route(1, HOST1, 1, 100);
    rig_route(2, HOST1, 1, 100);
    rig_run();
    flap(5, 1000);
    rig_learn(2, OWN);
    rig_expect_routes("2 " OWN " #2 100");
}

static void
frozen__time_is_over__moves_again(void **state OVS_UNUSED)
{
    tor.bridge.freeze_ms = 600000;
    rig_route(1, HOST1, 1, 100);
    rig_run();
    flap(5, 1000);
    rig_route(1, HOST1, 50, 100);
    rig_advance(599000);
    rig_expect_routes("");
    rig_advance(1000);
    rig_expect_routes("1 " OWN " #51 100");
    rig_expect_rows("");
    assert_int_equal(tor.n_frozen, 0);
}

static void
frozen__cleared_by_hand__moves_again(void **state OVS_UNUSED)
{
    const struct eth_addr mac = ETH_ADDR_C(02, 00, 00, 00, 00, 01);

    rig_route(1, HOST1, 1, 100);
    rig_run();
    flap(5, 1000);
    rig_route(1, HOST1, 50, 100);
    rig_expect_routes("");
    moves_thaw(&tor, bridge_find_mac(rig_network("blue"), &mac));
    rig_expect_routes("1 " OWN " #51 100");
    assert_int_equal(tor.n_frozen, 0);
    /* And is counted anew. */
    rig_age(1);
    rig_run();
    flap(3, 1000);
    assert_int_equal(tor.n_frozen, 0);
}

static void
frozen__network_goes__forgotten(void **state OVS_UNUSED)
{
    rig_route(1, HOST1, 1, 100);
    rig_run();
    flap(5, 1000);
    assert_int_equal(tor.n_frozen, 1);
    rig_config("blue", 0);
    assert_int_equal(tor.n_frozen, 0);
}

int
main(void)
{
#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, rig_setup, \
                                                   rig_teardown)
    const struct CMUnitTest tests[] = {
        CASE(arrival__of_a_remote_mac__announced_with_the_next_sequence),
        CASE(arrival__at_the_end_of_numbers__stays_there),
        CASE(existing_route__behind_the_same_switch__next_sequence_but_no_move),
        CASE(departure__higher_sequence_elsewhere__row_makes_switch_give_up),
        CASE(departure__route_goes_again__row_goes_too),
        CASE(old_route__of_lower_sequence__changes_nothing),
        CASE(tie__lower_address_keeps_it__other_one_learns_again),
        CASE(tie__both_in_one_route__the_same),
        CASE(moves__too_many__mac_stays_where_it_was),
        CASE(moves__too_many__mac_that_is_here_stays_here),
        CASE(moves__frozen_and_nobody_else_has_it__announced),
        CASE(moves__too_slow_for_the_window__never_frozen),
        CASE(moves__no_limit__never_frozen),
        CASE(moves__of_one_mac__do_not_freeze_another),
        CASE(frozen__time_is_over__moves_again),
        CASE(frozen__cleared_by_hand__moves_again),
        CASE(frozen__network_goes__forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
