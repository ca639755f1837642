/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#include "controller/config.h"
#include "controller/core.h"
#include "controller/labels.h"
#include "controller/model.h"
#include "controller/restart.h"
#include "controller/rib.h"
#include "controller/tree.h"
#include "tsn/ctl.h"
#include "tsn/json.h"
#include "tsn/loop.h"
#include "tsn/tls-show.h"
#include "xmpp/route.h"
#include "xmpp/server.h"
#include "xmpp/stanza.h"

static void
show_session(const struct ctrl_peer *peer, void *json_)
{
    const struct xmpp_session *session = ctrl_peer_aux(peer);
    const struct xmpp_conn_counters *conn = xmpp_session_counters(session);
    const struct ctrl_peer_counters *counters = ctrl_peer_counters(peer);
    struct ctrl_rib_client_stats stats;
    struct tsn_json *json = json_;

    ctrl_rib_client_stats(ctrl_peer_client(peer), &stats);
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "name", ctrl_peer_name(peer));
    tsn_json_ip(json, "peer", xmpp_session_peer_ip(session));
    tsn_json_uint(json, "up_s",
                  (tsn_now_ms() - xmpp_session_since_ms(session)) / 1000);
    tsn_json_bool(json, "config", ctrl_peer_config_name(peer) != NULL);
    tsn_json_uint(json, "config_sent", counters->config_objects);
    tsn_json_uint(json, "networks", stats.n_subscriptions);
    tsn_json_uint(json, "routes", stats.n_routes);
    tsn_json_uint(json, "trees", stats.n_trees);
    tsn_json_uint(json, "items_sent", stats.n_items);
    tsn_json_uint(json, "retracts_sent", stats.n_retracts);
    tsn_json_uint(json, "rx_stanzas", conn->rx_stanzas);
    tsn_json_uint(json, "rx_bad", conn->bad_stanzas + counters->bad_items
                                  + counters->unpaired);
    tsn_json_uint(json, "rx_ignored",
                  conn->ignored_stanzas + counters->ignored);
    tsn_tls_show(xmpp_session_tls(session), json);
    tsn_json_object_end(json);
}

static void
show_restart(const struct ctrl_restart_info *info, void *json_)
{
    static const char *const states[] = {
        [CTRL_RESTART_AWAY] = "away",
        [CTRL_RESTART_LONG_AWAY] = "away beyond its restart time",
        [CTRL_RESTART_BACK] = "back, not all renewed",
    };
    uint64_t now_ms = tsn_now_ms();
    struct tsn_json *json = json_;

    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "name", info->name);
    tsn_json_ip(json, "peer", info->peer_ip);
    tsn_json_string(json, "state", states[info->state]);
    tsn_json_uint(json, "since_s", (now_ms - info->since_ms) / 1000);
    tsn_json_uint(json, "left_s", info->until_ms > now_ms
                                  ? (info->until_ms - now_ms) / 1000 : 0);
    tsn_json_uint(json, "stale_routes", info->n_stale);
    tsn_json_object_end(json);
}

static void
status_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED,
          char *argv[] OVS_UNUSED, void *core_)
{
    const struct ctrl_core *core = core_;
    const struct ctrl_config *config = ctrl_core_config(core);
    struct tsn_json *json = tsn_ctl_reply(call);

    tsn_json_object_begin(json, "result");
    tsn_json_string(json, "name", config->name);
    tsn_json_uint(json, "hold_time_s", config->hold_s);
    tsn_json_uint(json, "networks", config->n_networks);
    tsn_json_uint(json, "switches", config->n_switches);
    tsn_json_uint(json, "hosts", config->n_hosts);
    tsn_json_uint(json, "tsns", config->n_tsns);
    tsn_json_array_begin(json, "sessions");
    ctrl_core_for_each_peer(core, show_session, json);
    tsn_json_array_end(json);
    tsn_json_array_begin(json, "restarting");
    ctrl_restarts_for_each(ctrl_core_restarts(core), tsn_now_ms(),
                           show_restart, json);
    tsn_json_array_end(json);
    tsn_json_object_end(json);
    tsn_ctl_finish(call);
}

static size_t
count_ports(const struct ctrl_config *config,
            const struct ctrl_network *network)
{
    size_t n = 0;

    for (size_t i = 0; i < config->n_switches; i++) {
        const struct ctrl_switch *sw = &config->switches[i];

        for (size_t j = 0; j < sw->n_ports; j++) {
            n += sw->ports[j].network == network;
        }
    }
    return n;
}

