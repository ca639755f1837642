/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "tsn/error.h"
#include "util.h"

/* A test that hangs ends the program. */
#define HANG_S 60

/* A daemon in a child process, which says on a pipe what it does: a letter
 * for each call of its functions. */
struct child {
    pid_t pid;
    int said;                   /* Read end. */
    int notify;                 /* $NOTIFY_SOCKET. */
    int out;                    /* Read end of its stdout and stderr. */
};

static char dir[] = "/tmp/tsn-daemon.XXXXXX";
static char *run_dir, *conf, *log_file, *notify_path;
static int say_fd;

static void
say(char c)
{
    ignore(write(say_fd, &c, 1));
}

static int
load(const char *path, void *aux OVS_UNUSED, struct tsn_err *err)
{
    if (access(path, R_OK)) {
        tsn_err_set(err, path, "is bad");
        return -ENOENT;
    }
    say('L');
    return 0;
}

static int
start(struct tsn_loop *loop OVS_UNUSED, struct tsn_ctl *ctl OVS_UNUSED,
      void *aux, struct tsn_err *err)
{
    say('S');
    if (aux) {
        tsn_err_set(err, NULL, "%s", (char *) aux);
        return -EIO;
    }
    return 0;
}

static void
stop(void *aux OVS_UNUSED)
{
    say('E');
}

static int
reload(const char *path, void *aux OVS_UNUSED, struct tsn_err *err)
{
    int retval = load(path, NULL, err);
    say(retval ? 'X' : 'R');
    return retval;
}

/* They are good while the log file is there. */
static int
reload_certificates(void *aux OVS_UNUSED, struct tsn_err *err)
{
    if (access(log_file, F_OK)) {
        tsn_err_set(err, log_file, "is no certificate");
        say('D');
        return -ENOENT;
    }
    say('C');
    return 0;
}

static int
detach(bool all, void *aux OVS_UNUSED, struct tsn_err *err OVS_UNUSED)
{
    puts(all ? "all removed" : "one removed");
    return 0;
}

static const int keep_caps[] = { CAP_NET_RAW, -1 };
static const int idle_caps[] = { CAP_SYS_ADMIN, -1 };

static const struct tsn_daemon_spec spec = {
    .program = "tsn-test",
    .summary = "tests",
    .default_config = "/nonexistent/default.yaml",
    .load = load,
    .start = start,
    .stop = stop,
    .detach = detach,
    .reload = reload,
    .keep_caps = keep_caps,
    .idle_caps = idle_caps,
};

/* 'args' ends with NULL.  With 'problem', start() fails. */
static struct child
spawn_spec(const struct tsn_daemon_spec *the_spec, const char *const args[],
           const char *problem)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int said[2], out[2];
    struct child child;

    strcpy(sun.sun_path, notify_path);
    unlink(notify_path);
    child.notify = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(child.notify, (struct sockaddr *) &sun,
                          sizeof sun), 0);
    assert_int_equal(pipe(said), 0);
    assert_int_equal(pipe(out), 0);
    child.pid = fork();
    if (!child.pid) {
        char *argv[16] = { CONST_CAST(char *, "tsn-test") };
        int argc = 1;

        while (args[argc - 1]) {
            argv[argc] = CONST_CAST(char *, args[argc - 1]);
            argc++;
        }
        setenv("NOTIFY_SOCKET", notify_path, 1);
        say_fd = said[1];
        dup2(out[1], STDOUT_FILENO);
        dup2(out[1], STDERR_FILENO);
        close(out[0]);
        close(out[1]);
        close(said[0]);
        int status = tsn_daemon_main(argc, argv, the_spec,
                                     CONST_CAST(char *, problem));
        exit(status);           /* With the leak check, if there is one. */
    }
    close(said[1]);
    close(out[1]);
    child.said = said[0];
    child.out = out[0];
    return child;
}

static struct child
spawn(const char *const args[], const char *problem)
{
    return spawn_spec(&spec, args, problem);
}

static void
assert_says(struct child *child, const char *expected)
{
    for (; *expected; expected++) {
        char c = 0;

        assert_int_equal(read(child->said, &c, 1), 1);
        assert_int_equal(c, *expected);
    }
}

static void
assert_notified(struct child *child, const char *expected)
{
    char buf[64] = "";

    assert_true(recv(child->notify, buf, sizeof buf - 1, 0) > 0);
    assert_string_equal(buf, expected);
}

/* Waits for the end and returns the exit status; '*out' is what was
 * printed. */
