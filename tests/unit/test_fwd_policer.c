/* SPDX-License-Identifier: Apache-2.0 */
/* Storm control with a clock of our own: every number here is exact. */
#include <config.h>

#include <stdbool.h>
#include <stdint.h>

/* Other CPUs, who do something between a look at a bucket and the attempt to
 * change it: so that one is lost. */
static void (*others)(uint64_t *due);

static inline uint64_t
compare_and_swap(void *p_, uint64_t old, uint64_t new)
{
    uint64_t *p = p_;

    if (others) {
        others(p);
    }
    __atomic_compare_exchange_n(p, &old, new, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    return old;
}

#define __sync_val_compare_and_swap compare_and_swap
#include "replication/forwarder/policer.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "util.h"

#define TICKS(NS) ((uint64_t) (NS) << FWD_TIME_SHIFT)
#define SECOND TICKS(1000000000)
#define HOUR (3600 * SECOND)
/* Some time after the start of the host. */
#define NOW (12345 * SECOND)

#define BLUE 100
#define GREEN 200
#define T1 (FWD_BUCKET_TOR | 0x0a000101)
#define T2 (FWD_BUCKET_TOR | 0x0a000102)

static inline struct fwd_bucket *
fwd_bucket_at(void *buckets, uint32_t i)
{
    return (struct fwd_bucket *) buckets + i;
}

/* How many frames of 'n' at one time get through. */
static unsigned int
take(struct fwd_bucket *b, const struct fwd_rate *rate, uint64_t now,
     unsigned int n)
{
    unsigned int taken = 0;

    for (unsigned int i = 0; i < n; i++) {
        taken += fwd_bucket_take(b, rate, now);
    }
    return taken;
}

static void
bucket__new__burst_at_once(void **state OVS_UNUSED)
{
    static const uint32_t bursts[] = { 1, 2, 10, 1000 };

    for (size_t i = 0; i < ARRAY_SIZE(bursts); i++) {
        struct fwd_rate rate = fwd_rate_per_second(100, bursts[i]);
        struct fwd_bucket b = { .due = 0 };

        assert_int_equal(take(&b, &rate, NOW, bursts[i] + 50), bursts[i]);
        assert_int_equal(take(&b, &rate, NOW + SECOND / 100 - 1, 50), 0);
        assert_int_equal(take(&b, &rate, NOW + SECOND / 100, 50), 1);
    }
}

/* However often frames come, as many get through as there is time for. */
static void
bucket__storm__rate_and_burst(void **state OVS_UNUSED)
{
    static const uint32_t rates[] = { 1, 7, 1000, 99999, 10000000 };

    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        struct fwd_rate rate = fwd_rate_per_second(rates[i], 5);
        struct fwd_bucket b = { .due = 0 };
        /* Three frames for each that may pass, over 10 000 of them. */
        uint64_t step = rate.interval / 3;
        unsigned int taken = 0;

        for (unsigned int j = 0; j < 30000; j++) {
            taken += fwd_bucket_take(&b, &rate, NOW + j * step);
        }
        assert_in_range(taken, 30000 * step / rate.interval + 5 - 1,
                        30000 * step / rate.interval + 5);
    }
}

static void
bucket__frames_at_their_rate__all(void **state OVS_UNUSED)
{
    struct fwd_rate rate = fwd_rate_per_second(1000, 1);
    struct fwd_bucket b = { .due = 0 };

    for (unsigned int i = 0; i < 10000; i++) {
        assert_true(fwd_bucket_take(&b, &rate, NOW + i * (SECOND / 1000)));
    }
}

/* The interval of an odd rate is not a whole number: what is lost is less than
 * a frame of 1 000. */
static void
rate__any__as_exact_as_can_be(void **state OVS_UNUSED)
{
    static const uint32_t rates[] = { 1, 3, 1000003, 1488095, 10000000 };

    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        struct fwd_rate rate = fwd_rate_per_second(rates[i], 1);
        uint64_t n = SECOND / rate.interval;

        assert_in_range(n, rates[i], rates[i] + rates[i] / 1000);
    }
    assert_int_equal(fwd_rate_per_second(0, 100).interval, 0);
}

