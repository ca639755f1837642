/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ovsdb-client/txn.h"

#include <inttypes.h>
#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "smap.h"
#include "util.h"
#include "uuid.h"

struct ovc_txn {
    struct json *operations;
    struct ds text;             /* The one that is being composed, or "". */
    size_t n_columns;           /* So far, of its row; */
    bool row_open;              /* which is still open. */
};

struct ovc_txn *
ovc_txn_create(void)
{
    struct ovc_txn *txn = xmalloc(sizeof *txn);

    *txn = (struct ovc_txn) {
        .operations = json_array_create_1(
            json_string_create("hardware_vtep")),
        .text = DS_EMPTY_INITIALIZER,
    };
    return txn;
}

/* A value that is sent as it stands in 'text', which it takes. */
static struct json *
serialized(char *text)
{
    struct json *json = json_string_create_nocopy(text);

    json->type = JSON_SERIALIZED_OBJECT;
    return json;
}

static void
end_operation(struct ovc_txn *txn)
{
    if (txn->text.length) {
        ds_put_cstr(&txn->text, txn->row_open ? "}}" : "}");
        json_array_add(txn->operations, serialized(ds_steal_cstr(&txn->text)));
    }
}

struct json *
ovc_txn_finish(struct ovc_txn *txn)
{
    end_operation(txn);

    struct json *operations = txn->operations;
    if (json_array(operations)->n == 1) {
        json_destroy(operations);
        operations = NULL;
    }
    ds_destroy(&txn->text);
    free(txn);
    return operations;
}

/* Operations. */

static void
begin(struct ovc_txn *txn, const char *op, enum ovc_table table)
{
    end_operation(txn);
    txn->row_open = false;
    txn->n_columns = 0;
    ds_reserve(&txn->text, 250);
    ds_put_format(&txn->text, "{\"op\":\"%s\",\"table\":\"%s\"", op,
                  ovc_table_name(table));
}

static void
put_where(struct ovc_txn *txn, const struct uuid *uuid)
{
    ds_put_format(&txn->text,
                  ",\"where\":[[\"_uuid\",\"==\",[\"uuid\",\""UUID_FMT
                  "\"]]]", UUID_ARGS(uuid));
}

static void
open_row(struct ovc_txn *txn)
{
    ds_put_cstr(&txn->text, ",\"row\":{");
    txn->row_open = true;
}

/* Names must not start with a digit. */
#define NAME_FMT "row%08x_%08x_%08x_%08x"
#define NAME_ARGS(UUID) (UUID)->parts[0], (UUID)->parts[1], \
                        (UUID)->parts[2], (UUID)->parts[3]

struct ovc_ref
ovc_txn_insert(struct ovc_txn *txn, enum ovc_table table, bool ref)
{
    struct ovc_ref new = { .inserted = true };

    begin(txn, "insert", table);
    if (ref) {
        uuid_generate(&new.uuid);
        ds_put_format(&txn->text, ",\"uuid-name\":\""NAME_FMT"\"",
                      NAME_ARGS(&new.uuid));
    }
    open_row(txn);
    return new;
}

void
ovc_txn_update(struct ovc_txn *txn, enum ovc_table table,
               const struct uuid *uuid)
{
    begin(txn, "update", table);
    put_where(txn, uuid);
    open_row(txn);
}

void
ovc_txn_delete(struct ovc_txn *txn, enum ovc_table table,
               const struct uuid *uuid)
{
    begin(txn, "delete", table);
    put_where(txn, uuid);
}

/* Columns. */

static void
put_string(struct ds *ds, const char *s)
{
    json_string_escape(s, ds);
}

static void
put_ref(struct ds *ds, const struct ovc_ref *ref)
{
    if (ref->inserted) {
        ds_put_format(ds, "[\"named-uuid\",\""NAME_FMT"\"]",
                      NAME_ARGS(&ref->uuid));
    } else {
        ds_put_format(ds, "[\"uuid\",\""UUID_FMT"\"]",
                      UUID_ARGS(&ref->uuid));
    }
}

static void
put_pair(struct ds *ds, const char *key, const char *value)
{
    ds_put_char(ds, '[');
    put_string(ds, key);
    ds_put_char(ds, ',');
    put_string(ds, value);
    ds_put_char(ds, ']');
}

/* Starts a column, and returns where its value goes. */
static struct ds *
put_column(struct ovc_txn *txn, const char *column)
{
    ovs_assert(txn->row_open);
    if (txn->n_columns++) {
        ds_put_char(&txn->text, ',');
    }
    ds_put_format(&txn->text, "\"%s\":", column);
    return &txn->text;
}

