/* SPDX-License-Identifier: Apache-2.0 */
/* The labels that one client offers for the trees that it is in
 * (spec/tsn-dataplane.md A.5): a label tells it the instance of what comes
 * in, and stands for one instance at a time.  A client may offer a block in
 * many instances, and blocks may overlap.  No I/O, one thread. */
#ifndef CONTROLLER_LABELS_H
#define CONTROLLER_LABELS_H 1

#include <stddef.h>
#include <stdint.h>

#include "openvswitch/hmap.h"
#include "openvswitch/list.h"

struct ctrl_labels {
    struct hmap blocks;         /* struct ctrl_label_block. */
    struct hmap pages;          /* struct label_page: which are in use. */
    uint32_t given;             /* Last one handed out, or 0. */
    uint64_t n_steps;           /* Pages looked at, ever: what it costs. */

    /* Blocks that somebody starves for: those that have no label free, and
     * those that may have one since others were put back. */
    struct ovs_list exhausted;
    struct ovs_list retry;
};

struct ctrl_label_block {
    struct hmap_node node;
    struct ctrl_labels *labels;
    uint32_t first, last;
    uint32_t given;             /* Likewise, of this block. */
    size_t n_refs;
    struct ovs_list starved;    /* Nodes of those who found it exhausted. */
    struct ovs_list wait_node;  /* In a list above, or self-linked. */
};

void ctrl_labels_init(struct ctrl_labels *);
/* After its blocks, and when all labels have been put back. */
void ctrl_labels_fini(struct ctrl_labels *);

/* The block 'first'..'last', to be given back.  0 < 'first' <= 'last'. */
struct ctrl_label_block *ctrl_label_block_ref(struct ctrl_labels *,
                                              uint32_t first, uint32_t last);
void ctrl_label_block_unref(struct ctrl_label_block *); /* NULL is fine. */

/* Takes a label that is not in use, to be put back, or returns 0 if there is
 * none.  The search starts behind the last one handed out, so that a label
 * that was just let go is the last to come again. */
uint32_t ctrl_label_take(struct ctrl_label_block *);
/* Puts back a label that was taken; blocks that somebody starves for are to
 * be tried again. */
void ctrl_label_put(struct ctrl_labels *, uint32_t label);

/* The first label behind 'after' that is not in use, or 0.  Does not take
 * it. */
uint32_t ctrl_label_next_free(const struct ctrl_label_block *,
                              uint32_t after);

/* Puts 'node', which is self-linked, among those that starve for the block /
 * takes it out again, also if it was moved to another list since, or is
 * self-linked. */
void ctrl_label_starve(struct ctrl_label_block *, struct ovs_list *node);
void ctrl_label_unstarve(struct ctrl_label_block *, struct ovs_list *node);

/* A block that may have a label for one that starves, or NULL.  It stays the
 * one until ctrl_label_retried(): it has none left, or nobody starves. */
struct ctrl_label_block *ctrl_label_retry(const struct ctrl_labels *);
void ctrl_label_retried(struct ctrl_label_block *);

#endif /* controller/labels.h */
