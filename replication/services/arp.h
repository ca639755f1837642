/* SPDX-License-Identifier: Apache-2.0 */
/* ARP for IPv4 over Ethernet (RFC 826): reads a packet and turns a request
 * into its answer in place.  Part of the pipeline, so plain C without libc,
 * fit for BPF as well. */
#ifndef ARP_H
#define ARP_H 1

#include "replication/forwarder/wire.h"

#define ARP_LEN 28
#define ARP_HTYPE_ETHERNET 1
#define ARP_OP_REQUEST 1
#define ARP_OP_REPLY 2

enum arp_kind {
    ARP_MALFORMED,
    ARP_FOREIGN,                /* Another hardware or protocol. */
    ARP_REQUEST,
    ARP_PROBE,                  /* A request from 0.0.0.0 (RFC 5227). */
    ARP_ANNOUNCEMENT,           /* A request for the sender's own address. */
    ARP_REPLY,
};

struct arp_packet {
    const __u8 *sha;            /* Into the frame: the sender's MAC. */
    __be32 spa, tpa;            /* Sender's and target's address. */
};

/* Reads the packet at 'p', which ends before 'end'.  Fills '*arp' unless the
 * packet is malformed or foreign. */
FWD_INLINE enum arp_kind
arp_parse(const __u8 *p, const __u8 *end, struct arp_packet *arp)
{
    if (p + ARP_LEN > end) {
        return ARP_MALFORMED;
    }

    __u16 op = fwd_get16(p + 6);
    if (op != ARP_OP_REQUEST && op != ARP_OP_REPLY) {
        return ARP_MALFORMED;
    }
    _Bool ethernet = fwd_get16(p) == ARP_HTYPE_ETHERNET;
    _Bool ipv4 = fwd_get16(p + 2) == FWD_ETH_P_IPV4;
    if ((ethernet && p[4] != 6) || (ipv4 && p[5] != 4)) {
        return ARP_MALFORMED;
    }
    if (!ethernet || !ipv4) {
        return ARP_FOREIGN;
    }

    arp->sha = p + 8;
    arp->spa = fwd_get_be32(p + 14);
    arp->tpa = fwd_get_be32(p + 24);
    if (fwd_mac_is_group(arp->sha)) {
        return ARP_MALFORMED;
    }
    return op == ARP_OP_REPLY ? ARP_REPLY
           : !arp->spa ? ARP_PROBE
           : arp->spa == arp->tpa ? ARP_ANNOUNCEMENT
           : ARP_REQUEST;
}

/* Makes of the untagged Ethernet frame 'eth', which arp_parse() took for an
 * ARP_REQUEST, the answer that the target is at 'mac'.  Its length, so its
 * padding, stays. */
FWD_INLINE void
arp_answer(__u8 *eth, const __u8 *mac)
{
    __u8 *arp = eth + FWD_ETHER_LEN;
    __u8 target[4];

    __builtin_memcpy(target, arp + 24, 4);
    __builtin_memcpy(arp + 18, arp + 8, 10);    /* Sender becomes target. */
    __builtin_memcpy(arp + 8, mac, 6);
    __builtin_memcpy(arp + 14, target, 4);
    arp[6] = 0;
    arp[7] = ARP_OP_REPLY;

    __builtin_memcpy(eth, arp + 18, 6);
    __builtin_memcpy(eth + 6, mac, 6);
}

#endif /* replication/services/arp.h */