void
ovc_txn_put_string(struct ovc_txn *txn, const char *column, const char *value)
{
    put_string(put_column(txn, column), value);
}

void
ovc_txn_put_integer(struct ovc_txn *txn, const char *column, int64_t value)
{
    ds_put_format(put_column(txn, column), "%"PRId64, value);
}

void
ovc_txn_put_none(struct ovc_txn *txn, const char *column)
{
    ds_put_cstr(put_column(txn, column), "[\"set\",[]]");
}

void
ovc_txn_put_ref(struct ovc_txn *txn, const char *column, struct ovc_ref ref)
{
    put_ref(put_column(txn, column), &ref);
}

void
ovc_txn_put_refs(struct ovc_txn *txn, const char *column,
                 const struct ovc_ref *refs, size_t n)
{
    struct ds *ds = put_column(txn, column);

    ds_put_cstr(ds, "[\"set\",[");
    for (size_t i = 0; i < n; i++) {
        if (i) {
            ds_put_char(ds, ',');
        }
        put_ref(ds, &refs[i]);
    }
    ds_put_cstr(ds, "]]");
}

void
ovc_txn_put_map(struct ovc_txn *txn, const char *column,
                const struct smap *map)
{
    struct ds *ds = put_column(txn, column);
    const struct smap_node *node;
    bool first = true;

    ds_put_cstr(ds, "[\"map\",[");
    SMAP_FOR_EACH (node, map) {
        if (!first) {
            ds_put_char(ds, ',');
        }
        first = false;
        put_pair(ds, node->key, node->value);
    }
    ds_put_cstr(ds, "]]");
}

/* Mutations: one that replaces is a removal and an insertion, as an insertion
 * leaves a key alone that is there. */

static struct ds *
begin_mutation(struct ovc_txn *txn, enum ovc_table table,
               const struct uuid *uuid)
{
    begin(txn, "mutate", table);
    put_where(txn, uuid);
    ds_put_cstr(&txn->text, ",\"mutations\":[");
    return &txn->text;
}

static void
put_removal(struct ds *ds, const char *column, int64_t key)
{
    ds_put_format(ds, "[\"%s\",\"delete\",[\"set\",[%"PRId64"]]]", column,
                  key);
}

#define BINDINGS "vlan_bindings"

void
ovc_txn_mutate_put_binding(struct ovc_txn *txn, const struct uuid *port,
                           int64_t vlan, struct ovc_ref ls)
{
    struct ds *ds = begin_mutation(txn, OVC_T_PORT, port);

    put_removal(ds, BINDINGS, vlan);
    ds_put_format(ds, ",[\"%s\",\"insert\",[\"map\",[[%"PRId64",", BINDINGS,
                  vlan);
    put_ref(ds, &ls);
    ds_put_cstr(ds, "]]]]]");
}

void
ovc_txn_mutate_delete_binding(struct ovc_txn *txn, const struct uuid *port,
                              int64_t vlan)
{
    struct ds *ds = begin_mutation(txn, OVC_T_PORT, port);

    put_removal(ds, BINDINGS, vlan);
    ds_put_char(ds, ']');
}

void
ovc_txn_mutate_put_string(struct ovc_txn *txn, enum ovc_table table,
                          const struct uuid *uuid, const char *column,
                          const char *key, const char *value)
{
    struct ds *ds = begin_mutation(txn, table, uuid);

    ds_put_format(ds, "[\"%s\",\"delete\",[\"set\",[", column);
    put_string(ds, key);
    ds_put_format(ds, "]]],[\"%s\",\"insert\",[\"map\",[", column);
    put_pair(ds, key, value);
    ds_put_cstr(ds, "]]]]");
}

static void
mutate_ref(struct ovc_txn *txn, enum ovc_table table,
           const struct uuid *uuid, const char *column, const char *mutator,
           const struct ovc_ref *ref)
{
    struct ds *ds = begin_mutation(txn, table, uuid);

    ds_put_format(ds, "[\"%s\",\"%s\",[\"set\",[", column, mutator);
    put_ref(ds, ref);
    ds_put_cstr(ds, "]]]]");
}

void
ovc_txn_mutate_put_ref(struct ovc_txn *txn, enum ovc_table table,
                       const struct uuid *uuid, const char *column,
                       struct ovc_ref ref)
{
    mutate_ref(txn, table, uuid, column, "insert", &ref);
}

void
ovc_txn_mutate_delete_ref(struct ovc_txn *txn, enum ovc_table table,
                          const struct uuid *uuid, const char *column,
                          const struct uuid *element)
{
    struct ovc_ref ref = ovc_ref(element);

    mutate_ref(txn, table, uuid, column, "delete", &ref);
}
