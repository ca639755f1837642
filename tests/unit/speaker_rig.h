/* SPDX-License-Identifier: Apache-2.0 */
/* A speaker without sockets and in simulated time.  The clock, libuv's timers
 * and xmpp/transport.c are replaced when a test is linked; in the place of the
 * latter bytes go straight to an xmpp_conn.  The test is the control nodes. */
#ifndef TESTS_SPEAKER_RIG_H
#define TESTS_SPEAKER_RIG_H 1

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/conn.h"
#include "xmpp/graph.h"
#include "xmpp/route.h"
#include "xmpp/speaker-private.h"
#include "xmpp/stanza.h"
#include "xmpp/stream.h"
#include "xmpp/transport.h"
#include "xmpp/view.h"

#define RIG_MAX_NODES 4

/* A control node.  'heard' has a line for each thing that the client told it
 * since it was last looked at:
 *
 *   open / config
 *   subscribe(INSTANCE) / unsubscribe(INSTANCE)
 *   +NODE-ID / -NODE-ID
 *   end-of-rib
 */
struct rig_node {
    struct xmpp_transport *transport;   /* NULL: no connection. */
    struct ds heard;
    bool reachable;
    bool published_nothing;     /* An empty publish was heard last. */
};

struct rig {
    uint64_t now_ms;
    struct ovs_list timers;     /* struct rig_timer. */
    struct rig_node nodes[RIG_MAX_NODES];
    struct xmpp_speaker *speaker;
    int n_routes_changed, n_session_changed;
    bool complete;
    size_t n_networks;          /* In the last view. */
    size_t min_networks;        /* Of all views since it was set. */
};

static struct rig rig;

/* The clock. */

uint64_t
tsn_now_ms(void)
{
    return rig.now_ms;
}

/* libuv's timers. */

struct rig_timer {
    struct ovs_list node;
    uv_timer_t *uv;
    uv_timer_cb cb;
    uint64_t due_ms;
};

static inline struct rig_timer *
rig_find_timer(const uv_timer_t *uv)
{
    struct rig_timer *t;

    LIST_FOR_EACH (t, node, &rig.timers) {
        if (t->uv == uv) {
            return t;
        }
    }
    return NULL;
}

static inline void
rig_stop_timer(const uv_timer_t *uv)
{
    struct rig_timer *t = rig_find_timer(uv);

    if (t) {
        ovs_list_remove(&t->node);
        free(t);
    }
}

int
uv_timer_init(uv_loop_t *loop, uv_timer_t *uv)
{
    memset(uv, 0, sizeof *uv);
    return 0;
}

int
uv_timer_start(uv_timer_t *uv, uv_timer_cb cb, uint64_t timeout,
               uint64_t repeat)
{
    struct rig_timer *t = xzalloc(sizeof *t);

    assert_int_equal(repeat, 0);
    rig_stop_timer(uv);
    t->uv = uv;
    t->cb = cb;
    t->due_ms = rig.now_ms + timeout;
    ovs_list_push_back(&rig.timers, &t->node);
    return 0;
}

void
uv_close(uv_handle_t *handle, uv_close_cb cb)
{
    rig_stop_timer((uv_timer_t *) handle);
    cb(handle);
}

/* The transport. */

struct xmpp_transport {
    struct xmpp_conn *conn;
    struct rig_node *rig_node;
    const struct xmpp_transport_ops *ops;
    void *aux;
    enum xmpp_close_reason reason;      /* It has closed; to be told. */
    struct xmpp_stream stream;  /* What the client has sent. */
};

static inline void
rig_conn_send(void *t_, const void *data, size_t size)
{
    struct xmpp_transport *t = t_;

    assert_int_equal(xmpp_stream_push(&t->stream, data, size), 0);
}

static inline bool
rig_conn_opened(void *t_, const char *name)
{
    struct xmpp_transport *t = t_;

    return t->ops->opened(t->aux, name);
}

static inline void
rig_conn_stanza(void *t_, const struct xmpp_stanza *st)
{
    struct xmpp_transport *t = t_;

    t->ops->stanza(t->aux, st);
}

static inline void
rig_conn_closed(void *t_, enum xmpp_close_reason reason)
{
    struct xmpp_transport *t = t_;

    t->reason = reason;
}

struct xmpp_transport *
xmpp_transport_connect(uv_loop_t *loop, const struct sockaddr_storage *peer,
                       const char *name, uint32_t hold_ms,
                       uint64_t timeout_ms,
                       const struct xmpp_transport_ops *ops, void *aux)
{
    static const struct xmpp_conn_ops conn_ops = {
        .send = rig_conn_send, .opened = rig_conn_opened,
        .stanza = rig_conn_stanza, .closed = rig_conn_closed,
    };
    const struct sockaddr_in *sin = (const struct sockaddr_in *) peer;
    struct xmpp_transport *t = xzalloc(sizeof *t);

    t->ops = ops;
    t->aux = aux;
    t->rig_node = &rig.nodes[ntohs(sin->sin_port)];
    /* A control node never has two connections of one client. */
    assert_null(t->rig_node->transport);
    t->rig_node->transport = t;
    t->conn = xmpp_conn_create(XMPP_CLIENT, name, hold_ms, &conn_ops, t,
                               rig.now_ms);
    xmpp_stream_init(&t->stream);
    return t;
}

