/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of a transaction (RFC 7047 5.2), composed as text: trees of
 * JSON values would cost more than everything else that is done for a row.
 *
 * Each ovc_txn_insert(), _update(), _delete() and _mutate_*() starts an
 * operation; ovc_txn_put_*() add columns to the row of the one that was
 * started last, an insert or an update. */
#ifndef OVSDB_CLIENT_TXN_H
#define OVSDB_CLIENT_TXN_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/uuid.h"
#include "ovsdb-client/db.h"

struct json;
struct smap;

/* A row that is in the database, or one that the same transaction inserts. */
struct ovc_ref {
    struct uuid uuid;
    bool inserted;
};

struct ovc_txn;

static inline struct ovc_ref
ovc_ref(const struct uuid *uuid)
{
    return (struct ovc_ref) { .uuid = *uuid };
}

struct ovc_txn *ovc_txn_create(void);

/* Frees 'txn'.  Returns its operations, as ovc_db_send() takes them, or NULL
 * if there are none. */
struct json *ovc_txn_finish(struct ovc_txn *txn);

/* 'ref': whether others in the transaction will refer to the row. */
struct ovc_ref ovc_txn_insert(struct ovc_txn *, enum ovc_table, bool ref);
void ovc_txn_update(struct ovc_txn *, enum ovc_table, const struct uuid *);
void ovc_txn_delete(struct ovc_txn *, enum ovc_table, const struct uuid *);

void ovc_txn_put_string(struct ovc_txn *, const char *column,
                        const char *value);
void ovc_txn_put_integer(struct ovc_txn *, const char *column, int64_t value);
/* The empty set. */
void ovc_txn_put_none(struct ovc_txn *, const char *column);
void ovc_txn_put_ref(struct ovc_txn *, const char *column, struct ovc_ref);
void ovc_txn_put_refs(struct ovc_txn *, const char *column,
                      const struct ovc_ref *, size_t n);
void ovc_txn_put_map(struct ovc_txn *, const char *column,
                     const struct smap *);

/* An element of a map or a set, whatever the others are. */
void ovc_txn_mutate_put_binding(struct ovc_txn *, const struct uuid *port,
                                int64_t vlan, struct ovc_ref ls);
void ovc_txn_mutate_delete_binding(struct ovc_txn *, const struct uuid *port,
                                   int64_t vlan);
void ovc_txn_mutate_put_string(struct ovc_txn *, enum ovc_table,
                               const struct uuid *, const char *column,
                               const char *key, const char *value);
void ovc_txn_mutate_put_ref(struct ovc_txn *, enum ovc_table,
                            const struct uuid *, const char *column,
                            struct ovc_ref);
void ovc_txn_mutate_delete_ref(struct ovc_txn *, enum ovc_table,
                               const struct uuid *, const char *column,
                               const struct uuid *element);

#endif /* ovsdb-client/txn.h */
