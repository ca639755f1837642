/* SPDX-License-Identifier: Apache-2.0 */
/* Next hops against a real kernel: this host is one namespace, the underlay
 * another. */
#include <config.h>
#include "replication/forwarder/nexthop.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "netns_rig.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "replication/forwarder/rtnl.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "util.h"

#define WAIT_MS 10000           /* At most, for what must happen. */
#define QUIET_MS 100            /* For what must not. */

/* On the loopback interface. */
#define NODE "10.0.9.1"
#define NODE6 "2001:db8:9::1"
#define N_FAR 200               /* Endpoints beyond the gateways. */
#define N_MANY 2000
#define MOST_IN_A_TURN 256

struct rig {
    struct tsn_loop *loop;
    struct fwd_nexthops *nhs;
    int n_changes, n_settled, n_interfaces;
    bool settled;               /* No change since that was said. */
    struct fwd_ip changed;      /* The last. */
};

static struct fwd_ip
ip(const char *s)
{
    struct fwd_ip ip;
    struct in_addr a;

    if (inet_pton(AF_INET, s, &a) == 1) {
        return fwd_ip_from_v4(a.s_addr);
    }
    assert_int_equal(inet_pton(AF_INET6, s, ip.b), 1);
    return ip;
}

static void
changed(const struct fwd_ip *dst, const struct fwd_nexthop *nh OVS_UNUSED,
        void *rig_)
{
    struct rig *rig = rig_;

    rig->n_changes++;
    rig->changed = *dst;
    rig->settled = false;
}

static void
settled(void *rig_)
{
    struct rig *rig = rig_;

    assert_false(rig->settled);
    rig->settled = true;
    rig->n_settled++;
}

static void
interface(int ifindex OVS_UNUSED, void *rig_)
{
    struct rig *rig = rig_;

    rig->n_interfaces++;
}

static const struct fwd_nexthop_ops ops = {
    .changed = changed, .settled = settled, .interface = interface,
};

/* What is followed can be looked at by following it once more. */
static struct fwd_nexthop
look(struct rig *rig, const struct fwd_ip *dst)
{
    struct fwd_nexthop nh = *fwd_nexthops_add(rig->nhs, dst);

    fwd_nexthops_remove(rig->nhs, dst);
    return nh;
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

static struct fwd_nexthop
wait_for(struct rig *rig, const char *dst_s, enum fwd_nexthop_state state)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;
    struct fwd_ip dst = ip(dst_s);
    struct fwd_nexthop nh;

    for (;;) {
        nh = look(rig, &dst);
        if (nh.state == state) {
            return nh;
        }
        if (tsn_now_ms() >= end) {
            fail_msg("%s stays %s", dst_s, fwd_nexthop_state_name(nh.state));
        }
        turn(rig);
    }
}

static void
follow(struct rig *rig, const char *dst_s)
{
    struct fwd_ip dst = ip(dst_s);

    fwd_nexthops_add(rig->nhs, &dst);
}

static void
assert_mac(const uint8_t mac[6], const char *expected)
{
    char text[18];

    snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
             mac[1], mac[2], mac[3], mac[4], mac[5]);
    assert_string_equal(text, expected);
}

