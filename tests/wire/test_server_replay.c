/* SPDX-License-Identifier: Apache-2.0 */
/* The controller without its sockets, under the time of the recordings: gets
 * what clients sent to a live control node, and must come to tell them the
 * same, and to close the same sessions.
 *
 * Compared are, at each headline, the EVPN routes that each client knows,
 * whether its session is closed and, where there is configuration, its
 * networks, switches and ports; not, how a burst of routes is cut into
 * messages.  Families that the controller does not serve are left out. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "tests/unit/ctrl_fixture.h"
#include "tests/wire/heard.h"
#include "tests/wire/recording.h"
#include "xmpp/conn.h"

/* All recordings begin later than that, as 0 is no time. */
#define START_MS 1000000

/* How long the recorded control node may take to react: no comparison so soon
 * after what a client sent. */
#define SETTLE_MS 200

/* The cloud of the recordings, with the VNI of vn1, other networks, other
 * ports of tor1. */
#define CLOUD(VNI, NETWORKS, PORTS)                                     \
    "name: ctrl1\n"                                                     \
    "project: admin\n"                                                  \
    "networks:\n"                                                       \
    "- {name: vn1, vni: " VNI ", id: 5}\n"                              \
    "- {name: vn2, vni: 5006, id: 6}\n" NETWORKS                        \
    "switches:\n"                                                       \
    "- {name: tor1, vtep: 127.0.2.1, agent: tor-agent-1, ports: [\n"    \
    "   {name: eth0, vlan: 100, network: vn1},\n"                       \
    "   {name: eth0, vlan: 200, network: vn2}" PORTS "]}\n"             \
    "- {name: tor2, vtep: 127.0.2.2, agent: tor-agent-2, ports: [\n"    \
    "   {name: eth0, vlan: 100, network: vn1}]}\n"                      \
    "tsns:\n"                                                           \
    "- {name: tsn1, address: 127.0.1.3}\n"

static const char yaml[] = CLOUD("5005",
    "- {name: 'a&b <c> \"d\" ''e'' \303\251', vni: 5009, id: 9}\n", "");

/* A session of one of the recorded clients, both ways. */
struct session {
    struct world *world;
    struct xmpp_conn *conn;
    struct ctrl_peer *peer;
    bool closed;                /* By us, and */
    bool recorded_closed;       /* by the control node. */
    enum xmpp_close_reason reason;
    uint64_t closed_ms;
    struct heard ours, recorded;
    bool in_clear;              /* TLS is to come: not ours to answer. */
    bool tolerated;             /* Counted as such. */
};

/* Another configuration from a headline on. */
struct change {
    const char *title;          /* How it begins. */
    const char *yaml;
};

