/* SPDX-License-Identifier: Apache-2.0 */
/* An acceptor on a loop of the test's own, peers that connect to it as
 * switches would, with or without TLS, and an end where the IDL of "tor1"
 * would be.  Everything is nonblocking and moves in rig_turn(). */
#ifndef TESTS_UNIT_ACCEPTOR_RIG_H
#define TESTS_UNIT_ACCEPTOR_RIG_H 1

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "ovsdb-client/acceptor.h"
#include "socket-util.h"
#include "tests/unit/pki.h"
#include "tsn/error.h"
#include "tsn/json.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "tsn/tls-store.h"
#include "tsn/tls.h"
#include "util.h"

/* A connection of the test: a switch's, or the one at the IDL's end. */
struct end {
    int fd;                     /* -1: none. */
    struct tsn_tls_session *tls;
    struct ds in;               /* Plaintext received. */
    bool deaf;                  /* It does not read. */
    bool closed;                /* By the other side. */
    struct ds unsent;
};

#define RIG_MAX_ENDS 8

struct rig {
    uv_loop_t loop;
    struct ovc_acceptor *acceptor;
    struct pki pki;
    struct tsn_tls_store *store;
    char dir[32];
    char *socket;               /* Of the IDL of "tor1". */
    int idl_listener;
    struct end *ends[RIG_MAX_ENDS];
    size_t n_ends;
    uint16_t port;              /* Of the last listener. */
};

static inline struct end *
rig_add_end(struct rig *rig, int fd)
{
    struct end *e = xzalloc(sizeof *e);

    assert_true(rig->n_ends < RIG_MAX_ENDS);
    set_nonblocking(fd);
    e->fd = fd;
    ds_init(&e->in);
    ds_init(&e->unsent);
    rig->ends[rig->n_ends++] = e;
    return e;
}

static inline void
end_hang_up(struct end *e)
{
    if (e->fd >= 0) {
        close(e->fd);
        e->fd = -1;
    }
}

static inline void
end_destroy(struct end *e)
{
    end_hang_up(e);
    tsn_tls_session_destroy(e->tls);
    ds_destroy(&e->in);
    ds_destroy(&e->unsent);
    free(e);
}

/* Hangs up the one that came last. */
static inline void
rig_drop_end(struct rig *rig, struct end *e)
{
    assert_ptr_equal(e, rig->ends[rig->n_ends - 1]);
    rig->n_ends--;
    end_destroy(e);
}

static inline void
end_flush(struct end *e)
{
    const void *data;
    size_t at = 0;

    if (e->tls) {
        size_t n = tsn_tls_output(e->tls, &data);
        ds_put_buffer(&e->unsent, data, n);
        tsn_tls_output_taken(e->tls, n);
    }
    while (e->fd >= 0 && at < e->unsent.length) {
        ssize_t n = send(e->fd, e->unsent.string + at, e->unsent.length - at,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n <= 0) {
            break;
        }
        at += n;
    }
    if (at) {
        e->unsent.length -= at;
        memmove(e->unsent.string, e->unsent.string + at, e->unsent.length);
    }
}

static inline void
end_take(struct end *e, const char *data, size_t size)
{
    char buf[TSN_TLS_RECORD_SIZE];
    struct tsn_err err;
    ssize_t n;

    if (!e->tls) {
        ds_put_buffer(&e->in, data, size);
        return;
    }
    tsn_tls_push(e->tls, data, size);
    int error = tsn_tls_handshake(e->tls, &err);
    if (!error) {
        while ((n = tsn_tls_read(e->tls, buf, sizeof buf, &err)) > 0) {
            ds_put_buffer(&e->in, buf, n);
        }
        e->closed = e->closed || n != -EAGAIN;
    } else if (error != -EAGAIN) {
        e->closed = true;
    }
}

static inline void
end_turn(struct end *e)
{
    static char buf[65536];

    end_flush(e);
    while (e->fd >= 0 && !e->deaf && !e->closed) {
        ssize_t n = recv(e->fd, buf, sizeof buf, MSG_DONTWAIT);
        if (n > 0) {
            end_take(e, buf, n);
        } else {
            e->closed = !n || (errno != EAGAIN && errno != EINTR);
            break;
        }
    }
    end_flush(e);
}

static inline void
end_send_n(struct end *e, const void *data, size_t size)
{
    struct tsn_err err;

    if (!e->tls) {
        ds_put_buffer(&e->unsent, data, size);
    }
    for (size_t at = 0; e->tls && at < size; ) {
        size_t n = MIN(size - at, TSN_TLS_MAX_WRITE);
        assert_int_equal(tsn_tls_write(e->tls, (const char *) data + at, n,
                                       &err), 0);
        at += n;
        end_flush(e);
    }
    end_flush(e);
}

static inline void
end_send(struct end *e, const char *text)
{
    end_send_n(e, text, strlen(text));
}

static inline const char *
end_text(struct end *e)
{
    return ds_cstr(&e->in);
}

static inline bool
end_has(struct end *e, const char *text)
{
    return e->in.length && memmem(e->in.string, e->in.length, text,
                                  strlen(text));
}

