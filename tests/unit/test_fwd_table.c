/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that forwarding looks things up in. */
#include <config.h>
#include "replication/forwarder/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "fwd_fixture.h"

static struct fwd_network *
network(uint32_t vni, const struct fwd_in_label *labels, size_t n_labels,
        const struct fwd_member *members, size_t n_members)
{
    const struct fwd_network_spec spec = {
        .net.vni = vni,
        .labels = labels, .n_labels = n_labels,
        .members = members, .n_members = n_members,
    };
    struct fwd_net_counters *counters = fwd_net_counters_create();
    struct fwd_network *network = fwd_network_create(&spec, counters);

    fwd_net_counters_unref(counters);
    return network;
}

/* Takes the networks. */
static struct fwd_table *
table_of(struct fwd_network **networks, size_t n)
{
    struct fwd_table *table = fwd_table_create(networks, n);

    for (size_t i = 0; i < n; i++) {
        fwd_network_unref(networks[i]);
    }
    return table;
}

static void
expect_label(const struct fwd_table *table, uint32_t label, uint32_t vni,
             enum fwd_label_kind kind)
{
    enum fwd_label_kind found = FWD_N_LABEL_KINDS;
    const struct fwd_net *net = fwd_find_label(table, label, &found);

    assert_non_null(net);
    assert_int_equal(net->vni, vni);
    assert_int_equal(found, kind);
}

static void
fwd_label__of_a_network__leads_to_it_with_its_kind(void **state OVS_UNUSED)
{
    const struct fwd_in_label blue[] = {
        { 4700, FWD_LABEL_TREE }, { 16, FWD_LABEL_EVPN },
        { 4650, FWD_LABEL_TREE },
    };
    const struct fwd_in_label green[] = { { 4701, FWD_LABEL_TREE } };
    struct fwd_network *networks[] = {
        network(200, green, 1, NULL, 0), network(100, blue, 3, NULL, 0),
        network(300, NULL, 0, NULL, 0),
    };
    struct fwd_table *table = table_of(networks, 3);
    enum fwd_label_kind kind;

    assert_int_equal(table->n_labels, 4);
    assert_int_equal(table->n_conflicts, 0);
    expect_label(table, 4700, 100, FWD_LABEL_TREE);
    expect_label(table, 4650, 100, FWD_LABEL_TREE);
    expect_label(table, 16, 100, FWD_LABEL_EVPN);
    expect_label(table, 4701, 200, FWD_LABEL_TREE);
    assert_null(fwd_find_label(table, 4702, &kind));
    fwd_table_destroy(table);
}

static void
fwd_label__claimed_twice__stays_with_the_lowest_vni(void **state OVS_UNUSED)
{
    const struct fwd_in_label mine[] = {
        { 4700, FWD_LABEL_TREE }, { 4701, FWD_LABEL_TREE },
    };
    const struct fwd_in_label theirs[] = {
        { 4700, FWD_LABEL_EVPN }, { 4702, FWD_LABEL_TREE },
    };

    /* Whatever their order. */
    for (int swap = 0; swap < 2; swap++) {
        struct fwd_network *networks[3];

        networks[swap] = network(100, mine, 2, NULL, 0);
        networks[!swap] = network(200, theirs, 2, NULL, 0);
        networks[2] = network(150, mine, 1, NULL, 0);
        struct fwd_table *table = table_of(networks, 3);

        expect_label(table, 4700, 100, FWD_LABEL_TREE);
        expect_label(table, 4701, 100, FWD_LABEL_TREE);
        expect_label(table, 4702, 200, FWD_LABEL_TREE);
        assert_int_equal(table->n_conflicts, 2);
        assert_int_equal(table->conflicts[0].label, 4700);
        assert_int_equal(table->conflicts[0].vni, 100);
        assert_int_equal(table->conflicts[0].loser_vni, 150);
        assert_int_equal(table->conflicts[1].loser_vni, 200);
        fwd_table_destroy(table);
    }
}

static void
fwd_member__in_several_classes__has_all_of_them(void **state OVS_UNUSED)
{
    const struct fwd_member members[] = {
        { ip(T1), 4711, FWD_TREE, FWD_MPLS_UDP },
        { ip(Q), 100, FWD_EVPN, FWD_VXLAN },
        { ip(T1), 100, FWD_TOR, FWD_VXLAN },
    };
    struct fwd_network *n = network(100, NULL, 0, members, 3);
    struct fwd_ip t1 = ip(T1), t2 = ip(T2), q = ip(Q);

    assert_int_equal(fwd_find_classes(NULL, &n->net, &t1),
                     1 << FWD_TOR | 1 << FWD_TREE);
    assert_int_equal(fwd_find_classes(NULL, &n->net, &q), 1 << FWD_EVPN);
    assert_int_equal(fwd_find_classes(NULL, &n->net, &t2), 0);
    assert_int_equal(n->n_members[FWD_TREE], 1);
    assert_int_equal(n->members[n->first[FWD_TREE]].label, 4711);
    fwd_network_unref(n);
}

static void
fwd_network__with_other_labels_or_encapsulation__differs(
    void **state OVS_UNUSED)
{
    const struct fwd_in_label labels[] = {
        { 4700, FWD_LABEL_TREE }, { 4701, FWD_LABEL_TREE },
    };
    const struct fwd_in_label reversed[] = { labels[1], labels[0] };
    const struct fwd_in_label evpn[] = {
        labels[0], { 4701, FWD_LABEL_EVPN },
    };
    const struct fwd_member udp[] = { { ip(Q), 16, FWD_EVPN, FWD_MPLS_UDP } };
    const struct fwd_member gre[] = { { ip(Q), 16, FWD_EVPN, FWD_MPLS_GRE } };
    struct fwd_network *a = network(100, labels, 2, udp, 1);
    struct fwd_network *others[] = {
        network(100, labels, 1, udp, 1), network(100, evpn, 2, udp, 1),
        network(100, labels, 2, gre, 1), network(100, labels, 2, NULL, 0),
    };
    struct fwd_network *same = network(100, reversed, 2, udp, 1);

    assert_true(fwd_network_equals(a, same));
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        assert_false(fwd_network_equals(a, others[i]));
        fwd_network_unref(others[i]);
    }
    fwd_network_unref(same);
    fwd_network_unref(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fwd_label__of_a_network__leads_to_it_with_its_kind),
        cmocka_unit_test(fwd_label__claimed_twice__stays_with_the_lowest_vni),
        cmocka_unit_test(fwd_member__in_several_classes__has_all_of_them),
        cmocka_unit_test(
            fwd_network__with_other_labels_or_encapsulation__differs),
    };

    return cmocka_run_group_tests_name("fwd_table", tests, NULL, NULL);
}
