/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "openvswitch/poll-loop.h"
#include "util.h"

/* A loop that hangs ends the test program. */
#define HANG_S 20

struct rig {
    struct tsn_loop *loop;
    uv_timer_t timer;
    struct tsn_loop_hook hooks[3];
    int n_run[3];
    int n;
    int order[8];
    uint64_t start_ms;
    uint64_t took_ms;
    int turns;
    pthread_t thread;
};

static int
setup(void **state)
{
    static struct rig rig;

    alarm(HANG_S);
    memset(&rig, 0, sizeof rig);
    rig.loop = tsn_loop_create("test");
    uv_timer_init(tsn_loop_uv(rig.loop), &rig.timer);
    rig.timer.data = &rig;
    *state = &rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    tsn_loop_destroy(rig->loop);
    alarm(0);
    return 0;
}

static void
stop(void *rig_)
{
    struct rig *rig = rig_;

    tsn_loop_stop(rig->loop);
}

static void
loop__stopped_before_run__returns(void **state)
{
    struct rig *rig = *state;

    tsn_loop_stop(rig->loop);
    tsn_loop_run(rig->loop);
}

static void
note(struct rig *rig, int what)
{
    rig->order[rig->n++] = what;
}

static void
note_1(void *rig)
{
    note(rig, 1);
}

static void
note_2(void *rig)
{
    note(rig, 2);
}

static void
note_3_and_post(void *rig_)
{
    struct rig *rig = rig_;

    note(rig, 3);
    tsn_loop_post(rig->loop, note_1, rig);
    tsn_loop_post(rig->loop, stop, rig);
}

static void
post__several__run_in_order(void **state)
{
    struct rig *rig = *state;
    static const int expected[] = { 1, 2, 3, 1 };

    tsn_loop_post(rig->loop, note_1, rig);
    tsn_loop_post(rig->loop, note_2, rig);
    tsn_loop_post(rig->loop, note_3_and_post, rig);
    tsn_loop_run(rig->loop);
    assert_int_equal(rig->n, 4);
    assert_memory_equal(rig->order, expected, sizeof expected);
}

static void
post_stop_cb(uv_timer_t *timer)
{
    struct rig *rig = timer->data;

    tsn_loop_post(rig->loop, stop, rig);
}

/* uv_run() runs timers before it polls, so it takes the wake-up itself. */
static void
post__from_uv_callback__runs_at_once(void **state)
{
    struct rig *rig = *state;

    uv_timer_start(&rig->timer, post_stop_cb, 1, 0);
    tsn_loop_run(rig->loop);
}

static void
start_timer(void *rig_)
{
    struct rig *rig = rig_;

    rig->start_ms = tsn_now_ms();
    uv_timer_start(&rig->timer, post_stop_cb, 60, 0);
}

static void *
post_after_pause(void *rig_)
{
    struct rig *rig = rig_;

    usleep(100 * 1000);
    tsn_loop_post(rig->loop, start_timer, rig);
    return NULL;
}

/* The wait before the post must not count. */
static void
timer__started_by_posted_work__runs_its_time(void **state)
{
    struct rig *rig = *state;

    pthread_create(&rig->thread, NULL, post_after_pause, rig);
    tsn_loop_run(rig->loop);
    pthread_join(rig->thread, NULL);
    assert_true(tsn_now_ms() - rig->start_ms >= 59);
}

#define N_POSTS 20000

static void
count(void *rig_)
{
    struct rig *rig = rig_;

    if (++rig->n == N_POSTS) {
        tsn_loop_stop(rig->loop);
    }
}

static void
post__from_other_thread__none_lost(void **state)
{
    struct rig *rig = *state;

    tsn_loop_start(rig->loop);
    for (int i = 0; i < N_POSTS; i++) {
        tsn_loop_post(rig->loop, count, rig);
    }
    tsn_loop_join(rig->loop);
    assert_int_equal(rig->n, N_POSTS);
}

static void
drain__posted_after_the_end__runs(void **state)
{
    struct rig *rig = *state;

    tsn_loop_stop(rig->loop);
    tsn_loop_run(rig->loop);
    tsn_loop_post(rig->loop, note_1, rig);
    tsn_loop_post(rig->loop, note_3_and_post, rig);
    tsn_loop_drain(rig->loop);
    assert_int_equal(rig->n, 3);
}

static void
hook_run_remove_next(void *rig_)
{
    struct rig *rig = rig_;

    rig->n_run[0]++;
    tsn_loop_remove_hook(rig->loop, &rig->hooks[1]);
    /* A use of it would show. */
    memset(&rig->hooks[1], 0x5a, sizeof rig->hooks[1]);
    tsn_loop_remove_hook(rig->loop, &rig->hooks[0]);
    memset(&rig->hooks[0], 0x5a, sizeof rig->hooks[0]);
}

static void
hook_run_never(void *rig_)
{
    struct rig *rig = rig_;

    rig->n_run[1]++;
}

static void
hook_run_stop(void *rig_)
{
    struct rig *rig = rig_;

    if (++rig->n_run[2] == 3) {
        tsn_loop_stop(rig->loop);
    }
}

static void
hook_wait(void *rig OVS_UNUSED)
{
    poll_immediate_wake();
}

static void
hook__removes_itself_and_the_next__others_run(void **state)
{
    struct rig *rig = *state;

    rig->hooks[0] = (struct tsn_loop_hook) {
        .run = hook_run_remove_next, .aux = rig,
    };
    rig->hooks[1] = (struct tsn_loop_hook) {
        .run = hook_run_never, .aux = rig,
    };
    rig->hooks[2] = (struct tsn_loop_hook) {
        .run = hook_run_stop, .wait = hook_wait, .aux = rig,
    };
    for (int i = 0; i < 3; i++) {
        tsn_loop_add_hook(rig->loop, &rig->hooks[i]);
    }
    tsn_loop_run(rig->loop);
    assert_int_equal(rig->n_run[0], 1);
    assert_int_equal(rig->n_run[1], 0);
    assert_int_equal(rig->n_run[2], 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
        TEST(loop__stopped_before_run__returns),
        TEST(post__several__run_in_order),
        TEST(post__from_uv_callback__runs_at_once),
        TEST(timer__started_by_posted_work__runs_its_time),
        TEST(post__from_other_thread__none_lost),
        TEST(drain__posted_after_the_end__runs),
        TEST(hook__removes_itself_and_the_next__others_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
