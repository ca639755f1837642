/* SPDX-License-Identifier: Apache-2.0 */
/* The speaker against our own server over loopback, in one loop: what a
 * control node is told and in which order, and what is kept over the loss of
 * a session. */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/route.h"
#include "xmpp/server.h"
#include "xmpp/speaker-private.h"
#include "xmpp/stanza.h"
#include "xmpp/transport.h"
#include "xmpp/view.h"
#include "xmpp/xml.h"

#define RI "default-domain:demo:red:red"
#define TIMEOUT_MS 20000

struct rig {
    uv_loop_t loop;
    struct sockaddr_storage address;
    struct xmpp_server *server;
    struct xmpp_session *session;
    struct ds heard;            /* What the server was told. */
    struct xmpp_speaker *speaker;
    int n_routes_changed;
    struct rig *second;         /* Another control node, in the same loop. */
};

static void
server_opened(void *rig_, struct xmpp_session *session)
{
    struct rig *rig = rig_;

    rig->session = session;
    ds_put_format(&rig->heard, "open(%s)\n", xmpp_session_name(session));
}

/* What is published is what the NODE-ID says. */
static void
check_entry(const struct xmpp_stanza *st)
{
    char node_id[XMPP_ID_STRLEN];
    struct xmpp_evpn route;
    struct tsn_err err;

    if (st->family == XMPP_FAMILY_EVPN) {
        assert_int_equal(xmpp_evpn_decode(xmpp_node_child(st->body, "entry"),
                                          &route, &err), 0);
        assert_string_equal(st->node, xmpp_evpn_node_id(&route, node_id));
        xmpp_evpn_fini(&route);
    }
}

static void
server_stanza(void *rig_, struct xmpp_session *session OVS_UNUSED,
              const struct xmpp_stanza *st)
{
    struct rig *rig = rig_;
    struct ds *out = &rig->heard;

    switch (st->type) {
    case XMPP_SUBSCRIBE:
        if (st->resource == XMPP_RESOURCE_CONFIG) {
            ds_put_format(out, "config(%s)\n", st->node);
        } else {
            ds_put_format(out, "subscribe(%s,%lld)\n", st->node,
                          (long long) st->instance_id);
        }
        break;
    case XMPP_UNSUBSCRIBE:
        ds_put_format(out, "unsubscribe(%s,%lld)\n", st->node,
                      (long long) st->instance_id);
        break;
    case XMPP_PUBLISH:
        check_entry(st);
        ds_put_format(out, "publish(%s)\n", st->node);
        break;
    case XMPP_COLLECTION:
        ds_put_format(out, "%s(%s)\n",
                      st->associate ? "associate" : "dissociate",
                      st->item_node);
        break;
    case XMPP_EVENT:
    case XMPP_CONFIG:
    case XMPP_IGNORED:
        ds_put_cstr(out, "unexpected\n");
        break;
    }
}

static void
server_closed(void *rig_, struct xmpp_session *session,
              enum xmpp_close_reason reason OVS_UNUSED)
{
    struct rig *rig = rig_;

    if (rig->session == session) {
        rig->session = NULL;
    }
}

static const struct xmpp_server_ops server_ops = {
    .opened = server_opened,
    .stanza = server_stanza,
    .closed = server_closed,
};

static void
config_changed(void *rig OVS_UNUSED, const struct xmpp_view *view OVS_UNUSED,
               bool complete OVS_UNUSED)
{
}

static void
routes_changed(void *rig_, const char *instance)
{
    struct rig *rig = rig_;

    assert_string_equal(instance, RI);
    rig->n_routes_changed++;
}

static void
session_changed(void *rig OVS_UNUSED)
{
}

static const struct xmpp_speaker_ops speaker_ops = {
    .config_changed = config_changed,
    .routes_changed = routes_changed,
    .session_changed = session_changed,
};

static void
wake(uv_timer_t *timer OVS_UNUSED)
{
}

/* Runs the loop until 'done'. */
static void
rig_run_until(struct rig *rig, bool (*done)(struct rig *))
{
    uint64_t end = tsn_now_ms() + TIMEOUT_MS;
    uv_timer_t timer;

    uv_timer_init(&rig->loop, &timer);
    uv_timer_start(&timer, wake, 10, 10);
    while (!done(rig) && tsn_now_ms() < end) {
        uv_run(&rig->loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *) &timer, NULL);
    uv_run(&rig->loop, UV_RUN_NOWAIT);
    assert_true(done(rig));
}

static const char *awaited;

