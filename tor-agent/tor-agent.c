/* SPDX-License-Identifier: Apache-2.0 */
/* tsn-tor-agent: any number of ToRs, each in a worker.  The main thread has
 * the configuration, the signals and the control socket, and talks to the
 * workers by messages. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/vlog.h"
#include "ovsdb-client/session.h"
#include "timeval.h"
#include "tsn/alarm.h"
#include "tor-agent/commands.h"
#include "tor-agent/fleet.h"
#include "tor-agent/listen.h"
#include "tor-agent/reload.h"
#include "tsn/config.h"
#include "tsn/daemon.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/tls-store.h"
#include "tsn/tls.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tor_agent);

/* Soon enough for a person. */
#define WATCH_MS 1000
/* Time to have a new one signed. */
#define EXPIRY_WARN_S (30 * 24 * 3600)

struct program {
    struct tor_agent agent;
    struct tsn_tls_store *tls;  /* NULL: control nodes are in the clear. */
    struct tsn_tls_store *switch_tls;   /* NULL: no certificates. */
    uv_timer_t watch_timer;
};

/* What was in use before a reload, until nobody uses it any more. */
struct outdated {
    struct tsn_config *config;
    struct tsn_tls_store *tls;
};

static int
load_config(const char *path, struct tsn_config **configp,
            struct tsn_err *err)
{
    int error = tsn_config_load(path, configp, err);

    if (!error && !(*configp)->n_tors) {
        tsn_err_set(err, path, "there are no tors in section \"tor-agent\"");
        tsn_config_destroy(*configp);
        *configp = NULL;
        error = -EINVAL;
    }
    return error;
}

static int
program_load(const char *path, void *program_, struct tsn_err *err)
{
    struct program *p = program_;
    int error = load_config(path, &p->agent.config, err);

    p->agent.config_wall_ms = time_wall_msec();
    if (!error) {
        error = tsn_config_load_tls(p->agent.config, &p->tls, err);
    }
    return error ? error : tsn_config_load_switch_tls(p->agent.config,
                                                      &p->switch_tls, err);
}

/* Reload. */

static void
log_change(const struct tsn_config_tor *conf, const char *what,
           const char *key)
{
    VLOG_INFO("%s by the new configuration tor=%s%s%s", what, conf->name,
              key ? " key=" : "", key ? key : "");
}

static void
apply_to_tor(struct program *p, const struct tsn_config *old,
             const struct tsn_config_tor *conf)
{
    struct tor_fleet *fleet = p->agent.fleet;
    const struct tsn_config *config = p->agent.config;
    char *remote = tor_listen_remote(p->agent.listen, conf);
    const char *key;

    switch (tor_config_compare(old, config, conf, &key)) {
    case TOR_SAME:
        break;
    case TOR_TUNED:
        log_change(conf, "changed in place", key);
        tor_fleet_tune(fleet, config, conf);
        break;
    case TOR_REPLACED:
        log_change(conf, "replaced", key);
        tor_fleet_replace(fleet, config, conf, remote, p->tls);
        break;
    case TOR_ADDED:
        log_change(conf, "added", NULL);
        tor_fleet_add(fleet, config, conf, remote, p->tls);
        break;
    }
    free(remote);
}

static void
discard(void *outdated_)
{
    struct outdated *outdated = outdated_;

    tsn_config_destroy(outdated->config);
    tsn_tls_store_destroy(outdated->tls);
    free(outdated);
}

static void
apply(struct program *p, const struct tsn_config *old)
{
    const struct tsn_config *config = p->agent.config;

    for (size_t i = 0; i < old->n_tors; i++) {
        if (!tor_config_find(config, old->tors[i].name)) {
            log_change(&old->tors[i], "removed", NULL);
            tor_fleet_remove(p->agent.fleet, old->tors[i].name);
        }
    }
    tor_listen_reload(p->agent.listen, old, config);
    for (size_t i = 0; i < config->n_tors; i++) {
        apply_to_tor(p, old, &config->tors[i]);
    }
    tor_fleet_sort(p->agent.fleet, config);
    if (old->n_workers != config->n_workers) {
        VLOG_WARN("another number of workers takes a restart workers=%"PRIu32
                  " key=workers", old->n_workers);
    }
}

/* What can fail, before anything is changed. */
static int
prepare(struct program *p, const struct tsn_config *config,
        struct tsn_tls_store **tlsp, struct tsn_err *err)
{
    const struct tsn_config *old = p->agent.config;

    if (!tor_config_same_switch_tls(old, config)) {
        tsn_err_set(err, NULL, "other certificate files for sessions with "
                    "switches (\"tls\" in \"tor-agent\") take a restart");
        return -EINVAL;
    }
    int error = tor_listen_check(old, config, err);
    return error ? error : tsn_config_load_tls(config, tlsp, err);
}

static int
reload(struct program *p, const char *path, struct tsn_err *err)
{
    struct tsn_tls_store *tls = NULL;
    struct tsn_config *config;

    int error = load_config(path, &config, err);
    if (error) {
        return error;
    }
    error = prepare(p, config, &tls, err);
    if (error) {
        tsn_config_destroy(config);
        return error;
    }

    struct outdated *outdated = xmalloc(sizeof *outdated);
    outdated->config = p->agent.config;
    outdated->tls = tls;
    if (!tor_config_same_tls(outdated->config, config)) {
        /* The ToRs are all replaced. */
        outdated->tls = p->tls;
        p->tls = tls;
    }
    p->agent.config = config;
    apply(p, outdated->config);
    tor_fleet_fence(p->agent.fleet, discard, outdated);
    return 0;
}

