/* SPDX-License-Identifier: Apache-2.0 */
/* Our client's session under the time of the recordings: gets what a live
 * control node, or a scripted one, sent to each client.
 *
 * What comes out of it is counted and compared with the recorder's own count,
 * which is in its comments; keepalives are compared with those that the real
 * client sent. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "tests/wire/recording.h"
#include "tsn/error.h"
#include "util.h"
#include "xmpp/conn.h"
#include "xmpp/graph.h"
#include "xmpp/route.h"
#include "xmpp/stanza.h"
#include "xmpp/view.h"
#include "xmpp/xml.h"

#define START_MS 1000000

struct counts {
    int sessions, opened;
    int items, retracts, end_of_rib, config;
    int evpn;                   /* Items that were decoded. */
    int unanswered;             /* Sessions closed before the header. */
};

struct replay {
    const char *recording;
    struct counts ours, recorded;
    uint64_t now_ms;
    uint64_t last_keepalive_ms, recorded_keepalive_ms;
    int n_keepalives, n_recorded_keepalives;
};

/* One connection of one client. */
struct link {
    struct replay *replay;
    struct xmpp_conn *conn;
    struct xmpp_graph *graph;
    bool closed;
    enum xmpp_close_reason reason;
};

static void
link_send(void *link_, const void *data, size_t size)
{
    struct link *link = link_;

    if (size == 2 && !memcmp(data, "\xc8\x80", 2)) {
        link->replay->n_keepalives++;
        link->replay->last_keepalive_ms = link->replay->now_ms;
    }
}

static bool
link_opened(void *link_, const char *name)
{
    struct link *link = link_;

    assert_int_equal(strncmp(name, "ctrl", 4), 0);
    link->replay->ours.opened++;
    return true;
}

static void
check_item(struct replay *replay, const struct xmpp_stanza *st,
           const struct xmpp_node *item)
{
    const char *id = xmpp_node_attr(item, "id");
    struct xmpp_evpn route;
    struct tsn_err err;
    char buf[XMPP_ID_STRLEN];

    assert_non_null(id);
    if (st->family != XMPP_FAMILY_EVPN) {
        return;
    }
    int error = xmpp_evpn_decode(xmpp_node_child(item, "entry"), &route,
                                 &err);
    assert_int_equal(error, 0);
    replay->ours.evpn++;
    /* The id follows from the route: ours is the same. */
    assert_string_equal(xmpp_evpn_item_id(&route, buf), id);
    xmpp_evpn_fini(&route);
}

static void
link_stanza(void *link_, const struct xmpp_stanza *st)
{
    struct link *link = link_;
    struct counts *ours = &link->replay->ours;

    if (st->type == XMPP_CONFIG) {
        ours->config++;
        xmpp_graph_apply(link->graph, st->body);
        assert_int_equal(xmpp_graph_n_malformed(link->graph), 0);
        return;
    }
    assert_int_equal(st->type, XMPP_EVENT);
    ours->end_of_rib += st->end_of_rib;
    for (const struct xmpp_node *c = st->body->children; c; c = c->next) {
        if (!strcmp(c->name, "retract")) {
            ours->retracts++;
        } else {
            ours->items++;
            check_item(link->replay, st, c);
        }
    }
}

static void
link_closed(void *link_, enum xmpp_close_reason reason)
{
    struct link *link = link_;

    link->closed = true;
    link->reason = reason;
}

static const struct xmpp_conn_ops ops = {
    .send = link_send,
    .opened = link_opened,
    .stanza = link_stanza,
    .closed = link_closed,
};

static struct link *
link_create(struct replay *replay)
{
    struct link *link = xzalloc(sizeof *link);

    link->replay = replay;
    link->graph = xmpp_graph_create();
    link->conn = xmpp_conn_create(XMPP_CLIENT, "me", XMPP_HOLD_MS, &ops, link,
                                  replay->now_ms);
    xmpp_conn_start(link->conn, replay->now_ms);
    replay->ours.sessions++;
    return link;
}

/* The network side of what was learnt can always be made. */
static void
link_destroy(struct link *link)
{
    const struct xmpp_conn_counters *c = xmpp_conn_counters(link->conn);

    assert_int_equal(c->bad_stanzas, 0);
    assert_int_equal(c->ignored_stanzas, 0);
    xmpp_view_destroy(xmpp_view_build(link->graph, ""));
    xmpp_graph_destroy(link->graph);
    xmpp_conn_destroy(link->conn);
    free(link);
}

