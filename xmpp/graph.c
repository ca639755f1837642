/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/graph.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/vlog.h"
#include "util.h"

#include "xmpp/graph-private.h"
#include "xmpp/value.h"
#include "xmpp/xml.h"

VLOG_DEFINE_THIS_MODULE(xmpp_graph);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

struct xmpp_graph *
xmpp_graph_create(void)
{
    struct xmpp_graph *g = xzalloc(sizeof *g);

    xmpp_names_init(&g->names);
    shash_init(&g->types);
    hmap_init(&g->nodes);
    hmap_init(&g->links);
    ovs_list_init(&g->touched);
    return g;
}

void
xmpp_gnode_touch(struct xmpp_graph *g, struct xmpp_gnode *node,
                 uint8_t touched)
{
    if (g->viewer) {
        if (!node->touched) {
            ovs_list_push_back(&g->touched, &node->touched_node);
        }
        node->touched |= touched;
    }
}

static uint32_t
hash_node(const char *type, const char *name)
{
    return hash_string(name, hash_string(type, 0));
}

static struct xmpp_gnode *
find_node(const struct xmpp_graph *g, const char *type, const char *name)
{
    struct xmpp_gnode *node;

    HMAP_FOR_EACH_WITH_HASH (node, hmap_node, hash_node(type, name),
                             &g->nodes) {
        if (!strcmp(node->name, name) && !strcmp(node->type->name, type)) {
            return node;
        }
    }
    return NULL;
}

/* With the name once more, as the key. */
static size_t
type_size(const struct xmpp_gtype *type)
{
    return sizeof *type + strlen(type->name) + 1;
}

static void
type_add(struct xmpp_gtype *type, struct xmpp_gnode *node)
{
    if (type->n == type->allocated) {
        type->nodes = x2nrealloc(type->nodes, &type->allocated,
                                 sizeof *type->nodes);
    }
    /* What comes in order needs no sorting. */
    if (type->n_sorted == type->n
        && (!type->n || (type->nodes[type->n - 1]
                         && strcmp(type->nodes[type->n - 1]->name,
                                   node->name) < 0))) {
        type->n_sorted++;
    }
    node->type = type;
    node->index = type->n;
    type->nodes[type->n++] = node;
}

/* Moves the nodes together, which keeps their order. */
static void
type_compact(struct xmpp_gtype *type)
{
    size_t n = 0, n_sorted = 0;

    for (size_t i = 0; i < type->n; i++) {
        if (type->nodes[i]) {
            n_sorted += i < type->n_sorted;
            type->nodes[i]->index = n;
            type->nodes[n++] = type->nodes[i];
        }
    }
    type->n = n;
    type->n_sorted = n_sorted;
    type->n_holes = 0;
}

static void
type_remove(struct xmpp_graph *g, struct xmpp_gnode *node)
{
    struct xmpp_gtype *type = node->type;

    type->nodes[node->index] = NULL;
    type->n_holes++;
    if (type->n_holes == type->n) {
        g->n_bytes -= type_size(type);
        shash_find_and_delete(&g->types, type->name);
        xmpp_names_put(&g->names, type->name);
        free(type->nodes);
        free(type);
    } else if (type->n_holes > type->n / 2) {
        type_compact(type);
    }
}

static int
compare_nodes(const void *a_, const void *b_)
{
    const struct xmpp_gnode *const *a = a_, *const *b = b_;

    return strcmp((*a)->name, (*b)->name);
}

/* Sorts what came since the last time, and merges it into what is sorted. */
static void
type_sort(struct xmpp_gtype *type)
{
    if (type->n_sorted == type->n) {
        return;
    }
    type_compact(type);

    size_t n_new = type->n - type->n_sorted, i = type->n_sorted, j = n_new;
    struct xmpp_gnode **new = xmemdup(type->nodes + i, n_new * sizeof *new);
    qsort(new, n_new, sizeof *new, compare_nodes);
    for (size_t k = type->n; j > 0; ) {
        struct xmpp_gnode *node
            = i && compare_nodes(&type->nodes[i - 1], &new[j - 1]) > 0
            ? type->nodes[--i] : new[--j];

        type->nodes[--k] = node;
        node->index = k;
    }
    type->n_sorted = type->n;
    free(new);
}

struct xmpp_gnode **
xmpp_gtype_sorted(struct xmpp_graph *g, const char *name, size_t *n)
{
    struct xmpp_gtype *type = shash_find_data(&g->types, name);

    *n = 0;
    if (!type) {
        return NULL;
    }
    type_sort(type);
    *n = type->n;
    return type->nodes;
}

