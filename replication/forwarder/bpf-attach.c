/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/bpf-attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "replication/forwarder/bpf-dispatch.h"
#include "replication/forwarder/bpf-grace.h"
#include "replication/forwarder/bpf-maps.h"
#include "replication/forwarder/bpf-pins.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_bpf_attach);

/* The largest MTU whose frames every driver has in one piece of memory. */
#define MAX_PIECE 3498
/* More interfaces than frames come in by. */
#define MAX_INTERFACES 16

struct link {
    int ifindex;
    int fd;                     /* -1: there is a dispatcher. */
    uint32_t runs;              /* The number of that one. */
    char name[IF_NAMESIZE];
    char *others;               /* Programs in the dispatcher. */
};

struct fwd_bpf_attach {
    const struct fwd_bpf_maps *maps;
    struct fwd_bpf_pins *pins;  /* NULL: pin nothing. */
    bool dispatcher;
    bool introduced;            /* To processes before and after. */
    bool has_old;
    struct link links[MAX_INTERFACES];
    int n;
};

struct fwd_bpf_attach *
fwd_bpf_attach_create(const char *dir)
{
    struct fwd_bpf_attach *attach = xzalloc(sizeof *attach);

    attach->pins = dir ? fwd_bpf_pins_open(dir) : NULL;
    attach->has_old = attach->pins && fwd_bpf_pins_has_any(attach->pins);
    if (attach->pins && !attach->has_old) {
        fwd_bpf_pins_forget_olds(attach->pins, FWD_BPF_PIN_HEIR);
    }
    return attach;
}

static void
free_link(struct link *link)
{
    if (link->fd >= 0) {
        close(link->fd);
    }
    free(link->others);
}

void
fwd_bpf_attach_destroy(struct fwd_bpf_attach *attach)
{
    if (!attach) {
        return;
    }
    for (int i = 0; i < attach->n; i++) {
        free_link(&attach->links[i]);
    }
    fwd_bpf_pins_close(attach->pins);
    free(attach);
}

/* Whether frames of an interface may be in several pieces of memory. */
static bool
is_jumbo(int fd, const char *name)
{
    struct ifreq ifr;

    memset(&ifr, 0, sizeof ifr);
    ovs_strlcpy(ifr.ifr_name, name, sizeof ifr.ifr_name);
    if (ioctl(fd, SIOCGIFFLAGS, &ifr) || !(ifr.ifr_flags & IFF_UP)
        || ifr.ifr_flags & IFF_LOOPBACK) {
        return false;
    }
    return !ioctl(fd, SIOCGIFMTU, &ifr) && ifr.ifr_mtu > MAX_PIECE;
}

static bool
any_is_jumbo(void)
{
    struct if_nameindex *all = if_nameindex();
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool any = false;

    for (struct if_nameindex *i = all; i && i->if_index && fd >= 0; i++) {
        any = any || is_jumbo(fd, i->if_name);
    }
    if (all) {
        if_freenameindex(all);
    }
    if (fd >= 0) {
        close(fd);
    }
    return any;
}

const char *
fwd_bpf_attach_why_link(const struct fwd_bpf_attach *attach)
{
    const int *programs;

    if (!attach->pins) {
        return "there is no BPF file system to pin it in";
    } else if (fwd_bpf_pins_has_links(attach->pins)) {
        return "the links of the process before can be taken over without a "
               "loss";
    } else if (!fwd_bpf_pins_get_olds(attach->pins, FWD_BPF_PIN_PROGRAM,
                                      &programs)
               && any_is_jumbo()) {
        return "an interface has jumbo frames, for which a dispatcher would "
               "be in generic mode";
    }
    return NULL;
}

void
fwd_bpf_attach_use(struct fwd_bpf_attach *attach,
                   const struct fwd_bpf_maps *maps, bool dispatcher)
{
    attach->maps = maps;
    attach->dispatcher = dispatcher;
}

bool
fwd_bpf_attach_is_pinning(const struct fwd_bpf_attach *attach)
{
    return attach->pins != NULL;
}

bool
fwd_bpf_attach_has_old(const struct fwd_bpf_attach *attach)
{
    return attach->has_old;
}

/* Puts our program into the link that a process before us has pinned for the
 * interface.  Returns the link's descriptor, or -errno, -ENOENT if there is
 * none that is still good. */
static int
take_over(const struct fwd_bpf_attach *attach, const struct link *link)
{
    struct bpf_link_info info;
    uint32_t size = sizeof info;
    int fd = fwd_bpf_pins_get_link(attach->pins, link->name);

    if (fd < 0) {
        return -ENOENT;
    }
    memset(&info, 0, sizeof info);
    if (!bpf_obj_get_info_by_fd(fd, &info, &size)
        && info.xdp.ifindex == (uint32_t) link->ifindex
        && !bpf_link_update(fd, attach->maps->ingress, NULL)) {
        return fd;
    }
    /* Of an interface that is gone. */
    close(fd);
    fwd_bpf_pins_remove_link(attach->pins, link->name);
    return -ENOENT;
}

