/* SPDX-License-Identifier: Apache-2.0 */
/* A replicator's networks, with the real speaker, and two control nodes over
 * loopback, in one loop, for tests of what becomes of a whole cloud.  What
 * there is in the cloud, the control nodes tell as live ones do: an empty
 * change of lists takes them back, a tree that is rebuilt has another label,
 * and one that was restarted knows only some of all at first. */
#ifndef TESTS_REPL_CLOUD_H
#define TESTS_REPL_CLOUD_H 1

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "replication/forwarder/table.h"
#include "replication/tree/networks.h"
#include "replication/tree/rules.h"
#include "tree_rig.h"
#include "xmpp/view.h"

#define N_NETS 2
#define FIRST_LABEL 1000
#define LAST_LABEL 9000
#define PATIENCE_MS 30000
/* Longer than anything is held for. */
#define AGE_MS 40000

static const char *const names[N_NETS] = { "blue", "red" };
#define VNI(I) (100u * ((I) + 1))

/* A bit for each of some endpoints: 10.0.1.0, 10.0.1.1 ... of switches, and
 * so on by class. */
#define N_ENDPOINTS 5
struct lists {
    uint8_t of[FWD_N_CLASSES];
};

/* A control node's network. */
struct cn_net {
    struct lists lists;         /* As it knows them. */
    bool published, told;       /* Our broadcast route; its lists. */
    uint32_t tag;
    bool joined;
    uint32_t id;                /* Of the subscription by then. */
    struct xmpp_tree_labels labels;
    uint32_t label;             /* Of our place; 0: not told. */
    bool owes_place, owes_lists;
    uint32_t marker;
};

struct cn {
    struct live *live;
    int index;
    struct sockaddr_storage address;
    struct xmpp_server *server;
    struct xmpp_session *session;
    struct cn_net nets[N_NETS];
    uint32_t n_labels;
    bool partial;               /* Does not know everybody yet. */
    bool slow;                  /* Answers only in cn_answer(). */
    bool held_is_mcast;
    char *held_node;
    struct xmpp_mcast held_mcast;
    struct xmpp_evpn held_evpn;
};

struct live {
    uv_loop_t loop;
    struct cn cns[2];
    struct xmpp_speaker *speaker;
    struct repl_networks *rn;
    struct fwd_table *table;
    uint64_t skew_ms;
    uint32_t marker;

    /* What there is. */
    struct lists lists[N_NETS];
    uint32_t neighbour_label[N_NETS];
    uint32_t id[N_NETS];
    enum tsn_encap encap;
    struct xmpp_network networks[2][N_NETS];    /* Present and last views. */
    int view;

    /* In all tables published since it was reset. */
    struct lists always[N_NETS];
    uint32_t label_before[N_NETS];
    bool label_lost;
    unsigned int seed;
};

static struct live *the_live;

static inline uint32_t
pick(struct live *live, uint32_t n)
{
    live->seed = live->seed * 1103515245 + 12345;
    return (live->seed >> 16) % n;
}

static inline struct in6_addr
endpoint(enum fwd_class class, int i)
{
    struct in6_addr ip;
    char text[32];

    snprintf(text, sizeof text, "10.0.%d.%d", class + 1, i);
    assert_int_equal(tsn_ip_parse(text, &ip), 0);
    return ip;
}

static inline size_t
make_list(const struct live *live, int net, const struct lists *lists,
          enum fwd_class class, struct tunnel_dst *dsts)
{
    size_t n = 0;

    for (int i = 0; i < N_ENDPOINTS; i++) {
        if (lists->of[class] & 1 << i) {
            dsts[n++] = (struct tunnel_dst) {
                .ip = endpoint(class, i),
                .label = class == FWD_TREE ? live->neighbour_label[net] + i
                                           : VNI(net),
                .encaps = class == FWD_TREE
                          ? TSN_ENCAP_MPLS_UDP | TSN_ENCAP_MPLS_GRE
                          : TSN_ENCAP_VXLAN,
            };
        }
    }
    return n;
}

