/* SPDX-License-Identifier: Apache-2.0 */
/* Alarms in simulated time. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "tsn/alarm.h"
#include "tsn/json.h"
#include "util.h"

#define DELAY_MS 60000
#define WALL_MS 1700000000000

struct rig {
    struct tsn_alarms *set;
    uint64_t now_ms;
};

static int
setup(void **state)
{
    struct rig *rig = xzalloc(sizeof *rig);

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    rig->set = tsn_alarms_create("tor1");
    rig->now_ms = 5000;
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    tsn_alarms_destroy(rig->set);
    free(rig);
    return 0;
}

static void
begin(struct rig *rig, uint64_t later_ms)
{
    rig->now_ms += later_ms;
    tsn_alarms_begin(rig->set, rig->now_ms, WALL_MS + rig->now_ms);
}

/* One look, 'later_ms' after the last, at which 'object' is missing. */
static void
look(struct rig *rig, uint64_t later_ms, const char *object)
{
    begin(rig, later_ms);
    if (object) {
        tsn_alarms_state(rig->set, "port-missing", TSN_WARNING, DELAY_MS,
                         object, "the switch has no such port");
    }
    tsn_alarms_end(rig->set);
}

static void
assert_shown(const struct rig *rig, const char *expected)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    struct tsn_json json;

    tsn_json_init(&json, &text);
    tsn_json_array_begin(&json, NULL);
    tsn_alarms_show(rig->set, &json);
    tsn_json_array_end(&json);
    assert_string_equal(ds_cstr(&text), expected);
    ds_destroy(&text);
}

static void
alarm__stated_for_the_delay__is_raised(void **state)
{
    struct rig *rig = *state;

    look(rig, 0, "port=p1");
    look(rig, DELAY_MS - 1, "port=p1");
    assert_int_equal(tsn_alarms_count(rig->set), 0);
    assert_shown(rig, "[]");
    look(rig, 1, "port=p1");
    assert_int_equal(tsn_alarms_count(rig->set), 1);
    assert_int_equal(tsn_alarms_count_critical(rig->set), 0);
    assert_shown(rig, "[{\"tor\":\"tor1\",\"alarm\":\"port-missing\","
                 "\"severity\":\"warning\",\"since\":\"2023-11-14T22:13:25Z\","
                 "\"object\":\"port=p1\","
                 "\"text\":\"the switch has no such port\"}]");
}

static void
alarm__interrupted__begins_anew(void **state)
{
    struct rig *rig = *state;

    look(rig, 0, "port=p1");
    look(rig, DELAY_MS - 1, NULL);
    look(rig, 1, "port=p1");
    look(rig, DELAY_MS - 1, "port=p1");
    assert_int_equal(tsn_alarms_count(rig->set), 0);
    look(rig, 1, "port=p1");
    assert_int_equal(tsn_alarms_count(rig->set), 1);
}

static void
alarm__not_stated_any_more__is_cleared(void **state)
{
    struct rig *rig = *state;

    look(rig, 0, "port=p1");
    look(rig, DELAY_MS, "port=p1");
    look(rig, 1000, "port=p2");
    assert_int_equal(tsn_alarms_count(rig->set), 0);
    assert_shown(rig, "[]");
}

static void
alarm__gets_worse__counts_as_critical(void **state)
{
    static const enum tsn_severity severities[] = {
        TSN_WARNING, TSN_CRITICAL, TSN_WARNING,
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < ARRAY_SIZE(severities); i++) {
        begin(rig, 1000);
        tsn_alarms_state(rig->set, "certificate-expiry", severities[i], 0, "",
                         i ? "expires soon" : "expires");
        tsn_alarms_end(rig->set);
        assert_int_equal(tsn_alarms_count(rig->set), 1);
        assert_int_equal(tsn_alarms_count_critical(rig->set),
                         severities[i] == TSN_CRITICAL);
    }
    begin(rig, 1000);
    tsn_alarms_end(rig->set);
    assert_int_equal(tsn_alarms_count_critical(rig->set), 0);
}

static void
alarms__same_kind__are_told_apart_by_object(void **state)
{
    struct rig *rig = *state;

    for (int i = 0; i < 2; i++) {
        begin(rig, DELAY_MS);
        tsn_alarms_state(rig->set, "a", TSN_WARNING, 1, "x", "t");
        tsn_alarms_state(rig->set, "a", TSN_WARNING, 1, "y", "t");
        tsn_alarms_state(rig->set, "b", TSN_WARNING, 1, "x", "t");
        tsn_alarms_end(rig->set);
    }
    assert_int_equal(tsn_alarms_count(rig->set), 3);
}

static void
alarms__too_many__the_rest_is_not_kept(void **state)
{
    struct rig *rig = *state;

    begin(rig, 0);
    for (int i = 0; i < TSN_ALARMS_MAX + 10; i++) {
        char object[16];

        snprintf(object, sizeof object, "port=p%d", i);
        tsn_alarms_state(rig->set, "port-missing", TSN_WARNING, 0, object,
                         "t");
    }
    tsn_alarms_end(rig->set);
    assert_int_equal(tsn_alarms_count(rig->set), TSN_ALARMS_MAX);
    /* Room that they leave is taken by another, the next time. */
    look(rig, 0, "port=x");
    assert_int_equal(tsn_alarms_count(rig->set), 0);
    look(rig, 0, "port=x");
    look(rig, DELAY_MS, "port=x");
    assert_int_equal(tsn_alarms_count(rig->set), 1);
}

int
main(void)
{
#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    static const struct CMUnitTest tests[] = {
        CASE(alarm__stated_for_the_delay__is_raised),
        CASE(alarm__interrupted__begins_anew),
        CASE(alarm__not_stated_any_more__is_cleared),
        CASE(alarm__gets_worse__counts_as_critical),
        CASE(alarms__same_kind__are_told_apart_by_object),
        CASE(alarms__too_many__the_rest_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
