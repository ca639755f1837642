/* SPDX-License-Identifier: Apache-2.0 */
/* The queue to the services: what is too much of one kind or from one endpoint
 * is not at the expense of others. */
#include <config.h>
#include "replication/forwarder/punt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "fwd_fixture.h"

struct rig {
    struct fwd_punt_queue *q;
    int n;
    struct fwd_punted taken[2 * FWD_PUNT_SLOTS];
};

static int
setup(void **state)
{
    struct rig *rig = xzalloc(sizeof *rig);

    rig->q = fwd_punt_queue_create();
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    fwd_punt_queue_destroy(rig->q);
    free(rig);
    return 0;
}

static bool
put_one(struct rig *rig, enum fwd_punt_reason reason, struct fwd_ip from,
        uint32_t number)
{
    const struct fwd_net net = { .vni = BLUE };
    const struct fwd_verdict v = {
        .net = &net, .punt = reason, .dest.ip = from,
        .inner = (const uint8_t *) &number,
    };

    return fwd_punt_queue_put(rig->q, &v, sizeof number);
}

static void
taken(const struct fwd_punted *p, void *rig_)
{
    struct rig *rig = rig_;

    rig->taken[rig->n++] = *p;
}

static uint32_t
number_of(const struct fwd_punted *p)
{
    uint32_t number;

    assert_int_equal(p->size, sizeof number);
    memcpy(&number, p->frame, sizeof number);
    return number;
}

static void
punt__one_endpoint_floods__others_have_room(void **state)
{
    struct rig *rig = *state;
    int n = 0;

    while (put_one(rig, FWD_PUNT_DHCP4, ip(T1), n)) {
        n++;
    }
    assert_int_equal(n, FWD_PUNT_SHARE);
    assert_true(put_one(rig, FWD_PUNT_DHCP4, ip(T2), 1000));
    assert_true(put_one(rig, FWD_PUNT_DHCP4, ip(Q6), 1001));
    assert_true(put_one(rig, FWD_PUNT_DNS, ip(T1), 1002));
    assert_true(fwd_punt_queue_take(rig->q, 1, taken, rig));
    assert_true(put_one(rig, FWD_PUNT_DHCP4, ip(T1), 0));
    assert_false(put_one(rig, FWD_PUNT_DHCP4, ip(T1), 0));
}

static void
punt__one_kind_floods__others_have_room(void **state)
{
    struct rig *rig = *state;
    int n = 0;

    for (int i = 0; i < 2 * FWD_PUNT_SLOTS; i++) {
        n += put_one(rig, FWD_PUNT_DHCP4,
                     fwd_ip_from_v4(htonl(0x0a000001 + i)), i);
    }
    assert_int_equal(n, FWD_PUNT_SLOTS);
    for (int i = 0; i < FWD_N_PUNTS; i++) {
        assert_int_equal(put_one(rig, i, ip(T1), i), i != FWD_PUNT_DHCP4);
    }
}

/* In rounds over the services, of each in order. */
static void
punt__several_kinds__taken_in_turn(void **state)
{
    struct rig *rig = *state;

    for (int i = 0; i < 10; i++) {
        assert_true(put_one(rig, FWD_PUNT_DHCP4, ip(T1), i));
    }
    for (int i = 0; i < 3; i++) {
        assert_true(put_one(rig, FWD_PUNT_ND, ip(T2), 100 + i));
        assert_true(put_one(rig, FWD_PUNT_DNS, ip(T1), 200 + i));
    }
    assert_true(fwd_punt_queue_take(rig->q, 9, taken, rig));
    assert_int_equal(rig->n, 9);
    for (int i = 0; i < 9; i++) {
        static const enum fwd_punt_reason turns[] = {
            FWD_PUNT_DHCP4, FWD_PUNT_ND, FWD_PUNT_DNS,
        };
        static const uint32_t first[] = { 0, 100, 200 };

        assert_int_equal(rig->taken[i].reason, turns[i % 3]);
        assert_int_equal(number_of(&rig->taken[i]), first[i % 3] + i / 3);
    }
    assert_true(fwd_punt_queue_take(rig->q, 6, taken, rig));
    assert_false(fwd_punt_queue_take(rig->q, 1, taken, rig));
    assert_int_equal(rig->n, 16);
    assert_int_equal(number_of(&rig->taken[15]), 9);
}

static void
punt__long_run__indexes_wrap(void **state)
{
    struct rig *rig = *state;

    for (uint32_t i = 0; i < 10 * FWD_PUNT_SLOTS; i++) {
        rig->n = 0;
        assert_true(put_one(rig, FWD_PUNT_IGMP, ip(T1), i));
        assert_false(fwd_punt_queue_take(rig->q, 8, taken, rig));
        assert_int_equal(rig->n, 1);
        assert_int_equal(number_of(&rig->taken[0]), i);
    }
}

static void
punt__too_long__refused(void **state)
{
    static const uint8_t zeros[FWD_PUNT_MAX_SIZE + 1];
    struct rig *rig = *state;
    const struct fwd_net net = { .vni = BLUE };
    const struct fwd_verdict v = {
        .net = &net, .punt = FWD_PUNT_DNS, .inner = zeros,
    };

    assert_false(fwd_punt_queue_put(rig->q, &v, sizeof zeros));
    assert_true(fwd_punt_queue_put(rig->q, &v, sizeof zeros - 1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
        TEST(punt__one_endpoint_floods__others_have_room),
        TEST(punt__one_kind_floods__others_have_room),
        TEST(punt__several_kinds__taken_in_turn),
        TEST(punt__long_run__indexes_wrap),
        TEST(punt__too_long__refused),
    };

    return cmocka_run_group_tests_name("fwd_punt", tests, NULL, NULL);
}
