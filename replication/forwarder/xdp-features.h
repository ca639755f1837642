/* SPDX-License-Identifier: Apache-2.0 */
/* What the driver of an interface can do with XDP. */
#ifndef FWD_XDP_FEATURES_H
#define FWD_XDP_FEATURES_H 1

/* Programs and redirection, and frames that others redirect to it (the netdev
 * family of generic netlink). */
#define FWD_XDP_BASIC 0x01
#define FWD_XDP_REDIRECT 0x02
#define FWD_XDP_NDO_XMIT 0x04
#define FWD_XDP_FORWARDS (FWD_XDP_BASIC | FWD_XDP_REDIRECT | FWD_XDP_NDO_XMIT)

/* Asks the kernel.  Returns the features, FWD_XDP_*, or -errno: -ENOENT from
 * kernels before 6.3, which cannot tell. */
int fwd_xdp_features(int ifindex);

#endif /* replication/forwarder/xdp-features.h */
