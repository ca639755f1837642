/* SPDX-License-Identifier: Apache-2.0 */
/* The socket engine over loopback: the node and the tunnel endpoints are
 * addresses in 127.0.0.0/8, in a network namespace of our own if we may. */
#include <config.h>
#include "replication/forwarder/forwarder.h"

#include <errno.h>
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
#define QUIET_MS 100            /* For what must not. */

#define NODE "127.0.9.1"
enum peer { TOR1, TOR2, TOR3, EVPN1, STRANGER1, N_PEERS };
static const char *const peer_ips[N_PEERS] = {
    "127.0.9.11", "127.0.9.12", "127.0.9.13", "127.0.9.21", "127.0.9.99",
};

struct rig {
    struct tsn_loop *loop;
    struct fwd *fwd;
    struct fwd_net_counters *counters;
    int peers[N_PEERS];
    int n_punts;
    struct fwd_punted punted;   /* The last. */
};

static struct sockaddr_in
sin_of(const char *s, uint16_t port)
{
    struct sockaddr_in sin = { .sin_family = AF_INET };

    sin.sin_port = htons(port);
    assert_int_equal(inet_pton(AF_INET, s, &sin.sin_addr), 1);
    return sin;
}

static int
bound_socket(const char *addr, uint16_t port)
{
    struct sockaddr_in sin = sin_of(addr, port);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *) &sin, sizeof sin), 0);
    return fd;
}

static void
punted(const struct fwd_punted *p, void *rig_)
{
    struct rig *rig = rig_;

    rig->n_punts++;
    rig->punted = *p;
}

/* Lets the control thread's loop turn until 'deadline' or 'stop' says so. */
static void
turn(struct rig *rig, bool (*stop)(const struct rig *), int ms)
{
    uint64_t end = tsn_now_ms() + ms;

    while (!(stop && stop(rig)) && tsn_now_ms() < end) {
        struct pollfd fd = {
            .fd = uv_backend_fd(tsn_loop_uv(rig->loop)), .events = POLLIN,
        };

        uv_run(tsn_loop_uv(rig->loop), UV_RUN_NOWAIT);
        poll(&fd, 1, 1);
    }
}

static struct fwd_table *
make_table(struct rig *rig, size_t n_tors)
{
    struct fwd_member members[N_PEERS];
    struct fwd_mac_entry macs[] = {
        { B1, { 0 }, { ip(peer_ips[TOR1]), BLUE,
                       FWD_MAC_ROUTE | FWD_MAC_DHCP4, FWD_VXLAN } },
        { B2, { 0 }, { ip(peer_ips[TOR2]), 777, FWD_MAC_ROUTE,
                       FWD_VXLAN } },
    };
    struct fwd_arp_entry arps[] = {
        { inet_addr("192.0.2.11"), { B2, 0, 0 } },
    };
    size_t n = 0;

    for (size_t i = 0; i < n_tors; i++) {
        members[n++] = (struct fwd_member) { ip(peer_ips[TOR1 + i]), BLUE,
                                             FWD_TOR, FWD_VXLAN };
    }
    members[n++] = (struct fwd_member) { ip(peer_ips[EVPN1]), 4711,
                                         FWD_EVPN, FWD_VXLAN };
    struct fwd_network_spec spec = {
        .net = { .vni = BLUE, .service_mac = SERVICE },
        .members = members, .n_members = n,
        .macs = macs, .n_macs = ARRAY_SIZE(macs),
        .arps = arps, .n_arps = ARRAY_SIZE(arps),
    };
    struct fwd_network *network = fwd_network_create(&spec, rig->counters);
    struct fwd_table *table = fwd_table_create(&network, 1);

    fwd_network_unref(network);
    return table;
}

static bool
is_running(const struct rig *rig)
{
    struct fwd_status status;

    fwd_get_status(rig->fwd, &status);
    return status.running;
}

