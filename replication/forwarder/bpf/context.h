/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of an XDP context, and what becomes of it. */
#ifndef FWD_BPF_CONTEXT_H
#define FWD_BPF_CONTEXT_H 1

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "replication/forwarder/bpf/abi.h"

/* A frame that came in. */
struct frame {
    struct fwd_arrival arrival;
    struct fwd_verdict verdict;
    __u32 offset;               /* Of the inner frame; 0: there is none. */
    __u32 padding;              /* Octets behind the packet. */
    struct fwd_bpf_counters *counters;
};

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

/* Octets from 'p' to 'end', as a number: of a difference that goes on the
 * compiler may make a sum with a pointer, which the verifier does not take. */
FWD_INLINE __u32
octets_between(const __u8 *p, const __u8 *end)
{
    __u32 n = end - p;

    asm volatile("" : "+r"(n));
    return n;
}

#endif /* replication/forwarder/bpf/context.h */
