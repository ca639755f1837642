/* SPDX-License-Identifier: Apache-2.0 */
/* How the speaker meets a control node that does not want it, and the sockets
 * of both sides, over loopback. */
#include <config.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "openvswitch/vlog.h"
#include "tests/wire/fake_node.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/server.h"
#include "xmpp/speaker-private.h"
#include "xmpp/stanza.h"
#include "xmpp/transport.h"
#include "xmpp/view.h"

#define PATIENCE_MS 20000

#define HEADER                                                          \
    "<stream:stream from=\"ctrl1\" to=\"tor1\" id=\"++123\" version=\"1.0\"" \
    " xml:lang=\"en\" xmlns=\"jabber:client\""                          \
    " xmlns:stream=\"http://etherx.jabber.org/streams\" >"
#define PLAY(TEXT, CLOSE) { TEXT, sizeof TEXT - 1, CLOSE }

static uv_loop_t loop;
static int n_session_changes;

static void
config_changed(void *aux OVS_UNUSED, const struct xmpp_view *view OVS_UNUSED,
               bool complete OVS_UNUSED)
{
}

static void
routes_changed(void *aux OVS_UNUSED, const char *instance OVS_UNUSED)
{
}

static void
session_changed(void *aux OVS_UNUSED)
{
    n_session_changes++;
}

static const struct xmpp_speaker_ops speaker_ops = {
    .config_changed = config_changed,
    .routes_changed = routes_changed,
    .session_changed = session_changed,
};

static struct xmpp_speaker *
speaker_of(const struct sockaddr_storage *controllers, size_t n)
{
    struct xmpp_speaker_config config = {
        .name = "tor1", .controllers = controllers, .n_controllers = n,
        .hold_s = 90, .stale_hold_s = 300,
    };

    return xmpp_speaker_create(&loop, &config, &speaker_ops, NULL);
}

static int
setup(void **state OVS_UNUSED)
{
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    n_session_changes = 0;
    return uv_loop_init(&loop);
}

static int
teardown(void **state OVS_UNUSED)
{
    return uv_loop_close(&loop);
}

static void
finish(void)
{
    uint64_t end = tsn_now_ms() + PATIENCE_MS;

    while (uv_run(&loop, UV_RUN_NOWAIT) && tsn_now_ms() < end) {
        continue;
    }
}

static void
wake(uv_timer_t *timer OVS_UNUSED)
{
}

/* Runs the loop until EXPR. */
#define RUN_UNTIL(EXPR)                                                 \
    do {                                                                \
        uint64_t end_ = tsn_now_ms() + PATIENCE_MS;                     \
        uv_timer_t timer_;                                              \
        uv_timer_init(&loop, &timer_);                                  \
        uv_timer_start(&timer_, wake, 10, 10);                          \
        while (!(EXPR) && tsn_now_ms() < end_) {                        \
            uv_run(&loop, UV_RUN_ONCE);                                 \
        }                                                               \
        uv_close((uv_handle_t *) &timer_, NULL);                        \
        uv_run(&loop, UV_RUN_NOWAIT);                                   \
        assert_true(EXPR);                                              \
    } while (0)

/* Each time the control node closes as 'play' says: what is told, and that the
 * next attempt waits. */
static void
check_refusal(const struct fake_play *play, enum xmpp_close_reason reason)
{
    struct fake_node node;

    fake_node_init(&node, &loop, "127.0.0.1", play, 1);
    struct xmpp_speaker *sp = speaker_of(&node.address, 1);
    const struct peer *peer = &sp->peers[0];

    RUN_UNTIL(node.n_closed == 1 && peer->backoff.attempts == 1);
    uint64_t start = tsn_now_ms();
    assert_int_equal(peer->last_reason, reason);
    assert_false(xmpp_speaker_is_up(sp));
    RUN_UNTIL(node.n_connections == 2);
    assert_true(tsn_now_ms() >= start + 800);
    RUN_UNTIL(peer->backoff.attempts == 2);
    assert_int_equal(peer->last_reason, reason);

    fake_node_close(&node);
    xmpp_speaker_destroy(sp);
    finish();
    fake_node_fini(&node);
}

