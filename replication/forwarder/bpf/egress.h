/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a copy on its way out: see abi.h. */
#ifndef FWD_BPF_EGRESS_H
#define FWD_BPF_EGRESS_H 1

#include "replication/forwarder/bpf/capture.h"
#include "replication/forwarder/bpf/context.h"
#include "replication/forwarder/bpf/maps.h"

/* The number of this copy among those of its frame and interface. */
FWD_INLINE __u32
next_copy(__u64 seq, __u32 dev)
{
    struct fwd_bpf_state *state = bpf_map_lookup_elem(&states, &dev);

    if (!state) {
        return FWD_BPF_MAX_MEMBERS;
    }
    if (state->seq != seq) {
        state->seq = seq;
        state->next = 0;
    }
    return state->next++;
}

/* Which of the interface's members copy 'i' is for.  Returns false if it is one
 * too many. */
FWD_INLINE _Bool
member_of_copy(const struct fwd_bpf_net *net, const struct fwd_bpf_cookie *c,
               __u32 dev, __u32 i, __u32 *keyp)
{
    /* In the order that they have in the block. */
    static const int order[] = { FWD_EVPN, FWD_TOR, FWD_TREE };
    __u32 start = 0, n = 0, n_self = 0, to = fwd_flood_classes(c->class);

#pragma unroll
    for (int k = 0; k < FWD_N_CLASSES; k++) {
        int class = order[k];

        if (to & 1 << class) {
            n += net->devs[dev].n[class];
        } else if (!n) {
            start += net->devs[dev].n[class];
        }
    }
    if (c->dev == dev) {
#pragma unroll
        for (int k = 0; k < FWD_N_CLASSES; k++) {
            n_self += c->at[k] != FWD_BPF_NONE;
        }
    }
    __u32 made = net->coarse ? fwd_bpf_flood_size(n, 1)
                 : fwd_bpf_flood_size(n - (n_self > 0), 0);
    __u32 too_many = made - (n - n_self);
    if (i < too_many) {
        return 0;
    }
    i += start - too_many;
    if (c->dev == dev) {
#pragma unroll
        for (int k = 0; k < FWD_N_CLASSES; k++) {
            __u16 at = c->at[order[k]];

            i += at != FWD_BPF_NONE && i >= at;
        }
    }
    *keyp = net->devs[dev].first + i;
    return i < start + n;
}

/* The copy of a frame with 'cookie' for a member. */
FWD_INLINE enum fwd_drop
prepare_copy(struct fwd_copy *copy, const struct fwd_bpf_net *net,
             const struct fwd_bpf_cookie *cookie,
             const struct fwd_bpf_member *member, const struct fwd_ip *ip,
             __u32 inner_size)
{
    const struct fwd_verdict v = {
        .net = &net->net, .class = cookie->class, .port = cookie->port,
        .tos = cookie->tos, .ttl = cookie->ttl,
    };
    const struct fwd_member m = {
        .ip = *ip,
        .label = member->label & FWD_BPF_LABEL_MASK,
        .class = member->label >> FWD_BPF_CLASS_SHIFT & 0xf,
        .encap = member->label >> FWD_BPF_ENCAP_SHIFT & 0xf,
    };

    enum fwd_drop drop = fwd_copy_init(copy, this_host(), &v, &m, inner_size);
    /* Unique for each destination, as each gets one copy of a frame. */
    copy->id = cookie->seq;
    return drop;
}

FWD_INLINE int
drop_copy(struct fwd_counters *c, enum fwd_drop reason)
{
    if (reason < FWD_N_DROPS) {
        c->drops[reason]++;
    }
    return XDP_DROP;
}

/* For who captures: where the frame came from. */
FWD_INLINE void
capture_dropped(struct xdp_md *ctx, const struct fwd_bpf_cookie *cookie,
                const struct fwd_net *net, const struct fwd_copy *copy,
                const struct fwd_bpf_member *member, enum fwd_drop reason)
{
    __u32 key = cookie->source;
    const struct fwd_bpf_endpoint *from;

    if (is_capturing() && (from = bpf_map_lookup_elem(&endpoints, &key))) {
        capture_copy(ctx, copy, net, &from->ip, cookie->class,
                     member->label >> FWD_BPF_CLASS_SHIFT & 0xf, reason);
    }
}

FWD_INLINE int
egress(struct xdp_md *ctx, __u32 dev)
{
    const __u8 *data = data_of(ctx), *end = end_of(ctx);
    struct fwd_bpf_cookie cookie;
    struct fwd_bpf_way way;
    struct fwd_copy copy;

    if (data + FWD_BPF_COOKIE_LEN > end
        || ((const struct fwd_bpf_cookie *) data)->type != FWD_BPF_COOKIE) {
        return XDP_PASS;        /* Finished, or not of ours. */
    }
    cookie = *(const struct fwd_bpf_cookie *) data;
    if (cookie.instance != constants.instance) {
        bpf_tail_call(ctx, &heirs, 0);
        return XDP_DROP;
    }

    __u32 key = cookie.net;
    const struct fwd_bpf_net *net = bpf_map_lookup_elem(&nets, &key);
    if (!net || !member_of_copy(net, &cookie, dev,
                                next_copy(cookie.seq, dev), &key)) {
        return XDP_DROP;        /* The map had more entries than needed. */
    }
    const struct fwd_bpf_member *member = bpf_map_lookup_elem(&members, &key);
    struct fwd_bpf_counters *counters = counters_of(net->slot);
    if (!member || !counters) {
        return XDP_DROP;
    }
    counters->seen++;
    key = member->endpoint;
    const struct fwd_bpf_endpoint *to = bpf_map_lookup_elem(&endpoints, &key);
    if (!to) {
        return drop_copy(&counters->c, FWD_DROP_NO_NEIGHBOUR);
    }
    enum fwd_drop reason = prepare_copy(&copy, net, &cookie, member, &to->ip,
                                        end - data - cookie.offset);
    if (!find_way_by(to, dev, &way)) {
        reason = FWD_DROP_NO_NEIGHBOUR;
    }
    if (!reason && fwd_copy_len(&copy) > way.mtu) {
        reason = FWD_DROP_TOO_BIG;
    }
    if (!reason && !encapsulate(ctx, &copy, &way)) {
        reason = FWD_DROP_COPY_FAILED;
    }
    if (reason) {
        capture_dropped(ctx, &cookie, &net->net, &copy, member, reason);
        return drop_copy(&counters->c, reason);
    }
    counters->c.copies++;
    return XDP_PASS;
}

#endif /* replication/forwarder/bpf/egress.h */
