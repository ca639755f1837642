/* SPDX-License-Identifier: Apache-2.0 */
/* Captures as the control thread has them: the ring, the sessions, and packets
 * made whole again.  The test plays the forwarding thread. */
#include <config.h>
#include "replication/forwarder/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>

#include "fwd_fixture.h"
#include "ovs-thread.h"
#include "replication/forwarder/capture-ring.h"
#include "replication/forwarder/outer.h"
#include "replication/forwarder/socket-capture.h"
#include "replication/forwarder/socket-thread.h"
#include "tsn/loop.h"

struct rig {
    uv_loop_t loop;
    struct fwd_socket_shared shared;
    struct fwd_capture *capture;
    int n;                      /* Read. */
    struct fwd_captured last;   /* Its packet is in ... */
    uint8_t packet[20000];
    struct fwd_capture_record record;
};

static int
setup(void **state)
{
    struct rig *rig = xzalloc(sizeof *rig);

    uv_loop_init(&rig->loop);
    rig->shared.wake_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    rig->shared.captured = fwd_capture_ring_create();
    rig->capture = fwd_capture_create(&rig->loop, &rig->shared, NULL);
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    fwd_capture_destroy(rig->capture);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    free(rig->shared.next_filter);
    fwd_capture_ring_destroy(rig->shared.captured);
    close(rig->shared.wake_fd);
    free(rig);
    return 0;
}

static uint32_t
start(struct rig *rig, uint32_t snaplen)
{
    const struct fwd_capture_filter filter = {
        .fates = UINT64_MAX, .vni = FWD_CAPTURE_ANY, .snaplen = snaplen,
    };
    uint32_t session = 0;

    assert_int_equal(fwd_capture_start(rig->capture, &filter, &session), 0);
    assert_int_equal(rig->shared.next_filter->session, session);
    return session;
}

static void
put_record(struct rig *rig, uint32_t session, uint32_t size)
{
    static const uint8_t zeros[20000];
    const struct fwd_capture_record r = {
        .session = session, .type = FWD_CAPTURE_PACKET, .size = size,
        .stored = size, .time_ns = size, .source = ip(T1),
    };

    fwd_capture_ring_put(rig->shared.captured, &r, zeros);
}

static void
captured(const struct fwd_captured *c, void *rig_)
{
    struct rig *rig = rig_;

    rig->n++;
    rig->last = *c;
    rig->record = *c->record;
    memcpy(rig->packet, c->packet, c->stored);
}

static struct fwd_capture_state
read_all(struct rig *rig, uint32_t session)
{
    struct fwd_capture_state state;

    rig->n = 0;
    assert_int_equal(fwd_capture_read(rig->capture, session, SIZE_MAX,
                                      captured, rig, &state), 0);
    return state;
}

/* Sizes of all kinds pass the end of the ring many times. */
static void
capture_ring__goes_round__each_record_once_in_order(void **state)
{
    struct rig *rig = *state;
    struct fwd_capture_ring *ring = rig->shared.captured;
    uint32_t put = 0, taken = 0;

    while (taken < 5000) {
        for (int i = 0; i < 7; i++, put++) {
            put_record(rig, 1, put * 37 % 9001);
        }
        const struct fwd_capture_record *r;
        while ((r = fwd_capture_ring_peek(ring))) {
            assert_int_equal(r->stored, taken * 37 % 9001);
            fwd_capture_ring_drop(ring);
            taken++;
        }
        assert_int_equal(taken, put);
    }
    assert_int_equal(fwd_capture_ring_lost(ring), 0);
}

static void
capture_ring__full__counts_what_is_lost(void **state)
{
    struct rig *rig = *state;
    struct fwd_capture_ring *ring = rig->shared.captured;
    unsigned int n = 0;

    for (int i = 0; i < 2000; i++) {
        put_record(rig, 1, 1000);
    }
    for (; fwd_capture_ring_peek(ring); n++) {
        fwd_capture_ring_drop(ring);
    }
    assert_in_range(n, 800, 1000);
    assert_int_equal(n + fwd_capture_ring_lost(ring), 2000);
    put_record(rig, 1, 1000);
    assert_non_null(fwd_capture_ring_peek(ring));
}

