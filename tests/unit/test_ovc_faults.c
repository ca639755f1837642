/* SPDX-License-Identifier: Apache-2.0 */
/* An ovc_session and servers that refuse, restart, lack something or talk
 * nonsense. */
#include <config.h>
#include "tests/unit/ovc_fake.h"
#include "tests/unit/ovc_proxy.h"
#include "tests/unit/ovc_rig.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "openvswitch/shash.h"
#include "ovsdb-client/private.h"
#include "timeval.h"
#include "util.h"

#define BLUE TSN_LS_PREFIX "11111111-1111-1111-1111-111111111111"
#define RED TSN_LS_PREFIX "22222222-2222-2222-2222-222222222222"
#define TSN1 "10.0.0.100"
#define HOST1 "10.0.1.1"
#define HOST2 "10.0.1.2"
#define MAC1 "02:00:00:00:00:01"
#define MAC2 "02:00:00:00:00:02"

static uint64_t
transactions(struct rig *rig)
{
    return rig_status(rig, "ovsdb", "transactions");
}

static uint64_t
refused(struct rig *rig)
{
    return rig_status(rig, "ovsdb", "refused");
}

static void
want_blue(struct rig *rig)
{
    rig_want_ls(rig, BLUE, 100, TSN1);
    ovc_want_binding(rig->session, RIG_SWITCH, "p1", 0, BLUE);
    rig_want_mac(rig, BLUE, MAC1, HOST1);
    rig_want_mac(rig, BLUE, MAC2, HOST2);
}

static bool
is_blue(struct rig *rig)
{
    return (rig_ls_vni(rig, BLUE) == 100
            && !strcmp(rig_flood_ips(rig, BLUE), TSN1)
            && !strcmp(rig_binding(rig, "p1", 0), BLUE)
            && !strcmp(rig_mac_vtep(rig, BLUE, MAC1), HOST1)
            && !strcmp(rig_mac_vtep(rig, BLUE, MAC2), HOST2)
            && rig_n_macs(rig, BLUE) == 2);
}

/* Schemas. */

static struct shash *
table(struct json *schema, const char *name)
{
    struct json *t = shash_find_data(
        json_object(shash_find_data(json_object(schema), "tables")), name);

    return json_object(t);
}

static struct shash *
columns(struct json *schema, const char *table_name)
{
    return json_object(shash_find_data(table(schema, table_name), "columns"));
}

static void
set_type(struct json *schema, const char *table_name, const char *column,
         const char *type)
{
    struct json *c = shash_find_data(columns(schema, table_name), column);

    json_object_put(c, "type", json_from_string(type));
}

static void
drop_column(struct json *schema, const char *table_name, const char *column)
{
    json_destroy(shash_find_and_delete_assert(columns(schema, table_name),
                                              column));
}

static void
start(struct rig *rig, const char *schema_file, rig_schema_fn *change)
{
    rig_stop_session(rig);
    ovsdb_idl_destroy(rig->db);
    rig->db = NULL;
    rig_stop_server(rig, SIGKILL);
    rig_make_database(rig, schema_file, change);
    rig_start_server(rig);
}

static void
start_with_switch(struct rig *rig, rig_schema_fn *change)
{
    start(rig, VTEP_SCHEMA, change);
    rig_start_db(rig);
    rig_make_switch(rig, RIG_SWITCH, RIG_OWN_VTEP);
    rig_start_session(rig, NULL);
}

/* Refusals. */

static void
limit_vni(struct json *schema)
{
    set_type(schema, "Logical_Switch", "tunnel_key",
             "{\"key\": {\"type\": \"integer\", \"maxInteger\": 5000}, "
             "\"min\": 0, \"max\": 1}");
}

static void
refusal__of_one_network__does_not_block_others(void **state)
{
    struct rig *rig = *state;

    start_with_switch(rig, limit_vni);
    rig_want_ls(rig, RED, 6000, TSN1);
    rig_want_mac(rig, RED, MAC1, HOST1);
    want_blue(rig);
    RIG_UNTIL(rig, is_blue(rig));
    RIG_UNTIL(rig, strstr(rig_entry(rig, "networks", "name", RED, "reason"),
                          "the switch refused it: constraint violation: "));
    assert_null(rig_ls(rig, RED));
    assert_non_null(strstr(rig_status_text(rig, "ovsdb", "last_error"),
                           "6000"));

    /* It backs off... */
    uint64_t n = refused(rig);
    assert_in_range(n, 2, 10);
    rig_run(rig, 300);
    assert_int_equal(refused(rig), n);
    RIG_UNTIL(rig, refused(rig) > n);

    /* ...until something else is wanted. */
    rig_want_ls(rig, RED, 4000, TSN1);
    RIG_UNTIL(rig, rig_ls_vni(rig, RED) == 4000 && rig_all_written(rig));
}

