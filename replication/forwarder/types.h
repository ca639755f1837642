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
    FWD_FLOOD,                  /* To the members of the classes in 'to'. */
    FWD_ANSWER,                 /* ARP: back to the source, with 'mac'. */
    FWD_RELAY,                  /* To 'tunnel', a single copy. */
    FWD_PUNT,                   /* To the services. */
    FWD_N_ACTIONS
};

/* Why a frame or a copy is dropped (B.11).  FWD_OK is no drop. */
enum fwd_drop {
    FWD_OK,
    FWD_DROP_INVALID_VNID,      /* No I flag, or not our VNI. */
    FWD_DROP_INVALID_PACKET,    /* Too short, or an impossible source MAC. */
    FWD_DROP_INVALID_MCAST_SOURCE,  /* From no member of the network. */
    FWD_DROP_LINK_LOCAL,        /* To 01:80:c2:00:00:0x. */
    FWD_DROP_INVALID_ARP,
    FWD_DROP_NO_L2_ROUTE,       /* Unknown unicast in a network that does not
                                 * flood it. */
    FWD_DROP_INVALID_SOURCE,    /* Known IP unicast from fabric to fabric. */
    FWD_DROP_PACKET_LOOP,       /* Would go back to its source. */
    FWD_DROP_NOWHERE_TO_GO,     /* To our MAC, but for no service. */
    FWD_DROP_NO_TUNNEL,         /* To a MAC behind an encapsulation that the
                                 * engine does not send. */
    FWD_DROP_NO_MEMBER,         /* Nobody else to flood to. */
    FWD_DROP_PUNT_FULL,         /* The services are too slow. */
    FWD_DROP_COPY_FAILED,       /* The host refused a copy. */
    FWD_N_DROPS
};

enum fwd_punt_reason {
    FWD_PUNT_DHCP4,
    FWD_N_PUNTS
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
    __u8 pad;
};

/* A MAC of a network. */
#define FWD_MAC_ROUTE 0x01      /* A route is known; 'tunnel' may be zero if
                                 * we cannot send that way. */
#define FWD_MAC_DHCP4 0x02      /* We are its DHCP server. */
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
