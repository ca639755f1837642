/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/show.h"

#include <stdlib.h>
#include <string.h>

#include "replication/forwarder/forwarder.h"
#include "replication/forwarder/table.h"
#include "replication/services/dhcp4-server.h"
#include "replication/show-capture.h"
#include "replication/show-explain.h"
#include "replication/show-flood.h"
#include "replication/storms.h"
#include "replication/tree/election.h"
#include "replication/tree/networks.h"
#include "tsn/alarm.h"
#include "tsn/config.h"
#include "tsn/ctl.h"
#include "tsn/json.h"
#include "tsn/loop.h"
#include "util.h"
#include "xmpp/speaker.h"
#include "xmpp/view.h"

/* What frames of members were, without the kinds that never came. */
static void
show_kinds(struct tsn_json *json, const struct fwd_counters *c)
{
    tsn_json_object_begin(json, "kinds");
    for (int i = 0; i < FWD_N_KINDS; i++) {
        uint64_t n = fwd_counter_read(&c->kinds[i]);

        if (n) {
            tsn_json_uint(json, fwd_kind_name(i), n);
        }
    }
    tsn_json_object_end(json);
}

static void
show_counters(struct tsn_json *json, const struct fwd_counters *c)
{
    tsn_json_object_begin(json, "counters");
    tsn_json_uint(json, "frames", fwd_counter_read(&c->frames));
    tsn_json_uint(json, "flooded", fwd_counter_read(&c->flooded));
    tsn_json_uint(json, "unknown_unicast",
                  fwd_counter_read(&c->unknown_unicast));
    tsn_json_uint(json, "copies", fwd_counter_read(&c->copies));
    tsn_json_uint(json, "answered", fwd_counter_read(&c->answered));
    tsn_json_uint(json, "relayed", fwd_counter_read(&c->relayed));
    tsn_json_uint(json, "punted", fwd_counter_read(&c->punted));
    show_kinds(json, c);
    tsn_json_object_end(json);
}

/* With 'all', also reasons that never came. */
static void
show_drops(struct tsn_json *json, const char *key,
           const struct fwd_counters *c, bool all)
{
    tsn_json_object_begin(json, key);
    for (int i = FWD_OK + 1; i < FWD_N_DROPS; i++) {
        uint64_t n = fwd_counter_read(&c->drops[i]);

        if (n || all) {
            tsn_json_uint(json, fwd_drop_name(i), n);
        }
    }
    tsn_json_object_end(json);
}

/* Those that run XDP programs of ours, and who shares them. */
static void
show_interfaces(struct tsn_json *json, const struct fwd *fwd)
{
    const char *name, *others;

    if (!fwd_get_interface(fwd, 0, &others)) {
        return;
    }
    tsn_json_array_begin(json, "xdp");
    for (int i = 0; (name = fwd_get_interface(fwd, i, &others)); i++) {
        tsn_json_object_begin(json, NULL);
        tsn_json_string(json, "interface", name);
        tsn_json_bool(json, "dispatcher", others != NULL);
        if (others) {
            tsn_json_string(json, "other_programs", others);
        }
        tsn_json_object_end(json);
    }
    tsn_json_array_end(json);
}

