/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/tree/builder.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/hmap.h"
#include "packets.h"
#include "replication/forwarder/table.h"
#include "replication/services/lease.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/merit.h"
#include "xmpp/route.h"
#include "xmpp/view.h"

struct member {
    struct hmap_node node;      /* In 'members', by address. */
    struct fwd_member m;
};

struct mac {
    struct hmap_node node;      /* In 'macs', by MAC. */
    struct fwd_mac_entry entry;
    struct xmpp_merit merit;    /* Of the route, if there is one. */
};

/* Where an address's MAC is known from; the higher one wins.  A service
 * address that is no more than the default, the gateway's, gives way to a
 * gateway that is really there. */
enum origin {
    ORIGIN_SERVICE_BY_DEFAULT,
    ORIGIN_ROUTE,
    ORIGIN_INTERFACE,
    ORIGIN_SERVICE,
};

struct arp {
    struct hmap_node node;      /* In 'arps', by address. */
    struct fwd_arp_entry entry;
    enum origin origin;
    struct xmpp_merit merit;    /* ORIGIN_ROUTE. */
};

struct repl_builder {
    const struct repl_identity *self;
    const struct xmpp_network *config;
    struct hmap members, macs, arps;
    unsigned int n_unreachable;
};

static void
add_member(struct repl_builder *b, const struct tunnel_dst *dst,
           enum fwd_class class)
{
    struct fwd_ip ip;
    struct member *member;

    if (tsn_ip_equals(&dst->ip, &b->self->address)) {
        return;                 /* A frame to ourselves would loop. */
    }
    if (!tsn_ip_is_v4(&dst->ip) || !tsn_ip_is_set(&dst->ip)
        || !(dst->encaps & TSN_ENCAP_VXLAN) || !dst->label
        || dst->label > TSN_VNI_MAX) {
        b->n_unreachable++;
        return;
    }

    memcpy(&ip, &dst->ip, sizeof ip);
    uint32_t hash = hash_bytes(&ip, sizeof ip, 0);
    HMAP_FOR_EACH_WITH_HASH (member, node, hash, &b->members) {
        if (fwd_ip_equals(&member->m.ip, &ip)) {
            /* In both lists it still gets one copy, and as ToR (B.5). */
            member->m.class = MIN(member->m.class, class);
            return;
        }
    }
    member = xmalloc(sizeof *member);
    member->m = (struct fwd_member) { ip, dst->label, class, FWD_VXLAN };
    hmap_insert(&b->members, &member->node, hash);
}

static struct mac *
get_mac(struct repl_builder *b, struct eth_addr addr)
{
    uint32_t hash = hash_bytes(&addr, sizeof addr, 0);
    struct mac *mac;

    HMAP_FOR_EACH_WITH_HASH (mac, node, hash, &b->macs) {
        if (!memcmp(mac->entry.addr, &addr, sizeof addr)) {
            return mac;
        }
    }
    mac = xzalloc(sizeof *mac);
    memcpy(mac->entry.addr, &addr, sizeof addr);
    hmap_insert(&b->macs, &mac->node, hash);
    return mac;
}

/* The next hop that we send to: the lowest address of those that take VXLAN,
 * so that the choice is stable.  NULL if there is none. */
static const struct tunnel_dst *
choose_next_hop(const struct xmpp_evpn *route)
{
    const struct tunnel_dst *best = NULL;

    for (size_t i = 0; i < route->n_next_hops; i++) {
        const struct tunnel_dst *nh = &route->next_hops[i];

        if (nh->encaps & TSN_ENCAP_VXLAN && tsn_ip_is_v4(&nh->ip)
            && tsn_ip_is_set(&nh->ip)
            && (!best || memcmp(&nh->ip, &best->ip, sizeof nh->ip) < 0)) {
            best = nh;
        }
    }
    return best;
}

/* Negative if 'a' is the better one of two tunnels of equally good routes: one
 * that we can send to, then the lowest (RFC 7432, 15). */
