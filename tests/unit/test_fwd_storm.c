/* SPDX-License-Identifier: Apache-2.0 */
/* A storm that the socket engine cannot keep up with, and those who ask for
 * something meanwhile.  Over loopback, in a network namespace of our own; the
 * engine, which does nothing without a table, is held until all is there. */
#include <config.h>
#include "replication/forwarder/forwarder.h"

#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "fwd_fixture.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/model.h"

#define WAIT_MS 5000            /* At most, for what must happen. */
#define N_ASKED 60              /* Of each kind, within a switch's share. */
#define MAX_FLOOD 2000000       /* Frames that surely fill a socket. */

#define NODE "127.0.9.1"
#define STORMING "127.0.9.11"
#define ASKING "127.0.9.12"

struct rig {
    struct tsn_loop *loop;
    struct fwd *fwd;
    int storming, asking;       /* Sockets of the switches. */
    int n_punts;
};

static int
switch_socket(const char *addr)
{
    struct sockaddr_in sin = {
        .sin_family = AF_INET, .sin_port = htons(FWD_VXLAN_PORT),
        .sin_addr.s_addr = inet_addr(addr),
    };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *) &sin, sizeof sin), 0);
    return fd;
}

static void
send_from(int fd, const struct frame *f)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(FWD_VXLAN_PORT),
        .sin_addr.s_addr = inet_addr(NODE),
    };

    assert_int_equal(sendto(fd, f->data, f->size, 0,
                            (const struct sockaddr *) &to, sizeof to),
                     f->size);
}

static void
punted(const struct fwd_punted *p, void *rig_)
{
    struct rig *rig = rig_;

    assert_int_equal(p->reason, FWD_PUNT_DHCP4);
    rig->n_punts++;
}

static struct fwd_table *
make_table(void)
{
    struct fwd_member members[] = {
        { ip(STORMING), BLUE, FWD_TOR, FWD_VXLAN },
        { ip(ASKING), BLUE, FWD_TOR, FWD_VXLAN },
    };
    struct fwd_mac_entry mac = {
        B2, { 0 },
        { ip(ASKING), BLUE, FWD_MAC_ROUTE | FWD_MAC_DHCP4, FWD_VXLAN },
    };
    struct fwd_arp_entry arp = { inet_addr("192.0.2.10"), { B1, 0, 0 } };
    struct fwd_network_spec spec = {
        .net = { .vni = BLUE, .service_mac = SERVICE },
        .members = members, .n_members = ARRAY_SIZE(members),
        .macs = &mac, .n_macs = 1, .arps = &arp, .n_arps = 1,
    };
    struct fwd_net_counters *counters = fwd_net_counters_create();
    struct fwd_network *network = fwd_network_create(&spec, counters);
    struct fwd_table *table = fwd_table_create(&network, 1);

    fwd_network_unref(network);
    fwd_net_counters_unref(counters);
    return table;
}

static struct fwd_status
get_status(const struct rig *rig)
{
    struct fwd_status status;

    fwd_get_status(rig->fwd, &status);
    return status;
}

/* Sends frames, each with its number at its end, until some are lost. */
static void
fill_sockets(struct rig *rig, struct frame *f)
{
    for (uint32_t i = 0; i < MAX_FLOOD; i++) {
        fwd_put32(f->data + f->size - 4, i);
        send_from(rig->storming, f);
        if (i % 1024 == 0 && get_status(rig).overruns > 1000) {
            return;
        }
    }
    fail_msg("the sockets take everything");
}

static struct frame
arp_request(const uint8_t src[6], const char *spa, const char *tpa)
{
    static const uint8_t all[] = EVERYBODY;
    struct frame f;

    put_ether(&f, BLUE, all, src, -1, FWD_ETH_P_ARP);
    put_arp(&f, ARP_OP_REQUEST, src, spa, tpa);
    put32(&f, 0);
    return f;
}

static void
ask_dhcp(struct rig *rig)
{
    static const uint8_t all[] = EVERYBODY, b2[] = B2;
    struct frame f;

    put_ether(&f, BLUE, all, b2, -1, FWD_ETH_P_IPV4);
    put_udp4(&f, "0.0.0.0", "255.255.255.255", 0, 68, 67, 300);
    for (int i = 0; i < N_ASKED; i++) {
        send_from(rig->asking, &f);
    }
}