static void
show_forwarder(struct tsn_json *json, const struct fwd *fwd)
{
    struct fwd_status status;

    fwd_get_status(fwd, &status);
    tsn_json_object_begin(json, "forwarder");
    tsn_json_string(json, "engine", status.engine);
    tsn_json_string(json, "engine_reason", status.engine_reason);
    if (status.mode_reason[0]) {
        tsn_json_string(json, "mode_reason", status.mode_reason);
        tsn_json_bool(json, "pinned", status.pinned);
    }
    if (status.n_interfaces || status.n_unresolved) {
        tsn_json_uint(json, "interfaces", status.n_interfaces);
        tsn_json_uint(json, "unresolved", status.n_unresolved);
    }
    show_interfaces(json, fwd);
    tsn_json_bool(json, "running", status.running);
    if (!status.running) {
        tsn_json_string(json, "reason", status.reason);
    }
    if (status.ipv6 || status.reason6[0]) {
        tsn_json_bool(json, "ipv6", status.ipv6);
    }
    if (status.reason6[0]) {
        tsn_json_string(json, "ipv6_reason", status.reason6);
    }
    tsn_json_bool(json, "mpls_over_gre", status.gre);
    tsn_json_uint(json, "mtu", status.mtu);
    tsn_json_uint(json, "overruns", status.overruns);
    tsn_json_uint(json, "control_overruns", status.control_overruns);
    tsn_json_uint(json, "receive_errors", status.receive_errors);
    tsn_json_object_end(json);
}

/* Whether we know the cloud as it is now. */
static const char *
control_plane_state(const struct xmpp_speaker *speaker)
{
    return !xmpp_speaker_is_up(speaker)
           ? "no control node: forwarding on the last known state"
           : xmpp_speaker_is_synced(speaker) ? "up" : "up, still learning";
}

/* What there is of 'labels'. */
static void
show_labels(struct tsn_json *json, const struct repl_show *show)
{
    const struct tsn_config_replicator *self = &show->config->replicator;
    struct repl_label_usage u;

    repl_networks_get_labels(show->networks, &u);
    tsn_json_object_begin(json, "labels");
    tsn_json_stringf(json, "range", "%"PRIu32"-%"PRIu32, self->first_label,
                     self->last_label);
    tsn_json_uint(json, "trees", u.n_trees);
    tsn_json_uint(json, "trees_in_place", u.n_placed);
    tsn_json_uint(json, "for_trees", u.n_tree_labels);
    tsn_json_uint(json, "evpn", u.n_evpn);
    tsn_json_uint(json, "for_evpn", u.n_evpn_labels);
    tsn_json_object_end(json);
}

static void
status_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED,
          char *argv[] OVS_UNUSED, void *show_)
{
    const struct repl_show *show = show_;
    struct tsn_json *json = tsn_ctl_reply(call);
    unsigned int n_served = 0, n_blocked = 0;
    size_t n;

    const struct repl_network **networks
        = repl_networks_sorted(show->networks, &n);
    for (size_t i = 0; i < n; i++) {
        n_served += networks[i]->served;
        n_blocked += networks[i]->blocked;
    }
    free(networks);

    tsn_json_object_begin(json, "result");
    tsn_json_string(json, "name", show->config->replicator.name);
    tsn_json_ip(json, "address", &show->config->replicator.address);
    if (tsn_ip_is_set(&show->config->replicator.address6)) {
        tsn_json_ip(json, "address6", &show->config->replicator.address6);
    }
    tsn_json_mac(json, "service_mac", &show->config->replicator.service_mac);
    tsn_json_string(json, "mode",
                    show->election ? "tsn-no-forwarding" : "tsn");
    if (show->election && show->election->elected) {
        tsn_json_ip(json, "elected", show->election->elected);
    } else if (show->election) {
        tsn_json_string(json, "elected", NULL);
    }
    tsn_json_string(json, "control_plane",
                    control_plane_state(show->speaker));
    show_forwarder(json, show->fwd);
    tsn_json_uint(json, "networks", n_served);
    tsn_json_uint(json, "vni_conflicts", n_blocked);
    show_labels(json, show);
    tsn_json_uint(json, "alarms", tsn_alarms_count(show->alarms));
    show_counters(json, fwd_totals(show->fwd));
    show_drops(json, "drops", fwd_totals(show->fwd), false);
    tsn_json_object_begin(json, "dhcp");
    repl_dhcp4_status(show->dhcp4, json);
    tsn_json_object_end(json);
    xmpp_speaker_status(show->speaker, json);
    tsn_json_object_end(json);
    tsn_ctl_finish(call);
}