static inline void
rig_free_transport(struct xmpp_transport *t)
{
    t->rig_node->transport = NULL;
    xmpp_conn_destroy(t->conn);
    xmpp_stream_fini(&t->stream);
    free(t);
}

void
xmpp_transport_abandon(struct xmpp_transport *t)
{
    if (t) {
        rig_free_transport(t);
    }
}

void
xmpp_transport_send(struct xmpp_transport *t, const char *data, size_t size)
{
    xmpp_conn_send(t->conn, data, size);
}

size_t
xmpp_transport_unsent(const struct xmpp_transport *t)
{
    return 0;
}

struct xmpp_conn *
xmpp_transport_conn(struct xmpp_transport *t)
{
    return t->conn;
}

void
xmpp_transport_set_hold(struct xmpp_transport *t, uint32_t hold_ms)
{
    xmpp_conn_set_hold(t->conn, hold_ms, rig.now_ms);
}

void
xmpp_transport_set_tls(struct xmpp_transport *t, struct tsn_tls *tls)
{
    fail_msg("no TLS here");
}

/* The control nodes. */

static inline void
rig_hear_stanza(struct rig_node *node, const struct xmpp_stream_event *event)
{
    struct ds *out = &node->heard;
    struct xmpp_stanza st;
    struct tsn_err err;

    if (xmpp_stanza_parse(event->data, event->size, &st, &err)) {
        fail_msg("%s: %.*s", tsn_err_format(&err), (int) event->size,
                 event->data);
    }
    switch (st.type) {
    case XMPP_SUBSCRIBE:
        if (st.resource == XMPP_RESOURCE_CONFIG) {
            ds_put_cstr(out, "config\n");
        } else {
            ds_put_format(out, "subscribe(%s)\n", st.node);
        }
        break;
    case XMPP_UNSUBSCRIBE:
        ds_put_format(out, "unsubscribe(%s)\n", st.node);
        break;
    case XMPP_PUBLISH:
        node->published_nothing = st.end_of_rib;
        break;
    case XMPP_COLLECTION:
        assert_int_equal(node->published_nothing, st.end_of_rib);
        if (st.end_of_rib) {
            ds_put_cstr(out, "end-of-rib\n");
        } else {
            ds_put_format(out, "%c%s\n", st.associate ? '+' : '-',
                          st.item_node);
        }
        break;
    case XMPP_EVENT:
    case XMPP_CONFIG:
    case XMPP_IGNORED:
    default:
        fail_msg("unexpected: %.*s", (int) event->size, event->data);
    }
    xmpp_stanza_fini(&st);
}

static inline void
rig_hear(struct rig_node *node)
{
    struct xmpp_stream_event event;

    while (node->transport
           && !xmpp_stream_next(&node->transport->stream, &event)
           && event.type != XMPP_STREAM_NONE) {
        if (event.type == XMPP_STREAM_OPEN) {
            ds_put_cstr(&node->heard, "open\n");
        } else if (event.type == XMPP_STREAM_STANZA) {
            rig_hear_stanza(node, &event);
        }
    }
}

/* The connection has ended, whoever ended it. */
static inline void
rig_end(struct rig_node *node, enum xmpp_close_reason reason)
{
    struct xmpp_transport *t = node->transport;

    t->ops->closed(t->aux, reason);
    rig_free_transport(t);
}

/* Feeds 'node', or the client's side of it, what it takes to be open. */
static inline void
rig_serve(struct rig_node *node)
{
    struct xmpp_transport *t = node->transport;

    if (!t) {
        return;
    }
    if (t->reason) {
        rig_end(node, t->reason);
    } else if (!node->reachable) {
        rig_end(node, XMPP_CLOSE_REFUSED);
    } else if (!xmpp_conn_is_open(t->conn)) {
        struct ds ds = DS_EMPTY_INITIALIZER;

        xmpp_conn_start(t->conn, rig.now_ms);
        xmpp_put_server_header(&ds, "ctrl1", "a");
        xmpp_conn_feed(t->conn, ds.string, ds.length, rig.now_ms);
        ds_destroy(&ds);
    }
}

static inline struct rig_timer *
rig_next_timer(void)
{
    struct rig_timer *t, *next = NULL;

    LIST_FOR_EACH (t, node, &rig.timers) {
        if (!next || t->due_ms < next->due_ms) {
            next = t;
        }
    }
    return next;
}

static inline void
rig_fire(struct rig_timer *t)
{
    uv_timer_t *uv = t->uv;
    uv_timer_cb cb = t->cb;

    rig_stop_timer(uv);
    cb(uv);
}

