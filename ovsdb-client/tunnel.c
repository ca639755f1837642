/* SPDX-License-Identifier: Apache-2.0 */
/* Tunnel rows between switches and service nodes (hardware_vtep schema, table
 * Tunnel).  Some switches make the rows of their tunnels themselves and wait
 * for bfd_params: such a row is taken over, and is one that they may make
 * anew, without parameters, when we removed it. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smap.h"
#include "util.h"

void
ovc_tunnels_init(struct ovc_session *s)
{
    ovs_list_init(&s->tunnels);
}

static void
destroy_tunnel(struct ovc_session *s, struct ovc_tunnel *t)
{
    ovc_object_fini(s, &t->object);
    ovs_list_remove(&t->node);
    free(t->diagnostic);
    free(t);
}

void
ovc_tunnels_destroy(struct ovc_session *s)
{
    struct ovc_tunnel *t;

    LIST_FOR_EACH_SAFE (t, node, &s->tunnels) {
        destroy_tunnel(s, t);
    }
    free(s->nodes);
}

static struct ovc_tunnel *
find_tunnel(const struct ovc_session *s, const struct ovc_switch *sw,
            const struct in6_addr *remote)
{
    struct ovc_tunnel *t;

    LIST_FOR_EACH (t, node, &s->tunnels) {
        if (t->sw == sw && tsn_ip_equals(&t->remote, remote)) {
            return t;
        }
    }
    return NULL;
}

static struct ovc_tunnel *
get_tunnel(struct ovc_session *s, struct ovc_switch *sw,
           const struct in6_addr *remote)
{
    struct ovc_tunnel *t = find_tunnel(s, sw, remote);

    if (!t) {
        t = xzalloc(sizeof *t);
        ovc_object_init(s, &t->object, OVC_TUNNEL);
        ovs_list_push_back(&s->tunnels, &t->node);
        ovs_list_init(&t->rows);
        t->sw = sw;
        t->remote = *remote;
        t->rank = OVC_NODE_UNKNOWN;
    }
    return t;
}

static bool
is_node(const struct ovc_session *s, const struct in6_addr *ip)
{
    for (size_t i = 0; i < s->n_nodes; i++) {
        if (tsn_ip_equals(&s->nodes[i].ip, ip)) {
            return true;
        }
    }
    return false;
}

/* What is wanted. */

/* Before the first session nobody knows the schema: then the answer is no, and
 * is asked for again. */
static bool
can_bfd(const struct ovc_session *s)
{
    return (s->bfd.min_rx_ms && s->profile->bfd && s->read
            && ovc_db_has_column(&s->db, OVC_T_TUNNEL, VTEP_TUNNEL_PARAMS)
            && ovc_db_has_column(&s->db, OVC_T_TUNNEL, VTEP_TUNNEL_STATUS)
            && ovc_db_has_column(&s->db, OVC_T_SWITCH, VTEP_SWITCH_TUNNELS));
}

static void
read_rows(struct ovc_session *s)
{
    const struct vtep_tunnel *row;

    OVC_DB_FOR_EACH (row, OVC_T_TUNNEL, &s->db) {
        ovc_tunnel_read(s, &row->row);
    }
}

void
ovc_tunnels_update(struct ovc_session *s)
{
    bool can = can_bfd(s);
    struct ovc_switch *sw;
    struct ovc_tunnel *t;

    if (can) {
        HMAP_FOR_EACH (sw, node, &s->switches) {
            for (size_t i = 0; i < s->n_nodes; i++) {
                t = get_tunnel(s, sw, &s->nodes[i].ip);
                if (!t->object.wanted) {
                    ovc_object_want(s, &t->object);
                }
            }
        }
    }
    LIST_FOR_EACH (t, node, &s->tunnels) {
        if (t->object.wanted && s->read
            && !(can && is_node(s, &t->remote))) {
            ovc_object_unwant(s, &t->object);
        }
        ovc_object_queue(s, &t->object);
    }
    if (s->read) {
        read_rows(s);
    }
}