static void
bucket__long_idle__full_and_no_more(void **state OVS_UNUSED)
{
    struct fwd_rate rate = fwd_rate_per_second(1000, 20);
    struct fwd_bucket b = { .due = 0 };

    assert_int_equal(take(&b, &rate, NOW, 100), 20);
    assert_int_equal(take(&b, &rate, NOW + 10 * 365 * 24 * HOUR, 100), 20);
    assert_int_equal(take(&b, &rate, NOW + 30 * 365 * 24 * HOUR, 100), 20);
    assert_int_equal(take(&b, &rate, NOW + 60 * 365 * 24 * HOUR, 100), 20);
}

static void
rate__extreme__saturates(void **state OVS_UNUSED)
{
    uint64_t end = UINT64_MAX - 100;
    struct fwd_rate never = fwd_rate_of_interval(UINT64_MAX, UINT64_MAX);
    struct fwd_rate slow = fwd_rate_of_interval(HOUR, UINT32_MAX);
    struct fwd_rate fast = fwd_rate_per_second(UINT32_MAX, UINT32_MAX);
    struct fwd_bucket b = { .due = 0 };

    assert_int_equal(take(&b, &never, NOW, 100), 5);
    b.due = end;
    assert_int_equal(take(&b, &never, end, 100), 5);
    b.due = end;
    assert_int_equal(take(&b, &slow, end, 1000), 1000);
    b.due = end;
    assert_int_equal(take(&b, &fast, end, 1000), 1000);
}

/* Another CPU's clock is somewhat behind, or ahead. */
static void
bucket__clock_skew__neither_more_nor_stuck(void **state OVS_UNUSED)
{
    struct fwd_rate rate = fwd_rate_per_second(1000, 10);
    struct fwd_bucket b = { .due = 0 };

    assert_int_equal(take(&b, &rate, NOW, 4), 4);
    assert_int_equal(take(&b, &rate, NOW - TICKS(1000), 100), 5);
    assert_int_equal(take(&b, &rate, NOW, 100), 1);
    assert_int_equal(take(&b, &rate, NOW - SECOND, 100), 0);
    assert_int_equal(take(&b, &rate, NOW + SECOND / 1000, 100), 1);
}

static void
bucket__clock_set_back__starts_anew(void **state OVS_UNUSED)
{
    struct fwd_rate rate = fwd_rate_per_second(1000, 10);
    struct fwd_bucket b = { .due = 0 };

    assert_int_equal(take(&b, &rate, NOW, 100), 10);
    assert_int_equal(take(&b, &rate, NOW - HOUR, 100), 10);
    assert_int_equal(take(&b, &rate, NOW - HOUR, 100), 0);
}

/* A frame per second, or 100 at once. */
#define BURST 100
static struct fwd_rate per_second;
static unsigned int n_of_others;

/* Another CPU takes a frame, if there is one. */
static void
take_one(uint64_t *due)
{
    if ((int64_t) (*due - NOW) < 0) {
        *due = NOW;
    }
    if (*due - NOW <= per_second.slack) {
        *due += per_second.interval;
        n_of_others++;
    }
}

static void
bucket__every_race_lost__takes_what_there_is(void **state OVS_UNUSED)
{
    struct fwd_bucket b = { .due = 0 };

    per_second = fwd_rate_per_second(1, BURST);
    n_of_others = 0;
    others = take_one;
    unsigned int taken = take(&b, &per_second, NOW, 2 * BURST);
    others = NULL;
    assert_in_range(taken, BURST / (FWD_BUCKET_TRIES + 1), BURST);
    assert_int_equal(taken + n_of_others, BURST);
    /* All of them count. */
    assert_int_equal(b.due, NOW + BURST * per_second.interval);
    assert_int_equal(take(&b, &per_second, NOW + SECOND, 10), 1);
}

/* Others take one each time, and in the end all there is. */
static void
take_the_rest(uint64_t *due)
{
    take_one(due);
    if (n_of_others % FWD_BUCKET_TRIES == 0) {
        *due = NOW + BURST * per_second.interval;
    }
}

static void
bucket__empty_after_lost_races__none(void **state OVS_UNUSED)
{
    struct fwd_bucket b = { .due = 0 };

    per_second = fwd_rate_per_second(1, BURST);
    n_of_others = 0;
    others = take_the_rest;
    unsigned int taken = take(&b, &per_second, NOW, 1);
    others = NULL;
    assert_int_equal(taken, 0);
    assert_int_equal(b.due, NOW + BURST * per_second.interval);
}

