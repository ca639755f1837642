/* SPDX-License-Identifier: Apache-2.0 */
/* A session and a server that says what the input tells, line by line:
 *
 *   !TEXT     these bytes
 *   =JSON     the result of the next request that is not answered yet
 *   *C        what an operator does: w, f, d (a mode), r (resync), p (purge)
 *   JSON      the tables of an "update" notification
 *
 * A "_Server" database is denied, and the schema of hardware_vtep is given,
 * unless the input begins with "?": then these requests take a "=" line, too.
 * The owner wants a few rows, and everything else removed at once. */
#include <config.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fatal-signal.h"
#include "jsonrpc.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/operator.h"
#include "ovsdb-client/session.h"
#include "packets.h"
#include "stream.h"
#include "tsn/json.h"
#include "util.h"

#define LS1 TSN_LS_PREFIX "1"
#define LS2 TSN_LS_PREFIX "2"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct server {
    struct stream *stream;      /* Owned by 'rpc'. */
    struct jsonrpc *rpc;
    struct json *ids[16];       /* Of requests without an answer. */
    size_t n_ids;
    bool by_input;              /* Also the first requests. */
};

static char *path, *schema;
static struct pstream *listener;

static void
clean_up(void)
{
    unlink(path);
}

static void
set_up(void)
{
    char *name;

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    fatal_ignore_sigpipe();
    path = xasprintf("/tmp/fuzz_ovc_session.%ld", (long) getpid());
    name = xasprintf("punix:%s", path);
    if (pstream_open(name, &listener, 0)) {
        abort();
    }
    free(name);
    atexit(clean_up);

    struct json *json = json_from_file(VTEP_SCHEMA);
    schema = json_to_string(json, 0);
    json_destroy(json);
}

static bool
is_open(const struct server *server)
{
    return server->rpc && !jsonrpc_get_status(server->rpc);
}

static void
send_bytes(struct server *server, const char *bytes, size_t size)
{
    while (size && is_open(server)) {
        int n = stream_send(server->stream, bytes, size);
        if (n < 0) {
            jsonrpc_close(server->rpc);
            server->rpc = NULL;
            break;
        }
        bytes += n;
        size -= n;
    }
}

static void
send_reply(struct server *server, const struct json *id, const char *result)
{
    char *id_text = json_to_string(id, 0);
    char *reply = xasprintf("{\"id\":%s,\"error\":null,\"result\":%s}",
                            id_text, result);

    send_bytes(server, reply, strlen(reply));
    free(reply);
    free(id_text);
}

static void
serve_request(struct server *server, const struct jsonrpc_msg *msg)
{
    const struct json_array *params = json_array(msg->params);
    const char *db = (params->n && params->elems[0]->type == JSON_STRING
                      ? json_string(params->elems[0]) : "");

    if (server->by_input || strcmp(msg->method, "get_schema")) {
        if (server->n_ids < ARRAY_SIZE(server->ids)) {
            server->ids[server->n_ids++] = json_clone(msg->id);
        }
    } else {
        send_reply(server, msg->id, (strcmp(db, "_Server") ? schema
                                     : "{\"name\":\"_Server\"}"));
    }
}

static void
serve(struct server *server)
{
    struct jsonrpc_msg *msg;
    struct stream *stream;

    if (!pstream_accept(listener, &stream)) {
        jsonrpc_close(server->rpc);
        server->stream = stream;
        server->rpc = jsonrpc_open(stream);
    }
    while (server->rpc && !jsonrpc_recv(server->rpc, &msg)) {
        if (msg->type == JSONRPC_REQUEST) {
            serve_request(server, msg);
        }
        jsonrpc_msg_destroy(msg);
    }
}

static void
say(struct server *server, const char *line)
{
    if (*line == '!') {
        send_bytes(server, line + 1, strlen(line + 1));
    } else if (*line == '=') {
        if (server->n_ids) {
            send_reply(server, server->ids[0], line + 1);
            json_destroy(server->ids[0]);
            server->n_ids--;
            memmove(server->ids, server->ids + 1,
                    server->n_ids * sizeof *server->ids);
        }
    } else {
        char *update = xasprintf("{\"id\":null,\"method\":\"update\","
                                 "\"params\":[[\"monid\",\"hardware_vtep\"],"
                                 "%s]}", line);
        send_bytes(server, update, strlen(update));
        free(update);
    }
}

static void
turn(struct server *server, struct ovc_session *session)
{
    for (int i = 0; i < 4; i++) {
        ovc_session_run(session);
        serve(server);
    }
    poll_immediate_wake();
    poll_block();
}

