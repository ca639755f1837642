/* SPDX-License-Identifier: Apache-2.0 */
/* The speaker over loopback against control nodes that say what live ones
 * said: it comes to know the same routes and the same configuration. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/vlog.h"
#include "tests/wire/fake_node.h"
#include "tests/wire/heard.h"
#include "tests/wire/recording.h"
#include "tsn/loop.h"
#include "util.h"
#include "xmpp/graph.h"
#include "xmpp/speaker-private.h"
#include "xmpp/view.h"

#define PATIENCE_MS 20000
#define MAX_SESSIONS 4

#define VN1 "default-domain:admin:vn1:vn1"
#define VN2 "default-domain:admin:vn2:vn2"
#define ODD "default-domain:admin:a&b <c> \"d\" 'e' \303\251:"            \
    "a&b <c> \"d\" 'e' \303\251"

static const char *const instances[] = { VN1, VN2, ODD };

static uv_loop_t loop;

static void
config_changed(void *aux OVS_UNUSED, const struct xmpp_view *view OVS_UNUSED,
               bool complete OVS_UNUSED)
{
}

static void
routes_changed(void *aux OVS_UNUSED, const char *instance OVS_UNUSED)
{
}

static void
session_changed(void *aux OVS_UNUSED)
{
}

static const struct xmpp_speaker_ops speaker_ops = {
    .config_changed = config_changed,
    .routes_changed = routes_changed,
    .session_changed = session_changed,
};

/* What a control node said to one agent, session by session. */
struct script {
    struct ds bytes[MAX_SESSIONS];
    struct fake_play plays[MAX_SESSIONS];
    size_t n;
    struct heard last;          /* After the last of them. */
};

static void
script_read(struct script *script, const char *recording, const char *agent,
            size_t max_sessions)
{
    struct recording r;

    memset(script, 0, sizeof *script);
    heard_init(&script->last);
    recording_read(&r, recording);
    for (size_t i = 0; i < r.n_transfers; i++) {
        const struct transfer *t = &r.transfers[i];

        if (t->from_agent || strcmp(t->agent, agent)) {
            continue;
        }
        if (t->size > 14 && !memcmp(t->data, "<stream:stream", 14)) {
            if (script->n == max_sessions) {
                break;
            }
            ds_init(&script->bytes[script->n++]);
            heard_reset(&script->last);
        }
        ds_put_buffer(&script->bytes[script->n - 1], t->data, t->size);
        heard_bytes(&script->last, t->data, t->size);
    }
    recording_fini(&r);
    assert_true(script->n > 0);
    for (size_t i = 0; i < script->n; i++) {
        script->plays[i] = (struct fake_play) {
            .data = script->bytes[i].string,
            .size = script->bytes[i].length,
            .close = i < script->n - 1,
        };
    }
}

static void
script_fini(struct script *script)
{
    for (size_t i = 0; i < script->n; i++) {
        ds_destroy(&script->bytes[i]);
    }
    heard_fini(&script->last);
}

struct known {
    const struct heard *recorded;
    const char *instance;
    size_t n_fresh, n_stale, n_missing;
};

static void
check_route(const char *id, const struct xmpp_evpn *route OVS_UNUSED,
            bool stale, void *known_)
{
    struct known *known = known_;
    char *key = xasprintf("%s %s", known->instance, id);

    if (stale) {
        known->n_stale++;
    } else if (shash_find(&known->recorded->routes, key)) {
        known->n_fresh++;
    } else {
        known->n_missing++;
    }
    free(key);
}

/* Whether the speaker knows exactly what the control node has said last, and
 * as stale 'n_stale' routes of the session before. */
static bool
knows(const struct xmpp_speaker *sp, const struct heard *recorded,
      size_t n_stale)
{
    struct known known = { .recorded = recorded };

    for (size_t i = 0; i < ARRAY_SIZE(instances); i++) {
        known.instance = instances[i];
        xmpp_speaker_for_each_route(sp, instances[i], check_route, &known);
    }
    return !known.n_missing && known.n_stale == n_stale
           && known.n_fresh == shash_count(&recorded->routes);
}

static void
wake(uv_timer_t *timer OVS_UNUSED)
{
}

