/* SPDX-License-Identifier: Apache-2.0 */
/* The names of spec/tsn-dataplane.md G, and frames to throw at the service
 * node TSN1. */
#ifndef TESTS_FWD_FIXTURE_H
#define TESTS_FWD_FIXTURE_H 1

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "replication/forwarder/table.h"
#include "util.h"

#define TSN1 "10.0.0.11"        /* We. */
#define TSN2 "10.0.0.12"
#define C1 "10.0.0.21"          /* Compute nodes. */
#define C2 "10.0.0.22"
#define TSN1_6 "2001:db8::11"   /* We, by IPv6. */
#define Q6 "2001:db8::2:1"      /* EVPN, by IPv6. */
#define C6 "2001:db8::21"       /* A compute node. */
#define T1 "10.0.1.1"           /* ToRs that flood through us. */
#define T2 "10.0.1.2"
#define T3 "10.0.1.3"           /* One that has another service node. */
#define Q "10.0.2.1"            /* EVPN. */
#define Q2 "10.0.2.2"

#define BLUE 100                /* Drops unknown unicast. */

#define B1 { 0x02, 0xbb, 0, 0, 0, 1 }   /* .10 behind T1. */
#define B2 { 0x02, 0xbb, 0, 0, 0, 2 }   /* .11 behind T2. */
#define V1 { 0x02, 0xcc, 0, 0, 0, 1 }   /* .21 on C1. */
#define GQ { 0x02, 0xdd, 0, 0, 0, 1 }   /* .1, gateway on Q. */
#define M1 { 0x02, 0xee, 0, 0, 0, 1 }   /* .30, reached by MPLS only. */
#define SERVICE { 0x00, 0x00, 0x5e, 0x00, 0x01, 0x00 }  /* .2 */
#define EVERYBODY { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }

static inline struct fwd_ip
ip(const char *s)
{
    struct in_addr a;
    struct fwd_ip ip6;

    if (strchr(s, ':')) {
        ovs_assert(inet_pton(AF_INET6, s, &ip6) == 1);
        return ip6;
    }
    ovs_assert(inet_pton(AF_INET, s, &a) == 1);
    return fwd_ip_from_v4(a.s_addr);
}

/* A frame or packet under construction. */
struct frame {
    uint8_t data[10240];
    size_t size;
};

static inline void
put(struct frame *f, const void *data, size_t size)
{
    ovs_assert(f->size + size <= sizeof f->data);
    memcpy(f->data + f->size, data, size);
    f->size += size;
}

static inline void
put16(struct frame *f, uint16_t value)
{
    uint16_t be = htons(value);

    put(f, &be, sizeof be);
}

static inline void
put32(struct frame *f, uint32_t value)
{
    uint32_t be = htonl(value);

    put(f, &be, sizeof be);
}

static inline void
put_ip(struct frame *f, const char *s)
{
    uint32_t be = inet_addr(s);

    put(f, &be, sizeof be);
}

/* The Ethernet header, after what there is already. */
static inline void
put_mac_header(struct frame *f, const uint8_t dst[6], const uint8_t src[6],
               int vlan, uint16_t type)
{
    put(f, dst, 6);
    put(f, src, 6);
    if (vlan >= 0) {
        put16(f, FWD_ETH_P_8021Q);
        put16(f, vlan);
    }
    put16(f, type);
}

/* Starts a frame with a VXLAN header, then Ethernet's. */
static inline void
put_ether(struct frame *f, uint32_t vni, const uint8_t dst[6],
          const uint8_t src[6], int vlan, uint16_t type)
{
    f->size = FWD_VXLAN_LEN;
    fwd_put_vxlan(f->data, vni);
    put_mac_header(f, dst, src, vlan, type);
}

static inline void
put_arp(struct frame *f, uint16_t op, const uint8_t sha[6], const char *spa,
        const char *tpa)
{
    static const uint8_t nobody[6];

    put16(f, ARP_HTYPE_ETHERNET);
    put16(f, FWD_ETH_P_IPV4);
    put(f, "\6\4", 2);
    put16(f, op);
    put(f, sha, 6);
    put_ip(f, spa);
    put(f, nobody, 6);
    put_ip(f, tpa);
}

static inline void
put_udp4(struct frame *f, const char *src, const char *dst, uint16_t fragment,
         uint16_t sport, uint16_t dport, size_t payload)
{
    static const uint8_t zeros[1024];

    ovs_assert(payload <= sizeof zeros);
    put(f, "\x45\0", 2);
    put16(f, 20 + 8 + payload);
    put16(f, 0);
    put16(f, fragment);
    put(f, "\x40\x11", 2);
    put16(f, 0);
    put_ip(f, src);
    put_ip(f, dst);
    put16(f, sport);
    put16(f, dport);
    put16(f, 8 + payload);
    put16(f, 0);
    put(f, zeros, payload);
}

#endif /* tests/unit/fwd_fixture.h */
