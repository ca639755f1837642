/* SPDX-License-Identifier: Apache-2.0 */
/* What the switch has learnt: Ucast_Macs_Local and Mcast_Macs_Local (spec
 * B.9).  Kept while the session is down. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>

#include "hash.h"
#include "ovsdb-client/text.h"
#include "packets.h"
#include "util.h"

/* A row of 'ls' came, changed or went. */
static void
note_change(struct ovc_session *s, struct ovc_ls *ls)
{
    s->learnt_changed = true;
    if (!ls->object.wanted) {
        ovc_object_row_changed(s, &ls->object);
    }
}

/* Unicast. */

static void
note_mac(struct ovc_session *s, const struct ovc_local_mac *mac, bool learnt)
{
    if (s->ops->mac_changed) {
        s->ops->mac_changed(s->aux, mac->ls->name, &mac->text.mac, learnt);
    }
    note_change(s, mac->ls);
}

static uint32_t
hash_key(const struct ovc_ls *ls, const struct eth_addr *mac)
{
    return hash_mac(*mac, 0, hash_pointer(ls, 0));
}

static void
detach(struct ovc_session *s, struct ovc_local_mac *mac)
{
    hmap_remove(&s->local_macs, &mac->by_key);
    ovs_list_remove(&mac->node);
    mac->ls->n_local_macs--;
    note_mac(s, mac, false);
    mac->ls = NULL;
}

void
ovc_local_mac_forget(struct ovc_session *s, struct ovc_row *row)
{
    struct ovc_local_mac *mac = CONTAINER_OF(row, struct ovc_local_mac, row);

    if (mac->ls) {
        detach(s, mac);
    }
    ovc_row_remove(s, OVC_T_LOCAL_MAC, row);
    free(mac);
}

/* Returns the network that the row is about, or NULL if it says nothing that
 * could be used. */
static struct ovc_ls *
find_use(struct ovc_session *s, const struct ovc_mac_text *text,
         struct in6_addr *vtep)
{
    const struct ovc_locator *locator = ovc_locator_of(s, &text->locator);
    struct ovc_ls *ls = ovc_ls_of(s, &text->ls);

    if (!ls || !locator || !tsn_ip_is_set(&locator->ip) || text->junk
        || eth_addr_is_multicast(text->mac) || eth_addr_is_zero(text->mac)) {
        s->n_bad_rows++;
        return NULL;
    }
    *vtep = locator->ip;
    return ovc_ls_is_ours(ls) ? ls : NULL;
}

void
ovc_local_mac_attach(struct ovc_session *s, struct ovc_local_mac *mac)
{
    struct in6_addr vtep;
    struct ovc_ls *ls = find_use(s, &mac->text, &vtep);

    if (ls == mac->ls && (!ls || tsn_ip_equals(&vtep, &mac->vtep))) {
        return;
    }
    if (mac->ls) {
        detach(s, mac);
    }
    if (ls) {
        mac->ls = ls;
        mac->vtep = vtep;
        hmap_insert(&s->local_macs, &mac->by_key,
                    hash_key(ls, &mac->text.mac));
        ovs_list_push_back(&ls->local_macs, &mac->node);
        ls->n_local_macs++;
        note_mac(s, mac, true);
    }
}

void
ovc_local_mac_read(struct ovc_session *s, const struct ovc_db_row *row_)
{
    const struct vtep_mac *row = CONTAINER_OF(row_, struct vtep_mac, row);
    struct ovc_row *known = ovc_row_find(s, OVC_T_LOCAL_MAC, &row_->uuid);
    struct ovc_mac_text text = { .junk = true };
    struct ovc_local_mac *mac;

    if (known) {
        mac = CONTAINER_OF(known, struct ovc_local_mac, row);
        text = mac->text;
        known->generation = s->generation;
    }
    ovc_mac_text_read(s, &text, row);
    if (known) {
        if (mac->ls && !(eth_addr_equals(mac->text.mac, text.mac)
                         && tsn_ip_equals(&mac->text.ip, &text.ip))) {
            detach(s, mac);
        }
    } else {
        mac = xzalloc(sizeof *mac);
        ovc_row_insert(s, OVC_T_LOCAL_MAC, &mac->row, &row_->uuid);
    }
    mac->text = text;
    ovc_local_mac_attach(s, mac);
}

/* Of several rows for one MAC the one with the lowest uuid counts. */
static const struct ovc_local_mac *
find_mac(const struct ovc_session *s, const struct ovc_ls *ls,
         const struct eth_addr *addr)
{
    const struct ovc_local_mac *mac, *first = NULL;

    HMAP_FOR_EACH_WITH_HASH (mac, by_key, hash_key(ls, addr),
                             &s->local_macs) {
        if (mac->ls == ls && eth_addr_equals(mac->text.mac, *addr)
            && (!first || uuid_compare_3way(&mac->row.uuid,
                                            &first->row.uuid) < 0)) {
            first = mac;
        }
    }
    return first;
}

