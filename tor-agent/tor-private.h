/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of a ToR share: life and status (tor.c), configuration to
 * rows and subscriptions (bridge-config.c), and the bridge between the
 * switch's MACs and EVPN.
 *
 * The bridge is level-triggered, one MAC at a time.  Whatever changes about a
 * MAC - the switch's row, a route to it, its security groups - queues it
 * (bridge.c); looking at it compares what the switch and the routes say
 * (bridge-down.c chooses among those), decides who has it (bridge-mac.c), and
 * states the row (bridge-down.c) and the routes (bridge-up.c) that follow from
 * that.  The session and the speaker make it so.  Flood endpoints go the same
 * way a network at a time (bridge-flood.c). */
#ifndef TOR_AGENT_TOR_PRIVATE_H
#define TOR_AGENT_TOR_PRIVATE_H 1

#include <stdbool.h>
#include <stdint.h>

#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/shash.h"
#include "sset.h"
#include "openvswitch/types.h"
#include "tsn/config.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "xmpp/merit.h"

struct ovc_session;
struct tor;
struct tsn_alarms;
struct tsn_json;
struct xmpp_evpn;
struct xmpp_network;
struct xmpp_speaker;
struct xmpp_view;

/* MACs looked at in one turn of the loop: about a millisecond, so that a
 * switch that flaps takes no more of it from the others. */
#define TOR_LOOK_BUDGET 512

/* How long the MACs of a switch that is away stay announced as if it were
 * there, unless another agent announces them: its shortest absences, a
 * reconnect with the usual back-off of a second, cost no route. */
#define TOR_GRACE_MS 3000

/* Of a copy of what is behind a switch that has no session here: the least, so
 * that what anybody has seen himself is better (E.2). */
#define TOR_COPY_PREF 1

/* A route that is published, with the key that it was published with. */
enum tor_export_kind {
    TOR_NOT_EXPORTED,
    TOR_LIVE,                   /* The switch has it. */
    TOR_COPY,                   /* We have no session with the switch, and
                                 * keep what was known of it (E.2). */
};

struct tor_export {
    struct in6_addr vtep;
    uint32_t tag, sequence;
    enum tor_export_kind kind : 8;
    bool refused;               /* It must not leave: not published. */
};

/* Of a MAC that moves (moves.c). */
struct tor_moves {
    struct ovs_list node;       /* In tor's 'moving' or 'frozen', the eldest
                                 * first. */
    uint64_t since_ms;          /* First move of the window, or frozen. */
    unsigned int n;             /* Moves in the window. */
    bool frozen;
    struct tor_mac *mac;
};

/* Of a copy that nobody else announces any more. */
struct tor_copy {
    struct ovs_list node;       /* In tor's 'aging', the eldest first. */
    uint64_t since_ms;          /* No other agent has announced it since. */
    struct tor_mac *mac;
};

/* A unicast MAC of a network that has a row, a route, or a history. */
struct tor_mac {
    struct hmap_node node;      /* In tor_network's 'macs', by MAC. */
    struct ovs_list dirty;      /* In tor's 'dirty', or linked to itself. */
    struct tor_network *net;
    struct eth_addr mac;
    bool row : 1;               /* A row is wanted, to 'remote'. */
    bool lost : 1;              /* Announced, and another one has it since. */
    bool relearnt : 1;          /* ...but the switch has learnt it since. */
    bool no_vxlan : 1;          /* There are routes, none with VXLAN. */
    bool partner : 1;           /* Another agent announces it for us. */
    bool rival : 1;             /* ...while we have the session. */
    struct in6_addr remote;     /* Next hop of the route to it elsewhere. */
    uint32_t remote_sequence;   /* Of the route that it was 'lost' to. */
    uint32_t live_sequence;     /* As it was announced last while live, until
                                 * that does not come back to us any more. */
    struct tor_export export;
    struct in6_addr *ip;        /* Of a route with address, or NULL. */
    struct tor_moves *moves;    /* NULL: it never moved. */
    struct tor_copy *copy;      /* NULL: it does not age. */
};

