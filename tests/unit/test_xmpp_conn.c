/* SPDX-License-Identifier: Apache-2.0 */
/* The session engine under simulated time. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "xmpp/conn.h"
#include "xmpp/stanza.h"
#include "xmpp/stream.h"

#define CLIENT_HEADER                                                   \
    "<stream:stream from=\"tor1\" to=\"network-control@contrailsystems.com\"" \
    " version=\"1.0\" xml:lang=\"en\" xmlns=\"\""                       \
    " xmlns:stream=\"http://etherx.jabber.org/streams\" >"
#define SERVER_HEADER                                                   \
    "<stream:stream from=\"ctrl1\" to=\"tor1\" id=\"++123\" version=\"1.0\"" \
    " xml:lang=\"en\" xmlns=\"jabber:client\""                          \
    " xmlns:stream=\"http://etherx.jabber.org/streams\" >"
#define KEEPALIVE "\xc8\x80"

struct rig {
    struct xmpp_conn *conn;
    uint64_t now;
    struct ds sent;
    int n_stanzas;
    enum xmpp_stanza_type last_type;
    bool refuse;
    int n_closed;
    enum xmpp_close_reason reason;
};

static void
rig_send(void *rig_, const void *data, size_t size)
{
    struct rig *rig = rig_;

    ds_put_buffer(&rig->sent, data, size);
}

static bool
rig_opened(void *rig_, const char *name OVS_UNUSED)
{
    struct rig *rig = rig_;

    return !rig->refuse;
}

static void
rig_stanza(void *rig_, const struct xmpp_stanza *st)
{
    struct rig *rig = rig_;

    rig->n_stanzas++;
    rig->last_type = st->type;
}

static void
rig_closed(void *rig_, enum xmpp_close_reason reason)
{
    struct rig *rig = rig_;

    rig->n_closed++;
    rig->reason = reason;
}

static const struct xmpp_conn_ops rig_ops = {
    .send = rig_send,
    .opened = rig_opened,
    .stanza = rig_stanza,
    .closed = rig_closed,
};

static void
rig_init(struct rig *rig, enum xmpp_role role)
{
    *rig = (struct rig) { .now = 1000000 };
    ds_init(&rig->sent);
    rig->conn = xmpp_conn_create(role, role == XMPP_CLIENT ? "tor1" : "ctrl1",
                                 XMPP_HOLD_MS, &rig_ops, rig, rig->now);
    xmpp_conn_start(rig->conn, rig->now);
}

static void
rig_fini(struct rig *rig)
{
    xmpp_conn_destroy(rig->conn);
    ds_destroy(&rig->sent);
}

static void
rig_feed(struct rig *rig, const char *s)
{
    xmpp_conn_feed(rig->conn, s, strlen(s), rig->now);
}

/* Lets time pass, running every timer at its time. */
static void
rig_advance(struct rig *rig, uint64_t ms)
{
    uint64_t end = rig->now + ms;

    while (xmpp_conn_deadline(rig->conn) <= end) {
        rig->now = xmpp_conn_deadline(rig->conn);
        xmpp_conn_tick(rig->conn, rig->now);
    }
    rig->now = end;
}

/* What was sent since the last call. */
static void
rig_expect_sent(struct rig *rig, const char *expected)
{
    assert_string_equal(ds_cstr(&rig->sent), expected);
    ds_clear(&rig->sent);
}

static void
client__open__sends_header_then_keepalive(void **state OVS_UNUSED)
{
    struct rig rig;

    rig_init(&rig, XMPP_CLIENT);
    rig_expect_sent(&rig, CLIENT_HEADER);
    assert_false(xmpp_conn_is_open(rig.conn));
    rig_feed(&rig, SERVER_HEADER);
    assert_true(xmpp_conn_is_open(rig.conn));
    assert_string_equal(xmpp_conn_peer_name(rig.conn), "ctrl1");
    rig_expect_sent(&rig, KEEPALIVE);
    rig_fini(&rig);
}

