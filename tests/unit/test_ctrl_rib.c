/* SPDX-License-Identifier: Apache-2.0 */
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
#define GREEN "default-domain:default-project:green:green"

#define MAC1 "mac=02:00:00:00:00:01 tag=100"
#define ID1 "100-02:00:00:00:00:01,0.0.0.0/32"

static const char base[] =
    "networks:\n"
    "- {name: blue, vni: 100, subnets: [{prefix: 192.0.2.0/24}]}\n"
    "- {name: red, vni: 200}\n";

struct fixture {
    struct ctrl_config *config;
    struct ctrl_core *core;
    struct client c[4];
};

static void
start(struct fixture *f, const char *yaml)
{
    static const char *const names[] = { "a", "b", "c", "d" };

    f->config = ctrl_fixture_config(yaml);
    f->core = ctrl_core_create(f->config);
    for (size_t i = 0; i < ARRAY_SIZE(f->c); i++) {
        client_open(&f->c[i], f->core, names[i]);
    }
}

static void
reload(struct fixture *f, const char *yaml)
{
    struct ctrl_config *config = ctrl_fixture_config(yaml);

    ctrl_core_configure(f->core, config);
    ctrl_config_destroy(f->config);
    f->config = config;
}

static void
stop(struct fixture *f)
{
    for (size_t i = 0; i < ARRAY_SIZE(f->c); i++) {
        client_quit(&f->c[i]);
    }
    ctrl_core_destroy(f->core);
    ctrl_config_destroy(f->config);
}

static void
subscribe_all(struct fixture *f, const char *instance)
{
    for (size_t i = 0; i < ARRAY_SIZE(f->c); i++) {
        client_subscribe(&f->c[i], true, instance, 5);
    }
}

static void
publish_many(struct client *c, int from, int to, const char *rest)
{
    for (int i = from; i < to; i++) {
        char *words = xasprintf("mac=02:00:00:00:%02x:%02x tag=100 "
                                "nh=10.0.1.1 %s", i >> 8, i & 0xff, rest);
        client_publish(c, BLUE, words);
        free(words);
    }
}

/* Runs until nothing is left to do but for clients that do not read. */
static void
settle(struct fixture *f)
{
    while (!ctrl_core_run(f->core, 0)) {
        continue;
    }
}

/* Unicast. */

static void
rib__publish__all_subscribers_are_told_once(void **state)
{
    static const char told[] =
        "+" BLUE " " ID1 " nh=10.0.1.1/100 lp=100 seq=1\n";
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, BLUE, 5);
    client_subscribe(&f.c[1], true, BLUE, 5);
    client_subscribe(&f.c[2], true, RED, 6);
    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.1 seq=1");
    client_is_told(&f.c[0], told);
    client_is_told(&f.c[1], told);
    client_is_told(&f.c[2], "");

    /* Once more the same. */
    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.1 seq=1");
    client_is_told(&f.c[0], "");

    /* Who comes late gets all. */
    client_subscribe(&f.c[3], true, BLUE, 5);
    client_is_told(&f.c[3], told);
    client_is_told(&f.c[1], "");

    client_withdraw(&f.c[0], BLUE, MAC1);
    client_is_told(&f.c[0], "-" BLUE " " ID1 "\n");
    client_is_told(&f.c[1], "-" BLUE " " ID1 "\n");
    client_is_told(&f.c[3], "-" BLUE " " ID1 "\n");
    client_withdraw(&f.c[0], BLUE, MAC1);
    client_is_told(&f.c[0], "");
    stop(&f);
}

static void
rib__gone_before_told__nothing_is_told(void **state)
{
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, BLUE, 5);
    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.1");
    client_withdraw(&f.c[0], BLUE, MAC1);
    client_is_told(&f.c[0], "");

    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.1");
    client_is_told(&f.c[0],
                   "+" BLUE " " ID1 " nh=10.0.1.1/100 lp=100 seq=0\n");
    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.2");
    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.1");
    client_is_told(&f.c[0], "");
    stop(&f);
}