/* The control nodes. */

static inline void
cn_send(struct cn *cn, uint32_t family, int net, const char *content)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    xmpp_put_event_begin(&out, "tsn1", family, names[net]);
    ds_put_cstr(&out, content);
    xmpp_put_event_end(&out);
    xmpp_session_send(cn->session, ds_cstr(&out), out.length);
    ds_destroy(&out);
}

static inline void
cn_send_item(struct cn *cn, uint32_t family, int net, const char *id,
             const struct ds *entry)
{
    struct ds item = DS_EMPTY_INITIALIZER;

    xmpp_put_item(&item, id, ds_cstr_ro(entry));
    cn_send(cn, family, net, ds_cstr(&item));
    ds_destroy(&item);
}

static inline void
cn_send_retract(struct cn *cn, uint32_t family, int net, const char *id)
{
    struct ds retract = DS_EMPTY_INITIALIZER;

    xmpp_put_retract(&retract, id);
    cn_send(cn, family, net, ds_cstr(&retract));
    ds_destroy(&retract);
}

static inline void
cn_take_back_lists(struct cn *cn, int net)
{
    struct xmpp_evpn route = {
        .tag = cn->nets[net].tag, .mac = eth_addr_broadcast, .plen = 32,
    };
    char id[XMPP_ID_STRLEN];

    if (cn->nets[net].told) {
        cn_send_retract(cn, XMPP_FAMILY_EVPN, net,
                        xmpp_evpn_item_id(&route, id));
        cn->nets[net].told = false;
    }
}

/* As a control node does, without lists it takes the route back. */
static inline void
cn_tell_lists(struct cn *cn, int net)
{
    struct cn_net *n = &cn->nets[net];
    struct tunnel_dst olist[N_ENDPOINTS], leaves[N_ENDPOINTS];
    struct xmpp_evpn route = {
        .tag = n->tag, .mac = eth_addr_broadcast, .plen = 32,
        .olist = olist, .leaf_olist = leaves,
        .n_olist = make_list(cn->live, net, &n->lists, FWD_EVPN, olist),
        .n_leaf_olist = make_list(cn->live, net, &n->lists, FWD_TOR, leaves),
    };
    struct ds entry = DS_EMPTY_INITIALIZER;
    char id[XMPP_ID_STRLEN];

    if (!cn->session || !n->published) {
        return;
    }
    if (!route.n_olist && !route.n_leaf_olist) {
        cn_take_back_lists(cn, net);
        return;
    }
    xmpp_evpn_encode_notify(&entry, &route);
    cn_send_item(cn, XMPP_FAMILY_EVPN, net, xmpp_evpn_item_id(&route, id),
                 &entry);
    n->told = true;
    ds_destroy(&entry);
}

static const char *
tree_id(const struct cn *cn, int net, char id[XMPP_ID_STRLEN])
{
    struct xmpp_mcast_id mid = { .instance_id = cn->nets[net].id };

    assert_int_equal(tsn_ip_parse("10.0.0.11", &mid.agent), 0);
    return xmpp_mcast_item_id(&mid, id);
}

/* A rebuilt tree: another label. */
static inline void
cn_tell_place(struct cn *cn, int net, bool rebuilt)
{
    struct cn_net *n = &cn->nets[net];
    struct tunnel_dst olist[N_ENDPOINTS];
    struct ds entry = DS_EMPTY_INITIALIZER;
    char id[XMPP_ID_STRLEN];

    if (!cn->session || !n->joined) {
        return;
    }
    if (rebuilt || !n->label) {
        n->label = n->labels.first
                   + cn->n_labels++ % (n->labels.last - n->labels.first + 1);
    }
    struct xmpp_mcast route = {
        .source_label = n->label, .olist = olist,
        .n_olist = make_list(cn->live, net, &n->lists, FWD_TREE, olist),
    };
    xmpp_mcast_encode_notify(&entry, &route);
    cn_send_item(cn, XMPP_FAMILY_MCAST, net, tree_id(cn, net, id), &entry);
    ds_destroy(&entry);
}

