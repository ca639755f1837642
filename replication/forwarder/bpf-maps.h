/* SPDX-License-Identifier: Apache-2.0 */
/* The BPF object: loads it, and has its programs and maps at hand.  Together
 * with bpf-attach.c and bpf-dispatch.c the only file that knows libbpf.
 *
 * The object is compiled into the program.  Each process loads it anew, so
 * there is no older layout to be compatible with; see bpf-attach.h for how one
 * process takes over from another. */
#ifndef FWD_BPF_MAPS_H
#define FWD_BPF_MAPS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replication/forwarder/bpf/abi.h"

struct bpf_object;
struct tsn_err;

enum fwd_bpf_map {
    FWD_BPF_NETS,
    FWD_BPF_CURRENT,
    FWD_BPF_MEMBERS,
    FWD_BPF_INDEX,
    FWD_BPF_ENDPOINTS,
    FWD_BPF_BUCKETS,
    FWD_BPF_DEVS,
    FWD_BPF_CONTROL,
    FWD_BPF_N_MMAPPED,
    FWD_BPF_SLOTS = FWD_BPF_N_MMAPPED,
    FWD_BPF_ADDRESSES,
    FWD_BPF_LABELS,
    FWD_BPF_MACS,
    FWD_BPF_ARPS,
    FWD_BPF_COUNTERS,
    FWD_BPF_FLOODS,
    FWD_BPF_RELAYS,
    FWD_BPF_HEIRS,
    FWD_BPF_GRACE,
    FWD_BPF_CAPTURED,
    FWD_BPF_N_MAPS
};

struct fwd_bpf_maps {
    struct bpf_object *object;
    int fds[FWD_BPF_N_MAPS];
    int ingress;                        /* Programs. */
    int egress[FWD_BPF_MAX_DEVS];
    int heir;
    uint32_t instance;                  /* Tells them from other processes'. */
    unsigned int n_cpus;                /* Values of a per-CPU entry. */

    /* What the programs read, to be written here. */
    struct fwd_bpf_net *nets;
    uint64_t *current;
    struct fwd_bpf_member *members;
    struct fwd_bpf_index *index;
    struct fwd_bpf_endpoint *endpoints;
    uint64_t *devs;
    /* What they change, as anybody may: see policer.h. */
    struct fwd_bucket *buckets;
    struct fwd_bpf_capture_control *capture;
    size_t sizes[FWD_BPF_N_MMAPPED];
};

/* Loads programs that serve the tunnel endpoint 'host'.  Returns 0 with
 * '*mapsp' owned by the caller, or -errno with '*err' saying why this host
 * does not take them. */
int fwd_bpf_maps_load(const struct fwd_host *host,
                      struct fwd_bpf_maps **mapsp, struct tsn_err *err);

/* The same, with an ingress program for bpf-dispatch.h, which only a dispatcher
 * can run.  '*err' also says why this host has none. */
int fwd_bpf_maps_load_for_dispatcher(const struct fwd_host *host,
                                     struct fwd_bpf_maps **mapsp,
                                     struct tsn_err *err);

/* Programs that are attached go on, and keep the maps they use. */
void fwd_bpf_maps_close(struct fwd_bpf_maps *);         /* NULL is fine. */

/* Writes an entry.  Returns 0 or -errno. */
int fwd_bpf_map_set(const struct fwd_bpf_maps *, enum fwd_bpf_map,
                    const void *key, const void *value);
/* Writes 'n' entries at once. */
int fwd_bpf_map_set_batch(const struct fwd_bpf_maps *, enum fwd_bpf_map,
                          const void *keys, const void *values, uint32_t n);
/* Removes an entry, if it is there.  Returns 0 or -errno. */
int fwd_bpf_map_remove(const struct fwd_bpf_maps *, enum fwd_bpf_map,
                       const void *key);

/* Sums the counters of a slot over all CPUs. */
int fwd_bpf_read_counters(const struct fwd_bpf_maps *, uint32_t slot,
                          struct fwd_bpf_counters *sum);
int fwd_bpf_zero_counters(const struct fwd_bpf_maps *, uint32_t slot);

/* Has other programs, whose map of heirs is 'heirs', leave copies of frames of
 * ours to ours.  The map forgets it when nobody has it open or pinned any more.
 * Returns 0 or -errno. */
int fwd_bpf_maps_inherit(const struct fwd_bpf_maps *, int heirs);

/* Waits until no program runs any more that was running when it was called;
 * mostly some milliseconds.  Any thread, also beside the others. */
void fwd_bpf_wait_grace(int grace_fd, int some_devmap_fd);

/* Makes a device map.  Returns its descriptor, owned by the caller, or -errno.
 */
int fwd_bpf_devmap_create(uint32_t n);
/* Sets entry 'i': frames leave by 'ifindex', changed by 'egress_fd'. */
int fwd_bpf_devmap_set(int fd, uint32_t i, int ifindex, int egress_fd);

#endif /* replication/forwarder/bpf-maps.h */
