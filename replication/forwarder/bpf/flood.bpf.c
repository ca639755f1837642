/* SPDX-License-Identifier: Apache-2.0 */
/* The XDP programs of the eBPF engine.  See abi.h for how they flood. */
#include "replication/forwarder/bpf/capture.h"
#include "replication/forwarder/bpf/context.h"
#include "replication/forwarder/bpf/egress.h"
#include "replication/forwarder/bpf/maps.h"

/* Counts a frame that is dropped, and is still as it arrived. */
FWD_INLINE int
drop(struct fwd_counters *c, enum fwd_drop reason)
{
    drop_copy(c, reason);
    return -(int) reason;
}

/* That the result is no reason of drop() the verifier does not know. */
FWD_INLINE int
redirect(void *map, __u32 key, __u64 flags)
{
    return bpf_redirect_map(map, key, flags) & 0xf;
}

FWD_INLINE __u64
next_seq(void)
{
    __u32 key = FWD_BPF_MAX_DEVS;
    struct fwd_bpf_state *state = bpf_map_lookup_elem(&states, &key);

    /* Zero is what the egress program's state starts with. */
    return state ? ++state->seq : 0;
}

/* Writes a cookie over the outer headers.  Returns false without room. */
FWD_INLINE _Bool
put_cookie(struct xdp_md *ctx, const struct fwd_bpf_cookie *cookie)
{
    __u8 *data = data_of(ctx);

    if (data + FWD_BPF_COOKIE_LEN > end_of(ctx)) {
        return 0;
    }
    *(struct fwd_bpf_cookie *) data = *cookie;
    return 1;
}

/* Fills in which copies the source would get, which are not made.  Returns
 * their number; '*whichp' is where in 'floods' of the record the map is. */
FWD_INLINE __u32
leave_out(const struct fwd_bpf_index *self, __u32 to,
          struct fwd_bpf_cookie *cookie, __u32 *whichp)
{
    __u32 n = 0;

    if (!self) {
        return 0;
    }
    cookie->source = self->endpoint;
    cookie->dev = self->dev;
#pragma unroll
    for (int i = 0; i < FWD_N_CLASSES; i++) {
        if (to & 1 << i && self->at[i] != FWD_BPF_NONE) {
            cookie->at[i] = self->at[i];
            *whichp = 1 + self->dev;
            n++;
        }
    }
    return n;
}

/* Which map a frame of 'class' is broadcast to, and how many copies that makes
 * with the source's.  Older kernels forget what was checked of a value that
 * has been on the stack since: checked where it is used. */
FWD_INLINE __u32
find_flood(const struct fwd_bpf_net *net, __u64 class, __u64 which,
           __u32 *fanoutp)
{
    asm volatile("" : "+r"(class), "+r"(which));
    if (class >= FWD_N_CLASSES || which > FWD_BPF_MAX_DEVS) {
        return FWD_BPF_NONE;
    }
    *fanoutp = net->fanout[class];
    return net->floods[class][which];
}

/* By itself, so that the kernel looks at it once and not for each way that
 * leads here.  Returns enum fwd_drop; what the compiler may not know, as the
 * kernel does not. */
__attribute__((noinline, weak)) int
police(__u32 vni, __u64 tor)
{
    return fwd_police(&buckets, this_host(), vni, tor,
                      bpf_ktime_get_ns() << FWD_TIME_SHIFT);
}

/* The cookie of a frame, for what it has in common with others. */
FWD_INLINE struct fwd_bpf_cookie
make_cookie(const struct frame *f)
{
    const struct fwd_verdict *v = &f->verdict;

    return (struct fwd_bpf_cookie) {
        .net = bpf_net_of(v->net)->self, .type = FWD_BPF_COOKIE,
        .port = v->port, .instance = constants.instance, .class = v->class,
        .tos = v->tos, .ttl = v->ttl, .offset = f->offset,
        .padding = f->padding,
    };
}

/* This and what follows for other actions: what XDP is to do, or with a minus
 * the reason of drop(). */
