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
#include "ovsdb-client/operator.h"
#include "ovsdb-client/profile-private.h"
#include "ovsdb-client/session.h"
#include "ovsdb-client/tunnel.h"
#include "ovsdb-client/txn.h"
#include "simap.h"
#include "uuid.h"

struct ds;
struct tsn_json;

/* A refused object is tried again after 1 s, 2 s, 4 s... */
#define OVC_BACKOFF_MIN_MS 1000
#define OVC_BACKOFF_MAX_MS 60000

/* Chunks on their way at a time, as long as they do no more than add MACs to
 * what is in the database: then no one needs the other's result, and the
 * switch has something to do while we are at what the control nodes say. */
#define OVC_WINDOW 8

/* A reply that takes longer ends the session. */
#define OVC_TXN_TIMEOUT_MS 60000

/* The update that shows a write may come after the reply: until then the write
 * is not repeated. */
#define OVC_ECHO_MS 2000

/* A key that had to be written OVC_FIGHT_WRITES times, each within
 * OVC_FIGHT_MS of the one before, is being changed by somebody else, too: from
 * then on the back-off applies. */
#define OVC_FIGHT_MS 10000
#define OVC_FIGHT_WRITES 4

/* Its end: also what somebody else changes all the time is put right within
 * 5 s. */
#define OVC_FIGHT_BACKOFF_MAX_MS 3000

/* So many refusals without a success in between: the switch refuses in
 * general.  Then one transaction per OVC_BRAKE_MS. */
#define OVC_BRAKE_REFUSALS 16
#define OVC_BRAKE_MS 100

/* After which the operator is told that a switch does not answer. */
#define OVC_SILENCE_MS 3000

/* Objects looked at in one call of ovc_session_run(), about a millisecond. */
#define OVC_LOOK_BUDGET 2000

enum ovc_kind {
    OVC_LS,
    OVC_FLOOD,
    OVC_BINDING,
    OVC_MAC,
    OVC_TUNNEL,
    OVC_N_KINDS
};

enum ovc_state {
    OVC_IDLE,                   /* Neither wanted nor there, or not ours. */
    OVC_WRITTEN,                /* Wanted: the database has it. */
    OVC_WAITING,                /* Wanted: not yet. */
    OVC_HELD,                   /* Wanted: must not be written. */
    OVC_STALE,                  /* Not wanted: found, kept for a while. */
    OVC_REMOVING,               /* Not wanted: being removed. */
    OVC_N_STATES
};

/* Why an object is not what is wanted, for the operator. */
enum ovc_why {
    OVC_WHY_NONE,
    OVC_WHY_QUEUED,
    OVC_WHY_SENT,
    OVC_WHY_ECHO,
    OVC_WHY_REFUSED,
    OVC_WHY_FIGHT,
    OVC_WHY_LS,                 /* Its Logical_Switch is not right yet. */
    OVC_WHY_SWITCH,             /* No such switch. */
    OVC_WHY_PORT,               /* No such port. */
    OVC_WHY_VNI_RANGE,
    OVC_WHY_VNI_WANTED,         /* Another wanted LS has the older claim. */
    OVC_WHY_VNI_HELD,           /* Another row has it. */
    OVC_WHY_OWN_VTEP,
    OVC_WHY_NO_TUNNEL_IP,
    OVC_WHY_BAD_VTEP,
    OVC_WHY_BAD_MAC,
    OVC_WHY_BAD_VLAN,
    OVC_WHY_DEPENDENTS,         /* Something still refers to it. */
    OVC_WHY_LOCAL_ROWS,         /* The switch still has rows for it. */
    OVC_WHY_MODE,               /* The operator wants no such write. */

    /* The profile is against it. */
    OVC_WHY_PROFILE,
    OVC_WHY_VLAN_RANGE = OVC_WHY_PROFILE,
    OVC_WHY_VLAN_RESERVED,
    OVC_WHY_TAGGED,             /* The port has an untagged network. */
    OVC_WHY_UNTAGGED,           /* The port has tagged ones. */
    OVC_WHY_DIGIT_NAME,
};

