/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/xml.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

#include "tsn/error.h"
#include "xmpp/stream.h"

static struct xmpp_xml *
parse_ok(const char *s)
{
    struct xmpp_xml *xml;
    struct tsn_err err;

    if (xmpp_xml_parse(s, strlen(s), &xml, &err)) {
        fail_msg("%s: %s", s, tsn_err_format(&err));
    }
    return xml;
}

static void
assert_error(const char *s, int error, const char *why)
{
    struct xmpp_xml *xml = NULL;
    struct tsn_err err = { .text = "" };

    assert_int_equal(xmpp_xml_parse(s, strlen(s), &xml, &err), error);
    assert_null(xml);
    if (!strstr(err.text, why)) {
        fail_msg("'%s' is not about '%s'", err.text, why);
    }
    /* The reason is optional. */
    assert_int_equal(xmpp_xml_parse(s, strlen(s), &xml, NULL), error);
}

static void
assert_refused(const char *s, const char *why)
{
    assert_error(s, -EBADMSG, why);
}

static void
assert_over_limit(const char *s, const char *why)
{
    assert_error(s, -E2BIG, why);
}

static void
xml__stanza__tree_with_attributes_and_text(void **state)
{
    struct xmpp_xml *xml = parse_ok(
        "<?xml version=\"1.0\"?>\n"
        "<iq type=\"set\" from='a' to=\"b/config\">\n"
        "\t<config xmlns:x=\"y\">\n"
        "\t\t<x:n>one</x:n><m></m><x:n>two</x:n><m />\n"
        "\t</config>\n"
        "</iq>\n\n");
    const struct xmpp_node *iq = xmpp_xml_root(xml);

    assert_string_equal(iq->name, "iq");
    assert_null(iq->parent);
    assert_string_equal(iq->text, "");
    assert_string_equal(xmpp_node_attr(iq, "type"), "set");
    assert_string_equal(xmpp_node_attr(iq, "from"), "a");
    assert_string_equal(xmpp_node_attr(iq, "to"), "b/config");
    assert_null(xmpp_node_attr(iq, "id"));

    const struct xmpp_node *config = xmpp_node_child(iq, "config");
    assert_ptr_equal(config->parent, iq);
    assert_string_equal(xmpp_node_attr(config, "xmlns:x"), "y");
    assert_string_equal(xmpp_node_text(config, "x:n"), "one");
    assert_string_equal(xmpp_node_text(config, "m"), "");
    assert_string_equal(xmpp_node_text(config, "n"), "");

    const struct xmpp_node *n;
    int count = 0;
    XMPP_NODE_FOR_EACH (n, config, "x:n") {
        assert_string_equal(n->text, count++ ? "two" : "one");
    }
    assert_int_equal(count, 2);
    xmpp_xml_destroy(xml);
}

static void
xml__no_node__nothing_found(void **state)
{
    assert_null(xmpp_node_attr(NULL, "a"));
    assert_null(xmpp_node_child(NULL, "a"));
    assert_null(xmpp_node_next(NULL, "a"));
    assert_string_equal(xmpp_node_text(NULL, "a"), "");
    xmpp_xml_destroy(NULL);
}

