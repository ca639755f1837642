/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the clients what has changed in the routes. */
#include <config.h>
#include "controller/rib-private.h"

#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "xmpp/stanza.h"

/* Routes of one instance looked at in a flush, so that a burst of a hundred
 * thousand does not hold up the sessions' keepalives. */
#define FLUSH_BUDGET 1024

/* Items or retracts for one or more clients. */
struct news {
    char **ids;
    char **entries;             /* NULL for a retract. */
    size_t n, allocated;
};

static void
news_add(struct news *news, const struct xmpp_evpn *route, bool retract)
{
    char id[XMPP_ID_STRLEN];

    if (news->n == news->allocated) {
        size_t n = news->allocated ? news->allocated * 2 : 16;
        news->ids = xrealloc(news->ids, n * sizeof *news->ids);
        news->entries = xrealloc(news->entries, n * sizeof *news->entries);
        news->allocated = n;
    }
    news->ids[news->n] = xstrdup(xmpp_evpn_item_id(route, id));
    news->entries[news->n] = NULL;
    if (!retract) {
        struct ds entry = DS_EMPTY_INITIALIZER;
        xmpp_evpn_encode_notify(&entry, route);
        news->entries[news->n] = ds_steal_cstr(&entry);
    }
    news->n++;
}

static void
news_clear(struct news *news)
{
    for (size_t i = 0; i < news->n; i++) {
        free(news->ids[i]);
        free(news->entries[i]);
    }
    free(news->ids);
    free(news->entries);
    *news = (struct news) { .n = 0 };
}

/* Sends the items or the retracts of 'news', never both in a message. */
static void
send_kind(const struct rib_sub *sub, const struct news *news, bool retracts)
{
    size_t max = retracts ? XMPP_MAX_RETRACTS : XMPP_MAX_ITEMS;
    struct ctrl_rib_client *client = sub->client;
    struct ds ds = DS_EMPTY_INITIALIZER;
    size_t in_message = 0;

    for (size_t i = 0; i < news->n; i++) {
        if (!news->entries[i] != retracts) {
            continue;
        }
        if (!in_message) {
            xmpp_put_event_begin(&ds, client->name, XMPP_FAMILY_EVPN,
                                 sub->instance->name);
        }
        if (retracts) {
            xmpp_put_retract(&ds, news->ids[i]);
            client->n_retracts++;
        } else {
            xmpp_put_item(&ds, news->ids[i], news->entries[i]);
            client->n_items++;
        }
        if (++in_message == max) {
            xmpp_put_event_end(&ds);
            client->send(client->aux, ds.string, ds.length);
            ds_clear(&ds);
            in_message = 0;
        }
    }
    if (in_message) {
        xmpp_put_event_end(&ds);
        client->send(client->aux, ds.string, ds.length);
    }
    ds_destroy(&ds);
}

/* What is new comes before what is gone: a MAC that gets another tag is never
 * without a route. */
static void
send_news(const struct rib_sub *sub, const struct news *news)
{
    send_kind(sub, news, false);
    send_kind(sub, news, true);
}

/* Takes the changes of up to FLUSH_BUDGET routes. */
static void
take_changes(struct rib_instance *instance, struct news *news)
{
    for (size_t i = 0; i < FLUSH_BUDGET
         && !ovs_list_is_empty(&instance->dirty_routes); i++) {
        struct rib_route *route
            = CONTAINER_OF(ovs_list_pop_front(&instance->dirty_routes),
                           struct rib_route, dirty_node);
        ovs_list_init(&route->dirty_node);

        if (ovs_list_is_empty(&route->paths)) {
            if (route->announced) {
                news_add(news, &route->sent, true);
            }
            rib_route_free(route);
            continue;
        }

        struct xmpp_evpn merged;
        rib_route_merge(route, &merged);
        if (route->announced && xmpp_evpn_equals(&route->sent, &merged)) {
            xmpp_evpn_fini(&merged);
            continue;
        }
        xmpp_evpn_fini(&route->sent);
        route->sent = merged;
        route->announced = true;
        news_add(news, &merged, false);
    }
}

static void
send_changes(struct rib_instance *instance)
{
    struct news news = { .n = 0 };
    const struct rib_sub *sub;

    take_changes(instance, &news);
    if (news.n) {
        LIST_FOR_EACH (sub, instance_node, &instance->subs) {
            if (!sub->is_new && !sub->no_ribout) {
                send_news(sub, &news);
            }
        }
    }
    news_clear(&news);
}

/* Brings new subscribers to where the others are. */
static void
send_dumps(struct rib_instance *instance)
{
    struct news news = { .n = 0 };
    const struct rib_route *route;
    struct rib_sub *sub;

    if (!instance->n_new_subs) {
        return;
    }
    HMAP_FOR_EACH (route, node, &instance->routes) {
        if (route->announced) {
            news_add(&news, &route->sent, false);
        }
    }
    LIST_FOR_EACH (sub, instance_node, &instance->subs) {
        if (sub->is_new) {
            send_news(sub, &news);
            sub->is_new = false;
        }
    }
    instance->n_new_subs = 0;
    news_clear(&news);
}

static void
send_bum(struct rib_bum *bum, const struct rib_bum *const members[], size_t n)
{
    struct news news = { .n = 0 };
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
        news_add(&news, &lists, false);
    } else {
        xmpp_evpn_fini(&lists);
        if (!bum->announced) {
            return;
        }
        news_add(&news, &bum->sent, true);
        xmpp_evpn_fini(&bum->sent);
        bum->announced = false;
    }
    send_news(bum->sub, &news);
    news_clear(&news);
}

static void
send_bums(struct rib_instance *instance)
{
    if (!instance->bums_dirty) {
        return;
    }
    instance->bums_dirty = false;

    size_t n;
    const struct rib_bum **members = rib_bum_members(instance, &n);
    struct rib_bum *bum;
    LIST_FOR_EACH_SAFE (bum, instance_node, &instance->bums) {
        if (!bum->sub->no_ribout) {
            send_bum(bum, members, n);
        }
        if (bum->withdrawn) {
            rib_bum_free(bum);
        }
    }
    free(members);
}

void
ctrl_rib_flush(struct ctrl_rib *rib)
{
    struct rib_instance *instance;

    LIST_FOR_EACH_SAFE (instance, dirty_node, &rib->dirty) {
        send_changes(instance);
        send_dumps(instance);
        send_bums(instance);
        if (ovs_list_is_empty(&instance->dirty_routes)) {
            ovs_list_remove(&instance->dirty_node);
            ovs_list_init(&instance->dirty_node);
        }
    }
}