static void
rib__best_path__preference_then_sequence_then_ecmp(void **state)
{
    static const struct {
        const char *a, *b;      /* What the two publish. */
        const char *told;
    } cases[] = {
        { "nh=10.0.1.1 lp=100 seq=1", "nh=10.0.1.2 lp=100 seq=2",
          "nh=10.0.1.2/100 lp=100 seq=2" },
        { "nh=10.0.1.1 lp=200 seq=1", "nh=10.0.1.2 lp=100 seq=2",
          "nh=10.0.1.1/100 lp=200 seq=1" },
        { "nh=10.0.1.1 lp=1 seq=0", "nh=10.0.1.2 lp=100 seq=0",
          "nh=10.0.1.2/100 lp=100 seq=0" },
        /* No preference is the default one. */
        { "nh=10.0.1.1 lp=0 seq=0", "nh=10.0.1.2 lp=99 seq=9",
          "nh=10.0.1.1/100 lp=100 seq=0" },
        /* As good: both, in a stable order. */
        { "nh=10.0.1.2 lp=100 seq=1", "nh=10.0.1.1 lp=100 seq=1",
          "nh=10.0.1.1/100,10.0.1.2/100 lp=100 seq=1" },
        /* The same switch by two agents. */
        { "nh=10.0.1.1 lp=100 seq=1", "nh=10.0.1.1 lp=100 seq=1",
          "nh=10.0.1.1/100 lp=100 seq=1" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (int swap = 0; swap < 2; swap++) {
            struct fixture f;
            char *a = xasprintf(MAC1 " %s", cases[i].a);
            char *b = xasprintf(MAC1 " %s", cases[i].b);
            char *told = xasprintf("+" BLUE " " ID1 " %s\n", cases[i].told);

            start(&f, base);
            subscribe_all(&f, BLUE);
            client_publish(&f.c[swap], BLUE, a);
            client_publish(&f.c[!swap], BLUE, b);
            client_is_told(&f.c[2], told);
            stop(&f);
            free(a);
            free(b);
            free(told);
        }
    }
}

static void
rib__better_path_goes__next_best_replaces_it(void **state)
{
    struct fixture f;

    start(&f, base);
    subscribe_all(&f, BLUE);
    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.1 seq=1");
    client_publish(&f.c[1], BLUE, MAC1 " nh=10.0.1.2 seq=2");
    client_is_told(&f.c[2],
                   "+" BLUE " " ID1 " nh=10.0.1.2/100 lp=100 seq=2\n");
    /* A worse one is not news. */
    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.3 seq=1");
    client_is_told(&f.c[2], "");
    /* No retract in between. */
    client_quit(&f.c[1]);
    client_is_told(&f.c[2],
                   "+" BLUE " " ID1 " nh=10.0.1.3/100 lp=100 seq=1\n");
    client_open(&f.c[1], f.core, "b");
    stop(&f);
}

static void
rib__keys__tag_mac_and_address(void **state)
{
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, BLUE, 5);
    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.1");
    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.1 ip=192.0.2.1");
    client_publish(&f.c[0], BLUE,
                   "mac=02:00:00:00:00:01 label=100 nh=10.0.1.1");
    client_is_told_all(&f.c[0],
        "+" BLUE " " ID1 " nh=10.0.1.1/100 lp=100 seq=0\n"
        "+" BLUE " 100-02:00:00:00:00:01,192.0.2.1/32 nh=10.0.1.1/100 "
        "lp=100 seq=0\n"
        "+" BLUE " 02:00:00:00:00:01,0.0.0.0/32 nh=10.0.1.1/100 "
        "lp=100 seq=0\n");

    /* A withdraw with another tag hits nothing. */
    client_withdraw(&f.c[0], BLUE, "mac=02:00:00:00:00:01 tag=101");
    client_is_told(&f.c[0], "");
    stop(&f);
}

static void
rib__new_tag__told_before_the_old_goes(void **state)
{
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, BLUE, 5);
    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.1");
    client_is_told(&f.c[0],
                   "+" BLUE " " ID1 " nh=10.0.1.1/100 lp=100 seq=0\n");
    client_withdraw(&f.c[0], BLUE, MAC1);
    client_publish(&f.c[0], BLUE, "mac=02:00:00:00:00:01 tag=7 nh=10.0.1.1");
    client_is_told(&f.c[0],
        "+" BLUE " 7-02:00:00:00:00:01,0.0.0.0/32 nh=10.0.1.1/7 "
        "lp=100 seq=0\n"
        "-" BLUE " " ID1 "\n");
    stop(&f);
}

