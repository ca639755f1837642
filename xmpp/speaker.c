/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/speaker-private.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "random.h"
#include "tsn/json.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "tsn/tls-show.h"
#include "tsn/tls-store.h"
#include "tsn/tls.h"
#include "util.h"
#include "xmpp/graph.h"
#include "xmpp/stanza.h"
#include "xmpp/transport.h"
#include "xmpp/view.h"

VLOG_DEFINE_THIS_MODULE(xmpp_speaker);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(20, 60);

/* For TCP to come up; then as much as for every session for the header. */
#define CONNECT_TIMEOUT_MS 5000

/* Changes of the configuration are collected that long, and so long that
 * building views takes less than a tenth of the time: a download of 100 MB
 * comes in thousands of pieces. */
#define VIEW_DELAY_MS 20
#define VIEW_DELAY_FACTOR 10
/* The download has ended when the channel was silent that long (4.4): the
 * longer one if the cloud has graceful restart on; in any case at the end. */
#define CONFIG_IDLE_MS 5000
#define CONFIG_IDLE_GR_MS 15000
#define CONFIG_MAX_MS 900000
/* What was not sent again by then is removed, after that (6, row 10). */
#define CONFIG_STALE_MS 100000
/* How often the time-outs of a session are looked at. */
#define CHECK_MS 1000
/* Routes looked at in a step after a session has come or gone: some
 * milliseconds at most, with an owner that does something for each. */
#define WALK_BUDGET 1024

static void connect_peer(struct peer *);

static void
free_timer(uv_handle_t *timer)
{
    free(timer);
}

/* Timers outlive their owner until libuv has closed them. */
static uv_timer_t *
new_timer(uv_loop_t *loop, void *data)
{
    uv_timer_t *timer = xmalloc(sizeof *timer);

    uv_timer_init(loop, timer);
    timer->data = data;
    return timer;
}

static void
close_timer(uv_timer_t *timer)
{
    uv_close((uv_handle_t *) timer, free_timer);
}

static const char *
peer_address(const struct peer *peer, char buf[INET6_ADDRSTRLEN + 8])
{
    const struct sockaddr_storage *ss
        = &peer->speaker->controllers[peer->controller];
    char ip[INET6_ADDRSTRLEN];

    if (ss->ss_family == AF_INET) {
        const struct sockaddr_in *sin = (const struct sockaddr_in *) ss;
        uv_ip4_name(sin, ip, sizeof ip);
        snprintf(buf, INET6_ADDRSTRLEN + 8, "%s:%u", ip,
                 ntohs(sin->sin_port));
    } else {
        const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *) ss;
        uv_ip6_name(sin6, ip, sizeof ip);
        snprintf(buf, INET6_ADDRSTRLEN + 8, "[%s]:%u", ip,
                 ntohs(sin6->sin6_port));
    }
    return buf;
}

/* Configuration. */

/* The cloud's hold time, or as long as it has not said any, our own. */
static uint32_t
current_hold_ms(const struct xmpp_speaker *sp)
{
    return sp->view->hold_s ? sp->view->hold_s * 1000 : sp->hold_ms;
}

static void
update_hold(struct xmpp_speaker *sp)
{
    uint32_t hold_ms = current_hold_ms(sp);

    for (unsigned int i = 0; i < sp->n_peers; i++) {
        /* One that still connects has its hold time from before. */
        if (sp->peers[i].transport) {
            xmpp_transport_set_hold(sp->peers[i].transport, hold_ms);
        }
    }
}

static void
rebuild_view(struct xmpp_speaker *sp)
{
    uint64_t seqno = xmpp_graph_seqno(sp->graph);
    uint64_t start = tsn_now_ms();

    if (seqno == sp->view_seqno) {
        return;
    }
    sp->view_seqno = seqno;
    struct xmpp_view *old = sp->view;
    sp->view = xmpp_viewer_build(sp->viewer);
    update_hold(sp);
    sp->ops->config_changed(sp->aux, sp->view, sp->config_complete);
    xmpp_view_destroy(old);
    uint64_t end = tsn_now_ms();
    sp->view_due_ms = end + MAX(VIEW_DELAY_MS,
                                (end - start) * VIEW_DELAY_FACTOR);
}

