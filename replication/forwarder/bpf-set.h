/* SPDX-License-Identifier: Apache-2.0 */
/* The flood set of a network as the programs read it.  See bpf/abi.h. */
#ifndef FWD_BPF_SET_H
#define FWD_BPF_SET_H 1

#include <stdbool.h>
#include <stdint.h>

#include "replication/forwarder/bpf-tables.h"
#include "replication/forwarder/bpf/abi.h"

struct fwd_bpf_pool;
struct fwd_network;

/* Free parts of the maps. */
struct fwd_bpf_pools {
    struct fwd_bpf_pool *nets, *members, *index;
};

/* What a set holds; all zero: none. */
struct fwd_bpf_set {
    uint32_t net;               /* Record; 0 for none. */
    uint32_t members, n_members;
    uint32_t index, n_index;
    uint16_t floods[FWD_N_CLASSES][1 + FWD_BPF_MAX_DEVS];
    bool too_large;             /* More copies than the programs make: they
                                 * leave all that is to be flooded to the
                                 * host ... */
    bool too_varied;            /* ... as they do if there is no map that is
                                 * made for it, nor room for one. */
};

/* Writes a set for 'network' in 'slot' where no program finds it yet.  Returns
 * 0 with '*set' filled; -EMSGSIZE if it has more members than a set can have;
 * or -ENOSPC if the maps are full. */
int fwd_bpf_set_write(const struct fwd_bpf_parts *,
                      const struct fwd_bpf_pools *,
                      const struct fwd_network *network, uint32_t slot,
                      struct fwd_bpf_set *set);

/* Gives back what 'set', written for 'network', holds once no program reads it
 * any more. */
void fwd_bpf_set_retire(const struct fwd_bpf_parts *,
                        const struct fwd_bpf_pools *,
                        const struct fwd_network *network,
                        const struct fwd_bpf_set *set);

#endif /* replication/forwarder/bpf-set.h */
