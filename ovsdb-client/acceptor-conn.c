/* SPDX-License-Identifier: Apache-2.0 */
/* A connection: from its socket to its end, and what it is sent.  What comes
 * from it is read in acceptor-read.c. */
#include <config.h>
#include "ovsdb-client/acceptor-private.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "ovsdb-client/identify.h"
#include "ovsdb-client/text.h"
#include "packets.h"
#include "socket-util.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "tsn/send.h"
#include "util.h"

/* A host that is gone is noticed in 15 s, whatever the probe interval. */
#define KEEPALIVE_IDLE_S 5
#define KEEPALIVE_INTERVAL_S 3
#define KEEPALIVE_PROBES 3
#define USER_TIMEOUT_MS 15000u

static void timer_cb(uv_timer_t *);

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
    if (c->tcp.write_queue_size + size > OVC_ACCEPTOR_MAX_UNSENT) {
        acc_conn_close(c, ACC_NOT_READING, NULL);
        return;
    }
    if (tsn_send((uv_stream_t *) &c->tcp, data, size, sent, c)) {
        acc_conn_close(c, c->state >= ACC_SPLICED ? ACC_ENDED : ACC_HUNG_UP,
                       "cannot send");
    }
}

void
acc_conn_flush_tls(struct acc_conn *c)
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
        acc_conn_flush_tls(c);
        p += n;
        size -= n;
    }
}

/* The socket. */

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
            acc_contend(c);
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
    acc_read_begin(c);
}
