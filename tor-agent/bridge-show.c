/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator sees of the bridge, and does to it. */
#include <config.h>
#include "tor-agent/tor.h"
#include "tor-agent/tor-private.h"

#include <errno.h>

#include "openvswitch/dynamic-string.h"
#include "ovsdb-client/session.h"
#include "packets.h"
#include "tsn/json.h"
#include "util.h"

void
bridge_show(const struct tor *tor, struct tsn_json *json)
{
    tsn_json_bool(json, "vtep_differs", tor->vtep_differs);
    tsn_json_uint(json, "partner_macs", tor->n_partner);
    tsn_json_uint(json, "rival_macs", tor->n_rival);
    tsn_json_uint(json, "macs_without_vxlan", tor->n_no_vxlan);
    tsn_json_uint(json, "mac_moves", tor->n_moves);
    tsn_json_uint(json, "frozen_macs", tor->n_frozen);
}

void
tor_show_networks(const struct tor *tor, struct tsn_json *json)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &tor->networks) {
        const struct tor_network *net = node->data;
        tsn_json_object_begin(json, NULL);
        tsn_json_string(json, "tor", tor->name);
        tsn_json_string(json, "network", net->instance);
        tsn_json_uint(json, "vni", net->vni);
        tsn_json_string(json, "logical_switch", net->ls_name);
        tsn_json_uint(json, "remote_macs", net->n_rows);
        tsn_json_uint(json, "announced",
                      net->n_exports + ovs_list_size(&net->floods));
        tsn_json_object_end(json);
    }
}

static const char *
export_state(const struct tor_export *e)
{
    return e->refused ? "refused" : e->kind == TOR_COPY ? "copy" : "announced";
}

static const char *
export_reason(const struct tor_export *e, const struct tor_mac *m)
{
    if (e->refused) {
        return "no valid next hop";
    } else if (m && moves_is_frozen(m)) {
        return "frozen: it moved too often";
    } else if (m && m->lost) {
        return "another one has it since";
    } else if (e->kind == TOR_COPY) {
        return "no session with the switch";
    }
    return NULL;
}

static void
show_export(const struct tor *tor, const struct tor_network *net,
            const struct eth_addr *mac, const struct tor_export *e,
            const struct tor_mac *m, struct tsn_json *json)
{
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "tor", tor->name);
    tsn_json_string(json, "network", net->instance);
    tsn_json_mac(json, "mac", mac);
    tsn_json_string(json, "origin", "switch");
    tsn_json_ip(json, "vtep", &e->vtep);
    tsn_json_uint(json, "sequence", e->sequence);
    tsn_json_string(json, "state", export_state(e));
    tsn_json_string(json, "reason", export_reason(e, m));
    tsn_json_object_end(json);
}

static void
show_remote(const struct tor *tor, const struct tor_mac *m,
            struct tsn_json *json)
{
    struct tor_choice c;

    bridge_choose(tor, m, &c);
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "tor", tor->name);
    tsn_json_string(json, "network", m->net->instance);
    tsn_json_mac(json, "mac", &m->mac);
    tsn_json_string(json, "origin", "evpn");
    tsn_json_ip(json, "vtep", &m->remote);
    tsn_json_uint(json, "sequence", c.remote_merit.sequence);
    if (moves_is_frozen(m)) {
        tsn_json_string(json, "state", "frozen");
        tsn_json_string(json, "reason", "it moved too often, and stays there");
    } else if (m->no_vxlan) {
        tsn_json_string(json, "state", "held");
        tsn_json_string(json, "reason", "no next hop receives VXLAN");
    } else {
        ovc_put_mac_state(tor->ovsdb, m->net->ls_name, &m->mac, json);
    }
    tsn_json_object_end(json);
}

void
tor_show_macs(const struct tor *tor, struct tsn_json *json)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &tor->networks) {
        const struct tor_network *net = node->data;
        const struct tor_flood *flood;
        const struct tor_mac *m;

        LIST_FOR_EACH (flood, node, &net->floods) {
            show_export(tor, net, &eth_addr_broadcast, &flood->export, NULL,
                        json);
        }
        HMAP_FOR_EACH (m, node, &net->macs) {
            if (m->export.kind != TOR_NOT_EXPORTED) {
                show_export(tor, net, &m->mac, &m->export, m, json);
            }
            if (m->row || m->no_vxlan) {
                show_remote(tor, m, json);
            }
        }
    }
}

int
tor_unfreeze_mac(struct tor *tor, const char *network,
                 const struct eth_addr *mac)
{
    const struct tor_network *net = shash_find_data(&tor->networks, network);
    struct tor_mac *m = net ? bridge_find_mac(net, mac) : NULL;

    if (!m || !moves_is_frozen(m)) {
        return -ENOENT;
    }
    moves_thaw(tor, m);
    return 0;
}
