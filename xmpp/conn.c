/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "tsn/error.h"
#include "tsn/tls.h"
#include "util.h"
#include "xmpp/stanza.h"
#include "xmpp/stream.h"

VLOG_DEFINE_THIS_MODULE(xmpp_conn);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* Keepalives in a hold time (spec/xmpp-protocol.md 1.8). */
#define KEEPALIVES_PER_HOLD 3

/* Longest host name in a stream header that fits all known peers. */
#define MAX_NAME 256

/* In the order in which they come; those of TLS only if we want it, and after
 * the handshake the header once more. */
enum conn_state {
    CONN_WAIT_TCP,
    CONN_WAIT_HEADER,
    CONN_WAIT_FEATURES,         /* Client. */
    CONN_WAIT_PROCEED,          /* Client. */
    CONN_WAIT_STARTTLS,         /* Server. */
    CONN_HANDSHAKE,
    CONN_OPEN,
    CONN_CLOSED,
};

struct xmpp_conn {
    enum xmpp_role role;
    enum conn_state state;
    char *name;
    char *subcluster;           /* NULL for none. */
    char peer_name[MAX_NAME];
    uint32_t hold_ms;
    const struct xmpp_conn_ops *ops;
    void *aux;

    struct xmpp_stream stream;  /* Inside TLS once that has begun. */
    struct tsn_tls *tls_context;        /* NULL: TLS is not wanted. */
    struct tsn_tls_session *tls;        /* NULL: not begun. */
    bool tls_heard;             /* The first record has begun to come. */
    size_t n_opening;           /* Bytes received before the open. */
    char *why;                  /* More than 'reason' says, or NULL. */
    uint64_t open_deadline;
    uint64_t last_heard;
    uint64_t grace_ms;          /* The hold time is over: wait until then. */
    uint64_t stanza_ms;         /* When a stanza began, 0 if none has. */
    uint64_t stanza_grace_ms;   /* Its time is over: wait until then. */
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
        [XMPP_CLOSE_UNANSWERED]
            = "closed before it answered: is the name in use?",
        [XMPP_CLOSE_NOT_READY]
            = "closed right after it answered: is it not ready?",
        [XMPP_CLOSE_LOCAL] = "closed by us",
        [XMPP_CLOSE_CONNECT] = "connect failed",
        [XMPP_CLOSE_REFUSED] = "connection refused",
        [XMPP_CLOSE_UNREACHABLE] = "host is unreachable",
        [XMPP_CLOSE_NO_ANSWER] = "no answer to connect",
        [XMPP_CLOSE_OPEN_TIMEOUT] = "no stream header in time",
        [XMPP_CLOSE_HOLD_EXPIRED] = "hold time expired",
        [XMPP_CLOSE_BAD_HEADER] = "bad stream header",
        [XMPP_CLOSE_TOO_BIG] = "stanza too big",
        [XMPP_CLOSE_TOO_COMPLEX]
            = "stanza nested too deep or of too many elements",
        [XMPP_CLOSE_STALLED] = "stanza begun and not finished in time",
        [XMPP_CLOSE_TLS_REQUIRED] = "peer requires TLS",
        [XMPP_CLOSE_NO_TLS] = "peer does not use TLS",
        [XMPP_CLOSE_TLS_FAILED] = "TLS failed",
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
        tsn_tls_session_destroy(conn->tls);
        tsn_tls_unref(conn->tls_context);
        free(conn->why);
        free(conn->subcluster);
        free(conn->name);
        free(conn);
    }
}

void
xmpp_conn_set_tls(struct xmpp_conn *conn, struct tsn_tls *tls)
{
    tsn_tls_unref(conn->tls_context);
    conn->tls_context = tsn_tls_ref(tls);
}

static void
send_raw(struct xmpp_conn *conn, const void *data, size_t size)
{
    conn->counters.tx_bytes += size;
    conn->ops->send(conn->aux, data, size);
}

