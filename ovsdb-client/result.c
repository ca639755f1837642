/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a transaction.
 *
 * The objects of one that is refused are tried again in two halves, and so on,
 * until those that cannot be written stand alone and back off: one bad row
 * does not keep others away from the switch. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>
#include <string.h>

#include "jsonrpc.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/text.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovc_result);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(20, 20);

/* Ends the oldest transaction and hands its members out to the caller, which
 * frees the array. */
static size_t
take_members(struct ovc_session *s, struct ovc_object ***members)
{
    struct ovc_flight flight = s->flights[0];

    json_destroy(flight.id);
    free(flight.error);
    s->n_flights--;
    for (size_t i = 0; i < s->n_flights; i++) {
        s->flights[i] = s->flights[i + 1];
    }
    for (size_t i = 0; i < flight.n_members; i++) {
        flight.members[i]->in_txn = false;
    }
    *members = flight.members;
    return flight.n_members;
}

static void
note_fight(const struct ovc_session *s, const struct ovc_object *object)
{
    struct ds what = DS_EMPTY_INITIALIZER;

    ovc_object_format(object, &what);
    VLOG_WARN_RL(&rl, "somebody else keeps changing a row of ours tor=%s %s",
                 s->name, ds_cstr(&what));
    ds_destroy(&what);
}

static void
note_success(struct ovc_session *s, struct ovc_object *object)
{
    bool soon = (object->written_ms
                 && s->now_ms - object->written_ms < OVC_FIGHT_MS);

    object->failures = 0;
    free(object->error);
    object->error = NULL;
    object->rewrites = soon ? MIN(object->rewrites + 1, UINT8_MAX - 1) : 0;
    object->written_ms = s->now_ms;
    if (object->rewrites >= OVC_FIGHT_WRITES) {
        note_fight(s, object);
        object->not_before_ms = (s->now_ms + ovc_backoff_ms(
            object->rewrites - OVC_FIGHT_WRITES + 1,
            OVC_FIGHT_BACKOFF_MAX_MS));
        /* Until then it is a matter for an alarm. */
        ovc_object_wake_at(s, object, s->now_ms + OVC_FIGHT_MS);
    } else if (!object->echoed && !object->rewanted) {
        object->echo = true;
        object->not_before_ms = s->now_ms + OVC_ECHO_MS;
    }
    ovc_object_queue(s, object);
}

static void
succeed(struct ovc_session *s)
{
    struct ovc_object **members;
    size_t n = take_members(s, &members);

    for (size_t i = 0; i < n; i++) {
        note_success(s, members[i]);
    }
    free(members);
    s->n_refused_now = 0;
}

/* Not the switch's fault: the session went, for example. */
static void
try_again(struct ovc_session *s, bool doubt)
{
    struct ovc_object **members;
    size_t n = take_members(s, &members);

    for (size_t i = 0; i < n; i++) {
        members[i]->doubt = members[i]->doubt || doubt;
        ovc_object_queue(s, members[i]);
    }
    free(members);
    s->brake_ms = s->now_ms + OVC_BRAKE_MS;
}

/* 'object' itself was refused. */
static void
note_refusal(struct ovc_session *s, struct ovc_object *object)
{
    struct ds what = DS_EMPTY_INITIALIZER;

    if (object->rewanted) {
        /* What was refused is not what is wanted now. */
        ovc_object_queue(s, object);
        return;
    }
    object->failures = MIN(object->failures + 1, UINT8_MAX - 1);
    long long delay_ms = ovc_backoff_ms(object->failures,
                                        OVC_BACKOFF_MAX_MS);
    object->not_before_ms = s->now_ms + delay_ms;
    free(object->error);
    object->error = xstrdup(s->last_error);

    ovc_object_format(object, &what);
    VLOG_WARN_RL(&rl, "the switch refused to %s a row, next try in %lld ms: "
                 "%s tor=%s %s", object->wanted ? "write" : "remove",
                 delay_ms, object->error, s->name, ds_cstr(&what));
    ds_destroy(&what);
    ovc_object_queue(s, object);
}

/* A group of members[0...n-1], to be tried next. */
static void
push_group(struct ovc_session *s, struct ovc_object **members, size_t n)
{
    struct ovc_group *group = xmalloc(sizeof *group);

    ovs_list_init(&group->objects);
    for (size_t i = 0; i < n; i++) {
        ovs_list_remove(&members[i]->queue_node);
        ovs_list_push_back(&group->objects, &members[i]->queue_node);
    }
    ovs_list_push_front(&s->groups, &group->node);
}

