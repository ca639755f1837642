/* SPDX-License-Identifier: Apache-2.0 */
/* One XMPP session, either role, sans-I/O: bytes and time in, bytes and events
 * out (spec/xmpp-protocol.md 1.3-1.9).  The owner moves the bytes. */
#ifndef XMPP_CONN_H
#define XMPP_CONN_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tsn_tls;
struct tsn_tls_session;
struct xmpp_stanza;

#define XMPP_HOLD_MS 90000
#define XMPP_OPEN_MS 15000      /* TCP up to stream header, inside TLS if it
                                 * is wanted. */

/* Bytes up to there: headers, and a handshake with chains of certificates. */
#define XMPP_MAX_OPENING (256u << 10)

/* A stanza that has begun must come to its end: so much time, in which a usual
 * one of some KiB also passes a link that is down for a while (control nodes
 * give up after 15 s), and more as more of it comes, at a rate below that of
 * any link that carries a control channel.  Without, a byte a second would
 * hold a session and what has come of the stanza for ever. */
#define XMPP_STANZA_MS 60000
#define XMPP_STANZA_MIN_RATE 1024       /* Bytes per second. */

enum xmpp_role { XMPP_CLIENT, XMPP_SERVER };

enum xmpp_close_reason {
    XMPP_CLOSE_NONE,
    XMPP_CLOSE_BY_PEER,         /* End of file or reset, */
    XMPP_CLOSE_UNANSWERED,      /* client: before the answer to our header:
                                 * the name may be in use (1.9), */
    XMPP_CLOSE_NOT_READY,       /* client: right after it: it may not have its
                                 * configuration yet (1.9). */
    XMPP_CLOSE_LOCAL,           /* Asked for by the owner. */
    XMPP_CLOSE_CONNECT,         /* TCP did not come up, */
    XMPP_CLOSE_REFUSED,         /* as nobody listens there, */
    XMPP_CLOSE_UNREACHABLE,     /* there is no way to it, */
    XMPP_CLOSE_NO_ANSWER,       /* or it does not answer. */
    XMPP_CLOSE_OPEN_TIMEOUT,    /* No stream header in time. */
    XMPP_CLOSE_HOLD_EXPIRED,
    XMPP_CLOSE_BAD_HEADER,
    XMPP_CLOSE_TOO_BIG,         /* A stanza over the limit of bytes, */
    XMPP_CLOSE_TOO_COMPLEX,     /* of nesting or of elements. */
    XMPP_CLOSE_STALLED,         /* A stanza that does not come to its end. */
    XMPP_CLOSE_TLS_REQUIRED,    /* The peer wants TLS, we have none. */
    XMPP_CLOSE_NO_TLS,          /* We want TLS, the peer does not. */
    XMPP_CLOSE_TLS_FAILED,      /* Handshake or record. */
    XMPP_CLOSE_DUPLICATE,       /* Server: the name is in use. */
    XMPP_CLOSE_ILLEGAL_ORDER,   /* Server: e.g. subscribed twice (2.1). */
    XMPP_CLOSE_SLOW,            /* The peer does not read. */
    XMPP_N_CLOSE_REASONS
};
const char *xmpp_close_reason_name(enum xmpp_close_reason);

struct xmpp_conn_counters {
    uint64_t rx_bytes, tx_bytes;
    uint64_t rx_stanzas;
    uint64_t tx_stanzas;        /* Calls of xmpp_conn_send(). */
    uint64_t rx_keepalives, tx_keepalives;
    uint64_t bad_stanzas;       /* Not well-formed: skipped. */
    uint64_t repaired_stanzas;  /* Not well-formed, and understood. */
    uint64_t ignored_stanzas;   /* Understood by nobody: skipped. */
};

struct xmpp_conn;

struct xmpp_conn_ops {
    /* Bytes for the peer.  Must not call back into the connection. */
    void (*send)(void *aux, const void *data, size_t size);
    /* The stream header of the peer has come.  A server's owner decides here:
     * false refuses, with no answer, as 1.9 wants; 'name' is the client's. */
    bool (*opened)(void *aux, const char *name);
    /* A stanza, borrowed.  May call xmpp_conn_send() and xmpp_conn_close(). */
    void (*stanza)(void *aux, const struct xmpp_stanza *);
    /* The session is over; the owner closes the socket.  Last event. */
    void (*closed)(void *aux, enum xmpp_close_reason);
};

/* 'name' is our own: the agent's for a client, the host's for a server.  The
 * time-out of the open starts at 'now_ms'. */
struct xmpp_conn *xmpp_conn_create(enum xmpp_role role, const char *name,
                                   uint32_t hold_ms,
                                   const struct xmpp_conn_ops *ops, void *aux,
                                   uint64_t now_ms);
/* Not from inside an op. */
void xmpp_conn_destroy(struct xmpp_conn *);             /* NULL is fine. */

/* Wants TLS (1.7): no stanza leaves or is taken before the handshake, and a
 * peer that does not take part is closed.  Takes a reference.  Before the
 * first byte. */
void xmpp_conn_set_tls(struct xmpp_conn *, struct tsn_tls *);

/* TCP is up: a client sends its header. */
void xmpp_conn_start(struct xmpp_conn *, uint64_t now_ms);

/* Received bytes.  Any of the events may come out of it. */
void xmpp_conn_feed(struct xmpp_conn *, const void *data, size_t size,
                    uint64_t now_ms);

/* Timers: sends keepalives, closes what is silent.  Due at the deadline. */
void xmpp_conn_tick(struct xmpp_conn *, uint64_t now_ms);
uint64_t xmpp_conn_deadline(const struct xmpp_conn *);

/* A client's subcluster for its header (1.3), "" if never told.  Before
 * xmpp_conn_start(). */
void xmpp_conn_set_subcluster(struct xmpp_conn *, const char *subcluster);

/* Sends one or more whole stanzas; unless the session is open, nothing. */
void xmpp_conn_send(struct xmpp_conn *, const char *data, size_t size);

/* Ends the session with an event; idempotent.  Of a client's
 * XMPP_CLOSE_BY_PEER it makes one that says more, if there is one. */
void xmpp_conn_close(struct xmpp_conn *, enum xmpp_close_reason);

/* Applies a hold time from the cloud's config (1.8). */
void xmpp_conn_set_hold(struct xmpp_conn *, uint32_t hold_ms,
                        uint64_t now_ms);

bool xmpp_conn_is_open(const struct xmpp_conn *);
const char *xmpp_conn_peer_name(const struct xmpp_conn *);
enum xmpp_close_reason xmpp_conn_close_reason(const struct xmpp_conn *);
/* What 'reason', that of the owner's, was about; if we know more than its
 * name, with that. */
const char *xmpp_conn_explain(const struct xmpp_conn *,
                              enum xmpp_close_reason reason);
/* NULL for a session in the clear. */
const struct tsn_tls_session *xmpp_conn_tls(const struct xmpp_conn *);
const struct xmpp_conn_counters *xmpp_conn_counters(const struct xmpp_conn *);

#endif /* xmpp/conn.h */
