/* SPDX-License-Identifier: Apache-2.0 */
/* The outer headers of a copy (spec/tsn-dataplane.md B.1), and whether it fits
 * the underlay (B.10).  For the engines and for whoever shows what they would
 * do: plain C without libc and without a loop, fit for BPF as well.
 *
 *     IPv4 or IPv6    fwd_put_ip()
 *     UDP or GRE      fwd_put_transport()
 *     VXLAN, or MPLS, control word, second encapsulation   fwd_put_tunnel()
 *     what came in: the inner frame, with the second encapsulation that a
 *     frame from the tree has on its way through the tree
 *
 * An engine whose host makes the first or the first two of them makes the
 * rest.  All of them write big-endian fields at any alignment, check against
 * 'end' first, and return where the next header goes, or NULL without room. */
#ifndef FWD_ENCAP_H
#define FWD_ENCAP_H 1

#include "replication/forwarder/types.h"

#define FWD_COPY_CONTROL_WORD 0x01  /* Four zero octets behind the label. */
#define FWD_COPY_SECOND 0x02        /* A second encapsulation after that. */

struct fwd_copy {
    struct fwd_ip src, dst;     /* Outer addresses. */
    __u32 label;                /* VNI or MPLS label. */
    __u32 vni;                  /* FWD_COPY_SECOND: that of the network. */
    __u32 second_src;           /* FWD_COPY_SECOND: own IPv4 address. */
    __u32 size;                 /* Of what follows the headers. */
    enum fwd_encap encap;
    __u16 port;                 /* UDP source port. */
    __u16 id;                   /* IPv4 identification. */
    __u8 tos, ttl;              /* 'ttl' of MPLS. */
    __u8 flags;                 /* FWD_COPY_*. */
};

FWD_INLINE __u32
fwd_tunnel_len(const struct fwd_copy *c)
{
    return c->encap == FWD_VXLAN ? FWD_VXLAN_LEN
           : FWD_MPLS_LEN
             + (c->flags & FWD_COPY_CONTROL_WORD ? FWD_CONTROL_WORD_LEN : 0)
             + (c->flags & FWD_COPY_SECOND ? FWD_SECOND_LEN : 0);
}

/* Whether the UDP checksum must not be left out: receivers over IPv6 may
 * insist on it (RFC 6935, 5). */
FWD_INLINE _Bool
fwd_needs_checksum(const struct fwd_ip *dst, enum fwd_encap encap)
{
    return encap != FWD_MPLS_GRE && !fwd_ip_is_v4(dst);
}

FWD_INLINE __u32
fwd_transport_len(const struct fwd_copy *c)
{
    return c->encap == FWD_MPLS_GRE ? FWD_GRE_LEN : FWD_UDP_LEN;
}

/* All octets of a copy, from the IP header on. */
FWD_INLINE __u32
fwd_copy_len(const struct fwd_copy *c)
{
    return (fwd_ip_is_v4(&c->dst) ? FWD_IPV4_LEN : FWD_IPV6_LEN)
           + fwd_transport_len(c) + fwd_tunnel_len(c) + c->size;
}

/* What follows the headers that a copy for a member of 'class' is given. */
FWD_INLINE const __u8 *
fwd_copy_payload(const struct fwd_verdict *v, enum fwd_class class)
{
    return v->class == FWD_TREE && class == FWD_TREE
           ? v->inner - FWD_SECOND_LEN : v->inner;
}

/* Makes '*c' the copy of a frame with verdict 'v', whose inner frame has
 * 'inner_size' octets, for 'm'.  Returns FWD_OK, or why it cannot be sent. */
FWD_INLINE enum fwd_drop
fwd_copy_init(struct fwd_copy *c, const struct fwd_host *host,
              const struct fwd_verdict *v, const struct fwd_member *m,
              __u32 inner_size)
{
    _Bool in_tree = m->class == FWD_TREE;

    c->src = fwd_ip_is_v4(&m->ip) ? host->ip4 : host->ip6;
    c->dst = m->ip;
    c->label = m->label;
    c->vni = v->net->vni;
    __builtin_memcpy(&c->second_src, &host->ip4.b[12], 4);
    c->size = inner_size;
    c->encap = m->encap;
    c->port = v->port;
    c->id = 0;
    c->tos = v->tos;
    c->ttl = v->ttl;
    c->flags = 0;
    if (in_tree) {
        c->flags = FWD_COPY_CONTROL_WORD;
        if (v->class == FWD_TREE) {
            c->size += FWD_SECOND_LEN;
        } else {
            c->flags |= FWD_COPY_SECOND;
        }
    } else if (v->net->flags & FWD_NET_CONTROL_WORD) {
        c->flags = FWD_COPY_CONTROL_WORD;
    }

    if (fwd_ip_is_zero(&c->src) || (in_tree && m->encap == FWD_VXLAN)) {
        return FWD_DROP_NO_TUNNEL;
    }
    if (host->mtu && v->df && fwd_copy_len(c) > host->mtu) {
        return FWD_DROP_JUMBO_DF;
    }
    return FWD_OK;
}