static int
program_reload(const char *path, void *program_, struct tsn_err *err)
{
    struct program *p = program_;
    int error = reload(p, path, err);

    free(p->agent.config_error);
    p->agent.config_error = error ? xstrdup(tsn_err_format(err)) : NULL;
    p->agent.config_wall_ms = time_wall_msec();
    return error;
}

static int
program_reload_certificates(void *program_, struct tsn_err *err)
{
    const struct program *p = program_;

    int error = p->tls ? tsn_tls_store_reload(p->tls, err) : 0;
    return p->switch_tls && !error
           ? tsn_tls_store_reload(p->switch_tls, err) : error;
}

/* Alarms of the process. */

static void
state_expiry(struct program *p, struct tsn_tls_store *store,
             const char *whose, int64_t wall_s)
{
    struct tsn_tls *tls = tsn_tls_store_get(store, tsn_now_ms());

    if (!tls) {
        return;
    }
    int64_t left_s = tsn_tls_not_after(tls) - wall_s;
    if (left_s <= 0) {
        tsn_alarms_state(p->agent.alarms, "certificate-expiry", TSN_CRITICAL,
                         0, whose, "our certificate has expired");
    } else if (left_s <= EXPIRY_WARN_S) {
        char text[64];

        snprintf(text, sizeof text, "our certificate expires in %"PRId64
                 " days", left_s / (24 * 3600));
        tsn_alarms_state(p->agent.alarms, "certificate-expiry", TSN_WARNING,
                         0, whose, text);
    }
    tsn_tls_unref(tls);
}

static void
state_alarms(const struct tor_listen_alarm alarms[], size_t n, void *program_)
{
    struct program *p = program_;
    int64_t wall_ms = time_wall_msec();

    tsn_alarms_begin(p->agent.alarms, tsn_now_ms(), wall_ms);
    state_expiry(p, p->tls, "certificate=control-nodes", wall_ms / 1000);
    state_expiry(p, p->switch_tls, "certificate=switches", wall_ms / 1000);
    if (p->agent.config_error) {
        tsn_alarms_state(p->agent.alarms, "config-refused", TSN_WARNING, 0,
                         "", p->agent.config_error);
    }
    for (size_t i = 0; i < n; i++) {
        tsn_alarms_state(p->agent.alarms, alarms[i].kind, TSN_WARNING, 0,
                         alarms[i].object, alarms[i].text);
    }
    tsn_alarms_end(p->agent.alarms);
}

static void
watch(uv_timer_t *timer)
{
    struct program *p = timer->data;

    tor_listen_ask_alarms(p->agent.listen, p->agent.main, state_alarms, p);
}

static void
start_alarms(struct program *p)
{
    p->agent.alarms = tsn_alarms_create(NULL);
    uv_timer_init(tsn_loop_uv(p->agent.main), &p->watch_timer);
    p->watch_timer.data = p;
    uv_timer_start(&p->watch_timer, watch, 0, WATCH_MS);
}

static int
program_start(struct tsn_loop *loop, struct tsn_ctl *ctl, void *program_,
              struct tsn_err *err)
{
    struct program *p = program_;
    const struct tsn_config *config = p->agent.config;

    int error = tor_listen_create(config, tsn_daemon_run_dir(),
                                  p->switch_tls, &p->agent.listen, err);
    if (error) {
        return error;
    }
    p->agent.main = loop;
    p->agent.fleet = tor_fleet_create(loop, config->n_workers);
    start_alarms(p);
    tor_commands_register(ctl, &p->agent);
    for (size_t i = 0; i < config->n_tors; i++) {
        const struct tsn_config_tor *conf = &config->tors[i];
        char *remote = tor_listen_remote(p->agent.listen, conf);

        tor_fleet_add(p->agent.fleet, config, conf, remote, p->tls);
        free(remote);
    }
    tor_listen_start(p->agent.listen);
    VLOG_INFO("started tors=%"PRIuSIZE" workers=%"PRIuSIZE, config->n_tors,
              tor_fleet_n_workers(p->agent.fleet));
    return 0;
}

static void
program_stop(void *program_)
{
    struct program *p = program_;

    tor_fleet_stop(p->agent.fleet);
    tor_listen_stop(p->agent.listen);
    tor_listen_destroy(p->agent.listen);
    tsn_loop_drain(p->agent.main);
    tor_fleet_destroy(p->agent.fleet);
    uv_timer_stop(&p->watch_timer);
    tsn_alarms_destroy(p->agent.alarms);
}

int
main(int argc, char *argv[])
{
    static const struct tsn_daemon_spec spec = {
        .program = "tsn-tor-agent",
        .summary = "Bridges ToR switches (OVSDB hardware_vtep) with the "
                   "control nodes of the cloud (XMPP, EVPN).",
        .default_config = TSN_SYSCONFDIR "/tsn.yaml",
        .load = program_load,
        .start = program_start,
        .stop = program_stop,
        .reload = program_reload,
        .reload_certificates = program_reload_certificates,
    };
    struct program program = { .tls = NULL };

    int status = tsn_daemon_main(argc, argv, &spec, &program);
    tsn_tls_store_destroy(program.tls);
    tsn_tls_store_destroy(program.switch_tls);
    tsn_config_destroy(program.agent.config);
    free(program.agent.config_error);
    return status;
}