static void
server__open__answers(void **state OVS_UNUSED)
{
    struct rig rig;

    rig_init(&rig, XMPP_SERVER);
    rig_expect_sent(&rig, "");
    rig_feed(&rig, CLIENT_HEADER KEEPALIVE);
    rig_expect_sent(&rig, SERVER_HEADER);
    assert_string_equal(xmpp_conn_peer_name(rig.conn), "tor1");
    rig_fini(&rig);
}

static void
server__refused_name__gets_no_answer(void **state OVS_UNUSED)
{
    struct rig rig;

    rig_init(&rig, XMPP_SERVER);
    rig.refuse = true;
    rig_feed(&rig, CLIENT_HEADER);
    rig_expect_sent(&rig, "");
    assert_int_equal(rig.reason, XMPP_CLOSE_DUPLICATE);
    rig_fini(&rig);
}

static void
open_timer__no_header__closes_after_15_s(void **state OVS_UNUSED)
{
    struct rig rig;

    rig_init(&rig, XMPP_SERVER);
    rig_advance(&rig, XMPP_OPEN_MS - 1);
    assert_int_equal(rig.n_closed, 0);
    rig_advance(&rig, 1);
    assert_int_equal(rig.n_closed, 1);
    assert_int_equal(rig.reason, XMPP_CLOSE_OPEN_TIMEOUT);
    rig_fini(&rig);
}

static void
keepalive__idle_session__every_third_of_the_hold_time(void **state OVS_UNUSED)
{
    struct rig rig;

    rig_init(&rig, XMPP_CLIENT);
    rig_feed(&rig, SERVER_HEADER);
    ds_clear(&rig.sent);
    rig_advance(&rig, XMPP_HOLD_MS / 3 - 1);
    rig_expect_sent(&rig, "");
    rig_advance(&rig, 1);
    rig_expect_sent(&rig, KEEPALIVE);
    rig_advance(&rig, XMPP_HOLD_MS / 3);
    rig_expect_sent(&rig, KEEPALIVE);
    rig_fini(&rig);
}

static void
hold_timer__silent_peer__closes(void **state OVS_UNUSED)
{
    struct rig rig;

    rig_init(&rig, XMPP_CLIENT);
    rig_feed(&rig, SERVER_HEADER);
    rig_advance(&rig, XMPP_HOLD_MS - 1);
    assert_true(xmpp_conn_is_open(rig.conn));
    rig_feed(&rig, " ");                /* Any blank counts. */
    rig_advance(&rig, XMPP_HOLD_MS - 1);
    assert_true(xmpp_conn_is_open(rig.conn));
    rig_advance(&rig, 2);
    assert_int_equal(rig.reason, XMPP_CLOSE_HOLD_EXPIRED);
    assert_int_equal(rig.n_closed, 1);
    rig_fini(&rig);
}

static void
hold_timer__we_were_stopped__what_waits_is_read_first(void **state OVS_UNUSED)
{
    struct rig rig;

    rig_init(&rig, XMPP_CLIENT);
    rig_feed(&rig, SERVER_HEADER);
    ds_clear(&rig.sent);
    rig.now += 2 * XMPP_HOLD_MS;
    xmpp_conn_tick(rig.conn, rig.now);
    assert_true(xmpp_conn_is_open(rig.conn));
    rig_expect_sent(&rig, KEEPALIVE);
    /* Not due at once, that there be a turn to read in. */
    assert_int_equal(xmpp_conn_deadline(rig.conn), rig.now + 1);
    rig_feed(&rig, KEEPALIVE);
    rig_advance(&rig, XMPP_HOLD_MS - 1);
    assert_true(xmpp_conn_is_open(rig.conn));
    rig_advance(&rig, 2);
    assert_int_equal(rig.reason, XMPP_CLOSE_HOLD_EXPIRED);
    rig_fini(&rig);
}

static void
hold_timer__shortened__holds_from_now_on(void **state OVS_UNUSED)
{
    struct rig rig;

    rig_init(&rig, XMPP_CLIENT);
    rig_feed(&rig, SERVER_HEADER);
    rig_advance(&rig, 20000);
    xmpp_conn_set_hold(rig.conn, 9000, rig.now);
    rig_advance(&rig, 8999);
    assert_true(xmpp_conn_is_open(rig.conn));
    rig_advance(&rig, 2);
    assert_int_equal(rig.reason, XMPP_CLOSE_HOLD_EXPIRED);
    rig_fini(&rig);
}

