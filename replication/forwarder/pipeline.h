/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a frame from the underlay: validation, network, class of its
 * source, and then one action (spec/tsn-dataplane.md B.2-B.7, C.2).  Every
 * engine includes it, so a frame meets the same fate in each of them.
 *
 * Plain C without libc and without a loop, fit for BPF as well.  It allocates
 * nothing and has no state: tables are asked through the fwd_find_*() that
 * the includer defines, copies are made by the includer.
 *
 * Differences from the reference, each on purpose:
 *
 *   - The source must be a member of the network for unicast too.
 *   - Frames to the link-local group addresses end here.
 *   - A frame from a group or zero MAC is invalid.
 *   - A DHCP request of a MAC without binding is flooded, so that a server in
 *     the network can answer, even when no route to the MAC is known yet. */
#ifndef FWD_PIPELINE_H
#define FWD_PIPELINE_H 1

#include "replication/forwarder/types.h"
#include "replication/services/arp.h"

/* Look-ups, defined by whoever includes this file. */
struct fwd_table;
static inline const struct fwd_net *fwd_find_net(const struct fwd_table *,
                                                 __u32 vni);
/* Of an MPLS label that leads to a network.  Sets '*kind' if there is one. */
static inline const struct fwd_net *fwd_find_label(const struct fwd_table *,
                                                   __u32 label,
                                                   enum fwd_label_kind *kind);
/* The classes that 'source' is a member of: 1 << enum fwd_class, or-ed. */
static inline __u32 fwd_find_classes(const struct fwd_table *,
                                     const struct fwd_net *,
                                     const struct fwd_ip *source);
static inline const struct fwd_mac *fwd_find_mac(const struct fwd_table *,
                                                 const struct fwd_net *,
                                                 const __u8 *mac);
static inline const struct fwd_arp *fwd_find_arp(const struct fwd_table *,
                                                 const struct fwd_net *,
                                                 __be32 ip);

/* The fate of a frame. */
struct fwd_verdict {
    const struct fwd_net *net;  /* NULL before the VNI was accepted. */
    const __u8 *inner;          /* The inner frame; NULL likewise. */
    enum fwd_action action;
    enum fwd_drop drop;         /* FWD_DROP: why. */
    enum fwd_class class;       /* Of the source. */
    enum fwd_punt_reason punt;  /* FWD_PUNT: to which service. */
    __u16 to;                   /* FWD_FLOOD: 1 << enum fwd_class, or-ed. */
    __u16 port;                 /* UDP source port of every copy. */
    __u32 label;                /* FWD_RELAY: VNI to send with. */
    struct fwd_ip tunnel;       /* FWD_RELAY: where to. */
    __u8 mac[6];                /* FWD_ANSWER: whom it names. */
    _Bool tagged;               /* The inner frame has an 802.1Q tag: */
    _Bool unknown_unicast;      /* FWD_FLOOD: it is one. */
    __u16 tci;                  /* its priority and VLAN. */
};

/* The inner frame, taken apart. */
struct fwd_inner {
    const __u8 *eth;            /* FWD_ETHER_LEN octets are there. */
    const __u8 *l3;             /* What follows the header or the tag. */
    const __u8 *end;
    __u16 type;                 /* Behind the tag, if there is one. */
};

/* What the source of a VXLAN frame is, if it is a member of 'classes' (B.5).
 * A neighbour in the tree sends no VXLAN. */
FWD_INLINE enum fwd_class
fwd_source_class(__u32 classes)
{
    return classes & 1 << FWD_TOR ? FWD_TOR
           : classes & 1 << FWD_EVPN ? FWD_EVPN : FWD_STRANGER;
}

/* Who gets a flooded frame (B.6): a bit for each class. */
FWD_INLINE __u16
fwd_flood_classes(enum fwd_class source)
{
    return source == FWD_TOR ? 1 << FWD_TOR | 1 << FWD_EVPN : 1 << FWD_TOR;
}

FWD_INLINE void
fwd_flood(struct fwd_verdict *v)
{
    v->action = FWD_FLOOD;
    v->to = fwd_flood_classes(v->class);
}

