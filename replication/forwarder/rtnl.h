/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's routes, neighbours and links over rtnetlink, one question at a
 * time, and notice of their changes.  The only file that knows libmnl.
 *
 * Questions are answered by the kernel while they are asked, so nothing here
 * waits for anybody.  One thread at a time. */
#ifndef FWD_RTNL_H
#define FWD_RTNL_H 1

#include <stdbool.h>
#include <stdint.h>

#include "replication/forwarder/types.h"

struct fwd_rtnl;
struct tsn_err;

/* A way out of this host. */
struct fwd_path {
    struct fwd_ip via;          /* The gateway, or the destination itself. */
    int ifindex;
    uint32_t weight;            /* At least 1. */
};

/* More paths than any underlay offers a host. */
#define FWD_MAX_PATHS 16

struct fwd_route {
    struct fwd_path paths[FWD_MAX_PATHS];   /* None that is down. */
    unsigned int n_paths;
    uint32_t mtu;               /* Of the route; 0: the link's. */
};

struct fwd_link {
    uint8_t mac[6];
    uint32_t mtu;
    bool up;
    bool carrier;
};

/* Opens sockets in the network namespace of the calling thread.  Returns 0
 * with '*rtnlp' owned by the caller, or -errno with '*err' filled. */
int fwd_rtnl_create(struct fwd_rtnl **rtnlp, struct tsn_err *err);
void fwd_rtnl_destroy(struct fwd_rtnl *);               /* NULL is fine. */

/* The route to 'dst' of packets from 'src', of the same family or NULL, as the kernel's rules and tables
 * have it.  Returns 0, -ENETUNREACH if there is none or it does not leave the
 * host, or another -errno. */
int fwd_rtnl_get_route(struct fwd_rtnl *, const struct fwd_ip *dst,
                       const struct fwd_ip *src, struct fwd_route *route);

/* The MAC address of neighbour 'ip' on a link.  Returns 0; -ENOENT if it is
 * not known, for now or because the neighbour does not answer; or another
 * -errno.  '*fixed' says that it was not learnt and is not to be asked for. */
int fwd_rtnl_get_neighbour(struct fwd_rtnl *, int ifindex,
                           const struct fwd_ip *ip, uint8_t mac[6],
                           bool *fixed);

/* Has the kernel ask for the MAC of a neighbour, or whether what it knows of
 * it still holds.  Returns 0 or -errno; the answer comes as a change.  Not for
 * a fixed one: the kernel would forget it. */
int fwd_rtnl_solicit(struct fwd_rtnl *, int ifindex, const struct fwd_ip *ip);

/* Returns 0, or -errno: -ENODEV for a link that is gone. */
int fwd_rtnl_get_link(struct fwd_rtnl *, int ifindex, struct fwd_link *link);

/* The index of the link that has the address, 0 if this host has not got it,
 * or -errno. */
int fwd_rtnl_find_address(struct fwd_rtnl *, const struct fwd_ip *ip);

/* What has changed. */
struct fwd_rtnl_change {
    enum {
        FWD_RTNL_NEIGHBOUR,     /* Of 'ip' on 'ifindex': has 'mac', or none. */
        FWD_RTNL_LINK,          /* 'ifindex'. */
        FWD_RTNL_ROUTES,        /* Some route or address. */
        FWD_RTNL_LOST,          /* Changes were missed: look at all anew. */
    } kind;
    int ifindex;
    struct fwd_ip ip;
    bool has_mac;
    bool fixed;                 /* By an administrator. */
    bool stale;                 /* Its MAC is to be used, but it has not been
                                 * heard of for some time. */
    uint8_t mac[6];
};
typedef void fwd_rtnl_change_fn(const struct fwd_rtnl_change *, void *aux);

/* Readable when there are changes. */
int fwd_rtnl_fd(const struct fwd_rtnl *);

/* Tells 'fn' of the changes that are there, some at a time: the descriptor
 * stays readable while there are more.  'fn' may ask questions. */
void fwd_rtnl_run(struct fwd_rtnl *, fwd_rtnl_change_fn *fn, void *aux);

#endif /* replication/forwarder/rtnl.h */
