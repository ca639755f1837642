/* SPDX-License-Identifier: Apache-2.0 */
/* EVPN and multicast-tree routes and their XML (spec/xmpp-protocol.md
 * 3.4-3.9).  No I/O, any thread. */
#ifndef XMPP_ROUTE_H
#define XMPP_ROUTE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"
#include "tsn/model.h"

struct ds;
struct tsn_err;
struct xmpp_node;

/* Ends of lists that a peer may make long. */
#define XMPP_MAX_NEXT_HOPS 1024
#define XMPP_MAX_SECURITY_GROUPS 256

#define XMPP_ID_STRLEN 192

/* EVPN route of type 2, or the broadcast-MAC route (3.5).  Zero-filled means
 * "nothing set". */
struct xmpp_evpn {
    /* Key. */
    uint32_t tag;               /* Ethernet tag: the VNI with VXLAN. */
    struct eth_addr mac;
    struct in6_addr ip;         /* None for a MAC-only route. */
    uint8_t plen;               /* Of 'ip' in its family. */

    struct tunnel_dst *next_hops;
    size_t n_next_hops;
    struct tunnel_dst *olist;       /* Broadcast route, from a server. */
    size_t n_olist;
    struct tunnel_dst *leaf_olist;  /* Likewise: ToRs that name us. */
    size_t n_leaf_olist;

    char *virtual_network;      /* Origin, from a server; may be NULL. */
    uint32_t *security_groups;
    size_t n_security_groups;
    uint32_t local_pref, med, sequence;
    bool sticky;
    bool edge_replication_not_supported;
    bool assisted_replication_supported;
    bool etree_leaf;
    struct in6_addr replicator; /* Broadcast route of a ToR: its TSN. */
};

void xmpp_evpn_init(struct xmpp_evpn *);
void xmpp_evpn_fini(struct xmpp_evpn *);
void xmpp_evpn_copy(struct xmpp_evpn *dst, const struct xmpp_evpn *src);
/* Everything compared, not only the key. */
bool xmpp_evpn_equals(const struct xmpp_evpn *, const struct xmpp_evpn *);
bool xmpp_evpn_is_broadcast(const struct xmpp_evpn *);
void xmpp_evpn_add_next_hop(struct xmpp_evpn *, const struct in6_addr *ip,
                            uint32_t label, uint8_t encaps);

/* Reads an <entry>, of either side.  A tunnel endpoint whose encapsulations
 * were all unknown has none of the bits and cannot be used; one with an empty
 * list is MPLS over GRE.
 *
 * Returns 0 and fills '*route' (initialised here, for the caller to
 * xmpp_evpn_fini()).  Else leaves '*route' alone, fills '*err' and returns
 * -EBADMSG for an item that is to be skipped or -ENOTSUP for a type that we do
 * not handle (5, 6). */
int xmpp_evpn_decode(const struct xmpp_node *entry, struct xmpp_evpn *route,
                     struct tsn_err *err);

/* Appends the <entry> that a client publishes, or that a server notifies (the
 * extra elements and their defaults of wire/README.md 25). */
void xmpp_evpn_encode_publish(struct ds *out, const struct xmpp_evpn *);
void xmpp_evpn_encode_notify(struct ds *out, const struct xmpp_evpn *);

/* NODE-ID of a publish (3.2) and id of a notified item (3.7). */
const char *xmpp_evpn_node_id(const struct xmpp_evpn *,
                              char buf[XMPP_ID_STRLEN]);
const char *xmpp_evpn_item_id(const struct xmpp_evpn *,
                              char buf[XMPP_ID_STRLEN]);

/* Multicast tree route 1/241 (3.8) of 255.255.255.255,0.0.0.0. */
struct xmpp_mcast {
    struct in6_addr next_hop;       /* Publish: who joins. */
    uint32_t label_first, label_last;   /* Publish: labels on offer. */
    uint32_t source_label;          /* Notify: the label given to it. */
    struct tunnel_dst *olist;       /* Notify: tree neighbours. */
    size_t n_olist;
};

void xmpp_mcast_init(struct xmpp_mcast *);
void xmpp_mcast_fini(struct xmpp_mcast *);
void xmpp_mcast_copy(struct xmpp_mcast *dst, const struct xmpp_mcast *src);
/* Returns like xmpp_evpn_decode(); -ENOTSUP for another group or source. */
int xmpp_mcast_decode(const struct xmpp_node *entry, struct xmpp_mcast *,
                      struct tsn_err *err);
void xmpp_mcast_encode_publish(struct ds *out, const struct xmpp_mcast *);
void xmpp_mcast_encode_notify(struct ds *out, const struct xmpp_mcast *);
/* A long 'instance' is cut in it: a NODE-ID only has to be the same in the two
 * stanzas of a publish. */
const char *xmpp_mcast_node_id(const char *instance,
                               char buf[XMPP_ID_STRLEN]);

#endif /* xmpp/route.h */
