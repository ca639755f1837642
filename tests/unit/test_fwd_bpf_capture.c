/* SPDX-License-Identifier: Apache-2.0 */
/* What the BPF programs capture: every frame as it arrived, with its fate, and
 * the copies that are dropped. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "bpf_rig.h"
#include "replication/forwarder/bpf-capture.h"

#define DEAF "10.0.5.77"        /* Nobody there answers ARP. */
#define SESSION 5

static const uint8_t b1[6] = B1, v1[6] = V1, gq[6] = GQ,
                     everybody[6] = EVERYBODY;

static struct fwd_table *
make_table(void)
{
    struct fwd_member members[] = {
        { ip(T1), BLUE, FWD_TOR, FWD_VXLAN },
        { ip(T2), BLUE, FWD_TOR, FWD_VXLAN },
        { ip(DEAF), 7000, FWD_EVPN, FWD_VXLAN },
    };
    struct fwd_mac_entry macs[] = {
        { V1, { 0 }, { ip(DEAF), 99, FWD_MAC_ROUTE, FWD_VXLAN } },
    };
    struct fwd_arp_entry arps[] = {
        { inet_addr("192.0.2.21"), { V1, 0, 0 } },
    };
    struct fwd_network_spec spec = {
        .net = { .vni = BLUE, .seed = 42, .service_mac = SERVICE },
        .members = members, .n_members = ARRAY_SIZE(members),
        .macs = macs, .n_macs = ARRAY_SIZE(macs),
        .arps = arps, .n_arps = ARRAY_SIZE(arps),
    };
    struct fwd_net_counters *counters = fwd_net_counters_create();
    struct fwd_network *network = fwd_network_create(&spec, counters);
    struct fwd_table *table = fwd_table_create(&network, 1);

    fwd_net_counters_unref(counters);
    fwd_network_unref(network);
    return table;
}

static void
set_filter(struct bpf_rig *rig, uint64_t fates, uint64_t until_ns)
{
    const struct fwd_capture_filter filter = {
        .fates = fates, .until_ns = until_ns, .vni = FWD_CAPTURE_ANY,
        .snaplen = FWD_CAPTURE_MAX, .session = SESSION,
    };

    fwd_bpf_capture_set(fwd_bpf_get_capture(rig->bpf), &filter);
}

/* The next record, which must come. */
static const struct fwd_capture_record *
next_record(struct bpf_rig *rig)
{
    struct fwd_bpf_capture *capture = fwd_bpf_get_capture(rig->bpf);
    uint64_t end = tsn_now_ms() + WAIT_MS;
    const struct fwd_capture_record *r;

    while (!(r = fwd_bpf_capture_peek(capture))) {
        if (tsn_now_ms() >= end) {
            rig_print(rig);
            fail_msg("nothing is captured");
        }
        rig_turn(rig);
    }
    assert_int_equal(r->session, SESSION);
    return r;
}

static void
drop_record(struct bpf_rig *rig)
{
    fwd_bpf_capture_drop(fwd_bpf_get_capture(rig->bpf));
}

/* The next record is frame 'w', whole, with that fate. */
static void
expect_frame(struct bpf_rig *rig, const struct wire *w, const char *from,
             enum fwd_action action, enum fwd_drop drop)
{
    const struct fwd_capture_record *r = next_record(rig);
    const struct fwd_ip source = ip(from);

    assert_int_equal(r->type, FWD_CAPTURE_PACKET);
    assert_int_equal(r->action, action);
    assert_int_equal(r->drop, drop);
    assert_true(fwd_ip_equals(&r->source, &source));
    assert_int_equal(r->size, w->size);
    assert_int_equal(r->stored, w->size);
    assert_memory_equal(r + 1, w->data, w->size);
    if (r->vni == BLUE) {
        assert_int_equal(r->inner, ETH_HLEN + FWD_IPV4_LEN + FWD_UDP_LEN
                                   + FWD_VXLAN_LEN);
    } else {
        assert_int_equal(r->inner, FWD_CAPTURE_NONE);
    }
    drop_record(rig);
}

/* The next record is a copy to DEAF of the inner frame 'f'. */
static void
expect_copy(struct bpf_rig *rig, const struct frame *f, uint32_t label)
{
    const struct fwd_capture_record *r = next_record(rig);
    const struct fwd_ip source = ip(T1), dst = ip(DEAF);

    assert_int_equal(r->type, FWD_CAPTURE_COPY);
    assert_int_equal(r->drop, FWD_DROP_NO_NEIGHBOUR);
    assert_true(fwd_ip_equals(&r->source, &source));
    assert_true(fwd_ip_equals(&r->outer.dst, &dst));
    assert_int_equal(r->outer.label, label);
    assert_int_equal(r->to_class, FWD_EVPN);
    assert_int_equal(r->vni, BLUE);
    assert_int_equal(r->stored, f->size - FWD_VXLAN_LEN);
    assert_memory_equal(r + 1, f->data + FWD_VXLAN_LEN, r->stored);
    drop_record(rig);
}

static void
put_data(struct frame *f, uint32_t vni, const uint8_t dst[6], uint16_t type)
{
    static const uint8_t zeros[70];

    put_ether(f, vni, dst, b1, -1, type);
    put(f, zeros, sizeof zeros);
}

static void
send_frame(struct bpf_rig *rig, const char *from, const struct frame *f,
           struct wire *w)
{
    wire_vxlan(w, from, f);
    rig_send(rig, w);
}

