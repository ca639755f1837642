/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a frame from the underlay: validation, network, class of its
 * source, and then one action (spec/tsn-dataplane.md B.2-B.7, C.2).  Every
 * engine includes it, so a frame meets the same fate in each of them.
 *
 * Plain C without libc and without a loop, fit for BPF as well.  It allocates
 * nothing and has no state: tables are asked through the fwd_find_*() that
 * the includer defines, copies are made by the includer, with encap.h.
 *
 * Differences from the reference, each on purpose:
 *
 *   - The source must be a member of the network for unicast too, and of a
 *     class that sends in the encapsulation that the frame came in.
 *   - Frames to the link-local group addresses end here.
 *   - A frame from a group or zero MAC is invalid, one with the service MAC
 *     from a switch is one of ours that came back.
 *   - Our MPLS label must be the last of the stack.
 *   - A DHCP request of a MAC without binding is flooded, so that a server in
 *     the network can answer, even when no route to the MAC is known yet.
 *   - So is what belongs to a service that the network does not have here.
 *   - Answers go to where the request came from. */
#ifndef FWD_PIPELINE_H
#define FWD_PIPELINE_H 1

#include "replication/forwarder/classify.h"
#include "replication/forwarder/outer.h"
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

/* Who gets a flooded frame (B.6): a bit for each class.  What came through
 * the tree is on its way to all who have the tree, and what an EVPN peer
 * sends it sends to all of them itself. */
FWD_INLINE __u16
fwd_flood_classes(enum fwd_class source)
{
    return source == FWD_TOR ? 1 << FWD_TOR | 1 << FWD_EVPN | 1 << FWD_TREE
           : source == FWD_TREE ? 1 << FWD_TOR | 1 << FWD_TREE
           : 1 << FWD_TOR;
}

FWD_INLINE void
fwd_flood(struct fwd_verdict *v)
{
    v->action = FWD_FLOOD;
    v->to = fwd_flood_classes(v->class);
    FWD_TRACE(v, FWD_STEP_FLOODED);
}

/* Decides of which class a source is that is a member of 'classes' (B.5):
 * 'first', or 'second' if it is not the first.  To be a member of none of them
 * is one thing, of none that sends so another. */
FWD_INLINE enum fwd_drop
fwd_source_class(__u32 classes, enum fwd_class first, enum fwd_class second,
                 struct fwd_verdict *v)
{
    if (classes & 1u << first) {
        v->class = first;
    } else if (classes & 1u << second) {
        v->class = second;
    } else if (classes) {
        FWD_TRACE(v, FWD_STEP_SOURCE_ENCAP);
        return FWD_DROP_ENCAP_MISMATCH;
    } else {
        FWD_TRACE(v, FWD_STEP_SOURCE_STRANGER);
        return FWD_DROP_INVALID_MCAST_SOURCE;
    }
    FWD_TRACE(v, FWD_STEP_SOURCE);
    return FWD_OK;
}

/* VXLAN header and network (B.2, steps 6a and 9). */
FWD_INLINE enum fwd_drop
fwd_parse_vxlan(const struct fwd_table *table, const struct fwd_arrival *a,
                struct fwd_verdict *v)
{
    const __u8 *p = a->data;

    if (p + FWD_VXLAN_LEN > a->end) {
        FWD_TRACE(v, FWD_STEP_VXLAN_SHORT);
        return FWD_DROP_INVALID_PACKET;
    }
    if (!(p[0] & FWD_VXLAN_I)) {
        FWD_TRACE(v, FWD_STEP_VXLAN_NO_VNI);
        return FWD_DROP_INVALID_VNID;
    }
    if (p[0] & FWD_VXLAN_ALERT) {
        v->kind = FWD_KIND_ALERT;
        FWD_TRACE(v, FWD_STEP_VXLAN_ALERT);
    }
    v->net = fwd_find_net(table, fwd_get24(p + 4));
    if (!v->net) {
        FWD_TRACE(v, FWD_STEP_VNI_UNKNOWN);
        return FWD_DROP_INVALID_VNID;
    }
    FWD_TRACE(v, FWD_STEP_VNI);
    v->inner = p + FWD_VXLAN_LEN;
    return FWD_OK;
}

/* What is between the label stack and the inner frame (B.1.2): a control word
 * that must be zero, and in the tree a second encapsulation, which is not
 * looked at. */
