/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "bpf_run.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "replication/forwarder/bpf-endpoint.h"
#include "replication/forwarder/bpf-flood.h"
#include "replication/forwarder/bpf-grace.h"
#include "replication/forwarder/bpf-tables.h"
#include "tsn/error.h"
#include "tsn/loop.h"

#define WAIT_MS 10000           /* At most, for endpoints to resolve. */

struct bpf_run {
    struct tsn_loop *loop;
    struct fwd_host host;
    struct fwd_table *table;
    struct fwd_bpf_maps *maps;
    struct fwd_bpf_grace *grace;
    struct fwd_bpf_endpoints *endpoints;
    struct fwd_bpf_floods *floods;
    struct fwd_bpf_tables *tables;
    struct bpf_object *runnable;        /* Egress programs to run. */
    int egress[FWD_BPF_MAX_DEVS];
    struct fwd_counters counted;        /* By the last bpf_run_count(). */
};

static void
device(unsigned int dev, int ifindex, void *run_)
{
    struct bpf_run *run = run_;

    fwd_bpf_floods_prepare(run->floods, dev, ifindex);
    assert_int_equal(fwd_bpf_devmap_set(run->maps->fds[FWD_BPF_RELAYS], dev,
                                        ifindex, run->maps->egress[dev]), 0);
}

static void
arrival(int ifindex OVS_UNUSED, void *run OVS_UNUSED)
{
    /* Nothing comes in. */
}

static void
moved(void *run_)
{
    struct bpf_run *run = run_;

    fwd_bpf_tables_moved(run->tables);
    assert_false(fwd_bpf_tables_rewrite(run->tables, SIZE_MAX));
    fwd_bpf_endpoints_settle(run->endpoints);
}

static const struct fwd_bpf_endpoint_ops endpoint_ops = {
    .device = device,
    .arrival = arrival,
    .moved = moved,
};

/* Has 'object' use the maps of 'other', which is the same and loaded, but for
 * the one that is for programs of their type alone. */
static void
share_maps(struct bpf_object *object, const struct bpf_object *other)
{
    struct bpf_map *map = NULL, *theirs = NULL;

    while ((map = bpf_object__next_map(object, map))) {
        theirs = bpf_object__next_map(other, theirs);
        assert_non_null(theirs);
        assert_string_equal(bpf_map__name(map), bpf_map__name(theirs));
        if (bpf_map__type(map) != BPF_MAP_TYPE_PROG_ARRAY) {
            assert_int_equal(bpf_map__reuse_fd(map, bpf_map__fd(theirs)), 0);
        }
    }
}

static void
load_runnable(struct bpf_run *run)
{
    struct bpf_object *object = bpf_object__open_file(FWD_BPF_OBJECT, NULL);
    struct bpf_program *program;

    assert_non_null(object);
    run->runnable = object;
    share_maps(object, run->maps->object);
    bpf_object__for_each_program (program, object) {
        bpf_program__set_expected_attach_type(program, BPF_XDP);
    }
    /* It asks for the interface, which there is none of. */
    program = bpf_object__find_program_by_name(object, "heir");
    bpf_program__set_autoload(program, false);
    assert_int_equal(bpf_object__load(object), 0);
    for (unsigned int i = 0; i < FWD_BPF_MAX_DEVS; i++) {
        char name[16];

        snprintf(name, sizeof name, "egress_%u", i);
        program = bpf_object__find_program_by_name(object, name);
        assert_non_null(program);
        run->egress[i] = bpf_program__fd(program);
    }
}

static void
create_parts(struct bpf_run *run)
{
    uv_loop_t *loop = tsn_loop_uv(run->loop);
    struct tsn_err err;

    assert_int_equal(fwd_bpf_grace_create(loop, run->maps, &run->grace), 0);
    assert_int_equal(fwd_bpf_endpoints_create(loop, run->maps, run->grace,
                                              &run->host, &endpoint_ops,
                                              run, &run->endpoints, &err), 0);
    run->floods = fwd_bpf_floods_create(run->maps, run->endpoints,
                                        run->grace);
    const struct fwd_bpf_parts parts = {
        .host = &run->host, .maps = run->maps, .grace = run->grace,
        .endpoints = run->endpoints, .floods = run->floods,
    };
    run->tables = fwd_bpf_tables_create(&parts);
}

static bool
any_has_moved(const struct bpf_run *run)
{
    for (size_t i = 0; i < run->table->n_networks; i++) {
        const struct fwd_network *network = run->table->networks[i];

        for (int class = 0; class < FWD_N_CLASSES; class++) {
            const struct fwd_member *m
                = &network->members[network->first[class]];

            for (size_t j = 0; j < network->n_members[class]; j++) {
                if (fwd_bpf_endpoint_has_moved(run->endpoints, &m[j].ip)) {
                    return true;
                }
            }
        }
    }
    return false;
}

static void
turn_before(struct bpf_run *run, uint64_t end)
{
    struct pollfd fd = {
        .fd = uv_backend_fd(tsn_loop_uv(run->loop)), .events = POLLIN,
    };

    assert_true(tsn_now_ms() < end);
    uv_run(tsn_loop_uv(run->loop), UV_RUN_NOWAIT);
    poll(&fd, 1, 1);
}

void
bpf_run_wait(struct bpf_run *run, size_t n_unresolved)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;

    while (fwd_bpf_n_pending(run->endpoints) != n_unresolved
           || any_has_moved(run)) {
        turn_before(run, end);
    }
}

bool
bpf_run_settle_amid(struct bpf_run *run)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;

    while (!any_has_moved(run)) {
        turn_before(run, end);
    }
    fwd_bpf_endpoints_settle(run->endpoints);
    return any_has_moved(run);
}

