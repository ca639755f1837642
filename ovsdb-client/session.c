/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a session: connecting, reading, losing it. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/text.h"
#include "stream.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovc_session);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(10, 10);

static const struct ovc_db_ops db_ops = {
    .replied = ovc_result_replied,
    .lost = ovc_result_lost,
};

struct ovc_session *
ovc_session_create(const struct ovc_session_config *config,
                   const struct ovc_session_ops *ops, void *aux)
{
    struct ovc_session *s = xzalloc(sizeof *s);

    s->name = xstrdup(config->name);
    ovc_switches_init(s, config);
    s->remote = xstrdup(config->remote);
    s->stale_hold_ms = config->stale_hold_ms;
    s->cleanup_ms = config->cleanup_ms;
    s->ownership = config->ownership;
    s->profile = config->profile ? config->profile : ovc_profile_default();
    s->ops = ops;
    s->aux = aux;
    s->since_wall_ms = time_wall_msec();
    s->reason = xstrdup("connecting");
    s->now_ms = s->down_ms = time_msec();

    ovc_guard_init(&s->guard);
    hmap_init(&s->ports);
    hmap_init(&s->port_rows);
    hmap_init(&s->lss);
    hmap_init(&s->macs);
    hmap_init(&s->wanted_vnis);
    ovc_rows_init(s);
    ovc_tunnels_init(s);
    for (size_t i = 0; i < OVC_N_KINDS; i++) {
        ovs_list_init(&s->queues[i]);
    }
    ovs_list_init(&s->groups);
    heap_init(&s->timers);
    ovc_plan_init(&s->plan);
    ovc_history_init(&s->history);

    ovc_db_init(&s->db, s->remote, &db_ops, s);
    ovc_session_set_probe(s, config->probe_ms);
    ovc_session_set_max_backoff(s, config->max_backoff_ms);
    return s;
}

void
ovc_session_destroy(struct ovc_session *s)
{
    static const struct ovc_session_ops no_ops = { .session_changed = NULL };
    struct ovc_ls *ls;
    struct ovc_mac *mac;

    if (!s) {
        return;
    }
    s->ops = &no_ops;
    ovc_rows_destroy(s);
    ovc_ports_destroy(s);
    ovc_tunnels_destroy(s);
    HMAP_FOR_EACH_SAFE (mac, node, &s->macs) {
        ovc_mac_destroy(s, mac);
    }
    HMAP_FOR_EACH_SAFE (ls, node, &s->lss) {
        ovc_ls_destroy(s, ls);
    }
    ovc_plan_destroy(s);        /* Until now objects were put in groups. */
    ovc_db_fini(&s->db);
    hmap_destroy(&s->ports);
    hmap_destroy(&s->port_rows);
    hmap_destroy(&s->lss);
    hmap_destroy(&s->macs);
    hmap_destroy(&s->wanted_vnis);
    heap_destroy(&s->timers);
    ovc_guard_fini(&s->guard);
    ovc_switches_destroy(s);
    free(s->name);
    free(s->remote);
    free(s->reason);
    free(s->lack);
    ovc_history_fini(&s->history);
    free(s->last_error);
    free(s);
}

/* Connection. */

/* Whether all rows are there and transactions can be sent. */
static bool
is_monitoring(struct ovc_session *s)
{
    if (!ovc_db_is_connected(&s->db)) {
        s->guard.hung_up = false;
    } else if (!s->guard.hung_up) {
        return ovc_db_is_ready(&s->db);
    }
    return false;
}

/* Takes 'reason'.  Returns true if it is another one than before. */
static bool
set_reason(struct ovc_session *s, char *reason)
{
    bool changed = !s->reason || strcmp(s->reason, reason);

    free(s->reason);
    s->reason = reason;
    return changed;
}

/* What there is to say without an error. */
static const char *
explain_silence(const struct ovc_session *s)
{
    if (ovc_db_is_connected(&s->db)) {
        return "connected, reading the database";
    } else if (!pstream_verify_name(s->remote)) {
        return "waiting for the switch to connect";
    } else if (s->now_ms - s->down_ms < OVC_SILENCE_MS) {
        return "connecting";
    }
    return "connecting, no answer from the switch";
}

