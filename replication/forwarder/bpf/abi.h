/* SPDX-License-Identifier: Apache-2.0 */
/* What the BPF programs and their loader agree on: the layout of maps and of
 * the cookie that travels from the ingress to the egress program.  Plain C
 * without libc.
 *
 * The loader writes; programs only read, but for counters, policers and the
 * state of the egress program.
 *
 * How flooding works.  A network's flood set is a record in 'nets', a block of
 * 'members' and a block of 'index'.  The ingress program finds the record,
 * decides, writes a cookie over the outer headers and broadcasts the frame to
 * a device map which has as many entries per interface as there are copies to
 * make there.  All entries of an interface are alike, so networks with equal
 * numbers share a map; what the copies become the egress program finds in the
 * record, by the number of the copy.
 *
 * The kernel has the driver send when it gives it the last copies of a poll,
 * which it does not if all of those were dropped.  So the last copy of a frame
 * is for somebody who can be sent to, and what a map has too many, as large
 * numbers are rounded up, comes first.
 *
 * What goes to one endpoint alone, an answer or a relayed frame, travels
 * likewise, with a cookie that names it and by a map of one entry for each
 * interface.  So only the egress program changes where a frame begins and
 * ends: the kernel takes no program that does in place of a function of
 * libxdp's dispatcher, of which it knows that it does not.
 *
 * The kernel hands the copies of one interface to the egress program in the
 * order of the frames, on the CPU that received them, and before that CPU's
 * poll ends.  So the number of a copy is how many with the same sequence
 * number this CPU has seen for this interface.
 *
 * What a program does not do itself it passes to the host's stack, which gives
 * it to the socket engine: frames for the services, fragments, frames whose
 * copies have to be fragmented, or over IPv6 need a UDP checksum, those to be
 * flooded in a network with too many members, frames in several pieces of
 * memory, and short ones with padding, which a program cannot tell from their
 * headers.
 *
 * How a process takes over.  The programs of the one before are replaced by its
 * own.  That may be in the middle of a poll, whose copies the kernel then all
 * gives to the egress program that the first of them were for.  It hands those
 * of another instance than its own to its heir: see 'heirs' in maps.h.
 *
 * How sets change.  Records and blocks are immutable once a program can find
 * them: a changed network gets new ones, and one store in 'current'
 * makes them the network's.  The old ones are used again after a grace period
 * of RCU, when no program can have them any more. */
#ifndef FWD_BPF_ABI_H
#define FWD_BPF_ABI_H 1

#include "replication/forwarder/bucket.h"
#include "replication/forwarder/capture-record.h"
#include "replication/forwarder/counters.h"
#include "replication/forwarder/types.h"

/* Interfaces of the underlay.  Two to four is what hosts have. */
#define FWD_BPF_MAX_DEVS 4

/* Capacities.  4 000 networks of 64 members take a quarter of the members;
 * while one is replaced its old block is there, too. */
#define FWD_BPF_MAX_NETWORKS 4096       /* Slots; slot 0 is of no network. */
#define FWD_BPF_MAX_RECORDS (2 * FWD_BPF_MAX_NETWORKS)
#define FWD_BPF_MAX_MEMBERS (1 << 20)
#define FWD_BPF_MAX_INDEX (1 << 20)
#define FWD_BPF_MAX_ENDPOINTS (1 << 15)
#define FWD_BPF_MAX_LABELS (4 * FWD_BPF_MAX_NETWORKS)
#define FWD_BPF_MAX_MACS (1 << 18)
#define FWD_BPF_MAX_ARPS (1 << 18)
#define FWD_BPF_MAX_FLOODS 4096         /* Device maps. */
#define FWD_BPF_MAX_FANOUT 1024         /* Of a network, on one interface. */

/* A block of 'index' is at most half full and made so that no look-up needs
 * more steps than this. */
#define FWD_BPF_MAX_PROBES 8

#define FWD_BPF_NONE 0xffff

/* What is the same for all frames: in the section of that name, set before the
 * programs are loaded. */
#define FWD_BPF_CONSTANTS ".rodata.constants"
struct fwd_bpf_constants {
    struct fwd_host host;
    __u32 instance;                     /* Differs from process to process. */
};

/* A way to a tunnel endpoint.  Two words of 64 bits, each stored whole, may
 * change at any time. */
#define FWD_BPF_READY 0x01              /* The MAC is known. */
#define FWD_BPF_FOREMOST 0x02            /* For a frame that goes to the
                                         * endpoint alone. */
struct fwd_bpf_way {
    __u8 dst_mac[6];
    __u8 flags;
    __u8 dev;
    __u8 src_mac[6];
    __u16 mtu;                          /* Of an IP packet. */
} __attribute__((aligned(8)));

/* 'endpoints': when one is reached by another interface from now on, the way
 * before stays: the copies of frames that were broadcast by a record before
 * leave by it. */
struct fwd_bpf_endpoint {
    struct fwd_ip ip;
    struct fwd_bpf_way ways[2];
};

/* 'members': one copy.  By interface, then in the order EVPN, ToR, tree, so
 * that the members whom frames of one class of source go to are neighbours. */
struct fwd_bpf_member {
    __u32 endpoint;
    __u32 label;                        /* Label or VNI; FWD_BPF_ENCAP_SHIFT
                                         * and up: enum fwd_encap, then
                                         * enum fwd_class. */
};
#define FWD_BPF_LABEL_MASK 0xffffff
#define FWD_BPF_ENCAP_SHIFT 24
#define FWD_BPF_CLASS_SHIFT 28

/* 'index': which member of a network an endpoint is.  Open addressing by
 * fwd_bpf_index_hash(). */
