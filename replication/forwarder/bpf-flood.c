/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/bpf-flood.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hash.h"
#include "openvswitch/hmap.h"
#include "openvswitch/vlog.h"
#include "replication/forwarder/bpf-endpoint.h"
#include "replication/forwarder/bpf-grace.h"
#include "replication/forwarder/bpf-maps.h"
#include "replication/forwarder/bpf-pool.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_bpf_flood);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 5);

struct part {
    int ifindex;
    uint32_t n;
};

struct flood {
    struct hmap_node node;      /* By 'parts'; not once it is unused. */
    struct part parts[FWD_BPF_MAX_DEVS];
    uint32_t index;             /* In the map of maps. */
    unsigned int refs;
    bool combined;              /* By several interfaces. */
    int fd;
};

/* Maps for several interfaces; those beyond are coarse, of which there are few
 * different ones. */
#define MAX_EXACT_COMBINED (FWD_BPF_MAX_FLOODS / 4)

/* The maps that flood by one interface alone: see fwd_bpf_flood_size(). */
#define N_SIZES (32 + 5 * 16)
struct prepared {
    uint16_t floods[N_SIZES];
    unsigned int n;
};

struct fwd_bpf_floods {
    struct fwd_bpf_maps *maps;
    struct fwd_bpf_endpoints *endpoints;
    struct fwd_bpf_grace *grace;
    struct hmap by_parts;
    struct fwd_bpf_pool *pool;
    struct flood *by_index[FWD_BPF_MAX_FLOODS];
    unsigned int n_combined;
    uint32_t fresh[FWD_BPF_MAX_FLOODS]; /* Not committed: their indexes. */
    uint32_t n_fresh;
    struct prepared prepared[FWD_BPF_MAX_DEVS];
};
BUILD_ASSERT_DECL(FWD_BPF_MAX_FANOUT == 1024);

struct fwd_bpf_floods *
fwd_bpf_floods_create(struct fwd_bpf_maps *maps,
                      struct fwd_bpf_endpoints *endpoints,
                      struct fwd_bpf_grace *grace)
{
    struct fwd_bpf_floods *floods = xzalloc(sizeof *floods);

    floods->maps = maps;
    floods->endpoints = endpoints;
    floods->grace = grace;
    hmap_init(&floods->by_parts);
    floods->pool = fwd_bpf_pool_create(FWD_BPF_MAX_FLOODS);
    return floods;
}

static void
free_flood(struct flood *flood)
{
    close(flood->fd);
    free(flood);
}

void
fwd_bpf_floods_destroy(struct fwd_bpf_floods *floods)
{
    if (!floods) {
        return;
    }
    for (int i = 0; i < FWD_BPF_MAX_FLOODS; i++) {
        if (floods->by_index[i]) {
            free_flood(floods->by_index[i]);
        }
    }
    hmap_destroy(&floods->by_parts);
    fwd_bpf_pool_destroy(floods->pool);
    free(floods);
}

static uint32_t
hash_parts(const struct part parts[FWD_BPF_MAX_DEVS])
{
    return hash_bytes(parts, FWD_BPF_MAX_DEVS * sizeof *parts, 0);
}

static struct flood *
find_flood(const struct fwd_bpf_floods *floods,
           const struct part parts[FWD_BPF_MAX_DEVS])
{
    struct flood *flood;

    HMAP_FOR_EACH_WITH_HASH (flood, node, hash_parts(parts),
                             &floods->by_parts) {
        if (!memcmp(flood->parts, parts, sizeof flood->parts)) {
            return flood;
        }
    }
    return NULL;
}

/* An interface that is gone by now has no entries: nothing can leave by it. */
static void
fill(const struct fwd_bpf_floods *floods, const struct flood *flood)
{
    uint32_t at = 0;

    for (int dev = 0; dev < FWD_BPF_MAX_DEVS; dev++) {
        const struct part *part = &flood->parts[dev];

        for (uint32_t i = 0; i < part->n; i++) {
            int error = fwd_bpf_devmap_set(flood->fd, at++, part->ifindex,
                                           floods->maps->egress[dev]);
            if (error) {
                VLOG_WARN_RL(&rl, "cannot flood by an interface ifindex=%d: "
                             "%s", part->ifindex, ovs_strerror(-error));
                break;
            }
        }
    }
}

/* Makes a map that the programs do not find yet. */
static struct flood *
make_flood(struct fwd_bpf_floods *floods,
           const struct part parts[FWD_BPF_MAX_DEVS])
{
    uint32_t index = fwd_bpf_pool_alloc(floods->pool, 1), n = 0;

    if (index == FWD_BPF_POOL_FULL) {
        VLOG_ERR_RL(&rl, "too many different fan-outs, sockets flood a "
                    "network");
        return NULL;
    }
    for (int dev = 0; dev < FWD_BPF_MAX_DEVS; dev++) {
        n += parts[dev].n;
    }
    int fd = fwd_bpf_devmap_create(n);
    if (fd < 0) {
        VLOG_ERR_RL(&rl, "cannot make a device map, sockets flood a "
                    "network: %s", ovs_strerror(-fd));
        fwd_bpf_pool_free(floods->pool, index, 1);
        return NULL;
    }
    struct flood *flood = xzalloc(sizeof *flood);
    memcpy(flood->parts, parts, sizeof flood->parts);
    flood->index = index;
    flood->fd = fd;
    fill(floods, flood);
    floods->by_index[index] = flood;
    floods->fresh[floods->n_fresh++] = index;
    hmap_insert(&floods->by_parts, &flood->node, hash_parts(parts));
    return flood;
}

