/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that were read, as objects see them. */
#ifndef OVSDB_CLIENT_ROWS_H
#define OVSDB_CLIENT_ROWS_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "openvswitch/hmap.h"
#include "openvswitch/list.h"
#include "openvswitch/types.h"
#include "openvswitch/uuid.h"
#include "ovsdb-client/db.h"

struct ovc_ls;
struct ovc_mac;
struct ovc_session;
struct ovc_tunnel;

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

/* Tunnel, one of ours. */
struct ovc_tunnel_row {
    struct ovc_row row;
    struct ovs_list node;       /* In tunnel->rows. */
    struct ovc_tunnel *tunnel;
    struct in6_addr local;      /* None if its locator is not a plain one. */
};

/* rows.c: what the database has. */
bool ovc_has_ipaddr(const struct ovc_session *);
void ovc_rows_init(struct ovc_session *);
void ovc_rows_destroy(struct ovc_session *);
/* Those of a new session: what it has not, is gone. */
void ovc_rows_read_all(struct ovc_session *);
void ovc_rows_read_changes(struct ovc_session *);
/* Looks at those that are there again, and at all objects; what was refused
 * still waits for its time. */
void ovc_rows_rescan(struct ovc_session *);
/* Every object gets a new chance. */
void ovc_objects_retry(struct ovc_session *);
struct ovc_row *ovc_row_find(const struct ovc_session *, enum ovc_table,
                             const struct uuid *);
void ovc_row_insert(struct ovc_session *, enum ovc_table, struct ovc_row *,
                    const struct uuid *);
void ovc_row_remove(struct ovc_session *, enum ovc_table, struct ovc_row *);
/* The Logical_Switch / locator that a row refers to, or NULL; the row is
 * looked at again once it is there. */
struct ovc_ls *ovc_ls_of(struct ovc_session *, const struct uuid *);
const struct ovc_locator *ovc_locator_of(struct ovc_session *,
                                         const struct uuid *);
/* The address of a plain one, or none. */
struct in6_addr ovc_plain_vtep(struct ovc_session *,
                               const struct uuid *locator);
/* '*text' is what the row said before, or junk; it keeps what 'row' does not
 * repeat, but for that of another connection. */
void ovc_mac_text_read(const struct ovc_session *, struct ovc_mac_text *text,
                       const struct vtep_mac *row);
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

#endif /* ovsdb-client/rows.h */
