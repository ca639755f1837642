/* SPDX-License-Identifier: Apache-2.0 */
/* A replicator's networks, with the real speaker over loopback, and a control
 * node that says what a live one said to a service node (recording 03): the
 * flood set after each step of the scenario. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "replication/forwarder/table.h"
#include "replication/tree/networks.h"
#include "tests/wire/fake_node.h"
#include "tests/wire/recording.h"
#include "tsn/loop.h"
#include "util.h"
#include "xmpp/speaker-private.h"
#include "xmpp/view.h"

#define RI "default-domain:admin:vn1:vn1"
#define VNI 5005
#define PATIENCE_MS 20000

static uv_loop_t loop;
static struct fake_node node;
static struct xmpp_speaker *speaker;
static struct repl_networks *networks;
static struct fwd_table *table;

static void
config_changed(void *aux OVS_UNUSED, const struct xmpp_view *view OVS_UNUSED,
               bool complete OVS_UNUSED)
{
}

static void
session_changed(void *aux OVS_UNUSED)
{
}

static void
routes_changed(void *aux OVS_UNUSED, const char *instance)
{
    repl_networks_routes_changed(networks, instance);
}

static void
tree_changed(void *aux OVS_UNUSED, const char *instance)
{
    repl_networks_tree_changed(networks, instance);
}

static const struct xmpp_speaker_ops ops = {
    .config_changed = config_changed,
    .routes_changed = routes_changed,
    .session_changed = session_changed,
    .tree_changed = tree_changed,
};

static void
publish(struct fwd *fwd OVS_UNUSED, struct fwd_table *new)
{
    fwd_table_destroy(table);
    table = new;
}

static void
tick(uv_timer_t *timer OVS_UNUSED)
{
}

static void
run_until(bool (*done)(const void *aux), const void *aux)
{
    uint64_t end = tsn_now_ms() + PATIENCE_MS;
    uv_timer_t timer;

    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, tick, 5, 5);
    do {
        uv_run(&loop, UV_RUN_ONCE);
        repl_networks_run(networks, tsn_now_ms());
        assert_true(tsn_now_ms() < end);
    } while (!done(aux) || repl_networks_is_pending(networks));
    uv_close((uv_handle_t *) &timer, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    repl_networks_run(networks, tsn_now_ms());
}

/* It has what it is to know of us before it speaks of the network. */
static bool
is_told(const void *aux OVS_UNUSED)
{
    return node.n_connections == 1
           && strstr(ds_cstr(&node.heard[0]), "<associate node=\"1/241/")
           && strstr(ds_cstr(&node.heard[0]), "<associate node=\"25/242/");
}

static bool
has_read(const void *n)
{
    const struct peer *peer = &speaker->peers[0];

    return peer->n_items + peer->n_retracts + peer->n_unused_items
           == *(const uint64_t *) n
           && ovs_list_is_empty(&speaker->trees_changed)
           && ovs_list_is_empty(&speaker->rib_changed);
}

/* How often an element begins in it. */
static uint64_t
count(const struct transfer *t, const char *tag)
{
    uint64_t n = 0;

    for (const char *p = t->data; (p = memmem(p, t->data + t->size - p, tag,
                                              strlen(tag))); p++) {
        n++;
    }
    return n;
}

static void
put_set(struct ds *ds)
{
    const struct fwd_network *n = fwd_network_of(fwd_find_net(table, VNI));

    for (int class = 0; class < FWD_N_CLASSES; class++) {
        for (size_t i = 0; i < n->n_members[class]; i++) {
            const struct fwd_member *m = &n->members[n->first[class] + i];
            struct in6_addr ip;
            char text[TSN_IP_STRLEN];

            memcpy(&ip, &m->ip, sizeof ip);
            ds_put_format(ds, "%s %s %s %u\n", fwd_class_name(class),
                          tsn_ip_format(&ip, text), fwd_encap_name(m->encap),
                          m->label);
        }
    }
    for (size_t i = 0; i < n->n_labels; i++) {
        ds_put_format(ds, "in %u\n", n->labels[i].label);
    }
}

