/* SPDX-License-Identifier: Apache-2.0 */
/* Service nodes that switches watch by BFD: Tunnel rows, and what becomes of
 * flood rows when a node dies.  Against a real ovsdb-server; the test is the
 * switch that fills bfd_status. */
#include <config.h>
#include "tests/unit/ovc_rig.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/shash.h"
#include "ovsdb-client/private.h"
#include "smap.h"
#include "timeval.h"
#include "tests/unit/ip.h"
#include "util.h"

#define BLUE TSN_LS_PREFIX "11111111-1111-1111-1111-111111111111"

#define TSN1 "10.0.0.100"
#define TSN2 "10.0.0.101"

static const struct ovc_bfd bfd = { .min_rx_ms = 300, .min_tx_ms = 250 };

/* TSN1 and TSN2, in that order. */
static void
want_nodes(struct rig *rig, size_t n, const struct ovc_bfd *params)
{
    const struct in6_addr nodes[] = { ip(TSN1), ip(TSN2) };

    ovc_session_set_service_nodes(rig->session, nodes, n, params);
}

static void
use(struct rig *rig, const char *profile)
{
    rig_stop_session(rig);
    rig->profile = ovc_profile_find(profile);
    rig_start_session(rig, NULL);
}

static const struct vteprec_tunnel *
tunnel(struct rig *rig, const char *node)
{
    const struct vteprec_tunnel *row;

    VTEPREC_TUNNEL_FOR_EACH (row, rig->db) {
        if (!strcmp(row->remote->dst_ip, node)) {
            return row;
        }
    }
    return NULL;
}

static size_t
n_tunnels(struct rig *rig)
{
    const struct vteprec_physical_switch *ps
        = vteprec_physical_switch_first(rig->db);

    return ps->n_tunnels;
}

/* A parameter of the tunnel to 'node', or "". */
static const char *
param(struct rig *rig, const char *node, const char *key)
{
    const struct vteprec_tunnel *row = tunnel(rig, node);

    return row ? smap_get_def(&row->bfd_params, key, "") : "";
}

static bool
is_up_to_date(struct rig *rig, const char *node)
{
    return (!strcmp(param(rig, node, "enable"), "true")
            && !strcmp(param(rig, node, "min_rx"), "300")
            && !strcmp(param(rig, node, "min_tx"), "250")
            && !strcmp(tunnel(rig, node)->local->dst_ip, RIG_OWN_VTEP));
}

static uint64_t
transactions(struct rig *rig)
{
    return rig_status(rig, "ovsdb", "transactions");
}

static struct vteprec_tunnel *
add_tunnel(struct rig *rig, const char *local, const char *remote)
{
    struct vteprec_tunnel *row = vteprec_tunnel_insert(rig->txn);

    vteprec_tunnel_set_local(row, rig_locator(rig, local));
    vteprec_tunnel_set_remote(row, rig_locator(rig, remote));
    vteprec_physical_switch_update_tunnels_addvalue(
        vteprec_physical_switch_first(rig->db), row);
    return row;
}

/* The switch says how its session is. */
static void
say(struct rig *rig, const char *node, const char *state,
    const char *forwarding)
{
    rig_begin(rig);
    vteprec_tunnel_update_bfd_status_setkey(tunnel(rig, node), "state",
                                            state);
    vteprec_tunnel_update_bfd_status_setkey(tunnel(rig, node), "forwarding",
                                            forwarding);
    vteprec_tunnel_update_bfd_status_setkey(
        tunnel(rig, node), "diagnostic",
        strcmp(state, "up") ? "Control Detection Time Expired"
        : "No Diagnostic");
    rig_end(rig);
}

/* Ages what the session knows of 'node' by 'ms'. */
static void
age(struct rig *rig, const char *node, int ms)
{
    struct in6_addr addr = ip(node);
    struct ovc_tunnel *t;

    LIST_FOR_EACH (t, node, &rig->session->tunnels) {
        if (tsn_ip_equals(&t->remote, &addr)) {
            t->bfd_ms -= ms;
            ovc_object_queue(rig->session, &t->object);
        }
    }
}

static enum ovc_bfd_state
state_of(struct rig *rig, const char *node)
{
    struct in6_addr addr = ip(node);

    return ovc_session_bfd_state(rig->session, &addr);
}

/* Rows. */