static bool
heard_awaited(struct rig *rig)
{
    return strlen(ds_cstr(&rig->heard)) >= strlen(awaited);
}

/* Waits until the server has been told 'expected' since the last call. */
static void
rig_expect(struct rig *rig, const char *expected)
{
    awaited = expected;
    rig_run_until(rig, heard_awaited);
    assert_string_equal(ds_cstr(&rig->heard), expected);
    ds_clear(&rig->heard);
}

static void
rig_listen(struct rig *rig)
{
    struct tsn_err err;

    rig->server = xmpp_server_create(&rig->loop, "ctrl1", &rig->address,
                                     XMPP_HOLD_MS, &server_ops, rig, &err);
    if (!rig->server) {
        fail_msg("%s", tsn_err_format(&err));
    }
}

/* A port that is free now. */
static uint16_t
free_port(void)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *) &sin, sizeof sin), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &sin, &len), 0);
    close(fd);
    return ntohs(sin.sin_port);
}

static int
rig_setup(void **state)
{
    struct rig *rig = xzalloc(sizeof *rig);
    struct xmpp_speaker_config config = {
        .name = "tor1", .controllers = &rig->address, .n_controllers = 1,
        .hold_s = 90, .stale_hold_s = 300,
    };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    uv_loop_init(&rig->loop);
    ds_init(&rig->heard);
    tsn_sockaddr_parse("127.0.0.1", free_port(), &rig->address);
    rig_listen(rig);
    rig->speaker = xmpp_speaker_create(&rig->loop, &config, &speaker_ops,
                                       rig);
    *state = rig;
    return 0;
}

static int
rig_teardown(void **state)
{
    struct rig *rig = *state;

    xmpp_speaker_destroy(rig->speaker);
    xmpp_server_destroy(rig->server);
    if (rig->second) {
        xmpp_server_destroy(rig->second->server);
    }
    while (uv_run(&rig->loop, UV_RUN_NOWAIT)) {
        continue;
    }
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    if (rig->second) {
        ds_destroy(&rig->second->heard);
        free(rig->second);
    }
    ds_destroy(&rig->heard);
    free(rig);
    return 0;
}

static void
make_route(struct xmpp_evpn *route, const char *mac, uint32_t tag,
           const char *vtep)
{
    struct in6_addr ip;

    xmpp_evpn_init(route);
    route->tag = tag;
    assert_true(eth_addr_from_string(mac, &route->mac));
    route->plen = 32;
    route->local_pref = 100;
    route->sequence = 1;
    assert_int_equal(tsn_ip_parse(vtep, &ip), 0);
    xmpp_evpn_add_next_hop(route, &ip, tag, TSN_ENCAP_VXLAN);
}

static int
rig_publish(struct rig *rig, const char *mac, uint32_t tag, const char *vtep)
{
    struct xmpp_evpn route;

    make_route(&route, mac, tag, vtep);
    int retval = xmpp_speaker_publish(rig->speaker, RI, &route);
    xmpp_evpn_fini(&route);
    return retval;
}

static void
rig_withdraw(struct rig *rig, const char *mac, uint32_t tag)
{
    struct xmpp_evpn route;

    make_route(&route, mac, tag, "10.0.0.1");
    xmpp_speaker_withdraw(rig->speaker, RI, &route);
    xmpp_evpn_fini(&route);
}

#define MAC1 "02:00:00:00:00:01"
#define MAC2 "02:00:00:00:00:02"
#define MAC3 "02:00:00:00:00:03"
#define MAC4 "02:00:00:00:00:04"
#define NODE1 "25/242/" MAC1 ",0.0.0.0/32"
#define NODE2 "25/242/" MAC2 ",0.0.0.0/32"
#define NODE3 "25/242/" MAC3 ",0.0.0.0/32"
#define NODE4 "25/242/" MAC4 ",0.0.0.0/32"
#define TOLD_OPEN                                                       \
    "open(tor1)\nconfig(virtual-router:default-global-system-config:tor1)\n"
#define TOLD_SUBSCRIBED TOLD_OPEN "subscribe(" RI ",5)\n"
#define TOLD_ROUTE1 "publish(" NODE1 ")\nassociate(" NODE1 ")\n"

static void
speaker__wanted_before_the_session__is_told_in_order(void **state)
{
    struct rig *rig = *state;

    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    assert_int_equal(rig_publish(rig, MAC1, 100, "10.0.0.1"), 0);
    rig_expect(rig, TOLD_SUBSCRIBED TOLD_ROUTE1);
}

