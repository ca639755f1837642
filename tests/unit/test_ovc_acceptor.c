/* SPDX-License-Identifier: Apache-2.0 */
/* Who gets in, who stays in, and whose bytes go where; without TLS. */
#include <config.h>

#include "tests/unit/acceptor_rig.h"

#include <sys/resource.h>

#include "openvswitch/vlog.h"

static struct rig *
rig_with_tor(void **state)
{
    struct rig *rig = *state;

    rig_listen(rig, (struct ovc_listener_config) { .tls = false });
    rig_add_tor(rig, (struct ovc_acceptor_tor) { .name = "tor1" });
    return rig;
}

static void
session__switch_named_by_its_database__is_spliced(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *idl, *sw = rig_session(rig, 1, NULL, &idl);

    rig_check_session(rig, sw, idl);
    assert_string_equal(rig_status(rig, "tor1", "state"), "connected");
    assert_string_equal(rig_status(rig, "tor1", "peer"), "127.0.0.1");
    assert_int_equal(rig_count(rig, NULL, "identified"), 1);
    assert_int_equal(rig_count(rig, NULL, "pending"), 0);
}

/* Only what is not an answer to us reaches the IDL, all of it in order. */
static void
session__bytes_behind_the_last_answer__go_to_the_idl(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *sw = rig_connect(rig, 1, NULL);

    rig_identify(rig, sw, TOR1 "{\"id\":7,\"method\":\"echo\",\"par");
    struct end *idl = rig_accept(rig);
    end_send(sw, "ams\":[]}");
    RIG_UNTIL(rig, end_has(idl, "[]}"));
    assert_string_equal(end_text(idl),
                        "{\"id\":7,\"method\":\"echo\",\"params\":[]}");
}

static void
session__answers_byte_by_byte__is_spliced(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *sw = rig_connect(rig, 1, NULL);
    const char *p;

    RIG_UNTIL(rig, end_has(sw, "list_dbs"));
    for (p = DBS TOR1; *p; p++) {
        end_send_n(sw, p, 1);
        rig_turn(rig);
    }
    rig_check_session(rig, sw, rig_accept(rig));
}

static void
probe__of_the_switch_before_it_is_known__is_answered(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *sw = rig_connect(rig, 1, NULL);

    RIG_UNTIL(rig, end_has(sw, "list_dbs"));
    end_send(sw, "{\"id\":\"echo\",\"method\":\"echo\",\"params\":[5]}");
    RIG_UNTIL(rig, end_has(sw, "{\"id\":\"echo\",\"result\":[5],"
                           "\"error\":null}"));
    rig_identify(rig, sw, TOR1);
    struct end *idl = rig_accept(rig);
    rig_check_session(rig, sw, idl);
}

static void
session__tor_not_listening_yet__waits_for_it(void **state)
{
    struct rig *rig = rig_with_tor(state);

    close(rig->idl_listener);
    unlink(rig->socket);
    struct end *sw = rig_connect(rig, 1, NULL);
    rig_identify(rig, sw, TOR1 "{\"early\":1}");
    for (int i = 0; i < 100; i++) {
        rig_turn(rig);
    }
    assert_false(sw->closed);
    rig_listen_idl(rig);
    struct end *idl = rig_accept(rig);
    RIG_UNTIL(rig, end_has(idl, "{\"early\":1}"));
    rig_check_session(rig, sw, idl);
}

/* The most descriptors that this process may have are those that it has. */
static struct rlimit
exhaust_descriptors(void)
{
    struct rlimit old, none_left;
    int lowest = dup(0);

    assert_true(lowest >= 0);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none_left = (struct rlimit) { lowest, old.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none_left), 0);
    return old;
}

/* Who waits is not hung up on, and the rest goes on. */
static void
accept__out_of_descriptors__waits_and_resumes(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *idl, *sw = rig_session(rig, 1, NULL, &idl);
    struct end *newcomer = rig_connect(rig, 1, NULL);
    struct rlimit old = exhaust_descriptors();
    uint64_t start = tsn_now_ms();

    RIG_UNTIL(rig, rig_count(rig, NULL, "accept_errors") >= 5);
    assert_true(tsn_now_ms() - start >= 4 * 50 - 10);
    rig_check_session(rig, sw, idl);
    assert_false(newcomer->closed);
    setrlimit(RLIMIT_NOFILE, &old);

    rig_identify(rig, newcomer, TOR1);
    struct end *new_idl = rig_accept(rig);
    RIG_UNTIL(rig, sw->closed);
    rig_check_session(rig, newcomer, new_idl);
}

