/* SPDX-License-Identifier: Apache-2.0 */
/* The multicast trees of the embedded controller: how they are built, and what
 * their members are told. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "controller/labels.h"
#include "controller/rib.h"
#include "controller/tree.h"
#include "ctrl_fixture.h"

/* The tree alone. */

#define MAX_MEMBERS 32

struct forest {
    struct ctrl_tree tree;
    struct ctrl_labels labels[MAX_MEMBERS];
    struct ctrl_tree_member members[MAX_MEMBERS];
    char names[MAX_MEMBERS][8];
    size_t n;
};

static void
forest_init(struct forest *f)
{
    memset(f, 0, sizeof *f);
    ctrl_tree_init(&f->tree);
}

/* Adds a member with the address 10.0.0.'ip' and labels from 100 * 'ip' on. */
static struct ctrl_tree_member *
forest_add(struct forest *f, uint8_t ip, uint32_t n_labels)
{
    struct ctrl_tree_member *m = &f->members[f->n];
    struct ctrl_labels *labels = &f->labels[f->n];

    snprintf(f->names[f->n], sizeof f->names[0], "m%"PRIuSIZE, f->n);
    m->name = f->names[f->n++];
    in6_addr_set_mapped_ipv4(&m->rd_ip, htonl(0x0a000000 | ip));
    m->rd_id = 5;
    m->next_hop = m->rd_ip;
    m->encaps = TSN_ENCAP_MPLS_UDP;
    ctrl_labels_init(labels);
    m->block = ctrl_label_block_ref(labels, 100 * ip, 100 * ip + n_labels - 1);
    ctrl_tree_add(&f->tree, m);
    return m;
}

static void
forest_fini(struct forest *f)
{
    ctrl_tree_break(&f->tree);
    for (size_t i = 0; i < f->n; i++) {
        ctrl_label_block_unref(f->members[i].block);
    }
    for (size_t i = 0; i < f->n; i++) {
        ctrl_labels_fini(&f->labels[i]);
    }
}

/* Builds the tree, and compares it with 'expected': a line for each member,
 * "LAST-OCTET/LABEL: LAST-OCTET/LABEL,..." with its neighbours. */
static void
assert_tree(struct forest *f, const char *expected)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    const struct ctrl_tree_member *m;

    ctrl_tree_build(&f->tree);
    assert_false(f->tree.broken);
    LIST_FOR_EACH (m, node, &f->tree.members) {
        ds_put_format(&ds, "%u/%"PRIu32":", m->next_hop.s6_addr[15],
                      m->label);
        for (size_t i = 0; i < m->n_neighbours; i++) {
            ds_put_format(&ds, "%c%u/%"PRIu32, i ? ',' : ' ',
                          m->neighbours[i]->next_hop.s6_addr[15],
                          m->neighbours[i]->label);
        }
        ds_put_char(&ds, '\n');
    }
    assert_string_equal(ds_cstr(&ds), expected);
    ds_destroy(&ds);
}

/* Adds members with the addresses 1..n, backwards. */
static void
forest_grow(struct forest *f, uint8_t n)
{
    for (uint8_t i = n; i; i--) {
        forest_add(f, i, 100);
    }
}

