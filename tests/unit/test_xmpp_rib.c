/* SPDX-License-Identifier: Apache-2.0 */
/* The table of learnt routes, without sessions: two control nodes' stanzas go
 * straight into it. */
#include <config.h>
#include "xmpp/speaker-private.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

#include "tsn/error.h"
#include "xmpp/rib-path.h"
#include "xmpp/stanza.h"

#define RI "default-domain:admin:vn1:vn1"
#define RI2 "default-domain:admin:vn2:vn2"
#define VN "default-domain:admin:vn1"

struct rig {
    uv_loop_t loop;
    struct xmpp_speaker *speaker;
    struct ds told;             /* Networks that changed. */
    struct ds macs;             /* MACs likewise. */
    const char *drop;           /* To be unsubscribed with the next change. */
    uint32_t labels[256];       /* By the MAC's last octet, as told; 0: no
                                 * route. */
};

static void
config_changed(void *rig OVS_UNUSED, const struct xmpp_view *view OVS_UNUSED,
               bool complete OVS_UNUSED)
{
}

static void
routes_changed(void *rig_, const char *instance)
{
    struct rig *rig = rig_;

    ds_put_format(&rig->told, "%s\n", instance);
    if (rig->drop) {
        xmpp_speaker_unsubscribe(rig->speaker, rig->drop);
        rig->drop = NULL;
    }
}

static void
mac_changed(void *rig_, const char *instance, const struct eth_addr *mac,
            const struct xmpp_evpn *route)
{
    struct rig *rig = rig_;

    if (route) {
        assert_true(eth_addr_equals(route->mac, *mac));
    }
    ds_put_format(&rig->macs, "%s %d\n", instance, mac->ea[5]);
    rig->labels[mac->ea[5]] = route ? route->next_hops[0].label : 0;
}

static void
session_changed(void *rig OVS_UNUSED)
{
}

static const struct xmpp_speaker_ops speaker_ops = {
    .config_changed = config_changed,
    .routes_changed = routes_changed,
    .mac_changed = mac_changed,
    .session_changed = session_changed,
};

static int
rig_setup(void **state)
{
    struct rig *rig = xzalloc(sizeof *rig);
    static const struct sockaddr_storage none;
    const struct xmpp_speaker_config config = {
        .name = "tor1", .controllers = &none, .n_controllers = 0,
        .hold_s = 90, .stale_hold_s = 90,
    };

    uv_loop_init(&rig->loop);
    rig->speaker = xmpp_speaker_create(&rig->loop, &config, &speaker_ops, rig);
    for (unsigned int i = 0; i < MAX_PEERS; i++) {
        rig->speaker->peers[i].speaker = rig->speaker;
        rig->speaker->peers[i].slot = i;
    }
    rig->speaker->n_peers = MAX_PEERS;
    xmpp_speaker_subscribe(rig->speaker, RI, 1);
    xmpp_speaker_subscribe(rig->speaker, RI2, 2);
    *state = rig;
    return 0;
}

static int
rig_teardown(void **state)
{
    struct rig *rig = *state;

    rig->speaker->n_peers = 0;
    xmpp_speaker_destroy(rig->speaker);
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    uv_loop_close(&rig->loop);
    ds_destroy(&rig->told);
    ds_destroy(&rig->macs);
    free(rig);
    return 0;
}

static void
walk(struct rig *rig)
{
    while (rib_walk(rig->speaker, 1000)) {
        continue;
    }
}

static void
feed(struct rig *rig, unsigned int slot, const struct ds *message)
{
    struct xmpp_stanza st;
    struct tsn_err err;

    if (xmpp_stanza_parse(message->string, message->length, &st, &err)) {
        fail_msg("%s: %s", tsn_err_format(&err), message->string);
    }
    rib_event(&rig->speaker->peers[slot], &st);
    xmpp_stanza_fini(&st);
}

/* The key of route 'i'; from BROADCAST on they are broadcast routes. */
#define BROADCAST 1000

static void
init_route(struct xmpp_evpn *route, unsigned int i)
{
    xmpp_evpn_init(route);
    if (i >= BROADCAST) {
        route->mac = eth_addr_broadcast;
        route->tag = i;
    } else {
        route->mac = (struct eth_addr) { .ea = { 2, 0, 0, 0, i >> 8, i } };
    }
}

/* Control node 'slot' sends route 'i' of 'instance', with that label and
 * network. */
