/* SPDX-License-Identifier: Apache-2.0 */
/* The transaction that is being planned: who takes part, what it inserts for
 * all of them, how much of it there is. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>

#include "hash.h"
#include "openvswitch/json.h"
#include "util.h"

/* A locator that the transaction inserts. */
struct planned_locator {
    struct hmap_node node;      /* In plan->locators. */
    struct in6_addr ip;
    struct ovc_ref ref;
};

void
ovc_plan_init(struct ovc_plan *plan)
{
    *plan = (struct ovc_plan) { .txn = NULL };
    hmap_init(&plan->locators);
}

static bool
fits(struct ovc_session *s, size_t n_ops)
{
    if (s->plan.n_ops && s->plan.n_ops + n_ops > s->profile->max_txn_ops) {
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
            : kind == OVC_TUNNEL ? OVC_T_TUNNEL
            : OVC_T_MAC);
}

void
ovc_plan_count(struct ovc_session *s, enum ovc_table table, size_t n)
{
    struct ovc_plan *plan = &s->plan;

    plan->n_rows[table_of(plan->members[plan->n_members - 1]->kind)] -= n;
    plan->n_rows[table] += n;
}

struct ovc_txn *
ovc_plan_join(struct ovc_session *s, struct ovc_object *object, bool lead,
              size_t n_ops)
{
    struct ovc_plan *plan = &s->plan;

    if (!plan->txn) {
        plan->txn = ovc_txn_create();
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

/* Returns false if it has to be inserted. */
static bool
find_locator(const struct ovc_session *s, const struct in6_addr *ip,
             struct ovc_ref *ref)
{
    const struct ovc_locator *locator;

    HMAP_FOR_EACH_WITH_HASH (locator, by_ip, hash_ip(ip), &s->locators) {
        if (tsn_ip_equals(&locator->ip, ip)) {
            *ref = ovc_ref(&locator->row.uuid);
            return true;
        }
    }
    const struct planned_locator *planned;
    HMAP_FOR_EACH_WITH_HASH (planned, node, hash_ip(ip), &s->plan.locators) {
        if (tsn_ip_equals(&planned->ip, ip)) {
            *ref = planned->ref;
            return true;
        }
    }
    return false;
}

size_t
ovc_plan_locator_ops(const struct ovc_session *s, const struct in6_addr *ip)
{
    struct ovc_ref ref;

    return !find_locator(s, ip, &ref);
}

struct ovc_ref
ovc_plan_locator(struct ovc_session *s, const struct in6_addr *ip)
{
    struct ovc_txn *txn = s->plan.txn;
    struct ovc_ref ref;

    if (!find_locator(s, ip, &ref)) {
        struct planned_locator *planned = xmalloc(sizeof *planned);
        char text[TSN_IP_STRLEN];

        ref = ovc_txn_insert(txn, OVC_T_LOCATOR, true);
        ovc_plan_count(s, OVC_T_LOCATOR, 1);
        ovc_txn_put_string(txn, "encapsulation_type", "vxlan_over_ipv4");
        ovc_txn_put_string(txn, "dst_ip", tsn_ip_format(ip, text));
        planned->ip = *ip;
        planned->ref = ref;
        hmap_insert(&s->plan.locators, &planned->node, hash_ip(ip));
    }
    return ref;
}

void
ovc_plan_end(struct ovc_session *s)
{
    struct ovc_plan *plan = &s->plan;
    struct planned_locator *locator;

    for (size_t i = 0; i < plan->n_members; i++) {
        struct ovc_object *object = plan->members[i];
        if (object->kind == OVC_LS) {
            CONTAINER_OF(object, struct ovc_ls, object)->is_planned = false;
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
        json_destroy(s->flights[i].id);
        free(s->flights[i].error);
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