static int
setup(void **state)
{
    struct fwd_host host = { .ip4 = ip(NODE), .ip6 = ip(NODE6) };
    struct tsn_err err;

    if (!netns_enter()) {
        print_message("SKIP: no permission for network namespaces\n");
        *state = NULL;
        return 0;
    }
    netns_connect("ua", "10.0.1.1/24", "pa", "10.0.1.2/24");
    netns_connect("ub", "10.0.2.1/24", "pb", "10.0.2.2/24");
    sh("ip addr add " NODE "/32 dev lo");
    sh("ip addr add " NODE6 "/128 dev lo");
    sh("ip addr add 2001:db8:1::1/64 dev ua nodad");
    sh("ip addr add 2001:db8:2::1/64 dev ub nodad");
    peer_sh("ip addr add 2001:db8:1::2/64 dev pa nodad");
    peer_sh("ip addr add 2001:db8:2::2/64 dev pb nodad");
    peer_sh("ip addr add fe80::2/64 dev pb nodad");
    sh("ip link set ua address 02:00:00:00:01:01");
    sh("ip link set ub address 02:00:00:00:02:01");
    peer_sh("ip link set pa address 02:00:00:00:01:02");
    peer_sh("ip link set pb address 02:00:00:00:02:02");

    struct rig *rig = xzalloc(sizeof *rig);
    rig->loop = tsn_loop_create("test");
    assert_int_equal(fwd_nexthops_create(tsn_loop_uv(rig->loop), &host,
                                         &ops, rig, &rig->nhs, &err), 0);
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    if (rig) {
        fwd_nexthops_destroy(rig->nhs);
        tsn_loop_destroy(rig->loop);
        free(rig);
    }
    netns_leave();
    return 0;
}

#define SKIP_WITHOUT(RIG) do { if (!(RIG)) { skip(); } } while (0)

static void
fwd_nexthops__neighbour_on_the_link__is_asked_for(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);

    follow(rig, "10.0.1.2");
    struct fwd_nexthop nh = wait_for(rig, "10.0.1.2", FWD_NEXTHOP_READY);

    assert_int_equal(nh.ifindex, if_nametoindex("ua"));
    assert_int_equal(nh.mtu, 1500);
    assert_mac(nh.src_mac, "02:00:00:00:01:01");
    assert_mac(nh.dst_mac, "02:00:00:00:01:02");
    assert_int_equal(fwd_nexthops_n_pending(rig->nhs), 0);
    assert_int_equal(fwd_nexthops_source_ifindex(rig->nhs, false),
                     if_nametoindex("lo"));
}

static void
fwd_nexthops__beyond_a_gateway__has_its_mac_and_the_mtu(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);

    sh("ip route add 10.7.0.0/16 via 10.0.2.2 mtu 1400");
    follow(rig, "10.7.1.1");
    struct fwd_nexthop nh = wait_for(rig, "10.7.1.1", FWD_NEXTHOP_READY);

    assert_int_equal(nh.ifindex, if_nametoindex("ub"));
    assert_int_equal(nh.mtu, 1400);
    assert_mac(nh.dst_mac, "02:00:00:00:02:02");
}

static void
fwd_nexthops__no_route__waits_for_one(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);

    follow(rig, "10.7.1.1");
    assert_int_equal(wait_for(rig, "10.7.1.1",
                              FWD_NEXTHOP_UNROUTED).ifindex, 0);
    assert_int_equal(fwd_nexthops_n_pending(rig->nhs), 1);

    sh("ip route add 10.7.0.0/16 via 10.0.1.2");
    wait_for(rig, "10.7.1.1", FWD_NEXTHOP_READY);
    sh("ip route del 10.7.0.0/16");
    wait_for(rig, "10.7.1.1", FWD_NEXTHOP_UNROUTED);
}

static void
fwd_nexthops__own_address__is_no_way_out(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);

    follow(rig, NODE);
    wait_for(rig, NODE, FWD_NEXTHOP_UNROUTED);
}

static void
fwd_nexthops__silent_neighbour__is_asked_until_it_answers(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);

    follow(rig, "10.0.1.9");
    struct fwd_nexthop nh = wait_for(rig, "10.0.1.9",
                                     FWD_NEXTHOP_UNRESOLVED);
    assert_int_equal(nh.ifindex, if_nametoindex("ua"));
    assert_int_equal(fwd_nexthops_n_pending(rig->nhs), 1);

    /* Until the kernel has given up once. */
    uint64_t end = tsn_now_ms() + WAIT_MS;
    while (system("ip neigh show to 10.0.1.9 dev ua | grep -q FAILED")) {
        assert_true(tsn_now_ms() < end);
        turn(rig);
    }
    wait_for(rig, "10.0.1.9", FWD_NEXTHOP_UNRESOLVED);
    const struct fwd_ip dst = ip("10.0.1.9");
    char why[128];
    assert_true(fwd_nexthops_explain(rig->nhs, &dst, why, sizeof why));
    assert_string_equal(why, "10.0.1.9 does not answer on ua");
    peer_sh("ip addr add 10.0.1.9/24 dev pa");
    wait_for(rig, "10.0.1.9", FWD_NEXTHOP_READY);
    assert_false(fwd_nexthops_explain(rig->nhs, &dst, why, sizeof why));
}

