/* SPDX-License-Identifier: Apache-2.0 */
/* The tunnel endpoints of the eBPF engine: gives each an entry of the map
 * 'endpoints', and keeps there which way frames to it leave.  Also which
 * interfaces those ways use: each has one of few numbers.
 *
 * One thread, the one of the loop. */
#ifndef FWD_BPF_ENDPOINT_H
#define FWD_BPF_ENDPOINT_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "replication/forwarder/bpf/abi.h"
#include "replication/forwarder/nexthop.h"

struct fwd_bpf_endpoints;
struct fwd_bpf_grace;
struct fwd_bpf_maps;
struct tsn_err;

struct fwd_bpf_endpoint_ops {
    /* An interface is used from now on, before any frame leaves by it. */
    void (*device)(unsigned int dev, int ifindex, void *aux);
    /* An interface may be one that endpoints send to us by. */
    void (*arrival)(int ifindex, void *aux);
    /* Frames to some endpoints leave by another interface, with another MTU,
     * not any more, or now: the networks that flood to them, see
     * fwd_bpf_endpoint_has_moved(), want to be written anew.  Until
     * fwd_bpf_endpoints_settle() copies may leave by the interface before,
     * too. */
    void (*moved)(void *aux);
};

/* Returns 0 with '*endpointsp' owned by the caller, or -errno with '*err'.
 * 'ops' stays where it is. */
int fwd_bpf_endpoints_create(uv_loop_t *, struct fwd_bpf_maps *,
                             struct fwd_bpf_grace *,
                             const struct fwd_host *host,
                             const struct fwd_bpf_endpoint_ops *, void *aux,
                             struct fwd_bpf_endpoints **endpointsp,
                             struct tsn_err *err);
void fwd_bpf_endpoints_destroy(struct fwd_bpf_endpoints *); /* NULL is fine. */

/* Where an endpoint is. */
struct fwd_bpf_at {
    uint32_t endpoint;          /* In the map; 0 if that is full. */
    unsigned int dev;           /* Interface, by its number.  One that cannot
                                 * be reached now has some number all the
                                 * same. */
    uint32_t mtu;               /* Of an IP packet on the way; 0 if there is
                                 * none. */
    bool ready;                 /* It can be sent to now. */
};

/* Wants the endpoint, once more if it is there already. */
struct fwd_bpf_at fwd_bpf_endpoint_ref(struct fwd_bpf_endpoints *,
                                       const struct fwd_ip *);
/* Takes one fwd_bpf_endpoint_ref() back. */
void fwd_bpf_endpoint_unref(struct fwd_bpf_endpoints *, const struct fwd_ip *);

/* Whether 'at' has changed since the last fwd_bpf_endpoints_settle(). */
bool fwd_bpf_endpoint_has_moved(const struct fwd_bpf_endpoints *,
                                const struct fwd_ip *);
/* All networks whose endpoints moved before the last call of 'moved' have been
 * written since, but for those that there is no room for.  Does nothing while
 * another call is to come. */
void fwd_bpf_endpoints_settle(struct fwd_bpf_endpoints *);

/* Looks whether there is a number by now for interfaces that there was none
 * for.  May call 'device' and 'moved'. */
void fwd_bpf_endpoints_retry(struct fwd_bpf_endpoints *);

/* How packets to an endpoint leave.  False if it is not wanted. */
bool fwd_bpf_endpoint_find_way(const struct fwd_bpf_endpoints *,
                               const struct fwd_ip *,
                               struct fwd_nexthop *way);

/* The interface of a number; 0 if it is not used. */
int fwd_bpf_dev_ifindex(const struct fwd_bpf_endpoints *, unsigned int dev);

/* Endpoints that frames cannot be sent to now. */
size_t fwd_bpf_n_pending(const struct fwd_bpf_endpoints *);
/* Calls 'fn' for each of them; 'why' says so in words. */
void fwd_bpf_for_each_pending(const struct fwd_bpf_endpoints *,
                              void (*fn)(const struct fwd_ip *,
                                         const char *why, void *aux),
                              void *aux);

/* Interface 'i', below FWD_BPF_N_ARRIVALS, of those that frames may come in by:
 * those that paths to endpoints have, and those with our addresses.  0 if there
 * is none at 'i', but others may follow. */
#define FWD_BPF_N_ARRIVALS (FWD_NEXTHOP_MAX_INTERFACES + 2)
int fwd_bpf_arrival_ifindex(const struct fwd_bpf_endpoints *, unsigned int i);

#endif /* replication/forwarder/bpf-endpoint.h */