struct world {
    const char *recording;
    struct ctrl_config *config;
    const struct change *changes;       /* NULL: configuration is not
                                         * compared. */
    int n_configs;              /* Compared. */
    struct ctrl_core *core;
    uint64_t now_ms;
    uint64_t sent_ms;           /* A client last did anything. */
    const char *host;
    struct shash sessions;      /* By the name in the recording. */
    char title[256];            /* The last headline. */
    int n_compared, n_routes, n_tolerated;
    uint32_t hold_ms;
    /* Titles under which we may be open while the control node closed, or the
     * other way round. */
    const char *const *tolerated;
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
peer_is_ready(void *s OVS_UNUSED)
{
    return true;
}

static void
peer_close(void *s_, enum xmpp_close_reason reason)
{
    struct session *s = s_;

    xmpp_conn_close(s->conn, reason);
}

static const struct ctrl_peer_ops peer_ops = {
    .send = peer_send,
    .is_ready = peer_is_ready,
    .close = peer_close,
};

static bool
session_opened(void *s_, const char *name)
{
    struct session *s = s_;

    s->peer = ctrl_peer_create(s->world->core, name, &peer_ops, s,
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
session_closed(void *s_, enum xmpp_close_reason reason)
{
    struct session *s = s_;

    s->closed = true;
    s->reason = reason;
    s->closed_ms = s->world->now_ms;
}

static const struct xmpp_conn_ops conn_ops = {
    .send = session_send,
    .opened = session_opened,
    .stanza = session_stanza,
    .closed = session_closed,
};

/* As the owner of the sockets does once it is told. */
static void
drop_closed(struct world *w)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &w->sessions) {
        struct session *s = node->data;

        if (s->closed && s->peer) {
            ctrl_peer_destroy(s->peer);
            s->peer = NULL;
        }
    }
}

static void
session_destroy(struct session *s)
{
    ctrl_peer_destroy(s->peer);
    xmpp_conn_destroy(s->conn);
    heard_fini(&s->ours);
    heard_fini(&s->recorded);
    free(s);
}

/* Runs everything up to 'end'. */
static void
advance(struct world *w, uint64_t end)
{
    for (;;) {
        drop_closed(w);
        uint64_t next = ctrl_core_run(w->core, w->now_ms);
        struct shash_node *node;

        SHASH_FOR_EACH (node, &w->sessions) {
            const struct session *s = node->data;
            next = MIN(next, xmpp_conn_deadline(s->conn));
        }
        if (next > end) {
            break;
        }
        w->now_ms = MAX(next, w->now_ms);
        SHASH_FOR_EACH (node, &w->sessions) {
            struct session *s = node->data;
            if (xmpp_conn_deadline(s->conn) <= w->now_ms) {
                xmpp_conn_tick(s->conn, w->now_ms);
            }
        }
    }
    w->now_ms = MAX(end, w->now_ms);
}

static bool
is_tolerated(const struct world *w)
{
    for (size_t i = 0; w->tolerated && w->tolerated[i]; i++) {
        if (!strncmp(w->title, w->tolerated[i], strlen(w->tolerated[i]))) {
            return true;
        }
    }
    return false;
}

static void
compare_config(struct world *w, const char *name, const struct session *s)
{
    struct ds ours = DS_EMPTY_INITIALIZER, recorded = DS_EMPTY_INITIALIZER;

    heard_put_config(&s->ours, name, &ours);
    heard_put_config(&s->recorded, name, &recorded);
    if (strcmp(ds_cstr(&ours), ds_cstr(&recorded))) {
        fail_msg("%s, \"%s\": %s got\n%swas\n%s", w->recording, w->title,
                 name, ds_cstr(&ours), ds_cstr(&recorded));
    }
    w->n_configs += strstr(ds_cstr(&recorded), "\nport ") != NULL;
    ds_destroy(&ours);
    ds_destroy(&recorded);
}

static void
configure(struct world *w)
{
    for (const struct change *c = w->changes; c && c->title; c++) {
        if (!strncmp(w->title, c->title, strlen(c->title))) {
            struct ctrl_config *config = ctrl_fixture_config(c->yaml);

            ctrl_core_configure(w->core, config);
            ctrl_config_destroy(w->config);
            w->config = config;
        }
    }
}

static void
compare(struct world *w, const char *name, struct session *s)
{
    struct ds why = DS_EMPTY_INITIALIZER;

    if (s->in_clear
        || (!s->recorded_closed && w->now_ms < w->sent_ms + SETTLE_MS)) {
        return;
    }
    w->n_compared++;
    if (is_tolerated(w)) {
        if (s->closed != s->recorded_closed && !s->tolerated) {
            s->tolerated = true;
            w->n_tolerated++;
        }
        return;
    }
    if (s->closed != s->recorded_closed) {
        fail_msg("%s, \"%s\": session %s is %s (%s), was %s", w->recording,
                 w->title, name, s->closed ? "closed" : "open",
                 xmpp_close_reason_name(s->reason),
                 s->recorded_closed ? "closed" : "open");
    }
    if (strcmp(ds_cstr(&s->ours.header), ds_cstr(&s->recorded.header))) {
        fail_msg("%s, \"%s\": header of %s is %s, was %s", w->recording,
                 w->title, name, ds_cstr(&s->ours.header),
                 ds_cstr(&s->recorded.header));
    }
    if (!s->closed && !heard_equal_routes(&s->ours, &s->recorded, &why)) {
        fail_msg("%s, \"%s\": %s: %s", w->recording, w->title, name,
                 ds_cstr(&why));
    }
    if (w->changes) {
        compare_config(w, name, s);
    }
    assert_true(s->ours.n_end_of_rib <= 1);
    assert_int_equal(s->ours.n_bad, 0);
    w->n_routes += shash_count(&s->recorded.routes);
    ds_destroy(&why);
}

static void
compare_all(struct world *w)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &w->sessions) {
        compare(w, node->name, node->data);
    }
}

