/* SPDX-License-Identifier: Apache-2.0 */
/* What peers send, or might, and what a session of ours makes of it: the rules
 * of spec/xmpp-protocol.md 1.3, 1.5 and 1.10, one line each.
 *
 * Each input goes in at once and byte by byte; what comes of it is written
 * down as words:
 *
 *   open(NAME)                   the header was accepted
 *   subscribe(NODE,ID) unsubscribe(NODE) publish(NODE) collection(NODE)
 *   event(NODE) config end-of-rib        a stanza for somebody
 *   bad(N) ignored(N)            stanzas skipped, at the end
 *   closed(REASON) */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "util.h"
#include "xmpp/conn.h"
#include "xmpp/stanza.h"

#define STREAMS "http://etherx.jabber.org/streams"
#define HEADER "<stream:stream from=\"tor1\" to=\"x\" version=\"1.0\" "     \
    "xml:lang=\"en\" xmlns=\"\" xmlns:stream=\"" STREAMS "\" >"
#define TO_BGP "to=\"network-control@contrailsystems.com/bgp-peer\""
#define IQ "<iq type=\"set\" from=\"tor1\" " TO_BGP " id=\"x\">"
#define PUBSUB "<pubsub xmlns=\"http://jabber.org/protocol/pubsub\">"
#define SUBSCRIBE "<subscribe node=\"a\"><options><instance-id>5"         \
    "</instance-id></options></subscribe>"
#define GOOD IQ PUBSUB SUBSCRIBE "</pubsub></iq>"

static void
note_nothing(void *out OVS_UNUSED, const void *data OVS_UNUSED,
             size_t size OVS_UNUSED)
{
}

static bool
note_opened(void *out, const char *name)
{
    ds_put_format(out, "open(%s) ", name);
    return true;
}

static void
note_stanza(void *out, const struct xmpp_stanza *st)
{
    static const char *const names[] = {
        [XMPP_UNSUBSCRIBE] = "unsubscribe", [XMPP_PUBLISH] = "publish",
        [XMPP_COLLECTION] = "collection", [XMPP_EVENT] = "event",
    };

    if (st->type == XMPP_CONFIG) {
        ds_put_cstr(out, "config ");
    } else if (st->type == XMPP_SUBSCRIBE) {
        ds_put_format(out, "%ssubscribe(%s,%lld) ",
                      st->resource == XMPP_RESOURCE_CONFIG ? "config-" : "",
                      st->node, (long long) st->instance_id);
    } else if (st->end_of_rib) {
        ds_put_cstr(out, "end-of-rib ");
    } else {
        ds_put_format(out, "%s(%s) ", names[st->type], st->node);
    }
}

static void
note_closed(void *out, enum xmpp_close_reason reason)
{
    ds_put_format(out, "closed(%s) ", xmpp_close_reason_name(reason));
}

static const struct xmpp_conn_ops ops = {
    .send = note_nothing,
    .opened = note_opened,
    .stanza = note_stanza,
    .closed = note_closed,
};

/* Feeds 'input' in pieces of 'step' bytes, and lets 20 s pass: enough for the
 * time-out of the open. */
static void
run(enum xmpp_role role, const char *input, size_t step, struct ds *out)
{
    struct xmpp_conn *conn = xmpp_conn_create(role, "me", XMPP_HOLD_MS, &ops,
                                              out, 1);
    size_t len = strlen(input);

    xmpp_conn_start(conn, 1);
    for (size_t i = 0; i < len; i += step) {
        xmpp_conn_feed(conn, input + i, MIN(step, len - i), 1);
    }
    xmpp_conn_tick(conn, 20001);

    const struct xmpp_conn_counters *c = xmpp_conn_counters(conn);
    if (c->bad_stanzas) {
        ds_put_format(out, "bad(%d) ", (int) c->bad_stanzas);
    }
    if (c->ignored_stanzas) {
        ds_put_format(out, "ignored(%d) ", (int) c->ignored_stanzas);
    }
    ds_chomp(out, ' ');
    xmpp_conn_destroy(conn);
}

struct peer_case {
    const char *input, *outcome;
};

