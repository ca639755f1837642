/* SPDX-License-Identifier: Apache-2.0 */
/* Logical_Switch rows. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovc_ls);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(20, 20);

struct ovc_ls *
ovc_ls_find(const struct ovc_session *s, const char *name)
{
    struct ovc_ls *ls;

    HMAP_FOR_EACH_WITH_HASH (ls, node, hash_string(name, 0), &s->lss) {
        if (!strcmp(ls->name, name)) {
            return ls;
        }
    }
    return NULL;
}

struct ovc_ls *
ovc_ls_get(struct ovc_session *s, const char *name)
{
    struct ovc_ls *ls = ovc_ls_find(s, name);

    if (!ls) {
        ls = xzalloc(sizeof *ls);
        ovc_object_init(s, &ls->object, OVC_LS);
        ovc_object_init(s, &ls->flood.object, OVC_FLOOD);
        hmap_insert(&s->lss, &ls->node, hash_string(name, 0));
        ls->name = xstrdup(name);
        ls->claimed = (s->ownership == OVC_EXCLUSIVE
                       || !strncmp(name, TSN_LS_PREFIX,
                                   strlen(TSN_LS_PREFIX)));
        ovs_list_init(&ls->rows);
        ovs_list_init(&ls->flood.rows);
        ovs_list_init(&ls->macs);
        ovs_list_init(&ls->bindings);
        ovs_list_init(&ls->other_rows);
        ovs_list_init(&ls->local_macs);
        ovs_list_init(&ls->local_floods);
    }
    return ls;
}

void
ovc_ls_destroy(struct ovc_session *s, struct ovc_ls *ls)
{
    ovc_ls_unset_vni(s, ls);
    ovc_object_fini(s, &ls->object);
    ovc_object_fini(s, &ls->flood.object);
    hmap_remove(&s->lss, &ls->node);
    free(ls->flood.vteps);
    free(ls->name);
    free(ls);
}

void
ovc_ls_release(struct ovc_session *s, struct ovc_ls *ls)
{
    if (!ls->object.wanted && !ls->object.in_txn && !ls->object.doubt
        && !ls->flood.object.wanted && !ls->flood.object.in_txn
        && !ls->flood.object.doubt
        && !ls->n_dependents
        && ovs_list_is_empty(&ls->rows)
        && ovs_list_is_empty(&ls->flood.rows)
        && ovs_list_is_empty(&ls->macs)
        && ovs_list_is_empty(&ls->bindings)
        && ovs_list_is_empty(&ls->other_rows)
        && ovs_list_is_empty(&ls->local_macs)
        && ovs_list_is_empty(&ls->local_floods)) {
        ovc_ls_destroy(s, ls);
    }
}

bool
ovc_ls_is_ours(const struct ovc_ls *ls)
{
    return ls->claimed || ls->object.ours;
}

struct ovc_ls_row *
ovc_ls_first_row(const struct ovc_ls *ls)
{
    return (ovs_list_is_empty(&ls->rows) ? NULL
            : CONTAINER_OF(ovs_list_front(&ls->rows), struct ovc_ls_row,
                           node));
}

/* Writing. */

static bool
wants_mode(const struct ovc_session *s, const struct ovc_ls *ls)
{
    return (ls->flood.object.wanted && s->profile->replication_mode
            && ovc_db_has_column(&s->db, OVC_T_LS, VTEP_LS_MODE));
}

void
ovc_ls_write(struct ovc_session *s, struct ovc_ls *ls, bool lead)
{
    struct ovc_txn *txn = ovc_plan_join(s, &ls->object, lead, 1);
    const struct ovc_ls_row *known = ovc_ls_first_row(ls);

    if (known) {
        ls->planned = ovc_ref(&known->row.uuid);
        ovc_txn_update(txn, OVC_T_LS, &known->row.uuid);
    } else {
        ls->planned = ovc_txn_insert(txn, OVC_T_LS, true);
        ovc_txn_put_string(txn, "name", ls->name);
    }
    ls->is_planned = true;
    if (!known || known->vni != ls->vni) {
        ovc_txn_put_integer(txn, "tunnel_key", ls->vni);
    }
    if (wants_mode(s, ls) && (!known || !known->service_node)) {
        ovc_txn_put_string(txn, "replication_mode",
                           s->profile->replication_mode);
    }
}

