/* SPDX-License-Identifier: Apache-2.0 */
/* One hardware_vtep database: its OVSDB session, the switch or switches whose
 * it is, and the reconciler that makes the rows we own what is wanted
 * (spec/tor-agent.md A, B, J).
 *
 * The owner states wanted objects one by one; the session remembers them over
 * reconnects and writes only differences, found by what changed rather than
 * by scanning: one transaction at a time, in chunks, in dependency order, or a
 * few that do no more than add MACs.  A reconnect to a matching database
 * writes nothing.
 *
 * One thread, with an OVS poll loop: run() and wait() go into its turn. */
#ifndef OVSDB_CLIENT_SESSION_H
#define OVSDB_CLIENT_SESSION_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"
#include "tsn/model.h"

struct ovc_profile;                 /* ovsdb-client/profile.h */
struct ovc_session;
struct tsn_json;

/* Row operations in a transaction: measured to be the fastest (field.md 4.3),
 * and no switch is handed thousands of rows at once. */
#define OVC_MAX_TXN_OPS 100

/* A switch that reboots is found again soon, one that is gone costs little. */
#define OVC_MAX_BACKOFF_MS 8000

/* How long a switch may take to remove what it learnt in a network that goes
 * (B.4): QFX gets out of step if others do (Launchpad 1466312), and sometimes
 * never does (1696851); ovs-vtep does with the last binding. */
#define OVC_CLEANUP_MS 30000

/* Who else writes into the database (B.5, J.7). */
enum ovc_ownership {
    OVC_EXCLUSIVE,              /* Nobody: Logical_Switches and vlan_bindings
                                 * that nobody wants go after the hold time,
                                 * whoever made them. */
    OVC_SHARED,                 /* Others do: only Logical_Switches with our
                                 * prefix, and what belongs to them, are
                                 * touched. */
};

struct ovc_session_config {
    const char *name;           /* Of the session in logs ("tor="); copied. */
    const char *const *switches;    /* Physical_Switch.name of those that we
                                     * serve, at least one, no two alike;
                                     * copied. */
    size_t n_switches;
    const char *remote;         /* OVS remote, active or passive; copied. */
    uint32_t probe_ms;          /* Silence after which we probe; 0: never. */
    uint32_t max_backoff_ms;    /* Between two attempts to connect, which
                                 * begin at 1 s; 0: OVC_MAX_BACKOFF_MS. */
    uint32_t stale_hold_ms;     /* Own rows that nobody wants, found in the
                                 * database, live that long after
                                 * ovc_session_set_config_complete(). */
    uint32_t cleanup_ms;        /* How long the switch gets to remove what it
                                 * learnt in a network that is being removed,
                                 * until we do. */
    enum ovc_ownership ownership;
    const struct ovc_profile *profile;  /* What the switch can; NULL: the
                                         * default.  Outlives the session. */
};

/* session_changed() and learnt_changed() are called at the end of
 * ovc_session_run(); all functions but run() and destroy() may be called from
 * there.  The others come from the midst of it, for each change before
 * learnt_changed() does: the owner notes them, and calls nothing of the
 * session.  They may be NULL. */
struct ovc_session_ops {
    /* Connected, all rows read and a switch that we serve is among them / the
     * session, or the last one's row, is gone. */
    void (*session_changed)(void *aux, bool connected);
    /* Learnt MACs or flood endpoints, or the switch's own data, changed.  Not
     * called for the loss of the session: what was learnt is remembered. */
    void (*learnt_changed)(void *aux);
    /* A local MAC, or the flood endpoints, of a Logical_Switch that is ours
     * (ovc_ownership) may have changed.  'learnt': a row of the MAC came or
     * changed; it may be a new one in the place of one that has just gone. */
    void (*mac_changed)(void *aux, const char *ls_name,
                        const struct eth_addr *mac, bool learnt);
    void (*flood_changed)(void *aux, const char *ls_name);
    /* The flood row of a wanted Logical_Switch may lead elsewhere, see
     * ovc_session_flood_node(). */
    void (*node_changed)(void *aux, const char *ls_name);
};

/* 'remote' is sound: the configuration has been checked. */
struct ovc_session *ovc_session_create(const struct ovc_session_config *,
                                       const struct ovc_session_ops *,
                                       void *aux);
void ovc_session_destroy(struct ovc_session *);         /* NULL is fine. */

/* Changes that need no new session; as in ovc_session_config. */
void ovc_session_set_probe(struct ovc_session *, uint32_t probe_ms);
void ovc_session_set_max_backoff(struct ovc_session *, uint32_t ms);
void ovc_session_set_stale_hold(struct ovc_session *, uint32_t ms);
void ovc_session_set_cleanup_wait(struct ovc_session *, uint32_t ms);

void ovc_session_run(struct ovc_session *);
void ovc_session_wait(struct ovc_session *);

/* Wanted Logical_Switch 'name' with 'vni', and its flood row ("unknown-dst")
 * with the locators 'flood'; n_flood 0: no flood row.  Repeating the same is
 * free. */
void ovc_want_ls(struct ovc_session *, const char *name, uint32_t vni,
                 const struct in6_addr *flood, size_t n_flood);
/* Also drops the bindings and MACs of it.  The row goes after the switch took
 * its local rows away, or after a bounded wait (B.4). */
