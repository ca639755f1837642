/* SPDX-License-Identifier: Apache-2.0 */
/* From what is known of a network to what the forwarder gets. */
#include <config.h>
#include "replication/tree/networks-private.h"

#include <stdlib.h>

#include "openvswitch/vlog.h"
#include "replication/forwarder/table.h"
#include "tsn/loop.h"
#include "util.h"
#include "xmpp/view.h"

VLOG_DEFINE_THIS_MODULE(repl_build);

/* How long building may take in a turn: sessions want their turn, too. */
#define BUILD_MS 4

/* How long lists are kept that control nodes take back because we publish
 * under another key or subscribe anew: to give others, one has to look at all
 * members of the network, and it may be busy with all networks at a time, as
 * when the cloud's encapsulation changes.  A switch that goes meanwhile gets
 * copies that it drops.  The time does not run while no control node is there,
 * or none that knows everybody. */
#define KEEP_LISTS_MS 30000

void
repl_network_mark_dirty(struct repl_networks *rn, struct repl_network *n)
{
    if (n->served && ovs_list_is_empty(&n->dirty_node)) {
        ovs_list_push_back(&rn->dirty, &n->dirty_node);
    }
}

void
repl_networks_mark_all_dirty(struct repl_networks *rn)
{
    struct repl_network *n;

    HMAP_FOR_EACH (n, vni_node, &rn->by_vni) {
        repl_network_mark_dirty(rn, n);
    }
}

void
repl_network_keep_lists(struct repl_networks *rn, struct repl_network *n)
{
    if (n->fwd) {
        n->keep = true;
        n->keep_ms = 0;
        rn->keep_ms = 0;
    }
}

/* From now on, or not any more, lists that are not told are none. */
static void
check_whole(struct repl_networks *rn)
{
    bool whole = xmpp_speaker_is_whole(rn->speaker);
    struct repl_network *n;

    if (whole == rn->whole) {
        return;
    }
    rn->whole = whole;
    HMAP_FOR_EACH (n, vni_node, &rn->by_vni) {
        if (n->keep) {
            rn->keep_ms = 0;
            repl_network_mark_dirty(rn, n);
        }
    }
}

/* Ends what has been kept for long enough. */
static void
check_kept(struct repl_networks *rn, uint64_t now_ms)
{
    struct repl_network *n;

    if (now_ms < rn->keep_ms) {
        return;
    }
    rn->keep_ms = UINT64_MAX;
    HMAP_FOR_EACH (n, vni_node, &rn->by_vni) {
        if (!n->keep) {
            continue;
        }
        if (!n->keep_ms || !rn->whole) {
            n->keep_ms = now_ms + KEEP_LISTS_MS;
        }
        if (now_ms >= n->keep_ms) {
            n->keep = false;
            repl_network_mark_dirty(rn, n);
        } else {
            rn->keep_ms = MIN(rn->keep_ms, n->keep_ms);
        }
    }
}

static void
add_route(const char *item_id OVS_UNUSED, const struct xmpp_evpn *route,
          bool stale, void *builder)
{
    repl_builder_add_route(builder, route, stale);
}

static void
build(struct repl_networks *rn, struct repl_network *n)
{
    struct repl_builder *b = repl_builder_create(&rn->self, &rn->rules,
                                                 n->config);
    unsigned int n_unreachable;
    struct xmpp_tree tree;

    repl_builder_set_published(b, &n->route);
    if (n->keep && n->fwd) {
        repl_builder_keep_lists(b, n->fwd, rn->whole);
    }
    repl_builder_add_evpn_label(b, n->evpn_label);
    if (xmpp_speaker_get_tree(rn->speaker, n->instance, &tree)) {
        repl_builder_add_tree(b, &tree);
    }
    xmpp_speaker_for_each_route(rn->speaker, n->instance, add_route, b);
    for (size_t i = 0; i < n->n_vmis; i++) {
        repl_builder_add_vmi(b, n->vmis[i]);
    }

    struct fwd_network *fwd = repl_builder_finish(b, n->counters,
                                                  &n_unreachable);
    if (n_unreachable > n->n_unreachable) {
        VLOG_WARN("cannot send to some endpoints, as they take nothing that "
                  "we send, or have an IPv6 address and we have none "
                  "network=%s endpoints=%u",
                  n->instance, n_unreachable);
    }
    n->n_unreachable = n_unreachable;
    if (n->fwd && fwd_network_equals(n->fwd, fwd)) {
        fwd_network_unref(fwd);
        return;
    }
    fwd_network_unref(n->fwd);
    n->fwd = fwd;
    rn->publish_needed = true;
}

static void
publish_table(struct repl_networks *rn)
{
    struct fwd_network **networks
        = xmalloc(hmap_count(&rn->by_vni) * sizeof *networks);
    struct repl_network *network;
    size_t n = 0;

    HMAP_FOR_EACH (network, vni_node, &rn->by_vni) {
        if (network->fwd) {
            networks[n++] = network->fwd;
        }
    }
    rn->publish(rn->fwd, fwd_table_create(networks, n));
    free(networks);
}

void
repl_networks_run(struct repl_networks *rn, uint64_t now_ms)
{
    check_whole(rn);
    check_kept(rn, now_ms);

    uint64_t end = tsn_now_ms() + BUILD_MS;

    while (!ovs_list_is_empty(&rn->dirty) && tsn_now_ms() <= end) {
        struct repl_network *n
            = CONTAINER_OF(ovs_list_pop_front(&rn->dirty),
                           struct repl_network, dirty_node);

        ovs_list_init(&n->dirty_node);
        build(rn, n);
    }
    if (rn->publish_needed) {
        rn->publish_needed = false;
        publish_table(rn);
    }
}

bool
repl_networks_is_pending(const struct repl_networks *rn)
{
    return rn->publish_needed || !ovs_list_is_empty(&rn->dirty);
}

uint64_t
repl_networks_due_ms(const struct repl_networks *rn)
{
    return repl_networks_is_pending(rn) ? 0 : rn->keep_ms;
}
