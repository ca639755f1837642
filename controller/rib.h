/* SPDX-License-Identifier: Apache-2.0 */
/* The EVPN routes of every routing instance: who publishes what, who is told
 * what (spec/xmpp-protocol.md 2.1, 3; spec/tsn-dataplane.md A.4); and who is
 * in its multicast tree (A.5).
 *
 * Unicast MAC routes and prefixes are reflected to every subscriber, the
 * publisher included.  Broadcast-MAC routes are not: each publisher is told
 * the tunnel endpoints to replicate to.  Nor are multicast groups (type 6):
 * each publisher gets its own back.  Changes are collected and told by
 * ctrl_rib_flush().  Sans-I/O, one thread. */
#ifndef CONTROLLER_RIB_H
#define CONTROLLER_RIB_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctrl_config;
struct ctrl_rib;
struct ctrl_rib_client;
struct ctrl_tree_member;
struct in6_addr;
struct xmpp_evpn;
struct xmpp_mcast;

/* Per client: four times the networks that a site of the size that we are for
 * has, and more MACs than a switch can hold. */
#define CTRL_MAX_SUBSCRIPTIONS 16384
#define CTRL_MAX_ROUTES (1u << 20)

/* Broadcast routes of a client in one instance.  It has one, two while it
 * changes its tag; each is weighed against those of all others. */
#define CTRL_MAX_BROADCAST 16

/* Multicast groups likewise: they are looked at one by one whenever one of an
 * instance changes. */
#define CTRL_MAX_GROUPS 1024

/* Routes that are gone and are remembered, in all instances together, for
 * clients that do not read: so many, or as many as there are others if that is
 * more.  All MACs of a site that we are for may go at once and a client be
 * late to hear of it; one that is farther behind is better off with a new
 * session, which begins with what there is, and it must not fill the
 * memory. */
#define CTRL_MAX_GONE (1u << 17)

/* Longest name of an instance that is remembered. */
#define CTRL_MAX_INSTANCE 1024

struct ctrl_rib *ctrl_rib_create(void);
/* After its clients. */
void ctrl_rib_destroy(struct ctrl_rib *);               /* NULL is fine. */

/* Makes the networks of 'config' known, and the static hosts' routes in them;
 * what an earlier configuration had and this one has not, goes. */
void ctrl_rib_configure(struct ctrl_rib *, const struct ctrl_config *);

/* The way to a client.  Neither calls back. */
struct ctrl_rib_ops {
    /* One complete stanza. */
    void (*send)(void *aux, const char *data, size_t size);
    /* Whether the client has read enough of what it was sent to get more. */
    bool (*is_ready)(void *aux);
    /* It does not read, and is too far behind (CTRL_MAX_GONE): its session is
     * to end.  From now on it may miss something. */
    void (*give_up)(void *aux);
};

/* 'name' is the client's, copied. */
struct ctrl_rib_client *ctrl_rib_client_create(struct ctrl_rib *,
                                               const char *name,
                                               const struct ctrl_rib_ops *,
                                               void *aux);
/* Withdraws all that it published; as that may be a lot, ctrl_rib_flush() does
 * it, a bounded part at a time. */
void ctrl_rib_client_destroy(struct ctrl_rib_client *); /* NULL is fine. */

/* Ends the client's subscriptions of networks that are not known: nobody has
 * been told of what is published there, so nothing is lost by it. */
void ctrl_rib_client_end_unknown(struct ctrl_rib_client *);

/* The client's session is gone, and it may come back: keeps all of it, stale.
 * Its 'ops' are not called any more. */
void ctrl_rib_client_keep(struct ctrl_rib_client *);
/* It is back.  Subscriptions and routes stay stale until it renews them, the
 * former by subscribing once more. */
void ctrl_rib_client_resume(struct ctrl_rib_client *,
                            const struct ctrl_rib_ops *, void *aux);
/* Ends and withdraws what still is stale, like ctrl_rib_client_destroy();
 * returns how many routes. */
size_t ctrl_rib_client_sweep(struct ctrl_rib_client *);
size_t ctrl_rib_client_n_stale(const struct ctrl_rib_client *);

