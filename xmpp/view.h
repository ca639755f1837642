/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration graph as the services want it: networks, bare-metal
 * interfaces, switch ports, IPAMs, virtual DNS (spec/xmpp-protocol.md 4.6).
 *
 * A view is immutable and owns all it points to, so that it can go to another
 * thread.  What has not changed is shared between successive views of a
 * viewer: the same pointer means the same content, and that is how an owner
 * knows what is new (see xmpp_view_diff()).
 *
 * Switches, ports and interfaces are those under the physical routers that
 * are linked to our own virtual router: a control node may send more, and
 * another's switch is none of our business.
 *
 * A value that is not what its property may have counts as not set; 'n_bad'
 * says how many there are at present, and the log which. */
#ifndef XMPP_VIEW_H
#define XMPP_VIEW_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"
#include "tsn/model.h"

struct view_bag;
struct xmpp_graph;
struct xmpp_viewer;

#define XMPP_VIEW_UUID_SIZE 37

struct xmpp_dhcp_option {
    char *name;                 /* "66" or "tftp-server-name". */
    char *value;
    char *value_bytes;          /* May be "". */
};

struct xmpp_prefix {
    struct in6_addr ip;         /* Host bits as they came. */
    uint8_t plen;               /* In the family of 'ip'. */
};

struct xmpp_host_route {
    struct xmpp_prefix prefix;
    struct in6_addr next_hop;
};

struct xmpp_subnet {
    struct in6_addr prefix;
    uint8_t plen;
    char uuid[XMPP_VIEW_UUID_SIZE];     /* Of the subnet, or "". */
    struct in6_addr gateway;
    struct in6_addr dns_server;     /* Service address; none: gateway. */
    bool enable_dhcp;
    bool addr_from_start;
    uint16_t vlan;
    struct xmpp_dhcp_option *options;   /* Its own, then those of the IPAM
                                         * with other names. */
    size_t n_options;
    /* Its own; if there are none, those of the link to the IPAM; if there are
     * none, those of the IPAM. */
    struct xmpp_host_route *host_routes;
    size_t n_host_routes;
    struct in6_addr *dns_nameservers;   /* For the servers behind it. */
    size_t n_dns_nameservers;
    struct in6_addr *dhcp_relay_servers;
    size_t n_dhcp_relay_servers;

    char *ipam;                     /* FQ name, see xmpp_view_ipam(). */
    /* DNS of the IPAM: what option 6 gets (ipam-dns-method). */
    char *dns_method;               /* "" if unset. */
    struct in6_addr *tenant_dns;
    size_t n_tenant_dns;
};

enum xmpp_forwarding_mode {
    XMPP_FORWARDING_DEFAULT,    /* Of a network: as the global setting. */
    XMPP_FORWARDING_L2_L3,
    XMPP_FORWARDING_L2,
    XMPP_FORWARDING_L3,
};

/* A virtual network.  One without default routing instance is left out: there
 * is nothing to subscribe to yet.  Two may have the same VNI. */
struct xmpp_network {
    char *instance;             /* Its default routing instance, the name for
                                 * subscriptions. */
    char *name;                 /* Virtual network, FQ. */
    char uuid[XMPP_VIEW_UUID_SIZE];
    char ls_name[sizeof TSN_LS_PREFIX + XMPP_VIEW_UUID_SIZE];
    uint32_t id;                /* network id: instance-id of subscribe. */
    uint32_t vni;               /* By the VXLAN id mode; 0: none. */
    bool routed;                /* The inner network of a logical router: has
                                 * its configured VNI in either mode. */
    bool flood_unknown_unicast;
    bool control_word;          /* Of frames of EVPN by MPLS. */
    bool port_security;
    enum xmpp_forwarding_mode forwarding_mode;
    uint16_t mtu;               /* 0: not set. */
    char **instances;           /* All routing instances, sorted. */
    size_t n_instances;
    struct xmpp_subnet *subnets;
    size_t n_subnets;
};

/* An address of an interface. */
struct xmpp_instance_ip {
    char *name;
    struct in6_addr ip;
    struct xmpp_prefix subnet;  /* instance-ip-subnet; none if unset. */
    char subnet_uuid[XMPP_VIEW_UUID_SIZE];
    bool active_standby;        /* Mode; else active-active. */
    /* What makes it none of the interface's own. */
    bool secondary, local, service, health_check;
};

struct xmpp_address_pair {
    struct xmpp_prefix prefix;
    struct eth_addr mac;        /* Zero: that of the interface. */
    bool active_standby;
};

/* A bare-metal interface: VMI behind a logical interface. */
struct xmpp_vmi {
    char *name;                 /* FQ. */
    char *display_name;         /* Host name for DHCP. */
    char uuid[XMPP_VIEW_UUID_SIZE];
    struct eth_addr mac;        /* The first; zero if none. */
    struct eth_addr *macs;      /* All, as they came. */
    size_t n_macs;
    struct in6_addr ip4, ip6;   /* Primary instance-ips, or none. */
    struct xmpp_instance_ip *ips;       /* All with an address, by name. */
    size_t n_ips;
    const struct xmpp_network *network;     /* NULL while unknown. */
    uint32_t *security_groups;
    size_t n_security_groups;
    struct xmpp_dhcp_option *options;
    size_t n_options;
    struct xmpp_host_route *host_routes;
    size_t n_host_routes;
    struct xmpp_address_pair *pairs;    /* Allowed address pairs. */
    size_t n_pairs;
    struct xmpp_prefix *subnets;    /* Routed to it: its 'subnet' objects. */
    size_t n_subnets;
    char *device_owner;
    bool disable_policy;
    bool port_security;         /* Unless the cloud says no. */
    uint16_t sub_interface_vlan;
    uint32_t local_preference;
};

