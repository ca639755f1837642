/* SPDX-License-Identifier: Apache-2.0 */
/* The forwarding thread of the socket engine.  Private to the engine. */
#ifndef FWD_SOCKET_THREAD_H
#define FWD_SOCKET_THREAD_H 1

#include <stdbool.h>
#include <stdint.h>

#include "replication/forwarder/counters.h"
#include "replication/forwarder/socket-open.h"

struct fwd_bucket;
struct fwd_capture_filter;
struct fwd_capture_ring;
struct fwd_punt_queue;
struct fwd_table;

struct fwd_socket_shared {
    /* Set before the thread starts, constant after that. */
    struct fwd_sockets sockets[FWD_N_FAMILIES];
    struct fwd_host host;       /* Without its MTU. */
    int wake_fd;                /* An eventfd: look at what follows. */
    struct fwd_punt_queue *punts;
    struct fwd_capture_ring *captured;
    void (*notify)(void *aux);  /* Called in the thread: there is something
                                 * in 'retired' or 'punts'. */
    void *notify_aux;
    struct fwd_bucket *buckets; /* Set before the first table; NULL without
                                 * storm control. */

    /* Between the threads. */
    struct fwd_table *next;     /* To take over; NULL if there is none. */
    struct fwd_table *retired;  /* List of those that the thread let go. */
    struct fwd_capture_filter *next_filter;     /* To capture by from now on,
                                 * for the thread to free; or NULL. */
    uint32_t mtu;               /* Of the underlay; 0: not known. */
    bool stop;

    /* The thread writes, the control thread reads. */
    struct fwd_counters totals;
    uint64_t receive_errors;
};

/* Puts 'table' on the list 'retired'. */
void fwd_socket_retire(struct fwd_socket_shared *, struct fwd_table *table);

/* The thread: forwards until 'stop'.  'shared_' is the shared state.  All
 * tables it had end up in 'retired', and what it captured by in
 * 'next_filter', for a thread after it. */
void *fwd_socket_thread(void *shared_);

#endif /* replication/forwarder/socket-thread.h */