static void
fwd_nexthops__moved_mac__is_taken_over(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);

    follow(rig, "10.0.1.2");
    wait_for(rig, "10.0.1.2", FWD_NEXTHOP_READY);
    rig->n_changes = 0;
    sh("ip neigh replace 10.0.1.2 lladdr 02:00:00:00:01:77 dev ua");

    uint64_t end = tsn_now_ms() + WAIT_MS;
    while (!rig->n_changes && tsn_now_ms() < end) {
        turn(rig);
    }
    assert_int_equal(rig->n_changes, 1);
    assert_mac(wait_for(rig, "10.0.1.2", FWD_NEXTHOP_READY).dst_mac,
               "02:00:00:00:01:77");
}

/* To ask for a fixed one would make the kernel forget it. */
static void
fwd_rtnl__neighbours__fixed_ones_are_told_apart(void **state)
{
    struct rig *rig = *state;
    struct fwd_ip learnt = ip("10.0.1.2"), fixed = ip("10.0.1.7");
    struct fwd_rtnl *rtnl;
    struct tsn_err err;
    uint8_t mac[6];
    bool is_fixed;
    SKIP_WITHOUT(rig);

    sh("ip neigh add 10.0.1.7 lladdr 02:00:00:00:01:07 dev ua nud permanent");
    follow(rig, "10.0.1.2");
    wait_for(rig, "10.0.1.2", FWD_NEXTHOP_READY);

    assert_int_equal(fwd_rtnl_create(&rtnl, &err), 0);
    int ifindex = if_nametoindex("ua");
    assert_int_equal(fwd_rtnl_get_neighbour(rtnl, ifindex, &learnt, mac,
                                            &is_fixed), 0);
    assert_false(is_fixed);
    assert_int_equal(fwd_rtnl_get_neighbour(rtnl, ifindex, &fixed, mac,
                                            &is_fixed), 0);
    assert_true(is_fixed);
    assert_mac(mac, "02:00:00:00:01:07");
    fwd_rtnl_destroy(rtnl);
}

static void
fwd_nexthops__own_mac_changes__is_taken_over(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);

    follow(rig, "10.0.1.2");
    wait_for(rig, "10.0.1.2", FWD_NEXTHOP_READY);
    rig->n_changes = 0;
    sh("ip link set ua address 02:00:00:00:01:88");

    uint64_t end = tsn_now_ms() + WAIT_MS;
    struct fwd_ip dst = ip("10.0.1.2");
    while (look(rig, &dst).src_mac[5] != 0x88 && tsn_now_ms() < end) {
        turn(rig);
    }
    assert_mac(look(rig, &dst).src_mac, "02:00:00:00:01:88");
    assert_true(rig->n_changes > 0);
}

static void
fwd_nexthops__removed__tells_no_more(void **state)
{
    struct rig *rig = *state;
    struct fwd_ip dst = ip("10.0.1.2");
    SKIP_WITHOUT(rig);

    follow(rig, "10.0.1.2");
    wait_for(rig, "10.0.1.2", FWD_NEXTHOP_READY);
    fwd_nexthops_remove(rig->nhs, &dst);
    rig->n_changes = 0;
    sh("ip neigh replace 10.0.1.2 lladdr 02:00:00:00:01:77 dev ua");

    uint64_t end = tsn_now_ms() + QUIET_MS;
    while (tsn_now_ms() < end) {
        turn(rig);
    }
    assert_int_equal(rig->n_changes, 0);
}

