/* SPDX-License-Identifier: Apache-2.0 */
/* The eBPF engine on a kernel whose copies share their data in generic mode:
 * no program of ours may run there. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "bpf_rig.h"
#include "replication/forwarder/xdp-copies.h"
#include "replication/forwarder/xdp-features.h"

static int n_checks;

/* In place of the library's: as on such a kernel. */
int
fwd_xdp_check_copies(struct tsn_err *err)
{
    n_checks++;
    tsn_err_set(err, NULL, "copies are shared");
    return -EOPNOTSUPP;
}

static struct fwd_table *
make_table(void)
{
    struct fwd_member members[] = {
        { ip(T1), BLUE, FWD_TOR, FWD_VXLAN },
        { ip(T2), BLUE, FWD_TOR, FWD_VXLAN },
    };
    return rig_make_table(BLUE, members, ARRAY_SIZE(members));
}

static int
setup_undecided(void **state)
{
    const char *reason = rig_enter();

    *state = NULL;
    if (reason) {
        print_message("SKIP: %s\n", reason);
        return 0;
    }
    rig_connect(true);
    *state = rig_create(false, NULL);
    return 0;
}

static int
setup_generic(void **state)
{
    const char *reason = rig_enter();

    *state = NULL;
    if (reason) {
        print_message("SKIP: %s\n", reason);
    }
    return 0;
}

static void
problem(enum fwd_problem kind, const char *object, const char *text,
        void *n_problems)
{
    assert_int_equal(kind, FWD_ENGINE_FALLBACK);
    assert_string_equal(object, "");
    assert_string_equal(text, "sockets alone, without eBPF: copies are "
                        "shared");
    ++*(int *) n_problems;
}

/* The interface turns into one that cannot send natively. */
static void
fwd_bpf__driver_cannot__no_programs_and_why(void **state)
{
    struct bpf_rig *rig = *state;
    struct fwd_bpf_status status;
    const char *others;

    if (!rig) {
        skip();
    }
    n_checks = 0;
    rig_publish(rig, make_table());
    rig_wait_ready(rig);
    fwd_bpf_set_complete(rig->bpf);
    if (fwd_xdp_features(if_nametoindex("u0")) < 0) {
        print_message("SKIP: this kernel cannot tell what drivers can\n");
        skip();
    }
    assert_non_null(fwd_bpf_get_interface(rig->bpf, 0, &others));
    peer_sh("ethtool -K p0 gro off");
    uint64_t end = tsn_now_ms() + WAIT_MS;
    do {
        rig_turn(rig);
        fwd_bpf_get_status(rig->bpf, &status);
    } while (status.mode && tsn_now_ms() < end);
    assert_null(status.mode);
    assert_string_equal(status.reason, "copies are shared");
    assert_int_equal(status.n_interfaces, 0);
    int n_problems = 0;
    fwd_bpf_for_each_problem(rig->bpf, problem, &n_problems);
    assert_int_equal(n_problems, 1);
    rig_turn_for(rig, 2500);            /* Ticks. */
    assert_null(fwd_bpf_get_interface(rig->bpf, 0, &others));
    sh("! ip link show u0 | grep -q xdp");
    assert_int_equal(n_checks, 1);
}

static void
fwd_bpf__generic_wanted__is_refused(void **state)
{
    struct fwd_host host = { .ip4 = ip(NODE) };
    const struct fwd_bpf_config config = { .host = &host, .generic = true };
    struct tsn_loop *loop;
    struct fwd_bpf *bpf;
    struct tsn_err err;

    if (!netns_peer) {
        skip();
    }
    loop = tsn_loop_create("test");
    assert_int_equal(fwd_bpf_create(tsn_loop_uv(loop), &config, &bpf, &err),
                     -EOPNOTSUPP);
    assert_string_equal(err.text, "copies are shared");
    tsn_loop_destroy(loop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            fwd_bpf__driver_cannot__no_programs_and_why, setup_undecided,
            rig_teardown),
        cmocka_unit_test_setup_teardown(fwd_bpf__generic_wanted__is_refused,
                                        setup_generic, rig_teardown),
    };

    if (!getenv("TSN_TEST_VERBOSE")) {
        vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
