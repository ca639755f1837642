/* SPDX-License-Identifier: Apache-2.0 */
/* The eBPF engine with much to do: frames of several networks at once on
 * several CPUs, sets that change meanwhile, large sets and many of them, and
 * a process that is killed. */
#include <config.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <cmocka.h>

#include "bpf_rig.h"
#include "map_memory.h"
#include "replication/forwarder/bpf/abi.h"

/* Networks are 1000, 1001, ...; their members are 10.7.0.1, 10.7.0.2, ...,
 * who all want the network's own VNI.  The first one sends. */
#define FIRST_VNI 1000
#define MEMBER(I) (0x0a070001 + (I))

/* The sender, and those from 'first' on. */
static struct fwd_network *
make_network_from(uint32_t vni, size_t n, size_t first)
{
    struct fwd_member *members = xcalloc(n, sizeof *members);

    for (size_t i = 0; i < n; i++) {
        members[i] = (struct fwd_member) {
            fwd_ip_from_v4(htonl(MEMBER(i ? first + i : 0))), vni, FWD_TOR,
            FWD_VXLAN,
        };
    }
    struct fwd_network_spec spec = {
        .net = { .vni = vni, .service_mac = SERVICE },
        .members = members, .n_members = n,
    };
    struct fwd_net_counters *counters = fwd_net_counters_create();
    struct fwd_network *network = fwd_network_create(&spec, counters);

    fwd_net_counters_unref(counters);
    free(members);
    return network;
}

static struct fwd_network *
make_network(uint32_t vni, size_t n)
{
    return make_network_from(vni, n, 0);
}

/* Takes the networks. */
static struct fwd_table *
make_table_of(struct fwd_network **networks, size_t n)
{
    struct fwd_table *table = fwd_table_create(networks, n);
    for (size_t i = 0; i < n; i++) {
        fwd_network_unref(networks[i]);
    }
    free(networks);
    return table;
}

/* Network i with sizes[i] members. */
static struct fwd_table *
make_table(const size_t *sizes, size_t n)
{
    struct fwd_network **networks = xcalloc(n, sizeof *networks);

    for (size_t i = 0; i < n; i++) {
        networks[i] = make_network(FIRST_VNI + i, sizes[i]);
    }
    return make_table_of(networks, n);
}

/* Frame 'number' of a network from the first of its members. */
static void
make_frame(struct wire *w, uint32_t vni, uint32_t number, size_t payload)
{
    static const uint8_t everybody[6] = EVERYBODY, b1[6] = B1;
    uint32_t number_be = htonl(number);
    struct frame f;

    put_ether(&f, vni, everybody, b1, -1, 0x88b5);
    put(&f, &number_be, sizeof number_be);
    memset(f.data + f.size, 0, payload);
    f.size += payload;
    wire_vxlan(w, "10.7.0.1", &f);
    /* By this they spread over receive queues. */
    fwd_put16(w->data + ETH_HLEN + FWD_IPV4_LEN, 49152 + number % 64);
}

/* What a copy says of itself. */
struct seen {
    uint32_t member, vni, number;
};

static bool
receive_copy(struct bpf_rig *rig, struct seen *seen, int ms)
{
    struct wire w;

    if (!rig_receive(rig, 0, &w, ms)) {
        return false;
    }
    const uint8_t *vxlan = w.data + ETH_HLEN + FWD_IPV4_LEN + FWD_UDP_LEN;
    assert_int_equal(fwd_ipv4_checksum(w.data + ETH_HLEN), 0);
    *seen = (struct seen) {
        .member = fwd_get32(w.data + ETH_HLEN + 16) - MEMBER(0),
        .vni = fwd_get24(vxlan + 4) - FIRST_VNI,
        .number = fwd_get32(vxlan + FWD_VXLAN_LEN + FWD_ETHER_LEN),
    };
    return true;
}

static int
setup_native(void **state)
{
    return rig_setup(state, false, NULL);
}

static int
setup_generic(void **state)
{
    return rig_setup(state, true, NULL);
}

/* Networks that frames mix of. */
static const size_t mixed[] = { 2, 5, 17, 3, 40 };