static void
item(struct rig *rig, unsigned int slot, const char *instance, unsigned int i,
     uint32_t label, const char *vn)
{
    struct ds entry = DS_EMPTY_INITIALIZER, message = DS_EMPTY_INITIALIZER;
    char id[XMPP_ID_STRLEN];
    struct xmpp_evpn route;
    struct in6_addr ip;

    init_route(&route, i);
    route.virtual_network = xstrdup(vn);
    in6_addr_set_mapped_ipv4(&ip, htonl(0x0a000001));
    xmpp_evpn_add_next_hop(&route, &ip, label, TSN_ENCAP_VXLAN);
    if (label % 3 == 0) {
        xmpp_evpn_add_next_hop(&route, &ip, label + 1, TSN_ENCAP_VXLAN);
    }
    xmpp_evpn_encode_notify(&entry, &route);
    xmpp_put_event_begin(&message, "tor1", XMPP_FAMILY_EVPN, instance);
    xmpp_put_item(&message, xmpp_evpn_item_id(&route, id), ds_cstr(&entry));
    xmpp_put_event_end(&message);
    feed(rig, slot, &message);
    xmpp_evpn_fini(&route);
    ds_destroy(&entry);
    ds_destroy(&message);
}

static void
retract_id(struct rig *rig, unsigned int slot, const char *instance,
           const char *id)
{
    struct ds message = DS_EMPTY_INITIALIZER;

    xmpp_put_event_begin(&message, "tor1", XMPP_FAMILY_EVPN, instance);
    xmpp_put_retract(&message, id);
    xmpp_put_event_end(&message);
    feed(rig, slot, &message);
    ds_destroy(&message);
}

static void
retract(struct rig *rig, unsigned int slot, const char *instance,
        unsigned int i)
{
    char id[XMPP_ID_STRLEN];
    struct xmpp_evpn route;

    init_route(&route, i);
    retract_id(rig, slot, instance, xmpp_evpn_item_id(&route, id));
    xmpp_evpn_fini(&route);
}

/* The path of the only route of RI. */
static const struct xmpp_evpn *
only_path(const struct rig *rig, unsigned int slot)
{
    const struct rib_instance *inst = shash_find_data(&rig->speaker->rib, RI);

    assert_int_equal(hmap_count(&inst->routes), 1);
    return CONTAINER_OF(hmap_first(&inst->routes), struct rib_route,
                        node)->path[slot];
}

/* The different paths of the table. */
struct found_paths {
    const struct xmpp_evpn *paths[4 * BROADCAST];
    size_t n, n_bytes;
};

static void
find_path(struct found_paths *found, const struct xmpp_evpn *path)
{
    for (size_t i = 0; i < found->n; i++) {
        if (found->paths[i] == path) {
            return;
        }
    }
    if (path) {
        assert_true(found->n < ARRAY_SIZE(found->paths));
        found->paths[found->n++] = path;
        found->n_bytes += rib_path_size(path);
    }
}

/* What the table takes, found by looking at all of it. */
static size_t
count_bytes(const struct xmpp_speaker *sp)
{
    size_t n = sp->rib_paths.names.n_bytes;
    struct found_paths found = { .n = 0 };
    struct shash_node *node;

    SHASH_FOR_EACH (node, &sp->rib) {
        const struct rib_instance *inst = node->data;
        const struct rib_held *held;
        const struct rib_route *rr;

        HMAP_FOR_EACH (held, node, &inst->held) {
            n += sizeof *held + strlen(held->id) + 1;
            find_path(&found, held->path);
        }
        HMAP_FOR_EACH (rr, node, &inst->routes) {
            n += sizeof *rr + strlen(rr->id) + 1;
            for (int i = 0; i < MAX_PEERS; i++) {
                find_path(&found, rr->path[i]);
            }
        }
    }
    return n + found.n_bytes;
}

static void
rib__two_nodes_say_the_same__one_path(void **state)
{
    struct rig *rig = *state;

    item(rig, 0, RI, 1, 5, VN);
    size_t n_bytes = rig->speaker->rib_bytes;
    item(rig, 1, RI, 1, 5, VN);
    assert_ptr_equal(only_path(rig, 0), only_path(rig, 1));
    assert_int_equal(rig->speaker->rib_bytes, n_bytes);

    /* Each can take its own back. */
    retract(rig, 0, RI, 1);
    assert_null(only_path(rig, 0));
    assert_int_equal(only_path(rig, 1)->next_hops[0].label, 5);
    assert_int_equal(rig->speaker->rib_bytes, n_bytes);
    retract(rig, 1, RI, 1);
    assert_int_equal(rig->speaker->rib_bytes, 0);
}