static void
rib__many_routes__batched(void **state)
{
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, BLUE, 5);
    client_subscribe(&f.c[1], true, BLUE, 5);
    f.c[1].sizes = true;
    publish_many(&f.c[0], 0, 300, "");
    ctrl_core_run(f.core, 0);

    int n = 0, rest = 0;
    char *save = NULL;
    for (char *line = strtok_r(ds_cstr(&f.c[1].told), "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        if (*line == '(') {
            n += !strcmp(line, "(32)");
            rest += !strcmp(line, "(12)");
        }
    }
    assert_int_equal(n, 9);
    assert_int_equal(rest, 1);

    ds_clear(&f.c[1].told);
    client_subscribe(&f.c[0], false, BLUE, 5);
    ctrl_core_run(f.core, 0);
    assert_non_null(strstr(ds_cstr(&f.c[1].told), "(256)\n"));
    assert_non_null(strstr(ds_cstr(&f.c[1].told), "(44)\n"));
    stop(&f);
}

static void
rib__more_than_a_turn_s_worth__all_is_told(void **state)
{
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, BLUE, 5);
    publish_many(&f.c[0], 0, 2500, "");
    assert_int_equal(ctrl_core_run(f.core, 0), 0);
    /* One that comes in the middle misses nothing. */
    client_subscribe(&f.c[1], true, BLUE, 5);
    while (!ctrl_core_run(f.core, 0)) {
        continue;
    }
    for (int i = 0; i < 2; i++) {
        struct ctrl_rib_client_stats stats;

        ctrl_rib_client_stats(ctrl_peer_client(f.c[i].peer), &stats);
        assert_int_equal(stats.n_items, 2500);
    }
    stop(&f);
}

static void
rib__client_does_not_read__told_the_last_state_later(void **state)
{
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, BLUE, 5);
    client_subscribe(&f.c[1], true, BLUE, 5);
    publish_many(&f.c[0], 0, 3, "");
    client_is_told(&f.c[1],
        "+" BLUE " 100-02:00:00:00:00:00,0.0.0.0/32 nh=10.0.1.1/100 "
        "lp=100 seq=0\n"
        "+" BLUE " 100-02:00:00:00:00:01,0.0.0.0/32 nh=10.0.1.1/100 "
        "lp=100 seq=0\n"
        "+" BLUE " 100-02:00:00:00:00:02,0.0.0.0/32 nh=10.0.1.1/100 "
        "lp=100 seq=0\n");

    f.c[1].blocked = true;
    publish_many(&f.c[0], 0, 1, "seq=1");
    client_withdraw(&f.c[0], BLUE, "mac=02:00:00:00:00:01 tag=100");
    settle(&f);
    assert_int_equal(ctrl_core_run(f.core, 0), CTRL_RETRY_MS);
    publish_many(&f.c[0], 0, 1, "seq=2");
    client_publish(&f.c[0], BLUE, "mac=* tag=100 nh=10.0.1.1 no-edge");
    client_publish(&f.c[1], BLUE, "mac=* tag=100 nh=10.0.1.2");
    settle(&f);
    assert_string_equal(ds_cstr(&f.c[1].told), "");

    f.c[1].blocked = false;
    client_is_told(&f.c[1],
        "+" BLUE " 100-02:00:00:00:00:00,0.0.0.0/32 nh=10.0.1.1/100 "
        "lp=100 seq=2\n"
        "-" BLUE " 100-02:00:00:00:00:01,0.0.0.0/32\n"
        "+" BLUE " 100-ff:ff:ff:ff:ff:ff,0.0.0.0/32 olist=10.0.1.1/100\n");
    stop(&f);
}

static void
rib__gone_and_back_while_blocked__only_an_item(void **state)
{
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, BLUE, 5);
    client_subscribe(&f.c[1], true, BLUE, 5);
    publish_many(&f.c[0], 1, 2, "");
    settle(&f);
    ds_clear(&f.c[0].told);
    ds_clear(&f.c[1].told);

    f.c[1].blocked = true;
    client_withdraw(&f.c[0], BLUE, MAC1);
    client_is_told(&f.c[0], "-" BLUE " " ID1 "\n");
    /* One that comes now never knew it. */
    client_subscribe(&f.c[2], true, BLUE, 5);
    client_is_told(&f.c[2], "");
    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.1");
    client_is_told(&f.c[0],
                   "+" BLUE " " ID1 " nh=10.0.1.1/100 lp=100 seq=0\n");
    f.c[1].blocked = false;
    client_is_told(&f.c[1],
                   "+" BLUE " " ID1 " nh=10.0.1.1/100 lp=100 seq=0\n");
    stop(&f);
}

