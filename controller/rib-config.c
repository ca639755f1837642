/* SPDX-License-Identifier: Apache-2.0 */
/* What the configuration makes of the RIB: the instances that are known, and
 * the routes of static hosts in them. */
#include <config.h>
#include "controller/rib-private.h"

#include <stdlib.h>

#include "controller/config.h"
#include "controller/model.h"
#include "packets.h"
#include "util.h"

static void
instance_forget(struct rib_instance *instance)
{
    struct rib_route *route;
    struct rib_bum *bum;
    struct rib_sub *sub;

    /* Like a control node that loses an instance, it says nothing; should the
     * instance return, everything is told anew. */
    instance->known = false;
    free(instance->virtual_network);
    instance->virtual_network = NULL;
    instance->bums_dirty = false;
    ovs_list_remove(&instance->dirty_node);
    ovs_list_init(&instance->dirty_node);
    LIST_FOR_EACH (sub, instance_node, &instance->subs) {
        rib_sub_stop(sub);
    }
    HMAP_FOR_EACH_SAFE (route, node, &instance->routes) {
        ovs_list_remove(&route->dirty_node);
        ovs_list_init(&route->dirty_node);
        rib_log_remove(route);
        if (route->announced) {
            struct xmpp_evpn key;

            xmpp_evpn_key_copy(&key, &route->sent);
            xmpp_evpn_fini(&route->sent);
            route->sent = key;
            route->announced = false;
        }
        if (ovs_list_is_empty(&route->paths)) {
            rib_route_free(route);
        }
    }
    LIST_FOR_EACH_SAFE (bum, instance_node, &instance->bums) {
        if (bum->withdrawn) {
            rib_bum_free(bum);
        } else if (bum->announced) {
            xmpp_evpn_fini(&bum->sent);
            bum->announced = false;
        }
    }
    rib_tree_forget(instance);
    rib_instance_check(instance);
}

static void
instance_learn(struct rib_instance *instance, char *virtual_network)
{
    struct rib_route *route;

    instance->known = true;
    instance->virtual_network = virtual_network;
    HMAP_FOR_EACH (route, node, &instance->routes) {
        rib_route_set_dirty(route);
    }
    if (!ovs_list_is_empty(&instance->bums)) {
        rib_bums_set_dirty(instance);
    }
    rib_tree_learn(instance);
}

static void
add_host_bum(struct rib_sub *sub, uint32_t vni, const struct in6_addr *vtep)
{
    struct xmpp_evpn route;

    /* The address in the key is the endpoint's, as in a ToR's, so that each
     * host has a route of its own. */
    xmpp_evpn_init(&route);
    route.tag = vni;
    route.mac = eth_addr_broadcast;
    route.ip = *vtep;
    route.plen = 32;
    route.local_pref = 100;
    route.edge_replication_not_supported = true;
    xmpp_evpn_add_next_hop(&route, vtep, vni, TSN_ENCAP_VXLAN);
    rib_bum_put(sub, &route);
    xmpp_evpn_fini(&route);
}

static void
add_machine(struct rib_sub *sub, uint32_t vni, const struct in6_addr *vtep,
            const struct eth_addr *mac, const struct in6_addr *ip)
{
    struct xmpp_evpn route;

    xmpp_evpn_init(&route);
    route.tag = vni;
    route.mac = *mac;
    route.ip = *ip;
    route.plen = tsn_ip_is_set(ip) && !tsn_ip_is_v4(ip) ? 128 : 32;
    route.local_pref = 100;
    xmpp_evpn_add_next_hop(&route, vtep, vni, TSN_ENCAP_VXLAN);
    rib_path_put(sub, &route);
    xmpp_evpn_fini(&route);
}

/* The hosts' subscription of 'network'. */
static struct rib_sub *
host_sub(struct ctrl_rib *rib, const struct ctrl_config *config,
         const struct ctrl_network *network)
{
    char *name = ctrl_network_instance(config, network);
    struct rib_sub *sub = shash_find_data(&rib->hosts->subs, name);

    if (!sub) {
        sub = rib_sub_create(rib->hosts, name, 0, true);
    }
    free(name);
    return sub;
}

static void
add_host(struct ctrl_rib *rib, const struct ctrl_config *config,
         const struct ctrl_host *host)
{
    for (size_t i = 0; i < host->n_networks; i++) {
        add_host_bum(host_sub(rib, config, host->networks[i]),
                     ctrl_network_vni(config, host->networks[i]),
                     &host->vtep);
    }
    for (size_t i = 0; i < host->n_machines; i++) {
        const struct ctrl_station *machine = &host->machines[i];
        struct rib_sub *sub = host_sub(rib, config, machine->network);
        uint32_t vni = ctrl_network_vni(config, machine->network);

        /* As a vRouter does for its virtual machines. */
        add_machine(sub, vni, &host->vtep, &machine->mac, &in6addr_any);
        if (tsn_ip_is_set(&machine->ip)) {
            add_machine(sub, vni, &host->vtep, &machine->mac, &machine->ip);
        }
    }
}

static void
forget_unseen(struct ctrl_rib *rib)
{
    struct shash_node *node;

    SHASH_FOR_EACH_SAFE (node, &rib->instances) {
        struct rib_instance *instance = node->data;

        if (instance->known && !instance->seen) {
            struct rib_sub *sub = shash_find_data(&rib->hosts->subs,
                                                  instance->name);
            if (sub) {
                rib_sub_destroy(sub);
            }
            instance_forget(instance);
        }
    }
}

void
ctrl_rib_configure(struct ctrl_rib *rib, const struct ctrl_config *config)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &rib->instances) {
        struct rib_instance *instance = node->data;
        instance->seen = false;
    }
    for (size_t i = 0; i < config->n_networks; i++) {
        const struct ctrl_network *network = &config->networks[i];
        char *name = ctrl_network_instance(config, network);
        struct rib_instance *instance = rib_instance_get(rib, name);

        free(name);
        instance->seen = true;
        if (!instance->known) {
            instance_learn(instance, ctrl_network_fq_name(config, network));
        }
    }
    forget_unseen(rib);

    SHASH_FOR_EACH (node, &rib->hosts->subs) {
        rib_sub_mark_stale(node->data);
    }
    for (size_t i = 0; i < config->n_hosts; i++) {
        add_host(rib, config, &config->hosts[i]);
    }
    SHASH_FOR_EACH (node, &rib->hosts->subs) {
        rib_sub_sweep(node->data);
    }
}
