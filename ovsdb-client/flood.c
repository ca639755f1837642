/* SPDX-License-Identifier: Apache-2.0 */
/* The "unknown-dst" rows of Mcast_Macs_Remote: to whom a switch sends the BUM
 * frames of a network. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-client/text.h"
#include "util.h"

/* Whether it is where the row leads now. */
static bool
is_there(const struct ovc_flood *flood, const struct in6_addr *ip)
{
    const struct ovc_flood_row *row;

    LIST_FOR_EACH (row, node, &flood->rows) {
        if (row->n_vteps == 1 && tsn_ip_equals(&row->vteps[0], ip)) {
            return true;
        }
    }
    return false;
}

/* Whether node 'b' is better than 'a', which comes before it.  'present': 'b'
 * is in use; there is no use in moving from one that is dead to another. */
static bool
is_better(const struct ovc_session *s, const struct in6_addr *b,
          const struct in6_addr *a, bool present)
{
    enum ovc_node_rank rank = ovc_node_rank(s, b), other = ovc_node_rank(s, a);

    return rank > other || (rank == other && rank < OVC_NODE_UNKNOWN
                            && present);
}

const struct in6_addr *
ovc_flood_vteps(const struct ovc_session *s, const struct ovc_flood *flood,
                size_t *n)
{
    if (s->profile->several_locators || flood->n_vteps <= 1) {
        *n = flood->n_vteps;
        return flood->vteps;
    }
    size_t best = 0;
    for (size_t i = 1; i < flood->n_vteps; i++) {
        if (is_better(s, &flood->vteps[i], &flood->vteps[best],
                      is_there(flood, &flood->vteps[i]))) {
            best = i;
        }
    }
    *n = 1;
    return &flood->vteps[best];
}

void
ovc_floods_queue(struct ovc_session *s)
{
    struct ovc_ls *ls;

    HMAP_FOR_EACH (ls, node, &s->lss) {
        if (ls->flood.object.wanted) {
            ovc_object_queue(s, &ls->flood.object);
        }
    }
}

/* What the row is to have. */
struct set {
    const struct in6_addr *vteps;
    size_t n;
};

/* Neither has repetitions: those of a row are distinct locators. */
static bool
has_set(const struct ovc_flood_row *row, const struct set *set)
{
    if (!row->plain || row->n_vteps != set->n) {
        return false;
    }
    for (size_t i = 0; i < set->n; i++) {
        if (!tsn_ip_is_in(row->vteps, row->n_vteps, &set->vteps[i])) {
            return false;
        }
    }
    return true;
}

static void
delete_flood_rows(struct ovc_session *s, const struct ovc_flood *flood,
                  const struct ovc_flood_row *keep)
{
    const struct ovc_flood_row *r;

    LIST_FOR_EACH (r, node, &flood->rows) {
        if (r != keep) {
            ovc_txn_delete(s->plan.txn, OVC_T_FLOOD, &r->row.uuid);
        }
    }
}

static struct ovc_ref
insert_locator_set(struct ovc_session *s, const struct set *wanted)
{
    struct ovc_ref *locators = xmalloc(wanted->n * sizeof *locators);

    for (size_t i = 0; i < wanted->n; i++) {
        locators[i] = ovc_plan_locator(s, &wanted->vteps[i]);
    }
    struct ovc_ref set = ovc_txn_insert(s->plan.txn, OVC_T_LOCATOR_SET, true);
    ovc_plan_count(s, OVC_T_LOCATOR_SET, 1);
    ovc_txn_put_refs(s->plan.txn, "locators", locators, wanted->n);
    free(locators);
    return set;
}

/* A set cannot be changed: the row gets a new one, in place, so that there is
 * no moment without (spec B.4). */
static void
write_flood(struct ovc_session *s, struct ovc_flood *flood,
            const struct set *set, const struct ovc_flood_row *keep,
            struct ovc_ref ls)
{
    bool new_set = !keep || !has_set(keep, set);
    size_t n_ops = MAX(ovs_list_size(&flood->rows), 1);

    if (new_set) {
        n_ops++;
        for (size_t i = 0; i < set->n; i++) {
            n_ops += ovc_plan_locator_ops(s, &set->vteps[i]);
        }
    }
    if (!ovc_plan_room(s, n_ops)) {
        return;
    }
    struct ovc_txn *txn = ovc_plan_join(s, &flood->object, true, n_ops);
    if (new_set) {
        struct ovc_ref locator_set = insert_locator_set(s, set);

        if (keep) {
            ovc_txn_update(txn, OVC_T_FLOOD, &keep->row.uuid);
        } else {
            ovc_txn_insert(txn, OVC_T_FLOOD, false);
            ovc_txn_put_string(txn, "MAC", "unknown-dst");
            ovc_txn_put_ref(txn, "logical_switch", ls);
        }
        ovc_txn_put_ref(txn, "locator_set", locator_set);
    }
    delete_flood_rows(s, flood, keep);
}

