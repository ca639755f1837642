/* SPDX-License-Identifier: Apache-2.0 */
/* EVPN routes to Ucast_Macs_Remote rows (spec/tor-agent.md D.1-D.3, D.5). */
#include <config.h>
#include "tor-agent/tor-private.h"

#include <string.h>

#include "ovsdb-client/session.h"
#include "packets.h"
#include "util.h"
#include "xmpp/merit.h"
#include "xmpp/route.h"
#include "xmpp/speaker.h"

struct choosing {
    const struct tor *tor;
    const struct tor_mac *mac;
    struct tor_choice *choice;
    bool usable;                /* Some route was. */
};

/* A switch that does not say its addresses has them in its rows. */
static bool
is_own_vtep(const struct tor *tor, const struct tor_mac *m,
            const struct in6_addr *ip)
{
    return (tsn_ip_is_in(tor->own_ips, tor->n_own_ips, ip)
            || (tsn_ip_is_set(&tor->vtep) && tsn_ip_equals(&tor->vtep, ip))
            || (m->export.kind != TOR_NOT_EXPORTED
                && tsn_ip_equals(&m->export.vtep, ip)));
}

/* An arrival is numbered after all that is known, also what is not chosen. */
static void
note_sequence(struct tor_choice *c, uint32_t sequence)
{
    c->last_sequence = MAX(c->last_sequence, sequence);
}

static void
take_own(struct tor_choice *c, const struct xmpp_merit *merit,
         const struct in6_addr *ip)
{
    if (!c->own || xmpp_merit_compare(merit, &c->own_merit) > 0) {
        c->own = true;
        c->own_vtep = *ip;
        c->own_merit = *merit;
    }
}

/* Of several next hops that are equally good the one that was chosen before,
 * as long as it is among them; else the lowest address, whatever order they
 * come in (D.2). */
static bool
is_better_hop(const struct choosing *a, const struct in6_addr *ip)
{
    const struct in6_addr *before = &a->mac->remote;

    if (tsn_ip_equals(&a->choice->remote, before)) {
        return false;
    }
    return (tsn_ip_equals(ip, before)
            || memcmp(ip, &a->choice->remote, sizeof *ip) < 0);
}

static void
take_remote(struct choosing *a, const struct xmpp_merit *merit,
            const struct in6_addr *ip)
{
    struct tor_choice *c = a->choice;
    int order = (tsn_ip_is_set(&c->remote)
                 ? xmpp_merit_compare(merit, &c->remote_merit) : 1);

    if (order > 0 || (!order && is_better_hop(a, ip))) {
        c->remote = *ip;
        c->remote_merit = *merit;
    }
}

static bool
is_usable(const struct tunnel_dst *nh)
{
    return ((nh->encaps & TSN_ENCAP_VXLAN) && tsn_ip_is_v4(&nh->ip)
            && tsn_ip_is_host(&nh->ip));
}

static void
choose_route(const char *item_id OVS_UNUSED, const struct xmpp_evpn *route,
             bool stale, void *choosing_)
{
    struct choosing *a = choosing_;
    const struct xmpp_merit merit = xmpp_merit_of(route, stale);

    if (xmpp_evpn_type(route) != XMPP_EVPN_MAC) {
        return;
    }
    a->choice->no_vxlan = true;
    for (size_t i = 0; i < route->n_next_hops; i++) {
        const struct tunnel_dst *nh = &route->next_hops[i];

        if (!is_usable(nh)) {
            continue;
        }
        a->usable = true;
        note_sequence(a->choice, route->sequence);
        if (is_own_vtep(a->tor, a->mac, &nh->ip)) {
            take_own(a->choice, &merit, &nh->ip);
        } else {
            take_remote(a, &merit, &nh->ip);
        }
    }
}

/* Of several addresses the lowest, as a row has room for one. */
static void
choose_ip(const char *item_id OVS_UNUSED, const struct xmpp_evpn *route,
          bool stale OVS_UNUSED, void *choosing_)
{
    struct choosing *a = choosing_;
    struct in6_addr *ip = &a->choice->ip;

    if (xmpp_evpn_type(route) == XMPP_EVPN_MAC && tsn_ip_is_set(&route->ip)
        && xmpp_evpn_has_next_hop(route, &a->choice->remote)
        && (!tsn_ip_is_set(ip)
            || memcmp(&route->ip, ip, sizeof *ip) < 0)) {
        *ip = route->ip;
    }
}

void
bridge_choose(const struct tor *tor, const struct tor_mac *m,
              struct tor_choice *c)
{
    struct choosing a = { .tor = tor, .mac = m, .choice = c };

    memset(c, 0, sizeof *c);
    xmpp_speaker_for_each_mac_route(tor->speaker, m->net->instance, &m->mac,
                                    choose_route, &a);
    c->no_vxlan = c->no_vxlan && !a.usable;
    if (tor->bridge.ipaddr && tsn_ip_is_set(&c->remote)) {
        xmpp_speaker_for_each_mac_route(tor->speaker, m->net->instance,
                                        &m->mac, choose_ip, &a);
    }
}

void
bridge_down(struct tor *tor, struct tor_mac *m, const struct tor_choice *c,
            bool wanted, bool renew)
{
    const char *ls_name = m->net->ls_name;

    if (wanted) {
        ovc_want_mac(tor->ovsdb, ls_name, &m->mac, &c->remote, &c->ip);
        if (renew) {
            ovc_renew_mac(tor->ovsdb, ls_name, &m->mac);
        }
    } else if (m->row) {
        ovc_unwant_mac(tor->ovsdb, ls_name, &m->mac);
    }
    m->net->n_rows += wanted - m->row;
    m->row = wanted;
    m->remote = c->remote;
}