/* A flood endpoint of a switch: its broadcast route. */
struct tor_flood {
    struct ovs_list node;       /* In tor_network's 'floods'. */
    struct tor_export export;
    uint64_t since_ms;          /* The session was lost. */
    bool seen;                  /* In the pass under way. */
};

/* A network that has a port on this switch. */
struct tor_network {
    char *instance;
    char *ls_name;
    uint32_t id, vni;
    struct hmap macs;           /* struct tor_mac. */
    struct ovs_list floods;     /* struct tor_flood. */
    struct hmap groups;         /* struct tor_groups: MAC to SGs. */
    size_t n_rows, n_exports;   /* Of unicast MACs. */
    struct in6_addr replicator; /* Where the switch sends its BUM frames. */
    bool floods_dirty;
    bool seen;                  /* In the pass under way. */
};

/* Security groups of a bare-metal interface. */
struct tor_groups {
    struct hmap_node node;      /* In tor_network's 'groups', by MAC. */
    struct eth_addr mac;
    uint32_t *ids;
    size_t n_ids;
    bool seen;                  /* In the pass under way. */
};

/* A VLAN of a port, bound to a network. */
struct tor_binding {
    struct hmap_node node;      /* In tor's 'bindings'. */
    char *switch_name;
    char *port;
    uint16_t vlan;
    char *ls_name;
    bool seen;
};

struct tor {
    struct tsn_loop *loop;
    struct tsn_loop_hook hook;
    char *name, *agent_name;
    struct sset switches;       /* Names of those it serves. */
    struct in6_addr tsns[TSN_MAX_TSNS];     /* The first is the one for what
                                             * can have only one. */
    size_t n_tsns;
    struct tsn_config_bridge bridge;

    struct xmpp_speaker *speaker;
    struct ovc_session *ovsdb;
    struct tsn_alarms *alarms;
    uint64_t start_ms;

    struct shash networks;      /* struct tor_network, by instance. */
    struct shash by_ls;         /* The same, by ls_name. */
    struct hmap bindings;       /* struct tor_binding. */
    struct in6_addr vtep;       /* Of the switch by the configuration. */
    bool known;                 /* The configuration has such a switch. */

    bool config_complete;
    bool told_complete;         /* The OVSDB session knows. */
    uint64_t n_binding_conflicts;   /* In the current configuration. */
    bool leaving;               /* tor_leave() */
    bool told_unknown;          /* That the configuration lacks the switch. */

    /* The bridge. */
    struct ovs_list dirty;      /* struct tor_mac, to be looked at. */
    bool floods_dirty;          /* Some network's are. */
    uint32_t flood_ranks;       /* Of the TSNs, when floods were looked at. */
    bool live;                  /* There is a session with the switch. */
    uint64_t grace_until_ms;    /* While not 'live'. */
    bool grace;                 /* It is not over. */
    struct ovs_list aging;      /* struct tor_copy. */
    struct ovs_list moving, frozen;     /* struct tor_moves. */
    uint64_t floods_due_ms;     /* The next copy is too old; or UINT64_MAX. */
    uint64_t partner_lost_ms;   /* The last time that no other agent announced
                                 * anything any more. */
    struct in6_addr *own_ips;   /* The switch's, when routes were looked at. */
    size_t n_own_ips;
    bool vtep_differs;          /* From those of the switch. */
    size_t n_partner;           /* MACs that another agent announces, */
    size_t n_rival;             /* ...and those while we have the session. */
    size_t n_no_vxlan;          /* MACs that cannot be reached by VXLAN. */
    size_t n_frozen;
    uint64_t n_moves;
};

/* bridge-config.c */
void bridge_config(struct tor *, const struct xmpp_view *);
void bridge_config_fini(struct tor *);

/* bridge.c: the queue.  The first seven may be called from anywhere, also from
 * the midst of the session and the speaker. */
void bridge_init(struct tor *);
void bridge_fini(struct tor *);
void bridge_mac_changed(struct tor *, struct tor_network *,
                        const struct eth_addr *mac);
/* Likewise, as a route to it is 'route' now, or gone if that is NULL. */
void bridge_route_changed(struct tor *, struct tor_network *,
                          const struct eth_addr *mac,
                          const struct xmpp_evpn *route);