static void
tunnels__profile_and_schema_allow__are_written(void **state)
{
    struct rig *rig = *state;

    use(rig, "qfx5k");
    want_nodes(rig, 2, &bfd);
    rig_want_ls(rig, BLUE, 100, TSN1 " " TSN2);
    RIG_UNTIL(rig, rig_all_written(rig));
    rig_settle(rig);
    assert_true(is_up_to_date(rig, TSN1));
    assert_true(is_up_to_date(rig, TSN2));
    assert_int_equal(n_tunnels(rig), 2);
    assert_int_equal(transactions(rig), 1);
    assert_string_equal(rig_entry(rig, "tunnels", "node", TSN2, "state"),
                        "written");
    assert_string_equal(rig_entry(rig, "tunnels", "node", TSN2, "bfd"),
                        "none");

    /* Nothing is written twice. */
    use(rig, "qfx5k");
    want_nodes(rig, 2, &bfd);
    rig_want_ls(rig, BLUE, 100, TSN1 " " TSN2);
    RIG_UNTIL(rig, rig_all_written(rig));
    rig_settle(rig);
    assert_int_equal(transactions(rig), 0);
}

static void
tunnels__profile_without_or_no_interval__are_not_written(void **state)
{
    struct rig *rig = *state;
    const struct ovc_bfd none = { .min_rx_ms = 0 };

    use(rig, "cumulus");
    want_nodes(rig, 2, &bfd);
    rig_want_ls(rig, BLUE, 100, TSN1);
    RIG_UNTIL(rig, rig_all_written(rig));
    rig_settle(rig);
    assert_int_equal(n_tunnels(rig), 0);

    use(rig, "qfx5k");
    want_nodes(rig, 2, &none);
    rig_want_ls(rig, BLUE, 100, TSN1);
    RIG_UNTIL(rig, rig_all_written(rig));
    rig_settle(rig);
    assert_int_equal(n_tunnels(rig), 0);

    /* Asked for while connected, changed, and taken back. */
    want_nodes(rig, 2, &bfd);
    RIG_UNTIL(rig, is_up_to_date(rig, TSN2));
    const struct ovc_bfd slow = { .min_rx_ms = 1000, .min_tx_ms = 250 };
    want_nodes(rig, 2, &slow);
    RIG_UNTIL(rig, !strcmp(param(rig, TSN1, "min_rx"), "1000"));
    ovc_session_set_profile(rig->session, ovc_profile_find("generic"));
    RIG_UNTIL(rig, !n_tunnels(rig));
    ovc_session_set_profile(rig->session, ovc_profile_find("qfx5k"));
    RIG_UNTIL(rig, n_tunnels(rig) == 2);
    want_nodes(rig, 2, &none);
    RIG_UNTIL(rig, !n_tunnels(rig));
}

/* The first releases of QFX (spec A.7). */
static void
drop_tunnels(struct json *schema)
{
    struct json *tables = shash_find_data(json_object(schema), "tables");
    struct json *ps = shash_find_data(json_object(tables), "Physical_Switch");
    struct json *columns = shash_find_data(json_object(ps), "columns");

    json_destroy(shash_find_and_delete(json_object(tables), "Tunnel"));
    json_destroy(shash_find_and_delete(json_object(columns), "tunnels"));
}

static void
tunnels__schema_without__are_left_out(void **state)
{
    struct rig *rig = rig_create();

    *state = rig;
    rig_make_database(rig, VTEP_SCHEMA, drop_tunnels);
    rig_start_server(rig);
    rig_start_db(rig);
    rig_make_switch(rig, RIG_SWITCH, RIG_OWN_VTEP);
    rig->profile = ovc_profile_find("qfx5k");
    rig_start_session(rig, NULL);
    want_nodes(rig, 2, &bfd);
    rig_want_ls(rig, BLUE, 100, TSN1 " " TSN2);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN1 " " TSN2);
    assert_int_equal(rig_status(rig, "ovsdb", "refused"), 0);
}

