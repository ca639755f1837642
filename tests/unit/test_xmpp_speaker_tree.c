/* SPDX-License-Identifier: Apache-2.0 */
/* Multicast trees in the speaker: who is told what, who is listened to, and
 * what is kept of it (spec/tsn-dataplane.md A.6, A.10, G.7 98-102). */
#include <config.h>

#include "tests/unit/tree_rig.h"
#include "tests/unit/xmpp-config.h"
#include "xmpp/view.h"

#include <errno.h>

#define RI "default-domain:demo:red:red"
#define RI2 "default-domain:demo:blue:blue"
#define ID "10.0.0.1:5:255.255.255.255,0.0.0.0"

/* The builder and the other one. */
static struct control_node *b, *o;

static int
setup(void **state)
{
    struct rig *rig = rig_create("tsn1");

    rig_run_until(rig, rig_both_up, rig);
    b = &rig->nodes[rig->speaker->tree_builder->slot];
    o = b == &rig->nodes[0] ? &rig->nodes[1] : &rig->nodes[0];
    rig_expect(b, "open\n");
    rig_expect(o, "open\n");
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    rig_destroy(*state);
    return 0;
}

static struct xmpp_tree_offer
make_offer(const char *next_hop, uint32_t first0, uint32_t last0,
           uint32_t first1, uint32_t last1)
{
    struct xmpp_tree_offer offer = {
        .labels = { { first0, last0 }, { first1, last1 } },
    };

    assert_int_equal(tsn_ip_parse(next_hop, &offer.next_hop), 0);
    return offer;
}

static int
join(struct rig *rig, const char *instance)
{
    struct xmpp_tree_offer offer = make_offer("10.0.0.1", 100, 199, 200, 299);

    return xmpp_speaker_join_tree(rig->speaker, instance, &offer);
}

/* The first label that 'node' may give, and what it is told. */
static uint32_t
first_label(const struct control_node *node)
{
    return node == &node->rig->nodes[0] ? 100 : 200;
}

static void
expect_told(struct control_node *node, const char *before, const char *verb)
{
    char *told = xasprintf("%s%s " RI " 10.0.0.1 %s\n", before, verb,
                           first_label(node) == 100 ? "100-199" : "200-299");

    rig_expect(node, told);
    free(told);
}

static void
subscribe_and_join(struct rig *rig)
{
    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    assert_int_equal(join(rig, RI), 0);
    expect_told(b, "subscribe " RI " 5\n", "join");
    rig_expect(o, "subscribe " RI " 5\n");
}

static void
send_event(struct control_node *node, const char *instance,
           const char *content)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    xmpp_put_event_begin(&out, "tsn1", XMPP_FAMILY_MCAST, instance);
    ds_put_cstr(&out, content);
    xmpp_put_event_end(&out);
    xmpp_session_send(node->session, ds_cstr(&out), out.length);
    ds_destroy(&out);
}

/* Gives the place with that label and the neighbours "IP/LABEL IP/LABEL". */
static void
send_place_as(struct control_node *node, const char *instance,
              const char *id, uint32_t label, const char *neighbours)
{
    struct tunnel_dst olist[100];
    struct xmpp_mcast route = { .source_label = label, .olist = olist };
    struct ds entry = DS_EMPTY_INITIALIZER, item = DS_EMPTY_INITIALIZER;
    char *copy = xstrdup(neighbours), *save;

    for (char *word = strtok_r(copy, " ", &save); word;
         word = strtok_r(NULL, " ", &save)) {
        struct tunnel_dst *dst = &olist[route.n_olist++];
        char *slash = strchr(word, '/');

        *slash = '\0';
        assert_int_equal(tsn_ip_parse(word, &dst->ip), 0);
        dst->label = atoi(slash + 1);
        dst->encaps = TSN_ENCAP_MPLS_GRE | TSN_ENCAP_MPLS_UDP;
    }
    xmpp_mcast_encode_notify(&entry, &route);
    xmpp_put_item(&item, id, ds_cstr(&entry));
    send_event(node, instance, ds_cstr(&item));
    ds_destroy(&item);
    ds_destroy(&entry);
    free(copy);
}

static void
send_place(struct control_node *node, const char *instance, uint32_t label,
           const char *neighbours)
{
    send_place_as(node, instance, ID, label, neighbours);
}

static void
send_end_of_rib(struct control_node *node)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    xmpp_put_server_end_of_rib(&out, "tsn1");
    xmpp_session_send(node->session, ds_cstr(&out), out.length);
    ds_destroy(&out);
}

static bool
has_changed(void *rig_)
{
    struct rig *rig = rig_;

    return rig->changed.length > 0;
}

static void
assert_place(struct rig *rig, const char *instance, const char *expected)
{
    char *place = rig_place(rig, instance);

    assert_string_equal(place, expected);
    free(place);
}