void
ovc_ls_give_vni_up(struct ovc_session *s, struct ovc_ls *ls, bool lead)
{
    struct ovc_txn *txn = ovc_plan_join(s, &ls->object, lead, 1);

    ovc_txn_update(txn, OVC_T_LS, &ovc_ls_first_row(ls)->row.uuid);
    ovc_txn_put_none(txn, "tunnel_key");
}

/* A name that the switch would not take. */
static bool
is_bad_name(const struct ovc_session *s, const struct ovc_ls *ls)
{
    return (!s->profile->digit_names
            && !ls->name[strspn(ls->name, "0123456789")]);
}

static void
look_wanted(struct ovc_session *s, struct ovc_ls *ls)
{
    const struct ovc_ls_row *row = ovc_ls_first_row(ls);

    if (ovc_ls_has_vni(ls)) {
        if (row->service_node || !wants_mode(s, ls)) {
            ovc_object_set(s, &ls->object, OVC_WRITTEN, OVC_WHY_NONE);
        } else if (ovc_object_may_write(s, &ls->object)
                   && ovc_plan_room(s, 1)) {
            ovc_ls_write(s, ls, true);
        }
        return;
    }
    if (!row && is_bad_name(s, ls)) {
        ovc_hold_by_profile(s, &ls->object, OVC_WHY_DIGIT_NAME);
    } else if (ovc_object_may_write(s, &ls->object)) {
        ovc_ls_claim_vni(s, ls);
    }
}

/* Removing. */

/* Whether the rows that the switch wrote for 'ls' are in the way, as it is to
 * be given time to remove them itself. */
static bool
waits_for_switch(struct ovc_session *s, struct ovc_ls *ls)
{
    if (ls->forced || (ovs_list_is_empty(&ls->local_macs)
                       && ovs_list_is_empty(&ls->local_floods))) {
        return false;
    }
    if (!ls->local_ms) {
        ls->local_ms = s->now_ms + s->cleanup_ms;
    }
    if (s->now_ms < ls->local_ms) {
        ovc_object_set(s, &ls->object, OVC_REMOVING, OVC_WHY_LOCAL_ROWS);
        ovc_object_wake_at(s, &ls->object, ls->local_ms);
        return true;
    }
    ls->forced = true;
    s->n_forced++;
    VLOG_WARN_RL(&rl, "the switch has not removed what it learnt in a removed "
                 "network, removing it tor=%s network=%s macs=%"PRIuSIZE,
                 s->name, ls->name, ls->n_local_macs);
    return false;
}

/* As many local MACs as fit a transaction: the others and the Logical_Switch
 * go later. */
static void
delete_some_local_macs(struct ovc_session *s, struct ovc_ls *ls)
{
    const struct ovc_local_mac *mac;
    int n = 0;

    if (!ovc_plan_room(s, s->profile->max_txn_ops)) {
        return;
    }
    struct ovc_txn *txn = ovc_plan_join(s, &ls->object, true,
                                        s->profile->max_txn_ops);
    ovc_plan_count(s, OVC_T_LOCAL_MAC, s->profile->max_txn_ops);
    ls->object.rewrites = 0;            /* Nobody puts them back. */
    LIST_FOR_EACH (mac, node, &ls->local_macs) {
        ovc_txn_delete(txn, OVC_T_LOCAL_MAC, &mac->row.uuid);
        if (++n >= s->profile->max_txn_ops) {
            break;
        }
    }
}