/* Builds a view when it is time to, or comes back then. */
static void
check_view(struct xmpp_speaker *sp, uint64_t now)
{
    if (xmpp_graph_seqno(sp->graph) == sp->view_seqno) {
        return;
    }
    if (now >= sp->view_due_ms) {
        rebuild_view(sp);
    } else {
        speaker_defer(sp, sp->view_due_ms - now);
    }
}

static void
config_event(struct peer *peer, const struct xmpp_stanza *st)
{
    struct xmpp_speaker *sp = peer->speaker;

    if (peer != sp->config_peer) {
        return;
    }
    bool first = xmpp_graph_seqno(sp->graph) == sp->view_seqno;

    sp->config_heard_ms = tsn_now_ms();
    if (xmpp_graph_apply(sp->graph, st->body) && first) {
        uint64_t due = sp->config_heard_ms + VIEW_DELAY_MS;
        sp->view_due_ms = MAX(sp->view_due_ms, due);
        speaker_defer(sp, sp->view_due_ms - sp->config_heard_ms);
    }
}

struct peer *
speaker_first_up(struct xmpp_speaker *sp)
{
    struct peer *best = NULL;

    for (unsigned int i = 0; i < sp->n_peers; i++) {
        struct peer *peer = &sp->peers[i];
        if (peer->up && (!best || peer->up_since_ms < best->up_since_ms)) {
            best = peer;
        }
    }
    return best;
}

/* Asks one session for the configuration, if none is asked already. */
static void
choose_config_peer(struct xmpp_speaker *sp)
{
    struct peer *best = sp->config_peer ? NULL : speaker_first_up(sp);

    if (!best) {
        return;
    }
    sp->config_peer = best;
    sp->config_since_ms = tsn_now_ms();
    sp->config_heard_ms = 0;
    sp->config_ended = false;
    sp->config_sweep_ms = 0;
    xmpp_graph_mark_stale(sp->graph);

    struct ds out = DS_EMPTY_INITIALIZER;
    xmpp_put_config_subscribe(&out, sp->name);
    xmpp_transport_send(best->transport, ds_cstr(&out), out.length);
    ds_destroy(&out);
}

/* A control node that has sent nothing has not read its configuration, or does
 * not know us: that is no end of the configuration. */
static void
check_config(struct xmpp_speaker *sp, uint64_t now)
{
    if (sp->config_peer && sp->config_heard_ms && !sp->config_ended) {
        uint64_t idle = sp->view->graceful_restart ? CONFIG_IDLE_GR_MS
                                                   : CONFIG_IDLE_MS;
        if (now >= sp->config_heard_ms + idle
            || now >= sp->config_since_ms + CONFIG_MAX_MS) {
            sp->config_ended = true;
            sp->config_sweep_ms = now + CONFIG_STALE_MS;
            rebuild_view(sp);
            if (!sp->config_complete) {
                sp->config_complete = true;
                sp->ops->config_changed(sp->aux, sp->view, true);
            }
        }
    }
    if (sp->config_sweep_ms && now >= sp->config_sweep_ms) {
        sp->config_sweep_ms = 0;
        size_t n = xmpp_graph_sweep(sp->graph);
        if (n) {
            VLOG_INFO("removed configuration that was not sent again "
                      "session=%s objects=%"PRIuSIZE, sp->name, n);
            rebuild_view(sp);
        }
    }
}

/* Sessions. */

static bool
peer_opened(void *peer_, const char *name)
{
    struct peer *peer = peer_;
    struct xmpp_speaker *sp = peer->speaker;
    char address[INET6_ADDRSTRLEN + 8];

    VLOG_INFO("control node connected session=%s controller=%s host=%s",
              sp->name, peer_address(peer, address), name);
    peer->up = true;
    peer->told_up = false;
    peer->up_since_ms = tsn_now_ms();
    sp->lost_ms = 0;
    sp->thawed = false;
    restart_peer_up(peer);
    want_peer_up(peer);
    tree_peer_up(peer);
    speaker_defer(sp, 0);
    return true;
}