static void
show_networks_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED,
                 char *argv[] OVS_UNUSED, void *core_)
{
    const struct ctrl_core *core = core_;
    const struct ctrl_config *config = ctrl_core_config(core);
    struct tsn_json *json = tsn_ctl_reply(call);

    tsn_json_object_begin(json, "result");
    tsn_json_array_begin(json, "networks");
    for (size_t i = 0; i < config->n_networks; i++) {
        const struct ctrl_network *network = &config->networks[i];
        char *instance = ctrl_network_instance(config, network);
        struct ctrl_rib_instance_stats stats;

        ctrl_rib_instance_stats(ctrl_core_rib(core), instance, &stats);
        tsn_json_object_begin(json, NULL);
        tsn_json_string(json, "name", network->name);
        tsn_json_uint(json, "vni", ctrl_network_vni(config, network));
        tsn_json_uint(json, "id", network->id);
        tsn_json_string(json, "instance", instance);
        tsn_json_uint(json, "ports", count_ports(config, network));
        tsn_json_uint(json, "subscribers", stats.n_subscribers);
        tsn_json_uint(json, "routes", stats.n_routes);
        tsn_json_object_end(json);
        free(instance);
    }
    tsn_json_array_end(json);
    tsn_json_object_end(json);
    tsn_ctl_finish(call);
}

struct show_list {
    struct tsn_json *json;
    char *instance;             /* NULL: all.  Ours. */
};

static void
show_encaps(struct tsn_json *json, uint8_t encaps)
{
    tsn_json_array_begin(json, "encapsulations");
    if (encaps & TSN_ENCAP_VXLAN) {
        tsn_json_string(json, NULL, "vxlan");
    }
    if (encaps & TSN_ENCAP_MPLS_UDP) {
        tsn_json_string(json, NULL, "udp");
    }
    if (encaps & TSN_ENCAP_MPLS_GRE) {
        tsn_json_string(json, NULL, "gre");
    }
    tsn_json_array_end(json);
}

/* What is published, by its type (spec/xmpp-protocol.md 3.5). */
static const char *
type_name(const struct xmpp_evpn *path)
{
    switch (xmpp_evpn_type(path)) {
    case XMPP_EVPN_BROADCAST: return "broadcast";
    case XMPP_EVPN_PREFIX: return "prefix";
    case XMPP_EVPN_GROUP: return "group";
    case XMPP_EVPN_MAC: default: return "mac";
    }
}

static void
show_path(const struct ctrl_rib_path_info *info, void *aux_)
{
    const struct show_list *aux = aux_;
    const struct xmpp_evpn *path = info->route;
    const struct tunnel_dst *hop = &path->next_hops[0];
    struct tsn_json *json = aux->json;

    if (aux->instance && strcmp(aux->instance, info->instance)) {
        return;
    }
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "instance", info->instance);
    tsn_json_string(json, "type", type_name(path));
    tsn_json_uint(json, "tag", path->tag);
    tsn_json_mac(json, "mac", &path->mac);
    tsn_json_ip(json, "ip", &path->ip);
    if (xmpp_evpn_type(path) == XMPP_EVPN_PREFIX) {
        tsn_json_uint(json, "prefix_length", path->plen);
    } else if (xmpp_evpn_type(path) == XMPP_EVPN_GROUP) {
        tsn_json_ip(json, "group", &path->more->group);
        tsn_json_ip(json, "source", &path->more->source);
    }
    tsn_json_ip(json, "next_hop", &hop->ip);
    tsn_json_uint(json, "label", hop->label);
    show_encaps(json, hop->encaps);
    tsn_json_uint(json, "local_preference", path->local_pref);
    tsn_json_uint(json, "sequence", path->sequence);
    if (tsn_ip_is_set(&path->replicator)) {
        tsn_json_ip(json, "replicator", &path->replicator);
    }
    /* A static host's has none. */
    tsn_json_string(json, "publisher",
                    *info->publisher ? info->publisher : NULL);
    tsn_json_bool(json, "best", info->best);
    tsn_json_bool(json, "stale", info->stale);
    tsn_json_object_end(json);
}

/* A network's own name stands for its instance. */
static char *
find_instance(const struct ctrl_config *config, const char *name)
{
    for (size_t i = 0; i < config->n_networks; i++) {
        if (!strcmp(config->networks[i].name, name)) {
            return ctrl_network_instance(config, &config->networks[i]);
        }
    }
    return xstrdup(name);
}

/* The instance that an optional argument means, to be freed, or NULL for all.
 * Returns false, and ends the call, if there is none such. */
static bool
get_instance(struct tsn_ctl_call *call, const struct ctrl_core *core,
             const char *name, char **instancep)
{
    struct ctrl_rib_instance_stats stats;

    *instancep = NULL;
    if (!name) {
        return true;
    }
    char *instance = find_instance(ctrl_core_config(core), name);
    ctrl_rib_instance_stats(ctrl_core_rib(core), instance, &stats);
    if (!stats.known && !stats.n_subscribers) {
        tsn_ctl_error(call, "there is no network \"%s\"", name);
        tsn_ctl_finish(call);
        free(instance);
        return false;
    }
    *instancep = instance;
    return true;
}

/* Begins a reply that is the array 'what' of the instance 'name', or of all.
 * Returns false if there is none such, and the call has ended; else it ends
 * with list_end(). */
