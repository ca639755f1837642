/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/bpf-pins.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "openvswitch/vlog.h"
#include "replication/forwarder/bpf-dispatch.h"
#include "replication/forwarder/ip-text.h"
#include "tsn/error.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_bpf_pins);

#define BPF_FS "/sys/fs/bpf"
#define ROOT BPF_FS "/tsn"
#define LINK "ingress-"
/* Of processes that were killed before they could remove them. */
#define MAX_OLD 16

static const char *const prefixes[FWD_BPF_N_PINS] = {
    [FWD_BPF_PIN_PROGRAM] = "program-",
    [FWD_BPF_PIN_HEIR] = "heir-",
};

/* Those of one kind when it was opened. */
struct olds {
    int fds[MAX_OLD];
    char *numbers[MAX_OLD];
    size_t n;
};

struct fwd_bpf_pins {
    char *dir;
    int lock;
    bool has_links;             /* When it was opened. */
    struct olds olds[FWD_BPF_N_PINS];
};

/* The kernel takes no dot in a name below a BPF file system, but there are some
 * in addresses and in names of interfaces, which have no colon. */
static char *
replace(char *name, char from, char to)
{
    for (char *p = name; *p; p++) {
        *p = *p == from ? to : *p;
    }
    return name;
}

static char *
pin_path(const char *dir, const char *prefix, const char *rest)
{
    char *name = replace(xstrdup(rest), '.', ':');
    char *path = xasprintf("%s/%s%s", dir, prefix, name);

    free(name);
    return path;
}

/* Calls 'fn' with the rest of each name that starts with 'prefix'.  Returns 0,
 * or -errno if nobody can tell which there are. */
static int
for_each_pin(const char *path, const char *prefix,
             void (*fn)(const char *rest, void *aux), void *aux)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (!dir) {
        return errno == ENOENT ? 0 : -errno;
    }
    while ((entry = readdir(dir))) {
        if (!strncmp(entry->d_name, prefix, strlen(prefix))
            && entry->d_name[0] != '.') {
            fn(replace(entry->d_name + strlen(prefix), ':', '.'), aux);
        }
    }
    closedir(dir);
    return 0;
}

static int
open_pin(const char *dir, const char *prefix, const char *rest)
{
    char *path = pin_path(dir, prefix, rest);
    int fd = bpf_obj_get(path);
    int retval = fd < 0 ? -errno : fd;

    free(path);
    return retval;
}

static int
put_pin(const char *dir, const char *prefix, const char *rest, int fd)
{
    char *path = pin_path(dir, prefix, rest);
    int error = bpf_obj_pin(fd, path) && errno != EEXIST ? -errno : 0;

    if (error) {
        VLOG_WARN("cannot pin path=%s: %s", path, ovs_strerror(-error));
    }
    free(path);
    return error;
}

static int
remove_pin(const char *dir, const char *prefix, const char *rest)
{
    char *path = pin_path(dir, prefix, rest);
    int error = unlink(path) ? -errno : 0;

    free(path);
    return error;
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

/* Whoever has the descriptor has the directory.  Returns it or -errno. */
static int
lock_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return -errno;
    }
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        int error = errno == EWOULDBLOCK ? EBUSY : errno;

        close(fd);
        return -error;
    }
    return fd;
}

/* The number of a link's interface, 0 if that is gone; -errno. */
static int
link_ifindex(int fd)
{
    struct bpf_link_info info;
    uint32_t size = sizeof info;

    memset(&info, 0, sizeof info);
    return bpf_obj_get_info_by_fd(fd, &info, &size) ? -errno
           : (int) info.xdp.ifindex;
}

static void
find_link(const char *interface, void *pins_)
{
    struct fwd_bpf_pins *pins = pins_;
    int fd = open_pin(pins->dir, LINK, interface);
    bool gone = fd >= 0 && !link_ifindex(fd);

    if (fd >= 0) {
        close(fd);
    }
    if (gone) {
        fwd_bpf_pins_remove_link(pins, interface);
    } else {
        pins->has_links = true;
    }
}

struct search {
    struct fwd_bpf_pins *pins;
    enum fwd_bpf_pin kind;
};

static void
find_old(const char *number, void *search_)
{
    const struct search *search = search_;
    const struct fwd_bpf_pins *pins = search->pins;
    struct olds *olds = &search->pins->olds[search->kind];
    int fd = olds->n < MAX_OLD
             ? open_pin(pins->dir, prefixes[search->kind], number) : -E2BIG;

    if (fd < 0) {
        VLOG_WARN("cannot open what a process before has pinned path=%s/%s%s: "
                  "%s", pins->dir, prefixes[search->kind], number,
                  ovs_strerror(-fd));
    } else {
        olds->fds[olds->n] = fd;
        olds->numbers[olds->n++] = xstrdup(number);
    }
}