static void
follow_far(struct rig *rig)
{
    for (int i = 0; i < N_FAR; i++) {
        char dst[INET_ADDRSTRLEN];

        snprintf(dst, sizeof dst, "10.7.1.%d", i);
        follow(rig, dst);
    }
}

/* Where each of the far endpoints leaves: indexes of interfaces. */
static void
ways_of_far(struct rig *rig, int ifindexes[N_FAR])
{
    for (int i = 0; i < N_FAR; i++) {
        char dst[INET_ADDRSTRLEN];

        snprintf(dst, sizeof dst, "10.7.1.%d", i);
        ifindexes[i] = wait_for(rig, dst, FWD_NEXTHOP_READY).ifindex;
    }
}

static int
count_of(const int ifindexes[N_FAR], int ifindex)
{
    int n = 0;

    for (int i = 0; i < N_FAR; i++) {
        n += ifindexes[i] == ifindex;
    }
    return n;
}

static void
fwd_nexthops__several_paths__move_only_who_must(void **state)
{
    struct rig *rig = *state;
    int before[N_FAR], without[N_FAR], after[N_FAR];
    SKIP_WITHOUT(rig);
    int a = if_nametoindex("ua"), b = if_nametoindex("ub");

    netns_connect("uc", "10.0.3.1/24", "pc", "10.0.3.2/24");
    int c = if_nametoindex("uc");
    sh("ip route add 10.7.0.0/16 nexthop via 10.0.1.2 nexthop via 10.0.2.2 "
       "nexthop via 10.0.3.2");
    follow_far(rig);
    ways_of_far(rig, before);
    assert_true(count_of(before, a) > N_FAR / 5);
    assert_true(count_of(before, b) > N_FAR / 5);
    assert_true(count_of(before, c) > N_FAR / 5);

    sh("ip link set ub down");
    uint64_t end = tsn_now_ms() + WAIT_MS;
    do {
        turn(rig);
        ways_of_far(rig, without);
    } while (count_of(without, b) && tsn_now_ms() < end);
    for (int i = 0; i < N_FAR; i++) {
        assert_true(without[i] != b);
        assert_true(before[i] == b || without[i] == before[i]);
    }
    assert_true(rig->settled);

    sh("ip link set ub up");
    sh("ip route replace 10.7.0.0/16 nexthop via 10.0.1.2 "
       "nexthop via 10.0.2.2 nexthop via 10.0.3.2");
    end = tsn_now_ms() + WAIT_MS;
    do {
        turn(rig);
        ways_of_far(rig, after);
    } while (memcmp(before, after, sizeof after) && tsn_now_ms() < end);
    assert_memory_equal(before, after, sizeof after);
}

/* Frames may come in by them. */
static void
fwd_nexthops__several_paths_of_one__all_interfaces_are_told(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);
    int a = if_nametoindex("ua"), b = if_nametoindex("ub");

    sh("ip route add 10.7.0.0/16 nexthop via 10.0.1.2 nexthop via 10.0.2.2");
    follow(rig, "10.7.1.1");
    wait_for(rig, "10.7.1.1", FWD_NEXTHOP_READY);
    assert_int_equal(rig->n_interfaces, 2);
    assert_int_equal(fwd_nexthops_ifindex(rig->nhs, 0)
                     + fwd_nexthops_ifindex(rig->nhs, 1), a + b);
    assert_int_equal(fwd_nexthops_ifindex(rig->nhs, 2), 0);

    sh("ip link del ub");
    uint64_t end = tsn_now_ms() + WAIT_MS;
    while (fwd_nexthops_ifindex(rig->nhs, 1) && tsn_now_ms() < end) {
        turn(rig);
    }
    assert_int_equal(fwd_nexthops_ifindex(rig->nhs, 0), a);
    assert_int_equal(fwd_nexthops_ifindex(rig->nhs, 1), 0);
}

