/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/storms.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "openvswitch/hmap.h"
#include "openvswitch/vlog.h"
#include "replication/forwarder/bucket.h"
#include "replication/tree/networks.h"
#include "tsn/alarm.h"
#include "tsn/config.h"
#include "tsn/json.h"
#include "util.h"
#include "xmpp/view.h"

VLOG_DEFINE_THIS_MODULE(storms);

/* A storm may be of thousands of networks. */
static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(60, 60);

#define LOOK_MS 1000
/* So long without a drop, and a storm is over. */
#define OVER_MS 10000

/* Somebody who was dropped frames of. */
struct storm {
    struct hmap_node node;      /* By 'key'. */
    uint64_t key;               /* Of the bucket. */
    uint64_t dropped, refused;  /* As the bucket had them last ... */
    uint64_t n_dropped, n_refused;      /* ... and in all. */
    uint64_t start_dropped;     /* When the present storm began. */
    uint64_t last_ms;           /* When something beyond its own limit was
                                 * dropped; 0: never. */
    bool on;
};

struct repl_storms {
    const struct fwd_bucket *buckets;
    const struct repl_networks *networks;
    const struct tsn_config_storm *config;
    struct hmap storms;
    uint64_t due_ms;
};

struct repl_storms *
repl_storms_create(const struct fwd_bucket *buckets,
                   const struct repl_networks *networks,
                   const struct tsn_config_storm *config)
{
    struct repl_storms *rs = xzalloc(sizeof *rs);

    rs->buckets = buckets;
    rs->networks = networks;
    rs->config = config;
    rs->due_ms = buckets ? 0 : UINT64_MAX;
    hmap_init(&rs->storms);
    return rs;
}

void
repl_storms_destroy(struct repl_storms *rs)
{
    struct storm *storm;

    if (rs) {
        HMAP_FOR_EACH_POP (storm, node, &rs->storms) {
            free(storm);
        }
        hmap_destroy(&rs->storms);
        free(rs);
    }
}

static bool
is_tor(const struct storm *storm)
{
    return (storm->key & FWD_BUCKET_TOR) != 0;
}

static uint32_t
limit_of(const struct repl_storms *rs, const struct storm *storm)
{
    return is_tor(storm) ? rs->config->tor : rs->config->network;
}

/* "10.0.1.1", or "default-domain:demo:blue". */
static void
format_name(const struct repl_storms *rs, const struct storm *storm,
            char *name, size_t size)
{
    uint32_t n = storm->key;
    const struct repl_network *network
        = is_tor(storm) ? NULL : repl_networks_find(rs->networks, n);

    if (is_tor(storm)) {
        snprintf(name, size, "%u.%u.%u.%u", n >> 24, n >> 16 & 0xff,
                 n >> 8 & 0xff, n & 0xff);
    } else if (network) {
        snprintf(name, size, "%s", network->config->name);
    } else {
        snprintf(name, size, "VNI %"PRIu32, n);
    }
}

static void
log_change(const struct repl_storms *rs, const struct storm *storm)
{
    char name[256];

    format_name(rs, storm, name, sizeof name);
    if (storm->on) {
        VLOG_WARN_RL(&rl, "storm: more comes than is flooded, the rest is "
                     "dropped %s=%s limit=%"PRIu32,
                     is_tor(storm) ? "tor" : "network", name,
                     limit_of(rs, storm));
    } else {
        VLOG_INFO_RL(&rl, "storm is over %s=%s dropped=%"PRIu64,
                     is_tor(storm) ? "tor" : "network", name,
                     storm->n_dropped - storm->start_dropped);
    }
}

static struct storm *
find_storm(struct repl_storms *rs, uint64_t key)
{
    struct storm *storm;

    HMAP_FOR_EACH_WITH_HASH (storm, node, hash_uint64(key), &rs->storms) {
        if (storm->key == key) {
            return storm;
        }
    }
    storm = xzalloc(sizeof *storm);
    storm->key = key;
    hmap_insert(&rs->storms, &storm->node, hash_uint64(key));
    return storm;
}

/* What a counter has gained since it was 'last'.  A bucket that others had
 * meanwhile started with zero. */
static uint64_t
gain(uint64_t now, uint64_t last)
{
    return now >= last ? now - last : now;
}

