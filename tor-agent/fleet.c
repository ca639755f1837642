/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tor-agent/fleet.h"
#include "tor-agent/fleet-private.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "timeval.h"
#include "tsn/config.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tor_fleet);

/* Handing over 100 000 MACs takes some seconds; a control node that does not
 * read must not hold up the end for longer. */
#define LEAVE_MS 5000
#define LEAVE_CHECK_MS 10

/* How often alarms are looked at: soon enough for a person. */
#define WATCH_MS 1000

struct tor_fleet *
tor_fleet_create(struct tsn_loop *main_loop, size_t n_workers)
{
    struct tor_fleet *f = xzalloc(sizeof *f);

    f->main = main_loop;
    f->n_workers = n_workers;
    f->workers = xcalloc(n_workers, sizeof *f->workers);
    for (size_t i = 0; i < n_workers; i++) {
        f->workers[i].index = i;
        ovs_list_init(&f->workers[i].tors);
    }
    shash_init(&f->members);
    return f;
}

void
tor_fleet_member_unref(struct member *m)
{
    if (!--m->n_refs) {
        free(m->name);
        free(m);
    }
}

/* Workers. */

static void
watch_run(void *worker_)
{
    struct worker *w = worker_;
    struct member *m;
    uint64_t now = tsn_now_ms();

    if (now >= w->watch_ms) {
        w->watch_ms = now + WATCH_MS;
        LIST_FOR_EACH (m, node, &w->tors) {
            tor_check_alarms(m->tor, now, time_wall_msec());
        }
    }
}

static void
watch_wait(void *worker_)
{
    struct worker *w = worker_;
    uint64_t now = tsn_now_ms();

    poll_timer_wait(w->watch_ms > now ? w->watch_ms - now : 0);
}

static void
start_worker(struct worker *w)
{
    char name[16];

    snprintf(name, sizeof name, "tors%"PRIuSIZE, w->index);
    w->loop = tsn_loop_create(name);
    w->watch = (struct tsn_loop_hook) {
        .run = watch_run, .wait = watch_wait, .aux = w,
    };
    tsn_loop_add_hook(w->loop, &w->watch);
    tsn_loop_start(w->loop);
}

/* The one with the fewest. */
static struct worker *
choose_worker(struct tor_fleet *f)
{
    struct worker *best = &f->workers[0];

    for (size_t i = 1; i < f->n_workers; i++) {
        if (f->workers[i].n_members < best->n_members) {
            best = &f->workers[i];
        }
    }
    if (!best->loop) {
        start_worker(best);
    }
    return best;
}

/* What a worker is to do with one of its ToRs. */
struct task {
    struct tor_fleet *fleet;
    struct member *member;
    const struct tsn_config *config;
    const struct tsn_config_tor *conf;
    char *remote;
    struct tsn_tls_store *tls;
};

static struct task *
new_task(struct tor_fleet *f, struct member *m,
         const struct tsn_config *config, const struct tsn_config_tor *conf)
{
    struct task *task = xzalloc(sizeof *task);

    task->fleet = f;
    task->member = m;
    task->config = config;
    task->conf = conf;
    return task;
}

static void
end_tor(struct member *m)
{
    tor_destroy(m->tor);
    m->tor = NULL;
    ovs_list_remove(&m->node);
}

static void
start_in_worker(void *task_)
{
    struct task *task = task_;
    struct member *m = task->member;
    enum ovc_mode mode = OVC_MODE_WRITE;

    /* What an operator has frozen stays so. */
    if (m->tor) {
        mode = tor_mode(m->tor);
        end_tor(m);
    }
    m->tor = tor_create(m->worker->loop, task->config, task->conf,
                        task->remote, task->tls);
    tor_set_mode(m->tor, mode);
    ovs_list_push_back(&m->worker->tors, &m->node);
    free(task->remote);
    free(task);
}

static void
tune_in_worker(void *task_)
{
    struct task *task = task_;

    tor_tune(task->member->tor, task->config, task->conf);
    free(task);
}

static void
removed(void *member_)
{
    tor_fleet_member_unref(member_);
}

static void
remove_in_worker(void *task_)
{
    struct task *task = task_;

    end_tor(task->member);
    tsn_loop_post(task->fleet->main, removed, task->member);
    free(task);
}

static void
start(struct tor_fleet *f, struct member *m, const struct tsn_config *config,
      const struct tsn_config_tor *conf, const char *remote,
      struct tsn_tls_store *tls)
{
    struct task *task = new_task(f, m, config, conf);

    task->remote = xstrdup(remote);
    task->tls = tls;
    tsn_loop_post(m->worker->loop, start_in_worker, task);
}

