/* SPDX-License-Identifier: Apache-2.0 */
/* A connection: PROXY header, TLS, identification, and the plaintext of a
 * session in both directions. */
#include <config.h>
#include "ovsdb-client/acceptor-private.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/vlog.h"
#include "ovsdb-client/identify.h"
#include "ovsdb-client/proxy-protocol.h"
#include "ovsdb-client/text.h"
#include "packets.h"
#include "socket-util.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "tsn/send.h"
#include "tsn/tls-store.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovc_acceptor_conn);

/* A host that is gone is noticed in 15 s, whatever the probe interval. */
#define KEEPALIVE_IDLE_S 5
#define KEEPALIVE_INTERVAL_S 3
#define KEEPALIVE_PROBES 3
#define USER_TIMEOUT_MS 15000u

/* How TLS begins: the type of a record of the handshake (RFC 8446 5.1). */
#define TLS_HANDSHAKE 22

/* What was received, and what of it was plaintext: libuv hands the first over
 * and takes it back within one callback, in which the second is filled. */
static __thread char read_buffer[ACC_BUFFER_SIZE];
static __thread char plain_buffer[ACC_BUFFER_SIZE];

static void timer_cb(uv_timer_t *);

void
acc_alloc_cb(uv_handle_t *handle OVS_UNUSED, size_t size OVS_UNUSED,
             uv_buf_t *buf)
{
    *buf = uv_buf_init(read_buffer, sizeof read_buffer);
}

struct acc_conn *
acc_conn_create(struct ovc_acceptor *a)
{
    struct acc_conn *c = xzalloc(sizeof *c);

    c->acceptor = a;
    ovs_list_init(&c->node);
    ds_init(&c->early);
    uv_tcp_init(a->loop, &c->tcp);
    uv_timer_init(a->loop, &c->timer);
    c->tcp.data = c->timer.data = c->pipe.data = c->connect.data = c;
    c->n_handles = 2;
    return c;
}

void
acc_handle_closed(uv_handle_t *handle)
{
    struct acc_conn *c = handle->data;

    if (--c->n_handles) {
        return;
    }
    tsn_tls_session_destroy(c->tls);
    ovc_identify_destroy(c->identify);
    ds_destroy(&c->early);
    free(c);
}

const char *
acc_conn_peer(const struct acc_conn *c)
{
    static __thread char buf[TSN_TLS_SUBJECT_STRLEN + TSN_IP_STRLEN + 16];
    char ip[TSN_IP_STRLEN];

    if (!tsn_ip_is_set(&c->ip)) {
        snprintf(buf, sizeof buf, "unknown");
    } else {
        bool v6 = !tsn_ip_is_v4(&c->ip);
        snprintf(buf, sizeof buf, "%s%s%s:%"PRIu16, v6 ? "[" : "",
                 tsn_ip_format(&c->ip, ip), v6 ? "]" : "", c->port);
    }
    if (c->info.has_peer) {
        size_t len = strlen(buf);
        snprintf(buf + len, sizeof buf - len, " (%s)", c->info.subject);
    }
    return buf;
}

static void
close_handles(struct acc_conn *c)
{
    uv_close((uv_handle_t *) &c->tcp, acc_handle_closed);
    uv_close((uv_handle_t *) &c->timer, acc_handle_closed);
    if (c->n_handles > 2 && !uv_is_closing((uv_handle_t *) &c->pipe)) {
        uv_close((uv_handle_t *) &c->pipe, acc_handle_closed);
    }
}

/* Tells the peer, if the socket has room for that. */
static void
say_goodbye(struct acc_conn *c)
{
    const void *data;

    if (!c->tls || acc_conn_is_full(c)) {
        return;
    }
    tsn_tls_shutdown(c->tls);
    size_t size = tsn_tls_output(c->tls, &data);
    if (size) {
        uv_buf_t buf = uv_buf_init(CONST_CAST(void *, data), size);
        uv_try_write((uv_stream_t *) &c->tcp, &buf, 1);
    }
}

