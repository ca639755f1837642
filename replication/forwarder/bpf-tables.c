/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/bpf-tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/vlog.h"
#include "replication/forwarder/bpf-endpoint.h"
#include "replication/forwarder/bpf-entries.h"
#include "replication/forwarder/bpf-flood.h"
#include "replication/forwarder/bpf-grace.h"
#include "replication/forwarder/bpf-maps.h"
#include "replication/forwarder/bpf-pool.h"
#include "replication/forwarder/bpf-set.h"
#include "replication/forwarder/table.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(fwd_bpf_tables);

/* Other events of the loop come first; libuv may run a timer of 0 again in the
 * same turn. */
#define NEXT_TURN_MS 1
/* A grace period is shorter, mostly. */
#define RETRY_MS 50

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 10);

/* What the programs have of a network. */
struct written {
    struct fwd_network *network;        /* NULL: nothing yet. */
    uint32_t slot;
    struct fwd_bpf_set set;
    /* What they are to have, already written; NULL: the same. */
    struct fwd_network *next;
    struct fwd_bpf_set next_set;
    /* What there was no room for, so it is due; NULL: nothing. */
    struct fwd_network *wanted;
    bool due;                   /* To be written, as endpoints have moved or
                                 * there may be room now. */
    int error;                  /* Why it is not what it should be, or 0. */
    /* Counters of the network when it got its slot. */
    struct fwd_counters base;
};

struct fwd_bpf_tables {
    struct fwd_bpf_parts parts;
    struct fwd_bpf_pools pools;
    struct fwd_bpf_pool *slots;
    struct written **written;   /* By VNI. */
    size_t n;
    size_t n_refused;           /* Networks that there is no room for. */
    size_t next;                /* Where to go on with those that are due. */
    struct fwd_counters gone;   /* Of networks that have no slot any more. */

    /* What is in the map of labels, by label. */
    struct label {
        uint32_t label;
        struct fwd_bpf_label to;
    } *labels;
    size_t n_labels;
};

struct fwd_bpf_tables *
fwd_bpf_tables_create(const struct fwd_bpf_parts *parts)
{
    struct fwd_bpf_tables *ts = xzalloc(sizeof *ts);

    ts->parts = *parts;
    ts->pools.nets = fwd_bpf_pool_create(FWD_BPF_MAX_RECORDS);
    ts->pools.members = fwd_bpf_pool_create(FWD_BPF_MAX_MEMBERS);
    ts->pools.index = fwd_bpf_pool_create(FWD_BPF_MAX_INDEX);
    ts->slots = fwd_bpf_pool_create(FWD_BPF_MAX_NETWORKS);
    /* Record 0 and slot 0 are of no network. */
    ovs_assert(fwd_bpf_pool_alloc(ts->pools.nets, 1) == 0);
    ovs_assert(fwd_bpf_pool_alloc(ts->slots, 1) == 0);
    return ts;
}

void
fwd_bpf_tables_destroy(struct fwd_bpf_tables *ts)
{
    if (!ts) {
        return;
    }
    for (size_t i = 0; i < ts->n; i++) {
        fwd_network_unref(ts->written[i]->network);
        fwd_network_unref(ts->written[i]->wanted);
        free(ts->written[i]);
    }
    free(ts->written);
    free(ts->labels);
    fwd_bpf_pool_destroy(ts->pools.nets);
    fwd_bpf_pool_destroy(ts->pools.members);
    fwd_bpf_pool_destroy(ts->pools.index);
    fwd_bpf_pool_destroy(ts->slots);
    free(ts);
}

static void
add_counters(struct fwd_counters *to, const struct fwd_counters *from)
{
    const uint64_t *source = (const void *) from;
    uint64_t *target = (void *) to;

    for (size_t i = 0; i < sizeof *to / sizeof *target; i++) {
        target[i] += source[i];
    }
}

/* What a slot has counted.  A copy that no program has seen failed; those that
 * are on their way at this moment are seen the next time. */
static void
read_slot(const struct fwd_bpf_tables *ts, uint32_t slot,
          struct fwd_counters *c)
{
    struct fwd_bpf_counters sum;

    int error = fwd_bpf_read_counters(ts->parts.maps, slot, &sum);
    if (error) {
        VLOG_WARN_RL(&rl, "cannot read counters slot=%u: %s",
                     (unsigned int) slot, ovs_strerror(-error));
    }
    *c = sum.c;
    if (sum.wanted > sum.seen) {
        c->drops[FWD_DROP_COPY_FAILED] += sum.wanted - sum.seen;
    }
}