static void
want(struct ovc_session *session)
{
    struct in6_addr ips[2];
    struct eth_addr mac = ETH_ADDR_C(02,00,00,00,00,01);

    tsn_ip_parse("10.0.0.8", &ips[0]);
    tsn_ip_parse("10.0.0.9", &ips[1]);
    ovc_want_ls(session, LS1, 1, ips, 2);
    ovc_want_ls(session, LS2, 2, ips, 1);
    ovc_want_binding(session, "tor1", "p1", 0, LS1);
    ovc_want_binding(session, "tor1", "p1", 1, LS2);
    ovc_want_binding(session, "tor2", "p1", 0, LS2);
    ovc_want_mac(session, LS1, &mac, &ips[0], &ips[0]);
    ovc_want_mac(session, LS2, &mac, &ips[1], &ips[0]);
    ovc_session_set_config_complete(session);
}

static void
put_alarm(enum ovc_alarm alarm, const char *object, const char *text,
          void *json)
{
    tsn_json_stringf(json, NULL, "%s %s: %s", ovc_alarm_name(alarm), object,
                     text);
}

static void
operate(struct ovc_session *session, char command)
{
    switch (command) {
    case 'w':
        ovc_session_set_mode(session, OVC_MODE_WRITE);
        break;
    case 'f':
        ovc_session_set_mode(session, OVC_MODE_FREEZE);
        break;
    case 'd':
        ovc_session_set_mode(session, OVC_MODE_DRY_RUN);
        break;
    case 'r':
        ovc_session_resync(session);
        break;
    case 'p':
        ovc_session_purge_stale(session);
        break;
    default:
        break;
    }
}

static void
look(const struct ovc_session *session)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct tsn_json json;

    tsn_json_init(&json, &s);
    tsn_json_object_begin(&json, NULL);
    ovc_session_status(session, NULL, &json);
    ovc_session_networks(session, &json);
    ovc_session_macs(session, &json);
    ovc_session_diff(session, &json);
    ovc_session_history(session, &json);
    tsn_json_array_begin(&json, "alarms");
    size_t n_more;
    ovc_session_for_each_alarm(session, put_alarm, &json, &n_more);
    tsn_json_array_end(&json);
    tsn_json_object_end(&json);
    struct json *parsed = json_from_string(ds_cstr(&s));
    if (parsed->type != JSON_OBJECT) {
        abort();
    }
    json_destroy(parsed);
    ds_destroy(&s);
}

static void
ignore_session(void *aux OVS_UNUSED, bool connected OVS_UNUSED)
{
}

static void
see_local_mac(const struct local_mac *mac, void *aux OVS_UNUSED)
{
    if (eth_addr_is_multicast(mac->mac) || !tsn_ip_is_set(&mac->vtep)) {
        abort();
    }
}

static void
see_local_flood(const struct local_flood *flood, void *aux OVS_UNUSED)
{
    if (!tsn_ip_is_set(&flood->vtep)) {
        abort();
    }
}

static void
see_learnt(void *session)
{
    struct ovc_session **s = session;

    ovc_for_each_local_mac(*s, NULL, see_local_mac, NULL);
    ovc_for_each_local_flood(*s, NULL, see_local_flood, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ovc_session_ops ops = {
        .session_changed = ignore_session,
        .learnt_changed = see_learnt,
    };
    struct server server = { .by_input = size && *data == '?' };
    struct ovc_session *session;

    if (!path) {
        set_up();
    }
    char *remote = xasprintf("unix:%s", path);
    struct ovc_session_config config = {
        .name = "tor1",
        .switches = (const char *[]) { "tor1", "tor2" },
        .n_switches = 2,
        .remote = remote,
    };
    session = ovc_session_create(&config, &ops, &session);
    free(remote);
    want(session);
    turn(&server, session);

    char *text = xmemdup0((const char *) data, size);
    char *rest = text + server.by_input;
    for (char *line; (line = strsep(&rest, "\n")) && is_open(&server); ) {
        if (*line == '*') {
            operate(session, line[1]);
            look(session);
        } else {
            say(&server, line);
        }
        turn(&server, session);
    }
    look(session);
    ovc_unwant_ls(session, LS1);
    turn(&server, session);
    look(session);
    ovc_session_destroy(session);

    free(text);
    jsonrpc_close(server.rpc);
    for (size_t i = 0; i < server.n_ids; i++) {
        json_destroy(server.ids[i]);
    }
    return 0;
}
