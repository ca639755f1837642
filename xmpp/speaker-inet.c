/* SPDX-License-Identifier: Apache-2.0 */
/* Unicast IP routes that control nodes tell us with the others of an instance.
 * But for hosts of the underlay nobody uses them: they are looked at, counted
 * and forgotten, so that it shows when a control node sends what cannot be
 * read. */
#include <config.h>
#include "xmpp/speaker-private.h"

#include "openvswitch/vlog.h"
#include "tsn/error.h"
#include "util.h"
#include "xmpp/inet.h"
#include "xmpp/stanza.h"
#include "xmpp/xml.h"

VLOG_DEFINE_THIS_MODULE(xmpp_inet);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

bool
inet_is_family(uint32_t family)
{
    return family == XMPP_FAMILY_INET || family == XMPP_FAMILY_INET6
           || family == XMPP_FAMILY_LABELED;
}

static void
skip(struct peer *peer, const struct xmpp_stanza *st, const char *id,
     const char *why)
{
    peer->n_bad_items++;
    VLOG_WARN_RL(&rl, "skipped a route session=%s network=%s id=%.128s: %s",
                 peer->speaker->name, st->node, id, why);
}

/* Whether the prefix is a host that somebody wants to know of. */
static bool
is_host(const struct peer *peer, const struct xmpp_stanza *st,
        const struct in6_addr *ip, uint8_t plen)
{
    return st->family == XMPP_FAMILY_INET && plen == 32
           && tsn_ip_is_host(ip) && host_is_wanted(peer->speaker, st->node);
}

static void
handle_item(struct peer *peer, const struct xmpp_stanza *st,
            const struct xmpp_node *item)
{
    const char *id = xmpp_node_attr(item, "id");
    struct xmpp_inet route;
    struct tsn_err err;

    if (!id) {
        skip(peer, st, "", "item without id");
    } else if (xmpp_inet_decode(xmpp_node_child(item, "entry"), st->family,
                                &route, &err)) {
        skip(peer, st, id, tsn_err_format(&err));
    } else {
        if (!is_host(peer, st, &route.ip, route.plen)) {
            peer->n_unused_items++;
        } else if (host_learn(peer, &route.ip)) {
            peer->n_items++;
        } else {
            skip(peer, st, id, "too many hosts");
        }
        xmpp_inet_fini(&route);
    }
}

static void
handle_retract(struct peer *peer, const struct xmpp_stanza *st,
               const struct xmpp_node *retract)
{
    const char *id = xmpp_node_attr(retract, "id");
    struct in6_addr ip;
    uint8_t plen;

    if (!id || xmpp_inet_parse_item_id(id, st->family, &ip, &plen)) {
        skip(peer, st, id ? id : "", "retract of what is no prefix");
    } else if (is_host(peer, st, &ip, plen)) {
        peer->n_retracts++;
        host_forget(peer, &ip);
    } else {
        peer->n_unused_items++;
    }
}

void
inet_event(struct peer *peer, const struct xmpp_stanza *st)
{
    const struct xmpp_node *child;

    for (child = st->body->children; child; child = child->next) {
        if (!strcmp(child->name, "item")) {
            handle_item(peer, st, child);
        } else if (!strcmp(child->name, "retract")) {
            handle_retract(peer, st, child);
        }
    }
}
