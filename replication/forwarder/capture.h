/* SPDX-License-Identifier: Apache-2.0 */
/* Captures: copies of frames, with what became of them, for people to look at.
 * One at a time, of all engines together.  It costs a branch per frame while
 * there is none, and what is captured faster than it is read is lost.
 *
 * All functions belong to the control thread. */
#ifndef FWD_CAPTURE_H
#define FWD_CAPTURE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "replication/forwarder/capture-record.h"

struct fwd_bpf_capture;
struct fwd_capture;
struct fwd_socket_shared;

/* A capture that nobody reads ends after this time. */
#define FWD_CAPTURE_IDLE_MS 5000

/* A frame or a dropped copy, from an outer Ethernet header on.  What is not
 * known of the outer headers is zero in them. */
struct fwd_captured {
    const struct fwd_capture_record *record;
    uint64_t time_ns;           /* Since 1970. */
    const uint8_t *packet;      /* 'stored' octets of 'size'. */
    size_t stored, size;
    size_t tunnel, inner;       /* Where the tunnel header is and the inner
                                 * frame, which need not be stored.  SIZE_MAX:
                                 * there is none, or it is not known. */
    bool ebpf;                  /* By BPF programs. */
};
typedef void fwd_captured_fn(const struct fwd_captured *, void *aux);

struct fwd_capture_state {
    uint64_t lost_by_ebpf;      /* Records since it started that there was no */
    uint64_t lost_by_socket;    /* room for. */
    bool more;                  /* To read now. */
    bool stopped;
};

/* Borrows 'shared', and 'bpf' unless it is NULL. */
struct fwd_capture *fwd_capture_create(uv_loop_t *,
                                       struct fwd_socket_shared *shared,
                                       struct fwd_bpf_capture *bpf);
void fwd_capture_destroy(struct fwd_capture *);         /* NULL is fine. */

/* Starts to capture by 'filter', whose session and time do not matter.  Returns
 * 0 and '*sessionp', or -EBUSY while there is another one. */
int fwd_capture_start(struct fwd_capture *,
                      const struct fwd_capture_filter *filter,
                      uint32_t *sessionp);

/* Captures no more.  What was captured is there to be read; with the last of it
 * the capture ends.  Returns 0, or -ENOENT if it has ended. */
int fwd_capture_stop(struct fwd_capture *, uint32_t session);

/* Hands captured frames to 'fn', which borrows them, the older first, up to
 * 'budget' octets of packets and somewhat more.  Returns 0 and '*state', or
 * -ENOENT if the capture has ended. */
int fwd_capture_read(struct fwd_capture *, uint32_t session, size_t budget,
                     fwd_captured_fn *fn, void *aux,
                     struct fwd_capture_state *state);

#endif /* replication/forwarder/capture.h */