/* All at once, as the kernel waits for running programs each time. */
void
fwd_bpf_floods_commit(struct fwd_bpf_floods *floods)
{
    uint32_t n = floods->n_fresh;

    if (!n) {
        return;
    }
    int *fds = xmalloc(n * sizeof *fds);
    for (uint32_t i = 0; i < n; i++) {
        fds[i] = floods->by_index[floods->fresh[i]]->fd;
    }
    int error = fwd_bpf_map_set_batch(floods->maps, FWD_BPF_FLOODS,
                                      floods->fresh, fds, n);
    if (error) {
        VLOG_ERR_RL(&rl, "cannot use device maps: %s", ovs_strerror(-error));
    }
    floods->n_fresh = 0;
    free(fds);
}

void
fwd_bpf_floods_prepare(struct fwd_bpf_floods *floods, unsigned int dev,
                       int ifindex)
{
    struct prepared *prepared = &floods->prepared[dev];
    struct part parts[FWD_BPF_MAX_DEVS];

    for (unsigned int i = 0; i < prepared->n; i++) {
        fwd_bpf_flood_unref(floods, prepared->floods[i]);
    }
    prepared->n = 0;
    memset(parts, 0, sizeof parts);
    parts[dev].ifindex = ifindex;
    for (uint32_t n = 1; n <= FWD_BPF_MAX_FANOUT;
         n = fwd_bpf_flood_size(n + 1, false)) {
        parts[dev].n = n;
        struct flood *flood = find_flood(floods, parts);
        if (!flood) {
            flood = make_flood(floods, parts);
            if (!flood) {
                break;
            }
        }
        flood->refs++;
        prepared->floods[prepared->n++] = flood->index;
    }
    fwd_bpf_floods_commit(floods);
}

static int
count_parts(const struct part parts[FWD_BPF_MAX_DEVS])
{
    int n = 0;

    for (int dev = 0; dev < FWD_BPF_MAX_DEVS; dev++) {
        n += parts[dev].n > 0;
    }
    return n;
}

/* A map that is there already, or a new one, or NULL. */
static struct flood *
get_flood(struct fwd_bpf_floods *floods,
          const struct part parts[FWD_BPF_MAX_DEVS], bool coarse)
{
    struct flood *flood = find_flood(floods, parts);
    bool combined = count_parts(parts) > 1;

    if (flood || (combined && !coarse
                  && floods->n_combined >= MAX_EXACT_COMBINED)) {
        return flood;
    }
    flood = make_flood(floods, parts);
    if (flood) {
        flood->combined = combined;
        floods->n_combined += combined;
    }
    return flood;
}

bool
fwd_bpf_flood_ref(struct fwd_bpf_floods *floods,
                  const uint32_t copies[FWD_BPF_MAX_DEVS], bool coarse,
                  uint16_t *floodp)
{
    struct part parts[FWD_BPF_MAX_DEVS];

    *floodp = FWD_BPF_NONE;
    memset(parts, 0, sizeof parts);
    for (int dev = 0; dev < FWD_BPF_MAX_DEVS; dev++) {
        int ifindex = fwd_bpf_dev_ifindex(floods->endpoints, dev);

        if (copies[dev] && ifindex) {
            parts[dev].ifindex = ifindex;
            parts[dev].n = fwd_bpf_flood_size(copies[dev], coarse);
        }
    }
    if (!count_parts(parts)) {
        return true;
    }
    struct flood *flood = get_flood(floods, parts, coarse);
    if (flood) {
        flood->refs++;
        *floodp = flood->index;
    }
    return flood != NULL;
}

/* The map of maps keeps the map until another one takes its place: removing it
 * would mean to wait. */
static void
reuse_flood(void *floods_, uint32_t index, uint32_t n)
{
    struct fwd_bpf_floods *floods = floods_;

    floods->n_combined -= floods->by_index[index]->combined;
    free_flood(floods->by_index[index]);
    floods->by_index[index] = NULL;
    fwd_bpf_pool_free(floods->pool, index, n);
}

void
fwd_bpf_flood_unref(struct fwd_bpf_floods *floods, uint16_t index)
{
    struct flood *flood;

    if (index == FWD_BPF_NONE) {
        return;
    }
    flood = floods->by_index[index];
    if (!--flood->refs) {
        hmap_remove(&floods->by_parts, &flood->node);
        fwd_bpf_defer(floods->grace, reuse_flood, floods, index, 1);
    }
}