static void
tree__a_few_members__linked_in_order(void **state)
{
    static const struct {
        uint8_t n;
        const char *expected;
    } cases[] = {
        { 0, "" },
        { 1, "1/100:\n" },
        { 2, "1/100: 2/200\n2/200: 1/100\n" },
        { 5, "1/100: 2/200,3/300,4/400,5/500\n2/200: 1/100\n"
             "3/300: 1/100\n4/400: 1/100\n5/500: 1/100\n" },
        { 6, "1/100: 2/200,3/300,4/400,5/500\n2/200: 1/100,6/600\n"
             "3/300: 1/100\n4/400: 1/100\n5/500: 1/100\n6/600: 2/200\n" },
        /* The example of A.5.2. */
        { 7, "1/100: 2/200,3/300,4/400,5/500\n2/200: 1/100,6/600,7/700\n"
             "3/300: 1/100\n4/400: 1/100\n5/500: 1/100\n6/600: 2/200\n"
             "7/700: 2/200\n" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct forest f;

        forest_init(&f);
        forest_grow(&f, cases[i].n);
        assert_tree(&f, cases[i].expected);
        forest_fini(&f);
    }
}

static size_t
count_reached(const struct ctrl_tree_member *m,
              const struct ctrl_tree_member *from)
{
    size_t n = 1;

    for (size_t i = 0; i < m->n_neighbours; i++) {
        if (m->neighbours[i] != from) {
            n += count_reached(m->neighbours[i], m);
        }
    }
    return n;
}

static void
tree__any_size__each_member_reaches_all_once(void **state)
{
    for (uint8_t n = 1; n <= 22; n++) {
        struct forest f;
        size_t n_links = 0;

        forest_init(&f);
        forest_grow(&f, n);
        ctrl_tree_build(&f.tree);
        for (size_t i = 0; i < n; i++) {
            const struct ctrl_tree_member *m = &f.members[i];

            assert_int_equal(count_reached(m, NULL), n);
            assert_in_range(m->n_neighbours, n > 1,
                            CTRL_TREE_MAX_NEIGHBOURS);
            n_links += m->n_neighbours;
        }
        assert_int_equal(n_links, 2 * (n - 1));
        forest_fini(&f);
    }
}

static void
tree__22_members__three_levels(void **state)
{
    struct forest f;

    forest_init(&f);
    forest_grow(&f, 22);
    ctrl_tree_build(&f.tree);
    /* Backwards: member I has the address 22 - I. */
    const struct ctrl_tree_member *root = &f.members[21];
    const struct ctrl_tree_member *second = &f.members[20];
    const struct ctrl_tree_member *sixth = &f.members[16];
    assert_int_equal(root->n_neighbours, 4);
    assert_int_equal(second->n_neighbours, 5);
    assert_ptr_equal(second->neighbours[0], root);
    assert_ptr_equal(second->neighbours[4], &f.members[13]);
    assert_int_equal(sixth->n_neighbours, 2);
    assert_ptr_equal(sixth->neighbours[0], second);
    assert_ptr_equal(sixth->neighbours[1], &f.members[0]);
    forest_fini(&f);
}

static void
tree__order__distinguisher_then_router_then_name(void **state)
{
    struct ctrl_tree_member *m;
    struct forest f;

    forest_init(&f);
    forest_add(&f, 9, 100)->rd_id = 5;
    forest_add(&f, 10, 100)->rd_id = 2;
    m = forest_add(&f, 8, 100);
    m->rd_ip = f.members[0].rd_ip;
    m->rd_id = 70000;
    m = forest_add(&f, 7, 100);
    m->rd_ip = f.members[0].rd_ip;
    /* By number, not as text; then all that is left is the name. */
    m = forest_add(&f, 200, 100);
    m->rd_ip = m->next_hop = f.members[3].next_hop;
    m->rd_ip = f.members[0].rd_ip;
    assert_tree(&f, "7/700: 7/20000,9/900,8/800,10/1000\n7/20000: 7/700\n"
                "9/900: 7/700\n8/800: 7/700\n10/1000: 7/700\n");
    forest_fini(&f);
}

static void
labels__each_build__the_next_ones(void **state)
{
    struct forest f;

    forest_init(&f);
    forest_add(&f, 1, 3);
    assert_tree(&f, "1/100:\n");
    assert_tree(&f, "1/101:\n");
    assert_tree(&f, "1/102:\n");
    assert_tree(&f, "1/100:\n");

    /* A block of one label has no other. */
    forest_add(&f, 2, 1);
    assert_tree(&f, "1/101: 2/200\n2/200: 1/101\n");
    assert_tree(&f, "1/102: 2/200\n2/200: 1/102\n");

    ctrl_tree_remove(&f.tree, &f.members[0]);
    assert_tree(&f, "2/200:\n");
    ctrl_tree_remove(&f.tree, &f.members[1]);
    assert_tree(&f, "");
    forest_fini(&f);
}

static void
labels__broken_tree__has_none(void **state)
{
    struct forest f;

    forest_init(&f);
    forest_grow(&f, 3);
    ctrl_tree_build(&f.tree);
    assert_true(ctrl_tree_break(&f.tree));
    assert_false(ctrl_tree_break(&f.tree));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(f.members[i].label, 0);
        assert_int_equal(f.members[i].n_neighbours, 0);
        assert_true(hmap_is_empty(&f.labels[i].pages));
    }
    forest_fini(&f);
}