/* There is no session, or one that is of no use. */
static void
explain(struct ovc_session *s)
{
    int error = ovc_db_last_error(&s->db);

    if (s->guard.error) {
        if (set_reason(s, xstrdup(s->guard.error))) {
            VLOG_WARN_RL(&rl, "the OVSDB server is of no use: %s tor=%s",
                         s->reason, s->name);
        }
    } else if (error && !ovc_db_is_connected(&s->db)) {
        set_reason(s, xstrdup(ovs_retval_to_string(error)));
    } else {
        set_reason(s, xstrdup(explain_silence(s)));
    }
}

static void
check_connection(struct ovc_session *s)
{
    bool read = is_monitoring(s);
    /* The schema is that of the session. */
    char *lack = read && !s->read ? ovc_db_check_schema(&s->db) : NULL;

    if (lack) {
        if (set_reason(s, lack)) {
            VLOG_WARN_RL(&rl, "the database is of no use: %s tor=%s", lack,
                         s->name);
        }
        s->read = s->up = false;
    } else if (!read) {
        s->read = s->up = false;
        explain(s);
    } else {
        ovc_guard_clear_error(&s->guard);
        s->read = true;
    }
}

static void
tell_owner(struct ovc_session *s)
{
    if (s->up != s->told_up) {
        s->told_up = s->up;
        s->since_wall_ms = time_wall_msec();
        if (s->up) {
            free(s->reason);
            s->reason = NULL;
            s->up_ms = s->now_ms;
            VLOG_INFO("reading and writing the switch's database tor=%s "
                      "remote=%s schema=%s", s->name, s->remote,
                      s->guard.schema ? s->guard.schema : "unknown");
        } else {
            s->down_ms = s->now_ms;
            ovc_history_add_close(s);
            VLOG_WARN("lost the switch's database: %s tor=%s remote=%s",
                      s->reason, s->name, s->remote);
        }
        s->ops->session_changed(s->aux, s->up);
    }
    if (s->learnt_changed) {
        s->learnt_changed = false;
        s->ops->learnt_changed(s->aux);
    }
}

static void
receive(struct ovc_session *s)
{
    ovc_guard_enter(&s->guard);
    ovc_db_run(&s->db);
    ovc_guard_leave();
    if (s->db.violation && !s->guard.hung_up) {
        ovc_guard_hang_up(&s->guard, s->db.violation);
    }
}

/* Until one of our switches is there, the rows of a new session wait: they may
 * be those of somebody else. */
static void
read_rows(struct ovc_session *s)
{
    if (s->db.fresh) {
        if (!ovc_switches_check(s)) {
            return;
        }
        ovc_rows_read_all(s);
        s->rescan = false;
        s->up = true;
    } else {
        ovc_rows_read_changes(s);
        if ((s->rescan || !s->up) && ovc_switches_check(s)) {
            ovc_rows_rescan(s);
            if (!s->up) {
                ovc_objects_retry(s);
            }
            s->up = true;
        }
    }
    ovc_db_forget_changes(&s->db);
}

void
ovc_session_run(struct ovc_session *s)
{
    s->now_ms = time_msec();
    receive(s);
    check_connection(s);
    if (s->read) {
        read_rows(s);
    }
    ovc_timers_run(s);
    ovc_reconcile_run(s);
    tell_owner(s);
}

void
ovc_session_wait(struct ovc_session *s)
{
    ovc_db_wait(&s->db);
    ovc_reconcile_wait(s);
    if (s->up && s->rescan) {
        poll_immediate_wake();
    }
}

bool
ovc_session_is_connected(const struct ovc_session *s)
{
    return s->up;
}

const struct in6_addr *
ovc_session_tunnel_ips(const struct ovc_session *s, size_t *n)
{
    *n = s->n_tunnel_ips;
    return s->tunnel_ips;
}

void
ovc_session_set_profile(struct ovc_session *s,
                        const struct ovc_profile *profile)
{
    if (s->profile != profile) {
        s->profile = profile;
        ovc_tunnels_update(s);
        ovc_objects_retry(s);
    }
}

size_t
ovc_session_n_against_profile(const struct ovc_session *s)
{
    return s->n_against_profile;
}
