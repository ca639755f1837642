/* SPDX-License-Identifier: Apache-2.0 */
/* What the control nodes have told us: EVPN routes by instance and item id, a
 * path for each control node.
 *
 * A broadcast route carries the replication lists of its network.  A control
 * node that has just come back knows only the members that have come back
 * before us, so what it says adds to what was known, and takes nothing away
 * until its End-of-RIB. */
#include <config.h>
#include "xmpp/speaker-private.h"

#include <errno.h>
#include <stdlib.h>

#include "hash.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "tsn/error.h"
#include "util.h"
#include "xmpp/rib-path.h"
#include "xmpp/stanza.h"
#include "xmpp/value.h"
#include "xmpp/xml.h"

VLOG_DEFINE_THIS_MODULE(xmpp_rib);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* What the routes of an identity may take.  A million of them take half of it;
 * a control node that sends more than this is broken, and what is beyond is
 * skipped and counted. */
#define MAX_RIB_BYTES (1u << 30)

static bool
is_unicast(const struct eth_addr *mac)
{
    return !eth_addr_is_multicast(*mac) && !eth_addr_is_zero(*mac);
}

/* The unicast MAC that 'id' names, "TAG-MAC,...".  Returns false if it names
 * none. */
static bool
id_to_mac(const char *id, struct eth_addr *mac)
{
    char text[ETH_ADDR_STRLEN + 1];
    const char *comma = strchr(id, ',');

    if (!comma || comma - id < ETH_ADDR_STRLEN) {
        return false;
    }
    ovs_strlcpy(text, comma - ETH_ADDR_STRLEN, sizeof text);
    return !xmpp_value_mac(text, mac) && is_unicast(mac);
}

/* The routes to one MAC have one hash, so that they are found by it. */
static uint32_t
hash_id(const char *id)
{
    struct eth_addr mac;

    return id_to_mac(id, &mac) ? hash_mac(mac, 0, 0) : hash_string(id, 0);
}

static struct rib_route *
find_route(const struct rib_instance *inst, const char *id)
{
    struct rib_route *rr;

    HMAP_FOR_EACH_WITH_HASH (rr, node, hash_id(id), &inst->routes) {
        if (!strcmp(rr->id, id)) {
            return rr;
        }
    }
    return NULL;
}

/* Finds the route that 'id' names, and the one spelling, of those that name the
 * same route, by which it is kept (3.7): as real ones write it, so that most
 * are known as they are.  Returns NULL if there is no such route; '*idp' is
 * 'id' or 'buf', or NULL if 'id' is none. */
static struct rib_route *
find_named(const struct rib_instance *inst, const char *id,
           char buf[XMPP_ID_STRLEN], const char **idp)
{
    struct rib_route *rr = id ? find_route(inst, id) : NULL;
    struct xmpp_evpn key;

    *idp = id;
    if (!id || rr) {
        return rr;
    }
    if (xmpp_evpn_parse_item_id(id, &key)) {
        *idp = NULL;
        return NULL;
    }
    *idp = xmpp_evpn_item_id(&key, buf);
    xmpp_evpn_fini(&key);
    return strcmp(buf, id) ? find_route(inst, buf) : NULL;
}

static size_t
route_size(const char *id)
{
    return sizeof(struct rib_route) + strlen(id) + 1;
}

void
rib_free_path(struct xmpp_speaker *sp, const struct xmpp_evpn *path)
{
    if (path) {
        sp->rib_bytes -= sp->rib_paths.n_bytes;
        rib_path_unref(&sp->rib_paths, path);
        sp->rib_bytes += sp->rib_paths.n_bytes;
    }
}

static void
free_route(struct xmpp_speaker *sp, struct rib_instance *inst,
           struct rib_route *rr)
{
    hmap_remove(&inst->routes, &rr->node);
    for (int i = 0; i < MAX_PEERS; i++) {
        rib_free_path(sp, rr->path[i]);
    }
    sp->rib_bytes -= route_size(rr->id);
    free(rr);
}

/* Whether path 'i', which there is, is of a session that was lost. */
static bool
is_stale(const struct xmpp_speaker *sp, const struct rib_route *rr, int i)
{
    return rr->epoch[i] != sp->peers[i].epoch;
}

