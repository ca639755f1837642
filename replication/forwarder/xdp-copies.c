/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/xdp-copies.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ovs-thread.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/privileges.h"
#include "util.h"

#define N_COPIES 2
#define MAX_WAIT_MS 1000
/* The frame: of an Ethernet type for experiments, and behind that a mark to
 * which each copy adds one.  Copies with data of their own have 1. */
#define FRAME_LEN 64
#define MARK_AT 14

/* What is open while it is tried; -1: is not. */
struct trial {
    int tap, socket, map, ingress, egress, link;
    int ifindex;
    int marks[N_COPIES];
    const char *what;           /* Is being done. */
    int error;
};

#define INSN(CODE, DST, SRC, OFF, IMM) \
    { .code = (CODE), .dst_reg = (DST), .src_reg = (SRC), .off = (OFF), \
      .imm = (IMM) }

static int
load(const struct bpf_insn *program, size_t n, enum bpf_attach_type type)
{
    LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = type);

    return bpf_prog_load(BPF_PROG_TYPE_XDP, "check_copies", "Apache-2.0",
                         program, n, &options);
}

/* Sends the frame to all entries of the map. */
static int
load_ingress(int map)
{
    const struct bpf_insn program[] = {
        INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map),
        INSN(0, 0, 0, 0, 0),
        INSN(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 0),
        INSN(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, BPF_F_BROADCAST),
        INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map),
        INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };

    return load(program, ARRAY_SIZE(program), BPF_XDP);
}

/* Adds one to the mark. */
static int
load_egress(void)
{
    const struct bpf_insn program[] = {
        INSN(BPF_LDX | BPF_MEM | BPF_W, 2, 1,
             offsetof(struct xdp_md, data), 0),
        INSN(BPF_LDX | BPF_MEM | BPF_W, 3, 1,
             offsetof(struct xdp_md, data_end), 0),
        INSN(BPF_ALU64 | BPF_MOV | BPF_X, 4, 2, 0, 0),
        INSN(BPF_ALU64 | BPF_ADD | BPF_K, 4, 0, 0, MARK_AT + 1),
        INSN(BPF_JMP | BPF_JGT | BPF_X, 4, 3, 3, 0),
        INSN(BPF_LDX | BPF_MEM | BPF_B, 4, 2, MARK_AT, 0),
        INSN(BPF_ALU64 | BPF_ADD | BPF_K, 4, 0, 0, 1),
        INSN(BPF_STX | BPF_MEM | BPF_B, 2, 4, MARK_AT, 0),
        INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, XDP_PASS),
        INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };

    return load(program, ARRAY_SIZE(program), BPF_XDP_DEVMAP);
}

static bool
open_tap(struct trial *t)
{
    struct ifreq request = { .ifr_name = "tsn-check%d" };

    t->what = "cannot make a tap interface";
    t->tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    t->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (t->tap < 0 || t->socket < 0 || ioctl(t->tap, TUNSETIFF, &request)) {
        return false;
    }
    request.ifr_flags = IFF_UP;
    if (ioctl(t->socket, SIOCSIFFLAGS, &request)
        || ioctl(t->socket, SIOCGIFINDEX, &request)) {
        return false;
    }
    t->ifindex = request.ifr_ifindex;
    return true;
}

static bool
attach(struct trial *t)
{
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = XDP_FLAGS_SKB_MODE);

    t->what = "cannot load programs";
    t->map = bpf_map_create(BPF_MAP_TYPE_DEVMAP, "check_copies",
                            sizeof(uint32_t), sizeof(struct bpf_devmap_val),
                            N_COPIES, NULL);
    t->ingress = t->map < 0 ? -1 : load_ingress(t->map);
    t->egress = load_egress();
    if (t->ingress < 0 || t->egress < 0) {
        return false;
    }
    struct bpf_devmap_val entry = {
        .ifindex = t->ifindex, .bpf_prog.fd = t->egress,
    };
    for (uint32_t i = 0; i < N_COPIES; i++) {
        if (bpf_map_update_elem(t->map, &i, &entry, 0)) {
            return false;
        }
    }
    t->link = bpf_link_create(t->ingress, t->ifindex, BPF_XDP, &options);
    return t->link >= 0;
}

/* Sends the frame, and reads the copies from among what else the host may send
 * there. */
static bool
flood(struct trial *t)
{
    static const uint8_t frame[FRAME_LEN] = {
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb6,
    };
    struct pollfd fd = { .fd = t->tap, .events = POLLIN };
    uint64_t end = tsn_now_ms() + MAX_WAIT_MS;
    uint8_t copy[2048];

    t->what = "cannot send a frame";
    if (write(t->tap, frame, sizeof frame) != sizeof frame) {
        return false;
    }
    t->what = "copies do not come";
    for (int n = 0; n < N_COPIES;) {
        uint64_t now = tsn_now_ms();

        if (now >= end || poll(&fd, 1, end - now) <= 0) {
            errno = ETIMEDOUT;
            return false;
        }
        ssize_t size = read(t->tap, copy, sizeof copy);
        if (size > MARK_AT && !memcmp(copy, frame, MARK_AT)) {
            t->marks[n++] = copy[MARK_AT];
        }
    }
    return true;
}

/* In a thread of its own, as its network namespace is.  Without permission for
 * that, in the process's. */
static void *
try_copies(void *t_)
{
    struct trial *t = t_;

    if (!tsn_privileges_raise(CAP_SYS_ADMIN)) {
        ignore(unshare(CLONE_NEWNET));
        tsn_privileges_lower(CAP_SYS_ADMIN);
    }
    t->error = open_tap(t) && attach(t) && flood(t) ? 0 : -errno;

    const int fds[] = {
        t->link, t->ingress, t->egress, t->map, t->socket, t->tap,
    };
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
    return NULL;
}

int
fwd_xdp_check_copies(struct tsn_err *err)
{
    struct trial t = { -1, -1, -1, -1, -1, -1, .error = 0 };

    xpthread_join(ovs_thread_create("check_copies", try_copies, &t), NULL);
    if (t.error) {
        tsn_err_set(err, NULL, "cannot find out whether generic XDP copies "
                    "frames: %s: %s", t.what, ovs_strerror(-t.error));
        return -EOPNOTSUPP;
    }
    for (int i = 0; i < N_COPIES; i++) {
        if (t.marks[i] != 1) {
            tsn_err_set(err, NULL, "in generic XDP mode this kernel gives all "
                        "copies of a frame the headers of one");
            return -EOPNOTSUPP;
        }
    }
    return 0;
}