static void
refuse(struct ovc_session *s)
{
    struct ovc_object **members;
    size_t n = take_members(s, &members);
    size_t n_leads = 0;

    /* The others came along for a lead, and will again. */
    for (size_t i = 0; i < n; i++) {
        if (members[i]->lead) {
            struct ovc_object *lead = members[i];
            members[i] = members[n_leads];
            members[n_leads++] = lead;
        }
    }
    for (size_t i = n_leads; i < n; i++) {
        ovc_object_queue(s, members[i]);
    }
    if (n_leads == 1) {
        note_refusal(s, members[0]);
    } else {
        VLOG_DBG("trying the %"PRIuSIZE" parts of a refused transaction in "
                 "halves tor=%s", n_leads, s->name);
        size_t half = n_leads / 2;
        push_group(s, members + half, n_leads - half);
        push_group(s, members, half);
    }
    free(members);
    if (++s->n_refused_now >= OVC_BRAKE_REFUSALS) {
        s->brake_ms = s->now_ms + OVC_BRAKE_MS;
    }
}

static void
note_error(struct ovc_session *s)
{
    free(s->last_error);
    s->last_error = nullable_xstrdup(s->flights[0].error);
    s->n_refused++;
    ovc_history_add_refusal(s, s->last_error);
}

void
ovc_result_take(struct ovc_session *s)
{
    const struct ovc_flight *flight = &s->flights[0];
    enum ovc_result result = flight->result;
    bool sent = flight->id != NULL, unanswered = flight->unanswered;

    if (sent) {
        s->reply_ms = s->now_ms - flight->sent_ms;
    }
    if (result == OVC_TXN_REFUSED) {
        note_error(s);
    }
    if (sent) {
        ovc_history_add_txn(s, result,
                            result == OVC_TXN_REFUSED ? s->last_error : NULL);
    }
    switch (result) {
    case OVC_TXN_DONE:
        succeed(s);
        break;

    case OVC_TXN_REFUSED:
        refuse(s);
        break;

    case OVC_TXN_LOST:
        try_again(s, unanswered);
        break;

    default:
        OVS_NOT_REACHED();
    }
}

/* Replies (RFC 7047 4.1.3). */

/* Whether the operation failed for a reason that has nothing to do with its
 * rows. */
static bool
is_passing(const struct json *error)
{
    return (error->type == JSON_STRING
            && (!strcmp(json_string(error), "timed out")
                || !strcmp(json_string(error), "not owner")));
}

/* Judges by the result of one operation.  Returns false if the transaction did
 * not succeed; takes the first error that says why. */
static bool
judge(struct ovc_flight *flight, const struct json *result)
{
    const struct json *error = NULL;

    if (result->type == JSON_OBJECT) {
        error = shash_find_data(json_object(result), "error");
        if (!error || error->type == JSON_NULL) {
            return true;
        }
    } else if (result->type == JSON_NULL) {
        return false;           /* Not done, as another one failed. */
    }
    if (!flight->error && !(error && is_passing(error))) {
        flight->error = ovc_error_text(result);
    }
    return false;
}

static void
take_results(struct ovc_flight *flight, const struct json *results)
{
    bool done = true;

    if (results->type != JSON_ARRAY) {
        flight->error = xstrdup("the reply to a transaction is no array");
    } else {
        for (size_t i = 0; i < results->array.n; i++) {
            done = judge(flight, results->array.elems[i]) && done;
        }
        if (done && results->array.n < flight->n_operations) {
            flight->error = xstrdup("the reply to a transaction has fewer "
                                    "results than it had operations");
        }
    }
    flight->result = (flight->error ? OVC_TXN_REFUSED
                      : done ? OVC_TXN_DONE : OVC_TXN_LOST);
}

void
ovc_result_replied(const struct jsonrpc_msg *msg, void *s_)
{
    struct ovc_session *s = s_;

    for (size_t i = 0; i < s->n_flights; i++) {
        struct ovc_flight *flight = &s->flights[i];

        if (flight->ended || !json_equal(flight->id, msg->id)) {
            continue;
        }
        flight->ended = true;
        if (msg->type == JSONRPC_ERROR) {
            flight->result = OVC_TXN_REFUSED;
            flight->error = ovc_error_text(msg->error);
        } else {
            take_results(flight, msg->result);
        }
    }
}

void
ovc_result_lost(void *s_)
{
    struct ovc_session *s = s_;

    for (size_t i = 0; i < s->n_flights; i++) {
        if (!s->flights[i].ended) {
            s->flights[i].ended = s->flights[i].unanswered = true;
            s->flights[i].result = OVC_TXN_LOST;
        }
    }
}
