/* SPDX-License-Identifier: Apache-2.0 */
/* What a new configuration means for each ToR. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/config_text.h"
#include "tor-agent/reload.h"
#include "util.h"

#define HEAD "controllers: [10.0.0.1]\n"
#define AGENT "tor-agent:\n  tsn: 10.0.0.100\n"
#define T1 "  - name: t1\n    ovsdb: tcp:10.0.0.11:6640\n"
#define T2 "  - name: t2\n    ovsdb: tcp:10.0.0.12:6640\n"
#define TORS "  tors:\n"

/* Of 't1' from one text to the other. */
static void
assert_change(const char *from, const char *to, enum tor_change expected,
              const char *expected_why)
{
    struct tsn_config *old = config_from_text(from);
    struct tsn_config *config = config_from_text(to);
    const char *why;

    enum tor_change change
        = tor_config_compare(old, config, tor_config_find(config, "t1"),
                             &why);
    if (change != expected || !nullable_string_is_equal(why, expected_why)) {
        fail_msg("from\n%s\nto\n%s\nis change %d by %s, not %d by %s", from,
                 to, change, why, expected, expected_why);
    }
    tsn_config_destroy(old);
    tsn_config_destroy(config);
}

static void
tor__nothing_of_it_changed__is_the_same(void **state)
{
    assert_change(HEAD AGENT TORS T1, HEAD AGENT TORS T1, TOR_SAME, NULL);
    assert_change(HEAD AGENT TORS T1, HEAD AGENT TORS T2 T1, TOR_SAME, NULL);
    assert_change(HEAD AGENT TORS T1 T2, HEAD AGENT TORS T1, TOR_SAME, NULL);
    assert_change(HEAD AGENT TORS T1 T2,
                  HEAD AGENT TORS T1 T2 "    probe-interval: 3000\n",
                  TOR_SAME, NULL);
    assert_change(HEAD AGENT TORS T1, HEAD AGENT "  workers: 2\n" TORS T1,
                  TOR_SAME, NULL);
    assert_change(HEAD AGENT TORS T1, HEAD AGENT TORS T1
                  "replicator: {name: r, address: 10.0.0.100}\n", TOR_SAME,
                  NULL);
}

static void
tor__of_a_new_name__is_added(void **state)
{
    assert_change(HEAD AGENT TORS T2, HEAD AGENT TORS T1 T2, TOR_ADDED, NULL);
}

static void
tor__key_that_sessions_outlive__is_tuned(void **state)
{
    static const struct {
        const char *to, *why;
    } cases[] = {
        { HEAD AGENT TORS T1 "    probe-interval: 3000\n", "probe-interval" },
        { HEAD AGENT TORS T1 "    max-backoff: 3000\n", "max-backoff" },
        { HEAD AGENT TORS T1 "    cleanup-wait: 3000\n", "cleanup-wait" },
        { HEAD AGENT TORS T1 "    tsn: 10.0.0.101\n", "tsns" },
        { HEAD AGENT TORS T1 "    tsns: [10.0.0.100, 10.0.0.101]\n",
          "tsns" },
        { HEAD AGENT TORS T1 "    profile: qfx5k\n", "profile" },
        { HEAD AGENT TORS T1 "    bfd: {}\n", "bfd" },
        { HEAD "hold-time: 30\n" AGENT TORS T1, "hold-time" },
        { HEAD "stale-hold: 30\n" AGENT TORS T1, "stale-hold" },
        { HEAD "frozen-hold: 30\n" AGENT TORS T1, "frozen-hold" },
        { HEAD AGENT "  mac-ip: true\n" TORS T1, "mac-ip" },
        { HEAD AGENT "  copy-hold: 100\n" TORS T1, "copy-hold" },
        { HEAD AGENT "  mac-freeze: 100\n" TORS T1,
          "mac-move-limit, -window or mac-freeze" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_change(HEAD AGENT TORS T1, cases[i].to, TOR_TUNED,
                      cases[i].why);
        assert_change(cases[i].to, HEAD AGENT TORS T1, TOR_TUNED,
                      cases[i].why);
    }
}

static void
tor__key_of_a_session__is_replaced(void **state)
{
    static const struct {
        const char *to, *why;
    } cases[] = {
        { HEAD AGENT TORS "  - {name: t1, ovsdb: \"tcp:10.0.0.99:6640\"}\n",
          "ovsdb" },
        { HEAD AGENT TORS "  - {name: t1, ovsdb: \"ptcp:6640\"}\n", "ovsdb" },
        { HEAD AGENT TORS T1 "    agent-name: a1\n", "agent-name" },
        { HEAD AGENT TORS T1 "    switches: [s1]\n", "switches" },
        { HEAD AGENT TORS T1 "    switches: [t1, s1]\n", "switches" },
        { HEAD AGENT TORS T1 "    ownership: shared\n", "ownership" },
        { "controllers: [10.0.0.2]\n" AGENT TORS T1, "controllers" },
        { "controllers: [10.0.0.1, 10.0.0.2]\n" AGENT TORS T1,
          "controllers" },
        { HEAD "subcluster: s\n" AGENT TORS T1, "subcluster" },
        /* It decides, whatever else there is. */
        { HEAD "hold-time: 30\n" AGENT TORS T1 "    agent-name: a1\n",
          "agent-name" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_change(HEAD AGENT TORS T1, cases[i].to, TOR_REPLACED,
                      cases[i].why);
        assert_change(cases[i].to, HEAD AGENT TORS T1, TOR_REPLACED,
                      cases[i].why);
    }
}

static void
listener__another_in_any_way__is_not_found(void **state)
{
#define LISTEN(REST) HEAD AGENT "  listen:\n  - {address: \"0.0.0.0:6640\", " \
                     "tls: false" REST "}\n" TORS T1
    struct tsn_config *a = config_from_text(LISTEN(""));
    struct tsn_config *b = config_from_text(LISTEN(""));
    struct tsn_config *c = config_from_text(LISTEN(", proxy-protocol: true"));

    assert_ptr_equal(tor_config_find_listener(b, &a->listeners[0]),
                     &b->listeners[0]);
    assert_null(tor_config_find_listener(c, &a->listeners[0]));
    tsn_config_destroy(a);
    tsn_config_destroy(b);
    tsn_config_destroy(c);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(tor__nothing_of_it_changed__is_the_same),
        cmocka_unit_test(tor__of_a_new_name__is_added),
        cmocka_unit_test(tor__key_that_sessions_outlive__is_tuned),
        cmocka_unit_test(tor__key_of_a_session__is_replaced),
        cmocka_unit_test(listener__another_in_any_way__is_not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