/* Sends frames of all of them in turn from a CPU. */
struct sender {
    int fd;
    int cpu;
    uint32_t first, n;          /* Numbers of frames. */
    struct flight *flight;
};

/* Copies that are on their way.  A veth drops what is more than 256, and each
 * sender may add a burst to the maximum; it may drop others, too, on a busy
 * host. */
struct flight {
    size_t sent, received;
};

/* After which those that are not there are taken for dropped. */
#define FLIGHT_MS 20
#define MAX_FLIGHT 100
#define BURST 5
BUILD_ASSERT_DECL(BURST == ARRAY_SIZE(mixed));

static void
wait_for_room(const struct flight *f)
{
    uint64_t end = tsn_now_ms() + FLIGHT_MS;

    while (__atomic_load_n(&f->sent, __ATOMIC_RELAXED)
           - __atomic_load_n(&f->received, __ATOMIC_RELAXED) > MAX_FLIGHT
           && tsn_now_ms() < end) {
        sched_yield();
    }
}

static void *
send_frames(void *sender_)
{
    struct sender *s = sender_;
    struct wire *wires = xcalloc(BURST, sizeof *wires);
    struct mmsghdr msgs[BURST];
    struct iovec iovs[BURST];
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(s->cpu, &cpus);
    sched_setaffinity(0, sizeof cpus, &cpus);
    for (uint32_t i = 0; i < s->n; i += BURST) {
        for (uint32_t j = 0; j < BURST; j++) {
            uint32_t number = s->first + i + j, network = number % BURST;

            make_frame(&wires[j], FIRST_VNI + network, number, number % 400);
            iovs[j] = (struct iovec) { wires[j].data, wires[j].size };
            msgs[j] = (struct mmsghdr) {
                .msg_hdr = { .msg_iov = &iovs[j], .msg_iovlen = 1 },
            };
            __atomic_add_fetch(&s->flight->sent, mixed[network] - 1,
                               __ATOMIC_RELAXED);
        }
        for (int sent = 0; sent < BURST; ) {
            int n = sendmmsg(s->fd, msgs + sent, BURST - sent, 0);

            sent += n > 0 ? n : 0;
        }
        wait_for_room(s->flight);
    }
    free(wires);
    return NULL;
}

#define N_SENDERS 2
#define N_FRAMES (400 * BURST)  /* Of each. */

/* Every frame leaves for every other member of its network once, however
 * frames of networks of different sizes, CPUs and receive queues mix.  What the
 * sink gets is right, and nothing comes twice; what leaves is counted. */
static void
check_interleaved(struct bpf_rig *rig)
{
    static uint8_t seen[N_SENDERS * N_FRAMES][40];
    static struct sender senders[N_SENDERS];
    pthread_t threads[N_SENDERS];
    static struct flight flight;
    size_t expected = 0, n = 0;
    struct seen copy;

    memset(seen, 0, sizeof seen);
    flight = (struct flight) { 0, 0 };
    rig_publish(rig, make_table(mixed, ARRAY_SIZE(mixed)));
    rig_wait_ready(rig);
    uint64_t before = fwd_bpf_totals(rig->bpf)->copies;
    for (int i = 0; i < N_SENDERS; i++) {
        senders[i] = (struct sender) {
            .cpu = i % sysconf(_SC_NPROCESSORS_ONLN),
            .fd = peer_packet_socket("p0"), .first = i * N_FRAMES,
            .n = N_FRAMES, .flight = &flight,
        };
        pthread_create(&threads[i], NULL, send_frames, &senders[i]);
    }
    for (uint32_t i = 0; i < N_SENDERS * N_FRAMES; i++) {
        expected += mixed[i % BURST] - 1;
    }
    while (n < expected && receive_copy(rig, &copy, 1000)) {
        size_t network = copy.number % BURST;

        assert_in_range(copy.number, 0, N_SENDERS * N_FRAMES - 1);
        assert_int_equal(copy.vni, network);
        assert_in_range(copy.member, 1, mixed[network] - 1);
        assert_int_equal(seen[copy.number][copy.member]++, 0);
        n++;
        __atomic_store_n(&flight.received, n, __ATOMIC_RELAXED);
    }
    for (int i = 0; i < N_SENDERS; i++) {
        pthread_join(threads[i], NULL);
        close(senders[i].fd);
    }
    assert_int_equal(fwd_bpf_totals(rig->bpf)->copies - before, expected);
    assert_in_range(n, expected * 3 / 4, expected);
    assert_false(receive_copy(rig, &copy, QUIET_MS));
}

