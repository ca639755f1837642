/* SPDX-License-Identifier: Apache-2.0 */
/* An underlay of jumbo frames.  XDP programs flood natively what is in one
 * piece of memory; frames in several the socket engine floods.  All arrive. */
#include <config.h>
#include "replication/forwarder/forwarder.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <cmocka.h>

#include "openvswitch/vlog.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "udp_peers.h"

#define WAIT_MS 10000           /* At most, for what must happen. */
#define QUIET_MS 50             /* For what must not. */
#define MTU 9000

struct rig {
    struct tsn_loop *loop;
    struct fwd *fwd;
    int peers[N_PEERS];
};

static void
publish(struct rig *rig)
{
    const struct fwd_member members[] = {
        { ip(T1), BLUE, FWD_TOR, FWD_VXLAN },
        { ip(T2), BLUE, FWD_TOR, FWD_VXLAN },
        { ip(Q), BLUE, FWD_EVPN, FWD_VXLAN },
    };
    const struct fwd_network_spec spec = {
        .net = { .vni = BLUE, .service_mac = SERVICE },
        .members = members, .n_members = ARRAY_SIZE(members),
    };
    struct fwd_net_counters *counters = fwd_net_counters_create();
    struct fwd_network *network = fwd_network_create(&spec, counters);

    fwd_publish(rig->fwd, fwd_table_create(&network, 1));
    fwd_network_unref(network);
    fwd_net_counters_unref(counters);
}

static void
turn(struct rig *rig)
{
    struct pollfd fd = {
        .fd = uv_backend_fd(tsn_loop_uv(rig->loop)), .events = POLLIN,
    };

    uv_run(tsn_loop_uv(rig->loop), UV_RUN_NOWAIT);
    poll(&fd, 1, 1);
}

static void
wait_ready(struct rig *rig)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;
    struct fwd_status status;

    do {
        turn(rig);
        fwd_get_status(rig->fwd, &status);
    } while ((status.n_unresolved || !status.running || !status.n_interfaces)
             && tsn_now_ms() < end);
    assert_int_equal(status.n_unresolved, 0);
    assert_true(status.running);
}

static int
setup(void **state)
{
    struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
    struct fwd_config config = { .engine = FWD_ENGINE_EBPF };
    struct tsn_err err;

    *state = NULL;
    if (!netns_enter()) {
        print_message("SKIP: no permission for network namespaces\n");
        return 0;
    }
    setrlimit(RLIMIT_MEMLOCK, &unlimited);
    connect_peers(MTU);
    struct rig *rig = xzalloc(sizeof *rig);
    rig->loop = tsn_loop_create("test");
    assert_int_equal(tsn_ip_parse(NODE, &config.address), 0);
    int error = fwd_create(tsn_loop_uv(rig->loop), &config, NULL, rig,
                           &rig->fwd, &err);
    if (error == -EPERM || error == -ENOSYS) {
        print_message("SKIP: %s\n", tsn_err_format(&err));
        tsn_loop_destroy(rig->loop);
        free(rig);
        return 0;
    }
    assert_int_equal(error, 0);
    open_peers(rig->peers);
    publish(rig);
    wait_ready(rig);
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    if (rig) {
        fwd_destroy(rig->fwd);
        close_peers(rig->peers);
        tsn_loop_destroy(rig->loop);
        free(rig);
    }
    netns_leave();
    return 0;
}

/* A broadcast whose VXLAN packet has 'size' octets without IP's and UDP's
 * headers, all of them with a meaning. */
static void
make_broadcast(struct frame *f, size_t size)
{
    static const uint8_t all[] = EVERYBODY, b1[] = B1;

    put_ether(f, BLUE, all, b1, -1, 0x88b5);
    while (f->size < size) {
        f->data[f->size] = f->size * 7 + size;
        f->size++;
    }
}

/* One copy, and no more, comes to a peer. */
static void
check_copy(struct rig *rig, enum peer peer, const struct frame *f)
{
    struct pollfd fd = { .fd = rig->peers[peer], .events = POLLIN };
    uint64_t end = tsn_now_ms() + WAIT_MS;
    struct frame got;

    while (!poll(&fd, 1, 0) && tsn_now_ms() < end) {
        turn(rig);
    }
    got.size = recv(fd.fd, got.data, sizeof got.data, MSG_DONTWAIT);
    assert_int_equal(got.size, f->size);
    assert_memory_equal(got.data, f->data, f->size);
    assert_int_equal(poll(&fd, 1, QUIET_MS), 0);
}

static void
engine__jumbo_underlay__native_and_all_sizes_arrive(void **state)
{
    /* Up to the MTU; about one page is where it gets interesting. */
    static const size_t sizes[] = {
        68, 1500, 3300, 3400, 3500, 3600, 3700, 3800, 3900, 4000, 4100, 4200,
        8000, MTU - 28,
    };
    const struct sockaddr_in to = sin_of(NODE);
    struct rig *rig = *state;
    struct fwd_status status;

    if (!rig) {
        skip();
    }
    fwd_get_status(rig->fwd, &status);
    assert_string_equal(status.engine, "ebpf");
    /* Not "xdpgeneric". */
    sh("ip link show dev u0 | grep -qw xdp");
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct frame f;

        make_broadcast(&f, sizes[i]);
        assert_int_equal(sendto(rig->peers[P_T1], f.data, f.size, 0,
                                (const struct sockaddr *) &to, sizeof to),
                         f.size);
        check_copy(rig, P_T2, &f);
        check_copy(rig, P_Q, &f);
    }
    const struct fwd_counters *c = fwd_totals(rig->fwd);
    assert_int_equal(c->flooded, ARRAY_SIZE(sizes));
    assert_int_equal(c->copies, 2 * ARRAY_SIZE(sizes));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            engine__jumbo_underlay__native_and_all_sizes_arrive, setup,
            teardown),
    };

    if (!getenv("TSN_TEST_VERBOSE")) {
        vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