/* Sends what the TLS session has for the peer. */
static void
flush_tls(struct xmpp_conn *conn)
{
    const void *data;
    size_t size = tsn_tls_output(conn->tls, &data);

    if (size) {
        send_raw(conn, data, size);
        tsn_tls_output_taken(conn->tls, size);
    }
}

static void
fail_tls(struct xmpp_conn *conn, const char *why)
{
    if (conn->state != CONN_CLOSED) {
        free(conn->why);
        conn->why = xasprintf("%s: %s",
                              xmpp_close_reason_name(XMPP_CLOSE_TLS_FAILED),
                              why);
        xmpp_conn_close(conn, XMPP_CLOSE_TLS_FAILED);
    }
}

static void
send_bytes(struct xmpp_conn *conn, const char *data, size_t size)
{
    struct tsn_err err;

    if (!conn->tls) {
        send_raw(conn, data, size);
        return;
    }
    while (size) {
        size_t n = MIN(size, TSN_TLS_MAX_WRITE);
        if (tsn_tls_write(conn->tls, data, n, &err)) {
            fail_tls(conn, err.text);
            return;
        }
        flush_tls(conn);
        data += n;
        size -= n;
    }
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

/* The peer's header is next, ours is sent if we are the client. */
static void
start_stream(struct xmpp_conn *conn)
{
    conn->state = CONN_WAIT_HEADER;
    if (conn->role == XMPP_CLIENT) {
        struct ds out = DS_EMPTY_INITIALIZER;
        xmpp_put_client_header(&out, conn->name, conn->subcluster);
        send_bytes(conn, out.string, out.length);
        ds_destroy(&out);
    }
}

/* A control node refuses by silence: when it closes says why. */
static enum xmpp_close_reason
explain_close(const struct xmpp_conn *conn, enum xmpp_close_reason reason)
{
    const struct xmpp_conn_counters *c = &conn->counters;

    if (reason != XMPP_CLOSE_BY_PEER || conn->role != XMPP_CLIENT) {
        return reason;
    } else if (conn->state == CONN_WAIT_HEADER) {
        return XMPP_CLOSE_UNANSWERED;
    } else if (conn->state == CONN_OPEN && !c->rx_stanzas
               && !c->rx_keepalives) {
        return XMPP_CLOSE_NOT_READY;
    }
    return reason;
}

void
xmpp_conn_start(struct xmpp_conn *conn, uint64_t now_ms)
{
    if (conn->state == CONN_WAIT_TCP) {
        conn->last_heard = now_ms;
        start_stream(conn);
    }
}

void
xmpp_conn_close(struct xmpp_conn *conn, enum xmpp_close_reason reason)
{
    if (conn->state == CONN_CLOSED) {
        return;
    }
    if (conn->state == CONN_HANDSHAKE && reason == XMPP_CLOSE_BY_PEER) {
        fail_tls(conn, "the peer closed the connection in the handshake");
        return;
    }
    conn->reason = explain_close(conn, reason);
    conn->state = CONN_CLOSED;
    if (conn->tls && reason != XMPP_CLOSE_BY_PEER) {
        tsn_tls_shutdown(conn->tls);
        flush_tls(conn);
    }
    conn->ops->closed(conn->aux, conn->reason);
}

/* The headers went over in the clear, and TLS is wanted: the server asks for
 * it (1.7). */
static void
negotiate_tls(struct xmpp_conn *conn)
{
    conn->stream.expects_tls = true;
    if (conn->role == XMPP_CLIENT) {
        conn->state = CONN_WAIT_FEATURES;
        return;
    }
    struct ds out = DS_EMPTY_INITIALIZER;
    xmpp_put_server_header(&out, conn->name, conn->peer_name);
    xmpp_put_features(&out);
    conn->state = CONN_WAIT_STARTTLS;
    send_bytes(conn, out.string, out.length);
    ds_destroy(&out);
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
    if (conn->tls_context && !conn->tls) {
        negotiate_tls(conn);
        return;
    }
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
    int error = xmpp_stanza_parse(event->data, event->size, &st, &err);
    if (error == -E2BIG) {
        /* No control node and no agent makes one: this is no peer to go on
         * with, while a malformed one is a known fault of good ones. */
        VLOG_WARN_RL(&rl, "closing the session: a stanza over a limit "
                     "session=%s bytes=%"PRIuSIZE": %s", session_name(conn),
                     event->size, tsn_err_format(&err));
        conn->counters.bad_stanzas++;
        xmpp_conn_close(conn, XMPP_CLOSE_TOO_COMPLEX);
        return;
    }
    if (error) {
        conn->counters.bad_stanzas++;
        VLOG_WARN_RL(&rl, "skipped a stanza that is not well-formed "
                     "session=%s bytes=%"PRIuSIZE": %s", session_name(conn),
                     event->size, tsn_err_format(&err));
        return;
    }
    conn->counters.repaired_stanzas += st.repaired;
    if (st.type == XMPP_IGNORED) {
        conn->counters.ignored_stanzas++;
        VLOG_DBG_RL(&rl, "ignored a stanza session=%s: %s", session_name(conn),
                    st.why);
    } else {
        conn->ops->stanza(conn->aux, &st);
    }
    xmpp_stanza_fini(&st);
}

static void feed_tls(struct xmpp_conn *, const char *data, size_t size,
                     uint64_t now_ms);

/* All that comes from now on is TLS, also what has come already: nothing that
 * was slipped in behind the tag in the clear counts. */
static void
begin_tls(struct xmpp_conn *conn, uint64_t now_ms)
{
    struct xmpp_stream plain = conn->stream;
    const char *rest;
    size_t size = xmpp_stream_rest(&plain, &rest);

    xmpp_stream_init(&conn->stream);
    conn->tls = tsn_tls_session_create(conn->tls_context,
                                       conn->role == XMPP_CLIENT
                                       ? TSN_TLS_CLIENT : TSN_TLS_SERVER);
    conn->state = CONN_HANDSHAKE;
    feed_tls(conn, rest, size, now_ms);
    xmpp_stream_fini(&plain);
}

static void
handle_features(struct xmpp_conn *conn, const struct xmpp_stream_event *event)
{
    if (conn->role == XMPP_SERVER || conn->tls) {
        return;
    }
    if (!conn->tls_context) {
        xmpp_conn_close(conn, XMPP_CLOSE_TLS_REQUIRED);
    } else if (conn->state == CONN_WAIT_FEATURES) {
        if (!xmpp_features_have_tls(event->data, event->size)) {
            xmpp_conn_close(conn, XMPP_CLOSE_NO_TLS);
            return;
        }
        struct ds out = DS_EMPTY_INITIALIZER;
        xmpp_put_starttls(&out);
        conn->state = CONN_WAIT_PROCEED;
        send_bytes(conn, out.string, out.length);
        ds_destroy(&out);
    }
}

static void
handle_starttls(struct xmpp_conn *conn, uint64_t now_ms)
{
    if (conn->state == CONN_WAIT_STARTTLS) {
        struct ds out = DS_EMPTY_INITIALIZER;
        xmpp_put_proceed(&out);
        send_bytes(conn, out.string, out.length);
        ds_destroy(&out);
        begin_tls(conn, now_ms);
    }
}

static void
handle_event(struct xmpp_conn *conn, const struct xmpp_stream_event *event,
             uint64_t now_ms)
{
    switch (event->type) {
    case XMPP_STREAM_NONE:
        break;
    case XMPP_STREAM_BLANK:
        conn->counters.rx_keepalives += conn->state == CONN_OPEN;
        break;
    case XMPP_STREAM_OPEN:
        handle_open(conn, event, now_ms);
        break;
    case XMPP_STREAM_FEATURES:
        handle_features(conn, event);
        break;
    case XMPP_STREAM_STARTTLS:
        handle_starttls(conn, now_ms);
        break;
    case XMPP_STREAM_PROCEED:
        if (conn->state == CONN_WAIT_PROCEED) {
            begin_tls(conn, now_ms);
        }
        break;
    case XMPP_STREAM_STANZA:
        if (conn->state == CONN_OPEN) {
            handle_stanza(conn, event);
        } else {
            /* In the clear, where TLS was to begin. */
            xmpp_conn_close(conn, XMPP_CLOSE_NO_TLS);
        }
        break;
    }
}

static void
note_heard(struct xmpp_conn *conn, uint64_t now_ms)
{
    conn->last_heard = now_ms;
    conn->grace_ms = 0;
}

/* When the stanza that has begun must have ended. */
static uint64_t
stanza_due(const struct xmpp_conn *conn)
{
    uint64_t size = xmpp_stream_partial(&conn->stream);

    return !conn->stanza_ms ? UINT64_MAX
           : conn->stanza_ms + XMPP_STANZA_MS
             + size * 1000 / XMPP_STANZA_MIN_RATE;
}

/* A peer is heard by stanzas, also by what it has sent of one, and by
 * keepalives; not by junk in between, which costs nothing and means
 * nothing. */
static void
note_partial(struct xmpp_conn *conn, uint64_t now_ms)
{
    if (!xmpp_stream_partial(&conn->stream)) {
        return;
    }
    note_heard(conn, now_ms);
    if (!conn->stanza_ms) {
        conn->stanza_ms = now_ms;
    }
    /* Only more of it than a trickle earns another grace. */
    if (now_ms < stanza_due(conn)) {
        conn->stanza_grace_ms = 0;
    }
}

static void
feed_stream(struct xmpp_conn *conn, const char *data, size_t size,
            uint64_t now_ms)
{
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
            note_partial(conn, now_ms);
            return;
        }
        note_heard(conn, now_ms);
        conn->stanza_ms = 0;
        handle_event(conn, &event, now_ms);
    }
}