static void
advance(struct replay *replay, struct shash *links, uint64_t end)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, links) {
        struct link *link = node->data;
        uint64_t next;

        while ((next = xmpp_conn_deadline(link->conn)) <= end) {
            replay->now_ms = next;
            xmpp_conn_tick(link->conn, next);
        }
        /* Nothing that a control node sends makes us close, but TLS, and
         * that it sends nothing. */
        if (link->closed && link->reason != XMPP_CLOSE_OPEN_TIMEOUT) {
            assert_int_equal(link->reason, XMPP_CLOSE_TLS_REQUIRED);
        }
    }
    replay->now_ms = end;
}

/* What the recorder says of a transfer, in the comment before it. */
static void
count_recorded(struct counts *c, const struct transfer *t)
{
    const char *line = t->data - 2;     /* At the end of the line before. */
    int items, retracts;

    while (line[-1] != '\n') {
        line--;
    }
    const char *text = strstr(line, " items=");
    if (text && text < t->data
        && sscanf(text, " items=%d retracts=%d", &items, &retracts) == 2) {
        c->items += items;
        c->retracts += retracts;
        text = strstr(line, "0/0/EndOfRib");
        c->end_of_rib += text && text < t->data;
    }
    text = strstr(line, "iq config update");
    c->config += text && text < t->data;
}

static void
server_bytes(struct replay *replay, struct link *link,
             const struct transfer *t)
{
    if (t->size == 2) {
        xmpp_conn_feed(link->conn, t->data, t->size, replay->now_ms);
        return;
    }
    replay->recorded.opened += !strncmp(t->data, "<stream:stream", 14);
    count_recorded(&replay->recorded, t);
    /* In two halves, as it may come. */
    xmpp_conn_feed(link->conn, t->data, t->size / 2, replay->now_ms);
    xmpp_conn_feed(link->conn, t->data + t->size / 2, t->size - t->size / 2,
                   replay->now_ms);
}

static void
run_step(struct replay *replay, struct shash *links, const struct transfer *t)
{
    struct link *link = shash_find_data(links, t->agent);

    switch (t->kind) {
    case RECORDING_BYTES:
        /* Relays do not say when they connect. */
        if (!link || (t->from_agent && link->closed && t->size > 14
                      && !memcmp(t->data, "<stream:stream", 14))) {
            if (link) {
                shash_find_and_delete(links, t->agent);
                link_destroy(link);
            }
            link = link_create(replay);
            shash_add_once(links, t->agent, link);
        }
        if (!t->from_agent) {
            server_bytes(replay, link, t);
        } else if (t->size == 2) {
            replay->n_recorded_keepalives++;
            replay->recorded_keepalive_ms = replay->now_ms;
        }
        break;
    case RECORDING_CONNECT:
    case RECORDING_TLS_UP:
        if (link) {
            shash_find_and_delete(links, t->agent);
            link_destroy(link);
        }
        shash_add_once(links, t->agent, link_create(replay));
        break;
    case RECORDING_SERVER_CLOSES:
        if (link) {
            xmpp_conn_close(link->conn, XMPP_CLOSE_BY_PEER);
            replay->ours.unanswered += link->reason == XMPP_CLOSE_UNANSWERED;
            shash_find_and_delete(links, t->agent);
            link_destroy(link);
        }
        break;
    case RECORDING_CLIENT_CLOSES:
        if (link) {
            shash_find_and_delete(links, t->agent);
            link_destroy(link);
        }
        break;
    case RECORDING_SECTION:
        break;
    }
}

static void
replay_recording(struct replay *replay, const char *name)
{
    struct shash links = SHASH_INITIALIZER(&links);
    struct shash_node *node;
    struct recording r;

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    memset(replay, 0, sizeof *replay);
    replay->recording = name;
    recording_read(&r, name);
    for (size_t i = 0; i < r.n_steps; i++) {
        const struct transfer *t = &r.steps[i];

        advance(replay, &links, START_MS + (uint64_t) (t->time_s * 1000));
        run_step(replay, &links, t);
    }
    SHASH_FOR_EACH (node, &links) {
        link_destroy(node->data);
    }
    shash_destroy(&links);
    recording_fini(&r);
    assert_int_equal(replay->ours.opened, replay->recorded.opened);
}

