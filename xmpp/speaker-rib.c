/* SPDX-License-Identifier: Apache-2.0 */
/* What the control nodes have told us: EVPN routes by instance and item id, a
 * path for each control node. */
#include <config.h>
#include "xmpp/speaker-private.h"

#include <errno.h>
#include <stdlib.h>

#include "hash.h"
#include "openvswitch/vlog.h"
#include "tsn/error.h"
#include "util.h"
#include "xmpp/stanza.h"
#include "xmpp/xml.h"

VLOG_DEFINE_THIS_MODULE(xmpp_rib);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* What the routes of an identity may take.  A million of them take half of it;
 * a control node that sends more than this is broken, and what is beyond is
 * skipped and counted. */
#define MAX_RIB_BYTES (1u << 30)

static struct rib_route *
find_route(const struct rib_instance *inst, const char *id)
{
    struct rib_route *rr;

    HMAP_FOR_EACH_WITH_HASH (rr, node, hash_string(id, 0), &inst->routes) {
        if (!strcmp(rr->id, id)) {
            return rr;
        }
    }
    return NULL;
}

static size_t
path_size(const struct xmpp_evpn *path)
{
    size_t n_tunnels = path->n_next_hops + path->n_olist + path->n_leaf_olist;

    return sizeof *path + n_tunnels * sizeof *path->next_hops
           + path->n_security_groups * sizeof *path->security_groups
           + (path->virtual_network ? strlen(path->virtual_network) : 0);
}

static size_t
route_size(const char *id)
{
    return sizeof(struct rib_route) + strlen(id);
}

static void
free_path(struct xmpp_speaker *sp, struct xmpp_evpn *path)
{
    if (path) {
        sp->rib_bytes -= path_size(path);
        xmpp_evpn_fini(path);
        free(path);
    }
}

static void
free_route(struct xmpp_speaker *sp, struct rib_instance *inst,
           struct rib_route *rr)
{
    hmap_remove(&inst->routes, &rr->node);
    for (int i = 0; i < MAX_PEERS; i++) {
        free_path(sp, rr->path[i]);
    }
    sp->rib_bytes -= route_size(rr->id);
    free(rr->id);
    free(rr);
}

static void
note_change(struct xmpp_speaker *sp, struct rib_instance *inst)
{
    inst->changed = true;
    sp->rib_changed = true;
    speaker_defer(sp, 0);
}

/* Removes the path of 'peer', and the route with its last path. */
static void
drop_path(struct peer *peer, struct rib_instance *inst, struct rib_route *rr)
{
    if (rr->path[peer->slot]) {
        free_path(peer->speaker, rr->path[peer->slot]);
        rr->path[peer->slot] = NULL;
        rr->stale[peer->slot] = false;
        note_change(peer->speaker, inst);
    }
    for (int i = 0; i < MAX_PEERS; i++) {
        if (rr->path[i]) {
            return;
        }
    }
    free_route(peer->speaker, inst, rr);
}

void
rib_init(struct xmpp_speaker *sp)
{
    shash_init(&sp->rib);
    sp->rib_max_bytes = MAX_RIB_BYTES;
}

static void
free_instance(struct xmpp_speaker *sp, struct shash_node *node)
{
    struct rib_instance *inst = node->data;
    struct rib_route *rr;

    HMAP_FOR_EACH_SAFE (rr, node, &inst->routes) {
        free_route(sp, inst, rr);
    }
    hmap_destroy(&inst->routes);
    free(inst);
    shash_delete(&sp->rib, node);
}

void
rib_fini(struct xmpp_speaker *sp)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &sp->rib) {
        free_instance(sp, node);
    }
    shash_destroy(&sp->rib);
}

void
rib_drop_instance(struct xmpp_speaker *sp, const char *instance)
{
    struct shash_node *node = shash_find(&sp->rib, instance);

    if (node) {
        free_instance(sp, node);
    }
}

/* Reads 'item' into '*path'.  Returns 0, else like xmpp_evpn_decode(). */
static int
decode_item(const struct xmpp_speaker *sp, const struct rib_route *rr,
            const char *id, const struct xmpp_node *item,
            struct xmpp_evpn *path, struct tsn_err *err)
{
    if (!id) {
        tsn_err_set(err, NULL, "item without id");
        return -EBADMSG;
    }
    int error = xmpp_evpn_decode(xmpp_node_child(item, "entry"), path, err);
    if (error) {
        return error;
    }
    size_t more = path_size(path) + (rr ? 0 : route_size(id));
    if (more > sp->rib_max_bytes - sp->rib_bytes) {
        xmpp_evpn_fini(path);
        tsn_err_set(err, NULL, "no room for more routes");
        return -EBADMSG;
    }
    return 0;
}

static void
handle_item(struct peer *peer, const char *instance,
            struct rib_instance *inst, const struct xmpp_node *item)
{
    const char *id = xmpp_node_attr(item, "id");
    struct rib_route *rr = id ? find_route(inst, id) : NULL;
    struct xmpp_evpn *path = xmalloc(sizeof *path);
    struct xmpp_speaker *sp = peer->speaker;
    struct tsn_err err;
    int error = decode_item(sp, rr, id, item, path, &err);