/* Whether path 'i', which there is, is there only because the walk has not
 * come by. */
static bool
is_swept(const struct rib_instance *inst, const struct rib_route *rr, int i)
{
    return inst->sweep[i] && (int32_t) (rr->epoch[i] - inst->sweep_epoch[i])
                             < 0;
}

static bool
has_path_of(const struct rib_instance *inst, const struct rib_route *rr,
            int i)
{
    return rr->path[i] && !is_swept(inst, rr, i);
}

/* Gives up the path of 'peer', but for lists that are to be held. */
static void
retire_path(struct peer *peer, struct rib_instance *inst,
            struct rib_route *rr)
{
    unsigned int slot = peer->slot;
    const struct xmpp_evpn *path = rr->path[slot];

    if (path && is_stale(peer->speaker, rr, slot) && peer->up && !peer->synced
        && !is_swept(inst, rr, slot) && xmpp_evpn_is_broadcast(path)) {
        rib_hold_path(peer, inst, rr->id, path);
    } else {
        rib_free_path(peer->speaker, path);
    }
    rr->path[slot] = NULL;
}

static void
note_change(struct xmpp_speaker *sp, struct rib_instance *inst)
{
    if (inst == sp->rib_walking) {
        /* Once, in the end: who is told may look at all routes. */
        inst->walk_changed = true;
    } else if (ovs_list_is_empty(&inst->changed)) {
        ovs_list_push_back(&sp->rib_changed, &inst->changed);
        speaker_defer(sp, 0);
    }
}

/* Whether the path of 'a' is to be used and not that of 'b': fresh before
 * stale, then the session that is up longer, or was lost later. */
static bool
path_is_better(const struct xmpp_speaker *sp, const struct rib_route *rr,
               int a, int b)
{
    const struct peer *pa = &sp->peers[a], *pb = &sp->peers[b];
    bool a_is_stale = is_stale(sp, rr, a);

    if (a_is_stale != is_stale(sp, rr, b)) {
        return !a_is_stale;
    }
    return a_is_stale ? pa->down_since_ms > pb->down_since_ms
                      : pa->up_since_ms < pb->up_since_ms;
}

/* The path to use, the first of equal ones; -1 if there is none. */
static int
best_path(const struct xmpp_speaker *sp, const struct rib_instance *inst,
          const struct rib_route *rr)
{
    int best = -1;

    for (int i = 0; i < (int) sp->n_peers; i++) {
        if (has_path_of(inst, rr, i)
            && (best < 0 || path_is_better(sp, rr, i, best))) {
            best = i;
        }
    }
    return best;
}

static bool
has_path(const struct rib_route *rr)
{
    for (int i = 0; i < MAX_PEERS; i++) {
        if (rr->path[i]) {
            return true;
        }
    }
    return false;
}

/* What the owner is told of a route. */
struct told {
    const struct xmpp_evpn *path;   /* The best; or NULL.  Only to be compared
                                     * once a path of the route is gone. */
    bool stale;
    bool broadcast;             /* And the others as well. */
};

static struct told
get_told(const struct xmpp_speaker *sp, const struct rib_instance *inst,
         const struct rib_route *rr)
{
    int best = best_path(sp, inst, rr);
    struct told told = { .path = NULL };

    if (best >= 0) {
        told.path = rr->path[best];
        told.stale = is_stale(sp, rr, best);
        told.broadcast = xmpp_evpn_is_broadcast(told.path);
    }
    return told;
}

/* A path of 'rr' has changed. */
static void
note_route(struct xmpp_speaker *sp, struct rib_instance *inst,
           const struct rib_route *rr)
{
    struct told now = get_told(sp, inst, rr);
    struct xmpp_evpn buf;
    struct eth_addr mac;

    note_change(sp, inst);
    if (sp->ops->mac_changed && id_to_mac(rr->id, &mac)) {
        sp->ops->mac_changed(sp->aux, inst->name, &mac,
                             now.path ? rib_path_route(now.path, &mac, &buf)
                                      : NULL);
    }
}

/* Likewise, if that changes what the owner is told. */
static void
note_path(struct xmpp_speaker *sp, struct rib_instance *inst,
          const struct rib_route *rr, const struct told *before)
{
    struct told now = get_told(sp, inst, rr);

    if (now.path != before->path || now.stale != before->stale
        || now.broadcast) {
        note_route(sp, inst, rr);
    }
}