/* VXLAN header and network (B.2, step 6a). */
FWD_INLINE enum fwd_drop
fwd_parse_vxlan(const struct fwd_table *table, const __u8 *data,
                const __u8 *end, struct fwd_verdict *v)
{
    if (data + FWD_VXLAN_LEN > end) {
        return FWD_DROP_INVALID_PACKET;
    }
    if (!(data[0] & FWD_VXLAN_I)) {
        return FWD_DROP_INVALID_VNID;
    }
    v->net = fwd_find_net(table, fwd_get24(data + 4));
    if (!v->net) {
        return FWD_DROP_INVALID_VNID;
    }
    v->inner = data + FWD_VXLAN_LEN;
    return FWD_OK;
}

/* Inner Ethernet header.  One 802.1Q tag is looked behind; other tags are
 * types like any other (B.2, step 8). */
FWD_INLINE enum fwd_drop
fwd_parse_ether(const __u8 *eth, const __u8 *end, struct fwd_inner *in,
                struct fwd_verdict *v)
{
    if (eth + FWD_ETHER_LEN > end || fwd_mac_is_group(eth + 6)
        || fwd_mac_is_zero(eth + 6)) {
        return FWD_DROP_INVALID_PACKET;
    }
    in->eth = eth;
    in->l3 = eth + FWD_ETHER_LEN;
    in->end = end;
    in->type = fwd_get16(eth + 12);
    if (in->type == FWD_ETH_P_8021Q) {
        if (in->l3 + FWD_VLAN_LEN > end) {
            return FWD_DROP_INVALID_PACKET;
        }
        v->tagged = 1;
        v->tci = fwd_get16(in->l3);
        in->type = fwd_get16(in->l3 + 2);
        in->l3 += FWD_VLAN_LEN;
    }
    return FWD_OK;
}

/* A DHCP client's message, by its ports, in an IPv4 packet that is whole.
 * Whether it is sound the server checks. */
FWD_INLINE _Bool
fwd_is_dhcp4_client(const struct fwd_inner *in)
{
    const __u8 *ip = in->l3;

    if (in->type != FWD_ETH_P_IPV4 || ip + FWD_IPV4_MIN_LEN > in->end) {
        return 0;
    }
    __u32 header_len = (ip[0] & 0x0f) * 4;
    if (ip[0] >> 4 != 4 || header_len < FWD_IPV4_MIN_LEN
        || ip[9] != FWD_IPV4_PROTO_UDP
        || fwd_get16(ip + 6) & FWD_IPV4_FRAGMENT) {
        return 0;
    }
    const __u8 *udp = ip + header_len;
    return udp + FWD_UDP_LEN <= in->end
           && fwd_get16(udp) == FWD_DHCP4_CLIENT_PORT
           && fwd_get16(udp + 2) == FWD_DHCP4_SERVER_PORT;
}

/* Punts the DHCP message of a server that is ours.  Returns false for those
 * of others. */
FWD_INLINE _Bool
fwd_punt_dhcp4(const struct fwd_table *table, const struct fwd_inner *in,
               struct fwd_verdict *v)
{
    const struct fwd_mac *mac = fwd_find_mac(table, v->net, in->eth + 6);

    if (!mac || !(mac->flags & FWD_MAC_DHCP4)) {
        return 0;
    }
    v->action = FWD_PUNT;
    v->punt = FWD_PUNT_DHCP4;
    return 1;
}

/* An ARP packet to everybody (C.2.2). */
FWD_INLINE enum fwd_drop
fwd_group_arp(const struct fwd_table *table, const struct fwd_inner *in,
              struct fwd_verdict *v)
{
    struct arp_packet arp;
    enum arp_kind kind = arp_parse(in->l3, in->end, &arp);

    if (kind == ARP_MALFORMED) {
        return FWD_DROP_INVALID_ARP;
    }
    const struct fwd_arp *target
        = kind == ARP_REQUEST ? fwd_find_arp(table, v->net, arp.tpa) : 0;
    if (target && v->class == FWD_TOR) {
        v->action = FWD_ANSWER;
        __builtin_memcpy(v->mac, target->mac, 6);
    } else if (target && target->service) {
        /* Who is not behind our switches has a service node of its own. */
        return FWD_DROP_INVALID_ARP;
    } else {
        fwd_flood(v);
    }
    return FWD_OK;
}

