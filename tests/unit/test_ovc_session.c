/* SPDX-License-Identifier: Apache-2.0 */
/* An ovc_session and a well-behaved ovsdb-server: what is wanted gets written,
 * and only that. */
#include <config.h>
#include "tests/unit/ovc_rig.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/shash.h"
#include "ovsdb-client/private.h"
#include "timeval.h"
#include "util.h"

#define BLUE TSN_LS_PREFIX "11111111-1111-1111-1111-111111111111"
#define RED TSN_LS_PREFIX "22222222-2222-2222-2222-222222222222"
#define GREEN TSN_LS_PREFIX "33333333-3333-3333-3333-333333333333"

#define TSN1 "10.0.0.100"
#define TSN2 "10.0.0.101"
#define HOST1 "10.0.1.1"
#define HOST2 "10.0.1.2"

#define MAC1 "02:00:00:00:00:01"
#define MAC2 "02:00:00:00:00:02"
#define MAC3 "02:00:00:00:00:0c"

static uint64_t
transactions(struct rig *rig)
{
    return rig_status(rig, "ovsdb", "transactions");
}

/* A network with a bit of everything. */
static void
want_blue(struct rig *rig)
{
    rig_want_ls(rig, BLUE, 100, TSN1);
    ovc_want_binding(rig->session, RIG_SWITCH, "p1", 0, BLUE);
    ovc_want_binding(rig->session, RIG_SWITCH, "p2", 10, BLUE);
    rig_want_mac(rig, BLUE, MAC1, HOST1);
    rig_want_mac(rig, BLUE, MAC2, HOST2);
}

static bool
is_blue(struct rig *rig)
{
    const char *mode = (rig_ls(rig, BLUE)
                        ? rig_ls(rig, BLUE)->replication_mode : NULL);

    return (rig_ls_vni(rig, BLUE) == 100
            && mode && !strcmp(mode, "service_node")
            && !strcmp(rig_flood_ips(rig, BLUE), TSN1)
            && rig_n_floods(rig, BLUE) == 1
            && !strcmp(rig_binding(rig, "p1", 0), BLUE)
            && !strcmp(rig_binding(rig, "p2", 10), BLUE)
            && !strcmp(rig_mac_vtep(rig, BLUE, MAC1), HOST1)
            && !strcmp(rig_mac_vtep(rig, BLUE, MAC2), HOST2)
            && rig_n_macs(rig, BLUE) == 2);
}

static void
write_blue(struct rig *rig)
{
    want_blue(rig);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_true(is_blue(rig));
}

/* Rows of somebody else's making. */

static struct vteprec_logical_switch *
add_ls(struct rig *rig, const char *name, int64_t vni)
{
    struct vteprec_logical_switch *ls
        = vteprec_logical_switch_insert(rig->txn);

    vteprec_logical_switch_set_name(ls, name);
    vteprec_logical_switch_set_tunnel_key(ls, &vni, 1);
    return ls;
}

static void
add_mac(struct rig *rig, const struct vteprec_logical_switch *ls,
        const char *mac, const char *ip)
{
    struct vteprec_ucast_macs_remote *row
        = vteprec_ucast_macs_remote_insert(rig->txn);

    vteprec_ucast_macs_remote_set_MAC(row, mac);
    vteprec_ucast_macs_remote_set_logical_switch(row, ls);
    vteprec_ucast_macs_remote_set_locator(row, rig_locator(rig, ip));
}

static void
add_flood(struct rig *rig, const struct vteprec_logical_switch *ls,
          const char *mac, const char *ip)
{
    struct vteprec_physical_locator *locator
        = CONST_CAST(struct vteprec_physical_locator *, rig_locator(rig, ip));
    struct vteprec_physical_locator_set *set
        = vteprec_physical_locator_set_insert(rig->txn);
    struct vteprec_mcast_macs_remote *row
        = vteprec_mcast_macs_remote_insert(rig->txn);

    vteprec_physical_locator_set_set_locators(set, &locator, 1);
    vteprec_mcast_macs_remote_set_MAC(row, mac);
    vteprec_mcast_macs_remote_set_logical_switch(row, ls);
    vteprec_mcast_macs_remote_set_locator_set(row, set);
}

static void
add_local_mac(struct rig *rig, const struct vteprec_logical_switch *ls,
              const char *mac, const char *ip)
{
    struct vteprec_ucast_macs_local *row
        = vteprec_ucast_macs_local_insert(rig->txn);

    vteprec_ucast_macs_local_set_MAC(row, mac);
    vteprec_ucast_macs_local_set_logical_switch(row, ls);
    vteprec_ucast_macs_local_set_locator(row, rig_locator(rig, ip));
}

/* Writing. */

static void
session__empty_database__gets_all_rows_at_once(void **state)
{
    struct rig *rig = *state;

    want_blue(rig);
    assert_string_equal(rig_entry(rig, "networks", "name", BLUE, "state"),
                        "waiting");
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_true(is_blue(rig));
    assert_int_equal(transactions(rig), 1);
    assert_int_equal(rig->n_up, 1);
    assert_int_equal(rig_status(rig, "rows", "wanted"), 6);
    assert_string_equal(rig_entry(rig, "macs", "mac", MAC1, "state"),
                        "written");
    assert_string_equal(rig_status_text(rig, "ovsdb", "schema"), "1.7.0");

    /* Repeating is free. */
    want_blue(rig);
    rig_settle(rig);
    assert_int_equal(transactions(rig), 1);
}

