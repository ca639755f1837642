/* SPDX-License-Identifier: Apache-2.0 */
/* Which way packets to tunnel endpoints leave this host: output interface and
 * MAC addresses, kept as the kernel's routes and neighbours have them.  For
 * engines that write Ethernet headers themselves, past the kernel's stack.
 *
 * The kernel resolves a neighbour only when it has something to send to it.
 * Our frames never pass it, so the neighbours are asked for here: at once,
 * then every second while they do not answer, and now and then afterwards to
 * learn that a MAC has moved.
 *
 * Of several paths to an endpoint one is taken by a hash of the endpoint: it
 * stays while that path is there, whatever becomes of the others.  While its
 * neighbour does not answer the next one by the hash is taken.  If there is no
 * other one, the way before stays for some seconds while that can be used: for
 * routes that are replaced by one whose neighbour has to be asked for first.
 *
 * All functions belong to the control thread, the one of 'loop'. */
#ifndef FWD_NEXTHOP_H
#define FWD_NEXTHOP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "replication/forwarder/types.h"

struct fwd_nexthops;
struct tsn_err;

enum fwd_nexthop_state {
    FWD_NEXTHOP_UNROUTED,       /* No route, or a link that is down. */
    FWD_NEXTHOP_UNRESOLVED,     /* The neighbour's MAC is not known. */
    FWD_NEXTHOP_READY
};

struct fwd_nexthop {
    enum fwd_nexthop_state state;
    int ifindex;                /* 0 if unrouted. */
    uint32_t mtu;               /* Of the path, bytes of an IP packet. */
    uint8_t src_mac[6];         /* The interface's; all but zero if routed. */
    uint8_t dst_mac[6];         /* If ready. */
};

/* These may neither add nor remove. */
struct fwd_nexthop_ops {
    /* 'nh' is borrowed, and how packets to 'dst' leave from now on.  Those
     * that leave as before may do so until 'settled'. */
    void (*changed)(const struct fwd_ip *dst, const struct fwd_nexthop *nh,
                    void *aux);
    /* Those were all changes for now, at least one. */
    void (*settled)(void *aux);
    /* An interface that has not been told of is part of a path to 'dst',
     * though not of the one that is taken perhaps. */
    void (*interface)(int ifindex, void *aux);
};

/* Follows the routes of packets from the addresses of 'host', in the network
 * namespace of the calling thread.  'ops' stays where it is.  Returns 0 with
 * '*nhsp' owned by the caller, or -errno with '*err' filled. */
int fwd_nexthops_create(uv_loop_t *, const struct fwd_host *host,
                        const struct fwd_nexthop_ops *ops, void *aux,
                        struct fwd_nexthops **nhsp, struct tsn_err *err);

/* The handles in the loop close in its next turns. */
void fwd_nexthops_destroy(struct fwd_nexthops *);       /* NULL is fine. */

/* Follows the way to 'dst', once more if it is followed already.  Returns how
 * it is now, valid until the loop turns or 'dst' is removed. */
const struct fwd_nexthop *fwd_nexthops_add(struct fwd_nexthops *,
                                           const struct fwd_ip *dst);
/* Likewise, of a 'dst' that is followed; NULL if it is not. */
const struct fwd_nexthop *fwd_nexthops_find(const struct fwd_nexthops *,
                                            const struct fwd_ip *dst);
/* Takes back one fwd_nexthops_add(). */
void fwd_nexthops_remove(struct fwd_nexthops *, const struct fwd_ip *dst);

/* Interface 'i' of those that paths to endpoints have or had, 0 if there are
 * not so many; never more than these. */
#define FWD_NEXTHOP_MAX_INTERFACES 16
int fwd_nexthops_ifindex(const struct fwd_nexthops *, unsigned int i);

/* Endpoints that are followed but not ready. */
size_t fwd_nexthops_n_pending(const struct fwd_nexthops *);

/* Says in words why nothing can be sent to 'dst', which is followed.  Returns
 * false if something can. */
bool fwd_nexthops_explain(const struct fwd_nexthops *,
                          const struct fwd_ip *dst, char *why, size_t size);

/* The interface that has the host's address, 0 if none has: that of IPv4, or
 * of IPv6. */
int fwd_nexthops_source_ifindex(const struct fwd_nexthops *, bool ipv6);

const char *fwd_nexthop_state_name(enum fwd_nexthop_state);

#endif /* replication/forwarder/nexthop.h */
