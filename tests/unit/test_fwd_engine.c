/* SPDX-License-Identifier: Apache-2.0 */
/* The table of cases against the engines: packets go into the host and come
 * out of it, with the host's own stack on both sides of the engine.  Needs a
 * network namespace of our own. */
#include <config.h>
#include "replication/forwarder/forwarder.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "fwd_tap.h"
#include "generic_xdp.h"
#include "openvswitch/dynamic-string.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/model.h"

#define WAIT_MS 5000            /* At most, for what must happen. */

struct rig {
    struct fwd_tap *tap;
    struct tsn_loop *loop;
    struct fwd *fwd;
    bool ebpf;
    int n_punts;
    struct fwd_punted punted;   /* The last. */
};

static void
punted(const struct fwd_punted *p, void *rig_)
{
    struct rig *rig = rig_;

    rig->n_punts++;
    rig->punted = *p;
}

static uint64_t
n_frames(const struct rig *rig)
{
    return fwd_counter_read(&fwd_totals(rig->fwd)->frames);
}

/* What the table says about a case with the host's stack before the engine.
 * XDP programs come before that stack, and pass on what is not theirs. */
static const char *
fate_of(const struct rig *rig, const struct fwd_case *c)
{
    bool by_host = !rig->ebpf || !strcmp(c->fate, "pass");

    return by_host && c->host_fate ? c->host_fate : c->fate;
}

/* Sends a packet that the engine must see, and waits until it has. */
static void
send_and_wait(struct rig *rig, const struct fwd_case *c)
{
    uint64_t end = tsn_now_ms() + WAIT_MS, before = n_frames(rig);
    struct frame f;

    fwd_case_packet(c, &f);
    fwd_tap_send(rig->tap, &f);
    while (strcmp(fate_of(rig, c), "pass") && n_frames(rig) == before
           && tsn_now_ms() < end) {
        uv_run(tsn_loop_uv(rig->loop), UV_RUN_NOWAIT);
        sched_yield();
    }
}

/* What came out besides what was expected, in words. */
struct result {
    const struct fwd_expected *e;
    bool seen[FWD_CASE_MAX_COPIES];
    unsigned int n_seen;
    struct ds errors;
};

/* Returns true if the packet is an expected copy that has not come yet. */
static bool
take_copy(struct result *r, const struct frame *f, bool complain)
{
    const char *difference = "not expected";

    for (size_t i = 0; i < r->e->n_copies; i++) {
        if (!r->seen[i]) {
            const char *d = fwd_case_compare(&r->e->copies[i], f->data,
                                             f->size);
            if (!d) {
                r->seen[i] = true;
                r->n_seen++;
                return true;
            }
            difference = d;
        }
    }
    if (complain) {
        ds_put_format(&r->errors, " a copy: %s;", difference);
    }
    return false;
}

/* A case of the same encapsulation that is sent afterwards: when its copies
 * are there, those of the case are, too. */
static const struct fwd_case *
marker_for(const struct fwd_case *c)
{
    static const uint8_t mark[6] = { 2, 0, 0, 0, 0, 0x77 };
    static struct fwd_case marker;

    marker = (struct fwd_case) {
        .name = "marker", .in = c->in == TREE_GRE || c->in == EVPN_GRE
                                ? TREE_GRE : c->in == VX ? VX : TREE,
        .port = c->in == VX || c->port != 51234 ? 0 : 51234,
        .dst = EVERYBODY, .kind = RAW, .type = 0x88b5, .payload = 33,
    };
    memcpy(marker.src, mark, sizeof mark);
    if (strchr(c->from, ':')) {
        marker.in = c->in;
        marker.from = c->in == TREE ? C6 : Q6;
        marker.label = c->in == VX ? SIX : c->in == TREE ? 4400 : 4410;
        marker.fate = c->in == TREE
                      ? "flood vx/" T1 "/400 tree/" C1 "/4403"
                      : "flood vx/" T1 "/400";
    } else if (marker.in == VX) {
        marker.from = T1;
        marker.label = BARE;
        marker.fate = "flood vx/" T2 "/720 vx/" Q "/720";
    } else {
        marker.from = TSN2;
        marker.label = 4701;
        marker.fate = "flood vx/" T3 "/700";
    }
    return &marker;
}

