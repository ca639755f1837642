/* SPDX-License-Identifier: Apache-2.0 */
/* Names that control nodes do not escape. */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "tsn/error.h"
#include "util.h"
#include "xmpp/repair.h"
#include "xmpp/stanza.h"
#include "xmpp/xml.h"

#define BEFORE                                                          \
    "<message from=\"network-control@contrailsystems.com\" "            \
    "to=\"tor-agent-1/bgp-peer\">\n"                                    \
    "\t<event xmlns=\"http://jabber.org/protocol/pubsub\">\n"           \
    "\t\t<items node=\"25/242/"
#define AFTER                                                           \
    "\t\t\t<item id=\"02:00:00:00:01:01,0.0.0.0/32\">\n"                \
    "\t\t\t\t<entry>\n\t\t\t\t</entry>\n\t\t\t</item>\n"                \
    "\t\t</items>\n\t</event>\n</message>"

/* Gives the parser exactly 's', that the sanitizer sees a read behind it. */
static int
parse(const char *s, struct xmpp_stanza *st)
{
    char *copy = xmemdup(s, strlen(s));
    struct tsn_err err;
    int error = xmpp_stanza_parse(copy, strlen(s), st, &err);

    free(copy);
    return error;
}

static void
name__not_escaped__is_understood(void **state OVS_UNUSED)
{
    static const char *const names[] = {
        "d:p:a&b:a&b",
        "d:p:a<b:a<b",
        "d:p:\"a\":\"a\"",
        "d:p:a&b <c> \"d\" 'e' \303\251:a&b <c> \"d\" 'e' \303\251",
        "d:p:a\">b & c:a\">b & c",
        "d:p:</items></event></message><message>:x",
        "d:p:<item id=\"x\">:x",
        "d:p:&amp;&:&amp;&",
        "d:p:a&lt;b\":a&lt;b\"",
        "d:p:&#38;\"::",
        "\"",
        "&",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        static const char *const line_ends[] = { "\n", " \n", "\r\n" };

        for (size_t j = 0; j < ARRAY_SIZE(line_ends); j++) {
            char *s = xasprintf(BEFORE "%s\">%s" AFTER, names[i],
                                line_ends[j]);
            struct xmpp_stanza st;

            assert_int_equal(parse(s, &st), 0);
            assert_int_equal(st.type, XMPP_EVENT);
            assert_int_equal(st.family, XMPP_FAMILY_EVPN);
            assert_true(st.repaired);
            assert_string_equal(st.node, names[i]);
            assert_string_equal(
                xmpp_node_attr(xmpp_node_child(st.body, "item"), "id"),
                "02:00:00:00:01:01,0.0.0.0/32");
            xmpp_stanza_fini(&st);
            free(s);
        }
    }
}

/* What is well-formed is taken as it is, whatever it may have meant. */
static void
name__well_formed__is_left_alone(void **state OVS_UNUSED)
{
    static const struct { const char *wire, *name; } cases[] = {
        { "d:p:a:a", "d:p:a:a" },
        { "d:p:a>b 'c'", "d:p:a>b 'c'" },
        { "d:p:a&amp;b &lt;c&gt; &quot;d&quot;", "d:p:a&b <c> \"d\"" },
        /* Nothing tells this from an attribute, or from text behind it. */
        { "d:p:a\" b=\"c", "d:p:a" },
        { "d:p:a\" > \"b", "d:p:a" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *s = xasprintf(BEFORE "%s\">\n" AFTER, cases[i].wire);
        struct xmpp_stanza st;

        assert_int_equal(parse(s, &st), 0);
        assert_false(st.repaired);
        assert_string_equal(st.node, cases[i].name);
        xmpp_stanza_fini(&st);
        free(s);
    }
}

static void
stanza__bad_in_another_way__stays_bad(void **state OVS_UNUSED)
{
    static const char *const cases[] = {
        /* Nothing wrong with the name. */
        BEFORE "d:p:a:a\">\n\t\t<item></message>",
        /* Wrong there, and elsewhere too. */
        BEFORE "d:p:a&b\">\n\t\t<item></message>",
        /* The tag does not end with its line, or its line does not end. */
        BEFORE "d:p:a&b\"><item></item></items></event></message>",
        BEFORE "d:p:a&b\n\">\n" AFTER,
        BEFORE "d:p:a&b",
        BEFORE "\n",
        BEFORE ">\n",
        BEFORE "&",
        /* Another attribute, element, stanza. */
        "<message to=\"x/bgp-peer\"><event><items no=\"1/1/a&b\">\n"
        "</items></event></message>",
        "<message to=\"x/bgp-peer\"><event><list node=\"1/1/a&b\">\n"
        "</list></event></message>",
        "<iq to=\"x/bgp-peer\"><items node=\"1/1/a&b\">\n</items></iq>",
        "<message to=\"a&b/bgp-peer\"><event><items node=\"1/1/a\">\n"
        "</items></event></message>",
        "<message",
        "<items node=\"&\">\n",
        "",
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xmpp_stanza st;

        assert_int_equal(parse(cases[i], &st), -EBADMSG);
    }
}

static void
repair__nothing_to_repair__appends_nothing(void **state OVS_UNUSED)
{
    static const char nul[] = BEFORE "a&\0b\">\n" AFTER;
    struct ds out = DS_EMPTY_INITIALIZER;
    char *s = xasprintf(BEFORE "d:p:a:a\">\n" AFTER);

    assert_false(xmpp_repair_items_node(s, strlen(s), &out));
    assert_false(xmpp_repair_items_node(nul, sizeof nul - 1, &out));
    assert_int_equal(out.length, 0);
    free(s);
    ds_destroy(&out);
}

/* Where to look, and for how long a name, has an end. */
static void
repair__far_away_or_endless__is_not_looked_for(void **state OVS_UNUSED)
{
    struct ds s = DS_EMPTY_INITIALIZER, out = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&s, "<message>");
    ds_put_char_multiple(&s, ' ', XMPP_REPAIR_MAX_BEFORE);
    ds_put_cstr(&s, "<items node=\"1/1/a&b\">\n</items></message>");
    assert_false(xmpp_repair_items_node(s.string, s.length, &out));

    ds_clear(&s);
    ds_put_cstr(&s, "<message><items node=\"1/1/&");
    ds_put_char_multiple(&s, 'a', XMPP_REPAIR_MAX_NODE);
    ds_put_cstr(&s, "\">\n</items></message>");
    assert_false(xmpp_repair_items_node(s.string, s.length, &out));
    assert_int_equal(out.length, 0);
    ds_destroy(&s);
    ds_destroy(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name__not_escaped__is_understood),
        cmocka_unit_test(name__well_formed__is_left_alone),
        cmocka_unit_test(stanza__bad_in_another_way__stays_bad),
        cmocka_unit_test(repair__nothing_to_repair__appends_nothing),
        cmocka_unit_test(repair__far_away_or_endless__is_not_looked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
