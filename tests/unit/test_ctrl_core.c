/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "controller/rib.h"
#include "ctrl_fixture.h"

#define BLUE "default-domain:default-project:blue:blue"
#define ROUTE "mac=02:00:00:00:00:01 tag=100 nh=10.0.1.1"
#define TOLD "+" BLUE " 100-02:00:00:00:00:01,0.0.0.0/32 nh=10.0.1.1/100 " \
    "lp=100 seq=0\n"

#define IQ "<iq type='set' from='a' to='network-control@contrailsystems.com/"
#define PUBSUB "'><pubsub xmlns='http://jabber.org/protocol/pubsub'>"
#define END "</pubsub></iq>"

static const char base[] =
    "networks:\n"
    "- {name: blue, vni: 100}\n"
    "switches:\n"
    "- name: tor1\n"
    "  vtep: 10.0.1.1\n"
    "  agent: a\n"
    "  ports:\n"
    "  - {name: p1, network: blue}\n";

static struct ctrl_config *config;
static struct ctrl_core *core;
static struct client a, b;

static int
setup(void **state)
{
    config = ctrl_fixture_config(base);
    core = ctrl_core_create(config);
    client_open(&a, core, "a");
    client_open(&b, core, "b");
    return 0;
}

static int
teardown(void **state)
{
    client_quit(&a);
    client_quit(&b);
    ctrl_core_destroy(core);
    ctrl_config_destroy(config);
    return 0;
}

static void
assert_closed(const char *stanzas)
{
    client_stanzas(&a, stanzas, 0);
    assert_int_equal(a.closed, XMPP_CLOSE_ILLEGAL_ORDER);
    /* What it still sends has no effect, not even another close. */
    client_stanzas(&a, stanzas, 0);
    client_subscribe(&a, true, "x", 1);
    client_is_told(&a, "");
}

static void
order__second_subscribe__closed(void **state)
{
    client_subscribe(&a, true, BLUE, 5);
    assert_closed(IQ "bgp-peer" PUBSUB "<subscribe node='" BLUE "'><options>"
                  "<instance-id>5</instance-id></options></subscribe>" END);
}

static void
order__second_subscribe_of_unknown__closed(void **state)
{
    client_subscribe(&a, true, "x:y:z:z", 5);
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    assert_closed(IQ "bgp-peer" PUBSUB "<subscribe node='x:y:z:z'>"
                  "</subscribe>" END);
}

static void
order__unsubscribe_without_subscription__closed(void **state)
{
    assert_closed(IQ "bgp-peer" PUBSUB "<unsubscribe node='" BLUE "'>"
                  "</unsubscribe>" END);
}

static void
order__unsubscribe_and_subscribe__fine(void **state)
{
    client_subscribe(&a, true, BLUE, 5);
    client_subscribe(&a, false, BLUE, 5);
    client_subscribe(&a, true, BLUE, 6);
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
}

static void
order__publish_without_subscription__closed(void **state)
{
    client_publish(&a, BLUE, ROUTE);
    assert_int_equal(a.closed, XMPP_CLOSE_ILLEGAL_ORDER);
}

static void
order__withdraw_after_unsubscribe__closed(void **state)
{
    client_subscribe(&a, true, BLUE, 5);
    client_publish(&a, BLUE, ROUTE);
    client_subscribe(&a, false, BLUE, 5);
    client_withdraw(&a, BLUE, ROUTE);
    assert_int_equal(a.closed, XMPP_CLOSE_ILLEGAL_ORDER);
}

static void
order__publish_without_instance_id__closed(void **state)
{
    client_stanzas(&a, IQ "bgp-peer" PUBSUB "<subscribe node='" BLUE "'/>"
                   END, 0);
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    client_publish(&a, BLUE, ROUTE);
    assert_int_equal(a.closed, XMPP_CLOSE_ILLEGAL_ORDER);
}

static void
order__other_family_without_subscription__closed(void **state)
{
    assert_closed(IQ "bgp-peer" PUBSUB "<publish node='1/5/" BLUE
                  "/225.1.1.1'><item/></publish>" END
                  IQ "bgp-peer" PUBSUB "<collection node='" BLUE "'>"
                  "<associate node='1/5/" BLUE "/225.1.1.1'/>"
                  "</collection>" END);
}

static void
pair__other_families__no_effect(void **state)
{
    static const char *const nodes[] = {
        "1/5/" BLUE "/225.1.1.1", "99/99/x", "junk",
    };

    client_subscribe(&a, true, BLUE, 5);
    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
        char *stanzas = xasprintf(
            IQ "bgp-peer" PUBSUB "<publish node='%s'><item><entry/></item>"
            "</publish>" END
            IQ "bgp-peer" PUBSUB "<collection node='" BLUE "'>"
            "<associate node='%s'/></collection>" END, nodes[i], nodes[i]);
        client_stanzas(&a, stanzas, 0);
        free(stanzas);
    }
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    assert_int_equal(ctrl_peer_counters(a.peer)->ignored,
                     ARRAY_SIZE(nodes));
    client_is_told(&a, "");
}

