/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of BPF maps that programs may still be reading: used again only after
 * a grace period.  Waits in libuv's thread pool, so the control thread never
 * does. */
#ifndef FWD_BPF_GRACE_H
#define FWD_BPF_GRACE_H 1

#include <stdint.h>
#include <uv.h>

struct fwd_bpf_grace;
struct fwd_bpf_maps;

/* Entries 'first' to 'first' + 'n' - 1 are free. */
typedef void fwd_bpf_reuse_fn(void *owner, uint32_t first, uint32_t n);

/* Returns 0 with '*gracep' owned by the caller, or -errno. */
int fwd_bpf_grace_create(uv_loop_t *, const struct fwd_bpf_maps *,
                         struct fwd_bpf_grace **gracep);

/* What is deferred stays so for ever. */
void fwd_bpf_grace_destroy(struct fwd_bpf_grace *);     /* NULL is fine. */

/* Has fn(owner, first, n) called from the loop once no program can read what
 * it could find before this call. */
void fwd_bpf_defer(struct fwd_bpf_grace *, fwd_bpf_reuse_fn *fn, void *owner,
                   uint32_t first, uint32_t n);

#endif /* replication/forwarder/bpf-grace.h */
