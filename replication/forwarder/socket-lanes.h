/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes: of each port there is a socket for frames that somebody waits for an
 * answer to, and one for those to flood, so that a storm of the latter, which
 * fills its socket, does not lose the former.  The kernel looks at a frame and
 * chooses, by a program of classic BPF, which needs no privilege.  It may
 * guess wrong: the lane says when a frame has its turn, the pipeline decides
 * what becomes of it.
 *
 * Private to the socket engine; control thread. */
#ifndef FWD_SOCKET_LANES_H
#define FWD_SOCKET_LANES_H 1

#include "replication/forwarder/socket-open.h"

/* Has the kernel distribute what comes to a port.  'fd' is one of FWD_N_LANES
 * sockets that share it, bound in the order of the lanes.  Returns 0 or
 * -errno. */
int fwd_lanes_select(int fd, enum fwd_rx);

/* Has the raw socket 'fd', of IPv4 or IPv6, get the frames of 'lane' only.  It
 * may have got others before.  Returns 0 or -errno. */
int fwd_lanes_filter(int fd, enum fwd_family, enum fwd_lane lane);

/* Has it get all frames again. */
void fwd_lanes_unfilter(int fd);

#endif /* replication/forwarder/socket-lanes.h */