/* Those that are silent make room for the connection and its way to the
 * IDL. */
static void
accept__silent_ones_have_the_descriptors__switch_gets_in(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *silent[4];
    struct rlimit old;

    for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
        silent[i] = rig_connect(rig, 2, NULL);
    }
    RIG_UNTIL(rig, rig_count(rig, NULL, "pending") == ARRAY_SIZE(silent));
    struct end *sw = rig_connect(rig, 1, NULL);
    old = exhaust_descriptors();
    rig_identify(rig, sw, TOR1);
    RIG_UNTIL(rig, rig_has_idl_connection(rig));
    setrlimit(RLIMIT_NOFILE, &old);
    rig_check_session(rig, sw, rig_accept(rig));
    assert_int_equal(rig_count(rig, NULL, "refused.pushed_out"), 2);
    assert_true(silent[0]->closed && silent[1]->closed);
    assert_false(silent[2]->closed || silent[3]->closed);
}

/* Whoever is not a switch. */

static void
port_probe__session_lives__changes_nothing(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *idl, *sw = rig_session(rig, 1, NULL, &idl);

    for (int i = 0; i < 300; i++) {
        rig_drop_end(rig, rig_connect(rig, i % 2 + 1, NULL));
        rig_turn(rig);
    }
    RIG_UNTIL(rig, rig_count(rig, NULL, "refused.hung_up") == 300);
    assert_int_equal(rig_count(rig, "tor1", "sessions"), 1);
    assert_int_equal(rig_count(rig, NULL, "pending"), 0);
    rig_check_session(rig, sw, idl);
}

static void
check_refused(struct rig *rig, const char *answer, const char *reason)
{
    unsigned long before = rig_count(rig, NULL, reason);
    struct end *e = rig_connect(rig, 2, NULL);

    end_send(e, answer);
    RIG_UNTIL(rig, e->closed);
    if (rig_count(rig, NULL, reason) != before + 1) {
        rig_dump(rig);
        fail_msg("\"%s\" is not counted as %s", answer, reason);
    }
    rig_drop_end(rig, e);
}

static void
peer__not_an_ovsdb_server__is_dropped(void **state)
{
    static const char *const not_ovsdb[] = {
        "GET / HTTP/1.0\r\n\r\n",
        "\x16\x03\x01",
        "[]",
        "{\"id\":1}",
        "{\"method\":5,\"id\":1,\"params\":[]}",
        "{\"a\\nb\":5}",
        "{\"id\":\"tsn-list-dbs\",\"error\":\"x\",\"result\":[]}",
    };
    static const char *const no_database[] = {
        "{\"id\":\"tsn-list-dbs\",\"error\":null,\"result\":[]}",
        "{\"id\":\"tsn-list-dbs\",\"error\":null,\"result\":5}",
        "{\"id\":\"tsn-list-dbs\",\"error\":null,\"result\":[1,\"x\"]}",
        DBS "{\"id\":\"tsn-select\",\"error\":\"no\",\"result\":null}",
        DBS "{\"id\":\"tsn-select\",\"error\":null,\"result\":[]}",
        DBS "{\"id\":\"tsn-select\",\"error\":null,\"result\":"
            "[{\"error\":\"x\"}]}",
        DBS "{\"id\":\"tsn-select\",\"error\":null,\"result\":"
            "[{\"rows\":{}}]}",
    };
    static const char *const unknown[] = {
        DBS NAMES(""),
        DBS NAMES("5,{},{\"name\":1},{\"name\":[\"set\",[]]}"),
        DBS NAMES("{\"name\":\"tor9\"},{\"name\":\"\\u001b[2J\"}"),
    };
    struct rig *rig = rig_with_tor(state);
    struct end *idl, *sw = rig_session(rig, 1, NULL, &idl);

    for (size_t i = 0; i < ARRAY_SIZE(not_ovsdb); i++) {
        check_refused(rig, not_ovsdb[i], "refused.not_ovsdb");
    }
    for (size_t i = 0; i < ARRAY_SIZE(no_database); i++) {
        check_refused(rig, no_database[i], "refused.no_database");
    }
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        check_refused(rig, unknown[i], "refused.unknown_switch");
    }
    assert_non_null(strstr(rig_status(rig, NULL, "last_refusal"),
                           "no tor has its switch \" [2J\", \"tor9\""));
    rig_check_session(rig, sw, idl);
}