/* What the owner was told at most: also of the path of 'peer' that is still to
 * be swept. */
static struct told
get_told_before(const struct peer *peer, struct rib_instance *inst,
                const struct rib_route *rr)
{
    bool sweep = inst->sweep[peer->slot];

    inst->sweep[peer->slot] = false;
    struct told told = get_told(peer->speaker, inst, rr);
    inst->sweep[peer->slot] = sweep;
    return told;
}

/* Likewise, of 'peer', whose path was stale before or not.  Where the walk has
 * not told that it was, the owner may know yet another one. */
static void
note_peer_path(struct peer *peer, struct rib_instance *inst,
               const struct rib_route *rr, bool was_stale,
               const struct told *before)
{
    if (was_stale && inst->lost[peer->slot]) {
        note_route(peer->speaker, inst, rr);
    } else {
        note_path(peer->speaker, inst, rr, before);
    }
}

/* Removes the path of 'peer', and the route with its last path. */
static void
drop_path(struct peer *peer, struct rib_instance *inst, struct rib_route *rr)
{
    if (rr->path[peer->slot]) {
        struct told before = get_told_before(peer, inst, rr);
        bool was_stale = is_stale(peer->speaker, rr, peer->slot);

        retire_path(peer, inst, rr);
        note_peer_path(peer, inst, rr, was_stale, &before);
    }
    if (!has_path(rr)) {
        free_route(peer->speaker, inst, rr);
    }
}

void
rib_init(struct xmpp_speaker *sp)
{
    shash_init(&sp->rib);
    rib_paths_init(&sp->rib_paths);
    ovs_list_init(&sp->rib_changed);
    ovs_list_init(&sp->rib_walks);
    sp->rib_max_bytes = MAX_RIB_BYTES;
}

static void
free_instance(struct xmpp_speaker *sp, struct shash_node *node)
{
    struct rib_instance *inst = node->data;
    struct rib_route *rr;
    struct rib_held *held;

    HMAP_FOR_EACH_SAFE (rr, node, &inst->routes) {
        free_route(sp, inst, rr);
    }
    HMAP_FOR_EACH_SAFE (held, node, &inst->held) {
        rib_free_held(sp, inst, held);
    }
    hmap_destroy(&inst->held);
    hmap_destroy(&inst->routes);
    ovs_list_remove(&inst->changed);
    ovs_list_remove(&inst->walk);
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
    rib_paths_fini(&sp->rib_paths);
}

void
rib_drop_instance(struct xmpp_speaker *sp, const char *instance)
{
    struct shash_node *node = shash_find(&sp->rib, instance);

    if (node) {
        free_instance(sp, node);
    }
}

/* Reads 'item' into '*route'.  Returns 0, else like xmpp_evpn_decode(). */
static int
decode_item(const char *id, const struct xmpp_node *item,
            struct xmpp_evpn *route, struct tsn_err *err)
{
    if (!id) {
        tsn_err_set(err, NULL, "item without id, or with a bad one");
        return -EBADMSG;
    }
    int error = xmpp_evpn_decode(xmpp_node_child(item, "entry"), route, err);
    struct eth_addr mac = eth_addr_zero;
    if (!error && (id_to_mac(id, &mac) || is_unicast(&route->mac))
        && !eth_addr_equals(mac, route->mac)) {
        xmpp_evpn_fini(route);
        tsn_err_set(err, NULL, "the id names another MAC");
        error = -EBADMSG;
    }
    return error;
}

/* Makes the path for 'route', whose contents go into it or are freed.  Returns
 * 0, or -EBADMSG if there is no room for it. */
static int
take_path(struct xmpp_speaker *sp, const struct rib_route *rr, const char *id,
          struct xmpp_evpn *route, const struct xmpp_evpn **pathp,
          struct tsn_err *err)
{
    size_t n_bytes = sp->rib_bytes + (rr ? 0 : route_size(id));
    /* Held lists may have taken it over the limit. */
    size_t room = n_bytes < sp->rib_max_bytes ? sp->rib_max_bytes - n_bytes
                                              : 0;