static void
store_counters(struct fwd_counters *to, const struct fwd_counters *from)
{
    const uint64_t *source = (const void *) from;
    uint64_t *target = (void *) to;

    for (size_t i = 0; i < sizeof *to / sizeof *target; i++) {
        __atomic_store_n(&target[i], source[i], __ATOMIC_RELAXED);
    }
}

static const struct fwd_network *
network_of(const struct written *w)
{
    return w->network ? w->network : w->next ? w->next : w->wanted;
}

static uint32_t
vni_of(const struct written *w)
{
    return network_of(w)->net.vni;
}

static void
count_network(const struct fwd_bpf_tables *ts, const struct written *w,
              struct fwd_counters *totals)
{
    struct fwd_counters c;

    read_slot(ts, w->slot, &c);
    add_counters(totals, &c);
    add_counters(&c, &w->base);
    store_counters(&network_of(w)->counters->fast, &c);
}

void
fwd_bpf_tables_count(struct fwd_bpf_tables *ts, struct fwd_counters *totals)
{
    struct fwd_counters sum = ts->gone, none;

    read_slot(ts, 0, &none);
    add_counters(&sum, &none);
    for (size_t i = 0; i < ts->n; i++) {
        count_network(ts, ts->written[i], &sum);
    }
    store_counters(totals, &sum);
}

static void
reuse_slot(void *slots, uint32_t first, uint32_t n)
{
    fwd_bpf_pool_free(slots, first, n);
}

static struct written *
add_network(struct fwd_bpf_tables *ts, struct fwd_network *network)
{
    uint32_t slot = fwd_bpf_pool_alloc(ts->slots, 1);

    if (slot == FWD_BPF_POOL_FULL) {
        VLOG_ERR_RL(&rl, "no room for another network, its frames are dropped "
                    "vni=%u", (unsigned int) network->net.vni);
        return NULL;
    }
    struct written *w = xzalloc(sizeof *w);
    w->slot = slot;
    w->base = network->counters->fast;
    fwd_bpf_zero_counters(ts->parts.maps, slot);
    return w;
}

/* 'network' may be NULL. */
static void
set_wanted(struct written *w, struct fwd_network *network)
{
    struct fwd_network *old = w->wanted;

    w->wanted = network ? fwd_network_ref(network) : NULL;
    fwd_network_unref(old);
}

/* Writes what 'w' is to be.  If that fails it stays what it was.  If there is
 * no room that may be because what was there before is still being read, so it
 * is no error yet. */
static void
prepare_network(struct fwd_bpf_tables *ts, struct written *w,
                struct fwd_network *network)
{
    int error = fwd_bpf_set_write(&ts->parts, &ts->pools, network, w->slot,
                                  &w->next_set);
    bool again = w->wanted, is_full = error == -ENOSPC;

    w->next = error ? NULL : fwd_network_ref(network);
    w->due = is_full;
    set_wanted(w, is_full ? network : NULL);
    w->error = is_full && !again ? 0 : error;
    if (w->error) {
        VLOG_ERR_RL(&rl, "cannot change what a network floods to vni=%u: %s",
                    (unsigned int) network->net.vni,
                    error == -EMSGSIZE ? "more members than there may be"
                    : "the maps are full");
    }
}

/* Has the programs use what was prepared, if there is something. */
static void
use_next(struct fwd_bpf_tables *ts, struct written *w)
{
    struct fwd_network *old = w->network, *network = w->next;

    if (!network) {
        return;
    }
    fwd_bpf_entries_change(&ts->parts, w->slot, old, network);
    /* All that the record leads to was written before. */
    __atomic_store_n(&ts->parts.maps->current[w->slot], w->next_set.net,
                     __ATOMIC_RELEASE);
    if (old) {
        fwd_bpf_set_retire(&ts->parts, &ts->pools, old, &w->set);
    } else {
        uint32_t vni = network->net.vni;
        int error = fwd_bpf_map_set(ts->parts.maps, FWD_BPF_SLOTS, &vni,
                                    &w->slot);

        if (error) {
            VLOG_ERR_RL(&rl, "cannot have a network found vni=%u: %s",
                        (unsigned int) vni, ovs_strerror(-error));
        }
    }
    w->set = w->next_set;
    w->network = network;
    w->next = NULL;
    fwd_network_unref(old);
}

static void
use_all(struct fwd_bpf_tables *ts)
{
    fwd_bpf_floods_commit(ts->parts.floods);
    for (size_t i = 0; i < ts->n; i++) {
        use_next(ts, ts->written[i]);
    }
}

