/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/xdp-features.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdint.h>
#include <sys/socket.h>

#include "util.h"

/* Of linux/netdev.h, which headers before 6.3 do not have. */
#define FAMILY_NAME "netdev"
#define FAMILY_VERSION 1
#define CMD_DEV_GET 1
#define ATTR_IFINDEX 1
#define ATTR_XDP_FEATURES 3

/* Returns NULL with 'errno' set on failure. */
static struct mnl_socket *
open_socket(void)
{
    struct mnl_socket *nl = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);

    if (nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
        int error = errno;

        mnl_socket_close(nl);
        errno = error;
        return NULL;
    }
    return nl;
}

static struct nlmsghdr *
start(void *buffer, int family, int command, int version)
{
    struct nlmsghdr *msg = mnl_nlmsg_put_header(buffer);
    struct genlmsghdr *genl;

    msg->nlmsg_type = family;
    msg->nlmsg_flags = NLM_F_REQUEST;
    msg->nlmsg_seq = command;
    genl = mnl_nlmsg_put_extra_header(msg, sizeof *genl);
    genl->cmd = command;
    genl->version = version;
    return msg;
}

/* Sends 'msg' and gives the one answer to 'cb'. */
static int
ask(struct mnl_socket *nl, struct nlmsghdr *msg, mnl_cb_t cb, void *aux)
{
    uint8_t answer[8192];
    unsigned int seq = msg->nlmsg_seq;

    if (mnl_socket_sendto(nl, msg, msg->nlmsg_len) < 0) {
        return -errno;
    }
    ssize_t n = mnl_socket_recvfrom(nl, answer, sizeof answer);
    return n < 0 || mnl_cb_run(answer, n, seq, mnl_socket_get_portid(nl), cb,
                               aux) < 0 ? -errno : 0;
}

/* What to look for in the attributes of an answer. */
struct wanted {
    int type;
    int size;
    uint64_t value;
};

static int
find_attr(const struct nlmsghdr *msg, void *wanted_)
{
    struct wanted *wanted = wanted_;
    const struct nlattr *attr;

    mnl_attr_for_each(attr, msg, sizeof(struct genlmsghdr)) {
        if (mnl_attr_get_type(attr) == wanted->type
            && mnl_attr_get_payload_len(attr) == wanted->size) {
            wanted->value = wanted->size == sizeof(uint16_t)
                            ? mnl_attr_get_u16(attr) : mnl_attr_get_u64(attr);
        }
    }
    return MNL_CB_OK;
}

static int
get_features(struct mnl_socket *nl, int ifindex)
{
    struct wanted family = { CTRL_ATTR_FAMILY_ID, sizeof(uint16_t), 0 };
    struct wanted features = { ATTR_XDP_FEATURES, sizeof(uint64_t), 0 };
    uint8_t buffer[128];

    struct nlmsghdr *msg = start(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
    mnl_attr_put_strz(msg, CTRL_ATTR_FAMILY_NAME, FAMILY_NAME);
    int error = ask(nl, msg, find_attr, &family);
    if (error) {
        return error;
    }
    msg = start(buffer, family.value, CMD_DEV_GET, FAMILY_VERSION);
    mnl_attr_put_u32(msg, ATTR_IFINDEX, ifindex);
    error = ask(nl, msg, find_attr, &features);
    return error ? error : (int) (features.value & FWD_XDP_FORWARDS);
}

int
fwd_xdp_features(int ifindex)
{
    struct mnl_socket *nl = open_socket();

    if (!nl) {
        return -errno;
    }
    int features = get_features(nl, ifindex);
    mnl_socket_close(nl);
    return features;
}
