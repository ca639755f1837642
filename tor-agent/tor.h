/* SPDX-License-Identifier: Apache-2.0 */
/* One ToR switch: its identity towards the control nodes, its OVSDB session,
 * and the bridge between the two (spec/tor-agent.md B, C, D).
 *
 * All of a ToR lives in one worker's loop.  It is level-triggered: whatever
 * changes, the part it touches is computed anew, a MAC at a time; the speaker
 * and the OVSDB session make it so. */
#ifndef TOR_AGENT_TOR_H
#define TOR_AGENT_TOR_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ovsdb-client/operator.h"

struct eth_addr;
struct tor;
struct tsn_config;
struct tsn_config_tor;
struct tsn_json;
struct tsn_loop;
struct tsn_tls_store;

/* Starts to serve; copies what it needs of the configuration.  'remote' is
 * where its session finds the switch (tor_listen_remote()).  'tls' is for the
 * sessions with control nodes, NULL for none, and borrowed.  In the loop's
 * thread, like all of these. */
struct tor *tor_create(struct tsn_loop *loop, const struct tsn_config *,
                       const struct tsn_config_tor *, const char *remote,
                       struct tsn_tls_store *tls);
/* Changes what its sessions outlive: times, the TSN, how MACs are bridged. */
void tor_tune(struct tor *, const struct tsn_config *,
              const struct tsn_config_tor *);
/* Hands over to another agent, or to our successor (E.3): the switch's rows
 * stay as they are and are not written any more, and what is announced becomes
 * copies, which are worse than what the other one announces, and better than
 * nothing until it does. */
void tor_leave(struct tor *);
/* Whether the control nodes have all of them. */
bool tor_has_left(const struct tor *);
/* Ends the sessions.  Rows and, until the control nodes notice, routes stay as
 * they are: the successor adopts them. */
void tor_destroy(struct tor *);                         /* NULL is fine. */

/* One element each of "show tors" and "show rows", and all elements of the
 * others: the caller has opened the array.  'remote' is where the switch is
 * (tor-agent/remotes.h); NULL: where its session finds it. */
void tor_show(const struct tor *, const char *remote, struct tsn_json *);
/* Every row that is wanted in the switch, and why it is not there. */
void tor_show_rows(const struct tor *, struct tsn_json *);
void tor_show_networks(const struct tor *, struct tsn_json *);
void tor_show_macs(const struct tor *, struct tsn_json *);

/* What there is to say of a ToR among many. */
struct tor_summary {
    bool up;                    /* As tor_is_up(). */
    const char *role;           /* "active", "standby"; NULL: neither. */
    size_t n_alarms, n_critical;
};
void tor_summarize(const struct tor *, struct tor_summary *);
/* An element of "tor list". */
void tor_list(const struct tor *, struct tsn_json *);

/* What an operator sees of the database, and does to it
 * (ovsdb-client/operator.h).  An element of "tor diff" and "tor history". */
void tor_show_diff(const struct tor *, struct tsn_json *);
void tor_show_history(const struct tor *, struct tsn_json *);
struct ovc_session *tor_session(struct tor *);
enum ovc_mode tor_mode(const struct tor *);
void tor_set_mode(struct tor *, enum ovc_mode);
const char *tor_name(const struct tor *);

/* States what is the case to its alarms; from time to time. */
void tor_check_alarms(struct tor *, uint64_t now_ms, int64_t wall_ms);
/* Elements of "alarms". */
void tor_show_alarms(const struct tor *, struct tsn_json *);

/* Whether the switch is served, by us or another agent, and we have a control
 * node. */
bool tor_is_up(const struct tor *);

/* Lets a MAC that moved too often move again.  Returns 0; -ENOENT if there is
 * no such network (its routing instance) or no such MAC that is frozen. */
int tor_unfreeze_mac(struct tor *, const char *network,
                     const struct eth_addr *mac);

#endif /* tor-agent/tor.h */
