/* SPDX-License-Identifier: Apache-2.0 */
/* The speaker over restarts, of control nodes and its own, in simulated time:
 * what is kept of routes and configuration and for how long, and when a
 * control node is told that it has all. */
#include <config.h>

#include "speaker_rig.h"
#include "tsn/json.h"
#include "xmpp-config.h"

#define RI "default-domain:demo:red:red"
#define MAC1 "02:00:00:00:00:01"
#define MAC2 "02:00:00:00:00:02"
#define MAC3 "02:00:00:00:00:03"
#define ID(MAC) "100-" MAC ",0.0.0.0/32"
#define NODE_ID(MAC) "25/242/" MAC ",0.0.0.0/32"
#define LISTS "ff:ff:ff:ff:ff:ff"
#define FRESH(MAC) ID(MAC) "\n"
#define STALE(MAC) ID(MAC) " stale\n"

/* Time-outs are looked at once a second. */
/* The first time-out of the back-off with its jitter, and some more. */
#define RECONNECT_MS 1500
#define TICK_MS UINT64_C(1000)
#define FALLBACK_MS UINT64_C(60000)
#define STALE_HOLD_S 300
#define STALE_HOLD_MS (UINT64_C(1000) * STALE_HOLD_S)
#define QUIET_MS UINT64_C(15000)
#define CONFIG_IDLE_MS UINT64_C(5000)
#define CONFIG_IDLE_GR_MS UINT64_C(15000)
#define CONFIG_STALE_MS UINT64_C(100000)
#define DAY_MS UINT64_C(86400000)

static void
start(size_t n_nodes)
{
    rig_start("a", n_nodes, STALE_HOLD_S);
    xmpp_speaker_subscribe(rig.speaker, RI, 5);
    rig_advance(0);
    for (size_t i = 0; i < MIN(n_nodes, 2); i++) {
        rig_expect(i, i ? "open\nsubscribe(" RI ")\n"
                        : "open\nconfig\nsubscribe(" RI ")\n");
    }
}

static int
teardown(void **state)
{
    rig_stop();
    return 0;
}

static void
make_route(struct xmpp_evpn *route, const char *mac, const char *vtep)
{
    struct in6_addr ip;

    xmpp_evpn_init(route);
    route->tag = 100;
    assert_true(eth_addr_from_string(mac, &route->mac));
    route->plen = 32;
    route->local_pref = 100;
    assert_int_equal(tsn_ip_parse(vtep, &ip), 0);
    xmpp_evpn_add_next_hop(route, &ip, 100, TSN_ENCAP_VXLAN);
}

static void
node_item(int i, const char *mac)
{
    struct ds entry = DS_EMPTY_INITIALIZER, out = DS_EMPTY_INITIALIZER;
    char id[XMPP_ID_STRLEN];
    struct xmpp_evpn route;

    make_route(&route, mac, "10.0.0.9");
    xmpp_evpn_encode_notify(&entry, &route);
    xmpp_put_event_begin(&out, "a", XMPP_FAMILY_EVPN, RI);
    xmpp_put_item(&out, xmpp_evpn_item_id(&route, id), ds_cstr(&entry));
    xmpp_put_event_end(&out);
    rig_send(i, out.string, out.length);
    xmpp_evpn_fini(&route);
    ds_destroy(&entry);
    ds_destroy(&out);
}

static void
node_lists_of(int i, const char *vtep)
{
    struct ds entry = DS_EMPTY_INITIALIZER, out = DS_EMPTY_INITIALIZER;
    char id[XMPP_ID_STRLEN];
    struct xmpp_evpn route;

    make_route(&route, "ff:ff:ff:ff:ff:ff", vtep);
    route.olist = xmemdup(route.next_hops, sizeof *route.next_hops);
    route.n_olist = 1;
    xmpp_evpn_encode_notify(&entry, &route);
    xmpp_put_event_begin(&out, "a", XMPP_FAMILY_EVPN, RI);
    xmpp_put_item(&out, xmpp_evpn_item_id(&route, id), ds_cstr(&entry));
    xmpp_put_event_end(&out);
    rig_send(i, out.string, out.length);
    xmpp_evpn_fini(&route);
    ds_destroy(&entry);
    ds_destroy(&out);
}