static void
tunnels__edited_by_others__are_put_right(void **state)
{
    struct rig *rig = *state;

    want_nodes(rig, 1, &bfd);
    RIG_UNTIL(rig, is_up_to_date(rig, TSN1));
    struct uuid uuid = tunnel(rig, TSN1)->header_.uuid;

    /* Our keys, but not theirs. */
    rig_begin(rig);
    vteprec_tunnel_update_bfd_params_setkey(tunnel(rig, TSN1), "min_rx",
                                            "9000");
    vteprec_tunnel_update_bfd_params_delkey(tunnel(rig, TSN1), "enable");
    vteprec_tunnel_update_bfd_params_setkey(tunnel(rig, TSN1), "decay_min_rx",
                                            "4000");
    rig_end(rig);
    RIG_UNTIL(rig, is_up_to_date(rig, TSN1));
    assert_string_equal(param(rig, TSN1, "decay_min_rx"), "4000");
    assert_true(uuid_equals(&tunnel(rig, TSN1)->header_.uuid, &uuid));

    /* Another end. */
    rig_begin(rig);
    vteprec_tunnel_set_local(tunnel(rig, TSN1), rig_locator(rig, "10.9.9.9"));
    rig_end(rig);
    RIG_UNTIL(rig, is_up_to_date(rig, TSN1));

    /* Twice the same, and one that is theirs. */
    rig_begin(rig);
    add_tunnel(rig, RIG_OWN_VTEP, TSN1);
    add_tunnel(rig, RIG_OWN_VTEP, "10.7.7.7");
    rig_end(rig);
    RIG_UNTIL(rig, n_tunnels(rig) == 2 && is_up_to_date(rig, TSN1));
    assert_non_null(tunnel(rig, "10.7.7.7"));

    /* Gone. */
    rig_begin(rig);
    vteprec_physical_switch_update_tunnels_delvalue(
        vteprec_physical_switch_first(rig->db), tunnel(rig, TSN1));
    rig_end(rig);
    RIG_UNTIL(rig, is_up_to_date(rig, TSN1));

    /* Only ours goes in the end. */
    want_nodes(rig, 0, &bfd);
    RIG_UNTIL(rig, n_tunnels(rig) == 1);
    assert_non_null(tunnel(rig, "10.7.7.7"));
}

/* ovs-vtep makes the rows itself. */
static void
tunnels__made_by_the_switch__are_taken_over(void **state)
{
    struct rig *rig = *state;

    RIG_UNTIL(rig, ovc_session_is_connected(rig->session));
    rig_begin(rig);
    add_tunnel(rig, RIG_OWN_VTEP, TSN1);
    rig_end(rig);
    struct uuid uuid = tunnel(rig, TSN1)->header_.uuid;
    want_nodes(rig, 1, &bfd);
    RIG_UNTIL(rig, is_up_to_date(rig, TSN1));
    assert_true(uuid_equals(&tunnel(rig, TSN1)->header_.uuid, &uuid));
    assert_int_equal(n_tunnels(rig), 1);

    /* Made anew after we removed it: that is not ours any more. */
    want_nodes(rig, 0, &bfd);
    RIG_UNTIL(rig, !n_tunnels(rig));
    uint64_t before = transactions(rig);
    rig_begin(rig);
    add_tunnel(rig, RIG_OWN_VTEP, TSN1);
    rig_end(rig);
    rig_settle(rig);
    assert_int_equal(n_tunnels(rig), 1);
    assert_int_equal(transactions(rig), before);
}

static void
tunnels__switch_has_another_address__same_row_moves(void **state)
{
    const char *other = "10.0.0.2";
    struct rig *rig = *state;

    want_nodes(rig, 1, &bfd);
    RIG_UNTIL(rig, is_up_to_date(rig, TSN1));
    struct uuid uuid = tunnel(rig, TSN1)->header_.uuid;
    rig_begin(rig);
    vteprec_physical_switch_set_tunnel_ips(
        vteprec_physical_switch_first(rig->db), &other, 1);
    rig_end(rig);
    RIG_UNTIL(rig, !strcmp(tunnel(rig, TSN1)->local->dst_ip, other));
    assert_true(uuid_equals(&tunnel(rig, TSN1)->header_.uuid, &uuid));
    assert_int_equal(n_tunnels(rig), 1);

    rig_begin(rig);
    vteprec_physical_switch_set_tunnel_ips(
        vteprec_physical_switch_first(rig->db), NULL, 0);
    rig_end(rig);
    RIG_UNTIL(rig, !strcmp(rig_entry(rig, "tunnels", "node", TSN1, "reason"),
                           "the switch has no tunnel_ips"));
}

/* BFD. */

