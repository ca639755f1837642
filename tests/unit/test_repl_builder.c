/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/tree/builder.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "replication/forwarder/table.h"
#include "replication/tree/rules.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/route.h"
#include "xmpp/speaker.h"
#include "tests/unit/ip.h"
#include "xmpp/view.h"

#define VNI 100

static const struct eth_addr b1 = { { { 2, 0xbb, 0, 0, 0, 1 } } };
static const struct eth_addr v1 = { { { 2, 0xcc, 0, 0, 0, 1 } } };
static const struct eth_addr service = { { { 0, 0, 0x5e, 0, 1, 0 } } };

static struct fwd_ip
fwd_ip(const char *s)
{
    return fwd_ip_from_v4(inet_addr(s));
}

struct rig {
    struct repl_identity self;
    struct repl_rules rules;
    struct xmpp_evpn published;
    struct xmpp_subnet subnet;
    struct xmpp_network config;
    struct repl_builder *b;
    struct fwd_net_counters *counters;
    struct fwd_network *network;
    unsigned int n_unreachable;
};

static void
rig_init(struct rig *r)
{
    *r = (struct rig) {
        .self = { .address = ip("10.0.0.11"), .service_mac = service,
                  .seed = 7 },
        .subnet = { .prefix = ip("192.0.2.0"), .plen = 24,
                    .gateway = ip("192.0.2.1"),
                    .dns_server = ip("192.0.2.2"), .enable_dhcp = true },
        .config = { .vni = VNI, .flood_unknown_unicast = true,
                    .n_subnets = 1 },
    };
    r->config.subnets = &r->subnet;
    r->published = (struct xmpp_evpn) {
        .tag = VNI, .mac = eth_addr_broadcast, .plen = 32,
    };
    repl_rules_init(&r->rules, false);
    r->counters = fwd_net_counters_create();
}

static void
rig_start(struct rig *r)
{
    r->b = repl_builder_create(&r->self, &r->rules, &r->config);
    repl_builder_set_published(r->b, &r->published);
}

static void
rig_finish(struct rig *r)
{
    r->network = repl_builder_finish(r->b, r->counters, &r->n_unreachable);
}

static void
rig_fini(struct rig *r)
{
    repl_rules_fini(&r->rules);
    fwd_network_unref(r->network);
    fwd_net_counters_unref(r->counters);
}

/* Adds a route of a MAC; 'addr' may be NULL. */
static void
add_mac(struct rig *r, struct eth_addr mac, const char *addr,
        const char *next_hop, uint8_t encaps, uint32_t sequence,
        uint32_t local_pref, bool stale)
{
    struct in6_addr nh = ip(next_hop);
    struct xmpp_evpn route;

    xmpp_evpn_init(&route);
    route.tag = VNI;
    route.mac = mac;
    route.plen = 32;
    if (addr) {
        route.ip = ip(addr);
        route.plen = tsn_ip_is_v4(&route.ip) ? 32 : 128;
    }
    route.sequence = sequence;
    route.local_pref = local_pref;
    xmpp_evpn_add_next_hop(&route, &nh, 4711, encaps);
    repl_builder_add_route(r->b, &route, stale);
    xmpp_evpn_fini(&route);
}

static void
add_vxlan_mac(struct rig *r, struct eth_addr mac, const char *addr,
              const char *next_hop)
{
    add_mac(r, mac, addr, next_hop, TSN_ENCAP_VXLAN, 1, 100, false);
}

static void
add_lists(struct rig *r, uint32_t tag, const struct tunnel_dst *olist,
          size_t n_olist, const struct tunnel_dst *leaves, size_t n_leaves)
{
    struct xmpp_evpn route = {
        .tag = tag, .mac = eth_addr_broadcast, .plen = 32,
        .olist = CONST_CAST(struct tunnel_dst *, olist), .n_olist = n_olist,
        .leaf_olist = CONST_CAST(struct tunnel_dst *, leaves),
        .n_leaf_olist = n_leaves,
    };

    repl_builder_add_route(r->b, &route, false);
}

static const struct fwd_mac *
find_mac(const struct rig *r, struct eth_addr mac)
{
    return fwd_find_mac(NULL, &r->network->net, mac.ea);
}

static const struct fwd_arp *
find_arp(const struct rig *r, const char *addr)
{
    return fwd_find_arp(NULL, &r->network->net, inet_addr(addr));
}

static enum fwd_class
find_class(const struct rig *r, const char *addr)
{
    struct fwd_ip a = fwd_ip(addr);

    struct fwd_verdict v = { .class = FWD_STRANGER };

    fwd_source_class(fwd_find_classes(NULL, &r->network->net, &a), FWD_TOR,
                     FWD_EVPN, &v);
    return v.class;
}

static void
assert_mac(const struct fwd_arp *arp, struct eth_addr mac, bool is_service)
{
    assert_non_null(arp);
    assert_memory_equal(arp->mac, &mac, sizeof mac);
    assert_int_equal(arp->service, is_service);
}

/* "IP ENCAPSULATION LABEL; ..." */
static void
assert_members(const struct rig *r, enum fwd_class class,
               const char *expected)
{
    static const char *const encaps[] = {
        [FWD_VXLAN] = "vxlan", [FWD_MPLS_UDP] = "udp", [FWD_MPLS_GRE] = "gre",
    };
    const struct fwd_network *n = r->network;
    struct ds ds = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < n->n_members[class]; i++) {
        const struct fwd_member *m = &n->members[n->first[class] + i];
        char buf[TSN_IP_STRLEN];
        struct in6_addr addr;

        memcpy(&addr, &m->ip, sizeof addr);
        ds_put_format(&ds, "%s%s %s %u", i ? "; " : "",
                      tsn_ip_format(&addr, buf), encaps[m->encap], m->label);
    }
    assert_string_equal(ds_cstr(&ds), expected);
    ds_destroy(&ds);
}

