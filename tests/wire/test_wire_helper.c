/* SPDX-License-Identifier: Apache-2.0 */
/* The controller's help for restarting clients under recordings of a live
 * control node.
 *
 * That of a client that dies, comes back and dies again is replayed without
 * sockets in the recording's time; compared is what each client knows, some
 * time after every event and just before the next one, so that what goes must
 * go when it did there.  What is told twice there is not told twice here.
 *
 * Those of duplicate names are replayed with sockets, from the same
 * addresses; compared is which sessions are open. */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "tests/unit/ctrl_fixture.h"
#include "tests/wire/heard.h"
#include "tests/wire/recording.h"
#include "tsn/loop.h"
#include "xmpp/conn.h"
#include "xmpp/server.h"

#define START_MS 1000000
#define SETTLE_MS 300
#define TIMEOUT_MS 20000

/* The times of the recorded cloud. */
#define GRACEFUL "graceful-restart: {restart-time: 20, " \
    "long-lived-restart-time: 60}\n"
static const char yaml[] =
    "name: ctrl1\n"
    "project: admin\n"
    "networks:\n"
    "- {name: vn1, vni: 5005, id: 5}\n"
    "%s";

static struct ctrl_config *
make_config(const char *more)
{
    char *s = xasprintf(yaml, more);
    struct ctrl_config *config = ctrl_fixture_config(s);

    free(s);
    return config;
}

/* Without sockets. */

struct world {
    struct ctrl_core *core;
    uint64_t now_ms;
    struct shash sessions;      /* struct session, by the client's name. */
    int n_compared, n_routes;
};

struct session {
    struct world *world;
    struct xmpp_conn *conn;
    struct ctrl_peer *peer;
    struct heard ours, recorded;
};

static void
session_send(void *s_, const void *data, size_t size)
{
    struct session *s = s_;

    heard_bytes(&s->ours, data, size);
}

static void
peer_send(void *s_, const char *data, size_t size)
{
    struct session *s = s_;

    xmpp_conn_send(s->conn, data, size);
}

static bool
peer_is_ready(void *s)
{
    return true;
}

static void
peer_close(void *s, enum xmpp_close_reason reason)
{
    fail_msg("closed: %s", xmpp_close_reason_name(reason));
}

static bool
session_opened(void *s_, const char *name)
{
    static const struct ctrl_peer_ops ops = {
        .send = peer_send, .is_ready = peer_is_ready, .close = peer_close,
    };
    struct session *s = s_;

    s->peer = ctrl_peer_create(s->world->core, name, &ops, s,
                               s->world->now_ms);
    return true;
}

static void
session_stanza(void *s_, const struct xmpp_stanza *st)
{
    struct session *s = s_;

    ctrl_peer_stanza(s->peer, st, s->world->now_ms);
}

static void
session_closed(void *s, enum xmpp_close_reason reason)
{
    fail_msg("closed: %s", xmpp_close_reason_name(reason));
}

static const struct xmpp_conn_ops conn_ops = {
    .send = session_send,
    .opened = session_opened,
    .stanza = session_stanza,
    .closed = session_closed,
};

static void
run_until(struct world *w, uint64_t end)
{
    uint64_t next;

    while ((next = ctrl_core_run(w->core, w->now_ms)) <= end) {
        w->now_ms = MAX(next, w->now_ms);
    }
    w->now_ms = MAX(end, w->now_ms);
}

static void
compare(struct world *w)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &w->sessions) {
        struct session *s = node->data;
        struct ds why = DS_EMPTY_INITIALIZER;

        if (!heard_equal_routes(&s->ours, &s->recorded, &why)) {
            fail_msg("%s at %.3f s: %s", node->name,
                     (w->now_ms - START_MS) / 1000.0, ds_cstr(&why));
        }
        w->n_routes += shash_count(&s->ours.routes);
        ds_destroy(&why);
    }
    w->n_compared++;
}

static void
advance_to(struct world *w, double time_s)
{
    uint64_t end = START_MS + (uint64_t) (time_s * 1000);

    if (end > w->now_ms + 2 * SETTLE_MS) {
        run_until(w, w->now_ms + SETTLE_MS);
        compare(w);
        /* Its clock and ours have not read the death at the same time. */
        run_until(w, end - 10);
        compare(w);
    }
    run_until(w, end);
}

static void
connect_client(struct world *w, const char *name)
{
    struct session *s = xzalloc(sizeof *s);

    s->world = w;
    s->conn = xmpp_conn_create(XMPP_SERVER, "ctrl1", XMPP_HOLD_MS, &conn_ops,
                               s, w->now_ms);
    heard_init(&s->ours);
    heard_init(&s->recorded);
    xmpp_conn_start(s->conn, w->now_ms);
    assert_true(shash_add_once(&w->sessions, name, s));
}

