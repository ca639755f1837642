/* SPDX-License-Identifier: Apache-2.0 */
/* Our client against recorded bytes of a live control node: what it sent is
 * all understood, and what we would send is what real agents sent. */
#include <config.h>

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "tests/wire/recording.h"
#include "tsn/error.h"
#include "util.h"
#include "xmpp/conn.h"
#include "xmpp/graph.h"
#include "xmpp/inet.h"
#include "xmpp/route.h"
#include "xmpp/stanza.h"
#include "xmpp/view.h"
#include "xmpp/xml.h"

struct replay {
    struct xmpp_graph *graph;
    bool closed;
    int n_opened, n_items, n_retracts, n_end_of_rib, n_config, n_evpn;
    int n_inet, n_trees;
    char instance[256];         /* Of the last routes. */
};

static void
ignore_send(void *replay OVS_UNUSED, const void *data OVS_UNUSED,
            size_t size OVS_UNUSED)
{
}

static bool
replay_opened(void *replay_, const char *name)
{
    struct replay *replay = replay_;

    assert_string_equal(name, "ctrl1");
    replay->n_opened++;
    return true;
}

static void
replay_item(struct replay *replay, const struct xmpp_node *item)
{
    struct xmpp_evpn route;
    struct tsn_err err;
    int error = xmpp_evpn_decode(xmpp_node_child(item, "entry"), &route,
                                 &err);
    const char *id = xmpp_node_attr(item, "id");
    char buf[XMPP_ID_STRLEN];

    assert_non_null(id);
    assert_int_equal(error, 0);
    replay->n_evpn++;
    /* The id follows from the route: ours is the same. */
    assert_string_equal(xmpp_evpn_item_id(&route, buf), id);

    struct xmpp_evpn key;
    assert_int_equal(xmpp_evpn_parse_item_id(id, &key), 0);
    assert_true(xmpp_evpn_key_equals(&route, &key));
    xmpp_evpn_fini(&key);
    xmpp_evpn_fini(&route);
}

static void
replay_inet(const struct xmpp_node *item, uint32_t family)
{
    const char *id = xmpp_node_attr(item, "id");
    struct xmpp_inet route;
    struct in6_addr ip;
    struct tsn_err err;
    uint8_t plen;

    assert_int_equal(xmpp_inet_decode(xmpp_node_child(item, "entry"), family,
                                      &route, &err), 0);
    assert_int_equal(xmpp_inet_parse_item_id(id, family, &ip, &plen), 0);
    assert_true(tsn_ip_equals(&ip, &route.ip));
    assert_int_equal(plen, route.plen);
    xmpp_inet_fini(&route);
}

static void
replay_tree(const struct xmpp_node *item)
{
    const char *id = xmpp_node_attr(item, "id");
    struct xmpp_mcast_id mid;
    struct xmpp_mcast route;
    struct tsn_err err;
    char buf[XMPP_ID_STRLEN];

    assert_int_equal(xmpp_mcast_decode(xmpp_node_child(item, "entry"), &route,
                                       &err), 0);
    assert_int_equal(xmpp_mcast_parse_item_id(id, &mid), 0);
    assert_true(tsn_ip_equals(&mid.group, &route.group));
    assert_true(tsn_ip_equals(&mid.source, &route.source));
    assert_string_equal(xmpp_mcast_item_id(&mid, buf), id);
    xmpp_mcast_fini(&route);
}

/* The id of a retract names what one of an item does. */
static void
replay_retract(const struct xmpp_stanza *st, const struct xmpp_node *retract)
{
    const char *id = xmpp_node_attr(retract, "id");
    struct xmpp_mcast_id mid;
    struct xmpp_evpn key;
    char buf[XMPP_ID_STRLEN];

    assert_non_null(id);
    if (st->family == XMPP_FAMILY_EVPN) {
        assert_int_equal(xmpp_evpn_parse_item_id(id, &key), 0);
        assert_string_equal(xmpp_evpn_item_id(&key, buf), id);
        xmpp_evpn_fini(&key);
    } else if (st->family == XMPP_FAMILY_MCAST) {
        assert_int_equal(xmpp_mcast_parse_item_id(id, &mid), 0);
    }
}

static void
replay_stanza(void *replay_, const struct xmpp_stanza *st)
{
    struct replay *replay = replay_;
    const struct xmpp_node *child;

    if (st->type == XMPP_CONFIG) {
        replay->n_config++;
        xmpp_graph_apply(replay->graph, st->body);
        assert_int_equal(xmpp_graph_n_malformed(replay->graph), 0);
        return;
    }
    assert_int_equal(st->type, XMPP_EVENT);
    if (st->end_of_rib) {
        replay->n_end_of_rib++;
        return;
    }
    ovs_strlcpy(replay->instance, st->node, sizeof replay->instance);
    for (child = st->body->children; child; child = child->next) {
        if (!strcmp(child->name, "retract")) {
            replay->n_retracts++;
            replay_retract(st, child);
        } else {
            replay->n_items++;
            if (st->family == XMPP_FAMILY_EVPN) {
                replay_item(replay, child);
            } else if (st->family == XMPP_FAMILY_MCAST) {
                replay->n_trees++;
                replay_tree(child);
            } else {
                replay->n_inet++;
                replay_inet(child, st->family);
            }
        }
    }
}

