/* SPDX-License-Identifier: Apache-2.0 */
/* The networks of the forwarding cases. */
#include <config.h>
#include "fwd_cases.h"

/* An endpoint, a label: up to the first without address or label. */
struct member {
    const char *ip;
    uint32_t label;             /* 0: the VNI. */
    enum fwd_class class;
    enum fwd_encap encap;
};

struct network {
    uint32_t vni;
    uint8_t flags, services;
    bool no_gateway;            /* 192.0.2.1 is not known. */
    bool evpn_control;          /* B1 and B2 are behind EVPN switches. */
    struct member members[8];
    struct fwd_in_label labels[4];
};

#define TOR(IP) { IP, 0, FWD_TOR, FWD_VXLAN }
#define PEER(IP) { IP, 0, FWD_EVPN, FWD_VXLAN }
#define MPLS_PEER(IP, LABEL) { IP, LABEL, FWD_EVPN, FWD_MPLS_UDP }
#define GRE_PEER(IP, LABEL) { IP, LABEL, FWD_EVPN, FWD_MPLS_GRE }
#define NEIGHBOUR(IP, LABEL) { IP, LABEL, FWD_TREE, FWD_MPLS_UDP }
#define GRE_NEIGHBOUR(IP, LABEL) { IP, LABEL, FWD_TREE, FWD_MPLS_GRE }

static const struct network networks[] = {
    { .vni = BLUE,
      .members = { TOR(T1), TOR(T2), PEER(Q), NEIGHBOUR(TSN2, 4701),
                   NEIGHBOUR(C1, 4702), NEIGHBOUR(C2, 4703) },
      .labels = { { 4700, FWD_LABEL_TREE }, { 4650, FWD_LABEL_TREE },
                  { 4100, FWD_LABEL_EVPN } } },
    { .vni = GREEN, .flags = FWD_NET_FLOOD_UNKNOWN,
      .members = { TOR(T1), TOR(T2), PEER(Q), MPLS_PEER(Q2, 77),
                   GRE_NEIGHBOUR(C1, 4802) },
      .labels = { { 4800, FWD_LABEL_TREE }, { 4200, FWD_LABEL_EVPN },
                  /* BLUE's, which it keeps. */
                  { 4700, FWD_LABEL_TREE } } },
    { .vni = LONELY, .flags = FWD_NET_FLOOD_UNKNOWN, .members = { TOR(T1) } },
    { .vni = WORDS, .flags = FWD_NET_CONTROL_WORD,
      .members = { TOR(T1), MPLS_PEER(Q2, 78), GRE_PEER(Q, 79),
                   NEIGHBOUR(C1, 4352) },
      .labels = { { 4350, FWD_LABEL_EVPN }, { 4351, FWD_LABEL_TREE } } },
    { .vni = SIX,
      .members = { TOR(T1), PEER(Q6), NEIGHBOUR(C6, 4402),
                   NEIGHBOUR(C1, 4403) },
      .labels = { { 4400, FWD_LABEL_TREE }, { 4410, FWD_LABEL_EVPN } } },
    { .vni = CSN, .evpn_control = true, .services = 1 << FWD_PUNT_DNS,
      .members = { PEER(Q), MPLS_PEER(Q2, 77) },
      .labels = { { 4500, FWD_LABEL_EVPN } } },
    { .vni = SERVED, .services = (1 << FWD_N_PUNTS) - 1,
      .members = { TOR(T1), TOR(T2), PEER(Q), NEIGHBOUR(C1, 4602) },
      .labels = { { 4600, FWD_LABEL_TREE } } },
    { .vni = FAR,
      .members = { TOR(T3), PEER(Q), NEIGHBOUR(TSN2, 4990) },
      .labels = { { 4701, FWD_LABEL_TREE } } },
    { .vni = HALF,
      .members = { TOR(T1), PEER(Q), NEIGHBOUR(TSN2, 4711),
                   NEIGHBOUR(C1, 4712), NEIGHBOUR(C2, 4713) } },
    { .vni = BARE, .no_gateway = true,
      .members = { TOR(T1), TOR(T2), PEER(Q) } },
    { .vni = BOTH,
      .members = { TOR(T1), TOR(T2), NEIGHBOUR(T1, 4731),
                   NEIGHBOUR(C1, 4732) },
      .labels = { { 4730, FWD_LABEL_TREE } } },
    { .vni = BROKEN,
      .members = { TOR(T1), TOR(T2), { C1, 0, FWD_TREE, FWD_VXLAN } } },
};

