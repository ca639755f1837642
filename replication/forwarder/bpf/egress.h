/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a copy on its way out: see abi.h. */
#ifndef FWD_BPF_EGRESS_H
#define FWD_BPF_EGRESS_H 1

#include "replication/forwarder/bpf/capture.h"
#include "replication/forwarder/bpf/context.h"
#include "replication/forwarder/bpf/maps.h"
#include "replication/forwarder/encap.h"

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

/* The place in the interface's block of who is to get the last copy, or
 * FWD_BPF_NONE. */
FWD_INLINE __u32
last_place(const struct fwd_bpf_net *net, const struct fwd_bpf_cookie *c,
           __u32 dev)
{
    _Bool is_self = 0;
    __u64 class = c->class;

    /* Checked where it is used, as in find_flood(). */
    asm volatile("" : "+r"(class));
    if (class >= FWD_N_CLASSES) {
        return FWD_BPF_NONE;
    }
    const __u16 *last = net->devs[dev].last[class];
    if (c->dev == dev && last[0] != FWD_BPF_NONE) {
#pragma unroll
        for (int k = 0; k < FWD_N_CLASSES; k++) {
            is_self |= c->at[k] == last[0];
        }
    }
    return is_self ? last[1] : last[0];
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
    n -= n_self;
    i -= made - n;
    if (i >= n) {
        return 0;
    }

    __u32 place = last_place(net, c, dev), last = place - start;
    if (place != FWD_BPF_NONE) {
        if (c->dev == dev) {
#pragma unroll
            for (int k = 0; k < FWD_N_CLASSES; k++) {
                last -= c->at[k] < place;
            }
        }
        i += last + 1;
        i -= i >= n ? n : 0;
    }
    i += start;
    if (c->dev == dev) {
#pragma unroll
        for (int k = 0; k < FWD_N_CLASSES; k++) {
            __u16 at = c->at[order[k]];

            i += at != FWD_BPF_NONE && i >= at;
        }
    }
    *keyp = net->devs[dev].first + i;
    return 1;
}

/* Whom this copy of a frame with 'cookie' is for.  Returns false if there are
 * no more. */
FWD_INLINE _Bool
find_member(const struct fwd_bpf_net *net, const struct fwd_bpf_cookie *cookie,
            __u32 dev, struct fwd_bpf_member *to)
{
    const struct fwd_bpf_member *member;
    __u32 key;

    if (cookie->single) {
        *to = cookie->to;
        return 1;
    }
    if (!member_of_copy(net, cookie, dev, next_copy(cookie->seq, dev), &key)
        || !(member = bpf_map_lookup_elem(&members, &key))) {
        return 0;
    }
    *to = *member;
    return 1;
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

/* Makes what arrived the copy for 'member', or says why not. */
FWD_INLINE enum fwd_drop
make_copy(struct xdp_md *ctx, const struct fwd_bpf_net *net,
          const struct fwd_bpf_cookie *cookie,
          const struct fwd_bpf_member *member, __u32 dev)
{
    __u32 key = member->endpoint;
    const struct fwd_bpf_endpoint *to = bpf_map_lookup_elem(&endpoints, &key);
    struct fwd_bpf_way way;
    struct fwd_copy copy;

    if (!to) {
        return FWD_DROP_NO_NEIGHBOUR;
    }
    enum fwd_drop reason
        = prepare_copy(&copy, net, cookie, member, &to->ip,
                       octets_between(data_of(ctx), end_of(ctx))
                       - cookie->offset);
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
        capture_dropped(ctx, cookie, &net->net, &copy, member, reason);
    }
    return reason;
}

FWD_INLINE int
egress(struct xdp_md *ctx, __u32 dev)
{
    const __u8 *data = data_of(ctx);
    struct fwd_bpf_cookie cookie;
    struct fwd_bpf_member member;

    if (data + FWD_BPF_COOKIE_LEN > end_of(ctx)
        || ((const struct fwd_bpf_cookie *) data)->type != FWD_BPF_COOKIE) {
        return XDP_PASS;        /* Not of ours. */
    }
    cookie = *(const struct fwd_bpf_cookie *) data;
    if (cookie.instance != constants.instance) {
        bpf_tail_call(ctx, &heirs, 0);
        return XDP_DROP;
    }

    __u32 key = cookie.net;
    const struct fwd_bpf_net *net = bpf_map_lookup_elem(&nets, &key);
    if (!net || !find_member(net, &cookie, dev, &member)) {
        return XDP_DROP;        /* The map had more entries than needed. */
    }
    struct fwd_bpf_counters *counters = counters_of(net->slot);
    if (!counters) {
        return XDP_DROP;
    }
    counters->seen++;
    if (cookie.padding && bpf_xdp_adjust_tail(ctx, -(int) cookie.padding)) {
        return drop_copy(&counters->c, FWD_DROP_COPY_FAILED);
    }
    enum fwd_drop reason = make_copy(ctx, net, &cookie, &member, dev);
    if (reason) {
        return drop_copy(&counters->c, reason);
    }
    counters->c.copies++;
    return XDP_PASS;
}

#endif /* replication/forwarder/bpf/egress.h */
