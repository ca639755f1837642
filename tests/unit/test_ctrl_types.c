/* SPDX-License-Identifier: Apache-2.0 */
/* Routes of other kinds than a switch's agent publishes. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "controller/rib.h"
#include "ctrl_fixture.h"
#include "xmpp/inet.h"

#define BLUE "default-domain:default-project:blue:blue"
#define ZERO "00:00:00:00:00:00"
#define PREFIX "prefix=198.51.100.0/24 tag=0 label=9000 "
#define PREFIX_ID ZERO ",198.51.100.0/24"
#define MAC "mac=02:00:00:00:00:01 tag=100 nh=10.0.1.1 "
#define GROUP_ID "100-02:00:00:00:00:01,0.0.0.0/32,225.1.1.1,0.0.0.0"

static struct ctrl_config *config;
static struct ctrl_core *core;
static struct client a, b;

static int
setup(void **state OVS_UNUSED)
{
    config = ctrl_fixture_config("networks:\n- {name: blue, vni: 100}\n");
    core = ctrl_core_create(config);
    client_open(&a, core, "a");
    client_open(&b, core, "b");
    client_subscribe(&a, true, BLUE, 5);
    client_subscribe(&b, true, BLUE, 6);
    return 0;
}

static int
teardown(void **state OVS_UNUSED)
{
    client_quit(&a);
    client_quit(&b);
    ctrl_core_destroy(core);
    ctrl_config_destroy(config);
    return 0;
}

static uint64_t
n_bad(const struct client *c)
{
    return ctrl_peer_counters(c->peer)->bad_items;
}

static uint64_t
n_ignored(const struct client *c)
{
    return ctrl_peer_counters(c->peer)->ignored;
}

static void
prefix__published__told_to_all(void **state OVS_UNUSED)
{
    client_publish(&a, BLUE, PREFIX "nh=10.0.1.1 router=02:00:00:00:0f:01");
    client_is_told(&a, "+" BLUE " " PREFIX_ID " nh=10.0.1.1/9000 "
                   "router=02:00:00:00:0f:01 lp=100 seq=0\n");
    client_is_told(&b, "+" BLUE " " PREFIX_ID " nh=10.0.1.1/9000 "
                   "router=02:00:00:00:0f:01 lp=100 seq=0\n");
    client_withdraw(&a, BLUE, PREFIX "nh=10.0.1.1");
    client_is_told(&a, "-" BLUE " " PREFIX_ID "\n");
    client_is_told(&b, "-" BLUE " " PREFIX_ID "\n");
    assert_int_equal(n_bad(&a), 0);
    assert_int_equal(n_ignored(&a), 0);
}

static void
prefix__from_two__each_next_hop_keeps_its_router(void **state OVS_UNUSED)
{
    client_publish(&a, BLUE, PREFIX "nh=10.0.1.2 router=02:00:00:00:0f:02");
    client_publish(&b, BLUE, PREFIX "nh=10.0.1.1 router=02:00:00:00:0f:01");
    client_is_told(&a, "+" BLUE " " PREFIX_ID
                   " nh=10.0.1.1/9000,10.0.1.2/9000"
                   " router=02:00:00:00:0f:01 router=02:00:00:00:0f:02"
                   " lp=100 seq=0\n");
}

static void
prefix__router_changes__told_again(void **state OVS_UNUSED)
{
    client_publish(&a, BLUE, PREFIX "nh=10.0.1.1 router=02:00:00:00:0f:01");
    client_is_told(&b, "+" BLUE " " PREFIX_ID " nh=10.0.1.1/9000 "
                   "router=02:00:00:00:0f:01 lp=100 seq=0\n");
    client_publish(&a, BLUE, PREFIX "nh=10.0.1.1 router=02:00:00:00:0f:02");
    client_is_told(&b, "+" BLUE " " PREFIX_ID " nh=10.0.1.1/9000 "
                   "router=02:00:00:00:0f:02 lp=100 seq=0\n");
}

static void
prefix__same_address_another_length__another_route(void **state OVS_UNUSED)
{
    client_publish(&a, BLUE, "prefix=0.0.0.0/0 tag=0 label=1 nh=10.0.1.1");
    client_publish(&a, BLUE, "prefix=0.0.0.0/8 tag=0 label=2 nh=10.0.1.1");
    client_publish(&a, BLUE, "prefix=::/0 tag=0 label=3 nh=10.0.1.1");
    client_is_told_all(&b, "+" BLUE " " ZERO ",0.0.0.0/0 nh=10.0.1.1/1 "
                       "lp=100 seq=0\n"
                       "+" BLUE " " ZERO ",0.0.0.0/8 nh=10.0.1.1/2 "
                       "lp=100 seq=0\n"
                       "+" BLUE " " ZERO ",::/0 nh=10.0.1.1/3 "
                       "lp=100 seq=0\n");
    client_withdraw(&a, BLUE, "prefix=0.0.0.0/0 tag=0 nh=10.0.1.1");
    client_is_told(&b, "-" BLUE " " ZERO ",0.0.0.0/0\n");
}

static void
group__published__told_to_its_publisher_alone(void **state OVS_UNUSED)
{
    client_publish(&a, BLUE, MAC "group=225.1.1.1");
    client_is_told(&a, "+" BLUE " " GROUP_ID " nh=10.0.1.1/100 "
                   "lp=100 seq=0\n");
    client_is_told(&b, "");
    /* Published by another it is another route. */
    client_publish(&b, BLUE, "mac=02:00:00:00:00:01 tag=100 nh=10.0.1.2 "
                   "group=225.1.1.1");
    client_is_told(&b, "+" BLUE " " GROUP_ID " nh=10.0.1.2/100 "
                   "lp=100 seq=0\n");
    client_is_told(&a, "");
    client_withdraw(&a, BLUE, MAC "group=225.1.1.1");
    client_is_told(&a, "-" BLUE " " GROUP_ID "\n");
    client_is_told(&b, "");
}