static void
peer__sends_much_before_it_is_known__is_dropped(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *e = rig_connect(rig, 1, NULL);
    char *junk = xmalloc(OVC_ACCEPTOR_MAX_BYTES + 2);

    junk[0] = '[';
    memset(junk + 1, '1', OVC_ACCEPTOR_MAX_BYTES);
    end_send_n(e, junk, OVC_ACCEPTOR_MAX_BYTES + 1);
    free(junk);
    RIG_UNTIL(rig, e->closed);
    assert_int_equal(rig_count(rig, NULL, "refused.too_much"), 1);
}

/* One that is silent, one that drips. */
static void
peer__slow_before_it_is_known__is_dropped_in_time(void **state)
{
    struct rig *rig = rig_with_tor(state);
    uint64_t start = tsn_now_ms(), next = start;
    struct end *silent = rig_connect(rig, 1, NULL);
    struct end *loris = rig_connect(rig, 2, NULL);
    struct end *idl, *sw = rig_session(rig, 3, NULL, &idl);

    end_send(loris, "[");
    while (!silent->closed || !loris->closed) {
        if (tsn_now_ms() >= next) {
            end_send(loris, "1,");
            next += 200;
        }
        rig_turn(rig);
        assert_true(tsn_now_ms() - start
                    < OVC_ACCEPTOR_IDENTIFY_MS + RIG_MS / 2);
    }
    assert_true(tsn_now_ms() - start >= OVC_ACCEPTOR_IDENTIFY_MS - 10);
    assert_int_equal(rig_count(rig, NULL, "refused.too_slow"), 2);
    rig_check_session(rig, sw, idl);
}

/* Two that want to be the same switch. */

static void
newcomer__same_address__replaces_the_session(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *idl, *old = rig_session(rig, 1, NULL, &idl);
    struct end *new_idl, *sw = rig_session(rig, 1, NULL, &new_idl);

    RIG_UNTIL(rig, old->closed && idl->closed);
    rig_check_session(rig, sw, new_idl);
    assert_int_equal(rig_count(rig, "tor1", "replaced"), 1);
    assert_non_null(strstr(rig_status(rig, "tor1", "last_close"),
                           "newer connection"));
}

static void
newcomer__another_address_and_session_answers__is_refused(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *idl, *old = rig_session(rig, 1, NULL, &idl);
    struct end *thief = rig_connect(rig, 2, NULL);

    rig_identify(rig, thief, TOR1);
    RIG_UNTIL(rig, end_has(old, "\"method\":\"echo\""));
    assert_string_equal(end_text(old), "{\"id\":\"echo\",\"method\":"
                        "\"echo\",\"params\":[]}");
    end_send(old, "{\"id\":\"echo\",\"result\":[],\"error\":null}");
    RIG_UNTIL(rig, thief->closed);
    assert_false(rig_has_idl_connection(rig));
    assert_int_equal(rig_count(rig, NULL, "refused.duplicate"), 1);
    assert_non_null(strstr(rig_status(rig, "tor1", "alarm"),
                           "127.0.0.2:"));
    RIG_UNTIL(rig, end_has(idl, "echo"));
    rig_check_session(rig, old, idl);
}

/* A half-open session must not keep its own switch out. */
static void
newcomer__another_address_and_session_silent__gets_the_place(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *idl, *old = rig_session(rig, 1, NULL, &idl);
    struct end *sw = rig_connect(rig, 2, NULL);
    uint64_t start = tsn_now_ms();

    rig_identify(rig, sw, TOR1 "{\"early\":1}");
    struct end *new_idl = rig_accept(rig);
    assert_true(tsn_now_ms() - start >= OVC_ACCEPTOR_ECHO_MS - 10);
    RIG_UNTIL(rig, old->closed && end_has(new_idl, "{\"early\":1}"));
    rig_check_session(rig, sw, new_idl);
    assert_non_null(strstr(rig_status(rig, "tor1", "last_close"),
                           "did not answer"));
}

static void
newcomer__session_ends_meanwhile__gets_the_place(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *idl, *old = rig_session(rig, 1, NULL, &idl);
    struct end *sw = rig_connect(rig, 2, NULL);

    rig_identify(rig, sw, TOR1);
    RIG_UNTIL(rig, end_has(old, "echo"));
    end_hang_up(old);
    rig_check_session(rig, sw, rig_accept(rig));
}