static void
speaker__alike_routes__each_told_with_its_mac(void **state)
{
    struct rig *rig = *state;
    const struct hmap *paths = &rig->speaker->want_paths.paths;

    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    rig_expect(rig, TOLD_SUBSCRIBED);
    rig_publish(rig, MAC1, 100, "10.0.0.1");
    rig_publish(rig, MAC2, 100, "10.0.0.1");
    rig_publish(rig, MAC3, 100, "10.0.0.2");
    rig_publish(rig, MAC4, 100, "10.0.0.2");
    assert_int_equal(hmap_count(paths), 2);
    rig_expect(rig, TOLD_ROUTE1
               "publish(" NODE2 ")\nassociate(" NODE2 ")\n"
               "publish(" NODE3 ")\nassociate(" NODE3 ")\n"
               "publish(" NODE4 ")\nassociate(" NODE4 ")\n");

    rig_publish(rig, MAC2, 100, "10.0.0.2");
    rig_withdraw(rig, MAC1, 100);
    rig_expect(rig, "publish(" NODE2 ")\nassociate(" NODE2 ")\n"
               "publish(" NODE1 ")\ndissociate(" NODE1 ")\n");
    assert_int_equal(hmap_count(paths), 1);
}

static void
speaker__route_that_must_not_leave__is_refused(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(rig_publish(rig, MAC1, 100, "10.0.0.1"), -ENOENT);
    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    assert_int_equal(rig_publish(rig, MAC1, 100, "0.0.0.0"), -EINVAL);
    assert_int_equal(rig_publish(rig, MAC1, 100, "224.0.0.1"), -EINVAL);
    assert_int_equal(rig_publish(rig, MAC1, 100, "2001:db8::1"), -EINVAL);
    rig_expect(rig, TOLD_SUBSCRIBED);
}

static void
speaker__withdraw_and_unsubscribe__in_that_order(void **state)
{
    struct rig *rig = *state;

    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    rig_publish(rig, MAC1, 100, "10.0.0.1");
    rig_expect(rig, TOLD_SUBSCRIBED TOLD_ROUTE1);

    /* Published and withdrawn in one turn: nobody needs to know. */
    rig_publish(rig, MAC2, 100, "10.0.0.1");
    rig_withdraw(rig, MAC2, 100);
    rig_withdraw(rig, MAC1, 100);
    rig_expect(rig, "publish(" NODE1 ")\ndissociate(" NODE1 ")\n");

    rig_publish(rig, MAC2, 100, "10.0.0.1");
    rig_expect(rig, "publish(" NODE2 ")\nassociate(" NODE2 ")\n");
    xmpp_speaker_unsubscribe(rig->speaker, RI);
    rig_expect(rig, "publish(" NODE2 ")\ndissociate(" NODE2 ")\n"
               "unsubscribe(" RI ",5)\n");
}

static void
speaker__instance_id_changes__subscribes_anew(void **state)
{
    struct rig *rig = *state;

    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    rig_publish(rig, MAC1, 100, "10.0.0.1");
    rig_expect(rig, TOLD_SUBSCRIBED TOLD_ROUTE1);
    xmpp_speaker_subscribe(rig->speaker, RI, 6);
    rig_expect(rig, "publish(" NODE1 ")\ndissociate(" NODE1 ")\n"
               "unsubscribe(" RI ",5)\nsubscribe(" RI ",6)\n" TOLD_ROUTE1);
}

static void
speaker__unsubscribed_and_wanted_again__subscribes_anew(void **state)
{
    struct rig *rig = *state;

    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    rig_publish(rig, MAC1, 100, "10.0.0.1");
    rig_expect(rig, TOLD_SUBSCRIBED TOLD_ROUTE1);
    /* In one turn: what was learnt is gone, so it must be told again. */
    xmpp_speaker_unsubscribe(rig->speaker, RI);
    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    rig_publish(rig, MAC2, 100, "10.0.0.1");
    rig_expect(rig, "publish(" NODE1 ")\ndissociate(" NODE1 ")\n"
               "unsubscribe(" RI ",5)\nsubscribe(" RI ",5)\n"
               "publish(" NODE2 ")\nassociate(" NODE2 ")\n");
}

/* Whether the server was told 's' last. */
static bool
heard_last(struct rig *rig, const char *s)
{
    size_t len = strlen(s);

    return rig->heard.length >= len
           && !strcmp(ds_cstr(&rig->heard) + rig->heard.length - len, s);
}

static bool
heard_other(struct rig *rig)
{
    return heard_last(rig, "subscribe(other,6)\n");
}

