/* SPDX-License-Identifier: Apache-2.0 */
/* The multicast trees that the owner wants to be in, and what the builder has
 * been told of it (spec/tsn-dataplane.md A.3.1, P1). */
#include <config.h>
#include "xmpp/speaker-tree-private.h"

#include <errno.h>
#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "tsn/loop.h"
#include "util.h"
#include "xmpp/stanza.h"

/* When we join anew, the builder retracts our place before it gives another;
 * it is a place until then, or for that long.  A builder that is busy with a
 * whole cloud takes seconds. */
#define RENEW_MS 30000

/* What 'peer' is to know. */
static struct membership
wanted_membership(const struct peer *peer, const struct want_tree *tree)
{
    const struct want_instance *inst = tree->inst;
    const struct xmpp_tree_labels *labels = &tree->offer.labels[peer->slot];

    if (!tree->wanted || !labels->first
        || peer != peer->speaker->tree_builder
        || !inst->subscribed[peer->slot] || inst->ending[peer->slot]) {
        return (struct membership) { .joined = false };
    }
    return (struct membership) {
        .joined = true, .next_hop = tree->offer.next_hop, .labels = *labels,
    };
}

static bool
same_membership(const struct membership *a, const struct membership *b)
{
    return a->joined == b->joined
           && (!a->joined || (tsn_ip_equals(&a->next_hop, &b->next_hop)
                              && a->labels.first == b->labels.first
                              && a->labels.last == b->labels.last));
}

static void
put_membership(struct peer *peer, const struct want_tree *tree,
               const struct membership *m, bool associate, struct ds *out)
{
    const struct xmpp_mcast route = {
        .next_hop = m->next_hop,
        .label_first = m->labels.first,
        .label_last = m->labels.last,
    };
    struct ds entry = DS_EMPTY_INITIALIZER;
    char node_id[XMPP_ID_STRLEN];

    xmpp_mcast_encode_publish(&entry, &route);
    want_put_publish(peer, tree->inst, "b",
                     xmpp_mcast_node_id(tree->inst->name, node_id),
                     ds_cstr(&entry), associate, out);
    ds_destroy(&entry);
}

static bool
is_told(const struct want_tree *tree)
{
    for (int i = 0; i < MAX_PEERS; i++) {
        if (tree->told[i].joined) {
            return true;
        }
    }
    return false;
}

void
tree_free(struct xmpp_speaker *sp, struct want_instance *inst)
{
    struct want_tree *tree = inst->tree;

    if (tree) {
        tree_release_labels(sp, tree);
        ovs_list_remove(&tree->changed_node);
        free(tree->neighbours);
        free(tree->item_id);
        free(tree);
        inst->tree = NULL;
        sp->n_trees--;
    }
}

static void
maybe_free(struct xmpp_speaker *sp, struct want_tree *tree)
{
    if (!tree->wanted && !is_told(tree)) {
        tree_free(sp, tree->inst);
    }
}

bool
tree_flush(struct peer *peer, struct want_instance *inst, int *budget,
           struct ds *out)
{
    struct want_tree *tree = inst->tree;

    if (!tree) {
        return true;
    }
    struct membership wanted = wanted_membership(peer, tree);
    struct membership *told = &tree->told[peer->slot];
    if (same_membership(&wanted, told)) {
        return true;
    }
    if (*budget <= 0) {
        return false;
    }
    /* Also before another offer: the builder must not take it for two
     * (A.3.1). */
    if (told->joined) {
        --*budget;
        put_membership(peer, tree, told, false, out);
    }
    if (wanted.joined) {
        --*budget;
        put_membership(peer, tree, &wanted, true, out);
        tree->renew_ms = tree->item_id
                         && tree->sequence == peer->speaker->tree_sequence
                         ? tsn_now_ms() + RENEW_MS : 0;
    }
    *told = wanted;
    maybe_free(peer->speaker, tree);
    return true;
}

void
tree_forget_told(struct peer *peer, struct want_instance *inst)
{
    if (inst->tree) {
        inst->tree->told[peer->slot].joined = false;
        maybe_free(peer->speaker, inst->tree);
    }
}

void
tree_unsubscribed(struct xmpp_speaker *sp, struct want_instance *inst)
{
    struct want_tree *tree = inst->tree;

    if (tree) {
        tree->wanted = false;
        tree_forget_place(sp, tree);
        maybe_free(sp, tree);
    }
}

static bool
is_valid_offer(const struct xmpp_tree_offer *offer)
{
    const struct xmpp_tree_labels *a = &offer->labels[0];
    const struct xmpp_tree_labels *b = &offer->labels[1];

    BUILD_ASSERT_DECL(XMPP_SPEAKER_SLOTS == 2);
    for (int i = 0; i < XMPP_SPEAKER_SLOTS; i++) {
        const struct xmpp_tree_labels *labels = &offer->labels[i];

        if (labels->first > labels->last || (labels->last && !labels->first)
            || labels->last > TSN_MPLS_LABEL_MAX) {
            return false;
        }
    }
    return tsn_ip_is_v4(&offer->next_hop) && tsn_ip_is_host(&offer->next_hop)
           && (!a->first || !b->first || a->last < b->first
               || b->last < a->first);
}

int
xmpp_speaker_join_tree(struct xmpp_speaker *sp, const char *instance,
                       const struct xmpp_tree_offer *offer)
{
    struct want_instance *inst = shash_find_data(&sp->wanted, instance);

    if (!inst || !inst->wanted) {
        return -ENOENT;
    }
    if (!is_valid_offer(offer)) {
        return -EINVAL;
    }
    struct want_tree *tree = inst->tree;
    if (!tree) {
        tree = inst->tree = xzalloc(sizeof *tree);
        tree->inst = inst;
        tree->label.tree = tree;
        for (size_t i = 0; i < XMPP_TREE_MAX_OLD_LABELS; i++) {
            tree->old[i].tree = tree;
        }
        ovs_list_init(&tree->changed_node);
        sp->n_trees++;
    }
    tree->wanted = true;
    tree->offer = *offer;
    if (sp->tree_builder) {
        want_mark_instance(inst, sp->tree_builder);
    }
    return 0;
}

void
xmpp_speaker_leave_tree(struct xmpp_speaker *sp, const char *instance)
{
    struct want_instance *inst = shash_find_data(&sp->wanted, instance);
    struct want_tree *tree = inst ? inst->tree : NULL;

    if (!tree || !tree->wanted) {
        return;
    }
    /* The place stays until the builder knows: joined again before, it would
     * not be told anew. */
    tree->wanted = false;
    if (sp->tree_builder) {
        want_mark_instance(inst, sp->tree_builder);
    }
    maybe_free(sp, tree);
}