static void
peer_stanza(void *peer_, const struct xmpp_stanza *st)
{
    struct peer *peer = peer_;

    if (st->type == XMPP_CONFIG) {
        config_event(peer, st);
    } else if (st->type == XMPP_EVENT && st->end_of_rib) {
        restart_synced(peer);
    } else if (st->type == XMPP_EVENT && st->family == XMPP_FAMILY_MCAST) {
        tree_event(peer, st);
    } else if (st->type == XMPP_EVENT) {
        rib_event(peer, st);
    }
}

/* Takes the next control node of the list that no other session uses, if there
 * is one. */
static bool
rotate(struct peer *peer)
{
    struct xmpp_speaker *sp = peer->speaker;

    for (size_t i = 1; i < sp->n_controllers; i++) {
        size_t next = (peer->controller + i) % sp->n_controllers;
        bool used = false;

        for (unsigned int j = 0; j < sp->n_peers; j++) {
            used |= sp->peers[j].controller == next;
        }
        if (!used) {
            peer->controller = next;
            return true;
        }
    }
    return false;
}

static void
backoff_due(uv_timer_t *timer)
{
    connect_peer(timer->data);
}

/* A control node that is away is news once, and again when it is away for
 * another reason. */
static void
log_closed(struct peer *peer, bool was_up, bool same_cause)
{
    char address[INET6_ADDRSTRLEN + 8];
    const char *name = peer->speaker->name;

    peer_address(peer, address);
    if (was_up) {
        VLOG_WARN_RL(&rl, "control node lost session=%s controller=%s: %s",
                     name, address, peer->why);
        peer->told_reason = XMPP_CLOSE_NONE;
    } else if (peer->told_reason != peer->last_reason || !same_cause) {
        VLOG_WARN_RL(&rl, "control node not reached, trying on session=%s "
                     "controller=%s: %s", name, address, peer->why);
        peer->told_reason = peer->last_reason;
    }
}

static void
peer_closed(void *peer_, enum xmpp_close_reason reason)
{
    struct peer *peer = peer_;
    struct xmpp_speaker *sp = peer->speaker;
    uint64_t now = tsn_now_ms();
    bool was_up = peer->up;
    const struct xmpp_conn *conn = xmpp_transport_conn(peer->transport);
    char *why = xstrdup(xmpp_conn_explain(conn, reason));
    bool same_cause = peer->why && !strcmp(peer->why, why);

    free(peer->why);
    peer->why = why;
    peer->transport = NULL;
    peer->up = false;
    peer->last_reason = reason;
    log_closed(peer, was_up, same_cause);
    if (was_up) {
        want_peer_down(peer);
        restart_peer_down(peer, now);
        tree_peer_down(peer);
        host_peer_down(peer);
        if (sp->config_peer == peer) {
            sp->config_peer = NULL;
            sp->config_sweep_ms = 0;
            choose_config_peer(sp);
        }
        if (!xmpp_speaker_is_up(sp)) {
            sp->lost_ms = now;
        }
    }
    if (xmpp_backoff_failed(&peer->backoff,
                            was_up ? now - peer->up_since_ms : 0)
        && rotate(peer)) {
        xmpp_backoff_rotated(&peer->backoff);
    }
    uv_timer_start(peer->timer, backoff_due,
                   xmpp_backoff_delay_ms(&peer->backoff, random_uint32()), 0);
    if (was_up) {
        sp->ops->session_changed(sp->aux);
    }
}

static const struct xmpp_transport_ops transport_ops = {
    .opened = peer_opened,
    .stanza = peer_stanza,
    .closed = peer_closed,
};

static void
connect_peer(struct peer *peer)
{
    struct xmpp_speaker *sp = peer->speaker;

    peer->transport = xmpp_transport_connect(
        sp->loop, &sp->controllers[peer->controller], sp->name,
        current_hold_ms(sp), CONNECT_TIMEOUT_MS, &transport_ops, peer);
    xmpp_conn_set_subcluster(xmpp_transport_conn(peer->transport),
                             sp->subcluster);
    if (sp->tls) {
        struct tsn_tls *tls = tsn_tls_store_get(sp->tls, tsn_now_ms());

        xmpp_transport_set_tls(peer->transport, tls);
        tsn_tls_unref(tls);
    }
}

