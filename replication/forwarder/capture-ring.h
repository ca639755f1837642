/* SPDX-License-Identifier: Apache-2.0 */
/* Captured frames on their way from a forwarding thread to who reads them: a
 * bounded ring of octets, one thread puts, another takes, neither waits. */
#ifndef FWD_CAPTURE_RING_H
#define FWD_CAPTURE_RING_H 1

#include <stdbool.h>
#include <stdint.h>

#include "replication/forwarder/capture-record.h"

/* A tenth of a second of 10 MB/s. */
#define FWD_CAPTURE_RING_SIZE (1 << 20)

struct fwd_capture_ring;

/* The memory is used from the first record on, not before. */
struct fwd_capture_ring *fwd_capture_ring_create(void);
void fwd_capture_ring_destroy(struct fwd_capture_ring *);   /* NULL is fine. */

/* Forwarding thread: copies a record and the 'record->stored' octets at 'data'.
 * Without room for them counts the record as lost. */
void fwd_capture_ring_put(struct fwd_capture_ring *,
                          const struct fwd_capture_record *,
                          const uint8_t *data);

/* Control thread: the oldest record, its octets behind it, or NULL.  It stays
 * until it is dropped. */
const struct fwd_capture_record *fwd_capture_ring_peek(
    struct fwd_capture_ring *);
void fwd_capture_ring_drop(struct fwd_capture_ring *);

/* Any thread: records lost since the ring was made. */
uint64_t fwd_capture_ring_lost(const struct fwd_capture_ring *);

#endif /* replication/forwarder/capture-ring.h */