    sp->rib_bytes -= sp->rib_paths.n_bytes;
    const struct xmpp_evpn *path = rr || room
        ? rib_path_get(&sp->rib_paths, route, room) : NULL;
    sp->rib_bytes += sp->rib_paths.n_bytes;
    if (!path) {
        xmpp_evpn_fini(route);
        tsn_err_set(err, NULL, "no room for more routes");
        return -EBADMSG;
    }
    *pathp = path;
    return 0;
}

static struct rib_route *
add_route(struct xmpp_speaker *sp, struct rib_instance *inst, const char *id)
{
    size_t size = strlen(id) + 1;
    struct rib_route *rr = xzalloc(sizeof *rr + size);

    memcpy(rr->id, id, size);
    sp->rib_bytes += route_size(id);
    hmap_insert(&inst->routes, &rr->node, hash_id(id));
    return rr;
}

static void
handle_item(struct peer *peer, const char *instance,
            struct rib_instance *inst, const struct xmpp_node *item)
{
    char buf[XMPP_ID_STRLEN];
    const char *told = xmpp_node_attr(item, "id"), *id;
    struct rib_route *rr = find_named(inst, told, buf, &id);
    struct xmpp_speaker *sp = peer->speaker;
    const struct xmpp_evpn *path;
    struct xmpp_evpn route;
    struct tsn_err err;
    int error = decode_item(id, item, &route, &err);

    if (!error) {
        error = take_path(sp, rr, id, &route, &path, &err);
    }
    if (error) {
        peer->n_bad_items++;
        VLOG_WARN_RL(&rl, "skipped a route session=%s network=%s id=%s: %s",
                     sp->name, instance, told ? told : "",
                     tsn_err_format(&err));
        return;
    }
    peer->n_items++;

    if (!rr) {
        rr = add_route(sp, inst, id);
    }
    /* Paths that say the same are one. */
    bool was_stale = rr->path[peer->slot] && is_stale(sp, rr, peer->slot);
    bool changed = rr->path[peer->slot] != path || was_stale;
    struct told before = get_told_before(peer, inst, rr);
    retire_path(peer, inst, rr);
    rr->path[peer->slot] = path;
    rr->epoch[peer->slot] = peer->epoch;
    if (changed) {
        note_peer_path(peer, inst, rr, was_stale, &before);
    }
}

static void
handle_retract(struct peer *peer, struct rib_instance *inst,
               const struct xmpp_node *retract)
{
    char buf[XMPP_ID_STRLEN];
    const char *id;
    struct rib_route *rr = find_named(inst, xmpp_node_attr(retract, "id"), buf,
                                      &id);

    peer->n_retracts++;
    peer->n_bad_items += !id;
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

    if (inet_is_family(st->family)) {
        inet_event(peer, st);
        return;
    }
    /* Families that we do not read, and what was on its way to a subscription
     * that has ended. */
    if (st->family != XMPP_FAMILY_EVPN || !want || !want->wanted) {
        return;
    }
    if (!inst) {
        inst = xzalloc(sizeof *inst);
        hmap_init(&inst->routes);
        hmap_init(&inst->held);
        ovs_list_init(&inst->changed);
        ovs_list_init(&inst->walk);
        inst->name = shash_add(&sp->rib, st->node, inst)->name;
    }
    for (child = st->body->children; child; child = child->next) {
        if (!strcmp(child->name, "item")) {
            handle_item(peer, st->node, inst, child);
        } else if (!strcmp(child->name, "retract")) {
            handle_retract(peer, inst, child);
        }
    }
}

/* Tells the owner what it means for 'rr' that a session of 'peer' was lost. */
static void
tell_lost(struct peer *peer, struct rib_instance *inst, struct rib_route *rr)
{
    struct xmpp_speaker *sp = peer->speaker;
    unsigned int slot = peer->slot;
    uint32_t epoch = rr->epoch[slot];

    if (!is_stale(sp, rr, slot)) {
        return;
    }
    if (epoch != peer->epoch - 1 || peer->up) {
        /* It was lost once more, and may be the best of the stale ones since,
         * or the peer is back before this: what was told before is not known
         * any more. */
        note_route(sp, inst, rr);
        return;
    }
    /* The path of another peer may be the best one now. */
    rr->epoch[slot] = peer->epoch;
    struct told before = get_told(sp, inst, rr);
    rr->epoch[slot] = epoch;
    note_path(sp, inst, rr, &before);
}