/* What is said of one MAC and of another. */
static void
note_mac(const char *item_id OVS_UNUSED, const struct xmpp_evpn *route,
         bool stale OVS_UNUSED, void *macs_)
{
    struct ds *macs = macs_;

    ds_put_format(macs, ETH_ADDR_FMT" %"PRIu32" %s\n",
                  ETH_ADDR_ARGS(route->mac), route->next_hops[0].label,
                  route->virtual_network);
}

static void
rib__macs_that_differ_in_nothing_else__share_a_path(void **state)
{
    struct rig *rig = *state;
    struct xmpp_speaker *sp = rig->speaker;
    const struct eth_addr mac = { .ea = { 2, 0, 0, 0, 0, 2 } };
    struct ds macs = DS_EMPTY_INITIALIZER;

    item(rig, 0, RI, 1, 5, VN);
    size_t n_bytes = sp->rib_paths.n_bytes;
    item(rig, 0, RI, 2, 5, VN);
    item(rig, 1, RI, 2, 5, VN);
    assert_int_equal(sp->rib_paths.n_bytes, n_bytes);
    assert_int_equal(hmap_count(&sp->rib_paths.paths), 1);

    /* Each is told as a route of its own. */
    xmpp_speaker_for_each_mac_route(sp, RI, &mac, note_mac, &macs);
    assert_string_equal(ds_cstr(&macs), "02:00:00:00:00:02 5 " VN "\n");
    ds_clear(&macs);
    retract(rig, 0, RI, 2);
    retract(rig, 1, RI, 2);
    xmpp_speaker_for_each_route(sp, RI, note_mac, &macs);
    assert_string_equal(ds_cstr(&macs), "02:00:00:00:00:01 5 " VN "\n");

    item(rig, 0, RI, 2, 6, VN);
    assert_int_equal(hmap_count(&sp->rib_paths.paths), 2);
    retract(rig, 0, RI, 1);
    retract(rig, 0, RI, 2);
    assert_int_equal(sp->rib_paths.n_bytes, 0);
    ds_destroy(&macs);
}

/* A route is what its id names, however it is written. */
static void
rib__retracted_by_another_spelling__same_route(void **state)
{
    static const char *const spellings[] = {
        "02:00:00:00:00:AB,0.0.0.0/32",
        "0-02:00:00:00:00:ab,0.0.0.0/32", "000-02:00:00:00:00:ab,0.0.0.0/0",
        "02:00:00:00:00:ab,0.0.0.0/32,0.0.0.0,0.0.0.0",
    };
    struct rig *rig = *state;
    const struct peer *peer = &rig->speaker->peers[0];

    for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
        item(rig, 0, RI, 0xab, 5, VN);
        retract_id(rig, 0, RI, spellings[i]);
        assert_int_equal(rig->speaker->rib_bytes, 0);
    }
    assert_int_equal(peer->n_bad_items, 0);
    assert_int_equal(peer->n_retracts, ARRAY_SIZE(spellings));
}

static void
rib__bad_retract__counted_and_nothing_removed(void **state)
{
    static const char *const bad[] = {
        "", "x", "02:00:00:00:00:ab", "x-02:00:00:00:00:ab,0.0.0.0/32",
        "02:00:00:00:00:zz,0.0.0.0/32", "02:00:00:00:00:ab,10.0.0.1/24",
    };
    struct rig *rig = *state;
    const struct peer *peer = &rig->speaker->peers[0];

    item(rig, 0, RI, 0xab, 5, VN);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        retract_id(rig, 0, RI, bad[i]);
    }
    assert_non_null(only_path(rig, 0));
    assert_int_equal(peer->n_bad_items, ARRAY_SIZE(bad));
    /* Of another route is none of these. */
    retract_id(rig, 0, RI, "7-02:00:00:00:00:ab,0.0.0.0/32");
    assert_non_null(only_path(rig, 0));
    assert_int_equal(peer->n_bad_items, ARRAY_SIZE(bad));
}

