/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ovsdb-client/identify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jsonrpc.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "ovsdb-client/text.h"
#include "sset.h"
#include "tsn/error.h"
#include "util.h"

/* Ids that no ToR's session uses, whose are numbers. */
#define ID_LIST_DBS "tsn-list-dbs"
#define ID_SELECT "tsn-select"

#define LIST_DBS \
    "{\"id\":\"" ID_LIST_DBS "\",\"method\":\"list_dbs\",\"params\":[]}"
#define SELECT \
    "{\"id\":\"" ID_SELECT "\",\"method\":\"transact\",\"params\":" \
    "[\"hardware_vtep\",{\"op\":\"select\",\"table\":\"Physical_Switch\"," \
    "\"where\":[],\"columns\":[\"name\"]}]}"

struct ovc_identify {
    bool want_names;
    bool is_server;             /* The first question is answered. */
    struct json_parser *parser; /* NULL between messages. */
    struct ds output;
    struct sset names;
};

struct ovc_identify *
ovc_identify_create(bool want_names)
{
    struct ovc_identify *id = xzalloc(sizeof *id);

    id->want_names = want_names;
    ds_init(&id->output);
    ds_put_cstr(&id->output, LIST_DBS);
    sset_init(&id->names);
    return id;
}

void
ovc_identify_destroy(struct ovc_identify *id)
{
    if (id) {
        json_parser_abort(id->parser);
        ds_destroy(&id->output);
        sset_destroy(&id->names);
        free(id);
    }
}

struct ds *
ovc_identify_output(struct ovc_identify *id)
{
    return &id->output;
}

const struct sset *
ovc_identify_names(const struct ovc_identify *id)
{
    return &id->names;
}

static const struct json *
member(const struct json *json, const char *name, enum json_type type)
{
    const struct json *m = json && json->type == JSON_OBJECT
                           ? shash_find_data(json_object(json), name) : NULL;

    return m && m->type == type ? m : NULL;
}

static bool
is_reply_to(const struct jsonrpc_msg *msg, const char *id)
{
    return (msg->type == JSONRPC_REPLY || msg->type == JSONRPC_ERROR)
           && msg->id && msg->id->type == JSON_STRING
           && !strcmp(json_string(msg->id), id);
}

static bool
has_database(const struct json *names)
{
    const struct json_array *a = json_array(names);

    for (size_t i = 0; i < a->n; i++) {
        if (a->elems[i]->type == JSON_STRING
            && !strcmp(json_string(a->elems[i]), "hardware_vtep")) {
            return true;
        }
    }
    return false;
}

/* A server that refuses to list its databases is one nevertheless. */
static int
read_list_dbs(struct ovc_identify *id, const struct jsonrpc_msg *msg,
              struct tsn_err *err)
{
    if (msg->type == JSONRPC_REPLY && (msg->result->type != JSON_ARRAY
                                       || !has_database(msg->result))) {
        tsn_err_set(err, NULL, "the OVSDB server has no database "
                    "\"hardware_vtep\"");
        return -ENOENT;
    }
    id->is_server = true;
    if (!id->want_names) {
        return 0;
    }
    ds_put_cstr(&id->output, SELECT);
    return -EAGAIN;
}

static int
refuse_select(const struct json *error, struct tsn_err *err)
{
    char *text = ovc_error_text(error);

    tsn_err_set(err, NULL, "the names of its switches cannot be read: %s",
                text);
    free(text);
    return -ENOENT;
}

static int
read_select(struct ovc_identify *id, const struct jsonrpc_msg *msg,
            struct tsn_err *err)
{
    const struct json *result = msg->result;

    if (msg->type == JSONRPC_ERROR) {
        return refuse_select(msg->error, err);
    }
    const struct json *op = result->type == JSON_ARRAY
                            && json_array(result)->n == 1
                            ? json_array(result)->elems[0] : NULL;
    const struct json *rows = member(op, "rows", JSON_ARRAY);
    if (!rows) {
        return refuse_select(op ? op : result, err);
    }
    for (size_t i = 0; i < json_array(rows)->n; i++) {
        const struct json *name = member(json_array(rows)->elems[i], "name",
                                         JSON_STRING);
        if (name && sset_count(&id->names) < OVC_IDENTIFY_MAX_NAMES) {
            sset_add(&id->names, json_string(name));
        }
    }
    return 0;
}

static void
answer_echo(struct ovc_identify *id, const struct jsonrpc_msg *msg)
{
    ds_put_cstr(&id->output, "{\"id\":");
    json_to_ds(msg->id, 0, &id->output);
    ds_put_cstr(&id->output, ",\"result\":");
    json_to_ds(msg->params, 0, &id->output);
    ds_put_cstr(&id->output, ",\"error\":null}");
}

static int
read_msg(struct ovc_identify *id, const struct jsonrpc_msg *msg,
         struct tsn_err *err)
{
    if (!id->is_server && is_reply_to(msg, ID_LIST_DBS)) {
        return read_list_dbs(id, msg, err);
    } else if (id->is_server && is_reply_to(msg, ID_SELECT)) {
        return read_select(id, msg, err);
    } else if (msg->type == JSONRPC_REQUEST && !strcmp(msg->method, "echo")) {
        answer_echo(id, msg);
    }
    /* Others are for the session that follows, which asks for what it needs
     * itself. */
    return -EAGAIN;
}

/* The parser hands out a string in place of what it cannot read. */
static char *
parse_msg(struct json *json, struct jsonrpc_msg **msgp)
{
    if (json->type != JSON_STRING) {
        return jsonrpc_msg_from_json(json, msgp);
    }
    char *error = xstrdup(json_string(json));
    json_destroy(json);
    return error;
}

static int
finish_msg(struct ovc_identify *id, struct tsn_err *err)
{
    struct json *json = json_parser_finish(id->parser);
    struct jsonrpc_msg *msg;

    id->parser = NULL;
    char *error = parse_msg(json, &msg);
    if (error) {
        ovc_text_make_printable(error);
        tsn_err_set(err, NULL, "what the peer sends is not OVSDB: %s", error);
        free(error);
        return -EPROTO;
    }
    int retval = read_msg(id, msg, err);
    jsonrpc_msg_destroy(msg);
    return retval;
}

int
ovc_identify_push(struct ovc_identify *id, const char *data, size_t size,
                  size_t *used, struct tsn_err *err)
{
    size_t at = 0;

    while (at < size) {
        if (!id->parser) {
            id->parser = json_parser_create(0);
        }
        at += json_parser_feed(id->parser, data + at, size - at);
        if (!json_parser_is_done(id->parser)) {
            break;
        }
        int retval = finish_msg(id, err);
        if (retval != -EAGAIN) {
            *used = at;
            return retval;
        }
    }
    return -EAGAIN;
}
