/* SPDX-License-Identifier: Apache-2.0 */
/* Frames at full rate, of several networks in turn and on each CPU, while a
 * member of one comes and goes every 100 ms: the others get each frame exactly
 * once.  For $TSN_SOAK_S seconds each, if that is set;
 * see "scripts/test --soak".
 *
 * usage: test_fwd_soak [PATTERN]       of the tests those that it matches */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "bpf_rig.h"
#include "generic_xdp.h"
#include "replication/forwarder/forwarder.h"
#include "tsn/model.h"
#include "xdp_load.h"
#include "xdp_load_abi.h"

#define SHORT_S 4               /* Of "make check". */
#define CHURN_MS 100
#define PROGRESS_MS 60000
#define VNI 1000
#define MEMBER(I) (0x0a070001 + (I))
#define N_MEMBERS 9             /* Of each; the first one sends. */
/* The first of them has guests; the others are of different sizes. */
#define N_NETWORKS 3

struct soak {
    struct tsn_loop *loop;
    struct fwd *fwd;
    struct fwd_net_counters *counters[N_NETWORKS];
    struct xdp_load *load;
    struct xdp_load_result result;
    unsigned int changes;
    uint64_t ms;
};

/* Members who come and go: their copies go before and behind those of the
 * others. */
static const struct {
    uint32_t ip;
    enum fwd_class class;
} guests[] = {
    { 0x0a060001, FWD_TOR }, { 0x0a080001, FWD_TOR },
    { 0x0a080002, FWD_EVPN },
};

/* A network of its members and 'n_guests' from guests[first] on. */
static struct fwd_network *
make_network(uint32_t vni, size_t first, size_t n_guests,
             struct fwd_net_counters *counters)
{
    struct fwd_member members[N_MEMBERS + ARRAY_SIZE(guests)];
    size_t n = 0;

    for (size_t i = 0; i < N_MEMBERS + n_guests; i++) {
        bool guest = i >= N_MEMBERS;
        size_t g = (first + i - N_MEMBERS) % ARRAY_SIZE(guests);

        members[n++] = (struct fwd_member) {
            fwd_ip_from_v4(htonl(guest ? guests[g].ip : MEMBER(i))), vni,
            guest ? guests[g].class : FWD_TOR, FWD_VXLAN,
        };
    }
    struct fwd_network_spec spec = {
        .net = { .vni = vni, .service_mac = SERVICE },
        .members = members, .n_members = n,
    };
    return fwd_network_create(&spec, counters);
}

/* The table after so many changes. */
static struct fwd_table *
make_table(const struct soak *soak)
{
    struct fwd_network *networks[N_NETWORKS];

    for (size_t i = 0; i < N_NETWORKS; i++) {
        networks[i] = make_network(VNI + i, i ? 0 : soak->changes / 2,
                                   i ? i : soak->changes % 2,
                                   soak->counters[i]);
    }
    struct fwd_table *table = fwd_table_create(networks, N_NETWORKS);
    for (size_t i = 0; i < N_NETWORKS; i++) {
        fwd_network_unref(networks[i]);
    }
    return table;
}

static struct xdp_load *
create_load(void)
{
    static const uint8_t everybody[6] = EVERYBODY, b1[6] = B1;
    struct frame f = { .size = 0 };
    struct wire w;

    put_mac_header(&f, everybody, b1, -1, 0x88b5);
    memset(f.data + f.size, 0, sizeof f.data - f.size);
    wire_from(&w, "10.7.0.1", FWD_VXLAN, VNI, 0, f.data,
              LOAD_FRAME_SIZE - (LOAD_MARK_AT - FWD_ETHER_LEN));
    assert_int_equal(w.size, LOAD_FRAME_SIZE);
    return xdp_load_create(&(struct xdp_load_config) {
        .netns = netns_peer, .interface = "p0", .frame = w.data,
        .node = NODE, .first_member = MEMBER(1), .n_members = N_MEMBERS - 1,
        .n_others = N_NETWORKS - 1, .vni = VNI, .n_vnis = N_NETWORKS,
        .n_streams = 2,
    });
}

static void
no_punt(const struct fwd_punted *p OVS_UNUSED, void *aux OVS_UNUSED)
{
}

static void
turn(struct soak *soak)
{
    struct pollfd fd = {
        .fd = uv_backend_fd(tsn_loop_uv(soak->loop)), .events = POLLIN,
    };

    uv_run(tsn_loop_uv(soak->loop), UV_RUN_NOWAIT);
    poll(&fd, 1, 1);
}

static void
wait_ready(struct soak *soak)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;
    struct fwd_status status;

    do {
        turn(soak);
        fwd_get_status(soak->fwd, &status);
        if (tsn_now_ms() >= end) {
            fail_msg("not ready: %s, %zu unresolved", status.reason,
                     status.n_unresolved);
        }
    } while (!status.running || status.n_unresolved);
}

static void
progress(const struct soak *soak)
{
    const struct xdp_load_result *r = &soak->result;

    print_message("%llu s, %llu frames, %llu copies, %llu for guests, "
                  "%u changes, %llu lost, %llu twice, %llu late, %llu bad\n",
                  (unsigned long long) soak->ms / 1000,
                  (unsigned long long) r->frames,
                  (unsigned long long) r->copies,
                  (unsigned long long) r->others, soak->changes,
                  (unsigned long long) r->lost, (unsigned long long) r->twice,
                  (unsigned long long) r->late, (unsigned long long) r->bad);
}