struct fwd_bpf_index {
    __u32 endpoint;                     /* 0: free, so endpoint 0 is not
                                         * used. */
    __u16 at[FWD_N_CLASSES];            /* Copy of its interface that it is as
                                         * a member of the class, or
                                         * FWD_BPF_NONE. */
    __u16 dev;
    __u32 pad;
};

static inline __attribute__((always_inline)) __u32
fwd_bpf_index_hash(__u32 endpoint, __u32 seed)
{
    return fwd_hash(endpoint, 0, seed);
}

/* How many entries for an interface a device map has to make 'n' copies there.
 * There are 16 steps between a power of two and the next one, so at most one
 * copy of 17 is made to be dropped.
 *
 * The shares of several interfaces may be so different that there is no room
 * for a map for each combination.  Then sizes are coarse, which are powers of
 * two, and the source counts as if it got a copy, too.  'n' is not 0 then. */
static inline __attribute__((always_inline)) __u32
fwd_bpf_flood_size(__u32 n, _Bool coarse)
{
    if (coarse) {
        n -= !!n;
        n |= n >> 1;
        n |= n >> 2;
        n |= n >> 4;
        n |= n >> 8;
        return n + 1;
    }
    __u32 step = n < 32 ? 1 : n < 64 ? 2 : n < 128 ? 4 : n < 256 ? 8
                 : n < 512 ? 16 : 32;

    return (n + step - 1) & -step;
}

/* 'nets': a network as it is. */
struct fwd_bpf_net {
    struct fwd_net net;
    __u32 self;                         /* In 'nets'. */
    __u32 slot;                         /* Of 'current' and 'counters'. */
    __u32 index, index_mask;            /* Block of 'index'. */
    struct {
        __u32 first;                    /* In 'members'. */
        __u16 n[FWD_N_CLASSES];
        __u16 pad;
        /* By the class of the source, who gets the last copy: one that can be
         * sent to, or FWD_BPF_NONE; and for a source that is it itself,
         * another endpoint. */
        __u16 last[FWD_N_CLASSES][2];
    } devs[FWD_BPF_MAX_DEVS];
    /* In 'floods', by the class of the source: for one that is no member of
     * those who get copies, or on which interface it is one.  FWD_BPF_NONE:
     * there is nobody to flood to. */
    __u16 floods[FWD_N_CLASSES][1 + FWD_BPF_MAX_DEVS];
    /* Copies of a frame, by the class of the source, itself included. */
    __u16 fanout[FWD_N_CLASSES];
    /* Octets of an inner frame of which all copies fit the underlay. */
    __u32 max_size;
    __u32 coarse;                       /* See fwd_bpf_flood_size(). */
    __u32 pad;
};

/* 'labels': where an MPLS label leads to. */
struct fwd_bpf_label {
    __u32 slot;
    __u32 vni;                          /* Of the network that it is for. */
    __u32 kind;                         /* enum fwd_label_kind. */
};

struct fwd_bpf_mac_key {
    __u32 slot;
    __u8 mac[6];
    __u8 pad[2];
};

struct fwd_bpf_arp_key {
    __u32 slot;
    __be32 ip;
};

/* What the ingress program leaves for the egress program in place of the outer
 * headers, which are never shorter.  Other versions look at 'type' and
 * 'instance', which have to stay where they are. */
struct fwd_bpf_cookie {
    __u64 seq;                          /* Of the frame, on this CPU. */
    __u32 net;                          /* In 'nets'. */
    __u16 type;                         /* FWD_BPF_COOKIE, where an Ethernet
                                         * header has its type. */
    __u16 port;                         /* UDP source port. */
    __u32 instance;                     /* Whose ingress program wrote it. */
    __u32 source;                       /* Endpoint that the frame is from. */
    __u8 class;                         /* Of the source. */
    __u8 tos, ttl;
    __u8 offset;                        /* Of the inner frame. */
    __u16 padding;                      /* Octets behind it. */
    __u8 single;                        /* One copy, for 'to'; otherwise ... */
    __u8 dev;                           /* ... copies not to make: of the */
    union {                             /* source, if it is on 'dev'. */
        __u16 at[FWD_N_CLASSES];
        struct fwd_bpf_member to;
    };
};
#define FWD_BPF_COOKIE_LEN 40
_Static_assert(sizeof(struct fwd_bpf_cookie) == FWD_BPF_COOKIE_LEN,
               "a cookie takes the place of the headers");
/* An Ethernet type for experiments (IEEE 802), which no frame that is sent
 * keeps. */
#define FWD_BPF_COOKIE 0x88b6

/* 'counters'.  Copies that the kernel did not make, or that it lost before the
 * egress program, are those wanted but not seen. */
struct fwd_bpf_counters {
    struct fwd_counters c;
    __u64 wanted;               /* By the ingress program ... */
    __u64 seen;                 /* ... and by the egress programs. */
};

/* What is captured: in the section of that name.  The programs put records in
 * a ring, and count those that it has no room for. */
#define FWD_BPF_CAPTURE ".data.capture"
#define FWD_BPF_CAPTURE_SIZE (1 << 20)
struct fwd_bpf_capture_control {
    struct fwd_capture_filter filter;
    __u64 lost;
};

/* Maps that the loader writes through memory want entries of whole words. */
#define FWD_BPF_WHOLE_WORDS(TYPE) \
    _Static_assert(sizeof(TYPE) % 8 == 0, #TYPE)
FWD_BPF_WHOLE_WORDS(struct fwd_bpf_endpoint);
FWD_BPF_WHOLE_WORDS(struct fwd_bpf_member);
FWD_BPF_WHOLE_WORDS(struct fwd_bpf_index);
FWD_BPF_WHOLE_WORDS(struct fwd_bpf_net);

#endif /* replication/forwarder/bpf/abi.h */