static void
limit_dst_ip(struct json *schema)
{
    set_type(schema, "Physical_Locator", "dst_ip",
             "{\"key\": {\"type\": \"string\", \"maxLength\": 8}}");
}

static void
refusal__of_some_macs_in_a_thousand__costs_few_transactions(void **state)
{
    struct rig *rig = *state;

    start_with_switch(rig, limit_dst_ip);
    rig_want_ls(rig, BLUE, 100, "");
    for (int i = 0; i < 1000; i++) {
        char mac[18];
        snprintf(mac, sizeof mac, "02:00:00:01:%02x:%02x", i >> 8, i & 0xff);
        /* The 12 characters of the second address are too many. */
        rig_want_mac(rig, BLUE, mac, i % 300 ? "10.0.1.1" : "10.100.100.1");
    }
    RIG_UNTIL(rig, rig_n_macs(rig, BLUE) == 996);
    assert_in_range(transactions(rig), 11 + 4, 11 + 4 * 16);
    RIG_UNTIL(rig, rig_status(rig, "rows", "waiting") == 4);
}

static void
refuse_macs(struct json *schema)
{
    set_type(schema, "Ucast_Macs_Remote", "MAC",
             "{\"key\": {\"type\": \"string\", \"maxLength\": 3}}");
}

static void
refusal__of_everything__is_throttled(void **state)
{
    struct rig *rig = *state;

    start_with_switch(rig, refuse_macs);
    rig_want_ls(rig, BLUE, 100, TSN1);
    for (int i = 0; i < 1000; i++) {
        char mac[18];
        snprintf(mac, sizeof mac, "02:00:00:01:%02x:%02x", i >> 8, i & 0xff);
        rig_want_mac(rig, BLUE, mac, HOST1);
    }
    rig_run(rig, 1500);
    assert_in_range(transactions(rig), 10, 60);
    assert_int_equal(rig_ls_vni(rig, BLUE), 100);

    /* What is taken still is. */
    rig_want_ls(rig, RED, 200, TSN1);
    RIG_UNTIL(rig, !strcmp(rig_flood_ips(rig, RED), TSN1));
}

static enum proxy_fate
refuse_networks(const struct json *params, void *refuse)
{
    return (*(bool *) refuse && proxy_has_table(params, "Logical_Switch")
            ? PROXY_REFUSE : PROXY_PASS);
}

/* Leaks nothing of what was to be tried again. */
static void
refusal__of_a_row_that_is_there__session_can_be_ended(void **state)
{
    struct rig *rig = *state;
    bool refuse = false;

    rig_stop_session(rig);
    rig->proxy = proxy_create(rig->dir, refuse_networks, &refuse);
    rig_start_session(rig, proxy_remote(rig->proxy));
    rig_want_ls(rig, BLUE, 100, "");
    RIG_UNTIL(rig, rig_all_written(rig));
    refuse = true;
    rig_want_ls(rig, BLUE, 101, "");
    RIG_UNTIL(rig, strstr(rig_entry(rig, "networks", "name", BLUE, "reason"),
                          "the switch refused it"));
    rig_stop_session(rig);
}

/* Restarts. */

static void
restart__server_killed__costs_no_transaction(void **state)
{
    struct rig *rig = *state;

    want_blue(rig);
    RIG_UNTIL(rig, rig_all_written(rig));
    uint64_t n = transactions(rig);
    for (int i = 1; i < 3; i++) {
        rig_stop_server(rig, i == 1 ? SIGKILL : SIGTERM);
        RIG_UNTIL(rig, rig->n_down == i);
        assert_true(*rig_status_text(rig, "ovsdb", "reason"));
        rig_start_server(rig);
        RIG_UNTIL(rig, rig->n_up == i + 1);
    }
    RIG_UNTIL(rig, rig_all_written(rig));
    rig_settle(rig);
    assert_int_equal(transactions(rig), n);
    assert_true(is_blue(rig));
}