static void
rib__one_of_two_changes__other_stays(void **state)
{
    struct rig *rig = *state;

    item(rig, 0, RI, 1, 5, VN);
    item(rig, 1, RI, 1, 5, VN);
    item(rig, 0, RI, 1, 7, VN);
    assert_int_equal(only_path(rig, 0)->next_hops[0].label, 7);
    assert_int_equal(only_path(rig, 1)->next_hops[0].label, 5);
    item(rig, 1, RI, 1, 7, VN);
    assert_ptr_equal(only_path(rig, 0), only_path(rig, 1));
    item(rig, 1, RI, 1, 7, VN);
    assert_ptr_equal(only_path(rig, 0), only_path(rig, 1));
    assert_int_equal(rig->speaker->rib_bytes, count_bytes(rig->speaker));
}

static void
rib__no_room__said_before_still_taken(void **state)
{
    struct rig *rig = *state;
    const struct peer *peer = &rig->speaker->peers[1];

    item(rig, 0, RI, 1, 5, VN);
    rig->speaker->rib_max_bytes = rig->speaker->rib_bytes;
    item(rig, 1, RI, 1, 6, VN);
    assert_null(only_path(rig, 1));
    assert_int_equal(peer->n_bad_items, 1);
    item(rig, 1, RI, 1, 5, VN);
    assert_non_null(only_path(rig, 1));
    assert_int_equal(peer->n_bad_items, 1);
}

/* A name counts, however long. */
static void
rib__long_names__within_limit(void **state)
{
    struct rig *rig = *state;
    char *vn = xmalloc(5001);

    memset(vn, 'a', 5000);
    vn[5000] = '\0';
    rig->speaker->rib_max_bytes = 20000;
    for (unsigned int i = 0; i < 10; i++) {
        vn[0] = 'b' + i;
        item(rig, 0, RI, i, 5, vn);
    }
    assert_in_range(rig->speaker->rib_bytes, 10000, 20000);
    assert_int_equal(rig->speaker->peers[0].n_bad_items, 7);
    assert_int_equal(rig->speaker->rib_bytes, count_bytes(rig->speaker));
    free(vn);
}

static void
rib__random_events__bytes_add_up(void **state)
{
    struct rig *rig = *state;

    srand(1);
    for (int n = 0; n < 20000; n++) {
        const char *instance = rand() % 2 ? RI : RI2;
        unsigned int slot = rand() % 2, i = rand() % 8;

        if (rand() % 3) {
            item(rig, slot, instance, i, 1 + rand() % 4,
                 rand() % 2 ? VN : "unresolved");
        } else {
            retract(rig, slot, instance, i);
        }
        assert_int_equal(rig->speaker->rib_bytes, count_bytes(rig->speaker));
    }
    xmpp_speaker_unsubscribe(rig->speaker, RI);
    xmpp_speaker_unsubscribe(rig->speaker, RI2);
    assert_int_equal(rig->speaker->rib_bytes, 0);
}

/* Each control node is lost and comes back with other lists; what it gave
 * before is held until its End-of-RIB. */
static void
rib__lists_held__bytes_add_up(void **state)
{
    struct rig *rig = *state;
    const struct rib_instance *inst;

    for (unsigned int slot = 0; slot < 2; slot++) {
        struct peer *peer = &rig->speaker->peers[slot];

        for (unsigned int i = 0; i < 20; i++) {
            item(rig, slot, RI, BROADCAST + i, 7 + slot, VN);
        }
        peer->up = true;
        peer->synced = false;
        rib_mark_stale(peer);
        for (unsigned int i = 0; i < 10; i++) {
            item(rig, slot, RI, BROADCAST + i, 9 + slot, VN);
            retract(rig, slot, RI, BROADCAST + 10 + i);
        }
    }
    inst = shash_find_data(&rig->speaker->rib, RI);
    assert_int_equal(hmap_count(&inst->held), 40);
    assert_int_equal(rig->speaker->rib_bytes, count_bytes(rig->speaker));

    rig->speaker->peers[0].synced = true;
    rib_sweep(&rig->speaker->peers[0]);
    walk(rig);
    assert_int_equal(hmap_count(&inst->held), 20);
    assert_int_equal(rig->speaker->rib_bytes, count_bytes(rig->speaker));
    xmpp_speaker_unsubscribe(rig->speaker, RI);
    assert_int_equal(rig->speaker->rib_bytes, 0);
}

