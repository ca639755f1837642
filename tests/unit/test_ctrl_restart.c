/* SPDX-License-Identifier: Apache-2.0 */
/* The controller's help for clients that restart, in simulated time: what
 * others are told, and when what was not renewed goes. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "controller/restart.h"
#include "controller/rib.h"
#include "ctrl_fixture.h"

#define BLUE "default-domain:default-project:blue:blue"
#define RED "default-domain:default-project:red:red"
#define ROUTE1 "mac=02:00:00:00:00:01 tag=100 nh=10.0.1.1"
#define ROUTE2 "mac=02:00:00:00:00:02 tag=100 nh=10.0.1.1"
#define ID1 BLUE " 100-02:00:00:00:00:01,0.0.0.0/32"
#define ID2 BLUE " 100-02:00:00:00:00:02,0.0.0.0/32"
#define ATTRS " nh=10.0.1.1/100 lp=100 seq=0\n"
#define TOLD1 "+" ID1 ATTRS
#define TOLD2 "+" ID2 ATTRS
#define GONE1 "-" ID1 "\n"
#define GONE2 "-" ID2 "\n"

#define IQ "<iq type='set' from='a' to='network-control@contrailsystems.com/"
#define PUBSUB "bgp-peer'><pubsub xmlns='http://jabber.org/protocol/pubsub'>"
#define END "</pubsub></iq>"
/* As a real control node knows it, and as real agents send it. */
#define END_OF_RIB IQ PUBSUB "<publish/>" END IQ PUBSUB "<collection/>" END
#define END_OF_RIB_MESSAGE                                              \
    "<message from='a' to='network-control@contrailsystems.com/bgp-peer'>" \
    "<event xmlns='http://jabber.org/protocol/pubsub'>"                 \
    "<items node='0/0/EndOfRib'/></event></message>"

/* When the session of 'a' is lost, and its times. */
#define LOST_MS UINT64_C(1000000)
#define RESTART_MS UINT64_C(20000)
#define LONG_MS UINT64_C(60000)
#define END_OF_RIB_MS UINT64_C(300000)
#define NETWORKS                                                        \
    "networks:\n- {name: blue, vni: 100}\n- {name: red, vni: 200}\n"

static struct ctrl_config *config;
static struct ctrl_core *core;
static struct client a, b;
static struct in6_addr ip, other_ip;

/* The times as 'gr', in the syntax of the file. */
static void
configure(const char *gr)
{
    char *yaml = xasprintf(NETWORKS "graceful-restart: {%s}\n", gr);
    struct ctrl_config *new = ctrl_fixture_config(yaml);

    if (core) {
        ctrl_core_configure(core, new);
        ctrl_config_destroy(config);
    } else {
        core = ctrl_core_create(new);
    }
    config = new;
    free(yaml);
}

static int
setup(void **state)
{
    assert_int_equal(tsn_ip_parse("10.0.0.1", &ip), 0);
    assert_int_equal(tsn_ip_parse("10.0.0.2", &other_ip), 0);
    configure("restart-time: 20, long-lived-restart-time: 60");
    client_open(&a, core, "a");
    client_open(&b, core, "b");
    client_subscribe(&a, true, BLUE, 5);
    client_subscribe(&b, true, BLUE, 5);
    client_publish(&a, BLUE, ROUTE1);
    client_publish(&a, BLUE, ROUTE2);
    client_is_told(&b, TOLD1 TOLD2);
    client_is_told_at(&b, "end-of-rib\n", LOST_MS);
    return 0;
}

static int
teardown(void **state)
{
    if (a.peer) {
        client_quit(&a);
    }
    client_quit(&b);
    ctrl_core_destroy(core);
    ctrl_config_destroy(config);
    core = NULL;
    return 0;
}

static void
come_back(uint64_t now_ms)
{
    client_open_at(&a, core, "a", now_ms);
}

static void
forget_told(struct client *c)
{
    while (!ctrl_core_run(core, 0)) {
        continue;
    }
    ds_clear(&c->told);
}

struct expected {
    enum ctrl_restart_state state;
    size_t n_stale;
    uint64_t until_ms;
    int n_seen;
};

