/* SPDX-License-Identifier: Apache-2.0 */
/* The forwarding cases: a packet as it comes from the underlay, and exactly
 * the packets that must leave, for every way of forwarding to be run against.
 * What is expected is written down and built here without any code of the
 * forwarder. */
#ifndef TESTS_FWD_CASES_H
#define TESTS_FWD_CASES_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fwd_fixture.h"

/* How the packet comes.  With an IPv6 source it comes over IPv6. */
enum case_tunnel {
    VX,                         /* VXLAN. */
    TREE,                       /* MPLS over UDP, with the second
                                 * encapsulation. */
    TREE_GRE,
    EVPN,                       /* MPLS over UDP, without it. */
    EVPN_GRE,
};

enum case_kind {
    ARP,                        /* 'op', from 'spa' for 'tpa'. */
    ARP_BAD,                    /* A request with 'op' as protocol length. */
    UDP4,                       /* From port 'sport' to 'dport'. */
    TCP4,
    UDP6,                       /* The same, to 'dst6'. */
    ICMP6,                      /* Of type 'op', to 'dst6'. */
    IGMP,
    IPV6,                       /* No more than the first octet of it. */
    RAW,                        /* Of Ethernet type 'type'. */
};

/* What is wrong or unusual about the outer headers. */
#define OUTER_BAD_CHECKSUM 0x0001       /* Of IPv4. */
#define OUTER_UDP_CHECKSUM 0x0002       /* Of UDP: there, and wrong. */
#define OUTER_FIRST_FRAGMENT 0x0004
#define OUTER_LATER_FRAGMENT 0x0008
#define OUTER_OPTIONS 0x0010            /* Four octets of IPv4 options. */
#define OUTER_PADDED 0x0020             /* Octets behind the IP packet. */
#define OUTER_UDP_PADDED 0x0040         /* Octets behind UDP, within IP. */
#define OUTER_CUT 0x0080                /* The last octet is missing. */
#define OUTER_UDP_LONG 0x0100           /* UDP is longer than IP. */
#define OUTER_UDP_SHORT 0x0200          /* Its length is 7. */
#define OUTER_DF 0x0400
#define OUTER_TTL_1 0x0800
#define OUTER_TOS 0x1000                /* 0xff. */
/* Of the tunnel. */
#define VX_NO_I 0x10000
#define VX_RESERVED 0x20000             /* All reserved bits are set. */
#define VX_ALERT 0x40000
#define MPLS_SKIPPED 0x80000            /* 0xfffff on top of the stack. */
#define MPLS_SKIPPED_TWICE 0x100000
#define MPLS_NOT_BOTTOM 0x200000        /* Another label below ours. */
#define MPLS_TTL_0 0x400000             /* For 'ttl', where 0 means 64. */
#define GRE_BY_8848 0x800000
#define SECOND_GARBAGE 0x1000000        /* Instead of the second headers. */

struct fwd_case {
    const char *name;           /* With the row of spec G, if there is one. */

    enum case_tunnel in;
    const char *from;
    uint32_t label;             /* VNI or MPLS label. */
    const char *to;             /* NULL: our address. */
    uint32_t odd;               /* OUTER_*, VX_*, MPLS_*, ... */
    uint16_t port;              /* UDP destination; 0: the usual one. */
    uint16_t gre;               /* Flags of GRE. */
    uint8_t proto;              /* Of IP; 0: the right one. */
    uint8_t ttl;                /* Of MPLS; 0: 64. */
    uint32_t control_word;      /* TREE; EVPN where 'has_control_word'. */
    bool has_control_word;

    uint8_t dst[6], src[6];
    int vlan;                   /* 0: none. */
    enum case_kind kind;
    uint16_t type;              /* RAW. */
    uint16_t op;                /* ARP, ICMP6. */
    const char *spa, *tpa;
    uint16_t sport, dport;
    uint16_t fragment;          /* UDP4, TCP4: flags and offset. */
    uint8_t inner_tos;          /* UDP4, UDP6. */
    const char *dst6;
    uint16_t payload;           /* RAW, UDP4, UDP6: octets of it. */
    uint16_t cut;               /* Octets missing at the end, with all outer
                                 * lengths as they are then. */

