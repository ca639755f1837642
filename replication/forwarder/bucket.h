/* SPDX-License-Identifier: Apache-2.0 */
/* The token buckets of storm control, as memory: what takes frames out of them
 * is policer.h.  Plain C without libc, fit for BPF as well. */
#ifndef FWD_BUCKET_H
#define FWD_BUCKET_H 1

#include "replication/forwarder/types.h"

struct fwd_bucket {
    __u64 key;                  /* Whose it is, see below; 0: nobody's. */
    __u64 due;                  /* When it is full. */
    __u64 dropped;              /* Frames beyond its limit. */
    __u64 refused;              /* Of a switch: frames beyond a network's. */
    __u64 pad[4];               /* Each has a cache line. */
};

/* Buckets are found by open addressing.  One is made by the first frame of who
 * has none: networks that we serve and their switches, of which there are far
 * fewer.  It stays; only where no bucket is free one that is full, so as good
 * as new, is given to another. */
#define FWD_N_BUCKETS (1 << 15)
#define FWD_BUCKET_PROBES 8

#define FWD_BUCKET_NETWORK (1ULL << 32) /* Or-ed to a VNI ... */
#define FWD_BUCKET_TOR (2ULL << 32)     /* ... or to an IPv4 address in host
                                         * order, as all switches have. */

/* Times are in sixteenths of a nanosecond, so that an interval is exact enough
 * for any rate.  They may wrap around, and do after 36 years. */
#define FWD_TIME_SHIFT 4
/* By how much the clocks of two CPUs differ at most: one second. */
#define FWD_TIME_SKEW (1000000000ULL << FWD_TIME_SHIFT)
/* More than any time between two events. */
#define FWD_TIME_MAX (1ULL << 62)

/* A frame each 'interval', and 'burst' of them at once; 1 at least. */
FWD_INLINE struct fwd_rate
fwd_rate_of_interval(__u64 interval, __u64 burst)
{
    struct fwd_rate rate;

    rate.interval = interval < FWD_TIME_MAX / 4 ? interval : FWD_TIME_MAX / 4;
    rate.slack = burst - 1 < FWD_TIME_MAX / (rate.interval ? rate.interval : 1)
                 ? (burst - 1) * rate.interval : FWD_TIME_MAX;
    return rate;
}

/* How far behind an empty bucket may be: by a frame for each CPU, of which
 * there may be a thousand, that takes one before it knows that there is none.
 * Not exact where an interval takes days. */
FWD_INLINE __u64
fwd_rate_debt(const struct fwd_rate *rate)
{
    return rate->interval < FWD_TIME_MAX >> 12 ? rate->interval << 10
                                               : FWD_TIME_MAX >> 1;
}

/* 'n' frames per second, and 'burst' at once; 'n' 0: no limit. */
FWD_INLINE struct fwd_rate
fwd_rate_per_second(__u32 n, __u32 burst)
{
    __u64 second = 1000000000ULL << FWD_TIME_SHIFT;

    return fwd_rate_of_interval(n ? second / n : 0, burst ? burst : 1);
}

FWD_INLINE _Bool
fwd_is_policed(const struct fwd_host *host)
{
    return host->storm_network.interval || host->storm_tor.interval;
}

/* The key of the bucket of a frame's source; 0: it is no switch. */
FWD_INLINE __u64
fwd_tor_key(const struct fwd_verdict *v, const struct fwd_ip *source)
{
    return v->class == FWD_TOR ? FWD_BUCKET_TOR | fwd_get32(&source->b[12])
                               : 0;
}

#endif /* replication/forwarder/bucket.h */
