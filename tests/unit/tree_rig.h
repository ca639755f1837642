/* SPDX-License-Identifier: Apache-2.0 */
/* A speaker and the servers of two control nodes over loopback, in one loop,
 * for the tests of multicast trees. */
#ifndef TESTS_TREE_RIG_H
#define TESTS_TREE_RIG_H 1

#include <arpa/inet.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/route.h"
#include "xmpp/server.h"
#include "xmpp/speaker-private.h"
#include "xmpp/stanza.h"
#include "xmpp/xml.h"

#define RIG_TIMEOUT_MS 20000

struct rig;

struct control_node {
    struct rig *rig;
    struct sockaddr_storage address;
    struct xmpp_server *server; /* NULL: dead. */
    struct xmpp_session *session;

    /* A line for each thing it was told:
     *
     *   open
     *   [un]subscribe INSTANCE ID
     *   join INSTANCE NEXT-HOP FIRST-LAST
     *   leave INSTANCE NEXT-HOP FIRST-LAST
     */
    struct ds heard;
    struct xmpp_mcast held;
    char *held_node;
};

struct rig {
    uv_loop_t loop;
    struct control_node nodes[2];
    struct xmpp_speaker *speaker;
    struct ds changed;          /* Instances, a line each. */
};

static inline void
rig_hear_publish(struct control_node *node, const struct xmpp_stanza *st)
{
    struct tsn_err err;

    assert_int_equal(st->family, XMPP_FAMILY_MCAST);
    assert_null(node->held_node);
    node->held_node = xstrdup(st->node);
    if (xmpp_mcast_decode(xmpp_node_child(st->body, "entry"), &node->held,
                          &err)) {
        fail_msg("%s", tsn_err_format(&err));
    }
}

static inline void
rig_hear_collection(struct control_node *node, const struct xmpp_stanza *st)
{
    char ip[TSN_IP_STRLEN], id[XMPP_ID_STRLEN];

    assert_string_equal(node->held_node, st->item_node);
    assert_string_equal(st->item_node, xmpp_mcast_node_id(st->node, id));
    ds_put_format(&node->heard, "%s %s %s %"PRIu32"-%"PRIu32"\n",
                  st->associate ? "join" : "leave", st->node,
                  tsn_ip_format(&node->held.next_hop, ip),
                  node->held.label_first, node->held.label_last);
    free(node->held_node);
    node->held_node = NULL;
    xmpp_mcast_fini(&node->held);
}

static inline void
rig_server_opened(void *node_, struct xmpp_session *session)
{
    struct control_node *node = node_;

    node->session = session;
    ds_put_cstr(&node->heard, "open\n");
}

static inline void
rig_server_stanza(void *node_, struct xmpp_session *session OVS_UNUSED,
                  const struct xmpp_stanza *st)
{
    struct control_node *node = node_;

    if (st->resource == XMPP_RESOURCE_CONFIG) {
        return;
    }
    switch (st->type) {
    case XMPP_SUBSCRIBE:
    case XMPP_UNSUBSCRIBE:
        ds_put_format(&node->heard, "%s %s %"PRId64"\n",
                      st->type == XMPP_SUBSCRIBE ? "subscribe"
                                                 : "unsubscribe",
                      st->node, st->instance_id);
        break;
    case XMPP_PUBLISH:
        rig_hear_publish(node, st);
        break;
    case XMPP_COLLECTION:
        rig_hear_collection(node, st);
        break;
    case XMPP_EVENT:
    case XMPP_CONFIG:
    case XMPP_IGNORED:
    default:
        fail_msg("unexpected stanza");
    }
}

static inline void
rig_server_closed(void *node_, struct xmpp_session *session,
                  enum xmpp_close_reason reason OVS_UNUSED)
{
    struct control_node *node = node_;

    if (node->session == session) {
        node->session = NULL;
    }
}

static inline void
rig_config_changed(void *rig OVS_UNUSED,
                   const struct xmpp_view *view OVS_UNUSED,
                   bool complete OVS_UNUSED)
{
}

static inline void
rig_routes_changed(void *rig OVS_UNUSED, const char *instance OVS_UNUSED)
{
}

static inline void
rig_session_changed(void *rig OVS_UNUSED)
{
}

static inline void
rig_tree_changed(void *rig_, const char *instance)
{
    struct rig *rig = rig_;

    ds_put_format(&rig->changed, "%s\n", instance);
}

static const struct xmpp_speaker_ops rig_speaker_ops = {
    .config_changed = rig_config_changed,
    .routes_changed = rig_routes_changed,
    .session_changed = rig_session_changed,
    .tree_changed = rig_tree_changed,
};

static inline void
rig_wake(uv_timer_t *timer OVS_UNUSED)
{
}

