/* SPDX-License-Identifier: Apache-2.0 */
/* One database with several switches (spec A.9, J.14). */
#include <config.h>
#include "tests/unit/ovc_rig.h"

#include <string.h>

#include "ovsdb-client/operator.h"
#include "util.h"

#define BLUE TSN_LS_PREFIX "11111111-1111-1111-1111-111111111111"
#define RED TSN_LS_PREFIX "22222222-2222-2222-2222-222222222222"
#define LEAF1 "leaf1"
#define LEAF2 "leaf2"
#define LEAF3 "leaf3"
#define VTEP1 "10.0.0.11"
#define VTEP2 "10.0.0.12"
#define TSN1 "10.0.0.100"
#define HOST1 "10.0.1.1"
#define MAC1 "02:00:00:00:00:01"
#define MAC2 "02:00:00:00:00:02"

static const char *const leaves[] = { LEAF1, LEAF2 };

/* A database with 'leaves' and LEAF3, which is not ours. */
static int
setup(void **state)
{
    rig_setup(state);
    struct rig *rig = *state;

    rig_stop_session(rig);
    rig_make_switch(rig, LEAF1, VTEP1);
    rig_make_switch(rig, LEAF2, VTEP2);
    rig_make_switch(rig, LEAF3, "10.0.0.13");
    rig->switches = leaves;
    rig->n_switches = ARRAY_SIZE(leaves);
    rig_start_session(rig, NULL);
    return 0;
}

static void
want_blue(struct rig *rig)
{
    rig_want_ls(rig, BLUE, 100, TSN1);
    ovc_want_binding(rig->session, LEAF1, "p1", 5, BLUE);
    ovc_want_binding(rig->session, LEAF2, "p1", 6, BLUE);
    rig_want_mac(rig, BLUE, MAC1, HOST1);
}

static void
rename_switch(struct rig *rig, const char *from, const char *to)
{
    rig_begin(rig);
    vteprec_physical_switch_set_name(rig_switch(rig, from), to);
    rig_end(rig);
}

static void
ports__of_one_name_on_two_switches__are_bound_apart(void **state)
{
    struct rig *rig = *state;

    want_blue(rig);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_string_equal(rig_switch_binding(rig, LEAF1, "p1", 5), BLUE);
    assert_string_equal(rig_switch_binding(rig, LEAF1, "p1", 6), "");
    assert_string_equal(rig_switch_binding(rig, LEAF2, "p1", 5), "");
    assert_string_equal(rig_switch_binding(rig, LEAF2, "p1", 6), BLUE);
    assert_string_equal(rig_status_text(rig, "ovsdb", "lacks"), "");

    ovc_unwant_binding(rig->session, LEAF2, "p1", 6);
    RIG_UNTIL(rig, !*rig_switch_binding(rig, LEAF2, "p1", 6));
    assert_string_equal(rig_switch_binding(rig, LEAF1, "p1", 5), BLUE);
}

static void
binding__of_a_switch_not_served__has_no_effect(void **state)
{
    struct rig *rig = *state;

    want_blue(rig);
    ovc_want_binding(rig->session, LEAF3, "p1", 7, BLUE);
    RIG_UNTIL(rig, rig_all_written(rig));
    rig_settle(rig);
    assert_string_equal(rig_switch_binding(rig, LEAF3, "p1", 7), "");
    ovc_unwant_binding(rig->session, LEAF3, "p1", 7);
}

static void
own_vtep__of_any_switch__is_never_a_remote(void **state)
{
    struct rig *rig = *state;
    size_t n;

    want_blue(rig);
    rig_want_mac(rig, BLUE, MAC2, VTEP2);
    RIG_UNTIL(rig, rig_n_macs(rig, BLUE) == 1);
    rig_settle(rig);
    assert_null(rig_mac(rig, BLUE, MAC2));
    assert_string_equal(rig_entry(rig, "macs", "mac", MAC2, "reason"),
                        "the VTEP is the switch itself");
    ovc_session_tunnel_ips(rig->session, &n);
    assert_int_equal(n, 2);

    /* The second switch moves to another address: looked at anew. */
    const char *ip = HOST1;
    rig_begin(rig);
    vteprec_physical_switch_set_tunnel_ips(rig_switch(rig, LEAF2), &ip, 1);
    rig_end(rig);
    RIG_UNTIL(rig, rig_mac(rig, BLUE, MAC2) && !rig_mac(rig, BLUE, MAC1));
    assert_string_equal(rig_mac_vtep(rig, BLUE, MAC2), VTEP2);
}

