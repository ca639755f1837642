/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/tree/networks-private.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "replication/forwarder/table.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/speaker.h"
#include "xmpp/view.h"

VLOG_DEFINE_THIS_MODULE(repl_networks);

struct repl_networks *
repl_networks_create(const struct repl_identity *self,
                     struct xmpp_speaker *speaker, struct fwd *fwd,
                     repl_publish_fn *publish)
{
    struct repl_networks *rn = xzalloc(sizeof *rn);

    rn->self = *self;
    repl_rules_init(&rn->rules, self->no_forwarding);
    repl_labels_init(&rn->labels, self->first_label, self->last_label);
    rn->keep_ms = UINT64_MAX;
    rn->speaker = speaker;
    rn->fwd = fwd;
    rn->publish = publish;
    hmap_init(&rn->by_instance);
    hmap_init(&rn->by_vni);
    ovs_list_init(&rn->dirty);
    rn->publish_needed = true;  /* Frames get their drop from an empty one. */
    return rn;
}

static struct repl_network *
find_instance(const struct repl_networks *rn, const char *instance)
{
    struct repl_network *n;

    HMAP_FOR_EACH_WITH_HASH (n, instance_node, hash_string(instance, 0),
                             &rn->by_instance) {
        if (!strcmp(n->instance, instance)) {
            return n;
        }
    }
    return NULL;
}

const struct repl_network *
repl_networks_find(const struct repl_networks *rn, uint32_t vni)
{
    struct repl_network *n;

    HMAP_FOR_EACH_WITH_HASH (n, vni_node, hash_int(vni, 0), &rn->by_vni) {
        if (n->vni == vni) {
            return n;
        }
    }
    return NULL;
}

static void
start_serving(struct repl_networks *rn, struct repl_network *n)
{
    n->served = true;
    n->blocked = false;
    hmap_insert(&rn->by_vni, &n->vni_node, hash_int(n->vni, 0));
    repl_network_subscribe(rn, n);
    repl_network_publish(rn, n);
    VLOG_INFO("network is served network=%s vni=%"PRIu32, n->instance,
              n->vni);
}

/* Leaves the VNI, for another network or another VNI of this one. */
static void
stop_serving(struct repl_networks *rn, struct repl_network *n)
{
    if (!n->served) {
        return;
    }
    n->served = false;
    hmap_remove(&rn->by_vni, &n->vni_node);
    repl_network_withdraw(rn, n);
    n->keep = false;
    ovs_list_remove(&n->dirty_node);
    ovs_list_init(&n->dirty_node);
    if (n->fwd) {
        fwd_network_unref(n->fwd);
        n->fwd = NULL;
        rn->publish_needed = true;
    }
    VLOG_INFO("network is no longer served network=%s vni=%"PRIu32,
              n->instance, n->vni);
}

static struct repl_network *
network_create(struct repl_networks *rn, const struct xmpp_network *config)
{
    struct repl_network *n = xzalloc(sizeof *n);

    n->instance = xstrdup(config->instance);
    n->vni = config->vni;
    n->counters = fwd_net_counters_create();
    xmpp_evpn_init(&n->route);
    ovs_list_init(&n->dirty_node);
    hmap_insert(&rn->by_instance, &n->instance_node,
                hash_string(n->instance, 0));
    return n;
}

static void
release_label(struct repl_networks *rn, struct repl_network *n)
{
    repl_labels_put(&rn->labels, n->evpn_label);
    n->evpn_label = 0;
    n->wants_label = false;
}

static void
network_free(struct repl_networks *rn, struct repl_network *n)
{
    release_label(rn, n);
    hmap_remove(&rn->by_instance, &n->instance_node);
    fwd_net_counters_unref(n->counters);
    free(n->instance);
    free(n);
}

static void
network_destroy(struct repl_networks *rn, struct repl_network *n)
{
    stop_serving(rn, n);
    repl_network_unsubscribe(rn, n);
    network_free(rn, n);
}

void
repl_networks_destroy(struct repl_networks *rn)
{
    struct repl_network *n;

    if (!rn) {
        return;
    }
    /* Nothing is withdrawn: others shall rely on us until the session ends. */
    HMAP_FOR_EACH_SAFE (n, instance_node, &rn->by_instance) {
        xmpp_evpn_fini(&n->route);
        fwd_network_unref(n->fwd);
        network_free(rn, n);
    }
    hmap_destroy(&rn->by_instance);
    hmap_destroy(&rn->by_vni);
    repl_rules_fini(&rn->rules);
    repl_labels_fini(&rn->labels);
    free(rn->vmis);
    free(rn);
}

static int
compare_vmis(const void *a_, const void *b_)
{
    const struct xmpp_vmi *const *a = a_, *const *b = b_;

    if ((*a)->network != (*b)->network) {
        return (*a)->network < (*b)->network ? -1 : 1;
    }
    int cmp = memcmp(&(*a)->mac, &(*b)->mac, sizeof (*a)->mac);
    return cmp ? cmp : *a < *b ? -1 : *a > *b;
}

/* Sorts the interfaces by network, so that each has its own in a row. */
static void
sort_vmis(struct repl_networks *rn, const struct xmpp_view *view)
{
    rn->vmis = xmalloc(view->n_vmis * sizeof *rn->vmis);
    rn->n_vmis = 0;
    for (size_t i = 0; i < view->n_vmis; i++) {
        if (view->vmis[i]->network) {
            rn->vmis[rn->n_vmis++] = view->vmis[i];
        }
    }
    qsort(rn->vmis, rn->n_vmis, sizeof *rn->vmis, compare_vmis);
}

