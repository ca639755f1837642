/* SPDX-License-Identifier: Apache-2.0 */
/* Whose rows are whose (spec B.5, J.7), and what else of a row is ours. */
#include <config.h>
#include "tests/unit/ovc_rig.h"

#include <string.h>

#include "packets.h"
#include "util.h"

#define BLUE TSN_LS_PREFIX "11111111-1111-1111-1111-111111111111"
#define FOREIGN "vlan-of-somebody-else"
#define TSN1 "10.0.0.100"
#define HOST1 "10.0.1.1"
#define MAC1 "02:00:00:00:00:01"

static void
start(struct rig *rig, enum ovc_ownership ownership, uint32_t stale_hold_ms)
{
    rig_stop_session(rig);
    rig->ownership = ownership;
    rig->stale_hold_ms = stale_hold_ms;
    rig_start_session(rig, NULL);
    ovc_session_set_config_complete(rig->session);
    rig_want_ls(rig, BLUE, 100, TSN1);
    ovc_want_binding(rig->session, RIG_SWITCH, "p1", 5, BLUE);
    RIG_UNTIL(rig, rig_all_written(rig));
}

/* A network of somebody else, with a MAC and a VLAN of a port of ours. */
static void
add_foreign(struct rig *rig)
{
    rig_begin(rig);
    struct vteprec_logical_switch *ls
        = vteprec_logical_switch_insert(rig->txn);
    struct vteprec_ucast_macs_remote *mac
        = vteprec_ucast_macs_remote_insert(rig->txn);
    int64_t vni = 700;

    vteprec_logical_switch_set_name(ls, FOREIGN);
    vteprec_logical_switch_set_tunnel_key(ls, &vni, 1);
    vteprec_ucast_macs_remote_set_MAC(mac, MAC1);
    vteprec_ucast_macs_remote_set_logical_switch(mac, ls);
    vteprec_ucast_macs_remote_set_locator(mac, rig_locator(rig, HOST1));
    vteprec_physical_port_update_vlan_bindings_setkey(rig_port(rig, "p1"), 99,
                                                      ls);
    rig_end(rig);
}

static void
exclusive__foreign_network_and_vlan__go_after_hold_time(void **state)
{
    struct rig *rig = *state;

    start(rig, OVC_EXCLUSIVE, 300);
    add_foreign(rig);
    RIG_UNTIL(rig, rig_status(rig, "rows", "stale") == 3);
    assert_non_null(rig_ls(rig, FOREIGN));
    RIG_UNTIL(rig, !rig_ls(rig, FOREIGN));
    assert_string_equal(rig_binding(rig, "p1", 99), "");
    assert_string_equal(rig_binding(rig, "p1", 5), BLUE);
    assert_int_equal(rig_n_macs(rig, FOREIGN), 0);
    assert_int_equal(rig_status(rig, "ovsdb", "refused"), 0);
}

static void
exclusive__config_not_complete__foreign_rows_stay(void **state)
{
    struct rig *rig = *state;

    rig_stop_session(rig);
    rig->ownership = OVC_EXCLUSIVE;
    rig->stale_hold_ms = 0;
    rig_start_session(rig, NULL);
    add_foreign(rig);
    RIG_UNTIL(rig, rig_status(rig, "rows", "stale") == 3);
    rig_settle(rig);
    assert_non_null(rig_ls(rig, FOREIGN));
    ovc_session_set_config_complete(rig->session);
    RIG_UNTIL(rig, !rig_ls(rig, FOREIGN));
}

static void
shared__foreign_network_and_vlan__stay(void **state)
{
    struct rig *rig = *state;

    start(rig, OVC_SHARED, 0);
    add_foreign(rig);
    rig_settle(rig);
    assert_non_null(rig_ls(rig, FOREIGN));
    assert_string_equal(rig_binding(rig, "p1", 99), FOREIGN);
    assert_int_equal(rig_n_macs(rig, FOREIGN), 1);
    assert_int_equal(rig_status(rig, "rows", "stale"), 0);

    /* Our own key is ours, whoever took it. */
    rig_begin(rig);
    vteprec_physical_port_update_vlan_bindings_setkey(
        rig_port(rig, "p1"), 5, rig_ls(rig, FOREIGN));
    rig_end(rig);
    RIG_UNTIL(rig, !strcmp(rig_binding(rig, "p1", 5), BLUE));
    assert_string_equal(rig_binding(rig, "p1", 99), FOREIGN);
}

/* "ipaddr". */

static void
want_mac(struct rig *rig, const char *ip_text)
{
    struct eth_addr mac = ETH_ADDR_C(02, 00, 00, 00, 00, 01);
    struct in6_addr vtep, ip = in6addr_any;

    assert_int_equal(tsn_ip_parse(HOST1, &vtep), 0);
    if (ip_text) {
        assert_int_equal(tsn_ip_parse(ip_text, &ip), 0);
    }
    ovc_want_mac(rig->session, BLUE, &mac, &vtep, &ip);
}

static const char *
mac_ip(struct rig *rig)
{
    const struct vteprec_ucast_macs_remote *row = rig_mac(rig, BLUE, MAC1);

    return row ? row->ipaddr : "no row";
}

static void
ipaddr__wanted_changed_and_gone__row_follows(void **state)
{
    struct rig *rig = *state;

    start(rig, OVC_SHARED, 0);
    want_mac(rig, "192.168.0.5");
    RIG_UNTIL(rig, !strcmp(mac_ip(rig), "192.168.0.5"));
    struct uuid uuid = rig_mac(rig, BLUE, MAC1)->header_.uuid;
    want_mac(rig, "2001:db8::5");
    RIG_UNTIL(rig, !strcmp(mac_ip(rig), "2001:db8::5"));

    rig_begin(rig);
    vteprec_ucast_macs_remote_set_ipaddr(rig_mac(rig, BLUE, MAC1), "1.2.3.4");
    rig_end(rig);
    RIG_UNTIL(rig, !strcmp(mac_ip(rig), "2001:db8::5"));

    want_mac(rig, NULL);
    RIG_UNTIL(rig, !strcmp(mac_ip(rig), ""));
    assert_true(uuid_equals(&uuid, &rig_mac(rig, BLUE, MAC1)->header_.uuid));
    rig_settle(rig);
    uint64_t n = rig_status(rig, "ovsdb", "transactions");
    want_mac(rig, NULL);
    rig_run(rig, 50);
    assert_int_equal(rig_status(rig, "ovsdb", "transactions"), n);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            exclusive__foreign_network_and_vlan__go_after_hold_time,
            rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            exclusive__config_not_complete__foreign_rows_stay,
            rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            shared__foreign_network_and_vlan__stay,
            rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            ipaddr__wanted_changed_and_gone__row_follows,
            rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
