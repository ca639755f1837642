/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "openvswitch/vlog.h"
#include "tsn/loop.h"
#include "tsn/send.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(xmpp_transport);

/* What a control node sets for its clients, and we for both sides: a dead
 * host is noticed in 15 s, not at the end of the hold time
 * (spec/xmpp-protocol.md 1.8). */
#define KEEPALIVE_IDLE_S 5
#define KEEPALIVE_INTERVAL_S 3
#define KEEPALIVE_PROBES 3
#define USER_TIMEOUT_MS 15000u

/* Unsent bytes at which a peer that does not read is given up. */
#define MAX_UNSENT (64u << 20)

#define READ_SIZE 65536

struct xmpp_transport {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uint64_t timer_ms;          /* When it fires, once TCP is up. */
    uv_connect_t connect;
    int n_handles;              /* Still to be closed. */
    bool closing;
    struct xmpp_conn *conn;
    enum xmpp_close_reason reason;
    const struct xmpp_transport_ops *ops;   /* NULL: abandoned. */
    void *aux;
};

/* One buffer for all reads of a thread: libuv hands it over and takes it back
 * within one callback. */
static __thread char read_buffer[READ_SIZE];

static void
handle_closed(uv_handle_t *handle)
{
    struct xmpp_transport *t = handle->data;

    if (--t->n_handles) {
        return;
    }
    if (t->ops) {
        t->ops->closed(t->aux, t->reason);
    }
    xmpp_conn_destroy(t->conn);
    free(t);
}

static void
start_close(struct xmpp_transport *t, enum xmpp_close_reason reason)
{
    if (!t->closing) {
        t->closing = true;
        t->reason = reason;
        uv_close((uv_handle_t *) &t->tcp, handle_closed);
        uv_close((uv_handle_t *) &t->timer, handle_closed);
    }
}

static void
sent(void *t_, int status)
{
    struct xmpp_transport *t = t_;

    if (status && status != UV_ECANCELED) {
        xmpp_conn_close(t->conn, XMPP_CLOSE_BY_PEER);
    }
}

/* The bytes cannot be sent.  If they are the last words of a session that
 * closes, it has its reason. */
static void
fail_send(struct xmpp_transport *t, enum xmpp_close_reason reason)
{
    enum xmpp_close_reason first = xmpp_conn_close_reason(t->conn);

    start_close(t, first != XMPP_CLOSE_NONE ? first : reason);
}

static void
conn_send(void *t_, const void *data, size_t size)
{
    struct xmpp_transport *t = t_;

    if (t->closing) {
        return;
    }
    if (tsn_send((uv_stream_t *) &t->tcp, data, size, sent, t)) {
        fail_send(t, XMPP_CLOSE_BY_PEER);
    } else if (t->tcp.write_queue_size > MAX_UNSENT) {
        fail_send(t, XMPP_CLOSE_SLOW);
    }
}

static bool
conn_opened(void *t_, const char *name)
{
    struct xmpp_transport *t = t_;

    return t->ops && t->ops->opened(t->aux, name);
}

static void
conn_stanza(void *t_, const struct xmpp_stanza *st)
{
    struct xmpp_transport *t = t_;

    if (t->ops && !t->closing) {
        t->ops->stanza(t->aux, st);
    }
}

static void
conn_closed(void *t_, enum xmpp_close_reason reason)
{
    start_close(t_, reason);
}

static const struct xmpp_conn_ops conn_ops = {
    .send = conn_send,
    .opened = conn_opened,
    .stanza = conn_stanza,
    .closed = conn_closed,
};

static void timer_due(uv_timer_t *timer);

static void
arm_timer(struct xmpp_transport *t)
{
    uint64_t deadline = xmpp_conn_deadline(t->conn);
    uint64_t now = tsn_now_ms();

    t->timer_ms = deadline;
    if (!t->closing && deadline != UINT64_MAX) {
        uv_timer_start(&t->timer, timer_due,
                       deadline > now ? deadline - now : 0, 0);
    }
}

static void
timer_due(uv_timer_t *timer)
{
    struct xmpp_transport *t = timer->data;

    xmpp_conn_tick(t->conn, tsn_now_ms());
    arm_timer(t);
}

