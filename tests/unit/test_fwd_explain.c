/* SPDX-License-Identifier: Apache-2.0 */
/* What is explained is what happens: the table of cases against the
 * explanation, octet by octet, and the words for some of them. */
#include <config.h>
#include "replication/forwarder/explain.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "fwd_cases.h"
#include "openvswitch/dynamic-string.h"

static void
explain_case(const struct fwd_table *table, const struct fwd_case *c,
             struct fwd_explain *e)
{
    struct fwd_host host = fwd_case_host();
    struct frame f;

    fwd_case_packet(c, &f);
    fwd_explain_packet(e, table, &host, f.data, f.size);
}

static const struct fwd_case *
case_called(const char *name)
{
    for (size_t i = 0; i < fwd_n_cases; i++) {
        if (!strcmp(fwd_cases[i].name, name)) {
            return &fwd_cases[i];
        }
    }
    fail_msg("no case \"%s\"", name);
    return NULL;
}

/* The packet of a copy. */
static void
assemble(const struct fwd_explain_copy *c, struct frame *f)
{
    f->size = 0;
    put(f, c->headers, c->ip_size + c->transport_size + c->tunnel_size);
    put(f, c->payload, c->copy.size);
}

/* Appends to 'errors' in what the copies are not the expected ones. */
static void
check_copies(const struct fwd_explain *e, const struct fwd_expected *want,
             struct ds *errors)
{
    unsigned int n = 0, lost[FWD_N_DROPS] = { 0 };
    struct fwd_explain_copies copies;
    struct fwd_explain_copy c;
    struct frame f;

    fwd_explain_copies_init(&copies, e);
    while (fwd_explain_copies_next(&copies, &c)) {
        if (c.fate == FWD_EXPLAIN_DROPPED) {
            lost[c.drop]++;
        }
        if (c.fate != FWD_EXPLAIN_SENT || n++ >= want->n_copies) {
            continue;
        }
        assemble(&c, &f);
        const char *difference = fwd_case_compare(&want->copies[n - 1],
                                                  f.data, f.size);
        if (difference) {
            ds_put_format(errors, " copy %u: %s;", n - 1, difference);
        }
    }
    if (n != want->n_copies || memcmp(lost, want->lost, sizeof lost)) {
        ds_put_format(errors, " %u copies instead of %zu, or others lost;",
                      n, want->n_copies);
    }
}

static void
check_verdict(const struct fwd_explain *e, const struct fwd_expected *want,
              struct ds *errors)
{
    const struct fwd_verdict *v = &e->verdict;
    int punt = v->action == FWD_PUNT || v->punt_too ? (int) v->punt : -1;
    bool lost = false;

    for (int drop = 0; drop < FWD_N_DROPS; drop++) {
        lost |= want->lost[drop] != 0;
    }
    if (v->action != want->action || v->drop != want->drop
        || punt != want->punt
        || e->nobody != (want->action == FWD_FLOOD && !want->n_copies
                         && !lost)) {
        ds_put_format(errors, " %s %s punt %d;", fwd_action_name(v->action),
                      fwd_drop_name(v->drop), punt);
    }
}

static void
explain__case__fate_and_copies(void **state)
{
    struct ds errors = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < fwd_n_cases; i++) {
        const struct fwd_case *c = &fwd_cases[i];
        struct fwd_expected *want = fwd_case_expect(c, c->fate);
        struct fwd_explain e;
        size_t before = errors.length;

        explain_case(*state, c, &e);
        check_verdict(&e, want, &errors);
        check_copies(&e, want, &errors);
        if (errors.length > before) {
            print_error("%s:%s\n", c->name, errors.string + before);
        }
        fwd_explain_fini(&e);
        free(want);
    }
    assert_int_equal(errors.length, 0);
    ds_destroy(&errors);
}

/* A case that is no more than a frame from somewhere, with a control word if
 * its network, WORDS, wants one. */
static bool
is_plain(const struct fwd_case *c)
{
    return !c->to && !c->odd && !c->port && !c->gre && !c->proto && !c->ttl
           && !c->control_word && !c->cut
           && c->has_control_word == (c->label == 4350);
}

