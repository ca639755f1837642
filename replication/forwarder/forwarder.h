/* SPDX-License-Identifier: Apache-2.0 */
/* The forwarder as the control thread sees it: tables go in, frames for the
 * services come out, frames of the services go to the underlay.  Forwarding
 * itself is done by threads of the engine behind it.
 *
 * All functions belong to the control thread, the one of 'loop'. */
#ifndef FWD_FORWARDER_H
#define FWD_FORWARDER_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "replication/forwarder/counters.h"
#include "replication/forwarder/punt.h"

struct fwd;
struct fwd_bucket;
struct fwd_capture;
struct fwd_host;
struct fwd_ip;
struct fwd_nexthop;
struct fwd_table;
struct tsn_err;

/* What frames are forwarded with. */
enum fwd_engine {
    FWD_ENGINE_SOCKET,          /* Sockets alone. */
    FWD_ENGINE_EBPF,            /* XDP programs, and sockets for the rest. */
    FWD_ENGINE_EBPF_GENERIC,    /* Likewise, but never in the driver. */
    FWD_ENGINE_AUTO             /* XDP programs, if the host takes them. */
};

struct fwd_config {
    enum fwd_engine engine;
    struct in6_addr address;    /* Own tunnel endpoint, IPv4: source of every
                                 * frame that we send. */
    struct in6_addr address6;   /* The same for IPv6, or all zeros. */
    uint8_t tos;                /* Of the frames that we send, unless ... */
    bool copy_dscp;             /* ... that of the inner packet counts. */
    /* Storm control: what may be flooded of a network, and from a switch. */
    struct fwd_rate storm_network, storm_tor;
};

/* Opens the engine.  An address that is not on this host is no error: it may
 * be one that moves between hosts, so the forwarder tries again every second.
 *
 * 'punt' gets the frames for the services, in the control thread.
 *
 * Returns 0 with '*fwdp' owned by the caller, or -errno with '*err' filled. */
int fwd_create(uv_loop_t *loop, const struct fwd_config *, fwd_punt_fn *punt,
               void *aux, struct fwd **fwdp, struct tsn_err *err);

/* Stops forwarding.  Calls 'punt' no more; the handles in the loop close in
 * its next turns. */
void fwd_destroy(struct fwd *);                         /* NULL is fine. */

/* Forwards by 'table' from now on; takes it, and frees it when a newer one has
 * replaced it in every thread. */
void fwd_publish(struct fwd *, struct fwd_table *table);

/* The table published last, which stays until the next is; NULL before. */
const struct fwd_table *fwd_get_table(const struct fwd *);

/* This host as frames are forwarded by it now. */
void fwd_get_host(const struct fwd *, struct fwd_host *host);

/* Sends an Ethernet frame of a network through the tunnel to 'dst', which is
 * no neighbour in the tree.  Returns 0 or -errno, -EMSGSIZE if the frame must
 * not be fragmented and is too long; never waits. */
int fwd_send(struct fwd *, const struct fwd_net *,
             const struct fwd_member *dst, const void *frame, size_t size);

/* Totals over all networks that there are and were, and frames of none. */
const struct fwd_counters *fwd_totals(struct fwd *);

/* The FWD_N_BUCKETS buckets of storm control, see bucket.h, which change at
 * any time; NULL without limits.  They stay as long as 'fwd'. */
const struct fwd_bucket *fwd_buckets(const struct fwd *fwd);

/* To capture frames with; lives as long as the forwarder. */
struct fwd_capture *fwd_get_capture(struct fwd *);

/* What was published by now is all there is, not the beginning of it: programs
 * of a process before this one, which have forwarded until now, go. */
void fwd_set_complete(struct fwd *);

struct fwd_status {
    const char *engine;         /* "socket", "ebpf", "ebpf-generic". */
    const char *engine_reason;  /* Why that one. */
    const char *mode_reason;    /* eBPF: why native or generic; else "". */
    bool pinned;                /* eBPF: flooding goes on without us. */
    unsigned int n_interfaces;  /* eBPF: of the underlay ... */
    size_t n_unresolved;        /* ... and endpoints that nothing can be sent
                                 * to now. */
    bool running;
    const char *reason;         /* Why it is not running, or "". */
    bool ipv6;                  /* Running over IPv6 ... */
    const char *reason6;        /* ... or why not, if that is wanted; or "". */
    bool gre;                   /* MPLS over GRE works, too. */
    unsigned int mtu;           /* Of the underlay; 0: not known. */
    uint64_t overruns;          /* Frames lost before we read them ... */
    uint64_t control_overruns;  /* ... of these, ARP and those for services. */
    uint64_t receive_errors;
};
void fwd_get_status(const struct fwd *, struct fwd_status *);

/* How packets to 'dst' leave, if there is an engine that knows, eBPF's, and
 * 'dst' is one of its endpoints.  Returns false otherwise. */
bool fwd_find_way(const struct fwd *, const struct fwd_ip *dst,
                  struct fwd_nexthop *way);

/* eBPF: interface 'i' of those that run XDP programs of ours.  Returns its
 * name, NULL if there are not so many, borrowed until the next turn; in
 * '*othersp' the names of other programs there, NULL where there is no room
 * for any. */
const char *fwd_get_interface(const struct fwd *, int i,
                              const char **othersp);

/* What keeps frames from being forwarded, or from being so by XDP programs. */
enum fwd_problem {
    FWD_NOT_FORWARDING,         /* 'object': "ipv4" or "ipv6". */
    FWD_ENGINE_FALLBACK,        /* Sockets alone, not by choice. */
    FWD_ENDPOINT_UNRESOLVED,    /* 'object': "vtep=IP". */
    FWD_INTERFACE_WITHOUT_PROGRAM,  /* 'object': "interface=NAME". */
    FWD_NETWORK_TOO_LARGE,      /* For XDP programs; 'object': "vni=VNI". */
    FWD_NETWORKS_REFUSED,       /* No room; 'object' likewise, or "": all that
                                 * there is none for. */
};

/* 'text' says in words what is wrong. */
typedef void fwd_problem_fn(enum fwd_problem, const char *object,
                            const char *text, void *aux);

/* Tells 'fn' of what is the case now, each for as long as it is. */
void fwd_for_each_problem(const struct fwd *, fwd_problem_fn *fn, void *aux);

#endif /* replication/forwarder/forwarder.h */
