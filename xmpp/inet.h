/* SPDX-License-Identifier: Apache-2.0 */
/* Unicast IP routes, 1/1, 1/4 and 2/1 (spec/xmpp-protocol.md 3.4).  Of them we
 * use those of hosts of the underlay; the others are read so that a peer that
 * sends bad ones is known for it.  No I/O, any thread. */
#ifndef XMPP_INET_H
#define XMPP_INET_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tsn/model.h"
#include "xmpp/route.h"

struct ds;
struct tsn_err;
struct xmpp_node;

/* The instance of the underlay (2.1). */
#define XMPP_FABRIC_INSTANCE "default-domain:default-project:ip-fabric:" \
    "__default__"

/* That in which service nodes announce their own addresses
 * (spec/tsn-dataplane.md A.8). */
#define XMPP_FABRIC_POLICY_INSTANCE "default-domain:default-project:" \
    "ip-fabric:ip-fabric"

/* End of a list that a peer may make long. */
#define XMPP_MAX_COMMUNITIES 256

struct xmpp_inet_hop {
    struct tunnel_dst dst;
    struct xmpp_hop_more more;  /* No 'l3_label'. */
    char *virtual_network;      /* May be NULL. */
};

/* Fields of a packet by which flows are spread, a bit each. */
enum xmpp_balance_field {
    XMPP_BALANCE_L3_SOURCE = 1 << 0,
    XMPP_BALANCE_L3_DESTINATION = 1 << 1,
    XMPP_BALANCE_L4_PROTOCOL = 1 << 2,
    XMPP_BALANCE_L4_SOURCE_PORT = 1 << 3,
    XMPP_BALANCE_L4_DESTINATION_PORT = 1 << 4,
};

enum xmpp_sub_protocol {
    XMPP_SUB_INTERFACE,         /* Also what is not known. */
    XMPP_SUB_INTERFACE_STATIC,
    XMPP_SUB_SERVICE_INTERFACE,
    XMPP_SUB_BGPAAS,
};

struct xmpp_inet {
    uint32_t family;            /* XMPP_FAMILY_INET and the like: the key */
    struct in6_addr ip;         /* with this, "::" and "0.0.0.0" being */
    uint8_t plen;               /* different, and this. */

    struct xmpp_inet_hop *hops;
    size_t n_hops;
    char *virtual_network;      /* Origin, from a server; may be NULL. */
    uint32_t *security_groups;
    size_t n_security_groups;
    uint32_t *communities;      /* AS << 16 | value. */
    size_t n_communities;
    uint32_t local_pref, med, sequence;
    uint8_t balance_fields;     /* enum xmpp_balance_field bits. */
    bool source_bias;           /* Else by the fields. */
    bool sticky;
    enum xmpp_sub_protocol sub_protocol;
};

void xmpp_inet_fini(struct xmpp_inet *);

/* Reads an <entry> of that family, of either side.  Returns 0 and fills
 * '*route' (initialised here, for the caller to xmpp_inet_fini()); or leaves
 * it alone, fills '*err' and returns -EBADMSG: this item is to be skipped. */
int xmpp_inet_decode(const struct xmpp_node *entry, uint32_t family,
                     struct xmpp_inet *route, struct tsn_err *err);

/* Whether a control node takes it from an agent; a withdraw it takes without.
 * 'is_fabric' says that it is published into the instance of the underlay.
 * Returns 0; or -EBADMSG and fills '*err'. */
int xmpp_inet_check_publish(const struct xmpp_inet *, bool is_fabric,
                            struct tsn_err *err);

/* The id of a notified item, which is its prefix.  Returns 0 and fills '*ip'
 * and '*plen'; or -EINVAL and leaves them alone. */
int xmpp_inet_parse_item_id(const char *id, uint32_t family,
                            struct in6_addr *ip, uint8_t *plen);

/* Appends the <entry> that an agent publishes for its own IPv4 address. */
void xmpp_inet_encode_host(struct ds *out, const struct in6_addr *ip,
                           uint32_t label);
/* NODE-ID of its publish.  Returns 'buf'. */
const char *xmpp_inet_host_node_id(const char *instance,
                                   const struct in6_addr *ip,
                                   char buf[XMPP_ID_STRLEN]);

#endif /* xmpp/inet.h */
