/* SPDX-License-Identifier: Apache-2.0 */
/* The hardware_vtep database of a switch, read over ovsdb_cs, the layer below
 * libopenvswitch's IDL.
 *
 * It differs from the IDL in what it keeps.  Rows of the two unicast tables,
 * of which there are a hundred thousand, are handed on and forgotten: whoever
 * read them has made of them what it needs, in a tenth of the space.  Rows of
 * the other tables stay, as plain structs.  References between rows are
 * uuids.
 *
 * It asks for updates of the first version (RFC 7047 4.1.5), the one that all
 * switches speak: there each change comes with the whole row, so that it can
 * be read without the row's past. */
#ifndef OVSDB_CLIENT_DB_H
#define OVSDB_CLIENT_DB_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/uuid.h"
#include "smap.h"

struct json;
struct jsonrpc_msg;
struct ovsdb_cs;
struct tsn_json;

enum ovc_table {
    /* Those that are remembered as objects see them (rows.c). */
    OVC_T_LOCATOR,
    OVC_T_LS,
    OVC_T_FLOOD,
    OVC_T_MAC,
    OVC_T_LOCAL_FLOOD,
    OVC_T_LOCAL_MAC,
    OVC_T_TUNNEL,
    OVC_N_TABLES,

    /* Others that are written. */
    OVC_T_PORT = OVC_N_TABLES,
    OVC_T_LOCATOR_SET,
    OVC_N_WRITTEN_TABLES,

    OVC_T_SWITCH = OVC_N_WRITTEN_TABLES,
    OVC_N_DB_TABLES
};

/* Values of columns.  Sets are sorted; what a server never sent, or sent in
 * another form than the schema has, is empty. */
struct vtep_uuids {
    struct uuid *elems;
    size_t n;
};
struct vtep_strings {
    char **elems;
    size_t n;
};
struct vtep_integer {           /* At most one. */
    int64_t value;
    bool set;
};
struct vtep_binding {
    int64_t vlan;
    struct uuid ls;
};
struct vtep_bindings {          /* By VLAN. */
    struct vtep_binding *elems;
    size_t n;
};

/* Longer than any MAC or IP address: what is cut to it is none. */
struct vtep_text {
    char s[48];
};

struct ovc_db_row {
    struct hmap_node node;      /* In the table, by uuid. */
    struct ovs_list changed;    /* In the table's changes, or empty. */
    struct uuid uuid;
    uint32_t updated;           /* Columns that changed, by index; */
    uint32_t sent;              /* those that came at all: some switches send
                                 * only what changed. */
};

struct vtep_switch {
    struct ovc_db_row row;
    char *name;
    struct vtep_uuids ports;
    struct vtep_strings tunnel_ips;
    struct vtep_strings faults;
    struct vtep_uuids tunnels;
};
#define VTEP_SWITCH_PORTS 1     /* Indexes of columns. */
#define VTEP_SWITCH_TUNNELS 4

struct vtep_port {
    struct ovc_db_row row;
    char *name;
    struct vtep_bindings bindings;
    struct vtep_strings faults;
};
#define VTEP_PORT_NAME 0

struct vtep_ls {
    struct ovc_db_row row;
    char *name;
    struct vtep_integer vni;
    struct vtep_strings replication_mode;       /* At most one. */
};
#define VTEP_LS_MODE 2

struct vtep_mac {               /* Either direction. */
    struct ovc_db_row row;
    struct vtep_text mac;
    struct uuid ls, locator;
    struct vtep_text ip;
};
#define VTEP_MAC_MAC 0
#define VTEP_MAC_LS 1
#define VTEP_MAC_LOCATOR 2
#define VTEP_MAC_IP 3

struct vtep_flood {             /* Either direction. */
    struct ovc_db_row row;
    char *mac;
    struct uuid ls, locator_set;
};

struct vtep_locator_set {
    struct ovc_db_row row;
    struct vtep_uuids locators;
};

struct vtep_locator {
    struct ovc_db_row row;
    char *encapsulation;
    char *ip;
    struct vtep_integer key;
};

