/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/capture-ring.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

/* What ends the octets that are used before the end of the ring, as a record
 * lies in one piece. */
#define WRAP UINT32_MAX

/* Positions run freely; where they are in 'data' is modulo its size.  They are
 * multiples of 8, and so are the sizes of all records, as they count here. */
struct fwd_capture_ring {
    uint64_t head;              /* Next to take; the taker writes it. */
    uint64_t tail;              /* Next to put; the putter writes it. */
    uint64_t lost;              /* The putter writes it. */
    uint8_t data[FWD_CAPTURE_RING_SIZE] __attribute__((aligned(8)));
};
BUILD_ASSERT_DECL(!(FWD_CAPTURE_RING_SIZE & (FWD_CAPTURE_RING_SIZE - 1)));

struct fwd_capture_ring *
fwd_capture_ring_create(void)
{
    return xzalloc(sizeof(struct fwd_capture_ring));
}

void
fwd_capture_ring_destroy(struct fwd_capture_ring *ring)
{
    free(ring);
}

static size_t
size_of(const struct fwd_capture_record *r)
{
    return sizeof *r + ROUND_UP(r->stored, 8);
}

static uint8_t *
at(struct fwd_capture_ring *ring, uint64_t position)
{
    return &ring->data[position % FWD_CAPTURE_RING_SIZE];
}

static size_t
to_the_end(uint64_t position)
{
    return FWD_CAPTURE_RING_SIZE - position % FWD_CAPTURE_RING_SIZE;
}

/* Each piece starts with its size: of the record with this word, or WRAP. */
#define WORD 8

void
fwd_capture_ring_put(struct fwd_capture_ring *ring,
                     const struct fwd_capture_record *r, const uint8_t *data)
{
    uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
    size_t size = WORD + size_of(r), gap = to_the_end(ring->tail);

    gap = gap < size ? gap : 0;
    if (ring->tail + gap + size - head > FWD_CAPTURE_RING_SIZE) {
        __atomic_store_n(&ring->lost, ring->lost + 1, __ATOMIC_RELAXED);
        return;
    }
    if (gap) {
        *(uint64_t *) at(ring, ring->tail) = WRAP;
    }
    uint8_t *p = at(ring, ring->tail + gap);
    *(uint64_t *) p = size;
    memcpy(p + WORD, r, sizeof *r);
    memcpy(p + WORD + sizeof *r, data, r->stored);
    __atomic_store_n(&ring->tail, ring->tail + gap + size, __ATOMIC_RELEASE);
}

const struct fwd_capture_record *
fwd_capture_ring_peek(struct fwd_capture_ring *ring)
{
    uint64_t tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);

    if (ring->head != tail && *(uint64_t *) at(ring, ring->head) == WRAP) {
        __atomic_store_n(&ring->head, ring->head + to_the_end(ring->head),
                         __ATOMIC_RELEASE);
    }
    return ring->head == tail ? NULL
           : (const void *) (at(ring, ring->head) + WORD);
}

void
fwd_capture_ring_drop(struct fwd_capture_ring *ring)
{
    uint64_t size = *(uint64_t *) at(ring, ring->head);

    __atomic_store_n(&ring->head, ring->head + size, __ATOMIC_RELEASE);
}

uint64_t
fwd_capture_ring_lost(const struct fwd_capture_ring *ring)
{
    return __atomic_load_n(&ring->lost, __ATOMIC_RELAXED);
}
