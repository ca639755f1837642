/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "openvswitch/poll-loop.h"
#include "openvswitch/vlog.h"
#include "ovs-thread.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tsn_loop);

struct posted {
    struct ovs_list node;
    tsn_loop_fn *fn;
    void *aux;
};

struct tsn_loop {
    char *name;
    uv_loop_t uv;
    uv_async_t wake;
    struct ovs_list hooks;      /* struct tsn_loop_hook. */
    struct ovs_list *next_hook; /* To be run next in this turn. */
    pthread_t thread;

    pthread_mutex_t mutex;      /* Protects the rest. */
    struct ovs_list posted;     /* struct posted. */
    bool stop;
};

uint64_t
tsn_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
wake_cb(uv_async_t *async OVS_UNUSED)
{
    /* Waking up is all: posted work runs in every turn. */
}

struct tsn_loop *
tsn_loop_create(const char *name)
{
    struct tsn_loop *loop = xzalloc(sizeof *loop);

    loop->name = xstrdup(name);
    ovs_list_init(&loop->hooks);
    ovs_list_init(&loop->posted);
    pthread_mutex_init(&loop->mutex, NULL);
    int error = uv_loop_init(&loop->uv);
    if (!error) {
        error = uv_async_init(&loop->uv, &loop->wake, wake_cb);
    }
    if (error) {
        ovs_fatal(-error, "cannot create an event loop");
    }
    return loop;
}

static void
close_handle(uv_handle_t *handle, void *arg OVS_UNUSED)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

void
tsn_loop_destroy(struct tsn_loop *loop)
{
    if (!loop) {
        return;
    }
    uv_walk(&loop->uv, close_handle, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    uv_loop_close(&loop->uv);

    struct posted *p;
    LIST_FOR_EACH_POP (p, node, &loop->posted) {
        free(p);
    }
    pthread_mutex_destroy(&loop->mutex);
    free(loop->name);
    free(loop);
}

uv_loop_t *
tsn_loop_uv(struct tsn_loop *loop)
{
    return &loop->uv;
}

void
tsn_loop_add_hook(struct tsn_loop *loop, struct tsn_loop_hook *hook)
{
    ovs_list_push_back(&loop->hooks, &hook->node);
}

void
tsn_loop_remove_hook(struct tsn_loop *loop, struct tsn_loop_hook *hook)
{
    if (loop->next_hook == &hook->node) {
        loop->next_hook = hook->node.next;
    }
    ovs_list_remove(&hook->node);
}

/* A hook may remove any hook, itself included, and add some. */
static void
run_hooks(struct tsn_loop *loop)
{
    loop->next_hook = loop->hooks.next;
    while (loop->next_hook != &loop->hooks) {
        struct tsn_loop_hook *hook = CONTAINER_OF(loop->next_hook,
                                                  struct tsn_loop_hook, node);
        loop->next_hook = hook->node.next;
        if (hook->run) {
            hook->run(hook->aux);
        }
    }
    loop->next_hook = NULL;
}

/* Runs what was posted before this turn; what that posts waits its turn. */
static void
run_posted(struct tsn_loop *loop)
{
    struct ovs_list batch;
    struct posted *p;

    ovs_list_init(&batch);
    pthread_mutex_lock(&loop->mutex);
    ovs_list_push_back_all(&batch, &loop->posted);
    pthread_mutex_unlock(&loop->mutex);

    LIST_FOR_EACH_POP (p, node, &batch) {
        p->fn(p->aux);
        free(p);
    }
}

/* Whether the loop has been stopped, and in '*pendingp' whether something was
 * posted that did not run yet. */
static bool
is_stopped(struct tsn_loop *loop, bool *pendingp)
{
    pthread_mutex_lock(&loop->mutex);
    bool stop = loop->stop;
    *pendingp = !ovs_list_is_empty(&loop->posted);
    pthread_mutex_unlock(&loop->mutex);
    return stop;
}

static void
wait_for_work(struct tsn_loop *loop)
{
    struct tsn_loop_hook *hook;
    bool pending;

    LIST_FOR_EACH (hook, node, &loop->hooks) {
        if (hook->wait) {
            hook->wait(hook->aux);
        }
    }
    int timeout = uv_backend_timeout(&loop->uv);
    if (timeout >= 0) {
        poll_timer_wait(timeout);
    }
    poll_fd_wait(uv_backend_fd(&loop->uv), POLLIN);

    /* uv_run() may have taken the wake-up of what was posted since
     * run_posted(). */
    if (is_stopped(loop, &pending) || pending) {
        poll_immediate_wake();
    }
    poll_block();
}

void
tsn_loop_run(struct tsn_loop *loop)
{
    bool pending;

    while (!is_stopped(loop, &pending)) {
        /* Timers that are started before uv_run() count from now, not from
         * before the wait. */
        uv_update_time(&loop->uv);
        run_posted(loop);
        run_hooks(loop);
        uv_run(&loop->uv, UV_RUN_NOWAIT);
        wait_for_work(loop);
    }
    run_posted(loop);
}

void
tsn_loop_drain(struct tsn_loop *loop)
{
    bool pending;

    while (is_stopped(loop, &pending), pending) {
        run_posted(loop);
    }
}

void
tsn_loop_stop(struct tsn_loop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    loop->stop = true;
    pthread_mutex_unlock(&loop->mutex);
    uv_async_send(&loop->wake);
}

void
tsn_loop_post(struct tsn_loop *loop, tsn_loop_fn *fn, void *aux)
{
    struct posted *p = xmalloc(sizeof *p);

    p->fn = fn;
    p->aux = aux;
    pthread_mutex_lock(&loop->mutex);
    ovs_list_push_back(&loop->posted, &p->node);
    pthread_mutex_unlock(&loop->mutex);
    uv_async_send(&loop->wake);
}

static void *
loop_main(void *loop_)
{
    struct tsn_loop *loop = loop_;

    VLOG_DBG("thread started loop=%s", loop->name);
    tsn_loop_run(loop);
    return NULL;
}

void
tsn_loop_start(struct tsn_loop *loop)
{
    loop->thread = ovs_thread_create(loop->name, loop_main, loop);
}

void
tsn_loop_join(struct tsn_loop *loop)
{
    xpthread_join(loop->thread, NULL);
}
