/* SPDX-License-Identifier: Apache-2.0 */
/* The acceptor with TLS: who is let in by certificate, and connections that
 * we make. */
#include <config.h>

#include "tests/unit/acceptor_rig.h"

#include "openvswitch/vlog.h"
#include "ovsdb-client/acceptor-private.h"

static struct rig *
rig_with_tors(void **state)
{
    struct rig *rig = *state;

    rig_listen(rig, (struct ovc_listener_config) { .tls = true });
    rig_add_tor(rig, (struct ovc_acceptor_tor) { .name = "tor1" });
    return rig;
}

static void
session__with_certificate__is_spliced(void **state)
{
    struct rig *rig = rig_with_tors(state);
    struct end *idl, *sw = rig_session(rig, 1, "tor1", &idl);

    rig_check_session(rig, sw, idl);
    assert_string_equal(rig_status(rig, "tor1", "certificate"), "CN=tor1");
}

static void
peer__clear_text__is_dropped(void **state)
{
    struct rig *rig = rig_with_tors(state);
    struct end *idl, *sw = rig_session(rig, 1, "tor1", &idl);
    struct end *e = rig_connect(rig, 1, NULL);

    end_send(e, DBS TOR1);
    RIG_UNTIL(rig, e->closed);
    assert_int_equal(rig_count(rig, NULL, "refused.not_tls"), 1);
    assert_string_equal(rig_status(rig, NULL, "last_refusal"), "");
    rig_check_session(rig, sw, idl);
}

static void
peer__certificate_of_another_ca__is_refused(void **state)
{
    struct rig *rig = rig_with_tors(state);

    pki_make_ca(&rig->pki, "other", NULL);
    pki_make(&rig->pki, "stranger", "other", PKI_VALID);
    struct end *e = rig_connect(rig, 1, "stranger");
    RIG_UNTIL(rig, e->closed);
    assert_int_equal(rig_count(rig, NULL, "refused.tls"), 1);
    assert_non_null(strstr(rig_status(rig, NULL, "last_refusal"),
                           "not signed by our CA"));
}

static void
newcomer__same_subject_from_elsewhere__replaces_the_session(void **state)
{
    struct rig *rig = rig_with_tors(state);
    struct end *idl, *old = rig_session(rig, 1, "tor1", &idl);

    /* Renewed meanwhile. */
    pki_make(&rig->pki, "tor1", "ca", PKI_VALID);
    struct end *new_idl, *sw = rig_session(rig, 2, "tor1", &new_idl);
    RIG_UNTIL(rig, old->closed && idl->closed);
    rig_check_session(rig, sw, new_idl);
}

static void
put_alarm(const char *kind, const char *object, const char *text, void *s)
{
    ds_put_format(s, "%s %s %s\n", kind, object, text);
}

/* What is told so long after now; valid until the next call. */
static const char *
alarms_after(struct rig *rig, uint64_t ms)
{
    static struct ds s = DS_EMPTY_INITIALIZER;

    ds_clear(&s);
    ovc_acceptor_for_each_alarm(rig->acceptor, tsn_now_ms() + ms, 0,
                                put_alarm, &s);
    return ds_cstr(&s);
}

/* They would do so for ever: each is the same by what it shows. */
static void
newcomer__same_subject_from_elsewhere_soon__raises_an_alarm(void **state)
{
    struct rig *rig = rig_with_tors(state);
    struct end *idl, *sw;

    for (int i = 0; i < 2; i++) {
        assert_string_equal(rig_status(rig, "tor1", "alarm"), "");
        sw = rig_session(rig, 1, "tor1", &idl);
        rig_check_session(rig, sw, idl);
    }
    assert_string_equal(alarms_after(rig, 0), "");

    sw = rig_session(rig, 2, "tor1", &idl);
    rig_check_session(rig, sw, idl);
    const char *text = rig_status(rig, "tor1", "alarm");
    assert_non_null(strstr(text, "127.0.0.2:"));
    assert_non_null(strstr(text, " (CN=tor1) has replaced 127.0.0.1:"));
    assert_non_null(strstr(alarms_after(rig, 0),
                           "duplicate-device switch=tor1 127.0.0.2:"));
    assert_string_not_equal(
        alarms_after(rig, OVC_ACCEPTOR_FIGHT_ALARM_MS - RIG_MS), "");
    assert_string_equal(alarms_after(rig, OVC_ACCEPTOR_FIGHT_ALARM_MS), "");

    /* One that is refused meanwhile does not end it sooner. */
    struct end *thief = rig_connect(rig, 3, "tor2");
    rig_identify(rig, thief, TOR1);
    RIG_UNTIL(rig, end_has(sw, "echo"));
    end_send(sw, "{\"id\":\"echo\",\"result\":[],\"error\":null}");
    RIG_UNTIL(rig, thief->closed);
    assert_string_not_equal(alarms_after(rig, OVC_ACCEPTOR_FIGHT_ALARM_MS
                                              - 2 * RIG_MS), "");
}

