/* SPDX-License-Identifier: Apache-2.0 */
/* Where the switches are that sessions do not talk to directly, but through
 * the acceptor: an operator looks for that, and not for the private socket in
 * between.  No I/O, any thread. */
#ifndef TOR_AGENT_REMOTES_H
#define TOR_AGENT_REMOTES_H 1

struct tsn_config;

/* For each such ToR of the configuration: from where its switch is connected,
 * and with which certificate, or where it is awaited and how it would be
 * known.  'status' is the object that ovc_acceptor_show() writes; one that is
 * none has no sessions.  Returns one block, for free(). */
char *tor_remotes_make(const struct tsn_config *, const char *status);

/* Of the ToR of that name; NULL: it is not one of them. */
const char *tor_remotes_find(const char *remotes, const char *tor);

#endif /* tor-agent/remotes.h */
