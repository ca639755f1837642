/* SPDX-License-Identifier: Apache-2.0 */
/* What the database has.  Everything is read once after a connect; from then
 * on only rows that changed are. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "ovsdb-client/text.h"
#include "packets.h"
#include "tsn/json.h"
#include "util.h"

/* Monitoring. */

void
ovc_idl_monitor(struct ovsdb_idl *idl)
{
    static const struct ovsdb_idl_column *const columns[] = {
        &vteprec_physical_switch_col_name,
        &vteprec_physical_switch_col_ports,
        &vteprec_physical_switch_col_tunnel_ips,
        &vteprec_physical_switch_col_switch_fault_status,
        &vteprec_physical_switch_col_tunnels,
        &vteprec_physical_port_col_name,
        &vteprec_physical_port_col_vlan_bindings,
        &vteprec_physical_port_col_port_fault_status,
        &vteprec_logical_switch_col_name,
        &vteprec_logical_switch_col_tunnel_key,
        &vteprec_logical_switch_col_replication_mode,
        &vteprec_ucast_macs_remote_col_MAC,
        &vteprec_ucast_macs_remote_col_logical_switch,
        &vteprec_ucast_macs_remote_col_locator,
        &vteprec_ucast_macs_remote_col_ipaddr,
        &vteprec_mcast_macs_remote_col_MAC,
        &vteprec_mcast_macs_remote_col_logical_switch,
        &vteprec_mcast_macs_remote_col_locator_set,
        &vteprec_ucast_macs_local_col_MAC,
        &vteprec_ucast_macs_local_col_logical_switch,
        &vteprec_ucast_macs_local_col_locator,
        &vteprec_ucast_macs_local_col_ipaddr,
        &vteprec_mcast_macs_local_col_logical_switch,
        &vteprec_mcast_macs_local_col_locator_set,
        &vteprec_physical_locator_set_col_locators,
        &vteprec_physical_locator_col_encapsulation_type,
        &vteprec_physical_locator_col_dst_ip,
        &vteprec_physical_locator_col_tunnel_key,
        &vteprec_tunnel_col_local,
        &vteprec_tunnel_col_remote,
        &vteprec_tunnel_col_bfd_params,
        &vteprec_tunnel_col_bfd_status,
    };

    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        ovsdb_idl_track_add_column(idl, columns[i]);
    }
}

/* Tables and columns added after schema 1.3.0 are optional. */
const char *
ovc_schema_check(const struct ovsdb_idl *idl)
{
#define LACKS_COLUMN(TABLE, COLUMN) \
    !vteprec_server_has_##TABLE##_table_col_##COLUMN(idl) \
        ? "the schema lacks " #TABLE "." #COLUMN
    return (LACKS_COLUMN(physical_switch, name)
            : LACKS_COLUMN(physical_switch, ports)
            : LACKS_COLUMN(physical_switch, tunnel_ips)
            : LACKS_COLUMN(physical_port, name)
            : LACKS_COLUMN(physical_port, vlan_bindings)
            : LACKS_COLUMN(logical_switch, name)
            : LACKS_COLUMN(logical_switch, tunnel_key)
            : LACKS_COLUMN(ucast_macs_remote, MAC)
            : LACKS_COLUMN(ucast_macs_remote, logical_switch)
            : LACKS_COLUMN(ucast_macs_remote, locator)
            : LACKS_COLUMN(mcast_macs_remote, MAC)
            : LACKS_COLUMN(mcast_macs_remote, logical_switch)
            : LACKS_COLUMN(mcast_macs_remote, locator_set)
            : LACKS_COLUMN(physical_locator_set, locators)
            : LACKS_COLUMN(physical_locator, encapsulation_type)
            : LACKS_COLUMN(physical_locator, dst_ip)
            : NULL);
#undef LACKS_COLUMN
}

