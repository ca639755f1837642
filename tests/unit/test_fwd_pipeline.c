/* SPDX-License-Identifier: Apache-2.0 */
/* Packet in, fate and packets out: the table of cases against the pipeline and
 * the headers of copies in user space, and what no single packet shows. */
#include <config.h>
#include "replication/forwarder/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "fwd_cases.h"
#include "openvswitch/dynamic-string.h"
#include "replication/forwarder/encap.h"

/* What the pipeline did about a packet, which is a copy exactly as long as it
 * is, for the address sanitizer. */
struct outcome {
    uint8_t *packet;
    struct fwd_arrival arrival;
    struct fwd_verdict v;
};

static void
decide(const struct fwd_table *table, const uint8_t *packet, size_t size,
       struct outcome *o)
{
    struct fwd_host host = fwd_case_host();

    o->packet = xmalloc(MAX(size, 1));
    memcpy(o->packet, packet, size);
    uint32_t used = fwd_parse_outer(&host, o->packet, o->packet + size,
                                    &o->arrival);
    if (used) {
        o->arrival.end = o->packet + used;
        fwd_decide(table, &host, &o->arrival, &o->v);
    } else {
        o->v = (struct fwd_verdict) {
            .action = FWD_PASS, .class = FWD_STRANGER,
        };
    }
}

static void
decide_case(const struct fwd_table *table, const struct fwd_case *c,
            struct outcome *o)
{
    struct frame f;

    fwd_case_packet(c, &f);
    decide(table, f.data, f.size, o);
}

/* Makes the packet of a copy, as an engine does that makes all of it. */
static bool
make_copy(const struct outcome *o, const struct fwd_member *m,
          struct frame *f, enum fwd_drop *drop)
{
    struct fwd_host host = fwd_case_host();
    const uint8_t *end = f->data + sizeof f->data;
    struct fwd_copy copy;

    *drop = fwd_copy_init(&copy, &host, &o->v, m,
                          o->arrival.end - o->v.inner);
    if (*drop) {
        return false;
    }
    uint8_t *p = fwd_put_ip(f->data, end, &copy);
    p = fwd_put_transport(p, end, &copy);
    p = fwd_put_tunnel(p, end, &copy);
    assert_non_null(p);
    f->size = p - f->data;
    put(f, fwd_copy_payload(&o->v, m->class), copy.size);
    assert_int_equal(f->size, fwd_copy_len(&copy));
    return true;
}

struct check {
    const struct fwd_case *c;
    const struct fwd_expected *e;
    const struct outcome *o;
    unsigned int n_copies, lost[FWD_N_DROPS];
    struct ds errors;
};

static void
check_copy(struct check *k, const struct fwd_member *m)
{
    enum fwd_drop drop;
    struct frame f;

    if (!make_copy(k->o, m, &f, &drop)) {
        k->lost[drop]++;
        return;
    }
    unsigned int i = k->n_copies++;
    if (i < k->e->n_copies) {
        const char *difference = fwd_case_compare(&k->e->copies[i], f.data,
                                                  f.size);
        if (difference) {
            ds_put_format(&k->errors, " copy %u: %s;", i, difference);
        }
    }
}

static void
check_copies(struct check *k)
{
    const struct fwd_verdict *v = &k->o->v;
    const struct fwd_member *m;
    struct fwd_copies copies;

    switch (v->action) {
    case FWD_FLOOD:
        fwd_copies_init(&copies, v, &k->o->arrival.source);
        while ((m = fwd_copies_next(&copies))) {
            check_copy(k, m);
        }
        break;
    case FWD_ANSWER:
        arp_answer(CONST_CAST(uint8_t *, v->inner), v->mac);
        check_copy(k, &v->dest);
        break;
    case FWD_RELAY:
        check_copy(k, &v->dest);
        break;
    case FWD_DROP:
    case FWD_PASS:
    case FWD_PUNT:
    case FWD_N_ACTIONS:
        break;
    }
    if (k->n_copies != k->e->n_copies) {
        ds_put_format(&k->errors, " %u copies instead of %zu;", k->n_copies,
                      k->e->n_copies);
    }
    for (int drop = 0; drop < FWD_N_DROPS; drop++) {
        if (k->lost[drop] != k->e->lost[drop]) {
            ds_put_format(&k->errors, " %u copies lost by %s instead of %u;",
                          k->lost[drop], fwd_drop_name(drop),
                          k->e->lost[drop]);
        }
    }
}

