/* SPDX-License-Identifier: Apache-2.0 */
/* Who has which VNI, and how VNIs change hands: a switch must never see one
 * VNI in two Logical_Switches (spec B.8). */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>

#include "hash.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovc_vni);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(20, 20);

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

bool
ovc_ls_has_vni(const struct ovc_ls *ls)
{
    const struct ovc_ls_row *row = ovc_ls_first_row(ls);
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
            && (ovc_ls_has_vni(other) != ovc_ls_has_vni(ls)
                ? ovc_ls_has_vni(other) : other->claim < ls->claim)) {
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
 * it, before or in the same transaction, '*leaver' is that one, else NULL. */
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

        if (row->vni != ls->vni || holder == ls) {
            continue;
        }
        if (s->profile->free_vni_first) {
            if (holder->object.in_txn) {
                return OVC_WHY_VNI_HELD;
            }
        } else if (holder->is_planned) {
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

/* Handing over. */

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
write_path(struct ovc_session *s, const struct vni_path *path)
{
    size_t whole = MIN(path->cycle, path->n);
    size_t i = path->n;

    if (whole < path->n && !ovc_plan_room(s, path->n - whole)) {
        return;
    }
    while (i > 0 && (i > whole || ovc_plan_room(s, 1))) {
        i--;
        ovc_ls_write(s, path->ls[i], i == 0);
    }
    if (i > 0 && i < path->n) {
        path->ls[path->n - 1]->object.lead = true;
    }
}

/* A cycle gives its VNIs up, all at once, and takes them anew when the switch
 * has seen that. */
static void
break_cycle(struct ovc_session *s, const struct vni_path *path)
{
    if (!ovc_plan_room(s, path->n - path->cycle)) {
        return;
    }
    for (size_t i = path->cycle; i < path->n; i++) {
        ovc_ls_give_vni_up(s, path->ls[i], i == path->cycle);
    }
}

/* Only the end of the path, whose VNI is free: the one before it follows when
 * the switch has seen that.  The start of the path waits. */
static void
write_end(struct ovc_session *s, const struct vni_path *path)
{
    if (path->cycle < path->n) {
        break_cycle(s, path);
    } else if (ovc_plan_room(s, 1)) {
        ovc_ls_write(s, path->ls[path->n - 1], true);
    }
    if (!path->ls[0]->object.in_txn && !s->plan.full) {
        ovc_object_set(s, &path->ls[0]->object, OVC_WAITING,
                       OVC_WHY_VNI_HELD);
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

void
ovc_ls_claim_vni(struct ovc_session *s, struct ovc_ls *ls)
{
    struct vni_path path = { .n = 0 };
    enum ovc_why why = find_path(s, ls, &path);

    if (why != OVC_WHY_NONE) {
        wait_for_vni(s, ls, why);
    } else if (s->profile->free_vni_first) {
        write_end(s, &path);
    } else {
        write_path(s, &path);
    }
    for (size_t i = 0; i < path.n; i++) {
        path.ls[i]->on_path = 0;
    }
    free(path.ls);
}
