/* SPDX-License-Identifier: Apache-2.0 */
/* The multicast trees that the owner wants to be in (spec/tsn-dataplane.md
 * A.5, A.6): which control node builds them, what it has been told, and the
 * places that it has given us.
 *
 * One control node is the builder: the first that is up, and it stays that
 * until its session is lost.  Only it is told, and only it is listened to.  A
 * place is kept until the next builder gives another one or, by its
 * End-of-RIB, none; without a builder it is kept for as long as it takes. */
#include <config.h>
#include "xmpp/speaker-tree-private.h"

#include <inttypes.h>
#include <stdlib.h>

#include "openvswitch/vlog.h"
#include "tsn/error.h"
#include "tsn/json.h"
#include "tsn/loop.h"
#include "util.h"
#include "xmpp/stanza.h"
#include "xmpp/xml.h"

VLOG_DEFINE_THIS_MODULE(xmpp_tree);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* Ours has five at most, and the one that joins the trees of several control
 * nodes four more; a place with as many as this is none in a tree. */
#define MAX_NEIGHBOURS 64

/* What the builder before has given is forgotten after that, if the new one
 * has sent its End-of-RIB before it became the builder.  Otherwise it is
 * forgotten when that comes, or is taken as seen (restart_check()). */
#define STALE_MS 60000

/* Our place. */

void
tree_note_change(struct xmpp_speaker *sp, struct want_tree *tree)
{
    if (ovs_list_is_empty(&tree->changed_node)) {
        ovs_list_push_back(&sp->trees_changed, &tree->changed_node);
    }
    speaker_defer(sp, 0);
}

void
tree_forget_place(struct xmpp_speaker *sp, struct want_tree *tree)
{
    if (tree->item_id) {
        free(tree->item_id);
        tree->item_id = NULL;
        free(tree->neighbours);
        tree->neighbours = NULL;
        tree->n_neighbours = 0;
        tree->retracted = false;
        tree_set_label(sp, tree, 0);
        tree_note_change(sp, tree);
    }
}

static bool
has_neighbours(const struct want_tree *tree, const struct tunnel_dst *dsts,
               size_t n)
{
    if (tree->n_neighbours != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct tunnel_dst *old = &tree->neighbours[i];

        if (!tsn_ip_equals(&old->ip, &dsts[i].ip)
            || old->label != dsts[i].label || old->encaps != dsts[i].encaps) {
            return false;
        }
    }
    return true;
}

static void
take_place(struct xmpp_speaker *sp, struct want_tree *tree, const char *id,
           const struct xmpp_mcast *route)
{
    bool known = tree->item_id != NULL;

    tree->retracted = false;
    /* Also if it says the same: a retract of the old item is none of this
     * one. */
    if (!known || strcmp(tree->item_id, id)) {
        free(tree->item_id);
        tree->item_id = xstrdup(id);
    }
    if (known && tree->label.label == route->source_label
        && tree->sequence == sp->tree_sequence
        && has_neighbours(tree, route->olist, route->n_olist)) {
        return;
    }
    free(tree->neighbours);
    tree->neighbours = route->n_olist
                       ? xmemdup(route->olist,
                                 route->n_olist * sizeof *route->olist)
                       : NULL;
    tree->n_neighbours = route->n_olist;
    tree->sequence = sp->tree_sequence;
    tree_set_label(sp, tree, route->source_label);
    tree_note_change(sp, tree);
}

/* Leaves those neighbours that nothing can be sent to out of 'route'. */
static void
drop_bad_neighbours(struct peer *peer, struct xmpp_mcast *route)
{
    size_t n = 0;

    for (size_t i = 0; i < route->n_olist; i++) {
        struct tunnel_dst *dst = &route->olist[i];

        /* The tree is MPLS whatever is said, as a last resort over GRE
         * (A.7). */
        dst->encaps &= TSN_ENCAP_MPLS_UDP | TSN_ENCAP_MPLS_GRE;
        if (!dst->encaps) {
            dst->encaps = TSN_ENCAP_MPLS_GRE;
        }
        if (tsn_ip_is_host(&dst->ip) && dst->label
            && dst->label <= TSN_MPLS_LABEL_MAX) {
            route->olist[n++] = *dst;
        }
    }
    if (n < route->n_olist) {
        peer->n_bad_items++;
        route->n_olist = n;
    }
}

/* Reads 'item' into '*route'.  Returns 0; -ENOTSUP for a tree of another
 * group, which is not ours; else like xmpp_mcast_decode(). */
