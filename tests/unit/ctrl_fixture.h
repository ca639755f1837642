/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the embedded controller share: a configuration out of a
 * string, and clients without sockets that write down what they are told. */
#ifndef CTRL_FIXTURE_H
#define CTRL_FIXTURE_H 1

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controller/config.h"
#include "controller/core.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "tsn/error.h"
#include "util.h"
#include "xmpp/route.h"
#include "xmpp/stanza.h"
#include "xmpp/xml.h"

/* Loads 'yaml' as ctrl_config_load() would load a file.  '*err' is as from
 * there, but names no file: "LINE:COLUMN". */
static inline int
ctrl_fixture_load(const char *yaml, struct ctrl_config **config,
                  struct tsn_err *err)
{
    int fd = memfd_create("controller.yaml", MFD_CLOEXEC);
    size_t size = strlen(yaml);
    char path[64];

    assert_true(fd >= 0);
    assert_int_equal(write(fd, yaml, size), size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int error = ctrl_config_load(path, config, err);
    close(fd);

    if (error && !strncmp(err->where, path, strlen(path))) {
        size_t n = strlen(path) + (err->where[strlen(path)] == ':');
        memmove(err->where, err->where + n, strlen(err->where + n) + 1);
    }
    return error;
}

static inline struct ctrl_config *
ctrl_fixture_config(const char *yaml)
{
    struct ctrl_config *config = NULL;
    struct tsn_err err = { .text = "" };

    if (ctrl_fixture_load(yaml, &config, &err)) {
        fail_msg("%s\nis refused: %s", yaml, tsn_err_format(&err));
    }
    return config;
}

/* A client.  'told' has a line for each thing that it was told since it was
 * last looked at:
 *
 *   +INSTANCE ID nh=IP/LABEL,... lp=N seq=N      an item
 *   +INSTANCE ID olist=IP/LABEL,... leaf=...     of a broadcast route
 *   +INSTANCE ID in=LABEL out=IP/LABEL,...       a place in the tree
 *   -INSTANCE ID                                 a retract
 *   end-of-rib
 *   config
 *
 * and, for each message, a line "(N)" with the number of its items or
 * retracts, if 'sizes' is set. */
struct client {
    struct ctrl_core *core;
    struct ctrl_peer *peer;
    const char *name;
    struct ds told;
    bool blocked;               /* Does not read. */
    bool sizes;
    unsigned int id;
    enum xmpp_close_reason closed;
};

static inline void
client_put_list(struct ds *ds, const char *name,
                const struct tunnel_dst *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char text[TSN_IP_STRLEN];

        ds_put_format(ds, "%s%s/%"PRIu32, i ? "," : name,
                      tsn_ip_format(&list[i].ip, text), list[i].label);
    }
}

static inline void
client_item(struct client *c, const char *instance,
            const struct xmpp_node *item)
{
    struct xmpp_evpn route;
    char id[XMPP_ID_STRLEN];
    struct tsn_err err;

    if (xmpp_evpn_decode(xmpp_node_child(item, "entry"), &route, &err)) {
        fail_msg("bad item: %s", tsn_err_format(&err));
    }
    assert_string_equal(xmpp_node_attr(item, "id"),
                        xmpp_evpn_item_id(&route, id));
    ds_put_format(&c->told, "+%s %s", instance, id);
    client_put_list(&c->told, " nh=", route.next_hops, route.n_next_hops);
    for (size_t i = 0; route.more && i < route.more->n_hops; i++) {
        ds_put_format(&c->told, " router="ETH_ADDR_FMT,
                      ETH_ADDR_ARGS(route.more->hops[i].router_mac));
    }
    client_put_list(&c->told, " olist=", route.olist, route.n_olist);
    client_put_list(&c->told, " leaf=", route.leaf_olist,
                    route.n_leaf_olist);
    if (!xmpp_evpn_is_broadcast(&route)) {
        ds_put_format(&c->told, " lp=%"PRIu32" seq=%"PRIu32,
                      route.local_pref, route.sequence);
    }
    ds_put_char(&c->told, '\n');
    /* The network is the last but one part of the instance. */
    const char *last = strrchr(instance, ':');
    assert_int_equal(strlen(route.virtual_network),
                     last ? last - instance : 0);
    xmpp_evpn_fini(&route);
}

