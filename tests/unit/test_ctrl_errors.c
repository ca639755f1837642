/* SPDX-License-Identifier: Apache-2.0 */
/* What agents get wrong in routes and subscriptions, and what it costs: the
 * server's half of the error table, spec/xmpp-protocol.md 7. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/vlog.h"
#include "tests/unit/ctrl_fixture.h"

#define BLUE "default-domain:demo:blue:blue"
#define IQ "<iq type='set' from='a' to='x/"
#define PUBSUB "'><pubsub>"
#define END "</pubsub></iq>"
#define NODE "25/242/02:00:00:00:00:01,0.0.0.0/32"

static const char yaml[] =
    "project: demo\n"
    "networks:\n"
    "- {name: blue, vni: 100, id: 5}\n"
    "switches:\n"
    "- {name: tor1, vtep: 10.0.1.1, agent: a, ports: [{name: p1, network: "
    "blue}]}\n";

static struct ctrl_config *config;
static struct ctrl_core *core;
static struct client a, b;

static int
setup(void **state OVS_UNUSED)
{
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    config = ctrl_fixture_config(yaml);
    core = ctrl_core_create(config);
    client_open(&a, core, "a");
    client_open(&b, core, "b");
    client_subscribe(&a, true, BLUE, 5);
    client_subscribe(&b, true, BLUE, 5);
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

/* A pair of publish and collection; a part that is NULL is the good one. */
struct bad_item {
    const char *af, *mac, *address, *next_hops, *tag;
};

#define HOP(AF, ADDRESS, LABEL)                                         \
    "<next-hop><af>" AF "</af><address>" ADDRESS "</address><mac></mac>" \
    "<label>" LABEL "</label><tunnel-encapsulation-list>"               \
    "<tunnel-encapsulation>vxlan</tunnel-encapsulation>"                \
    "</tunnel-encapsulation-list></next-hop>"

static void
publish(const struct bad_item *bad)
{
    char *s = xasprintf(
        IQ "bgp-peer" PUBSUB "<publish node='" NODE "'><item><entry><nlri>"
        "<af>%s</af><safi>242</safi><ethernet-tag>%s</ethernet-tag>"
        "<mac>%s</mac><address>%s</address></nlri><next-hops>%s</next-hops>"
        "<local-preference>100</local-preference></entry></item></publish>"
        END IQ "bgp-peer" PUBSUB "<collection node='" BLUE "'><associate "
        "node='" NODE "'/></collection>" END,
        bad->af ? bad->af : "25", bad->tag ? bad->tag : "100",
        bad->mac ? bad->mac : "02:00:00:00:00:01",
        bad->address ? bad->address : "0.0.0.0/32",
        bad->next_hops ? bad->next_hops : HOP("1", "10.0.1.1", "100"));

    client_stanzas(&a, s, 0);
    free(s);
}

/* The one that was published before stays, the session too. */
static void
item__malformed__leaves_what_was(void **state OVS_UNUSED)
{
    static const struct bad_item good = { .af = NULL };
    static const struct bad_item cases[] = {
        { .af = "1" },
        { .af = "x" },
        { .mac = "zz:00:00:00:00:01" },
        { .mac = "02:00:00" },
        { .address = "0.0.0.0" },
        { .address = "10.0.0.1/99" },
        { .address = "nonsense/32" },
        { .tag = "many" },
        { .next_hops = HOP("1", "0.0.0.0", "100") },
        { .next_hops = HOP("1", "10.0.0.300", "100") },
        { .next_hops = HOP("1", "", "100") },
        { .next_hops = HOP("1", "10.0.1.1", "many") },
        { .next_hops = "" },
        { .next_hops = HOP("1", "10.0.1.1", "100")
                       HOP("1", "10.0.1.2", "100") },
    };

    publish(&good);
    client_is_told(&b, "+" BLUE " 100-02:00:00:00:00:01,0.0.0.0/32 "
                   "nh=10.0.1.1/100 lp=100 seq=0\n");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t n = ctrl_peer_counters(a.peer)->bad_items;

        publish(&cases[i]);
        client_is_told(&b, "");
        assert_int_equal(a.closed, XMPP_CLOSE_NONE);
        if (ctrl_peer_counters(a.peer)->bad_items != n + 1) {
            fail_msg("case %"PRIuSIZE" was not counted", i);
        }
    }
}

static void
node_id__of_no_family__ignored(void **state OVS_UNUSED)
{
    static const char *const nodes[] = {
        "junk", "25", "99/99/x", "25/242", "", "1/1", "/", "25/242/",
        "99999999999999999999/1/x",
    };

    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
        char *s = xasprintf(
            IQ "bgp-peer" PUBSUB "<publish node='%s'><item><entry></entry>"
            "</item></publish>" END IQ "bgp-peer" PUBSUB "<collection node='"
            BLUE "'><associate node='%s'/></collection>" END, nodes[i],
            nodes[i]);

        client_stanzas(&a, s, 0);
        free(s);
        assert_int_equal(a.closed, XMPP_CLOSE_NONE);
        client_is_told(&b, "");
    }
}

/* At control nodes a crash. */
static void
publish__two_items__no_harm(void **state OVS_UNUSED)
{
    static const char *const families[] = { "1/1", "1/4", "2/1", "25/242" };

    for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
        char *s = xasprintf(
            IQ "bgp-peer" PUBSUB "<publish node='%s/x'><item><entry/></item>"
            "<item><entry/></item></publish>" END IQ "bgp-peer" PUBSUB
            "<collection node='" BLUE "'><associate node='%s/x'/>"
            "</collection>" END, families[i], families[i]);

        client_stanzas(&a, s, 0);
        free(s);
        assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    }
    client_is_told(&b, "");
}

/* At control nodes an abort. */
static void
config__two_sessions_of_one_virtual_router__both_served(
    void **state OVS_UNUSED)
{
    static const char subscribe[] =
        IQ "config" PUBSUB "<subscribe node='virtual-router:" XMPP_VR_PREFIX
        "a'/>" END;

    client_stanzas(&a, subscribe, 0);
    client_stanzas(&b, subscribe, 0);
    ctrl_core_run(core, 0);
    assert_non_null(strstr(ds_cstr(&a.told), "config"));
    assert_string_equal(ds_cstr(&a.told), ds_cstr(&b.told));
    ds_clear(&a.told);
    ds_clear(&b.told);
}

static void
end_of_rib__as_a_message__ignored(void **state OVS_UNUSED)
{
    uint64_t n = ctrl_peer_counters(a.peer)->ignored;

    client_stanzas(&a, "<message from='a' to='x/bgp-peer'><event>"
                   "<items node='0/0/EndOfRib'></items></event></message>",
                   0);
    assert_int_equal(ctrl_peer_counters(a.peer)->ignored, n + 1);
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    client_is_told(&b, "");
}

int
main(void)
{
#define ERROR_TEST(FN) cmocka_unit_test_setup_teardown(FN, setup, teardown)
    const struct CMUnitTest tests[] = {
        ERROR_TEST(item__malformed__leaves_what_was),
        ERROR_TEST(node_id__of_no_family__ignored),
        ERROR_TEST(publish__two_items__no_harm),
        ERROR_TEST(config__two_sessions_of_one_virtual_router__both_served),
        ERROR_TEST(end_of_rib__as_a_message__ignored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