static void
restart__database_changed_meanwhile__is_put_right(void **state)
{
    struct rig *rig = *state;

    want_blue(rig);
    RIG_UNTIL(rig, rig_all_written(rig));
    rig_stop_server(rig, SIGKILL);
    RIG_UNTIL(rig, rig->n_down == 1);
    rig_transact_offline(rig, "[\"hardware_vtep\", {\"op\": \"delete\", "
                              "\"table\": \"Ucast_Macs_Remote\", \"where\": "
                              "[[\"MAC\", \"==\", \"" MAC2 "\"]]}]");
    rig_start_server(rig);
    RIG_UNTIL(rig, rig->n_up == 2);
    RIG_UNTIL(rig, is_blue(rig));
}

static void
restart__database_lost__is_written_again(void **state)
{
    struct rig *rig = *state;

    want_blue(rig);
    RIG_UNTIL(rig, rig_all_written(rig));
    rig_stop_server(rig, SIGKILL);
    RIG_UNTIL(rig, rig->n_down == 1);
    ovsdb_idl_destroy(rig->db);
    rig_make_database(rig, VTEP_SCHEMA, NULL);
    rig_start_server(rig);
    rig_start_db(rig);
    rig_make_switch(rig, RIG_SWITCH, RIG_OWN_VTEP);
    RIG_UNTIL(rig, rig->n_up == 2 && is_blue(rig));
}

static void
passive_remote__server_connects__is_served(void **state)
{
    struct rig *rig = *state;
    char *listen = xasprintf("punix:%s/agent", rig->dir);
    char *connect = xasprintf("unix:%s/agent", rig->dir);

    rig_stop_session(rig);
    rig_stop_server(rig, SIGTERM);
    rig_start_session(rig, listen);
    rig_settle(rig);
    assert_string_equal(rig_status_text(rig, "ovsdb", "reason"),
                        "waiting for the switch to connect");
    rig_start_server_to(rig, connect);
    want_blue(rig);
    RIG_UNTIL(rig, is_blue(rig));
    rig_stop_server(rig, SIGKILL);
    RIG_UNTIL(rig, rig->n_down == 1);
    rig_start_server_to(rig, connect);
    RIG_UNTIL(rig, rig->n_up == 2);
    free(listen);
    free(connect);
}

/* Schemas that lack something. */

static void
make_old(struct json *schema)
{
    static const char *const with_other_config[] = {
        "Global", "Physical_Switch", "Physical_Port", "Logical_Switch",
        "Logical_Router", "Manager",
    };

    for (size_t i = 0; i < ARRAY_SIZE(with_other_config); i++) {
        drop_column(schema, with_other_config[i], "other_config");
    }
    drop_column(schema, "Logical_Switch", "replication_mode");
    drop_column(schema, "Physical_Locator", "tunnel_key");
    json_destroy(shash_find_and_delete_assert(
        table(schema, "Physical_Locator"), "indexes"));

    struct json *tables = shash_find_data(json_object(schema), "tables");
    json_destroy(shash_find_and_delete_assert(json_object(tables),
                                              "Mcast_Macs_Local"));
    json_destroy(shash_find_and_delete_assert(json_object(tables),
                                              "Ucast_Macs_Local"));
    json_object_put_string(schema, "version", "1.3.0");
}

static void
schema__old_without_optional_parts__is_served(void **state)
{
    struct rig *rig = *state;

    start_with_switch(rig, make_old);
    want_blue(rig);
    RIG_UNTIL(rig, is_blue(rig));
    rig_settle(rig);
    assert_int_equal(transactions(rig), 1);
    assert_string_equal(rig_status_text(rig, "ovsdb", "schema"), "1.3.0");
    rig_want_ls(rig, BLUE, 101, "10.0.0.101");
    RIG_UNTIL(rig, rig_ls_vni(rig, BLUE) == 101);
    ovc_unwant_ls(rig->session, BLUE);
    RIG_UNTIL(rig, !rig_ls(rig, BLUE));
}

static void
drop_tunnel_ips(struct json *schema)
{
    drop_column(schema, "Physical_Switch", "tunnel_ips");
}

