/* SPDX-License-Identifier: Apache-2.0 */
/* Which MACs and networks are to be looked at, and when: a change of one MAC
 * costs the work for one MAC. */
#include <config.h>
#include "tor-agent/tor-private.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/session.h"
#include "packets.h"
#include "util.h"
#include "xmpp/route.h"
#include "xmpp/speaker.h"

VLOG_DEFINE_THIS_MODULE(tor_bridge);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

void
bridge_init(struct tor *tor)
{
    ovs_list_init(&tor->dirty);
    ovs_list_init(&tor->aging);
    ovs_list_init(&tor->moving);
    ovs_list_init(&tor->frozen);
    tor->floods_due_ms = UINT64_MAX;
}

void
bridge_fini(struct tor *tor)
{
    free(tor->own_ips);
}

/* MACs. */

struct tor_mac *
bridge_find_mac(const struct tor_network *net, const struct eth_addr *mac)
{
    struct tor_mac *m;

    HMAP_FOR_EACH_WITH_HASH (m, node, hash_mac(*mac, 0, 0), &net->macs) {
        if (eth_addr_equals(m->mac, *mac)) {
            return m;
        }
    }
    return NULL;
}

static struct tor_mac *
get_mac(struct tor_network *net, const struct eth_addr *mac)
{
    struct tor_mac *m = bridge_find_mac(net, mac);

    if (!m) {
        m = xzalloc(sizeof *m);
        m->net = net;
        m->mac = *mac;
        ovs_list_init(&m->dirty);
        hmap_insert(&net->macs, &m->node, hash_mac(*mac, 0, 0));
    }
    return m;
}

static void
free_mac(struct tor *tor, struct tor_mac *m)
{
    if (m->copy) {
        ovs_list_remove(&m->copy->node);
        free(m->copy);
    }
    moves_forget(tor, m);
    tor->n_partner -= m->partner;
    tor->n_rival -= m->rival;
    tor->n_no_vxlan -= m->no_vxlan;
    ovs_list_remove(&m->dirty);
    hmap_remove(&m->net->macs, &m->node);
    free(m->ip);
    free(m);
}

/* Whether it can be made anew from what the switch and the routes say. */
static bool
is_forgettable(const struct tor_mac *m)
{
    return (!m->row && m->export.kind == TOR_NOT_EXPORTED && !m->moves
            && !m->copy && !m->partner && !m->rival && !m->no_vxlan
            && ovs_list_is_empty(&m->dirty));
}

static void
queue_mac(struct tor *tor, struct tor_mac *m)
{
    if (ovs_list_is_empty(&m->dirty)) {
        ovs_list_push_back(&tor->dirty, &m->dirty);
    }
}

void
bridge_mac_changed(struct tor *tor, struct tor_network *net,
                   const struct eth_addr *mac)
{
    queue_mac(tor, get_mac(net, mac));
}

void
bridge_route_changed(struct tor *tor, struct tor_network *net,
                     const struct eth_addr *mac, const struct xmpp_evpn *route)
{
    struct tor_mac *m = get_mac(net, mac);

    if (!route || !bridge_mac_note_echo(m, route)) {
        queue_mac(tor, m);
    }
}

void
bridge_mac_learnt(struct tor *tor, struct tor_network *net,
                  const struct eth_addr *mac)
{
    struct tor_mac *m = get_mac(net, mac);

    m->relearnt = m->lost;
    queue_mac(tor, m);
}

void
bridge_floods_changed(struct tor *tor, struct tor_network *net)
{
    net->floods_dirty = tor->floods_dirty = true;
}

void
bridge_network_changed(struct tor *tor, struct tor_network *net)
{
    struct tor_mac *m;

    HMAP_FOR_EACH (m, node, &net->macs) {
        queue_mac(tor, m);
    }
    bridge_floods_changed(tor, net);
}

void
bridge_all_changed(struct tor *tor)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &tor->networks) {
        bridge_network_changed(tor, node->data);
    }
}

struct queue_aux {
    struct tor *tor;
    struct tor_network *net;
};

static void
queue_local(const struct local_mac *local, void *aux_)
{
    struct queue_aux *aux = aux_;

    bridge_mac_changed(aux->tor, aux->net, &local->mac);
}

/* What the switch has of a network, and was not told anew. */
static void
queue_local_macs(struct tor *tor, struct tor_network *net)
{
    struct queue_aux aux = { tor, net };

    ovc_for_each_local_mac(tor->ovsdb, net->ls_name, queue_local, &aux);
}

void
bridge_network_init(struct tor *tor, struct tor_network *net)
{
    hmap_init(&net->macs);
    ovs_list_init(&net->floods);
    hmap_init(&net->groups);
    queue_local_macs(tor, net);
    bridge_floods_changed(tor, net);
}

void
bridge_network_fini(struct tor *tor, struct tor_network *net)
{
    struct tor_mac *m;

    HMAP_FOR_EACH_SAFE (m, node, &net->macs) {
        free_mac(tor, m);
    }
    hmap_destroy(&net->macs);
    bridge_flood_fini(net);
}

/* The switch. */

static void
queue_route(const char *item_id OVS_UNUSED, const struct xmpp_evpn *route,
            bool stale OVS_UNUSED, void *aux_)
{
    struct queue_aux *aux = aux_;

    if (!eth_addr_is_multicast(route->mac) && !eth_addr_is_zero(route->mac)) {
        bridge_mac_changed(aux->tor, aux->net, &route->mac);
    }
}

void
bridge_addresses_changed(struct tor *tor)
{
    struct shash_node *node;

    bridge_all_changed(tor);
    /* Those behind the switch itself have no row, and are not remembered. */
    SHASH_FOR_EACH (node, &tor->networks) {
        struct tor_network *net = node->data;
        struct queue_aux aux = { tor, net };
        xmpp_speaker_for_each_route(tor->speaker, net->instance, queue_route,
                                    &aux);
    }
}

