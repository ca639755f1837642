/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners, and the ToRs that are served. */
#include <config.h>
#include "ovsdb-client/acceptor.h"
#include "ovsdb-client/acceptor-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "openvswitch/vlog.h"
#include "socket-util.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovc_acceptor_listen);

/* What lasts is said once a minute. */
static struct vlog_rate_limit error_rl = VLOG_RATE_LIMIT_INIT(1, 1);

/* Until connections are taken again, after too many or an error. */
#define RETRY_MS 50
/* Then the sessions have a turn. */
#define ACCEPTS_PER_TURN 32

static void ready_cb(uv_poll_t *, int status, int events);

struct ovc_acceptor *
ovc_acceptor_create(uv_loop_t *loop, struct tsn_tls_store *tls)
{
    struct ovc_acceptor *a = xzalloc(sizeof *a);

    a->loop = loop;
    a->tls = tls;
    ovs_list_init(&a->listeners);
    ovs_list_init(&a->pending);
    ovs_list_init(&a->waiting);
    ovs_list_init(&a->sessions);
    hmap_init(&a->sources);
    shash_init(&a->tors);
    a->timer = xmalloc(sizeof *a->timer);
    uv_timer_init(loop, a->timer);
    a->timer->data = a;
    a->tokens = OVC_ACCEPTOR_BURST;
    a->tokens_ms = tsn_now_ms();
    return a;
}

/* Accepting. */

/* At most so many in a second, so that handshakes leave time for sessions. */
static bool
has_token(struct ovc_acceptor *a)
{
    uint64_t now = tsn_now_ms();

    a->tokens += (now - a->tokens_ms) * (OVC_ACCEPTOR_RATE / 1000.0);
    a->tokens = MIN(a->tokens, OVC_ACCEPTOR_BURST);
    a->tokens_ms = now;
    return a->tokens >= 1;
}

static bool
is_trusted_proxy(const struct acc_listener *l, const struct in6_addr *ip)
{
    return !l->n_proxies || tsn_ip_is_in(l->proxies, l->n_proxies, ip);
}

/* Takes 'fd'. */
static void
take_connection(struct acc_listener *l, int fd,
                const struct sockaddr_storage *peer)
{
    struct acc_conn *c = acc_conn_create(l->acceptor);

    l->n_accepted++;
    c->listener = l;
    if (uv_tcp_open(&c->tcp, fd)) {
        close(fd);
        acc_conn_close(c, ACC_HUNG_UP, NULL);
        return;
    }
    c->peer = *peer;
    c->ip = ss_get_address(&c->peer);
    c->port = ss_get_port(&c->peer);
    acc_add_pending(c);
    if (l->proxy_protocol && !is_trusted_proxy(l, &c->ip)) {
        acc_conn_close(c, ACC_NOT_FROM_PROXY, NULL);
        return;
    }
    acc_conn_start(c);
}

static void
resume_cb(uv_timer_t *timer)
{
    struct ovc_acceptor *a = timer->data;
    struct acc_listener *l;

    LIST_FOR_EACH (l, node, &a->listeners) {
        if (l->waits) {
            l->waits = false;
            uv_poll_start(&l->poll, UV_READABLE, ready_cb);
        }
    }
}

/* Leaves what comes in the backlog for a while. */
static void
pause_listener(struct acc_listener *l)
{
    uv_timer_t *timer = l->acceptor->timer;

    l->waits = true;
    uv_poll_stop(&l->poll);
    if (!uv_is_active((uv_handle_t *) timer)) {
        uv_timer_start(timer, resume_cb, RETRY_MS, 0);
    }
}

/* What is wrong with one connection says nothing about the next (accept(2)):
 * returns true.  Out of descriptors or memory, the backlog is kept, sessions
 * go on, and what is silent makes room. */
static bool
go_on_after(struct acc_listener *l, int error)
{
    switch (error) {
    case EAGAIN:
        return false;
    case EINTR: case ECONNABORTED: case EPERM: case EPROTO: case ENOPROTOOPT:
    case ENETDOWN: case ENETUNREACH: case EHOSTDOWN: case EHOSTUNREACH:
    case ENONET: case EOPNOTSUPP:
        return true;
    default:
        l->n_errors++;
        VLOG_WARN_RL(&error_rl, "cannot accept connections listener=%s: %s",
                     l->name, ovs_strerror(error));
        acc_make_room(l->acceptor, NULL);
        pause_listener(l);
        return false;
    }
}