FWD_INLINE enum fwd_drop
fwd_parse_control_word(const __u8 *p, const struct fwd_arrival *a,
                       enum fwd_label_kind kind, struct fwd_verdict *v)
{
    if (kind == FWD_LABEL_TREE || v->net->flags & FWD_NET_CONTROL_WORD) {
        if (p + FWD_CONTROL_WORD_LEN > a->end || fwd_get32(p)) {
            FWD_TRACE(v, FWD_STEP_CONTROL_WORD);
            return FWD_DROP_INVALID_PACKET;
        }
        p += FWD_CONTROL_WORD_LEN;
    }
    if (kind == FWD_LABEL_TREE) {
        if (p + FWD_SECOND_LEN > a->end) {
            FWD_TRACE(v, FWD_STEP_SECOND_SHORT);
            return FWD_DROP_INVALID_PACKET;
        }
        p += FWD_SECOND_LEN;
    }
    v->inner = p;
    return FWD_OK;
}

/* Label stack and network (B.2, step 6b). */
FWD_INLINE enum fwd_drop
fwd_parse_mpls(const struct fwd_table *table, const struct fwd_arrival *a,
               enum fwd_label_kind *kind, struct fwd_verdict *v)
{
    const __u8 *p = a->data;

    if (p + FWD_MPLS_LEN > a->end) {
        FWD_TRACE(v, FWD_STEP_MPLS_SHORT);
        return FWD_DROP_INVALID_PACKET;
    }
    __u32 entry = fwd_get32(p);
    if (entry >> 12 == FWD_MPLS_SKIPPED && !(entry & FWD_MPLS_BOTTOM)) {
        FWD_TRACE(v, FWD_STEP_MPLS_SKIPPED);
        p += FWD_MPLS_LEN;
        if (p + FWD_MPLS_LEN > a->end) {
            FWD_TRACE(v, FWD_STEP_MPLS_SHORT);
            return FWD_DROP_INVALID_PACKET;
        }
        entry = fwd_get32(p);
    }
    v->net = fwd_find_label(table, entry >> 12, kind);
    if (!v->net) {
        FWD_TRACE(v, FWD_STEP_LABEL_UNKNOWN);
        return FWD_DROP_INVALID_LABEL;
    }
    if (!(entry & FWD_MPLS_BOTTOM)) {
        FWD_TRACE(v, FWD_STEP_LABEL_NOT_LAST);
        return FWD_DROP_INVALID_LABEL;
    }
    FWD_TRACE(v, *kind == FWD_LABEL_TREE ? FWD_STEP_LABEL_TREE
                                         : FWD_STEP_LABEL_EVPN);
    if ((entry & 0xff) <= 1) {
        FWD_TRACE(v, FWD_STEP_TTL_EXCEEDED);
        return FWD_DROP_TTL_EXCEEDED;
    }
    v->ttl = (entry & 0xff) - 1;
    return fwd_parse_control_word(p + FWD_MPLS_LEN, a, *kind, v);
}

/* Whether control frames of the source are for our services: those from a
 * switch, and from an EVPN peer those of a MAC that says so (B.7, column E).
 * If so, 'v->dest' is where answers go to. */
FWD_INLINE _Bool
fwd_is_served(const struct fwd_table *table, const struct fwd_arrival *a,
              const struct fwd_inner *in, struct fwd_verdict *v)
{
    const struct fwd_mac *mac;

    v->dest.ip = a->source;
    v->dest.label = v->net->vni;
    v->dest.class = v->class;
    v->dest.encap = FWD_VXLAN;
    if (v->class == FWD_TOR) {
        FWD_TRACE(v, FWD_STEP_SERVED_TOR);
        return 1;
    }
    if (v->class != FWD_EVPN) {
        FWD_TRACE(v, FWD_STEP_NOT_SERVED_TREE);
        return 0;
    }
    mac = fwd_find_mac(table, v->net, in->eth + 6);
    if (!mac || !(mac->flags & FWD_MAC_EVPN_CONTROL)) {
        FWD_TRACE(v, FWD_STEP_NOT_SERVED_EVPN);
        return 0;
    }
    if (a->encap != FWD_VXLAN) {
        /* Which label the peer wants only the route says. */
        if (!fwd_ip_equals(&mac->tunnel, &a->source)) {
            FWD_TRACE(v, FWD_STEP_NOT_SERVED_MOVED);
            return 0;
        }
        v->dest.label = mac->label;
        v->dest.encap = mac->encap;
    }
    FWD_TRACE(v, FWD_STEP_SERVED_EVPN);
    return 1;
}

