/* SPDX-License-Identifier: Apache-2.0 */
/* Physical_Port.vlan_bindings, written key by key: others may have keys in the
 * same map (spec B.5). */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(ovc_binding);

#define VLAN_MAX 4095

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(20, 20);

static uint32_t
hash_port(const struct ovc_switch *sw, const char *name)
{
    return hash_string(name, hash_pointer(sw, 0));
}

struct ovc_port *
ovc_port_find(const struct ovc_session *s, const struct ovc_switch *sw,
              const char *name)
{
    struct ovc_port *port;

    HMAP_FOR_EACH_WITH_HASH (port, node, hash_port(sw, name), &s->ports) {
        if (port->sw == sw && !strcmp(port->name, name)) {
            return port;
        }
    }
    return NULL;
}

struct ovc_port *
ovc_port_get(struct ovc_session *s, struct ovc_switch *sw, const char *name)
{
    struct ovc_port *port = ovc_port_find(s, sw, name);

    if (!port) {
        port = xzalloc(sizeof *port);
        port->sw = sw;
        ovs_list_push_back(&sw->ports, &port->sw_node);
        hmap_insert(&s->ports, &port->node, hash_port(sw, name));
        hmap_init(&port->bindings);
        port->name = xstrdup(name);
    }
    return port;
}

/* 'uuid' NULL: it is not there. */
static void
set_port_row(struct ovc_session *s, struct ovc_port *port,
             const struct uuid *uuid)
{
    if (port->there) {
        hmap_remove(&s->port_rows, &port->by_uuid);
    }
    port->there = uuid != NULL;
    if (uuid) {
        port->uuid = *uuid;
        port->missing_ms = 0;
        hmap_insert(&s->port_rows, &port->by_uuid, uuid_hash(uuid));
    }
}

static void
destroy_port(struct ovc_session *s, struct ovc_port *port)
{
    set_port_row(s, port, NULL);
    hmap_remove(&s->ports, &port->node);
    ovs_list_remove(&port->sw_node);
    hmap_destroy(&port->bindings);
    free(port->name);
    free(port);
}

void
ovc_port_release(struct ovc_session *s, struct ovc_port *port)
{
    if (!port->there && hmap_is_empty(&port->bindings)) {
        destroy_port(s, port);
    }
}

struct ovc_binding *
ovc_binding_find(const struct ovc_port *port, uint16_t vlan)
{
    struct ovc_binding *b;

    HMAP_FOR_EACH_WITH_HASH (b, node, hash_int(vlan, 0), &port->bindings) {
        if (b->vlan == vlan) {
            return b;
        }
    }
    return NULL;
}

struct ovc_binding *
ovc_binding_get(struct ovc_session *s, struct ovc_port *port, uint16_t vlan)
{
    struct ovc_binding *b = ovc_binding_find(port, vlan);

    if (!b) {
        b = xzalloc(sizeof *b);
        ovc_object_init(s, &b->object, OVC_BINDING);
        hmap_insert(&port->bindings, &b->node, hash_int(vlan, 0));
        ovs_list_init(&b->ls_node);
        b->port = port;
        b->vlan = vlan;
    }
    return b;
}

void
ovc_binding_set_ls(struct ovc_binding *b, struct ovc_ls *ls)
{
    ovs_list_remove(&b->ls_node);
    ovs_list_init(&b->ls_node);
    b->ls = ls;
    if (ls) {
        ovs_list_push_back(&ls->bindings, &b->ls_node);
    }
}

static void
set_bound(struct ovc_session *s, struct ovc_binding *b, struct ovc_ls *bound)
{
    struct ovc_ls *old = b->bound;

    if (old == bound) {
        return;
    }
    b->bound = bound;
    if (bound) {
        ovc_ls_add_dependent(bound);
    }
    if (old) {
        ovc_ls_remove_dependent(s, old);
    }
    if (!bound) {
        ovc_check_binding_gone(s, b);
    }
    ovc_object_row_changed(s, &b->object);
}