static void
labels__exhausted__left_out_without_a_gap(void **state)
{
    struct forest f, other;

    forest_init(&other);
    forest_init(&f);
    forest_grow(&f, 3);
    /* The second one gives its only label to another tree. */
    struct ctrl_tree_member *m = &f.members[1];
    struct ctrl_tree_member *twin = forest_add(&other, 2, 1);
    ctrl_label_block_unref(twin->block);
    ctrl_label_block_unref(m->block);
    m->block = ctrl_label_block_ref(&f.labels[1], 200, 200);
    twin->block = ctrl_label_block_ref(&f.labels[1], 200, 200);
    assert_ptr_equal(m->block, twin->block);
    assert_tree(&other, "2/200:\n");
    assert_tree(&f, "1/100: 3/300\n2/0:\n3/300: 1/100\n");

    ctrl_tree_remove(&other.tree, twin);
    assert_tree(&f, "1/101: 2/200,3/301\n2/200: 1/101\n3/301: 1/101\n");
    forest_fini(&other);
    forest_fini(&f);
}

static void
labels__overlapping_blocks__no_label_twice(void **state)
{
    struct forest f;

    forest_init(&f);
    forest_add(&f, 1, 2);
    struct ctrl_tree_member *b = forest_add(&f, 2, 2);
    ctrl_label_block_unref(b->block);
    b->block = ctrl_label_block_ref(&f.labels[0], 101, 102);
    assert_tree(&f, "1/100: 2/101\n2/101: 1/100\n");
    /* 101 is free again when they are built anew. */
    assert_tree(&f, "1/101: 2/102\n2/102: 1/101\n");
    assert_tree(&f, "1/100: 2/101\n2/101: 1/100\n");
    forest_fini(&f);
}

/* What clients are told. */

#define BLUE "default-domain:default-project:blue:blue"
#define RED "default-domain:default-project:red:red"
#define ID(IP) IP ":5:255.255.255.255,0.0.0.0"

static const char base[] =
    "networks:\n"
    "- {name: blue, vni: 100}\n"
    "- {name: red, vni: 200}\n";
static const char only_red[] = "networks:\n- {name: red, vni: 200}\n";

static struct ctrl_config *config;
static struct ctrl_core *core;
static struct client a, b, c;

static void
open_from(struct client *client, const char *name, const char *ip)
{
    struct in6_addr addr;

    client_open(client, core, name);
    assert_int_equal(tsn_ip_parse(ip, &addr), 0);
    ctrl_peer_set_address(client->peer, &addr);
}

static int
setup(void **state)
{
    config = ctrl_fixture_config(base);
    core = ctrl_core_create(config);
    open_from(&a, "a", "10.0.0.1");
    open_from(&b, "b", "10.0.0.2");
    open_from(&c, "c", "10.0.0.3");
    client_subscribe(&a, true, BLUE, 5);
    client_subscribe(&b, true, BLUE, 5);
    client_subscribe(&c, true, BLUE, 5);
    return 0;
}

