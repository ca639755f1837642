/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator sees of a session and does to it (spec J.26 to J.28). */
#include <config.h>
#include "tests/unit/ovc_proxy.h"
#include "tests/unit/ovc_rig.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "ovsdb-client/operator.h"
#include "ovsdb-client/private.h"
#include "timeval.h"
#include "util.h"

#define BLUE TSN_LS_PREFIX "11111111-1111-1111-1111-111111111111"
#define RED TSN_LS_PREFIX "22222222-2222-2222-2222-222222222222"
#define TSN1 "10.0.0.100"
#define TSN2 "10.0.0.101"
#define HOST1 "10.0.1.1"
#define HOST2 "10.0.1.2"
#define MAC1 "02:00:00:00:00:01"
#define MAC2 "02:00:00:00:00:02"

static void
write_blue(struct rig *rig)
{
    rig_want_ls(rig, BLUE, 100, TSN1);
    ovc_want_binding(rig->session, RIG_SWITCH, "p1", 5, BLUE);
    rig_want_mac(rig, BLUE, MAC1, HOST1);
    RIG_UNTIL(rig, rig_all_written(rig));
}

static const char *
diff(struct rig *rig)
{
    return rig_show(rig, ovc_session_diff);
}

static const char *
history(struct rig *rig)
{
    return rig_show(rig, ovc_session_history);
}

static void
put_status(const struct ovc_session *s, struct tsn_json *json)
{
    ovc_session_status(s, NULL, json);
}

static bool
says(const char *text, const char *what)
{
    return strstr(text, what) != NULL;
}

static void
tell_alarm(enum ovc_alarm alarm, const char *object, const char *text,
           void *ds_)
{
    ds_put_format(ds_, "%s %s: %s\n", ovc_alarm_name(alarm), object, text);
}

static const char *
alarms(struct rig *rig)
{
    static struct ds s = DS_EMPTY_INITIALIZER;
    size_t n_more;

    ds_clear(&s);
    ovc_session_for_each_alarm(rig->session, tell_alarm, &s, &n_more);
    assert_int_equal(n_more, 0);
    return ds_cstr(&s);
}

/* Modes. */

static void
dry_run__every_kind_of_change__is_shown_and_not_written(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_settle(rig);
    assert_string_equal(diff(rig), "{\"diff\":[]}");
    uint64_t n = rig_status(rig, "ovsdb", "transactions");

    ovc_session_set_mode(rig->session, OVC_MODE_DRY_RUN);
    rig_want_ls(rig, RED, 200, TSN1);
    rig_want_ls(rig, BLUE, 100, TSN2);
    rig_want_mac(rig, BLUE, MAC1, HOST2);
    rig_want_mac(rig, BLUE, MAC2, HOST2);
    ovc_unwant_binding(rig->session, RIG_SWITCH, "p1", 5);
    rig_settle(rig);
    assert_int_equal(rig_status(rig, "ovsdb", "transactions"), n);
    assert_string_equal(rig_status_text(rig, "ovsdb", "mode"), "dry-run");
    assert_true(says(diff(rig), "\"table\":\"Logical_Switch\""));
    assert_true(says(diff(rig), "\"action\":\"add\",\"wanted\":\"vni=200\","
                     "\"actual\":null,\"state\":\"waiting\","
                     "\"reason\":\"held back by the operator\""));
    assert_true(says(diff(rig), "\"action\":\"change\",\"wanted\":\"" TSN2
                     "\",\"actual\":\"" TSN1 "\""));
    assert_true(says(diff(rig), "\"mac\":\"" MAC1 "\",\"action\":\"change\","
                     "\"wanted\":\"" HOST2 "\",\"actual\":\"" HOST1 "\""));
    assert_true(says(diff(rig), "\"port\":\"p1\",\"vlan\":5,\"network\":\""
                     BLUE "\",\"mac\":null,\"action\":\"remove\""));

    ovc_session_set_mode(rig->session, OVC_MODE_WRITE);
    RIG_UNTIL(rig, rig_all_written(rig) && rig_ls(rig, RED));
    RIG_UNTIL(rig, !*rig_binding(rig, "p1", 5));
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN2);
    assert_string_equal(rig_mac_vtep(rig, BLUE, MAC1), HOST2);
    rig_settle(rig);
    assert_string_equal(diff(rig), "{\"diff\":[]}");
}