static void
check(enum xmpp_role role, const struct peer_case *cases, size_t n)
{
    static const size_t steps[] = { 1, 3, 100000 };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < ARRAY_SIZE(steps); j++) {
            struct ds out = DS_EMPTY_INITIALIZER;

            run(role, cases[i].input, steps[j], &out);
            if (strcmp(ds_cstr(&out), cases[i].outcome)) {
                fail_msg("%s\nby %"PRIuSIZE": %s\nexpected: %s",
                         cases[i].input, steps[j], ds_cstr(&out),
                         cases[i].outcome);
            }
            ds_destroy(&out);
        }
    }
}

#define BAD_HEADER "closed(bad stream header)"
#define NO_HEADER "closed(no stream header in time)"

static void
header__forms__tolerated_or_refused(void **state OVS_UNUSED)
{
    static const struct peer_case cases[] = {
        /* As the real client sends it. */
        { HEADER, "open(tor1)" },
        /* The only declaration that control nodes take, with and without line
         * ends. */
        { "<?xml version=\"1.0\"?>" HEADER, "open(tor1)" },
        { "<?xml version=\"1.0\"?>\r\n\n" HEADER, "open(tor1)" },
        /* Those that they close on: harmless. */
        { "<?xml version='1.0'?>" HEADER, "open(tor1)" },
        { "<?xml version=\"1.0\" encoding=\"UTF-8\"?>" HEADER, "open(tor1)" },
        { "<?xml version=\"1.0\"?><?xml version=\"1.0\"?>" HEADER,
          "open(tor1)" },
        /* Blanks and keepalives before it, one blank, two or none before its
         * end. */
        { "\n \t\xc8\x80" HEADER, "open(tor1)" },
        { "<stream:stream from=\"a\" xmlns:stream=\"" STREAMS "\">",
          "open(a)" },
        { "<stream:stream from=\"a\" xmlns:stream=\"" STREAMS "\"  >",
          "open(a)" },
        { "<stream:stream\nfrom='a'\nxmlns:stream='" STREAMS "'\n>",
          "open(a)" },
        /* xmlns:stream is not the last, or another, or absent; the end is "/>"
         * (control nodes wait for more until they close). */
        { "<stream:stream xmlns:stream=\"" STREAMS "\" from=\"a\">",
          "open(a)" },
        { "<stream:stream from=\"a\" xmlns:stream=\"y\">", "open(a)" },
        { "<stream:stream from=\"a\">", "open(a)" },
        { "<stream:stream from=\"a\" xmlns:stream=\"" STREAMS "\"/>",
          "open(a)" },
        /* 'from' is empty, absent, escaped; 'to' is somebody else's. */
        { "<stream:stream from=\"\" xmlns:stream=\"" STREAMS "\">",
          "open()" },
        { "<stream:stream to=\"b\" xmlns:stream=\"" STREAMS "\">", "open()" },
        { "<stream:stream from=\"a&amp;b\" xmlns:stream=\"" STREAMS "\">",
          "open(a&b)" },
        { "<stream:stream from=\"a\" to=\"somebody@else.org\" "
          "xmlns:stream=\"" STREAMS "\">", "open(a)" },
        /* Not XML. */
        { "<stream:stream from=a xmlns:stream='" STREAMS "'>", BAD_HEADER },
        { "<stream:stream from='a' from='b'>", BAD_HEADER },
        { "<stream:stream from='a&b'>", BAD_HEADER },
        /* Not a header. */
        { "GET / HTTP/1.0\r\n\r\n", BAD_HEADER },
        { GOOD, BAD_HEADER },
        { "<presence/>", BAD_HEADER },
        { "<stream>", BAD_HEADER },
        { "</stream:stream>", BAD_HEADER },
        { "\x16\x03\x01\x02\x01\x01", BAD_HEADER },
        /* Not the whole of one. */
        { "", NO_HEADER },
        { " \n ", NO_HEADER },
        { "<?xml version=", NO_HEADER },
        { "<stream:stream from=\"tor1\"", NO_HEADER },
        { "<stream:stream from=\"tor1 >", NO_HEADER },
    };

    check(XMPP_SERVER, cases, ARRAY_SIZE(cases));
    check(XMPP_CLIENT, cases, ARRAY_SIZE(cases));
}

