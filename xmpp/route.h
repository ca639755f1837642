/* SPDX-License-Identifier: Apache-2.0 */
/* EVPN and multicast-tree routes and their XML (spec/xmpp-protocol.md
 * 3.5-3.10).  No I/O, any thread. */
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
#define XMPP_MAX_TAGS 256       /* Of one next hop. */

/* Room for any NODE-ID and item id; those of a route of type 6 are the longest
 * of what is never cut. */
#define XMPP_ID_STRLEN 192

/* What an EVPN route is, which follows from its key (3.5). */
enum xmpp_evpn_type {
    XMPP_EVPN_MAC = 2,
    XMPP_EVPN_BROADCAST = 3,    /* Stands for one; see 3.9. */
    XMPP_EVPN_PREFIX = 5,       /* MAC of zeros. */
    XMPP_EVPN_GROUP = 6,        /* SMET: has a group. */
};

/* What few next hops have. */
struct xmpp_hop_more {
    struct eth_addr router_mac;
    uint32_t l3_label;
    uint32_t local_sequence;
    uint64_t *tags;             /* Type << 32 | value (3.6). */
    size_t n_tags;
};

/* What few routes have. */
struct xmpp_evpn_more {
    /* Type 6; group and source are part of the key. */
    struct in6_addr group, source;
    uint32_t flags;

    /* Of the next hops of the same places; those beyond have nothing. */
    struct xmpp_hop_more *hops;
    size_t n_hops;
};

/* EVPN route (3.5).  Zero-filled means "nothing set".  There may be millions:
 * the order leaves no gaps. */
struct xmpp_evpn {
    /* Key, with the group and the source of 'more'. */
    uint32_t tag;               /* Ethernet tag: the VNI with VXLAN. */
    struct eth_addr mac;
    uint8_t plen;               /* Of 'ip' in its family. */

    bool sticky : 1;
    bool edge_replication_not_supported : 1;
    bool assisted_replication_supported : 1;
    bool etree_leaf : 1;

    struct in6_addr ip;         /* Key.  None for a MAC-only route; of a prefix
                                 * "::" and "0.0.0.0" are different. */
    uint32_t local_pref, med, sequence;

    struct tunnel_dst *next_hops;
    size_t n_next_hops;
    struct tunnel_dst *olist;       /* Broadcast route, from a server. */
    size_t n_olist;
    struct tunnel_dst *leaf_olist;  /* Likewise: ToRs that name us. */
    size_t n_leaf_olist;

    char *virtual_network;      /* Origin, from a server; may be NULL. */
    uint32_t *security_groups;
    size_t n_security_groups;
    struct in6_addr replicator; /* Broadcast route of a ToR: its TSN. */
    struct xmpp_evpn_more *more;    /* Owned; NULL if there is nothing. */
};

void xmpp_evpn_init(struct xmpp_evpn *);
void xmpp_evpn_fini(struct xmpp_evpn *);
void xmpp_evpn_copy(struct xmpp_evpn *dst, const struct xmpp_evpn *src);
/* Everything compared, not only the key. */
bool xmpp_evpn_equals(const struct xmpp_evpn *, const struct xmpp_evpn *);
enum xmpp_evpn_type xmpp_evpn_type(const struct xmpp_evpn *);
bool xmpp_evpn_is_broadcast(const struct xmpp_evpn *);
bool xmpp_evpn_has_next_hop(const struct xmpp_evpn *,
                            const struct in6_addr *ip);
void xmpp_evpn_add_next_hop(struct xmpp_evpn *, const struct in6_addr *ip,
                            uint32_t label, uint8_t encaps);

/* The key alone.  A copy's other members are as after xmpp_evpn_init(), which
 * need not have been called. */
uint32_t xmpp_evpn_key_hash(const struct xmpp_evpn *);
bool xmpp_evpn_key_equals(const struct xmpp_evpn *, const struct xmpp_evpn *);
void xmpp_evpn_key_copy(struct xmpp_evpn *dst, const struct xmpp_evpn *src);

/* Makes it a route of type 6, or if 'group' is none not one. */
void xmpp_evpn_set_group(struct xmpp_evpn *, const struct in6_addr *group,
                         const struct in6_addr *source, uint32_t flags);

/* More about next hop 'i'.  The first returns NULL if there is nothing, the
 * other makes room, which the next call for this route may move. */
const struct xmpp_hop_more *xmpp_evpn_hop_more(const struct xmpp_evpn *,
                                               size_t i);
struct xmpp_hop_more *xmpp_evpn_get_hop_more(struct xmpp_evpn *, size_t i);
/* Adds next hop 'i' of 'src', with all there is about it. */
void xmpp_evpn_add_next_hop_of(struct xmpp_evpn *, const struct xmpp_evpn *src,
                               size_t i);
