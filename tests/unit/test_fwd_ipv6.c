/* SPDX-License-Identifier: Apache-2.0 */
/* A forwarder with an IPv4 and an IPv6 address, switches on the one side and
 * EVPN and tree neighbours on the other, in namespaces: by each engine every
 * endpoint gets one copy, over IPv6 with a UDP checksum, and what comes over
 * IPv6 goes on. */
#include <config.h>
#include "replication/forwarder/forwarder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "bpf_rig.h"
#include "generic_xdp.h"
#include "tsn/model.h"

#define NODE6 "2001:db8:5::1"
#define P_VXLAN "2001:db8:a::1"
#define P_UDP "2001:db8:a::2"
#define P_GRE "2001:db8:a::3"
#define P_TREE "2001:db8:a::4"
#define TREE_LABEL 4700

static const uint8_t b1[6] = B1, everybody[6] = EVERYBODY;

struct v6_rig {
    struct tsn_loop *loop;
    struct fwd *fwd;
    struct fwd_net_counters *counters;
    int fd;                     /* Of the underlay. */
};

static void
punted(const struct fwd_punted *p OVS_UNUSED, void *aux OVS_UNUSED)
{
    fail_msg("nothing is for the services");
}

static struct fwd_table *
make_table(struct v6_rig *rig)
{
    struct fwd_member members[] = {
        { ip(T1), BLUE, FWD_TOR, FWD_VXLAN },
        { ip(T2), BLUE, FWD_TOR, FWD_VXLAN },
        { ip(P_VXLAN), 7000, FWD_EVPN, FWD_VXLAN },
        { ip(P_UDP), 7001, FWD_EVPN, FWD_MPLS_UDP },
        { ip(P_GRE), 7002, FWD_EVPN, FWD_MPLS_GRE },
        { ip(P_TREE), 4702, FWD_TREE, FWD_MPLS_UDP },
    };
    struct fwd_in_label label = { TREE_LABEL, FWD_LABEL_TREE };
    struct fwd_network_spec spec = {
        .net = { .vni = BLUE, .seed = 42, .service_mac = SERVICE },
        .members = members, .n_members = ARRAY_SIZE(members),
        .labels = &label, .n_labels = 1,
    };
    struct fwd_network *network = fwd_network_create(&spec, rig->counters);
    struct fwd_table *table = fwd_table_create(&network, 1);

    fwd_network_unref(network);
    return table;
}

static void
turn(struct v6_rig *rig)
{
    struct pollfd fd = {
        .fd = uv_backend_fd(tsn_loop_uv(rig->loop)), .events = POLLIN,
    };

    uv_run(tsn_loop_uv(rig->loop), UV_RUN_NOWAIT);
    poll(&fd, 1, 1);
}

static void
wait_ready(struct v6_rig *rig)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;
    struct fwd_status status;

    do {
        turn(rig);
        fwd_get_status(rig->fwd, &status);
    } while ((status.n_unresolved || !status.ipv6) && tsn_now_ms() < end);
    assert_int_equal(status.n_unresolved, 0);
    assert_string_equal(status.reason6, "");
    assert_true(status.ipv6);
}

/* The UDP checksum of an IPv6 packet, as whoever receives it computes it. */
static bool
checksum_is_right(const uint8_t *ip6, size_t size)
{
    uint32_t sum = IPPROTO_UDP + size - FWD_IPV6_LEN;

    for (size_t i = 8; i < size; i++) {
        sum += i & 1 ? ip6[i] : (uint32_t) ip6[i] << 8;
    }
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum == 0xffff && fwd_get16(ip6 + FWD_IPV6_LEN + 6);
}

/* Whom a frame from us is for, or false if it is none of ours. */
static bool
read_copy(const uint8_t *data, size_t size, struct fwd_ip *to)
{
    const struct fwd_ip node = ip(NODE), node6 = ip(NODE6);
    const uint8_t *header = data + ETH_HLEN;
    struct fwd_outer outer;
    struct fwd_arrival a;

    if (!fwd_outer_ipv4(header, data + size, &outer, &a, to)
        && !fwd_outer_ipv6(header, data + size, &outer, &a, to)) {
        return false;
    }
    if ((outer.proto != FWD_IP_PROTO_UDP && outer.proto != FWD_IP_PROTO_GRE)
        || (!fwd_ip_equals(&a.source, &node)
            && !fwd_ip_equals(&a.source, &node6))) {
        return false;
    }
    if (fwd_ip_equals(&a.source, &node6) && outer.proto == FWD_IP_PROTO_UDP) {
        assert_true(checksum_is_right(header, size - ETH_HLEN));
    }
    return true;
}

