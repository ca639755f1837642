/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the acceptor share: listeners (acceptor.c), limits on
 * connections that are not identified (acceptor-pending.c), a connection from
 * its socket to its end (acceptor-conn.c), what comes from it
 * (acceptor-read.c), who gets which ToR (acceptor-admit.c), the bytes of a
 * session (acceptor-splice.c), connections that we make (acceptor-dial.c),
 * status (acceptor-show.c). */
#ifndef OVSDB_CLIENT_ACCEPTOR_PRIVATE_H
#define OVSDB_CLIENT_ACCEPTOR_PRIVATE_H 1

#include "openvswitch/dynamic-string.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/shash.h"
#include "ovsdb-client/acceptor.h"
#include "ovsdb-client/json-frame.h"
#include "tsn/error.h"
#include "tsn/tls.h"

struct acc_conn;
struct ovc_identify;

/* Why a connection that was accepted is no session, or not any more. */
enum acc_reason {
    ACC_HUNG_UP,                /* Before it was identified: a port probe. */
    ACC_CHECK,                  /* A proxy's own, by the PROXY header. */
    ACC_NOT_FROM_PROXY,
    ACC_BAD_PROXY_HEADER,
    ACC_NOT_TLS,
    ACC_TLS,
    ACC_NOT_OVSDB,
    ACC_TOO_MUCH,               /* Bytes before it was identified. */
    ACC_TOO_SLOW,
    ACC_PUSHED_OUT,             /* For a newer one. */
    ACC_NOT_READING,            /* What we answer; a session, too. */
    ACC_NO_DATABASE,
    ACC_UNKNOWN_SWITCH,
    ACC_AMBIGUOUS,              /* Several ToRs have a switch of it. */
    ACC_WRONG_IDENTITY,         /* Not what the ToR is configured to have. */
    ACC_DUPLICATE,              /* The ToR has a session that is alive. */
    ACC_NOT_READY,              /* The ToR's socket takes no connection. */
    ACC_N_REFUSALS,

    ACC_ENDED = ACC_N_REFUSALS, /* A session: the switch, the ToR, or the
                                 * network has ended it. */
    ACC_REPLACED,               /* By a newer one of the same identity. */
    ACC_SILENT,                 /* No echo while another wanted its place. */
    ACC_STOPPED,                /* By the configuration, or the end. */
    ACC_UNREACHABLE,            /* We cannot connect. */
    ACC_N_REASONS
};

enum acc_state {
    ACC_CONNECTING,             /* We to it. */
    ACC_PROXY,                  /* The PROXY header is to come. */
    ACC_HANDSHAKE,
    ACC_IDENTIFY,
    ACC_CHECKED,                /* A proxy's check: nothing is to come. */
    ACC_CHALLENGE,              /* The older session has to answer. */
    ACC_KNOCKING,               /* The ToR's socket is not there yet. */
    ACC_SPLICED,
    ACC_DRAINING,               /* The ToR's session has hung up; what it wrote
                                 * is being sent. */
    ACC_CLOSING,
};

/* Pending connections of one address. */
struct acc_source {
    struct hmap_node node;      /* In the acceptor's 'sources'. */
    struct in6_addr ip;
    size_t n_pending;
};

struct acc_listener {
    struct ovs_list node;       /* In the acceptor's 'listeners'. */
    struct ovc_acceptor *acceptor;
    uv_poll_t poll;             /* Not uv_listen(): out of descriptors, that
                                 * hangs up on all who wait, or spins. */
    int fd;
    char *name;
    char *tor;                  /* Or NULL. */
    bool tls, proxy_protocol;
    struct in6_addr *proxies;
    size_t n_proxies;
    bool waits;                 /* For the rate, or after an error. */

    uint64_t n_accepted, n_identified, n_errors;
    uint64_t n_refused[ACC_N_REFUSALS];
    size_t n_pending;
    char *last_refusal;         /* Of those that an operator looks into. */
    uint64_t last_refusal_ms;
};

struct acc_tor {
    struct ovc_acceptor *acceptor;
    char *name;
    char **switches;
    size_t n_switches;
    char *certificate;          /* Or NULL. */
    struct in6_addr address;    /* Or none. */
    char *socket;
    bool own_listener;

    struct acc_conn *session;   /* Or NULL. */
    struct acc_conn *challenger;    /* Waits for the session's answer. */
    size_t n_waiting;           /* Of connections in 'waiting'. */

    uint64_t n_sessions, n_replaced, n_refused;
    char *last_close;           /* Why the last session ended. */
    uint64_t last_close_ms;
    char *alarm;                /* Who was refused while a session lived, or
                                 * took its place, and is another switch. */
    uint64_t alarm_ms, alarm_until_ms;

    /* Only if we connect. */
    bool dials;
    struct sockaddr_storage dial;
    struct acc_conn *dialing;   /* Until it is 'session'. */
    struct acc_redial *redial;
    uint32_t backoff_ms, max_backoff_ms;
};

/* One connection.  In 'pending' of the acceptor until it is identified, then
 * in 'waiting' if it has to and is not one too many, in 'sessions' when it is
 * spliced, and out of every list from when it starts to close; freed with its
 * handles. */
