/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: one at a time, made of what queued objects need written, or
 * OVC_WINDOW of them that only add MACs.
 *
 * The objects of a transaction that is refused are tried again in two halves,
 * and so on, until those that cannot be written stand alone and back off: one
 * bad row does not keep others away from the switch. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/text.h"
#include "timeval.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovc_reconcile);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(20, 20);

/* A locator that the transaction inserts. */
struct planned_locator {
    struct hmap_node node;      /* In plan->locators. */
    struct in6_addr ip;
    const struct vteprec_physical_locator *row;
};

/* Planning. */

void
ovc_plan_init(struct ovc_plan *plan)
{
    *plan = (struct ovc_plan) { .txn = NULL };
    hmap_init(&plan->locators);
}

static bool
fits(struct ovc_session *s, size_t n_ops)
{
    if (s->plan.n_ops && s->plan.n_ops + n_ops > OVC_MAX_TXN_OPS) {
        s->plan.full = true;
    }
    return !s->plan.full;
}

bool
ovc_plan_room(struct ovc_session *s, size_t n_ops)
{
    if (s->n_flights) {
        s->plan.full = true;            /* Until the last reply is there. */
    }
    bool room = fits(s, n_ops);
    s->plan.alone = s->plan.alone || room;
    return room;
}

bool
ovc_plan_room_for_mac(struct ovc_session *s)
{
    return fits(s, 1);
}

/* The table of the row that an object of 'kind' is about. */
static enum ovc_table
table_of(enum ovc_kind kind)
{
    return (kind == OVC_LS ? OVC_T_LS
            : kind == OVC_FLOOD ? OVC_T_FLOOD
            : kind == OVC_BINDING ? OVC_T_PORT
            : OVC_T_MAC);
}

void
ovc_plan_count(struct ovc_session *s, enum ovc_table table, size_t n)
{
    struct ovc_plan *plan = &s->plan;

    plan->n_rows[table_of(plan->members[plan->n_members - 1]->kind)] -= n;
    plan->n_rows[table] += n;
}

struct ovsdb_idl_txn *
ovc_plan_join(struct ovc_session *s, struct ovc_object *object, bool lead,
              size_t n_ops)
{
    struct ovc_plan *plan = &s->plan;

    if (!plan->txn) {
        plan->txn = ovsdb_idl_txn_create(s->idl);
    }
    if (plan->n_members >= plan->allocated_members) {
        plan->members = x2nrealloc(plan->members, &plan->allocated_members,
                                   sizeof *plan->members);
    }
    plan->members[plan->n_members++] = object;
    plan->n_ops += n_ops;
    plan->n_rows[table_of(object->kind)] += n_ops;
    object->in_txn = true;
    object->lead = lead;
    object->rewanted = object->echoed = false;
    object->aging = false;
    ovc_object_set(s, object, object->wanted ? OVC_WAITING : OVC_REMOVING,
                   OVC_WHY_SENT);
    return plan->txn;
}

static uint32_t
hash_ip(const struct in6_addr *ip)
{
    return hash_bytes(ip, sizeof *ip, 0);
}

static const struct vteprec_physical_locator *
find_locator(const struct ovc_session *s, const struct in6_addr *ip)
{
    const struct ovc_locator *locator;

    HMAP_FOR_EACH_WITH_HASH (locator, by_ip, hash_ip(ip), &s->locators) {
        if (tsn_ip_equals(&locator->ip, ip)) {
            return vteprec_physical_locator_get_for_uuid(s->idl,
                                                         &locator->row.uuid);
        }
    }
    const struct planned_locator *planned;
    HMAP_FOR_EACH_WITH_HASH (planned, node, hash_ip(ip), &s->plan.locators) {
        if (tsn_ip_equals(&planned->ip, ip)) {
            return planned->row;
        }
    }
    return NULL;
}

size_t
ovc_plan_locator_ops(const struct ovc_session *s, const struct in6_addr *ip)
{
    return !find_locator(s, ip);
}

