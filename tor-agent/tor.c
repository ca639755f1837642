/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tor-agent/tor.h"
#include "tor-agent/tor-private.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/session.h"
#include "packets.h"
#include "tsn/config.h"
#include "tsn/json.h"
#include "util.h"
#include "xmpp/speaker.h"

VLOG_DEFINE_THIS_MODULE(tor);

#define PASS_DELAY_FACTOR 10

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
routes_changed(void *tor_, const char *instance)
{
    struct tor *tor = tor_;
    struct tor_network *net = shash_find_data(&tor->networks, instance);

    if (net) {
        net->fdb_changed = tor->fdb_changed = true;
    }
}

static void
speaker_session_changed(void *tor_ OVS_UNUSED)
{
    /* The speaker logs; what it has learnt it keeps. */
}

static const struct xmpp_speaker_ops speaker_ops = {
    .config_changed = config_changed,
    .routes_changed = routes_changed,
    .session_changed = speaker_session_changed,
};

static void
ovsdb_session_changed(void *tor_, bool connected)
{
    struct tor *tor = tor_;

    if (connected) {
        tor->exports_until_ms = 0;
        tor->learnt_changed = true;
    } else {
        /* The switch forwards without us: its MACs stay announced. */
        tor->exports_until_ms = tsn_now_ms() + tor->stale_hold_ms;
    }
}

static void
learnt_changed(void *tor_)
{
    struct tor *tor = tor_;

    tor->learnt_changed = true;
}

static const struct ovc_session_ops ovsdb_ops = {
    .session_changed = ovsdb_session_changed,
    .learnt_changed = learnt_changed,
};

void
tor_look_at_all_routes(struct tor *tor)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &tor->networks) {
        struct tor_network *net = node->data;
        net->fdb_changed = true;
    }
    tor->fdb_changed = true;
}

static void
run_routes(struct tor *tor)
{
    struct shash_node *node;

    tor->fdb_changed = false;
    SHASH_FOR_EACH (node, &tor->networks) {
        struct tor_network *net = node->data;
        if (net->fdb_changed) {
            net->fdb_changed = false;
            bridge_down(tor, net);
        }
    }
}

/* The switch's own addresses come with what it learnt. */
static void
check_own_ips(struct tor *tor)
{
    size_t n;
    const struct in6_addr *ips = ovc_session_tunnel_ips(tor->ovsdb, &n);

    if (n != tor->n_own_ips
        || (n && memcmp(ips, tor->own_ips, n * sizeof *ips))) {
        free(tor->own_ips);
        tor->own_ips = n ? xmemdup(ips, n * sizeof *ips) : NULL;
        tor->n_own_ips = n;
        tor_look_at_all_routes(tor);
    }
}

/* What the switch has learnt is announced, so what a control node keeps of us
 * from before our start, and was not announced again, is no more.  A switch
 * that is not there yet may still have it. */
static void
check_complete(struct tor *tor)
{
    if (tor->config_complete
        && (ovc_session_is_connected(tor->ovsdb)
            || shash_is_empty(&tor->networks))) {
        xmpp_speaker_set_complete(tor->speaker);
    }
}

/* A pass over routes and MACs looks at all of a network.  Passes take less
 * than a tenth of the time, however many small changes come. */
static void
run_pass(struct tor *tor)
{
    uint64_t start = tsn_now_ms();

    if (start < tor->next_pass_ms) {
        return;
    }
    if (tor->learnt_changed) {
        check_own_ips(tor);
    }
    if (tor->fdb_changed) {
        run_routes(tor);
    }
    if (tor->learnt_changed && tor->exports_until_ms != UINT64_MAX) {
        bridge_up(tor);
        check_complete(tor);
    }
    tor->learnt_changed = false;
    uint64_t end = tsn_now_ms();
    tor->next_pass_ms = end + (end - start) * PASS_DELAY_FACTOR;
}

static void
tor_run(void *tor_)
{
    struct tor *tor = tor_;

    ovc_session_run(tor->ovsdb);
    if (tor->learnt_changed || tor->fdb_changed) {
        run_pass(tor);
    }
    if (tor->exports_until_ms && tsn_now_ms() >= tor->exports_until_ms) {
        VLOG_WARN("the switch is away for too long, its MACs are withdrawn "
                  "tor=%s", tor->name);
        tor->exports_until_ms = UINT64_MAX;
        bridge_up_withdraw(tor);
    }
    if (tor->config_complete && !tor->told_complete
        && xmpp_speaker_is_synced(tor->speaker)) {
        tor->told_complete = true;
        ovc_session_set_config_complete(tor->ovsdb);
    }
}

static void
wait_until_ms(uint64_t when_ms)
{
    uint64_t now = tsn_now_ms();

    poll_timer_wait(when_ms > now ? MIN(when_ms - now, 1000 * 3600) : 0);
}

