/* SPDX-License-Identifier: Apache-2.0 */
/* What the owner wants subscribed and published, and what each control node
 * has been told of it.  Wanted against told is all there is: a session that
 * comes up has been told nothing, one that goes needs no undoing, and the
 * order rules (subscribe, publish, dissociate, unsubscribe) stand in one
 * place, flush_instance(). */
#include <config.h>
#include "xmpp/speaker-private.h"

#include <errno.h>
#include <stdlib.h>

#include "hash.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "tsn/loop.h"
#include "util.h"
#include "xmpp/stanza.h"
#include "xmpp/transport.h"

VLOG_DEFINE_THIS_MODULE(xmpp_want);

/* Routes told in one go: 1.5 KiB of XML each, so that a turn of the loop stays
 * in its 5 ms and the peer's socket is not flooded. */
#define MAX_ROUTES_PER_FLUSH 512

/* Unsent bytes at which telling waits for the peer to read. */
#define MAX_UNSENT_FLUSH (4u << 20)

static struct want_route *
find_route(const struct want_instance *inst, const struct xmpp_evpn *key)
{
    struct want_route *wr;

    HMAP_FOR_EACH_WITH_HASH (wr, node, xmpp_evpn_key_hash(key),
                             &inst->routes) {
        if (eth_addr_equals(wr->mac, key->mac)) {
            struct xmpp_evpn buf;

            if (xmpp_evpn_key_equals(rib_path_route(wr->path, &wr->mac, &buf),
                                     key)) {
                return wr;
            }
        }
    }
    return NULL;
}

void
want_mark_instance(struct want_instance *inst, struct peer *peer)
{
    if (peer->up) {
        if (ovs_list_is_empty(&inst->dirty[peer->slot])) {
            ovs_list_push_back(&peer->dirty, &inst->dirty[peer->slot]);
        }
        speaker_defer(peer->speaker, 0);
    }
}

static void
mark_route(struct want_instance *inst, struct want_route *wr,
           struct peer *peer)
{
    if (peer->up) {
        if (ovs_list_is_empty(&wr->dirty[peer->slot])) {
            ovs_list_push_back(&inst->dirty_routes[peer->slot],
                               &wr->dirty[peer->slot]);
        }
        want_mark_instance(inst, peer);
    }
}

/* Takes 'node' out of whatever list it is in and links it to itself. */
static void
unlink_node(struct ovs_list *node)
{
    ovs_list_remove(node);
    ovs_list_init(node);
}

static void
free_route(struct xmpp_speaker *sp, struct want_instance *inst,
           struct want_route *wr)
{
    for (int i = 0; i < MAX_PEERS; i++) {
        ovs_list_remove(&wr->dirty[i]);
    }
    hmap_remove(&inst->routes, &wr->node);
    rib_path_unref(&sp->want_paths, wr->path);
    free(wr);
}

static void
free_instance(struct xmpp_speaker *sp, struct want_instance *inst)
{
    struct want_route *wr;

    HMAP_FOR_EACH_SAFE (wr, node, &inst->routes) {
        free_route(sp, inst, wr);
    }
    for (int i = 0; i < MAX_PEERS; i++) {
        ovs_list_remove(&inst->dirty[i]);
    }
    tree_free(sp, inst);
    hmap_destroy(&inst->routes);
    shash_find_and_delete(&sp->wanted, inst->name);
    free(inst->name);
    free(inst);
}

static void
maybe_free_route(struct xmpp_speaker *sp, struct want_instance *inst,
                 struct want_route *wr)
{
    if (!wr->wanted && !wr->published[0] && !wr->published[1]) {
        free_route(sp, inst, wr);
    }
}

static void
maybe_free_instance(struct xmpp_speaker *sp, struct want_instance *inst)
{
    if (!inst->wanted && !inst->subscribed[0] && !inst->subscribed[1]) {
        free_instance(sp, inst);
    }
}