static void
turn_for(struct rig *rig, uint64_t ms)
{
    uint64_t end = tsn_now_ms() + ms;

    while (tsn_now_ms() < end) {
        turn(rig);
    }
}

/* Make before break: whom to ask first is asked while all goes on. */
static void
fwd_nexthops__route_to_silent_neighbour__way_before_for_a_while(void **state)
{
    struct rig *rig = *state;
    struct fwd_ip dst = ip("10.7.1.1");
    SKIP_WITHOUT(rig);
    int a = if_nametoindex("ua"), b = if_nametoindex("ub");

    sh("ip route add 10.7.0.0/16 via 10.0.1.2");
    follow(rig, "10.7.1.1");
    wait_for(rig, "10.7.1.1", FWD_NEXTHOP_READY);
    rig->n_changes = 0;
    sh("ip route replace 10.7.0.0/16 via 10.0.2.9");
    /* So that the second request, a second later, finds it. */
    turn_for(rig, 3 * QUIET_MS);
    assert_int_equal(rig->n_changes, 0);
    assert_int_equal(look(rig, &dst).ifindex, a);

    peer_sh("ip addr add 10.0.2.9/24 dev pb");
    uint64_t end = tsn_now_ms() + WAIT_MS;
    while (look(rig, &dst).ifindex != b && tsn_now_ms() < end) {
        turn(rig);
    }
    assert_int_equal(look(rig, &dst).ifindex, b);
    assert_int_equal(rig->n_changes, 1);

    /* For one that never answers it is not kept for long. */
    sh("ip route replace 10.7.0.0/16 via 10.0.1.9");
    wait_for(rig, "10.7.1.1", FWD_NEXTHOP_UNRESOLVED);
    /* Nor for one moment by a link that is down. */
    sh("ip route replace 10.7.0.0/16 via 10.0.2.9");
    wait_for(rig, "10.7.1.1", FWD_NEXTHOP_READY);
    sh("ip route replace 10.7.0.0/16 via 10.0.1.9");
    sh("ip link set ub down");
    end = tsn_now_ms() + 10 * QUIET_MS;
    while (look(rig, &dst).state != FWD_NEXTHOP_UNRESOLVED
           && tsn_now_ms() < end) {
        turn(rig);
    }
    assert_int_equal(look(rig, &dst).state, FWD_NEXTHOP_UNRESOLVED);
}

/* Or it would be noticed late that it is gone. */
static void
fwd_nexthops__neighbour_gets_stale__is_asked_at_once(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);

    follow(rig, "10.0.1.2");
    wait_for(rig, "10.0.1.2", FWD_NEXTHOP_READY);
    sh("ip neigh change 10.0.1.2 dev ua nud stale");
    uint64_t end = tsn_now_ms() + 10 * QUIET_MS;
    while (!system("ip neigh show to 10.0.1.2 dev ua | grep -q STALE")) {
        assert_true(tsn_now_ms() < end);
        turn(rig);
    }
}

static void
fwd_nexthops__weighted_paths__share_by_weight(void **state)
{
    struct rig *rig = *state;
    int ways[N_FAR];
    SKIP_WITHOUT(rig);

    sh("ip route add 10.7.0.0/16 nexthop via 10.0.1.2 weight 4 "
       "nexthop via 10.0.2.2 weight 1");
    follow_far(rig);
    ways_of_far(rig, ways);
    int n = count_of(ways, if_nametoindex("ub"));
    assert_in_range(n, N_FAR / 10, N_FAR * 3 / 10);
}

/* Until all of the far endpoints leave by 'ifindex' alone. */
static void
wait_for_all_by(struct rig *rig, int ifindex)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;
    int ways[N_FAR];

    do {
        turn(rig);
        ways_of_far(rig, ways);
    } while (count_of(ways, ifindex) < N_FAR && tsn_now_ms() < end);
    assert_int_equal(count_of(ways, ifindex), N_FAR);
}