static void
connect_client(struct world *w, const char *name)
{
    struct session *s = xzalloc(sizeof *s);

    s->world = w;
    s->conn = xmpp_conn_create(XMPP_SERVER, w->host, w->hold_ms, &conn_ops, s,
                               w->now_ms);
    heard_init(&s->ours);
    heard_init(&s->recorded);
    xmpp_conn_start(s->conn, w->now_ms);
    if (!shash_add_once(&w->sessions, name, s)) {
        fail_msg("%s, \"%s\": %s connects twice", w->recording, w->title,
                 name);
    }
}

static void
client_closes(struct world *w, const char *name)
{
    struct session *s = shash_find_and_delete(&w->sessions, name);

    if (s) {
        compare(w, name, s);
        session_destroy(s);
        w->sent_ms = w->now_ms;
    }
}

/* The control node was killed: ours begins anew too. */
static void
restart(struct world *w)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &w->sessions) {
        struct session *s = node->data;
        xmpp_conn_close(s->conn, XMPP_CLOSE_LOCAL);
    }
    drop_closed(w);
    ctrl_core_destroy(w->core);
    w->core = ctrl_core_create(w->config);
    ctrl_core_delay_end_of_rib(w->core,
                               w->now_ms + CTRL_END_OF_RIB_START_MS);
}

static void
run_bytes(struct world *w, const struct transfer *t)
{
    struct session *s = shash_find_data(&w->sessions, t->agent);

    /* Relays do not say when they connect. */
    if (!s && t->from_agent) {
        connect_client(w, t->agent);
        s = shash_find_data(&w->sessions, t->agent);
    }
    if (!s) {
        fail_msg("%s, \"%s\": no session %s", w->recording, w->title,
                 t->agent);
    }
    if (!t->from_agent) {
        if (memmem(t->data, t->size, "<stream:features", 16)) {
            s->in_clear = true;
        }
        if (!s->in_clear) {
            heard_bytes(&s->recorded, t->data, t->size);
        }
        return;
    }
    if (t->size > 2) {          /* More than a keepalive. */
        w->sent_ms = w->now_ms;
    }
    if (!s->in_clear) {
        xmpp_conn_feed(s->conn, t->data, t->size, w->now_ms);
        advance(w, w->now_ms);
    }
}

static void
run_step(struct world *w, const struct transfer *t)
{
    struct session *s;

    switch (t->kind) {
    case RECORDING_BYTES:
        run_bytes(w, t);
        break;
    case RECORDING_CONNECT:
        connect_client(w, t->agent);
        break;
    case RECORDING_TLS_UP:
        client_closes(w, t->agent);
        connect_client(w, t->agent);
        break;
    case RECORDING_SERVER_CLOSES:
        s = shash_find_data(&w->sessions, t->agent);
        if (s) {
            s->recorded_closed = true;
        }
        break;
    case RECORDING_CLIENT_CLOSES:
        client_closes(w, t->agent);
        break;
    case RECORDING_SECTION:
        compare_all(w);
        if (!strncmp(t->title, "result", 6)) {
            break;              /* Of what is under the last headline. */
        }
        ovs_strlcpy(w->title, t->title, MIN(sizeof w->title,
                                            strcspn(t->title, "\n") + 1));
        configure(w);
        w->sent_ms = w->now_ms;
        break;
    }
}

/* Whether 'host' is killed, or stopped, under this headline. */
static bool
is_kill(const char *title, const char *host)
{
    return (!host || strstr(title, host))
           && (!strncmp(title, "kill -9", 7) || !strncmp(title, "SIGTERM", 7)
               || !strncmp(title, "SIGINT", 6));
}

static void
world_init(struct world *w, const char *recording, uint32_t hold_ms)
{
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    *w = (struct world) {
        .recording = recording,
        .config = ctrl_fixture_config(yaml),
        .now_ms = START_MS,
        .hold_ms = hold_ms,
        .host = "ctrl1",
    };
    shash_init(&w->sessions);
    w->core = ctrl_core_create(w->config);
}

static void
world_fini(struct world *w)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &w->sessions) {
        session_destroy(node->data);
    }
    shash_destroy(&w->sessions);
    ctrl_core_destroy(w->core);
    ctrl_config_destroy(w->config);
}

/* What of a recording. */
struct part {
    const char *until;          /* A headline to stop at; NULL: the end. */
    const char *host;           /* The sessions called "NAME@host"; NULL:
                                 * all. */
    const char *relay;          /* Another recording of the same time: what one
                                 * more client said. */
};

/* The clock of relays was behind that much, by what both have seen. */
#define RELAY_S 0.04