/* Frames that came by a receive queue of "u0". */
static uint64_t
count_queue(unsigned int queue)
{
    FILE *file = popen("ethtool -S u0", "r");
    unsigned long long n, found = 0;
    char line[128], format[64];

    assert_non_null(file);
    snprintf(format, sizeof format, " rx_queue_%u_xdp_packets: %%llu", queue);
    while (fgets(line, sizeof line, file)) {
        found = sscanf(line, format, &n) == 1 ? n : found;
    }
    pclose(file);
    return found;
}

static void
fwd_bpf__interleaved_networks_native__each_copy_once(void **state)
{
    if (!*state) {
        skip();
    }
    check_interleaved(*state);
    for (unsigned int queue = 0; queue < 2; queue++) {
        assert_true(count_queue(queue) > 100);
    }
}

static void
fwd_bpf__interleaved_networks_generic__each_copy_once(void **state)
{
    if (!*state) {
        skip();
    }
    check_interleaved(*state);
}

/* A member comes and goes; the others get each frame once all the time. */
static void
fwd_bpf__set_changes__unchanged_members_get_each_frame_once(void **state)
{
    enum { N = 20, ROUNDS = 300 };
    struct bpf_rig *rig = *state;
    struct seen copy;
    struct wire w;

    if (!rig) {
        skip();
    }
    for (uint32_t i = 0; i < ROUNDS; i++) {
        size_t size = N + i % 2;
        uint8_t seen[N + 1] = { 0 };

        rig_publish(rig, make_table(&size, 1));
        if (!i) {
            rig_wait_ready(rig);
        }
        rig_turn(rig);          /* So that blocks are used again. */
        make_frame(&w, FIRST_VNI, i, 100);
        rig_send(rig, &w);
        for (size_t n = 1; n < size; n++) {
            assert_true(receive_copy(rig, &copy, WAIT_MS));
            assert_int_equal(copy.number, i);
            assert_int_equal(seen[copy.member]++, 0);
        }
        assert_int_equal(seen[0], 0);
    }
    assert_false(receive_copy(rig, &copy, QUIET_MS));
}

/* The number of copies of one frame. */
static size_t
count_copies(struct bpf_rig *rig, uint32_t vni, size_t max)
{
    uint8_t *seen = xzalloc(max + 1);
    struct seen copy;
    struct wire w;
    size_t n = 0;

    make_frame(&w, vni, 0, 100);
    rig_send(rig, &w);
    while (receive_copy(rig, &copy, n < max ? 1000 : QUIET_MS)) {
        assert_in_range(copy.member, 1, max);
        assert_int_equal(seen[copy.member]++, 0);
        n++;
    }
    free(seen);
    return n;
}

static uint64_t
now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * UINT64_C(1000000) + ts.tv_nsec / 1000;
}

/* The kernel queues no more than 1000 frames for a veth of this kind. */
static void
fwd_bpf__sets_of_any_size__reach_all(void **state)
{
    static const size_t sizes[] = {
        2, 3, 16, 17, 31, 32, 33, 34, 63, 64, 65, 127, 130, 255, 257, 500, 961,
        999, 1024,
    };
    struct bpf_rig *rig = *state;

    if (!rig) {
        skip();
    }
    rig_publish(rig, make_table(sizes, ARRAY_SIZE(sizes)));
    rig_wait_ready(rig);
    for (size_t i = 0; i < ARRAY_SIZE(sizes) - 1; i++) {
        assert_int_equal(count_copies(rig, FIRST_VNI + i, sizes[i] - 1),
                         sizes[i] - 1);
    }

    size_t largest = ARRAY_SIZE(sizes) - 1;
    uint64_t before = fwd_bpf_totals(rig->bpf)->copies;
    assert_true(count_copies(rig, FIRST_VNI + largest, sizes[largest] - 1)
                >= 999);
    assert_int_equal(fwd_bpf_totals(rig->bpf)->copies - before,
                     sizes[largest] - 1);
}