static void
look_at(const struct ctrl_restart_info *info, void *expected_)
{
    struct expected *expected = expected_;

    assert_string_equal(info->name, "a");
    assert_true(tsn_ip_equals(info->peer_ip, &ip));
    assert_int_equal(info->state, expected->state);
    assert_int_equal(info->n_stale, expected->n_stale);
    assert_int_equal(info->until_ms, expected->until_ms);
    expected->n_seen++;
}

static void
assert_stale(enum ctrl_restart_state state, size_t n, uint64_t until_ms,
             uint64_t now_ms)
{
    struct expected expected = {
        .state = state, .n_stale = n, .until_ms = until_ms,
    };

    ctrl_restarts_for_each(ctrl_core_restarts(core), now_ms, look_at,
                           &expected);
    assert_int_equal(expected.n_seen, 1);
}

static void
assert_nothing_stale(void)
{
    struct expected expected = { .n_seen = 0 };

    ctrl_restarts_for_each(ctrl_core_restarts(core), 0, look_at, &expected);
    assert_int_equal(expected.n_seen, 0);
}

static void
lost__renewed_in_time__others_hear_nothing(void **state)
{
    client_lose(&a, &ip, LOST_MS);
    assert_stale(CTRL_RESTART_AWAY, 2, LOST_MS + RESTART_MS + LONG_MS,
                 LOST_MS);
    client_is_told_at(&b, "", LOST_MS + 4000);

    come_back(LOST_MS + 4000);
    client_subscribe(&a, true, BLUE, 5);
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    client_publish(&a, BLUE, ROUTE1);
    client_publish(&a, BLUE, ROUTE2);
    /* It starts from nothing, and is told all. */
    client_is_told_at(&a, TOLD1 TOLD2, LOST_MS + 4000);
    client_stanzas(&a, END_OF_RIB, LOST_MS + 4000);
    assert_nothing_stale();
    client_is_told_at(&b, "", LOST_MS + 2 * END_OF_RIB_MS);
    assert_string_equal(ds_cstr(&a.told), "end-of-rib\n");
}

static void
lost__not_all_renewed__the_rest_goes_at_end_of_rib(void **state)
{
    client_lose(&a, &ip, LOST_MS);
    come_back(LOST_MS + 4000);
    client_subscribe(&a, true, BLUE, 5);
    client_publish(&a, BLUE, ROUTE1);
    assert_stale(CTRL_RESTART_BACK, 1, LOST_MS + RESTART_MS, LOST_MS + 4000);
    client_is_told_at(&b, "", LOST_MS + 5000);
    /* This one a control node does not look at. */
    client_stanzas(&a, END_OF_RIB_MESSAGE, LOST_MS + 5000);
    client_is_told_at(&b, "", LOST_MS + 6000);
    client_stanzas(&a, END_OF_RIB, LOST_MS + 6000);
    client_is_told_at(&b, GONE2, LOST_MS + 6000);
    assert_nothing_stale();
}

static void
lost__no_end_of_rib__the_rest_goes_after_the_restart_time(void **state)
{
    client_lose(&a, &ip, LOST_MS);
    come_back(LOST_MS + 4000);
    client_subscribe(&a, true, BLUE, 5);
    client_publish(&a, BLUE, ROUTE1);
    forget_told(&a);
    uint64_t end = LOST_MS + RESTART_MS;
    client_is_told_at(&b, "", end - 1);
    assert_in_range(ctrl_core_run(core, end - 1), 0, end);
    client_is_told_at(&b, GONE2, end);
    assert_nothing_stale();
}

static void
lost__back_at_the_last_moment__has_time_to_renew(void **state)
{
    uint64_t back = LOST_MS + RESTART_MS - 1;

    client_lose(&a, &ip, LOST_MS);
    client_is_told_at(&b, "", back);
    come_back(back);
    client_is_told_at(&b, "", back + CTRL_SWEEP_MIN_MS - 1);
    client_subscribe(&a, true, BLUE, 5);
    client_publish(&a, BLUE, ROUTE1);
    client_is_told_at(&b, GONE2, back + CTRL_SWEEP_MIN_MS);
}