/* Punts what the network has a service for.  Returns false otherwise. */
FWD_INLINE _Bool
fwd_punt(struct fwd_verdict *v, enum fwd_punt_reason reason)
{
    if (!(v->net->services & 1u << reason)) {
        FWD_TRACE(v, FWD_STEP_NO_SERVICE);
        return 0;
    }
    v->action = FWD_PUNT;
    v->punt = reason;
    FWD_TRACE(v, FWD_STEP_PUNTED);
    return 1;
}

/* Punts the DHCP message of a MAC whose server we are.  Returns false for
 * those of others. */
FWD_INLINE _Bool
fwd_punt_dhcp(const struct fwd_table *table, const struct fwd_inner *in,
              struct fwd_verdict *v)
{
    const struct fwd_mac *mac = fwd_find_mac(table, v->net, in->eth + 6);
    _Bool v4 = v->kind == FWD_KIND_DHCP4;

    if (!mac || !(mac->flags & (v4 ? FWD_MAC_DHCP4 : FWD_MAC_DHCP6))) {
        FWD_TRACE(v, FWD_STEP_DHCP_UNBOUND);
        return 0;
    }
    v->action = FWD_PUNT;
    v->punt = v4 ? FWD_PUNT_DHCP4 : FWD_PUNT_DHCP6;
    FWD_TRACE(v, FWD_STEP_PUNTED);
    return 1;
}

FWD_INLINE void
fwd_answer(struct fwd_verdict *v, const struct fwd_arp *target)
{
    v->action = FWD_ANSWER;
    __builtin_memcpy(v->mac, target->mac, 6);
    FWD_TRACE(v, FWD_STEP_ARP_ANSWERED);
}

/* An ARP packet to everybody (C.2.2). */
FWD_INLINE enum fwd_drop
fwd_group_arp(const struct fwd_table *table, const struct fwd_arrival *a,
              const struct fwd_inner *in, struct fwd_verdict *v)
{
    struct arp_packet arp;
    enum arp_kind kind = arp_parse(in->l3, in->end, &arp);

    if (kind == ARP_MALFORMED) {
        FWD_TRACE(v, FWD_STEP_ARP_MALFORMED);
        return FWD_DROP_INVALID_ARP;
    }
    const struct fwd_arp *target
        = kind == ARP_REQUEST ? fwd_find_arp(table, v->net, arp.tpa) : 0;
    FWD_TRACE(v, kind != ARP_REQUEST ? FWD_STEP_ARP_NO_REQUEST
                 : target ? FWD_STEP_ARP_KNOWN : FWD_STEP_ARP_UNKNOWN);
    if (target && fwd_is_served(table, a, in, v)) {
        fwd_answer(v, target);
    } else if (target && target->service) {
        /* Who is not behind our switches has a service node of its own. */
        FWD_TRACE(v, FWD_STEP_ARP_NOT_OURS);
        return FWD_DROP_INVALID_ARP;
    } else {
        fwd_flood(v);
    }
    return FWD_OK;
}

/* Gives the services what is for them of an untagged frame to a group address
 * (B.7).  Returns false if it is to be flooded. */
FWD_INLINE _Bool
fwd_intercept(const struct fwd_table *table, const struct fwd_arrival *a,
              const struct fwd_inner *in, struct fwd_verdict *v)
{
    switch (v->kind) {
    case FWD_KIND_DHCP4:
    case FWD_KIND_DHCP6:
        return fwd_is_served(table, a, in, v) && fwd_punt_dhcp(table, in, v);
    case FWD_KIND_IGMP:
        return fwd_is_served(table, a, in, v) && fwd_punt(v, FWD_PUNT_IGMP);
    case FWD_KIND_ROUTER_SOLICIT:
        return fwd_is_served(table, a, in, v) && fwd_punt(v, FWD_PUNT_ND);
    case FWD_KIND_NEIGHBOR_ADVERT:
        v->punt_too = fwd_is_served(table, a, in, v)
                      && fwd_punt(v, FWD_PUNT_ND);
        return 0;
    default:
        return 0;
    }
}

