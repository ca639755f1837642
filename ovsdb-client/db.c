/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ovsdb-client/db.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "jsonrpc.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/db-value.h"
#include "ovsdb-cs.h"
#include "ovsdb-error.h"
#include "sset.h"
#include "tsn/json.h"
#include "util.h"
#include "uuid.h"

VLOG_DEFINE_THIS_MODULE(ovc_db);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);

/* What we read of the schema, and can do without if it was added after version
 * 1.3.0 (spec B). */

struct column {
    const char *name;
    size_t offset;              /* In the row's struct. */
    enum vtep_type type;
    bool optional;
    bool silent;                /* Its lack is not worth a word. */
};

struct table {
    const char *name;
    size_t size;                /* Of the row's struct. */
    const struct column *columns;
    size_t n_columns;
    bool optional;
    bool transient;
};

#define COLUMN(STRUCT, FIELD, NAME, TYPE) \
    .name = NAME, .offset = offsetof(struct STRUCT, FIELD), .type = TYPE
#define TABLE(NAME, STRUCT, COLUMNS) \
    .name = NAME, .size = sizeof(struct STRUCT), .columns = COLUMNS, \
    .n_columns = ARRAY_SIZE(COLUMNS)

static const struct column switch_columns[] = {
    { COLUMN(vtep_switch, name, "name", VTEP_STRING) },
    [VTEP_SWITCH_PORTS] = { COLUMN(vtep_switch, ports, "ports", VTEP_UUIDS) },
    { COLUMN(vtep_switch, tunnel_ips, "tunnel_ips", VTEP_STRINGS) },
    { COLUMN(vtep_switch, faults, "switch_fault_status", VTEP_STRINGS),
      .optional = true },
    /* Written, not read: asked for to know whether it is there. */
    { COLUMN(vtep_switch, tunnels, "tunnels", VTEP_UUIDS),
      .optional = true, .silent = true },
};

static const struct column port_columns[] = {
    [VTEP_PORT_NAME] = { COLUMN(vtep_port, name, "name", VTEP_STRING) },
    { COLUMN(vtep_port, bindings, "vlan_bindings", VTEP_BINDINGS) },
    { COLUMN(vtep_port, faults, "port_fault_status", VTEP_STRINGS),
      .optional = true },
};

static const struct column ls_columns[] = {
    { COLUMN(vtep_ls, name, "name", VTEP_STRING) },
    { COLUMN(vtep_ls, vni, "tunnel_key", VTEP_INTEGER) },
    { COLUMN(vtep_ls, replication_mode, "replication_mode", VTEP_STRINGS),
      .optional = true },
};

static const struct column mac_columns[] = {
    [VTEP_MAC_MAC] = { COLUMN(vtep_mac, mac, "MAC", VTEP_TEXT) },
    [VTEP_MAC_LS] = { COLUMN(vtep_mac, ls, "logical_switch", VTEP_UUID) },
    [VTEP_MAC_LOCATOR] = { COLUMN(vtep_mac, locator, "locator", VTEP_UUID) },
    [VTEP_MAC_IP] = { COLUMN(vtep_mac, ip, "ipaddr", VTEP_TEXT),
                      .optional = true },
};

static const struct column flood_columns[] = {
    { COLUMN(vtep_flood, mac, "MAC", VTEP_STRING) },
    { COLUMN(vtep_flood, ls, "logical_switch", VTEP_UUID) },
    { COLUMN(vtep_flood, locator_set, "locator_set", VTEP_UUID) },
};

static const struct column locator_set_columns[] = {
    { COLUMN(vtep_locator_set, locators, "locators", VTEP_UUIDS) },
};

static const struct column locator_columns[] = {
    { COLUMN(vtep_locator, encapsulation, "encapsulation_type",
             VTEP_STRING) },
    { COLUMN(vtep_locator, ip, "dst_ip", VTEP_STRING) },
    { COLUMN(vtep_locator, key, "tunnel_key", VTEP_INTEGER),
      .optional = true },
};

static const struct column tunnel_columns[] = {
    { COLUMN(vtep_tunnel, local, "local", VTEP_UUID), .silent = true },
    { COLUMN(vtep_tunnel, remote, "remote", VTEP_UUID), .silent = true },
    { COLUMN(vtep_tunnel, bfd_params, "bfd_params", VTEP_MAP),
      .silent = true },
    { COLUMN(vtep_tunnel, bfd_status, "bfd_status", VTEP_MAP),
      .silent = true },
};

static const struct table tables[OVC_N_DB_TABLES] = {
    [OVC_T_LOCATOR] = { TABLE("Physical_Locator", vtep_locator,
                              locator_columns) },
    [OVC_T_LS] = { TABLE("Logical_Switch", vtep_ls, ls_columns) },
    [OVC_T_FLOOD] = { TABLE("Mcast_Macs_Remote", vtep_flood,
                            flood_columns) },
    [OVC_T_MAC] = { TABLE("Ucast_Macs_Remote", vtep_mac, mac_columns),
                    .transient = true },
    [OVC_T_LOCAL_FLOOD] = { TABLE("Mcast_Macs_Local", vtep_flood,
                                  flood_columns), .optional = true },
    [OVC_T_LOCAL_MAC] = { TABLE("Ucast_Macs_Local", vtep_mac, mac_columns),
                          .optional = true, .transient = true },
    [OVC_T_TUNNEL] = { TABLE("Tunnel", vtep_tunnel, tunnel_columns),
                       .optional = true },
    [OVC_T_PORT] = { TABLE("Physical_Port", vtep_port, port_columns) },
    [OVC_T_LOCATOR_SET] = { TABLE("Physical_Locator_Set", vtep_locator_set,
                                  locator_set_columns) },
    [OVC_T_SWITCH] = { TABLE("Physical_Switch", vtep_switch,
                             switch_columns) },
};

