/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "xmpp/stream.h"

#define HEADER "<stream:stream from=\"a\" xmlns:stream=\"s\" >"

/* Writes the events of a stream as text: H header, B blanks, F features,
 * T starttls, P proceed, S(stanza), J(bytes of junk before it), E error. */
static void
drain(struct xmpp_stream *s, struct ds *out, size_t *junk)
{
    struct xmpp_stream_event e;

    for (;;) {
        if (xmpp_stream_next(s, &e)) {
            ds_put_char(out, 'E');
            return;
        }
        /* However junk and blanks were cut, they are one run. */
        *junk += e.skipped;
        if (e.type != XMPP_STREAM_NONE && e.type != XMPP_STREAM_BLANK
            && *junk) {
            ds_put_format(out, "J(%"PRIuSIZE")", *junk);
            *junk = 0;
        }
        switch (e.type) {
        case XMPP_STREAM_NONE:
            return;
        case XMPP_STREAM_BLANK:
            if (!out->length || ds_last(out) != 'B') {
                ds_put_char(out, 'B');
            }
            break;
        case XMPP_STREAM_OPEN:
            ds_put_char(out, 'H');
            break;
        case XMPP_STREAM_FEATURES:
            ds_put_char(out, 'F');
            break;
        case XMPP_STREAM_STARTTLS:
            ds_put_char(out, 'T');
            break;
        case XMPP_STREAM_PROCEED:
            ds_put_char(out, 'P');
            break;
        case XMPP_STREAM_STANZA:
            ds_put_format(out, "S(%.*s)", (int) e.size, e.data);
            break;
        }
    }
}

/* Pushes 'input' in pieces of 'step' bytes. */
static void
check_step(const char *input, const char *expected, size_t step,
           bool expects_tls)
{
    struct ds out = DS_EMPTY_INITIALIZER;
    size_t len = strlen(input), junk = 0;
    struct xmpp_stream s;

    xmpp_stream_init(&s);
    s.expects_tls = expects_tls;
    for (size_t i = 0; i < len; i += step) {
        /* An exact copy: the sanitizer sees a read behind it. */
        char *piece = xmemdup(input + i, MIN(step, len - i));
        assert_int_equal(xmpp_stream_push(&s, piece, MIN(step, len - i)), 0);
        free(piece);
        drain(&s, &out, &junk);
        if (out.length && ds_last(&out) == 'E') {
            break;
        }
    }
    assert_string_equal(ds_cstr(&out), expected);
    ds_destroy(&out);
    xmpp_stream_fini(&s);
}

static void
check(const char *input, const char *expected)
{
    static const size_t steps[] = { 1, 2, 3, 7, 64, 100000 };

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        check_step(input, expected, steps[i], false);
    }
}

static void
check_tls(const char *input, const char *expected)
{
    for (size_t step = 1; step < 100; step++) {
        check_step(input, expected, step, true);
    }
}

static void
stream__header__opens(void **state OVS_UNUSED)
{
    check(HEADER, "H");
    check("<?xml version=\"1.0\"?>\n" HEADER, "J(22)H");
    check("<?xml version='1.0' encoding='utf-8'?> " HEADER, "J(39)H");
    check(HEADER "\xc8\x80", "HB");
    check("<stream:stream from='a>b' x=\"s\">", "H");
}

static void
stream__not_a_header__is_an_error(void **state OVS_UNUSED)
{
    check("GET / HTTP/1.1\r\n", "E");
    check("<iq type=\"set\"></iq>", "E");
    check("\x16\x03\x01\x02", "E");
    check("{\"id\":1}", "E");
}

