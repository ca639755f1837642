/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of one client, as it was sent: brings the client from
 * there to what a model says (spec/xmpp-protocol.md 4.2-4.4).  No I/O, one
 * thread. */
#ifndef CONTROLLER_PUSH_H
#define CONTROLLER_PUSH_H 1

#include <stddef.h>

struct ctrl_model;
struct ctrl_push;

/* Objects of a stanza: a node counts one, a link two.  A control node ends a
 * stanza once it holds as many. */
#define CTRL_PUSH_MAX_OBJECTS 16

/* One complete stanza. */
typedef void ctrl_push_send_fn(void *aux, const char *data, size_t size);

/* 'name' is the FQ name of the client's virtual router; nothing is sent
 * yet. */
struct ctrl_push *ctrl_push_create(const char *name);
void ctrl_push_destroy(struct ctrl_push *);             /* NULL is fine. */

/* Sends what differs: deletes first (links before nodes), so that nothing
 * exists twice, then updates (nodes before their links).  Returns the number
 * of nodes and links sent. */
size_t ctrl_push_update(struct ctrl_push *, const struct ctrl_model *,
                        ctrl_push_send_fn *send, void *aux);

const char *ctrl_push_name(const struct ctrl_push *);
size_t ctrl_push_n_objects(const struct ctrl_push *);

#endif /* controller/push.h */
