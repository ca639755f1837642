/* SPDX-License-Identifier: Apache-2.0 */
/* Storm control in the engines, in a network namespace with all endpoints in
 * another one.  Limits are bursts with a frame per hour after them, so that
 * all numbers are exact. */
#include <config.h>
#include "replication/forwarder/forwarder.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <cmocka.h>

#include "openvswitch/vlog.h"
#include "replication/forwarder/bucket.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "udp_peers.h"

#define WAIT_MS 10000           /* At most, for what must happen. */
#define QUIET_MS 100            /* For what must not. */
#define CHUNK 64                /* Fewer than the ring of a veth has. */

#define GREEN 200
#define HOUR ((3600ULL * 1000000000) << FWD_TIME_SHIFT)

struct rig {
    struct tsn_loop *loop;
    struct fwd *fwd;
    struct fwd_net_counters *blue, *green;
    int peers[N_PEERS];
    int n_punts;
};

static struct fwd_network *
make_network(uint32_t vni, struct fwd_net_counters *counters)
{
    struct fwd_member members[] = {
        { ip(T1), vni, FWD_TOR, FWD_VXLAN },
        { ip(T2), vni, FWD_TOR, FWD_VXLAN },
        { ip(Q), vni, FWD_EVPN, FWD_VXLAN },
    };
    struct fwd_mac_entry macs[] = {
        { B1, { 0 },
          { ip(T1), vni, FWD_MAC_ROUTE | FWD_MAC_DHCP4, FWD_VXLAN } },
        { B2, { 0 }, { ip(T2), vni, FWD_MAC_ROUTE, FWD_VXLAN } },
    };
    struct fwd_arp_entry arps[] = {
        { inet_addr("192.0.2.11"), { B2, 0, 0 } },
    };
    struct fwd_network_spec spec = {
        .net = { .vni = vni, .service_mac = SERVICE,
                 .services = 1 << FWD_PUNT_ND },
        .members = members, .n_members = ARRAY_SIZE(members),
        .macs = macs, .n_macs = ARRAY_SIZE(macs),
        .arps = arps, .n_arps = ARRAY_SIZE(arps),
    };

    return fwd_network_create(&spec, counters);
}

static void
publish(struct rig *rig)
{
    struct fwd_network *networks[] = {
        make_network(BLUE, rig->blue), make_network(GREEN, rig->green),
    };

    fwd_publish(rig->fwd, fwd_table_create(networks, ARRAY_SIZE(networks)));
    fwd_network_unref(networks[0]);
    fwd_network_unref(networks[1]);
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

static uint64_t
n_frames(struct rig *rig)
{
    return fwd_counter_read(&fwd_totals(rig->fwd)->frames);
}

static void
wait_frames(struct rig *rig, uint64_t n)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;

    while (n_frames(rig) < n && tsn_now_ms() < end) {
        turn(rig);
    }
    assert_int_equal(n_frames(rig), n);
}

static void
wait_ready(struct rig *rig)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;
    struct fwd_status status;

    do {
        turn(rig);
        fwd_get_status(rig->fwd, &status);
    } while (status.n_unresolved && tsn_now_ms() < end);
    assert_int_equal(status.n_unresolved, 0);
}

static void
punted(const struct fwd_punted *p OVS_UNUSED, void *rig_)
{
    struct rig *rig = rig_;

    rig->n_punts++;
}

/* Bursts that a network and a switch may have; 0: no limit.  Returns NULL if
 * this host or user cannot do it. */
static struct rig *
rig_create(enum fwd_engine engine, uint64_t network, uint64_t tor)
{
    struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
    struct fwd_config config = { .engine = engine };
    struct tsn_err err;

    if (!netns_enter()) {
        print_message("SKIP: no permission for network namespaces\n");
        return NULL;
    }
    setrlimit(RLIMIT_MEMLOCK, &unlimited);
    connect_peers(1500);
    if (network) {
        config.storm_network = fwd_rate_of_interval(HOUR, network);
    }
    if (tor) {
        config.storm_tor = fwd_rate_of_interval(HOUR, tor);
    }
    struct rig *rig = xzalloc(sizeof *rig);
    rig->loop = tsn_loop_create("test");
    assert_int_equal(tsn_ip_parse(NODE, &config.address), 0);
    int error = fwd_create(tsn_loop_uv(rig->loop), &config, punted, rig,
                           &rig->fwd, &err);
    if (error == -EPERM || error == -ENOSYS || error == -EOPNOTSUPP) {
        print_message("SKIP: %s\n", tsn_err_format(&err));
        tsn_loop_destroy(rig->loop);
        free(rig);
        return NULL;
    }
    assert_int_equal(error, 0);
    open_peers(rig->peers);
    rig->blue = fwd_net_counters_create();
    rig->green = fwd_net_counters_create();
    publish(rig);
    wait_ready(rig);
    return rig;
}

