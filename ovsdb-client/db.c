/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ovsdb-client/db-private.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "jsonrpc.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovsdb-cs.h"
#include "ovsdb-error.h"
#include "util.h"
#include "uuid.h"

VLOG_DEFINE_THIS_MODULE(ovc_db);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);

/* Rows. */

static void *
value_of(struct ovc_db_row *row, const struct ovc_column *column)
{
    return (char *) row + column->offset;
}

static struct ovc_db_row *
find_row(const struct ovc_db *db, enum ovc_table table,
         const struct uuid *uuid)
{
    struct ovc_db_row *row;

    HMAP_FOR_EACH_WITH_HASH (row, node, uuid_hash(uuid),
                             &db->tables[table].rows) {
        if (uuid_equals(&row->uuid, uuid)) {
            return row;
        }
    }
    return NULL;
}

const void *
ovc_db_find(const struct ovc_db *db, enum ovc_table table,
            const struct uuid *uuid)
{
    return find_row(db, table, uuid);
}

static struct ovc_db_row *
create_row(struct ovc_db *db, enum ovc_table table, const struct uuid *uuid)
{
    struct ovc_db_row *row = xzalloc(ovc_schema[table].size);

    for (size_t i = 0; i < ovc_schema[table].n_columns; i++) {
        const struct ovc_column *column = &ovc_schema[table].columns[i];
        ovc_value_init(value_of(row, column), column->type);
    }
    row->uuid = *uuid;
    ovs_list_init(&row->changed);
    hmap_insert(&db->tables[table].rows, &row->node, uuid_hash(uuid));
    return row;
}

static void
destroy_row(struct ovc_db *db, enum ovc_table table, struct ovc_db_row *row)
{
    for (size_t i = 0; i < ovc_schema[table].n_columns; i++) {
        const struct ovc_column *column = &ovc_schema[table].columns[i];
        ovc_value_fini(value_of(row, column), column->type);
    }
    hmap_remove(&db->tables[table].rows, &row->node);
    ovs_list_remove(&row->changed);
    free(row);
}

static void
note_bad_value(struct ovc_db *db, enum ovc_table table,
               const struct ovc_column *column)
{
    db->n_bad_values++;
    VLOG_WARN_RL(&rl, "a switch sent a value of another form than the schema "
                 "has, taking it for empty: %s.%s", ovc_schema[table].name,
                 column->name);
}

/* Returns the columns that changed. */
static uint32_t
set_columns(struct ovc_db *db, enum ovc_table table, struct ovc_db_row *row,
            const struct shash *values)
{
    uint32_t updated = 0;

    for (size_t i = 0; i < ovc_schema[table].n_columns; i++) {
        const struct ovc_column *column = &ovc_schema[table].columns[i];
        const struct json *json = shash_find_data(values, column->name);
        bool changed;

        if (!json) {
            continue;           /* As it was. */
        }
        if (!ovc_value_set(value_of(row, column), column->type, json,
                           &changed)) {
            note_bad_value(db, table, column);
        }
        row->sent |= 1u << i;
        updated |= (uint32_t) changed << i;
    }
    return updated;
}

static void
put_row(struct ovc_db *db, enum ovc_table table,
        const struct ovsdb_cs_row_update *update)
{
    struct ovc_db_row *row = find_row(db, table, &update->row_uuid);
    bool new = !row;

    if (new) {
        row = create_row(db, table, &update->row_uuid);
    }
    row->updated |= set_columns(db, table, row, update->columns);
    if (new) {
        row->updated = UINT32_MAX;
    }
    if (row->updated && ovs_list_is_empty(&row->changed)) {
        ovs_list_push_back(&db->tables[table].changed, &row->changed);
    }
}

static void
delete_row(struct ovc_db *db, enum ovc_table table, const struct uuid *uuid)
{
    struct ovc_db_table *t = &db->tables[table];
    struct ovc_db_row *row = find_row(db, table, uuid);

    if (row) {
        destroy_row(db, table, row);
    }
    if (db->fresh) {
        return;                 /* All of the table is still to be read. */
    }
    if (t->n_gone >= t->allocated_gone) {
        t->gone = x2nrealloc(t->gone, &t->allocated_gone, sizeof *t->gone);
    }
    t->gone[t->n_gone++] = *uuid;
}

static void
clear_table(struct ovc_db *db, enum ovc_table table)
{
    struct ovc_db_row *row;

    HMAP_FOR_EACH_SAFE (row, node, &db->tables[table].rows) {
        destroy_row(db, table, row);
    }
    db->tables[table].n_gone = 0;
}

