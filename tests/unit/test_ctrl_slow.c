/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that do not read: what is remembered for them, and when they are
 * given up. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "controller/rib.h"
#include "ctrl_fixture.h"

#define BLUE "default-domain:default-project:blue:blue"
#define RED "default-domain:default-project:red:red"

static struct ctrl_config *config;
static struct ctrl_core *core;
static struct client a;
/* Past the stanzas, as many routes are quicker so: one that publishes, and one
 * that reads all. */
static struct ctrl_rib_client *publisher, *reader;

static struct ctrl_rib *
rib(void)
{
    return CONST_CAST(struct ctrl_rib *, ctrl_core_rib(core));
}

static void
reader_send(void *aux, const char *data, size_t size)
{
}

static bool
reader_is_ready(void *aux)
{
    return true;
}

static void
reader_give_up(void *aux)
{
    fail();
}

static int
setup(void **state)
{
    static const struct ctrl_rib_ops ops = {
        .send = reader_send,
        .is_ready = reader_is_ready,
        .give_up = reader_give_up,
    };

    config = ctrl_fixture_config("networks:\n- {name: blue, vni: 100}\n"
                                 "- {name: red, vni: 200}\n");
    core = ctrl_core_create(config);
    client_open(&a, core, "a");
    client_subscribe(&a, true, BLUE, 5);
    publisher = ctrl_rib_client_create(rib(), "p", NULL, NULL);
    assert_int_equal(ctrl_rib_subscribe(publisher, BLUE, 5, true), 0);
    assert_int_equal(ctrl_rib_subscribe(publisher, RED, 6, true), 0);
    reader = ctrl_rib_client_create(rib(), "r", &ops, NULL);
    assert_int_equal(ctrl_rib_subscribe(reader, BLUE, 5, false), 0);
    assert_int_equal(ctrl_rib_subscribe(reader, RED, 6, false), 0);
    return 0;
}

static int
teardown(void **state)
{
    ctrl_rib_client_destroy(publisher);
    ctrl_rib_client_destroy(reader);
    client_quit(&a);
    ctrl_core_destroy(core);
    ctrl_config_destroy(config);
    return 0;
}

/* Publishes the routes 'from'..'to' - 1, or withdraws them. */
static void
put(const char *instance, uint32_t from, uint32_t to, bool associate)
{
    struct xmpp_evpn route;

    client_route("mac=02:00:00:00:00:00 tag=100 nh=10.0.1.1", &route);
    for (uint32_t i = from; i < to; i++) {
        route.mac.be16[1] = htons(i >> 16);
        route.mac.be16[2] = htons(i);
        assert_int_equal(associate
                         ? ctrl_rib_publish(publisher, instance, &route)
                         : ctrl_rib_withdraw(publisher, instance, &route), 0);
    }
    xmpp_evpn_fini(&route);
}

static void
settle(void)
{
    while (!ctrl_core_run(core, 0)) {
        continue;
    }
}

static size_t
count(const struct client *c, char sign)
{
    size_t n = 0;

    for (const char *p = ds_cstr_ro(&c->told); *p; p = strchr(p, '\n') + 1) {
        n += *p == sign;
    }
    return n;
}

static void
slow__gone_and_back_by_thousands__told_all(void **state)
{
    struct ctrl_rib_client_stats before, after;

    put(BLUE, 0, 2000, true);
    settle();
    ds_clear(&a.told);
    a.blocked = true;
    put(BLUE, 0, 2000, false);
    settle();

    /* More than a turn takes up come back while it begins to read. */
    a.blocked = false;
    put(BLUE, 0, 2000, true);
    settle();
    assert_int_equal(count(&a, '+'), 2000);
    assert_string_equal(strrchr(ds_cstr(&a.told), '+'),
                        "+" BLUE " 100-02:00:00:00:07:cf,0.0.0.0/32 "
                        "nh=10.0.1.1/100 lp=100 seq=0\n");

    /* Nor are they lost when nobody keeps them. */
    a.blocked = true;
    put(BLUE, 0, 2000, false);
    settle();
    client_subscribe(&a, false, BLUE, 5);
    ctrl_rib_client_stats(reader, &before);
    put(BLUE, 0, 2000, true);
    settle();
    ctrl_rib_client_stats(reader, &after);
    assert_int_equal(after.n_items - before.n_items, 2000);
    assert_int_equal(after.n_retracts - before.n_retracts, 0);
}

