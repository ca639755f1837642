/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of one client, as it was sent: brings the client from
 * there to what a model says (spec/xmpp-protocol.md 4.2-4.4).  No I/O, one
 * thread. */
#ifndef CONTROLLER_PUSH_H
#define CONTROLLER_PUSH_H 1

#include <stdbool.h>
#include <stddef.h>

struct ctrl_model;
struct ctrl_push;
struct ds;

/* Objects of a stanza: a node counts one, a link two.  A control node ends a
 * stanza once it holds as many. */
#define CTRL_PUSH_MAX_OBJECTS 16

/* 'name' is the FQ name of the client's virtual router; nothing is sent
 * yet. */
struct ctrl_push *ctrl_push_create(const char *name);
void ctrl_push_destroy(struct ctrl_push *);             /* NULL is fine. */

/* From now on the client is to have what 'model' says.  Borrows 'model' until
 * the next ctrl_push_start() or the end. */
void ctrl_push_start(struct ctrl_push *, const struct ctrl_model *model);

/* Does a bounded part of the way there, and appends the stanza for it to
 * 'out'.  Deletes come first (links before nodes), so that nothing exists
 * twice, then updates (nodes before their links).  Returns the number of nodes
 * and links in the stanza; 0, and there is none, if the client has them
 * already. */
size_t ctrl_push_next(struct ctrl_push *, struct ds *out);

const char *ctrl_push_name(const struct ctrl_push *);
bool ctrl_push_is_done(const struct ctrl_push *);
/* Nodes and links that the client has. */
size_t ctrl_push_n_objects(const struct ctrl_push *);

#endif /* controller/push.h */