static struct fwd_mac
mac_at(const char *tunnel, uint32_t label, uint32_t flags,
       enum fwd_encap encap)
{
    return (struct fwd_mac) { ip(tunnel), label, flags | FWD_MAC_ROUTE,
                              encap };
}

static size_t
make_macs(const struct network *n, struct fwd_mac_entry *macs)
{
    const uint32_t served = FWD_MAC_DHCP4
        | (n->services & 1 << FWD_PUNT_DHCP6 ? FWD_MAC_DHCP6 : 0);
    const uint32_t control = served | FWD_MAC_EVPN_CONTROL;
    const struct fwd_mac_entry entries[] = {
        { B1, { 0 }, n->evpn_control
                     ? mac_at(Q, n->vni, control, FWD_VXLAN)
                     : mac_at(T1, n->vni, served, FWD_VXLAN) },
        { B2, { 0 }, n->evpn_control
                     ? mac_at(Q2, 177, control, FWD_MPLS_UDP)
                     : mac_at(T2, n->vni, 0, FWD_VXLAN) },
        { V1, { 0 }, mac_at(C1, n->vni, 0, FWD_VXLAN) },
        { GQ, { 0 }, mac_at(Q, n->vni, 0, FWD_VXLAN) },
        { M1, { 0 }, { .flags = FWD_MAC_ROUTE } },
        { M2, { 0 }, mac_at(Q2, 177, 0, FWD_MPLS_UDP) },
        { M3, { 0 }, mac_at(Q2, 178, 0, FWD_MPLS_GRE) },
        { M6, { 0 }, mac_at(Q6, n->vni, 0, FWD_VXLAN) },
        { UNSEEN, { 0 }, { .flags = FWD_MAC_DHCP4 } },
    };

    memcpy(macs, entries, sizeof entries);
    return ARRAY_SIZE(entries);
}

static size_t
make_arps(const struct network *n, struct fwd_arp_entry *arps)
{
    const struct fwd_arp_entry entries[] = {
        { inet_addr("192.0.2.2"), { SERVICE, 1, 0 } },
        { inet_addr("192.0.2.10"), { B1, 0, 0 } },
        { inet_addr("192.0.2.11"), { B2, 0, 0 } },
        { inet_addr("192.0.2.21"), { V1, 0, 0 } },
        { inet_addr("192.0.2.30"), { M1, 0, 0 } },
        /* Of another network, behind our MAC. */
        { inet_addr("198.51.100.7"), { SERVICE, 0, 0 } },
        { inet_addr("192.0.2.1"), { GQ, 0, 0 } },
    };

    memcpy(arps, entries, sizeof entries);
    return ARRAY_SIZE(entries) - n->no_gateway;
}

static struct fwd_network *
make_network(const struct network *n)
{
    struct fwd_member members[ARRAY_SIZE(n->members)];
    struct fwd_mac_entry macs[16];
    struct fwd_arp_entry arps[16];
    struct fwd_network_spec spec = {
        .net = { .vni = n->vni, .seed = 42, .service_mac = SERVICE,
                 .flags = n->flags, .services = n->services },
        .members = members, .labels = n->labels, .macs = macs, .arps = arps,
    };
    struct fwd_net_counters *counters = fwd_net_counters_create();

    while (spec.n_members < ARRAY_SIZE(members)
           && n->members[spec.n_members].ip) {
        const struct member *m = &n->members[spec.n_members];

        members[spec.n_members++] = (struct fwd_member) {
            ip(m->ip), m->label ? m->label : n->vni, m->class, m->encap,
        };
    }
    while (spec.n_labels < ARRAY_SIZE(n->labels)
           && n->labels[spec.n_labels].label) {
        spec.n_labels++;
    }
    spec.n_macs = make_macs(n, macs);
    spec.n_arps = make_arps(n, arps);

    struct fwd_network *network = fwd_network_create(&spec, counters);
    fwd_net_counters_unref(counters);
    return network;
}

struct fwd_table *
fwd_case_table(void)
{
    struct fwd_network *made[ARRAY_SIZE(networks)];

    for (size_t i = 0; i < ARRAY_SIZE(networks); i++) {
        made[i] = make_network(&networks[i]);
    }
    struct fwd_table *table = fwd_table_create(made, ARRAY_SIZE(made));
    for (size_t i = 0; i < ARRAY_SIZE(networks); i++) {
        fwd_network_unref(made[i]);
    }
    return table;
}

struct fwd_host
fwd_case_host(void)
{
    return (struct fwd_host) {
        .ip4 = ip(TSN1), .ip6 = ip(TSN1_6), .mtu = 1500,
    };
}