static inline void
cn_end_of_rib(struct cn *cn)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    if (cn->session) {
        xmpp_put_server_end_of_rib(&out, "tsn1");
        xmpp_session_send(cn->session, ds_cstr(&out), out.length);
        ds_destroy(&out);
    }
}

static inline struct eth_addr
marker_mac(int i)
{
    return (struct eth_addr) { .ea = { 2, 0, 0, 0, 0, i } };
}

/* Our own routes come back: a marker says that all before it has. */
static inline void
cn_reflect(struct cn *cn, int net, uint32_t marker)
{
    struct xmpp_evpn route = {
        .mac = marker_mac(cn->index + 1), .plen = 32,
    };
    struct ds entry = DS_EMPTY_INITIALIZER;
    char id[XMPP_ID_STRLEN];
    struct in6_addr ip;

    assert_int_equal(tsn_ip_parse("10.0.0.11", &ip), 0);
    xmpp_evpn_add_next_hop(&route, &ip, marker, TSN_ENCAP_VXLAN);
    xmpp_evpn_encode_notify(&entry, &route);
    cn_send_item(cn, XMPP_FAMILY_EVPN, net, xmpp_evpn_item_id(&route, id),
                 &entry);
    ds_destroy(&entry);
    xmpp_evpn_fini(&route);
}

/* Tells what it owes, unless it is slow. */
static inline void
cn_answer(struct cn *cn, int net)
{
    struct cn_net *n = &cn->nets[net];

    if (!cn->slow && n->owes_place) {
        n->owes_place = false;
        cn_tell_place(cn, net, true);
    }
    if (!cn->slow && n->owes_lists) {
        n->owes_lists = false;
        cn_tell_lists(cn, net);
    }
}

static inline int
net_of(const char *name)
{
    return strcmp(name, names[0]) ? 1 : 0;
}

static inline void
cn_mcast(struct cn *cn, int net, bool associate)
{
    struct cn_net *n = &cn->nets[net];
    char id[XMPP_ID_STRLEN];

    if (associate) {
        n->joined = true;
        n->id = cn->live->id[net];
        n->labels = (struct xmpp_tree_labels) {
            cn->held_mcast.label_first, cn->held_mcast.label_last,
        };
        n->owes_place = true;
        cn_answer(cn, net);
    } else {
        if (n->label) {
            cn_send_retract(cn, XMPP_FAMILY_MCAST, net, tree_id(cn, net, id));
        }
        n->joined = false;
        n->label = 0;
    }
}

static inline void
cn_evpn(struct cn *cn, int net, bool associate)
{
    struct cn_net *n = &cn->nets[net];

    if (!xmpp_evpn_is_broadcast(&cn->held_evpn)) {
        if (associate) {
            cn_reflect(cn, net, cn->held_evpn.next_hops[0].label);
        }
    } else if (associate) {
        assert_false(n->published);
        n->published = true;
        n->tag = cn->held_evpn.tag;
        n->owes_lists = true;
        cn_answer(cn, net);
    } else {
        assert_true(n->published);
        assert_int_equal(n->tag, cn->held_evpn.tag);
        cn_take_back_lists(cn, net);
        n->published = false;
    }
}

static inline void
cn_collection(struct cn *cn, const struct xmpp_stanza *st)
{
    assert_string_equal(cn->held_node, st->item_node);
    if (cn->held_is_mcast) {
        cn_mcast(cn, net_of(st->node), st->associate);
        xmpp_mcast_fini(&cn->held_mcast);
    } else {
        cn_evpn(cn, net_of(st->node), st->associate);
        xmpp_evpn_fini(&cn->held_evpn);
    }
    free(cn->held_node);
    cn->held_node = NULL;
}