static void
xml__text__decoded_and_untrimmed(void **state)
{
    static const struct {
        const char *xml, *text;
    } cases[] = {
        { "<a>&amp;&lt;&gt;&quot;&apos;</a>", "&<>\"'" },
        { "<a>&#65;&#x42;&#x20ac;</a>", "AB\xe2\x82\xac" },
        { "<a> b\t</a>", " b\t" },
        { "<a>  </a>", "  " },
        { "<a>b<c>d</c>e<c/>f</a>", "bef" },
        { "<a>b<c>d</c> </a>", "b " },
        { "<a> <c>d</c> </a>", "" },
        { "<a>b<![CDATA[<&>]]>c<!-- d --><?e f?>g</a>", "b<&>cg" },
        { "<a/>", "" },
        { " \n<a>b</a> \n", "b" },
        { "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xc3\xa9</a>",
          "\xc3\xa9" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xmpp_xml *xml = parse_ok(cases[i].xml);

        assert_string_equal(xmpp_xml_root(xml)->text, cases[i].text);
        xmpp_xml_destroy(xml);
    }
}

static void
xml__attribute__decoded(void **state)
{
    struct xmpp_xml *xml = parse_ok(
        "<a b='&amp;&#38;&lt;&#60;&gt;&quot;&apos;&#10;&#x20ac;' c=' d\n'/>");

    assert_string_equal(xmpp_node_attr(xmpp_xml_root(xml), "b"),
                        "&&<<>\"'\n\xe2\x82\xac");
    assert_string_equal(xmpp_node_attr(xmpp_xml_root(xml), "c"), " d ");
    xmpp_xml_destroy(xml);
}

static void
xml__malformed__refused_with_line(void **state)
{
    static const struct {
        const char *xml, *why;
    } cases[] = {
        { "", "line 1: " },
        { "  \n", "line 1: " },
        { "a", "line 1: " },
        { "<", "line 1: " },
        { "\xff\xfe<a/>\xd9\xdd\x02\x22", "no element" },
        { "\xef\xbb\xbf<a/>", "no element" },
        { "<a>", "line 1: " },
        { "<a>\n<b>\n</a>", "line 3: " },
        { "<a></a><b></b>", "line 1: " },
        { "<a></a>b", "line 1: " },
        { "<a b></a>", "line 1: " },
        { "<a b=\"1\" b=\"2\"/>", "redefined" },
        { "<a b=\"<\"/>", "line 1: " },
        { "<a>&nbsp;</a>", "nbsp" },
        { "<a b=\"&nbsp;\"/>", "nbsp" },
        { "<a>&</a>", "line 1: " },
        { "<a>&#0;</a>", "line 1: " },
        { "<a>&#xd800;</a>", "line 1: " },
        { "<a>\xff</a>", "line 1: " },
        { "<a>\x01</a>", "line 1: " },
        { "<a><![CDATA[</a>", "line 1: " },
        { "<items node=\"a&b <c>\"></items>", "line 1: " },
        { "<?xml version=\"1.0\"?><?xml version=\"1.0\"?><a/>", "line 1: " },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_refused(cases[i].xml, cases[i].why);
    }
}

static void
xml__doctype__refused(void **state)
{
    assert_refused("<!DOCTYPE a><a/>", "document type");
    assert_refused("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
                   "document type");
    assert_refused("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
                   "document type");
}

static void
xml__nul_byte__refused(void **state)
{
    static const char s[] = "<a>b\0c</a>";
    struct xmpp_xml *xml;
    struct tsn_err err;

    assert_int_equal(xmpp_xml_parse(s, sizeof s - 1, &xml, &err), -EBADMSG);
}

static void
xml__deep__refused_above_limit(void **state)
{
    for (int depth = XMPP_XML_MAX_DEPTH; depth <= XMPP_XML_MAX_DEPTH + 1;
         depth++) {
        struct ds s = DS_EMPTY_INITIALIZER;

        for (int i = 0; i < depth; i++) {
            ds_put_cstr(&s, "<a>");
        }
        for (int i = 0; i < depth; i++) {
            ds_put_cstr(&s, "</a>");
        }
        if (depth <= XMPP_XML_MAX_DEPTH) {
            xmpp_xml_destroy(parse_ok(ds_cstr(&s)));
        } else {
            assert_over_limit(ds_cstr(&s), "deeper");
        }
        ds_destroy(&s);
    }
}

static void
xml__many_attributes__refused_above_limit(void **state)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    /* What looks like them in a comment, CDATA, text or value does not
     * count. */
    ds_put_cstr(&s, "<a>");
    ds_put_cstr(&s, "<!-- <b");
    ds_put_char_multiple(&s, '=', 2 * XMPP_XML_MAX_ATTRS);
    ds_put_cstr(&s, "> --><![CDATA[<b");
    ds_put_char_multiple(&s, '=', 2 * XMPP_XML_MAX_ATTRS);
    ds_put_cstr(&s, ">]]><b c='");
    ds_put_char_multiple(&s, '=', 2 * XMPP_XML_MAX_ATTRS);
    ds_put_cstr(&s, "'/>");
    ds_put_char_multiple(&s, '=', 2 * XMPP_XML_MAX_ATTRS);
    ds_put_cstr(&s, "</a>");
    xmpp_xml_destroy(parse_ok(ds_cstr(&s)));

    ds_clear(&s);
    ds_put_cstr(&s, "<a><b ");
    for (unsigned int i = 0; i <= XMPP_XML_MAX_ATTRS; i++) {
        ds_put_format(&s, " a%u='>'", i);
    }
    ds_put_cstr(&s, "/></a>");
    assert_refused(ds_cstr(&s), "attributes");
    ds_destroy(&s);
}