static size_t
count_lines(const struct ds *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->length; i++) {
        n += s->string[i] == '\n';
    }
    return n;
}

static size_t max_unsent;

static bool
heard_unsubscribe(struct rig *rig)
{
    const struct peer *peer = &rig->speaker->peers[0];
    size_t unsent = xmpp_transport_unsent(peer->transport);

    max_unsent = MAX(max_unsent, unsent);
    return heard_last(rig, "unsubscribe(" RI ",5)\n");
}

static void
speaker__many_routes__are_withdrawn_piece_by_piece(void **state)
{
    enum { N = 12000 };
    struct rig *rig = *state;

    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    rig_expect(rig, TOLD_SUBSCRIBED);
    for (int i = 0; i < N; i++) {
        char mac[18];

        snprintf(mac, sizeof mac, "02:00:00:00:%02x:%02x", i >> 8, i & 255);
        assert_int_equal(rig_publish(rig, mac, 100, "10.0.0.1"), 0);
    }
    xmpp_speaker_subscribe(rig->speaker, "other", 6);
    rig_run_until(rig, heard_other);
    ds_clear(&rig->heard);

    max_unsent = 0;
    xmpp_speaker_unsubscribe(rig->speaker, RI);
    rig_run_until(rig, heard_unsubscribe);
    assert_true(max_unsent < 5u << 20);
    assert_int_equal(count_lines(&rig->heard), 2 * N + 1);
}

static bool
heard_last_subscribe(struct rig *rig)
{
    const struct peer *peer = &rig->speaker->peers[0];

    max_unsent = MAX(max_unsent, xmpp_transport_unsent(peer->transport));
    return heard_last(rig, "subscribe(last,6)\n");
}

static void
speaker__many_subscriptions__are_told_piece_by_piece(void **state)
{
    enum { N = 40000 };
    struct rig *rig = *state;

    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    rig_expect(rig, TOLD_SUBSCRIBED);
    for (int i = 0; i < N; i++) {
        char name[32];

        snprintf(name, sizeof name, "a:b:%d:%d", i, i);
        xmpp_speaker_subscribe(rig->speaker, name, 7);
    }
    xmpp_speaker_subscribe(rig->speaker, "last", 6);
    max_unsent = 0;
    rig_run_until(rig, heard_last_subscribe);
    assert_true(max_unsent < 5u << 20);
    assert_int_equal(count_lines(&rig->heard), N + 1);
}

static void
speaker__reconnect__tells_all_again(void **state)
{
    struct rig *rig = *state;

    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    rig_publish(rig, MAC1, 100, "10.0.0.1");
    rig_expect(rig, TOLD_SUBSCRIBED TOLD_ROUTE1);

    xmpp_server_destroy(rig->server);
    rig_publish(rig, MAC2, 100, "10.0.0.1");
    rig_withdraw(rig, MAC1, 100);
    rig_listen(rig);
    rig_expect(rig, TOLD_SUBSCRIBED
               "publish(" NODE2 ")\nassociate(" NODE2 ")\n");
}

static bool
has_session(struct rig *rig)
{
    return rig->session != NULL;
}

static void
count_route(const char *id OVS_UNUSED,
            const struct xmpp_evpn *route OVS_UNUSED, bool stale, void *n_)
{
    int *n = n_;

    n[stale]++;
}

/* Fresh and stale routes that the speaker has learnt. */
static void
count_routes(struct rig *rig, int n[2])
{
    n[0] = n[1] = 0;
    xmpp_speaker_for_each_route(rig->speaker, RI, count_route, n);
}

static bool
has_one_fresh_route(struct rig *rig)
{
    int n[2];

    count_routes(rig, n);
    return n[0] == 1 && !n[1];
}

static bool
has_two_fresh_routes(struct rig *rig)
{
    int n[2];

    count_routes(rig, n);
    return n[0] == 2 && !n[1];
}

static bool
has_two_stale_routes(struct rig *rig)
{
    int n[2];

    count_routes(rig, n);
    return !n[0] && n[1] == 2;
}

static void
server_send_item(struct rig *rig, const struct xmpp_evpn *route)
{
    struct ds entry = DS_EMPTY_INITIALIZER;
    struct ds out = DS_EMPTY_INITIALIZER;
    char id[XMPP_ID_STRLEN];

    xmpp_evpn_encode_notify(&entry, route);
    xmpp_put_event_begin(&out, "tor1", XMPP_FAMILY_EVPN, RI);
    xmpp_put_item(&out, xmpp_evpn_item_id(route, id), ds_cstr(&entry));
    xmpp_put_event_end(&out);
    xmpp_session_send(rig->session, ds_cstr(&out), out.length);
    ds_destroy(&entry);
    ds_destroy(&out);
}