FWD_INLINE int
flood(struct xdp_md *ctx, const struct frame *f)
{
    const struct fwd_verdict *v = &f->verdict;
    const struct fwd_bpf_net *net = bpf_net_of(v->net);
    struct fwd_bpf_counters *counters = f->counters;
    struct fwd_bpf_cookie cookie = make_cookie(f);
    __u32 which = 0, fanout = 0;

    cookie.dev = FWD_BPF_MAX_DEVS;
    cookie.at[0] = cookie.at[1] = cookie.at[2] = FWD_BPF_NONE;
    __u32 n_self = leave_out(find_index(net, &f->arrival.source), v->to,
                             &cookie, &which);
    __u32 key = find_flood(net, v->class, which, &fanout);
    void *map = bpf_map_lookup_elem(&floods, &key);
    if (!map) {
        return drop(&counters->c, key == FWD_BPF_NONE ? FWD_DROP_NO_MEMBER
                                  : FWD_DROP_COPY_FAILED);
    }
    if (fwd_is_policed(this_host())) {
        int reason = police(net->net.vni, fwd_tor_key(v, &f->arrival.source));
        if (reason) {
            return drop(&counters->c, reason == FWD_DROP_STORM_TOR
                                      ? FWD_DROP_STORM_TOR
                                      : FWD_DROP_STORM_NETWORK);
        }
    }
    counters->c.flooded++;
    counters->c.unknown_unicast += v->unknown_unicast;
    counters->wanted += fanout - n_self;
    cookie.seq = next_seq();
    capture_frame(ctx, f, FWD_OK);
    return put_cookie(ctx, &cookie) ? redirect(map, 0, BPF_F_BROADCAST)
           : XDP_DROP;
}

/* Sends the frame to 'v->dest' alone, an endpoint reached by 'dev'. */
FWD_INLINE int
send_to(struct xdp_md *ctx, const struct frame *f, __u32 endpoint, __u32 dev)
{
    const struct fwd_verdict *v = &f->verdict;
    struct fwd_bpf_cookie cookie = make_cookie(f);

    cookie.seq = next_seq();
    cookie.source = find_endpoint(&f->arrival.source);
    cookie.single = 1;
    cookie.to.endpoint = endpoint;
    cookie.to.label = (v->dest.label & FWD_BPF_LABEL_MASK)
                      | (__u32) v->dest.encap << FWD_BPF_ENCAP_SHIFT
                      | (__u32) v->dest.class << FWD_BPF_CLASS_SHIFT;
    f->counters->wanted++;
    return put_cookie(ctx, &cookie) ? redirect(&relays, dev, XDP_DROP)
           : XDP_DROP;
}

FWD_INLINE int
answer_or_relay(struct xdp_md *ctx, const struct frame *f)
{
    const struct fwd_verdict *v = &f->verdict;
    struct fwd_counters *c = &f->counters->c;
    __u32 endpoint = find_endpoint(&v->dest.ip);
    const struct fwd_bpf_endpoint *to
        = bpf_map_lookup_elem(&endpoints, &endpoint);
    __u8 *eth = data_of(ctx) + (f->offset & 0xff);
    struct fwd_bpf_way way;

    if (!endpoint || !to) {
        return drop(c, FWD_DROP_NO_NEIGHBOUR);
    }
    find_way(to, &way);         /* If there is none, the copy is dropped. */
    if (v->action == FWD_RELAY) {
        capture_frame(ctx, f, FWD_OK);
        c->relayed++;
    } else if (eth + FWD_ETHER_LEN + ARP_LEN > end_of(ctx)) {
        return drop(c, FWD_DROP_INVALID_PACKET);
    } else {
        capture_frame(ctx, f, FWD_OK);
        c->answered++;
        arp_answer(eth, v->mac);
    }
    return send_to(ctx, f, endpoint, way.dev);
}

/* Whether octets behind the packet may have been taken for some of it, as
 * there is no end for the verifier but that of the frame. */
FWD_INLINE _Bool
may_be_misread(const struct frame *f)
{
    const struct fwd_verdict *v = &f->verdict;

    return f->padding
           && (!v->inner || octets_between(v->inner, f->arrival.end)
                            < f->padding + FWD_INNER_LOOKED_AT);
}

/* What the socket engine does: see abi.h. */
FWD_INLINE _Bool
is_for_host(const struct frame *f)
{
    const struct fwd_verdict *v = &f->verdict;

    return v->action == FWD_PASS || v->action == FWD_PUNT || v->punt_too
           || (v->action == FWD_FLOOD
               && octets_between(v->inner, f->arrival.end) - f->padding
                  > bpf_net_of(v->net)->max_size)
           || ((v->action == FWD_RELAY || v->action == FWD_ANSWER)
               && fwd_needs_checksum(&v->dest.ip, v->dest.encap));
}

/* The IP packet, or NULL. */
FWD_INLINE const __u8 *
find_ip(const __u8 *data, const __u8 *end)
{
    if (data + FWD_ETHER_LEN > end) {
        return 0;
    }
    __u16 type = fwd_get16(data + 12);
    return type == FWD_ETH_P_IPV4 || type == FWD_ETH_P_IPV6
           ? data + FWD_ETHER_LEN : 0;
}

/* Whether the frame is in several pieces of memory, as jumbo frames can be.
 * The kernel would copy the first alone, and take what is behind the copy for
 * the list of the others. */