static bool
is_of_part(const struct part *part, const struct transfer *t)
{
    const char *at = strchr(t->agent, '@');

    return t->kind == RECORDING_SECTION || !part->host
           || (at && !strcmp(at + 1, part->host));
}

/* The next step of two recordings, by time. */
static const struct transfer *
next_step(struct recording r[2], size_t at[2])
{
    const struct transfer *t[2];

    for (int i = 0; i < 2; i++) {
        t[i] = at[i] < r[i].n_steps ? &r[i].steps[at[i]] : NULL;
    }
    int i = !t[0] || (t[1] && t[1]->time_s < t[0]->time_s);
    at[i]++;
    return t[i];
}

static void
replay(struct world *w, const struct part *part)
{
    const struct transfer *t;
    struct recording r[2];
    size_t at[2] = { 0, 0 };

    memset(r, 0, sizeof r);
    recording_read(&r[0], w->recording);
    if (part->relay) {
        recording_read(&r[1], part->relay);
        for (size_t i = 0; i < r[1].n_steps; i++) {
            r[1].steps[i].time_s += RELAY_S;
        }
    }
    w->host = part->host ? part->host : "ctrl1";
    while ((t = next_step(r, at)) != NULL) {
        if (!is_of_part(part, t)) {
            continue;
        }
        advance(w, START_MS + (uint64_t) (t->time_s * 1000));
        if (part->until && t->kind == RECORDING_SECTION
            && !strncmp(t->title, part->until, strlen(part->until))) {
            break;
        }
        run_step(w, t);
        if (t->kind == RECORDING_SECTION && is_kill(w->title, part->host)) {
            restart(w);
        }
    }
    compare_all(w);
    recording_fini(&r[0]);
    recording_fini(&r[1]);
}

static void
check(const char *recording, const struct part *part, int min_routes)
{
    struct world w;

    world_init(&w, recording, XMPP_HOLD_MS);
    replay(&w, part);
    assert_true(w.n_compared > 0);
    assert_true(w.n_routes >= min_routes);
    world_fini(&w);
}

static const struct part whole = { .until = NULL };

static void
open__recorded__keepalives_and_the_mute_one_closed(void **state OVS_UNUSED)
{
    struct world w;
    struct part part = { .until = "client sends </stream:stream>" };

    world_init(&w, "01-open-keepalive-close.xml", XMPP_HOLD_MS);
    replay(&w, &part);
    struct session *s = shash_find_data(&w.sessions, "tor-agent-1");
    assert_int_equal(s->ours.n_keepalives, s->recorded.n_keepalives);
    assert_int_equal(s->ours.n_end_of_rib, 1);
    assert_int_equal(s->recorded.n_end_of_rib, 1);
    world_fini(&w);

    check("01-open-keepalive-close.xml", &whole, 0);
}

static void
routes__recorded__clients_know_the_same(void **state OVS_UNUSED)
{
    check("02-subscribe.xml", &whole, 0);
    check("03-evpn-bum.xml", &whole, 50);
    check("04-evpn-variants.xml", &whole, 100);
}

/* Where the control node closes, or dies, and we do not, and the other way
 * round: it is harmless, or ends sooner. */
static const char *const bad_input_tolerated[] = {
    "stream open with single quotes",   /* It closes over the declaration. */
    "stream open with xmlns:stream first",  /* It waits for its end. */
    "malformed XML inside <iq>",        /* It aborts. */
    "malformed <message>",              /* It closes. */
    NULL,
};

static void
bad_input__recorded__closes_the_same_sessions(void **state OVS_UNUSED)
{
    struct world w;

    world_init(&w, "05-bad-input.xml", XMPP_HOLD_MS);
    w.tolerated = bad_input_tolerated;
    replay(&w, &whole);
    assert_true(w.n_compared > 30);
    assert_int_equal(w.n_tolerated, 4);
    world_fini(&w);
}

static void
restart__recorded__clients_know_the_same(void **state OVS_UNUSED)
{
    check("07-server-restart.xml", &whole, 10);
    check("08-client-restart-nogr.xml", &whole, 10);
}

/* Graceful restart has recordings of its own kind; up to the first death of a
 * client it makes no difference. */
static void
graceful_restart__recorded__same_up_to_the_death(void **state OVS_UNUSED)
{
    struct part part = { .until = "TOR 1 client dies" };

    check("08-client-restart-gr.xml", &part, 3);
}

