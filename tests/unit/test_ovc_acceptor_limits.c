/* SPDX-License-Identifier: Apache-2.0 */
/* Many connections that say nothing, and switches among them. */
#include <config.h>

#include "tests/unit/acceptor_rig.h"

#include <sys/resource.h>

#include "openvswitch/vlog.h"

/* Addresses of whoever says nothing: 127.0.1.0 and on. */
#define STRANGERS 256

struct crowd {
    int fds[OVC_ACCEPTOR_MAX_PENDING + 1];
    size_t n;
};

static struct rig *
rig_with_tor(void **state)
{
    struct rig *rig = *state;

    rig_listen(rig, (struct ovc_listener_config) { .tls = false });
    rig_add_tor(rig, (struct ovc_acceptor_tor) { .name = "tor1" });
    return rig;
}

/* One more, from 127.0.0.N. */
static void
crowd_join(struct crowd *crowd, struct rig *rig, int n)
{
    struct end *e = rig_connect(rig, n, NULL);

    assert_true(crowd->n < ARRAY_SIZE(crowd->fds));
    crowd->fds[crowd->n++] = dup(e->fd);
    rig_drop_end(rig, e);
    rig_turn(rig);
}

static bool
crowd_is_hung_up_on(const struct crowd *crowd, size_t i)
{
    struct pollfd pfd = { .fd = crowd->fds[i], .events = POLLRDHUP };

    return poll(&pfd, 1, 0) == 1;
}

static void
crowd_leave(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->n; i++) {
        close(crowd->fds[i]);
    }
}

/* More than one address may have, from 127.0.0.N; one was pushed out. */
static void
crowd_fill_source(struct crowd *crowd, struct rig *rig, int n)
{
    for (size_t i = 0; i <= OVC_ACCEPTOR_MAX_PENDING_SOURCE; i++) {
        crowd_join(crowd, rig, n);
    }
    RIG_UNTIL(rig, rig_count(rig, NULL, "refused.pushed_out") == 1);
    RIG_UNTIL(rig, crowd_is_hung_up_on(crowd, 0));
}

/* The newest are kept: what sends nothing must not keep a switch out. */
static void
peers__too_many_of_one_source__oldest_goes(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *other = rig_connect(rig, 2, NULL);
    struct crowd crowd = { .n = 0 };

    crowd_fill_source(&crowd, rig, 1);
    assert_int_equal(rig_count(rig, NULL, "pending"),
                     OVC_ACCEPTOR_MAX_PENDING_SOURCE + 1);
    rig_identify(rig, other, TOR1);
    rig_check_session(rig, other, rig_accept(rig));
    crowd_leave(&crowd);
}

/* Both ends of each connection are ours. */
static struct rlimit
raise_limit_of_descriptors(void)
{
    struct rlimit old, more;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    more = old;
    more.rlim_cur = MAX(old.rlim_cur, 3 * OVC_ACCEPTOR_MAX_PENDING);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &more), 0);
    return old;
}

/* Nobody's limit is reached but that of all: it goes by who has the most, not
 * by who came first. */
static void
peers__too_many_of_many_sources__oldest_of_the_largest_goes(void **state)
{
    struct rlimit old = raise_limit_of_descriptors();
    struct rig *rig = rig_with_tor(state);
    struct end *sw = rig_connect(rig, 1, NULL);
    struct crowd crowd = { .n = 0 };

    for (int n = 0; n < OVC_ACCEPTOR_MAX_PENDING - 3; n++) {
        crowd_join(&crowd, rig, STRANGERS + n);
    }
    size_t largest = crowd.n;
    crowd_join(&crowd, rig, 2);
    crowd_join(&crowd, rig, 2);
    RIG_UNTIL(rig, rig_count(rig, NULL, "pending")
                   == OVC_ACCEPTOR_MAX_PENDING);
    assert_int_equal(rig_count(rig, NULL, "refused.pushed_out"), 0);

    crowd_join(&crowd, rig, 3);
    RIG_UNTIL(rig, crowd_is_hung_up_on(&crowd, largest));
    assert_int_equal(rig_count(rig, NULL, "refused.pushed_out"), 1);
    assert_int_equal(rig_count(rig, NULL, "pending"),
                     OVC_ACCEPTOR_MAX_PENDING);
    for (size_t i = 0; i < crowd.n; i++) {
        assert_true(i == largest || !crowd_is_hung_up_on(&crowd, i));
    }
    rig_identify(rig, sw, TOR1);
    rig_check_session(rig, sw, rig_accept(rig));
    crowd_leave(&crowd);
    setrlimit(RLIMIT_NOFILE, &old);
}