static void
check_verdict(struct check *k)
{
    const struct fwd_verdict *v = &k->o->v;
    int punt = v->action == FWD_PUNT || v->punt_too ? (int) v->punt : -1;

    if (v->action != k->e->action || v->drop != k->e->drop
        || punt != k->e->punt
        || (v->action == FWD_ANSWER && memcmp(v->mac, k->e->mac, 6))) {
        ds_put_format(&k->errors, " %s %s punt %d;",
                      fwd_action_name(v->action), fwd_drop_name(v->drop),
                      punt);
    }
    if (v->action != FWD_DROP && v->action != FWD_PASS) {
        if (v->tagged != (k->c->vlan != 0) || v->tci != k->c->vlan
            || v->inner != k->o->packet + fwd_case_inner(k->c)) {
            ds_put_cstr(&k->errors, " inner frame misread;");
        }
    }
}

static void
pipeline__case__fate_and_copies(void **state)
{
    int failed = 0;

    for (size_t i = 0; i < fwd_n_cases; i++) {
        struct fwd_expected *e = fwd_case_expect(&fwd_cases[i],
                                                 fwd_cases[i].fate);
        struct outcome o;
        struct check k = {
            .c = &fwd_cases[i], .e = e, .o = &o,
            .errors = DS_EMPTY_INITIALIZER,
        };

        decide_case(*state, k.c, &o);
        check_verdict(&k);
        check_copies(&k);
        if (k.errors.length) {
            print_error("%s: want \"%s\", got%s\n", k.c->name, k.c->fate,
                        ds_cstr(&k.errors));
            failed++;
        }
        ds_destroy(&k.errors);
        free(o.packet);
        free(e);
    }
    assert_int_equal(failed, 0);
}

/* A packet of which the end is missing is the host's, wherever the end is. */
static void
pipeline__truncated_anywhere__left_to_the_host(void **state)
{
    for (size_t i = 0; i < fwd_n_cases; i++) {
        const struct fwd_case *c = &fwd_cases[i];
        struct frame f;

        if (c->odd & (OUTER_PADDED | OUTER_UDP_PADDED)) {
            continue;           /* Nothing is missing at first. */
        }
        fwd_case_packet(c, &f);
        for (size_t size = 0; size < f.size; size++) {
            struct outcome o;

            decide(*state, f.data, size, &o);
            assert_int_equal(o.v.action, FWD_PASS);
            free(o.packet);
        }
    }
}

/* A frame cut anywhere within the tunnel, by who sent it, is dropped or
 * flooded as what is left of it, and never read beyond its end; it is neither
 * answered nor punted. */
static void
check_cut(const struct fwd_table *table, const struct fwd_case *c,
          const struct fwd_arrival *whole, size_t size, size_t inner)
{
    struct fwd_host host = fwd_case_host();
    uint8_t *data = xmalloc(MAX(size, 1));
    struct fwd_arrival a = *whole;
    struct fwd_verdict v;

    memcpy(data, whole->data, size);
    a.data = data;
    a.end = data + size;
    fwd_decide(table, &host, &a, &v);
    if (size < inner + FWD_ETHER_LEN + (c->vlan ? FWD_VLAN_LEN : 0)) {
        assert_int_equal(v.action, FWD_DROP);
    } else if (size < inner + FWD_ETHER_LEN
                      + (c->kind == ARP ? ARP_LEN
                         : FWD_IPV4_LEN + FWD_UDP_LEN)) {
        assert_int_not_equal(v.action, FWD_ANSWER);
        if (c->kind != IGMP) {
            assert_int_not_equal(v.action, FWD_PUNT);
        }
    }
    free(data);
}

