/* SPDX-License-Identifier: Apache-2.0 */
/* The session engine with TLS (spec/xmpp-protocol.md 1.7) under simulated
 * time: with itself, with peers that do not want what it wants, and with the
 * recorded bytes of real ones. */
#include <config.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "tests/unit/pki.h"
#include "tests/wire/recording.h"
#include "tsn/error.h"
#include "tsn/tls.h"
#include "util.h"
#include "xmpp/conn.h"
#include "xmpp/stanza.h"

#define STREAM_NS "xmlns:stream=\"http://etherx.jabber.org/streams\" >"
#define CLIENT_HEADER                                                   \
    "<stream:stream from=\"tor1\" to=\"network-control@contrailsystems.com\"" \
    " version=\"1.0\" xml:lang=\"en\" xmlns=\"\" " STREAM_NS
#define SERVER_HEADER                                                   \
    "<stream:stream from=\"ctrl1\" to=\"tor1\" id=\"++123\" version=\"1.0\"" \
    " xml:lang=\"en\" xmlns=\"jabber:client\" " STREAM_NS
#define NS "xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\""
#define FEATURES                                                        \
    "<?xml version=\"1.0\"?>\n<stream:features>\n<starttls " NS ">\n"   \
    "<required />\n</starttls>\n</stream:features>\n"
#define STARTTLS "<?xml version=\"1.0\"?>\n<starttls " NS " />\n"
#define PROCEED "<?xml version=\"1.0\"?>\n<proceed " NS " />\n"
#define KEEPALIVE "\xc8\x80"
#define SUBSCRIBE                                                       \
    "<iq type=\"set\" to=\"x/bgp-peer\"><pubsub>"                       \
    "<subscribe node=\"a:b:c:c\"/></pubsub></iq>"

static struct pki pki;

static int
make_pki(void **state OVS_UNUSED)
{
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    pki_init(&pki);
    pki_make_ca(&pki, "ca", NULL);
    pki_make_ca(&pki, "other-ca", NULL);
    pki_make(&pki, "tor1", "ca", PKI_VALID);
    pki_make(&pki, "ctrl1", "ca", PKI_VALID);
    pki_make(&pki, "expired", "ca", PKI_EXPIRED);
    return 0;
}

static int
remove_pki(void **state OVS_UNUSED)
{
    pki_fini(&pki);
    return 0;
}

/* One end. */
struct end {
    struct xmpp_conn *conn;
    uint64_t now;
    struct ds sent;
    struct ds all_sent;
    int n_opened, n_stanzas, n_items, n_closed;
    enum xmpp_close_reason reason;
};

static void
end_send(void *end_, const void *data, size_t size)
{
    struct end *end = end_;

    ds_put_buffer(&end->sent, data, size);
    ds_put_buffer(&end->all_sent, data, size);
}

static bool
end_opened(void *end_, const char *name OVS_UNUSED)
{
    struct end *end = end_;

    end->n_opened++;
    return true;
}

static void
end_stanza(void *end_, const struct xmpp_stanza *st)
{
    struct end *end = end_;

    end->n_stanzas++;
    end->n_items += st->type == XMPP_EVENT || st->type == XMPP_CONFIG;
}

static void
end_closed(void *end_, enum xmpp_close_reason reason)
{
    struct end *end = end_;

    end->n_closed++;
    end->reason = reason;
}

static const struct xmpp_conn_ops end_ops = {
    .send = end_send,
    .opened = end_opened,
    .stanza = end_stanza,
    .closed = end_closed,
};

/* With the certificate 'cert' and the CA 'ca', or with NULL without TLS. */
static void
end_init(struct end *end, enum xmpp_role role, const char *name,
         const char *cert, const char *ca)
{
    *end = (struct end) { .now = 1000000 };
    ds_init(&end->sent);
    ds_init(&end->all_sent);
    end->conn = xmpp_conn_create(role, name, XMPP_HOLD_MS, &end_ops, end,
                                 end->now);
    if (cert) {
        struct tsn_tls *tls = pki_load(&pki, cert, ca);

        xmpp_conn_set_tls(end->conn, tls);
        tsn_tls_unref(tls);
    }
    xmpp_conn_start(end->conn, end->now);
}

