/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of ovsdb-client/ share.
 *
 * A key that we may write (a Logical_Switch by name, its flood row, a binding
 * by port and VLAN, a MAC by Logical_Switch) is an ovc_object.  It holds what
 * the owner wants of it and, through the rows that were read, what the
 * database has.  Whatever changes either puts the object in a queue; looking
 * at an object (ovc_*_look()) settles it, or adds operations to the
 * transaction that is being planned.  Nothing else writes.
 *
 * Rows are remembered by uuid: an object and its rows outlive the session in
 * which they were read. */
#ifndef OVSDB_CLIENT_PRIVATE_H
#define OVSDB_CLIENT_PRIVATE_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "heap.h"
#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/uuid.h"
#include "ovsdb-client/db.h"
#include "ovsdb-client/guard.h"
#include "ovsdb-client/object.h"
#include "ovsdb-client/operator.h"
#include "ovsdb-client/plan.h"
#include "ovsdb-client/profile-private.h"
#include "ovsdb-client/rows.h"
#include "ovsdb-client/session.h"
#include "ovsdb-client/tunnel.h"
#include "ovsdb-client/txn.h"
#include "uuid.h"

struct ds;
struct tsn_json;

/* After which the operator is told that a switch does not answer. */
#define OVC_SILENCE_MS 3000

struct ovc_flood {
    struct ovc_object object;
    struct ovs_list rows;       /* struct ovc_flood_row. */
    struct in6_addr *vteps;     /* Wanted, in the owner's order: which of them
                                 * the row gets, ovc_flood_vteps() says. */
    size_t n_vteps;
};

struct ovc_ls {
    struct ovc_object object;
    struct hmap_node node;      /* In session->lss, by name. */
    char *name;
    bool claimed;               /* By TSN_LS_PREFIX, or OVC_EXCLUSIVE. */

    uint32_t vni;               /* Wanted. */
    uint64_t claim;             /* The lower, the earlier it was wanted. */
    struct hmap_node by_vni;    /* In session->wanted_vnis, while wanted. */
    struct ovs_list rows;       /* struct ovc_ls_row, normally one. */
    struct ovc_flood flood;
    struct ovs_list macs;       /* struct ovc_mac. */
    struct ovs_list bindings;   /* Wanted ones, struct ovc_binding. */

    size_t n_dependents;        /* Our rows and bindings that refer to it. */
    struct ovs_list other_rows; /* Flood rows that are not "unknown-dst". */
    struct ovs_list local_macs; /* struct ovc_local_mac. */
    size_t n_local_macs;
    struct ovs_list local_floods;       /* struct ovc_flood_row. */

    bool removing;
    bool forced;                /* Local rows go with it. */
    long long local_ms;         /* Until then they need not; or 0. */

    /* While a transaction is being planned. */
    struct ovc_ref planned;
    bool is_planned;
    size_t on_path;
};

struct ovc_mac {
    struct ovc_object object;
    struct hmap_node node;      /* In session->macs. */
    struct ovs_list ls_node;    /* In ls->macs. */
    struct ovc_ls *ls;
    struct ovs_list rows;       /* struct ovc_mac_row, normally one. */
    struct in6_addr vtep;       /* Wanted. */
    struct in6_addr ip;         /* Wanted as "ipaddr", or none. */
    struct eth_addr mac;
    bool junk;                  /* Of the rows whose MAC is unreadable. */
    bool renew;                 /* What rows there are go first. */
};

/* A Physical_Switch that we serve. */
struct ovc_switch {
    struct hmap_node node;      /* In session->switches, by name. */
    char *name;
    bool there;                 /* The database has it, as row 'uuid'. */
    bool seen;                  /* While its row is looked for. */
    struct uuid uuid;
    struct in6_addr *tunnel_ips;
    size_t n_tunnel_ips;
    struct ovs_list ports;      /* struct ovc_port. */
};

