/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several routes to one MAC is to be used: the same for the rows of a
 * switch and for what a TSN forwards.
 *
 * Fresh before stale: what a control node that is gone said last is better
 * than nothing, but not than what another one says now, whatever numbers it
 * had.  Then the one that moved last (RFC 7432 sections 7.7 and 15), then the
 * preferred: so a copy that another agent keeps of what is behind its partner,
 * of sequence 0 and preference 1, loses against the original and against a
 * host that has the MAC (spec/tor-agent.md D.4, E.2).  Equal ones are the
 * caller's to choose from.
 *
 * No I/O, any thread. */
#ifndef XMPP_MERIT_H
#define XMPP_MERIT_H 1

#include <stdbool.h>
#include <stdint.h>

struct xmpp_evpn;

struct xmpp_merit {
    bool stale;
    uint32_t sequence, local_pref;
};

struct xmpp_merit xmpp_merit_of(const struct xmpp_evpn *, bool stale);

/* As strcmp(): positive if the first is the better one, 0 if they are equal,
 * negative if it is the worse. */
int xmpp_merit_compare(const struct xmpp_merit *, const struct xmpp_merit *);

#endif /* xmpp/merit.h */