/* A switch that has another address now. */
static void
newcomer__same_subject_from_elsewhere_later__raises_none(void **state)
{
    struct rig *rig = rig_with_tors(state);
    struct end *idl, *sw = rig_session(rig, 1, "tor1", &idl);
    struct acc_conn *c;

    rig_check_session(rig, sw, idl);
    LIST_FOR_EACH (c, node, &rig->acceptor->sessions) {
        c->since_ms -= OVC_ACCEPTOR_FIGHT_MS;
    }
    sw = rig_session(rig, 2, "tor1", &idl);
    rig_check_session(rig, sw, idl);
    assert_int_equal(rig_count(rig, "tor1", "replaced"), 1);
    assert_string_equal(rig_status(rig, "tor1", "alarm"), "");
    assert_string_equal(alarms_after(rig, 0), "");
}

static void
newcomer__another_certificate_from_there__is_refused(void **state)
{
    struct rig *rig = rig_with_tors(state);
    struct end *idl, *old = rig_session(rig, 1, "tor1", &idl);
    struct end *thief = rig_connect(rig, 1, "tor2");

    rig_identify(rig, thief, TOR1);
    RIG_UNTIL(rig, end_has(old, "echo"));
    end_send(old, "{\"id\":\"echo\",\"result\":[],\"error\":null}");
    RIG_UNTIL(rig, thief->closed);
    assert_non_null(strstr(rig_status(rig, "tor1", "alarm"), "CN=tor2"));
    rig_check_session(rig, old, idl);
}

/* What tells the two apart is not in the subject as far as we keep it. */
static void
newcomer__subjects_alike_until_cut__is_refused(void **state)
{
    struct rig *rig = rig_with_tors(state);

    pki_make_long(&rig->pki, "long1", "ca");
    pki_make_long(&rig->pki, "long2", "ca");
    struct end *idl, *old = rig_session(rig, 1, "long1", &idl);
    struct end *thief = rig_connect(rig, 2, "long2");
    rig_identify(rig, thief, TOR1);
    RIG_UNTIL(rig, end_has(old, "echo"));
    end_send(old, "{\"id\":\"echo\",\"result\":[],\"error\":null}");
    RIG_UNTIL(rig, thief->closed);
    rig_check_session(rig, old, idl);
}

static void
rules__certificate__names_the_switch_and_binds_it(void **state)
{
    struct rig *rig = *state;

    rig_listen(rig, (struct ovc_listener_config) { .tls = true });
    rig_add_tor(rig, (struct ovc_acceptor_tor) {
        .name = "tor1", .certificate = "TOR1",
    });
    rig_add_tor(rig, (struct ovc_acceptor_tor) { .name = "tor9" });
    struct end *sw = rig_connect(rig, 1, "tor1");
    rig_identify(rig, sw, NULL);
    struct end *idl = rig_accept(rig);
    rig_check_session(rig, sw, idl);

    struct end *thief = rig_connect(rig, 1, "tor2");
    rig_identify(rig, thief, TOR1);
    RIG_UNTIL(rig, thief->closed);
    assert_int_equal(rig_count(rig, NULL, "refused.wrong_identity"), 1);
    rig_check_session(rig, sw, idl);
}