static struct xmpp_gnode *
find_or_add_node(struct xmpp_graph *g, const char *type_name,
                 const char *name)
{
    struct xmpp_gnode *node = find_node(g, type_name, name);

    if (node) {
        return node;
    }

    struct xmpp_gtype *type = shash_find_data(&g->types, type_name);
    if (!type) {
        type = xzalloc(sizeof *type);
        type->name = xmpp_names_get(&g->names, type_name);
        shash_add(&g->types, type_name, type);
        g->n_bytes += type_size(type);
    }
    size_t size = sizeof *node + strlen(name) + 1;
    node = xzalloc(size);
    ovs_list_init(&node->links);
    memcpy(node->name, name, strlen(name) + 1);
    hmap_insert(&g->nodes, &node->hmap_node, hash_node(type_name, name));
    type_add(type, node);
    g->n_bytes += size;
    return node;
}

/* Frees 'node' if nothing is known of it any more. */
static void
forget_node(struct xmpp_graph *g, struct xmpp_gnode *node)
{
    if (node->props || !ovs_list_is_empty(&node->links)) {
        return;
    }

    if (node->object) {
        g->forget(g->viewer, node);
    }
    if (node->touched) {
        ovs_list_remove(&node->touched_node);
    }
    hmap_remove(&g->nodes, &node->hmap_node);
    type_remove(g, node);
    g->n_bytes -= sizeof *node + strlen(node->name) + 1;
    free(node);
}

/* The two ends in either order hash alike. */
static uint32_t
hash_link(const char *type, const struct xmpp_gnode *a,
          const struct xmpp_gnode *b)
{
    return hash_2words(hash_string(type, 0),
                       hash_pointer(a, 0) ^ hash_pointer(b, 0));
}

static struct xmpp_glink *
find_link(const struct xmpp_graph *g, const char *type,
          const struct xmpp_gnode *a, const struct xmpp_gnode *b)
{
    struct xmpp_glink *link;

    HMAP_FOR_EACH_WITH_HASH (link, hmap_node, hash_link(type, a, b),
                             &g->links) {
        const struct xmpp_gnode *x = link->ends[0].node;
        const struct xmpp_gnode *y = link->ends[1].node;

        if (((x == a && y == b) || (x == b && y == a))
            && !strcmp(link->type, type)) {
            return link;
        }
    }
    return NULL;
}

static void
add_link(struct xmpp_graph *g, const char *type, struct xmpp_gnode *nodes[2])
{
    struct xmpp_glink *link = xzalloc(sizeof *link);

    link->type = xmpp_names_get(&g->names, type);
    link->generation = g->generation;
    for (int i = 0; i < 2; i++) {
        link->ends[i].node = nodes[i];
        link->ends[i].link = link;
        ovs_list_push_back(&nodes[i]->links, &link->ends[i].list_node);
        xmpp_gnode_touch(g, nodes[i], XMPP_TOUCHED_LINKS);
    }
    hmap_insert(&g->links, &link->hmap_node,
                hash_link(type, nodes[0], nodes[1]));
    g->n_bytes += sizeof *link;
    link->added_at = ++g->seqno;
}

static void
remove_link(struct xmpp_graph *g, struct xmpp_glink *link)
{
    hmap_remove(&g->links, &link->hmap_node);
    for (int i = 0; i < 2; i++) {
        ovs_list_remove(&link->ends[i].list_node);
        xmpp_gnode_touch(g, link->ends[i].node, XMPP_TOUCHED_LINKS);
        forget_node(g, link->ends[i].node);
    }
    xmpp_names_put(&g->names, link->type);
    free(link);
    g->n_bytes -= sizeof *link;
    g->seqno++;
}

static void
set_props(struct xmpp_graph *g, struct xmpp_gnode *node,
          struct xmpp_props *props)
{
    if (node->props) {
        g->n_bytes -= xmpp_props_size(node->props);
        g->n_known--;
        xmpp_props_destroy(&g->names, node->props);
    }
    node->props = props;
    if (props) {
        g->n_bytes += xmpp_props_size(props);
        g->n_known++;
    }
    node->props_at = ++g->seqno;
    xmpp_gnode_touch(g, node, XMPP_TOUCHED_PROPS);
}

void
xmpp_graph_destroy(struct xmpp_graph *g)
{
    if (g) {
        struct xmpp_gnode *node;
        struct xmpp_glink *link;

        HMAP_FOR_EACH_SAFE (link, hmap_node, &g->links) {
            remove_link(g, link);
        }
        HMAP_FOR_EACH_SAFE (node, hmap_node, &g->nodes) {
            set_props(g, node, NULL);
            forget_node(g, node);
        }
        hmap_destroy(&g->links);
        hmap_destroy(&g->nodes);
        shash_destroy(&g->types);
        xmpp_names_fini(&g->names);
        free(g);
    }
}

