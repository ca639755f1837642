/* SPDX-License-Identifier: Apache-2.0 */
/* Frame in, fate and copies out. */
#include <config.h>
#include "replication/forwarder/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "fwd_fixture.h"
#include "openvswitch/dynamic-string.h"

enum kind {
    ARP,                        /* 'op', from 'spa' for 'tpa'. */
    ARP_BAD,                    /* A request with 'op' as protocol length. */
    UDP4,                       /* From port 'sport' to 'dport'. */
    FRAG4,                      /* The same, more fragments follow. */
    IPV6,
    RAW,                        /* Of Ethernet type 'type'. */
};

struct test_case {
    const char *name;           /* With the row of spec G, if there is one. */

    const char *from;
    uint32_t vni;
    uint8_t dst[6], src[6];
    int vlan;                   /* 0: none. */
    enum kind kind;
    uint16_t type;              /* RAW. */
    uint16_t op;                /* ARP. */
    const char *spa, *tpa;
    uint16_t sport, dport;      /* UDP4. */

    /* What must become of it: "drop REASON", "flood ADDRESS...",
     * "answer LAST-OCTETS-OF-THE-MAC", "relay ADDRESS VNI", "punt". */
    const char *fate;
};

#define ASK(SRC, SPA, TPA) .dst = EVERYBODY, .src = SRC, .kind = ARP, \
    .op = ARP_OP_REQUEST, .spa = SPA, .tpa = TPA
#define REPLY(SRC, DST, SPA, TPA) .dst = DST, .src = SRC, .kind = ARP, \
    .op = ARP_OP_REPLY, .spa = SPA, .tpa = TPA
#define DHCP(SRC, DST) .dst = DST, .src = SRC, .kind = UDP4, \
    .sport = 68, .dport = 67
#define BROADCAST(SRC) .dst = EVERYBODY, .src = SRC, .kind = UDP4, \
    .sport = 1000, .dport = 1000
#define FROM_T1 "flood " T2 " " Q " " Q2
#define FROM_T2 "flood " T1 " " Q " " Q2
#define FROM_EVPN "flood " T1 " " T2
#define UNBOUND { 0x02, 0xbb, 0, 0, 0, 7 }      /* No entry at all. */
#define UNSEEN { 0x02, 0xbb, 0, 0, 0, 9 }       /* Bound, without route. */