/* Until they leave as they did. */
static void
wait_for_ways(struct rig *rig, const int expected[N_FAR])
{
    uint64_t end = tsn_now_ms() + WAIT_MS;
    int ways[N_FAR];

    do {
        turn(rig);
        ways_of_far(rig, ways);
    } while (memcmp(ways, expected, sizeof ways) && tsn_now_ms() < end);
    assert_memory_equal(ways, expected, sizeof ways);
}

static void
fwd_nexthops__neighbour_of_a_path_fails__move_until_it_is_back(void **state)
{
    struct rig *rig = *state;
    int before[N_FAR];
    SKIP_WITHOUT(rig);

    sh("ip route add 10.7.0.0/16 nexthop via 10.0.1.2 nexthop via 10.0.2.2");
    follow_far(rig);
    ways_of_far(rig, before);
    assert_true(count_of(before, if_nametoindex("ub")) > N_FAR / 5);

    peer_sh("ip link set pb arp off");
    sh("ip neigh change 10.0.2.2 dev ub lladdr 02:00:00:00:02:02 nud failed");
    wait_for_all_by(rig, if_nametoindex("ua"));
    assert_int_equal(fwd_nexthops_n_pending(rig->nhs), 0);
    peer_sh("ip link set pb arp on");
    wait_for_ways(rig, before);
}

static void
check_nexthop_objects(struct rig *rig)
{
    int before[N_FAR];

    sh("ip nexthop add id 1 via 10.0.1.2 dev ua");
    sh("ip nexthop add id 2 via 10.0.2.2 dev ub");
    sh("ip nexthop add id 10 group 1/2");
    sh("ip route add 10.7.0.0/16 nhid 10");
    follow_far(rig);
    ways_of_far(rig, before);
    assert_true(count_of(before, if_nametoindex("ub")) > N_FAR / 5);

    sh("ip nexthop replace id 10 group 1");
    wait_for_all_by(rig, if_nametoindex("ua"));
    sh("ip nexthop replace id 10 group 1/2");
    wait_for_ways(rig, before);
    sh("ip nexthop replace id 1 via 10.0.2.2 dev ub");
    wait_for_all_by(rig, if_nametoindex("ub"));
}

static struct fwd_ip
many(int i)
{
    return fwd_ip_from_v4(htonl(0x0a070200 + i));
}

/* Until all endpoints leave by 'ifindex', or some, too, by another interface.
 * Returns how many changes there were in one turn of the loop, at most. */
static int
most_changes(struct rig *rig, int ifindex, bool all)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;
    int most = 0, n;

    do {
        assert_true(tsn_now_ms() < end);
        rig->n_changes = n = 0;
        turn(rig);
        most = MAX(most, rig->n_changes);
        for (int i = 0; i < N_MANY; i++) {
            struct fwd_ip dst = many(i);

            n += fwd_nexthops_find(rig->nhs, &dst)->ifindex == ifindex;
        }
    } while ((n == N_MANY) != all);
    return most;
}

/* The control thread must not be kept from all else. */
static void
fwd_nexthops__neighbour_of_many__some_in_a_turn(void **state)
{
    struct rig *rig = *state;
    int before[N_FAR];
    SKIP_WITHOUT(rig);
    int a = if_nametoindex("ua");

    sh("ip route add 10.7.0.0/16 nexthop via 10.0.1.2 nexthop via 10.0.2.2");
    follow_far(rig);
    ways_of_far(rig, before);
    for (int i = 0; i < N_MANY; i++) {
        struct fwd_ip dst = many(i);

        fwd_nexthops_add(rig->nhs, &dst);
    }
    peer_sh("ip link set pb arp off");
    sh("ip neigh change 10.0.2.2 dev ub lladdr 02:00:00:00:02:02 nud failed");
    assert_in_range(most_changes(rig, a, true), 1, MOST_IN_A_TURN);
    peer_sh("ip link set pb arp on");
    assert_in_range(most_changes(rig, a, false), 1, MOST_IN_A_TURN);
}