struct acc_conn {
    struct ovs_list node;
    struct ovc_acceptor *acceptor;
    struct acc_listener *listener;      /* NULL: made by us, or it is gone. */
    struct acc_source *source;          /* While pending. */
    struct acc_tor *tor;                /* As soon as it is known. */
    enum acc_state state;
    bool is_pending, is_waiting;

    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_pipe_t pipe;             /* To the ToR's session, once it is open. */
    uv_connect_t connect;
    int n_handles;              /* Still to be closed. */

    struct sockaddr_storage peer;       /* Of the socket. */
    struct in6_addr ip;         /* The switch's: the peer's or what the proxy
                                 * says; none: it is not told. */
    uint16_t port;
    struct tsn_tls_session *tls;
    bool is_tls;                /* It has begun as TLS does. */
    struct tsn_tls_info info;   /* After the handshake. */
    struct ds early;            /* Plaintext, or before TLS the PROXY header,
                                 * that is not used up. */
    struct ovc_identify *identify;
    size_t n_early_bytes;       /* Received before it was identified. */
    uint64_t deadline_ms;

    /* A session. */
    uint64_t since_ms;
    uint64_t n_in, n_out;       /* Plaintext from and to the switch. */
    struct ovc_json_frame frame;        /* Of what goes to the switch. */
    bool echo_wanted;           /* As soon as a message ends. */
    bool is_challenged;         /* Until a byte comes from the switch. */
    bool tcp_stopped, pipe_stopped;     /* Not read, as the other is full. */
};

struct ovc_acceptor {
    uv_loop_t *loop;
    struct tsn_tls_store *tls;
    struct ovs_list listeners;  /* struct acc_listener. */
    struct ovs_list pending;    /* struct acc_conn, oldest first. */
    struct ovs_list waiting;    /* struct acc_conn. */
    struct ovs_list sessions;   /* struct acc_conn. */
    size_t n_pending;
    struct hmap sources;        /* struct acc_source. */
    struct shash tors;          /* struct acc_tor, by name. */
    uv_timer_t *timer;          /* Of the accept rate, and of finish(). */
    double tokens;
    uint64_t tokens_ms;

    bool finishing;
    ovc_acceptor_done_fn *done;
    void *done_aux;
};

/* acceptor-show.c */
const char *acc_reason_name(enum acc_reason);

/* acceptor-pending.c */
/* Of a connection that is not identified yet. */
void acc_add_pending(struct acc_conn *);
/* It is, and waits. */
void acc_set_waiting(struct acc_conn *);
/* It does neither any more, if it did. */
void acc_remove_pending(struct acc_conn *);
void acc_set_source(struct acc_conn *, const struct in6_addr *ip);
/* Closes the oldest of the source that has the most, another than 'except'. */
void acc_make_room(struct ovc_acceptor *, const struct acc_conn *except);

/* acceptor.c */
void acc_check_finished(struct ovc_acceptor *);

/* acceptor-conn.c */
struct acc_conn *acc_conn_create(struct ovc_acceptor *);
/* The socket is connected: begins with what comes first. */
void acc_conn_start(struct acc_conn *);
/* "10.0.0.1:4711 (CN=tor1)", valid until the next call. */
const char *acc_conn_peer(const struct acc_conn *);
/* The text, for status and log, may be NULL. */
void acc_conn_close(struct acc_conn *, enum acc_reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Sends plaintext. */
void acc_conn_send(struct acc_conn *, const void *data, size_t size);
/* Sends what TLS has ready. */
void acc_conn_flush_tls(struct acc_conn *);
/* Whether some of what was sent waits. */
bool acc_conn_is_full(const struct acc_conn *);
void acc_conn_set_timer(struct acc_conn *, uint64_t ms);
void acc_handle_closed(uv_handle_t *);

/* acceptor-read.c */
/* What comes first on the listener: a PROXY header, TLS, or OVSDB. */
void acc_read_begin(struct acc_conn *);
void acc_conn_read(struct acc_conn *);
/* Buffers of libuv's, of which a thread needs one per direction. */
#define ACC_BUFFER_SIZE 65536
void acc_alloc_cb(uv_handle_t *, size_t, uv_buf_t *);

/* acceptor-admit.c */
/* The ToR that certificate and address name, or NULL. */
struct acc_tor *acc_find_by_rules(const struct acc_conn *);
/* The peer is an OVSDB server, and all is known that can be. */
void acc_admit(struct acc_conn *);
/* Its ToR is known: the place may be another's meanwhile. */
void acc_contend(struct acc_conn *);
/* A session that was challenged has answered, or not. */
void acc_challenge_answered(struct acc_tor *);
void acc_challenge_failed(struct acc_tor *);
/* Of a connection that starts to close. */
void acc_forget(struct acc_conn *, enum acc_reason, const char *text);

/* acceptor-splice.c */
/* Connects to the ToR's session.  Returns false if it takes no connection. */
bool acc_splice(struct acc_conn *);
void acc_splice_from_switch(struct acc_conn *, const void *data, size_t size);
void acc_splice_sent(struct acc_conn *);        /* It is not full any more. */
void acc_challenge(struct acc_conn *);

/* acceptor-dial.c */
void acc_dial_start(struct acc_tor *);
void acc_dial_stop(struct acc_tor *);
/* Tries again later. */
void acc_dial_again(struct acc_tor *, uint64_t session_ms);
void acc_dial_cb(uv_connect_t *, int status);

#endif /* ovsdb-client/acceptor-private.h */