/* From VNI or label, endpoint and frame comes what comes of the packet. */
static void
explain__frame__as_its_packet(void **state)
{
    static const enum fwd_encap encaps[] = {
        [VX] = FWD_VXLAN, [TREE] = FWD_MPLS_UDP, [TREE_GRE] = FWD_MPLS_GRE,
        [EVPN] = FWD_MPLS_UDP, [EVPN_GRE] = FWD_MPLS_GRE,
    };
    struct fwd_host host = fwd_case_host();
    unsigned int n = 0;

    for (size_t i = 0; i < fwd_n_cases; i++) {
        const struct fwd_case *c = &fwd_cases[i];
        struct fwd_explain_from from = {
            .source = ip(c->from), .encap = encaps[c->in],
            .label = c->label,
        };
        size_t inner = fwd_case_inner(c);
        struct fwd_explain a, b;
        struct frame f;

        if (!is_plain(c)) {
            continue;
        }
        fwd_case_packet(c, &f);
        explain_case(*state, c, &a);
        assert_int_equal(fwd_explain_frame(&b, *state, &host, &from,
                                           f.data + inner, f.size - inner),
                         0);
        if (a.n_steps != b.n_steps
            || memcmp(a.steps, b.steps, a.n_steps * sizeof a.steps[0])) {
            fail_msg("%s: other steps", c->name);
        }
        assert_int_equal(a.verdict.action, b.verdict.action);
        assert_int_equal(a.verdict.port, b.verdict.port);
        fwd_explain_fini(&a);
        fwd_explain_fini(&b);
        n++;
    }
    assert_in_range(n, 50, fwd_n_cases);
}

static void
explain__frame_too_long__refused(void **state)
{
    struct fwd_host host = fwd_case_host();
    const struct fwd_explain_from from = {
        .source = ip(T1), .encap = FWD_VXLAN, .label = BLUE,
    };
    size_t max = FWD_IP_MAX - FWD_IPV4_LEN - FWD_UDP_LEN - FWD_VXLAN_LEN;
    uint8_t *frame = xzalloc(FWD_IP_MAX + 1);
    struct fwd_explain e;

    assert_int_equal(fwd_explain_frame(&e, *state, &host, &from, frame, max),
                     0);
    fwd_explain_fini(&e);
    assert_int_equal(fwd_explain_frame(&e, *state, &host, &from, frame,
                                       max + 1), -EMSGSIZE);
    assert_int_equal(fwd_explain_frame(&e, *state, &host, &from, frame,
                                       FWD_IP_MAX + 1), -EMSGSIZE);
    free(frame);
}

static void
see_steps(const struct fwd_explain *e, bool seen[FWD_N_STEPS])
{
    struct ds text = DS_EMPTY_INITIALIZER;

    assert_in_range(e->n_steps, 1, FWD_EXPLAIN_MAX_STEPS - 1);
    for (unsigned int i = 0; i < e->n_steps; i++) {
        ds_clear(&text);
        fwd_explain_put_step(e, e->steps[i], &text);
        assert_true(text.length > 0);
        assert_int_equal(fwd_step_rule(e->steps[i])[1], '.');
        seen[e->steps[i]] = true;
    }
    ds_clear(&text);
    fwd_explain_put_inner(e, &text);
    ds_destroy(&text);
}

/* A packet by UDP of which the end is missing: cut by somebody on the way, or
 * by who sent it, so that its lengths are right. */
static void
see_cuts(const struct fwd_table *table, const struct fwd_case *c, bool sound,
         bool seen[FWD_N_STEPS])
{
    struct fwd_host host = fwd_case_host();
    struct frame f;

    fwd_case_packet(c, &f);
    for (; f.size > (sound ? FWD_IPV4_LEN + FWD_UDP_LEN : 0); f.size--) {
        struct fwd_explain e;

        if (sound) {
            fwd_put16(f.data + 2, f.size);
            fwd_put16(f.data + 10, 0);
            fwd_put16(f.data + 10, fwd_ipv4_checksum(f.data));
            fwd_put16(f.data + FWD_IPV4_LEN + 4, f.size - FWD_IPV4_LEN);
        }
        fwd_explain_packet(&e, table, &host, f.data, f.size);
        see_steps(&e, seen);
        fwd_explain_fini(&e);
    }
}

/* The packet of a case with one octet of it changed. */
static void
see_changed(const struct fwd_table *table, const struct fwd_case *c,
            size_t at, uint8_t value, bool seen[FWD_N_STEPS])
{
    struct fwd_host host = fwd_case_host();
    struct fwd_explain e;
    struct frame f;

    fwd_case_packet(c, &f);
    f.data[at] = value;
    fwd_explain_packet(&e, table, &host, f.data, f.size);
    see_steps(&e, seen);
    fwd_explain_fini(&e);
}