static void
stanza__malformed__is_counted_and_the_next_one_served(void **state OVS_UNUSED)
{
    struct rig rig;

    rig_init(&rig, XMPP_SERVER);
    rig_feed(&rig, CLIENT_HEADER);
    rig_feed(&rig, "<iq type=\"set\"><pubsub><subscribe></iq>"
             "<iq type=\"get\" to=\"x/bgp-peer\"><pubsub/></iq>"
             "<iq type=\"set\" to=\"x/bgp-peer\"><pubsub>"
             "<subscribe node=\"a:b:c:c\"/></pubsub></iq>");
    assert_int_equal(rig.n_stanzas, 1);
    assert_int_equal(rig.last_type, XMPP_SUBSCRIBE);
    assert_int_equal(xmpp_conn_counters(rig.conn)->bad_stanzas, 1);
    assert_int_equal(xmpp_conn_counters(rig.conn)->ignored_stanzas, 1);
    assert_true(xmpp_conn_is_open(rig.conn));
    rig_fini(&rig);
}

static void
tls__required_by_the_server__closes_with_that_reason(void **state OVS_UNUSED)
{
    struct rig rig;

    rig_init(&rig, XMPP_CLIENT);
    rig_feed(&rig, SERVER_HEADER "<?xml version=\"1.0\"?>\n<stream:features>\n"
             "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\">\n"
             "<required />\n</starttls>\n</stream:features>\n");
    assert_int_equal(rig.reason, XMPP_CLOSE_TLS_REQUIRED);
    rig_fini(&rig);
}

static void
bad_header__not_xml__closes_once(void **state OVS_UNUSED)
{
    struct rig rig;

    rig_init(&rig, XMPP_SERVER);
    rig_feed(&rig, "<stream:stream from=\"a\" from=\"b\" x>");
    assert_int_equal(rig.reason, XMPP_CLOSE_BAD_HEADER);
    rig_feed(&rig, CLIENT_HEADER);
    xmpp_conn_close(rig.conn, XMPP_CLOSE_LOCAL);
    assert_int_equal(rig.n_closed, 1);
    assert_int_equal(xmpp_conn_close_reason(rig.conn), XMPP_CLOSE_BAD_HEADER);
    rig_fini(&rig);
}

/* Feeds 's' of 'size' bytes in reads of 64 KiB. */
static void
rig_feed_big(struct rig *rig, const char *s, size_t size)
{
    for (size_t ofs = 0; ofs < size && !rig->n_closed; ofs += 65536) {
        xmpp_conn_feed(rig->conn, s + ofs, MIN(65536, size - ofs), rig->now);
    }
}

static const struct { enum xmpp_role role; const char *header; } roles[] = {
    { XMPP_CLIENT, SERVER_HEADER }, { XMPP_SERVER, CLIENT_HEADER },
};

static void
big_stanza__64_mib__closes_with_bounded_memory(void **state OVS_UNUSED)
{
    size_t size = 64u << 20;
    char *s = xmalloc(size);

    memset(s, 'x', size);
    memcpy(s, "<message>", 9);
    for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
        struct rig rig;

        rig_init(&rig, roles[i].role);
        rig_feed(&rig, roles[i].header);
        rig_feed_big(&rig, s, size);
        assert_int_equal(rig.n_closed, 1);
        assert_int_equal(rig.reason, XMPP_CLOSE_TOO_BIG);
        assert_true(xmpp_conn_counters(rig.conn)->rx_bytes
                    <= XMPP_MAX_STANZA + 2 * 65536);
        rig_fini(&rig);
    }
    free(s);
}

