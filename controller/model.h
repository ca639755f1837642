/* SPDX-License-Identifier: Apache-2.0 */
/* The object graph that a control node would hold for our configuration
 * (spec/xmpp-protocol.md 4.3, 4.5, 4.6): typed nodes with properties, and
 * links between them.  Built whole from a configuration, then immutable.  One
 * thread. */
#ifndef CONTROLLER_MODEL_H
#define CONTROLLER_MODEL_H 1

#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/hmap.h"
#include "openvswitch/uuid.h"

struct ctrl_config;
struct ctrl_link;
struct ctrl_network;

/* Half a link: what a node sees of it. */
struct ctrl_edge {
    const struct ctrl_link *link;
    struct ctrl_node *other;
};

struct ctrl_node {
    struct hmap_node hmap_node;     /* In struct ctrl_model, by the key. */
    const char *type;               /* Static. */
    char *name;                     /* FQ name. */
    /* XML of the properties at the depth of a <config> stanza, but for
     * id-perms and display-name, which only nodes with a display name have. */
    char *properties;
    struct uuid uuid;
    char *display_name;             /* Or NULL. */

    /* Sorted by link type and name of the other end. */
    struct ctrl_edge *edges;
    size_t n_edges, allocated_edges;
};

/* The ends are in the order in which a control node writes them: child and
 * parent, or referrer and referred to. */
struct ctrl_link {
    const char *type;               /* Static. */
    struct ctrl_node *ends[2];
};

struct ctrl_model {
    struct hmap nodes;
    struct ctrl_link **links;
    size_t n_links, allocated_links;
};

struct ctrl_model *ctrl_model_create(const struct ctrl_config *config);
void ctrl_model_destroy(struct ctrl_model *);           /* NULL is fine. */

struct ctrl_node *ctrl_model_find(const struct ctrl_model *,
                                  const char *type, const char *name);

/* Whether the walk that starts at a virtual router follows links of type
 * 'link' from a node of type 'type' (4.5). */
bool ctrl_model_follows(const char *type, const char *link);

/* Calls 'fn' for every object that the client of the virtual router 'name' (FQ
 * name) is to have, in the order of a control node: a node before its links;
 * one of 'node' and 'link' is NULL.  Nothing for an unknown name. */
typedef void ctrl_walk_fn(const struct ctrl_node *node,
                          const struct ctrl_link *link, void *aux);
void ctrl_model_walk(const struct ctrl_model *, const char *name,
                     ctrl_walk_fn *fn, void *aux);

/* The names of a network's objects; the caller frees them. */
char *ctrl_network_fq_name(const struct ctrl_config *,
                           const struct ctrl_network *);
char *ctrl_network_instance(const struct ctrl_config *,
                            const struct ctrl_network *);

/* A version-5 UUID (RFC 4122 4.3) of an object, so that it survives restarts
 * and is the same on two controllers with the same file. */
void ctrl_object_uuid(const char *type, const char *name, struct uuid *);

#endif /* controller/model.h */