static int
decode_item(const struct peer *peer, const struct want_tree *tree,
            const struct xmpp_node *item, struct xmpp_mcast *route,
            struct tsn_err *err)
{
    const struct xmpp_tree_labels *labels = &tree->told[peer->slot].labels;

    if (!xmpp_node_attr(item, "id")) {
        tsn_err_set(err, NULL, "item without id");
        return -EBADMSG;
    }
    int error = xmpp_mcast_decode(xmpp_node_child(item, "entry"), route, err);
    if (error) {
        return error;
    }
    if (!xmpp_mcast_is_broadcast(route)) {
        xmpp_mcast_fini(route);
        return -ENOTSUP;
    }
    if (route->source_label < labels->first
        || route->source_label > labels->last) {
        tsn_err_set(err, NULL, "label %"PRIu32" is not one of %"PRIu32"-"
                    "%"PRIu32, route->source_label, labels->first,
                    labels->last);
    } else if (route->n_olist > MAX_NEIGHBOURS) {
        tsn_err_set(err, NULL, "%"PRIuSIZE" neighbours", route->n_olist);
    } else {
        return 0;
    }
    xmpp_mcast_fini(route);
    return -EBADMSG;
}

static void
handle_item(struct peer *peer, struct want_tree *tree,
            const struct xmpp_node *item)
{
    struct xmpp_speaker *sp = peer->speaker;
    struct xmpp_mcast route;
    struct tsn_err err;
    int error = decode_item(peer, tree, item, &route, &err);

    if (error == -ENOTSUP) {
        return;
    }
    if (error) {
        peer->n_bad_items++;
        VLOG_WARN_RL(&rl, "skipped a place in a tree session=%s network=%s: "
                     "%s", sp->name, tree->inst->name, tsn_err_format(&err));
        return;
    }
    peer->n_items++;
    drop_bad_neighbours(peer, &route);
    take_place(sp, tree, xmpp_node_attr(item, "id"), &route);
    xmpp_mcast_fini(&route);
}

static void
handle_retract(struct peer *peer, struct want_tree *tree,
               const struct xmpp_node *retract)
{
    struct xmpp_speaker *sp = peer->speaker;
    const char *id = xmpp_node_attr(retract, "id");

    peer->n_retracts++;
    /* Not what another builder has given. */
    if (!id || !tree->item_id || strcmp(id, tree->item_id)
        || tree->sequence != sp->tree_sequence) {
        return;
    }
    if (tree->renew_ms > tsn_now_ms()) {
        tree->retracted = true;
        sp->tree_check_ms = MIN(sp->tree_check_ms, tree->renew_ms);
    } else {
        tree_forget_place(sp, tree);
    }
}

void
tree_event(struct peer *peer, const struct xmpp_stanza *st)
{
    struct xmpp_speaker *sp = peer->speaker;
    const struct want_instance *inst = shash_find_data(&sp->wanted, st->node);
    struct want_tree *tree = inst ? inst->tree : NULL;
    const struct xmpp_node *child;

    if (peer != sp->tree_builder) {
        sp->n_trees_ignored++;
        return;
    }
    /* What was on its way to a membership that has ended. */
    if (!tree || !tree->wanted || !tree->told[peer->slot].joined) {
        return;
    }
    for (child = st->body->children; child; child = child->next) {
        if (!strcmp(child->name, "item")) {
            handle_item(peer, tree, child);
        } else if (!strcmp(child->name, "retract")) {
            handle_retract(peer, tree, child);
        }
    }
}

void
tree_notify(struct xmpp_speaker *sp)
{
    struct ovs_list changed;

    ovs_list_init(&changed);
    ovs_list_splice(&changed, sp->trees_changed.next, &sp->trees_changed);
    while (!ovs_list_is_empty(&changed)) {
        struct want_tree *tree = CONTAINER_OF(ovs_list_pop_front(&changed),
                                              struct want_tree, changed_node);

        ovs_list_init(&tree->changed_node);
        if (sp->ops->tree_changed) {
            char *name = xstrdup(tree->inst->name);

            sp->ops->tree_changed(sp->aux, name);
            free(name);
        }
    }
}

/* The builder. */

static void
elect_builder(struct xmpp_speaker *sp)
{
    struct peer *best = sp->tree_builder ? NULL : speaker_first_up(sp);
    struct shash_node *node;

    if (!best) {
        return;
    }
    sp->tree_builder = best;
    sp->tree_sequence++;
    sp->tree_sweep_ms = best->synced ? tsn_now_ms() + STALE_MS : 0;
    SHASH_FOR_EACH (node, &sp->wanted) {
        struct want_instance *inst = node->data;

        if (inst->tree) {
            want_mark_instance(inst, best);
        }
    }
}