#define OPEN "open(tor1) "
#define GOOD_OUTCOME "subscribe(a,5)"

static void
between_stanzas__anything__is_skipped(void **state OVS_UNUSED)
{
    static const struct peer_case cases[] = {
        /* Sent without waiting for the answer, as one segment. */
        { HEADER GOOD, OPEN GOOD_OUTCOME },
        { HEADER GOOD GOOD, OPEN GOOD_OUTCOME " " GOOD_OUTCOME },
        { HEADER "\xc8\x80\n\t \r\n" GOOD "\n\xc8\x80" GOOD,
          OPEN GOOD_OUTCOME " " GOOD_OUTCOME },
        /* Half of U+0200. */
        { HEADER "\xc8" GOOD "\x80" GOOD,
          OPEN GOOD_OUTCOME " " GOOD_OUTCOME },
        /* Declarations, other elements, comments, text, a second header, the
         * end of the stream. */
        { HEADER "<?xml version=\"1.0\"?>\n" GOOD, OPEN GOOD_OUTCOME },
        { HEADER "<?xml version='1.0' encoding='x'?>" GOOD,
          OPEN GOOD_OUTCOME },
        { HEADER "<presence from=\"tor1\"/>" GOOD, OPEN GOOD_OUTCOME },
        { HEADER "<presence></presence>" GOOD, OPEN GOOD_OUTCOME },
        { HEADER "<!-- a comment -->" GOOD, OPEN GOOD_OUTCOME },
        { HEADER "text & more < text" GOOD, OPEN GOOD_OUTCOME },
        { HEADER HEADER GOOD, OPEN GOOD_OUTCOME },
        { HEADER GOOD HEADER GOOD, OPEN GOOD_OUTCOME " " GOOD_OUTCOME },
        { HEADER "</stream:stream>", "open(tor1)" },
        { HEADER "</stream:stream>\n" GOOD, OPEN GOOD_OUTCOME },
        { HEADER "</iq></message>" GOOD, OPEN GOOD_OUTCOME },
        { HEADER "<iqx></iqx><messages/>" GOOD, OPEN GOOD_OUTCOME },
    };

    check(XMPP_SERVER, cases, ARRAY_SIZE(cases));
    check(XMPP_CLIENT, cases, ARRAY_SIZE(cases));
}

static void
stanza__odd_or_bad__costs_itself_only(void **state OVS_UNUSED)
{
    static const struct peer_case cases[] = {
        /* Blanks in the end tag. */
        { HEADER IQ PUBSUB SUBSCRIBE "</pubsub></iq  \n>" GOOD,
          OPEN GOOD_OUTCOME " " GOOD_OUTCOME },
        /* Self-closed: at control nodes it swallows the next. */
        { HEADER "<iq type=\"set\" " TO_BGP "/>" GOOD,
          OPEN GOOD_OUTCOME " ignored(1)" },
        { HEADER "<iq/><message/>" GOOD, OPEN GOOD_OUTCOME " ignored(2)" },
        /* Nested: cut at the inner end tag. */
        { HEADER IQ GOOD "</iq>" GOOD, OPEN GOOD_OUTCOME " bad(1)" },
        /* An end tag in a comment or in CDATA is one. */
        { HEADER IQ "<!-- </iq> --></iq>" GOOD, OPEN GOOD_OUTCOME " bad(1)" },
        { HEADER IQ "<![CDATA[</iq>]]></iq>" GOOD,
          OPEN GOOD_OUTCOME " bad(1)" },
        /* A ">" in an attribute is not the end of the tag. */
        { HEADER "<iq id=\"/>\" type='set' " TO_BGP ">" PUBSUB SUBSCRIBE
          "</pubsub></iq>" GOOD, OPEN GOOD_OUTCOME " " GOOD_OUTCOME },
        /* Text that looks like an iq, in a message. */
        { HEADER "<message " TO_BGP "><event><items node=\"25/242/a\">"
          "<item>&lt;iq&gt;</item></items></event></message>" GOOD,
          OPEN "event(a) " GOOD_OUTCOME },
        { HEADER "<message " TO_BGP "><![CDATA[<iq type=\"set\">]]><event>"
          "<items node=\"25/242/a\"/></event></message>" GOOD,
          OPEN "event(a) " GOOD_OUTCOME },
        { HEADER "<message " TO_BGP ">" GOOD "</message>" GOOD,
          OPEN GOOD_OUTCOME " ignored(1)" },
        /* What aborts a control node, or makes it close. */
        { HEADER IQ "<pubsub><subscribe node=\"x\"></pubsub></iq>" GOOD,
          OPEN GOOD_OUTCOME " bad(1)" },
        { HEADER "<message " TO_BGP "><event></message>" GOOD,
          OPEN GOOD_OUTCOME " bad(1)" },
        { HEADER IQ "&nbsp;</iq>" GOOD, OPEN GOOD_OUTCOME " bad(1)" },
        { HEADER "<iq a=b></iq>" GOOD, OPEN GOOD_OUTCOME " bad(1)" },
        { HEADER "<!DOCTYPE iq [<!ENTITY a \"b\">]>" GOOD,
          OPEN GOOD_OUTCOME },
        { HEADER IQ "<!DOCTYPE iq></iq>" GOOD, OPEN GOOD_OUTCOME " bad(1)" },
    };

    check(XMPP_SERVER, cases, ARRAY_SIZE(cases));
    check(XMPP_CLIENT, cases, ARRAY_SIZE(cases));
}

