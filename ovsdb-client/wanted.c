/* SPDX-License-Identifier: Apache-2.0 */
/* What the owner wants. */
#include <config.h>
#include "ovsdb-client/private.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

/* Drops repetitions of the few that there are.  Returns their number. */
static size_t
unify_vteps(struct in6_addr *ips, size_t n)
{
    size_t n_unique = 0;

    for (size_t i = 0; i < n; i++) {
        size_t j = 0;

        while (j < n_unique && !tsn_ip_equals(&ips[j], &ips[i])) {
            j++;
        }
        if (j == n_unique) {
            ips[n_unique++] = ips[i];
        }
    }
    return n_unique;
}

static void
want_flood(struct ovc_session *s, struct ovc_ls *ls,
           const struct in6_addr *flood, size_t n_flood)
{
    struct ovc_flood *f = &ls->flood;
    struct in6_addr *vteps = NULL;

    if (n_flood) {
        vteps = xmemdup(flood, n_flood * sizeof *flood);
        n_flood = unify_vteps(vteps, n_flood);
    }
    if (n_flood == f->n_vteps
        && (!n_flood || !memcmp(vteps, f->vteps, n_flood * sizeof *vteps))) {
        free(vteps);
        return;
    }
    free(f->vteps);
    f->vteps = vteps;
    f->n_vteps = n_flood;
    if (n_flood) {
        ovc_object_want(s, &f->object);
        /* Its replication mode may follow. */
        ovc_object_queue(s, &ls->object);
    } else {
        ovc_object_unwant(s, &f->object);
    }
}

void
ovc_want_ls(struct ovc_session *s, const char *name, uint32_t vni,
            const struct in6_addr *flood, size_t n_flood)
{
    struct ovc_ls *ls = ovc_ls_get(s, name);

    if (!ls->object.wanted || ls->vni != vni) {
        if (!ovc_ls_is_ours(ls)) {
            /* Its rows were none of our business so far. */
            s->rescan = true;
        }
        ovc_ls_queue_dependents(s, ls);
        ls->removing = ls->forced = false;
        ls->local_ms = 0;
        ovc_ls_set_vni(s, ls, vni);
        ovc_object_want(s, &ls->object);
    }
    want_flood(s, ls, flood, n_flood);
}

void
ovc_want_binding(struct ovc_session *s, const char *switch_name,
                 const char *port_name, uint16_t vlan, const char *ls_name)
{
    struct ovc_switch *sw = ovc_switch_find(s, switch_name);

    if (!sw) {
        return;
    }
    struct ovc_binding *b = ovc_binding_get(s, ovc_port_get(s, sw, port_name),
                                            vlan);
    struct ovc_ls *ls = ovc_ls_get(s, ls_name);
    if (b->object.wanted && b->ls == ls) {
        return;
    }
    if (!b->object.wanted) {
        b->claim = ++s->n_claims;
    }
    struct ovc_ls *old = b->ls;
    ovc_binding_set_ls(b, ls);
    ovc_object_want(s, &b->object);
    if (s->n_addressless) {
        ovc_ls_queue_dependents(s, ls);
    }
    if (old) {
        ovc_ls_release(s, old);
    }
}

static void
unwant_binding(struct ovc_session *s, struct ovc_binding *b)
{
    struct ovc_ls *ls = b->ls;

    ovc_binding_set_ls(b, NULL);
    ovc_object_unwant(s, &b->object);
    ovc_binding_release(s, b);
    if (s->n_addressless) {
        ovc_ls_queue_dependents(s, ls);
    }
    ovc_ls_release(s, ls);
}

void
ovc_unwant_binding(struct ovc_session *s, const char *switch_name,
                   const char *port_name, uint16_t vlan)
{
    const struct ovc_switch *sw = ovc_switch_find(s, switch_name);
    struct ovc_port *port = sw ? ovc_port_find(s, sw, port_name) : NULL;
    struct ovc_binding *b = port ? ovc_binding_find(port, vlan) : NULL;

    if (b && b->object.wanted) {
        unwant_binding(s, b);
    }
}

void
ovc_want_mac(struct ovc_session *s, const char *ls_name,
             const struct eth_addr *addr, const struct in6_addr *vtep,
             const struct in6_addr *ip)
{
    struct ovc_mac *mac = ovc_mac_get(s, ovc_ls_get(s, ls_name), addr, false);

    if (!mac->object.wanted || !tsn_ip_equals(&mac->vtep, vtep)
        || !tsn_ip_equals(&mac->ip, ip)) {
        mac->vtep = *vtep;
        mac->ip = *ip;
        ovc_object_want(s, &mac->object);
    }
}

static void
unwant_mac(struct ovc_session *s, struct ovc_mac *mac)
{
    ovc_object_unwant(s, &mac->object);
    ovc_mac_release(s, mac);
}

void
ovc_unwant_mac(struct ovc_session *s, const char *ls_name,
               const struct eth_addr *addr)
{
    struct ovc_ls *ls = ovc_ls_find(s, ls_name);
    struct ovc_mac *mac = ls ? ovc_mac_find(s, ls, addr, false) : NULL;

    if (mac && mac->object.wanted) {
        unwant_mac(s, mac);
    }
}

void
ovc_renew_mac(struct ovc_session *s, const char *ls_name,
              const struct eth_addr *addr)
{
    struct ovc_ls *ls = ovc_ls_find(s, ls_name);
    struct ovc_mac *mac = ls ? ovc_mac_find(s, ls, addr, false) : NULL;

    if (mac && mac->object.wanted && !ovs_list_is_empty(&mac->rows)) {
        mac->renew = true;
        ovc_object_want(s, &mac->object);
    }
}

void
ovc_unwant_ls(struct ovc_session *s, const char *name)
{
    struct ovc_ls *ls = ovc_ls_find(s, name);

    if (!ls || !ls->object.wanted) {
        return;
    }

    /* 'ls' is wanted until the end, so that it is not released meanwhile. */
    struct ovc_binding *b;
    LIST_FOR_EACH_SAFE (b, ls_node, &ls->bindings) {
        unwant_binding(s, b);
    }
    struct ovc_mac *mac;
    LIST_FOR_EACH_SAFE (mac, ls_node, &ls->macs) {
        if (mac->object.wanted) {
            unwant_mac(s, mac);
        }
    }
    want_flood(s, ls, NULL, 0);
    ovc_ls_unset_vni(s, ls);
    ovc_object_unwant(s, &ls->object);
    ovc_ls_release(s, ls);
}

/* Stale objects begin to age when they are looked at; those that wait for a
 * VNI may be in the way of no one any more. */
static void
queue_unsettled(struct ovc_session *s, struct ovc_object *object,
                void *aux OVS_UNUSED)
{
    if (!object->wanted || object->kind == OVC_LS
        || object->kind == OVC_FLOOD) {
        ovc_object_queue(s, object);
    }
}

void
ovc_session_set_config_complete(struct ovc_session *s)
{
    if (!s->complete) {
        s->complete = true;
        ovc_for_each_object(s, queue_unsettled, NULL);
    }
}