void
tree_peer_up(struct peer *peer)
{
    elect_builder(peer->speaker);
}

void
tree_peer_down(struct peer *peer)
{
    struct xmpp_speaker *sp = peer->speaker;

    if (sp->tree_builder == peer) {
        sp->tree_builder = NULL;
        sp->tree_sweep_ms = 0;
        elect_builder(sp);
    }
}

static void
sweep(struct xmpp_speaker *sp)
{
    struct shash_node *node;
    size_t n = 0;

    sp->tree_sweep_ms = 0;
    SHASH_FOR_EACH (node, &sp->wanted) {
        const struct want_instance *inst = node->data;
        struct want_tree *tree = inst->tree;

        if (tree && tree->item_id && tree->sequence != sp->tree_sequence) {
            tree_forget_place(sp, tree);
            n++;
        }
    }
    if (n) {
        VLOG_INFO("left trees in which the builder gave no place session=%s "
                  "trees=%"PRIuSIZE, sp->name, n);
    }
}

void
tree_thaw(struct xmpp_speaker *sp)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &sp->wanted) {
        const struct want_instance *inst = node->data;

        if (inst->tree) {
            tree_forget_place(sp, inst->tree);
        }
    }
}

void
tree_synced(struct peer *peer)
{
    if (peer->speaker->tree_builder == peer) {
        sweep(peer->speaker);
    }
}

/* What is over at 'now_ms'.  Returns when to look again. */
static uint64_t
check_tree(struct xmpp_speaker *sp, struct want_tree *tree, uint64_t now_ms)
{
    uint64_t next = UINT64_MAX;

    if (tree->retracted) {
        if (now_ms >= tree->renew_ms) {
            tree_forget_place(sp, tree);
        } else {
            next = tree->renew_ms;
        }
    }
    uint64_t labels_ms = tree_check_labels(sp, tree, now_ms);
    return MIN(next, labels_ms);
}

void
tree_check(struct xmpp_speaker *sp, uint64_t now_ms)
{
    struct shash_node *node;

    if (sp->tree_sweep_ms && now_ms >= sp->tree_sweep_ms) {
        sweep(sp);
    }
    if (now_ms < sp->tree_check_ms) {
        return;
    }
    sp->tree_check_ms = UINT64_MAX;
    SHASH_FOR_EACH (node, &sp->wanted) {
        const struct want_instance *inst = node->data;

        if (inst->tree) {
            uint64_t next = check_tree(sp, inst->tree, now_ms);

            sp->tree_check_ms = MIN(sp->tree_check_ms, next);
        }
    }
}

void
tree_init(struct xmpp_speaker *sp)
{
    hmap_init(&sp->tree_labels);
    ovs_list_init(&sp->trees_changed);
    sp->tree_check_ms = UINT64_MAX;
}

void
tree_fini(struct xmpp_speaker *sp)
{
    hmap_destroy(&sp->tree_labels);
}

/* For the owner. */

static void
get_tree(const struct xmpp_speaker *sp, const struct want_tree *tree,
         struct xmpp_tree *out)
{
    *out = (struct xmpp_tree) {
        .label = tree->label.label,
        .neighbours = tree->neighbours,
        .n_neighbours = tree->n_neighbours,
        .sequence = tree->sequence,
        .stale = !sp->tree_builder || tree->sequence != sp->tree_sequence
                 || tree->retracted,
    };
    tree_get_old_labels(tree, out);
}

bool
xmpp_speaker_get_tree(const struct xmpp_speaker *sp, const char *instance,
                      struct xmpp_tree *out)
{
    const struct want_instance *inst = shash_find_data(&sp->wanted, instance);

    if (!inst || !inst->tree || !inst->tree->wanted) {
        return false;
    }
    get_tree(sp, inst->tree, out);
    return true;
}

void
xmpp_speaker_for_each_tree(const struct xmpp_speaker *sp, xmpp_tree_fn *fn,
                           void *aux)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &sp->wanted) {
        const struct want_instance *inst = node->data;

        if (inst->tree && inst->tree->wanted) {
            struct xmpp_tree tree;

            get_tree(sp, inst->tree, &tree);
            fn(inst->name, &tree, aux);
        }
    }
}

void
tree_status(const struct xmpp_speaker *sp, struct tsn_json *json)
{
    if (sp->n_trees) {
        tsn_json_uint(json, "trees", sp->n_trees);
        tsn_json_uint(json, "tree_sequence", sp->tree_sequence);
        tsn_json_uint(json, "trees_ignored", sp->n_trees_ignored);
    }
}