/* The row and what still refers to it. */
static void
delete_ls(struct ovc_session *s, struct ovc_ls *ls)
{
    if (ls->n_local_macs > s->profile->max_txn_ops) {
        delete_some_local_macs(s, ls);
        return;
    }
    size_t n_ops = (ls->n_local_macs + ovs_list_size(&ls->local_floods)
                    + ovs_list_size(&ls->other_rows)
                    + ovs_list_size(&ls->rows));
    if (!ovc_plan_room(s, n_ops)) {
        return;
    }
    struct ovc_txn *txn = ovc_plan_join(s, &ls->object, true, n_ops);
    ovc_plan_count(s, OVC_T_LOCAL_MAC, ls->n_local_macs);
    ovc_plan_count(s, OVC_T_LOCAL_FLOOD, ovs_list_size(&ls->local_floods));
    ovc_plan_count(s, OVC_T_FLOOD, ovs_list_size(&ls->other_rows));

    const struct ovc_local_mac *mac;
    LIST_FOR_EACH (mac, node, &ls->local_macs) {
        ovc_txn_delete(txn, OVC_T_LOCAL_MAC, &mac->row.uuid);
    }
    const struct ovc_flood_row *flood;
    LIST_FOR_EACH (flood, node, &ls->local_floods) {
        ovc_txn_delete(txn, OVC_T_LOCAL_FLOOD, &flood->row.uuid);
    }
    LIST_FOR_EACH (flood, node, &ls->other_rows) {
        ovc_txn_delete(txn, OVC_T_FLOOD, &flood->row.uuid);
    }
    const struct ovc_ls_row *row;
    LIST_FOR_EACH (row, node, &ls->rows) {
        ovc_txn_delete(txn, OVC_T_LS, &row->row.uuid);
    }
}

static void
look_unwanted(struct ovc_session *s, struct ovc_ls *ls)
{
    if (ovs_list_is_empty(&ls->rows)) {
        ls->removing = ls->forced = false;
        ls->local_ms = 0;
        ls->object.ours = false;
        ovc_object_set(s, &ls->object, OVC_IDLE, OVC_WHY_NONE);
        ovc_ls_release(s, ls);
        return;
    }
    if (!ovc_ls_is_ours(ls)) {
        ovc_object_set(s, &ls->object, OVC_IDLE, OVC_WHY_NONE);
        return;
    }
    if (!ovc_object_removable(s, &ls->object, NULL)) {
        return;
    }
    if (!ls->removing) {
        ls->removing = true;
        ovc_ls_queue_dependents(s, ls);
    }
    if (ls->n_dependents) {
        ovc_object_set(s, &ls->object, OVC_REMOVING, OVC_WHY_DEPENDENTS);
    } else if (ovc_object_may_write(s, &ls->object)
               && !waits_for_switch(s, ls)) {
        delete_ls(s, ls);
    }
}

void
ovc_ls_look(struct ovc_session *s, struct ovc_ls *ls)
{
    if (ls->object.wanted) {
        look_wanted(s, ls);
    } else {
        look_unwanted(s, ls);
    }
}

/* Dependents. */

bool
ovc_ls_for_write(const struct ovc_ls *ls, struct ovc_ref *ref)
{
    if (!ls->object.wanted) {
        return false;
    } else if (ls->is_planned) {
        *ref = ls->planned;
        return true;
    } else if (ovc_ls_has_vni(ls)) {
        *ref = ovc_ref(&ovc_ls_first_row(ls)->row.uuid);
        return true;
    }
    return false;
}

void
ovc_ls_queue_dependents(struct ovc_session *s, struct ovc_ls *ls)
{
    struct ovc_binding *b;
    struct ovc_mac *mac;
    struct ovc_port *port;

    ovc_object_queue(s, &ls->flood.object);
    LIST_FOR_EACH (mac, ls_node, &ls->macs) {
        ovc_object_queue(s, &mac->object);
    }
    LIST_FOR_EACH (b, ls_node, &ls->bindings) {
        ovc_object_queue(s, &b->object);
    }
    if (ls->removing) {
        HMAP_FOR_EACH (port, node, &s->ports) {
            HMAP_FOR_EACH (b, node, &port->bindings) {
                if (b->bound == ls) {
                    ovc_object_queue(s, &b->object);
                }
            }
        }
    }
}

void
ovc_ls_add_dependent(struct ovc_ls *ls)
{
    ls->n_dependents++;
}

void
ovc_ls_remove_dependent(struct ovc_session *s, struct ovc_ls *ls)
{
    if (!--ls->n_dependents && !ls->object.wanted) {
        ovc_object_queue(s, &ls->object);
    }
}