/* The deferred work, in the order that lets one step feed the next. */
static void
speaker_run(uv_timer_t *timer)
{
    struct xmpp_speaker *sp = timer->data;
    uint64_t now = tsn_now_ms();
    bool more = false;

    sp->deferred_ms = UINT64_MAX;
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        struct peer *peer = &sp->peers[i];
        if (peer->up && !peer->told_up) {
            peer->told_up = true;
            sp->ops->session_changed(sp->aux);
        }
        restart_check(peer, now);
    }
    restart_check_frozen(sp, now);
    choose_config_peer(sp);
    check_view(sp, now);
    check_config(sp, now);
    tree_check(sp, now);
    more = rib_walk(sp, WALK_BUDGET);
    rib_notify(sp);
    tree_notify(sp);
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        more |= want_flush(&sp->peers[i]);
        restart_tell_end_of_rib(&sp->peers[i], now);
    }
    /* All speakers of a loop at the same time: each of its turns costs a look
     * at all that lives in it. */
    speaker_defer(sp, more ? 1 : CHECK_MS - now % CHECK_MS);
}

void
speaker_defer(struct xmpp_speaker *sp, uint64_t delay_ms)
{
    uint64_t due = tsn_now_ms() + delay_ms;

    if (due < sp->deferred_ms) {
        sp->deferred_ms = due;
        uv_timer_start(sp->deferred, speaker_run, delay_ms, 0);
    }
}

void
xmpp_speaker_set_holds(struct xmpp_speaker *sp, uint32_t hold_s,
                       uint32_t stale_hold_s, uint32_t frozen_hold_s)
{
    sp->hold_ms = hold_s * 1000;
    sp->stale_hold_ms = stale_hold_s * 1000;
    sp->frozen_hold_ms = (uint64_t) frozen_hold_s * 1000;
    update_hold(sp);
}

struct xmpp_speaker *
xmpp_speaker_create(uv_loop_t *loop, const struct xmpp_speaker_config *cfg,
                    const struct xmpp_speaker_ops *ops, void *aux)
{
    struct xmpp_speaker *sp = xzalloc(sizeof *sp);

    sp->loop = loop;
    sp->name = xstrdup(cfg->name);
    sp->subcluster = nullable_xstrdup(cfg->subcluster);
    sp->controllers = xmemdup(cfg->controllers, cfg->n_controllers
                                                * sizeof *cfg->controllers);
    sp->n_controllers = cfg->n_controllers;
    sp->hold_ms = cfg->hold_s * 1000;
    sp->stale_hold_ms = cfg->stale_hold_s * 1000;
    sp->frozen_hold_ms = (uint64_t) cfg->frozen_hold_s * 1000;
    sp->tls = cfg->tls;
    sp->ops = ops;
    sp->aux = aux;
    sp->graph = xmpp_graph_create();
    sp->view_seqno = xmpp_graph_seqno(sp->graph);
    char *router = xasprintf(XMPP_VR_PREFIX "%s", sp->name);
    sp->viewer = xmpp_viewer_create(sp->graph, router);
    free(router);
    sp->view = xmpp_viewer_build(sp->viewer);
    sp->deferred = new_timer(loop, sp);
    sp->deferred_ms = UINT64_MAX;
    want_init(sp);
    rib_init(sp);
    tree_init(sp);
    host_init(sp);

    sp->n_peers = MIN(MAX_PEERS, sp->n_controllers);
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        struct peer *peer = &sp->peers[i];
        peer->speaker = sp;
        peer->slot = i;
        peer->controller = i;
        peer->timer = new_timer(loop, peer);
        connect_peer(peer);
    }
    speaker_defer(sp, CHECK_MS);
    return sp;
}