static void
remove_network(struct fwd_bpf_tables *ts, struct written *w)
{
    struct fwd_counters c;

    /* First: labels lead to it still. */
    __atomic_store_n(&ts->parts.maps->current[w->slot], 0, __ATOMIC_RELEASE);
    if (w->network) {
        uint32_t vni = w->network->net.vni;

        fwd_bpf_map_remove(ts->parts.maps, FWD_BPF_SLOTS, &vni);
        fwd_bpf_entries_change(&ts->parts, w->slot, w->network, NULL);
        fwd_bpf_set_retire(&ts->parts, &ts->pools, w->network, &w->set);
        read_slot(ts, w->slot, &c);
        add_counters(&ts->gone, &c);
        add_counters(&c, &w->base);
        store_counters(&w->network->counters->fast, &c);
        fwd_network_unref(w->network);
    }
    set_wanted(w, NULL);
    fwd_bpf_defer(ts->parts.grace, reuse_slot, ts->slots, w->slot, 1);
    free(w);
}

static const struct written *
find_written(const struct fwd_bpf_tables *ts, uint32_t vni)
{
    size_t low = 0, high = ts->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (vni_of(ts->written[mid]) == vni) {
            return ts->written[mid];
        } else if (vni_of(ts->written[mid]) < vni) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return NULL;
}

static bool
any_wanted(const struct fwd_bpf_tables *ts)
{
    for (size_t i = 0; i < ts->n; i++) {
        if (ts->written[i]->wanted) {
            return true;
        }
    }
    return false;
}

/* The labels of 'table' that lead to a network which has been written. */
static struct label *
collect_labels(const struct fwd_bpf_tables *ts, const struct fwd_table *table,
               size_t *np)
{
    struct label *labels = xmalloc(MAX(table->n_labels, 1) * sizeof *labels);
    size_t n = 0;

    for (size_t i = 0; i < table->n_labels; i++) {
        const struct fwd_table_label *in = &table->labels[i];
        uint32_t vni = table->networks[in->network]->net.vni;
        const struct written *w = find_written(ts, vni);

        if (w) {
            labels[n++] = (struct label) {
                in->label, { w->slot, vni, in->kind },
            };
        }
    }
    *np = n;
    return labels;
}

static void
set_label(struct fwd_bpf_tables *ts, const struct label *label)
{
    int error = fwd_bpf_map_set(ts->parts.maps, FWD_BPF_LABELS, &label->label,
                                &label->to);

    if (error) {
        VLOG_ERR_RL(&rl, "cannot have a label lead to its network label=%u "
                    "vni=%u: %s", (unsigned int) label->label,
                    (unsigned int) label->to.vni, ovs_strerror(-error));
    }
}

static void
change_labels(struct fwd_bpf_tables *ts, const struct fwd_table *table)
{
    size_t n, i = 0, j = 0;
    struct label *new = collect_labels(ts, table, &n), *old = ts->labels;

    while (i < ts->n_labels || j < n) {
        int order = i == ts->n_labels ? 1 : j == n ? -1
                    : old[i].label < new[j].label ? -1
                    : old[i].label > new[j].label;

        if (order < 0) {
            fwd_bpf_map_remove(ts->parts.maps, FWD_BPF_LABELS, &old[i].label);
        } else if (order > 0 || memcmp(&old[i], &new[j], sizeof *old)) {
            set_label(ts, &new[j]);
        }
        i += order <= 0;
        j += order >= 0;
    }
    free(old);
    ts->labels = new;
    ts->n_labels = n;
}

uint32_t
fwd_bpf_tables_publish(struct fwd_bpf_tables *ts,
                       const struct fwd_table *table)
{
    struct written **written = xmalloc(MAX(table->n_networks, 1)
                                       * sizeof *written);
    size_t n = 0, i = 0;

    ts->n_refused = 0;
    /* Both are sorted by VNI. */
    for (size_t j = 0; j < table->n_networks; j++) {
        struct fwd_network *network = table->networks[j];
        struct written *w;

        while (i < ts->n && vni_of(ts->written[i]) < network->net.vni) {
            remove_network(ts, ts->written[i++]);
        }
        if (i < ts->n && vni_of(ts->written[i]) == network->net.vni) {
            w = ts->written[i++];
        } else {
            w = add_network(ts, network);
        }
        if (w && w->network != network) {
            prepare_network(ts, w, network);
        } else if (w && w->wanted != network) {
            set_wanted(w, NULL);
            w->error = 0;
        }
        if (w && !network_of(w)) {
            remove_network(ts, w);
            w = NULL;
        }
        if (w) {
            written[n++] = w;
        } else {
            ts->n_refused++;
        }
    }
    while (i < ts->n) {
        remove_network(ts, ts->written[i++]);
    }
    free(ts->written);
    ts->written = written;
    ts->n = n;
    use_all(ts);
    change_labels(ts, table);
    return any_wanted(ts) ? RETRY_MS : 0;
}

