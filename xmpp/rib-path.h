/* SPDX-License-Identifier: Apache-2.0 */
/* EVPN routes as the tables of a speaker keep them: what many routes have in
 * common is kept once.  A path is a route that never changes; paths that say
 * the same are one object.  The MAC of a unicast route is not part of it, so
 * that the MACs behind a switch, which differ in nothing else, share one path
 * for each network.  The name of its network is shared by all paths of a pool,
 * and the one next hop that most have takes no memory of its own.  No lock. */
#ifndef XMPP_RIB_PATH_H
#define XMPP_RIB_PATH_H 1

#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/hmap.h"
#include "xmpp/names.h"

struct eth_addr;
struct xmpp_evpn;

struct rib_paths {
    struct hmap paths;
    struct xmpp_names names;    /* Of virtual networks. */
    size_t n_bytes;             /* That they take, with the names. */
};

void rib_paths_init(struct rib_paths *);
/* Every path must have been given back. */
void rib_paths_fini(struct rib_paths *);

/* Takes over what 'route' owns, which is not to be used or
 * xmpp_evpn_fini()ed any more.  Returns the path with one more reference; or
 * NULL, and leaves 'route' alone, if it would have to make one and that might
 * take more than 'room' bytes. */
const struct xmpp_evpn *rib_path_get(struct rib_paths *,
                                     struct xmpp_evpn *route, size_t room);
/* Likewise, whatever it takes, without taking anything over. */
const struct xmpp_evpn *rib_path_get_copy(struct rib_paths *,
                                          const struct xmpp_evpn *route);

/* The other functions are only for what came from there. */
const struct xmpp_evpn *rib_path_ref(const struct xmpp_evpn *path);
void rib_path_unref(struct rib_paths *, const struct xmpp_evpn *path);

/* Makes the route of 'path' to 'mac' in 'buf', which borrows what the path
 * owns; or returns 'path' if it has a MAC of its own. */
const struct xmpp_evpn *rib_path_route(const struct xmpp_evpn *path,
                                       const struct eth_addr *mac,
                                       struct xmpp_evpn *buf);

/* Whether it is of a unicast MAC, which rib_path_route() is to be given. */
bool rib_path_is_unicast(const struct xmpp_evpn *path);

/* Bytes that a path takes or, as any route, would take at most; but for the
 * name of its network. */
size_t rib_path_size(const struct xmpp_evpn *);

#endif /* xmpp/rib-path.h */