static void
refused__no_answer__may_be_a_name_in_use(void **state OVS_UNUSED)
{
    static const struct fake_play play = { .close = true };

    check_refusal(&play, XMPP_CLOSE_UNANSWERED);
}

static void
refused__closed_right_after_the_answer__tries_later(void **state OVS_UNUSED)
{
    static const struct fake_play play = PLAY(HEADER, true);

    check_refusal(&play, XMPP_CLOSE_NOT_READY);
    /* It was up each time, and not for long. */
    assert_true(n_session_changes >= 2);
}

static void
refused__answers_with_something_else__tries_later(void **state OVS_UNUSED)
{
    static const struct fake_play play
        = PLAY("HTTP/1.1 400 Bad Request\r\n\r\n", false);

    check_refusal(&play, XMPP_CLOSE_BAD_HEADER);
}

/* The third of the list takes the place of the first, the second stays. */
static void
refused__four_times__uses_the_next_control_node(void **state OVS_UNUSED)
{
    static const struct fake_play refuse = { .close = true };
    static const struct fake_play serve = PLAY(HEADER "\xc8\x80", false);
    struct sockaddr_storage addresses[3];
    struct fake_node nodes[3];

    for (int i = 0; i < 3; i++) {
        fake_node_init(&nodes[i], &loop, "127.0.0.1", i ? &serve : &refuse,
                       1);
        addresses[i] = nodes[i].address;
    }
    struct xmpp_speaker *sp = speaker_of(addresses, 3);
    sp->peers[0].backoff.attempts = XMPP_MAX_ATTEMPTS - 1;
    RUN_UNTIL(sp->peers[0].up && sp->peers[1].up);
    assert_int_equal(nodes[0].n_connections, 1);
    assert_int_equal(nodes[1].n_connections, 1);
    assert_int_equal(nodes[2].n_connections, 1);
    assert_int_equal(sp->peers[0].controller, 2);
    assert_int_equal(sp->peers[0].backoff.attempts, 1);

    /* A good session is forgiven what was before it. */
    sp->peers[0].up_since_ms -= XMPP_GOOD_SESSION_MS;
    fake_node_hang_up(&nodes[2]);
    RUN_UNTIL(!sp->peers[0].up);
    assert_int_equal(sp->peers[0].backoff.attempts, 0);
    assert_int_equal(sp->peers[0].last_reason, XMPP_CLOSE_BY_PEER);
    RUN_UNTIL(nodes[2].n_connections == 2);

    for (int i = 0; i < 3; i++) {
        fake_node_close(&nodes[i]);
    }
    xmpp_speaker_destroy(sp);
    finish();
    for (int i = 0; i < 3; i++) {
        fake_node_fini(&nodes[i]);
    }
}

static void
refused__nobody_else_there__stays(void **state OVS_UNUSED)
{
    static const struct fake_play refuse = { .close = true };
    struct fake_node node;

    fake_node_init(&node, &loop, "127.0.0.1", &refuse, 1);
    struct xmpp_speaker *sp = speaker_of(&node.address, 1);
    sp->peers[0].backoff.attempts = XMPP_MAX_ATTEMPTS - 1;
    RUN_UNTIL(sp->peers[0].backoff.attempts == XMPP_MAX_ATTEMPTS);
    assert_int_equal(sp->peers[0].controller, 0);
    fake_node_close(&node);
    xmpp_speaker_destroy(sp);
    finish();
    fake_node_fini(&node);
}

/* Sockets. */

static struct xmpp_session *session;
static enum xmpp_close_reason rogue_reason;

static bool
is_rogue(const struct xmpp_session *s)
{
    return !strcmp(xmpp_session_name(s), "rogue");
}

static void
server_opened(void *aux OVS_UNUSED, struct xmpp_session *s)
{
    if (!is_rogue(s)) {
        session = s;
    }
}

static void
server_stanza(void *aux OVS_UNUSED, struct xmpp_session *s OVS_UNUSED,
              const struct xmpp_stanza *st OVS_UNUSED)
{
}

static void
server_closed(void *aux OVS_UNUSED, struct xmpp_session *s,
              enum xmpp_close_reason reason)
{
    if (is_rogue(s)) {
        rogue_reason = reason;
    } else {
        session = NULL;
    }
}

