/* SPDX-License-Identifier: Apache-2.0 */
/* A learnt EVPN path as the table keeps it: it never changes, and control
 * nodes that say the same share one.  The name of its network is shared by all
 * paths of a pool, and the one next hop that most have takes no memory of its
 * own.  No lock. */
#ifndef XMPP_RIB_PATH_H
#define XMPP_RIB_PATH_H 1

#include <stdbool.h>
#include <stddef.h>

struct xmpp_evpn;
struct xmpp_names;

/* Takes over what 'route' owns, which is not to be used or
 * xmpp_evpn_fini()ed any more.  Returns the path, with one reference. */
const struct xmpp_evpn *rib_path_create(struct xmpp_names *,
                                        struct xmpp_evpn *route);

/* The other functions are only for what came from there. */
const struct xmpp_evpn *rib_path_ref(const struct xmpp_evpn *path);
/* Returns true if that was the last reference. */
bool rib_path_unref(struct xmpp_names *, const struct xmpp_evpn *path);

/* Bytes that a path takes or, as any route, would take at most; but for the
 * name of its network. */
size_t rib_path_size(const struct xmpp_evpn *);

#endif /* xmpp/rib-path.h */
