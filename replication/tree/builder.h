/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a network of the forwarder out of what the control plane says about it
 * (spec/tsn-dataplane.md A.7, C.2.1): tunnel endpoints that flood, MACs,
 * addresses, DHCP clients.  Pure; control thread. */
#ifndef REPL_BUILDER_H
#define REPL_BUILDER_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/types.h"

struct fwd_net_counters;
struct fwd_network;
struct repl_builder;
struct repl_rules;
struct xmpp_evpn;
struct xmpp_network;
struct xmpp_tree;
struct xmpp_vmi;

/* Who we are: the same for all networks. */
struct repl_identity {
    struct in6_addr address;    /* Own tunnel endpoint, IPv4 ... */
    struct in6_addr address6;   /* ... and IPv6, or unset: then there is no
                                 * way to endpoints that have IPv6. */
    struct eth_addr service_mac;
    uint32_t seed;              /* Of the entropy hash. */

    uint32_t first_label, last_label;   /* MPLS labels that are ours to give;
                                         * both 0: none. */
    bool no_forwarding;         /* Mode "tsn-no-forwarding" (A.8). */
};

/* Starts a network; borrows all arguments until it is finished. */
struct repl_builder *repl_builder_create(const struct repl_identity *,
                                         const struct repl_rules *,
                                         const struct xmpp_network *);

/* From here on the order of calls does not matter. */

/* Adds our broadcast route as it is published: the learnt one with its key
 * carries the lists of tunnel endpoints.  Until then, none does. */
void repl_builder_set_published(struct repl_builder *,
                                const struct xmpp_evpn *);

/* The lists of 'old', which is borrowed until it is finished, are to be kept:
 * until others are learnt that are not stale, or, unless those are 'whole',
 * beside them. */
void repl_builder_keep_lists(struct repl_builder *,
                             const struct fwd_network *old, bool whole);

/* The label, if it is one, by which others send us broadcasts by MPLS. */
void repl_builder_add_evpn_label(struct repl_builder *, uint32_t label);

/* Our place in the multicast tree: labels by which frames come in, and the
 * neighbours. */
void repl_builder_add_tree(struct repl_builder *, const struct xmpp_tree *);

/* Adds a learnt route of the network: our own broadcast route, or one of a
 * MAC.  Others are ignored. */
void repl_builder_add_route(struct repl_builder *, const struct xmpp_evpn *,
                            bool stale);

/* Adds a bare-metal interface of the network. */
void repl_builder_add_vmi(struct repl_builder *, const struct xmpp_vmi *);

/* Frees the builder and returns the network, of which the caller owns the only
 * reference; it references 'counters'.  '*n_unreachable' gets the number of
 * endpoints that want copies in a way that we cannot send. */
struct fwd_network *repl_builder_finish(struct repl_builder *,
                                        struct fwd_net_counters *counters,
                                        unsigned int *n_unreachable);

#endif /* replication/tree/builder.h */
