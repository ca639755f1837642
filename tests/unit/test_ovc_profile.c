/* SPDX-License-Identifier: Apache-2.0 */
/* Vendor profiles: a test per quirk, against a real ovsdb-server. */
#include <config.h>
#include "tests/unit/ovc_rig.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/shash.h"
#include "ovsdb-client/private.h"
#include "simap.h"
#include "tsn/config.h"
#include "tsn/json.h"
#include "util.h"

#define BLUE TSN_LS_PREFIX "11111111-1111-1111-1111-111111111111"
#define RED TSN_LS_PREFIX "22222222-2222-2222-2222-222222222222"
#define GREEN TSN_LS_PREFIX "33333333-3333-3333-3333-333333333333"

#define TSN1 "10.0.0.100"
#define TSN2 "10.0.0.99"
#define HOST1 "10.0.1.1"

#define MAC1 "02:00:00:00:00:0a"

/* Has the session started anew, by 'profile'. */
static void
use(struct rig *rig, const struct ovc_profile *profile)
{
    assert_non_null(profile);
    rig_stop_session(rig);
    rig->profile = profile;
    rig_start_session(rig, NULL);
}

static void
use_named(struct rig *rig, const char *name)
{
    use(rig, ovc_profile_find(name));
}

static uint64_t
transactions(struct rig *rig)
{
    return rig_status(rig, "ovsdb", "transactions");
}

static void
want_binding(struct rig *rig, int vlan, const char *ls)
{
    ovc_want_binding(rig->session, RIG_SWITCH, "p1", vlan, ls);
}

/* "reason" of the binding to 'ls', the only one of it. */
static const char *
binding_reason(struct rig *rig, const char *ls)
{
    return rig_entry(rig, "bindings", "network", ls, "reason");
}

static bool
is_written(struct rig *rig, const char *ls)
{
    return !strcmp(rig_entry(rig, "bindings", "network", ls, "state"),
                   "written");
}

static bool
is_held(struct rig *rig, const char *ls)
{
    return !strcmp(rig_entry(rig, "bindings", "network", ls, "state"),
                   "held");
}

/* The table. */

static struct json *
show(const struct ovc_profile *profile)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct tsn_json writer;

    tsn_json_init(&writer, &s);
    tsn_json_object_begin(&writer, NULL);
    ovc_profile_show(profile, &writer);
    tsn_json_object_end(&writer);
    struct json *json = json_from_string(ds_cstr(&s));
    ds_destroy(&s);
    assert_int_equal(json->type, JSON_OBJECT);
    return json;
}

static void
profiles__all__are_found_shown_and_configurable(void **state OVS_UNUSED)
{
    const struct ovc_profile *p;
    size_t i;

    for (i = 0; (p = ovc_profile_at(i)) != NULL; i++) {
        struct json *json = show(p);
        const struct shash *o = json_object(json);
        assert_string_equal(json_string(shash_find_data(o, "name")),
                            ovc_profile_name(p));
        assert_ptr_equal(ovc_profile_find(ovc_profile_name(p)), p);
        assert_int_equal(json_integer(shash_find_data(o, "vlan_max")),
                         p->vlan_max);
        assert_string_equal(tsn_config_profiles[i], ovc_profile_name(p));
        json_destroy(json);
    }
    assert_null(tsn_config_profiles[i]);
    assert_ptr_equal(ovc_profile_default(), ovc_profile_find("generic"));
    assert_null(ovc_profile_find("qfx"));
}

/* Whatever another profile allows must not be more than it says. */
static void
profiles__generic__is_the_most_careful(void **state OVS_UNUSED)
{
    const struct ovc_profile *g = ovc_profile_default(), *p;

    for (size_t i = 0; (p = ovc_profile_at(i)) != NULL; i++) {
        assert_true(p->several_locators >= g->several_locators);
        assert_true(p->free_vni_first <= g->free_vni_first);
        assert_true(p->mixed_tagging >= g->mixed_tagging);
        assert_true(p->digit_names >= g->digit_names);
        assert_true(p->bfd >= g->bfd);
        assert_true(p->vlan_max >= g->vlan_max);
        assert_true(p->max_txn_ops >= g->max_txn_ops);
        assert_true(p->max_txn_ops <= OVC_MAX_TXN_OPS);
    }
}

