/* SPDX-License-Identifier: Apache-2.0 */
/* Our client's memory under the bytes and the time of recordings in which
 * control nodes, or their clients, die and come back: what it knows is what
 * the live sessions have told it, and, stale, what earlier ones had, up to the
 * control node's End-of-RIB. */
#include <config.h>

#include "tests/unit/speaker_rig.h"

#include "openvswitch/shash.h"
#include "tests/wire/heard.h"
#include "tests/wire/recording.h"

#define RI "default-domain:admin:vn1:vn1"

/* Routes are compared this long after something has come, and again just
 * before the next thing does. */
#define SETTLE_MS 300

/* A control node, as the recording has it. */
struct node {
    struct heard heard;
    struct shash stale;         /* Ids of earlier sessions' routes. */
    bool open;
};

struct replay {
    const char *agent;
    struct node nodes[2];
    uint64_t start_ms;
    int n_compared, n_fresh, n_stale;
};

static void
node_lost(struct node *node)
{
    struct shash_node *route;

    SHASH_FOR_EACH (route, &node->heard.routes) {
        shash_add_once(&node->stale, route->name, node);
    }
    heard_reset(&node->heard);
    node->open = false;
}

static void
node_bytes(struct node *node, const char *data, size_t size)
{
    int n_end_of_rib = node->heard.n_end_of_rib;
    struct shash_node *route;

    heard_bytes(&node->heard, data, size);
    SHASH_FOR_EACH (route, &node->heard.routes) {
        shash_find_and_delete(&node->stale, route->name);
    }
    if (node->heard.n_end_of_rib > n_end_of_rib) {
        shash_clear(&node->stale);
    }
}

/* What we know: "INSTANCE ID" to a pointer, NULL if it is stale. */

static void
add_known(const char *id, const struct xmpp_evpn *route, bool stale,
          void *known_)
{
    struct shash *known = known_;
    char *key = xasprintf(RI " %s", id);

    /* Lists of before count beside those of a control node that has not told
     * all; that is for others to test. */
    if (!stale) {
        shash_replace(known, key, known);
    } else if (xmpp_evpn_is_broadcast(route)) {
        shash_add_once(known, key, NULL);
    } else {
        assert_true(shash_add_once(known, key, NULL));
    }
    free(key);
}

static void
add_recorded(struct replay *r, struct shash *recorded)
{
    struct shash_node *route;

    for (int i = 0; i < 2; i++) {
        SHASH_FOR_EACH (route, &r->nodes[i].heard.routes) {
            shash_replace(recorded, route->name, r);
        }
    }
    for (int i = 0; i < 2; i++) {
        SHASH_FOR_EACH (route, &r->nodes[i].stale) {
            shash_add_once(recorded, route->name, NULL);
        }
    }
}

static void
compare(struct replay *r)
{
    struct shash known = SHASH_INITIALIZER(&known);
    struct shash recorded = SHASH_INITIALIZER(&recorded);
    struct shash_node *route;

    xmpp_speaker_for_each_route(rig.speaker, RI, add_known, &known);
    add_recorded(r, &recorded);
    SHASH_FOR_EACH (route, &recorded) {
        const struct shash_node *ours = shash_find(&known, route->name);

        if (!ours || !ours->data != !route->data) {
            fail_msg("%s at %.3f s: %s is %s, was %s", r->agent,
                     (rig.now_ms - r->start_ms) / 1000.0, route->name,
                     !ours ? "unknown" : ours->data ? "fresh" : "stale",
                     route->data ? "fresh" : "stale");
        }
        r->n_fresh += route->data != NULL;
        r->n_stale += route->data == NULL;
    }
    if (shash_count(&known) != shash_count(&recorded)) {
        fail_msg("%s at %.3f s: %"PRIuSIZE" routes, were %"PRIuSIZE, r->agent,
                 (rig.now_ms - r->start_ms) / 1000.0, shash_count(&known),
                 shash_count(&recorded));
    }
    r->n_compared++;
    shash_destroy(&known);
    shash_destroy(&recorded);
}

static void
advance_to(struct replay *r, double time_s)
{
    uint64_t end = r->start_ms + (uint64_t) (time_s * 1000);

    if (end > rig.now_ms + 2 * SETTLE_MS) {
        rig_advance(SETTLE_MS);
        compare(r);
        rig_advance(end - 1 - rig.now_ms);
        compare(r);
    }
    if (end > rig.now_ms) {
        rig_advance(end - rig.now_ms);
    }
}