static void
rig_destroy(struct rig *rig)
{
    if (rig) {
        fwd_destroy(rig->fwd);
        close_peers(rig->peers);
        tsn_loop_destroy(rig->loop);
        fwd_net_counters_unref(rig->blue);
        fwd_net_counters_unref(rig->green);
        free(rig);
    }
}

static void
send_frame(struct rig *rig, enum peer peer, const struct frame *f)
{
    struct sockaddr_in to = sin_of(NODE);

    assert_int_equal(sendto(rig->peers[peer], f->data, f->size, 0,
                            (struct sockaddr *) &to, sizeof to), f->size);
}

static struct frame
broadcast(uint32_t vni, size_t size)
{
    static const uint8_t all[] = EVERYBODY, src[] = { 2, 0, 0, 0, 0, 9 },
                         zeros[2000];
    struct frame f;

    put_ether(&f, vni, all, src, -1, 0x88b5);
    put(&f, zeros, size);
    return f;
}

/* Sends 'n' broadcasts and waits until the engine has seen them. */
static void
storm(struct rig *rig, enum peer peer, uint32_t vni, size_t size,
      unsigned int n)
{
    struct frame f = broadcast(vni, size);
    uint64_t start = n_frames(rig);

    for (unsigned int i = 0; i < n; i++) {
        send_frame(rig, peer, &f);
        if (i % CHUNK == CHUNK - 1) {
            wait_frames(rig, start + i + 1);
        }
    }
    wait_frames(rig, start + n);
}

/* Reads all that has come to a peer, and is on its way. */
static unsigned int
count_copies(struct rig *rig, enum peer peer, unsigned int at_least)
{
    struct pollfd fd = { .fd = rig->peers[peer], .events = POLLIN };
    uint8_t data[4096];
    unsigned int n = 0;

    while (poll(&fd, 1, n < at_least ? WAIT_MS : QUIET_MS) == 1) {
        assert_true(recv(fd.fd, data, sizeof data, 0) > 0);
        n++;
    }
    return n;
}

static void
assert_copies(struct rig *rig, enum peer peer, unsigned int n)
{
    assert_int_equal(count_copies(rig, peer, n), n);
}

static struct fwd_counters
counters_of(struct rig *rig, const struct fwd_net_counters *counters)
{
    struct fwd_counters sum;

    fwd_totals(rig->fwd);
    fwd_counters_sum(&counters->c, &counters->fast, &sum);
    return sum;
}

/* All frames that came to a network were flooded or dropped. */
static void
assert_network(struct rig *rig, const struct fwd_net_counters *counters,
               uint64_t flooded, uint64_t storm_network, uint64_t storm_tor)
{
    struct fwd_counters c = counters_of(rig, counters);

    assert_int_equal(c.flooded, flooded);
    assert_int_equal(c.drops[FWD_DROP_STORM_NETWORK], storm_network);
    assert_int_equal(c.drops[FWD_DROP_STORM_TOR], storm_tor);
    assert_int_equal(c.frames, flooded + storm_network + storm_tor);
}

static const struct fwd_bucket *
bucket_of(const struct rig *rig, uint64_t key)
{
    for (int i = 0; i < FWD_N_BUCKETS; i++) {
        if (fwd_buckets(rig->fwd)[i].key == key) {
            return &fwd_buckets(rig->fwd)[i];
        }
    }
    return NULL;
}

static uint64_t
tor_key(const char *tor)
{
    return FWD_BUCKET_TOR | ntohl(inet_addr(tor));
}

