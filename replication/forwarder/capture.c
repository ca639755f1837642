/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "openvswitch/vlog.h"
#include "replication/forwarder/bpf-capture.h"
#include "replication/forwarder/capture-ring.h"
#include "replication/forwarder/outer.h"
#include "replication/forwarder/socket-thread.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_capture);

#define NS_PER_MS UINT64_C(1000000)
/* Ethernet, IP, GRE or UDP, label, control word, second encapsulation. */
#define MAX_HEADERS 128

struct fwd_capture {
    struct fwd_socket_shared *shared;
    struct fwd_bpf_capture *bpf;        /* NULL: no programs. */
    uv_timer_t *timer;          /* Freed when closed, so later than this. */

    struct fwd_capture_filter filter;   /* Of the session ... */
    uint32_t session;           /* ... or 0. */
    uint32_t last_session;
    bool stopped;
    uint64_t ebpf_lost_before;  /* In other sessions. */
    uint64_t socket_lost_before;
    uint64_t epoch_ns;          /* When CLOCK_MONOTONIC was 0. */
    uint8_t packet[MAX_HEADERS + FWD_CAPTURE_MAX];
};

static uint64_t
clock_ns(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

/* Tells the forwarding thread and the programs. */
static void
set_filter(struct fwd_capture *c, const struct fwd_capture_filter *filter)
{
    uint64_t one = 1;

    free(__atomic_exchange_n(&c->shared->next_filter,
                             xmemdup(filter, sizeof *filter),
                             __ATOMIC_ACQ_REL));
    ignore(write(c->shared->wake_fd, &one, sizeof one));
    if (c->bpf) {
        fwd_bpf_capture_set(c->bpf, filter);
    }
}

static void
stop(struct fwd_capture *c)
{
    const struct fwd_capture_filter none = { .session = 0 };

    c->stopped = true;
    set_filter(c, &none);
}

static uint64_t
ebpf_lost(const struct fwd_capture *c)
{
    return c->bpf ? fwd_bpf_capture_lost(c->bpf) : 0;
}

static uint64_t
socket_lost(const struct fwd_capture *c)
{
    return fwd_capture_ring_lost(c->shared->captured);
}

/* The oldest record of the thread and the programs. */
struct next {
    const struct fwd_capture_record *record;    /* NULL: there is none. */
    bool ebpf;
};

static struct next
peek(struct fwd_capture *c)
{
    const struct fwd_capture_record *a
        = fwd_capture_ring_peek(c->shared->captured);
    const struct fwd_capture_record *b
        = c->bpf ? fwd_bpf_capture_peek(c->bpf) : NULL;

    return a && (!b || a->time_ns <= b->time_ns)
           ? (struct next) { a, false } : (struct next) { b, true };
}

static void
drop(struct fwd_capture *c, const struct next *next)
{
    if (next->ebpf) {
        fwd_bpf_capture_drop(c->bpf);
    } else {
        fwd_capture_ring_drop(c->shared->captured);
    }
}

/* Room for whoever is next. */
static void
drain(struct fwd_capture *c)
{
    for (;;) {
        struct next next = peek(c);

        if (!next.record) {
            return;
        }
        drop(c, &next);
    }
}

static void
end(struct fwd_capture *c)
{
    if (!c->stopped) {
        stop(c);
    }
    drain(c);
    uv_timer_stop(c->timer);
    c->session = 0;
}

static void
timer_cb(uv_timer_t *timer)
{
    VLOG_INFO("a capture ends, as nobody reads it");
    end(timer->data);
}

static void
free_handle(uv_handle_t *handle)
{
    free(handle);
}

struct fwd_capture *
fwd_capture_create(uv_loop_t *loop, struct fwd_socket_shared *shared,
                   struct fwd_bpf_capture *bpf)
{
    struct fwd_capture *c = xzalloc(sizeof *c);

    c->shared = shared;
    c->bpf = bpf;
    c->timer = xzalloc(sizeof *c->timer);
    uv_timer_init(loop, c->timer);
    c->timer->data = c;
    return c;
}

void
fwd_capture_destroy(struct fwd_capture *c)
{
    if (c) {
        if (c->session) {
            end(c);
        }
        uv_close((uv_handle_t *) c->timer, free_handle);
        free(c);
    }
}

int
fwd_capture_start(struct fwd_capture *c,
                  const struct fwd_capture_filter *filter,
                  uint32_t *sessionp)
{
    uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

    if (c->session) {
        return -EBUSY;
    }
    c->last_session = c->last_session == INT32_MAX ? 1 : c->last_session + 1;
    c->session = c->last_session;
    c->stopped = false;
    drain(c);
    c->ebpf_lost_before = ebpf_lost(c);
    c->socket_lost_before = socket_lost(c);
    c->epoch_ns = clock_ns(CLOCK_REALTIME) - now_ns;
    c->filter = *filter;
    c->filter.session = c->session;
    c->filter.until_ns = now_ns + FWD_CAPTURE_IDLE_MS * NS_PER_MS;
    c->filter.snaplen = MIN(filter->snaplen, FWD_CAPTURE_MAX);
    set_filter(c, &c->filter);
    uv_timer_start(c->timer, timer_cb, FWD_CAPTURE_IDLE_MS, 0);
    *sessionp = c->session;
    return 0;
}

int
fwd_capture_stop(struct fwd_capture *c, uint32_t session)
{
    if (!session || session != c->session) {
        return -ENOENT;
    }
    if (!c->stopped) {
        stop(c);
    }
    return 0;
}

/* Puts the headers before the octets that they were or would have been before.
 */
static void
rebuild(struct fwd_capture *c, struct fwd_captured *out)
{
    const struct fwd_capture_record *r = out->record;
    uint8_t *p = c->packet, *end = p + MAX_HEADERS;
    struct fwd_copy outer = r->outer;

    outer.size = r->size;
    if (r->type == FWD_CAPTURE_PAYLOAD) {
        /* It has its tunnel header already. */
        outer.size -= fwd_tunnel_len(&outer);
    }
    uint32_t len = fwd_copy_len(&outer);
    /* One that is too large for IP has the largest length that there is. */
    outer.size -= len > FWD_IP_MAX ? len - FWD_IP_MAX : 0;
    memset(p, 0, FWD_ETHER_LEN);
    fwd_put16(p + 12, fwd_ip_is_v4(&outer.dst) ? FWD_ETH_P_IPV4
                                               : FWD_ETH_P_IPV6);
    p += FWD_ETHER_LEN;
    p = fwd_put_ip(p, end, &outer);
    p = fwd_put_transport(p, end, &outer);
    ovs_assert(p);
    out->tunnel = p - c->packet;
    if (r->type == FWD_CAPTURE_COPY) {
        p = fwd_put_tunnel(p, end, &outer);
        ovs_assert(p);
    } else if (outer.encap != FWD_MPLS_GRE) {
        fwd_put16(p - FWD_UDP_LEN + 2, r->dport);
    }
    memcpy(p, r + 1, r->stored);

    size_t headers = p - c->packet;
    out->packet = c->packet;
    out->stored = MIN(headers + r->stored, c->filter.snaplen);
    out->size = headers + r->size;
    out->inner += out->inner != SIZE_MAX ? headers : 0;
}

/* Sets where the tunnel header is of a packet that the programs took for one
 * of ours, which therefore has no options. */
static void
find_tunnel(struct fwd_captured *out)
{
    const uint8_t *p = out->packet, *end = p + out->stored;
    size_t headers = FWD_ETHER_LEN + (fwd_ip_is_v4(&out->record->source)
                                      ? FWD_IPV4_LEN : FWD_IPV6_LEN);
    struct fwd_arrival a;

    if (out->record->encap != FWD_MPLS_GRE) {
        out->tunnel = headers + FWD_UDP_LEN;
    } else if (out->stored >= headers
               && fwd_outer_gre(p + headers, end, &a)) {
        out->tunnel = a.data - out->packet;
    }
}

static struct fwd_captured
finish(struct fwd_capture *c, const struct next *next)
{
    const struct fwd_capture_record *r = next->record;
    struct fwd_captured out = {
        .record = r,
        .time_ns = c->epoch_ns + r->time_ns,
        .packet = (const uint8_t *) (r + 1),
        .stored = r->stored,
        .size = r->size,
        .tunnel = SIZE_MAX,
        .inner = r->inner == FWD_CAPTURE_NONE ? SIZE_MAX : r->inner,
        .ebpf = next->ebpf,
    };

    if (r->type == FWD_CAPTURE_PACKET) {
        find_tunnel(&out);
    } else {
        rebuild(c, &out);
    }
    return out;
}

int
fwd_capture_read(struct fwd_capture *c, uint32_t session, size_t budget,
                 fwd_captured_fn *fn, void *aux,
                 struct fwd_capture_state *state)
{
    size_t used = 0;

    if (!session || session != c->session) {
        return -ENOENT;
    }
    c->filter.until_ns = clock_ns(CLOCK_MONOTONIC)
                         + FWD_CAPTURE_IDLE_MS * NS_PER_MS;
    if (c->bpf && !c->stopped) {
        fwd_bpf_capture_extend(c->bpf, c->filter.until_ns);
    }
    uv_timer_start(c->timer, timer_cb, FWD_CAPTURE_IDLE_MS, 0);

    struct next next = peek(c);
    while (next.record && used < budget) {
        /* Of who was in the middle of it when another session ended. */
        if (next.record->session == session) {
            struct fwd_captured captured = finish(c, &next);

            used += sizeof *next.record + captured.stored;
            fn(&captured, aux);
        }
        drop(c, &next);
        next = peek(c);
    }
    *state = (struct fwd_capture_state) {
        .lost_by_ebpf = ebpf_lost(c) - c->ebpf_lost_before,
        .lost_by_socket = socket_lost(c) - c->socket_lost_before,
        .more = next.record != NULL,
        .stopped = c->stopped,
    };
    if (c->stopped && !next.record) {
        end(c);
    }
    return 0;
}