static void
rib__late_client_blocked_half_way__told_all(void **state)
{
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, BLUE, 5);
    publish_many(&f.c[0], 0, 2000, "");
    settle(&f);

    client_subscribe(&f.c[1], true, BLUE, 5);
    assert_int_equal(ctrl_core_run(f.core, 0), 0);
    f.c[1].blocked = true;
    settle(&f);
    struct ctrl_rib_client_stats stats;
    ctrl_rib_client_stats(ctrl_peer_client(f.c[1].peer), &stats);
    assert_true(stats.n_items > 0 && stats.n_items < 2000);
    uint64_t n = stats.n_items;

    /* Ten that it has, and ten that it has not, change or go. */
    publish_many(&f.c[0], 0, 10, "seq=1");
    publish_many(&f.c[0], 1990, 2000, "seq=1");
    client_withdraw(&f.c[0], BLUE, "mac=02:00:00:00:00:0a tag=100");
    settle(&f);
    f.c[1].blocked = false;
    settle(&f);
    ctrl_rib_client_stats(ctrl_peer_client(f.c[1].peer), &stats);
    assert_int_equal(stats.n_items, 2000 + 10 - (n > 10 ? 0 : 1));
    assert_int_equal(stats.n_retracts, 1);
    assert_non_null(strstr(ds_cstr(&f.c[1].told),
                           "-" BLUE " 100-02:00:00:00:00:0a,"));
    stop(&f);
}

static void
rib__blocked_client_leaves__nothing_is_left(void **state)
{
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, BLUE, 5);
    client_subscribe(&f.c[1], true, BLUE, 5);
    publish_many(&f.c[0], 0, 10, "");
    settle(&f);
    f.c[1].blocked = true;
    client_subscribe(&f.c[0], false, BLUE, 5);
    settle(&f);
    assert_int_equal(ctrl_core_run(f.core, 0), CTRL_RETRY_MS);
    client_quit(&f.c[1]);
    settle(&f);
    assert_true(ctrl_core_run(f.core, 0) > CTRL_RETRY_MS);

    struct ctrl_rib_instance_stats stats;
    ctrl_rib_instance_stats(ctrl_core_rib(f.core), BLUE, &stats);
    assert_int_equal(stats.n_routes, 0);
    client_open(&f.c[1], f.core, "b");
    stop(&f);
}

static void
rib__network_gone_while_blocked__nothing_is_told(void **state)
{
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, BLUE, 5);
    client_subscribe(&f.c[1], true, BLUE, 5);
    publish_many(&f.c[0], 0, 10, "");
    f.c[1].blocked = true;
    settle(&f);
    client_withdraw(&f.c[0], BLUE, MAC1);
    settle(&f);
    reload(&f, "networks: [{name: red, vni: 200}]\n");
    f.c[1].blocked = false;
    client_is_told(&f.c[1], "");
    reload(&f, base);
    settle(&f);
    struct ctrl_rib_client_stats stats;
    ctrl_rib_client_stats(ctrl_peer_client(f.c[1].peer), &stats);
    assert_int_equal(stats.n_items, 9);
    assert_int_equal(stats.n_retracts, 0);
    stop(&f);
}

static void
rib__no_ribout__publishes_and_hears_nothing(void **state)
{
    struct fixture f;

    start(&f, base);
    client_stanzas(&f.c[0],
        "<iq type='set' from='a' to='x/bgp-peer'><pubsub><subscribe node='"
        BLUE "'><options><instance-id>5</instance-id>"
        "<no-ribout>true</no-ribout></options></subscribe></pubsub></iq>", 0);
    client_subscribe(&f.c[1], true, BLUE, 5);
    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.1");
    client_publish(&f.c[0], BLUE, "mac=* tag=100 nh=10.0.1.1 no-edge");
    client_publish(&f.c[1], BLUE, "mac=* tag=100 nh=10.0.1.2");
    client_is_told(&f.c[0], "");
    client_is_told(&f.c[1],
        "+" BLUE " " ID1 " nh=10.0.1.1/100 lp=100 seq=0\n"
        "+" BLUE " 100-ff:ff:ff:ff:ff:ff,0.0.0.0/32 olist=10.0.1.1/100\n");
    stop(&f);
}

