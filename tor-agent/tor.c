/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tor-agent/tor.h"
#include "tor-agent/tor-private.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/vlog.h"
#include "ovsdb-client/profile.h"
#include "ovsdb-client/session.h"
#include "ovsdb-client/tunnel.h"
#include "tsn/alarm.h"
#include "tsn/config.h"
#include "tsn/json.h"
#include "util.h"
#include "xmpp/speaker.h"

VLOG_DEFINE_THIS_MODULE(tor);

static void
config_changed(void *tor_, const struct xmpp_view *view, bool complete)
{
    struct tor *tor = tor_;

    tor->config_complete = complete;
    bridge_config(tor, view);
    if (complete && !tor->known && !tor->told_unknown) {
        VLOG_WARN("the configuration has no physical router of that name "
                  "tor=%s agent=%s", tor->name, tor->agent_name);
    }
    tor->told_unknown = complete && !tor->known;
}

static void
route_changed(void *tor_, const char *instance, const struct eth_addr *mac,
              const struct xmpp_evpn *route)
{
    struct tor *tor = tor_;
    struct tor_network *net = shash_find_data(&tor->networks, instance);

    if (net) {
        bridge_route_changed(tor, net, mac, route);
    }
}

static void
speaker_session_changed(void *tor_ OVS_UNUSED)
{
    /* The speaker logs; what it has learnt it keeps. */
}

static const struct xmpp_speaker_ops speaker_ops = {
    .config_changed = config_changed,
    .mac_changed = route_changed,
    .session_changed = speaker_session_changed,
};

static void
ovsdb_session_changed(void *tor_, bool connected)
{
    bridge_session_changed(tor_, connected);
}

static void
learnt_changed(void *tor_)
{
    bridge_switch_changed(tor_);
}

static void
local_mac_changed(void *tor_, const char *ls_name, const struct eth_addr *mac,
                  bool learnt)
{
    struct tor *tor = tor_;
    struct tor_network *net = shash_find_data(&tor->by_ls, ls_name);

    if (net && learnt) {
        bridge_mac_learnt(tor, net, mac);
    } else if (net) {
        bridge_mac_changed(tor, net, mac);
    }
}

static void
flood_changed(void *tor_, const char *ls_name)
{
    struct tor *tor = tor_;
    struct tor_network *net = shash_find_data(&tor->by_ls, ls_name);

    if (net) {
        bridge_floods_changed(tor, net);
    }
}

static const struct ovc_session_ops ovsdb_ops = {
    .session_changed = ovsdb_session_changed,
    .learnt_changed = learnt_changed,
    .mac_changed = local_mac_changed,
    .flood_changed = flood_changed,
    .node_changed = flood_changed,
};

/* What is announced is all there is to announce, so what a control node keeps
 * of us from before our start, and was not announced again, is no more.  A
 * switch that is not there yet may still have it, unless there is another
 * agent for it; a switch without networks has nothing, as far as they have
 * come. */
static bool
is_complete(const struct tor *tor)
{
    return (tor->config_complete && tor->known && bridge_is_settled(tor)
            && (bridge_role(tor) || shash_is_empty(&tor->networks)));
}

static void
tor_run(void *tor_)
{
    struct tor *tor = tor_;

    if (!tor->leaving) {
        ovc_session_run(tor->ovsdb);
        bridge_tsns_changed(tor);
    }
    bridge_run(tor);
    xmpp_speaker_set_complete(tor->speaker, is_complete(tor));
    if (tor->config_complete && !tor->told_complete
        && xmpp_speaker_is_synced(tor->speaker)) {
        tor->told_complete = true;
        ovc_session_set_config_complete(tor->ovsdb);
    }
}

static void
tor_wait(void *tor_)
{
    struct tor *tor = tor_;

    if (!tor->leaving) {
        ovc_session_wait(tor->ovsdb);
    }
    bridge_wait(tor);
}