/* Runs the loop until 'done'. */
static inline void
rig_run_until(struct rig *rig, bool (*done)(void *aux), void *aux)
{
    uint64_t end = tsn_now_ms() + RIG_TIMEOUT_MS;
    uv_timer_t timer;

    uv_timer_init(&rig->loop, &timer);
    uv_timer_start(&timer, rig_wake, 10, 10);
    while (!done(aux) && tsn_now_ms() < end) {
        uv_run(&rig->loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *) &timer, NULL);
    uv_run(&rig->loop, UV_RUN_NOWAIT);
    assert_true(done(aux));
}

static inline void
rig_node_start(struct control_node *node)
{
    static const struct xmpp_server_ops ops = {
        .opened = rig_server_opened,
        .stanza = rig_server_stanza,
        .closed = rig_server_closed,
    };
    struct tsn_err err;

    node->server = xmpp_server_create(&node->rig->loop, "ctrl",
                                      &node->address, XMPP_HOLD_MS, &ops,
                                      node, &err);
    if (!node->server) {
        fail_msg("%s", tsn_err_format(&err));
    }
}

static inline void
rig_node_kill(struct control_node *node)
{
    xmpp_server_destroy(node->server);
    node->server = NULL;
    node->session = NULL;
}

/* A port that is free now. */
static inline uint16_t
rig_free_port(void)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *) &sin, sizeof sin), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &sin, &len), 0);
    close(fd);
    return ntohs(sin.sin_port);
}

/* 'name' is the speaker's.  Both control nodes are there. */
static inline struct rig *
rig_create(const char *name)
{
    struct rig *rig = xzalloc(sizeof *rig);
    struct sockaddr_storage addresses[2];
    struct xmpp_speaker_config config = {
        .name = name, .controllers = addresses,
        .n_controllers = ARRAY_SIZE(addresses),
        .hold_s = 90, .stale_hold_s = 300,
    };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    uv_loop_init(&rig->loop);
    for (int i = 0; i < 2; i++) {
        struct control_node *node = &rig->nodes[i];

        node->rig = rig;
        tsn_sockaddr_parse("127.0.0.1", rig_free_port(), &node->address);
        addresses[i] = node->address;
        rig_node_start(node);
    }
    rig->speaker = xmpp_speaker_create(&rig->loop, &config, &rig_speaker_ops,
                                       rig);
    return rig;
}

static inline void
rig_destroy(struct rig *rig)
{
    xmpp_speaker_destroy(rig->speaker);
    for (int i = 0; i < 2; i++) {
        xmpp_server_destroy(rig->nodes[i].server);
    }
    while (uv_run(&rig->loop, UV_RUN_NOWAIT)) {
        continue;
    }
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    for (int i = 0; i < 2; i++) {
        ds_destroy(&rig->nodes[i].heard);
        free(rig->nodes[i].held_node);
    }
    ds_destroy(&rig->changed);
    free(rig);
}

static const char *rig_awaited;

static inline bool
rig_has_heard(void *node_)
{
    struct control_node *node = node_;

    return strlen(ds_cstr(&node->heard)) >= strlen(rig_awaited);
}

/* Waits until the node has been told 'expected' since the last call. */
static inline void
rig_expect(struct control_node *node, const char *expected)
{
    rig_awaited = expected;
    rig_run_until(node->rig, rig_has_heard, node);
    assert_string_equal(ds_cstr(&node->heard), expected);
    ds_clear(&node->heard);
}

static inline bool
rig_both_up(void *rig_)
{
    struct rig *rig = rig_;

    return rig->nodes[0].session && rig->nodes[1].session
           && rig->speaker->peers[0].up && rig->speaker->peers[1].up;
}

static inline bool
rig_all_told(void *rig_)
{
    struct rig *rig = rig_;

    return ovs_list_is_empty(&rig->speaker->peers[0].dirty)
           && ovs_list_is_empty(&rig->speaker->peers[1].dirty);
}

/* A line "label=N previous=N SEQUENCE[ stale]: IP/LABEL[/gre][/udp] ..." with
 * the place in the tree of 'instance', to be freed. */
static inline char *
rig_place(struct rig *rig, const char *instance)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct xmpp_tree tree;

    if (!xmpp_speaker_get_tree(rig->speaker, instance, &tree)) {
        return xstrdup("none");
    }
    ds_put_format(&ds, "label=%"PRIu32" previous=%"PRIu32" %"PRIu64"%s:",
                  tree.label, tree.n_old_labels ? tree.old_labels[0] : 0,
                  tree.sequence,
                  tree.stale ? " stale" : "");
    for (size_t i = 0; i < tree.n_neighbours; i++) {
        const struct tunnel_dst *dst = &tree.neighbours[i];
        char ip[TSN_IP_STRLEN];

        ds_put_format(&ds, " %s/%"PRIu32"%s%s", tsn_ip_format(&dst->ip, ip),
                      dst->label,
                      dst->encaps & TSN_ENCAP_MPLS_GRE ? "/gre" : "",
                      dst->encaps & TSN_ENCAP_MPLS_UDP ? "/udp" : "");
    }
    return ds_steal_cstr(&ds);
}

#endif /* tests/unit/tree_rig.h */