static void
pair__halves_do_not_fit__dropped(void **state)
{
#define PUBLISH(NODE) IQ "bgp-peer" PUBSUB "<publish node='" NODE "'><item>" \
    "<entry/></item></publish>" END
#define COLLECTION(NODE) IQ "bgp-peer" PUBSUB "<collection node='" BLUE \
    "'><associate node='" NODE "'/></collection>" END
    static const struct {
        const char *stanzas;
        unsigned int unpaired, bad_items;
    } cases[] = {
        { COLLECTION("25/242/x"), 1, 0 },
        { PUBLISH("25/242/x") COLLECTION("25/242/y"), 1, 0 },
        /* The first publish is lost, the second meets its half. */
        { PUBLISH("25/242/x") PUBLISH("25/242/y") COLLECTION("25/242/y"),
          1, 1 },
        /* Both are lost at once. */
        { PUBLISH("25/242/x") COLLECTION("25/242/y") COLLECTION("25/242/x"),
          2, 0 },
        { PUBLISH("25/242/x") IQ "bgp-peer" PUBSUB "<collection/>" END,
          1, 0 },
        { IQ "bgp-peer" PUBSUB "<publish/>" END COLLECTION("25/242/y"),
          1, 0 },
        /* An End-of-RIB. */
        { IQ "bgp-peer" PUBSUB "<publish/>" END
          IQ "bgp-peer" PUBSUB "<collection/>" END, 0, 0 },
        /* Nothing to pair, a bad item. */
        { PUBLISH("25/242/x") COLLECTION("25/242/x"), 0, 1 },
        /* Left behind. */
        { PUBLISH("25/242/x"), 0, 0 },
    };

    client_subscribe(&a, true, BLUE, 5);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ctrl_peer_counters before = *ctrl_peer_counters(a.peer);

        client_stanzas(&a, cases[i].stanzas, 0);
        const struct ctrl_peer_counters *after = ctrl_peer_counters(a.peer);
        assert_int_equal(after->unpaired - before.unpaired,
                         cases[i].unpaired);
        assert_int_equal(after->bad_items - before.bad_items,
                         cases[i].bad_items);
    }
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    client_is_told(&a, "");
}

static void
pair__subscribe_in_between__fine(void **state)
{
    struct ds entry = DS_EMPTY_INITIALIZER, ds = DS_EMPTY_INITIALIZER;
    struct xmpp_evpn route;

    client_route(ROUTE, &route);
    xmpp_evpn_encode_publish(&entry, &route);
    xmpp_evpn_fini(&route);
    xmpp_put_publish(&ds, "a", "l2", 1, "25/242/x", ds_cstr(&entry), BLUE,
                     true);
    char *end = strstr(ds_cstr(&ds), "</iq>") + 5;
    char *second = xstrdup(end);
    *end = '\0';
    client_stanzas(&a, ds_cstr(&ds), 0);
    client_subscribe(&a, true, BLUE, 5);
    client_stanzas(&a, second, 0);
    client_is_told(&a, TOLD);
    free(second);
    ds_destroy(&ds);
    ds_destroy(&entry);
}

static void
session__ends__its_routes_go(void **state)
{
    client_subscribe(&a, true, BLUE, 5);
    client_subscribe(&b, true, BLUE, 5);
    client_publish(&a, BLUE, ROUTE);
    client_is_told(&b, TOLD);
    client_quit(&a);
    client_is_told(&b, "-" BLUE " 100-02:00:00:00:00:01,0.0.0.0/32\n");
    client_open(&a, core, "a");
    client_subscribe(&a, true, BLUE, 5);
    client_is_told(&a, "");
}

static void
session__too_many_subscriptions__closed(void **state)
{
    for (int i = 0; i < CTRL_MAX_SUBSCRIPTIONS; i++) {
        char name[32];

        snprintf(name, sizeof name, "x:y:%d:%d", i, i);
        client_subscribe(&a, true, name, 5);
    }
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    client_subscribe(&a, true, "x:y:z:z", 5);
    assert_int_equal(a.closed, XMPP_CLOSE_LOCAL);
}

