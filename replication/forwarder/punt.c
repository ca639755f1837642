/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/punt.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

/* Indexes run freely; a slot is an index modulo the number of slots. */
struct fwd_punt_queue {
    uint32_t head;              /* Next to take; the taker writes it. */
    uint32_t tail;              /* Next to put; the putter writes it. */
    struct fwd_punted slots[FWD_PUNT_SLOTS];
};
BUILD_ASSERT_DECL(!(FWD_PUNT_SLOTS & (FWD_PUNT_SLOTS - 1)));

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

bool
fwd_punt_queue_put(struct fwd_punt_queue *q, const struct fwd_verdict *v,
                   size_t size)
{
    uint32_t head = __atomic_load_n(&q->head, __ATOMIC_ACQUIRE);

    if (q->tail - head >= FWD_PUNT_SLOTS || size > FWD_PUNT_MAX_SIZE) {
        return false;
    }
    struct fwd_punted *p = &q->slots[q->tail % FWD_PUNT_SLOTS];
    p->reason = v->punt;
    p->net = *v->net;
    p->reply = v->dest;
    p->size = size;
    memcpy(p->frame, v->inner, size);
    __atomic_store_n(&q->tail, q->tail + 1, __ATOMIC_RELEASE);
    return true;
}

bool
fwd_punt_queue_take(struct fwd_punt_queue *q, int max, fwd_punt_fn *fn,
                    void *aux)
{
    uint32_t tail = __atomic_load_n(&q->tail, __ATOMIC_ACQUIRE);

    for (; max > 0 && q->head != tail; max--) {
        fn(&q->slots[q->head % FWD_PUNT_SLOTS], aux);
        __atomic_store_n(&q->head, q->head + 1, __ATOMIC_RELEASE);
    }
    return q->head != tail;
}
