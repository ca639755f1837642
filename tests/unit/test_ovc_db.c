/* SPDX-License-Identifier: Apache-2.0 */
/* How rows are read: what servers send, in what order, in what form. */
#include <config.h>
#include "tests/unit/ovc_fake.h"
#include "tests/unit/ovc_rig.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "ovsdb-client/db-value.h"
#include "ovsdb-client/private.h"
#include "packets.h"
#include "util.h"

#define BLUE TSN_LS_PREFIX "11111111-1111-1111-1111-111111111111"
#define RED "not-ours"
#define LS_UUID "\"00000000-0000-0000-0000-000000000001\""
#define LOCATOR_UUID "\"00000000-0000-0000-0000-000000000002\""
#define SET_UUID "\"00000000-0000-0000-0000-000000000003\""
#define MAC "02:00:00:00:00:0a"

#define LS(NAME) \
    "\"Logical_Switch\":{" LS_UUID ":{\"new\":{\"name\":\"" NAME "\"," \
    "\"tunnel_key\":100}}}"
#define LOCATOR \
    "\"Physical_Locator\":{" LOCATOR_UUID ":{\"new\":{" \
    "\"encapsulation_type\":\"vxlan_over_ipv4\",\"dst_ip\":\"10.0.0.1\"}}}"
#define LOCATOR_SET \
    "\"Physical_Locator_Set\":{" SET_UUID ":{\"new\":{\"locators\":" \
    "[\"uuid\"," LOCATOR_UUID "]}}}"
#define LOCAL_MAC_OF(MORE) \
    "\"Ucast_Macs_Local\":{" A_UUID ":{\"new\":{\"MAC\":\"" MAC "\"," \
    "\"logical_switch\":[\"uuid\"," LS_UUID "]," \
    "\"locator\":[\"uuid\"," LOCATOR_UUID "]" MORE "}}}"
#define LOCAL_MAC_WITH(IP) LOCAL_MAC_OF(",\"ipaddr\":\"" IP "\"")
#define LOCAL_MAC LOCAL_MAC_WITH("")
#define LOCAL_FLOOD \
    "\"Mcast_Macs_Local\":{" A_UUID ":{\"new\":{\"MAC\":\"unknown-dst\"," \
    "\"logical_switch\":[\"uuid\"," LS_UUID "]," \
    "\"locator_set\":[\"uuid\"," SET_UUID "]}}}"

static const struct eth_addr mac = ETH_ADDR_C(02, 00, 00, 00, 00, 0a);

static const struct fake_answer only_switch[] = {
    NO_SERVER_DB, VTEP_DB, MONITOR("{" SWITCH "}"), { NULL }
};

static struct rig *
start(void **state, const struct fake_answer *answers)
{
    struct rig *rig = rig_create();

    *state = rig;
    rig_start_fake(rig, answers);
    rig_start_session(rig, rig_fake_remote(rig));
    return rig;
}

static struct rig *
start_up(void **state, const struct fake_answer *answers)
{
    struct rig *rig = start(state, answers);

    RIG_UNTIL(rig, ovc_session_is_connected(rig->session));
    return rig;
}

#define UPDATE(TABLES) \
    "{\"id\":null,\"method\":\"update\",\"params\":" \
    "[[\"monid\",\"hardware_vtep\"],{" TABLES "}]}"

static void
update(struct rig *rig, const char *tables)
{
    char *text = xasprintf(UPDATE("%s"), tables);

    rig_fake_send(rig, text);
    free(text);
}

/* The tunnel endpoint of the MAC in 'ls', or "". */
static const char *
vtep_of(struct rig *rig, const char *ls)
{
    static char text[TSN_IP_STRLEN];
    struct local_mac local;

    return (ovc_find_local_mac(rig->session, ls, &mac, &local)
            ? tsn_ip_format(&local.vtep, text) : "");
}

static void
count(const struct local_flood *flood OVS_UNUSED, void *n)
{
    ++*(int *) n;
}

static int
n_floods(struct rig *rig, const char *ls)
{
    int n = 0;

    ovc_for_each_local_flood(rig->session, ls, count, &n);
    return n;
}

/* The switch has learnt the MAC in BLUE. */
static struct rig *
start_with_mac(void **state)
{
    struct rig *rig = start_up(state, only_switch);

    update(rig, LOCATOR "," LS(BLUE) "," LOCAL_MAC);
    RIG_UNTIL(rig, !strcmp(vtep_of(rig, BLUE), "10.0.0.1"));
    return rig;
}