static void
rib__not_advertised__bad_next_hop_or_encapsulation(void **state)
{
    static const char unknown_encap[] =
        "<iq type='set' from='a' to='x/bgp-peer'><pubsub>"
        "<publish node='25/242/x'><item><entry><nlri><af>25</af>"
        "<safi>242</safi><ethernet-tag>100</ethernet-tag>"
        "<mac>02:00:00:00:00:01</mac><address>0.0.0.0/32</address></nlri>"
        "<next-hops><next-hop><af>1</af><address>10.0.1.1</address>"
        "<label>100</label><tunnel-encapsulation-list>"
        "<tunnel-encapsulation>nvgre</tunnel-encapsulation>"
        "</tunnel-encapsulation-list></next-hop></next-hops></entry></item>"
        "</publish></pubsub></iq>"
        "<iq type='set' from='a' to='x/bgp-peer'><pubsub>"
        "<collection node='" BLUE "'><associate node='25/242/x'/>"
        "</collection></pubsub></iq>";
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, BLUE, 5);
    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.1");
    client_is_told(&f.c[0],
                   "+" BLUE " " ID1 " nh=10.0.1.1/100 lp=100 seq=0\n");

    /* A bad item changes nothing. */
    client_publish(&f.c[0], BLUE, MAC1 " nh=0.0.0.0");
    client_publish(&f.c[0], BLUE, MAC1 " nh=2001:db8::1");
    client_is_told(&f.c[0], "");
    assert_int_equal(ctrl_peer_counters(f.c[0].peer)->bad_items, 2);

    /* One that is good but of no use to anybody replaces it. */
    client_stanzas(&f.c[0], unknown_encap, 0);
    client_is_told(&f.c[0], "-" BLUE " " ID1 "\n");
    assert_int_equal(ctrl_peer_counters(f.c[0].peer)->bad_items, 2);
    stop(&f);
}

/* Subscriptions. */

static void
rib__unsubscribed__routes_go_and_nothing_is_told_to_it(void **state)
{
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, BLUE, 5);
    client_subscribe(&f.c[1], true, BLUE, 5);
    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.1");
    client_publish(&f.c[0], BLUE, "mac=* tag=100 nh=10.0.1.1 no-edge");
    client_publish(&f.c[1], BLUE, "mac=* tag=100 nh=10.0.1.2");
    client_is_told(&f.c[0],
        "+" BLUE " " ID1 " nh=10.0.1.1/100 lp=100 seq=0\n"
        "+" BLUE " 100-ff:ff:ff:ff:ff:ff,0.0.0.0/32 olist=10.0.1.2/100\n");
    ds_clear(&f.c[1].told);

    client_subscribe(&f.c[0], false, BLUE, 5);
    client_is_told(&f.c[0], "");
    client_is_told(&f.c[1],
        "-" BLUE " " ID1 "\n"
        "-" BLUE " 100-ff:ff:ff:ff:ff:ff,0.0.0.0/32\n");
    stop(&f);
}

static void
rib__unsubscribed_and_subscribed_at_once__told_all_again(void **state)
{
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, BLUE, 5);
    client_subscribe(&f.c[1], true, BLUE, 5);
    client_publish(&f.c[0], BLUE, MAC1 " nh=10.0.1.1");
    client_is_told(&f.c[1],
                   "+" BLUE " " ID1 " nh=10.0.1.1/100 lp=100 seq=0\n");
    client_subscribe(&f.c[1], false, BLUE, 5);
    client_subscribe(&f.c[1], true, BLUE, 5);
    client_is_told(&f.c[1],
                   "+" BLUE " " ID1 " nh=10.0.1.1/100 lp=100 seq=0\n");
    stop(&f);
}

static void
rib__unknown_network__told_when_it_appears(void **state)
{
    char *more = xasprintf("%s- {name: green, vni: 300}\n", base);
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, GREEN, 7);
    client_subscribe(&f.c[1], true, GREEN, 7);
    client_publish(&f.c[0], GREEN, MAC1 " nh=10.0.1.1");
    client_publish(&f.c[0], GREEN, "mac=02:00:00:00:00:02 nh=10.0.1.1");
    client_withdraw(&f.c[0], GREEN, "mac=02:00:00:00:00:02");
    client_publish(&f.c[0], GREEN, "mac=* tag=300 nh=10.0.1.1 no-edge");
    client_publish(&f.c[1], GREEN, "mac=* tag=300 nh=10.0.1.2");
    client_is_told(&f.c[0], "");

    reload(&f, more);
    client_is_told(&f.c[1],
        "+" GREEN " " ID1 " nh=10.0.1.1/100 lp=100 seq=0\n"
        "+" GREEN " 300-ff:ff:ff:ff:ff:ff,0.0.0.0/32 olist=10.0.1.1/300\n");

    /* As a control node does, it says nothing when it goes, and all when it
     * comes back. */
    reload(&f, base);
    client_is_told(&f.c[1], "");
    client_publish(&f.c[0], GREEN, "mac=02:00:00:00:00:03 nh=10.0.1.1");
    client_is_told(&f.c[1], "");
    client_subscribe(&f.c[0], false, GREEN, 7);
    reload(&f, more);
    client_is_told(&f.c[1], "");
    stop(&f);
    free(more);
}

