/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/bpf-dispatch.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <xdp/libxdp.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "tsn/error.h"
#include "tsn/privileges.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_bpf_dispatch);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* What libxdp starts a dispatcher from, and a function in it that our program
 * could take the place of: the kernel checks there that it can in any. */
#define OBJECT "xdp-dispatcher.o"
#define STAND_IN "xdp_pass"

static int
print(enum libxdp_print_level level, const char *fmt, va_list args)
{
    char text[1024];

    vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = '\0';
    if (level == LIBXDP_WARN) {
        VLOG_INFO_RL(&rl, "%s", text);
    } else {
        VLOG_DBG("%s", text);
    }
    return 0;
}

static enum xdp_attach_mode
libxdp_mode(enum fwd_bpf_mode mode)
{
    return mode == FWD_BPF_NATIVE ? XDP_MODE_NATIVE : XDP_MODE_SKB;
}

static int
load_stand_in(struct xdp_program **targetp)
{
    struct xdp_program *target = xdp_program__find_file(OBJECT, "xdp", NULL);
    int error = libxdp_get_error(target);
    if (error) {
        return error;
    }

    struct bpf_object *object = xdp_program__bpf_obj(target);
    struct bpf_program *program
        = bpf_object__find_program_by_name(object, STAND_IN);

    error = program ? bpf_object__load(object) : -ENOENT;
    if (error) {
        xdp_program__close(target);
        return error;
    }
    *targetp = target;
    return bpf_program__fd(program);
}

static int
prepare(struct bpf_program *program, struct xdp_program **targetp,
        const char **what)
{
    *what = "cannot load libxdp's " OBJECT;
    int fd = load_stand_in(targetp);
    if (fd < 0) {
        return fd;
    }
    *what = "cannot make a program for a dispatcher";
    /* As what its section says is forgotten with its type.  The kernel takes
     * no others into a device map that it uses. */
    int error = bpf_program__set_type(program, BPF_PROG_TYPE_EXT);
    if (!error) {
        error = bpf_program__set_flags(program, BPF_F_XDP_HAS_FRAGS);
    }
    if (!error) {
        error = bpf_program__set_expected_attach_type(program, 0);
    }
    if (!error) {
        error = bpf_program__set_attach_target(program, fd, STAND_IN);
    }
    if (error) {
        xdp_program__close(*targetp);
    }
    return error;
}

int
fwd_bpf_dispatch_prepare(struct bpf_program *program,
                         struct xdp_program **targetp, struct tsn_err *err)
{
    const char *what = "CAP_SYS_ADMIN is missing";

    libxdp_set_print(print);
    int error = tsn_privileges_raise(CAP_SYS_ADMIN);
    if (!error) {
        error = prepare(program, targetp, &what);
        tsn_privileges_lower(CAP_SYS_ADMIN);
    }
    if (error) {
        tsn_err_set(err, NULL, "%s: %s", what, ovs_strerror(-error));
    }
    return error;
}

void
fwd_bpf_dispatch_release(struct xdp_program *target)
{
    xdp_program__close(target);
}

/* Whether 'id' is one of a dispatcher's programs. */
static bool
has_program(const struct xdp_multiprog *mp, uint32_t id, struct ds *others)
{
    struct xdp_program *p = NULL;
    bool found = false;

    while ((p = xdp_multiprog__next_prog(p, mp))) {
        if (xdp_program__id(p) == id) {
            found = true;
        } else if (others) {
            ds_put_format(others, "%s%s", others->length ? " " : "",
                          xdp_program__name(p));
        }
    }
    return found;
}

/* Returns 0 if a program can be added to what an interface has, 1 if it is
 * there already, or -errno. */
static int
check_room(const struct xdp_multiprog *mp, const struct xdp_program *p,
           enum fwd_bpf_mode mode)
{
    enum xdp_attach_mode other = xdp_multiprog__attach_mode(mp);

    if (xdp_multiprog__is_legacy(mp)) {
        return -EBUSY;
    } else if (other != libxdp_mode(mode)) {
        return other == XDP_MODE_SKB ? -EOPNOTSUPP : -EBUSY;
    }
    return has_program(mp, xdp_program__id(p), NULL);
}

static int
attach(struct xdp_program *p, int ifindex, enum fwd_bpf_mode mode)
{
    struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
    int error = libxdp_get_error(mp);

    if (error && error != -ENOENT) {
        return error;
    }
    if (!error) {
        error = check_room(mp, p, mode);
        xdp_multiprog__close(mp);
        if (error) {
            return MIN(error, 0);
        }
    }
    return xdp_program__attach(p, ifindex, libxdp_mode(mode), 0);
}

static int
detach(struct xdp_program *p, int ifindex, enum fwd_bpf_mode unused OVS_UNUSED)
{
    struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
    int error = libxdp_get_error(mp);

    if (error) {
        return error == -ENODEV ? -ENOENT : error;
    }
    bool found = has_program(mp, xdp_program__id(p), NULL);
    enum xdp_attach_mode mode = xdp_multiprog__attach_mode(mp);
    xdp_multiprog__close(mp);
    /* With the mode, as else it takes the driver's for the programs that
     * stay. */
    return found ? xdp_program__detach(p, ifindex, mode, 0) : -ENOENT;
}

/* Calls 'fn' for the program, as one of libxdp's. */
static int
change(int program, int ifindex, enum fwd_bpf_mode mode,
       int (*fn)(struct xdp_program *, int ifindex, enum fwd_bpf_mode))
{
    int error = tsn_privileges_raise(CAP_SYS_ADMIN);
    if (error) {
        return error;
    }
    struct xdp_program *p = xdp_program__from_fd(program);
    error = libxdp_get_error(p);
    if (!error) {
        error = fn(p, ifindex, mode);
        xdp_program__close(p);
    }
    tsn_privileges_lower(CAP_SYS_ADMIN);
    return error;
}

int
fwd_bpf_dispatch_attach(int program, int ifindex, enum fwd_bpf_mode mode)
{
    return change(program, ifindex, mode, attach);
}

int
fwd_bpf_dispatch_detach(int program, int ifindex)
{
    return change(program, ifindex, FWD_BPF_NATIVE, detach);
}

bool
fwd_bpf_dispatch_has(int program, int ifindex, struct ds *others)
{
    struct bpf_prog_info info;
    uint32_t size = sizeof info;
    bool found = false;

    memset(&info, 0, sizeof info);
    if (bpf_obj_get_info_by_fd(program, &info, &size)
        || tsn_privileges_raise(CAP_SYS_ADMIN)) {
        return false;
    }
    struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
    if (!libxdp_get_error(mp)) {
        found = has_program(mp, info.id, others);
        xdp_multiprog__close(mp);
    }
    tsn_privileges_lower(CAP_SYS_ADMIN);
    return found;
}