/* Waits for a change of 'instance', and compares its place. */
static void
expect_place(struct rig *rig, const char *instance, const char *expected)
{
    char *line = xasprintf("%s\n", instance);

    rig_run_until(rig, has_changed, rig);
    assert_string_equal(ds_cstr(&rig->changed), line);
    ds_clear(&rig->changed);
    free(line);
    assert_place(rig, instance, expected);
}

/* Formats a place, with labels relative to the first of 'node'. */
static void
expect_label(struct rig *rig, const struct control_node *node, int label,
             int previous, const char *rest)
{
    uint32_t first = first_label(node);
    char *place = xasprintf("label=%u previous=%u %s",
                            label < 0 ? 0 : first + label,
                            previous < 0 ? 0 : first + previous, rest);

    expect_place(rig, RI, place);
    free(place);
}

static struct peer *
peer_of(const struct control_node *node)
{
    return &node->rig->speaker->peers[node - node->rig->nodes];
}

static bool
has_ignored(void *rig_)
{
    struct rig *rig = rig_;

    return rig->speaker->n_trees_ignored > 0;
}

static bool
has_bad_item(void *node)
{
    return peer_of(node)->n_bad_items > 0;
}

static bool
has_retract(void *node)
{
    return peer_of(node)->n_retracts > 0;
}

static bool
is_synced(void *node)
{
    return peer_of(node)->synced;
}

static bool
is_down(void *node)
{
    return !peer_of(node)->up;
}

static bool
is_up(void *node_)
{
    struct control_node *node = node_;

    return peer_of(node)->up && node->session;
}

/* Telling. */

static void
join__in_one_turn_with_the_subscription__told_in_order(void **state)
{
    subscribe_and_join(*state);
    /* Again is nothing new. */
    assert_int_equal(join(*state, RI), 0);
    rig_run_until(*state, rig_all_told, *state);
    rig_expect(b, "");
}

static void
join__what_must_not_leave__refused(void **state)
{
    static const struct {
        const char *next_hop;
        uint32_t labels[4];
        int error;
    } cases[] = {
        { "0.0.0.0", { 100, 199, 200, 299 }, -EINVAL },
        { "224.0.0.1", { 100, 199, 200, 299 }, -EINVAL },
        { "2001:db8::1", { 100, 199, 200, 299 }, -EINVAL },
        { "10.0.0.1", { 199, 100, 200, 299 }, -EINVAL },
        { "10.0.0.1", { 100, 199, 0, 299 }, -EINVAL },
        { "10.0.0.1", { 100, 199, 200, 0x100000 }, -EINVAL },
        { "10.0.0.1", { 100, 200, 200, 299 }, -EINVAL },
        { "10.0.0.1", { 200, 299, 100, 200 }, -EINVAL },
        { "10.0.0.1", { 200, 299, 100, 199 }, 0 },
        { "10.0.0.1", { 200, 200, 0, 0 }, 0 },
        { "10.0.0.1", { 0, 0, 0, 0 }, 0 },
    };
    struct rig *rig = *state;

    assert_int_equal(join(rig, RI), -ENOENT);
    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const uint32_t *l = cases[i].labels;
        struct xmpp_tree_offer offer = make_offer(cases[i].next_hop, l[0],
                                                  l[1], l[2], l[3]);

        assert_int_equal(xmpp_speaker_join_tree(rig->speaker, RI, &offer),
                         cases[i].error);
    }
    xmpp_speaker_unsubscribe(rig->speaker, RI);
    assert_int_equal(join(rig, RI), -ENOENT);
    rig_run_until(rig, rig_all_told, rig);
    rig_expect(b, "");
}

static void
join__no_labels_for_the_builder__not_told(void **state)
{
    struct rig *rig = *state;
    uint32_t first = first_label(b);
    struct xmpp_tree_offer offer = first == 100
        ? make_offer("10.0.0.1", 0, 0, 200, 299)
        : make_offer("10.0.0.1", 100, 199, 0, 0);

    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    assert_int_equal(xmpp_speaker_join_tree(rig->speaker, RI, &offer), 0);
    rig_expect(b, "subscribe " RI " 5\n");
    rig_expect(o, "subscribe " RI " 5\n");
    /* Labels for it come. */
    assert_int_equal(join(rig, RI), 0);
    expect_told(b, "", "join");
    /* And go. */
    assert_int_equal(xmpp_speaker_join_tree(rig->speaker, RI, &offer), 0);
    expect_told(b, "", "leave");
}

static void
leave__before_the_subscription_ends__told_in_order(void **state)
{
    struct rig *rig = *state;

    subscribe_and_join(rig);
    xmpp_speaker_leave_tree(rig->speaker, RI);
    assert_place(rig, RI, "none");
    expect_told(b, "", "leave");
    xmpp_speaker_leave_tree(rig->speaker, RI);
    assert_int_equal(join(rig, RI), 0);
    expect_told(b, "", "join");
    assert_int_equal(rig->speaker->n_trees, 1);

    xmpp_speaker_unsubscribe(rig->speaker, RI);
    char *told = xasprintf("leave " RI " 10.0.0.1 %s\nunsubscribe " RI " 5\n",
                           first_label(b) == 100 ? "100-199" : "200-299");
    rig_expect(b, told);
    free(told);
    rig_expect(o, "unsubscribe " RI " 5\n");
    assert_int_equal(rig->speaker->n_trees, 0);
    assert_true(shash_is_empty(&rig->speaker->wanted));
}