    if (error) {
        if (error != -ENOTSUP) {
            peer->n_bad_items++;
            VLOG_WARN_RL(&rl, "skipped a route session=%s network=%s id=%s: "
                         "%s", sp->name, instance, id ? id : "",
                         tsn_err_format(&err));
        }
        free(path);
        return;
    }
    peer->n_items++;

    if (!rr) {
        rr = xzalloc(sizeof *rr);
        rr->id = xstrdup(id);
        sp->rib_bytes += route_size(id);
        hmap_insert(&inst->routes, &rr->node, hash_string(id, 0));
    }
    struct xmpp_evpn *old = rr->path[peer->slot];
    bool was_stale = rr->stale[peer->slot];
    rr->path[peer->slot] = path;
    rr->stale[peer->slot] = false;
    sp->rib_bytes += path_size(path);
    if (!old || was_stale || !xmpp_evpn_equals(old, path)) {
        note_change(sp, inst);
    }
    free_path(sp, old);
}

static void
handle_retract(struct peer *peer, struct rib_instance *inst,
               const struct xmpp_node *retract)
{
    const char *id = xmpp_node_attr(retract, "id");
    struct rib_route *rr = id ? find_route(inst, id) : NULL;

    peer->n_retracts++;
    if (rr) {
        drop_path(peer, inst, rr);
    }
}

void
rib_event(struct peer *peer, const struct xmpp_stanza *st)
{
    struct xmpp_speaker *sp = peer->speaker;
    const struct want_instance *want = shash_find_data(&sp->wanted, st->node);
    struct rib_instance *inst = shash_find_data(&sp->rib, st->node);
    const struct xmpp_node *child;

    /* Families that we do not use, and what was on its way to a subscription
     * that has ended. */
    if (st->family != XMPP_FAMILY_EVPN || !want || !want->wanted) {
        return;
    }
    if (!inst) {
        inst = xzalloc(sizeof *inst);
        hmap_init(&inst->routes);
        shash_add(&sp->rib, st->node, inst);
    }
    for (child = st->body->children; child; child = child->next) {
        if (!strcmp(child->name, "item")) {
            handle_item(peer, st->node, inst, child);
        } else if (!strcmp(child->name, "retract")) {
            handle_retract(peer, inst, child);
        }
    }
}

void
rib_mark_stale(struct peer *peer)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &peer->speaker->rib) {
        struct rib_instance *inst = node->data;
        struct rib_route *rr;

        HMAP_FOR_EACH (rr, node, &inst->routes) {
            if (rr->path[peer->slot]) {
                /* The path of another peer may be the best one now. */
                rr->stale[peer->slot] = true;
                note_change(peer->speaker, inst);
            }
        }
    }
}

void
rib_sweep(struct peer *peer)
{
    struct shash_node *node;
    size_t n = 0;

    SHASH_FOR_EACH (node, &peer->speaker->rib) {
        struct rib_instance *inst = node->data;
        struct rib_route *rr;

        HMAP_FOR_EACH_SAFE (rr, node, &inst->routes) {
            if (rr->stale[peer->slot]) {
                drop_path(peer, inst, rr);
                n++;
            }
        }
    }
    if (n) {
        VLOG_INFO("removed routes that were not sent again session=%s "
                  "routes=%"PRIuSIZE, peer->speaker->name, n);
    }
}

void
rib_notify(struct xmpp_speaker *sp)
{
    struct shash_node *node;

    if (!sp->rib_changed) {
        return;
    }
    sp->rib_changed = false;
    SHASH_FOR_EACH_SAFE (node, &sp->rib) {
        struct rib_instance *inst = node->data;

        if (inst->changed) {
            inst->changed = false;
            char *name = xstrdup(node->name);
            sp->ops->routes_changed(sp->aux, name);
            free(name);
        }
    }
}

/* The path to use: fresh before stale, then of the session that is up
 * longer, then the first. */
static int
best_path(const struct xmpp_speaker *sp, const struct rib_route *rr)
{
    int best = -1;

    for (unsigned int i = 0; i < sp->n_peers; i++) {
        if (!rr->path[i]) {
            continue;
        }
        if (best < 0 || (rr->stale[best] && !rr->stale[i])
            || (rr->stale[best] == rr->stale[i]
                && sp->peers[i].up_since_ms < sp->peers[best].up_since_ms)) {
            best = i;
        }
    }
    return best;
}

void
xmpp_speaker_for_each_route(const struct xmpp_speaker *sp,
                            const char *instance, xmpp_route_fn *fn,
                            void *aux)
{
    const struct rib_instance *inst = shash_find_data(&sp->rib, instance);
    const struct rib_route *rr;

    if (!inst) {
        return;
    }
    HMAP_FOR_EACH (rr, node, &inst->routes) {
        int best = best_path(sp, rr);
        fn(rr->id, rr->path[best], rr->stale[best], aux);
    }
}
