/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on their way from a forwarding thread to the services: a bounded
 * queue for each service, of which a tunnel endpoint fills no more than its
 * share, so that too many frames of one kind or from one switch are not at the
 * expense of others.  One thread puts, another takes, neither waits. */
#ifndef FWD_PUNT_H
#define FWD_PUNT_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replication/forwarder/types.h"

/* Of each service.  The memory, half a MiB, is used only where there are so
 * many. */
#define FWD_PUNT_SLOTS 256
/* Of these, for frames from one endpoint: as many as a rack of servers that
 * boot at once may need until the control thread gets its turn. */
#define FWD_PUNT_SHARE 64
/* What the services understand fits an Ethernet frame. */
#define FWD_PUNT_MAX_SIZE 2048

struct fwd_punted {
    enum fwd_punt_reason reason;
    struct fwd_net net;         /* As it was then. */
    struct fwd_member reply;    /* Where answers go to: the tunnel endpoint
                                 * that the frame came from. */
    size_t size;
    uint8_t frame[FWD_PUNT_MAX_SIZE];   /* From its Ethernet header on. */
};

/* Handles a frame, borrowed. */
typedef void fwd_punt_fn(const struct fwd_punted *, void *aux);

struct fwd_punt_queue;

struct fwd_punt_queue *fwd_punt_queue_create(void);
void fwd_punt_queue_destroy(struct fwd_punt_queue *);   /* NULL is fine. */

/* Forwarding thread: copies the inner frame of 'size' bytes whose verdict says
 * so.  Returns false if the service's slots or the endpoint's share of them
 * are full, or the frame is too long. */
bool fwd_punt_queue_put(struct fwd_punt_queue *, const struct fwd_verdict *,
                        size_t size);

/* Control thread: hands up to 'max' frames to 'fn', of one service after the
 * other.  Returns true if there are more. */
bool fwd_punt_queue_take(struct fwd_punt_queue *, int max, fwd_punt_fn *fn,
                         void *aux);

#endif /* replication/forwarder/punt.h */