static void
lose_client(struct world *w, const char *name)
{
    struct session *s = shash_find_and_delete(&w->sessions, name);
    struct in6_addr ip;

    assert_non_null(s);
    assert_int_equal(tsn_ip_parse("127.0.1.1", &ip), 0);
    ctrl_peer_lost(s->peer, &ip, w->now_ms);
    xmpp_conn_destroy(s->conn);
    heard_fini(&s->ours);
    heard_fini(&s->recorded);
    free(s);
}

static void
run_step(struct world *w, const struct transfer *t)
{
    struct session *s = shash_find_data(&w->sessions, t->agent);

    switch (t->kind) {
    case RECORDING_CONNECT:
        connect_client(w, t->agent);
        break;
    case RECORDING_BYTES:
        assert_non_null(s);
        if (t->from_agent) {
            xmpp_conn_feed(s->conn, t->data, t->size, w->now_ms);
        } else {
            heard_bytes(&s->recorded, t->data, t->size);
        }
        break;
    case RECORDING_CLIENT_CLOSES:
        lose_client(w, t->agent);
        break;
    case RECORDING_SERVER_CLOSES:
    case RECORDING_TLS_UP:
        fail_msg("unexpected");
        break;
    case RECORDING_SECTION:
        break;
    }
}

static void
client_restarts__recorded__others_know_the_same_at_all_times(void **state)
{
    struct ctrl_config *config = make_config(GRACEFUL);
    struct world w = {
        .core = ctrl_core_create(config), .now_ms = START_MS,
        .sessions = SHASH_INITIALIZER(&w.sessions),
    };
    struct recording r;

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    recording_read(&r, "08-client-restart-gr.xml");
    for (size_t i = 0; i < r.n_steps; i++) {
        advance_to(&w, r.steps[i].time_s);
        run_step(&w, &r.steps[i]);
    }
    recording_fini(&r);
    assert_true(w.n_compared > 30);
    assert_true(w.n_routes > 100);
    assert_true(shash_is_empty(&w.sessions));
    shash_destroy(&w.sessions);
    ctrl_core_destroy(w.core);
    ctrl_config_destroy(config);
}

/* With sockets, and the controller's glue between server and core. */

struct rig {
    uv_loop_t loop;
    uint16_t port;
    struct xmpp_server *server;
    struct ctrl_core *core;
    struct shash clients;       /* struct client_socket. */
};
static struct rig rig;

struct client_socket {
    int fd;
    bool open, closed;          /* The header came; the connection is over. */
    bool recorded_open, recorded_closed;
};

static void
rig_send(void *session, const char *data, size_t size)
{
    xmpp_session_send(session, data, size);
}

static void
rig_close(void *session, enum xmpp_close_reason reason)
{
    xmpp_session_close(session, reason);
}

static bool
rig_admits(void *aux, const char *name, const struct in6_addr *ip)
{
    return ctrl_core_admits(rig.core, name, ip);
}

static void
rig_opened(void *aux, struct xmpp_session *s)
{
    static const struct ctrl_peer_ops ops = {
        .send = rig_send, .is_ready = peer_is_ready, .close = rig_close,
    };

    xmpp_session_set_aux(s, ctrl_peer_create(rig.core, xmpp_session_name(s),
                                             &ops, s, tsn_now_ms()));
}

static void
rig_stanza(void *aux, struct xmpp_session *s, const struct xmpp_stanza *st)
{
    ctrl_peer_stanza(xmpp_session_aux(s), st, tsn_now_ms());
}

static void
rig_closed(void *aux, struct xmpp_session *s, enum xmpp_close_reason reason)
{
    ctrl_peer_lost(xmpp_session_aux(s), xmpp_session_peer_ip(s),
                   tsn_now_ms());
}

static void
rig_start(const struct ctrl_config *config)
{
    static const struct xmpp_server_ops ops = {
        .admits = rig_admits, .opened = rig_opened, .stanza = rig_stanza,
        .closed = rig_closed,
    };
    struct sockaddr_in sin = { .sin_family = AF_INET };
    struct sockaddr_storage ss;
    socklen_t len = sizeof sin;
    struct tsn_err err;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *) &sin, sizeof sin), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &sin, &len), 0);
    close(fd);
    rig.port = ntohs(sin.sin_port);
    uv_loop_init(&rig.loop);
    shash_init(&rig.clients);
    tsn_sockaddr_parse("0.0.0.0", rig.port, &ss);
    rig.core = ctrl_core_create(config);
    rig.server = xmpp_server_create(&rig.loop, "ctrl1", &ss, XMPP_HOLD_MS,
                                    &ops, NULL, &err);
    assert_non_null(rig.server);
    xmpp_server_set_restart_helper(rig.server,
                                   config->graceful_restart.enable);
}

