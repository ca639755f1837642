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
#include "replication/tree/members.h"
#include "replication/tree/rules.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/merit.h"
#include "xmpp/route.h"
#include "xmpp/speaker.h"
#include "xmpp/view.h"

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

/* The present label of a tree, those before it, and that of EVPN. */
#define MAX_LABELS (1 + XMPP_TREE_MAX_OLD_LABELS + 1)

struct repl_builder {
    const struct repl_identity *self;
    const struct repl_rules *rules;
    const struct xmpp_network *config;
    const struct xmpp_evpn *published;  /* Or NULL. */
    const struct fwd_network *old;      /* Whose lists are kept, or NULL. */
    bool whole;                 /* Lists that replace those. */
    bool has_lists;             /* That are not stale. */
    struct repl_members members;
    struct hmap macs, arps;
    struct fwd_in_label labels[MAX_LABELS];
    size_t n_labels;
};

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

static const struct fwd_ip no_tunnel;

/* How a next hop is sent to; no tunnel if it cannot be. */
static struct fwd_mac
get_tunnel(const struct repl_builder *b, const struct tunnel_dst *nh)
{
    struct fwd_mac to = { .tunnel = no_tunnel };
    enum fwd_encap encap;

    if (!repl_reaches(b->self, &nh->ip)
        || !repl_rules_choose(b->rules, nh->encaps, &encap)) {
        return to;
    }
    if (encap == FWD_VXLAN) {
        to.label = nh->label && nh->label <= TSN_VNI_MAX
                   ? nh->label : b->config->vni;
    } else if (nh->label >= TSN_MPLS_LABEL_MIN
               && nh->label <= TSN_MPLS_LABEL_MAX) {
        to.label = nh->label;
    } else {
        return to;
    }
    to.encap = encap;
    memcpy(&to.tunnel, &nh->ip, sizeof to.tunnel);
    return to;
}

/* Negative if 'a' is the better one of two tunnels of equally good routes: one
 * that we can send to, then by encapsulation, then the lowest (RFC 7432,
 * 15). */
static int
compare_tunnels(const struct repl_builder *b, const struct fwd_mac *a,
                const struct fwd_mac *c)
{
    bool a_is_none = fwd_ip_equals(&a->tunnel, &no_tunnel);
    bool c_is_none = fwd_ip_equals(&c->tunnel, &no_tunnel);

    if (a_is_none != c_is_none) {
        return a_is_none - c_is_none;
    }
    int cmp = (int) repl_rules_rank(b->rules, a->encap)
              - (int) repl_rules_rank(b->rules, c->encap);
    if (!cmp) {
        cmp = memcmp(&a->tunnel, &c->tunnel, sizeof a->tunnel);
    }
    return cmp ? cmp : a->label < c->label ? -1 : a->label > c->label;
}

/* The best of the route's next hops, so that the choice is stable. */
static struct fwd_mac
choose_next_hop(const struct repl_builder *b, const struct xmpp_evpn *route)
{
    struct fwd_mac best = { .tunnel = no_tunnel };

    for (size_t i = 0; i < route->n_next_hops; i++) {
        struct fwd_mac to = get_tunnel(b, &route->next_hops[i]);

        if (compare_tunnels(b, &to, &best) < 0) {
            best = to;
        }
    }
    return best;
}

static void
add_mac_route(struct repl_builder *b, const struct xmpp_evpn *route,
              const struct xmpp_merit *merit)
{
    struct fwd_mac found = choose_next_hop(b, route);
    struct mac *mac = get_mac(b, route->mac);

    if (mac->entry.mac.flags & FWD_MAC_ROUTE) {
        int cmp = xmpp_merit_compare(&mac->merit, merit);

        if ((cmp ? cmp : compare_tunnels(b, &found, &mac->entry.mac)) >= 0) {
            return;
        }
    }
    found.flags = FWD_MAC_ROUTE | mac->entry.mac.flags;
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
                    const struct repl_rules *rules,
                    const struct xmpp_network *config)
{
    struct repl_builder *b = xzalloc(sizeof *b);

    b->self = self;
    b->rules = rules;
    b->config = config;
    repl_members_init(&b->members, rules, self);
    hmap_init(&b->macs);
    hmap_init(&b->arps);
    add_service_addresses(b);
    return b;
}

