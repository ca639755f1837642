/* SPDX-License-Identifier: Apache-2.0 */
/* What all kinds of objects have in common: state, queues, timers. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "random.h"
#include "util.h"

void
ovc_object_init(struct ovc_session *s, struct ovc_object *object,
                enum ovc_kind kind)
{
    *object = (struct ovc_object) {
        .queue_node = OVS_LIST_INITIALIZER(&object->queue_node),
        .kind = kind,
        .state = OVC_IDLE,
    };
    s->n_state[OVC_IDLE]++;
}

static void
cancel_timer(struct ovc_session *s, struct ovc_object *object)
{
    if (object->timed) {
        heap_remove(&s->timers, &object->timer);
        object->timed = false;
    }
}

static void
clear_error(struct ovc_object *object)
{
    free(object->error);
    object->error = NULL;
    object->failures = 0;
}

void
ovc_object_fini(struct ovc_session *s, struct ovc_object *object)
{
    s->n_state[object->state]--;
    s->n_against_profile -= object->why >= OVC_WHY_PROFILE;
    cancel_timer(s, object);
    ovs_list_remove(&object->queue_node);
    free(object->error);
}

void
ovc_object_set(struct ovc_session *s, struct ovc_object *object,
               enum ovc_state state, enum ovc_why why)
{
    s->n_state[object->state]--;
    s->n_against_profile -= object->why >= OVC_WHY_PROFILE;
    s->n_against_profile += why >= OVC_WHY_PROFILE;
    object->state = state;
    object->why = why;
    s->n_state[state]++;
    if (state == OVC_WRITTEN && object->echo) {
        object->echo = false;
        object->not_before_ms = 0;
    }
}

void
ovc_object_queue(struct ovc_session *s, struct ovc_object *object)
{
    if (!ovs_list_is_empty(&object->queue_node)) {
        return;
    }
    if (!object->failures) {
        ovs_list_push_back(&s->queues[object->kind], &object->queue_node);
        return;
    }
    /* What was refused goes alone, so that it takes nothing down with it. */
    struct ovc_group *group = xmalloc(sizeof *group);
    ovs_list_init(&group->objects);
    ovs_list_push_back(&group->objects, &object->queue_node);
    ovs_list_push_back(&s->groups, &group->node);
}

void
ovc_object_row_changed(struct ovc_session *s, struct ovc_object *object)
{
    object->echoed = true;
    if (object->echo) {
        object->echo = false;
        object->not_before_ms = 0;
    }
    ovc_object_queue(s, object);
}

/* Whatever held it back was about something else. */
static void
forget_history(struct ovc_session *s, struct ovc_object *object)
{
    cancel_timer(s, object);
    clear_error(object);
    object->not_before_ms = 0;
    object->rewrites = 0;
    object->echo = false;
    object->aging = false;
}

void
ovc_object_retry(struct ovc_session *s, struct ovc_object *object)
{
    if (!object->aging) {
        forget_history(s, object);
    }
    ovc_object_queue(s, object);
}

void
ovc_object_want(struct ovc_session *s, struct ovc_object *object)
{
    forget_history(s, object);
    object->rewanted = true;
    object->wanted = true;
    object->ours = true;
    ovc_object_set(s, object, OVC_WAITING, OVC_WHY_QUEUED);
    ovc_object_queue(s, object);
}

void
ovc_object_unwant(struct ovc_session *s, struct ovc_object *object)
{
    forget_history(s, object);
    object->rewanted = true;
    object->wanted = false;
    ovc_object_set(s, object, OVC_REMOVING, OVC_WHY_QUEUED);
    ovc_object_queue(s, object);
}

void
ovc_object_wake_at(struct ovc_session *s, struct ovc_object *object,
                   long long when_ms)
{
    /* The heap has its maximum first. */
    uint64_t priority = UINT64_MAX - when_ms;

    if (object->timed) {
        heap_change(&s->timers, &object->timer, priority);
    } else {
        heap_insert(&s->timers, &object->timer, priority);
        object->timed = true;
    }
}

void
ovc_timers_run(struct ovc_session *s)
{
    while (!heap_is_empty(&s->timers)) {
        struct heap_node *node = heap_max(&s->timers);
        if ((long long) (UINT64_MAX - node->priority) > s->now_ms) {
            break;
        }
        struct ovc_object *object = CONTAINER_OF(node, struct ovc_object,
                                                 timer);
        cancel_timer(s, object);
        ovc_object_queue(s, object);
    }
}

bool
ovc_object_is_there(const struct ovc_object *object)
{
    switch (object->kind) {
    case OVC_LS:
        return !ovs_list_is_empty(
            &CONTAINER_OF(object, struct ovc_ls, object)->rows);
    case OVC_FLOOD:
        return !ovs_list_is_empty(
            &CONTAINER_OF(object, struct ovc_ls, flood.object)->flood.rows);
    case OVC_BINDING:
        return CONTAINER_OF(object, struct ovc_binding, object)->bound;
    case OVC_MAC:
        return !ovs_list_is_empty(
            &CONTAINER_OF(object, struct ovc_mac, object)->rows);
    case OVC_TUNNEL:
        return !ovs_list_is_empty(
            &CONTAINER_OF(object, struct ovc_tunnel, object)->rows);
    case OVC_N_KINDS:
    default:
        OVS_NOT_REACHED();
    }
}