static void
stream__header_without_end__is_bounded(void **state OVS_UNUSED)
{
    struct xmpp_stream_event e;
    struct xmpp_stream s;
    char junk[64];
    int error = 0;

    memset(junk, 'x', sizeof junk);
    xmpp_stream_init(&s);
    assert_int_equal(xmpp_stream_push(&s, "<stream:stream ", 15), 0);
    for (size_t n = 0; n < 2 * XMPP_MAX_HEADER && !error; n += sizeof junk) {
        assert_int_equal(xmpp_stream_push(&s, junk, sizeof junk), 0);
        error = xmpp_stream_next(&s, &e);
    }
    assert_int_equal(error, -EBADMSG);
    xmpp_stream_fini(&s);

    /* All in one piece, and whole. */
    xmpp_stream_init(&s);
    assert_int_equal(xmpp_stream_push(&s, "<stream:stream a='", 18), 0);
    for (size_t n = 0; n < XMPP_MAX_HEADER; n += sizeof junk) {
        assert_int_equal(xmpp_stream_push(&s, junk, sizeof junk), 0);
    }
    assert_int_equal(xmpp_stream_push(&s, "'>", 2), 0);
    assert_int_equal(xmpp_stream_next(&s, &e), -EBADMSG);
    xmpp_stream_fini(&s);
}

static void
stream__stanzas__are_cut(void **state OVS_UNUSED)
{
    check(HEADER "<iq a=\"1\"><x/></iq><message>m</message>",
          "HS(<iq a=\"1\"><x/></iq>)S(<message>m</message>)");
    check(HEADER "\n<message\nto='x'>m</message >\n\n<iq>\xc8\x80</iq>\xc8",
          "HBS(<message\nto='x'>m</message >)BS(<iq>\xc8\x80</iq>)B");
}

static void
stream__junk_in_front__is_skipped(void **state OVS_UNUSED)
{
    check(HEADER "<presence/><iq>1</iq>", "HJ(11)S(<iq>1</iq>)");
    check(HEADER "</stream:stream><iq>1</iq>", "HJ(16)S(<iq>1</iq>)");
    check(HEADER "<iqx>no</iqx><messages/><iq>1</iq>",
          "HJ(24)S(<iq>1</iq>)");
    check(HEADER "text&more<text<iq>1</iq>", "HJ(14)S(<iq>1</iq>)");
}

static void
stream__self_closed_stanza__does_not_swallow_the_next(void **state OVS_UNUSED)
{
    check(HEADER "<iq type=\"set\" /><iq>2</iq>",
          "HS(<iq type=\"set\" />)S(<iq>2</iq>)");
    check(HEADER "<iq/><message>2</message>",
          "HS(<iq/>)S(<message>2</message>)");
    /* As at control nodes an end tag is one wherever it stands. */
    check(HEADER "<iq a=\"</iq>\"/><iq>2</iq>",
          "HS(<iq a=\"</iq>)J(3)S(<iq>2</iq>)");
    check(HEADER "<iq a=\"</iq \"/><iq>2</iq>",
          "HS(<iq a=\"</iq \"/>)S(<iq>2</iq>)");
    check(HEADER "<iq a=\"</iqx>\"/><iq>2</iq>",
          "HS(<iq a=\"</iqx>\"/>)S(<iq>2</iq>)");
}

static void
stream__broken_stanza__costs_itself_only(void **state OVS_UNUSED)
{
    /* Nested, unbalanced, and the unescaped name that a real control node
     * sends: the next one is found. */
    check(HEADER "<iq><iq>1</iq></iq><iq>2</iq>",
          "HS(<iq><iq>1</iq>)J(5)S(<iq>2</iq>)");
    check(HEADER "<message><items node=\"a&b <c> \"d\"\"></message><iq>2</iq>",
          "HS(<message><items node=\"a&b <c> \"d\"\"></message>)"
          "S(<iq>2</iq>)");
    check(HEADER "<iq></iqx></iq>", "HS(<iq></iqx></iq>)");
}

static void
stream__features__are_told(void **state OVS_UNUSED)
{
    check(HEADER "<stream:features><starttls/></stream:features>\n", "HFB");
}

