/* SPDX-License-Identifier: Apache-2.0 */
/* What happened to frames.  One thread counts, any thread may read: each
 * counter is exact, a set of them is not a snapshot. */
#ifndef FWD_COUNTERS_H
#define FWD_COUNTERS_H 1

#include <stdint.h>

#include "replication/forwarder/types.h"

struct fwd_counters {
    uint64_t frames;            /* Received. */
    uint64_t flooded;           /* Frames replicated ... */
    uint64_t unknown_unicast;   /* ... of these, unknown unicast. */
    uint64_t answered;          /* ARP requests answered. */
    uint64_t relayed;
    uint64_t punted;            /* To the services. */
    uint64_t copies;            /* Sent: of flooded frames, but also answers
                                 * and relayed frames. */
    uint64_t kinds[FWD_N_KINDS];        /* Frames from members. */
    uint64_t drops[FWD_N_DROPS];
};

static inline void
fwd_count(uint64_t *counter, uint64_t n)
{
    /* One writer, so no read-modify-write is needed. */
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static inline uint64_t
fwd_counter_read(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* Sets '*sum' to 'a' and 'b' together. */
void fwd_counters_sum(const struct fwd_counters *a,
                      const struct fwd_counters *b, struct fwd_counters *sum);

/* "invalid_vnid".  Also the name of FWD_OK, which is never counted. */
const char *fwd_drop_name(enum fwd_drop);
const char *fwd_kind_name(enum fwd_kind);
const char *fwd_class_name(enum fwd_class);
const char *fwd_encap_name(enum fwd_encap);
const char *fwd_action_name(enum fwd_action);
const char *fwd_punt_name(enum fwd_punt_reason);

#endif /* replication/forwarder/counters.h */
