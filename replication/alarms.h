/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator of the replicator should look into.  Control thread. */
#ifndef REPL_ALARMS_H
#define REPL_ALARMS_H 1

#include <stdint.h>

struct fwd;
struct repl_networks;
struct repl_storms;
struct tsn_alarms;

/* How often to look. */
#define REPL_ALARMS_MS 1000

/* What to look at; all borrowed. */
struct repl_alarms_of {
    const struct repl_networks *networks;
    const struct repl_storms *storms;   /* Or NULL. */
    const struct fwd *fwd;              /* Or NULL. */
};

/* States, at 'now_ms' and 'wall_ms' as of tsn_alarms_begin(), all that is the
 * case now; what was and is no more is cleared. */
void repl_alarms_check(struct tsn_alarms *, const struct repl_alarms_of *,
                       uint64_t now_ms, int64_t wall_ms);

#endif /* replication/alarms.h */