void
ovc_session_set_service_nodes(struct ovc_session *s,
                              const struct in6_addr *ips, size_t n,
                              const struct ovc_bfd *bfd)
{
    struct ovc_node *nodes = xcalloc(MAX(n, 1), sizeof *nodes);

    for (size_t i = 0; i < n; i++) {
        nodes[i].ip = ips[i];
        nodes[i].rank = ovc_node_rank(s, &ips[i]);
    }
    free(s->nodes);
    s->nodes = nodes;
    s->n_nodes = n;
    s->bfd = *bfd;
    ovc_tunnels_update(s);
}

/* Rows. */

static bool
has_tunnel(const struct vtep_switch *ps, const struct uuid *tunnel)
{
    for (size_t i = 0; i < ps->tunnels.n; i++) {
        if (uuid_equals(&ps->tunnels.elems[i], tunnel)) {
            return true;
        }
    }
    return false;
}

/* The switch we serve whose tunnel it is, or NULL. */
static struct ovc_switch *
switch_of(const struct ovc_session *s, const struct uuid *tunnel)
{
    const struct vtep_switch *ps;

    OVC_DB_FOR_EACH (ps, OVC_T_SWITCH, &s->db) {
        struct ovc_switch *sw = ovc_switch_find(s, ps->name);
        if (sw && has_tunnel(ps, tunnel)) {
            return sw;
        }
    }
    return NULL;
}

/* Tunnels to nodes that we never wanted have no object. */
static struct ovc_tunnel *
tunnel_of(struct ovc_session *s, const struct vtep_tunnel *row)
{
    struct in6_addr remote = ovc_plain_vtep(s, &row->remote);
    const struct ovc_tunnel *t;

    LIST_FOR_EACH (t, node, &s->tunnels) {
        if (tsn_ip_equals(&t->remote, &remote)) {
            const struct ovc_switch *sw = switch_of(s, &row->row.uuid);
            return sw ? find_tunnel(s, sw, &remote) : NULL;
        }
    }
    return NULL;
}

void
ovc_tunnel_forget(struct ovc_session *s, struct ovc_row *row_)
{
    struct ovc_tunnel_row *row = CONTAINER_OF(row_, struct ovc_tunnel_row,
                                              row);

    ovs_list_remove(&row->node);
    ovc_object_row_changed(s, &row->tunnel->object);
    ovc_row_remove(s, OVC_T_TUNNEL, row_);
    free(row);
}

void
ovc_tunnel_read(struct ovc_session *s, const struct ovc_db_row *row_)
{
    const struct vtep_tunnel *row = CONTAINER_OF(row_, struct vtep_tunnel,
                                                 row);
    struct ovc_row *known = ovc_row_find(s, OVC_T_TUNNEL, &row_->uuid);
    struct ovc_tunnel *t = tunnel_of(s, row);
    struct ovc_tunnel_row *r;

    if (known && CONTAINER_OF(known, struct ovc_tunnel_row, row)->tunnel
        != t) {
        ovc_tunnel_forget(s, known);
        known = NULL;
    }
    if (!t) {
        return;
    }
    if (known) {
        r = CONTAINER_OF(known, struct ovc_tunnel_row, row);
        known->generation = s->generation;
    } else {
        r = xzalloc(sizeof *r);
        ovc_row_insert(s, OVC_T_TUNNEL, &r->row, &row_->uuid);
        ovs_list_push_back(&t->rows, &r->node);
        r->tunnel = t;
    }
    r->local = ovc_plain_vtep(s, &row->local);
    ovc_object_row_changed(s, &t->object);
}

static const struct vtep_tunnel *
get_row(const struct ovc_session *s, const struct ovc_tunnel_row *r)
{
    return ovc_db_find(&s->db, OVC_T_TUNNEL, &r->row.uuid);
}

/* A switch with several addresses may have several tunnels to one node: ours
 * is that from its first address.  One from an address that it has no more is
 * what became of ours. */
static bool
is_other(const struct ovc_tunnel *t, const struct ovc_tunnel_row *r)
{
    const struct ovc_switch *sw = t->sw;

    return (sw->n_tunnel_ips
            && tsn_ip_is_in(sw->tunnel_ips + 1, sw->n_tunnel_ips - 1,
                            &r->local));
}

