/* SPDX-License-Identifier: Apache-2.0 */
/* Clients with many routes that go, or come back without them: the routes are
 * withdrawn in turns, and whatever happens meanwhile counts. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "controller/rib.h"
#include "ctrl_fixture.h"

#define BLUE "default-domain:default-project:blue:blue"

/* More than one turn withdraws. */
#define N 10000

static struct ctrl_config *config;
static struct ctrl_rib *rib;
static struct ctrl_rib_client *publisher, *reader;

static void
send_cb(void *aux, const char *data, size_t size)
{
}

static bool
is_ready_cb(void *aux)
{
    return true;
}

static void
give_up_cb(void *aux)
{
    fail();
}

static const struct ctrl_rib_ops ops = {
    .send = send_cb,
    .is_ready = is_ready_cb,
    .give_up = give_up_cb,
};

/* Publishes 'from'..'to' - 1. */
static void
publish(uint32_t from, uint32_t to)
{
    struct xmpp_evpn route;

    client_route("mac=02:00:00:00:00:00 tag=100 nh=10.0.1.1", &route);
    for (uint32_t i = from; i < to; i++) {
        route.mac.be16[2] = htons(i);
        assert_int_equal(ctrl_rib_publish(publisher, BLUE, &route), 0);
    }
    xmpp_evpn_fini(&route);
}

static void
settle(void)
{
    while (ctrl_rib_flush(rib) == CTRL_RIB_BUSY) {
        continue;
    }
}

static void
subscribe(void)
{
    assert_int_equal(ctrl_rib_subscribe(publisher, BLUE, 5, true), 0);
}

static int
setup(void **state)
{
    config = ctrl_fixture_config("networks:\n- {name: blue, vni: 100}\n");
    rib = ctrl_rib_create();
    ctrl_rib_configure(rib, config);
    publisher = ctrl_rib_client_create(rib, "p", &ops, NULL);
    reader = ctrl_rib_client_create(rib, "r", &ops, NULL);
    assert_int_equal(ctrl_rib_subscribe(reader, BLUE, 5, false), 0);
    subscribe();
    publish(0, N);
    settle();
    return 0;
}

static int
teardown(void **state)
{
    ctrl_rib_client_destroy(publisher);
    ctrl_rib_client_destroy(reader);
    ctrl_rib_destroy(rib);
    ctrl_config_destroy(config);
    return 0;
}

struct paths {
    size_t n, n_stale;
};

static void
count_path(const struct ctrl_rib_path_info *info, void *paths_)
{
    struct paths *paths = paths_;

    paths->n++;
    paths->n_stale += info->stale;
}

static struct paths
count_paths(void)
{
    struct paths paths = { .n = 0 };

    ctrl_rib_for_each_path(rib, count_path, &paths);
    return paths;
}

static void
assert_paths(size_t n, size_t n_stale)
{
    struct paths paths = count_paths();

    assert_int_equal(paths.n, n);
    assert_int_equal(paths.n_stale, n_stale);
}

static void
assert_n_routes(size_t n)
{
    struct ctrl_rib_client_stats stats;

    ctrl_rib_client_stats(publisher, &stats);
    assert_int_equal(stats.n_routes, n);
}

/* How many items and retracts the reader got since 'before'. */
static void
assert_told(const struct ctrl_rib_client_stats *before, size_t n_items,
            size_t n_retracts)
{
    struct ctrl_rib_client_stats after;

    ctrl_rib_client_stats(reader, &after);
    assert_int_equal(after.n_items - before->n_items, n_items);
    assert_int_equal(after.n_retracts - before->n_retracts, n_retracts);
}

/* One turn withdraws some of 'n', not all. */
static void
assert_one_turn_is_some_of(size_t n)
{
    assert_int_equal(ctrl_rib_flush(rib), CTRL_RIB_BUSY);
    assert_in_range(count_paths().n, 1, n - 1);
}

static void
withdraw__client_goes__in_turns(void **state)
{
    struct ctrl_rib_client_stats before;

    ctrl_rib_client_stats(reader, &before);
    ctrl_rib_client_destroy(publisher);
    assert_one_turn_is_some_of(N);
    settle();
    assert_paths(0, 0);
    assert_told(&before, 0, N);
    publisher = ctrl_rib_client_create(rib, "p", &ops, NULL);
}

