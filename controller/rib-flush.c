/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the clients what has changed in the routes. */
#include <config.h>
#include "controller/rib-private.h"

#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "xmpp/stanza.h"

/* Routes of one instance that a flush looks at, and that it tells one
 * subscriber: a burst of a hundred thousand must not hold up the sessions'
 * keepalives. */
#define FLUSH_BUDGET 512

/* Paths of clients and subscriptions that have ended, or were not renewed,
 * that a flush withdraws. */
#define WITHDRAW_BUDGET 4096

/* Members of trees that a flush puts in their place, or tells: a client that
 * goes leaves every tree that it is in. */
#define TREE_BUDGET 256

/* Looks at changed routes, and puts into the log those of which there is
 * something to tell. */
static void
take_changes(struct rib_instance *instance)
{
    for (size_t i = 0; i < FLUSH_BUDGET
         && !ovs_list_is_empty(&instance->dirty_routes); i++) {
        struct rib_route *route
            = CONTAINER_OF(ovs_list_pop_front(&instance->dirty_routes),
                           struct rib_route, dirty_node);
        ovs_list_init(&route->dirty_node);

        if (ovs_list_is_empty(&route->paths)) {
            if (!route->announced) {
                rib_route_free(route);
            } else if (!rib_route_is_gone(route)) {
                rib_log_append(route);
            }
            continue;
        }

        struct xmpp_evpn merged;
        rib_route_merge(route, &merged);
        if (route->announced && !rib_route_is_gone(route)
            && xmpp_evpn_equals(&route->sent, &merged)) {
            xmpp_evpn_fini(&merged);
            continue;
        }
        xmpp_evpn_fini(&route->sent);
        route->sent = merged;
        route->announced = true;
        rib_log_append(route);
    }
}

/* Messages. */

/* A message in the making: items or retracts, never both. */
struct message {
    const struct rib_sub *sub;
    bool retracts;
    size_t n;
    struct ds ds;
};

static void
message_end(struct message *m)
{
    struct ctrl_rib_client *client = m->sub->client;

    if (m->n) {
        xmpp_put_event_end(&m->ds);
        client->ops->send(client->aux, m->ds.string, m->ds.length);
        ds_clear(&m->ds);
        m->n = 0;
    }
}

/* 'entry' is ignored for a retract. */
static void
message_put(struct message *m, const struct xmpp_evpn *route,
            const char *entry)
{
    struct ctrl_rib_client *client = m->sub->client;
    char id[XMPP_ID_STRLEN];

    if (!m->n) {
        xmpp_put_event_begin(&m->ds, client->name, XMPP_FAMILY_EVPN,
                             m->sub->instance->name);
    }
    xmpp_evpn_item_id(route, id);
    if (m->retracts) {
        xmpp_put_retract(&m->ds, id);
        client->n_retracts++;
    } else {
        xmpp_put_item(&m->ds, id, entry);
        client->n_items++;
    }
    if (++m->n == (m->retracts ? XMPP_MAX_RETRACTS : XMPP_MAX_ITEMS)) {
        message_end(m);
    }
}

/* Routes whose XML is at hand: subscribers mostly go side by side. */
struct encoded {
    struct rib_route **routes;
    size_t n, allocated;
};

/* Whether 'a' and 'b' have unicast MACs and differ in nothing else. */
static bool
differ_in_mac(const struct xmpp_evpn *a, const struct xmpp_evpn *b)
{
    struct xmpp_evpn of_b = *a;

    of_b.mac = b->mac;
    return xmpp_evpn_type(a) == XMPP_EVPN_MAC
           && xmpp_evpn_type(b) == XMPP_EVPN_MAC
           && xmpp_evpn_equals(&of_b, b);
}

/* Returns the XML of 'route', owned by the caller. */
static char *
make_entry(const struct encoded *encoded, const struct rib_route *route)
{
    /* The MACs behind a switch come one after the other. */
    const struct rib_route *last = encoded->n ? encoded->routes[encoded->n - 1]
                                              : NULL;
    if (last && differ_in_mac(&last->sent, &route->sent)) {
        char *entry = xstrdup(last->entry);

        xmpp_evpn_entry_set_mac(entry, &route->sent.mac);
        return entry;
    }

    struct ds ds = DS_EMPTY_INITIALIZER;
    xmpp_evpn_encode_notify(&ds, &route->sent);
    return ds_steal_cstr(&ds);
}

static const char *
encode(struct encoded *encoded, struct rib_route *route)
{
    if (!route->entry) {
        route->entry = make_entry(encoded, route);
        if (encoded->n == encoded->allocated) {
            encoded->routes = x2nrealloc(encoded->routes,
                                         &encoded->allocated,
                                         sizeof *encoded->routes);
        }
        encoded->routes[encoded->n++] = route;
    }
    return route->entry;
}

static void
encoded_clear(struct encoded *encoded)
{
    for (size_t i = 0; i < encoded->n; i++) {
        free(encoded->routes[i]->entry);
        encoded->routes[i]->entry = NULL;
    }
    free(encoded->routes);
}

