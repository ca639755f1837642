/* SPDX-License-Identifier: Apache-2.0 */
/* Who has a MAC (spec/tor-agent.md C.2, D.4, E.2). */
#include <config.h>
#include "tor-agent/tor-private.h"

#include <stdlib.h>
#include <string.h>

#include "ovsdb-client/session.h"
#include "util.h"

static bool
has_remote(const struct tor_choice *c)
{
    return tsn_ip_is_set(&c->remote);
}

/* Whether the route elsewhere is better than any behind this switch. */
static bool
is_elsewhere(const struct tor_choice *c)
{
    if (!has_remote(c) || !c->own) {
        return has_remote(c);
    }
    return xmpp_merit_compare(&c->remote_merit, &c->own_merit) > 0;
}

/* Whether another agent of the switch announces what is behind it; a copy does
 * not count.  What we announce ourselves comes back to us, too, and stays for
 * a moment after we have taken it back; another agent numbers it higher. */
static bool
has_partner(const struct tor_mac *m, const struct tor_choice *c)
{
    return (c->own && c->own_merit.local_pref != TOR_COPY_PREF
            && (m->export.kind == TOR_LIVE
                ? c->own_merit.sequence > m->export.sequence
                : !m->live_sequence
                  || c->own_merit.sequence != m->live_sequence));
}

static void
note_counts(struct tor *tor, struct tor_mac *m, const struct tor_choice *c)
{
    bool had = tor->n_partner > 0, has = has_partner(m, c);
    bool partner = has && !tor->live;
    bool rival = has && tor->live && m->export.kind == TOR_LIVE;

    if (partner != m->partner && tor->n_own_ips > 1) {
        bridge_floods_changed(tor, m->net);
    }
    tor->n_partner += partner - m->partner;
    m->partner = partner;
    tor->n_rival += rival - m->rival;
    m->rival = rival;
    tor->n_no_vxlan += c->no_vxlan - m->no_vxlan;
    m->no_vxlan = c->no_vxlan;

    if (had != (tor->n_partner > 0)) {
        struct shash_node *node;
        SHASH_FOR_EACH (node, &tor->networks) {
            bridge_floods_changed(tor, node->data);
        }
        tor->partner_lost_ms = tsn_now_ms();
    }
}

/* Of what we announced while live nothing comes back any more. */
static void
forget_live(struct tor_mac *m, const struct tor_choice *c)
{
    if (m->export.kind == TOR_LIVE) {
        m->live_sequence = m->export.sequence;
    } else if (!c->own || c->own_merit.local_pref == TOR_COPY_PREF
               || c->own_merit.sequence != m->live_sequence) {
        m->live_sequence = 0;
    }
}

/* Whether the switch has the MAC, as far as we know: of one that is just away
 * for a moment we know it from before. */
static bool
find_local(const struct tor *tor, const struct tor_mac *m,
           struct local_mac *local)
{
    if (!tor->live
        && (!tor->grace || m->export.kind != TOR_LIVE || m->partner)) {
        return false;
    }
    return ovc_find_local_mac(tor->ovsdb, m->net->ls_name, &m->mac, local);
}

/* The one after all others, so that every node takes it (RFC 7432 section
 * 15). */
static uint32_t
next_sequence(const struct tor_choice *c)
{
    return c->last_sequence < UINT32_MAX ? c->last_sequence + 1 : UINT32_MAX;
}

/* Whether the route elsewhere wins over what we announce.  Of two of the same
 * number the lower address does (RFC 7432 section 15), at both sides. */
static bool
is_beaten(const struct tor_export *e, const struct tor_choice *c)
{
    if (!has_remote(c)) {
        return false;
    }
    return (c->remote_merit.sequence != e->sequence
            ? c->remote_merit.sequence > e->sequence
            : memcmp(&c->remote, &e->vtep, sizeof e->vtep) < 0);
}

static void
stop_aging(struct tor_mac *m)
{
    if (m->copy) {
        ovs_list_remove(&m->copy->node);
        free(m->copy);
        m->copy = NULL;
    }
}

