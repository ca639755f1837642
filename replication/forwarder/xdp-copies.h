/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the kernel can be trusted with broadcasts in generic mode. */
#ifndef FWD_XDP_COPIES_H
#define FWD_XDP_COPIES_H 1

struct tsn_err;

/* Finds out whether programs in the stack get each copy of a broadcast with
 * data of its own.  Older kernels (6.1.176 does, 6.1.192 does not) have all
 * copies share the frame, so that they leave with the headers of the last one.
 * No version tells, as distributions have fixes of their own: tries it with a frame in a tap interface, in a network namespace for that
 * alone where this process may make one.  Takes some milliseconds, and the
 * capabilities that the engine needs anyway.
 *
 * Returns 0 if each copy has its own; -EOPNOTSUPP if not, or if that cannot be
 * found out, with '*err' saying why.  Any thread. */
int fwd_xdp_check_copies(struct tsn_err *);

#endif /* replication/forwarder/xdp-copies.h */