static const struct xmpp_server_ops server_ops = {
    .opened = server_opened,
    .stanza = server_stanza,
    .closed = server_closed,
};

/* A port that is free now. */
static void
free_address(const char *ip, struct sockaddr_storage *ss)
{
    static const struct fake_play play = { .close = true };
    struct fake_node node;

    fake_node_init(&node, &loop, ip, &play, 1);
    *ss = node.address;
    fake_node_close(&node);
    finish();
    fake_node_fini(&node);
}

static struct xmpp_server *
listen_at(const struct sockaddr_storage *address)
{
    struct tsn_err err;
    struct xmpp_server *server
        = xmpp_server_create(&loop, "ctrl1", address, XMPP_HOLD_MS,
                             &server_ops, NULL, &err);

    if (!server) {
        fail_msg("%s", tsn_err_format(&err));
    }
    return server;
}

/* All connected TCP sockets of the process. */
static int
check_socket_options(void)
{
    static const struct { int level, option, value; } options[] = {
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_NODELAY, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, 5 },
        { IPPROTO_TCP, TCP_KEEPINTVL, 3 },
        { IPPROTO_TCP, TCP_KEEPCNT, 3 },
        { IPPROTO_TCP, TCP_USER_TIMEOUT, 15000 },
    };
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;

    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL; ) {
        struct sockaddr_storage ss;
        socklen_t len = sizeof ss;
        int fd = atoi(e->d_name);

        if (e->d_name[0] == '.'
            || getpeername(fd, (struct sockaddr *) &ss, &len)
            || (ss.ss_family != AF_INET && ss.ss_family != AF_INET6)) {
            continue;
        }
        for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
            int value = -1;
            len = sizeof value;
            assert_int_equal(getsockopt(fd, options[i].level,
                                        options[i].option, &value, &len), 0);
            assert_int_equal(value, options[i].value);
        }
        n++;
    }
    closedir(dir);
    return n;
}

static void
check_session(const char *ip)
{
    struct sockaddr_storage address;
    char text[TSN_IP_STRLEN];

    free_address(ip, &address);
    struct xmpp_server *server = listen_at(&address);
    struct xmpp_speaker *sp = speaker_of(&address, 1);
    RUN_UNTIL(session && xmpp_speaker_is_up(sp));
    assert_string_equal(xmpp_session_name(session), "tor1");
    assert_string_equal(tsn_ip_format(xmpp_session_peer_ip(session), text),
                        ip);
    assert_int_equal(check_socket_options(), 2);

    xmpp_speaker_destroy(sp);
    RUN_UNTIL(!session);
    xmpp_server_destroy(server);
    finish();
}

static void
socket__ipv4__serves_with_dead_peers_noticed(void **state OVS_UNUSED)
{
    check_session("127.0.0.1");
}

static void
socket__ipv6__serves_with_dead_peers_noticed(void **state OVS_UNUSED)
{
    check_session("::1");
}

/* The cloud's hold time comes, changes, and is taken back. */
static void
send_hold_time(const char *enable, const char *seconds)
{
    char *s = xasprintf(
        "<iq type=\"set\" to=\"tor1/config\"><config><update>"
        "<node type=\"global-system-config\">"
        "<name>default-global-system-config</name><id-perms><uuid>"
        "<uuid-mslong>1</uuid-mslong><uuid-lslong>1</uuid-lslong></uuid>"
        "</id-perms><fast-convergence-parameters><enable>%s</enable>"
        "<xmpp-hold-time>%s</xmpp-hold-time></fast-convergence-parameters>"
        "</node></update></config></iq>", enable, seconds);

    xmpp_session_send(session, s, strlen(s));
    free(s);
}

/* Sends 'text' and then 'filler' until the server closes or 'max' bytes are
 * gone.  Returns how many were. */
