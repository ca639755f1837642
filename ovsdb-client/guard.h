/* SPDX-License-Identifier: Apache-2.0 */
/* Stands between a switch and libopenvswitch, and sees each JSON-RPC message
 * first.
 *
 * It keeps away what ends the process in libopenvswitch 3.1 (an assertion on
 * the type of a member, a null pointer), so that no switch can.  On the way it
 * notes what ovsdb_cs keeps for itself: the version of the schema and the
 * words in which a server says no.
 *
 * Linked in by "--wrap=jsonrpc_session_recv", see automake.mk. */
#ifndef OVSDB_CLIENT_GUARD_H
#define OVSDB_CLIENT_GUARD_H 1

#include <stdbool.h>
#include <stdint.h>

struct jsonrpc_session;

struct ovc_guard {
    char *schema;               /* "version" of the hardware_vtep schema. */
    char *error;                /* Last error reply, or why we hung up. */
    struct jsonrpc_session *session;    /* When first seen. */
    bool hung_up;               /* On the connection there is. */
    uint64_t n_bad;             /* Messages for which we did. */
    uint32_t max_backoff_ms;    /* Between attempts to connect. */
};

void ovc_guard_init(struct ovc_guard *);
void ovc_guard_fini(struct ovc_guard *);

/* Around ovsdb_cs_run(): what this thread receives meanwhile is 'guard's. */
void ovc_guard_enter(struct ovc_guard *guard);
void ovc_guard_leave(void);

/* Ends the connection, as the switch did something 'bad', which is said as
 * "OVSDB server BAD".  The session has been seen. */
void ovc_guard_hang_up(struct ovc_guard *, const char *bad);

void ovc_guard_clear_error(struct ovc_guard *);
void ovc_guard_set_max_backoff(struct ovc_guard *, uint32_t ms);
/* Since the last byte of the peer; 'now_ms' as of time_msec().  The session
 * has been seen. */
long long ovc_guard_silence_ms(const struct ovc_guard *, long long now_ms);

#endif /* ovsdb-client/guard.h */