static void
schema__without_needed_column__is_refused_with_reason(void **state)
{
    struct rig *rig = *state;

    start(rig, VTEP_SCHEMA, drop_tunnel_ips);
    rig_start_session(rig, NULL);
    want_blue(rig);
    RIG_UNTIL(rig, !strcmp(rig_status_text(rig, "ovsdb", "reason"),
                           "the schema lacks Physical_Switch.tunnel_ips"));
    rig_run(rig, 100);
    assert_false(ovc_session_is_connected(rig->session));
    assert_int_equal(transactions(rig), 0);
    assert_non_null(strstr(rig_entry(rig, "macs", "mac", MAC1, "reason"),
                           "the schema lacks"));
}

static void
schema__of_another_database__is_refused_with_reason(void **state)
{
    struct rig *rig = *state;

    start(rig, OTHER_SCHEMA, NULL);
    rig_start_session(rig, NULL);
    want_blue(rig);
    RIG_UNTIL(rig, strstr(rig_status_text(rig, "ovsdb", "reason"),
                          "unknown database"));
    assert_false(ovc_session_is_connected(rig->session));
}

/* Nonsense. */

static void
assert_survives(struct rig *rig, const struct fake_answer *answers)
{
    rig_start_fake(rig, answers);
    rig_start_session(rig, rig_fake_remote(rig));
    want_blue(rig);
    RIG_UNTIL(rig, rig_fake_connects(rig));
    for (int i = 0; i < 20; i++) {
        rig_turn(rig, 1);
    }
    assert_false(ovc_session_is_connected(rig->session));
    rig_stop_session(rig);
    rig_stop_fake(rig);
}

static void
garbage__instead_of_json__ends_the_connection(void **state)
{
    static const char *const bytes[] = {
        "HTTP/1.0 400 Bad Request\r\n\r\n", "\n\n\n", "}", "[]", "{}", "\"",
        "{\"id\":", "\377\376\375", "null null null", "4711",
        "{\"method\":5,\"params\":[],\"id\":0}",
        "{\"method\":\"update\",\"params\":{},\"id\":null}",
        "{\"method\":\"echo\",\"params\":[],\"id\":\"x\"}{{{{",
    };
    struct rig *rig = rig_create();

    *state = rig;
    for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
        const struct fake_answer answers[] = { { "", bytes[i] }, { NULL } };
        assert_survives(rig, answers);
    }
}

static void
garbage__in_any_reply__is_survived(void **state)
{
    static const char *const results[] = {
        "4711", "\"\"", "[]", "{}", "true", "[[[]]]", "{\"tables\":5}",
        "{\"tables\":{\"Logical_Switch\":{\"columns\":[]}}}",
        "{\"name\":{},\"version\":[]}", "{\"name\":\"_Server\"}",
        "{\"name\":\"hardware_vtep\",\"version\":4711}",
        "{\"Physical_Switch\":5}", "{\"Physical_Switch\":{\"x\":{}}}",
        "{\"Physical_Switch\":{" A_UUID ":{\"new\":5}}}",
        "{\"Physical_Switch\":{" A_UUID ":{\"old\":{},\"new\":{\"name\":\"x\"}}}}",
        "{\"Physical_Switch\":{" A_UUID ":{\"old\":{}}}}",
        "{\"No_Such_Table\":{" A_UUID ":{\"new\":{}}}}",
    };
    static const char *const steps[] = {
        "get_schema _Server", "get_schema hardware_vtep",
        "monitor hardware_vtep",
    };
    struct rig *rig = rig_create();

    *state = rig;
    for (size_t step = 0; step < ARRAY_SIZE(steps); step++) {
        for (size_t i = 0; i < ARRAY_SIZE(results); i++) {
            char *answer = xasprintf("{\"id\":@ID@,\"error\":null,"
                                     "\"result\":%s}", results[i]);
            const struct fake_answer answers[] = {
                { steps[step], answer },
                NO_SERVER_DB,
                VTEP_DB,
                { NULL }
            };
            assert_survives(rig, answers);
            free(answer);
        }
    }
}

