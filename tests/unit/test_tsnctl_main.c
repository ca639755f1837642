/* SPDX-License-Identifier: Apache-2.0 */
/* The program tsnctl against servers of the control socket. */
#include <config.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "tsn/ctl.h"
#include "tsn/error.h"
#include "tsn/json.h"
#include "tsn/loop.h"
#include "util.h"

/* A test that hangs ends the program. */
#define HANG_S 60

static char dir[] = "/tmp/tsnctl.XXXXXX";

struct rig {
    struct tsn_loop *loop;
    struct tsn_ctl *ctls[3];
    int n;
    struct tsn_ctl_call *held;
};

static int
setup(void **state)
{
    struct rig *rig = xzalloc(sizeof *rig);

    alarm(HANG_S);
    rig->loop = tsn_loop_create("server");
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    tsn_loop_stop(rig->loop);
    if (rig->n) {
        tsn_loop_join(rig->loop);
    }
    for (int i = 0; i < rig->n; i++) {
        tsn_ctl_destroy(rig->ctls[i]);
    }
    if (rig->held) {
        tsn_ctl_finish(rig->held);
    }
    tsn_loop_destroy(rig->loop);
    free(rig);
    alarm(0);
    return 0;
}

/* Answers with a row of its program's name and its arguments. */
static void
rows_cb(struct tsn_ctl_call *call, int argc, char *argv[], void *program)
{
    struct tsn_json *json = tsn_ctl_reply(call);

    tsn_json_object_begin(json, "result");
    tsn_json_array_begin(json, "rows");
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "program", program);
    tsn_json_int(json, "args", argc);
    tsn_json_string(json, "last", argc ? argv[argc - 1] : NULL);
    tsn_json_object_end(json);
    tsn_json_array_end(json);
    tsn_json_object_end(json);
    tsn_ctl_finish(call);
}

static void
refuse_cb(struct tsn_ctl_call *call, int argc, char *argv[], void *aux)
{
    tsn_ctl_error(call, "no such thing");
    tsn_ctl_finish(call);
}

static void
hold_cb(struct tsn_ctl_call *call, int argc, char *argv[], void *rig_)
{
    struct rig *rig = rig_;

    rig->held = call;
}

/* Serves as 'program' the 'commands', ended by NULL. */
static void
serve(struct rig *rig, const char *program, const char *const commands[])
{
    char *path = xasprintf("%s/%s.ctl", dir, program);
    struct tsn_err err;

    struct tsn_ctl *ctl = tsn_ctl_create(rig->loop, path, &err);
    if (!ctl) {
        fail_msg("%s", tsn_err_format(&err));
    }
    for (; *commands; commands++) {
        tsn_ctl_register(ctl, *commands, *commands, 0, 5, rows_cb,
                         CONST_CAST(char *, program));
    }
    tsn_ctl_register(ctl, "refuse", "refuse", 0, 0, refuse_cb, NULL);
    tsn_ctl_register(ctl, "hold", "hold", 0, 0, hold_cb, rig);
    rig->ctls[rig->n++] = ctl;
    free(path);
}

#define COMMANDS(...) ((const char *const []) { __VA_ARGS__, NULL })

/* Runs tsnctl with 'args' and checks what it prints, errors included, and
 * its exit status. */
static void
assert_tsnctl(const char *args, int expected_status, const char *expected)
{
    const char *builddir = getenv("builddir");
    char *command = xasprintf("%s/tsnctl/tsnctl --run-dir %s %s 2>&1",
                              builddir ? builddir : ".", dir, args);
    struct ds out = DS_EMPTY_INITIALIZER;
    char buf[4096];
    size_t n;

    FILE *f = popen(command, "r");
    assert_non_null(f);
    while ((n = fread(buf, 1, sizeof buf, f)) > 0) {
        ds_put_buffer(&out, buf, n);
    }
    int status = pclose(f);
    if (strcmp(ds_cstr(&out), expected)) {
        fail_msg("%s\nprints\n%s\ninstead of\n%s", command, ds_cstr(&out),
                 expected);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), expected_status);
    ds_destroy(&out);
    free(command);
}

