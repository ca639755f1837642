/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/rib-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controller/config.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ctrl_rib);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

struct ctrl_rib *
ctrl_rib_create(void)
{
    struct ctrl_rib *rib = xzalloc(sizeof *rib);

    shash_init(&rib->instances);
    ovs_list_init(&rib->dirty);
    ovs_list_init(&rib->starving);
    ovs_list_init(&rib->withdrawing);
    /* It only publishes. */
    rib->hosts = ctrl_rib_client_create(rib, "", NULL, NULL);
    return rib;
}

/* Instances exist while somebody knows them. */
struct rib_instance *
rib_instance_get(struct ctrl_rib *rib, const char *name)
{
    struct rib_instance *instance = shash_find_data(&rib->instances, name);

    if (!instance) {
        instance = xzalloc(sizeof *instance);
        instance->rib = rib;
        instance->name = xstrdup(name);
        hmap_init(&instance->routes);
        ovs_list_init(&instance->dirty_routes);
        ovs_list_init(&instance->log);
        ovs_list_init(&instance->gone);
        ovs_list_init(&instance->lagging);
        ovs_list_init(&instance->bums);
        ctrl_tree_init(&instance->tree);
        ovs_list_init(&instance->untold);
        ovs_list_init(&instance->subs);
        ovs_list_init(&instance->dirty_node);
        shash_add(&rib->instances, name, instance);
    }
    return instance;
}

static void
instance_free(struct rib_instance *instance)
{
    shash_find_and_delete(&instance->rib->instances, instance->name);
    ovs_list_remove(&instance->dirty_node);
    hmap_destroy(&instance->routes);
    free(instance->virtual_network);
    free(instance->name);
    free(instance);
}

/* Frees an instance that nobody needs any more. */
void
rib_instance_check(struct rib_instance *instance)
{
    if (!instance->known && ovs_list_is_empty(&instance->subs)
        && hmap_is_empty(&instance->routes)) {
        instance_free(instance);
    }
}

void
rib_instance_set_dirty(struct rib_instance *instance)
{
    if (instance->known && ovs_list_is_empty(&instance->dirty_node)) {
        ovs_list_push_back(&instance->rib->dirty, &instance->dirty_node);
    }
}

/* Routes. */

static struct rib_route *
route_find(const struct rib_instance *instance, const struct xmpp_evpn *key)
{
    struct rib_route *route;

    HMAP_FOR_EACH_WITH_HASH (route, node, xmpp_evpn_key_hash(key),
                             &instance->routes) {
        if (xmpp_evpn_key_equals(&route->sent, key)) {
            return route;
        }
    }
    return NULL;
}

static struct rib_route *
route_get(struct rib_instance *instance, const struct xmpp_evpn *key)
{
    struct rib_route *route = route_find(instance, key);

    if (!route) {
        route = xzalloc(sizeof *route);
        route->instance = instance;
        xmpp_evpn_key_copy(&route->sent, key);
        ovs_list_init(&route->paths);
        ovs_list_init(&route->dirty_node);
        ovs_list_init(&route->log_node);
        ovs_list_init(&route->gone_node);
        hmap_insert(&instance->routes, &route->node,
                    xmpp_evpn_key_hash(key));
    }
    return route;
}

void
rib_route_free(struct rib_route *route)
{
    hmap_remove(&route->instance->routes, &route->node);
    ovs_list_remove(&route->dirty_node);
    rib_log_remove(route);
    xmpp_evpn_fini(&route->sent);
    free(route);
}

void
rib_route_set_dirty(struct rib_route *route)
{
    if (!route->instance->known) {
        if (ovs_list_is_empty(&route->paths)) {
            rib_route_free(route);
        }
        return;
    }
    if (ovs_list_is_empty(&route->dirty_node)) {
        ovs_list_push_back(&route->instance->dirty_routes,
                           &route->dirty_node);
    }
    rib_instance_set_dirty(route->instance);
}

static struct rib_path *
path_find(const struct rib_route *route, const struct rib_sub *sub)
{
    struct rib_path *path;

    LIST_FOR_EACH (path, route_node, &route->paths) {
        if (path->sub == sub) {
            return path;
        }
    }
    return NULL;
}

void
rib_path_remove(struct rib_path *path)
{
    struct rib_route *route = path->route;

    rib_path_uncount(path);
    ovs_list_remove(&path->sub_node);
    ovs_list_remove(&path->route_node);
    xmpp_evpn_fini(&path->attrs);
    free(path);
    rib_route_set_dirty(route);
}

void
rib_path_put(struct rib_sub *sub, const struct xmpp_evpn *attrs)
{
    struct rib_route *route = route_get(sub->instance, attrs);
    struct rib_path *path = path_find(route, sub);

    if (!path) {
        path = xzalloc(sizeof *path);
        path->route = route;
        path->sub = sub;
        ovs_list_push_back(&route->paths, &path->route_node);
        path->generation = sub->generation;
        ovs_list_push_back(&sub->paths, &path->sub_node);
        sub->n_paths++;
        sub->client->n_routes++;
    } else {
        rib_path_renew(path);
        if (xmpp_evpn_equals(&path->attrs, attrs)) {
            return;
        }
        xmpp_evpn_fini(&path->attrs);
    }
    xmpp_evpn_init(&path->attrs);
    xmpp_evpn_copy(&path->attrs, attrs);
    rib_route_set_dirty(route);
}

