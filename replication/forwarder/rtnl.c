/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/rtnl.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "replication/forwarder/rtnl-private.h"
#include "tsn/error.h"
#include "util.h"

/* Changes may wait here while the control thread is busy; a routing daemon
 * that starts tells of thousands. */
#define EVENT_BUFFER_SIZE (4 << 20)

static bool
ip_is_v4(const struct fwd_ip *ip)
{
    static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

    return !memcmp(ip->b, prefix, sizeof prefix);
}

int
fwd_rtnl_family(const struct fwd_ip *ip)
{
    return ip_is_v4(ip) ? AF_INET : AF_INET6;
}

void
fwd_rtnl_put_ip(struct nlmsghdr *msg, int type, const struct fwd_ip *ip)
{
    if (ip_is_v4(ip)) {
        mnl_attr_put(msg, type, 4, &ip->b[12]);
    } else {
        mnl_attr_put(msg, type, 16, ip->b);
    }
}

/* Returns false if the attribute does not hold an address. */
bool
fwd_rtnl_read_ip(const void *data, size_t size, struct fwd_ip *ip)
{
    if (size == 4) {
        __be32 v4;

        memcpy(&v4, data, sizeof v4);
        *ip = fwd_ip_from_v4(v4);
        return true;
    } else if (size == 16) {
        memcpy(ip->b, data, 16);
        return true;
    }
    return false;
}

bool
fwd_rtnl_attr_ip(const struct nlattr *attr, struct fwd_ip *ip)
{
    return fwd_rtnl_read_ip(mnl_attr_get_payload(attr),
                            mnl_attr_get_payload_len(attr), ip);
}

uint32_t
fwd_rtnl_attr_u32(const struct nlattr *attr)
{
    return mnl_attr_get_payload_len(attr) >= sizeof(uint32_t)
           ? mnl_attr_get_u32(attr) : 0;
}

bool
fwd_rtnl_attr_mac(const struct nlattr *attr, uint8_t mac[6])
{
    if (mnl_attr_get_payload_len(attr) != 6) {
        return false;
    }
    memcpy(mac, mnl_attr_get_payload(attr), 6);
    return true;
}

static int
open_socket(struct mnl_socket **nlp, unsigned int groups)
{
    struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE,
                                             SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (!nl) {
        return -errno;
    }
    if (mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) < 0) {
        int error = errno;

        mnl_socket_close(nl);
        return -error;
    }
    *nlp = nl;
    return 0;
}

/* Groups that the bits of an address are too few for. */
static int
join_groups(struct mnl_socket *nl)
{
    static const int groups[] = { RTNLGRP_IPV6_RULE, RTNLGRP_NEXTHOP };

    for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
        int group = groups[i];

        if (mnl_socket_setsockopt(nl, NETLINK_ADD_MEMBERSHIP, &group,
                                  sizeof group) < 0) {
            return -errno;
        }
    }
    return 0;
}

int
fwd_rtnl_create(struct fwd_rtnl **rtnlp, struct tsn_err *err)
{
    struct fwd_rtnl *rtnl = xzalloc(sizeof *rtnl);
    int size = EVENT_BUFFER_SIZE;

    int error = open_socket(&rtnl->ask, 0);
    if (!error) {
        error = open_socket(&rtnl->events, RTMGRP_LINK | RTMGRP_NEIGH
                            | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE
                            | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR
                            | RTMGRP_IPV4_RULE);
    }
    if (!error) {
        error = join_groups(rtnl->events);
    }
    if (error) {
        tsn_err_set(err, NULL, "cannot open a netlink socket: %s",
                    ovs_strerror(-error));
        fwd_rtnl_destroy(rtnl);
        return error;
    }
    int fd = mnl_socket_get_fd(rtnl->events);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size)) {
        ignore(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
    }
    *rtnlp = rtnl;
    return 0;
}

void
fwd_rtnl_destroy(struct fwd_rtnl *rtnl)
{
    if (!rtnl) {
        return;
    }
    if (rtnl->ask) {
        mnl_socket_close(rtnl->ask);
    }
    if (rtnl->events) {
        mnl_socket_close(rtnl->events);
    }
    free(rtnl);
}

int
fwd_rtnl_ask(struct fwd_rtnl *rtnl, struct nlmsghdr *msg, mnl_cb_t cb,
             void *aux)
{
    unsigned int portid = mnl_socket_get_portid(rtnl->ask);

    msg->nlmsg_seq = ++rtnl->seq;
    if (mnl_socket_sendto(rtnl->ask, msg, msg->nlmsg_len) < 0) {
        return -errno;
    }
    for (;;) {
        ssize_t n = mnl_socket_recvfrom(rtnl->ask, rtnl->answer,
                                        sizeof rtnl->answer);
        if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0) {
            return -errno;
        }
        /* Of a question that failed half-way there may be a rest. */
        const struct nlmsghdr *first = (const void *) rtnl->answer;
        if (first->nlmsg_seq != rtnl->seq) {
            continue;
        }
        int more = mnl_cb_run(rtnl->answer, n, rtnl->seq, portid, cb, aux);
        if (more <= 0) {
            return more < 0 ? -errno : 0;
        }
        if (!(msg->nlmsg_flags & (NLM_F_ACK | NLM_F_DUMP))) {
            return 0;
        }
    }
}

struct nlmsghdr *
fwd_rtnl_start(void *buffer, int type, int flags, size_t header_size,
              void **headerp)
{
    struct nlmsghdr *msg = mnl_nlmsg_put_header(buffer);

    msg->nlmsg_type = type;
    msg->nlmsg_flags = NLM_F_REQUEST | flags;
    *headerp = mnl_nlmsg_put_extra_header(msg, header_size);
    return msg;
}