static void
session__mac_moves__same_row_gets_new_locator(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    struct uuid uuid = rig_mac(rig, BLUE, MAC1)->header_.uuid;
    rig_want_mac(rig, BLUE, MAC1, HOST2);
    RIG_UNTIL(rig, !strcmp(rig_mac_vtep(rig, BLUE, MAC1), HOST2));
    assert_true(uuid_equals(&uuid, &rig_mac(rig, BLUE, MAC1)->header_.uuid));
    rig_unwant_mac(rig, BLUE, MAC1);
    RIG_UNTIL(rig, !rig_mac(rig, BLUE, MAC1));
    assert_int_equal(rig_n_macs(rig, BLUE), 1);
}

static void
session__flood_changes__same_row_gets_new_set(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    struct uuid uuid = rig_flood(rig, BLUE)->header_.uuid;
    rig_want_ls(rig, BLUE, 100, TSN2);
    RIG_UNTIL(rig, !strcmp(rig_flood_ips(rig, BLUE), TSN2));
    rig_want_ls(rig, BLUE, 100, TSN2 " " TSN1 " " TSN2);
    RIG_UNTIL(rig, !strcmp(rig_flood_ips(rig, BLUE), TSN1 " " TSN2));
    assert_true(uuid_equals(&uuid, &rig_flood(rig, BLUE)->header_.uuid));

    /* The order does not matter, so neither does a repetition. */
    rig_settle(rig);
    uint64_t before = transactions(rig);
    rig_want_ls(rig, BLUE, 100, TSN1 " " TSN2);
    rig_settle(rig);
    assert_int_equal(transactions(rig), before);

    rig_want_ls(rig, BLUE, 100, "");
    RIG_UNTIL(rig, !rig_flood(rig, BLUE));
    assert_int_equal(rig_ls_vni(rig, BLUE), 100);
}

static void
session__restart_with_matching_database__writes_nothing(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_stop_session(rig);
    rig_start_session(rig, NULL);
    want_blue(rig);
    ovc_session_set_config_complete(rig->session);
    RIG_UNTIL(rig, rig_all_written(rig));
    rig_settle(rig);
    assert_int_equal(transactions(rig), 0);
    assert_int_equal(rig_status(rig, "rows", "stale"), 0);
    assert_true(is_blue(rig));
}

static void
session__rows_for_many_transactions__are_written_in_chunks(void **state)
{
    struct rig *rig = *state;

    rig_want_ls(rig, BLUE, 100, TSN1);
    for (int i = 0; i < 1000; i++) {
        char mac[18];
        snprintf(mac, sizeof mac, "02:00:00:01:%02x:%02x", i >> 8, i & 0xff);
        rig_want_mac(rig, BLUE, mac, i & 1 ? HOST1 : HOST2);
    }
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_int_equal(rig_n_macs(rig, BLUE), 1000);
    assert_in_range(transactions(rig), 11, 12);

    ovc_unwant_ls(rig->session, BLUE);
    RIG_UNTIL(rig, !rig_ls(rig, BLUE));
    assert_int_equal(rig_n_macs(rig, BLUE), 0);
}

/* VNIs. */

static void
vni__two_networks_swap__in_one_transaction(void **state)
{
    struct rig *rig = *state;

    rig_want_ls(rig, BLUE, 100, TSN1);
    rig_want_ls(rig, RED, 200, TSN1);
    RIG_UNTIL(rig, rig_all_written(rig));
    uint64_t before = transactions(rig);
    rig_want_ls(rig, BLUE, 200, TSN1);
    rig_want_ls(rig, RED, 100, TSN1);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_int_equal(rig_ls_vni(rig, BLUE), 200);
    assert_int_equal(rig_ls_vni(rig, RED), 100);
    assert_int_equal(transactions(rig), before + 1);
}

static void
vni__many_networks_shift__goes_without_a_duplicate(void **state)
{
    enum { N = 250 };
    struct rig *rig = *state;
    char name[64];

    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, TSN_LS_PREFIX "%d", i);
        rig_want_ls(rig, name, 1000 + i, "");
    }
    RIG_UNTIL(rig, rig_all_written(rig));

    /* Each takes the VNI of the next one; the last one a free one. */
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, TSN_LS_PREFIX "%d", i);
        rig_want_ls(rig, name, 1001 + i, "");
    }
    long long deadline = rig_deadline(RIG_MS);
    while (!rig_all_written(rig)) {
        const struct vteprec_logical_switch *ls;
        bool used[N + 1] = { false };

        assert_false(rig_expired(deadline));
        rig_turn(rig, 50);
        VTEPREC_LOGICAL_SWITCH_FOR_EACH (ls, rig->db) {
            assert_false(used[*ls->tunnel_key - 1000]);
            used[*ls->tunnel_key - 1000] = true;
        }
    }
    assert_int_equal(rig_ls_vni(rig, TSN_LS_PREFIX "0"), 1001);
    assert_int_equal(rig_ls_vni(rig, TSN_LS_PREFIX "249"), 1250);

    /* A cycle through all of them goes as a whole. */
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, TSN_LS_PREFIX "%d", i);
        rig_want_ls(rig, name, 1001 + (i + 1) % N, "");
    }
    uint64_t before = transactions(rig);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_int_equal(transactions(rig), before + 1);
    assert_int_equal(rig_ls_vni(rig, TSN_LS_PREFIX "249"), 1001);
}