void
ovc_schema_put_missing(const struct ovsdb_idl *idl, struct tsn_json *json)
{
#define PUT_COLUMN(TABLE, COLUMN, NAME) \
    if (!vteprec_server_has_##TABLE##_table_col_##COLUMN(idl)) { \
        tsn_json_string(json, NULL, NAME); \
    }
    if (!vteprec_server_has_tunnel_table(idl)) {
        tsn_json_string(json, NULL, "Tunnel");
    }
    PUT_COLUMN(logical_switch, replication_mode,
               "Logical_Switch.replication_mode");
    PUT_COLUMN(ucast_macs_remote, ipaddr, "Ucast_Macs_Remote.ipaddr");
    PUT_COLUMN(ucast_macs_local, ipaddr, "Ucast_Macs_Local.ipaddr");
    PUT_COLUMN(physical_locator, tunnel_key, "Physical_Locator.tunnel_key");
    PUT_COLUMN(physical_switch, switch_fault_status,
               "Physical_Switch.switch_fault_status");
    PUT_COLUMN(physical_port, port_fault_status,
               "Physical_Port.port_fault_status");
#undef PUT_COLUMN
}

bool
ovc_has_ipaddr(const struct ovc_session *s)
{
    return vteprec_server_has_ucast_macs_remote_table_col_ipaddr(s->idl);
}

/* Rows in general. */

struct ovc_row *
ovc_row_find(const struct ovc_session *s, enum ovc_table table,
             const struct uuid *uuid)
{
    struct ovc_row *row;

    HMAP_FOR_EACH_WITH_HASH (row, by_uuid, uuid_hash(uuid), &s->rows[table]) {
        if (uuid_equals(&row->uuid, uuid)) {
            return row;
        }
    }
    return NULL;
}

void
ovc_row_insert(struct ovc_session *s, enum ovc_table table,
               struct ovc_row *row, const struct uuid *uuid)
{
    row->uuid = *uuid;
    row->generation = s->generation;
    hmap_insert(&s->rows[table], &row->by_uuid, uuid_hash(uuid));
}

void
ovc_row_remove(struct ovc_session *s, enum ovc_table table,
               struct ovc_row *row)
{
    hmap_remove(&s->rows[table], &row->by_uuid);
}

/* Physical_Locator. */

struct in6_addr
ovc_locator_ip(const struct vteprec_physical_locator *row, bool *plain)
{
    *plain = (!strcmp(row->encapsulation_type, "vxlan_over_ipv4")
              && !row->n_tunnel_key);
    return ovc_text_to_vtep(row->dst_ip);
}

static void
forget_locator(struct ovc_session *s, struct ovc_row *row)
{
    struct ovc_locator *locator = CONTAINER_OF(row, struct ovc_locator, row);

    if (locator->plain) {
        hmap_remove(&s->locators, &locator->by_ip);
    }
    ovc_row_remove(s, OVC_T_LOCATOR, row);
    free(locator);
}

static void
read_locator(struct ovc_session *s, const struct ovsdb_idl_row *row_)
{
    const struct vteprec_physical_locator *row
        = CONTAINER_OF(row_, struct vteprec_physical_locator, header_);
    struct ovc_row *known = ovc_row_find(s, OVC_T_LOCATOR, &row_->uuid);

    if (known) {
        forget_locator(s, known);
    }
    struct ovc_locator *locator = xzalloc(sizeof *locator);
    ovc_row_insert(s, OVC_T_LOCATOR, &locator->row, &row_->uuid);
    locator->ip = ovc_locator_ip(row, &locator->plain);
    if (!tsn_ip_is_set(&locator->ip)) {
        locator->plain = false;
        s->n_bad_rows++;
    }
    if (locator->plain) {
        hmap_insert(&s->locators, &locator->by_ip,
                    hash_bytes(&locator->ip, sizeof locator->ip, 0));
    }
}

/* Logical_Switch. */

struct ovc_ls *
ovc_ls_of(const struct ovc_session *s,
          const struct vteprec_logical_switch *row)
{
    struct ovc_row *known;

    known = row ? ovc_row_find(s, OVC_T_LS, &row->header_.uuid) : NULL;
    return known ? CONTAINER_OF(known, struct ovc_ls_row, row)->ls : NULL;
}