struct ovc_port {
    struct hmap_node node;      /* In session->ports, by switch and name. */
    struct hmap_node by_uuid;   /* In session->port_rows, while there. */
    struct ovc_switch *sw;
    struct ovs_list sw_node;    /* In sw->ports. */
    char *name;
    struct hmap bindings;       /* struct ovc_binding, by VLAN. */
    bool there;                 /* The switch has it, as row 'uuid'. */
    struct uuid uuid;
    unsigned int generation;
    long long missing_ms;       /* When it was first needed and not there. */
};

struct ovc_binding {
    struct ovc_object object;
    struct hmap_node node;      /* In port->bindings. */
    struct ovc_port *port;
    uint16_t vlan;
    struct ovc_ls *ls;          /* Wanted, or NULL. */
    struct ovs_list ls_node;    /* In ls->bindings, while wanted. */
    struct ovc_ls *bound;       /* What the database has, or NULL. */
    uint64_t claim;             /* The lower, the earlier it was wanted. */
    bool seen;                  /* While the port's row is read. */
};

/* Whom a switch floods to.  The best has the highest rank. */
struct ovc_node {
    struct in6_addr ip;
    enum ovc_node_rank {
        OVC_NODE_DOWN,
        OVC_NODE_RECOVERING,    /* Failed; up, but not for long, or unknown. */
        OVC_NODE_UNKNOWN,
        OVC_NODE_UP
    } rank;                     /* By the switch for which it is worst. */
};

/* The tunnel of a switch to a service node. */
struct ovc_tunnel {
    struct ovc_object object;
    struct ovs_list node;       /* In session->tunnels. */
    struct ovc_switch *sw;
    struct in6_addr remote;
    struct ovs_list rows;       /* struct ovc_tunnel_row, normally one. */

    /* What the switch says of its BFD session. */
    enum ovc_bfd_state bfd;
    char *diagnostic;           /* Or NULL. */
    long long bfd_ms;           /* Since when it is in that state... */
    long long bfd_wall_ms;      /* ...in time of day; or 0. */
    bool failed;                /* It was up or should have been, and is not,
                                 * or not for long. */
    enum ovc_node_rank rank;
};

struct ovc_session {
    char *name;                 /* In logs. */
    char *remote;
    uint32_t stale_hold_ms, cleanup_ms;
    enum ovc_ownership ownership;
    const struct ovc_profile *profile;
    const struct ovc_session_ops *ops;
    void *aux;

    struct ovc_db db;
    struct ovc_guard guard;
    long long now_ms;           /* At the start of run(). */

    /* The session. */
    bool read;                  /* All rows of a usable schema are there. */
    bool up;                    /* ...and a switch that we serve. */
    bool rescan;                /* All rows are to be looked at again. */
    bool dangling;              /* One refers to a row that is not there. */
    bool told_up;               /* What the owner knows. */
    bool learnt_changed;        /* The owner is to be told. */
    long long since_wall_ms;    /* Of the last change of 'up'. */
    long long up_ms;            /* When it became up. */
    long long down_ms;          /* When it was last up, or was made. */
    char *reason;               /* Why it is not up, or NULL. */
    bool complete;              /* ovc_session_set_config_complete(). */

    /* The switches. */
    struct hmap switches;       /* struct ovc_switch. */
    char *lack;                 /* Which of them there are not, or NULL. */
    struct in6_addr *tunnel_ips;    /* Of all of them. */
    size_t n_tunnel_ips;
    size_t n_addressless;       /* Switches that are there, and have none. */
    struct hmap ports;          /* struct ovc_port. */
    struct hmap port_rows;      /* Likewise, those that are there. */

    /* Objects. */
    struct hmap lss;            /* struct ovc_ls. */
    struct hmap macs;           /* struct ovc_mac. */
    struct hmap wanted_vnis;    /* struct ovc_ls. */
    uint64_t n_claims;
    struct ovc_node *nodes;     /* Service nodes, by BFD. */
    size_t n_nodes;
    struct ovc_bfd bfd;
    struct ovs_list tunnels;    /* struct ovc_tunnel: few. */

    /* Rows. */
    struct hmap rows[OVC_N_TABLES];     /* struct ovc_row. */
    unsigned int generation;
    struct hmap locators;       /* struct ovc_locator. */
    struct hmap vnis;           /* struct ovc_ls_row. */
    struct hmap local_macs;     /* struct ovc_local_mac. */