/* Returns false if copies come no more. */
static bool
look(struct soak *soak)
{
    uint64_t copies = soak->result.copies;

    xdp_load_read(soak->load, &soak->result);
    return soak->result.copies > copies;
}

/* Until the time is over, or no copies come any more. */
static void
run_soak(struct soak *soak)
{
    const char *seconds = getenv("TSN_SOAK_S");
    uint64_t start = tsn_now_ms(), next = start, said = start, moved = start;
    uint64_t wanted_ms = (seconds ? atoi(seconds) : SHORT_S) * 1000ull;

    xdp_load_start(soak->load);
    while (soak->ms < wanted_ms && tsn_now_ms() < moved + WAIT_MS) {
        uint64_t now = tsn_now_ms();

        soak->ms = now - start;
        if (now >= next) {
            next += CHURN_MS;
            soak->changes++;
            fwd_publish(soak->fwd, make_table(soak));
            moved = look(soak) ? now : moved;
        }
        if (now >= said + PROGRESS_MS) {
            said += PROGRESS_MS;
            progress(soak);
        }
        turn(soak);
    }
    xdp_load_stop(soak->load);
    look(soak);
    progress(soak);
    print_message("%llu copies/s\n", (unsigned long long)
                  (soak->result.copies * 1000 / MAX(soak->ms, 1)));
}

static void
check_soak(struct soak *soak, const char *engine)
{
    const struct xdp_load_result *r;
    struct fwd_status status;

    if (!soak) {
        skip();
    }
    r = &soak->result;
    fwd_get_status(soak->fwd, &status);
    assert_string_equal(status.engine, engine);
    run_soak(soak);
    assert_true(r->frames > 0);
    assert_true(r->others > 0);
    assert_int_equal(r->lost, 0);
    assert_int_equal(r->twice, 0);
    assert_int_equal(r->bad, 0);
    assert_int_equal(r->copies, r->frames * (N_MEMBERS - 1));
    assert_int_equal(fwd_totals(soak->fwd)->flooded, r->frames);
    fwd_get_status(soak->fwd, &status);
    assert_string_equal(status.engine, engine);
}

static void
soak__ebpf__unchanged_members_get_each_frame_once(void **state)
{
    check_soak(*state, "ebpf");
}

static void
soak__ebpf_generic__unchanged_members_get_each_frame_once(void **state)
{
    check_soak(*state, "ebpf-generic");
}

static void
soak__socket__unchanged_members_get_each_frame_once(void **state)
{
    check_soak(*state, "socket");
}

static int
setup(void **state, enum fwd_engine engine)
{
    struct fwd_config config = { .engine = engine };
    const char *reason;
    struct tsn_err err;

    *state = NULL;
    if (skip_generic_xdp(engine)) {
        return 0;
    }
    reason = rig_enter();
    if (reason) {
        print_message("SKIP: %s\n", reason);
        return 0;
    }
    rig_connect(true);
    sh("ethtool -K u0 gro on");
    /* For pins that vanish with this process. */
    mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL);
    struct xdp_load *load = create_load();
    if (!load) {
        print_message("SKIP: no XDP for the sink\n");
        return 0;
    }
    struct soak *soak = xzalloc(sizeof *soak);
    soak->load = load;
    soak->loop = tsn_loop_create("test");
    for (size_t i = 0; i < N_NETWORKS; i++) {
        soak->counters[i] = fwd_net_counters_create();
    }
    assert_int_equal(tsn_ip_parse(NODE, &config.address), 0);
    if (fwd_create(tsn_loop_uv(soak->loop), &config, no_punt, NULL,
                   &soak->fwd, &err)) {
        fail_msg("%s", tsn_err_format(&err));
    }
    fwd_publish(soak->fwd, make_table(soak));
    fwd_set_complete(soak->fwd);
    wait_ready(soak);
    *state = soak;
    return 0;
}

static int
setup_ebpf(void **state)
{
    return setup(state, FWD_ENGINE_EBPF);
}

static int
setup_ebpf_generic(void **state)
{
    return setup(state, FWD_ENGINE_EBPF_GENERIC);
}

static int
setup_socket(void **state)
{
    return setup(state, FWD_ENGINE_SOCKET);
}

static int
teardown(void **state)
{
    struct soak *soak = *state;

    if (soak) {
        fwd_destroy(soak->fwd);
        for (size_t i = 0; i < N_NETWORKS; i++) {
            fwd_net_counters_unref(soak->counters[i]);
        }
        tsn_loop_destroy(soak->loop);
        xdp_load_destroy(soak->load);
        free(soak);
    }
    netns_leave();
    return 0;
}

int
main(int argc, char *argv[])
{
#define TEST(NAME, SETUP) \
    cmocka_unit_test_setup_teardown(NAME, SETUP, teardown)
    const struct CMUnitTest tests[] = {
        TEST(soak__ebpf__unchanged_members_get_each_frame_once, setup_ebpf),
        TEST(soak__ebpf_generic__unchanged_members_get_each_frame_once,
             setup_ebpf_generic),
        TEST(soak__socket__unchanged_members_get_each_frame_once,
             setup_socket),
    };

    if (!getenv("TSN_TEST_VERBOSE")) {
        vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    }
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