static int
teardown(void **state)
{
    client_quit(&a);
    client_quit(&b);
    client_quit(&c);
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
join(struct client *client, uint32_t first)
{
    char *ip = xasprintf("10.0.0.%c", client->name[0] - 'a' + '1');

    client_put_tree(client, BLUE, ip, first, first + 99, true);
    free(ip);
}

static void
leave(struct client *client)
{
    client_put_tree(client, BLUE, "10.0.0.9", 1, 2, false);
}

#define TOLD_A "+" BLUE " " ID("10.0.0.1")
#define TOLD_B "+" BLUE " " ID("10.0.0.2")
#define TOLD_C "+" BLUE " " ID("10.0.0.3")
#define GONE_A "-" BLUE " " ID("10.0.0.1") "\n"
#define GONE_B "-" BLUE " " ID("10.0.0.2") "\n"

static void
members__join_and_leave__only_they_are_told(void **state)
{
    join(&b, 200);
    client_is_told(&b, TOLD_B " in=200\n");
    join(&a, 100);
    client_is_told(&a, TOLD_A " in=100 out=10.0.0.2/201\n");
    client_is_told(&b, TOLD_B " in=201 out=10.0.0.1/100\n");
    client_is_told(&c, "");

    /* The same again is no change. */
    join(&a, 100);
    client_is_told(&a, "");
    client_is_told(&b, "");

    leave(&c);
    client_is_told(&b, "");
    leave(&b);
    client_is_told(&b, GONE_B);
    client_is_told(&a, TOLD_A " in=101\n");
    leave(&b);
    client_is_told(&b, "");
    client_is_told(&a, "");
}

static void
members__many_changes_at_once__told_once(void **state)
{
    join(&a, 100);
    join(&b, 200);
    leave(&b);
    join(&b, 200);
    join(&c, 300);
    client_is_told(&a, TOLD_A " in=100 out=10.0.0.2/200,10.0.0.3/300\n");
    client_is_told(&b, TOLD_B " in=200 out=10.0.0.1/100\n");
    client_is_told(&c, TOLD_C " in=300 out=10.0.0.1/100\n");

    /* Left and joined: no retract.  Never told: neither. */
    leave(&b);
    join(&b, 200);
    client_is_told(&b, TOLD_B " in=201 out=10.0.0.1/101\n");
    client_is_told(&a, TOLD_A " in=101 out=10.0.0.2/201,10.0.0.3/301\n");
}

static void
members__change_what_they_offer__tree_is_built_anew(void **state)
{
    join(&a, 100);
    join(&b, 200);
    client_is_told(&a, TOLD_A " in=100 out=10.0.0.2/200\n");
    client_is_told(&b, TOLD_B " in=200 out=10.0.0.1/100\n");
    join(&b, 700);
    client_is_told(&a, TOLD_A " in=101 out=10.0.0.2/700\n");
    client_is_told(&b, TOLD_B " in=700 out=10.0.0.1/101\n");
    client_put_tree(&b, BLUE, "10.0.7.7", 700, 799, true);
    client_is_told(&a, TOLD_A " in=102 out=10.0.7.7/701\n");
    client_is_told(&b, TOLD_B " in=701 out=10.0.0.1/102\n");
}

static void
members__unsubscribe_or_go__others_are_told(void **state)
{
    join(&a, 100);
    join(&b, 200);
    join(&c, 300);
    while (!ctrl_core_run(core, 0)) {
        continue;
    }
    ds_clear(&a.told);
    ds_clear(&b.told);
    ds_clear(&c.told);

    client_subscribe(&c, false, BLUE, 5);
    client_is_told(&c, "");
    client_is_told(&a, TOLD_A " in=101 out=10.0.0.2/201\n");
    client_is_told(&b, TOLD_B " in=201 out=10.0.0.1/101\n");

    ctrl_peer_destroy(b.peer);
    b.peer = NULL;
    client_is_told(&a, TOLD_A " in=102\n");
    /* Nobody is left to be told. */
    leave(&a);
    client_subscribe(&a, false, BLUE, 5);
    client_is_told(&a, "");
}

static void
members__session_is_lost__leave_at_once(void **state)
{
    struct in6_addr ip;

    join(&a, 100);
    join(&b, 200);
    client_is_told(&a, TOLD_A " in=100 out=10.0.0.2/200\n");

    /* What else it published is kept for when it comes back. */
    assert_int_equal(tsn_ip_parse("10.0.0.2", &ip), 0);
    client_lose(&b, &ip, 0);
    client_is_told(&a, TOLD_A " in=101\n");
    open_from(&b, "b", "10.0.0.2");
    client_subscribe(&b, true, BLUE, 5);
    client_is_told(&a, "");
    join(&b, 200);
    client_is_told(&a, TOLD_A " in=102 out=10.0.0.2/201\n");
    client_is_told(&b, TOLD_B " in=201 out=10.0.0.1/102\n");

    /* One that has not been told yet, and one that is about to leave. */
    b.blocked = true;
    leave(&b);
    ctrl_core_run(core, 0);
    client_lose(&b, &ip, 0);
    client_is_told(&a, TOLD_A " in=103\n");
    open_from(&b, "b", "10.0.0.2");
}

static void
members__of_two_instances__share_the_block(void **state)
{
    client_subscribe(&a, true, RED, 6);
    join(&a, 100);
    client_put_tree(&a, RED, "10.0.0.1", 100, 199, true);
    client_is_told(&a, TOLD_A " in=100\n"
                   "+" RED " 10.0.0.1:6:255.255.255.255,0.0.0.0 in=101\n");
    join(&b, 200);
    client_is_told(&a, TOLD_A " in=102 out=10.0.0.2/200\n");
}

static void
members__labels_exhausted__left_out_until_one_is_free(void **state)
{
    client_subscribe(&a, true, RED, 6);
    client_put_tree(&a, RED, "10.0.0.1", 100, 100, true);
    join(&b, 200);
    client_is_told(&b, TOLD_B " in=200\n");
    client_is_told(&a, "+" RED " 10.0.0.1:6:255.255.255.255,0.0.0.0 "
                   "in=100\n");
    client_put_tree(&a, BLUE, "10.0.0.1", 100, 100, true);
    client_is_told(&a, "");
    client_is_told(&b, TOLD_B " in=201\n");
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    /* It is in its place, as far as it can be. */
    ctrl_core_run(core, CTRL_END_OF_RIB_QUIET_MS);
    assert_string_equal(ds_cstr(&a.told), "end-of-rib\n");
    ds_clear(&a.told);
    ds_clear(&b.told);

    client_put_tree(&a, RED, "10.0.0.1", 100, 100, false);
    client_is_told_all(&a,
                       "-" RED " 10.0.0.1:6:255.255.255.255,0.0.0.0\n"
                       TOLD_A " in=100 out=10.0.0.2/202\n");
    client_is_told(&b, TOLD_B " in=202 out=10.0.0.1/100\n");

    /* With another block it has no label any more. */
    client_put_tree(&a, RED, "10.0.0.1", 300, 300, true);
    client_is_told(&a, "+" RED " 10.0.0.1:6:255.255.255.255,0.0.0.0 "
                   "in=300\n");
    client_put_tree(&a, BLUE, "10.0.0.1", 300, 300, true);
    client_is_told(&a, GONE_A);
    client_is_told(&b, TOLD_B " in=203\n");
}

static void
members__same_address__all_in_the_tree(void **state)
{
    struct client d;

    open_from(&d, "d", "10.0.0.1");
    client_subscribe(&d, true, BLUE, 5);
    client_put_tree(&d, BLUE, "10.0.0.1", 400, 499, true);
    join(&a, 100);
    join(&b, 200);
    client_is_told(&a, TOLD_A " in=100 out=10.0.0.1/400,10.0.0.2/200\n");
    client_is_told(&b, TOLD_B " in=200 out=10.0.0.1/100\n");
    client_is_told(&d, TOLD_A " in=400 out=10.0.0.1/100\n");
    client_quit(&d);
    client_is_told(&a, TOLD_A " in=101 out=10.0.0.2/201\n");
}

static void
members__no_ipv4_address__known_by_their_next_hop(void **state)
{
    struct client d;

    open_from(&d, "d", "2001:db8::1");
    client_subscribe(&d, true, BLUE, 7);
    client_put_tree(&d, BLUE, "10.0.5.5", 400, 499, true);
    client_is_told(&d, "+" BLUE " 10.0.5.5:7:255.255.255.255,0.0.0.0 "
                   "in=400\n");
    client_put_tree(&d, BLUE, "10.0.6.6", 400, 499, true);
    client_is_told(&d, "-" BLUE " 10.0.5.5:7:255.255.255.255,0.0.0.0\n"
                   "+" BLUE " 10.0.6.6:7:255.255.255.255,0.0.0.0 in=401\n");
    client_quit(&d);
}

static void
members__blocked__told_the_latest_later(void **state)
{
    join(&a, 100);
    join(&b, 200);
    client_is_told(&b, TOLD_B " in=200 out=10.0.0.1/100\n");
    ds_clear(&a.told);
    a.blocked = true;
    join(&c, 300);
    ctrl_core_run(core, 0);
    leave(&c);
    assert_int_equal(ctrl_core_run(core, 0), CTRL_RETRY_MS);
    assert_string_equal(ds_cstr(&b.told),
                        TOLD_B " in=201 out=10.0.0.1/101\n"
                        TOLD_B " in=202 out=10.0.0.1/102\n");
    /* No End-of-RIB either, as long as it does not know its place. */
    ctrl_core_run(core, CTRL_END_OF_RIB_QUIET_MS);
    assert_string_equal(ds_cstr(&a.told), "");
    a.blocked = false;
    client_is_told(&a, TOLD_A " in=102 out=10.0.0.2/202\n");

    a.blocked = true;
    leave(&a);
    ctrl_core_run(core, 0);
    client_subscribe(&a, false, BLUE, 5);
    a.blocked = false;
    client_is_told(&a, "");
}

static void
members__instance_unknown__wait_for_it(void **state)
{
    reload(only_red);
    join(&a, 100);
    join(&b, 200);
    client_is_told(&a, "");
    leave(&b);
    /* Nothing to wait for. */
    ctrl_core_run(core, CTRL_END_OF_RIB_QUIET_MS);
    assert_string_equal(ds_cstr(&a.told), "end-of-rib\n");
    ds_clear(&a.told);
    ds_clear(&b.told);

    reload(base);
    client_is_told(&a, TOLD_A " in=100\n");
    client_is_told(&b, "");
    join(&b, 200);
    client_is_told(&a, TOLD_A " in=101 out=10.0.0.2/200\n");
    client_is_told(&b, TOLD_B " in=200 out=10.0.0.1/101\n");

    /* It goes without a word, also to one that is about to be told. */
    leave(&b);
    reload(only_red);
    client_is_told(&a, "");
    client_is_told(&b, "");
    reload(base);
    client_is_told(&a, TOLD_A " in=102\n");
    client_is_told(&b, "");
}

static void
members__instance_goes_and_returns__told_anew(void **state)
{
    /* With a block of one label the place is the same. */
    client_put_tree(&a, BLUE, "10.0.0.1", 100, 100, true);
    client_is_told(&a, TOLD_A " in=100\n");
    reload(only_red);
    reload(base);
    client_is_told(&a, TOLD_A " in=100\n");

    /* What is not known any more is not retracted. */
    reload(only_red);
    leave(&a);
    reload(base);
    client_is_told(&a, "");
    join(&a, 500);
    client_is_told(&a, TOLD_A " in=500\n");
}

static void
members__no_ribout__not_in_the_tree(void **state)
{
    client_subscribe(&c, false, BLUE, 5);
    client_stanzas(&c, "<iq type='set' from='c' to='" XMPP_CONTROL_JID
                   "/bgp-peer'><pubsub><subscribe node='" BLUE "'><options>"
                   "<instance-id>5</instance-id><no-ribout>true</no-ribout>"
                   "</options></subscribe></pubsub></iq>", 0);
    join(&c, 300);
    join(&a, 100);
    client_is_told(&a, TOLD_A " in=100\n");
    client_is_told(&c, "");
}

/* Bad input. */

#define PUBLISH(GROUP, NEXT_HOPS)                                       \
    "<iq type='set' from='a' to='" XMPP_CONTROL_JID "/bgp-peer'>"       \
    "<pubsub><publish node='1/241/" BLUE "/255.255.255.255'><item>"     \
    "<entry><nlri><af>1</af><safi>241</safi><group>" GROUP "</group>"   \
    "<source>0.0.0.0</source></nlri><next-hops>" NEXT_HOPS              \
    "</next-hops></entry></item></publish></pubsub></iq>"               \
    "<iq type='set' from='a' to='" XMPP_CONTROL_JID "/bgp-peer'>"       \
    "<pubsub><collection node='" BLUE "'>"                              \
    "<associate node='1/241/" BLUE "/255.255.255.255'/></collection>"   \
    "</pubsub></iq>"
#define ALL "255.255.255.255"
#define HOP(ADDRESS, LABEL, ENCAP)                                      \
    "<next-hop><af>1</af><address>" ADDRESS "</address><label>" LABEL   \
    "</label><tunnel-encapsulation-list><tunnel-encapsulation>" ENCAP   \
    "</tunnel-encapsulation></tunnel-encapsulation-list></next-hop>"

static void
publish__bad__skipped_and_the_old_one_stays(void **state)
{
    static const char *const bad[] = {
        PUBLISH(ALL, HOP("10.0.0.1", "100", "udp")),
        PUBLISH(ALL, HOP("10.0.0.1", "0-0", "udp")),
        PUBLISH(ALL, HOP("10.0.0.1", "0-100", "udp")),
        PUBLISH(ALL, HOP("10.0.0.1", "101-100", "udp")),
        PUBLISH(ALL, HOP("10.0.0.1", "", "udp")),
        PUBLISH(ALL, HOP("0.0.0.0", "100-199", "udp")),
        PUBLISH(ALL, HOP("", "100-199", "udp")),
        PUBLISH(ALL, HOP("224.0.0.1", "100-199", "udp")),
        PUBLISH(ALL, HOP("2001:db8::1", "100-199", "udp")),
        PUBLISH(ALL, ""),
        PUBLISH(ALL, HOP("10.0.0.1", "100-199", "udp")
                     HOP("10.0.0.2", "100-199", "udp")),
        PUBLISH("0.0.0.0", HOP("10.0.0.1", "100-199", "udp")),
        PUBLISH("", HOP("10.0.0.1", "100-199", "udp")),
        PUBLISH("x", HOP("10.0.0.1", "100-199", "udp")),
    };

    join(&a, 500);
    join(&b, 200);
    client_is_told(&a, TOLD_A " in=500 out=10.0.0.2/200\n");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        client_stanzas(&a, bad[i], 0);
        assert_int_equal(ctrl_peer_counters(a.peer)->bad_items, i + 1);
    }
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    client_is_told(&a, "");

    /* Legal, and no tree of ours. */
    client_stanzas(&a, PUBLISH("225.1.1.1",
                               HOP("10.0.0.1", "100-199", "udp")), 0);
    assert_int_equal(ctrl_peer_counters(a.peer)->ignored, 1);
    /* Nobody can send to it. */
    client_stanzas(&a, PUBLISH(ALL, HOP("10.0.0.1", "100-199", "smoke")), 0);
    client_is_told(&a, GONE_A);
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
}

