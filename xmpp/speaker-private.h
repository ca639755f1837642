/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the speaker share: sessions and configuration
 * (speaker.c), what is wanted (speaker-want.c), what was learnt
 * (speaker-rib.c, speaker-rib-held.c), End-of-RIB and stale routes
 * (speaker-restart.c), multicast trees (speaker-tree.c). */
#ifndef XMPP_SPEAKER_PRIVATE_H
#define XMPP_SPEAKER_PRIVATE_H 1

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/shash.h"
#include "xmpp/backoff.h"
#include "xmpp/conn.h"
#include "xmpp/rib-path.h"
#include "xmpp/route.h"
#include "xmpp/speaker.h"

struct want_tree;
struct xmpp_node;
struct xmpp_stanza;
struct xmpp_transport;

/* Control nodes used at a time (spec/xmpp-protocol.md 1.1). */
#define MAX_PEERS XMPP_SPEAKER_SLOTS

/* One of the sessions.  It keeps its slot over reconnects and rotations. */
struct peer {
    struct xmpp_speaker *speaker;
    unsigned int slot;
    size_t controller;          /* Index in the list. */
    struct xmpp_transport *transport;   /* NULL while waiting to connect. */
    uv_timer_t *timer;          /* Back-off. */
    bool up;
    bool told_up;               /* The owner knows. */
    uint32_t epoch;             /* Sessions lost.  What was learnt in another
                                 * epoch is stale. */
    uint64_t up_since_ms;
    uint64_t down_since_ms;     /* What is stale is of before; 0: none is. */
    struct xmpp_backoff backoff;
    enum xmpp_close_reason last_reason, told_reason;
    char *why;                  /* More of 'last_reason', or its name. */

    bool synced;                /* End-of-RIB or its time-out. */
    bool end_of_rib_sent;
    uint64_t complete_ms;       /* It had all routes for the first time. */
    uint64_t told_ms;           /* Something, last. */
    struct ovs_list dirty;      /* struct want_instance with work for us. */
    unsigned int next_id;       /* For stanza ids. */
    uint64_t n_published, n_withdrawn, n_items, n_retracts, n_bad_items;
    uint64_t n_unused_items;    /* Of families that nobody here uses. */
};

/* A route somebody wants published, or that still is. */
struct want_route {
    struct hmap_node node;      /* In want_instance's 'routes', by key. */
    const struct xmpp_evpn *path;   /* Of 'want_paths': what was wanted last,
                                     * also the key that a withdraw must
                                     * carry. */
    struct eth_addr mac;
    bool wanted;
    bool published[MAX_PEERS];
    struct ovs_list dirty[MAX_PEERS];   /* Or self-linked. */
};

struct want_instance {
    char *name;
    uint32_t id;
    bool wanted;
    struct hmap routes;         /* struct want_route. */
    struct want_tree *tree;     /* NULL: neither wanted nor told. */
    struct in6_addr host;       /* Our address, announced in it, or none. */
    uint32_t host_label;
    struct in6_addr host_told[MAX_PEERS];

    /* For each peer: what it has been told. */
    bool subscribed[MAX_PEERS];
    uint32_t subscribed_id[MAX_PEERS];
    bool ending[MAX_PEERS];     /* To be unsubscribed, after its routes. */
    struct ovs_list dirty[MAX_PEERS];       /* In the peer's 'dirty'. */
    struct ovs_list dirty_routes[MAX_PEERS];
};

struct rib_route {
    struct hmap_node node;      /* In rib_instance's 'routes', by id. */
    const struct xmpp_evpn *path[MAX_PEERS];    /* Of 'rib_paths' ... */
    uint32_t epoch[MAX_PEERS];                  /* ... and learnt in. */
    char id[];                  /* As xmpp_evpn_item_id() writes it. */
};

/* The replication lists that a control node gave before it was lost. */
struct rib_held {
    struct hmap_node node;      /* In rib_instance's 'held', by slot and id. */
    unsigned int slot;          /* Of the peer that gave them. */
    char *id;
    const struct xmpp_evpn *path;
};

struct rib_instance {
    struct hmap routes;         /* struct rib_route, those to one unicast
                                 * MAC with one hash. */
    struct hmap held;           /* struct rib_held. */
    struct ovs_list changed;    /* In the speaker's 'rib_changed', or linked
                                 * to itself. */
    const char *name;