static void
freeze__changes_and_removals__wait_additions_do_not(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    ovc_session_set_mode(rig->session, OVC_MODE_FREEZE);
    rig_want_mac(rig, BLUE, MAC1, HOST2);
    rig_want_mac(rig, BLUE, MAC2, HOST2);
    RIG_UNTIL(rig, rig_mac(rig, BLUE, MAC2));
    rig_settle(rig);
    assert_string_equal(rig_mac_vtep(rig, BLUE, MAC1), HOST1);
    ovc_unwant_ls(rig->session, BLUE);
    rig_settle(rig);
    assert_int_equal(rig_n_macs(rig, BLUE), 2);
    assert_string_equal(rig_binding(rig, "p1", 5), BLUE);

    ovc_session_set_mode(rig->session, OVC_MODE_WRITE);
    RIG_UNTIL(rig, !rig_ls(rig, BLUE));
}

/* Commands. */

static void
resync__matching_database__writes_nothing(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_settle(rig);
    uint64_t n = rig_status(rig, "ovsdb", "transactions");
    ovc_session_resync(rig->session);
    rig_settle(rig);
    assert_int_equal(rig_status(rig, "ovsdb", "transactions"), n);
    assert_true(rig_all_written(rig));
}

static void
reconnect__asked_for__is_noted_with_its_reason(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    ovc_session_reconnect(rig->session);
    RIG_UNTIL(rig, rig->n_up == 2);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_true(says(history(rig), "\"closes\":[{\"time\":\"20"));
}

static void
purge_stale__long_hold_time__goes_at_once(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_stop_session(rig);
    rig_start_session(rig, NULL);
    RIG_UNTIL(rig, rig_status(rig, "rows", "stale") == 4);
    assert_int_equal(ovc_session_purge_stale(rig->session), -EBUSY);
    ovc_session_set_config_complete(rig->session);
    rig_settle(rig);
    assert_non_null(rig_ls(rig, BLUE));
    assert_int_equal(ovc_session_purge_stale(rig->session), 4);
    RIG_UNTIL(rig, !rig_ls(rig, BLUE));
    assert_int_equal(ovc_session_purge_stale(rig->session), 0);
}

static void
probe_and_backoff__changed__session_stays(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    ovc_session_set_probe(rig->session, 1000);
    ovc_session_set_max_backoff(rig->session, 1000);
    ovc_session_set_stale_hold(rig->session, 0);
    rig_settle(rig);
    assert_int_equal(rig->n_down, 0);
    assert_true(rig_status(rig, "ovsdb", "silence_ms") < RIG_MS);

    /* One second apart: 8 s, the default, would be over the limit. */
    rig_stop_server(rig, SIGKILL);
    RIG_UNTIL(rig, rig->n_down == 1);
    rig_run(rig, 4000);
    long long start = time_msec();
    rig_start_server(rig);
    RIG_UNTIL(rig, rig->n_up == 2);
    assert_true(time_msec() - start < 3000);
}

/* History. */

static void
history__of_writes__names_tables_and_results(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_settle(rig);
    assert_true(says(history(rig), "\"rows\":{\"Physical_Locator\":2,"
                     "\"Logical_Switch\":1,\"Mcast_Macs_Remote\":1,"
                     "\"Ucast_Macs_Remote\":1,\"Physical_Port\":1,"
                     "\"Physical_Locator_Set\":1},\"result\":\"done\","
                     "\"error\":null"));

    /* Only the last ones are kept. */
    for (int i = 0; i < OVC_HISTORY_TXNS + 1; i++) {
        rig_want_mac(rig, BLUE, MAC1, i % 2 ? HOST1 : HOST2);
        RIG_UNTIL(rig, !strcmp(rig_mac_vtep(rig, BLUE, MAC1),
                               i % 2 ? HOST1 : HOST2));
        RIG_UNTIL(rig, rig_all_written(rig) && !rig->session->n_flights);
    }
    assert_false(says(history(rig), "Logical_Switch"));
    assert_true(says(history(rig), "\"Ucast_Macs_Remote\":1"));
}

/* Alarms. */

static void
alarms__nothing_wrong__none(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    assert_string_equal(alarms(rig), "");
}

static void
alarms__port_missing__told_after_a_minute(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    ovc_want_binding(rig->session, RIG_SWITCH, "p7", 5, BLUE);
    RIG_UNTIL(rig, !strcmp(rig_entry(rig, "bindings", "port", "p7", "reason"),
                           "the switch has no such port"));
    assert_string_equal(alarms(rig), "");
    /* A minute later. */
    struct ovc_session *s = rig->session;
    ovc_port_find(s, ovc_switch_find(s, RIG_SWITCH), "p7")->missing_ms
        -= OVC_PORT_ALARM_MS;
    assert_string_equal(alarms(rig), "port-missing switch=tor1 port=p7: "
                        "the switch has no such port\n");
    ovc_unwant_binding(rig->session, RIG_SWITCH, "p7", 5);
    rig_settle(rig);
    assert_string_equal(alarms(rig), "");
}

static enum proxy_fate
refuse_macs(const struct json *params, void *aux OVS_UNUSED)
{
    return (proxy_has_table(params, "Ucast_Macs_Remote") ? PROXY_REFUSE
            : PROXY_PASS);
}