static int
compare_tunnels(const struct fwd_mac *a, const struct fwd_mac *b)
{
    static const struct fwd_ip none;
    bool a_is_none = !memcmp(&a->tunnel, &none, sizeof none);
    bool b_is_none = !memcmp(&b->tunnel, &none, sizeof none);

    if (a_is_none != b_is_none) {
        return a_is_none - b_is_none;
    }
    int cmp = memcmp(&a->tunnel, &b->tunnel, sizeof a->tunnel);
    return cmp ? cmp : a->label < b->label ? -1 : a->label > b->label;
}

static void
add_mac_route(struct repl_builder *b, const struct xmpp_evpn *route,
              const struct xmpp_merit *merit)
{
    const struct tunnel_dst *nh = choose_next_hop(route);
    struct mac *mac = get_mac(b, route->mac);
    struct fwd_mac found = { .flags = FWD_MAC_ROUTE };

    if (nh) {
        memcpy(&found.tunnel, &nh->ip, sizeof found.tunnel);
        found.label = nh->label && nh->label <= TSN_VNI_MAX
                      ? nh->label : b->config->vni;
    }
    if (mac->entry.mac.flags & FWD_MAC_ROUTE) {
        int cmp = xmpp_merit_compare(&mac->merit, merit);

        if ((cmp ? cmp : compare_tunnels(&found, &mac->entry.mac)) >= 0) {
            return;
        }
    }
    found.flags |= mac->entry.mac.flags;
    mac->entry.mac = found;
    mac->merit = *merit;
}

/* Sets the MAC of 'ip', unless a better one is known. */
static void
add_arp(struct repl_builder *b, const struct in6_addr *ip,
        struct eth_addr addr, enum origin origin,
        const struct xmpp_merit *merit)
{
    struct fwd_arp_entry entry = {
        .ip = in6_addr_get_mapped_ipv4(ip),
        .arp.service = origin == ORIGIN_SERVICE
                       || origin == ORIGIN_SERVICE_BY_DEFAULT,
    };
    uint32_t hash = hash_int(entry.ip, 0);
    struct arp *arp;

    memcpy(entry.arp.mac, &addr, sizeof addr);
    HMAP_FOR_EACH_WITH_HASH (arp, node, hash, &b->arps) {
        if (arp->entry.ip == entry.ip) {
            int cmp = (int) arp->origin - (int) origin;

            if (!cmp) {
                cmp = xmpp_merit_compare(&arp->merit, merit);
            }
            if (!cmp) {
                cmp = memcmp(entry.arp.mac, arp->entry.arp.mac, 6);
            }
            if (cmp < 0) {
                break;
            }
            return;
        }
    }
    if (!arp) {
        arp = xmalloc(sizeof *arp);
        hmap_insert(&b->arps, &arp->node, hash);
    }
    arp->entry = entry;
    arp->origin = origin;
    arp->merit = *merit;
}

static const struct xmpp_merit no_merit;

static void
add_service_addresses(struct repl_builder *b)
{
    for (size_t i = 0; i < b->config->n_subnets; i++) {
        const struct xmpp_subnet *subnet = &b->config->subnets[i];
        const struct in6_addr *ip = repl_service_ip(subnet);

        if (tsn_ip_is_v4(ip) && tsn_ip_is_set(ip)) {
            add_arp(b, ip, b->self->service_mac,
                    tsn_ip_equals(ip, &subnet->gateway)
                    ? ORIGIN_SERVICE_BY_DEFAULT : ORIGIN_SERVICE, &no_merit);
        }
    }
}

struct repl_builder *
repl_builder_create(const struct repl_identity *self,
                    const struct xmpp_network *config)
{
    struct repl_builder *b = xzalloc(sizeof *b);

    b->self = self;
    b->config = config;
    hmap_init(&b->members);
    hmap_init(&b->macs);
    hmap_init(&b->arps);
    add_service_addresses(b);
    return b;
}