/* Flood rows. */

static void
flood__profile__says_whether_all_or_the_first(void **state)
{
    struct rig *rig = *state;

    use_named(rig, "generic");
    rig_want_ls(rig, BLUE, 100, TSN1 " " TSN2);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_string_equal(rig_flood_ips(rig, BLUE), TSN1);
    struct uuid uuid = rig_flood(rig, BLUE)->header_.uuid;
    uint64_t before = transactions(rig);

    ovc_session_set_profile(rig->session, ovc_profile_find("qfx5k"));
    RIG_UNTIL(rig, !strcmp(rig_flood_ips(rig, BLUE), TSN1 " " TSN2)
                   || !strcmp(rig_flood_ips(rig, BLUE), TSN2 " " TSN1));
    /* The other order is the same set. */
    rig_want_ls(rig, BLUE, 100, TSN2 " " TSN1);
    rig_settle(rig);
    assert_int_equal(transactions(rig), before + 1);

    ovc_session_set_profile(rig->session, ovc_profile_find("cumulus"));
    RIG_UNTIL(rig, !strcmp(rig_flood_ips(rig, BLUE), TSN2));
    rig_settle(rig);
    assert_int_equal(transactions(rig), before + 2);
    assert_true(uuid_equals(&rig_flood(rig, BLUE)->header_.uuid, &uuid));
}

static void
flood__first_node_changes__row_moves_in_one_transaction(void **state)
{
    struct rig *rig = *state;

    use_named(rig, "generic");
    rig_want_ls(rig, BLUE, 100, TSN1 " " TSN2);
    RIG_UNTIL(rig, rig_all_written(rig));
    struct uuid uuid = rig_flood(rig, BLUE)->header_.uuid;
    uint64_t before = transactions(rig);

    rig_want_ls(rig, BLUE, 100, TSN2 " " TSN1);
    long long deadline = rig_deadline(RIG_MS);
    while (strcmp(rig_flood_ips(rig, BLUE), TSN2)) {
        assert_false(rig_expired(deadline));
        assert_int_equal(rig_n_floods(rig, BLUE), 1);
        rig_turn(rig, 50);
    }
    assert_true(uuid_equals(&rig_flood(rig, BLUE)->header_.uuid, &uuid));
    assert_int_equal(transactions(rig), before + 1);
}

static void
mode__profile_without__leaves_it_alone(void **state)
{
    struct rig *rig = *state;
    struct ovc_profile p = *ovc_profile_default();

    p.replication_mode = NULL;
    use(rig, &p);
    rig_want_ls(rig, BLUE, 100, TSN1);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_null(rig_ls(rig, BLUE)->replication_mode);
    rig_begin(rig);
    vteprec_logical_switch_set_replication_mode(rig_ls(rig, BLUE),
                                                "source_node");
    rig_end(rig);
    rig_settle(rig);
    assert_string_equal(rig_ls(rig, BLUE)->replication_mode, "source_node");

    ovc_session_set_profile(rig->session, ovc_profile_default());
    RIG_UNTIL(rig, !strcmp(rig_ls(rig, BLUE)->replication_mode,
                           "service_node"));
    rig_stop_session(rig);      /* 'p' goes. */
}

/* VNIs. */

/* The VNI of a row of a log record: 0 is none, -1 not said. */
static int
logged_vni(const struct json *row)
{
    const struct json *key = (row->type == JSON_OBJECT
                              ? shash_find_data(json_object(row), "tunnel_key")
                              : NULL);

    if (row->type == JSON_NULL) {
        return 0;
    }
    return !key ? -1 : key->type == JSON_INTEGER ? json_integer(key) : 0;
}

static unsigned int
holder_of(const struct simap *vnis, unsigned int vni, const char *but)
{
    const struct simap_node *node;
    unsigned int n = 0;

    SIMAP_FOR_EACH (node, vnis) {
        n += node->data == vni && strcmp(node->name, but);
    }
    return n;
}

