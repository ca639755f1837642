/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration to Logical_Switch rows, VLAN bindings and subscriptions
 * (spec/tor-agent.md B.1, B.4, B.5, C.1). */
#include <config.h>
#include "tor-agent/tor-private.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/session.h"
#include "packets.h"
#include "util.h"
#include "xmpp/speaker.h"
#include "xmpp/view.h"

VLOG_DEFINE_THIS_MODULE(tor_config);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

static void
remove_groups(struct tor_network *net, struct tor_groups *g)
{
    hmap_remove(&net->groups, &g->node);
    free(g->ids);
    free(g);
}

static struct tor_groups *
get_groups(struct tor_network *net, const struct eth_addr *mac)
{
    uint32_t hash = hash_mac(*mac, 0, 0);
    struct tor_groups *g;

    HMAP_FOR_EACH_WITH_HASH (g, node, hash, &net->groups) {
        if (eth_addr_equals(g->mac, *mac)) {
            return g;
        }
    }
    g = xzalloc(sizeof *g);
    g->mac = *mac;
    hmap_insert(&net->groups, &g->node, hash);
    return g;
}

/* Security groups go into the route to the interface's MAC.  Of two interfaces
 * with one MAC the first in the configuration's order counts. */
static void
update_groups(struct tor *tor, struct tor_network *net,
              const struct xmpp_vmi *vmi)
{
    size_t n = vmi->n_security_groups;

    if (eth_addr_is_zero(vmi->mac) || !n) {
        return;
    }
    struct tor_groups *g = get_groups(net, &vmi->mac);
    bool changed = (g->n_ids != n
                    || memcmp(g->ids, vmi->security_groups,
                              n * sizeof *g->ids));
    if (!g->seen && changed) {
        free(g->ids);
        g->ids = xmemdup(vmi->security_groups, n * sizeof *g->ids);
        g->n_ids = n;
        bridge_mac_changed(tor, net, &g->mac);
    }
    g->seen = true;
}

static void
sweep_groups(struct tor *tor, struct tor_network *net)
{
    struct tor_groups *g;

    HMAP_FOR_EACH_SAFE (g, node, &net->groups) {
        if (!g->seen) {
            bridge_mac_changed(tor, net, &g->mac);
            remove_groups(net, g);
        }
    }
}

static void
free_network(struct tor *tor, struct tor_network *net)
{
    struct tor_groups *g;

    bridge_network_fini(tor, net);
    HMAP_FOR_EACH_SAFE (g, node, &net->groups) {
        remove_groups(net, g);
    }
    hmap_destroy(&net->groups);
    shash_find_and_delete(&tor->networks, net->instance);
    shash_find_and_delete(&tor->by_ls, net->ls_name);
    free(net->instance);
    free(net->ls_name);
    free(net);
}

static void
remove_network(struct tor *tor, struct tor_network *net)
{
    VLOG_INFO("network removed tor=%s network=%s vni=%"PRIu32, tor->name,
              net->instance, net->vni);
    xmpp_speaker_unsubscribe(tor->speaker, net->instance);
    ovc_unwant_ls(tor->ovsdb, net->ls_name);
    free_network(tor, net);
}

static void
update_network(struct tor *tor, const struct xmpp_network *conf)
{
    struct tor_network *net = shash_find_data(&tor->networks, conf->instance);

    /* A network made anew under its old name has another uuid. */
    if (net && strcmp(net->ls_name, conf->ls_name)) {
        remove_network(tor, net);
        net = NULL;
    }
    if (!net) {
        net = xzalloc(sizeof *net);
        net->instance = xstrdup(conf->instance);
        net->ls_name = xstrdup(conf->ls_name);
        net->id = conf->id;
        net->vni = conf->vni;
        shash_add(&tor->networks, net->instance, net);
        shash_add(&tor->by_ls, net->ls_name, net);
        bridge_network_init(tor, net);
        VLOG_INFO("network added tor=%s network=%s vni=%"PRIu32, tor->name,
                  conf->instance, conf->vni);
    } else if (net->vni != conf->vni) {
        VLOG_INFO("network has another VNI tor=%s network=%s vni=%"PRIu32
                  " was=%"PRIu32, tor->name, conf->instance, conf->vni,
                  net->vni);
        net->vni = conf->vni;
        bridge_network_changed(tor, net);
    }
    net->seen = true;
    net->id = conf->id;
    ovc_want_ls(tor->ovsdb, net->ls_name, net->vni, tor->tsns,
                tor->n_tsns);
    xmpp_speaker_subscribe(tor->speaker, net->instance, net->id);
}

static uint32_t
hash_binding(const char *switch_name, const char *port, uint16_t vlan)
{
    return hash_string(port, hash_string(switch_name, vlan));
}

static struct tor_binding *
find_binding(struct tor *tor, const struct xmpp_port *port)
{
    struct tor_binding *b;

    HMAP_FOR_EACH_WITH_HASH (b, node, hash_binding(port->switch_name,
                                                   port->port, port->vlan),
                             &tor->bindings) {
        if (b->vlan == port->vlan && !strcmp(b->port, port->port)
            && !strcmp(b->switch_name, port->switch_name)) {
            return b;
        }
    }
    return NULL;
}