static void
leave__never_told__nothing_to_tell(void **state)
{
    struct rig *rig = *state;

    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    assert_int_equal(join(rig, RI), 0);
    xmpp_speaker_leave_tree(rig->speaker, RI);
    assert_int_equal(rig->speaker->n_trees, 0);
    rig_expect(b, "subscribe " RI " 5\n");
    rig_run_until(rig, rig_all_told, rig);
    rig_expect(b, "");
}

static void
leave_and_join__in_one_turn__place_is_kept(void **state)
{
    struct rig *rig = *state;

    subscribe_and_join(rig);
    send_place(b, RI, first_label(b), "10.0.0.2/20");
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/20/gre/udp");
    xmpp_speaker_leave_tree(rig->speaker, RI);
    assert_int_equal(join(rig, RI), 0);
    rig_run_until(rig, rig_all_told, rig);
    rig_expect(b, "");
    send_place(b, RI, first_label(b) + 1, "10.0.0.2/21");
    expect_label(rig, b, 1, 0, "1: 10.0.0.2/21/gre/udp");
}

static void
resubscribe__in_one_turn__all_anew(void **state)
{
    struct rig *rig = *state;

    subscribe_and_join(rig);
    send_place(b, RI, first_label(b), "10.0.0.2/20");
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/20/gre/udp");
    xmpp_speaker_unsubscribe(rig->speaker, RI);
    xmpp_speaker_subscribe(rig->speaker, RI, 5);
    assert_int_equal(join(rig, RI), 0);
    char *told = xasprintf("leave " RI " 10.0.0.1 %s\nunsubscribe " RI " 5\n"
                           "subscribe " RI " 5\n",
                           first_label(b) == 100 ? "100-199" : "200-299");
    expect_told(b, told, "join");
    free(told);
    struct xmpp_tree tree;
    assert_true(xmpp_speaker_get_tree(rig->speaker, RI, &tree));
    assert_int_equal(tree.label, 0);
    assert_int_equal(tree.n_neighbours, 0);
}

static void
offer__changes__left_and_joined_anew(void **state)
{
    struct rig *rig = *state;
    struct xmpp_tree_offer offer = make_offer("10.0.0.9", 300, 399, 400, 499);

    subscribe_and_join(rig);
    assert_int_equal(xmpp_speaker_join_tree(rig->speaker, RI, &offer), 0);
    char *told = xasprintf("leave " RI " 10.0.0.1 %s\n"
                           "join " RI " 10.0.0.9 %s\n",
                           first_label(b) == 100 ? "100-199" : "200-299",
                           first_label(b) == 100 ? "300-399" : "400-499");
    rig_expect(b, told);
    free(told);
    rig_run_until(rig, rig_all_told, rig);
    rig_expect(o, "");
}

static bool
has_heard_all(void *node_)
{
    struct control_node *node = node_;
    size_t n = 0;

    for (size_t i = 0; i < node->heard.length; i++) {
        n += node->heard.string[i] == '\n';
    }
    return n == 2 * 1200;
}

static void
join__many_instances__all_told(void **state)
{
    struct rig *rig = *state;
    struct xmpp_tree_offer offer = make_offer("10.0.0.1", 10000, 19999,
                                              20000, 29999);

    for (int i = 0; i < 1200; i++) {
        char *instance = xasprintf("ri%d", i);

        xmpp_speaker_subscribe(rig->speaker, instance, i + 1);
        assert_int_equal(xmpp_speaker_join_tree(rig->speaker, instance,
                                                &offer), 0);
        free(instance);
    }
    rig_run_until(rig, has_heard_all, b);
    assert_int_equal(rig->speaker->n_trees, 1200);
}

/* Listening. */

static void
place__tree_is_rebuilt__label_before_is_remembered(void **state)
{
    struct rig *rig = *state;

    subscribe_and_join(rig);
    assert_place(rig, RI, "label=0 previous=0 0 stale:");
    send_place(b, RI, first_label(b), "");
    expect_label(rig, b, 0, -1, "1:");
    send_place(b, RI, first_label(b) + 1, "10.0.0.2/20 10.0.0.3/30");
    expect_label(rig, b, 1, 0,
                 "1: 10.0.0.2/20/gre/udp 10.0.0.3/30/gre/udp");
    /* The same once more is no change, and often sent (wire/README.md 28). */
    send_place(b, RI, first_label(b) + 1, "10.0.0.2/20 10.0.0.3/30");
    send_place(b, RI, first_label(b) + 2, "10.0.0.2/20");
    expect_label(rig, b, 2, 1, "1: 10.0.0.2/20/gre/udp");
    /* Only a neighbour's label. */
    send_place(b, RI, first_label(b) + 2, "10.0.0.2/21");
    expect_label(rig, b, 2, 1, "1: 10.0.0.2/21/gre/udp");
    /* Back to the one before. */
    send_place(b, RI, first_label(b) + 1, "10.0.0.2/21");
    expect_label(rig, b, 1, 2, "1: 10.0.0.2/21/gre/udp");
    assert_int_equal(hmap_count(&rig->speaker->tree_labels), 3);
}