static void
bfd__states_of_the_switch__are_shown(void **state)
{
    struct rig *rig = *state;

    want_nodes(rig, 1, &bfd);
    RIG_UNTIL(rig, is_up_to_date(rig, TSN1));
    assert_int_equal(state_of(rig, TSN1), OVC_BFD_NONE);
    say(rig, TSN1, "init", "false");
    RIG_UNTIL(rig, state_of(rig, TSN1) == OVC_BFD_INIT);
    assert_int_equal(ovc_session_n_bfd_failed(rig->session), 0);
    say(rig, TSN1, "up", "true");
    RIG_UNTIL(rig, state_of(rig, TSN1) == OVC_BFD_UP);
    assert_string_equal(rig_entry(rig, "tunnels", "node", TSN1, "bfd"), "up");
    assert_string_equal(rig_entry(rig, "tunnels", "node", TSN1, "diagnostic"),
                        "");
    assert_int_equal(strlen(rig_entry(rig, "tunnels", "node", TSN1, "since")),
                     strlen("2026-01-01T00:00:00Z"));

    /* Up, but what is behind it is not. */
    say(rig, TSN1, "up", "false");
    RIG_UNTIL(rig, state_of(rig, TSN1) == OVC_BFD_DOWN);
    assert_int_equal(ovc_session_n_bfd_failed(rig->session), 1);
    say(rig, TSN1, "up", "true");
    RIG_UNTIL(rig, !ovc_session_n_bfd_failed(rig->session));
    say(rig, TSN1, "down", "false");
    RIG_UNTIL(rig, ovc_session_n_bfd_failed(rig->session));
    assert_string_equal(rig_entry(rig, "tunnels", "node", TSN1, "diagnostic"),
                        "Control Detection Time Expired");
    say(rig, TSN1, "admin_down", "false");
    RIG_UNTIL(rig, state_of(rig, TSN1) == OVC_BFD_ADMIN_DOWN);
    assert_int_equal(ovc_session_n_bfd_failed(rig->session), 0);
    rig_begin(rig);
    vteprec_tunnel_update_bfd_status_setkey(tunnel(rig, TSN1), "enabled",
                                            "false");
    rig_end(rig);
    RIG_UNTIL(rig, state_of(rig, TSN1) == OVC_BFD_UNSUPPORTED);
    say(rig, TSN1, "nonsense", "x");
    rig_settle(rig);
    assert_int_equal(state_of(rig, TSN1), OVC_BFD_UNSUPPORTED);
}

/* Until flood row 'ls' leads to 'node', without a moment in which there is
 * none, and with one row all the time. */
static void
until_flood(struct rig *rig, const char *node)
{
    long long deadline = rig_deadline(RIG_MS);

    while (strcmp(rig_flood_ips(rig, BLUE), node)) {
        assert_false(rig_expired(deadline));
        assert_int_equal(rig_n_floods(rig, BLUE), 1);
        assert_string_not_equal(rig_flood_ips(rig, BLUE), "");
        rig_turn(rig, 50);
    }
}

static void
flood__first_node_dies__row_moves_and_comes_back_later(void **state)
{
    struct rig *rig = *state;

    use(rig, "ovs-vtep");
    want_nodes(rig, 2, &bfd);
    rig_want_ls(rig, BLUE, 100, TSN1 " " TSN2);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN1);
    struct uuid uuid = rig_flood(rig, BLUE)->header_.uuid;

    /* A session that starts is no dead node. */
    say(rig, TSN1, "down", "false");
    say(rig, TSN2, "up", "true");
    RIG_UNTIL(rig, state_of(rig, TSN2) == OVC_BFD_UP);
    say(rig, TSN1, "up", "true");
    RIG_UNTIL(rig, state_of(rig, TSN1) == OVC_BFD_UP);
    rig_settle(rig);
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN1);

    uint64_t before = transactions(rig);
    say(rig, TSN1, "down", "false");
    until_flood(rig, TSN2);
    assert_true(uuid_equals(&rig_flood(rig, BLUE)->header_.uuid, &uuid));
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_int_equal(transactions(rig), before + 1);

    /* Back, but who knows for how long. */
    say(rig, TSN1, "up", "true");
    RIG_UNTIL(rig, state_of(rig, TSN1) == OVC_BFD_UP);
    rig_settle(rig);
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN2);
    say(rig, TSN1, "down", "false");
    say(rig, TSN1, "up", "true");
    rig_settle(rig);
    age(rig, TSN1, 9000);
    rig_settle(rig);
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN2);
    age(rig, TSN1, 1000);
    until_flood(rig, TSN1);
    assert_true(uuid_equals(&rig_flood(rig, BLUE)->header_.uuid, &uuid));
}