/* What is held comes on top, also of the last that has room. */
static void
rib__lists_held_over_the_limit__still_no_room(void **state)
{
    struct rig *rig = *state;
    struct xmpp_speaker *sp = rig->speaker;
    struct peer *peer = &sp->peers[0];

    item(rig, 0, RI, BROADCAST, 7, "v");
    /* With the name, which is known to be shared only afterwards. */
    size_t more = rib_path_size(only_path(rig, 0)) + strlen("v") + 64;
    peer->up = true;
    peer->synced = false;
    rib_mark_stale(peer);
    sp->rib_max_bytes = sp->rib_bytes + more;
    item(rig, 0, RI, BROADCAST, 8, "v");
    assert_int_equal(peer->n_bad_items, 0);
    assert_true(sp->rib_bytes > sp->rib_max_bytes);

    item(rig, 0, RI, 1, 5, "v");
    assert_int_equal(peer->n_bad_items, 1);
}

static void
rib__changes__each_network_told_once(void **state)
{
    struct rig *rig = *state;

    item(rig, 0, RI2, 1, 5, VN);
    item(rig, 0, RI, 1, 5, VN);
    item(rig, 0, RI2, 2, 5, VN);
    rib_notify(rig->speaker);
    assert_string_equal(ds_cstr(&rig->told), RI2 "\n" RI "\n");

    ds_clear(&rig->told);
    item(rig, 0, RI2, 2, 5, VN);        /* Says nothing new. */
    rib_notify(rig->speaker);
    assert_string_equal(ds_cstr(&rig->told), "");
    item(rig, 0, RI2, 2, 6, VN);
    rib_notify(rig->speaker);
    assert_string_equal(ds_cstr(&rig->told), RI2 "\n");
}

/* Only where the lists that the peer gave before, or others', do not count any
 * more is there something new. */
static void
rib__end_of_rib__tells_only_networks_whose_lists_change(void **state)
{
    struct rig *rig = *state;

    item(rig, 0, RI, BROADCAST, 5, VN);
    item(rig, 0, RI2, BROADCAST, 5, VN);
    item(rig, 1, RI2, BROADCAST, 6, VN);
    rig->speaker->peers[0].up_since_ms = 1;
    rig->speaker->peers[1].up_since_ms = 2;
    rib_notify(rig->speaker);
    ds_clear(&rig->told);

    rig->speaker->peers[1].synced = true;       /* Not the best. */
    rib_sweep(&rig->speaker->peers[1]);
    walk(rig);
    rib_notify(rig->speaker);
    assert_string_equal(ds_cstr(&rig->told), "");

    rig->speaker->peers[0].synced = true;
    rib_sweep(&rig->speaker->peers[0]);
    walk(rig);
    rib_notify(rig->speaker);
    assert_string_equal(ds_cstr(&rig->told), RI2 "\n");
}

static void
rib__owner_drops_network_when_told__no_more_about_it(void **state)
{
    struct rig *rig = *state;

    item(rig, 0, RI, 1, 5, VN);
    item(rig, 0, RI2, 1, 5, VN);
    rig->drop = RI2;
    rib_notify(rig->speaker);
    assert_string_equal(ds_cstr(&rig->told), RI "\n");

    item(rig, 0, RI, 2, 5, VN);
    rig->drop = RI;
    rib_notify(rig->speaker);
    rib_notify(rig->speaker);
    assert_string_equal(ds_cstr(&rig->told), RI "\n" RI "\n");
}

static void
expect_macs(struct rig *rig, const char *expected)
{
    assert_string_equal(ds_cstr(&rig->macs), expected);
    ds_clear(&rig->macs);
}

static void
rib__route_to_a_mac_changes__its_mac_told_at_once(void **state)
{
    struct rig *rig = *state;

    item(rig, 0, RI, 1, 5, VN);
    expect_macs(rig, RI " 1\n");
    item(rig, 0, RI2, 2, 5, VN);
    expect_macs(rig, RI2 " 2\n");
    item(rig, 0, RI, 1, 5, VN);         /* Says nothing new. */
    item(rig, 0, RI, BROADCAST, 5, VN);
    expect_macs(rig, "");
    item(rig, 0, RI, 1, 6, VN);
    expect_macs(rig, RI " 1\n");
    rib_mark_stale(&rig->speaker->peers[0]);
    walk(rig);
    rig->speaker->peers[0].synced = true;
    ds_clear(&rig->macs);
    item(rig, 0, RI2, 2, 5, VN);        /* Fresh again. */
    expect_macs(rig, RI2 " 2\n");
    rib_sweep(&rig->speaker->peers[0]);
    walk(rig);
    expect_macs(rig, RI " 1\n");
    retract(rig, 0, RI2, 2);
    expect_macs(rig, RI2 " 2\n");
}