static void
forget_ls(struct ovc_session *s, struct ovc_row *row_)
{
    struct ovc_ls_row *row = CONTAINER_OF(row_, struct ovc_ls_row, row);

    ovc_ls_row_set_vni(s, row, 0);
    ovs_list_remove(&row->node);
    ovc_object_row_changed(s, &row->ls->object);
    ovc_row_remove(s, OVC_T_LS, row_);
    free(row);
}

static void
read_ls(struct ovc_session *s, const struct ovsdb_idl_row *row_)
{
    const struct vteprec_logical_switch *row
        = CONTAINER_OF(row_, struct vteprec_logical_switch, header_);
    struct ovc_row *known = ovc_row_find(s, OVC_T_LS, &row_->uuid);
    struct ovc_ls *ls = ovc_ls_get(s, row->name);
    struct ovc_ls_row *r;

    if (known && CONTAINER_OF(known, struct ovc_ls_row, row)->ls != ls) {
        forget_ls(s, known);        /* Got another name. */
        known = NULL;
    }
    if (known) {
        r = CONTAINER_OF(known, struct ovc_ls_row, row);
        known->generation = s->generation;
    } else {
        r = xzalloc(sizeof *r);
        ovc_row_insert(s, OVC_T_LS, &r->row, &row_->uuid);
        ovs_list_push_back(&ls->rows, &r->node);
        r->ls = ls;
    }
    int64_t vni = row->n_tunnel_key ? *row->tunnel_key : 0;
    ovc_ls_row_set_vni(s, r, vni > 0 && vni <= TSN_VNI_MAX ? vni : 0);
    r->service_node = (row->replication_mode
                       && !strcmp(row->replication_mode, "service_node"));
    ovc_object_row_changed(s, &ls->object);
    if (ls->object.wanted && r->vni == ls->vni) {
        ovc_ls_queue_dependents(s, ls);
    }
}

/* Ucast_Macs_Remote. */

static void
detach_mac(struct ovc_session *s, struct ovc_mac_row *row)
{
    struct ovc_mac *mac = row->mac;

    ovs_list_remove(&row->node);
    row->mac = NULL;
    ovc_object_row_changed(s, &mac->object);
    ovc_ls_remove_dependent(s, mac->ls);
}

static void
forget_mac(struct ovc_session *s, struct ovc_row *row_)
{
    struct ovc_mac_row *row = CONTAINER_OF(row_, struct ovc_mac_row, row);

    detach_mac(s, row);
    ovc_row_remove(s, OVC_T_MAC, row_);
    free(row);
}

static struct ovc_mac *
mac_of(struct ovc_session *s, struct ovc_ls *ls,
       const struct vteprec_ucast_macs_remote *row)
{
    struct eth_addr addr = eth_addr_zero;
    bool junk = !ovc_text_to_mac(row->MAC, &addr);

    if (junk) {
        s->n_bad_rows++;
    }
    return ovc_mac_get(s, ls, &addr, junk);
}

static void
read_mac(struct ovc_session *s, const struct ovsdb_idl_row *row_)
{
    const struct vteprec_ucast_macs_remote *row
        = CONTAINER_OF(row_, struct vteprec_ucast_macs_remote, header_);
    struct ovc_row *known = ovc_row_find(s, OVC_T_MAC, &row_->uuid);
    struct ovc_ls *ls = ovc_ls_of(s, row->logical_switch);
    struct ovc_mac_row *r;

    if (!ls || !ovc_ls_is_ours(ls)) {
        if (known) {
            forget_mac(s, known);
        }
        return;
    }
    struct ovc_mac *mac = mac_of(s, ls, row);
    if (known) {
        r = CONTAINER_OF(known, struct ovc_mac_row, row);
        known->generation = s->generation;
    } else {
        r = xzalloc(sizeof *r);
        ovc_row_insert(s, OVC_T_MAC, &r->row, &row_->uuid);
    }
    if (r->mac != mac) {
        /* In this order, as 'ls' may live by this row only. */
        struct ovc_ls *old = r->mac ? r->mac->ls : NULL;
        ovc_ls_add_dependent(ls);
        if (old) {
            detach_mac(s, r);
        }
        r->mac = mac;
        ovs_list_push_back(&mac->rows, &r->node);
    }
    bool plain = false;
    r->vtep = in6addr_any;
    if (row->locator) {
        r->vtep = ovc_locator_ip(row->locator, &plain);
    }
    if (!plain) {
        r->vtep = in6addr_any;
    }
    ovc_object_row_changed(s, &mac->object);
}