void
rib_bums_set_dirty(struct rib_instance *instance)
{
    instance->bums_dirty = true;
    rib_instance_set_dirty(instance);
}

static struct rib_bum *
bum_find(const struct rib_sub *sub, const struct xmpp_evpn *key)
{
    struct rib_bum *bum;

    LIST_FOR_EACH (bum, sub_node, &sub->bums) {
        if (xmpp_evpn_key_equals(&bum->attrs, key)) {
            return bum;
        }
    }
    return NULL;
}

void
rib_bum_free(struct rib_bum *bum)
{
    bum->sub->client->n_routes -= !bum->withdrawn;
    ovs_list_remove(&bum->sub_node);
    ovs_list_remove(&bum->instance_node);
    if (bum->announced) {
        xmpp_evpn_fini(&bum->sent);
    }
    xmpp_evpn_fini(&bum->attrs);
    free(bum);
}

void
rib_bum_put(struct rib_sub *sub, const struct xmpp_evpn *attrs)
{
    struct rib_bum *bum = bum_find(sub, attrs);

    if (!bum) {
        bum = xzalloc(sizeof *bum);
        bum->sub = sub;
        ovs_list_push_back(&sub->instance->bums, &bum->instance_node);
        ovs_list_push_back(&sub->bums, &bum->sub_node);
        sub->client->n_routes++;
    } else {
        /* One that was stale has not been told its lists. */
        bool untold = bum->stale && !sub->no_ribout;
        bool same = !bum->withdrawn && !untold
                    && xmpp_evpn_equals(&bum->attrs, attrs);

        bum->stale = false;
        if (same) {
            return;
        }
        sub->client->n_routes += bum->withdrawn;
        bum->withdrawn = false;
        xmpp_evpn_fini(&bum->attrs);
    }
    xmpp_evpn_init(&bum->attrs);
    xmpp_evpn_copy(&bum->attrs, attrs);
    rib_bums_set_dirty(sub->instance);
}

static void
bum_withdraw(struct rib_bum *bum)
{
    struct rib_instance *instance = bum->sub->instance;

    if (bum->withdrawn) {
        return;
    }
    if (bum->announced) {
        /* The publisher is to hear of it: the flush frees it. */
        bum->withdrawn = true;
        bum->sub->client->n_routes--;
    } else {
        rib_bum_free(bum);
    }
    rib_bums_set_dirty(instance);
}

struct rib_sub *
rib_sub_create(struct ctrl_rib_client *client, const char *name,
               int64_t instance_id, bool no_ribout)
{
    struct rib_instance *instance = rib_instance_get(client->rib, name);
    struct rib_sub *sub = xzalloc(sizeof *sub);

    sub->client = client;
    sub->instance = instance;
    sub->instance_id = instance_id;
    sub->no_ribout = no_ribout;
    ovs_list_init(&sub->lag_node);
    ovs_list_init(&sub->paths);
    ovs_list_init(&sub->withdrawing_node);
    ovs_list_init(&sub->bums);
    ovs_list_push_back(&instance->subs, &sub->instance_node);
    shash_add(&client->subs, name, sub);
    rib_sub_start(sub);
    rib_instance_set_dirty(instance);
    return sub;
}

static void
client_free(struct ctrl_rib_client *client)
{
    shash_destroy(&client->subs);
    ovs_list_remove(&client->starving_node);
    ctrl_labels_fini(&client->labels);
    free(client->name);
    free(client);
}

/* What the client had been told is for it to forget. */
void
rib_sub_destroy(struct rib_sub *sub)
{
    struct rib_instance *instance = sub->instance;

    shash_find_and_delete(&sub->client->subs, instance->name);
    rib_sub_stop(sub);
    rib_instance_set_dirty(instance);
    ovs_list_remove(&sub->instance_node);
    rib_tree_end(sub);
    sub->ended = true;
    sub->client->n_ended++;
    rib_sub_withdraw(sub);
}

/* Of one that has ended, and whose paths have gone. */
void
rib_sub_free(struct rib_sub *sub)
{
    struct rib_instance *instance = sub->instance;
    struct ctrl_rib_client *client = sub->client;

    free(sub);
    rib_instance_check(instance);
    if (!--client->n_ended && client->ended) {
        client_free(client);
    }
}

void
ctrl_rib_destroy(struct ctrl_rib *rib)
{
    if (rib) {
        static const struct ctrl_config nothing;

        ctrl_rib_configure(rib, &nothing);
        ctrl_rib_client_destroy(rib->hosts);
        rib_withdraw(rib, SIZE_MAX);
        shash_destroy(&rib->instances);
        free(rib);
    }
}

/* Clients. */