static void
start(void)
{
    static const char header[]
        = "<stream:stream from=\"ctrl1\" to=\"tsn1\" id=\"++123\" "
          "version=\"1.0\" xml:lang=\"en\" xmlns=\"jabber:client\" "
          "xmlns:stream=\"http://etherx.jabber.org/streams\" >";
    static const struct fake_play play = { header, sizeof header - 1, false };
    static char instance[] = RI, name[] = "default-domain:admin:vn1";
    static const struct xmpp_network network = {
        .instance = instance, .name = name, .id = 5, .vni = VNI,
    };
    const struct xmpp_network *pointer = &network;
    const struct xmpp_view view = {
        .networks = &pointer, .n_networks = 1,
        .globals = { .encaps = { TSN_ENCAP_VXLAN, TSN_ENCAP_MPLS_UDP },
                     .n_encaps = 2 },
    };
    /* The upper half has what the recorded one gave, of 20000-20999. */
    struct repl_identity self = { .first_label = 1000, .last_label = 20999 };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    uv_loop_init(&loop);
    fake_node_init(&node, &loop, "127.0.0.1", &play, 1);
    const struct xmpp_speaker_config config = {
        .name = "tsn1", .controllers = &node.address, .n_controllers = 1,
        .hold_s = 90, .stale_hold_s = 300,
    };
    assert_int_equal(tsn_ip_parse("127.0.1.3", &self.address), 0);
    speaker = xmpp_speaker_create(&loop, &config, &ops, NULL);
    networks = repl_networks_create(&self, speaker, NULL, publish);
    repl_networks_set_view(networks, &view);
    run_until(is_told, NULL);
}

static void
stop(void)
{
    xmpp_speaker_destroy(speaker);
    fake_node_close(&node);
    while (uv_run(&loop, UV_RUN_NOWAIT)) {
        continue;
    }
    assert_int_equal(uv_loop_close(&loop), 0);
    fake_node_fini(&node);
    repl_networks_destroy(networks);
    fwd_table_destroy(table);
}

static void
replicator__recorded_control_node__floods_to_whom_it_said(
    void **state OVS_UNUSED)
{
#define TOR1 "tor 127.0.2.1 vxlan 5005\n"
#define TOR2 "tor 127.0.2.2 vxlan 5005\n"
#define TREE "tree 127.0.1.4 mpls-udp 30000\n"
    static const struct {
        double until_s;
        const char *set;
    } steps[] = {
        { 5.3, TOR1 TOR2 },
        { 8, TOR1 TOR2 "in 20000\n" },
        /* The compute node comes, and the tree is rebuilt. */
        { 9, TOR1 TOR2 TREE "in 20000\nin 20001\n" },
        /* Unicast changes nothing of it. */
        { 25, TOR1 TOR2 TREE "in 20000\nin 20001\n" },
        { 26, TREE "in 20000\nin 20001\n" },
        { 28, TOR1 TOR2 TREE "in 20000\nin 20001\n" },
        { 30, TOR1 TREE "in 20000\nin 20001\n" },
        /* What was on its way still comes in. */
        { 34, TOR1 "in 20000\nin 20001\n" },
        { 36, "in 20000\nin 20001\n" },
    };
    struct recording r;
    uint64_t n = 0;
    size_t at = 0;

    start();
    recording_read(&r, "03-evpn-bum.xml");
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        for (; at < r.n_transfers && r.transfers[at].time_s < steps[i].until_s;
             at++) {
            const struct transfer *t = &r.transfers[at];

            if (!t->from_agent && !strcmp(t->agent, "tsn1")
                && memmem(t->data, t->size, "<message", 8)) {
                fake_node_send(&node, t->data, t->size);
                n += count(t, "<item ") + count(t, "<retract ");
            }
        }
        run_until(has_read, &n);
        struct ds ds = DS_EMPTY_INITIALIZER;
        put_set(&ds);
        assert_string_equal(ds_cstr(&ds), steps[i].set);
        ds_destroy(&ds);
    }
    assert_int_equal(speaker->peers[0].n_bad_items, 0);
    recording_fini(&r);
    stop();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            replicator__recorded_control_node__floods_to_whom_it_said),
    };

    return cmocka_run_group_tests_name("repl_replay", tests, NULL, NULL);
}
