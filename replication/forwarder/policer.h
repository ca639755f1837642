/* SPDX-License-Identifier: Apache-2.0 */
/* Storm control: how many frames may be flooded of a network, and of a switch
 * over all of its networks.  Every engine includes it.
 *
 * A token bucket, kept as one number: the time at which it is full again.  A
 * frame moves that on by one interval, unless it would then be too far ahead;
 * so there is nothing to refill, and a long idle time is nothing special.
 *
 * Buckets are shared by all CPUs, and by the programs and the thread of the
 * socket engine: their limit is one of the host.  No lock: what changes
 * changes by compare-and-swap, and where that fails too often by addition.
 *
 * Plain C without libc, fit for BPF as well; the time is passed in. */
#ifndef FWD_POLICER_H
#define FWD_POLICER_H 1

#include "replication/forwarder/bucket.h"

/* How often to try against other CPUs.  Each time one of them had a frame
 * flooded. */
#define FWD_BUCKET_TRIES 4

/* Defined by whoever includes this file: bucket 'i' of 'buckets'. */
static inline struct fwd_bucket *fwd_bucket_at(void *buckets, __u32 i);

/* Takes a bucket for 'key': 'b', whose owner was 'owner'.  Returns NULL if
 * another CPU was faster, and for somebody else. */
FWD_INLINE struct fwd_bucket *
fwd_claim_bucket(struct fwd_bucket *b, __u64 owner, __u64 key)
{
    __u64 old = __sync_val_compare_and_swap(&b->key, owner, key);

    if (old == owner) {
        b->dropped = 0;
        b->refused = 0;
        return b;
    }
    return old == key ? b : 0;
}

/* Returns NULL if there is none to be had, which is as good as no limit. */
FWD_INLINE struct fwd_bucket *
fwd_find_bucket(void *buckets, __u64 key, __u64 now)
{
    struct fwd_bucket *idle = 0;
    __u64 idle_owner = 0;
    __u32 hash = fwd_hash(key, 0, 0);

    for (int i = 0; i < FWD_BUCKET_PROBES; i++) {
        struct fwd_bucket *b
            = fwd_bucket_at(buckets, (hash + i) & (FWD_N_BUCKETS - 1));
        if (!b) {
            return 0;
        }
        __u64 owner = *(volatile __u64 *) &b->key;
        if (owner == key) {
            return b;
        }
        if (!owner) {
            return fwd_claim_bucket(b, owner, key);
        }
        if (!idle && (__s64) (*(volatile __u64 *) &b->due - now) <= 0) {
            idle = b;
            idle_owner = owner;
        }
    }
    return idle ? fwd_claim_bucket(idle, idle_owner, key) : 0;
}

/* Whether there is no frame left in a bucket that is full at 'due'.  One that
 * is less than zero ahead is full now, and one that is too far ahead is new,
 * as the clock was set back. */
FWD_INLINE _Bool
fwd_bucket_is_empty(__u64 due, const struct fwd_rate *rate, __u64 now)
{
    __u64 ahead = due - now;

    return ahead > rate->slack
           && ahead - rate->slack <= fwd_rate_debt(rate) + FWD_TIME_SKEW;
}

FWD_INLINE void
fwd_bucket_give_back(struct fwd_bucket *b, const struct fwd_rate *rate)
{
    __sync_fetch_and_add(&b->due, -rate->interval);
}

/* Takes a frame out of the bucket.  Returns false if there is none left. */
FWD_INLINE _Bool
fwd_bucket_take(struct fwd_bucket *b, const struct fwd_rate *rate, __u64 now)
{
    __u64 due = *(volatile __u64 *) &b->due;

    for (int i = 0; i < FWD_BUCKET_TRIES; i++) {
        if (fwd_bucket_is_empty(due, rate, now)) {
            return 0;
        }
        __u64 start = due - now > rate->slack ? now : due;
        __u64 old = __sync_val_compare_and_swap(&b->due, due,
                                                start + rate->interval);
        if (old == due) {
            return 1;
        }
        due = old;
    }
    /* An addition loses no race, and tells what there was before it.  Until it
     * is given back others find one frame less, in a bucket that is empty. */
    due = __sync_fetch_and_add(&b->due, rate->interval);
    if (fwd_bucket_is_empty(due, rate, now)) {
        fwd_bucket_give_back(b, rate);
        return 0;
    }
    return 1;
}

/* Whether a frame of a network may be flooded: FWD_OK, or why not.  'tor' is
 * of fwd_tor_key().  Both limits hold, and a frame that one of them stops does
 * not count for the other: a switch that storms in one network has its share
 * in another, and leaves the others' share in that one. */
FWD_INLINE enum fwd_drop
fwd_police(void *buckets, const struct fwd_host *host, __u32 vni, __u64 tor,
           __u64 now)
{
    struct fwd_bucket *t = 0;

    if (tor && host->storm_tor.interval) {
        t = fwd_find_bucket(buckets, tor, now);
        if (t && !fwd_bucket_take(t, &host->storm_tor, now)) {
            __sync_fetch_and_add(&t->dropped, 1);
            return FWD_DROP_STORM_TOR;
        }
    }
    if (!host->storm_network.interval) {
        return FWD_OK;
    }
    struct fwd_bucket *n = fwd_find_bucket(buckets, FWD_BUCKET_NETWORK | vni,
                                           now);
    if (!n || fwd_bucket_take(n, &host->storm_network, now)) {
        return FWD_OK;
    }
    __sync_fetch_and_add(&n->dropped, 1);
    if (t) {
        fwd_bucket_give_back(t, &host->storm_tor);
    } else if (tor) {
        t = fwd_find_bucket(buckets, tor, now);
    }
    if (t) {
        __sync_fetch_and_add(&t->refused, 1);
    }
    return FWD_DROP_STORM_NETWORK;
}

#endif /* replication/forwarder/policer.h */
