/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that we make to switches that want TLS.  The same bytes run as
 * in the other direction; libopenvswitch's own TLS has one certificate for
 * the process, and reads it in the thread of the ToRs. */
#include <config.h>
#include "ovsdb-client/acceptor-private.h"

#include <errno.h>
#include <stdlib.h>

#include "socket-util.h"
#include "util.h"

/* Outlives the ToR until the loop has closed the timer. */
struct acc_redial {
    uv_timer_t timer;
    struct acc_tor *tor;
};

static void
dial(struct acc_tor *tor)
{
    struct acc_conn *c = acc_conn_create(tor->acceptor);

    tor->dialing = c;
    c->tor = tor;
    c->state = ACC_CONNECTING;
    c->peer = tor->dial;
    c->ip = ss_get_address(&tor->dial);
    c->port = ss_get_port(&tor->dial);
    acc_conn_set_timer(c, OVC_ACCEPTOR_IDENTIFY_MS);
    int error = uv_tcp_connect(&c->connect, &c->tcp,
                               (const struct sockaddr *) &c->peer,
                               acc_dial_cb);
    if (error) {
        acc_conn_close(c, ACC_UNREACHABLE, "%s", uv_strerror(error));
    }
}

void
acc_dial_cb(uv_connect_t *req, int status)
{
    struct acc_conn *c = req->data;

    if (c->state == ACC_CLOSING) {
        return;
    }
    if (status) {
        acc_conn_close(c, ACC_UNREACHABLE, "%s", uv_strerror(status));
    } else {
        acc_conn_start(c);
    }
}

static void
redial_cb(uv_timer_t *timer)
{
    struct acc_redial *redial = CONTAINER_OF(timer, struct acc_redial, timer);

    dial(redial->tor);
}

/* As the ToRs do that connect without TLS: a session that lasted longer than
 * the wait before it starts the waits anew (reconnect.c). */
void
acc_dial_again(struct acc_tor *tor, uint64_t session_ms)
{
    if (!tor->redial || tor->acceptor->finishing) {
        return;
    }
    if (session_ms > tor->backoff_ms || !tor->backoff_ms) {
        tor->backoff_ms = OVC_ACCEPTOR_MIN_BACKOFF_MS;
    } else {
        tor->backoff_ms = MIN(2 * tor->backoff_ms, tor->max_backoff_ms);
    }
    uv_timer_start(&tor->redial->timer, redial_cb, tor->backoff_ms, 0);
}

void
acc_dial_start(struct acc_tor *tor)
{
    tor->redial = xzalloc(sizeof *tor->redial);
    tor->redial->tor = tor;
    uv_timer_init(tor->acceptor->loop, &tor->redial->timer);
    uv_timer_start(&tor->redial->timer, redial_cb, 0, 0);
}

static void
redial_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct acc_redial, timer));
}

void
acc_dial_stop(struct acc_tor *tor)
{
    if (tor->redial) {
        uv_close((uv_handle_t *) &tor->redial->timer, redial_closed);
        tor->redial = NULL;
    }
    if (tor->dialing) {
        acc_conn_close(tor->dialing, ACC_STOPPED, NULL);
    }
}
