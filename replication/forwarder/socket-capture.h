/* SPDX-License-Identifier: Apache-2.0 */
/* What the thread of the socket engine captures.  It does not see the outer
 * headers, so it puts down what it knows of them.  Private to the engine;
 * forwarding thread. */
#ifndef FWD_SOCKET_CAPTURE_H
#define FWD_SOCKET_CAPTURE_H 1

#include "replication/forwarder/capture-record.h"
#include "replication/forwarder/socket-open.h"

struct fwd_capture_ring;

struct fwd_socket_capture {
    struct fwd_capture_filter filter;   /* Session 0: none. */
    struct fwd_capture_ring *ring;
    const struct fwd_host *host;

    /* The frame that is being handled. */
    const struct fwd_arrival *arrival;
    const struct sockaddr_in6 *from;    /* Or sockaddr_in. */
    enum fwd_rx rx;
};

/* The frame, if the filter is for those with that fate. */
void fwd_socket_capture_frame(const struct fwd_socket_capture *,
                              const struct fwd_verdict *, enum fwd_drop fate);

/* A copy of it for a member of 'class' that is dropped, likewise. */
void fwd_socket_capture_copy(const struct fwd_socket_capture *,
                             const struct fwd_verdict *,
                             const struct fwd_copy *, enum fwd_class class,
                             enum fwd_drop drop);

#endif /* replication/forwarder/socket-capture.h */
