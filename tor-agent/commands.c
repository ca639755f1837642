/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tor-agent/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "ovsdb-client/operator.h"
#include "ovsdb-client/profile.h"
#include "packets.h"
#include "sset.h"
#include "timeval.h"
#include "tsn/alarm.h"
#include "tor-agent/fleet.h"
#include "tor-agent/listen.h"
#include "tor-agent/remotes.h"
#include "tsn/config.h"
#include "tsn/ctl-request.h"
#include "tsn/ctl.h"
#include "tsn/json.h"
#include "util.h"

/* Names that an error lists: what fits a few lines of a terminal. */
#define MAX_NAMED 10

/* A command that asks ToRs, all or those that are named, and lists what each
 * of them has to say. */
struct command {
    const char *words;
    const char *usage;
    int min_names, max_names;   /* 0, 0: takes none, all are asked. */
    const char *key;            /* Of the array in the reply. */
    tor_visit_fn *visit;
    /* Writes members before the array; may be NULL. */
    void (*head)(const struct tor_agent *, const struct tor_answer[],
                 size_t n, struct tsn_json *);
};

/* Questions. */

#define QUESTION(NAME, SHOW) \
    static void \
    NAME(struct tor *tor, const void *args OVS_UNUSED, \
         struct tsn_json *json) \
    { \
        SHOW(tor, json); \
    }

QUESTION(visit_list, tor_list)
QUESTION(visit_rows, tor_show_rows)
QUESTION(visit_networks, tor_show_networks)
QUESTION(visit_macs, tor_show_macs)
QUESTION(visit_diff, tor_show_diff)
QUESTION(visit_history, tor_show_history)
QUESTION(visit_alarms, tor_show_alarms)

static void
visit_show(struct tor *tor, const void *remotes, struct tsn_json *json)
{
    tor_show(tor, tor_remotes_find(remotes, tor_name(tor)), json);
}

/* Orders. */

static void
put_done(const struct tor *tor, const char *result, struct tsn_json *json)
{
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "tor", tor_name(tor));
    tsn_json_string(json, "result", result);
    tsn_json_object_end(json);
}

static void
visit_resync(struct tor *tor, const void *args OVS_UNUSED,
             struct tsn_json *json)
{
    ovc_session_resync(tor_session(tor));
    put_done(tor, "all rows are compared anew", json);
}

static void
visit_reconnect(struct tor *tor, const void *args OVS_UNUSED,
                struct tsn_json *json)
{
    ovc_session_reconnect(tor_session(tor));
    put_done(tor, "the session is ended, another one begins", json);
}

static void
visit_purge(struct tor *tor, const void *args OVS_UNUSED,
            struct tsn_json *json)
{
    char result[64];
    int n = ovc_session_purge_stale(tor_session(tor));

    if (n < 0) {
        put_done(tor, "not yet: the control nodes have not sent everything, "
                 "so nobody knows what is stale", json);
    } else {
        snprintf(result, sizeof result, "%d stale rows are removed", n);
        put_done(tor, result, json);
    }
}

static void
visit_freeze(struct tor *tor, const void *args OVS_UNUSED,
             struct tsn_json *json)
{
    tor_set_mode(tor, OVC_MODE_FREEZE);
    put_done(tor, "rows stay as they are, missing ones are added", json);
}

static void
visit_dry_run(struct tor *tor, const void *args OVS_UNUSED,
              struct tsn_json *json)
{
    tor_set_mode(tor, OVC_MODE_DRY_RUN);
    put_done(tor, "nothing is written, \"tor diff\" shows what would be",
             json);
}

static void
visit_unfreeze(struct tor *tor, const void *args OVS_UNUSED,
               struct tsn_json *json)
{
    tor_set_mode(tor, OVC_MODE_WRITE);
    put_done(tor, "rows become what is wanted", json);
}

/* Heads. */

