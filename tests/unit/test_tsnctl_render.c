/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsnctl/render.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "util.h"

static void
assert_rendered_indented(const char *text, int indent, const char *expected)
{
    struct ds out = DS_EMPTY_INITIALIZER;
    struct json *json = json_from_string(text);

    tsnctl_render(&out, json, text, indent);
    if (strcmp(ds_cstr(&out), expected)) {
        fail_msg("%s\ngives\n%s\ninstead of\n%s", text, ds_cstr(&out),
                 expected);
    }
    json_destroy(json);
    ds_destroy(&out);
}

static void
assert_rendered(const char *text, const char *expected)
{
    assert_rendered_indented(text, 0, expected);
}

static void
render__flat_object__lines_in_order(void **state)
{
    assert_rendered("{\"zone\":\"z\",\"n\":-3,\"up\":true,\"down\":false,"
                    "\"none\":null,\"empty\":\"\",\"list\":[1,\"a\"],"
                    "\"nothing\":[],\"ratio\":0.5,"
                    "\"inner\":{\"z\":1,\"a\":\"x\"}}",
                    "zone:    z\n"
                    "n:       -3\n"
                    "up:      yes\n"
                    "down:    no\n"
                    "none:    -\n"
                    "empty:   -\n"
                    "list:    1, a\n"
                    "nothing: -\n"
                    "ratio:   0.5\n"
                    "inner:   z=1 a=x\n");
}

static void
render__lone_table__no_title(void **state)
{
    assert_rendered("{\"tors\":["
                    "{\"name\":\"tor1\",\"up\":true,\"macs\":5,"
                    "\"peers\":[\"10.0.0.5\",\"10.0.0.6\"]},"
                    "{\"name\":\"a-longer-name\",\"up\":false,"
                    "\"macs\":12345,\"peers\":[]}]}",
                    "NAME           UP    MACS  PEERS\n"
                    "tor1           yes      5  10.0.0.5, 10.0.0.6\n"
                    "a-longer-name  no   12345  -\n");
}

static void
render__rows_with_different_keys__union_of_columns(void **state)
{
    assert_rendered("[{\"a\":1},{\"b\":\"x\",\"a\":null},{}]",
                    "A  B\n"
                    "1  -\n"
                    "-  x\n"
                    "-  -\n");
}

static void
render__wide_characters__aligned_by_character(void **state)
{
    assert_rendered("[{\"n\":\"\xc3\xbc\xc3\xbc\",\"x\":\"1\"},"
                    "{\"n\":\"ab\",\"x\":\"2\"}]",
                    "N   X\n"
                    "\xc3\xbc\xc3\xbc  1\n"
                    "ab  2\n");
}

static void
render__mixed_object__lines_then_titled_tables(void **state)
{
    assert_rendered("{\"tors\":[{\"name\":\"t\"}],\"program\":\"p\","
                    "\"sessions\":[{\"peer\":\"x\",\"state\":\"up\"}]}",
                    "program: p\n"
                    "\n"
                    "tors:\n"
                    "  NAME\n"
                    "  t\n"
                    "\n"
                    "sessions:\n"
                    "  PEER  STATE\n"
                    "  x     up\n");
}

static void
render__rows_with_tables__blocks(void **state)
{
    assert_rendered("{\"networks\":["
                    "{\"network\":\"blue\",\"vni\":100,\"members\":["
                    "{\"vtep\":\"10.0.1.1\",\"kind\":\"tor\"},"
                    "{\"vtep\":\"10.0.0.21\",\"kind\":\"host\"}]},"
                    "{\"network\":\"red\",\"vni\":200,\"members\":[]}]}",
                    "network: blue\n"
                    "vni:     100\n"
                    "\n"
                    "members:\n"
                    "  VTEP       KIND\n"
                    "  10.0.1.1   tor\n"
                    "  10.0.0.21  host\n"
                    "\n"
                    "network: red\n"
                    "vni:     200\n"
                    "members: -\n");
}

static void
render__long_inner_object__lines_of_its_own(void **state)
{
    assert_rendered("{\"counters\":{\"received_frames\":1,"
                    "\"replicated_frames\":2,\"dropped_by_storm_policy\":3}}",
                    "counters:\n"
                    "  received_frames:         1\n"
                    "  replicated_frames:       2\n"
                    "  dropped_by_storm_policy: 3\n");
}

static void
render__deep_values__compact(void **state)
{
    assert_rendered("[[1,[2,3]],{\"a\":{\"b\":{\"c\":1}}}]",
                    "1, 2, 3\n"
                    "\n"
                    "a:\n"
                    "  b: c=1\n");
}

static void
render__nothing__told(void **state)
{
    assert_rendered("{\"tors\":[]}", "no tors\n");
    assert_rendered("{}", "-\n");
    assert_rendered("[]", "-\n");
    assert_rendered("{\"a\":{}}", "a: -\n");
    assert_rendered("[{}]", "\n\n");
}

static void
render__control_characters__do_not_reach_the_terminal(void **state)
{
    assert_rendered("{\"a\\u001b[1m\":\"b\\u001b[2J\\n\\u007f"
                    "\\u009b0m\"}", "a?[1m: b?[2J???0m\n");
    assert_rendered("[{\"\\u001bk\":\"\\u001bv\"}]", "?K\n?v\n");
}

static void
render__indent__every_line(void **state)
{
    assert_rendered_indented("{\"a\":1,\"t\":[{\"x\":1}]}", 2,
                             "  a: 1\n"
                             "\n"
                             "  t:\n"
                             "    X\n"
                             "    1\n");
    assert_rendered_indented("{\"t\":[{\"x\":1}]}", 2, "  X\n  1\n");
    assert_rendered_indented("{\"t\":[]}", 2, "  no t\n");
}

static void
render__many_rows__all_of_them(void **state)
{
    struct ds text = DS_EMPTY_INITIALIZER, out = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&text, "{\"macs\":[");
    for (int i = 0; i < 100000; i++) {
        ds_put_format(&text, "%s{\"mac\":\"02:00:00:%02x:%02x:%02x\","
                      "\"tor\":\"tor%d\"}", i ? "," : "", i >> 16,
                      i >> 8 & 0xff, i & 0xff, i % 7);
    }
    ds_put_cstr(&text, "]}");

    struct json *json = json_from_string(ds_cstr(&text));
    tsnctl_render(&out, json, ds_cstr(&text), 0);
    size_t n = 0;
    for (const char *p = ds_cstr(&out); (p = strchr(p, '\n')); p++) {
        n++;
    }
    assert_int_equal(n, 100001);
    json_destroy(json);
    ds_destroy(&text);
    ds_destroy(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(render__flat_object__lines_in_order),
        cmocka_unit_test(render__lone_table__no_title),
        cmocka_unit_test(render__rows_with_different_keys__union_of_columns),
        cmocka_unit_test(render__wide_characters__aligned_by_character),
        cmocka_unit_test(render__mixed_object__lines_then_titled_tables),
        cmocka_unit_test(render__rows_with_tables__blocks),
        cmocka_unit_test(render__long_inner_object__lines_of_its_own),
        cmocka_unit_test(render__deep_values__compact),
        cmocka_unit_test(render__nothing__told),
        cmocka_unit_test(
            render__control_characters__do_not_reach_the_terminal),
        cmocka_unit_test(render__indent__every_line),
        cmocka_unit_test(render__many_rows__all_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