static int
count_many(const struct rig *rig, int ifindex)
{
    int n = 0;

    for (int i = 0; i < N_MANY; i++) {
        struct fwd_ip dst = many(i);

        n += fwd_nexthops_find(rig->nhs, &dst)->ifindex == ifindex;
    }
    return n;
}

/* As while a fabric converges: the next change comes before all have been
 * looked up for the one before. */
static void
fwd_nexthops__other_routes_change_all_the_time__all_follow(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);
    int b = if_nametoindex("ub"), n = 0;

    sh("ip route add 10.7.0.0/16 via 10.0.1.2");
    for (int i = 0; i < N_MANY; i++) {
        struct fwd_ip dst = many(i);

        fwd_nexthops_add(rig->nhs, &dst);
    }
    sh("ip route replace 10.7.0.0/16 via 10.0.2.2");
    rig->n_settled = 0;
    uint64_t end = tsn_now_ms() + WAIT_MS;
    while ((count_many(rig, b) < N_MANY || !rig->n_settled)
           && tsn_now_ms() < end) {
        sh("ip route replace 198.51.100.0/24 via 10.0.%d.2", 1 + n++ % 2);
        turn(rig);
    }
    assert_int_equal(count_many(rig, b), N_MANY);
    assert_true(rig->n_settled);
}

static void
fwd_nexthops__nexthop_objects__are_followed(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);

    check_nexthop_objects(rig);
}

/* The kernel then tells of the objects alone. */
static void
fwd_nexthops__nexthop_objects_not_compatible__are_followed(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);

    sh("echo 0 > /proc/sys/net/ipv4/nexthop_compat_mode");
    check_nexthop_objects(rig);
}

static void
fwd_nexthops__ipv6__neighbours_and_gateways(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);

    follow(rig, "2001:db8:1::2");
    struct fwd_nexthop nh = wait_for(rig, "2001:db8:1::2",
                                     FWD_NEXTHOP_READY);
    assert_int_equal(nh.ifindex, if_nametoindex("ua"));
    assert_mac(nh.dst_mac, "02:00:00:00:01:02");
    assert_int_equal(fwd_nexthops_source_ifindex(rig->nhs, true),
                     if_nametoindex("lo"));

    sh("ip route add 2001:db8:7::/48 via 2001:db8:2::2 mtu 1400");
    follow(rig, "2001:db8:7::1");
    nh = wait_for(rig, "2001:db8:7::1", FWD_NEXTHOP_READY);
    assert_int_equal(nh.ifindex, if_nametoindex("ub"));
    assert_int_equal(nh.mtu, 1400);
    assert_mac(nh.dst_mac, "02:00:00:00:02:02");

    follow(rig, "2001:db8:8::1");
    wait_for(rig, "2001:db8:8::1", FWD_NEXTHOP_UNROUTED);
    sh("ip route add 2001:db8:8::/48 via fe80::2 dev ub");
    nh = wait_for(rig, "2001:db8:8::1", FWD_NEXTHOP_READY);
    assert_mac(nh.dst_mac, "02:00:00:00:02:02");

    sh("ip route replace 2001:db8:8::/48 nexthop via 2001:db8:1::2 "
       "nexthop via 2001:db8:2::9");
    nh = wait_for(rig, "2001:db8:8::1", FWD_NEXTHOP_READY);
    uint64_t end = tsn_now_ms() + WAIT_MS;
    while (nh.ifindex != (int) if_nametoindex("ua") && tsn_now_ms() < end) {
        turn(rig);
        nh = wait_for(rig, "2001:db8:8::1", FWD_NEXTHOP_READY);
    }
    assert_mac(nh.dst_mac, "02:00:00:00:01:02");
    sh("ip route del 2001:db8:8::/48");
    wait_for(rig, "2001:db8:8::1", FWD_NEXTHOP_UNROUTED);
}