/* Whether the transactions in the server's log can be applied row by row, in
 * any order, without one VNI ever being in two Logical_Switches. */
static bool
never_twice(struct rig *rig)
{
    char *path = rig_path(rig, "db");
    struct simap vnis = SIMAP_INITIALIZER(&vnis);
    FILE *f = fopen(path, "r");
    struct ds line = DS_EMPTY_INITIALIZER;
    bool ok = true;

    assert_non_null(f);
    while (!ds_get_line(&line, f)) {
        struct json *record = (*ds_cstr(&line) == '{'
                               ? json_from_string(ds_cstr(&line)) : NULL);
        const struct json *table = NULL;
        const struct shash_node *node;

        if (record && record->type == JSON_OBJECT) {
            table = shash_find_data(json_object(record), "Logical_Switch");
        }
        if (table) {
            SHASH_FOR_EACH (node, json_object(table)) {
                int vni = logged_vni(node->data);
                ok = ok && (vni <= 0 || !holder_of(&vnis, vni, node->name));
            }
            SHASH_FOR_EACH (node, json_object(table)) {
                int vni = logged_vni(node->data);
                if (vni >= 0) {
                    simap_put(&vnis, node->name, vni);
                }
            }
        }
        json_destroy(record);
    }
    assert_true(simap_count(&vnis) > 0);
    ds_destroy(&line);
    simap_destroy(&vnis);
    fclose(f);
    free(path);
    return ok;
}

/* Returns the number of transactions. */
static uint64_t
swap_vnis(struct rig *rig)
{
    rig_want_ls(rig, BLUE, 100, TSN1);
    rig_want_ls(rig, RED, 200, TSN1);
    RIG_UNTIL(rig, rig_all_written(rig));
    uint64_t before = transactions(rig);
    rig_want_ls(rig, BLUE, 200, TSN1);
    rig_want_ls(rig, RED, 100, TSN1);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_int_equal(rig_ls_vni(rig, BLUE), 200);
    assert_int_equal(rig_ls_vni(rig, RED), 100);
    return transactions(rig) - before;
}

static void
vni__swap_on_careful_switch__is_freed_first(void **state)
{
    struct rig *rig = *state;

    use_named(rig, "qfx5k");
    assert_int_equal(swap_vnis(rig), 2);
    assert_true(never_twice(rig));

    /* The check is worth something: this is what others get. */
    use_named(rig, "ovs-vtep");
    assert_int_equal(swap_vnis(rig), 1);
    assert_false(never_twice(rig));
}

static void
vni__chain_on_careful_switch__moves_from_its_end(void **state)
{
    enum { N = 20 };
    struct rig *rig = *state;
    char name[64];

    use_named(rig, "generic");
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, TSN_LS_PREFIX "%d", i);
        rig_want_ls(rig, name, 1000 + i, "");
    }
    RIG_UNTIL(rig, rig_all_written(rig));
    /* Each takes the VNI of the next one; the last one a free one... */
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, TSN_LS_PREFIX "%d", i);
        rig_want_ls(rig, name, 1001 + i, "");
    }
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_int_equal(rig_ls_vni(rig, TSN_LS_PREFIX "0"), 1001);
    assert_true(never_twice(rig));
    /* ...and in a circle, with one behind it that waits. */
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, TSN_LS_PREFIX "%d", i);
        rig_want_ls(rig, name, 1001 + (i + 1) % N, "");
    }
    rig_want_ls(rig, BLUE, 1001, "");
    RIG_UNTIL(rig, rig_ls_vni(rig, TSN_LS_PREFIX "19") == 1001);
    rig_want_ls(rig, BLUE, 5000, "");
    RIG_UNTIL(rig, rig_all_written(rig));
    for (int i = 0; i < N; i++) {
        snprintf(name, sizeof name, TSN_LS_PREFIX "%d", i);
        assert_int_equal(rig_ls_vni(rig, name), 1001 + (i + 1) % N);
    }
    assert_true(never_twice(rig));
}

