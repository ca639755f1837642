/* SPDX-License-Identifier: Apache-2.0 */
/* The labels of our places in multicast trees.  The builder says when one of
 * them moves to another network, but it is with the new network that we may
 * hear of it first: the latest counts. */
#include <config.h>
#include "xmpp/speaker-tree-private.h"

#include <stdlib.h>

#include "hash.h"
#include "tsn/loop.h"
#include "util.h"

/* A label before the present one is accepted for that long: a builder tells
 * the members of a rebuilt tree one after the other, and one that is slow to
 * read hears of it only when TCP has given up on it (15 s) or has got through,
 * which with a session anew takes another while.  The builder hardly gives the
 * label to another network meanwhile, and if it does, that counts. */
#define OLD_LABEL_MS 30000

static void
release_label(struct xmpp_speaker *sp, struct in_label *in)
{
    if (in->label) {
        hmap_remove(&sp->tree_labels, &in->node);
        in->label = 0;
    }
}

static void
take_label(struct xmpp_speaker *sp, struct in_label *in, uint32_t label)
{
    uint32_t hash = hash_int(label, 0);
    struct in_label *other;

    HMAP_FOR_EACH_WITH_HASH (other, node, hash, &sp->tree_labels) {
        if (other->label == label) {
            release_label(sp, other);
            if (other->tree != in->tree) {
                tree_note_change(sp, other->tree);
            }
            break;
        }
    }
    in->label = label;
    hmap_insert(&sp->tree_labels, &in->node, hash);
}

/* Keeps 'label', which is nobody's at present, as one of those before. */
static void
keep_old_label(struct xmpp_speaker *sp, struct want_tree *tree,
               uint32_t label)
{
    uint64_t until_ms = tsn_now_ms() + OLD_LABEL_MS;
    struct in_label *oldest = &tree->old[0];

    for (size_t i = 0; i < XMPP_TREE_MAX_OLD_LABELS; i++) {
        struct in_label *old = &tree->old[i];

        if (old->label) {
            until_ms = MAX(until_ms, old->until_ms + 1);    /* Tells age. */
        }
        if (oldest->label
            && (!old->label || old->until_ms < oldest->until_ms)) {
            oldest = old;
        }
    }
    release_label(sp, oldest);
    take_label(sp, oldest, label);
    oldest->until_ms = until_ms;
    sp->tree_check_ms = MIN(sp->tree_check_ms, oldest->until_ms);
}

void
tree_set_label(struct xmpp_speaker *sp, struct want_tree *tree,
               uint32_t label)
{
    uint32_t old = tree->label.label;

    if (label == old) {
        return;
    }
    release_label(sp, &tree->label);
    if (old) {
        keep_old_label(sp, tree, old);
    }
    if (label) {
        take_label(sp, &tree->label, label);
    }
}

void
tree_release_labels(struct xmpp_speaker *sp, struct want_tree *tree)
{
    release_label(sp, &tree->label);
    for (size_t i = 0; i < XMPP_TREE_MAX_OLD_LABELS; i++) {
        release_label(sp, &tree->old[i]);
    }
}

uint64_t
tree_check_labels(struct xmpp_speaker *sp, struct want_tree *tree,
                  uint64_t now_ms)
{
    uint64_t next = UINT64_MAX;

    for (size_t i = 0; i < XMPP_TREE_MAX_OLD_LABELS; i++) {
        struct in_label *old = &tree->old[i];

        if (old->label && now_ms >= old->until_ms) {
            release_label(sp, old);
            tree_note_change(sp, tree);
        } else if (old->label) {
            next = MIN(next, old->until_ms);
        }
    }
    return next;
}

static int
compare_old_labels(const void *a_, const void *b_)
{
    const struct in_label *const *a = a_, *const *b = b_;

    return (*a)->until_ms > (*b)->until_ms ? -1
           : (*a)->until_ms < (*b)->until_ms;
}

void
tree_get_old_labels(const struct want_tree *tree, struct xmpp_tree *out)
{
    const struct in_label *old[XMPP_TREE_MAX_OLD_LABELS];
    size_t n = 0;

    for (size_t i = 0; i < XMPP_TREE_MAX_OLD_LABELS; i++) {
        if (tree->old[i].label) {
            old[n++] = &tree->old[i];
        }
    }
    qsort(old, n, sizeof *old, compare_old_labels);
    for (size_t i = 0; i < n; i++) {
        out->old_labels[i] = old[i]->label;
    }
    out->n_old_labels = n;
}