static void
check_alternative_name(struct rig *rig, const char *name,
                       const char *similar)
{
    rig_add_tor(rig, (struct ovc_acceptor_tor) {
        .name = "tor1", .certificate = name,
    });
    struct end *sw = rig_connect(rig, 1, "leaf");
    rig_identify(rig, sw, NULL);
    rig_check_session(rig, sw, rig_accept(rig));
    ovc_acceptor_remove_tor(rig->acceptor, "tor1");
    RIG_UNTIL(rig, sw->closed);
    rig->n_ends--;
    end_destroy(rig->ends[rig->n_ends]);
    rig_drop_end(rig, sw);

    unsigned long n = rig_count(rig, NULL, "refused.wrong_identity");
    rig_add_tor(rig, (struct ovc_acceptor_tor) {
        .name = "tor1", .certificate = similar,
    });
    sw = rig_connect(rig, 1, "leaf");
    rig_identify(rig, sw, TOR1);
    RIG_UNTIL(rig, sw->closed);
    assert_int_equal(rig_count(rig, NULL, "refused.wrong_identity"), n + 1);
    ovc_acceptor_remove_tor(rig->acceptor, "tor1");
    rig_drop_end(rig, sw);
}

static void
rules__alternative_name__names_the_switch_and_binds_it(void **state)
{
    struct rig *rig = *state;

    pki_make_named(&rig->pki, "leaf", "ca", "DNS:leaf.example.net,"
                   "URI:urn:example:leaf:1,IP:192.0.2.7,IP:2001:db8::7");
    rig_listen(rig, (struct ovc_listener_config) { .tls = true });
    check_alternative_name(rig, "leaf", "leaf2");
    check_alternative_name(rig, "Leaf.example.net", "example.net");
    check_alternative_name(rig, "urn:example:leaf:1", "urn:example:leaf:11");
    check_alternative_name(rig, "192.0.2.7", "192.0.2.70");
    check_alternative_name(rig, "2001:db8::7", "2001:db8::");
}

static void
certificates__replaced__serve_the_next_session(void **state)
{
    struct rig *rig = rig_with_tors(state);
    struct end *idl, *sw = rig_session(rig, 1, "tor1", &idl);
    struct tsn_tls_info info;
    struct tsn_err err;

    pki_make(&rig->pki, "fresh", "ca", PKI_VALID);
    pki_replace(&rig->pki, "tsn", "fresh", ".key");
    pki_replace(&rig->pki, "tsn", "fresh", ".pem");
    assert_int_equal(tsn_tls_store_reload(rig->store, &err), 0);
    rig_check_session(rig, sw, idl);
    struct end *new_idl, *again = rig_session(rig, 1, "tor1", &new_idl);
    tsn_tls_session_info(again->tls, &info);
    assert_string_equal(info.subject, "CN=fresh");
    rig_check_session(rig, again, new_idl);
}

static void
fill(struct ds *s, size_t size)
{
    while (s->length < size) {
        ds_put_format(s, "{\"n\":%"PRIuSIZE"}", s->length);
    }
}

static void
bytes__many_both_ways_and_slow_readers__all_arrive(void **state)
{
    struct rig *rig = rig_with_tors(state);
    struct end *idl, *sw = rig_session(rig, 1, "tor1", &idl);
    struct ds data = DS_EMPTY_INITIALIZER;

    fill(&data, 8u << 20);
    sw->deaf = idl->deaf = true;
    end_send_n(sw, data.string, data.length);
    end_send_n(idl, data.string, data.length);
    for (int i = 0; i < 200; i++) {
        rig_turn(rig);
    }
    assert_true(sw->unsent.length && idl->unsent.length);
    sw->deaf = idl->deaf = false;
    RIG_UNTIL(rig, sw->in.length == data.length
                   && idl->in.length == data.length);
    assert_memory_equal(sw->in.string, data.string, data.length);
    assert_memory_equal(idl->in.string, data.string, data.length);
    ds_destroy(&data);
}

/* Connections that we make. */

struct server {
    int listener;
    struct sockaddr_storage address;
};

static void
server_init(struct server *server)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_port = htons(free_port()),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    memset(server, 0, sizeof *server);
    memcpy(&server->address, &sin, sizeof sin);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    set_nonblocking(server->listener);
    assert_int_equal(bind(server->listener, (struct sockaddr *) &sin,
                          sizeof sin), 0);
    assert_int_equal(listen(server->listener, 8), 0);
}

static struct end *
server_accept(struct rig *rig, struct server *server, const char *name)
{
    struct tsn_tls *tls = pki_load(&rig->pki, name, "ca");
    struct tsn_tls_info info;
    int fd = -1;

    RIG_UNTIL(rig, (fd = accept(server->listener, NULL, NULL)) >= 0);
    struct end *e = rig_add_end(rig, fd);
    e->tls = tsn_tls_session_create(tls, TSN_TLS_SERVER);
    tsn_tls_unref(tls);
    RIG_UNTIL(rig, tsn_tls_session_info(e->tls, &info));
    return e;
}

