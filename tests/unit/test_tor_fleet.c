/* SPDX-License-Identifier: Apache-2.0 */
/* ToRs in several threads: questions and configurations cross between them.
 * Neither switches nor control nodes are there.  "scripts/test --tsan" has
 * this run with ThreadSanitizer. */
#include <config.h>
#include "tor-agent/fleet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/session.h"
#include "sset.h"
#include "tests/unit/config_text.h"
#include "tsn/config.h"
#include "tsn/error.h"
#include "tsn/json.h"
#include "tsn/loop.h"
#include "util.h"

#define N_TORS 16
#define N_WORKERS 4
#define N_ROUNDS 20

struct rig {
    struct tsn_loop *main;
    struct tsn_config *config;
    struct tor_fleet *fleet;
    size_t n_pending;           /* Answers and fences. */
    size_t n_rounds;
    size_t n_whole;             /* Answers of all ToRs. */
    const struct sset *some;    /* To be asked in every round, or NULL. */

    char *answers;              /* Of the last question. */
};

static struct tsn_config *
load(void)
{
    struct ds text = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&text, "controllers: [\"127.0.0.1:1\"]\n"
                       "tor-agent:\n  tsn: 127.0.0.1\n  tors:\n");
    for (int i = 0; i < N_TORS; i++) {
        ds_put_format(&text, "  - {name: t%02d, ovsdb: \"tcp:127.0.0.1:1\"}\n",
                      i);
    }
    struct tsn_config *config = config_from_text(ds_cstr(&text));
    ds_destroy(&text);
    return config;
}

static void
add(struct rig *rig, size_t i)
{
    const struct tsn_config_tor *conf = &rig->config->tors[i];

    tor_fleet_add(rig->fleet, rig->config, conf, conf->ovsdb, NULL);
}

static int
setup(void **state)
{
    struct rig *rig = xzalloc(sizeof *rig);

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    rig->config = load();
    rig->main = tsn_loop_create("main");
    rig->fleet = tor_fleet_create(rig->main, N_WORKERS);
    for (size_t i = 0; i < N_TORS; i++) {
        add(rig, i);
    }
    *state = rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *rig = *state;

    tor_fleet_stop(rig->fleet);
    tor_fleet_destroy(rig->fleet);
    tsn_loop_destroy(rig->main);
    tsn_config_destroy(rig->config);
    free(rig->answers);
    free(rig);
    return 0;
}

static void next_round(struct rig *);

static void
done(void *rig_)
{
    struct rig *rig = rig_;

    if (!--rig->n_pending && rig->some) {
        next_round(rig);
    }
}

static void
visit(struct tor *tor, const void *args, struct tsn_json *json)
{
    if (args) {
        tsn_json_stringf(json, NULL, "%s %s", tor_name(tor),
                         (const char *) args);
    } else {
        tor_show(tor, NULL, json);
    }
}

static void
answered(const struct tor_answer answers[], size_t n, void *rig_)
{
    struct rig *rig = rig_;
    struct ds text = DS_EMPTY_INITIALIZER;
    struct tsn_json json;

    if (rig->some && n == N_TORS) {
        rig->n_whole++;         /* May come after those to fewer workers. */
        done(rig);
        return;
    }
    tsn_json_init(&json, &text);
    tsn_json_array_begin(&json, NULL);
    for (size_t i = 0; i < n; i++) {
        tsn_json_elements(&json, &answers[i].elements);
    }
    tsn_json_array_end(&json);
    free(rig->answers);
    rig->answers = ds_steal_cstr(&text);
    done(rig);
}

static void
ask(struct rig *rig, const struct sset *tors, const char *args)
{
    const struct tor_question question = {
        .tors = tors, .visit = visit, .args = nullable_xstrdup(args),
        .answered = answered, .aux = rig,
    };

    rig->n_pending++;
    tor_fleet_ask(rig->fleet, &question);
}

/* Asks and changes at the same time, and goes on when all has come back. */
static void
next_round(struct rig *rig)
{
    size_t i = rig->n_rounds++;
    const struct tsn_config_tor *one = &rig->config->tors[i % N_TORS];
    const struct tsn_config_tor *two = &rig->config->tors[(i + 5) % N_TORS];

    if (i) {
        assert_string_equal(rig->answers, "[\"t01 hello\",\"t03 hello\"]");
        assert_int_equal(tor_fleet_count(rig->fleet), N_TORS);
    }
    if (i == N_ROUNDS) {
        tsn_loop_stop(rig->main);
        return;
    }
    ask(rig, NULL, NULL);
    tor_fleet_tune(rig->fleet, rig->config, one);
    tor_fleet_replace(rig->fleet, rig->config, two, two->ovsdb, NULL);
    tor_fleet_remove(rig->fleet, one->name);
    ask(rig, rig->some, "while it goes");
    add(rig, i % N_TORS);
    tor_fleet_sort(rig->fleet, rig->config);
    ask(rig, rig->some, "hello");
    rig->n_pending++;
    tor_fleet_fence(rig->fleet, done, rig);
}

static void
fleet__asked_and_changed_at_once__answers_in_order(void **state)
{
    struct rig *rig = *state;
    struct sset some = SSET_INITIALIZER(&some);

    sset_add(&some, "t03");
    sset_add(&some, "t01");
    rig->some = &some;
    assert_int_equal(tor_fleet_n_workers(rig->fleet), N_WORKERS);
    next_round(rig);
    tsn_loop_run(rig->main);
    assert_int_equal(rig->n_rounds, N_ROUNDS + 1);
    assert_int_equal(rig->n_whole, N_ROUNDS);
    assert_int_equal(rig->n_pending, 0);
    sset_destroy(&some);
}

/* That was on its way when the end came. */
static void
fleet__asked_after_its_end__nobody_answers(void **state)
{
    struct rig *rig = *state;

    ask(rig, NULL, "hello");
    tor_fleet_stop(rig->fleet);
    assert_int_equal(rig->n_pending, 0);
    assert_non_null(strstr(rig->answers, "\"t15 hello\"]"));
    ask(rig, NULL, "hello");
    assert_int_equal(rig->n_pending, 0);
    assert_string_equal(rig->answers, "[]");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            fleet__asked_and_changed_at_once__answers_in_order, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            fleet__asked_after_its_end__nobody_answers, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