struct ctrl_rib_client *
ctrl_rib_client_create(struct ctrl_rib *rib, const char *name,
                       const struct ctrl_rib_ops *ops, void *aux)
{
    struct ctrl_rib_client *client = xzalloc(sizeof *client);

    client->rib = rib;
    client->name = xstrdup(name);
    client->ops = ops;
    client->aux = aux;
    shash_init(&client->subs);
    ctrl_labels_init(&client->labels);
    ovs_list_init(&client->starving_node);
    return client;
}

void
ctrl_rib_client_destroy(struct ctrl_rib_client *client)
{
    if (client) {
        struct shash_node *node;

        SHASH_FOR_EACH_SAFE (node, &client->subs) {
            rib_sub_destroy(node->data);
        }
        client->ops = NULL;
        client->ended = true;
        if (!client->n_ended) {
            client_free(client);
        }
    }
}

int
ctrl_rib_subscribe(struct ctrl_rib_client *client, const char *name,
                   int64_t instance_id, bool no_ribout)
{
    struct rib_sub *old = shash_find_data(&client->subs, name);

    if (old) {
        return rib_sub_renew(old, instance_id, no_ribout);
    }
    if (shash_count(&client->subs) >= CTRL_MAX_SUBSCRIPTIONS
        || strlen(name) > CTRL_MAX_INSTANCE) {
        return -ENOSPC;
    }

    struct rib_sub *sub = rib_sub_create(client, name, instance_id, no_ribout);
    if (!sub->instance->known) {
        VLOG_INFO_RL(&rl, "subscribed to a network that is not configured "
                     "session=%s network=%s", client->name, name);
    }
    return 0;
}

int
ctrl_rib_unsubscribe(struct ctrl_rib_client *client, const char *instance)
{
    struct rib_sub *sub = shash_find_data(&client->subs, instance);

    if (!sub || sub->stale) {
        return -ENOENT;
    }
    rib_sub_destroy(sub);
    return 0;
}

int
ctrl_rib_may_publish(const struct ctrl_rib_client *client,
                     const char *instance)
{
    const struct rib_sub *sub = shash_find_data(&client->subs, instance);

    return !sub || sub->stale ? -ENOENT : sub->instance_id < 0 ? -EINVAL : 0;
}

/* Whether only its publisher is told of it. */
static bool
is_private(const struct xmpp_evpn *route)
{
    return xmpp_evpn_is_broadcast(route)
           || xmpp_evpn_type(route) == XMPP_EVPN_GROUP;
}

/* Whether there is room for one more, among those of its type. */
static bool
may_put_bum(const struct rib_sub *sub, const struct xmpp_evpn *route)
{
    enum xmpp_evpn_type type = xmpp_evpn_type(route);
    const struct rib_bum *bum;
    size_t n = 0;

    LIST_FOR_EACH (bum, sub_node, &sub->bums) {
        if (xmpp_evpn_key_equals(&bum->attrs, route)) {
            return true;
        }
        n += xmpp_evpn_type(&bum->attrs) == type;
    }
    return n < (type == XMPP_EVPN_GROUP ? CTRL_MAX_GROUPS
                                        : CTRL_MAX_BROADCAST);
}

static void
withdraw(struct rib_sub *sub, const struct xmpp_evpn *key)
{
    if (is_private(key)) {
        struct rib_bum *bum = bum_find(sub, key);

        if (bum) {
            bum_withdraw(bum);
        }
    } else {
        struct rib_route *route = route_find(sub->instance, key);
        struct rib_path *path = route ? path_find(route, sub) : NULL;

        if (path) {
            rib_path_remove(path);
        }
    }
}

int
ctrl_rib_withdraw(struct ctrl_rib_client *client, const char *instance,
                  const struct xmpp_evpn *key)
{
    int error = ctrl_rib_may_publish(client, instance);

    if (!error) {
        withdraw(shash_find_data(&client->subs, instance), key);
    }
    return error;
}

int
ctrl_rib_publish(struct ctrl_rib_client *client, const char *instance,
                 const struct xmpp_evpn *route)
{
    int error = ctrl_rib_may_publish(client, instance);

    if (error) {
        return error;
    }
    if (route->n_next_hops != 1
        || !tsn_ip_is_v4(&route->next_hops[0].ip)
        || !tsn_ip_is_set(&route->next_hops[0].ip)) {
        return -EBADMSG;
    }
    struct rib_sub *sub = shash_find_data(&client->subs, instance);
    if (!route->next_hops[0].encaps) {
        /* Nobody can send to it: accepted, and told to nobody (3.6). */
        withdraw(sub, route);
        return 0;
    }
    if (client->n_routes >= CTRL_MAX_ROUTES) {
        return -ENOSPC;
    }
    if (!is_private(route)) {
        rib_path_put(sub, route);
    } else if (may_put_bum(sub, route)) {
        rib_bum_put(sub, route);
    } else {
        return -ENOSPC;
    }
    return 0;
}

bool
ctrl_rib_client_is_current(const struct ctrl_rib_client *client)
{
    return !client->n_lagging && !client->n_untold;
}