    /* Work. */
    struct ovs_list queues[OVC_N_KINDS];
    struct ovs_list groups;     /* struct ovc_group. */
    bool groups_turn;           /* Groups, then queues, or vice versa. */
    struct heap timers;         /* struct ovc_object, earliest first. */
    struct ovc_plan plan;
    struct ovc_flight flights[OVC_WINDOW];      /* In the order they left. */
    size_t n_flights;
    bool alone;                 /* The one flight does more than add MACs. */
    long long brake_ms;         /* No transaction before. */
    unsigned int n_refused_now; /* Refusals since the last success. */

    enum ovc_mode mode;

    /* Counters. */
    struct ovc_history history;
    long long reply_ms;         /* How long the last reply took. */
    uint64_t n_forced;          /* OVC_ALARM_FORCED_DELETE. */
    size_t n_state[OVC_N_STATES];
    size_t n_against_profile;
    uint64_t n_transactions;
    uint64_t n_refused;
    uint64_t n_bad_rows;
    char *last_error;
};

/* ls.c: Logical_Switch. */
struct ovc_ls *ovc_ls_find(const struct ovc_session *, const char *name);
struct ovc_ls *ovc_ls_get(struct ovc_session *, const char *name);
/* Frees what nothing refers to any more. */
void ovc_ls_release(struct ovc_session *, struct ovc_ls *);
void ovc_ls_destroy(struct ovc_session *, struct ovc_ls *);
bool ovc_ls_is_ours(const struct ovc_ls *);
/* The row that counts, or NULL. */
struct ovc_ls_row *ovc_ls_first_row(const struct ovc_ls *);
/* Whether there is a row, '*ref', that others may refer to in the planned
 * transaction. */
bool ovc_ls_for_write(const struct ovc_ls *, struct ovc_ref *ref);
void ovc_ls_queue_dependents(struct ovc_session *, struct ovc_ls *);
void ovc_ls_add_dependent(struct ovc_ls *);
void ovc_ls_remove_dependent(struct ovc_session *, struct ovc_ls *);
/* Writes the row with its VNI / the row without one, which exists.  One
 * operation, for which there is room. */
void ovc_ls_write(struct ovc_session *, struct ovc_ls *, bool lead);
void ovc_ls_give_vni_up(struct ovc_session *, struct ovc_ls *, bool lead);
void ovc_ls_look(struct ovc_session *, struct ovc_ls *);

/* vni.c: who has which VNI. */
void ovc_ls_set_vni(struct ovc_session *, struct ovc_ls *, uint32_t vni);
void ovc_ls_unset_vni(struct ovc_session *, struct ovc_ls *);
void ovc_ls_row_set_vni(struct ovc_session *, struct ovc_ls_row *,
                        uint32_t vni);
bool ovc_ls_has_vni(const struct ovc_ls *);
/* Who is in the way of its VNI, or NULL. */
const struct ovc_ls *ovc_ls_rival(const struct ovc_session *,
                                  const struct ovc_ls *);
/* Writes it, or what has to go before, or says why not. */
void ovc_ls_claim_vni(struct ovc_session *, struct ovc_ls *);

/* mac.c: Ucast_Macs_Remote. */
struct ovc_mac *ovc_mac_find(const struct ovc_session *, const struct ovc_ls *,
                             const struct eth_addr *, bool junk);
struct ovc_mac *ovc_mac_get(struct ovc_session *, struct ovc_ls *,
                            const struct eth_addr *, bool junk);
void ovc_mac_release(struct ovc_session *, struct ovc_mac *);
void ovc_mac_destroy(struct ovc_session *, struct ovc_mac *);
void ovc_mac_look(struct ovc_session *, struct ovc_mac *);

/* flood.c: Mcast_Macs_Remote. */
/* Of the wanted ones those that are to be in the row: all or the best. */
const struct in6_addr *ovc_flood_vteps(const struct ovc_session *,
                                       const struct ovc_flood *, size_t *n);
