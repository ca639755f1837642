/* SPDX-License-Identifier: Apache-2.0 */
/* The eBPF engine and XDP programs of others at the same interface. */
#include <config.h>

#include <bpf/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <linux/if_link.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <xdp/libxdp.h>
#include <cmocka.h>

#include "bpf_rig.h"
#include "replication/forwarder/bpf-attach.h"
#include "replication/forwarder/bpf-pins.h"
#include "replication/forwarder/forwarder.h"
#include "tsn/model.h"

#define VNI 1000
#define FROM "10.7.0.1"
#define TO "10.7.0.2"
#define NOBODY 65534
#define BPF_FS "/sys/fs/bpf"
#define PINS BPF_FS "/tsn/node"

static bool generic;
static int n_lines;

/* From 'FROM' to 'TO', where V1 is. */
static struct fwd_table *
make_table(void)
{
    const struct fwd_member members[] = {
        { ip(FROM), VNI, FWD_TOR, FWD_VXLAN },
        { ip(TO), VNI, FWD_TOR, FWD_VXLAN },
    };
    const struct fwd_mac_entry macs[] = {
        { V1, { 0 }, { ip(TO), VNI, FWD_MAC_ROUTE, FWD_VXLAN } },
    };
    struct fwd_network_spec spec = {
        .net = { .vni = VNI, .service_mac = SERVICE },
        .members = members, .n_members = ARRAY_SIZE(members),
        .macs = macs, .n_macs = ARRAY_SIZE(macs),
    };
    struct fwd_net_counters *counters = fwd_net_counters_create();
    struct fwd_network *network = fwd_network_create(&spec, counters);
    struct fwd_table *table = fwd_table_create(&network, 1);

    fwd_net_counters_unref(counters);
    fwd_network_unref(network);
    return table;
}

static struct bpf_rig *
start_rig(void)
{
    struct bpf_rig *rig = rig_create(generic, PINS);

    if (rig) {
        rig_publish(rig, make_table());
        rig_wait_ready(rig);
    }
    return rig;
}

/* Whether "u0" runs our program, and as the only one to run there or not. */
static const char *
others_of(struct bpf_rig *rig)
{
    const char *others;

    return fwd_bpf_get_interface(rig->bpf, 0, &others) ? others : NULL;
}

static void
count_line(const char *line, void *aux OVS_UNUSED)
{
    print_message("%s\n", line);
    n_lines++;
}

/* Where the driver has frames in several pieces a dispatcher would be in generic
 * mode, and our program by itself is not. */
static void
attach__jumbo_interface__no_dispatcher(void **state)
{
    if (!*state) {
        skip();
    }
    struct fwd_bpf_attach *attach = fwd_bpf_attach_create(PINS);
    assert_null(fwd_bpf_attach_why_link(attach));
    sh("ip link set dev u0 mtu 9000");
    const char *why = fwd_bpf_attach_why_link(attach);
    assert_non_null(why);
    assert_non_null(strstr(why, "jumbo"));
    sh("ip link set dev u0 down");
    assert_null(fwd_bpf_attach_why_link(attach));
    fwd_bpf_attach_destroy(attach);
}

/* Skips the test on a host without dispatchers. */
static void
need_dispatcher(void **state)
{
    struct bpf_rig *rig = *state ? start_rig() : NULL;
    bool has = rig && others_of(rig);
    struct tsn_err err;

    if (!has) {
        rig_destroy(rig);
        print_message("SKIP: this host has no dispatcher\n");
        skip();
    }
    rig_destroy(rig);
    assert_int_equal(fwd_bpf_pins_remove(PINS, count_line, NULL, &err), 0);
}

/* How many copies of a frame to 'dst' come. */
static int
copies_to(struct bpf_rig *rig, const uint8_t dst[6])
{
    static const uint8_t b1[6] = B1;
    struct frame f = { .size = 0 };
    struct wire w;
    int n = 0;

    put_mac_header(&f, dst, b1, -1, 0x88b5);
    f.size = 60;
    wire_from(&w, FROM, FWD_VXLAN, VNI, 0, f.data, f.size);
    rig_send(rig, &w);
    if (rig_receive(rig, 0, &w, WAIT_MS)) {
        n = 1;
        while (rig_receive(rig, 0, &w, QUIET_MS)) {
            n++;
        }
    }
    return n;
}

static int
flood(struct bpf_rig *rig)
{
    static const uint8_t everybody[6] = EVERYBODY;

    return copies_to(rig, everybody);
}

static int
relay(struct bpf_rig *rig)
{
    static const uint8_t v1[6] = V1;

    return copies_to(rig, v1);
}

