/* SPDX-License-Identifier: Apache-2.0 */
/* The logs of the instances: in which order subscribers are told of routes,
 * and for how long it is remembered what they are still to be told. */
#include <config.h>
#include "controller/rib-private.h"

#include "util.h"

void
rib_sub_start(struct rib_sub *sub)
{
    struct rib_instance *instance = sub->instance;

    sub->born_seqno = instance->rib->seqno;
    if (!sub->no_ribout && !sub->stale && !ovs_list_is_empty(&instance->log)) {
        sub->next = CONTAINER_OF(ovs_list_front(&instance->log),
                                 struct rib_route, log_node);
        ovs_list_push_back(&instance->lagging, &sub->lag_node);
        sub->client->n_lagging++;
    }
}

void
rib_sub_stop(struct rib_sub *sub)
{
    if (!ovs_list_is_empty(&sub->lag_node)) {
        ovs_list_remove(&sub->lag_node);
        ovs_list_init(&sub->lag_node);
        sub->client->n_lagging--;
    }
    sub->next = NULL;
}

bool
rib_route_is_gone(const struct rib_route *route)
{
    return !ovs_list_is_empty(&route->gone_node);
}

struct rib_route *
rib_log_next(const struct rib_route *route)
{
    return route->log_node.next == &route->instance->log
           ? NULL
           : CONTAINER_OF(route->log_node.next, struct rib_route, log_node);
}

void
rib_log_remove(struct rib_route *route)
{
    struct rib_sub *sub;

    LIST_FOR_EACH (sub, lag_node, &route->instance->lagging) {
        if (sub->next == route) {
            sub->next = rib_log_next(route);
        }
    }
    route->instance->rib->n_log -= !ovs_list_is_empty(&route->log_node);
    ovs_list_remove(&route->log_node);
    ovs_list_init(&route->log_node);
    route->instance->n_gone -= rib_route_is_gone(route);
    route->instance->rib->n_gone -= rib_route_is_gone(route);
    ovs_list_remove(&route->gone_node);
    ovs_list_init(&route->gone_node);
}

void
rib_log_append(struct rib_route *route)
{
    struct rib_instance *instance = route->instance;
    struct rib_sub *sub;

    rib_log_remove(route);
    route->seqno = ++instance->rib->seqno;
    ovs_list_push_back(&instance->log, &route->log_node);
    instance->rib->n_log++;
    if (ovs_list_is_empty(&route->paths)) {
        ovs_list_push_back(&instance->gone, &route->gone_node);
        instance->n_gone++;
        instance->rib->n_gone++;
    }
    LIST_FOR_EACH (sub, instance_node, &instance->subs) {
        if (sub->next || sub->no_ribout || sub->stale) {
            continue;
        }
        sub->next = route;
        if (ovs_list_is_empty(&sub->lag_node)) {
            ovs_list_push_back(&instance->lagging, &sub->lag_node);
            sub->client->n_lagging++;
        }
    }
}

bool
rib_sub_is_ready(const struct rib_sub *sub)
{
    return sub->client->ops->is_ready(sub->client->aux);
}

/* The subscriber is still to hear of what is gone and stands there or behind
 * it. */
static uint64_t
held_from(const struct rib_sub *sub)
{
    return sub->next ? MAX(sub->next->seqno, sub->born_seqno + 1)
                     : UINT64_MAX;
}

void
rib_log_trim(struct rib_instance *instance)
{
    const struct rib_sub *sub;
    struct rib_route *route;
    uint64_t oldest = UINT64_MAX;

    LIST_FOR_EACH (sub, lag_node, &instance->lagging) {
        oldest = MIN(oldest, held_from(sub));
    }
    LIST_FOR_EACH_SAFE (route, gone_node, &instance->gone) {
        if (route->seqno >= oldest) {
            break;
        }
        /* One that is published again is looked at later. */
        if (ovs_list_is_empty(&route->paths)) {
            rib_route_free(route);
        }
    }
}

/* The subscriber of 'instance' that is farthest behind among those that do not
 * read; all that is gone is kept for it.  NULL if all go on. */
static struct rib_sub *
find_slowest(const struct rib_instance *instance)
{
    struct rib_sub *slowest = NULL, *sub;

    LIST_FOR_EACH (sub, lag_node, &instance->lagging) {
        if (sub->next && !rib_sub_is_ready(sub)
            && (!slowest || held_from(sub) < held_from(slowest))) {
            slowest = sub;
        }
    }
    return slowest;
}

/* The client with most to catch up with: the slowest one of the instance that
 * keeps most for such clients. */
static struct ctrl_rib_client *
find_laggard(const struct ctrl_rib *rib)
{
    const struct rib_instance *instance;
    const struct rib_sub *laggard = NULL;
    size_t most = 0;

    /* One with subscribers to be told is dirty. */
    LIST_FOR_EACH (instance, dirty_node, &rib->dirty) {
        const struct rib_sub *sub = instance->n_gone > most
                                    ? find_slowest(instance) : NULL;

        if (sub) {
            most = instance->n_gone;
            laggard = sub;
        }
    }
    return laggard ? laggard->client : NULL;
}

static bool
is_over_limit(const struct ctrl_rib *rib)
{
    return rib->n_gone > MAX(CTRL_MAX_GONE, rib->n_log - rib->n_gone);
}

void
rib_log_limit(struct ctrl_rib *rib)
{
    struct ctrl_rib_client *client;
    const struct shash_node *node;

    while (is_over_limit(rib) && (client = find_laggard(rib)) != NULL) {
        client->ops->give_up(client->aux);
        SHASH_FOR_EACH (node, &client->subs) {
            struct rib_sub *sub = node->data;

            rib_sub_stop(sub);
            rib_log_trim(sub->instance);
        }
    }
}
