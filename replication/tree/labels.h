/* SPDX-License-Identifier: Apache-2.0 */
/* The MPLS labels that are ours to give (spec/tsn-dataplane.md A.5.3): which
 * of them each control node gets to give for its trees, and those that we give
 * ourselves, to networks whose broadcasts others send us by MPLS.
 *
 * A label says which network a frame is of, so none is given to two, and one
 * that was put back is the last to be given again: what is still on its way
 * with it must not end in another network.  No I/O; control thread. */
#ifndef REPL_LABELS_H
#define REPL_LABELS_H 1

#include <stddef.h>
#include <stdint.h>

#include "xmpp/speaker.h"

struct repl_labels {
    /* Ranges that do not overlap; both ends 0: none. */
    struct xmpp_tree_labels trees[XMPP_SPEAKER_SLOTS];
    struct xmpp_tree_labels evpn;

    unsigned long *used;        /* Of 'evpn'. */
    size_t n_used;
    size_t next;                /* Where to look first. */
};

/* Shares out the labels 'first'..'last': an eighth is for EVPN, but at least
 * one, and each slot gets half of the rest.  Too few for that, or none (both
 * 0), are none at all. */
void repl_labels_init(struct repl_labels *, uint32_t first, uint32_t last);
void repl_labels_fini(struct repl_labels *);

/* How many there are in a range. */
size_t repl_labels_count(const struct xmpp_tree_labels *);

/* A label of 'evpn', to be put back; 0 if all are in use. */
uint32_t repl_labels_take(struct repl_labels *);
void repl_labels_put(struct repl_labels *, uint32_t label);     /* 0 is
                                                                 * fine. */

#endif /* replication/tree/labels.h */