struct ovc_object {
    struct ovs_list queue_node; /* In a queue or a group; or empty. */
    struct heap_node timer;     /* In session->timers, while 'timed'. */
    long long not_before_ms;    /* No write earlier. */
    long long written_ms;       /* Last write that the switch took. */
    char *error;                /* Why it refused the last one, or NULL. */
    enum ovc_kind kind : 8;
    enum ovc_state state : 8;
    enum ovc_why why : 8;
    uint8_t failures;           /* Refusals in a row. */
    uint8_t rewrites;           /* Writes in short succession. */
    bool wanted : 1;
    bool ours : 1;              /* Was wanted: goes at once when unwanted. */
    bool aging : 1;             /* Stale, 'not_before_ms' is its end. */
    bool echo : 1;              /* 'not_before_ms' waits for the echo. */
    bool timed : 1;
    bool in_txn : 1;            /* Member of a transaction under way. */
    bool lead : 1;              /* ...and the reason for its writes. */
    bool rewanted : 1;          /* Meanwhile the owner wanted otherwise. */
    bool echoed : 1;            /* Meanwhile a row of it changed. */
};

/* Objects of a refused transaction, to be tried apart from others. */
struct ovc_group {
    struct ovs_list node;       /* In session->groups. */
    struct ovs_list objects;
};

/* A row that was read. */
struct ovc_row {
    struct hmap_node by_uuid;   /* In session->rows[table]. */
    struct uuid uuid;
    unsigned int generation;    /* session->generation when last seen. */
};

/* Physical_Locator. */
struct ovc_locator {
    struct ovc_row row;
    struct hmap_node by_ip;     /* In session->locators, while 'plain'. */
    struct in6_addr ip;         /* None if unreadable. */
    bool plain;                 /* vxlan_over_ipv4 without a tunnel_key. */
};

/* Logical_Switch. */
struct ovc_ls_row {
    struct ovc_row row;
    struct ovs_list node;       /* In ls->rows. */
    struct hmap_node by_vni;    /* In session->vnis, while 'vni'. */
    struct ovc_ls *ls;
    uint32_t vni;               /* 0: none, or nonsense. */
    bool service_node;          /* Its replication_mode. */
};

/* Mcast_Macs_Remote or Mcast_Macs_Local. */
struct ovc_flood_row {
    struct ovc_row row;
    struct ovs_list node;       /* In flood.rows, other_rows, local_floods. */
    struct ovc_ls *ls;
    bool unknown_dst;
    bool plain;                 /* All locators are. */
    struct in6_addr *vteps;     /* Sorted. */
    size_t n_vteps;
};

/* What a row of Ucast_Macs_Remote or Ucast_Macs_Local says, once for all: the
 * database does not keep it for us. */
struct ovc_mac_text {
    struct uuid ls, locator;
    struct in6_addr ip;         /* "ipaddr", or none; */
    bool odd_ip;                /* it has something that is no address. */
    bool junk;                  /* 'mac' is unreadable. */
    struct eth_addr mac;
};

/* Ucast_Macs_Remote. */
struct ovc_mac_row {
    struct ovc_row row;
    struct ovs_list node;       /* In mac->rows, while 'mac'. */
    struct ovc_mac *mac;        /* NULL if its network is none of ours. */
    struct in6_addr vtep;       /* None if its locator is not a plain one. */
    struct ovc_mac_text text;
};

/* Ucast_Macs_Local. */
struct ovc_local_mac {
    struct ovc_row row;
    struct hmap_node by_key;    /* In session->local_macs, while 'ls'. */
    struct ovs_list node;       /* In ls->local_macs, likewise. */
    struct ovc_ls *ls;          /* NULL if it is of no use to us. */
    struct in6_addr vtep;
    struct ovc_mac_text text;
};

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

/* Tunnel, one of ours. */
struct ovc_tunnel_row {
    struct ovc_row row;
    struct ovs_list node;       /* In tunnel->rows. */
    struct ovc_tunnel *tunnel;
    struct in6_addr local;      /* None if its locator is not a plain one. */
};

enum ovc_result {
    OVC_TXN_DONE,
    OVC_TXN_REFUSED,
    OVC_TXN_LOST,               /* The session ended before the reply. */
};

