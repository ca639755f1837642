/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/core.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/vlog.h"
#include "util.h"

#include "controller/config.h"
#include "controller/model.h"
#include "controller/push.h"
#include "controller/restart.h"
#include "controller/rib.h"
#include "tsn/error.h"
#include "tsn/model.h"
#include "xmpp/inet.h"
#include "xmpp/route.h"
#include "xmpp/stanza.h"
#include "xmpp/xml.h"

VLOG_DEFINE_THIS_MODULE(ctrl_core);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

struct ctrl_core {
    const struct ctrl_config *config;
    struct ctrl_model *model;
    struct ctrl_rib *rib;
    struct ctrl_restarts *restarts;
    struct ovs_list peers;      /* struct ctrl_peer. */
    size_t n_peers;
    uint64_t now_ms;
    uint64_t end_of_rib_from_ms;    /* None is sent before. */
};

/* The first half of a publish and collection pair (3.1). */
struct held {
    char *node;                 /* NULL: nothing is held. */
    uint32_t family;
    bool end_of_rib;
    int error;                  /* Of decoding; with 'err'. */
    struct tsn_err err;
    union {                     /* Without error, by family. */
        struct xmpp_evpn route;
        struct xmpp_inet inet;
        struct xmpp_mcast mcast;
    };
};

struct ctrl_peer {
    struct ovs_list node;
    struct ctrl_core *core;
    char *name;
    const struct ctrl_peer_ops *ops;
    void *aux;
    bool closing;

    struct ctrl_rib_client *client;
    struct ctrl_push *push;     /* Once it has subscribed its config. */
    struct held held;

    uint64_t since_ms;
    uint64_t active_ms;         /* Last stanza in either direction. */
    bool end_of_rib_sent;
    struct ctrl_peer_counters counters;
};

struct ctrl_core *
ctrl_core_create(const struct ctrl_config *config)
{
    struct ctrl_core *core = xzalloc(sizeof *core);

    core->rib = ctrl_rib_create();
    core->restarts = ctrl_restarts_create();
    ovs_list_init(&core->peers);
    ctrl_core_configure(core, config);
    return core;
}

void
ctrl_core_configure(struct ctrl_core *core, const struct ctrl_config *config)
{
    struct ctrl_model *old = core->model;
    struct ctrl_peer *peer;

    core->model = ctrl_model_create(config);
    core->config = config;
    LIST_FOR_EACH (peer, node, &core->peers) {
        if (peer->push) {
            ctrl_push_start(peer->push, core->model);
        }
    }
    ctrl_model_destroy(old);
    ctrl_rib_configure(core->rib, config);
    ctrl_restarts_configure(core->restarts, &config->graceful_restart);
}

void
ctrl_core_destroy(struct ctrl_core *core)
{
    if (core) {
        struct ctrl_peer *peer;

        LIST_FOR_EACH_SAFE (peer, node, &core->peers) {
            ctrl_peer_destroy(peer);
        }
        ctrl_restarts_destroy(core->restarts);
        ctrl_rib_destroy(core->rib);
        ctrl_model_destroy(core->model);
        free(core);
    }
}

/* Sends a stanza; also the RIB's and the push's way out. */
static void
peer_send(void *peer_, const char *data, size_t size)
{
    struct ctrl_peer *peer = peer_;

    if (!peer->closing) {
        peer->active_ms = peer->core->now_ms;
        peer->ops->send(peer->aux, data, size);
    }
}

/* One whose session ends takes everything. */
static bool
peer_is_ready(void *peer_)
{
    struct ctrl_peer *peer = peer_;

    return peer->closing || peer->ops->is_ready(peer->aux);
}

static void
peer_close(struct ctrl_peer *peer, enum xmpp_close_reason reason)
{
    if (!peer->closing) {
        peer->closing = true;
        peer->ops->close(peer->aux, reason);
    }
}

/* The RIB remembers too much for it. */
static void
peer_give_up(void *peer_)
{
    struct ctrl_peer *peer = peer_;

    VLOG_WARN_RL(&rl, "closing the session: the client does not read, and is "
                 "too far behind session=%s", peer->name);
    peer_close(peer, XMPP_CLOSE_SLOW);
}