static void
garbage__in_updates__is_survived(void **state)
{
    static const char *const updates[] = {
        /* A switch that refers to what there is not. */
        "{\"Physical_Switch\":{" A_UUID ":{\"old\":{},\"new\":{\"ports\":"
        "[\"set\",[[\"uuid\"," B_UUID "],[\"uuid\"," A_UUID "]]]}}}}",
        "{\"Physical_Switch\":{" A_UUID ":{\"old\":{},\"new\":{\"name\":5}}}}",
        "{\"Physical_Switch\":{" A_UUID ":{\"old\":{},\"new\":{\"tunnel_ips\":"
        "[\"set\",[\"10.0.0.1\",\"\",\"x\",\"::1\"]]}}}}",
        "{\"Physical_Switch\":{" A_UUID ":{\"old\":5}}}",
        "{\"Physical_Switch\":{" B_UUID ":{\"old\":{}}}}",
        "{\"Physical_Port\":{" B_UUID ":{\"new\":{\"name\":\"p1\","
        "\"vlan_bindings\":[\"map\",[[0,[\"uuid\"," B_UUID "]],"
        "[-5,[\"uuid\"," A_UUID "]],[99999,[\"uuid\"," A_UUID "]]]]}}}}",
        "{\"Logical_Switch\":{" B_UUID ":{\"new\":{\"tunnel_key\":-1}},"
        A_UUID ":{\"new\":{\"tunnel_key\":99999999999}}}}",
        "{\"Ucast_Macs_Remote\":{" B_UUID ":{\"new\":{}}}}",
        "{\"Ucast_Macs_Local\":{" B_UUID ":{\"new\":{\"MAC\":\"x\","
        "\"logical_switch\":[\"uuid\"," A_UUID "]}}}}",
        "{\"Mcast_Macs_Remote\":{" B_UUID ":{\"new\":{\"MAC\":"
        "\"unknown-dst\",\"logical_switch\":[\"uuid\"," A_UUID "],"
        "\"locator_set\":[\"uuid\"," B_UUID "]}}}}",
        "{\"Physical_Locator\":{" B_UUID ":{\"new\":{\"dst_ip\":\"?\"}}}}",
        "{\"Physical_Locator_Set\":{" B_UUID ":{\"new\":{\"locators\":"
        "[\"uuid\"," B_UUID "]}}}}",
        "{\"Physical_Locator_Set\":{" B_UUID ":{\"new\":{\"locators\":"
        "[\"set\",[]]}}}}",
        "{\"Mcast_Macs_Local\":{" B_UUID ":{\"new\":{\"locator_set\":"
        "[\"uuid\"," B_UUID "]}}}}",
        "5", "[]", "null",
    };
    static const struct fake_answer answers[] = {
        NO_SERVER_DB, VTEP_DB,
        MONITOR("{" SWITCH ",\"Logical_Switch\":{" A_UUID ":{\"new\":"
                "{\"name\":\"" BLUE "\",\"tunnel_key\":7}}}}"),
        { NULL }
    };
    struct rig *rig = rig_create();

    *state = rig;
    for (size_t i = 0; i < ARRAY_SIZE(updates); i++) {
        char *update = xasprintf(
            "{\"id\":null,\"method\":\"update\",\"params\":"
            "[[\"monid\",\"hardware_vtep\"],%s]}", updates[i]);
        rig_start_fake(rig, answers);
        rig_start_session(rig, rig_fake_remote(rig));
        want_blue(rig);
        RIG_UNTIL(rig, ovc_session_is_connected(rig->session));
        rig_fake_send(rig, update);
        for (int j = 0; j < 10; j++) {
            rig_turn(rig, 1);
        }
        ovc_unwant_ls(rig->session, BLUE);
        rig_turn(rig, 1);
        rig_stop_session(rig);
        rig_stop_fake(rig);
        free(update);
    }
}

static void
garbage__that_kills_libopenvswitch__is_kept_away(void **state)
{
    static const struct fake_answer answers[] = {
        NO_SERVER_DB, VTEP_DB, MONITOR("{" SWITCH "}"), { NULL }
    };
    static const struct fake_answer server_db[] = {
        { "get_schema _Server", "{\"id\":@ID@,\"error\":null,\"result\":"
          "{\"name\":\"_Server\",\"tables\":{\"Database\":{\"columns\":{}}}}}"
        },
        { "monitor_cond _Server", "{\"id\":@ID@,\"error\":null,\"result\":"
          "{\"Database\":{" A_UUID ":{\"old\":{}}}}}" },
        { NULL }
    };
    struct rig *rig = rig_create();

    *state = rig;
    rig_start_fake(rig, answers);
    rig_start_session(rig, rig_fake_remote(rig));
    RIG_UNTIL(rig, ovc_session_is_connected(rig->session));
    rig_fake_send(rig, "{\"id\":null,\"method\":\"update3\",\"params\":"
                       "[[\"monid\",\"hardware_vtep\"],5,{}]}");
    RIG_UNTIL(rig, rig->n_down == 1);
    assert_non_null(strstr(rig_status_text(rig, "ovsdb", "reason"),
                           "protocol violation"));
    assert_int_equal(rig_status(rig, "ovsdb", "bad_messages"), 1);
    RIG_UNTIL(rig, rig->n_up == 2);
    rig_stop_session(rig);
    rig_stop_fake(rig);

    assert_survives(rig, server_db);
}

