/* SPDX-License-Identifier: Apache-2.0 */
/* A replicator's networks, with the real speaker, and two control nodes over
 * loopback that come and go, change lists and trees, and forget in between;
 * at random.  Whatever the sequence, what is published in the end is what is
 * built anew out of the final state, and no set published on the way lacks a
 * member that was there before and is after. */
#include <config.h>

#include <stdlib.h>

#include "repl_cloud.h"

#define N_SEEDS 120
#define N_ACTIONS 60

/* What may happen.  Each leaves all settled. */

static struct cn *
pick_cn(struct live *live)
{
    return &live->cns[pick(live, 2)];
}

static void
act_list(struct live *live, enum fwd_class class)
{
    int net = pick(live, N_NETS);

    live->lists[net].of[class] ^= 1 << pick(live, N_ENDPOINTS);
    for (int i = 0; i < 2; i++) {
        struct cn *cn = &live->cns[i];

        cn->nets[net].lists.of[class] = live->lists[net].of[class];
        if (class == FWD_TREE) {
            cn_tell_place(cn, net, true);
        } else {
            cn_tell_lists(cn, net);
        }
    }
}

static void
act_no_switch(struct live *live)
{
    int net = pick(live, N_NETS);

    live->lists[net].of[FWD_TOR] = live->lists[net].of[FWD_EVPN] = 0;
    for (int i = 0; i < 2; i++) {
        live->cns[i].nets[net].lists.of[FWD_TOR] = 0;
        live->cns[i].nets[net].lists.of[FWD_EVPN] = 0;
        cn_tell_lists(&live->cns[i], net);
    }
}

static void
act_rebake(struct live *live)
{
    int net = pick(live, N_NETS);

    live->neighbour_label[net] += 10;
    for (int i = 0; i < 2; i++) {
        cn_tell_place(&live->cns[i], net, pick(live, 2));
    }
}

static void
act_kill(struct live *live)
{
    struct cn *cn = pick_cn(live);

    if (cn->server) {
        cn_kill(cn);
        wait_down(live, cn->index);
    }
}

static void
act_start(struct live *live, bool to_the_end)
{
    struct cn *cn = pick_cn(live);

    if (!cn->server) {
        cn_start(cn, true);
        settle(live);
        if (to_the_end) {
            cn_complete(cn);
            settle(live);
            cn_end_of_rib(cn);
        }
    }
}

/* A restart between two looks at the clock. */
static void
act_restart(struct live *live)
{
    struct cn *cn = pick_cn(live);

    if (cn->server) {
        cn_kill(cn);
        cn_start(cn, true);
        wait_down(live, cn->index);
        cn_complete(cn);
        settle(live);
        cn_end_of_rib(cn);
    }
}

/* Control nodes take back what they gave for what is withdrawn, and answer to
 * what is published instead, at once or later. */
static void
publish_anew(struct live *live)
{
    bool slow = pick(live, 2);

    live->cns[0].slow = live->cns[1].slow = slow;
    live_set_view(live);
    settle(live);
    for (int i = 0; i < 2; i++) {
        live->cns[i].slow = false;
        for (int net = 0; net < N_NETS; net++) {
            cn_answer(&live->cns[i], net);
        }
    }
}

static void
act_flip(struct live *live)
{
    live->encap = live->encap == TSN_ENCAP_VXLAN ? TSN_ENCAP_MPLS_UDP
                                                 : TSN_ENCAP_VXLAN;
    publish_anew(live);
}

static void
act_id(struct live *live)
{
    live->id[pick(live, N_NETS)] += 10;
    publish_anew(live);
}

/* Who does not build says something; who does takes back something else. */
static void
act_noise(struct live *live)
{
    struct cn *cn = pick_cn(live);
    int net = pick(live, N_NETS);

    if (!cn->session) {
        return;
    }
    if (!cn->nets[net].joined) {
        cn_send_retract(cn, XMPP_FAMILY_MCAST, net,
                        "10.0.0.11:1:255.255.255.255,0.0.0.0");
    }
    cn_send_retract(cn, XMPP_FAMILY_MCAST, net,
                    "10.0.0.99:1:255.255.255.255,0.0.0.0");
    cn_tell_lists(cn, net);
    cn_tell_place(cn, net, false);
}

static void
act(struct live *live)
{
    switch (pick(live, 15)) {
    case 0: case 1:
        act_list(live, FWD_TOR);
        break;
    case 2: case 3:
        act_list(live, FWD_EVPN);
        break;
    case 4: case 5:
        act_list(live, FWD_TREE);
        break;
    case 6:
        act_no_switch(live);
        break;
    case 7:
        act_rebake(live);
        break;
    case 8:
        act_kill(live);
        break;
    case 9:
        act_start(live, true);
        break;
    case 10:
        act_start(live, false);
        break;
    case 11:
        act_restart(live);
        break;
    case 12:
        act_flip(live);
        break;
    case 13:
        act_id(live);
        break;
    case 14:
        if (pick(live, 2)) {
            act_noise(live);
        } else {
            age(live);
        }
        break;
    }
    settle(live);
}