static const struct ctrl_rib_ops rib_ops = {
    .send = peer_send,
    .is_ready = peer_is_ready,
    .give_up = peer_give_up,
};

struct ctrl_peer *
ctrl_peer_create(struct ctrl_core *core, const char *name,
                 const struct ctrl_peer_ops *ops, void *aux, uint64_t now_ms)
{
    struct ctrl_peer *peer = xzalloc(sizeof *peer);

    peer->core = core;
    peer->name = xstrdup(name);
    peer->ops = ops;
    peer->aux = aux;
    peer->client = ctrl_restarts_return(core->restarts, name, &rib_ops, peer,
                                        now_ms);
    if (!peer->client) {
        peer->client = ctrl_rib_client_create(core->rib, name, &rib_ops,
                                              peer);
    }
    peer->since_ms = peer->active_ms = now_ms;
    ovs_list_push_back(&core->peers, &peer->node);
    core->n_peers++;
    return peer;
}

void
ctrl_peer_set_address(struct ctrl_peer *peer, const struct in6_addr *ip)
{
    ctrl_rib_client_set_address(peer->client, ip);
}

static bool
is_inet(uint32_t family)
{
    return family == XMPP_FAMILY_INET || family == XMPP_FAMILY_INET6
           || family == XMPP_FAMILY_LABELED;
}

static void
held_clear(struct held *held)
{
    if (held->node) {
        if (held->error) {
            /* Nothing was decoded. */
        } else if (held->family == XMPP_FAMILY_EVPN) {
            xmpp_evpn_fini(&held->route);
        } else if (is_inet(held->family)) {
            xmpp_inet_fini(&held->inet);
        } else if (held->family == XMPP_FAMILY_MCAST) {
            xmpp_mcast_fini(&held->mcast);
        }
        free(held->node);
        held->node = NULL;
    }
}

static void
peer_free(struct ctrl_peer *peer)
{
    ovs_list_remove(&peer->node);
    peer->core->n_peers--;
    ctrl_push_destroy(peer->push);
    held_clear(&peer->held);
    free(peer->name);
    free(peer);
}

void
ctrl_peer_destroy(struct ctrl_peer *peer)
{
    if (peer) {
        ctrl_restarts_forget(peer->core->restarts, peer->name);
        ctrl_rib_client_destroy(peer->client);
        peer_free(peer);
    }
}

void
ctrl_peer_lost(struct ctrl_peer *peer, const struct in6_addr *peer_ip,
               uint64_t now_ms)
{
    ctrl_restarts_leave(peer->core->restarts, peer->name, peer_ip,
                        peer->client, now_ms);
    peer_free(peer);
}

bool
ctrl_core_admits(const struct ctrl_core *core, const char *name,
                 const struct in6_addr *peer_ip)
{
    char ip[TSN_IP_STRLEN];

    if (core->n_peers >= CTRL_MAX_SESSIONS) {
        VLOG_WARN_RL(&rl, "refused a session, there are %d already "
                     "session=%s peer=%s", CTRL_MAX_SESSIONS, name,
                     tsn_ip_format(peer_ip, ip));
        return false;
    }
    if (!ctrl_restarts_admits(core->restarts, name, peer_ip)) {
        VLOG_WARN_RL(&rl, "refused a session of the name of a client that is "
                     "away, from another address session=%s peer=%s", name,
                     tsn_ip_format(peer_ip, ip));
        return false;
    }
    return true;
}

/* Subscriptions. */

static void
subscribe_config(struct ctrl_peer *peer, const struct xmpp_stanza *st)
{
    static const char prefix[] = "virtual-router:";

    /* There are no virtual machines here, and a virtual router is left only
     * by leaving. */
    if (st->type != XMPP_SUBSCRIBE
        || strncmp(st->node, prefix, strlen(prefix))) {
        peer->counters.ignored++;
        return;
    }
    if (peer->push) {
        peer->counters.ignored++;
        VLOG_WARN_RL(&rl, "ignored a second subscription of configuration "
                     "session=%s node=%s", peer->name, st->node);
        return;
    }

    const char *name = st->node + strlen(prefix);
    if (!ctrl_model_find(peer->core->model, "virtual-router", name)) {
        VLOG_WARN_RL(&rl, "no configuration for this client: neither a "
                     "switch's agent nor a TSN has its name session=%s "
                     "virtual-router=%s", peer->name, name);
    }
    peer->push = ctrl_push_create(name);
    ctrl_push_start(peer->push, peer->core->model);
}

