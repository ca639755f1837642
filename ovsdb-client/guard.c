/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ovsdb-client/guard.h"

#include <stdlib.h>
#include <string.h>

#include "jsonrpc.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/text.h"
#include "reconnect.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovc_guard);

/* What a switch does not read: our transactions are few and of some ten
 * kilobytes.  The rest answers its "echo" requests, and one that sends those
 * without reading is hung up on. */
#define MAX_UNSENT_MESSAGES 20000
#define MAX_UNSENT_BYTES (8 * 1024 * 1024)

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 5);

static __thread struct ovc_guard *current;

struct jsonrpc_msg *__real_jsonrpc_session_recv(struct jsonrpc_session *);
struct jsonrpc_msg *__wrap_jsonrpc_session_recv(struct jsonrpc_session *);

void
ovc_guard_init(struct ovc_guard *guard)
{
    memset(guard, 0, sizeof *guard);
}

void
ovc_guard_fini(struct ovc_guard *guard)
{
    free(guard->schema);
    free(guard->error);
}

void
ovc_guard_enter(struct ovc_guard *guard)
{
    current = guard;
}

void
ovc_guard_leave(void)
{
    current = NULL;
}

/* Takes 'error'. */
static void
set_error(struct ovc_guard *guard, char *error)
{
    free(guard->error);
    guard->error = error;
}

void
ovc_guard_clear_error(struct ovc_guard *guard)
{
    set_error(guard, NULL);
}

void
ovc_guard_set_max_backoff(struct ovc_guard *guard, uint32_t ms)
{
    guard->max_backoff_ms = ms;
    guard->session = NULL;              /* Set at the next look. */
}

long long
ovc_guard_silence_ms(const struct ovc_guard *guard, long long now_ms)
{
    struct reconnect_stats stats;

    jsonrpc_session_get_reconnect_stats(guard->session, &stats);
    return MAX(now_ms - stats.last_activity, 0);
}

static const char *
member_string(const struct json *json, const char *name)
{
    if (json->type != JSON_OBJECT) {
        return NULL;
    }
    const struct json *member = shash_find_data(json_object(json), name);
    return member && member->type == JSON_STRING ? json_string(member) : NULL;
}

/* Makes a reply an error reply. */
static void
refuse_reply(struct jsonrpc_msg *msg)
{
    json_destroy(msg->result);
    msg->result = NULL;
    msg->error = json_string_create("not wanted");
    msg->type = JSONRPC_ERROR;
}

static void
inspect_reply(struct ovc_guard *guard, struct jsonrpc_msg *msg)
{
    const char *name = member_string(msg->result, "name");

    if (!name) {
        return;
    } else if (!strcmp(name, "_Server")) {
        /* A schema of the database that tells about clusters, which switches
         * are not: without it ovsdb_cs goes on to the database itself, and a
         * server that has none says so.  With it, the deletion of an unknown
         * row is a null pointer. */
        refuse_reply(msg);
    } else if (!strcmp(name, "hardware_vtep")) {
        const char *version = member_string(msg->result, "version");
        free(guard->schema);
        guard->schema = nullable_xstrdup(version);
    }
}

/* Returns NULL, or what is wrong with 'msg'. */
static const char *
inspect(struct ovc_guard *guard, struct jsonrpc_msg *msg)
{
    switch (msg->type) {
    case JSONRPC_REPLY:
        inspect_reply(guard, msg);
        return NULL;

    case JSONRPC_ERROR:
        set_error(guard, ovc_error_text(msg->error));
        return NULL;

    case JSONRPC_NOTIFY:
        /* Answers monitor_cond_since, which is not sent without _Server; its
         * member of another type than expected is an assertion. */
        if (!strcmp(msg->method, "update3")) {
            return "sent updates that were not asked for";
        }
        /* ovsdb_cs passes over it, and what we hold would no longer be what
         * the switch has. */
        return (!strcmp(msg->method, "update")
                && (msg->params->type != JSON_ARRAY
                    || msg->params->array.n != 2)
                ? "sent an update that has not the form of one" : NULL);

    case JSONRPC_REQUEST:
    default:
        return NULL;
    }
}

void
ovc_guard_hang_up(struct ovc_guard *guard, const char *bad)
{
    guard->hung_up = true;
    guard->n_bad++;
    set_error(guard, xasprintf("protocol violation: %s", bad));
    VLOG_WARN_RL(&rl, "OVSDB server %s, hanging up peer=%s", bad,
                 jsonrpc_session_get_name(guard->session));
    jsonrpc_session_force_reconnect(guard->session);
}

/* Called by libopenvswitch instead of jsonrpc_session_recv(). */
struct jsonrpc_msg *
__wrap_jsonrpc_session_recv(struct jsonrpc_session *session)
{
    struct jsonrpc_msg *msg = __real_jsonrpc_session_recv(session);
    struct ovc_guard *guard = current;

    if (guard && guard->session != session) {
        /* ovsdb_cs has no way to set it. */
        guard->session = session;
        jsonrpc_session_set_max_backoff(session, guard->max_backoff_ms);
        jsonrpc_session_set_backlog_threshold(session, MAX_UNSENT_MESSAGES,
                                              MAX_UNSENT_BYTES);
    }
    if (!msg || !guard) {
        return msg;
    }
    const char *bad = inspect(guard, msg);
    if (!bad) {
        return msg;
    }
    jsonrpc_msg_destroy(msg);
    ovc_guard_hang_up(guard, bad);
    return NULL;
}