/* All CPUs of a big host at once have taken what they are about to give back:
 * no clock was set back. */
static void
bucket__taken_by_many_at_once__is_not_new(void **state OVS_UNUSED)
{
    static const uint32_t rates[] = { 1, 1000, 10000000 };

    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        struct fwd_rate rate = fwd_rate_per_second(rates[i], 5);
        struct fwd_bucket b = { .due = NOW + (5 + 1000) * rate.interval };

        assert_int_equal(take(&b, &rate, NOW, 10), 0);
    }
}

static struct fwd_bucket *
make_buckets(void)
{
    return xcalloc(FWD_N_BUCKETS, sizeof(struct fwd_bucket));
}

/* How many of 'n' frames are flooded. */
static unsigned int
storm(struct fwd_bucket *buckets, const struct fwd_host *host, uint32_t vni,
      uint64_t tor, unsigned int n)
{
    unsigned int flooded = 0;

    for (unsigned int i = 0; i < n; i++) {
        flooded += !fwd_police(buckets, host, vni, tor, NOW);
    }
    return flooded;
}

static void
police__no_limit__all_and_no_bucket(void **state OVS_UNUSED)
{
    struct fwd_bucket *buckets = make_buckets();
    const struct fwd_host host = { .mtu = 0 };

    assert_false(fwd_is_policed(&host));
    assert_int_equal(storm(buckets, &host, BLUE, T1, 1000), 1000);
    for (int i = 0; i < FWD_N_BUCKETS; i++) {
        assert_int_equal(buckets[i].key, 0);
    }
    free(buckets);
}

static void
police__storm_of_a_switch__others_unharmed(void **state OVS_UNUSED)
{
    struct fwd_bucket *buckets = make_buckets();
    const struct fwd_host host = {
        .storm_network = fwd_rate_of_interval(HOUR, 100),
        .storm_tor = fwd_rate_of_interval(HOUR, 30),
    };

    assert_int_equal(storm(buckets, &host, BLUE, T1, 1000), 30);
    assert_int_equal(fwd_police(buckets, &host, BLUE, T1, NOW),
                     FWD_DROP_STORM_TOR);
    /* It is one limit for all networks of the switch. */
    assert_int_equal(storm(buckets, &host, GREEN, T1, 10), 0);
    assert_int_equal(storm(buckets, &host, BLUE, T2, 1000), 30);
    /* Who is no switch has the network's limit, which only what was flooded
     * counts for. */
    assert_int_equal(storm(buckets, &host, BLUE, 0, 1000), 40);
    assert_int_equal(fwd_police(buckets, &host, BLUE, 0, NOW),
                     FWD_DROP_STORM_NETWORK);

    const struct fwd_bucket *b = fwd_find_bucket(buckets, T1, NOW);
    assert_int_equal(b->dropped, 970 + 1 + 10);
    assert_int_equal(b->refused, 0);
    b = fwd_find_bucket(buckets, FWD_BUCKET_NETWORK | BLUE, NOW);
    assert_int_equal(b->dropped, 960 + 1);
    free(buckets);
}

/* The switch keeps what the network did not take. */
static void
police__network_full__no_charge_for_the_switch(void **state OVS_UNUSED)
{
    struct fwd_bucket *buckets = make_buckets();
    struct fwd_host host = {
        .storm_network = fwd_rate_of_interval(HOUR, 10),
        .storm_tor = fwd_rate_of_interval(HOUR, 30),
    };

    assert_int_equal(storm(buckets, &host, BLUE, T1, 1000), 10);
    assert_int_equal(fwd_police(buckets, &host, BLUE, T1, NOW),
                     FWD_DROP_STORM_NETWORK);
    assert_int_equal(storm(buckets, &host, GREEN, T1, 1000), 10);
    assert_int_equal(fwd_find_bucket(buckets, T1, NOW)->dropped, 0);
    assert_int_equal(fwd_find_bucket(buckets, T1, NOW)->refused,
                     990 + 1 + 990);

    /* Whose frames they were is known also without a limit for switches. */
    host.storm_tor.interval = 0;
    assert_int_equal(storm(buckets, &host, BLUE, T2, 5), 0);
    assert_int_equal(fwd_find_bucket(buckets, T2, NOW)->refused, 5);
    free(buckets);
}

