/* SPDX-License-Identifier: Apache-2.0 */
/* Forwards in batches: takes up to RX_BATCH frames from the socket, decides
 * about each, collects the copies by the socket that they leave from, and
 * sends them.  The frames stay where they were received until then; each copy
 * is an own VXLAN header and the frame's bytes.  No lock, no allocation. */
#include <config.h>
#include "replication/forwarder/socket-thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "openvswitch/vlog.h"
#include "ovs-rcu.h"
#include "replication/forwarder/punt.h"
#include "replication/forwarder/table.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_socket_thread);

#define RX_BATCH 32
/* A UDP datagram of any size, and some, so that the first bytes of the slots
 * do not all fall into the same cache sets. */
#define RX_SLOT (65536 + 192)
#define TX_BATCH 64
/* How long to leave a socket alone that fails to receive. */
#define RX_ERROR_PAUSE_MS 10

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

/* Copies that leave from one socket. */
struct tx_queue {
    int fd;
    unsigned int n;
    struct mmsghdr msgs[TX_BATCH];
    struct iovec iovs[TX_BATCH][2];
    struct sockaddr_in to[TX_BATCH];
    uint8_t headers[TX_BATCH][FWD_VXLAN_LEN];
    struct fwd_counters *counters[TX_BATCH];    /* Of the network. */
};

struct worker {
    struct fwd_socket_shared *shared;
    struct fwd_table *table;
    struct fwd_counters none;   /* Of frames that are of no network. */
    bool notify;                /* Something was punted in this batch. */

    struct mmsghdr rx_msgs[RX_BATCH];
    struct iovec rx_iovs[RX_BATCH];
    struct sockaddr_in rx_from[RX_BATCH];
    uint8_t *rx_data;           /* RX_BATCH slots. */