/* The first of the sorted interfaces that is not of a network before
 * 'config'. */
static size_t
lower_bound(const struct repl_networks *rn, const struct xmpp_network *config)
{
    size_t low = 0, high = rn->n_vmis;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (rn->vmis[mid]->network < config) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static void
assign_config(struct repl_networks *rn, struct repl_network *n,
              const struct xmpp_network *config)
{
    size_t first = lower_bound(rn, config), end = first;

    while (end < rn->n_vmis && rn->vmis[end]->network == config) {
        end++;
    }
    /* Still those of the view before. */
    n->config_changed = n->config != config || n->n_vmis != end - first
        || (n->n_vmis && memcmp(n->vmis, rn->vmis + first,
                                n->n_vmis * sizeof *n->vmis));
    n->config = config;
    n->vmis = rn->vmis + first;
    n->n_vmis = end - first;
    n->in_view = true;
}

/* Takes over the networks of 'view': drops those that are gone, and leaves
 * VNIs that have changed, before anybody claims one. */
static void
take_networks(struct repl_networks *rn, const struct xmpp_view *view)
{
    struct repl_network *n;

    HMAP_FOR_EACH (n, instance_node, &rn->by_instance) {
        n->in_view = false;
    }
    for (size_t i = 0; i < view->n_networks; i++) {
        const struct xmpp_network *config = view->networks[i];

        if (config->vni) {
            n = find_instance(rn, config->instance);
            assign_config(rn, n ? n : network_create(rn, config), config);
        }
    }
    HMAP_FOR_EACH_SAFE (n, instance_node, &rn->by_instance) {
        if (!n->in_view) {
            network_destroy(rn, n);
        } else if (n->config->vni != n->vni) {
            stop_serving(rn, n);
            n->vni = n->config->vni;
            n->blocked = false;
        }
    }
}

static void
block(struct repl_networks *rn, struct repl_network *n,
      const struct repl_network *owner)
{
    if (!n->blocked) {
        n->blocked = true;
        VLOG_WARN("network is not served, another one has its VNI "
                  "network=%s vni=%"PRIu32" other=%s", n->instance, n->vni,
                  owner->instance);
    }
    release_label(rn, n);
    repl_network_unsubscribe(rn, n);
}

/* Serves what can be served: who has a VNI keeps it (A.7). */
static void
claim_vnis(struct repl_networks *rn, const struct xmpp_view *view)
{
    for (size_t i = 0; i < view->n_networks; i++) {
        const struct xmpp_network *config = view->networks[i];
        struct repl_network *n = find_instance(rn, config->instance);

        if (!n || n->config != config) {
            continue;
        }
        const struct repl_network *owner = repl_networks_find(rn, n->vni);
        if (owner == n) {
            repl_network_subscribe(rn, n);
            repl_network_publish(rn, n);
        } else if (!owner) {
            start_serving(rn, n);
        } else {
            block(rn, n, owner);
        }
        if (n->config_changed || !n->fwd) {
            repl_network_mark_dirty(rn, n);
        }
    }
}

void
repl_networks_set_view(struct repl_networks *rn, const struct xmpp_view *view)
{
    const struct xmpp_vmi **old_vmis = rn->vmis;

    bool rules_changed = repl_rules_set_view(&rn->rules, view);

    sort_vmis(rn, view);
    take_networks(rn, view);
    free(old_vmis);
    claim_vnis(rn, view);
    if (rules_changed) {
        repl_networks_mark_all_dirty(rn);
    }
    repl_networks_check_labels(rn);
}

void
repl_networks_set_master(struct repl_networks *rn, bool master)
{
    if (rn->rules.master != master) {
        rn->rules.master = master;
        repl_networks_mark_all_dirty(rn);
    }
}

void
repl_networks_routes_changed(struct repl_networks *rn, const char *instance)
{
    struct repl_network *n = find_instance(rn, instance);

    if (n) {
        repl_network_mark_dirty(rn, n);
    }
}

void
repl_networks_tree_changed(struct repl_networks *rn, const char *instance)
{
    /* It is the same to us. */
    repl_networks_routes_changed(rn, instance);
}

const struct xmpp_vmi *
repl_network_find_vmi(const struct repl_network *n, struct eth_addr mac)
{
    size_t low = 0, high = n->n_vmis;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (memcmp(&n->vmis[mid]->mac, &mac, sizeof mac) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < n->n_vmis && eth_addr_equals(n->vmis[low]->mac, mac)
           ? n->vmis[low] : NULL;
}

static int
compare_instances(const void *a_, const void *b_)
{
    const struct repl_network *const *a = a_, *const *b = b_;

    return strcmp((*a)->instance, (*b)->instance);
}

const struct repl_network **
repl_networks_sorted(const struct repl_networks *rn, size_t *n)
{
    const struct repl_network **sorted
        = xmalloc(MAX(1, hmap_count(&rn->by_instance)) * sizeof *sorted);
    struct repl_network *network;

    *n = 0;
    HMAP_FOR_EACH (network, instance_node, &rn->by_instance) {
        sorted[(*n)++] = network;
    }
    qsort(sorted, *n, sizeof *sorted, compare_instances);
    return sorted;
}