/* Returns false if it is old enough to go. */
static bool
keep_aging(struct tor *tor, struct tor_mac *m)
{
    uint64_t now = tsn_now_ms();

    if (!m->copy) {
        m->copy = xmalloc(sizeof *m->copy);
        *m->copy = (struct tor_copy) { .since_ms = now, .mac = m };
        ovs_list_push_back(&tor->aging, &m->copy->node);
    }
    return now < m->copy->since_ms + tor->bridge.copy_hold_ms;
}

static void
withdraw(struct tor *tor, struct tor_mac *m)
{
    stop_aging(m);
    bridge_up(tor, m, TOR_NOT_EXPORTED, &in6addr_any, 0, &in6addr_any);
}

/* The switch has learnt the MAC, and it was not announced so far. */
static void
look_at_new(struct tor *tor, struct tor_mac *m, const struct tor_choice *c,
            const struct local_mac *local)
{
    bool moved = is_elsewhere(c);

    m->lost = m->relearnt = false;
    if (moved && (moves_is_frozen(m) || moves_note(tor, m))) {
        withdraw(tor, m);
        bridge_down(tor, m, c, true, false);
        return;
    }
    stop_aging(m);
    bridge_up(tor, m, TOR_LIVE, &local->vtep, next_sequence(c), &local->ip);
    bridge_down(tor, m, c, false, false);
}

/* ...and it was: it stays announced as long as the switch has it.  If another
 * one has it since, a remote row makes the switch give it up, or learn it
 * again if it is here after all (D.4). */
static void
look_at_announced(struct tor *tor, struct tor_mac *m,
                  const struct tor_choice *c, const struct local_mac *local)
{
    bool lost = is_beaten(&m->export, c), renew = false;

    if (lost && (!m->lost || m->remote_sequence != c->remote_merit.sequence)) {
        lost = !moves_is_frozen(m) && !moves_note(tor, m);
        renew = lost;
    }
    m->lost = lost;
    m->remote_sequence = lost ? c->remote_merit.sequence : 0;
    bridge_up(tor, m, TOR_LIVE, &local->vtep, m->export.sequence,
              &local->ip);
    bridge_down(tor, m, c, lost, renew);
}

/* The switch has it not, or there is no session with it.  Then what is behind
 * it stays announced with the least preference: while another agent announces
 * it, and some time after that. */
static void
look_at_absent(struct tor *tor, struct tor_mac *m, const struct tor_choice *c)
{
    m->lost = m->relearnt = false;
    if (tor->live || is_elsewhere(c)) {
        withdraw(tor, m);
    } else if (m->partner) {
        stop_aging(m);
        bridge_up(tor, m, TOR_COPY, &c->own_vtep, 0, &in6addr_any);
    } else if (m->export.kind != TOR_NOT_EXPORTED) {
        if (keep_aging(tor, m)) {
            struct in6_addr vtep = m->export.vtep;
            bridge_up(tor, m, TOR_COPY, &vtep, 0, &in6addr_any);
        } else {
            withdraw(tor, m);
        }
    }
    bridge_down(tor, m, c, has_remote(c), false);
}

/* Whether nothing but the announcement is known of the MAC: no other switch
 * or agent plays a part. */
static bool
is_plain(const struct tor_mac *m)
{
    return (m->export.kind == TOR_LIVE && !m->row && !m->lost && !m->relearnt
            && !m->no_vxlan && !m->partner && !m->rival && !m->copy);
}

/* What is announced comes back from each control node, so this is what happens
 * most while a switch connects.  The route that it replaces, if any, played no
 * part either, or the MAC would not be plain. */
bool
bridge_mac_note_echo(struct tor_mac *m, const struct xmpp_evpn *route)
{
    if (!is_plain(m) || !bridge_up_is_echo(m, route)) {
        return false;
    }
    m->live_sequence = m->export.sequence;
    return true;
}

void
bridge_mac_look(struct tor *tor, struct tor_mac *m)
{
    struct tor_choice c;
    struct local_mac local;

    bridge_choose(tor, m, &c);
    forget_live(m, &c);
    note_counts(tor, m, &c);
    if (!find_local(tor, m, &local)) {
        look_at_absent(tor, m, &c);
    } else if (m->export.kind != TOR_LIVE || m->relearnt) {
        look_at_new(tor, m, &c, &local);
    } else {
        look_at_announced(tor, m, &c, &local);
    }
}