static void
one_program__running__bare_result(void **state)
{
    struct rig *rig = *state;

    serve(rig, "tsn-tor-agent", COMMANDS("show tors"));
    serve(rig, "tsn-replicator",
          COMMANDS("show tors", "show flood", "flood show"));
    tsn_loop_start(rig->loop);
    assert_tsnctl("show tors", 0,
                  "PROGRAM        ARGS  LAST\n"
                  "tsn-tor-agent     0  -\n");
    assert_tsnctl("show flood blue", 0,
                  "PROGRAM         ARGS  LAST\n"
                  "tsn-replicator     1  blue\n");
    assert_tsnctl("flood show", 0,
                  "PROGRAM         ARGS  LAST\n"
                  "tsn-replicator     0  -\n");
    assert_tsnctl("--json show tors", 0,
                  "{\n"
                  "  \"rows\": [\n"
                  "    {\n"
                  "      \"args\": 0,\n"
                  "      \"last\": null,\n"
                  "      \"program\": \"tsn-tor-agent\"}]}\n");
}

static void
one_program__absent_or_refusing__failure(void **state)
{
    struct rig *rig = *state;

    serve(rig, "tsn-tor-agent", COMMANDS("show tors"));
    tsn_loop_start(rig->loop);
    assert_tsnctl("show flood", 1, "tsnctl: tsn-replicator is not running\n");
    assert_tsnctl("show macs", 1, "tsnctl: tsn-tor-agent: unknown command "
                  "\"show\"; \"help\" lists what there is\n");
}

static void
status__some_running__others_named(void **state)
{
    struct rig *rig = *state;

    serve(rig, "tsn-replicator", COMMANDS("status"));
    tsn_loop_start(rig->loop);
    assert_tsnctl("status", 0,
                  "tsn-tor-agent: not running\n"
                  "\n"
                  "tsn-replicator:\n"
                  "  PROGRAM         ARGS  LAST\n"
                  "  tsn-replicator     0  -\n"
                  "\n"
                  "tsn-controller: not running\n");
    assert_tsnctl("status --json | tr -d ' \\n'", 0,
                  "{\"tsn-controller\":null,\"tsn-replicator\":{\"rows\":["
                  "{\"args\":0,\"last\":null,\"program\":"
                  "\"tsn-replicator\"}]},\"tsn-tor-agent\":null}");
}

static void
networks__both_services__a_section_each(void **state)
{
    struct rig *rig = *state;

    serve(rig, "tsn-tor-agent", COMMANDS("show networks"));
    serve(rig, "tsn-replicator", COMMANDS("show networks"));
    serve(rig, "tsn-controller", COMMANDS("show networks"));
    tsn_loop_start(rig->loop);
    assert_tsnctl("show networks", 0,
                  "tsn-tor-agent:\n"
                  "  PROGRAM        ARGS  LAST\n"
                  "  tsn-tor-agent     0  -\n"
                  "\n"
                  "tsn-replicator:\n"
                  "  PROGRAM         ARGS  LAST\n"
                  "  tsn-replicator     0  -\n");
}

static void
networks__controller_only__asked_instead(void **state)
{
    struct rig *rig = *state;

    serve(rig, "tsn-controller", COMMANDS("show networks"));
    tsn_loop_start(rig->loop);
    assert_tsnctl("show networks", 0,
                  "tsn-controller:\n"
                  "  PROGRAM         ARGS  LAST\n"
                  "  tsn-controller     0  -\n");
}

static void
other_command__who_knows_it_answers(void **state)
{
    struct rig *rig = *state;

    serve(rig, "tsn-tor-agent", COMMANDS("ponder"));
    serve(rig, "tsn-replicator", COMMANDS("status"));
    tsn_loop_start(rig->loop);
    assert_tsnctl("ponder --vni 5", 0,
                  "tsn-tor-agent:\n"
                  "  PROGRAM        ARGS  LAST\n"
                  "  tsn-tor-agent     2  5\n");
    assert_tsnctl("bogus", 1, "tsnctl: tsn-tor-agent: unknown command "
                  "\"bogus\"; \"help\" lists what there is\n");
    assert_tsnctl("refuse", 1, "tsnctl: tsn-tor-agent: no such thing\n");
}

static void
socket__given__only_that(void **state)
{
    struct rig *rig = *state;
    char *args = xasprintf("--socket %s/tsn-controller.ctl ponder", dir);

    serve(rig, "tsn-controller", COMMANDS("ponder"));
    tsn_loop_start(rig->loop);
    assert_tsnctl(args, 0,
                  "PROGRAM         ARGS  LAST\n"
                  "tsn-controller     0  -\n");
    assert_tsnctl("--socket /nonexistent ponder", 1,
                  "tsnctl: /nonexistent is not running\n");
    free(args);
}

