/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop of a thread: OVS's poll loop, the only thing that can drive
 * an ovsdb_idl, with a libuv loop embedded in it (design 4.2).
 *
 * Sockets and timers of a thread live in its uv_loop_t; what needs OVS's
 * run()/wait() protocol registers a hook.  Threads share nothing: they talk
 * with tsn_loop_post(). */
#ifndef TSN_LOOP_H
#define TSN_LOOP_H 1

#include <uv.h>

#include "openvswitch/list.h"

struct tsn_loop;

/* Called in every turn of the loop.  'run' does a bounded amount of work (no
 * callback over 5 ms), 'wait' arranges the next wake-up with poll_*_wait() or
 * poll_immediate_wake().  Either may be NULL. */
struct tsn_loop_hook {
    struct ovs_list node;
    void (*run)(void *aux);
    void (*wait)(void *aux);
    void *aux;
};

typedef void tsn_loop_fn(void *aux);

/* Creates a loop; 'name' shows in the log.  Run it in one thread only. */
struct tsn_loop *tsn_loop_create(const char *name);

/* Closes what is left open in the uv loop and frees 'loop'.  After
 * tsn_loop_run() returned, from the same thread or after its join. */
void tsn_loop_destroy(struct tsn_loop *loop);        /* NULL is fine. */

/* The embedded loop; use it in the loop's thread only. */
uv_loop_t *tsn_loop_uv(struct tsn_loop *loop);

/* In the loop's thread, or before it runs.  The caller keeps 'hook'. */
void tsn_loop_add_hook(struct tsn_loop *loop, struct tsn_loop_hook *hook);
void tsn_loop_remove_hook(struct tsn_loop *loop, struct tsn_loop_hook *hook);

/* Runs until tsn_loop_stop(). */
void tsn_loop_run(struct tsn_loop *loop);

/* Ends tsn_loop_run() at its next turn.  Any thread. */
void tsn_loop_stop(struct tsn_loop *loop);

/* Runs fn(aux) in the loop's thread, in the order posted.  Any thread. */
void tsn_loop_post(struct tsn_loop *loop, tsn_loop_fn *fn, void *aux);

/* Runs what was posted and had no turn any more: for the end, after
 * tsn_loop_run() returned and those who post were joined, in the same thread.
 * What is still posted at tsn_loop_destroy() never runs. */
void tsn_loop_drain(struct tsn_loop *loop);

/* Runs the loop in a thread of its own / waits for that thread's end. */
void tsn_loop_start(struct tsn_loop *loop);
void tsn_loop_join(struct tsn_loop *loop);

/* Milliseconds of the monotonic clock: the "now" of every sans-I/O engine. */
uint64_t tsn_now_ms(void);

#endif /* tsn/loop.h */