/* Gets the key of a <node> element.  Returns false if it has none. */
static bool
get_key(const struct xmpp_node *element, const char **type, const char **name)
{
    *type = xmpp_node_attr(element, "type");
    *name = xmpp_node_text(element, "name");
    return *type && **type && **name;
}

static void
malformed(struct xmpp_graph *g, const char *what)
{
    g->n_malformed++;
    VLOG_WARN_RL(&rl, "skipped a configuration object: %s", what);
}

/* Whether one more object may be kept. */
static bool
has_room(struct xmpp_graph *g)
{
    if (g->n_bytes + g->names.n_bytes >= XMPP_GRAPH_MAX_BYTES) {
        malformed(g, "the configuration is too large");
        return false;
    }
    return true;
}

static size_t
apply_node(struct xmpp_graph *g, const struct xmpp_node *element, bool update)
{
    const char *type, *name;

    if (!get_key(element, &type, &name)) {
        malformed(g, "a node without type or name");
        return 0;
    }
    if (!update) {
        struct xmpp_gnode *node = find_node(g, type, name);

        if (!node || !node->props) {
            return 0;
        }
        set_props(g, node, NULL);
        forget_node(g, node);
        return 1;
    }
    if (!has_room(g)) {
        return 0;
    }

    struct xmpp_gnode *node = find_or_add_node(g, type, name);
    struct xmpp_props *props = xmpp_props_create(&g->names, element);
    node->generation = g->generation;
    if (node->props && xmpp_props_equals(node->props, props)) {
        xmpp_props_destroy(&g->names, props);
        return 0;
    }
    set_props(g, node, props);
    return 1;
}

static size_t
apply_link(struct xmpp_graph *g, const struct xmpp_node *element, bool update)
{
    const struct xmpp_node *ends[2];
    const char *link_type = xmpp_node_attr(
        xmpp_node_child(element, "metadata"), "type");
    const char *type[2], *name[2];

    ends[0] = xmpp_node_child(element, "node");
    ends[1] = xmpp_node_next(ends[0], "node");
    if (!link_type || !*link_type || xmpp_node_next(ends[1], "node")
        || !get_key(ends[0], &type[0], &name[0])
        || !get_key(ends[1], &type[1], &name[1])
        || (!strcmp(type[0], type[1]) && !strcmp(name[0], name[1]))) {
        malformed(g, "a link without type or without two different nodes");
        return 0;
    }

    struct xmpp_gnode *nodes[2];
    if (update && !has_room(g)) {
        return 0;
    }
    for (int i = 0; i < 2; i++) {
        nodes[i] = update ? find_or_add_node(g, type[i], name[i])
                          : find_node(g, type[i], name[i]);
    }
    struct xmpp_glink *link = nodes[0] && nodes[1]
        ? find_link(g, link_type, nodes[0], nodes[1]) : NULL;
    if (update && link) {
        link->generation = g->generation;
        return 0;
    } else if (update) {
        add_link(g, link_type, nodes);
    } else if (link) {
        remove_link(g, link);
    } else {
        return 0;
    }
    return 1;
}

size_t
xmpp_graph_apply(struct xmpp_graph *g, const struct xmpp_node *config)
{
    size_t n_changed = 0;

    for (const struct xmpp_node *block = config ? config->children : NULL;
         block; block = block->next) {
        bool update = !strcmp(block->name, "update");

        if (!update && strcmp(block->name, "delete")) {
            continue;
        }
        for (const struct xmpp_node *object = block->children; object;
             object = object->next) {
            if (!strcmp(object->name, "node")) {
                n_changed += apply_node(g, object, update);
            } else if (!strcmp(object->name, "link")) {
                n_changed += apply_link(g, object, update);
            }
        }
    }
    return n_changed;
}

void
xmpp_graph_mark_stale(struct xmpp_graph *g)
{
    g->generation++;
}

size_t
xmpp_graph_sweep(struct xmpp_graph *g)
{
    struct xmpp_gnode *node;
    struct xmpp_glink *link;
    size_t n = 0;

    /* Links first: the second loop must not free nodes but the one it is
     * at. */
    HMAP_FOR_EACH_SAFE (link, hmap_node, &g->links) {
        if (link->generation != g->generation) {
            remove_link(g, link);
            n++;
        }
    }
    HMAP_FOR_EACH_SAFE (node, hmap_node, &g->nodes) {
        if (node->props && node->generation != g->generation) {
            set_props(g, node, NULL);
            forget_node(g, node);
            n++;
        }
    }
    return n;
}

uint64_t
xmpp_graph_seqno(const struct xmpp_graph *g)
{
    return g->seqno;
}

size_t
xmpp_graph_n_nodes(const struct xmpp_graph *g)
{
    return g->n_known;
}