static void
put_time(struct tsn_json *json, const char *key, int64_t wall_ms)
{
    char *s = xastrftime_msec("%Y-%m-%dT%H:%M:%SZ", wall_ms, true);

    tsn_json_string(json, key, s);
    free(s);
}

static void
head_status(const struct tor_agent *agent, const struct tor_answer answers[],
            size_t n, struct tsn_json *json)
{
    size_t n_tors = 0, n_up = 0, n_active = 0, n_standby = 0;
    size_t n_alarms = tsn_alarms_count(agent->alarms);
    size_t n_critical = tsn_alarms_count_critical(agent->alarms);

    for (size_t i = 0; i < n; i++) {
        const struct tor_summary *s = &answers[i].summary;

        n_tors += !answers[i].gone;
        n_up += s->up;
        n_active += s->role && !strcmp(s->role, "active");
        n_standby += s->role && !strcmp(s->role, "standby");
        n_alarms += s->n_alarms;
        n_critical += s->n_critical;
    }
    tsn_json_string(json, "program", "tsn-tor-agent");
    tsn_json_string(json, "version", TSN_VERSION);
    tsn_json_uint(json, "tors", n_tors);
    tsn_json_uint(json, "tors_up", n_up);
    tsn_json_uint(json, "active", n_active);
    tsn_json_uint(json, "standby", n_standby);
    tsn_json_uint(json, "workers", tor_fleet_n_workers(agent->fleet));
    tsn_json_uint(json, "alarms", n_alarms);
    tsn_json_uint(json, "critical", n_critical);
    tsn_json_string(json, "config",
                    agent->config_error ? "refused" : "loaded");
    put_time(json, "config_since", agent->config_wall_ms);
    tsn_json_string(json, "config_error", agent->config_error);
}

static const struct command commands[] = {
    { "status", "status", 0, 0, NULL, NULL, head_status },
    { "alarms", "alarms", 0, 0, "alarms", visit_alarms, NULL },

    { "show tors", "show tors [TOR]...", 0, TSN_CTL_WORDS_MAX, "tors",
      visit_show, NULL },
    { "show networks", "show networks", 0, 0, "networks", visit_networks,
      NULL },
    { "show macs", "show macs [TOR]...", 0, TSN_CTL_WORDS_MAX, "macs",
      visit_macs, NULL },
    { "show rows", "show rows [TOR]...", 0, TSN_CTL_WORDS_MAX, "tors",
      visit_rows, NULL },

    { "tor list", "tor list [TOR]...", 0, TSN_CTL_WORDS_MAX, "tors",
      visit_list, NULL },
    { "tor show", "tor show TOR...", 1, TSN_CTL_WORDS_MAX, "tors",
      visit_show, NULL },
    { "tor diff", "tor diff [TOR]...", 0, TSN_CTL_WORDS_MAX, "tors",
      visit_diff, NULL },
    { "tor history", "tor history TOR...", 1, TSN_CTL_WORDS_MAX, "tors",
      visit_history, NULL },
    { "tor alarms", "tor alarms TOR...", 1, TSN_CTL_WORDS_MAX, "alarms",
      visit_alarms, NULL },
    { "tor resync", "tor resync TOR...", 1, TSN_CTL_WORDS_MAX, "tors",
      visit_resync, NULL },
    { "tor reconnect", "tor reconnect TOR...", 1, TSN_CTL_WORDS_MAX, "tors",
      visit_reconnect, NULL },
    { "tor purge-stale", "tor purge-stale TOR...", 1, TSN_CTL_WORDS_MAX,
      "tors", visit_purge, NULL },
    { "tor freeze", "tor freeze TOR...", 1, TSN_CTL_WORDS_MAX, "tors",
      visit_freeze, NULL },
    { "tor dry-run", "tor dry-run TOR...", 1, TSN_CTL_WORDS_MAX, "tors",
      visit_dry_run, NULL },
    { "tor unfreeze", "tor unfreeze TOR...", 1, TSN_CTL_WORDS_MAX, "tors",
      visit_unfreeze, NULL },
};

/* Names. */