static void
deep_stanza__10000_levels__closes(void **state OVS_UNUSED)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    ds_put_cstr(&s, "<iq type=\"set\" to=\"x/bgp-peer\">");
    for (int i = 0; i < 10000; i++) {
        ds_put_cstr(&s, "<a>");
    }
    for (int i = 0; i < 10000; i++) {
        ds_put_cstr(&s, "</a>");
    }
    ds_put_cstr(&s, "</iq>");
    for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
        struct rig rig;

        rig_init(&rig, roles[i].role);
        rig_feed(&rig, roles[i].header);
        rig_feed(&rig, ds_cstr(&s));
        assert_int_equal(rig.n_closed, 1);
        assert_int_equal(rig.reason, XMPP_CLOSE_TOO_COMPLEX);
        assert_int_equal(rig.n_stanzas, 0);
        rig_fini(&rig);
    }
    ds_destroy(&s);
}

static void
full_stanza__100000_elements__closes(void **state OVS_UNUSED)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct rig rig;

    ds_put_cstr(&s, "<message>");
    for (int i = 0; i < 100000; i++) {
        ds_put_cstr(&s, "<a/>");
    }
    ds_put_cstr(&s, "</message>");
    rig_init(&rig, XMPP_CLIENT);
    rig_feed(&rig, SERVER_HEADER);
    rig_feed_big(&rig, s.string, s.length);
    assert_int_equal(rig.reason, XMPP_CLOSE_TOO_COMPLEX);
    rig_fini(&rig);
    ds_destroy(&s);
}

/* Feeds a byte of 's' each second, and runs every timer, until it is over.
 * Returns the seconds. */
static int
rig_drip(struct rig *rig, const char *s)
{
    for (int i = 0; s[i] && !rig->n_closed; i++) {
        xmpp_conn_feed(rig->conn, s + i, 1, rig->now);
        rig_advance(rig, 1000);
        if (rig->n_closed) {
            return i + 1;
        }
    }
    return 0;
}

static void
slow_header__byte_a_second__closes_after_15_s(void **state OVS_UNUSED)
{
    for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
        struct rig rig;

        rig_init(&rig, roles[i].role);
        assert_int_equal(rig_drip(&rig, roles[i].header), 15);
        assert_int_equal(rig.reason, XMPP_CLOSE_OPEN_TIMEOUT);
        rig_fini(&rig);
    }
}

static void
slow_stanza__byte_a_second__closes_after_a_minute(void **state OVS_UNUSED)
{
    char s[1000];

    memset(s, 'x', sizeof s - 1);
    s[sizeof s - 1] = '\0';
    memcpy(s, "<iq>", 4);
    for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
        struct rig rig;
        int seconds;

        rig_init(&rig, roles[i].role);
        rig_feed(&rig, roles[i].header);
        rig_advance(&rig, 50000);
        seconds = rig_drip(&rig, s);
        assert_in_range(seconds, XMPP_STANZA_MS / 1000,
                        XMPP_STANZA_MS / 1000 + 4);
        assert_int_equal(rig.reason, XMPP_CLOSE_STALLED);
        rig_fini(&rig);
    }
}

/* The blanks inside a stanza are not those between stanzas. */
static void
slow_stanza__keepalives_in_it__closes_too(void **state OVS_UNUSED)
{
    struct rig rig;

    rig_init(&rig, XMPP_SERVER);
    rig_feed(&rig, CLIENT_HEADER "<iq type=\"set\">");
    for (int i = 0; i < 20 && !rig.n_closed; i++) {
        rig_feed(&rig, KEEPALIVE);
        rig_advance(&rig, 10000);
    }
    assert_int_equal(rig.reason, XMPP_CLOSE_STALLED);
    rig_fini(&rig);
}

static void
slow_stanza__honest_link__is_served(void **state OVS_UNUSED)
{
    static const char end[] = "</iq>";
    struct rig rig;
    char s[2000];

    /* 2 MiB at 16 kbit/s: 17 minutes, then the next one as slowly. */
    memset(s, ' ', sizeof s);
    rig_init(&rig, XMPP_SERVER);
    rig_feed(&rig, CLIENT_HEADER);
    for (int n = 0; n < 2; n++) {
        rig_feed(&rig, "<iq type=\"set\" to=\"x/bgp-peer\"><pubsub>"
                 "<subscribe node=\"a:b:c:c\"/></pubsub>");
        for (size_t i = 0; i < (2u << 20) / sizeof s; i++) {
            xmpp_conn_feed(rig.conn, s, sizeof s, rig.now);
            rig_advance(&rig, 1000);
        }
        rig_feed(&rig, end);
        assert_int_equal(rig.n_closed, 0);
        assert_int_equal(rig.n_stanzas, n + 1);
    }
    /* Nothing is left of it: the session only has to be heard. */
    rig_advance(&rig, XMPP_HOLD_MS - 1);
    assert_int_equal(rig.n_closed, 0);
    rig_fini(&rig);
}

