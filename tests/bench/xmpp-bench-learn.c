/* SPDX-License-Identifier: Apache-2.0 */
/* What a client does with the routes that control nodes send: the bytes of a
 * session in pieces as they come from a socket, through framing, XML and
 * route decoding into the speaker's table.  The time to make the bytes does
 * not count. */
#include <config.h>
#include "tests/bench/xmpp-bench.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "xmpp/conn.h"
#include "xmpp/route.h"
#include "xmpp/speaker-private.h"
#include "xmpp/stanza.h"

#define NAME "tor-agent-1"

/* What the transport reads at once. */
#define READ_SIZE 65536u

/* Bytes made at once. */
#define BATCH_SIZE (1u << 20)

struct learner {
    uv_loop_t loop;
    struct xmpp_speaker *speaker;
    struct xmpp_conn *conns[MAX_PEERS];
    unsigned int n_changed;     /* Calls of 'routes_changed'. */
    double cpu_s, wall_s;       /* Spent on the bytes. */
    uint64_t n_bytes;
};

static void
config_changed(void *aux OVS_UNUSED, const struct xmpp_view *view OVS_UNUSED,
               bool complete OVS_UNUSED)
{
}

static void
routes_changed(void *learner_, const char *instance OVS_UNUSED)
{
    struct learner *l = learner_;

    l->n_changed++;
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

static void
conn_send(void *peer OVS_UNUSED, const void *data OVS_UNUSED,
          size_t size OVS_UNUSED)
{
}

static bool
conn_opened(void *peer OVS_UNUSED, const char *name OVS_UNUSED)
{
    return true;
}

static void
conn_stanza(void *peer, const struct xmpp_stanza *st)
{
    rib_event(peer, st);
}

static void
conn_closed(void *peer OVS_UNUSED, enum xmpp_close_reason reason)
{
    bench_die("session closed: %s", xmpp_close_reason_name(reason));
}

static const struct xmpp_conn_ops conn_ops = {
    .send = conn_send,
    .opened = conn_opened,
    .stanza = conn_stanza,
    .closed = conn_closed,
};

static void
feed(struct learner *l, unsigned int slot, const char *data, size_t size)
{
    double cpu = bench_cpu_s(), wall = bench_wall_s();

    for (size_t ofs = 0; ofs < size; ofs += READ_SIZE) {
        xmpp_conn_feed(l->conns[slot], data + ofs,
                       MIN(size - ofs, READ_SIZE), 0);
        rib_notify(l->speaker);
    }
    l->cpu_s += bench_cpu_s() - cpu;
    l->wall_s += bench_wall_s() - wall;
    l->n_bytes += size;
}

/* A speaker whose sessions are there but have no sockets. */
static void
learner_init(struct learner *l, unsigned int n_peers)
{
    static const struct sockaddr_storage none;
    const struct xmpp_speaker_config config = {
        .name = NAME, .controllers = &none, .n_controllers = 0,
        .hold_s = 90, .stale_hold_s = 90,
    };
    struct ds header = DS_EMPTY_INITIALIZER;
    char instance[NETWORK_STRLEN];

    memset(l, 0, sizeof *l);
    uv_loop_init(&l->loop);
    l->speaker = xmpp_speaker_create(&l->loop, &config, &speaker_ops, l);
    for (unsigned int n = 0; n < N_NETWORKS; n++) {
        xmpp_speaker_subscribe(l->speaker, bench_instance(n, instance),
                               1 + n);
    }
    xmpp_put_server_header(&header, "control-1", NAME);
    for (unsigned int i = 0; i < n_peers; i++) {
        struct peer *peer = &l->speaker->peers[i];

        peer->speaker = l->speaker;
        peer->slot = i;
        l->conns[i] = xmpp_conn_create(XMPP_CLIENT, NAME, XMPP_HOLD_MS,
                                       &conn_ops, peer, 0);
        xmpp_conn_start(l->conns[i], 0);
        feed(l, i, header.string, header.length);
    }
    l->cpu_s = l->wall_s = 0;
    l->n_bytes = 0;
    ds_destroy(&header);
}

static void
learner_fini(struct learner *l, unsigned int n_peers)
{
    for (unsigned int i = 0; i < n_peers; i++) {
        xmpp_conn_destroy(l->conns[i]);
    }
    xmpp_speaker_destroy(l->speaker);
    uv_run(&l->loop, UV_RUN_DEFAULT);
    uv_loop_close(&l->loop);
}

/* A message of network 'n' with as many items as a control node puts into
 * one. */
static void
put_message(struct ds *out, unsigned int n, unsigned int first)
{
    char instance[NETWORK_STRLEN], vn[NETWORK_STRLEN];
    struct ds entry = DS_EMPTY_INITIALIZER;

    bench_instance(n, instance);
    bench_network(n, vn);
    xmpp_put_event_begin(out, NAME, XMPP_FAMILY_EVPN, instance);
    for (unsigned int i = first; i < first + XMPP_MAX_ITEMS; i++) {
        struct xmpp_evpn route;
        char id[XMPP_ID_STRLEN];

        bench_route(n, i, vn, &route);
        ds_clear(&entry);
        xmpp_evpn_encode_notify(&entry, &route);
        xmpp_put_item(out, xmpp_evpn_item_id(&route, id), ds_cstr(&entry));
        xmpp_evpn_fini(&route);
    }
    xmpp_put_event_end(out);
    ds_destroy(&entry);
}

/* Has the session 'slot' send so many routes. */
static void
learn(struct learner *l, unsigned int slot, unsigned int n_routes)
{
    struct peer *peer = &l->speaker->peers[slot];
    uint64_t n_before = peer->n_items;
    struct ds bytes = DS_EMPTY_INITIALIZER;
    unsigned int n = 0, first = 0;

    for (unsigned int done = 0; done < n_routes; done += XMPP_MAX_ITEMS) {
        put_message(&bytes, n, first);
        if (++n == N_NETWORKS) {
            n = 0;
            first += XMPP_MAX_ITEMS;
        }
        if (bytes.length >= BATCH_SIZE) {
            feed(l, slot, bytes.string, bytes.length);
            ds_clear(&bytes);
        }
    }
    feed(l, slot, ds_cstr(&bytes), bytes.length);
    ds_destroy(&bytes);
    if (peer->n_items - n_before
        != ROUND_UP(n_routes, XMPP_MAX_ITEMS) || peer->n_bad_items) {
        bench_die("%"PRIu64" routes arrived and %"PRIu64" bad ones",
                  peer->n_items - n_before, peer->n_bad_items);
    }
}

/* What is not there is not what the case claims to have measured. */
static void
check_held(const struct learner *l, size_t n_routes)
{
    const struct shash_node *node;
    size_t n = 0;

    SHASH_FOR_EACH (node, &l->speaker->rib) {
        const struct rib_instance *inst = node->data;

        n += hmap_count(&inst->routes);
    }
    if (n != n_routes) {
        bench_die("%"PRIuSIZE" routes are held", n);
    }
}

int
bench_decode(unsigned int n_routes)
{
    struct learner l;

    n_routes = ROUND_UP(n_routes, XMPP_MAX_ITEMS);
    learner_init(&l, 1);
    learn(&l, 0, n_routes);
    double cpu_s = l.cpu_s, wall_s = l.wall_s;
    uint64_t n_bytes = l.n_bytes;

    /* The same again, as after a reconnect. */
    l.cpu_s = 0;
    learn(&l, 0, n_routes);
    check_held(&l, n_routes);
    printf("{\"per_cpu_s\": %.0f, \"per_wall_s\": %.0f, "
           "\"again_per_cpu_s\": %.0f, \"bytes\": %.0f}\n",
           n_routes / cpu_s, n_routes / wall_s, n_routes / l.cpu_s,
           (double) n_bytes / n_routes);
    learner_fini(&l, 1);
    return 0;
}

int
bench_memory(unsigned int n_routes, unsigned int n_peers)
{
    struct learner l;

    if (n_peers > MAX_PEERS) {
        bench_die("at most %d control nodes", MAX_PEERS);
    }
    n_routes = ROUND_UP(n_routes, XMPP_MAX_ITEMS);
    learner_init(&l, n_peers);

    /* What the first message makes grow is not that of routes: this one is of
     * a network that nobody has subscribed to. */
    struct ds message = DS_EMPTY_INITIALIZER;
    put_message(&message, N_NETWORKS, 0);
    feed(&l, 0, message.string, message.length);
    ds_destroy(&message);
    malloc_trim(0);
    uint64_t before = bench_resident();

    for (unsigned int i = 0; i < n_peers; i++) {
        learn(&l, i, n_routes);
    }
    uint64_t held = bench_resident();
    check_held(&l, n_routes);
    malloc_trim(0);
    printf("{\"resident\": %.1f, \"trimmed\": %.1f, \"counted\": %.1f}\n",
           (double) (held - before) / n_routes,
           (double) (bench_resident() - before) / n_routes,
           (double) l.speaker->rib_bytes / n_routes);
    learner_fini(&l, n_peers);
    return 0;
}