static void
lists__leaves_and_others__members_by_class(void **state OVS_UNUSED)
{
    const struct tunnel_dst olist[] = {
        { ip("10.0.2.1"), 4711, TSN_ENCAP_VXLAN | TSN_ENCAP_MPLS_GRE },
        { ip("10.0.0.11"), VNI, TSN_ENCAP_VXLAN },      /* Ourselves. */
        { ip("10.0.1.2"), VNI, TSN_ENCAP_VXLAN },       /* A leaf, too. */
        { ip("10.0.2.2"), 77, TSN_ENCAP_MPLS_UDP },
        { ip("2001:db8::9"), VNI, TSN_ENCAP_VXLAN },
        { ip("10.0.2.3"), 0, TSN_ENCAP_VXLAN },
        { in6addr_any, VNI, TSN_ENCAP_VXLAN },
    };
    const struct tunnel_dst leaves[] = {
        { ip("10.0.1.2"), VNI, TSN_ENCAP_VXLAN },
        { ip("10.0.1.1"), VNI, TSN_ENCAP_VXLAN },
        { ip("10.0.1.1"), VNI, TSN_ENCAP_VXLAN },       /* Repeated. */
        { ip("10.0.0.11"), VNI, TSN_ENCAP_VXLAN },
    };
    struct rig r;

    rig_init(&r);
    rig_start(&r);
    add_lists(&r, VNI, olist, ARRAY_SIZE(olist), leaves, ARRAY_SIZE(leaves));
    rig_finish(&r);

    assert_int_equal(r.network->net.vni, VNI);
    assert_int_equal(r.network->net.flags, FWD_NET_FLOOD_UNKNOWN);
    assert_memory_equal(r.network->net.service_mac, &service, 6);
    assert_int_equal(r.network->n_members[FWD_TOR], 2);
    assert_int_equal(r.network->n_members[FWD_EVPN], 2);
    assert_int_equal(find_class(&r, "10.0.1.1"), FWD_TOR);
    assert_int_equal(find_class(&r, "10.0.1.2"), FWD_TOR);
    assert_int_equal(find_class(&r, "10.0.2.1"), FWD_EVPN);
    assert_int_equal(find_class(&r, "10.0.0.11"), FWD_STRANGER);
    assert_members(&r, FWD_EVPN, "10.0.2.1 vxlan 4711; 10.0.2.2 udp 77");
    assert_int_equal(r.n_unreachable, 3);
    rig_fini(&r);
}

/* IPv6 needs an address of ours, and one of theirs that means something beyond
 * a link; switches have none, as their database knows IPv4 only. */
static void
lists__ipv6_and_address_for_it__members_but_switches(void **state OVS_UNUSED)
{
    const struct tunnel_dst olist[] = {
        { ip("2001:db8::9"), 4711, TSN_ENCAP_VXLAN },
        { ip("2001:db8::8"), 77, TSN_ENCAP_MPLS_UDP },
        { ip("2001:db8::11"), VNI, TSN_ENCAP_VXLAN },   /* Ourselves. */
        { ip("fe80::9"), VNI, TSN_ENCAP_VXLAN },
        { ip("ff02::9"), VNI, TSN_ENCAP_VXLAN },
        { ip("::1"), VNI, TSN_ENCAP_VXLAN },
        { in6addr_any, VNI, TSN_ENCAP_VXLAN },
    };
    const struct tunnel_dst leaves[] = {
        { ip("2001:db8::1"), VNI, TSN_ENCAP_VXLAN },
        { ip("10.0.1.1"), VNI, TSN_ENCAP_VXLAN },
    };
    const struct tunnel_dst neighbour = {
        ip("2001:db8::21"), 30000, TSN_ENCAP_MPLS_GRE,
    };
    const struct xmpp_tree tree = {
        .label = 5003, .neighbours = &neighbour, .n_neighbours = 1,
    };
    const struct in6_addr v6 = ip("2001:db8::9");
    struct rig r;

    rig_init(&r);
    r.self.address6 = ip("2001:db8::11");
    rig_start(&r);
    add_lists(&r, VNI, olist, ARRAY_SIZE(olist), leaves, ARRAY_SIZE(leaves));
    repl_builder_add_tree(r.b, &tree);
    add_vxlan_mac(&r, v1, NULL, "2001:db8::9");
    add_vxlan_mac(&r, b1, NULL, "2001:db8::11");
    rig_finish(&r);

    assert_members(&r, FWD_TOR, "10.0.1.1 vxlan 100");
    assert_members(&r, FWD_EVPN,
                   "2001:db8::8 udp 77; 2001:db8::9 vxlan 4711");
    assert_members(&r, FWD_TREE, "2001:db8::21 gre 30000");
    assert_int_equal(r.n_unreachable, 5);
    assert_memory_equal(&find_mac(&r, v1)->tunnel, &v6, sizeof v6);
    assert_null(find_mac(&r, b1));
    rig_fini(&r);
}

static void
set_encaps(struct rig *r, size_t n, enum tsn_encap first,
           enum tsn_encap second)
{
    struct xmpp_view view = {
        .globals = { .encaps = { first, second }, .n_encaps = n },
    };

    repl_rules_set_view(&r->rules, &view);
}

