/* SPDX-License-Identifier: Apache-2.0 */
/* A copy of a <node> element for as long as the graph has the node: one block,
 * with the names of elements shared among all of a graph.  Private to the
 * graph.
 *
 * Left out is what no client looks at and what makes up most of a node:
 * "perms2", "annotations", and of "id-perms" everything but the uuid.  So a
 * node of 20 properties takes about 1.5 KiB, and one re-sent with another time
 * of modification counts as unchanged. */
#ifndef XMPP_GRAPH_PROPS_H
#define XMPP_GRAPH_PROPS_H 1

#include <stdbool.h>
#include <stddef.h>

#include "xmpp/names.h"
#include "xmpp/xml.h"

struct xmpp_props;

struct xmpp_props *xmpp_props_create(struct xmpp_names *,
                                     const struct xmpp_node *node);
void xmpp_props_destroy(struct xmpp_names *, struct xmpp_props *);
/* Both with names of the same pool. */
bool xmpp_props_equals(const struct xmpp_props *, const struct xmpp_props *);
const struct xmpp_node *xmpp_props_root(const struct xmpp_props *);
/* Bytes. */
size_t xmpp_props_size(const struct xmpp_props *);

#endif /* xmpp/graph-props.h */