static const struct test_case cases[] = {
    /* Exactly once to everybody else (G.1). */
    { "1 broadcast from ToR", T1, BLUE, BROADCAST(B1),
      .fate = FROM_T1 },
    { "1 broadcast from other ToR", T2, BLUE, BROADCAST(B2),
      .fate = FROM_T2 },
    { "7 broadcast from EVPN", Q, BLUE, BROADCAST(GQ),
      .fate = FROM_EVPN },
    { "broadcast from other EVPN", Q2, BLUE, BROADCAST(GQ),
      .fate = FROM_EVPN },
    { "9 stranger", "10.9.9.9", BLUE, BROADCAST(B1),
      .fate = "drop invalid_mcast_source" },
    { "10 ToR of another service node", T3, BLUE, BROADCAST(B1),
      .fate = "drop invalid_mcast_source" },
    { "21 compute node, which has the tree", C1, BLUE, BROADCAST(V1),
      .fate = "drop invalid_mcast_source" },
    { "stranger, unicast", T3, BLUE, .dst = B2, .src = B1, .kind = ARP,
      .op = ARP_OP_REPLY, .spa = "192.0.2.10", .tpa = "192.0.2.11",
      .fate = "drop invalid_mcast_source" },
    { "12 unknown VNI", T1, 999, BROADCAST(B1), .fate = "drop invalid_vnid" },
    { "VNI zero", T1, 0, BROADCAST(B1), .fate = "drop invalid_vnid" },
    { "24 tagged broadcast", T1, BLUE, .dst = EVERYBODY, .src = B1, .vlan = 10,
      .kind = UDP4, .sport = 1, .dport = 2, .fate = FROM_T1 },
    { "25 STP", T1, BLUE, .dst = { 1, 0x80, 0xc2, 0, 0, 0 }, .src = B1,
      .kind = RAW, .type = 39, .fate = "drop link_local" },
    { "25 LLDP", T1, BLUE, .dst = { 1, 0x80, 0xc2, 0, 0, 0x0e }, .src = B1,
      .kind = RAW, .type = 0x88cc, .fate = "drop link_local" },
    { "LLDP, tagged", T1, BLUE, .dst = { 1, 0x80, 0xc2, 0, 0, 0x0e },
      .src = B1, .vlan = 10, .kind = RAW, .type = 0x88cc,
      .fate = "drop link_local" },
    { "next to link-local", T1, BLUE, .dst = { 1, 0x80, 0xc2, 0, 0, 0x10 },
      .src = B1, .kind = RAW, .type = 0x88cc, .fate = FROM_T1 },
    { "26 multicast data", T1, BLUE, .dst = { 1, 0, 0x5e, 1, 1, 1 },
      .src = B1, .kind = UDP4, .sport = 5000, .dport = 5000,
      .fate = FROM_T1 },
    { "IPv6 multicast", T1, BLUE, .dst = { 0x33, 0x33, 0, 0, 0, 1 },
      .src = B1, .kind = IPV6, .fate = FROM_T1 },
    { "28 no other member", T1, LONELY, BROADCAST(B1), .fate = "flood" },
    { "group address as source", T1, BLUE, .dst = EVERYBODY,
      .src = { 1, 0, 0, 0, 0, 1 }, .kind = RAW, .type = 0x88b5,
      .fate = "drop invalid_packet" },
    { "zero as source", T1, BLUE, .dst = EVERYBODY, .kind = RAW,
      .type = 0x88b5, .fate = "drop invalid_packet" },

    /* Unicast (G.2). */
    { "31 unknown unicast", T1, BLUE, .dst = UNBOUND, .src = B1, .kind = UDP4,
      .fate = "drop no_l2_route" },
    { "32 unknown unicast, flooded", T1, GREEN, .dst = UNBOUND, .src = B1,
      .kind = UDP4, .fate = FROM_T1 },
    { "unknown unicast from EVPN, flooded", Q, GREEN, .dst = UNBOUND,
      .src = GQ, .kind = UDP4, .fate = FROM_EVPN },
    { "33 known IPv4 unicast", T1, BLUE, .dst = V1, .src = B1, .kind = UDP4,
      .fate = "drop invalid_source" },
    { "known IPv6 unicast", T1, BLUE, .dst = V1, .src = B1, .kind = IPV6,
      .fate = "drop invalid_source" },
    { "known IPv4 unicast, tagged", T1, BLUE, .dst = V1, .src = B1,
      .vlan = 10, .kind = UDP4, .fate = "drop invalid_source" },
    { "34 ARP reply", T1, BLUE, REPLY(B1, V1, "192.0.2.10", "192.0.2.21"),
      .fate = "relay " C1 " 100" },
    { "known non-IP unicast", T1, BLUE, .dst = V1, .src = B1, .kind = RAW,
      .type = 0x88b5, .fate = "relay " C1 " 100" },
    { "35 ARP reply to its own switch", T1, BLUE,
      REPLY(B1, B1, "192.0.2.10", "192.0.2.10"), .fate = "drop packet_loop" },
    { "ARP reply to a MAC behind MPLS", T1, BLUE,
      REPLY(B1, M1, "192.0.2.10", "192.0.2.30"), .fate = "drop no_tunnel" },
    { "36 bound MAC without route", T1, BLUE, .dst = UNSEEN, .src = B1,
      .kind = UDP4, .fate = "drop no_l2_route" },
    { "36 bound MAC without route, flooded", T1, GREEN, .dst = UNSEEN,
      .src = B1, .kind = UDP4, .fate = FROM_T1 },
    { "to the service MAC", T1, GREEN, .dst = SERVICE, .src = B1,
      .kind = UDP4, .sport = 1000, .dport = 1000,
      .fate = "drop nowhere_to_go" },
    { "to the service MAC, tagged", T1, GREEN, .dst = SERVICE, .src = B1,
      .vlan = 10, .kind = UDP4, .sport = 68, .dport = 67,
      .fate = "drop nowhere_to_go" },
    { "to the service MAC, IPv6", T1, GREEN, .dst = SERVICE, .src = B1,
      .kind = IPV6, .fate = "drop nowhere_to_go" },
    { "to the service MAC, from EVPN", Q, GREEN, .dst = SERVICE, .src = GQ,
      .kind = ARP, .op = ARP_OP_REQUEST, .spa = "192.0.2.1",
      .tpa = "192.0.2.2", .fate = "drop nowhere_to_go" },

    /* ARP (G.3). */
    { "39 for a VM", T1, BLUE, ASK(B1, "192.0.2.10", "192.0.2.21"),
      .fate = "answer 02cc00000001" },
    { "40 for another server", T1, BLUE, ASK(B1, "192.0.2.10", "192.0.2.11"),
      .fate = "answer 02bb00000002" },
    { "41 for the service", T1, BLUE, ASK(B1, "192.0.2.10", "192.0.2.2"),
      .fate = "answer 00005e000100" },
    { "42 for the gateway", T1, BLUE, ASK(B1, "192.0.2.10", "192.0.2.1"),
      .fate = "answer 02dd00000001" },
    { "44 for nobody", T1, BLUE, ASK(B1, "192.0.2.10", "192.0.2.200"),
      .fate = FROM_T1 },
    { "46 announcement", T1, BLUE, ASK(B1, "192.0.2.10", "192.0.2.10"),
      .fate = FROM_T1 },
    { "47 probe", T1, BLUE, ASK(B1, "0.0.0.0", "192.0.2.21"),
      .fate = FROM_T1 },
    { "probe for the service", T1, BLUE, ASK(B1, "0.0.0.0", "192.0.2.2"),
      .fate = FROM_T1 },
    { "49 from EVPN for the service", Q, BLUE,
      ASK(GQ, "192.0.2.1", "192.0.2.2"), .fate = "drop invalid_arp" },
    { "50 from EVPN", Q, BLUE, ASK(GQ, "192.0.2.1", "192.0.2.21"),
      .fate = FROM_EVPN },
    { "52 protocol length 16", T1, BLUE, .dst = EVERYBODY, .src = B1,
      .kind = ARP_BAD, .op = 16, .fate = "drop invalid_arp" },
    { "53 from a MAC without entry", T1, BLUE,
      ASK(UNBOUND, "192.0.2.10", "192.0.2.21"),
      .fate = "answer 02cc00000001" },
    { "54 tagged", T1, BLUE, ASK(B1, "192.0.2.10", "192.0.2.21"),
      .vlan = 10, .fate = FROM_T1 },
    { "reply to everybody", T1, BLUE,
      REPLY(B1, EVERYBODY, "192.0.2.10", "192.0.2.10"),
      .fate = FROM_T1 },
    { "neither request nor reply", T1, BLUE, .dst = EVERYBODY, .src = B1,
      .kind = ARP, .op = 3, .spa = "192.0.2.10", .tpa = "192.0.2.21",
      .fate = "drop invalid_arp" },
    { "unicast for the service", T1, BLUE, .dst = SERVICE, .src = B1,
      .kind = ARP, .op = ARP_OP_REQUEST, .spa = "192.0.2.10",
      .tpa = "192.0.2.2", .fate = "answer 00005e000100" },
    { "unicast to the service for a VM", T1, BLUE, .dst = SERVICE, .src = B1,
      .kind = ARP, .op = ARP_OP_REQUEST, .spa = "192.0.2.10",
      .tpa = "192.0.2.21", .fate = "drop nowhere_to_go" },
    { "malformed to the service", T1, BLUE, .dst = SERVICE, .src = B1,
      .kind = ARP_BAD, .op = 16, .fate = "drop invalid_arp" },
    { "reply to the service", T1, BLUE,
      REPLY(B1, SERVICE, "192.0.2.10", "192.0.2.2"),
      .fate = "drop nowhere_to_go" },

    /* DHCP (G.4, as far as the pipeline goes). */
    { "56 from a bound MAC", T1, BLUE, DHCP(B1, EVERYBODY), .fate = "punt" },
    { "from a bound MAC that has no route", T1, BLUE,
      DHCP(UNSEEN, EVERYBODY), .fate = "punt" },
    { "61 renewal", T1, BLUE, DHCP(B1, SERVICE), .fate = "punt" },
    { "66 routed MAC without binding", T2, BLUE, DHCP(B2, EVERYBODY),
      .fate = FROM_T2 },
    { "67 unknown MAC", T1, BLUE, DHCP(UNBOUND, EVERYBODY),
      .fate = FROM_T1 },
    { "renewal without binding", T2, BLUE, DHCP(B2, SERVICE),
      .fate = "drop nowhere_to_go" },
    { "from EVPN", Q, BLUE, DHCP(B1, EVERYBODY),
      .fate = FROM_EVPN },
    { "tagged", T1, BLUE, DHCP(B1, EVERYBODY), .vlan = 10,
      .fate = FROM_T1 },
    { "77 fragment", T1, BLUE, .dst = EVERYBODY, .src = B1, .kind = FRAG4,
      .sport = 68, .dport = 67, .fate = FROM_T1 },
    { "server's port", T1, BLUE, .dst = EVERYBODY, .src = B1, .kind = UDP4,
      .sport = 67, .dport = 68, .fate = FROM_T1 },
};

