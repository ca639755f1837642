/* SPDX-License-Identifier: Apache-2.0 */
/* Forwards in batches: takes up to RX_BATCH frames from a socket, decides
 * about each, collects the copies by the socket that they leave from, and
 * sends them.  The frames stay where they were received until then; each copy
 * is its own headers and the frame's bytes.  No lock, no allocation.
 *
 * Before each batch of frames to flood, which may make many copies, those of
 * the other lanes have their turn: no frame for a service waits longer than
 * one such batch takes. */
#include <config.h>
#include "replication/forwarder/socket-thread.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "replication/forwarder/policer.h"
#include "replication/forwarder/punt.h"
#include "replication/forwarder/socket-capture.h"
#include "replication/forwarder/socket-tx.h"
#include "replication/forwarder/table.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_socket_thread);

#define RX_BATCH 32
/* A UDP datagram of any size, and some, so that the first bytes of the slots
 * do not all fall into the same cache sets. */
#define RX_SLOT (65536 + 192)
/* How long to leave a socket alone that fails to receive. */
#define RX_ERROR_PAUSE_MS 10

/* Batches from a socket of such a lane in a turn: what looks like a request
 * may have to be flooded, so these must not take all turns. */
#define LANE_BATCHES 4

/* What to poll: the eventfd, then the sockets, by lane. */
#define LANE_FDS (FWD_N_FAMILIES * FWD_N_RX)
#define N_FDS (1 + FWD_N_LANES * LANE_FDS)

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

struct worker {
    struct fwd_socket_shared *shared;
    struct fwd_host host;
    struct fwd_table *table;
    struct fwd_counters none;   /* Of frames that are of no network. */
    bool notify;                /* Something was punted in this batch. */
    struct fwd_socket_capture capture;

    struct pollfd fds[N_FDS];
    int last_flood;             /* Of its lane: the socket that had the last
                                 * turn. */
    struct mmsghdr rx_msgs[RX_BATCH];
    struct iovec rx_iovs[RX_BATCH];
    struct sockaddr_in6 rx_from[RX_BATCH];      /* Or sockaddr_in. */
    uint8_t *rx_data;           /* RX_BATCH slots. */

    struct fwd_tx *tx;
};

void
fwd_socket_retire(struct fwd_socket_shared *shared, struct fwd_table *table)
{
    table->next = __atomic_load_n(&shared->retired, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&shared->retired, &table->next, table,
                                        true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED)) {
        continue;
    }
}

static void
take_next_table(struct worker *w)
{
    struct fwd_socket_shared *shared = w->shared;

    w->host.mtu = __atomic_load_n(&shared->mtu, __ATOMIC_RELAXED);
    if (!__atomic_load_n(&shared->next, __ATOMIC_RELAXED)) {
        return;
    }
    struct fwd_table *table
        = __atomic_exchange_n(&shared->next, NULL, __ATOMIC_ACQ_REL);
    if (table) {
        if (w->table) {
            fwd_socket_retire(shared, w->table);
            shared->notify(shared->notify_aux);
        }
        w->table = table;
    }
}

static void
take_next_filter(struct worker *w)
{
    struct fwd_socket_shared *shared = w->shared;

    if (__atomic_load_n(&shared->next_filter, __ATOMIC_RELAXED)) {
        struct fwd_capture_filter *filter
            = __atomic_exchange_n(&shared->next_filter, NULL,
                                  __ATOMIC_ACQ_REL);

        if (filter) {
            w->capture.filter = *filter;
            free(filter);
        }
    }
}

/* To the thread after this one, unless it is told something else. */
static void
pass_on_filter(struct worker *w)
{
    struct fwd_capture_filter *filter
        = xmemdup(&w->capture.filter, sizeof *filter), *none = NULL;

    if (!__atomic_compare_exchange_n(&w->shared->next_filter, &none, filter,
                                     false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED)) {
        free(filter);
    }
}

/* Called once for each frame, as soon as its fate is known, and before it is
 * changed. */
