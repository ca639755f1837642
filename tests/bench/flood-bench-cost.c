/* SPDX-License-Identifier: Apache-2.0 */
/* What it costs to change flood sets, and to have many of them. */
#include <config.h>
#include "flood-bench.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "replication/forwarder/forwarder.h"
#include "replication/forwarder/table.h"
#include "tests/unit/map_memory.h"
#include "tsn/loop.h"
#include "util.h"

/* Endpoints of all networks together, each of which has some that are next to
 * each other. */
#define N_ENDPOINTS 1000
#define STRIDE 7                /* From a network's first to the next one's. */

static uint64_t
now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * UINT64_C(1000000) + ts.tv_nsec / 1000;
}

/* Publishes 'table'.  Returns how many us it takes until programs have it,
 * with a way to everybody in it. */
static uint64_t
publish(struct tsn_loop *loop, struct fwd *fwd, struct fwd_table *table)
{
    uint64_t start = now_us();

    fwd_publish(fwd, table);
    flood_bench_resolve(loop, fwd);
    return now_us() - start;
}

static void
print_number(uint64_t n)
{
    printf("%"PRIu64"\n", n);
    fflush(stdout);
}

int
flood_bench_change(char *argv[])
{
    struct tsn_loop *loop = tsn_loop_create("bench");
    struct fwd *fwd = flood_bench_forwarder(loop, "ebpf", argv[0]);
    size_t n = atoi(argv[3]);

    publish(loop, fwd, flood_bench_table(argv[1], argv[2], n));
    flood_bench_ready();
    for (bool more = true; flood_bench_read_line(); more = !more) {
        struct fwd_table *table
            = flood_bench_table(argv[1], argv[2], n + more);

        print_number(publish(loop, fwd, table));
        if (!flood_bench_read_line()) {
            break;
        }
        print_number(fwd_counter_read(&fwd_totals(fwd)->copies));
        /* What the set was before is used again. */
        uv_run(tsn_loop_uv(loop), UV_RUN_NOWAIT);
    }
    fwd_destroy(fwd);
    tsn_loop_destroy(loop);
    return 0;
}

static struct fwd_table *
make_networks(const char *from, uint32_t first, size_t n_networks, size_t n)
{
    struct fwd_network **networks = xcalloc(n_networks, sizeof *networks);

    ovs_assert(n < N_ENDPOINTS);
    for (size_t i = 0; i < n_networks; i++) {
        uint32_t at = i * STRIDE % (N_ENDPOINTS - n);

        networks[i] = flood_bench_network(FLOOD_BENCH_VNI + i, from,
                                          first + at, n);
    }
    struct fwd_table *table = fwd_table_create(networks, n_networks);
    for (size_t i = 0; i < n_networks; i++) {
        fwd_network_unref(networks[i]);
    }
    free(networks);
    return table;
}

int
flood_bench_load(char *argv[])
{
    struct tsn_loop *loop = tsn_loop_create("bench");
    struct fwd *fwd = flood_bench_forwarder(loop, "ebpf", argv[0]);
    /* Who sends is one of the members. */
    struct fwd_table *table = make_networks(argv[1],
                                            ntohl(inet_addr(argv[2])),
                                            atoi(argv[3]), atoi(argv[4]) - 1);
    uint64_t us = publish(loop, fwd, table), memory = map_memory();
    struct fwd_status status;

    ovs_assert(memory);
    fwd_get_status(fwd, &status);
    printf("{\"engine\": \"%s\", \"s\": %.6f, \"bytes\": %"PRIu64"}\n",
           status.engine, us / 1e6, memory);
    fwd_destroy(fwd);
    tsn_loop_destroy(loop);
    return 0;
}