static void
node_lists(int i)
{
    node_lists_of(i, "10.0.0.9");
}

static void
put_lists(const char *id OVS_UNUSED, const struct xmpp_evpn *route,
          bool stale OVS_UNUSED, void *ds)
{
    char ip[TSN_IP_STRLEN];

    for (size_t i = 0; i < route->n_olist; i++) {
        ds_put_format(ds, "%s ", tsn_ip_format(&route->olist[i].ip, ip));
    }
}

/* All members that count, some perhaps twice. */
static void
expect_lists(const char *expected)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    xmpp_speaker_for_each_route(rig.speaker, RI, put_lists, &ds);
    assert_string_equal(ds_cstr(&ds), expected);
    ds_destroy(&ds);
}

static void
node_retract(int i, const char *id)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    xmpp_put_event_begin(&out, "a", XMPP_FAMILY_EVPN, RI);
    xmpp_put_retract(&out, id);
    xmpp_put_event_end(&out);
    rig_send(i, out.string, out.length);
    ds_destroy(&out);
}

static void
node_end_of_rib(int i)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    xmpp_put_server_end_of_rib(&out, "a");
    rig_send(i, out.string, out.length);
    ds_destroy(&out);
}

static void
node_config(int i, const char *objects)
{
    char *s = xasprintf("<iq type='set' to='a/config'><config><update>%s"
                        "</update></config></iq>", objects);

    rig_send_text(i, s);
    free(s);
}

#define NETWORK(NAME, NUMBER)                                           \
    NODE("virtual-network", "d:p:" NAME, ID_PERMS(NUMBER)               \
         "<virtual-network-network-id>" #NUMBER                         \
         "</virtual-network-network-id>")                               \
    NODE("routing-instance", "d:p:" NAME ":" NAME, "")                  \
    LINK("virtual-network-routing-instance", "virtual-network",         \
         "d:p:" NAME, "routing-instance", "d:p:" NAME ":" NAME)
#define GRACEFUL                                                        \
    NODE("global-system-config", "g", "<graceful-restart-parameters>"   \
         "<enable>true</enable><end-of-rib-timeout>300"                 \
         "</end-of-rib-timeout><xmpp-helper-enable>true"                \
         "</xmpp-helper-enable></graceful-restart-parameters>")

/* Routes that were learnt. */

static void
learn(int i)
{
    node_item(i, MAC1);
    node_item(i, MAC2);
    node_end_of_rib(i);
    rig_advance(0);
}

static void
lost__back_and_end_of_rib__what_was_not_sent_again_goes(void **state)
{
    start(1);
    learn(0);
    rig_expect_routes(RI, FRESH(MAC1) FRESH(MAC2));
    rig_kill(0);
    rig_expect_routes(RI, STALE(MAC1) STALE(MAC2));
    rig.nodes[0].reachable = true;
    rig_advance(10000);
    rig_expect(0, "open\nconfig\nsubscribe(" RI ")\n");
    node_item(0, MAC1);
    node_item(0, MAC3);
    rig_expect_routes(RI, FRESH(MAC1) STALE(MAC2) FRESH(MAC3));
    rig_advance(FALLBACK_MS / 2);
    rig_expect_routes(RI, FRESH(MAC1) STALE(MAC2) FRESH(MAC3));
    node_end_of_rib(0);
    rig_expect_routes(RI, FRESH(MAC1) FRESH(MAC3));
    /* The end of its owner's work hears of it. */
    rig.n_routes_changed = 0;
    rig_advance(0);
    assert_int_equal(rig.n_routes_changed, 1);
}

