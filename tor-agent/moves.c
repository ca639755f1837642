/* SPDX-License-Identifier: Apache-2.0 */
/* MACs that move too often (RFC 7432 section 15.1): two hosts have the same
 * one, or there is a loop.  After so many moves within a window the MAC stays
 * where it is: a switch that has it keeps it although another one announces
 * it, and one that learns it while another one has it does not announce it.
 * So it ends at the one that had it first, until an operator says otherwise or
 * a time is over. */
#include <config.h>
#include "tor-agent/tor-private.h"

#include <stdlib.h>

#include "openvswitch/vlog.h"
#include "packets.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tor_moves);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

static void
put_into(struct ovs_list *list, struct tor_moves *moves, uint64_t now_ms)
{
    ovs_list_remove(&moves->node);
    ovs_list_push_back(list, &moves->node);
    moves->since_ms = now_ms;
}

static struct tor_moves *
get_moves(struct tor_mac *m)
{
    if (!m->moves) {
        m->moves = xzalloc(sizeof *m->moves);
        m->moves->mac = m;
        ovs_list_init(&m->moves->node);
    }
    return m->moves;
}

bool
moves_note(struct tor *tor, struct tor_mac *m)
{
    struct tor_moves *moves = get_moves(m);
    uint64_t now = tsn_now_ms();

    tor->n_moves++;
    if (moves->frozen) {
        return true;
    }
    if (!moves->n || now >= moves->since_ms + tor->bridge.move_window_ms) {
        put_into(&tor->moving, moves, now);
        moves->n = 0;
    }
    moves->n++;
    if (!tor->bridge.move_limit || moves->n < tor->bridge.move_limit) {
        return false;
    }
    moves->frozen = true;
    put_into(&tor->frozen, moves, now);
    tor->n_frozen++;
    VLOG_WARN_RL(&rl, "a MAC moves too often, it stays where it is tor=%s "
                 "network=%s mac="ETH_ADDR_FMT" moves=%u", tor->name,
                 m->net->instance, ETH_ADDR_ARGS(m->mac), moves->n);
    return true;
}

bool
moves_is_frozen(const struct tor_mac *m)
{
    return m->moves && m->moves->frozen;
}

void
moves_forget(struct tor *tor, struct tor_mac *m)
{
    if (m->moves) {
        tor->n_frozen -= m->moves->frozen;
        ovs_list_remove(&m->moves->node);
        free(m->moves);
        m->moves = NULL;
    }
}

void
moves_thaw(struct tor *tor, struct tor_mac *m)
{
    VLOG_INFO_RL(&rl, "a MAC may move again tor=%s network=%s mac="
                 ETH_ADDR_FMT, tor->name, m->net->instance,
                 ETH_ADDR_ARGS(m->mac));
    moves_forget(tor, m);
    bridge_mac_changed(tor, m->net, &m->mac);
}

static struct tor_moves *
eldest(const struct ovs_list *list)
{
    return (ovs_list_is_empty(list) ? NULL
            : CONTAINER_OF(ovs_list_front(list), struct tor_moves, node));
}

void
moves_run(struct tor *tor, uint64_t now_ms)
{
    struct tor_moves *moves;

    while ((moves = eldest(&tor->moving))
           && now_ms >= moves->since_ms + tor->bridge.move_window_ms) {
        struct tor_mac *m = moves->mac;
        moves_forget(tor, m);
        /* There may be nothing else to be remembered of it. */
        bridge_mac_changed(tor, m->net, &m->mac);
    }
    while (tor->bridge.freeze_ms && (moves = eldest(&tor->frozen))
           && now_ms >= moves->since_ms + tor->bridge.freeze_ms) {
        moves_thaw(tor, moves->mac);
    }
}

uint64_t
moves_next_ms(const struct tor *tor)
{
    const struct tor_moves *moving = eldest(&tor->moving);
    const struct tor_moves *frozen = eldest(&tor->frozen);
    uint64_t next_ms = UINT64_MAX;

    if (moving) {
        next_ms = moving->since_ms + tor->bridge.move_window_ms;
    }
    if (frozen && tor->bridge.freeze_ms) {
        next_ms = MIN(next_ms, frozen->since_ms + tor->bridge.freeze_ms);
    }
    return next_ms;
}