void
tor_fleet_add(struct tor_fleet *f, const struct tsn_config *config,
              const struct tsn_config_tor *conf, const char *remote,
              struct tsn_tls_store *tls)
{
    struct member *m = xzalloc(sizeof *m);

    m->name = xstrdup(conf->name);
    m->n_refs = 1;
    m->rank = f->next_rank++;
    m->worker = choose_worker(f);
    m->worker->n_members++;
    shash_add_assert(&f->members, m->name, m);
    start(f, m, config, conf, remote, tls);
}

void
tor_fleet_replace(struct tor_fleet *f, const struct tsn_config *config,
                  const struct tsn_config_tor *conf, const char *remote,
                  struct tsn_tls_store *tls)
{
    start(f, shash_find_data(&f->members, conf->name), config, conf, remote,
          tls);
}

void
tor_fleet_tune(struct tor_fleet *f, const struct tsn_config *config,
               const struct tsn_config_tor *conf)
{
    struct member *m = shash_find_data(&f->members, conf->name);

    tsn_loop_post(m->worker->loop, tune_in_worker,
                  new_task(f, m, config, conf));
}

void
tor_fleet_remove(struct tor_fleet *f, const char *name)
{
    struct member *m = shash_find_and_delete_assert(&f->members, name);

    m->worker->n_members--;
    tsn_loop_post(m->worker->loop, remove_in_worker,
                  new_task(f, m, NULL, NULL));
}

void
tor_fleet_sort(struct tor_fleet *f, const struct tsn_config *config)
{
    for (size_t i = 0; i < config->n_tors; i++) {
        struct member *m = shash_find_data(&f->members, config->tors[i].name);
        m->rank = i;
    }
    f->next_rank = config->n_tors;
}

bool
tor_fleet_has(const struct tor_fleet *f, const char *name)
{
    return shash_find(&f->members, name) != NULL;
}

size_t
tor_fleet_count(const struct tor_fleet *f)
{
    return shash_count(&f->members);
}

size_t
tor_fleet_n_workers(const struct tor_fleet *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n_workers; i++) {
        n += f->workers[i].loop != NULL;
    }
    return n;
}

/* The end. */

static void
end_worker(struct worker *w)
{
    struct member *m;

    LIST_FOR_EACH_SAFE (m, node, &w->tors) {
        end_tor(m);
    }
    tsn_loop_remove_hook(w->loop, &w->leaving);
    tsn_loop_remove_hook(w->loop, &w->watch);
    tsn_loop_stop(w->loop);
}

static void
leave_run(void *worker_)
{
    struct worker *w = worker_;
    struct member *m;

    if (tsn_now_ms() < w->leave_by_ms) {
        LIST_FOR_EACH (m, node, &w->tors) {
            if (!tor_has_left(m->tor)) {
                return;
            }
        }
    }
    end_worker(w);
}

static void
leave_wait(void *worker_ OVS_UNUSED)
{
    poll_timer_wait(LEAVE_CHECK_MS);
}

static void
leave_in_worker(void *worker_)
{
    struct worker *w = worker_;
    struct member *m;

    LIST_FOR_EACH (m, node, &w->tors) {
        tor_leave(m->tor);
    }
    w->leave_by_ms = tsn_now_ms() + LEAVE_MS;
    w->leaving = (struct tsn_loop_hook) {
        .run = leave_run, .wait = leave_wait, .aux = w,
    };
    tsn_loop_add_hook(w->loop, &w->leaving);
}

void
tor_fleet_stop(struct tor_fleet *f)
{
    for (size_t i = 0; i < f->n_workers; i++) {
        struct worker *w = &f->workers[i];
        if (w->loop) {
            tsn_loop_post(w->loop, leave_in_worker, w);
        }
    }
    for (size_t i = 0; i < f->n_workers; i++) {
        struct worker *w = &f->workers[i];
        if (w->loop) {
            tsn_loop_join(w->loop);
        }
    }
    /* A question that goes on needs another turn of its worker. */
    for (size_t i = 0; i < f->n_workers; i++) {
        struct worker *w = &f->workers[i];
        if (w->loop) {
            tsn_loop_drain(w->loop);
            tsn_loop_destroy(w->loop);
            w->loop = NULL;
        }
    }
    tsn_loop_drain(f->main);
}

void
tor_fleet_destroy(struct tor_fleet *f)
{
    struct shash_node *node;

    if (!f) {
        return;
    }
    SHASH_FOR_EACH (node, &f->members) {
        tor_fleet_member_unref(node->data);
    }
    shash_destroy(&f->members);
    free(f->workers);
    free(f);
}
