/* SPDX-License-Identifier: Apache-2.0 */
/* Linux capabilities of the process. */
#ifndef TSN_PRIVILEGES_H
#define TSN_PRIVILEGES_H 1

/* Gives up every capability but those of 'keep', CAP_* ended by -1 or NULL
 * for none, and the way to get any back.  Threads started from here on do
 * without them; those that run already keep theirs, so there should be none.
 * What cannot be given up is logged. */
void tsn_privileges_drop(const int *keep);

#endif /* tsn/privileges.h */