static void
problem(enum fwd_problem kind, const char *object, const char *text,
        void *found_)
{
    char **found = found_;

    assert_int_equal(kind, FWD_NETWORK_TOO_LARGE);
    assert_string_equal(object, "vni=1000");
    assert_null(*found);
    *found = xstrdup(text);
}

/* The socket engine does it, which would have this socket. */
static void
fwd_bpf__more_members_than_there_may_be__left_to_the_host(void **state)
{
    struct sockaddr_in sin = {
        .sin_family = AF_INET, .sin_port = htons(FWD_VXLAN_PORT),
        .sin_addr.s_addr = inet_addr(NODE),
    };
    struct bpf_rig *rig = *state;
    struct timeval patience = { .tv_sec = WAIT_MS / 1000 };
    size_t size = 10;
    uint8_t data[256];
    char *found = NULL;
    struct wire w;

    if (!rig) {
        skip();
    }
    rig_publish(rig, make_table(&size, 1));
    rig_wait_ready(rig);
    assert_int_equal(count_copies(rig, FIRST_VNI, 9), 9);
    uint64_t before = fwd_bpf_totals(rig->bpf)->frames;

    size = 1025;
    rig_publish(rig, make_table(&size, 1));
    rig_wait_ready(rig);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *) &sin, sizeof sin), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    make_frame(&w, FIRST_VNI, 7, 100);
    rig_send(rig, &w);
    size_t headers = ETH_HLEN + FWD_IPV4_LEN + FWD_UDP_LEN;
    assert_int_equal(recv(fd, data, sizeof data, 0), w.size - headers);
    assert_memory_equal(data, w.data + headers, w.size - headers);
    close(fd);
    assert_int_equal(fwd_bpf_totals(rig->bpf)->frames, before);
    fwd_bpf_for_each_problem(rig->bpf, problem, &found);
    assert_non_null(strstr(found, "more than the 1024 members"));
    free(found);

    size = 10;
    rig_publish(rig, make_table(&size, 1));
    assert_int_equal(count_copies(rig, FIRST_VNI, 9), 9);
    fwd_bpf_for_each_problem(rig->bpf, problem, &found);
}

static int
compare_u64(const void *a_, const void *b_)
{
    uint64_t a = *(const uint64_t *) a_, b = *(const uint64_t *) b_;

    return a < b ? -1 : a > b;
}

/* One more member of a set of 1000, again and again, reaches all. */
static void
fwd_bpf__one_member_more__reaches_all(void **state)
{
    enum { ROUNDS = 21 };
    struct bpf_rig *rig = *state;
    uint64_t us[ROUNDS];
    size_t size = 1000;

    if (!rig) {
        skip();
    }
    rig_publish(rig, make_table(&size, 1));
    rig_wait_ready(rig);
    for (int i = 0; i < ROUNDS; i++) {
        size = 1001 + i;
        struct fwd_table *table = make_table(&size, 1);
        uint64_t start = now_us();

        rig_publish(rig, table);
        us[i] = now_us() - start;
        rig_wait_ready(rig);
    }
    qsort(us, ROUNDS, sizeof *us, compare_u64);
    print_message("median %llu us, worst %llu us\n",
                  (unsigned long long) us[ROUNDS / 2],
                  (unsigned long long) us[ROUNDS - 1]);
    count_copies(rig, FIRST_VNI, size - 1);
    assert_int_equal(fwd_bpf_totals(rig->bpf)->copies, size - 1);
}