/* Broadcast. */

/* spec/tsn-dataplane.md A.4.2: what the node of a row is told of the node of a
 * column, 'O' for olist, 'L' for leaf-olist. */
static void
bum__every_pair_of_kinds__table(void **state)
{
    enum { COMPUTE, TSN1, TSN2, TOR1, RNVE, N_KINDS };
    static const char *const kinds[N_KINDS] = {
        [COMPUTE] = "",
        [TSN1] = "assisted",
        [TSN2] = "assisted",
        [TOR1] = "replicator=10.0.0.101",
        [RNVE] = "no-edge",
    };
    static const char table[N_KINDS][N_KINDS + 1] = {
        /*           C 1 2 T R */
        [COMPUTE] = "    O",
        [TSN1]    = "   LO",
        [TSN2]    = "    O",
        [TOR1]    = "     ",
        [RNVE]    = "OOO O",
    };

    for (int own = 0; own < N_KINDS; own++) {
        for (int other = 0; other < N_KINDS; other++) {
            struct fixture f;
            /* TSN1 has the address that TOR1 names. */
            const char *ip = own == TSN1 ? "10.0.0.101" : "10.0.0.1";
            const char *other_ip = other == TSN1 && own != TSN1
                                   ? "10.0.0.101" : "10.0.0.2";
            char *a = xasprintf("mac=* tag=100 nh=%s %s", ip, kinds[own]);
            char *b = xasprintf("mac=* tag=100 nh=%s %s", other_ip,
                                kinds[other]);
            char kind = table[own][other];
            char *told
                = kind == ' ' ? xstrdup("")
                : xasprintf("+" BLUE " 100-ff:ff:ff:ff:ff:ff,0.0.0.0/32 "
                            "%s=%s/100\n", kind == 'O' ? "olist" : "leaf",
                            other_ip);

            start(&f, base);
            client_subscribe(&f.c[0], true, BLUE, 5);
            client_subscribe(&f.c[1], true, BLUE, 5);
            client_publish(&f.c[0], BLUE, a);
            client_publish(&f.c[1], BLUE, b);
            client_is_told(&f.c[0], told);
            stop(&f);
            free(a);
            free(b);
            free(told);
        }
    }
}

static void
bum__members_change__publisher_is_told_the_whole_list(void **state)
{
    static const char id[] = BLUE " 100-ff:ff:ff:ff:ff:ff,0.0.0.0/32";
    static const char tor1[] = "mac=* ip=10.0.1.1 tag=100 nh=10.0.1.1 "
                               "replicator=10.0.0.100";
    static const char tor2[] = "mac=* ip=10.0.1.2 tag=100 nh=10.0.1.2 "
                               "replicator=10.0.0.100";
    static const char tsn[] = "mac=* tag=100 nh=10.0.0.100 assisted";
    struct fixture f;
    char *told;

    start(&f, base);
    subscribe_all(&f, BLUE);
    client_publish(&f.c[0], BLUE, tsn);
    client_is_told(&f.c[0], "");

    client_publish(&f.c[2], BLUE, tor2);
    client_publish(&f.c[1], BLUE, tor1);
    told = xasprintf("+%s leaf=10.0.1.1/100,10.0.1.2/100\n", id);
    client_is_told(&f.c[0], told);
    client_is_told(&f.c[1], "");
    free(told);

    /* The standby agent of the first switch: the same endpoint. */
    client_publish(&f.c[3], BLUE, "mac=* ip=10.0.1.1 tag=100 nh=10.0.1.1 "
                   "replicator=10.0.0.101 lp=1");
    client_is_told(&f.c[0], "");
    /* It takes over, with another TSN. */
    client_quit(&f.c[1]);
    told = xasprintf("+%s leaf=10.0.1.2/100\n", id);
    client_is_told(&f.c[0], told);
    free(told);
    client_open(&f.c[1], f.core, "b");

    client_withdraw(&f.c[2], BLUE, tor2);
    told = xasprintf("-%s\n", id);
    client_is_told(&f.c[0], told);

    /* Its own goes: a retract, once. */
    client_publish(&f.c[2], BLUE, tor2);
    client_is_told(&f.c[0], "+" BLUE " 100-ff:ff:ff:ff:ff:ff,0.0.0.0/32 "
                   "leaf=10.0.1.2/100\n");
    client_withdraw(&f.c[0], BLUE, tsn);
    client_is_told(&f.c[0], told);
    client_withdraw(&f.c[0], BLUE, tsn);
    client_is_told(&f.c[0], "");
    free(told);

    /* Gone and back before anybody was told. */
    client_publish(&f.c[0], BLUE, tsn);
    client_is_told(&f.c[0], "+" BLUE " 100-ff:ff:ff:ff:ff:ff,0.0.0.0/32 "
                   "leaf=10.0.1.2/100\n");
    client_withdraw(&f.c[0], BLUE, tsn);
    client_publish(&f.c[0], BLUE, tsn);
    client_is_told(&f.c[0], "");
    stop(&f);
}

