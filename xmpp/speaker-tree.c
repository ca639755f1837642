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
#include "xmpp/speaker-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "hash.h"
#include "openvswitch/dynamic-string.h"
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

/* A label before the present one is accepted for that long: a builder tells
 * the members of a rebuilt tree one after the other, and one that is slow to
 * read hears of it only when TCP has given up on it (15 s) or has got through,
 * which with a session anew takes another while.  The builder hardly gives the
 * label to another network meanwhile, and if it does, that counts. */
#define OLD_LABEL_MS 30000

/* When we join anew, the builder retracts our place before it gives another;
 * it is a place until then, or for that long.  A builder that is busy with a
 * whole cloud takes seconds. */
#define RENEW_MS 30000

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

static void
note_change(struct xmpp_speaker *sp, struct want_tree *tree)
{
    if (ovs_list_is_empty(&tree->changed_node)) {
        ovs_list_push_back(&sp->trees_changed, &tree->changed_node);
    }
    speaker_defer(sp, 0);
}

/* Labels.  The builder says when one of them moves to another network, but it
 * is with the new network that we may hear of it first: the latest counts. */

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
                note_change(sp, other->tree);
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

static void
set_label(struct xmpp_speaker *sp, struct want_tree *tree, uint32_t label)
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

/* Our place. */

static void
forget_place(struct xmpp_speaker *sp, struct want_tree *tree)
{
    if (tree->item_id) {
        free(tree->item_id);
        tree->item_id = NULL;
        free(tree->neighbours);
        tree->neighbours = NULL;
        tree->n_neighbours = 0;
        tree->retracted = false;
        set_label(sp, tree, 0);
        note_change(sp, tree);
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
    set_label(sp, tree, route->source_label);
    note_change(sp, tree);
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
        forget_place(sp, tree);
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

/* Membership. */

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
    const char *instance = tree->inst->name;
    struct ds entry = DS_EMPTY_INITIALIZER;
    char node_id[XMPP_ID_STRLEN];

    xmpp_mcast_encode_publish(&entry, &route);
    xmpp_put_publish(out, peer->speaker->name, "b", peer->next_id++,
                     xmpp_mcast_node_id(instance, node_id), ds_cstr(&entry),
                     instance, associate);
    ds_destroy(&entry);
    if (associate) {
        peer->n_published++;
    } else {
        peer->n_withdrawn++;
    }
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
        release_label(sp, &tree->label);
        for (size_t i = 0; i < XMPP_TREE_MAX_OLD_LABELS; i++) {
            release_label(sp, &tree->old[i]);
        }
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
        forget_place(sp, tree);
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
            forget_place(sp, tree);
            n++;
        }
    }
    if (n) {
        VLOG_INFO("left trees in which the builder gave no place session=%s "
                  "trees=%"PRIuSIZE, sp->name, n);
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
            forget_place(sp, tree);
        } else {
            next = tree->renew_ms;
        }
    }
    for (size_t i = 0; i < XMPP_TREE_MAX_OLD_LABELS; i++) {
        struct in_label *old = &tree->old[i];

        if (old->label && now_ms >= old->until_ms) {
            release_label(sp, old);
            note_change(sp, tree);
        } else if (old->label) {
            next = MIN(next, old->until_ms);
        }
    }
    return next;
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

static int
compare_old_labels(const void *a_, const void *b_)
{
    const struct in_label *const *a = a_, *const *b = b_;

    return (*a)->until_ms > (*b)->until_ms ? -1
           : (*a)->until_ms < (*b)->until_ms;
}

static void
get_old_labels(const struct want_tree *tree, struct xmpp_tree *out)
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
    get_old_labels(tree, out);
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