static void
alarms_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED,
          char *argv[] OVS_UNUSED, void *show_)
{
    const struct repl_show *show = show_;
    struct tsn_json *json = tsn_ctl_reply(call);

    tsn_json_object_begin(json, "result");
    tsn_json_array_begin(json, "alarms");
    tsn_alarms_show(show->alarms, json);
    tsn_json_array_end(json);
    tsn_json_object_end(json);
    tsn_ctl_finish(call);
}

static unsigned int
count_dhcp_clients(const struct fwd_network *network)
{
    unsigned int n = 0;

    for (size_t i = 0; i < network->n_macs; i++) {
        n += (network->macs[i].mac.flags & FWD_MAC_DHCP4) != 0;
    }
    return n;
}

static void
show_network(struct tsn_json *json, const struct repl_show *show,
             const struct repl_network *network)
{
    const struct repl_network *owner
        = repl_networks_find(show->networks, network->vni);

    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "network", network->config->name);
    tsn_json_uint(json, "vni", network->vni);
    tsn_json_uint(json, "id", network->config->id);
    if (network->fwd) {
        tsn_json_uint(json, "tors", network->fwd->n_members[FWD_TOR]);
        tsn_json_uint(json, "evpn", network->fwd->n_members[FWD_EVPN]);
        tsn_json_uint(json, "neighbours", network->fwd->n_members[FWD_TREE]);
        tsn_json_string(json, "tree",
                        repl_show_tree_state(network, show->speaker));
        tsn_json_uint(json, "unreachable", network->n_unreachable);
        tsn_json_uint(json, "macs", network->fwd->n_macs);
        tsn_json_uint(json, "addresses", network->fwd->n_arps);
        tsn_json_uint(json, "dhcp_clients", count_dhcp_clients(network->fwd));
    }
    tsn_json_bool(json, "flood_unknown_unicast",
                  network->config->flood_unknown_unicast);
    tsn_json_bool(json, "control_word", network->config->control_word);
    if (network->blocked && owner) {
        tsn_json_stringf(json, "alarm", "not served: %s has VNI %"PRIu32,
                         owner->config->name, network->vni);
    } else if (network->wants_label) {
        tsn_json_string(json, "alarm", "no label left for EVPN by MPLS");
    }
    tsn_json_object_end(json);
}

static void
show_networks_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED,
                 char *argv[] OVS_UNUSED, void *show_)
{
    const struct repl_show *show = show_;
    struct tsn_json *json = tsn_ctl_reply(call);
    size_t n;

    const struct repl_network **networks
        = repl_networks_sorted(show->networks, &n);
    tsn_json_array_begin(json, "result");
    for (size_t i = 0; i < n; i++) {
        show_network(json, show, networks[i]);
    }
    tsn_json_array_end(json);
    tsn_ctl_finish(call);
    free(networks);
}

/* "blue", "default-domain:demo:blue", its instance, or its VNI. */
static bool
is_called(const struct repl_network *network, const char *name)
{
    const char *full = network->config->name;
    const char *colon = strrchr(full, ':');
    char vni[16];

    snprintf(vni, sizeof vni, "%"PRIu32, network->vni);
    return !strcmp(full, name) || (colon && !strcmp(colon + 1, name))
           || !strcmp(network->instance, name) || !strcmp(vni, name);
}

const struct repl_network *
repl_show_find(const struct repl_show *show, const char *name)
{
    const struct repl_network *found = NULL;
    size_t n;

    const struct repl_network **networks
        = repl_networks_sorted(show->networks, &n);
    for (size_t i = 0; i < n && !found; i++) {
        if (networks[i]->fwd && is_called(networks[i], name)) {
            found = networks[i];
        }
    }
    free(networks);
    return found;
}

