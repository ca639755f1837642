/* SPDX-License-Identifier: Apache-2.0 */
/* tsn-tor-agent: any number of ToRs, each in a worker.  The main thread has
 * the configuration, the signals and the control socket, and talks to the
 * worker by messages. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "tor-agent/listen.h"
#include "tor-agent/tor.h"
#include "tsn/config.h"
#include "tsn/ctl.h"
#include "tsn/daemon.h"
#include "tsn/error.h"
#include "tsn/json.h"
#include "tsn/loop.h"
#include "tsn/tls-store.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tor_agent);

/* Handing over 100 000 MACs takes some seconds; a control node that does not
 * read must not hold up the end for longer. */
#define LEAVE_MS 5000
#define LEAVE_CHECK_MS 10

struct agent {
    struct tsn_config *config;
    struct tsn_tls_store *tls;  /* NULL: control nodes are in the clear. */
    struct tsn_tls_store *switch_tls;   /* NULL: no certificates. */
    struct tsn_loop *main;
    struct tor_listen *listen;
    struct tsn_loop *worker;
    struct tor **tors;          /* In the worker's thread only. */
    size_t n_tors;

    struct tsn_loop_hook leaving;       /* Added when it is to stop. */
    uint64_t leave_by_ms;
};

/* Writes the reply of a command, in the worker's thread. */
typedef void fill_fn(struct agent *, struct tsn_json *);

/* A request on its way through the worker. */
struct request {
    struct agent *agent;
    struct tsn_ctl_call *call;
    fill_fn *fill;
};

static int
agent_load(const char *path, void *agent_, struct tsn_err *err)
{
    struct agent *agent = agent_;
    int error = tsn_config_load(path, &agent->config, err);

    if (!error && !agent->config->n_tors) {
        tsn_err_set(err, path, "there are no tors in section \"tor-agent\"");
        error = -EINVAL;
    }
    if (!error) {
        error = tsn_config_load_tls(agent->config, &agent->tls, err);
    }
    return error ? error : tsn_config_load_switch_tls(agent->config,
                                                      &agent->switch_tls, err);
}

static int
agent_reload_certificates(void *agent_, struct tsn_err *err)
{
    const struct agent *agent = agent_;

    int error = agent->tls ? tsn_tls_store_reload(agent->tls, err) : 0;
    return agent->switch_tls && !error
           ? tsn_tls_store_reload(agent->switch_tls, err) : error;
}

static void
request_done(void *request_)
{
    struct request *r = request_;

    tsn_ctl_finish(r->call);
    free(r);
}

static void
request_in_worker(void *request_)
{
    struct request *r = request_;

    r->fill(r->agent, tsn_ctl_reply(r->call));
    tsn_loop_post(r->agent->main, request_done, r);
}

static void
request_start(struct agent *agent, struct tsn_ctl_call *call, fill_fn *fill)
{
    struct request *r = xmalloc(sizeof *r);

    *r = (struct request) { .agent = agent, .call = call, .fill = fill };
    tsn_loop_post(agent->worker, request_in_worker, r);
}

static void
fill_array(struct agent *agent, struct tsn_json *json, const char *key,
           void (*show)(const struct tor *, struct tsn_json *))
{
    tsn_json_object_begin(json, "result");
    tsn_json_array_begin(json, key);
    for (size_t i = 0; i < agent->n_tors; i++) {
        show(agent->tors[i], json);
    }
    tsn_json_array_end(json);
    tsn_json_object_end(json);
}

static void
fill_tors(struct agent *agent, struct tsn_json *json)
{
    fill_array(agent, json, "tors", tor_show);
}

static void
fill_rows(struct agent *agent, struct tsn_json *json)
{
    fill_array(agent, json, "tors", tor_show_rows);
}

static void
fill_networks(struct agent *agent, struct tsn_json *json)
{
    fill_array(agent, json, "networks", tor_show_networks);
}

static void
fill_macs(struct agent *agent, struct tsn_json *json)
{
    fill_array(agent, json, "macs", tor_show_macs);
}

static void
fill_status(struct agent *agent, struct tsn_json *json)
{
    size_t n_up = 0;

    for (size_t i = 0; i < agent->n_tors; i++) {
        n_up += tor_is_up(agent->tors[i]);
    }
    tsn_json_object_begin(json, "result");
    tsn_json_string(json, "program", "tsn-tor-agent");
    tsn_json_string(json, "version", TSN_VERSION);
    tsn_json_uint(json, "tors", agent->n_tors);
    tsn_json_uint(json, "tors_up", n_up);
    tsn_json_object_end(json);
}

static const struct {
    const char *words;
    fill_fn *fill;
} commands[] = {
    { "status", fill_status },
    { "show tors", fill_tors },
    { "show networks", fill_networks },
    { "show macs", fill_macs },
    { "show rows", fill_rows },
};