/* Writing. */

/* Our keys of bfd_params; others have theirs. */
#define N_PARAMS 3
struct param {
    const char *key;
    char value[16];
};

static void
make_params(const struct ovc_session *s, struct param params[N_PARAMS])
{
    params[0] = (struct param) { .key = "enable", .value = "true" };
    params[1].key = "min_rx";
    snprintf(params[1].value, sizeof params[1].value, "%"PRIu32,
             s->bfd.min_rx_ms);
    params[2].key = "min_tx";
    snprintf(params[2].value, sizeof params[2].value, "%"PRIu32,
             s->bfd.min_tx_ms);
}

static void
write_params(struct ovc_session *s, const struct vtep_tunnel *row)
{
    struct param params[N_PARAMS];

    make_params(s, params);
    for (size_t i = 0; i < N_PARAMS; i++) {
        const char *value = smap_get(&row->bfd_params, params[i].key);
        if (!value || strcmp(value, params[i].value)) {
            ovc_txn_mutate_put_string(s->plan.txn, OVC_T_TUNNEL,
                                      &row->row.uuid, "bfd_params",
                                      params[i].key, params[i].value);
        }
    }
}

static bool
has_params(const struct ovc_session *s, const struct vtep_tunnel *row)
{
    struct param params[N_PARAMS];

    make_params(s, params);
    for (size_t i = 0; i < N_PARAMS; i++) {
        const char *value = smap_get(&row->bfd_params, params[i].key);
        if (!value || strcmp(value, params[i].value)) {
            return false;
        }
    }
    return true;
}

/* A tunnel is gone once no switch has it. */
static void
delete_row(struct ovc_session *s, const struct ovc_tunnel *t,
           const struct ovc_tunnel_row *r)
{
    ovc_txn_mutate_delete_ref(s->plan.txn, OVC_T_SWITCH, &t->sw->uuid,
                              "tunnels", &r->row.uuid);
}

static void
insert_row(struct ovc_session *s, const struct ovc_tunnel *t)
{
    struct ovc_ref local = ovc_plan_locator(s, &t->sw->tunnel_ips[0]);
    struct ovc_ref remote = ovc_plan_locator(s, &t->remote);
    struct ovc_txn *txn = s->plan.txn;
    struct param params[N_PARAMS];
    struct smap map = SMAP_INITIALIZER(&map);

    make_params(s, params);
    for (size_t i = 0; i < N_PARAMS; i++) {
        smap_add(&map, params[i].key, params[i].value);
    }
    struct ovc_ref row = ovc_txn_insert(txn, OVC_T_TUNNEL, true);
    ovc_txn_put_ref(txn, "local", local);
    ovc_txn_put_ref(txn, "remote", remote);
    ovc_txn_put_map(txn, "bfd_params", &map);
    ovc_txn_mutate_put_ref(txn, OVC_T_SWITCH, &t->sw->uuid, "tunnels", row);
    smap_destroy(&map);
}

static void
update_row(struct ovc_session *s, const struct ovc_tunnel *t,
           const struct ovc_tunnel_row *r)
{
    const struct in6_addr *local = &t->sw->tunnel_ips[0];

    write_params(s, get_row(s, r));
    if (!tsn_ip_equals(&r->local, local)) {
        struct ovc_ref ref = ovc_plan_locator(s, local);

        ovc_txn_update(s->plan.txn, OVC_T_TUNNEL, &r->row.uuid);
        ovc_txn_put_ref(s->plan.txn, "local", ref);
    }
}