static void
group__beside_the_mac__two_routes(void **state OVS_UNUSED)
{
    client_publish(&a, BLUE, MAC);
    client_publish(&a, BLUE, MAC "group=225.1.1.1");
    client_publish(&a, BLUE, MAC "group=225.1.1.2");
    client_is_told(&b, "+" BLUE " 100-02:00:00:00:00:01,0.0.0.0/32 "
                   "nh=10.0.1.1/100 lp=100 seq=0\n");
    client_withdraw(&a, BLUE, MAC);
    client_is_told(&b, "-" BLUE " 100-02:00:00:00:00:01,0.0.0.0/32\n");
    assert_non_null(strstr(ds_cstr(&a.told), "225.1.1.1"));
    assert_non_null(strstr(ds_cstr(&a.told), "225.1.1.2"));
    assert_null(strstr(ds_cstr(&a.told), "-" BLUE " " GROUP_ID));
}

/* A group's route is no member of the replication. */
static void
group__with_broadcast_mac__not_replicated_to(void **state OVS_UNUSED)
{
    client_publish(&a, BLUE, "mac=* tag=100 nh=10.0.1.1 assisted no-edge");
    client_publish(&b, BLUE, "mac=* tag=100 nh=10.0.1.2 group=225.1.1.1");
    client_is_told(&a, "");
    client_is_told(&b, "+" BLUE " 100-ff:ff:ff:ff:ff:ff,0.0.0.0/32,"
                   "225.1.1.1,0.0.0.0 nh=10.0.1.2/100 lp=100 seq=0\n");
}

static void
group__session_ends__forgotten(void **state OVS_UNUSED)
{
    client_publish(&a, BLUE, MAC "group=225.1.1.1");
    client_is_told(&a, "+" BLUE " " GROUP_ID " nh=10.0.1.1/100 "
                   "lp=100 seq=0\n");
    client_quit(&a);
    client_is_told(&b, "");
    client_open(&a, core, "a");
    client_subscribe(&a, true, BLUE, 5);
    client_is_told(&a, "");
}

static void
group__too_many__skipped_and_counted(void **state OVS_UNUSED)
{
    for (int i = 0; i <= CTRL_MAX_GROUPS; i++) {
        char *words = xasprintf(MAC "group=225.1.%d.%d", i / 256, i % 256);

        client_publish(&a, BLUE, words);
        free(words);
        assert_int_equal(n_bad(&a), i / CTRL_MAX_GROUPS);
    }
    /* One that is there may change, and the broadcast has its own room. */
    client_publish(&a, BLUE, MAC "group=225.1.0.0 seq=2");
    client_publish(&a, BLUE, "mac=* tag=100 nh=10.0.1.1");
    assert_int_equal(n_bad(&a), 1);
}