void
acc_conn_close(struct acc_conn *c, enum acc_reason reason,
               const char *fmt, ...)
{
    if (c->state == ACC_CLOSING) {
        return;
    }
    if (c->state != ACC_CONNECTING) {
        say_goodbye(c);
    }
    char *text = NULL;
    if (fmt) {
        va_list args;
        va_start(args, fmt);
        text = xvasprintf(fmt, args);
        va_end(args);
        ovc_text_make_printable(text);
    }
    c->state = ACC_CLOSING;
    close_handles(c);
    acc_forget(c, reason, text ? text : acc_reason_name(reason));
    free(text);
}

/* Sending. */

bool
acc_conn_is_full(const struct acc_conn *c)
{
    return c->tcp.write_queue_size > 0;
}

static void
sent(void *c_, int status)
{
    struct acc_conn *c = c_;

    if (c->state == ACC_CLOSING) {
        return;
    }
    if (status) {
        acc_conn_close(c, c->state >= ACC_SPLICED ? ACC_ENDED : ACC_HUNG_UP,
                       "%s", uv_strerror(status));
    } else if (!acc_conn_is_full(c)) {
        acc_splice_sent(c);
    }
}

static void
send_raw(struct acc_conn *c, const void *data, size_t size)
{
    if (tsn_send((uv_stream_t *) &c->tcp, data, size, sent, c)) {
        acc_conn_close(c, c->state >= ACC_SPLICED ? ACC_ENDED : ACC_HUNG_UP,
                       "cannot send");
    }
}

static void
flush_tls(struct acc_conn *c)
{
    const void *data;
    size_t size = tsn_tls_output(c->tls, &data);

    if (size && c->state != ACC_CLOSING) {
        send_raw(c, data, size);
        tsn_tls_output_taken(c->tls, size);
    }
}

void
acc_conn_send(struct acc_conn *c, const void *data, size_t size)
{
    const char *p = data;

    if (c->state == ACC_CLOSING) {
        return;
    } else if (!c->tls) {
        send_raw(c, data, size);
        return;
    }
    while (size && c->state != ACC_CLOSING) {
        size_t n = MIN(size, TSN_TLS_MAX_WRITE);
        struct tsn_err err;

        if (tsn_tls_write(c->tls, p, n, &err)) {
            acc_conn_close(c, c->state >= ACC_SPLICED ? ACC_ENDED : ACC_TLS,
                           "%s", err.text);
            return;
        }
        flush_tls(c);
        p += n;
        size -= n;
    }
}

/* Identification. */

static void
feed_identify(struct acc_conn *c, const char *data, size_t size)
{
    struct ds *output = ovc_identify_output(c->identify);
    struct tsn_err err;
    size_t used = size;

    int error = ovc_identify_push(c->identify, data, size, &used, &err);
    if (output->length && c->state != ACC_CLOSING) {
        acc_conn_send(c, output->string, output->length);
        ds_clear(output);
    }
    if (c->state == ACC_CLOSING || error == -EAGAIN) {
        return;
    }
    if (error) {
        acc_conn_close(c, error == -ENOENT ? ACC_NO_DATABASE : ACC_NOT_OVSDB,
                       "%s", err.text);
        return;
    }
    /* What follows the last reply is for the session. */
    ds_put_buffer(&c->early, data + used, size - used);
    acc_admit(c);
}

static void
start_identify(struct acc_conn *c)
{
    if (c->listener->tor) {
        c->tor = shash_find_data(&c->acceptor->tors, c->listener->tor);
    } else {
        c->tor = acc_find_by_rules(c);
    }
    c->state = ACC_IDENTIFY;
    c->identify = ovc_identify_create(!c->tor);
    feed_identify(c, NULL, 0);
}

/* TLS, if any, is there. */
static void
stream_ready(struct acc_conn *c)
{
    if (!c->listener) {
        acc_admit(c);           /* We know whom we have called. */
    } else {
        start_identify(c);
    }
}

static void
feed_plain(struct acc_conn *c, const char *data, size_t size)
{
    switch (c->state) {
    case ACC_IDENTIFY:
        feed_identify(c, data, size);
        break;
    case ACC_CHALLENGE:
    case ACC_KNOCKING:
        ds_put_buffer(&c->early, data, size);
        break;
    case ACC_SPLICED:
        acc_splice_from_switch(c, data, size);
        break;
    case ACC_CONNECTING:
    case ACC_PROXY:
    case ACC_HANDSHAKE:
    case ACC_CHECKED:
    case ACC_DRAINING:
    case ACC_CLOSING:
        break;
    }
}

