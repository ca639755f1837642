/* SPDX-License-Identifier: Apache-2.0 */
/* The tree over which the members of a routing instance flood IP multicast
 * (spec/tsn-dataplane.md A.5).  Each member gets a label out of a block of its
 * own, which tells it the instance of what comes in, and a few neighbours with
 * their labels.  No I/O, one thread. */
#ifndef CONTROLLER_TREE_H
#define CONTROLLER_TREE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/list.h"
#include "tsn/model.h"

struct ctrl_label_block;

/* Children of a member, and with its parent all its neighbours (A.5.1). */
#define CTRL_TREE_DEGREE 4
#define CTRL_TREE_MAX_NEIGHBOURS (CTRL_TREE_DEGREE + 1)

struct ctrl_tree_member {
    /* What the owner fills in; while it is in a tree, only what
     * ctrl_tree_break() has gone before. */
    struct in6_addr rd_ip;      /* Route distinguisher. */
    int64_t rd_id;
    struct in6_addr next_hop;
    const char *name;           /* Orders those that share all else. */
    uint8_t encaps;             /* enum tsn_encap. */
    struct ctrl_label_block *block;

    struct ovs_list node;       /* In 'members'. */
    uint32_t label;             /* 0: left out, or the tree is broken. */
    struct ovs_list starved_node;   /* Of its block while left out, or
                                     * self-linked. */
    struct ctrl_tree_member *neighbours[CTRL_TREE_MAX_NEIGHBOURS];
    size_t n_neighbours;        /* The parent first. */
};

struct ctrl_tree {
    struct ovs_list members;    /* struct ctrl_tree_member. */
    size_t n_members;
    bool broken;                /* Changed since it was built. */
};

void ctrl_tree_init(struct ctrl_tree *);

/* Adds a member, or takes it out, and breaks the tree. */
void ctrl_tree_add(struct ctrl_tree *, struct ctrl_tree_member *);
void ctrl_tree_remove(struct ctrl_tree *, struct ctrl_tree_member *);

/* Drops all links and labels.  Returns whether there was anything to drop. */
bool ctrl_tree_break(struct ctrl_tree *);

/* Gives labels and links anew, and orders 'members' the way it goes by.  Those
 * whose block is exhausted stay without a label, and out of the tree. */
void ctrl_tree_build(struct ctrl_tree *);

#endif /* controller/tree.h */