static void
vni__wanted_twice__second_waits_for_first(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_want_ls(rig, RED, 100, TSN1);
    rig_want_mac(rig, RED, MAC3, HOST1);
    rig_settle(rig);
    assert_null(rig_ls(rig, RED));
    assert_string_equal(rig_entry(rig, "networks", "name", RED, "reason"),
                        "another network wants the same VNI: " BLUE);
    assert_string_equal(rig_entry(rig, "macs", "mac", MAC3, "state"),
                        "waiting");
    ovc_unwant_ls(rig->session, BLUE);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_int_equal(rig_ls_vni(rig, RED), 100);
    assert_string_equal(rig_mac_vtep(rig, RED, MAC3), HOST1);
    assert_null(rig_ls(rig, BLUE));
}

static void
vni__held_by_somebody_else__waits_with_reason(void **state)
{
    struct rig *rig = *state;

    rig_begin(rig);
    add_ls(rig, "theirs", 100);
    rig_end(rig);
    rig_want_ls(rig, BLUE, 100, TSN1);
    RIG_UNTIL(rig, ovc_session_is_connected(rig->session));
    rig_settle(rig);
    assert_null(rig_ls(rig, BLUE));
    assert_string_equal(rig_entry(rig, "networks", "name", BLUE, "reason"),
                        "the VNI is taken: theirs");
    rig_begin(rig);
    vteprec_logical_switch_delete(rig_ls(rig, "theirs"));
    rig_end(rig);
    RIG_UNTIL(rig, rig_ls_vni(rig, BLUE) == 100);
}

static void
vni__held_by_stale_network__is_freed_once_config_is_complete(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_stop_session(rig);
    rig_start_session(rig, NULL);
    rig_want_ls(rig, RED, 100, TSN1);
    RIG_UNTIL(rig, ovc_session_is_connected(rig->session));
    rig_settle(rig);
    assert_null(rig_ls(rig, RED));
    assert_int_equal(transactions(rig), 0);
    ovc_session_set_config_complete(rig->session);
    RIG_UNTIL(rig, rig_ls_vni(rig, RED) == 100);
    assert_null(rig_ls(rig, BLUE));
}

static void
vni__zero_or_too_big__is_not_written(void **state)
{
    struct rig *rig = *state;

    rig_want_ls(rig, BLUE, 0, TSN1);
    rig_want_ls(rig, RED, TSN_VNI_MAX + 1, TSN1);
    rig_want_ls(rig, GREEN, TSN_VNI_MAX, TSN1);
    RIG_UNTIL(rig, rig_ls_vni(rig, GREEN) == TSN_VNI_MAX);
    rig_settle(rig);
    assert_null(rig_ls(rig, BLUE));
    assert_null(rig_ls(rig, RED));
    assert_string_equal(rig_entry(rig, "networks", "name", BLUE, "reason"),
                        "the VNI is out of range");
}

/* Bindings. */

static void
binding__foreign_keys_on_port__stay(void **state)
{
    struct rig *rig = *state;

    rig_begin(rig);
    struct vteprec_logical_switch *theirs = add_ls(rig, "theirs", 999);
    vteprec_physical_port_update_vlan_bindings_setkey(rig_port(rig, "p2"), 7,
                                                      theirs);
    rig_end(rig);
    write_blue(rig);
    rig_want_ls(rig, RED, 200, "");
    ovc_want_binding(rig->session, RIG_SWITCH, "p2", 10, RED);
    ovc_want_binding(rig->session, RIG_SWITCH, "p2", 11, BLUE);
    RIG_UNTIL(rig, !strcmp(rig_binding(rig, "p2", 10), RED)
                   && !strcmp(rig_binding(rig, "p2", 11), BLUE));
    assert_string_equal(rig_binding(rig, "p2", 7), "theirs");
    ovc_unwant_binding(rig->session, RIG_SWITCH, "p2", 10);
    ovc_unwant_binding(rig->session, RIG_SWITCH, "p2", 11);
    RIG_UNTIL(rig, rig_port(rig, "p2")->n_vlan_bindings == 1);
    assert_string_equal(rig_binding(rig, "p2", 7), "theirs");

    /* A key of theirs that we want is ours. */
    ovc_want_binding(rig->session, RIG_SWITCH, "p2", 7, RED);
    RIG_UNTIL(rig, !strcmp(rig_binding(rig, "p2", 7), RED));
    ovc_session_set_config_complete(rig->session);
    rig_settle(rig);
    assert_non_null(rig_ls(rig, "theirs"));
}

static void
binding__port_comes_late_and_again__is_written(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    ovc_want_binding(rig->session, RIG_SWITCH, "p3", 5, BLUE);
    ovc_want_binding(rig->session, RIG_SWITCH, "p3", 4096, BLUE);
    rig_settle(rig);
    assert_string_equal(rig_entry(rig, "bindings", "port", "p3", "reason"),
                        "the VLAN is out of range");
    ovc_unwant_binding(rig->session, RIG_SWITCH, "p3", 4096);
    rig_settle(rig);
    assert_string_equal(rig_entry(rig, "bindings", "port", "p3", "reason"),
                        "the switch has no such port");

    for (int i = 0; i < 2; i++) {
        const struct vteprec_physical_switch *ps
            = vteprec_physical_switch_first(rig->db);
        const struct vteprec_physical_port *old = rig_port(rig, "p3");
        rig_begin(rig);
        struct vteprec_physical_port *port
            = vteprec_physical_port_insert(rig->txn);
        vteprec_physical_port_set_name(port, "p3");
        if (old) {
            /* The switch makes it anew, under another uuid. */
            vteprec_physical_switch_update_ports_delvalue(ps, old);
        }
        vteprec_physical_switch_update_ports_addvalue(ps, port);
        rig_end(rig);
        RIG_UNTIL(rig, !strcmp(rig_binding(rig, "p3", 5), BLUE));
    }
}

