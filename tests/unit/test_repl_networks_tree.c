/* SPDX-License-Identifier: Apache-2.0 */
/* Trees and labels of the networks, and what holds over a change of what is
 * published (spec/tsn-dataplane.md A.3.1, A.5, A.8, G.7). */
#include <config.h>
#include "replication/tree/networks.h"

#include <stdlib.h>

#include "repl_rig.h"
#include "tests/unit/ip.h"

/* 4 labels are for EVPN, 14 for the trees of each control node. */
#define FIRST 100
#define LAST 131
#define BLOCKS " 118-131 104-117\n"

static int
setup(void **state)
{
    return rig_setup_with(state, (struct repl_identity) {
        .first_label = FIRST, .last_label = LAST,
    });
}

static int
setup_no_forwarding(void **state)
{
    return rig_setup_with(state, (struct repl_identity) {
        .first_label = FIRST, .last_label = LAST, .no_forwarding = true,
    });
}

/* Has the control nodes give "blue" this list of switches under that key. */
static void
learn(struct rig *rig, struct xmpp_evpn *route, uint32_t tag,
      struct tunnel_dst *leaves, size_t n_leaves)
{
    *route = (struct xmpp_evpn) {
        .tag = tag, .mac = eth_addr_broadcast, .plen = 32,
        .leaf_olist = leaves, .n_leaf_olist = n_leaves,
    };
    rig->sp.routes_of = "blue";
    rig->sp.route = route;
    repl_networks_routes_changed(rig->rn, "blue");
    run(rig);
}

static void
forget(struct rig *rig)
{
    rig->sp.routes_of = NULL;
    repl_networks_routes_changed(rig->rn, "blue");
    run(rig);
}

static size_t
n_members(const struct rig *rig, uint32_t vni, enum fwd_class class)
{
    const struct fwd_network *network = forwarded(rig, vni);

    return network ? network->n_members[class] : 0;
}

/* Row 94: both publications, although nobody is there. */
static void
tree__network_comes__joined_with_labels_of_each_control_node(void **state)
{
    struct xmpp_network networks[] = { net("blue", 1, 100) };
    struct rig *rig = *state;

    set_view(rig, networks, 1);
    expect(rig, "subscribe blue 1\njoin blue" BLOCKS
                "publish blue 100 10.0.0.11\n");
    set_view(rig, networks, 1);
    expect(rig, "");
}

/* Row 95.  The tree knows of no VNI: who stays in it costs the others no
 * rebuild, and us no frame. */
static void
tree__vni_changes__place_stays(void **state)
{
    struct xmpp_network before[] = { net("blue", 1, 100) };
    struct xmpp_network after[] = { net("blue", 1, 200) };
    struct tunnel_dst c1 = { ip("10.0.0.21"), 30000, TSN_ENCAP_MPLS_UDP };
    struct rig *rig = *state;

    set_view(rig, before, 1);
    rig->sp.tree_of = "blue";
    rig->sp.tree = (struct xmpp_tree) {
        .label = 118, .neighbours = &c1, .n_neighbours = 1,
    };
    repl_networks_tree_changed(rig->rn, "blue");
    run(rig);
    assert_int_equal(n_members(rig, 100, FWD_TREE), 1);
    ds_clear(&rig->sp.log);

    set_view(rig, after, 1);
    expect(rig, "withdraw blue 100\npublish blue 200 10.0.0.11\n");
    assert_null(forwarded(rig, 100));
    assert_int_equal(n_members(rig, 200, FWD_TREE), 1);
    assert_int_equal(forwarded(rig, 200)->labels[0].label, 118);
}

static void
tree__place_changes__published_once(void **state)
{
    struct xmpp_network networks[] = { net("blue", 1, 100),
                                       net("red", 2, 200) };
    struct tunnel_dst neighbours[] = {
        { ip("10.0.0.21"), 30000, TSN_ENCAP_MPLS_UDP },
        { ip("10.0.0.22"), 30001, TSN_ENCAP_MPLS_UDP },
    };
    struct rig *rig = *state;

    set_view(rig, networks, 2);
    int n = rig->n_published;
    const struct fwd_network *red = forwarded(rig, 200);
    rig->sp.tree_of = "blue";
    rig->sp.tree = (struct xmpp_tree) {
        .label = 118, .neighbours = neighbours, .n_neighbours = 2,
    };
    repl_networks_tree_changed(rig->rn, "blue");
    repl_networks_tree_changed(rig->rn, "unknown");
    run(rig);
    assert_int_equal(rig->n_published, n + 1);
    assert_int_equal(n_members(rig, 100, FWD_TREE), 2);
    assert_ptr_equal(forwarded(rig, 200), red);

    /* Another builder has it, which makes no difference to a frame. */
    rig->sp.tree.sequence++;
    rig->sp.tree.stale = true;
    repl_networks_tree_changed(rig->rn, "blue");
    run(rig);
    assert_int_equal(rig->n_published, n + 1);

    /* An old label that ends does. */
    rig->sp.tree.old_labels[rig->sp.tree.n_old_labels++] = 119;
    repl_networks_tree_changed(rig->rn, "blue");
    run(rig);
    assert_int_equal(rig->n_published, n + 2);
    assert_int_equal(forwarded(rig, 100)->n_labels, 2);
    rig->sp.tree.n_old_labels = 0;
    repl_networks_tree_changed(rig->rn, "blue");
    run(rig);
    assert_int_equal(rig->n_published, n + 3);
    assert_int_equal(forwarded(rig, 100)->n_labels, 1);
}

