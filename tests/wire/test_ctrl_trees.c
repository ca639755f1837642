/* SPDX-License-Identifier: Apache-2.0 */
/* Speakers in the multicast trees of tsn-controller as a program, over
 * loopback: what the members know always makes a tree, whichever of two
 * control nodes dies; and what is shown of them. */
#include <config.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "tsn/loop.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/route.h"
#include "xmpp/speaker.h"

#define RI "default-domain:admin:vn1:vn1"
#define N_MEMBERS 7
/* For anything that should take a back-off at most. */
#define PATIENCE_MS 30000

struct program {
    const char *name;
    char dir[32];
    uint16_t port;
    pid_t pid;                  /* 0: not running. */
};
static struct program programs[2] = {
    { .name = "ctrl1" },
    { .name = "ctrl2" },
};

struct member {
    struct xmpp_speaker *speaker;   /* NULL: gone. */
    struct xmpp_tree_offer offer;
    int n_changed;
};
static struct member members[N_MEMBERS];
static uv_loop_t loop;

/* The control nodes. */

static char *
file_path(const struct program *p, const char *name)
{
    return xasprintf("%s/%s", p->dir, name);
}

static const char *
build_dir(void)
{
    const char *dir = getenv("builddir");

    return dir ? dir : ".";
}

static uint16_t
free_port(void)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *) &sin, sizeof sin), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &sin, &len), 0);
    close(fd);
    return ntohs(sin.sin_port);
}

static void
program_init(struct program *p)
{
    strcpy(p->dir, "/tmp/tsn-trees.XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    p->port = free_port();
    char *path = file_path(p, "controller.yaml");
    FILE *f = fopen(path, "w");

    fprintf(f, "name: %s\n"
            "listen: 127.0.0.1:%u\n"
            "project: admin\n"
            "networks:\n"
            "- {name: vn1, vni: 5005, id: 5}\n", p->name, p->port);
    fclose(f);
    free(path);
}

static void
program_start(struct program *p)
{
    p->pid = fork();
    if (!p->pid) {
        char *path = file_path(p, "controller.yaml");
        char *log = file_path(p, "log");
        char *program = xasprintf("%s/controller/tsn-controller",
                                  build_dir());

        execl(program, program, "--config", path, "--run-dir", p->dir,
              "--log-file", log, NULL);
        perror(program);
        _exit(127);
    }
}

static void
program_stop(struct program *p, int signal)
{
    int status;

    if (p->pid) {
        kill(p->pid, signal);
        waitpid(p->pid, &status, 0);
        p->pid = 0;
        assert_true(signal == SIGKILL
                    || (WIFEXITED(status) && !WEXITSTATUS(status)));
    }
}

static void
program_fini(struct program *p)
{
    static const char *const files[] = {
        "controller.yaml", "log", "tsn-controller.ctl",
    };

    program_stop(p, SIGTERM);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        char *path = file_path(p, files[i]);
        unlink(path);
        free(path);
    }
    rmdir(p->dir);
}

/* What "tsnctl show WHAT vn1" prints, to be freed. */
static char *
show(const struct program *p, const char *what, const char *option)
{
    char *command = xasprintf("%s/tsnctl/tsnctl --run-dir %s show %s vn1 %s",
                              build_dir(), p->dir, what, option);
    struct ds out = DS_EMPTY_INITIALIZER;
    FILE *f = popen(command, "r");
    char buf[4096];
    size_t n;

    assert_non_null(f);
    while ((n = fread(buf, 1, sizeof buf, f)) > 0) {
        ds_put_buffer(&out, buf, n);
    }
    assert_int_equal(pclose(f), 0);
    free(command);
    return ds_steal_cstr(&out);
}

/* The members. */

static void
config_changed(void *member OVS_UNUSED,
               const struct xmpp_view *view OVS_UNUSED,
               bool complete OVS_UNUSED)
{
}

static void
routes_changed(void *member OVS_UNUSED, const char *instance OVS_UNUSED)
{
}

static void
session_changed(void *member OVS_UNUSED)
{
}

static void
tree_changed(void *member_, const char *instance)
{
    struct member *member = member_;

    assert_string_equal(instance, RI);
    member->n_changed++;
}

static const struct xmpp_speaker_ops speaker_ops = {
    .config_changed = config_changed,
    .routes_changed = routes_changed,
    .session_changed = session_changed,
    .tree_changed = tree_changed,
};

