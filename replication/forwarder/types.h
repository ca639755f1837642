/* SPDX-License-Identifier: Apache-2.0 */
/* What the pipeline speaks of: classes, actions, reasons, table entries.
 * Plain C without libc, fit for BPF as well. */
#ifndef FWD_TYPES_H
#define FWD_TYPES_H 1

#include "replication/forwarder/wire.h"

/* An address of the underlay, in network order; IPv4 is v4-mapped. */
struct fwd_ip {
    __u8 b[16];
};

/* What a tunnel endpoint is to a network.  Also what a frame's source is.
 * Copies are made in this order (B.6). */
enum fwd_class {
    FWD_TOR,                    /* A switch that leaves flooding to us. */
    FWD_EVPN,                   /* One that replicates by itself. */
    FWD_TREE,                   /* A neighbour in the network's MPLS tree. */
    FWD_N_CLASSES,
    FWD_STRANGER = FWD_N_CLASSES    /* No member: only as a source. */
};

/* What a frame travels in (B.1.2). */
enum fwd_encap {
    FWD_VXLAN,
    FWD_MPLS_UDP,
    FWD_MPLS_GRE,
    FWD_N_ENCAPS
};

/* What a label leads to, besides to a network: the flood tree, whose frames
 * have a second encapsulation, or the peers that replicate by themselves. */
enum fwd_label_kind {
    FWD_LABEL_TREE,
    FWD_LABEL_EVPN,
    FWD_N_LABEL_KINDS
};

/* An MPLS label by which frames of a network come in.  There may be several
 * of a kind: the one that is in use and those that are being retired. */
struct fwd_in_label {
    __u32 label;
    enum fwd_label_kind kind;
};

/* Who gets copies.  A network has at most one of each (class, address). */
struct fwd_member {
    struct fwd_ip ip;
    __u32 label;                /* VNI or MPLS label that it wants. */
    enum fwd_class class;
    enum fwd_encap encap;
};

enum fwd_action {
    FWD_DROP,
    FWD_PASS,                   /* Not ours: to the host's own stack. */
    FWD_FLOOD,                  /* To the members of the classes in 'to'. */
    FWD_ANSWER,                 /* ARP: to 'dest', with 'mac'. */
    FWD_RELAY,                  /* To 'dest', a single copy. */
    FWD_PUNT,                   /* To the services. */
    FWD_N_ACTIONS
};

/* Why a frame or a copy is dropped (B.11).  FWD_OK is no drop. */
enum fwd_drop {
    FWD_OK,
    FWD_DROP_INVALID_VNID,      /* No I flag, or not our VNI. */
    FWD_DROP_INVALID_LABEL,     /* Not our label, or more labels below it. */
    FWD_DROP_TTL_EXCEEDED,      /* Of MPLS: a loop in a tree. */
    FWD_DROP_INVALID_PACKET,    /* Too short, a control word that is not zero,
                                 * or an impossible source MAC. */
    FWD_DROP_INVALID_MCAST_SOURCE,  /* From no member of the network. */
    FWD_DROP_ENCAP_MISMATCH,    /* From a member, but in an encapsulation that
                                 * no member of its class sends. */
    FWD_DROP_LINK_LOCAL,        /* To 01:80:c2:00:00:0x. */
    FWD_DROP_INVALID_ARP,
    FWD_DROP_NO_L2_ROUTE,       /* Unknown unicast in a network that does not
                                 * flood it. */
    FWD_DROP_INVALID_SOURCE,    /* Known IP unicast from fabric to fabric. */
    FWD_DROP_PACKET_LOOP,       /* Would go back to its source, or is one of
                                 * ours that came back. */
    FWD_DROP_NOWHERE_TO_GO,     /* To our MAC, but for no service. */
    FWD_DROP_NO_TUNNEL,         /* To an endpoint that there is no way to. */
    FWD_DROP_NO_MEMBER,         /* Nobody else to flood to. */
    FWD_DROP_JUMBO_DF,          /* A copy would exceed the underlay's MTU, and
                                 * must not be fragmented. */
    FWD_DROP_STORM_NETWORK,     /* More than may be flooded of the network ...
                                 */
    FWD_DROP_STORM_TOR,         /* ... or of the switch that it is from. */
    FWD_DROP_PUNT_FULL,         /* The services are too slow. */
    FWD_DROP_COPY_FAILED,       /* The host refused a copy. */
    FWD_DROP_NO_NEIGHBOUR,      /* The way to an endpoint is not known. */
    FWD_DROP_TOO_BIG,           /* Larger than the MTU of the way. */
    FWD_N_DROPS
};