static void
lost__back_in_the_long_lived_time__has_the_rest_of_it(void **state)
{
    uint64_t back = LOST_MS + RESTART_MS;
    uint64_t end = LOST_MS + RESTART_MS + LONG_MS;

    client_lose(&a, &ip, LOST_MS);
    assert_stale(CTRL_RESTART_LONG_AWAY, 2, end, back);
    come_back(back);
    client_subscribe(&a, true, BLUE, 5);
    client_publish(&a, BLUE, ROUTE2);
    client_is_told_at(&b, "", end - 1);
    client_is_told_at(&b, GONE1, end);
}

static void
lost__end_of_rib_timeout_is_shorter__counts(void **state)
{
    configure("restart-time: 20, end-of-rib-timeout: 3");
    client_lose(&a, &ip, LOST_MS);
    come_back(LOST_MS + 1000);
    client_is_told_at(&b, "", LOST_MS + 3999);
    client_is_told_at(&b, GONE1 GONE2, LOST_MS + 4000);
}

static void
lost__never_back__goes_after_both_times(void **state)
{
    uint64_t end = LOST_MS + RESTART_MS + LONG_MS;

    client_lose(&a, &ip, LOST_MS);
    assert_int_equal(ctrl_core_run(core, LOST_MS), LOST_MS + RESTART_MS);
    assert_int_equal(ctrl_core_run(core, LOST_MS + RESTART_MS), end);
    client_is_told_at(&b, "", end - 1);
    client_is_told_at(&b, GONE1 GONE2, end);
    assert_nothing_stale();
}

static void
lost__no_long_lived_time__goes_after_the_restart_time(void **state)
{
    configure("restart-time: 20, long-lived-restart-time: 0");
    client_lose(&a, &ip, LOST_MS);
    client_is_told_at(&b, "", LOST_MS + RESTART_MS - 1);
    client_is_told_at(&b, GONE1 GONE2, LOST_MS + RESTART_MS);
}

static void
lost__without_helper__goes_at_once(void **state)
{
    static const char *const off[] = { "enable: false", "xmpp-helper: false" };

    for (size_t i = 0; i < ARRAY_SIZE(off); i++) {
        configure(off[i]);
        client_lose(&a, &ip, LOST_MS);
        assert_nothing_stale();
        client_is_told(&b, GONE1 GONE2);
        client_open(&a, core, "a");
        client_subscribe(&a, true, BLUE, 5);
        client_publish(&a, BLUE, ROUTE1);
        client_publish(&a, BLUE, ROUTE2);
        client_is_told(&b, TOLD1 TOLD2);
    }
}

static void
helper_is_switched_off__what_is_stale_goes(void **state)
{
    client_lose(&a, &ip, LOST_MS);
    configure("enable: false");
    client_is_told_at(&b, GONE1 GONE2, LOST_MS);
}

static void
helper_is_switched_off__of_one_that_is_back_only_the_rest_goes(void **state)
{
    client_lose(&a, &ip, LOST_MS);
    come_back(LOST_MS);
    client_subscribe(&a, true, BLUE, 5);
    client_publish(&a, BLUE, ROUTE1);
    configure("enable: false");
    client_is_told_at(&b, GONE2, LOST_MS);
    client_publish(&a, BLUE, ROUTE2);
    client_is_told_at(&b, TOLD2, LOST_MS);
}

static void
times_are_changed__count_for_those_away(void **state)
{
    client_lose(&a, &ip, LOST_MS);
    configure("restart-time: 5, long-lived-restart-time: 5");
    client_is_told_at(&b, "", LOST_MS + 9999);
    client_is_told_at(&b, GONE1 GONE2, LOST_MS + 10000);
}

static void
back__renews_its_subscription__only_once(void **state)
{
    client_lose(&a, &ip, LOST_MS);
    come_back(LOST_MS);
    client_subscribe(&a, true, BLUE, 5);
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    client_subscribe(&a, true, BLUE, 5);
    assert_int_equal(a.closed, XMPP_CLOSE_ILLEGAL_ORDER);
}

static void
back__has_not_renewed_its_subscription__may_not_use_it(void **state)
{
    client_lose(&a, &ip, LOST_MS);
    come_back(LOST_MS);
    client_publish(&a, BLUE, ROUTE1);
    assert_int_equal(a.closed, XMPP_CLOSE_ILLEGAL_ORDER);
    client_lose(&a, &ip, LOST_MS);
    come_back(LOST_MS);
    client_subscribe(&a, false, BLUE, 5);
    assert_int_equal(a.closed, XMPP_CLOSE_ILLEGAL_ORDER);
    /* Nothing of it hurts the routes. */
    client_lose(&a, &ip, LOST_MS);
    client_is_told_at(&b, "", LOST_MS + 1000);
}

