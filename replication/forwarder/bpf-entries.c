/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/bpf-entries.h"

#include <stdbool.h>
#include <string.h>

#include "openvswitch/vlog.h"
#include "replication/forwarder/bpf-endpoint.h"
#include "replication/forwarder/bpf-maps.h"
#include "replication/forwarder/table.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_bpf_entries);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 10);

/* Whether frames may be relayed to the MAC. */
static bool
has_tunnel(const struct fwd_mac *mac)
{
    return mac->flags & FWD_MAC_ROUTE && !fwd_ip_is_zero(&mac->tunnel);
}

static void
failed(const char *what, int error)
{
    if (error) {
        VLOG_ERR_RL(&rl, "cannot change %s: %s", what, ovs_strerror(-error));
    }
}

static struct fwd_bpf_mac_key
mac_key(uint32_t slot, const struct fwd_mac_entry *e)
{
    struct fwd_bpf_mac_key key = { .slot = slot };

    memcpy(key.mac, e->addr, sizeof key.mac);
    return key;
}

static void
set_mac(const struct fwd_bpf_parts *parts, uint32_t slot,
        const struct fwd_mac_entry *e)
{
    struct fwd_bpf_mac_key key = mac_key(slot, e);

    if (has_tunnel(&e->mac)) {
        fwd_bpf_endpoint_ref(parts->endpoints, &e->mac.tunnel);
    }
    failed("a MAC", fwd_bpf_map_set(parts->maps, FWD_BPF_MACS, &key,
                                    &e->mac));
}

static void
remove_mac(const struct fwd_bpf_parts *parts, uint32_t slot,
           const struct fwd_mac_entry *e)
{
    struct fwd_bpf_mac_key key = mac_key(slot, e);

    failed("a MAC", fwd_bpf_map_remove(parts->maps, FWD_BPF_MACS, &key));
}

static void
unref_mac(const struct fwd_bpf_parts *parts, const struct fwd_mac_entry *e)
{
    if (has_tunnel(&e->mac)) {
        fwd_bpf_endpoint_unref(parts->endpoints, &e->mac.tunnel);
    }
}

static void
change_macs(const struct fwd_bpf_parts *parts, uint32_t slot,
            const struct fwd_network *old, const struct fwd_network *new)
{
    uint32_t n_old = old ? old->n_macs : 0, n_new = new ? new->n_macs : 0;
    uint32_t i = 0, j = 0;

    while (i < n_old || j < n_new) {
        const struct fwd_mac_entry *a = i < n_old ? &old->macs[i] : NULL;
        const struct fwd_mac_entry *b = j < n_new ? &new->macs[j] : NULL;
        int order = !a ? 1 : !b ? -1 : memcmp(a->addr, b->addr, 6);

        if (order < 0) {
            remove_mac(parts, slot, a);
            unref_mac(parts, a);
        } else if (order > 0) {
            set_mac(parts, slot, b);
        } else if (memcmp(&a->mac, &b->mac, sizeof a->mac)) {
            set_mac(parts, slot, b);
            unref_mac(parts, a);
        }
        i += order <= 0;
        j += order >= 0;
    }
}

static void
change_arps(const struct fwd_bpf_parts *parts, uint32_t slot,
            const struct fwd_network *old, const struct fwd_network *new)
{
    uint32_t n_old = old ? old->n_arps : 0, n_new = new ? new->n_arps : 0;
    uint32_t i = 0, j = 0;

    while (i < n_old || j < n_new) {
        const struct fwd_arp_entry *a = i < n_old ? &old->arps[i] : NULL;
        const struct fwd_arp_entry *b = j < n_new ? &new->arps[j] : NULL;
        int order = !a ? 1 : !b ? -1 : memcmp(&a->ip, &b->ip, sizeof a->ip);

        if (order < 0) {
            struct fwd_bpf_arp_key key = { slot, a->ip };

            failed("an ARP entry", fwd_bpf_map_remove(parts->maps,
                                                      FWD_BPF_ARPS, &key));
        } else if (order > 0 || memcmp(&a->arp, &b->arp, sizeof a->arp)) {
            struct fwd_bpf_arp_key key = { slot, b->ip };

            failed("an ARP entry", fwd_bpf_map_set(parts->maps, FWD_BPF_ARPS,
                                                   &key, &b->arp));
        }
        i += order <= 0;
        j += order >= 0;
    }
}

void
fwd_bpf_entries_change(const struct fwd_bpf_parts *parts, uint32_t slot,
                       const struct fwd_network *old,
                       const struct fwd_network *new)
{
    change_macs(parts, slot, old, new);
    change_arps(parts, slot, old, new);
}
