/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration graph as the services want it: networks, the bare-metal
 * interfaces, the switch ports (spec/xmpp-protocol.md 4.6).  A view is built
 * whole from a graph, is immutable and owns all it points to, so that it can
 * go to another thread.  Arrays are sorted by their first member. */
#ifndef XMPP_VIEW_H
#define XMPP_VIEW_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"
#include "tsn/model.h"

struct xmpp_graph;

struct xmpp_dhcp_option {
    char *name;                 /* "66" or "tftp-server-name". */
    char *value;
    char *value_bytes;          /* May be "". */
};

struct xmpp_subnet {
    struct in6_addr prefix;
    uint8_t plen;
    struct in6_addr gateway;
    struct in6_addr dns_server;     /* Service address; none: gateway. */
    bool enable_dhcp;
    struct xmpp_dhcp_option *options;   /* Its own, then those of the IPAM
                                         * with other names. */
    size_t n_options;
    /* DNS of the IPAM: what option 6 gets (ipam-dns-method). */
    char *dns_method;               /* "" if unset. */
    struct in6_addr *tenant_dns;
    size_t n_tenant_dns;
};

/* A virtual network.  One without default routing instance is left out: there
 * is nothing to subscribe to yet.  Two may have the same VNI. */
struct xmpp_network {
    char *instance;             /* Its default routing instance, the name for
                                 * subscriptions. */
    char *name;                 /* Virtual network, FQ. */
    char uuid[37];
    char ls_name[sizeof TSN_LS_PREFIX + 37];
    uint32_t id;                /* network id: instance-id of subscribe. */
    uint32_t vni;               /* By the VXLAN id mode; 0: none. */
    bool flood_unknown_unicast;
    struct xmpp_subnet *subnets;
    size_t n_subnets;
};

/* A bare-metal interface: VMI behind a logical interface. */
struct xmpp_vmi {
    char *name;                 /* FQ. */
    char *display_name;         /* Host name for DHCP. */
    struct eth_addr mac;        /* The first; zero if none. */
    struct in6_addr ip4, ip6;   /* Primary instance-ips, or none. */
    const struct xmpp_network *network;     /* NULL while unknown. */
    uint32_t *security_groups;
    size_t n_security_groups;
    struct xmpp_dhcp_option *options;
    size_t n_options;
};

/* A VLAN on a switch's port: logical interface.  One with several VMIs stands
 * several times. */
struct xmpp_port {
    char *switch_name;          /* Display name of the physical router. */
    char *port;                 /* Display name of the physical interface. */
    uint16_t vlan;              /* 0: untagged. */
    const struct xmpp_vmi *vmi;
};

struct xmpp_switch {
    char *name;                 /* Display name. */
    struct in6_addr vtep;       /* dataplane-ip; none if unset. */
};

struct xmpp_view {
    struct xmpp_network *networks;
    size_t n_networks;
    struct xmpp_vmi *vmis;
    size_t n_vmis;
    struct xmpp_switch *switches;
    size_t n_switches;
    struct xmpp_port *ports;
    size_t n_ports;

    uint32_t hold_s;            /* fast-convergence hold time; 0: none. */
    bool graceful_restart;      /* enable and xmpp-helper-enable. */
};

/* Never fails: what is incomplete (no id-perms, no VNI) is left out or has
 * the field unset, as each says. */
struct xmpp_view *xmpp_view_build(const struct xmpp_graph *);
void xmpp_view_destroy(struct xmpp_view *);             /* NULL is fine. */

const struct xmpp_network *xmpp_view_network(const struct xmpp_view *,
                                             const char *instance);

#endif /* xmpp/view.h */