/* Every decision is taken somewhere in the cases, and has its words. */
static void
explain__all_cases__every_decision_in_words(void **state)
{
    static const char *const cut[] = {
        "24 tagged broadcast", "6 from the tree", "20 skipped label",
    };
    bool seen[FWD_N_STEPS] = { false };

    for (size_t i = 0; i < fwd_n_cases; i++) {
        struct fwd_explain e;

        explain_case(*state, &fwd_cases[i], &e);
        see_steps(&e, seen);
        fwd_explain_fini(&e);
    }
    for (size_t i = 0; i < ARRAY_SIZE(cut); i++) {
        see_cuts(*state, case_called(cut[i]), false, seen);
        see_cuts(*state, case_called(cut[i]), true, seen);
    }
    see_changed(*state, case_called("24 tagged broadcast"), 0, 0x55, seen);
    see_changed(*state, case_called("18 tree over GRE"), FWD_IPV4_LEN + 3, 0,
                seen);
    for (int step = 0; step < FWD_N_STEPS; step++) {
        if (!seen[step]) {
            print_error("no case for %s\n", fwd_step_name(step));
        }
    }
    for (int step = 0; step < FWD_N_STEPS; step++) {
        assert_true(seen[step]);
    }
}

/* All decisions about a case, a line each. */
static char *
text_of(const struct fwd_table *table, const char *name)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    struct fwd_explain e;

    explain_case(table, case_called(name), &e);
    for (unsigned int i = 0; i < e.n_steps; i++) {
        ds_put_format(&text, "%s ", fwd_step_rule(e.steps[i]));
        fwd_explain_put_step(&e, e.steps[i], &text);
        ds_put_char(&text, '\n');
    }
    fwd_explain_fini(&e);
    return ds_steal_cstr(&text);
}

static void
explain__some_cases__words(void **state)
{
    static const struct {
        const char *name, *text;
    } cases[] = {
        { "39 for a VM",
          "B.2 VXLAN from 10.0.1.1 to our address\n"
          "B.2 VNI 100 leads to a network\n"
          "B.5 10.0.1.1 is a member of the network (tor), and by VXLAN of "
          "class tor\n"
          "B.7 untagged, and what it is: arp\n"
          "C.2.2 an ARP request for 192.0.2.21, whose MAC is known: "
          "02:cc:00:00:00:01\n"
          "B.7 our services are for who is behind a switch\n"
          "C.2.2 answered to 10.0.1.1 by vxlan: 192.0.2.21 is at "
          "02:cc:00:00:00:01\n" },
        { "9 stranger",
          "B.2 VXLAN from 10.9.9.9 to our address\n"
          "B.2 VNI 100 leads to a network\n"
          "B.5 10.9.9.9 is no member of the network\n" },
        { "20 skipped label",
          "B.2 MPLS over UDP from 10.0.0.21 to our address\n"
          "B.2 label 1048575 on top of the stack is skipped\n"
          "B.2 label 4700 leads to the tree of the network with VNI 100\n"
          "B.5 10.0.0.21 is a member of the network (tree), and by a label "
          "for the tree of class tree\n"
          "B.7 untagged, and what it is: data\n"
          "B.6 flooded: what comes from class tree goes to tor, tree\n" },
        { "21 VXLAN from a tree neighbour",
          "B.2 VXLAN from 10.0.0.21 to our address\n"
          "B.2 VNI 100 leads to a network\n"
          "B.5 10.0.0.21 is a member of the network (tree), but of no class "
          "that sends by VXLAN\n" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *text = text_of(*state, cases[i].name);

        assert_string_equal(text, cases[i].text);
        free(text);
    }
}

/* Members that get nothing are told, too, and why. */
static void
explain__members_without_copy__why(void **state)
{
    static const struct {
        const char *ip;
        enum fwd_explain_fate fate;
    } want[] = {
        { T1, FWD_EXPLAIN_SENT }, { T2, FWD_EXPLAIN_SENT },
        { Q, FWD_EXPLAIN_CLASS }, { TSN2, FWD_EXPLAIN_SENT },
        { C1, FWD_EXPLAIN_SOURCE }, { C2, FWD_EXPLAIN_SENT },
    };
    struct fwd_explain_copies copies;
    struct fwd_explain_copy c;
    struct fwd_explain e;

    explain_case(*state, case_called("6 from the tree"), &e);
    fwd_explain_copies_init(&copies, &e);
    for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
        struct fwd_ip address = ip(want[i].ip);

        assert_true(fwd_explain_copies_next(&copies, &c));
        assert_memory_equal(&c.member->ip, &address, sizeof address);
        assert_int_equal(c.fate, want[i].fate);
    }
    assert_false(fwd_explain_copies_next(&copies, &c));
    fwd_explain_fini(&e);
}

static int
setup(void **state)
{
    *state = fwd_case_table();
    return 0;
}

static int
teardown(void **state)
{
    fwd_table_destroy(*state);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explain__case__fate_and_copies),
        cmocka_unit_test(explain__frame__as_its_packet),
        cmocka_unit_test(explain__frame_too_long__refused),
        cmocka_unit_test(explain__all_cases__every_decision_in_words),
        cmocka_unit_test(explain__some_cases__words),
        cmocka_unit_test(explain__members_without_copy__why),
    };

    return cmocka_run_group_tests_name("fwd_explain", tests, setup, teardown);
}
