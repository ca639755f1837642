/* SPDX-License-Identifier: Apache-2.0 */
/* The labels that clients offer: which one is next, what it costs to find it,
 * and who gets those that are let go. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "bitmap.h"
#include "controller/labels.h"
#include "ctrl_fixture.h"
#include "random.h"

/* The labels alone. */

static void
labels__any_order__as_a_search_one_by_one(void **state)
{
    enum { FIRST = 4000, N = 300 };     /* Across a page's end. */
    struct { struct ctrl_label_block *block; uint32_t given; } blocks[6];
    unsigned long *used = bitmap_allocate(FIRST + N);
    struct ctrl_labels labels;

    random_set_seed(7);
    ctrl_labels_init(&labels);
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
        uint32_t first = FIRST + i * 40;

        blocks[i].block = ctrl_label_block_ref(&labels, first,
                                               first + 50 + i * 7);
        blocks[i].given = 0;
    }
    for (int turn = 0; turn < 20000; turn++) {
        uint32_t label = FIRST + random_range(N);

        /* Mostly full, and then mostly empty. */
        if (random_range(3) >= 1 + (turn / 500) % 2) {
            if (bitmap_is_set(used, label)) {
                ctrl_label_put(&labels, label);
                bitmap_set0(used, label);
            }
            continue;
        }
        size_t i = random_range(ARRAY_SIZE(blocks));
        struct ctrl_label_block *block = blocks[i].block;
        uint32_t n = block->last - block->first + 1, expected = 0;
        label = blocks[i].given;
        for (uint32_t j = 0; j < n && !expected; j++) {
            label = label < block->first || label >= block->last
                    ? block->first : label + 1;
            expected = bitmap_is_set(used, label) ? 0 : label;
        }
        assert_int_equal(ctrl_label_take(block), expected);
        if (expected) {
            bitmap_set1(used, expected);
            blocks[i].given = expected;
        }
    }
    for (uint32_t label = FIRST; label < FIRST + N; label++) {
        if (bitmap_is_set(used, label)) {
            ctrl_label_put(&labels, label);
        }
    }
    assert_true(hmap_is_empty(&labels.pages));
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
        ctrl_label_block_unref(blocks[i].block);
    }
    ctrl_labels_fini(&labels);
    bitmap_free(used);
}

static void
labels__at_the_end_of_all__found(void **state)
{
    struct ctrl_labels labels;

    ctrl_labels_init(&labels);
    struct ctrl_label_block *block
        = ctrl_label_block_ref(&labels, UINT32_MAX - 1, UINT32_MAX);
    assert_int_equal(ctrl_label_take(block), UINT32_MAX - 1);
    assert_int_equal(ctrl_label_take(block), UINT32_MAX);
    assert_int_equal(ctrl_label_take(block), 0);
    ctrl_label_put(&labels, UINT32_MAX);
    assert_int_equal(ctrl_label_take(block), UINT32_MAX);
    ctrl_label_put(&labels, UINT32_MAX - 1);
    ctrl_label_put(&labels, UINT32_MAX);
    ctrl_label_block_unref(block);
    ctrl_labels_fini(&labels);
}

/* A block for each network, all of them on top of each other: each finds what
 * the others left without looking at all that they took. */
static void
labels__many_overlapping_blocks__a_few_steps_each(void **state)
{
    enum { N = 4000 };
    struct ctrl_label_block *blocks[N];
    struct ctrl_labels labels;
    uint32_t taken[N];

    ctrl_labels_init(&labels);
    for (uint32_t i = 0; i < N; i++) {
        blocks[i] = ctrl_label_block_ref(&labels, 100 + i % 7, 100 + N + i);
        taken[i] = ctrl_label_take(blocks[i]);
        assert_int_not_equal(taken[i], 0);
    }
    for (uint32_t i = 0; i < N; i++) {
        ctrl_label_put(&labels, taken[i]);
        taken[i] = ctrl_label_take(blocks[i]);
    }
    assert_true(labels.n_steps <= 4 * 2 * N);
    for (uint32_t i = 0; i < N; i++) {
        ctrl_label_put(&labels, taken[i]);
        ctrl_label_block_unref(blocks[i]);
    }
    ctrl_labels_fini(&labels);
}

/* Those who starve. */

#define INSTANCE(NAME) "default-domain:default-project:" NAME ":" NAME
#define BLUE INSTANCE("blue")
#define RED INSTANCE("red")
#define GREEN INSTANCE("green")
#define ID(IP) IP ":5:255.255.255.255,0.0.0.0"

#define ONLY_BLUE "networks:\n- {name: blue, vni: 100}\n"
#define BLUE_AND_RED ONLY_BLUE "- {name: red, vni: 200}\n"
static const char all[] = BLUE_AND_RED "- {name: green, vni: 300}\n";

static struct ctrl_config *config;
static struct ctrl_core *core;
static struct client a, b;