static void
look_at(struct repl_storms *rs, const struct fwd_bucket *bucket,
        uint64_t now_ms)
{
    uint64_t key = __atomic_load_n(&bucket->key, __ATOMIC_RELAXED);
    uint64_t dropped = __atomic_load_n(&bucket->dropped, __ATOMIC_RELAXED);
    uint64_t refused = __atomic_load_n(&bucket->refused, __ATOMIC_RELAXED);

    if (!key || (!dropped && !refused)) {
        return;
    }
    struct storm *storm = find_storm(rs, key);
    uint64_t n = gain(dropped, storm->dropped);

    storm->n_refused += gain(refused, storm->refused);
    storm->dropped = dropped;
    storm->refused = refused;
    if (!n) {
        return;
    }
    storm->last_ms = now_ms;
    if (!storm->on) {
        storm->on = true;
        storm->start_dropped = storm->n_dropped;
        log_change(rs, storm);
    }
    storm->n_dropped += n;
}

void
repl_storms_run(struct repl_storms *rs, uint64_t now_ms)
{
    struct storm *storm;

    if (now_ms < rs->due_ms) {
        return;
    }
    rs->due_ms = now_ms + LOOK_MS;
    for (int i = 0; i < FWD_N_BUCKETS; i++) {
        look_at(rs, &rs->buckets[i], now_ms);
    }
    HMAP_FOR_EACH (storm, node, &rs->storms) {
        if (storm->on && now_ms - storm->last_ms >= OVER_MS) {
            storm->on = false;
            log_change(rs, storm);
        }
    }
}

uint64_t
repl_storms_due_ms(const struct repl_storms *rs)
{
    return rs->due_ms;
}

static int
compare_storms(const void *a_, const void *b_)
{
    const struct storm *const *a = a_, *const *b = b_;

    return is_tor(*a) != is_tor(*b) ? (is_tor(*a) ? -1 : 1)
           : (*a)->key < (*b)->key ? -1 : (*a)->key > (*b)->key;
}

static const struct storm **
sort_storms(const struct repl_storms *rs)
{
    const struct storm **storms = xmalloc(MAX(hmap_count(&rs->storms), 1)
                                          * sizeof *storms);
    const struct storm *storm;
    size_t n = 0;

    HMAP_FOR_EACH (storm, node, &rs->storms) {
        storms[n++] = storm;
    }
    qsort(storms, n, sizeof *storms, compare_storms);
    return storms;
}

static void
show_storm(const struct repl_storms *rs, const struct storm *storm,
           struct tsn_json *json, uint64_t now_ms)
{
    char name[256];

    format_name(rs, storm, name, sizeof name);
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "of", is_tor(storm) ? "tor" : "network");
    tsn_json_string(json, "name", name);
    if (limit_of(rs, storm)) {
        tsn_json_uint(json, "limit", limit_of(rs, storm));
    }
    tsn_json_string(json, "state", storm->on ? "storm"
                    : storm->last_ms ? "over" : "within its limit");
    tsn_json_uint(json, "dropped", storm->n_dropped);
    if (is_tor(storm)) {
        tsn_json_uint(json, "dropped_by_network", storm->n_refused);
    }
    if (storm->last_ms) {
        tsn_json_uint(json, "last_s", (now_ms - storm->last_ms) / 1000);
    }
    tsn_json_object_end(json);
}

void
repl_storms_show(const struct repl_storms *rs, struct tsn_json *json,
                 uint64_t now_ms)
{
    const struct storm **storms = sort_storms(rs);

    for (size_t i = 0; i < hmap_count(&rs->storms); i++) {
        show_storm(rs, storms[i], json, now_ms);
    }
    free(storms);
}

void
repl_storms_state_alarm(const struct repl_storms *rs, struct tsn_alarms *set)
{
    unsigned int n_tors = 0, n_networks = 0;
    const struct storm *storm;

    HMAP_FOR_EACH (storm, node, &rs->storms) {
        n_tors += storm->on && is_tor(storm);
        n_networks += storm->on && !is_tor(storm);
    }
    if (n_tors || n_networks) {
        char *text = xasprintf("more comes than is flooded from %u switches "
                               "and in %u networks; see \"tsnctl show "
                               "storms\"", n_tors, n_networks);

        tsn_alarms_state(set, "storm", TSN_WARNING, 0, "", text);
        free(text);
    }
}