/* Two newcomers, and the session's own switch between them. */
static void
newcomer__owner_returns_while_another_waits__owner_has_it(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *idl, *old = rig_session(rig, 1, NULL, &idl);
    struct end *thief = rig_connect(rig, 2, NULL);

    rig_identify(rig, thief, TOR1);
    RIG_UNTIL(rig, end_has(old, "echo"));
    struct end *third = rig_connect(rig, 3, NULL);
    rig_identify(rig, third, TOR1);
    RIG_UNTIL(rig, third->closed);
    struct end *sw = rig_connect(rig, 1, NULL);
    rig_identify(rig, sw, TOR1);
    struct end *new_idl = rig_accept(rig);
    RIG_UNTIL(rig, thief->closed && old->closed);
    rig_check_session(rig, sw, new_idl);
}

/* Both come while the IDL is not there.  Who had to wait is no more entitled
 * than who comes later. */
static void
newcomers__two_wait_for_the_idl__first_keeps_the_place(void **state)
{
    struct rig *rig = rig_with_tor(state);

    close(rig->idl_listener);
    unlink(rig->socket);
    struct end *first = rig_connect(rig, 1, NULL);
    rig_identify(rig, first, TOR1);
    struct end *second = rig_connect(rig, 2, NULL);
    rig_identify(rig, second, TOR1);
    for (int i = 0; i < 20; i++) {
        rig_turn(rig);
    }
    rig_listen_idl(rig);
    struct end *idl = rig_accept(rig);
    RIG_UNTIL(rig, end_has(first, "echo") || end_has(second, "echo"));
    struct end *holder = end_has(first, "echo") ? first : second;
    struct end *other = holder == first ? second : first;
    end_send(holder, "{\"id\":\"echo\",\"result\":[],\"error\":null}");
    RIG_UNTIL(rig, other->closed);
    assert_false(rig_has_idl_connection(rig));
    assert_int_equal(rig_count(rig, NULL, "refused.duplicate"), 1);
    rig_check_session(rig, holder, idl);
}

/* Our echo must not split a message of the IDL. */
static void
challenge__message_under_way__echo_waits_for_its_end(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *idl, *old = rig_session(rig, 1, NULL, &idl);

    end_send(idl, "{\"a\":\"}\\\"");
    RIG_UNTIL(rig, end_has(old, "}"));
    struct end *thief = rig_connect(rig, 2, NULL);
    rig_identify(rig, thief, TOR1);
    for (int i = 0; i < 50; i++) {
        rig_turn(rig);
    }
    assert_false(end_has(old, "echo"));
    end_send(idl, "}{\",\"b\":[{}]}{\"c\":1}");
    RIG_UNTIL(rig, end_has(old, "{\"c\":1}"));
    assert_string_equal(end_text(old), "{\"a\":\"}\\\"}{\",\"b\":[{}]}"
                        "{\"id\":\"echo\",\"method\":\"echo\","
                        "\"params\":[]}{\"c\":1}");
}

/* Rules. */

static void
rules__address__names_the_switch_and_binds_it(void **state)
{
    struct rig *rig = *state;
    struct ovc_acceptor_tor tor1 = { .name = "tor1" };

    rig_listen(rig, (struct ovc_listener_config) { .tls = false });
    tsn_ip_parse("127.0.0.5", &tor1.address);
    rig_add_tor(rig, tor1);
    rig_add_tor(rig, (struct ovc_acceptor_tor) { .name = "tor2" });

    /* By its address, without a question for names. */
    struct end *sw = rig_connect(rig, 5, NULL);
    rig_identify(rig, sw, NULL);
    rig_check_session(rig, sw, rig_accept(rig));
    assert_string_equal(rig_status(rig, "tor1", "state"), "connected");

    /* From elsewhere the name is not enough. */
    struct end *thief = rig_connect(rig, 6, NULL);
    rig_identify(rig, thief, TOR1);
    RIG_UNTIL(rig, thief->closed);
    assert_int_equal(rig_count(rig, NULL, "refused.wrong_identity"), 1);
}

