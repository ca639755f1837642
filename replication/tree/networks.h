/* SPDX-License-Identifier: Apache-2.0 */
/* The networks that we serve: all of the configuration that have a VNI.  For
 * each of them we subscribe, publish our broadcast route
 * (spec/tsn-dataplane.md A.3.1) and keep what the forwarder is to do; what has
 * changed goes to the forwarder, once per turn of the loop.
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
    struct xmpp_evpn route;     /* Published, if 'served'. */
    struct fwd_net_counters *counters;
    struct fwd_network *fwd;    /* What the forwarder has, or NULL. */
    unsigned int n_unreachable; /* Endpoints that we cannot send to. */
};

/* Takes the forwarder's tables from here on: fwd_publish(), but for tests. */
typedef void repl_publish_fn(struct fwd *, struct fwd_table *);

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

/* Builds what is to be built anew, a few milliseconds' worth of it, and
 * publishes if anything is different. */
void repl_networks_run(struct repl_networks *);
/* Whether there is something to run for. */
bool repl_networks_is_pending(const struct repl_networks *);

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
