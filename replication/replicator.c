/* SPDX-License-Identifier: Apache-2.0 */
/* tsn-replicator: floods the broadcasts of the switches of this host's tsn,
 * and answers ARP and DHCP for the servers behind them. */
#include <config.h>

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "random.h"
#include "replication/alarms.h"
#include "replication/forwarder/bpf-pins.h"
#include "replication/forwarder/bucket.h"
#include "replication/forwarder/forwarder.h"
#include "replication/services/dhcp4-server.h"
#include "replication/show.h"
#include "replication/storms.h"
#include "replication/tree/election.h"
#include "replication/tree/networks.h"
#include "timeval.h"
#include "tsn/alarm.h"
#include "tsn/config.h"
#include "tsn/daemon.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/tls-store.h"
#include "util.h"
#include "xmpp/speaker.h"

VLOG_DEFINE_THIS_MODULE(replicator);

struct replicator {
    struct tsn_config *config;
    struct tsn_tls_store *tls;  /* NULL: control nodes are in the clear. */
    struct tsn_loop *loop;
    struct tsn_loop_hook hook;
    bool was_up;                /* Some control node was there. */
    bool config_complete;       /* It told its whole configuration ... */
    bool was_complete;          /* ... and all routes. */

    struct fwd *fwd;
    struct xmpp_speaker *speaker;
    struct repl_networks *networks;
    struct repl_election election;      /* Only without forwarding. */
    struct repl_dhcp4_server dhcp4;
    struct repl_storms *storms;
    struct tsn_alarms *alarms;
    uv_timer_t *alarm_timer;    /* Freed when closed, so later than this. */
    struct repl_show show;
};

static void
config_changed(void *r_, const struct xmpp_view *view, bool complete)
{
    struct replicator *r = r_;

    repl_networks_set_view(r->networks, view);
    if (complete) {
        /* What we publish depends on nothing else. */
        xmpp_speaker_set_complete(r->speaker, true);
        r->config_complete = true;
    }
}

static void
routes_changed(void *r_, const char *instance)
{
    struct replicator *r = r_;

    repl_networks_routes_changed(r->networks, instance);
}

static void
tree_changed(void *r_, const char *instance)
{
    struct replicator *r = r_;

    repl_networks_tree_changed(r->networks, instance);
}

static void
session_changed(void *r_)
{
    struct replicator *r = r_;
    bool up = xmpp_speaker_is_up(r->speaker);

    if (up != r->was_up) {
        r->was_up = up;
        if (up) {
            VLOG_INFO("control plane is up session=%s",
                      r->config->replicator.name);
        } else {
            VLOG_WARN("no control node any more, forwarding on the last "
                      "known state session=%s", r->config->replicator.name);
        }
    }
}

static const struct xmpp_speaker_ops speaker_ops = {
    .config_changed = config_changed,
    .routes_changed = routes_changed,
    .session_changed = session_changed,
    .tree_changed = tree_changed,
};

static void
punted(const struct fwd_punted *p, void *r_)
{
    struct replicator *r = r_;

    switch (p->reason) {
    case FWD_PUNT_DHCP4:
        repl_dhcp4_serve(&r->dhcp4, p);
        break;
    case FWD_PUNT_DHCP6:
    case FWD_PUNT_IGMP:
    case FWD_PUNT_ND:
    case FWD_PUNT_DNS:
        break;                  /* No network says that we serve that. */
    case FWD_N_PUNTS:
        OVS_NOT_REACHED();
    }
}

static void
run(void *r_)
{
    struct replicator *r = r_;

    if (r->config->replicator.no_forwarding) {
        repl_networks_set_master(r->networks,
                                 repl_election_run(&r->election));
    }
    repl_networks_run(r->networks, tsn_now_ms());
    repl_storms_run(r->storms, tsn_now_ms());
    if (!r->was_complete && r->config_complete
        && xmpp_speaker_is_synced(r->speaker)
        && !repl_networks_is_pending(r->networks)) {
        r->was_complete = true;
        fwd_set_complete(r->fwd);
    }
}