#define RUN_UNTIL(EXPR)                                                 \
    do {                                                                \
        uint64_t end_ = tsn_now_ms() + PATIENCE_MS;                     \
        uv_timer_t timer_;                                              \
        uv_timer_init(&loop, &timer_);                                  \
        uv_timer_start(&timer_, wake, 5, 5);                            \
        while (!(EXPR) && tsn_now_ms() < end_) {                        \
            uv_run(&loop, UV_RUN_ONCE);                                 \
        }                                                               \
        uv_close((uv_handle_t *) &timer_, NULL);                        \
        uv_run(&loop, UV_RUN_NOWAIT);                                   \
        assert_true(EXPR);                                              \
    } while (0)

static struct xmpp_speaker *
speaker_of(const char *name, const struct sockaddr_storage *controllers,
           size_t n)
{
    struct xmpp_speaker_config config = {
        .name = name, .controllers = controllers, .n_controllers = n,
        .hold_s = 90, .stale_hold_s = 300,
    };
    struct xmpp_speaker *sp = xmpp_speaker_create(&loop, &config,
                                                  &speaker_ops, NULL);

    for (size_t i = 0; i < ARRAY_SIZE(instances); i++) {
        xmpp_speaker_subscribe(sp, instances[i], i + 5);
    }
    return sp;
}

static int
setup(void **state OVS_UNUSED)
{
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return uv_loop_init(&loop);
}

static int
teardown(void **state OVS_UNUSED)
{
    return uv_loop_close(&loop);
}

static void
finish(void)
{
    uint64_t end = tsn_now_ms() + PATIENCE_MS;

    while (uv_run(&loop, UV_RUN_NOWAIT) && tsn_now_ms() < end) {
        continue;
    }
}