static inline void
cn_publish(struct cn *cn, const struct xmpp_stanza *st)
{
    const struct xmpp_node *entry = xmpp_node_child(st->body, "entry");
    struct tsn_err err;

    assert_null(cn->held_node);
    cn->held_node = xstrdup(st->node);
    cn->held_is_mcast = st->family == XMPP_FAMILY_MCAST;
    int error = cn->held_is_mcast
                ? xmpp_mcast_decode(entry, &cn->held_mcast, &err)
                : xmpp_evpn_decode(entry, &cn->held_evpn, &err);
    assert_int_equal(error, 0);
}

static inline void
cn_stanza(void *cn_, struct xmpp_session *session OVS_UNUSED,
          const struct xmpp_stanza *st)
{
    struct cn *cn = cn_;

    if (st->resource == XMPP_RESOURCE_CONFIG) {
        return;
    }
    if (st->type == XMPP_PUBLISH) {
        cn_publish(cn, st);
    } else if (st->type == XMPP_COLLECTION) {
        cn_collection(cn, st);
    } else if (st->type == XMPP_UNSUBSCRIBE) {
        const struct cn_net *n = &cn->nets[net_of(st->node)];

        assert_false(n->published || n->joined);
    }
}

static inline void
cn_opened(void *cn_, struct xmpp_session *session)
{
    struct cn *cn = cn_;

    cn->session = session;
}

static inline void
cn_closed(void *cn_, struct xmpp_session *session,
          enum xmpp_close_reason reason OVS_UNUSED)
{
    struct cn *cn = cn_;

    if (cn->session == session) {
        cn->session = NULL;
    }
}

static inline void
cn_drop_held(struct cn *cn)
{
    if (cn->held_node && cn->held_is_mcast) {
        xmpp_mcast_fini(&cn->held_mcast);
    } else if (cn->held_node) {
        xmpp_evpn_fini(&cn->held_evpn);
    }
    free(cn->held_node);
    cn->held_node = NULL;
}

/* It knows 'partial': only some of all. */
static inline void
cn_start(struct cn *cn, bool partial)
{
    static const struct xmpp_server_ops ops = {
        .opened = cn_opened, .stanza = cn_stanza, .closed = cn_closed,
    };
    struct live *live = cn->live;
    struct tsn_err err;

    memset(cn->nets, 0, sizeof cn->nets);
    cn->partial = partial;
    for (int i = 0; i < N_NETS; i++) {
        cn->nets[i].lists = live->lists[i];
        if (partial) {
            cn->nets[i].lists.of[FWD_TOR] &= pick(live, 32);
            cn->nets[i].lists.of[FWD_EVPN] &= pick(live, 32);
        }
    }
    cn->server = xmpp_server_create(&live->loop, "ctrl", &cn->address,
                                    XMPP_HOLD_MS, &ops, cn, &err);
    if (!cn->server) {
        fail_msg("%s", tsn_err_format(&err));
    }
}

static inline void
cn_kill(struct cn *cn)
{
    xmpp_server_destroy(cn->server);
    cn->server = NULL;
    cn->session = NULL;
    cn_drop_held(cn);
}

/* All that is known of the lists reaches who has been restarted. */
static inline void
cn_complete(struct cn *cn)
{
    if (cn->server && cn->partial) {
        cn->partial = false;
        for (int i = 0; i < N_NETS; i++) {
            cn->nets[i].lists = cn->live->lists[i];
            cn_tell_lists(cn, i);
        }
    }
}

/* The replicator. */

static inline void
live_config_changed(void *live OVS_UNUSED,
                    const struct xmpp_view *view OVS_UNUSED,
                    bool complete OVS_UNUSED)
{
}

static inline void
live_routes_changed(void *live_, const char *instance)
{
    struct live *live = live_;

    repl_networks_routes_changed(live->rn, instance);
}

static inline void
live_tree_changed(void *live_, const char *instance)
{
    struct live *live = live_;

    repl_networks_tree_changed(live->rn, instance);
}

static inline void
live_session_changed(void *live OVS_UNUSED)
{
}

static const struct xmpp_speaker_ops live_ops = {
    .config_changed = live_config_changed,
    .routes_changed = live_routes_changed,
    .session_changed = live_session_changed,
    .tree_changed = live_tree_changed,
};

