/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/ctl.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "tsn/ctl-request.h"
#include "tsn/error.h"
#include "tsn/json.h"
#include "tsn/loop.h"
#include "util.h"

/* A test that hangs ends the program. */
#define HANG_S 60

#define BIG_REPLY (8 * 1024 * 1024)

static char dir[] = "/tmp/tsn-ctl.XXXXXX";

/* Server and clients are in one thread. */
struct rig {
    struct tsn_loop *loop;
    struct tsn_ctl *ctl;
    char *path;
    struct tsn_ctl_call *held;  /* Of command "hold". */
    int n_held;
    int fd;                     /* The client in hand, or -1. */
    struct ds reply;            /* What it got. */
};

static void
echo_cb(struct tsn_ctl_call *call, int argc, char *argv[], void *aux)
{
    struct tsn_json *json = tsn_ctl_reply(call);

    tsn_json_array_begin(json, "result");
    tsn_json_string(json, NULL, aux);
    for (int i = 0; i < argc; i++) {
        tsn_json_string(json, NULL, argv[i]);
    }
    tsn_json_array_end(json);
    tsn_ctl_finish(call);
}

static void
fail_cb(struct tsn_ctl_call *call, int argc, char *argv[], void *aux)
{
    tsn_json_string(tsn_ctl_reply(call), "result", "half a reply");
    tsn_ctl_error(call, "first");
    tsn_ctl_error(call, "no \"%s\"", "x");
    tsn_ctl_finish(call);
}

static void
hold_cb(struct tsn_ctl_call *call, int argc, char *argv[], void *rig_)
{
    struct rig *rig = rig_;

    rig->held = call;
    rig->n_held++;
}

static void
big_cb(struct tsn_ctl_call *call, int argc, char *argv[], void *aux)
{
    char *big = xmalloc(BIG_REPLY + 1);

    memset(big, 'x', BIG_REPLY);
    big[BIG_REPLY] = '\0';
    tsn_json_string(tsn_ctl_reply(call), "result", big);
    free(big);
    tsn_ctl_finish(call);
}

/* Turns the loop by hand, as its stop would be for good. */
static void
turn_until(struct rig *rig, bool (*until)(struct rig *))
{
    while (!until(rig)) {
        uv_run(tsn_loop_uv(rig->loop), UV_RUN_NOWAIT);
        usleep(200);
    }
}

static int
setup(void **state)
{
    struct rig *rig = xzalloc(sizeof *rig);
    struct tsn_err err;

    alarm(HANG_S);
    rig->path = xasprintf("%s/x.ctl", dir);
    rig->loop = tsn_loop_create("test");
    rig->ctl = tsn_ctl_create(rig->loop, rig->path, &err);
    if (!rig->ctl) {
        fail_msg("%s", tsn_err_format(&err));
    }
    ds_init(&rig->reply);
    rig->fd = -1;
    tsn_ctl_register(rig->ctl, "show", "show ...", 0, 3, echo_cb,
                     CONST_CAST(char *, "show"));
    tsn_ctl_register(rig->ctl, "show tors", "show tors [NAME]", 0, 1,
                     echo_cb, CONST_CAST(char *, "show tors"));
    tsn_ctl_register(rig->ctl, "need two", "need two A B", 2, 2, echo_cb,
                     CONST_CAST(char *, "need two"));
    tsn_ctl_register(rig->ctl, "fail", "fail", 0, 0, fail_cb, NULL);
    tsn_ctl_register(rig->ctl, "hold", "hold", 0, 0, hold_cb, rig);
    tsn_ctl_register(rig->ctl, "big", "big", 0, 0, big_cb, NULL);
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    if (rig->fd >= 0) {
        close(rig->fd);
    }
    tsn_ctl_destroy(rig->ctl);
    tsn_loop_destroy(rig->loop);
    ds_destroy(&rig->reply);
    free(rig->path);
    free(rig);
    alarm(0);
    return 0;
}

static int
client_connect(struct rig *rig)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    strcpy(sun.sun_path, rig->path);
    assert_int_equal(connect(fd, (struct sockaddr *) &sun, sizeof sun), 0);
    return fd;
}

static void
client_send(int fd, const void *data, size_t size)
{
    assert_int_equal(send(fd, data, size, MSG_NOSIGNAL), size);
}

/* Reads what there is; true at the end. */
static bool
is_closed(struct rig *rig)
{
    char buf[65536];
    ssize_t n;

    while ((n = recv(rig->fd, buf, sizeof buf, 0)) > 0) {
        ds_put_buffer(&rig->reply, buf, n);
    }
    return !n || errno == ECONNRESET;
}

static void
await_reply(struct rig *rig)
{
    ds_clear(&rig->reply);
    turn_until(rig, is_closed);
    close(rig->fd);
    rig->fd = -1;
}