/* The client does not wait until its back-off is over. */
static void
connect_now(int i)
{
    struct peer *peer = &rig.speaker->peers[i];

    rig.nodes[i].reachable = true;
    if (!peer->transport) {
        rig_fire(rig_find_timer(peer->timer));
    }
    rig_advance(0);
}

static void
run_step(struct replay *r, const struct transfer *t, int i)
{
    struct node *node = &r->nodes[i];

    switch (t->kind) {
    case RECORDING_CONNECT:
        connect_now(i);
        node->open = true;
        break;
    case RECORDING_BYTES:
        if (t->from_agent) {
            break;
        }
        node_bytes(node, t->data, t->size);
        /* The rig has answered the header itself. */
        if (memcmp(t->data, "<stream", 7)) {
            rig_send(i, t->data, t->size);
        }
        break;
    case RECORDING_SERVER_CLOSES:
    case RECORDING_CLIENT_CLOSES:
        if (node->open) {
            node_lost(node);
            rig_kill(i);
        }
        break;
    case RECORDING_TLS_UP:
    case RECORDING_SECTION:
        break;
    }
}

/* The number of the control node that a step of "AGENT" or "AGENT@ctrlN" is
 * about, or -1. */
static int
node_of(const struct replay *r, const struct transfer *t)
{
    size_t len = strlen(r->agent);

    if (t->kind == RECORDING_SECTION || strncmp(t->agent, r->agent, len)) {
        return -1;
    }
    return !t->agent[len] || !strcmp(t->agent + len, "@ctrl1") ? 0
           : !strcmp(t->agent + len, "@ctrl2") ? 1 : -1;
}

static void
replay_agent(struct replay *r, const struct recording *recording,
             const char *agent, size_t n_nodes)
{
    memset(r, 0, sizeof *r);
    r->agent = agent;
    for (int i = 0; i < 2; i++) {
        heard_init(&r->nodes[i].heard);
        shash_init(&r->nodes[i].stale);
    }
    rig_start(agent, n_nodes, 300);
    r->start_ms = rig.now_ms;
    for (size_t i = 0; i < n_nodes; i++) {
        rig.nodes[i].reachable = false;
    }
    xmpp_speaker_subscribe(rig.speaker, RI, 5);
    for (size_t i = 0; i < recording->n_steps; i++) {
        const struct transfer *t = &recording->steps[i];
        int node = node_of(r, t);

        if (node >= 0) {
            advance_to(r, t->time_s);
            run_step(r, t, node);
        }
    }
    rig_advance(SETTLE_MS);
    compare(r);
    rig_stop();
    for (int i = 0; i < 2; i++) {
        heard_fini(&r->nodes[i].heard);
        shash_destroy(&r->nodes[i].stale);
    }
}

static void
restarts__recorded__client_knows_what_was_said(void **state)
{
    static const struct {
        const char *recording, *agent;
        size_t n_nodes;
        bool goes_stale;
    } cases[] = {
        { "07-server-restart.xml", "tor-agent-1", 1, true },
        { "07-server-restart.xml", "tor-agent-2", 1, true },
        { "07-server-restart.xml", "tsn1", 1, true },
        { "07-server-restart.xml", "compute1", 1, true },
        { "08-client-restart-gr.xml", "tor-agent-1", 1, true },
        { "08-client-restart-gr.xml", "tor-agent-2", 1, false },
        { "08-client-restart-gr.xml", "tsn1", 1, false },
        { "08-client-restart-gr.xml", "compute1", 1, false },
        { "08-client-restart-nogr.xml", "tor-agent-1", 1, true },
        { "08-client-restart-nogr.xml", "tor-agent-2", 1, false },
        { "08-client-restart-nogr.xml", "tsn1", 1, false },
        { "08-client-restart-nogr.xml", "compute1", 1, false },
        { "13-two-control-nodes.xml", "tor-agent-1", 2, true },
        { "13-two-control-nodes.xml", "tor-agent-2", 2, true },
        { "13-two-control-nodes.xml", "tsn1", 2, true },
        { "13-two-control-nodes.xml", "compute1", 2, true },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct recording recording;
        struct replay r;

        recording_read(&recording, cases[i].recording);
        replay_agent(&r, &recording, cases[i].agent, cases[i].n_nodes);
        recording_fini(&recording);
        print_message("%s %s: %d comparisons, %d fresh, %d stale\n",
                      cases[i].recording, cases[i].agent, r.n_compared,
                      r.n_fresh, r.n_stale);
        assert_true(r.n_compared > 5);
        assert_true(r.n_fresh > 5);
        if (cases[i].goes_stale) {
            assert_true(r.n_stale > 0);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restarts__recorded__client_knows_what_was_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