static void
names__of_two_tors_in_one_database__is_refused(void **state)
{
    struct rig *rig = rig_with_tor(state);

    rig_add_tor(rig, (struct ovc_acceptor_tor) { .name = "tor2" });
    check_refused(rig, DBS NAMES("{\"name\":\"tor1\"},"
                                 "{\"name\":\"tor2\"}"),
                  "refused.ambiguous");
}

static void
names__several_switches_of_one_tor__are_its(void **state)
{
    static const char *const switches[] = { "leaf1", "leaf2" };
    struct rig *rig = *state;

    rig_listen(rig, (struct ovc_listener_config) { .tls = false });
    rig_add_tor(rig, (struct ovc_acceptor_tor) {
        .name = "cvx", .switches = switches, .n_switches = 2,
    });
    struct end *sw = rig_connect(rig, 1, NULL);
    rig_identify(rig, sw, NAMES("{\"name\":\"leaf0\"},"
                                "{\"name\":\"leaf2\"}"));
    rig_check_session(rig, sw, rig_accept(rig));
}

static void
listener__of_one_tor__serves_it_alone(void **state)
{
    struct rig *rig = *state;

    rig_listen(rig, (struct ovc_listener_config) { .name = "shared" });
    uint16_t shared = rig->port;
    rig_listen(rig, (struct ovc_listener_config) {
        .name = "ptcp:6641", .tor = "tor1",
    });
    rig_add_tor(rig, (struct ovc_acceptor_tor) {
        .name = "tor1", .own_listener = true,
    });
    struct end *sw = rig_connect(rig, 1, NULL);
    rig_identify(rig, sw, NULL);
    struct end *idl = rig_accept(rig);
    rig_check_session(rig, sw, idl);

    rig->port = shared;
    struct end *other = rig_connect(rig, 1, NULL);
    rig_identify(rig, other, TOR1);
    RIG_UNTIL(rig, other->closed);
    rig_check_session(rig, sw, idl);

    ovc_acceptor_remove_tor(rig->acceptor, "tor1");
    RIG_UNTIL(rig, sw->closed && idl->closed);
}

/* PROXY protocol. */

#define PROXY4(CMD, SOURCE) "\r\n\r\n\0\r\nQUIT\n" CMD "\x11\0\x0c" SOURCE \
                            "\x7f\0\0\1\x30\x39\x19\xf0"
#define SEND_BYTES(END, TEXT) end_send_n(END, TEXT, sizeof (TEXT) - 1)

static void
proxy__header__says_who_the_switch_is(void **state)
{
    struct rig *rig = *state;
    struct ovc_acceptor_tor tor1 = { .name = "tor1" };

    rig_listen(rig, (struct ovc_listener_config) { .proxy_protocol = true });
    tsn_ip_parse("10.1.2.3", &tor1.address);
    rig_add_tor(rig, tor1);

    struct end *sw = rig_connect(rig, 1, NULL);
    SEND_BYTES(sw, PROXY4("\x21", "\x0a\1\2\3"));
    rig_identify(rig, sw, NULL);
    rig_check_session(rig, sw, rig_accept(rig));
    assert_string_equal(rig_status(rig, "tor1", "peer"), "10.1.2.3");
    assert_int_equal(rig_count(rig, "tor1", "port"), 12345);

    struct end *check = rig_connect(rig, 1, NULL);
    SEND_BYTES(check, "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0GET / HTTP/1.0\r\n");
    for (int i = 0; i < 50; i++) {
        rig_turn(rig);
    }
    assert_int_equal(check->in.length, 0);
    assert_false(check->closed);
    rig_drop_end(rig, check);
    RIG_UNTIL(rig, rig_count(rig, NULL, "refused.proxy_check") == 1);

    struct end *bare = rig_connect(rig, 1, NULL);
    end_send(bare, DBS);
    RIG_UNTIL(rig, bare->closed);
    assert_int_equal(rig_count(rig, NULL, "refused.bad_proxy_header"), 1);
}

/* TCP over IPv6; and a family that says nothing of use, whose switch is known
 * by its name only. */