static void
flood__partner_dies_meanwhile__recovering_node_is_better(void **state)
{
    struct rig *rig = *state;

    use(rig, "ovs-vtep");
    want_nodes(rig, 2, &bfd);
    rig_want_ls(rig, BLUE, 100, TSN1 " " TSN2);
    RIG_UNTIL(rig, rig_all_written(rig));
    say(rig, TSN1, "up", "true");
    say(rig, TSN2, "up", "true");
    say(rig, TSN1, "down", "false");
    until_flood(rig, TSN2);
    say(rig, TSN1, "up", "true");
    RIG_UNTIL(rig, state_of(rig, TSN1) == OVC_BFD_UP);
    say(rig, TSN2, "down", "false");
    until_flood(rig, TSN1);
    /* Both dead: no reason to move. */
    say(rig, TSN1, "down", "false");
    RIG_UNTIL(rig, ovc_session_n_bfd_failed(rig->session) == 2);
    rig_settle(rig);
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN1);
}

static void
flood__first_node_never_answers__row_moves_after_a_while(void **state)
{
    struct rig *rig = *state;

    use(rig, "ovs-vtep");
    want_nodes(rig, 2, &bfd);
    rig_want_ls(rig, BLUE, 100, TSN1 " " TSN2);
    RIG_UNTIL(rig, rig_all_written(rig));
    say(rig, TSN1, "down", "false");
    RIG_UNTIL(rig, state_of(rig, TSN1) == OVC_BFD_DOWN);
    rig_settle(rig);
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN1);
    age(rig, TSN1, 5000);
    until_flood(rig, TSN2);
    assert_int_equal(ovc_session_n_bfd_failed(rig->session), 1);
}

/* A switch may end the session of a node that it does not use, with the row
 * (ovs-vtep).  That does not make a dead node as good as one whose session is
 * about to start. */
static void
flood__session_of_dead_node_ends__row_stays_with_its_partner(void **state)
{
    struct rig *rig = *state;

    use(rig, "ovs-vtep");
    want_nodes(rig, 2, &bfd);
    rig_want_ls(rig, BLUE, 100, TSN1 " " TSN2);
    RIG_UNTIL(rig, rig_all_written(rig));
    say(rig, TSN1, "up", "true");
    RIG_UNTIL(rig, state_of(rig, TSN1) == OVC_BFD_UP);
    say(rig, TSN1, "down", "false");
    until_flood(rig, TSN2);
    rig_begin(rig);
    vteprec_physical_switch_update_tunnels_delvalue(
        vteprec_physical_switch_first(rig->db), tunnel(rig, TSN1));
    rig_end(rig);
    RIG_UNTIL(rig, state_of(rig, TSN1) == OVC_BFD_NONE);
    say(rig, TSN2, "down", "false");
    RIG_UNTIL(rig, state_of(rig, TSN2) == OVC_BFD_DOWN);
    rig_settle(rig);
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN2);
    say(rig, TSN2, "up", "true");
    RIG_UNTIL(rig, state_of(rig, TSN2) == OVC_BFD_UP);
    age(rig, TSN1, 10000);
    rig_settle(rig);
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN2);

    /* Once the partner is dead, too, the first may have come back: nobody
     * knows before it is used. */
    say(rig, TSN2, "down", "false");
    until_flood(rig, TSN1);
    say(rig, TSN1, "down", "false");
    RIG_UNTIL(rig, state_of(rig, TSN1) == OVC_BFD_DOWN);
    rig_settle(rig);
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN1);
}

/* The switch chooses by itself: nothing is to be written. */
static void
flood__switch_that_takes_several__keeps_all(void **state)
{
    struct rig *rig = *state;

    use(rig, "arista");
    want_nodes(rig, 2, &bfd);
    rig_want_ls(rig, BLUE, 100, TSN1 " " TSN2);
    RIG_UNTIL(rig, rig_all_written(rig));
    say(rig, TSN1, "up", "true");
    say(rig, TSN1, "down", "false");
    uint64_t before = transactions(rig);
    RIG_UNTIL(rig, state_of(rig, TSN1) == OVC_BFD_DOWN);
    rig_settle(rig);
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN1 " " TSN2);
    assert_int_equal(transactions(rig), before);
}

/* Where it says that BUM goes if that was 'present' before, or "" if it does
 * not know. */
static const char *
node_of(struct rig *rig, const char *present)
{
    static char text[TSN_IP_STRLEN];
    struct in6_addr node = present ? ip(present) : in6addr_any;

    return (ovc_session_flood_node(rig->session, BLUE, &node)
            ? tsn_ip_format(&node, text) : "");
}

