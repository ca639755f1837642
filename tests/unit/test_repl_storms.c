/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of storms, with buckets and a clock of our own. */
#include <config.h>
#include "replication/storms.h"

#include "repl_rig.h"
#include "replication/forwarder/bucket.h"
#include "tests/unit/ip.h"
#include "tsn/alarm.h"
#include "tsn/config.h"
#include "tsn/json.h"

#define T1 (FWD_BUCKET_TOR | 0x0a000101)        /* 10.0.1.1 */
#define BLUE (FWD_BUCKET_NETWORK | 100)
#define GONE (FWD_BUCKET_NETWORK | 999)

struct storms_rig {
    void *networks;             /* The rig. */
    struct fwd_bucket *buckets;
    struct tsn_config_storm config;
    struct repl_storms *rs;
    struct tsn_alarms *alarms;
    uint64_t now_ms;
};

static int
setup(void **state)
{
    struct storms_rig *rig = xzalloc(sizeof *rig);
    static struct xmpp_network blue;    /* Stays as long as the view. */

    blue = net("blue", 1, 100);
    rig_setup(&rig->networks);
    set_view(rig->networks, &blue, 1);
    rig->buckets = xcalloc(FWD_N_BUCKETS, sizeof *rig->buckets);
    rig->config = (struct tsn_config_storm) { .network = 300, .tor = 100 };
    rig->rs = repl_storms_create(rig->buckets,
                                 ((struct rig *) rig->networks)->rn,
                                 &rig->config);
    rig->alarms = tsn_alarms_create(NULL);
    rig->now_ms = 1000;
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct storms_rig *rig = *state;

    tsn_alarms_destroy(rig->alarms);
    repl_storms_destroy(rig->rs);
    rig_teardown(&rig->networks);
    free(rig->buckets);
    free(rig);
    return 0;
}

static void
advance(struct storms_rig *rig, unsigned int seconds)
{
    for (unsigned int i = 0; i < seconds; i++) {
        rig->now_ms += 1000;
        repl_storms_run(rig->rs, rig->now_ms);
    }
}

/* What is shown: the rows; and what the alarm says, NULL if there is none. */
static void
assert_shown(struct storms_rig *rig, const char *rows, const char *alarm)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct tsn_json json;

    tsn_json_init(&json, &ds);
    tsn_json_array_begin(&json, NULL);
    repl_storms_show(rig->rs, &json, rig->now_ms);
    tsn_json_array_end(&json);
    assert_string_equal(ds_cstr(&ds), rows);

    ds_clear(&ds);
    tsn_alarms_begin(rig->alarms, rig->now_ms, 0);
    repl_storms_state_alarm(rig->rs, rig->alarms);
    tsn_alarms_end(rig->alarms);
    assert_int_equal(tsn_alarms_count(rig->alarms), alarm != NULL);
    tsn_json_init(&json, &ds);
    tsn_json_array_begin(&json, NULL);
    tsn_alarms_show(rig->alarms, &json);
    tsn_json_array_end(&json);
    if (alarm && (!strstr(ds_cstr(&ds), "\"alarm\":\"storm\"")
                  || !strstr(ds_cstr(&ds), alarm))) {
        fail_msg("no %s in %s", alarm, ds_cstr(&ds));
    }
    ds_destroy(&ds);
}

#define ALARM(TORS, NETWORKS) \
    "\"object\":null,\"text\":\"more comes than is flooded from " #TORS \
    " switches and in " #NETWORKS " networks; see "

static void
storms__nobody_exceeds__nothing(void **state)
{
    struct storms_rig *rig = *state;

    rig->buckets[7] = (struct fwd_bucket) { .key = T1 };
    advance(rig, 3);
    assert_shown(rig, "[]", NULL);
}