/* One that lets every frame pass. */
static struct xdp_program *
open_other(void)
{
    DECLARE_LIBXDP_OPTS(xdp_program_opts, opts,
                        .find_filename = "xdp-dispatcher.o",
                        .prog_name = "xdp_pass");
    struct xdp_program *other = xdp_program__create(&opts);

    assert_int_equal(libxdp_get_error(other), 0);
    return other;
}

static enum xdp_attach_mode
mode(void)
{
    return generic ? XDP_MODE_SKB : XDP_MODE_NATIVE;
}

static void
wait_for_others(struct bpf_rig *rig, const char *wanted)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;

    while (!others_of(rig) || strcmp(others_of(rig), wanted)) {
        assert_true(tsn_now_ms() < end);
        rig_turn(rig);
    }
}

static void
dispatch__other_program_first__both_run(void **state)
{
    need_dispatcher(state);
    struct xdp_program *other = open_other();
    int ifindex = if_nametoindex("u0");

    assert_int_equal(xdp_program__attach(other, ifindex, mode(), 0), 0);
    struct bpf_rig *rig = start_rig();
    assert_string_equal(others_of(rig), "xdp_pass");
    assert_int_equal(flood(rig), 1);
    assert_int_equal(relay(rig), 1);

    assert_int_equal(xdp_program__detach(other, ifindex, mode(), 0), 0);
    wait_for_others(rig, "");
    assert_int_equal(flood(rig), 1);
    xdp_program__close(other);
    rig_destroy(rig);
}

static void
dispatch__other_program_later__both_run(void **state)
{
    need_dispatcher(state);
    struct bpf_rig *rig = start_rig();
    struct xdp_program *other = open_other();
    int ifindex = if_nametoindex("u0");

    assert_int_equal(xdp_program__attach(other, ifindex, mode(), 0), 0);
    wait_for_others(rig, "xdp_pass");
    assert_int_equal(flood(rig), 1);
    xdp_program__close(other);
    rig_destroy(rig);
}

static void
dispatch__taken_off__attached_again(void **state)
{
    need_dispatcher(state);
    struct bpf_rig *rig = start_rig();
    int flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
    uint64_t end = tsn_now_ms() + WAIT_MS;
    uint32_t id = 0;

    assert_int_equal(bpf_xdp_detach(if_nametoindex("u0"), flags, NULL), 0);
    while (!id && tsn_now_ms() < end) {
        rig_turn(rig);
        assert_int_equal(bpf_xdp_query_id(if_nametoindex("u0"), 0, &id), 0);
    }
    assert_int_equal(flood(rig), 1);
    rig_destroy(rig);
}

/* The one before goes on until the next one knows all, and leaves then. */
static void
dispatch__next_process__takes_the_place(void **state)
{
    need_dispatcher(state);
    struct xdp_program *other = open_other();
    struct fwd_bpf_status status;

    assert_int_equal(xdp_program__attach(other, if_nametoindex("u0"), mode(),
                                         0), 0);
    struct bpf_rig *rig = start_rig();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(flood(rig), 1);
        rig_destroy(rig);
        rig = start_rig();
        fwd_bpf_get_status(rig->bpf, &status);
        assert_true(status.waiting);
        assert_int_equal(flood(rig), 1);
        assert_int_equal(fwd_bpf_totals(rig->bpf)->flooded, 0);

        fwd_bpf_set_complete(rig->bpf);
        assert_string_equal(others_of(rig), "xdp_pass");
        assert_int_equal(flood(rig), 1);
        assert_int_equal(fwd_bpf_totals(rig->bpf)->flooded, 1);
    }
    xdp_program__close(other);
    rig_destroy(rig);
}

/* A program that came without a dispatcher keeps the interface. */
static void
attach__foreign_program__left_alone(void **state)
{
    if (!*state) {
        skip();
    }
    struct xdp_program *other = open_other();
    struct bpf_object *object = xdp_program__bpf_obj(other);
    int flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
    const char *others;

    assert_int_equal(bpf_object__load(object), 0);
    int fd = bpf_program__fd(bpf_object__find_program_by_name(object,
                                                              "xdp_pass"));
    assert_int_equal(bpf_xdp_attach(if_nametoindex("u0"), fd, flags, NULL),
                     0);
    struct bpf_rig *rig = start_rig();
    if (rig) {
        assert_null(fwd_bpf_get_interface(rig->bpf, 0, &others));
        rig_destroy(rig);
    }
    xdp_program__close(other);
}

/* The kernel takes the program off in its own time once the link is gone. */
static void
wait_until_free(const char *interface)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;
    uint32_t id = 1;

    while (id) {
        assert_true(tsn_now_ms() < end);
        assert_int_equal(bpf_xdp_query_id(if_nametoindex(interface), 0, &id),
                         0);
        usleep(1000);
    }
}