static void
binding__all_vlans_of_a_port__are_written(void **state)
{
    struct rig *rig = *state;

    rig_want_ls(rig, BLUE, 100, TSN1);
    for (int vlan = 0; vlan < 4096; vlan++) {
        ovc_want_binding(rig->session, RIG_SWITCH, "p1", vlan, BLUE);
    }
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_int_equal(rig_port(rig, "p1")->n_vlan_bindings, 4096);
    assert_in_range(transactions(rig), 41, 42);
}

/* What others do. */

static void
duplicates__of_macs_and_flood_rows__are_removed(void **state)
{
    struct rig *rig = *state;

    rig_begin(rig);
    struct vteprec_logical_switch *ls = add_ls(rig, BLUE, 55);
    add_mac(rig, ls, MAC3, HOST2);
    add_mac(rig, ls, "02:00:00:00:00:0C", HOST1);
    add_mac(rig, ls, MAC3, HOST1);
    add_flood(rig, ls, "unknown-dst", TSN2);
    rig_end(rig);
    rig_begin(rig);
    add_flood(rig, rig_ls(rig, BLUE), "unknown-dst", TSN1);
    add_flood(rig, rig_ls(rig, BLUE), "01:00:5e:00:00:01", TSN2);
    rig_end(rig);

    rig_want_ls(rig, BLUE, 100, TSN1);
    rig_want_mac(rig, BLUE, MAC3, HOST1);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_int_equal(rig_ls_vni(rig, BLUE), 100);
    assert_int_equal(rig_n_macs(rig, BLUE), 1);
    assert_string_equal(rig_mac_vtep(rig, BLUE, MAC3), HOST1);
    assert_int_equal(rig_n_floods(rig, BLUE), 1);
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN1);

    /* The row for a group is not ours, but goes with the network. */
    const struct vteprec_mcast_macs_remote *group;
    VTEPREC_MCAST_MACS_REMOTE_FOR_EACH (group, rig->db) {
        if (!strcmp(group->MAC, "01:00:5e:00:00:01")) {
            break;
        }
    }
    assert_non_null(group);
    ovc_unwant_ls(rig->session, BLUE);
    RIG_UNTIL(rig, !rig_ls(rig, BLUE));
}

static void
foreign_edits__of_own_rows__are_put_right(void **state)
{
    struct rig *rig = *state;
    int64_t vni = 4711;

    write_blue(rig);
    rig_begin(rig);
    vteprec_ucast_macs_remote_delete(rig_mac(rig, BLUE, MAC1));
    vteprec_ucast_macs_remote_set_locator(rig_mac(rig, BLUE, MAC2),
                                          rig_locator(rig, "10.9.9.9"));
    vteprec_logical_switch_set_tunnel_key(rig_ls(rig, BLUE), &vni, 1);
    vteprec_logical_switch_set_replication_mode(rig_ls(rig, BLUE),
                                                "source_node");
    vteprec_physical_port_update_vlan_bindings_delkey(rig_port(rig, "p1"), 0);
    vteprec_mcast_macs_remote_delete(rig_flood(rig, BLUE));
    rig_end(rig);
    assert_false(is_blue(rig));
    RIG_UNTIL(rig, is_blue(rig));

    /* All of it at once. */
    rig_begin(rig);
    vteprec_ucast_macs_remote_delete(rig_mac(rig, BLUE, MAC1));
    vteprec_ucast_macs_remote_delete(rig_mac(rig, BLUE, MAC2));
    vteprec_mcast_macs_remote_delete(rig_flood(rig, BLUE));
    vteprec_physical_port_set_vlan_bindings(rig_port(rig, "p1"), NULL, NULL,
                                            0);
    vteprec_physical_port_set_vlan_bindings(rig_port(rig, "p2"), NULL, NULL,
                                            0);
    vteprec_logical_switch_delete(rig_ls(rig, BLUE));
    rig_end(rig);
    assert_false(is_blue(rig));
    RIG_UNTIL(rig, is_blue(rig));
    rig_settle(rig);
    assert_in_range(transactions(rig), 3, 4);
}

static void
foreign_edits__repeated__are_put_right_ever_more_slowly(void **state)
{
    struct rig *rig = *state;
    int n;

    write_blue(rig);
    for (n = 0; n < 100; n++) {
        rig_begin(rig);
        vteprec_ucast_macs_remote_delete(rig_mac(rig, BLUE, MAC1));
        rig_end(rig);
        rig_settle(rig);
        if (!rig_mac(rig, BLUE, MAC1)) {
            break;
        }
    }
    assert_in_range(n, 2, 10);
    assert_string_equal(rig_entry(rig, "macs", "mac", MAC1, "reason"),
                        "somebody else keeps changing it");
    RIG_UNTIL(rig, rig_mac(rig, BLUE, MAC1));
}

