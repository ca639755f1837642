/* SPDX-License-Identifier: Apache-2.0 */
/* A source of frames to flood, and the sink that their copies end in.  See
 * xdp_load.h. */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "xdp_load_abi.h"

const volatile struct load_config config SEC(".rodata.config");

#define ARRAY_OF(NAME, TYPE, N) \
    struct { \
        __uint(type, BPF_MAP_TYPE_ARRAY); \
        __uint(map_flags, BPF_F_MMAPABLE); \
        __uint(max_entries, N); \
        __type(key, __u32); \
        __type(value, TYPE); \
    } NAME SEC(".maps")

ARRAY_OF(streams, struct load_stream, LOAD_MAX_STREAMS);
ARRAY_OF(members, struct load_member,
         LOAD_MAX_STREAMS * LOAD_MAX_NETWORKS * LOAD_MAX_MEMBERS);
ARRAY_OF(others, struct load_others, 1);

/* Of members.  Apart, as user space may not write what holds a lock. */
struct lock {
    struct bpf_spin_lock lock;
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, LOAD_MAX_MEMBERS);
    __type(key, __u32);
    __type(value, struct lock);
} locks SEC(".maps");

#define VNI_AT (14 + 20 + 8 + 4)

static __always_inline __be32
vni_of(__u64 seq)
{
    return bpf_htonl((config.vni + (__u32) (seq % config.n_vnis)) << 8);
}

/* Whether the copies of one more frame may be on their way. */
static __always_inline _Bool
has_room(struct load_stream *s)
{
    __u64 wanted = s->sent * config.n_members;
    __u64 copies = *(volatile __u64 *) &s->copies;

    if (wanted + config.n_members
        <= copies + s->written_off + config.window) {
        s->stalled_ns = 0;
        return 1;
    }
    if (!config.patience_ns) {
        return 0;
    }
    __u64 now = bpf_ktime_get_ns();
    if (!s->stalled_ns) {
        s->stalled_ns = now;
    } else if (now - s->stalled_ns > config.patience_ns) {
        s->written_off = wanted - copies;
        s->stalled_ns = 0;
    }
    return 0;
}

/* Sends the next frame of this CPU's stream, if there is room on the way. */
SEC("xdp")
int
generate(struct xdp_md *ctx)
{
    __u64 *data = (void *) (long) ctx->data;
    void *end = (void *) (long) ctx->data_end;
    __u32 cpu = bpf_get_smp_processor_id(), zero = 0;
    struct load_stream *s = bpf_map_lookup_elem(&streams, &cpu);
    struct load_others *o = bpf_map_lookup_elem(&others, &zero);

    if (!s || !o || (void *) data + LOAD_FRAME_SIZE > end
        || *(volatile __u64 *) &o->stop || !has_room(s)) {
        return XDP_DROP;
    }
#pragma unroll
    for (int i = 0; i < LOAD_FRAME_SIZE / 8; i++) {
        data[i] = config.frame[i];
    }
    *(__be32 *) ((void *) data + VNI_AT) = vni_of(s->sent);
    struct load_mark *mark = (void *) data + LOAD_MARK_AT;
    mark->magic = LOAD_MAGIC;
    mark->stream = cpu;
    mark->seq = s->sent++;
    return bpf_redirect(config.ifindexes[o->via % LOAD_MAX_PORTS], 0);
}

static __always_inline __u64
count_ones(__u64 x)
{
    x -= x >> 1 & 0x5555555555555555;
    x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
    return ((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56;
}

/* Takes note of a copy. */
static __always_inline void
note_seq(struct load_member *m, __u64 seq)
{
    if (seq >= m->top) {
        __u64 shift = seq - m->top + 1;

        if (shift < 64) {
            m->lost += shift - count_ones(m->window >> (64 - shift));
            m->window = m->window << shift | 1;
        } else {
            m->lost += 64 - count_ones(m->window) + shift - 64;
            m->window = 1;
        }
        m->top = seq + 1;
        return;
    }
    __u64 back = m->top - 1 - seq;
    if (back >= 64) {
        m->late++;
    } else if (m->window >> back & 1) {
        m->twice++;
    } else {
        m->window |= 1ull << back;
    }
}

static __always_inline void
note_time(struct load_member *m, __u64 now)
{
    if (m->last_ns && now > m->last_ns && now - m->last_ns > m->gap_ns) {
        m->gap_ns = now - m->last_ns;
    }
    m->last_ns = now;
}

/* Those of one stream, network and member come by one queue, so on one CPU at
 * a time, unless there are several ports. */
static __always_inline void
note(struct load_member *m, struct lock *l, __u64 seq, __u32 port)
{
    __u64 now = config.patience_ns ? bpf_ktime_get_ns() : 0;

    if (config.ifindexes[1]) {
        bpf_spin_lock(&l->lock);
        m->copies++;
        m->by_port[port % LOAD_MAX_PORTS]++;
        note_seq(m, seq);
        note_time(m, now);
        bpf_spin_unlock(&l->lock);
    } else {
        m->copies++;
        m->by_port[0]++;
        note_seq(m, seq);
        note_time(m, now);
    }
}

static __always_inline __u32
port_of(__u32 ifindex)
{
    for (__u32 i = 0; i < LOAD_MAX_PORTS; i++) {
        if (config.ifindexes[i] == ifindex) {
            return i;
        }
    }
    return 0;
}

SEC("xdp")
int
sink(struct xdp_md *ctx)
{
    __u8 *p = (void *) (long) ctx->data, *end = (void *) (long) ctx->data_end;
    struct load_mark *mark = (void *) (p + LOAD_MARK_AT);
    __u32 zero = 0;
    struct load_others *o = bpf_map_lookup_elem(&others, &zero);

    if ((__u8 *) (mark + 1) > end || mark->magic != LOAD_MAGIC
        || *(__be32 *) (p + 26) != config.node || !o) {
        return XDP_PASS;
    }
    if (*(__be16 *) (p + 36) != bpf_htons(4789)
        || *(__be32 *) (p + VNI_AT) != vni_of(mark->seq)
        || end - p != LOAD_FRAME_SIZE) {
        __sync_fetch_and_add(&o->bad, 1);
        return XDP_DROP;
    }
    __u32 i = bpf_ntohl(*(__be32 *) (p + 30)) - config.first_member;
    __u32 stream = mark->stream, network = mark->seq % config.n_vnis;
    __u32 key = (stream * LOAD_MAX_NETWORKS + network) * LOAD_MAX_MEMBERS + i;
    struct load_member *m = bpf_map_lookup_elem(&members, &key);
    struct load_stream *s = bpf_map_lookup_elem(&streams, &stream);
    struct lock *l = bpf_map_lookup_elem(&locks, &i);
    if (i >= config.n_members || !m || !s || !l) {
        __sync_fetch_and_add(&o->others, 1);
        return XDP_DROP;
    }
    note(m, l, mark->seq / config.n_vnis, port_of(ctx->ingress_ifindex));
    __sync_fetch_and_add(&s->copies, 1);
    return XDP_DROP;
}

char terms[] SEC("license") = "Apache-2.0";