struct fwd_bpf_pins *
fwd_bpf_pins_open(const char *dir)
{
    int error = make_dirs(dir);
    int lock = error ? error : lock_dir(dir);

    if (lock < 0) {
        VLOG_WARN("cannot use the directory for what is pinned, flooding "
                  "stops with this process dir=%s: %s", dir,
                  lock == -EBUSY ? "another process uses it"
                  : ovs_strerror(-lock));
        return NULL;
    }
    struct fwd_bpf_pins *pins = xzalloc(sizeof *pins);

    pins->dir = xstrdup(dir);
    pins->lock = lock;
    for_each_pin(dir, LINK, find_link, pins);
    for (int kind = 0; kind < FWD_BPF_N_PINS; kind++) {
        struct search search = { pins, kind };

        for_each_pin(dir, prefixes[kind], find_old, &search);
    }
    return pins;
}

static void
close_olds(struct olds *olds)
{
    while (olds->n) {
        olds->n--;
        close(olds->fds[olds->n]);
        free(olds->numbers[olds->n]);
    }
}

void
fwd_bpf_pins_close(struct fwd_bpf_pins *pins)
{
    if (pins) {
        for (int kind = 0; kind < FWD_BPF_N_PINS; kind++) {
            close_olds(&pins->olds[kind]);
        }
        close(pins->lock);
        free(pins->dir);
        free(pins);
    }
}

bool
fwd_bpf_pins_has_any(const struct fwd_bpf_pins *pins)
{
    return pins->has_links || pins->olds[FWD_BPF_PIN_PROGRAM].n;
}

bool
fwd_bpf_pins_has_links(const struct fwd_bpf_pins *pins)
{
    return pins->has_links;
}

int
fwd_bpf_pins_get_link(const struct fwd_bpf_pins *pins, const char *interface)
{
    return open_pin(pins->dir, LINK, interface);
}

void
fwd_bpf_pins_put_link(const struct fwd_bpf_pins *pins, const char *interface,
                      int fd)
{
    put_pin(pins->dir, LINK, interface, fd);
}

int
fwd_bpf_pins_remove_link(const struct fwd_bpf_pins *pins,
                         const char *interface)
{
    return remove_pin(pins->dir, LINK, interface);
}

struct keep {
    const struct fwd_bpf_pins *pins;
    bool (*fn)(const char *interface, void *aux);
    void *aux;
};

static void
keep_or_remove(const char *interface, void *keep_)
{
    const struct keep *keep = keep_;

    if (!keep->fn(interface, keep->aux)) {
        fwd_bpf_pins_remove_link(keep->pins, interface);
    }
}

void
fwd_bpf_pins_keep_links(const struct fwd_bpf_pins *pins,
                        bool (*fn)(const char *interface, void *aux),
                        void *aux)
{
    struct keep keep = { pins, fn, aux };

    for_each_pin(pins->dir, LINK, keep_or_remove, &keep);
}

int
fwd_bpf_pins_put(const struct fwd_bpf_pins *pins, enum fwd_bpf_pin kind,
                 uint32_t instance, int fd)
{
    char *number = xasprintf("%u", (unsigned int) instance);
    int error = put_pin(pins->dir, prefixes[kind], number, fd);

    free(number);
    return error;
}

size_t
fwd_bpf_pins_get_olds(const struct fwd_bpf_pins *pins, enum fwd_bpf_pin kind,
                      const int **fdsp)
{
    *fdsp = pins->olds[kind].fds;
    return pins->olds[kind].n;
}

void
fwd_bpf_pins_forget_olds(struct fwd_bpf_pins *pins, enum fwd_bpf_pin kind)
{
    struct olds *olds = &pins->olds[kind];

    for (size_t i = 0; i < olds->n; i++) {
        remove_pin(pins->dir, prefixes[kind], olds->numbers[i]);
    }
    close_olds(olds);
}

struct removal {
    const char *dir;
    void (*said)(const char *line, void *aux);
    void *aux;
    int error;                  /* The last one. */
};

static void
say(struct removal *r, const char *what, const char *of, int error)
{
    char *line = error ? xasprintf("cannot remove the %s %s: %s", what, of,
                                   ovs_strerror(-error))
                 : xasprintf("removed the %s %s", what, of);

    r->said(line, r->aux);
    free(line);
    r->error = error ? error : r->error;
}

static void
remove_link(const char *interface, void *r_)
{
    struct removal *r = r_;

    say(r, "program of interface", interface,
        remove_pin(r->dir, LINK, interface));
}