static void
capture_frame(const struct worker *w, const struct fwd_verdict *v,
              enum fwd_drop fate)
{
    if (OVS_UNLIKELY(w->capture.filter.session)) {
        fwd_socket_capture_frame(&w->capture, v, fate);
    }
}

static void
count_drop(struct worker *w, struct fwd_counters *c, enum fwd_drop drop)
{
    fwd_count(&w->shared->totals.drops[drop], 1);
    fwd_count(&c->drops[drop], 1);
}

/* Drops the frame. */
static void
drop_frame(struct worker *w, const struct fwd_verdict *v,
           struct fwd_counters *c, enum fwd_drop drop)
{
    capture_frame(w, v, drop);
    count_drop(w, c, drop);
}

/* Queues the copy of a frame for 'm'. */
static void
put_copy(struct worker *w, const struct fwd_verdict *v,
         const struct fwd_member *m, size_t inner_size,
         struct fwd_counters *c)
{
    struct fwd_copy copy;
    enum fwd_drop drop = fwd_copy_init(&copy, &w->host, v, m, inner_size);

    if (drop) {
        count_drop(w, c, drop);
        if (w->capture.filter.session) {
            fwd_socket_capture_copy(&w->capture, v, &copy, m->class, drop);
        }
    } else {
        fwd_tx_put(w->tx, &copy, fwd_copy_payload(v, m->class), c);
    }
}

static enum fwd_drop
punt(struct worker *w, const struct fwd_verdict *v, size_t inner_size,
     struct fwd_counters *c)
{
    if (!fwd_punt_queue_put(w->shared->punts, v, inner_size)) {
        count_drop(w, c, FWD_DROP_PUNT_FULL);
        return FWD_DROP_PUNT_FULL;
    }
    fwd_count(&w->shared->totals.punted, 1);
    fwd_count(&c->punted, 1);
    w->notify = true;
    return FWD_OK;
}

static inline struct fwd_bucket *
fwd_bucket_at(void *buckets, uint32_t i)
{
    return (struct fwd_bucket *) buckets + i;
}

/* Whether storm control lets a frame be flooded. */
static enum fwd_drop
police(struct worker *w, const struct fwd_verdict *v,
       const struct fwd_ip *source)
{
    struct timespec now;

    if (!fwd_is_policed(&w->host)) {
        return FWD_OK;
    }
    /* The clock that the BPF programs have. */
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ns = now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
    return fwd_police(w->shared->buckets, &w->host, v->net->vni,
                      fwd_tor_key(v, source), now_ns << FWD_TIME_SHIFT);
}

static void
flood(struct worker *w, const struct fwd_verdict *v,
      const struct fwd_ip *source, size_t inner_size, struct fwd_counters *c)
{
    struct fwd_copies copies;

    fwd_copies_init(&copies, v, source);
    const struct fwd_member *m = fwd_copies_next(&copies);
    enum fwd_drop drop = m ? police(w, v, source) : FWD_DROP_NO_MEMBER;
    if (drop) {
        drop_frame(w, v, c, drop);
    } else {
        capture_frame(w, v, FWD_OK);
        for (; m; m = fwd_copies_next(&copies)) {
            put_copy(w, v, m, inner_size, c);
        }
        fwd_count(&w->shared->totals.flooded, 1);
        fwd_count(&c->flooded, 1);
        if (v->unknown_unicast) {
            fwd_count(&w->shared->totals.unknown_unicast, 1);
            fwd_count(&c->unknown_unicast, 1);
        }
    }
    if (v->punt_too) {
        punt(w, v, inner_size, c);
    }
}

static void
count_frame(struct fwd_counters *c, const struct fwd_verdict *v)
{
    fwd_count(&c->frames, 1);
    if (v->class != FWD_STRANGER) {
        fwd_count(&c->kinds[v->kind], 1);
    }
}