/* A taker must not come into the transaction in which the VNI is left. */
static void
vni__left_for_a_free_one__new_network_waits(void **state)
{
    struct rig *rig = *state;

    use_named(rig, "generic");
    rig_want_ls(rig, BLUE, 100, TSN1);
    RIG_UNTIL(rig, rig_all_written(rig));
    rig_want_ls(rig, BLUE, 300, TSN1);
    rig_want_ls(rig, RED, 100, TSN1);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_int_equal(rig_ls_vni(rig, RED), 100);
    assert_true(never_twice(rig));
}

/* VLANs. */

static void
vlan__reserved__is_held_and_nothing_else(void **state)
{
    struct rig *rig = *state;

    use_named(rig, "qfx5k");
    rig_want_ls(rig, BLUE, 100, TSN1);
    rig_want_ls(rig, RED, 200, TSN1);
    want_binding(rig, 4094, BLUE);
    want_binding(rig, 4093, RED);
    rig_want_mac(rig, BLUE, MAC1, HOST1);
    RIG_UNTIL(rig, is_written(rig, RED) && rig_mac(rig, BLUE, MAC1));
    rig_settle(rig);
    assert_true(is_held(rig, BLUE));
    assert_string_equal(binding_reason(rig, BLUE),
                        "the switch keeps this VLAN for itself "
                        "(profile qfx5k)");
    assert_string_equal(rig_binding(rig, "p1", 4094), "");
    assert_int_equal(transactions(rig), 1);
    assert_int_equal(rig_status(rig, "ovsdb", "refused"), 0);
    assert_int_equal(ovc_session_n_against_profile(rig->session), 1);
    assert_int_equal(rig_status(rig, "rows", "against_profile"), 1);

    ovc_session_set_profile(rig->session, ovc_profile_find("arista"));
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_string_equal(rig_binding(rig, "p1", 4094), BLUE);
    assert_int_equal(ovc_session_n_against_profile(rig->session), 0);
    want_binding(rig, 1, BLUE);
    want_binding(rig, 2, BLUE);
    RIG_UNTIL(rig, rig_all_written(rig));

    /* What is there already stays. */
    ovc_session_set_profile(rig->session, ovc_profile_find("qfx5k"));
    rig_settle(rig);
    assert_string_equal(rig_binding(rig, "p1", 1), BLUE);
}

static void
vlan__reserved_and_bound_to_removed_network__is_freed(void **state)
{
    struct rig *rig = *state;

    use_named(rig, "arista");
    rig_want_ls(rig, BLUE, 100, TSN1);
    rig_want_ls(rig, RED, 200, TSN1);
    want_binding(rig, 2, BLUE);
    RIG_UNTIL(rig, rig_all_written(rig));
    ovc_session_set_profile(rig->session, ovc_profile_find("qfx5k"));
    want_binding(rig, 2, RED);
    rig_settle(rig);
    assert_string_equal(rig_binding(rig, "p1", 2), BLUE);
    ovc_unwant_ls(rig->session, BLUE);
    RIG_UNTIL(rig, !rig_ls(rig, BLUE));
    assert_string_equal(rig_binding(rig, "p1", 2), "");
    assert_true(is_held(rig, RED));
}

static void
vlan__above_range__is_held(void **state)
{
    struct rig *rig = *state;

    use_named(rig, "extreme");
    rig_want_ls(rig, BLUE, 100, TSN1);
    want_binding(rig, 4095, BLUE);
    RIG_UNTIL(rig, is_held(rig, BLUE));
    assert_string_equal(binding_reason(rig, BLUE),
                        "the switch has no such VLAN (profile extreme)");
    ovc_session_set_profile(rig->session, ovc_profile_find("schema"));
    RIG_UNTIL(rig, !strcmp(rig_binding(rig, "p1", 4095), BLUE));
}