static int
setup(void **state)
{
    struct rig *rig = xzalloc(sizeof *rig);
    struct fwd_config config = { .tos = 0 };
    struct tsn_err err;

    rig->loop = tsn_loop_create("test");
    rig->counters = fwd_net_counters_create();
    for (int i = 0; i < N_PEERS; i++) {
        rig->peers[i] = bound_socket(peer_ips[i], FWD_VXLAN_PORT);
    }
    assert_int_equal(tsn_ip_parse(NODE, &config.address), 0);
    assert_int_equal(fwd_create(tsn_loop_uv(rig->loop), &config, punted, rig,
                                &rig->fwd, &err), 0);
    assert_true(is_running(rig));
    fwd_publish(rig->fwd, make_table(rig, 2));
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    fwd_destroy(rig->fwd);
    for (int i = 0; i < N_PEERS; i++) {
        close(rig->peers[i]);
    }
    tsn_loop_destroy(rig->loop);
    fwd_net_counters_unref(rig->counters);
    free(rig);
    return 0;
}

static void
send_from(struct rig *rig, enum peer peer, const struct frame *f)
{
    struct sockaddr_in to = sin_of(NODE, FWD_VXLAN_PORT);

    assert_int_equal(sendto(rig->peers[peer], f->data, f->size, 0,
                            (struct sockaddr *) &to, sizeof to), f->size);
}

/* A copy arrives at 'peer': the inner frame of 'f' with 'vni', from the node's
 * own address.  Returns its source port. */
static uint16_t
expect_copy(struct rig *rig, enum peer peer, const struct frame *f,
            uint32_t vni)
{
    struct pollfd fd = { .fd = rig->peers[peer], .events = POLLIN };
    uint8_t got[65536], header[FWD_VXLAN_LEN];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    char name[INET_ADDRSTRLEN];

    assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
    ssize_t n = recvfrom(fd.fd, got, sizeof got, 0, (struct sockaddr *) &from,
                         &from_len);
    assert_int_equal(n, f->size);
    fwd_put_vxlan(header, vni);
    assert_memory_equal(got, header, sizeof header);
    assert_memory_equal(got + sizeof header, f->data + sizeof header,
                        f->size - sizeof header);
    assert_string_equal(inet_ntop(AF_INET, &from.sin_addr, name, sizeof name),
                        NODE);
    assert_in_range(ntohs(from.sin_port), 49152, 65535);
    return ntohs(from.sin_port);
}

/* No peer gets anything more. */
static void
expect_silence(struct rig *rig)
{
    struct pollfd fds[N_PEERS];

    for (int i = 0; i < N_PEERS; i++) {
        fds[i] = (struct pollfd) { .fd = rig->peers[i], .events = POLLIN };
    }
    assert_int_equal(poll(fds, N_PEERS, QUIET_MS), 0);
}

static struct frame
broadcast(uint8_t last_octet)
{
    uint8_t dst[6] = EVERYBODY, src[6] = { 2, 0, 0, 0, 0, last_octet };
    struct frame f;

    put_ether(&f, BLUE, dst, src, -1, 0x88b5);
    put(&f, "hello", 5);
    return f;
}

static void
engine__broadcast__once_to_each_other(void **state)
{
    struct rig *rig = *state;
    struct frame f = broadcast(1);

    send_from(rig, TOR1, &f);
    uint16_t port = expect_copy(rig, TOR2, &f, BLUE);
    assert_int_equal(expect_copy(rig, EVPN1, &f, 4711), port);
    expect_silence(rig);

    send_from(rig, EVPN1, &f);
    assert_int_equal(expect_copy(rig, TOR1, &f, BLUE), port);
    assert_int_equal(expect_copy(rig, TOR2, &f, BLUE), port);
    expect_silence(rig);

    const struct fwd_counters *c = &rig->counters->c;
    assert_int_equal(fwd_counter_read(&c->frames), 2);
    assert_int_equal(fwd_counter_read(&c->flooded), 2);
    assert_int_equal(fwd_counter_read(&c->copies), 4);
    assert_int_equal(fwd_counter_read(&fwd_totals(rig->fwd)->copies), 4);
}

