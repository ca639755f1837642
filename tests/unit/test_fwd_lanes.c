/* SPDX-License-Identifier: Apache-2.0 */
/* Which frames come in which lane, and that a storm in one leaves the others
 * alone.  Over loopback, in a network namespace of our own. */
#include <config.h>
#include "replication/forwarder/socket-lanes.h"

#include <errno.h>
#include <fcntl.h>
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

#include "fwd_cases.h"
#include "tsn/model.h"

#define WAIT_MS 5000            /* At most, for what must happen. */

static const char *const nodes[FWD_N_FAMILIES] = { "127.0.9.1", "::1" };
static bool own_namespace;

struct rig {
    struct fwd_sockets sockets[FWD_N_FAMILIES];
};

static void
open_sockets(struct rig *rig)
{
    for (int family = 0; family < FWD_N_FAMILIES; family++) {
        struct in6_addr address;
        uint16_t port;

        fwd_sockets_init(&rig->sockets[family]);
        assert_int_equal(tsn_ip_parse(nodes[family], &address), 0);
        assert_int_equal(fwd_sockets_open(&rig->sockets[family], &address, 0,
                                          &port), 0);
    }
}

static int
setup(void **state)
{
    struct rig *rig = xzalloc(sizeof *rig);

    *state = rig;
    if (own_namespace) {
        open_sockets(rig);
    }
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    for (int family = 0; own_namespace && family < FWD_N_FAMILIES; family++) {
        fwd_sockets_close(&rig->sockets[family]);
    }
    free(rig);
    return 0;
}

static enum fwd_rx
rx_of(const struct fwd_case *c)
{
    return c->in == TREE_GRE || c->in == EVPN_GRE ? FWD_RX_GRE
           : c->in == VX ? FWD_RX_VXLAN
           : c->port == 51234 ? FWD_RX_MPLS_OLD : FWD_RX_MPLS;
}

/* What is behind the outer headers of a case, which for GRE is that header
 * itself. */
static struct frame
payload_of(const struct fwd_case *c)
{
    struct frame packet, f = { .size = 0 };

    fwd_case_packet(c, &packet);
    size_t header = packet.data[0] >> 4 == 6 ? 40
                    : (packet.data[0] & 0x0f) * 4;
    header += rx_of(c) == FWD_RX_GRE ? 0 : 8;
    put(&f, packet.data + header, packet.size - header);
    return f;
}