static int
finish(struct child *child, struct ds *out)
{
    char buf[4096];
    ssize_t n;
    int status;

    ds_clear(out);
    while ((n = read(child->out, buf, sizeof buf)) > 0) {
        ds_put_buffer(out, buf, n);
    }
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    close(child->said);
    close(child->notify);
    close(child->out);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Runs to the end, which is to come by itself. */
static void
assert_ends(const char *const args[], const char *problem, int status,
            const char *out)
{
    struct ds printed = DS_EMPTY_INITIALIZER;
    struct child child = spawn(args, problem);

    assert_int_equal(finish(&child, &printed), status);
    if (!strstr(ds_cstr(&printed), out)) {
        fail_msg("'%s' is not in '%s'", out, ds_cstr(&printed));
    }
    ds_destroy(&printed);
}

#define ARGS(...) ((const char *const []) { __VA_ARGS__, NULL })

static void
options__information__printed(void **state)
{
    assert_ends(ARGS("--version"), NULL, 0, "tsn-test " TSN_VERSION "\n");
    assert_ends(ARGS("--help"), NULL, 0, "tsn-test: tests\n");
    assert_ends(ARGS("-h"), NULL, 0, "--run-dir DIR");
}

static void
options__wrong__status_2(void **state)
{
    assert_ends(ARGS("--bogus"), NULL, 2, "try --help");
    assert_ends(ARGS("word"), NULL, 2, "unexpected argument \"word\"");
    assert_ends(ARGS("--check", conf, "word"), NULL, 2,
                "unexpected argument \"word\"");
    assert_ends(ARGS("--all"), NULL, 2, "--all goes with --detach");
    assert_ends(ARGS("--log-level", "loud"), NULL, 2, "the log level is");
    assert_ends(ARGS("--log-file", "/nonexistent/x", "-c", conf), NULL, 2,
                "/nonexistent/x: cannot open the log: ");
}

static void
check__file__told_if_good(void **state)
{
    char *ok = xasprintf("%s: ok\n", conf);

    assert_ends(ARGS("--check", conf), NULL, 0, ok);
    assert_ends(ARGS("--config", conf, "--check"), NULL, 0, ok);
    char *arg = xasprintf("--check=%s", conf);
    assert_ends(ARGS(arg), NULL, 0, ok);
    assert_ends(ARGS("--check"), NULL, 1,
                "tsn-test: /nonexistent/default.yaml: is bad\n");
    free(arg);
    free(ok);
}

static void
detach__one_or_all__done_without_running(void **state)
{
    assert_ends(ARGS("--detach", conf), NULL, 0, "one removed\n");
    assert_ends(ARGS("-c", conf, "--detach"), NULL, 0, "one removed\n");
    assert_ends(ARGS("--detach"), NULL, 1, "is bad\n");
    assert_ends(ARGS("--detach", "--all"), NULL, 0, "all removed\n");
}

static void
run__impossible__status_1(void **state)
{
    assert_ends(ARGS("-c", "/nonexistent"), NULL, 1,
                "tsn-test: /nonexistent: is bad\n");
    assert_ends(ARGS("-c", conf, "--run-dir", "/nonexistent/run"), NULL, 1,
                "tsn-test: /nonexistent/run: cannot create the directory: ");
    assert_ends(ARGS("-c", conf, "--run-dir", run_dir), "no luck", 1,
                "tsn-test: no luck\n");
}

/* The reply to 'request'. */
static void
ask(const char *request, struct ds *reply)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    char buf[4096];
    ssize_t n;

    snprintf(sun.sun_path, sizeof sun.sun_path, "%s/tsn-test.ctl", run_dir);
    assert_int_equal(connect(fd, (struct sockaddr *) &sun, sizeof sun), 0);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    ds_clear(reply);
    while ((n = read(fd, buf, sizeof buf)) > 0) {
        ds_put_buffer(reply, buf, n);
    }
    close(fd);
}

static void
assert_in(const struct ds *text, const char *part)
{
    if (!strstr(ds_cstr_ro(text), part)) {
        fail_msg("'%s' is not in '%s'", part, ds_cstr_ro(text));
    }
}

static void
run__signals__reload_and_stop(void **state)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    struct child child = spawn(ARGS("-c", conf, "--run-dir", run_dir), NULL);

    assert_says(&child, "LS");
    assert_notified(&child, "READY=1");
    ask("version\n", &text);
    assert_in(&text, "\"program\":\"tsn-test\"");
    ask("log tsn_daemon dbg\n", &text);
    assert_in(&text, "{\"module\":\"tsn_daemon\",\"level\":\"dbg\"}");
    ask("log none dbg\n", &text);
    assert_in(&text, "no log module \\\"none\\\"");
    ask("log any loud\n", &text);
    assert_in(&text, "\"ok\":false");

    kill(child.pid, SIGHUP);
    assert_says(&child, "LR");
    char *away = xasprintf("%s.away", conf);
    assert_int_equal(rename(conf, away), 0);
    kill(child.pid, SIGHUP);
    assert_says(&child, "X");
    assert_int_equal(rename(away, conf), 0);
    free(away);

    kill(child.pid, SIGTERM);
    assert_notified(&child, "STOPPING=1");
    assert_says(&child, "E");
    assert_int_equal(finish(&child, &text), 0);
    assert_in(&text, "INFO tsn_daemon: started");
    assert_in(&text, "ERR  tsn_daemon: the new configuration is refused, the "
              "old one stays: ");
    assert_in(&text, "stopping signal=TERM");
    assert_int_equal(access(run_dir, F_OK), 0);
    ds_destroy(&text);
}

