/* SPDX-License-Identifier: Apache-2.0 */
/* Which networks are served, with a speaker that only remembers. */
#include <config.h>
#include "replication/tree/networks.h"

#include <stdlib.h>

#include "repl_rig.h"

static void
networks__none_yet__empty_table(void **state)
{
    struct rig *rig = *state;

    run(rig);
    assert_int_equal(rig->n_published, 1);
    assert_int_equal(rig->table->n_networks, 0);
    run(rig);
    assert_int_equal(rig->n_published, 1);
}

static void
networks__come_and_go__subscribed_and_published(void **state)
{
    struct xmpp_network both[] = { net("blue", 1, 100), net("red", 2, 200) };
    struct xmpp_network later[] = { net("blue", 1, 100), net("red", 2, 0) };
    struct rig *rig = *state;

    set_view(rig, both, 2);
    expect(rig, "subscribe blue 1\npublish blue 100 10.0.0.11\n"
                "subscribe red 2\npublish red 200 10.0.0.11\n");
    assert_non_null(forwarded(rig, 100));
    assert_non_null(forwarded(rig, 200));

    set_view(rig, later, 2);            /* No VNI any more. */
    expect(rig, "withdraw red 200\nunsubscribe red\n");
    assert_non_null(forwarded(rig, 100));
    assert_null(forwarded(rig, 200));
    assert_null(repl_networks_find(rig->rn, 200));

    set_view(rig, NULL, 0);
    expect(rig, "withdraw blue 100\nunsubscribe blue\n");
    assert_int_equal(rig->table->n_networks, 0);
}

static void
networks__nothing_changed__nothing_published(void **state)
{
    struct xmpp_network networks[] = { net("blue", 1, 100) };
    struct xmpp_network copy[] = { net("blue", 1, 100) };
    struct rig *rig = *state;

    set_view(rig, networks, 1);
    int n = rig->n_published;
    ds_clear(&rig->sp.log);
    set_view(rig, copy, 1);
    repl_networks_routes_changed(rig->rn, "blue");
    repl_networks_routes_changed(rig->rn, "unknown");
    run(rig);
    expect(rig, "");
    assert_int_equal(rig->n_published, n);
}

static void
networks__one_of_many_changed__only_that_is_built(void **state)
{
    struct xmpp_network networks[] = { net("blue", 1, 100),
                                       net("red", 2, 200) };
    struct xmpp_network red = net("red", 2, 200);
    struct xmpp_vmi vmis[] = {
        { .name = CONST_CAST(char *, "a"), .network = &networks[0] },
        { .name = CONST_CAST(char *, "b"), .network = &networks[1] },
    };
    struct xmpp_vmi other = { .name = CONST_CAST(char *, "a"),
                              .network = &networks[0] };
    const struct xmpp_network *network_pointers[] = { &networks[0],
                                                      &networks[1] };
    const struct xmpp_vmi *vmi_pointers[] = { &vmis[0], &vmis[1] };
    struct xmpp_view view = {
        .networks = network_pointers, .n_networks = 2,
        .vmis = vmi_pointers, .n_vmis = 2,
    };
    struct rig *rig = *state;

    repl_networks_set_view(rig->rn, &view);
    run(rig);
    repl_networks_set_view(rig->rn, &view);
    assert_false(repl_networks_is_pending(rig->rn));

    const struct repl_network *n100 = repl_networks_find(rig->rn, 100);
    const struct repl_network *n200 = repl_networks_find(rig->rn, 200);
    vmi_pointers[0] = &other;
    repl_networks_set_view(rig->rn, &view);
    assert_false(ovs_list_is_empty(&n100->dirty_node));
    assert_true(ovs_list_is_empty(&n200->dirty_node));
    run(rig);

    network_pointers[1] = &red;
    vmi_pointers[1] = NULL;
    view.n_vmis = 1;
    repl_networks_set_view(rig->rn, &view);
    assert_true(ovs_list_is_empty(&n100->dirty_node));
    assert_false(ovs_list_is_empty(&n200->dirty_node));
    run(rig);
}