static void
show_flood(struct tsn_json *json, const struct repl_show *show,
           const struct repl_network *network)
{
    uint32_t limit = show->config->replicator.storm.network;
    struct fwd_counters sum;

    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "network", network->config->name);
    tsn_json_uint(json, "vni", network->vni);
    if (limit) {
        tsn_json_uint(json, "storm_limit", limit);
    }
    repl_show_flood_set(json, network, show->speaker, show->fwd);
    fwd_counters_sum(&network->counters->c, &network->counters->fast, &sum);
    show_counters(json, &sum);
    show_drops(json, "drops", &sum, false);
    tsn_json_object_end(json);
}

static void
show_flood_cb(struct tsn_ctl_call *call, int argc, char *argv[], void *show_)
{
    const struct repl_show *show = show_;
    struct tsn_json *json = tsn_ctl_reply(call);
    bool found = !argc;
    size_t n;

    /* Has the counters of networks brought up to date. */
    fwd_totals(show->fwd);
    const struct repl_network **networks
        = repl_networks_sorted(show->networks, &n);
    tsn_json_array_begin(json, "result");
    for (size_t i = 0; i < n; i++) {
        if (networks[i]->fwd && (!argc || is_called(networks[i], argv[0]))) {
            found = true;
            show_flood(json, show, networks[i]);
        }
    }
    tsn_json_array_end(json);
    if (!found) {
        tsn_ctl_error(call, "no network \"%s\" is served", argv[0]);
    }
    tsn_ctl_finish(call);
    free(networks);
}

static void
show_limit(struct tsn_json *json, const char *key, uint32_t limit)
{
    if (limit) {
        tsn_json_uint(json, key, limit);
    } else {
        tsn_json_string(json, key, NULL);
    }
}

static void
show_storms_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED,
               char *argv[] OVS_UNUSED, void *show_)
{
    const struct repl_show *show = show_;
    struct tsn_json *json = tsn_ctl_reply(call);

    tsn_json_object_begin(json, "result");
    /* Without a limit nothing is ever a storm. */
    show_limit(json, "network_limit", show->config->replicator.storm.network);
    show_limit(json, "tor_limit", show->config->replicator.storm.tor);
    tsn_json_array_begin(json, "storms");
    repl_storms_show(show->storms, json, tsn_now_ms());
    tsn_json_array_end(json);
    tsn_json_object_end(json);
    tsn_ctl_finish(call);
}

static void
drops_cb(struct tsn_ctl_call *call, int argc, char *argv[], void *show_)
{
    const struct repl_show *show = show_;
    /* Has the counters of networks brought up to date, too. */
    const struct fwd_counters *c = fwd_totals(show->fwd);
    struct fwd_counters sum;

    if (argc) {
        const struct repl_network *network = repl_show_find(show, argv[0]);

        if (!network) {
            tsn_ctl_error(call, "no network \"%s\" is served", argv[0]);
            tsn_ctl_finish(call);
            return;
        }
        fwd_counters_sum(&network->counters->c, &network->counters->fast,
                         &sum);
        c = &sum;
    }
    show_drops(tsn_ctl_reply(call), "result", c, true);
    tsn_ctl_finish(call);
}

void
repl_show_register(struct tsn_ctl *ctl, struct repl_show *show)
{
    tsn_ctl_register(ctl, "status", "status", 0, 0, status_cb, show);
    tsn_ctl_register(ctl, "show networks", "show networks", 0, 0,
                     show_networks_cb, show);
    tsn_ctl_register(ctl, "flood show", "flood show [NETWORK]", 0, 1,
                     show_flood_cb, show);
    tsn_ctl_register(ctl, "show flood", "show flood [NETWORK]", 0, 1,
                     show_flood_cb, show);
    tsn_ctl_register(ctl, "show storms", "show storms", 0, 0, show_storms_cb,
                     show);
    tsn_ctl_register(ctl, "alarms", "alarms", 0, 0, alarms_cb, show);
    tsn_ctl_register(ctl, "drops", "drops [NETWORK]", 0, 1, drops_cb, show);
    repl_show_explain_register(ctl, show);
    repl_show_capture_register(ctl, show);
}