static void
free_binding(struct tor *tor, struct tor_binding *b)
{
    hmap_remove(&tor->bindings, &b->node);
    free(b->switch_name);
    free(b->port);
    free(b->ls_name);
    free(b);
}

static void
update_binding(struct tor *tor, const struct xmpp_port *port,
               const char *ls_name)
{
    struct tor_binding *b = find_binding(tor, port);

    if (b && b->seen) {
        /* Several servers on one port are fine; several networks on one VLAN
         * are not, and the first in the configuration's order has it. */
        if (strcmp(b->ls_name, ls_name)) {
            tor->n_binding_conflicts++;
            VLOG_WARN_RL(&rl, "two networks claim one VLAN, the first has it "
                         "tor=%s switch=%s port=%s vlan=%"PRIu16" network=%s "
                         "refused=%s", tor->name, port->switch_name,
                         port->port, port->vlan, b->ls_name, ls_name);
        }
        return;
    }
    if (!b) {
        b = xzalloc(sizeof *b);
        b->switch_name = xstrdup(port->switch_name);
        b->port = xstrdup(port->port);
        b->vlan = port->vlan;
        hmap_insert(&tor->bindings, &b->node,
                    hash_binding(b->switch_name, b->port, b->vlan));
    }
    b->seen = true;
    if (!b->ls_name || strcmp(b->ls_name, ls_name)) {
        free(b->ls_name);
        b->ls_name = xstrdup(ls_name);
    }
    ovc_want_binding(tor->ovsdb, b->switch_name, b->port, b->vlan,
                     b->ls_name);
}

/* A network can be bridged once it has a name for its row, a VNI, and the id
 * that goes into its subscription. */
static bool
is_usable(const struct xmpp_network *conf)
{
    return conf && conf->vni && conf->id && conf->uuid[0];
}

static void
update_switch(struct tor *tor, const struct xmpp_view *view)
{
    bool known = false;

    for (size_t i = 0; i < view->n_switches; i++) {
        const struct xmpp_switch *sw = view->switches[i];
        if (sset_contains(&tor->switches, sw->name)) {
            /* Of several the session knows the addresses. */
            known = true;
            if (sset_count(&tor->switches) == 1
                && !tsn_ip_equals(&sw->vtep, &tor->vtep)) {
                tor->vtep = sw->vtep;
                bridge_addresses_changed(tor);
                bridge_switch_changed(tor);
            }
        }
    }
    if (known != tor->known) {
        tor->known = known;
        if (known) {
            VLOG_INFO("configuration received tor=%s", tor->name);
        } else {
            VLOG_WARN("the configuration has no physical router of that name "
                      "any more tor=%s", tor->name);
        }
    }
}

void
bridge_config(struct tor *tor, const struct xmpp_view *view)
{
    struct tor_binding *b;
    struct shash_node *node;

    update_switch(tor, view);
    tor->n_binding_conflicts = 0;
    SHASH_FOR_EACH (node, &tor->networks) {
        struct tor_network *net = node->data;
        struct tor_groups *g;
        net->seen = false;
        HMAP_FOR_EACH (g, node, &net->groups) {
            g->seen = false;
        }
    }
    HMAP_FOR_EACH (b, node, &tor->bindings) {
        b->seen = false;
    }

    for (size_t i = 0; i < view->n_ports; i++) {
        const struct xmpp_port *port = view->ports[i];
        const struct xmpp_network *conf = port->vmi ? port->vmi->network
                                                    : NULL;

        if (!sset_contains(&tor->switches, port->switch_name)
            || !is_usable(conf)) {
            continue;
        }
        struct tor_network *net = shash_find_data(&tor->networks,
                                                  conf->instance);
        if (!net || !net->seen) {
            update_network(tor, conf);
            net = shash_find_data(&tor->networks, conf->instance);
        }
        update_groups(tor, net, port->vmi);
        update_binding(tor, port, net->ls_name);
    }

    HMAP_FOR_EACH_SAFE (b, node, &tor->bindings) {
        if (!b->seen) {
            ovc_unwant_binding(tor->ovsdb, b->switch_name, b->port, b->vlan);
            free_binding(tor, b);
        }
    }
    SHASH_FOR_EACH_SAFE (node, &tor->networks) {
        struct tor_network *net = node->data;
        if (net->seen) {
            sweep_groups(tor, net);
        } else {
            remove_network(tor, net);
        }
    }
}

void
bridge_config_fini(struct tor *tor)
{
    struct shash_node *node;
    struct tor_binding *b;

    HMAP_FOR_EACH_SAFE (b, node, &tor->bindings) {
        free_binding(tor, b);
    }
    SHASH_FOR_EACH_SAFE (node, &tor->networks) {
        free_network(tor, node->data);
    }
    hmap_destroy(&tor->bindings);
    shash_destroy(&tor->by_ls);
    shash_destroy(&tor->networks);
}