/* Likewise, as the switch has learnt it, maybe once more. */
void bridge_mac_learnt(struct tor *, struct tor_network *,
                       const struct eth_addr *mac);
struct tor_mac *bridge_find_mac(const struct tor_network *,
                                const struct eth_addr *mac);
void bridge_floods_changed(struct tor *, struct tor_network *);
/* The key of all of its routes changed. */
void bridge_network_changed(struct tor *, struct tor_network *);
/* Something that all MACs depend on changed. */
void bridge_all_changed(struct tor *);
/* What is behind the switch itself changed. */
void bridge_addresses_changed(struct tor *);
/* The session came or went. */
void bridge_session_changed(struct tor *, bool connected);
/* As if the session were gone for long: what is announced becomes copies. */
void bridge_leave(struct tor *);
/* What the switch knows of its TSNs may have changed. */
void bridge_tsns_changed(struct tor *);
/* The switch's own data may have changed. */
void bridge_switch_changed(struct tor *);
void bridge_network_init(struct tor *, struct tor_network *);
void bridge_network_fini(struct tor *, struct tor_network *);
void bridge_run(struct tor *);
void bridge_wait(struct tor *);
/* Whether all that the switch has is stated. */
bool bridge_is_settled(const struct tor *);
/* "active", "standby", or NULL while nobody serves the switch. */
const char *bridge_role(const struct tor *);

/* bridge-mac.c: who has a MAC, and what follows. */
/* Takes note that 'route' has come.  Returns false if the MAC is to be looked
 * at for it. */
bool bridge_mac_note_echo(struct tor_mac *, const struct xmpp_evpn *route);
void bridge_mac_look(struct tor *, struct tor_mac *);

/* bridge-down.c: routes, and rows made of them. */
struct tor_choice {
    /* Elsewhere; none if 'remote' is.  'ip' is that of a route with address to
     * 'remote', where such are used. */
    struct in6_addr remote, ip;
    struct xmpp_merit remote_merit;

    /* Behind this switch, as somebody announces it, us included. */
    bool own;
    struct in6_addr own_vtep;
    struct xmpp_merit own_merit;

    uint32_t last_sequence;     /* The highest of all. */

    bool no_vxlan;              /* There are routes, none with VXLAN. */
};
void bridge_choose(const struct tor *, const struct tor_mac *,
                   struct tor_choice *);
void bridge_down(struct tor *, struct tor_mac *, const struct tor_choice *,
                 bool wanted, bool renew);

/* bridge-up.c: routes of ours.  'ip' none: no route with address. */
void bridge_up(struct tor *, struct tor_mac *, enum tor_export_kind,
               const struct in6_addr *vtep, uint32_t sequence,
               const struct in6_addr *ip);
/* Whether 'route' is what is announced of the MAC, come back. */
bool bridge_up_is_echo(const struct tor_mac *, const struct xmpp_evpn *route);
/* Publishes the broadcast route of 'flood' as 'kind'; or withdraws it. */
void bridge_up_flood(struct tor *, struct tor_network *, struct tor_flood *,
                     enum tor_export_kind);

/* bridge-flood.c */
void bridge_flood_look(struct tor *, struct tor_network *);
void bridge_flood_fini(struct tor_network *);

/* moves.c: duplicate MACs (RFC 7432 section 15.1). */
/* Counts a move.  Returns true if there were too many, and the MAC is frozen
 * where it is. */
bool moves_note(struct tor *, struct tor_mac *);
bool moves_is_frozen(const struct tor_mac *);
void moves_thaw(struct tor *, struct tor_mac *);
void moves_forget(struct tor *, struct tor_mac *);
/* Forgets windows that are over, and thaws what was frozen for long enough. */
void moves_run(struct tor *, uint64_t now_ms);
/* When it has something to do; UINT64_MAX: never. */
uint64_t moves_next_ms(const struct tor *);

/* tor.c: why a ToR is not fully served, or "serving". */
const char *tor_explain(const struct tor *);

/* bridge-show.c: for "show tors", fields of the object that is open. */
void bridge_show(const struct tor *, struct tsn_json *);

#endif /* tor-agent/tor-private.h */