struct vtep_tunnel {
    struct ovc_db_row row;
    struct uuid local, remote;
    struct smap bfd_params, bfd_status;
};
#define VTEP_TUNNEL_PARAMS 2
#define VTEP_TUNNEL_STATUS 3

struct ovc_db_table {
    struct hmap rows;           /* Rows, of the struct above. */
    struct ovs_list changed;    /* Those that came or changed. */
    struct uuid *gone;          /* Those that went. */
    size_t n_gone, allocated_gone;
    bool there;                 /* The server has the table, */
    uint32_t columns;           /* with these columns, by index. */
};

struct ovc_db_ops {
    /* The reply to a transaction, by its 'msg->id'. */
    void (*replied)(const struct jsonrpc_msg *, void *aux);
    /* The connection went or came: no reply to any comes any more. */
    void (*lost)(void *aux);
};

struct ovc_db {
    struct ovsdb_cs *cs;
    const struct ovc_db_ops *ops;
    void *aux;
    struct ovc_db_table tables[OVC_N_DB_TABLES];
    bool read;                  /* The connection has brought all rows. */
    bool fresh;                 /* ...since ovc_db_forget_changes(). */
    const char *violation;      /* What the server did wrong, or NULL. */
    uint64_t n_bad_values;      /* In another form than the schema's. */
};

/* Borrows 'ops' and 'remote'; does not connect before ovc_db_run(). */
void ovc_db_init(struct ovc_db *, const char *remote,
                 const struct ovc_db_ops *ops, void *aux);
void ovc_db_fini(struct ovc_db *);

/* Receives, and calls ops.  What came is in the tables then, and told as
 * changes until ovc_db_forget_changes(). */
void ovc_db_run(struct ovc_db *);
void ovc_db_wait(struct ovc_db *);

bool ovc_db_is_connected(const struct ovc_db *);
/* Whether all rows are there and a transaction can be sent. */
bool ovc_db_is_ready(const struct ovc_db *);
/* Of the connection: as ovs_retval_to_string() takes it, or 0. */
int ovc_db_last_error(const struct ovc_db *);

/* Ends the connection, to begin another. */
void ovc_db_reconnect(struct ovc_db *);
/* After so long a silence the server is asked whether it is there. */
void ovc_db_set_probe(struct ovc_db *, uint32_t ms);

/* Sends what ovc_txn_finish() returned, and takes it.  Returns the reply's id,
 * which the caller has to free, or NULL if there is no connection. */
struct json *ovc_db_send(struct ovc_db *, struct json *operations);

/* Has no changes any more.  Rows of the unicast tables that were told are gone
 * from here. */
void ovc_db_forget_changes(struct ovc_db *);

/* The row, a struct vtep_*, or NULL. */
const void *ovc_db_find(const struct ovc_db *, enum ovc_table,
                        const struct uuid *);

/* Whether the unicast tables' rows are handed on. */
bool ovc_table_is_transient(enum ovc_table);
const char *ovc_table_name(enum ovc_table);

/* The server's schema, while 'read'. */
static inline bool
ovc_db_has_column(const struct ovc_db *db, enum ovc_table table,
                  unsigned int index)
{
    return db->tables[table].columns & 1u << index;
}
/* Returns NULL, or what the schema lacks that we cannot do without.  The
 * caller frees it. */
char *ovc_db_check_schema(const struct ovc_db *);
/* Adds what it lacks and we could do with to the open array. */
void ovc_db_put_missing(const struct ovc_db *, struct tsn_json *);

/* All rows / changed rows of a table, each of which starts with a struct
 * ovc_db_row named "row". */
#define OVC_DB_FOR_EACH(ROW, TABLE, DB) \
    HMAP_FOR_EACH (ROW, row.node, &(DB)->tables[TABLE].rows)
#define OVC_DB_FOR_EACH_CHANGED(ROW, TABLE, DB) \
    LIST_FOR_EACH (ROW, row.changed, &(DB)->tables[TABLE].changed)

#endif /* ovsdb-client/db.h */