static void
publish__encapsulations__neighbours_get_them(void **state)
{
    const struct ctrl_rib_client *client = ctrl_peer_client(b.peer);
    struct ctrl_rib_client_stats stats;

    client_stanzas(&a, PUBLISH(ALL, HOP("10.0.0.1", "100-199", "udp")), 0);
    join(&b, 200);
    client_is_told(&b, TOLD_B " in=200 out=10.0.0.1/100\n");
    /* A change of nothing else is one. */
    client_stanzas(&a, PUBLISH(ALL, HOP("10.0.0.1", "100-199", "gre")), 0);
    client_is_told(&b, TOLD_B " in=201 out=10.0.0.1/101\n");
    ctrl_rib_client_stats(client, &stats);
    assert_int_equal(stats.n_trees, 1);
    assert_int_equal(stats.n_routes, 0);
}

static void
publish__without_subscription__closed(void **state)
{
    client_subscribe(&a, false, BLUE, 5);
    join(&a, 100);
    assert_int_equal(a.closed, XMPP_CLOSE_ILLEGAL_ORDER);
    client_subscribe(&b, false, BLUE, 5);
    leave(&b);
    assert_int_equal(b.closed, XMPP_CLOSE_ILLEGAL_ORDER);
}

static void
publish__without_instance_id__closed(void **state)
{
    client_stanzas(&a, "<iq type='set' from='a' to='" XMPP_CONTROL_JID
                   "/bgp-peer'><pubsub><subscribe node='" RED "'/></pubsub>"
                   "</iq>", 0);
    client_put_tree(&a, RED, "10.0.0.1", 100, 199, true);
    assert_int_equal(a.closed, XMPP_CLOSE_ILLEGAL_ORDER);
}