/* A line "LABEL..." of those before, relative to the first of the builder. */
static void
assert_old_labels(struct rig *rig, const char *expected)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct xmpp_tree tree;

    assert_true(xmpp_speaker_get_tree(rig->speaker, RI, &tree));
    for (size_t i = 0; i < tree.n_old_labels; i++) {
        ds_put_format(&ds, " %"PRIu32, tree.old_labels[i] - first_label(b));
    }
    assert_string_equal(ds_cstr(&ds), expected);
    ds_destroy(&ds);
}

/* Spec A.5.2: labels move with each rebuild, and what is on its way with the
 * old ones is not to be lost. */
static void
old_labels__many_rebuilds__last_ones_stay_for_a_while(void **state)
{
    struct rig *rig = *state;

    subscribe_and_join(rig);
    for (int i = 0; i < 6; i++) {
        send_place(b, RI, first_label(b) + i, "10.0.0.2/20");
        expect_label(rig, b, i, i - 1, "1: 10.0.0.2/20/gre/udp");
    }
    assert_old_labels(rig, " 4 3 2 1");
    assert_int_equal(hmap_count(&rig->speaker->tree_labels), 5);
    /* One that comes back is not old any more. */
    send_place(b, RI, first_label(b) + 2, "10.0.0.2/20");
    expect_label(rig, b, 2, 5, "1: 10.0.0.2/20/gre/udp");
    assert_old_labels(rig, " 5 4 3");

    uint64_t now = tsn_now_ms();
    tree_check(rig->speaker, now + 25000);
    assert_int_equal(rig->changed.length, 0);
    tree_check(rig->speaker, now + 31000);
    expect_label(rig, b, 2, -1, "1: 10.0.0.2/20/gre/udp");
    assert_old_labels(rig, "");
    assert_int_equal(hmap_count(&rig->speaker->tree_labels), 1);
}

/* The builder takes the place of the membership before away, and then gives
 * one of the new. */
static void
renew__place_before_is_retracted__kept_until_the_next(void **state)
{
    struct xmpp_tree_offer offer = make_offer("10.0.0.9", 300, 399, 400, 499);
    struct rig *rig = *state;
    uint32_t old = first_label(b), new = old == 100 ? 300 : 400;

    subscribe_and_join(rig);
    send_place(b, RI, old, "10.0.0.2/20");
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/20/gre/udp");
    assert_int_equal(xmpp_speaker_join_tree(rig->speaker, RI, &offer), 0);
    rig_run_until(rig, rig_all_told, rig);
    send_event(b, RI, "<retract id=\"" ID "\" />");
    rig_run_until(rig, has_retract, b);
    char *place = xasprintf("label=%u previous=0 1 stale: "
                            "10.0.0.2/20/gre/udp", old);
    assert_place(rig, RI, place);
    free(place);
    assert_int_equal(rig->changed.length, 0);
    send_place(b, RI, new, "10.0.0.3/30");
    place = xasprintf("label=%u previous=%u 1: 10.0.0.3/30/gre/udp", new, old);
    expect_place(rig, RI, place);
    tree_check(rig->speaker, tsn_now_ms() + 29000);
    assert_place(rig, RI, place);
    free(place);
}

static void
renew__no_place_any_more__forgotten_in_time(void **state)
{
    struct xmpp_tree_offer offer = make_offer("10.0.0.9", 300, 399, 400, 499);
    struct rig *rig = *state;

    subscribe_and_join(rig);
    send_place(b, RI, first_label(b), "10.0.0.2/20");
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/20/gre/udp");
    assert_int_equal(xmpp_speaker_join_tree(rig->speaker, RI, &offer), 0);
    rig_run_until(rig, rig_all_told, rig);
    uint64_t now = tsn_now_ms();
    ds_clear(&rig->changed);
    send_event(b, RI, "<retract id=\"" ID "\" />");
    rig_run_until(rig, has_retract, b);
    tree_check(rig->speaker, now + 29000);
    assert_int_equal(rig->changed.length, 0);
    tree_check(rig->speaker, tsn_now_ms() + 31000);
    expect_place(rig, RI, "label=0 previous=0 1:");
}

