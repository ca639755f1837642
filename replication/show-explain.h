/* SPDX-License-Identifier: Apache-2.0 */
/* "explain": what becomes of a frame, as people are shown it.  Control
 * thread. */
#ifndef REPL_SHOW_EXPLAIN_H
#define REPL_SHOW_EXPLAIN_H 1

struct repl_show;
struct tsn_ctl;

/* Serves the command.  Borrows 'show' as long as 'ctl' serves. */
void repl_show_explain_register(struct tsn_ctl *ctl, struct repl_show *show);

#endif /* replication/show-explain.h */