static void
storms__switch_exceeds__told_until_it_is_over(void **state)
{
    struct storms_rig *rig = *state;

    rig->buckets[7] = (struct fwd_bucket) { .key = T1, .dropped = 40 };
    advance(rig, 1);
    rig->buckets[7].dropped = 50;
    advance(rig, 3);
    assert_shown(rig, "[{\"of\":\"tor\",\"name\":\"10.0.1.1\",\"limit\":100,"
                 "\"state\":\"storm\",\"dropped\":50,"
                 "\"dropped_by_network\":0,\"last_s\":2}]",
                 ALARM(1, 0));
    advance(rig, 7);
    assert_shown(rig, "[{\"of\":\"tor\",\"name\":\"10.0.1.1\",\"limit\":100,"
                 "\"state\":\"storm\",\"dropped\":50,"
                 "\"dropped_by_network\":0,\"last_s\":9}]",
                 ALARM(1, 0));
    advance(rig, 1);
    assert_shown(rig, "[{\"of\":\"tor\",\"name\":\"10.0.1.1\",\"limit\":100,"
                 "\"state\":\"over\",\"dropped\":50,"
                 "\"dropped_by_network\":0,\"last_s\":10}]",
                 NULL);
    rig->buckets[7].dropped = 51;
    advance(rig, 1);
    assert_shown(rig, "[{\"of\":\"tor\",\"name\":\"10.0.1.1\",\"limit\":100,"
                 "\"state\":\"storm\",\"dropped\":51,"
                 "\"dropped_by_network\":0,\"last_s\":0}]",
                 ALARM(1, 0));
}

/* Who sends what a network does not take is told, but is no storm itself. */
static void
storms__network_exceeds__with_its_switches(void **state)
{
    struct storms_rig *rig = *state;

    rig->buckets[3] = (struct fwd_bucket) { .key = GONE, .dropped = 1 };
    rig->buckets[5] = (struct fwd_bucket) { .key = BLUE, .dropped = 5 };
    rig->buckets[7] = (struct fwd_bucket) { .key = T1, .refused = 4 };
    rig->config.tor = 0;
    advance(rig, 1);
    assert_shown(rig, "[{\"of\":\"tor\",\"name\":\"10.0.1.1\","
                 "\"state\":\"within its limit\",\"dropped\":0,"
                 "\"dropped_by_network\":4},"
                 "{\"of\":\"network\",\"name\":\"blue\",\"limit\":300,"
                 "\"state\":\"storm\",\"dropped\":5,\"last_s\":0},"
                 "{\"of\":\"network\",\"name\":\"VNI 999\",\"limit\":300,"
                 "\"state\":\"storm\",\"dropped\":1,\"last_s\":0}]",
                 ALARM(0, 2));
}

/* Another one had the bucket meanwhile. */
static void
storms__bucket_given_away__sums_go_on(void **state)
{
    struct storms_rig *rig = *state;

    rig->buckets[7] = (struct fwd_bucket) { .key = T1, .dropped = 40 };
    advance(rig, 1);
    rig->buckets[7] = (struct fwd_bucket) { .key = BLUE, .dropped = 0 };
    advance(rig, 1);
    rig->buckets[9] = (struct fwd_bucket) { .key = T1, .dropped = 3 };
    advance(rig, 1);
    assert_shown(rig, "[{\"of\":\"tor\",\"name\":\"10.0.1.1\",\"limit\":100,"
                 "\"state\":\"storm\",\"dropped\":43,"
                 "\"dropped_by_network\":0,\"last_s\":0}]",
                 ALARM(1, 0));
}

static void
storms__no_limits__never_due(void **state)
{
    struct storms_rig *rig = *state;
    struct repl_storms *rs = repl_storms_create(NULL, NULL, &rig->config);

    assert_true(repl_storms_due_ms(rs) == UINT64_MAX);
    repl_storms_run(rs, 1000);
    assert_int_equal(repl_storms_due_ms(rig->rs), 0);
    repl_storms_run(rig->rs, 1000);
    assert_int_equal(repl_storms_due_ms(rig->rs), 2000);
    repl_storms_destroy(rs);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(storms__nobody_exceeds__nothing),
        TEST(storms__switch_exceeds__told_until_it_is_over),
        TEST(storms__network_exceeds__with_its_switches),
        TEST(storms__bucket_given_away__sums_go_on),
        TEST(storms__no_limits__never_due),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
