/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel has a driver send what it was given when it gives it the last of
 * a poll.  So the last copy that the kernel makes of a frame must be one that
 * leaves: were it dropped, those before it would wait for the next frame. */
#include <config.h>

#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <cmocka.h>

#include "bpf_run.h"
#include "netns_rig.h"
#include "openvswitch/vlog.h"
#include "replication/forwarder/encap.h"

#define NODE "10.5.0.1"
#define ROUTER "10.5.0.254"
#define MEMBER(I) (0x0a070001 + (I))
#define UNREACHABLE(I) (0x0a090001 + (I))

static const uint32_t fanouts[] = {
    1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 129, 255, 257, 511, 513,
    514, 528, 529, 545, 1000, 1023, 1024,
};

/* Networks some of whose members have no way, '-': the others, 'r'. */
#define FIRST_MIXED 2000
static const struct mixed {
    const char *evpn, *tors, *tree;
} mixed[] = {
    { "", "rrrrrrrrrrrrrrrrr-", "" },
    { "", "-rrrrrrrrrrrrrrrrr", "" },
    { "", "rrrrrrrrrrrrrrrr", "-" },
    { "rrrr", "rrrrrrrrrrrrrrrr", "----" },
    { "rrrrrrrrrrrrrrrr", "r---", "-" },
    { "rr", "--r--", "-r-" },
    { "-", "r--", "" },
    { "", "r-", "" },
};
#define N_NETWORKS (ARRAY_SIZE(fanouts) + ARRAY_SIZE(mixed))

static size_t n_members;
static struct fwd_member members[FWD_BPF_MAX_FANOUT];

/* The next member of a network.  Those without a way are outside of what there
 * is a route to. */
static void
add_member(uint32_t vni, enum fwd_class class, bool has_way)
{
    uint32_t number = n_members;
    uint32_t address = has_way ? MEMBER(number) : UNREACHABLE(number);

    members[n_members++] = (struct fwd_member) {
        fwd_ip_from_v4(htonl(address)), vni, class,
        class == FWD_TREE ? FWD_MPLS_UDP : FWD_VXLAN,
    };
}

static struct fwd_network *
make_network(uint32_t vni)
{
    struct fwd_net_counters *counters = fwd_net_counters_create();
    struct fwd_network_spec spec = {
        .net = { .vni = vni, .service_mac = SERVICE },
        .members = members, .n_members = n_members,
    };
    struct fwd_network *network = fwd_network_create(&spec, counters);

    fwd_net_counters_unref(counters);
    n_members = 0;
    return network;
}

static void
add_members(uint32_t vni, enum fwd_class class, const char *which)
{
    for (; *which; which++) {
        add_member(vni, class, *which == 'r');
    }
}

static struct fwd_table *
make_table(void)
{
    struct fwd_network *networks[N_NETWORKS];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(fanouts); i++) {
        for (uint32_t j = 0; j < fanouts[i]; j++) {
            add_member(fanouts[i], FWD_TOR, true);
        }
        networks[n++] = make_network(fanouts[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(mixed); i++) {
        uint32_t vni = FIRST_MIXED + i;

        add_members(vni, FWD_EVPN, mixed[i].evpn);
        add_members(vni, FWD_TOR, mixed[i].tors);
        add_members(vni, FWD_TREE, mixed[i].tree);
        networks[n++] = make_network(vni);
    }
    struct fwd_table *table = fwd_table_create(networks, n);
    while (n) {
        fwd_network_unref(networks[--n]);
    }
    return table;
}

/* Endpoints that nothing can be sent to. */
static size_t
count_unreachable(void)
{
    bool seen[64] = { false };
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(mixed); i++) {
        char *all = xasprintf("%s%s%s", mixed[i].evpn, mixed[i].tors,
                              mixed[i].tree);

        for (size_t j = 0; all[j]; j++) {
            n += all[j] == '-' && !seen[j];
            seen[j] |= all[j] == '-';
        }
        free(all);
    }
    return n;
}

/* A broadcast of the network with that number by one of its switches. */
static void
make_broadcast(struct frame *f, uint32_t vni, uint32_t switch_ip)
{
    static const uint8_t everybody[6] = EVERYBODY, b1[6] = B1;
    const struct fwd_copy copy = {
        .src = fwd_ip_from_v4(htonl(switch_ip)), .dst = ip(NODE),
        .label = vni, .size = 60, .encap = FWD_VXLAN, .port = 50000,
    };
    const uint8_t *end = f->data + sizeof f->data;

    memset(f->data, 0, 200);
    f->size = 0;
    put_mac_header(f, b1, everybody, -1, FWD_ETH_P_IPV4);
    uint8_t *p = fwd_put_ip(f->data + f->size, end, &copy);
    p = fwd_put_tunnel(fwd_put_transport(p, end, &copy), end, &copy);
    f->size = p - f->data;
    put_mac_header(f, everybody, b1, -1, 0x88b5);
    f->size = p + copy.size - f->data;
}

