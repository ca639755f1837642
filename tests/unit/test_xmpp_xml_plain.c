/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of plain XML against libxml2: it may take less, never more, and
 * gives the same tree. */
#include <config.h>
#include "xmpp/xml-private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

#include "tsn/error.h"
#include "xmpp/route.h"
#include "xmpp/stanza.h"

static void
dump_node(struct ds *s, const struct xmpp_node *node)
{
    ds_put_format(s, "(%s", node->name);
    for (const struct xmpp_attr *a = node->attrs; a; a = a->next) {
        ds_put_format(s, " %s=[%s]", a->name, a->value);
    }
    ds_put_format(s, " [%s]", node->text);
    for (const struct xmpp_node *c = node->children; c; c = c->next) {
        assert_ptr_equal(c->parent, node);
        dump_node(s, c);
    }
    ds_put_char(s, ')');
}

static char *
dump(struct xmpp_xml *xml)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    assert_null(xmpp_xml_root(xml)->parent);
    assert_null(xmpp_xml_root(xml)->next);
    dump_node(&s, xmpp_xml_root(xml));
    xmpp_xml_destroy(xml);
    return ds_steal_cstr(&s);
}

/* Returns whether it is plain; then both readers must agree. */
static bool
is_plain(const char *s, size_t size)
{
    struct xmpp_xml *plain = xmpp_xml_parse_plain(s, size), *any;
    struct tsn_err err;

    if (!plain) {
        return false;
    }
    if (xmpp_xml_parse_any(s, size, &any, &err)) {
        fail_msg("%s: %.*s", tsn_err_format(&err), (int) size, s);
    }
    char *a = dump(plain), *b = dump(any);
    assert_string_equal(a, b);
    free(a);
    free(b);
    return true;
}

static void
put_message(struct ds *out)
{
    char id[XMPP_ID_STRLEN];
    struct ds entry = DS_EMPTY_INITIALIZER;
    struct xmpp_evpn route;
    struct in6_addr ip;

    xmpp_evpn_init(&route);
    route.mac = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,01);
    route.virtual_network = xstrdup("default-domain:admin:vn1");
    in6_addr_set_mapped_ipv4(&ip, htonl(0x7f000201));
    xmpp_evpn_add_next_hop(&route, &ip, 5005, TSN_ENCAP_VXLAN);
    xmpp_evpn_encode_notify(&entry, &route);
    xmpp_put_event_begin(out, "tsn1", XMPP_FAMILY_EVPN,
                         "default-domain:admin:vn1:vn1");
    xmpp_put_item(out, xmpp_evpn_item_id(&route, id), ds_cstr(&entry));
    xmpp_put_item(out, "b", ds_cstr(&entry));
    xmpp_put_event_end(out);
    xmpp_evpn_fini(&route);
    ds_destroy(&entry);
}

/* Were they not, all would work, but slowly. */
static void
plain__what_we_and_control_nodes_write__taken(void **state)
{
    struct ds message = DS_EMPTY_INITIALIZER, iq = DS_EMPTY_INITIALIZER;

    put_message(&message);
    assert_true(is_plain(message.string, message.length));
    xmpp_put_subscribe(&iq, "tor-agent-1", true, "a:b:c:c", 5, 1);
    assert_true(is_plain(iq.string, iq.length));
    ds_destroy(&message);
    ds_destroy(&iq);
}

static void
plain__forms_of_elements__taken(void **state)
{
    static const char *cases[] = {
        "<a/>", "<a></a>", "<a />", "<a ></a >", "\n <a/>\t", "<a>b</a>",
        "<a> </a>", "<a>\n<b/>\n</a>", "<a> b\tc\n</a>", "<a><b></b><c/></a>",
        "<a b='c'/>", "<a b=\"c\" d='e'></a>", "<a\n\tb='' c:d=\" \"\n/>",
        "<a b='>]'/>", "<_a.b-c:d9/>", "<xmlns:a xmlns='b' xmlns:c='d'/>",
        "<a><aa/></a>", "<a>!\"#$%'()*+,-./:;=?@[\\^_`{|}~</a>",
        "<a b='!#$%()*+,-./:;=?@[\\^_`{|}~'/>",
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (!is_plain(cases[i], strlen(cases[i]))) {
            fail_msg("not taken: %s", cases[i]);
        }
    }
}