/* Mcast_Macs_Remote, and what it has in common with Mcast_Macs_Local. */

struct ovc_flood_row *
ovc_flood_row_create(struct ovc_session *s, enum ovc_table table,
                     const struct uuid *uuid)
{
    struct ovc_flood_row *row = xzalloc(sizeof *row);

    ovc_row_insert(s, table, &row->row, uuid);
    return row;
}

static int
compare_ips(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct in6_addr));
}

/* Takes the addresses of 'set' over.  Returns true if that changes any. */
bool
ovc_flood_row_set(struct ovc_flood_row *row,
                  const struct vteprec_physical_locator_set *set)
{
    size_t n_locators = set ? set->n_locators : 0;
    struct in6_addr *vteps = xmalloc(MAX(n_locators, 1) * sizeof *vteps);
    size_t n = 0;

    row->plain = n_locators > 0;
    for (size_t i = 0; i < n_locators; i++) {
        bool plain;
        vteps[n] = ovc_locator_ip(set->locators[i], &plain);
        row->plain = row->plain && plain && tsn_ip_is_set(&vteps[n]);
        n += tsn_ip_is_set(&vteps[n]);
    }
    qsort(vteps, n, sizeof *vteps, compare_ips);

    bool changed = (n != row->n_vteps
                    || (n && memcmp(vteps, row->vteps, n * sizeof *vteps)));
    free(row->vteps);
    row->vteps = vteps;
    row->n_vteps = n;
    return changed;
}

static void
detach_flood(struct ovc_session *s, struct ovc_flood_row *row)
{
    struct ovc_ls *ls = row->ls;

    ovs_list_remove(&row->node);
    row->ls = NULL;
    if (row->unknown_dst) {
        ovc_object_row_changed(s, &ls->flood.object);
        ovc_ls_remove_dependent(s, ls);
    } else {
        ovc_object_queue(s, &ls->object);
    }
}

static void
forget_flood(struct ovc_session *s, struct ovc_row *row_)
{
    struct ovc_flood_row *row = CONTAINER_OF(row_, struct ovc_flood_row, row);

    if (row->ls) {
        detach_flood(s, row);
    }
    ovc_row_remove(s, OVC_T_FLOOD, row_);
    free(row->vteps);
    free(row);
}

static void
read_flood(struct ovc_session *s, const struct ovsdb_idl_row *row_)
{
    const struct vteprec_mcast_macs_remote *row
        = CONTAINER_OF(row_, struct vteprec_mcast_macs_remote, header_);
    struct ovc_row *known = ovc_row_find(s, OVC_T_FLOOD, &row_->uuid);
    struct ovc_ls *ls = ovc_ls_of(s, row->logical_switch);
    struct ovc_flood_row *r;

    if (!ls || !ovc_ls_is_ours(ls)) {
        if (known) {
            forget_flood(s, known);
        }
        return;
    }
    if (known) {
        r = CONTAINER_OF(known, struct ovc_flood_row, row);
        known->generation = s->generation;
    } else {
        r = ovc_flood_row_create(s, OVC_T_FLOOD, &row_->uuid);
    }
    bool unknown_dst = !strcmp(row->MAC, "unknown-dst");
    if (r->ls != ls || r->unknown_dst != unknown_dst) {
        if (unknown_dst) {
            ovc_ls_add_dependent(ls);
        }
        if (r->ls) {
            detach_flood(s, r);
        }
        r->ls = ls;
        r->unknown_dst = unknown_dst;
        ovs_list_push_back(unknown_dst ? &ls->flood.rows : &ls->other_rows,
                           &r->node);
    }
    ovc_flood_row_set(r, row->locator_set);
    if (unknown_dst) {
        ovc_object_row_changed(s, &ls->flood.object);
    }
}