static void
back__does_not_renew_a_subscription__it_goes(void **state)
{
    struct ctrl_rib_instance_stats stats;

    client_lose(&a, &ip, LOST_MS);
    come_back(LOST_MS);
    client_subscribe(&a, true, RED, 6);
    ctrl_rib_instance_stats(ctrl_core_rib(core), BLUE, &stats);
    assert_int_equal(stats.n_subscribers, 1);
    assert_int_equal(stats.n_routes, 2);
    client_stanzas(&a, END_OF_RIB, LOST_MS);
    client_is_told_at(&b, GONE1 GONE2, LOST_MS);
    /* It may subscribe it now as one that is new. */
    client_subscribe(&a, true, BLUE, 5);
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
}

static void
back__a_route_has_changed__others_hear_of_that(void **state)
{
    client_lose(&a, &ip, LOST_MS);
    come_back(LOST_MS);
    client_subscribe(&a, true, BLUE, 5);
    client_publish(&a, BLUE, ROUTE1 " seq=3");
    client_is_told_at(&b, "+" ID1 " nh=10.0.1.1/100 lp=100 seq=3\n", LOST_MS);
    /* Withdrawn by the client itself, it is gone at once. */
    client_withdraw(&a, BLUE, ROUTE2);
    client_is_told_at(&b, GONE2, LOST_MS);
}

static void
away__its_networks_change__is_not_told(void **state)
{
    client_lose(&a, &ip, LOST_MS);
    client_publish(&b, BLUE, "mac=02:00:00:00:00:03 tag=100 nh=10.0.1.2");
    client_is_told_at(&b, "+" BLUE " 100-02:00:00:00:00:03,0.0.0.0/32 "
                      "nh=10.0.1.2/100 lp=100 seq=0\n", LOST_MS);
    client_withdraw(&b, BLUE, "mac=02:00:00:00:00:03 tag=100 nh=10.0.1.2");
    client_is_told_at(&b, "-" BLUE " 100-02:00:00:00:00:03,0.0.0.0/32\n",
                      LOST_MS);
    come_back(LOST_MS);
    client_subscribe(&a, true, BLUE, 5);
    client_is_told_at(&a, TOLD1 TOLD2, LOST_MS);
}

static void
away__network_is_removed_and_returns__its_routes_too(void **state)
{
    client_lose(&a, &ip, LOST_MS);
    struct ctrl_config *new = ctrl_fixture_config("networks: []\n");
    ctrl_core_configure(core, new);
    ctrl_config_destroy(config);
    config = new;
    client_is_told_at(&b, "", LOST_MS);
    configure("enable: true");
    client_is_told_all(&b, TOLD1 TOLD2);
}

static void
flaps__what_is_never_renewed_goes_in_the_end(void **state)
{
    uint64_t now = LOST_MS, end = LOST_MS + RESTART_MS + LONG_MS;

    client_lose(&a, &ip, now);
    for (; now < end; now += 5000) {
        client_is_told_at(&b, "", now);
        come_back(now + 1000);
        client_subscribe(&a, true, BLUE, 5);
        client_publish(&a, BLUE, ROUTE1);
        client_lose(&a, &ip, now + 5000);
    }
    client_is_told_at(&b, GONE2, now);
    assert_stale(CTRL_RESTART_AWAY, 1, now + RESTART_MS + LONG_MS, now);
}

static void
flaps__and_then_stays__the_oldest_mark_counts(void **state)
{
    client_lose(&a, &ip, LOST_MS);
    come_back(LOST_MS + 1000);
    client_lose(&a, &ip, LOST_MS + 78000);
    come_back(LOST_MS + 79000);
    assert_stale(CTRL_RESTART_BACK, 2, LOST_MS + 79000 + CTRL_SWEEP_MIN_MS,
                 LOST_MS + 79000);
}

