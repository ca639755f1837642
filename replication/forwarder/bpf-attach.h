/* SPDX-License-Identifier: Apache-2.0 */
/* Has interfaces run the ingress program, and go on with it when this process
 * is gone.
 *
 * Where there is a BPF file system the link between interface and program is
 * pinned in it: it outlives the process, and so do program and maps.  The next
 * process finds the link and puts its own program, with maps that it has
 * filled, in place of the old one at once; no frame meets neither. */
#ifndef FWD_BPF_ATTACH_H
#define FWD_BPF_ATTACH_H 1

#include <stdbool.h>

#include "replication/forwarder/bpf-maps.h"

struct fwd_bpf_attach;

enum fwd_bpf_mode {
    FWD_BPF_NATIVE,             /* In the driver. */
    FWD_BPF_GENERIC             /* In the stack: any interface can. */
};

/* 'dir' is where to pin links, below a BPF file system; NULL: nowhere. */
struct fwd_bpf_attach *fwd_bpf_attach_create(const struct fwd_bpf_maps *,
                                             const char *dir);

/* Pinned links stay. */
void fwd_bpf_attach_destroy(struct fwd_bpf_attach *);   /* NULL is fine. */

/* Whether another process has left links behind. */
bool fwd_bpf_attach_has_old(const struct fwd_bpf_attach *);

/* Runs the program on 'ifindex', if it does not do so already.  Returns 0 or
 * -errno, -EBUSY for an interface with a program of somebody else. */
int fwd_bpf_attach_to(struct fwd_bpf_attach *, int ifindex,
                      enum fwd_bpf_mode);

/* Forgets an interface that is not used any more, if it ran the program. */
void fwd_bpf_detach_from(struct fwd_bpf_attach *, int ifindex);

/* Removes links of interfaces that are not those of this process: of a process
 * before it. */
void fwd_bpf_attach_clean(struct fwd_bpf_attach *);

#endif /* replication/forwarder/bpf-attach.h */
