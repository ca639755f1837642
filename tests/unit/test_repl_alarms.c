/* SPDX-License-Identifier: Apache-2.0 */
/* What the replicator's operator is told of: raised while it is the case, and
 * cleared after that. */
#include <config.h>
#include "replication/alarms.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "netns_rig.h"
#include "openvswitch/vlog.h"
#include "replication/forwarder/bucket.h"
#include "replication/forwarder/forwarder.h"
#include "replication/forwarder/table.h"
#include "replication/storms.h"
#include "repl_rig.h"
#include "tsn/alarm.h"
#include "tsn/config.h"
#include "tsn/error.h"
#include "tsn/json.h"
#include "tsn/loop.h"
#include "tsn/model.h"

#define NOBODY 65534
#define MISSING "198.51.100.9"  /* On this host. */
#define NODE "10.0.5.1"
#define PEER "10.0.5.254"
#define SILENT "10.0.5.9"
#define BPF_FS "/sys/fs/bpf"
#define WAIT_MS 10000           /* At most, for what must happen. */

static int
setup(void **state)
{
    return rig_setup_with(state, (struct repl_identity) {
        .first_label = 100, .last_label = 131,
    });
}

/* What is shown after a look at 'now_ms': "kind object; ..." */
static char *
look(struct tsn_alarms *set, const struct rig *rig, const struct fwd *fwd,
     uint64_t now_ms)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    const struct repl_alarms_of of = { .networks = rig->rn, .fwd = fwd };
    struct tsn_json json;

    repl_alarms_check(set, &of, now_ms, 0);
    tsn_json_init(&json, &text);
    tsn_json_array_begin(&json, NULL);
    tsn_alarms_show(set, &json);
    tsn_json_array_end(&json);
    return ds_steal_cstr(&text);
}

/* Checks that 'kind' stands for 'object', and says 'words'; or that nothing
 * stands, if 'kind' is NULL. */
static void
assert_alarm(struct tsn_alarms *set, const struct rig *rig,
             const struct fwd *fwd, uint64_t now_ms, const char *kind,
             const char *object, const char *words)
{
    char *shown = look(set, rig, fwd, now_ms);

    if (!kind) {
        assert_int_equal(tsn_alarms_count(set), 0);
    } else if (!strstr(shown, kind) || !strstr(shown, object)
               || !strstr(shown, words)) {
        fail_msg("no %s of %s: %s in %s", kind, object, words, shown);
    }
    free(shown);
}

static void
alarms__vni_of_another__until_it_lets_go(void **state)
{
    struct xmpp_network both[] = { net("blue", 1, 100), net("red", 2, 100) };
    struct xmpp_network released[] = { net("blue", 1, 200),
                                       net("red", 2, 100) };
    struct tsn_alarms *set = tsn_alarms_create(NULL);
    struct rig *rig = *state;

    assert_alarm(set, rig, NULL, 0, NULL, NULL, NULL);
    set_view(rig, both, 2);
    assert_alarm(set, rig, NULL, 0, "vni-conflict", "network=red",
                 "as blue has VNI 100");
    assert_int_equal(tsn_alarms_count(set), 1);
    set_view(rig, released, 2);
    assert_alarm(set, rig, NULL, 0, NULL, NULL, NULL);
    tsn_alarms_destroy(set);
}

static void
alarms__labels_at_their_end__until_there_are_more(void **state)
{
    struct xmpp_network networks[15];
    char names[15][8];
    struct tsn_alarms *set = tsn_alarms_create(NULL);
    struct rig *rig = *state;

    for (int i = 0; i < 15; i++) {
        snprintf(names[i], sizeof names[i], "net%02d", i);
        networks[i] = net(names[i], i + 1, i + 1);
    }
    rig->encap = TSN_ENCAP_MPLS_UDP;
    set_view(rig, networks, 4);
    assert_alarm(set, rig, NULL, 0, NULL, NULL, NULL);
    set_view(rig, networks, 5);
    assert_alarm(set, rig, NULL, 0, "labels-exhausted", "evpn",
                 "for 1 networks");
    assert_int_equal(tsn_alarms_count(set), 1);
    set_view(rig, networks, 15);
    assert_alarm(set, rig, NULL, 0, "labels-exhausted", "trees",
                 "14 labels for the trees of 15 networks");
    assert_int_equal(tsn_alarms_count(set), 2);
    assert_int_equal(tsn_alarms_count_critical(set), 1);
    set_view(rig, networks, 4);
    assert_alarm(set, rig, NULL, 0, NULL, NULL, NULL);
    tsn_alarms_destroy(set);
}