static bool
has_prefix(const char *s, const char *prefix)
{
    return !strncmp(s, prefix, strlen(prefix));
}

/* Who is meant by 'word': that ToR, or the only one whose name begins so.
 * NULL: nobody; then the call has its error. */
static const char *
resolve(const struct tor_agent *agent, const char *word,
        struct tsn_ctl_call *call)
{
    const struct tsn_config *c = agent->config;
    struct ds names = DS_EMPTY_INITIALIZER;
    const char *found = NULL;
    size_t n = 0;

    if (tor_fleet_has(agent->fleet, word)) {
        return word;
    }
    for (size_t i = 0; i < c->n_tors; i++) {
        if (has_prefix(c->tors[i].name, word)) {
            found = c->tors[i].name;
            if (n++ < MAX_NAMED) {
                ds_put_format(&names, " %s", found);
            }
        }
    }
    if (n > 1) {
        tsn_ctl_error(call, "\"%s\" can be several ToRs:%s%s", word,
                      ds_cstr(&names), n > MAX_NAMED ? " ..." : "");
        found = NULL;
    } else if (!n) {
        tsn_ctl_error(call, "there is no ToR \"%s\"; \"tor list\" shows all",
                      word);
    }
    ds_destroy(&names);
    return found;
}

static bool
resolve_all(const struct tor_agent *agent, int argc, char *argv[],
            struct sset *tors, struct tsn_ctl_call *call)
{
    for (int i = 0; i < argc; i++) {
        const char *name = resolve(agent, argv[i], call);

        if (!name) {
            return false;
        }
        sset_add(tors, name);
    }
    return true;
}

/* Asking. */

struct request {
    struct tor_agent *agent;
    struct tsn_ctl_call *call;
    const struct command *command;
    struct sset tors;           /* Of those that are named; or empty. */
};

static struct request *
request_create(struct tor_agent *agent, struct tsn_ctl_call *call,
               const struct command *command)
{
    struct request *r = xmalloc(sizeof *r);

    r->agent = agent;
    r->call = call;
    r->command = command;
    sset_init(&r->tors);
    return r;
}

static void
request_destroy(struct request *r)
{
    sset_destroy(&r->tors);
    free(r);
}

static void
put_answers(const struct tor_answer answers[], size_t n, const char *key,
            struct tsn_json *json)
{
    tsn_json_array_begin(json, key);
    for (size_t i = 0; i < n; i++) {
        tsn_json_elements(json, &answers[i].elements);
    }
}

static void
answered(const struct tor_answer answers[], size_t n, void *request_)
{
    struct request *r = request_;
    struct tsn_json *json = tsn_ctl_reply(r->call);

    tsn_json_object_begin(json, "result");
    if (r->command->head) {
        r->command->head(r->agent, answers, n, json);
    }
    if (r->command->key) {
        put_answers(answers, n, r->command->key, json);
        if (r->command->visit == visit_alarms) {
            tsn_alarms_show(r->agent->alarms, json);
        }
        tsn_json_array_end(json);
    }
    tsn_json_object_end(json);
    tsn_ctl_finish(r->call);
    request_destroy(r);
}

/* Of the ToRs that are named, or all; 'args' as in tor_question. */
static void
ask(struct request *r, tor_visit_fn *visit, void *args)
{
    struct tor_question question = {
        .tors = sset_is_empty(&r->tors) ? NULL : &r->tors,
        .visit = visit,
        .args = args,
        .answered = answered,
        .aux = r,
    };

    tor_fleet_ask(r->agent->fleet, &question);
}

static void
ask_with_remotes(const char *status, void *request_)
{
    struct request *r = request_;

    ask(r, r->command->visit, tor_remotes_make(r->agent->config, status));
}

/* What a command's handler needs. */
struct bound_command {
    struct tor_agent *agent;
    const struct command *command;
};