/* A transaction on its way. */
struct ovc_flight {
    struct json *id;            /* Of its request, or NULL: there was nothing
                                 * to send. */
    size_t n_operations;
    struct ovc_object **members;
    size_t n_members;
    unsigned int n_rows[OVC_N_WRITTEN_TABLES];
    long long sent_ms;

    bool ended;
    enum ovc_result result;
    char *error;                /* If it was refused. */
};

/* The transaction that is being planned. */
struct ovc_plan {
    struct ovc_txn *txn;        /* NULL until there is something to write. */
    struct ovc_object **members;
    size_t n_members, allocated_members;
    size_t n_ops;
    unsigned int n_rows[OVC_N_WRITTEN_TABLES];  /* Sum: 'n_ops'. */
    bool full;                  /* Something did not fit. */
    bool alone;                 /* It does more than add MACs. */
    struct hmap locators;       /* Inserted by it. */
};

/* Enough for what led to a problem, little for hundreds of switches. */
#define OVC_HISTORY_TXNS 64
#define OVC_HISTORY_CLOSES 16

/* Kinds of errors counted, RFC 7047 knows a dozen; what a switch invents
 * beyond that is counted as "other". */
#define OVC_MAX_TAGS 32

struct ovc_history_txn {
    long long wall_ms;          /* Of the reply. */
    long long duration_ms;
    unsigned int n_rows[OVC_N_WRITTEN_TABLES];
    enum ovc_result result;
    char *error;                /* Or NULL. */
};

struct ovc_history_close {
    long long wall_ms;
    long long up_ms;            /* How long the session was up. */
    char *reason;
};