/* Row 97, as far as the tree is concerned. */
static void
tree__vni_of_another__not_joined(void **state)
{
    struct xmpp_network first[] = { net("red", 2, 100) };
    struct xmpp_network both[] = { net("blue", 1, 100), net("red", 2, 100) };
    struct xmpp_network last[] = { net("blue", 1, 100) };
    struct rig *rig = *state;

    set_view(rig, first, 1);
    ds_clear(&rig->sp.log);
    set_view(rig, both, 2);
    expect(rig, "");
    assert_false(sset_contains(&rig->sp.joined, "blue"));
    set_view(rig, last, 1);
    expect(rig, "withdraw red 100\nunsubscribe red\nsubscribe blue 1\n"
                "join blue" BLOCKS "publish blue 100 10.0.0.11\n");
}

/* Row 96.  The control nodes take the lists back before they give them
 * again. */
static void
encapsulation__flips__lists_hold_until_others_come(void **state)
{
    struct xmpp_network networks[] = { net("blue", 1, 100) };
    struct tunnel_dst leaves[] = {
        { ip("10.0.1.1"), 100, TSN_ENCAP_VXLAN },
        { ip("10.0.1.2"), 100, TSN_ENCAP_VXLAN },
    };
    struct xmpp_evpn route;
    struct rig *rig = *state;

    set_view(rig, networks, 1);
    learn(rig, &route, 100, leaves, 2);
    assert_int_equal(n_members(rig, 100, FWD_TOR), 2);
    ds_clear(&rig->sp.log);

    rig->encap = TSN_ENCAP_MPLS_GRE;
    set_view(rig, networks, 1);
    expect(rig, "withdraw blue 100\npublish blue 0 10.0.0.11 mpls 100\n");
    assert_int_equal(n_members(rig, 100, FWD_TOR), 2);
    assert_int_equal(forwarded(rig, 100)->n_labels, 1);
    assert_int_equal(forwarded(rig, 100)->labels[0].kind, FWD_LABEL_EVPN);
    int n = rig->n_published;
    forget(rig);
    assert_int_equal(n_members(rig, 100, FWD_TOR), 2);
    assert_int_equal(rig->n_published, n);
    learn(rig, &route, 0, leaves, 1);
    assert_int_equal(n_members(rig, 100, FWD_TOR), 1);

    /* And back; the label stays valid for what is on its way. */
    rig->encap = TSN_ENCAP_VXLAN;
    set_view(rig, networks, 1);
    expect(rig, "withdraw blue 0\npublish blue 100 10.0.0.11\n");
    forget(rig);
    assert_int_equal(n_members(rig, 100, FWD_TOR), 1);
    assert_int_equal(forwarded(rig, 100)->labels[0].label, 100);

    /* Not for ever. */
    uint64_t due = repl_networks_due_ms(rig->rn);
    assert_in_range(due, rig->now_ms + 1, rig->now_ms + 60000);
    rig->now_ms = due - 1;
    run(rig);
    assert_int_equal(n_members(rig, 100, FWD_TOR), 1);
    rig->now_ms = due;
    run(rig);
    assert_int_equal(n_members(rig, 100, FWD_TOR), 0);
    assert_true(repl_networks_due_ms(rig->rn) == UINT64_MAX);
}

/* With all control nodes gone, or one that is only starting, nothing is known
 * that could take the place of the lists. */