    /* What must become of it:
     *
     *     pass                left to the host
     *     drop REASON         counted, nothing leaves
     *     flood COPY...       in this order
     *     answer MAC COPY     the ARP request, answered with it
     *     relay COPY
     *     punt SERVICE
     *
     * COPY is ENCAPSULATION/ADDRESS/LABEL with vx, tree, treegre, mpls, gre;
     * "+cw" at its end: with a control word.  A copy that must be dropped is
     * lost/REASON instead, and what the services get as well punt/SERVICE. */
    const char *fate;
    const char *host_fate;      /* The same where the host's own stack has the
                                 * packet first; NULL: no other. */
};

extern const struct fwd_case fwd_cases[];
extern const size_t fwd_n_cases;

/* The networks of the cases, by VNI; see fwd_cases_net.c. */
/* BLUE, 100, is that of spec G. */
#define GREEN 200               /* Floods unknown unicast; MPLS and GRE. */
#define LONELY 300              /* T1 alone. */
#define WORDS 350               /* EVPN with control words. */
#define SIX 400                 /* Has endpoints with IPv6 addresses. */
#define CSN 500                 /* Servers behind EVPN switches. */
#define SERVED 600              /* We have every service. */
#define FAR 700                 /* We are the T3 side of spec G, row 4. */
#define HALF 710                /* BLUE without T2. */
#define BARE 720                /* BLUE without tree and gateway. */
#define BOTH 730                /* T1 is a tree neighbour as well. */
#define BROKEN 740              /* A tree neighbour by VXLAN. */

/* More MACs of each network.  Those of fwd_fixture.h are where it says. */
#define M2 { 0x02, 0xee, 0, 0, 0, 2 }   /* Behind MPLS on Q2. */
#define M3 { 0x02, 0xee, 0, 0, 0, 3 }   /* Behind MPLS over GRE on Q2. */
#define M6 { 0x02, 0xee, 0, 0, 0, 6 }   /* Behind VXLAN on Q6. */
#define UNSEEN { 0x02, 0xbb, 0, 0, 0, 9 }       /* Bound, without route. */
#define UNBOUND { 0x02, 0xbb, 0, 0, 0, 7 }      /* No entry at all. */

/* Where the cases happen: owned by the caller. */
struct fwd_table *fwd_case_table(void);
struct fwd_host fwd_case_host(void);

/* The packet of a case, from its IP header on. */
void fwd_case_packet(const struct fwd_case *, struct frame *);
/* Where in the packet the inner frame begins. */
size_t fwd_case_inner(const struct fwd_case *);

#define FWD_CASE_MAX_COPIES 8
struct fwd_case_copy {
    struct frame packet;        /* From its IP header on. */
    size_t sport;               /* Where a port of the entropy range is that
                                 * the one who sends may choose; 0: nowhere. */
    size_t sport2;              /* Likewise, of the second encapsulation. */
};

struct fwd_expected {
    enum fwd_action action;
    enum fwd_drop drop;         /* FWD_DROP. */
    int punt;                   /* enum fwd_punt_reason, or -1. */
    uint8_t mac[6];             /* FWD_ANSWER. */
    size_t n_copies;
    struct fwd_case_copy copies[FWD_CASE_MAX_COPIES];
    unsigned int lost[FWD_N_DROPS];     /* Copies that must be dropped. */
};

/* Reads a 'fate' of the case.  The caller frees it with free(). */
struct fwd_expected *fwd_case_expect(const struct fwd_case *,
                                     const char *fate);

/* NULL if the packet is the copy, else in what they differ.  Where the one who
 * sends may choose, any sound value will do. */
const char *fwd_case_compare(const struct fwd_case_copy *,
                             const uint8_t *packet, size_t size);

#endif /* tests/unit/fwd_cases.h */
