/* SPDX-License-Identifier: Apache-2.0 */
/* The acceptor behind a real HAProxy, which tells by the PROXY protocol who
 * the switch is, and checks two listeners all the time. */
#include <config.h>

#include "tests/unit/acceptor_rig.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "openvswitch/vlog.h"

#define SWITCH 7                /* Connects from 127.0.0.7. */
#define N_CHECKS 100

static pid_t haproxy = -1;

static void
write_config(const char *path, uint16_t port, uint16_t a, uint16_t b)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fprintf(f,
            "defaults\n"
            "    mode tcp\n"
            "    timeout connect 2s\n"
            "    timeout client 60s\n"
            "    timeout server 60s\n"
            "listen switches\n"
            "    bind 127.0.0.1:%"PRIu16"\n"
            "    option tcp-check\n"
            "    default-server send-proxy-v2 check inter 50ms fall 2 rise 1"
            " on-marked-down shutdown-sessions\n"
            "    server a 127.0.0.1:%"PRIu16"\n"
            "    server b 127.0.0.1:%"PRIu16" backup\n", port, a, b);
    assert_int_equal(fclose(f), 0);
}

static bool
can_connect(uint16_t port)
{
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool ok = !connect(fd, (struct sockaddr *) &sin, sizeof sin);

    close(fd);
    return ok;
}

static void
start_haproxy(struct rig *rig, uint16_t a, uint16_t b)
{
    char *path = xasprintf("%s/haproxy.cfg", rig->dir);

    rig->port = free_port();
    write_config(path, rig->port, a, b);
    haproxy = fork();
    assert_true(haproxy >= 0);
    if (!haproxy) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/usr/sbin/haproxy", "haproxy", "-db", "-q", "-f", path, NULL);
        _exit(127);
    }
    RIG_UNTIL(rig, can_connect(rig->port)
                   || waitpid(haproxy, NULL, WNOHANG) != 0);
    unlink(path);
    free(path);
}

static int
teardown(void **state)
{
    if (haproxy > 0) {
        kill(haproxy, SIGKILL);
        waitpid(haproxy, NULL, 0);
        haproxy = -1;
    }
    return rig_teardown(state);
}

static uint16_t
listen_for_proxy(struct rig *rig, const char *name)
{
    rig_listen(rig, (struct ovc_listener_config) {
        .name = name, .proxy_protocol = true,
    });
    return rig->port;
}

/* Of the first listener. */
static unsigned long
n_checks(struct rig *rig)
{
    return rig_count(rig, NULL, "refused.proxy_check")
           + rig_count(rig, NULL, "refused.hung_up");
}

static void
haproxy__checks_and_fails_over__session_is_the_switchs(void **state)
{
    struct rig *rig = *state;
    struct ovc_acceptor_tor tor1 = { .name = "tor1" };
    struct end *idl, *sw;

    uint16_t a = listen_for_proxy(rig, "a");
    uint16_t b = listen_for_proxy(rig, "b");
    tsn_ip_parse("127.0.0.7", &tor1.address);
    rig_add_tor(rig, tor1);
    start_haproxy(rig, a, b);
    RIG_UNTIL(rig, n_checks(rig) > 0);

    sw = rig_connect(rig, SWITCH, NULL);
    rig_identify(rig, sw, NULL);
    idl = rig_accept(rig);
    rig_check_session(rig, sw, idl);
    assert_string_equal(rig_status(rig, "tor1", "peer"), "127.0.0.7");

    unsigned long before = n_checks(rig);
    RIG_UNTIL(rig, n_checks(rig) >= before + N_CHECKS);
    rig_check_session(rig, sw, idl);
    assert_int_equal(rig_count(rig, "tor1", "sessions"), 1);
    assert_int_equal(rig_count(rig, NULL, "identified"), 1);

    ovc_acceptor_unlisten(rig->acceptor, "a");
    RIG_UNTIL(rig, sw->closed && idl->closed);
    sw = rig_connect(rig, SWITCH, NULL);
    rig_identify(rig, sw, NULL);
    rig_check_session(rig, sw, rig_accept(rig));
    assert_int_equal(rig_count(rig, NULL, "identified"), 1);    /* On "b". */
    assert_int_equal(rig_count(rig, "tor1", "sessions"), 2);
    assert_string_equal(rig_status(rig, "tor1", "peer"), "127.0.0.7");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            haproxy__checks_and_fails_over__session_is_the_switchs,
            rig_setup, teardown),
    };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