static void
alarms__member_out_of_reach__until_it_goes(void **state)
{
    struct xmpp_network networks[] = { net("blue", 1, 100) };
    struct tunnel_dst peer = { .label = 100, .encaps = TSN_ENCAP_VXLAN };
    struct xmpp_evpn route = {
        .tag = 100, .mac = eth_addr_broadcast, .plen = 32,
        .olist = &peer, .n_olist = 1,
    };
    struct tsn_alarms *set = tsn_alarms_create(NULL);
    struct rig *rig = *state;

    assert_int_equal(tsn_ip_parse("2001:db8::1", &peer.ip), 0);
    set_view(rig, networks, 1);
    rig->sp.routes_of = "blue";
    rig->sp.route = &route;
    repl_networks_routes_changed(rig->rn, "blue");
    run(rig);
    assert_alarm(set, rig, NULL, 0, "members-unreachable", "network=blue",
                 "1 endpoints get no broadcasts");
    route.n_olist = 0;
    repl_networks_routes_changed(rig->rn, "blue");
    run(rig);
    assert_alarm(set, rig, NULL, 0, NULL, NULL, NULL);
    tsn_alarms_destroy(set);
}

static void
alarms__storm__until_it_is_over(void **state)
{
    const struct tsn_config_storm config = { .tor = 100 };
    struct rig *rig = *state;
    struct fwd_bucket *buckets = xcalloc(FWD_N_BUCKETS, sizeof *buckets);
    struct repl_storms *storms = repl_storms_create(buckets, rig->rn,
                                                    &config);
    const struct repl_alarms_of of = { .networks = rig->rn,
                                       .storms = storms };
    struct tsn_alarms *set = tsn_alarms_create(NULL);

    buckets[7] = (struct fwd_bucket) { .key = FWD_BUCKET_TOR | 1,
                                       .dropped = 40 };
    repl_storms_run(storms, 1000);
    repl_alarms_check(set, &of, 1000, 0);
    assert_int_equal(tsn_alarms_count(set), 1);
    repl_storms_run(storms, 11000);
    repl_alarms_check(set, &of, 11000, 0);
    assert_int_equal(tsn_alarms_count(set), 0);
    tsn_alarms_destroy(set);
    repl_storms_destroy(storms);
    free(buckets);
}

static void
punted(const struct fwd_punted *p OVS_UNUSED, void *aux OVS_UNUSED)
{
}

static struct fwd *
create_forwarder(struct tsn_loop *loop, enum fwd_engine engine,
                 const char *address)
{
    struct fwd_config config = { .engine = engine };
    struct fwd *fwd;
    struct tsn_err err;

    assert_int_equal(tsn_ip_parse(address, &config.address), 0);
    int error = fwd_create(tsn_loop_uv(loop), &config, punted, NULL, &fwd,
                           &err);
    if (error) {
        fail_msg("%s", tsn_err_format(&err));
    }
    return fwd;
}

static void
alarms__address_missing__after_a_while(void **state)
{
    struct tsn_loop *loop = tsn_loop_create("test");
    struct fwd *fwd = create_forwarder(loop, FWD_ENGINE_SOCKET, MISSING);
    struct tsn_alarms *set = tsn_alarms_create(NULL);

    assert_alarm(set, *state, fwd, 0, NULL, NULL, NULL);
    assert_alarm(set, *state, fwd, 4999, NULL, NULL, NULL);
    assert_alarm(set, *state, fwd, 5000, "not-forwarding", "ipv4",
                 "address " MISSING " is not on this host");
    assert_int_equal(tsn_alarms_count(set), 1);     /* Sockets by choice. */
    assert_alarm(set, *state, NULL, 6000, NULL, NULL, NULL);
    tsn_alarms_destroy(set);
    fwd_destroy(fwd);
    tsn_loop_destroy(loop);
}

/* Nobody may load no programs. */
static void
alarms__no_programs__fallback(void **state)
{
    struct tsn_loop *loop = tsn_loop_create("test");
    struct tsn_alarms *set = tsn_alarms_create(NULL);

    assert_true(geteuid() || !seteuid(NOBODY));
    struct fwd *fwd = create_forwarder(loop, FWD_ENGINE_AUTO, MISSING);
    assert_true(getuid() || !seteuid(0));
    assert_alarm(set, *state, fwd, 0, "engine-fallback", "null",
                 "sockets alone, without eBPF: ");
    tsn_alarms_destroy(set);
    fwd_destroy(fwd);
    tsn_loop_destroy(loop);
}

/* An underlay with "u0" for us, and a BPF file system of this test's own. */
static void
enter_underlay(void)
{
    if (!netns_enter() || mount("bpf", BPF_FS, "bpf", 0, NULL)) {
        print_message("SKIP: no permission for namespaces\n");
        skip();
    }
    /* libxdp makes it for the first file system that it sees, only. */
    assert_int_equal(mkdir(BPF_FS "/xdp", 0700), 0);
    netns_connect("u0", NODE "/24", "p0", PEER "/24");
}