static void
flaps__marks_are_not_lost(void **state)
{
    client_lose(&a, &ip, LOST_MS);
    come_back(LOST_MS + 1000);
    client_subscribe(&a, true, BLUE, 5);
    client_publish(&a, BLUE, ROUTE1);
    client_lose(&a, &ip, LOST_MS + 2000);
    assert_stale(CTRL_RESTART_AWAY, 2, LOST_MS + 2000 + RESTART_MS + LONG_MS,
                 LOST_MS + 2000);
    come_back(LOST_MS + 3000);
    client_stanzas(&a, END_OF_RIB, LOST_MS + 4000);
    /* In the order in which they were renewed last. */
    client_is_told_at(&b, GONE2 GONE1, LOST_MS + 4000);
}

static void
broadcast__publisher_is_away__stays_a_member(void **state)
{
#define TSN "mac=* tag=100 nh=10.0.0.9 assisted"
#define TOR "mac=* ip=10.0.1.1 tag=100 nh=10.0.1.1 replicator=10.0.0.9 no-edge"
#define TOLD_TSN "+" BLUE " 100-ff:ff:ff:ff:ff:ff,0.0.0.0/32 " \
    "leaf=10.0.1.1/100\n"
    client_publish(&b, BLUE, TSN);
    client_publish(&a, BLUE, TOR);
    client_is_told_at(&b, TOLD_TSN, LOST_MS);
    client_lose(&a, &ip, LOST_MS);
    client_is_told_at(&b, "", LOST_MS + 1000);
    come_back(LOST_MS + 1000);
    client_subscribe(&a, true, BLUE, 5);
    client_publish(&a, BLUE, TOR);
    client_stanzas(&a, END_OF_RIB, LOST_MS + 1000);
    client_is_told_at(&b, GONE1 GONE2, LOST_MS + 1000);

    client_lose(&a, &ip, LOST_MS + 2000);
    client_is_told_at(&b, "-" BLUE " 100-ff:ff:ff:ff:ff:ff,0.0.0.0/32\n",
                      LOST_MS + 2000 + RESTART_MS + LONG_MS);
}

static void
broadcast__publisher_is_back__is_told_its_lists_anew(void **state)
{
    client_publish(&a, BLUE, TSN);
    client_publish(&b, BLUE, TOR);
    forget_told(&a);
    client_lose(&a, &ip, LOST_MS);
    come_back(LOST_MS);
    client_subscribe(&a, true, BLUE, 5);
    client_is_told_at(&a, TOLD1 TOLD2, LOST_MS);
    client_publish(&a, BLUE, TSN);
    client_is_told_at(&a, TOLD_TSN, LOST_MS);
    client_stanzas(&a, END_OF_RIB, LOST_MS);
    client_is_told_at(&a, GONE1 GONE2, LOST_MS);
    assert_int_equal(b.closed, XMPP_CLOSE_NONE);
}

static void
broadcast__publisher_dies_while_a_retract_is_due__no_trouble(void **state)
{
    client_publish(&a, BLUE, TSN);
    client_publish(&b, BLUE, TOR);
    forget_told(&a);
    client_withdraw(&a, BLUE, TSN);
    client_lose(&a, &ip, LOST_MS);
    assert_stale(CTRL_RESTART_AWAY, 2, LOST_MS + RESTART_MS + LONG_MS,
                 LOST_MS);
}

static void
name__of_one_away__is_kept_for_its_address(void **state)
{
    assert_true(ctrl_core_admits(core, "a", &other_ip));
    client_lose(&a, &ip, LOST_MS);
    assert_true(ctrl_core_admits(core, "a", &ip));
    assert_false(ctrl_core_admits(core, "a", &other_ip));
    assert_true(ctrl_core_admits(core, "c", &other_ip));
    ctrl_core_run(core, LOST_MS + RESTART_MS + LONG_MS);
    assert_true(ctrl_core_admits(core, "a", &other_ip));
}

static void
lost__nothing_to_keep__not_kept(void **state)
{
    struct client c;

    client_open_at(&c, core, "c", LOST_MS);
    client_lose(&c, &ip, LOST_MS);
    assert_nothing_stale();
}