static void
place__not_from_the_builder__ignored(void **state)
{
    struct rig *rig = *state;

    subscribe_and_join(rig);
    send_place(o, RI, first_label(o), "10.0.0.2/20");
    rig_run_until(rig, has_ignored, rig);
    send_place(b, RI, first_label(b), "");
    expect_label(rig, b, 0, -1, "1:");
    send_event(o, RI, "<retract id=\"" ID "\" />");
    send_end_of_rib(o);
    rig_run_until(rig, is_synced, o);
    assert_int_equal(rig->speaker->n_trees_ignored, 2);
    char *place = xasprintf("label=%u previous=0 1:", first_label(b));
    assert_place(rig, RI, place);
    free(place);
    assert_int_equal(rig->changed.length, 0);
}

static void
place__retracted__forgotten_but_for_the_label(void **state)
{
    struct rig *rig = *state;

    subscribe_and_join(rig);
    send_place(b, RI, first_label(b), "10.0.0.2/20");
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/20/gre/udp");
    /* Another tree's. */
    send_event(b, RI, "<retract id=\"10.0.0.1:5:225.1.1.1,0.0.0.0\" />"
               "<retract />");
    send_event(b, RI, "<retract id=\"" ID "\" />");
    expect_label(rig, b, -1, 0, "1:");
    assert_int_equal(peer_of(b)->n_retracts, 3);
    send_event(b, RI, "<retract id=\"" ID "\" />");
    send_place(b, RI, first_label(b) + 5, "");
    expect_label(rig, b, 5, 0, "1:");
}

static void
place__same_under_another_id__outlives_the_old_one(void **state)
{
    struct rig *rig = *state;

    subscribe_and_join(rig);
    send_place(b, RI, first_label(b), "10.0.0.2/20");
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/20/gre/udp");
    send_place_as(b, RI, "10.0.0.1:6:255.255.255.255,0.0.0.0",
                  first_label(b), "10.0.0.2/20");
    send_event(b, RI, "<retract id=\"" ID "\" />");
    rig_run_until(rig, has_retract, b);
    char *place = xasprintf("label=%u previous=0 1: 10.0.0.2/20/gre/udp",
                            first_label(b));
    assert_place(rig, RI, place);
    free(place);
}

static void
place__bad__skipped_and_the_old_one_stays(void **state)
{
    struct rig *rig = *state;
    uint32_t first = first_label(b);
    struct ds many = DS_EMPTY_INITIALIZER;

    subscribe_and_join(rig);
    send_place(b, RI, first, "10.0.0.2/20");
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/20/gre/udp");
    for (int i = 0; i < 65; i++) {
        ds_put_format(&many, "10.0.1.%d/20 ", i);
    }
    send_place(b, RI, first - 1, "");
    send_place(b, RI, first + 100, "");
    send_place(b, RI, 0, "");
    send_place(b, RI, first + 1, ds_cstr(&many));
    send_event(b, RI, "<item><entry/></item><item id=\"" ID "\"/><x/>");
    send_event(b, RI, "<item id=\"" ID "\"><entry><nlri><af>1</af>"
               "<safi>241</safi><group>225.1.1.1</group></nlri></entry>"
               "</item>");
    /* Of an instance that we are not in, or do not even know. */
    xmpp_speaker_subscribe(rig->speaker, RI2, 6);
    send_place(b, RI2, first, "");
    send_place(b, "elsewhere", first, "");
    send_event(b, RI, "<retract id=\"x\"/>");
    rig_run_until(rig, has_retract, b);
    assert_int_equal(peer_of(b)->n_bad_items, 6);
    assert_int_equal(rig->changed.length, 0);
    ds_destroy(&many);
}

static void
place__bad_neighbours__left_out(void **state)
{
    struct rig *rig = *state;

    subscribe_and_join(rig);
    send_place(b, RI, first_label(b), "0.0.0.0/5 10.0.0.2/0 224.0.0.1/7 "
               "10.0.0.3/16777215 10.0.0.4/30");
    expect_label(rig, b, 0, -1, "1: 10.0.0.4/30/gre/udp");
    assert_true(has_bad_item(b));
}

static void
place__other_encapsulations__mpls_only(void **state)
{
#define HOP(IP, ENCAP) "<next-hop><address>" IP "</address><label>30</label>" \
    "<tunnel-encapsulation-list>" ENCAP "</tunnel-encapsulation-list>" \
    "</next-hop>"
#define ENCAP(S) "<tunnel-encapsulation>" S "</tunnel-encapsulation>"
    struct rig *rig = *state;

    subscribe_and_join(rig);
    char *item = xasprintf(
        "<item id=\"" ID "\"><entry><nlri><af>1</af><safi>241</safi>"
        "<group>255.255.255.255</group><source-label>%u</source-label></nlri>"
        "<olist>" HOP("10.0.0.2", "") HOP("10.0.0.3", ENCAP("vxlan"))
        HOP("10.0.0.4", ENCAP("udp") ENCAP("vxlan")) HOP("10.0.0.5",
        ENCAP("smoke")) "</olist></entry></item>", first_label(b));
    send_event(b, RI, item);
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/30/gre 10.0.0.3/30/gre "
                 "10.0.0.4/30/udp 10.0.0.5/30/gre");
    free(item);
}

