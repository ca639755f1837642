/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/socket-tx.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "openvswitch/vlog.h"
#include "tsn/model.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_socket_tx);

#define TX_BATCH 64
/* GRE, label, control word, second encapsulation. */
#define MAX_HEADERS (FWD_GRE_LEN + FWD_MPLS_LEN + FWD_CONTROL_WORD_LEN \
                     + FWD_SECOND_LEN)
/* Of a family, the queue for GRE is behind those for UDP. */
#define GRE_QUEUE FWD_N_UDP_TX
#define N_QUEUES (FWD_N_UDP_TX + 1)

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

/* A message under construction: what a msghdr points to. */
struct envelope {
    struct iovec iovs[2];
    struct fwd_sockaddr to;
    uint8_t headers[MAX_HEADERS];
    union {
        struct cmsghdr align;
        uint8_t control[CMSG_SPACE(sizeof(int))];
    };
};

struct queue {
    int fd;
    unsigned int n;
    struct mmsghdr msgs[TX_BATCH];
    struct envelope envelopes[TX_BATCH];
    struct fwd_counters *counters[TX_BATCH];    /* Of the network. */
};

struct fwd_tx {
    uint8_t tos;
    struct fwd_counters *totals;
    uint64_t used;              /* Queues with something in them, a bit each:
                                 * family * N_QUEUES + queue. */
    struct queue *queues[FWD_N_FAMILIES];       /* N_QUEUES of each. */
};
BUILD_ASSERT_DECL(FWD_N_FAMILIES * N_QUEUES <= 64);

static int
queue_fd(const struct fwd_sockets *s, unsigned int queue)
{
    return queue == GRE_QUEUE ? s->rx[FWD_LANE_FLOOD][FWD_RX_GRE]
                              : s->tx[queue];
}

static unsigned int
queue_of(const struct fwd_copy *c)
{
    return c->encap == FWD_MPLS_GRE ? GRE_QUEUE : fwd_tx_index(c->port);
}

struct fwd_tx *
fwd_tx_create(const struct fwd_sockets sockets[FWD_N_FAMILIES], uint8_t tos,
              struct fwd_counters *totals)
{
    struct fwd_tx *tx = xzalloc(sizeof *tx);

    tx->tos = tos;
    tx->totals = totals;
    for (int family = 0; family < FWD_N_FAMILIES; family++) {
        tx->queues[family] = xcalloc(N_QUEUES, sizeof *tx->queues[family]);
        for (unsigned int i = 0; i < N_QUEUES; i++) {
            tx->queues[family][i].fd = queue_fd(&sockets[family], i);
        }
    }
    return tx;
}

void
fwd_tx_destroy(struct fwd_tx *tx)
{
    if (tx) {
        for (int family = 0; family < FWD_N_FAMILIES; family++) {
            free(tx->queues[family]);
        }
        free(tx);
    }
}

static void
set_destination(struct fwd_sockaddr *to, const struct fwd_copy *c,
                enum fwd_family family)
{
    uint16_t port = c->encap == FWD_VXLAN ? FWD_VXLAN_PORT
                    : c->encap == FWD_MPLS_UDP ? FWD_MPLS_PORT : 0;

    if (family == FWD_V4) {
        to->in.sin_family = AF_INET;
        to->in.sin_port = htons(port);
        memcpy(&to->in.sin_addr, &c->dst.b[12], sizeof to->in.sin_addr);
        to->len = sizeof to->in;
    } else {
        memset(&to->in6, 0, sizeof to->in6);
        to->in6.sin6_family = AF_INET6;
        to->in6.sin6_port = htons(port);
        memcpy(&to->in6.sin6_addr, &c->dst, sizeof to->in6.sin6_addr);
        to->len = sizeof to->in6;
    }
}

/* A type of service other than that of the socket. */
static void
set_tos(struct msghdr *msg, struct envelope *e, uint8_t tos,
        enum fwd_family family)
{
    int value = tos;

    msg->msg_control = e->control;
    msg->msg_controllen = sizeof e->control;
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
    cmsg->cmsg_level = family == FWD_V4 ? IPPROTO_IP : IPPROTO_IPV6;
    cmsg->cmsg_type = family == FWD_V4 ? IP_TOS : IPV6_TCLASS;
    cmsg->cmsg_len = CMSG_LEN(sizeof value);
    memcpy(CMSG_DATA(cmsg), &value, sizeof value);
}