/* By address. */
void xmpp_evpn_sort_next_hops(struct xmpp_evpn *);
/* Bytes that 'more' takes, with all in it. */
size_t xmpp_evpn_more_size(const struct xmpp_evpn *);

/* Reads an <entry>, of either side.  A tunnel endpoint whose encapsulations
 * were all unknown has none of the bits and cannot be used; one with an empty
 * list is MPLS over GRE.  Both forms of tags are understood.
 *
 * Returns 0 and fills '*route' (initialised here, for the caller to
 * xmpp_evpn_fini()).  Else leaves '*route' alone, fills '*err' and returns
 * -EBADMSG: this item is to be skipped. */
int xmpp_evpn_decode(const struct xmpp_node *entry, struct xmpp_evpn *route,
                     struct tsn_err *err);

/* Appends the <entry> that a client publishes, or that a server notifies (the
 * extra elements and their defaults of wire/README.md 25).  A client writes
 * tags in the old form, which every control node takes, unless one does not
 * fit. */
void xmpp_evpn_encode_publish(struct ds *out, const struct xmpp_evpn *);
void xmpp_evpn_encode_notify(struct ds *out, const struct xmpp_evpn *);

/* Puts another MAC into an <entry> that one of them has written: what then
 * stands there is the route that differs in nothing else.  Both MACs are
 * unicast. */
void xmpp_evpn_entry_set_mac(char *entry, const struct eth_addr *mac);

/* NODE-ID of a publish (3.2) and id of a notified item (3.7). */
const char *xmpp_evpn_node_id(const struct xmpp_evpn *,
                              char buf[XMPP_ID_STRLEN]);
const char *xmpp_evpn_item_id(const struct xmpp_evpn *,
                              char buf[XMPP_ID_STRLEN]);

/* The key that an item id names, in whatever spelling: upper case, an IPv6
 * address in full, "/0" for no address, a group of zeros.  Returns 0 and fills
 * '*key' (initialised here, for the caller to xmpp_evpn_fini()); or -EINVAL
 * and leaves it alone. */
int xmpp_evpn_parse_item_id(const char *id, struct xmpp_evpn *key);

/* Multicast tree route 1/241 (3.8). */
struct xmpp_mcast {
    struct in6_addr group;          /* None stands for 255.255.255.255. */
    struct in6_addr source;         /* None for any. */
    struct in6_addr next_hop;       /* Publish: who joins. */
    uint8_t encaps;                 /* Publish, read: of it.  An agent always
                                     * says MPLS over GRE and UDP. */
    uint32_t label_first, label_last;   /* Publish: labels on offer. */
    uint32_t source_label;          /* Notify: the label given to it. */
    struct tunnel_dst *olist;       /* Notify: tree neighbours. */
    size_t n_olist;
};

void xmpp_mcast_init(struct xmpp_mcast *);
void xmpp_mcast_fini(struct xmpp_mcast *);
void xmpp_mcast_copy(struct xmpp_mcast *dst, const struct xmpp_mcast *src);
/* Whether it is the tree of a network's broadcasts, of 255.255.255.255 and any
 * source. */
bool xmpp_mcast_is_broadcast(const struct xmpp_mcast *);
/* Returns like xmpp_evpn_decode().  The group is always set then.  A publish
 * has 'next_hop' set, an event has not. */
int xmpp_mcast_decode(const struct xmpp_node *entry, struct xmpp_mcast *,
                      struct tsn_err *err);
void xmpp_mcast_encode_publish(struct ds *out, const struct xmpp_mcast *);
void xmpp_mcast_encode_notify(struct ds *out, const struct xmpp_mcast *);
/* NODE-ID of the broadcast tree, or of that of 'group'.  A long 'instance' is
 * cut in it: a NODE-ID only has to be the same in the two stanzas of a
 * publish. */
const char *xmpp_mcast_node_id(const char *instance,
                               char buf[XMPP_ID_STRLEN]);
const char *xmpp_mcast_group_node_id(const char *instance,
                                     const struct in6_addr *group,
                                     char buf[XMPP_ID_STRLEN]);

/* What the id of a notified tree says: which agent's leaf, in which of its
 * instances, of which group. */
struct xmpp_mcast_id {
    struct in6_addr agent;      /* Source of its TCP connection. */
    uint32_t instance_id;
    struct in6_addr group;      /* None stands for 255.255.255.255. */
    struct in6_addr source;     /* None for any. */
};
const char *xmpp_mcast_item_id(const struct xmpp_mcast_id *,
                               char buf[XMPP_ID_STRLEN]);
/* Returns 0 and fills '*mid'; or -EINVAL and leaves it alone. */
int xmpp_mcast_parse_item_id(const char *id, struct xmpp_mcast_id *mid);

#endif /* xmpp/route.h */