static int
create_link(const struct fwd_bpf_attach *attach, const struct link *link,
            enum fwd_bpf_mode mode)
{
    LIBBPF_OPTS(bpf_link_create_opts, opts,
                .flags = mode == FWD_BPF_NATIVE ? XDP_FLAGS_DRV_MODE
                         : XDP_FLAGS_SKB_MODE);
    int fd = bpf_link_create(attach->maps->ingress, link->ifindex, BPF_XDP,
                             &opts);

    return fd < 0 ? -errno : fd;
}

static int
open_link(const struct fwd_bpf_attach *attach, struct link *link,
          enum fwd_bpf_mode mode)
{
    if (!attach->pins) {
        link->fd = create_link(attach, link, mode);
        return MIN(link->fd, 0);
    }
    link->fd = take_over(attach, link);
    if (link->fd < 0) {
        link->fd = create_link(attach, link, mode);
        if (link->fd >= 0) {
            fwd_bpf_pins_put_link(attach->pins, link->name, link->fd);
        }
    }
    return MIN(link->fd, 0);
}

/* Takes the programs of processes before us off an interface.  Returns false
 * if one stays. */
static bool
detach_old(const struct fwd_bpf_attach *attach, int ifindex)
{
    const int *olds;
    bool ok = true;
    size_t n = fwd_bpf_pins_get_olds(attach->pins, FWD_BPF_PIN_PROGRAM,
                                     &olds);

    for (size_t i = 0; i < n; i++) {
        int error = fwd_bpf_dispatch_detach(olds[i], ifindex);

        if (error && error != -ENOENT) {
            VLOG_ERR("cannot detach the program of the process before, it "
                     "goes on with what it knew ifindex=%d: %s", ifindex,
                     ovs_strerror(-error));
            ok = false;
        }
    }
    return ok;
}

/* Remembers what the interface runs, for fwd_bpf_attach_check().  Returns
 * whether our program is part of it. */
static bool
note_dispatcher(const struct fwd_bpf_attach *attach, struct link *link)
{
    struct ds others = DS_EMPTY_INITIALIZER;

    if (bpf_xdp_query_id(link->ifindex, 0, &link->runs)) {
        link->runs = 0;
    }
    bool found = fwd_bpf_dispatch_has(attach->maps->ingress, link->ifindex,
                                      &others);
    free(link->others);
    link->others = ds_steal_cstr(&others);
    return found;
}

/* Before the first interface runs ours: tells the programs of processes before
 * which is their heir, and has the next process find where to tell ours.  A
 * program in a dispatcher must be known as ours, too. */
static int
introduce(struct fwd_bpf_attach *attach)
{
    const struct fwd_bpf_maps *maps = attach->maps;
    const int *heirs;

    if (attach->introduced || !attach->pins) {
        return 0;
    }
    int error = attach->dispatcher
                ? fwd_bpf_pins_put(attach->pins, FWD_BPF_PIN_PROGRAM,
                                   maps->instance, maps->ingress) : 0;
    if (error) {
        return error;
    }
    /* Without it the next process may lose some copies, but no more. */
    fwd_bpf_pins_put(attach->pins, FWD_BPF_PIN_HEIR, maps->instance,
                     maps->fds[FWD_BPF_HEIRS]);
    size_t n = fwd_bpf_pins_get_olds(attach->pins, FWD_BPF_PIN_HEIR, &heirs);
    for (size_t i = 0; i < n; i++) {
        error = fwd_bpf_maps_inherit(maps, heirs[i]);
        if (error) {
            VLOG_WARN("copies can be lost as programs are replaced: %s",
                      ovs_strerror(-error));
        }
    }
    attach->introduced = true;
    return 0;
}

static int
join_dispatcher(struct fwd_bpf_attach *attach, struct link *link,
                enum fwd_bpf_mode mode)
{
    int program = attach->maps->ingress;

    int error = fwd_bpf_dispatch_attach(program, link->ifindex, mode);
    if (error == -EOPNOTSUPP || error == -EBUSY) {
        /* In the other mode, but perhaps for our predecessor alone. */
        detach_old(attach, link->ifindex);
        error = fwd_bpf_dispatch_attach(program, link->ifindex, mode);
    }
    if (error) {
        return error;
    }
    detach_old(attach, link->ifindex);
    link->fd = -1;
    note_dispatcher(attach, link);
    return 0;
}