static void
handle_frame(struct worker *w, const struct fwd_arrival *a)
{
    struct fwd_counters *totals = &w->shared->totals;
    struct fwd_verdict v;

    w->capture.arrival = a;
    fwd_decide(w->table, &w->host, a, &v);

    struct fwd_counters *c
        = v.net ? &fwd_network_of(v.net)->counters->c : &w->none;
    size_t inner_size = v.inner ? a->end - v.inner : 0;

    count_frame(totals, &v);
    count_frame(c, &v);
    switch (v.action) {
    case FWD_DROP:
        drop_frame(w, &v, c, v.drop);
        break;
    case FWD_FLOOD:
        flood(w, &v, &a->source, inner_size, c);
        break;
    case FWD_ANSWER:
        capture_frame(w, &v, FWD_OK);
        arp_answer(CONST_CAST(uint8_t *, v.inner), v.mac);
        put_copy(w, &v, &v.dest, inner_size, c);
        fwd_count(&totals->answered, 1);
        fwd_count(&c->answered, 1);
        break;
    case FWD_RELAY:
        capture_frame(w, &v, FWD_OK);
        put_copy(w, &v, &v.dest, inner_size, c);
        fwd_count(&totals->relayed, 1);
        fwd_count(&c->relayed, 1);
        break;
    case FWD_PUNT:
        capture_frame(w, &v, punt(w, &v, inner_size, c));
        break;
    case FWD_PASS:
    case FWD_N_ACTIONS:
        OVS_NOT_REACHED();      /* The host has seen to that. */
    }
}

static struct fwd_ip
source_of(const struct sockaddr_in6 *from, enum fwd_family family)
{
    struct fwd_ip ip;

    if (family == FWD_V4) {
        const struct sockaddr_in *sin = (const void *) from;

        return fwd_ip_from_v4(sin->sin_addr.s_addr);
    }
    memcpy(&ip, &from->sin6_addr, sizeof ip);
    return ip;
}

/* Message 'i' of the batch, from a socket for 'rx'.  Returns false if it is
 * for us no more than for anybody, which only the raw socket gets; it shows
 * the IP header, too, but not IPv6's. */
static bool
arrive(const struct worker *w, int i, enum fwd_family family, enum fwd_rx rx,
       struct fwd_arrival *a)
{
    const uint8_t *data = w->rx_iovs[i].iov_base;
    const uint8_t *end = data + w->rx_msgs[i].msg_len;

    a->source = source_of(&w->rx_from[i], family);
    a->end = end;
    if (rx != FWD_RX_GRE) {
        a->data = data;
        a->encap = rx == FWD_RX_VXLAN ? FWD_VXLAN : FWD_MPLS_UDP;
        return true;
    }
    if (family == FWD_V4) {
        if (data + FWD_IPV4_LEN > end) {
            return false;
        }
        data += (data[0] & 0x0f) * 4;
    }
    return fwd_outer_gre(data, end, a);
}

/* Receives and forwards a batch from socket 'i' of a lane.  Returns how many
 * frames there were, or -errno. */
static int
run_batch(struct worker *w, enum fwd_lane lane, int i)
{
    enum fwd_family family = i / FWD_N_RX;
    enum fwd_rx rx = i % FWD_N_RX;
    struct fwd_arrival a;

    for (int k = 0; k < RX_BATCH; k++) {
        w->rx_msgs[k].msg_hdr.msg_namelen = sizeof w->rx_from[k];
    }
    int n = recvmmsg(w->shared->sockets[family].rx[lane][rx], w->rx_msgs,
                     RX_BATCH, MSG_DONTWAIT, NULL);
    if (n < 0) {
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    }
    for (int k = 0; k < n; k++) {
        if (arrive(w, k, family, rx, &a)) {
            w->capture.from = &w->rx_from[k];
            w->capture.rx = rx;
            handle_frame(w, &a);
        }
    }
    fwd_tx_flush(w->tx);
    if (w->notify) {
        w->notify = false;
        w->shared->notify(w->shared->notify_aux);
    }
    return n;
}

static bool
has_frames(const struct worker *w, enum fwd_lane lane, int i)
{
    return w->fds[1 + lane * LANE_FDS + i].revents;
}

/* What there is in a lane, within bounds.  Returns 0 or the -errno of a socket
 * that failed. */