static void
wait(void *r_)
{
    struct replicator *r = r_;

    /* What this turn's events have changed, or what took too long; or what
     * is to end, or to be looked at. */
    uint64_t due_ms = MIN(repl_networks_due_ms(r->networks),
                          repl_storms_due_ms(r->storms));
    uint64_t now_ms = tsn_now_ms();
    if (due_ms != UINT64_MAX) {
        poll_timer_wait(due_ms > now_ms ? due_ms - now_ms : 0);
    }
}

static void
alarm_cb(uv_timer_t *timer)
{
    struct replicator *r = timer->data;
    const struct repl_alarms_of of = {
        .networks = r->networks, .storms = r->storms, .fwd = r->fwd,
    };

    repl_alarms_check(r->alarms, &of, tsn_now_ms(), time_wall_msec());
}

static void
start_alarms(struct replicator *r)
{
    r->alarms = tsn_alarms_create(NULL);
    r->alarm_timer = xzalloc(sizeof *r->alarm_timer);
    uv_timer_init(tsn_loop_uv(r->loop), r->alarm_timer);
    r->alarm_timer->data = r;
    uv_timer_start(r->alarm_timer, alarm_cb, REPL_ALARMS_MS, REPL_ALARMS_MS);
}

static void
free_handle(uv_handle_t *handle)
{
    free(handle);
}

static int
load(const char *path, void *r_, struct tsn_err *err)
{
    struct replicator *r = r_;
    struct tsn_config *config;

    int error = tsn_config_load(path, &config, err);
    if (error) {
        return error;
    }
    if (!config->has_replicator) {
        tsn_err_set(err, path, "there is no section \"replicator\"");
        tsn_config_destroy(config);
        return -EINVAL;
    }
    error = tsn_config_load_tls(config, &r->tls, err);
    if (error) {
        tsn_config_destroy(config);
        return error;
    }
    r->config = config;
    return 0;
}

static int
reload_certificates(void *r_, struct tsn_err *err)
{
    struct replicator *r = r_;

    return r->tls ? tsn_tls_store_reload(r->tls, err) : 0;
}

static void
stop(void *r_)
{
    struct replicator *r = r_;

    tsn_loop_remove_hook(r->loop, &r->hook);
    uv_close((uv_handle_t *) r->alarm_timer, free_handle);
    tsn_alarms_destroy(r->alarms);
    xmpp_speaker_destroy(r->speaker);
    repl_storms_destroy(r->storms);
    /* Forwards to the end; the frames in flight find their tables. */
    fwd_destroy(r->fwd);
    repl_networks_destroy(r->networks);
    tsn_tls_store_destroy(r->tls);
    tsn_config_destroy(r->config);
}

static void
print_line(const char *line, void *n_)
{
    int *n = n_;

    puts(line);
    ++*n;
}

static int
detach(bool all, void *r_, struct tsn_err *err)
{
    struct replicator *r = r_;
    struct fwd_ip address;
    int n = 0;

    if (!all) {
        memcpy(address.b, &r->config->replicator.address, sizeof address.b);
    }
    int error = fwd_bpf_pins_remove_all(all ? NULL : &address, print_line, &n,
                                        err);
    if (!all) {
        tsn_tls_store_destroy(r->tls);
        tsn_config_destroy(r->config);
    }
    if (!error && !n) {
        puts("nothing is left to remove");
    }
    return error;
}

/* 'n' frames per second of what "storm-control" has. */
static struct fwd_rate
storm_rate(const struct tsn_config_storm *storm, uint32_t n)
{
    return fwd_rate_per_second(n, storm->burst ? storm->burst : n);
}