static void
build(const struct test_case *c, struct frame *f)
{
    static const uint8_t ipv6[40] = { 0x60, [6] = 59, [7] = 255 };

    put_ether(f, c->vni, c->dst, c->src, c->vlan ? c->vlan : -1,
              c->kind == ARP || c->kind == ARP_BAD ? FWD_ETH_P_ARP
              : c->kind == IPV6 ? FWD_ETH_P_IPV6
              : c->kind == RAW ? c->type : FWD_ETH_P_IPV4);
    switch (c->kind) {
    case ARP:
        put_arp(f, c->op, c->src, c->spa, c->tpa);
        break;
    case ARP_BAD:
        put_arp(f, ARP_OP_REQUEST, c->src, "192.0.2.10", "192.0.2.21");
        f->data[f->size - ARP_LEN + 5] = c->op;
        break;
    case UDP4:
    case FRAG4:
        put_udp4(f, "192.0.2.10", "192.0.2.255",
                 c->kind == FRAG4 ? 0x2000 : 0, c->sport, c->dport, 20);
        break;
    case IPV6:
        put(f, ipv6, sizeof ipv6);
        break;
    case RAW:
        put(f, "payload", 7);
        break;
    }
}

static void
decide(const struct fwd_table *table, const char *from,
       const struct frame *f, size_t size, struct fwd_verdict *v)
{
    struct fwd_ip source = ip(from);
    /* Exactly as long as it is, for the address sanitizer. */
    uint8_t *copy = xmemdup(f->data, size);

    fwd_decide(table, &source, copy, copy + size, v);
    if (v->inner) {
        assert_ptr_equal(v->inner, copy + FWD_VXLAN_LEN);
    }
    free(copy);
}