static void
fwd_bpf__thousands_of_networks__fit_and_load(void **state)
{
    enum { N = 4000 };
    struct bpf_rig *rig = *state;
    size_t *sizes = xcalloc(N, sizeof *sizes);

    if (!rig) {
        free(sizes);
        skip();
    }
    for (size_t i = 0; i < N; i++) {
        sizes[i] = 64;
    }
    struct fwd_table *table = make_table(sizes, N);
    uint64_t start = now_us();
    rig_publish(rig, table);
    uint64_t us = now_us() - start, memory = map_memory();
    print_message("%llu ms, %llu KiB\n", (unsigned long long) us / 1000,
                  (unsigned long long) memory / 1024);
    assert_true(memory && memory <= UINT64_C(64) << 20);
    rig_wait_ready(rig);
    assert_int_equal(count_copies(rig, FIRST_VNI, 63), 63);
    assert_int_equal(count_copies(rig, FIRST_VNI + N - 1, 63), 63);

    /* All others go, and come back in other places. */
    rig_publish(rig, make_table(sizes, 1));
    rig_turn_for(rig, QUIET_MS);
    rig_publish(rig, make_table(sizes, N));
    rig_wait_ready(rig);
    assert_int_equal(count_copies(rig, FIRST_VNI, 63), 63);
    assert_int_equal(count_copies(rig, FIRST_VNI + N / 2, 63), 63);
    free(sizes);
}

/* Network i has 2 to 64 members, other ones than its neighbours. */
static struct fwd_table *
make_mixed_table(size_t n, size_t *n_copies)
{
    struct fwd_network **networks = xcalloc(n, sizeof *networks);

    *n_copies = 0;
    for (size_t i = 0; i < n; i++) {
        size_t size = 2 + i % 63;

        networks[i] = make_network_from(FIRST_VNI + i, size, i * 37 % 1000);
        *n_copies += size - 1;
    }
    return make_table_of(networks, n);
}

/* The shares of four interfaces differ in each network. */
static void
fwd_bpf__many_networks_by_several_interfaces__each_copy_once(void **state)
{
    enum { N = 2000 };
    struct bpf_rig *rig = *state;
    size_t n_copies;
    struct wire w;

    if (!rig) {
        skip();
    }
    for (int i = 1; i < 4; i++) {
        char ours[8], theirs[8], our_ip[32], their_ip[32];

        snprintf(ours, sizeof ours, "v%d", i);
        snprintf(theirs, sizeof theirs, "q%d", i);
        snprintf(our_ip, sizeof our_ip, "10.0.2%d.1/24", i);
        snprintf(their_ip, sizeof their_ip, "10.0.2%d.2/24", i);
        netns_connect(ours, our_ip, theirs, their_ip);
    }
    sh("ip route replace 10.7.0.0/16 nexthop via 10.0.5.254 "
       "nexthop via 10.0.21.2 nexthop via 10.0.22.2 nexthop via 10.0.23.2");
    struct fwd_table *table = make_mixed_table(N, &n_copies);
    uint64_t start = now_us();
    rig_publish(rig, table);
    print_message("%llu ms\n", (unsigned long long) (now_us() - start) / 1000);
    rig_wait_ready(rig);
    /* Endpoints go to the interface of theirs once its neighbour is known. */
    rig_turn_for(rig, 2000);

    struct fwd_counters before = *fwd_bpf_totals(rig->bpf);
    for (uint32_t i = 0; i < N; i++) {
        make_frame(&w, FIRST_VNI + i, i, 100);
        rig_send(rig, &w);
        if (i % 16 == 0) {
            rig_turn(rig);
        }
    }
    uint64_t end = tsn_now_ms() + WAIT_MS;
    const struct fwd_counters *now;
    do {
        rig_turn(rig);
        now = fwd_bpf_totals(rig->bpf);
    } while (now->flooded - before.flooded < N && tsn_now_ms() < end);
    assert_int_equal(now->flooded - before.flooded, N);
    assert_int_equal(now->copies - before.copies, n_copies);
}

static void
publish_all(struct bpf_rig *rig, size_t size, size_t n)
{
    size_t *sizes = xcalloc(n, sizeof *sizes);

    for (size_t i = 0; i < n; i++) {
        sizes[i] = size;
    }
    rig_publish(rig, make_table(sizes, n));
    free(sizes);
}

/* Programs may still read what was there before, so there is no room for what
 * comes at once after it. */