static void
speaker__recorded__knows_the_routes(void **state OVS_UNUSED)
{
    static const struct {
        const char *recording, *agent;
        size_t max_sessions, n_stale;
    } cases[] = {
        { "02-subscribe.xml", "tor-agent-1", 1, 0 },
        { "03-evpn-bum.xml", "tor-agent-1", 1, 0 },
        { "03-evpn-bum.xml", "tor-agent-2", 1, 0 },
        { "03-evpn-bum.xml", "tsn1", 1, 0 },
        { "03-evpn-bum.xml", "compute1", 1, 0 },
        { "04-evpn-variants.xml", "tor-agent-2", 1, 0 },
        /* A control node that was killed, and clients that were. */
        { "07-server-restart.xml", "tsn1", 2, 0 },
        { "08-client-restart-nogr.xml", "tor-agent-2", 1, 0 },
        { "08-client-restart-gr.xml", "tor-agent-2", 1, 0 },
        { "12-escaping.xml", "tor-agent-1", 1, 0 },
        { "14-real-tor-agent-others.xml", "tsn1", 1, 0 },
        /* Its End-of-RIB has not come. */
        { "14-real-tor-agent-relay.xml", "tor-agent-1", 2, 2 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct script script;
        struct fake_node node;

        script_read(&script, cases[i].recording, cases[i].agent,
                    cases[i].max_sessions);
        fake_node_init(&node, &loop, "127.0.0.1", script.plays, script.n);
        struct xmpp_speaker *sp = speaker_of(cases[i].agent, &node.address, 1);
        RUN_UNTIL(node.n_connections == script.n && sp->peers[0].up
                  && knows(sp, &script.last, cases[i].n_stale));
        assert_int_equal(sp->peers[0].n_bad_items, 0);
        fake_node_close(&node);
        xmpp_speaker_destroy(sp);
        finish();
        fake_node_fini(&node);
        script_fini(&script);
    }
}

/* The first of two control nodes is killed. */
static void
speaker__two_control_nodes__knows_what_is_left(void **state OVS_UNUSED)
{
    struct sockaddr_storage addresses[2];
    struct script scripts[2];
    struct fake_node nodes[2];

    script_read(&scripts[0], "13-two-control-nodes.xml", "tsn1@ctrl1", 1);
    script_read(&scripts[1], "13-two-control-nodes.xml", "tsn1@ctrl2", 1);
    for (int i = 0; i < 2; i++) {
        fake_node_init(&nodes[i], &loop, "127.0.0.1", scripts[i].plays, 1);
        addresses[i] = nodes[i].address;
    }
    struct xmpp_speaker *sp = speaker_of("tsn1", addresses, 2);
    RUN_UNTIL(sp->peers[0].n_items && sp->peers[1].n_items);
    fake_node_close(&nodes[0]);
    RUN_UNTIL(!sp->peers[0].up);
    /* What both had said is fresh from the second. */
    struct known known = { .recorded = &scripts[1].last, .instance = VN1 };
    xmpp_speaker_for_each_route(sp, VN1, check_route, &known);
    assert_int_equal(known.n_fresh, shash_count(&scripts[1].last.routes));
    assert_true(known.n_fresh > 0);
    assert_int_equal(known.n_missing, 0);

    fake_node_close(&nodes[1]);
    xmpp_speaker_destroy(sp);
    finish();
    for (int i = 0; i < 2; i++) {
        fake_node_fini(&nodes[i]);
        script_fini(&scripts[i]);
    }
}

static void
speaker__config_recorded__makes_the_networks(void **state OVS_UNUSED)
{
    static const struct {
        const char *agent;
        size_t n_switches;
    } cases[] = { { "tor-agent-1", 1 }, { "tsn1", 2 } };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct script script;
        struct fake_node node;

        script_read(&script, "10-config-push.xml", cases[i].agent, 1);
        /* The header now, the rest when it is asked for. */
        const char *data = script.plays[0].data;
        size_t size = script.plays[0].size;
        script.plays[0].size = strchr(data, '>') + 1 - data;
        fake_node_init(&node, &loop, "127.0.0.1", script.plays, 1);
        struct xmpp_speaker *sp = speaker_of(cases[i].agent, &node.address, 1);
        RUN_UNTIL(strstr(ds_cstr(&node.heard[0]), "\"virtual-router:default-"
                         "global-system-config:"));
        fake_node_send(&node, data + script.plays[0].size,
                       size - script.plays[0].size);
        RUN_UNTIL(xmpp_graph_seqno(sp->graph) == sp->view_seqno
                  && sp->view->n_switches == cases[i].n_switches
                  && xmpp_graph_n_nodes(sp->graph)
                     == xmpp_graph_n_nodes(script.last.graph));
        const struct xmpp_network *vn1 = xmpp_view_network(sp->view, VN1);
        assert_non_null(vn1);
        assert_int_equal(vn1->vni, 5005);
        assert_int_equal(vn1->id, 5);
        const struct xmpp_network *vn2 = xmpp_view_network(sp->view, VN2);
        assert_non_null(vn2);
        assert_int_equal(vn2->vni, 5006);
        assert_true(sp->view->n_ports >= 2);

        fake_node_close(&node);
        xmpp_speaker_destroy(sp);
        finish();
        fake_node_fini(&node);
        script_fini(&script);
    }
}

/* The answer comes with a demand for TLS in it. */
static void
speaker__tls_demanded__says_so(void **state OVS_UNUSED)
{
    struct script script;
    struct fake_node node;

    script_read(&script, "22-real-client-real-server-tls.xml", "tor-agent-1",
                1);
    fake_node_init(&node, &loop, "127.0.0.1", script.plays, 1);
    struct xmpp_speaker *sp = speaker_of("tor-agent-1", &node.address, 1);
    RUN_UNTIL(sp->peers[0].last_reason == XMPP_CLOSE_TLS_REQUIRED);
    fake_node_close(&node);
    xmpp_speaker_destroy(sp);
    finish();
    fake_node_fini(&node);
    script_fini(&script);
}

int
main(void)
{
#define SPEAKER_TEST(FN) cmocka_unit_test_setup_teardown(FN, setup, teardown)
    const struct CMUnitTest tests[] = {
        SPEAKER_TEST(speaker__recorded__knows_the_routes),
        SPEAKER_TEST(speaker__two_control_nodes__knows_what_is_left),
        SPEAKER_TEST(speaker__config_recorded__makes_the_networks),
        SPEAKER_TEST(speaker__tls_demanded__says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