/* The owner hears of the best path only. */
static void
rib__path_of_another_node__told_only_if_it_matters(void **state)
{
    struct rig *rig = *state;
    struct peer *peers = rig->speaker->peers;

    peers[0].up_since_ms = 1;
    peers[1].up_since_ms = 2;
    item(rig, 0, RI, 1, 5, VN);
    expect_macs(rig, RI " 1\n");
    item(rig, 1, RI, 1, 5, VN);         /* The same. */
    item(rig, 1, RI, 1, 7, VN);         /* Another, not the best. */
    expect_macs(rig, "");
    retract(rig, 0, RI, 1);             /* It is now. */
    expect_macs(rig, RI " 1\n");
    item(rig, 0, RI, 1, 7, VN);
    expect_macs(rig, "");

    /* The other one still says it. */
    peers[0].down_since_ms = 3;
    rib_mark_stale(&peers[0]);
    walk(rig);
    expect_macs(rig, "");
    peers[1].down_since_ms = 4;
    rib_mark_stale(&peers[1]);
    walk(rig);
    expect_macs(rig, RI " 1\n");
    retract(rig, 1, RI, 1);             /* Stale as well. */
    expect_macs(rig, "");
    retract(rig, 0, RI, 1);
    expect_macs(rig, RI " 1\n");
}

static void
count_label(const char *id OVS_UNUSED, const struct xmpp_evpn *route,
            bool stale OVS_UNUSED, void *sum)
{
    *(unsigned int *) sum += route->next_hops[0].label;
}

static unsigned int
sum_labels(const struct rig *rig, const char *instance, unsigned int i)
{
    struct xmpp_evpn route;
    unsigned int sum = 0;

    init_route(&route, i);
    xmpp_speaker_for_each_mac_route(rig->speaker, instance, &route.mac,
                                    count_label, &sum);
    return sum;
}

/* A route to route 1's MAC that its id calls 'id'. */
static void
item_called(struct rig *rig, const char *id)
{
    struct ds entry = DS_EMPTY_INITIALIZER, message = DS_EMPTY_INITIALIZER;
    struct xmpp_evpn route;
    struct in6_addr ip;

    init_route(&route, 1);
    in6_addr_set_mapped_ipv4(&ip, htonl(0x0a000001));
    xmpp_evpn_add_next_hop(&route, &ip, 100, TSN_ENCAP_VXLAN);
    xmpp_evpn_encode_notify(&entry, &route);
    xmpp_put_event_begin(&message, "tor1", XMPP_FAMILY_EVPN, RI);
    xmpp_put_item(&message, id, ds_cstr(&entry));
    xmpp_put_event_end(&message);
    feed(rig, 0, &message);
    xmpp_evpn_fini(&route);
    ds_destroy(&entry);
    ds_destroy(&message);
}

static void
rib__routes_to_one_mac__found_by_it(void **state)
{
    struct rig *rig = *state;

    for (unsigned int i = 0; i < 600; i++) {
        item(rig, 0, RI, i, 1 + i, VN);
    }
    for (unsigned int i = 0; i < 600; i++) {
        assert_int_equal(sum_labels(rig, RI, i), 1 + i);
    }
    assert_int_equal(sum_labels(rig, RI, 600), 0);
    assert_int_equal(sum_labels(rig, RI2, 1), 0);
    item(rig, 1, RI, 1, 9, VN);         /* Of two nodes the best path. */
    assert_true(sum_labels(rig, RI, 1) == 2 || sum_labels(rig, RI, 1) == 9);
    retract(rig, 1, RI, 1);

    /* Another tag or address, or another way to write the same. */
    item_called(rig, "5-02:00:00:00:00:01,0.0.0.0/32");
    item_called(rig, "5-02:00:00:00:00:01,192.0.2.1/32");
    assert_int_equal(sum_labels(rig, RI, 1), 202);
    retract(rig, 0, RI, 1);
    assert_int_equal(sum_labels(rig, RI, 1), 200);
}

static void
rib__id_names_another_mac__skipped(void **state)
{
    static const char *const ids[] = {
        "5-02:00:00:00:00:02,0.0.0.0/32",
        "5-ff:ff:ff:ff:ff:ff,0.0.0.0/32",
        "5-02:00:00:00:00:0,0.0.0.0/32",
        "02:00:00:00:00:01",
        ",",
        "",
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        item_called(rig, ids[i]);
        assert_int_equal(rig->speaker->peers[0].n_bad_items, i + 1);
    }
    assert_int_equal(sum_labels(rig, RI, 1), 0);
    assert_int_equal(rig->speaker->rib_bytes, 0);
}