/* Unicast IP routes. */

#define INET_ENTRY(AF, SAFI, ADDRESS, LABEL) \
    "<entry><nlri><af>" AF "</af><safi>" SAFI "</safi><address>" ADDRESS \
    "</address></nlri><next-hops><next-hop><address>10.0.1.1</address>" \
    "<label>" LABEL "</label></next-hop></next-hops></entry>"

static void
put_inet(const char *node_id, const char *entry, const char *instance,
         bool associate)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    xmpp_put_publish(&ds, "a", "", 1, node_id, entry, instance, associate);
    client_stanzas(&a, ds_cstr(&ds), 0);
    ds_destroy(&ds);
}

static void
inet__published__ignored_if_good_else_counted(void **state OVS_UNUSED)
{
    static const struct {
        const char *node_id, *entry;
        bool associate, bad;
    } cases[] = {
        { "1/1/x", INET_ENTRY("1", "1", "192.0.2.1/32", "17"), true, false },
        { "1/1/x", INET_ENTRY("1", "1", "192.0.2.1/32", "0"), true, true },
        { "1/1/x", INET_ENTRY("1", "1", "192.0.2.1/32", "0"), false, false },
        { "1/1/x", INET_ENTRY("1", "1", "192.0.2.1", "17"), true, true },
        { "1/1/x", INET_ENTRY("1", "1", "192.0.2.1", "17"), false, true },
        { "1/1/x", INET_ENTRY("2", "1", "2001:db8::1/128", "17"), true, true },
        { "2/1/x", INET_ENTRY("2", "1", "2001:db8::1/128", "17"), true,
          false },
        { "2/1/x", INET_ENTRY("2", "1", "192.0.2.1/32", "17"), true, true },
        { "1/4/x", INET_ENTRY("1", "4", "192.0.2.1/32", "17"), true, false },
        { "1/4/x", INET_ENTRY("1", "4", "192.0.2.1/32", "0"), true, true },
        { "1/5/x", "<entry/>", true, false },
    };
    uint64_t bad = 0, ignored = 0;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        put_inet(cases[i].node_id, cases[i].entry, BLUE, cases[i].associate);
        bad += cases[i].bad;
        ignored += !cases[i].bad;
        assert_int_equal(n_bad(&a), bad);
        assert_int_equal(n_ignored(&a), ignored);
    }
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    client_is_told(&a, "");
    client_is_told(&b, "");
}

static void
inet__into_the_fabric__without_label(void **state OVS_UNUSED)
{
    client_subscribe(&a, true, XMPP_FABRIC_INSTANCE, 0);
    put_inet("1/1/x", INET_ENTRY("1", "1", "192.0.2.1/32", "0"),
             XMPP_FABRIC_INSTANCE, true);
    assert_int_equal(n_bad(&a), 0);
    put_inet("1/1/x", INET_ENTRY("1", "1", "192.0.2.1/32", "17"),
             XMPP_FABRIC_INSTANCE, true);
    assert_int_equal(n_bad(&a), 1);
}

static void
inet__without_subscription__closed(void **state OVS_UNUSED)
{
    put_inet("1/4/x", INET_ENTRY("1", "4", "192.0.2.1/32", "17"), "x:y:z:z",
             true);
    assert_int_equal(a.closed, XMPP_CLOSE_ILLEGAL_ORDER);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(prefix__published__told_to_all),
        TEST(prefix__from_two__each_next_hop_keeps_its_router),
        TEST(prefix__router_changes__told_again),
        TEST(prefix__same_address_another_length__another_route),
        TEST(group__published__told_to_its_publisher_alone),
        TEST(group__beside_the_mac__two_routes),
        TEST(group__with_broadcast_mac__not_replicated_to),
        TEST(group__session_ends__forgotten),
        TEST(group__too_many__skipped_and_counted),
        TEST(inet__published__ignored_if_good_else_counted),
        TEST(inet__into_the_fabric__without_label),
        TEST(inet__without_subscription__closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