/* Returns whether the handshake is done. */
static bool
shake_hands(struct xmpp_conn *conn)
{
    struct tsn_err err;
    int error = tsn_tls_handshake(conn->tls, &err);

    flush_tls(conn);
    if (error) {
        if (error != -EAGAIN) {
            fail_tls(conn, err.text);
        }
        return false;
    }
    start_stream(conn);
    return true;
}

static void
feed_tls(struct xmpp_conn *conn, const char *data, size_t size,
         uint64_t now_ms)
{
    char plain[TSN_TLS_RECORD_SIZE];
    struct tsn_err err;

    /* Behind the tag that began TLS comes a newline, maybe by itself. */
    while (!conn->tls_heard && size && memchr(" \t\r\n", *data, 4)) {
        data++;
        size--;
    }
    conn->tls_heard |= size > 0;
    tsn_tls_push(conn->tls, data, size);
    if (conn->state == CONN_HANDSHAKE && !shake_hands(conn)) {
        return;
    }
    while (conn->state != CONN_CLOSED) {
        ssize_t n = tsn_tls_read(conn->tls, plain, sizeof plain, &err);

        flush_tls(conn);
        if (n > 0) {
            feed_stream(conn, plain, n, now_ms);
        } else if (n == -EAGAIN) {
            return;
        } else if (!n) {
            xmpp_conn_close(conn, XMPP_CLOSE_BY_PEER);
        } else {
            fail_tls(conn, err.text);
        }
    }
}

