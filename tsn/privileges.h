/* SPDX-License-Identifier: Apache-2.0 */
/* Linux capabilities of the process. */
#ifndef TSN_PRIVILEGES_H
#define TSN_PRIVILEGES_H 1

/* Gives up every capability but those of 'keep', CAP_* ended by -1 or NULL
 * for none, and the way to get any back.  Threads started from here on do
 * without them; those that run already keep theirs, so there should be none.
 * What cannot be given up is logged. */
void tsn_privileges_drop(const int *keep);

/* The same, and keeps those of 'idle', which have no effect but between
 * tsn_privileges_raise() and tsn_privileges_lower().  One that is missing is
 * not logged: who raises it finds out. */
void tsn_privileges_drop_but(const int *keep, const int *idle);

/* Puts a capability into effect, for this thread.  Returns 0, also if it is in
 * effect anyway; or -EPERM if the process does not have it. */
int tsn_privileges_raise(int capability);

/* Ends what tsn_privileges_raise() has put into effect, if it did. */
void tsn_privileges_lower(int capability);

#endif /* tsn/privileges.h */