static int
neighbour_cb(const struct nlmsghdr *msg, void *change)
{
    if (msg->nlmsg_type == RTM_NEWNEIGH) {
        fwd_rtnl_parse_neighbour(msg, change);
    }
    return MNL_CB_OK;
}

static struct nlmsghdr *
neighbour_request(void *buffer, int type, int flags, int ifindex,
                  const struct fwd_ip *ip, int ndm_flags)
{
    void *header;
    struct nlmsghdr *msg = fwd_rtnl_start(buffer, type, flags,
                                         sizeof(struct ndmsg), &header);
    struct ndmsg *ndm = header;

    ndm->ndm_family = fwd_rtnl_family(ip);
    ndm->ndm_ifindex = ifindex;
    ndm->ndm_flags = ndm_flags;
    fwd_rtnl_put_ip(msg, NDA_DST, ip);
    return msg;
}

int
fwd_rtnl_get_neighbour(struct fwd_rtnl *rtnl, int ifindex,
                       const struct fwd_ip *ip, uint8_t mac[6], bool *fixed)
{
    uint8_t buffer[RTNL_REQUEST_SIZE];
    struct fwd_rtnl_change found = { .has_mac = false };
    struct nlmsghdr *msg = neighbour_request(buffer, RTM_GETNEIGH, 0, ifindex,
                                             ip, 0);

    int error = fwd_rtnl_ask(rtnl, msg, neighbour_cb, &found);

    if (!error && !found.has_mac) {
        error = -ENOENT;
    }
    if (!error) {
        memcpy(mac, found.mac, 6);
        *fixed = found.fixed;
    }
    return error;
}

int
fwd_rtnl_solicit(struct fwd_rtnl *rtnl, int ifindex, const struct fwd_ip *ip)
{
    uint8_t buffer[RTNL_REQUEST_SIZE];

    return fwd_rtnl_ask(rtnl, neighbour_request(buffer, RTM_NEWNEIGH,
                                       NLM_F_CREATE | NLM_F_ACK, ifindex, ip,
                                       NTF_USE),
               NULL, NULL);
}

struct link_answer {
    struct fwd_link link;
    bool found;
};

static int
link_cb(const struct nlmsghdr *msg, void *answer_)
{
    struct link_answer *answer = answer_;
    const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(msg);
    const struct nlattr *attr;

    if (msg->nlmsg_type != RTM_NEWLINK) {
        return MNL_CB_OK;
    }
    answer->found = true;
    answer->link.up = ifi->ifi_flags & IFF_UP;
    answer->link.carrier = ifi->ifi_flags & IFF_RUNNING;
    mnl_attr_for_each(attr, msg, sizeof *ifi) {
        switch (mnl_attr_get_type(attr)) {
        case IFLA_ADDRESS:
            fwd_rtnl_attr_mac(attr, answer->link.mac);
            break;
        case IFLA_MTU:
            answer->link.mtu = fwd_rtnl_attr_u32(attr);
            break;
        }
    }
    return MNL_CB_OK;
}

int
fwd_rtnl_get_link(struct fwd_rtnl *rtnl, int ifindex, struct fwd_link *link)
{
    uint8_t buffer[RTNL_REQUEST_SIZE];
    struct link_answer answer = { .found = false };
    void *header;
    struct nlmsghdr *msg = fwd_rtnl_start(buffer, RTM_GETLINK, 0,
                                         sizeof(struct ifinfomsg), &header);
    struct ifinfomsg *ifi = header;

    ifi->ifi_index = ifindex;
    int error = fwd_rtnl_ask(rtnl, msg, link_cb, &answer);
    if (!error && !answer.found) {
        error = -ENODEV;
    }
    if (!error) {
        *link = answer.link;
    }
    return error;
}

struct address_answer {
    const struct fwd_ip *ip;
    int ifindex;
};

static int
address_cb(const struct nlmsghdr *msg, void *answer_)
{
    struct address_answer *answer = answer_;
    const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(msg);
    const struct nlattr *attr;

    if (msg->nlmsg_type != RTM_NEWADDR) {
        return MNL_CB_OK;
    }
    mnl_attr_for_each(attr, msg, sizeof *ifa) {
        int type = mnl_attr_get_type(attr);
        struct fwd_ip ip;

        /* IFA_ADDRESS is the peer's on a point-to-point link. */
        if ((type == IFA_LOCAL
             || (type == IFA_ADDRESS && ifa->ifa_family == AF_INET6))
            && fwd_rtnl_attr_ip(attr, &ip) && fwd_ip_equals(&ip, answer->ip)) {
            answer->ifindex = ifa->ifa_index;
        }
    }
    return MNL_CB_OK;
}

int
fwd_rtnl_find_address(struct fwd_rtnl *rtnl, const struct fwd_ip *ip)
{
    uint8_t buffer[RTNL_REQUEST_SIZE];
    struct address_answer answer = { .ip = ip };
    void *header;
    struct nlmsghdr *msg = fwd_rtnl_start(buffer, RTM_GETADDR, NLM_F_DUMP,
                                         sizeof(struct ifaddrmsg), &header);
    struct ifaddrmsg *ifa = header;

    ifa->ifa_family = fwd_rtnl_family(ip);
    int error = fwd_rtnl_ask(rtnl, msg, address_cb, &answer);
    return error ? error : answer.ifindex;
}