/* Until each of 'wanted' has got a copy, and then that there are no more. */
static void
expect_copies(struct v6_rig *rig, const char *const wanted[], size_t n)
{
    unsigned int got[8] = { 0 };
    size_t n_got = 0;
    uint8_t data[4096];
    uint64_t end = tsn_now_ms() + WAIT_MS;

    while (tsn_now_ms() < end) {
        struct pollfd fd = { .fd = rig->fd, .events = POLLIN };
        struct fwd_ip to;
        size_t i;

        turn(rig);
        if (poll(&fd, 1, n_got < n ? 1 : QUIET_MS) <= 0) {
            if (n_got >= n) {
                return;
            }
            continue;
        }
        ssize_t size = recv(rig->fd, data, sizeof data, 0);
        if (size < ETH_HLEN || !read_copy(data, size, &to)) {
            continue;
        }
        for (i = 0; i < n; i++) {
            const struct fwd_ip endpoint = ip(wanted[i]);

            if (fwd_ip_equals(&to, &endpoint)) {
                break;
            }
        }
        assert_true(i < n);
        assert_int_equal(++got[i], 1);
        n_got++;
    }
    for (size_t i = 0; i < n; i++) {
        if (!got[i]) {
            print_message("no copy for %s\n", wanted[i]);
        }
    }
    fail_msg("%zu of %zu copies", n_got, n);
}

static void
send_wire(struct v6_rig *rig, const struct wire *w)
{
    assert_int_equal(send(rig->fd, w->data, w->size, 0), w->size);
}

/* A broadcast as 'from' sends it. */
static void
send_from(struct v6_rig *rig, const char *from, enum fwd_encap encap,
          uint32_t label, uint8_t flags)
{
    struct frame f;
    struct wire w;
    struct fwd_copy copy = {
        .src = ip(from), .label = label, .encap = encap, .port = 50000,
        .ttl = 60, .flags = flags, .vni = BLUE,
    };
    const uint8_t *end = w.data + sizeof w.data;

    put_ether(&f, BLUE, everybody, b1, -1, FWD_ETH_P_IPV4);
    put_udp4(&f, "192.0.2.10", "255.255.255.255", 0, 1000, 1000, 100);
    copy.size = f.size - FWD_VXLAN_LEN;
    copy.dst = fwd_ip_is_v4(&copy.src) ? ip(NODE) : ip(NODE6);
    parse_mac(NODE_MAC, w.data);
    parse_mac(PEER_MAC, w.data + 6);
    fwd_put16(w.data + 12, fwd_ip_is_v4(&copy.src) ? FWD_ETH_P_IPV4
                                                   : FWD_ETH_P_IPV6);
    uint8_t *p = fwd_put_ip(w.data + ETH_HLEN, end, &copy);
    p = fwd_put_tunnel(fwd_put_transport(p, end, &copy), end, &copy);
    assert_non_null(p);
    memcpy(p, f.data + FWD_VXLAN_LEN, copy.size);
    w.size = p + copy.size - w.data;
    send_wire(rig, &w);
}

static const char *const all_but_t1[] = {
    T2, P_VXLAN, P_UDP, P_GRE, P_TREE,
};
static const char *const switches[] = { T1, T2 };

static struct v6_rig *
rig_open(enum fwd_engine engine)
{
    struct fwd_config config = { .engine = engine };
    struct tsn_err err;

    if (skip_generic_xdp(engine) || rig_enter()) {
        return NULL;
    }
    /* Nothing is to outlive the test. */
    sh("umount -l /sys/fs/bpf 2>/dev/null || true");
    rig_connect(engine != FWD_ENGINE_EBPF_GENERIC);
    /* Or checksums are left to a driver that has none to make. */
    sh("ethtool -K u0 tx off >/dev/null");
    peer_sh("ip addr add 2001:db8:5::fe/64 dev p0 nodad");

    struct v6_rig *rig = xzalloc(sizeof *rig);
    rig->loop = tsn_loop_create("test");
    rig->counters = fwd_net_counters_create();
    rig->fd = peer_packet_socket("p0");
    assert_int_equal(tsn_ip_parse(NODE, &config.address), 0);
    assert_int_equal(tsn_ip_parse(NODE6, &config.address6), 0);
    int error = fwd_create(tsn_loop_uv(rig->loop), &config, punted, rig,
                           &rig->fwd, &err);
    if (error) {
        fail_msg("%s", tsn_err_format(&err));
    }
    return rig;
}

