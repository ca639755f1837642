/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the networks share: which of them are served
 * (networks.c), what is published of them (networks-publish.c), what the
 * forwarder gets (networks-build.c). */
#ifndef REPL_NETWORKS_PRIVATE_H
#define REPL_NETWORKS_PRIVATE_H 1

#include "replication/tree/labels.h"
#include "replication/tree/networks.h"
#include "replication/tree/rules.h"

struct repl_networks {
    struct repl_identity self;
    struct repl_rules rules;
    struct repl_labels labels;
    struct xmpp_speaker *speaker;
    struct fwd *fwd;
    repl_publish_fn *publish;

    struct hmap by_instance;    /* struct repl_network, all. */
    struct hmap by_vni;         /* Those that are served. */
    struct ovs_list dirty;
    bool publish_needed;
    uint64_t keep_ms;           /* When 'keep' of a network may end; 0: to be
                                 * looked at. */
    bool whole;                 /* As xmpp_speaker_is_whole(). */
    bool trees_exhausted;       /* Has been said. */
    bool evpn_exhausted;        /* Likewise. */

    const struct xmpp_vmi **vmis;   /* By network, then MAC. */
    size_t n_vmis;
};

/* networks-publish.c */
/* Subscribes, and wants to be in the tree. */
void repl_network_subscribe(struct repl_networks *, struct repl_network *);
void repl_network_unsubscribe(struct repl_networks *, struct repl_network *);
/* Publishes our broadcast route in a network that is served, or another one
 * if it has to be another.  Whoever gets it sends us the flood lists. */
void repl_network_publish(struct repl_networks *, struct repl_network *);
void repl_network_withdraw(struct repl_networks *, struct repl_network *);
/* Says so when labels come to an end, or when there are enough again. */
void repl_networks_check_labels(struct repl_networks *);

/* networks-build.c */
/* To be built anew, if it is served. */
void repl_network_mark_dirty(struct repl_networks *, struct repl_network *);
void repl_networks_mark_all_dirty(struct repl_networks *);
/* The lists as they are hold for a while. */
void repl_network_keep_lists(struct repl_networks *, struct repl_network *);

#endif /* replication/tree/networks-private.h */
