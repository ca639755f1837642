/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/json.h"
#include "ovsdb-client/private.h"
#include "ovsdb-client/text.h"
#include "packets.h"
#include "tsn/model.h"
#include "util.h"

static void
mac__six_pairs_in_either_case__is_parsed(void **state OVS_UNUSED)
{
    struct eth_addr expected = ETH_ADDR_C(02,aa,bb,cc,dd,0f), mac;

    assert_true(ovc_text_to_mac("02:aa:bb:cc:dd:0f", &mac));
    assert_true(eth_addr_equals(mac, expected));
    assert_true(ovc_text_to_mac("02:AA:bB:Cc:DD:0F", &mac));
    assert_true(eth_addr_equals(mac, expected));
}

static void
mac__anything_else__is_refused(void **state OVS_UNUSED)
{
    static const char *const texts[] = {
        "", "unknown-dst", "02:aa:bb:cc:dd", "02:aa:bb:cc:dd:", ":",
        "02:aa:bb:cc:dd:0", "02:aa:bb:cc:dd:0f ", " 2:aa:bb:cc:dd:0f",
        "02:aa:bb:cc:dd:0f:00", "02-aa-bb-cc-dd-0f", "02aa.bbcc.dd0f",
        "+2:aa:bb:cc:dd:0f", "0x:aa:bb:cc:dd:0f", "g2:aa:bb:cc:dd:0f",
    };
    struct eth_addr mac = ETH_ADDR_C(01,02,03,04,05,06), before = mac;

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        assert_false(ovc_text_to_mac(texts[i], &mac));
        assert_true(eth_addr_equals(mac, before));
    }
}

static void
vtep__unicast_ipv4__is_one(void **state OVS_UNUSED)
{
    static const char *const good[] = { "10.0.0.1", "1.0.0.0",
                                        "223.255.255.255" };
    static const char *const bad[] = {
        "", "0.0.0.0", "0.0.0.1", "224.0.0.1", "255.255.255.255", "::1",
        "2001:db8::1", "10.0.0", "10.0.0.1/32", "10.0.0.01", "host",
    };
    char text[TSN_IP_STRLEN];

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct in6_addr ip = ovc_text_to_vtep(good[i]);
        assert_true(ovc_is_vtep(&ip));
        assert_string_equal(tsn_ip_format(&ip, text), good[i]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct in6_addr ip = ovc_text_to_vtep(bad[i]);
        assert_false(tsn_ip_is_set(&ip));
    }
}

static void
check_error_text(const char *error, const char *expected)
{
    struct json *json = json_from_string(error);
    char *text = ovc_error_text(json);

    assert_string_equal(text, expected);
    free(text);
    json_destroy(json);
}

static void
error_text__of_any_reply__is_one_line(void **state OVS_UNUSED)
{
    check_error_text("{\"error\":\"constraint violation\","
                     "\"details\":\"VNI\\nis taken\"}",
                     "constraint violation: VNI is taken");
    check_error_text("{\"error\":\"timed out\",\"details\":5}", "timed out");
    check_error_text("{\"error\":5}", "{\"error\":5}");
    check_error_text("[1]", "[1]");

    char *digits = xmalloc(10001);
    memset(digits, '7', 10000);
    digits[10000] = '\0';
    struct json *json = json_string_create(digits);
    char *text = ovc_error_text(json);
    assert_in_range(strlen(text), 100, 1000);
    free(text);
    json_destroy(json);
    free(digits);
}

static void
backoff__failures_in_a_row__doubles_up_to_a_minute(void **state OVS_UNUSED)
{
    long long nominal = OVC_BACKOFF_MIN_MS;

    for (unsigned int n = 1; n < 300; n++) {
        long long delay = ovc_backoff_ms(n, OVC_BACKOFF_MAX_MS);
        assert_in_range(delay, nominal * 3 / 4, nominal * 5 / 4);
        nominal = MIN(nominal * 2, OVC_BACKOFF_MAX_MS);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mac__six_pairs_in_either_case__is_parsed),
        cmocka_unit_test(mac__anything_else__is_refused),
        cmocka_unit_test(vtep__unicast_ipv4__is_one),
        cmocka_unit_test(error_text__of_any_reply__is_one_line),
        cmocka_unit_test(backoff__failures_in_a_row__doubles_up_to_a_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