static void
add_flood_lists(struct repl_builder *b, const struct xmpp_evpn *route)
{
    for (size_t i = 0; i < route->n_leaf_olist; i++) {
        add_member(b, &route->leaf_olist[i], FWD_TOR);
    }
    for (size_t i = 0; i < route->n_olist; i++) {
        add_member(b, &route->olist[i], FWD_EVPN);
    }
}

static bool
is_own(const struct repl_builder *b, const struct xmpp_evpn *route)
{
    for (size_t i = 0; i < route->n_next_hops; i++) {
        if (tsn_ip_equals(&route->next_hops[i].ip, &b->self->address)) {
            return true;
        }
    }
    return false;
}

void
repl_builder_add_route(struct repl_builder *b, const struct xmpp_evpn *route,
                       bool stale)
{
    const struct xmpp_merit merit = xmpp_merit_of(route, stale);

    if (xmpp_evpn_is_broadcast(route)) {
        /* Ours has no address in its key; of a VNI that we left, the lists
         * do not count. */
        if (!tsn_ip_is_set(&route->ip) && route->tag == b->config->vni) {
            add_flood_lists(b, route);
        }
        return;
    }
    if (xmpp_evpn_type(route) != XMPP_EVPN_MAC
        || eth_addr_is_multicast(route->mac)
        || eth_addr_equals(route->mac, b->self->service_mac)
        || is_own(b, route)) {
        return;
    }
    add_mac_route(b, route, &merit);
    if (tsn_ip_is_v4(&route->ip) && tsn_ip_is_set(&route->ip)
        && route->plen == 32) {
        add_arp(b, &route->ip, route->mac, ORIGIN_ROUTE, &merit);
    }
}

void
repl_builder_add_vmi(struct repl_builder *b, const struct xmpp_vmi *vmi)
{
    if (eth_addr_is_multicast(vmi->mac) || eth_addr_is_zero(vmi->mac)) {
        return;
    }
    if (repl_serves_dhcp4(vmi)) {
        get_mac(b, vmi->mac)->entry.mac.flags |= FWD_MAC_DHCP4;
    }
    if (tsn_ip_is_v4(&vmi->ip4) && tsn_ip_is_set(&vmi->ip4)) {
        add_arp(b, &vmi->ip4, vmi->mac, ORIGIN_INTERFACE, &no_merit);
    }
}

struct fwd_network *
repl_builder_finish(struct repl_builder *b, struct fwd_net_counters *counters,
                    unsigned int *n_unreachable)
{
    struct fwd_member *members
        = xmalloc(hmap_count(&b->members) * sizeof *members);
    struct fwd_mac_entry *macs = xmalloc(hmap_count(&b->macs) * sizeof *macs);
    struct fwd_arp_entry *arps = xmalloc(hmap_count(&b->arps) * sizeof *arps);
    struct fwd_network_spec spec = {
        .net = {
            .vni = b->config->vni,
            .seed = b->self->seed,
            .flags = b->config->flood_unknown_unicast
                     ? FWD_NET_FLOOD_UNKNOWN : 0,
        },
        .members = members, .macs = macs, .arps = arps,
    };
    struct member *member;
    struct mac *mac;
    struct arp *arp;

    memcpy(spec.net.service_mac, &b->self->service_mac,
           sizeof spec.net.service_mac);
    HMAP_FOR_EACH_POP (member, node, &b->members) {
        members[spec.n_members++] = member->m;
        free(member);
    }
    HMAP_FOR_EACH_POP (mac, node, &b->macs) {
        macs[spec.n_macs++] = mac->entry;
        free(mac);
    }
    HMAP_FOR_EACH_POP (arp, node, &b->arps) {
        arps[spec.n_arps++] = arp->entry;
        free(arp);
    }

    struct fwd_network *network = fwd_network_create(&spec, counters);
    *n_unreachable = b->n_unreachable;
    hmap_destroy(&b->members);
    hmap_destroy(&b->macs);
    hmap_destroy(&b->arps);
    free(members);
    free(macs);
    free(arps);
    free(b);
    return network;
}