    /* A session came or went, and the owner is not yet told what that changes:
     * see rib_walk(). */
    struct ovs_list walk;       /* In the speaker's 'rib_walks', or linked to
                                 * itself. */
    size_t walk_bucket, walk_mask;      /* Of 'routes': the next one, in a
                                         * table of that size. */
    bool walk_changed;          /* Something did. */
    bool lost[MAX_PEERS];       /* A session of the peer. */
    bool sweep[MAX_PEERS];      /* What the peer told ... */
    uint32_t sweep_epoch[MAX_PEERS];    /* ... before this one goes. */
};

struct xmpp_speaker {
    uv_loop_t *loop;
    char *name, *subcluster;
    struct sockaddr_storage *controllers;
    size_t n_controllers;
    uint32_t hold_ms, stale_hold_ms;
    uint64_t frozen_hold_ms;    /* 0: for ever. */
    struct tsn_tls_store *tls;  /* Or NULL. */
    const struct xmpp_speaker_ops *ops;
    void *aux;

    struct peer peers[MAX_PEERS];
    unsigned int n_peers;
    uv_timer_t *deferred;       /* Runs what callbacks have made due. */
    uint64_t deferred_ms;       /* When. */

    struct shash wanted;        /* struct want_instance. */
    struct rib_paths want_paths;
    struct shash rib;           /* struct rib_instance. */
    size_t rib_bytes;           /* What it takes, counted roughly. */
    size_t rib_max_bytes;
    struct rib_paths rib_paths;
    struct ovs_list rib_changed;    /* struct rib_instance, to be notified. */
    struct ovs_list rib_walks;      /* struct rib_instance, to be walked. */
    const struct rib_instance *rib_walking; /* Just now; or NULL. */
    size_t n_swept;                 /* In these walks. */
    bool synced;                /* Any peer was, once. */
    bool complete;              /* The owner has stated all it wants. */
    uint64_t lost_ms;           /* The last session went; 0: one is up, or
                                 * none ever was. */
    bool thawed;                /* For too long: the routes went, too. */

    /* Multicast trees, from one peer at a time. */
    struct peer *tree_builder;  /* NULL while none is up. */
    uint64_t tree_sequence;     /* Number of builders so far. */
    uint64_t tree_sweep_ms;     /* When to forget those of builders before,
                                 * 0: with the End-of-RIB. */
    uint64_t tree_check_ms;     /* When something of a tree is over. */
    struct hmap tree_labels;    /* struct in_label. */
    struct ovs_list trees_changed;  /* struct want_tree. */
    size_t n_trees;
    uint64_t n_trees_ignored;   /* Events not from the builder. */

    struct hmap hosts;          /* struct host. */

    /* Configuration, from one peer at a time. */
    struct peer *config_peer;   /* NULL while none is up. */
    struct xmpp_graph *graph;
    struct xmpp_viewer *viewer;
    struct xmpp_view *view;
    uint64_t view_seqno;        /* Of the graph at the last build. */
    uint64_t view_due_ms;       /* No build before that. */
    uint64_t config_since_ms;   /* The current download began. */
    uint64_t config_heard_ms;   /* Its last stanza; 0: none yet. */
    bool config_ended;          /* End of config declared for it. */
    bool config_complete;       /* Ever. */
    uint64_t config_sweep_ms;   /* When to sweep; 0: no more. */
};

/* Has speaker_run() called soon. */
void speaker_defer(struct xmpp_speaker *, uint64_t delay_ms);
/* The peer that is up longest, or NULL (2.3). */
struct peer *speaker_first_up(struct xmpp_speaker *);

/* speaker-want.c */
void want_init(struct xmpp_speaker *);
void want_fini(struct xmpp_speaker *);
void want_peer_up(struct peer *);
void want_peer_down(struct peer *);
/* Tells the peer what it has not been told, a bounded amount.  Returns true
 * if work is left. */
bool want_flush(struct peer *);
/* There may be something to tell 'peer', if it is up. */
void want_mark_instance(struct want_instance *, struct peer *);
/* Publishes the XML 'entry' under 'node_id' to the peer, or takes it back, and
 * counts it.  'kind' as for xmpp_put_publish(). */
void want_put_publish(struct peer *, const struct want_instance *,
                      const char *kind, const char *node_id,
                      const char *entry, bool associate, struct ds *out);

