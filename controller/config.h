/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the embedded controller, controller.yaml: typed, checked,
 * immutable once loaded.  etc/controller.yaml shows every key.  Main
 * thread. */
#ifndef CONTROLLER_CONFIG_H
#define CONTROLLER_CONFIG_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "openvswitch/types.h"
#include "tsn/model.h"
#include "tsn/tls.h"

struct tsn_err;

/* Longest name of anything.  The names of objects are put together from up to
 * five of them, and a stream header must hold that of an agent. */
#define CTRL_NAME_MAX 128

/* Bounds of the hold time: those of the cloud's own property for it
 * (spec/xmpp-protocol.md 1.8). */
#define CTRL_HOLD_MIN_S 1
#define CTRL_HOLD_MAX_S 90

/* Likewise of the graceful restart's times. */
#define CTRL_RESTART_MAX_S 4095
#define CTRL_LONG_LIVED_MAX_S 16777215
#define CTRL_END_OF_RIB_MAX_S 4095

#define CTRL_VLAN_MAX 4094

/* Bounds of a network's MTU: IPv4's least, and that of the property. */
#define CTRL_MTU_MIN 68
#define CTRL_MTU_MAX 65535

/* DHCP options and routes of a server, as many as a message can carry. */
#define CTRL_OPTIONS_MAX 254
#define CTRL_ROUTES_MAX 64
/* Longest value of an option as text: 255 bytes, which an address list writes
 * with up to four characters each. */
#define CTRL_OPTION_VALUE_MAX 1024

struct ctrl_option {
    char *name;                 /* "66" or "tftp-server-name". */
    char *value;
};

struct ctrl_route {
    struct in6_addr prefix;
    uint8_t plen;               /* In the family of 'prefix'. */
    struct in6_addr via;
};

/* What DHCP tells a server beyond its address. */
struct ctrl_extras {
    struct ctrl_option *options;
    size_t n_options;
    struct ctrl_route *routes;
    size_t n_routes;
};

struct ctrl_subnet {
    struct in6_addr prefix;
    uint8_t plen;               /* In the family of 'prefix'. */
    struct in6_addr gateway;    /* Or none. */
    struct in6_addr dns;        /* Service address; none: the gateway. */
    bool dhcp;
    struct ctrl_extras extras;
};

struct ctrl_network {
    char *name;
    uint32_t id;                /* virtual-network-network-id. */
    uint32_t vni;               /* As configured; see ctrl_network_vni(). */
    bool flood_unknown_unicast;
    uint16_t mtu;               /* 0: not set. */
    struct ctrl_subnet *subnets;
    size_t n_subnets;
};

/* A bare-metal server or a machine behind a static host. */
struct ctrl_station {
    char *name;                 /* Or NULL. */
    const struct ctrl_network *network;
    struct eth_addr mac;
    struct in6_addr ip;         /* Or none. */
    struct ctrl_extras extras;  /* Of a server. */
};

/* A VLAN on a switch's port. */
struct ctrl_port {
    char *name;
    uint16_t vlan;              /* 0: untagged. */
    const struct ctrl_network *network;
    struct ctrl_station *servers;
    size_t n_servers;
};

struct ctrl_switch {
    char *name;                 /* Physical router. */
    char *agent;                /* Virtual router of its ToR agent, which may
                                 * be that of others in its database. */
    char *standby_agent;        /* And of its other one, or NULL. */
    struct in6_addr vtep;
    struct ctrl_port *ports;
    size_t n_ports;
};

/* A VTEP that floods by itself, and what is behind it. */
struct ctrl_host {
    char *name;
    struct in6_addr vtep;
    const struct ctrl_network **networks;   /* Where it gets BUM. */
    size_t n_networks;
    struct ctrl_station *machines;
    size_t n_machines;
};

struct ctrl_tsn {
    char *name;                 /* Virtual router. */
    struct in6_addr address;
    const struct ctrl_switch **switches;    /* Those that it serves. */
    size_t n_switches;
};

/* The cloud's properties of that name (spec/xmpp-protocol.md 4.6). */
struct ctrl_graceful_restart {
    bool enable;
    bool xmpp_helper;           /* Routes of a client that went are kept ... */
    uint32_t restart_s;         /* ... for so long ... */
    uint32_t long_lived_s;      /* ... and for so much longer. */
    uint32_t end_of_rib_s;      /* For a client that came back to say all. */
};

struct ctrl_config {
    char *name;                 /* In the stream header. */
    struct sockaddr_storage listen;
    uint32_t hold_s;
    struct ctrl_graceful_restart graceful_restart;
    bool vni_is_network_id;     /* vxlan-id-mode: automatic. */
    char *project;
    bool has_tls;               /* Agents must use TLS. */
    struct tsn_tls_files tls;   /* Paths as the process sees them. */

    struct ctrl_network *networks;
    size_t n_networks;
    struct ctrl_switch *switches;
    size_t n_switches;
    struct ctrl_host *hosts;
    size_t n_hosts;
    struct ctrl_tsn *tsns;
    size_t n_tsns;
};

/* Loads and checks 'path'.  Returns 0 with '*configp' owned by the caller, or
 * -errno with '*err' naming file, line and what is wrong. */
int ctrl_config_load(const char *path, struct ctrl_config **configp,
                     struct tsn_err *err);
void ctrl_config_destroy(struct ctrl_config *);         /* NULL is fine. */

/* The VNI in use, by the VXLAN id mode. */
static inline uint32_t
ctrl_network_vni(const struct ctrl_config *config,
                 const struct ctrl_network *network)
{
    return config->vni_is_network_id ? network->id : network->vni;
}

/* Whether XML can carry the text, which is UTF-8 without control characters of
 * ASCII, as it is (XML 1.0, 2.2): the files of YAML may escape what it
 * cannot. */
bool ctrl_text_is_xml(const char *);

/* Of config-check.c: what the types cannot express.  Returns 0, or -EINVAL
 * with '*err' pointing into 'path', the file that 'config' came from. */
int ctrl_config_check(const struct ctrl_config *config, const char *path,
                      struct tsn_err *err);

#endif /* controller/config.h */