static void
encapsulation__flips_before_a_restart__lists_hold_longer(void **state)
{
    struct xmpp_network networks[] = { net("blue", 1, 100) };
    struct tunnel_dst leaves[] = {
        { ip("10.0.1.1"), 100, TSN_ENCAP_VXLAN },
        { ip("10.0.1.2"), 100, TSN_ENCAP_VXLAN },
    };
    struct xmpp_evpn route;
    struct rig *rig = *state;

    set_view(rig, networks, 1);
    learn(rig, &route, 100, leaves, 2);
    rig->encap = TSN_ENCAP_MPLS_GRE;
    set_view(rig, networks, 1);
    rig->sp.whole = false;
    forget(rig);
    for (int i = 0; i < 3; i++) {
        rig->now_ms = repl_networks_due_ms(rig->rn);
        run(rig);
        assert_int_equal(n_members(rig, 100, FWD_TOR), 2);
    }
    learn(rig, &route, 0, leaves, 1);
    assert_int_equal(n_members(rig, 100, FWD_TOR), 2);
    rig->sp.whole = true;
    repl_networks_run(rig->rn, rig->now_ms);
    run(rig);
    assert_int_equal(n_members(rig, 100, FWD_TOR), 1);
}

static void
id__changes__lists_hold_until_others_come(void **state)
{
    struct xmpp_network before[] = { net("blue", 1, 100) };
    struct xmpp_network after[] = { net("blue", 9, 100) };
    struct tunnel_dst leaf = { ip("10.0.1.1"), 100, TSN_ENCAP_VXLAN };
    struct xmpp_evpn route;
    struct rig *rig = *state;

    set_view(rig, before, 1);
    learn(rig, &route, 100, &leaf, 1);
    ds_clear(&rig->sp.log);
    set_view(rig, after, 1);
    expect(rig, "subscribe blue 9\n");
    forget(rig);
    assert_int_equal(n_members(rig, 100, FWD_TOR), 1);
    learn(rig, &route, 100, &leaf, 1);
    rig->now_ms = repl_networks_due_ms(rig->rn);
    run(rig);
    assert_int_equal(n_members(rig, 100, FWD_TOR), 1);
    /* The switch goes for good. */
    forget(rig);
    assert_int_equal(n_members(rig, 100, FWD_TOR), 0);
}

/* Row 105: a list that is taken back by itself ends at once, or the switch
 * would get two copies. */
static void
list__taken_back__ends_at_once(void **state)
{
    struct xmpp_network networks[] = { net("blue", 1, 100) };
    struct tunnel_dst leaf = { ip("10.0.1.1"), 100, TSN_ENCAP_VXLAN };
    struct xmpp_evpn route;
    struct rig *rig = *state;

    set_view(rig, networks, 1);
    learn(rig, &route, 100, &leaf, 1);
    forget(rig);
    assert_int_equal(n_members(rig, 100, FWD_TOR), 0);
}

static void
encapsulations__mpls_priorities_change__sent_otherwise(void **state)
{
    struct xmpp_network networks[] = { net("blue", 1, 100) };
    struct tunnel_dst c1 = { ip("10.0.0.21"), 30000,
                             TSN_ENCAP_MPLS_UDP | TSN_ENCAP_MPLS_GRE };
    struct rig *rig = *state;

    rig->encap = TSN_ENCAP_MPLS_GRE;
    set_view(rig, networks, 1);
    rig->sp.tree_of = "blue";
    rig->sp.tree = (struct xmpp_tree) {
        .label = 118, .neighbours = &c1, .n_neighbours = 1,
    };
    repl_networks_tree_changed(rig->rn, "blue");
    run(rig);
    const struct fwd_network *blue = forwarded(rig, 100);
    assert_int_equal(blue->members[blue->first[FWD_TREE]].encap,
                     FWD_MPLS_GRE);
    ds_clear(&rig->sp.log);
    rig->encap = TSN_ENCAP_MPLS_UDP;
    set_view(rig, networks, 1);
    expect(rig, "");
    blue = forwarded(rig, 100);
    assert_int_equal(blue->members[blue->first[FWD_TREE]].encap,
                     FWD_MPLS_UDP);
}

/* Row 104: the others are not affected. */
static void
labels__evpn_at_their_end__vxlan_instead(void **state)
{
    struct xmpp_network networks[] = {
        net("a", 1, 101), net("b", 2, 102), net("c", 3, 103),
        net("d", 4, 104), net("e", 5, 105),
    };
    struct repl_label_usage usage;
    struct rig *rig = *state;

    rig->encap = TSN_ENCAP_MPLS_UDP;
    set_view(rig, networks, 5);
    repl_networks_get_labels(rig->rn, &usage);
    assert_int_equal(usage.n_evpn_labels, 4);
    assert_int_equal(usage.n_evpn, 4);
    assert_int_equal(usage.n_evpn_wanting, 1);
    assert_non_null(strstr(ds_cstr(&rig->sp.log),
                           "publish d 0 10.0.0.11 mpls 103\n"));
    assert_non_null(strstr(ds_cstr(&rig->sp.log),
                           "publish e 105 10.0.0.11\n"));
    assert_int_equal(forwarded(rig, 105)->n_labels, 0);
    ds_clear(&rig->sp.log);

    /* One goes, and its label comes to the one that waits for it. */
    set_view(rig, networks + 1, 4);
    expect(rig, "withdraw a 0\nunsubscribe a\nwithdraw e 105\n"
                "publish e 0 10.0.0.11 mpls 100\n");
    repl_networks_get_labels(rig->rn, &usage);
    assert_int_equal(usage.n_evpn_wanting, 0);
    set_view(rig, NULL, 0);
    repl_networks_get_labels(rig->rn, &usage);
    assert_int_equal(usage.n_evpn, 0);
    assert_int_equal(usage.n_trees, 0);
}