static void
put_fwd_ip(struct ds *s, const struct fwd_ip *addr)
{
    ds_put_format(s, " %d.%d.%d.%d", addr->b[12], addr->b[13], addr->b[14],
                  addr->b[15]);
}

static void
describe(const struct fwd_verdict *v, const char *from, struct ds *s)
{
    struct fwd_ip source = ip(from);
    const struct fwd_member *m;
    struct fwd_copies copies;

    ds_put_cstr(s, fwd_action_name(v->action));
    switch (v->action) {
    case FWD_DROP:
        ds_put_format(s, " %s", fwd_drop_name(v->drop));
        break;
    case FWD_FLOOD:
        fwd_copies_init(&copies, v, &source);
        while ((m = fwd_copies_next(&copies))) {
            assert_int_equal(m->label, v->net->vni);
            put_fwd_ip(s, &m->ip);
        }
        break;
    case FWD_ANSWER:
        ds_put_char(s, ' ');
        for (int i = 0; i < 6; i++) {
            ds_put_format(s, "%02x", v->mac[i]);
        }
        break;
    case FWD_RELAY:
        put_fwd_ip(s, &v->tunnel);
        ds_put_format(s, " %u", v->label);
        break;
    case FWD_PUNT:
    case FWD_N_ACTIONS:
        break;
    }
}

static void
pipeline__case__fate(void **state)
{
    int failed = 0;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct test_case *c = &cases[i];
        struct fwd_verdict v;
        struct ds fate = DS_EMPTY_INITIALIZER;
        struct frame f;

        build(c, &f);
        decide(*state, c->from, &f, f.size, &v);
        describe(&v, c->from, &fate);
        if (strcmp(ds_cstr(&fate), c->fate)) {
            print_error("%s: got \"%s\", want \"%s\"\n", c->name,
                        ds_cstr(&fate), c->fate);
            failed++;
        }
        if (v.action != FWD_DROP) {
            assert_int_equal(v.tagged, c->vlan != 0);
            assert_int_equal(v.tci, c->vlan);
            assert_in_range(v.port, 49152, 65535);
        }
        ds_destroy(&fate);
    }
    assert_int_equal(failed, 0);
}

/* A frame cut anywhere is dropped or flooded as what is left of it, and never
 * read beyond its end; it is neither answered nor punted. */
static void
pipeline__truncated_anywhere__no_service(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct test_case *c = &cases[i];
        size_t ether = FWD_VXLAN_LEN + FWD_ETHER_LEN
                       + (c->vlan ? FWD_VLAN_LEN : 0);
        size_t needed = ether
                        + (c->kind == ARP ? ARP_LEN
                           : FWD_IPV4_MIN_LEN + FWD_UDP_LEN);
        struct frame f;

        build(c, &f);
        for (size_t size = 0; size < f.size; size++) {
            struct fwd_verdict v;

            decide(*state, c->from, &f, size, &v);
            if (size < FWD_VXLAN_LEN) {
                assert_int_equal(v.drop, FWD_DROP_INVALID_PACKET);
                assert_null(v.net);
            } else if (size < ether) {
                assert_int_equal(v.action, FWD_DROP);
            } else if (size < needed) {
                assert_int_not_equal(v.action, FWD_ANSWER);
                assert_int_not_equal(v.action, FWD_PUNT);
            }
        }
    }
}