static void
send_to_node(enum fwd_family family, enum fwd_rx rx, const struct frame *f)
{
    static const uint16_t ports[FWD_N_RX] = {
        FWD_VXLAN_PORT, FWD_MPLS_PORT, FWD_MPLS_OLD_PORT, 0,
    };
    struct in6_addr address;

    assert_int_equal(tsn_ip_parse(nodes[family], &address), 0);
    const struct fwd_sockaddr to = fwd_sockaddr_from(&address, ports[rx]);
    int fd = rx == FWD_RX_GRE
             ? socket(to.sa.sa_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE)
             : socket(to.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(sendto(fd, f->data, f->size, 0, &to.sa, to.len),
                     f->size);
    close(fd);
}

/* Takes the one frame that has been sent, whole.  Returns its lane. */
static int
take(struct rig *rig, enum fwd_family family, enum fwd_rx rx,
     const struct frame *sent)
{
    struct pollfd fds[FWD_N_LANES];
    struct frame got;
    int lane = -1;

    for (int i = 0; i < FWD_N_LANES; i++) {
        fds[i] = (struct pollfd) {
            .fd = rig->sockets[family].rx[i][rx], .events = POLLIN,
        };
    }
    if (poll(fds, FWD_N_LANES, WAIT_MS) != 1) {
        return -1;
    }
    for (int i = 0; i < FWD_N_LANES; i++) {
        lane = fds[i].revents ? i : lane;
    }
    ssize_t n = recv(fds[lane].fd, got.data, sizeof got.data, 0);
    size_t header = rx == FWD_RX_GRE && family == FWD_V4 ? 20 : 0;
    assert_int_equal(n, header + sent->size);
    assert_memory_equal(got.data + header, sent->data, sent->size);
    assert_int_equal(recv(fds[lane].fd, got.data, 1, MSG_DONTWAIT), -1);
    return lane;
}

static bool
is_control(const struct fwd_case *c)
{
    return !strncmp(c->fate, "punt", 4) || !strncmp(c->fate, "answer", 6)
           || strstr(c->fate, "punt/");
}

/* What nobody may take for more than a frame to flood. */
static bool
is_plain(const struct fwd_case *c)
{
    return c->in == TREE || c->in == TREE_GRE || c->vlan || c->kind == RAW
           || c->kind == IPV6
           || (c->kind == ARP && (c->op != 1 || !strcmp(c->spa, c->tpa)
                                  || !strcmp(c->spa, "0.0.0.0")))
           || ((c->kind == UDP4 || c->kind == UDP6 || c->kind == TCP4)
               && (c->sport == 1000 || c->sport == 5353));
}

static bool
check_case(struct rig *rig, const struct fwd_case *c, enum fwd_family family)
{
    struct frame f = payload_of(c);

    send_to_node(family, rx_of(c), &f);
    int lane = take(rig, family, rx_of(c), &f);
    bool ok = lane >= 0
              && (is_control(c)
                  ? lane == (c->kind == ARP || c->kind == ICMP6
                             ? FWD_LANE_RESOLVE : FWD_LANE_SERVICE)
                  : !is_plain(c) || lane == FWD_LANE_FLOOD);
    if (!ok) {
        print_error("%s: in lane %d\n", c->name, lane);
    }
    return ok;
}

static void
lanes__case__in_its_lane(void **state)
{
    int failed = 0, n_control = 0, n_plain = 0;

    if (!own_namespace) {
        skip();
    }
    for (size_t i = 0; i < fwd_n_cases; i++) {
        const struct fwd_case *c = &fwd_cases[i];

        if (strcmp(c->fate, "pass")) {
            failed += !check_case(*state, c, FWD_V4);
            failed += !check_case(*state, c, FWD_V6);
            n_control += is_control(c);
            n_plain += is_plain(c);
        }
    }
    assert_int_equal(failed, 0);
    assert_true(n_control > 20);
    assert_true(n_plain > 100);
}

/* Inner headers that no case has: IPv4 options, and each encapsulation with
 * all that may be in it. */
static void
lanes__unusual_headers__in_its_lane(void **state)
{
    static const struct fwd_case dhcp = {
        .in = EVPN_GRE, .from = Q2, .label = 4500, .dst = EVERYBODY,
        .src = B1, .kind = UDP4, .sport = 68, .dport = 67, .payload = 240,
    };
    static const uint16_t flags[] = { 0, 0x8000, 0x2000, 0xa000 };

    if (!own_namespace) {
        skip();
    }
    for (int i = 0; i < 4 * 4; i++) {
        struct fwd_case c = dhcp;

        c.gre = flags[i % 4];
        c.odd = i & 4 ? MPLS_SKIPPED | GRE_BY_8848 : 0;
        c.has_control_word = i & 8;
        struct frame f = payload_of(&c);
        for (int family = 0; family < FWD_N_FAMILIES; family++) {
            send_to_node(family, FWD_RX_GRE, &f);
            assert_int_equal(take(*state, family, FWD_RX_GRE, &f),
                             FWD_LANE_SERVICE);
        }
    }

    struct fwd_case c = dhcp;
    c.in = VX;
    struct frame plain = payload_of(&c), f = { .size = 0 };
    put(&f, plain.data, 8 + 14 + 20);
    put32(&f, 0x01010101);
    f.data[8 + 14] = 0x46;
    put(&f, plain.data + f.size - 4, plain.size - (f.size - 4));
    send_to_node(FWD_V4, FWD_RX_VXLAN, &f);
    assert_int_equal(take(*state, FWD_V4, FWD_RX_VXLAN, &f),
                     FWD_LANE_SERVICE);
}

/* Wherever a frame ends, it is in one lane: none is lost. */
static void
lanes__cut_anywhere__in_one_lane(void **state)
{
    static const struct fwd_case cases[] = {
        { .in = EVPN_GRE, .from = Q2, .label = 4500, .gre = 0xa000,
          .dst = EVERYBODY, .src = B1, .kind = UDP4, .sport = 68,
          .dport = 67 },
        { .in = EVPN_GRE, .from = Q2, .label = 4500, .dst = EVERYBODY,
          .src = B1, .kind = ICMP6, .op = 136, .dst6 = "ff02::1" },
        { .in = VX, .from = T1, .label = BLUE, .dst = EVERYBODY,
          .src = B1, .kind = ARP, .op = 1, .spa = "192.0.2.10",
          .tpa = "192.0.2.21" },
    };

    if (!own_namespace) {
        skip();
    }
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct frame f = payload_of(&cases[i]);

        for (; f.size; f.size--) {
            for (int family = 0; family < FWD_N_FAMILIES; family++) {
                send_to_node(family, rx_of(&cases[i]), &f);
                assert_true(take(*state, family, rx_of(&cases[i]), &f) >= 0);
            }
        }
    }
}