/* A frame to a group address (B.7).  A tagged one is only flooded. */
FWD_INLINE enum fwd_drop
fwd_group(const struct fwd_table *table, const struct fwd_inner *in,
          struct fwd_verdict *v)
{
    if (fwd_mac_is_link_local(in->eth)) {
        return FWD_DROP_LINK_LOCAL;
    }
    if (!v->tagged) {
        if (in->type == FWD_ETH_P_ARP) {
            return fwd_group_arp(table, in, v);
        }
        if (v->class == FWD_TOR && fwd_is_dhcp4_client(in)
            && fwd_punt_dhcp4(table, in, v)) {
            return FWD_OK;
        }
    }
    fwd_flood(v);
    return FWD_OK;
}

/* A frame to the service MAC (B.3, row 8). */
FWD_INLINE enum fwd_drop
fwd_service(const struct fwd_table *table, const struct fwd_inner *in,
            struct fwd_verdict *v)
{
    if (v->tagged || v->class != FWD_TOR) {
        return FWD_DROP_NOWHERE_TO_GO;
    }
    if (in->type == FWD_ETH_P_ARP) {
        struct arp_packet arp;
        enum arp_kind kind = arp_parse(in->l3, in->end, &arp);

        if (kind == ARP_MALFORMED) {
            return FWD_DROP_INVALID_ARP;
        }
        if (kind == ARP_REQUEST) {
            const struct fwd_arp *target
                = fwd_find_arp(table, v->net, arp.tpa);

            if (target && target->service) {
                v->action = FWD_ANSWER;
                __builtin_memcpy(v->mac, target->mac, 6);
                return FWD_OK;
            }
        }
    } else if (fwd_is_dhcp4_client(in) && fwd_punt_dhcp4(table, in, v)) {
        return FWD_OK;
    }
    return FWD_DROP_NOWHERE_TO_GO;
}

/* A frame to a single MAC (B.3, rows 5-9). */
FWD_INLINE enum fwd_drop
fwd_unicast(const struct fwd_table *table, const struct fwd_ip *source,
            const struct fwd_inner *in, struct fwd_verdict *v)
{
    if (fwd_mac_equals(in->eth, v->net->service_mac)) {
        return fwd_service(table, in, v);
    }

    const struct fwd_mac *mac = fwd_find_mac(table, v->net, in->eth);
    if (!mac || !(mac->flags & FWD_MAC_ROUTE)) {
        if (!(v->net->flags & FWD_NET_FLOOD_UNKNOWN)) {
            return FWD_DROP_NO_L2_ROUTE;
        }
        v->unknown_unicast = 1;
        fwd_flood(v);
        return FWD_OK;
    }

    if (in->type == FWD_ETH_P_IPV4 || in->type == FWD_ETH_P_IPV6) {
        return FWD_DROP_INVALID_SOURCE;
    }
    if (fwd_ip_is_zero(&mac->tunnel)) {
        return FWD_DROP_NO_TUNNEL;
    }
    if (fwd_ip_equals(&mac->tunnel, source)) {
        return FWD_DROP_PACKET_LOOP;
    }
    v->action = FWD_RELAY;
    v->tunnel = mac->tunnel;
    v->label = mac->label;
    return FWD_OK;
}

FWD_INLINE enum fwd_drop
fwd_decide__(const struct fwd_table *table, const struct fwd_ip *source,
             const __u8 *data, const __u8 *end, struct fwd_verdict *v)
{
    struct fwd_inner in;
    enum fwd_drop drop;

    drop = fwd_parse_vxlan(table, data, end, v);
    if (drop) {
        return drop;
    }
    drop = fwd_parse_ether(v->inner, end, &in, v);
    if (drop) {
        return drop;
    }
    v->class = fwd_source_class(fwd_find_classes(table, v->net, source));
    if (v->class == FWD_STRANGER) {
        return FWD_DROP_INVALID_MCAST_SOURCE;
    }
    v->port = fwd_entropy_port(v->net, in.eth);
    return fwd_mac_is_group(in.eth)
           ? fwd_group(table, &in, v)
           : fwd_unicast(table, source, &in, v);
}

/* Decides about the frame that came from 'source' to our VXLAN port: 'data' is
 * its VXLAN header, 'end' the end of it.  Fills '*v' whole. */
FWD_INLINE void
fwd_decide(const struct fwd_table *table, const struct fwd_ip *source,
           const __u8 *data, const __u8 *end, struct fwd_verdict *v)
{
    __builtin_memset(v, 0, sizeof *v);
    v->class = FWD_STRANGER;
    v->drop = fwd_decide__(table, source, data, end, v);
    if (v->drop) {
        v->action = FWD_DROP;
    }
}

#endif /* replication/forwarder/pipeline.h */
