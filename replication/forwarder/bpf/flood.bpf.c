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

/* This and what follows for other actions: what XDP is to do, or with a minus
 * the reason of drop(). */
FWD_INLINE int
flood(struct xdp_md *ctx, const struct fwd_verdict *v,
      const struct fwd_arrival *a, __u32 offset,
      struct fwd_bpf_counters *counters)
{
    const struct fwd_bpf_net *net = bpf_net_of(v->net);
    __u8 *data = data_of(ctx);
    struct fwd_bpf_cookie cookie = {
        .net = net->self, .type = FWD_BPF_COOKIE, .port = v->port,
        .instance = constants.instance,
        .at = { FWD_BPF_NONE, FWD_BPF_NONE, FWD_BPF_NONE },
        .dev = FWD_BPF_NONE, .class = v->class, .tos = v->tos, .ttl = v->ttl,
        .offset = offset,
    };
    __u32 which = 0, fanout = 0;

    if (data + FWD_BPF_COOKIE_LEN > end_of(ctx)) {
        return drop(&counters->c, FWD_DROP_INVALID_PACKET);
    }
    __u32 n_self = leave_out(find_index(net, &a->source), v->to, &cookie,
                             &which);
    __u32 key = find_flood(net, v->class, which, &fanout);
    void *map = bpf_map_lookup_elem(&floods, &key);
    if (!map) {
        return drop(&counters->c, key == FWD_BPF_NONE ? FWD_DROP_NO_MEMBER
                                  : FWD_DROP_COPY_FAILED);
    }
    if (fwd_is_policed(this_host())) {
        int reason = police(net->net.vni, fwd_tor_key(v, &a->source));
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
    capture_frame(ctx, v, a, offset, FWD_OK);
    *(struct fwd_bpf_cookie *) data = cookie;
    return redirect(map, 0, BPF_F_BROADCAST);
}

/* Sends the frame, whose last 'size' octets are the inner one, to 'v->dest'
 * alone. */
FWD_INLINE int
send_to(struct xdp_md *ctx, const struct fwd_verdict *v,
        const struct fwd_arrival *a, __u32 size, __u32 endpoint,
        struct fwd_counters *c)
{
    const struct fwd_bpf_endpoint *to
        = bpf_map_lookup_elem(&endpoints, &endpoint);
    struct fwd_bpf_way way;
    struct fwd_copy copy;

