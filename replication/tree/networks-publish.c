/* SPDX-License-Identifier: Apache-2.0 */
/* What the control nodes are told of a network (spec/tsn-dataplane.md A.3.1):
 * our broadcast route, and that we want to be in the multicast tree. */
#include <config.h>
#include "replication/tree/networks-private.h"

#include "openvswitch/vlog.h"
#include "packets.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/view.h"

VLOG_DEFINE_THIS_MODULE(repl_publish);

/* Neither the VNI nor the encapsulation of the network counts there. */
static void
join_tree(struct repl_networks *rn, struct repl_network *n)
{
    struct xmpp_tree_offer offer = { .next_hop = rn->self.address };

    if (rn->rules.no_forwarding || !rn->labels.trees[0].first) {
        return;                 /* Who cannot forward must not be in it. */
    }
    for (int i = 0; i < XMPP_SPEAKER_SLOTS; i++) {
        offer.labels[i] = rn->labels.trees[i];
    }
    int error = xmpp_speaker_join_tree(rn->speaker, n->instance, &offer);
    if (error) {
        VLOG_ERR("could not join the tree network=%s: %s", n->instance,
                 ovs_strerror(-error));
    }
}

void
repl_network_subscribe(struct repl_networks *rn, struct repl_network *n)
{
    /* The speaker subscribes anew if the id is another one. */
    if (n->subscribed && n->id != n->config->id) {
        repl_network_keep_lists(rn, n);
    }
    xmpp_speaker_subscribe(rn->speaker, n->instance, n->config->id);
    n->id = n->config->id;
    n->subscribed = true;
    join_tree(rn, n);
}

void
repl_network_unsubscribe(struct repl_networks *rn, struct repl_network *n)
{
    if (n->subscribed) {
        xmpp_speaker_unsubscribe(rn->speaker, n->instance);
        n->subscribed = false;
    }
}

/* The label by which others are to send to us, or 0 for the VNI: also when no
 * label is left, as without the route there would be no flood lists. */
static uint32_t
choose_label(struct repl_networks *rn, struct repl_network *n)
{
    if (!rn->rules.mpls) {
        n->wants_label = false;
        return 0;
    }
    if (!n->evpn_label) {
        n->evpn_label = repl_labels_take(&rn->labels);
        n->wants_label = !n->evpn_label;
        repl_network_mark_dirty(rn, n);
    }
    return n->evpn_label;
}

static void
make_route(struct repl_networks *rn, struct repl_network *n,
           struct xmpp_evpn *route)
{
    uint32_t label = choose_label(rn, n);

    xmpp_evpn_init(route);
    route->tag = label ? 0 : n->vni;
    route->mac = eth_addr_broadcast;
    route->plen = 32;
    route->local_pref = 100;
    route->assisted_replication_supported = true;
    xmpp_evpn_add_next_hop(route, &rn->self.address, label ? label : n->vni,
                           label ? TSN_ENCAP_MPLS_GRE | TSN_ENCAP_MPLS_UDP
                                 : TSN_ENCAP_VXLAN);
}

void
repl_network_publish(struct repl_networks *rn, struct repl_network *n)
{
    struct xmpp_evpn route;

    make_route(rn, n, &route);
    if (n->route.n_next_hops) {
        if (xmpp_evpn_equals(&route, &n->route)) {
            xmpp_evpn_fini(&route);
            return;
        }
        /* Two at a time would be two of us, for those that replicate by
         * themselves. */
        repl_network_keep_lists(rn, n);
        repl_network_withdraw(rn, n);
    }
    n->route = route;
    int error = xmpp_speaker_publish(rn->speaker, n->instance, &n->route);
    if (error) {
        VLOG_ERR("could not publish the broadcast route network=%s: %s",
                 n->instance, ovs_strerror(-error));
    }
}

void
repl_network_withdraw(struct repl_networks *rn, struct repl_network *n)
{
    xmpp_speaker_withdraw(rn->speaker, n->instance, &n->route);
    xmpp_evpn_fini(&n->route);
    xmpp_evpn_init(&n->route);
}

static void
count_tree(const char *instance OVS_UNUSED, const struct xmpp_tree *tree,
           void *usage_)
{
    struct repl_label_usage *usage = usage_;

    usage->n_trees++;
    usage->n_placed += tree->label != 0;
}

void
repl_networks_get_labels(const struct repl_networks *rn,
                         struct repl_label_usage *usage)
{
    const struct repl_network *n;

    *usage = (struct repl_label_usage) {
        .n_tree_labels = repl_labels_count(&rn->labels.trees[0]),
        .n_evpn = rn->labels.n_used,
        .n_evpn_labels = repl_labels_count(&rn->labels.evpn),
    };
    xmpp_speaker_for_each_tree(rn->speaker, count_tree, usage);
    HMAP_FOR_EACH (n, vni_node, &rn->by_vni) {
        usage->n_evpn_wanting += n->wants_label;
    }
}

static void
check_trees(struct repl_networks *rn, const struct repl_label_usage *usage)
{
    bool exhausted = usage->n_trees > usage->n_tree_labels;

    if (exhausted && !rn->trees_exhausted) {
        VLOG_WARN("labels for trees are at their end, some networks are in "
                  "none: more are needed in \"labels\" networks=%"PRIuSIZE
                  " labels=%"PRIuSIZE, usage->n_trees, usage->n_tree_labels);
    } else if (!exhausted && rn->trees_exhausted) {
        VLOG_INFO("labels for trees are enough again networks=%"PRIuSIZE
                  " labels=%"PRIuSIZE, usage->n_trees, usage->n_tree_labels);
    }
    rn->trees_exhausted = exhausted;
}

static void
check_evpn(struct repl_networks *rn, const struct repl_label_usage *usage)
{
    bool exhausted = usage->n_evpn_wanting > 0;

    if (exhausted && !rn->evpn_exhausted) {
        VLOG_WARN("labels for EVPN are at their end, some networks get VXLAN "
                  "instead of MPLS: more are needed in \"labels\" "
                  "networks=%"PRIuSIZE" labels=%"PRIuSIZE,
                  usage->n_evpn_wanting, usage->n_evpn_labels);
    } else if (!exhausted && rn->evpn_exhausted) {
        VLOG_INFO("labels for EVPN are enough again labels=%"PRIuSIZE,
                  usage->n_evpn_labels);
    }
    rn->evpn_exhausted = exhausted;
}

void
repl_networks_check_labels(struct repl_networks *rn)
{
    struct repl_label_usage usage;

    repl_networks_get_labels(rn, &usage);
    check_trees(rn, &usage);
    check_evpn(rn, &usage);
}
