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
#include "util.h"

bool
ovc_has_ipaddr(const struct ovc_session *s)
{
    return ovc_db_has_column(&s->db, OVC_T_MAC, VTEP_MAC_IP);
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

/* A row came that others may have referred to before. */
static void
note_referent(struct ovc_session *s)
{
    if (s->dangling) {
        s->dangling = false;
        s->rescan = true;
    }
}

/* Physical_Locator. */

const struct ovc_locator *
ovc_locator_of(struct ovc_session *s, const struct uuid *uuid)
{
    struct ovc_row *row = ovc_row_find(s, OVC_T_LOCATOR, uuid);

    if (!row) {
        s->dangling = s->dangling || !uuid_is_zero(uuid);
        return NULL;
    }
    return CONTAINER_OF(row, struct ovc_locator, row);
}

struct in6_addr
ovc_plain_vtep(struct ovc_session *s, const struct uuid *uuid)
{
    const struct ovc_locator *locator = ovc_locator_of(s, uuid);

    return locator && locator->plain ? locator->ip : in6addr_any;
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
read_locator(struct ovc_session *s, const struct ovc_db_row *row_)
{
    const struct vtep_locator *row = CONTAINER_OF(row_, struct vtep_locator,
                                                  row);
    struct ovc_row *known = ovc_row_find(s, OVC_T_LOCATOR, &row_->uuid);

    if (known) {
        forget_locator(s, known);
    } else {
        note_referent(s);
    }
    struct ovc_locator *locator = xzalloc(sizeof *locator);
    ovc_row_insert(s, OVC_T_LOCATOR, &locator->row, &row_->uuid);
    locator->ip = ovc_text_to_vtep(row->ip);
    locator->plain = (!strcmp(row->encapsulation, "vxlan_over_ipv4")
                      && !row->key.set);
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
ovc_ls_of(struct ovc_session *s, const struct uuid *uuid)
{
    struct ovc_row *row = ovc_row_find(s, OVC_T_LS, uuid);

    if (!row) {
        s->dangling = s->dangling || !uuid_is_zero(uuid);
        return NULL;
    }
    return CONTAINER_OF(row, struct ovc_ls_row, row)->ls;
}

/* Whether some row refers to a row of 'ls'. */
static bool
is_referred_to(const struct ovc_ls *ls)
{
    return (ls->n_dependents || !ovs_list_is_empty(&ls->other_rows)
            || !ovs_list_is_empty(&ls->local_macs)
            || !ovs_list_is_empty(&ls->local_floods));
}

/* What still refers to it leads nowhere from now on. */
static void
forget_ls(struct ovc_session *s, struct ovc_row *row_)
{
    struct ovc_ls_row *row = CONTAINER_OF(row_, struct ovc_ls_row, row);

    s->rescan = s->rescan || is_referred_to(row->ls);
    ovc_ls_row_set_vni(s, row, 0);
    ovs_list_remove(&row->node);
    ovc_object_row_changed(s, &row->ls->object);
    ovc_row_remove(s, OVC_T_LS, row_);
    free(row);
}

static void
read_ls(struct ovc_session *s, const struct ovc_db_row *row_)
{
    const struct vtep_ls *row = CONTAINER_OF(row_, struct vtep_ls, row);
    struct ovc_row *known = ovc_row_find(s, OVC_T_LS, &row_->uuid);
    struct ovc_ls *ls = ovc_ls_get(s, row->name);
    struct ovc_ls_row *r;

    if (known && CONTAINER_OF(known, struct ovc_ls_row, row)->ls != ls) {
        forget_ls(s, known);        /* Got another name: so did others. */
        known = NULL;
        s->rescan = true;
    }
    if (known) {
        r = CONTAINER_OF(known, struct ovc_ls_row, row);
        known->generation = s->generation;
    } else {
        note_referent(s);
        r = xzalloc(sizeof *r);
        ovc_row_insert(s, OVC_T_LS, &r->row, &row_->uuid);
        ovs_list_push_back(&ls->rows, &r->node);
        r->ls = ls;
    }
    int64_t vni = row->vni.value;
    ovc_ls_row_set_vni(s, r, vni > 0 && vni <= TSN_VNI_MAX ? vni : 0);
    r->service_node = (row->replication_mode.n
                       && !strcmp(row->replication_mode.elems[0],
                                  "service_node"));
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

    if (row->mac) {
        detach_mac(s, row);
    }
    ovc_row_remove(s, OVC_T_MAC, row_);
    free(row);
}

void
ovc_mac_text_read(const struct ovc_session *s, struct ovc_mac_text *text,
                  const struct vtep_mac *row)
{
    uint32_t sent = row->row.sent;

    if (s->db.fresh) {
        *text = (struct ovc_mac_text) { .junk = true };
    }
    if (sent & 1u << VTEP_MAC_MAC) {
        text->mac = eth_addr_zero;
        text->junk = !ovc_text_to_mac(row->mac.s, &text->mac);
    }
    if (sent & 1u << VTEP_MAC_LS) {
        text->ls = row->ls;
    }
    if (sent & 1u << VTEP_MAC_LOCATOR) {
        text->locator = row->locator;
    }
    if (sent & 1u << VTEP_MAC_IP) {
        bool is_ip = !tsn_ip_parse(row->ip.s, &text->ip);

        text->odd_ip = !is_ip && *row->ip.s;
        if (!is_ip) {
            text->ip = in6addr_any;
        }
    }
}

/* Finds what the row belongs to. */
static void
attach_mac(struct ovc_session *s, struct ovc_mac_row *r)
{
    struct ovc_ls *ls = ovc_ls_of(s, &r->text.ls);

    if (!ls || !ovc_ls_is_ours(ls)) {
        if (r->mac) {
            detach_mac(s, r);
        }
        return;
    }
    struct ovc_mac *mac = ovc_mac_get(s, ls, &r->text.mac, r->text.junk);
    if (r->mac != mac) {
        /* In this order, as 'ls' may live by this row only. */
        ovc_ls_add_dependent(ls);
        if (r->mac) {
            detach_mac(s, r);
        }
        r->mac = mac;
        ovs_list_push_back(&mac->rows, &r->node);
    }
    r->vtep = ovc_plain_vtep(s, &r->text.locator);
    ovc_object_row_changed(s, &mac->object);
}

static void
read_mac(struct ovc_session *s, const struct ovc_db_row *row_)
{
    const struct vtep_mac *row = CONTAINER_OF(row_, struct vtep_mac, row);
    struct ovc_row *known = ovc_row_find(s, OVC_T_MAC, &row_->uuid);
    struct ovc_mac_row *r;

    if (known) {
        r = CONTAINER_OF(known, struct ovc_mac_row, row);
        known->generation = s->generation;
    } else {
        r = xzalloc(sizeof *r);
        r->text.junk = true;
        ovc_row_insert(s, OVC_T_MAC, &r->row, &row_->uuid);
    }
    ovc_mac_text_read(s, &r->text, row);
    s->n_bad_rows += r->text.junk;
    attach_mac(s, r);
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

/* Takes the addresses of the set over.  Returns true if that changes any. */
bool
ovc_flood_row_set(struct ovc_session *s, struct ovc_flood_row *row,
                  const struct uuid *locator_set)
{
    const struct vtep_locator_set *set
        = ovc_db_find(&s->db, OVC_T_LOCATOR_SET, locator_set);
    size_t n_locators = set ? set->locators.n : 0;
    struct in6_addr *vteps = xmalloc(MAX(n_locators, 1) * sizeof *vteps);
    size_t n = 0;

    s->dangling = s->dangling || (!set && !uuid_is_zero(locator_set));
    row->plain = n_locators > 0;
    for (size_t i = 0; i < n_locators; i++) {
        const struct ovc_locator *locator
            = ovc_locator_of(s, &set->locators.elems[i]);

        row->plain = row->plain && locator && locator->plain;
        if (locator && tsn_ip_is_set(&locator->ip)) {
            vteps[n++] = locator->ip;
        }
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
read_flood(struct ovc_session *s, const struct ovc_db_row *row_)
{
    const struct vtep_flood *row = CONTAINER_OF(row_, struct vtep_flood, row);
    struct ovc_row *known = ovc_row_find(s, OVC_T_FLOOD, &row_->uuid);
    struct ovc_ls *ls = ovc_ls_of(s, &row->ls);
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
    bool unknown_dst = !strcmp(row->mac, "unknown-dst");
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
    ovc_flood_row_set(s, r, &row->locator_set);
    if (unknown_dst) {
        ovc_object_row_changed(s, &ls->flood.object);
    }
}

/* All tables whose rows are remembered; what is referred to comes first. */

static const struct {
    enum ovc_table table;
    void (*read)(struct ovc_session *, const struct ovc_db_row *);
    void (*forget)(struct ovc_session *, struct ovc_row *);
} tables[] = {
    { OVC_T_LOCATOR, read_locator, forget_locator },
    { OVC_T_LS, read_ls, forget_ls },
#define N_REFERENTS 2
    { OVC_T_FLOOD, read_flood, forget_flood },
    { OVC_T_MAC, read_mac, forget_mac },
    { OVC_T_LOCAL_FLOOD, ovc_local_flood_read, ovc_local_flood_forget },
    { OVC_T_LOCAL_MAC, ovc_local_mac_read, ovc_local_mac_forget },
    { OVC_T_TUNNEL, ovc_tunnel_read, ovc_tunnel_forget },
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

static void
queue(struct ovc_session *s, struct ovc_object *object, void *aux OVS_UNUSED)
{
    ovc_object_queue(s, object);
}

static void
read_table(struct ovc_session *s, size_t i)
{
    const struct ovc_db_row *row;

    HMAP_FOR_EACH (row, node, &s->db.tables[tables[i].table].rows) {
        tables[i].read(s, row);
    }
}

static void
end_doubt(struct ovc_session *s OVS_UNUSED, struct ovc_object *object,
          void *aux OVS_UNUSED)
{
    object->doubt = false;
}

void
ovc_rows_read_all(struct ovc_session *s)
{
    unsigned int generation = ++s->generation;

    s->dangling = false;
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        read_table(s, i);
    }
    sweep(s, generation);
    ovc_switches_read_all(s);
    ovc_for_each_object(s, end_doubt, NULL);
    ovc_objects_retry(s);       /* This may be another switch, or repaired. */
}

static void
read_changed(struct ovc_session *s, size_t i)
{
    const struct ovc_db_row *row;

    LIST_FOR_EACH (row, changed, &s->db.tables[tables[i].table].changed) {
        tables[i].read(s, row);
    }
}

/* Whether a row that went has come again, and has been read since. */
static bool
is_back(const struct ovc_session *s, size_t i, const struct uuid *uuid)
{
    return i < N_REFERENTS && ovc_db_find(&s->db, tables[i].table, uuid);
}

static void
forget_gone(struct ovc_session *s, size_t i)
{
    const struct ovc_db_table *t = &s->db.tables[tables[i].table];

    for (size_t j = 0; j < t->n_gone; j++) {
        struct ovc_row *known = ovc_row_find(s, tables[i].table, &t->gone[j]);

        if (known && !is_back(s, i, &t->gone[j])) {
            tables[i].forget(s, known);
        }
    }
}

/* What is referred to comes first and goes last. */
void
ovc_rows_read_changes(struct ovc_session *s)
{
    for (size_t i = 0; i < N_REFERENTS; i++) {
        read_changed(s, i);
    }
    if (!ovs_list_is_empty(&s->db.tables[OVC_T_LOCATOR_SET].changed)) {
        note_referent(s);
    }
    for (size_t i = N_REFERENTS; i < ARRAY_SIZE(tables); i++) {
        forget_gone(s, i);
        read_changed(s, i);
    }
    ovc_switches_read_changes(s);
    for (size_t i = 0; i < N_REFERENTS; i++) {
        forget_gone(s, i);
    }
}

void
ovc_rows_rescan(struct ovc_session *s)
{
    struct ovc_local_mac *local;
    struct ovc_mac_row *mac;

    s->dangling = false;
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        if (!ovc_table_is_transient(tables[i].table)) {
            read_table(s, i);
        }
    }
    HMAP_FOR_EACH (mac, row.by_uuid, &s->rows[OVC_T_MAC]) {
        attach_mac(s, mac);
    }
    HMAP_FOR_EACH (local, row.by_uuid, &s->rows[OVC_T_LOCAL_MAC]) {
        ovc_local_mac_attach(s, local);
    }
    ovc_switches_read_all(s);
    ovc_for_each_object(s, queue, NULL);
    s->rescan = false;
}