static void
expect_punts(struct rig *rig)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;

    while (rig->n_punts < N_ASKED && tsn_now_ms() < end) {
        uv_run(tsn_loop_uv(rig->loop), UV_RUN_NOWAIT);
        sched_yield();
    }
    assert_int_equal(rig->n_punts, N_ASKED);
}

static struct frame
receive(int fd)
{
    struct pollfd pollfd = { .fd = fd, .events = POLLIN };
    struct frame f;

    assert_int_equal(poll(&pollfd, 1, WAIT_MS), 1);
    ssize_t n = recv(fd, f.data, sizeof f.data, 0);
    assert_true(n > FWD_VXLAN_LEN + FWD_ETHER_LEN);
    f.size = n;
    return f;
}

static uint16_t
ether_type(const struct frame *f)
{
    return fwd_get16(f->data + FWD_VXLAN_LEN + 12);
}

/* All are answered before the first of the frames that were there earlier,
 * and these are flooded in order. */
static void
storm__of_broadcasts__who_asks_is_served_first(void **state)
{
    static const uint8_t all[] = EVERYBODY, b1[] = B1, b2[] = B2;
    const struct frame request = arp_request(b2, "192.0.2.11", "192.0.2.10");
    struct rig *rig = *state;
    struct frame f;

    if (!rig->fwd) {
        skip();
    }
    put_ether(&f, BLUE, all, b1, -1, 0x88b5);
    put32(&f, 0);
    fill_sockets(rig, &f);
    ask_dhcp(rig);
    for (int i = 0; i < N_ASKED; i++) {
        send_from(rig->asking, &request);
    }
    assert_int_equal(get_status(rig).control_overruns, 0);

    fwd_publish(rig->fwd, make_table());
    for (int i = 0; i < N_ASKED; i++) {
        f = receive(rig->asking);
        assert_int_equal(ether_type(&f), FWD_ETH_P_ARP);
    }
    for (uint32_t i = 0; i < 100; i++) {
        f = receive(rig->asking);
        assert_int_equal(ether_type(&f), 0x88b5);
        assert_int_equal(fwd_get32(f.data + f.size - 4), i);
    }
    expect_punts(rig);
    assert_int_equal(fwd_counter_read(&fwd_totals(rig->fwd)->answered),
                     N_ASKED);
}

/* Requests that nobody can answer, as most storms are. */
static void
storm__of_arp__dhcp_is_served(void **state)
{
    static const uint8_t b1[] = B1;
    struct frame f = arp_request(b1, "192.0.2.10", "192.0.2.99");
    struct rig *rig = *state;

    if (!rig->fwd) {
        skip();
    }
    fill_sockets(rig, &f);
    uint64_t n = get_status(rig).control_overruns;
    assert_true(n > 0);
    ask_dhcp(rig);
    assert_int_equal(get_status(rig).control_overruns, n);
    fwd_publish(rig->fwd, make_table());
    expect_punts(rig);
}

static int
setup(void **state)
{
    struct fwd_config config = { .engine = FWD_ENGINE_SOCKET };
    struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    struct rig *rig = xzalloc(sizeof *rig);
    struct tsn_err err;

    *state = rig;
    if (unshare(CLONE_NEWNET)) {
        return 0;
    }
    rig->storming = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(ioctl(rig->storming, SIOCSIFFLAGS, &ifr), 0);
    close(rig->storming);
    rig->storming = switch_socket(STORMING);
    rig->asking = switch_socket(ASKING);
    rig->loop = tsn_loop_create("test");
    assert_int_equal(tsn_ip_parse(NODE, &config.address), 0);
    assert_int_equal(fwd_create(tsn_loop_uv(rig->loop), &config, punted, rig,
                                &rig->fwd, &err), 0);
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    if (rig->fwd) {
        fwd_destroy(rig->fwd);
        tsn_loop_destroy(rig->loop);
        close(rig->storming);
        close(rig->asking);
    }
    free(rig);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
        TEST(storm__of_broadcasts__who_asks_is_served_first),
        TEST(storm__of_arp__dhcp_is_served),
    };

    return cmocka_run_group_tests_name("fwd_storm", tests, NULL, NULL);
}