static bool
list_begin(struct tsn_ctl_call *call, const struct ctrl_core *core,
           const char *name, const char *what, struct show_list *list)
{
    if (!get_instance(call, core, name, &list->instance)) {
        return false;
    }
    list->json = tsn_ctl_reply(call);
    tsn_json_object_begin(list->json, "result");
    tsn_json_array_begin(list->json, what);
    return true;
}

static void
list_end(struct tsn_ctl_call *call, struct show_list *list)
{
    tsn_json_array_end(list->json);
    tsn_json_object_end(list->json);
    tsn_ctl_finish(call);
    free(list->instance);
}

static void
show_routes_cb(struct tsn_ctl_call *call, int argc, char *argv[],
               void *core_)
{
    const struct ctrl_core *core = core_;
    struct show_list list;

    if (list_begin(call, core, argc ? argv[0] : NULL, "routes", &list)) {
        ctrl_rib_for_each_path(ctrl_core_rib(core), show_path, &list);
        list_end(call, &list);
    }
}

static void
show_member(const char *instance, const struct ctrl_tree_member *member,
            void *aux_)
{
    const struct show_list *aux = aux_;
    struct tsn_json *json = aux->json;
    char text[64], ip[TSN_IP_STRLEN];

    if (aux->instance && strcmp(aux->instance, instance)) {
        return;
    }
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "instance", instance);
    tsn_json_string(json, "member", member->name);
    tsn_json_ip(json, "next_hop", &member->next_hop);
    snprintf(text, sizeof text, "%"PRIu32"-%"PRIu32, member->block->first,
             member->block->last);
    tsn_json_string(json, "labels", text);
    show_encaps(json, member->encaps);
    tsn_json_uint(json, "label", member->label);
    tsn_json_array_begin(json, "neighbours");
    for (size_t i = 0; i < member->n_neighbours; i++) {
        const struct ctrl_tree_member *other = member->neighbours[i];

        snprintf(text, sizeof text, "%s/%"PRIu32,
                 tsn_ip_format(&other->next_hop, ip), other->label);
        tsn_json_string(json, NULL, text);
    }
    tsn_json_array_end(json);
    tsn_json_object_end(json);
}

static void
show_trees_cb(struct tsn_ctl_call *call, int argc, char *argv[], void *core_)
{
    const struct ctrl_core *core = core_;
    struct show_list list;

    if (list_begin(call, core, argc ? argv[0] : NULL, "members", &list)) {
        ctrl_rib_for_each_member(ctrl_core_rib(core), show_member, &list);
        list_end(call, &list);
    }
}

static void
show_node(const struct ctrl_node *node, const struct ctrl_link *link,
          void *json)
{
    if (!link) {
        tsn_json_object_begin(json, NULL);
        tsn_json_string(json, "type", node->type);
        tsn_json_string(json, "name", node->name);
        tsn_json_object_end(json);
    }
}

static void
show_link(const struct ctrl_node *node, const struct ctrl_link *link,
          void *json)
{
    if (!node) {
        tsn_json_object_begin(json, NULL);
        tsn_json_string(json, "type", link->type);
        tsn_json_string(json, "from", link->ends[0]->name);
        tsn_json_string(json, "to", link->ends[1]->name);
        tsn_json_object_end(json);
    }
}

static void
show_config_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED, char *argv[],
               void *core_)
{
    const struct ctrl_model *model = ctrl_core_model(core_);
    char *name = xasprintf(XMPP_VR_PREFIX "%s", argv[0]);

    if (!ctrl_model_find(model, "virtual-router", name)) {
        tsn_ctl_error(call, "neither a switch's agent nor a TSN is called "
                      "\"%s\"", argv[0]);
    } else {
        struct tsn_json *json = tsn_ctl_reply(call);

        tsn_json_object_begin(json, "result");
        tsn_json_array_begin(json, "nodes");
        ctrl_model_walk(model, name, show_node, json);
        tsn_json_array_end(json);
        tsn_json_array_begin(json, "links");
        ctrl_model_walk(model, name, show_link, json);
        tsn_json_array_end(json);
        tsn_json_object_end(json);
    }
    tsn_ctl_finish(call);
    free(name);
}

void
ctrl_show_register(struct tsn_ctl *ctl, struct ctrl_core *core)
{
    tsn_ctl_register(ctl, "status", "status", 0, 0, status_cb, core);
    tsn_ctl_register(ctl, "show networks", "show networks", 0, 0,
                     show_networks_cb, core);
    tsn_ctl_register(ctl, "show routes", "show routes [NETWORK]", 0, 1,
                     show_routes_cb, core);
    tsn_ctl_register(ctl, "show trees", "show trees [NETWORK]", 0, 1,
                     show_trees_cb, core);
    tsn_ctl_register(ctl, "show config", "show config AGENT", 1, 1,
                     show_config_cb, core);
}
