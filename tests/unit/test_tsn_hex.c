/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/hex.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "tsn/error.h"
#include "util.h"

static void
hex__octets_however_written__read(void **state OVS_UNUSED)
{
    static const char *const texts[] = {
        "02bbCC0001", "0x02bbcc0001", "02:bb:cc:00:01", "02-BB-CC-00-01",
        "02bb.cc00.01", " 02 bb cc 00 01\n", "0x02 0xbb 0Xcc 0x00 0x01",
        "02bb cc00\n01\r\n",
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        uint8_t octets[5];
        struct tsn_err err;
        size_t n;

        assert_int_equal(tsn_hex_decode(texts[i], octets, sizeof octets, &n,
                                        &err), 0);
        assert_int_equal(n, 5);
        assert_memory_equal(octets, "\x02\xbb\xcc\x00\x01", 5);
    }
}

static void
hex__nothing__no_octets(void **state OVS_UNUSED)
{
    static const char *const texts[] = { "", " :", "0x" };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        uint8_t octet;
        size_t n = 1;

        assert_int_equal(tsn_hex_decode(texts[i], &octet, 0, &n, NULL), 0);
        assert_int_equal(n, 0);
    }
}

static void
hex__wrong__says_where(void **state OVS_UNUSED)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        { "4", "half an octet at the end of hexadecimal digits, behind 0 "
          "whole ones" },
        { "45 0", "half an octet at the end of hexadecimal digits, behind 1 "
          "whole ones" },
        { "4:50", "half an octet at the end of hexadecimal digits, behind 0 "
          "whole ones" },
        { "g0", "character 1 is no hexadecimal digit" },
        { "45:0g", "character 5 is no hexadecimal digit" },
        { "45,46", "character 3 is no hexadecimal digit" },
        { "4x", "character 2 is no hexadecimal digit" },
        { "01020304", "more than 3 octets" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t octets[3];
        struct tsn_err err;
        size_t n = 17;

        assert_int_equal(tsn_hex_decode(cases[i].text, octets, sizeof octets,
                                        &n, &err), -EINVAL);
        assert_string_equal(err.text, cases[i].error);
        assert_int_equal(n, 17);
    }
}

static void
hex__written__read_again(void **state OVS_UNUSED)
{
    struct ds text = DS_EMPTY_INITIALIZER;

    tsn_hex_encode("\x00\x7f\xff", 3, &text);
    tsn_hex_encode("", 0, &text);
    assert_string_equal(ds_cstr(&text), "007fff");
    ds_destroy(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex__octets_however_written__read),
        cmocka_unit_test(hex__nothing__no_octets),
        cmocka_unit_test(hex__wrong__says_where),
        cmocka_unit_test(hex__written__read_again),
    };

    return cmocka_run_group_tests_name("tsn_hex", tests, NULL, NULL);
}
