/* SPDX-License-Identifier: Apache-2.0 */
/* How labels are shared out, and given. */
#include <config.h>
#include "replication/tree/labels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "util.h"

static void
assert_range(const struct xmpp_tree_labels *range, uint32_t first,
             uint32_t last)
{
    assert_int_equal(range->first, first);
    assert_int_equal(range->last, last);
}

/* Spec A.5.3: two blocks that do not overlap, with their last element. */
static void
labels__shared_out__disjoint_and_complete(void **state OVS_UNUSED)
{
    static const struct { uint32_t first, last; } cases[] = {
        { 1024, 1048574 }, { 16, 18 }, { 16, 19 }, { 16, 20 }, { 100, 115 },
        { 1, 1048575 }, { 1048573, 1048575 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint32_t first = cases[i].first, last = cases[i].last;
        struct repl_labels labels;

        repl_labels_init(&labels, first, last);
        assert_int_equal(labels.trees[0].last, last);
        assert_int_equal(labels.trees[1].last, labels.trees[0].first - 1);
        assert_int_equal(labels.evpn.last, labels.trees[1].first - 1);
        assert_int_equal(labels.evpn.first, first);
        size_t n = repl_labels_count(&labels.trees[0]);
        assert_true(n > 0);
        assert_int_equal(repl_labels_count(&labels.trees[1]), n);
        size_t n_evpn = repl_labels_count(&labels.evpn);
        assert_int_equal(n_evpn + 2 * n, last - first + 1);
        assert_true(n_evpn > 0 && n_evpn <= (last - first + 1) / 8 + 2);
        repl_labels_fini(&labels);
    }
}

/* Row 103 of spec G. */
static void
labels__too_few__none(void **state OVS_UNUSED)
{
    static const struct { uint32_t first, last; } cases[] = {
        { 0, 0 }, { 16, 16 }, { 16, 17 }, { 17, 16 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct repl_labels labels;

        repl_labels_init(&labels, cases[i].first, cases[i].last);
        assert_range(&labels.trees[0], 0, 0);
        assert_range(&labels.trees[1], 0, 0);
        assert_range(&labels.evpn, 0, 0);
        assert_int_equal(repl_labels_count(&labels.evpn), 0);
        assert_int_equal(repl_labels_take(&labels), 0);
        repl_labels_put(&labels, 0);
        repl_labels_fini(&labels);
    }
}

static void
labels__taken_and_put_back__oldest_comes_again(void **state OVS_UNUSED)
{
    struct repl_labels labels;

    repl_labels_init(&labels, 100, 131);
    assert_range(&labels.evpn, 100, 103);
    for (uint32_t i = 100; i <= 103; i++) {
        assert_int_equal(repl_labels_take(&labels), i);
    }
    assert_int_equal(repl_labels_take(&labels), 0);
    assert_int_equal(labels.n_used, 4);
    repl_labels_put(&labels, 102);
    assert_int_equal(repl_labels_take(&labels), 102);
    repl_labels_put(&labels, 101);
    repl_labels_put(&labels, 103);
    assert_int_equal(repl_labels_take(&labels), 103);
    repl_labels_put(&labels, 103);
    assert_int_equal(repl_labels_take(&labels), 101);
    assert_int_equal(labels.n_used, 3);
    repl_labels_fini(&labels);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels__shared_out__disjoint_and_complete),
        cmocka_unit_test(labels__too_few__none),
        cmocka_unit_test(labels__taken_and_put_back__oldest_comes_again),
    };

    return cmocka_run_group_tests_name("repl_labels", tests, NULL, NULL);
}