static void
remove__process_gone__interface_free(void **state)
{
    struct bpf_rig *rig = *state ? start_rig() : NULL;
    struct tsn_err err;

    if (!rig) {
        skip();
    }
    assert_int_equal(fwd_bpf_pins_remove(PINS, count_line, NULL, &err),
                     -EBUSY);
    assert_int_equal(flood(rig), 1);
    rig_destroy(rig);

    n_lines = 0;
    assert_int_equal(fwd_bpf_pins_remove(PINS, count_line, NULL, &err), 0);
    assert_int_equal(n_lines, 1);
    wait_until_free("u0");
    assert_int_equal(access(PINS, F_OK), -1);
    assert_int_equal(fwd_bpf_pins_remove(PINS, count_line, NULL, &err), 0);
    assert_int_equal(n_lines, 1);
}

static void
pins__interface_gone__not_waited_for(void **state)
{
    struct bpf_rig *rig = *state ? start_rig() : NULL;
    struct fwd_bpf_status status;

    if (!rig) {
        skip();
    }
    bool link = !others_of(rig);
    rig_destroy(rig);
    sh("ip link del u0");
    rig_connect(!generic);
    rig = start_rig();
    fwd_bpf_get_status(rig->bpf, &status);
    if (link) {
        assert_false(status.waiting);
    }
    fwd_bpf_set_complete(rig->bpf);
    assert_int_equal(flood(rig), 1);
    rig_destroy(rig);
}

static void
punted(const struct fwd_punted *p OVS_UNUSED, void *aux OVS_UNUSED)
{
    fail_msg("nothing is for the services");
}

/* The programs of the process before would go on with what they know. */
static void
pins__sockets_alone_after__removed_when_complete(void **state)
{
    struct fwd_config config = { .engine = FWD_ENGINE_SOCKET };
    struct fwd_ip address = ip(NODE);
    struct tsn_err err;
    struct fwd *fwd;
    uint32_t id;

    if (!*state) {
        skip();
    }
    char *dir = fwd_bpf_pins_dir(&address);
    struct bpf_rig *rig = rig_create(generic, dir);
    free(dir);
    if (!rig) {
        skip();
    }
    rig_publish(rig, make_table());
    rig_wait_ready(rig);
    rig_destroy(rig);

    struct tsn_loop *loop = tsn_loop_create("test");
    assert_int_equal(tsn_ip_parse(NODE, &config.address), 0);
    assert_int_equal(fwd_create(tsn_loop_uv(loop), &config, punted, NULL,
                                &fwd, &err), 0);
    fwd_publish(fwd, make_table());
    assert_int_equal(bpf_xdp_query_id(if_nametoindex("u0"), 0, &id), 0);
    assert_int_not_equal(id, 0);
    fwd_set_complete(fwd);
    wait_until_free("u0");
    fwd_destroy(fwd);
    tsn_loop_destroy(loop);
}

/* What is gone must not take the places of what comes. */
static void
attach__interface_made_anew_often__attached(void **state)
{
    struct bpf_rig *rig = *state ? start_rig() : NULL;

    if (!rig) {
        skip();
    }
    for (int i = 0; i < 20; i++) {
        uint64_t end = tsn_now_ms() + WAIT_MS;
        uint32_t id = 0;

        sh("ip link del u0");
        rig_connect(!generic);
        while (!id && tsn_now_ms() < end) {
            rig_turn(rig);
            assert_int_equal(bpf_xdp_query_id(if_nametoindex("u0"), 0, &id),
                             0);
        }
        if (!id) {
            fail_msg("not attached the %dth time", i + 1);
        }
    }
    rig_destroy(rig);
}

/* Names have dots, which a BPF file system does not take. */
static void
pins__dots_in_names__floods_on_and_found(void **state)
{
    if (!*state) {
        skip();
    }
    struct fwd_ip address = ip(NODE);
    char *dir = fwd_bpf_pins_dir(&address);
    struct tsn_err err;

    sh("ip link set dev u0 down");
    sh("ip link set dev u0 name u0.7 up");
    sh("ip route add 10.0.0.0/8 via 10.0.5.254");
    struct bpf_rig *rig = rig_create(generic, dir);
    if (!rig) {
        free(dir);
        skip();
    }
    rig_publish(rig, make_table());
    rig_wait_ready(rig);
    assert_int_equal(flood(rig), 1);
    rig_destroy(rig);

    uint32_t id;
    assert_int_equal(bpf_xdp_query_id(if_nametoindex("u0.7"), 0, &id), 0);
    assert_int_not_equal(id, 0);
    struct fwd_bpf_pins *pins = fwd_bpf_pins_open(dir);
    assert_non_null(pins);
    assert_true(fwd_bpf_pins_has_any(pins));
    fwd_bpf_pins_close(pins);
    n_lines = 0;
    assert_int_equal(fwd_bpf_pins_remove_all(&address, count_line, NULL, &err),
                     0);
    assert_int_equal(n_lines, 1);
    wait_until_free("u0.7");
    free(dir);
}