#define IQ_TO(TO) "<iq type=\"set\" to=\"" TO "\">" PUBSUB SUBSCRIBE        \
    "</pubsub></iq>"
#define IQ_OF(BODY) IQ BODY "</iq>"

static void
dispatch__to__by_the_resource(void **state OVS_UNUSED)
{
    static const struct peer_case cases[] = {
        { HEADER IQ_TO("network-control@contrailsystems.com/bgp-peer"),
          OPEN GOOD_OUTCOME },
        { HEADER IQ_TO("network-control@contrailsystems.com/config"),
          OPEN "config-subscribe(a,5)" },
        /* The name of the resource anywhere. */
        { HEADER IQ_TO("anybody/bgp-peer"), OPEN GOOD_OUTCOME },
        { HEADER IQ_TO("bgp-peer"), OPEN GOOD_OUTCOME },
        { HEADER IQ_TO("a@b/bgp-peer/c"), OPEN GOOD_OUTCOME },
        { HEADER IQ_TO("a@b/my-config"), OPEN "config-subscribe(a,5)" },
        /* The place where it belongs comes first. */
        { HEADER IQ_TO("config-host/bgp-peer"), OPEN GOOD_OUTCOME },
        { HEADER IQ_TO("bgp-peer-host/config"),
          OPEN "config-subscribe(a,5)" },
        /* Nobody's. */
        { HEADER IQ_TO("network-control@contrailsystems.com"),
          OPEN "ignored(1)" },
        { HEADER IQ_TO("network-control@contrailsystems.com/nosuch-peer"),
          OPEN "ignored(1)" },
        { HEADER IQ_TO("network-control@contrailsystems.com/dns-peer"),
          OPEN "ignored(1)" },
        { HEADER "<iq type=\"set\">" PUBSUB SUBSCRIBE "</pubsub></iq>",
          OPEN "ignored(1)" },
        /* 'from' and 'id' are anybody's, or absent. */
        { HEADER "<iq type=\"set\" from=\"other\" " TO_BGP ">" PUBSUB
          SUBSCRIBE "</pubsub></iq>", OPEN GOOD_OUTCOME },
        { HEADER "<iq type=\"set\" " TO_BGP " id=\"\">" PUBSUB SUBSCRIBE
          "</pubsub></iq>", OPEN GOOD_OUTCOME },
        /* Each channel has its own kinds of stanzas. */
        { HEADER IQ_OF("<config></config>"), OPEN "ignored(1)" },
        { HEADER "<iq type=\"set\" to=\"tor1/config\"><config/></iq>",
          OPEN "config" },
        { HEADER "<message to=\"tor1/config\"><event>"
          "<items node=\"25/242/a\"/></event></message>",
          OPEN "ignored(1)" },
        { HEADER "<message to=\"tor1/bgp-peer\"><event>"
          "<items node=\"25/242/a\"/></event></message>", OPEN "event(a)" },
        { HEADER "<message to=\"tor1/bgp-peer\"><event>"
          "<items node=\"0/0/EndOfRib\"></items></event></message>",
          OPEN "end-of-rib" },
    };

    check(XMPP_SERVER, cases, ARRAY_SIZE(cases));
    check(XMPP_CLIENT, cases, ARRAY_SIZE(cases));
}