static void
tor_wait(void *tor_)
{
    struct tor *tor = tor_;

    ovc_session_wait(tor->ovsdb);
    if (tor->learnt_changed || tor->fdb_changed) {
        wait_until_ms(tor->next_pass_ms);
    }
    if (tor->exports_until_ms && tor->exports_until_ms != UINT64_MAX) {
        wait_until_ms(tor->exports_until_ms);
    }
}

struct tor *
tor_create(struct tsn_loop *loop, const struct tsn_config *config,
           const struct tsn_config_tor *conf, const char *remote,
           struct tsn_tls_store *tls)
{
    struct tor *tor = xzalloc(sizeof *tor);
    struct ovc_session_config ovsdb = {
        .name = conf->name,
        .switches = (const char *const *) &conf->name,
        .n_switches = 1,
        .remote = remote,
        .probe_ms = conf->probe_ms,
        .stale_hold_ms = config->stale_hold_s * 1000,
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
    tor->tsn = conf->tsn;
    tor->stale_hold_ms = (uint64_t) config->stale_hold_s * 1000;
    shash_init(&tor->networks);
    hmap_init(&tor->bindings);
    tor->ovsdb = ovc_session_create(&ovsdb, &ovsdb_ops, tor);
    tor->speaker = xmpp_speaker_create(tsn_loop_uv(loop), &speaker,
                                       &speaker_ops, tor);
    tor->hook = (struct tsn_loop_hook) {
        .run = tor_run, .wait = tor_wait, .aux = tor,
    };
    tsn_loop_add_hook(loop, &tor->hook);
    return tor;
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
    free(tor->own_ips);
    free(tor->name);
    free(tor->agent_name);
    free(tor);
}

bool
tor_is_up(const struct tor *tor)
{
    return ovc_session_is_connected(tor->ovsdb)
           && xmpp_speaker_is_up(tor->speaker);
}

/* Why a ToR that is not fully served is not, in the order in which an operator
 * would look. */
static const char *
explain(const struct tor *tor)
{
    if (!ovc_session_is_connected(tor->ovsdb)) {
        return "no OVSDB session with the switch";
    } else if (!xmpp_speaker_is_up(tor->speaker)) {
        return "no control node, serving the last known state";
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
        n += hmap_count(&net->exports);
    }
    return n;
}

void
tor_show(const struct tor *tor, struct tsn_json *json)
{
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "tor", tor->name);
    tsn_json_string(json, "state", explain(tor));
    tsn_json_string(json, "agent", tor->agent_name);
    tsn_json_ip(json, "tsn", &tor->tsn);
    tsn_json_ip(json, "vtep", &tor->vtep);
    tsn_json_uint(json, "networks", shash_count(&tor->networks));
    tsn_json_uint(json, "bindings", hmap_count(&tor->bindings));
    tsn_json_uint(json, "binding_conflicts", tor->n_binding_conflicts);
    tsn_json_uint(json, "announced", count_exports(tor));
    ovc_session_status(tor->ovsdb, json);
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
    tsn_json_object_end(json);
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
        tsn_json_uint(json, "remote_macs", hmap_count(&net->fdb));
        tsn_json_uint(json, "announced", hmap_count(&net->exports));
        tsn_json_object_end(json);
    }
}

static void
show_export(const struct tor *tor, const struct tor_network *net,
            const struct tor_export *e, struct tsn_json *json)
{
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "tor", tor->name);
    tsn_json_string(json, "network", net->instance);
    tsn_json_mac(json, "mac", &e->mac);
    tsn_json_string(json, "origin", "switch");
    tsn_json_ip(json, "vtep", &e->vtep);
    tsn_json_uint(json, "sequence", e->sequence);
    tsn_json_string(json, "state", e->refused ? "refused" : "announced");
    tsn_json_string(json, "reason", e->refused ? "no valid next hop" : NULL);
    tsn_json_object_end(json);
}

static void
show_fdb(const struct tor *tor, const struct tor_network *net,
         const struct tor_fdb *f, struct tsn_json *json)
{
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "tor", tor->name);
    tsn_json_string(json, "network", net->instance);
    tsn_json_mac(json, "mac", &f->mac);
    tsn_json_string(json, "origin", "evpn");
    tsn_json_ip(json, "vtep", &f->vtep);
    tsn_json_uint(json, "sequence", f->sequence);
    ovc_put_mac_state(tor->ovsdb, net->ls_name, &f->mac, json);
    tsn_json_object_end(json);
}

void
tor_show_macs(const struct tor *tor, struct tsn_json *json)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &tor->networks) {
        const struct tor_network *net = node->data;
        const struct tor_export *e;
        const struct tor_fdb *f;

        HMAP_FOR_EACH (e, node, &net->exports) {
            show_export(tor, net, e, json);
        }
        HMAP_FOR_EACH (f, node, &net->fdb) {
            if (!f->own) {
                show_fdb(tor, net, f, json);
            }
        }
    }
}