/* TTL 64, no DF, UDP checksum 0 (B.1.3). */
static void
engine__copy__outer_header(void **state)
{
    struct rig *rig = *state;
    struct frame f = broadcast(1);
    struct sockaddr_in node = sin_of(NODE, 0);
    struct pollfd raw = { .events = POLLIN };
    uint8_t got[2048];

    raw.fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP);
    if (raw.fd < 0) {
        skip();
    }
    send_from(rig, TOR1, &f);
    do {
        assert_int_equal(poll(&raw, 1, WAIT_MS), 1);
        assert_true(recv(raw.fd, got, sizeof got, 0) >= 28);
    } while (memcmp(got + 12, &node.sin_addr, 4));
    close(raw.fd);
    assert_int_equal(got[0], 0x45);
    assert_int_equal(got[1], 0);
    assert_int_equal(got[6] & 0x40, 0);
    assert_int_equal(got[8], 64);
    assert_int_equal(got[22] << 8 | got[23], FWD_VXLAN_PORT);
    assert_int_equal(got[26] << 8 | got[27], 0);
}

static void
engine__many_frames__each_copied_in_order(void **state)
{
    struct rig *rig = *state;
    struct frame f = broadcast(1);

    for (int i = 0; i < 200; i++) {
        f.data[f.size - 1] = i;
        send_from(rig, TOR1, &f);
    }
    for (int i = 0; i < 200; i++) {
        f.data[f.size - 1] = i;
        expect_copy(rig, TOR2, &f, BLUE);
        expect_copy(rig, EVPN1, &f, 4711);
    }
    expect_silence(rig);
}

static void
engine__large_frame__copied_whole(void **state)
{
    static const uint8_t zeros[1800];
    struct rig *rig = *state;
    struct frame f = broadcast(1);

    put(&f, zeros, sizeof zeros);
    send_from(rig, TOR1, &f);
    expect_copy(rig, TOR2, &f, BLUE);
    expect_copy(rig, EVPN1, &f, 4711);
}

static bool
stranger_dropped(const struct rig *rig)
{
    return fwd_counter_read(&rig->counters->c
                            .drops[FWD_DROP_INVALID_MCAST_SOURCE]);
}

static bool
vnid_dropped(const struct rig *rig)
{
    return fwd_counter_read(&fwd_totals(rig->fwd)
                            ->drops[FWD_DROP_INVALID_VNID]);
}

static void
engine__stranger__dropped_and_counted(void **state)
{
    struct rig *rig = *state;
    struct frame f = broadcast(1);

    send_from(rig, STRANGER1, &f);
    turn(rig, stranger_dropped, WAIT_MS);
    assert_true(stranger_dropped(rig));

    fwd_put_vxlan(f.data, 999);
    send_from(rig, TOR1, &f);
    turn(rig, vnid_dropped, WAIT_MS);
    assert_true(vnid_dropped(rig));
    expect_silence(rig);
}

static void
engine__arp_request__answered_to_its_source(void **state)
{
    static const uint8_t all[] = EVERYBODY, b1[] = B1, b2[] = B2;
    struct rig *rig = *state;
    struct frame f;

    put_ether(&f, BLUE, all, b1, -1, FWD_ETH_P_ARP);
    put_arp(&f, ARP_OP_REQUEST, b1, "192.0.2.10", "192.0.2.11");
    send_from(rig, TOR1, &f);

    arp_answer(f.data + FWD_VXLAN_LEN, b2);
    expect_copy(rig, TOR1, &f, BLUE);
    expect_silence(rig);
    assert_int_equal(fwd_counter_read(&rig->counters->c.answered), 1);
}

static void
engine__arp_reply__relayed_with_the_label_of_the_mac(void **state)
{
    static const uint8_t b1[] = B1, b2[] = B2;
    struct rig *rig = *state;
    struct frame f;

    put_ether(&f, BLUE, b2, b1, -1, FWD_ETH_P_ARP);
    put_arp(&f, ARP_OP_REPLY, b1, "192.0.2.10", "192.0.2.11");
    send_from(rig, TOR1, &f);
    expect_copy(rig, TOR2, &f, 777);
    expect_silence(rig);
}

static bool
has_punt(const struct rig *rig)
{
    return rig->n_punts > 0;
}