static void
plain__other_text__left_to_libxml2(void **state)
{
    static const char *cases[] = {
        "", " ", "a", "<", "<a", "<a>", "</a>", "<>", "< a/>", "<a/", "<a/>b",
        "<a/><b/>", "<a></b>", "<a></ab>", "<ab></a>", "<a><b></a></b>",
        "<a>b<c/></a>", "<a><b/>c</a>", "<a><b/>&#32;</a>", "<a>&amp;</a>",
        "<a>&b;</a>", "<a>]]></a>", "<a>></a>", "<a>\r\n</a>", "<a>\x7f</a>",
        "<a>\xc3\xa9</a>", "<a>\x01</a>", "<\xc3\xa9/>", "<1/>", "<-a/>",
        "<a b/>", "<a b=/>", "<a b=c/>", "<a b='/>", "<a b='c\"/>",
        "<a b='\"'/>", "<a b='<'/>", "<a b='&lt;'/>", "<a b='\t'/>",
        "<a b='\n'/>", "<a b = 'c'/>", "<a b='c'd='e'/>", "<a b='c' b='d'/>",
        "<a xml:space='b'/>", "<a xml:lang='b'/>", "<a / >", "<a></a/>",
        "<a></ a>", "<!-- b --><a/>", "<a><!-- b --></a>", "<a><?b?></a>",
        "<?xml version='1.0'?><a/>", "<a><![CDATA[b]]></a>",
        "<!DOCTYPE a><a/>", "\xef\xbb\xbf<a/>",
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (is_plain(cases[i], strlen(cases[i]))) {
            fail_msg("taken: %s", cases[i]);
        }
    }
    assert_false(is_plain("<a>\0</a>", 8));
    assert_false(is_plain("<a/>\0", 5));
}

static void
plain__over_a_limit__left_to_libxml2(void **state)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    for (unsigned int extra = 0; extra < 2; extra++) {
        ds_clear(&s);
        ds_put_cstr(&s, "<a");
        for (unsigned int i = 0; i < XMPP_XML_MAX_ATTRS + extra; i++) {
            ds_put_format(&s, " b%u='c'", i);
        }
        ds_put_cstr(&s, "/>");
        assert_int_equal(is_plain(s.string, s.length), !extra);

        ds_clear(&s);
        for (unsigned int i = 0; i < XMPP_XML_MAX_DEPTH + extra; i++) {
            ds_put_cstr(&s, "<a>");
        }
        for (unsigned int i = 0; i < XMPP_XML_MAX_DEPTH + extra; i++) {
            ds_put_cstr(&s, "</a>");
        }
        assert_int_equal(is_plain(s.string, s.length), !extra);

        ds_clear(&s);
        ds_put_cstr(&s, "<a>");
        for (unsigned int i = 1; i < XMPP_XML_MAX_OBJECTS + extra; i++) {
            ds_put_cstr(&s, "<b/>");
        }
        ds_put_cstr(&s, "</a>");
        assert_int_equal(is_plain(s.string, s.length), !extra);

        ds_clear(&s);
        ds_put_char(&s, '<');
        ds_put_char_multiple(&s, 'a', 1024 + extra);
        ds_put_cstr(&s, "/>");
        assert_int_equal(is_plain(s.string, s.length), !extra);
    }
    ds_destroy(&s);
}

/* Each byte replaced, left out, and doubled. */
static void
plain__every_byte_damaged__never_more_than_libxml2(void **state)
{
    static const char sample[]
        = "<iq a=\"b\" c='d'>\n\t<ee x:f=\"\"><g>hi</g><j /></ee>\n"
          " <k></k><lm> 1 </lm>\n</iq>";
    static const char bytes[] = "<>&'\"/= \t\n\r:!?-]a1.\x7f\x80\xc3";
    size_t size = sizeof sample - 1, n_plain = 0, n_other = 0;

    for (size_t i = 0; i < size; i++) {
        char s[sizeof sample + 1];

        for (const char *b = bytes; b < bytes + sizeof bytes; b++) {
            memcpy(s, sample, size);
            s[i] = *b;
            *(is_plain(s, size) ? &n_plain : &n_other) += 1;
            memcpy(s + i + 1, sample + i, size - i);
            *(is_plain(s, size + 1) ? &n_plain : &n_other) += 1;
        }
        memcpy(s, sample, size);
        memmove(s + i, s + i + 1, size - i - 1);
        *(is_plain(s, size - 1) ? &n_plain : &n_other) += 1;
        is_plain(sample, i);
    }
    assert_true(n_plain > 100 && n_other > 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain__what_we_and_control_nodes_write__taken),
        cmocka_unit_test(plain__forms_of_elements__taken),
        cmocka_unit_test(plain__other_text__left_to_libxml2),
        cmocka_unit_test(plain__over_a_limit__left_to_libxml2),
        cmocka_unit_test(plain__every_byte_damaged__never_more_than_libxml2),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