/* Sends 'request' and returns the reply. */
static const char *
ask_size(struct rig *rig, const char *request, size_t size)
{
    rig->fd = client_connect(rig);
    client_send(rig->fd, request, size);
    await_reply(rig);
    return ds_cstr(&rig->reply);
}

static const char *
ask(struct rig *rig, const char *request)
{
    return ask_size(rig, request, strlen(request));
}

static void
ctl__commands__longest_match_gets_the_rest(void **state)
{
    struct rig *rig = *state;

    assert_string_equal(ask(rig, "show\n"),
                        "{\"ok\":true,\"result\":[\"show\"]}\n");
    assert_string_equal(ask(rig, "show x tors\n"),
                        "{\"ok\":true,\"result\":[\"show\",\"x\","
                        "\"tors\"]}\n");
    assert_string_equal(ask(rig, "show tors\n"),
                        "{\"ok\":true,\"result\":[\"show tors\"]}\n");
    assert_string_equal(ask(rig, "  show \t tors   tor1 \r\nmore\n"),
                        "{\"ok\":true,\"result\":[\"show tors\","
                        "\"tor1\"]}\n");
    assert_string_equal(ask(rig, "show torsx\n"),
                        "{\"ok\":true,\"result\":[\"show\",\"torsx\"]}\n");
}

static void
ctl__wrong_requests__told_what_is_wrong(void **state)
{
    struct rig *rig = *state;

    assert_string_equal(ask(rig, "sho\n"),
                        "{\"ok\":false,\"error\":\"unknown command \\\"sho"
                        "\\\"; \\\"help\\\" lists what there is\"}\n");
    assert_string_equal(ask(rig, "need two 1\n"),
                        "{\"ok\":false,\"error\":\"usage: need two A B\"}\n");
    assert_string_equal(ask(rig, "need two 1 2 3\n"),
                        "{\"ok\":false,\"error\":\"usage: need two A B\"}\n");
    assert_string_equal(ask(rig, "\n"),
                        "{\"ok\":false,\"error\":\"an empty request\"}\n");
    assert_string_equal(ask(rig, " \t \n"),
                        "{\"ok\":false,\"error\":\"an empty request\"}\n");
    assert_string_equal(ask_size(rig, "a\0b\n", 4),
                        "{\"ok\":false,\"error\":\"a control character in "
                        "the request\"}\n");
    assert_string_equal(ask(rig, "\xff\n"),
                        "{\"ok\":false,\"error\":\"unknown command \\\""
                        "\xef\xbf\xbd\\\"; \\\"help\\\" lists what there "
                        "is\"}\n");
}

static void
ctl__handler_error__replaces_the_reply(void **state)
{
    struct rig *rig = *state;

    assert_string_equal(ask(rig, "fail\n"),
                        "{\"ok\":false,\"error\":\"no \\\"x\\\"\"}\n");
}

static void
ctl__help__lists_commands(void **state)
{
    struct rig *rig = *state;
    const char *reply = ask(rig, "help\n");

    assert_non_null(strstr(reply, "{\"command\":\"show tors\","
                           "\"usage\":\"show tors [NAME]\"}"));
    assert_non_null(strstr(reply, "{\"command\":\"help\","));
}

static void
ctl__request_in_pieces__answered(void **state)
{
    struct rig *rig = *state;
    static const char request[] = "need two 1 2\n";

    rig->fd = client_connect(rig);
    for (size_t i = 0; i < sizeof request - 1; i++) {
        client_send(rig->fd, &request[i], 1);
        uv_run(tsn_loop_uv(rig->loop), UV_RUN_NOWAIT);
    }
    await_reply(rig);
    assert_string_equal(ds_cstr(&rig->reply),
                        "{\"ok\":true,\"result\":[\"need two\",\"1\","
                        "\"2\"]}\n");
}

static void
ctl__line_length__32768_is_the_limit(void **state)
{
    struct rig *rig = *state;
    char line[TSN_CTL_LINE_MAX + 1];

    /* 32768 bytes with the newline. */
    memset(line, ' ', sizeof line);
    memcpy(line, "show", 4);
    line[TSN_CTL_LINE_MAX - 1] = '\n';
    assert_string_equal(ask_size(rig, line, TSN_CTL_LINE_MAX),
                        "{\"ok\":true,\"result\":[\"show\"]}\n");
    line[TSN_CTL_LINE_MAX - 1] = ' ';
    line[TSN_CTL_LINE_MAX] = '\n';
    assert_string_equal(ask_size(rig, line, TSN_CTL_LINE_MAX + 1),
                        "{\"ok\":false,\"error\":\"the request is longer "
                        "than 32768 bytes\"}\n");
}

