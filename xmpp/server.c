/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/server.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "openvswitch/list.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "tsn/tls-store.h"
#include "tsn/tls.h"
#include "util.h"
#include "xmpp/transport.h"

VLOG_DEFINE_THIS_MODULE(xmpp_server);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

#define BACKLOG 128

/* Connections that have sent no header yet: a flood of probes must not use up
 * the descriptors.  The oldest one goes for the newest, as a client sends its
 * header at once. */
#define MAX_UNOPENED 256

struct xmpp_server {
    uv_tcp_t listener;
    char *host;
    uint32_t hold_ms;
    struct tsn_tls_store *tls;  /* Or NULL. */
    bool restart_helper;
    const struct xmpp_server_ops *ops;
    void *aux;
    struct ovs_list sessions;   /* Oldest first. */
    size_t n_unopened;
};

struct xmpp_session {
    struct ovs_list node;
    struct xmpp_server *server;
    struct xmpp_transport *transport;
    struct in6_addr peer_ip;
    char *name;                 /* NULL until open. */
    bool pushed_out;            /* To be closed, for a newer one. */
    uint64_t since_ms;
    void *aux;
};

static struct xmpp_session *
find_session(const struct xmpp_server *server, const char *name)
{
    struct xmpp_session *s;

    LIST_FOR_EACH (s, node, &server->sessions) {
        if (s->name && !strcmp(s->name, name)) {
            return s;
        }
    }
    return NULL;
}

/* Same name while the old session lives: the newcomer goes (1.9).  With the
 * helper the old one goes, too, if it is the same host's, and the client is
 * let in when it tries again. */
static bool
is_admitted(const struct xmpp_session *s, const char *name)
{
    const struct xmpp_server *server = s->server;
    struct xmpp_session *old = find_session(server, name);
    char ip[TSN_IP_STRLEN];

    if (!old) {
        return !server->ops->admits
               || server->ops->admits(server->aux, name, &s->peer_ip);
    }

    bool both = server->restart_helper
                && tsn_ip_equals(&old->peer_ip, &s->peer_ip);
    VLOG_WARN_RL(&rl, "refused a second session of the same name%s session=%s "
                 "peer=%s", both ? ", and ended the first" : "", name,
                 tsn_ip_format(&s->peer_ip, ip));
    if (both) {
        xmpp_transport_close(old->transport, XMPP_CLOSE_DUPLICATE);
    }
    return false;
}

static bool
session_opened(void *session_, const char *name)
{
    struct xmpp_session *s = session_;

    if (!is_admitted(s, name)) {
        return false;
    }
    s->name = xstrdup(name);
    s->since_ms = tsn_now_ms();
    s->server->n_unopened--;
    s->server->ops->opened(s->server->aux, s);
    return true;
}

static void
session_stanza(void *session_, const struct xmpp_stanza *st)
{
    struct xmpp_session *s = session_;

    s->server->ops->stanza(s->server->aux, s, st);
}

static void
session_free(struct xmpp_session *s)
{
    ovs_list_remove(&s->node);
    free(s->name);
    free(s);
}

static void
session_closed(void *session_, enum xmpp_close_reason reason)
{
    struct xmpp_session *s = session_;

    if (s->name) {
        s->server->ops->closed(s->server->aux, s, reason);
    } else {
        char ip[TSN_IP_STRLEN];
        VLOG_INFO_RL(&rl, "connection ended before it was open peer=%s: %s",
                     tsn_ip_format(&s->peer_ip, ip),
                     xmpp_session_explain(s, reason));
        s->server->n_unopened -= !s->pushed_out;
    }
    session_free(s);
}

static const struct xmpp_transport_ops transport_ops = {
    .opened = session_opened,
    .stanza = session_stanza,
    .closed = session_closed,
};

static void
get_peer_ip(const struct xmpp_transport *t, struct in6_addr *ip)
{
    struct sockaddr_storage ss;

    *ip = in6addr_any;
    if (!xmpp_transport_peer(t, &ss)) {
        return;
    }
    if (ss.ss_family == AF_INET) {
        in6_addr_set_mapped_ipv4(ip, ((struct sockaddr_in *) &ss)
                                         ->sin_addr.s_addr);
    } else if (ss.ss_family == AF_INET6) {
        *ip = ((struct sockaddr_in6 *) &ss)->sin6_addr;
    }
}