static void
network_renamed_by_others__is_made_again(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_begin(rig);
    vteprec_logical_switch_set_name(rig_ls(rig, BLUE), "renamed");
    rig_end(rig);
    /* The VNI is now another row's: only when that one goes... */
    RIG_UNTIL(rig, !strcmp(rig_entry(rig, "networks", "name", BLUE, "reason"),
                           "the VNI is taken: renamed"));
    rig_begin(rig);
    vteprec_logical_switch_set_name(rig_ls(rig, "renamed"), BLUE);
    rig_end(rig);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_true(is_blue(rig));
}

/* Stale rows. */

static void
stale_rows__before_config_complete__stay(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_begin(rig);
    add_mac(rig, add_ls(rig, "theirs", 999), MAC1, HOST1);
    rig_end(rig);
    rig_stop_session(rig);
    rig->stale_hold_ms = 1000;
    rig_start_session(rig, NULL);
    RIG_UNTIL(rig, rig_status(rig, "rows", "stale") == 6);
    assert_string_equal(rig_entry(rig, "networks", "name", BLUE, "state"),
                        "stale");
    assert_string_equal(rig_entry(rig, "macs", "mac", MAC1, "state"),
                        "stale");
    assert_string_equal(rig_entry(rig, "bindings", "port", "p1", "network"),
                        BLUE);
    rig_run(rig, 1200);
    assert_true(is_blue(rig));
    assert_int_equal(transactions(rig), 0);

    /* Some of it is wanted again; the rest goes when its time has come. */
    ovc_session_set_config_complete(rig->session);
    rig_run(rig, 100);
    rig_want_ls(rig, BLUE, 100, TSN1);
    rig_want_mac(rig, BLUE, MAC1, HOST1);
    rig_run(rig, 50);
    assert_int_equal(rig_n_macs(rig, BLUE), 2);
    RIG_UNTIL(rig, rig_n_macs(rig, BLUE) == 1);
    assert_string_equal(rig_mac_vtep(rig, BLUE, MAC1), HOST1);
    RIG_UNTIL(rig, rig_status(rig, "rows", "stale") == 0);
    rig_settle(rig);
    assert_string_equal(rig_binding(rig, "p1", 0), "");
    assert_int_equal(rig_ls_vni(rig, BLUE), 100);
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN1);

    /* Not ours. */
    assert_int_equal(rig_n_macs(rig, "theirs"), 1);
}

static void
stale_rows__that_others_add__go_after_hold_time(void **state)
{
    struct rig *rig = *state;

    rig_stop_session(rig);
    rig->stale_hold_ms = 300;
    rig_start_session(rig, NULL);
    ovc_session_set_config_complete(rig->session);
    write_blue(rig);
    rig_begin(rig);
    struct vteprec_logical_switch *ls = add_ls(rig, RED, 200);
    add_mac(rig, ls, MAC1, HOST1);
    add_mac(rig, ls, "garbage", HOST1);
    add_flood(rig, ls, "unknown-dst", TSN1);
    vteprec_physical_port_update_vlan_bindings_setkey(rig_port(rig, "p1"), 99,
                                                      ls);
    rig_end(rig);
    RIG_UNTIL(rig, rig_status(rig, "rows", "stale") == 5);
    assert_non_null(rig_ls(rig, RED));
    RIG_UNTIL(rig, !rig_ls(rig, RED));
    assert_true(is_blue(rig));
}

/* Removing networks. */

static void
network_removal__with_learnt_rows__waits_for_the_switch(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_begin(rig);
    add_local_mac(rig, rig_ls(rig, BLUE), MAC3, RIG_OWN_VTEP);
    rig_end(rig);
    ovc_unwant_ls(rig->session, BLUE);
    RIG_UNTIL(rig, !rig_n_macs(rig, BLUE) && !rig_flood(rig, BLUE)
                   && !strcmp(rig_binding(rig, "p1", 0), ""));
    rig_settle(rig);
    assert_non_null(rig_ls(rig, BLUE));
    assert_string_equal(rig_entry(rig, "networks", "name", BLUE, "reason"),
                        "the switch still has learnt rows for it");
    assert_int_equal(rig_status(rig, "rows", "removing"), 1);
    rig_begin(rig);
    vteprec_ucast_macs_local_delete(vteprec_ucast_macs_local_first(rig->db));
    rig_end(rig);
    RIG_UNTIL(rig, !rig_ls(rig, BLUE));
}

static void
network_removal__switch_keeps_learnt_rows__is_forced(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    for (int i = 0; i < 5; i++) {
        rig_begin(rig);
        for (int j = 0; j < 50; j++) {
            char mac[18];
            snprintf(mac, sizeof mac, "02:00:00:00:%02x:%02x", i, j);
            add_local_mac(rig, rig_ls(rig, BLUE), mac, RIG_OWN_VTEP);
        }
        rig_end(rig);
    }
    ovc_unwant_ls(rig->session, BLUE);

    struct ovc_session *s = rig->session;
    struct ovc_ls *ls = ovc_ls_find(s, BLUE);
    RIG_UNTIL(rig, ls->local_ms);
    assert_in_range(ls->local_ms - time_msec(), OVC_CLEANUP_MS - 1000,
                    OVC_CLEANUP_MS);
    rig_settle(rig);
    assert_non_null(rig_ls(rig, BLUE));

    /* The time is over. */
    ls->local_ms = time_msec();
    ovc_object_wake_at(s, &ls->object, time_msec());
    RIG_UNTIL(rig, !rig_ls(rig, BLUE));
    assert_null(vteprec_ucast_macs_local_first(rig->db));
}