/* The egress programs count copies for each CPU. */
static void
stay_on_one_cpu(void)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(sched_getcpu(), &cpus);
    assert_int_equal(sched_setaffinity(0, sizeof cpus, &cpus), 0);
}

struct bpf_run *
bpf_run_create(const struct fwd_host *host, struct fwd_table *table)
{
    return bpf_run_create_with(host, table, 0);
}

struct bpf_run *
bpf_run_create_with(const struct fwd_host *host, struct fwd_table *table,
                    size_t n_unresolved)
{
    struct bpf_run *run = xzalloc(sizeof *run);
    struct tsn_err err;

    run->host = *host;
    run->host.mtu = 0;          /* As the engine does. */
    run->table = table;
    int error = fwd_bpf_maps_load(&run->host, &run->maps, &err);
    if (error == -EPERM || error == -ENOSYS) {
        print_message("SKIP: %s\n", tsn_err_format(&err));
        fwd_table_destroy(table);
        free(run);
        return NULL;
    } else if (error) {
        fail_msg("%s", tsn_err_format(&err));
    }
    stay_on_one_cpu();
    run->loop = tsn_loop_create("test");
    create_parts(run);
    fwd_bpf_tables_publish(run->tables, table);
    bpf_run_wait(run, n_unresolved);
    load_runnable(run);
    return run;
}

void
bpf_run_destroy(struct bpf_run *run)
{
    if (run) {
        fwd_bpf_tables_destroy(run->tables);
        fwd_bpf_floods_destroy(run->floods);
        fwd_bpf_endpoints_destroy(run->endpoints);
        fwd_bpf_grace_destroy(run->grace);
        bpf_object__close(run->runnable);
        fwd_bpf_maps_close(run->maps);
        fwd_table_destroy(run->table);
        tsn_loop_destroy(run->loop);
        free(run);
    }
}

const struct fwd_table *
bpf_run_table(const struct bpf_run *run)
{
    return run->table;
}

static uint32_t
run_program(int program, const struct frame *in, struct frame *out)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts,
                .data_in = in->data, .data_size_in = in->size,
                .data_out = out->data, .data_size_out = sizeof out->data,
                .repeat = 1);

    int error = bpf_prog_test_run_opts(program, &opts);
    if (error) {
        fail_msg("the kernel does not run a program on %zu octets: %s",
                 in->size, ovs_strerror(-error));
    }
    out->size = opts.data_size_out;
    return opts.retval;
}

uint32_t
bpf_run_ingress(struct bpf_run *run, const struct frame *in,
                struct frame *out)
{
    return run_program(run->maps->ingress, in, out);
}

uint32_t
bpf_run_egress(struct bpf_run *run, unsigned int dev, const struct frame *in,
               struct frame *out)
{
    return run_program(run->egress[dev], in, out);
}

static struct fwd_bpf_cookie
cookie_of(const struct frame *redirected)
{
    struct fwd_bpf_cookie cookie;

    assert_true(redirected->size >= sizeof cookie);
    memcpy(&cookie, redirected->data, sizeof cookie);
    assert_int_equal(cookie.type, FWD_BPF_COOKIE);
    assert_in_range(cookie.net, 1, FWD_BPF_MAX_RECORDS - 1);
    assert_in_range(cookie.class, 0, FWD_N_CLASSES - 1);
    return cookie;
}

/* Opens the device map that the ingress program has chosen. */
static int
open_flood(const struct bpf_run *run, const struct fwd_bpf_cookie *cookie)
{
    uint32_t which = 0, id;

    for (int i = 0; i < FWD_N_CLASSES; i++) {
        which = cookie->at[i] != FWD_BPF_NONE ? 1u + cookie->dev : which;
    }
    assert_in_range(which, 0, FWD_BPF_MAX_DEVS);
    uint32_t key = run->maps->nets[cookie->net].floods[cookie->class][which];
    assert_int_equal(bpf_map_lookup_elem(run->maps->fds[FWD_BPF_FLOODS], &key,
                                         &id), 0);
    int fd = bpf_map_get_fd_by_id(id);
    assert_true(fd >= 0);
    return fd;
}

uint32_t
bpf_run_n_copies(const struct bpf_run *run, const struct frame *redirected,
                 unsigned int dev)
{
    const struct fwd_bpf_cookie cookie = cookie_of(redirected);
    int ifindex = bpf_run_ifindex(run, dev);
    struct bpf_devmap_val value;
    uint32_t n = 0;

    if (cookie.single) {
        const struct fwd_bpf_way *ways
            = run->maps->endpoints[cookie.to.endpoint].ways;

        return ways[!(ways[0].flags & FWD_BPF_FOREMOST)].dev == dev;
    }
    int fd = open_flood(run, &cookie);
    for (uint32_t i = 0; !bpf_map_lookup_elem(fd, &i, &value); i++) {
        n += ifindex && value.ifindex == (uint32_t) ifindex;
    }
    close(fd);
    return n;
}

bool
bpf_run_is_single(const struct frame *redirected)
{
    return cookie_of(redirected).single;
}

int
bpf_run_ifindex(const struct bpf_run *run, unsigned int dev)
{
    return fwd_bpf_dev_ifindex(run->endpoints, dev);
}

void
bpf_run_count(struct bpf_run *run, struct fwd_counters *c)
{
    struct fwd_counters before = run->counted;
    const uint64_t *old = (const void *) &before;
    uint64_t *new = (void *) c;

    fwd_bpf_tables_count(run->tables, &run->counted);
    *c = run->counted;
    for (size_t i = 0; i < sizeof *c / sizeof *new; i++) {
        new[i] -= old[i];
    }
}