/* A frame to a group address.  A tagged one is only flooded. */
FWD_INLINE enum fwd_drop
fwd_group(const struct fwd_table *table, const struct fwd_arrival *a,
          const struct fwd_inner *in, struct fwd_verdict *v)
{
    if (fwd_mac_is_link_local(in->eth)) {
        FWD_TRACE(v, FWD_STEP_LINK_LOCAL);
        return FWD_DROP_LINK_LOCAL;
    }
    if (v->kind == FWD_KIND_ARP) {
        return fwd_group_arp(table, a, in, v);
    }
    if (!fwd_intercept(table, a, in, v)) {
        fwd_flood(v);
    }
    return FWD_OK;
}

/* An ARP packet to the service MAC. */
FWD_INLINE enum fwd_drop
fwd_service_arp(const struct fwd_table *table, const struct fwd_inner *in,
                struct fwd_verdict *v)
{
    struct arp_packet arp;
    enum arp_kind kind = arp_parse(in->l3, in->end, &arp);

    if (kind == ARP_MALFORMED) {
        FWD_TRACE(v, FWD_STEP_ARP_MALFORMED);
        return FWD_DROP_INVALID_ARP;
    }
    if (kind == ARP_REQUEST) {
        const struct fwd_arp *target = fwd_find_arp(table, v->net, arp.tpa);

        if (target && target->service) {
            fwd_answer(v, target);
            return FWD_OK;
        }
    }
    FWD_TRACE(v, FWD_STEP_SERVICE_ARP);
    return FWD_DROP_NOWHERE_TO_GO;
}

/* A frame to the service MAC (B.3, row 8). */
FWD_INLINE enum fwd_drop
fwd_service(const struct fwd_table *table, const struct fwd_arrival *a,
            const struct fwd_inner *in, struct fwd_verdict *v)
{
    FWD_TRACE(v, FWD_STEP_TO_SERVICE_MAC);
    if (v->tagged || !fwd_is_served(table, a, in, v)) {
        return FWD_DROP_NOWHERE_TO_GO;
    }
    switch (v->kind) {
    case FWD_KIND_ARP:
        return fwd_service_arp(table, in, v);
    case FWD_KIND_DHCP4:
    case FWD_KIND_DHCP6:
        return fwd_punt_dhcp(table, in, v) ? FWD_OK : FWD_DROP_NOWHERE_TO_GO;
    case FWD_KIND_DNS:
        return fwd_punt(v, FWD_PUNT_DNS) ? FWD_OK : FWD_DROP_NOWHERE_TO_GO;
    case FWD_KIND_NEIGHBOR_SOLICIT:
        return fwd_punt(v, FWD_PUNT_ND) ? FWD_OK : FWD_DROP_NOWHERE_TO_GO;
    default:
        FWD_TRACE(v, FWD_STEP_SERVICE_NONE);
        return FWD_DROP_NOWHERE_TO_GO;
    }
}

/* A frame that came by VNI to a single MAC other than ours (B.3, rows 5-9). */
FWD_INLINE enum fwd_drop
fwd_unicast(const struct fwd_table *table, const struct fwd_arrival *a,
            const struct fwd_inner *in, struct fwd_verdict *v)
{
    const struct fwd_mac *mac = fwd_find_mac(table, v->net, in->eth);

    if (!mac || !(mac->flags & FWD_MAC_ROUTE)) {
        if (!(v->net->flags & FWD_NET_FLOOD_UNKNOWN)) {
            FWD_TRACE(v, FWD_STEP_UNICAST_NOT_FLOODED);
            return FWD_DROP_NO_L2_ROUTE;
        }
        FWD_TRACE(v, FWD_STEP_UNICAST_UNKNOWN);
        v->unknown_unicast = 1;
        fwd_flood(v);
        return FWD_OK;
    }

    if (in->type == FWD_ETH_P_IPV4 || in->type == FWD_ETH_P_IPV6) {
        FWD_TRACE(v, FWD_STEP_UNICAST_IP);
        return FWD_DROP_INVALID_SOURCE;
    }
    if (fwd_ip_is_zero(&mac->tunnel)) {
        FWD_TRACE(v, FWD_STEP_UNICAST_NO_TUNNEL);
        return FWD_DROP_NO_TUNNEL;
    }
    if (fwd_ip_equals(&mac->tunnel, &a->source)) {
        FWD_TRACE(v, FWD_STEP_UNICAST_BACK);
        return FWD_DROP_PACKET_LOOP;
    }
    v->action = FWD_RELAY;
    v->dest.ip = mac->tunnel;
    v->dest.label = mac->label;
    v->dest.class = FWD_EVPN;
    v->dest.encap = mac->encap;
    FWD_TRACE(v, FWD_STEP_UNICAST_RELAYED);
    return FWD_OK;
}

