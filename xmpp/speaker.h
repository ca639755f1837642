/* SPDX-License-Identifier: Apache-2.0 */
/* One identity (a ToR or a TSN) and its sessions to up to two control nodes
 * out of a list (spec/xmpp-protocol.md 1.9, 2, 9).
 *
 * The owner states what it wants: subscriptions and published routes.  The
 * speaker makes each session so, and again after every reconnect; the order
 * rules of 2.1 and 3.1 hold by construction.  What was learnt (routes,
 * configuration) is kept over the loss of a session, marked stale, and swept
 * after End-of-RIB or its time-outs; when all sessions are gone it is kept.
 *
 * One thread: the one of 'loop'. */
#ifndef XMPP_SPEAKER_H
#define XMPP_SPEAKER_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "xmpp/conn.h"

struct eth_addr;
struct tsn_json;
struct tsn_tls_store;
struct tunnel_dst;
struct xmpp_evpn;
struct xmpp_speaker;
struct xmpp_view;

/* Sessions at a time, each in a slot that it keeps over reconnects. */
#define XMPP_SPEAKER_SLOTS 2

struct xmpp_speaker_config {
    const char *name;           /* Own name; copied. */
    const char *subcluster;     /* NULL for none; copied. */
    const struct sockaddr_storage *controllers;     /* Copied. */
    size_t n_controllers;
    uint32_t hold_s;
    uint32_t stale_hold_s;      /* Routes of a control node that is gone while
                                 * another one serves. */
    uint32_t frozen_hold_s;     /* All routes and places in trees, when none
                                 * does; 0: for ever. */
    struct tsn_tls_store *tls;  /* NULL: in the clear.  Borrowed. */
};

struct xmpp_speaker_ops {
    /* A new view of the configuration; the speaker keeps it until the owner
     * has been told of the next, so that the owner can compare them: what has
     * not changed is the same object in both (xmpp_view_diff()).  'complete'
     * once the first download has ended (4.4). */
    void (*config_changed)(void *aux, const struct xmpp_view *,
                           bool complete);
    /* Routes of 'instance' changed; comes once for many changes.  May be
     * NULL. */
    void (*routes_changed)(void *aux, const char *instance);
    /* A route to a unicast MAC of 'instance' may have changed: it is 'route'
     * now, lent for the call, or no more if that is NULL.  Comes at once, for
     * each change, from the midst of it: the owner notes it, and calls nothing
     * of the speaker.  May be NULL. */
    void (*mac_changed)(void *aux, const char *instance,
                        const struct eth_addr *mac,
                        const struct xmpp_evpn *route);
    /* A session came or went. */
    void (*session_changed)(void *aux);
    /* The place in the multicast tree of 'instance' changed; likewise comes
     * once for many changes.  May be NULL. */
    void (*tree_changed)(void *aux, const char *instance);
};

struct xmpp_speaker *xmpp_speaker_create(uv_loop_t *loop,
                                         const struct xmpp_speaker_config *,
                                         const struct xmpp_speaker_ops *,
                                         void *aux);
/* Ends the sessions.  Calls no op any more. */
void xmpp_speaker_destroy(struct xmpp_speaker *);       /* NULL is fine. */

/* Other times from now on, as in the configuration; sessions stay. */
void xmpp_speaker_set_holds(struct xmpp_speaker *, uint32_t hold_s,
                            uint32_t stale_hold_s, uint32_t frozen_hold_s);

/* Wants 'instance' subscribed with 'instance_id'; another id makes it a
 * subscription anew.  Dropping it drops its wanted routes with it. */
void xmpp_speaker_subscribe(struct xmpp_speaker *, const char *instance,
                            uint32_t instance_id);
void xmpp_speaker_unsubscribe(struct xmpp_speaker *, const char *instance);

/* Wants the route published in a subscribed 'instance', replacing one of the
 * same key; takes a copy.  Returns 0; -ENOENT without subscription, -EINVAL
 * for a next hop that must not leave (zero or multicast). */
int xmpp_speaker_publish(struct xmpp_speaker *, const char *instance,
                         const struct xmpp_evpn *);
/* No longer wants the route with that key. */
void xmpp_speaker_withdraw(struct xmpp_speaker *, const char *instance,
                           const struct xmpp_evpn *key);

/* Whether the owner has stated all that it wants published in this life, as
 * far as it depends on anything but the configuration.  Control nodes that
 * keep the routes of an earlier life drop the rest of them some time after
 * this, and the end of the configuration; until then it can be taken back.
 * Without it they do so after their own time-out. */
void xmpp_speaker_set_complete(struct xmpp_speaker *, bool complete);

/* Whether all that is wanted has gone to those control nodes that there are,
 * as far as the kernel. */