/* Checks. */

static void
check_act(struct live *live, int at)
{
    struct lists before[N_NETS];

    for (int i = 0; i < N_NETS; i++) {
        struct xmpp_tree tree;

        before[i] = members_of(live->table, i);
        memset(&live->always[i], 0xff, sizeof live->always[i]);
        assert_true(xmpp_speaker_get_tree(live->speaker, names[i], &tree));
        live->label_before[i] = tree.label;
    }
    live->label_lost = false;
    uint64_t skew_ms = live->skew_ms;
    act(live);
    for (int i = 0; i < N_NETS; i++) {
        struct lists after = members_of(live->table, i);

        for (int class = 0; class < FWD_N_CLASSES; class++) {
            uint8_t stayed = before[i].of[class] & after.of[class];

            if (stayed & ~live->always[i].of[class]) {
                fail_msg("action %d: %s of %s: %02x stayed, only %02x "
                         "always", at, fwd_class_name(class), names[i],
                         stayed, live->always[i].of[class]);
            }
        }
    }
    if (live->label_lost && live->skew_ms == skew_ms) {
        fail_msg("action %d: the label before is not accepted", at);
    }
}

static struct fwd_network *
build_anew(struct live *live, int net)
{
    const struct peer *peer = live->speaker->tree_builder;
    const struct cn_net *at_builder = &live->cns[peer->slot].nets[net];
    const struct repl_network *n = repl_networks_find(live->rn, VNI(net));
    struct tunnel_dst olist[N_ENDPOINTS], leaves[N_ENDPOINTS];
    struct tunnel_dst neighbours[N_ENDPOINTS];
    struct repl_identity self = { .seed = 7 };
    struct xmpp_view view = {
        .globals = { .encaps = { live->encap }, .n_encaps = 1 },
    };
    const struct xmpp_evpn route = {
        .tag = live->encap == TSN_ENCAP_VXLAN ? VNI(net) : 0,
        .mac = eth_addr_broadcast, .plen = 32,
        .olist = olist, .leaf_olist = leaves,
        .n_olist = make_list(live, net, &live->lists[net], FWD_EVPN, olist),
        .n_leaf_olist = make_list(live, net, &live->lists[net], FWD_TOR,
                                  leaves),
    };
    const struct xmpp_tree tree = {
        .label = at_builder->label, .neighbours = neighbours,
        .n_neighbours = make_list(live, net, &live->lists[net], FWD_TREE,
                                  neighbours),
    };
    struct repl_rules rules;
    unsigned int n_unreachable;

    assert_int_equal(tsn_ip_parse("10.0.0.11", &self.address), 0);
    repl_rules_init(&rules, false);
    repl_rules_set_view(&rules, &view);
    struct repl_builder *b = repl_builder_create(&self, &rules, n->config);
    repl_builder_set_published(b, &route);
    repl_builder_add_route(b, &route, false);
    repl_builder_add_tree(b, &tree);
    repl_builder_add_evpn_label(b, n->evpn_label);
    struct fwd_network *fwd = repl_builder_finish(b, n->counters,
                                                  &n_unreachable);
    assert_int_equal(n_unreachable, 0);
    repl_rules_fini(&rules);
    return fwd;
}

/* All control nodes are there and have told all, and nothing of before is
 * held any more. */
static void
check_end(struct live *live)
{
    for (int i = 0; i < 2; i++) {
        if (!live->cns[i].server) {
            cn_start(&live->cns[i], false);
        }
        cn_complete(&live->cns[i]);
    }
    settle(live);
    cn_end_of_rib(&live->cns[0]);
    cn_end_of_rib(&live->cns[1]);
    settle(live);
    age(live);
    settle(live);
    for (int i = 0; i < N_NETS; i++) {
        struct fwd_network *expected = build_anew(live, i);
        const struct fwd_net *found = fwd_find_net(live->table, VNI(i));

        assert_non_null(found);
        struct lists is = members_of(live->table, i);
        for (int class = 0; class < FWD_N_CLASSES; class++) {
            assert_int_equal(is.of[class], live->lists[i].of[class]);
        }
        assert_true(fwd_network_equals(fwd_network_of(found), expected));
        fwd_network_unref(expected);
    }
}

static void
networks__random_events__nothing_breaks_and_the_end_is_right(
    void **state OVS_UNUSED)
{
    const char *only = getenv("TSN_SEED");

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    for (unsigned int seed = 1; seed <= N_SEEDS; seed++) {
        if (only && (unsigned int) atoi(only) != seed) {
            continue;
        }
        print_message("seed %u\n", seed);
        struct live *live = live_create(seed);
        for (int i = 0; i < N_ACTIONS; i++) {
            check_act(live, i);
        }
        check_end(live);
        live_destroy(live);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            networks__random_events__nothing_breaks_and_the_end_is_right),
    };

    return cmocka_run_group_tests_name("repl_random", tests, NULL, NULL);
}