static void
network_removal__wait_set_to_zero__is_forced_at_once(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_begin(rig);
    add_local_mac(rig, rig_ls(rig, BLUE), MAC3, RIG_OWN_VTEP);
    rig_end(rig);
    RIG_UNTIL(rig, *rig_learnt(rig));
    ovc_session_set_cleanup_wait(rig->session, 0);
    ovc_unwant_ls(rig->session, BLUE);
    RIG_UNTIL(rig, !rig_ls(rig, BLUE));
    assert_null(vteprec_ucast_macs_local_first(rig->db));
}

static void
network_removal__wanted_again_meanwhile__stays(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_begin(rig);
    add_local_mac(rig, rig_ls(rig, BLUE), MAC3, RIG_OWN_VTEP);
    rig_end(rig);
    struct uuid uuid = rig_ls(rig, BLUE)->header_.uuid;
    ovc_unwant_ls(rig->session, BLUE);
    RIG_UNTIL(rig, !rig_n_macs(rig, BLUE));
    want_blue(rig);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_true(is_blue(rig));
    assert_true(uuid_equals(&uuid, &rig_ls(rig, BLUE)->header_.uuid));
}

static void
network_replaced__by_one_with_its_vni_and_binding__takes_over(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_want_ls(rig, RED, 100, TSN1);
    ovc_want_binding(rig->session, RIG_SWITCH, "p1", 0, RED);
    rig_settle(rig);
    assert_string_equal(rig_binding(rig, "p1", 0), BLUE);
    ovc_unwant_ls(rig->session, BLUE);
    RIG_UNTIL(rig, !strcmp(rig_binding(rig, "p1", 0), RED));
    assert_int_equal(rig_ls_vni(rig, RED), 100);
    assert_null(rig_ls(rig, BLUE));
}

static void
network_not_wanted__what_is_wanted_in_it__does_not_keep_it(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    ovc_unwant_ls(rig->session, BLUE);
    rig_want_mac(rig, BLUE, MAC1, HOST1);
    ovc_want_binding(rig->session, RIG_SWITCH, "p1", 0, BLUE);
    RIG_UNTIL(rig, !rig_ls(rig, BLUE));
    rig_want_ls(rig, BLUE, 100, TSN1);
    RIG_UNTIL(rig, rig_mac(rig, BLUE, MAC1)
                   && !strcmp(rig_binding(rig, "p1", 0), BLUE));
    assert_int_equal(rig_n_macs(rig, BLUE), 1);
}

static void
network_removal__while_disconnected__happens_at_reconnect(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_stop_server(rig, SIGTERM);
    RIG_UNTIL(rig, rig->n_down == 1);
    ovc_unwant_ls(rig->session, BLUE);
    rig_start_server(rig);
    RIG_UNTIL(rig, rig->n_up == 2);
    RIG_UNTIL(rig, !rig_ls(rig, BLUE));
}

/* The switch. */

static void
own_vtep__is_never_a_remote(void **state)
{
    struct rig *rig = *state;
    const char *ips[] = { "10.0.0.2", RIG_OWN_VTEP };
    size_t n;

    rig_want_ls(rig, BLUE, 100, TSN1);
    rig_want_mac(rig, BLUE, MAC1, RIG_OWN_VTEP);
    rig_want_mac(rig, BLUE, MAC2, "10.0.0.2");
    rig_want_mac(rig, BLUE, MAC3, "224.0.0.1");
    RIG_UNTIL(rig, rig_mac(rig, BLUE, MAC2));
    rig_settle(rig);
    assert_int_equal(rig_n_macs(rig, BLUE), 1);
    assert_string_equal(rig_entry(rig, "macs", "mac", MAC1, "state"), "held");
    assert_string_equal(rig_entry(rig, "macs", "mac", MAC1, "reason"),
                        "the VTEP is the switch itself");
    assert_string_equal(rig_entry(rig, "macs", "mac", MAC3, "state"), "held");
    assert_int_equal(rig_status(rig, "rows", "waiting"), 2);

    /* A second address. */
    int n_learnt = rig->n_learnt;
    rig_begin(rig);
    vteprec_physical_switch_set_tunnel_ips(
        vteprec_physical_switch_first(rig->db), ips, 2);
    rig_end(rig);
    RIG_UNTIL(rig, !rig_n_macs(rig, BLUE));
    assert_true(rig->n_learnt > n_learnt);
    ovc_session_tunnel_ips(rig->session, &n);
    assert_int_equal(n, 2);

    /* Without any, rows are neither written nor removed. */
    rig_begin(rig);
    vteprec_physical_switch_set_tunnel_ips(
        vteprec_physical_switch_first(rig->db), ips, 1);
    rig_end(rig);
    RIG_UNTIL(rig, rig_n_macs(rig, BLUE) == 1);
    rig_begin(rig);
    vteprec_physical_switch_set_tunnel_ips(
        vteprec_physical_switch_first(rig->db), NULL, 0);
    rig_end(rig);
    RIG_UNTIL(rig, (ovc_session_tunnel_ips(rig->session, &n), !n));
    rig_want_mac(rig, BLUE, MAC2, HOST1);
    rig_settle(rig);
    assert_int_equal(rig_n_macs(rig, BLUE), 1);
    assert_string_equal(rig_entry(rig, "macs", "mac", MAC2, "reason"),
                        "the switch has no tunnel_ips");
}

