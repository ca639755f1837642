/* SPDX-License-Identifier: Apache-2.0 */
/* Ucast_Macs_Remote. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "ovsdb-client/text.h"
#include "packets.h"
#include "util.h"

static uint32_t
hash_key(const struct ovc_ls *ls, const struct eth_addr *mac)
{
    return hash_mac(*mac, 0, hash_pointer(ls, 0));
}

struct ovc_mac *
ovc_mac_find(const struct ovc_session *s, const struct ovc_ls *ls,
             const struct eth_addr *addr, bool junk)
{
    struct ovc_mac *mac;

    HMAP_FOR_EACH_WITH_HASH (mac, node, hash_key(ls, addr), &s->macs) {
        if (mac->ls == ls && eth_addr_equals(mac->mac, *addr)
            && mac->junk == junk) {
            return mac;
        }
    }
    return NULL;
}

struct ovc_mac *
ovc_mac_get(struct ovc_session *s, struct ovc_ls *ls,
            const struct eth_addr *addr, bool junk)
{
    struct ovc_mac *mac = ovc_mac_find(s, ls, addr, junk);

    if (!mac) {
        mac = xzalloc(sizeof *mac);
        ovc_object_init(s, &mac->object, OVC_MAC);
        hmap_insert(&s->macs, &mac->node, hash_key(ls, addr));
        ovs_list_push_back(&ls->macs, &mac->ls_node);
        ovs_list_init(&mac->rows);
        mac->ls = ls;
        mac->mac = *addr;
        mac->junk = junk;
    }
    return mac;
}

void
ovc_mac_destroy(struct ovc_session *s, struct ovc_mac *mac)
{
    ovc_object_fini(s, &mac->object);
    hmap_remove(&s->macs, &mac->node);
    ovs_list_remove(&mac->ls_node);
    free(mac);
}

void
ovc_mac_release(struct ovc_session *s, struct ovc_mac *mac)
{
    if (!mac->object.wanted && !mac->object.in_txn && !mac->object.doubt
        && ovs_list_is_empty(&mac->rows)) {
        struct ovc_ls *ls = mac->ls;
        ovc_mac_destroy(s, mac);
        ovc_ls_release(s, ls);
    }
}

/* Deletes the rows of 'mac' but 'keep', which may be NULL.  The caller has
 * joined the plan. */
static void
delete_mac_rows(struct ovc_session *s, const struct ovc_mac *mac,
                const struct ovc_mac_row *keep)
{
    const struct ovc_mac_row *r;

    LIST_FOR_EACH (r, node, &mac->rows) {
        if (r != keep) {
            ovc_txn_delete(s->plan.txn, OVC_T_MAC, &r->row.uuid);
        }
    }
}

/* Removes the rows there are.  Returns true if there are none. */
static bool
remove_mac(struct ovc_session *s, struct ovc_mac *mac)
{
    size_t n = ovs_list_size(&mac->rows);

    if (n && ovc_object_may_write(s, &mac->object) && ovc_plan_room(s, n)) {
        ovc_plan_join(s, &mac->object, true, n);
        delete_mac_rows(s, mac, NULL);
    }
    return !n;
}

/* Returns why 'mac' must not be written, or OVC_WHY_NONE. */
static enum ovc_why
hold_reason(const struct ovc_session *s, const struct ovc_mac *mac)
{
    if (eth_addr_is_multicast(mac->mac) || eth_addr_is_zero(mac->mac)) {
        return OVC_WHY_BAD_MAC;
    }
    if (!ovc_is_vtep(&mac->vtep)) {
        return OVC_WHY_BAD_VTEP;
    }
    if (ovc_ls_is_addressless(s, mac->ls)) {
        return OVC_WHY_NO_TUNNEL_IP;
    }
    return (tsn_ip_is_in(s->tunnel_ips, s->n_tunnel_ips, &mac->vtep)
            ? OVC_WHY_OWN_VTEP : OVC_WHY_NONE);
}

/* What "ipaddr" is to be: empty if nothing is known, so that no switch answers
 * ARP for an address that has moved on. */
static void
format_ip(const struct ovc_mac *mac, char text[TSN_IP_STRLEN])
{
    text[0] = '\0';
    if (tsn_ip_is_set(&mac->ip)) {
        tsn_ip_format(&mac->ip, text);
    }
}

/* Whether row 'r' has the wanted "ipaddr", or can have none. */
static bool
has_wanted_ip(const struct ovc_session *s, const struct ovc_mac *mac,
              const struct ovc_mac_row *r)
{
    return (!ovc_has_ipaddr(s)
            || (!r->text.odd_ip && tsn_ip_equals(&r->text.ip, &mac->ip)));
}