const struct vteprec_physical_locator *
ovc_plan_locator(struct ovc_session *s, const struct in6_addr *ip)
{
    const struct vteprec_physical_locator *row = find_locator(s, ip);

    if (!row) {
        struct planned_locator *planned = xmalloc(sizeof *planned);
        char text[TSN_IP_STRLEN];

        row = vteprec_physical_locator_insert(s->plan.txn);
        ovc_plan_count(s, OVC_T_LOCATOR, 1);
        vteprec_physical_locator_set_encapsulation_type(row,
                                                        "vxlan_over_ipv4");
        vteprec_physical_locator_set_dst_ip(row, tsn_ip_format(ip, text));
        planned->ip = *ip;
        planned->row = row;
        hmap_insert(&s->plan.locators, &planned->node, hash_ip(ip));
    }
    return row;
}

/* What refers to the transaction's own rows ends with its planning. */
static void
end_planning(struct ovc_session *s)
{
    struct ovc_plan *plan = &s->plan;
    struct planned_locator *locator;

    for (size_t i = 0; i < plan->n_members; i++) {
        struct ovc_object *object = plan->members[i];
        if (object->kind == OVC_LS) {
            CONTAINER_OF(object, struct ovc_ls, object)->planned = NULL;
        }
    }
    HMAP_FOR_EACH_POP (locator, node, &plan->locators) {
        free(locator);
    }
}

void
ovc_plan_destroy(struct ovc_session *s)
{
    struct ovc_plan *plan = &s->plan;
    struct ovc_group *group;

    for (size_t i = 0; i < s->n_flights; i++) {
        ovsdb_idl_txn_destroy(s->flights[i].txn);
        free(s->flights[i].members);
    }
    hmap_destroy(&plan->locators);
    LIST_FOR_EACH_POP (group, node, &s->groups) {
        struct ovc_object *object;
        LIST_FOR_EACH_POP (object, queue_node, &group->objects) {
            ovs_list_init(&object->queue_node);
        }
        free(group);
    }
}

static void
look(struct ovc_session *s, struct ovc_object *object)
{
    switch (object->kind) {
    case OVC_LS:
        ovc_ls_look(s, CONTAINER_OF(object, struct ovc_ls, object));
        break;
    case OVC_FLOOD:
        ovc_flood_look(s, CONTAINER_OF(object, struct ovc_ls, flood.object));
        break;
    case OVC_BINDING:
        ovc_binding_look(s, CONTAINER_OF(object, struct ovc_binding, object));
        break;
    case OVC_MAC:
        ovc_mac_look(s, CONTAINER_OF(object, struct ovc_mac, object));
        break;
    case OVC_N_KINDS:
    default:
        OVS_NOT_REACHED();
    }
}

/* Looks at the objects in 'queue', at most '*budget', until the transaction is
 * full.  An object that does not fit stays the first. */
static void
plan_queue(struct ovc_session *s, struct ovs_list *queue, int *budget)
{
    while (!s->plan.full && !ovs_list_is_empty(queue) && *budget > 0) {
        struct ovc_object *object = CONTAINER_OF(ovs_list_front(queue),
                                                 struct ovc_object,
                                                 queue_node);
        ovs_list_remove(&object->queue_node);
        ovs_list_init(&object->queue_node);
        if (object->in_txn) {
            continue;                   /* Queued again by its result. */
        }
        look(s, object);                /* May free it... */
        if (s->plan.full) {             /* ...but not in this case. */
            ovs_list_remove(&object->queue_node);
            ovs_list_push_front(queue, &object->queue_node);
        }
        --*budget;
    }
}

/* Plans a transaction for the first group that needs one. */
static void
plan_groups(struct ovc_session *s, int *budget)
{
    while (!s->plan.txn && !s->plan.full && !ovs_list_is_empty(&s->groups)
           && *budget > 0) {
        struct ovc_group *group = CONTAINER_OF(ovs_list_front(&s->groups),
                                               struct ovc_group, node);
        plan_queue(s, &group->objects, budget);
        if (ovs_list_is_empty(&group->objects)) {
            ovs_list_remove(&group->node);
            free(group);
        }
    }
}

