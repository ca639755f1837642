/* SPDX-License-Identifier: Apache-2.0 */
/* A real ovsdb-server with the hardware_vtep schema, an ovc_session on it, and
 * a second client, "db", that looks at the database and changes it as somebody
 * else would.  Everything runs in the test's own poll loop. */
#ifndef TESTS_UNIT_OVC_RIG_H
#define TESTS_UNIT_OVC_RIG_H 1

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <sys/types.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "ovsdb-client/session.h"
#include "tests/unit/vtep-idl.h"
#include "tsn/json.h"

#define RIG_SWITCH "tor1"
#define RIG_OWN_VTEP "10.0.0.1"

struct rig {
    char *dir;
    pid_t server;
    struct ovsdb_idl *db;               /* Somebody else. */
    struct ovsdb_idl_txn *txn;          /* Of 'db', between begin and end. */
    struct ovc_session *session;
    /* Of the next session. */
    uint32_t stale_hold_ms;
    enum ovc_ownership ownership;
    const char *const *switches;        /* Default: RIG_SWITCH. */
    size_t n_switches;
    const struct ovc_profile *profile;  /* Default: "schema". */

    struct fake *fake;                  /* Server of "fake_sock". */
    struct proxy *proxy;                /* Or NULL; the rig's from now on. */

    /* What the session told its owner. */
    int n_up, n_down, n_learnt;
    unsigned int n_node;        /* Calls of node_changed(). */
    struct ds macs;             /* "LS MAC[ gone]" or "LS flood".  */
};

/* Changes the schema before a database is made of it. */
typedef void rig_schema_fn(struct json *schema);

/* In '*state'; with the switch RIG_SWITCH that has port "p1", "p2". */
int rig_setup(void **state);
int rig_teardown(void **state);

/* A rig without server, session or "db". */
struct rig *rig_create(void);
void rig_destroy(struct rig *);

char *rig_path(const struct rig *, const char *name);   /* Caller frees. */
void rig_make_database(struct rig *, const char *schema_file, rig_schema_fn *);
void rig_start_server(struct rig *);
/* Likewise, one that connects to 'remote', too. */
void rig_start_server_to(struct rig *, const char *remote);
void rig_stop_server(struct rig *, int signal);
/* Runs a transaction on the database while no server does. */
void rig_transact_offline(struct rig *, const char *transaction);
void rig_start_db(struct rig *);
/* The switch with its ports. */
void rig_make_switch(struct rig *, const char *name, const char *tunnel_ip);
/* 'remote' NULL is the server. */
void rig_start_session(struct rig *, const char *remote);
void rig_stop_session(struct rig *);

/* A server that answers as told, instead of the real one.  It answers a
 * request that begins with 'request' ("METHOD" or "METHOD DATABASE") with the
 * bytes 'answer', in which @ID@ stands for the request's id and @SCHEMA@ for
 * the schema; other requests not at all.  The session is to be started with
 * rig_fake_remote(). */
struct fake_answer {
    const char *request;        /* "" is the connection; NULL ends the list. */
    const char *answer;
};
void rig_start_fake(struct rig *, const struct fake_answer *);
void rig_stop_fake(struct rig *);
const char *rig_fake_remote(struct rig *);
/* @ID@ stands for the id of the last request that is no echo. */
void rig_fake_send(struct rig *, const char *bytes);
/* Requests that began with 'method', or replies if it is "reply". */
int rig_fake_requests(struct rig *, const char *method);
/* Connections that came and that went. */
int rig_fake_connects(struct rig *);
int rig_fake_closes(struct rig *);

/* One turn of the poll loop, at most 'max_ms' long. */
void rig_turn(struct rig *, int max_ms);
/* Turns for 'ms'. */
void rig_run(struct rig *, int ms);
/* Turns until the session has nothing to do and has not had for a while. */
void rig_settle(struct rig *);

/* How long anything may take.  A session that is ended several times in a row
 * waits up to 8 s before it connects again. */
#define RIG_MS 20000

/* Turns until COND holds, for at most MS. */
#define RIG_WITHIN(RIG, MS, COND)                                       \
    do {                                                                \
        long long deadline__ = rig_deadline(MS);                        \
        while (!(COND)) {                                               \
            if (rig_expired(deadline__)) {                              \
                rig_dump(RIG);                                          \
                fail_msg("never happened: %s", #COND);                  \
            }                                                           \
            rig_turn(RIG, 50);                                          \
        }                                                               \
    } while (0)
#define RIG_UNTIL(RIG, COND) RIG_WITHIN(RIG, RIG_MS, COND)
long long rig_deadline(int ms);
bool rig_expired(long long deadline);
void rig_dump(struct rig *);

/* Changes of somebody else. */
void rig_begin(struct rig *);
void rig_end(struct rig *);             /* Must succeed. */

/* Reading the database. */
const struct vteprec_logical_switch *rig_ls(struct rig *, const char *name);
int64_t rig_ls_vni(struct rig *, const char *name);     /* -1: no row. */
const struct vteprec_mcast_macs_remote *rig_flood(struct rig *,
                                                  const char *ls);
size_t rig_n_floods(struct rig *, const char *ls);
/* "10.0.0.8 10.0.0.9", sorted; valid until the next call. */
const char *rig_flood_ips(struct rig *, const char *ls);
const struct vteprec_ucast_macs_remote *rig_mac(struct rig *, const char *ls,
                                                const char *mac);
size_t rig_n_macs(struct rig *, const char *ls);
/* "" if there is none. */
const char *rig_mac_vtep(struct rig *, const char *ls, const char *mac);
const struct vteprec_physical_port *rig_port(struct rig *, const char *name);
/* Name of the bound LS, or "". */
const char *rig_binding(struct rig *, const char *port, int vlan);
const struct vteprec_physical_switch *rig_switch(struct rig *,
                                                 const char *name);
const struct vteprec_physical_port *rig_switch_port(struct rig *,
                                                    const char *switch_name,
                                                    const char *name);
const char *rig_switch_binding(struct rig *, const char *switch_name,
                               const char *port, int vlan);
const struct vteprec_physical_locator *rig_locator(struct rig *,
                                                   const char *ip);

/* Owner's calls with text. */
void rig_want_ls(struct rig *, const char *name, uint32_t vni,
                 const char *flood_ips);
void rig_want_mac(struct rig *, const char *ls, const char *mac,
                  const char *vtep);
void rig_unwant_mac(struct rig *, const char *ls, const char *mac);

/* Status, through the JSON that an operator gets. */
uint64_t rig_status(struct rig *, const char *object, const char *member);
/* Text of a member, "" if null; valid until the next call. */
const char *rig_status_text(struct rig *, const char *object,
                            const char *member);
/* 'member' of the entry of array 'array' whose 'key' is 'value'. */
const char *rig_entry(struct rig *, const char *array, const char *key,
                      const char *value, const char *member);
bool rig_all_written(struct rig *);
/* What 'fn' writes, as text; valid until the next call. */
typedef void rig_show_fn(const struct ovc_session *, struct tsn_json *);
const char *rig_show(struct rig *, rig_show_fn *fn);

/* What was learnt: "LS MAC VTEP" / "LS VTEP" per line, sorted; valid until the
 * next call. */
const char *rig_learnt(struct rig *);
const char *rig_learnt_floods(struct rig *);
/* What was said to have changed since the last call, sorted, without
 * repetitions that followed each other; valid until the next call. */
const char *rig_changed_macs(struct rig *);

#endif /* tests/unit/ovc_rig.h */
