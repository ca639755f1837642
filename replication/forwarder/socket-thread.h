/* SPDX-License-Identifier: Apache-2.0 */
/* The forwarding thread of the socket engine.  Private to the engine. */
#ifndef FWD_SOCKET_THREAD_H
#define FWD_SOCKET_THREAD_H 1

#include <stdbool.h>
#include <stdint.h>

#include "replication/forwarder/counters.h"

struct fwd_punt_queue;
struct fwd_table;

/* UDP sockets to send from, one for each part of the range of source ports.
 * The underlay spreads traffic by source port, 16 of them are enough for the
 * path counts there are. */
#define FWD_N_TX_SOCKETS 16
#define FWD_PORTS_PER_SOCKET (FWD_N_PORTS / FWD_N_TX_SOCKETS)

struct fwd_socket_shared {
    /* Set before the thread starts, constant after that. */
    int rx_fd;
    int tx_fds[FWD_N_TX_SOCKETS];
    int wake_fd;                /* An eventfd: look at 'next' and 'stop'. */
    uint16_t port_be;           /* Where copies go to. */
    struct fwd_punt_queue *punts;
    void (*notify)(void *aux);  /* Called in the thread: there is something
                                 * in 'retired' or 'punts'. */
    void *notify_aux;

    /* Between the threads. */
    struct fwd_table *next;     /* To take over; NULL if there is none. */
    struct fwd_table *retired;  /* List of those that the thread let go. */
    bool stop;

    /* The thread writes, the control thread reads. */
    struct fwd_counters totals;
    uint64_t receive_errors;
};

/* The socket that copies with source port 'port' leave from. */
static inline unsigned int
fwd_tx_socket(uint16_t port)
{
    return (port - FWD_PORT_MIN) / FWD_PORTS_PER_SOCKET;
}

/* Puts 'table' on the list 'retired'. */
void fwd_socket_retire(struct fwd_socket_shared *, struct fwd_table *table);

/* The thread: forwards until 'stop'.  'shared_' is the shared state.  All
 * tables it had end up in 'retired'. */
void *fwd_socket_thread(void *shared_);

#endif /* replication/forwarder/socket-thread.h */