static int
run_lane(struct worker *w, enum fwd_lane lane)
{
    int result = 0;

    for (int i = 0; i < LANE_FDS; i++) {
        int n = has_frames(w, lane, i) ? RX_BATCH : 0;

        for (int k = 0; k < LANE_BATCHES && n == RX_BATCH; k++) {
            n = run_batch(w, lane, i);
        }
        result = n < 0 ? n : result;
    }
    return result;
}

/* A batch from the next socket that has something to flood. */
static int
run_flood(struct worker *w)
{
    for (int k = 1; k <= LANE_FDS; k++) {
        int i = (w->last_flood + k) % LANE_FDS;

        if (has_frames(w, FWD_LANE_FLOOD, i)) {
            w->last_flood = i;
            int n = run_batch(w, FWD_LANE_FLOOD, i);
            return n < 0 ? n : 0;
        }
    }
    return 0;
}

/* Returns 0 or the -errno of a socket that failed. */
static int
run_batches(struct worker *w)
{
    int result = 0;

    for (enum fwd_lane lane = FWD_N_LANES - 1; lane > FWD_LANE_FLOOD; lane--) {
        int error = run_lane(w, lane);
        result = error ? error : result;
    }
    int error = run_flood(w);
    return error ? error : result;
}

/* Waits for frames or the control thread, or after an error a moment.  Before
 * the first table frames are left where they are. */
static void
wait_for_work(struct worker *w, int error)
{
    uint64_t value;

    if (error) {
        fwd_count(&w->shared->receive_errors, 1);
        VLOG_WARN_RL(&rl, "could not receive from the underlay: %s",
                     ovs_strerror(-error));
        poll(w->fds, 1, RX_ERROR_PAUSE_MS);
    }
    poll(w->fds, w->table ? N_FDS : 1, -1);
    if (w->fds[0].revents) {
        ignore(read(w->shared->wake_fd, &value, sizeof value));
    }
}

static struct worker *
worker_create(struct fwd_socket_shared *shared)
{
    struct worker *w = xzalloc(sizeof *w);

    w->shared = shared;
    w->host = shared->host;
    w->capture = (struct fwd_socket_capture) {
        .ring = shared->captured, .host = &w->host,
    };
    w->tx = fwd_tx_create(shared->sockets, shared->host.tos, &shared->totals);
    w->fds[0] = (struct pollfd) { .fd = shared->wake_fd, .events = POLLIN };
    for (int i = 0; i < FWD_N_LANES * LANE_FDS; i++) {
        int lane = i / LANE_FDS, family = i % LANE_FDS / FWD_N_RX;

        /* One that is not open is -1, which poll() ignores. */
        w->fds[1 + i] = (struct pollfd) {
            .fd = shared->sockets[family].rx[lane][i % FWD_N_RX],
            .events = POLLIN,
        };
    }
    w->rx_data = xmalloc((size_t) RX_BATCH * RX_SLOT);
    for (int i = 0; i < RX_BATCH; i++) {
        w->rx_iovs[i].iov_base = w->rx_data + (size_t) i * RX_SLOT;
        w->rx_iovs[i].iov_len = RX_SLOT;
        w->rx_msgs[i].msg_hdr.msg_iov = &w->rx_iovs[i];
        w->rx_msgs[i].msg_hdr.msg_iovlen = 1;
        w->rx_msgs[i].msg_hdr.msg_name = &w->rx_from[i];
    }
    return w;
}

void *
fwd_socket_thread(void *shared_)
{
    struct fwd_socket_shared *shared = shared_;
    struct worker *w = worker_create(shared);
    int error = 0;

    /* Nothing here is under RCU, and nobody shall wait for this thread. */
    ovsrcu_quiesce_start();
    for (;;) {
        wait_for_work(w, error);
        if (__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
            break;
        }
        take_next_table(w);
        take_next_filter(w);
        error = w->table ? run_batches(w) : 0;
    }
    if (w->table) {
        fwd_socket_retire(shared, w->table);
    }
    pass_on_filter(w);
    fwd_tx_destroy(w->tx);
    free(w->rx_data);
    free(w);
    return NULL;
}