static void
capture__one_goes_on__another_waits_for_its_end(void **state)
{
    struct rig *rig = *state;
    const struct fwd_capture_filter filter = { .snaplen = 1 };
    struct fwd_capture_state s;
    uint32_t session = start(rig, 100), other;

    assert_int_equal(fwd_capture_start(rig->capture, &filter, &other),
                     -EBUSY);
    put_record(rig, session, 60);
    assert_int_equal(fwd_capture_stop(rig->capture, session), 0);
    assert_int_equal(rig->shared.next_filter->session, 0);
    assert_int_equal(fwd_capture_start(rig->capture, &filter, &other),
                     -EBUSY);
    s = read_all(rig, session);
    assert_int_equal(rig->n, 1);
    assert_true(s.stopped && !s.more);
    assert_int_equal(fwd_capture_read(rig->capture, session, 1, captured, rig,
                                      &s), -ENOENT);
    assert_int_equal(fwd_capture_stop(rig->capture, session), -ENOENT);
    assert_int_equal(start(rig, 100), session + 1);
}

static void
capture__record_of_another_session__left_out(void **state)
{
    struct rig *rig = *state;
    uint32_t session = start(rig, 100);

    put_record(rig, session + 1, 60);
    put_record(rig, session, 61);
    read_all(rig, session);
    assert_int_equal(rig->n, 1);
    assert_int_equal(rig->last.size, 61);
}

static void
capture__slow_reader__budget_and_losses(void **state)
{
    struct rig *rig = *state;
    struct fwd_capture_state s;
    uint32_t session = start(rig, 2000);

    for (int i = 0; i < 2000; i++) {
        put_record(rig, session, 1000);
    }
    assert_int_equal(fwd_capture_read(rig->capture, session, 10000, captured,
                                      rig, &s), 0);
    assert_in_range(rig->n, 5, 12);
    assert_true(s.more);
    int n = rig->n;
    s = read_all(rig, session);
    assert_false(s.more);
    assert_int_equal(n + rig->n + s.lost_by_socket, 2000);
    assert_int_equal(s.lost_by_ebpf, 0);
}

/* Nobody reads: it ends, and another one may begin. */
static void
capture__reader_gone__ends(void **state)
{
    struct rig *rig = *state;
    struct fwd_capture_state s;
    uint32_t session = start(rig, 100);

    put_record(rig, session, 60);
    uv_run(&rig->loop, UV_RUN_ONCE);
    assert_int_equal(rig->shared.next_filter->session, 0);
    assert_int_equal(fwd_capture_read(rig->capture, session, 1, captured, rig,
                                      &s), -ENOENT);
    assert_null(fwd_capture_ring_peek(rig->shared.captured));
}

static void
capture__payload__gets_outer_headers(void **state)
{
    struct rig *rig = *state;
    struct fwd_capture_record r = {
        .session = start(rig, 1000), .type = FWD_CAPTURE_PAYLOAD,
        .size = 300, .stored = 40, .inner = 4, .dport = FWD_MPLS_OLD_PORT,
        .source = ip(C1), .encap = FWD_MPLS_UDP,
        .outer = { .src = ip(C1), .dst = ip(TSN1), .encap = FWD_MPLS_UDP,
                   .port = 50001 },
    };
    uint8_t data[40], *p = rig->packet;

    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = i;
    }
    fwd_capture_ring_put(rig->shared.captured, &r, data);
    read_all(rig, r.session);
    assert_int_equal(rig->n, 1);
    assert_int_equal(rig->last.size, 14 + 20 + 8 + 300);
    assert_int_equal(rig->last.stored, 14 + 20 + 8 + 40);
    assert_int_equal(rig->last.tunnel, 42);
    assert_int_equal(rig->last.inner, 46);
    assert_int_equal(fwd_get16(p + 12), 0x0800);
    assert_int_equal(fwd_ipv4_checksum(p + 14), 0);
    assert_int_equal(fwd_get16(p + 16), 328);
    assert_memory_equal(p + 26, &ip(C1).b[12], 4);
    assert_memory_equal(p + 30, &ip(TSN1).b[12], 4);
    assert_int_equal(fwd_get16(p + 34), 50001);
    assert_int_equal(fwd_get16(p + 36), FWD_MPLS_OLD_PORT);
    assert_int_equal(fwd_get16(p + 38), 308);
    assert_memory_equal(p + 42, data, sizeof data);
}

