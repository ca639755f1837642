/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/conn.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "tsn/error.h"
#include "util.h"
#include "xmpp/stanza.h"
#include "xmpp/stream.h"

VLOG_DEFINE_THIS_MODULE(xmpp_conn);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* Keepalives in a hold time (spec/xmpp-protocol.md 1.8). */
#define KEEPALIVES_PER_HOLD 3

/* Longest host name in a stream header that fits all known peers. */
#define MAX_NAME 256

enum conn_state { CONN_WAIT_TCP, CONN_WAIT_HEADER, CONN_OPEN, CONN_CLOSED };

struct xmpp_conn {
    enum xmpp_role role;
    enum conn_state state;
    char *name;
    char peer_name[MAX_NAME];
    uint32_t hold_ms;
    const struct xmpp_conn_ops *ops;
    void *aux;

    struct xmpp_stream stream;
    uint64_t open_deadline;
    uint64_t last_heard;
    uint64_t grace_ms;          /* The hold time is over: wait until then. */
    uint64_t last_keepalive;
    enum xmpp_close_reason reason;
    struct xmpp_conn_counters counters;
};

const char *
xmpp_close_reason_name(enum xmpp_close_reason reason)
{
    static const char *const names[XMPP_N_CLOSE_REASONS] = {
        [XMPP_CLOSE_NONE] = "none",
        [XMPP_CLOSE_BY_PEER] = "closed by peer",
        [XMPP_CLOSE_LOCAL] = "closed by us",
        [XMPP_CLOSE_CONNECT] = "connect failed",
        [XMPP_CLOSE_REFUSED] = "connection refused",
        [XMPP_CLOSE_UNREACHABLE] = "host is unreachable",
        [XMPP_CLOSE_NO_ANSWER] = "no answer to connect",
        [XMPP_CLOSE_OPEN_TIMEOUT] = "no stream header in time",
        [XMPP_CLOSE_HOLD_EXPIRED] = "hold time expired",
        [XMPP_CLOSE_BAD_HEADER] = "bad stream header",
        [XMPP_CLOSE_TOO_BIG] = "stanza too big",
        [XMPP_CLOSE_TLS_REQUIRED] = "peer requires TLS",
        [XMPP_CLOSE_DUPLICATE] = "name already in use",
        [XMPP_CLOSE_ILLEGAL_ORDER] = "illegal order of requests",
        [XMPP_CLOSE_SLOW] = "peer does not read",
    };

    return reason < XMPP_N_CLOSE_REASONS ? names[reason] : "unknown";
}

struct xmpp_conn *
xmpp_conn_create(enum xmpp_role role, const char *name, uint32_t hold_ms,
                 const struct xmpp_conn_ops *ops, void *aux, uint64_t now_ms)
{
    struct xmpp_conn *conn = xzalloc(sizeof *conn);

    conn->role = role;
    conn->state = CONN_WAIT_TCP;
    conn->name = xstrdup(name);
    conn->hold_ms = hold_ms;
    conn->ops = ops;
    conn->aux = aux;
    conn->open_deadline = now_ms + XMPP_OPEN_MS;
    xmpp_stream_init(&conn->stream);
    return conn;
}

void
xmpp_conn_destroy(struct xmpp_conn *conn)
{
    if (conn) {
        xmpp_stream_fini(&conn->stream);
        free(conn->name);
        free(conn);
    }
}

static void
send_bytes(struct xmpp_conn *conn, const char *data, size_t size)
{
    conn->counters.tx_bytes += size;
    conn->ops->send(conn->aux, data, size);
}

static void
send_keepalive(struct xmpp_conn *conn, uint64_t now_ms)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    xmpp_put_keepalive(&out);
    conn->last_keepalive = now_ms;
    conn->counters.tx_keepalives++;
    send_bytes(conn, out.string, out.length);
    ds_destroy(&out);
}