void
bridge_session_changed(struct tor *tor, bool connected)
{
    struct shash_node *node;

    tor->live = connected;
    tor->grace = !connected;
    tor->grace_until_ms = tsn_now_ms() + TOR_GRACE_MS;
    bridge_all_changed(tor);
    if (connected) {
        SHASH_FOR_EACH (node, &tor->networks) {
            queue_local_macs(tor, node->data);
        }
    }
    bridge_switch_changed(tor);
}

void
bridge_leave(struct tor *tor)
{
    tor->live = tor->grace = false;
    bridge_all_changed(tor);
}

void
bridge_tsns_changed(struct tor *tor)
{
    uint32_t ranks = ovc_session_flood_ranks(tor->ovsdb);
    struct shash_node *node;

    if (ranks != tor->flood_ranks) {
        tor->flood_ranks = ranks;
        SHASH_FOR_EACH (node, &tor->networks) {
            bridge_floods_changed(tor, node->data);
        }
    }
}

static void
check_vtep(struct tor *tor)
{
    bool differs = (tor->n_own_ips && tsn_ip_is_set(&tor->vtep)
                    && !tsn_ip_is_in(tor->own_ips, tor->n_own_ips,
                                     &tor->vtep));

    if (differs && !tor->vtep_differs) {
        char configured[TSN_IP_STRLEN], own[TSN_IP_STRLEN];
        VLOG_WARN_RL(&rl, "the switch has another address than the "
                     "configuration says tor=%s tunnel_ips=%s dataplane-ip=%s",
                     tor->name, tsn_ip_format(&tor->own_ips[0], own),
                     tsn_ip_format(&tor->vtep, configured));
    }
    tor->vtep_differs = differs;
}

void
bridge_switch_changed(struct tor *tor)
{
    size_t n;
    const struct in6_addr *ips = ovc_session_tunnel_ips(tor->ovsdb, &n);

    if (n != tor->n_own_ips
        || (n && memcmp(ips, tor->own_ips, n * sizeof *ips))) {
        free(tor->own_ips);
        tor->own_ips = n ? xmemdup(ips, n * sizeof *ips) : NULL;
        tor->n_own_ips = n;
        bridge_addresses_changed(tor);
    }
    check_vtep(tor);
}

/* Work. */

static void
run_floods(struct tor *tor)
{
    struct shash_node *node;

    tor->floods_dirty = false;
    SHASH_FOR_EACH (node, &tor->networks) {
        struct tor_network *net = node->data;
        if (net->floods_dirty) {
            net->floods_dirty = false;
            bridge_flood_look(tor, net);
        }
    }
}

static void
run_macs(struct tor *tor)
{
    for (int i = 0; i < TOR_LOOK_BUDGET && !ovs_list_is_empty(&tor->dirty);
         i++) {
        struct tor_mac *m = CONTAINER_OF(ovs_list_pop_front(&tor->dirty),
                                         struct tor_mac, dirty);
        ovs_list_init(&m->dirty);
        bridge_mac_look(tor, m);
        if (is_forgettable(m)) {
            free_mac(tor, m);
        }
    }
}

static uint64_t
next_copy_ms(const struct tor *tor)
{
    if (ovs_list_is_empty(&tor->aging)) {
        return UINT64_MAX;
    }
    return CONTAINER_OF(ovs_list_front(&tor->aging), struct tor_copy,
                        node)->since_ms + tor->bridge.copy_hold_ms;
}

/* Has those looked at whose time has come. */
static void
run_timers(struct tor *tor, uint64_t now)
{
    const struct tor_copy *copy;
    struct shash_node *node;
    int budget = TOR_LOOK_BUDGET;

    if (tor->grace && now >= tor->grace_until_ms) {
        tor->grace = false;
        bridge_all_changed(tor);
    }
    LIST_FOR_EACH (copy, node, &tor->aging) {
        if (now < copy->since_ms + tor->bridge.copy_hold_ms
            || budget-- <= 0) {
            break;
        }
        queue_mac(tor, copy->mac);
    }
    if (now >= tor->floods_due_ms) {
        tor->floods_due_ms = UINT64_MAX;
        SHASH_FOR_EACH (node, &tor->networks) {
            bridge_floods_changed(tor, node->data);
        }
    }
}

void
bridge_run(struct tor *tor)
{
    uint64_t now = tsn_now_ms();

    run_timers(tor, now);
    moves_run(tor, now);
    run_macs(tor);
    /* After the MACs, which tell whether another agent serves the switch. */
    if (tor->floods_dirty) {
        run_floods(tor);
    }
}

static void
wait_until_ms(uint64_t when_ms)
{
    uint64_t now = tsn_now_ms();

    if (when_ms != UINT64_MAX) {
        poll_timer_wait(when_ms > now ? MIN(when_ms - now, 1000 * 3600) : 0);
    }
}

void
bridge_wait(struct tor *tor)
{
    if (!ovs_list_is_empty(&tor->dirty) || tor->floods_dirty) {
        poll_immediate_wake();
        return;
    }
    if (tor->grace) {
        wait_until_ms(tor->grace_until_ms);
    }
    wait_until_ms(next_copy_ms(tor));
    wait_until_ms(tor->floods_due_ms);
    wait_until_ms(moves_next_ms(tor));
}

bool
bridge_is_settled(const struct tor *tor)
{
    return ovs_list_is_empty(&tor->dirty) && !tor->floods_dirty;
}

const char *
bridge_role(const struct tor *tor)
{
    return tor->live ? "active" : tor->n_partner ? "standby" : NULL;
}