static void
pipeline__cut_anywhere__no_service(void **state)
{
    for (size_t i = 0; i < fwd_n_cases; i++) {
        const struct fwd_case *c = &fwd_cases[i];
        struct outcome o;

        decide_case(*state, c, &o);
        if (o.v.action != FWD_PASS) {
            size_t size = o.arrival.end - o.arrival.data;
            size_t inner = fwd_case_inner(c) - (o.arrival.data - o.packet);

            for (size_t n = 0; n < size; n++) {
                check_cut(*state, c, &o.arrival, n, inner);
            }
        }
        free(o.packet);
    }
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

/* Decides about a case whose inner IP header begins with 'first'. */
static enum fwd_action
action_with(const struct fwd_table *table, const struct fwd_case *c,
            uint8_t first)
{
    struct outcome o;
    struct frame f;

    fwd_case_packet(c, &f);
    f.data[fwd_case_inner(c) + FWD_ETHER_LEN] = first;
    decide(table, f.data, f.size, &o);
    free(o.packet);
    return o.v.action;
}

static void
pipeline__short_ip_header__not_dhcp(void **state)
{
    const struct fwd_case *c = case_called("56 from a bound MAC");

    assert_int_equal(action_with(*state, c, 0x45), FWD_PUNT);
    assert_int_equal(action_with(*state, c, 0x44), FWD_FLOOD);
    assert_int_equal(action_with(*state, c, 0x65), FWD_FLOOD);
    /* Ports would be in the payload: zero. */
    assert_int_equal(action_with(*state, c, 0x4f), FWD_FLOOD);

    c = case_called("DHCPv6");
    assert_int_equal(action_with(*state, c, 0x60), FWD_PUNT);
    assert_int_equal(action_with(*state, c, 0x40), FWD_FLOOD);
}

/* Rows 22 and 23.  A frame has the same port wherever it comes from. */
static void
pipeline__source_port__by_inner_header(void **state)
{
    struct fwd_case tor = *case_called("1 broadcast from ToR");
    struct fwd_case tree = *case_called("6 from the tree");
    unsigned int buckets[16] = { 0 };

    for (int i = 0; i < 256; i++) {
        struct outcome a, b, other;

        tor.src[5] = i;
        tor.sport = 1000;
        decide_case(*state, &tor, &a);
        tor.sport = 2000;
        decide_case(*state, &tor, &other);
        memcpy(tree.src, tor.src, sizeof tree.src);
        decide_case(*state, &tree, &b);
        assert_int_equal(a.v.port, b.v.port);
        assert_int_equal(a.v.port, other.v.port);
        assert_in_range(a.v.port, 49152, 65535);
        buckets[(a.v.port - 49152) / 1024]++;
        free(a.packet);
        free(b.packet);
        free(other.packet);
    }
    for (int i = 0; i < 16; i++) {
        assert_in_range(buckets[i], 1, 64);
    }
}

/* The kinds that are counted are those that B.7 tells apart. */
static void
pipeline__frame__kind(void **state)
{
    static const struct {
        const char *name;
        enum fwd_kind kind;
    } kinds[] = {
        { "1 broadcast from ToR", FWD_KIND_DATA },
        { "48 from the tree for a server", FWD_KIND_ARP },
        { "54 tagged", FWD_KIND_DATA },
        { "67 unknown MAC", FWD_KIND_DHCP4 },
        { "77 fragment", FWD_KIND_DATA },
        { "82 DHCPv6 that we do not serve", FWD_KIND_DHCP6 },
        { "router solicitation that we do not serve",
          FWD_KIND_ROUTER_SOLICIT },
        { "85 neighbour solicitation", FWD_KIND_NEIGHBOR_SOLICIT },
        { "neighbour advertisement from EVPN", FWD_KIND_NEIGHBOR_ADVERT },
        { "MLD", FWD_KIND_DATA },
        { "IGMP that we do not serve", FWD_KIND_IGMP },
        { "DNS that is not ours", FWD_KIND_DNS },
        { "router alert", FWD_KIND_ALERT },
    };

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        struct outcome o;

        decide_case(*state, case_called(kinds[i].name), &o);
        assert_int_equal(o.v.kind, kinds[i].kind);
        free(o.packet);
    }
}