void
xmpp_conn_start(struct xmpp_conn *conn, uint64_t now_ms)
{
    if (conn->state != CONN_WAIT_TCP) {
        return;
    }
    conn->state = CONN_WAIT_HEADER;
    conn->last_heard = now_ms;
    if (conn->role == XMPP_CLIENT) {
        struct ds out = DS_EMPTY_INITIALIZER;
        xmpp_put_client_header(&out, conn->name);
        send_bytes(conn, out.string, out.length);
        ds_destroy(&out);
    }
}

void
xmpp_conn_close(struct xmpp_conn *conn, enum xmpp_close_reason reason)
{
    if (conn->state != CONN_CLOSED) {
        conn->state = CONN_CLOSED;
        conn->reason = reason;
        conn->ops->closed(conn->aux, reason);
    }
}

static void
handle_open(struct xmpp_conn *conn, const struct xmpp_stream_event *event,
            uint64_t now_ms)
{
    char name[MAX_NAME];
    struct tsn_err err;

    if (xmpp_header_parse(event->data, event->size, name, sizeof name, &err)) {
        VLOG_WARN_RL(&rl, "stream header is not XML: %s",
                     tsn_err_format(&err));
        xmpp_conn_close(conn, XMPP_CLOSE_BAD_HEADER);
        return;
    }
    ovs_strlcpy(conn->peer_name, name, sizeof conn->peer_name);
    if (!conn->ops->opened(conn->aux, conn->peer_name)) {
        xmpp_conn_close(conn, XMPP_CLOSE_DUPLICATE);
        return;
    }
    if (conn->state == CONN_CLOSED) {
        return;
    }
    conn->state = CONN_OPEN;
    conn->last_keepalive = now_ms;
    if (conn->role == XMPP_SERVER) {
        struct ds out = DS_EMPTY_INITIALIZER;
        xmpp_put_server_header(&out, conn->name, conn->peer_name);
        send_bytes(conn, out.string, out.length);
        ds_destroy(&out);
    } else {
        send_keepalive(conn, now_ms);
    }
}

/* The client's name, on both sides: it says which ToR or TSN it is about. */
static const char *
session_name(const struct xmpp_conn *conn)
{
    return conn->role == XMPP_CLIENT ? conn->name : conn->peer_name;
}

static void
handle_stanza(struct xmpp_conn *conn, const struct xmpp_stream_event *event)
{
    struct xmpp_stanza st;
    struct tsn_err err;

    if (event->skipped) {
        VLOG_DBG_RL(&rl, "skipped bytes between stanzas session=%s bytes=%"
                    PRIuSIZE, session_name(conn), event->skipped);
    }
    conn->counters.rx_stanzas++;
    if (xmpp_stanza_parse(event->data, event->size, &st, &err)) {
        conn->counters.bad_stanzas++;
        VLOG_WARN_RL(&rl, "skipped a stanza that is not well-formed "
                     "session=%s bytes=%"PRIuSIZE": %s", session_name(conn),
                     event->size, tsn_err_format(&err));
        return;
    }
    if (st.type == XMPP_IGNORED) {
        conn->counters.ignored_stanzas++;
        VLOG_DBG_RL(&rl, "ignored a stanza session=%s: %s", session_name(conn),
                    st.why);
    } else {
        conn->ops->stanza(conn->aux, &st);
    }
    xmpp_stanza_fini(&st);
}

static void
handle_event(struct xmpp_conn *conn, const struct xmpp_stream_event *event,
             uint64_t now_ms)
{
    switch (event->type) {
    case XMPP_STREAM_NONE:
        break;
    case XMPP_STREAM_BLANK:
        conn->counters.rx_keepalives++;
        break;
    case XMPP_STREAM_OPEN:
        handle_open(conn, event, now_ms);
        break;
    case XMPP_STREAM_FEATURES:
        if (conn->role == XMPP_CLIENT) {
            xmpp_conn_close(conn, XMPP_CLOSE_TLS_REQUIRED);
        }
        break;
    case XMPP_STREAM_STANZA:
        handle_stanza(conn, event);
        break;
    }
}