static void
client_init(struct end *end, bool tls)
{
    end_init(end, XMPP_CLIENT, "tor1", tls ? "tor1" : NULL, "ca");
}

static void
server_init(struct end *end, bool tls)
{
    end_init(end, XMPP_SERVER, "ctrl1", tls ? "ctrl1" : NULL, "ca");
}

static void
end_fini(struct end *end)
{
    xmpp_conn_destroy(end->conn);
    ds_destroy(&end->sent);
    ds_destroy(&end->all_sent);
}

static void
feed(struct end *end, const char *s)
{
    xmpp_conn_feed(end->conn, s, strlen(s), end->now);
}

static void
expect_sent(struct end *end, const char *expected)
{
    assert_string_equal(ds_cstr(&end->sent), expected);
    ds_clear(&end->sent);
}

static void
advance(struct end *end, uint64_t ms)
{
    uint64_t until = end->now + ms;

    while (xmpp_conn_deadline(end->conn) <= until) {
        end->now = xmpp_conn_deadline(end->conn);
        xmpp_conn_tick(end->conn, end->now);
    }
    end->now = until;
}

/* Moves what was sent, 'step' bytes at a time. */
static void
pass(struct end *from, struct end *to, size_t step)
{
    struct ds bytes = from->sent;

    ds_init(&from->sent);
    for (size_t i = 0; i < bytes.length; i += step) {
        xmpp_conn_feed(to->conn, bytes.string + i,
                       MIN(step, bytes.length - i), to->now);
    }
    ds_destroy(&bytes);
}

/* Until both have said all they have to. */
static void
talk(struct end *a, struct end *b, size_t step)
{
    while (a->sent.length || b->sent.length) {
        pass(a, b, step);
        pass(b, a, step);
    }
}

static void
expect_clear_text(const struct end *end, const char *clear)
{
    assert_true(end->all_sent.length > strlen(clear) + 100);
    assert_memory_equal(end->all_sent.string, clear, strlen(clear));
    /* What follows is a handshake record. */
    assert_int_equal(end->all_sent.string[strlen(clear)], 0x16);
    assert_null(memmem(end->all_sent.string + strlen(clear),
                       end->all_sent.length - strlen(clear), "stream", 6));
}

static void
check_open(size_t step)
{
    struct end client, server;

    client_init(&client, true);
    server_init(&server, true);
    talk(&client, &server, step);
    assert_true(xmpp_conn_is_open(client.conn));
    assert_true(xmpp_conn_is_open(server.conn));
    assert_int_equal(client.n_opened, 1);
    assert_int_equal(server.n_opened, 1);
    assert_string_equal(xmpp_conn_peer_name(client.conn), "ctrl1");
    assert_string_equal(xmpp_conn_peer_name(server.conn), "tor1");
    expect_clear_text(&client, CLIENT_HEADER STARTTLS);
    expect_clear_text(&server, SERVER_HEADER FEATURES PROCEED);
    assert_int_equal(xmpp_conn_counters(server.conn)->rx_keepalives, 1);

    xmpp_conn_send(client.conn, SUBSCRIBE, strlen(SUBSCRIBE));
    talk(&client, &server, step);
    assert_int_equal(server.n_stanzas, 1);
    assert_int_equal(client.n_closed + server.n_closed, 0);
    end_fini(&client);
    end_fini(&server);
}

static void
open__with_itself__all_but_the_start_is_ciphertext(void **state OVS_UNUSED)
{
    check_open(SIZE_MAX);
}

static void
open__byte_by_byte__is_the_same(void **state OVS_UNUSED)
{
    check_open(1);
}