static void
slow__too_many_routes_go__closed_and_others_go_on(void **state)
{
    struct ctrl_rib_client_stats stats;

    a.blocked = true;
    put(BLUE, 0, CTRL_MAX_GONE + 10, true);
    settle();
    put(BLUE, 0, CTRL_MAX_GONE, false);
    settle();
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    put(BLUE, CTRL_MAX_GONE, CTRL_MAX_GONE + 1, false);
    settle();
    assert_int_equal(a.closed, XMPP_CLOSE_SLOW);
    ctrl_rib_client_stats(reader, &stats);
    assert_int_equal(stats.n_retracts, CTRL_MAX_GONE + 1);

    /* Its next session begins with what there is. */
    client_quit(&a);
    client_open(&a, core, "a");
    client_subscribe(&a, true, BLUE, 5);
    settle();
    assert_int_equal(count(&a, '+'), 9);
    assert_int_equal(count(&a, '-'), 0);
}

static void
slow__many_routes_go_and_more_stay__waited_for(void **state)
{
    assert_int_equal(ctrl_rib_unsubscribe(reader, BLUE), 0);
    a.blocked = true;
    put(BLUE, 0, 2 * CTRL_MAX_GONE + 20, true);
    settle();
    put(BLUE, 0, CTRL_MAX_GONE + 10, false);
    settle();
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    put(BLUE, CTRL_MAX_GONE + 10, CTRL_MAX_GONE + 11, false);
    settle();
    assert_int_equal(a.closed, XMPP_CLOSE_SLOW);
}

/* All instances count together. */
static void
slow__one_keeps_more_than_another__closed(void **state)
{
    struct client c;

    assert_int_equal(ctrl_rib_unsubscribe(reader, BLUE), 0);
    client_open(&c, core, "c");
    client_subscribe(&c, true, RED, 6);
    put(RED, 0, 10, true);
    settle();
    /* The first to stop reading has the least to hear. */
    c.blocked = true;
    put(RED, 0, 10, false);
    a.blocked = true;
    put(BLUE, 0, CTRL_MAX_GONE, true);
    settle();
    put(BLUE, 0, CTRL_MAX_GONE - 10, false);
    settle();
    assert_int_equal(a.closed, XMPP_CLOSE_NONE);
    put(BLUE, CTRL_MAX_GONE - 10, CTRL_MAX_GONE - 9, false);
    settle();
    assert_int_equal(a.closed, XMPP_CLOSE_SLOW);
    assert_int_equal(c.closed, XMPP_CLOSE_NONE);
    ds_clear(&c.told);
    c.blocked = false;
    settle();
    assert_int_equal(count(&c, '-'), 10);
    client_quit(&c);
}

/* Nobody waits for what was gone before it came. */
static void
slow__new_subscriber_does_not_read__keeps_nothing_older(void **state)
{
    struct ctrl_rib_instance_stats stats;

    put(BLUE, 0, 10, true);
    settle();
    a.blocked = true;
    put(BLUE, 0, 5, false);
    settle();
    client_subscribe(&a, false, BLUE, 5);
    client_subscribe(&a, true, BLUE, 5);
    put(BLUE, 5, 6, false);
    settle();
    ctrl_rib_instance_stats(rib(), BLUE, &stats);
    assert_int_equal(stats.n_routes, 4);
    ds_clear(&a.told);
    a.blocked = false;
    settle();
    assert_int_equal(count(&a, '+'), 4);
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(slow__gone_and_back_by_thousands__told_all),
        TEST(slow__too_many_routes_go__closed_and_others_go_on),
        TEST(slow__many_routes_go_and_more_stay__waited_for),
        TEST(slow__one_keeps_more_than_another__closed),
        TEST(slow__new_subscriber_does_not_read__keeps_nothing_older),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
