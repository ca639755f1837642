/* SPDX-License-Identifier: Apache-2.0 */
/* What a session says about single MACs: those that the switch learnt, and
 * rows that are to be renewed. */
#include <config.h>
#include "tests/unit/ovc_rig.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/json.h"
#include "ovsdb-idl.h"
#include "packets.h"
#include "util.h"

#define BLUE "Contrail-11111111-1111-1111-1111-111111111111"
#define RED "Contrail-22222222-2222-2222-2222-222222222222"
#define MAC1 "02:00:00:00:00:0a"
#define MAC2 "02:00:00:00:00:0b"
#define TSN "10.0.0.100"
#define HOST "10.0.0.21"

static const struct eth_addr mac1 = ETH_ADDR_C(02, 00, 00, 00, 00, 0a);
static const struct eth_addr mac2 = ETH_ADDR_C(02, 00, 00, 00, 00, 0b);

static void
write_networks(struct rig *rig)
{
    rig_want_ls(rig, BLUE, 100, TSN);
    rig_want_ls(rig, RED, 200, TSN);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_string_equal(rig_changed_macs(rig), "");
}

static const struct vteprec_ucast_macs_local *
add_local(struct rig *rig, const char *ls, const char *mac, const char *ip)
{
    const struct vteprec_ucast_macs_local *row
        = vteprec_ucast_macs_local_insert(rig->txn);

    vteprec_ucast_macs_local_set_MAC(row, mac);
    vteprec_ucast_macs_local_set_logical_switch(row, rig_ls(rig, ls));
    vteprec_ucast_macs_local_set_locator(row, rig_locator(rig,
                                                          RIG_OWN_VTEP));
    if (ip) {
        vteprec_ucast_macs_local_set_ipaddr(row, ip);
    }
    return row;
}

/* Deletes 'n' rows of that MAC. */
static void
delete_local(struct rig *rig, const char *mac, int n)
{
    const struct vteprec_ucast_macs_local *row;

    rig_begin(rig);
    VTEPREC_UCAST_MACS_LOCAL_FOR_EACH_SAFE (row, rig->db) {
        if (!strcmp(row->MAC, mac) && n-- > 0) {
            vteprec_ucast_macs_local_delete(row);
        }
    }
    rig_end(rig);
}

static void
count(const struct local_mac *mac OVS_UNUSED, void *n)
{
    ++*(int *) n;
}

static int
count_macs(struct rig *rig, const char *ls)
{
    int n = 0;

    ovc_for_each_local_mac(rig->session, ls, count, &n);
    return n;
}

static void
local_mac__comes_and_goes__it_is_named_and_found(void **state)
{
    struct rig *rig = *state;
    struct local_mac local;

    write_networks(rig);
    rig_begin(rig);
    add_local(rig, BLUE, MAC1, NULL);
    rig_end(rig);
    RIG_UNTIL(rig, rig->macs.length);
    assert_string_equal(rig_changed_macs(rig), BLUE " " MAC1);

    /* The others are not named. */
    rig_begin(rig);
    add_local(rig, RED, MAC2, "192.0.2.2");
    rig_end(rig);
    RIG_UNTIL(rig, rig->macs.length);
    assert_string_equal(rig_changed_macs(rig), RED " " MAC2);

    assert_true(ovc_find_local_mac(rig->session, BLUE, &mac1, &local));
    assert_false(tsn_ip_is_set(&local.ip));
    assert_false(ovc_find_local_mac(rig->session, BLUE, &mac2, &local));
    assert_true(ovc_find_local_mac(rig->session, RED, &mac2, &local));
    char ip[TSN_IP_STRLEN];
    assert_string_equal(tsn_ip_format(&local.ip, ip), "192.0.2.2");
    assert_string_equal(local.ls_name, RED);
    assert_false(ovc_find_local_mac(rig->session, "none", &mac1, &local));
    assert_int_equal(count_macs(rig, BLUE), 1);
    assert_int_equal(count_macs(rig, NULL), 2);
    assert_int_equal(count_macs(rig, "none"), 0);

    delete_local(rig, MAC1, 1);
    RIG_UNTIL(rig, rig->macs.length);
    assert_string_equal(rig_changed_macs(rig), BLUE " " MAC1 " gone");
    assert_false(ovc_find_local_mac(rig->session, BLUE, &mac1, &local));
}

