/* SPDX-License-Identifier: Apache-2.0 */
/* Leases of bare-metal servers as the cloud's configuration gives them
 * (spec/tsn-dataplane.md C.3.3).  No I/O; the thread that has the view. */
#ifndef REPL_LEASE_H
#define REPL_LEASE_H 1

#include <stdbool.h>

struct dhcp4_lease;
struct eth_addr;
struct in6_addr;
struct xmpp_subnet;
struct xmpp_vmi;

/* The subnet of the interface's IPv4 address, or NULL. */
const struct xmpp_subnet *repl_subnet4(const struct xmpp_vmi *);

/* The address of our services in 'subnet', or one that is not set. */
const struct in6_addr *repl_service_ip(const struct xmpp_subnet *);

/* Whether we serve DHCP to the interface: it has a MAC and an address in a
 * subnet with DHCP and a service address. */
bool repl_serves_dhcp4(const struct xmpp_vmi *);

/* The lease of an interface that we serve.  '*lease' borrows its strings from
 * 'vmi'.  Returns the number of configured options that were refused. */
unsigned int repl_lease4(const struct xmpp_vmi *vmi,
                         const struct eth_addr *service_mac,
                         struct dhcp4_lease *lease);

#endif /* replication/services/lease.h */
