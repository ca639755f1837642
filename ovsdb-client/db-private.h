/* SPDX-License-Identifier: Apache-2.0 */
/* What db.c and db-schema.c share. */
#ifndef OVSDB_CLIENT_DB_PRIVATE_H
#define OVSDB_CLIENT_DB_PRIVATE_H 1

#include "ovsdb-client/db-value.h"
#include "ovsdb-client/db.h"

struct ovc_column {
    const char *name;
    size_t offset;              /* In the row's struct. */
    enum vtep_type type;
    bool optional;
    bool silent;                /* Its lack is not worth a word. */
};

struct ovc_schema_table {
    const char *name;
    size_t size;                /* Of the row's struct. */
    const struct ovc_column *columns;
    size_t n_columns;
    bool optional;
    bool transient;
};

extern const struct ovc_schema_table ovc_schema[OVC_N_DB_TABLES];

/* <monitor-requests> for all of it that the server's schema has, which is
 * noted in 'db'.  For ovsdb_cs. */
struct json *ovc_schema_monitor_requests(const struct json *schema, void *db);

#endif /* ovsdb-client/db-private.h */