static void
replay_closed(void *replay_, enum xmpp_close_reason reason OVS_UNUSED)
{
    struct replay *replay = replay_;

    replay->closed = true;
}

static const struct xmpp_conn_ops replay_ops = {
    .send = ignore_send,
    .opened = replay_opened,
    .stanza = replay_stanza,
    .closed = replay_closed,
};

/* Feeds what the server sent to 'agent', each of its sessions to a new one of
 * ours, and checks that nothing was found bad but 'n_bad' stanzas. */
static void
replay_recording(const char *name, const char *agent, uint64_t n_bad,
                 struct replay *replay)
{
    struct xmpp_conn *conn = NULL;
    struct recording r;
    uint64_t bad = 0;

    memset(replay, 0, sizeof *replay);
    replay->graph = xmpp_graph_create();
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    recording_read(&r, name);
    for (size_t i = 0; i < r.n_transfers; i++) {
        const struct transfer *t = &r.transfers[i];
        uint64_t now = t->time_s * 1000;

        if (t->from_agent || strcmp(t->agent, agent)) {
            continue;
        }
        if (t->size > 14 && !memcmp(t->data, "<stream:stream", 14)) {
            bad += conn ? xmpp_conn_counters(conn)->bad_stanzas : 0;
            xmpp_conn_destroy(conn);
            conn = xmpp_conn_create(XMPP_CLIENT, agent, XMPP_HOLD_MS,
                                    &replay_ops, replay, now);
            xmpp_conn_start(conn, now);
        }
        assert_non_null(conn);
        xmpp_conn_feed(conn, t->data, t->size, now);
        assert_false(replay->closed);
    }
    bad += xmpp_conn_counters(conn)->bad_stanzas;
    assert_int_equal(bad, n_bad);
    assert_int_equal(xmpp_conn_counters(conn)->ignored_stanzas, 0);
    xmpp_conn_destroy(conn);
    recording_fini(&r);
}

static void
subscribe__recorded__end_of_rib_is_understood(void **state OVS_UNUSED)
{
    struct replay replay;

    replay_recording("02-subscribe.xml", "tor-agent-1", 0, &replay);
    assert_int_equal(replay.n_end_of_rib, 1);
    xmpp_graph_destroy(replay.graph);
}

static void
evpn_bum__recorded__all_items_decode(void **state OVS_UNUSED)
{
    static const char *const agents[] = {
        "tor-agent-1", "tor-agent-2", "tsn1", "compute1",
    };

    int n_trees = 0;

    for (size_t i = 0; i < ARRAY_SIZE(agents); i++) {
        struct replay replay;
        replay_recording("03-evpn-bum.xml", agents[i], 0, &replay);
        assert_true(replay.n_evpn > 5);
        assert_int_equal(replay.n_inet, 1);
        n_trees += replay.n_trees;
        assert_true(replay.n_retracts > 0);
        xmpp_graph_destroy(replay.graph);
    }
    assert_true(n_trees > 3);
}

static void
evpn_variants__recorded__all_items_decode(void **state OVS_UNUSED)
{
    struct replay replay;

    replay_recording("04-evpn-variants.xml", "tor-agent-2", 0, &replay);
    assert_true(replay.n_evpn > 40);
    xmpp_graph_destroy(replay.graph);
}

/* The server does not escape the instance's name in items@node, and does so in
 * the configuration: both name the same network. */
static void
escaping__recorded__routes_are_of_the_configured_network(
    void **state OVS_UNUSED)
{
    struct replay replay;

    replay_recording("12-escaping.xml", "tor-agent-1", 0, &replay);
    assert_int_equal(replay.n_evpn, 1);
    assert_string_equal(replay.instance,
                        "default-domain:admin:a&b <c> \"d\" 'e' \303\251:"
                        "a&b <c> \"d\" 'e' \303\251");
    struct xmpp_view *view = xmpp_view_build(replay.graph, "");
    assert_non_null(xmpp_view_network(view, replay.instance));
    xmpp_view_destroy(view);
    xmpp_graph_destroy(replay.graph);
}