static void
engine__dhcp__punted_and_reply_sent(void **state)
{
    static const uint8_t all[] = EVERYBODY, b1[] = B1;
    struct fwd_ip tor1 = ip(peer_ips[TOR1]);
    struct rig *rig = *state;
    struct frame f;

    put_ether(&f, BLUE, all, b1, -1, FWD_ETH_P_IPV4);
    put_udp4(&f, "0.0.0.0", "255.255.255.255", 0, 68, 67, 300);
    send_from(rig, TOR1, &f);
    turn(rig, has_punt, WAIT_MS);

    assert_int_equal(rig->n_punts, 1);
    assert_int_equal(rig->punted.reason, FWD_PUNT_DHCP4);
    assert_int_equal(rig->punted.net.vni, BLUE);
    assert_true(fwd_ip_equals(&rig->punted.reply.ip, &tor1));
    assert_int_equal(rig->punted.size, f.size - FWD_VXLAN_LEN);
    assert_memory_equal(rig->punted.frame, f.data + FWD_VXLAN_LEN,
                        rig->punted.size);

    assert_int_equal(fwd_send(rig->fwd, &rig->punted.net, &rig->punted.reply,
                              rig->punted.frame, rig->punted.size), 0);
    expect_copy(rig, TOR1, &f, BLUE);
    expect_silence(rig);
}

/* The share of a switch is bounded; what does not fit is a drop, and what does arrives. */
static bool
punts_over(const struct rig *rig)
{
    const struct fwd_counters *c = &rig->counters->c;

    return fwd_counter_read(&c->punted)
           + fwd_counter_read(&c->drops[FWD_DROP_PUNT_FULL])
           == FWD_PUNT_SHARE + 20;
}

static bool
punts_done(const struct rig *rig)
{
    return rig->n_punts == FWD_PUNT_SHARE;
}

static void
engine__punt_flood__bounded(void **state)
{
    static const uint8_t all[] = EVERYBODY, b1[] = B1;
    struct rig *rig = *state;
    uint64_t end = tsn_now_ms() + WAIT_MS;
    struct frame f;

    put_ether(&f, BLUE, all, b1, -1, FWD_ETH_P_IPV4);
    put_udp4(&f, "0.0.0.0", "255.255.255.255", 0, 68, 67, 300);
    for (int i = 0; i < FWD_PUNT_SHARE + 20; i++) {
        send_from(rig, TOR1, &f);
    }
    while (!punts_over(rig) && tsn_now_ms() < end) {
        sched_yield();          /* The control thread is busy. */
    }
    assert_true(punts_over(rig));
    assert_int_equal(fwd_counter_read(&rig->counters->c
                                      .drops[FWD_DROP_PUNT_FULL]), 20);
    turn(rig, punts_done, WAIT_MS);
    assert_int_equal(rig->n_punts, FWD_PUNT_SHARE);
}

/* A new table counts from the next frame on; copies to an endpoint that the
 * host refuses do not keep those after it. */
static void
engine__failing_copy__others_sent(void **state)
{
    struct rig *rig = *state;
    struct frame f = broadcast(1);
    struct fwd_member members[] = {
        { ip("0.0.0.1"), BLUE, FWD_TOR, FWD_VXLAN },       /* Sorts first. */
        { ip(peer_ips[TOR1]), BLUE, FWD_TOR, FWD_VXLAN },
        { ip(peer_ips[TOR2]), BLUE, FWD_TOR, FWD_VXLAN },
        { ip("240.0.0.1"), BLUE, FWD_TOR, FWD_VXLAN },
        { ip(peer_ips[EVPN1]), BLUE, FWD_EVPN, FWD_VXLAN },
    };
    struct fwd_network_spec spec = {
        .net = { .vni = BLUE, .service_mac = SERVICE },
        .members = members, .n_members = ARRAY_SIZE(members),
    };
    struct fwd_network *network = fwd_network_create(&spec, rig->counters);

    fwd_publish(rig->fwd, fwd_table_create(&network, 1));
    fwd_network_unref(network);
    send_from(rig, TOR1, &f);
    expect_copy(rig, TOR2, &f, BLUE);
    expect_copy(rig, EVPN1, &f, BLUE);
    expect_silence(rig);
    assert_int_equal(fwd_counter_read(&rig->counters->c.copies), 2);
    assert_int_equal(fwd_counter_read(&rig->counters->c
                                      .drops[FWD_DROP_COPY_FAILED]), 2);
}

/* Tables come and go while frames are forwarded: a member of all of them gets
 * each frame once. */