/* Rows. */

static void
row__before_those_it_refers_to__is_understood_later(void **state)
{
    struct rig *rig = start_up(state, only_switch);

    update(rig, LOCAL_MAC "," LOCAL_FLOOD);
    update(rig, LOCATOR);
    update(rig, LS(BLUE));
    RIG_UNTIL(rig, !strcmp(vtep_of(rig, BLUE), "10.0.0.1"));
    assert_non_null(strstr(rig_changed_macs(rig), BLUE " " MAC));
    assert_int_equal(n_floods(rig, BLUE), 0);
    update(rig, LOCATOR_SET);
    RIG_UNTIL(rig, n_floods(rig, BLUE) == 1);
}

static void
row__of_a_network_that_becomes_ours__is_understood(void **state)
{
    struct rig *rig = start_up(state, only_switch);

    update(rig, LOCATOR "," LS(RED) "," LOCAL_MAC);
    rig_run(rig, 50);
    assert_string_equal(vtep_of(rig, RED), "");
    rig_want_ls(rig, RED, 100, "");
    RIG_UNTIL(rig, !strcmp(vtep_of(rig, RED), "10.0.0.1"));
}

static void
row__of_a_network_that_gets_another_name__moves_with_it(void **state)
{
    struct rig *rig = start_with_mac(state);

    update(rig, LS(BLUE "-2"));
    RIG_UNTIL(rig, !strcmp(vtep_of(rig, BLUE "-2"), "10.0.0.1"));
    assert_string_equal(vtep_of(rig, BLUE), "");
}

static void
row__that_changed__may_come_with_the_changed_column_only(void **state)
{
    struct rig *rig = start_with_mac(state);

    update(rig, "\"Physical_Locator\":{" B_UUID ":{\"new\":{"
                "\"encapsulation_type\":\"vxlan_over_ipv4\","
                "\"dst_ip\":\"10.0.0.2\"}}},"
                "\"Ucast_Macs_Local\":{" A_UUID ":{\"old\":{},\"new\":{"
                "\"locator\":[\"uuid\"," B_UUID "]}}}");
    RIG_UNTIL(rig, !strcmp(vtep_of(rig, BLUE), "10.0.0.2"));

    /* Likewise in tables whose rows are kept. */
    update(rig, "\"Logical_Switch\":{" LS_UUID ":{\"old\":{},\"new\":{"
                "\"tunnel_key\":7}}}");
    rig_want_ls(rig, BLUE, 7, "");
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_int_equal(rig_fake_requests(rig, "transact"), 0);
}

static void
row__goes_and_another_comes_for_the_same_mac__it_stays(void **state)
{
    struct rig *rig = start_with_mac(state);

    update(rig, "\"Ucast_Macs_Local\":{" A_UUID ":{\"old\":{}},"
                B_UUID ":{\"new\":{\"MAC\":\"" MAC "\","
                "\"logical_switch\":[\"uuid\"," LS_UUID "],"
                "\"locator\":[\"uuid\"," LOCATOR_UUID "]}}}");
    rig_run(rig, 50);
    assert_string_equal(vtep_of(rig, BLUE), "10.0.0.1");
    update(rig, "\"Ucast_Macs_Local\":{" B_UUID ":{\"old\":{}}}");
    RIG_UNTIL(rig, !*vtep_of(rig, BLUE));
}

/* Until the switch is there, nobody looks at its rows; then all that came
 * meanwhile counts, and what went does not. */
static void
row__comes_before_the_switch__waits_for_it(void **state)
{
    static const struct fake_answer answers[] = {
        NO_SERVER_DB, VTEP_DB, MONITOR("{" LOCATOR "," LS(BLUE) ","
                                       LOCAL_MAC "}"), { NULL }
    };
    struct rig *rig = start(state, answers);

    RIG_UNTIL(rig, strstr(rig_status_text(rig, "ovsdb", "reason"),
                          "no Physical_Switch"));
    update(rig, "\"Ucast_Macs_Local\":{" A_UUID ":{\"old\":{}},"
                B_UUID ":{\"new\":{\"MAC\":\"02:00:00:00:00:0b\","
                "\"logical_switch\":[\"uuid\"," LS_UUID "],"
                "\"locator\":[\"uuid\"," LOCATOR_UUID "]}}}");
    rig_run(rig, 50);
    assert_string_equal(rig_changed_macs(rig), "");
    update(rig, SWITCH);
    RIG_UNTIL(rig, ovc_session_is_connected(rig->session));
    assert_string_equal(rig_changed_macs(rig), BLUE " 02:00:00:00:00:0b");
}