void ovc_unwant_ls(struct ovc_session *, const char *name);

/* Wanted vlan_bindings[vlan] of port 'port' of 'switch_name', which is one of
 * the session's switches: what is wanted of any other has no effect. */
void ovc_want_binding(struct ovc_session *, const char *switch_name,
                      const char *port, uint16_t vlan, const char *ls_name);
void ovc_unwant_binding(struct ovc_session *, const char *switch_name,
                        const char *port, uint16_t vlan);

/* Wanted Ucast_Macs_Remote row, with 'ipaddr' if 'ip' is set and the schema
 * has that column.  Held back, with a reason in the status, while 'vtep' is an
 * address of a switch that we serve or no tunnel_ips are known (D.2). */
void ovc_want_mac(struct ovc_session *, const char *ls_name,
                  const struct eth_addr *mac, const struct in6_addr *vtep,
                  const struct in6_addr *ip);
void ovc_unwant_mac(struct ovc_session *, const char *ls_name,
                    const struct eth_addr *mac);
/* Has the row of a wanted MAC, if there is one, deleted and then written anew,
 * in two transactions: a switch that has learnt the MAC meanwhile gives up its
 * own row, or learns it again (D.4). */
void ovc_renew_mac(struct ovc_session *, const char *ls_name,
                   const struct eth_addr *mac);

/* What is held back or written otherwise by the new profile is looked at
 * again.  Rows that are there already stay. */
void ovc_session_set_profile(struct ovc_session *,
                             const struct ovc_profile *);
/* Wanted objects that are not written as the switch could not take them. */
size_t ovc_session_n_against_profile(const struct ovc_session *);

/* From now on unwanted own rows age (B.10).  Until then none is deleted. */
void ovc_session_set_config_complete(struct ovc_session *);

/* What the switch has learnt, of the Logical_Switch 'ls_name', which is ours,
 * or of all those if it is NULL.  Valid inside the callback.  Of
 * several rows for a MAC one counts. */
typedef void ovc_local_mac_fn(const struct local_mac *, void *aux);
typedef void ovc_local_flood_fn(const struct local_flood *, void *aux);
void ovc_for_each_local_mac(const struct ovc_session *, const char *ls_name,
                            ovc_local_mac_fn *, void *aux);
void ovc_for_each_local_flood(const struct ovc_session *, const char *ls_name,
                              ovc_local_flood_fn *, void *aux);
/* The row of one MAC; its 'ls_name' is that of the call.  Returns false, and
 * leaves '*local' alone, if there is none. */
bool ovc_find_local_mac(const struct ovc_session *, const char *ls_name,
                        const struct eth_addr *mac, struct local_mac *local);

/* To which service node the switch sends the BUM frames of 'ls_name': the
 * locator of its flood row; of several the first, in the order wanted, that is
 * not worse by BFD than another.  '*node' is the present one, or none, which
 * stays where there is no reason to change.
 *
 * Returns false, and leaves '*node' alone, if that is not known: there is no
 * session, or no flood row; or the row is about to be written, and there is a
 * present one, for which it will do until then.  After ovc_session_run(). */
bool ovc_session_flood_node(const struct ovc_session *, const char *ls_name,
                            struct in6_addr *node);
/* A number that changes when that may change by what is known of the nodes;
 * node_changed() does not tell of it. */
uint32_t ovc_session_flood_ranks(const struct ovc_session *);

/* As session_changed() said last. */
bool ovc_session_is_connected(const struct ovc_session *);
/* Addresses of all switches that we serve; '*n' may be 0.  Valid until the
 * next ovc_session_run(). */
const struct in6_addr *ovc_session_tunnel_ips(const struct ovc_session *,
                                              size_t *n);

/* Writes fields into the object that is open: "ovsdb" {remote, connected,
 * since, reason, lacks, schema, transactions, refused, bad_rows, bad_messages,
 * last_error, mode, forced_deletes, reply_ms, silence_ms, refusals {TAG: n},
 * without [TABLE or TABLE.COLUMN]}, "rows" {wanted, written, waiting, stale,
 * removing}.  'lacks' names switches, 'without' what of the schema we would
 * use; 'reply_ms' is how long the last transaction took, 'silence_ms' how long
 * nothing has come.  'remote' is where the switch is, if the session talks to
 * somebody in between; NULL: where the session connects to. */
void ovc_session_status(const struct ovc_session *, const char *remote,
                        struct tsn_json *);

/* Writes "state" and "reason" of a wanted MAC into the object that is open;
 * both null if it is not wanted. */
void ovc_put_mac_state(const struct ovc_session *, const char *ls_name,
                       const struct eth_addr *mac, struct tsn_json *);

/* For "show rows", likewise fields of the open object: "macs" [{network, mac,
 * vtep, state, reason}]; "networks" [{name, vni, state, reason, flood {vteps,
 * state, reason}}] and "bindings" [{switch, port, vlan, network, state,
 * reason}].  State is "written", "waiting" or "held"; "flood" is there if a
 * flood row is wanted. */
void ovc_session_macs(const struct ovc_session *, struct tsn_json *);
void ovc_session_networks(const struct ovc_session *, struct tsn_json *);

#endif /* ovsdb-client/session.h */
