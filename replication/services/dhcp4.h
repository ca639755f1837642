/* SPDX-License-Identifier: Apache-2.0 */
/* DHCPv4 server for clients whose lease is known beforehand (RFC 2131,
 * spec/tsn-dataplane.md C.3).  Frame and lease in, reply out; there is no
 * state, for a lease is configuration and never changes hands.
 *
 * Other than the reference it follows RFC 2131 and 6842 where that one does
 * not: a NAK names its server and is broadcast, a request to another server is
 * left to it, an address that is not the lease is refused in every state, the
 * client's identifier is echoed, the boot file is also in its old place. */
#ifndef DHCP4_H
#define DHCP4_H 1

#include <stddef.h>
#include <stdint.h>

#include "openvswitch/types.h"
#include "replication/services/dhcp4-options.h"

#define DHCP4_MAX_DNS 8
/* An Ethernet frame with an IP packet of the usual size. */
#define DHCP4_MAX_FRAME 1514
#define DHCP4_INFINITE UINT32_MAX

struct dhcp4_lease {
    struct eth_addr client;     /* Whose it is. */
    ovs_be32 ip, mask;
    ovs_be32 router;            /* 0: none. */
    ovs_be32 dns[DHCP4_MAX_DNS];
    size_t n_dns;
    const char *host_name;      /* "" for none. */
    struct dhcp_options options;    /* Configured ones. */

    struct eth_addr server_mac;
    ovs_be32 server;            /* The service address. */
};

enum dhcp4_result {
    /* There is a reply. */
    DHCP4_OFFERED,
    DHCP4_ACKED,
    DHCP4_NAKED,
    /* There is none. */
    DHCP4_DECLINED,             /* The client finds its address in use. */
    DHCP4_RELEASED,
    DHCP4_OTHER_SERVER,         /* The client chose another one. */
    DHCP4_WRONG_MAC,            /* chaddr is not the frame's source. */
    DHCP4_RELAYED,              /* By a relay: not for us. */
    DHCP4_OTHER_TYPE,           /* No message type, or not a client's. */
    DHCP4_MALFORMED,
    DHCP4_N_RESULTS
};
const char *dhcp4_result_name(enum dhcp4_result);

struct dhcp4_reply {
    uint8_t frame[DHCP4_MAX_FRAME];     /* From its Ethernet header on. */
    size_t size;
    unsigned int n_omitted;     /* Configured options without room. */
};

/* Serves the request in the 'size' bytes at 'frame', an untagged Ethernet
 * frame from 'lease->client'.  Fills '*reply' for the first three results. */
enum dhcp4_result dhcp4_serve(const struct dhcp4_lease *lease,
                              const void *frame, size_t size,
                              struct dhcp4_reply *reply);

#endif /* replication/services/dhcp4.h */