static void
slow_stanza__link_down_for_a_while__is_served(void **state OVS_UNUSED)
{
    struct rig rig;

    rig_init(&rig, XMPP_SERVER);
    rig_feed(&rig, CLIENT_HEADER "<iq type=\"set\" to=\"x/bgp-peer\">");
    rig_advance(&rig, XMPP_STANZA_MS - 1);
    rig_feed(&rig, "<pubsub><subscribe node=\"a:b:c:c\"/></pubsub></iq>");
    assert_int_equal(rig.n_stanzas, 1);
    assert_int_equal(rig.n_closed, 0);
    rig_fini(&rig);
}

static void
slow_stanza__we_were_stopped__what_waits_is_read_first(void **state OVS_UNUSED)
{
    struct rig rig;

    rig_init(&rig, XMPP_SERVER);
    rig_feed(&rig, CLIENT_HEADER "<iq type=\"set\" to=\"x/bgp-peer\">");
    rig.now += XMPP_STANZA_MS + 20000;
    xmpp_conn_tick(rig.conn, rig.now);
    assert_int_equal(rig.n_closed, 0);
    assert_int_equal(xmpp_conn_deadline(rig.conn), rig.now + 1);
    rig_feed(&rig, "<pubsub><subscribe node=\"a:b:c:c\"/></pubsub></iq>");
    rig_advance(&rig, 1000);
    assert_int_equal(rig.n_stanzas, 1);
    assert_int_equal(rig.n_closed, 0);
    rig_fini(&rig);
}

/* More of the stanza has come, and in time: the next time-out gets its own. */
static void
slow_stanza__we_were_stopped_twice__read_first_both_times(
    void **state OVS_UNUSED)
{
    static char s[1 << 16];
    struct rig rig;

    memset(s, 'x', sizeof s);
    rig_init(&rig, XMPP_SERVER);
    rig_feed(&rig, CLIENT_HEADER "<iq type=\"set\" to=\"x/bgp-peer\">");
    for (int i = 0; i < 2; i++) {
        /* 64 KiB are good for 64 s more. */
        rig.now += XMPP_STANZA_MS + 5000;
        xmpp_conn_tick(rig.conn, rig.now);
        assert_int_equal(rig.n_closed, 0);
        xmpp_conn_feed(rig.conn, s, sizeof s, rig.now);
    }
    rig_feed(&rig, "<pubsub><subscribe node=\"a:b:c:c\"/></pubsub></iq>");
    assert_int_equal(rig.n_stanzas, 1);
    rig_fini(&rig);
}

/* Neither text, nor tags nobody knows, nor half of one. */
static void
junk__between_stanzas__is_no_sign_of_life(void **state OVS_UNUSED)
{
    static const char *const junk[] = { "x", "<presence/>", "<i", "<" };

    for (size_t i = 0; i < ARRAY_SIZE(junk); i++) {
        struct rig rig;

        rig_init(&rig, XMPP_SERVER);
        rig_feed(&rig, CLIENT_HEADER);
        for (int n = 0; n < 100; n++) {
            rig_advance(&rig, 1000);
            rig_feed(&rig, junk[i]);
        }
        assert_int_equal(rig.reason, XMPP_CLOSE_HOLD_EXPIRED);
        rig_fini(&rig);
    }
}