static void
withdraw__another_of_its_name_comes__nothing_is_lost(void **state)
{
    ctrl_rib_client_destroy(publisher);
    publisher = ctrl_rib_client_create(rib, "p", &ops, NULL);
    assert_one_turn_is_some_of(N);
    subscribe();
    publish(0, N);
    assert_n_routes(N);
    settle();
    assert_paths(N, 0);
    assert_n_routes(N);
}

static void
withdraw__unsubscribed_and_subscribed_again__counts_at_once(void **state)
{
    assert_int_equal(ctrl_rib_unsubscribe(publisher, BLUE), 0);
    assert_n_routes(0);
    subscribe();
    publish(N - 10, N);
    assert_n_routes(10);
    assert_one_turn_is_some_of(N + 10);
    settle();
    assert_paths(10, 0);
    assert_n_routes(10);
}

static void
withdraw__swept__only_what_is_stale(void **state)
{
    struct ctrl_rib_client_stats before;

    ctrl_rib_client_keep(publisher);
    assert_paths(N, N);
    assert_int_equal(ctrl_rib_client_n_stale(publisher), N);
    ctrl_rib_client_resume(publisher, &ops, NULL);
    subscribe();
    publish(N - 10, N + 5);
    assert_paths(N + 5, N - 10);
    ctrl_rib_client_stats(reader, &before);
    assert_int_equal(ctrl_rib_client_n_stale(publisher), N - 10);
    assert_int_equal(ctrl_rib_client_sweep(publisher), N - 10);
    assert_int_equal(ctrl_rib_client_n_stale(publisher), 0);
    assert_n_routes(15);
    assert_one_turn_is_some_of(N + 5);

    /* One that is renewed after all, if it has not gone yet. */
    publish(N - 11, N - 10);
    settle();
    assert_paths(16, 0);
    assert_n_routes(16);
    assert_told(&before, 5, N - 11);
}

static void
withdraw__lost_while_swept__what_it_had_renewed_stays(void **state)
{
    ctrl_rib_client_keep(publisher);
    ctrl_rib_client_resume(publisher, &ops, NULL);
    subscribe();
    publish(0, 10);
    assert_int_equal(ctrl_rib_client_sweep(publisher), N - 10);
    assert_one_turn_is_some_of(N);
    ctrl_rib_client_keep(publisher);
    assert_int_equal(ctrl_rib_client_n_stale(publisher), 10);
    settle();
    assert_paths(10, 10);
    ctrl_rib_client_resume(publisher, &ops, NULL);
    subscribe();
    publish(0, 4);
    assert_int_equal(ctrl_rib_client_sweep(publisher), 6);
    settle();
    assert_paths(4, 0);
}

static void
withdraw__network_is_removed_meanwhile__nothing_is_left(void **state)
{
    static const struct ctrl_config nothing;
    struct ctrl_rib_instance_stats stats;

    ctrl_rib_client_destroy(publisher);
    assert_one_turn_is_some_of(N);
    assert_int_equal(ctrl_rib_unsubscribe(reader, BLUE), 0);
    ctrl_rib_configure(rib, &nothing);
    settle();
    assert_paths(0, 0);
    ctrl_rib_instance_stats(rib, BLUE, &stats);
    assert_int_equal(stats.n_routes, 0);
    publisher = ctrl_rib_client_create(rib, "p", &ops, NULL);
}

static void
withdraw__destroyed_meanwhile__no_leak(void **state)
{
    ctrl_rib_client_destroy(publisher);
    assert_one_turn_is_some_of(N);
    /* The rest is up to the sanitizer. */
    publisher = ctrl_rib_client_create(rib, "p", &ops, NULL);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(withdraw__client_goes__in_turns),
        TEST(withdraw__another_of_its_name_comes__nothing_is_lost),
        TEST(withdraw__unsubscribed_and_subscribed_again__counts_at_once),
        TEST(withdraw__swept__only_what_is_stale),
        TEST(withdraw__lost_while_swept__what_it_had_renewed_stays),
        TEST(withdraw__network_is_removed_meanwhile__nothing_is_left),
        TEST(withdraw__destroyed_meanwhile__no_leak),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
