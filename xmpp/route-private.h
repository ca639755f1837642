/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the readers and the writers of routes. */
#ifndef XMPP_ROUTE_PRIVATE_H
#define XMPP_ROUTE_PRIVATE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct in6_addr;
struct tsn_err;
struct xmpp_evpn_more;
struct xmpp_hop_more;
struct xmpp_node;

/* Names of encapsulations (3.6).  Writers use the first XMPP_N_OWN_ENCAPS, in
 * the order of the table, the others are only understood. */
#define XMPP_N_OWN_ENCAPS 3
#define XMPP_N_ENCAPS 5

struct xmpp_encap {
    const char *name;
    uint8_t bit;                /* enum tsn_encap. */
};
extern const struct xmpp_encap xmpp_encaps[XMPP_N_ENCAPS];

/* Tags have 16 bits of type and 32 of value; in the old form 16 and 16
 * (3.6). */
#define XMPP_TAG_MAX ((UINT64_C(1) << 48) - 1)

/* route.c.  They read a child of 'parent', which may be NULL; what is missing
 * or empty is zero.  Return 0 or -EBADMSG with '*err' filled. */
int route_bad_value(const struct xmpp_node *, struct tsn_err *);
int route_get_uint(const struct xmpp_node *parent, const char *name,
                   uint32_t max, uint32_t *value, struct tsn_err *);
int route_get_ip(const struct xmpp_node *parent, const char *name,
                 struct in6_addr *, struct tsn_err *);
bool route_get_bool(const struct xmpp_node *parent, const char *name);
uint8_t route_get_encaps(const struct xmpp_node *next_hop);
int route_check_family(const struct xmpp_node *nlri, uint32_t afi,
                       uint32_t safi, struct tsn_err *);
int route_get_mobility(const struct xmpp_node *entry, bool *sticky,
                       uint32_t *sequence, struct tsn_err *);
/* Adds to '*groups', which is the caller's to free also on failure. */
int route_get_security_groups(const struct xmpp_node *entry, uint32_t **groups,
                              size_t *n, struct tsn_err *);

/* route-more.c */
/* Fills '*more' (initialised here, for the caller to route_hop_more_fini(),
 * but on failure empty). */
int route_get_hop_more(const struct xmpp_node *next_hop,
                       struct xmpp_hop_more *more, struct tsn_err *);
void route_hop_more_fini(struct xmpp_hop_more *);
bool route_hop_more_is_empty(const struct xmpp_hop_more *);

/* NULL stands for one that has nothing set. */
void route_more_free(struct xmpp_evpn_more *);
struct xmpp_evpn_more *route_more_clone(const struct xmpp_evpn_more *);
bool route_more_equals(const struct xmpp_evpn_more *,
                       const struct xmpp_evpn_more *);

#endif /* xmpp/route-private.h */