static void
destroy_binding(struct ovc_session *s, struct ovc_binding *b)
{
    set_bound(s, b, NULL);
    ovc_binding_set_ls(b, NULL);
    ovc_object_fini(s, &b->object);
    hmap_remove(&b->port->bindings, &b->node);
    free(b);
}

void
ovc_binding_release(struct ovc_session *s, struct ovc_binding *b)
{
    if (!b->object.wanted && !b->object.in_txn && !b->object.doubt
        && !b->bound) {
        struct ovc_port *port = b->port;
        destroy_binding(s, b);
        ovc_port_release(s, port);
    }
}

void
ovc_ports_destroy(struct ovc_session *s)
{
    struct ovc_binding *b;
    struct ovc_port *port;

    HMAP_FOR_EACH_SAFE (port, node, &s->ports) {
        HMAP_FOR_EACH_SAFE (b, node, &port->bindings) {
            destroy_binding(s, b);
        }
        destroy_port(s, port);
    }
}

/* Reading. */

static void
read_bindings(struct ovc_session *s, struct ovc_port *port,
              const struct vtep_port *row)
{
    struct ovc_binding *b;

    HMAP_FOR_EACH (b, node, &port->bindings) {
        b->seen = false;
    }
    for (size_t i = 0; i < row->bindings.n; i++) {
        int64_t vlan = row->bindings.elems[i].vlan;
        struct ovc_ls *ls = ovc_ls_of(s, &row->bindings.elems[i].ls);

        if (!ls || vlan < 0 || vlan > VLAN_MAX) {
            s->n_bad_rows++;
            continue;
        }
        b = ovc_binding_find(port, vlan);
        if (!b) {
            if (!ovc_ls_is_ours(ls)) {
                continue;
            }
            b = ovc_binding_get(s, port, vlan);
            ovc_object_queue(s, &b->object);
        }
        b->seen = true;
        set_bound(s, b, ls);
    }
    HMAP_FOR_EACH (b, node, &port->bindings) {
        if (!b->seen) {
            set_bound(s, b, NULL);
        }
    }
}

/* The switch has no such port any more. */
static void
lose_port(struct ovc_session *s, struct ovc_port *port)
{
    struct ovc_binding *b;

    set_port_row(s, port, NULL);
    HMAP_FOR_EACH (b, node, &port->bindings) {
        set_bound(s, b, NULL);
        ovc_object_row_changed(s, &b->object);
    }
    ovc_port_release(s, port);
}

void
ovc_ports_lose(struct ovc_session *s, const struct ovc_switch *sw)
{
    struct ovc_port *port;

    LIST_FOR_EACH_SAFE (port, sw_node, &sw->ports) {
        if (port->there) {
            lose_port(s, port);
        }
    }
}

void
ovc_ports_queue(struct ovc_session *s, const struct ovc_switch *sw)
{
    struct ovc_binding *b;
    struct ovc_port *port;

    LIST_FOR_EACH (port, sw_node, &sw->ports) {
        HMAP_FOR_EACH (b, node, &port->bindings) {
            ovc_object_queue(s, &b->object);
        }
    }
}

void
ovc_ports_read(struct ovc_session *s, struct ovc_switch *sw,
               const struct vtep_switch *row)
{
    unsigned int generation = ++s->generation;
    struct ovc_binding *b;
    struct ovc_port *port;

    for (size_t i = 0; i < row->ports.n; i++) {
        const struct vtep_port *p = ovc_db_find(&s->db, OVC_T_PORT,
                                                &row->ports.elems[i]);

        if (!p) {
            continue;           /* Read when it comes. */
        }
        port = ovc_port_get(s, sw, p->name);
        if (port->generation == generation) {
            s->n_bad_rows++;        /* Two of one name: the first counts. */
            continue;
        }
        port->generation = generation;
        if (!port->there || !uuid_equals(&port->uuid, &p->row.uuid)) {
            set_port_row(s, port, &p->row.uuid);
            HMAP_FOR_EACH (b, node, &port->bindings) {
                ovc_object_row_changed(s, &b->object);
            }
        }
        read_bindings(s, port, p);
    }
    LIST_FOR_EACH_SAFE (port, sw_node, &sw->ports) {
        if (port->there && port->generation != generation) {
            lose_port(s, port);
        }
    }
}

