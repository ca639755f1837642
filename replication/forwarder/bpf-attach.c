/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/bpf-attach.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_bpf_attach);

/* More interfaces than frames come in by. */
#define MAX_INTERFACES 16
/* A pinned link is named after its interface. */
#define PREFIX "ingress-"

struct link {
    int ifindex;
    int fd;
    char name[IF_NAMESIZE];
};

struct fwd_bpf_attach {
    const struct fwd_bpf_maps *maps;
    char *dir;                  /* NULL: pin nothing. */
    bool has_old;
    struct link links[MAX_INTERFACES];
    int n;
};

/* Calls 'fn' for each pinned link's interface name. */
static void
for_each_pin(const struct fwd_bpf_attach *attach,
             void (*fn)(const struct fwd_bpf_attach *, const char *name,
                        void *aux), void *aux)
{
    DIR *dir = attach->dir ? opendir(attach->dir) : NULL;
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (!strncmp(entry->d_name, PREFIX, strlen(PREFIX))) {
            fn(attach, entry->d_name + strlen(PREFIX), aux);
        }
    }
    if (dir) {
        closedir(dir);
    }
}

static void
note_pin(const struct fwd_bpf_attach *attach OVS_UNUSED,
         const char *name OVS_UNUSED, void *found)
{
    *(bool *) found = true;
}

static char *
pin_path(const struct fwd_bpf_attach *attach, const char *name)
{
    return xasprintf("%s/%s%s", attach->dir, PREFIX, name);
}

/* Makes 'dir' and the one above it, if they are not there. */
static int
make_dirs(const char *dir)
{
    char *parent = xstrdup(dir), *slash = strrchr(parent, '/');

    if (slash && slash != parent) {
        *slash = '\0';
        if (mkdir(parent, 0700) && errno != EEXIST) {
            int error = errno;

            free(parent);
            return -error;
        }
    }
    free(parent);
    return mkdir(dir, 0700) && errno != EEXIST ? -errno : 0;
}

struct fwd_bpf_attach *
fwd_bpf_attach_create(const struct fwd_bpf_maps *maps, const char *dir)
{
    struct fwd_bpf_attach *attach = xzalloc(sizeof *attach);

    attach->maps = maps;
    if (dir) {
        int error = make_dirs(dir);

        if (error) {
            VLOG_WARN("cannot make a directory for BPF links, flooding stops "
                      "with this process dir=%s: %s", dir,
                      ovs_strerror(-error));
        } else {
            attach->dir = xstrdup(dir);
        }
    }
    for_each_pin(attach, note_pin, &attach->has_old);
    return attach;
}

void
fwd_bpf_attach_destroy(struct fwd_bpf_attach *attach)
{
    if (!attach) {
        return;
    }
    for (int i = 0; i < attach->n; i++) {
        close(attach->links[i].fd);
    }
    free(attach->dir);
    free(attach);
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
take_over(const struct fwd_bpf_attach *attach, const struct link *link,
          const char *path)
{
    struct bpf_link_info info;
    uint32_t size = sizeof info;
    int fd = bpf_obj_get(path);

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
    unlink(path);
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
open_link(const struct fwd_bpf_attach *attach, const struct link *link,
          enum fwd_bpf_mode mode)
{
    if (!attach->dir) {
        return create_link(attach, link, mode);
    }

    char *path = pin_path(attach, link->name);
    int fd = take_over(attach, link, path);
    if (fd < 0) {
        fd = create_link(attach, link, mode);
        if (fd >= 0 && bpf_obj_pin(fd, path)) {
            VLOG_WARN("cannot pin a BPF link, flooding stops with this "
                      "process path=%s: %s", path, ovs_strerror(errno));
        }
    }
    free(path);
    return fd;
}

int
fwd_bpf_attach_to(struct fwd_bpf_attach *attach, int ifindex,
                  enum fwd_bpf_mode mode)
{
    struct link *link = &attach->links[attach->n];

    for (int i = 0; i < attach->n; i++) {
        if (attach->links[i].ifindex == ifindex) {
            return 0;
        }
    }
    if (attach->n == MAX_INTERFACES) {
        return -ENOSPC;
    }
    link->ifindex = ifindex;
    if (!if_indextoname(ifindex, link->name)) {
        return -ENODEV;
    }
    link->fd = open_link(attach, link, mode);
    if (link->fd < 0) {
        return link->fd;
    }
    attach->n++;
    return 0;
}

void
fwd_bpf_detach_from(struct fwd_bpf_attach *attach, int ifindex)
{
    for (int i = 0; i < attach->n; i++) {
        struct link *link = &attach->links[i];

        if (link->ifindex == ifindex) {
            if (attach->dir) {
                char *path = pin_path(attach, link->name);

                unlink(path);
                free(path);
            }
            close(link->fd);
            *link = attach->links[--attach->n];
            return;
        }
    }
}

static void
remove_foreign_pin(const struct fwd_bpf_attach *attach, const char *name,
                   void *aux OVS_UNUSED)
{
    for (int i = 0; i < attach->n; i++) {
        if (!strcmp(attach->links[i].name, name)) {
            return;
        }
    }
    char *path = pin_path(attach, name);
    unlink(path);
    free(path);
}

void
fwd_bpf_attach_clean(struct fwd_bpf_attach *attach)
{
    for_each_pin(attach, remove_foreign_pin, NULL);
    attach->has_old = false;
}