/* An inner frame whose source is known to be a member. */
FWD_INLINE enum fwd_drop
fwd_bridge(const struct fwd_table *table, const struct fwd_arrival *a,
           const struct fwd_inner *in, struct fwd_verdict *v)
{
    if (v->kind == FWD_KIND_ALERT) {
        FWD_TRACE(v, FWD_STEP_ALERT);
        return FWD_DROP_NOWHERE_TO_GO;
    }
    if (v->class == FWD_TOR
        && fwd_mac_equals(in->eth + 6, v->net->service_mac)) {
        FWD_TRACE(v, FWD_STEP_OWN_MAC);
        return FWD_DROP_PACKET_LOOP;
    }
    if (!v->tagged) {
        v->kind = fwd_classify(in);
    }
    FWD_TRACE(v, v->tagged ? FWD_STEP_TAGGED : FWD_STEP_KIND);
    if (fwd_mac_is_group(in->eth)) {
        return fwd_group(table, a, in, v);
    }
    if (fwd_mac_equals(in->eth, v->net->service_mac)) {
        return fwd_service(table, a, in, v);
    }
    if (a->encap == FWD_VXLAN) {
        return fwd_unicast(table, a, in, v);
    }
    /* Labels lead to the flood list, with no look at the MAC (B.2, step 11):
     * the sender has found out that it is unknown. */
    FWD_TRACE(v, FWD_STEP_UNICAST_BY_LABEL);
    v->unknown_unicast = 1;
    fwd_flood(v);
    return FWD_OK;
}

/* Begins '*v': finds network and inner frame, and for MPLS the kind of
 * label. */
FWD_INLINE enum fwd_drop
fwd_parse_tunnel(const struct fwd_table *table, const struct fwd_arrival *a,
                 enum fwd_label_kind *kind, struct fwd_verdict *v)
{
    __builtin_memset(v, 0, sizeof *v);
    v->class = FWD_STRANGER;
    v->ttl = FWD_TTL;
    *kind = FWD_LABEL_EVPN;
    return a->encap == FWD_VXLAN ? fwd_parse_vxlan(table, a, v)
                                 : fwd_parse_mpls(table, a, kind, v);
}

/* Goes on with the inner frame. */
FWD_INLINE enum fwd_drop
fwd_decide_inner(const struct fwd_table *table, const struct fwd_host *host,
                 const struct fwd_arrival *a, enum fwd_label_kind kind,
                 struct fwd_verdict *v)
{
    struct fwd_inner in;

    enum fwd_drop drop = fwd_parse_ether(v->inner, a->end, &in, v);
    if (drop) {
        return drop;
    }
    __u32 classes = fwd_find_classes(table, v->net, &a->source);
    drop = a->encap == FWD_VXLAN
           ? fwd_source_class(classes, FWD_TOR, FWD_EVPN, v)
           : kind == FWD_LABEL_TREE
           ? fwd_source_class(classes, FWD_TREE, FWD_TREE, v)
           : fwd_source_class(classes, FWD_EVPN, FWD_EVPN, v);
    if (drop) {
        return drop;
    }
    v->port = fwd_entropy_port(v->net, in.eth);
    fwd_look_at_ip(host, &in, v);
    return fwd_bridge(table, a, &in, v);
}

/* Decides about the frame that arrived as 'a' says.  Fills '*v' whole. */
FWD_INLINE void
fwd_decide(const struct fwd_table *table, const struct fwd_host *host,
           const struct fwd_arrival *a, struct fwd_verdict *v)
{
    enum fwd_label_kind kind;

    v->drop = fwd_parse_tunnel(table, a, &kind, v);
    if (!v->drop) {
        v->drop = fwd_decide_inner(table, host, a, kind, v);
    }
    if (v->drop) {
        v->action = FWD_DROP;
    }
}

#endif /* replication/forwarder/pipeline.h */