static bool
both_have_changed(void *rig_)
{
    struct rig *rig = rig_;

    return strstr(ds_cstr(&rig->changed), RI "\n")
           && strstr(ds_cstr(&rig->changed), RI2 "\n");
}

static void
label__moves_to_another_instance__stands_for_that_only(void **state)
{
    struct rig *rig = *state;
    uint32_t first = first_label(b);
    struct xmpp_tree tree;

    subscribe_and_join(rig);
    send_place(b, RI, first, "10.0.0.2/20");
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/20/gre/udp");
    xmpp_speaker_subscribe(rig->speaker, RI2, 6);
    assert_int_equal(join(rig, RI2), 0);
    rig_run_until(rig, rig_all_told, rig);

    send_place(b, RI2, first, "10.0.0.3/30");
    rig_run_until(rig, both_have_changed, rig);
    ds_clear(&rig->changed);
    char *place = xasprintf("label=%u previous=0 1: 10.0.0.3/30/gre/udp",
                            first);
    assert_place(rig, RI2, place);
    free(place);
    assert_place(rig, RI, "label=0 previous=0 1: 10.0.0.2/20/gre/udp");
    send_place(b, RI, first + 1, "10.0.0.2/21");
    expect_label(rig, b, 1, -1, "1: 10.0.0.2/21/gre/udp");

    /* A label before is lost likewise. */
    send_place(b, RI, first + 2, "10.0.0.2/22");
    expect_label(rig, b, 2, 1, "1: 10.0.0.2/22/gre/udp");
    send_place(b, RI2, first + 1, "");
    rig_run_until(rig, both_have_changed, rig);
    assert_true(xmpp_speaker_get_tree(rig->speaker, RI, &tree));
    assert_int_equal(tree.n_old_labels, 0);
    assert_true(xmpp_speaker_get_tree(rig->speaker, RI2, &tree));
    assert_int_equal(tree.label, first + 1);
    assert_int_equal(tree.n_old_labels, 1);
    assert_int_equal(tree.old_labels[0], first);
}

static void
count_tree(const char *instance, const struct xmpp_tree *tree, void *n_)
{
    int *n = n_;

    assert_true(!strcmp(instance, RI) || !strcmp(instance, RI2));
    *n += tree->label ? 100 : 1;
}

static void
trees__all__those_that_are_joined(void **state)
{
    struct rig *rig = *state;
    int n = 0;

    subscribe_and_join(rig);
    xmpp_speaker_subscribe(rig->speaker, RI2, 6);
    assert_int_equal(join(rig, RI2), 0);
    send_place(b, RI, first_label(b), "");
    expect_label(rig, b, 0, -1, "1:");
    xmpp_speaker_for_each_tree(rig->speaker, count_tree, &n);
    assert_int_equal(n, 101);
    xmpp_speaker_leave_tree(rig->speaker, RI);
    n = 0;
    xmpp_speaker_for_each_tree(rig->speaker, count_tree, &n);
    assert_int_equal(n, 1);
}

/* The builder. */

static void
builder__lost__the_other_one_is_told(void **state)
{
    struct rig *rig = *state;
    uint32_t old = first_label(b), new = first_label(o);

    subscribe_and_join(rig);
    send_end_of_rib(o);
    rig_run_until(rig, is_synced, o);
    send_place(b, RI, old, "10.0.0.2/20");
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/20/gre/udp");

    rig_node_kill(b);
    expect_told(o, "", "join");
    assert_int_equal(rig->speaker->tree_sequence, 2);
    /* Nothing is lost before there is something better. */
    char *place = xasprintf("label=%u previous=0 1 stale: "
                            "10.0.0.2/20/gre/udp", old);
    assert_place(rig, RI, place);
    assert_int_equal(rig->changed.length, 0);
    /* It cannot take back what it has not given. */
    send_event(o, RI, "<retract id=\"" ID "\" />");
    rig_run_until(rig, has_retract, o);
    assert_place(rig, RI, place);
    free(place);
    send_place(o, RI, new, "10.0.0.3/30");
    place = xasprintf("label=%u previous=%u 2: 10.0.0.3/30/gre/udp", new,
                      old);
    expect_place(rig, RI, place);
    free(place);

    /* No pre-emption. */
    ds_clear(&b->heard);
    rig_node_start(b);
    rig_run_until(rig, is_up, b);
    rig_expect(b, "open\nsubscribe " RI " 5\n");
    rig_run_until(rig, rig_all_told, rig);
    assert_ptr_equal(rig->speaker->tree_builder, peer_of(o));
    rig_expect(b, "");
    rig_expect(o, "");
}