/* Whom the switches watch. */
static void
set_service_nodes(struct tor *tor, const struct tsn_config_tor *conf)
{
    const struct ovc_bfd bfd = {
        .min_rx_ms = conf->bfd_min_rx_ms,
        .min_tx_ms = conf->bfd_min_tx_ms,
    };

    ovc_session_set_service_nodes(tor->ovsdb, conf->tsns, conf->n_tsns, &bfd);
}

struct tor *
tor_create(struct tsn_loop *loop, const struct tsn_config *config,
           const struct tsn_config_tor *conf, const char *remote,
           struct tsn_tls_store *tls)
{
    struct tor *tor = xzalloc(sizeof *tor);
    struct ovc_session_config ovsdb = {
        .name = conf->name,
        .switches = (const char *const *) conf->switches,
        .n_switches = conf->n_switches,
        .remote = remote,
        .probe_ms = conf->probe_ms,
        .stale_hold_ms = config->stale_hold_s * 1000,
        .max_backoff_ms = conf->max_backoff_ms,
        .cleanup_ms = conf->cleanup_ms,
        .ownership = conf->shared ? OVC_SHARED : OVC_EXCLUSIVE,
        .profile = ovc_profile_find(conf->profile),
    };
    struct xmpp_speaker_config speaker = {
        .name = conf->agent_name,
        .subcluster = config->subcluster,
        .controllers = config->controllers,
        .n_controllers = config->n_controllers,
        .hold_s = config->hold_s,
        .stale_hold_s = config->stale_hold_s,
        .frozen_hold_s = config->frozen_hold_s,
        .tls = tls,
    };

    tor->loop = loop;
    tor->name = xstrdup(conf->name);
    tor->agent_name = xstrdup(conf->agent_name);
    sset_init(&tor->switches);
    sset_add_array(&tor->switches, conf->switches, conf->n_switches);
    memcpy(tor->tsns, conf->tsns, sizeof tor->tsns);
    tor->n_tsns = conf->n_tsns;
    tor->bridge = config->bridge;
    tor->alarms = tsn_alarms_create(tor->name);
    tor->start_ms = tsn_now_ms();
    bridge_init(tor);
    shash_init(&tor->networks);
    shash_init(&tor->by_ls);
    hmap_init(&tor->bindings);
    tor->ovsdb = ovc_session_create(&ovsdb, &ovsdb_ops, tor);
    set_service_nodes(tor, conf);
    tor->speaker = xmpp_speaker_create(tsn_loop_uv(loop), &speaker,
                                       &speaker_ops, tor);
    tor->hook = (struct tsn_loop_hook) {
        .run = tor_run, .wait = tor_wait, .aux = tor,
    };
    tsn_loop_add_hook(loop, &tor->hook);
    return tor;
}

static void
set_tsns(struct tor *tor, const struct tsn_config_tor *conf)
{
    struct shash_node *node;

    if (tor->n_tsns == conf->n_tsns
        && !memcmp(tor->tsns, conf->tsns, sizeof tor->tsns)) {
        return;
    }
    memcpy(tor->tsns, conf->tsns, sizeof tor->tsns);
    tor->n_tsns = conf->n_tsns;
    SHASH_FOR_EACH (node, &tor->networks) {
        struct tor_network *net = node->data;

        ovc_want_ls(tor->ovsdb, net->ls_name, net->vni, tor->tsns,
                    tor->n_tsns);
        /* Broadcast routes say who replicates. */
        bridge_floods_changed(tor, net);
    }
}

