/* SPDX-License-Identifier: Apache-2.0 */
/* Where an operator is told that a switch is. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tor-agent/remotes.h"
#include "tsn/config.h"
#include "tsn/model.h"
#include "util.h"

#define SESSIONS \
    "{\"listeners\":[],\"sessions\":[" \
    "{\"tor\":\"plain\",\"state\":\"connected\",\"peer\":\"10.0.0.31\"," \
    "\"certificate\":null,\"port\":41234,\"tls\":null}," \
    "{\"tor\":\"tls\",\"peer\":\"2001:db8::1\",\"certificate\":\"CN=sw1\"," \
    "\"port\":41235,\"tls\":{\"version\":\"TLSv1.3\"}}," \
    "{\"tor\":\"named\",\"peer\":null,\"certificate\":null}]}"

static char *named_switches[] = { (char *) "leaf1", (char *) "leaf2" };

static struct tsn_config_tor tors[] = {
    { .name = (char *) "direct", .ovsdb = (char *) "tcp:10.0.0.1:6640" },
    { .name = (char *) "dialled", .ovsdb = (char *) "ssl:10.0.0.2:6640" },
    { .name = (char *) "plain" },
    { .name = (char *) "tls" },
    { .name = (char *) "named", .switches = named_switches, .n_switches = 2 },
    { .name = (char *) "strict", .switches = named_switches, .n_switches = 1,
      .certificate = (char *) "leaf1.example.net" },
    { .name = (char *) "own", .ovsdb = (char *) "pssl:6650",
      .switches = named_switches, .n_switches = 1 },
};

static struct tsn_config_listener listeners[] = {
    { .name = (char *) "0.0.0.0:6640" },
    { .name = (char *) "0.0.0.0:6641", .tls = true },
};

static const struct tsn_config config = {
    .tors = tors, .n_tors = ARRAY_SIZE(tors),
    .listeners = listeners, .n_listeners = ARRAY_SIZE(listeners),
};

static void
assert_remote(const char *status, const char *tor, const char *expected)
{
    char *remotes = tor_remotes_make(&config, status);
    const char *remote = tor_remotes_find(remotes, tor);

    if (!nullable_string_is_equal(remote, expected)) {
        fail_msg("%s is at %s, not %s", tor, remote ? remote : "(null)",
                 expected ? expected : "(null)");
    }
    free(remotes);
}

static void
remotes__idl_talks_to_the_switch__none(void **state OVS_UNUSED)
{
    assert_remote(SESSIONS, "direct", NULL);
    assert_remote(SESSIONS, "unknown", NULL);
    assert_remote(SESSIONS, "", NULL);
}

static void
remotes__connected__address_and_certificate(void **state OVS_UNUSED)
{
    assert_remote(SESSIONS, "plain", "tcp:10.0.0.31:41234");
    assert_remote(SESSIONS, "tls", "ssl:[2001:db8::1]:41235 (CN=sw1)");
}

static void
remotes__not_connected__listener_and_identity(void **state OVS_UNUSED)
{
    assert_remote(SESSIONS, "named", "listening at tcp:0.0.0.0:6640, "
                  "ssl:0.0.0.0:6641 for the switch leaf1, leaf2");
    assert_int_equal(tsn_ip_parse("10.0.0.33", &tors[5].address), 0);
    assert_remote(SESSIONS, "strict", "listening at tcp:0.0.0.0:6640, "
                  "ssl:0.0.0.0:6641 for the switch leaf1 with certificate "
                  "leaf1.example.net from 10.0.0.33");
    assert_remote(SESSIONS, "own",
                  "listening at pssl:6650 for the switch leaf1");
}

static void
remotes__we_connect__where_to(void **state OVS_UNUSED)
{
    assert_remote(SESSIONS, "dialled", "ssl:10.0.0.2:6640");
}

static void
remotes__status_is_none__nobody_is_connected(void **state OVS_UNUSED)
{
    static const char *const bad[] = {
        "", "[]", "{", "{\"sessions\":7}", "{\"sessions\":[7,{}]}",
        "{\"sessions\":[{\"tor\":\"own\",\"peer\":7}]}",
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_remote(bad[i], "own",
                      "listening at pssl:6650 for the switch leaf1");
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(remotes__idl_talks_to_the_switch__none),
        cmocka_unit_test(remotes__connected__address_and_certificate),
        cmocka_unit_test(remotes__not_connected__listener_and_identity),
        cmocka_unit_test(remotes__we_connect__where_to),
        cmocka_unit_test(remotes__status_is_none__nobody_is_connected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