void
xmpp_speaker_destroy(struct xmpp_speaker *sp)
{
    if (!sp) {
        return;
    }
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        xmpp_transport_abandon(sp->peers[i].transport);
        free(sp->peers[i].why);
        close_timer(sp->peers[i].timer);
    }
    close_timer(sp->deferred);
    want_fini(sp);
    rib_fini(sp);
    tree_fini(sp);
    host_fini(sp);
    xmpp_view_destroy(sp->view);
    xmpp_viewer_destroy(sp->viewer);
    xmpp_graph_destroy(sp->graph);
    free(sp->controllers);
    free(sp->subcluster);
    free(sp->name);
    free(sp);
}

bool
xmpp_speaker_is_up(const struct xmpp_speaker *sp)
{
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        if (sp->peers[i].up) {
            return true;
        }
    }
    return false;
}

bool
xmpp_speaker_is_whole(const struct xmpp_speaker *sp)
{
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        if (sp->peers[i].up && sp->peers[i].synced) {
            return true;
        }
    }
    return false;
}

bool
xmpp_speaker_is_synced(const struct xmpp_speaker *sp)
{
    return sp->synced;
}

static void
session_status(const struct peer *peer, struct tsn_json *json)
{
    char address[INET6_ADDRSTRLEN + 8];
    uint64_t now = tsn_now_ms();

    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "controller", peer_address(peer, address));
    tsn_json_string(json, "state", peer->up ? "up" : peer->transport
                                   ? "connecting" : "waiting");
    if (peer->up) {
        const struct xmpp_conn *conn = xmpp_transport_conn(peer->transport);
        tsn_json_string(json, "host", xmpp_conn_peer_name(conn));
        tsn_json_uint(json, "up_s", (now - peer->up_since_ms) / 1000);
        tsn_json_bool(json, "synced", peer->synced);
        tsn_json_bool(json, "end_of_rib_sent", peer->end_of_rib_sent);
        tsn_json_uint(json, "bad_stanzas",
                      xmpp_conn_counters(conn)->bad_stanzas);
        tsn_json_uint(json, "repaired_stanzas",
                      xmpp_conn_counters(conn)->repaired_stanzas);
    } else {
        tsn_json_string(json, "reason",
                        peer->why ? peer->why
                        : xmpp_close_reason_name(peer->last_reason));
        tsn_json_uint(json, "attempts", peer->backoff.attempts);
    }
    tsn_tls_show(peer->up
                 ? xmpp_conn_tls(xmpp_transport_conn(peer->transport))
                 : NULL, json);
    tsn_json_bool(json, "config", peer == peer->speaker->config_peer);
    if (peer->speaker->n_trees) {
        tsn_json_bool(json, "tree_builder",
                      peer == peer->speaker->tree_builder);
    }
    tsn_json_uint(json, "published", peer->n_published);
    tsn_json_uint(json, "withdrawn", peer->n_withdrawn);
    tsn_json_uint(json, "items", peer->n_items);
    tsn_json_uint(json, "retracts", peer->n_retracts);
    tsn_json_uint(json, "bad_items", peer->n_bad_items);
    tsn_json_uint(json, "unused_items", peer->n_unused_items);
    tsn_json_object_end(json);
}

void
xmpp_speaker_status(const struct xmpp_speaker *sp, struct tsn_json *json)
{
    tsn_json_array_begin(json, "sessions");
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        session_status(&sp->peers[i], json);
    }
    tsn_json_array_end(json);
    /* How long what was learnt has been kept without any control node. */
    if (sp->lost_ms) {
        tsn_json_uint(json, "frozen_s", (tsn_now_ms() - sp->lost_ms) / 1000);
    } else {
        tsn_json_string(json, "frozen_s", NULL);
    }
    tsn_json_uint(json, "subscriptions", shash_count(&sp->wanted));
    tree_status(sp, json);
    tsn_json_uint(json, "config_objects", xmpp_graph_n_nodes(sp->graph));
    tsn_json_uint(json, "config_malformed", xmpp_graph_n_malformed(sp->graph));
    tsn_json_uint(json, "config_bad_values", sp->view->n_bad);
    tsn_json_bool(json, "config_complete", sp->config_complete);
}