static void
info__open_session__shows_the_peer(void **state OVS_UNUSED)
{
    struct end client, server;
    struct tsn_tls_info info;

    client_init(&client, true);
    server_init(&server, true);
    assert_null(xmpp_conn_tls(client.conn));
    talk(&client, &server, SIZE_MAX);
    assert_true(tsn_tls_session_info(xmpp_conn_tls(server.conn), &info));
    assert_string_equal(info.subject, "CN=tor1");
    end_fini(&client);
    end_fini(&server);
}

static void
stanza__of_megabytes__goes_through(void **state OVS_UNUSED)
{
    struct ds big = DS_EMPTY_INITIALIZER;
    struct end client, server;

    client_init(&client, true);
    server_init(&server, true);
    talk(&client, &server, SIZE_MAX);
    ds_put_cstr(&big, "<iq type=\"set\" to=\"x/bgp-peer\"><pubsub>");
    ds_put_char_multiple(&big, ' ', 3 << 20);
    ds_put_cstr(&big, "<subscribe node=\"a:b:c:c\"/></pubsub></iq>");
    xmpp_conn_send(client.conn, big.string, big.length);
    talk(&client, &server, 65536);
    assert_int_equal(server.n_stanzas, 1);
    end_fini(&client);
    end_fini(&server);
    ds_destroy(&big);
}

static void
keepalive__idle_session__goes_inside(void **state OVS_UNUSED)
{
    struct end client, server;

    client_init(&client, true);
    server_init(&server, true);
    talk(&client, &server, SIZE_MAX);
    uint64_t before = xmpp_conn_counters(server.conn)->rx_keepalives;
    advance(&client, XMPP_HOLD_MS / 3);
    assert_true(client.sent.length > 2);
    pass(&client, &server, SIZE_MAX);
    assert_int_equal(xmpp_conn_counters(server.conn)->rx_keepalives,
                     before + 1);
    end_fini(&client);
    end_fini(&server);
}

static void
close__by_one_end__is_an_end_at_the_other(void **state OVS_UNUSED)
{
    struct end client, server;

    client_init(&client, true);
    server_init(&server, true);
    talk(&client, &server, SIZE_MAX);
    xmpp_conn_close(client.conn, XMPP_CLOSE_LOCAL);
    pass(&client, &server, SIZE_MAX);
    assert_int_equal(server.reason, XMPP_CLOSE_BY_PEER);
    end_fini(&client);
    end_fini(&server);
}

/* Peers that do not want what we want. */

static void
client__server_without_tls__says_so_at_the_time_out(void **state OVS_UNUSED)
{
    struct end client, server;

    client_init(&client, true);
    server_init(&server, false);
    talk(&client, &server, SIZE_MAX);
    assert_false(xmpp_conn_is_open(client.conn));
    xmpp_conn_send(client.conn, SUBSCRIBE, strlen(SUBSCRIBE));
    advance(&client, XMPP_OPEN_MS - 1);
    assert_int_equal(client.n_closed, 0);
    advance(&client, 1);
    assert_int_equal(client.reason, XMPP_CLOSE_NO_TLS);
    /* Not a byte more than the header has left it. */
    assert_string_equal(ds_cstr(&client.all_sent), CLIENT_HEADER);
    end_fini(&client);
    end_fini(&server);
}

static void
client__server_sends_in_the_clear__closes_at_once(void **state OVS_UNUSED)
{
    static const char *const instead[] = {
        SUBSCRIBE,                              /* Of the features, */
        FEATURES SUBSCRIBE,                     /* of the leave to begin. */
        "<stream:features><other/></stream:features>",
    };

    for (size_t i = 0; i < ARRAY_SIZE(instead); i++) {
        struct end client;

        client_init(&client, true);
        feed(&client, SERVER_HEADER);
        feed(&client, instead[i]);
        assert_int_equal(client.reason, XMPP_CLOSE_NO_TLS);
        assert_int_equal(client.n_opened, 0);
        assert_int_equal(client.n_stanzas, 0);
        end_fini(&client);
    }
}