static void
rig_stop(void)
{
    shash_destroy_free_data(&rig.clients);
    xmpp_server_destroy(rig.server);
    while (uv_run(&rig.loop, UV_RUN_NOWAIT)) {
        continue;
    }
    assert_int_equal(uv_loop_close(&rig.loop), 0);
    ctrl_core_destroy(rig.core);
}

static void
rig_read(struct client_socket *c)
{
    char buf[4096];
    ssize_t n;

    while (!c->closed
           && ((n = recv(c->fd, buf, sizeof buf, MSG_DONTWAIT)) >= 0
               || errno != EAGAIN)) {
        c->open |= n > 0;
        c->closed = n <= 0;
    }
}

static bool
rig_is_as_recorded(void)
{
    struct shash_node *node;
    bool same = true;

    SHASH_FOR_EACH (node, &rig.clients) {
        struct client_socket *c = node->data;

        rig_read(c);
        same = same && c->open == c->recorded_open
               && c->closed == c->recorded_closed;
    }
    return same;
}

/* Runs the loop until every client sees what it saw in the recording, and a
 * little longer: it must see no more. */
static void
rig_settle(const char *title)
{
    uint64_t end = tsn_now_ms() + TIMEOUT_MS;

    while (!rig_is_as_recorded() && tsn_now_ms() < end) {
        uv_run(&rig.loop, UV_RUN_NOWAIT);
    }
    for (int i = 0; i < 20; i++) {
        uv_run(&rig.loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    if (!rig_is_as_recorded()) {
        struct shash_node *node;

        SHASH_FOR_EACH (node, &rig.clients) {
            const struct client_socket *c = node->data;

            print_message("%s: open=%d closed=%d, was open=%d closed=%d\n",
                          node->name, c->open, c->closed, c->recorded_open,
                          c->recorded_closed);
        }
        fail_msg("before %.*s", (int) strcspn(title, "\n"), title);
    }
}

static void
rig_connect(const char *name)
{
    struct client_socket *c = xzalloc(sizeof *c);
    struct sockaddr_in sin = { .sin_family = AF_INET };

    inet_pton(AF_INET, strstr(name, "other-ip") ? "127.0.1.77" : "127.0.1.1",
              &sin.sin_addr);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(c->fd, (struct sockaddr *) &sin, sizeof sin), 0);
    inet_pton(AF_INET, "127.0.0.1", &sin.sin_addr);
    sin.sin_port = htons(rig.port);
    assert_int_equal(connect(c->fd, (struct sockaddr *) &sin, sizeof sin), 0);
    assert_true(shash_add_once(&rig.clients, name, c));
}

static void
rig_step(const struct transfer *t)
{
    struct client_socket *c = shash_find_data(&rig.clients, t->agent);

    switch (t->kind) {
    case RECORDING_CONNECT:
        rig_connect(t->agent);
        break;
    case RECORDING_BYTES:
        if (!t->from_agent) {
            c->recorded_open = true;
        } else if (!c->closed) {
            send(c->fd, t->data, t->size, MSG_NOSIGNAL);
        }
        break;
    case RECORDING_SERVER_CLOSES:
        c->recorded_closed = true;
        break;
    case RECORDING_CLIENT_CLOSES:
        close(c->fd);
        free(shash_find_and_delete(&rig.clients, t->agent));
        /* It sees that before the next one comes. */
        rig_settle("the next connection");
        break;
    case RECORDING_SECTION:
        rig_settle(t->title);
        break;
    case RECORDING_TLS_UP:
        fail_msg("unexpected");
        break;
    }
}

static void
replay_names(const char *name, const char *more)
{
    struct ctrl_config *config = make_config(more);
    struct recording r;

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    rig_start(config);
    recording_read(&r, name);
    for (size_t i = 0; i < r.n_steps; i++) {
        rig_step(&r.steps[i]);
    }
    recording_fini(&r);
    rig_stop();
    ctrl_config_destroy(config);
}

static void
duplicate_names__recorded__same_sessions_open(void **state)
{
    replay_names("06-duplicate-jid.xml",
                 "graceful-restart: {enable: false}\n");
}

static void
duplicate_names_with_helper__recorded__same_sessions_open(void **state)
{
    replay_names("06-duplicate-jid-gr.xml", GRACEFUL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            client_restarts__recorded__others_know_the_same_at_all_times),
        cmocka_unit_test(duplicate_names__recorded__same_sessions_open),
        cmocka_unit_test(
            duplicate_names_with_helper__recorded__same_sessions_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
