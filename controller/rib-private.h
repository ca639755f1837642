/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the RIB share: tables and clients (rib.c), networks and
 * static hosts of the configuration (rib-config.c), clients that went and come
 * back (rib-restart.c), withdrawing many routes (rib-withdraw.c), what is to
 * be told (rib-select.c), in which order (rib-log.c), telling it
 * (rib-flush.c), the multicast trees (rib-tree.c), looking at it
 * (rib-show.c).
 *
 * The unicast routes of an instance stand in a log, in the order in which they
 * changed last.  A subscriber is at some place in the log and goes towards its
 * end; a route that changes moves to the end, so nobody is told twice what he
 * was too slow for.  A new subscriber starts at the beginning.  A route that
 * is gone stays until all have passed it that may know it, or until there are
 * too many of them (CTRL_MAX_GONE). */
#ifndef CONTROLLER_RIB_PRIVATE_H
#define CONTROLLER_RIB_PRIVATE_H 1

#include "controller/labels.h"
#include "controller/rib.h"
#include "controller/tree.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/shash.h"
#include "xmpp/route.h"

struct rib_instance {
    struct ctrl_rib *rib;
    char *name;
    bool known;                 /* In the configuration. */
    char *virtual_network;      /* Its FQ name, if known. */

    struct hmap routes;         /* struct rib_route, by key. */
    struct ovs_list dirty_routes;   /* To be looked at. */
    struct ovs_list log;        /* Those announced, and those gone. */
    struct ovs_list gone;       /* Those gone, in the same order. */
    size_t n_gone;
    struct ovs_list lagging;    /* struct rib_sub not at the log's end. */
    struct ovs_list bums;       /* struct rib_bum. */
    bool bums_dirty;
    struct ctrl_tree tree;      /* Of the rib_members that do not leave. */
    struct ovs_list untold;     /* struct rib_member with news. */
    struct ovs_list subs;       /* struct rib_sub. */
    struct ovs_list dirty_node; /* In struct ctrl_rib, or self-linked. */
    bool seen;                  /* By a configuration that is applied. */
};

struct ctrl_rib {
    struct shash instances;     /* struct rib_instance. */
    struct ovs_list dirty;      /* Those with something to tell. */
    struct ovs_list starving;   /* struct ctrl_rib_client whose 'labels'
                                 * somebody starves for. */
    uint64_t seqno;             /* Of the last change in any log. */
    size_t n_log, n_gone;       /* Routes in all logs; those gone of them. */
    struct ovs_list withdrawing;    /* struct rib_sub with paths that are to
                                     * go. */
    struct ctrl_rib_client *hosts;  /* Publishes for the static hosts. */
};

/* A unicast route or a prefix. */
struct rib_route {
    struct hmap_node node;
    struct rib_instance *instance;
    struct ovs_list paths;      /* struct rib_path. */
    /* In the instance's lists, or self-linked. */
    struct ovs_list dirty_node, log_node, gone_node;
    uint64_t seqno;             /* Of its place in the log. */
    bool announced;             /* Is in the log. */
    struct xmpp_evpn sent;      /* If announced; its key is always set. */
    char *entry;                /* 'sent' as XML, during a flush. */
};

/* What a client published. */
struct rib_path {
    struct ovs_list route_node;
    struct ovs_list sub_node;
    struct rib_route *route;
    struct rib_sub *sub;
    uint64_t generation;        /* Of its subscription when it was renewed. */
    struct xmpp_evpn attrs;
};

/* A broadcast-MAC route or one of type 6; what its publisher is told is its
 * own. */
struct rib_bum {
    struct ovs_list instance_node;
    struct ovs_list sub_node;
    struct rib_sub *sub;
    bool stale;                 /* Of a client that was away, or of a host
                                 * while a file is applied: not renewed. */
    bool withdrawn;             /* Only its retract is to be sent. */
    struct xmpp_evpn attrs;
    bool announced;
    struct xmpp_evpn sent;
};

/* A member of an instance's multicast tree. */
struct rib_member {
    struct ctrl_tree_member m;
    struct rib_sub *sub;
    bool leaving;               /* Only its retract is to be sent. */
    bool announced;
    struct xmpp_mcast sent;     /* If announced, as all with 'sent'. */
    char *sent_id;
    struct ovs_list untold_node;    /* In 'untold', or self-linked. */
};

/* A client's subscription of an instance. */
struct rib_sub {
    struct ctrl_rib_client *client;
    struct rib_instance *instance;
    struct ovs_list instance_node;
    int64_t instance_id;
    bool no_ribout;
    bool stale;                 /* Of an earlier session: told nothing. */
    struct rib_route *next;     /* To be told; NULL at the log's end. */
    struct ovs_list lag_node;   /* In 'lagging', or self-linked. */
    uint64_t born_seqno;        /* What was gone by then it never knew. */

    /* Its paths, the oldest generation first, so that many can get stale, or
     * be withdrawn later, at once.  What is older than 'generation' is stale;
     * what is older than 'withdrawn' is to go, and does not count. */
    struct ovs_list paths;
    uint64_t generation, withdrawn;
    size_t n_paths, n_stale;    /* That count; those stale of them. */
    struct ovs_list withdrawing_node;   /* In struct ctrl_rib, or
                                         * self-linked. */
    bool ended;                 /* Goes when its paths have gone. */

    struct ovs_list bums;
    struct rib_member *member;  /* In its tree, or NULL. */
};