/* A client that goes, with many others in many trees. */
static void
flush__many_trees__bounded_in_a_turn(void **state)
{
    enum { N_NETWORKS = 200, N_CLIENTS = 12 };
    struct ds yaml = DS_EMPTY_INITIALIZER;
    struct client clients[N_CLIENTS];
    char names[N_CLIENTS][8];
    int n_turns = 0;

    ds_put_cstr(&yaml, "networks:\n");
    for (int i = 0; i < N_NETWORKS; i++) {
        ds_put_format(&yaml, "- {name: n%d, vni: %d}\n", i, i + 1);
    }
    reload(ds_cstr(&yaml));
    ds_destroy(&yaml);
    for (int i = 0; i < N_CLIENTS; i++) {
        char *ip = xasprintf("10.0.1.%d", i + 1);

        snprintf(names[i], sizeof names[i], "m%d", i);
        open_from(&clients[i], names[i], ip);
        for (int j = 0; j < N_NETWORKS; j++) {
            char *instance = xasprintf("default-domain:default-project:n%d:"
                                       "n%d", j, j);

            client_subscribe(&clients[i], true, instance, j + 1);
            client_put_tree(&clients[i], instance, ip, 1000, 1999, true);
            free(instance);
        }
        free(ip);
    }
    while (!ctrl_core_run(core, 0)) {
        continue;
    }
    for (int i = 1; i < N_CLIENTS; i++) {
        ds_clear(&clients[i].told);
    }

    client_quit(&clients[0]);
    size_t most = 0, total = 0;
    for (bool more = true; more; n_turns++) {
        size_t n = 0;

        more = !ctrl_core_run(core, 0);
        for (int i = 1; i < N_CLIENTS; i++) {
            for (size_t j = 0; j < clients[i].told.length; j++) {
                n += clients[i].told.string[j] == '\n';
            }
            ds_clear(&clients[i].told);
        }
        most = MAX(most, n);
        total += n;
    }
    assert_int_equal(total, N_NETWORKS * (N_CLIENTS - 1));
    assert_in_range(most, 1, 256);
    assert_true(n_turns > 4);
    for (int i = 1; i < N_CLIENTS; i++) {
        client_quit(&clients[i]);
    }
}

