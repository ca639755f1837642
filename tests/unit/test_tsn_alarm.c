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

static char *
show(const struct rig *rig)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    struct tsn_json json;

    tsn_json_init(&json, &text);
    tsn_json_array_begin(&json, NULL);
    tsn_alarms_show(rig->set, &json);
    tsn_json_array_end(&json);
    return ds_steal_cstr(&text);
}

static void
assert_shown(const struct rig *rig, const char *expected)
{
    char *shown = show(rig);

    assert_string_equal(shown, expected);
    free(shown);
}

/* Whether the alarms as they are shown have 'words'. */
static bool
is_shown(const struct rig *rig, const char *words)
{
    char *shown = show(rig);
    bool found = strstr(shown, words);

    free(shown);
    return found;
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

/* States ports [first, first + n) as missing. */
static void
state_ports(struct rig *rig, int first, int n, uint32_t delay_ms)
{
    for (int i = 0; i < n; i++) {
        char object[16];

        snprintf(object, sizeof object, "port=p%d", first + i);
        tsn_alarms_state(rig->set, "port-missing", TSN_WARNING, delay_ms,
                         object, "t");
    }
}

static void
look_at_ports(struct rig *rig, uint64_t later_ms, int first, int n)
{
    begin(rig, later_ms);
    state_ports(rig, first, n, DELAY_MS);
    tsn_alarms_end(rig->set);
}

#define MORE(N) "\"object\":\"alarm=port-missing\"," \
    "\"text\":\"and " #N " more that are not shown\""

static void
alarms__too_many__how_many_more_is_told(void **state)
{
    struct rig *rig = *state;

    look_at_ports(rig, 0, 0, TSN_ALARMS_MAX);
    look_at_ports(rig, DELAY_MS, 0, TSN_ALARMS_MAX);
    assert_int_equal(tsn_alarms_count(rig->set), TSN_ALARMS_MAX);
    look_at_ports(rig, 0, 0, TSN_ALARMS_MAX + 10);
    look_at_ports(rig, DELAY_MS - 1, 0, TSN_ALARMS_MAX + 11);
    assert_int_equal(tsn_alarms_count(rig->set), TSN_ALARMS_MAX);
    look_at_ports(rig, 1, 0, TSN_ALARMS_MAX + 12);
    assert_int_equal(tsn_alarms_count(rig->set), TSN_ALARMS_MAX + 1);
    assert_true(is_shown(rig, MORE(12)));
    look_at_ports(rig, 0, 0, TSN_ALARMS_MAX);
    assert_int_equal(tsn_alarms_count(rig->set), TSN_ALARMS_MAX);
    assert_false(is_shown(rig, "more-alarms"));
}

/* All of them may be replaced at once: the new ones wait for room, and are not
 * too many. */
static void
alarms__others_take_their_place__are_not_more(void **state)
{
    struct rig *rig = *state;

    look_at_ports(rig, 0, 0, TSN_ALARMS_MAX);
    look_at_ports(rig, DELAY_MS, 0, TSN_ALARMS_MAX);
    for (int i = 0; i < 3; i++) {
        look_at_ports(rig, i * DELAY_MS, 1000, TSN_ALARMS_MAX);
        assert_false(is_shown(rig, "more-alarms"));
    }
    assert_int_equal(tsn_alarms_count(rig->set), TSN_ALARMS_MAX);
    assert_true(is_shown(rig, "port=p1000"));
}

/* While they go one by one there are too many all the time. */
static void
alarms__too_many_and_some_go__the_others_are_still_told(void **state)
{
    struct rig *rig = *state;

    look_at_ports(rig, 0, 0, TSN_ALARMS_MAX + 20);
    look_at_ports(rig, DELAY_MS, 0, TSN_ALARMS_MAX + 20);
    assert_int_equal(tsn_alarms_count(rig->set), TSN_ALARMS_MAX + 1);
    assert_true(is_shown(rig, MORE(20)));
    look_at_ports(rig, 0, 1, TSN_ALARMS_MAX + 19);
    assert_true(is_shown(rig, MORE(19)));
    look_at_ports(rig, 0, 8, TSN_ALARMS_MAX + 12);
    assert_true(is_shown(rig, MORE(12)));
    /* All that are left have room the next time. */
    look_at_ports(rig, 0, 20, TSN_ALARMS_MAX);
    assert_false(is_shown(rig, "more-alarms"));
    look_at_ports(rig, 0, 20, TSN_ALARMS_MAX);
    look_at_ports(rig, DELAY_MS, 20, TSN_ALARMS_MAX);
    assert_int_equal(tsn_alarms_count(rig->set), TSN_ALARMS_MAX);
}

static void
alarms__too_many_of_a_kind__another_has_room(void **state)
{
    struct rig *rig = *state;

    begin(rig, 0);
    state_ports(rig, 0, 2 * TSN_ALARMS_MAX, 0);
    tsn_alarms_state(rig->set, "labels-exhausted", TSN_CRITICAL, 0, "trees",
                     "all labels are taken");
    tsn_alarms_end(rig->set);
    assert_int_equal(tsn_alarms_count(rig->set), TSN_ALARMS_MAX + 2);
    assert_int_equal(tsn_alarms_count_critical(rig->set), 1);
    assert_true(is_shown(rig, "all labels are taken"));
    assert_true(is_shown(rig, MORE(128)));
}

/* Nobody sees that it is critical among those that are shown. */
static void
alarms__a_critical_one_among_the_rest__is_counted(void **state)
{
    struct rig *rig = *state;

    begin(rig, 0);
    state_ports(rig, 0, TSN_ALARMS_MAX, 0);
    tsn_alarms_state(rig->set, "port-missing", TSN_CRITICAL, 0, "port=x", "t");
    tsn_alarms_state(rig->set, "port-missing", TSN_WARNING, 0, "port=y", "t");
    tsn_alarms_end(rig->set);
    assert_true(is_shown(rig, MORE(2)));
    assert_int_equal(tsn_alarms_count_critical(rig->set), 1);
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
        CASE(alarms__too_many__how_many_more_is_told),
        CASE(alarms__others_take_their_place__are_not_more),
        CASE(alarms__too_many_and_some_go__the_others_are_still_told),
        CASE(alarms__too_many_of_a_kind__another_has_room),
        CASE(alarms__a_critical_one_among_the_rest__is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
