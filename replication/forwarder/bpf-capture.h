/* SPDX-License-Identifier: Apache-2.0 */
/* What the BPF programs capture.  Private to the engine, and to capture.c,
 * which has it together with what the forwarding thread captures.  Control
 * thread. */
#ifndef FWD_BPF_CAPTURE_H
#define FWD_BPF_CAPTURE_H 1

#include <stdint.h>

#include "replication/forwarder/capture-record.h"

struct fwd_bpf_capture;
struct fwd_bpf_maps;

/* Borrows 'maps'.  Returns 0 with '*capturep' owned by the caller, or -errno.
 */
int fwd_bpf_capture_create(const struct fwd_bpf_maps *,
                           struct fwd_bpf_capture **capturep);
void fwd_bpf_capture_destroy(struct fwd_bpf_capture *);     /* NULL is fine. */

/* Captures by 'filter' from now on, which is copied. */
void fwd_bpf_capture_set(struct fwd_bpf_capture *,
                         const struct fwd_capture_filter *filter);
/* Moves on the time at which it stops by itself. */
void fwd_bpf_capture_extend(struct fwd_bpf_capture *, uint64_t until_ns);

/* The oldest record, its octets behind it, or NULL.  It stays until it is
 * dropped. */
const struct fwd_capture_record *fwd_bpf_capture_peek(
    struct fwd_bpf_capture *);
void fwd_bpf_capture_drop(struct fwd_bpf_capture *);

/* Records lost, for lack of room, since the programs were loaded. */
uint64_t fwd_bpf_capture_lost(const struct fwd_bpf_capture *);

#endif /* replication/forwarder/bpf-capture.h */
