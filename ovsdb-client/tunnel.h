/* SPDX-License-Identifier: Apache-2.0 */
/* Service nodes that the switches of a session watch by BFD inside VXLAN
 * (hardware_vtep, table Tunnel; RFC 5880): rows with BFD parameters for each
 * switch and node, and what the switches say of the sessions.
 *
 * Part of an ovc_session, and like it of one thread. */
#ifndef OVSDB_CLIENT_TUNNEL_H
#define OVSDB_CLIENT_TUNNEL_H 1

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

struct ovc_session;
struct tsn_json;

/* Shortest intervals that are offered: bfd_params min_rx and min_tx.  A switch
 * takes a node for dead after three of them. */
struct ovc_bfd {
    uint32_t min_rx_ms;         /* 0: no BFD. */
    uint32_t min_tx_ms;
};

enum ovc_bfd_state {
    OVC_BFD_NONE,               /* The switch says nothing. */
    OVC_BFD_UNSUPPORTED,        /* It says that it cannot. */
    OVC_BFD_ADMIN_DOWN,
    OVC_BFD_DOWN,
    OVC_BFD_INIT,
    OVC_BFD_UP,
};

/* Tunnels to 'nodes' (copied, no two alike) are wanted with 'bfd', where
 * profile and schema have them, and no others: those to nodes that are not
 * among them any more are removed.  With min_rx_ms 0 none are.  Rows that lead
 * elsewhere are not ours. */
void ovc_session_set_service_nodes(struct ovc_session *,
                                   const struct in6_addr *nodes, size_t n,
                                   const struct ovc_bfd *bfd);

/* The worst of what the session's switches say of 'node'. */
enum ovc_bfd_state ovc_session_bfd_state(const struct ovc_session *,
                                         const struct in6_addr *node);

/* Tunnels whose BFD session failed, or never came up, and is not up again:
 * something to alarm of. */
size_t ovc_session_n_bfd_failed(const struct ovc_session *);

/* Writes field "tunnels" of the open object: [{switch, node, state, reason,
 * bfd ("none", "unsupported", "admin_down", "down", "init" or "up"),
 * diagnostic, since}]. */
void ovc_session_tunnels(const struct ovc_session *, struct tsn_json *);

#endif /* ovsdb-client/tunnel.h */