static void
server_send_route(struct rig *rig, const char *mac)
{
    struct xmpp_evpn route;

    make_route(&route, mac, 100, "10.0.0.9");
    server_send_item(rig, &route);
    xmpp_evpn_fini(&route);
}

static void
server_send_end_of_rib(struct rig *rig)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    xmpp_put_server_end_of_rib(&out, "tor1");
    xmpp_session_send(rig->session, ds_cstr(&out), out.length);
    ds_destroy(&out);
}

static void
speaker__routes__survive_the_session_until_end_of_rib(void **state)
{
    struct rig *rig = *state;

    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    rig_expect(rig, TOLD_SUBSCRIBED);
    server_send_route(rig, MAC1);
    server_send_route(rig, MAC2);
    rig_run_until(rig, has_two_fresh_routes);
    assert_false(xmpp_speaker_is_synced(rig->speaker));

    rig->session = NULL;
    xmpp_server_destroy(rig->server);
    rig_run_until(rig, has_two_stale_routes);

    rig_listen(rig);
    rig_run_until(rig, has_session);
    ds_clear(&rig->heard);
    rig_expect(rig, "config(virtual-router:default-global-system-config:tor1)"
               "\nsubscribe(" RI ",5)\n");
    server_send_route(rig, MAC1);
    server_send_end_of_rib(rig);
    rig_run_until(rig, has_one_fresh_route);
    assert_true(xmpp_speaker_is_synced(rig->speaker));
    assert_true(rig->n_routes_changed > 0);
}

/* Our broadcast route with these ToRs ("1" for 10.0.0.1) in its list. */
static void
server_send_leaves(struct rig *rig, const char *tors)
{
    struct xmpp_evpn route;

    make_route(&route, "ff:ff:ff:ff:ff:ff", 100, "10.0.0.9");
    route.leaf_olist = xcalloc(strlen(tors) + 1, sizeof *route.leaf_olist);
    for (; *tors; tors++) {
        struct tunnel_dst *dst = &route.leaf_olist[route.n_leaf_olist++];
        char ip[] = "10.0.0.x";

        ip[strlen(ip) - 1] = *tors;
        tsn_ip_parse(ip, &dst->ip);
        dst->label = 100;
        dst->encaps = TSN_ENCAP_VXLAN;
    }
    server_send_item(rig, &route);
    xmpp_evpn_fini(&route);
}

static void
server_retract_leaves(struct rig *rig)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    xmpp_put_event_begin(&out, "tor1", XMPP_FAMILY_EVPN, RI);
    xmpp_put_retract(&out, "100-ff:ff:ff:ff:ff:ff,0.0.0.0/32");
    xmpp_put_event_end(&out);
    xmpp_session_send(rig->session, ds_cstr(&out), out.length);
    ds_destroy(&out);
}

static const char *awaited_leaves;

static void
note_leaves(const char *id OVS_UNUSED, const struct xmpp_evpn *route,
            bool stale OVS_UNUSED, void *seen_)
{
    bool *seen = seen_;

    for (size_t i = 0; i < route->n_leaf_olist; i++) {
        seen[route->leaf_olist[i].ip.s6_addr[15]] = true;
    }
}

/* The union of all lists is 'awaited_leaves'. */
static bool
has_leaves(struct rig *rig)
{
    bool seen[256] = { false };
    char found[10], *p = found;

    xmpp_speaker_for_each_route(rig->speaker, RI, note_leaves, seen);
    for (int i = 1; i < 10; i++) {
        if (seen[i]) {
            *p++ = '0' + i;
        }
    }
    *p = '\0';
    return ovs_list_is_empty(&rig->speaker->rib_changed)
           && !strcmp(found, awaited_leaves);
}

static bool
has_leaves_of_session(struct rig *rig)
{
    return rig->speaker->peers[0].n_items >= 2 && has_leaves(rig);
}

static void
rig_restart_server(struct rig *rig)
{
    rig->session = NULL;
    xmpp_server_destroy(rig->server);
    rig_listen(rig);
    rig_run_until(rig, has_session);
    ds_clear(&rig->heard);
    rig_expect(rig, "config(virtual-router:default-global-system-config:tor1)"
               "\nsubscribe(" RI ",5)\n");
}

