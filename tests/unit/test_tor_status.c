/* SPDX-License-Identifier: Apache-2.0 */
/* Alarms of a ToR that come from what its switch is, or says: against a real
 * database.  The rest of the ToR is as it should be. */
#include <config.h>
#include "tests/unit/ovc_rig.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-client/profile.h"
#include "ovsdb-client/tunnel.h"
#include "smap.h"
#include "tsn/alarm.h"
#include "tor-agent/tor-private.h"
#include "tor-agent/tor.h"
#include "util.h"
#include "xmpp/speaker.h"

#define BLUE TSN_LS_PREFIX "11111111-1111-1111-1111-111111111111"
#define TSN1 "10.0.0.100"
#define TSN2 "10.0.0.101"

static struct tor tor;
static uint64_t now_ms;

/* The rest of the ToR. */

const char *
bridge_role(const struct tor *t OVS_UNUSED)
{
    return "active";
}

const char *
tor_explain(const struct tor *t OVS_UNUSED)
{
    return "serving";
}

bool
tor_is_up(const struct tor *t OVS_UNUSED)
{
    return true;
}

bool
xmpp_speaker_is_up(const struct xmpp_speaker *sp OVS_UNUSED)
{
    return true;
}

static int
setup(void **state)
{
    int error = rig_setup(state);

    memset(&tor, 0, sizeof tor);
    tor.name = (char *) "tor1";
    tor.alarms = tsn_alarms_create(tor.name);
    shash_init(&tor.networks);
    now_ms = 1000;
    return error;
}

static int
teardown(void **state)
{
    tsn_alarms_destroy(tor.alarms);
    shash_destroy(&tor.networks);
    return rig_teardown(state);
}

static void
use(struct rig *rig, const char *profile)
{
    rig_stop_session(rig);
    rig->profile = ovc_profile_find(profile);
    rig_start_session(rig, NULL);
    tor.ovsdb = rig->session;
}

/* "KIND TEXT" of all that are raised, looked at a second later than the last
 * time; valid until the next call. */
static const char *
alarms(void)
{
    static struct ds text = DS_EMPTY_INITIALIZER;
    struct ds out = DS_EMPTY_INITIALIZER;
    struct tsn_json json;

    now_ms += 1000;
    tor_check_alarms(&tor, now_ms, 1700000000000 + now_ms);
    tsn_json_init(&json, &out);
    tsn_json_array_begin(&json, NULL);
    tor_show_alarms(&tor, &json);
    tsn_json_array_end(&json);

    struct json *shown = json_from_string(ds_cstr(&out));
    ds_clear(&text);
    for (size_t i = 0; i < json_array(shown)->n; i++) {
        const struct shash *alarm = json_object(json_array(shown)->elems[i]);

        assert_string_equal(json_string(shash_find_data(alarm, "tor")),
                            "tor1");
        assert_string_equal(json_string(shash_find_data(alarm, "severity")),
                            "warning");
        ds_put_format(&text, "%s%s %s", i ? "\n" : "",
                      json_string(shash_find_data(alarm, "alarm")),
                      json_string(shash_find_data(alarm, "text")));
    }
    json_destroy(shown);
    ds_destroy(&out);
    return ds_cstr(&text);
}

static bool
is_alarmed(const char *expected)
{
    return !strcmp(alarms(), expected);
}

static void
want_binding(struct rig *rig, uint16_t vlan)
{
    ovc_want_binding(rig->session, RIG_SWITCH, "p1", vlan, BLUE);
}

static void
alarm_against_profile__rows_are_held__raised_until_they_are_not(void **state)
{
    struct rig *rig = *state;

    use(rig, "qfx5k");
    rig_want_ls(rig, BLUE, 100, TSN1);
    want_binding(rig, 100);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_string_equal(alarms(), "");

    want_binding(rig, 4094);
    RIG_UNTIL(rig, is_alarmed("against-profile 1 rows are not written, as the "
                              "switch could not take them"));
    want_binding(rig, 1);
    RIG_UNTIL(rig, is_alarmed("against-profile 2 rows are not written, as the "
                              "switch could not take them"));
    assert_string_equal(rig_binding(rig, "p1", 1), "");

    /* Nobody wants one any more, and a switch of another kind takes one. */
    ovc_unwant_binding(rig->session, RIG_SWITCH, "p1", 1);
    RIG_UNTIL(rig, is_alarmed("against-profile 1 rows are not written, as the "
                              "switch could not take them"));
    ovc_session_set_profile(rig->session, ovc_profile_find("arista"));
    RIG_UNTIL(rig, is_alarmed(""));
    RIG_UNTIL(rig, !strcmp(rig_binding(rig, "p1", 4094), BLUE));
}

/* The switch says how its BFD session with 'node' is. */
static void
say(struct rig *rig, const char *node, const char *bfd)
{
    const struct vteprec_tunnel *row;
    size_t n = 0;

    rig_begin(rig);
    VTEPREC_TUNNEL_FOR_EACH (row, rig->db) {
        if (!strcmp(row->remote->dst_ip, node)) {
            vteprec_tunnel_update_bfd_status_setkey(row, "state", bfd);
            n++;
        }
    }
    rig_end(rig);
    assert_int_equal(n, 1);
}

static void
alarm_service_node_down__bfd_lost__raised_until_it_is_up(void **state)
{
    static const struct ovc_bfd bfd = { .min_rx_ms = 300, .min_tx_ms = 300 };
    struct rig *rig = *state;
    struct in6_addr nodes[2];

    use(rig, "ovs-vtep");
    assert_int_equal(tsn_ip_parse(TSN1, &nodes[0]), 0);
    assert_int_equal(tsn_ip_parse(TSN2, &nodes[1]), 0);
    ovc_session_set_service_nodes(rig->session, nodes, 2, &bfd);
    rig_want_ls(rig, BLUE, 100, TSN1 " " TSN2);
    RIG_UNTIL(rig, rig_all_written(rig));
    /* A session that starts is none that was lost. */
    say(rig, TSN1, "down");
    say(rig, TSN2, "up");
    RIG_UNTIL(rig, ovc_session_bfd_state(rig->session, &nodes[1])
                   == OVC_BFD_UP);
    assert_string_equal(alarms(), "");
    say(rig, TSN1, "up");
    RIG_UNTIL(rig, ovc_session_bfd_state(rig->session, &nodes[0])
                   == OVC_BFD_UP);
    assert_string_equal(alarms(), "");

    say(rig, TSN1, "down");
    RIG_UNTIL(rig, is_alarmed("service-node-down 1 BFD sessions of the switch "
                              "with service nodes are not up"));
    say(rig, TSN2, "down");
    RIG_UNTIL(rig, is_alarmed("service-node-down 2 BFD sessions of the switch "
                              "with service nodes are not up"));
    say(rig, TSN1, "up");
    RIG_UNTIL(rig, is_alarmed("service-node-down 1 BFD sessions of the switch "
                              "with service nodes are not up"));

    /* Nobody wants to know of one that is none any more. */
    ovc_session_set_service_nodes(rig->session, nodes, 1, &bfd);
    RIG_UNTIL(rig, is_alarmed(""));
    say(rig, TSN1, "down");
    RIG_UNTIL(rig, is_alarmed("service-node-down 1 BFD sessions of the switch "
                              "with service nodes are not up"));
    say(rig, TSN1, "up");
    RIG_UNTIL(rig, is_alarmed(""));
}

#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(alarm_against_profile__rows_are_held__raised_until_they_are_not),
        CASE(alarm_service_node_down__bfd_lost__raised_until_it_is_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
