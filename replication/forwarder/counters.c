/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/counters.h"

#include "util.h"

const char *
fwd_drop_name(enum fwd_drop drop)
{
    static const char *const names[] = {
        [FWD_OK] = "none",
        [FWD_DROP_INVALID_VNID] = "invalid_vnid",
        [FWD_DROP_INVALID_LABEL] = "invalid_label",
        [FWD_DROP_TTL_EXCEEDED] = "ttl_exceeded",
        [FWD_DROP_INVALID_PACKET] = "invalid_packet",
        [FWD_DROP_INVALID_MCAST_SOURCE] = "invalid_mcast_source",
        [FWD_DROP_ENCAP_MISMATCH] = "encap_mismatch",
        [FWD_DROP_LINK_LOCAL] = "link_local",
        [FWD_DROP_INVALID_ARP] = "invalid_arp",
        [FWD_DROP_NO_L2_ROUTE] = "no_l2_route",
        [FWD_DROP_INVALID_SOURCE] = "invalid_source",
        [FWD_DROP_PACKET_LOOP] = "packet_loop",
        [FWD_DROP_NOWHERE_TO_GO] = "nowhere_to_go",
        [FWD_DROP_NO_TUNNEL] = "no_tunnel",
        [FWD_DROP_NO_MEMBER] = "no_member",
        [FWD_DROP_JUMBO_DF] = "jumbo_df",
        [FWD_DROP_STORM_NETWORK] = "storm_network",
        [FWD_DROP_STORM_TOR] = "storm_tor",
        [FWD_DROP_PUNT_FULL] = "punt_full",
        [FWD_DROP_COPY_FAILED] = "copy_failed",
        [FWD_DROP_NO_NEIGHBOUR] = "no_neighbour",
        [FWD_DROP_TOO_BIG] = "too_big",
    };
    BUILD_ASSERT_DECL(ARRAY_SIZE(names) == FWD_N_DROPS);

    return names[drop];
}

const char *
fwd_kind_name(enum fwd_kind kind)
{
    static const char *const names[] = {
        [FWD_KIND_DATA] = "data",
        [FWD_KIND_ARP] = "arp",
        [FWD_KIND_DHCP4] = "dhcp4",
        [FWD_KIND_DHCP6] = "dhcp6",
        [FWD_KIND_IGMP] = "igmp",
        [FWD_KIND_ROUTER_SOLICIT] = "router_solicit",
        [FWD_KIND_NEIGHBOR_SOLICIT] = "neighbor_solicit",
        [FWD_KIND_NEIGHBOR_ADVERT] = "neighbor_advert",
        [FWD_KIND_DNS] = "dns",
        [FWD_KIND_ALERT] = "router_alert",
    };
    BUILD_ASSERT_DECL(ARRAY_SIZE(names) == FWD_N_KINDS);

    return names[kind];
}

const char *
fwd_class_name(enum fwd_class class)
{
    static const char *const names[] = {
        [FWD_TOR] = "tor",
        [FWD_EVPN] = "evpn",
        [FWD_TREE] = "tree",
        [FWD_STRANGER] = "stranger",
    };
    BUILD_ASSERT_DECL(ARRAY_SIZE(names) == FWD_N_CLASSES + 1);

    return names[class];
}

const char *
fwd_encap_name(enum fwd_encap encap)
{
    static const char *const names[] = {
        [FWD_VXLAN] = "vxlan",
        [FWD_MPLS_UDP] = "mpls-udp",
        [FWD_MPLS_GRE] = "mpls-gre",
    };
    BUILD_ASSERT_DECL(ARRAY_SIZE(names) == FWD_N_ENCAPS);

    return names[encap];
}

const char *
fwd_action_name(enum fwd_action action)
{
    static const char *const names[] = {
        [FWD_DROP] = "drop",
        [FWD_PASS] = "pass",
        [FWD_FLOOD] = "flood",
        [FWD_ANSWER] = "answer",
        [FWD_RELAY] = "relay",
        [FWD_PUNT] = "punt",
    };
    BUILD_ASSERT_DECL(ARRAY_SIZE(names) == FWD_N_ACTIONS);

    return names[action];
}

const char *
fwd_punt_name(enum fwd_punt_reason reason)
{
    static const char *const names[] = {
        [FWD_PUNT_DHCP4] = "dhcp4",
        [FWD_PUNT_DHCP6] = "dhcp6",
        [FWD_PUNT_IGMP] = "igmp",
        [FWD_PUNT_ND] = "nd",
        [FWD_PUNT_DNS] = "dns",
    };
    BUILD_ASSERT_DECL(ARRAY_SIZE(names) == FWD_N_PUNTS);

    return names[reason];
}

/* All members are counters. */
void
fwd_counters_sum(const struct fwd_counters *a, const struct fwd_counters *b,
                 struct fwd_counters *sum)
{
    const uint64_t *x = (const void *) a, *y = (const void *) b;
    uint64_t *z = (void *) sum;

    for (size_t i = 0; i < sizeof *sum / sizeof *z; i++) {
        z[i] = fwd_counter_read(&x[i]) + fwd_counter_read(&y[i]);
    }
}
