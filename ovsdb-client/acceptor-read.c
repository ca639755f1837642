/* SPDX-License-Identifier: Apache-2.0 */
/* What comes from a peer: the PROXY header, TLS, the answers that identify it,
 * and then the plaintext of its session. */
#include <config.h>
#include "ovsdb-client/acceptor-private.h"

#include <errno.h>

#include "ovsdb-client/identify.h"
#include "ovsdb-client/proxy-protocol.h"
#include "tsn/loop.h"
#include "tsn/tls-store.h"
#include "util.h"

/* How TLS begins: the type of a record of the handshake (RFC 8446 5.1). */
#define TLS_HANDSHAKE 22

/* What was received, and what of it was plaintext: libuv hands the first over
 * and takes it back within one callback, in which the second is filled. */
static __thread char read_buffer[ACC_BUFFER_SIZE];
static __thread char plain_buffer[ACC_BUFFER_SIZE];

void
acc_alloc_cb(uv_handle_t *handle OVS_UNUSED, size_t size OVS_UNUSED,
             uv_buf_t *buf)
{
    *buf = uv_buf_init(read_buffer, sizeof read_buffer);
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
    acc_conn_flush_tls(c);               /* The alert. */
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
    acc_conn_flush_tls(c);
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
        acc_conn_flush_tls(c);
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

void
acc_read_begin(struct acc_conn *c)
{
    if (c->listener && c->listener->proxy_protocol) {
        c->state = ACC_PROXY;
    } else {
        start_stream(c);
    }
}