static void
garbage__that_libopenvswitch_passes_over__ends_the_connection(void **state)
{
    static const struct fake_answer answers[] = {
        NO_SERVER_DB, VTEP_DB, MONITOR("{" SWITCH "}"), { NULL }
    };
    static const char *const params[] = {
        "[1]", "[[\"monid\",\"hardware_vtep\"],5]",
        "[[\"monid\",\"hardware_vtep\"],{\"Logical_Switch\":[]}]",
        "[[\"monid\",\"hardware_vtep\"],{\"Logical_Switch\":{" A_UUID ":1}}]",
    };
    struct rig *rig = rig_create();

    *state = rig;
    for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
        char *update = xasprintf("{\"id\":null,\"method\":\"update\","
                                 "\"params\":%s}", params[i]);
        rig->n_down = 0;
        rig_start_fake(rig, answers);
        rig_start_session(rig, rig_fake_remote(rig));
        RIG_UNTIL(rig, ovc_session_is_connected(rig->session));
        rig_fake_send(rig, update);
        RIG_UNTIL(rig, rig->n_down == 1);
        assert_int_equal(rig_status(rig, "ovsdb", "bad_messages"), 1);
        rig_stop_session(rig);
        rig_stop_fake(rig);
        free(update);
    }
}

/* Slow and forgetful servers. */

#define REPLY_TO_ALL \
    { "transact", "{\"id\":@ID@,\"error\":null,\"result\":[" \
      "{\"uuid\":[\"uuid\"," B_UUID "]},{\"uuid\":[\"uuid\"," B_UUID "]}," \
      "{\"uuid\":[\"uuid\"," B_UUID "]}]}" }

static void
update__later_than_reply__is_waited_for(void **state)
{
    static const struct fake_answer answers[] = {
        NO_SERVER_DB, VTEP_DB, MONITOR("{" SWITCH "}"), REPLY_TO_ALL, { NULL }
    };
    struct rig *rig = rig_create();

    *state = rig;
    rig_start_fake(rig, answers);
    rig_start_session(rig, rig_fake_remote(rig));
    rig_want_ls(rig, BLUE, 100, "");
    RIG_UNTIL(rig, rig_fake_requests(rig, "transact") == 1);
    rig_run(rig, 300);
    assert_int_equal(rig_fake_requests(rig, "transact"), 1);
    assert_string_equal(rig_entry(rig, "networks", "name", BLUE, "reason"),
                        "waiting for the switch to show it");
    rig_fake_send(rig, "{\"id\":null,\"method\":\"update\",\"params\":"
                       "[[\"monid\",\"hardware_vtep\"],{\"Logical_Switch\":{"
                       B_UUID ":{\"new\":{\"name\":\"" BLUE "\","
                       "\"tunnel_key\":100}}}}]}");
    RIG_UNTIL(rig, rig_all_written(rig));
    rig_run(rig, 100);
    assert_int_equal(rig_fake_requests(rig, "transact"), 1);
}

static void
reply__never_comes__session_is_renewed(void **state)
{
    static const struct fake_answer answers[] = {
        NO_SERVER_DB, VTEP_DB, MONITOR("{" SWITCH "}"), { NULL }
    };
    struct rig *rig = rig_create();

    *state = rig;
    rig_start_fake(rig, answers);
    rig_start_session(rig, rig_fake_remote(rig));
    rig_want_ls(rig, BLUE, 100, "");
    RIG_UNTIL(rig, rig_fake_requests(rig, "transact") == 1);

    /* As if sent a minute ago. */
    rig->session->flights[0].sent_ms -= OVC_TXN_TIMEOUT_MS + 1;
    RIG_UNTIL(rig, rig_fake_closes(rig) == 1);
    RIG_UNTIL(rig, rig_fake_requests(rig, "transact") == 2);
}

