/* SPDX-License-Identifier: Apache-2.0 */
/* tsn-controller as a program, over loopback.
 *
 * Replays what clients sent to a live control node, as recorded, and compares
 * what it answers with what the control node answered: by meaning, stanza by
 * stanza.  Not compared are keepalives and End-of-RIB, whose times differ, and
 * the families that the controller does not serve. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "controller/core.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "svec.h"
#include "tsn/error.h"
#include "tsn/loop.h"
#include "util.h"
#include "xmpp/stanza.h"
#include "xmpp/stream.h"
#include "xmpp/xml.h"

/* For anything that should take no time at all. */
#define PATIENCE_MS 20000

static const char config[] =
    "name: ctrl1\n"
    "listen: 127.0.0.1:%d\n"
    "project: admin\n"
    "graceful-restart: {enable: false}\n"
    "networks:\n"
    "- {name: vn1, vni: 5005, id: 5}\n"
    "- {name: vn2, vni: 5006, id: 6}\n"
    "switches:\n"
    "- {name: tor1, vtep: 127.0.2.1, agent: tor-agent-1, ports: [%s]}\n"
    "- {name: tor2, vtep: 127.0.2.2, agent: tor-agent-2}\n"
    "tsns:\n"
    "- {name: tsn1, address: 127.0.1.3}\n";

static char dir[] = "/tmp/tsn-replay.XXXXXX";
static struct sockaddr_in server;
static pid_t pid;

struct client {
    int fd;
    char jid[64];               /* Its name, once it has told it. */
    bool eof, expected_eof;
    struct xmpp_stream stream;
    int64_t n_sent;             /* Stanzas. */
    struct svec recorded;       /* Meanings of the items to come. */
};
static struct shash clients = SHASH_INITIALIZER(&clients);
/* Whether messages come as recorded, or only what is in them.  A burst is cut
 * into messages, and these are ordered, by chance. */
static bool in_order;
/* A client has left: what others were told of it may not be recorded. */
static bool leaving;
static const char *at;          /* The comment at hand, for failures. */

static char *
file_path(const char *name)
{
    return xasprintf("%s/%s", dir, name);
}

static int
connect_server(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (struct sockaddr *) &server, sizeof server)) {
        close(fd);
        return -1;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* 'ports' are those of the first switch. */
static void
write_config(const char *ports, const char *rest)
{
    char *path = file_path("controller.yaml");
    FILE *f = fopen(path, "w");

    fprintf(f, config, ntohs(server.sin_port), ports);
    fputs(rest, f);
    fclose(f);
    free(path);
}

static void
run_server(void)
{
    char *path = file_path("controller.yaml");
    const char *builddir = getenv("builddir");
    char *program = xasprintf("%s/controller/tsn-controller",
                              builddir ? builddir : ".");
    char *log = file_path("log");

    /* It is to raise that by itself. */
    struct rlimit files;
    if (!getrlimit(RLIMIT_NOFILE, &files)) {
        files.rlim_cur = MIN(files.rlim_cur, 100);
        setrlimit(RLIMIT_NOFILE, &files);
    }
    execl(program, program, "--config", path, "--run-dir", dir,
          "--log-file", log, NULL);
    perror(program);
    _exit(127);
}

static int
start_server(void **state)
{
    socklen_t len = sizeof server;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    /* A port that is free now. */
    server.sin_family = AF_INET;
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!mkdtemp(dir) || bind(fd, (struct sockaddr *) &server, len)
        || getsockname(fd, (struct sockaddr *) &server, &len)) {
        return -1;
    }
    close(fd);

    write_config("", "");
    pid = fork();
    if (!pid) {
        run_server();
    }

    uint64_t deadline = tsn_now_ms() + PATIENCE_MS;
    while ((fd = connect_server()) < 0) {
        if (tsn_now_ms() > deadline || waitpid(pid, NULL, WNOHANG)) {
            return -1;
        }
        poll(NULL, 0, 10);
    }
    close(fd);
    return 0;
}

static int
stop_server(void **state)
{
    static const char *const files[] = {
        "controller.yaml", "log", "tsn-controller.ctl",
    };
    int status;

    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char *path = file_path(files[i]);
        unlink(path);
        free(path);
    }
    rmdir(dir);
    return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

/* Reads what has come, or waits for it. */
static void
receive(struct client *c, int timeout_ms)
{
    struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
    char buf[65536];

    if (c->eof || poll(&pfd, 1, timeout_ms) <= 0) {
        return;
    }
    ssize_t n = read(c->fd, buf, sizeof buf);
    if (n > 0) {
        assert_int_equal(xmpp_stream_push(&c->stream, buf, n), 0);
    } else if (n == 0 || errno != EAGAIN) {
        c->eof = true;
    }
}

