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

#define FWD_IPV4_MIN_LEN 20
#define FWD_IPV4_PROTO_UDP 17
#define FWD_IPV4_FRAGMENT 0x3fff    /* More fragments, or an offset. */
#define FWD_UDP_LEN 8
#define FWD_DHCP4_CLIENT_PORT 68
#define FWD_DHCP4_SERVER_PORT 67

#define FWD_VXLAN_LEN 8
#define FWD_VXLAN_I 0x08            /* In the first octet (RFC 7348, 5). */

FWD_INLINE __u16
fwd_get16(const __u8 *p)
{
    return p[0] << 8 | p[1];
}

FWD_INLINE __u32
fwd_get24(const __u8 *p)
{
    return (__u32) p[0] << 16 | (__u32) p[1] << 8 | p[2];
}

/* An IPv4 address stays in network order. */
FWD_INLINE __be32
fwd_get_be32(const __u8 *p)
{
    __be32 value;

    __builtin_memcpy(&value, p, sizeof value);
    return value;
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
    p[0] = FWD_VXLAN_I;
    p[1] = p[2] = p[3] = 0;
    p[4] = vni >> 16;
    p[5] = vni >> 8;
    p[6] = vni;
    p[7] = 0;
}

#endif /* replication/forwarder/wire.h */
