/* SPDX-License-Identifier: Apache-2.0 */
/* How a network floods, as people are shown it.  Control thread. */
#ifndef REPL_SHOW_FLOOD_H
#define REPL_SHOW_FLOOD_H 1

struct fwd;
struct repl_network;
struct tsn_json;
struct xmpp_speaker;

/* Writes into the object that is open what the forwarder has of 'network',
 * which is served and built: our place in the multicast tree, the labels that
 * frames come in by, and the members by class, with how 'fwd' reaches them
 * unless it is NULL or does not know. */
void repl_show_flood_set(struct tsn_json *, const struct repl_network *,
                         const struct xmpp_speaker *, const struct fwd *);

/* In a word: whether we are in the tree of 'network'. */
const char *repl_show_tree_state(const struct repl_network *,
                                 const struct xmpp_speaker *);

#endif /* replication/show-flood.h */
