/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/merit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "util.h"
#include "xmpp/route.h"

/* The best first. */
static const struct xmpp_merit in_order[] = {
    { false, UINT32_MAX, 1 },
    { false, 7, 200 },
    { false, 7, 100 },
    { false, 6, UINT32_MAX },
    { false, 1, 100 },          /* A switch has just learnt it. */
    { false, 0, 200 },          /* On a host that is the active one, */
    { false, 0, 100 },          /* ...and on any. */
    { false, 0, 1 },            /* The copy of another agent. */
    { true, UINT32_MAX, UINT32_MAX },
    { true, 7, 100 },
    { true, 7, 1 },
    { true, 0, 200 },
};

static void
merit__any_two__are_in_one_order(void **state OVS_UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(in_order); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(in_order); j++) {
            int cmp = xmpp_merit_compare(&in_order[i], &in_order[j]);

            assert_int_equal((cmp > 0) - (cmp < 0), (i < j) - (i > j));
        }
    }
}

static void
merit__of_a_route__is_what_it_says(void **state OVS_UNUSED)
{
    struct xmpp_evpn route;

    xmpp_evpn_init(&route);
    route.sequence = 7;
    route.local_pref = 100;
    struct xmpp_merit fresh = xmpp_merit_of(&route, false);
    struct xmpp_merit stale = xmpp_merit_of(&route, true);
    assert_int_equal(xmpp_merit_compare(&fresh, &in_order[2]), 0);
    assert_int_equal(xmpp_merit_compare(&stale, &in_order[9]), 0);
    xmpp_evpn_fini(&route);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(merit__any_two__are_in_one_order),
        cmocka_unit_test(merit__of_a_route__is_what_it_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