/* speaker-restart.c */
void restart_peer_up(struct peer *);
void restart_peer_down(struct peer *, uint64_t now);
/* The peer has sent all its routes. */
void restart_synced(struct peer *);
/* The time-outs of a session. */
void restart_check(struct peer *, uint64_t now);
/* Gives up all routes when all control nodes are away for too long. */
void restart_check_frozen(struct xmpp_speaker *, uint64_t now);
/* Sends our End-of-RIB once it is time to. */
void restart_tell_end_of_rib(struct peer *, uint64_t now);

/* speaker-rib.c */
void rib_init(struct xmpp_speaker *);
void rib_fini(struct xmpp_speaker *);
void rib_event(struct peer *, const struct xmpp_stanza *);
/* All that the peer has told is stale from now on.  The owner is told what
 * that changes, and what is swept goes, in rib_walk(). */
void rib_mark_stale(struct peer *);
/* What the peer has told is whole from now on, or no more than stale: what it
 * has not told in this session goes, all of it if it has none. */
void rib_sweep(struct peer *);
/* Goes on with that, through 'budget' routes and hash buckets.  Returns true if
 * work is left. */
bool rib_walk(struct xmpp_speaker *, int budget);
void rib_drop_instance(struct xmpp_speaker *, const char *instance);
/* Calls 'routes_changed' for each instance that did. */
void rib_notify(struct xmpp_speaker *);
/* Gives up a reference; NULL is fine. */
void rib_free_path(struct xmpp_speaker *, const struct xmpp_evpn *);

/* speaker-rib-held.c */
/* Holds lists that 'peer' gave in an earlier session, while this one's may not
 * be whole yet.  Takes 'path'. */
void rib_hold_path(struct peer *, struct rib_instance *, const char *id,
                   const struct xmpp_evpn *path);
/* Those of the peer with 'slot', or NULL. */
struct rib_held *rib_find_held(const struct rib_instance *, unsigned int slot,
                               const char *id);
void rib_free_held(struct xmpp_speaker *, struct rib_instance *,
                   struct rib_held *);

/* speaker-inet.c */
bool inet_is_family(uint32_t family);
void inet_event(struct peer *, const struct xmpp_stanza *);

/* speaker-host.c */
void host_init(struct xmpp_speaker *);
void host_fini(struct xmpp_speaker *);
/* Whether hosts of 'instance' are of interest. */
bool host_is_wanted(const struct xmpp_speaker *, const char *instance);
/* The peer has told one, or takes it back.  The first returns false if there
 * is no room for it. */
bool host_learn(struct peer *, const struct in6_addr *ip);
void host_forget(struct peer *, const struct in6_addr *ip);
void host_peer_down(struct peer *);
/* Those that were not told again are gone. */
void host_sweep(struct peer *);
/* Like tree_flush(). */
bool host_flush(struct peer *, struct want_instance *, int *budget,
                struct ds *out);

/* speaker-tree.c */
void tree_init(struct xmpp_speaker *);
/* After want_fini(). */
void tree_fini(struct xmpp_speaker *);
/* A session came or went; 'up' says so already. */
void tree_peer_up(struct peer *);
void tree_peer_down(struct peer *);
/* The peer has told all that there is. */
void tree_synced(struct peer *);
void tree_check(struct xmpp_speaker *, uint64_t now_ms);
/* All control nodes are away for too long: no place holds any more. */
void tree_thaw(struct xmpp_speaker *);
void tree_event(struct peer *, const struct xmpp_stanza *);
/* Calls 'tree_changed' for each instance whose tree did. */
void tree_notify(struct xmpp_speaker *);
/* Tells 'peer' whether we are in the tree of a subscribed instance, or of one
 * whose subscription ends.  Returns false if '*budget' is used up. */
bool tree_flush(struct peer *, struct want_instance *, int *budget,
                struct ds *out);
/* 'peer' does not know any more what it was told. */
void tree_forget_told(struct peer *, struct want_instance *);
/* The owner drops the subscription. */
void tree_unsubscribed(struct xmpp_speaker *, struct want_instance *);
void tree_free(struct xmpp_speaker *, struct want_instance *);
/* Writes what people want to know into the object that is open. */
void tree_status(const struct xmpp_speaker *, struct tsn_json *);

#endif /* xmpp/speaker-private.h */