static void
proxy__other_families__are_understood(void **state)
{
    struct rig *rig = *state;
    struct ovc_acceptor_tor tor1 = { .name = "tor1" };

    rig_listen(rig, (struct ovc_listener_config) { .proxy_protocol = true });
    tsn_ip_parse("2001:db8::7", &tor1.address);
    rig_add_tor(rig, tor1);
    rig_add_tor(rig, (struct ovc_acceptor_tor) { .name = "tor2" });

    struct end *sw = rig_connect(rig, 1, NULL);
    SEND_BYTES(sw, "\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24"
               "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
               "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
               "\x30\x39\x19\xf0");
    rig_identify(rig, sw, NULL);
    rig_check_session(rig, sw, rig_accept(rig));
    assert_string_equal(rig_status(rig, "tor1", "peer"), "2001:db8::7");
    assert_int_equal(rig_count(rig, "tor1", "port"), 12345);

    /* AF_UNIX, 216 bytes of paths. */
    struct end *other = rig_connect(rig, 1, NULL);
    char paths[216] = "/run/switch";
    SEND_BYTES(other, "\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8");
    end_send_n(other, paths, sizeof paths);
    rig_identify(rig, other, NAMES("{\"name\":\"tor2\"}"));
    rig_check_session(rig, other, rig_accept(rig));
    assert_string_equal(rig_status(rig, "tor2", "peer"), "");
}

static void
listener__ipv6__serves_ipv6_beside_ipv4(void **state)
{
    struct rig *rig = *state;
    struct ovc_acceptor_tor tor1 = { .name = "tor1" };
    struct ovc_listener_config config = { .name = "six" };
    struct sockaddr_in6 to;
    struct tsn_err err;

    rig_listen(rig, (struct ovc_listener_config) { .tls = false });
    tsn_sockaddr_parse("::1", rig->port, &config.address);
    memcpy(&to, &config.address, sizeof to);
    assert_int_equal(ovc_acceptor_listen(rig->acceptor, &config, &err), 0);
    assert_int_equal(ovc_acceptor_listen(rig->acceptor, &config, &err),
                     -EADDRINUSE);
    tsn_ip_parse("::1", &tor1.address);
    rig_add_tor(rig, tor1);

    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *) &to, sizeof to), 0);
    struct end *sw = rig_add_end(rig, fd);
    rig_identify(rig, sw, NULL);
    rig_check_session(rig, sw, rig_accept(rig));
    assert_string_equal(rig_status(rig, "tor1", "peer"), "::1");
}

static void
proxy__not_one_of_ours__is_dropped(void **state)
{
    struct rig *rig = *state;
    struct in6_addr proxy;

    tsn_ip_parse("127.0.0.9", &proxy);
    rig_listen(rig, (struct ovc_listener_config) {
        .proxy_protocol = true, .proxies = &proxy, .n_proxies = 1,
    });
    rig_add_tor(rig, (struct ovc_acceptor_tor) { .name = "tor1" });
    struct end *e = rig_connect(rig, 1, NULL);
    RIG_UNTIL(rig, e->closed);
    assert_int_equal(rig_count(rig, NULL, "refused.not_from_proxy"), 1);
    struct end *sw = rig_connect(rig, 9, NULL);
    SEND_BYTES(sw, PROXY4("\x21", "\x0a\1\2\3"));
    rig_identify(rig, sw, TOR1);
    rig_check_session(rig, sw, rig_accept(rig));
}

/* Bytes. */

static void
fill(struct ds *s, size_t size)
{
    while (s->length < size) {
        ds_put_format(s, "{\"n\":%"PRIuSIZE"}", s->length);
    }
}

/* A reader that stops holds up the writer, and gets everything in the end. */
static void
check_back_pressure(struct rig *rig, struct end *from, struct end *to)
{
    struct ds data = DS_EMPTY_INITIALIZER;
    size_t size = 32u << 20;   /* More than any buffers hold. */

    fill(&data, size);
    to->deaf = true;
    end_send_n(from, data.string, data.length);
    for (size_t before = SIZE_MAX; from->unsent.length != before; ) {
        before = from->unsent.length;
        for (int i = 0; i < 100; i++) {
            rig_turn(rig);
        }
    }
    assert_true(from->unsent.length > size / 2);
    to->deaf = false;
    RIG_UNTIL(rig, to->in.length == data.length);
    assert_memory_equal(to->in.string, data.string, data.length);
    ds_clear(&to->in);
    ds_destroy(&data);
}

static void
back_pressure__either_side_does_not_read__other_waits(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *idl, *sw = rig_session(rig, 1, NULL, &idl);

    check_back_pressure(rig, sw, idl);
    check_back_pressure(rig, idl, sw);
    rig_check_session(rig, sw, idl);
}