/* Spec A.7: as advertised, and among what is advertised by the cloud's
 * priorities; switches get VXLAN whatever these are (row 96 of G). */
static void
lists__priorities_of_the_cloud__encapsulations(void **state OVS_UNUSED)
{
    const struct tunnel_dst olist[] = {
        { ip("10.0.2.1"), 71, TSN_ENCAP_VXLAN | TSN_ENCAP_MPLS_GRE },
        { ip("10.0.2.2"), 72, TSN_ENCAP_MPLS_UDP | TSN_ENCAP_MPLS_GRE },
        { ip("10.0.2.3"), 73, TSN_ENCAP_VXLAN },
        { ip("10.0.2.4"), 3, TSN_ENCAP_MPLS_UDP },      /* Implicit null. */
        { ip("10.0.2.5"), 1 << 20, TSN_ENCAP_MPLS_UDP },
        { ip("10.0.2.6"), (1 << 20) - 1, TSN_ENCAP_MPLS_GRE },
        { ip("10.0.2.7"), 77, 0 },      /* None that we know. */
        { ip("224.0.0.1"), 77, TSN_ENCAP_MPLS_UDP },
    };
    const struct tunnel_dst leaves[] = {
        { ip("10.0.1.1"), VNI, TSN_ENCAP_VXLAN | TSN_ENCAP_MPLS_GRE },
        { ip("10.0.1.2"), VNI, TSN_ENCAP_MPLS_GRE },
    };
    static const struct {
        size_t n;
        enum tsn_encap first, second;
        const char *evpn;
    } cases[] = {
        { 0, 0, 0, "10.0.2.1 vxlan 71; 10.0.2.2 gre 72; 10.0.2.3 vxlan 73; "
          "10.0.2.6 gre 1048575" },
        { 2, TSN_ENCAP_VXLAN, TSN_ENCAP_MPLS_UDP, "10.0.2.1 vxlan 71; "
          "10.0.2.2 udp 72; 10.0.2.3 vxlan 73; 10.0.2.6 gre 1048575" },
        { 1, TSN_ENCAP_MPLS_GRE, 0, "10.0.2.1 gre 71; 10.0.2.2 gre 72; "
          "10.0.2.3 vxlan 73; 10.0.2.6 gre 1048575" },
        { 2, TSN_ENCAP_MPLS_UDP, TSN_ENCAP_VXLAN, "10.0.2.1 vxlan 71; "
          "10.0.2.2 udp 72; 10.0.2.3 vxlan 73; 10.0.2.6 gre 1048575" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rig r;

        rig_init(&r);
        set_encaps(&r, cases[i].n, cases[i].first, cases[i].second);
        rig_start(&r);
        add_lists(&r, VNI, olist, ARRAY_SIZE(olist), leaves,
                  ARRAY_SIZE(leaves));
        rig_finish(&r);
        assert_members(&r, FWD_EVPN, cases[i].evpn);
        assert_members(&r, FWD_TOR, "10.0.1.1 vxlan 100");
        assert_int_equal(r.n_unreachable, 5);
        rig_fini(&r);
    }
}

/* Lists of a control node before its restart, and what it has given since. */
static void
lists__two_with_different_labels__fresh_then_lowest(void **state OVS_UNUSED)
{
    const struct tunnel_dst lists[] = {
        { ip("10.0.2.1"), 71, TSN_ENCAP_MPLS_UDP },
        { ip("10.0.2.1"), 72, TSN_ENCAP_MPLS_UDP },
        { ip("10.0.2.1"), 9, TSN_ENCAP_VXLAN },
    };
    static const struct {
        bool stale[3];
        const char *expected;
    } cases[] = {
        { { false, false, true }, "10.0.2.1 udp 71" },
        { { true, false, true }, "10.0.2.1 udp 72" },
        { { false, false, false }, "10.0.2.1 vxlan 9" },
        { { true, true, true }, "10.0.2.1 vxlan 9" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (int first = 0; first < 3; first++) {
            struct rig r;

            rig_init(&r);
            rig_start(&r);
            for (int j = 0; j < 3; j++) {
                int k = (first + j) % 3;
                struct xmpp_evpn route = {
                    .tag = VNI, .mac = eth_addr_broadcast, .plen = 32,
                    .olist = CONST_CAST(struct tunnel_dst *, &lists[k]),
                    .n_olist = 1,
                };
                repl_builder_add_route(r.b, &route, cases[i].stale[k]);
            }
            rig_finish(&r);
            assert_members(&r, FWD_EVPN, cases[i].expected);
            rig_fini(&r);
        }
    }
}

/* Row 96 of G: the key is another one in a network of MPLS. */
static void
lists__published_by_mpls__those_of_that_key(void **state OVS_UNUSED)
{
    const struct tunnel_dst t1 = { ip("10.0.1.1"), VNI, TSN_ENCAP_VXLAN };
    const struct tunnel_dst t2 = { ip("10.0.1.2"), VNI, TSN_ENCAP_VXLAN };
    struct rig r;

    rig_init(&r);
    r.published.tag = 0;
    rig_start(&r);
    add_lists(&r, VNI, NULL, 0, &t1, 1);
    add_lists(&r, 0, NULL, 0, &t2, 1);
    repl_builder_add_evpn_label(r.b, 0);
    rig_finish(&r);
    assert_members(&r, FWD_TOR, "10.0.1.2 vxlan 100");
    assert_int_equal(r.network->n_labels, 0);
    rig_fini(&r);
}

/* The lists of a network that has published another key hold until there are
 * new ones, and the rest of it does not. */
static void
lists__kept__until_others_come(void **state OVS_UNUSED)
{
    const struct tunnel_dst t1 = { ip("10.0.1.1"), VNI, TSN_ENCAP_VXLAN };
    const struct tunnel_dst q = { ip("10.0.2.1"), VNI, TSN_ENCAP_VXLAN };
    struct tunnel_dst c = { ip("10.0.0.21"), 30000, TSN_ENCAP_MPLS_UDP };
    const struct xmpp_tree tree = {
        .label = 5000, .neighbours = &c, .n_neighbours = 1,
    };

    static const struct {
        bool known, stale, whole;
        const char *tors;
    } cases[] = {
        { false, false, true, "10.0.1.1 vxlan 100" },
        { true, false, true, "" },
        { true, true, true, "10.0.1.1 vxlan 100" },
        { true, false, false, "10.0.1.1 vxlan 100" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xmpp_evpn route = {
            .mac = eth_addr_broadcast, .plen = 32,
            .olist = CONST_CAST(struct tunnel_dst *, &q), .n_olist = 1,
        };
        struct rig before, r;

        rig_init(&before);
        rig_start(&before);
        add_lists(&before, VNI, &q, 1, &t1, 1);
        repl_builder_add_tree(before.b, &tree);
        rig_finish(&before);

        rig_init(&r);
        r.published.tag = 0;
        rig_start(&r);
        repl_builder_keep_lists(r.b, before.network, cases[i].whole);
        if (cases[i].known) {
            repl_builder_add_route(r.b, &route, cases[i].stale);
        }
        rig_finish(&r);
        assert_members(&r, FWD_TOR, cases[i].tors);
        assert_members(&r, FWD_EVPN, "10.0.2.1 vxlan 100");
        assert_members(&r, FWD_TREE, "");
        assert_int_equal(r.network->n_labels, 0);
        rig_fini(&before);
        rig_fini(&r);
    }
}

static void
assert_label(const struct rig *r, size_t i, uint32_t label,
             enum fwd_label_kind kind)
{
    assert_int_equal(r->network->labels[i].label, label);
    assert_int_equal(r->network->labels[i].kind, kind);
}

/* Spec A.7: MPLS only, by the priorities, else GRE; all labels that frames
 * may still come with. */
static void
tree__place__neighbours_and_labels(void **state OVS_UNUSED)
{
    const uint8_t both = TSN_ENCAP_MPLS_UDP | TSN_ENCAP_MPLS_GRE;
    const struct tunnel_dst neighbours[] = {
        { ip("10.0.0.21"), 30000, both },
        { ip("10.0.0.22"), 30001, TSN_ENCAP_MPLS_UDP },
        { ip("10.0.0.23"), 30002, TSN_ENCAP_MPLS_GRE | TSN_ENCAP_VXLAN },
        { ip("10.0.0.11"), 30003, both },       /* Ourselves. */
        { ip("10.0.0.24"), 30004, TSN_ENCAP_VXLAN },
        { ip("10.0.0.25"), 15, both },
        { ip("2001:db8::9"), 30005, both },
    };
    const struct xmpp_tree tree = {
        .label = 5003, .old_labels = { 5002, 5001 }, .n_old_labels = 2,
        .neighbours = neighbours, .n_neighbours = ARRAY_SIZE(neighbours),
    };
    static const struct {
        size_t n;
        enum tsn_encap first, second;
        const char *first_member;
    } cases[] = {
        { 0, 0, 0, "gre" },
        { 1, TSN_ENCAP_VXLAN, 0, "gre" },
        { 2, TSN_ENCAP_VXLAN, TSN_ENCAP_MPLS_UDP, "udp" },
        { 2, TSN_ENCAP_MPLS_UDP, TSN_ENCAP_MPLS_GRE, "udp" },
        { 2, TSN_ENCAP_MPLS_GRE, TSN_ENCAP_MPLS_UDP, "gre" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rig r;

        rig_init(&r);
        set_encaps(&r, cases[i].n, cases[i].first, cases[i].second);
        rig_start(&r);
        repl_builder_add_tree(r.b, &tree);
        repl_builder_add_evpn_label(r.b, 1030);
        rig_finish(&r);
        char *expected = xasprintf("10.0.0.21 %s 30000; 10.0.0.22 udp 30001; "
                                   "10.0.0.23 gre 30002",
                                   cases[i].first_member);
        assert_members(&r, FWD_TREE, expected);
        free(expected);
        assert_int_equal(r.n_unreachable, 3);
        assert_int_equal(r.network->n_labels, 4);
        assert_label(&r, 0, 1030, FWD_LABEL_EVPN);
        assert_label(&r, 1, 5001, FWD_LABEL_TREE);
        assert_label(&r, 2, 5002, FWD_LABEL_TREE);
        assert_label(&r, 3, 5003, FWD_LABEL_TREE);
        rig_fini(&r);
    }
}

/* Spec A.5.2: one that is alone in its tree has a label, and nobody else. */
static void
tree__alone_or_none__label_or_none(void **state OVS_UNUSED)
{
    for (uint32_t label = 0; label <= 5000; label += 5000) {
        const struct xmpp_tree tree = { .label = label };
        struct rig r;

        rig_init(&r);
        rig_start(&r);
        repl_builder_add_tree(r.b, &tree);
        rig_finish(&r);
        assert_members(&r, FWD_TREE, "");
        assert_int_equal(r.network->n_labels, label != 0);
        rig_fini(&r);
    }
}

/* One copy each: a switch's own, or by the tree, but not by EVPN as well. */
static void
tree__endpoint_of_several_classes__not_of_evpn(void **state OVS_UNUSED)
{
    const struct tunnel_dst both[] = {
        { ip("10.0.1.1"), VNI, TSN_ENCAP_VXLAN },
        { ip("10.0.0.21"), VNI, TSN_ENCAP_VXLAN },
        { ip("10.0.2.1"), VNI, TSN_ENCAP_VXLAN },
    };
    const struct tunnel_dst neighbours[] = {
        { ip("10.0.0.21"), 30000, TSN_ENCAP_MPLS_UDP },
        { ip("10.0.1.1"), 30001, TSN_ENCAP_MPLS_UDP },
    };
    const struct xmpp_tree tree = {
        .label = 5000, .neighbours = neighbours, .n_neighbours = 2,
    };

    for (int tree_first = 0; tree_first < 2; tree_first++) {
        struct rig r;

        rig_init(&r);
        rig_start(&r);
        if (tree_first) {
            repl_builder_add_tree(r.b, &tree);
        }
        add_lists(&r, VNI, both, 3, both, 1);
        if (!tree_first) {
            repl_builder_add_tree(r.b, &tree);
        }
        rig_finish(&r);
        assert_members(&r, FWD_TOR, "10.0.1.1 vxlan 100");
        assert_members(&r, FWD_EVPN, "10.0.2.1 vxlan 100");
        assert_members(&r, FWD_TREE,
                       "10.0.0.21 udp 30000; 10.0.1.1 udp 30001");
        rig_fini(&r);
    }
}

/* Spec A.8, row 109 of G: of those that replicate by themselves only the
 * switches that name us, and only as the elected one. */
static void
no_forwarding__master_or_not__switches_of_ours(void **state OVS_UNUSED)
{
    const struct tunnel_dst olist[] = {
        { ip("10.0.2.1"), VNI, TSN_ENCAP_VXLAN },
        { ip("10.0.2.2"), VNI, TSN_ENCAP_VXLAN },
        { ip("10.0.2.3"), VNI, TSN_ENCAP_VXLAN },
    };
    const struct xmpp_switch switches[] = {
        { .vtep = ip("10.0.2.3") }, { .vtep = ip("10.0.2.1") },
        { .vtep = in6addr_any },
    };
    const struct xmpp_switch *pointers[] = { &switches[0], &switches[1],
                                             &switches[2] };
    static const struct {
        bool master;
        size_t n_switches;
        const char *expected;
    } cases[] = {
        { true, 3, "10.0.2.1 vxlan 100; 10.0.2.3 vxlan 100" },
        { true, 1, "10.0.2.3 vxlan 100" },
        { true, 0, "" },
        { false, 3, "" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xmpp_view view = {
            .switches = pointers, .n_switches = cases[i].n_switches,
        };
        struct rig r;

        rig_init(&r);
        repl_rules_fini(&r.rules);
        repl_rules_init(&r.rules, true);
        assert_int_equal(repl_rules_set_view(&r.rules, &view),
                         cases[i].n_switches != 0);
        assert_false(repl_rules_set_view(&r.rules, &view));
        r.rules.master = cases[i].master;
        rig_start(&r);
        add_lists(&r, VNI, olist, ARRAY_SIZE(olist), NULL, 0);
        add_vxlan_mac(&r, b1, NULL, "10.0.2.1");
        rig_finish(&r);
        assert_members(&r, FWD_EVPN, cases[i].expected);
        assert_int_equal(find_mac(&r, b1)->flags,
                         FWD_MAC_ROUTE | FWD_MAC_EVPN_CONTROL);
        assert_int_equal(r.n_unreachable, 0);
        rig_fini(&r);
    }
}

static void
lists__of_another_vni_or_node__ignored(void **state OVS_UNUSED)
{
    const struct tunnel_dst leaf = { ip("10.0.1.1"), VNI, TSN_ENCAP_VXLAN };
    struct xmpp_evpn other = {
        .tag = VNI, .mac = eth_addr_broadcast, .ip = ip("10.0.1.9"),
        .plen = 32, .leaf_olist = CONST_CAST(struct tunnel_dst *, &leaf),
        .n_leaf_olist = 1,
    };
    struct rig r;

    rig_init(&r);
    rig_start(&r);
    add_lists(&r, VNI + 1, NULL, 0, &leaf, 1);
    repl_builder_add_route(r.b, &other, false);
    rig_finish(&r);
    assert_int_equal(find_class(&r, "10.0.1.1"), FWD_STRANGER);
    rig_fini(&r);
}

static void
macs__routes__tunnels(void **state OVS_UNUSED)
{
    const struct eth_addr group = { { { 1, 0, 0x5e, 0, 0, 1 } } };
    const struct eth_addr v2 = { { { 2, 0xcc, 0, 0, 0, 2 } } };
    struct fwd_ip t1 = fwd_ip("10.0.1.1"), zero = { { 0 } };
    struct fwd_ip c1 = fwd_ip("10.0.0.21");
    struct rig r;

    rig_init(&r);
    rig_start(&r);
    add_vxlan_mac(&r, b1, NULL, "10.0.1.1");
    add_mac(&r, v1, "192.0.2.21", "10.0.0.21", TSN_ENCAP_MPLS_UDP, 1, 100,
            false);
    add_mac(&r, v2, NULL, "10.0.0.22", 0, 1, 100, false);
    add_vxlan_mac(&r, group, NULL, "10.0.1.1");
    add_vxlan_mac(&r, service, NULL, "10.0.1.1");
    add_vxlan_mac(&r, eth_addr_exact, NULL, "10.0.1.1");
    rig_finish(&r);

    assert_int_equal(r.network->n_macs, 3);
    assert_memory_equal(&find_mac(&r, b1)->tunnel, &t1, sizeof t1);
    assert_int_equal(find_mac(&r, b1)->label, 4711);
    assert_int_equal(find_mac(&r, b1)->flags, FWD_MAC_ROUTE);
    assert_int_equal(find_mac(&r, b1)->encap, FWD_VXLAN);
    assert_memory_equal(&find_mac(&r, v1)->tunnel, &c1, sizeof c1);
    assert_int_equal(find_mac(&r, v1)->label, 4711);
    assert_int_equal(find_mac(&r, v1)->encap, FWD_MPLS_UDP);
    assert_int_equal(find_mac(&r, v1)->flags, FWD_MAC_ROUTE);
    /* Known, but not by anything that we send. */
    assert_memory_equal(&find_mac(&r, v2)->tunnel, &zero, sizeof zero);
    assert_int_equal(find_mac(&r, v2)->flags, FWD_MAC_ROUTE);
    assert_mac(find_arp(&r, "192.0.2.21"), v1, false);
    rig_fini(&r);
}

/* Types 5 and 6, whatever MAC the latter has. */
static void
macs__prefixes_and_groups__ignored(void **state OVS_UNUSED)
{
    const struct tunnel_dst leaf = { ip("10.0.1.1"), VNI, TSN_ENCAP_VXLAN };
    const struct eth_addr macs[] = {
        eth_addr_zero, eth_addr_broadcast, b1,
    };
    struct in6_addr group = ip("225.1.1.1"), nh = ip("10.0.3.9");
    struct rig r;

    rig_init(&r);
    rig_start(&r);
    for (size_t i = 0; i < ARRAY_SIZE(macs); i++) {
        struct xmpp_evpn route = { .tag = VNI, .mac = macs[i], .plen = 32 };

        xmpp_evpn_add_next_hop(&route, &nh, VNI, TSN_ENCAP_VXLAN);
        route.leaf_olist = xmemdup(&leaf, sizeof leaf);
        route.n_leaf_olist = 1;
        if (eth_addr_is_zero(route.mac)) {
            route.ip = ip("10.0.7.7");
        } else {
            xmpp_evpn_set_group(&route, &group, &in6addr_any, 0);
        }
        repl_builder_add_route(r.b, &route, false);
        xmpp_evpn_fini(&route);
    }
    rig_finish(&r);
    assert_null(find_mac(&r, eth_addr_zero));
    assert_null(find_mac(&r, b1));
    assert_null(find_arp(&r, "10.0.7.7"));
    assert_int_equal(find_class(&r, "10.0.1.1"), FWD_STRANGER);
    rig_fini(&r);
}

static void
macs__own_next_hop__ignored(void **state OVS_UNUSED)
{
    struct rig r;

    rig_init(&r);
    rig_start(&r);
    add_vxlan_mac(&r, b1, "192.0.2.10", "10.0.0.11");
    rig_finish(&r);
    assert_null(find_mac(&r, b1));
    assert_null(find_arp(&r, "192.0.2.10"));
    rig_fini(&r);
}

/* Whatever the order in which they come. */
static void
macs__several_routes__best_wins(void **state OVS_UNUSED)
{
    static const struct {
        const char *next_hop;
        uint8_t encaps;
        uint32_t sequence, local_pref;
        bool stale;
    } routes[] = {              /* From best to worst. */
        { "10.0.1.1", TSN_ENCAP_VXLAN, 3, 1, false },
        { "10.0.1.2", TSN_ENCAP_VXLAN, 2, 200, false },
        { "10.0.1.3", TSN_ENCAP_VXLAN, 2, 100, false },
        { "10.0.1.9", TSN_ENCAP_VXLAN, 9, 900, true },
    };
    const size_t n = ARRAY_SIZE(routes);

    for (size_t i = 0; i < n; i++) {
        for (size_t j = i; j < n; j++) {
            for (int swap = 0; swap < 2; swap++) {
                struct fwd_ip best = fwd_ip(routes[i].next_hop);
                struct rig r;

                rig_init(&r);
                rig_start(&r);
                for (int k = 0; k < 2; k++) {
                    size_t at = (k ^ swap) ? j : i;

                    add_mac(&r, b1, NULL, routes[at].next_hop,
                            routes[at].encaps, routes[at].sequence,
                            routes[at].local_pref, routes[at].stale);
                }
                rig_finish(&r);
                assert_memory_equal(&find_mac(&r, b1)->tunnel, &best,
                                    sizeof best);
                rig_fini(&r);
            }
        }
    }
}

static void
macs__several_next_hops__lowest_vxlan(void **state OVS_UNUSED)
{
    static const char *const hops[] = { "10.0.1.7", "10.0.1.3", "10.0.1.5" };
    struct xmpp_evpn route = { .tag = VNI, .mac = b1, .plen = 32 };
    struct fwd_ip lowest = fwd_ip("10.0.1.3");
    struct in6_addr mpls = ip("10.0.1.1");
    struct rig r;

    for (size_t i = 0; i < ARRAY_SIZE(hops); i++) {
        struct in6_addr nh = ip(hops[i]);
        xmpp_evpn_add_next_hop(&route, &nh, VNI, TSN_ENCAP_VXLAN);
    }
    xmpp_evpn_add_next_hop(&route, &mpls, 55, TSN_ENCAP_MPLS_UDP);
    rig_init(&r);
    rig_start(&r);
    repl_builder_add_route(r.b, &route, false);
    rig_finish(&r);
    assert_memory_equal(&find_mac(&r, b1)->tunnel, &lowest, sizeof lowest);
    xmpp_evpn_fini(&route);
    rig_fini(&r);
}

/* Of routes that are equally good, whatever the order in which they come. */
static void
macs__equal_routes__best_then_lowest(void **state OVS_UNUSED)
{
    static const struct {
        const char *next_hop;
        uint32_t label;
        uint8_t encaps;
    } routes[] = {              /* From best to worst. */
        { "10.0.1.2", 7, TSN_ENCAP_VXLAN },
        { "10.0.1.2", 8, TSN_ENCAP_VXLAN },
        { "10.0.1.3", 7, TSN_ENCAP_VXLAN },
        { "10.0.1.1", 17, TSN_ENCAP_MPLS_UDP },
        { "10.0.1.0", 7, TSN_ENCAP_MPLS_UDP },
    };
    const size_t n = ARRAY_SIZE(routes);

    for (size_t i = 0; i < n - 1; i++) {
        for (size_t j = i + 1; j < n; j++) {
            for (int swap = 0; swap < 2; swap++) {
                struct fwd_ip best = fwd_ip(routes[i].next_hop);
                struct rig r;

                rig_init(&r);
                rig_start(&r);
                for (int k = 0; k < 2; k++) {
                    size_t at = (k ^ swap) ? j : i;
                    struct xmpp_evpn route = {
                        .tag = VNI, .mac = b1, .plen = 32,
                    };
                    struct in6_addr nh = ip(routes[at].next_hop);

                    xmpp_evpn_add_next_hop(&route, &nh, routes[at].label,
                                           routes[at].encaps);
                    repl_builder_add_route(r.b, &route, false);
                    xmpp_evpn_fini(&route);
                }
                rig_finish(&r);
                assert_memory_equal(&find_mac(&r, b1)->tunnel, &best,
                                    sizeof best);
                assert_int_equal(find_mac(&r, b1)->label, routes[i].label);
                rig_fini(&r);
            }
        }
    }
}

static struct xmpp_vmi
make_vmi(struct rig *r, struct eth_addr mac, const char *addr)
{
    return (struct xmpp_vmi) {
        .name = CONST_CAST(char *, "vmi"), .mac = mac, .ip4 = ip(addr),
        .network = &r->config,
    };
}

static void
interface__with_and_without_dhcp__bound_or_not(void **state OVS_UNUSED)
{
    for (int dhcp = 0; dhcp < 2; dhcp++) {
        for (int route_first = 0; route_first < 2; route_first++) {
            struct fwd_ip t1 = fwd_ip("10.0.1.1");
            struct xmpp_vmi vmi;
            struct rig r;

            rig_init(&r);
            r.subnet.enable_dhcp = dhcp;
            vmi = make_vmi(&r, b1, "192.0.2.10");
            rig_start(&r);
            if (route_first) {
                add_vxlan_mac(&r, b1, NULL, "10.0.1.1");
            }
            repl_builder_add_vmi(r.b, &vmi);
            if (!route_first) {
                add_vxlan_mac(&r, b1, NULL, "10.0.1.1");
            }
            rig_finish(&r);
            assert_int_equal(find_mac(&r, b1)->flags,
                             FWD_MAC_ROUTE | (dhcp ? FWD_MAC_DHCP4 : 0));
            assert_memory_equal(&find_mac(&r, b1)->tunnel, &t1, sizeof t1);
            assert_mac(find_arp(&r, "192.0.2.10"), b1, false);
            rig_fini(&r);
        }
    }
}

static void
interface__incomplete__ignored(void **state OVS_UNUSED)
{
    struct xmpp_vmi vmi;
    struct rig r;

    rig_init(&r);
    rig_start(&r);
    vmi = make_vmi(&r, (struct eth_addr) { .ea = { 0 } }, "192.0.2.10");
    repl_builder_add_vmi(r.b, &vmi);
    vmi = make_vmi(&r, eth_addr_broadcast, "192.0.2.11");
    repl_builder_add_vmi(r.b, &vmi);
    vmi = make_vmi(&r, b1, "0.0.0.0");
    repl_builder_add_vmi(r.b, &vmi);
    rig_finish(&r);
    assert_int_equal(r.network->n_macs, 0);
    assert_int_equal(r.network->n_arps, 1);     /* The service. */
    rig_fini(&r);
}

/* Rows 39 to 43 of spec G: who owns which address. */
static void
arp__service_interface_route__by_origin(void **state OVS_UNUSED)
{
    struct xmpp_vmi vmi;
    struct rig r;

    rig_init(&r);
    vmi = make_vmi(&r, b1, "192.0.2.10");
    rig_start(&r);
    add_vxlan_mac(&r, v1, "192.0.2.2", "10.0.0.21");    /* Ours. */
    add_vxlan_mac(&r, v1, "192.0.2.10", "10.0.0.21");   /* The server's. */
    add_vxlan_mac(&r, v1, "192.0.2.21", "10.0.0.21");
    add_vxlan_mac(&r, v1, "2001:db8::21", "10.0.0.21");
    repl_builder_add_vmi(r.b, &vmi);
    rig_finish(&r);
    assert_mac(find_arp(&r, "192.0.2.2"), service, true);
    assert_mac(find_arp(&r, "192.0.2.10"), b1, false);
    assert_mac(find_arp(&r, "192.0.2.21"), v1, false);
    assert_null(find_arp(&r, "192.0.2.1"));
    assert_int_equal(r.network->n_arps, 3);
    rig_fini(&r);
}

static void
arp__gateway_serves_by_default__real_gateway_wins(void **state OVS_UNUSED)
{
    for (int real = 0; real < 2; real++) {
        struct rig r;

        rig_init(&r);
        r.subnet.dns_server = in6addr_any;
        rig_start(&r);
        if (real) {
            add_vxlan_mac(&r, v1, "192.0.2.1", "10.0.2.1");
        }
        rig_finish(&r);
        assert_mac(find_arp(&r, "192.0.2.1"), real ? v1 : service, !real);
        rig_fini(&r);
    }
}

static void
network__rebuilt_in_another_order__equal(void **state OVS_UNUSED)
{
    const struct tunnel_dst leaves[] = {
        { ip("10.0.1.1"), VNI, TSN_ENCAP_VXLAN },
        { ip("10.0.1.2"), VNI, TSN_ENCAP_VXLAN },
    }, reversed[] = { leaves[1], leaves[0] };
    struct rig a, b;

    rig_init(&a);
    rig_start(&a);
    add_lists(&a, VNI, NULL, 0, leaves, 2);
    add_vxlan_mac(&a, b1, NULL, "10.0.1.1");
    add_vxlan_mac(&a, v1, "192.0.2.21", "10.0.0.21");
    rig_finish(&a);

    rig_init(&b);
    rig_start(&b);
    add_vxlan_mac(&b, v1, "192.0.2.21", "10.0.0.21");
    add_vxlan_mac(&b, b1, NULL, "10.0.1.1");
    add_lists(&b, VNI, NULL, 0, reversed, 2);
    rig_finish(&b);
    assert_true(fwd_network_equals(a.network, b.network));
    rig_fini(&b);

    /* And each single difference counts. */
    for (int i = 0; i < 6; i++) {
        rig_init(&b);
        b.config.flood_unknown_unicast = i != 0;
        b.config.control_word = i == 5;
        rig_start(&b);
        add_lists(&b, VNI, NULL, 0, leaves, i == 1 ? 1 : 2);
        add_vxlan_mac(&b, b1, NULL, i == 2 ? "10.0.1.2" : "10.0.1.1");
        add_vxlan_mac(&b, v1, i == 3 ? "192.0.2.22" : "192.0.2.21",
                      "10.0.0.21");
        if (i == 4) {
            struct xmpp_vmi vmi = make_vmi(&b, b1, "192.0.2.10");
            repl_builder_add_vmi(b.b, &vmi);
        }
        rig_finish(&b);
        assert_false(fwd_network_equals(a.network, b.network));
        rig_fini(&b);
    }
    rig_fini(&a);
}

/* Look-ups in a network of some size, hits and misses. */
static void
network__thousands_of_macs__each_found(void **state OVS_UNUSED)
{
    struct rig r;

    rig_init(&r);
    rig_start(&r);
    for (int i = 0; i < 5000; i++) {
        struct eth_addr mac = { { { 2, 1, 0, 0, i >> 8, i } } };
        char addr[32], next_hop[32];

        snprintf(addr, sizeof addr, "10.%d.%d.7", 100 + i / 256, i % 256);
        snprintf(next_hop, sizeof next_hop, "10.9.%d.%d", i / 256, i % 256);
        add_vxlan_mac(&r, mac, addr, next_hop);
    }
    rig_finish(&r);
    for (int i = 0; i < 5000; i++) {
        struct eth_addr mac = { { { 2, 1, 0, 0, i >> 8, i } } };
        struct eth_addr other = { { { 2, 2, 0, 0, i >> 8, i } } };
        char addr[32];

        snprintf(addr, sizeof addr, "10.%d.%d.7", 100 + i / 256, i % 256);
        assert_int_equal(find_mac(&r, mac)->tunnel.b[15], i % 256);
        assert_null(find_mac(&r, other));
        assert_mac(find_arp(&r, addr), mac, false);
    }
    rig_fini(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists__leaves_and_others__members_by_class),
        cmocka_unit_test(lists__ipv6_and_address_for_it__members_but_switches),
        cmocka_unit_test(lists__of_another_vni_or_node__ignored),
        cmocka_unit_test(lists__priorities_of_the_cloud__encapsulations),
        cmocka_unit_test(lists__two_with_different_labels__fresh_then_lowest),
        cmocka_unit_test(lists__published_by_mpls__those_of_that_key),
        cmocka_unit_test(lists__kept__until_others_come),
        cmocka_unit_test(tree__place__neighbours_and_labels),
        cmocka_unit_test(tree__alone_or_none__label_or_none),
        cmocka_unit_test(tree__endpoint_of_several_classes__not_of_evpn),
        cmocka_unit_test(no_forwarding__master_or_not__switches_of_ours),
        cmocka_unit_test(macs__routes__tunnels),
        cmocka_unit_test(macs__own_next_hop__ignored),
        cmocka_unit_test(macs__prefixes_and_groups__ignored),
        cmocka_unit_test(macs__several_routes__best_wins),
        cmocka_unit_test(macs__several_next_hops__lowest_vxlan),
        cmocka_unit_test(macs__equal_routes__best_then_lowest),
        cmocka_unit_test(interface__with_and_without_dhcp__bound_or_not),
        cmocka_unit_test(interface__incomplete__ignored),
        cmocka_unit_test(arp__service_interface_route__by_origin),
        cmocka_unit_test(arp__gateway_serves_by_default__real_gateway_wins),
        cmocka_unit_test(network__rebuilt_in_another_order__equal),
        cmocka_unit_test(network__thousands_of_macs__each_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
