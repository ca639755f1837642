/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/tree.h"

#include <stdlib.h>
#include <string.h>

#include "controller/labels.h"
#include "util.h"

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
            ctrl_label_put(member->block->labels, member->label);
            member->label = 0;
        }
        ctrl_label_unstarve(member->block, &member->starved_node);
        member->n_neighbours = 0;
    }
    return true;
}

void
ctrl_tree_add(struct ctrl_tree *tree, struct ctrl_tree_member *member)
{
    ctrl_tree_break(tree);
    member->label = 0;
    ovs_list_init(&member->starved_node);
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
        member->label = ctrl_label_take(member->block);
        if (!member->label) {
            ctrl_label_starve(member->block, &member->starved_node);
        } else {
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