void ovc_floods_queue(struct ovc_session *);
void ovc_flood_look(struct ovc_session *, struct ovc_ls *);

/* tunnel.c: Tunnel. */
void ovc_tunnels_init(struct ovc_session *);
void ovc_tunnels_destroy(struct ovc_session *);
/* Switches, their addresses or the profile changed. */
void ovc_tunnels_update(struct ovc_session *);
void ovc_tunnel_read(struct ovc_session *, const struct ovc_db_row *);
void ovc_tunnel_forget(struct ovc_session *, struct ovc_row *);
void ovc_tunnel_look(struct ovc_session *, struct ovc_tunnel *);

/* bfd.c: what switches say of their service nodes. */
/* The state of 'tunnel' is what 'row' says; NULL: not known. */
void ovc_bfd_read(struct ovc_session *, struct ovc_tunnel *,
                  const struct vtep_tunnel *row);
/* Ranks the service nodes anew.  Returns when to do so again, or 0. */
long long ovc_bfd_judge(struct ovc_session *, struct ovc_tunnel *);
enum ovc_node_rank ovc_node_rank(const struct ovc_session *,
                                 const struct in6_addr *);

/* profile-check.c: whether the switch could take it, before it is written. */
enum ovc_why ovc_check_binding(const struct ovc_session *,
                               const struct ovc_binding *);
/* Holds 'object' back for such a reason. */
void ovc_hold_by_profile(struct ovc_session *, struct ovc_object *,
                         enum ovc_why);
/* 'b' left its port: others may have been waiting for that. */
void ovc_check_binding_gone(struct ovc_session *, const struct ovc_binding *);

/* binding.c: Physical_Port.vlan_bindings. */
struct ovc_port *ovc_port_find(const struct ovc_session *,
                               const struct ovc_switch *, const char *name);
struct ovc_port *ovc_port_get(struct ovc_session *, struct ovc_switch *,
                              const char *name);
void ovc_port_release(struct ovc_session *, struct ovc_port *);
struct ovc_binding *ovc_binding_find(const struct ovc_port *, uint16_t vlan);
struct ovc_binding *ovc_binding_get(struct ovc_session *, struct ovc_port *,
                                    uint16_t vlan);
void ovc_binding_set_ls(struct ovc_binding *, struct ovc_ls *);
void ovc_binding_release(struct ovc_session *, struct ovc_binding *);
void ovc_ports_read(struct ovc_session *, struct ovc_switch *,
                    const struct vtep_switch *);
void ovc_ports_lose(struct ovc_session *, const struct ovc_switch *);
void ovc_ports_queue(struct ovc_session *, const struct ovc_switch *);
void ovc_port_row_changed(struct ovc_session *, const struct vtep_port *);
void ovc_ports_destroy(struct ovc_session *);
void ovc_binding_look(struct ovc_session *, struct ovc_binding *);

/* switch.c: Physical_Switch. */
void ovc_switches_init(struct ovc_session *,
                       const struct ovc_session_config *);
void ovc_switches_destroy(struct ovc_session *);
struct ovc_switch *ovc_switch_find(const struct ovc_session *,
                                   const char *name);
/* Whether the database has any of them; if not, the session is not up, and the
 * database is left alone: it may be that of another switch. */
bool ovc_switches_check(struct ovc_session *);
/* Whether a switch of 'ls' has no address yet: then nobody knows which MACs
 * are behind itself. */
bool ovc_ls_is_addressless(const struct ovc_session *, const struct ovc_ls *);
/* With their ports.  One of them is there. */
void ovc_switches_read_all(struct ovc_session *);
void ovc_switches_read_changes(struct ovc_session *);

/* status.c */
/* For people; NULL: no reason. */
const char *ovc_why_text(enum ovc_why);
/* Writes "state" and "reason". */
void ovc_put_state(const struct ovc_session *, const struct ovc_object *,
                   struct tsn_json *);
void ovc_object_reason(const struct ovc_session *, const struct ovc_object *,
                       struct ds *);

#endif /* ovsdb-client/private.h */