/* Reads all copies of the case, up to those of the marker. */
static void
read_copies(struct rig *rig, const struct fwd_case *marker, struct result *r)
{
    struct fwd_expected *m = fwd_case_expect(marker, marker->fate);
    struct result last = { .e = m };
    struct frame f;

    send_and_wait(rig, marker);
    while (last.n_seen < m->n_copies) {
        if (!fwd_tap_receive(rig->tap, &f, WAIT_MS)) {
            ds_put_cstr(&r->errors, " the marker did not come;");
            break;
        }
        if (!take_copy(&last, &f, false)) {
            take_copy(r, &f, true);
        }
    }
    /* The marker may be flooded by a program and overtake what takes the way
     * through the host's stack and the thread. */
    while (rig->ebpf && r->n_seen < r->e->n_copies
           && fwd_tap_receive(rig->tap, &f, WAIT_MS)) {
        take_copy(r, &f, true);
    }
    if (r->n_seen != r->e->n_copies) {
        ds_put_format(&r->errors, " %u of %zu copies;", r->n_seen,
                      r->e->n_copies);
    }
    free(m);
}

/* What must have been counted as dropped. */
static uint64_t
expected_drops(const struct fwd_expected *e, enum fwd_drop drop)
{
    bool nobody = e->action == FWD_FLOOD && !e->n_copies
                  && !e->lost[FWD_DROP_JUMBO_DF];

    return e->lost[drop] + (e->action == FWD_DROP && e->drop == drop)
           + (nobody && drop == FWD_DROP_NO_MEMBER);
}

static void
check_drops(const struct rig *rig, const uint64_t before[FWD_N_DROPS],
            struct result *r)
{
    for (int drop = 0; drop < FWD_N_DROPS; drop++) {
        uint64_t n = fwd_counter_read(&fwd_totals(rig->fwd)->drops[drop])
                     - before[drop];

        if (n != expected_drops(r->e, drop)) {
            ds_put_format(&r->errors, " %"PRIu64" drops by %s;", n,
                          fwd_drop_name(drop));
        }
    }
}

static void
check_punt(struct rig *rig, const struct fwd_case *c, struct result *r)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;
    int want = r->e->punt >= 0;

    while (rig->n_punts < want && tsn_now_ms() < end) {
        uv_run(tsn_loop_uv(rig->loop), UV_RUN_NOWAIT);
        sched_yield();
    }
    if (rig->n_punts != want) {
        ds_put_format(&r->errors, " punted %d times;", rig->n_punts);
    } else if (want) {
        size_t inner = fwd_case_inner(c);
        struct frame f;

        fwd_case_packet(c, &f);
        if ((int) rig->punted.reason != r->e->punt
            || rig->punted.size != f.size - inner
            || memcmp(rig->punted.frame, f.data + inner, f.size - inner)) {
            ds_put_cstr(&r->errors, " punted something else;");
        }
    }
}

static bool
run_case(struct rig *rig, const struct fwd_case *c)
{
    struct fwd_expected *e = fwd_case_expect(c, fate_of(rig, c));
    struct result r = { .e = e, .errors = DS_EMPTY_INITIALIZER };
    uint64_t before[FWD_N_DROPS];

    memcpy(before, fwd_totals(rig->fwd)->drops, sizeof before);
    rig->n_punts = 0;
    send_and_wait(rig, c);
    read_copies(rig, marker_for(c), &r);
    check_drops(rig, before, &r);
    check_punt(rig, c, &r);
    bool ok = !r.errors.length;
    if (!ok) {
        print_error("%s: want \"%s\", got%s\n", c->name, fate_of(rig, c),
                    ds_cstr(&r.errors));
    }
    ds_destroy(&r.errors);
    free(e);
    return ok;
}

static void
engine__case__copies_and_counters(void **state)
{
    struct rig *rig = *state;
    int failed = 0;

    if (!rig->tap) {
        skip();
    }
    for (size_t i = 0; i < fwd_n_cases; i++) {
        failed += !run_case(rig, &fwd_cases[i]);
    }
    assert_int_equal(failed, 0);
}

static void
engine__underlay__mtu_known(void **state)
{
    struct rig *rig = *state;
    struct fwd_status status;

    if (!rig->tap) {
        skip();
    }
    fwd_get_status(rig->fwd, &status);
    assert_true(status.running);
    assert_true(status.gre);
    assert_int_equal(status.mtu, 1500);
}

/* What the services send: by VXLAN, by MPLS with a control word, and not if it
 * would be too long. */