static void
dial_tor(struct rig *rig, const struct server *server,
         const char *certificate)
{
    rig_add_tor(rig, (struct ovc_acceptor_tor) {
        .name = "tor1", .certificate = certificate, .dial_tls = true,
        .dial = server->address, .max_backoff_ms = 8000,
    });
}

static void
dial__switch_listens__is_spliced_and_again_after_its_end(void **state)
{
    struct rig *rig = *state;
    struct server server;

    server_init(&server);
    dial_tor(rig, &server, "tor1");
    struct end *sw = server_accept(rig, &server, "tor1");
    struct end *idl = rig_accept(rig);
    rig_check_session(rig, sw, idl);
    assert_string_equal(rig_status(rig, "tor1", "certificate"), "CN=tor1");

    end_hang_up(sw);
    RIG_UNTIL(rig, idl->closed);
    uint64_t start = tsn_now_ms();
    sw = server_accept(rig, &server, "tor1");
    assert_true(tsn_now_ms() - start >= OVC_ACCEPTOR_MIN_BACKOFF_MS - 10);
    rig_check_session(rig, sw, rig_accept(rig));
    close(server.listener);
}

static void
dial__another_certificate__is_refused_and_told(void **state)
{
    struct rig *rig = *state;
    struct server server;

    server_init(&server);
    dial_tor(rig, &server, "tor1");
    struct end *sw = server_accept(rig, &server, "tor2");
    RIG_UNTIL(rig, sw->closed);
    assert_false(rig_has_idl_connection(rig));
    assert_non_null(strstr(rig_status(rig, "tor1", "last_close"),
                           "not what \"tor1\" is configured to be"));
    close(server.listener);
}

static void
dial__nobody_listens__says_so_and_tries_again(void **state)
{
    struct rig *rig = *state;
    struct server server;

    server_init(&server);
    close(server.listener);
    dial_tor(rig, &server, NULL);
    RIG_UNTIL(rig, strstr(rig_status(rig, "tor1", "last_close"),
                          "refused"));
    assert_string_equal(rig_status(rig, "tor1", "state"),
                        "waiting to connect again");
    struct sockaddr_in sin;
    memcpy(&sin, &server.address, sizeof sin);
    server.listener = socket(AF_INET, SOCK_STREAM, 0);
    set_nonblocking(server.listener);
    setsockopt(server.listener, SOL_SOCKET, SO_REUSEADDR, &(int) { 1 },
               sizeof(int));
    assert_int_equal(bind(server.listener, (struct sockaddr *) &sin,
                          sizeof sin), 0);
    assert_int_equal(listen(server.listener, 8), 0);
    struct end *sw = server_accept(rig, &server, "tor2");
    rig_check_session(rig, sw, rig_accept(rig));
    ovc_acceptor_remove_tor(rig->acceptor, "tor1");
    RIG_UNTIL(rig, sw->closed);
    close(server.listener);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TLS_TEST(session__with_certificate__is_spliced),
        RIG_TLS_TEST(peer__clear_text__is_dropped),
        RIG_TLS_TEST(peer__certificate_of_another_ca__is_refused),
        RIG_TLS_TEST(newcomer__same_subject_from_elsewhere__replaces_the_session),
        RIG_TLS_TEST(
            newcomer__same_subject_from_elsewhere_soon__raises_an_alarm),
        RIG_TLS_TEST(newcomer__same_subject_from_elsewhere_later__raises_none),
        RIG_TLS_TEST(newcomer__another_certificate_from_there__is_refused),
        RIG_TLS_TEST(newcomer__subjects_alike_until_cut__is_refused),
        RIG_TLS_TEST(rules__certificate__names_the_switch_and_binds_it),
        RIG_TLS_TEST(rules__alternative_name__names_the_switch_and_binds_it),
        RIG_TLS_TEST(certificates__replaced__serve_the_next_session),
        RIG_TLS_TEST(bytes__many_both_ways_and_slow_readers__all_arrive),
        RIG_TLS_TEST(dial__switch_listens__is_spliced_and_again_after_its_end),
        RIG_TLS_TEST(dial__another_certificate__is_refused_and_told),
        RIG_TLS_TEST(dial__nobody_listens__says_so_and_tries_again),
    };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