/* Row 95 of spec G. */
static void
networks__vni_or_id_changes__key_of_then_withdrawn(void **state)
{
    struct xmpp_network before[] = { net("blue", 1, 100) };
    struct xmpp_network vni[] = { net("blue", 1, 200) };
    struct xmpp_network id[] = { net("blue", 9, 200) };
    struct rig *rig = *state;

    set_view(rig, before, 1);
    ds_clear(&rig->sp.log);
    set_view(rig, vni, 1);
    expect(rig, "withdraw blue 100\npublish blue 200 10.0.0.11\n");
    assert_null(forwarded(rig, 100));
    assert_non_null(forwarded(rig, 200));
    set_view(rig, id, 1);
    expect(rig, "subscribe blue 9\n");
}

static void
networks__control_word_changes__forwarded_with_it(void **state)
{
    struct xmpp_network without[] = { net("blue", 1, 100) };
    struct xmpp_network with[] = { net("blue", 1, 100) };
    struct rig *rig = *state;

    with[0].control_word = true;
    set_view(rig, without, 1);
    assert_false(forwarded(rig, 100)->net.flags & FWD_NET_CONTROL_WORD);
    ds_clear(&rig->sp.log);
    set_view(rig, with, 1);
    assert_true(forwarded(rig, 100)->net.flags & FWD_NET_CONTROL_WORD);
    set_view(rig, without, 1);
    assert_false(forwarded(rig, 100)->net.flags & FWD_NET_CONTROL_WORD);
    expect(rig, "");            /* The cloud need not be told. */
}

/* Row 97: the first keeps it, the second gets it when the first lets go. */
static void
networks__same_vni__first_claim_wins(void **state)
{
    struct xmpp_network first[] = { net("red", 2, 100) };
    struct xmpp_network both[] = { net("blue", 1, 100), net("red", 2, 100) };
    struct xmpp_network released[] = { net("blue", 1, 100),
                                       net("red", 2, 300) };
    struct rig *rig = *state;
    size_t n;

    set_view(rig, first, 1);
    ds_clear(&rig->sp.log);
    set_view(rig, both, 2);
    expect(rig, "");
    assert_string_equal(repl_networks_find(rig->rn, 100)->instance, "red");
    const struct repl_network **sorted = repl_networks_sorted(rig->rn, &n);
    assert_int_equal(n, 2);
    assert_string_equal(sorted[0]->instance, "blue");
    assert_false(sorted[0]->served);
    assert_true(sorted[0]->blocked);
    assert_true(sorted[1]->served);
    free(sorted);

    set_view(rig, released, 2);
    expect(rig, "withdraw red 100\nsubscribe blue 1\n"
                "publish blue 100 10.0.0.11\npublish red 300 10.0.0.11\n");
    assert_string_equal(repl_networks_find(rig->rn, 100)->instance, "blue");

    /* And one that moves to a VNI that is taken loses its subscription. */
    set_view(rig, both, 2);
    expect(rig, "withdraw red 300\nunsubscribe red\n");
}

static void
networks__vnis_swapped__both_served(void **state)
{
    struct xmpp_network before[] = { net("blue", 1, 100), net("red", 2, 200) };
    struct xmpp_network after[] = { net("blue", 1, 200), net("red", 2, 100) };
    struct rig *rig = *state;

    set_view(rig, before, 2);
    set_view(rig, after, 2);
    assert_string_equal(repl_networks_find(rig->rn, 100)->instance, "red");
    assert_string_equal(repl_networks_find(rig->rn, 200)->instance, "blue");
    assert_int_equal(rig->table->n_networks, 2);
}

static void
networks__route_learnt__only_its_network_anew(void **state)
{
    struct xmpp_network networks[] = { net("blue", 1, 100),
                                       net("red", 2, 200) };
    struct tunnel_dst leaf = { .label = 100, .encaps = TSN_ENCAP_VXLAN };
    struct xmpp_evpn route = {
        .tag = 100, .mac = eth_addr_broadcast, .plen = 32,
        .leaf_olist = &leaf, .n_leaf_olist = 1,
    };
    struct rig *rig = *state;

    assert_int_equal(tsn_ip_parse("10.0.1.1", &leaf.ip), 0);
    set_view(rig, networks, 2);
    const struct fwd_network *red = forwarded(rig, 200);
    int n = rig->n_published;

    rig->sp.routes_of = "blue";
    rig->sp.route = &route;
    repl_networks_routes_changed(rig->rn, "blue");
    repl_networks_routes_changed(rig->rn, "blue");
    run(rig);
    assert_int_equal(rig->n_published, n + 1);
    assert_int_equal(forwarded(rig, 100)->n_members[FWD_TOR], 1);
    assert_ptr_equal(forwarded(rig, 200), red);

    /* Counters survive the change. */
    assert_ptr_equal(forwarded(rig, 100)->counters,
                     repl_networks_find(rig->rn, 100)->counters);
}