static void
bum__recorded_mix__as_the_control_node(void **state)
{
    /* The first part of recording 04. */
    struct fixture f;

    start(&f, base);
    subscribe_all(&f, BLUE);
    client_publish(&f.c[0], BLUE, "mac=* ip=127.0.2.1 tag=5005 nh=127.0.2.1 "
                   "no-edge");
    client_publish(&f.c[3], BLUE, "mac=* tag=0 label=100 nh=127.0.1.4 mpls");
    client_is_told(&f.c[0], "+" BLUE " 5005-ff:ff:ff:ff:ff:ff,127.0.2.1/32 "
                   "olist=127.0.1.4/100\n");
    client_is_told(&f.c[3], "+" BLUE " ff:ff:ff:ff:ff:ff,0.0.0.0/32 "
                   "olist=127.0.2.1/5005\n");
    client_publish(&f.c[2], BLUE, "mac=* tag=5005 nh=127.0.1.3 assisted");
    client_is_told(&f.c[2], "+" BLUE " 5005-ff:ff:ff:ff:ff:ff,0.0.0.0/32 "
                   "olist=127.0.2.1/5005\n");
    client_is_told(&f.c[0], "+" BLUE " 5005-ff:ff:ff:ff:ff:ff,127.0.2.1/32 "
                   "olist=127.0.1.3/5005,127.0.1.4/100\n");
    client_publish(&f.c[1], BLUE, "mac=* ip=127.0.2.2 tag=5005 nh=127.0.2.2 "
                   "replicator=127.0.1.3");
    client_is_told(&f.c[2], "+" BLUE " 5005-ff:ff:ff:ff:ff:ff,0.0.0.0/32 "
                   "olist=127.0.2.1/5005 leaf=127.0.2.2/5005\n");
    client_is_told(&f.c[0], "");
    client_is_told(&f.c[1], "");
    client_is_told(&f.c[3], "");
    stop(&f);
}

static void
bum__label_zero__no_member(void **state)
{
    struct fixture f;

    start(&f, base);
    subscribe_all(&f, BLUE);
    client_publish(&f.c[0], BLUE, "mac=* tag=100 nh=10.0.0.100 assisted");
    client_publish(&f.c[1], BLUE, "mac=* tag=100 label=0 nh=10.0.0.1 "
                   "no-edge");
    client_is_told(&f.c[0], "");
    stop(&f);
}

static void
bum__too_many_of_one_client__skipped(void **state)
{
    struct fixture f;

    start(&f, base);
    client_subscribe(&f.c[0], true, BLUE, 5);
    for (int i = 1; i <= CTRL_MAX_BROADCAST + 1; i++) {
        char *words = xasprintf("mac=* tag=%d nh=10.0.1.1", i);
        client_publish(&f.c[0], BLUE, words);
        free(words);
    }
    assert_int_equal(ctrl_peer_counters(f.c[0].peer)->bad_items, 1);
    /* A change of one that it has is fine. */
    client_publish(&f.c[0], BLUE, "mac=* tag=1 nh=10.0.1.2");
    assert_int_equal(ctrl_peer_counters(f.c[0].peer)->bad_items, 1);
    assert_int_equal(f.c[0].closed, XMPP_CLOSE_NONE);
    stop(&f);
}

/* Static hosts. */

