/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "packets.h"
#include "tsn/model.h"
#include "util.h"

/* The text of a lone string value. */
static void
assert_string_json(const char *value, const char *expected)
{
    struct ds out = DS_EMPTY_INITIALIZER;
    struct tsn_json json;

    tsn_json_init(&json, &out);
    tsn_json_string(&json, NULL, value);
    assert_string_equal(ds_cstr(&out), expected);
    ds_destroy(&out);
}

static void
json__nested_values__text_has_commas_where_due(void **state)
{
    struct ds out = DS_EMPTY_INITIALIZER;
    struct tsn_json json;

    tsn_json_init(&json, &out);
    tsn_json_object_begin(&json, NULL);
    tsn_json_array_begin(&json, "empty");
    tsn_json_array_end(&json);
    tsn_json_array_begin(&json, "rows");
    for (int i = 0; i < 2; i++) {
        tsn_json_object_begin(&json, NULL);
        tsn_json_int(&json, "i", -i);
        tsn_json_bool(&json, "even", i % 2 == 0);
        tsn_json_object_end(&json);
    }
    tsn_json_string(&json, NULL, NULL);
    tsn_json_array_end(&json);
    tsn_json_stringf(&json, "f", "%d%%", 5);
    tsn_json_object_end(&json);
    assert_string_equal(ds_cstr(&out),
                        "{\"empty\":[],"
                        "\"rows\":[{\"i\":0,\"even\":true},"
                        "{\"i\":-1,\"even\":false},null],"
                        "\"f\":\"5%\"}");
    ds_destroy(&out);
}

static void
json__elements_of_others__text_has_commas_where_due(void **state)
{
    static const size_t n_elements[] = { 0, 2, 0, 1 };
    struct ds out = DS_EMPTY_INITIALIZER;
    struct tsn_json json;

    tsn_json_init(&json, &out);
    tsn_json_array_begin(&json, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(n_elements); i++) {
        struct ds elements = DS_EMPTY_INITIALIZER;
        struct tsn_json part;

        tsn_json_init_elements(&part, &elements);
        for (size_t j = 0; j < n_elements[i]; j++) {
            tsn_json_object_begin(&part, NULL);
            tsn_json_uint(&part, "i", i);
            tsn_json_object_end(&part);
        }
        tsn_json_elements(&json, &elements);
        ds_destroy(&elements);
    }
    tsn_json_array_end(&json);
    assert_string_equal(ds_cstr(&out), "[{\"i\":1},{\"i\":1},{\"i\":3}]");
    ds_destroy(&out);
}

static void
json__extreme_integers__exact(void **state)
{
    struct ds out = DS_EMPTY_INITIALIZER;
    struct tsn_json json;

    tsn_json_init(&json, &out);
    tsn_json_array_begin(&json, NULL);
    tsn_json_uint(&json, NULL, UINT64_MAX);
    tsn_json_int(&json, NULL, INT64_MIN);
    tsn_json_array_end(&json);
    assert_string_equal(ds_cstr(&out),
                        "[18446744073709551615,-9223372036854775808]");
    ds_destroy(&out);
}

static void
json__special_characters__escaped(void **state)
{
    assert_string_json("", "\"\"");
    assert_string_json("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
    assert_string_json("\b\f\n\r\t\x01\x1f\x7f",
                       "\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\"");
}

static void
json__valid_utf8__kept(void **state)
{
    static const char *const valid[] = {
        "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
        "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
    };

    for (size_t i = 0; i < ARRAY_SIZE(valid); i++) {
        char *expected = xasprintf("\"%s\"", valid[i]);
        assert_string_json(valid[i], expected);
        free(expected);
    }
}

#define FFFD "\xef\xbf\xbd"

static void
json__broken_utf8__replaced_byte_by_byte(void **state)
{
    assert_string_json("a\xff" "b", "\"a" FFFD "b\"");
    assert_string_json("\x80", "\"" FFFD "\"");
    assert_string_json("\xc0\xaf", "\"" FFFD FFFD "\"");        /* Overlong. */
    assert_string_json("\xe0\x9f\xbf", "\"" FFFD FFFD FFFD "\"");
    assert_string_json("\xed\xa0\x80", "\"" FFFD FFFD FFFD "\"");
    assert_string_json("\xf4\x90\x80\x80", "\"" FFFD FFFD FFFD FFFD "\"");
    assert_string_json("\xf0\x90\x80", "\"" FFFD FFFD FFFD "\"");   /* Cut. */
    assert_string_json("\xc3", "\"" FFFD "\"");
    assert_string_json("\xc3(", "\"" FFFD "(\"");
}

static void
json__every_byte__parses(void **state)
{
    char all[256];

    for (int i = 0; i < 255; i++) {
        all[i] = i + 1;
    }
    all[255] = '\0';

    struct ds out = DS_EMPTY_INITIALIZER;
    struct tsn_json json;
    tsn_json_init(&json, &out);
    tsn_json_object_begin(&json, NULL);
    tsn_json_string(&json, all, all);
    tsn_json_object_end(&json);

    struct json *parsed = json_from_string(ds_cstr(&out));
    if (parsed->type != JSON_OBJECT) {
        fail_msg("%s: %s", ds_cstr(&out), json_string(parsed));
    }
    json_destroy(parsed);
    ds_destroy(&out);
}

static void
json__addresses__text_or_null(void **state)
{
    const struct eth_addr mac = ETH_ADDR_C(00,00,5e,00,01,00);
    struct ds out = DS_EMPTY_INITIALIZER;
    struct in6_addr none = IN6ADDR_ANY_INIT, v4, v6;
    struct tsn_json json;

    assert_int_equal(tsn_ip_parse("192.0.2.1", &v4), 0);
    assert_int_equal(tsn_ip_parse("2001:db8::1", &v6), 0);
    tsn_json_init(&json, &out);
    tsn_json_object_begin(&json, NULL);
    tsn_json_mac(&json, "mac", &mac);
    tsn_json_ip(&json, "v4", &v4);
    tsn_json_ip(&json, "v6", &v6);
    tsn_json_ip(&json, "none", &none);
    tsn_json_object_end(&json);
    assert_string_equal(ds_cstr(&out),
                        "{\"mac\":\"00:00:5e:00:01:00\","
                        "\"v4\":\"192.0.2.1\",\"v6\":\"2001:db8::1\","
                        "\"none\":null}");
    ds_destroy(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json__nested_values__text_has_commas_where_due),
        cmocka_unit_test(json__elements_of_others__text_has_commas_where_due),
        cmocka_unit_test(json__extreme_integers__exact),
        cmocka_unit_test(json__special_characters__escaped),
        cmocka_unit_test(json__valid_utf8__kept),
        cmocka_unit_test(json__broken_utf8__replaced_byte_by_byte),
        cmocka_unit_test(json__every_byte__parses),
        cmocka_unit_test(json__addresses__text_or_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