static void
builder__other_one_lost__nothing_changes(void **state)
{
    struct rig *rig = *state;

    subscribe_and_join(rig);
    send_place(b, RI, first_label(b), "10.0.0.2/20");
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/20/gre/udp");
    rig_node_kill(o);
    rig_run_until(rig, is_down, o);
    assert_int_equal(rig->speaker->tree_sequence, 1);
    assert_ptr_equal(rig->speaker->tree_builder, peer_of(b));
    rig_expect(b, "");
}

static void
builder__both_lost__place_is_kept_until_one_is_back(void **state)
{
    struct rig *rig = *state;
    uint32_t label = first_label(b);

    subscribe_and_join(rig);
    xmpp_speaker_subscribe(rig->speaker, RI2, 6);
    assert_int_equal(join(rig, RI2), 0);
    rig_run_until(rig, rig_all_told, rig);
    send_place(b, RI, label, "10.0.0.2/20");
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/20/gre/udp");
    send_place(b, RI2, label + 1, "");
    char *place = xasprintf("label=%u previous=0 1:", label + 1);
    expect_place(rig, RI2, place);
    free(place);

    rig_node_kill(o);
    rig_node_kill(b);
    rig_run_until(rig, is_down, b);
    rig_run_until(rig, is_down, o);
    assert_null(rig->speaker->tree_builder);
    assert_int_equal(rig->speaker->tree_sweep_ms, 0);
    place = xasprintf("label=%u previous=0 1 stale: 10.0.0.2/20/gre/udp",
                      label);
    assert_place(rig, RI, place);
    assert_int_equal(rig->changed.length, 0);

    /* The first that is back is the builder.  It gives one place, and by its
     * End-of-RIB no other. */
    ds_clear(&b->heard);
    rig_node_start(b);
    rig_run_until(rig, is_up, b);
    rig_run_until(rig, rig_all_told, rig);
    assert_ptr_equal(rig->speaker->tree_builder, peer_of(b));
    assert_place(rig, RI, place);
    free(place);
    place = xasprintf("label=%u previous=0 %"PRIu64": 10.0.0.2/25/gre/udp",
                      label, rig->speaker->tree_sequence);
    send_place(b, RI, label, "10.0.0.2/25");
    expect_place(rig, RI, place);
    send_end_of_rib(b);
    char *gone = xasprintf("label=0 previous=%u 1 stale:", label + 1);
    expect_place(rig, RI2, gone);
    assert_place(rig, RI, place);
    free(gone);
    free(place);
}

static void
builder__both_lost_for_too_long__place_goes(void **state)
{
    struct rig *rig = *state;

    subscribe_and_join(rig);
    send_place(b, RI, first_label(b), "10.0.0.2/20");
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/20/gre/udp");
    xmpp_speaker_set_holds(rig->speaker, 90, 300, 3600);
    rig_node_kill(rig->nodes);
    rig_node_kill(rig->nodes + 1);
    rig_run_until(rig, is_down, rig->nodes);
    rig_run_until(rig, is_down, rig->nodes + 1);
    uint64_t lost = rig->speaker->lost_ms;
    restart_check_frozen(rig->speaker, lost + 3600 * 1000 - 1);
    assert_int_equal(rig->changed.length, 0);
    restart_check_frozen(rig->speaker, lost + 3600 * 1000);
    expect_label(rig, b, -1, 0, "1 stale:");
}

static void
builder__end_of_rib__what_it_has_not_given_goes(void **state)
{
    struct rig *rig = *state;
    uint32_t old = first_label(b), new = first_label(o);

    subscribe_and_join(rig);
    xmpp_speaker_subscribe(rig->speaker, RI2, 6);
    assert_int_equal(join(rig, RI2), 0);
    rig_run_until(rig, rig_all_told, rig);
    send_place(b, RI, old, "10.0.0.2/20");
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/20/gre/udp");
    send_place(b, RI2, old + 1, "10.0.0.2/21");
    rig_run_until(rig, has_changed, rig);
    ds_clear(&rig->changed);

    rig_node_kill(b);
    rig_run_until(rig, is_down, b);
    send_place(o, RI, new, "10.0.0.3/30");
    char *place = xasprintf("label=%u previous=%u 2: 10.0.0.3/30/gre/udp",
                            new, old);
    expect_place(rig, RI, place);
    send_end_of_rib(o);
    char *gone = xasprintf("label=0 previous=%u 1 stale:", old + 1);
    expect_place(rig, RI2, gone);
    assert_place(rig, RI, place);
    assert_int_equal(rig->speaker->tree_sweep_ms, 0);
    free(gone);
    free(place);
}