/* Makes 'msg' the copy.  Returns false if it is too large for its headers. */
static bool
fill(struct msghdr *msg, struct envelope *e, const struct fwd_copy *c,
     const void *payload, uint8_t default_tos)
{
    enum fwd_family family = fwd_ip_is_v4(&c->dst) ? FWD_V4 : FWD_V6;
    const uint8_t *end = e->headers + sizeof e->headers;
    uint8_t *p = e->headers;

    if (c->encap == FWD_MPLS_GRE) {
        p = fwd_put_transport(p, end, c);
    }
    p = fwd_put_tunnel(p, end, c);
    if (!p) {
        return false;
    }
    set_destination(&e->to, c, family);
    e->iovs[0] = (struct iovec) { e->headers, p - e->headers };
    e->iovs[1] = (struct iovec) { CONST_CAST(void *, payload), c->size };
    msg->msg_name = &e->to.sa;
    msg->msg_namelen = e->to.len;
    msg->msg_iov = e->iovs;
    msg->msg_iovlen = ARRAY_SIZE(e->iovs);
    msg->msg_control = NULL;
    msg->msg_controllen = 0;
    if (c->tos != default_tos) {
        set_tos(msg, e, c->tos, family);
    }
    return true;
}

static void
count_failure(struct fwd_tx *tx, struct fwd_counters *c)
{
    fwd_count(&tx->totals->drops[FWD_DROP_COPY_FAILED], 1);
    fwd_count(&c->drops[FWD_DROP_COPY_FAILED], 1);
}

static void
copy_failed(struct fwd_tx *tx, struct queue *q, unsigned int i)
{
    int error = errno;
    const struct fwd_sockaddr *to = &q->envelopes[i].to;
    char ip[INET6_ADDRSTRLEN];

    count_failure(tx, q->counters[i]);
    VLOG_WARN_RL(&rl, "could not send a copy vtep=%s: %s",
                 inet_ntop(to->sa.sa_family,
                           to->sa.sa_family == AF_INET
                           ? (const void *) &to->in.sin_addr
                           : (const void *) &to->in6.sin6_addr,
                           ip, sizeof ip),
                 ovs_strerror(error));
}

static void
flush(struct fwd_tx *tx, struct queue *q)
{
    for (unsigned int i = 0; i < q->n; ) {
        int n = sendmmsg(q->fd, &q->msgs[i], q->n - i, MSG_DONTWAIT);

        if (n < 0 && errno == EINTR) {
            continue;
        } else if (n <= 0) {
            copy_failed(tx, q, i++);
            continue;
        }
        fwd_count(&tx->totals->copies, n);
        for (; n > 0; n--, i++) {
            fwd_count(&q->counters[i]->copies, 1);
        }
    }
    q->n = 0;
}

void
fwd_tx_flush(struct fwd_tx *tx)
{
    for (; tx->used; tx->used &= tx->used - 1) {
        unsigned int i = __builtin_ctzll(tx->used);

        flush(tx, &tx->queues[i / N_QUEUES][i % N_QUEUES]);
    }
}

void
fwd_tx_put(struct fwd_tx *tx, const struct fwd_copy *c,
           const uint8_t *payload, struct fwd_counters *counters)
{
    enum fwd_family family = fwd_ip_is_v4(&c->dst) ? FWD_V4 : FWD_V6;
    unsigned int queue = queue_of(c);
    struct queue *q = &tx->queues[family][queue];

    if (q->n == TX_BATCH) {
        flush(tx, q);
    }
    if (q->fd < 0 || !fill(&q->msgs[q->n].msg_hdr, &q->envelopes[q->n], c,
                           payload, tx->tos)) {
        count_failure(tx, counters);
        return;
    }
    q->counters[q->n++] = counters;
    tx->used |= 1ULL << (family * N_QUEUES + queue);
}

int
fwd_tx_send(const struct fwd_sockets sockets[FWD_N_FAMILIES], uint8_t tos,
            const struct fwd_copy *c, const void *payload)
{
    enum fwd_family family = fwd_ip_is_v4(&c->dst) ? FWD_V4 : FWD_V6;
    int fd = queue_fd(&sockets[family], queue_of(c));
    struct envelope e;
    struct msghdr msg = { .msg_flags = 0 };

    if (fd < 0) {
        return -EADDRNOTAVAIL;
    }
    if (!fill(&msg, &e, c, payload, tos)) {
        return -EMSGSIZE;
    }
    return sendmsg(fd, &msg, MSG_DONTWAIT) < 0 ? -errno : 0;
}