static void
ready_cb(uv_poll_t *poll, int status OVS_UNUSED, int events OVS_UNUSED)
{
    struct acc_listener *l = poll->data;

    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;

        if (!has_token(l->acceptor)) {
            pause_listener(l);
            return;
        }
        int fd = accept4(l->fd, (struct sockaddr *) &peer, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            l->acceptor->tokens--;
            take_connection(l, fd, &peer);
        } else if (!go_on_after(l, errno)) {
            return;
        }
    }
}

static void
listener_closed(uv_handle_t *handle)
{
    struct acc_listener *l = handle->data;

    free(l->name);
    free(l->tor);
    free(l->proxies);
    free(l->last_refusal);
    free(l);
}

/* Ends those in 'conns' that came by 'l', or NULL, or are of 'tor'. */
static void
stop_connections(struct ovs_list *conns, const struct acc_listener *l,
                 const struct acc_tor *tor)
{
    struct acc_conn *c, *next;

    LIST_FOR_EACH_SAFE (c, next, node, conns) {
        if ((l && c->listener == l) || (tor && c->tor == tor)) {
            acc_conn_close(c, ACC_STOPPED, NULL);
        }
    }
}

static void
close_listener(struct acc_listener *l)
{
    struct acc_conn *c;

    stop_connections(&l->acceptor->pending, l, NULL);
    stop_connections(&l->acceptor->waiting, l, NULL);
    LIST_FOR_EACH (c, node, &l->acceptor->sessions) {
        if (c->listener == l) {
            c->listener = NULL;
        }
    }
    ovs_list_remove(&l->node);
    uv_close((uv_handle_t *) &l->poll, listener_closed);
    close(l->fd);
}

/* Returns a descriptor or -errno. */
static int
open_listener(const struct sockaddr_storage *address)
{
    bool v6 = address->ss_family == AF_INET6;
    int fd = socket(address->ss_family,
                    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    /* IPV6_V6ONLY so that "0.0.0.0:6640" and "[::]:6640" can be listed
     * both. */
    if (fd < 0
        || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int) { 1 }, sizeof(int))
        || (v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int) { 1 },
                             sizeof(int)))
        || bind(fd, (const struct sockaddr *) address, ss_length(address))
        || listen(fd, OVC_ACCEPTOR_BACKLOG)) {
        int error = errno;

        if (fd >= 0) {
            close(fd);
        }
        return -error;
    }
    return fd;
}

int
ovc_acceptor_listen(struct ovc_acceptor *a,
                    const struct ovc_listener_config *config,
                    struct tsn_err *err)
{
    int fd = open_listener(&config->address);

    if (fd < 0) {
        tsn_err_set(err, config->name, "cannot listen for switches: %s",
                    ovs_strerror(-fd));
        return fd;
    }
    struct acc_listener *l = xzalloc(sizeof *l);
    int error = uv_poll_init_socket(a->loop, &l->poll, fd);
    if (error) {
        tsn_err_set(err, config->name, "cannot listen for switches: %s",
                    uv_strerror(error));
        close(fd);
        free(l);
        return error;
    }
    l->fd = fd;
    l->acceptor = a;
    l->name = xstrdup(config->name);
    l->tor = nullable_xstrdup(config->tor);
    l->tls = config->tls;
    l->proxy_protocol = config->proxy_protocol;
    l->n_proxies = config->n_proxies;
    l->proxies = l->n_proxies ? xmemdup(config->proxies, l->n_proxies
                                        * sizeof *l->proxies) : NULL;
    l->poll.data = l;
    ovs_list_push_back(&a->listeners, &l->node);
    uv_poll_start(&l->poll, UV_READABLE, ready_cb);
    return 0;
}

void
ovc_acceptor_unlisten(struct ovc_acceptor *a, const char *name)
{
    struct acc_listener *l, *next;

    LIST_FOR_EACH_SAFE (l, next, node, &a->listeners) {
        if (!l->tor && !strcmp(l->name, name)) {
            close_listener(l);
        }
    }
}

/* ToRs. */

