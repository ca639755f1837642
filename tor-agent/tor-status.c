/* SPDX-License-Identifier: Apache-2.0 */
/* A ToR among many: its line in a list, and its alarms. */
#include <config.h>
#include "tor-agent/tor.h"
#include "tor-agent/tor-private.h"

#include <inttypes.h>
#include <stdio.h>

#include "ovsdb-client/operator.h"
#include "ovsdb-client/session.h"
#include "ovsdb-client/tunnel.h"
#include "tsn/alarm.h"
#include "tsn/json.h"
#include "util.h"
#include "xmpp/speaker.h"

/* Switches reboot, control nodes are restarted: what heals by itself within
 * that time is no matter for an operator. */
#define AWAY_ALARM_MS 60000

/* That the partner has not noticed yet that we took over, or vice versa, is
 * over within the shortest hold time of a copy. */
#define RIVAL_ALARM_MS 60000

void
tor_summarize(const struct tor *tor, struct tor_summary *summary)
{
    *summary = (struct tor_summary) {
        .up = tor_is_up(tor),
        .role = bridge_role(tor),
        .n_alarms = tsn_alarms_count(tor->alarms),
        .n_critical = tsn_alarms_count_critical(tor->alarms),
    };
}

static size_t
count_rows(const struct tor *tor)
{
    struct shash_node *node;
    size_t n = 0;

    SHASH_FOR_EACH (node, &tor->networks) {
        const struct tor_network *net = node->data;
        n += net->n_rows;
    }
    return n;
}

static size_t
count_exports(const struct tor *tor)
{
    struct shash_node *node;
    size_t n = 0;

    SHASH_FOR_EACH (node, &tor->networks) {
        const struct tor_network *net = node->data;
        n += net->n_exports;
    }
    return n;
}

void
tor_list(const struct tor *tor, struct tsn_json *json)
{
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "tor", tor->name);
    tsn_json_string(json, "role", bridge_role(tor));
    tsn_json_bool(json, "switch", ovc_session_is_connected(tor->ovsdb));
    tsn_json_bool(json, "control_node", xmpp_speaker_is_up(tor->speaker));
    tsn_json_uint(json, "networks", shash_count(&tor->networks));
    tsn_json_uint(json, "remote_macs", count_rows(tor));
    tsn_json_uint(json, "local_macs", count_exports(tor));
    tsn_json_uint(json, "alarms", tsn_alarms_count(tor->alarms));
    tsn_json_uint(json, "uptime_s", (tsn_now_ms() - tor->start_ms) / 1000);
    tsn_json_string(json, "state", tor_explain(tor));
    tsn_json_object_end(json);
}

/* "N THINGS", in a text that lives until the next call of this thread. */
static const char *
count_text(size_t n, const char *things)
{
    static __thread char buf[128];

    snprintf(buf, sizeof buf, "%"PRIuSIZE" %s", n, things);
    return buf;
}

static void
state_count(struct tor *tor, const char *kind, uint32_t delay_ms, size_t n,
            const char *things)
{
    if (n) {
        tsn_alarms_state(tor->alarms, kind, TSN_WARNING, delay_ms, "",
                         count_text(n, things));
    }
}

static void
state_sessions(struct tor *tor)
{
    if (!bridge_role(tor)) {
        tsn_alarms_state(tor->alarms, "switch-away", TSN_CRITICAL,
                         AWAY_ALARM_MS, "",
                         "no OVSDB session with the switch, and no other "
                         "agent serves it");
    }
    if (!xmpp_speaker_is_up(tor->speaker)) {
        tsn_alarms_state(tor->alarms, "control-nodes-away", TSN_CRITICAL,
                         AWAY_ALARM_MS, "", "no session with a control node");
    } else if (tor->config_complete && !tor->known) {
        tsn_alarms_state(tor->alarms, "device-unknown", TSN_WARNING, 0, "",
                         "the cloud has no physical router of this name for "
                         "this agent");
    }
    if (tor->vtep_differs) {
        tsn_alarms_state(tor->alarms, "address-mismatch", TSN_WARNING, 0, "",
                         "the switch's tunnel address is not that of its "
                         "physical router in the cloud");
    }
}

static enum tsn_severity
severity_of(enum ovc_alarm alarm)
{
    return alarm == OVC_ALARM_SWITCH_MISSING || alarm == OVC_ALARM_SWITCH_FAULT
           ? TSN_CRITICAL : TSN_WARNING;
}

/* The session says what is long enough so. */
static void
state_database(enum ovc_alarm alarm, const char *object, const char *text,
               void *tor_)
{
    struct tor *tor = tor_;

    tsn_alarms_state(tor->alarms, ovc_alarm_name(alarm), severity_of(alarm),
                     0, object, text);
}

void
tor_check_alarms(struct tor *tor, uint64_t now_ms, int64_t wall_ms)
{
    size_t n_more;

    tsn_alarms_begin(tor->alarms, now_ms, wall_ms);
    state_sessions(tor);
    ovc_session_for_each_alarm(tor->ovsdb, state_database, tor, &n_more);
    state_count(tor, "more-alarms", 0, n_more,
                "more matters of these kinds in the database");
    state_count(tor, "against-profile", 0,
                ovc_session_n_against_profile(tor->ovsdb),
                "rows are not written, as the switch could not take them");
    state_count(tor, "service-node-down", 0,
                ovc_session_n_bfd_failed(tor->ovsdb),
                "BFD sessions of the switch with service nodes are not up");
    if (tor_mode(tor) != OVC_MODE_WRITE) {
        tsn_alarms_state(tor->alarms, "held-by-operator", TSN_WARNING, 0, "",
                         tor_mode(tor) == OVC_MODE_FREEZE
                         ? "rows of the switch are frozen"
                         : "nothing is written to the switch");
    }
    state_count(tor, "both-active", RIVAL_ALARM_MS, tor->n_rival,
                "MACs of this switch are announced by another agent, too: "
                "both take it that they serve it");
    state_count(tor, "duplicate-mac", 0, tor->n_frozen,
                "MACs moved too often and are frozen where they are");
    state_count(tor, "binding-conflict", 0, tor->n_binding_conflicts,
                "ports are to be in two networks with one VLAN");
    state_count(tor, "no-vxlan", 0, tor->n_no_vxlan,
                "MACs cannot be reached by VXLAN");
    tsn_alarms_end(tor->alarms);
}

void
tor_show_alarms(const struct tor *tor, struct tsn_json *json)
{
    tsn_alarms_show(tor->alarms, json);
}

void
tor_show_diff(const struct tor *tor, struct tsn_json *json)
{
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "tor", tor->name);
    tsn_json_string(json, "mode", ovc_mode_name(tor_mode(tor)));
    ovc_session_diff(tor->ovsdb, json);
    tsn_json_object_end(json);
}

void
tor_show_history(const struct tor *tor, struct tsn_json *json)
{
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "tor", tor->name);
    ovc_session_history(tor->ovsdb, json);
    tsn_json_object_end(json);
}

struct ovc_session *
tor_session(struct tor *tor)
{
    return tor->ovsdb;
}

enum ovc_mode
tor_mode(const struct tor *tor)
{
    return ovc_session_mode(tor->ovsdb);
}

void
tor_set_mode(struct tor *tor, enum ovc_mode mode)
{
    ovc_session_set_mode(tor->ovsdb, mode);
}

const char *
tor_name(const struct tor *tor)
{
    return tor->name;
}