/* Takes the subscriber a part of the way to the log's end. */
static void
tell(struct rib_sub *sub, struct encoded *encoded)
{
    struct message items = {
        .sub = sub, .ds = DS_EMPTY_INITIALIZER,
    };
    struct message retracts = {
        .sub = sub, .retracts = true, .ds = DS_EMPTY_INITIALIZER,
    };
    struct rib_route *from = sub->next, *to = from;

    /* What is new comes before what is gone: a MAC that gets another tag is
     * not without a route in between. */
    for (size_t i = 0; i < FLUSH_BUDGET && to; i++, to = rib_log_next(to)) {
        if (!rib_route_is_gone(to)) {
            message_put(&items, &to->sent, encode(encoded, to));
        }
    }
    message_end(&items);
    for (; from != to; from = rib_log_next(from)) {
        if (rib_route_is_gone(from) && from->seqno > sub->born_seqno) {
            message_put(&retracts, &from->sent, NULL);
        }
    }
    message_end(&retracts);
    ds_destroy(&items.ds);
    ds_destroy(&retracts.ds);

    sub->next = to;
    if (!to) {
        rib_sub_stop(sub);
    }
}

static void
send_bum(struct rib_bum *bum, const struct rib_bum *const members[], size_t n)
{
    struct message m = { .sub = bum->sub, .ds = DS_EMPTY_INITIALIZER };
    struct xmpp_evpn lists;

    if (rib_bum_lists(bum, members, n, &lists)) {
        if (bum->announced && xmpp_evpn_equals(&bum->sent, &lists)) {
            xmpp_evpn_fini(&lists);
            return;
        }
        if (bum->announced) {
            xmpp_evpn_fini(&bum->sent);
        }
        bum->sent = lists;
        bum->announced = true;

        struct ds entry = DS_EMPTY_INITIALIZER;
        xmpp_evpn_encode_notify(&entry, &lists);
        message_put(&m, &lists, ds_cstr(&entry));
        ds_destroy(&entry);
    } else {
        xmpp_evpn_fini(&lists);
        if (!bum->announced) {
            return;
        }
        m.retracts = true;
        message_put(&m, &bum->sent, NULL);
        xmpp_evpn_fini(&bum->sent);
        bum->announced = false;
    }
    message_end(&m);
    ds_destroy(&m.ds);
}

/* Returns false if a client was not ready. */
static bool
send_bums(struct rib_instance *instance)
{
    if (!instance->bums_dirty) {
        return true;
    }
    instance->bums_dirty = false;

    size_t n;
    const struct rib_bum **members = rib_bum_members(instance, &n);
    struct rib_bum *bum;
    LIST_FOR_EACH_SAFE (bum, instance_node, &instance->bums) {
        if (bum->sub->no_ribout || bum->sub->stale || bum->stale) {
            continue;
        }
        if (!rib_sub_is_ready(bum->sub)) {
            instance->bums_dirty = true;
            continue;
        }
        send_bum(bum, members, n);
        if (bum->withdrawn) {
            rib_bum_free(bum);
        }
    }
    free(members);
    return !instance->bums_dirty;
}

static enum ctrl_rib_work
flush_instance(struct rib_instance *instance, size_t *tree_budget)
{
    enum ctrl_rib_work work = CTRL_RIB_IDLE;
    struct encoded encoded = { .n = 0 };
    struct rib_sub *sub;

    take_changes(instance);
    LIST_FOR_EACH_SAFE (sub, lag_node, &instance->lagging) {
        if (!rib_sub_is_ready(sub)) {
            work = MAX(work, CTRL_RIB_BLOCKED);
            continue;
        }
        tell(sub, &encoded);
        if (sub->next) {
            work = CTRL_RIB_BUSY;
        }
    }
    encoded_clear(&encoded);
    rib_log_trim(instance);
    if (!send_bums(instance)) {
        work = MAX(work, CTRL_RIB_BLOCKED);
    }
    enum ctrl_rib_work tree_work = rib_tree_flush(instance, tree_budget);
    work = MAX(work, tree_work);
    return ovs_list_is_empty(&instance->dirty_routes) ? work : CTRL_RIB_BUSY;
}

enum ctrl_rib_work
ctrl_rib_flush(struct ctrl_rib *rib)
{
    enum ctrl_rib_work work = CTRL_RIB_IDLE;
    struct rib_instance *instance;
    size_t tree_budget = TREE_BUDGET;

    if (!rib_withdraw(rib, WITHDRAW_BUDGET)) {
        work = CTRL_RIB_BUSY;
    }
    LIST_FOR_EACH_SAFE (instance, dirty_node, &rib->dirty) {
        enum ctrl_rib_work w = flush_instance(instance, &tree_budget);

        if (w == CTRL_RIB_IDLE) {
            ovs_list_remove(&instance->dirty_node);
            ovs_list_init(&instance->dirty_node);
        }
        work = MAX(work, w);
    }
    rib_log_limit(rib);
    enum ctrl_rib_work w = rib_tree_feed(rib, &tree_budget);
    return MAX(work, w);
}