/* The other ToRs take a moment to come back to a control node. */
static void
speaker__control_node_restarted__lists_grow_until_end_of_rib(void **state)
{
    struct rig *rig = *state;

    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    rig_expect(rig, TOLD_SUBSCRIBED);
    server_send_leaves(rig, "12");
    server_send_end_of_rib(rig);
    awaited_leaves = "12";
    rig_run_until(rig, has_leaves);

    rig_restart_server(rig);
    server_send_leaves(rig, "3");
    awaited_leaves = "123";
    rig_run_until(rig, has_leaves_of_session);
    server_send_leaves(rig, "31");
    server_send_leaves(rig, "4");
    awaited_leaves = "124";
    rig_run_until(rig, has_leaves);

    /* Nor is it to say that there is nobody, or to go again. */
    server_retract_leaves(rig);
    awaited_leaves = "12";
    rig_run_until(rig, has_leaves);
    server_send_leaves(rig, "5");
    awaited_leaves = "125";
    rig_run_until(rig, has_leaves);
    rig_restart_server(rig);
    server_send_leaves(rig, "6");
    awaited_leaves = "1256";
    rig_run_until(rig, has_leaves);

    server_send_end_of_rib(rig);
    awaited_leaves = "6";
    rig_run_until(rig, has_leaves);
    server_send_leaves(rig, "7");
    awaited_leaves = "7";
    rig_run_until(rig, has_leaves);
    server_retract_leaves(rig);
    awaited_leaves = "";
    rig_run_until(rig, has_leaves);
    assert_int_equal(rig->speaker->rib_bytes, 0);
}

static void
speaker__malformed_items__cost_themselves_only(void **state)
{
    static const char bad[] =
        "<message from=\"c\" to=\"tor1/bgp-peer\"><event>"
        "<items node=\"25/242/" RI "\"><item id=\"x\"><entry><nlri>"
        "<af>25</af><safi>242</safi><mac>zz</mac></nlri></entry></item>"
        "<item/><retract/><retract id=\"nothing\"/></items></event></message>"
        "<message to=\"tor1/bgp-peer\"><event><items node=\"x\">"
        "</items></event></message>"
        "<message><event></message>"
        "<iq type=\"set\" to=\"tor1/config\"><config><update><node/><link>"
        "</link><bogus/></update><delete/></config></iq>";
    struct rig *rig = *state;

    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    rig_expect(rig, TOLD_SUBSCRIBED);
    xmpp_session_send(rig->session, bad, sizeof bad - 1);
    server_send_route(rig, MAC1);
    rig_run_until(rig, has_one_fresh_route);
    assert_true(xmpp_speaker_is_up(rig->speaker));
}

static void
speaker__unicast_ip_routes__counted_and_forgotten(void **state)
{
#define INET_ITEM(ADDRESS) "<item id=\"" ADDRESS "\"><entry><nlri><af>1</af>" \
        "<safi>1</safi><address>" ADDRESS "</address></nlri></entry></item>"
    static const char some[] =
        "<message from=\"c\" to=\"tor1/bgp-peer\"><event>"
        "<items node=\"1/1/" RI "\">" INET_ITEM("10.1.1.4/32")
        INET_ITEM("10.1.1.5") "<item/>" INET_ITEM("10.1.1.6/32")
        "<retract id=\"10.1.1.4/32\"/><retract id=\"x\"/><retract/>"
        "</items></event></message>"
        "<message from=\"c\" to=\"tor1/bgp-peer\"><event>"
        "<items node=\"1/5/" RI "\"><item id=\"x\"/></items></event>"
        "</message>";
    struct rig *rig = *state;
    int n[2];

    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    rig_expect(rig, TOLD_SUBSCRIBED);
    xmpp_session_send(rig->session, some, sizeof some - 1);
    server_send_route(rig, MAC1);
    rig_run_until(rig, has_one_fresh_route);
    count_routes(rig, n);
    assert_int_equal(n[0], 1);
    assert_int_equal(rig->speaker->peers[0].n_unused_items, 3);
    assert_int_equal(rig->speaker->peers[0].n_bad_items, 4);
    assert_int_equal(rig->speaker->peers[0].n_items, 1);
}

/* A speaker with two control nodes; the second's server is the caller's. */
static void
rig_use_two(struct rig *rig, const struct sockaddr_storage *second)
{
    struct sockaddr_storage addresses[2] = { rig->address, *second };
    struct xmpp_speaker_config config = {
        .name = "tor2", .controllers = addresses, .n_controllers = 2,
        .hold_s = 90, .stale_hold_s = 300,
    };

    xmpp_speaker_destroy(rig->speaker);
    rig->speaker = xmpp_speaker_create(&rig->loop, &config, &speaker_ops,
                                       rig);
}