static void
nobody__runs__told(void **state)
{
    char *expected = xasprintf("tsnctl: no program serves a control socket "
                               "in %s\n", dir);

    assert_tsnctl("status", 1, expected);
    assert_tsnctl("log any dbg", 1, expected);
    assert_tsnctl("show networks", 1, expected);
    free(expected);
}

static void
program__silent__given_up(void **state)
{
    struct rig *rig = *state;

    serve(rig, "tsn-tor-agent", COMMANDS("status"));
    tsn_loop_start(rig->loop);
    assert_tsnctl("hold", 1, "tsnctl: tsn-tor-agent: no answer within 5 "
                  "s\n");
}

/* A server that is not ours: sends 'reply' to the first who connects. */
static void
assert_foreign(const char *reply, const char *expected)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(sun.sun_path, sizeof sun.sun_path, "%s/tsn-tor-agent.ctl", dir);
    assert_int_equal(bind(fd, (struct sockaddr *) &sun, sizeof sun), 0);
    assert_int_equal(listen(fd, 1), 0);
    pid_t pid = fork();
    if (!pid) {
        char buf[64];
        int client = accept(fd, NULL, NULL);

        ignore(read(client, buf, sizeof buf));
        ignore(write(client, reply, strlen(reply)));
        _exit(0);
    }
    close(fd);
    char *text = xasprintf("tsnctl: tsn-tor-agent: %s\n", expected);
    assert_tsnctl("show tors", 1, text);
    free(text);
    waitpid(pid, NULL, 0);
    unlink(sun.sun_path);
}

static void
program__talks_nonsense__told(void **state)
{
    static const char *const nonsense[] = {
        "hello", "{}", "{\"ok\":true}", "{\"ok\":false}", "[1",
        "{\"ok\":1,\"result\":1}", "{\"ok\":false,\"error\":5}", "\xff\xfe",
    };

    for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
        assert_foreign(nonsense[i], "the reply is not understood");
    }
    assert_foreign("", "closed the connection without a reply");
}

static void
options__wrong__status_2(void **state)
{
    assert_tsnctl("--bogus >/dev/null 2>/dev/null; echo $?", 0, "2\n");
    assert_tsnctl("'show tors'", 2, "tsnctl: a word of the command is empty "
                  "or has a blank in it\n");
    assert_tsnctl("''", 2, "tsnctl: a word of the command is empty or has a "
                  "blank in it\n");
    assert_tsnctl("2>&1 | grep -c '^usage:'", 0, "1\n");
    assert_tsnctl("--version", 0, "tsnctl " TSN_VERSION "\n");
    assert_tsnctl("--help | head -n 1", 0,
                  "usage: tsnctl [OPTION]... COMMAND...\n");
    assert_tsnctl("help 2>/dev/null | head -n 1", 0,
                  "usage: tsnctl [OPTION]... COMMAND...\n");
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

static void
result_cb(struct tsn_ctl_call *call, int argc, char *argv[], void *aux)
{
    struct tsn_json *json = tsn_ctl_reply(call);

    tsn_json_object_begin(json, "result");
    tsn_json_array_begin(json, "rows");
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "name", "a");
    tsn_json_string(json, "result", "b");
    tsn_json_bool(json, "ok", true);
    tsn_json_object_end(json);
    tsn_json_array_end(json);
    tsn_json_object_end(json);
    tsn_ctl_finish(call);
}

static void
table__column_named_as_a_part_of_the_reply__keeps_its_place(void **state)
{
    struct rig *rig = *state;

    serve(rig, "tsn-tor-agent", COMMANDS("show tors"));
    tsn_ctl_register(rig->ctls[0], "tor resync", "tor resync", 0, 0,
                     result_cb, NULL);
    tsn_loop_start(rig->loop);
    assert_tsnctl("tor resync", 0,
                  "NAME  RESULT  OK\n"
                  "a     b       yes\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
        TEST(one_program__running__bare_result),
        TEST(one_program__absent_or_refusing__failure),
        TEST(status__some_running__others_named),
        TEST(networks__both_services__a_section_each),
        TEST(networks__controller_only__asked_instead),
        TEST(other_command__who_knows_it_answers),
        TEST(socket__given__only_that),
        TEST(nobody__runs__told),
        TEST(program__silent__given_up),
        TEST(program__talks_nonsense__told),
        TEST(options__wrong__status_2),
        TEST(table__column_named_as_a_part_of_the_reply__keeps_its_place),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
