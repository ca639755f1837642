/* SPDX-License-Identifier: Apache-2.0 */
/* The "unknown-dst" rows of Mcast_Macs_Remote: to whom a switch sends the BUM
 * frames of a network. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-client/text.h"
#include "util.h"

static bool
has_wanted_set(const struct ovc_flood *flood, const struct ovc_flood_row *row)
{
    return (row->plain && row->n_vteps == flood->n_vteps
            && !memcmp(row->vteps, flood->vteps,
                       flood->n_vteps * sizeof *flood->vteps));
}

static void
delete_flood_rows(struct ovc_session *s, const struct ovc_flood *flood,
                  const struct ovc_flood_row *keep)
{
    const struct ovc_flood_row *r;

    LIST_FOR_EACH (r, node, &flood->rows) {
        const struct vteprec_mcast_macs_remote *row
            = vteprec_mcast_macs_remote_get_for_uuid(s->idl, &r->row.uuid);
        if (r != keep && row) {
            vteprec_mcast_macs_remote_delete(row);
        }
    }
}

/* A set cannot be changed: the row gets a new one, in place, so that there is
 * no moment without (spec B.4). */
static void
write_locator_set(struct ovc_session *s, const struct ovc_flood *flood,
                  const struct vteprec_mcast_macs_remote *row)
{
    struct vteprec_physical_locator **locators;
    struct vteprec_physical_locator_set *set;

    locators = xmalloc(flood->n_vteps * sizeof *locators);
    for (size_t i = 0; i < flood->n_vteps; i++) {
        locators[i] = CONST_CAST(struct vteprec_physical_locator *,
                                 ovc_plan_locator(s, &flood->vteps[i]));
    }
    set = vteprec_physical_locator_set_insert(s->plan.txn);
    ovc_plan_count(s, OVC_T_LOCATOR_SET, 1);
    vteprec_physical_locator_set_set_locators(set, locators, flood->n_vteps);
    vteprec_mcast_macs_remote_set_locator_set(row, set);
    free(locators);
}

static void
write_flood(struct ovc_session *s, struct ovc_flood *flood,
            const struct ovc_flood_row *keep,
            const struct vteprec_logical_switch *ls)
{
    bool new_set = !keep || !has_wanted_set(flood, keep);
    size_t n_ops = MAX(ovs_list_size(&flood->rows), 1);

    if (new_set) {
        n_ops++;
        for (size_t i = 0; i < flood->n_vteps; i++) {
            n_ops += ovc_plan_locator_ops(s, &flood->vteps[i]);
        }
    }
    if (!ovc_plan_room(s, n_ops)) {
        return;
    }
    struct ovsdb_idl_txn *txn = ovc_plan_join(s, &flood->object, true, n_ops);
    const struct vteprec_mcast_macs_remote *row = NULL;
    if (keep) {
        row = vteprec_mcast_macs_remote_get_for_uuid(s->idl, &keep->row.uuid);
    }
    if (!row) {
        row = vteprec_mcast_macs_remote_insert(txn);
        vteprec_mcast_macs_remote_set_MAC(row, "unknown-dst");
        vteprec_mcast_macs_remote_set_logical_switch(row, ls);
    }
    if (new_set) {
        write_locator_set(s, flood, row);
    }
    delete_flood_rows(s, flood, keep);
}

static void
look_wanted_flood(struct ovc_session *s, struct ovc_ls *ls)
{
    struct ovc_flood *flood = &ls->flood;

    for (size_t i = 0; i < flood->n_vteps; i++) {
        if (!ovc_is_vtep(&flood->vteps[i])) {
            ovc_object_set(s, &flood->object, OVC_HELD, OVC_WHY_BAD_VTEP);
            return;
        }
    }
    const struct ovc_flood_row *keep = NULL, *r;
    LIST_FOR_EACH (r, node, &flood->rows) {
        if (!keep || (!has_wanted_set(flood, keep)
                      && has_wanted_set(flood, r))) {
            keep = r;
        }
    }
    if (keep && has_wanted_set(flood, keep)
        && ovs_list_is_singleton(&flood->rows)) {
        ovc_object_set(s, &flood->object, OVC_WRITTEN, OVC_WHY_NONE);
        return;
    }
    const struct vteprec_logical_switch *row = ovc_ls_for_write(s, ls);
    if (!row) {
        ovc_object_set(s, &flood->object, OVC_WAITING, OVC_WHY_LS);
    } else if (ovc_object_may_write(s, &flood->object)) {
        write_flood(s, flood, keep, row);
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

void
ovc_flood_look(struct ovc_session *s, struct ovc_ls *ls)
{
    if (ls->flood.object.wanted) {
        look_wanted_flood(s, ls);
    } else {
        look_unwanted_flood(s, ls);
    }
}