static void
member_start(size_t i)
{
    struct member *member = &members[i];
    struct sockaddr_storage controllers[2];
    char *name = xasprintf("m%"PRIuSIZE, i);
    struct xmpp_speaker_config config = {
        .name = name, .controllers = controllers, .n_controllers = 2,
        .hold_s = 90, .stale_hold_s = 300,
    };

    for (int j = 0; j < 2; j++) {
        tsn_sockaddr_parse("127.0.0.1", programs[j].port, &controllers[j]);
        member->offer.labels[j].first = 1000 * (j + 1) + 10 * i;
        member->offer.labels[j].last = 1000 * (j + 1) + 10 * i + 9;
    }
    char *ip = xasprintf("10.0.0.%"PRIuSIZE, i + 1);
    assert_int_equal(tsn_ip_parse(ip, &member->offer.next_hop), 0);
    free(ip);
    member->speaker = xmpp_speaker_create(&loop, &config, &speaker_ops,
                                          member);
    xmpp_speaker_subscribe(member->speaker, RI, 5);
    assert_int_equal(xmpp_speaker_join_tree(member->speaker, RI,
                                            &member->offer), 0);
    free(name);
}

static const struct member *
member_at(const struct in6_addr *ip)
{
    for (size_t i = 0; i < N_MEMBERS; i++) {
        if (members[i].speaker
            && tsn_ip_equals(&members[i].offer.next_hop, ip)) {
            return &members[i];
        }
    }
    return NULL;
}

static size_t
n_present(void)
{
    size_t n = 0;

    for (size_t i = 0; i < N_MEMBERS; i++) {
        n += members[i].speaker != NULL;
    }
    return n;
}

/* Follows the links as a frame would, each with the label that the next one
 * goes by.  Returns how many copies arrive, with that of the start. */
static size_t
flood(const struct member *member, const struct member *from, size_t depth)
{
    struct xmpp_tree tree;
    size_t n = 1;

    xmpp_speaker_get_tree(member->speaker, RI, &tree);
    for (size_t i = 0; i < tree.n_neighbours && depth; i++) {
        const struct member *to = member_at(&tree.neighbours[i].ip);
        struct xmpp_tree other;

        if (to == from) {
            continue;
        }
        if (!to || !xmpp_speaker_get_tree(to->speaker, RI, &other)
            || other.label != tree.neighbours[i].label) {
            return 0;
        }
        n += flood(to, member, depth - 1);
    }
    return n;
}

/* Whether what all know is one tree, of labels for that slot. */
static bool
is_tree(int slot)
{
    for (size_t i = 0; i < N_MEMBERS; i++) {
        const struct member *member = &members[i];
        struct xmpp_tree tree;

        if (!member->speaker) {
            continue;
        }
        if (!xmpp_speaker_get_tree(member->speaker, RI, &tree) || tree.stale
            || tree.label < member->offer.labels[slot].first
            || tree.label > member->offer.labels[slot].last
            || flood(member, NULL, N_MEMBERS) != n_present()) {
            return false;
        }
    }
    return true;
}

static bool
is_tree_of_first(void)
{
    return is_tree(0);
}

static bool
is_tree_of_second(void)
{
    return is_tree(1);
}

static bool
are_headless(void)
{
    for (size_t i = 0; i < N_MEMBERS; i++) {
        if (members[i].speaker && xmpp_speaker_is_up(members[i].speaker)) {
            return false;
        }
    }
    return true;
}

static void
wake(uv_timer_t *timer OVS_UNUSED)
{
}

static void
run_until(bool (*done)(void))
{
    uint64_t end = tsn_now_ms() + PATIENCE_MS;
    uv_timer_t timer;

    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, wake, 10, 10);
    while (!done() && tsn_now_ms() < end) {
        uv_run(&loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *) &timer, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    assert_true(done());
}

static int
setup(void **state)
{
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    uv_loop_init(&loop);
    memset(members, 0, sizeof members);
    program_init(&programs[0]);
    program_init(&programs[1]);
    return 0;
}

static int
teardown(void **state)
{
    for (size_t i = 0; i < N_MEMBERS; i++) {
        xmpp_speaker_destroy(members[i].speaker);
    }
    while (uv_run(&loop, UV_RUN_NOWAIT)) {
        continue;
    }
    assert_int_equal(uv_loop_close(&loop), 0);
    program_fini(&programs[0]);
    program_fini(&programs[1]);
    return 0;
}