/* RFC 8950 gives such routes. */
static void
fwd_nexthops__ipv4_via_ipv6__has_the_gateways_mac(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);

    sh("ip route add 10.7.1.0/24 via inet6 fe80::2 dev ub");
    sh("ip route add 10.7.2.0/24 nexthop via 10.0.1.9 dev ua "
       "nexthop via inet6 fe80::2 dev ub");
    follow(rig, "10.7.1.1");
    follow(rig, "10.7.2.1");
    assert_mac(wait_for(rig, "10.7.1.1", FWD_NEXTHOP_READY).dst_mac,
               "02:00:00:00:02:02");
    assert_mac(wait_for(rig, "10.7.2.1", FWD_NEXTHOP_READY).dst_mac,
               "02:00:00:00:02:02");
}

static void
fwd_nexthops__onlink_gateway__is_asked_for(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);

    sh("ip route add 10.7.0.0/16 via 198.51.100.1 dev ua onlink");
    follow(rig, "10.7.1.1");
    wait_for(rig, "10.7.1.1", FWD_NEXTHOP_UNRESOLVED);
    assert_int_equal(fwd_nexthops_n_pending(rig->nhs), 1);
    peer_sh("ip addr add 198.51.100.1/32 dev pa");
    peer_sh("ip route add 10.0.9.1/32 dev pa");
    assert_mac(wait_for(rig, "10.7.1.1", FWD_NEXTHOP_READY).dst_mac,
               "02:00:00:00:01:02");
}

static void
fwd_nexthops__link_gone__is_unrouted(void **state)
{
    struct rig *rig = *state;
    SKIP_WITHOUT(rig);

    follow(rig, "10.0.1.2");
    wait_for(rig, "10.0.1.2", FWD_NEXTHOP_READY);
    sh("ip link del ua");
    wait_for(rig, "10.0.1.2", FWD_NEXTHOP_UNROUTED);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(fwd_nexthops__neighbour_on_the_link__is_asked_for),
        TEST(fwd_nexthops__beyond_a_gateway__has_its_mac_and_the_mtu),
        TEST(fwd_nexthops__no_route__waits_for_one),
        TEST(fwd_nexthops__own_address__is_no_way_out),
        TEST(fwd_nexthops__silent_neighbour__is_asked_until_it_answers),
        TEST(fwd_nexthops__moved_mac__is_taken_over),
        TEST(fwd_rtnl__neighbours__fixed_ones_are_told_apart),
        TEST(fwd_nexthops__own_mac_changes__is_taken_over),
        TEST(fwd_nexthops__removed__tells_no_more),
        TEST(fwd_nexthops__several_paths__move_only_who_must),
        TEST(fwd_nexthops__several_paths_of_one__all_interfaces_are_told),
        TEST(fwd_nexthops__route_to_silent_neighbour__way_before_for_a_while),
        TEST(fwd_nexthops__neighbour_gets_stale__is_asked_at_once),
        TEST(fwd_nexthops__weighted_paths__share_by_weight),
        TEST(fwd_nexthops__neighbour_of_a_path_fails__move_until_it_is_back),
        TEST(fwd_nexthops__neighbour_of_many__some_in_a_turn),
        TEST(fwd_nexthops__other_routes_change_all_the_time__all_follow),
        TEST(fwd_nexthops__nexthop_objects__are_followed),
        TEST(fwd_nexthops__nexthop_objects_not_compatible__are_followed),
        TEST(fwd_nexthops__ipv6__neighbours_and_gateways),
        TEST(fwd_nexthops__ipv4_via_ipv6__has_the_gateways_mac),
        TEST(fwd_nexthops__onlink_gateway__is_asked_for),
        TEST(fwd_nexthops__link_gone__is_unrouted),
    };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