static void
hosts__in_the_file__routes_and_flooding(void **state)
{
    char *yaml = xasprintf("%s"
        "hosts:\n"
        "- name: h1\n"
        "  vtep: 10.0.0.21\n"
        "  machines:\n"
        "  - {network: blue, mac: '02:cc:00:00:00:01', ip: 192.0.2.21}\n",
        base);
    char *changed = xasprintf("%s"
        "hosts:\n"
        "- name: h1\n"
        "  vtep: 10.0.0.22\n"
        "  machines:\n"
        "  - {network: blue, mac: '02:cc:00:00:00:01'}\n", base);
    static const char tsn[] = "mac=* tag=100 nh=10.0.0.100 assisted";
    struct fixture f;

    start(&f, yaml);
    client_subscribe(&f.c[0], true, RED, 6);
    client_subscribe(&f.c[0], true, BLUE, 5);
    client_publish(&f.c[0], BLUE, tsn);
    client_is_told_all(&f.c[0],
        "+" BLUE " 100-02:cc:00:00:00:01,0.0.0.0/32 nh=10.0.0.21/100 "
        "lp=100 seq=0\n"
        "+" BLUE " 100-02:cc:00:00:00:01,192.0.2.21/32 nh=10.0.0.21/100 "
        "lp=100 seq=0\n"
        "+" BLUE " 100-ff:ff:ff:ff:ff:ff,0.0.0.0/32 "
        "olist=10.0.0.21/100\n");

    reload(&f, yaml);
    client_is_told(&f.c[0], "");

    reload(&f, changed);
    client_is_told_all(&f.c[0],
        "+" BLUE " 100-02:cc:00:00:00:01,0.0.0.0/32 nh=10.0.0.22/100 "
        "lp=100 seq=0\n"
        "-" BLUE " 100-02:cc:00:00:00:01,192.0.2.21/32\n"
        "+" BLUE " 100-ff:ff:ff:ff:ff:ff,0.0.0.0/32 "
        "olist=10.0.0.22/100\n");

    reload(&f, base);
    client_is_told(&f.c[0],
        "-" BLUE " 100-02:cc:00:00:00:01,0.0.0.0/32\n"
        "-" BLUE " 100-ff:ff:ff:ff:ff:ff,0.0.0.0/32\n");
    stop(&f);
    free(yaml);
    free(changed);
}

static void
hosts__with_their_network_gone__go_with_it(void **state)
{
    char *yaml = xasprintf("%s"
        "- {name: green, vni: 300}\n"
        "hosts:\n"
        "- {name: h1, vtep: 10.0.0.21, networks: [green]}\n", base);
    struct ctrl_rib_instance_stats stats;
    struct fixture f;

    start(&f, yaml);
    ctrl_rib_instance_stats(ctrl_core_rib(f.core), GREEN, &stats);
    assert_true(stats.known);
    assert_int_equal(stats.n_routes, 1);
    assert_int_equal(stats.n_subscribers, 0);
    reload(&f, base);
    ctrl_rib_instance_stats(ctrl_core_rib(f.core), GREEN, &stats);
    assert_false(stats.known);
    assert_int_equal(stats.n_routes, 0);
    stop(&f);
    free(yaml);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rib__publish__all_subscribers_are_told_once),
        cmocka_unit_test(rib__gone_before_told__nothing_is_told),
        cmocka_unit_test(rib__best_path__preference_then_sequence_then_ecmp),
        cmocka_unit_test(rib__better_path_goes__next_best_replaces_it),
        cmocka_unit_test(rib__keys__tag_mac_and_address),
        cmocka_unit_test(rib__new_tag__told_before_the_old_goes),
        cmocka_unit_test(rib__many_routes__batched),
        cmocka_unit_test(rib__more_than_a_turn_s_worth__all_is_told),
        cmocka_unit_test(
            rib__client_does_not_read__told_the_last_state_later),
        cmocka_unit_test(rib__gone_and_back_while_blocked__only_an_item),
        cmocka_unit_test(rib__late_client_blocked_half_way__told_all),
        cmocka_unit_test(rib__blocked_client_leaves__nothing_is_left),
        cmocka_unit_test(rib__network_gone_while_blocked__nothing_is_told),
        cmocka_unit_test(rib__no_ribout__publishes_and_hears_nothing),
        cmocka_unit_test(rib__not_advertised__bad_next_hop_or_encapsulation),
        cmocka_unit_test(
            rib__unsubscribed__routes_go_and_nothing_is_told_to_it),
        cmocka_unit_test(
            rib__unsubscribed_and_subscribed_at_once__told_all_again),
        cmocka_unit_test(rib__unknown_network__told_when_it_appears),
        cmocka_unit_test(bum__every_pair_of_kinds__table),
        cmocka_unit_test(
            bum__members_change__publisher_is_told_the_whole_list),
        cmocka_unit_test(bum__recorded_mix__as_the_control_node),
        cmocka_unit_test(bum__label_zero__no_member),
        cmocka_unit_test(bum__too_many_of_one_client__skipped),
        cmocka_unit_test(hosts__in_the_file__routes_and_flooding),
        cmocka_unit_test(hosts__with_their_network_gone__go_with_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