static void
lost__too_many_names__are_not_kept(void **state)
{
    struct client c;
    char name[32];

    for (int i = 0; i < CTRL_MAX_AWAY; i++) {
        snprintf(name, sizeof name, "c%d", i);
        client_open_at(&c, core, name, LOST_MS);
        client_subscribe(&c, true, RED, 1);
        client_lose(&c, &ip, LOST_MS);
    }
    client_lose(&a, &ip, LOST_MS);
    client_is_told_at(&b, GONE1 GONE2, LOST_MS);
    assert_true(ctrl_core_admits(core, "a", &other_ip));
    assert_false(ctrl_core_admits(core, "c0", &other_ip));

    /* One that comes back makes room. */
    come_back(LOST_MS);
    client_subscribe(&a, true, BLUE, 5);
    client_open_at(&c, core, "c0", LOST_MS);
    client_publish(&a, BLUE, ROUTE1);
    client_is_told_at(&b, TOLD1, LOST_MS);
    client_lose(&a, &ip, LOST_MS);
    client_is_told_at(&b, "", LOST_MS);
    client_quit(&c);
}

static void
lost__subscribed_to_what_is_not_known__not_kept(void **state)
{
    struct client c;
    char name[64];

    client_open_at(&c, core, "c", LOST_MS);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "default-domain:p:no%d:no%d", i, i);
        client_subscribe(&c, true, name, 1);
    }
    client_lose(&c, &ip, LOST_MS);
    assert_true(ctrl_core_admits(core, "c", &other_ip));

    /* What is known beside it is. */
    client_open_at(&c, core, "c", LOST_MS);
    client_subscribe(&c, true, name, 1);
    client_subscribe(&c, true, RED, 1);
    client_lose(&c, &ip, LOST_MS);
    assert_false(ctrl_core_admits(core, "c", &other_ip));
}

static void
end_of_rib__of_one_that_never_left__no_effect(void **state)
{
    client_stanzas(&a, END_OF_RIB, LOST_MS);
    client_is_told_at(&b, "", LOST_MS);
    assert_int_equal(ctrl_peer_counters(a.peer)->unpaired, 0);
}

static void
client_is_destroyed__after_its_return__leaves_nothing(void **state)
{
    client_lose(&a, &ip, LOST_MS);
    come_back(LOST_MS);
    client_quit(&a);
    assert_nothing_stale();
    client_is_told_at(&b, GONE1 GONE2, LOST_MS);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lost__renewed_in_time__others_hear_nothing),
        TEST(lost__not_all_renewed__the_rest_goes_at_end_of_rib),
        TEST(lost__no_end_of_rib__the_rest_goes_after_the_restart_time),
        TEST(lost__back_at_the_last_moment__has_time_to_renew),
        TEST(lost__back_in_the_long_lived_time__has_the_rest_of_it),
        TEST(lost__end_of_rib_timeout_is_shorter__counts),
        TEST(lost__never_back__goes_after_both_times),
        TEST(lost__no_long_lived_time__goes_after_the_restart_time),
        TEST(lost__without_helper__goes_at_once),
        TEST(helper_is_switched_off__what_is_stale_goes),
        TEST(helper_is_switched_off__of_one_that_is_back_only_the_rest_goes),
        TEST(times_are_changed__count_for_those_away),
        TEST(back__renews_its_subscription__only_once),
        TEST(back__has_not_renewed_its_subscription__may_not_use_it),
        TEST(back__does_not_renew_a_subscription__it_goes),
        TEST(back__a_route_has_changed__others_hear_of_that),
        TEST(away__its_networks_change__is_not_told),
        TEST(away__network_is_removed_and_returns__its_routes_too),
        TEST(flaps__what_is_never_renewed_goes_in_the_end),
        TEST(flaps__and_then_stays__the_oldest_mark_counts),
        TEST(flaps__marks_are_not_lost),
        TEST(broadcast__publisher_is_away__stays_a_member),
        TEST(broadcast__publisher_is_back__is_told_its_lists_anew),
        TEST(broadcast__publisher_dies_while_a_retract_is_due__no_trouble),
        TEST(name__of_one_away__is_kept_for_its_address),
        TEST(lost__nothing_to_keep__not_kept),
        TEST(lost__too_many_names__are_not_kept),
        TEST(lost__subscribed_to_what_is_not_known__not_kept),
        TEST(end_of_rib__of_one_that_never_left__no_effect),
        TEST(client_is_destroyed__after_its_return__leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