static void
session__too_many__refused(void **state)
{
    static struct client others[CTRL_MAX_SESSIONS - 2];
    struct in6_addr ip;

    assert_int_equal(tsn_ip_parse("10.0.0.1", &ip), 0);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        char name[16];

        snprintf(name, sizeof name, "c%"PRIuSIZE, i);
        assert_true(ctrl_core_admits(core, name, &ip));
        client_open(&others[i], core, name);
    }
    assert_false(ctrl_core_admits(core, "x", &ip));
    client_lose(&others[0], &ip, 0);
    assert_true(ctrl_core_admits(core, "x", &ip));
    client_open(&others[0], core, "x");
    assert_false(ctrl_core_admits(core, "c0", &ip));
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        client_quit(&others[i]);
    }
    assert_true(ctrl_core_admits(core, "x", &ip));
}

static void
session__name_without_end__closed(void **state)
{
    char *name = xmalloc(CTRL_MAX_INSTANCE + 2);

    memset(name, 'x', CTRL_MAX_INSTANCE + 1);
    name[CTRL_MAX_INSTANCE + 1] = '\0';
    client_subscribe(&a, true, name, 5);
    assert_int_equal(a.closed, XMPP_CLOSE_LOCAL);
    free(name);
}

/* Configuration. */

#define CONFIG_SUBSCRIBE(NAME) IQ "config" PUBSUB \
    "<subscribe node='virtual-router:default-global-system-config:" NAME \
    "'/>" END

static void
config__subscribed__sent_once(void **state)
{
    client_stanzas(&a, CONFIG_SUBSCRIBE("a"), 0);
    client_is_told(&a, "config\nconfig\nconfig\n");
    client_stanzas(&a, CONFIG_SUBSCRIBE("a"), 0);
    client_is_told(&a, "");
    assert_int_equal(ctrl_peer_counters(a.peer)->ignored, 1);
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    assert_string_equal(ctrl_peer_config_name(a.peer),
                        "default-global-system-config:a");
    assert_null(ctrl_peer_config_name(b.peer));
}

static void
config__client_does_not_read__sent_later(void **state)
{
    a.blocked = true;
    client_stanzas(&a, CONFIG_SUBSCRIBE("a"), 0);
    assert_int_equal(ctrl_core_run(core, 0), CTRL_RETRY_MS);
    assert_string_equal(ds_cstr(&a.told), "");
    /* Nor is it at the end of anything. */
    ctrl_core_run(core, CTRL_END_OF_RIB_QUIET_MS);
    assert_string_equal(ds_cstr(&a.told), "");
    a.blocked = false;
    ctrl_core_run(core, CTRL_END_OF_RIB_QUIET_MS);
    assert_string_equal(ds_cstr(&a.told), "config\nconfig\nconfig\n");
    ctrl_core_run(core, 2 * CTRL_END_OF_RIB_QUIET_MS);
    assert_string_equal(ds_cstr(&a.told),
                        "config\nconfig\nconfig\nend-of-rib\n");
}

static void
config__unknown_name__silence_until_it_appears(void **state)
{
    client_stanzas(&b, CONFIG_SUBSCRIBE("b"), 0);
    client_is_told(&b, "");

    char *yaml = xasprintf("%s- {name: b, vtep: 10.0.1.2}\n", base);
    struct ctrl_config *new = ctrl_fixture_config(yaml);
    ctrl_core_configure(core, new);
    ctrl_config_destroy(config);
    config = new;
    free(yaml);
    client_is_told(&b, "config\n");
}

static void
config__other_nodes__ignored(void **state)
{
    client_stanzas(&a,
        IQ "config" PUBSUB "<subscribe node='virtual-machine:1'/>" END
        IQ "config" PUBSUB "<subscribe node='x'/>" END
        IQ "config" PUBSUB "<publish node='x'/>" END
        IQ "config" PUBSUB "<unsubscribe node='virtual-router:"
        "default-global-system-config:a'/>" END
        IQ "config'><config><update/></config></iq>"
        IQ "bgp-peer'><config><update/></config></iq>"
        "<message from='a' to='x/bgp-peer'><event>"
        "<items node='0/0/EndOfRib'/></event></message>", 0);
    client_is_told(&a, "");
    assert_int_equal(ctrl_peer_counters(a.peer)->ignored, 7);
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
}

/* End-of-RIB. */

static void
end_of_rib__quiet__sent_once(void **state)
{
    assert_int_equal(ctrl_core_run(core, 0), CTRL_END_OF_RIB_QUIET_MS);
    assert_int_equal(ctrl_core_run(core, CTRL_END_OF_RIB_QUIET_MS - 1),
                     CTRL_END_OF_RIB_QUIET_MS);
    assert_string_equal(ds_cstr(&a.told), "");
    assert_int_equal(ctrl_core_run(core, CTRL_END_OF_RIB_QUIET_MS),
                     UINT64_MAX);
    assert_string_equal(ds_cstr(&a.told), "end-of-rib\n");
    assert_string_equal(ds_cstr(&b.told), "end-of-rib\n");
    client_subscribe(&a, true, BLUE, 5);
    assert_int_equal(ctrl_core_run(core, 100000), UINT64_MAX);
    assert_string_equal(ds_cstr(&a.told), "end-of-rib\n");
}