static int
start(struct tsn_loop *loop, struct tsn_ctl *ctl, void *r_,
      struct tsn_err *err)
{
    struct replicator *r = r_;
    const struct tsn_config *config = r->config;
    const struct tsn_config_replicator *self = &config->replicator;
    static const enum fwd_engine engines[] = {
        [TSN_FORWARDER_AUTO] = FWD_ENGINE_AUTO,
        [TSN_FORWARDER_EBPF] = FWD_ENGINE_EBPF,
        [TSN_FORWARDER_EBPF_GENERIC] = FWD_ENGINE_EBPF_GENERIC,
        [TSN_FORWARDER_SOCKET] = FWD_ENGINE_SOCKET,
    };
    const struct fwd_config fwd_config = {
        .engine = engines[self->engine],
        .address = self->address, .address6 = self->address6,
        .tos = self->tos, .copy_dscp = self->copy_dscp,
        .storm_network = storm_rate(&self->storm, self->storm.network),
        .storm_tor = storm_rate(&self->storm, self->storm.tor),
    };
    const struct repl_identity identity = {
        .address = self->address, .address6 = self->address6,
        .service_mac = self->service_mac,
        .seed = random_uint32(),
        .first_label = self->first_label,
        .last_label = self->last_label,
        .no_forwarding = self->no_forwarding,
    };
    const struct xmpp_speaker_config speaker_config = {
        .name = self->name,
        .subcluster = config->subcluster,
        .controllers = config->controllers,
        .n_controllers = config->n_controllers,
        .hold_s = config->hold_s,
        .stale_hold_s = config->stale_hold_s,
        .frozen_hold_s = config->frozen_hold_s,
        .tls = r->tls,
    };

    int error = fwd_create(tsn_loop_uv(loop), &fwd_config, punted, r,
                           &r->fwd, err);
    if (error) {
        tsn_tls_store_destroy(r->tls);
        tsn_config_destroy(r->config);
        return error;
    }
    r->loop = loop;
    r->speaker = xmpp_speaker_create(tsn_loop_uv(loop), &speaker_config,
                                     &speaker_ops, r);
    r->networks = repl_networks_create(&identity, r->speaker, r->fwd,
                                       fwd_publish);
    if (self->no_forwarding) {
        /* The labels for trees are of no use then. */
        repl_election_init(&r->election, r->speaker, &self->address,
                           self->tsns, self->n_tsns, self->last_label);
    }
    r->dhcp4 = (struct repl_dhcp4_server) {
        .networks = r->networks, .fwd = r->fwd,
        .service_mac = self->service_mac,
    };
    r->storms = repl_storms_create(fwd_buckets(r->fwd), r->networks,
                                   &self->storm);
    start_alarms(r);
    r->show = (struct repl_show) {
        .config = config, .speaker = r->speaker, .networks = r->networks,
        .election = self->no_forwarding ? &r->election : NULL,
        .dhcp4 = &r->dhcp4, .storms = r->storms, .alarms = r->alarms,
        .fwd = r->fwd,
    };
    repl_show_register(ctl, &r->show);
    r->hook = (struct tsn_loop_hook) { .run = run, .wait = wait, .aux = r };
    tsn_loop_add_hook(loop, &r->hook);
    return 0;
}

int
main(int argc, char *argv[])
{
    /* CAP_PERFMON: or the kernel takes no program that measures a frame. */
    static const int caps[] = {
        CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON, -1,
    };
    /* To look at the XDP programs of others. */
    static const int idle_caps[] = { CAP_SYS_ADMIN, -1 };
    static const struct tsn_daemon_spec spec = {
        .program = "tsn-replicator",
        .summary = "floods, and answers ARP and DHCP for bare-metal servers",
        .default_config = TSN_SYSCONFDIR "/tsn.yaml",
        .load = load,
        .start = start,
        .stop = stop,
        .detach = detach,
        .reload_certificates = reload_certificates,
        .keep_caps = caps,
        .idle_caps = idle_caps,
    };
    static struct replicator replicator;

    return tsn_daemon_main(argc, argv, &spec, &replicator);
}
