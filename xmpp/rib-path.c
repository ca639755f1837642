/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/rib-path.h"

#include <stdlib.h>

#include "util.h"
#include "xmpp/names.h"
#include "xmpp/route.h"

struct rib_path {
    unsigned int n_refs;
    struct tunnel_dst hop;      /* The next hop of 'route' if it has one. */
    struct xmpp_evpn route;
};

static struct rib_path *
path_cast(const struct xmpp_evpn *route)
{
    return CONTAINER_OF(CONST_CAST(struct xmpp_evpn *, route),
                        struct rib_path, route);
}

const struct xmpp_evpn *
rib_path_create(struct xmpp_names *names, struct xmpp_evpn *route)
{
    struct rib_path *path = xmalloc(sizeof *path);
    struct xmpp_evpn *own = &path->route;

    path->n_refs = 1;
    *own = *route;
    if (own->n_next_hops == 1) {
        path->hop = own->next_hops[0];
        free(own->next_hops);
        own->next_hops = &path->hop;
    }
    if (own->virtual_network) {
        const char *name = xmpp_names_get(names, own->virtual_network);

        free(own->virtual_network);
        own->virtual_network = CONST_CAST(char *, name);
    }
    return own;
}

const struct xmpp_evpn *
rib_path_ref(const struct xmpp_evpn *route)
{
    path_cast(route)->n_refs++;
    return route;
}

bool
rib_path_unref(struct xmpp_names *names, const struct xmpp_evpn *route)
{
    struct rib_path *path = path_cast(route);
    struct xmpp_evpn *own = &path->route;

    if (--path->n_refs) {
        return false;
    }
    /* What it does not own by itself. */
    if (own->next_hops == &path->hop) {
        own->next_hops = NULL;
    }
    if (own->virtual_network) {
        xmpp_names_put(names, own->virtual_network);
        own->virtual_network = NULL;
    }
    xmpp_evpn_fini(own);
    free(path);
    return true;
}

size_t
rib_path_size(const struct xmpp_evpn *route)
{
    size_t n_tunnels = route->n_olist + route->n_leaf_olist
                       + (route->n_next_hops > 1 ? route->n_next_hops : 0);

    return sizeof(struct rib_path) + n_tunnels * sizeof *route->next_hops
           + route->n_security_groups * sizeof *route->security_groups
           + xmpp_evpn_more_size(route);
}
