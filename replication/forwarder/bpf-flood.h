/* SPDX-License-Identifier: Apache-2.0 */
/* Device maps to broadcast to.  What counts is how many entries they have for
 * each interface; networks that need the same share one.
 *
 * A few entries too many do no harm: the egress program drops those copies.
 * So large numbers are rounded up, and adding a member to a large network
 * mostly needs no new map.
 *
 * To put a map where the programs find it takes the kernel a grace period of
 * RCU, some 10 ms.  So all maps that flood by one interface alone are made
 * when the interface is used first, and put there at once. */
#ifndef FWD_BPF_FLOOD_H
#define FWD_BPF_FLOOD_H 1

#include <stdbool.h>
#include <stdint.h>

#include "replication/forwarder/bpf/abi.h"

struct fwd_bpf_endpoints;
struct fwd_bpf_floods;
struct fwd_bpf_grace;
struct fwd_bpf_maps;

struct fwd_bpf_floods *fwd_bpf_floods_create(
    struct fwd_bpf_maps *, struct fwd_bpf_endpoints *, struct fwd_bpf_grace *);
void fwd_bpf_floods_destroy(struct fwd_bpf_floods *);   /* NULL is fine. */

/* Interface 'dev' is 'ifindex' from now on. */
void fwd_bpf_floods_prepare(struct fwd_bpf_floods *, unsigned int dev,
                            int ifindex);

/* Wants a map with at least copies[i] entries for interface i, of sizes that are
 * coarse or not: see fwd_bpf_flood_size().  Returns true with '*flood' its
 * number, FWD_BPF_NONE if it would be empty; false, and '*flood' is that, too,
 * if there is no room for another map.  By several interfaces there is less
 * for those that are not coarse. */
bool fwd_bpf_flood_ref(struct fwd_bpf_floods *,
                       const uint32_t copies[FWD_BPF_MAX_DEVS], bool coarse,
                       uint16_t *flood);
/* Has programs find the maps that were made since the last time.  No set may
 * be used before. */
void fwd_bpf_floods_commit(struct fwd_bpf_floods *);
/* Takes one fwd_bpf_flood_ref() back; FWD_BPF_NONE is fine. */
void fwd_bpf_flood_unref(struct fwd_bpf_floods *, uint16_t flood);

#endif /* replication/forwarder/bpf-flood.h */