static void
stop_listening(struct rig *rig)
{
    close(rig->idl_listener);
    unlink(rig->socket);
}

static void
waiting__for_the_session__strangers_do_not_push_it_out(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *sw = rig_connect(rig, 1, NULL);
    struct crowd crowd = { .n = 0 };

    stop_listening(rig);
    rig_identify(rig, sw, TOR1);
    RIG_UNTIL(rig, rig_count(rig, "tor1", "waiting") == 1);
    assert_int_equal(rig_count(rig, NULL, "pending"), 0);
    crowd_fill_source(&crowd, rig, 1);
    assert_false(sw->closed);
    rig_listen_idl(rig);
    rig_check_session(rig, sw, rig_accept(rig));
    assert_int_equal(rig_count(rig, "tor1", "waiting"), 0);
    assert_int_equal(rig_count(rig, NULL, "identified"), 1);
    crowd_leave(&crowd);
}

static void
waiting__for_an_answer_of_another__strangers_do_not_push_it_out(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *idl, *old = rig_session(rig, 1, NULL, &idl);
    struct end *sw = rig_connect(rig, 2, NULL);
    struct crowd crowd = { .n = 0 };

    rig_identify(rig, sw, TOR1);
    RIG_UNTIL(rig, end_has(old, "echo"));
    assert_int_equal(rig_count(rig, "tor1", "waiting"), 1);
    crowd_fill_source(&crowd, rig, 2);
    assert_false(sw->closed);
    end_hang_up(old);
    rig_check_session(rig, sw, rig_accept(rig));
    assert_int_equal(rig_count(rig, "tor1", "waiting"), 0);
    crowd_leave(&crowd);
}

/* Anybody can say a name: it holds a few descriptors, not all. */
static void
waiting__many_of_one_name__are_few_beside_the_limits(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *ends[OVC_ACCEPTOR_MAX_WAITING + 2];

    stop_listening(rig);
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        ends[i] = rig_connect(rig, i + 1, NULL);
        rig_identify(rig, ends[i], TOR1);
    }
    RIG_UNTIL(rig, rig_count(rig, "tor1", "waiting")
                   == OVC_ACCEPTOR_MAX_WAITING);
    assert_int_equal(rig_count(rig, NULL, "pending"), 2);
    ovc_acceptor_remove_tor(rig->acceptor, "tor1");
    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        RIG_UNTIL(rig, ends[i]->closed);
    }
    assert_int_equal(rig_count(rig, NULL, "pending"), 0);
    rig_listen_idl(rig);
}

static void
waiting__listener_goes__goes_with_it(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *sw = rig_connect(rig, 1, NULL);

    stop_listening(rig);
    rig_identify(rig, sw, TOR1);
    RIG_UNTIL(rig, rig_count(rig, "tor1", "waiting") == 1);
    ovc_acceptor_unlisten(rig->acceptor, "test");
    RIG_UNTIL(rig, sw->closed);
    assert_int_equal(rig_count(rig, "tor1", "waiting"), 0);
    rig_listen_idl(rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(peers__too_many_of_one_source__oldest_goes),
        RIG_TEST(peers__too_many_of_many_sources__oldest_of_the_largest_goes),
        RIG_TEST(waiting__for_the_session__strangers_do_not_push_it_out),
        RIG_TEST(
            waiting__for_an_answer_of_another__strangers_do_not_push_it_out),
        RIG_TEST(waiting__many_of_one_name__are_few_beside_the_limits),
        RIG_TEST(waiting__listener_goes__goes_with_it),
    };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