/* Another connection has the last word about what there is. */
static void
row__not_in_the_next_connection__is_gone(void **state)
{
    struct rig *rig = start_with_mac(state);

    ovc_session_reconnect(rig->session);
    RIG_UNTIL(rig, rig->n_down == 1);
    assert_string_equal(vtep_of(rig, BLUE), "10.0.0.1");
    RIG_UNTIL(rig, rig->n_up == 2);
    assert_string_equal(vtep_of(rig, BLUE), "");
}

static void
row__goes_and_comes_again_in_one_turn__is_there(void **state)
{
    struct rig *rig = start_with_mac(state);

    /* In one piece, so that all of it is read at once. */
    rig_fake_send(rig, UPDATE("\"Ucast_Macs_Local\":{" A_UUID
                              ":{\"old\":{}}},"
                              "\"Physical_Locator\":{" LOCATOR_UUID
                              ":{\"old\":{}}},"
                              "\"Logical_Switch\":{" LS_UUID
                              ":{\"old\":{}}}")
                       UPDATE(LOCATOR "," LS(BLUE)));
    RIG_UNTIL(rig, !*vtep_of(rig, BLUE));
    update(rig, LOCAL_MAC);
    RIG_UNTIL(rig, !strcmp(vtep_of(rig, BLUE), "10.0.0.1"));
}

/* A switch may leave out columns that have nothing. */
static void
row__in_the_next_connection__has_nothing_of_the_last(void **state)
{
    static const struct fake_answer answers[] = {
        NO_SERVER_DB, VTEP_DB, MONITOR("{" SWITCH "," LOCATOR "," LS(BLUE)
                                       "," LOCAL_MAC_WITH("10.9.9.9") "}"),
        { NULL }
    };
    static const struct fake_answer without_ip[] = {
        NO_SERVER_DB, VTEP_DB, MONITOR("{" SWITCH "," LOCATOR "," LS(BLUE)
                                       "," LOCAL_MAC_OF("") "}"),
        { NULL }
    };
    struct rig *rig = start_up(state, answers);
    struct local_mac local;

    assert_true(ovc_find_local_mac(rig->session, BLUE, &mac, &local));
    assert_true(tsn_ip_is_set(&local.ip));
    rig_stop_fake(rig);
    RIG_UNTIL(rig, rig->n_down == 1);
    rig_start_fake(rig, without_ip);
    RIG_UNTIL(rig, rig->n_up == 2);
    assert_true(ovc_find_local_mac(rig->session, BLUE, &mac, &local));
    assert_false(tsn_ip_is_set(&local.ip));
}

/* A database that does not look after its references: what is left of them
 * leads nowhere, and is put right. */
static void
row__that_others_refer_to_goes_alone__leaves_nothing(void **state)
{
    static const struct fake_answer answers[] = {
        NO_SERVER_DB, VTEP_DB,
        MONITOR("{\"Physical_Switch\":{" A_UUID ":{\"new\":"
                "{\"name\":\"tor1\",\"tunnel_ips\":\"10.0.0.1\","
                "\"ports\":[\"uuid\"," B_UUID "]}}},"
                "\"Physical_Port\":{" B_UUID ":{\"new\":{"
                "\"name\":\"p1\",\"vlan_bindings\":"
                "[\"map\",[[7,[\"uuid\"," LS_UUID "]]]]}}},"
                LOCATOR "," LS(BLUE) "," LOCAL_MAC "}"), { NULL }
    };
    struct rig *rig = start_up(state, answers);

    rig_want_ls(rig, BLUE, 100, "");
    ovc_want_binding(rig->session, RIG_SWITCH, "p1", 7, BLUE);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_string_equal(vtep_of(rig, BLUE), "10.0.0.1");
    update(rig, "\"Logical_Switch\":{" LS_UUID ":{\"old\":{}}}");
    RIG_UNTIL(rig, !*vtep_of(rig, BLUE));
    RIG_UNTIL(rig, strcmp(rig_entry(rig, "bindings", "port", "p1", "state"),
                          "written"));
}