/* Whether a stanza is one that we compare. */
static bool
is_comparable(const char *data, size_t size)
{
    struct xmpp_stanza st;
    struct tsn_err err;

    if (xmpp_stanza_parse(data, size, &st, &err)) {
        fail_msg("%s: %.*s", tsn_err_format(&err), (int) size, data);
    }
    bool comparable = !st.end_of_rib && st.family == XMPP_FAMILY_EVPN;
    xmpp_stanza_fini(&st);
    return comparable;
}

/* Takes the next comparable stanza, or the header.  Returns false if there is
 * none in time. */
static bool
take(struct client *c, int timeout_ms, struct xmpp_stream_event *event)
{
    uint64_t deadline = tsn_now_ms() + timeout_ms;

    for (;;) {
        assert_int_equal(xmpp_stream_next(&c->stream, event), 0);
        if (event->type == XMPP_STREAM_OPEN
            || (event->type == XMPP_STREAM_STANZA
                && is_comparable(event->data, event->size))) {
            return true;
        }
        if (event->type == XMPP_STREAM_NONE) {
            uint64_t now = tsn_now_ms();
            bool last = c->eof || now >= deadline;

            receive(c, last ? 0 : deadline - now);
            if (last && xmpp_stream_next(&c->stream, event) == 0
                && event->type == XMPP_STREAM_NONE) {
                return false;
            }
        }
    }
}

static void
put_meaning(const struct xmpp_node *node, int depth, struct ds *ds)
{
    ds_put_format(ds, "%*s%s", depth, "", node->name);

    /* In alphabetical order, of which there are few. */
    const char *last = "";
    for (;;) {
        const struct xmpp_attr *next = NULL;
        for (const struct xmpp_attr *a = node->attrs; a; a = a->next) {
            if (strcmp(a->name, last) > 0
                && (!next || strcmp(a->name, next->name) < 0)) {
                next = a;
            }
        }
        if (!next) {
            break;
        }
        ds_put_format(ds, " %s=\"%s\"", next->name, next->value);
        last = next->name;
    }
    ds_put_format(ds, " %s\n", node->children ? "" : node->text);
    for (const struct xmpp_node *c = node->children; c; c = c->next) {
        put_meaning(c, depth + 1, ds);
    }
}

static char *
meaning(const char *data, size_t size)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct xmpp_xml *xml;
    struct tsn_err err;

    if (xmpp_xml_parse(data, size, &xml, &err)) {
        fail_msg("%s: %.*s", tsn_err_format(&err), (int) size, data);
    }
    put_meaning(xmpp_xml_root(xml), 0, &ds);
    xmpp_xml_destroy(xml);
    return ds_steal_cstr(&ds);
}

/* Adds the meaning of each item and retract of a message. */
static void
add_items(const char *data, size_t size, struct svec *items)
{
    struct xmpp_stanza st;
    struct tsn_err err;

    assert_int_equal(xmpp_stanza_parse(data, size, &st, &err), 0);
    for (const struct xmpp_node *c = st.body->children; c; c = c->next) {
        struct ds ds = DS_EMPTY_INITIALIZER;

        ds_put_format(&ds, "%s ", st.node);
        put_meaning(c, 0, &ds);
        svec_add_nocopy(items, ds_steal_cstr(&ds));
    }
    xmpp_stanza_fini(&st);
}

/* The steps of a recording. */

static void
step_connect(const char *name)
{
    struct client *c = xzalloc(sizeof *c);

    c->fd = connect_server();
    assert_true(c->fd >= 0);
    xmpp_stream_init(&c->stream);
    svec_init(&c->recorded);
    shash_add_once(&clients, name, c);
}

static struct client *
find_client(const char *name)
{
    struct client *c = shash_find_data(&clients, name);

    if (!c) {
        fail_msg("%s: no client", at);
    }
    return c;
}