/* With programs, and a network that is flooded to 'endpoint'; skips where
 * there are none. */
static struct fwd *
start_programs(struct tsn_loop *loop, const char *endpoint)
{
    struct fwd *fwd = create_forwarder(loop, FWD_ENGINE_AUTO, NODE);
    const struct fwd_member member = {
        fwd_ip_from_v4(inet_addr(endpoint)), 100, FWD_TOR, FWD_VXLAN,
    };
    const struct fwd_network_spec spec = {
        .net = { .vni = 100 }, .members = &member, .n_members = 1,
    };
    struct fwd_net_counters *counters = fwd_net_counters_create();
    struct fwd_status status;

    fwd_get_status(fwd, &status);
    if (!strcmp(status.engine, "socket")) {
        print_message("SKIP: %s\n", status.engine_reason);
        skip();
    }
    struct fwd_network *network = fwd_network_create(&spec, counters);
    fwd_publish(fwd, fwd_table_create(&network, 1));
    fwd_network_unref(network);
    fwd_net_counters_unref(counters);
    return fwd;
}

static void
wait_for_none(struct tsn_alarms *set, const struct rig *rig,
              const struct fwd *fwd, struct tsn_loop *loop, uint64_t now_ms)
{
    struct pollfd fd = {
        .fd = uv_backend_fd(tsn_loop_uv(loop)), .events = POLLIN,
    };
    uint64_t end_ms = tsn_now_ms() + WAIT_MS;

    for (;;) {
        char *shown = look(set, rig, fwd, now_ms);

        if (tsn_alarms_count(set) && tsn_now_ms() >= end_ms) {
            fail_msg("still there: %s", shown);
        }
        free(shown);
        if (!tsn_alarms_count(set)) {
            return;
        }
        uv_run(tsn_loop_uv(loop), UV_RUN_NOWAIT);
        poll(&fd, 1, 1);
    }
}

static void
alarms__silent_endpoint__until_it_answers(void **state)
{
    enter_underlay();
    struct tsn_loop *loop = tsn_loop_create("test");
    struct fwd *fwd = start_programs(loop, SILENT);
    struct tsn_alarms *set = tsn_alarms_create(NULL);

    assert_alarm(set, *state, fwd, 0, NULL, NULL, NULL);
    assert_alarm(set, *state, fwd, 4999, NULL, NULL, NULL);
    assert_alarm(set, *state, fwd, 5000, "endpoint-unresolved",
                 "vtep=" SILENT, SILENT " does not answer on u0");
    assert_int_equal(tsn_alarms_count(set), 1);
    peer_sh("ip addr add " SILENT "/24 dev p0");
    wait_for_none(set, *state, fwd, loop, 6000);
    tsn_alarms_destroy(set);
    fwd_destroy(fwd);
    tsn_loop_destroy(loop);
    netns_leave();
}

/* One that lets every frame pass, and leaves no room for another. */
static void
attach_foreign(void)
{
    static const struct bpf_insn pass[] = {
        { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS },
        { .code = BPF_JMP | BPF_EXIT },
    };
    int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "Apache-2.0", pass,
                           ARRAY_SIZE(pass), NULL);

    if (fd < 0) {
        print_message("SKIP: the kernel takes no programs\n");
        skip();
    }
    assert_int_equal(bpf_xdp_attach(if_nametoindex("u0"), fd,
                                    XDP_FLAGS_SKB_MODE, NULL), 0);
    close(fd);
}

static void
alarms__foreign_program__until_it_goes(void **state)
{
    enter_underlay();
    attach_foreign();
    struct tsn_loop *loop = tsn_loop_create("test");
    struct fwd *fwd = start_programs(loop, PEER);
    struct tsn_alarms *set = tsn_alarms_create(NULL);

    assert_alarm(set, *state, fwd, 0, "interface-without-program",
                 "interface=u0", "another XDP program");
    assert_int_equal(tsn_alarms_count(set), 1);
    assert_int_equal(bpf_xdp_detach(if_nametoindex("u0"), XDP_FLAGS_SKB_MODE,
                                    NULL), 0);
    wait_for_none(set, *state, fwd, loop, 0);
    tsn_alarms_destroy(set);
    fwd_destroy(fwd);
    tsn_loop_destroy(loop);
    netns_leave();
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(alarms__vni_of_another__until_it_lets_go),
        TEST(alarms__labels_at_their_end__until_there_are_more),
        TEST(alarms__member_out_of_reach__until_it_goes),
        TEST(alarms__storm__until_it_is_over),
        TEST(alarms__address_missing__after_a_while),
        TEST(alarms__no_programs__fallback),
        TEST(alarms__silent_endpoint__until_it_answers),
        TEST(alarms__foreign_program__until_it_goes),
    };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return cmocka_run_group_tests_name("repl_alarms", tests, NULL, NULL);
}