/* One whose bytes wait for the IDL is alive. */
static void
challenge__session_held_up_by_the_idl__keeps_its_place(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *idl, *old = rig_session(rig, 1, NULL, &idl);
    struct ds data = DS_EMPTY_INITIALIZER;

    fill(&data, 16u << 20);
    idl->deaf = true;
    end_send_n(old, data.string, data.length);
    ds_destroy(&data);
    for (int i = 0; i < 100; i++) {
        rig_turn(rig);
    }
    struct end *thief = rig_connect(rig, 2, NULL);
    rig_identify(rig, thief, TOR1);
    RIG_UNTIL(rig, thief->closed);
    assert_false(old->closed);
}

static void
idl__hangs_up__what_it_wrote_reaches_the_switch(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *idl, *sw = rig_session(rig, 1, NULL, &idl);
    struct ds data = DS_EMPTY_INITIALIZER;

    fill(&data, 8u << 20);
    sw->deaf = true;
    end_send_n(idl, data.string, data.length);
    for (size_t before = SIZE_MAX; idl->unsent.length != before; ) {
        before = idl->unsent.length;
        for (int i = 0; i < 50; i++) {
            rig_turn(rig);
        }
    }
    size_t written = data.length - idl->unsent.length;
    end_hang_up(idl);
    sw->deaf = false;
    RIG_UNTIL(rig, sw->closed);
    assert_int_equal(sw->in.length, written);
    assert_memory_equal(sw->in.string, data.string, written);
    ds_destroy(&data);
}

static void
set_done(void *done)
{
    *(bool *) done = true;
}

static void
finish__sessions_live__waits_for_their_end(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct end *idl, *sw = rig_session(rig, 1, NULL, &idl);
    bool done = false;

    ovc_acceptor_finish(rig->acceptor, RIG_MS, set_done, &done);
    rig_check_session(rig, sw, idl);
    assert_false(done);
    end_send(idl, "{\"last\":1}");
    end_hang_up(idl);
    RIG_UNTIL(rig, done && sw->closed);
    assert_true(end_has(sw, "{\"last\":1}"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(session__switch_named_by_its_database__is_spliced),
        RIG_TEST(session__bytes_behind_the_last_answer__go_to_the_idl),
        RIG_TEST(session__answers_byte_by_byte__is_spliced),
        RIG_TEST(probe__of_the_switch_before_it_is_known__is_answered),
        RIG_TEST(session__tor_not_listening_yet__waits_for_it),
        RIG_TEST(accept__out_of_descriptors__waits_and_resumes),
        RIG_TEST(accept__silent_ones_have_the_descriptors__switch_gets_in),
        RIG_TEST(port_probe__session_lives__changes_nothing),
        RIG_TEST(peer__not_an_ovsdb_server__is_dropped),
        RIG_TEST(peer__sends_much_before_it_is_known__is_dropped),
        RIG_TEST(peer__slow_before_it_is_known__is_dropped_in_time),
        RIG_TEST(newcomer__same_address__replaces_the_session),
        RIG_TEST(newcomer__another_address_and_session_answers__is_refused),
        RIG_TEST(newcomer__another_address_and_session_silent__gets_the_place),
        RIG_TEST(newcomer__session_ends_meanwhile__gets_the_place),
        RIG_TEST(newcomer__owner_returns_while_another_waits__owner_has_it),
        RIG_TEST(newcomers__two_wait_for_the_idl__first_keeps_the_place),
        RIG_TEST(challenge__message_under_way__echo_waits_for_its_end),
        RIG_TEST(challenge__session_held_up_by_the_idl__keeps_its_place),
        RIG_TEST(rules__address__names_the_switch_and_binds_it),
        RIG_TEST(names__of_two_tors_in_one_database__is_refused),
        RIG_TEST(names__several_switches_of_one_tor__are_its),
        RIG_TEST(listener__of_one_tor__serves_it_alone),
        RIG_TEST(proxy__header__says_who_the_switch_is),
        RIG_TEST(proxy__other_families__are_understood),
        RIG_TEST(listener__ipv6__serves_ipv6_beside_ipv4),
        RIG_TEST(proxy__not_one_of_ours__is_dropped),
        RIG_TEST(back_pressure__either_side_does_not_read__other_waits),
        RIG_TEST(idl__hangs_up__what_it_wrote_reaches_the_switch),
        RIG_TEST(finish__sessions_live__waits_for_their_end),
    };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