static void
end_of_rib__just_started__waits_for_the_other_clients(void **state)
{
    ctrl_core_delay_end_of_rib(core, CTRL_END_OF_RIB_START_MS);
    assert_int_equal(ctrl_core_run(core, 0), CTRL_END_OF_RIB_START_MS);
    ctrl_core_run(core, CTRL_END_OF_RIB_START_MS - 1);
    assert_string_equal(ds_cstr(&a.told), "");
    ctrl_core_run(core, CTRL_END_OF_RIB_START_MS);
    assert_string_equal(ds_cstr(&a.told), "end-of-rib\n");
}

static void
end_of_rib__stanza_in_either_direction__later(void **state)
{
    client_subscribe(&b, true, BLUE, 5);
    ctrl_core_run(core, 0);

    client_stanzas(&a, IQ "bgp-peer" PUBSUB "<subscribe node='" BLUE "'>"
                   "<options><instance-id>5</instance-id></options>"
                   "</subscribe>" END, 1500);
    client_publish(&a, BLUE, ROUTE);
    /* Told to both at 1800. */
    ctrl_core_run(core, 1800);
    ctrl_core_run(core, 3799);
    assert_string_equal(ds_cstr(&a.told), TOLD);
    assert_string_equal(ds_cstr(&b.told), TOLD);
    assert_int_equal(ctrl_core_run(core, 3800), UINT64_MAX);
    assert_string_equal(ds_cstr(&a.told), TOLD "end-of-rib\n");
    assert_string_equal(ds_cstr(&b.told), TOLD "end-of-rib\n");
}

static void
end_of_rib__never_quiet__after_the_maximum(void **state)
{
    for (uint64_t now = 0; now < CTRL_END_OF_RIB_MAX_MS; now += 1000) {
        client_stanzas(&a, IQ "config" PUBSUB "<subscribe node='x'/>" END,
                       now);
        ctrl_core_run(core, now);
    }
    assert_string_equal(ds_cstr(&a.told), "");
    client_stanzas(&a, IQ "config" PUBSUB "<subscribe node='x'/>" END,
                   CTRL_END_OF_RIB_MAX_MS);
    ctrl_core_run(core, CTRL_END_OF_RIB_MAX_MS);
    assert_string_equal(ds_cstr(&a.told), "end-of-rib\n");
}

static void
end_of_rib__client_does_not_read__even_after_the_maximum(void **state)
{
    client_subscribe(&b, true, BLUE, 5);
    client_subscribe(&a, true, BLUE, 5);
    b.blocked = true;
    client_publish(&a, BLUE, ROUTE);
    ctrl_core_run(core, CTRL_END_OF_RIB_MAX_MS);
    ctrl_core_run(core, 2 * CTRL_END_OF_RIB_MAX_MS);
    assert_string_equal(ds_cstr(&b.told), "");
    b.blocked = false;
    ctrl_core_run(core, 2 * CTRL_END_OF_RIB_MAX_MS + 1);
    assert_string_equal(ds_cstr(&b.told), TOLD "end-of-rib\n");
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(order__second_subscribe__closed),
        TEST(order__second_subscribe_of_unknown__closed),
        TEST(order__unsubscribe_without_subscription__closed),
        TEST(order__unsubscribe_and_subscribe__fine),
        TEST(order__publish_without_subscription__closed),
        TEST(order__withdraw_after_unsubscribe__closed),
        TEST(order__publish_without_instance_id__closed),
        TEST(order__other_family_without_subscription__closed),
        TEST(pair__other_families__no_effect),
        TEST(pair__halves_do_not_fit__dropped),
        TEST(pair__subscribe_in_between__fine),
        TEST(session__ends__its_routes_go),
        TEST(session__too_many_subscriptions__closed),
        TEST(session__too_many__refused),
        TEST(session__name_without_end__closed),
        TEST(config__subscribed__sent_once),
        TEST(config__client_does_not_read__sent_later),
        TEST(config__unknown_name__silence_until_it_appears),
        TEST(config__other_nodes__ignored),
        TEST(end_of_rib__quiet__sent_once),
        TEST(end_of_rib__just_started__waits_for_the_other_clients),
        TEST(end_of_rib__stanza_in_either_direction__later),
        TEST(end_of_rib__never_quiet__after_the_maximum),
        TEST(end_of_rib__client_does_not_read__even_after_the_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
