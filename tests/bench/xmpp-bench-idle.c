/* SPDX-License-Identifier: Apache-2.0 */
/* What identities cost that have their sessions and nothing to do: each has
 * one to both of two control nodes, which run in another process. */
#include <config.h>
#include "tests/bench/xmpp-bench.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "tsn/error.h"
#include "util.h"
#include "xmpp/server.h"
#include "xmpp/speaker-private.h"

#define N_NODES 2

/* All sessions are up by then, or the case has failed. */
#define UP_TIMEOUT_S 60

/* What follows a session that comes up is over by then. */
#define SETTLE_S 5

static void
opened(void *aux OVS_UNUSED, struct xmpp_session *session OVS_UNUSED)
{
}

static void
stanza(void *aux OVS_UNUSED, struct xmpp_session *session OVS_UNUSED,
       const struct xmpp_stanza *st OVS_UNUSED)
{
}

static void
closed(void *aux OVS_UNUSED, struct xmpp_session *session OVS_UNUSED,
       enum xmpp_close_reason reason OVS_UNUSED)
{
}

static const struct xmpp_server_ops server_ops = {
    .opened = opened,
    .stanza = stanza,
    .closed = closed,
};

static void
serve(const struct sockaddr_storage addresses[N_NODES])
{
    uv_loop_t loop;

    uv_loop_init(&loop);
    for (int i = 0; i < N_NODES; i++) {
        char host[32];
        struct tsn_err err;

        snprintf(host, sizeof host, "control-%d", i + 1);
        if (!xmpp_server_create(&loop, host, &addresses[i], XMPP_HOLD_MS,
                                &server_ops, NULL, &err)) {
            bench_die("%s", tsn_err_format(&err));
        }
    }
    uv_run(&loop, UV_RUN_DEFAULT);
}

static void
config_changed(void *aux OVS_UNUSED, const struct xmpp_view *view OVS_UNUSED,
               bool complete OVS_UNUSED)
{
}

static void
routes_changed(void *aux OVS_UNUSED, const char *instance OVS_UNUSED)
{
}

static void
session_changed(void *aux OVS_UNUSED)
{
}

static const struct xmpp_speaker_ops speaker_ops = {
    .config_changed = config_changed,
    .routes_changed = routes_changed,
    .session_changed = session_changed,
};

static unsigned int
count_up(struct xmpp_speaker *const *speakers, unsigned int n)
{
    unsigned int n_up = 0;

    for (unsigned int i = 0; i < n; i++) {
        for (unsigned int j = 0; j < N_NODES; j++) {
            n_up += speakers[i]->peers[j].up;
        }
    }
    return n_up;
}

static void
stop(uv_timer_t *timer)
{
    uv_stop(timer->loop);
}

static void
run_for(uv_loop_t *loop, unsigned int ms)
{
    uv_timer_t timer;

    uv_timer_init(loop, &timer);
    uv_timer_start(&timer, stop, ms, 0);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *) &timer, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
}

static void
connect_all(uv_loop_t *loop, const struct sockaddr_storage addresses[N_NODES],
            struct xmpp_speaker **speakers, unsigned int n)
{
    double end = bench_wall_s() + UP_TIMEOUT_S;

    for (unsigned int i = 0; i < n; i++) {
        char name[32];
        const struct xmpp_speaker_config config = {
            .name = name, .controllers = addresses, .n_controllers = N_NODES,
            .hold_s = XMPP_HOLD_MS / 1000, .stale_hold_s = 90,
        };

        snprintf(name, sizeof name, "tor-agent-%u", i + 1);
        speakers[i] = xmpp_speaker_create(loop, &config, &speaker_ops, NULL);
    }
    while (count_up(speakers, n) < n * N_NODES) {
        if (bench_wall_s() > end) {
            bench_die("only %u sessions are up", count_up(speakers, n));
        }
        run_for(loop, 100);
    }
    run_for(loop, SETTLE_S * 1000);
}

static void
measure(uv_loop_t *loop, unsigned int seconds, double *share, double *peak)
{
    double cpu_s = bench_cpu_s(), wall_s = bench_wall_s();

    *peak = 0;
    for (unsigned int i = 0; i < seconds; i++) {
        double before = bench_cpu_s();

        run_for(loop, 1000);
        *peak = MAX(*peak, bench_cpu_s() - before);
    }
    *share = (bench_cpu_s() - cpu_s) / (bench_wall_s() - wall_s);
}

int
bench_idle(unsigned int n, unsigned int seconds)
{
    struct xmpp_speaker **speakers = xcalloc(n, sizeof *speakers);
    struct sockaddr_storage addresses[N_NODES];
    struct rlimit files = { n * N_NODES + 64, n * N_NODES + 64 };
    double share, peak;
    uv_loop_t loop;

    if (setrlimit(RLIMIT_NOFILE, &files)) {
        bench_die("too few descriptors: %s", ovs_strerror(errno));
    }
    for (int i = 0; i < N_NODES; i++) {
        close(bench_listen(&addresses[i]));
    }
    pid_t pid = bench_fork();
    if (!pid) {
        serve(addresses);
        _exit(0);
    }
    uv_loop_init(&loop);
    run_for(&loop, 500);
    uint64_t before = bench_resident();
    connect_all(&loop, addresses, speakers, n);
    uint64_t held = bench_resident();
    measure(&loop, seconds, &share, &peak);
    if (count_up(speakers, n) < n * N_NODES) {
        bench_die("sessions were lost");
    }
    printf("{\"share\": %.6f, \"peak_s\": %.6f, \"resident\": %.0f, "
           "\"resident_later\": %.0f}\n", share, peak,
           (double) (held - before) / n,
           (double) (bench_resident() - before) / n);
    fflush(stdout);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    /* The sessions go with the process. */
    _exit(0);
}