static void
command_cb(struct tsn_ctl_call *call, int argc, char *argv[], void *bound_)
{
    const struct bound_command *bound = bound_;
    struct tor_agent *agent = bound->agent;
    struct request *r = request_create(agent, call, bound->command);

    if (!resolve_all(agent, argc, argv, &r->tors, call)) {
        request_destroy(r);
        tsn_ctl_finish(call);
    } else if (r->command->visit == visit_show) {
        tor_listen_ask_status(agent->listen, agent->main, ask_with_remotes,
                              r);
    } else {
        ask(r, r->command->visit, NULL);
    }
}

/* tor unfreeze-mac TOR NETWORK MAC */

struct frozen_mac {
    struct eth_addr mac;
    char network[];
};

static const char unfreeze_mac_done[] = "it may move again";

static void
visit_unfreeze_mac(struct tor *tor, const void *frozen_,
                   struct tsn_json *json)
{
    const struct frozen_mac *frozen = frozen_;

    put_done(tor, tor_unfreeze_mac(tor, frozen->network, &frozen->mac)
                  ? "no such MAC is frozen in that network"
                  : unfreeze_mac_done, json);
}

static void
unfreeze_mac_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED, char *argv[],
                void *agent_)
{
    static const struct command command = { .key = "tors" };
    struct request *r = request_create(agent_, call, &command);
    size_t network_size = strlen(argv[1]) + 1;
    struct eth_addr mac;

    if (!eth_addr_from_string(argv[2], &mac)) {
        tsn_ctl_error(call, "\"%s\" is not a MAC address", argv[2]);
    } else if (resolve_all(agent_, 1, argv, &r->tors, call)) {
        struct frozen_mac *frozen = xmalloc(sizeof *frozen + network_size);

        frozen->mac = mac;
        memcpy(frozen->network, argv[1], network_size);
        ask(r, visit_unfreeze_mac, frozen);
        return;
    }
    request_destroy(r);
    tsn_ctl_finish(call);
}

static void
listeners_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED,
             char *argv[] OVS_UNUSED, void *agent_)
{
    struct tor_agent *agent = agent_;

    tor_listen_show(agent->listen, agent->main, call);
}

/* What is known of kinds of switches: constants, no worker is asked. */
static void
profile_cb(struct tsn_ctl_call *call, int argc, char *argv[],
           void *aux OVS_UNUSED)
{
    const struct ovc_profile *profile;

    if (argc && !ovc_profile_find(argv[0])) {
        tsn_ctl_error(call, "there is no profile \"%s\"; \"tor profile\" "
                      "shows all", argv[0]);
        tsn_ctl_finish(call);
        return;
    }
    struct tsn_json *json = tsn_ctl_reply(call);
    tsn_json_object_begin(json, "result");
    tsn_json_array_begin(json, "profiles");
    for (size_t i = 0; (profile = ovc_profile_at(i)) != NULL; i++) {
        if (!argc || profile == ovc_profile_find(argv[0])) {
            tsn_json_object_begin(json, NULL);
            ovc_profile_show(profile, json);
            tsn_json_object_end(json);
        }
    }
    tsn_json_array_end(json);
    tsn_json_object_end(json);
    tsn_ctl_finish(call);
}

void
tor_commands_register(struct tsn_ctl *ctl, struct tor_agent *agent)
{
    static struct bound_command bound[ARRAY_SIZE(commands)];

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        const struct command *c = &commands[i];

        bound[i] = (struct bound_command) { agent, c };
        tsn_ctl_register(ctl, c->words, c->usage, c->min_names, c->max_names,
                         command_cb, &bound[i]);
    }
    tsn_ctl_register(ctl, "tor unfreeze-mac",
                     "tor unfreeze-mac TOR NETWORK MAC", 3, 3,
                     unfreeze_mac_cb, agent);
    tsn_ctl_register(ctl, "tor profile", "tor profile [NAME]", 0, 1,
                     profile_cb, NULL);
    tsn_ctl_register(ctl, "show listeners", "show listeners", 0, 0,
                     listeners_cb, agent);
}
