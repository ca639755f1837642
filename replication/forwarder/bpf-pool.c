/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/bpf-pool.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

#define N_ORDERS 32
#define NONE UINT32_MAX
#define NOT_FREE UINT8_MAX

/* A free block of 1 << order entries is on the list of its order, and starts
 * at a multiple of its size; the other half of the next larger one differs
 * from it in one bit. */
struct fwd_bpf_pool {
    unsigned int max_order;
    uint32_t used;
    uint32_t heads[N_ORDERS];
    uint32_t *next, *prev;      /* By first entry of a free block. */
    uint8_t *order;             /* Likewise; NOT_FREE for all others. */
};

static unsigned int
order_of(uint32_t n)
{
    return n > 1 ? 32 - __builtin_clz(n - 1) : 0;
}

static void
push(struct fwd_bpf_pool *pool, uint32_t first, unsigned int order)
{
    uint32_t head = pool->heads[order];

    pool->order[first] = order;
    pool->next[first] = head;
    pool->prev[first] = NONE;
    if (head != NONE) {
        pool->prev[head] = first;
    }
    pool->heads[order] = first;
}

static void
take(struct fwd_bpf_pool *pool, uint32_t first)
{
    uint32_t next = pool->next[first], prev = pool->prev[first];

    if (next != NONE) {
        pool->prev[next] = prev;
    }
    if (prev != NONE) {
        pool->next[prev] = next;
    } else {
        pool->heads[pool->order[first]] = next;
    }
    pool->order[first] = NOT_FREE;
}

struct fwd_bpf_pool *
fwd_bpf_pool_create(uint32_t n)
{
    struct fwd_bpf_pool *pool = xzalloc(sizeof *pool);

    pool->max_order = order_of(n);
    pool->next = xmalloc(n * sizeof *pool->next);
    pool->prev = xmalloc(n * sizeof *pool->prev);
    pool->order = xmalloc(n);
    memset(pool->order, NOT_FREE, n);
    for (int i = 0; i < N_ORDERS; i++) {
        pool->heads[i] = NONE;
    }
    push(pool, 0, pool->max_order);
    return pool;
}

void
fwd_bpf_pool_destroy(struct fwd_bpf_pool *pool)
{
    if (pool) {
        free(pool->next);
        free(pool->prev);
        free(pool->order);
        free(pool);
    }
}

uint32_t
fwd_bpf_pool_alloc(struct fwd_bpf_pool *pool, uint32_t n)
{
    unsigned int wanted = order_of(n), order = wanted;

    while (order <= pool->max_order && pool->heads[order] == NONE) {
        order++;
    }
    if (order > pool->max_order) {
        return FWD_BPF_POOL_FULL;
    }
    uint32_t first = pool->heads[order];
    take(pool, first);
    while (order > wanted) {
        order--;
        push(pool, first + (UINT32_C(1) << order), order);
    }
    pool->used += UINT32_C(1) << wanted;
    return first;
}

void
fwd_bpf_pool_free(struct fwd_bpf_pool *pool, uint32_t first, uint32_t n)
{
    unsigned int order = order_of(n);

    pool->used -= UINT32_C(1) << order;
    for (; order < pool->max_order; order++) {
        uint32_t buddy = first ^ UINT32_C(1) << order;

        if (pool->order[buddy] != order) {
            break;
        }
        take(pool, buddy);
        first = MIN(first, buddy);
    }
    push(pool, first, order);
}

uint32_t
fwd_bpf_pool_used(const struct fwd_bpf_pool *pool)
{
    return pool->used;
}