static void
engine__tables_replaced_under_load__no_loss(void **state)
{
    struct rig *rig = *state;
    struct frame f = broadcast(1);

    for (int i = 0; i < 500; i++) {
        fwd_publish(rig->fwd, make_table(rig, 2 + i % 2));
        f.data[f.size - 1] = i;
        send_from(rig, TOR1, &f);
        turn(rig, NULL, 0);
        expect_copy(rig, TOR2, &f, BLUE);
        expect_copy(rig, EVPN1, &f, 4711);
        uv_run(tsn_loop_uv(rig->loop), UV_RUN_NOWAIT);
    }
}

static void
engine__port_in_use__refused(void **state)
{
    struct rig *rig = *state;
    struct fwd_config config = { .tos = 0 };
    struct fwd *fwd = NULL;
    struct tsn_err err;

    assert_int_equal(tsn_ip_parse(peer_ips[TOR1], &config.address), 0);
    assert_int_equal(fwd_create(tsn_loop_uv(rig->loop), &config, punted, rig,
                                &fwd, &err), -EADDRINUSE);
    assert_null(fwd);
    assert_non_null(strstr(err.text, "in use"));
}

static void
engine__ipv6_address__refused(void **state)
{
    struct rig *rig = *state;
    struct fwd_config config = { .tos = 0 };
    struct fwd *fwd = NULL;
    struct tsn_err err;

    assert_int_equal(tsn_ip_parse("2001:db8::1", &config.address), 0);
    assert_int_equal(fwd_create(tsn_loop_uv(rig->loop), &config, punted, rig,
                                &fwd, &err), -EAFNOSUPPORT);
}

static void
lo_ioctl(unsigned long request, struct ifreq *ifr)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_equal(ioctl(fd, request, ifr), 0);
    close(fd);
}

static void
lo_up(void)
{
    struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };

    lo_ioctl(SIOCSIFFLAGS, &ifr);
}

static bool own_namespace;

/* An address that comes later, as one of VRRP does. */
static void
engine__address_arrives_later__starts(void **state)
{
    struct rig *rig = *state;
    struct fwd *first = rig->fwd;
    struct fwd_config config = { .tos = 0 };
    const struct fwd_member tor1 = {
        ip(peer_ips[TOR1]), BLUE, FWD_TOR, FWD_VXLAN,
    };
    const struct fwd_net blue = { .vni = BLUE };
    struct fwd_status status;
    struct tsn_err err;

    if (!own_namespace) {
        skip();
    }
    assert_int_equal(tsn_ip_parse("198.51.100.9", &config.address), 0);
    assert_int_equal(fwd_create(tsn_loop_uv(rig->loop), &config, punted, rig,
                                &rig->fwd, &err), 0);
    fwd_get_status(rig->fwd, &status);
    assert_false(status.running);
    assert_non_null(strstr(status.reason, "198.51.100.9"));
    assert_int_equal(fwd_send(rig->fwd, &blue, &tor1, "0123456789abcdef", 16),
                     -EADDRNOTAVAIL);
    fwd_publish(rig->fwd, make_table(rig, 2));

    struct ifreq ifr = { .ifr_name = "lo:1" };
    struct sockaddr_in sin = sin_of("198.51.100.9", 0);
    memcpy(&ifr.ifr_addr, &sin, sizeof sin);
    lo_ioctl(SIOCSIFADDR, &ifr);
    turn(rig, is_running, WAIT_MS);
    fwd_get_status(rig->fwd, &status);
    assert_true(status.running);
    assert_string_equal(status.reason, "");

    fwd_destroy(rig->fwd);
    rig->fwd = first;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
        TEST(engine__broadcast__once_to_each_other),
        TEST(engine__copy__outer_header),
        TEST(engine__many_frames__each_copied_in_order),
        TEST(engine__large_frame__copied_whole),
        TEST(engine__stranger__dropped_and_counted),
        TEST(engine__arp_request__answered_to_its_source),
        TEST(engine__arp_reply__relayed_with_the_label_of_the_mac),
        TEST(engine__dhcp__punted_and_reply_sent),
        TEST(engine__punt_flood__bounded),
        TEST(engine__failing_copy__others_sent),
        TEST(engine__tables_replaced_under_load__no_loss),
        TEST(engine__port_in_use__refused),
        TEST(engine__ipv6_address__refused),
        TEST(engine__address_arrives_later__starts),
    };

    own_namespace = !unshare(CLONE_NEWNET);
    if (own_namespace) {
        lo_up();
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