/* A VLAN on a switch's port: logical interface.  One with several VMIs stands
 * several times. */
struct xmpp_port {
    char *switch_name;          /* Display name of the physical router. */
    char *port;                 /* Display name of the physical interface. */
    uint16_t vlan;              /* 0: untagged. */
    bool is_l3;                 /* logical-interface-type. */
    const struct xmpp_vmi *vmi;
};

struct xmpp_switch {
    char *name;                 /* Display name. */
    char *fq_name;
    struct in6_addr vtep;       /* dataplane-ip; none if unset. */
    struct in6_addr management_ip, loopback_ip;
    char *vendor, *product;     /* "" if unset. */
};

struct xmpp_ipam {
    char *name;                 /* FQ. */
    char *method;               /* ipam-method. */
    char *dns_method;
    struct in6_addr *tenant_dns;
    size_t n_tenant_dns;
    char *virtual_dns;          /* FQ name, see xmpp_view_virtual_dns(). */
    struct xmpp_dhcp_option *options;
    size_t n_options;
    struct xmpp_host_route *host_routes;
    size_t n_host_routes;
    bool flat;                  /* Its subnets are those of its networks. */
};

struct xmpp_dns_record {
    char *name, *type, *class, *data;
    uint32_t ttl_s;
    uint16_t mx_preference;
};

struct xmpp_virtual_dns {
    char *name;                 /* FQ. */
    char *domain;
    char *record_order;
    char *next;                 /* Another one, an address, or "". */
    uint32_t ttl_s;
    bool dynamic_records, external_visible, reverse_resolution;
    struct xmpp_dns_record *records;    /* In the order of their objects. */
    size_t n_records;
};

struct xmpp_graceful_restart {
    bool enable, bgp_helper, xmpp_helper;
    uint32_t restart_s, long_lived_restart_s, end_of_rib_s;
};

/* Encapsulations that a priority list may have. */
#define XMPP_VIEW_MAX_ENCAPS 3

/* Of global-system-config and global-vrouter-config. */
struct xmpp_globals {
    uint32_t autonomous_system;
    struct xmpp_graceful_restart gr;
    enum tsn_encap encaps[XMPP_VIEW_MAX_ENCAPS];    /* First is best. */
    size_t n_encaps;
    bool vni_is_configured;     /* vxlan-network-identifier-mode. */
    enum xmpp_forwarding_mode forwarding_mode;
};

struct xmpp_view {
    /* Each sorted by the first member. */
    const struct xmpp_network **networks;
    size_t n_networks;
    const struct xmpp_vmi **vmis;
    size_t n_vmis;
    const struct xmpp_switch **switches;
    size_t n_switches;
    const struct xmpp_port **ports;
    size_t n_ports;
    const struct xmpp_ipam **ipams;
    size_t n_ipams;
    const struct xmpp_virtual_dns **virtual_dns;
    size_t n_virtual_dns;

    struct xmpp_globals globals;
    uint32_t hold_s;            /* fast-convergence hold time; 0: none. */
    bool graceful_restart;      /* enable and xmpp-helper-enable. */

    size_t n_bad;               /* Values that were skipped. */

    struct view_bag *bag;       /* Private: what it owns with others. */
};

/* Makes views of 'graph' for the virtual router called 'virtual_router' (FQ
 * name).  A graph has at most one viewer at a time; destroy it before the
 * graph. */
struct xmpp_viewer *xmpp_viewer_create(struct xmpp_graph *graph,
                                       const char *virtual_router);
void xmpp_viewer_destroy(struct xmpp_viewer *);         /* NULL is fine. */

/* A view of the graph as it is, owned by the caller.  Never fails: what is
 * incomplete (no id-perms, no VNI) is left out or has the field unset, as each
 * says.  Only what has changed since the last time is made anew. */
struct xmpp_view *xmpp_viewer_build(struct xmpp_viewer *);

/* The same, once. */
struct xmpp_view *xmpp_view_build(struct xmpp_graph *,
                                  const char *virtual_router);
/* Any thread, and in any order; but what has changed since is freed only when
 * the older views are gone, too. */
void xmpp_view_destroy(struct xmpp_view *);             /* NULL is fine. */

/* Look-ups; NULL if there is none. */
const struct xmpp_network *xmpp_view_network(const struct xmpp_view *,
                                             const char *instance);
const struct xmpp_ipam *xmpp_view_ipam(const struct xmpp_view *,
                                       const char *name);
const struct xmpp_virtual_dns *xmpp_view_virtual_dns(const struct xmpp_view *,
                                                     const char *name);

/* Is told an object of two views of the same viewer: 'old' is NULL for a new
 * one, 'new' is NULL for one that is gone. */
#define XMPP_VIEW_CHANGED_FN(TYPE)                                      \
    void (*TYPE##_changed)(void *aux, const struct xmpp_##TYPE *old,    \
                           const struct xmpp_##TYPE *new)
struct xmpp_view_diff_ops {     /* Each may be NULL. */
    XMPP_VIEW_CHANGED_FN(network);
    XMPP_VIEW_CHANGED_FN(vmi);
    XMPP_VIEW_CHANGED_FN(switch);
    XMPP_VIEW_CHANGED_FN(port);
};

/* Calls 'ops' for each difference between two views of one viewer, in the
 * order of the objects.  An object that has only moved to another name is gone
 * and new.  An interface changes with its network, a port with its
 * interface. */
void xmpp_view_diff(const struct xmpp_view *old, const struct xmpp_view *new,
                    const struct xmpp_view_diff_ops *, void *aux);

#endif /* xmpp/view.h */
