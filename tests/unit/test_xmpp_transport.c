/* SPDX-License-Identifier: Apache-2.0 */
/* Two transports over loopback: what their timers are set to, and what they
 * tell when the socket fails. */
#include <config.h>

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/vlog.h"
#include "tests/unit/pki.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "tsn/tls.h"
#include "util.h"
#include "xmpp/stanza.h"
#include "xmpp/transport.h"

#define PATIENCE_MS 20000

/* libuv's, which fail when the test says so: in the place of a socket that the
 * peer has reset. */

static bool writes_fail;

int
uv_try_write(uv_stream_t *stream, const uv_buf_t bufs[], unsigned int n)
{
    int (*real)(uv_stream_t *, const uv_buf_t[], unsigned int)
        = dlsym(RTLD_NEXT, "uv_try_write");

    return writes_fail ? UV_EPIPE : real(stream, bufs, n);
}

int
uv_write(uv_write_t *req, uv_stream_t *stream, const uv_buf_t bufs[],
         unsigned int n, uv_write_cb cb)
{
    int (*real)(uv_write_t *, uv_stream_t *, const uv_buf_t[], unsigned int,
                uv_write_cb) = dlsym(RTLD_NEXT, "uv_write");

    return writes_fail ? UV_EPIPE : real(req, stream, bufs, n, cb);
}

struct side {
    struct xmpp_transport *transport;   /* NULL: closed. */
    enum xmpp_close_reason reason;
};

struct pair {
    uv_loop_t loop;
    uv_tcp_t listener;
    uint32_t hold_ms;
    struct tsn_tls *tls;        /* Or NULL. */
    struct side client, server;
};

static bool
side_opened(void *side OVS_UNUSED, const char *name OVS_UNUSED)
{
    return true;
}

static void
side_stanza(void *side OVS_UNUSED, const struct xmpp_stanza *st OVS_UNUSED)
{
}

static void
side_closed(void *side_, enum xmpp_close_reason reason)
{
    struct side *side = side_;

    side->transport = NULL;
    side->reason = reason;
}

static const struct xmpp_transport_ops side_ops = {
    .opened = side_opened,
    .stanza = side_stanza,
    .closed = side_closed,
};

static bool
is_open(const struct side *side)
{
    return side->transport
           && xmpp_conn_is_open(xmpp_transport_conn(side->transport));
}

static void
accept_cb(uv_stream_t *listener, int status)
{
    struct pair *p = listener->data;

    assert_int_equal(status, 0);
    p->server.transport = xmpp_transport_accept(listener, "ctrl1", p->hold_ms,
                                                &side_ops, &p->server);
    assert_non_null(p->server.transport);
    if (p->tls) {
        xmpp_transport_set_tls(p->server.transport, p->tls);
    }
}

static void
wake(uv_timer_t *timer OVS_UNUSED)
{
}

/* Runs the loop until EXPR. */
#define RUN_UNTIL(P, EXPR)                                              \
    do {                                                                \
        uint64_t end_ = tsn_now_ms() + PATIENCE_MS;                     \
        uv_timer_t timer_;                                              \
        uv_timer_init(&(P)->loop, &timer_);                             \
        uv_timer_start(&timer_, wake, 10, 10);                          \
        while (!(EXPR) && tsn_now_ms() < end_) {                        \
            uv_run(&(P)->loop, UV_RUN_ONCE);                            \
        }                                                               \
        uv_close((uv_handle_t *) &timer_, NULL);                        \
        uv_run(&(P)->loop, UV_RUN_NOWAIT);                              \
        assert_true(EXPR);                                              \
    } while (0)

/* Takes over 'tls'.  Both sides are open in the end. */
static void
pair_open(struct pair *p, uint32_t hold_ms, struct tsn_tls *tls)
{
    struct sockaddr_storage address;
    int len = sizeof address;

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    writes_fail = false;
    *p = (struct pair) { .hold_ms = hold_ms, .tls = tls };
    uv_loop_init(&p->loop);
    uv_tcp_init(&p->loop, &p->listener);
    p->listener.data = p;
    tsn_sockaddr_parse("127.0.0.1", 0, &address);
    assert_int_equal(uv_tcp_bind(&p->listener, (struct sockaddr *) &address,
                                 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *) &p->listener, 1, accept_cb),
                     0);
    uv_tcp_getsockname(&p->listener, (struct sockaddr *) &address, &len);

    p->client.transport = xmpp_transport_connect(&p->loop, &address, "tor1",
                                                 hold_ms, PATIENCE_MS,
                                                 &side_ops, &p->client);
    if (tls) {
        xmpp_transport_set_tls(p->client.transport, tls);
    }
    RUN_UNTIL(p, is_open(&p->client) && is_open(&p->server));
}

static void
pair_close(struct pair *p)
{
    xmpp_transport_abandon(p->client.transport);
    xmpp_transport_abandon(p->server.transport);
    uv_close((uv_handle_t *) &p->listener, NULL);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&p->loop), 0);
    tsn_tls_unref(p->tls);
}

static void
find_first(uv_handle_t *handle, void *first_)
{
    uint64_t *first = first_;

    if (handle->type == UV_TIMER && uv_is_active(handle)
        && !uv_timer_get_repeat((uv_timer_t *) handle)) {
        *first = MIN(*first,
                     uv_timer_get_due_in((const uv_timer_t *) handle));
    }
}

/* Milliseconds to the first timer of either side. */
static uint64_t
first_timer(struct pair *p)
{
    uint64_t first = UINT64_MAX;

    uv_walk(&p->loop, find_first, &first);
    return first;
}

static void
timer__stanza_begins__due_when_it_must_have_ended(void **state OVS_UNUSED)
{
    static const char begun[] = "<iq ";
    struct pair p;

    /* Keepalives every 10 minutes. */
    pair_open(&p, 1800000, NULL);
    RUN_UNTIL(&p, first_timer(&p) > 500000);
    xmpp_transport_send(p.client.transport, begun, sizeof begun - 1);
    RUN_UNTIL(&p, first_timer(&p) <= XMPP_STANZA_MS + 1000);
    pair_close(&p);
}

/* The reason is what the owner has said or the session has found, not that
 * its last words could not be sent. */
static void
close__last_write_fails__first_reason_is_told(void **state OVS_UNUSED)
{
    struct pki pki;
    struct pair p;

    pki_init(&pki);
    pki_make_ca(&pki, "ca", NULL);
    pki_make(&pki, "tor1", "ca", PKI_VALID);
    pair_open(&p, XMPP_HOLD_MS, pki_load(&pki, "tor1", "ca"));
    writes_fail = true;
    xmpp_transport_close(p.client.transport, XMPP_CLOSE_LOCAL);
    RUN_UNTIL(&p, !p.client.transport);
    assert_int_equal(p.client.reason, XMPP_CLOSE_LOCAL);
    writes_fail = false;
    pair_close(&p);
    pki_fini(&pki);
}

static void
send__write_fails__closed_by_peer(void **state OVS_UNUSED)
{
    struct pair p;

    pair_open(&p, XMPP_HOLD_MS, NULL);
    writes_fail = true;
    xmpp_transport_send(p.client.transport, " ", 1);
    RUN_UNTIL(&p, !p.client.transport);
    assert_int_equal(p.client.reason, XMPP_CLOSE_BY_PEER);
    writes_fail = false;
    pair_close(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timer__stanza_begins__due_when_it_must_have_ended),
        cmocka_unit_test(close__last_write_fails__first_reason_is_told),
        cmocka_unit_test(send__write_fails__closed_by_peer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
