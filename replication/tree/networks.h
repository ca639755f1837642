/* SPDX-License-Identifier: Apache-2.0 */
/* The networks that we serve: all of the configuration that have a VNI.  For
 * each of them we subscribe, publish our broadcast route, join the multicast
 * tree (spec/tsn-dataplane.md A.3.1) and keep what the forwarder is to do;
 * what has changed goes to the forwarder, once per turn of the loop.
 *
 * A member that is there before and after a change is in every set between,
 * whatever it takes to get there: see 'keep'.
 *
 * What was learnt from the control nodes stays when they are gone, as the
 * speaker keeps it.  Control thread. */
#ifndef REPL_NETWORKS_H
#define REPL_NETWORKS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "replication/tree/builder.h"
#include "xmpp/route.h"

struct fwd;
struct fwd_table;
struct repl_networks;
struct xmpp_speaker;
struct xmpp_view;

/* A network with a VNI.  Others may read it. */
struct repl_network {
    struct hmap_node instance_node;     /* By 'instance'. */
    struct hmap_node vni_node;          /* By 'vni', if 'served'. */
    struct ovs_list dirty_node;         /* To be built anew, or self-linked. */

    char *instance;
    const struct xmpp_network *config;  /* In the present view. */
    const struct xmpp_vmi **vmis;       /* In the present view, by MAC. */
    size_t n_vmis;
    bool in_view;
    bool config_changed;        /* With the present view. */

    uint32_t vni;
    bool subscribed;
    bool served;                /* Has the VNI; otherwise ... */
    bool blocked;               /* ... another network has it. */
    uint32_t id;                /* Of the subscription. */
    struct xmpp_evpn route;     /* Published, if 'served'. */
    uint32_t evpn_label;        /* Ours, for MPLS; kept while it is served.
                                 * 0: none needed yet, or none left. */
    bool wants_label;           /* The latter. */

    /* The control nodes take back the lists that they gave for what we have
     * withdrawn, before they give others: those before hold until then, or
     * until the time is over. */
    bool keep;
    uint64_t keep_ms;           /* 0: not known yet. */

    struct fwd_net_counters *counters;
    struct fwd_network *fwd;    /* What the forwarder has, or NULL. */
    unsigned int n_unreachable; /* Endpoints that we cannot send to. */
};

/* Takes the forwarder's tables from here on: fwd_publish(), but for tests. */
typedef void repl_publish_fn(struct fwd *, struct fwd_table *);

/* How far the labels go that are ours to give. */
struct repl_label_usage {
    size_t n_trees;             /* Networks whose trees we are to be in ... */
    size_t n_placed;            /* ... and that have a label ... */
    size_t n_tree_labels;       /* ... out of so many per control node. */
    size_t n_evpn;              /* Networks that have one for EVPN ... */
    size_t n_evpn_labels;       /* ... out of so many ... */
    size_t n_evpn_wanting;      /* ... and that have got none. */
};

/* Borrows 'speaker' and 'fwd'.  'self' is copied. */
struct repl_networks *repl_networks_create(const struct repl_identity *self,
                                           struct xmpp_speaker *speaker,
                                           struct fwd *fwd,
                                           repl_publish_fn *publish);
void repl_networks_destroy(struct repl_networks *);     /* NULL is fine. */

/* A new configuration, which must stay until the next has been set: what is
 * the same in both is the same object. */
void repl_networks_set_view(struct repl_networks *, const struct xmpp_view *);

/* Routes of 'instance' have changed. */
void repl_networks_routes_changed(struct repl_networks *,
                                  const char *instance);

/* Our place in the tree of 'instance' has changed. */
void repl_networks_tree_changed(struct repl_networks *, const char *instance);

/* Whether we are elected; only in mode "tsn-no-forwarding". */
void repl_networks_set_master(struct repl_networks *, bool master);

/* Builds what is to be built anew, a few milliseconds' worth of it, and
 * publishes if anything is different.  'now_ms' is of tsn_now_ms(). */
void repl_networks_run(struct repl_networks *, uint64_t now_ms);
/* Whether there is something to run for at once. */
bool repl_networks_is_pending(const struct repl_networks *);
/* When there is, at the latest; UINT64_MAX: only when told. */
uint64_t repl_networks_due_ms(const struct repl_networks *);

void repl_networks_get_labels(const struct repl_networks *,
                              struct repl_label_usage *);

/* The served network with 'vni', or NULL. */
const struct repl_network *repl_networks_find(const struct repl_networks *,
                                              uint32_t vni);

/* The interface of the network with the MAC, or NULL. */
const struct xmpp_vmi *repl_network_find_vmi(const struct repl_network *,
                                             struct eth_addr mac);

/* All networks, in the order of their instances' names; '*n' of them, in an
 * array to be freed. */
const struct repl_network **repl_networks_sorted(const struct repl_networks *,
                                                 size_t *n);

#endif /* replication/tree/networks.h */
