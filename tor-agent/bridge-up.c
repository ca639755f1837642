/* SPDX-License-Identifier: Apache-2.0 */
/* What is behind the switch to EVPN routes: a MAC route for each MAC, a
 * broadcast route for each flood endpoint (spec/tor-agent.md C.2, C.3). */
#include <config.h>
#include "tor-agent/tor-private.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "util.h"
#include "xmpp/route.h"
#include "xmpp/speaker.h"

VLOG_DEFINE_THIS_MODULE(tor_up);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* What OpenSDN calls low and gives to MACs of a ToR (C.2). */
#define LIVE_PREF 100

static const struct tor_groups *
find_groups(const struct tor_network *net, const struct eth_addr *mac)
{
    const struct tor_groups *g;

    HMAP_FOR_EACH_WITH_HASH (g, node, hash_mac(*mac, 0, 0), &net->groups) {
        if (eth_addr_equals(g->mac, *mac)) {
            return g;
        }
    }
    return NULL;
}

static void
add_groups(const struct tor_network *net, struct xmpp_evpn *route)
{
    const struct tor_groups *g = find_groups(net, &route->mac);

    if (g) {
        route->security_groups = xmemdup(g->ids, g->n_ids * sizeof *g->ids);
        route->n_security_groups = g->n_ids;
    }
}

/* The key that 'e' is published with. */
static void
init_key(const struct tor_export *e, const struct eth_addr *mac,
         const struct in6_addr *ip, struct xmpp_evpn *route)
{
    xmpp_evpn_init(route);
    route->tag = e->tag;
    route->mac = *mac;
    route->ip = *ip;
    route->plen = tsn_ip_is_v4(ip) || !tsn_ip_is_set(ip) ? 32 : 128;
}

static void
init_route(const struct tor_export *e, const struct eth_addr *mac,
           const struct in6_addr *ip, struct xmpp_evpn *route)
{
    init_key(e, mac, ip, route);
    route->local_pref = e->kind == TOR_LIVE ? LIVE_PREF : TOR_COPY_PREF;
    route->sequence = e->sequence;
    xmpp_evpn_add_next_hop(route, &e->vtep, e->tag, TSN_ENCAP_VXLAN);
}

static void
publish(const struct tor *tor, const struct tor_network *net,
        struct tor_export *e, const struct xmpp_evpn *route)
{
    int error = xmpp_speaker_publish(tor->speaker, net->instance, route);

    e->refused = error != 0;
    if (error) {
        char ip[TSN_IP_STRLEN];
        VLOG_WARN_RL(&rl, "cannot announce a MAC tor=%s network=%s mac="
                     ETH_ADDR_FMT" vtep=%s: %s", tor->name, net->instance,
                     ETH_ADDR_ARGS(route->mac), tsn_ip_format(&e->vtep, ip),
                     ovs_strerror(-error));
    }
}

static void
withdraw(const struct tor *tor, const struct tor_network *net,
         const struct tor_export *e, const struct eth_addr *mac,
         const struct in6_addr *ip)
{
    struct xmpp_evpn key;

    init_key(e, mac, ip, &key);
    xmpp_speaker_withdraw(tor->speaker, net->instance, &key);
    xmpp_evpn_fini(&key);
}

static void
withdraw_ip(const struct tor *tor, struct tor_mac *m)
{
    if (m->ip) {
        withdraw(tor, m->net, &m->export, &m->mac, m->ip);
        free(m->ip);
        m->ip = NULL;
    }
}

/* Beside the route without. */
static void
publish_ip(const struct tor *tor, struct tor_mac *m,
           const struct in6_addr *ip)
{
    struct xmpp_evpn route;

    if (!tor->bridge.ipaddr || !tsn_ip_is_host(ip)) {
        withdraw_ip(tor, m);
        return;
    }
    if (m->ip && !tsn_ip_equals(m->ip, ip)) {
        withdraw_ip(tor, m);
    }
    if (!m->ip) {
        m->ip = xmemdup(ip, sizeof *ip);
    }
    init_route(&m->export, &m->mac, ip, &route);
    add_groups(m->net, &route);
    publish(tor, m->net, &m->export, &route);
    xmpp_evpn_fini(&route);
}

void
bridge_up(struct tor *tor, struct tor_mac *m, enum tor_export_kind kind,
          const struct in6_addr *vtep, uint32_t sequence,
          const struct in6_addr *ip)
{
    struct tor_network *net = m->net;
    struct tor_export *e = &m->export;
    struct xmpp_evpn route;

    net->n_exports -= e->kind != TOR_NOT_EXPORTED;
    net->n_exports += kind != TOR_NOT_EXPORTED;
    if (e->kind != TOR_NOT_EXPORTED
        && (kind == TOR_NOT_EXPORTED || e->tag != net->vni)) {
        withdraw_ip(tor, m);
        withdraw(tor, net, e, &m->mac, &in6addr_any);
    }
    *e = (struct tor_export) {
        .vtep = *vtep, .tag = net->vni, .sequence = sequence, .kind = kind,
    };
    if (kind == TOR_NOT_EXPORTED) {
        return;
    }
    init_route(e, &m->mac, &in6addr_any, &route);
    add_groups(net, &route);
    publish(tor, net, e, &route);
    xmpp_evpn_fini(&route);
    if (!e->refused) {
        publish_ip(tor, m, ip);
    }
}

bool
bridge_up_is_echo(const struct tor_mac *m, const struct xmpp_evpn *route)
{
    const struct tor_export *e = &m->export;

    return (e->kind == TOR_LIVE && !e->refused
            && xmpp_evpn_type(route) == XMPP_EVPN_MAC
            && route->tag == e->tag && route->sequence == e->sequence
            && route->local_pref == LIVE_PREF && route->n_next_hops == 1
            && (route->next_hops[0].encaps & TSN_ENCAP_VXLAN)
            && tsn_ip_equals(&route->next_hops[0].ip, &e->vtep));
}

void
bridge_up_flood(struct tor *tor, struct tor_network *net,
                struct tor_flood *flood, enum tor_export_kind kind)
{
    struct tor_export *e = &flood->export;
    struct xmpp_evpn route;

    if (e->kind != TOR_NOT_EXPORTED
        && (kind == TOR_NOT_EXPORTED || e->tag != net->vni)) {
        withdraw(tor, net, e, &eth_addr_broadcast, &e->vtep);
    }
    e->kind = kind;
    e->tag = net->vni;
    if (kind == TOR_NOT_EXPORTED) {
        return;
    }
    init_route(e, &eth_addr_broadcast, &e->vtep, &route);
    route.replicator = net->replicator;
    publish(tor, net, e, &route);
    xmpp_evpn_fini(&route);
}