struct ctrl_rib_client {
    struct ctrl_rib *rib;
    char *name;
    const struct ctrl_rib_ops *ops;     /* NULL: its session is gone. */
    void *aux;
    struct shash subs;          /* struct rib_sub, by instance. */
    size_t n_ended;             /* Of its subscriptions, not in 'subs'. */
    bool ended;                 /* Goes with the last of them. */
    size_t n_routes;
    size_t n_lagging;           /* Of 'subs'. */

    struct in6_addr ip;         /* Its end of the session, or none. */
    struct ctrl_labels labels;
    size_t n_members;
    size_t n_untold;            /* Of its members, those in 'untold'. */
    struct ovs_list starving_node;  /* In 'starving', or self-linked. */

    uint64_t n_items, n_retracts;
};

/* rib.c */
void rib_route_free(struct rib_route *);
void rib_bum_free(struct rib_bum *);
/* There is something to tell. */
void rib_instance_set_dirty(struct rib_instance *);
struct rib_sub *rib_sub_create(struct ctrl_rib_client *, const char *instance,
                               int64_t instance_id, bool no_ribout);
/* Ends it.  What was published there is withdrawn later, by rib_withdraw(),
 * which then frees it with rib_sub_free(); at once if there is nothing. */
void rib_sub_destroy(struct rib_sub *);
void rib_sub_free(struct rib_sub *);
void rib_path_put(struct rib_sub *, const struct xmpp_evpn *attrs);
void rib_path_remove(struct rib_path *);
void rib_bum_put(struct rib_sub *, const struct xmpp_evpn *attrs);
void rib_bums_set_dirty(struct rib_instance *);
void rib_route_set_dirty(struct rib_route *);
/* Finds or creates it / frees one that nobody needs any more. */
struct rib_instance *rib_instance_get(struct ctrl_rib *, const char *name);
void rib_instance_check(struct rib_instance *);

/* rib-withdraw.c */
/* All that was published there gets stale. */
void rib_sub_mark_stale(struct rib_sub *);
bool rib_path_is_stale(const struct rib_path *);
/* Withdraws what is stale.  Returns how many routes that is. */
size_t rib_sub_sweep(struct rib_sub *);
/* Withdraws all. */
void rib_sub_withdraw(struct rib_sub *);
/* The path is renewed / is about to go: keeps the counts. */
void rib_path_renew(struct rib_path *);
void rib_path_uncount(struct rib_path *);
/* Does at most 'max' paths of what has been put off.  Returns false if there
 * is more. */
bool rib_withdraw(struct ctrl_rib *, size_t max);

/* rib-restart.c */
/* Subscribed a second time: fine, once, if it is stale; else -EALREADY. */
int rib_sub_renew(struct rib_sub *, int64_t instance_id, bool no_ribout);

/* rib-log.c */
/* Puts 'route' to the end of the log, or takes it out. */
void rib_log_append(struct rib_route *);
void rib_log_remove(struct rib_route *);
/* Sends a new subscriber to the beginning / ends that. */
void rib_sub_start(struct rib_sub *);
void rib_sub_stop(struct rib_sub *);
/* The route behind the one at hand, NULL at the end. */
struct rib_route *rib_log_next(const struct rib_route *);
/* Nobody publishes it any more. */
bool rib_route_is_gone(const struct rib_route *);
/* Whether the subscriber's client has read enough to be told more. */
bool rib_sub_is_ready(const struct rib_sub *);
/* Frees what is gone and known to be so by everybody. */
void rib_log_trim(struct rib_instance *);
/* Gives up clients that are too far behind (CTRL_MAX_GONE). */
void rib_log_limit(struct ctrl_rib *);

/* rib-select.c */
/* Whether 'a' wins over 'b'. */
bool rib_path_is_better(const struct rib_path *a, const struct rib_path *b);
const struct rib_path *rib_route_best(const struct rib_route *);
/* Fills 'out' (initialised here) with what the subscribers are told. */
void rib_route_merge(const struct rib_route *, struct xmpp_evpn *out);

/* The members of an instance's replication: broadcast routes, the best of
 * each endpoint, sorted by address.  The caller frees the array. */
const struct rib_bum **rib_bum_members(const struct rib_instance *,
                                       size_t *n);
/* Fills 'out' (initialised here) with what the publisher of 'local' is told.
 * Returns false if that is nothing: both lists are empty. */
bool rib_bum_lists(const struct rib_bum *local,
                   const struct rib_bum *const members[], size_t n,
                   struct xmpp_evpn *out);

/* rib-tree.c */
/* The client leaves, and is not told: its subscription or its session is over.
 * Graceful restart does not keep members (spec/tsn-dataplane.md A.6). */
void rib_tree_end(struct rib_sub *);
/* The instance gets known / is no more. */
void rib_tree_learn(struct rib_instance *);
void rib_tree_forget(struct rib_instance *);
/* Builds the tree if it has changed, and tells the members.  Takes from
 * '*budget', and is BUSY when that is used up. */
enum ctrl_rib_work rib_tree_flush(struct rib_instance *, size_t *budget);
/* Gives those that are left out for want of a label another try, as far as
 * there are labels now.  To be called when no tree waits to be built, unless
 * the budget is used up: until then labels are free that are not so for
 * good. */
enum ctrl_rib_work rib_tree_feed(struct ctrl_rib *, size_t *budget);

#endif /* controller/rib-private.h */