/* Rows that wait for others say nothing about what was refused. */
static void
row__that_dangles__refused_objects_still_wait(void **state)
{
    static const struct fake_answer answers[] = {
        NO_SERVER_DB, VTEP_DB,
        MONITOR("{" SWITCH "," LOCAL_FLOOD "}"),
        { "transact", "{\"id\":@ID@,\"error\":null,\"result\":"
                      "[{\"error\":\"constraint violation\"}]}" },
        { NULL }
    };
    struct rig *rig = start_up(state, answers);

    rig_want_ls(rig, BLUE, 100, "");
    RIG_UNTIL(rig, rig_status(rig, "ovsdb", "refused") == 1);
    update(rig, LOCATOR);
    rig_run(rig, 100);
    assert_int_equal(rig_fake_requests(rig, "transact"), 1);
}

/* Replies. */

static void
reply__with_fewer_results_than_operations__is_a_refusal(void **state)
{
    static const struct fake_answer answers[] = {
        NO_SERVER_DB, VTEP_DB, MONITOR("{" SWITCH "}"),
        { "transact", "{\"id\":@ID@,\"error\":null,\"result\":[]}" },
        { NULL }
    };
    struct rig *rig = start(state, answers);

    rig_want_ls(rig, BLUE, 100, "");
    RIG_UNTIL(rig, rig_status(rig, "ovsdb", "refused") == 1);
    assert_non_null(strstr(rig_status_text(rig, "ovsdb", "last_error"),
                           "fewer results"));
}

static void
reply__that_something_timed_out__is_tried_again(void **state)
{
    static const struct fake_answer answers[] = {
        NO_SERVER_DB, VTEP_DB, MONITOR("{" SWITCH "}"),
        { "transact", "{\"id\":@ID@,\"error\":null,\"result\":"
                      "[{\"error\":\"timed out\"},null]}" },
        { NULL }
    };
    struct rig *rig = start(state, answers);

    rig_want_ls(rig, BLUE, 100, "");
    RIG_UNTIL(rig, rig_fake_requests(rig, "transact") >= 3);
    assert_int_equal(rig_status(rig, "ovsdb", "refused"), 0);
}

/* It was done, but the connection went before anybody said so, and before
 * the next one nobody wants the row any more: it is ours all the same. */
static void
reply__lost_with_the_connection__row_that_nobody_wants_goes(void **state)
{
    static const struct fake_answer answers[] = {
        NO_SERVER_DB, VTEP_DB, MONITOR("{" SWITCH "," LOCATOR "," LS(BLUE)
                                       "}"), { NULL }
    };
    static const struct fake_answer with_row[] = {
        NO_SERVER_DB, VTEP_DB,
        MONITOR("{" SWITCH "," LOCATOR "," LS(BLUE) ","
                "\"Ucast_Macs_Remote\":{" A_UUID ":{\"new\":{\"MAC\":"
                "\"" MAC "\",\"logical_switch\":[\"uuid\"," LS_UUID "],"
                "\"locator\":[\"uuid\"," LOCATOR_UUID "]}}}}"), { NULL }
    };
    struct rig *rig = start_up(state, answers);

    rig_want_ls(rig, BLUE, 100, "");
    rig_want_mac(rig, BLUE, MAC, "10.0.0.2");
    RIG_UNTIL(rig, rig_fake_requests(rig, "transact") == 1);
    rig_stop_fake(rig);
    RIG_UNTIL(rig, rig->n_down == 1);
    ovc_unwant_mac(rig->session, BLUE, &mac);
    rig_start_fake(rig, with_row);
    RIG_UNTIL(rig, rig->n_up == 2);
    RIG_UNTIL(rig, rig_fake_requests(rig, "transact") == 1);
    assert_int_equal(rig_status(rig, "rows", "stale"), 0);
}

/* Values. */

static bool
set(void *value, enum vtep_type type, const char *text, bool *changed)
{
    /* A value alone is no JSON text. */
    char *array = xasprintf("[%s]", text);
    struct json *json = json_from_string(array);
    bool ok = ovc_value_set(value, type, json_array(json)->elems[0], changed);

    json_destroy(json);
    free(array);
    return ok;
}