static void
closed_by_peer__when__says_why(void **state OVS_UNUSED)
{
    static const struct {
        enum xmpp_role role;
        const char *input;
        enum xmpp_close_reason reason;
    } cases[] = {
        { XMPP_CLIENT, "", XMPP_CLOSE_UNANSWERED },
        { XMPP_CLIENT, "<stream:stream fro", XMPP_CLOSE_UNANSWERED },
        { XMPP_CLIENT, SERVER_HEADER, XMPP_CLOSE_NOT_READY },
        { XMPP_CLIENT, SERVER_HEADER KEEPALIVE, XMPP_CLOSE_BY_PEER },
        { XMPP_CLIENT, SERVER_HEADER "<iq></iq>", XMPP_CLOSE_BY_PEER },
        { XMPP_SERVER, "", XMPP_CLOSE_BY_PEER },
        { XMPP_SERVER, CLIENT_HEADER, XMPP_CLOSE_BY_PEER },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rig rig;

        rig_init(&rig, cases[i].role);
        rig_feed(&rig, cases[i].input);
        xmpp_conn_close(rig.conn, XMPP_CLOSE_BY_PEER);
        assert_int_equal(rig.reason, cases[i].reason);
        assert_int_equal(xmpp_conn_close_reason(rig.conn), cases[i].reason);
        rig_fini(&rig);
    }
}

/* Each has a text of its own, for people. */
static void
close_reason__each__has_a_name(void **state OVS_UNUSED)
{
    for (int i = 0; i < XMPP_N_CLOSE_REASONS; i++) {
        const char *name = xmpp_close_reason_name(i);

        assert_non_null(name);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(name, xmpp_close_reason_name(j));
        }
    }
    assert_string_equal(xmpp_close_reason_name(XMPP_N_CLOSE_REASONS),
                        "unknown");
}

static void
client__subcluster__is_the_header_s_xmlns(void **state OVS_UNUSED)
{
    struct rig rig = { .now = 1000000 };

    ds_init(&rig.sent);
    rig.conn = xmpp_conn_create(XMPP_CLIENT, "tor1", XMPP_HOLD_MS, &rig_ops,
                                &rig, rig.now);
    xmpp_conn_set_subcluster(rig.conn, "edge <1>");
    xmpp_conn_start(rig.conn, rig.now);
    rig_expect_sent(&rig, "<stream:stream from=\"tor1\" "
                    "to=\"network-control@contrailsystems.com\" "
                    "version=\"1.0\" xml:lang=\"en\" "
                    "xmlns=\"edge &lt;1&gt;\" "
                    "xmlns:stream=\"http://etherx.jabber.org/streams\" >");
    rig_fini(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client__open__sends_header_then_keepalive),
        cmocka_unit_test(server__open__answers),
        cmocka_unit_test(server__refused_name__gets_no_answer),
        cmocka_unit_test(open_timer__no_header__closes_after_15_s),
        cmocka_unit_test(
            keepalive__idle_session__every_third_of_the_hold_time),
        cmocka_unit_test(hold_timer__silent_peer__closes),
        cmocka_unit_test(
            hold_timer__we_were_stopped__what_waits_is_read_first),
        cmocka_unit_test(hold_timer__shortened__holds_from_now_on),
        cmocka_unit_test(
            stanza__malformed__is_counted_and_the_next_one_served),
        cmocka_unit_test(
            tls__required_by_the_server__closes_with_that_reason),
        cmocka_unit_test(bad_header__not_xml__closes_once),
        cmocka_unit_test(big_stanza__64_mib__closes_with_bounded_memory),
        cmocka_unit_test(deep_stanza__10000_levels__closes),
        cmocka_unit_test(full_stanza__100000_elements__closes),
        cmocka_unit_test(slow_header__byte_a_second__closes_after_15_s),
        cmocka_unit_test(slow_stanza__byte_a_second__closes_after_a_minute),
        cmocka_unit_test(slow_stanza__keepalives_in_it__closes_too),
        cmocka_unit_test(slow_stanza__honest_link__is_served),
        cmocka_unit_test(slow_stanza__link_down_for_a_while__is_served),
        cmocka_unit_test(
            slow_stanza__we_were_stopped__what_waits_is_read_first),
        cmocka_unit_test(
            slow_stanza__we_were_stopped_twice__read_first_both_times),
        cmocka_unit_test(junk__between_stanzas__is_no_sign_of_life),
        cmocka_unit_test(closed_by_peer__when__says_why),
        cmocka_unit_test(close_reason__each__has_a_name),
        cmocka_unit_test(client__subcluster__is_the_header_s_xmlns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
