/* SPDX-License-Identifier: Apache-2.0 */
/* Frames to flood as fast as their copies come back, and each copy accounted
 * for.
 *
 * The kernel makes the frames (BPF_F_TEST_XDP_LIVE_FRAMES) and sends them by a
 * veth to the node at its other end.  What comes back an XDP program takes,
 * which knows of each member which frames it got.  Frames are only made while
 * the copies that are on their way fit the ring of the veth, so that whatever
 * is lost the node has lost. */
#ifndef TESTS_XDP_LOAD_H
#define TESTS_XDP_LOAD_H 1

#include <stdint.h>
#include <sys/types.h>

#include "xdp_load_abi.h"

struct xdp_load;

struct xdp_load_config {
    pid_t netns;                /* A process in the namespace of ... */
    const char *interface;      /* ... the veth, which has XDP by this. */
    const void *frame;          /* LOAD_FRAME_SIZE octets, from the Ethernet
                                 * header on.  Its UDP source port and inner
                                 * source MAC are the same for all. */
    const char *node;           /* Who sends the copies ... */
    uint32_t first_member;      /* ... to whom, in host order, ... */
    uint32_t n_members;         /* ... each of them each frame ... */
    uint32_t n_others;          /* ... and to how many more at most. */
    uint32_t vni;               /* Of the first of ... */
    uint32_t n_vnis;            /* ... the networks; frames of each in turn. */
    int n_streams;              /* Each on a CPU of its own. */
    /* Further interfaces, in the same namespace, that copies may come by. */
    const char *more[LOAD_MAX_PORTS - 1];
    /* Copies may be lost: those that do not come for so long do not hold the
     * frames after them up.  0: they do. */
    uint32_t patience_ms;
};

/* A veth drops more than 256 frames.  The others are for ARP, and whatever else
 * hosts say. */
#define XDP_LOAD_RING 224

/* Sums over streams and members. */
struct xdp_load_result {
    uint64_t frames, copies;    /* Copies for the members. */
    uint64_t others;            /* For others. */
    uint64_t lost, bad;
    uint64_t twice;             /* Within 64 frames. */
    uint64_t late;              /* By more, once or again: 'copies' tells. */
};

/* What has come of the frames of all streams for one member of the first
 * network. */
struct xdp_load_member {
    uint64_t copies, lost, twice;
    uint64_t by_port[LOAD_MAX_PORTS];
    uint64_t gap_ns;            /* Between two copies of a stream, at most,
                                 * since the start; with patience. */
};

/* Has the interface take and count copies.  NULL, and it is said, if the kernel
 * does not do it. */
struct xdp_load *xdp_load_create(const struct xdp_load_config *);
void xdp_load_destroy(struct xdp_load *);               /* NULL is fine. */

/* Starts threads that make frames until xdp_load_stop(), which also waits
 * until all copies are there, or no more come.  May be repeated. */
void xdp_load_start(struct xdp_load *);
void xdp_load_stop(struct xdp_load *);

/* While frames are made, what is on its way is not in 'lost' yet. */
void xdp_load_read(const struct xdp_load *, struct xdp_load_result *);
void xdp_load_read_member(const struct xdp_load *, uint32_t i,
                          struct xdp_load_member *);

/* Frames leave by this one of the interfaces from now on, the first one being
 * 0. */
void xdp_load_via(struct xdp_load *, unsigned int port);

#endif /* tests/unit/xdp_load.h */
