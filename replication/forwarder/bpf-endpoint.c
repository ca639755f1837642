/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/bpf-endpoint.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/hmap.h"
#include "openvswitch/vlog.h"
#include "replication/forwarder/bpf-grace.h"
#include "replication/forwarder/bpf-maps.h"
#include "replication/forwarder/bpf-pool.h"
#include "replication/forwarder/ip-text.h"
#include "replication/forwarder/nexthop.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_bpf_endpoint);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

#define NO_DEV FWD_BPF_MAX_DEVS

struct endpoint {
    struct hmap_node node;
    struct fwd_ip ip;
    unsigned int refs;
    struct fwd_bpf_at at;
    unsigned int dev;           /* By which it is reached, or NO_DEV ... */
    unsigned int old_dev;       /* ... and by which networks still think that
                                 * it is, or NO_DEV. */
    bool moved;                 /* Networks do not know 'at' yet. */
    bool current;               /* Which of its ways in the map it is. */
};

struct dev {
    int ifindex;                /* 0: the number is not used. */
    unsigned int n;             /* Endpoints that are reached by it. */
};

struct fwd_bpf_endpoints {
    struct fwd_bpf_maps *maps;
    struct fwd_bpf_grace *grace;
    struct fwd_nexthops *nexthops;
    const struct fwd_bpf_endpoint_ops *ops;
    void *aux;
    struct hmap endpoints;
    bool some_moved;            /* Since networks were written ... */
    bool some_untold;           /* ... and since the owner was told. */
    struct fwd_bpf_pool *pool;
    struct dev devs[FWD_BPF_MAX_DEVS];
    bool short_of_devs;         /* Some endpoints got no number. */
};

static struct endpoint *
find_endpoint(const struct fwd_bpf_endpoints *es, const struct fwd_ip *ip)
{
    struct endpoint *e;

    HMAP_FOR_EACH_WITH_HASH (e, node, hash_bytes(ip->b, sizeof ip->b, 0),
                             &es->endpoints) {
        if (fwd_ip_equals(&e->ip, ip)) {
            return e;
        }
    }
    return NULL;
}

/* The number of an interface; NO_DEV if there is none left. */
static unsigned int
find_dev(struct fwd_bpf_endpoints *es, int ifindex)
{
    unsigned int unused = NO_DEV;

    for (unsigned int i = 0; i < FWD_BPF_MAX_DEVS; i++) {
        if (es->devs[i].ifindex == ifindex) {
            return i;
        } else if (!es->devs[i].ifindex && unused == NO_DEV) {
            unused = i;
        }
    }
    if (unused == NO_DEV) {
        VLOG_ERR_RL(&rl, "endpoints are reached by more interfaces than the "
                    "%d that there is room for, nothing leaves by ifindex=%d",
                    FWD_BPF_MAX_DEVS, ifindex);
        es->short_of_devs = true;
        return unused;
    }
    es->devs[unused] = (struct dev) { .ifindex = ifindex };
    es->ops->device(unused, ifindex, es->aux);
    return unused;
}

/* A number for an endpoint that cannot be reached: one with an interface, if
 * there is any, so that its copies are made and counted. */
static unsigned int
any_dev(const struct fwd_bpf_endpoints *es)
{
    for (unsigned int i = 0; i < FWD_BPF_MAX_DEVS; i++) {
        if (es->devs[i].ifindex) {
            return i;
        }
    }
    return 0;
}

/* Programs see each word whole: the one with the flags goes first when the way
 * is lost and last when there is a new one. */
static void
store_way(struct fwd_bpf_way *way, const struct fwd_bpf_way *wanted)
{
    bool ready = wanted->flags & FWD_BPF_READY;
    uint64_t from[2], *to = (void *) way;

    BUILD_ASSERT_DECL(sizeof *wanted == sizeof from);
    memcpy(from, wanted, sizeof from);
    if (!ready) {
        __atomic_store_n(&to[0], from[0], __ATOMIC_RELEASE);
    }
    __atomic_store_n(&to[1], from[1], __ATOMIC_RELEASE);
    if (ready) {
        __atomic_store_n(&to[0], from[0], __ATOMIC_RELEASE);
    }
}

/* Gives 'e' a way by another interface, while the one before stays. */
static void
add_way(struct fwd_bpf_way ways[2], struct endpoint *e,
        const struct fwd_bpf_way *wanted)
{
    struct fwd_bpf_way before = ways[e->current];

    store_way(&ways[!e->current], wanted);
    before.flags &= ~FWD_BPF_FOREMOST;
    store_way(&ways[e->current], &before);
    e->current = !e->current;
}