/* Rows that are there keep their letters: what they say is the same. */
static void
format_mac(const struct ovc_session *s, const struct eth_addr *mac,
           char text[ETH_ADDR_STRLEN + 1])
{
    snprintf(text, ETH_ADDR_STRLEN + 1, ETH_ADDR_FMT, ETH_ADDR_ARGS(*mac));
    for (char *p = text; s->profile->upper_macs && *p; p++) {
        *p = toupper((unsigned char) *p);
    }
}

/* Makes 'keep', or a new row if it is NULL, the only row of 'mac'. */
static void
write_mac(struct ovc_session *s, struct ovc_mac *mac,
          const struct ovc_mac_row *keep, struct ovc_ref ls)
{
    bool new_vtep = !keep || !tsn_ip_equals(&keep->vtep, &mac->vtep);
    size_t n_rows = ovs_list_size(&mac->rows);
    size_t n_ops = (MAX(n_rows, 1)
                    + ovc_plan_locator_ops(s, &mac->vtep));

    bool room = !n_rows && n_ops == 1 ? ovc_plan_room_for_mac(s)
                                      : ovc_plan_room(s, n_ops);
    if (!room) {
        return;
    }
    struct ovc_txn *txn = ovc_plan_join(s, &mac->object, true, n_ops);
    struct ovc_ref locator = { .inserted = false };
    if (new_vtep) {
        locator = ovc_plan_locator(s, &mac->vtep);
    }
    if (keep) {
        ovc_txn_update(txn, OVC_T_MAC, &keep->row.uuid);
    } else {
        char text[ETH_ADDR_STRLEN + 1];
        format_mac(s, &mac->mac, text);
        ovc_txn_insert(txn, OVC_T_MAC, false);
        ovc_txn_put_string(txn, "MAC", text);
        ovc_txn_put_ref(txn, "logical_switch", ls);
    }
    if (new_vtep) {
        ovc_txn_put_ref(txn, "locator", locator);
    }
    if (ovc_has_ipaddr(s)
        && (keep ? !has_wanted_ip(s, mac, keep) : tsn_ip_is_set(&mac->ip))) {
        char text[TSN_IP_STRLEN];
        format_ip(mac, text);
        ovc_txn_put_string(txn, "ipaddr", text);
    }
    delete_mac_rows(s, mac, keep);
}

static void
look_wanted_mac(struct ovc_session *s, struct ovc_mac *mac)
{
    enum ovc_why why = hold_reason(s, mac);
    if (why != OVC_WHY_NONE) {
        /* As long as its addresses are unknown, the switch keeps what it has:
         * nothing says that it is wrong. */
        if (why == OVC_WHY_NO_TUNNEL_IP || remove_mac(s, mac)) {
            ovc_object_set(s, &mac->object, OVC_HELD, why);
        }
        return;
    }

    if (mac->ls->removing) {
        if (remove_mac(s, mac)) {
            ovc_object_set(s, &mac->object, OVC_WAITING, OVC_WHY_LS);
        }
        return;
    }

    if (mac->renew && !remove_mac(s, mac)) {
        return;
    }
    mac->renew = false;

    const struct ovc_mac_row *keep = NULL, *r;
    LIST_FOR_EACH (r, node, &mac->rows) {
        if (!keep || (!tsn_ip_equals(&keep->vtep, &mac->vtep)
                      && tsn_ip_equals(&r->vtep, &mac->vtep))) {
            keep = r;
        }
    }
    if (keep && tsn_ip_equals(&keep->vtep, &mac->vtep)
        && ovs_list_is_singleton(&mac->rows) && has_wanted_ip(s, mac, keep)) {
        ovc_object_set(s, &mac->object, OVC_WRITTEN, OVC_WHY_NONE);
        return;
    }
    struct ovc_ref ls;
    if (!ovc_ls_for_write(mac->ls, &ls)) {
        ovc_object_set(s, &mac->object, OVC_WAITING, OVC_WHY_LS);
    } else if (ovc_object_may_write(s, &mac->object)) {
        write_mac(s, mac, keep, ls);
    }
}

void
ovc_mac_look(struct ovc_session *s, struct ovc_mac *mac)
{
    if (mac->object.wanted) {
        look_wanted_mac(s, mac);
    } else if (ovs_list_is_empty(&mac->rows)) {
        ovc_mac_release(s, mac);
    } else if (ovc_object_removable(s, &mac->object, mac->ls)) {
        remove_mac(s, mac);
    }
}
