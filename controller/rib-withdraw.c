/* SPDX-License-Identifier: Apache-2.0 */
/* Paths that get stale, are swept or go with their subscription: a client may
 * have a million of them, so they are withdrawn in turns. */
#include <config.h>
#include "controller/rib-private.h"

#include "util.h"

/* Whether it is to go, and counts no more. */
static bool
is_withdrawn(const struct rib_path *path)
{
    return path->generation < path->sub->withdrawn;
}

bool
rib_path_is_stale(const struct rib_path *path)
{
    return path->generation < path->sub->generation;
}

void
rib_path_uncount(struct rib_path *path)
{
    struct rib_sub *sub = path->sub;

    if (!is_withdrawn(path)) {
        sub->client->n_routes--;
        sub->n_paths--;
        sub->n_stale -= rib_path_is_stale(path);
    }
}

void
rib_path_renew(struct rib_path *path)
{
    struct rib_sub *sub = path->sub;

    if (rib_path_is_stale(path)) {
        rib_path_uncount(path);
        path->generation = sub->generation;
        ovs_list_remove(&path->sub_node);
        ovs_list_push_back(&sub->paths, &path->sub_node);
        sub->client->n_routes++;
        sub->n_paths++;
    }
}

void
rib_sub_mark_stale(struct rib_sub *sub)
{
    struct rib_bum *bum;

    sub->generation++;
    sub->n_stale = sub->n_paths;
    LIST_FOR_EACH (bum, sub_node, &sub->bums) {
        bum->stale = true;
    }
}

/* Paths older than 'generation' are to go, 'n' of those that still count. */
static void
withdraw_paths(struct rib_sub *sub, uint64_t generation, size_t n)
{
    sub->client->n_routes -= n;
    sub->n_paths -= n;
    sub->n_stale = 0;
    sub->withdrawn = generation;
    if (ovs_list_is_empty(&sub->withdrawing_node)) {
        ovs_list_push_back(&sub->instance->rib->withdrawing,
                           &sub->withdrawing_node);
    }
}

size_t
rib_sub_sweep(struct rib_sub *sub)
{
    size_t n = sub->n_stale;
    struct rib_bum *bum;

    if (n) {
        withdraw_paths(sub, sub->generation, n);
    }
    LIST_FOR_EACH_SAFE (bum, sub_node, &sub->bums) {
        if (bum->stale) {
            rib_bum_free(bum);
            rib_bums_set_dirty(sub->instance);
            n++;
        }
    }
    return n;
}

/* Takes from '*max'.  Returns whether all that was to go has gone; then 'sub'
 * has, too, if it has ended. */
static bool
withdraw_some(struct rib_sub *sub, size_t *max)
{
    while (!ovs_list_is_empty(&sub->paths)) {
        struct rib_path *path
            = CONTAINER_OF(ovs_list_front(&sub->paths), struct rib_path,
                           sub_node);

        if (!is_withdrawn(path)) {
            break;
        }
        if (!*max) {
            return false;
        }
        --*max;
        rib_path_remove(path);
    }
    ovs_list_remove(&sub->withdrawing_node);
    ovs_list_init(&sub->withdrawing_node);
    if (sub->ended) {
        rib_sub_free(sub);
    }
    return true;
}

void
rib_sub_withdraw(struct rib_sub *sub)
{
    size_t max = 0;             /* If there are none it ends at once. */
    struct rib_bum *bum;

    LIST_FOR_EACH_SAFE (bum, sub_node, &sub->bums) {
        rib_bum_free(bum);
        rib_bums_set_dirty(sub->instance);
    }
    withdraw_paths(sub, UINT64_MAX, sub->n_paths);
    withdraw_some(sub, &max);
}

bool
rib_withdraw(struct ctrl_rib *rib, size_t max)
{
    struct rib_sub *sub;

    LIST_FOR_EACH_SAFE (sub, withdrawing_node, &rib->withdrawing) {
        if (!withdraw_some(sub, &max)) {
            return false;
        }
    }
    return true;
}