static struct local_mac
to_model(const struct ovc_local_mac *mac)
{
    return (struct local_mac) {
        .ls_name = mac->ls->name,
        .mac = mac->text.mac,
        .vtep = mac->vtep,
        .ip = mac->text.ip,
    };
}

bool
ovc_find_local_mac(const struct ovc_session *s, const char *ls_name,
                   const struct eth_addr *addr, struct local_mac *local)
{
    const struct ovc_ls *ls = ovc_ls_find(s, ls_name);
    const struct ovc_local_mac *mac = ls ? find_mac(s, ls, addr) : NULL;

    if (mac) {
        *local = to_model(mac);
        local->ls_name = ls_name;
    }
    return mac != NULL;
}

static void
for_each_mac_of(const struct ovc_session *s, const struct ovc_ls *ls,
                ovc_local_mac_fn *fn, void *aux)
{
    const struct ovc_local_mac *mac;

    LIST_FOR_EACH (mac, node, &ls->local_macs) {
        if (mac == find_mac(s, ls, &mac->text.mac)) {
            struct local_mac event = to_model(mac);
            fn(&event, aux);
        }
    }
}

void
ovc_for_each_local_mac(const struct ovc_session *s, const char *ls_name,
                       ovc_local_mac_fn *fn, void *aux)
{
    const struct ovc_ls *ls;

    if (ls_name) {
        ls = ovc_ls_find(s, ls_name);
        if (ls) {
            for_each_mac_of(s, ls, fn, aux);
        }
        return;
    }
    HMAP_FOR_EACH (ls, node, &s->lss) {
        for_each_mac_of(s, ls, fn, aux);
    }
}

/* Multicast: only who wants it matters, whatever the group. */

static void
note_flood(struct ovc_session *s, struct ovc_ls *ls)
{
    if (s->ops->flood_changed) {
        s->ops->flood_changed(s->aux, ls->name);
    }
    note_change(s, ls);
}

static void
detach_flood(struct ovc_session *s, struct ovc_flood_row *row)
{
    if (row->ls) {
        ovs_list_remove(&row->node);
        note_flood(s, row->ls);
        row->ls = NULL;
    }
}

void
ovc_local_flood_forget(struct ovc_session *s, struct ovc_row *row_)
{
    struct ovc_flood_row *row = CONTAINER_OF(row_, struct ovc_flood_row, row);

    detach_flood(s, row);
    ovc_row_remove(s, OVC_T_LOCAL_FLOOD, row_);
    free(row->vteps);
    free(row);
}

void
ovc_local_flood_read(struct ovc_session *s, const struct ovc_db_row *row_)
{
    const struct vtep_flood *row = CONTAINER_OF(row_, struct vtep_flood, row);
    struct ovc_row *known = ovc_row_find(s, OVC_T_LOCAL_FLOOD, &row_->uuid);
    struct ovc_ls *ls = ovc_ls_of(s, &row->ls);
    struct ovc_flood_row *r;

    if (!ls || !ovc_ls_is_ours(ls)) {
        if (known) {
            ovc_local_flood_forget(s, known);
        }
        return;
    }
    if (known) {
        r = CONTAINER_OF(known, struct ovc_flood_row, row);
        known->generation = s->generation;
    } else {
        r = ovc_flood_row_create(s, OVC_T_LOCAL_FLOOD, &row_->uuid);
    }
    bool changed = r->ls != ls;
    if (changed) {
        detach_flood(s, r);
        r->ls = ls;
        ovs_list_push_back(&ls->local_floods, &r->node);
    }
    if (ovc_flood_row_set(s, r, &row->locator_set) || changed) {
        note_flood(s, ls);
    }
}

/* Whether an earlier row of the same Logical_Switch has 'vtep', too, or this
 * one before its index 'i'. */
static bool
is_known_vtep(const struct ovc_flood_row *row, size_t i)
{
    const struct ovc_flood_row *other;

    LIST_FOR_EACH (other, node, &row->ls->local_floods) {
        size_t n = other == row ? i : other->n_vteps;

        if (tsn_ip_is_in(other->vteps, n, &row->vteps[i])) {
            return true;
        }
        if (other == row) {
            break;
        }
    }
    return false;
}

static void
for_each_flood_of(const struct ovc_ls *ls, ovc_local_flood_fn *fn, void *aux)
{
    const struct ovc_flood_row *flood;

    LIST_FOR_EACH (flood, node, &ls->local_floods) {
        for (size_t i = 0; i < flood->n_vteps; i++) {
            if (!is_known_vtep(flood, i)) {
                struct local_flood event = {
                    .ls_name = ls->name,
                    .vtep = flood->vteps[i],
                };
                fn(&event, aux);
            }
        }
    }
}

void
ovc_for_each_local_flood(const struct ovc_session *s, const char *ls_name,
                         ovc_local_flood_fn *fn, void *aux)
{
    const struct ovc_ls *ls;

    if (ls_name) {
        ls = ovc_ls_find(s, ls_name);
        if (ls) {
            for_each_flood_of(ls, fn, aux);
        }
        return;
    }
    HMAP_FOR_EACH (ls, node, &s->lss) {
        for_each_flood_of(ls, fn, aux);
    }
}