static void
tagging__mixed_on_a_port__first_has_it(void **state)
{
    struct rig *rig = *state;

    use_named(rig, "qfx5k");
    rig_want_ls(rig, BLUE, 100, TSN1);
    rig_want_ls(rig, RED, 200, TSN1);
    rig_want_ls(rig, GREEN, 300, TSN1);
    want_binding(rig, 10, BLUE);
    want_binding(rig, 0, RED);
    want_binding(rig, 11, GREEN);
    RIG_UNTIL(rig, is_written(rig, BLUE) && is_written(rig, GREEN));
    rig_settle(rig);
    assert_string_equal(binding_reason(rig, RED),
                        "the port has tagged networks, and the switch cannot "
                        "have both on one port (profile qfx5k)");
    assert_string_equal(rig_binding(rig, "p1", 0), "");

    /* Another port is another matter. */
    ovc_want_binding(rig->session, RIG_SWITCH, "p2", 0, BLUE);
    RIG_UNTIL(rig, !strcmp(rig_binding(rig, "p2", 0), BLUE));

    ovc_unwant_binding(rig->session, RIG_SWITCH, "p1", 10);
    rig_settle(rig);
    assert_true(is_held(rig, RED));
    ovc_unwant_binding(rig->session, RIG_SWITCH, "p1", 11);
    RIG_UNTIL(rig, !strcmp(rig_binding(rig, "p1", 0), RED));

    /* Now the other way round; two wait. */
    want_binding(rig, 10, BLUE);
    want_binding(rig, 11, GREEN);
    rig_settle(rig);
    assert_int_equal(ovc_session_n_against_profile(rig->session), 2);
    assert_string_equal(binding_reason(rig, GREEN),
                        "the port has an untagged network, and the switch "
                        "cannot have both on one port (profile qfx5k)");
    ovc_unwant_binding(rig->session, RIG_SWITCH, "p1", 0);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_string_equal(rig_binding(rig, "p1", 10), BLUE);
    assert_string_equal(rig_binding(rig, "p1", 11), GREEN);
}

static void
tagging__mixed_after_restart__what_the_switch_has_stays(void **state)
{
    struct rig *rig = *state;

    use_named(rig, "generic");
    rig_want_ls(rig, BLUE, 100, TSN1);
    rig_want_ls(rig, RED, 200, TSN1);
    want_binding(rig, 0, BLUE);
    RIG_UNTIL(rig, rig_all_written(rig));

    rig_stop_session(rig);
    rig_start_session(rig, NULL);
    rig_want_ls(rig, BLUE, 100, TSN1);
    rig_want_ls(rig, RED, 200, TSN1);
    want_binding(rig, 10, RED);         /* Comes first this time. */
    want_binding(rig, 0, BLUE);
    RIG_UNTIL(rig, is_written(rig, BLUE) && is_held(rig, RED));
    rig_settle(rig);
    assert_string_equal(rig_binding(rig, "p1", 10), "");
    assert_int_equal(transactions(rig), 0);
}

/* A first that the switch can never have does not keep others away. */
static void
tagging__first_is_held_itself__second_is_written(void **state)
{
    struct rig *rig = *state;

    use_named(rig, "qfx5k");
    rig_want_ls(rig, BLUE, 100, TSN1);
    rig_want_ls(rig, RED, 200, TSN1);
    want_binding(rig, 2, BLUE);
    want_binding(rig, 0, RED);
    RIG_UNTIL(rig, is_held(rig, BLUE) && is_written(rig, RED));
}

/* Names. */

static void
name__all_digits__is_held_with_what_depends_on_it(void **state)
{
    struct rig *rig = *state;

    use_named(rig, "qfx5k");
    rig_want_ls(rig, "123", 100, TSN1);
    rig_want_ls(rig, RED, 200, TSN1);
    want_binding(rig, 10, "123");
    want_binding(rig, 11, RED);
    RIG_UNTIL(rig, is_written(rig, RED));
    rig_settle(rig);
    assert_null(rig_ls(rig, "123"));
    assert_string_equal(rig_entry(rig, "networks", "name", "123", "reason"),
                        "the switch takes no name that is all digits "
                        "(profile qfx5k)");
    assert_string_equal(binding_reason(rig, "123"),
                        "its Logical_Switch is not written");
    assert_int_equal(rig_status(rig, "ovsdb", "refused"), 0);

    ovc_session_set_profile(rig->session, ovc_profile_find("ovs-vtep"));
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_int_equal(rig_ls_vni(rig, "123"), 100);
}

/* MACs. */

