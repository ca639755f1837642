/* SPDX-License-Identifier: Apache-2.0 */
/* The networks of spec/tsn-dataplane.md G, as a service node TSN1 has them,
 * and frames to throw at it. */
#ifndef TESTS_FWD_FIXTURE_H
#define TESTS_FWD_FIXTURE_H 1

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "replication/forwarder/table.h"
#include "util.h"

#define T1 "10.0.1.1"           /* ToRs that flood through us. */
#define T2 "10.0.1.2"
#define T3 "10.0.1.3"           /* One that has another service node. */
#define Q "10.0.2.1"            /* EVPN. */
#define Q2 "10.0.2.2"
#define C1 "10.0.0.21"          /* Compute node: reached, but no member. */

#define BLUE 100                /* Drops unknown unicast. */
#define GREEN 200               /* Floods it. */
#define LONELY 300              /* T1 alone. */

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

    ovs_assert(inet_pton(AF_INET, s, &a) == 1);
    return fwd_ip_from_v4(a.s_addr);
}

static inline struct fwd_network *
fixture_network(uint32_t vni, uint8_t flags, size_t n_members)
{
    struct fwd_member members[] = {
        { ip(T1), vni, FWD_TOR, FWD_VXLAN },
        { ip(T2), vni, FWD_TOR, FWD_VXLAN },
        { ip(Q), vni, FWD_EVPN, FWD_VXLAN },
        { ip(Q2), vni, FWD_EVPN, FWD_VXLAN },
    };
    struct fwd_mac_entry macs[] = {
        { B1, { 0 },
          { ip(T1), vni, FWD_MAC_ROUTE | FWD_MAC_DHCP4, FWD_VXLAN } },
        { B2, { 0 }, { ip(T2), vni, FWD_MAC_ROUTE, FWD_VXLAN } },
        { V1, { 0 }, { ip(C1), vni, FWD_MAC_ROUTE, FWD_VXLAN } },
        { GQ, { 0 }, { ip(Q), vni, FWD_MAC_ROUTE, FWD_VXLAN } },
        { M1, { 0 }, { .flags = FWD_MAC_ROUTE } },
        /* Bound, but no switch has seen it yet. */
        { { 0x02, 0xbb, 0, 0, 0, 9 }, { 0 }, { .flags = FWD_MAC_DHCP4 } },
    };
    struct fwd_arp_entry arps[] = {
        { inet_addr("192.0.2.1"), { GQ, 0, 0 } },
        { inet_addr("192.0.2.2"), { SERVICE, 1, 0 } },
        { inet_addr("192.0.2.10"), { B1, 0, 0 } },
        { inet_addr("192.0.2.11"), { B2, 0, 0 } },
        { inet_addr("192.0.2.21"), { V1, 0, 0 } },
        { inet_addr("192.0.2.30"), { M1, 0, 0 } },
    };
    struct fwd_network_spec spec = {
        .net = { .vni = vni, .seed = 42, .service_mac = SERVICE,
                 .flags = flags },
        .members = members, .n_members = n_members,
        .macs = macs, .n_macs = ARRAY_SIZE(macs),
        .arps = arps, .n_arps = ARRAY_SIZE(arps),
    };
    struct fwd_net_counters *counters = fwd_net_counters_create();
    struct fwd_network *network = fwd_network_create(&spec, counters);

    fwd_net_counters_unref(counters);
    return network;
}

static inline struct fwd_table *
fixture_table(void)
{
    struct fwd_network *networks[] = {
        fixture_network(BLUE, 0, 4),
        fixture_network(GREEN, FWD_NET_FLOOD_UNKNOWN, 4),
        fixture_network(LONELY, FWD_NET_FLOOD_UNKNOWN, 1),
    };
    struct fwd_table *table = fwd_table_create(networks, ARRAY_SIZE(networks));

    for (size_t i = 0; i < ARRAY_SIZE(networks); i++) {
        fwd_network_unref(networks[i]);
    }
    return table;
}

/* A frame under construction: VXLAN header first. */
struct frame {
    uint8_t data[2048];
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
put_ip(struct frame *f, const char *s)
{
    uint32_t be = inet_addr(s);

    put(f, &be, sizeof be);
}

static inline void
put_ether(struct frame *f, uint32_t vni, const uint8_t dst[6],
          const uint8_t src[6], int vlan, uint16_t type)
{
    f->size = FWD_VXLAN_LEN;
    fwd_put_vxlan(f->data, vni);
    put(f, dst, 6);
    put(f, src, 6);
    if (vlan >= 0) {
        put16(f, FWD_ETH_P_8021Q);
        put16(f, vlan);
    }
    put16(f, type);
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