/* A database with a network and a locator in it, that answers nothing. */
#define WITH_BLUE \
    "{" SWITCH ",\"Logical_Switch\":{" A_UUID ":{\"new\":" \
    "{\"name\":\"" BLUE "\",\"tunnel_key\":100}}}," \
    "\"Physical_Locator\":{" B_UUID ":{\"new\":" \
    "{\"encapsulation_type\":\"vxlan_over_ipv4\"," \
    "\"dst_ip\":\"" HOST1 "\"}}}}"

/* Wants 'n' MACs behind 'vtep', and returns the transactions that leave before
 * any is answered. */
static int
count_flights(struct rig *rig, int n, const char *vtep)
{
    static const struct fake_answer answers[] = {
        NO_SERVER_DB, VTEP_DB, MONITOR(WITH_BLUE), { NULL }
    };
    char mac[] = MAC1;

    rig_start_fake(rig, answers);
    rig_start_session(rig, rig_fake_remote(rig));
    rig_want_ls(rig, BLUE, 100, "");
    for (int i = 0; i < n; i++) {
        snprintf(mac, sizeof mac, "02:00:00:00:%02x:%02x", i >> 8, i & 255);
        rig_want_mac(rig, BLUE, mac, vtep);
    }
    RIG_UNTIL(rig, rig_fake_requests(rig, "transact") >= 1);
    rig_run(rig, 200);
    return rig_fake_requests(rig, "transact");
}

static void
chunks__that_only_add_macs__leave_several_at_a_time(void **state)
{
    struct rig *rig = *state = rig_create();

    assert_int_equal(count_flights(rig, (OVC_WINDOW + 3) * OVC_MAX_TXN_OPS,
                                   HOST1),
                     OVC_WINDOW);
}

static void
chunks__after_one_that_inserts_a_locator__wait_for_its_reply(void **state)
{
    struct rig *rig = *state = rig_create();

    assert_int_equal(count_flights(rig, 5 * OVC_MAX_TXN_OPS, HOST2), 1);
}

static void
change__while_chunks_are_on_their_way__waits_for_their_replies(void **state)
{
    struct rig *rig = *state = rig_create();

    assert_int_equal(count_flights(rig, OVC_MAX_TXN_OPS, HOST1), 1);
    rig_want_ls(rig, RED, 200, "");
    rig_run(rig, 200);
    assert_int_equal(rig_fake_requests(rig, "transact"), 1);
}

int
main(int argc, char *argv[])
{
#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, rig_setup, \
                                                   rig_teardown)
#define FAKE(NAME) cmocka_unit_test_teardown(NAME, rig_teardown)
    const struct CMUnitTest tests[] = {
        CASE(refusal__of_one_network__does_not_block_others),
        CASE(refusal__of_some_macs_in_a_thousand__costs_few_transactions),
        CASE(refusal__of_everything__is_throttled),
        CASE(refusal__of_a_row_that_is_there__session_can_be_ended),
        CASE(restart__server_killed__costs_no_transaction),
        CASE(restart__database_changed_meanwhile__is_put_right),
        CASE(restart__database_lost__is_written_again),
        CASE(passive_remote__server_connects__is_served),
        CASE(schema__old_without_optional_parts__is_served),
        CASE(schema__without_needed_column__is_refused_with_reason),
        CASE(schema__of_another_database__is_refused_with_reason),
        FAKE(garbage__instead_of_json__ends_the_connection),
        FAKE(garbage__in_any_reply__is_survived),
        FAKE(garbage__in_updates__is_survived),
        FAKE(garbage__that_kills_libopenvswitch__is_kept_away),
        FAKE(garbage__that_libopenvswitch_passes_over__ends_the_connection),
        FAKE(update__later_than_reply__is_waited_for),
        FAKE(reply__never_comes__session_is_renewed),
        FAKE(chunks__that_only_add_macs__leave_several_at_a_time),
        FAKE(chunks__after_one_that_inserts_a_locator__wait_for_its_reply),
        FAKE(change__while_chunks_are_on_their_way__waits_for_their_replies),
    };

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