/* Makes 'keep', or a new row if it is NULL, the only one of 't'. */
static void
write_tunnel(struct ovc_session *s, struct ovc_tunnel *t,
             const struct ovc_tunnel_row *keep)
{
    const struct in6_addr *local = &t->sw->tunnel_ips[0];
    size_t n_ops = (1 + ovs_list_size(&t->rows)
                    + ovc_plan_locator_ops(s, local)
                    + ovc_plan_locator_ops(s, &t->remote));

    if (!ovc_plan_room(s, n_ops)) {
        return;
    }
    ovc_plan_join(s, &t->object, true, n_ops);
    if (keep) {
        update_row(s, t, keep);
    } else {
        insert_row(s, t);
    }

    const struct ovc_tunnel_row *r;
    LIST_FOR_EACH (r, node, &t->rows) {
        if (r != keep && !is_other(t, r)) {
            delete_row(s, t, r);
        }
    }
}

/* The row that we keep, and how many there are but those of others. */
static const struct ovc_tunnel_row *
pick_row(const struct ovc_tunnel *t, size_t *n)
{
    const struct ovc_tunnel_row *keep = NULL, *r;

    *n = 0;
    LIST_FOR_EACH (r, node, &t->rows) {
        if (is_other(t, r)) {
            continue;
        }
        ++*n;
        if (!keep || (t->sw->n_tunnel_ips
                      && !tsn_ip_equals(&keep->local, &t->sw->tunnel_ips[0])
                      && tsn_ip_equals(&r->local, &t->sw->tunnel_ips[0]))) {
            keep = r;
        }
    }
    return keep;
}

static void
look_wanted(struct ovc_session *s, struct ovc_tunnel *t)
{
    size_t n;
    const struct ovc_tunnel_row *keep = pick_row(t, &n);
    const struct vtep_tunnel *row = keep ? get_row(s, keep) : NULL;

    ovc_bfd_read(s, t, row);
    if (!t->sw->there) {
        ovc_object_set(s, &t->object, OVC_WAITING, OVC_WHY_SWITCH);
    } else if (!t->sw->n_tunnel_ips) {
        ovc_object_set(s, &t->object, OVC_HELD, OVC_WHY_NO_TUNNEL_IP);
    } else if (row && n == 1 && has_params(s, row)
               && tsn_ip_equals(&keep->local, &t->sw->tunnel_ips[0])) {
        ovc_object_set(s, &t->object, OVC_WRITTEN, OVC_WHY_NONE);
    } else if (ovc_object_may_write(s, &t->object)) {
        write_tunnel(s, t, row ? keep : NULL);
    }
}

/* One that we are to remove.  A row that a switch made anew has nothing of
 * ours. */
static bool
is_leftover(const struct ovc_session *s, const struct ovc_tunnel *t,
            const struct ovc_tunnel_row *r)
{
    const struct vtep_tunnel *row = get_row(s, r);

    return (row && !is_other(t, r)
            && smap_get_bool(&row->bfd_params, "enable", false));
}

/* Returns true if nothing is left of it. */
static bool
look_unwanted(struct ovc_session *s, struct ovc_tunnel *t)
{
    const struct ovc_tunnel_row *r;
    size_t n = 0;

    ovc_bfd_read(s, t, NULL);
    t->failed = false;
    LIST_FOR_EACH (r, node, &t->rows) {
        n += is_leftover(s, t, r);
    }
    if (!n || !t->sw->there) {
        ovc_object_set(s, &t->object, OVC_IDLE, OVC_WHY_NONE);
        return ovs_list_is_empty(&t->rows);
    }
    if (!ovc_object_may_write(s, &t->object) || !ovc_plan_room(s, n + 1)) {
        return false;
    }
    ovc_plan_join(s, &t->object, true, n + 1);
    LIST_FOR_EACH (r, node, &t->rows) {
        if (is_leftover(s, t, r)) {
            delete_row(s, t, r);
        }
    }
    return false;
}

void
ovc_tunnel_look(struct ovc_session *s, struct ovc_tunnel *t)
{
    bool gone = false;

    if (t->object.wanted) {
        look_wanted(s, t);
    } else {
        gone = look_unwanted(s, t);
    }
    long long next_ms = ovc_bfd_judge(s, t);
    if (gone) {
        destroy_tunnel(s, t);
    } else if (next_ms && !t->object.timed) {
        /* What else wakes it will lead here, too. */
        ovc_object_wake_at(s, &t->object, next_ms);
    }
}
