/* SPDX-License-Identifier: Apache-2.0 */
/* How copies leave through sockets: collected by socket, sent many at a time.
 * The kernel makes IP and UDP headers, we the rest.  Private to the socket
 * engine. */
#ifndef FWD_SOCKET_TX_H
#define FWD_SOCKET_TX_H 1

#include <stdint.h>

#include "replication/forwarder/counters.h"
#include "replication/forwarder/encap.h"
#include "replication/forwarder/socket-open.h"

struct fwd_tx;

/* For copies out of 'sockets', whose default type of service is 'tos'.  Counts
 * copies and failures in 'totals'.  Borrows both.  Owned by the caller. */
struct fwd_tx *fwd_tx_create(const struct fwd_sockets[FWD_N_FAMILIES],
                             uint8_t tos, struct fwd_counters *totals);
void fwd_tx_destroy(struct fwd_tx *);                   /* NULL is fine. */

/* Queues a copy, whose 'copy->size' octets at 'payload' stay until it has been
 * sent.  Counts it in 'counters', too, which stay as long. */
void fwd_tx_put(struct fwd_tx *, const struct fwd_copy *copy,
                const uint8_t *payload, struct fwd_counters *counters);

/* Sends what is queued.  A copy that fails is counted, and the next tried. */
void fwd_tx_flush(struct fwd_tx *);

/* Sends one copy, at once, from any thread.  Returns 0 or -errno. */
int fwd_tx_send(const struct fwd_sockets[FWD_N_FAMILIES], uint8_t tos,
                const struct fwd_copy *, const void *payload);

#endif /* replication/forwarder/socket-tx.h */
