/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of frames: constants, and reads and writes that need no alignment.
 * For the pipeline, so plain C without libc, fit for BPF as well. */
#ifndef FWD_WIRE_H
#define FWD_WIRE_H 1

#include <linux/types.h>

#define FWD_INLINE static inline __attribute__((always_inline, unused))

#define FWD_ETHER_LEN 14
#define FWD_VLAN_LEN 4
#define FWD_ETH_P_IPV4 0x0800
#define FWD_ETH_P_ARP 0x0806
#define FWD_ETH_P_8021Q 0x8100
#define FWD_ETH_P_IPV6 0x86dd
#define FWD_ETH_P_MPLS 0x8847
#define FWD_ETH_P_MPLS_UPSTREAM 0x8848      /* RFC 5332. */

#define FWD_IPV4_LEN 20             /* Without options. */
#define FWD_IPV4_DF 0x4000
#define FWD_IPV4_FRAGMENT 0x3fff    /* More fragments, or an offset. */
#define FWD_IPV4_OFFSET 0x1fff
#define FWD_IPV6_LEN 40
#define FWD_IP_PROTO_IGMP 2
#define FWD_IP_PROTO_TCP 6
#define FWD_IP_PROTO_UDP 17
#define FWD_IP_PROTO_GRE 47
#define FWD_IP_PROTO_ICMPV6 58
#define FWD_IP_MAX 65535            /* Octets in an IPv4 packet. */
#define FWD_UDP_LEN 8
#define FWD_TTL 64                  /* Of what we send. */

#define FWD_DHCP4_CLIENT_PORT 68
#define FWD_DHCP4_SERVER_PORT 67
#define FWD_DHCP6_CLIENT_PORT 546
#define FWD_DNS_PORT 53
#define FWD_ICMPV6_RS 133
#define FWD_ICMPV6_NS 135
#define FWD_ICMPV6_NA 136

#define FWD_VXLAN_PORT 4789
#define FWD_VXLAN_LEN 8
#define FWD_VXLAN_I 0x08            /* In the first octet (RFC 7348, 5). */
#define FWD_VXLAN_ALERT 0x01        /* Likewise: for the node, not for a
                                     * network (B.1.1). */

#define FWD_MPLS_PORT 6635          /* RFC 7510. */
#define FWD_MPLS_OLD_PORT 51234     /* Of old releases: only received. */
#define FWD_MPLS_LEN 4
#define FWD_MPLS_BOTTOM 0x100       /* Of an entry: bottom of stack. */
#define FWD_MPLS_SKIPPED 0xfffff    /* A label above ours to look behind. */
#define FWD_LABEL_MAX 0xfffff
#define FWD_CONTROL_WORD_LEN 4

#define FWD_GRE_LEN 4
#define FWD_GRE_CHECKSUM 0x8000     /* In the first 16 bits: four octets of */
#define FWD_GRE_KEY 0x2000          /* each follow (RFC 2784, 2890). */

/* The second encapsulation of tree frames: IPv4, UDP, VXLAN (B.1.2). */
#define FWD_SECOND_LEN (FWD_IPV4_LEN + FWD_UDP_LEN + FWD_VXLAN_LEN)

/* A constant in network order. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FWD_BE16(X) __builtin_bswap16(X)
#define FWD_BE32(X) __builtin_bswap32(X)
#else
#define FWD_BE16(X) (X)
#define FWD_BE32(X) (X)
#endif

/* Words at any address.  A compiler for a real machine makes one access of
 * these; one for BPF, which does not know the machine, goes octet by octet
 * unless it is told that the address is fine: all machines with a BPF compiler
 * of their own that matter take any. */
#ifdef __bpf__
typedef __u16 __attribute__((may_alias)) fwd_u16_at;
typedef __u32 __attribute__((may_alias)) fwd_u32_at;
#else
typedef __u16 __attribute__((may_alias, aligned(1))) fwd_u16_at;
typedef __u32 __attribute__((may_alias, aligned(1))) fwd_u32_at;
#endif

FWD_INLINE __u16
fwd_get16(const __u8 *p)
{
    return FWD_BE16(*(const fwd_u16_at *) p);
}

FWD_INLINE __u32
fwd_get24(const __u8 *p)
{
    return (__u32) p[0] << 16 | (__u32) p[1] << 8 | p[2];
}

FWD_INLINE __u32
fwd_get32(const __u8 *p)
{
    return FWD_BE32(*(const fwd_u32_at *) p);
}

FWD_INLINE void
fwd_put16(__u8 *p, __u16 value)
{
    *(fwd_u16_at *) p = FWD_BE16(value);
}

FWD_INLINE void
fwd_put32(__u8 *p, __u32 value)
{
    *(fwd_u32_at *) p = FWD_BE32(value);
}

/* An IPv4 address stays in network order. */
FWD_INLINE __be32
fwd_get_be32(const __u8 *p)
{
    return *(const fwd_u32_at *) p;
}

FWD_INLINE _Bool
fwd_mac_equals(const __u8 *a, const __u8 *b)
{
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2]
           && a[3] == b[3] && a[4] == b[4] && a[5] == b[5];
}

FWD_INLINE _Bool
fwd_mac_is_group(const __u8 *mac)
{
    return mac[0] & 1;
}

FWD_INLINE _Bool
fwd_mac_is_zero(const __u8 *mac)
{
    return !(mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]);
}

/* 01:80:c2:00:00:00 to :0f, which no bridge forwards (IEEE 802.1Q, 8.6.3). */
FWD_INLINE _Bool
fwd_mac_is_link_local(const __u8 *mac)
{
    return mac[0] == 0x01 && mac[1] == 0x80 && mac[2] == 0xc2
           && !mac[3] && !mac[4] && mac[5] <= 0x0f;
}

/* Writes the VXLAN header of 'vni'. */
FWD_INLINE void
fwd_put_vxlan(__u8 *p, __u32 vni)
{
    fwd_put32(p, (__u32) FWD_VXLAN_I << 24);
    fwd_put32(p + 4, vni << 8);
}

/* Writes the only or last entry of a label stack (RFC 3032, 2.1). */
FWD_INLINE void
fwd_put_mpls(__u8 *p, __u32 label, __u8 ttl)
{
    fwd_put32(p, label << 12 | FWD_MPLS_BOTTOM | ttl);
}

/* The checksum over an IPv4 header without options; 0 if the one in it is
 * right (RFC 1071). */
FWD_INLINE __u16
fwd_ipv4_checksum(const __u8 *p)
{
    __u32 sum = fwd_get16(p) + fwd_get16(p + 2) + fwd_get16(p + 4)
                + fwd_get16(p + 6) + fwd_get16(p + 8) + fwd_get16(p + 10)
                + fwd_get16(p + 12) + fwd_get16(p + 14) + fwd_get16(p + 16)
                + fwd_get16(p + 18);

    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

#endif /* replication/forwarder/wire.h */
