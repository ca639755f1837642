/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the reader and the writer of routes. */
#ifndef XMPP_ROUTE_PRIVATE_H
#define XMPP_ROUTE_PRIVATE_H 1

#include <stdint.h>

/* Names of encapsulations (3.6).  Writers use the first XMPP_N_OWN_ENCAPS, in
 * the order of the table, the others are only understood. */
#define XMPP_N_OWN_ENCAPS 3
#define XMPP_N_ENCAPS 5

struct xmpp_encap {
    const char *name;
    uint8_t bit;                /* enum tsn_encap. */
};
extern const struct xmpp_encap xmpp_encaps[XMPP_N_ENCAPS];

#endif /* xmpp/route-private.h */
