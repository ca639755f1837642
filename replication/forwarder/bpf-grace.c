/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/bpf-grace.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "replication/forwarder/bpf-maps.h"
#include "util.h"

struct deferred {
    fwd_bpf_reuse_fn *fn;
    void *owner;
    uint32_t first, n;
};

struct batch {
    struct deferred *items;
    size_t n, allocated;
};

/* Outlives the rest while a thread of the pool waits. */
struct waiter {
    uv_work_t work;
    int grace_fd, devmap_fd;
    bool busy;
    struct fwd_bpf_grace *grace;    /* NULL once that is destroyed. */
    struct batch batch;             /* Deferred before the wait began. */
};

struct fwd_bpf_grace {
    uv_loop_t *loop;
    struct waiter *waiter;
    struct batch next;              /* Deferred since. */
};

int
fwd_bpf_grace_create(uv_loop_t *loop, const struct fwd_bpf_maps *maps,
                     struct fwd_bpf_grace **gracep)
{
    int grace_fd = fcntl(maps->fds[FWD_BPF_GRACE], F_DUPFD_CLOEXEC, 0);
    int devmap_fd = fwd_bpf_devmap_create(1);

    if (grace_fd < 0 || devmap_fd < 0) {
        int error = grace_fd < 0 ? -errno : devmap_fd;

        if (grace_fd >= 0) {
            close(grace_fd);
        }
        if (devmap_fd >= 0) {
            close(devmap_fd);
        }
        return error;
    }
    struct fwd_bpf_grace *grace = xzalloc(sizeof *grace);
    grace->loop = loop;
    grace->waiter = xzalloc(sizeof *grace->waiter);
    grace->waiter->grace_fd = grace_fd;
    grace->waiter->devmap_fd = devmap_fd;
    grace->waiter->grace = grace;
    *gracep = grace;
    return 0;
}

static void
free_waiter(struct waiter *waiter)
{
    close(waiter->grace_fd);
    close(waiter->devmap_fd);
    free(waiter->batch.items);
    free(waiter);
}

void
fwd_bpf_grace_destroy(struct fwd_bpf_grace *grace)
{
    if (!grace) {
        return;
    }
    grace->waiter->grace = NULL;
    if (!grace->waiter->busy) {
        free_waiter(grace->waiter);
    }
    free(grace->next.items);
    free(grace);
}

/* In a thread of the pool. */
static void
work_cb(uv_work_t *work)
{
    struct waiter *waiter = CONTAINER_OF(work, struct waiter, work);

    fwd_bpf_wait_grace(waiter->grace_fd, waiter->devmap_fd);
}

static void start_waiting(struct fwd_bpf_grace *);

static void
after_work_cb(uv_work_t *work, int status OVS_UNUSED)
{
    struct waiter *waiter = CONTAINER_OF(work, struct waiter, work);
    struct fwd_bpf_grace *grace = waiter->grace;

    waiter->busy = false;
    if (!grace) {
        free_waiter(waiter);
        return;
    }
    for (size_t i = 0; i < waiter->batch.n; i++) {
        const struct deferred *d = &waiter->batch.items[i];

        d->fn(d->owner, d->first, d->n);
    }
    waiter->batch.n = 0;
    start_waiting(grace);
}

static void
start_waiting(struct fwd_bpf_grace *grace)
{
    struct waiter *waiter = grace->waiter;

    if (waiter->busy || !grace->next.n) {
        return;
    }
    struct batch empty = waiter->batch;
    waiter->batch = grace->next;
    grace->next = empty;
    waiter->busy = true;
    uv_queue_work(grace->loop, &waiter->work, work_cb, after_work_cb);
}

void
fwd_bpf_defer(struct fwd_bpf_grace *grace, fwd_bpf_reuse_fn *fn, void *owner,
              uint32_t first, uint32_t n)
{
    struct batch *next = &grace->next;

    if (next->n == next->allocated) {
        next->items = x2nrealloc(next->items, &next->allocated,
                                 sizeof *next->items);
    }
    next->items[next->n++] = (struct deferred) { fn, owner, first, n };
    start_waiting(grace);
}