static void
subscribe_instance(struct ctrl_peer *peer, const struct xmpp_stanza *st)
{
    int error = st->type == XMPP_SUBSCRIBE
                ? ctrl_rib_subscribe(peer->client, st->node, st->instance_id,
                                     st->no_ribout)
                : ctrl_rib_unsubscribe(peer->client, st->node);

    if (!error) {
        return;
    }
    VLOG_WARN_RL(&rl, "closing the session: %s session=%s network=%.*s",
                 error == -EALREADY ? "subscribed a second time"
                 : error == -ENOENT ? "unsubscribed without a subscription"
                 : "subscribed to too much",
                 peer->name, CTRL_MAX_INSTANCE, st->node);
    peer_close(peer, error == -ENOSPC ? XMPP_CLOSE_LOCAL
                                      : XMPP_CLOSE_ILLEGAL_ORDER);
}

/* Routes. */

static void
hold_publish(struct ctrl_peer *peer, const struct xmpp_stanza *st)
{
    struct held *held = &peer->held;

    /* There is one place: an older one is lost (3.1). */
    peer->counters.unpaired += held->node != NULL;
    held_clear(held);

    held->node = xstrdup(st->node);
    held->family = st->family;
    held->end_of_rib = st->end_of_rib;
    held->error = 0;
    const struct xmpp_node *entry = xmpp_node_child(st->body, "entry");
    if (held->family == XMPP_FAMILY_EVPN) {
        held->error = xmpp_evpn_decode(entry, &held->route, &held->err);
    } else if (is_inet(held->family)) {
        held->error = xmpp_inet_decode(entry, held->family, &held->inet,
                                       &held->err);
    } else if (held->family == XMPP_FAMILY_MCAST) {
        held->error = xmpp_mcast_decode(entry, &held->mcast, &held->err);
    }
}

static void
skip_item(struct ctrl_peer *peer, const char *instance, const char *why)
{
    peer->counters.bad_items++;
    VLOG_WARN_RL(&rl, "skipped a route session=%s network=%.*s item=%.64s: "
                 "%s", peer->name, CTRL_MAX_INSTANCE, instance,
                 peer->held.node, why);
}

/* Without a subscription of 'instance' a publish of any family ends the
 * session (2.1). */
static void
refuse_publish(struct ctrl_peer *peer, const char *instance, int error)
{
    VLOG_WARN_RL(&rl, "closing the session: published into a network %s "
                 "session=%s network=%.*s",
                 error == -EINVAL ? "that was subscribed without instance-id"
                                  : "that is not subscribed",
                 peer->name, CTRL_MAX_INSTANCE, instance);
    peer_close(peer, XMPP_CLOSE_ILLEGAL_ORDER);
}

/* Legal; not what we are for. */
static void
ignore_publish(struct ctrl_peer *peer, const char *instance)
{
    int error = ctrl_rib_may_publish(peer->client, instance);

    if (error) {
        refuse_publish(peer, instance, error);
    } else {
        peer->counters.ignored++;
    }
}

static int
apply_held(struct ctrl_peer *peer, const char *instance, bool associate)
{
    struct held *held = &peer->held;

    if (held->family == XMPP_FAMILY_MCAST) {
        return associate
               ? ctrl_rib_join(peer->client, instance, &held->mcast)
               : ctrl_rib_leave(peer->client, instance);
    }
    return associate
           ? ctrl_rib_publish(peer->client, instance, &held->route)
           : ctrl_rib_withdraw(peer->client, instance, &held->route);
}

