/* SPDX-License-Identifier: Apache-2.0 */
/* From a punted frame to the reply on the underlay: finds the interface that
 * the client is, its lease, and the way back.  Control thread. */
#ifndef REPL_DHCP4_SERVER_H
#define REPL_DHCP4_SERVER_H 1

#include <stdint.h>

#include "replication/services/dhcp4.h"

struct fwd;
struct fwd_punted;
struct repl_networks;
struct tsn_json;

struct repl_dhcp4_server {
    const struct repl_networks *networks;
    struct fwd *fwd;
    struct eth_addr service_mac;

    uint64_t results[DHCP4_N_RESULTS];
    uint64_t n_unknown;         /* From a MAC that has no lease any more. */
    uint64_t n_unsent;          /* Replies that the host refused. */
};

/* Serves a frame punted as FWD_PUNT_DHCP4.  The reply goes to the endpoint
 * that it came from, and nowhere else. */
void repl_dhcp4_serve(struct repl_dhcp4_server *, const struct fwd_punted *);

/* Writes the counters into the object that is open. */
void repl_dhcp4_status(const struct repl_dhcp4_server *, struct tsn_json *);

#endif /* replication/services/dhcp4-server.h */