FWD_INLINE _Bool
is_in_pieces(struct xdp_md *ctx)
{
    return bpf_xdp_get_buff_len(ctx) != (__u64) (end_of(ctx) - data_of(ctx));
}

/* Parses the outer headers.  Returns false if the frame is the host's. */
FWD_INLINE _Bool
arrive(struct xdp_md *ctx, struct frame *f)
{
    const __u8 *end = end_of(ctx), *ip = find_ip(data_of(ctx), end);

    if (!ip) {
        return 0;
    }
    __u32 size = fwd_parse_outer(this_host(), ip, end, &f->arrival);
    f->padding = octets_between(ip, end) - size;
    return size;
}

/* A pointer into the frame without what the verifier knows of it, for which it
 * would look at all that follows once more for each combination of headers
 * that there may be before it.  At most 255 octets are. */
FWD_INLINE const __u8 *
forget_headers(const struct xdp_md *ctx, const __u8 *p)
{
    const __u8 *data = data_of(ctx);
    __u64 offset = p - data, unknown = end_of(ctx) - data;

    asm volatile("%0 ^= %1; %0 ^= %1" : "+r"(offset) : "r"(unknown));
    return data + (offset & 0xff);
}

/* What fwd_decide() does. */
FWD_INLINE void
decide(const struct xdp_md *ctx, const struct fwd_arrival *a,
       struct fwd_verdict *v)
{
    enum fwd_label_kind kind;

    v->drop = fwd_parse_tunnel(0, a, &kind, v);
    if (!v->drop) {
        v->inner = forget_headers(ctx, v->inner);
        v->drop = fwd_decide_inner(0, this_host(), a, kind, v);
    }
    if (v->drop) {
        v->action = FWD_DROP;
    }
}

FWD_INLINE void
count_frame(struct fwd_counters *c, const struct fwd_verdict *v)
{
    c->frames++;
    if (v->class != FWD_STRANGER && v->kind < FWD_N_KINDS) {
        c->kinds[v->kind]++;
    }
}

FWD_INLINE int
act(struct xdp_md *ctx, const struct frame *f)
{
    switch (f->verdict.action) {
    case FWD_FLOOD:
        return flood(ctx, f);
    case FWD_ANSWER:
    case FWD_RELAY:
        return answer_or_relay(ctx, f);
    default:
        return drop(&f->counters->c, f->verdict.drop);
    }
}

SEC("xdp.frags")
int
ingress(struct xdp_md *ctx)
{
    struct frame f;
    struct fwd_verdict *v = &f.verdict;
    int result;

    if (is_in_pieces(ctx) || !arrive(ctx, &f)) {
        return XDP_PASS;
    }
    decide(ctx, &f.arrival, v);
    if (may_be_misread(&f)) {
        return XDP_PASS;
    }
    f.offset = v->inner ? v->inner - data_of(ctx) : 0;
    f.counters = counters_of(v->net ? bpf_net_of(v->net)->slot : 0);
    if (!f.counters) {
        return XDP_DROP;
    }
    if (v->action == FWD_DROP || !v->net || !v->inner) {
        count_frame(&f.counters->c, v);
        result = drop(&f.counters->c, v->drop);
    } else if (is_for_host(&f)) {
        return XDP_PASS;
    } else {
        count_frame(&f.counters->c, v);
        result = act(ctx, &f);
    }
    if (result < 0) {
        capture_frame(ctx, &f, -result);
        result = XDP_DROP;
    }
    return result;
}

/* One for each interface, as a program cannot tell which one it serves. */
#define EGRESS(DEV) \
    SEC("xdp.frags/devmap") \
    int \
    egress_##DEV(struct xdp_md *ctx) \
    { \
        return egress(ctx, DEV); \
    }
EGRESS(0)
EGRESS(1)
EGRESS(2)
EGRESS(3)
_Static_assert(FWD_BPF_MAX_DEVS == 4, "a program for each interface");

/* Does the same for the programs of a process before, which number the
 * interfaces in their own way. */
SEC("xdp.frags/devmap")
int
heir(struct xdp_md *ctx)
{
    for (__u32 dev = 0; dev < FWD_BPF_MAX_DEVS; dev++) {
        /* The verifier no more knows what a helper has had a pointer to. */
        __u32 key = dev;
        const __u64 *ifindex = bpf_map_lookup_elem(&devs, &key);

        if (ifindex && *ifindex == ctx->egress_ifindex) {
            return egress(ctx, dev);
        }
    }
    return XDP_DROP;
}

/* No helper that we call asks for another one. */
char terms[] SEC("license") = "Apache-2.0";