/* What a frame is, as far as it matters (B.7).  FWD_KIND_DATA is all the
 * rest; tagged frames are data whatever is in them. */
enum fwd_kind {
    FWD_KIND_DATA,
    FWD_KIND_ARP,
    FWD_KIND_DHCP4,             /* Of a client, as all of DHCP here. */
    FWD_KIND_DHCP6,
    FWD_KIND_IGMP,
    FWD_KIND_ROUTER_SOLICIT,
    FWD_KIND_NEIGHBOR_SOLICIT,
    FWD_KIND_NEIGHBOR_ADVERT,
    FWD_KIND_DNS,               /* To the service MAC. */
    FWD_KIND_ALERT,             /* VXLAN with the router alert bit. */
    FWD_N_KINDS
};

enum fwd_punt_reason {
    FWD_PUNT_DHCP4,
    FWD_PUNT_DHCP6,
    FWD_PUNT_IGMP,
    FWD_PUNT_ND,                /* Router and neighbour discovery. */
    FWD_PUNT_DNS,
    FWD_N_PUNTS
};

/* How many frames there may be; see policer.h. */
struct fwd_rate {
    __u64 interval;             /* Between two of them; 0: no limit. */
    __u64 slack;                /* How far ahead of their time they may be. */
};

/* This host as tunnel endpoint: the same for all networks. */
struct fwd_host {
    struct fwd_ip ip4, ip6;     /* Own addresses; zero if there is none. */
    __u32 mtu;                  /* Of the underlay; 0: do not check. */
    __u8 tos;                   /* Outer type of service, unless ... */
    __u8 copy_dscp;             /* ... the inner DSCP is copied. */
    __u8 pad[2];
    struct fwd_rate storm_network;      /* Frames to flood of a network ... */
    struct fwd_rate storm_tor;          /* ... and from a switch. */
};

/* A network, as far as the pipeline needs it. */
#define FWD_NET_FLOOD_UNKNOWN 0x01      /* Floods unknown unicast. */
#define FWD_NET_CONTROL_WORD 0x02       /* EVPN frames in MPLS have a control
                                         * word, in both directions. */
struct fwd_net {
    __u32 vni;
    __u32 seed;                 /* Of the entropy hash. */
    __u8 service_mac[6];
    __u8 flags;                 /* FWD_NET_*. */
    __u8 services;              /* 1 << enum fwd_punt_reason, or-ed: which
                                 * services we have here.  Of DHCP, the MAC's
                                 * flag counts. */
};

/* A MAC of a network. */
#define FWD_MAC_ROUTE 0x01      /* A route is known; 'tunnel' may be zero if
                                 * we cannot send that way. */
#define FWD_MAC_DHCP4 0x02      /* We are its DHCP server. */
#define FWD_MAC_DHCP6 0x08      /* Likewise, DHCPv6. */
#define FWD_MAC_EVPN_CONTROL 0x04   /* We serve it behind EVPN, too (A.8). */
struct fwd_mac {
    struct fwd_ip tunnel;
    __u32 label;                /* VNI or MPLS label towards 'tunnel'. */
    __u32 flags;                /* FWD_MAC_*. */
    enum fwd_encap encap;
};

/* An IPv4 address of a network whose MAC is known. */
struct fwd_arp {
    __u8 mac[6];
    __u8 service;               /* Our own: the service address. */
    __u8 pad;
};