void
xmpp_conn_feed(struct xmpp_conn *conn, const void *data, size_t size,
               uint64_t now_ms)
{
    if (conn->state == CONN_WAIT_TCP || conn->state == CONN_CLOSED) {
        return;
    }
    conn->counters.rx_bytes += size;
    conn->n_opening += conn->state < CONN_OPEN ? size : 0;
    if (conn->tls) {
        feed_tls(conn, data, size, now_ms);
    } else {
        feed_stream(conn, data, size, now_ms);
    }
    if (conn->state < CONN_OPEN && conn->n_opening > XMPP_MAX_OPENING) {
        xmpp_conn_close(conn, XMPP_CLOSE_TOO_BIG);
    }
}

/* When it ends the session: after its grace, if it was given one. */
static uint64_t
stanza_deadline(const struct xmpp_conn *conn)
{
    return MAX(stanza_due(conn), conn->stanza_grace_ms);
}

uint64_t
xmpp_conn_deadline(const struct xmpp_conn *conn)
{
    switch (conn->state) {
    case CONN_WAIT_TCP:
    case CONN_WAIT_HEADER:
    case CONN_WAIT_FEATURES:
    case CONN_WAIT_PROCEED:
    case CONN_WAIT_STARTTLS:
    case CONN_HANDSHAKE:
        return conn->open_deadline;
    case CONN_OPEN: {
        uint64_t hold = MAX(conn->last_heard + conn->hold_ms,
                            conn->grace_ms);
        uint64_t keepalive = conn->last_keepalive
                             + conn->hold_ms / KEEPALIVES_PER_HOLD;
        return MIN(MIN(hold, keepalive), stanza_deadline(conn));
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

/* The open has taken too long. */
static void
close_unopened(struct xmpp_conn *conn)
{
    switch (conn->state) {
    case CONN_WAIT_TCP:
        xmpp_conn_close(conn, XMPP_CLOSE_CONNECT);
        break;
    case CONN_WAIT_FEATURES:
    case CONN_WAIT_STARTTLS:
        xmpp_conn_close(conn, XMPP_CLOSE_NO_TLS);
        break;
    case CONN_WAIT_PROCEED:
        fail_tls(conn, "the peer does not let it begin");
        break;
    case CONN_HANDSHAKE:
        fail_tls(conn, "the handshake takes too long");
        break;
    case CONN_WAIT_HEADER:
    case CONN_OPEN:
    case CONN_CLOSED:
        xmpp_conn_close(conn, XMPP_CLOSE_OPEN_TIMEOUT);
        break;
    }
}

/* Likewise for a stanza that was begun. */
static bool
stanza_stalls(struct xmpp_conn *conn, uint64_t now_ms)
{
    if (now_ms < stanza_deadline(conn)) {
        return false;
    }
    if (!conn->stanza_grace_ms) {
        conn->stanza_grace_ms = now_ms + 1;
    }
    return now_ms >= conn->stanza_grace_ms;
}

void
xmpp_conn_tick(struct xmpp_conn *conn, uint64_t now_ms)
{
    if (conn->state < CONN_OPEN) {
        if (now_ms >= conn->open_deadline) {
            close_unopened(conn);
        }
    } else if (conn->state == CONN_OPEN) {
        if (hold_expired(conn, now_ms)) {
            xmpp_conn_close(conn, XMPP_CLOSE_HOLD_EXPIRED);
        } else if (stanza_stalls(conn, now_ms)) {
            xmpp_conn_close(conn, XMPP_CLOSE_STALLED);
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
xmpp_conn_set_subcluster(struct xmpp_conn *conn, const char *subcluster)
{
    free(conn->subcluster);
    conn->subcluster = subcluster && *subcluster ? xstrdup(subcluster) : NULL;
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

const char *
xmpp_conn_explain(const struct xmpp_conn *conn, enum xmpp_close_reason reason)
{
    return conn->why && reason == conn->reason
           ? conn->why : xmpp_close_reason_name(reason);
}

const struct tsn_tls_session *
xmpp_conn_tls(const struct xmpp_conn *conn)
{
    return conn->tls;
}

const struct xmpp_conn_counters *
xmpp_conn_counters(const struct xmpp_conn *conn)
{
    return &conn->counters;
}
