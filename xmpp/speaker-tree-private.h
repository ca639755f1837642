/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the multicast trees share: places and builder
 * (speaker-tree.c), labels (speaker-tree-label.c), what is wanted and has been
 * told (speaker-tree-join.c). */
#ifndef XMPP_SPEAKER_TREE_PRIVATE_H
#define XMPP_SPEAKER_TREE_PRIVATE_H 1

#include "xmpp/speaker-private.h"

/* A label that stands for a network, in the speaker's 'tree_labels' unless it
 * is 0. */
struct in_label {
    struct hmap_node node;
    struct want_tree *tree;
    uint32_t label;
    uint64_t until_ms;          /* Of one before the present one. */
};

/* What a control node was told. */
struct membership {
    bool joined;
    struct in6_addr next_hop;
    struct xmpp_tree_labels labels;
};

struct want_tree {
    struct want_instance *inst;
    bool wanted;
    struct xmpp_tree_offer offer;
    struct membership told[MAX_PEERS];

    /* Our place, as far as we know it. */
    char *item_id;              /* NULL: not at all. */
    struct in_label label;
    struct in_label old[XMPP_TREE_MAX_OLD_LABELS];
    struct tunnel_dst *neighbours;
    size_t n_neighbours;
    uint64_t sequence;          /* Of the builder that gave it. */
    uint64_t renew_ms;          /* Joined anew: a retract before that is of the
                                 * membership before; 0: not. */
    bool retracted;             /* And such has come. */
    struct ovs_list changed_node;   /* In 'trees_changed', or self-linked. */
};

/* The owner is to be told. */
void tree_note_change(struct xmpp_speaker *, struct want_tree *);
/* We have no place any more. */
void tree_forget_place(struct xmpp_speaker *, struct want_tree *);

/* speaker-tree-label.c */
/* 'label', or 0, is that of the place; the one until now is one of those
 * before. */
void tree_set_label(struct xmpp_speaker *, struct want_tree *,
                    uint32_t label);
void tree_release_labels(struct xmpp_speaker *, struct want_tree *);
/* Gives up old ones whose time is over.  Returns when the next one's is. */
uint64_t tree_check_labels(struct xmpp_speaker *, struct want_tree *,
                           uint64_t now_ms);
void tree_get_old_labels(const struct want_tree *, struct xmpp_tree *);

#endif /* xmpp/speaker-tree-private.h */