static void
write_way(struct fwd_bpf_endpoints *es, struct endpoint *e,
          const struct fwd_nexthop *nh)
{
    struct fwd_bpf_way *ways = es->maps->endpoints[e->at.endpoint].ways;
    const struct fwd_bpf_way none = { .dev = e->at.dev };
    struct fwd_bpf_way wanted = {
        .flags = e->at.ready ? FWD_BPF_READY | FWD_BPF_FOREMOST : 0,
        .dev = e->at.dev,
        .mtu = MIN(nh->mtu, UINT16_MAX),
    };

    memcpy(wanted.dst_mac, nh->dst_mac, 6);
    memcpy(wanted.src_mac, nh->src_mac, 6);
    if (!e->at.ready) {
        store_way(&ways[0], &none);
        store_way(&ways[1], &none);
    } else if (ways[e->current].flags & FWD_BPF_READY
               && ways[e->current].dev != wanted.dev) {
        add_way(ways, e, &wanted);
    } else {
        store_way(&ways[e->current], &wanted);
    }
}

static void
leave_dev(struct fwd_bpf_endpoints *es, unsigned int dev)
{
    if (dev != NO_DEV && !--es->devs[dev].n) {
        es->devs[dev].ifindex = 0;
    }
}

/* Takes over how frames to 'e' leave.  Networks go on with the interface that
 * they know, so that one stays. */
static void
set_way(struct fwd_bpf_endpoints *es, struct endpoint *e,
        const struct fwd_nexthop *nh)
{
    unsigned int dev = nh->ifindex ? find_dev(es, nh->ifindex) : NO_DEV;
    bool has_dev = dev != NO_DEV;

    if (has_dev) {
        es->devs[dev].n++;
    }
    if (e->old_dev == NO_DEV) {
        e->old_dev = e->dev;
    } else {
        leave_dev(es, e->dev);
    }
    e->dev = dev;
    e->at.dev = has_dev ? dev : any_dev(es);
    e->at.mtu = has_dev ? nh->mtu : 0;
    e->at.ready = has_dev && nh->state == FWD_NEXTHOP_READY;
    write_way(es, e, nh);
}

static void
settle(struct fwd_bpf_endpoints *es, struct endpoint *e)
{
    leave_dev(es, e->old_dev);
    e->old_dev = NO_DEV;
    e->moved = false;
}

static void
nexthop_changed(const struct fwd_ip *dst, const struct fwd_nexthop *nh,
                void *es_)
{
    struct fwd_bpf_endpoints *es = es_;
    struct endpoint *e = find_endpoint(es, dst);

    if (e && e->at.endpoint) {
        struct fwd_bpf_at old = e->at;

        set_way(es, e, nh);
        if (e->at.dev != old.dev || e->at.mtu != old.mtu
            || e->at.ready != old.ready) {
            e->moved = es->some_moved = es->some_untold = true;
        } else if (!e->moved) {
            settle(es, e);
        }
    }
}

static void
nexthops_settled(void *es_)
{
    struct fwd_bpf_endpoints *es = es_;

    if (es->some_untold) {
        es->some_untold = false;
        es->ops->moved(es->aux);
    }
}

static bool
has_unused_dev(const struct fwd_bpf_endpoints *es)
{
    for (unsigned int i = 0; i < FWD_BPF_MAX_DEVS; i++) {
        if (!es->devs[i].ifindex) {
            return true;
        }
    }
    return false;
}

void
fwd_bpf_endpoints_retry(struct fwd_bpf_endpoints *es)
{
    struct endpoint *e;

    if (!es->short_of_devs || !has_unused_dev(es)) {
        return;
    }
    es->short_of_devs = false;
    HMAP_FOR_EACH (e, node, &es->endpoints) {
        const struct fwd_nexthop *nh
            = e->dev == NO_DEV ? fwd_nexthops_find(es->nexthops, &e->ip)
              : NULL;

        if (nh && nh->ifindex) {
            nexthop_changed(&e->ip, nh, es);
        }
    }
    nexthops_settled(es);
}

static void
found_interface(int ifindex, void *es_)
{
    struct fwd_bpf_endpoints *es = es_;

    es->ops->arrival(ifindex, es->aux);
}

static const struct fwd_nexthop_ops nexthop_ops = {
    .changed = nexthop_changed,
    .settled = nexthops_settled,
    .interface = found_interface,
};

int
fwd_bpf_endpoints_create(uv_loop_t *loop, struct fwd_bpf_maps *maps,
                         struct fwd_bpf_grace *grace,
                         const struct fwd_host *host,
                         const struct fwd_bpf_endpoint_ops *ops, void *aux,
                         struct fwd_bpf_endpoints **endpointsp,
                         struct tsn_err *err)
{
    struct fwd_bpf_endpoints *es = xzalloc(sizeof *es);

    int error = fwd_nexthops_create(loop, host, &nexthop_ops, es,
                                    &es->nexthops, err);
    if (error) {
        free(es);
        return error;
    }
    es->maps = maps;
    es->grace = grace;
    es->ops = ops;
    es->aux = aux;
    hmap_init(&es->endpoints);
    es->pool = fwd_bpf_pool_create(FWD_BPF_MAX_ENDPOINTS);
    /* Entry 0 stands for none. */
    ovs_assert(fwd_bpf_pool_alloc(es->pool, 1) == 0);
    *endpointsp = es;
    return 0;
}

void
fwd_bpf_endpoints_destroy(struct fwd_bpf_endpoints *es)
{
    struct endpoint *e;

    if (!es) {
        return;
    }
    fwd_nexthops_destroy(es->nexthops);
    HMAP_FOR_EACH_POP (e, node, &es->endpoints) {
        free(e);
    }
    hmap_destroy(&es->endpoints);
    fwd_bpf_pool_destroy(es->pool);
    free(es);
}

