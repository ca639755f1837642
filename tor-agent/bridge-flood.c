/* SPDX-License-Identifier: Apache-2.0 */
/* Which flood endpoints of the switch have a broadcast route
 * (spec/tor-agent.md B.9, C.3, E.2): those of its Mcast_Macs_Local rows.
 *
 * It names the TSN that the switch floods to, so that the switch is flooded to
 * by the same: many a switch takes frames only from where it sends its own.
 * The row moves first, then the route.
 *
 * An agent without a session keeps copies: of those it knew, as a switch that
 * is away for a while still wants its broadcasts; and, while another agent
 * serves the switch, of its VTEP in every network, so that the control nodes
 * have a second route when that agent goes.  They tell nobody the broadcast
 * routes of others, so there is nothing to make the copy of but that. */
#include <config.h>
#include "tor-agent/tor-private.h"

#include <stdlib.h>

#include "ovsdb-client/session.h"
#include "util.h"

static struct tor_flood *
get_flood(struct tor_network *net, const struct in6_addr *vtep)
{
    struct tor_flood *flood;

    LIST_FOR_EACH (flood, node, &net->floods) {
        if (tsn_ip_equals(&flood->export.vtep, vtep)) {
            return flood;
        }
    }
    flood = xzalloc(sizeof *flood);
    flood->export.vtep = *vtep;
    ovs_list_push_back(&net->floods, &flood->node);
    return flood;
}

struct look_aux {
    struct tor *tor;
    struct tor_network *net;
};

static void
look_at_local(const struct local_flood *local, void *aux_)
{
    struct look_aux *aux = aux_;

    if (tsn_ip_is_set(&local->vtep)) {
        struct tor_flood *flood = get_flood(aux->net, &local->vtep);
        flood->seen = true;
        bridge_up_flood(aux->tor, aux->net, flood, TOR_LIVE);
    }
}

static void
copy_flood(struct tor *tor, struct tor_network *net, struct tor_flood *flood)
{
    flood->seen = true;
    bridge_up_flood(tor, net, flood, TOR_COPY);
}

/* Whether the other agent has announced a MAC of the network behind 'vtep'. */
static bool
is_copied_vtep(const struct tor_network *net, const struct in6_addr *vtep)
{
    const struct tor_mac *m;

    HMAP_FOR_EACH (m, node, &net->macs) {
        if (m->partner && tsn_ip_equals(&m->export.vtep, vtep)) {
            return true;
        }
    }
    return false;
}

/* Where the switch, or one of several, has the network. */
static void
copy_partners(struct tor *tor, struct tor_network *net)
{
    if (!tor->n_own_ips && tsn_ip_is_set(&tor->vtep)) {
        copy_flood(tor, net, get_flood(net, &tor->vtep));
    }
    for (size_t i = 0; i < tor->n_own_ips; i++) {
        if (tor->n_own_ips == 1 || is_copied_vtep(net, &tor->own_ips[i])) {
            copy_flood(tor, net, get_flood(net, &tor->own_ips[i]));
        }
    }
}

static void
keep_copies(struct tor *tor, struct tor_network *net)
{
    uint64_t now = tsn_now_ms();
    struct tor_flood *flood;

    LIST_FOR_EACH (flood, node, &net->floods) {
        if (flood->export.kind == TOR_LIVE) {
            flood->since_ms = now;
        }
        uint64_t end_ms = (MAX(flood->since_ms, tor->partner_lost_ms)
                           + tor->bridge.copy_hold_ms);
        if (tor->n_partner) {
            copy_flood(tor, net, flood);
        } else if (now < end_ms) {
            copy_flood(tor, net, flood);
            tor->floods_due_ms = MIN(tor->floods_due_ms, end_ms);
        }
    }
}

/* Of a switch that is away the last one holds, if it is still a TSN of it. */
static void
choose_replicator(struct tor *tor, struct tor_network *net)
{
    if (tor->live && ovc_session_flood_node(tor->ovsdb, net->ls_name,
                                            &net->replicator)) {
        return;
    }
    if (!tsn_ip_is_set(&net->replicator)
        || (!tor->live && !tsn_ip_is_in(tor->tsns, tor->n_tsns,
                                        &net->replicator))) {
        net->replicator = tor->tsns[0];
    }
}

void
bridge_flood_look(struct tor *tor, struct tor_network *net)
{
    struct look_aux aux = { tor, net };
    struct tor_flood *flood;

    choose_replicator(tor, net);
    LIST_FOR_EACH (flood, node, &net->floods) {
        flood->seen = false;
    }
    if (tor->live) {
        ovc_for_each_local_flood(tor->ovsdb, net->ls_name, look_at_local,
                                 &aux);
    } else {
        keep_copies(tor, net);
        if (tor->n_partner) {
            copy_partners(tor, net);
        }
    }
    LIST_FOR_EACH_SAFE (flood, node, &net->floods) {
        if (!flood->seen) {
            bridge_up_flood(tor, net, flood, TOR_NOT_EXPORTED);
            ovs_list_remove(&flood->node);
            free(flood);
        }
    }
}

void
bridge_flood_fini(struct tor_network *net)
{
    struct tor_flood *flood;

    LIST_FOR_EACH_POP (flood, node, &net->floods) {
        free(flood);
    }
}