static void
open_from(struct client *client, const char *name, const char *ip)
{
    static const char *const instances[] = { BLUE, RED, GREEN };
    struct in6_addr addr;

    client_open(client, core, name);
    assert_int_equal(tsn_ip_parse(ip, &addr), 0);
    ctrl_peer_set_address(client->peer, &addr);
    for (size_t i = 0; i < ARRAY_SIZE(instances); i++) {
        client_subscribe(client, true, instances[i], 5);
    }
}

static int
setup(void **state)
{
    config = ctrl_fixture_config(all);
    core = ctrl_core_create(config);
    open_from(&a, "a", "10.0.0.1");
    open_from(&b, "b", "10.0.0.2");
    return 0;
}

static int
teardown(void **state)
{
    client_quit(&a);
    client_quit(&b);
    ctrl_core_destroy(core);
    ctrl_config_destroy(config);
    return 0;
}

static void
reload(const char *yaml)
{
    struct ctrl_config *new = ctrl_fixture_config(yaml);

    ctrl_core_configure(core, new);
    ctrl_config_destroy(config);
    config = new;
}

static void
join(const char *instance, uint32_t first, uint32_t last)
{
    client_put_tree(&a, instance, "10.0.0.1", first, last, true);
}

static void
leave(const char *instance)
{
    client_put_tree(&a, instance, "10.0.0.1", 1, 2, false);
}

#define TOLD(INSTANCE) "+" INSTANCE " " ID("10.0.0.1")
#define GONE(INSTANCE) "-" INSTANCE " " ID("10.0.0.1") "\n"

static void
starved__network_is_removed__its_labels_are_for_others(void **state)
{
    join(RED, 100, 100);
    client_is_told(&a, TOLD(RED) " in=100\n");
    join(BLUE, 100, 100);
    join(GREEN, 100, 100);
    client_is_told(&a, "");
    reload(BLUE_AND_RED);
    client_is_told(&a, "");
    reload(ONLY_BLUE);
    client_is_told(&a, TOLD(BLUE) " in=100\n");
    /* And when all are back, none is left. */
    reload(all);
    client_is_told(&a, "");
}

static void
starved__two_labels_let_go_at_once__two_get_one(void **state)
{
    join(RED, 100, 101);
    join(GREEN, 100, 101);
    client_is_told(&a, TOLD(RED) " in=100\n" TOLD(GREEN) " in=101\n");
    join(BLUE, 100, 101);
    client_is_told(&a, "");
    leave(RED);
    leave(GREEN);
    join(RED, 100, 101);
    client_is_told_all(&a, GONE(GREEN) TOLD(BLUE) " in=101\n");
}

static void
starved__overlapping_block__gets_what_the_other_lets_go(void **state)
{
    join(RED, 100, 101);
    client_is_told(&a, TOLD(RED) " in=100\n");
    join(GREEN, 101, 101);
    client_is_told(&a, TOLD(GREEN) " in=101\n");
    join(BLUE, 100, 100);
    client_is_told(&a, "");
    leave(RED);
    client_is_told_all(&a, GONE(RED) TOLD(BLUE) " in=100\n");

    /* One that changes its label is as good as one that leaves. */
    join(RED, 101, 101);
    client_is_told(&a, "");
    join(GREEN, 200, 299);
    client_is_told_all(&a, TOLD(GREEN) " in=200\n" TOLD(RED) " in=101\n");
}

static void
starved__other_trees_change__left_in_peace(void **state)
{
    join(RED, 100, 100);
    client_is_told(&a, TOLD(RED) " in=100\n");
    join(BLUE, 100, 100);
    client_put_tree(&b, BLUE, "10.0.0.2", 200, 299, true);
    client_is_told(&a, "");
    client_is_told(&b, "+" BLUE " " ID("10.0.0.2") " in=200\n");

    /* The label is let go, and taken again at once: nothing for BLUE. */
    client_put_tree(&b, RED, "10.0.0.2", 200, 299, true);
    client_is_told(&b, "+" RED " " ID("10.0.0.2")
                   " in=201 out=10.0.0.1/100\n");
    client_is_told(&a, TOLD(RED) " in=100 out=10.0.0.2/201\n");
}

static void
starved__client_goes__nothing_is_left(void **state)
{
    join(RED, 100, 100);
    client_is_told(&a, TOLD(RED) " in=100\n");
    join(BLUE, 100, 100);
    join(GREEN, 100, 100);
    client_is_told(&a, "");
    client_quit(&a);
    client_is_told(&b, "");
    open_from(&a, "a", "10.0.0.1");
    join(GREEN, 100, 100);
    client_is_told(&a, TOLD(GREEN) " in=100\n");
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels__any_order__as_a_search_one_by_one),
        cmocka_unit_test(labels__at_the_end_of_all__found),
        cmocka_unit_test(labels__many_overlapping_blocks__a_few_steps_each),
        TEST(starved__network_is_removed__its_labels_are_for_others),
        TEST(starved__two_labels_let_go_at_once__two_get_one),
        TEST(starved__overlapping_block__gets_what_the_other_lets_go),
        TEST(starved__other_trees_change__left_in_peace),
        TEST(starved__client_goes__nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