static void
switch__of_another_name__is_left_alone(void **state)
{
    struct rig *rig = *state;

    rig_stop_session(rig);
    rig_begin(rig);
    vteprec_physical_switch_set_name(vteprec_physical_switch_first(rig->db),
                                     "tor1.example.net");
    rig_end(rig);
    rig_start_session(rig, NULL);
    want_blue(rig);
    RIG_UNTIL(rig, strstr(rig_status_text(rig, "ovsdb", "reason"),
                          "no Physical_Switch named \"tor1\", the database "
                          "has \"tor1.example.net\""));
    assert_false(ovc_session_is_connected(rig->session));
    rig_run(rig, 100);
    assert_null(rig_ls(rig, BLUE));

    /* It gets its name, loses and gets it again. */
    rig_begin(rig);
    vteprec_physical_switch_set_name(vteprec_physical_switch_first(rig->db),
                                     RIG_SWITCH);
    rig_end(rig);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_true(is_blue(rig));
    rig_begin(rig);
    vteprec_physical_switch_set_name(vteprec_physical_switch_first(rig->db),
                                     "4711");
    rig_end(rig);
    RIG_UNTIL(rig, rig->n_down == 1);
    rig_unwant_mac(rig, BLUE, MAC1);
    rig_run(rig, 100);
    assert_non_null(rig_mac(rig, BLUE, MAC1));
    rig_begin(rig);
    vteprec_physical_switch_set_name(vteprec_physical_switch_first(rig->db),
                                     RIG_SWITCH);
    rig_end(rig);
    RIG_UNTIL(rig, !rig_mac(rig, BLUE, MAC1));
    assert_int_equal(rig->n_up, 2);
}

/* What the switch learns. */

static void
local_macs__of_own_networks__are_told(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    int n_learnt = rig->n_learnt;
    rig_begin(rig);
    add_local_mac(rig, rig_ls(rig, BLUE), "02:00:00:00:00:0C", RIG_OWN_VTEP);
    add_local_mac(rig, rig_ls(rig, BLUE), "unknown-dst", RIG_OWN_VTEP);
    add_local_mac(rig, rig_ls(rig, BLUE), "", RIG_OWN_VTEP);
    add_local_mac(rig, rig_ls(rig, BLUE), "ff:ff:ff:ff:ff:ff", RIG_OWN_VTEP);
    add_local_mac(rig, rig_ls(rig, BLUE), MAC1, "not an address");
    add_local_mac(rig, add_ls(rig, "theirs", 999), MAC3, RIG_OWN_VTEP);
    rig_end(rig);
    RIG_UNTIL(rig, rig->n_learnt > n_learnt);
    assert_string_equal(rig_learnt(rig), BLUE " " MAC3 " " RIG_OWN_VTEP);
    assert_true(rig_status(rig, "ovsdb", "bad_rows") >= 4);

    /* The other address of the switch. */
    const struct vteprec_ucast_macs_local *row;
    n_learnt = rig->n_learnt;
    rig_begin(rig);
    VTEPREC_UCAST_MACS_LOCAL_FOR_EACH (row, rig->db) {
        vteprec_ucast_macs_local_set_locator(row,
                                             rig_locator(rig, "10.0.0.2"));
    }
    rig_end(rig);
    RIG_UNTIL(rig, rig->n_learnt > n_learnt);
    assert_string_equal(rig_learnt(rig),
                        BLUE " " MAC1 " 10.0.0.2\n" BLUE " " MAC3 " 10.0.0.2");

    /* A duplicate changes nothing when it comes or goes. */
    n_learnt = rig->n_learnt;
    rig_begin(rig);
    add_local_mac(rig, rig_ls(rig, BLUE), MAC3, "10.0.0.2");
    rig_end(rig);
    RIG_UNTIL(rig, rig->n_learnt > n_learnt);
    assert_string_equal(rig_learnt(rig),
                        BLUE " " MAC1 " 10.0.0.2\n" BLUE " " MAC3 " 10.0.0.2");
    n_learnt = rig->n_learnt;
    rig_begin(rig);
    VTEPREC_UCAST_MACS_LOCAL_FOR_EACH (row, rig->db) {
        if (strcmp(row->MAC, MAC3)) {
            vteprec_ucast_macs_local_delete(row);
        }
    }
    rig_end(rig);
    RIG_UNTIL(rig, rig->n_learnt > n_learnt);
    assert_string_equal(rig_learnt(rig), BLUE " " MAC3 " 10.0.0.2");
}