/* Results. */

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

static void
complete(struct ovc_session *s, enum ovsdb_idl_txn_status status)
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

static void
check_replies(struct ovc_session *s)
{
    while (s->n_flights) {
        struct ovc_flight *flight = &s->flights[0];
        enum ovsdb_idl_txn_status status = ovsdb_idl_txn_commit(flight->txn);

        if (status != TXN_INCOMPLETE) {
            complete(s, status);
            continue;
        }
        if (s->now_ms - flight->sent_ms > OVC_TXN_TIMEOUT_MS) {
            VLOG_WARN_RL(&rl, "no reply to a transaction in %d s, hanging up "
                         "tor=%s", OVC_TXN_TIMEOUT_MS / 1000, s->name);
            flight->sent_ms = s->now_ms;
            ovsdb_idl_force_reconnect(s->idl);
        }
        break;
    }
}

static void
send_plan(struct ovc_session *s)
{
    struct ovc_plan *plan = &s->plan;

    end_planning(s);
    s->alone = plan->alone;
    s->flights[s->n_flights++] = (struct ovc_flight) {
        .txn = plan->txn,
        .members = plan->members,
        .n_members = plan->n_members,
        .sent_ms = s->now_ms,
    };
    memcpy(s->flights[s->n_flights - 1].n_rows, plan->n_rows,
           sizeof plan->n_rows);
    hmap_destroy(&plan->locators);
    ovc_plan_init(plan);

    struct ovc_flight *flight = &s->flights[s->n_flights - 1];
    if (ovsdb_idl_txn_commit(flight->txn) == TXN_INCOMPLETE) {
        flight->sent = true;
        s->n_transactions++;
    }
}

static bool
has_work(const struct ovc_session *s)
{
    bool work = !ovs_list_is_empty(&s->groups);

    for (size_t i = 0; i < OVC_N_KINDS; i++) {
        work = work || !ovs_list_is_empty(&s->queues[i]);
    }
    return work;
}

/* Whether another transaction may leave, whatever it is that it does. */
static bool
may_send(const struct ovc_session *s)
{
    return (s->up && s->now_ms >= s->brake_ms && !s->plan.full
            && (!s->n_flights
                || (s->n_flights < OVC_WINDOW && !s->alone)));
}

/* Plans and sends one transaction.  Returns false if there is none. */
static bool
send_next(struct ovc_session *s, int *budget)
{
    /* In turns, so that neither holds the other up. */
    if (s->groups_turn) {
        plan_groups(s, budget);
    }
    if (!s->plan.txn) {
        for (size_t i = 0; i < OVC_N_KINDS; i++) {
            plan_queue(s, &s->queues[i], budget);
        }
    }
    if (!s->plan.txn) {
        plan_groups(s, budget);
    }
    s->groups_turn = !s->groups_turn;
    s->plan.full = false;
    if (!s->plan.txn) {
        return false;
    }
    send_plan(s);
    return true;
}

void
ovc_reconcile_run(struct ovc_session *s)
{
    int budget = OVC_LOOK_BUDGET;

    check_replies(s);
    while (may_send(s) && send_next(s, &budget)) {
        check_replies(s);
    }
}

void
ovc_reconcile_wait(struct ovc_session *s)
{
    if (s->n_flights) {
        ovsdb_idl_txn_wait(s->flights[0].txn);
        poll_timer_wait_until(s->flights[0].sent_ms + OVC_TXN_TIMEOUT_MS + 1);
    } else if (s->up && has_work(s)) {
        poll_timer_wait_until(s->brake_ms);
    }
    if (!heap_is_empty(&s->timers)) {
        poll_timer_wait_until(UINT64_MAX - heap_max(&s->timers)->priority);
    }
}