/* TLS. */

static void
hung_up(struct acc_conn *c, const char *how)
{
    if (c->state == ACC_DRAINING || c->state == ACC_SPLICED) {
        acc_conn_close(c, ACC_ENDED, "%s", how);
    } else if (c->state == ACC_CHECKED) {
        acc_conn_close(c, ACC_CHECK, NULL);
    } else if (!c->listener) {
        acc_conn_close(c, ACC_UNREACHABLE, "%s", how);
    } else {
        acc_conn_close(c, ACC_HUNG_UP, "%s", how);
    }
}

static void
tls_failed(struct acc_conn *c, const struct tsn_err *err)
{
    flush_tls(c);               /* The alert. */
    acc_conn_close(c, c->state >= ACC_SPLICED ? ACC_ENDED : ACC_TLS, "%s",
                   err->text);
}

/* Returns whether the handshake is done. */
static bool
do_handshake(struct acc_conn *c)
{
    struct tsn_err err;

    int error = tsn_tls_handshake(c->tls, &err);
    if (error && error != -EAGAIN) {
        tls_failed(c, &err);
        return false;
    }
    flush_tls(c);
    if (error || c->state == ACC_CLOSING) {
        return false;
    }
    tsn_tls_session_info(c->tls, &c->info);
    stream_ready(c);
    return c->state != ACC_CLOSING;
}

/* Fills plain_buffer, so that a record is not a write.  Returns false if
 * there is no more. */
static bool
read_tls(struct acc_conn *c, size_t *sizep)
{
    struct tsn_err err;
    size_t size = 0;

    *sizep = 0;
    while (size < sizeof plain_buffer) {
        ssize_t n = tsn_tls_read(c->tls, plain_buffer + size,
                                 sizeof plain_buffer - size, &err);
        if (n > 0) {
            size += n;
            continue;
        }
        flush_tls(c);
        if (n == -EAGAIN) {
            *sizep = size;
        } else if (!n) {
            hung_up(c, "closed by the peer");
        } else {
            tls_failed(c, &err);
        }
        return false;
    }
    *sizep = size;
    return true;
}

static void
feed_tls(struct acc_conn *c, const char *data, size_t size)
{
    bool more = true;

    /* A failed handshake is told to the operator, whatever a scanner sends is
     * not. */
    if (c->listener && !c->is_tls && *data != TLS_HANDSHAKE) {
        acc_conn_close(c, ACC_NOT_TLS, NULL);
        return;
    }
    c->is_tls = true;
    tsn_tls_push(c->tls, data, size);
    if (c->state == ACC_HANDSHAKE && !do_handshake(c)) {
        return;
    }
    while (more && c->state != ACC_CLOSING) {
        size_t n;

        more = read_tls(c, &n);
        if (n && c->state != ACC_CLOSING) {
            feed_plain(c, plain_buffer, n);
        }
    }
}

static void
feed_stream(struct acc_conn *c, const char *data, size_t size)
{
    if (c->tls) {
        feed_tls(c, data, size);
    } else {
        feed_plain(c, data, size);
    }
}

/* After the PROXY header, or the connect. */
static void
start_stream(struct acc_conn *c)
{
    if (!c->listener || c->listener->tls) {
        struct tsn_tls *tls = tsn_tls_store_get(c->acceptor->tls,
                                                tsn_now_ms());

        c->tls = tsn_tls_session_create(tls, c->listener ? TSN_TLS_SERVER
                                                         : TSN_TLS_CLIENT);
        tsn_tls_unref(tls);
        c->state = ACC_HANDSHAKE;
        do_handshake(c);
    } else {
        stream_ready(c);
    }
}

/* PROXY protocol. */

static void
take_proxy(struct acc_conn *c, const struct ovc_proxy *proxy)
{
    if (proxy->local) {
        c->state = ACC_CHECKED;
        return;
    }
    c->ip = proxy->has_source ? proxy->source : in6addr_any;
    c->port = proxy->source_port;
    if (proxy->has_source) {
        acc_set_source(c, &c->ip);
    }
    if (c->state != ACC_CLOSING) {
        start_stream(c);
    }
}