static void
look_wanted_flood(struct ovc_session *s, struct ovc_ls *ls)
{
    struct ovc_flood *flood = &ls->flood;
    struct set set;

    set.vteps = ovc_flood_vteps(s, flood, &set.n);
    for (size_t i = 0; i < set.n; i++) {
        if (!ovc_is_vtep(&set.vteps[i])) {
            ovc_object_set(s, &flood->object, OVC_HELD, OVC_WHY_BAD_VTEP);
            return;
        }
    }
    const struct ovc_flood_row *keep = NULL, *r;
    LIST_FOR_EACH (r, node, &flood->rows) {
        if (!keep || (!has_set(keep, &set)
                      && has_set(r, &set))) {
            keep = r;
        }
    }
    if (keep && has_set(keep, &set)
        && ovs_list_is_singleton(&flood->rows)) {
        ovc_object_set(s, &flood->object, OVC_WRITTEN, OVC_WHY_NONE);
        return;
    }
    struct ovc_ref row;
    if (!ovc_ls_for_write(ls, &row)) {
        ovc_object_set(s, &flood->object, OVC_WAITING, OVC_WHY_LS);
    } else if (ovc_object_may_write(s, &flood->object)) {
        write_flood(s, flood, &set, keep, row);
    }
}

static void
look_unwanted_flood(struct ovc_session *s, struct ovc_ls *ls)
{
    struct ovc_flood *flood = &ls->flood;
    size_t n = ovs_list_size(&flood->rows);

    if (!n) {
        flood->object.ours = false;
        ovc_object_set(s, &flood->object, OVC_IDLE, OVC_WHY_NONE);
        ovc_ls_release(s, ls);
    } else if (ovc_object_removable(s, &flood->object, ls)
               && ovc_object_may_write(s, &flood->object)
               && ovc_plan_room(s, n)) {
        ovc_plan_join(s, &flood->object, true, n);
        delete_flood_rows(s, flood, NULL);
    }
}

/* Whether the row is to lead elsewhere in a moment, if the switch takes it. */
static bool
is_moving(const struct ovc_object *object)
{
    return (object->state == OVC_WAITING
            && (object->why == OVC_WHY_QUEUED || object->why == OVC_WHY_SENT
                || object->why == OVC_WHY_ECHO || object->why == OVC_WHY_LS));
}

/* Where the row leads; where it will, if there is none. */
static struct set
actual_set(const struct ovc_session *s, const struct ovc_flood *flood)
{
    struct set set;

    if (ovs_list_is_empty(&flood->rows)) {
        set.vteps = ovc_flood_vteps(s, flood, &set.n);
    } else {
        const struct ovc_flood_row *row
            = CONTAINER_OF(ovs_list_front(&flood->rows), struct ovc_flood_row,
                           node);
        set = (struct set) { row->vteps, row->n_vteps };
    }
    return set;
}

/* Those that are wanted are in their order; others are as they are. */
static const struct in6_addr *
best_node(const struct ovc_session *s, const struct ovc_flood *flood,
          const struct set *set, const struct in6_addr *present)
{
    const struct in6_addr *best = NULL;

    for (size_t i = 0; i < flood->n_vteps; i++) {
        const struct in6_addr *ip = &flood->vteps[i];

        if (tsn_ip_is_in(set->vteps, set->n, ip)
            && (!best || is_better(s, ip, best,
                                   tsn_ip_equals(ip, present)))) {
            best = ip;
        }
    }
    return best ? best : set->n ? &set->vteps[0] : NULL;
}

bool
ovc_session_flood_node(const struct ovc_session *s, const char *ls_name,
                       struct in6_addr *node)
{
    const struct ovc_ls *ls = ovc_ls_find(s, ls_name);

    if (!s->up || !ls || !ls->flood.object.wanted
        || (is_moving(&ls->flood.object) && tsn_ip_is_set(node))) {
        return false;
    }
    const struct set set = actual_set(s, &ls->flood);
    const struct in6_addr *best = best_node(s, &ls->flood, &set, node);
    if (!best || !tsn_ip_is_host(best)) {
        return false;
    }
    *node = *best;
    return true;
}

uint32_t
ovc_session_flood_ranks(const struct ovc_session *s)
{
    uint32_t ranks = s->profile->several_locators;

    for (size_t i = 0; i < s->n_nodes; i++) {
        ranks = ranks << 2 | s->nodes[i].rank;
    }
    return ranks;
}

void
ovc_flood_look(struct ovc_session *s, struct ovc_ls *ls)
{
    if (ls->flood.object.wanted) {
        look_wanted_flood(s, ls);
    } else {
        look_unwanted_flood(s, ls);
        return;                 /* 'ls' may be gone. */
    }
    if (s->ops->node_changed) {
        s->ops->node_changed(s->aux, ls->name);
    }
}