static void
local_mac__in_two_rows__stays_until_both_are_gone(void **state)
{
    struct rig *rig = *state;
    struct local_mac local;

    write_networks(rig);
    rig_begin(rig);
    add_local(rig, BLUE, MAC1, NULL);
    add_local(rig, BLUE, MAC1, NULL);
    rig_end(rig);
    RIG_UNTIL(rig, count_macs(rig, BLUE) == 1);
    delete_local(rig, MAC1, 1);
    rig_changed_macs(rig);
    RIG_UNTIL(rig, rig->macs.length);
    assert_true(ovc_find_local_mac(rig->session, BLUE, &mac1, &local));
    delete_local(rig, MAC1, 1);
    RIG_UNTIL(rig, !count_macs(rig, BLUE));
    assert_false(ovc_find_local_mac(rig->session, BLUE, &mac1, &local));
}

static void
local_mac__goes_while_disconnected__is_named_alone(void **state)
{
    struct rig *rig = *state;

    write_networks(rig);
    rig_begin(rig);
    add_local(rig, BLUE, MAC1, NULL);
    add_local(rig, BLUE, MAC2, NULL);
    rig_end(rig);
    RIG_UNTIL(rig, count_macs(rig, BLUE) == 2);
    rig_stop_server(rig, SIGKILL);
    RIG_UNTIL(rig, rig->n_down == 1);
    rig_changed_macs(rig);
    rig_transact_offline(rig, "[\"hardware_vtep\", {\"op\": \"delete\", "
                              "\"table\": \"Ucast_Macs_Local\", \"where\": "
                              "[[\"MAC\", \"==\", \"" MAC2 "\"]]}]");
    rig_start_server(rig);
    RIG_UNTIL(rig, rig->n_up == 2);
    assert_string_equal(rig_changed_macs(rig), BLUE " " MAC2 " gone");
}

static void
renewed_mac__is_deleted_and_written_in_two_transactions(void **state)
{
    struct rig *rig = *state;

    write_networks(rig);
    rig_want_mac(rig, BLUE, MAC1, HOST);
    RIG_UNTIL(rig, rig_all_written(rig) && rig_mac(rig, BLUE, MAC1));
    struct uuid uuid = rig_mac(rig, BLUE, MAC1)->header_.uuid;
    uint64_t n = rig_status(rig, "ovsdb", "transactions");

    ovc_renew_mac(rig->session, BLUE, &mac1);
    RIG_UNTIL(rig, rig_all_written(rig) && rig_mac(rig, BLUE, MAC1)
                   && !uuid_equals(&uuid,
                                   &rig_mac(rig, BLUE, MAC1)->header_.uuid));
    assert_int_equal(rig_status(rig, "ovsdb", "transactions"), n + 2);
    assert_string_equal(rig_mac_vtep(rig, BLUE, MAC1), HOST);

    /* What is not wanted cannot be renewed. */
    ovc_renew_mac(rig->session, BLUE, &mac2);
    ovc_renew_mac(rig->session, "none", &mac1);
    rig_settle(rig);
    assert_int_equal(rig_status(rig, "ovsdb", "transactions"), n + 2);
}

int
main(int argc, char *argv[])
{
#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, rig_setup, \
                                                   rig_teardown)
    const struct CMUnitTest tests[] = {
        CASE(local_mac__comes_and_goes__it_is_named_and_found),
        CASE(local_mac__in_two_rows__stays_until_both_are_gone),
        CASE(local_mac__goes_while_disconnected__is_named_alone),
        CASE(renewed_mac__is_deleted_and_written_in_two_transactions),
    };

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