bool xmpp_speaker_has_told_all(const struct xmpp_speaker *);

/* Learnt EVPN routes of 'instance', the best path for each item id: one that
 * is fresh before a stale one, then the session that is up longer.  Includes
 * our own, reflected.
 *
 * A broadcast route may come several times, and then the union of the lists
 * counts: before its End-of-RIB a control node knows only those members that
 * have come back to it, so what was known before still holds. */
typedef void xmpp_route_fn(const char *item_id, const struct xmpp_evpn *,
                           bool stale, void *aux);
void xmpp_speaker_for_each_route(const struct xmpp_speaker *,
                                 const char *instance, xmpp_route_fn *fn,
                                 void *aux);
/* Likewise those to one unicast MAC, at no more than their cost. */
void xmpp_speaker_for_each_mac_route(const struct xmpp_speaker *,
                                     const char *instance,
                                     const struct eth_addr *mac,
                                     xmpp_route_fn *fn, void *aux);

/* Multicast trees (3.8; spec/tsn-dataplane.md A.5, A.6).  Whoever is in one
 * forwards between its neighbours: who cannot must not join. */
struct xmpp_tree_labels {
    uint32_t first, last;       /* Both 0: none, not to be joined there. */
};

/* What a control node gets to build a tree with.  The labels of a slot can be
 * the same for all instances, it gives each its own; the more there are, the
 * later one that was given up is given again. */
struct xmpp_tree_offer {
    struct in6_addr next_hop;   /* Where our tunnels end. */
    struct xmpp_tree_labels labels[XMPP_SPEAKER_SLOTS];
};

/* Wants to be in the tree of a subscribed 'instance', with another offer anew;
 * the control node that builds the trees is asked.  Returns 0; -ENOENT without
 * subscription, -EINVAL for a next hop or labels that must not leave, or
 * labels that both slots have. */
int xmpp_speaker_join_tree(struct xmpp_speaker *, const char *instance,
                           const struct xmpp_tree_offer *);
void xmpp_speaker_leave_tree(struct xmpp_speaker *, const char *instance);

/* Labels before the present one that stay valid: each rebuild of a tree, which
 * is each member that comes or goes, gives another. */
#define XMPP_TREE_MAX_OLD_LABELS 4

/* A place in a tree.  Frames with one of the labels are of its instance, and
 * no two instances have the same one.  They come from the neighbours; a frame
 * of another origin goes to all of them, one that came from one of them to the
 * others.  A tree that has been joined and has no place yet, or not any more,
 * has neither label nor neighbours. */
struct xmpp_tree {
    uint32_t label;             /* Ours; or 0. */
    uint32_t old_labels[XMPP_TREE_MAX_OLD_LABELS];
                                /* Those before, which the others may still use
                                 * for a while, the newest first. */
    size_t n_old_labels;
    const struct tunnel_dst *neighbours;    /* MPLS only; until the next turn
                                             * of the loop. */
    size_t n_neighbours;
    uint64_t sequence;          /* Of the builder that gave it; counts up. */
    bool stale;                 /* That builder is gone. */
};

/* Returns false if the instance's tree has not been joined. */
bool xmpp_speaker_get_tree(const struct xmpp_speaker *, const char *instance,
                           struct xmpp_tree *);
/* All that have been joined. */
typedef void xmpp_tree_fn(const char *instance, const struct xmpp_tree *,
                          void *aux);
void xmpp_speaker_for_each_tree(const struct xmpp_speaker *,
                                xmpp_tree_fn *fn, void *aux);

/* Hosts of the underlay.  Announces our own address in a subscribed
 * 'instance', with a label that is ours; those that others announce there are
 * known from then on, and kept like routes.  Returns 0; -ENOENT without
 * subscription, -EINVAL for what must not leave. */
int xmpp_speaker_announce_host(struct xmpp_speaker *, const char *instance,
                               const struct in6_addr *, uint32_t label);
/* Whether a control node has told, and not taken back, the host. */
bool xmpp_speaker_has_host(const struct xmpp_speaker *,
                           const struct in6_addr *);

bool xmpp_speaker_is_up(const struct xmpp_speaker *);       /* Any session. */
/* First End-of-RIB (or its time-out) seen since the start. */
bool xmpp_speaker_is_synced(const struct xmpp_speaker *);

/* Whether a session that is up has seen its End-of-RIB (or its time-out), so
 * that what is not told is not there. */
bool xmpp_speaker_is_whole(const struct xmpp_speaker *);

/* Writes an array "sessions", an array "subscriptions" and counters into the
 * object that is open. */
void xmpp_speaker_status(const struct xmpp_speaker *, struct tsn_json *);

#endif /* xmpp/speaker.h */