static void
stream__tags_that_begin_tls__are_told_if_expected(void **state OVS_UNUSED)
{
    static const char client[] = HEADER "<?xml?><starttls a=\">\" />\n"
                                 "<proceed/><starttls></starttls>";

    check_tls(client, "HJ(7)TBPT");
    check(HEADER "<starttls/><iq>1</iq>", "HJ(11)S(<iq>1</iq>)");
    check_tls(HEADER "<stream:features><starttls/></stream:features>", "HF");
    check_tls(HEADER "<starttlsx/><iq>1</iq>", "HJ(12)S(<iq>1</iq>)");
}

static void
stream__endless_stanza__is_refused(void **state OVS_UNUSED)
{
    struct xmpp_stream_event e;
    static char chunk[1 << 16];
    struct xmpp_stream s;
    size_t total = 0;
    int error;

    memset(chunk, 'x', sizeof chunk);
    xmpp_stream_init(&s);
    xmpp_stream_push(&s, HEADER "<iq>", sizeof HEADER "<iq>" - 1);
    do {
        assert_int_equal(xmpp_stream_next(&s, &e), 0);
        error = xmpp_stream_push(&s, chunk, sizeof chunk);
        total += sizeof chunk;
    } while (!error && total < 4 * XMPP_MAX_STANZA);
    assert_int_equal(error, -E2BIG);
    assert_true(total <= XMPP_MAX_STANZA + sizeof chunk);
    xmpp_stream_fini(&s);
}

static void
stream__endless_junk__needs_no_memory(void **state OVS_UNUSED)
{
    struct xmpp_stream_event e;
    static char chunk[1 << 16];
    struct xmpp_stream s;

    memset(chunk, 'x', sizeof chunk);
    xmpp_stream_init(&s);
    xmpp_stream_push(&s, HEADER, sizeof HEADER - 1);
    assert_int_equal(xmpp_stream_next(&s, &e), 0);
    for (size_t n = 0; n < 2 * XMPP_MAX_STANZA; n += sizeof chunk) {
        assert_int_equal(xmpp_stream_push(&s, chunk, sizeof chunk), 0);
        assert_int_equal(xmpp_stream_next(&s, &e), 0);
    }
    assert_true(s.allocated <= 4 * sizeof chunk);
    xmpp_stream_fini(&s);
}

/* What has been looked at is not looked at again, byte by byte. */
static void
stream__endless_end_tag__is_looked_at_once(void **state OVS_UNUSED)
{
    static const char begin[] = HEADER "<iq></iq";
    struct xmpp_stream_event e;
    static char chunk[1 << 16];
    struct xmpp_stream s;

    memset(chunk, ' ', sizeof chunk);
    xmpp_stream_init(&s);
    xmpp_stream_push(&s, begin, sizeof begin - 1);
    assert_int_equal(xmpp_stream_next(&s, &e), 0);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(xmpp_stream_push(&s, chunk, sizeof chunk), 0);
        assert_int_equal(xmpp_stream_next(&s, &e), 0);
        assert_int_equal(e.type, XMPP_STREAM_NONE);
        assert_true(s.size - s.start - s.scan < 512);
    }
    xmpp_stream_fini(&s);
    check(HEADER "<iq>1</iq  \n ><iq/>", "HS(<iq>1</iq  \n >)S(<iq/>)");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream__header__opens),
        cmocka_unit_test(stream__not_a_header__is_an_error),
        cmocka_unit_test(stream__header_without_end__is_bounded),
        cmocka_unit_test(stream__stanzas__are_cut),
        cmocka_unit_test(stream__junk_in_front__is_skipped),
        cmocka_unit_test(
            stream__self_closed_stanza__does_not_swallow_the_next),
        cmocka_unit_test(stream__broken_stanza__costs_itself_only),
        cmocka_unit_test(stream__features__are_told),
        cmocka_unit_test(stream__tags_that_begin_tls__are_told_if_expected),
        cmocka_unit_test(stream__endless_stanza__is_refused),
        cmocka_unit_test(stream__endless_junk__needs_no_memory),
        cmocka_unit_test(stream__endless_end_tag__is_looked_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