static bool
is_node(struct rig *rig, const char *present, const char *node)
{
    return !strcmp(node_of(rig, present), node);
}

static void
flood_node__one_locator__is_where_the_row_leads(void **state)
{
    struct rig *rig = *state;

    use(rig, "ovs-vtep");
    assert_true(is_node(rig, NULL, ""));
    want_nodes(rig, 2, &bfd);
    rig_want_ls(rig, BLUE, 100, TSN1 " " TSN2);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_true(is_node(rig, NULL, TSN1));
    assert_true(is_node(rig, TSN2, TSN1));
    say(rig, TSN1, "up", "true");
    say(rig, TSN2, "up", "true");
    RIG_UNTIL(rig, state_of(rig, TSN2) == OVC_BFD_UP);

    /* Never ahead of the row. */
    rig->n_node = 0;
    say(rig, TSN1, "down", "false");
    long long deadline = rig_deadline(RIG_MS);
    while (!is_node(rig, TSN1, TSN2)) {
        assert_false(rig_expired(deadline));
        rig_turn(rig, 50);
    }
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN2);
    assert_true(rig->n_node > 0);

    /* The operator wants the row to stay: then that is where it leads. */
    ovc_session_set_mode(rig->session, OVC_MODE_FREEZE);
    rig_want_ls(rig, BLUE, 100, TSN1);
    RIG_UNTIL(rig, is_node(rig, TSN1, TSN2));
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN2);

    ovc_unwant_ls(rig->session, BLUE);
    assert_true(is_node(rig, TSN1, ""));
}

static void
flood_node__several_locators__is_the_first_that_is_up(void **state)
{
    struct rig *rig = *state;

    use(rig, "arista");
    want_nodes(rig, 2, &bfd);
    rig_want_ls(rig, BLUE, 100, TSN1 " " TSN2);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_true(is_node(rig, NULL, TSN1));
    say(rig, TSN1, "up", "true");
    say(rig, TSN2, "up", "true");
    RIG_UNTIL(rig, state_of(rig, TSN2) == OVC_BFD_UP);
    assert_true(is_node(rig, TSN2, TSN1));

    uint32_t ranks = ovc_session_flood_ranks(rig->session);
    say(rig, TSN1, "down", "false");
    RIG_UNTIL(rig, is_node(rig, TSN1, TSN2));
    assert_int_not_equal(ovc_session_flood_ranks(rig->session), ranks);

    /* Back for a moment only, as far as anybody knows. */
    say(rig, TSN1, "up", "true");
    RIG_UNTIL(rig, state_of(rig, TSN1) == OVC_BFD_UP);
    rig_settle(rig);
    assert_true(is_node(rig, TSN2, TSN2));
    age(rig, TSN1, 10000);
    RIG_UNTIL(rig, is_node(rig, TSN2, TSN1));
    assert_int_equal(ovc_session_flood_ranks(rig->session), ranks);

    /* Both dead: no reason to move. */
    say(rig, TSN1, "down", "false");
    say(rig, TSN2, "down", "false");
    RIG_UNTIL(rig, ovc_session_n_bfd_failed(rig->session) == 2);
    rig_settle(rig);
    assert_true(is_node(rig, TSN1, TSN1));
    assert_true(is_node(rig, TSN2, TSN2));
}

#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, rig_setup, \
                                                   rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(tunnels__profile_and_schema_allow__are_written),
        CASE(tunnels__profile_without_or_no_interval__are_not_written),
        cmocka_unit_test_teardown(tunnels__schema_without__are_left_out,
                                  rig_teardown),
        CASE(tunnels__edited_by_others__are_put_right),
        CASE(tunnels__made_by_the_switch__are_taken_over),
        CASE(tunnels__switch_has_another_address__same_row_moves),
        CASE(bfd__states_of_the_switch__are_shown),
        CASE(flood__first_node_dies__row_moves_and_comes_back_later),
        CASE(flood__partner_dies_meanwhile__recovering_node_is_better),
        CASE(flood__first_node_never_answers__row_moves_after_a_while),
        CASE(flood__session_of_dead_node_ends__row_stays_with_its_partner),
        CASE(flood__switch_that_takes_several__keeps_all),
        CASE(flood_node__one_locator__is_where_the_row_leads),
        CASE(flood_node__several_locators__is_the_first_that_is_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
