/* SPDX-License-Identifier: Apache-2.0 */
/* When a client tries a control node again, and when another one
 * (spec/xmpp-protocol.md 1.9).  No clock, no I/O. */
#ifndef XMPP_BACKOFF_H
#define XMPP_BACKOFF_H 1

#include <stdbool.h>
#include <stdint.h>

/* After a good session at once, then doubling seconds.  The reference goes up
 * to 30 s; with 8 s, as an OVSDB client waits, a control node that comes back
 * is used within 10 s however long it was away. */
#define XMPP_BACKOFF_FIRST_MS 50
#define XMPP_BACKOFF_MAX_MS 8000

/* A session that lived that long was a good one: the next failure is the first
 * again.  The reference counts three keepalives, and takes each line end
 * between stanzas for one; this is the time of one.  A control node that is
 * not ready, or refuses what we send, closes well before, again and again. */
#define XMPP_GOOD_SESSION_MS 30000

/* Failures in a row after which the next control node is tried. */
#define XMPP_MAX_ATTEMPTS 4

struct xmpp_backoff {
    unsigned int attempts;      /* Failed in a row at this control node. */
};

/* An attempt or a session is over; 'up_ms' is how long it was open, 0 if it
 * never was.  Returns true when another control node should be tried. */
bool xmpp_backoff_failed(struct xmpp_backoff *, uint64_t up_ms);

/* There was another one: it gets attempts of its own, the first soon, but not
 * at once, as all clients of the old one come. */
void xmpp_backoff_rotated(struct xmpp_backoff *);

/* How long to wait now.  'random' is any number: a tenth more or less, so that
 * not all sessions come back at once. */
uint64_t xmpp_backoff_delay_ms(const struct xmpp_backoff *, uint32_t random);

#endif /* xmpp/backoff.h */