static void
lost__back_without_end_of_rib__swept_after_the_fallback(void **state)
{
    start(1);
    learn(0);
    rig_lose(0);
    rig_advance(1500);
    rig_expect(0, "open\nconfig\nsubscribe(" RI ")\n");
    node_item(0, MAC1);
    rig_advance(FALLBACK_MS - TICK_MS);
    rig_expect_routes(RI, FRESH(MAC1) STALE(MAC2));
    rig_advance(2 * TICK_MS);
    rig_expect_routes(RI, FRESH(MAC1));
}

static void
lost__cloud_says_how_long__counts_for_the_fallback(void **state)
{
    start(1);
    node_config(0, GRACEFUL);
    learn(0);
    rig_advance(1000);
    rig_lose(0);
    rig_advance(1500);
    node_item(0, MAC1);
    rig_advance(300000 - TICK_MS);
    rig_expect_routes(RI, FRESH(MAC1) STALE(MAC2));
    rig_advance(2 * TICK_MS);
    rig_expect_routes(RI, FRESH(MAC1));
}

static void
lost__retracted_after_the_return__goes_at_once(void **state)
{
    start(1);
    learn(0);
    rig_lose(0);
    rig_advance(1500);
    node_retract(0, ID(MAC1));
    rig_expect_routes(RI, STALE(MAC2));
}

static void
lost__another_node_has_it__fresh_wins(void **state)
{
    start(2);
    learn(0);
    learn(1);
    rig_kill(0);
    rig_expect_routes(RI, FRESH(MAC1) FRESH(MAC2));
    node_retract(1, ID(MAC2));
    rig_expect_routes(RI, FRESH(MAC1) STALE(MAC2));
}

static void
lost__another_node_serves__stale_paths_live_for_the_stale_hold(void **state)
{
    start(2);
    learn(0);
    node_item(1, MAC1);
    node_end_of_rib(1);
    rig_kill(0);
    rig_advance(STALE_HOLD_MS - TICK_MS);
    rig_expect_routes(RI, FRESH(MAC1) STALE(MAC2));
    rig_advance(2 * TICK_MS);
    rig_expect_routes(RI, FRESH(MAC1));
}

static void
lost__another_node_has_not_sent_all__stale_paths_live_on(void **state)
{
    start(2);
    learn(0);
    rig_kill(0);
    rig_kill(1);
    rig_advance(2 * STALE_HOLD_MS);
    rig.nodes[1].reachable = true;
    rig_advance(10000);
    node_item(1, MAC1);
    rig_advance(1000);
    rig_expect_routes(RI, FRESH(MAC1) STALE(MAC2));
    node_end_of_rib(1);
    rig_advance(TICK_MS);
    rig_expect_routes(RI, FRESH(MAC1));
}

static void
assert_frozen(const char *expected)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct tsn_json json;

    tsn_json_init(&json, &ds);
    tsn_json_object_begin(&json, NULL);
    xmpp_speaker_status(rig.speaker, &json);
    tsn_json_object_end(&json);
    const char *found = strstr(ds_cstr(&ds), "\"frozen_s\":");
    assert_non_null(found);
    assert_memory_equal(found + strlen("\"frozen_s\":"), expected,
                        strlen(expected));
    ds_destroy(&ds);
}

static void
lost__all_nodes__kept_for_ever(void **state)
{
    start(2);
    node_config(0, NETWORK("red", 1));
    learn(0);
    learn(1);
    rig_advance(CONFIG_IDLE_MS + 2 * TICK_MS);
    assert_true(rig.complete);
    assert_frozen("null,");
    rig_kill(0);
    assert_frozen("null,");
    rig_kill(1);
    rig_advance(7000);
    assert_frozen("7,");
    rig_advance(3 * DAY_MS);
    rig_expect_routes(RI, STALE(MAC1) STALE(MAC2));
    assert_int_equal(rig.n_networks, 1);
    assert_false(xmpp_speaker_is_up(rig.speaker));
    assert_frozen("259207,");
    rig.nodes[1].reachable = true;
    rig_advance(10000);
    assert_frozen("null,");
}