#define N_MANY 900
#define STEP 100

static void
lose(struct rig *rig, unsigned int slot, uint64_t now)
{
    struct peer *peer = &rig->speaker->peers[slot];

    peer->up = false;
    peer->down_since_ms = now;
    rib_mark_stale(peer);
}

static void
come_back(struct rig *rig, unsigned int slot, uint64_t now)
{
    struct peer *peer = &rig->speaker->peers[slot];

    peer->up = true;
    peer->synced = false;
    peer->up_since_ms = now;
}

static void
sync_peer(struct rig *rig, unsigned int slot)
{
    rig->speaker->peers[slot].synced = true;
    rib_sweep(&rig->speaker->peers[slot]);
}

static void
learn_many(struct rig *rig, unsigned int slot, unsigned int first,
           unsigned int n, uint32_t label)
{
    for (unsigned int i = first; i < first + n; i++) {
        item(rig, slot, RI, i, label, VN);
    }
}

struct count {
    unsigned int n, n_stale;
};

static void
count_route(const char *id OVS_UNUSED,
            const struct xmpp_evpn *route OVS_UNUSED, bool stale, void *count_)
{
    struct count *count = count_;

    count->n++;
    count->n_stale += stale;
}

static void
expect_count(const struct rig *rig, unsigned int n, unsigned int n_stale)
{
    struct count count = { .n = 0 };

    xmpp_speaker_for_each_route(rig->speaker, RI, count_route, &count);
    assert_int_equal(count.n, n);
    assert_int_equal(count.n_stale, n_stale);
}

/* How many MACs were told since the last time. */
static unsigned int
count_macs(struct rig *rig)
{
    unsigned int n = 0;

    for (size_t i = 0; i < rig->macs.length; i++) {
        n += rig->macs.string[i] == '\n';
    }
    ds_clear(&rig->macs);
    return n;
}

/* All are stale at once, but the owner is told by and by, and meanwhile of
 * what else happens. */
static void
rib__session_lost__told_in_steps(void **state)
{
    struct rig *rig = *state;
    unsigned int n_steps = 1, n_told;

    come_back(rig, 0, 1);
    come_back(rig, 1, 2);
    learn_many(rig, 0, 0, N_MANY, 5);
    rib_notify(rig->speaker);
    count_macs(rig);
    ds_clear(&rig->told);

    lose(rig, 0, 3);
    expect_count(rig, N_MANY, N_MANY);
    assert_int_equal(count_macs(rig), 0);
    assert_true(rib_walk(rig->speaker, STEP));
    n_told = count_macs(rig);
    assert_in_range(n_told, 1, STEP);
    item(rig, 1, RI2, 7, 6, VN);
    expect_macs(rig, RI2 " 7\n");
    rib_notify(rig->speaker);
    /* Of the network itself when it is done: the owner may read all of it. */
    assert_string_equal(ds_cstr(&rig->told), RI2 "\n");
    ds_clear(&rig->told);

    while (rib_walk(rig->speaker, STEP)) {
        n_steps++;
        rib_notify(rig->speaker);
        assert_string_equal(ds_cstr(&rig->told), "");
    }
    n_told += count_macs(rig);
    assert_int_equal(n_told, N_MANY);
    assert_in_range(n_steps, N_MANY / STEP, 4 * N_MANY / STEP);
    rib_notify(rig->speaker);
    assert_string_equal(ds_cstr(&rig->told), RI "\n");
}

/* What was not sent again is seen by nobody any more, and goes in steps, also
 * while the table grows. */
static void
rib__end_of_rib__sweeps_in_steps(void **state)
{
    struct rig *rig = *state;

    come_back(rig, 0, 1);
    learn_many(rig, 0, 0, N_MANY / 3, 5);
    lose(rig, 0, 2);
    walk(rig);
    come_back(rig, 0, 3);
    learn_many(rig, 0, 0, 10, 5);
    count_macs(rig);
    sync_peer(rig, 0);
    expect_count(rig, 10, 0);
    assert_int_equal(count_macs(rig), 0);
    assert_true(rib_walk(rig->speaker, STEP));
    assert_in_range(count_macs(rig), 1, STEP);
    come_back(rig, 1, 4);
    learn_many(rig, 1, N_MANY / 3, N_MANY / 3 * 2, 6);
    walk(rig);
    expect_count(rig, 10 + N_MANY / 3 * 2, 0);
    const struct rib_instance *inst
        = shash_find_data(&rig->speaker->rib, RI);
    assert_int_equal(hmap_count(&inst->routes), 10 + N_MANY / 3 * 2);
    assert_int_equal(rig->speaker->rib_bytes, count_bytes(rig->speaker));
}