static void
capture__copy__as_it_would_have_left(void **state)
{
    struct rig *rig = *state;
    struct fwd_capture_record r = {
        .session = start(rig, 60), .type = FWD_CAPTURE_COPY, .size = 64,
        .stored = 64, .source = ip(T1), .drop = FWD_DROP_TOO_BIG,
        .to_class = FWD_EVPN,
        .outer = { .src = ip(TSN1), .dst = ip(Q), .label = 4711,
                   .encap = FWD_VXLAN, .port = 50001, .size = 64 },
    };
    static const uint8_t data[64];
    uint8_t vxlan[FWD_VXLAN_LEN];

    fwd_capture_ring_put(rig->shared.captured, &r, data);
    read_all(rig, r.session);
    fwd_put_vxlan(vxlan, 4711);
    assert_memory_equal(rig->packet + 30, &ip(Q).b[12], 4);
    assert_memory_equal(rig->packet + 42, vxlan, sizeof vxlan);
    assert_int_equal(rig->last.inner, 50);
    assert_int_equal(rig->last.size, 50 + 64);
    assert_int_equal(rig->last.stored, 60);
}

/* What IP has no length for is shown nevertheless. */
static void
capture__copy_larger_than_ip__largest_length(void **state)
{
    struct rig *rig = *state;
    struct fwd_capture_record r = {
        .session = start(rig, 1000), .type = FWD_CAPTURE_COPY, .size = 65530,
        .stored = 8, .source = ip(T1),
        .outer = { .src = ip(TSN1), .dst = ip(C1), .label = 4711,
                   .encap = FWD_MPLS_GRE, .size = 65530,
                   .flags = FWD_COPY_CONTROL_WORD | FWD_COPY_SECOND },
    };
    static const uint8_t data[8];

    fwd_capture_ring_put(rig->shared.captured, &r, data);
    read_all(rig, r.session);
    assert_int_equal(rig->n, 1);
    assert_int_equal(fwd_get16(rig->packet + 16), 65535);
}

/* GRE whose flags stand for more octets than there are, from anybody. */
static void
capture__ends_within_gre__empty_payload(void **state)
{
    static const uint8_t packet[20000] = { 0xa0, 0, 0x88, 0x47 };
    static const struct fwd_host host;
    const struct fwd_verdict v = {
        .action = FWD_DROP, .class = FWD_STRANGER,
        .drop = FWD_DROP_INVALID_PACKET,
    };
    struct rig *rig = *state;
    struct fwd_arrival a = { .source = ip(Q6) };
    const struct sockaddr_in6 from = { .sin6_family = AF_INET6 };
    struct fwd_socket_capture c = {
        .ring = rig->shared.captured, .host = &host, .arrival = &a,
        .from = &from, .rx = FWD_RX_GRE,
    };
    uint32_t session = start(rig, 1000);

    c.filter = *rig->shared.next_filter;
    a.end = packet + 6;
    assert_true(fwd_outer_gre(packet, a.end, &a));
    fwd_socket_capture_frame(&c, &v, v.drop);
    read_all(rig, session);
    assert_int_equal(rig->n, 1);
    assert_int_equal(rig->last.size, 14 + 40 + 4);
    assert_int_equal(rig->last.stored, 14 + 40 + 4);
}

/* The thread begins anew when an address of ours comes. */
static void
capture__thread_begins_anew__goes_on(void **state)
{
    struct rig *rig = *state;
    struct fwd_socket_shared *shared = &rig->shared;
    uint32_t session = start(rig, 1000);
    uint64_t end_ms = tsn_now_ms() + 5000, one = 1;
    pthread_t thread;

    for (int family = 0; family < FWD_N_FAMILIES; family++) {
        fwd_sockets_init(&shared->sockets[family]);
    }
    close(shared->wake_fd);
    shared->wake_fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
    thread = ovs_thread_create("forwarder", fwd_socket_thread, shared);
    while (__atomic_load_n(&shared->next_filter, __ATOMIC_ACQUIRE)) {
        assert_true(tsn_now_ms() < end_ms);
        poll(NULL, 0, 1);
    }
    __atomic_store_n(&shared->stop, true, __ATOMIC_RELEASE);
    assert_int_equal(write(shared->wake_fd, &one, sizeof one), sizeof one);
    xpthread_join(thread, NULL);
    assert_non_null(shared->next_filter);
    assert_int_equal(shared->next_filter->session, session);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(capture_ring__goes_round__each_record_once_in_order),
        TEST(capture_ring__full__counts_what_is_lost),
        TEST(capture__one_goes_on__another_waits_for_its_end),
        TEST(capture__record_of_another_session__left_out),
        TEST(capture__slow_reader__budget_and_losses),
        TEST(capture__reader_gone__ends),
        TEST(capture__payload__gets_outer_headers),
        TEST(capture__copy__as_it_would_have_left),
        TEST(capture__copy_larger_than_ip__largest_length),
        TEST(capture__ends_within_gre__empty_payload),
        TEST(capture__thread_begins_anew__goes_on),
    };

    return cmocka_run_group_tests_name("fwd_capture", tests, NULL, NULL);
}