/* What the server says of 'name', or -1 if it has no such session. */
static int64_t
ask_rx_stanzas(const char *name)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct ds reply = DS_EMPTY_INITIALIZER;
    int64_t result = -1;
    char buf[4096];
    ssize_t n;

    snprintf(sun.sun_path, sizeof sun.sun_path, "%s/tsn-controller.ctl", dir);
    assert_int_equal(connect(fd, (struct sockaddr *) &sun, sizeof sun), 0);
    assert_int_equal(write(fd, "status\n", 7), 7);
    while ((n = read(fd, buf, sizeof buf)) > 0) {
        ds_put_buffer(&reply, buf, n);
    }
    close(fd);

    struct json *json = json_from_string(ds_cstr(&reply));
    assert_int_equal(json->type, JSON_OBJECT);
    const struct json *status = shash_find_data(json->object, "result");
    const struct json *sessions = shash_find_data(status->object, "sessions");
    for (size_t i = 0; i < sessions->array.n; i++) {
        struct shash *session = sessions->array.elems[i]->object;

        if (!strcmp(json_string(shash_find_data(session, "name")), name)) {
            result = json_integer(shash_find_data(session, "rx_stanzas"));
        }
    }
    json_destroy(json);
    ds_destroy(&reply);
    return result;
}

/* Sends, and waits until it has been handled: what another client sends comes
 * after it.  The server may end the session over it. */
static void
step_send(const char *name, const char *data, size_t size)
{
    struct client *c = find_client(name);

    leaving = false;
    sscanf(data, "<stream:stream from=\"%63[^\"]", c->jid);
    assert_int_equal(send(c->fd, data, size, MSG_NOSIGNAL), size);
    if (data[0] != '<' || strncmp(data, "<iq", 3)) {
        return;
    }
    c->n_sent++;
    uint64_t deadline = tsn_now_ms() + PATIENCE_MS;
    for (;;) {
        int64_t n = ask_rx_stanzas(c->jid);

        if (n < 0 || n >= c->n_sent) {
            return;
        }
        if (tsn_now_ms() > deadline) {
            fail_msg("%s: not handled", at);
        }
        poll(NULL, 0, 1);
    }
}

static void
step_receive(const char *name, const char *data, size_t size)
{
    struct client *c = find_client(name);
    struct xmpp_stream_event event;
    bool open = !strncmp(data, "<stream:stream", 14);

    if (!open && !is_comparable(data, size)) {
        return;
    }
    if (!open && !in_order) {
        add_items(data, size, &c->recorded);
        return;
    }
    if (!take(c, PATIENCE_MS, &event)) {
        fail_msg("%s: nothing came", at);
    }
    if (open) {
        char *ours = xmemdup0(event.data, event.size);
        char *recorded = xmemdup0(data, size);

        assert_string_equal(ours, recorded);
        free(ours);
        free(recorded);
        return;
    }

    char *ours = meaning(event.data, event.size);
    char *recorded = meaning(data, size);
    if (strcmp(ours, recorded)) {
        fail_msg("%s\nwe say:\n%s\nrecorded:\n%s", at, ours, recorded);
    }
    free(ours);
    free(recorded);
}

/* The end of a part of the recording: what was recorded must have come. */
static void
compare_items(struct client *c)
{
    struct svec ours = SVEC_EMPTY_INITIALIZER;
    struct xmpp_stream_event event;

    while (ours.n < c->recorded.n && take(c, PATIENCE_MS, &event)) {
        add_items(event.data, event.size, &ours);
    }
    svec_sort(&ours);
    svec_sort(&c->recorded);
    for (size_t i = 0; i < c->recorded.n; i++) {
        if (i >= ours.n || strcmp(ours.names[i], c->recorded.names[i])) {
            fail_msg("before %s\nwe say:\n%s\nrecorded:\n%s", at,
                     i < ours.n ? ours.names[i] : "nothing",
                     c->recorded.names[i]);
        }
    }
    assert_int_equal(ours.n, c->recorded.n);
    svec_destroy(&ours);
    svec_clear(&c->recorded);
}

static void
assert_no_more(struct client *c)
{
    struct xmpp_stream_event event;

    if (take(c, 0, &event)) {
        fail_msg("%s: one too many: %.*s", at, (int) event.size, event.data);
    }
}

static void
step_server_closes(const char *name)
{
    struct client *c = find_client(name);
    uint64_t deadline = tsn_now_ms() + PATIENCE_MS;

    while (!c->eof && tsn_now_ms() < deadline) {
        receive(c, 100);
    }
    if (!c->eof) {
        fail_msg("%s: it does not", at);
    }
    c->expected_eof = true;
    assert_no_more(c);
}

