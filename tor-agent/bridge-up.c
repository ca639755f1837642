/* SPDX-License-Identifier: Apache-2.0 */
/* What the switch learnt to EVPN routes: a MAC route for each MAC, a broadcast
 * route for each flood endpoint (spec/tor-agent.md B.9, C.2, C.3). */
#include <config.h>
#include "tor-agent/tor-private.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/session.h"
#include "packets.h"
#include "util.h"
#include "xmpp/route.h"
#include "xmpp/speaker.h"

VLOG_DEFINE_THIS_MODULE(tor_up);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* What OpenSDN calls low and gives to MACs of a ToR (C.2). */
#define LOCAL_PREF 100
/* Of a MAC that nobody else has announced. */
#define FIRST_SEQUENCE 1

struct pass {
    struct tor *tor;
    struct shash by_ls;         /* struct tor_network, by ls_name. */
};

static uint32_t
hash_export(const struct eth_addr *mac, const struct in6_addr *ip)
{
    return hash_bytes(ip, sizeof *ip, hash_bytes(mac, sizeof *mac, 0));
}

static struct tor_export *
find_export(struct tor_network *net, const struct eth_addr *mac,
            const struct in6_addr *ip)
{
    struct tor_export *e;

    HMAP_FOR_EACH_WITH_HASH (e, node, hash_export(mac, ip), &net->exports) {
        if (eth_addr_equals(e->mac, *mac) && tsn_ip_equals(&e->ip, ip)
            && e->tag == net->vni) {
            return e;
        }
    }
    return NULL;
}

/* A MAC that is announced elsewhere has moved here: the higher number wins at
 * every other node (RFC 7432 section 15). */
static uint32_t
first_sequence(const struct tor_network *net, const struct eth_addr *mac)
{
    const struct tor_fdb *f = bridge_find_fdb(net, mac);

    return f && !f->own && f->sequence < UINT32_MAX ? f->sequence + 1
                                                    : FIRST_SEQUENCE;
}

static const struct tor_groups *
find_groups(const struct tor_network *net, const struct eth_addr *mac)
{
    const struct tor_groups *g;

    HMAP_FOR_EACH_WITH_HASH (g, node, hash_bytes(mac, sizeof *mac, 0),
                             &net->groups) {
        if (eth_addr_equals(g->mac, *mac)) {
            return g;
        }
    }
    return NULL;
}

static void
init_route(const struct tor *tor, const struct tor_network *net,
           const struct tor_export *e, struct xmpp_evpn *route)
{
    const struct tor_groups *groups = find_groups(net, &e->mac);

    xmpp_evpn_init(route);
    route->tag = e->tag;
    route->mac = e->mac;
    route->ip = e->ip;
    route->plen = 32;
    route->local_pref = LOCAL_PREF;
    route->sequence = e->sequence;
    xmpp_evpn_add_next_hop(route, &e->vtep, e->tag, TSN_ENCAP_VXLAN);
    if (xmpp_evpn_is_broadcast(route)) {
        route->replicator = tor->tsn;
    } else if (groups) {
        route->security_groups = xmemdup(groups->ids, groups->n_ids
                                         * sizeof *groups->ids);
        route->n_security_groups = groups->n_ids;
    }
}

static void
publish(struct tor *tor, struct tor_network *net, struct tor_export *e)
{
    struct xmpp_evpn route;

    e->seen = true;
    init_route(tor, net, e, &route);
    int error = xmpp_speaker_publish(tor->speaker, net->instance, &route);
    e->refused = error != 0;
    if (error) {
        char ip[TSN_IP_STRLEN];
        VLOG_WARN_RL(&rl, "cannot announce a MAC tor=%s network=%s mac="
                     ETH_ADDR_FMT" vtep=%s: %s", tor->name, net->instance,
                     ETH_ADDR_ARGS(e->mac), tsn_ip_format(&e->vtep, ip),
                     ovs_strerror(-error));
    }
    xmpp_evpn_fini(&route);
}

static void
withdraw(struct tor *tor, struct tor_network *net, struct tor_export *e)
{
    struct xmpp_evpn route;

    init_route(tor, net, e, &route);
    xmpp_speaker_withdraw(tor->speaker, net->instance, &route);
    xmpp_evpn_fini(&route);
    hmap_remove(&net->exports, &e->node);
    free(e);
}

static struct tor_export *
get_export(struct tor_network *net, const struct eth_addr *mac,
           const struct in6_addr *ip)
{
    struct tor_export *e = find_export(net, mac, ip);

    if (!e) {
        e = xzalloc(sizeof *e);
        e->mac = *mac;
        e->ip = *ip;
        e->tag = net->vni;
        hmap_insert(&net->exports, &e->node, hash_export(mac, ip));
    }
    return e;
}

static void
export_mac(const struct local_mac *local, void *pass_)
{
    struct pass *pass = pass_;
    struct tor_network *net = shash_find_data(&pass->by_ls, local->ls_name);
    static const struct in6_addr no_ip;

    if (!net || !tsn_ip_is_set(&local->vtep)
        || eth_addr_is_multicast(local->mac)
        || eth_addr_is_zero(local->mac)) {
        return;
    }
    struct tor_export *e = get_export(net, &local->mac, &no_ip);
    /* Of two rows for a MAC the lower address, whatever order they come in. */
    if (e->seen && memcmp(&local->vtep, &e->vtep, sizeof e->vtep) >= 0) {
        return;
    }
    e->vtep = local->vtep;
    if (!e->sequence) {
        e->sequence = first_sequence(net, &local->mac);
    }
    publish(pass->tor, net, e);
}

static void
export_flood(const struct local_flood *local, void *pass_)
{
    struct pass *pass = pass_;
    struct tor_network *net = shash_find_data(&pass->by_ls, local->ls_name);

    if (net && tsn_ip_is_set(&local->vtep)) {
        struct tor_export *e = get_export(net, &eth_addr_broadcast,
                                          &local->vtep);
        e->vtep = local->vtep;
        publish(pass->tor, net, e);
    }
}

void
bridge_up(struct tor *tor)
{
    struct pass pass = { .tor = tor,
                         .by_ls = SHASH_INITIALIZER(&pass.by_ls) };
    struct shash_node *node;
    struct tor_export *e;

    SHASH_FOR_EACH (node, &tor->networks) {
        struct tor_network *net = node->data;
        shash_add(&pass.by_ls, net->ls_name, net);
        HMAP_FOR_EACH (e, node, &net->exports) {
            e->seen = false;
        }
    }
    ovc_for_each_local_mac(tor->ovsdb, NULL, export_mac, &pass);
    ovc_for_each_local_flood(tor->ovsdb, NULL, export_flood, &pass);
    SHASH_FOR_EACH (node, &tor->networks) {
        struct tor_network *net = node->data;
        HMAP_FOR_EACH_SAFE (e, node, &net->exports) {
            if (!e->seen) {
                withdraw(tor, net, e);
            }
        }
    }
    shash_destroy(&pass.by_ls);
}

void
bridge_up_withdraw(struct tor *tor)
{
    struct shash_node *node;
    struct tor_export *e;

    SHASH_FOR_EACH (node, &tor->networks) {
        struct tor_network *net = node->data;
        HMAP_FOR_EACH_SAFE (e, node, &net->exports) {
            withdraw(tor, net, e);
        }
    }
}

void
bridge_up_fini(struct tor_network *net)
{
    struct tor_export *e;

    HMAP_FOR_EACH_POP (e, node, &net->exports) {
        free(e);
    }
    hmap_destroy(&net->exports);
}
