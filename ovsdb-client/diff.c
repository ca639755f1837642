/* SPDX-License-Identifier: Apache-2.0 */
/* What is wanted against what the database has: the rows that differ, each
 * with what would be done about it and why it is not done yet (spec J.26). */
#include <config.h>
#include "ovsdb-client/operator.h"
#include "ovsdb-client/private.h"

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "tsn/json.h"
#include "util.h"

/* What an entry says of one object. */
struct entry {
    const struct ovc_object *object;
    const char *table;
    const struct ovc_switch *sw;        /* Or NULL. */
    const struct ovc_binding *binding;  /* Or NULL. */
    const struct ovc_ls *ls;            /* Or NULL. */
    const struct ovc_mac *mac;          /* Or NULL. */
    struct ds wanted, actual;
};

static bool
differs(const struct ovc_object *object)
{
    return object->wanted ? object->state != OVC_WRITTEN
                          : (object->state == OVC_STALE
                             || object->state == OVC_REMOVING);
}

static const char *
action(const struct ovc_object *object)
{
    return (!object->wanted ? "remove"
            : ovc_object_is_there(object) ? "change" : "add");
}

static void
put_entry(const struct ovc_session *s, struct entry *e, struct tsn_json *json)
{
    const struct ovc_object *object = e->object;
    long long wait_ms = object->not_before_ms - s->now_ms;

    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "table", e->table);
    tsn_json_string(json, "switch", e->sw ? e->sw->name : NULL);
    if (e->binding) {
        tsn_json_string(json, "port", e->binding->port->name);
        tsn_json_uint(json, "vlan", e->binding->vlan);
    } else {
        tsn_json_string(json, "port", NULL);
        tsn_json_string(json, "vlan", NULL);
    }
    tsn_json_string(json, "network", e->ls ? e->ls->name : NULL);
    if (e->mac && !e->mac->junk) {
        tsn_json_mac(json, "mac", &e->mac->mac);
    } else {
        tsn_json_string(json, "mac", NULL);
    }
    tsn_json_string(json, "action", action(object));
    tsn_json_string(json, "wanted", e->wanted.length ? ds_cstr(&e->wanted)
                                                     : NULL);
    tsn_json_string(json, "actual", e->actual.length ? ds_cstr(&e->actual)
                                                     : NULL);
    ovc_put_state(s, object, json);
    tsn_json_string(json, "error", object->error);
    tsn_json_uint(json, "next_try_ms", MAX(wait_ms, 0));
    tsn_json_object_end(json);
}

/* Writes the entry of 'e', whose texts it clears. */
static void
end_entry(const struct ovc_session *s, struct entry *e, struct tsn_json *json)
{
    put_entry(s, e, json);
    ds_clear(&e->wanted);
    ds_clear(&e->actual);
}

static void
put_ips(struct ds *ds, const struct in6_addr *ips, size_t n)
{
    char text[TSN_IP_STRLEN];

    for (size_t i = 0; i < n; i++) {
        ds_put_format(ds, "%s%s", ds->length ? " " : "",
                      tsn_ip_format(&ips[i], text));
    }
}

static void
diff_ls(const struct ovc_session *s, const struct ovc_ls *ls, struct entry *e,
        struct tsn_json *json)
{
    const struct ovc_ls_row *r;

    e->object = &ls->object;
    e->table = "Logical_Switch";
    e->ls = ls;
    if (ls->object.wanted) {
        ds_put_format(&e->wanted, "vni=%"PRIu32, ls->vni);
    }
    LIST_FOR_EACH (r, node, &ls->rows) {
        ds_put_format(&e->actual, "%svni=%"PRIu32,
                      e->actual.length ? " " : "", r->vni);
    }
    end_entry(s, e, json);
}

static void
diff_flood(const struct ovc_session *s, const struct ovc_ls *ls,
           struct entry *e, struct tsn_json *json)
{
    const struct ovc_flood_row *r;

