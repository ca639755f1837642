/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/show-flood.h"

#include <net/if.h>
#include <string.h>

#include "replication/forwarder/counters.h"
#include "replication/forwarder/forwarder.h"
#include "replication/forwarder/nexthop.h"
#include "replication/forwarder/table.h"
#include "replication/tree/networks.h"
#include "tsn/json.h"
#include "util.h"
#include "xmpp/speaker.h"

const char *
repl_show_tree_state(const struct repl_network *network,
                     const struct xmpp_speaker *speaker)
{
    struct xmpp_tree tree;

    return !xmpp_speaker_get_tree(speaker, network->instance, &tree)
           ? "not joined"
           : !tree.label ? "no place"
           : tree.stale ? "last known place" : "in place";
}

static void
show_labels(struct tsn_json *json, const struct repl_network *network,
            uint32_t tree_label)
{
    const struct fwd_network *fwd = network->fwd;

    tsn_json_array_begin(json, "in_labels");
    for (size_t i = 0; i < fwd->n_labels; i++) {
        const struct fwd_in_label *in = &fwd->labels[i];
        bool tree = in->kind == FWD_LABEL_TREE;

        tsn_json_object_begin(json, NULL);
        tsn_json_uint(json, "label", in->label);
        tsn_json_string(json, "from", tree ? "tree" : "evpn");
        /* The others are those before. */
        tsn_json_bool(json, "current",
                      tree ? in->label == tree_label : !network->route.tag);
        tsn_json_object_end(json);
    }
    tsn_json_array_end(json);
}

/* By which interface, or why not at all. */
static void
show_way(struct tsn_json *json, const struct fwd *fwd,
         const struct fwd_member *m)
{
    struct fwd_nexthop way;
    char name[IF_NAMESIZE];

    if (fwd && fwd_find_way(fwd, &m->ip, &way)) {
        tsn_json_string(json, "way", way.state != FWD_NEXTHOP_READY
                        ? fwd_nexthop_state_name(way.state)
                        : if_indextoname(way.ifindex, name) ? name : "?");
    }
}

static void
show_members(struct tsn_json *json, const struct fwd_network *network,
             const struct fwd *fwd)
{
    tsn_json_array_begin(json, "members");
    for (int class = 0; class < FWD_N_CLASSES; class++) {
        for (size_t i = 0; i < network->n_members[class]; i++) {
            const struct fwd_member *m
                = &network->members[network->first[class] + i];
            struct in6_addr ip;

            memcpy(&ip, &m->ip, sizeof ip);
            tsn_json_object_begin(json, NULL);
            tsn_json_string(json, "class", fwd_class_name(class));
            tsn_json_ip(json, "vtep", &ip);
            tsn_json_string(json, "encapsulation", fwd_encap_name(m->encap));
            tsn_json_uint(json, "label", m->label);
            show_way(json, fwd, m);
            tsn_json_object_end(json);
        }
    }
    tsn_json_array_end(json);
}

void
repl_show_flood_set(struct tsn_json *json, const struct repl_network *network,
                    const struct xmpp_speaker *speaker,
                    const struct fwd *fwd)
{
    struct xmpp_tree tree = { .label = 0 };

    xmpp_speaker_get_tree(speaker, network->instance, &tree);
    tsn_json_string(json, "tree", repl_show_tree_state(network, speaker));
    tsn_json_string(json, "announced_by",
                    network->route.tag ? "vxlan" : "mpls");
    if (network->keep) {
        tsn_json_string(json, "lists", "of before, until others come");
    }
    if (network->n_unreachable) {
        tsn_json_uint(json, "unreachable", network->n_unreachable);
    }
    show_labels(json, network, tree.label);
    show_members(json, network->fwd, fwd);
}