static void
fwd_bpf__all_networks_change_and_change_again__programs_follow(void **state)
{
    enum { N = 4000 };
    struct bpf_rig *rig = *state;
    uint64_t end = tsn_now_ms() + WAIT_MS;
    struct fwd_bpf_status status;

    if (!rig) {
        skip();
    }
    publish_all(rig, 5, N);
    rig_wait_ready(rig);
    for (size_t size = 2; size <= 4; size++) {
        publish_all(rig, size, N);
    }
    do {
        rig_turn(rig);
        fwd_bpf_get_status(rig->bpf, &status);
    } while ((status.n_unresolved || status.n_due) && tsn_now_ms() < end);
    assert_int_equal(status.n_due, 0);
    for (size_t i = 0; i < N; i += N - 1) {
        assert_int_equal(count_copies(rig, FIRST_VNI + i, 3), 3);
    }
}

/* Whether a copy of a frame of the network comes by the second interface
 * before long. */
static bool
comes_by_second(struct bpf_rig *rig, uint32_t vni)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;
    struct wire w;

    do {
        make_frame(&w, vni, 0, 100);
        rig_send(rig, &w);
        rig_turn_for(rig, QUIET_MS);
        if (rig_receive(rig, 1, &w, 0)) {
            return true;
        }
    } while (tsn_now_ms() < end);
    return false;
}

static void
count_refused(enum fwd_problem kind, const char *object OVS_UNUSED,
              const char *text OVS_UNUSED, void *n_)
{
    size_t *n = n_;

    *n += kind == FWD_NETWORKS_REFUSED;
}

/* There is room for all but one of the large networks at most, and for a small
 * one behind them, whose endpoints move; then those of all. */
static void
fwd_bpf__no_room_for_some__others_follow_their_endpoints(void **state)
{
    enum {
        SIZE = FWD_BPF_MAX_FANOUT,
        N = FWD_BPF_MAX_INDEX / (2 * SIZE) + 1,
    };
    struct bpf_rig *rig = *state;
    struct fwd_network *networks[N + 1];
    struct fwd_bpf_status status;

    if (!rig) {
        skip();
    }
    netns_connect("v1", "10.0.21.1/24", "q1", "10.0.21.2/24");
    peer_sh("ethtool -K q1 gro on");
    rig->fds[rig->n_fds++] = peer_packet_socket("q1");
    for (int i = 0; i < N; i++) {
        networks[i] = make_network(FIRST_VNI + i, SIZE);
    }
    networks[N] = make_network_from(FIRST_VNI + N, 3, 2048);
    rig_publish(rig, fwd_table_create(&networks[N], 1));
    rig_publish(rig, fwd_table_create(networks, N + 1));
    rig_wait_ready(rig);
    fwd_bpf_get_status(rig->bpf, &status);
    assert_true(status.n_due > 0);

    sh("ip route add 10.7.8.0/24 via 10.0.21.2");
    assert_true(comes_by_second(rig, FIRST_VNI + N));
    fwd_bpf_get_status(rig->bpf, &status);
    assert_true(status.n_due > 0);
    assert_int_equal(status.n_interfaces, 2);

    sh("ip route add 10.7.0.0/16 via 10.0.21.2");
    uint64_t end = tsn_now_ms() + WAIT_MS;
    do {
        rig_turn(rig);
        fwd_bpf_get_status(rig->bpf, &status);
    } while (status.n_interfaces > 1 && tsn_now_ms() < end);
    assert_int_equal(status.n_interfaces, 1);

    /* To be told again what they are is no news. */
    size_t n_refused, n_still_refused = 0;
    end = tsn_now_ms() + WAIT_MS;
    do {
        rig_turn(rig);
        n_refused = 0;
        fwd_bpf_for_each_problem(rig->bpf, count_refused, &n_refused);
    } while (n_refused < N && tsn_now_ms() < end);
    assert_int_equal(n_refused, N);
    rig_publish(rig, fwd_table_create(networks, N + 1));
    fwd_bpf_for_each_problem(rig->bpf, count_refused, &n_still_refused);
    assert_int_equal(n_still_refused, N);
    for (int i = 0; i <= N; i++) {
        fwd_network_unref(networks[i]);
    }

    publish_all(rig, SIZE, 1);
    end = tsn_now_ms() + WAIT_MS;
    do {
        rig_turn(rig);
        fwd_bpf_get_status(rig->bpf, &status);
    } while (status.n_due && tsn_now_ms() < end);
    assert_int_equal(status.n_due, 0);
}