static void
handle_route(struct ctrl_peer *peer, const char *instance, bool associate)
{
    struct held *held = &peer->held;

    if (held->error) {
        skip_item(peer, instance, tsn_err_format(&held->err));
        return;
    }

    int error = apply_held(peer, instance, associate);
    if (error == -ENOENT || error == -EINVAL) {
        refuse_publish(peer, instance, error);
    } else if (error) {
        skip_item(peer, instance, error == -ENOSPC ? "too many routes"
                                                   : "bad next hop");
    }
}

/* Only the tree of a network's broadcasts is one that we build. */
static void
handle_mcast(struct ctrl_peer *peer, const char *instance, bool associate)
{
    const struct held *held = &peer->held;

    if (!held->error && !xmpp_mcast_is_broadcast(&held->mcast)) {
        ignore_publish(peer, instance);
    } else {
        handle_route(peer, instance, associate);
    }
}

/* Read only to see whether the client gets them right. */
static void
handle_inet(struct ctrl_peer *peer, const char *instance, bool associate)
{
    struct held *held = &peer->held;

    if (!held->error && associate) {
        bool is_fabric = !strcmp(instance, XMPP_FABRIC_INSTANCE);
        struct tsn_err err;

        if (xmpp_inet_check_publish(&held->inet, is_fabric, &err)) {
            skip_item(peer, instance, tsn_err_format(&err));
            return;
        }
    }
    if (held->error) {
        skip_item(peer, instance, tsn_err_format(&held->err));
    } else {
        ignore_publish(peer, instance);
    }
}

/* Both halves are there. */
static void
handle_pair(struct ctrl_peer *peer, const char *instance, bool associate)
{
    switch (peer->held.family) {
    case XMPP_FAMILY_EVPN:
        handle_route(peer, instance, associate);
        break;

    case XMPP_FAMILY_MCAST:
        handle_mcast(peer, instance, associate);
        break;

    case XMPP_FAMILY_INET:
    case XMPP_FAMILY_INET6:
    case XMPP_FAMILY_LABELED:
        handle_inet(peer, instance, associate);
        break;

    case XMPP_FAMILY_MVPN:
        ignore_publish(peer, instance);
        break;

    default:
        peer->counters.ignored++;
        break;
    }
}

static void
handle_collection(struct ctrl_peer *peer, const struct xmpp_stanza *st)
{
    struct held *held = &peer->held;

    if (!held->node || strcmp(held->node, st->item_node)
        || held->end_of_rib != st->end_of_rib) {
        peer->counters.unpaired++;
        VLOG_WARN_RL(&rl, "dropped a publish whose two halves do not fit "
                     "session=%s item=%.64s collection=%.64s", peer->name,
                     held->node ? held->node : "(none)", st->item_node);
    } else if (st->end_of_rib) {
        ctrl_restarts_end_of_rib(peer->core->restarts, peer->name);
    } else {
        handle_pair(peer, st->node, st->associate);
    }
    held_clear(held);
}

static void
handle_bgp(struct ctrl_peer *peer, const struct xmpp_stanza *st)
{
    switch (st->type) {
    case XMPP_SUBSCRIBE:
    case XMPP_UNSUBSCRIBE:
        subscribe_instance(peer, st);
        break;
    case XMPP_PUBLISH:
        hold_publish(peer, st);
        break;
    case XMPP_COLLECTION:
        handle_collection(peer, st);
        break;
    case XMPP_EVENT:            /* An agent's End-of-RIB; not even a control
                                 * node looks at it. */
    case XMPP_CONFIG:
    case XMPP_IGNORED:
    default:
        peer->counters.ignored++;
        break;
    }
}

void
ctrl_peer_stanza(struct ctrl_peer *peer, const struct xmpp_stanza *st,
                 uint64_t now_ms)
{
    if (peer->closing) {
        return;
    }
    peer->core->now_ms = now_ms;
    peer->active_ms = now_ms;
    if (st->resource == XMPP_RESOURCE_BGP) {
        handle_bgp(peer, st);
    } else if (st->resource == XMPP_RESOURCE_CONFIG
               && (st->type == XMPP_SUBSCRIBE
                   || st->type == XMPP_UNSUBSCRIBE)) {
        subscribe_config(peer, st);
    } else {
        peer->counters.ignored++;
    }
}

/* Telling. */