void
want_init(struct xmpp_speaker *sp)
{
    shash_init(&sp->wanted);
    rib_paths_init(&sp->want_paths);
    for (unsigned int i = 0; i < MAX_PEERS; i++) {
        ovs_list_init(&sp->peers[i].dirty);
    }
}

void
want_fini(struct xmpp_speaker *sp)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &sp->wanted) {
        free_instance(sp, node->data);
    }
    shash_destroy(&sp->wanted);
    rib_paths_fini(&sp->want_paths);
}

void
want_peer_up(struct peer *peer)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &peer->speaker->wanted) {
        want_mark_instance(node->data, peer);
    }
}

void
want_peer_down(struct peer *peer)
{
    struct xmpp_speaker *sp = peer->speaker;
    unsigned int slot = peer->slot;
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &sp->wanted) {
        struct want_instance *inst = node->data;
        struct want_route *wr;

        inst->subscribed[slot] = false;
        inst->ending[slot] = false;
        unlink_node(&inst->dirty[slot]);
        HMAP_FOR_EACH_SAFE (wr, node, &inst->routes) {
            wr->published[slot] = false;
            unlink_node(&wr->dirty[slot]);
            maybe_free_route(sp, inst, wr);
        }
        ovs_list_init(&inst->dirty_routes[slot]);
        tree_forget_told(peer, inst);
        inst->host_told[slot] = in6addr_any;
        maybe_free_instance(sp, inst);
    }
}

/* Telling a peer. */
struct flush {
    struct peer *peer;
    int budget;                 /* Routes that may still be told. */
    struct ds out;
    const struct xmpp_evpn *path;   /* The one that 'entry' is of, but for the
                                     * MAC; or NULL. */
    struct ds entry;
};

/* The XML of a route.  Those of a network mostly differ in the MAC alone, and
 * come one after the other. */
static const char *
encode(struct flush *f, const struct want_route *wr,
       const struct xmpp_evpn *route)
{
    if (f->path == wr->path && rib_path_is_unicast(wr->path)) {
        xmpp_evpn_entry_set_mac(ds_cstr(&f->entry), &wr->mac);
    } else {
        ds_clear(&f->entry);
        xmpp_evpn_encode_publish(&f->entry, route);
        f->path = wr->path;
    }
    return ds_cstr(&f->entry);
}

void
want_put_publish(struct peer *peer, const struct want_instance *inst,
                 const char *kind, const char *node_id, const char *entry,
                 bool associate, struct ds *out)
{
    xmpp_put_publish(out, peer->speaker->name, kind, peer->next_id++,
                     node_id, entry, inst->name, associate);
    if (associate) {
        peer->n_published++;
    } else {
        peer->n_withdrawn++;
    }
}

static void
tell_route(struct flush *f, struct want_instance *inst, struct want_route *wr,
           bool associate)
{
    struct peer *peer = f->peer;
    char node_id[XMPP_ID_STRLEN];
    struct xmpp_evpn buf;
    const struct xmpp_evpn *route = rib_path_route(wr->path, &wr->mac, &buf);

    want_put_publish(peer, inst, "l2", xmpp_evpn_node_id(route, node_id),
                     encode(f, wr, route), associate, &f->out);
    wr->published[peer->slot] = associate;
}

/* Has the subscription end once all that is published in it is withdrawn.
 * Whatever is wanted in the meantime is for the subscription that follows. */
static void
end_subscription(struct peer *peer, struct want_instance *inst)
{
    unsigned int slot = peer->slot;
    struct want_route *wr;

    if (!inst->subscribed[slot] || inst->ending[slot]) {
        return;
    }
    inst->ending[slot] = true;
    HMAP_FOR_EACH (wr, node, &inst->routes) {
        if (wr->published[slot]) {
            mark_route(inst, wr, peer);
        }
    }
    want_mark_instance(inst, peer);
}