static void
all__recorded__everything_is_understood(void **state OVS_UNUSED)
{
    static const struct {
        const char *name;
        int items, retracts, end_of_rib, config, unanswered;
    } cases[] = {
        { "01-open-keepalive-close.xml", 0, 0, 1, 0, 0 },
        { "02-subscribe.xml", 0, 0, 1, 0, 0 },
        { "03-evpn-bum.xml", 46, 10, 0, 0, 0 },
        { "04-evpn-variants.xml", 255, 181, 0, 0, 0 },
        { "05-bad-input.xml", 0, 0, 2, 0, 2 },
        { "06-duplicate-jid-gr.xml", 0, 0, 0, 0, 2 },
        { "06-duplicate-jid.xml", 0, 0, 0, 0, 2 },
        { "07-server-restart.xml", 20, 0, 4, 0, 0 },
        { "08-client-restart-gr.xml", 27, 8, 4, 0, 0 },
        { "08-client-restart-nogr.xml", 14, 9, 4, 0, 0 },
        { "09-hold-timer.xml", 0, 0, 0, 0, 0 },
        { "10-config-push.xml", 1, 0, 0, 20, 0 },
        { "11-tls.xml", 1, 0, 0, 4, 0 },
        { "12-escaping.xml", 1, 0, 0, 4, 0 },
        { "13-two-control-nodes.xml", 43, 6, 0, 0, 0 },
        { "14-real-tor-agent-others.xml", 22, 7, 0, 0, 0 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct replay replay;

        replay_recording(&replay, cases[i].name);
        assert_int_equal(replay.ours.items, replay.recorded.items);
        assert_int_equal(replay.ours.retracts, replay.recorded.retracts);
        assert_int_equal(replay.ours.end_of_rib, replay.recorded.end_of_rib);
        assert_int_equal(replay.ours.config, replay.recorded.config);
        assert_int_equal(replay.ours.items, cases[i].items);
        assert_int_equal(replay.ours.retracts, cases[i].retracts);
        assert_int_equal(replay.ours.end_of_rib, cases[i].end_of_rib);
        assert_int_equal(replay.ours.config, cases[i].config);
        assert_int_equal(replay.ours.unanswered, cases[i].unanswered);
    }
}

/* These have no count of their own. */
static void
real_tor_agent__recorded__everything_is_understood(void **state OVS_UNUSED)
{
    struct replay replay;

    replay_recording(&replay, "14-real-tor-agent-relay.xml");
    assert_int_equal(replay.ours.opened, 2);
    assert_int_equal(replay.ours.config, 8);
    assert_true(replay.ours.evpn > 5);
    assert_true(replay.ours.retracts > 1);
}

/* Our client keeps alive what the real one kept, at the same times. */
static void
scripted_server__silent__keepalives_as_the_real_client(void **state OVS_UNUSED)
{
    struct replay replay;

    replay_recording(&replay, "20-real-client-vs-dumb-server.xml");
    assert_int_equal(replay.ours.opened, 1);
    assert_int_equal(replay.n_keepalives, 3);
    assert_int_equal(replay.n_recorded_keepalives, 3);
    assert_in_range(replay.last_keepalive_ms,
                    replay.recorded_keepalive_ms - 2,
                    replay.recorded_keepalive_ms + 2);
}

/* The control node's hold time is 9 s, and ours 90: it closes, we come back,
 * as often as the real client. */
static void
real_server__short_hold_time__closes_on_us_too(void **state OVS_UNUSED)
{
    struct replay replay;

    replay_recording(&replay, "21-real-client-real-server.xml");
    assert_int_equal(replay.ours.sessions, 2);
    assert_int_equal(replay.ours.opened, 2);
    assert_int_equal(replay.ours.unanswered, 0);
}

static void
scripted_server__closes_the_stream__is_kept(void **state OVS_UNUSED)
{
    struct replay replay;

    replay_recording(&replay, "23-real-client-vs-closing-server.xml");
    assert_int_equal(replay.ours.sessions, 1);
    assert_int_equal(replay.ours.opened, 1);
    assert_int_equal(replay.n_keepalives, replay.n_recorded_keepalives);
    assert_in_range(replay.last_keepalive_ms,
                    replay.recorded_keepalive_ms - 2,
                    replay.recorded_keepalive_ms + 2);
}

/* Without TLS of our own. */
static void
tls_server__recorded__is_not_for_us(void **state OVS_UNUSED)
{
    struct replay replay;

    replay_recording(&replay, "22-real-client-real-server-tls.xml");
    assert_int_equal(replay.ours.opened, 1);
    assert_int_equal(replay.ours.evpn, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all__recorded__everything_is_understood),
        cmocka_unit_test(real_tor_agent__recorded__everything_is_understood),
        cmocka_unit_test(
            scripted_server__silent__keepalives_as_the_real_client),
        cmocka_unit_test(real_server__short_hold_time__closes_on_us_too),
        cmocka_unit_test(scripted_server__closes_the_stream__is_kept),
        cmocka_unit_test(tls_server__recorded__is_not_for_us),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