static void
networks__interfaces__found_by_network_and_mac(void **state)
{
    struct xmpp_network networks[] = { net("blue", 1, 100),
                                       net("red", 2, 200) };
    struct eth_addr macs[] = {
        { { { 2, 0, 0, 0, 0, 9 } } }, { { { 2, 0, 0, 0, 0, 1 } } },
        { { { 2, 0, 0, 0, 0, 5 } } },
    };
    struct xmpp_vmi vmis[] = {
        { .name = CONST_CAST(char *, "a"), .mac = macs[0],
          .network = &networks[1] },
        { .name = CONST_CAST(char *, "b"), .mac = macs[1],
          .network = &networks[1] },
        { .name = CONST_CAST(char *, "c"), .mac = macs[1],
          .network = &networks[0] },
        { .name = CONST_CAST(char *, "d"), .mac = macs[2], .network = NULL },
    };
    const struct xmpp_network *network_pointers[] = { &networks[0],
                                                      &networks[1] };
    const struct xmpp_vmi *vmi_pointers[] = { &vmis[0], &vmis[1], &vmis[2],
                                              &vmis[3] };
    struct xmpp_view view = {
        .networks = network_pointers, .n_networks = 2,
        .vmis = vmi_pointers, .n_vmis = ARRAY_SIZE(vmis),
    };
    struct rig *rig = *state;

    repl_networks_set_view(rig->rn, &view);
    run(rig);
    const struct repl_network *blue = repl_networks_find(rig->rn, 100);
    const struct repl_network *red = repl_networks_find(rig->rn, 200);
    assert_int_equal(blue->n_vmis, 1);
    assert_int_equal(red->n_vmis, 2);
    assert_ptr_equal(repl_network_find_vmi(blue, macs[1]), &vmis[2]);
    assert_ptr_equal(repl_network_find_vmi(red, macs[1]), &vmis[1]);
    assert_ptr_equal(repl_network_find_vmi(red, macs[0]), &vmis[0]);
    assert_null(repl_network_find_vmi(blue, macs[0]));
    assert_null(repl_network_find_vmi(red, macs[2]));
}

/* More than a turn may take: the rest comes in the next ones, nothing is
 * lost. */
static void
networks__thousands__built_over_several_turns(void **state)
{
    enum { N = 2000 };
    struct xmpp_network *networks = xcalloc(N, sizeof *networks);
    const struct xmpp_network **pointers = xcalloc(N, sizeof *pointers);
    struct xmpp_view view = { .networks = pointers, .n_networks = N };
    struct rig *rig = *state;
    int turns = 0;

    for (int i = 0; i < N; i++) {
        networks[i] = net(xasprintf("net%04d", i), i + 1, i + 1);
        pointers[i] = &networks[i];
    }
    repl_networks_set_view(rig->rn, &view);
    for (; repl_networks_is_pending(rig->rn); turns++) {
        repl_networks_run(rig->rn, rig->now_ms);
    }
    assert_int_equal(rig->table->n_networks, N);
    assert_true(rig->n_published <= turns);
    set_view(rig, NULL, 0);
    for (int i = 0; i < N; i++) {
        free(networks[i].instance);
    }
    free(pointers);
    free(networks);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) \
        cmocka_unit_test_setup_teardown(NAME, rig_setup, rig_teardown)
        TEST(networks__none_yet__empty_table),
        TEST(networks__come_and_go__subscribed_and_published),
        TEST(networks__nothing_changed__nothing_published),
        TEST(networks__one_of_many_changed__only_that_is_built),
        TEST(networks__vni_or_id_changes__key_of_then_withdrawn),
        TEST(networks__control_word_changes__forwarded_with_it),
        TEST(networks__same_vni__first_claim_wins),
        TEST(networks__vnis_swapped__both_served),
        TEST(networks__route_learnt__only_its_network_anew),
        TEST(networks__interfaces__found_by_network_and_mac),
        TEST(networks__thousands__built_over_several_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