static size_t
rogue_send(int fd, const char *text, const char *filler, size_t max)
{
    size_t len = strlen(filler), sent = 0;
    char chunk[65536];

    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
    for (size_t i = 0; i < sizeof chunk; i++) {
        chunk[i] = filler[i % len];
    }
    while (rogue_reason == XMPP_CLOSE_NONE && sent < max) {
        /* Whole fillers: chunks follow each other. */
        ssize_t n = send(fd, chunk + sent % len,
                         sizeof chunk - sent % len - len,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? n : 0;
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    return sent;
}

static void
rogue__endless_stanza__others_are_served(void **state OVS_UNUSED)
{
    static const struct {
        const char *filler;
        enum xmpp_close_reason reason;
    } cases[] = {
        { "x", XMPP_CLOSE_TOO_BIG },
        { "<a>", XMPP_CLOSE_TOO_BIG },
        { "</iq><iq><a><b>", XMPP_CLOSE_NONE },    /* Bad ones, all small. */
    };
    struct sockaddr_storage address;

    free_address("127.0.0.1", &address);
    struct xmpp_server *server = listen_at(&address);
    struct xmpp_speaker *sp = speaker_of(&address, 1);
    RUN_UNTIL(session && xmpp_speaker_is_up(sp));
    struct xmpp_session *first = session;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        rogue_reason = XMPP_CLOSE_NONE;
        assert_int_equal(connect(fd, (struct sockaddr *) &address,
                                 sizeof(struct sockaddr_in)), 0);
        size_t sent = rogue_send(fd, "<stream:stream from='rogue' "
                                 "xmlns:stream='s'><iq>", cases[i].filler,
                                 cases[i].reason ? 64u << 20 : 1u << 20);
        assert_int_equal(rogue_reason, cases[i].reason);
        /* With what the sockets hold. */
        assert_true(sent < 32u << 20);
        close(fd);
        RUN_UNTIL(rogue_reason != XMPP_CLOSE_NONE);
    }
    assert_ptr_equal(session, first);
    assert_true(xmpp_speaker_is_up(sp));
    send_hold_time("true", "60");
    RUN_UNTIL(sp->view->hold_s == 60);

    xmpp_speaker_destroy(sp);
    xmpp_server_destroy(server);
    finish();
}

/* When the client sends its next keepalive follows from its hold time. */
static uint64_t
keepalive_ms(const struct xmpp_speaker *sp)
{
    return xmpp_conn_deadline(xmpp_transport_conn(sp->peers[0].transport));
}

static void
hold_time__of_the_cloud__goes_for_the_live_session(void **state OVS_UNUSED)
{
    struct sockaddr_storage address;

    free_address("127.0.0.1", &address);
    struct xmpp_server *server = listen_at(&address);
    struct xmpp_speaker *sp = speaker_of(&address, 1);
    RUN_UNTIL(session && xmpp_speaker_is_up(sp));
    /* The session is open, and a keepalive sent, shortly before the speaker
     * reads the clock. */
    uint64_t first_ms = keepalive_ms(sp);
    assert_in_range(first_ms - sp->peers[0].up_since_ms, 25001, 30000);

    send_hold_time("true", "60");
    RUN_UNTIL(sp->view->hold_s == 60);
    assert_int_equal(keepalive_ms(sp), first_ms - 10000);
    send_hold_time("true", "75");
    RUN_UNTIL(sp->view->hold_s == 75);
    assert_int_equal(keepalive_ms(sp), first_ms - 5000);
    send_hold_time("false", "75");
    RUN_UNTIL(sp->view->hold_s == 0);
    assert_int_equal(keepalive_ms(sp), first_ms);

    xmpp_speaker_destroy(sp);
    xmpp_server_destroy(server);
    finish();
}

int
main(void)
{
#define SESSION_TEST(FN) cmocka_unit_test_setup_teardown(FN, setup, teardown)
    const struct CMUnitTest tests[] = {
        SESSION_TEST(refused__no_answer__may_be_a_name_in_use),
        SESSION_TEST(refused__closed_right_after_the_answer__tries_later),
        SESSION_TEST(refused__answers_with_something_else__tries_later),
        SESSION_TEST(refused__four_times__uses_the_next_control_node),
        SESSION_TEST(refused__nobody_else_there__stays),
        SESSION_TEST(socket__ipv4__serves_with_dead_peers_noticed),
        SESSION_TEST(socket__ipv6__serves_with_dead_peers_noticed),
        SESSION_TEST(rogue__endless_stanza__others_are_served),
        SESSION_TEST(hold_time__of_the_cloud__goes_for_the_live_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
