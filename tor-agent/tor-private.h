/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a ToR share: life and status (tor.c), configuration to
 * rows and subscriptions (bridge-config.c), EVPN routes to rows
 * (bridge-down.c), learnt MACs to EVPN routes (bridge-up.c). */
#ifndef TOR_AGENT_TOR_PRIVATE_H
#define TOR_AGENT_TOR_PRIVATE_H 1

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/hmap.h"
#include "openvswitch/shash.h"
#include "openvswitch/types.h"
#include "tsn/loop.h"
#include "tsn/model.h"

struct ovc_session;
struct tor;
struct xmpp_evpn;
struct xmpp_network;
struct xmpp_speaker;
struct xmpp_view;

/* The best route to a MAC of a network. */
struct tor_fdb {
    struct hmap_node node;      /* In tor_network's 'fdb', by MAC. */
    struct eth_addr mac;
    struct in6_addr vtep;
    uint32_t sequence, local_pref;
    bool own;                   /* Behind this very switch: no row. */
};

/* A route that we publish. */
struct tor_export {
    struct hmap_node node;      /* In tor_network's 'exports'. */
    struct eth_addr mac;        /* All ones: the broadcast route. */
    struct in6_addr ip;         /* Broadcast route: the VTEP; else none. */
    struct in6_addr vtep;
    uint32_t tag;
    uint32_t sequence;
    bool seen;                  /* In the pass under way. */
    bool refused;               /* It must not leave: not published. */
};

/* A network that has a port on this switch. */
struct tor_network {
    char *instance;
    char *ls_name;
    uint32_t id, vni;
    struct hmap fdb;            /* struct tor_fdb. */
    struct hmap exports;        /* struct tor_export. */
    struct hmap groups;         /* struct tor_groups: MAC to SGs. */
    bool fdb_changed;           /* Routes are to be looked at. */
    bool seen;                  /* In the pass under way. */
};

/* Security groups of a bare-metal interface. */
struct tor_groups {
    struct hmap_node node;      /* In tor_network's 'groups', by MAC. */
    struct eth_addr mac;
    uint32_t *ids;
    size_t n_ids;
};

/* A VLAN of a port, bound to a network. */
struct tor_binding {
    struct hmap_node node;      /* In tor's 'bindings'. */
    char *port;
    uint16_t vlan;
    char *ls_name;
    bool seen;
};

struct tor {
    struct tsn_loop *loop;
    struct tsn_loop_hook hook;
    char *name, *agent_name;
    struct in6_addr tsn;
    uint64_t stale_hold_ms;

    struct xmpp_speaker *speaker;
    struct ovc_session *ovsdb;

    struct shash networks;      /* struct tor_network, by instance. */
    struct hmap bindings;       /* struct tor_binding. */
    struct in6_addr vtep;       /* Of the switch by the configuration. */
    bool known;                 /* The configuration has this switch. */

    bool config_complete;
    bool told_complete;         /* The OVSDB session knows. */
    bool fdb_changed;           /* Some network's is. */
    bool learnt_changed;
    uint64_t next_pass_ms;      /* No look at them before. */
    struct in6_addr *own_ips;   /* The switch's, when routes were looked at. */
    size_t n_own_ips;
    uint64_t exports_until_ms;  /* The switch is gone: withdraw then; 0: it is
                                 * there, or nothing is left. */
    uint64_t n_binding_conflicts;   /* In the current configuration. */
    bool told_unknown;          /* That the configuration lacks the switch. */
};

/* tor.c: what is behind the switch itself may have changed. */
void tor_look_at_all_routes(struct tor *);

/* bridge-config.c */
void bridge_config(struct tor *, const struct xmpp_view *);
void bridge_config_fini(struct tor *);

/* bridge-down.c */
void bridge_down(struct tor *, struct tor_network *);
void bridge_down_fini(struct tor_network *);
const struct tor_fdb *bridge_find_fdb(const struct tor_network *,
                                      const struct eth_addr *mac);

/* bridge-up.c */
void bridge_up(struct tor *);
/* Withdraws all that is published. */
void bridge_up_withdraw(struct tor *);
void bridge_up_fini(struct tor_network *);

#endif /* tor-agent/tor-private.h */