static void
for_each_member_cb(const char *instance, const struct ctrl_tree_member *m,
                   void *ds)
{
    ds_put_format(ds, "%s %s %"PRIu32" %"PRIuSIZE"\n", instance, m->name,
                  m->label, m->n_neighbours);
}

static void
show__members__in_order(void **state)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    join(&b, 200);
    join(&a, 100);
    client_is_told(&c, "");
    ctrl_rib_for_each_member(ctrl_core_rib(core), for_each_member_cb, &ds);
    assert_string_equal(ds_cstr(&ds), BLUE " a 100 1\n" BLUE " b 200 1\n");
    ds_clear(&ds);
    /* Before it is built again. */
    join(&c, 300);
    ctrl_rib_for_each_member(ctrl_core_rib(core), for_each_member_cb, &ds);
    assert_string_equal(ds_cstr(&ds),
                        BLUE " a 0 0\n" BLUE " b 0 0\n" BLUE " c 0 0\n");
    ds_destroy(&ds);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tree__a_few_members__linked_in_order),
        cmocka_unit_test(tree__any_size__each_member_reaches_all_once),
        cmocka_unit_test(tree__22_members__three_levels),
        cmocka_unit_test(tree__order__distinguisher_then_router_then_name),
        cmocka_unit_test(labels__each_build__the_next_ones),
        cmocka_unit_test(labels__broken_tree__has_none),
        cmocka_unit_test(labels__exhausted__left_out_without_a_gap),
        cmocka_unit_test(labels__overlapping_blocks__no_label_twice),
        TEST(members__join_and_leave__only_they_are_told),
        TEST(members__many_changes_at_once__told_once),
        TEST(members__change_what_they_offer__tree_is_built_anew),
        TEST(members__unsubscribe_or_go__others_are_told),
        TEST(members__session_is_lost__leave_at_once),
        TEST(members__of_two_instances__share_the_block),
        TEST(members__labels_exhausted__left_out_until_one_is_free),
        TEST(members__same_address__all_in_the_tree),
        TEST(members__no_ipv4_address__known_by_their_next_hop),
        TEST(members__blocked__told_the_latest_later),
        TEST(members__instance_unknown__wait_for_it),
        TEST(members__instance_goes_and_returns__told_anew),
        TEST(members__no_ribout__not_in_the_tree),
        TEST(publish__bad__skipped_and_the_old_one_stays),
        TEST(publish__encapsulations__neighbours_get_them),
        TEST(publish__without_subscription__closed),
        TEST(publish__without_instance_id__closed),
        TEST(flush__many_trees__bounded_in_a_turn),
        TEST(show__members__in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