/* Four interfaces are in use, and there is no number for a fifth one before
 * nothing leaves by the one whose place it takes. */
static void
fwd_bpf__fifth_interface_for_fourth__copies_leave_by_it(void **state)
{
    struct bpf_rig *rig = *state;
    size_t size = 5;

    if (!rig) {
        skip();
    }
    for (int i = 1; i <= FWD_BPF_MAX_DEVS; i++) {
        char ours[8], theirs[8], our_ip[32], their_ip[32];

        snprintf(ours, sizeof ours, "v%d", i);
        snprintf(theirs, sizeof theirs, "q%d", i);
        snprintf(our_ip, sizeof our_ip, "10.0.2%d.1/24", i);
        snprintf(their_ip, sizeof their_ip, "10.0.2%d.2/24", i);
        netns_connect(ours, our_ip, theirs, their_ip);
        peer_sh("ethtool -K %s gro on", theirs);
    }
    rig->fds[rig->n_fds++] = peer_packet_socket("q4");
    for (int i = 1; i < FWD_BPF_MAX_DEVS; i++) {
        sh("ip route add 10.7.0.%d via 10.0.2%d.2", i + 1, i);
    }
    rig_publish(rig, make_table(&size, 1));
    rig_wait_ready(rig);
    sh("ip route replace 10.7.0.4 via 10.0.24.2");
    assert_true(comes_by_second(rig, FIRST_VNI));
}

static void
refused(enum fwd_problem kind, const char *object, const char *text,
        void *found_)
{
    char **found = found_;

    if (kind == FWD_NETWORKS_REFUSED) {
        assert_string_equal(object, "");
        assert_null(*found);
        *found = xstrdup(text);
    }
}

static void
fwd_bpf__more_networks_than_there_may_be__says_how_many(void **state)
{
    enum { N = 4100 };
    struct bpf_rig *rig = *state;
    size_t sizes[N];
    char *found = NULL;

    if (!rig) {
        skip();
    }
    for (size_t i = 0; i < N; i++) {
        sizes[i] = 2;
    }
    rig_publish(rig, make_table(sizes, N));
    rig_wait_ready(rig);
    fwd_bpf_for_each_problem(rig->bpf, refused, &found);
    assert_non_null(found);
    assert_ptr_equal(strstr(found, "5 networks are more than "), found);
    free(found);
    found = NULL;
    assert_int_equal(count_copies(rig, FIRST_VNI, 1), 1);

    rig_publish(rig, make_table(sizes, 3));
    fwd_bpf_for_each_problem(rig->bpf, refused, &found);
    assert_null(found);
}

int
main(void)
{
#define TEST(NAME, SETUP) \
    cmocka_unit_test_setup_teardown(NAME, SETUP, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(fwd_bpf__interleaved_networks_native__each_copy_once,
             setup_native),
        TEST(fwd_bpf__interleaved_networks_generic__each_copy_once,
             setup_generic),
        TEST(fwd_bpf__set_changes__unchanged_members_get_each_frame_once,
             setup_native),
        TEST(fwd_bpf__sets_of_any_size__reach_all, setup_generic),
        TEST(fwd_bpf__more_members_than_there_may_be__left_to_the_host,
             setup_native),
        TEST(fwd_bpf__one_member_more__reaches_all, setup_generic),
        TEST(fwd_bpf__many_networks_by_several_interfaces__each_copy_once,
             setup_generic),
        TEST(fwd_bpf__more_networks_than_there_may_be__says_how_many,
             setup_generic),
        TEST(fwd_bpf__all_networks_change_and_change_again__programs_follow,
             setup_native),
        TEST(fwd_bpf__no_room_for_some__others_follow_their_endpoints,
             setup_native),
        TEST(fwd_bpf__fifth_interface_for_fourth__copies_leave_by_it,
             setup_native),
        TEST(fwd_bpf__thousands_of_networks__fit_and_load,
             setup_native),
    };

    if (!getenv("TSN_TEST_VERBOSE")) {
        vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