static inline void
client_tree_item(struct client *c, const char *instance,
                 const struct xmpp_node *item)
{
    struct xmpp_mcast tree;
    struct tsn_err err;

    if (xmpp_mcast_decode(xmpp_node_child(item, "entry"), &tree, &err)) {
        fail_msg("bad item: %s", tsn_err_format(&err));
    }
    assert_false(tsn_ip_is_set(&tree.next_hop));
    ds_put_format(&c->told, "+%s %s in=%"PRIu32, instance,
                  xmpp_node_attr(item, "id"), tree.source_label);
    client_put_list(&c->told, " out=", tree.olist, tree.n_olist);
    ds_put_char(&c->told, '\n');
    xmpp_mcast_fini(&tree);
}

static inline void
client_event(struct client *c, const struct xmpp_stanza *st)
{
    const struct xmpp_node *child;
    size_t n_items = 0, n_retracts = 0;

    for (child = st->body->children; child; child = child->next) {
        if (!strcmp(child->name, "item")) {
            if (st->family == XMPP_FAMILY_MCAST) {
                client_tree_item(c, st->node, child);
            } else {
                client_item(c, st->node, child);
            }
            n_items++;
        } else {
            assert_string_equal(child->name, "retract");
            ds_put_format(&c->told, "-%s %s\n", st->node,
                          xmpp_node_attr(child, "id"));
            n_retracts++;
        }
    }
    assert_true(!n_items != !n_retracts);
    assert_true(n_items <= XMPP_MAX_ITEMS);
    assert_true(n_retracts <= XMPP_MAX_RETRACTS);
    if (c->sizes) {
        ds_put_format(&c->told, "(%"PRIuSIZE")\n", n_items + n_retracts);
    }
}

static inline void
client_send_cb(void *c_, const char *data, size_t size)
{
    struct client *c = c_;
    struct xmpp_stanza st;
    struct tsn_err err;

    assert_int_equal(c->closed, XMPP_CLOSE_NONE);
    if (xmpp_stanza_parse(data, size, &st, &err)) {
        fail_msg("%s\n%.*s", tsn_err_format(&err), (int) size, data);
    }
    if (st.end_of_rib) {
        ds_put_cstr(&c->told, "end-of-rib\n");
    } else if (st.type == XMPP_CONFIG) {
        ds_put_cstr(&c->told, "config\n");
    } else {
        assert_int_equal(st.type, XMPP_EVENT);
        assert_true(st.family == XMPP_FAMILY_EVPN
                    || st.family == XMPP_FAMILY_MCAST);
        client_event(c, &st);
    }
    xmpp_stanza_fini(&st);
}

static inline bool
client_is_ready_cb(void *c_)
{
    struct client *c = c_;

    return !c->blocked;
}

static inline void
client_close_cb(void *c_, enum xmpp_close_reason reason)
{
    struct client *c = c_;

    assert_int_equal(c->closed, XMPP_CLOSE_NONE);
    c->closed = reason;
}

static inline void
client_open_at(struct client *c, struct ctrl_core *core, const char *name,
               uint64_t now_ms)
{
    static const struct ctrl_peer_ops ops = {
        .send = client_send_cb,
        .is_ready = client_is_ready_cb,
        .close = client_close_cb,
    };

    *c = (struct client) {
        .core = core, .name = name, .told = DS_EMPTY_INITIALIZER,
    };
    c->peer = ctrl_peer_create(core, name, &ops, c, now_ms);
}

static inline void
client_open(struct client *c, struct ctrl_core *core, const char *name)
{
    client_open_at(c, core, name, 0);
}