static void
client__without_tls__is_told_that_the_server_wants_it(void **state OVS_UNUSED)
{
    struct end client, server;

    client_init(&client, false);
    server_init(&server, true);
    talk(&client, &server, SIZE_MAX);
    assert_int_equal(client.reason, XMPP_CLOSE_TLS_REQUIRED);
    assert_int_equal(server.n_opened, 0);
    assert_int_equal(client.n_stanzas + server.n_stanzas, 0);
    end_fini(&client);
    end_fini(&server);
}

static void
server__client_goes_on_in_the_clear__is_closed_at_once(
    void **state OVS_UNUSED)
{
    struct end server;

    server_init(&server, true);
    feed(&server, CLIENT_HEADER KEEPALIVE);
    expect_sent(&server, SERVER_HEADER FEATURES);
    assert_int_equal(server.n_closed, 0);
    feed(&server, SUBSCRIBE);
    assert_int_equal(server.reason, XMPP_CLOSE_NO_TLS);
    assert_int_equal(server.n_opened + server.n_stanzas, 0);
    end_fini(&server);
}

static void
server__silent_client__is_closed_at_the_time_out(void **state OVS_UNUSED)
{
    static const struct {
        const char *heard[2];
        enum xmpp_close_reason reason;
    } cases[] = {
        { { "", "" }, XMPP_CLOSE_OPEN_TIMEOUT },
        { { CLIENT_HEADER, "" }, XMPP_CLOSE_NO_TLS },
        { { CLIENT_HEADER, KEEPALIVE }, XMPP_CLOSE_NO_TLS },
        { { CLIENT_HEADER, STARTTLS }, XMPP_CLOSE_TLS_FAILED },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct end server;

        server_init(&server, true);
        for (size_t j = 0; j < 2; j++) {
            feed(&server, cases[i].heard[j]);
        }
        advance(&server, XMPP_OPEN_MS - 1);
        assert_int_equal(server.n_closed, 0);
        advance(&server, 1);
        assert_int_equal(server.n_closed, 1);
        assert_int_equal(server.reason, cases[i].reason);
        end_fini(&server);
    }
}

static void
client__no_leave_to_begin__is_closed_at_the_time_out(void **state OVS_UNUSED)
{
    struct end client;

    client_init(&client, true);
    feed(&client, SERVER_HEADER FEATURES);
    expect_sent(&client, CLIENT_HEADER STARTTLS);
    advance(&client, XMPP_OPEN_MS);
    assert_int_equal(client.reason, XMPP_CLOSE_TLS_FAILED);
    assert_string_equal(xmpp_conn_explain(client.conn, client.reason),
                        "TLS failed: the peer does not let it begin");
    end_fini(&client);
}

/* The header inside is late: the time-out counts from the connection. */
static void
server__slow_after_the_handshake__is_closed_at_the_time_out(
    void **state OVS_UNUSED)
{
    struct end client, server;

    client_init(&client, true);
    server_init(&server, true);
    for (int i = 0; i < 3; i++) {
        pass(&client, &server, SIZE_MAX);
        pass(&server, &client, SIZE_MAX);
    }
    /* Its end of the handshake, and with it the header, does not come. */
    assert_true(client.sent.length > 0);
    advance(&server, XMPP_OPEN_MS - 1);
    assert_int_equal(server.n_closed, 0);
    advance(&server, 1);
    assert_int_equal(server.reason, XMPP_CLOSE_TLS_FAILED);
    assert_string_equal(xmpp_conn_explain(server.conn, server.reason),
                        "TLS failed: the handshake takes too long");
    end_fini(&client);
    end_fini(&server);
}

static void
expect_why(const struct end *end, const char *expected)
{
    const char *why = xmpp_conn_explain(end->conn, end->reason);

    if (!strstr(why, expected)) {
        fail_msg("\"%s\" is not in \"%s\"", expected, why);
    }
}

