/* SPDX-License-Identifier: Apache-2.0 */
/* What the halves of the fleet share: who is where (fleet.c), and asking them
 * (fleet-ask.c). */
#ifndef TOR_AGENT_FLEET_PRIVATE_H
#define TOR_AGENT_FLEET_PRIVATE_H 1

#include <stdint.h>

#include "openvswitch/list.h"
#include "openvswitch/shash.h"
#include "tor-agent/fleet.h"
#include "tsn/loop.h"

/* A ToR's place in the fleet.  Main thread, unless said otherwise. */
struct member {
    char *name;                 /* Any thread: never changes. */
    struct worker *worker;
    unsigned int n_refs;        /* The fleet's, and those of questions. */
    size_t rank;                /* Answers are sorted by it. */

    /* The worker's thread. */
    struct ovs_list node;       /* In worker's 'tors', while 'tor'. */
    struct tor *tor;
};

struct worker {
    size_t index;
    struct tsn_loop *loop;      /* NULL: not started yet. */
    size_t n_members;           /* Main thread. */

    /* The worker's thread. */
    struct ovs_list tors;       /* struct member. */
    struct tsn_loop_hook watch; /* For alarms. */
    uint64_t watch_ms;
    struct tsn_loop_hook leaving;   /* Added when it is to stop. */
    uint64_t leave_by_ms;
};

struct tor_fleet {
    struct tsn_loop *main;
    struct worker *workers;
    size_t n_workers;
    struct shash members;       /* struct member, by name. */
    size_t next_rank;
};

void tor_fleet_member_unref(struct member *);

#endif /* tor-agent/fleet-private.h */