/* Does with a frame of one switch what the kernel does.  Returns how many
 * copies leave, or 0 if the last one does not. */
static uint32_t
flood(struct bpf_run *run, uint32_t vni, uint32_t switch_ip)
{
    struct frame in, flooded, out;
    uint32_t n_sent = 0, action = XDP_DROP;

    make_broadcast(&in, vni, switch_ip);
    if (bpf_run_ingress(run, &in, &flooded) != XDP_REDIRECT) {
        return 0;
    }
    uint32_t n = bpf_run_n_copies(run, &flooded, 0);
    for (uint32_t i = 0; i < n; i++) {
        action = bpf_run_egress(run, 0, &flooded, &out);
        n_sent += action == XDP_PASS;
    }
    return action == XDP_PASS ? n_sent : 0;
}

static void
programs__any_fanout__last_copy_leaves(void **state)
{
    struct bpf_run *run = *state;

    if (!run) {
        skip();
    }
    for (size_t i = 0; i < ARRAY_SIZE(fanouts); i++) {
        uint32_t n = fanouts[i];

        assert_int_equal(flood(run, n, MEMBER(0)), n - 1);
        assert_int_equal(flood(run, n, MEMBER(n - 1)), n - 1);
    }
}

static uint32_t
count(const char *which, char what)
{
    uint32_t n = 0;

    for (; *which; which++) {
        n += *which == what;
    }
    return n;
}

/* Each of the switches sends, those without a way, too. */
static void
programs__members_without_a_way__last_copy_leaves(void **state)
{
    struct bpf_run *run = *state;

    if (!run) {
        skip();
    }
    for (size_t i = 0; i < ARRAY_SIZE(mixed); i++) {
        const struct mixed *m = &mixed[i];
        uint32_t n_ready = count(m->evpn, 'r') + count(m->tors, 'r')
                           + count(m->tree, 'r');

        for (size_t j = 0; m->tors[j]; j++) {
            uint32_t number = strlen(m->evpn) + j;
            bool has_way = m->tors[j] == 'r';
            uint32_t from = has_way ? MEMBER(number) : UNREACHABLE(number);

            assert_int_equal(flood(run, FIRST_MIXED + i, from),
                             n_ready - has_way);
        }
    }
}

/* The way to all members but some of the first ones is lost. */
static void
programs__way_lost_and_back__last_copy_leaves(void **state)
{
    struct bpf_run *run = *state;

    if (!run) {
        skip();
    }
    sh("ip route add unreachable 10.7.0.16/28");
    bpf_run_wait(run, count_unreachable() + 16);
    assert_int_equal(flood(run, 31, MEMBER(3)), 14);
    sh("ip route del unreachable 10.7.0.16/28");
    bpf_run_wait(run, count_unreachable());
    assert_int_equal(flood(run, 31, MEMBER(3)), 30);
}

/* Networks are written in turns, and so may be done while ways of the next
 * change are being looked up. */
static void
programs__ways_change_as_networks_settle__not_forgotten(void **state)
{
    struct bpf_run *run = *state;

    if (!run) {
        skip();
    }
    sh("ip route add unreachable 10.7.0.0/17");
    assert_true(bpf_run_settle_amid(run));
    bpf_run_wait(run, count_unreachable() + FWD_BPF_MAX_FANOUT);
    assert_int_equal(flood(run, 31, MEMBER(3)), 0);
}

static int
setup(void **state)
{
    struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
    const struct fwd_host host = { .ip4 = ip(NODE) };

    *state = NULL;
    if (!netns_enter()) {
        print_message("SKIP: no permission for network namespaces\n");
        return 0;
    }
    setrlimit(RLIMIT_MEMLOCK, &unlimited);
    sh("ip link add name u0 type veth peer name p0 netns %d",
       (int) netns_peer);
    sh("ip link set u0 up");
    peer_sh("ip link set p0 up");
    sh("ip address add " NODE "/24 dev u0");
    sh("ip neighbour replace " ROUTER " lladdr 02:00:00:00:00:99 dev u0 nud "
       "permanent");
    sh("ip route add 10.7.0.0/16 via " ROUTER);
    *state = bpf_run_create_with(&host, make_table(), count_unreachable());
    return 0;
}

static int
teardown(void **state)
{
    bpf_run_destroy(*state);
    netns_leave();
    return 0;
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(programs__any_fanout__last_copy_leaves),
        TEST(programs__members_without_a_way__last_copy_leaves),
        TEST(programs__way_lost_and_back__last_copy_leaves),
        TEST(programs__ways_change_as_networks_settle__not_forgotten),
    };

    if (!getenv("TSN_TEST_VERBOSE")) {
        vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
