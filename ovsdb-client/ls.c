/* SPDX-License-Identifier: Apache-2.0 */
/* Logical_Switch rows, and who has which VNI: a switch must never see one VNI
 * in two of them (spec B.8). */
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
    if (!ls->object.wanted && !ls->object.in_txn
        && !ls->flood.object.wanted && !ls->flood.object.in_txn
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

static struct ovc_ls_row *
first_row(const struct ovc_ls *ls)
{
    return (ovs_list_is_empty(&ls->rows) ? NULL
            : CONTAINER_OF(ovs_list_front(&ls->rows), struct ovc_ls_row,
                           node));
}

/* VNIs. */

static uint32_t
hash_vni(uint32_t vni)
{
    return hash_int(vni, 0);
}

/* Something changed about who has or wants 'vni'. */
static void
queue_claimants(struct ovc_session *s, uint32_t vni)
{
    struct ovc_ls *ls;

    HMAP_FOR_EACH_WITH_HASH (ls, by_vni, hash_vni(vni), &s->wanted_vnis) {
        if (ls->vni == vni) {
            ovc_object_queue(s, &ls->object);
        }
    }
}

void
ovc_ls_unset_vni(struct ovc_session *s, struct ovc_ls *ls)
{
    if (ls->claim) {
        hmap_remove(&s->wanted_vnis, &ls->by_vni);
        ls->claim = 0;
        queue_claimants(s, ls->vni);
    }
}

void
ovc_ls_set_vni(struct ovc_session *s, struct ovc_ls *ls, uint32_t vni)
{
    ovc_ls_unset_vni(s, ls);
    ls->vni = vni;
    ls->claim = ++s->n_claims;
    hmap_insert(&s->wanted_vnis, &ls->by_vni, hash_vni(vni));
}

void
ovc_ls_row_set_vni(struct ovc_session *s, struct ovc_ls_row *row,
                   uint32_t vni)
{
    if (row->vni == vni) {
        return;
    }
    if (row->vni) {
        hmap_remove(&s->vnis, &row->by_vni);
        queue_claimants(s, row->vni);
    }
    row->vni = vni;
    if (vni) {
        hmap_insert(&s->vnis, &row->by_vni, hash_vni(vni));
        queue_claimants(s, vni);
    }
}

static bool
has_vni(const struct ovc_ls *ls)
{
    const struct ovc_ls_row *row = first_row(ls);
    return row && ls->vni && row->vni == ls->vni;
}

/* Another wanted Logical_Switch that comes before 'ls' for its VNI: the one
 * that has it, else the one that was wanted first. */
static const struct ovc_ls *
older_claim(const struct ovc_session *s, const struct ovc_ls *ls)
{
    const struct ovc_ls *other;

    HMAP_FOR_EACH_WITH_HASH (other, by_vni, hash_vni(ls->vni),
                             &s->wanted_vnis) {
        if (other != ls && other->vni == ls->vni
            && (has_vni(other) != has_vni(ls) ? has_vni(other)
                : other->claim < ls->claim)) {
            return other;
        }
    }
    return NULL;
}

const struct ovc_ls *
ovc_ls_rival(const struct ovc_session *s, const struct ovc_ls *ls)
{
    const struct ovc_ls *other = older_claim(s, ls);
    const struct ovc_ls_row *row;

    if (other) {
        return other;
    }
    HMAP_FOR_EACH_WITH_HASH (row, by_vni, hash_vni(ls->vni), &s->vnis) {
        if (row->vni == ls->vni && row->ls != ls) {
            return row->ls;
        }
    }
    return NULL;
}

/* Whether 'ls' can take the VNI it wants.  If that takes another one to leave
 * it in the same transaction, '*leaver' is that one, else NULL. */
static enum ovc_why
claim_vni(struct ovc_session *s, struct ovc_ls *ls, struct ovc_ls **leaver)
{
    struct ovc_ls_row *row;

    *leaver = NULL;
    if (!ls->vni || ls->vni > TSN_VNI_MAX) {
        return OVC_WHY_VNI_RANGE;
    }
    if (older_claim(s, ls)) {
        return OVC_WHY_VNI_WANTED;
    }
    HMAP_FOR_EACH_WITH_HASH (row, by_vni, hash_vni(ls->vni), &s->vnis) {
        struct ovc_ls *holder = row->ls;

        if (row->vni != ls->vni || holder == ls || holder->planned) {
            continue;
        }
        if (!holder->object.wanted) {
            if (ovc_ls_is_ours(holder) && s->complete) {
                /* What is left of a network does not keep a wanted one
                 * waiting for the end of the hold time. */
                holder->object.ours = true;
                ovc_object_queue(s, &holder->object);
            }
            return OVC_WHY_VNI_HELD;
        }
        if (*leaver || holder->vni == ls->vni) {
            return OVC_WHY_VNI_HELD;
        }
        *leaver = holder;
    }
    return OVC_WHY_NONE;
}

/* Writing. */

static bool
wants_service_node(const struct ovc_session *s, const struct ovc_ls *ls)
{
    return (ls->flood.object.wanted
            && vteprec_server_has_logical_switch_table_col_replication_mode(
                s->idl));
}

/* The caller has made room for one operation. */
static void
write_ls(struct ovc_session *s, struct ovc_ls *ls, bool lead)
{
    struct ovsdb_idl_txn *txn = ovc_plan_join(s, &ls->object, lead, 1);
    const struct ovc_ls_row *known = first_row(ls);
    const struct vteprec_logical_switch *row;

    row = known ? vteprec_logical_switch_get_for_uuid(s->idl, &known->row.uuid)
                : NULL;
    if (!row) {
        row = vteprec_logical_switch_insert(txn);
        vteprec_logical_switch_set_name(row, ls->name);
        known = NULL;
    }
    if (!known || known->vni != ls->vni) {
        int64_t vni = ls->vni;
        vteprec_logical_switch_set_tunnel_key(row, &vni, 1);
    }
    if (wants_service_node(s, ls) && (!known || !known->service_node)) {
        vteprec_logical_switch_set_replication_mode(row, "service_node");
    }
    ls->planned = row;
}

/* A chain of Logical_Switches, each of which takes the VNI that the next one
 * leaves.  With 'cycle' < 'n' the last one takes that of path[cycle]. */
struct vni_path {
    struct ovc_ls **ls;
    size_t n, allocated;
    size_t cycle;
};

static enum ovc_why
find_path(struct ovc_session *s, struct ovc_ls *start, struct vni_path *path)
{
    path->cycle = SIZE_MAX;
    for (struct ovc_ls *ls = start, *leaver; ls; ls = leaver) {
        enum ovc_why why = claim_vni(s, ls, &leaver);
        if (why == OVC_WHY_NONE && !ovc_object_may_write(s, &ls->object)) {
            why = OVC_WHY_VNI_HELD;
        }
        if (why != OVC_WHY_NONE) {
            return ls == start ? why : OVC_WHY_VNI_HELD;
        }
        if (path->n >= path->allocated) {
            path->ls = x2nrealloc(path->ls, &path->allocated,
                                  sizeof *path->ls);
        }
        path->ls[path->n++] = ls;
        ls->on_path = path->n;
        if (leaver && leaver->on_path) {
            path->cycle = leaver->on_path - 1;
            break;
        }
    }
    return OVC_WHY_NONE;
}

/* The end of the path goes first: whatever fits of it leaves no VNI twice.
 * Only a cycle has to go as a whole. */
static void
write_path(struct ovc_session *s, struct vni_path *path)
{
    size_t whole = MIN(path->cycle, path->n);
    size_t i = path->n;

    if (whole < path->n && !ovc_plan_room(s, path->n - whole)) {
        return;
    }
    while (i > 0 && (i > whole || ovc_plan_room(s, 1))) {
        i--;
        write_ls(s, path->ls[i], i == 0);
    }
    if (i > 0 && i < path->n) {
        path->ls[path->n - 1]->object.lead = true;
    }
}

static void
wait_for_vni(struct ovc_session *s, struct ovc_ls *ls, enum ovc_why why)
{
    if (ls->object.why != why) {
        const struct ovc_ls *rival = ovc_ls_rival(s, ls);
        VLOG_WARN_RL(&rl, "network cannot have its VNI%s%s tor=%s network=%s "
                     "vni=%"PRIu32, rival ? ", it is of " : "",
                     rival ? rival->name : "", s->name, ls->name,
                     ls->vni);
    }
    ovc_object_set(s, &ls->object, OVC_WAITING, why);
}

static void
look_wanted(struct ovc_session *s, struct ovc_ls *ls)
{
    const struct ovc_ls_row *row = first_row(ls);

    if (has_vni(ls)) {
        if (row->service_node || !wants_service_node(s, ls)) {
            ovc_object_set(s, &ls->object, OVC_WRITTEN, OVC_WHY_NONE);
        } else if (ovc_object_may_write(s, &ls->object)
                   && ovc_plan_room(s, 1)) {
            write_ls(s, ls, true);
        }
        return;
    }
    if (!ovc_object_may_write(s, &ls->object)) {
        return;
    }

    struct vni_path path = { .n = 0 };
    enum ovc_why why = find_path(s, ls, &path);
    if (why == OVC_WHY_NONE) {
        write_path(s, &path);
    } else {
        wait_for_vni(s, ls, why);
    }
    for (size_t i = 0; i < path.n; i++) {
        path.ls[i]->on_path = 0;
    }
    free(path.ls);
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
        ls->local_ms = s->now_ms + OVC_LOCAL_ROWS_MS;
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

static void
delete_local_mac(struct ovc_session *s, const struct ovc_local_mac *mac)
{
    const struct vteprec_ucast_macs_local *row;

    row = vteprec_ucast_macs_local_get_for_uuid(s->idl, &mac->row.uuid);
    if (row) {
        vteprec_ucast_macs_local_delete(row);
    }
}

/* The first OVC_MAX_TXN_OPS local MACs: the others and the Logical_Switch go
 * later. */
static void
delete_some_local_macs(struct ovc_session *s, struct ovc_ls *ls)
{
    const struct ovc_local_mac *mac;
    int n = 0;

    if (!ovc_plan_room(s, OVC_MAX_TXN_OPS)) {
        return;
    }
    ovc_plan_join(s, &ls->object, true, OVC_MAX_TXN_OPS);
    ovc_plan_count(s, OVC_T_LOCAL_MAC, OVC_MAX_TXN_OPS);
    ls->object.rewrites = 0;            /* Nobody puts them back. */
    LIST_FOR_EACH (mac, node, &ls->local_macs) {
        delete_local_mac(s, mac);
        if (++n >= OVC_MAX_TXN_OPS) {
            break;
        }
    }
}

/* The row and what still refers to it. */
static void
delete_ls(struct ovc_session *s, struct ovc_ls *ls)
{
    if (ls->n_local_macs > OVC_MAX_TXN_OPS) {
        delete_some_local_macs(s, ls);
        return;
    }
    size_t n_ops = (ls->n_local_macs + ovs_list_size(&ls->local_floods)
                    + ovs_list_size(&ls->other_rows)
                    + ovs_list_size(&ls->rows));
    if (!ovc_plan_room(s, n_ops)) {
        return;
    }
    ovc_plan_join(s, &ls->object, true, n_ops);
    ovc_plan_count(s, OVC_T_LOCAL_MAC, ls->n_local_macs);
    ovc_plan_count(s, OVC_T_LOCAL_FLOOD, ovs_list_size(&ls->local_floods));
    ovc_plan_count(s, OVC_T_FLOOD, ovs_list_size(&ls->other_rows));

    const struct ovc_local_mac *mac;
    LIST_FOR_EACH (mac, node, &ls->local_macs) {
        delete_local_mac(s, mac);
    }
    const struct ovc_flood_row *flood;
    LIST_FOR_EACH (flood, node, &ls->local_floods) {
        const struct vteprec_mcast_macs_local *row
            = vteprec_mcast_macs_local_get_for_uuid(s->idl, &flood->row.uuid);
        if (row) {
            vteprec_mcast_macs_local_delete(row);
        }
    }
    LIST_FOR_EACH (flood, node, &ls->other_rows) {
        const struct vteprec_mcast_macs_remote *row
            = vteprec_mcast_macs_remote_get_for_uuid(s->idl, &flood->row.uuid);
        if (row) {
            vteprec_mcast_macs_remote_delete(row);
        }
    }
    const struct ovc_ls_row *ls_row;
    LIST_FOR_EACH (ls_row, node, &ls->rows) {
        const struct vteprec_logical_switch *row
            = vteprec_logical_switch_get_for_uuid(s->idl, &ls_row->row.uuid);
        if (row) {
            vteprec_logical_switch_delete(row);
        }
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

const struct vteprec_logical_switch *
ovc_ls_for_write(const struct ovc_session *s, const struct ovc_ls *ls)
{
    if (!ls->object.wanted) {
        return NULL;
    } else if (ls->planned) {
        return ls->planned;
    } else if (has_vni(ls)) {
        return vteprec_logical_switch_get_for_uuid(s->idl,
                                                   &first_row(ls)->row.uuid);
    } else {
        return NULL;
    }
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
