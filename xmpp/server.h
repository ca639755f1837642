/* SPDX-License-Identifier: Apache-2.0 */
/* The listening side: TCP under xmpp_conn for the embedded controller.  One
 * thread, the one of 'loop'. */
#ifndef XMPP_SERVER_H
#define XMPP_SERVER_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "xmpp/conn.h"

struct in6_addr;
struct tsn_err;
struct tsn_tls_session;
struct tsn_tls_store;
struct xmpp_server;
struct xmpp_session;
struct xmpp_stanza;

struct xmpp_server_ops {
    /* Whether to open a session of that name, which is not in use; without
     * answer if not; to log why not is up to it.  May be NULL. */
    bool (*admits)(void *aux, const char *name, const struct in6_addr *ip);
    void (*opened)(void *aux, struct xmpp_session *);
    void (*stanza)(void *aux, struct xmpp_session *,
                   const struct xmpp_stanza *);
    /* After it 'session' is gone. */
    void (*closed)(void *aux, struct xmpp_session *, enum xmpp_close_reason);
};

/* 'host' is the name in our stream header.  Returns NULL with '*err' filled
 * when it cannot listen. */
struct xmpp_server *xmpp_server_create(uv_loop_t *loop, const char *host,
                                       const struct sockaddr_storage *listen,
                                       uint32_t hold_ms,
                                       const struct xmpp_server_ops *ops,
                                       void *aux, struct tsn_err *err);
/* New sessions need TLS, with the store's certificate; NULL: they are in the
 * clear.  Borrowed until the next call or the end. */
void xmpp_server_set_tls(struct xmpp_server *, struct tsn_tls_store *);
/* Closes all sessions, without events. */
void xmpp_server_destroy(struct xmpp_server *);         /* NULL is fine. */

/* What becomes of a second session of a name that is in use, from the same
 * address: it is closed, and with the helper of graceful restarts so is the
 * first one, which is taken for dead (1.9).  Off at first. */
void xmpp_server_set_restart_helper(struct xmpp_server *, bool);

/* Queues complete stanzas. */
void xmpp_session_send(struct xmpp_session *, const char *data, size_t size);
/* Bytes of it that the kernel has not taken yet. */
size_t xmpp_session_unsent(const struct xmpp_session *);
void xmpp_session_close(struct xmpp_session *, enum xmpp_close_reason);

const char *xmpp_session_name(const struct xmpp_session *);
const struct in6_addr *xmpp_session_peer_ip(const struct xmpp_session *);
uint64_t xmpp_session_since_ms(const struct xmpp_session *);
const struct xmpp_conn_counters *xmpp_session_counters(
    const struct xmpp_session *);
/* NULL for a session in the clear. */
const struct tsn_tls_session *xmpp_session_tls(const struct xmpp_session *);
/* What the close reason was about. */
const char *xmpp_session_explain(const struct xmpp_session *,
                                 enum xmpp_close_reason);
/* One pointer for the owner. */
void xmpp_session_set_aux(struct xmpp_session *, void *);
void *xmpp_session_aux(const struct xmpp_session *);

#endif /* xmpp/server.h */