    enum fwd_drop reason = fwd_copy_init(&copy, this_host(), v, &v->dest,
                                         size);
    copy.id = next_seq();
    if (!to) {
        return drop_copy(c, FWD_DROP_NO_NEIGHBOUR);
    }
    if (!find_way(to, &way) || !endpoint) {
        reason = FWD_DROP_NO_NEIGHBOUR;
    }
    if (!reason && fwd_copy_len(&copy) > way.mtu) {
        reason = FWD_DROP_TOO_BIG;
    }
    if (!reason && !encapsulate(ctx, &copy, &way)) {
        reason = FWD_DROP_COPY_FAILED;
    }
    if (reason) {
        if (is_capturing()) {
            capture_copy(ctx, &copy, v->net, &a->source, v->class,
                         v->dest.class, reason);
        }
        return drop_copy(c, reason);
    }
    c->copies++;
    return redirect(&relays, way.dev, XDP_DROP);
}

FWD_INLINE int
answer(struct xdp_md *ctx, const struct fwd_verdict *v,
       const struct fwd_arrival *a, __u32 offset, struct fwd_counters *c)
{
    __u32 *endpoint = bpf_map_lookup_elem(&addresses, &v->dest.ip);
    __u8 *eth = data_of(ctx) + (offset & 0xff);
    const __u8 *end = end_of(ctx);

    if (eth + FWD_ETHER_LEN + ARP_LEN > end) {
        return drop(c, FWD_DROP_INVALID_ARP);
    }
    capture_frame(ctx, v, a, offset, FWD_OK);
    arp_answer(eth, v->mac);
    c->answered++;
    return send_to(ctx, v, a, end - eth, endpoint ? *endpoint : 0, c);
}

FWD_INLINE int
relay(struct xdp_md *ctx, const struct fwd_verdict *v,
      const struct fwd_arrival *a, __u32 offset, struct fwd_counters *c)
{
    const __u8 *eth = data_of(ctx) + (offset & 0xff), *end = end_of(ctx);

    if (eth + FWD_ETHER_LEN > end) {
        return drop(c, FWD_DROP_INVALID_PACKET);
    }
    struct fwd_bpf_mac *mac = find_bpf_mac(v->net, eth);
    capture_frame(ctx, v, a, offset, FWD_OK);
    c->relayed++;
    return send_to(ctx, v, a, end - eth, mac ? mac->endpoint : 0, c);
}

/* What the socket engine does: see abi.h. */
FWD_INLINE _Bool
is_for_host(const struct fwd_verdict *v, __u32 inner_size)
{
    return v->action == FWD_PASS || v->action == FWD_PUNT || v->punt_too
           || (v->action == FWD_FLOOD
               && inner_size > bpf_net_of(v->net)->max_size)
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

/* Parses the outer headers, and cuts off what follows the packet.  Returns
 * false if the frame is the host's. */
FWD_INLINE _Bool
arrive(struct xdp_md *ctx, struct fwd_arrival *a)
{
    const __u8 *end = end_of(ctx), *ip = find_ip(data_of(ctx), end);

    if (!ip) {
        return 0;
    }
    __u32 size = fwd_parse_outer(this_host(), ip, end, a);
    int padding = (int) (end - ip) - (int) size;
    if (!size || !padding) {
        return size;
    }
    if (bpf_xdp_adjust_tail(ctx, -padding)) {
        return 0;
    }
    end = end_of(ctx);
    ip = find_ip(data_of(ctx), end);
    return ip && fwd_parse_outer(this_host(), ip, end, a);
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
act(struct xdp_md *ctx, const struct fwd_verdict *v,
    const struct fwd_arrival *a, __u32 offset,
    struct fwd_bpf_counters *counters)
{
    switch (v->action) {
    case FWD_FLOOD:
        return flood(ctx, v, a, offset, counters);
    case FWD_ANSWER:
        return answer(ctx, v, a, offset, &counters->c);
    case FWD_RELAY:
        return relay(ctx, v, a, offset, &counters->c);
    default:
        return drop(&counters->c, v->drop);
    }
}

SEC("xdp.frags")
int
ingress(struct xdp_md *ctx)
{
    struct fwd_arrival arrival;
    struct fwd_verdict v;
    __u32 offset;
    int result;

    if (is_in_pieces(ctx) || !arrive(ctx, &arrival)) {
        return XDP_PASS;
    }
    fwd_decide(0, this_host(), &arrival, &v);

    struct fwd_bpf_counters *counters
        = counters_of(v.net ? bpf_net_of(v.net)->slot : 0);
    if (!counters) {
        return XDP_DROP;
    }
    offset = v.inner ? v.inner - data_of(ctx) : 0;
    if (v.action == FWD_DROP || !v.net || !v.inner) {
        count_frame(&counters->c, &v);
        result = drop(&counters->c, v.drop);
    } else if (is_for_host(&v, arrival.end - v.inner)) {
        return XDP_PASS;
    } else {
        count_frame(&counters->c, &v);
        result = act(ctx, &v, &arrival, offset, counters);
    }
    if (result < 0) {
        capture_frame(ctx, &v, &arrival, offset, -result);
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
        const __u64 *ifindex = bpf_map_lookup_elem(&devs, &dev);

        if (ifindex && *ifindex == ctx->egress_ifindex) {
            return egress(ctx, dev);
        }
    }
    return XDP_DROP;
}

/* No helper that we call asks for another one. */
char terms[] SEC("license") = "Apache-2.0";