static void
put_unsubscribe(struct flush *f, struct want_instance *inst)
{
    struct peer *peer = f->peer;
    unsigned int slot = peer->slot;

    xmpp_put_subscribe(&f->out, peer->speaker->name, false, inst->name,
                       inst->subscribed_id[slot], peer->next_id++);
    inst->subscribed[slot] = false;
    inst->ending[slot] = false;
}

static void
put_subscribe(struct flush *f, struct want_instance *inst)
{
    struct peer *peer = f->peer;
    struct want_route *wr;

    xmpp_put_subscribe(&f->out, peer->speaker->name, true, inst->name,
                       inst->id, peer->next_id++);
    inst->subscribed[peer->slot] = true;
    inst->subscribed_id[peer->slot] = inst->id;
    HMAP_FOR_EACH (wr, node, &inst->routes) {
        mark_route(inst, wr, peer);
    }
}

/* Tells the peer routes of 'inst' as far as the budget goes.  Returns true
 * when nothing is left to tell. */
static bool
flush_routes(struct flush *f, struct want_instance *inst)
{
    unsigned int slot = f->peer->slot;
    struct want_route *wr;

    LIST_FOR_EACH_SAFE (wr, dirty[slot], &inst->dirty_routes[slot]) {
        bool associate = wr->wanted && !inst->ending[slot];

        if (f->budget-- <= 0) {
            return false;
        }
        unlink_node(&wr->dirty[slot]);
        if (inst->subscribed[slot] && (associate || wr->published[slot])) {
            tell_route(f, inst, wr, associate);
        }
        maybe_free_route(f->peer->speaker, inst, wr);
    }
    return true;
}

/* Likewise, with the subscription, which counts as a route. */
static bool
flush_instance(struct flush *f, struct want_instance *inst)
{
    struct peer *peer = f->peer;
    unsigned int slot = peer->slot;

    if (!inst->wanted || inst->subscribed_id[slot] != inst->id) {
        end_subscription(peer, inst);
    }
    if (inst->ending[slot]) {
        if (!flush_routes(f, inst)
            || !tree_flush(peer, inst, &f->budget, &f->out)
            || !host_flush(peer, inst, &f->budget, &f->out)) {
            return false;
        }
        if (f->budget-- <= 0) {
            return false;
        }
        put_unsubscribe(f, inst);
    }
    if (inst->wanted && !inst->subscribed[slot]) {
        if (f->budget-- <= 0) {
            return false;
        }
        put_subscribe(f, inst);
    }
    return tree_flush(peer, inst, &f->budget, &f->out)
           && host_flush(peer, inst, &f->budget, &f->out)
           && flush_routes(f, inst);
}

bool
want_flush(struct peer *peer)
{
    struct flush f = {
        .peer = peer, .budget = MAX_ROUTES_PER_FLUSH,
        .out = DS_EMPTY_INITIALIZER, .entry = DS_EMPTY_INITIALIZER,
    };
    unsigned int slot = peer->slot;
    struct want_instance *inst;

    if (!peer->up
        || xmpp_transport_unsent(peer->transport) > MAX_UNSENT_FLUSH) {
        return peer->up && !ovs_list_is_empty(&peer->dirty);
    }
    LIST_FOR_EACH_SAFE (inst, dirty[slot], &peer->dirty) {
        if (!flush_instance(&f, inst)) {
            break;
        }
        unlink_node(&inst->dirty[slot]);
        maybe_free_instance(peer->speaker, inst);
    }
    xmpp_transport_send(peer->transport, ds_cstr(&f.out), f.out.length);
    if (f.out.length) {
        peer->told_ms = tsn_now_ms();
    }
    ds_destroy(&f.entry);
    ds_destroy(&f.out);
    return !ovs_list_is_empty(&peer->dirty);
}