/* What a command's handler needs: whose it is, and what fills the reply. */
struct bound_command {
    struct agent *agent;
    fill_fn *fill;
};

static void
command_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED,
           char *argv[] OVS_UNUSED, void *bound_)
{
    const struct bound_command *bound = bound_;

    request_start(bound->agent, call, bound->fill);
}

static void
listeners_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED,
             char *argv[] OVS_UNUSED, void *agent_)
{
    struct agent *agent = agent_;

    tor_listen_show(agent->listen, agent->main, call);
}

static void
start_tors(void *agent_)
{
    struct agent *agent = agent_;
    const struct tsn_config *config = agent->config;

    agent->tors = xcalloc(config->n_tors, sizeof *agent->tors);
    for (size_t i = 0; i < config->n_tors; i++) {
        const struct tsn_config_tor *conf = &config->tors[i];
        char *remote = tor_listen_remote(agent->listen, conf);

        agent->tors[agent->n_tors++] = tor_create(agent->worker, config, conf,
                                                  remote, agent->tls);
        free(remote);
    }
    VLOG_INFO("started tors=%"PRIuSIZE, agent->n_tors);
}

static void
destroy_tors(struct agent *agent)
{
    for (size_t i = 0; i < agent->n_tors; i++) {
        tor_destroy(agent->tors[i]);
    }
    free(agent->tors);
    agent->tors = NULL;
    agent->n_tors = 0;
    tsn_loop_remove_hook(agent->worker, &agent->leaving);
    tsn_loop_stop(agent->worker);
}

static void
leave_run(void *agent_)
{
    struct agent *agent = agent_;

    if (tsn_now_ms() < agent->leave_by_ms) {
        for (size_t i = 0; i < agent->n_tors; i++) {
            if (!tor_has_left(agent->tors[i])) {
                return;
            }
        }
    }
    destroy_tors(agent);
}

static void
leave_wait(void *agent_ OVS_UNUSED)
{
    poll_timer_wait(LEAVE_CHECK_MS);
}

static void
stop_tors(void *agent_)
{
    struct agent *agent = agent_;

    for (size_t i = 0; i < agent->n_tors; i++) {
        tor_leave(agent->tors[i]);
    }
    agent->leave_by_ms = tsn_now_ms() + LEAVE_MS;
    agent->leaving = (struct tsn_loop_hook) {
        .run = leave_run, .wait = leave_wait, .aux = agent,
    };
    tsn_loop_add_hook(agent->worker, &agent->leaving);
}

static int
agent_start(struct tsn_loop *loop, struct tsn_ctl *ctl, void *agent_,
            struct tsn_err *err)
{
    static struct bound_command bound[ARRAY_SIZE(commands)];
    struct agent *agent = agent_;

    int error = tor_listen_create(agent->config, tsn_daemon_run_dir(),
                                  agent->switch_tls, &agent->listen, err);
    if (error) {
        return error;
    }
    agent->main = loop;
    agent->worker = tsn_loop_create("tors");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        bound[i] = (struct bound_command) { agent, commands[i].fill };
        tsn_ctl_register(ctl, commands[i].words, commands[i].words, 0, 0,
                         command_cb, &bound[i]);
    }
    tsn_ctl_register(ctl, "show listeners", "show listeners", 0, 0,
                     listeners_cb, agent);
    tsn_loop_post(agent->worker, start_tors, agent);
    tsn_loop_start(agent->worker);
    tor_listen_start(agent->listen);
    return 0;
}

static void
agent_stop(void *agent_)
{
    struct agent *agent = agent_;

    tsn_loop_post(agent->worker, stop_tors, agent);
    tsn_loop_join(agent->worker);
    tsn_loop_destroy(agent->worker);
    tor_listen_stop(agent->listen);
    tor_listen_destroy(agent->listen);
    tsn_loop_drain(agent->main);
}

int
main(int argc, char *argv[])
{
    static const struct tsn_daemon_spec spec = {
        .program = "tsn-tor-agent",
        .summary = "Bridges ToR switches (OVSDB hardware_vtep) with the "
                   "control nodes of the cloud (XMPP, EVPN).",
        .default_config = TSN_SYSCONFDIR "/tsn.yaml",
        .load = agent_load,
        .start = agent_start,
        .stop = agent_stop,
        .reload_certificates = agent_reload_certificates,
    };
    struct agent agent = { 0 };

    int status = tsn_daemon_main(argc, argv, &spec, &agent);
    tsn_tls_store_destroy(agent.tls);
    tsn_tls_store_destroy(agent.switch_tls);
    tsn_config_destroy(agent.config);
    return status;
}
