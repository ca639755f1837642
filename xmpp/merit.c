/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/merit.h"

#include "xmpp/route.h"

struct xmpp_merit
xmpp_merit_of(const struct xmpp_evpn *route, bool stale)
{
    return (struct xmpp_merit) {
        .stale = stale,
        .sequence = route->sequence,
        .local_pref = route->local_pref,
    };
}

int
xmpp_merit_compare(const struct xmpp_merit *a, const struct xmpp_merit *b)
{
    if (a->stale != b->stale) {
        return a->stale ? -1 : 1;
    }
    if (a->sequence != b->sequence) {
        return a->sequence > b->sequence ? 1 : -1;
    }
    return (a->local_pref > b->local_pref) - (a->local_pref < b->local_pref);
}