/* Subscriptions may be to instances that are not known yet.  Returns 0,
 * -EALREADY, or -ENOSPC for a limit above. */
int ctrl_rib_subscribe(struct ctrl_rib_client *, const char *instance,
                       int64_t instance_id, bool no_ribout);
/* Withdraws all that it published there, like ctrl_rib_client_destroy(); it
 * may subscribe once more meanwhile.  Returns 0 or -ENOENT. */
int ctrl_rib_unsubscribe(struct ctrl_rib_client *, const char *instance);

/* Whether the client may publish: -ENOENT without a subscription, -EINVAL if
 * that had no instance-id, else 0. */
int ctrl_rib_may_publish(const struct ctrl_rib_client *,
                         const char *instance);

/* Adds or replaces the client's path of that key.  Returns 0; -EBADMSG for a
 * next hop that cannot be one, which leaves an older path as it is; -ENOSPC
 * for a limit; or what ctrl_rib_may_publish() says. */
int ctrl_rib_publish(struct ctrl_rib_client *, const char *instance,
                     const struct xmpp_evpn *);
/* Removes it; only the key counts.  Returns 0, also if there was none, or what
 * ctrl_rib_may_publish() says. */
int ctrl_rib_withdraw(struct ctrl_rib_client *, const char *instance,
                      const struct xmpp_evpn *);

/* Where the client's end of the session is: what its tree memberships are
 * known by (spec/xmpp-protocol.md 3.8), unless it is not IPv4; then, and if
 * this is not called before the first of them, their next hop stands in. */
void ctrl_rib_client_set_address(struct ctrl_rib_client *,
                                 const struct in6_addr *);

/* Makes the client a member of the instance's tree, or changes where and with
 * which labels it is one.  Returns like ctrl_rib_publish(), but never
 * -ENOSPC. */
int ctrl_rib_join(struct ctrl_rib_client *, const char *instance,
                  const struct xmpp_mcast *);
/* Ends that.  Returns like ctrl_rib_withdraw(). */
int ctrl_rib_leave(struct ctrl_rib_client *, const char *instance);

/* Tells the clients what has changed, a bounded part of it.  A client that is
 * not ready is told later, and then only how things are by then. */
enum ctrl_rib_work {
    CTRL_RIB_IDLE,              /* Everybody knows everything. */
    CTRL_RIB_BLOCKED,           /* Only clients that are not ready do not. */
    CTRL_RIB_BUSY,              /* There is more to do at once. */
};
enum ctrl_rib_work ctrl_rib_flush(struct ctrl_rib *);

/* Whether the client has been told all unicast routes, and the trees that it
 * is in. */
bool ctrl_rib_client_is_current(const struct ctrl_rib_client *);

/* For people. */
struct ctrl_rib_client_stats {
    size_t n_subscriptions, n_routes, n_trees;
    uint64_t n_items, n_retracts;       /* Sent. */
};
void ctrl_rib_client_stats(const struct ctrl_rib_client *,
                           struct ctrl_rib_client_stats *);

struct ctrl_rib_instance_stats {
    bool known;
    size_t n_subscribers, n_routes;
};
void ctrl_rib_instance_stats(const struct ctrl_rib *, const char *instance,
                             struct ctrl_rib_instance_stats *);

/* Every path, ordered by instance and MAC. */
struct ctrl_rib_path_info {
    const char *instance;
    const struct xmpp_evpn *route;
    const char *publisher;      /* A client's name; "" for a static host. */
    bool best;
    bool stale;                 /* The client was or is away, and has not
                                 * renewed it. */
};
typedef void ctrl_rib_path_fn(const struct ctrl_rib_path_info *, void *aux);
void ctrl_rib_for_each_path(const struct ctrl_rib *, ctrl_rib_path_fn *fn,
                            void *aux);

/* Every member of every tree, ordered by instance and then as the tree goes
 * by.  One without a label waits for the tree to be built, or is not in it for
 * want of a label or of a configuration of the instance. */
typedef void ctrl_rib_member_fn(const char *instance,
                                const struct ctrl_tree_member *, void *aux);
void ctrl_rib_for_each_member(const struct ctrl_rib *, ctrl_rib_member_fn *fn,
                              void *aux);

#endif /* controller/rib.h */