/* Whether other lists of 'rr' do not count any more, now that those of 'peer'
 * are whole.  The lists that it gave before are told on their own. */
static bool
sync_ends_others(const struct peer *peer, const struct rib_instance *inst,
                 const struct rib_route *rr)
{
    unsigned int slot = peer->slot;

    if (!rr->path[slot] || !xmpp_evpn_is_broadcast(rr->path[slot])
        || best_path(peer->speaker, inst, rr) != (int) slot) {
        return false;
    }
    for (unsigned int i = 0; i < MAX_PEERS; i++) {
        if (i != slot && (rr->path[i] || rib_find_held(inst, i, rr->id))) {
            return true;
        }
    }
    return false;
}

static void
start_walk(struct xmpp_speaker *sp, struct rib_instance *inst)
{
    inst->walk_bucket = 0;
    inst->walk_mask = inst->routes.mask;
    if (ovs_list_is_empty(&inst->walk)) {
        ovs_list_push_back(&sp->rib_walks, &inst->walk);
        speaker_defer(sp, 0);
    }
}

void
rib_mark_stale(struct peer *peer)
{
    struct shash_node *node;

    peer->epoch++;
    SHASH_FOR_EACH (node, &peer->speaker->rib) {
        struct rib_instance *inst = node->data;

        inst->lost[peer->slot] = true;
        start_walk(peer->speaker, inst);
    }
}

void
rib_sweep(struct peer *peer)
{
    struct xmpp_speaker *sp = peer->speaker;
    struct shash_node *node;

    host_sweep(peer);
    SHASH_FOR_EACH (node, &sp->rib) {
        struct rib_instance *inst = node->data;
        struct rib_held *held;

        HMAP_FOR_EACH_SAFE (held, node, &inst->held) {
            if (held->slot == peer->slot) {
                rib_free_held(sp, inst, held);
                note_change(sp, inst);
            }
        }
        inst->sweep[peer->slot] = true;
        inst->sweep_epoch[peer->slot] = peer->epoch;
        start_walk(sp, inst);
    }
}

static void
walk_route(struct xmpp_speaker *sp, struct rib_instance *inst,
           struct rib_route *rr)
{
    bool gone[MAX_PEERS] = { false };

    for (unsigned int i = 0; i < sp->n_peers; i++) {
        struct peer *peer = &sp->peers[i];

        if (!rr->path[i]) {
            continue;
        }
        if (inst->sweep[i] && peer->synced
            && sync_ends_others(peer, inst, rr)) {
            note_change(sp, inst);
        }
        gone[i] = is_swept(inst, rr, i);
        if (inst->lost[i] && !gone[i]) {
            tell_lost(peer, inst, rr);
        }
    }
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        if (gone[i]) {
            sp->n_swept++;
            drop_path(&sp->peers[i], inst, rr);
        }
    }
}

static void
end_walk(struct xmpp_speaker *sp, struct rib_instance *inst)
{
    for (int i = 0; i < MAX_PEERS; i++) {
        inst->lost[i] = inst->sweep[i] = false;
    }
    ovs_list_remove(&inst->walk);
    ovs_list_init(&inst->walk);
    if (inst->walk_changed) {
        inst->walk_changed = false;
        note_change(sp, inst);
    }
}

/* Walks through the routes of an instance.  A table of another size has them
 * in other buckets, so it begins anew. */
static void
walk_instance(struct xmpp_speaker *sp, struct rib_instance *inst, int *budget)
{
    if (inst->walk_mask != inst->routes.mask) {
        start_walk(sp, inst);
    }
    while (inst->walk_bucket <= inst->walk_mask && *budget > 0) {
        struct hmap_node *node, *next;

        node = inst->routes.buckets[inst->walk_bucket++];
        for (--*budget; node; node = next, --*budget) {
            next = hmap_next_in_bucket(node);
            walk_route(sp, inst, CONTAINER_OF(node, struct rib_route, node));
        }
    }
}