/* All tables whose rows are remembered; what is referred to comes first. */

static const struct {
    enum ovc_table table;
    const struct ovsdb_idl_table_class *class;
    void (*read)(struct ovc_session *, const struct ovsdb_idl_row *);
    void (*forget)(struct ovc_session *, struct ovc_row *);
} tables[] = {
    { OVC_T_LOCATOR, &vteprec_table_physical_locator,
      read_locator, forget_locator },
    { OVC_T_LS, &vteprec_table_logical_switch,
      read_ls, forget_ls },
    { OVC_T_FLOOD, &vteprec_table_mcast_macs_remote,
      read_flood, forget_flood },
    { OVC_T_MAC, &vteprec_table_ucast_macs_remote,
      read_mac, forget_mac },
    { OVC_T_LOCAL_FLOOD, &vteprec_table_mcast_macs_local,
      ovc_local_flood_read, ovc_local_flood_forget },
    { OVC_T_LOCAL_MAC, &vteprec_table_ucast_macs_local,
      ovc_local_mac_read, ovc_local_mac_forget },
    { OVC_T_TUNNEL, &vteprec_table_tunnel,
      ovc_tunnel_read, ovc_tunnel_forget },
};

void
ovc_rows_init(struct ovc_session *s)
{
    for (size_t i = 0; i < OVC_N_TABLES; i++) {
        hmap_init(&s->rows[i]);
    }
    hmap_init(&s->locators);
    hmap_init(&s->vnis);
    hmap_init(&s->local_macs);
}

/* Forgets the rows that were not seen since generation 'generation'. */
static void
sweep(struct ovc_session *s, unsigned int generation)
{
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        struct ovc_row *row;

        HMAP_FOR_EACH_SAFE (row, by_uuid, &s->rows[tables[i].table]) {
            if (row->generation != generation) {
                tables[i].forget(s, row);
            }
        }
    }
}

void
ovc_rows_destroy(struct ovc_session *s)
{
    sweep(s, ++s->generation);
    for (size_t i = 0; i < OVC_N_TABLES; i++) {
        hmap_destroy(&s->rows[i]);
    }
    hmap_destroy(&s->locators);
    hmap_destroy(&s->vnis);
    hmap_destroy(&s->local_macs);
}

static void
retry(struct ovc_session *s, struct ovc_object *object, void *aux OVS_UNUSED)
{
    ovc_object_retry(s, object);
}

void
ovc_objects_retry(struct ovc_session *s)
{
    ovc_for_each_object(s, retry, NULL);
}

void
ovc_rows_read_all(struct ovc_session *s)
{
    if (!ovc_switches_check(s)) {
        return;
    }
    unsigned int generation = ++s->generation;
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        const struct ovsdb_idl_row *row;

        for (row = ovsdb_idl_first_row(s->idl, tables[i].class); row;
             row = ovsdb_idl_next_row(row)) {
            tables[i].read(s, row);
        }
    }
    sweep(s, generation);
    ovc_switches_read_all(s);
    ovc_objects_retry(s);       /* This may be another switch, or repaired. */
    s->rescan = false;
    s->up = true;
}

static bool
is_deleted(const struct ovsdb_idl_row *row)
{
    return ovsdb_idl_row_get_seqno(row, OVSDB_IDL_CHANGE_DELETE) > 0;
}

void
ovc_rows_read_changes(struct ovc_session *s)
{
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        const struct ovsdb_idl_row *row;

        for (row = ovsdb_idl_track_get_first(s->idl, tables[i].class); row;
             row = ovsdb_idl_track_get_next(row)) {
            if (!is_deleted(row)) {
                tables[i].read(s, row);
                continue;
            }
            struct ovc_row *known = ovc_row_find(s, tables[i].table,
                                                 &row->uuid);
            if (known) {
                tables[i].forget(s, known);
            }
        }
    }
    ovc_switches_read_changes(s);
}