static inline void
client_quit(struct client *c)
{
    ctrl_peer_destroy(c->peer);
    ds_destroy(&c->told);
    c->peer = NULL;
}

/* Its session is lost, rather than ended. */
static inline void
client_lose(struct client *c, const struct in6_addr *ip, uint64_t now_ms)
{
    ctrl_peer_lost(c->peer, ip, now_ms);
    ds_destroy(&c->told);
    c->peer = NULL;
}

/* Hands the stanzas in 'text' to the controller. */
static inline void
client_stanzas(struct client *c, const char *text, uint64_t now_ms)
{
    for (;;) {
        const char *end = strstr(text, "</iq>");
        const char *end_message = strstr(text, "</message>");
        struct xmpp_stanza st;
        struct tsn_err err;

        if (end_message && (!end || end_message < end)) {
            end = end_message + strlen("</message>");
        } else if (end) {
            end += strlen("</iq>");
        } else {
            break;
        }
        if (xmpp_stanza_parse(text, end - text, &st, &err)) {
            fail_msg("%s", tsn_err_format(&err));
        }
        ctrl_peer_stanza(c->peer, &st, now_ms);
        xmpp_stanza_fini(&st);
        text = end;
    }
}

static inline void
client_subscribe(struct client *c, bool subscribe, const char *instance,
                 uint32_t id)
{
    struct ds ds = DS_EMPTY_INITIALIZER;

    xmpp_put_subscribe(&ds, c->name, subscribe, instance, id, c->id++);
    client_stanzas(c, ds_cstr(&ds), 0);
    ds_destroy(&ds);
}

/* Fills 'route' from words like "mac=02:00:00:00:00:01 tag=100 nh=10.0.1.1".
 * A broadcast route has mac=*, one of type 5 "prefix=192.0.2.0/24", one of
 * type 6 "group=225.1.1.1". */
static inline void
client_route(const char *words, struct xmpp_evpn *route)
{
    char *copy = xstrdup(words), *save;
    struct in6_addr hop = in6addr_any;
    uint8_t encaps = TSN_ENCAP_VXLAN;

    xmpp_evpn_init(route);
    route->local_pref = 100;
    uint32_t label = UINT32_MAX;
    for (char *word = strtok_r(copy, " ", &save); word;
         word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');

        if (value) {
            *value++ = '\0';
        }
        if (!strcmp(word, "mac")) {
            route->mac = eth_addr_broadcast;
            assert_true(!strcmp(value, "*")
                        || eth_addr_from_string(value, &route->mac));
        } else if (!strcmp(word, "ip")) {
            assert_int_equal(tsn_ip_parse(value, &route->ip), 0);
        } else if (!strcmp(word, "prefix")) {
            assert_int_equal(tsn_prefix_parse(value, &route->ip,
                                              &route->plen), 0);
        } else if (!strcmp(word, "group")) {
            struct in6_addr group;

            assert_int_equal(tsn_ip_parse(value, &group), 0);
            xmpp_evpn_set_group(route, &group, &in6addr_any, 3);
        } else if (!strcmp(word, "router")) {
            assert_true(eth_addr_from_string(
                value, &xmpp_evpn_get_hop_more(route, 0)->router_mac));
        } else if (!strcmp(word, "nh")) {
            assert_int_equal(tsn_ip_parse(value, &hop), 0);
        } else if (!strcmp(word, "tag")) {
            route->tag = atoi(value);
        } else if (!strcmp(word, "label")) {
            label = atoi(value);
        } else if (!strcmp(word, "lp")) {
            route->local_pref = atoi(value);
        } else if (!strcmp(word, "seq")) {
            route->sequence = atoi(value);
        } else if (!strcmp(word, "mpls")) {
            encaps = TSN_ENCAP_MPLS_UDP | TSN_ENCAP_MPLS_GRE;
        } else if (!strcmp(word, "replicator")) {
            assert_int_equal(tsn_ip_parse(value, &route->replicator), 0);
        } else if (!strcmp(word, "assisted")) {
            route->assisted_replication_supported = true;
        } else {
            assert_string_equal(word, "no-edge");
            route->edge_replication_not_supported = true;
        }
    }
    xmpp_evpn_add_next_hop(route, &hop,
                           label == UINT32_MAX ? route->tag : label, encaps);
    free(copy);
}