static void
alloc_cb(uv_handle_t *handle OVS_UNUSED, size_t size OVS_UNUSED,
         uv_buf_t *buf)
{
    *buf = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void
read_cb(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct xmpp_transport *t = stream->data;

    if (n < 0) {
        xmpp_conn_close(t->conn, XMPP_CLOSE_BY_PEER);
        return;
    }
    xmpp_conn_feed(t->conn, buf->base, n, tsn_now_ms());
    /* The session has opened, or a stanza has begun.  Most reads change
     * nothing: the next keepalive comes first. */
    if (xmpp_conn_deadline(t->conn) != t->timer_ms) {
        arm_timer(t);
    }
}

static void
set_socket_options(struct xmpp_transport *t)
{
    static const struct { int option, value; } options[] = {
        { TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S },
        { TCP_KEEPCNT, KEEPALIVE_PROBES },
        { TCP_USER_TIMEOUT, USER_TIMEOUT_MS },
    };
    uv_os_fd_t fd;

    uv_tcp_nodelay(&t->tcp, 1);
    uv_tcp_keepalive(&t->tcp, 1, KEEPALIVE_IDLE_S);
    if (uv_fileno((uv_handle_t *) &t->tcp, &fd)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (setsockopt(fd, IPPROTO_TCP, options[i].option, &options[i].value,
                       sizeof options[i].value)) {
            VLOG_WARN_ONCE("cannot set TCP option %d: %s", options[i].option,
                           ovs_strerror(errno));
        }
    }
}

static void
connected(struct xmpp_transport *t)
{
    set_socket_options(t);
    xmpp_conn_start(t->conn, tsn_now_ms());
    if (!t->closing
        && uv_read_start((uv_stream_t *) &t->tcp, alloc_cb, read_cb)) {
        xmpp_conn_close(t->conn, XMPP_CLOSE_CONNECT);
    }
    arm_timer(t);
}

static struct xmpp_transport *
transport_create(uv_loop_t *loop, enum xmpp_role role, const char *name,
                 uint32_t hold_ms, const struct xmpp_transport_ops *ops,
                 void *aux)
{
    struct xmpp_transport *t = xzalloc(sizeof *t);

    t->ops = ops;
    t->aux = aux;
    t->conn = xmpp_conn_create(role, name, hold_ms, &conn_ops, t,
                               tsn_now_ms());
    uv_tcp_init(loop, &t->tcp);
    uv_timer_init(loop, &t->timer);
    t->tcp.data = t->timer.data = t->connect.data = t;
    t->n_handles = 2;
    return t;
}

static enum xmpp_close_reason
connect_failure(int status)
{
    switch (status) {
    case UV_ECONNREFUSED:
        return XMPP_CLOSE_REFUSED;
    case UV_EHOSTUNREACH:
    case UV_ENETUNREACH:
        return XMPP_CLOSE_UNREACHABLE;
    case UV_ETIMEDOUT:
        return XMPP_CLOSE_NO_ANSWER;
    default:
        return XMPP_CLOSE_CONNECT;
    }
}

static void
connect_cb(uv_connect_t *req, int status)
{
    struct xmpp_transport *t = req->data;

    if (t->closing) {
        return;
    }
    if (status) {
        xmpp_conn_close(t->conn, connect_failure(status));
    } else {
        connected(t);
    }
}

static void
connect_timeout(uv_timer_t *timer)
{
    struct xmpp_transport *t = timer->data;

    xmpp_conn_close(t->conn, XMPP_CLOSE_NO_ANSWER);
}

struct xmpp_transport *
xmpp_transport_connect(uv_loop_t *loop, const struct sockaddr_storage *peer,
                       const char *name, uint32_t hold_ms,
                       uint64_t timeout_ms,
                       const struct xmpp_transport_ops *ops, void *aux)
{
    struct xmpp_transport *t = transport_create(loop, XMPP_CLIENT, name,
                                                hold_ms, ops, aux);

    int error = uv_tcp_connect(&t->connect, &t->tcp,
                               (const struct sockaddr *) peer, connect_cb);

    if (error) {
        start_close(t, connect_failure(error));
    } else {
        uv_timer_start(&t->timer, connect_timeout, timeout_ms, 0);
    }
    return t;
}

struct xmpp_transport *
xmpp_transport_accept(uv_stream_t *listener, const char *name,
                      uint32_t hold_ms, const struct xmpp_transport_ops *ops,
                      void *aux)
{
    struct xmpp_transport *t = transport_create(listener->loop, XMPP_SERVER,
                                                name, hold_ms, ops, aux);

    if (uv_accept(listener, (uv_stream_t *) &t->tcp)) {
        xmpp_transport_abandon(t);
        return NULL;
    }
    connected(t);
    return t;
}

void
xmpp_transport_set_tls(struct xmpp_transport *t, struct tsn_tls *tls)
{
    xmpp_conn_set_tls(t->conn, tls);
}

void
xmpp_transport_send(struct xmpp_transport *t, const char *data, size_t size)
{
    if (!t->closing) {
        xmpp_conn_send(t->conn, data, size);
    }
}

size_t
xmpp_transport_unsent(const struct xmpp_transport *t)
{
    return t->tcp.write_queue_size;
}

void
xmpp_transport_close(struct xmpp_transport *t, enum xmpp_close_reason reason)
{
    xmpp_conn_close(t->conn, reason);
}

void
xmpp_transport_abandon(struct xmpp_transport *t)
{
    if (t) {
        t->ops = NULL;
        start_close(t, XMPP_CLOSE_LOCAL);
    }
}

struct xmpp_conn *
xmpp_transport_conn(struct xmpp_transport *t)
{
    return t->conn;
}

void
xmpp_transport_set_hold(struct xmpp_transport *t, uint32_t hold_ms)
{
    xmpp_conn_set_hold(t->conn, hold_ms, tsn_now_ms());
    /* Before, the timer is for what must happen first. */
    if (xmpp_conn_is_open(t->conn)) {
        arm_timer(t);
    }
}

bool
xmpp_transport_peer(const struct xmpp_transport *t,
                    struct sockaddr_storage *ss)
{
    int len = sizeof *ss;

    return !uv_tcp_getpeername(&t->tcp, (struct sockaddr *) ss, &len);
}
