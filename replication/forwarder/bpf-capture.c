/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the kernel's ring by hand: libbpf gives records to a callback, all
 * there are, while these are to be looked at one by one, next to those of
 * another ring. */
#include <config.h>
#include "replication/forwarder/bpf-capture.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "replication/forwarder/bpf-maps.h"
#include "util.h"

struct fwd_bpf_capture {
    struct fwd_bpf_capture_control *control;
    size_t page;
    uint64_t *consumer;         /* A page that we write: what we have taken. */
    const uint8_t *producer;    /* One that the kernel writes, and behind it
                                 * the octets, twice in a row. */
};

static void *
map(const struct fwd_bpf_maps *maps, size_t size, int protection, size_t from)
{
    void *p = mmap(NULL, size, protection, MAP_SHARED,
                   maps->fds[FWD_BPF_CAPTURED], from);

    return p == MAP_FAILED ? NULL : p;
}

static size_t
producer_size(const struct fwd_bpf_capture *c)
{
    return c->page + 2 * FWD_BPF_CAPTURE_SIZE;
}

int
fwd_bpf_capture_create(const struct fwd_bpf_maps *maps,
                       struct fwd_bpf_capture **capturep)
{
    struct fwd_bpf_capture *c = xzalloc(sizeof *c);

    c->control = maps->capture;
    c->page = get_page_size();
    c->consumer = map(maps, c->page, PROT_READ | PROT_WRITE, 0);
    c->producer = map(maps, producer_size(c), PROT_READ, c->page);
    if (!c->consumer || !c->producer) {
        int error = errno;

        fwd_bpf_capture_destroy(c);
        return -error;
    }
    *capturep = c;
    return 0;
}

void
fwd_bpf_capture_destroy(struct fwd_bpf_capture *c)
{
    if (!c) {
        return;
    }
    if (c->consumer) {
        munmap(c->consumer, c->page);
    }
    if (c->producer) {
        munmap(CONST_CAST(uint8_t *, c->producer), producer_size(c));
    }
    free(c);
}

void
fwd_bpf_capture_set(struct fwd_bpf_capture *c,
                    const struct fwd_capture_filter *filter)
{
    struct fwd_capture_filter *f = &c->control->filter;
    struct fwd_capture_filter idle = *filter;

    /* The session last, as it makes programs look at the rest.  One that still
     * goes by the one before writes a record of that one, or none. */
    __atomic_store_n(&f->session, 0, __ATOMIC_RELEASE);
    idle.session = 0;
    *f = idle;
    __atomic_store_n(&f->session, filter->session, __ATOMIC_RELEASE);
}

void
fwd_bpf_capture_extend(struct fwd_bpf_capture *c, uint64_t until_ns)
{
    __atomic_store_n(&c->control->filter.until_ns, until_ns,
                     __ATOMIC_RELAXED);
}

/* The header of the piece at 'position', and what is behind it. */
static const uint32_t *
header_at(const struct fwd_bpf_capture *c, uint64_t position)
{
    return (const void *) (c->producer + c->page
                           + position % FWD_BPF_CAPTURE_SIZE);
}

/* Goes on behind the piece with the header. */
static void
advance(struct fwd_bpf_capture *c, uint32_t header)
{
    uint32_t size = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

    __atomic_store_n(c->consumer,
                     *c->consumer + ROUND_UP(BPF_RINGBUF_HDR_SZ + size, 8),
                     __ATOMIC_RELEASE);
}

const struct fwd_capture_record *
fwd_bpf_capture_peek(struct fwd_bpf_capture *c)
{
    uint64_t end = __atomic_load_n((const uint64_t *) c->producer,
                                   __ATOMIC_ACQUIRE);

    while (*c->consumer < end) {
        const uint32_t *p = header_at(c, *c->consumer);
        uint32_t header = __atomic_load_n(p, __ATOMIC_ACQUIRE);

        if (header & BPF_RINGBUF_BUSY_BIT) {
            return NULL;        /* Being written. */
        }
        if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
            return (const void *) ((const uint8_t *) p + BPF_RINGBUF_HDR_SZ);
        }
        advance(c, header);
    }
    return NULL;
}

void
fwd_bpf_capture_drop(struct fwd_bpf_capture *c)
{
    advance(c, *header_at(c, *c->consumer));
}

uint64_t
fwd_bpf_capture_lost(const struct fwd_bpf_capture *c)
{
    return __atomic_load_n(&c->control->lost, __ATOMIC_RELAXED);
}