static void
local_macs__session_lost__are_remembered_until_read_again(void **state)
{
    struct rig *rig = *state;

    write_blue(rig);
    rig_begin(rig);
    add_local_mac(rig, rig_ls(rig, BLUE), MAC3, RIG_OWN_VTEP);
    add_local_mac(rig, rig_ls(rig, BLUE), MAC2, RIG_OWN_VTEP);
    rig_end(rig);
    RIG_UNTIL(rig, strstr(rig_learnt(rig), MAC3));
    int n_learnt = rig->n_learnt;
    rig_stop_server(rig, SIGKILL);
    RIG_UNTIL(rig, rig->n_down == 1);
    assert_string_equal(rig_learnt(rig), BLUE " " MAC2 " " RIG_OWN_VTEP "\n"
                                         BLUE " " MAC3 " " RIG_OWN_VTEP);
    assert_int_equal(rig->n_learnt, n_learnt);

    /* Meanwhile one of them ages out. */
    rig_transact_offline(rig, "[\"hardware_vtep\", {\"op\": \"delete\", "
                              "\"table\": \"Ucast_Macs_Local\", \"where\": "
                              "[[\"MAC\", \"==\", \"" MAC2 "\"]]}]");
    rig_start_server(rig);
    RIG_UNTIL(rig, rig->n_up == 2);
    assert_string_equal(rig_learnt(rig), BLUE " " MAC3 " " RIG_OWN_VTEP);
    assert_int_equal(rig->n_learnt, n_learnt + 1);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_int_equal(transactions(rig), 1);
}

static void
local_floods__of_own_networks__are_told_once_each(void **state)
{
    static const char *const ips[] = { RIG_OWN_VTEP, "10.0.0.2" };
    struct rig *rig = *state;

    write_blue(rig);
    rig_begin(rig);
    for (int i = 0; i < 2; i++) {
        struct vteprec_mcast_macs_local *row
            = vteprec_mcast_macs_local_insert(rig->txn);
        struct vteprec_physical_locator_set *set
            = vteprec_physical_locator_set_insert(rig->txn);
        struct vteprec_physical_locator *locators[2];
        for (int j = 0; j < 2; j++) {
            locators[j] = vteprec_physical_locator_insert(rig->txn);
            vteprec_physical_locator_set_dst_ip(locators[j], ips[j]);
            vteprec_physical_locator_set_encapsulation_type(
                locators[j], "vxlan_over_ipv4");
            int64_t key = i;
            vteprec_physical_locator_set_tunnel_key(locators[j], &key, 1);
        }
        vteprec_physical_locator_set_set_locators(set, locators, 1 + i);
        vteprec_mcast_macs_local_set_MAC(row, i ? "unknown-dst" : "whatever");
        vteprec_mcast_macs_local_set_logical_switch(row, rig_ls(rig, BLUE));
        vteprec_mcast_macs_local_set_locator_set(row, set);
    }
    rig_end(rig);
    RIG_UNTIL(rig, *rig_learnt_floods(rig));
    assert_string_equal(rig_learnt_floods(rig),
                        BLUE " " RIG_OWN_VTEP "\n" BLUE " 10.0.0.2");
    int n_learnt = rig->n_learnt;
    rig_begin(rig);
    const struct vteprec_mcast_macs_local *row;
    VTEPREC_MCAST_MACS_LOCAL_FOR_EACH (row, rig->db) {
        vteprec_mcast_macs_local_delete(row);
    }
    rig_end(rig);
    RIG_UNTIL(rig, rig->n_learnt > n_learnt);
    assert_string_equal(rig_learnt_floods(rig), "");
}

int
main(int argc, char *argv[])
{
#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, rig_setup, \
                                                   rig_teardown)
    const struct CMUnitTest tests[] = {
        CASE(session__empty_database__gets_all_rows_at_once),
        CASE(session__mac_moves__same_row_gets_new_locator),
        CASE(session__flood_changes__same_row_gets_new_set),
        CASE(session__restart_with_matching_database__writes_nothing),
        CASE(session__rows_for_many_transactions__are_written_in_chunks),
        CASE(vni__two_networks_swap__in_one_transaction),
        CASE(vni__many_networks_shift__goes_without_a_duplicate),
        CASE(vni__wanted_twice__second_waits_for_first),
        CASE(vni__held_by_somebody_else__waits_with_reason),
        CASE(vni__held_by_stale_network__is_freed_once_config_is_complete),
        CASE(vni__zero_or_too_big__is_not_written),
        CASE(binding__foreign_keys_on_port__stay),
        CASE(binding__port_comes_late_and_again__is_written),
        CASE(binding__all_vlans_of_a_port__are_written),
        CASE(duplicates__of_macs_and_flood_rows__are_removed),
        CASE(foreign_edits__of_own_rows__are_put_right),
        CASE(foreign_edits__repeated__are_put_right_ever_more_slowly),
        CASE(network_renamed_by_others__is_made_again),
        CASE(stale_rows__before_config_complete__stay),
        CASE(stale_rows__that_others_add__go_after_hold_time),
        CASE(network_removal__with_learnt_rows__waits_for_the_switch),
        CASE(network_removal__switch_keeps_learnt_rows__is_forced),
        CASE(network_removal__wait_set_to_zero__is_forced_at_once),
        CASE(network_removal__wanted_again_meanwhile__stays),
        CASE(network_replaced__by_one_with_its_vni_and_binding__takes_over),
        CASE(network_not_wanted__what_is_wanted_in_it__does_not_keep_it),
        CASE(network_removal__while_disconnected__happens_at_reconnect),
        CASE(own_vtep__is_never_a_remote),
        CASE(switch__of_another_name__is_left_alone),
        CASE(local_macs__of_own_networks__are_told),
        CASE(local_macs__session_lost__are_remembered_until_read_again),
        CASE(local_floods__of_own_networks__are_told_once_each),
    };

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