static void
check_others_unharmed(struct rig *rig)
{
    storm(rig, P_T1, BLUE, 50, 1000);
    assert_network(rig, rig->blue, 100, 0, 900);
    storm(rig, P_T2, BLUE, 50, 50);
    assert_network(rig, rig->blue, 150, 0, 900);
    assert_copies(rig, P_T1, 50);
    assert_copies(rig, P_T2, 100);
    assert_copies(rig, P_Q, 150);

    /* The limit of a switch is one for all networks. */
    storm(rig, P_T1, GREEN, 50, 10);
    storm(rig, P_T2, GREEN, 50, 50);
    assert_network(rig, rig->green, 50, 0, 10);

    /* And what EVPN peers send has that of the network alone. */
    storm(rig, P_Q, BLUE, 50, 500);
    assert_network(rig, rig->blue, 300, 350, 900);
    storm(rig, P_Q, GREEN, 50, 250);
    assert_network(rig, rig->green, 300, 0, 10);
    assert_copies(rig, P_T1, 50 + 150 + 250);
    assert_copies(rig, P_T2, 150 + 250);
    assert_copies(rig, P_Q, 50);

    const struct fwd_bucket *t1 = bucket_of(rig, tor_key(T1));
    assert_int_equal(t1->dropped, 910);
    assert_int_equal(t1->refused, 0);
    assert_int_equal(bucket_of(rig, tor_key(T2))->dropped, 0);
    assert_int_equal(bucket_of(rig, FWD_BUCKET_NETWORK | BLUE)->dropped, 350);
    assert_int_equal(bucket_of(rig, FWD_BUCKET_NETWORK | GREEN)->dropped, 0);
    assert_int_equal(fwd_totals(rig->fwd)->drops[FWD_DROP_STORM_TOR], 910);
    assert_int_equal(fwd_totals(rig->fwd)->drops[FWD_DROP_STORM_NETWORK],
                     350);
}

static void
put_neighbor_advert(struct frame *f)
{
    static const uint8_t nodes[] = { 0x33, 0x33, 0, 0, 0, 1 }, b1[] = B1,
                         zeros[32];

    put_ether(f, BLUE, nodes, b1, -1, FWD_ETH_P_IPV6);
    put32(f, 0x60000000);
    put16(f, 24);
    put(f, "\x3a\xff", 2);      /* ICMPv6, hop limit 255. */
    put(f, zeros, 32);
    put(f, "\x88\0", 2);        /* Neighbour advertisement. */
    put(f, zeros, 22);
}

/* With nothing left for floods: an ARP request, a DHCP request, and a frame
 * that goes to a service as well. */
static void
check_control(struct rig *rig)
{
    static const uint8_t all[] = EVERYBODY, b1[] = B1;
    uint64_t end = tsn_now_ms() + WAIT_MS;
    struct frame f;

    storm(rig, P_T1, BLUE, 50, 200);
    assert_network(rig, rig->blue, 100, 0, 100);
    uint64_t start = n_frames(rig);

    put_ether(&f, BLUE, all, b1, -1, FWD_ETH_P_ARP);
    put_arp(&f, ARP_OP_REQUEST, b1, "192.0.2.10", "192.0.2.11");
    send_frame(rig, P_T1, &f);
    assert_copies(rig, P_T1, 1);
    put_ether(&f, BLUE, all, b1, -1, FWD_ETH_P_IPV4);
    put_udp4(&f, "0.0.0.0", "255.255.255.255", 0, 68, 67, 300);
    send_frame(rig, P_T1, &f);
    put_neighbor_advert(&f);
    send_frame(rig, P_T1, &f);
    wait_frames(rig, start + 3);
    while (rig->n_punts < 2 && tsn_now_ms() < end) {
        turn(rig);
    }
    assert_int_equal(rig->n_punts, 2);

    struct fwd_counters c = counters_of(rig, rig->blue);
    assert_int_equal(c.answered, 1);
    assert_int_equal(c.punted, 2);
    assert_int_equal(c.flooded, 100);
    assert_int_equal(c.drops[FWD_DROP_STORM_TOR], 101);
    assert_copies(rig, P_T2, 100);
}

#define ENGINE_TESTS(ENGINE, VALUE) \
    static void \
    ENGINE##__storm_of_a_switch__others_unharmed(void **state) \
    { \
        struct rig *rig = *state = rig_create(VALUE, 300, 100); \
        if (!rig) { \
            skip(); \
        } \
        check_others_unharmed(rig); \
    } \
    static void \
    ENGINE##__storm__control_frames_still_served(void **state) \
    { \
        struct rig *rig = *state = rig_create(VALUE, 300, 100); \
        if (!rig) { \
            skip(); \
        } \
        check_control(rig); \
    }
ENGINE_TESTS(socket, FWD_ENGINE_SOCKET)
ENGINE_TESTS(ebpf, FWD_ENGINE_EBPF)
ENGINE_TESTS(ebpf_generic, FWD_ENGINE_EBPF_GENERIC)

/* Small frames are flooded by programs, large ones, which come in fragments,
 * by the thread. */