void
tor_tune(struct tor *tor, const struct tsn_config *config,
         const struct tsn_config_tor *conf)
{
    bool ipaddr_changed = tor->bridge.ipaddr != config->bridge.ipaddr;

    ovc_session_set_probe(tor->ovsdb, conf->probe_ms);
    ovc_session_set_max_backoff(tor->ovsdb, conf->max_backoff_ms);
    ovc_session_set_cleanup_wait(tor->ovsdb, conf->cleanup_ms);
    ovc_session_set_stale_hold(tor->ovsdb, config->stale_hold_s * 1000);
    xmpp_speaker_set_holds(tor->speaker, config->hold_s, config->stale_hold_s,
                           config->frozen_hold_s);
    tor->bridge = config->bridge;
    if (ipaddr_changed) {
        bridge_all_changed(tor);
    }
    set_tsns(tor, conf);
    set_service_nodes(tor, conf);
    ovc_session_set_profile(tor->ovsdb, ovc_profile_find(conf->profile));
}

void
tor_leave(struct tor *tor)
{
    tor->leaving = true;
    bridge_leave(tor);
}

bool
tor_has_left(const struct tor *tor)
{
    return bridge_is_settled(tor) && xmpp_speaker_has_told_all(tor->speaker);
}

void
tor_destroy(struct tor *tor)
{
    if (!tor) {
        return;
    }
    tsn_loop_remove_hook(tor->loop, &tor->hook);
    xmpp_speaker_destroy(tor->speaker);
    ovc_session_destroy(tor->ovsdb);
    bridge_config_fini(tor);
    bridge_fini(tor);
    sset_destroy(&tor->switches);
    tsn_alarms_destroy(tor->alarms);
    free(tor->name);
    free(tor->agent_name);
    free(tor);
}

bool
tor_is_up(const struct tor *tor)
{
    return bridge_role(tor) && xmpp_speaker_is_up(tor->speaker);
}

/* In the order in which an operator would look. */
const char *
tor_explain(const struct tor *tor)
{
    if (!bridge_role(tor)) {
        return "no OVSDB session with the switch";
    } else if (!xmpp_speaker_is_up(tor->speaker)) {
        return "no control node, serving the last known state";
    } else if (!tor->live) {
        return "another agent serves the switch";
    } else if (!tor->known) {
        return "the control node has sent no physical router of this name";
    } else if (shash_is_empty(&tor->networks)) {
        return "no network on any port";
    }
    return "serving";
}

static size_t
count_exports(const struct tor *tor)
{
    struct shash_node *node;
    size_t n = 0;

    SHASH_FOR_EACH (node, &tor->networks) {
        const struct tor_network *net = node->data;
        n += net->n_exports + ovs_list_size(&net->floods);
    }
    return n;
}

void
tor_show(const struct tor *tor, const char *remote, struct tsn_json *json)
{
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "tor", tor->name);
    tsn_json_string(json, "state", tor_explain(tor));
    tsn_json_string(json, "agent", tor->agent_name);
    tsn_json_string(json, "role", bridge_role(tor));
    tsn_json_ip(json, "tsn", &tor->tsns[0]);
    tsn_json_array_begin(json, "tsns");
    for (size_t i = 0; i < tor->n_tsns; i++) {
        tsn_json_ip(json, NULL, &tor->tsns[i]);
    }
    tsn_json_array_end(json);
    tsn_json_ip(json, "vtep", &tor->vtep);
    tsn_json_uint(json, "networks", shash_count(&tor->networks));
    tsn_json_uint(json, "bindings", hmap_count(&tor->bindings));
    tsn_json_uint(json, "binding_conflicts", tor->n_binding_conflicts);
    tsn_json_uint(json, "announced", count_exports(tor));
    bridge_show(tor, json);
    ovc_session_status(tor->ovsdb, remote, json);
    tsn_json_object_begin(json, "xmpp");
    xmpp_speaker_status(tor->speaker, json);
    tsn_json_object_end(json);
    tsn_json_object_end(json);
}

void
tor_show_rows(const struct tor *tor, struct tsn_json *json)
{
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "tor", tor->name);
    ovc_session_networks(tor->ovsdb, json);
    ovc_session_macs(tor->ovsdb, json);
    ovc_session_tunnels(tor->ovsdb, json);
    tsn_json_object_end(json);
}