static void
rib__lost_before_the_sweep_is_done__keeps_what_was_sent_again(void **state)
{
    struct rig *rig = *state;

    come_back(rig, 0, 1);
    learn_many(rig, 0, 0, N_MANY, 5);
    lose(rig, 0, 2);
    come_back(rig, 0, 3);
    learn_many(rig, 0, 0, 10, 5);
    sync_peer(rig, 0);
    rib_walk(rig->speaker, STEP);
    lose(rig, 0, 4);
    expect_count(rig, 10, 10);
    walk(rig);
    expect_count(rig, 10, 10);
    assert_int_equal(rig->speaker->rib_bytes, count_bytes(rig->speaker));
}

/* A sweep that is not done frees lists, and does not hold them. */
static void
rib__back_before_the_sweep_is_done__old_lists_are_gone(void **state)
{
    struct rig *rig = *state;

    come_back(rig, 0, 1);
    item(rig, 0, RI, BROADCAST, 7, VN);
    lose(rig, 0, 2);
    rib_sweep(&rig->speaker->peers[0]); /* Away for too long. */
    come_back(rig, 0, 3);
    item(rig, 0, RI, BROADCAST, 8, VN);
    walk(rig);
    const struct rib_instance *inst
        = shash_find_data(&rig->speaker->rib, RI);
    assert_int_equal(hmap_count(&inst->held), 0);
    expect_count(rig, 1, 0);
}

#define N_MACS 64

/* However losses, returns, sweeps and steps mix: when all is done the owner
 * has been told what is the case. */
static void
rib__random_losses__owner_knows_the_best_path(void **state)
{
    struct rig *rig = *state;
    struct xmpp_speaker *sp = rig->speaker;

    srand(7);
    for (unsigned int n = 1; n < 100000; n++) {
        unsigned int slot = rand() % 2, i = rand() % N_MACS;
        struct peer *peer = &sp->peers[slot];
        int dice = rand() % 100;

        if (dice < 30) {
            rib_walk(sp, 1 + rand() % 20);
        } else if (dice < 33 && peer->up) {
            lose(rig, slot, n);
        } else if (dice < 36 && peer->up) {
            sync_peer(rig, slot);
        } else if (dice < 40 && !peer->up) {
            come_back(rig, slot, n);
        } else if (dice < 41 && !peer->up && sp->peers[!slot].up
                   && sp->peers[!slot].synced) {
            peer->down_since_ms = 0;
            rib_sweep(peer);
        } else if (dice < 80 && peer->up) {
            item(rig, slot, RI, i, 1 + rand() % 4, VN);
        } else if (peer->up) {
            retract(rig, slot, RI, i);
        }
        if (n % 50 == 0) {
            walk(rig);
            for (unsigned int j = 0; j < N_MACS; j++) {
                assert_int_equal(rig->labels[j], sum_labels(rig, RI, j));
            }
            ds_clear(&rig->macs);
        }
    }
    assert_int_equal(sp->rib_bytes, count_bytes(sp));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            rib__two_nodes_say_the_same__one_path, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__macs_that_differ_in_nothing_else__share_a_path, rig_setup,
            rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__retracted_by_another_spelling__same_route, rig_setup,
            rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__bad_retract__counted_and_nothing_removed, rig_setup,
            rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__one_of_two_changes__other_stays, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__no_room__said_before_still_taken, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__long_names__within_limit, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__random_events__bytes_add_up, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__lists_held__bytes_add_up, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__lists_held_over_the_limit__still_no_room, rig_setup,
            rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__changes__each_network_told_once, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__end_of_rib__tells_only_networks_whose_lists_change,
            rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__owner_drops_network_when_told__no_more_about_it, rig_setup,
            rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__route_to_a_mac_changes__its_mac_told_at_once, rig_setup,
            rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__path_of_another_node__told_only_if_it_matters, rig_setup,
            rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__routes_to_one_mac__found_by_it, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__id_names_another_mac__skipped, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__session_lost__told_in_steps, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__end_of_rib__sweeps_in_steps, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__lost_before_the_sweep_is_done__keeps_what_was_sent_again,
            rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__back_before_the_sweep_is_done__old_lists_are_gone,
            rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            rib__random_losses__owner_knows_the_best_path, rig_setup,
            rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