bool
rib_walk(struct xmpp_speaker *sp, int budget)
{
    while (!ovs_list_is_empty(&sp->rib_walks) && budget > 0) {
        struct rib_instance *inst
            = CONTAINER_OF(ovs_list_front(&sp->rib_walks),
                           struct rib_instance, walk);

        sp->rib_walking = inst;
        walk_instance(sp, inst, &budget);
        sp->rib_walking = NULL;
        if (inst->walk_bucket > inst->walk_mask) {
            end_walk(sp, inst);
        }
    }
    if (!ovs_list_is_empty(&sp->rib_walks)) {
        return true;
    }
    if (sp->n_swept) {
        VLOG_INFO("removed routes that were not sent again session=%s "
                  "routes=%"PRIuSIZE, sp->name, sp->n_swept);
        sp->n_swept = 0;
    }
    return false;
}

void
rib_notify(struct xmpp_speaker *sp)
{
    struct ovs_list changed;

    /* The owner may drop any of them meanwhile. */
    ovs_list_move(&changed, &sp->rib_changed);
    ovs_list_init(&sp->rib_changed);
    while (!ovs_list_is_empty(&changed)) {
        struct rib_instance *inst = CONTAINER_OF(ovs_list_pop_front(&changed),
                                                 struct rib_instance, changed);
        char *name = xstrdup(inst->name);

        ovs_list_init(&inst->changed);
        if (sp->ops->routes_changed) {
            sp->ops->routes_changed(sp->aux, name);
        }
        free(name);
    }
}

/* Whether the lists that 'best' gives of 'rr' are whole: it has sent its
 * End-of-RIB, in this session or in the last one.  With both sessions lost,
 * one that had not come so far had nevertheless told what is newer. */
static bool
lists_are_whole(const struct xmpp_speaker *sp,
                const struct rib_instance *inst, const struct rib_route *rr,
                int best)
{
    if (best < 0 || !sp->peers[best].synced) {
        return false;
    }
    for (int i = 0; is_stale(sp, rr, best) && i < (int) sp->n_peers; i++) {
        if (has_path_of(inst, rr, i) && !sp->peers[i].synced) {
            return false;
        }
    }
    return true;
}

static void
for_each_older_list(const struct xmpp_speaker *sp,
                    const struct rib_instance *inst, xmpp_route_fn *fn,
                    void *aux)
{
    const struct rib_held *held;

    HMAP_FOR_EACH (held, node, &inst->held) {
        const struct rib_route *rr = find_route(inst, held->id);

        if (!rr
            || !lists_are_whole(sp, inst, rr, best_path(sp, inst, rr))) {
            fn(held->id, held->path, true, aux);
        }
    }
}

static void
tell_path(const struct xmpp_speaker *sp, const struct rib_route *rr, int i,
          xmpp_route_fn *fn, void *aux)
{
    struct eth_addr mac = eth_addr_zero;
    struct xmpp_evpn buf;

    id_to_mac(rr->id, &mac);
    fn(rr->id, rib_path_route(rr->path[i], &mac, &buf), is_stale(sp, rr, i),
       aux);
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
        int best = best_path(sp, inst, rr);

        if (best < 0) {
            continue;
        }
        tell_path(sp, rr, best, fn, aux);
        if (!xmpp_evpn_is_broadcast(rr->path[best])
            || lists_are_whole(sp, inst, rr, best)) {
            continue;
        }
        for (int i = 0; i < (int) sp->n_peers; i++) {
            if (i != best && has_path_of(inst, rr, i)) {
                tell_path(sp, rr, i, fn, aux);
            }
        }
    }
    for_each_older_list(sp, inst, fn, aux);
}

void
xmpp_speaker_for_each_mac_route(const struct xmpp_speaker *sp,
                                const char *instance,
                                const struct eth_addr *mac,
                                xmpp_route_fn *fn, void *aux)
{
    const struct rib_instance *inst = shash_find_data(&sp->rib, instance);
    const struct rib_route *rr;

    if (!inst) {
        return;
    }
    HMAP_FOR_EACH_WITH_HASH (rr, node, hash_mac(*mac, 0, 0), &inst->routes) {
        int best = best_path(sp, inst, rr);
        struct eth_addr own;

        if (best >= 0 && id_to_mac(rr->id, &own)
            && eth_addr_equals(own, *mac)) {
            tell_path(sp, rr, best, fn, aux);
        }
    }
}