static void
mac__upper_case_profile__writes_upper_case(void **state)
{
    struct rig *rig = *state;
    struct ovc_profile p = *ovc_profile_default();

    use_named(rig, "generic");
    rig_want_ls(rig, BLUE, 100, TSN1);
    rig_want_mac(rig, BLUE, MAC1, HOST1);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_string_equal(rig_mac(rig, BLUE, MAC1)->MAC, "02:00:00:00:00:0a");
    rig_unwant_mac(rig, BLUE, MAC1);
    RIG_UNTIL(rig, !rig_mac(rig, BLUE, MAC1));

    p.upper_macs = true;
    ovc_session_set_profile(rig->session, &p);
    rig_want_mac(rig, BLUE, MAC1, HOST1);
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_string_equal(rig_mac(rig, BLUE, MAC1)->MAC, "02:00:00:00:00:0A");

    /* Letters are not worth a transaction. */
    uint64_t before = transactions(rig);
    ovc_session_set_profile(rig->session, ovc_profile_default());
    rig_settle(rig);
    assert_int_equal(transactions(rig), before);
    assert_int_equal(rig_n_macs(rig, BLUE), 1);
}

static void
mac__rows_that_differ_in_case__become_one(void **state)
{
    struct rig *rig = *state;

    use_named(rig, "arista");
    rig_want_ls(rig, BLUE, 100, TSN1);
    rig_want_mac(rig, BLUE, MAC1, HOST1);
    RIG_UNTIL(rig, rig_all_written(rig));
    rig_begin(rig);
    struct vteprec_ucast_macs_remote *row
        = vteprec_ucast_macs_remote_insert(rig->txn);
    vteprec_ucast_macs_remote_set_MAC(row, "02:00:00:00:00:0A");
    vteprec_ucast_macs_remote_set_logical_switch(row, rig_ls(rig, BLUE));
    vteprec_ucast_macs_remote_set_locator(row, rig_locator(rig, HOST1));
    rig_end(rig);
    RIG_UNTIL(rig, rig_n_macs(rig, BLUE) == 1);
    assert_string_equal(rig_mac_vtep(rig, BLUE, MAC1), HOST1);
}

/* Size. */

static void
transaction__profile__says_how_large(void **state)
{
    struct rig *rig = *state;
    struct ovc_profile p = *ovc_profile_default();

    p.max_txn_ops = 10;
    use(rig, &p);
    rig_want_ls(rig, BLUE, 100, TSN1);
    for (int i = 0; i < 100; i++) {
        char mac[18];
        snprintf(mac, sizeof mac, "02:00:00:01:00:%02x", i);
        rig_want_mac(rig, BLUE, mac, HOST1);
    }
    RIG_UNTIL(rig, rig_all_written(rig));
    assert_int_equal(rig_n_macs(rig, BLUE), 100);
    /* 105 row operations. */
    assert_in_range(transactions(rig), 11, 12);
    rig_stop_session(rig);
}

#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, rig_setup, \
                                                   rig_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles__all__are_found_shown_and_configurable),
        cmocka_unit_test(profiles__generic__is_the_most_careful),
        CASE(flood__profile__says_whether_all_or_the_first),
        CASE(flood__first_node_changes__row_moves_in_one_transaction),
        CASE(mode__profile_without__leaves_it_alone),
        CASE(vni__swap_on_careful_switch__is_freed_first),
        CASE(vni__chain_on_careful_switch__moves_from_its_end),
        CASE(vni__left_for_a_free_one__new_network_waits),
        CASE(vlan__reserved__is_held_and_nothing_else),
        CASE(vlan__reserved_and_bound_to_removed_network__is_freed),
        CASE(vlan__above_range__is_held),
        CASE(tagging__mixed_on_a_port__first_has_it),
        CASE(tagging__mixed_after_restart__what_the_switch_has_stays),
        CASE(tagging__first_is_held_itself__second_is_written),
        CASE(name__all_digits__is_held_with_what_depends_on_it),
        CASE(mac__upper_case_profile__writes_upper_case),
        CASE(mac__rows_that_differ_in_case__become_one),
        CASE(transaction__profile__says_how_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