static void
labels__trees__counted(void **state)
{
    struct xmpp_network networks[15];
    struct repl_label_usage usage;
    struct rig *rig = *state;

    for (int i = 0; i < 15; i++) {
        networks[i] = net(xasprintf("net%02d", i), i + 1, i + 1);
    }
    set_view(rig, networks, 15);
    rig->sp.tree_of = "net03";
    rig->sp.tree = (struct xmpp_tree) { .label = 118 };
    repl_networks_get_labels(rig->rn, &usage);
    assert_int_equal(usage.n_trees, 15);
    assert_int_equal(usage.n_placed, 1);
    assert_int_equal(usage.n_tree_labels, 14);
    set_view(rig, NULL, 0);
    for (int i = 0; i < 15; i++) {
        free(networks[i].instance);
    }
}

/* Spec A.8; rows 108 and 109. */
static void
no_forwarding__elected_or_not__serves_or_not(void **state)
{
    struct xmpp_network blue = net("blue", 1, 100);
    const struct xmpp_network *network_pointer = &blue;
    struct xmpp_switch q = { .vtep = ip("10.0.2.1") };
    const struct xmpp_switch *switch_pointer = &q;
    struct xmpp_view view = {
        .networks = &network_pointer, .n_networks = 1,
        .switches = &switch_pointer, .n_switches = 1,
    };
    struct tunnel_dst olist[] = {
        { ip("10.0.2.1"), 100, TSN_ENCAP_VXLAN },
        { ip("10.0.2.2"), 100, TSN_ENCAP_VXLAN },
    };
    struct xmpp_evpn route = {
        .tag = 100, .mac = eth_addr_broadcast, .plen = 32,
        .olist = olist, .n_olist = 2,
    };
    struct rig *rig = *state;

    rig->sp.routes_of = "blue";
    rig->sp.route = &route;
    repl_networks_set_view(rig->rn, &view);
    run(rig);
    /* It forwards for nobody, so it is in no tree. */
    expect(rig, "subscribe blue 1\npublish blue 100 10.0.0.11\n");
    assert_int_equal(n_members(rig, 100, FWD_EVPN), 0);
    repl_networks_set_master(rig->rn, true);
    run(rig);
    assert_int_equal(n_members(rig, 100, FWD_EVPN), 1);
    view.n_switches = 0;
    repl_networks_set_view(rig->rn, &view);
    run(rig);
    assert_int_equal(n_members(rig, 100, FWD_EVPN), 0);
    view.n_switches = 1;
    repl_networks_set_view(rig->rn, &view);
    run(rig);
    assert_int_equal(n_members(rig, 100, FWD_EVPN), 1);
    repl_networks_set_master(rig->rn, false);
    run(rig);
    assert_int_equal(n_members(rig, 100, FWD_EVPN), 0);
    int n = rig->n_published;
    repl_networks_set_master(rig->rn, false);
    run(rig);
    assert_int_equal(rig->n_published, n);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, rig_teardown)
        TEST(tree__network_comes__joined_with_labels_of_each_control_node),
        TEST(tree__vni_changes__place_stays),
        TEST(tree__place_changes__published_once),
        TEST(tree__vni_of_another__not_joined),
        TEST(encapsulation__flips__lists_hold_until_others_come),
        TEST(encapsulation__flips_before_a_restart__lists_hold_longer),
        TEST(id__changes__lists_hold_until_others_come),
        TEST(list__taken_back__ends_at_once),
        TEST(encapsulations__mpls_priorities_change__sent_otherwise),
        TEST(labels__evpn_at_their_end__vxlan_instead),
        TEST(labels__trees__counted),
        cmocka_unit_test_setup_teardown(
            no_forwarding__elected_or_not__serves_or_not,
            setup_no_forwarding, rig_teardown),
    };

    return cmocka_run_group_tests_name("repl_networks_tree", tests, NULL,
                                       NULL);
}