/* Likewise where the inner IP header says that it is longer than the frame. */
static void
lanes__options_behind_the_end__in_one_lane(void **state)
{
    static const struct fwd_case dns = {
        .in = EVPN_GRE, .from = Q2, .label = 4500, .dst = EVERYBODY,
        .src = B1, .kind = UDP4, .sport = 1000, .dport = 53, .payload = 40,
    };

    if (!own_namespace) {
        skip();
    }
    struct frame f = payload_of(&dns);
    f.data[4 + 4 + 14] = 0x4f;
    for (; f.size > 4 + 4 + 14; f.size--) {
        for (int family = 0; family < FWD_N_FAMILIES; family++) {
            send_to_node(family, FWD_RX_GRE, &f);
            assert_int_equal(take(*state, family, FWD_RX_GRE, &f),
                             FWD_LANE_FLOOD);
        }
    }
}

/* Sharing ports among our sockets does not share them with anybody else. */
static void
lanes__second_node__refused(void **state)
{
    struct fwd_sockets second;
    struct in6_addr address;
    uint16_t port;

    (void) state;
    if (!own_namespace) {
        skip();
    }
    fwd_sockets_init(&second);
    assert_int_equal(tsn_ip_parse(nodes[FWD_V4], &address), 0);
    assert_int_equal(fwd_sockets_open(&second, &address, 0, &port),
                     -EADDRINUSE);
    assert_int_equal(port, FWD_VXLAN_PORT);
}

static int
set_option_memory(const char *value)
{
    int fd = open("/proc/sys/net/core/optmem_max", O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, value, strlen(value)) > 0;

    if (fd >= 0) {
        close(fd);
    }
    return ok ? 0 : -1;
}

/* A host that takes no programs. */
static void
lanes__refused_by_host__all_in_the_first(void **state)
{
    struct rig *rig = *state;
    const struct fwd_case dhcp = {
        .in = VX, .from = T1, .label = BLUE, .dst = EVERYBODY, .src = B1,
        .kind = UDP4, .sport = 68, .dport = 67,
    };

    if (!own_namespace) {
        skip();
    }
    for (int family = 0; family < FWD_N_FAMILIES; family++) {
        fwd_sockets_close(&rig->sockets[family]);
    }
    if (set_option_memory("64")) {
        open_sockets(rig);
        skip();                 /* Not of a namespace before Linux 6.7. */
    }
    open_sockets(rig);
    assert_int_equal(set_option_memory("131072"), 0);
    for (int family = 0; family < FWD_N_FAMILIES; family++) {
        struct frame f = payload_of(&dhcp);

        assert_int_equal(rig->sockets[family].lanes_error, -ENOMEM);
        send_to_node(family, FWD_RX_VXLAN, &f);
        assert_int_equal(take(rig, family, FWD_RX_VXLAN, &f), FWD_LANE_FLOOD);

        struct frame gre = { .data = "\0\0\x88\x47", .size = 4 };
        put(&gre, "\0\x01\x01\x40", 4);
        put(&gre, f.data + 8, f.size - 8);
        send_to_node(family, FWD_RX_GRE, &gre);
        assert_int_equal(take(rig, family, FWD_RX_GRE, &gre),
                         FWD_LANE_FLOOD);
    }
}

static void
lo_up(void)
{
    struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
    close(fd);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
        TEST(lanes__case__in_its_lane),
        TEST(lanes__unusual_headers__in_its_lane),
        TEST(lanes__cut_anywhere__in_one_lane),
        TEST(lanes__options_behind_the_end__in_one_lane),
        TEST(lanes__second_node__refused),
        TEST(lanes__refused_by_host__all_in_the_first),
    };

    own_namespace = !unshare(CLONE_NEWNET);
    if (own_namespace) {
        lo_up();
    }
    return cmocka_run_group_tests_name("fwd_lanes", tests, NULL, NULL);
}