/* Unknown unicast is told from broadcast, whichever way it comes. */
static void
pipeline__unknown_unicast__told(void **state)
{
    static const struct {
        const char *name;
        bool unknown;
    } cases[] = {
        { "1 broadcast from ToR", false },
        { "32 unknown unicast, flooded", true },
        { "unicast from the tree", true },
        { "unicast by EVPN label", true },
        { "6 from the tree", false },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct outcome o;

        decide_case(*state, case_called(cases[i].name), &o);
        assert_int_equal(o.v.action, FWD_FLOOD);
        assert_int_equal(o.v.unknown_unicast, cases[i].unknown);
        free(o.packet);
    }
}

static uint8_t
outer_tos(const struct fwd_table *table, const struct fwd_host *host,
          const struct fwd_case *c)
{
    struct outcome o;
    struct fwd_verdict v;

    decide_case(table, c, &o);
    fwd_decide(table, host, &o.arrival, &v);
    free(o.packet);
    return v.tos;
}

/* The outer DSCP is fixed, or the inner one; the outer ECN is 0 then. */
static void
pipeline__dscp__by_policy(void **state)
{
    struct fwd_case v4 = *case_called("1 broadcast from ToR");
    struct fwd_case v6 = *case_called("DHCPv6 from the tree");
    const struct fwd_case *arp = case_called("46 announcement");
    struct fwd_host host = fwd_case_host();

    v4.inner_tos = 0xbb;        /* EF, and congestion experienced. */
    v6.inner_tos = 0x8b;
    host.tos = 0x20;
    assert_int_equal(outer_tos(*state, &host, &v4), 0x20);
    assert_int_equal(outer_tos(*state, &host, &v6), 0x20);
    host.copy_dscp = 1;
    assert_int_equal(outer_tos(*state, &host, &v4), 0xb8);
    assert_int_equal(outer_tos(*state, &host, &v6), 0x88);
    assert_int_equal(outer_tos(*state, &host, arp), 0x20);
    v4.vlan = 10;
    assert_int_equal(outer_tos(*state, &host, &v4), 0xb8);
}

/* The type of service is in the header, and the IPv4 checksum covers it. */
static void
copy__type_of_service__in_header(void **state)
{
    const struct fwd_case *c = case_called("1 broadcast from ToR");
    struct fwd_member m = { ip(T2), 100, FWD_TOR, FWD_VXLAN };
    struct fwd_member m6 = { ip(Q6), 100, FWD_EVPN, FWD_VXLAN };
    enum fwd_drop drop;
    struct outcome o;
    struct frame f;

    decide_case(*state, c, &o);
    o.v.tos = 0xb8;
    assert_true(make_copy(&o, &m, &f, &drop));
    assert_int_equal(f.data[1], 0xb8);
    assert_int_equal(fwd_ipv4_checksum(f.data), 0);
    assert_true(make_copy(&o, &m6, &f, &drop));
    assert_int_equal(f.data[0], 0x6b);
    assert_int_equal(f.data[1] >> 4, 0x8);
    free(o.packet);
}

/* Without an IPv6 address of our own there is no way to IPv6 endpoints, and
 * headers are never written beyond the end of the room for them. */
