/* SPDX-License-Identifier: Apache-2.0 */
/* Which sessions a server opens: the table of spec/xmpp-protocol.md 1.9, with
 * sockets on loopback in one loop. */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/server.h"
#include "xmpp/stanza.h"

#define TIMEOUT_MS 20000
#define HERE "127.0.0.1"
#define ELSEWHERE "127.0.0.2"

struct rig {
    uv_loop_t loop;
    struct xmpp_server *server;
    uint16_t port;
    struct ds log;              /* What the server's owner was told. */
    const char *away;           /* A name that only HERE may use. */
};

static struct rig rig;

static bool
admits(void *aux, const char *name, const struct in6_addr *ip)
{
    char text[TSN_IP_STRLEN];

    assert_ptr_equal(aux, &rig);
    return !rig.away || strcmp(rig.away, name)
           || !strcmp(tsn_ip_format(ip, text), HERE);
}

static void
opened(void *aux, struct xmpp_session *s)
{
    char text[TSN_IP_STRLEN];

    ds_put_format(&rig.log, "+%s@%s ", xmpp_session_name(s),
                  tsn_ip_format(xmpp_session_peer_ip(s), text));
}

static void
stanza(void *aux, struct xmpp_session *s, const struct xmpp_stanza *st)
{
    ds_put_format(&rig.log, "%s:%s ", xmpp_session_name(s), st->node);
}

static void
closed(void *aux, struct xmpp_session *s, enum xmpp_close_reason reason)
{
    ds_put_format(&rig.log, "-%s(%s) ", xmpp_session_name(s),
                  xmpp_close_reason_name(reason));
}

static int
setup(void **state)
{
    static const struct xmpp_server_ops ops = {
        .admits = admits, .opened = opened, .stanza = stanza,
        .closed = closed,
    };
    struct sockaddr_in sin = { .sin_family = AF_INET };
    struct sockaddr_storage ss;
    socklen_t len = sizeof sin;
    struct tsn_err err;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    assert_int_equal(bind(fd, (struct sockaddr *) &sin, sizeof sin), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &sin, &len), 0);
    close(fd);
    memset(&rig, 0, sizeof rig);
    rig.port = ntohs(sin.sin_port);
    uv_loop_init(&rig.loop);
    tsn_sockaddr_parse("0.0.0.0", rig.port, &ss);
    rig.server = xmpp_server_create(&rig.loop, "ctrl1", &ss, XMPP_HOLD_MS,
                                    &ops, &rig, &err);
    assert_non_null(rig.server);
    return 0;
}

static int
teardown(void **state)
{
    xmpp_server_destroy(rig.server);
    while (uv_run(&rig.loop, UV_RUN_NOWAIT)) {
        continue;
    }
    assert_int_equal(uv_loop_close(&rig.loop), 0);
    ds_destroy(&rig.log);
    return 0;
}

/* A client of that name, from that address, that has sent its header. */
static int
connect_as(const char *name, const char *from)
{
    struct sockaddr_in sin = { .sin_family = AF_INET };
    struct ds header = DS_EMPTY_INITIALIZER;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, from, &sin.sin_addr);
    assert_int_equal(bind(fd, (struct sockaddr *) &sin, sizeof sin), 0);
    inet_pton(AF_INET, HERE, &sin.sin_addr);
    sin.sin_port = htons(rig.port);
    assert_int_equal(connect(fd, (struct sockaddr *) &sin, sizeof sin), 0);
    xmpp_put_client_header(&header, name, NULL);
    assert_int_equal(send(fd, header.string, header.length, 0),
                     header.length);
    ds_destroy(&header);
    return fd;
}

/* Runs the loop until the client can read, and returns how many bytes: 0 if it
 * has been closed. */
static ssize_t
await(int fd)
{
    uint64_t end = tsn_now_ms() + TIMEOUT_MS;

    while (tsn_now_ms() < end) {
        char buf[1024];
        ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);

        if (n >= 0 || errno != EAGAIN) {
            return MAX(n, 0);
        }
        uv_run(&rig.loop, UV_RUN_NOWAIT);
        usleep(100);
    }
    fail_msg("nothing came");
    return -1;
}

static int
open_as(const char *name, const char *from)
{
    int fd = connect_as(name, from);

    assert_true(await(fd) > 0);
    return fd;
}

static void
is_refused(const char *name, const char *from)
{
    int fd = connect_as(name, from);

    assert_int_equal(await(fd), 0);
    close(fd);
}

/* Runs the loop until the owner was told so much since the last time. */
static void
expect_log(const char *expected)
{
    uint64_t end = tsn_now_ms() + TIMEOUT_MS;

    while (rig.log.length < strlen(expected) && tsn_now_ms() < end) {
        uv_run(&rig.loop, UV_RUN_NOWAIT);
    }
    assert_string_equal(ds_cstr(&rig.log), expected);
    ds_clear(&rig.log);
}

/* The session still is one: what it sends arrives. */
static void
is_served(int fd, const char *name)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    char *expected = xasprintf("%s:x ", name);

    xmpp_put_subscribe(&ds, name, true, "x", 1, 0);
    assert_int_equal(send(fd, ds.string, ds.length, 0), ds.length);
    expect_log(expected);
    free(expected);
    ds_destroy(&ds);
}

static void
name__in_use__newcomer_is_refused(void **state)
{
    int first = open_as("a", HERE);

    expect_log("+a@" HERE " ");
    is_refused("a", HERE);
    is_refused("a", ELSEWHERE);
    is_served(first, "a");
    close(first);
    expect_log("-a(closed by peer) ");
    close(open_as("a", ELSEWHERE));
    expect_log("+a@" ELSEWHERE " -a(closed by peer) ");
}

static void
name__in_use_and_helper__both_go_and_the_next_is_let_in(void **state)
{
    int first;

    xmpp_server_set_restart_helper(rig.server, true);
    first = open_as("a", HERE);
    expect_log("+a@" HERE " ");
    is_refused("a", HERE);
    assert_int_equal(await(first), 0);
    close(first);
    expect_log("-a(name already in use) ");
    first = open_as("a", HERE);
    expect_log("+a@" HERE " ");
    is_served(first, "a");
    close(first);
}

static void
name__in_use_and_helper__nobody_else_can_end_it(void **state)
{
    xmpp_server_set_restart_helper(rig.server, true);
    int first = open_as("a", HERE);

    expect_log("+a@" HERE " ");
    is_refused("a", ELSEWHERE);
    is_served(first, "a");
    close(first);
}

static void
name__of_one_away__owner_decides(void **state)
{
    rig.away = "a";
    is_refused("a", ELSEWHERE);
    int b = open_as("b", ELSEWHERE);
    int a = open_as("a", HERE);

    expect_log("+b@" ELSEWHERE " +a@" HERE " ");
    close(a);
    close(b);
}

static void
names__many_from_one_address__all_served(void **state)
{
    int fds[20];

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        char name[16];

        snprintf(name, sizeof name, "agent-%"PRIuSIZE, i);
        fds[i] = open_as(name, HERE);
    }
    ds_clear(&rig.log);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        char name[16];

        snprintf(name, sizeof name, "agent-%"PRIuSIZE, i);
        is_served(fds[i], name);
        close(fds[i]);
        char *expected = xasprintf("-%s(closed by peer) ", name);
        expect_log(expected);
        free(expected);
    }
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(name__in_use__newcomer_is_refused),
        TEST(name__in_use_and_helper__both_go_and_the_next_is_let_in),
        TEST(name__in_use_and_helper__nobody_else_can_end_it),
        TEST(name__of_one_away__owner_decides),
        TEST(names__many_from_one_address__all_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
