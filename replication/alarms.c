/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/alarms.h"

#include <inttypes.h>
#include <stdlib.h>

#include "replication/forwarder/forwarder.h"
#include "replication/storms.h"
#include "replication/tree/networks.h"
#include "tsn/alarm.h"
#include "util.h"
#include "xmpp/view.h"

/* How long it takes until nobody will answer any more, or until an address has
 * come that moves between hosts. */
#define PATIENCE_MS 5000

static void
state_labels(struct tsn_alarms *set, const struct repl_networks *networks)
{
    struct repl_label_usage u;

    repl_networks_get_labels(networks, &u);
    if (u.n_trees > u.n_tree_labels) {
        char *text = xasprintf("%"PRIuSIZE" labels for the trees of %"PRIuSIZE
                               " networks, the others are in none; more are "
                               "needed in \"labels\"", u.n_tree_labels,
                               u.n_trees);

        tsn_alarms_state(set, "labels-exhausted", TSN_CRITICAL, 0, "trees",
                         text);
        free(text);
    }
    if (u.n_evpn_wanting) {
        char *text = xasprintf("no label for EVPN by MPLS is left for "
                               "%"PRIuSIZE" networks, which are announced by "
                               "VXLAN; more are needed in \"labels\"",
                               u.n_evpn_wanting);

        tsn_alarms_state(set, "labels-exhausted", TSN_WARNING, 0, "evpn",
                         text);
        free(text);
    }
}

static void
state_conflict(struct tsn_alarms *set, const struct repl_networks *networks,
               const struct repl_network *n, const char *object)
{
    const struct repl_network *owner = repl_networks_find(networks, n->vni);
    char *text = xasprintf("the network is not served, as %s has VNI "
                           "%"PRIu32, owner ? owner->config->name : "another",
                           n->vni);

    tsn_alarms_state(set, "vni-conflict", TSN_CRITICAL, 0, object, text);
    free(text);
}

static void
state_unreachable(struct tsn_alarms *set, const struct repl_network *n,
                  const char *object)
{
    char *text = xasprintf("%u endpoints get no broadcasts: they take nothing "
                           "that we send, or have IPv6 addresses and we have "
                           "no \"address6\"", n->n_unreachable);

    tsn_alarms_state(set, "members-unreachable", TSN_WARNING, 0, object,
                     text);
    free(text);
}

static void
state_networks(struct tsn_alarms *set, const struct repl_networks *networks)
{
    size_t n;
    const struct repl_network **sorted = repl_networks_sorted(networks, &n);

    for (size_t i = 0; i < n; i++) {
        char *object = xasprintf("network=%s", sorted[i]->config->name);

        if (sorted[i]->blocked) {
            state_conflict(set, networks, sorted[i], object);
        } else if (sorted[i]->fwd && sorted[i]->n_unreachable) {
            state_unreachable(set, sorted[i], object);
        }
        free(object);
    }
    free(sorted);
}

static void
state_problem(enum fwd_problem problem, const char *object, const char *text,
              void *set)
{
    static const struct {
        const char *kind;
        enum tsn_severity severity;
        uint32_t delay_ms;
    } alarms[] = {
        [FWD_NOT_FORWARDING] = { "not-forwarding", TSN_CRITICAL,
                                 PATIENCE_MS },
        [FWD_ENGINE_FALLBACK] = { "engine-fallback", TSN_WARNING, 0 },
        [FWD_ENDPOINT_UNRESOLVED] = { "endpoint-unresolved", TSN_WARNING,
                                      PATIENCE_MS },
        [FWD_INTERFACE_WITHOUT_PROGRAM] = { "interface-without-program",
                                            TSN_WARNING, 0 },
        [FWD_NETWORK_TOO_LARGE] = { "network-too-large", TSN_WARNING, 0 },
        [FWD_NETWORKS_REFUSED] = { "networks-refused", TSN_CRITICAL, 0 },
    };

    tsn_alarms_state(set, alarms[problem].kind, alarms[problem].severity,
                     alarms[problem].delay_ms, object, text);
}

void
repl_alarms_check(struct tsn_alarms *set, const struct repl_alarms_of *of,
                  uint64_t now_ms, int64_t wall_ms)
{
    tsn_alarms_begin(set, now_ms, wall_ms);
    state_labels(set, of->networks);
    state_networks(set, of->networks);
    if (of->storms) {
        repl_storms_state_alarm(of->storms, set);
    }
    if (of->fwd) {
        fwd_for_each_problem(of->fwd, state_problem, set);
    }
    tsn_alarms_end(set);
}