    struct tx_queue tx[FWD_N_TX_SOCKETS];
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
count_drop(struct worker *w, struct fwd_counters *c, enum fwd_drop drop)
{
    fwd_count(&w->shared->totals.drops[drop], 1);
    fwd_count(&c->drops[drop], 1);
}

static void
tx_failed(struct worker *w, struct tx_queue *q, unsigned int i)
{
    int error = errno;
    char ip[INET_ADDRSTRLEN];

    count_drop(w, q->counters[i], FWD_DROP_COPY_FAILED);
    VLOG_WARN_RL(&rl, "could not send a copy vtep=%s vni=%u: %s",
                 inet_ntop(AF_INET, &q->to[i].sin_addr, ip, sizeof ip),
                 (unsigned int) fwd_get24(&q->headers[i][4]),
                 ovs_strerror(error));
}

/* Sends what is in 'q'.  A copy that fails is counted, and the next tried. */
static void
tx_flush(struct worker *w, struct tx_queue *q)
{
    for (unsigned int i = 0; i < q->n; ) {
        int n = sendmmsg(q->fd, &q->msgs[i], q->n - i, MSG_DONTWAIT);

        if (n < 0 && errno == EINTR) {
            continue;
        } else if (n <= 0) {
            tx_failed(w, q, i++);
            continue;
        }
        fwd_count(&w->shared->totals.copies, n);
        for (; n > 0; n--, i++) {
            fwd_count(&q->counters[i]->copies, 1);
        }
    }
    q->n = 0;
}

static void
tx_flush_all(struct worker *w)
{
    for (int i = 0; i < FWD_N_TX_SOCKETS; i++) {
        if (w->tx[i].n) {
            tx_flush(w, &w->tx[i]);
        }
    }
}

/* Queues a copy of the 'size' bytes at 'inner', which stay until it has been
 * sent. */
static void
tx_put(struct worker *w, struct tx_queue *q, const struct fwd_ip *dst,
       uint32_t vni, const uint8_t *inner, size_t size,
       struct fwd_counters *c)
{
    if (q->n == TX_BATCH) {
        tx_flush(w, q);
    }
    unsigned int i = q->n++;
    memcpy(&q->to[i].sin_addr, &dst->b[12], sizeof q->to[i].sin_addr);
    fwd_put_vxlan(q->headers[i], vni);
    q->iovs[i][1].iov_base = CONST_CAST(uint8_t *, inner);
    q->iovs[i][1].iov_len = size;
    q->counters[i] = c;
}

static void
flood(struct worker *w, const struct fwd_verdict *v,
      const struct fwd_ip *source, size_t inner_size, struct fwd_counters *c)
{
    struct tx_queue *q = &w->tx[fwd_tx_socket(v->port)];
    const struct fwd_member *m;
    struct fwd_copies copies;
    bool any = false;

    fwd_copies_init(&copies, v, source);
    while ((m = fwd_copies_next(&copies))) {
        tx_put(w, q, &m->ip, m->label, v->inner, inner_size, c);
        any = true;
    }
    if (!any) {
        count_drop(w, c, FWD_DROP_NO_MEMBER);
        return;
    }
    fwd_count(&w->shared->totals.flooded, 1);
    fwd_count(&c->flooded, 1);
    if (v->unknown_unicast) {
        fwd_count(&w->shared->totals.unknown_unicast, 1);
        fwd_count(&c->unknown_unicast, 1);
    }
}

static void
punt(struct worker *w, const struct fwd_verdict *v,
     const struct fwd_ip *source, size_t inner_size, struct fwd_counters *c)
{
    if (fwd_punt_queue_put(w->shared->punts, v->punt, v->net->vni, source,
                           v->inner, inner_size)) {
        fwd_count(&w->shared->totals.punted, 1);
        fwd_count(&c->punted, 1);
        w->notify = true;
    } else {
        count_drop(w, c, FWD_DROP_PUNT_FULL);
    }
}

static void
handle_frame(struct worker *w, uint8_t *data, size_t size,
             const struct sockaddr_in *from)
{
    struct fwd_ip source = fwd_ip_from_v4(from->sin_addr.s_addr);
    struct fwd_counters *totals = &w->shared->totals;
    struct fwd_verdict v;

    fwd_decide(w->table, &source, data, data + size, &v);

    struct fwd_counters *c
        = v.net ? &fwd_network_of(v.net)->counters->c : &w->none;
    struct tx_queue *q = &w->tx[v.port ? fwd_tx_socket(v.port) : 0];
    size_t inner_size = size - FWD_VXLAN_LEN;

    fwd_count(&totals->frames, 1);
    fwd_count(&c->frames, 1);
    switch (v.action) {
    case FWD_DROP:
        count_drop(w, c, v.drop);
        break;
    case FWD_FLOOD:
        flood(w, &v, &source, inner_size, c);
        break;
    case FWD_ANSWER:
        arp_answer(data + FWD_VXLAN_LEN, v.mac);
        tx_put(w, q, &source, v.net->vni, v.inner, inner_size, c);
        fwd_count(&totals->answered, 1);
        fwd_count(&c->answered, 1);
        break;
    case FWD_RELAY:
        tx_put(w, q, &v.tunnel, v.label, v.inner, inner_size, c);
        fwd_count(&totals->relayed, 1);
        fwd_count(&c->relayed, 1);
        break;
    case FWD_PUNT:
        punt(w, &v, &source, inner_size, c);
        break;
    case FWD_N_ACTIONS:
        OVS_NOT_REACHED();
    }
}

/* Receives and forwards a batch.  Returns 0, or -EAGAIN if there was nothing,
 * or another -errno. */
static int
run_batch(struct worker *w)
{
    for (int i = 0; i < RX_BATCH; i++) {
        w->rx_msgs[i].msg_hdr.msg_namelen = sizeof w->rx_from[i];
    }
    int n = recvmmsg(w->shared->rx_fd, w->rx_msgs, RX_BATCH, MSG_DONTWAIT,
                     NULL);
    if (n < 0) {
        return errno == EINTR ? 0 : -errno;
    }
    for (int i = 0; i < n; i++) {
        handle_frame(w, w->rx_iovs[i].iov_base, w->rx_msgs[i].msg_len,
                     &w->rx_from[i]);
    }
    tx_flush_all(w);
    if (w->notify) {
        w->notify = false;
        w->shared->notify(w->shared->notify_aux);
    }
    return 0;
}

/* Waits for the control thread, and for frames, or after an error a moment.
 * Before the first table frames are left where they are. */
static void
wait_for_work(struct worker *w, int error)
{
    struct pollfd fds[] = {
        { .fd = w->shared->wake_fd, .events = POLLIN },
        { .fd = w->shared->rx_fd, .events = POLLIN },
    };
    uint64_t value;

    if (error == -EAGAIN) {
        poll(fds, w->table ? 2 : 1, -1);
    } else {
        fwd_count(&w->shared->receive_errors, 1);
        VLOG_WARN_RL(&rl, "could not receive from the underlay: %s",
                     ovs_strerror(-error));
        poll(fds, 1, RX_ERROR_PAUSE_MS);
    }
    if (fds[0].revents) {
        ignore(read(w->shared->wake_fd, &value, sizeof value));
    }
}

static struct worker *
worker_create(struct fwd_socket_shared *shared)
{
    struct worker *w = xzalloc(sizeof *w);

    w->shared = shared;
    w->rx_data = xmalloc((size_t) RX_BATCH * RX_SLOT);
    for (int i = 0; i < RX_BATCH; i++) {
        w->rx_iovs[i].iov_base = w->rx_data + (size_t) i * RX_SLOT;
        w->rx_iovs[i].iov_len = RX_SLOT;
        w->rx_msgs[i].msg_hdr.msg_iov = &w->rx_iovs[i];
        w->rx_msgs[i].msg_hdr.msg_iovlen = 1;
        w->rx_msgs[i].msg_hdr.msg_name = &w->rx_from[i];
    }
    for (int i = 0; i < FWD_N_TX_SOCKETS; i++) {
        struct tx_queue *q = &w->tx[i];

        q->fd = shared->tx_fds[i];
        for (int j = 0; j < TX_BATCH; j++) {
            q->to[j].sin_family = AF_INET;
            q->to[j].sin_port = shared->port_be;
            q->iovs[j][0].iov_base = q->headers[j];
            q->iovs[j][0].iov_len = FWD_VXLAN_LEN;
            q->msgs[j].msg_hdr.msg_name = &q->to[j];
            q->msgs[j].msg_hdr.msg_namelen = sizeof q->to[j];
            q->msgs[j].msg_hdr.msg_iov = q->iovs[j];
            q->msgs[j].msg_hdr.msg_iovlen = 2;
        }
    }
    return w;
}

void *
fwd_socket_thread(void *shared_)
{
    struct fwd_socket_shared *shared = shared_;
    struct worker *w = worker_create(shared);

    /* Nothing here is under RCU, and nobody shall wait for this thread. */
    ovsrcu_quiesce_start();
    while (!__atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE)) {
        take_next_table(w);
        int error = w->table ? run_batch(w) : -EAGAIN;
        if (error) {
            wait_for_work(w, error);
        }
    }
    if (w->table) {
        fwd_socket_retire(shared, w->table);
    }
    free(w->rx_data);
    free(w);
    return NULL;
}