static void
ebpf__programs_and_sockets__one_limit(void **state)
{
    struct rig *rig = *state = rig_create(FWD_ENGINE_EBPF, 0, 100);

    if (!rig) {
        skip();
    }
    storm(rig, P_T1, BLUE, 50, 40);
    storm(rig, P_T1, BLUE, 1600, 40);
    assert_network(rig, rig->blue, 80, 0, 0);
    assert_int_equal(fwd_counter_read(&rig->blue->c.flooded), 40);
    storm(rig, P_T1, BLUE, 1600, 15);
    storm(rig, P_T1, BLUE, 50, 15);
    assert_network(rig, rig->blue, 100, 0, 10);
    storm(rig, P_T1, BLUE, 1600, 5);
    assert_network(rig, rig->blue, 100, 0, 15);
    assert_copies(rig, P_T2, 100);
}

static void
ebpf__no_limit__all(void **state)
{
    struct rig *rig = *state = rig_create(FWD_ENGINE_EBPF, 0, 0);

    if (!rig) {
        skip();
    }
    assert_null(fwd_buckets(rig->fwd));
    storm(rig, P_T1, BLUE, 50, 1000);
    assert_network(rig, rig->blue, 1000, 0, 0);
}

#define ROUNDS 40

/* A thread that sends a chunk of frames each time it is told to. */
struct sender {
    pthread_t thread;
    pthread_barrier_t *barrier;
    struct rig *rig;
    enum peer peer;
    int cpu;
};

static void *
send_rounds(void *sender_)
{
    struct sender *s = sender_;
    struct sockaddr_in to = sin_of(NODE);
    struct frame f = broadcast(BLUE, 50);
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(s->cpu, &cpus);
    sched_setaffinity(0, sizeof cpus, &cpus);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(s->barrier);
        for (int j = 0; j < CHUNK; j++) {
            ignore(sendto(s->rig->peers[s->peer], f.data, f.size, 0,
                          (struct sockaddr *) &to, sizeof to));
        }
    }
    return NULL;
}

/* Each CPU's frames are taken in by that CPU. */
static void
ebpf__several_cpus__one_limit(void **state)
{
    struct rig *rig = *state = rig_create(FWD_ENGINE_EBPF, 2000, 1500);
    struct sender senders[] = {
        { .rig = rig, .peer = P_T1, .cpu = 0 },
        { .rig = rig, .peer = P_T2, .cpu = 1 },
    };
    pthread_barrier_t barrier;

    if (!rig) {
        skip();
    }
    pthread_barrier_init(&barrier, NULL, ARRAY_SIZE(senders) + 1);
    for (size_t i = 0; i < ARRAY_SIZE(senders); i++) {
        senders[i].barrier = &barrier;
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_rounds,
                                        &senders[i]), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        pthread_barrier_wait(&barrier);
        wait_frames(rig, (i + 1) * CHUNK * ARRAY_SIZE(senders));
    }
    for (size_t i = 0; i < ARRAY_SIZE(senders); i++) {
        pthread_join(senders[i].thread, NULL);
    }
    pthread_barrier_destroy(&barrier);

    struct fwd_counters c = counters_of(rig, rig->blue);
    assert_int_equal(c.flooded, 2000);
    assert_int_equal(c.drops[FWD_DROP_STORM_NETWORK]
                     + c.drops[FWD_DROP_STORM_TOR],
                     ROUNDS * CHUNK * ARRAY_SIZE(senders) - 2000);
    assert_int_equal(bucket_of(rig, FWD_BUCKET_NETWORK | BLUE)->dropped,
                     c.drops[FWD_DROP_STORM_NETWORK]);
    assert_int_equal(bucket_of(rig, tor_key(T1))->dropped
                     + bucket_of(rig, tor_key(T2))->dropped,
                     c.drops[FWD_DROP_STORM_TOR]);
}

static int
teardown(void **state)
{
    rig_destroy(*state);
    *state = NULL;
    netns_leave();
    return 0;
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_teardown(NAME, teardown)
    const struct CMUnitTest tests[] = {
        TEST(socket__storm_of_a_switch__others_unharmed),
        TEST(socket__storm__control_frames_still_served),
        TEST(ebpf__storm_of_a_switch__others_unharmed),
        TEST(ebpf__storm__control_frames_still_served),
        TEST(ebpf_generic__storm_of_a_switch__others_unharmed),
        TEST(ebpf_generic__storm__control_frames_still_served),
        TEST(ebpf__programs_and_sockets__one_limit),
        TEST(ebpf__no_limit__all),
        TEST(ebpf__several_cpus__one_limit),
    };

    if (!getenv("TSN_TEST_VERBOSE")) {
        vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