/* A frame as it came in: behind IP and UDP or GRE. */
struct fwd_arrival {
    struct fwd_ip source;       /* Outer source address. */
    const __u8 *data;           /* The VXLAN header, or the label stack. */
    const __u8 *end;
    enum fwd_encap encap;
};

/* The fate of a frame. */
struct fwd_verdict {
    const struct fwd_net *net;  /* NULL until VNI or label was accepted. */
    const __u8 *inner;          /* The inner frame; NULL likewise. */
    enum fwd_action action;
    enum fwd_drop drop;         /* FWD_DROP: why. */
    enum fwd_class class;       /* Of the source.  FWD_TREE: there is a second
                                 * encapsulation before 'inner'. */
    enum fwd_kind kind;
    enum fwd_punt_reason punt;  /* FWD_PUNT, or if 'punt_too': to which one. */
    struct fwd_member dest;     /* FWD_RELAY, FWD_ANSWER: where to.  FWD_PUNT:
                                 * where answers go to. */
    __u16 to;                   /* FWD_FLOOD: 1 << enum fwd_class, or-ed. */
    __u16 port;                 /* UDP source port of every copy. */
    __u16 tci;                  /* Priority and VLAN if 'tagged'. */
    __u8 mac[6];                /* FWD_ANSWER: whom it names. */
    __u8 tos;                   /* Outer type of service of every copy. */
    __u8 ttl;                   /* Of copies in MPLS. */
    _Bool tagged;               /* The inner frame has an 802.1Q tag. */
    _Bool df;                   /* It must not be fragmented. */
    _Bool unknown_unicast;      /* FWD_FLOOD: it is one. */
    _Bool punt_too;             /* FWD_FLOOD: to the service as well. */
};

FWD_INLINE struct fwd_ip
fwd_ip_from_v4(__be32 v4)
{
    struct fwd_ip ip = { { [10] = 0xff, [11] = 0xff } };

    __builtin_memcpy(&ip.b[12], &v4, sizeof v4);
    return ip;
}

FWD_INLINE _Bool
fwd_ip_equals(const struct fwd_ip *a, const struct fwd_ip *b)
{
    __u64 x[2], y[2];

    __builtin_memcpy(x, a, sizeof x);
    __builtin_memcpy(y, b, sizeof y);
    return x[0] == y[0] && x[1] == y[1];
}

FWD_INLINE _Bool
fwd_ip_is_zero(const struct fwd_ip *ip)
{
    __u64 x[2];

    __builtin_memcpy(x, ip, sizeof x);
    return !(x[0] | x[1]);
}

FWD_INLINE _Bool
fwd_ip_is_v4(const struct fwd_ip *ip)
{
    __u64 high;
    __u32 mid;

    __builtin_memcpy(&high, ip->b, sizeof high);
    __builtin_memcpy(&mid, &ip->b[8], sizeof mid);
    return !high && mid == FWD_BE32(0xffff);
}

/* Mixes 128 bits to 64 so that every bit counts. */
FWD_INLINE __u64
fwd_hash(__u64 a, __u64 b, __u64 seed)
{
    __u64 h = (a ^ seed) * 0x9e3779b97f4a7c15ULL;

    h = (h ^ h >> 32 ^ b) * 0xd6e8feb86659fd93ULL;
    h = (h ^ h >> 32) * 0xd6e8feb86659fd93ULL;
    return h ^ h >> 32;
}

/* Source ports (B.1.4): 49152 to 65535 by the hash of the inner Ethernet
 * header, so all copies of a frame, and all frames of a conversation, have
 * the same. */
#define FWD_PORT_MIN 49152
#define FWD_N_PORTS 16384
FWD_INLINE __u16
fwd_entropy_port(const struct fwd_net *net, const __u8 *eth)
{
    __u64 a, b = 0;

    __builtin_memcpy(&a, eth, 8);
    __builtin_memcpy(&b, eth + 8, 6);
    __u64 h = fwd_hash(a, b, (__u64) net->seed << 32 | net->vni);
    return FWD_PORT_MIN + (h & (FWD_N_PORTS - 1));
}

#endif /* replication/forwarder/types.h */