/* Returns false if 'update' has not the form of one. */
static bool
apply(struct ovc_db *db, const struct ovsdb_cs_update_event *event)
{
    struct ovsdb_cs_db_update *update;
    struct ovsdb_error *error;

    error = ovsdb_cs_parse_db_update(event->table_updates, event->version,
                                     &update);
    if (error) {
        ovsdb_error_destroy(error);
        return false;
    }
    for (size_t i = 0; i < OVC_N_DB_TABLES; i++) {
        const struct ovsdb_cs_table_update *t;

        if (event->clear) {
            clear_table(db, i);
        }
        t = ovsdb_cs_db_update_find_table(update, ovc_schema[i].name);
        for (size_t j = 0; t && j < t->n; j++) {
            const struct ovsdb_cs_row_update *row = &t->row_updates[j];

            if (row->type == OVSDB_CS_ROW_DELETE) {
                delete_row(db, i, &row->row_uuid);
            } else {
                put_row(db, i, row);
            }
        }
    }
    ovsdb_cs_db_update_destroy(update);
    return true;
}

/* Connection. */

static const struct ovsdb_cs_ops cs_ops = { ovc_schema_monitor_requests };

void
ovc_db_init(struct ovc_db *db, const char *remote,
            const struct ovc_db_ops *ops, void *aux)
{
    *db = (struct ovc_db) { .ops = ops, .aux = aux };
    for (size_t i = 0; i < OVC_N_DB_TABLES; i++) {
        hmap_init(&db->tables[i].rows);
        ovs_list_init(&db->tables[i].changed);
    }
    db->cs = ovsdb_cs_create("hardware_vtep", 1, &cs_ops, db);
    ovsdb_cs_set_remote(db->cs, remote, true);
}

void
ovc_db_fini(struct ovc_db *db)
{
    for (size_t i = 0; i < OVC_N_DB_TABLES; i++) {
        clear_table(db, i);
        hmap_destroy(&db->tables[i].rows);
        free(db->tables[i].gone);
    }
    ovsdb_cs_destroy(db->cs);
}

static void
take_update(struct ovc_db *db, const struct ovsdb_cs_update_event *update)
{
    db->fresh = db->fresh || update->clear;
    if (update->version != 1) {
        db->violation = "sent updates that were not asked for";
    } else if (!apply(db, update)) {
        db->violation = "sent an update that has not the form of one";
    } else {
        db->read = true;
    }
}

void
ovc_db_run(struct ovc_db *db)
{
    struct ovsdb_cs_event *event;
    struct ovs_list events;

    ovsdb_cs_run(db->cs, &events);
    LIST_FOR_EACH_POP (event, list_node, &events) {
        if (event->type == OVSDB_CS_EVENT_TYPE_RECONNECT) {
            db->read = db->fresh = false;
            db->violation = NULL;
            db->ops->lost(db->aux);
        } else if (event->type == OVSDB_CS_EVENT_TYPE_UPDATE) {
            if (!db->violation) {
                take_update(db, &event->update);
            }
        } else if (event->type == OVSDB_CS_EVENT_TYPE_TXN_REPLY) {
            db->ops->replied(event->txn_reply, db->aux);
        }
        ovsdb_cs_event_destroy(event);
    }
}

void
ovc_db_wait(struct ovc_db *db)
{
    ovsdb_cs_wait(db->cs);
}

bool
ovc_db_is_ready(const struct ovc_db *db)
{
    return (db->read && !db->violation
            && ovsdb_cs_may_send_transaction(db->cs));
}

bool
ovc_db_is_connected(const struct ovc_db *db)
{
    return ovsdb_cs_is_connected(db->cs);
}

int
ovc_db_last_error(const struct ovc_db *db)
{
    return ovsdb_cs_get_last_error(db->cs);
}

void
ovc_db_reconnect(struct ovc_db *db)
{
    ovsdb_cs_force_reconnect(db->cs);
}

void
ovc_db_set_probe(struct ovc_db *db, uint32_t ms)
{
    ovsdb_cs_set_probe_interval(db->cs, ms);
}

struct json *
ovc_db_send(struct ovc_db *db, struct json *operations)
{
    return ovsdb_cs_send_transaction(db->cs, operations);
}

/* A snapshot with so many unicast rows took enough memory, above a kilobyte of
 * JSON for each, to give it back. */
#define MANY_ROWS 5000

void
ovc_db_forget_changes(struct ovc_db *db)
{
    size_t n_forgotten = 0;

    for (size_t i = 0; i < OVC_N_DB_TABLES; i++) {
        struct ovc_db_table *t = &db->tables[i];
        struct ovc_db_row *row;

        LIST_FOR_EACH_SAFE (row, changed, &t->changed) {
            if (ovc_schema[i].transient) {
                destroy_row(db, i, row);
                n_forgotten++;
            } else {
                row->updated = 0;
                ovs_list_remove(&row->changed);
                ovs_list_init(&row->changed);
            }
        }
        hmap_shrink(&t->rows);
        t->n_gone = 0;
        free(t->gone);
        t->gone = NULL;
        t->allocated_gone = 0;
    }
    db->fresh = false;
    if (n_forgotten >= MANY_ROWS) {
        malloc_trim(0);
    }
}