bool
ovc_object_may_write(struct ovc_session *s, struct ovc_object *object)
{
    if (s->mode == OVC_MODE_DRY_RUN
        || (s->mode == OVC_MODE_FREEZE && ovc_object_is_there(object))) {
        ovc_object_set(s, object, object->wanted ? OVC_WAITING : OVC_REMOVING,
                       OVC_WHY_MODE);
        return false;
    }
    if (s->now_ms >= object->not_before_ms) {
        return true;
    }
    enum ovc_why why = (object->failures ? OVC_WHY_REFUSED
                        : object->echo ? OVC_WHY_ECHO : OVC_WHY_FIGHT);
    ovc_object_set(s, object, object->wanted ? OVC_WAITING : OVC_REMOVING,
                   why);
    ovc_object_wake_at(s, object, object->not_before_ms);
    return false;
}

bool
ovc_object_removable(struct ovc_session *s, struct ovc_object *object,
                     const struct ovc_ls *ls)
{
    if (object->ours || (ls && ls->removing)) {
        if (object->aging) {
            object->aging = false;
            object->not_before_ms = 0;
        }
        return true;
    }
    ovc_object_set(s, object, OVC_STALE, OVC_WHY_NONE);
    if (!s->complete) {
        return false;
    }
    if (!object->aging) {
        object->aging = true;
        object->not_before_ms = s->now_ms + s->stale_hold_ms;
    }
    if (s->now_ms < object->not_before_ms) {
        ovc_object_wake_at(s, object, object->not_before_ms);
        return false;
    }
    object->aging = false;
    object->ours = true;
    return true;
}

void
ovc_for_each_object(struct ovc_session *s, ovc_object_fn *fn, void *aux)
{
    struct ovc_binding *b;
    struct ovc_ls *ls;
    struct ovc_mac *mac;
    struct ovc_port *port;
    struct ovc_tunnel *tunnel;

    HMAP_FOR_EACH (ls, node, &s->lss) {
        fn(s, &ls->object, aux);
        fn(s, &ls->flood.object, aux);
    }
    HMAP_FOR_EACH (mac, node, &s->macs) {
        fn(s, &mac->object, aux);
    }
    HMAP_FOR_EACH (port, node, &s->ports) {
        HMAP_FOR_EACH (b, node, &port->bindings) {
            fn(s, &b->object, aux);
        }
    }
    LIST_FOR_EACH (tunnel, node, &s->tunnels) {
        fn(s, &tunnel->object, aux);
    }
}

/* The delay after the 'n'th failure in a row, n >= 1, with a jitter of a
 * quarter up or down. */
long long
ovc_backoff_ms(unsigned int n, long long max_ms)
{
    long long delay = MIN(OVC_BACKOFF_MIN_MS << MIN(n - 1, 6), max_ms);
    return delay * 3 / 4 + random_range(delay / 2);
}

void
ovc_object_format(const struct ovc_object *object, struct ds *ds)
{
    switch (object->kind) {
    case OVC_LS: {
        const struct ovc_ls *ls = CONTAINER_OF(object, struct ovc_ls, object);
        ds_put_format(ds, "network=%s vni=%"PRIu32, ls->name, ls->vni);
        break;
    }
    case OVC_FLOOD: {
        const struct ovc_ls *ls = CONTAINER_OF(object, struct ovc_ls,
                                               flood.object);
        ds_put_format(ds, "network=%s mac=unknown-dst", ls->name);
        break;
    }
    case OVC_BINDING: {
        const struct ovc_binding *b = CONTAINER_OF(object, struct ovc_binding,
                                                   object);
        ds_put_format(ds, "port=%s vlan=%"PRIu16, b->port->name, b->vlan);
        if (b->ls) {
            ds_put_format(ds, " network=%s", b->ls->name);
        }
        break;
    }
    case OVC_MAC: {
        const struct ovc_mac *mac = CONTAINER_OF(object, struct ovc_mac,
                                                 object);
        ds_put_format(ds, "network=%s mac="ETH_ADDR_FMT, mac->ls->name,
                      ETH_ADDR_ARGS(mac->mac));
        break;
    }
    case OVC_TUNNEL: {
        const struct ovc_tunnel *t = CONTAINER_OF(object, struct ovc_tunnel,
                                                  object);
        char node[TSN_IP_STRLEN];
        ds_put_format(ds, "switch=%s node=%s", t->sw->name,
                      tsn_ip_format(&t->remote, node));
        break;
    }
    case OVC_N_KINDS:
    default:
        OVS_NOT_REACHED();
    }
}