static inline struct lists
members_of(const struct fwd_table *table, int net)
{
    const struct fwd_net *found = fwd_find_net(table, VNI(net));
    struct lists lists = { { 0 } };

    if (found) {
        const struct fwd_network *n = fwd_network_of(found);

        for (int class = 0; class < FWD_N_CLASSES; class++) {
            for (size_t i = 0; i < n->n_members[class]; i++) {
                const struct fwd_ip *ip
                    = &n->members[n->first[class] + i].ip;

                assert_int_equal(ip->b[14], class + 1);
                lists.of[class] |= 1 << ip->b[15];
            }
        }
    }
    return lists;
}

static inline bool
has_label(const struct fwd_table *table, int net, uint32_t label)
{
    const struct fwd_net *found = fwd_find_net(table, VNI(net));

    for (size_t i = 0; found && i < fwd_network_of(found)->n_labels; i++) {
        if (fwd_network_of(found)->labels[i].label == label) {
            return true;
        }
    }
    return false;
}

static inline void
publish(struct fwd *fwd OVS_UNUSED, struct fwd_table *table)
{
    struct live *live = the_live;

    assert_int_equal(table->n_conflicts, 0);
    fwd_table_destroy(live->table);
    live->table = table;
    for (int i = 0; i < N_NETS; i++) {
        struct lists now = members_of(table, i);

        for (int class = 0; class < FWD_N_CLASSES; class++) {
            live->always[i].of[class] &= now.of[class];
        }
        live->label_lost |= live->label_before[i]
                            && !has_label(table, i, live->label_before[i]);
    }
}

static inline void
live_set_view(struct live *live)
{
    struct xmpp_network *networks = live->networks[live->view ^= 1];
    const struct xmpp_network *pointers[N_NETS];
    struct xmpp_view view = {
        .networks = pointers, .n_networks = N_NETS,
        .globals = { .encaps = { live->encap }, .n_encaps = 1 },
    };

    for (int i = 0; i < N_NETS; i++) {
        networks[i] = (struct xmpp_network) {
            .instance = CONST_CAST(char *, names[i]),
            .name = CONST_CAST(char *, names[i]),
            .id = live->id[i], .vni = VNI(i),
        };
        pointers[i] = &networks[i];
    }
    repl_networks_set_view(live->rn, &view);
}

/* Running until all is told, answered and built. */

static inline void
read_marker(const char *id OVS_UNUSED, const struct xmpp_evpn *route,
            bool stale OVS_UNUSED, void *marker_)
{
    uint32_t *marker = marker_;

    *marker = route->next_hops[0].label;
}

static inline bool
is_settled(const struct live *live)
{
    for (int i = 0; i < 2; i++) {
        const struct cn *cn = &live->cns[i];

        if (!cn->server) {
            continue;
        }
        for (int net = 0; net < N_NETS; net++) {
            struct eth_addr mac = marker_mac(i + 1);
            uint32_t marker = 0;

            xmpp_speaker_for_each_mac_route(live->speaker, names[net], &mac,
                                            read_marker, &marker);
            if (marker != live->marker) {
                return false;
            }
        }
    }
    return !repl_networks_is_pending(live->rn)
           && ovs_list_is_empty(&live->speaker->trees_changed)
           && ovs_list_is_empty(&live->speaker->rib_changed);
}

static inline void
tick(uv_timer_t *timer OVS_UNUSED)
{
}

static inline void
turn(struct live *live)
{
    uv_run(&live->loop, UV_RUN_ONCE);
    repl_networks_run(live->rn, tsn_now_ms() + live->skew_ms);
}

/* No waiting for back-off: it has tests of its own. */
static inline void
connect_now(struct live *live)
{
    for (int i = 0; i < 2; i++) {
        struct peer *peer = &live->speaker->peers[i];

        if (live->cns[i].server && !peer->transport
            && uv_is_active((uv_handle_t *) peer->timer)) {
            uv_timer_start(peer->timer, peer->timer->timer_cb, 0, 0);
        }
    }
}

