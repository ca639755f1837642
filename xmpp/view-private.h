/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the parts that build a view. */
#ifndef XMPP_VIEW_PRIVATE_H
#define XMPP_VIEW_PRIVATE_H 1

#include "xmpp/graph.h"
#include "xmpp/view.h"

struct xmpp_node;

/* DHCP options of an interface or subnet, of which 254 exist. */
#define VIEW_MAX_OPTIONS 256

/* Makes room for element 'N' of an array that grows by doubling: with 'N' a
 * power of two (or 0) it is full. */
#define VIEW_GROW(ARRAY, N)                                             \
    do {                                                                \
        if (!((N) & ((N) - 1))) {                                       \
            (ARRAY) = xrealloc(ARRAY,                                   \
                               ((N) ? (N) * 2 : 1) * sizeof *(ARRAY));  \
        }                                                               \
    } while (0)

/* Address in the child 'name' of 'node'; none if there is none or it is not an
 * address. */
struct in6_addr view_ip(const struct xmpp_node *node, const char *name);

/* Appends the options of a dhcp-option-list (NULL has none) except those that
 * are there already. */
void view_add_options(struct xmpp_dhcp_option **options, size_t *n,
                      const struct xmpp_node *list);
void view_free_options(struct xmpp_dhcp_option *options, size_t n);

/* The subnets of the virtual network 'vn', sorted. */
void view_add_subnets(struct xmpp_network *network,
                      const struct xmpp_gnode *vn);
void view_free_subnets(struct xmpp_network *network);

#endif /* xmpp/view-private.h */
