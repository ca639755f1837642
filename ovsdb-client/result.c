/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a transaction.
 *
 * The objects of one that is refused are tried again in two halves, and so on,
 * until those that cannot be written stand alone and back off: one bad row
 * does not keep others away from the switch. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
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

    ovsdb_idl_txn_destroy(flight.txn);
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
try_again(struct ovc_session *s)
{
    struct ovc_object **members;
    size_t n = take_members(s, &members);

    for (size_t i = 0; i < n; i++) {
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
    const char *text = ovsdb_idl_txn_get_error(s->flights[0].txn);
    struct json *json = (*text == '{' || *text == '['
                         ? json_from_string(text) : json_string_create(text));

    free(s->last_error);
    s->last_error = ovc_error_text(json);
    json_destroy(json);
    s->n_refused++;
    ovc_history_add_refusal(s, s->last_error);
}

void
ovc_result_take(struct ovc_session *s, enum ovsdb_idl_txn_status status)
{
    if (s->flights[0].sent) {
        s->reply_ms = s->now_ms - s->flights[0].sent_ms;
    }
    switch (status) {
    case TXN_SUCCESS:
        ovc_history_add_txn(s, OVC_TXN_DONE, NULL);
        succeed(s);
        break;

    case TXN_UNCHANGED:
        succeed(s);
        break;

    case TXN_TRY_AGAIN:
    case TXN_NOT_LOCKED:
        if (s->flights[0].sent) {
            ovc_history_add_txn(s, OVC_TXN_LOST, NULL);
        }
        try_again(s);
        break;

    case TXN_ERROR:
        note_error(s);
        ovc_history_add_txn(s, OVC_TXN_REFUSED, s->last_error);
        refuse(s);
        break;

    case TXN_UNCOMMITTED:
    case TXN_INCOMPLETE:
    case TXN_ABORTED:
    default:
        OVS_NOT_REACHED();
    }
}