FWD_INLINE void
fwd_fill_ipv4(__u8 *p, __be32 src, __be32 dst, __u16 size, __u8 proto)
{
    fwd_put16(p, 0x4500);
    fwd_put16(p + 2, size);
    fwd_put32(p + 4, 0);
    fwd_put32(p + 8, (__u32) FWD_TTL << 24 | (__u32) proto << 16);
    *(fwd_u32_at *) (p + 12) = src;
    *(fwd_u32_at *) (p + 16) = dst;
}

/* The checksum is 0, as of most tunnels (RFC 7348, 5; RFC 7510, 3.1; for IPv6
 * RFC 6935). */
FWD_INLINE void
fwd_fill_udp(__u8 *p, __u16 sport, __u16 dport, __u16 size)
{
    fwd_put16(p, sport);
    fwd_put16(p + 2, dport);
    fwd_put16(p + 4, size);
    fwd_put16(p + 6, 0);
}

FWD_INLINE __u8 *
fwd_put_ip(__u8 *p, const __u8 *end, const struct fwd_copy *c)
{
    __u8 proto = c->encap == FWD_MPLS_GRE ? FWD_IP_PROTO_GRE
                                          : FWD_IP_PROTO_UDP;
    __u32 len = fwd_copy_len(c);

    if (fwd_ip_is_v4(&c->dst)) {
        if (p + FWD_IPV4_LEN > end || len > FWD_IP_MAX) {
            return 0;
        }
        fwd_fill_ipv4(p, fwd_get_be32(&c->src.b[12]),
                      fwd_get_be32(&c->dst.b[12]), len, proto);
        p[1] = c->tos;
        fwd_put16(p + 4, c->id);
        fwd_put16(p + 10, fwd_ipv4_checksum(p));
        return p + FWD_IPV4_LEN;
    }

    if (p + FWD_IPV6_LEN > end || len - FWD_IPV6_LEN > FWD_IP_MAX) {
        return 0;
    }
    /* The flow label does what the source port does, so that paths can be
     * chosen without a look at UDP (RFC 6438). */
    fwd_put32(p, 6u << 28 | (__u32) c->tos << 20 | c->port);
    fwd_put16(p + 4, len - FWD_IPV6_LEN);
    p[6] = proto;
    p[7] = FWD_TTL;
    __builtin_memcpy(p + 8, &c->src, sizeof c->src);
    __builtin_memcpy(p + 24, &c->dst, sizeof c->dst);
    return p + FWD_IPV6_LEN;
}

FWD_INLINE __u8 *
fwd_put_transport(__u8 *p, const __u8 *end, const struct fwd_copy *c)
{
    if (c->encap == FWD_MPLS_GRE) {
        if (p + FWD_GRE_LEN > end) {
            return 0;
        }
        fwd_put16(p, 0);
        fwd_put16(p + 2, FWD_ETH_P_MPLS);
        return p + FWD_GRE_LEN;
    }

    if (p + FWD_UDP_LEN > end) {
        return 0;
    }
    fwd_fill_udp(p, c->port,
                 c->encap == FWD_VXLAN ? FWD_VXLAN_PORT : FWD_MPLS_PORT,
                 FWD_UDP_LEN + fwd_tunnel_len(c) + c->size);
    return p + FWD_UDP_LEN;
}

/* The second encapsulation of a frame that enters the tree here: it names us
 * and the neighbour, and nobody looks at it (B.1.2).  A neighbour that has no
 * IPv4 address is 0.0.0.0 in it. */
FWD_INLINE __u8 *
fwd_put_second(__u8 *p, const __u8 *end, const struct fwd_copy *c)
{
    __u32 size = c->size + FWD_SECOND_LEN;
    __be32 dst = fwd_ip_is_v4(&c->dst) ? fwd_get_be32(&c->dst.b[12]) : 0;

    if (p + FWD_SECOND_LEN > end || size > FWD_IP_MAX) {
        return 0;
    }
    fwd_fill_ipv4(p, c->second_src, dst, size, FWD_IP_PROTO_UDP);
    fwd_put16(p + 10, fwd_ipv4_checksum(p));
    fwd_fill_udp(p + FWD_IPV4_LEN, c->port, FWD_VXLAN_PORT,
                 size - FWD_IPV4_LEN);
    fwd_put_vxlan(p + FWD_IPV4_LEN + FWD_UDP_LEN, c->vni);
    return p + FWD_SECOND_LEN;
}

FWD_INLINE __u8 *
fwd_put_tunnel(__u8 *p, const __u8 *end, const struct fwd_copy *c)
{
    if (c->encap == FWD_VXLAN) {
        if (p + FWD_VXLAN_LEN > end) {
            return 0;
        }
        fwd_put_vxlan(p, c->label);
        return p + FWD_VXLAN_LEN;
    }

    if (p + FWD_MPLS_LEN > end) {
        return 0;
    }
    fwd_put_mpls(p, c->label, c->ttl);
    p += FWD_MPLS_LEN;
    if (c->flags & FWD_COPY_CONTROL_WORD) {
        if (p + FWD_CONTROL_WORD_LEN > end) {
            return 0;
        }
        fwd_put32(p, 0);
        p += FWD_CONTROL_WORD_LEN;
    }
    return c->flags & FWD_COPY_SECOND ? fwd_put_second(p, end, c) : p;
}

#endif /* replication/forwarder/encap.h */
