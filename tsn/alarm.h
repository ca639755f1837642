/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator should look into, and since when (spec/tor-agent.md J.28).
 *
 * Level-triggered: from time to time all that is the case is stated between
 * tsn_alarms_begin() and tsn_alarms_end(); what was not stated the time before
 * is raised, what is not stated any more is cleared, and each is logged once.
 * Time is a parameter.  One thread at a time. */
#ifndef TSN_ALARM_H
#define TSN_ALARM_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tsn_alarms;
struct tsn_json;

/* Of one owner and kind.  A switch with a thousand ports that are all missing
 * is one matter, and memory is finite: what is over is counted, and told by
 * one alarm "more-alarms" for each kind.  No kind takes the room of another.
 */
#define TSN_ALARMS_MAX 128

enum tsn_severity {
    TSN_WARNING,                /* Something is not as it should be. */
    TSN_CRITICAL,               /* Servers are, or will be, cut off. */
};

/* 'owner' is the ToR's name, NULL for alarms of the whole process; copied. */
struct tsn_alarms *tsn_alarms_create(const char *owner);
/* Logs nothing: what ends is watched by nobody. */
void tsn_alarms_destroy(struct tsn_alarms *);           /* NULL is fine. */

/* 'now_ms' is tsn_now_ms(), 'wall_ms' the same moment since 1970. */
void tsn_alarms_begin(struct tsn_alarms *, uint64_t now_ms, int64_t wall_ms);

/* It is the case now: 'kind', a constant like "port-missing", about 'object',
 * "port=p1" or "", in words: 'text'.  The alarm is raised as soon as that is
 * so for 'delay_ms'.  The two strings are copied. */
void tsn_alarms_state(struct tsn_alarms *, const char *kind,
                      enum tsn_severity, uint32_t delay_ms,
                      const char *object, const char *text);

void tsn_alarms_end(struct tsn_alarms *);

/* Raised ones; those of a kind that are over are one. */
size_t tsn_alarms_count(const struct tsn_alarms *);
size_t tsn_alarms_count_critical(const struct tsn_alarms *);

/* Writes the raised ones, the oldest first, as elements of the open array:
 * {tor, alarm, severity, since, object, text}.  'since' is when it began. */
void tsn_alarms_show(const struct tsn_alarms *, struct tsn_json *);

#endif /* tsn/alarm.h */
