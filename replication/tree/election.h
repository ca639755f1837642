/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several service nodes without forwarding serves
 * (spec/tsn-dataplane.md A.8): of those that are configured, and are alive,
 * the one with the lowest address, as a number.  Alive are we, and those whose
 * address the control nodes tell us.  Control thread. */
#ifndef REPL_ELECTION_H
#define REPL_ELECTION_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xmpp_speaker;

struct repl_election {
    struct xmpp_speaker *speaker;
    const struct in6_addr *self;
    const struct in6_addr *tsns;        /* In rising order. */
    size_t n_tsns;
    const struct in6_addr *elected;     /* One of them, or NULL. */
};

/* Announces us, with a label that is ours.  Borrows all arguments. */
void repl_election_init(struct repl_election *, struct xmpp_speaker *,
                        const struct in6_addr *self,
                        const struct in6_addr *tsns, size_t n_tsns,
                        uint32_t label);

/* Looks who is alive.  Returns whether it is us who serves.  Nobody is elected
 * before a control node has told all that there is, or two would serve;
 * without any, those that were alive last still are. */
bool repl_election_run(struct repl_election *);

#endif /* replication/tree/election.h */