/* Rings: entry i is at i modulo the size. */
struct ovc_history {
    struct ovc_history_txn txns[OVC_HISTORY_TXNS];
    struct ovc_history_close closes[OVC_HISTORY_CLOSES];
    uint64_t n_txns, n_closes;
    struct simap refusals;      /* By the error's tag. */
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

/* object.c */
void ovc_object_init(struct ovc_session *, struct ovc_object *,
                     enum ovc_kind);
void ovc_object_fini(struct ovc_session *, struct ovc_object *);
void ovc_object_set(struct ovc_session *, struct ovc_object *, enum ovc_state,
                    enum ovc_why);
/* Has the object looked at. */
void ovc_object_queue(struct ovc_session *, struct ovc_object *);
/* Likewise, as a row of it changed / as the owner wants something else. */
void ovc_object_row_changed(struct ovc_session *, struct ovc_object *);
/* Likewise, as whatever held it back may be over. */
void ovc_object_retry(struct ovc_session *, struct ovc_object *);
void ovc_object_want(struct ovc_session *, struct ovc_object *);
void ovc_object_unwant(struct ovc_session *, struct ovc_object *);
void ovc_object_wake_at(struct ovc_session *, struct ovc_object *,
                        long long when_ms);
/* Whether it may be written now; otherwise it will be looked at again. */
bool ovc_object_may_write(struct ovc_session *, struct ovc_object *);
/* Whether it, which nobody wants but is there, may be removed now. */
bool ovc_object_removable(struct ovc_session *, struct ovc_object *,
                          const struct ovc_ls *);
/* Whether the database has something for its key. */
bool ovc_object_is_there(const struct ovc_object *);
/* Calls 'fn', which frees none, for all of them. */
typedef void ovc_object_fn(struct ovc_session *, struct ovc_object *,
                           void *aux);
void ovc_for_each_object(struct ovc_session *, ovc_object_fn *, void *aux);
long long ovc_backoff_ms(unsigned int n, long long max_ms);
void ovc_object_format(const struct ovc_object *, struct ds *);
void ovc_timers_run(struct ovc_session *);

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

/* rows.c: what the database has. */
bool ovc_has_ipaddr(const struct ovc_session *);
void ovc_rows_init(struct ovc_session *);
void ovc_rows_destroy(struct ovc_session *);
/* Those of a new session: what it has not, is gone. */
void ovc_rows_read_all(struct ovc_session *);
void ovc_rows_read_changes(struct ovc_session *);
/* Looks at those that are there again. */
void ovc_rows_rescan(struct ovc_session *);
/* Every object gets a new chance. */
void ovc_objects_retry(struct ovc_session *);
struct ovc_row *ovc_row_find(const struct ovc_session *, enum ovc_table,
                             const struct uuid *);
void ovc_row_insert(struct ovc_session *, enum ovc_table, struct ovc_row *,
                    const struct uuid *);
void ovc_row_remove(struct ovc_session *, enum ovc_table, struct ovc_row *);
/* The Logical_Switch / locator that a row refers to, or NULL; the row is looked
 * at again once it is there. */
struct ovc_ls *ovc_ls_of(struct ovc_session *, const struct uuid *);
const struct ovc_locator *ovc_locator_of(struct ovc_session *,
                                         const struct uuid *);
/* The address of a plain one, or none. */
struct in6_addr ovc_plain_vtep(struct ovc_session *,
                               const struct uuid *locator);
/* '*text' is what the row said before, or junk. */
void ovc_mac_text_read(struct ovc_mac_text *text, const struct vtep_mac *);
struct ovc_flood_row *ovc_flood_row_create(struct ovc_session *,
                                           enum ovc_table,
                                           const struct uuid *);
bool ovc_flood_row_set(struct ovc_session *, struct ovc_flood_row *,
                       const struct uuid *locator_set);

/* learnt.c: Ucast_Macs_Local, Mcast_Macs_Local. */
void ovc_local_mac_read(struct ovc_session *, const struct ovc_db_row *);
/* Finds what it belongs to. */
void ovc_local_mac_attach(struct ovc_session *, struct ovc_local_mac *);
void ovc_local_mac_forget(struct ovc_session *, struct ovc_row *);
void ovc_local_flood_read(struct ovc_session *, const struct ovc_db_row *);
void ovc_local_flood_forget(struct ovc_session *, struct ovc_row *);

/* plan.c: the next transaction. */
void ovc_plan_init(struct ovc_plan *);
void ovc_plan_destroy(struct ovc_session *);
/* Whether 'n_ops' row operations fit.  An empty plan takes any number. */
bool ovc_plan_room(struct ovc_session *, size_t n_ops);
/* Likewise, for one row that refers only to rows that are in the database. */
bool ovc_plan_room_for_mac(struct ovc_session *);
/* Joins 'object', whose look() adds 'n_ops' row operations. */
struct ovc_txn *ovc_plan_join(struct ovc_session *, struct ovc_object *,
                              bool lead, size_t n_ops);
/* 'n' of the operations of the object that joined last are for 'table'. */
void ovc_plan_count(struct ovc_session *, enum ovc_table table, size_t n);
/* The locator of 'ip': the database's, or one that the plan inserts.  Not
 * while the columns of another operation are being added. */
struct ovc_ref ovc_plan_locator(struct ovc_session *,
                                const struct in6_addr *ip);
size_t ovc_plan_locator_ops(const struct ovc_session *,
                            const struct in6_addr *ip);
/* What refers to the transaction's own rows ends with its planning. */
void ovc_plan_end(struct ovc_session *);

/* result.c: the oldest flight has ended. */
void ovc_result_take(struct ovc_session *);
/* For struct ovc_db_ops. */
void ovc_result_replied(const struct jsonrpc_msg *, void *session);
void ovc_result_lost(void *session);

/* reconcile.c: transactions. */
void ovc_reconcile_run(struct ovc_session *);
void ovc_reconcile_wait(struct ovc_session *);

/* history.c */
void ovc_history_init(struct ovc_history *);
void ovc_history_fini(struct ovc_history *);
/* The oldest flight. */
void ovc_history_add_txn(struct ovc_session *, enum ovc_result,
                         const char *error);
void ovc_history_add_close(struct ovc_session *);
/* 'text' begins with the error's tag. */
void ovc_history_add_refusal(struct ovc_session *, const char *text);
void ovc_history_status(const struct ovc_session *, struct tsn_json *);

/* status.c */
/* Writes "state" and "reason". */
void ovc_put_state(const struct ovc_session *, const struct ovc_object *,
                   struct tsn_json *);
void ovc_object_reason(const struct ovc_session *, const struct ovc_object *,
                       struct ds *);

#endif /* ovsdb-client/private.h */