static void
hold_timer__recorded__closes_after_it(void **state OVS_UNUSED)
{
    struct part part = { .until = "closed=True" };
    struct world w;

    world_init(&w, "09-hold-timer.xml", 9000);
    replay(&w, &part);
    struct session *s = shash_find_data(&w.sessions, "tor-agent-1");
    assert_true(s->closed);
    assert_int_equal(s->reason, XMPP_CLOSE_HOLD_EXPIRED);
    assert_in_range(s->closed_ms, START_MS + 9000, START_MS + 9048);
    assert_true(s->ours.n_keepalives >= 2);
    world_fini(&w);
}

/* What was inside TLS, without it. */
static void
tls__recorded__same_inside(void **state OVS_UNUSED)
{
    check("11-tls.xml", &whole, 1);
}

static void
escaping__recorded__same_with_odd_names(void **state OVS_UNUSED)
{
    check("12-escaping.xml", &whole, 1);
}

/* Of two control nodes the second one has a session of everybody who
 * publishes EVPN routes: it needs nothing from the first. */
static void
two_control_nodes__recorded__second_knows_the_same(void **state OVS_UNUSED)
{
    struct part part = { .host = "ctrl2" };

    check("13-two-control-nodes.xml", &part, 10);
}

/* The reference's own agent for ToRs, among others. */
static void
real_tor_agent__recorded__all_know_the_same(void **state OVS_UNUSED)
{
    struct part part = { .relay = "14-real-tor-agent-relay.xml" };

    check("14-real-tor-agent-others.xml", &part, 20);
}

/* What the operator of the control node changed, done to our file. */
static void
config__recorded__clients_get_the_same_cloud(void **state OVS_UNUSED)
{
#define VN3 "- {name: vn3, vni: 5007, id: 7}\n"
#define PORT300 ", {name: eth0, vlan: 300, network: vn1}"
    static const struct change changes[] = {
        { "config change: logical interface eth0.300",
          CLOUD("5005", "", PORT300) },
        { "config change: VN property", CLOUD("5055", "", PORT300) },
        { "config change: logical interface deleted",
          CLOUD("5055", "", "") },
        { "back", CLOUD("5005", "", "") },
        { "RI appears", CLOUD("5005", VN3, "") },
        { NULL, NULL },
    };
    struct part part = { .until = "vn3 routing-instance deleted" };
    struct world w;

    world_init(&w, "10-config-push.xml", XMPP_HOLD_MS);
    w.changes = changes;
    replay(&w, &part);
    assert_int_equal(w.n_configs, 6);
    struct session *s = shash_find_data(&w.sessions, "tor-agent-1");
    assert_int_equal(shash_count(&s->ours.routes), 1);
    world_fini(&w);

    /* Machines of a compute are not ours to know. */
    part.until = "compute1 subscribes";
    world_init(&w, "10-config-push.xml", XMPP_HOLD_MS);
    w.changes = changes;
    w.tolerated = (const char *const []) { "vn3 routing-instance deleted",
                                           "agent unsubscribes vn3", NULL };
    replay(&w, &part);
    assert_int_equal(w.n_tolerated, 0);
    assert_true(w.n_configs > 6);
    world_fini(&w);
}

static void
real_client__recorded__is_served(void **state OVS_UNUSED)
{
    struct world w;

    check("20-real-client-vs-dumb-server.xml", &whole, 0);
    check("23-real-client-vs-closing-server.xml", &whole, 0);
    /* Its keepalives are too rare for the control node of this one. */
    world_init(&w, "21-real-client-real-server.xml", 9000);
    replay(&w, &whole);
    assert_int_equal(w.n_compared, 2);
    world_fini(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open__recorded__keepalives_and_the_mute_one_closed),
        cmocka_unit_test(routes__recorded__clients_know_the_same),
        cmocka_unit_test(bad_input__recorded__closes_the_same_sessions),
        cmocka_unit_test(restart__recorded__clients_know_the_same),
        cmocka_unit_test(graceful_restart__recorded__same_up_to_the_death),
        cmocka_unit_test(hold_timer__recorded__closes_after_it),
        cmocka_unit_test(tls__recorded__same_inside),
        cmocka_unit_test(escaping__recorded__same_with_odd_names),
        cmocka_unit_test(two_control_nodes__recorded__second_knows_the_same),
        cmocka_unit_test(real_tor_agent__recorded__all_know_the_same),
        cmocka_unit_test(config__recorded__clients_get_the_same_cloud),
        cmocka_unit_test(real_client__recorded__is_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
