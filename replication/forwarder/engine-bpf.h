/* SPDX-License-Identifier: Apache-2.0 */
/* The eBPF engine: XDP programs in front of the socket engine, which flood,
 * relay and answer ARP in the kernel.  What they leave to the host's stack
 * comes to the socket engine: frames for the services, fragments, frames whose
 * copies have to be fragmented.
 *
 * All functions belong to the control thread, the one of 'loop'. */
#ifndef FWD_ENGINE_BPF_H
#define FWD_ENGINE_BPF_H 1

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "replication/forwarder/counters.h"
#include "replication/forwarder/forwarder.h"

struct fwd_bpf;
struct fwd_bucket;
struct fwd_bpf_capture;
struct fwd_host;
struct fwd_ip;
struct fwd_nexthop;
struct fwd_table;
struct tsn_err;

struct fwd_bpf_config {
    const struct fwd_host *host;    /* Copied. */
    bool generic;               /* In the host's stack even where the driver
                                 * could do it. */
    bool link;                  /* No dispatcher even where there could be
                                 * one. */
    const char *pin_dir;        /* Below a BPF file system; NULL: a directory
                                 * of this address in /sys/fs/bpf, if that is
                                 * one. */
};

/* Loads the programs; interfaces get them as soon as something is flooded by
 * them, unless that would have to be in generic mode and the kernel spoils
 * frames there (see xdp-copies.h).  Returns 0 with '*bpfp' owned by the caller,
 * or -errno with '*err' saying why this host cannot do it. */
int fwd_bpf_create(uv_loop_t *, const struct fwd_bpf_config *,
                   struct fwd_bpf **bpfp, struct tsn_err *err);

/* Programs with a pinned link go on. */
void fwd_bpf_destroy(struct fwd_bpf *);                 /* NULL is fine. */

/* Forwards by 'table' from now on; references what it keeps of it.
 *
 * If programs of a process before this one are still there, they go on until
 * fwd_bpf_set_complete(). */
void fwd_bpf_publish(struct fwd_bpf *, const struct fwd_table *table);

/* What was published is all there is, not the beginning of it. */
void fwd_bpf_set_complete(struct fwd_bpf *);

/* Totals over all networks that there are and were, brought up to date now
 * together with those of the networks. */
const struct fwd_counters *fwd_bpf_totals(struct fwd_bpf *);

/* The FWD_N_BUCKETS buckets of storm control, see bucket.h: the programs use
 * them, and others may as well.  They stay as long as 'bpf'.  Any thread. */
struct fwd_bucket *fwd_bpf_buckets(const struct fwd_bpf *bpf);

/* What the programs capture; of 'bpf', or NULL if that is. */
struct fwd_bpf_capture *fwd_bpf_get_capture(struct fwd_bpf *bpf);

struct fwd_bpf_status {
    const char *mode;           /* "native" or "generic"; NULL if no interface
                                 * may run the programs ... */
    const char *reason;         /* ... and why; or "". */
    const char *mode_reason;    /* Why in that mode; or "". */
    bool pinned;                /* Programs go on without the process. */
    unsigned int n_interfaces;
    size_t n_unresolved;        /* Endpoints that nothing can be sent to. */
    size_t n_due;               /* Networks that programs do not know as they
                                 * are: soon. */
    bool waiting;               /* For fwd_bpf_set_complete(). */
};
void fwd_bpf_get_status(const struct fwd_bpf *, struct fwd_bpf_status *);

/* How packets to an endpoint leave.  False if it is none. */
bool fwd_bpf_find_way(const struct fwd_bpf *, const struct fwd_ip *,
                      struct fwd_nexthop *way);

/* Interface 'i' of those that run the programs: its name, NULL if there are
 * not so many, borrowed until the next turn.  '*othersp' becomes the names of
 * the XDP programs that share the interface with ours, NULL where that cannot
 * be shared. */
const char *fwd_bpf_get_interface(const struct fwd_bpf *, int i,
                                  const char **othersp);

/* As fwd_for_each_problem(). */
void fwd_bpf_for_each_problem(const struct fwd_bpf *, fwd_problem_fn *fn,
                              void *aux);

#endif /* replication/forwarder/engine-bpf.h */
