/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: planned, on their way, and what became of them. */
#ifndef OVSDB_CLIENT_PLAN_H
#define OVSDB_CLIENT_PLAN_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/hmap.h"
#include "ovsdb-client/db.h"
#include "ovsdb-client/txn.h"
#include "simap.h"

struct jsonrpc_msg;
struct ovc_object;
struct ovc_session;
struct tsn_json;

/* Chunks on their way at a time, as long as they do no more than add MACs to
 * what is in the database: then no one needs the other's result, and the
 * switch has something to do while we are at what the control nodes say. */
#define OVC_WINDOW 8

/* A reply that takes longer ends the session. */
#define OVC_TXN_TIMEOUT_MS 60000

/* So many refusals without a success in between: the switch refuses in
 * general.  Then one transaction per OVC_BRAKE_MS. */
#define OVC_BRAKE_REFUSALS 16
#define OVC_BRAKE_MS 100

/* Objects looked at in one call of ovc_session_run(), about a millisecond. */
#define OVC_LOOK_BUDGET 2000

enum ovc_result {
    OVC_TXN_DONE,
    OVC_TXN_REFUSED,
    OVC_TXN_LOST,               /* The session ended before the reply. */
};

/* A transaction on its way. */
struct ovc_flight {
    struct json *id;            /* Of its request, or NULL: there was nothing
                                 * to send. */
    size_t n_operations;
    struct ovc_object **members;
    size_t n_members;
    unsigned int n_rows[OVC_N_WRITTEN_TABLES];
    long long sent_ms;

    bool ended;
    bool unanswered;            /* It may have been done. */
    enum ovc_result result;
    char *error;                /* If it was refused. */
};

/* The transaction that is being planned. */
struct ovc_plan {
    struct ovc_txn *txn;        /* NULL until there is something to write. */
    struct ovc_object **members;
    size_t n_members, allocated_members;
    size_t n_ops;
    unsigned int n_rows[OVC_N_WRITTEN_TABLES];  /* Sum: 'n_ops'. */
    bool full;                  /* Something did not fit. */
    bool alone;                 /* It does more than add MACs. */
    struct hmap locators;       /* Inserted by it. */
};

/* Enough for what led to a problem, little for hundreds of switches. */
#define OVC_HISTORY_TXNS 64
#define OVC_HISTORY_CLOSES 16

/* Kinds of errors counted, RFC 7047 knows a dozen; what a switch invents
 * beyond that is counted as "other". */
#define OVC_MAX_TAGS 32

struct ovc_history_txn {
    long long wall_ms;          /* Of the reply. */
    long long duration_ms;
    unsigned int n_rows[OVC_N_WRITTEN_TABLES];
    enum ovc_result result;
    char *error;                /* Or NULL. */
};

struct ovc_history_close {
    long long wall_ms;
    long long up_ms;            /* How long the session was up. */
    char *reason;
};

/* Rings: entry i is at i modulo the size. */
struct ovc_history {
    struct ovc_history_txn txns[OVC_HISTORY_TXNS];
    struct ovc_history_close closes[OVC_HISTORY_CLOSES];
    uint64_t n_txns, n_closes;
    struct simap refusals;      /* By the error's tag. */
};

/* plan.c: the next transaction. */
void ovc_plan_init(struct ovc_plan *);
void ovc_plan_destroy(struct ovc_session *);
/* Whether 'n_ops' row operations fit.  An empty plan takes any number. */
bool ovc_plan_room(struct ovc_session *, size_t n_ops);
/* Likewise, for one row that refers only to rows that are in the database. */
bool ovc_plan_room_for_mac(struct ovc_session *);
/* Joins 'object', whose look() adds 'n_ops' row operations. */
struct ovc_txn *ovc_plan_join(struct ovc_session *, struct ovc_object *,
                              bool lead, size_t n_ops);
/* 'n' of the operations of the object that joined last are for 'table'. */
void ovc_plan_count(struct ovc_session *, enum ovc_table table, size_t n);
/* The locator of 'ip': the database's, or one that the plan inserts.  Not
 * while the columns of another operation are being added. */
struct ovc_ref ovc_plan_locator(struct ovc_session *,
                                const struct in6_addr *ip);
size_t ovc_plan_locator_ops(const struct ovc_session *,
                            const struct in6_addr *ip);
/* What refers to the transaction's own rows ends with its planning. */
void ovc_plan_end(struct ovc_session *);

/* result.c: the oldest flight has ended. */
void ovc_result_take(struct ovc_session *);
/* For struct ovc_db_ops. */
void ovc_result_replied(const struct jsonrpc_msg *, void *session);
void ovc_result_lost(void *session);

/* reconcile.c: transactions. */
void ovc_reconcile_run(struct ovc_session *);
void ovc_reconcile_wait(struct ovc_session *);

/* history.c */
void ovc_history_init(struct ovc_history *);
void ovc_history_fini(struct ovc_history *);
/* The oldest flight. */
void ovc_history_add_txn(struct ovc_session *, enum ovc_result,
                         const char *error);
void ovc_history_add_close(struct ovc_session *);
/* 'text' begins with the error's tag. */
void ovc_history_add_refusal(struct ovc_session *, const char *text);
void ovc_history_status(const struct ovc_session *, struct tsn_json *);

#endif /* ovsdb-client/plan.h */