/* Takes a program out of all dispatchers; its pin goes when all are left. */
static void
remove_program(const char *number, void *r_)
{
    struct removal *r = r_;
    const char *prefix = prefixes[FWD_BPF_PIN_PROGRAM];
    int fd = open_pin(r->dir, prefix, number), failed = MIN(fd, 0);
    struct if_nameindex *all = if_nameindex();

    if (!all && !failed) {
        failed = -errno;
    }
    for (struct if_nameindex *i = all; i && i->if_index && fd >= 0; i++) {
        int error = fwd_bpf_dispatch_detach(fd, i->if_index);

        if (error != -ENOENT) {
            say(r, "program of interface", i->if_name, error);
            failed = error ? error : failed;
        }
    }
    if (all) {
        if_freenameindex(all);
    }
    if (fd >= 0) {
        close(fd);
    }
    if (!failed) {
        failed = remove_pin(r->dir, prefix, number);
    }
    if (failed) {
        say(r, "program", number, failed);
    }
}

static void
remove_heir(const char *number, void *r_)
{
    struct removal *r = r_;
    int error = remove_pin(r->dir, prefixes[FWD_BPF_PIN_HEIR], number);

    if (error) {
        say(r, "heir of program", number, error);
    }
}

int
fwd_bpf_pins_remove(const char *dir,
                    void (*said)(const char *line, void *aux), void *aux,
                    struct tsn_err *err)
{
    struct removal r = { .dir = dir, .said = said, .aux = aux };
    int lock = lock_dir(dir);

    if (lock == -ENOENT) {
        return 0;
    } else if (lock < 0) {
        tsn_err_set(err, dir, "%s", lock == -EBUSY
                    ? "a process uses it, which has to be stopped first"
                    : ovs_strerror(-lock));
        return lock;
    }
    for_each_pin(dir, prefixes[FWD_BPF_PIN_PROGRAM], remove_program, &r);
    for_each_pin(dir, LINK, remove_link, &r);
    for_each_pin(dir, prefixes[FWD_BPF_PIN_HEIR], remove_heir, &r);
    if (!r.error && rmdir(dir)) {
        r.error = -errno;
    }
    if (r.error) {
        tsn_err_set(err, dir, "something is left: %s",
                    ovs_strerror(-r.error));
    }
    close(lock);
    return r.error;
}

/* What a name in ROOT ends with that is of this network namespace; NULL
 * without a BPF file system. */
static char *
name_end(void)
{
    struct statfs fs;
    struct stat ns;

    return statfs(BPF_FS, &fs) || fs.f_type != BPF_FS_MAGIC
           || stat("/proc/self/ns/net", &ns) ? NULL
           : xasprintf("-%llu", (unsigned long long) ns.st_ino);
}

char *
fwd_bpf_pins_dir(const struct fwd_ip *address)
{
    char *end = name_end(), *dir = NULL;

    if (end) {
        char *name = xasprintf("%s%s", fwd_ip_text(address).s, end);

        dir = pin_path(ROOT, "", name);
        free(name);
    }
    free(end);
    return dir;
}

struct everything {
    const char *end;            /* Of the names. */
    void (*said)(const char *line, void *aux);
    void *aux;
    struct tsn_err *err;
    int error;
};

static void
remove_one(const char *name, void *e_)
{
    struct everything *e = e_;
    size_t len = strlen(name), end = strlen(e->end);
    char *dir = pin_path(ROOT, "", name);

    if (len > end && !strcmp(name + len - end, e->end)) {
        int error = fwd_bpf_pins_remove(dir, e->said, e->aux, e->err);

        if (error) {
            e->error = error;
            /* There may be more than one. */
            e->said(tsn_err_format(e->err), e->aux);
        }
    } else {
        char *line = xasprintf("left %s, of another network namespace", dir);

        e->said(line, e->aux);
        free(line);
    }
    free(dir);
}

int
fwd_bpf_pins_remove_all(const struct fwd_ip *address,
                        void (*said)(const char *line, void *aux), void *aux,
                        struct tsn_err *err)
{
    char *end = name_end();
    struct everything e = {
        .end = end, .said = said, .aux = aux, .err = err,
    };

    if (!end) {
        tsn_err_set(err, BPF_FS, "there is no BPF file system");
        return -ENOENT;
    }
    if (address) {
        char *dir = fwd_bpf_pins_dir(address);

        e.error = fwd_bpf_pins_remove(dir, said, aux, err);
        free(dir);
    } else {
        int error = for_each_pin(ROOT, "", remove_one, &e);
        if (error) {
            tsn_err_set(err, ROOT, "%s", ovs_strerror(-error));
            e.error = error;
        }
    }
    free(end);
    return e.error;
}