static inline void
rig_turn(struct rig *rig)
{
    struct pollfd pfd = { .fd = uv_backend_fd(&rig->loop), .events = POLLIN };

    uv_run(&rig->loop, UV_RUN_NOWAIT);
    for (size_t i = 0; i < rig->n_ends; i++) {
        end_turn(rig->ends[i]);
    }
    poll(&pfd, 1, 1);
    uv_run(&rig->loop, UV_RUN_NOWAIT);
}

#define RIG_MS 20000
#define RIG_UNTIL(RIG, COND)                                            \
    do {                                                                \
        uint64_t deadline__ = tsn_now_ms() + RIG_MS;                    \
        while (!(COND)) {                                               \
            if (tsn_now_ms() > deadline__) {                            \
                rig_dump(RIG);                                          \
                fail_msg("never happened: %s", #COND);                  \
            }                                                           \
            rig_turn(RIG);                                              \
        }                                                               \
    } while (0)

static inline struct json *
rig_show(struct rig *rig)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    struct tsn_json json;

    tsn_json_init(&json, &text);
    tsn_json_object_begin(&json, NULL);
    ovc_acceptor_show(rig->acceptor, &json);
    tsn_json_object_end(&json);
    struct json *status = json_from_string(ds_cstr(&text));
    ds_destroy(&text);
    return status;
}

static inline void
rig_dump(struct rig *rig)
{
    struct json *status = rig_show(rig);
    char *text = json_to_string(status, JSSF_PRETTY);

    fprintf(stderr, "%s\n", text);
    free(text);
    json_destroy(status);
}

/* The member of the first listener, or of the session of the tor of that name
 * ("tor1"), as text: "" if it is null or not there; valid until the next
 * call.  "refused" and the like are followed by what is in them:
 * "refused.hung_up". */
static inline const char *
rig_status(struct rig *rig, const char *tor, const char *member)
{
    static char buf[1024];
    struct json *status = rig_show(rig);
    const struct json *found = NULL, *array;
    const char *dot = strchr(member, '.');

    array = shash_find_data(json_object(status),
                            tor ? "sessions" : "listeners");
    for (size_t i = 0; i < json_array(array)->n; i++) {
        const struct shash *o = json_object(json_array(array)->elems[i]);
        const struct json *name = shash_find_data(o, "tor");

        if (tor && strcmp(json_string(name), tor)) {
            continue;
        }
        char *first = xmemdup0(member, dot ? (size_t) (dot - member)
                                           : strlen(member));
        found = shash_find_data(o, first);
        free(first);
        if (found && dot) {
            found = shash_find_data(json_object(found), dot + 1);
        }
        break;
    }
    buf[0] = '\0';
    if (found && found->type == JSON_STRING) {
        snprintf(buf, sizeof buf, "%s", json_string(found));
    } else if (found && found->type == JSON_INTEGER) {
        snprintf(buf, sizeof buf, "%lld", (long long) json_integer(found));
    }
    json_destroy(status);
    return buf;
}

static inline unsigned long
rig_count(struct rig *rig, const char *tor, const char *member)
{
    return strtoul(rig_status(rig, tor, member), NULL, 10);
}

/* A port that nobody has. */
static inline uint16_t
free_port(void)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *) &sin, sizeof sin), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &sin, &len), 0);
    close(fd);
    return ntohs(sin.sin_port);
}

/* Listens on 127.0.0.1. */
static inline void
rig_listen(struct rig *rig, struct ovc_listener_config config)
{
    struct tsn_err err;

    rig->port = free_port();
    config.name = config.name ? config.name : "test";
    tsn_sockaddr_parse("127.0.0.1", rig->port, &config.address);
    if (ovc_acceptor_listen(rig->acceptor, &config, &err)) {
        fail_msg("%s", tsn_err_format(&err));
    }
}

static inline void
rig_add_tor(struct rig *rig, struct ovc_acceptor_tor tor)
{
    const char *switches[] = { tor.name };

    if (!tor.switches) {
        tor.switches = switches;
        tor.n_switches = 1;
    }
    tor.socket = tor.socket ? tor.socket : rig->socket;
    ovc_acceptor_add_tor(rig->acceptor, &tor);
}

static inline void
rig_listen_idl(struct rig *rig)
{
    rig->idl_listener = make_unix_socket(SOCK_STREAM, true, rig->socket,
                                         NULL);
    assert_true(rig->idl_listener >= 0);
    assert_int_equal(listen(rig->idl_listener, 8), 0);
}

/* Waits for the next connection at the IDL's end. */
static inline struct end *
rig_accept(struct rig *rig)
{
    int fd = -1;

    RIG_UNTIL(rig, (fd = accept(rig->idl_listener, NULL, NULL)) >= 0);
    return rig_add_end(rig, fd);
}

static inline bool
rig_has_idl_connection(struct rig *rig)
{
    struct pollfd pfd = { .fd = rig->idl_listener, .events = POLLIN };

    return poll(&pfd, 1, 0) == 1;
}