static void
rig_close(struct v6_rig *rig)
{
    fwd_destroy(rig->fwd);
    fwd_net_counters_unref(rig->counters);
    close(rig->fd);
    tsn_loop_destroy(rig->loop);
    free(rig);
}

static void
add_address6(const char *options)
{
    sh("ip addr add " NODE6 "/64 dev u0 %s", options);
    sh("ip route add 2001:db8:a::/64 via 2001:db8:5::fe");
}

static void
check(enum fwd_engine engine)
{
    struct v6_rig *rig = rig_open(engine);

    if (!rig) {
        skip();
    }
    add_address6("nodad");
    fwd_publish(rig->fwd, make_table(rig));
    wait_ready(rig);
    send_from(rig, T1, FWD_VXLAN, BLUE, 0);
    expect_copies(rig, all_but_t1, ARRAY_SIZE(all_but_t1));
    send_from(rig, P_VXLAN, FWD_VXLAN, BLUE, 0);
    expect_copies(rig, switches, ARRAY_SIZE(switches));
    send_from(rig, P_TREE, FWD_MPLS_UDP, TREE_LABEL,
              FWD_COPY_CONTROL_WORD | FWD_COPY_SECOND);
    expect_copies(rig, switches, ARRAY_SIZE(switches));

    const struct fwd_counters *c = fwd_totals(rig->fwd);
    assert_int_equal(fwd_counter_read(&c->copies), 9);
    for (int i = FWD_OK + 1; i < FWD_N_DROPS; i++) {
        assert_int_equal(fwd_counter_read(&c->drops[i]), 0);
    }
    rig_close(rig);
}

static int
teardown(void **state OVS_UNUSED)
{
    netns_leave();
    return 0;
}

static void
ipv6__sockets__each_endpoint_once(void **state OVS_UNUSED)
{
    check(FWD_ENGINE_SOCKET);
}

static void
ipv6__ebpf_native__each_endpoint_once(void **state OVS_UNUSED)
{
    check(FWD_ENGINE_EBPF);
}

static void
ipv6__ebpf_generic__each_endpoint_once(void **state OVS_UNUSED)
{
    check(FWD_ENGINE_EBPF_GENERIC);
}

/* Also while duplicate address detection has not found that it is ours. */
static void
ipv6__address_comes_later__ipv4_does_not_wait(void **state OVS_UNUSED)
{
    struct v6_rig *rig = rig_open(FWD_ENGINE_SOCKET);
    static const char *const t2[] = { T2 };
    struct fwd_status status;

    if (!rig) {
        skip();
    }
    fwd_publish(rig->fwd, make_table(rig));
    fwd_get_status(rig->fwd, &status);
    assert_true(status.running);
    assert_false(status.ipv6);
    assert_string_equal(status.reason6,
                        "address " NODE6 " is not on this host");
    send_from(rig, T1, FWD_VXLAN, BLUE, 0);
    expect_copies(rig, t2, ARRAY_SIZE(t2));
    const struct fwd_counters *c = fwd_totals(rig->fwd);
    assert_int_equal(fwd_counter_read(&c->drops[FWD_DROP_COPY_FAILED]), 4);

    add_address6("");
    wait_ready(rig);
    send_from(rig, T1, FWD_VXLAN, BLUE, 0);
    expect_copies(rig, all_but_t1, ARRAY_SIZE(all_but_t1));
    rig_close(rig);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_teardown(NAME, teardown)
    const struct CMUnitTest tests[] = {
        TEST(ipv6__sockets__each_endpoint_once),
        TEST(ipv6__ebpf_native__each_endpoint_once),
        TEST(ipv6__ebpf_generic__each_endpoint_once),
        TEST(ipv6__address_comes_later__ipv4_does_not_wait),
    };

    if (!getenv("TSN_TEST_VERBOSE")) {
        vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
