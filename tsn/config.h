/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the two services of a host, tsn.yaml: typed, checked, immutable
 * once loaded.  etc/tsn.yaml shows every key.  Main thread loads; workers get
 * copies of what is theirs. */
#ifndef TSN_CONFIG_H
#define TSN_CONFIG_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "tsn/model.h"
#include "tsn/tls.h"

struct tsn_err;
struct tsn_tls_store;

/* Two control nodes are used at a time (spec/xmpp-protocol.md 1.1); more may
 * be listed. */
#define TSN_MAX_CONTROLLERS 16

/* Each switch floods to one of them, and may watch all. */
#define TSN_MAX_TSNS 8

/* Names of profiles, which ovsdb-client/profile.h has; NULL ends them.  The
 * first is the default. */
extern const char *const tsn_config_profiles[];

struct tsn_config_tor {
    char *name;             /* Of the entry: of status and logs. */
    char **switches;        /* Physical_Switch.name of those whose database it
                             * is, and of the cloud's physical-routers;
                             * default: 'name'. */
    size_t n_switches;
    char *agent_name;       /* Virtual-router of type tor-agent: the name
                             * under which this ToR talks XMPP. */
    char *ovsdb;            /* OVS remote: "tcp:10.0.0.1:6640"; NULL: the
                             * switch connects to a listener for all. */
    char *certificate;      /* CN or subject alternative name of the switch,
                             * or NULL. */
    struct in6_addr address;    /* Where it connects from, or none. */
    const char *profile;    /* One of tsn_config_profiles: what is known of
                             * switches of its kind. */
    struct in6_addr tsns[TSN_MAX_TSNS];     /* Who replicates for it, the
                                             * first before the others. */
    size_t n_tsns;
    uint32_t bfd_min_rx_ms; /* Tunnels to them; 0: no BFD. */
    uint32_t bfd_min_tx_ms;
    uint32_t probe_ms;      /* Inactivity probe of the OVSDB session. */
    uint32_t max_backoff_ms;    /* Longest wait between attempts to connect. */
    uint32_t cleanup_ms;    /* For it to remove what it learnt in a network
                             * that goes. */
    bool shared;            /* Others write into its database, too. */
};

/* Where switches connect to us. */
struct tsn_config_listener {
    char *name;             /* As the file has it. */
    struct sockaddr_storage address;
    bool tls;
    bool proxy_protocol;    /* A proxy says for whom it speaks. */
    struct in6_addr *proxies;   /* Which; none: whoever connects. */
    size_t n_proxies;
};

/* How MACs are bridged between switches and control nodes. */
struct tsn_config_bridge {
    bool ipaddr;            /* Addresses of MACs, too, both ways. */
    uint32_t move_limit;    /* Moves in a window until a MAC is frozen; 0: it
                             * never is. */
    uint32_t move_window_ms;
    uint32_t freeze_ms;     /* Until it may move again; 0: when told. */
    uint32_t copy_hold_ms;  /* Of routes to MACs behind a switch that nobody
                             * serves any more. */
};

/* Service nodes of which one is elected (spec/tsn-dataplane.md A.8): each of
 * them learns of all the others. */
#define TSN_MAX_ELECTED 32

struct tsn_config_replicator {
    char *name;             /* Virtual-router of type tor-service-node. */
    struct in6_addr address;    /* Its VTEP: outer source of every copy ... */
    struct in6_addr address6;   /* ... over IPv4; that over IPv6, or unset. */
    struct eth_addr service_mac;
    uint32_t first_label;   /* MPLS labels that are ours to give, for frames
                             * that come to us. */
    uint32_t last_label;
    uint8_t tos;            /* Outer type of service of copies, unless ... */
    bool copy_dscp;         /* ... the DSCP of the packet in it counts. */
    bool no_forwarding;     /* Mode "tsn-no-forwarding": serves what EVPN
                             * switches send, as one of 'tsns' at a time. */
    struct in6_addr tsns[TSN_MAX_ELECTED];  /* In rising order; one of them is
                                             * 'address'. */
    size_t n_tsns;
    enum tsn_forwarder {
        TSN_FORWARDER_AUTO,     /* eBPF, if the host takes it. */
        TSN_FORWARDER_EBPF,
        TSN_FORWARDER_EBPF_GENERIC,     /* Never in the driver. */
        TSN_FORWARDER_SOCKET
    } engine;
    struct tsn_config_storm {   /* Frames per second that are flooded ... */
        uint32_t network;       /* ... of a network; 0: no limit ... */
        uint32_t tor;           /* ... and from a switch; likewise. */
        uint32_t burst;         /* At once; 0: as many as in a second. */
    } storm;
};

struct tsn_config {
    bool has_tls;
    struct tsn_tls_files tls;   /* Paths as the process sees them. */
    bool controllers_tls;       /* The sessions with control nodes use it. */

    struct sockaddr_storage controllers[TSN_MAX_CONTROLLERS];
    size_t n_controllers;
    char *subcluster;       /* Of the cloud; "" for none. */
    uint32_t hold_s;        /* XMPP hold time until the cloud says another. */
    uint32_t stale_hold_s;  /* Rows, MACs and routes of a lost session. */
    uint32_t frozen_hold_s; /* Routes when all control nodes are gone; 0: for
                             * ever. */

    struct tsn_config_listener *listeners;
    size_t n_listeners;
    uint32_t n_workers;     /* Threads that ToRs are spread over. */
    struct tsn_config_tor *tors;
    size_t n_tors;
    bool has_switch_tls;
    struct tsn_tls_files switch_tls;    /* For sessions with switches. */
    struct tsn_config_bridge bridge;

    bool has_replicator;
    struct tsn_config_replicator replicator;
};

/* Loads and checks 'path'.  Returns 0 with '*configp' owned by the caller, or
 * -errno with '*err' naming file, line and what is wrong. */
int tsn_config_load(const char *path, struct tsn_config **configp,
                    struct tsn_err *err);
void tsn_config_destroy(struct tsn_config *);           /* NULL is fine. */

/* Loads the certificates for the sessions with control nodes.  Returns 0 with
 * '*storep', NULL if they are in the clear; or -errno with '*err'. */
int tsn_config_load_tls(const struct tsn_config *,
                        struct tsn_tls_store **storep, struct tsn_err *err);

/* Likewise for sessions with switches, NULL if there are no certificates. */
int tsn_config_load_switch_tls(const struct tsn_config *,
                               struct tsn_tls_store **storep,
                               struct tsn_err *err);

#endif /* tsn/config.h */
