/* SPDX-License-Identifier: Apache-2.0 */
/* Who is elected, with a speaker that only remembers (spec A.8, row 107 of
 * G). */
#include <config.h>
#include "replication/tree/election.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/vlog.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/inet.h"
#include "tests/unit/ip.h"
#include "xmpp/speaker.h"

struct xmpp_speaker {
    bool synced;
    uint32_t id;
    struct in6_addr announced;
    const char *alive;          /* Addresses, separated by blanks. */
};

void
xmpp_speaker_subscribe(struct xmpp_speaker *sp, const char *instance,
                       uint32_t id)
{
    assert_string_equal(instance, XMPP_FABRIC_POLICY_INSTANCE);
    sp->id = id;
}

int
xmpp_speaker_announce_host(struct xmpp_speaker *sp, const char *instance,
                           const struct in6_addr *ip, uint32_t label)
{
    assert_string_equal(instance, XMPP_FABRIC_POLICY_INSTANCE);
    assert_true(sp->id > 0);
    assert_int_equal(label, 131);
    sp->announced = *ip;
    return 0;
}

bool
xmpp_speaker_is_synced(const struct xmpp_speaker *sp)
{
    return sp->synced;
}

bool
xmpp_speaker_has_host(const struct xmpp_speaker *sp,
                      const struct in6_addr *ip)
{
    char text[TSN_IP_STRLEN];
    size_t len = strlen(tsn_ip_format(ip, text));
    const char *p = sp->alive;

    while ((p = strstr(p, text)) && p[len] != ' ') {
        p++;
    }
    return p != NULL;
}

static void
election__alive_and_not__lowest_number(void **state OVS_UNUSED)
{
    const struct in6_addr tsns[] = {
        ip("10.0.0.9"), ip("10.0.0.10"), ip("10.0.0.11"),
    };
    static const struct {
        bool synced;
        const char *alive;
        const char *elected;
        bool self;
    } cases[] = {
        { false, "10.0.0.9 10.0.0.10 10.0.0.11 ", NULL, false },
        { true, "10.0.0.9 10.0.0.10 10.0.0.11 ", "10.0.0.9", false },
        { true, "10.0.0.11 10.0.0.10 ", "10.0.0.10", true },
        /* We know that we are alive. */
        { true, "10.0.0.11 ", "10.0.0.10", true },
        { true, "", "10.0.0.10", true },
        /* Of those that are configured. */
        { true, "10.0.0.1 10.0.0.11 ", "10.0.0.10", true },
        { true, "10.0.0.9 ", "10.0.0.9", false },
    };
    const struct in6_addr self = ip("10.0.0.10");
    struct xmpp_speaker sp = { .alive = "" };
    struct repl_election e;

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    repl_election_init(&e, &sp, &self, tsns, ARRAY_SIZE(tsns), 131);
    assert_true(tsn_ip_equals(&sp.announced, &self));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        sp.synced = cases[i].synced;
        sp.alive = cases[i].alive;
        assert_int_equal(repl_election_run(&e), cases[i].self);
        if (cases[i].elected) {
            struct in6_addr elected = ip(cases[i].elected);

            assert_true(tsn_ip_equals(e.elected, &elected));
        } else {
            assert_null(e.elected);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(election__alive_and_not__lowest_number),
    };

    return cmocka_run_group_tests_name("repl_election", tests, NULL, NULL);
}