static void
handshake__refused_certificate__both_say_why(void **state OVS_UNUSED)
{
    static const struct {
        const char *client, *client_ca, *server, *server_ca;
        const char *said_by_client, *said_by_server;
    } cases[] = {
        { "tor1", "other-ca", "ctrl1", "ca",
          "(CN=ctrl1) is not signed by our CA",
          "the peer refuses our certificate: its CA is another" },
        { "tor1", "ca", "ctrl1", "other-ca",
          "the peer refuses our certificate: its CA is another",
          "(CN=tor1) is not signed by our CA" },
        { "tor1", "ca", "expired", "ca", "(CN=expired) has expired on ",
          "the peer refuses our certificate: it has expired" },
        { "expired", "ca", "ctrl1", "ca",
          "the peer refuses our certificate: it has expired",
          "(CN=expired) has expired on " },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct end client, server;

        end_init(&client, XMPP_CLIENT, "tor1", cases[i].client,
                 cases[i].client_ca);
        end_init(&server, XMPP_SERVER, "ctrl1", cases[i].server,
                 cases[i].server_ca);
        talk(&client, &server, SIZE_MAX);
        assert_int_equal(client.reason, XMPP_CLOSE_TLS_FAILED);
        assert_int_equal(server.reason, XMPP_CLOSE_TLS_FAILED);
        expect_why(&client, cases[i].said_by_client);
        expect_why(&server, cases[i].said_by_server);
        assert_int_equal(client.n_opened + server.n_opened, 0);
        end_fini(&client);
        end_fini(&server);
    }
}

static void
handshake__peer_hangs_up__is_a_failure_of_tls(void **state OVS_UNUSED)
{
    struct end server;

    server_init(&server, true);
    feed(&server, CLIENT_HEADER STARTTLS);
    xmpp_conn_close(server.conn, XMPP_CLOSE_BY_PEER);
    assert_int_equal(server.n_closed, 1);
    assert_int_equal(server.reason, XMPP_CLOSE_TLS_FAILED);
    /* Of another reason, the owner's, there is nothing to add. */
    assert_string_equal(xmpp_conn_explain(server.conn, XMPP_CLOSE_SLOW),
                        "peer does not read");
    end_fini(&server);
}

/* An attacker's stanza in the clear behind the tag that began TLS. */
static void
injection__behind_the_tag_that_begins_tls__is_a_bad_record(
    void **state OVS_UNUSED)
{
    struct end client, server;

    server_init(&server, true);
    feed(&server, CLIENT_HEADER STARTTLS CLIENT_HEADER SUBSCRIBE);
    assert_int_equal(server.reason, XMPP_CLOSE_TLS_FAILED);
    assert_string_equal(xmpp_conn_explain(server.conn, server.reason),
                        "TLS failed: what the peer sends is not TLS");
    assert_int_equal(server.n_opened + server.n_stanzas, 0);
    end_fini(&server);

    client_init(&client, true);
    feed(&client, SERVER_HEADER FEATURES PROCEED SERVER_HEADER SUBSCRIBE);
    assert_int_equal(client.reason, XMPP_CLOSE_TLS_FAILED);
    assert_int_equal(client.n_opened + client.n_stanzas, 0);
    end_fini(&client);
}

static void
records__in_the_segment_of_the_tag__are_taken(void **state OVS_UNUSED)
{
    struct end client, server;

    client_init(&client, true);
    server_init(&server, true);
    feed(&client, SERVER_HEADER FEATURES PROCEED);
    /* All that the client says to that, at once. */
    pass(&client, &server, SIZE_MAX);
    ds_clear(&server.sent);
    assert_int_equal(server.n_closed, 0);
    const char *proceed_and_hello = server.all_sent.string
                                    + strlen(SERVER_HEADER FEATURES PROCEED);
    assert_int_equal(*proceed_and_hello, 0x16);
    xmpp_conn_feed(client.conn, proceed_and_hello,
                   server.all_sent.length
                   - strlen(SERVER_HEADER FEATURES PROCEED), client.now);
    talk(&client, &server, SIZE_MAX);
    assert_true(xmpp_conn_is_open(client.conn));
    assert_true(xmpp_conn_is_open(server.conn));
    end_fini(&client);
    end_fini(&server);
}