/* Of a program that cannot read its configuration anew. */
static void
run__certificates__read_again_on_hup(void **state)
{
    struct tsn_daemon_spec cannot_reload = spec;
    struct ds text = DS_EMPTY_INITIALIZER;

    cannot_reload.reload = NULL;
    cannot_reload.reload_certificates = reload_certificates;
    struct child child = spawn_spec(&cannot_reload,
                                    ARGS("-c", conf, "--run-dir", run_dir),
                                    NULL);
    assert_says(&child, "LS");
    assert_notified(&child, "READY=1");
    kill(child.pid, SIGHUP);
    assert_says(&child, "D");
    int fd = open(log_file, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    kill(child.pid, SIGHUP);
    assert_says(&child, "C");
    assert_int_equal(unlink(log_file), 0);
    kill(child.pid, SIGTERM);
    assert_says(&child, "E");
    assert_int_equal(finish(&child, &text), 0);
    assert_in(&text, "ERR  tsn_daemon: the new certificate files are refused, "
              "what was loaded stays in use: ");
    assert_in(&text, "is no certificate");
    ds_destroy(&text);
}

static void
run__log_file__reopened_on_hup(void **state)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    struct child child = spawn(ARGS("-c", conf, "--run-dir", run_dir,
                                    "--log-file", log_file), NULL);
    char *old = xasprintf("%s.1", log_file);

    assert_notified(&child, "READY=1");
    assert_int_equal(rename(log_file, old), 0);
    assert_says(&child, "LS");
    kill(child.pid, SIGHUP);
    assert_says(&child, "LR");
    kill(child.pid, SIGINT);
    assert_int_equal(finish(&child, &text), 0);
    assert_string_equal(ds_cstr(&text), "");
    assert_int_equal(access(log_file, F_OK), 0);
    assert_int_equal(unlink(log_file), 0);
    assert_int_equal(unlink(old), 0);
    free(old);
    ds_destroy(&text);
}

/* The value of a line of /proc/PID/status, a hexadecimal number. */
static unsigned long long
process_status(pid_t pid, const char *key)
{
    char *path = xasprintf("/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    unsigned long long value = 0;
    char line[256];

    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (!strncmp(line, key, strlen(key))) {
            value = strtoull(line + strlen(key), NULL, 16);
        }
    }
    fclose(f);
    free(path);
    return value;
}

static void
run__capabilities__only_those_asked_for(void **state)
{
    unsigned long long had = process_status(getpid(), "CapPrm:");
    unsigned long long wanted = had & (1ULL << CAP_NET_RAW);
    unsigned long long idle = had & (1ULL << CAP_SYS_ADMIN);
    struct ds text = DS_EMPTY_INITIALIZER;
    struct child child = spawn(ARGS("-c", conf, "--run-dir", run_dir), NULL);

    assert_notified(&child, "READY=1");
    assert_int_equal(process_status(child.pid, "CapPrm:"), wanted | idle);
    assert_int_equal(process_status(child.pid, "CapEff:"), wanted);
    assert_int_equal(process_status(child.pid, "CapInh:"), 0);
    assert_int_equal(process_status(child.pid, "NoNewPrivs:"), 1);
    if (had & (1ULL << CAP_SETPCAP)) {
        assert_int_equal(process_status(child.pid, "CapBnd:"), 0);
    }
    kill(child.pid, SIGTERM);
    assert_int_equal(finish(&child, &text), 0);
    ds_destroy(&text);
}

static void
run__second_of_a_kind__refused(void **state)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    struct child child = spawn(ARGS("-c", conf, "--run-dir", run_dir), NULL);

    assert_notified(&child, "READY=1");
    assert_ends(ARGS("-c", conf, "--run-dir", run_dir), NULL, 1,
                "is the program running already?");
    kill(child.pid, SIGTERM);
    assert_int_equal(finish(&child, &text), 0);
    ds_destroy(&text);
}

static int
setup(void **state)
{
    alarm(HANG_S);
    if (!mkdtemp(dir)) {
        return -1;
    }
    run_dir = xasprintf("%s/run", dir);
    conf = xasprintf("%s/conf", dir);
    log_file = xasprintf("%s/log", dir);
    notify_path = xasprintf("%s/notify", dir);
    return fclose(fopen(conf, "w"));
}

static int
teardown(void **state)
{
    unlink(conf);
    unlink(notify_path);
    rmdir(run_dir);
    free(run_dir);
    free(conf);
    free(log_file);
    free(notify_path);
    return rmdir(dir);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options__information__printed),
        cmocka_unit_test(options__wrong__status_2),
        cmocka_unit_test(check__file__told_if_good),
        cmocka_unit_test(detach__one_or_all__done_without_running),
        cmocka_unit_test(run__impossible__status_1),
        cmocka_unit_test(run__signals__reload_and_stop),
        cmocka_unit_test(run__certificates__read_again_on_hup),
        cmocka_unit_test(run__log_file__reopened_on_hup),
        cmocka_unit_test(run__capabilities__only_those_asked_for),
        cmocka_unit_test(run__second_of_a_kind__refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