static void
lost__all_nodes_and_a_limit__routes_go_then(void **state)
{
    start(2);
    node_config(0, NETWORK("red", 1));
    learn(0);
    node_lists(1);
    node_end_of_rib(1);
    rig_advance(1000);
    rig.speaker->frozen_hold_ms = 3600000;
    rig_lose(1);
    rig_advance(1500);
    node_lists(1);
    rig_kill(0);
    rig_kill(1);
    rig_advance(3600000 - TICK_MS);
    rig_expect_routes(RI, STALE(MAC1) STALE(MAC2) STALE(LISTS) STALE(LISTS));
    rig_advance(2 * TICK_MS);
    rig_expect_routes(RI, "");
    /* What is to be served stays known. */
    assert_int_equal(rig.n_networks, 1);
    rig.nodes[0].reachable = true;
    rig_advance(10000);
    learn(0);
    rig_expect_routes(RI, FRESH(MAC1) FRESH(MAC2));
}

static void
flap__session_that_was_not_in_sync__loses_no_mark(void **state)
{
    start(1);
    learn(0);
    rig_lose(0);
    rig_advance(1500);
    node_item(0, MAC1);
    node_item(0, MAC3);
    rig_lose(0);
    rig_expect_routes(RI, STALE(MAC1) STALE(MAC2) STALE(MAC3));
    rig_advance(2500);
    node_item(0, MAC3);
    node_end_of_rib(0);
    rig_expect_routes(RI, FRESH(MAC3));
}

static void
flap__never_in_sync__does_not_keep_stale_routes_young(void **state)
{
    start(2);
    learn(0);
    node_item(1, MAC1);
    node_end_of_rib(1);
    rig_lose(0);
    uint64_t end = rig.now_ms + STALE_HOLD_MS;
    while (rig.now_ms < end) {
        rig_expect_routes(RI, FRESH(MAC1) STALE(MAC2));
        rig_advance(2500);
        if (rig.nodes[0].transport
            && xmpp_conn_is_open(rig.nodes[0].transport->conn)) {
            rig_lose(0);
        }
    }
    rig_kill(0);
    rig_advance(TICK_MS);
    rig_expect_routes(RI, FRESH(MAC1));
}

static void
flap__flood_lists__of_a_node_long_gone_are_given_up(void **state)
{
    start(2);
    node_lists(0);
    node_end_of_rib(0);
    node_lists(1);
    node_end_of_rib(1);
    rig_lose(0);
    rig_advance(1500);
    rig_kill(0);
    rig_advance(STALE_HOLD_MS + TICK_MS);
    /* When the other one restarts it adds to its own of before, no more. */
    rig_lose(1);
    rig_expect_routes(RI, STALE(LISTS));
    rig_advance(1500);
    node_lists(1);
    rig_expect_routes(RI, FRESH(LISTS) STALE(LISTS));
}

/* The one that was lost last had not come to its end, but what it has told is
 * the newest. */
static void
lost__all_nodes_the_last_not_in_sync__lists_of_both(void **state)
{
    start(2);
    node_lists_of(0, "10.0.0.1");
    node_end_of_rib(0);
    rig_lose(0);
    rig_kill(0);
    node_lists_of(1, "10.0.0.2");
    rig_advance(0);
    expect_lists("10.0.0.2 10.0.0.1 ");
    rig_lose(1);
    rig_kill(1);
    rig_advance(TICK_MS);
    expect_lists("10.0.0.1 10.0.0.2 ");
}

static void
rotation__next_node_of_the_list__takes_over_what_is_stale(void **state)
{
    start(3);
    learn(0);
    node_end_of_rib(1);
    rig_kill(0);
    rig_advance(60000);
    rig_expect(2, "open\nsubscribe(" RI ")\n");
    node_item(2, MAC1);
    rig_expect_routes(RI, FRESH(MAC1) STALE(MAC2));
    node_end_of_rib(2);
    rig_expect_routes(RI, FRESH(MAC1));
}

/* Our End-of-RIB. */

