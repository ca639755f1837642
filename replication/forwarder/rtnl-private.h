/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of rtnl: its sockets, how to ask, how to read. */
#ifndef FWD_RTNL_PRIVATE_H
#define FWD_RTNL_PRIVATE_H 1

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "replication/forwarder/rtnl.h"

/* For a message that asks. */
#define RTNL_REQUEST_SIZE 256
/* The kernel fills at most so much per datagram. */
#define RTNL_ANSWER_SIZE 32768

struct fwd_rtnl {
    struct mnl_socket *ask, *events;
    unsigned int seq;
    uint8_t answer[RTNL_ANSWER_SIZE], event[RTNL_ANSWER_SIZE];
};

/* Starts a message in 'buffer' of RTNL_REQUEST_SIZE bytes, with a zeroed
 * header of its type at '*headerp'. */
struct nlmsghdr *fwd_rtnl_start(void *buffer, int type, int flags,
                                size_t header_size, void **headerp);

/* Sends 'msg' and gives what comes back to 'cb', until the kernel says that it
 * was all.  Returns 0 or -errno, also of the kernel. */
int fwd_rtnl_ask(struct fwd_rtnl *, struct nlmsghdr *msg, mnl_cb_t cb,
                 void *aux);

/* AF_INET for v4-mapped addresses. */
int fwd_rtnl_family(const struct fwd_ip *);
void fwd_rtnl_put_ip(struct nlmsghdr *, int type, const struct fwd_ip *);

/* These return false if there is no address of that kind. */
bool fwd_rtnl_read_ip(const void *data, size_t size, struct fwd_ip *);
bool fwd_rtnl_attr_ip(const struct nlattr *, struct fwd_ip *);
bool fwd_rtnl_attr_mac(const struct nlattr *, uint8_t mac[6]);

/* 0 if it does not hold one. */
uint32_t fwd_rtnl_attr_u32(const struct nlattr *);

/* Reads a message about a neighbour.  Returns false for one that is not about
 * an IP neighbour. */
bool fwd_rtnl_parse_neighbour(const struct nlmsghdr *,
                              struct fwd_rtnl_change *);

#endif /* replication/forwarder/rtnl-private.h */