static void
ctl__many_words__refused(void **state)
{
    struct rig *rig = *state;
    char line[2 * (TSN_CTL_WORDS_MAX + 1) + 1];

    for (size_t i = 0; i < sizeof line - 1; i += 2) {
        memcpy(line + i, "a ", 2);
    }
    line[sizeof line - 2] = '\n';
    line[sizeof line - 1] = '\0';
    assert_string_equal(ask(rig, line), "{\"ok\":false,\"error\":\"too many "
                        "words in the request\"}\n");
}

static void
ctl__client_that_stopped_sending__answered(void **state)
{
    struct rig *rig = *state;

    rig->fd = client_connect(rig);
    client_send(rig->fd, "show\n", 5);
    assert_int_equal(shutdown(rig->fd, SHUT_WR), 0);
    await_reply(rig);
    assert_string_equal(ds_cstr(&rig->reply),
                        "{\"ok\":true,\"result\":[\"show\"]}\n");
}

static void
ctl__end_before_the_newline__closed_without_reply(void **state)
{
    struct rig *rig = *state;

    rig->fd = client_connect(rig);
    client_send(rig->fd, "show", 4);
    assert_int_equal(shutdown(rig->fd, SHUT_WR), 0);
    await_reply(rig);
    assert_int_equal(rig->reply.length, 0);
}

static bool
is_held(struct rig *rig)
{
    return rig->held != NULL;
}

static void
ctl__late_finish__answered_then(void **state)
{
    struct rig *rig = *state;

    rig->fd = client_connect(rig);
    client_send(rig->fd, "hold\n", 5);
    turn_until(rig, is_held);

    /* More input meanwhile changes nothing. */
    client_send(rig->fd, "show\nshow\n", 10);
    uv_run(tsn_loop_uv(rig->loop), UV_RUN_NOWAIT);
    uv_run(tsn_loop_uv(rig->loop), UV_RUN_NOWAIT);

    tsn_json_uint(tsn_ctl_reply(rig->held), "result", 7);
    tsn_ctl_finish(rig->held);
    await_reply(rig);
    assert_string_equal(ds_cstr(&rig->reply),
                        "{\"ok\":true,\"result\":7}\n");
    assert_int_equal(rig->n_held, 1);
}

static void
ctl__client_gone_before_finish__forgotten(void **state)
{
    struct rig *rig = *state;

    rig->fd = client_connect(rig);
    client_send(rig->fd, "hold\n", 5);
    turn_until(rig, is_held);
    close(rig->fd);
    rig->fd = -1;
    for (int i = 0; i < 10; i++) {
        uv_run(tsn_loop_uv(rig->loop), UV_RUN_NOWAIT);
    }
    tsn_json_string(tsn_ctl_reply(rig->held), "result", "too late");
    tsn_ctl_finish(rig->held);
    assert_string_equal(ask(rig, "show\n"),
                        "{\"ok\":true,\"result\":[\"show\"]}\n");
}

static void
ctl__destroyed_before_finish__call_stays_usable(void **state)
{
    struct rig *rig = *state;

    rig->fd = client_connect(rig);
    client_send(rig->fd, "hold\n", 5);
    turn_until(rig, is_held);
    tsn_ctl_destroy(rig->ctl);
    rig->ctl = NULL;
    turn_until(rig, is_closed);

    tsn_json_string(tsn_ctl_reply(rig->held), "result", "too late");
    tsn_ctl_error(rig->held, "and worse");
    tsn_ctl_finish(rig->held);
    assert_int_equal(rig->reply.length, 0);
}

static void
ctl__destroyed_while_writing__client_closed(void **state)
{
    struct rig *rig = *state;

    rig->fd = client_connect(rig);
    client_send(rig->fd, "big\n", 4);
    for (int i = 0; i < 10; i++) {
        uv_run(tsn_loop_uv(rig->loop), UV_RUN_NOWAIT);
    }
    tsn_ctl_destroy(rig->ctl);
    rig->ctl = NULL;
    turn_until(rig, is_closed);
    assert_true(rig->reply.length < BIG_REPLY);
}

static void
ctl__big_reply__arrives_whole(void **state)
{
    struct rig *rig = *state;

    ask(rig, "big\n");
    assert_int_equal(rig->reply.length,
                     BIG_REPLY + strlen("{\"ok\":true,\"result\":\"\"}\n"));
}

static bool
is_served_again(struct rig *rig)
{
    return strstr(ask(rig, "show\n"), "true");
}

/* Without reading, which would help a slow reader. */
static bool
is_dropped(struct rig *rig)
{
    struct pollfd pollfd = { .fd = rig->fd, .events = POLLRDHUP };

    return poll(&pollfd, 1, 0) > 0;
}