static void
publish(const char *mac)
{
    struct xmpp_evpn route;

    make_route(&route, mac, "10.0.0.1");
    assert_int_equal(xmpp_speaker_publish(rig.speaker, RI, &route), 0);
    xmpp_evpn_fini(&route);
}

static void
end_of_rib__all_is_told__once_after_a_silence(void **state)
{
    start(2);
    node_config(0, GRACEFUL);
    publish(MAC1);
    xmpp_speaker_set_complete(rig.speaker, true);
    rig_advance(CONFIG_IDLE_GR_MS + QUIET_MS - TICK_MS);
    rig_expect(0, "+" NODE_ID(MAC1) "\n");
    rig_expect(1, "+" NODE_ID(MAC1) "\n");
    rig_advance(2 * TICK_MS);
    rig_expect(0, "end-of-rib\n");
    rig_expect(1, "end-of-rib\n");
    rig_advance(DAY_MS);
    rig_expect(0, "");
    rig_expect(1, "");
}

static void
end_of_rib__owner_is_not_complete__not_told(void **state)
{
    start(2);
    node_config(0, GRACEFUL);
    rig_advance(DAY_MS);
    rig_expect(0, "");
    rig_expect(1, "");
    /* Its switch has come at last. */
    publish(MAC1);
    xmpp_speaker_set_complete(rig.speaker, true);
    rig_advance(QUIET_MS + TICK_MS);
    rig_expect(0, "+" NODE_ID(MAC1) "\nend-of-rib\n");
    rig_expect(1, "+" NODE_ID(MAC1) "\nend-of-rib\n");
}

/* The configuration pauses while it comes: what the owner took for all is
 * not. */
static void
end_of_rib__owner_takes_it_back__not_told(void **state)
{
    start(1);
    node_config(0, GRACEFUL);
    rig_advance(CONFIG_IDLE_GR_MS + TICK_MS);
    xmpp_speaker_set_complete(rig.speaker, true);
    rig_advance(QUIET_MS - 2 * TICK_MS);
    xmpp_speaker_set_complete(rig.speaker, false);
    rig_advance(DAY_MS);
    rig_expect(0, "");
    publish(MAC1);
    xmpp_speaker_set_complete(rig.speaker, true);
    rig_advance(QUIET_MS - TICK_MS);
    rig_expect(0, "+" NODE_ID(MAC1) "\n");
    rig_advance(2 * TICK_MS);
    rig_expect(0, "end-of-rib\n");
}

static void
end_of_rib__no_configuration__not_told(void **state)
{
    start(2);
    xmpp_speaker_set_complete(rig.speaker, true);
    rig_advance(DAY_MS);
    rig_expect(0, "");
    rig_expect(1, "");
}

static void
end_of_rib__configuration_still_comes__not_told(void **state)
{
    start(2);
    xmpp_speaker_set_complete(rig.speaker, true);
    for (int i = 0; i < 60; i++) {
        node_config(0, GRACEFUL NETWORK("red", 1));
        rig_advance(10000);
    }
    rig_expect(0, "");
    rig_expect(1, "");
}

static void
end_of_rib__never_silent__told_in_the_end(void **state)
{
    start(1);
    node_config(0, GRACEFUL);
    rig_advance(CONFIG_IDLE_GR_MS + TICK_MS);
    xmpp_speaker_set_complete(rig.speaker, true);
    rig_advance(TICK_MS);
    for (int i = 0; i < 58; i++) {
        publish(i % 2 ? MAC1 : MAC2);
        rig_advance(TICK_MS / 2);
        struct xmpp_evpn key;
        make_route(&key, i % 2 ? MAC1 : MAC2, "10.0.0.1");
        xmpp_speaker_withdraw(rig.speaker, RI, &key);
        xmpp_evpn_fini(&key);
        rig_advance(TICK_MS / 2);
        assert_null(strstr(ds_cstr(&rig.nodes[0].heard), "end-of-rib"));
    }
    publish(MAC3);
    rig_advance(2 * TICK_MS);
    rig_hear(&rig.nodes[0]);
    assert_non_null(strstr(ds_cstr(&rig.nodes[0].heard),
                           "+" NODE_ID(MAC3) "\nend-of-rib\n"));
}

