/* SPDX-License-Identifier: Apache-2.0 */
/* How programs capture.  All but the question whether somebody does is out of
 * the way of a frame. */
#ifndef FWD_BPF_CAPTURE_H
#define FWD_BPF_CAPTURE_H 1

#include "replication/forwarder/bpf/context.h"
#include "replication/forwarder/bpf/maps.h"
#include "replication/forwarder/capture-record.h"

/* A record under construction is too large for the stack. */
struct fwd_bpf_scratch {
    struct fwd_capture_record record;
    __u8 data[FWD_CAPTURE_MAX + 1];
};
struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct fwd_bpf_scratch);
} scratch SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, FWD_BPF_CAPTURE_SIZE);
} captured SEC(".maps");

volatile struct fwd_bpf_capture_control capture SEC(FWD_BPF_CAPTURE);

FWD_INLINE _Bool
is_capturing(void)
{
    return __builtin_expect(capture.filter.session != 0, 0);
}

/* The filter, while there is one, for a function that knows nothing of other
 * threads. */
FWD_INLINE const struct fwd_capture_filter *
capture_filter(void)
{
    const struct fwd_capture_filter *p
        = (const struct fwd_capture_filter *) &capture.filter;

    asm("" : "+r"(p));
    return p;
}

/* Where to write a record to if it is wanted; NULL if it is not. */
FWD_INLINE struct fwd_bpf_scratch *
start_record(__u32 vni, const struct fwd_ip *source, enum fwd_drop fate)
{
    __u64 time_ns = bpf_ktime_get_ns();
    __u32 key = 0;

    if (fate >= FWD_N_DROPS || time_ns > capture.filter.until_ns
        || !fwd_capture_wants(capture_filter(), vni, source, fate)) {
        return 0;
    }
    struct fwd_bpf_scratch *s = bpf_map_lookup_elem(&scratch, &key);
    if (s) {
        __builtin_memset(&s->record, 0, sizeof s->record);
        s->record.time_ns = time_ns;
        s->record.session = capture.filter.session;
        s->record.source = *source;
        s->record.vni = vni;
        s->record.drop = fate;
    }
    return s;
}

/* Adds 'size' octets of the frame from 'offset' on, and lets go of the
 * record. */
static __attribute__((noinline)) void
finish_record(struct xdp_md *ctx, struct fwd_bpf_scratch *s, __u32 offset,
              __u32 size)
{
    __u32 n = capture.filter.snaplen;

    if (!size) {
        return;
    }
    s->record.size = size;
    n = size < n ? size : n;
    /* The compiler knows, but the verifier must see: 1 to what fits. */
    asm volatile("" : "+r"(n));
    n = ((n - 1) & FWD_CAPTURE_MAX) + 1;
    if (bpf_xdp_load_bytes(ctx, offset, s->data, n)) {
        return;
    }
    s->record.stored = n;
    if (bpf_ringbuf_output(&captured, s, sizeof s->record + n,
                           BPF_RB_NO_WAKEUP)) {
        __sync_fetch_and_add(&capture.lost, 1);
    }
}

/* The frame, which is as it arrived. */
FWD_INLINE void
capture_frame(struct xdp_md *ctx, const struct frame *f, enum fwd_drop fate)
{
    const struct fwd_verdict *v = &f->verdict;

    if (!is_capturing()) {
        return;
    }
    struct fwd_bpf_scratch *s
        = start_record(v->net ? v->net->vni : FWD_CAPTURE_ANY,
                       &f->arrival.source, fate);
    if (s) {
        s->record.type = FWD_CAPTURE_PACKET;
        s->record.inner = f->offset ? f->offset : FWD_CAPTURE_NONE;
        s->record.encap = f->arrival.encap;
        s->record.action = v->action;
        s->record.class = v->class;
        s->record.kind = v->kind;
        finish_record(ctx, s, 0, end_of(ctx) - data_of(ctx) - f->padding);
    }
}

/* A copy that is dropped, and whose payload is the end of the frame: for a
 * member of 'class', of a frame from 'source'. */
FWD_INLINE void
capture_copy(struct xdp_md *ctx, const struct fwd_copy *copy,
             const struct fwd_net *net, const struct fwd_ip *source,
             enum fwd_class from_class, enum fwd_class class,
             enum fwd_drop reason)
{
    struct fwd_bpf_scratch *s = start_record(net->vni, source, reason);
    __u32 size = end_of(ctx) - data_of(ctx);

    if (s && copy->size <= size) {
        s->record.type = FWD_CAPTURE_COPY;
        s->record.outer = *copy;
        s->record.class = from_class;
        s->record.to_class = class;
        s->record.inner = from_class == FWD_TREE && class == FWD_TREE
                          ? FWD_SECOND_LEN : 0;
        finish_record(ctx, s, size - copy->size, copy->size);
    }
}

#endif /* replication/forwarder/bpf/capture.h */
