/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/xml-put.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "util.h"

static void
put_number__any__as_printf(void **state)
{
    static const uint64_t numbers[] = {
        0, 1, 9, 10, 99, 100, 65535, UINT32_MAX, UINT64_C(1) << 32,
        UINT64_C(9999999999999999999), UINT64_C(10000000000000000000),
        UINT64_MAX,
    };

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        struct ds s = DS_EMPTY_INITIALIZER;
        char *want = xasprintf("a%"PRIu64, numbers[i]);

        ds_put_char(&s, 'a');
        xmpp_put_number(&s, numbers[i]);
        assert_string_equal(ds_cstr(&s), want);
        free(want);
        ds_destroy(&s);
    }
}

static void
put3__strings__appended(void **state)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    xmpp_put3(&s, "", "", "");
    assert_string_equal(ds_cstr(&s), "");
    xmpp_put3(&s, "<", "a", ">");
    xmpp_put3(&s, "", "bc", "");
    xmpp_put3(&s, "</", "a", ">\n");
    assert_string_equal(ds_cstr(&s), "<a>bc</a>\n");
    ds_destroy(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_number__any__as_printf),
        cmocka_unit_test(put3__strings__appended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
