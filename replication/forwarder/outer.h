/* SPDX-License-Identifier: Apache-2.0 */
/* From the underlay's IP header to the tunnel header (spec/tsn-dataplane.md
 * B.2, steps 2-5).  Part of the pipeline, so plain C without libc and without
 * a loop, fit for BPF as well.
 *
 * What is no sound and whole tunnel packet to our own address is left to the
 * host's stack, which reassembles fragments, reads options, and drops and
 * counts what is broken.  It gives back what is ours through a socket. */
#ifndef FWD_OUTER_H
#define FWD_OUTER_H 1

#include "replication/forwarder/trace.h"
#include "replication/forwarder/types.h"

/* The octets of an IP packet and what it is about. */
struct fwd_outer {
    const __u8 *payload;        /* Behind the IP header. */
    __u32 header_size;
    __u32 payload_size;         /* As the IP header has it. */
    __u8 proto;
};

FWD_INLINE _Bool
fwd_outer_ipv4(const __u8 *data, const __u8 *end, struct fwd_outer *o,
               struct fwd_arrival *a, struct fwd_ip *dest)
{
    if (data + FWD_IPV4_LEN > end) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_SHORT);
        return 0;
    }
    if (data[0] != 0x45) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_OPTIONS);
        return 0;
    }
    if (fwd_get16(data + 6) & FWD_IPV4_FRAGMENT) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_FRAGMENT);
        return 0;
    }
    if (fwd_get16(data + 2) < FWD_IPV4_LEN) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_LENGTH);
        return 0;
    }
    if (fwd_ipv4_checksum(data)) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_CHECKSUM);
        return 0;
    }
    o->payload = data + FWD_IPV4_LEN;
    o->header_size = FWD_IPV4_LEN;
    o->payload_size = fwd_get16(data + 2) - FWD_IPV4_LEN;
    o->proto = data[9];
    a->source = fwd_ip_from_v4(fwd_get_be32(data + 12));
    *dest = fwd_ip_from_v4(fwd_get_be32(data + 16));
    return 1;
}

FWD_INLINE _Bool
fwd_outer_ipv6(const __u8 *data, const __u8 *end, struct fwd_outer *o,
               struct fwd_arrival *a, struct fwd_ip *dest)
{
    if (data + FWD_IPV6_LEN > end) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_SHORT);
        return 0;
    }
    if (data[0] >> 4 != 6) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_VERSION);
        return 0;
    }
    o->payload = data + FWD_IPV6_LEN;
    o->header_size = FWD_IPV6_LEN;
    o->payload_size = fwd_get16(data + 4);
    o->proto = data[6];
    __builtin_memcpy(&a->source, data + 8, sizeof a->source);
    __builtin_memcpy(dest, data + 24, sizeof *dest);
    return 1;
}

/* Behind UDP.  Its length counts, where IP's is larger (RFC 768). */
FWD_INLINE _Bool
fwd_outer_udp(struct fwd_outer *o, const __u8 *end, struct fwd_arrival *a)
{
    const __u8 *p = o->payload;

    if (p + FWD_UDP_LEN > end) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_UDP_LENGTH);
        return 0;
    }
    __u16 size = fwd_get16(p + 4), port = fwd_get16(p + 2);
    if (size < FWD_UDP_LEN || size > o->payload_size) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_UDP_LENGTH);
        return 0;
    }
    if (port == FWD_VXLAN_PORT) {
        a->encap = FWD_VXLAN;
    } else if (port == FWD_MPLS_PORT || port == FWD_MPLS_OLD_PORT) {
        a->encap = FWD_MPLS_UDP;
    } else {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_PORT);
        return 0;
    }
    o->payload_size = size;
    a->data = p + FWD_UDP_LEN;
    return 1;
}

/* Behind GRE (RFC 2784, 2890).  Neither checksum nor key matter to us (B.2,
 * step 5). */
FWD_INLINE _Bool
fwd_outer_gre(const __u8 *p, const __u8 *end, struct fwd_arrival *a)
{
    if (p + FWD_GRE_LEN > end) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_GRE);
        return 0;
    }
    __u16 flags = fwd_get16(p), type = fwd_get16(p + 2);
    if (flags & ~(FWD_GRE_CHECKSUM | FWD_GRE_KEY)) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_GRE);
        return 0;
    }
    if (type != FWD_ETH_P_MPLS && type != FWD_ETH_P_MPLS_UPSTREAM) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_GRE_TYPE);
        return 0;
    }
    a->encap = FWD_MPLS_GRE;
    a->data = p + FWD_GRE_LEN + (flags & FWD_GRE_CHECKSUM ? 4 : 0)
              + (flags & FWD_GRE_KEY ? 4 : 0);
    return 1;
}

/* Takes the outer headers off the packet between 'data', its IP header, and
 * 'end'.  Returns how many octets of it are the packet, while the rest is
 * padding, and fills '*a' for fwd_decide(); or 0 if the packet is the host's.
 *
 * If there is padding, user space moves 'a->end'; BPF, whose verifier knows but
 * one end, sees to it that nothing of the padding was taken for a header. */
FWD_INLINE __u32
fwd_parse_outer(const struct fwd_host *host, const __u8 *data,
                const __u8 *end, struct fwd_arrival *a)
{
    struct fwd_outer o;
    struct fwd_ip dest;

    if (data + 1 > end) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_SHORT);
        return 0;
    }
    _Bool v4 = data[0] >> 4 == 4;
    if (!(v4 ? fwd_outer_ipv4(data, end, &o, a, &dest)
             : fwd_outer_ipv6(data, end, &o, a, &dest))) {
        return 0;
    }
    if (!fwd_ip_equals(&dest, v4 ? &host->ip4 : &host->ip6)
        || fwd_ip_is_zero(&dest)) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_ADDRESS);
        return 0;
    }
    if (o.proto != FWD_IP_PROTO_UDP && o.proto != FWD_IP_PROTO_GRE) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_PROTOCOL);
        return 0;
    }
    if (!(o.proto == FWD_IP_PROTO_UDP ? fwd_outer_udp(&o, end, a)
                                      : fwd_outer_gre(o.payload, end, a))) {
        return 0;
    }
    a->end = end;

    __u32 size = o.header_size + o.payload_size;
    if (size > (__u32) (end - data)) {
        FWD_TRACE_OUTER(a, FWD_STEP_OUTER_LENGTH);
        return 0;
    }
    FWD_TRACE_OUTER(a, FWD_STEP_OUTER_TAKEN);
    return size;
}

#endif /* replication/forwarder/outer.h */