static void
end_of_rib__no_graceful_restart__not_told(void **state)
{
    start(1);
    node_config(0, NETWORK("red", 1));
    publish(MAC1);
    xmpp_speaker_set_complete(rig.speaker, true);
    rig_advance(DAY_MS);
    rig_expect(0, "+" NODE_ID(MAC1) "\n");
}

static void
end_of_rib__another_session__told_again_behind_the_routes(void **state)
{
    start(2);
    node_config(0, GRACEFUL);
    publish(MAC1);
    xmpp_speaker_set_complete(rig.speaker, true);
    rig_advance(60000);
    rig_forget_heard();
    /* The one that has the configuration not: it needs no new one. */
    rig_lose(1);
    rig_advance(RECONNECT_MS);
    rig_expect(1, "open\nsubscribe(" RI ")\n+" NODE_ID(MAC1) "\n");
    rig_advance(QUIET_MS);
    rig_expect(1, "end-of-rib\n");
    rig_expect(0, "");
    /* The one that has it waits for its end. */
    rig_kill(1);
    rig_lose(0);
    rig_advance(RECONNECT_MS);
    rig_expect(0, "open\nconfig\nsubscribe(" RI ")\n+" NODE_ID(MAC1) "\n");
    rig_advance(QUIET_MS + TICK_MS);
    rig_expect(0, "");
    node_config(0, GRACEFUL);
    rig_advance(CONFIG_IDLE_GR_MS + QUIET_MS + TICK_MS);
    rig_expect(0, "end-of-rib\n");
}

/* Configuration. */

static void
config__another_download__missing_object_goes_others_never_flap(void **state)
{
    start(1);
    node_config(0, NETWORK("red", 1) NETWORK("blue", 2));
    rig_advance(10000);
    assert_int_equal(rig.n_networks, 2);
    rig_lose(0);
    rig_advance(RECONNECT_MS);
    rig.min_networks = SIZE_MAX;
    /* In pieces, and not in the order of before. */
    node_config(0, NODE("routing-instance", "d:p:red:red", ""));
    rig_advance(1000);
    node_config(0, NETWORK("red", 1));
    rig_advance(CONFIG_IDLE_MS + CONFIG_STALE_MS - TICK_MS);
    assert_int_equal(rig.n_networks, 2);
    rig_advance(3 * TICK_MS);
    assert_int_equal(rig.n_networks, 1);
    assert_int_equal(rig.min_networks, 1);
}

static void
config__graceful_restart__waits_longer_for_the_end(void **state)
{
    start(1);
    node_config(0, NETWORK("red", 1));
    rig_advance(CONFIG_IDLE_MS - TICK_MS);
    assert_false(rig.complete);
    rig_advance(3 * TICK_MS);
    assert_true(rig.complete);
    rig_stop();

    start(1);
    node_config(0, GRACEFUL NETWORK("red", 1));
    rig_advance(CONFIG_IDLE_GR_MS - TICK_MS);
    assert_false(rig.complete);
    rig_advance(3 * TICK_MS);
    assert_true(rig.complete);
}

static void
config__never_silent__ends_in_the_end(void **state)
{
    start(1);
    for (uint64_t ms = 0; ms < 899000; ms += 1000) {
        node_config(0, NETWORK("red", 1));
        rig_advance(1000);
        assert_false(rig.complete);
    }
    for (int i = 0; i < 3; i++) {
        node_config(0, NETWORK("red", 1));
        rig_advance(1000);
    }
    assert_true(rig.complete);
}