static void
builder__no_end_of_rib__what_it_has_not_given_goes_in_time(void **state)
{
    struct rig *rig = *state;
    uint32_t old = first_label(b);

    subscribe_and_join(rig);
    send_end_of_rib(o);
    rig_run_until(rig, is_synced, o);
    send_place(b, RI, old, "10.0.0.2/20");
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/20/gre/udp");
    rig_node_kill(b);
    rig_run_until(rig, is_down, b);
    assert_true(rig->speaker->tree_sweep_ms > tsn_now_ms() + 50000);
    rig->speaker->tree_sweep_ms = 1;
    speaker_defer(rig->speaker, 0);
    expect_label(rig, b, -1, 0, "1 stale:");
    expect_told(o, "", "join");
}

static bool
has_graceful_restart(void *rig_)
{
    struct rig *rig = rig_;

    return rig->speaker->view->graceful_restart;
}

/* It may take that long to find out what it has to give. */
static void
builder__end_of_rib_is_late__place_is_kept_as_the_cloud_says(void **state)
{
    static const char config[]
        = "<iq type='set' to='tsn1/config'><config><update>"
          NODE("global-system-config", "g", "<graceful-restart-parameters>"
               "<enable>true</enable><end-of-rib-timeout>300"
               "</end-of-rib-timeout><xmpp-helper-enable>true"
               "</xmpp-helper-enable></graceful-restart-parameters>")
          "</update></config></iq>";
    struct rig *rig = *state;
    uint32_t old = first_label(b);

    /* The first that is up has the configuration, too. */
    xmpp_session_send(b->session, config, sizeof config - 1);
    rig_run_until(rig, has_graceful_restart, rig);
    subscribe_and_join(rig);
    send_place(b, RI, old, "10.0.0.2/20");
    expect_label(rig, b, 0, -1, "1: 10.0.0.2/20/gre/udp");
    rig_node_kill(b);
    rig_run_until(rig, is_down, b);

    uint64_t due = peer_of(o)->up_since_ms + 300000;
    restart_check(peer_of(o), due - 1);
    tree_check(rig->speaker, due - 1);
    char *place = xasprintf("label=%u previous=0 1 stale: "
                            "10.0.0.2/20/gre/udp", old);
    assert_place(rig, RI, place);
    free(place);
    restart_check(peer_of(o), due);
    expect_label(rig, b, -1, 0, "1 stale:");
    expect_told(o, "", "join");
}

static void
builder__lost_while_leaving__nothing_is_left(void **state)
{
    struct rig *rig = *state;

    subscribe_and_join(rig);
    xmpp_speaker_leave_tree(rig->speaker, RI);
    assert_int_equal(rig->speaker->n_trees, 1);
    rig_node_kill(b);
    rig_run_until(rig, is_down, b);
    assert_int_equal(rig->speaker->n_trees, 0);
    rig_run_until(rig, rig_all_told, rig);
    rig_expect(o, "");
}

int
main(void)
{
#define RIG_TEST(FN) cmocka_unit_test_setup_teardown(FN, setup, teardown)
    const struct CMUnitTest tests[] = {
        RIG_TEST(join__in_one_turn_with_the_subscription__told_in_order),
        RIG_TEST(join__what_must_not_leave__refused),
        RIG_TEST(join__no_labels_for_the_builder__not_told),
        RIG_TEST(leave__before_the_subscription_ends__told_in_order),
        RIG_TEST(leave__never_told__nothing_to_tell),
        RIG_TEST(leave_and_join__in_one_turn__place_is_kept),
        RIG_TEST(resubscribe__in_one_turn__all_anew),
        RIG_TEST(offer__changes__left_and_joined_anew),
        RIG_TEST(join__many_instances__all_told),
        RIG_TEST(place__tree_is_rebuilt__label_before_is_remembered),
        RIG_TEST(old_labels__many_rebuilds__last_ones_stay_for_a_while),
        RIG_TEST(renew__place_before_is_retracted__kept_until_the_next),
        RIG_TEST(renew__no_place_any_more__forgotten_in_time),
        RIG_TEST(place__not_from_the_builder__ignored),
        RIG_TEST(place__retracted__forgotten_but_for_the_label),
        RIG_TEST(place__same_under_another_id__outlives_the_old_one),
        RIG_TEST(place__bad__skipped_and_the_old_one_stays),
        RIG_TEST(place__bad_neighbours__left_out),
        RIG_TEST(place__other_encapsulations__mpls_only),
        RIG_TEST(label__moves_to_another_instance__stands_for_that_only),
        RIG_TEST(trees__all__those_that_are_joined),
        RIG_TEST(builder__lost__the_other_one_is_told),
        RIG_TEST(builder__other_one_lost__nothing_changes),
        RIG_TEST(builder__both_lost__place_is_kept_until_one_is_back),
        RIG_TEST(builder__both_lost_for_too_long__place_goes),
        RIG_TEST(builder__end_of_rib__what_it_has_not_given_goes),
        RIG_TEST(builder__no_end_of_rib__what_it_has_not_given_goes_in_time),
        RIG_TEST(builder__end_of_rib_is_late__place_is_kept_as_the_cloud_says),
        RIG_TEST(builder__lost_while_leaving__nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
