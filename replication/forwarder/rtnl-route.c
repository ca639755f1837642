/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about routes. */
#include <config.h>
#include "replication/forwarder/rtnl.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "replication/forwarder/rtnl-private.h"

static void
add_path(struct fwd_route *route, const struct fwd_path *path)
{
    if (path->ifindex && route->n_paths < FWD_MAX_PATHS) {
        route->paths[route->n_paths++] = *path;
    }
}

/* A gateway of another family: family, then address. */
static bool
read_rta_via(const void *data, size_t size, struct fwd_ip *ip)
{
    return size > sizeof(uint16_t)
           && fwd_rtnl_read_ip((const uint8_t *) data + sizeof(uint16_t),
                      size - sizeof(uint16_t), ip);
}

static void
read_multipath(const struct nlattr *attr, const struct fwd_ip *dst,
               struct fwd_route *route)
{
    const struct rtnexthop *nh = mnl_attr_get_payload(attr);
    int left = mnl_attr_get_payload_len(attr);

    for (; RTNH_OK(nh, left); left -= RTNH_ALIGN(nh->rtnh_len),
                              nh = RTNH_NEXT(nh)) {
        struct fwd_path path = {
            .via = *dst, .ifindex = nh->rtnh_ifindex,
            .weight = nh->rtnh_hops + 1,
        };
        const struct rtattr *rta = RTNH_DATA(nh);
        int rta_left = nh->rtnh_len - RTNH_LENGTH(0);

        if (nh->rtnh_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) {
            continue;
        }
        for (; RTA_OK(rta, rta_left); rta = RTA_NEXT(rta, rta_left)) {
            if (rta->rta_type == RTA_GATEWAY) {
                fwd_rtnl_read_ip(RTA_DATA(rta), RTA_PAYLOAD(rta), &path.via);
            } else if (rta->rta_type == RTA_VIA) {
                read_rta_via(RTA_DATA(rta), RTA_PAYLOAD(rta), &path.via);
            }
        }
        add_path(route, &path);
    }
}

static uint32_t
read_mtu(const struct nlattr *metrics)
{
    const struct nlattr *attr;

    mnl_attr_for_each_nested(attr, metrics) {
        if (mnl_attr_get_type(attr) == RTAX_MTU) {
            return fwd_rtnl_attr_u32(attr);
        }
    }
    return 0;
}

struct route_answer {
    const struct fwd_ip *dst;
    struct fwd_route *route;
    bool is_object;             /* It names a nexthop object. */
    int error;
};

static int
route_cb(const struct nlmsghdr *msg, void *answer_)
{
    struct route_answer *answer = answer_;
    const struct rtmsg *rtm = mnl_nlmsg_get_payload(msg);
    struct fwd_path path = { .via = *answer->dst, .weight = 1 };
    const struct nlattr *attr;

    if (msg->nlmsg_type != RTM_NEWROUTE || rtm->rtm_type != RTN_UNICAST) {
        answer->error = -ENETUNREACH;
        return MNL_CB_OK;
    }
    mnl_attr_for_each(attr, msg, sizeof *rtm) {
        switch (mnl_attr_get_type(attr)) {
        case RTA_OIF:
            path.ifindex = fwd_rtnl_attr_u32(attr);
            break;
        case RTA_GATEWAY:
            fwd_rtnl_attr_ip(attr, &path.via);
            break;
        case RTA_VIA:
            read_rta_via(mnl_attr_get_payload(attr),
                         mnl_attr_get_payload_len(attr), &path.via);
            break;
        case RTA_MULTIPATH:
            read_multipath(attr, answer->dst, answer->route);
            break;
        case RTA_NH_ID:
            answer->is_object = true;
            break;
        case RTA_METRICS:
            answer->route->mtu = read_mtu(attr);
            break;
        }
    }
    if (!answer->route->n_paths
        && !(rtm->rtm_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN))) {
        add_path(answer->route, &path);
    }
    answer->error = answer->route->n_paths ? 0 : -ENETUNREACH;
    return MNL_CB_OK;
}

static int
ask_with(struct fwd_rtnl *rtnl, const struct fwd_ip *dst,
         const struct fwd_ip *src, unsigned int flags,
         struct route_answer *answer)
{
    uint8_t buffer[RTNL_REQUEST_SIZE];
    void *header;
    struct nlmsghdr *msg = fwd_rtnl_start(buffer, RTM_GETROUTE, 0,
                                         sizeof(struct rtmsg), &header);
    struct rtmsg *rtm = header;

    answer->route->n_paths = 0;
    answer->route->mtu = 0;
    answer->error = -ENETUNREACH;
    rtm->rtm_family = fwd_rtnl_family(dst);
    rtm->rtm_dst_len = rtm->rtm_family == AF_INET ? 32 : 128;
    rtm->rtm_flags = flags;
    fwd_rtnl_put_ip(msg, RTA_DST, dst);
    if (src) {
        rtm->rtm_src_len = rtm->rtm_dst_len;
        fwd_rtnl_put_ip(msg, RTA_SRC, src);
    }
    int error = fwd_rtnl_ask(rtnl, msg, route_cb, answer);
    return error ? error : answer->error;
}

/* The entry of the table with all its paths; or the path of the kernel's own
 * choice, if it is one whose paths the kernel does not tell with it. */
static int
ask_route(struct fwd_rtnl *rtnl, const struct fwd_ip *dst,
          const struct fwd_ip *src, struct fwd_route *route)
{
    struct route_answer answer = { .dst = dst, .route = route };

    int error = ask_with(rtnl, dst, src, RTM_F_FIB_MATCH, &answer);
    return error == -ENETUNREACH && answer.is_object
           ? ask_with(rtnl, dst, src, 0, &answer) : error;
}

int
fwd_rtnl_get_route(struct fwd_rtnl *rtnl, const struct fwd_ip *dst,
                   const struct fwd_ip *src, struct fwd_route *route)
{
    int error = ask_route(rtnl, dst, src, route);
    if (src && error == -EINVAL) {
        /* The source is not on this host, for the moment. */
        error = ask_route(rtnl, dst, NULL, route);
    }
    return error == -EHOSTUNREACH || error == -ESRCH || error == -EACCES
           ? -ENETUNREACH : error;
}