void
repl_builder_set_published(struct repl_builder *b,
                           const struct xmpp_evpn *route)
{
    b->published = route;
}

void
repl_builder_keep_lists(struct repl_builder *b, const struct fwd_network *old,
                        bool whole)
{
    b->old = old;
    b->whole = whole;
}

static void
add_label(struct repl_builder *b, uint32_t label, enum fwd_label_kind kind)
{
    if (label) {
        b->labels[b->n_labels++] = (struct fwd_in_label) { label, kind };
    }
}

void
repl_builder_add_evpn_label(struct repl_builder *b, uint32_t label)
{
    add_label(b, label, FWD_LABEL_EVPN);
}

void
repl_builder_add_tree(struct repl_builder *b, const struct xmpp_tree *tree)
{
    add_label(b, tree->label, FWD_LABEL_TREE);
    for (size_t i = 0; i < tree->n_old_labels; i++) {
        add_label(b, tree->old_labels[i], FWD_LABEL_TREE);
    }
    for (size_t i = 0; i < tree->n_neighbours; i++) {
        repl_members_add(&b->members, &tree->neighbours[i], FWD_TREE, false);
    }
}

static void
add_flood_lists(struct repl_builder *b, const struct xmpp_evpn *route,
                bool stale)
{
    b->has_lists |= !stale;
    for (size_t i = 0; i < route->n_leaf_olist; i++) {
        repl_members_add(&b->members, &route->leaf_olist[i], FWD_TOR, stale);
    }
    for (size_t i = 0; i < route->n_olist; i++) {
        repl_members_add(&b->members, &route->olist[i], FWD_EVPN, stale);
    }
}

/* Whether it leads to us. */
static bool
is_own(const struct repl_builder *b, const struct xmpp_evpn *route)
{
    for (size_t i = 0; i < route->n_next_hops; i++) {
        if (repl_is_self(b->self, &route->next_hops[i].ip)) {
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
        /* Of a VNI or an encapsulation that we left, the lists do not
         * count. */
        if (b->published && !tsn_ip_is_set(&route->ip)
            && route->tag == b->published->tag) {
            add_flood_lists(b, route, stale);
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
    struct fwd_mac_entry *macs = xmalloc(hmap_count(&b->macs) * sizeof *macs);
    struct fwd_arp_entry *arps = xmalloc(hmap_count(&b->arps) * sizeof *arps);
    struct fwd_network_spec spec = {
        .net = {
            .vni = b->config->vni,
            .seed = b->self->seed,
            .flags = (b->config->flood_unknown_unicast
                      ? FWD_NET_FLOOD_UNKNOWN : 0)
                     | (b->config->control_word ? FWD_NET_CONTROL_WORD : 0),
        },
        .macs = macs, .arps = arps,
        .labels = b->labels, .n_labels = b->n_labels,
    };
    struct mac *mac;
    struct arp *arp;

    memcpy(spec.net.service_mac, &b->self->service_mac,
           sizeof spec.net.service_mac);
    if (b->old && !(b->has_lists && b->whole)) {
        repl_members_add_from(&b->members, b->old, FWD_TOR);
        repl_members_add_from(&b->members, b->old, FWD_EVPN);
    }
    struct fwd_member *members = repl_members_take(&b->members,
                                                   &spec.n_members);
    spec.members = members;
    HMAP_FOR_EACH_POP (mac, node, &b->macs) {
        if (b->rules->no_forwarding) {
            mac->entry.mac.flags |= FWD_MAC_EVPN_CONTROL;
        }
        macs[spec.n_macs++] = mac->entry;
        free(mac);
    }
    HMAP_FOR_EACH_POP (arp, node, &b->arps) {
        arps[spec.n_arps++] = arp->entry;
        free(arp);
    }

    struct fwd_network *network = fwd_network_create(&spec, counters);
    *n_unreachable = b->members.n_unreachable;
    hmap_destroy(&b->macs);
    hmap_destroy(&b->arps);
    free(members);
    free(macs);
    free(arps);
    free(b);
    return network;
}