static void
opening__endless_junk__is_closed(void **state OVS_UNUSED)
{
    char junk[4096];
    struct end server;

    memset(junk, '-', sizeof junk);
    server_init(&server, true);
    feed(&server, CLIENT_HEADER);
    for (size_t i = 0; i < XMPP_MAX_OPENING / sizeof junk - 1; i++) {
        xmpp_conn_feed(server.conn, junk, sizeof junk, server.now);
        assert_int_equal(server.n_closed, 0);
    }
    xmpp_conn_feed(server.conn, junk, sizeof junk, server.now);
    assert_int_equal(server.reason, XMPP_CLOSE_TOO_BIG);
    end_fini(&server);
}

static void
starttls__in_an_open_session__is_junk(void **state OVS_UNUSED)
{
    struct end server;

    server_init(&server, false);
    feed(&server, CLIENT_HEADER);
    ds_clear(&server.sent);
    feed(&server, "<starttls " NS ">" SUBSCRIBE);
    assert_int_equal(server.n_stanzas, 1);
    expect_sent(&server, "");
    end_fini(&server);
}

static void
features__inside_tls__are_ignored(void **state OVS_UNUSED)
{
    struct end client, server;

    client_init(&client, true);
    server_init(&server, true);
    talk(&client, &server, SIZE_MAX);
    xmpp_conn_send(server.conn, FEATURES, strlen(FEATURES));
    talk(&client, &server, SIZE_MAX);
    assert_int_equal(client.n_closed, 0);
    end_fini(&client);
    end_fini(&server);
}

/* What real ones said. */

static const struct transfer *
next_transfer(const struct recording *r, size_t *i, bool from_agent)
{
    while (r->transfers[*i].from_agent != from_agent) {
        assert_true(++*i < r->n_transfers);
    }
    return &r->transfers[(*i)++];
}

static void
expect_recorded(struct end *end, const struct transfer *t)
{
    char *expected = xmemdup0(t->data, t->size);

    expect_sent(end, expected);
    free(expected);
}

static void
client__against_the_real_server__is_as_the_real_client(void **state OVS_UNUSED)
{
    struct recording r;
    struct end client;
    size_t theirs = 0, ours = 0;

    recording_read(&r, "22-real-client-real-server-tls.xml");
    end_init(&client, XMPP_CLIENT, "tor-agent-1", "tor1", "ca");
    for (int i = 0; i < 2; i++) {
        const struct transfer *t = next_transfer(&r, &theirs, false);

        expect_recorded(&client, next_transfer(&r, &ours, true));
        xmpp_conn_feed(client.conn, t->data, t->size, client.now);
    }
    assert_int_equal(client.sent.string[0], 0x16);
    assert_int_equal(client.n_closed, 0);
    end_fini(&client);
    recording_fini(&r);
}

static void
server__against_real_clients__is_as_the_real_server(void **state OVS_UNUSED)
{
    static const char *const names[] = {
        "22-real-client-real-server-tls.xml", "11-tls.xml",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct recording r;
        struct end server;
        size_t theirs = 0, ours = 0;

        recording_read(&r, names[i]);
        end_init(&server, XMPP_SERVER, "ctrl1", "ctrl1", "ca");
        for (int j = 0; j < 2; j++) {
            const struct transfer *t = next_transfer(&r, &theirs, true);

            xmpp_conn_feed(server.conn, t->data, t->size, server.now);
            expect_recorded(&server, next_transfer(&r, &ours, false));
        }
        assert_int_equal(server.n_closed, 0);
        end_fini(&server);
        recording_fini(&r);
    }
}