static void
dispatch__iq__by_the_first_child_of_the_first_pubsub(void **state OVS_UNUSED)
{
    static const struct peer_case cases[] = {
        { HEADER "<iq type='set' from='tor1' to='x/bgp-peer'><pubsub>"
          "<subscribe node='a'/></pubsub></iq>", OPEN "subscribe(a,-1)" },
        /* The options beside, as in the unit tests of control nodes. */
        { HEADER IQ_OF(PUBSUB "<subscribe node=\"a\"/><options><instance-id>7"
                       "</instance-id></options></pubsub>"),
          OPEN "subscribe(a,7)" },
        { HEADER IQ_OF(PUBSUB "<unsubscribe node=\"a\"/></pubsub>"),
          OPEN "unsubscribe(a)" },
        { HEADER IQ_OF(PUBSUB "<publish node=\"25/242/x\"/></pubsub>"),
          OPEN "publish(25/242/x)" },
        { HEADER IQ_OF(PUBSUB "<collection node=\"a\"><associate node=\"b\"/>"
                       "</collection></pubsub>"), OPEN "collection(a)" },
        { HEADER IQ_OF("<pubsub><publish/></pubsub>")
          IQ_OF("<pubsub><collection/></pubsub>"),
          OPEN "end-of-rib end-of-rib" },
        /* The first of two actions, of two pubsubs, behind something else. */
        { HEADER IQ_OF(PUBSUB "<unsubscribe node=\"a\"/>" SUBSCRIBE
                       "</pubsub>"), OPEN "unsubscribe(a)" },
        { HEADER IQ_OF("<pubsub><unsubscribe node=\"a\"/></pubsub>" PUBSUB
                       SUBSCRIBE "</pubsub>"), OPEN "unsubscribe(a)" },
        { HEADER IQ_OF("<other/>" PUBSUB SUBSCRIBE "</pubsub>"),
          OPEN GOOD_OUTCOME },
        { HEADER IQ_OF(PUBSUB "<options/>" SUBSCRIBE "</pubsub>"),
          OPEN "ignored(1)" },
        /* Other types and actions. */
        { HEADER "<iq type=\"get\" " TO_BGP ">" PUBSUB SUBSCRIBE
          "</pubsub></iq>", OPEN "ignored(1)" },
        { HEADER "<iq type=\"result\" " TO_BGP "></iq>", OPEN "ignored(1)" },
        { HEADER "<iq " TO_BGP ">" PUBSUB SUBSCRIBE "</pubsub></iq>",
          OPEN "ignored(1)" },
        { HEADER IQ_OF(""), OPEN "ignored(1)" },
        { HEADER IQ_OF("<pubsub/>"), OPEN "ignored(1)" },
        { HEADER IQ_OF("<pubsub>subscribe</pubsub>"), OPEN "ignored(1)" },
        { HEADER IQ_OF("<pubsub><frobnicate/></pubsub>"),
          OPEN "ignored(1)" },
        { HEADER IQ_OF("<pubsub><subscribe/></pubsub>"), OPEN "ignored(1)" },
        /* Prefixes are part of a name. */
        { HEADER "<iq type=\"set\" " TO_BGP " xmlns:p=\"y\"><p:pubsub>"
          SUBSCRIBE "</p:pubsub></iq>", OPEN "ignored(1)" },
    };

    check(XMPP_SERVER, cases, ARRAY_SIZE(cases));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header__forms__tolerated_or_refused),
        cmocka_unit_test(between_stanzas__anything__is_skipped),
        cmocka_unit_test(stanza__odd_or_bad__costs_itself_only),
        cmocka_unit_test(dispatch__to__by_the_resource),
        cmocka_unit_test(dispatch__iq__by_the_first_child_of_the_first_pubsub),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
