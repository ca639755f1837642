/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator may see of a session, and do to it (spec/tor-agent.md J.26,
 * J.27, J.28).  The thread of the session, as for all of session.h. */
#ifndef OVSDB_CLIENT_OPERATOR_H
#define OVSDB_CLIENT_OPERATOR_H 1

#include <stddef.h>

struct ovc_session;
struct tsn_json;

enum ovc_mode {
    OVC_MODE_WRITE,             /* The database becomes what is wanted. */
    OVC_MODE_FREEZE,            /* What is there stays as it is; what is
                                 * missing is still added. */
    OVC_MODE_DRY_RUN,           /* Nothing is written; what would be is to be
                                 * seen in ovc_session_diff(). */
    OVC_N_MODES
};

/* Takes effect at once, but for a transaction under way; hold times of stale
 * rows run on. */
void ovc_session_set_mode(struct ovc_session *, enum ovc_mode);
enum ovc_mode ovc_session_mode(const struct ovc_session *);
const char *ovc_mode_name(enum ovc_mode);

/* Forgets why anything waits, looks at all rows anew and compares again. */
void ovc_session_resync(struct ovc_session *);

/* Ends the connection; the next one reads everything from the switch. */
void ovc_session_reconnect(struct ovc_session *);

/* Ends the hold time of all stale rows.  Returns their number, or -EBUSY
 * before ovc_session_set_config_complete(), as nobody knows which they are. */
int ovc_session_purge_stale(struct ovc_session *);

/* Writes array "diff" into the open object, an entry for each row that is not
 * as wanted: {table, switch, port, vlan, network, mac, action, wanted, actual,
 * state, reason, error, next_try_ms}.  'action' is "add", "change" or
 * "remove"; members that make no sense for a table are null.  Streams: memory
 * does not grow with the number of rows. */
void ovc_session_diff(const struct ovc_session *, struct tsn_json *);

/* Writes arrays "transactions" [{time, duration_ms, rows {TABLE: n}, result,
 * error}] and "closes" [{time, up_s, reason}], the newest last. */
void ovc_session_history(const struct ovc_session *, struct tsn_json *);

/* Facts that are worth an alarm while they last. */
enum ovc_alarm {
    OVC_ALARM_SWITCH_MISSING,   /* The database lacks one that we serve. */
    OVC_ALARM_PORT_MISSING,     /* For more than OVC_PORT_ALARM_MS. */
    OVC_ALARM_VNI_CONFLICT,     /* Two networks want, or have, one VNI. */
    OVC_ALARM_REFUSED,          /* The switch refused a row. */
    OVC_ALARM_FIGHT,            /* Somebody else keeps changing a row. */
    OVC_ALARM_FORCED_DELETE,    /* What the switch learnt in a removed network
                                 * is removed by us. */
    OVC_ALARM_SWITCH_FAULT,     /* switch_fault_status. */
    OVC_ALARM_PORT_FAULT,       /* port_fault_status. */
    OVC_N_ALARMS
};

/* A port may be plugged in after its server was configured. */
#define OVC_PORT_ALARM_MS 60000

/* "switch-missing"... */
const char *ovc_alarm_name(enum ovc_alarm);

/* 'object' says what it is about, "switch=leaf1 port=p1", 'text' what the
 * matter is.  Both are valid during the call. */
typedef void ovc_alarm_fn(enum ovc_alarm, const char *object,
                          const char *text, void *aux);
/* At most OVC_MAX_ALARMS of each kind are told; '*n_more' of all kinds are
 * not.  Costs no look at rows that are as wanted. */
#define OVC_MAX_ALARMS 32
void ovc_session_for_each_alarm(const struct ovc_session *, ovc_alarm_fn *,
                                void *aux, size_t *n_more);

#endif /* ovsdb-client/operator.h */