static void
feed_proxy(struct acc_conn *c, const char *data, size_t size)
{
    struct ovc_proxy proxy;
    struct tsn_err err;

    ds_put_buffer(&c->early, data, size);
    ssize_t n = ovc_proxy_parse(c->early.string, c->early.length, &proxy,
                                &err);
    if (n == -EAGAIN) {
        return;
    } else if (n < 0) {
        acc_conn_close(c, ACC_BAD_PROXY_HEADER, "%s", err.text);
        return;
    }
    struct ds rest = c->early;
    ds_init(&c->early);
    take_proxy(c, &proxy);
    if (rest.length > (size_t) n && c->state != ACC_CLOSING) {
        feed_stream(c, rest.string + n, rest.length - n);
    }
    ds_destroy(&rest);
}

/* The socket. */

static void
read_cb(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct acc_conn *c = stream->data;

    if (n < 0) {
        hung_up(c, n == UV_EOF ? "closed by the peer" : uv_strerror(n));
        return;
    }
    if (!n || c->state == ACC_CLOSING) {
        return;
    }
    if (c->is_pending) {
        c->n_early_bytes += n;
        if (c->n_early_bytes > OVC_ACCEPTOR_MAX_BYTES) {
            acc_conn_close(c, ACC_TOO_MUCH, NULL);
            return;
        }
    }
    if (c->state == ACC_PROXY) {
        feed_proxy(c, buf->base, n);
    } else {
        feed_stream(c, buf->base, n);
    }
}

void
acc_conn_read(struct acc_conn *c)
{
    uv_read_start((uv_stream_t *) &c->tcp, acc_alloc_cb, read_cb);
}

static void
set_socket_options(struct acc_conn *c)
{
    static const struct { int option, value; } options[] = {
        { TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S },
        { TCP_KEEPCNT, KEEPALIVE_PROBES },
        { TCP_USER_TIMEOUT, USER_TIMEOUT_MS },
    };
    uv_os_fd_t fd;

    uv_tcp_nodelay(&c->tcp, 1);
    uv_tcp_keepalive(&c->tcp, 1, KEEPALIVE_IDLE_S);
    if (uv_fileno((uv_handle_t *) &c->tcp, &fd)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        setsockopt(fd, IPPROTO_TCP, options[i].option, &options[i].value,
                   sizeof options[i].value);
    }
}

void
acc_conn_set_timer(struct acc_conn *c, uint64_t ms)
{
    uv_timer_start(&c->timer, timer_cb, ms, 0);
}

static void
timer_cb(uv_timer_t *timer)
{
    struct acc_conn *c = timer->data;

    switch (c->state) {
    case ACC_KNOCKING:
        if (tsn_now_ms() < c->deadline_ms) {
            acc_connect_to_tor(c);
        } else {
            acc_conn_close(c, ACC_NOT_READY, NULL);
        }
        break;
    case ACC_SPLICED:
        acc_challenge_failed(c->tor);
        break;
    case ACC_DRAINING:
        acc_conn_close(c, ACC_ENDED, "the switch does not read");
        break;
    case ACC_CHECKED:
        acc_conn_close(c, ACC_CHECK, NULL);
        break;
    case ACC_CONNECTING:
    case ACC_PROXY:
    case ACC_HANDSHAKE:
    case ACC_IDENTIFY:
        acc_conn_close(c, c->listener ? ACC_TOO_SLOW : ACC_UNREACHABLE,
                       "no answer for %d s", OVC_ACCEPTOR_IDENTIFY_MS / 1000);
        break;
    case ACC_CHALLENGE:
    case ACC_CLOSING:
        break;
    }
}

void
acc_conn_start(struct acc_conn *c)
{
    set_socket_options(c);
    acc_conn_set_timer(c, OVC_ACCEPTOR_IDENTIFY_MS);
    acc_conn_read(c);
    if (c->listener && c->listener->proxy_protocol) {
        c->state = ACC_PROXY;
    } else {
        start_stream(c);
    }
}