/* Padding is no part of what is captured. */
static void
check_padded(struct bpf_rig *rig)
{
    struct frame f;
    struct wire w;

    put_data(&f, BLUE, everybody, 0x88b5);
    wire_vxlan(&w, T1, &f);
    memset(w.data + w.size, 0xaa, 9);
    w.size += 9;
    rig_send(rig, &w);
    w.size -= 9;
    expect_frame(rig, &w, T1, FWD_FLOOD, FWD_OK);
    expect_copy(rig, &f, 7000);
}

static void
check_fates(struct bpf_rig *rig)
{
    struct frame f;
    struct wire w;

    set_filter(rig, UINT64_MAX, UINT64_MAX);
    put_data(&f, BLUE, everybody, 0x88b5);
    send_frame(rig, T1, &f, &w);
    expect_frame(rig, &w, T1, FWD_FLOOD, FWD_OK);
    expect_copy(rig, &f, 7000);
    send_frame(rig, T3, &f, &w);
    expect_frame(rig, &w, T3, FWD_DROP, FWD_DROP_INVALID_MCAST_SOURCE);

    put_data(&f, BLUE, gq, 0x88b5);
    send_frame(rig, T1, &f, &w);
    expect_frame(rig, &w, T1, FWD_DROP, FWD_DROP_NO_L2_ROUTE);
    put_data(&f, BLUE, v1, 0x88b5);
    send_frame(rig, T1, &f, &w);
    expect_frame(rig, &w, T1, FWD_RELAY, FWD_OK);
    expect_copy(rig, &f, 99);
    put_data(&f, BLUE + 1, everybody, 0x88b5);
    send_frame(rig, T1, &f, &w);
    expect_frame(rig, &w, T1, FWD_DROP, FWD_DROP_INVALID_VNID);

    put_ether(&f, BLUE, everybody, b1, -1, FWD_ETH_P_ARP);
    put_arp(&f, ARP_OP_REQUEST, b1, "192.0.2.10", "192.0.2.21");
    send_frame(rig, T1, &f, &w);
    expect_frame(rig, &w, T1, FWD_ANSWER, FWD_OK);
    check_padded(rig);
}

/* Neither for another fate, nor after its time, nor when it is over. */
static void
check_silence(struct bpf_rig *rig)
{
    const struct fwd_capture_filter none = { .session = 0 };
    struct frame f;
    struct wire w;

    put_data(&f, BLUE, gq, 0x88b5);
    set_filter(rig, UINT64_C(1) << FWD_DROP_INVALID_VNID, UINT64_MAX);
    send_frame(rig, T1, &f, &w);
    set_filter(rig, UINT64_MAX, 1);
    send_frame(rig, T1, &f, &w);
    fwd_bpf_capture_set(fwd_bpf_get_capture(rig->bpf), &none);
    send_frame(rig, T1, &f, &w);
    rig_turn_for(rig, QUIET_MS);
    assert_null(fwd_bpf_capture_peek(fwd_bpf_get_capture(rig->bpf)));
}

/* Who does not read loses the newest, and knows how many. */
static void
check_losses(struct bpf_rig *rig)
{
    enum { N = 600, SIZE = 2000 };
    struct fwd_bpf_capture *capture = fwd_bpf_get_capture(rig->bpf);
    static const uint8_t zeros[SIZE];
    uint64_t before = fwd_bpf_totals(rig->bpf)->frames;
    uint64_t end = tsn_now_ms() + WAIT_MS;
    struct frame f;
    struct wire w;
    int n = 0;

    set_filter(rig, UINT64_MAX, UINT64_MAX);
    put_ether(&f, BLUE, gq, b1, -1, 0x88b5);
    put(&f, zeros, sizeof zeros);
    for (int i = 0; i < N; i++) {
        send_frame(rig, T1, &f, &w);
    }
    while (fwd_bpf_totals(rig->bpf)->frames - before < N
           && tsn_now_ms() < end) {
        rig_turn(rig);
    }
    for (; fwd_bpf_capture_peek(capture); n++) {
        drop_record(rig);
    }
    assert_in_range(n, 400, 550);
    assert_int_equal(n + fwd_bpf_capture_lost(capture), N);
}

static void
check_all(struct bpf_rig *rig)
{
    rig_publish(rig, make_table());
    rig_turn_for(rig, QUIET_MS);
    /* The programs are there, and T1 and T2 are known: a copy comes out. */
    uint64_t end = tsn_now_ms() + WAIT_MS;
    struct frame f;
    struct wire w;

    put_data(&f, BLUE, everybody, 0x88b5);
    do {
        assert_true(tsn_now_ms() < end);
        send_frame(rig, T1, &f, &w);
        rig_turn_for(rig, 10);
    } while (!rig_receive(rig, 0, &w, QUIET_MS));
    check_fates(rig);
    check_silence(rig);
    check_losses(rig);
}

static int
setup_native(void **state)
{
    return rig_setup(state, false, NULL);
}

static int
setup_generic(void **state)
{
    return rig_setup(state, true, NULL);
}

static void
fwd_bpf_capture__native__frames_with_their_fates(void **state)
{
    if (!*state) {
        skip();
    }
    check_all(*state);
}

static void
fwd_bpf_capture__generic__frames_with_their_fates(void **state)
{
    if (!*state) {
        skip();
    }
    check_all(*state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            fwd_bpf_capture__native__frames_with_their_fates, setup_native,
            rig_teardown),
        cmocka_unit_test_setup_teardown(
            fwd_bpf_capture__generic__frames_with_their_fates, setup_generic,
            rig_teardown),
    };

    return cmocka_run_group_tests_name("fwd_bpf_capture", tests, NULL, NULL);
}