/* "tsnctl show trees" says of each member what it knows itself. */
static void
compare_shown(void)
{
    char *text = show(&programs[0], "trees", "--json");
    struct json *json = json_from_string(text);

    assert_int_equal(json->type, JSON_OBJECT);
    const struct json *reply = shash_find_data(json->object,
                                               "tsn-controller");
    if (!reply) {
        fail_msg("%s", text);
    }
    const struct json *rows = shash_find_data(reply->object, "members");
    assert_non_null(rows);
    assert_int_equal(rows->array.n, n_present());
    for (size_t i = 0; i < rows->array.n; i++) {
        const struct shash *row = rows->array.elems[i]->object;
        const char *name = json_string(shash_find_data(row, "member"));
        const struct json *out = shash_find_data(row, "neighbours");
        const struct member *member = &members[atoi(name + 1)];
        struct xmpp_tree tree;

        assert_string_equal(json_string(shash_find_data(row, "instance")),
                            RI);
        assert_true(xmpp_speaker_get_tree(member->speaker, RI, &tree));
        assert_int_equal(json_integer(shash_find_data(row, "label")),
                         tree.label);
        assert_int_equal(out->array.n, tree.n_neighbours);
        for (size_t j = 0; j < tree.n_neighbours; j++) {
            char ip[TSN_IP_STRLEN];
            char *expected = xasprintf(
                "%s/%"PRIu32, tsn_ip_format(&tree.neighbours[j].ip, ip),
                tree.neighbours[j].label);

            assert_string_equal(json_string(out->array.elems[j]), expected);
            free(expected);
        }
    }
    json_destroy(json);
    free(text);

    text = show(&programs[0], "trees", "");
    assert_non_null(strstr(text, "NEIGHBOURS"));
    assert_non_null(strstr(text, "10.0.0.1/10"));
    free(text);
}

static void
trees__control_nodes_die__are_built_by_the_other_one(void **state)
{
    /* All elect the one that is there: there is no BGP that would join the
     * trees of two. */
    program_start(&programs[0]);
    for (size_t i = 0; i < N_MEMBERS; i++) {
        member_start(i);
    }
    run_until(is_tree_of_first);
    compare_shown();

    program_start(&programs[1]);
    xmpp_speaker_destroy(members[3].speaker);
    members[3].speaker = NULL;
    run_until(is_tree_of_first);
    compare_shown();

    program_stop(&programs[0], SIGKILL);
    run_until(is_tree_of_second);

    /* Without any they go on with what they have. */
    struct xmpp_tree before, after;
    assert_true(xmpp_speaker_get_tree(members[0].speaker, RI, &before));
    int n_changed = members[0].n_changed;
    program_stop(&programs[1], SIGKILL);
    run_until(are_headless);
    assert_true(xmpp_speaker_get_tree(members[0].speaker, RI, &after));
    assert_true(after.stale);
    assert_int_equal(after.label, before.label);
    assert_int_equal(after.n_neighbours, before.n_neighbours);
    assert_int_equal(members[0].n_changed, n_changed);

    program_start(&programs[0]);
    run_until(is_tree_of_first);
    assert_true(xmpp_speaker_get_tree(members[0].speaker, RI, &after));
    assert_true(after.sequence > before.sequence);
    assert_true(after.n_old_labels != 0);
}

/* What its publisher left behind. */

static bool wanted_stale;

static bool
is_shown_stale(void)
{
    char *text = show(&programs[0], "routes", "--json");
    struct json *json = json_from_string(text);
    const struct json *reply = shash_find_data(json_object(json),
                                               "tsn-controller");
    bool found = false;

    if (!reply) {
        fail_msg("%s", text);
    }
    const struct json *rows = shash_find_data(json_object(reply), "routes");
    for (size_t i = 0; i < rows->array.n; i++) {
        const struct shash *row = rows->array.elems[i]->object;

        assert_string_equal(json_string(shash_find_data(row, "publisher")),
                            "m0");
        found = json_boolean(shash_find_data(row, "stale")) == wanted_stale;
    }
    json_destroy(json);
    free(text);
    return found;
}

static void
assert_shown_last(const char *word)
{
    char *text = show(&programs[0], "routes", "");
    char *line = strstr(text, "02:00:00:00:00:01");

    assert_non_null(strstr(text, "STALE\n"));
    assert_non_null(line);
    line = strtok(line, "\n");
    assert_string_equal(strrchr(line, ' ') + 1, word);
    free(text);
}

static void
routes__publisher_goes__shown_as_stale(void **state)
{
    struct xmpp_evpn route;
    struct in6_addr ip;

    program_start(&programs[0]);
    member_start(0);
    xmpp_evpn_init(&route);
    route.tag = 5005;
    route.mac = (struct eth_addr) ETH_ADDR_C(02,00,00,00,00,01);
    assert_int_equal(tsn_ip_parse("10.0.0.1", &ip), 0);
    xmpp_evpn_add_next_hop(&route, &ip, 5005, TSN_ENCAP_VXLAN);
    assert_int_equal(xmpp_speaker_publish(members[0].speaker, RI, &route), 0);
    xmpp_evpn_fini(&route);
    run_until(is_tree_of_first);
    wanted_stale = false;
    run_until(is_shown_stale);
    assert_shown_last("no");

    xmpp_speaker_destroy(members[0].speaker);
    members[0].speaker = NULL;
    wanted_stale = true;
    run_until(is_shown_stale);
    assert_shown_last("yes");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            trees__control_nodes_die__are_built_by_the_other_one, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            routes__publisher_goes__shown_as_stale, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
