/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket of the embedded controller answers.  Main thread. */
#ifndef CONTROLLER_SHOW_H
#define CONTROLLER_SHOW_H 1

struct ctrl_core;
struct tsn_ctl;

/* Registers "status", "show networks", "show routes", "show trees" and "show
 * config".  'core' must live as long as 'ctl' is served, and its clients' aux
 * be their struct xmpp_session. */
void ctrl_show_register(struct tsn_ctl *ctl, struct ctrl_core *core);

#endif /* controller/show.h */
