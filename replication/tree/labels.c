/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/tree/labels.h"

#include <stdlib.h>

#include "bitmap.h"
#include "util.h"

/* A network takes one at most, and keeps it: they move far less often than
 * those of trees, which move with every member that comes or goes. */
#define EVPN_SHARE 8

size_t
repl_labels_count(const struct xmpp_tree_labels *range)
{
    return range->first ? range->last - range->first + 1 : 0;
}

static struct xmpp_tree_labels
cut(uint32_t *last, size_t n)
{
    struct xmpp_tree_labels range = { *last - n + 1, *last };

    *last -= n;
    return range;
}

void
repl_labels_init(struct repl_labels *labels, uint32_t first, uint32_t last)
{
    size_t n = first && last >= first ? last - first + 1 : 0;
    size_t n_evpn = MAX(1, n / EVPN_SHARE);

    *labels = (struct repl_labels) { .used = NULL };
    if (n <= XMPP_SPEAKER_SLOTS) {
        return;
    }
    /* From the top, as the reference does. */
    for (int i = 0; i < XMPP_SPEAKER_SLOTS; i++) {
        labels->trees[i] = cut(&last, (n - n_evpn) / XMPP_SPEAKER_SLOTS);
    }
    labels->evpn = (struct xmpp_tree_labels) { first, last };
    labels->used = bitmap_allocate(repl_labels_count(&labels->evpn));
}

void
repl_labels_fini(struct repl_labels *labels)
{
    bitmap_free(labels->used);
}

uint32_t
repl_labels_take(struct repl_labels *labels)
{
    size_t n = repl_labels_count(&labels->evpn);

    if (labels->n_used == n) {
        return 0;
    }
    size_t i = bitmap_scan(labels->used, false, labels->next, n);
    if (i == n) {
        i = bitmap_scan(labels->used, false, 0, n);
    }
    bitmap_set1(labels->used, i);
    labels->n_used++;
    labels->next = (i + 1) % n;
    return labels->evpn.first + i;
}

void
repl_labels_put(struct repl_labels *labels, uint32_t label)
{
    if (label) {
        bitmap_set0(labels->used, label - labels->evpn.first);
        labels->n_used--;
    }
}
