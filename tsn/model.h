/* SPDX-License-Identifier: Apache-2.0 */
/* Plain data that the protocol libraries and the programs exchange.
 *
 * 'xmpp/' and 'ovsdb-client/' never include each other: what one learns
 * reaches the other in these structs.  Addresses are 'struct in6_addr', an
 * IPv4 address is in its IPv4-mapped form (::ffff:a.b.c.d), all zeros means
 * "none".  Nothing here owns a thread or a lock. */
#ifndef TSN_MODEL_H
#define TSN_MODEL_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"

/* Name of the Logical_Switch row of a network: this and the network's uuid
 * (spec/tor-agent.md B.4).  The prefix also tells whose row it is. */
#define TSN_LS_PREFIX "Contrail-"

/* VXLAN network identifiers and MPLS labels that fit the wire. */
#define TSN_VNI_MAX 0xffffff
#define TSN_MPLS_LABEL_MAX 0xfffff
/* Those before it mean something of their own (RFC 3032, 2.1; RFC 7274). */
#define TSN_MPLS_LABEL_MIN 16

#define TSN_VXLAN_PORT 4789

/* Service MAC of every TSN unless configured: the same on all, so that a
 * server's ARP entry survives a switch-over (spec/tsn-dataplane.md D.4). */
#define TSN_SERVICE_MAC "00:00:5e:00:01:00"

/* Encapsulations of a tunnel, a bit each. */
enum tsn_encap {
    TSN_ENCAP_VXLAN = 1 << 0,
    TSN_ENCAP_MPLS_UDP = 1 << 1,
    TSN_ENCAP_MPLS_GRE = 1 << 2,
};

/* A tunnel endpoint that gets frames. */
struct tunnel_dst {
    struct in6_addr ip;
    uint32_t label;             /* VNI or MPLS label, by 'encaps'. */
    uint8_t encaps;             /* enum tsn_encap bits. */
};

/* A MAC that a switch learnt: a row of Ucast_Macs_Local. */
struct local_mac {
    const char *ls_name;        /* Logical_Switch.name. */
    struct eth_addr mac;
    struct in6_addr vtep;       /* Locator of the row. */
    struct in6_addr ip;         /* ipaddr of the row, or none. */
};

/* A tunnel endpoint of a switch that wants a network's BUM frames: one member
 * of the locator sets of Mcast_Macs_Local. */
struct local_flood {
    const char *ls_name;
    struct in6_addr vtep;
};

/* "ip" or "ip:port" or "[ip6]:port".  Returns 0, or -EINVAL and leaves '*ss'
 * alone.  'default_port' is used when there is none. */
struct sockaddr_storage;
int tsn_sockaddr_parse(const char *s, uint16_t default_port,
                       struct sockaddr_storage *ss);

/* A dotted IPv4 or an IPv6 address.  Returns 0 or -EINVAL. */
int tsn_ip_parse(const char *s, struct in6_addr *ip);

/* "ip/len"; the host bits are kept.  '*plen' counts in the address's own
 * family (0..32 or 0..128).  Returns 0 or -EINVAL. */
int tsn_prefix_parse(const char *s, struct in6_addr *ip, uint8_t *plen);

/* A buffer for either family's text, and its filling.  Returns 'buf'. */
#define TSN_IP_STRLEN 46
const char *tsn_ip_format(const struct in6_addr *ip, char buf[TSN_IP_STRLEN]);

/* Whether 'ip' can be that of one host: set, not multicast, not the limited
 * broadcast. */
bool tsn_ip_is_host(const struct in6_addr *ip);

static inline bool
tsn_ip_is_v4(const struct in6_addr *ip)
{
    return IN6_IS_ADDR_V4MAPPED(ip);
}

static inline bool
tsn_ip_is_set(const struct in6_addr *ip)
{
    return !IN6_IS_ADDR_UNSPECIFIED(ip)
           && !(IN6_IS_ADDR_V4MAPPED(ip) && ip->s6_addr32[3] == 0);
}

static inline bool
tsn_ip_equals(const struct in6_addr *a, const struct in6_addr *b)
{
    return IN6_ARE_ADDR_EQUAL(a, b);
}

/* Whether 'ip' is one of 'ips'. */
bool tsn_ip_is_in(const struct in6_addr *ips, size_t n,
                  const struct in6_addr *ip);

#endif /* tsn/model.h */