bool
fwd_bpf_attach_has(const struct fwd_bpf_attach *attach, int ifindex)
{
    for (int i = 0; i < attach->n; i++) {
        if (attach->links[i].ifindex == ifindex) {
            return true;
        }
    }
    return false;
}

int
fwd_bpf_attach_to(struct fwd_bpf_attach *attach, int ifindex,
                  enum fwd_bpf_mode mode)
{
    struct link *link = &attach->links[attach->n];

    if (fwd_bpf_attach_has(attach, ifindex)) {
        return 0;
    }
    if (attach->n == MAX_INTERFACES) {
        return -ENOSPC;
    }
    *link = (struct link) { .ifindex = ifindex, .fd = -1 };
    if (!if_indextoname(ifindex, link->name)) {
        return -ENODEV;
    }
    int error = introduce(attach);
    if (!error) {
        error = attach->dispatcher ? join_dispatcher(attach, link, mode)
                : open_link(attach, link, mode);
    }
    attach->n += !error;
    return error;
}

static void
forget(struct fwd_bpf_attach *attach, struct link *link)
{
    free_link(link);
    *link = attach->links[--attach->n];
}

void
fwd_bpf_detach_from(struct fwd_bpf_attach *attach, int ifindex)
{
    for (int i = 0; i < attach->n; i++) {
        struct link *link = &attach->links[i];

        if (link->ifindex == ifindex) {
            int error = 0;

            if (attach->dispatcher) {
                error = fwd_bpf_dispatch_detach(attach->maps->ingress,
                                                ifindex);
            } else if (attach->pins) {
                error = fwd_bpf_pins_remove_link(attach->pins, link->name);
            }
            if (error && error != -ENOENT) {
                VLOG_ERR("cannot detach the program, it goes on interface=%s: "
                         "%s", link->name, ovs_strerror(-error));
            }
            forget(attach, link);
            return;
        }
    }
}

void
fwd_bpf_attach_check(struct fwd_bpf_attach *attach)
{
    for (int i = attach->n - 1; i >= 0; i--) {
        struct link *link = &attach->links[i];
        char name[IF_NAMESIZE];
        uint32_t runs = 0;

        if (!if_indextoname(link->ifindex, name)) {
            VLOG_INFO("an interface is gone interface=%s", link->name);
            forget(attach, link);
        } else if (!attach->dispatcher
                   || bpf_xdp_query_id(link->ifindex, 0, &runs)) {
            continue;
        } else if (runs != link->runs && !note_dispatcher(attach, link)) {
            VLOG_WARN("somebody took the XDP program off an interface "
                      "interface=%s", link->name);
            forget(attach, link);
        } else if (runs != link->runs) {
            VLOG_INFO("XDP programs changed interface=%s others=\"%s\"",
                      link->name, link->others);
        }
    }
}

static bool
is_ours(const char *name, void *attach_)
{
    const struct fwd_bpf_attach *attach = attach_;

    for (int i = 0; i < attach->n; i++) {
        if (!strcmp(attach->links[i].name, name)) {
            return true;
        }
    }
    return false;
}

static bool
detach_old_everywhere(const struct fwd_bpf_attach *attach)
{
    struct if_nameindex *all = if_nameindex();
    bool ok = all;

    for (struct if_nameindex *i = all; i && i->if_index; i++) {
        ok = detach_old(attach, i->if_index) && ok;
    }
    if (all) {
        if_freenameindex(all);
    }
    return ok;
}

static void
forget_heirs(void *attach_, uint32_t first OVS_UNUSED, uint32_t n OVS_UNUSED)
{
    struct fwd_bpf_attach *attach = attach_;

    fwd_bpf_pins_forget_olds(attach->pins, FWD_BPF_PIN_HEIR);
}

void
fwd_bpf_attach_clean(struct fwd_bpf_attach *attach,
                     struct fwd_bpf_grace *grace)
{
    const int *olds;

    if (attach->pins) {
        fwd_bpf_pins_keep_links(attach->pins, is_ours, attach);
        if (fwd_bpf_pins_get_olds(attach->pins, FWD_BPF_PIN_PROGRAM, &olds)
            && detach_old_everywhere(attach)) {
            fwd_bpf_pins_forget_olds(attach->pins, FWD_BPF_PIN_PROGRAM);
        }
        fwd_bpf_defer(grace, forget_heirs, attach, 0, 0);
    }
    attach->has_old = false;
}

const char *
fwd_bpf_attach_get(const struct fwd_bpf_attach *attach, int i,
                   const char **othersp)
{
    if (i >= attach->n) {
        return NULL;
    }
    *othersp = attach->links[i].others;
    return attach->links[i].name;
}