static void
add_endpoint(struct fwd_bpf_endpoints *es, struct endpoint *e)
{
    uint32_t i = fwd_bpf_pool_alloc(es->pool, 1);
    int error = i == FWD_BPF_POOL_FULL ? -ENOSPC : 0;

    if (!error) {
        e->at.endpoint = i;
        es->maps->endpoints[i] = (struct fwd_bpf_endpoint) { .ip = e->ip };
        set_way(es, e, fwd_nexthops_add(es->nexthops, &e->ip));
        error = fwd_bpf_map_set(es->maps, FWD_BPF_ADDRESSES, &e->ip, &i);
    }
    if (error) {
        VLOG_ERR_RL(&rl, "no room for a tunnel endpoint, it gets no frames "
                    "vtep=%s: %s", fwd_ip_text(&e->ip).s,
                    ovs_strerror(-error));
    }
}

struct fwd_bpf_at
fwd_bpf_endpoint_ref(struct fwd_bpf_endpoints *es, const struct fwd_ip *ip)
{
    struct endpoint *e = find_endpoint(es, ip);

    if (!e) {
        e = xzalloc(sizeof *e);
        e->ip = *ip;
        e->dev = e->old_dev = NO_DEV;
        hmap_insert(&es->endpoints, &e->node,
                    hash_bytes(ip->b, sizeof ip->b, 0));
        add_endpoint(es, e);
    }
    e->refs++;
    return e->at;
}

static void
reuse_endpoint(void *es_, uint32_t first, uint32_t n)
{
    struct fwd_bpf_endpoints *es = es_;

    fwd_bpf_pool_free(es->pool, first, n);
}

void
fwd_bpf_endpoint_unref(struct fwd_bpf_endpoints *es, const struct fwd_ip *ip)
{
    struct endpoint *e = find_endpoint(es, ip);

    if (!e || --e->refs) {
        return;
    }
    if (e->at.endpoint) {
        fwd_bpf_map_remove(es->maps, FWD_BPF_ADDRESSES, ip);
        fwd_nexthops_remove(es->nexthops, ip);
        leave_dev(es, e->dev);
        leave_dev(es, e->old_dev);
        fwd_bpf_defer(es->grace, reuse_endpoint, es, e->at.endpoint, 1);
    }
    hmap_remove(&es->endpoints, &e->node);
    free(e);
}

bool
fwd_bpf_endpoint_has_moved(const struct fwd_bpf_endpoints *es,
                           const struct fwd_ip *ip)
{
    const struct endpoint *e = find_endpoint(es, ip);

    return e && e->moved;
}

void
fwd_bpf_endpoints_settle(struct fwd_bpf_endpoints *es)
{
    struct endpoint *e;

    if (!es->some_moved || es->some_untold) {
        return;
    }
    HMAP_FOR_EACH (e, node, &es->endpoints) {
        settle(es, e);
    }
    es->some_moved = false;
}

bool
fwd_bpf_endpoint_find_way(const struct fwd_bpf_endpoints *es,
                          const struct fwd_ip *ip, struct fwd_nexthop *way)
{
    const struct fwd_nexthop *nh = fwd_nexthops_find(es->nexthops, ip);

    if (nh) {
        *way = *nh;
    }
    return nh != NULL;
}

int
fwd_bpf_dev_ifindex(const struct fwd_bpf_endpoints *es, unsigned int dev)
{
    return es->devs[dev].ifindex;
}

size_t
fwd_bpf_n_pending(const struct fwd_bpf_endpoints *es)
{
    const struct endpoint *e;
    size_t n = 0;

    HMAP_FOR_EACH (e, node, &es->endpoints) {
        n += !e->at.ready;
    }
    return n;
}

void
fwd_bpf_for_each_pending(const struct fwd_bpf_endpoints *es,
                         void (*fn)(const struct fwd_ip *, const char *why,
                                    void *aux),
                         void *aux)
{
    const struct endpoint *e;
    char why[128];

    HMAP_FOR_EACH (e, node, &es->endpoints) {
        if (e->at.ready) {
            continue;
        } else if (!e->at.endpoint) {
            snprintf(why, sizeof why, "there is no room for more endpoints");
        } else if (!fwd_nexthops_explain(es->nexthops, &e->ip, why,
                                         sizeof why)) {
            snprintf(why, sizeof why, "endpoints are reached by more "
                     "interfaces than the %d that there is room for",
                     FWD_BPF_MAX_DEVS);
        }
        fn(&e->ip, why, aux);
    }
}

int
fwd_bpf_arrival_ifindex(const struct fwd_bpf_endpoints *es, unsigned int i)
{
    return i < FWD_NEXTHOP_MAX_INTERFACES
           ? fwd_nexthops_ifindex(es->nexthops, i)
           : fwd_nexthops_source_ifindex(es->nexthops,
                                         i - FWD_NEXTHOP_MAX_INTERFACES);
}
