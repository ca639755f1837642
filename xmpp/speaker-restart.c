/* SPDX-License-Identifier: Apache-2.0 */
/* End-of-RIB both ways, and how long what was learnt from a control node lives
 * after its session (spec/xmpp-protocol.md 2.2, 2.3, 6). */
#include <config.h>
#include "xmpp/speaker-private.h"

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "util.h"
#include "xmpp/stanza.h"
#include "xmpp/transport.h"
#include "xmpp/view.h"

VLOG_DEFINE_THIS_MODULE(xmpp_restart);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(20, 60);

/* A control node's End-of-RIB is taken as seen after that, or after what the
 * cloud says if it has graceful restart on (6, row 13). */
#define END_OF_RIB_MS 60000

/* Ours is sent when nothing had to be told for so long, or at the latest after
 * the maximum (6, row 12). */
#define TELL_QUIET_MS 15000
#define TELL_MAX_MS 60000

void
restart_peer_up(struct peer *peer)
{
    peer->synced = false;
    peer->end_of_rib_sent = false;
    peer->complete_ms = 0;
    peer->told_ms = 0;
}

/* The age of what is stale counts from the loss of the last session that was
 * in sync: a control node that flaps does not keep it young. */
void
restart_peer_down(struct peer *peer, uint64_t now)
{
    if (peer->synced || !peer->down_since_ms) {
        peer->down_since_ms = now;
    }
    rib_mark_stale(peer);
}

void
restart_synced(struct peer *peer)
{
    if (!peer->synced) {
        peer->synced = true;
        peer->speaker->synced = true;
        rib_sweep(peer);
        tree_synced(peer);
        speaker_defer(peer->speaker, 0);
    }
}

static uint64_t
end_of_rib_ms(const struct xmpp_speaker *sp)
{
    const struct xmpp_view *view = sp->view;
    uint64_t cloud_ms = (uint64_t) view->globals.gr.end_of_rib_s * 1000;

    return view->graceful_restart && cloud_ms ? cloud_ms : END_OF_RIB_MS;
}

static bool
other_peer_serves(const struct peer *peer)
{
    const struct xmpp_speaker *sp = peer->speaker;

    for (unsigned int i = 0; i < sp->n_peers; i++) {
        if (&sp->peers[i] != peer && sp->peers[i].up && sp->peers[i].synced) {
            return true;
        }
    }
    return false;
}

/* With no control node left, what was learnt is kept for as long as it takes;
 * with another one that serves, the lost one's routes get old. */
void
restart_check(struct peer *peer, uint64_t now)
{
    if (peer->up) {
        if (!peer->synced
            && now >= peer->up_since_ms + end_of_rib_ms(peer->speaker)) {
            restart_synced(peer);
        }
    } else if (peer->down_since_ms && other_peer_serves(peer)
               && now >= peer->down_since_ms + peer->speaker->stale_hold_ms) {
        peer->down_since_ms = 0;
        rib_sweep(peer);
    }
}

void
restart_check_frozen(struct xmpp_speaker *sp, uint64_t now)
{
    if (!sp->frozen_hold_ms || !sp->lost_ms || sp->thawed
        || now < sp->lost_ms + sp->frozen_hold_ms) {
        return;
    }
    VLOG_WARN("all control nodes are away for too long, their routes go "
              "session=%s seconds=%"PRIu64, sp->name,
              (now - sp->lost_ms) / 1000);
    sp->thawed = true;
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        sp->peers[i].down_since_ms = 0;
        rib_sweep(&sp->peers[i]);
    }
    tree_thaw(sp);
}

/* Whether the control node has all of our routes.  Until the owner has said
 * that it is complete, and the configuration is, it may have nothing of what
 * it had before we were started. */
static bool
has_all(const struct peer *peer)
{
    const struct xmpp_speaker *sp = peer->speaker;

    return sp->complete && sp->config_complete
           && (peer != sp->config_peer || sp->config_ended)
           && ovs_list_is_empty(&peer->dirty);
}

/* It makes a control node forget what it keeps for us and was not published
 * again, so it must not come too early.  Without graceful restart there is no
 * such thing, and a node that never heard of it need not see it. */
void
restart_tell_end_of_rib(struct peer *peer, uint64_t now)
{
    struct xmpp_speaker *sp = peer->speaker;

    if (!peer->up || peer->end_of_rib_sent || !sp->view->graceful_restart
        || !has_all(peer)) {
        return;
    }
    if (!peer->complete_ms) {
        peer->complete_ms = now;
    }
    uint64_t quiet_since = MAX(peer->complete_ms, peer->told_ms);
    if (now < quiet_since + TELL_QUIET_MS
        && now < peer->complete_ms + TELL_MAX_MS) {
        return;
    }

    struct ds out = DS_EMPTY_INITIALIZER;
    xmpp_put_client_end_of_rib(&out, sp->name, peer->next_id++);
    xmpp_transport_send(peer->transport, ds_cstr(&out), out.length);
    ds_destroy(&out);
    peer->end_of_rib_sent = true;
    VLOG_INFO_RL(&rl, "told a control node that it has all routes session=%s "
                 "published=%"PRIu64, sp->name, peer->n_published);
}

void
xmpp_speaker_set_complete(struct xmpp_speaker *sp, bool complete)
{
    if (sp->complete == complete) {
        return;
    }
    sp->complete = complete;
    if (complete) {
        speaker_defer(sp, 0);
        return;
    }
    for (unsigned int i = 0; i < sp->n_peers; i++) {
        sp->peers[i].complete_ms = 0;
    }
}
