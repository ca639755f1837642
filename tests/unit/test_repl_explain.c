/* SPDX-License-Identifier: Apache-2.0 */
/* The request "explain". */
#include <config.h>
#include "replication/explain-request.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "replication/forwarder/ip-text.h"
#include "tsn/ctl-request.h"
#include "tsn/error.h"
#include "util.h"

static int
parse(const char *text, struct repl_explain_request *request,
      struct tsn_err *err)
{
    struct tsn_ctl_request words;
    char line[256];

    ovs_strlcpy(line, text, sizeof line);
    assert_null(tsn_ctl_request_parse(&words, line, strlen(line)));
    return repl_explain_request_parse(request, words.n_words, words.words,
                                      err);
}

static void
request__frame__how_it_comes(void **state OVS_UNUSED)
{
    static const struct {
        const char *text, *ip;
        enum fwd_encap encap;
        uint32_t label;
    } cases[] = {
        { "--vni 100 --from 10.0.1.1 02bb", "10.0.1.1", FWD_VXLAN, 100 },
        { "02bb --from 10.0.1.1 --vni 0", "10.0.1.1", FWD_VXLAN, 0 },
        { "--vni 16777215 --from 2001:db8::1 02:bb", "2001:db8::1",
          FWD_VXLAN, 16777215 },
        { "--label 1048575 --from 10.0.1.1 02bb", "10.0.1.1", FWD_MPLS_UDP,
          1048575 },
        { "--gre --label 0x10 --from 10.0.1.1 02bb", "10.0.1.1",
          FWD_MPLS_GRE, 16 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct repl_explain_request r;
        struct tsn_err err;

        assert_int_equal(parse(cases[i].text, &r, &err), 0);
        assert_true(r.is_frame);
        assert_string_equal(fwd_ip_text(&r.from.source).s, cases[i].ip);
        assert_int_equal(r.from.encap, cases[i].encap);
        assert_int_equal(r.from.label, cases[i].label);
        assert_int_equal(r.size, 2);
        assert_memory_equal(r.data, "\x02\xbb", 2);
        repl_explain_request_fini(&r);
    }
}

static void
request__packet__alone(void **state OVS_UNUSED)
{
    struct repl_explain_request r;
    struct tsn_err err;

    assert_int_equal(parse("450000", &r, &err), 0);
    assert_false(r.is_frame);
    assert_false(r.has_to);
    assert_int_equal(r.size, 3);
    repl_explain_request_fini(&r);
}

static void
request__to__one_member(void **state OVS_UNUSED)
{
    struct repl_explain_request r;
    struct tsn_err err;

    assert_int_equal(parse("--to 10.0.1.2 4500", &r, &err), 0);
    assert_true(r.has_to);
    assert_string_equal(fwd_ip_text(&r.to).s, "10.0.1.2");
    repl_explain_request_fini(&r);
}

static void
request__wrong__says_what(void **state OVS_UNUSED)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        { "--vni 1 --from 10.0.1.1", "there is no frame" },
        { "--vni 1 --from", "--from: wants a value" },
        { "--vlan 1 00", "--vlan: is no option of explain" },
        { "00 00", "more than one frame" },
        { "0", "half an octet at the end of hexadecimal digits, behind 0 "
          "whole ones" },
        { "0x", "the frame is empty" },
        { "file.pcap", "character 2 is no hexadecimal digit" },
        { "--vni 1 --label 1 --from 10.0.1.1 00",
          "either --vni or --label" },
        { "--vni 1 --gre --from 10.0.1.1 00",
          "--gre goes with --label: VXLAN is UDP" },
        { "--gre 00", "--gre goes with --label: VXLAN is UDP" },
        { "--vni 1 00",
          "--from is missing: which endpoint sends the frame?" },
        { "--from 10.0.1.1 00",
          "--vni or --label is missing: which network is the frame of?" },
        { "--vni 16777216 --from 10.0.1.1 00",
          "--vni: must be a number up to 16777215" },
        { "--vni x --from 10.0.1.1 00",
          "--vni: must be a number up to 16777215" },
        { "--label -1 --from 10.0.1.1 00",
          "--label: must be a number up to 1048575" },
        { "--vni 1 --from 10.0.1 00",
          "--from: must be an IPv4 or IPv6 address" },
        { "--to tor1 00", "--to: must be an IPv4 or IPv6 address" },
        { "--vni 1 --from tor1 00",
          "--from: must be an IPv4 or IPv6 address" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct repl_explain_request r;
        struct tsn_err err;

        assert_int_equal(parse(cases[i].text, &r, &err), -EINVAL);
        assert_string_equal(tsn_err_format(&err), cases[i].error);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request__frame__how_it_comes),
        cmocka_unit_test(request__packet__alone),
        cmocka_unit_test(request__to__one_member),
        cmocka_unit_test(request__wrong__says_what),
    };

    return cmocka_run_group_tests_name("repl_explain", tests, NULL, NULL);
}
