/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/tree.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "util.h"

void
ctrl_labels_init(struct ctrl_labels *labels)
{
    hmap_init(&labels->blocks);
    hmap_init(&labels->used);
    labels->given = 0;
}

void
ctrl_labels_fini(struct ctrl_labels *labels)
{
    hmap_destroy(&labels->blocks);
    hmap_destroy(&labels->used);
}

struct ctrl_label_block *
ctrl_label_block_ref(struct ctrl_labels *labels, uint32_t first,
                     uint32_t last)
{
    uint32_t hash = hash_2words(first, last);
    struct ctrl_label_block *block;

    HMAP_FOR_EACH_WITH_HASH (block, node, hash, &labels->blocks) {
        if (block->first == first && block->last == last) {
            block->n_refs++;
            return block;
        }
    }
    block = xzalloc(sizeof *block);
    block->labels = labels;
    block->first = first;
    block->last = last;
    /* Where one of the same labels stopped that nobody needed any more. */
    block->given = labels->given;
    block->n_refs = 1;
    hmap_insert(&labels->blocks, &block->node, hash);
    return block;
}

void
ctrl_label_block_unref(struct ctrl_label_block *block)
{
    if (block && !--block->n_refs) {
        hmap_remove(&block->labels->blocks, &block->node);
        free(block);
    }
}

static bool
label_is_used(const struct ctrl_labels *labels, uint32_t label)
{
    const struct ctrl_tree_member *member;

    HMAP_FOR_EACH_WITH_HASH (member, label_node, hash_int(label, 0),
                             &labels->used) {
        if (member->label == label) {
            return true;
        }
    }
    return false;
}

/* Starts behind the last one handed out, so that a label that was just let go
 * is the last to come again. */
static void
take_label(struct ctrl_tree_member *member)
{
    struct ctrl_label_block *block = member->block;
    struct ctrl_labels *labels = block->labels;
    uint32_t n = block->last - block->first + 1;
    uint32_t label = block->given;

    if (block->n_used == n) {
        return;
    }
    /* Blocks may overlap. */
    for (; n; n--) {
        label = label < block->first || label >= block->last ? block->first
                                                             : label + 1;
        if (!label_is_used(labels, label)) {
            labels->given = block->given = member->label = label;
            block->n_used++;
            hmap_insert(&labels->used, &member->label_node,
                        hash_int(label, 0));
            return;
        }
    }
}

void
ctrl_tree_init(struct ctrl_tree *tree)
{
    ovs_list_init(&tree->members);
    tree->n_members = 0;
    tree->broken = false;
}

bool
ctrl_tree_break(struct ctrl_tree *tree)
{
    struct ctrl_tree_member *member;

    if (tree->broken) {
        return false;
    }
    tree->broken = true;
    LIST_FOR_EACH (member, node, &tree->members) {
        if (member->label) {
            hmap_remove(&member->block->labels->used, &member->label_node);
            member->block->n_used--;
            member->label = 0;
        }
        member->n_neighbours = 0;
    }
    return true;
}

void
ctrl_tree_add(struct ctrl_tree *tree, struct ctrl_tree_member *member)
{
    ctrl_tree_break(tree);
    member->label = 0;
    member->n_neighbours = 0;
    ovs_list_push_back(&tree->members, &member->node);
    tree->n_members++;
}

void
ctrl_tree_remove(struct ctrl_tree *tree, struct ctrl_tree_member *member)
{
    ctrl_tree_break(tree);
    ovs_list_remove(&member->node);
    tree->n_members--;
}

/* By route distinguisher, then router id.  Several clients of one address may
 * have both in common. */
static int
compare_members(const void *a_, const void *b_)
{
    const struct ctrl_tree_member *a = *(struct ctrl_tree_member *const *) a_;
    const struct ctrl_tree_member *b = *(struct ctrl_tree_member *const *) b_;
    int order = memcmp(&a->rd_ip, &b->rd_ip, sizeof a->rd_ip);

    if (!order && a->rd_id != b->rd_id) {
        order = a->rd_id < b->rd_id ? -1 : 1;
    }
    if (!order) {
        order = memcmp(&a->next_hop, &b->next_hop, sizeof a->next_hop);
    }
    return order ? order : strcmp(a->name, b->name);
}

static void
link_members(struct ctrl_tree_member *child, struct ctrl_tree_member *parent)
{
    child->neighbours[child->n_neighbours++] = parent;
    parent->neighbours[parent->n_neighbours++] = child;
}

void
ctrl_tree_build(struct ctrl_tree *tree)
{
    struct ctrl_tree_member **sorted, *member;
    size_t n = 0, n_linked = 0;

    ctrl_tree_break(tree);
    tree->broken = false;
    if (!tree->n_members) {
        return;
    }
    sorted = xmalloc(tree->n_members * sizeof *sorted);
    LIST_FOR_EACH_POP (member, node, &tree->members) {
        sorted[n++] = member;
    }
    qsort(sorted, n, sizeof *sorted, compare_members);

    /* From here on only those with a label are in 'sorted': who has none must
     * not stand between others. */
    for (size_t i = 0; i < n; i++) {
        member = sorted[i];
        ovs_list_push_back(&tree->members, &member->node);
        take_label(member);
        if (member->label) {
            sorted[n_linked] = member;
            if (n_linked) {
                link_members(member,
                             sorted[(n_linked - 1) / CTRL_TREE_DEGREE]);
            }
            n_linked++;
        }
    }
    free(sorted);
}