/* Connects from 127.0.0.N; with the certificate 'name', signed by "ca", or in
 * the clear for NULL. */
static inline struct end *
rig_connect(struct rig *rig, int n, const char *name)
{
    struct sockaddr_in from = { .sin_family = AF_INET },
                       to = { .sin_family = AF_INET,
                              .sin_port = htons(rig->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct tsn_err err;

    from.sin_addr.s_addr = htonl(0x7f000000 + n);
    assert_int_equal(bind(fd, (struct sockaddr *) &from, sizeof from), 0);
    assert_int_equal(connect(fd, (struct sockaddr *) &to, sizeof to), 0);
    struct end *e = rig_add_end(rig, fd);
    if (name) {
        struct tsn_tls *tls = pki_load(&rig->pki, name, "ca");
        e->tls = tsn_tls_session_create(tls, TSN_TLS_CLIENT);
        tsn_tls_unref(tls);
        tsn_tls_handshake(e->tls, &err);
    }
    return e;
}

#define DBS "{\"id\":\"tsn-list-dbs\",\"error\":null,\"result\":" \
            "[\"hardware_vtep\",\"_Server\"]}"
#define NAMES(ROWS) "{\"id\":\"tsn-select\",\"error\":null,\"result\":" \
                    "[{\"rows\":[" ROWS "]}]}"
#define TOR1 NAMES("{\"name\":\"tor1\"}")

/* Answers the questions as the switch of 'names' (NAMES()), or if NULL only
 * the first; what was asked is gone from 'in'. */
static inline void
rig_identify(struct rig *rig, struct end *e, const char *names)
{
    RIG_UNTIL(rig, end_has(e, "list_dbs"));
    ds_clear(&e->in);
    end_send(e, DBS);
    if (names) {
        RIG_UNTIL(rig, end_has(e, "Physical_Switch"));
        ds_clear(&e->in);
        end_send(e, names);
    }
}

/* A session of "tor1" from 127.0.0.N; '*idlp' is the IDL's end. */
static inline struct end *
rig_session(struct rig *rig, int n, const char *certificate,
            struct end **idlp)
{
    struct end *sw = rig_connect(rig, n, certificate);

    rig_identify(rig, sw, TOR1);
    *idlp = rig_accept(rig);
    return sw;
}

/* Bytes go both ways. */
static inline void
rig_check_session(struct rig *rig, struct end *sw, struct end *idl)
{
    ds_clear(&sw->in);
    ds_clear(&idl->in);
    end_send(sw, "{\"up\":1}");
    end_send(idl, "{\"down\":2}");
    RIG_UNTIL(rig, end_has(idl, "{\"up\":1}") && end_has(sw, "{\"down\":2}"));
    assert_string_equal(end_text(idl), "{\"up\":1}");
    assert_string_equal(end_text(sw), "{\"down\":2}");
}

static inline int
rig_setup(void **state)
{
    struct rig *rig = xzalloc(sizeof *rig);

    uv_loop_init(&rig->loop);
    strcpy(rig->dir, "/tmp/tsn-acc-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    rig->socket = xasprintf("%s/tor1.sock", rig->dir);
    rig_listen_idl(rig);
    rig->acceptor = ovc_acceptor_create(&rig->loop, NULL);
    *state = rig;
    return 0;
}

/* Likewise, with certificates "tsn", "tor1", "tor2" of "ca". */
static inline int
rig_setup_tls(void **state)
{
    struct tsn_tls_files files;
    struct tsn_err err;

    rig_setup(state);
    struct rig *rig = *state;
    pki_init(&rig->pki);
    pki_make_ca(&rig->pki, "ca", NULL);
    pki_make(&rig->pki, "tsn", "ca", PKI_VALID);
    pki_make(&rig->pki, "tor1", "ca", PKI_VALID);
    pki_make(&rig->pki, "tor2", "ca", PKI_VALID);
    files = pki_files(&rig->pki, "tsn", "ca");
    files.require_peer_certificate = true;
    assert_int_equal(tsn_tls_store_create(&files, &rig->store, &err), 0);
    ovc_acceptor_destroy(rig->acceptor);
    rig->acceptor = ovc_acceptor_create(&rig->loop, rig->store);
    return 0;
}

static inline int
rig_teardown(void **state)
{
    struct rig *rig = *state;

    ovc_acceptor_destroy(rig->acceptor);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    for (size_t i = 0; i < rig->n_ends; i++) {
        end_destroy(rig->ends[i]);
    }
    close(rig->idl_listener);
    unlink(rig->socket);
    rmdir(rig->dir);
    free(rig->socket);
    if (rig->store) {
        tsn_tls_store_destroy(rig->store);
        pki_fini(&rig->pki);
    }
    free(rig);
    return 0;
}

#define RIG_TEST(FUNCTION) \
    cmocka_unit_test_setup_teardown(FUNCTION, rig_setup, rig_teardown)
#define RIG_TLS_TEST(FUNCTION) \
    cmocka_unit_test_setup_teardown(FUNCTION, rig_setup_tls, rig_teardown)

#endif /* tests/unit/acceptor_rig.h */
