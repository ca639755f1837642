/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration graph as a control node sends it over /config
 * (spec/xmpp-protocol.md 4): typed nodes with properties, undirected links.
 * Links may come before their nodes; unknown types are kept, they cost little.
 * Sans-I/O, one thread. */
#ifndef XMPP_GRAPH_H
#define XMPP_GRAPH_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a graph may take, counted roughly.  4 000 networks with 20 000
 * interfaces take some 90 MiB.  A control node that sends more than this is
 * broken, and what is beyond is skipped and counted as malformed. */
#define XMPP_GRAPH_MAX_BYTES (UINT64_C(1) << 30)

struct xmpp_node;
struct xmpp_graph;
struct xmpp_gnode;

struct xmpp_graph *xmpp_graph_create(void);
void xmpp_graph_destroy(struct xmpp_graph *);           /* NULL is fine. */

/* Applies a <config> element: updates and deletes in their order.  What is
 * malformed is skipped and counted.  Returns the number of objects changed. */
size_t xmpp_graph_apply(struct xmpp_graph *, const struct xmpp_node *config);

/* Mark and sweep (2.3): after a new session everything is stale until sent
 * again.  Sweep removes what still is and returns how much. */
void xmpp_graph_mark_stale(struct xmpp_graph *);
size_t xmpp_graph_sweep(struct xmpp_graph *);

/* Grows with every change; equal means nothing changed. */
uint64_t xmpp_graph_seqno(const struct xmpp_graph *);
size_t xmpp_graph_n_nodes(const struct xmpp_graph *);
uint64_t xmpp_graph_n_malformed(const struct xmpp_graph *);

/* Look-ups.  A node without properties (known from a link only) is not found.
 * The result is valid until the next apply or sweep. */
const struct xmpp_gnode *xmpp_graph_find(const struct xmpp_graph *,
                                         const char *type, const char *name);
const char *xmpp_gnode_type(const struct xmpp_gnode *);
const char *xmpp_gnode_name(const struct xmpp_gnode *);
/* The <node> element as sent, properties are its children.  Not kept are
 * perms2, annotations and all of id-perms but the uuid. */
const struct xmpp_node *xmpp_gnode_xml(const struct xmpp_gnode *);
/* uuid of id-perms in canonical text.  Returns false if there is none, or
 * none but zeros. */
#define XMPP_UUID_STRLEN 37
bool xmpp_gnode_uuid(const struct xmpp_gnode *, char buf[XMPP_UUID_STRLEN]);

typedef void xmpp_gnode_fn(const struct xmpp_gnode *, void *aux);

/* Every node of 'type', in name order. */
void xmpp_graph_for_each(const struct xmpp_graph *, const char *type,
                         xmpp_gnode_fn *fn, void *aux);

/* Every neighbour over links whose metadata type is 'link', of node type
 * 'type' (NULL: any), in name order.  Middle nodes of attributed links are
 * neighbours like others: their type is the link's name (4.3). */
void xmpp_gnode_for_each_neighbour(const struct xmpp_gnode *,
                                   const char *link, const char *type,
                                   xmpp_gnode_fn *fn, void *aux);
/* The first such neighbour, or NULL. */
const struct xmpp_gnode *xmpp_gnode_neighbour(const struct xmpp_gnode *,
                                              const char *link,
                                              const char *type);

#endif /* xmpp/graph.h */