static uint32_t
n_members_of(const struct fwd_network *network)
{
    uint32_t n = 0;

    for (int class = 0; class < FWD_N_CLASSES; class++) {
        n += network->n_members[class];
    }
    return n;
}

static bool
has_moved(const struct fwd_bpf_tables *ts, const struct fwd_network *network)
{
    for (uint32_t i = 0, n = n_members_of(network); i < n; i++) {
        if (fwd_bpf_endpoint_has_moved(ts->parts.endpoints,
                                       &network->members[i].ip)) {
            return true;
        }
    }
    return false;
}

void
fwd_bpf_tables_moved(struct fwd_bpf_tables *ts)
{
    for (size_t i = 0; i < ts->n; i++) {
        struct written *w = ts->written[i];

        w->due = w->due || has_moved(ts, network_of(w));
    }
}

bool
fwd_bpf_tables_have_followed(const struct fwd_bpf_tables *ts)
{
    for (size_t i = 0; i < ts->n; i++) {
        if (ts->written[i]->due && !ts->written[i]->wanted) {
            return false;
        }
    }
    return true;
}

/* Those that there is no room for keep no others waiting: they come last, and
 * each in its turn. */
uint32_t
fwd_bpf_tables_rewrite(struct fwd_bpf_tables *ts, size_t budget)
{
    bool moved_first = !fwd_bpf_tables_have_followed(ts), any_fits = false;
    size_t done = 0;

    for (; ts->next < ts->n && done < budget; ts->next++) {
        struct written *w = ts->written[ts->next];

        if (w->due && !(moved_first && w->wanted)) {
            prepare_network(ts, w, w->wanted ? w->wanted : w->network);
            done += n_members_of(network_of(w));
            any_fits = any_fits || !w->wanted;
        }
    }
    use_all(ts);
    ts->next = ts->next < ts->n ? ts->next : 0;
    if (!fwd_bpf_tables_have_followed(ts)) {
        return NEXT_TURN_MS;
    }
    return !any_wanted(ts) ? 0 : any_fits ? NEXT_TURN_MS : RETRY_MS;
}

size_t
fwd_bpf_tables_n_due(const struct fwd_bpf_tables *ts)
{
    size_t n = 0;

    for (size_t i = 0; i < ts->n; i++) {
        n += ts->written[i]->due;
    }
    return n;
}

static void
tell_network(const struct written *w, fwd_problem_fn *fn, void *aux)
{
    char *object;

    if (!w->error && !w->set.too_large && !w->set.too_varied) {
        return;
    }
    object = xasprintf("vni=%u", (unsigned int) vni_of(w));
    if (w->error) {
        fn(FWD_NETWORKS_REFUSED, object, w->error == -EMSGSIZE
           ? "it has more members than there may be, and is flooded as it was "
             "before"
           : "the maps of the XDP programs are full, and it is flooded as it "
             "was before", aux);
    } else if (w->set.too_varied) {
        fn(FWD_NETWORK_TOO_LARGE, object, "there are more different shares of "
           "the interfaces than device maps, so sockets flood", aux);
    } else {
        char *text = xasprintf("it has more than the %d members that XDP "
                               "programs flood to, so sockets do",
                               FWD_BPF_MAX_FANOUT);

        fn(FWD_NETWORK_TOO_LARGE, object, text, aux);
        free(text);
    }
    free(object);
}

void
fwd_bpf_tables_for_each_problem(const struct fwd_bpf_tables *ts,
                                fwd_problem_fn *fn, void *aux)
{
    if (ts->n_refused) {
        char *text = xasprintf("%"PRIuSIZE" networks are more than the XDP "
                               "programs have room for, their frames are "
                               "dropped as invalid_vnid", ts->n_refused);

        fn(FWD_NETWORKS_REFUSED, "", text, aux);
        free(text);
    }
    for (size_t i = 0; i < ts->n; i++) {
        tell_network(ts->written[i], fn, aux);
    }
}
