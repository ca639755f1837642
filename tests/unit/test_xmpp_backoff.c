/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "util.h"
#include "xmpp/backoff.h"

/* The extremes of the jitter. */
static void
assert_delay(const struct xmpp_backoff *b, uint64_t ms)
{
    uint64_t jitter = b->attempts ? ms / 10 : 0;

    assert_int_equal(xmpp_backoff_delay_ms(b, 0), ms - jitter);
    assert_int_equal(xmpp_backoff_delay_ms(b, ms / 10), ms
                     - jitter + (b->attempts ? ms / 10 : 0));
    for (uint32_t i = 0; i < 100000; i += 7) {
        assert_in_range(xmpp_backoff_delay_ms(b, i), ms - jitter,
                        ms + jitter);
    }
    assert_in_range(xmpp_backoff_delay_ms(b, UINT32_MAX), ms - jitter,
                    ms + jitter);
}

/* The table of spec/xmpp-protocol.md 1.9, with our own end of it. */
static void
backoff__failures_in_a_row__delays_double(void **state OVS_UNUSED)
{
    static const uint64_t ms[] = {
        50, 1000, 2000, 4000, 8000, 8000, 8000, 8000, 8000,
    };
    struct xmpp_backoff b = { 0 };

    for (size_t i = 0; i < ARRAY_SIZE(ms); i++) {
        assert_delay(&b, ms[i]);
        xmpp_backoff_failed(&b, 0);
    }
    b.attempts = UINT32_MAX;
    assert_delay(&b, 8000);
}

static void
backoff__four_failures__another_control_node(void **state OVS_UNUSED)
{
    struct xmpp_backoff b = { 0 };

    for (int round = 0; round < 3; round++) {
        assert_false(xmpp_backoff_failed(&b, 0));
        assert_false(xmpp_backoff_failed(&b, 0));
        assert_false(xmpp_backoff_failed(&b, 0));
        assert_true(xmpp_backoff_failed(&b, 0));
    }
    assert_delay(&b, 8000);
}

static void
backoff__rotated__starts_anew(void **state OVS_UNUSED)
{
    struct xmpp_backoff b = { 0 };

    for (int i = 0; i < 4; i++) {
        xmpp_backoff_failed(&b, 0);
    }
    xmpp_backoff_rotated(&b);
    assert_delay(&b, 1000);
    assert_false(xmpp_backoff_failed(&b, 0));
    assert_delay(&b, 2000);
}

static void
backoff__good_session__is_forgiven(void **state OVS_UNUSED)
{
    struct xmpp_backoff b = { 0 };

    for (int i = 0; i < 3; i++) {
        xmpp_backoff_failed(&b, 0);
    }
    assert_false(xmpp_backoff_failed(&b, XMPP_GOOD_SESSION_MS));
    assert_int_equal(b.attempts, 0);
    assert_delay(&b, 50);
}

/* A control node that is not ready, or whose hold time is shorter than our
 * keepalives. */
static void
backoff__sessions_that_end_soon__are_failures(void **state OVS_UNUSED)
{
    struct xmpp_backoff b = { 0 };

    xmpp_backoff_failed(&b, 1);
    assert_delay(&b, 1000);
    xmpp_backoff_failed(&b, 9000);
    assert_delay(&b, 2000);
    xmpp_backoff_failed(&b, XMPP_GOOD_SESSION_MS - 1);
    assert_delay(&b, 4000);
    assert_true(xmpp_backoff_failed(&b, 9000));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(backoff__failures_in_a_row__delays_double),
        cmocka_unit_test(backoff__four_failures__another_control_node),
        cmocka_unit_test(backoff__rotated__starts_anew),
        cmocka_unit_test(backoff__good_session__is_forgiven),
        cmocka_unit_test(backoff__sessions_that_end_soon__are_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