static void
tunnel_ips__of_one_switch_unknown__its_networks_wait(void **state)
{
    struct rig *rig = *state;
    const char *ip = VTEP2;

    rig_begin(rig);
    vteprec_physical_switch_set_tunnel_ips(rig_switch(rig, LEAF2), NULL, 0);
    rig_end(rig);
    rig_want_ls(rig, BLUE, 100, TSN1);
    rig_want_ls(rig, RED, 200, TSN1);
    ovc_want_binding(rig->session, LEAF1, "p1", 5, BLUE);
    ovc_want_binding(rig->session, LEAF2, "p1", 6, RED);
    rig_want_mac(rig, BLUE, MAC1, HOST1);
    rig_want_mac(rig, RED, MAC2, HOST1);
    RIG_UNTIL(rig, rig_mac(rig, BLUE, MAC1));
    rig_settle(rig);
    assert_null(rig_mac(rig, RED, MAC2));
    assert_string_equal(rig_entry(rig, "macs", "mac", MAC2, "reason"),
                        "the switch has no tunnel_ips");

    /* Another network on that switch waits from then on. */
    ovc_want_binding(rig->session, LEAF2, "p2", 5, BLUE);
    RIG_UNTIL(rig, !strcmp(rig_entry(rig, "macs", "mac", MAC1, "reason"),
                           "the switch has no tunnel_ips"));
    assert_non_null(rig_mac(rig, BLUE, MAC1));
    ovc_unwant_binding(rig->session, LEAF2, "p2", 5);
    RIG_UNTIL(rig, !strcmp(rig_entry(rig, "macs", "mac", MAC1, "state"),
                           "written"));

    rig_begin(rig);
    vteprec_physical_switch_set_tunnel_ips(rig_switch(rig, LEAF2), &ip, 1);
    rig_end(rig);
    RIG_UNTIL(rig, rig_mac(rig, RED, MAC2));
}

static void
switch_missing__among_others__they_are_served(void **state)
{
    struct rig *rig = *state;

    want_blue(rig);
    RIG_UNTIL(rig, rig_all_written(rig));
    rename_switch(rig, LEAF2, "LEAF2.example.net");
    RIG_UNTIL(rig, *rig_status_text(rig, "ovsdb", "lacks"));
    assert_non_null(strstr(rig_status_text(rig, "ovsdb", "lacks"),
                           "no Physical_Switch named \"leaf2\", the database "
                           "has "));
    assert_non_null(strstr(rig_status_text(rig, "ovsdb", "lacks"),
                           "is \"LEAF2.example.net\" meant?"));
    assert_true(ovc_session_is_connected(rig->session));
    assert_int_equal(rig->n_down, 0);
    RIG_UNTIL(rig, !strcmp(rig_entry(rig, "bindings", "switch", LEAF2,
                                     "reason"),
                           "the database has no such switch"));

    /* Its row under the foreign name is left alone, the other one's is not. */
    ovc_want_binding(rig->session, LEAF2, "p2", 8, BLUE);
    ovc_want_binding(rig->session, LEAF1, "p2", 8, BLUE);
    RIG_UNTIL(rig, !strcmp(rig_switch_binding(rig, LEAF1, "p2", 8), BLUE));
    rig_settle(rig);
    assert_string_equal(rig_switch_binding(rig, "LEAF2.example.net", "p1", 6),
                        BLUE);
    assert_string_equal(rig_switch_binding(rig, "LEAF2.example.net", "p2", 8),
                        "");

    rename_switch(rig, "LEAF2.example.net", LEAF2);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_string_equal(rig_switch_binding(rig, LEAF2, "p2", 8), BLUE);
    assert_string_equal(rig_status_text(rig, "ovsdb", "lacks"), "");
}

static void
switch__none_is_there__database_is_left_alone(void **state)
{
    struct rig *rig = *state;

    want_blue(rig);
    RIG_UNTIL(rig, rig_all_written(rig));
    rename_switch(rig, LEAF1, "x1");
    RIG_UNTIL(rig, *rig_status_text(rig, "ovsdb", "lacks"));
    rename_switch(rig, LEAF2, "x2");
    RIG_UNTIL(rig, rig->n_down == 1);
    rig_unwant_mac(rig, BLUE, MAC1);
    rig_run(rig, 100);
    assert_non_null(rig_mac(rig, BLUE, MAC1));
    rename_switch(rig, "x2", LEAF2);
    RIG_UNTIL(rig, !rig_mac(rig, BLUE, MAC1));
    RIG_UNTIL(rig, rig->n_up == 2);
    assert_string_equal(rig_switch_binding(rig, LEAF2, "p1", 6), BLUE);
}

static void
port__moves_from_one_switch_to_another__is_bound_there(void **state)
{
    struct rig *rig = *state;

    want_blue(rig);
    ovc_want_binding(rig->session, LEAF2, "p9", 9, BLUE);
    RIG_UNTIL(rig, !strcmp(rig_entry(rig, "bindings", "port", "p9", "reason"),
                           "the switch has no such port"));
    rig_begin(rig);
    struct vteprec_physical_port *port = CONST_CAST(
        struct vteprec_physical_port *, rig_switch_port(rig, LEAF1, "p2"));
    vteprec_physical_switch_update_ports_delvalue(rig_switch(rig, LEAF1),
                                                  port);
    vteprec_physical_switch_update_ports_addvalue(rig_switch(rig, LEAF2),
                                                  port);
    vteprec_physical_port_set_name(port, "p9");
    rig_end(rig);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_string_equal(rig_switch_binding(rig, LEAF2, "p9", 9), BLUE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            ports__of_one_name_on_two_switches__are_bound_apart,
            setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            binding__of_a_switch_not_served__has_no_effect,
            setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            own_vtep__of_any_switch__is_never_a_remote,
            setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            tunnel_ips__of_one_switch_unknown__its_networks_wait,
            setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            switch_missing__among_others__they_are_served,
            setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            switch__none_is_there__database_is_left_alone,
            setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            port__moves_from_one_switch_to_another__is_bound_there,
            setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