static bool
both_have_sent(struct rig *rig)
{
    const struct xmpp_speaker *sp = rig->speaker;

    return sp->peers[0].n_items && sp->peers[1].n_items
           && ovs_list_is_empty(&sp->rib_changed);
}

static bool
second_is_subscribed(struct rig *rig)
{
    return rig->speaker->peers[1].up
           && !shash_is_empty(&rig->speaker->wanted)
           && ovs_list_is_empty(&rig->speaker->peers[1].dirty);
}

static bool
both_are_subscribed(struct rig *rig)
{
    return rig->speaker->peers[0].up && second_is_subscribed(rig)
           && ovs_list_is_empty(&rig->speaker->peers[0].dirty);
}

static bool
routes_have_changed(struct rig *rig)
{
    return !rig->speaker->peers[0].up && rig->n_routes_changed;
}

static void
speaker__control_node_lost__other_one_s_paths_are_announced(void **state)
{
    struct rig *rig = *state;
    struct rig *second = rig->second = xzalloc(sizeof *second);
    struct xmpp_evpn route;
    struct tsn_err err;

    tsn_sockaddr_parse("127.0.0.1", free_port(), &second->address);
    second->server = xmpp_server_create(&rig->loop, "ctrl2", &second->address,
                                        XMPP_HOLD_MS, &server_ops, second,
                                        &err);
    assert_non_null(second->server);
    rig_use_two(rig, &second->address);
    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    rig_run_until(rig, both_are_subscribed);
    rig_run_until(rig, has_session);
    /* Not the same: else nothing would change. */
    server_send_route(rig, MAC1);
    make_route(&route, MAC1, 100, "10.0.0.8");
    server_send_item(second, &route);
    xmpp_evpn_fini(&route);
    rig_run_until(rig, both_have_sent);

    rig->n_routes_changed = 0;
    rig->session = NULL;
    xmpp_server_destroy(rig->server);
    rig->server = NULL;
    rig_run_until(rig, routes_have_changed);
}

static bool
has_hold_time(struct rig *rig)
{
    return rig->speaker->view->hold_s == 3;
}

static int second_fd;
static size_t second_heard;

/* Two keepalives more than the header and the one that follows at once. */
static bool
second_heard_keepalives(struct rig *rig OVS_UNUSED)
{
    char buf[4096];
    ssize_t n = recv(second_fd, buf, sizeof buf, MSG_DONTWAIT);

    for (ssize_t i = 0; i < n; i++) {
        second_heard += buf[i] == '\xc8';
    }
    return second_heard >= 3;
}

static void
speaker__hold_time_comes_while_another_connects__goes_for_both(void **state)
{
    static const char config[] =
        "<iq type=\"set\" to=\"tor2/config\"><config><update>"
        "<node type=\"global-system-config\">"
        "<name>default-global-system-config</name><id-perms><uuid>"
        "<uuid-mslong>1</uuid-mslong><uuid-lslong>1</uuid-lslong></uuid>"
        "</id-perms><fast-convergence-parameters><enable>true</enable>"
        "<xmpp-hold-time>3</xmpp-hold-time></fast-convergence-parameters>"
        "</node></update></config></iq>";
    struct rig *rig = *state;
    struct sockaddr_storage second;
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof sin;
    struct ds header = DS_EMPTY_INITIALIZER;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *) &sin, sizeof sin), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &sin, &len), 0);
    memcpy(&second, &sin, sizeof sin);
    rig->session = NULL;
    rig_use_two(rig, &second);
    rig_run_until(rig, has_session);
    assert_string_equal(xmpp_session_name(rig->session), "tor2");
    xmpp_session_send(rig->session, config, sizeof config - 1);
    rig_run_until(rig, has_hold_time);

    second_fd = accept(fd, NULL, NULL);
    second_heard = 0;
    xmpp_put_server_header(&header, "ctrl2", "tor2");
    assert_int_equal(send(second_fd, header.string, header.length, 0),
                     header.length);
    rig_run_until(rig, second_heard_keepalives);
    ds_destroy(&header);
    close(second_fd);
    close(fd);
}

static bool
has_bad_item(struct rig *rig)
{
    return rig->speaker->peers[0].n_bad_items > 0;
}

