/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of an XDP context. */
#ifndef FWD_BPF_CONTEXT_H
#define FWD_BPF_CONTEXT_H 1

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "replication/forwarder/bpf/abi.h"
#include "replication/forwarder/encap.h"

/* The pointers of a context, which a helper that changes the frame makes
 * stale.  Loaded by hand: the context declares them with 32 bits, and what the
 * compiler then keeps of them in 32 bits the verifier takes for no pointer. */
#define CONTEXT_POINTER(CTX, FIELD) ({ \
        __u8 *pointer_; \
        asm volatile("%0 = *(u32 *)(%1 + %2)" \
                     : "=r"(pointer_) \
                     : "r"(CTX), \
                       "i"(__builtin_offsetof(struct xdp_md, FIELD))); \
        pointer_; \
    })

FWD_INLINE __u8 *
data_of(const struct xdp_md *ctx)
{
    return CONTEXT_POINTER(ctx, data);
}

FWD_INLINE __u8 *
end_of(const struct xdp_md *ctx)
{
    return CONTEXT_POINTER(ctx, data_end);
}

/* Each word as it is at one moment. */
FWD_INLINE struct fwd_bpf_way
read_way(const struct fwd_bpf_way *way)
{
    const volatile __u64 *from = (const volatile __u64 *) way;
    union {
        __u64 words[2];
        struct fwd_bpf_way way;
    } u = { .words = { from[0], from[1] } };

    return u.way;
}

/* The way to 'to' by interface 'dev'.  Returns false if there is none now. */
FWD_INLINE _Bool
find_way_by(const struct fwd_bpf_endpoint *to, __u32 dev,
            struct fwd_bpf_way *way)
{
    *way = read_way(&to->ways[0]);
    if (way->flags & FWD_BPF_READY && way->dev == dev) {
        return 1;
    }
    *way = read_way(&to->ways[1]);
    return way->flags & FWD_BPF_READY && way->dev == dev;
}

/* The way that leads to 'to' now.  For a moment both may be current; or
 * neither seem to be, to who reads one first and then the other. */
FWD_INLINE _Bool
find_way(const struct fwd_bpf_endpoint *to, struct fwd_bpf_way *way)
{
    const struct fwd_bpf_way first = read_way(&to->ways[0]);

    *way = first;
    if (first.flags & FWD_BPF_FOREMOST) {
        return 1;
    }
    *way = read_way(&to->ways[1]);
    if (!(way->flags & FWD_BPF_READY)) {
        *way = first;
    }
    return way->flags & FWD_BPF_READY;
}

/* The Ethernet header towards an endpoint.  Stored by words, as the machines
 * that BPF is compiled for at run time need no alignment. */
FWD_INLINE void
put_ether(__u8 *data, const struct fwd_ip *ip, const struct fwd_bpf_way *to)
{
    *(__u32 *) data = *(const __u32 *) to->dst_mac;
    *(__u16 *) (data + 4) = *(const __u16 *) (to->dst_mac + 4);
    *(__u16 *) (data + 6) = *(const __u16 *) to->src_mac;
    *(__u32 *) (data + 8) = *(const __u32 *) (to->src_mac + 2);
    *(__u16 *) (data + 12) = fwd_ip_is_v4(ip)
                             ? bpf_htons(FWD_ETH_P_IPV4)
                             : bpf_htons(FWD_ETH_P_IPV6);
}

/* Puts the headers of copy 'c' before its 'c->size' octets, the last ones of
 * the frame.  Returns false without room for them. */
FWD_INLINE _Bool
encapsulate(struct xdp_md *ctx, const struct fwd_copy *c,
            const struct fwd_bpf_way *to)
{
    __u32 size = end_of(ctx) - data_of(ctx);
    __u32 wanted = FWD_ETHER_LEN + fwd_copy_len(c);

    if (size != wanted
        && bpf_xdp_adjust_head(ctx, (int) size - (int) wanted)) {
        return 0;
    }
    __u8 *data = data_of(ctx);
    const __u8 *end = end_of(ctx);
    if (data + FWD_ETHER_LEN > end) {
        return 0;
    }
    put_ether(data, &c->dst, to);
    __u8 *p = fwd_put_ip(data + FWD_ETHER_LEN, end, c);
    if (!p) {
        return 0;
    }
    p = fwd_put_transport(p, end, c);
    return p && fwd_put_tunnel(p, end, c);
}

#endif /* replication/forwarder/bpf/context.h */