static void
alarms__refused_row__stays_while_it_is_tried_again(void **state)
{
    static const char expected[] = "refused network=" BLUE " mac=" MAC1
        ": constraint violation: this switch does not like it\n";
    struct rig *rig = *state;

    rig_stop_session(rig);
    rig->proxy = proxy_create(rig->dir, refuse_macs, NULL);
    rig_start_session(rig, proxy_remote(rig->proxy));
    rig_want_ls(rig, BLUE, 100, TSN1);
    rig_want_mac(rig, BLUE, MAC1, HOST1);
    RIG_UNTIL(rig, !strcmp(alarms(rig), expected));
    uint64_t n = rig_status(rig, "ovsdb", "refused");
    RIG_UNTIL(rig, strcmp(alarms(rig), expected)
              || rig_status(rig, "ovsdb", "refused") > n);
    assert_string_equal(alarms(rig), expected);
    assert_int_equal(rig_status(rig, "ovsdb", "refused"), n + 1);
    assert_true(says(rig_show(rig, put_status),
                     "\"refusals\":{\"constraint violation\":"));
    assert_true(says(history(rig), "\"rows\":{\"Physical_Locator\":1,"
                     "\"Ucast_Macs_Remote\":1},\"result\":\"refused\","
                     "\"error\":\"constraint violation: this switch"));
    assert_true(says(diff(rig), "\"error\":\"constraint violation: this"));
    rig_unwant_mac(rig, BLUE, MAC1);
    RIG_UNTIL(rig, !*alarms(rig));
}

static void
alarms__two_networks_with_one_vni__are_told(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_want_ls(rig, RED, 100, TSN1);
    RIG_UNTIL(rig, says(alarms(rig), "vni-conflict network=" RED " vni=100: "
                        "another network wants the same VNI: " BLUE "\n"));
    ovc_unwant_ls(rig->session, RED);
    rig_settle(rig);
    assert_string_equal(alarms(rig), "");
}

static void
alarms__faults_of_switch_and_port__are_told(void **state)
{
    struct rig *rig = *state;
    const char *faults[] = { "mac_table_exhaustion", "unspecified" };
    const char *fault = "invalid_vlan_map";

    write_blue(rig);
    rig_begin(rig);
    vteprec_physical_switch_set_switch_fault_status(
        rig_switch(rig, RIG_SWITCH), faults, 2);
    vteprec_physical_port_set_port_fault_status(rig_port(rig, "p2"), &fault,
                                                1);
    rig_end(rig);
    RIG_UNTIL(rig, says(alarms(rig), "switch-fault switch=tor1: "
                        "mac_table_exhaustion, unspecified\n")
              && says(alarms(rig), "port-fault switch=tor1 port=p2: "
                      "invalid_vlan_map\n"));
}

static void
alarms__switch_renamed__similar_name_is_pointed_out(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_begin(rig);
    vteprec_physical_switch_set_name(rig_switch(rig, RIG_SWITCH), "TOR1");
    rig_end(rig);
    RIG_UNTIL(rig, says(alarms(rig), "switch-missing switch=tor1: no "
                        "Physical_Switch named \"tor1\", the database has "
                        "\"TOR1\"; is \"TOR1\" meant?\n"));
    assert_true(says(rig_status_text(rig, "ovsdb", "reason"), "TOR1"));
}

static void
put_status_behind(const struct ovc_session *s, struct tsn_json *json)
{
    ovc_session_status(s, "tcp:192.0.2.1:6640", json);
}

static void
status__switch_behind_somebody__names_it(void **state)
{
    assert_true(says(rig_show(*state, put_status_behind),
                     "\"remote\":\"tcp:192.0.2.1:6640\""));
}

int
main(void)
{
#define CASE(NAME) \
    cmocka_unit_test_setup_teardown(NAME, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        CASE(dry_run__every_kind_of_change__is_shown_and_not_written),
        CASE(freeze__changes_and_removals__wait_additions_do_not),
        CASE(resync__matching_database__writes_nothing),
        CASE(reconnect__asked_for__is_noted_with_its_reason),
        CASE(purge_stale__long_hold_time__goes_at_once),
        CASE(probe_and_backoff__changed__session_stays),
        CASE(history__of_writes__names_tables_and_results),
        CASE(alarms__nothing_wrong__none),
        CASE(alarms__port_missing__told_after_a_minute),
        CASE(alarms__refused_row__stays_while_it_is_tried_again),
        CASE(alarms__two_networks_with_one_vni__are_told),
        CASE(alarms__faults_of_switch_and_port__are_told),
        CASE(alarms__switch_renamed__similar_name_is_pointed_out),
        CASE(status__switch_behind_somebody__names_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
