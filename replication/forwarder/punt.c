/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/punt.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

/* Endpoints with the same hash have one share together. */
#define N_SHARES 256

/* Indexes run freely; a slot is an index modulo the number of slots. */
struct ring {
    uint32_t head;              /* Next to take; the taker writes it. */
    uint32_t tail;              /* Next to put; the putter writes it. */
    struct fwd_punted slots[FWD_PUNT_SLOTS];
};
BUILD_ASSERT_DECL(!(FWD_PUNT_SLOTS & (FWD_PUNT_SLOTS - 1)));

/* Frames of an endpoint, ever: the difference is there now. */
struct share {
    uint32_t put;               /* The putter's. */
    uint32_t taken;             /* The taker writes it. */
};

struct fwd_punt_queue {
    struct ring rings[FWD_N_PUNTS];
    struct share shares[FWD_N_PUNTS][N_SHARES];
    unsigned int next;          /* Whose turn it is; the taker's. */
};

struct fwd_punt_queue *
fwd_punt_queue_create(void)
{
    return xzalloc(sizeof(struct fwd_punt_queue));
}

void
fwd_punt_queue_destroy(struct fwd_punt_queue *q)
{
    free(q);
}

static struct share *
share_of(struct fwd_punt_queue *q, enum fwd_punt_reason reason,
         const struct fwd_ip *ip)
{
    uint64_t x[2];

    memcpy(x, ip, sizeof x);
    return &q->shares[reason][fwd_hash(x[0], x[1], 0) % N_SHARES];
}

bool
fwd_punt_queue_put(struct fwd_punt_queue *q, const struct fwd_verdict *v,
                   size_t size)
{
    struct ring *ring = &q->rings[v->punt];
    struct share *share = share_of(q, v->punt, &v->dest.ip);
    uint32_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
    uint32_t taken = __atomic_load_n(&share->taken, __ATOMIC_RELAXED);

    if (ring->tail - head >= FWD_PUNT_SLOTS
        || share->put - taken >= FWD_PUNT_SHARE
        || size > FWD_PUNT_MAX_SIZE) {
        return false;
    }
    struct fwd_punted *p = &ring->slots[ring->tail % FWD_PUNT_SLOTS];
    p->reason = v->punt;
    p->net = *v->net;
    p->reply = v->dest;
    p->size = size;
    memcpy(p->frame, v->inner, size);
    share->put++;
    __atomic_store_n(&ring->tail, ring->tail + 1, __ATOMIC_RELEASE);
    return true;
}

/* The next service in turn that has a frame, or NULL. */
static struct ring *
next_ring(struct fwd_punt_queue *q)
{
    for (int i = 0; i < FWD_N_PUNTS; i++) {
        struct ring *ring = &q->rings[(q->next + i) % FWD_N_PUNTS];

        if (ring->head != __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE)) {
            q->next = (q->next + i) % FWD_N_PUNTS;
            return ring;
        }
    }
    return NULL;
}

bool
fwd_punt_queue_take(struct fwd_punt_queue *q, int max, fwd_punt_fn *fn,
                    void *aux)
{
    struct ring *ring;

    while ((ring = next_ring(q)) && max-- > 0) {
        const struct fwd_punted *p = &ring->slots[ring->head % FWD_PUNT_SLOTS];
        struct share *share = share_of(q, p->reason, &p->reply.ip);

        fn(p, aux);
        __atomic_store_n(&share->taken, share->taken + 1, __ATOMIC_RELAXED);
        __atomic_store_n(&ring->head, ring->head + 1, __ATOMIC_RELEASE);
        q->next++;
    }
    return ring;
}
