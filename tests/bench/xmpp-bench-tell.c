/* SPDX-License-Identifier: Apache-2.0 */
/* What a client does to publish routes: from what the owner wants to the
 * bytes that the kernel has taken.  The control node is another process that
 * reads as fast as it can. */
#include <config.h>
#include "tests/bench/xmpp-bench.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "xmpp/conn.h"
#include "xmpp/route.h"
#include "xmpp/speaker-private.h"
#include "xmpp/stanza.h"
#include "xmpp/transport.h"

#define NAME "tor-agent-1"

/* What the control node reads at once. */
#define DRAIN_SIZE (256u << 10)

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

/* The control node: answers the stream header, then only reads.  Writes the
 * number of bytes that came into 'result'. */
static void
drain(int listener, int result)
{
    static char buf[DRAIN_SIZE];
    struct ds header = DS_EMPTY_INITIALIZER;
    int fd = accept(listener, NULL, NULL);
    uint64_t n_bytes = 0;
    ssize_t n;

    xmpp_put_server_header(&header, "control-1", NAME);
    if (fd < 0 || write(fd, header.string, header.length) < 0) {
        bench_die("no session: %s", ovs_strerror(errno));
    }
    while ((n = read(fd, buf, sizeof buf)) > 0) {
        n_bytes += n;
    }
    if (write(result, &n_bytes, sizeof n_bytes) != sizeof n_bytes) {
        bench_die("no result: %s", ovs_strerror(errno));
    }
}

/* Runs the loop until all routes have left. */
static void
tell(uv_loop_t *loop, struct xmpp_speaker *sp,
     const char instances[N_NETWORKS][NETWORK_STRLEN], unsigned int n_routes)
{
    const struct peer *peer = &sp->peers[0];

    for (unsigned int i = 0; i < n_routes; i++) {
        struct xmpp_evpn route;
        unsigned int n = i % N_NETWORKS;

        bench_route(n, i / N_NETWORKS, NULL, &route);
        if (xmpp_speaker_publish(sp, instances[n], &route)) {
            bench_die("not published");
        }
        xmpp_evpn_fini(&route);
    }
    while (peer->n_published < n_routes
           || xmpp_transport_unsent(peer->transport)) {
        if (!peer->up) {
            bench_die("session lost");
        }
        uv_run(loop, UV_RUN_ONCE);
    }
}

int
bench_encode(unsigned int n_routes)
{
    struct sockaddr_storage address;
    int listener = bench_listen(&address), result[2];
    char instances[N_NETWORKS][NETWORK_STRLEN];
    uint64_t n_received;
    uv_loop_t loop;

    if (pipe(result)) {
        bench_die("no pipe: %s", ovs_strerror(errno));
    }
    pid_t pid = bench_fork();
    if (!pid) {
        drain(listener, result[1]);
        _exit(0);
    }
    const struct xmpp_speaker_config config = {
        .name = NAME, .controllers = &address, .n_controllers = 1,
        .hold_s = 90, .stale_hold_s = 90,
    };
    uv_loop_init(&loop);
    struct xmpp_speaker *sp = xmpp_speaker_create(&loop, &config,
                                                  &speaker_ops, NULL);
    while (!sp->peers[0].up) {
        uv_run(&loop, UV_RUN_ONCE);
    }
    for (unsigned int n = 0; n < N_NETWORKS; n++) {
        xmpp_speaker_subscribe(sp, bench_instance(n, instances[n]), 1 + n);
    }

    double cpu_s = bench_cpu_s(), wall_s = bench_wall_s();
    tell(&loop, sp, instances, n_routes);
    cpu_s = bench_cpu_s() - cpu_s;
    wall_s = bench_wall_s() - wall_s;

    uint64_t n_sent = xmpp_conn_counters(
        xmpp_transport_conn(sp->peers[0].transport))->tx_bytes;
    xmpp_speaker_destroy(sp);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    if (read(result[0], &n_received, sizeof n_received) != sizeof n_received
        || waitpid(pid, NULL, 0) != pid || n_received != n_sent) {
        bench_die("not all bytes arrived");
    }
    printf("{\"per_cpu_s\": %.0f, \"per_wall_s\": %.0f, \"bytes\": %.0f}\n",
           n_routes / cpu_s, n_routes / wall_s, (double) n_sent / n_routes);
    return 0;
}
