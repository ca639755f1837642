/* SPDX-License-Identifier: Apache-2.0 */
/* What we read of the hardware_vtep schema, and can do without if it was added
 * after version 1.3.0 (spec B). */
#include <config.h>
#include "ovsdb-client/db-private.h"

#include <stdlib.h>

#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "ovsdb-cs.h"
#include "sset.h"
#include "tsn/json.h"
#include "util.h"

#define COLUMN(STRUCT, FIELD, NAME, TYPE) \
    .name = NAME, .offset = offsetof(struct STRUCT, FIELD), .type = TYPE
#define TABLE(NAME, STRUCT, COLUMNS) \
    .name = NAME, .size = sizeof(struct STRUCT), .columns = COLUMNS, \
    .n_columns = ARRAY_SIZE(COLUMNS)

static const struct ovc_column switch_columns[] = {
    { COLUMN(vtep_switch, name, "name", VTEP_STRING) },
    [VTEP_SWITCH_PORTS] = { COLUMN(vtep_switch, ports, "ports", VTEP_UUIDS) },
    { COLUMN(vtep_switch, tunnel_ips, "tunnel_ips", VTEP_STRINGS) },
    { COLUMN(vtep_switch, faults, "switch_fault_status", VTEP_STRINGS),
      .optional = true },
    [VTEP_SWITCH_TUNNELS] = { COLUMN(vtep_switch, tunnels, "tunnels",
                                     VTEP_UUIDS),
                              .optional = true, .silent = true },
};

static const struct ovc_column port_columns[] = {
    [VTEP_PORT_NAME] = { COLUMN(vtep_port, name, "name", VTEP_STRING) },
    { COLUMN(vtep_port, bindings, "vlan_bindings", VTEP_BINDINGS) },
    { COLUMN(vtep_port, faults, "port_fault_status", VTEP_STRINGS),
      .optional = true },
};

static const struct ovc_column ls_columns[] = {
    { COLUMN(vtep_ls, name, "name", VTEP_STRING) },
    { COLUMN(vtep_ls, vni, "tunnel_key", VTEP_INTEGER) },
    [VTEP_LS_MODE] = { COLUMN(vtep_ls, replication_mode, "replication_mode",
                              VTEP_STRINGS), .optional = true },
};

static const struct ovc_column mac_columns[] = {
    [VTEP_MAC_MAC] = { COLUMN(vtep_mac, mac, "MAC", VTEP_TEXT) },
    [VTEP_MAC_LS] = { COLUMN(vtep_mac, ls, "logical_switch", VTEP_UUID) },
    [VTEP_MAC_LOCATOR] = { COLUMN(vtep_mac, locator, "locator", VTEP_UUID) },
    [VTEP_MAC_IP] = { COLUMN(vtep_mac, ip, "ipaddr", VTEP_TEXT),
                      .optional = true },
};

static const struct ovc_column flood_columns[] = {
    { COLUMN(vtep_flood, mac, "MAC", VTEP_STRING) },
    { COLUMN(vtep_flood, ls, "logical_switch", VTEP_UUID) },
    { COLUMN(vtep_flood, locator_set, "locator_set", VTEP_UUID) },
};

static const struct ovc_column locator_set_columns[] = {
    { COLUMN(vtep_locator_set, locators, "locators", VTEP_UUIDS) },
};

static const struct ovc_column locator_columns[] = {
    { COLUMN(vtep_locator, encapsulation, "encapsulation_type",
             VTEP_STRING) },
    { COLUMN(vtep_locator, ip, "dst_ip", VTEP_STRING) },
    { COLUMN(vtep_locator, key, "tunnel_key", VTEP_INTEGER),
      .optional = true },
};

static const struct ovc_column tunnel_columns[] = {
    { COLUMN(vtep_tunnel, local, "local", VTEP_UUID), .silent = true },
    { COLUMN(vtep_tunnel, remote, "remote", VTEP_UUID), .silent = true },
    [VTEP_TUNNEL_PARAMS] = { COLUMN(vtep_tunnel, bfd_params, "bfd_params",
                                    VTEP_MAP), .silent = true },
    [VTEP_TUNNEL_STATUS] = { COLUMN(vtep_tunnel, bfd_status, "bfd_status",
                                    VTEP_MAP), .silent = true },
};

const struct ovc_schema_table ovc_schema[OVC_N_DB_TABLES] = {
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
    return ovc_schema[table].name;
}

bool
ovc_table_is_transient(enum ovc_table table)
{
    return ovc_schema[table].transient;
}

/* The server's schema. */

char *
ovc_db_check_schema(const struct ovc_db *db)
{
    for (size_t i = 0; i < OVC_N_DB_TABLES; i++) {
        const struct ovc_schema_table *t = &ovc_schema[i];

        for (size_t j = 0; j < t->n_columns && !t->optional; j++) {
            if (!t->columns[j].optional && !ovc_db_has_column(db, i, j)) {
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
        const struct ovc_schema_table *t = &ovc_schema[i];

        if (!db->tables[i].there) {
            tsn_json_string(json, NULL, t->name);
            continue;
        }
        for (size_t j = 0; j < t->n_columns; j++) {
            if (!t->columns[j].silent && !ovc_db_has_column(db, i, j)) {
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
    for (size_t j = 0; schema && j < ovc_schema[i].n_columns; j++) {
        const char *name = ovc_schema[i].columns[j].name;

        if (sset_contains(schema, name)) {
            db->tables[i].columns |= 1u << j;
            json_array_add(names, json_string_create(name));
        }
    }
    return names;
}

struct json *
ovc_schema_monitor_requests(const struct json *schema_json, void *db_)
{
    struct ovc_db *db = db_;
    struct shash *schema = ovsdb_cs_parse_schema(schema_json);
    struct json *requests = json_object_create();

    for (size_t i = 0; i < OVC_N_DB_TABLES; i++) {
        const struct sset *table_schema
            = schema ? shash_find_data(schema, ovc_schema[i].name) : NULL;
        struct json *columns = note_columns(db, i, table_schema);

        if (json_array(columns)->n) {
            struct json *request = json_object_create();
            json_object_put(request, "columns", columns);
            json_object_put(requests, ovc_schema[i].name,
                            json_array_create_1(request));
        } else {
            json_destroy(columns);
        }
    }
    ovsdb_cs_free_schema(schema);
    return requests;
}