/* The other end of 'client', from its first byte of TLS on. */
static struct tsn_tls_session *
serve_tls(struct end *client)
{
    struct tsn_tls *tls = pki_load(&pki, "ctrl1", "ca");
    struct tsn_tls_session *s = tsn_tls_session_create(tls, TSN_TLS_SERVER);
    int done = -EAGAIN;
    char buf[4096];
    const void *data;

    tsn_tls_unref(tls);
    for (int i = 0; i < 3 && done == -EAGAIN; i++) {
        struct ds heard = client->sent;

        ds_init(&client->sent);
        tsn_tls_push(s, heard.string, heard.length);
        done = tsn_tls_handshake(s, NULL);
        while (!done && tsn_tls_read(s, buf, sizeof buf, NULL) > 0) {
        }
        size_t n = tsn_tls_output(s, &data);
        if (n) {
            xmpp_conn_feed(client->conn, data, n, client->now);
            tsn_tls_output_taken(s, n);
        }
        ds_destroy(&heard);
    }
    assert_int_equal(done, 0);
    return s;
}

static void
client__recorded_session_inside_tls__is_understood(void **state OVS_UNUSED)
{
    struct tsn_tls_session *server = NULL;
    struct recording r;
    struct end client;
    const void *data;

    recording_read(&r, "11-tls.xml");
    end_init(&client, XMPP_CLIENT, "tor-agent-1", "tor1", "ca");
    ds_clear(&client.sent);
    for (size_t i = 0; i < r.n_transfers && r.transfers[i].time_s < 3; i++) {
        const struct transfer *t = &r.transfers[i];

        if (t->from_agent) {
            continue;
        }
        if (server) {
            assert_int_equal(tsn_tls_write(server, t->data, t->size, NULL),
                             0);
            size_t n = tsn_tls_output(server, &data);
            xmpp_conn_feed(client.conn, data, n, client.now);
            tsn_tls_output_taken(server, n);
            continue;
        }
        ds_clear(&client.sent);
        xmpp_conn_feed(client.conn, t->data, t->size, client.now);
        if (client.sent.length && client.sent.string[0] == 0x16) {
            server = serve_tls(&client);
        }
    }
    assert_non_null(server);
    assert_true(xmpp_conn_is_open(client.conn));
    assert_int_equal(client.n_items, 5);
    assert_int_equal(xmpp_conn_counters(client.conn)->bad_stanzas, 0);
    tsn_tls_session_destroy(server);
    end_fini(&client);
    recording_fini(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(open__with_itself__all_but_the_start_is_ciphertext),
        cmocka_unit_test(open__byte_by_byte__is_the_same),
        cmocka_unit_test(info__open_session__shows_the_peer),
        cmocka_unit_test(stanza__of_megabytes__goes_through),
        cmocka_unit_test(keepalive__idle_session__goes_inside),
        cmocka_unit_test(close__by_one_end__is_an_end_at_the_other),
        cmocka_unit_test(client__server_without_tls__says_so_at_the_time_out),
        cmocka_unit_test(client__server_sends_in_the_clear__closes_at_once),
        cmocka_unit_test(
            client__without_tls__is_told_that_the_server_wants_it),
        cmocka_unit_test(
            server__client_goes_on_in_the_clear__is_closed_at_once),
        cmocka_unit_test(server__silent_client__is_closed_at_the_time_out),
        cmocka_unit_test(
            client__no_leave_to_begin__is_closed_at_the_time_out),
        cmocka_unit_test(
            server__slow_after_the_handshake__is_closed_at_the_time_out),
        cmocka_unit_test(handshake__refused_certificate__both_say_why),
        cmocka_unit_test(handshake__peer_hangs_up__is_a_failure_of_tls),
        cmocka_unit_test(
            injection__behind_the_tag_that_begins_tls__is_a_bad_record),
        cmocka_unit_test(records__in_the_segment_of_the_tag__are_taken),
        cmocka_unit_test(opening__endless_junk__is_closed),
        cmocka_unit_test(starttls__in_an_open_session__is_junk),
        cmocka_unit_test(features__inside_tls__are_ignored),
        cmocka_unit_test(
            client__against_the_real_server__is_as_the_real_client),
        cmocka_unit_test(server__against_real_clients__is_as_the_real_server),
        cmocka_unit_test(client__recorded_session_inside_tls__is_understood),
    };

    return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