static void
speaker__endless_routes__take_a_bounded_amount_of_memory(void **state)
{
    struct rig *rig = *state;
    int n[2];

    rig->speaker->rib_max_bytes = 4096;
    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    rig_expect(rig, TOLD_SUBSCRIBED);
    for (int i = 0; i < 100; i++) {
        char mac[18];

        snprintf(mac, sizeof mac, "02:00:00:00:00:%02x", i);
        server_send_route(rig, mac);
    }
    rig_run_until(rig, has_bad_item);
    count_routes(rig, n);
    assert_in_range(n[0], 2, 60);
    assert_true(rig->speaker->rib_bytes <= 4096);

    /* What goes makes room. */
    xmpp_speaker_unsubscribe(rig->speaker, RI);
    assert_int_equal(rig->speaker->rib_bytes, 0);
}

static bool
is_closed(struct rig *rig)
{
    return !rig->session;
}

static void
server__same_name_twice__keeps_the_first(void **state)
{
    struct rig *rig = *state;
    struct xmpp_speaker_config config = {
        .name = "tor1", .controllers = &rig->address, .n_controllers = 1,
        .hold_s = 90, .stale_hold_s = 300,
    };

    rig_expect(rig, TOLD_OPEN);
    struct xmpp_session *first = rig->session;
    struct xmpp_speaker *second = xmpp_speaker_create(&rig->loop, &config,
                                                      &speaker_ops, rig);
    /* The first one is still heard after the second one has been refused. */
    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    rig_expect(rig, "subscribe(" RI ",5)\n");
    assert_ptr_equal(rig->session, first);
    assert_false(xmpp_speaker_is_up(second));

    /* Once the first is gone, the second is served. */
    xmpp_speaker_destroy(rig->speaker);
    rig->speaker = second;
    rig_run_until(rig, is_closed);
    rig_expect(rig, TOLD_OPEN);
}

/* More connections that say nothing than the server lets wait. */
static void
server__silent_connections__do_not_keep_a_client_out(void **state)
{
    enum { N = 300 };
    struct rig *rig = *state;
    struct xmpp_speaker_config config = {
        .name = "tor2", .controllers = &rig->address, .n_controllers = 1,
        .hold_s = 90, .stale_hold_s = 300,
    };
    int fds[N];

    rig_expect(rig, TOLD_OPEN);
    for (int i = 0; i < N; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(fds[i], (struct sockaddr *) &rig->address,
                                 sizeof(struct sockaddr_in)), 0);
        uv_run(&rig->loop, UV_RUN_NOWAIT);
    }
    /* Nor end a session. */
    assert_true(xmpp_speaker_is_up(rig->speaker));

    xmpp_speaker_destroy(rig->speaker);
    rig->session = NULL;
    rig->speaker = xmpp_speaker_create(&rig->loop, &config, &speaker_ops,
                                       rig);
    uint64_t start = tsn_now_ms();
    rig_run_until(rig, has_session);
    assert_true(tsn_now_ms() < start + XMPP_OPEN_MS / 2);
    for (int i = 0; i < N; i++) {
        close(fds[i]);
    }
}

int
main(void)
{
#define RIG_TEST(FN) \
    cmocka_unit_test_setup_teardown(FN, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        RIG_TEST(speaker__wanted_before_the_session__is_told_in_order),
        RIG_TEST(speaker__alike_routes__each_told_with_its_mac),
        RIG_TEST(speaker__route_that_must_not_leave__is_refused),
        RIG_TEST(speaker__withdraw_and_unsubscribe__in_that_order),
        RIG_TEST(speaker__instance_id_changes__subscribes_anew),
        RIG_TEST(speaker__unsubscribed_and_wanted_again__subscribes_anew),
        RIG_TEST(speaker__many_routes__are_withdrawn_piece_by_piece),
        RIG_TEST(speaker__many_subscriptions__are_told_piece_by_piece),
        RIG_TEST(speaker__reconnect__tells_all_again),
        RIG_TEST(speaker__routes__survive_the_session_until_end_of_rib),
        RIG_TEST(speaker__control_node_restarted__lists_grow_until_end_of_rib),
        RIG_TEST(speaker__malformed_items__cost_themselves_only),
        RIG_TEST(speaker__unicast_ip_routes__counted_and_forgotten),
        RIG_TEST(speaker__control_node_lost__other_one_s_paths_are_announced),
        RIG_TEST(
            speaker__hold_time_comes_while_another_connects__goes_for_both),
        RIG_TEST(speaker__endless_routes__take_a_bounded_amount_of_memory),
        RIG_TEST(server__same_name_twice__keeps_the_first),
        RIG_TEST(server__silent_connections__do_not_keep_a_client_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