void
ovc_acceptor_add_tor(struct ovc_acceptor *a,
                     const struct ovc_acceptor_tor *config)
{
    struct acc_tor *tor = xzalloc(sizeof *tor);

    tor->acceptor = a;
    tor->name = xstrdup(config->name);
    tor->n_switches = config->n_switches;
    tor->switches = xcalloc(config->n_switches, sizeof *tor->switches);
    for (size_t i = 0; i < config->n_switches; i++) {
        tor->switches[i] = xstrdup(config->switches[i]);
    }
    tor->certificate = nullable_xstrdup(config->certificate);
    tor->address = config->address;
    tor->socket = xstrdup(config->socket);
    tor->own_listener = config->own_listener || config->dial_tls;
    tor->dials = config->dial_tls;
    tor->dial = config->dial;
    tor->max_backoff_ms = MAX(config->max_backoff_ms,
                              OVC_ACCEPTOR_MIN_BACKOFF_MS);
    shash_add_assert(&a->tors, tor->name, tor);
    if (tor->dials) {
        acc_dial_start(tor);
    }
}

static void
remove_tor(struct ovc_acceptor *a, struct acc_tor *tor)
{
    struct acc_listener *l, *next;

    acc_dial_stop(tor);
    LIST_FOR_EACH_SAFE (l, next, node, &a->listeners) {
        if (l->tor && !strcmp(l->tor, tor->name)) {
            close_listener(l);
        }
    }
    stop_connections(&a->pending, NULL, tor);
    stop_connections(&a->waiting, NULL, tor);
    stop_connections(&a->sessions, NULL, tor);
    shash_find_and_delete_assert(&a->tors, tor->name);
    for (size_t i = 0; i < tor->n_switches; i++) {
        free(tor->switches[i]);
    }
    free(tor->switches);
    free(tor->name);
    free(tor->certificate);
    free(tor->socket);
    free(tor->last_close);
    free(tor->alarm);
    free(tor);
}

void
ovc_acceptor_remove_tor(struct ovc_acceptor *a, const char *name)
{
    struct acc_tor *tor = shash_find_data(&a->tors, name);

    if (tor) {
        remove_tor(a, tor);
    }
}

void
ovc_acceptor_set_max_backoff(struct ovc_acceptor *a, const char *name,
                             uint32_t max_backoff_ms)
{
    struct acc_tor *tor = shash_find_data(&a->tors, name);

    if (tor) {
        tor->max_backoff_ms = MAX(max_backoff_ms,
                                  OVC_ACCEPTOR_MIN_BACKOFF_MS);
    }
}

/* The end. */

static void
close_entrances(struct ovc_acceptor *a)
{
    struct acc_listener *l, *next;
    struct shash_node *node;

    a->finishing = true;
    LIST_FOR_EACH_SAFE (l, next, node, &a->listeners) {
        close_listener(l);
    }
    SHASH_FOR_EACH (node, &a->tors) {
        acc_dial_stop(node->data);
    }
}

void
acc_check_finished(struct ovc_acceptor *a)
{
    ovc_acceptor_done_fn *done = a->done;

    if (done && ovs_list_is_empty(&a->sessions)) {
        a->done = NULL;
        uv_timer_stop(a->timer);
        done(a->done_aux);
    }
}

static void
finish_timeout(uv_timer_t *timer)
{
    struct ovc_acceptor *a = timer->data;
    struct acc_conn *c, *next;

    LIST_FOR_EACH_SAFE (c, next, node, &a->sessions) {
        acc_conn_close(c, ACC_STOPPED, NULL);
    }
    acc_check_finished(a);
}

void
ovc_acceptor_finish(struct ovc_acceptor *a, uint32_t max_ms,
                    ovc_acceptor_done_fn *done, void *aux)
{
    close_entrances(a);
    a->done = done;
    a->done_aux = aux;
    uv_timer_start(a->timer, finish_timeout, max_ms, 0);
    acc_check_finished(a);
}

static void
timer_closed(uv_handle_t *handle)
{
    free(handle);
}

void
ovc_acceptor_destroy(struct ovc_acceptor *a)
{
    struct shash_node *node;

    if (!a) {
        return;
    }
    a->done = NULL;
    close_entrances(a);
    SHASH_FOR_EACH_SAFE (node, &a->tors) {
        remove_tor(a, node->data);
    }
    shash_destroy(&a->tors);
    hmap_destroy(&a->sources);
    uv_close((uv_handle_t *) a->timer, timer_closed);
    free(a);
}