void
ovc_port_row_changed(struct ovc_session *s, const struct vtep_port *row)
{
    const struct uuid *uuid = &row->row.uuid;
    struct ovc_port *port;

    HMAP_FOR_EACH_WITH_HASH (port, by_uuid, uuid_hash(uuid), &s->port_rows) {
        if (uuid_equals(&port->uuid, uuid)) {
            read_bindings(s, port, row);
        }
    }
}

/* Writing. */

static void
remove_binding(struct ovc_session *s, struct ovc_binding *b)
{
    if (ovc_object_may_write(s, &b->object) && ovc_plan_room(s, 1)) {
        ovc_txn_mutate_delete_binding(ovc_plan_join(s, &b->object, true, 1),
                                      &b->port->uuid, b->vlan);
    }
}

static void
look_wanted(struct ovc_session *s, struct ovc_binding *b)
{
    struct ovc_object *object = &b->object;

    if (b->vlan > VLAN_MAX) {
        ovc_object_set(s, object, OVC_HELD, OVC_WHY_BAD_VLAN);
        return;
    }
    enum ovc_why why = ovc_check_binding(s, b);
    if (why != OVC_WHY_NONE && (!b->bound || b->bound != b->ls)) {
        ovc_hold_by_profile(s, object, why);
        if (b->port->there && b->bound && b->bound->removing) {
            remove_binding(s, b);
        }
        return;
    }
    if (!b->port->sw->there) {
        ovc_object_set(s, object, OVC_WAITING, OVC_WHY_SWITCH);
        return;
    }
    if (!b->port->there) {
        if (object->why != OVC_WHY_PORT) {
            VLOG_WARN_RL(&rl, "the switch has no such port tor=%s switch=%s "
                         "port=%s vlan=%"PRIu16, s->name, b->port->sw->name,
                         b->port->name, b->vlan);
        }
        if (!b->port->missing_ms) {
            b->port->missing_ms = s->now_ms;
        }
        ovc_object_set(s, object, OVC_WAITING, OVC_WHY_PORT);
        return;
    }
    if (b->bound == b->ls && !b->ls->removing) {
        ovc_object_set(s, object, OVC_WRITTEN, OVC_WHY_NONE);
        return;
    }
    struct ovc_ref ls;
    if (!ovc_ls_for_write(b->ls, &ls)) {
        /* 'ls' may be waiting for what 'bound' has: do not hold that. */
        ovc_object_set(s, object, OVC_WAITING, OVC_WHY_LS);
        if (b->bound && b->bound->removing) {
            remove_binding(s, b);
        }
    } else if (ovc_object_may_write(s, object) && ovc_plan_room(s, 1)) {
        ovc_txn_mutate_put_binding(ovc_plan_join(s, object, true, 1),
                                   &b->port->uuid, b->vlan, ls);
    }
}

static void
look_unwanted(struct ovc_session *s, struct ovc_binding *b)
{
    bool there = b->port->there;

    if (there && b->bound && !ovc_ls_is_ours(b->bound)) {
        /* Somebody else bound it to something of theirs meanwhile. */
        set_bound(s, b, NULL);
    }
    if (!there || !b->bound) {
        ovc_object_set(s, &b->object, OVC_IDLE, OVC_WHY_NONE);
        ovc_check_binding_gone(s, b);
        ovc_binding_release(s, b);
    } else if (ovc_object_removable(s, &b->object, b->bound)) {
        remove_binding(s, b);
    }
}

void
ovc_binding_look(struct ovc_session *s, struct ovc_binding *b)
{
    if (b->object.wanted) {
        look_wanted(s, b);
    } else {
        look_unwanted(s, b);
    }
}