void
xmpp_speaker_subscribe(struct xmpp_speaker *sp, const char *instance,
                       uint32_t instance_id)
{
    struct want_instance *inst = shash_find_data(&sp->wanted, instance);

    if (!inst) {
        inst = xzalloc(sizeof *inst);
        inst->name = xstrdup(instance);
        hmap_init(&inst->routes);
        for (int i = 0; i < MAX_PEERS; i++) {
            ovs_list_init(&inst->dirty[i]);
            ovs_list_init(&inst->dirty_routes[i]);
        }
        shash_add(&sp->wanted, instance, inst);
    } else if (inst->wanted && inst->id == instance_id) {
        return;
    }
    inst->wanted = true;
    inst->id = instance_id;
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        want_mark_instance(inst, &sp->peers[i]);
    }
}

void
xmpp_speaker_unsubscribe(struct xmpp_speaker *sp, const char *instance)
{
    struct want_instance *inst = shash_find_data(&sp->wanted, instance);
    struct want_route *wr;

    if (!inst || !inst->wanted) {
        return;
    }
    inst->wanted = false;
    inst->host = in6addr_any;
    HMAP_FOR_EACH_SAFE (wr, node, &inst->routes) {
        wr->wanted = false;
        maybe_free_route(sp, inst, wr);
    }
    /* They end even when it is wanted again at once: only a new subscription
     * makes a control node tell again what is forgotten here. */
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        end_subscription(&sp->peers[i], inst);
    }
    rib_drop_instance(sp, instance);
    tree_unsubscribed(sp, inst);
    maybe_free_instance(sp, inst);
}

/* A next hop that must not leave (spec/tor-agent.md C.4). */
static bool
is_bad_next_hop(const struct in6_addr *ip)
{
    return !tsn_ip_is_set(ip) || !tsn_ip_is_v4(ip)
           || ip_is_multicast(in6_addr_get_mapped_ipv4(ip));
}

int
xmpp_speaker_publish(struct xmpp_speaker *sp, const char *instance,
                     const struct xmpp_evpn *route)
{
    struct want_instance *inst = shash_find_data(&sp->wanted, instance);

    if (!inst || !inst->wanted) {
        return -ENOENT;
    }
    if (route->n_next_hops != 1 || is_bad_next_hop(&route->next_hops[0].ip)) {
        return -EINVAL;
    }
    struct want_route *wr = find_route(inst, route);
    const struct xmpp_evpn *path = rib_path_get_copy(&sp->want_paths, route);
    if (!wr) {
        wr = xzalloc(sizeof *wr);
        wr->mac = route->mac;
        for (int i = 0; i < MAX_PEERS; i++) {
            ovs_list_init(&wr->dirty[i]);
        }
        hmap_insert(&inst->routes, &wr->node, xmpp_evpn_key_hash(route));
    } else {
        bool same = wr->wanted && wr->path == path;

        rib_path_unref(&sp->want_paths, wr->path);
        if (same) {
            return 0;
        }
    }
    wr->path = path;
    wr->wanted = true;
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        mark_route(inst, wr, &sp->peers[i]);
    }
    return 0;
}

void
xmpp_speaker_withdraw(struct xmpp_speaker *sp, const char *instance,
                      const struct xmpp_evpn *key)
{
    struct want_instance *inst = shash_find_data(&sp->wanted, instance);
    struct want_route *wr = inst ? find_route(inst, key) : NULL;

    if (!wr || !wr->wanted) {
        return;
    }
    wr->wanted = false;
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        if (wr->published[i]) {
            mark_route(inst, wr, &sp->peers[i]);
        }
    }
    maybe_free_route(sp, inst, wr);
}

bool
xmpp_speaker_has_told_all(const struct xmpp_speaker *sp)
{
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        const struct peer *peer = &sp->peers[i];

        if (peer->up && (!ovs_list_is_empty(&peer->dirty)
                         || xmpp_transport_unsent(peer->transport))) {
            return false;
        }
    }
    return true;
}