/* As many as there will ever be, and then more than there is room for. */
static void
buckets__many__each_its_own_until_full(void **state OVS_UNUSED)
{
    struct fwd_bucket *buckets = make_buckets();
    const struct fwd_host host = {
        .storm_network = fwd_rate_of_interval(HOUR, 2),
    };

    for (uint32_t vni = 1; vni <= 4096; vni++) {
        assert_int_equal(storm(buckets, &host, vni, 0, 5), 2);
    }
    for (uint32_t vni = 1; vni <= 4096; vni++) {
        assert_int_equal(fwd_find_bucket(buckets, FWD_BUCKET_NETWORK | vni,
                                         NOW)->dropped, 3);
    }
    for (uint32_t vni = 4097; vni <= 200000; vni++) {
        fwd_police(buckets, &host, vni, 0, NOW);
    }
    assert_int_equal(storm(buckets, &host, 1, 0, 5), 0);

    /* All are full after two hours, so whoever comes gets one of them. */
    for (uint32_t vni = 300001; vni <= 302000; vni++) {
        const struct fwd_bucket *b
            = fwd_find_bucket(buckets, FWD_BUCKET_NETWORK | vni,
                              NOW + 2 * HOUR);

        assert_non_null(b);
        assert_int_equal(b->key, FWD_BUCKET_NETWORK | vni);
        assert_int_equal(b->dropped, 0);
    }
    free(buckets);
}

#define N_THREADS 4
#define N_FRAMES 200000
#define N_FLOODED 600000

struct racer {
    pthread_t thread;
    pthread_barrier_t *barrier;
    struct fwd_bucket *buckets;
    const struct fwd_host *host;
    unsigned int flooded;
};

static void *
race(void *racer_)
{
    struct racer *r = racer_;

    pthread_barrier_wait(r->barrier);
    r->flooded = storm(r->buckets, r->host, BLUE, T1, N_FRAMES);
    return NULL;
}

static void
police__several_threads__one_limit(void **state OVS_UNUSED)
{
    struct fwd_bucket *buckets = make_buckets();
    const struct fwd_host host = {
        .storm_tor = fwd_rate_of_interval(SECOND, N_FLOODED),
    };
    struct racer racers[N_THREADS];
    pthread_barrier_t barrier;
    unsigned int flooded = 0;

    pthread_barrier_init(&barrier, NULL, N_THREADS);
    for (int i = 0; i < N_THREADS; i++) {
        racers[i] = (struct racer) {
            .barrier = &barrier, .buckets = buckets, .host = &host,
        };
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race,
                                        &racers[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        pthread_join(racers[i].thread, NULL);
        flooded += racers[i].flooded;
    }
    pthread_barrier_destroy(&barrier);
    assert_int_equal(flooded, N_FLOODED);
    assert_int_equal(fwd_find_bucket(buckets, T1, NOW)->dropped,
                     N_THREADS * N_FRAMES - N_FLOODED);
    free(buckets);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bucket__new__burst_at_once),
        cmocka_unit_test(bucket__storm__rate_and_burst),
        cmocka_unit_test(bucket__frames_at_their_rate__all),
        cmocka_unit_test(rate__any__as_exact_as_can_be),
        cmocka_unit_test(bucket__long_idle__full_and_no_more),
        cmocka_unit_test(rate__extreme__saturates),
        cmocka_unit_test(bucket__clock_skew__neither_more_nor_stuck),
        cmocka_unit_test(bucket__clock_set_back__starts_anew),
        cmocka_unit_test(bucket__every_race_lost__takes_what_there_is),
        cmocka_unit_test(bucket__empty_after_lost_races__none),
        cmocka_unit_test(bucket__taken_by_many_at_once__is_not_new),
        cmocka_unit_test(police__no_limit__all_and_no_bucket),
        cmocka_unit_test(police__storm_of_a_switch__others_unharmed),
        cmocka_unit_test(police__network_full__no_charge_for_the_switch),
        cmocka_unit_test(buckets__many__each_its_own_until_full),
        cmocka_unit_test(police__several_threads__one_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
