/* SPDX-License-Identifier: Apache-2.0 */
/* Measures flooding; each in a network namespace of its own:
 *
 *   flood-bench send INTERFACE MAC FROM TO BYTES BURST SECONDS
 *       broadcasts of BYTES in VXLAN 100 to MAC, BURST at a time, as fast as
 *       they go
 *   flood-bench node ENGINE ADDRESS FROM FIRST N
 *       the forwarder, with ENGINE (socket, ebpf, ebpf-generic), for members
 *       FROM and N from FIRST on, until its standard input ends
 *   flood-bench count INTERFACE
 *       an XDP program that counts and drops what comes in at INTERFACE;
 *       prints the count for every line on its standard input, and goes with
 *       it
 *   flood-bench change ADDRESS FROM FIRST N
 *       the forwarder with eBPF; gets one member more, or the one less again,
 *       for every line on its standard input and prints how many us that took;
 *       for the next line prints how many copies there have been
 *   flood-bench load ADDRESS FROM FIRST NETWORKS N
 *       so many networks of N members at once: prints seconds, and bytes of
 *       maps
 *   flood-bench ask FROM TO SECONDS
 *       ARP requests and DHCP in VXLAN 200, 100 of each a second; says how
 *       many were answered
 *   flood-bench answer ADDRESS FROM FIRST N ASKER
 *       as "node socket", but also answers ASKER
 *
 * "node", "count", "change" and "answer" print "ready" when they are, findings
 * as JSON. */
#include <config.h>
#include "flood-bench.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "replication/forwarder/forwarder.h"
#include "replication/forwarder/table.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "util.h"

void
flood_bench_ready(void)
{
    puts("ready");
    fflush(stdout);
}

bool
flood_bench_read_line(void)
{
    char line[16];

    return fgets(line, sizeof line, stdin);
}

static struct fwd_ip
parse_ip(const char *s)
{
    struct in_addr a;

    ovs_assert(inet_pton(AF_INET, s, &a) == 1);
    return fwd_ip_from_v4(a.s_addr);
}

struct fwd_network *
flood_bench_network(uint32_t vni, const char *from, uint32_t first, size_t n)
{
    struct fwd_member *members = xcalloc(n + 1, sizeof *members);
    struct fwd_net_counters *counters = fwd_net_counters_create();
    struct fwd_network_spec spec = {
        .net = { .vni = vni, .seed = 1, .service_mac = { 2, 1, 2, 3, 4, 5 } },
        .members = members, .n_members = n + 1,
    };

    members[n] = (struct fwd_member) {
        parse_ip(from), vni, FWD_TOR, FWD_VXLAN,
    };
    for (size_t i = 0; i < n; i++) {
        members[i] = (struct fwd_member) {
            fwd_ip_from_v4(htonl(first + i)), vni, FWD_TOR, FWD_VXLAN,
        };
    }
    struct fwd_network *network = fwd_network_create(&spec, counters);
    fwd_net_counters_unref(counters);
    free(members);
    return network;
}

struct fwd_table *
flood_bench_table(const char *from, const char *first, size_t n)
{
    struct fwd_network *network
        = flood_bench_network(FLOOD_BENCH_VNI, from, ntohl(inet_addr(first)),
                              n);
    struct fwd_table *table = fwd_table_create(&network, 1);

    fwd_network_unref(network);
    return table;
}

static double
cpu_s(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec
           + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static enum fwd_engine
parse_engine(const char *s)
{
    return !strcmp(s, "ebpf") ? FWD_ENGINE_EBPF
           : !strcmp(s, "ebpf-generic") ? FWD_ENGINE_EBPF_GENERIC
           : FWD_ENGINE_SOCKET;
}

static void
punted(const struct fwd_punted *p OVS_UNUSED, void *aux OVS_UNUSED)
{
}

struct fwd *
flood_bench_forwarder(struct tsn_loop *loop, const char *engine,
                      const char *address)
{
    struct fwd_config config = { .engine = parse_engine(engine) };
    struct tsn_err err;
    struct fwd *fwd;

    ovs_assert(!tsn_ip_parse(address, &config.address));
    if (fwd_create(tsn_loop_uv(loop), &config, punted, NULL, &fwd, &err)) {
        ovs_fatal(0, "%s", err.text);
    }
    return fwd;
}

void
flood_bench_resolve(struct tsn_loop *loop, struct fwd *fwd)
{
    uint64_t end = tsn_now_ms() + FLOOD_BENCH_RESOLVE_MS;
    struct fwd_status status;

    for (;;) {
        fwd_get_status(fwd, &status);
        if (!status.n_unresolved) {
            return;
        } else if (tsn_now_ms() > end) {
            ovs_fatal(0, "some endpoints do not resolve");
        }
        uv_run(tsn_loop_uv(loop), UV_RUN_ONCE);
    }
}

static int
node(char *argv[])
{
    struct tsn_loop *loop = tsn_loop_create("bench");
    struct fwd *fwd = flood_bench_forwarder(loop, argv[0], argv[1]);
    struct fwd_status status;

    fwd_publish(fwd, flood_bench_table(argv[2], argv[3], atoi(argv[4])));
    flood_bench_resolve(loop, fwd);
    flood_bench_ready();
    double start = cpu_s();
    while (flood_bench_read_line()) {
        continue;
    }

    const struct fwd_counters *c = fwd_totals(fwd);
    fwd_get_status(fwd, &status);
    printf("{\"engine\": \"%s\", \"frames\": %"PRIu64", \"copies\": "
           "%"PRIu64", \"failed\": %"PRIu64", \"overruns\": %"PRIu64", "
           "\"cpu_s\": %.3f}\n", status.engine,
           fwd_counter_read(&c->frames), fwd_counter_read(&c->copies),
           fwd_counter_read(&c->drops[FWD_DROP_COPY_FAILED]),
           status.overruns, cpu_s() - start);
    fwd_destroy(fwd);
    tsn_loop_destroy(loop);
    return 0;
}

int
main(int argc, char *argv[])
{
    static const struct {
        const char *name;
        int n_args;
        int (*run)(char *argv[]);
    } commands[] = {
        { "send", 7, flood_bench_send },
        { "node", 5, node },
        { "count", 1, flood_bench_count },
        { "change", 4, flood_bench_change },
        { "ask", 3, flood_bench_ask },
        { "answer", 5, flood_bench_answer },
        { "load", 5, flood_bench_load },
    };

    for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(argv[1], commands[i].name)
            && argc - 2 == commands[i].n_args) {
            return commands[i].run(argv + 2);
        }
    }
    fprintf(stderr,
            "usage: flood-bench send|node|count|change|load|ask|answer "
            "ARGUMENT...\n");
    return 1;
}