static void
value__in_another_form__is_empty(void **state OVS_UNUSED)
{
    static const struct {
        enum vtep_type type;
        const char *good, *bad;
    } cases[] = {
        { VTEP_STRING, "\"x\"", "5" },
        { VTEP_STRING, "[\"set\",[\"x\"]]", "[\"set\",[\"x\",\"y\"]]" },
        { VTEP_TEXT, "\"x\"", "{}" },
        { VTEP_STRINGS, "[\"set\",[\"x\",\"y\"]]", "[\"set\",[\"x\",1]]" },
        { VTEP_STRINGS, "\"x\"", "[\"set\",5]" },
        { VTEP_INTEGER, "5", "1.5" },
        { VTEP_INTEGER, "[\"set\",[5]]", "[\"set\",[5,6]]" },
        { VTEP_UUID, "[\"uuid\"," A_UUID "]", "[\"uuid\",\"x\"]" },
        { VTEP_UUID, "[\"uuid\"," A_UUID "]", A_UUID },
        { VTEP_UUIDS, "[\"set\",[[\"uuid\"," A_UUID "]]]",
          "[\"set\",[[\"uuid\"," A_UUID "],[\"uuid\",5]]]" },
        { VTEP_BINDINGS, "[\"map\",[[1,[\"uuid\"," A_UUID "]]]]",
          "[\"map\",[[1,[\"uuid\"," A_UUID "]],[2]]]" },
        { VTEP_BINDINGS, "[\"map\",[[1,[\"uuid\"," A_UUID "]]]]",
          "[\"map\",{}]" },
        { VTEP_MAP, "[\"map\",[[\"a\",\"b\"]]]", "[\"map\",[[\"a\",5]]]" },
        { VTEP_MAP, "[\"map\",[[\"a\",\"b\"],[\"a\",\"c\"]]]", "null" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        enum vtep_type type = cases[i].type;
        struct vtep_text value;         /* The largest. */
        bool changed;

        ovc_value_init(&value, type);
        assert_true(set(&value, type, cases[i].good, &changed));
        assert_true(changed);
        assert_true(set(&value, type, cases[i].good, &changed));
        assert_false(changed);
        assert_false(set(&value, type, cases[i].bad, &changed));
        assert_true(changed);
        assert_false(set(&value, type, cases[i].bad, &changed));
        assert_false(changed);
        ovc_value_fini(&value, type);
    }
}

static void
value__sets_and_maps__are_sorted(void **state OVS_UNUSED)
{
    struct vtep_bindings bindings;
    struct vtep_strings strings;
    bool changed;

    ovc_value_init(&strings, VTEP_STRINGS);
    set(&strings, VTEP_STRINGS, "[\"set\",[\"b\",\"a\"]]", &changed);
    assert_string_equal(strings.elems[0], "a");
    set(&strings, VTEP_STRINGS, "[\"set\",[\"a\",\"b\"]]", &changed);
    assert_false(changed);
    ovc_value_fini(&strings, VTEP_STRINGS);

    ovc_value_init(&bindings, VTEP_BINDINGS);
    set(&bindings, VTEP_BINDINGS, "[\"map\",[[7,[\"uuid\"," A_UUID "]],"
        "[-1,[\"uuid\"," B_UUID "]]]]", &changed);
    assert_int_equal(bindings.elems[0].vlan, -1);
    ovc_value_fini(&bindings, VTEP_BINDINGS);
}

int
main(void)
{
#define FAKE(NAME) cmocka_unit_test_teardown(NAME, rig_teardown)
    const struct CMUnitTest tests[] = {
        FAKE(row__before_those_it_refers_to__is_understood_later),
        FAKE(row__of_a_network_that_becomes_ours__is_understood),
        FAKE(row__of_a_network_that_gets_another_name__moves_with_it),
        FAKE(row__that_changed__may_come_with_the_changed_column_only),
        FAKE(row__goes_and_another_comes_for_the_same_mac__it_stays),
        FAKE(row__comes_before_the_switch__waits_for_it),
        FAKE(row__not_in_the_next_connection__is_gone),
        FAKE(row__goes_and_comes_again_in_one_turn__is_there),
        FAKE(row__in_the_next_connection__has_nothing_of_the_last),
        FAKE(row__that_others_refer_to_goes_alone__leaves_nothing),
        FAKE(row__that_dangles__refused_objects_still_wait),
        FAKE(reply__with_fewer_results_than_operations__is_a_refusal),
        FAKE(reply__that_something_timed_out__is_tried_again),
        FAKE(reply__lost_with_the_connection__row_that_nobody_wants_goes),
        cmocka_unit_test(value__in_another_form__is_empty),
        cmocka_unit_test(value__sets_and_maps__are_sorted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
