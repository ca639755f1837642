/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/graph-props.h"

#include <string.h>

#include "util.h"

/* Elements in the order in which they start, the root first; then the
 * attributes in the same order, then the texts. */
struct xmpp_props {
    size_t size;
    size_t n_nodes;
    struct xmpp_node nodes[];
};

struct measure {
    size_t n_nodes, n_attrs, n_bytes;
};

struct copier {
    struct xmpp_names *pool;
    struct xmpp_node *node;     /* Next free ones. */
    struct xmpp_attr *attr;
    char *bytes;
};

/* Whether we keep the child 'node' of an element at 'depth', 0 for the
 * root. */
static bool
is_kept(const struct xmpp_node *node, int depth)
{
    switch (depth) {
    case 0:
        return strcmp(node->name, "perms2")
               && strcmp(node->name, "annotations");
    case 1:
        return strcmp(node->parent->name, "id-perms")
               || !strcmp(node->name, "uuid");
    default:
        return true;
    }
}

static size_t
text_size(const char *s)
{
    return *s ? strlen(s) + 1 : 0;
}

static void
measure(const struct xmpp_node *node, int depth, struct measure *m)
{
    m->n_nodes++;
    m->n_bytes += text_size(node->text);
    for (const struct xmpp_attr *a = node->attrs; a; a = a->next) {
        m->n_attrs++;
        m->n_bytes += text_size(a->name) + text_size(a->value);
    }
    for (const struct xmpp_node *c = node->children; c; c = c->next) {
        if (is_kept(c, depth)) {
            measure(c, depth + 1, m);
        }
    }
}

static const char *
copy_text(struct copier *c, const char *s)
{
    size_t size = text_size(s);
    char *copy = c->bytes;

    if (!size) {
        return "";
    }
    memcpy(copy, s, size);
    c->bytes += size;
    return copy;
}

static struct xmpp_node *
copy_node(struct copier *c, const struct xmpp_node *src,
          struct xmpp_node *parent, int depth)
{
    struct xmpp_node *dst = c->node++;

    *dst = (struct xmpp_node) {
        .name = xmpp_names_get(c->pool, src->name),
        .text = copy_text(c, src->text),
        .parent = parent,
    };

    struct xmpp_attr **attr_tail = &dst->attrs;
    for (const struct xmpp_attr *a = src->attrs; a; a = a->next) {
        struct xmpp_attr *copy = c->attr++;

        *copy = (struct xmpp_attr) {
            .name = copy_text(c, a->name),
            .value = copy_text(c, a->value),
        };
        *attr_tail = copy;
        attr_tail = &copy->next;
    }

    struct xmpp_node **tail = &dst->children;
    for (const struct xmpp_node *n = src->children; n; n = n->next) {
        if (is_kept(n, depth)) {
            *tail = copy_node(c, n, dst, depth + 1);
            tail = &(*tail)->next;
        }
    }
    return dst;
}

struct xmpp_props *
xmpp_props_create(struct xmpp_names *pool, const struct xmpp_node *node)
{
    struct measure m = { .n_nodes = 0 };

    measure(node, 0, &m);
    size_t size = sizeof(struct xmpp_props)
                  + m.n_nodes * sizeof(struct xmpp_node)
                  + m.n_attrs * sizeof(struct xmpp_attr)
                  + m.n_bytes;
    struct xmpp_props *props = xmalloc(size);
    props->size = size;
    props->n_nodes = m.n_nodes;

    struct xmpp_attr *attrs = (struct xmpp_attr *) (props->nodes + m.n_nodes);
    struct copier c = {
        .pool = pool,
        .node = props->nodes,
        .attr = attrs,
        .bytes = (char *) (attrs + m.n_attrs),
    };
    copy_node(&c, node, NULL, 0);
    return props;
}

void
xmpp_props_destroy(struct xmpp_names *pool, struct xmpp_props *props)
{
    if (props) {
        for (size_t i = 0; i < props->n_nodes; i++) {
            xmpp_names_put(pool, props->nodes[i].name);
        }
        free(props);
    }
}

static bool
attrs_equal(const struct xmpp_attr *a, const struct xmpp_attr *b)
{
    for (; a && b; a = a->next, b = b->next) {
        if (strcmp(a->name, b->name) || strcmp(a->value, b->value)) {
            return false;
        }
    }
    return !a && !b;
}

bool
xmpp_props_equals(const struct xmpp_props *a, const struct xmpp_props *b)
{
    if (a->size != b->size || a->n_nodes != b->n_nodes) {
        return false;
    }
    for (size_t i = 0; i < a->n_nodes; i++) {
        const struct xmpp_node *na = &a->nodes[i], *nb = &b->nodes[i];

        /* Elements stand in the order in which they start, so the same parents
         * make the same tree. */
        if (na->name != nb->name || strcmp(na->text, nb->text)
            || (i && na->parent - a->nodes != nb->parent - b->nodes)
            || !attrs_equal(na->attrs, nb->attrs)) {
            return false;
        }
    }
    return true;
}

const struct xmpp_node *
xmpp_props_root(const struct xmpp_props *props)
{
    return &props->nodes[0];
}

size_t
xmpp_props_size(const struct xmpp_props *props)
{
    return props->size;
}