static void
step_client_closes(const char *name, bool reset)
{
    struct client *c = shash_find_and_delete(&clients, name);

    assert_non_null(c);
    compare_items(c);
    if (!leaving) {
        assert_no_more(c);
    }
    leaving = true;
    receive(c, 0);
    if (c->eof && !c->expected_eof) {
        fail_msg("%s: the server has closed first", at);
    }
    if (reset) {
        struct linger linger = { .l_onoff = 1 };
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    close(c->fd);

    /* Another of the same name is welcome only once it is gone. */
    uint64_t deadline = tsn_now_ms() + PATIENCE_MS;
    while (!c->eof && ask_rx_stanzas(c->jid) >= 0) {
        assert_true(tsn_now_ms() < deadline);
        poll(NULL, 0, 1);
    }
    xmpp_stream_fini(&c->stream);
    svec_destroy(&c->recorded);
    free(c);
}

/* 'comment' is what stands behind the time in it; 'data' what follows. */
static void
run_step(const char *comment, const char *data, size_t size)
{
    char name[64], how[16];
    int n = 0;

    if (strstr(comment, "keepalive")) {
        return;
    } else if (sscanf(comment, "%63[^:]: TCP connected%n", name, &n) == 1
               && n) {
        step_connect(name);
    } else if (sscanf(comment, "AGENT %63s =>%n", name, &n) == 1 && n) {
        step_send(name, data, size);
    } else if (sscanf(comment, "SERVER => AGENT %63s %n", name, &n) == 1
               && n) {
        step_receive(name, data, size);
    } else if (sscanf(comment, "%63[^:]: TCP closed by%n", name, &n) == 1
               && n) {
        step_server_closes(name);
    } else if (sscanf(comment, "%63[^:]: client closes TCP (%15[A-Z])", name,
                      how) == 2) {
        step_client_closes(name, !strcmp(how, "RST"));
    }
}

static void
replay(const char *recording, bool in_order_)
{
    const char *srcdir = getenv("srcdir");
    char *path = xasprintf("%s/tests/wire/recordings/%s.xml",
                           srcdir ? srcdir : ".", recording);
    FILE *f = fopen(path, "r");
    struct ds text = DS_EMPTY_INITIALIZER;
    char buf[4096];
    size_t n, n_steps = 0;

    in_order = in_order_;
    if (!f) {
        fail_msg("cannot open %s", path);
    }
    free(path);
    while ((n = fread(buf, 1, sizeof buf, f)) > 0) {
        ds_put_buffer(&text, buf, n);
    }
    fclose(f);

    struct shash_node *node;
    char *next;
    for (char *p = strstr(ds_cstr(&text), "<!--"); p; p = next) {
        char *end = strstr(p, "-->");
        char *data = end + 3;

        next = strstr(end, "<!--");
        data += strspn(data, "\n");
        size_t size = next ? (size_t) (next - data) : strlen(data);
        while (size && data[size - 1] == '\n') {
            size--;
        }
        *end = '\0';
        at = p + 5;
        if (*at == '[') {
            run_step(strchr(at, ']') + 2, data, size);
            n_steps++;
        } else if (*at == '#') {
            SHASH_FOR_EACH (node, &clients) {
                compare_items(node->data);
            }
        }
    }
    ds_destroy(&text);
    assert_true(n_steps > 10);

    SHASH_FOR_EACH_SAFE (node, &clients) {
        char *name = xstrdup(node->name);
        step_client_closes(name, false);
        free(name);
    }
}

static void
replay__subscriptions__as_recorded(void **state)
{
    replay("02-subscribe", true);
}

static void
replay__evpn_routes__as_recorded(void **state)
{
    replay("03-evpn-bum", true);
}

static void
replay__evpn_variants__as_recorded(void **state)
{
    replay("04-evpn-variants", false);
}

/* The second and the third of a name are closed without an answer, the first
 * one stays. */
static void
replay__duplicate_names__as_recorded(void **state)
{
    replay("06-duplicate-jid", false);
}

/* Reload. */

static void
send_text(const char *name, const char *text)
{
    step_send(name, text, strlen(text));
}

/* Returns the next stanza of configuration, to be freed; NULL if none comes
 * in time. */
static char *
take_config(const char *name, int timeout_ms)
{
    struct client *c = find_client(name);
    uint64_t deadline = tsn_now_ms() + timeout_ms;

    for (;;) {
        struct xmpp_stream_event event;

        assert_int_equal(xmpp_stream_next(&c->stream, &event), 0);
        if (event.type == XMPP_STREAM_STANZA
            && !strncmp(event.data, "<iq", 3)) {
            return xmemdup0(event.data, event.size);
        }
        if (event.type == XMPP_STREAM_NONE) {
            uint64_t now = tsn_now_ms();

            if (c->eof || now >= deadline) {
                return NULL;
            }
            receive(c, deadline - now);
        }
    }
}

/* Waits until the log says 'text' once more than 'n' times, and returns how
 * often it does. */
static int
await_log(const char *text, int n)
{
    uint64_t deadline = tsn_now_ms() + PATIENCE_MS;
    char *path = file_path("log");
    int found;

    for (;;) {
        FILE *f = fopen(path, "r");
        char line[1024];

        found = 0;
        while (f && fgets(line, sizeof line, f)) {
            found += strstr(line, text) != NULL;
        }
        if (f) {
            fclose(f);
        }
        if (found > n) {
            break;
        }
        assert_true(tsn_now_ms() < deadline);
        poll(NULL, 0, 10);
    }
    free(path);
    return found;
}

/* We have none, and then a control node does not look at it (1.3). */
static void
header__any_subcluster__served(void **state)
{
    at = "subcluster";
    step_connect("tor-agent-2");
    send_text("tor-agent-2", "<stream:stream from=\"tor-agent-2\" to=\""
              XMPP_CONTROL_JID "\" version=\"1.0\" xml:lang=\"en\" "
              "xmlns=\"edge1\" "
              "xmlns:stream=\"http://etherx.jabber.org/streams\" >");
    send_text("tor-agent-2", "<iq type='set' from='tor-agent-2' to='"
              XMPP_CONTROL_JID "/config'><pubsub><subscribe "
              "node='virtual-router:" XMPP_VR_PREFIX "tor-agent-2' />"
              "</pubsub></iq>");
    char *stanza = take_config("tor-agent-2", PATIENCE_MS);
    assert_non_null(stanza);
    free(stanza);
    step_client_closes("tor-agent-2", false);
}

static void
reload__changed_file__clients_get_the_difference(void **state)
{
    at = "reload";
    step_connect("tor-agent-1");
    send_text("tor-agent-1", "<stream:stream from=\"tor-agent-1\" "
              "xmlns:stream=\"http://etherx.jabber.org/streams\" >");
    send_text("tor-agent-1", "<iq type='set' from='tor-agent-1' to='"
              XMPP_CONTROL_JID "/config'><pubsub><subscribe "
              "node='virtual-router:" XMPP_VR_PREFIX "tor-agent-1' />"
              "</pubsub></iq>");
    char *stanza = take_config("tor-agent-1", PATIENCE_MS);
    assert_non_null(stanza);
    assert_non_null(strstr(stanza, XMPP_VR_PREFIX "tor1<"));
    free(stanza);

    write_config("{name: eth0, vlan: 300, network: vn1}", "");
    kill(pid, SIGHUP);
    stanza = take_config("tor-agent-1", PATIENCE_MS);
    assert_non_null(stanza);
    assert_non_null(strstr(stanza, "<update>"));
    assert_non_null(strstr(stanza, "eth0.300<"));
    assert_non_null(strstr(stanza, ">5005<"));
    assert_null(strstr(stanza, "<node type=\"virtual-router\">"));
    free(stanza);
    stanza = take_config("tor-agent-1", PATIENCE_MS);
    assert_non_null(stanza);
    assert_non_null(strstr(stanza, "<node type=\"routing-instance\">"));
    free(stanza);

    /* Refused ones change nothing. */
    write_config("{name: eth0, vlan: 300, network: vn9}", "");
    kill(pid, SIGHUP);
    int n = await_log("\"vn9\" is not the name of a network", 0);
    assert_int_equal(n, 1);
    write_config("", "hold-time: 80\n");
    kill(pid, SIGHUP);
    await_log("hold-time: it cannot be changed while running", 0);

    write_config("", "");
    kill(pid, SIGHUP);
    stanza = take_config("tor-agent-1", PATIENCE_MS);
    assert_non_null(stanza);
    assert_non_null(strstr(stanza, "<delete>"));
    assert_null(strstr(stanza, "<update>"));
    free(stanza);
    step_client_closes("tor-agent-1", false);
}

static void
start__few_files_allowed__raises_the_limit(void **state)
{
    struct rlimit files;

    assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &files), 0);
    assert_true(files.rlim_cur >= MIN(files.rlim_max, CTRL_MAX_SESSIONS));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start__few_files_allowed__raises_the_limit),
        cmocka_unit_test(replay__subscriptions__as_recorded),
        cmocka_unit_test(replay__evpn_routes__as_recorded),
        cmocka_unit_test(replay__evpn_variants__as_recorded),
        cmocka_unit_test(replay__duplicate_names__as_recorded),
        cmocka_unit_test(header__any_subcluster__served),
        cmocka_unit_test(reload__changed_file__clients_get_the_difference),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