uint64_t
xmpp_graph_n_malformed(const struct xmpp_graph *g)
{
    return g->n_malformed;
}

const struct xmpp_gnode *
xmpp_graph_find(const struct xmpp_graph *g, const char *type,
                const char *name)
{
    const struct xmpp_gnode *node = find_node(g, type, name);

    return node && node->props ? node : NULL;
}

const char *
xmpp_gnode_type(const struct xmpp_gnode *node)
{
    return node->type->name;
}

const char *
xmpp_gnode_name(const struct xmpp_gnode *node)
{
    return node->name;
}

const struct xmpp_node *
xmpp_gnode_xml(const struct xmpp_gnode *node)
{
    return xmpp_props_root(node->props);
}

bool
xmpp_gnode_uuid(const struct xmpp_gnode *node, char buf[XMPP_UUID_STRLEN])
{
    const struct xmpp_node *uuid = xmpp_node_child(
        xmpp_node_child(xmpp_gnode_xml(node), "id-perms"), "uuid");
    uint64_t ms, ls;

    if (xmpp_value_uint(xmpp_node_text(uuid, "uuid-mslong"), UINT64_MAX, &ms)
        || xmpp_value_uint(xmpp_node_text(uuid, "uuid-lslong"), UINT64_MAX,
                           &ls)
        || (!ms && !ls)) {
        return false;
    }
    snprintf(buf, XMPP_UUID_STRLEN,
             "%08"PRIx32"-%04"PRIx16"-%04"PRIx16"-%04"PRIx16"-%012"PRIx64,
             (uint32_t) (ms >> 32), (uint16_t) (ms >> 16), (uint16_t) ms,
             (uint16_t) (ls >> 48), ls & UINT64_C(0xffffffffffff));
    return true;
}

struct found {
    const struct xmpp_gnode **nodes;
    size_t n, allocated;
};

static void
add_found(struct found *f, const struct xmpp_gnode *node)
{
    if (f->n >= f->allocated) {
        f->nodes = x2nrealloc(f->nodes, &f->allocated, sizeof *f->nodes);
    }
    f->nodes[f->n++] = node;
}

static int
compare_found(const void *a_, const void *b_)
{
    const struct xmpp_gnode *const *a = a_, *const *b = b_;
    int cmp = strcmp((*a)->name, (*b)->name);

    return cmp ? cmp : strcmp((*a)->type->name, (*b)->type->name);
}

static void
call_found(struct found *f, xmpp_gnode_fn *fn, void *aux)
{
    if (f->n > 1) {
        qsort(f->nodes, f->n, sizeof *f->nodes, compare_found);
    }
    for (size_t i = 0; i < f->n; i++) {
        fn(f->nodes[i], aux);
    }
    free(f->nodes);
}

void
xmpp_graph_for_each(const struct xmpp_graph *g, const char *type_name,
                    xmpp_gnode_fn *fn, void *aux)
{
    /* Their order is no part of what the graph says. */
    size_t n;
    struct xmpp_gnode **nodes = xmpp_gtype_sorted(
        CONST_CAST(struct xmpp_graph *, g), type_name, &n);

    for (size_t i = 0; i < n; i++) {
        if (nodes[i] && nodes[i]->props) {
            fn(nodes[i], aux);
        }
    }
}

/* The node at the other end, if the link and it are what is asked for. */
static const struct xmpp_gnode *
match_end(const struct xmpp_glink_end *end, const char *link, const char *type)
{
    const struct xmpp_gnode *other = xmpp_glink_other(end);

    return other->props
           && (end->link->type == link || !strcmp(end->link->type, link))
           && (!type || other->type->name == type
               || !strcmp(other->type->name, type)) ? other : NULL;
}

void
xmpp_gnode_for_each_neighbour(const struct xmpp_gnode *node, const char *link,
                              const char *type, xmpp_gnode_fn *fn, void *aux)
{
    const struct xmpp_glink_end *end;
    struct found f = { .nodes = NULL };

    LIST_FOR_EACH (end, list_node, &node->links) {
        const struct xmpp_gnode *other = match_end(end, link, type);

        if (other) {
            add_found(&f, other);
        }
    }
    call_found(&f, fn, aux);
}

const struct xmpp_gnode *
xmpp_gnode_neighbour(const struct xmpp_gnode *node, const char *link,
                     const char *type)
{
    const struct xmpp_gnode *first = NULL;
    const struct xmpp_glink_end *end;

    LIST_FOR_EACH (end, list_node, &node->links) {
        const struct xmpp_gnode *other = match_end(end, link, type);

        if (other && (!first || compare_found(&other, &first) < 0)) {
            first = other;
        }
    }
    return first;
}