/* Stanzas of configuration that one client gets in a turn. */
#define PUSH_BUDGET 64

/* Returns when to go on, UINT64_MAX if the client has everything. */
static uint64_t
push_config(struct ctrl_peer *peer)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    uint64_t next = UINT64_MAX;

    for (int i = 0; peer->push && !ctrl_push_is_done(peer->push); i++) {
        if (i == PUSH_BUDGET) {
            next = peer->core->now_ms;
            break;
        }
        if (!peer_is_ready(peer)) {
            next = peer->core->now_ms + CTRL_RETRY_MS;
            break;
        }
        size_t n = ctrl_push_next(peer->push, &ds);
        if (n) {
            peer->counters.config_objects += n;
            peer_send(peer, ds.string, ds.length);
            ds_clear(&ds);
        }
    }
    ds_destroy(&ds);
    return next;
}

/* Returns when the End-of-RIB is due, UINT64_MAX once it was sent. */
static uint64_t
send_end_of_rib(struct ctrl_peer *peer)
{
    if (peer->end_of_rib_sent || peer->closing) {
        return UINT64_MAX;
    }

    uint64_t due = MIN(peer->active_ms + CTRL_END_OF_RIB_QUIET_MS,
                       peer->since_ms + CTRL_END_OF_RIB_MAX_MS);
    due = MAX(due, peer->core->end_of_rib_from_ms);
    if (peer->core->now_ms < due) {
        return due;
    }
    struct ds ds = DS_EMPTY_INITIALIZER;
    xmpp_put_server_end_of_rib(&ds, peer->name);
    peer->end_of_rib_sent = true;
    peer_send(peer, ds.string, ds.length);
    ds_destroy(&ds);
    return UINT64_MAX;
}

void
ctrl_core_delay_end_of_rib(struct ctrl_core *core, uint64_t from_ms)
{
    core->end_of_rib_from_ms = from_ms;
}

uint64_t
ctrl_core_run(struct ctrl_core *core, uint64_t now_ms)
{
    struct ctrl_peer *peer;

    core->now_ms = now_ms;
    uint64_t next = ctrl_restarts_run(core->restarts, now_ms);
    switch (ctrl_rib_flush(core->rib)) {
    case CTRL_RIB_BUSY:
        next = now_ms;
        break;
    case CTRL_RIB_BLOCKED:
        next = now_ms + CTRL_RETRY_MS;
        break;
    case CTRL_RIB_IDLE:
        break;
    }
    LIST_FOR_EACH (peer, node, &core->peers) {
        uint64_t due = push_config(peer);

        /* Only once it has what there is. */
        if (due == UINT64_MAX && ctrl_rib_client_is_current(peer->client)) {
            due = send_end_of_rib(peer);
        }
        next = MIN(next, due);
    }
    return next;
}

/* For people. */

const char *
ctrl_peer_name(const struct ctrl_peer *peer)
{
    return peer->name;
}

void *
ctrl_peer_aux(const struct ctrl_peer *peer)
{
    return peer->aux;
}

const struct ctrl_peer_counters *
ctrl_peer_counters(const struct ctrl_peer *peer)
{
    return &peer->counters;
}

const struct ctrl_rib_client *
ctrl_peer_client(const struct ctrl_peer *peer)
{
    return peer->client;
}

const char *
ctrl_peer_config_name(const struct ctrl_peer *peer)
{
    return peer->push ? ctrl_push_name(peer->push) : NULL;
}

const struct ctrl_config *
ctrl_core_config(const struct ctrl_core *core)
{
    return core->config;
}

const struct ctrl_model *
ctrl_core_model(const struct ctrl_core *core)
{
    return core->model;
}

const struct ctrl_rib *
ctrl_core_rib(const struct ctrl_core *core)
{
    return core->rib;
}

const struct ctrl_restarts *
ctrl_core_restarts(const struct ctrl_core *core)
{
    return core->restarts;
}

void
ctrl_core_for_each_peer(const struct ctrl_core *core, ctrl_peer_fn *fn,
                        void *aux)
{
    const struct ctrl_peer *peer;

    LIST_FOR_EACH (peer, node, &core->peers) {
        fn(peer, aux);
    }
}
