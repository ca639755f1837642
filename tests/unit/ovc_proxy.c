/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/unit/ovc_proxy.h"

#include <stdlib.h>
#include <string.h>

#include "jsonrpc.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "stream.h"
#include "util.h"

struct proxy {
    char *name, *server;
    struct pstream *listener;
    struct jsonrpc *client, *upstream;  /* Both or none. */
    struct json *swallow;               /* Id of a reply, then hang up. */
    proxy_decide_fn *decide;
    void *aux;
    int n_faults;
};

struct proxy *
proxy_create(const char *dir, proxy_decide_fn *decide, void *aux)
{
    struct proxy *p = xzalloc(sizeof *p);
    char *name = xasprintf("punix:%s/proxy_sock", dir);

    ignore(pstream_open(name, &p->listener, 0));
    ovs_assert(p->listener);
    p->name = xasprintf("unix:%s/proxy_sock", dir);
    p->server = xasprintf("unix:%s/sock", dir);
    p->decide = decide;
    p->aux = aux;
    free(name);
    return p;
}

static void
hang_up(struct proxy *p)
{
    jsonrpc_close(p->client);
    jsonrpc_close(p->upstream);
    p->client = p->upstream = NULL;
    json_destroy(p->swallow);
    p->swallow = NULL;
}

void
proxy_destroy(struct proxy *p)
{
    if (p) {
        hang_up(p);
        pstream_close(p->listener);
        free(p->name);
        free(p->server);
        free(p);
    }
}

const char *
proxy_remote(const struct proxy *p)
{
    return p->name;
}

int
proxy_n_faults(const struct proxy *p)
{
    return p->n_faults;
}

bool
proxy_has_table(const struct json *params, const char *table)
{
    const struct json_array *ops = json_array(params);

    for (size_t i = 1; i < ops->n; i++) {
        const struct json *t
            = shash_find_data(json_object(ops->elems[i]), "table");
        if (t && !strcmp(json_string(t), table)) {
            return true;
        }
    }
    return false;
}

static void
accept_client(struct proxy *p)
{
    struct stream *client, *server;

    if (pstream_accept(p->listener, &client)) {
        return;
    }
    hang_up(p);
    if (stream_open(p->server, &server, 0)) {
        stream_close(client);           /* There is no server just now. */
        return;
    }
    p->client = jsonrpc_open(client);
    p->upstream = jsonrpc_open(server);
}

/* Answers 'request' as a server does that could not do its first operation. */
static void
refuse(struct proxy *p, const struct jsonrpc_msg *request)
{
    struct json *result = json_from_string(
        "[{\"error\": \"constraint violation\", "
        "\"details\": \"this switch does not like it\"}]");

    jsonrpc_send(p->client, jsonrpc_create_reply(result, request->id));
}

static void
from_client(struct proxy *p)
{
    struct jsonrpc_msg *msg;

    while (p->client && !jsonrpc_recv(p->client, &msg)) {
        enum proxy_fate fate = PROXY_PASS;

        if (msg->type == JSONRPC_REQUEST && !strcmp(msg->method, "transact")) {
            fate = p->decide(msg->params, p->aux);
        }
        p->n_faults += fate != PROXY_PASS;
        if (fate == PROXY_REFUSE) {
            refuse(p, msg);
            jsonrpc_msg_destroy(msg);
            continue;
        }
        if (fate == PROXY_HANG_UP) {
            json_destroy(p->swallow);
            p->swallow = json_clone(msg->id);
        }
        jsonrpc_send(p->upstream, msg);
    }
}

static void
from_server(struct proxy *p)
{
    struct jsonrpc_msg *msg;

    while (p->client && !jsonrpc_recv(p->upstream, &msg)) {
        if (p->swallow && msg->id && json_equal(msg->id, p->swallow)) {
            jsonrpc_msg_destroy(msg);
            hang_up(p);
            return;
        }
        jsonrpc_send(p->client, msg);
    }
}

void
proxy_run(struct proxy *p)
{
    if (!p) {
        return;
    }
    accept_client(p);
    if (p->client) {
        jsonrpc_run(p->client);
        jsonrpc_run(p->upstream);
        from_client(p);
        from_server(p);
    }
    if (p->client && (jsonrpc_get_status(p->client)
                      || jsonrpc_get_status(p->upstream))) {
        hang_up(p);
    }
}

void
proxy_wait(struct proxy *p)
{
    if (!p) {
        return;
    }
    pstream_wait(p->listener);
    if (p->client) {
        jsonrpc_wait(p->client);
        jsonrpc_wait(p->upstream);
        jsonrpc_recv_wait(p->client);
        jsonrpc_recv_wait(p->upstream);
    }
}
