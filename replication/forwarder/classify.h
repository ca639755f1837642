/* SPDX-License-Identifier: Apache-2.0 */
/* What the inner frame is (spec/tsn-dataplane.md B.2 step 8, B.7).  Part of
 * the pipeline, so plain C without libc and without a loop, fit for BPF as
 * well. */
#ifndef FWD_CLASSIFY_H
#define FWD_CLASSIFY_H 1

#include "replication/forwarder/trace.h"
#include "replication/forwarder/types.h"

/* Octets of an inner frame that are looked at, at most: up to the ports of an
 * IPv4 packet with all options. */
#define FWD_INNER_LOOKED_AT (FWD_ETHER_LEN + 60 + FWD_UDP_LEN)

/* The inner frame, taken apart. */
struct fwd_inner {
    const __u8 *eth;            /* FWD_ETHER_LEN octets are there. */
    const __u8 *l3;             /* What follows the header or the tag. */
    const __u8 *end;
    __u16 type;                 /* Behind the tag, if there is one. */
};

/* Inner Ethernet header.  One 802.1Q tag is looked behind; other tags are
 * types like any other. */
FWD_INLINE enum fwd_drop
fwd_parse_ether(const __u8 *eth, const __u8 *end, struct fwd_inner *in,
                struct fwd_verdict *v)
{
    if (eth + FWD_ETHER_LEN > end) {
        FWD_TRACE(v, FWD_STEP_ETHER_SHORT);
        return FWD_DROP_INVALID_PACKET;
    }
    if (fwd_mac_is_group(eth + 6) || fwd_mac_is_zero(eth + 6)) {
        FWD_TRACE(v, FWD_STEP_ETHER_SOURCE);
        return FWD_DROP_INVALID_PACKET;
    }
    in->eth = eth;
    in->l3 = eth + FWD_ETHER_LEN;
    in->end = end;
    in->type = fwd_get16(eth + 12);
    if (in->type == FWD_ETH_P_8021Q) {
        if (in->l3 + FWD_VLAN_LEN > end) {
            FWD_TRACE(v, FWD_STEP_ETHER_TAG_SHORT);
            return FWD_DROP_INVALID_PACKET;
        }
        v->tagged = 1;
        v->tci = fwd_get16(in->l3);
        in->type = fwd_get16(in->l3 + 2);
        in->l3 += FWD_VLAN_LEN;
    }
    return FWD_OK;
}

/* What of the inner IP header copies depend on: DSCP, which the outer header
 * may get, while ECN stays 0 (RFC 6040, 4.1, compatibility mode), and whether
 * the packet must stay whole, as each of IPv6 must (B.10). */
FWD_INLINE void
fwd_look_at_ip(const struct fwd_host *host, const struct fwd_inner *in,
               struct fwd_verdict *v)
{
    __u8 tos;

    v->tos = host->tos;
    if (in->l3 + 8 > in->end) {
        return;
    }
    if (in->type == FWD_ETH_P_IPV4) {
        tos = in->l3[1];
        v->df = !!(fwd_get16(in->l3 + 6) & FWD_IPV4_DF);
    } else if (in->type == FWD_ETH_P_IPV6) {
        tos = fwd_get16(in->l3) >> 4;
        v->df = 1;
    } else {
        return;
    }
    if (host->copy_dscp) {
        v->tos = tos & 0xfc;
    }
}

/* A DHCP client's message is known by its ports, in an IPv4 packet that is
 * whole.  Whether it is sound the server checks.  DNS, to the service MAC
 * alone, is known by its port. */
FWD_INLINE enum fwd_kind
fwd_classify_ipv4(const struct fwd_inner *in)
{
    const __u8 *ip = in->l3;

    if (ip + FWD_IPV4_LEN > in->end) {
        return FWD_KIND_DATA;
    }
    __u32 header_len = (ip[0] & 0x0f) * 4;
    if (ip[0] >> 4 != 4 || header_len < FWD_IPV4_LEN) {
        return FWD_KIND_DATA;
    }
    __u8 proto = ip[9];
    if (proto == FWD_IP_PROTO_IGMP) {
        return FWD_KIND_IGMP;
    }
    if ((proto != FWD_IP_PROTO_UDP && proto != FWD_IP_PROTO_TCP)
        || fwd_get16(ip + 6) & FWD_IPV4_FRAGMENT) {
        return FWD_KIND_DATA;
    }
    const __u8 *ports = ip + header_len;
    if (ports + FWD_UDP_LEN > in->end) {
        return FWD_KIND_DATA;
    }
    return proto == FWD_IP_PROTO_UDP
           && fwd_get16(ports) == FWD_DHCP4_CLIENT_PORT
           && fwd_get16(ports + 2) == FWD_DHCP4_SERVER_PORT
           ? FWD_KIND_DHCP4
           : fwd_get16(ports + 2) == FWD_DNS_PORT ? FWD_KIND_DNS
           : FWD_KIND_DATA;
}

FWD_INLINE enum fwd_kind
fwd_classify_icmpv6(const __u8 *ip, _Bool to_all)
{
    switch (ip[FWD_IPV6_LEN]) {
    case FWD_ICMPV6_RS:
        return to_all ? FWD_KIND_ROUTER_SOLICIT : FWD_KIND_DATA;
    case FWD_ICMPV6_NS:
        return FWD_KIND_NEIGHBOR_SOLICIT;
    case FWD_ICMPV6_NA:
        return FWD_KIND_NEIGHBOR_ADVERT;
    }
    return FWD_KIND_DATA;
}

/* Without extension headers, as is all that we serve.  Router solicitations
 * and DHCPv6 of clients go to ff02::/16. */
FWD_INLINE enum fwd_kind
fwd_classify_ipv6(const struct fwd_inner *in)
{
    const __u8 *ip = in->l3;

    if (ip + FWD_IPV6_LEN + FWD_UDP_LEN > in->end || ip[0] >> 4 != 6) {
        return FWD_KIND_DATA;
    }
    _Bool to_all = ip[24] == 0xff && ip[25] == 0x02;
    const __u8 *ports = ip + FWD_IPV6_LEN;
    switch (ip[6]) {
    case FWD_IP_PROTO_ICMPV6:
        return fwd_classify_icmpv6(ip, to_all);
    case FWD_IP_PROTO_UDP:
        if (to_all && fwd_get16(ports) == FWD_DHCP6_CLIENT_PORT) {
            return FWD_KIND_DHCP6;
        }
        return fwd_get16(ports + 2) == FWD_DNS_PORT ? FWD_KIND_DNS
                                                    : FWD_KIND_DATA;
    case FWD_IP_PROTO_TCP:
        return fwd_get16(ports + 2) == FWD_DNS_PORT ? FWD_KIND_DNS
                                                    : FWD_KIND_DATA;
    }
    return FWD_KIND_DATA;
}

/* What an untagged frame is.  DNS is of interest only to the service MAC. */
FWD_INLINE enum fwd_kind
fwd_classify(const struct fwd_inner *in)
{
    switch (in->type) {
    case FWD_ETH_P_ARP:
        return FWD_KIND_ARP;
    case FWD_ETH_P_IPV4:
        return fwd_classify_ipv4(in);
    case FWD_ETH_P_IPV6:
        return fwd_classify_ipv6(in);
    }
    return FWD_KIND_DATA;
}

#endif /* replication/forwarder/classify.h */