/* Also that clients that say nothing or read nothing are dropped, for they
 * make room again. */
static void
ctl__too_many_clients__refused_until_slow_ones_are_dropped(void **state)
{
    struct rig *rig = *state;
    int fds[16];

    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = client_connect(rig);
        if (i % 2) {
            client_send(fds[i], "big\n", 4);
        }
    }
    assert_string_equal(ask(rig, ""),
                        "{\"ok\":false,\"error\":\"more than 16 clients at "
                        "a time\"}\n");
    turn_until(rig, is_served_again);

    /* That was the deadline, so every one is gone soon. */
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        rig->fd = fds[i];
        turn_until(rig, is_dropped);
        await_reply(rig);
        assert_true(rig->reply.length < BIG_REPLY);
    }
}

static void
ctl__socket__for_owner_and_group(void **state)
{
    struct rig *rig = *state;
    struct stat st;

    assert_int_equal(lstat(rig->path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0660);
    tsn_ctl_destroy(rig->ctl);
    rig->ctl = NULL;
    assert_int_equal(lstat(rig->path, &st), -1);
}

static void
create__served_socket__refused_and_left_alone(void **state)
{
    struct rig *rig = *state;
    struct tsn_err err;

    assert_null(tsn_ctl_create(rig->loop, rig->path, &err));
    assert_string_equal(err.where, rig->path);
    assert_non_null(strstr(err.text, "another process serves this socket"));
    assert_string_equal(ask(rig, "show\n"),
                        "{\"ok\":true,\"result\":[\"show\"]}\n");
}

static void
create__leftover_socket__replaced(void **state)
{
    struct rig *rig = *state;
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    char *path = xasprintf("%s/left.ctl", dir);
    struct tsn_err err;

    strcpy(sun.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *) &sun, sizeof sun), 0);
    close(fd);

    struct tsn_ctl *ctl = tsn_ctl_create(rig->loop, path, &err);
    assert_non_null(ctl);
    tsn_ctl_destroy(ctl);
    assert_int_equal(access(path, F_OK), -1);
    free(path);
}

static void
create__unusable_paths__told_why(void **state)
{
    struct rig *rig = *state;
    char *file = xasprintf("%s/file", dir);
    char *deep = xasprintf("%s/missing/x.ctl", dir);
    char *long_path = xasprintf("%s/%0120d", dir, 0);
    struct tsn_err err;

    fclose(fopen(file, "w"));
    assert_null(tsn_ctl_create(rig->loop, file, &err));
    assert_string_equal(err.text, "is there, and is not a socket");
    assert_int_equal(unlink(file), 0);
    assert_null(tsn_ctl_create(rig->loop, deep, &err));
    assert_string_equal(err.text, "cannot create the control socket: No such "
                        "file or directory");
    assert_null(tsn_ctl_create(rig->loop, long_path, &err));
    assert_string_equal(err.text, "is too long for a unix socket");
    free(file);
    free(deep);
    free(long_path);
}

static void
destroy__replaced_socket__left_alone(void **state)
{
    struct rig *rig = *state;

    assert_int_equal(unlink(rig->path), 0);
    fclose(fopen(rig->path, "w"));
    tsn_ctl_destroy(rig->ctl);
    rig->ctl = NULL;
    assert_int_equal(access(rig->path, F_OK), 0);
    unlink(rig->path);
}

static int
group_setup(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    return mkdtemp(dir) ? 0 : -1;
}

static int
group_teardown(void **state)
{
    return rmdir(dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
        TEST(ctl__commands__longest_match_gets_the_rest),
        TEST(ctl__wrong_requests__told_what_is_wrong),
        TEST(ctl__handler_error__replaces_the_reply),
        TEST(ctl__help__lists_commands),
        TEST(ctl__request_in_pieces__answered),
        TEST(ctl__line_length__32768_is_the_limit),
        TEST(ctl__many_words__refused),
        TEST(ctl__client_that_stopped_sending__answered),
        TEST(ctl__end_before_the_newline__closed_without_reply),
        TEST(ctl__late_finish__answered_then),
        TEST(ctl__client_gone_before_finish__forgotten),
        TEST(ctl__destroyed_before_finish__call_stays_usable),
        TEST(ctl__destroyed_while_writing__client_closed),
        TEST(ctl__big_reply__arrives_whole),
        TEST(ctl__too_many_clients__refused_until_slow_ones_are_dropped),
        TEST(ctl__socket__for_owner_and_group),
        TEST(create__served_socket__refused_and_left_alone),
        TEST(create__leftover_socket__replaced),
        TEST(create__unusable_paths__told_why),
        TEST(destroy__replaced_socket__left_alone),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