static void
engine__send__by_the_way_the_request_came(void **state)
{
    static const uint8_t all[] = EVERYBODY, b1[] = B1;
    const struct fwd_net net = { .vni = 100 };
    const struct fwd_net words = {
        .vni = 350, .flags = FWD_NET_CONTROL_WORD,
    };
    const struct fwd_member t1 = { ip(T1), 100, FWD_TOR, FWD_VXLAN };
    const struct fwd_member q2 = { ip(Q2), 177, FWD_EVPN, FWD_MPLS_UDP };
    const struct fwd_member c1 = { ip(C1), 4702, FWD_TREE, FWD_MPLS_UDP };
    struct rig *rig = *state;
    struct frame f = { .size = 0 }, got;

    if (!rig->tap) {
        skip();
    }
    put_mac_header(&f, all, b1, -1, 0x0800);
    put_udp4(&f, "192.0.2.2", "192.0.2.10", 0x4000, 67, 68, 300);
    assert_int_equal(fwd_send(rig->fwd, &net, &t1, f.data, f.size), 0);
    assert_true(fwd_tap_receive(rig->tap, &got, WAIT_MS));
    assert_int_equal(got.size, 20 + 8 + 8 + f.size);
    assert_memory_equal(got.data + 28, "\x08\0\0\0\0\0\x64\0", 8);
    assert_memory_equal(got.data + 36, f.data, f.size);

    assert_int_equal(fwd_send(rig->fwd, &words, &q2, f.data, f.size), 0);
    assert_true(fwd_tap_receive(rig->tap, &got, WAIT_MS));
    assert_int_equal(got.size, 20 + 8 + 8 + f.size);
    assert_memory_equal(got.data + 28, "\x00\x0b\x11\x40\0\0\0\0", 8);
    assert_memory_equal(got.data + 36, f.data, f.size);

    assert_int_equal(fwd_send(rig->fwd, &net, &c1, f.data, f.size), -EINVAL);
    assert_int_equal(fwd_send(rig->fwd, &net, &t1, f.data, 13), -EINVAL);
    assert_int_equal(fwd_send(rig->fwd, &net, &t1, f.data, 1465), -EMSGSIZE);
}

static void
assert_engine(const struct rig *rig, const char *engine)
{
    struct fwd_status status;

    if (!rig->tap) {
        skip();
    }
    fwd_get_status(rig->fwd, &status);
    assert_string_equal(status.engine, engine);
}

static void
engine__case_by_ebpf__copies_and_counters(void **state)
{
    struct rig *rig = *state;

    assert_engine(rig, "ebpf");
    engine__case__copies_and_counters(state);
    assert_engine(rig, "ebpf");
}

static void
engine__case_by_ebpf_generic__copies_and_counters(void **state)
{
    struct rig *rig = *state;

    assert_engine(rig, "ebpf-generic");
    engine__case__copies_and_counters(state);
    assert_engine(rig, "ebpf-generic");
}

static int
setup_engine(void **state, enum fwd_engine engine)
{
    struct fwd_config config = { .engine = engine };
    struct rig *rig = xzalloc(sizeof *rig);
    struct tsn_err err;

    *state = rig;
    rig->ebpf = engine != FWD_ENGINE_SOCKET;
    rig->tap = skip_generic_xdp(engine) ? NULL : fwd_tap_create();
    if (!rig->tap) {
        return 0;
    }
    rig->loop = tsn_loop_create("test");
    assert_int_equal(tsn_ip_parse(TSN1, &config.address), 0);
    assert_int_equal(tsn_ip_parse(TSN1_6, &config.address6), 0);
    assert_int_equal(fwd_create(tsn_loop_uv(rig->loop), &config, punted, rig,
                                &rig->fwd, &err), 0);
    fwd_publish(rig->fwd, fwd_case_table());
    return 0;
}

static int
setup(void **state)
{
    return setup_engine(state, FWD_ENGINE_SOCKET);
}

static int
setup_ebpf(void **state)
{
    return setup_engine(state, FWD_ENGINE_EBPF);
}

static int
setup_ebpf_generic(void **state)
{
    return setup_engine(state, FWD_ENGINE_EBPF_GENERIC);
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    if (rig->tap) {
        fwd_destroy(rig->fwd);
        tsn_loop_destroy(rig->loop);
        fwd_tap_destroy(rig->tap);
    }
    free(rig);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engine__underlay__mtu_known),
        cmocka_unit_test(engine__case__copies_and_counters),
        cmocka_unit_test(engine__send__by_the_way_the_request_came),
    };

    const struct CMUnitTest ebpf_tests[] = {
        cmocka_unit_test(engine__case_by_ebpf__copies_and_counters),
    };
    const struct CMUnitTest ebpf_generic_tests[] = {
        cmocka_unit_test(engine__case_by_ebpf_generic__copies_and_counters),
    };

    return cmocka_run_group_tests_name("fwd_engine", tests, setup, teardown)
           + cmocka_run_group_tests_name("fwd_engine_ebpf", ebpf_tests,
                                         setup_ebpf, teardown)
           + cmocka_run_group_tests_name("fwd_engine_ebpf_generic",
                                         ebpf_generic_tests,
                                         setup_ebpf_generic, teardown);
}
