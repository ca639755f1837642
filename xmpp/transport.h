/* SPDX-License-Identifier: Apache-2.0 */
/* TCP under an xmpp_conn: moves its bytes and its timers on a libuv loop, for
 * both roles.  One thread, the one of the loop. */
#ifndef XMPP_TRANSPORT_H
#define XMPP_TRANSPORT_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "xmpp/conn.h"

struct tsn_tls;
struct xmpp_transport;

/* Like struct xmpp_conn_ops, but 'closed' comes from the loop, never from
 * inside another call, and the transport is gone after it. */
struct xmpp_transport_ops {
    bool (*opened)(void *aux, const char *name);
    void (*stanza)(void *aux, const struct xmpp_stanza *);
    void (*closed)(void *aux, enum xmpp_close_reason);
};

/* Connects to 'peer' as 'name'.  Failure comes as 'closed'. */
struct xmpp_transport *xmpp_transport_connect(
    uv_loop_t *loop, const struct sockaddr_storage *peer, const char *name,
    uint32_t hold_ms, uint64_t timeout_ms,
    const struct xmpp_transport_ops *ops, void *aux);

/* Takes a connection that waits on 'listener'.  Returns NULL if it is gone. */
struct xmpp_transport *xmpp_transport_accept(
    uv_stream_t *listener, const char *name, uint32_t hold_ms,
    const struct xmpp_transport_ops *ops, void *aux);

/* Wants TLS; as xmpp_conn_set_tls(), right after one of the above. */
void xmpp_transport_set_tls(struct xmpp_transport *, struct tsn_tls *);

/* Queues whole stanzas. */
void xmpp_transport_send(struct xmpp_transport *, const char *data,
                         size_t size);
/* Bytes queued and not yet taken by the kernel. */
size_t xmpp_transport_unsent(const struct xmpp_transport *);

/* Starts to close; 'closed' follows. */
void xmpp_transport_close(struct xmpp_transport *, enum xmpp_close_reason);

/* Closes without any further op: the owner goes away.  NULL is fine. */
void xmpp_transport_abandon(struct xmpp_transport *);

struct xmpp_conn *xmpp_transport_conn(struct xmpp_transport *);
/* Applies a hold time from the cloud's config. */
void xmpp_transport_set_hold(struct xmpp_transport *, uint32_t hold_ms);
/* The peer's address; false if it has none any more. */
bool xmpp_transport_peer(const struct xmpp_transport *,
                         struct sockaddr_storage *);

#endif /* xmpp/transport.h */