static inline void
settle(struct live *live)
{
    uint64_t end = tsn_now_ms() + PATIENCE_MS;
    struct xmpp_evpn marker = { .mac = marker_mac(0), .plen = 32 };
    uv_timer_t timer;
    struct in6_addr ip;

    live->marker++;
    assert_int_equal(tsn_ip_parse("10.0.0.11", &ip), 0);
    xmpp_evpn_add_next_hop(&marker, &ip, live->marker, TSN_ENCAP_VXLAN);
    for (int i = 0; i < N_NETS; i++) {
        assert_int_equal(xmpp_speaker_publish(live->speaker, names[i],
                                              &marker), 0);
    }
    xmpp_evpn_fini(&marker);
    uv_timer_init(&live->loop, &timer);
    uv_timer_start(&timer, tick, 5, 5);
    do {
        connect_now(live);
        turn(live);
        assert_true(tsn_now_ms() < end);
    } while (!is_settled(live));
    uv_close((uv_handle_t *) &timer, NULL);
    uv_run(&live->loop, UV_RUN_NOWAIT);
    repl_networks_run(live->rn, tsn_now_ms() + live->skew_ms);
}

/* What the speaker knows of the death of a control node comes with no
 * marker. */
static inline void
wait_down(struct live *live, int i)
{
    uint64_t end = tsn_now_ms() + PATIENCE_MS;

    while (live->speaker->peers[i].up) {
        turn(live);
        assert_true(tsn_now_ms() < end);
    }
    settle(live);
}

static inline void
age(struct live *live)
{
    live->skew_ms += AGE_MS;
    tree_check(live->speaker, tsn_now_ms() + AGE_MS);
    speaker_defer(live->speaker, 0);
}

static inline struct live *
live_create(unsigned int seed)
{
    struct live *live = xzalloc(sizeof *live);
    struct sockaddr_storage addresses[2];
    struct xmpp_speaker_config config = {
        .name = "tsn1", .controllers = addresses, .n_controllers = 2,
        .hold_s = 90, .stale_hold_s = 300,
    };
    struct repl_identity self = {
        .seed = 7, .first_label = FIRST_LABEL, .last_label = LAST_LABEL,
    };

    the_live = live;
    live->seed = seed;
    live->encap = TSN_ENCAP_VXLAN;
    uv_loop_init(&live->loop);
    for (int i = 0; i < N_NETS; i++) {
        live->id[i] = i + 1;
        live->neighbour_label[i] = 30000 + 10000 * i;
        for (int class = 0; class < FWD_N_CLASSES; class++) {
            live->lists[i].of[class] = pick(live, 1 << N_ENDPOINTS);
        }
    }
    for (int i = 0; i < 2; i++) {
        struct cn *cn = &live->cns[i];

        cn->live = live;
        cn->index = i;
        tsn_sockaddr_parse("127.0.0.1", rig_free_port(), &cn->address);
        addresses[i] = cn->address;
        cn_start(cn, false);
    }
    live->speaker = xmpp_speaker_create(&live->loop, &config, &live_ops,
                                        live);
    assert_int_equal(tsn_ip_parse("10.0.0.11", &self.address), 0);
    live->rn = repl_networks_create(&self, live->speaker, NULL, publish);
    live_set_view(live);
    settle(live);
    return live;
}

static inline void
live_destroy(struct live *live)
{
    xmpp_speaker_destroy(live->speaker);
    for (int i = 0; i < 2; i++) {
        xmpp_server_destroy(live->cns[i].server);
        cn_drop_held(&live->cns[i]);
    }
    while (uv_run(&live->loop, UV_RUN_NOWAIT)) {
        continue;
    }
    assert_int_equal(uv_loop_close(&live->loop), 0);
    repl_networks_destroy(live->rn);
    fwd_table_destroy(live->table);
    free(live);
}

#endif /* tests/unit/repl_cloud.h */