void
xmpp_conn_feed(struct xmpp_conn *conn, const void *data, size_t size,
               uint64_t now_ms)
{
    if (conn->state != CONN_WAIT_HEADER && conn->state != CONN_OPEN) {
        return;
    }
    conn->last_heard = now_ms;      /* Any byte counts, not only a stanza. */
    conn->grace_ms = 0;
    conn->counters.rx_bytes += size;
    if (xmpp_stream_push(&conn->stream, data, size)) {
        xmpp_conn_close(conn, XMPP_CLOSE_TOO_BIG);
        return;
    }
    while (conn->state != CONN_CLOSED) {
        struct xmpp_stream_event event;
        if (xmpp_stream_next(&conn->stream, &event)) {
            xmpp_conn_close(conn, XMPP_CLOSE_BAD_HEADER);
            return;
        }
        if (event.type == XMPP_STREAM_NONE) {
            return;
        }
        handle_event(conn, &event, now_ms);
    }
}

uint64_t
xmpp_conn_deadline(const struct xmpp_conn *conn)
{
    switch (conn->state) {
    case CONN_WAIT_TCP:
    case CONN_WAIT_HEADER:
        return conn->open_deadline;
    case CONN_OPEN: {
        uint64_t hold = MAX(conn->last_heard + conn->hold_ms,
                            conn->grace_ms);
        uint64_t keepalive = conn->last_keepalive
                             + conn->hold_ms / KEEPALIVES_PER_HOLD;
        return MIN(hold, keepalive);
    }
    case CONN_CLOSED:
    default:
        return UINT64_MAX;
    }
}

/* Whether the peer was silent for too long.  It may be us who were busy, or
 * stopped, while its bytes lie in the socket: the owner gets to read once more
 * before the session is given up. */
static bool
hold_expired(struct xmpp_conn *conn, uint64_t now_ms)
{
    if (now_ms < conn->last_heard + conn->hold_ms) {
        return false;
    }
    if (!conn->grace_ms) {
        conn->grace_ms = now_ms + 1;
    }
    return now_ms >= conn->grace_ms;
}

void
xmpp_conn_tick(struct xmpp_conn *conn, uint64_t now_ms)
{
    if (conn->state == CONN_WAIT_TCP || conn->state == CONN_WAIT_HEADER) {
        if (now_ms >= conn->open_deadline) {
            xmpp_conn_close(conn, conn->state == CONN_WAIT_TCP
                            ? XMPP_CLOSE_CONNECT : XMPP_CLOSE_OPEN_TIMEOUT);
        }
    } else if (conn->state == CONN_OPEN) {
        if (hold_expired(conn, now_ms)) {
            xmpp_conn_close(conn, XMPP_CLOSE_HOLD_EXPIRED);
        } else if (now_ms >= conn->last_keepalive
                             + conn->hold_ms / KEEPALIVES_PER_HOLD) {
            send_keepalive(conn, now_ms);
        }
    }
}

void
xmpp_conn_send(struct xmpp_conn *conn, const char *data, size_t size)
{
    if (conn->state == CONN_OPEN && size) {
        conn->counters.tx_stanzas++;
        send_bytes(conn, data, size);
    }
}

void
xmpp_conn_set_hold(struct xmpp_conn *conn, uint32_t hold_ms, uint64_t now_ms)
{
    if (hold_ms != conn->hold_ms) {
        conn->hold_ms = hold_ms;
        /* A shorter time starts now: the peer may not know of it yet. */
        conn->last_heard = now_ms;
        conn->grace_ms = 0;
    }
}

bool
xmpp_conn_is_open(const struct xmpp_conn *conn)
{
    return conn->state == CONN_OPEN;
}

const char *
xmpp_conn_peer_name(const struct xmpp_conn *conn)
{
    return conn->peer_name;
}

enum xmpp_close_reason
xmpp_conn_close_reason(const struct xmpp_conn *conn)
{
    return conn->reason;
}

const struct xmpp_conn_counters *
xmpp_conn_counters(const struct xmpp_conn *conn)
{
    return &conn->counters;
}