static void
config_push__recorded__makes_the_view(void **state OVS_UNUSED)
{
    struct replay replay;

    replay_recording("14-real-tor-agent-relay.xml", "tor-agent-1", 0,
                     &replay);
    assert_true(replay.n_config >= 2);
    assert_true(replay.n_evpn > 0);
    struct xmpp_view *view = xmpp_view_build(
        replay.graph, "default-global-system-config:tor-agent-1");
    const struct xmpp_network *vn2
        = xmpp_view_network(view, "default-domain:admin:vn2:vn2");

    assert_non_null(vn2);
    assert_int_equal(vn2->vni, 5006);
    assert_int_equal(vn2->id, 6);
    /* The Logical_Switch that the reference TOR agent made of it. */
    assert_string_equal(vn2->ls_name,
                        "Contrail-fef6f7a2-3920-5509-90d9-0dec7350db37");
    assert_int_equal(view->n_switches, 1);
    assert_string_equal(view->switches[0]->name, "tor1");
    xmpp_view_destroy(view);
    xmpp_graph_destroy(replay.graph);
}

/* The first transfer of 'agent' whose text has 'needle'. */
static const struct transfer *
find_transfer(const struct recording *r, const char *agent,
              const char *needle)
{
    for (size_t i = 0; i < r->n_transfers; i++) {
        const struct transfer *t = &r->transfers[i];
        if (t->from_agent && !strcmp(t->agent, agent)
            && memmem(t->data, t->size, needle, strlen(needle))) {
            return t;
        }
    }
    fail_msg("no \"%s\" from %s", needle, agent);
    return NULL;
}

static void
expect_bytes(struct ds *ours, const struct transfer *t)
{
    char *theirs = xmemdup0(t->data, t->size);

    assert_string_equal(ds_cstr(ours), theirs);
    free(theirs);
    ds_clear(ours);
}

static void
client__what_it_sends__is_what_the_real_agent_sent(void **state OVS_UNUSED)
{
    struct ds out = DS_EMPTY_INITIALIZER;
    struct recording r;

    recording_read(&r, "14-real-tor-agent-relay.xml");
    xmpp_put_client_header(&out, "tor-agent-1", NULL);
    expect_bytes(&out, find_transfer(&r, "tor-agent-1", "<stream:stream"));
    xmpp_put_config_subscribe(&out, "tor-agent-1");
    expect_bytes(&out, find_transfer(&r, "tor-agent-1",
                                     "virtual-router:default"));
    recording_fini(&r);

    recording_read(&r, "02-subscribe.xml");
    xmpp_put_subscribe(&out, "tor-agent-1", true,
                       "default-domain:admin:vn1:vn1", 5, 0);
    expect_bytes(&out, find_transfer(&r, "tor-agent-1", "<subscribe "));
    xmpp_put_subscribe(&out, "tor-agent-1", false,
                       "default-domain:admin:vn1:vn1", 5, 1);
    expect_bytes(&out, find_transfer(&r, "tor-agent-1", "<unsubscribe "));
    recording_fini(&r);
    ds_destroy(&out);
}

static void
client__a_mac_it_publishes__is_what_the_real_agent_published(
    void **state OVS_UNUSED)
{
    struct ds entry = DS_EMPTY_INITIALIZER;
    struct ds out = DS_EMPTY_INITIALIZER;
    char node_id[XMPP_ID_STRLEN];
    struct xmpp_evpn route;
    struct recording r;
    struct in6_addr vtep;

    in6_addr_set_mapped_ipv4(&vtep, inet_addr("127.0.2.1"));
    xmpp_evpn_init(&route);
    route.tag = 5005;
    assert_true(eth_addr_from_string("02:00:00:00:01:01", &route.mac));
    route.plen = 32;
    route.local_pref = 100;
    route.sequence = 1;
    xmpp_evpn_add_next_hop(&route, &vtep, 5005, TSN_ENCAP_VXLAN);
    xmpp_evpn_encode_publish(&entry, &route);
    xmpp_put_publish(&out, "tor-agent-1", "l2", 0,
                     xmpp_evpn_node_id(&route, node_id), ds_cstr(&entry),
                     "default-domain:admin:vn1:vn1", true);

    recording_read(&r, "14-real-tor-agent-relay.xml");
    expect_bytes(&out, find_transfer(&r, "tor-agent-1",
                                     "<publish node=\"25/242/02:00:00:00:"));
    recording_fini(&r);
    xmpp_evpn_fini(&route);
    ds_destroy(&entry);
    ds_destroy(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subscribe__recorded__end_of_rib_is_understood),
        cmocka_unit_test(evpn_bum__recorded__all_items_decode),
        cmocka_unit_test(evpn_variants__recorded__all_items_decode),
        cmocka_unit_test(
            escaping__recorded__routes_are_of_the_configured_network),
        cmocka_unit_test(config_push__recorded__makes_the_view),
        cmocka_unit_test(client__what_it_sends__is_what_the_real_agent_sent),
        cmocka_unit_test(
            client__a_mac_it_publishes__is_what_the_real_agent_published),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