static void
config__server_lost__the_other_is_asked_and_a_full_download_swept(
    void **state)
{
    start(2);
    node_config(0, NETWORK("red", 1) NETWORK("blue", 2));
    rig_advance(10000);
    rig.min_networks = SIZE_MAX;
    rig_lose(0);
    /* Nobody is asked twice, whoever comes and goes. */
    rig_advance(0);
    rig_expect(1, "config\n");
    rig_advance(2500);
    rig_expect(0, "open\nsubscribe(" RI ")\n");
    /* Only the one that was asked counts. */
    node_config(0, NETWORK("green", 3));
    node_config(1, NETWORK("blue", 2));
    rig_advance(CONFIG_IDLE_MS + CONFIG_STALE_MS + 3 * TICK_MS);
    assert_int_equal(rig.n_networks, 1);
    assert_int_equal(rig.min_networks, 1);
    rig_lose(1);
    rig_advance(0);
    rig_expect(0, "config\n");
    rig_advance(5000);
    rig_expect(1, "open\nsubscribe(" RI ")\n");
    assert_int_equal(rig.n_networks, 1);
}

static void
config__server_lost_before_the_sweep__nothing_goes(void **state)
{
    start(1);
    node_config(0, NETWORK("red", 1) NETWORK("blue", 2));
    rig_advance(10000);
    rig_lose(0);
    rig_advance(RECONNECT_MS);
    /* Perhaps there was more to come, before it died, too. */
    node_config(0, NETWORK("red", 1));
    rig_advance(20000);
    rig_kill(0);
    rig_advance(DAY_MS);
    assert_int_equal(rig.n_networks, 2);
    rig.nodes[0].reachable = true;
    rig_advance(10000);
    node_config(0, NETWORK("blue", 2));
    rig_advance(CONFIG_IDLE_MS + CONFIG_STALE_MS + 3 * TICK_MS);
    assert_int_equal(rig.n_networks, 1);
}

static void
config__node_that_sends_none__ends_nothing(void **state)
{
    start(1);
    node_config(0, NETWORK("red", 1));
    rig_advance(10000);
    rig_lose(0);
    rig_advance(DAY_MS);
    assert_int_equal(rig.n_networks, 1);
}

#define TEST(NAME) cmocka_unit_test_teardown(NAME, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lost__back_and_end_of_rib__what_was_not_sent_again_goes),
        TEST(lost__back_without_end_of_rib__swept_after_the_fallback),
        TEST(lost__cloud_says_how_long__counts_for_the_fallback),
        TEST(lost__retracted_after_the_return__goes_at_once),
        TEST(lost__another_node_has_it__fresh_wins),
        TEST(lost__another_node_serves__stale_paths_live_for_the_stale_hold),
        TEST(lost__another_node_has_not_sent_all__stale_paths_live_on),
        TEST(lost__all_nodes__kept_for_ever),
        TEST(lost__all_nodes_and_a_limit__routes_go_then),
        TEST(flap__session_that_was_not_in_sync__loses_no_mark),
        TEST(flap__never_in_sync__does_not_keep_stale_routes_young),
        TEST(flap__flood_lists__of_a_node_long_gone_are_given_up),
        TEST(lost__all_nodes_the_last_not_in_sync__lists_of_both),
        TEST(rotation__next_node_of_the_list__takes_over_what_is_stale),
        TEST(end_of_rib__all_is_told__once_after_a_silence),
        TEST(end_of_rib__owner_is_not_complete__not_told),
        TEST(end_of_rib__owner_takes_it_back__not_told),
        TEST(end_of_rib__no_configuration__not_told),
        TEST(end_of_rib__configuration_still_comes__not_told),
        TEST(end_of_rib__never_silent__told_in_the_end),
        TEST(end_of_rib__no_graceful_restart__not_told),
        TEST(end_of_rib__another_session__told_again_behind_the_routes),
        TEST(config__another_download__missing_object_goes_others_never_flap),
        TEST(config__graceful_restart__waits_longer_for_the_end),
        TEST(config__never_silent__ends_in_the_end),
        TEST(config__server_lost__the_other_is_asked_and_a_full_download_swept),
        TEST(config__server_lost_before_the_sweep__nothing_goes),
        TEST(config__node_that_sends_none__ends_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
