/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends more than storm control lets through: looks at the forwarder's
 * buckets once a second, logs when somebody begins to and when it is over, and
 * tells who it was since the start.
 *
 * Control thread; the time is passed in. */
#ifndef REPL_STORMS_H
#define REPL_STORMS_H 1

#include <stdint.h>

struct fwd_bucket;
struct repl_networks;
struct repl_storms;
struct tsn_alarms;
struct tsn_config_storm;
struct tsn_json;

/* Borrows all three.  'buckets' NULL: there is no limit, so no storm. */
struct repl_storms *repl_storms_create(const struct fwd_bucket *buckets,
                                       const struct repl_networks *,
                                       const struct tsn_config_storm *);
void repl_storms_destroy(struct repl_storms *);         /* NULL is fine. */

/* Looks at the buckets if that is due.  'now_ms' is of tsn_now_ms(). */
void repl_storms_run(struct repl_storms *, uint64_t now_ms);
/* When to run again; UINT64_MAX: never. */
uint64_t repl_storms_due_ms(const struct repl_storms *);

/* The rows of "show storms": switches, then networks, each by number. */
void repl_storms_show(const struct repl_storms *, struct tsn_json *,
                      uint64_t now_ms);
/* States the alarm "storm" if there are any: one for all of them, as a storm
 * may be of more networks than there are alarms. */
void repl_storms_state_alarm(const struct repl_storms *, struct tsn_alarms *);

#endif /* replication/storms.h */
