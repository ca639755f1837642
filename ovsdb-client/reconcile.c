/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: one at a time, made of what queued objects need written, or
 * OVC_WINDOW of them that only add MACs. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/json.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovc_reconcile);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(20, 20);

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
    case OVC_TUNNEL:
        ovc_tunnel_look(s, CONTAINER_OF(object, struct ovc_tunnel, object));
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

static void
check_replies(struct ovc_session *s)
{
    while (s->n_flights) {
        struct ovc_flight *flight = &s->flights[0];

        if (flight->ended) {
            ovc_result_take(s);
            continue;
        }
        if (s->now_ms - flight->sent_ms > OVC_TXN_TIMEOUT_MS) {
            VLOG_WARN_RL(&rl, "no reply to a transaction in %d s, hanging up "
                         "tor=%s", OVC_TXN_TIMEOUT_MS / 1000, s->name);
            flight->sent_ms = s->now_ms;
            ovc_db_reconnect(&s->db);
        }
        break;
    }
}

static void
send_plan(struct ovc_session *s)
{
    struct ovc_plan *plan = &s->plan;

    ovc_plan_end(s);
    s->alone = plan->alone;

    struct json *operations = ovc_txn_finish(plan->txn);
    struct ovc_flight *flight = &s->flights[s->n_flights++];
    *flight = (struct ovc_flight) {
        .n_operations = operations ? json_array(operations)->n - 1 : 0,
        .members = plan->members,
        .n_members = plan->n_members,
        .sent_ms = s->now_ms,
    };
    memcpy(flight->n_rows, plan->n_rows, sizeof plan->n_rows);
    hmap_destroy(&plan->locators);
    ovc_plan_init(plan);

    if (!operations) {
        flight->ended = true;
        flight->result = OVC_TXN_DONE;
        return;
    }
    flight->id = ovc_db_send(&s->db, operations);
    if (flight->id) {
        s->n_transactions++;
    } else {
        flight->ended = true;
        flight->result = OVC_TXN_LOST;
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
        poll_timer_wait_until(s->flights[0].sent_ms + OVC_TXN_TIMEOUT_MS + 1);
    } else if (s->up && has_work(s)) {
        poll_timer_wait_until(s->brake_ms);
    }
    if (!heap_is_empty(&s->timers)) {
        poll_timer_wait_until(UINT64_MAX - heap_max(&s->timers)->priority);
    }
}