    e->object = &ls->flood.object;
    e->table = "Mcast_Macs_Remote";
    e->ls = ls;
    size_t n;
    const struct in6_addr *vteps = ovc_flood_vteps(s, &ls->flood, &n);
    put_ips(&e->wanted, vteps, n);
    LIST_FOR_EACH (r, node, &ls->flood.rows) {
        put_ips(&e->actual, r->vteps, r->n_vteps);
    }
    end_entry(s, e, json);
}

static void
diff_mac(const struct ovc_session *s, const struct ovc_mac *mac,
         struct entry *e, struct tsn_json *json)
{
    const struct ovc_mac_row *r;

    e->object = &mac->object;
    e->table = "Ucast_Macs_Remote";
    e->ls = mac->ls;
    e->mac = mac;
    if (mac->object.wanted) {
        put_ips(&e->wanted, &mac->vtep, 1);
    }
    LIST_FOR_EACH (r, node, &mac->rows) {
        put_ips(&e->actual, &r->vtep, 1);
    }
    end_entry(s, e, json);
}

static void
diff_binding(const struct ovc_session *s, const struct ovc_binding *b,
             struct entry *e, struct tsn_json *json)
{
    e->object = &b->object;
    e->table = "Physical_Port";
    e->binding = b;
    e->sw = b->port->sw;
    e->ls = b->ls ? b->ls : b->bound;
    if (b->ls) {
        ds_put_cstr(&e->wanted, b->ls->name);
    }
    if (b->bound) {
        ds_put_cstr(&e->actual, b->bound->name);
    }
    end_entry(s, e, json);
}

static void
diff_tunnel(const struct ovc_session *s, const struct ovc_tunnel *t,
            struct entry *e, struct tsn_json *json)
{
    const struct ovc_tunnel_row *r;
    char node[TSN_IP_STRLEN], local[TSN_IP_STRLEN];

    e->object = &t->object;
    e->table = "Tunnel";
    e->sw = t->sw;
    tsn_ip_format(&t->remote, node);
    if (t->object.wanted) {
        ds_put_format(&e->wanted, "node=%s min_rx=%"PRIu32" min_tx=%"PRIu32,
                      node, s->bfd.min_rx_ms, s->bfd.min_tx_ms);
    }
    LIST_FOR_EACH (r, node, &t->rows) {
        ds_put_format(&e->actual, "%snode=%s local=%s",
                      e->actual.length ? " " : "", node,
                      tsn_ip_format(&r->local, local));
    }
    end_entry(s, e, json);
}

void
ovc_session_diff(const struct ovc_session *s, struct tsn_json *json)
{
    struct entry e = { .wanted = DS_EMPTY_INITIALIZER,
                       .actual = DS_EMPTY_INITIALIZER };
    const struct ovc_binding *b;
    const struct ovc_ls *ls;
    const struct ovc_mac *mac;
    const struct ovc_port *port;
    const struct ovc_tunnel *tunnel;

    tsn_json_array_begin(json, "diff");
    HMAP_FOR_EACH (ls, node, &s->lss) {
        if (differs(&ls->object)) {
            diff_ls(s, ls, &e, json);
        }
        if (differs(&ls->flood.object)) {
            diff_flood(s, ls, &e, json);
        }
    }
    HMAP_FOR_EACH (mac, node, &s->macs) {
        if (differs(&mac->object)) {
            diff_mac(s, mac, &e, json);
        }
    }
    e.mac = NULL;
    HMAP_FOR_EACH (port, node, &s->ports) {
        HMAP_FOR_EACH (b, node, &port->bindings) {
            if (differs(&b->object)) {
                diff_binding(s, b, &e, json);
            }
        }
    }
    e.binding = NULL;
    e.ls = NULL;
    LIST_FOR_EACH (tunnel, node, &s->tunnels) {
        if (differs(&tunnel->object)) {
            diff_tunnel(s, tunnel, &e, json);
        }
    }
    tsn_json_array_end(json);
    ds_destroy(&e.wanted);
    ds_destroy(&e.actual);
}