/* All that is due in the next 'ms' milliseconds happens. */
static inline void
rig_advance(uint64_t ms)
{
    uint64_t end = rig.now_ms + ms;
    struct rig_timer *next;

    for (;;) {
        for (int i = 0; i < RIG_MAX_NODES; i++) {
            rig_serve(&rig.nodes[i]);
            rig_hear(&rig.nodes[i]);
        }
        next = rig_next_timer();
        if (!next || next->due_ms > end) {
            break;
        }
        rig.now_ms = MAX(rig.now_ms, next->due_ms);
        rig_fire(next);
    }
    rig.now_ms = end;
}

/* Hands bytes of control node 'i' to the client. */
static inline void
rig_send(int i, const char *data, size_t size)
{
    assert_non_null(rig.nodes[i].transport);
    xmpp_conn_feed(rig.nodes[i].transport->conn, data, size, rig.now_ms);
}

static inline void
rig_send_text(int i, const char *text)
{
    rig_send(i, text, strlen(text));
}

static inline void
rig_lose(int i)
{
    rig_hear(&rig.nodes[i]);
    rig_end(&rig.nodes[i], XMPP_CLOSE_BY_PEER);
}

/* The control node dies, and nobody listens any more. */
static inline void
rig_kill(int i)
{
    rig.nodes[i].reachable = false;
    if (rig.nodes[i].transport) {
        rig_lose(i);
    }
}

/* What control node 'i' was told since the last time is 'expected'. */
static inline void
rig_expect(int i, const char *expected)
{
    rig_hear(&rig.nodes[i]);
    assert_string_equal(ds_cstr(&rig.nodes[i].heard), expected);
    ds_clear(&rig.nodes[i].heard);
}

static inline void
rig_forget_heard(void)
{
    for (int i = 0; i < RIG_MAX_NODES; i++) {
        rig_hear(&rig.nodes[i]);
        ds_clear(&rig.nodes[i].heard);
    }
}

/* The speaker's owner. */

static inline void
rig_config_changed(void *aux, const struct xmpp_view *view, bool complete)
{
    rig.complete = complete;
    rig.n_networks = view->n_networks;
    rig.min_networks = MIN(rig.min_networks, view->n_networks);
}

static inline void
rig_routes_changed(void *aux, const char *instance)
{
    rig.n_routes_changed++;
}

static inline void
rig_session_changed(void *aux)
{
    rig.n_session_changed++;
}

/* A speaker 'name' with control nodes 0 to 'n' - 1, all reachable. */
static inline void
rig_start(const char *name, size_t n, uint32_t stale_hold_s)
{
    static const struct xmpp_speaker_ops ops = {
        .config_changed = rig_config_changed,
        .routes_changed = rig_routes_changed,
        .session_changed = rig_session_changed,
    };
    struct sockaddr_storage addresses[RIG_MAX_NODES];
    struct xmpp_speaker_config config = {
        .name = name, .controllers = addresses, .n_controllers = n,
        .hold_s = 90, .stale_hold_s = stale_hold_s,
    };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    memset(&rig, 0, sizeof rig);
    /* Long after the start of the machine, as times are unsigned. */
    rig.now_ms = 100000000;
    ovs_list_init(&rig.timers);
    rig.min_networks = SIZE_MAX;
    memset(addresses, 0, sizeof addresses);
    for (size_t i = 0; i < n; i++) {
        struct sockaddr_in *sin = (struct sockaddr_in *) &addresses[i];

        sin->sin_family = AF_INET;
        sin->sin_port = htons(i);
        rig.nodes[i].reachable = true;
    }
    rig.speaker = xmpp_speaker_create(NULL, &config, &ops, NULL);
}

static inline void
rig_stop(void)
{
    xmpp_speaker_destroy(rig.speaker);
    assert_true(ovs_list_is_empty(&rig.timers));
    for (int i = 0; i < RIG_MAX_NODES; i++) {
        ds_destroy(&rig.nodes[i].heard);
    }
}

/* What it has learnt: a line for each route, sorted: "ID", with " stale". */

struct rig_routes {
    char *lines[256];
    size_t n;
};

static inline void
rig_add_route(const char *id, const struct xmpp_evpn *route, bool stale,
              void *routes_)
{
    struct rig_routes *routes = routes_;

    assert_true(routes->n < ARRAY_SIZE(routes->lines));
    routes->lines[routes->n++] = xasprintf("%s%s\n", id,
                                           stale ? " stale" : "");
}

static inline int
rig_compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

static inline char *
rig_routes(const char *instance)
{
    struct rig_routes routes = { .n = 0 };
    struct ds ds = DS_EMPTY_INITIALIZER;

    xmpp_speaker_for_each_route(rig.speaker, instance, rig_add_route,
                                &routes);
    qsort(routes.lines, routes.n, sizeof *routes.lines, rig_compare_lines);
    ds_put_cstr(&ds, "");
    for (size_t i = 0; i < routes.n; i++) {
        ds_put_cstr(&ds, routes.lines[i]);
        free(routes.lines[i]);
    }
    return ds_steal_cstr(&ds);
}

static inline void
rig_expect_routes(const char *instance, const char *expected)
{
    char *routes = rig_routes(instance);

    assert_string_equal(routes, expected);
    free(routes);
}

#endif /* tests/unit/speaker_rig.h */
