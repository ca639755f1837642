/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a graph, for those who walk it often (the views).  Names of
 * types and links are of the graph's pool: equal ones are the same pointer. */
#ifndef XMPP_GRAPH_PRIVATE_H
#define XMPP_GRAPH_PRIVATE_H 1

#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/shash.h"

#include "xmpp/graph-props.h"
#include "xmpp/graph.h"

struct view_object;
struct xmpp_viewer;

/* All nodes of a type. */
struct xmpp_gtype {
    const char *name;           /* Of the name pool. */
    /* In name order up to 'n_sorted', but for NULLs where nodes were. */
    struct xmpp_gnode **nodes;
    size_t n, allocated, n_sorted, n_holes;
};

/* When the parts were last changed that something was made of, and how many
 * they are.  What was changed or added since has a later time, what was
 * removed is missing: equal means that nothing happened. */
struct xmpp_stamp {
    uint64_t at;                /* xmpp_graph_seqno(). */
    size_t n;
};

#define XMPP_TOUCHED_PROPS 1        /* The properties. */
#define XMPP_TOUCHED_LINKS 2        /* A link came or went. */

/* Known by its properties, by links that wait for it, or both. */
struct xmpp_gnode {
    struct hmap_node hmap_node; /* In xmpp_graph's 'nodes'. */
    struct xmpp_gtype *type;
    size_t index;               /* In the type's 'nodes'. */
    struct xmpp_props *props;   /* NULL: known from links only. */
    struct ovs_list links;      /* struct xmpp_glink_end's 'list_node'. */
    uint64_t generation;        /* In which it was last sent. */
    uint64_t props_at;          /* Last change of 'props'. */

    /* For the viewer, which clears them: what has changed. */
    struct ovs_list touched_node;   /* In xmpp_graph's 'touched'. */
    uint8_t touched;                /* XMPP_TOUCHED_* bits. */

    /* Of the viewer, see view-private.h. */
    bool dirty;
    struct ovs_list dirty_node;
    struct view_object *object;
    struct xmpp_stamp stamp;
    const struct xmpp_gnode *parent;
    uint64_t mark;

    char name[];
};

struct xmpp_glink;

struct xmpp_glink_end {
    struct ovs_list list_node;  /* In the 'links' of the node at this end. */
    struct xmpp_gnode *node;
    struct xmpp_glink *link;
};

struct xmpp_glink {
    struct hmap_node hmap_node; /* In xmpp_graph's 'links'. */
    struct xmpp_glink_end ends[2];
    const char *type;           /* Of the name pool. */
    uint64_t generation;
    uint64_t added_at;
};

struct xmpp_graph {
    struct xmpp_names names;
    struct shash types;         /* struct xmpp_gtype. */
    struct hmap nodes, links;
    size_t n_known;             /* Nodes with properties. */
    size_t n_bytes;             /* See XMPP_GRAPH_MAX_BYTES. */
    uint64_t generation;        /* Older than this is stale. */
    uint64_t seqno;
    uint64_t n_malformed;

    struct xmpp_viewer *viewer; /* Or NULL. */
    struct ovs_list touched;    /* struct xmpp_gnode, if there is a viewer. */
    /* Of the viewer: a node goes that has an object. */
    void (*forget)(struct xmpp_viewer *, struct xmpp_gnode *);
};

static inline struct xmpp_gnode *
xmpp_glink_other(const struct xmpp_glink_end *end)
{
    return end->link->ends[end == &end->link->ends[0]].node;
}

/* Notes that something about the node has changed, for the viewer. */
void xmpp_gnode_touch(struct xmpp_graph *, struct xmpp_gnode *,
                      uint8_t touched);

/* All nodes of the type with properties are among the '*n' that it returns, in
 * name order; there may be NULLs and such without properties.  Valid until the
 * next change. */
struct xmpp_gnode **xmpp_gtype_sorted(struct xmpp_graph *, const char *type,
                                      size_t *n);

#endif /* xmpp/graph-private.h */