static void
pipeline__no_i_flag__invalid_vnid(void **state)
{
    struct fwd_verdict v;
    struct frame f;

    build(&cases[0], &f);
    f.data[0] = 0xf7;
    decide(*state, T1, &f, f.size, &v);
    assert_int_equal(v.action, FWD_DROP);
    assert_int_equal(v.drop, FWD_DROP_INVALID_VNID);
}

static void
pipeline__reserved_bits__ignored(void **state)
{
    struct fwd_verdict v;
    struct frame f;

    build(&cases[0], &f);
    f.data[0] = f.data[1] = f.data[2] = f.data[3] = f.data[7] = 0xff;
    decide(*state, T1, &f, f.size, &v);
    assert_int_equal(v.action, FWD_FLOOD);
}

static void
pipeline__short_ip_header__not_dhcp(void **state)
{
    static const uint8_t b1[] = B1, all[] = EVERYBODY;
    struct fwd_verdict v;
    struct frame f;

    put_ether(&f, BLUE, all, b1, -1, FWD_ETH_P_IPV4);
    size_t ip_ofs = f.size;
    put_udp4(&f, "0.0.0.0", "255.255.255.255", 0, 68, 67, 300);
    decide(*state, T1, &f, f.size, &v);
    assert_int_equal(v.action, FWD_PUNT);

    f.data[ip_ofs] = 0x44;
    decide(*state, T1, &f, f.size, &v);
    assert_int_equal(v.action, FWD_FLOOD);
    f.data[ip_ofs] = 0x65;
    decide(*state, T1, &f, f.size, &v);
    assert_int_equal(v.action, FWD_FLOOD);
    f.data[ip_ofs] = 0x4f;      /* Ports would be in the payload: zero. */
    decide(*state, T1, &f, f.size, &v);
    assert_int_equal(v.action, FWD_FLOOD);
}

/* Rows 22 and 23. */
static void
pipeline__source_port__by_inner_header(void **state)
{
    uint8_t buckets[16] = { 0 };
    int used = 0;

    for (int i = 0; i < 256; i++) {
        uint8_t src[6] = { 2, 0, 0, 0, 0, i }, dst[6] = EVERYBODY;
        struct fwd_verdict v, again;
        struct frame f;

        put_ether(&f, BLUE, dst, src, -1, 0x88b5);
        put(&f, "one", 3);
        decide(*state, T1, &f, f.size, &v);
        memcpy(f.data + f.size - 3, "two", 3);
        decide(*state, T1, &f, f.size, &again);
        assert_int_equal(v.port, again.port);
        assert_in_range(v.port, 49152, 65535);
        buckets[(v.port - 49152) / 1024]++;
    }
    for (int i = 0; i < 16; i++) {
        used += buckets[i] != 0;
    }
    assert_int_equal(used, 16);
}

static void
arp_answer__request__fields_of_reply(void **state)
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

static void
arp_parse__foreign_hardware__flooded(void **state)
{
    static const uint8_t b1[] = B1, all[] = EVERYBODY;
    struct fwd_verdict v;
    struct frame f;

    put_ether(&f, BLUE, all, b1, -1, FWD_ETH_P_ARP);
    size_t arp = f.size;
    put_arp(&f, ARP_OP_REQUEST, b1, "192.0.2.10", "192.0.2.21");
    f.data[arp + 1] = 6;        /* IEEE 802 networks. */
    decide(*state, T1, &f, f.size, &v);
    assert_int_equal(v.action, FWD_FLOOD);

    f.data[arp + 1] = 1;
    f.data[arp + 8] |= 1;       /* The sender a group. */
    decide(*state, T1, &f, f.size, &v);
    assert_int_equal(v.drop, FWD_DROP_INVALID_ARP);
}

static int
setup(void **state)
{
    *state = fixture_table();
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
        cmocka_unit_test(pipeline__case__fate),
        cmocka_unit_test(pipeline__truncated_anywhere__no_service),
        cmocka_unit_test(pipeline__no_i_flag__invalid_vnid),
        cmocka_unit_test(pipeline__reserved_bits__ignored),
        cmocka_unit_test(pipeline__short_ip_header__not_dhcp),
        cmocka_unit_test(pipeline__source_port__by_inner_header),
        cmocka_unit_test(arp_answer__request__fields_of_reply),
        cmocka_unit_test(arp_parse__foreign_hardware__flooded),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