const char *
ovc_table_name(enum ovc_table table)
{
    return tables[table].name;
}

bool
ovc_table_is_transient(enum ovc_table table)
{
    return tables[table].transient;
}

/* The server's schema. */

static bool
has_column(const struct ovc_db *db, enum ovc_table table, size_t column)
{
    return db->tables[table].columns & 1u << column;
}

bool
ovc_db_has_column(const struct ovc_db *db, enum ovc_table table,
                  const char *name)
{
    for (size_t i = 0; i < tables[table].n_columns; i++) {
        if (!strcmp(tables[table].columns[i].name, name)) {
            return has_column(db, table, i);
        }
    }
    OVS_NOT_REACHED();
}

char *
ovc_db_check_schema(const struct ovc_db *db)
{
    for (size_t i = 0; i < OVC_N_DB_TABLES; i++) {
        const struct table *t = &tables[i];

        for (size_t j = 0; j < t->n_columns && !t->optional; j++) {
            if (!t->columns[j].optional && !has_column(db, i, j)) {
                return xasprintf("the schema lacks %s.%s", t->name,
                                 t->columns[j].name);
            }
        }
    }
    return NULL;
}

void
ovc_db_put_missing(const struct ovc_db *db, struct tsn_json *json)
{
    for (size_t i = 0; i < OVC_N_DB_TABLES; i++) {
        const struct table *t = &tables[i];

        if (!db->tables[i].there) {
            tsn_json_string(json, NULL, t->name);
            continue;
        }
        for (size_t j = 0; j < t->n_columns; j++) {
            if (!t->columns[j].silent && !has_column(db, i, j)) {
                char *name = xasprintf("%s.%s", t->name, t->columns[j].name);
                tsn_json_string(json, NULL, name);
                free(name);
            }
        }
    }
}

/* Notes which columns of table 'i' the server has, and returns their names. */
static struct json *
note_columns(struct ovc_db *db, size_t i, const struct sset *schema)
{
    struct json *names = json_array_create_empty();

    db->tables[i].there = schema != NULL;
    db->tables[i].columns = 0;
    for (size_t j = 0; schema && j < tables[i].n_columns; j++) {
        const char *name = tables[i].columns[j].name;

        if (sset_contains(schema, name)) {
            db->tables[i].columns |= 1u << j;
            json_array_add(names, json_string_create(name));
        }
    }
    return names;
}

static struct json *
compose_monitor_requests(const struct json *schema_json, void *db_)
{
    struct ovc_db *db = db_;
    struct shash *schema = ovsdb_cs_parse_schema(schema_json);
    struct json *requests = json_object_create();

    for (size_t i = 0; i < OVC_N_DB_TABLES; i++) {
        const struct sset *table_schema
            = schema ? shash_find_data(schema, tables[i].name) : NULL;
        struct json *columns = note_columns(db, i, table_schema);

        if (json_array(columns)->n) {
            struct json *request = json_object_create();
            json_object_put(request, "columns", columns);
            json_object_put(requests, tables[i].name,
                            json_array_create_1(request));
        } else {
            json_destroy(columns);
        }
    }
    ovsdb_cs_free_schema(schema);
    return requests;
}

/* Rows. */

static void *
value_of(struct ovc_db_row *row, const struct column *column)
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
    struct ovc_db_row *row = xzalloc(tables[table].size);

    for (size_t i = 0; i < tables[table].n_columns; i++) {
        const struct column *column = &tables[table].columns[i];
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
    for (size_t i = 0; i < tables[table].n_columns; i++) {
        const struct column *column = &tables[table].columns[i];
        ovc_value_fini(value_of(row, column), column->type);
    }
    hmap_remove(&db->tables[table].rows, &row->node);
    ovs_list_remove(&row->changed);
    free(row);
}

static void
note_bad_value(struct ovc_db *db, enum ovc_table table,
               const struct column *column)
{
    db->n_bad_values++;
    VLOG_WARN_RL(&rl, "a switch sent a value of another form than the schema "
                 "has, taking it for empty: %s.%s", tables[table].name,
                 column->name);
}

/* Returns the columns that changed. */
static uint32_t
set_columns(struct ovc_db *db, enum ovc_table table, struct ovc_db_row *row,
            const struct shash *values)
{
    uint32_t updated = 0;

    for (size_t i = 0; i < tables[table].n_columns; i++) {
        const struct column *column = &tables[table].columns[i];
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
        t = ovsdb_cs_db_update_find_table(update, tables[i].name);
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

static const struct ovsdb_cs_ops cs_ops = { compose_monitor_requests };

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
            if (tables[i].transient) {
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
