/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets of the socket engine: which there are, and how they are opened.
 * Private to the engine; control thread. */
#ifndef FWD_SOCKET_OPEN_H
#define FWD_SOCKET_OPEN_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replication/forwarder/types.h"

struct fwd_config;

/* UDP sockets to send from, one for each part of the range of source ports.
 * The underlay spreads traffic by source port, 16 of them are enough for the
 * path counts there are. */
#define FWD_N_UDP_TX 16
#define FWD_PORTS_PER_SOCKET (FWD_N_PORTS / FWD_N_UDP_TX)

enum fwd_rx {
    FWD_RX_VXLAN,
    FWD_RX_MPLS,
    FWD_RX_MPLS_OLD,
    FWD_RX_GRE,                 /* Raw. */
    FWD_N_RX
};

/* Frames of which each get their turn: see socket-lanes.h.  What is to be
 * served first comes last. */
enum fwd_lane {
    FWD_LANE_FLOOD,             /* Whatever is in no other one. */
    FWD_LANE_RESOLVE,           /* ARP requests, neighbour discovery. */
    FWD_LANE_SERVICE,           /* DHCP, DNS, IGMP. */
    FWD_N_LANES
};

enum fwd_family { FWD_V4, FWD_V6, FWD_N_FAMILIES };

/* Those of a family; -1 is one that is not open. */
struct fwd_sockets {
    int rx[FWD_N_LANES][FWD_N_RX];      /* Of GRE, also to send from. */
    int tx[FWD_N_UDP_TX];
    int lanes_error;            /* 0, or why all frames are in one lane. */
};

/* The address of an endpoint. */
struct fwd_sockaddr {
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    };
    socklen_t len;
};

/* The socket that a copy with UDP source port 'port' leaves from. */
static inline unsigned int
fwd_tx_index(uint16_t port)
{
    return (port - FWD_PORT_MIN) / FWD_PORTS_PER_SOCKET;
}

struct fwd_sockaddr fwd_sockaddr_from(const struct in6_addr *, uint16_t port);

void fwd_sockets_init(struct fwd_sockets *);
void fwd_sockets_close(struct fwd_sockets *);

/* Opens all sockets on 'address', with 'tos' in what they send.  Without the
 * right to open those for GRE, they stay closed.  On a host that has no lanes
 * there is the first one.
 *
 * Returns 0; or -errno, and then '*port' is the port that could not be had, or
 * 0, and nothing is open. */
int fwd_sockets_open(struct fwd_sockets *, const struct in6_addr *address,
                     uint8_t tos, uint16_t *port);

/* The MTU of the interface that has 'address', or 0 if there is none or its
 * MTU says nothing about the underlay, as that of loopback. */
unsigned int fwd_underlay_mtu(const struct in6_addr *address);

#endif /* replication/forwarder/socket-open.h */