/* Who may not see what there is does not know that there is nothing. */
static void
remove_all__not_permitted__says_so(void **state)
{
    struct tsn_err err;

    if (!*state) {
        skip();
    }
    assert_int_equal(mkdir(BPF_FS "/tsn", 0700), 0);
    assert_int_equal(seteuid(NOBODY), 0);
    int error = fwd_bpf_pins_remove_all(NULL, count_line, NULL, &err);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(error, -EACCES);
    assert_int_equal(fwd_bpf_pins_remove_all(NULL, count_line, NULL, &err),
                     0);
}

/* Of two directories in use both are told. */
static void
remove_all__processes_use_them__each_is_told(void **state)
{
    static const char *const addresses[] = { "10.0.5.1", "10.0.5.2" };
    struct fwd_bpf_pins *pins[ARRAY_SIZE(addresses)];
    struct tsn_err err;

    if (!*state) {
        skip();
    }
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        struct fwd_ip address = ip(addresses[i]);
        char *dir = fwd_bpf_pins_dir(&address);

        pins[i] = fwd_bpf_pins_open(dir);
        assert_non_null(pins[i]);
        free(dir);
    }
    n_lines = 0;
    assert_int_equal(fwd_bpf_pins_remove_all(NULL, count_line, NULL, &err),
                     -EBUSY);
    assert_int_equal(n_lines, 2);
    for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
        fwd_bpf_pins_close(pins[i]);
    }
    assert_int_equal(fwd_bpf_pins_remove_all(NULL, count_line, NULL, &err),
                     0);
}

/* A BPF file system of this test's own, for libxdp as well. */
/* A link goes without: it is only for the next process. */
static void
pins__none_can_be_made__link_floods(void **state)
{
    char dir[] = "/tmp/tsn-pins-XXXXXX";

    if (!*state) {
        skip();
    }
    assert_non_null(mkdtemp(dir));
    rig_link = true;
    struct bpf_rig *rig = rig_create(generic, dir);
    rig_link = false;
    assert_int_equal(rmdir(dir), 0);
    if (rig) {
        rig_publish(rig, make_table());
        rig_wait_ready(rig);
        assert_int_equal(flood(rig), 1);
        assert_int_equal(fwd_bpf_totals(rig->bpf)->flooded, 1);
    }
    rig_destroy(rig);
}

static int
setup(void **state)
{
    const char *reason = rig_enter();

    *state = NULL;
    if (!reason && mount("bpf", BPF_FS, "bpf", 0, NULL)) {
        reason = "no BPF file system can be mounted";
    }
    if (reason) {
        print_message("SKIP: %s\n", reason);
        return 0;
    }
    /* libxdp makes it for the first file system that it sees, only. */
    assert_int_equal(mkdir(BPF_FS "/xdp", 0700), 0);
    rig_connect(!generic);
    *state = &generic;
    return 0;
}

static int
setup_native(void **state)
{
    generic = false;
    return setup(state);
}

static int
setup_generic(void **state)
{
    generic = true;
    return setup(state);
}

static int
teardown(void **state OVS_UNUSED)
{
    netns_leave();
    return 0;
}

#define BOTH(TEST) \
    { #TEST " native", TEST, setup_native, teardown, NULL }, \
    { #TEST " generic", TEST, setup_generic, teardown, NULL }

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(dispatch__other_program_first__both_run),
        BOTH(dispatch__other_program_later__both_run),
        BOTH(dispatch__taken_off__attached_again),
        BOTH(dispatch__next_process__takes_the_place),
        BOTH(attach__foreign_program__left_alone),
        BOTH(remove__process_gone__interface_free),
        BOTH(pins__interface_gone__not_waited_for),
        BOTH(pins__sockets_alone_after__removed_when_complete),
        BOTH(attach__interface_made_anew_often__attached),
        BOTH(pins__dots_in_names__floods_on_and_found),
        BOTH(pins__none_can_be_made__link_floods),
        cmocka_unit_test_setup_teardown(attach__jumbo_interface__no_dispatcher,
                                        setup_native, teardown),
        cmocka_unit_test_setup_teardown(remove_all__not_permitted__says_so,
                                        setup_native, teardown),
        cmocka_unit_test_setup_teardown(
            remove_all__processes_use_them__each_is_told, setup_native,
            teardown),
    };

    if (!getenv("TSN_TEST_VERBOSE")) {
        vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
