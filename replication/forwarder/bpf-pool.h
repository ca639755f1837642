/* SPDX-License-Identifier: Apache-2.0 */
/* Which parts of an array are free: hands out blocks of consecutive entries
 * (a buddy allocator).  The array itself is elsewhere.  One thread. */
#ifndef FWD_BPF_POOL_H
#define FWD_BPF_POOL_H 1

#include <stdint.h>

struct fwd_bpf_pool;

#define FWD_BPF_POOL_FULL UINT32_MAX

/* For an array of 'n' entries, a power of two. */
struct fwd_bpf_pool *fwd_bpf_pool_create(uint32_t n);
void fwd_bpf_pool_destroy(struct fwd_bpf_pool *);       /* NULL is fine. */

/* Returns the first of 'n' entries that are the caller's from now on, n > 0,
 * or FWD_BPF_POOL_FULL.  As many as the next power of two are used up. */
uint32_t fwd_bpf_pool_alloc(struct fwd_bpf_pool *, uint32_t n);

/* Gives back what an alloc() of 'n' returned. */
void fwd_bpf_pool_free(struct fwd_bpf_pool *, uint32_t first, uint32_t n);

/* Entries that are used up. */
uint32_t fwd_bpf_pool_used(const struct fwd_bpf_pool *);

#endif /* replication/forwarder/bpf-pool.h */