static inline void
client_put_route(struct client *c, const char *instance, const char *words,
                 bool associate)
{
    struct ds entry = DS_EMPTY_INITIALIZER, ds = DS_EMPTY_INITIALIZER;
    struct xmpp_evpn route;
    char id[XMPP_ID_STRLEN];

    client_route(words, &route);
    xmpp_evpn_encode_publish(&entry, &route);
    xmpp_put_publish(&ds, c->name, "l2", c->id++,
                     xmpp_evpn_node_id(&route, id), ds_cstr(&entry),
                     instance, associate);
    client_stanzas(c, ds_cstr(&ds), 0);
    xmpp_evpn_fini(&route);
    ds_destroy(&entry);
    ds_destroy(&ds);
}

static inline void
client_publish(struct client *c, const char *instance, const char *words)
{
    client_put_route(c, instance, words, true);
}

static inline void
client_withdraw(struct client *c, const char *instance, const char *words)
{
    client_put_route(c, instance, words, false);
}

/* Joins or leaves the tree with labels 'first'..'last'. */
static inline void
client_put_tree(struct client *c, const char *instance, const char *next_hop,
                uint32_t first, uint32_t last, bool associate)
{
    struct xmpp_mcast tree = { .label_first = first, .label_last = last };
    struct ds entry = DS_EMPTY_INITIALIZER, ds = DS_EMPTY_INITIALIZER;
    char id[XMPP_ID_STRLEN];

    assert_int_equal(tsn_ip_parse(next_hop, &tree.next_hop), 0);
    xmpp_mcast_encode_publish(&entry, &tree);
    xmpp_put_publish(&ds, c->name, "b", c->id++,
                     xmpp_mcast_node_id(instance, id), ds_cstr(&entry),
                     instance, associate);
    client_stanzas(c, ds_cstr(&ds), 0);
    ds_destroy(&entry);
    ds_destroy(&ds);
}

/* Lets the controller do all that is due, then looks at what 'c' was told, and
 * forgets it. */
static inline void
client_is_told_at(struct client *c, const char *expected, uint64_t now_ms)
{
    while (ctrl_core_run(c->core, now_ms) <= now_ms) {
        continue;
    }
    assert_string_equal(ds_cstr(&c->told), expected);
    ds_clear(&c->told);
}

static inline void
client_is_told(struct client *c, const char *expected)
{
    client_is_told_at(c, expected, 0);
}

static inline int
client_compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Sorts the lines in 's'; the result is to be freed. */
static inline char *
client_sort_lines(const char *s)
{
    char *copy = xstrdup(s), *save;
    struct ds ds = DS_EMPTY_INITIALIZER;
    char *lines[64];
    size_t n = 0;

    for (char *line = strtok_r(copy, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        assert_true(n < ARRAY_SIZE(lines));
        lines[n++] = line;
    }
    qsort(lines, n, sizeof *lines, client_compare_lines);
    for (size_t i = 0; i < n; i++) {
        ds_put_format(&ds, "%s\n", lines[i]);
    }
    free(copy);
    return ds_steal_cstr(&ds);
}

/* Like client_is_told(), in any order: a new subscriber is told the routes in
 * none. */
static inline void
client_is_told_all(struct client *c, const char *expected)
{
    while (!ctrl_core_run(c->core, 0)) {
        continue;
    }
    char *a = client_sort_lines(ds_cstr(&c->told));
    char *b = client_sort_lines(expected);
    assert_string_equal(a, b);
    free(a);
    free(b);
    ds_clear(&c->told);
}

#endif /* tests/unit/ctrl_fixture.h */