/* Whatever it is that a stanza has too much of. */
static void
xml__many_objects__refused_above_limit(void **state)
{
    static const struct {
        const char *object;
        unsigned int n;         /* Counts as so many. */
    } cases[] = {
        { "<b/>", 1 }, { "<b c=\"d\"/>", 2 }, { "&amp;", 1 }, { "&#65;", 1 },
        { "<!---->", 1 }, { "<![CDATA[b]]>", 1 }, { "<?b?>", 1 },
        { "<b c='&amp;'></b>", 3 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ds s = DS_EMPTY_INITIALIZER;
        /* The root is one, too. */
        unsigned int n = (XMPP_XML_MAX_OBJECTS - 1) / cases[i].n;

        ds_put_cstr(&s, "<a>");
        for (unsigned int j = 0; j < n; j++) {
            ds_put_cstr(&s, cases[i].object);
        }
        ds_put_cstr(&s, "</a>");
        xmpp_xml_destroy(parse_ok(ds_cstr(&s)));

        ds_truncate(&s, s.length - strlen("</a>"));
        ds_put_format(&s, "%s</a>", cases[i].object);
        assert_over_limit(ds_cstr(&s), "elements, attributes");
        ds_destroy(&s);
    }
}

static void
xml__long__too_big(void **state)
{
    size_t size = XMPP_MAX_STANZA + 1;
    char *s = xmalloc(size);
    struct xmpp_xml *xml;
    struct tsn_err err;

    memset(s, ' ', size);
    assert_int_equal(xmpp_xml_parse(s, size, &xml, &err), -E2BIG);
    free(s);
}

static void
xml__chunk_borders__same_text(void **state)
{
    /* Longer than what libxml2 gets at a time, with references and characters
     * of several bytes across every border. */
    struct ds s = DS_EMPTY_INITIALIZER, want = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&s, "<a>");
    for (int i = 0; i < 60000; i++) {
        ds_put_cstr(&s, i % 3 ? "\xe2\x82\xac" : "&amp;");
        ds_put_cstr(&want, i % 3 ? "\xe2\x82\xac" : "&");
    }
    ds_put_cstr(&s, "</a>");
    struct xmpp_xml *xml = parse_ok(ds_cstr(&s));
    assert_string_equal(xmpp_xml_root(xml)->text, ds_cstr(&want));
    xmpp_xml_destroy(xml);
    ds_destroy(&s);
    ds_destroy(&want);
}

/* Returns a non-null pointer on failure: cmocka is for the main thread. */
static void *
parse_much(void *aux)
{
    for (int i = 0; i < 500; i++) {
        struct xmpp_xml *xml;
        struct tsn_err err;
        const char *good = "<a b=\"c\">d&amp;</a>", *bad = "<a>&e;</a>";

        if (xmpp_xml_parse(good, strlen(good), &xml, &err)) {
            return aux;
        }
        xmpp_xml_destroy(xml);
        if (!xmpp_xml_parse(bad, strlen(bad), &xml, &err)) {
            return aux;
        }
    }
    return NULL;
}

static void
xml__several_threads__independent(void **state)
{
    pthread_t threads[4];

    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, parse_much,
                                        state), 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        void *failure;

        pthread_join(threads[i], &failure);
        assert_null(failure);
    }
}

static void
escape__text__escaped(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "", "" },
        { "plain", "plain" },
        { "a&b <c> \"d\" 'e'",
          "a&amp;b &lt;c&gt; &quot;d&quot; &#39;e&#39;" },
        { "a\tb\r\n", "a&#9;b&#13;&#10;" },
        { "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
          "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
        { "a\x01\x1f" "b", "a\xef\xbf\xbd\xef\xbf\xbd" "b" },
        { "\xff", "\xef\xbf\xbd" },
        { "a\xc3", "a\xef\xbf\xbd" },                   /* Cut short. */
        { "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },     /* Overlong. */
        { "\xed\xa0\x80",                               /* Surrogate. */
          "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xef\xbf\xbf",                               /* U+FFFF. */
          "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\xf4\x90\x80\x80",                           /* Beyond Unicode. */
          "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ds out = DS_EMPTY_INITIALIZER;

        xmpp_xml_escape(&out, cases[i].in);
        assert_string_equal(ds_cstr(&out), cases[i].out);
        ds_destroy(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xml__stanza__tree_with_attributes_and_text),
        cmocka_unit_test(xml__no_node__nothing_found),
        cmocka_unit_test(xml__text__decoded_and_untrimmed),
        cmocka_unit_test(xml__attribute__decoded),
        cmocka_unit_test(xml__malformed__refused_with_line),
        cmocka_unit_test(xml__doctype__refused),
        cmocka_unit_test(xml__nul_byte__refused),
        cmocka_unit_test(xml__deep__refused_above_limit),
        cmocka_unit_test(xml__many_attributes__refused_above_limit),
        cmocka_unit_test(xml__many_objects__refused_above_limit),
        cmocka_unit_test(xml__long__too_big),
        cmocka_unit_test(xml__chunk_borders__same_text),
        cmocka_unit_test(xml__several_threads__independent),
        cmocka_unit_test(escape__text__escaped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
