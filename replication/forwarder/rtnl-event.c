/* SPDX-License-Identifier: Apache-2.0 */
/* Changes that the kernel tells of by itself. */
#include <config.h>
#include "replication/forwarder/rtnl.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "replication/forwarder/rtnl-private.h"

/* Datagrams of changes read in one turn. */
#define EVENT_BUDGET 64
/* States in which a neighbour's MAC is to be used (neighbour.h). */
#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE \
                    | NUD_PERMANENT | NUD_NOARP)

bool
fwd_rtnl_parse_neighbour(const struct nlmsghdr *msg,
                         struct fwd_rtnl_change *change)
{
    const struct ndmsg *ndm = mnl_nlmsg_get_payload(msg);
    const struct nlattr *attr;
    bool has_ip = false;

    *change = (struct fwd_rtnl_change) {
        .kind = FWD_RTNL_NEIGHBOUR, .ifindex = ndm->ndm_ifindex,
    };
    if (ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6) {
        return false;
    }
    mnl_attr_for_each(attr, msg, sizeof *ndm) {
        switch (mnl_attr_get_type(attr)) {
        case NDA_DST:
            has_ip = fwd_rtnl_attr_ip(attr, &change->ip);
            break;
        case NDA_LLADDR:
            change->has_mac = fwd_rtnl_attr_mac(attr, change->mac);
            break;
        }
    }
    change->stale = ndm->ndm_state & NUD_STALE;
    change->fixed = ndm->ndm_state & (NUD_PERMANENT | NUD_NOARP);
    if (msg->nlmsg_type == RTM_DELNEIGH || !(ndm->ndm_state & NUD_USABLE)) {
        change->has_mac = false;
    }
    return has_ip;
}

int
fwd_rtnl_fd(const struct fwd_rtnl *rtnl)
{
    return mnl_socket_get_fd(rtnl->events);
}

struct event_sink {
    fwd_rtnl_change_fn *fn;
    void *aux;
};

static int
event_cb(const struct nlmsghdr *msg, void *sink_)
{
    struct event_sink *sink = sink_;
    struct fwd_rtnl_change change = { .kind = FWD_RTNL_ROUTES };

    switch (msg->nlmsg_type) {
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
        if (!fwd_rtnl_parse_neighbour(msg, &change)) {
            return MNL_CB_OK;
        }
        break;
    case RTM_NEWLINK:
    case RTM_DELLINK: {
        const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(msg);

        change.kind = FWD_RTNL_LINK;
        change.ifindex = ifi->ifi_index;
        break;
    }
    }
    sink->fn(&change, sink->aux);
    return MNL_CB_OK;
}

void
fwd_rtnl_run(struct fwd_rtnl *rtnl, fwd_rtnl_change_fn *fn, void *aux)
{
    struct event_sink sink = { .fn = fn, .aux = aux };

    for (int i = 0; i < EVENT_BUDGET; i++) {
        ssize_t n = mnl_socket_recvfrom(rtnl->events, rtnl->event,
                                        sizeof rtnl->event);

        if (n < 0 && errno == ENOBUFS) {
            const struct fwd_rtnl_change lost = { .kind = FWD_RTNL_LOST };

            fn(&lost, aux);
        } else if (n < 0 && errno != EINTR) {
            return;
        } else if (n > 0) {
            mnl_cb_run(rtnl->event, n, 0, 0, event_cb, &sink);
        }
    }
}
