/* SPDX-License-Identifier: Apache-2.0 */
/* EVPN routes to Ucast_Macs_Remote rows (spec/tor-agent.md D). */
#include <config.h>
#include "tor-agent/tor-private.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "ovsdb-client/session.h"
#include "packets.h"
#include "util.h"
#include "xmpp/route.h"
#include "xmpp/speaker.h"

struct collect {
    struct tor *tor;
    struct hmap fdb;            /* struct tor_fdb. */
};

static struct tor_fdb *
find_fdb(const struct hmap *fdb, const struct eth_addr *mac)
{
    struct tor_fdb *f;

    HMAP_FOR_EACH_WITH_HASH (f, node, hash_bytes(mac, sizeof *mac, 0), fdb) {
        if (eth_addr_equals(f->mac, *mac)) {
            return f;
        }
    }
    return NULL;
}

const struct tor_fdb *
bridge_find_fdb(const struct tor_network *net, const struct eth_addr *mac)
{
    return find_fdb(&net->fdb, mac);
}

/* Of several next hops the lowest address: stable, whatever order they come
 * in.  Those that cannot receive VXLAN do not count (D.2, D.5). */
static const struct tunnel_dst *
choose_next_hop(const struct xmpp_evpn *route)
{
    const struct tunnel_dst *best = NULL;

    for (size_t i = 0; i < route->n_next_hops; i++) {
        const struct tunnel_dst *nh = &route->next_hops[i];
        if ((nh->encaps & TSN_ENCAP_VXLAN) && tsn_ip_is_v4(&nh->ip)
            && tsn_ip_is_set(&nh->ip)
            && (!best || memcmp(&nh->ip, &best->ip, sizeof nh->ip) < 0)) {
            best = nh;
        }
    }
    return best;
}

static bool
is_own_vtep(const struct tor *tor, const struct in6_addr *ip)
{
    size_t n;
    const struct in6_addr *own = ovc_session_tunnel_ips(tor->ovsdb, &n);

    for (size_t i = 0; i < n; i++) {
        if (tsn_ip_equals(&own[i], ip)) {
            return true;
        }
    }
    return tsn_ip_equals(&tor->vtep, ip);
}

/* Whether 'a' is the better route to its MAC: the one that moved last, then
 * the preferred, then the lower address, so that the choice is stable. */
static bool
is_better(const struct tor_fdb *a, const struct tor_fdb *b)
{
    if (a->sequence != b->sequence) {
        return a->sequence > b->sequence;
    }
    if (a->local_pref != b->local_pref) {
        return a->local_pref > b->local_pref;
    }
    return memcmp(&a->vtep, &b->vtep, sizeof a->vtep) < 0;
}

static void
collect_route(const char *item_id OVS_UNUSED, const struct xmpp_evpn *route,
              bool stale OVS_UNUSED, void *collect_)
{
    struct collect *c = collect_;
    const struct tunnel_dst *nh = choose_next_hop(route);

    if (!nh || xmpp_evpn_type(route) != XMPP_EVPN_MAC
        || eth_addr_is_multicast(route->mac)) {
        return;
    }
    struct tor_fdb candidate = {
        .mac = route->mac,
        .vtep = nh->ip,
        .sequence = route->sequence,
        .local_pref = route->local_pref,
        .own = is_own_vtep(c->tor, &nh->ip),
    };
    struct tor_fdb *f = find_fdb(&c->fdb, &route->mac);
    if (!f) {
        f = xmalloc(sizeof *f);
        *f = candidate;
        hmap_insert(&c->fdb, &f->node, hash_bytes(&f->mac, sizeof f->mac, 0));
    } else if (is_better(&candidate, f)) {
        candidate.node = f->node;
        *f = candidate;
    }
}

void
bridge_down(struct tor *tor, struct tor_network *net)
{
    struct collect c = { .tor = tor, .fdb = HMAP_INITIALIZER(&c.fdb) };
    struct tor_fdb *f;

    xmpp_speaker_for_each_route(tor->speaker, net->instance, collect_route,
                                &c);
    hmap_swap(&net->fdb, &c.fdb);
    HMAP_FOR_EACH (f, node, &net->fdb) {
        const struct tor_fdb *old = find_fdb(&c.fdb, &f->mac);
        if (f->own) {
            if (old && !old->own) {
                ovc_unwant_mac(tor->ovsdb, net->ls_name, &f->mac);
            }
        } else if (!old || old->own || !tsn_ip_equals(&old->vtep, &f->vtep)) {
            ovc_want_mac(tor->ovsdb, net->ls_name, &f->mac, &f->vtep,
                         &in6addr_any);
        }
    }
    HMAP_FOR_EACH_POP (f, node, &c.fdb) {
        if (!f->own && !find_fdb(&net->fdb, &f->mac)) {
            ovc_unwant_mac(tor->ovsdb, net->ls_name, &f->mac);
        }
        free(f);
    }
    hmap_destroy(&c.fdb);
}

void
bridge_down_fini(struct tor_network *net)
{
    struct tor_fdb *f;

    HMAP_FOR_EACH_POP (f, node, &net->fdb) {
        free(f);
    }
    hmap_destroy(&net->fdb);
}