static void
copy__no_room_or_no_address__refused(void **state)
{
    const struct fwd_case *c = case_called("1 broadcast from ToR");
    struct fwd_host host = fwd_case_host();
    const struct fwd_member members[] = {
        { ip(T2), 100, FWD_TOR, FWD_VXLAN },
        { ip(Q6), 100, FWD_EVPN, FWD_VXLAN },
        { ip(C1), 4702, FWD_TREE, FWD_MPLS_UDP },
        { ip(C1), 4702, FWD_TREE, FWD_MPLS_GRE },
    };
    struct outcome o;

    decide_case(*state, c, &o);
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        struct fwd_copy copy;

        assert_int_equal(fwd_copy_init(&copy, &host, &o.v, &members[i], 100),
                         FWD_OK);
        size_t headers = fwd_copy_len(&copy) - copy.size;
        for (size_t room = 0; room <= headers; room++) {
            uint8_t *data = xmalloc(MAX(room, 1)), *p = data;

            p = fwd_put_ip(p, data + room, &copy);
            p = p ? fwd_put_transport(p, data + room, &copy) : NULL;
            p = p ? fwd_put_tunnel(p, data + room, &copy) : NULL;
            assert_int_equal(p != NULL, room == headers);
            free(data);
        }
    }
    memset(&host.ip6, 0, sizeof host.ip6);
    struct fwd_copy copy;
    assert_int_equal(fwd_copy_init(&copy, &host, &o.v, &members[1], 100),
                     FWD_DROP_NO_TUNNEL);
    free(o.packet);
}

static void
arp_answer__request__fields_of_reply(void **state OVS_UNUSED)
{
    static const uint8_t b1[] = B1, all[] = EVERYBODY, v1[] = V1;
    struct frame f, want;

    put_ether(&f, BLUE, all, b1, -1, FWD_ETH_P_ARP);
    put_arp(&f, ARP_OP_REQUEST, b1, "192.0.2.10", "192.0.2.21");
    put(&f, "padding padding ..", 18);
    arp_answer(f.data + FWD_VXLAN_LEN, v1);

    put_ether(&want, BLUE, b1, v1, -1, FWD_ETH_P_ARP);
    put_arp(&want, ARP_OP_REPLY, v1, "192.0.2.21", "192.0.2.10");
    memcpy(want.data + want.size - 10, b1, 6);
    put(&want, "padding padding ..", 18);

    assert_int_equal(f.size, want.size);
    assert_memory_equal(f.data, want.data, f.size);
}

/* Decides about the ARP request of a case with one octet of it changed. */
static void
decide_arp(const struct fwd_table *table, size_t at, uint8_t value,
           struct fwd_verdict *v)
{
    const struct fwd_case *c = case_called("39 for a VM");
    struct outcome o;
    struct frame f;

    fwd_case_packet(c, &f);
    f.data[fwd_case_inner(c) + FWD_ETHER_LEN + at] = value;
    decide(table, f.data, f.size, &o);
    free(o.packet);
    *v = o.v;
}

static void
arp_parse__foreign_hardware__flooded(void **state)
{
    struct fwd_verdict v;

    decide_arp(*state, 1, 6, &v);       /* IEEE 802 networks. */
    assert_int_equal(v.action, FWD_FLOOD);
    decide_arp(*state, 8, 0x03, &v);    /* The sender a group. */
    assert_int_equal(v.drop, FWD_DROP_INVALID_ARP);
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
        cmocka_unit_test(pipeline__case__fate_and_copies),
        cmocka_unit_test(pipeline__truncated_anywhere__left_to_the_host),
        cmocka_unit_test(pipeline__cut_anywhere__no_service),
        cmocka_unit_test(pipeline__short_ip_header__not_dhcp),
        cmocka_unit_test(pipeline__source_port__by_inner_header),
        cmocka_unit_test(pipeline__frame__kind),
        cmocka_unit_test(pipeline__unknown_unicast__told),
        cmocka_unit_test(pipeline__dscp__by_policy),
        cmocka_unit_test(copy__type_of_service__in_header),
        cmocka_unit_test(copy__no_room_or_no_address__refused),
        cmocka_unit_test(arp_answer__request__fields_of_reply),
        cmocka_unit_test(arp_parse__foreign_hardware__flooded),
    };

    return cmocka_run_group_tests_name("fwd_pipeline", tests, setup,
                                       teardown);
}
