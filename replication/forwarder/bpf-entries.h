/* SPDX-License-Identifier: Apache-2.0 */
/* The MACs and ARP entries of a network in the maps. */
#ifndef FWD_BPF_ENTRIES_H
#define FWD_BPF_ENTRIES_H 1

#include <stdint.h>

#include "replication/forwarder/bpf-tables.h"

struct fwd_network;

/* Has the entries of 'slot', which are those of 'old', be those of 'new'.
 * Either may be NULL: none.  Writes only what is different. */
void fwd_bpf_entries_change(const struct fwd_bpf_parts *, uint32_t slot,
                            const struct fwd_network *old,
                            const struct fwd_network *new);

#endif /* replication/forwarder/bpf-entries.h */