static void
push_out_oldest(struct xmpp_server *server)
{
    struct xmpp_session *s;

    LIST_FOR_EACH (s, node, &server->sessions) {
        if (!s->name && !s->pushed_out) {
            s->pushed_out = true;
            server->n_unopened--;
            xmpp_transport_close(s->transport, XMPP_CLOSE_LOCAL);
            return;
        }
    }
}

static void
connection_cb(uv_stream_t *listener, int status)
{
    struct xmpp_server *server = listener->data;

    if (status) {
        VLOG_WARN_RL(&rl, "cannot accept a connection: %s",
                     uv_strerror(status));
        return;
    }
    struct xmpp_session *s = xzalloc(sizeof *s);
    s->server = server;
    ovs_list_push_back(&server->sessions, &s->node);
    s->transport = xmpp_transport_accept(listener, server->host,
                                         server->hold_ms, &transport_ops, s);
    if (!s->transport) {
        session_free(s);
        return;
    }
    if (server->tls) {
        struct tsn_tls *tls = tsn_tls_store_get(server->tls, tsn_now_ms());

        xmpp_transport_set_tls(s->transport, tls);
        tsn_tls_unref(tls);
    }
    server->n_unopened++;
    get_peer_ip(s->transport, &s->peer_ip);
    if (server->n_unopened > MAX_UNOPENED) {
        push_out_oldest(server);
    }
}

static void
listener_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct xmpp_server, listener));
}

struct xmpp_server *
xmpp_server_create(uv_loop_t *loop, const char *host,
                   const struct sockaddr_storage *address, uint32_t hold_ms,
                   const struct xmpp_server_ops *ops, void *aux,
                   struct tsn_err *err)
{
    struct xmpp_server *server = xzalloc(sizeof *server);

    server->host = xstrdup(host);
    server->hold_ms = hold_ms;
    server->ops = ops;
    server->aux = aux;
    ovs_list_init(&server->sessions);
    uv_tcp_init(loop, &server->listener);
    server->listener.data = server;

    int error = uv_tcp_bind(&server->listener,
                            (const struct sockaddr *) address, 0);
    if (!error) {
        error = uv_listen((uv_stream_t *) &server->listener, BACKLOG,
                          connection_cb);
    }
    if (error) {
        tsn_err_set(err, NULL, "cannot listen for XMPP sessions: %s",
                    uv_strerror(error));
        xmpp_server_destroy(server);
        return NULL;
    }
    return server;
}

void
xmpp_server_set_tls(struct xmpp_server *server, struct tsn_tls_store *tls)
{
    server->tls = tls;
}

void
xmpp_server_destroy(struct xmpp_server *server)
{
    struct xmpp_session *s, *next;

    if (!server) {
        return;
    }
    LIST_FOR_EACH_SAFE (s, next, node, &server->sessions) {
        xmpp_transport_abandon(s->transport);
        session_free(s);
    }
    free(server->host);
    server->host = NULL;
    uv_close((uv_handle_t *) &server->listener, listener_closed);
}

void
xmpp_server_set_restart_helper(struct xmpp_server *server, bool on)
{
    server->restart_helper = on;
}

void
xmpp_session_send(struct xmpp_session *s, const char *data, size_t size)
{
    xmpp_transport_send(s->transport, data, size);
}

size_t
xmpp_session_unsent(const struct xmpp_session *s)
{
    return xmpp_transport_unsent(s->transport);
}

void
xmpp_session_close(struct xmpp_session *s, enum xmpp_close_reason reason)
{
    xmpp_transport_close(s->transport, reason);
}

const char *
xmpp_session_name(const struct xmpp_session *s)
{
    return s->name;
}

const struct in6_addr *
xmpp_session_peer_ip(const struct xmpp_session *s)
{
    return &s->peer_ip;
}

uint64_t
xmpp_session_since_ms(const struct xmpp_session *s)
{
    return s->since_ms;
}

const struct xmpp_conn_counters *
xmpp_session_counters(const struct xmpp_session *s)
{
    return xmpp_conn_counters(xmpp_transport_conn(s->transport));
}

const struct tsn_tls_session *
xmpp_session_tls(const struct xmpp_session *s)
{
    return xmpp_conn_tls(xmpp_transport_conn(s->transport));
}

const char *
xmpp_session_explain(const struct xmpp_session *s,
                     enum xmpp_close_reason reason)
{
    return xmpp_conn_explain(xmpp_transport_conn(s->transport), reason);
}

void
xmpp_session_set_aux(struct xmpp_session *s, void *aux)
{
    s->aux = aux;
}

void *
xmpp_session_aux(const struct xmpp_session *s)
{
    return s->aux;
}
