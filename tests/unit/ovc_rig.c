/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/unit/ovc_proxy.h"
#include "tests/unit/ovc_rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fatal-signal.h"
#include "jsonrpc.h"
#include "openvswitch/dynamic-string.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/profile.h"
#include "ovsdb-client/text.h"
#include "ovsdb-client/tunnel.h"
#include "packets.h"
#include "stream.h"
#include "svec.h"
#include "timeval.h"
#include "tsn/json.h"
#include "util.h"


/* The fake server. */

struct fake {
    struct pstream *listener;
    struct stream *stream;              /* Owned by 'rpc'. */
    struct jsonrpc *rpc;
    const struct fake_answer *answers;
    char *schema;
    char *remote;
    struct svec requests;
    struct json *id;                    /* Of the last request. */
    int n_connects, n_closes;
};

void
rig_start_fake(struct rig *rig, const struct fake_answer *answers)
{
    struct fake *fake = xzalloc(sizeof *fake);
    char *name = xasprintf("punix:%s/fake_sock", rig->dir);
    struct json *schema = json_from_file(VTEP_SCHEMA);

    assert_int_equal(pstream_open(name, &fake->listener, 0), 0);
    free(name);
    fake->answers = answers;
    fake->schema = json_to_string(schema, 0);
    json_destroy(schema);
    fake->remote = xasprintf("unix:%s/fake_sock", rig->dir);
    svec_init(&fake->requests);
    rig->fake = fake;
}

static void
fake_hang_up(struct fake *fake)
{
    if (fake->rpc) {
        jsonrpc_close(fake->rpc);
        fake->rpc = NULL;
        fake->n_closes++;
    }
}

void
rig_stop_fake(struct rig *rig)
{
    struct fake *fake = rig->fake;

    if (fake) {
        fake_hang_up(fake);
        pstream_close(fake->listener);
        svec_destroy(&fake->requests);
        json_destroy(fake->id);
        free(fake->schema);
        free(fake->remote);
        free(fake);
        rig->fake = NULL;
    }
}

const char *
rig_fake_remote(struct rig *rig)
{
    return rig->fake->remote;
}

static void
fake_send(struct fake *fake, const char *bytes, const struct json *id)
{
    char *id_text = id ? json_to_string(id, 0) : xstrdup("null");
    struct ds out = DS_EMPTY_INITIALIZER;

    for (const char *p = bytes; *p; p++) {
        if (!strncmp(p, "@ID@", 4)) {
            ds_put_cstr(&out, id_text);
            p += 3;
        } else if (!strncmp(p, "@SCHEMA@", 8)) {
            ds_put_cstr(&out, fake->schema);
            p += 7;
        } else {
            ds_put_char(&out, *p);
        }
    }
    for (size_t sent = 0; fake->rpc && sent < out.length; ) {
        int n = stream_send(fake->stream, out.string + sent,
                            out.length - sent);
        if (n == -EAGAIN) {
            usleep(1000);
        } else if (n < 0) {
            fake_hang_up(fake);
        } else {
            sent += n;
        }
    }
    ds_destroy(&out);
    free(id_text);
}

void
rig_fake_send(struct rig *rig, const char *bytes)
{
    fake_send(rig->fake, bytes, rig->fake->id);
}

static void
fake_answer(struct fake *fake, const char *request, const struct json *id)
{
    for (const struct fake_answer *a = fake->answers; a->request; a++) {
        if (!*a->request ? !*request
            : !strncmp(request, a->request, strlen(a->request))) {
            fake_send(fake, a->answer, id);
            return;
        }
    }
}

static void
fake_recv(struct fake *fake)
{
    struct jsonrpc_msg *msg;

    jsonrpc_run(fake->rpc);
    while (fake->rpc && !jsonrpc_recv(fake->rpc, &msg)) {
        if (msg->type == JSONRPC_REQUEST) {
            const struct json_array *params = json_array(msg->params);
            const char *db = (params->n && params->elems[0]->type
                              == JSON_STRING
                              ? json_string(params->elems[0]) : "");
            char *request = xasprintf("%s %s", msg->method, db);
            svec_add(&fake->requests, request);
            if (strcmp(msg->method, "echo")) {
                json_destroy(fake->id);
                fake->id = json_clone(msg->id);
            }
            fake_answer(fake, request, msg->id);
            free(request);
        } else if (msg->type == JSONRPC_REPLY) {
            svec_add(&fake->requests, "reply");
        }
        jsonrpc_msg_destroy(msg);
    }
    if (fake->rpc && jsonrpc_get_status(fake->rpc)) {
        fake_hang_up(fake);
    }
}

static void
fake_run(struct fake *fake)
{
    struct stream *stream;

    if (!fake) {
        return;
    }
    if (!pstream_accept(fake->listener, &stream)) {
        fake_hang_up(fake);
        fake->stream = stream;
        fake->rpc = jsonrpc_open(stream);
        fake->n_connects++;
        fake_answer(fake, "", NULL);
    }
    if (fake->rpc) {
        fake_recv(fake);
    }
    pstream_wait(fake->listener);
    if (fake->rpc) {
        jsonrpc_wait(fake->rpc);
        jsonrpc_recv_wait(fake->rpc);
    }
}

int
rig_fake_requests(struct rig *rig, const char *method)
{
    const char *request;
    int n = 0;
    size_t i;

    SVEC_FOR_EACH (i, request, &rig->fake->requests) {
        n += !strncmp(request, method, strlen(method));
    }
    return n;
}

int
rig_fake_connects(struct rig *rig)
{
    return rig->fake->n_connects;
}

int
rig_fake_closes(struct rig *rig)
{
    return rig->fake->n_closes;
}

/* Life. */

static void
session_changed(void *rig_, bool connected)
{
    struct rig *rig = rig_;

    if (connected) {
        rig->n_up++;
    } else {
        rig->n_down++;
    }
}

static void
mac_changed(void *rig_, const char *ls_name, const struct eth_addr *mac,
            bool learnt)
{
    struct rig *rig = rig_;

    ds_put_format(&rig->macs, "%s "ETH_ADDR_FMT"%s\n", ls_name,
                  ETH_ADDR_ARGS(*mac), learnt ? "" : " gone");
}

static void
flood_changed(void *rig_, const char *ls_name)
{
    struct rig *rig = rig_;

    ds_put_format(&rig->macs, "%s flood\n", ls_name);
}

static void
node_changed(void *rig_, const char *ls_name OVS_UNUSED)
{
    struct rig *rig = rig_;

    rig->n_node++;
}

static void
learnt_changed(void *rig_)
{
    struct rig *rig = rig_;

    rig->n_learnt++;
}

struct rig *
rig_create(void)
{
    struct rig *rig = xzalloc(sizeof *rig);
    char dir[] = "/tmp/ovc-rig-XXXXXX";

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    if (getenv("RIG_LOG")) {
        vlog_set_levels(NULL, VLF_CONSOLE, VLL_DBG);
    }
    fatal_ignore_sigpipe();
    assert_non_null(mkdtemp(dir));
    rig->dir = xstrdup(dir);
    static const char *const switches[] = { RIG_SWITCH };
    rig->stale_hold_ms = 60000;
    rig->ownership = OVC_SHARED;
    rig->switches = switches;
    rig->n_switches = ARRAY_SIZE(switches);
    rig->profile = ovc_profile_find("schema");
    return rig;
}

static void
remove_dir(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;

    while (d && (e = readdir(d))) {
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) {
            char *file = xasprintf("%s/%s", path, e->d_name);
            unlink(file);
            free(file);
        }
    }
    if (d) {
        closedir(d);
    }
    rmdir(path);
}

void
rig_destroy(struct rig *rig)
{
    ovc_session_destroy(rig->session);
    if (rig->txn) {
        ovsdb_idl_txn_abort(rig->txn);
        ovsdb_idl_txn_destroy(rig->txn);
    }
    ovsdb_idl_destroy(rig->db);
    rig_stop_fake(rig);
    proxy_destroy(rig->proxy);
    rig_stop_server(rig, SIGKILL);
    remove_dir(rig->dir);
    free(rig->dir);
    ds_destroy(&rig->macs);
    free(rig);
}

char *
rig_path(const struct rig *rig, const char *name)
{
    return xasprintf("%s/%s", rig->dir, name);
}

static int
wait_exit(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        continue;
    }
    return status;
}

/* Starts argv[0], which dies with this process. */
static pid_t
spawn(struct rig *rig, const char *const argv[])
{
    char *log = rig_path(rig, "server.log");
    pid_t parent = getpid();
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (!pid) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || fd < 0) {
            _exit(127);
        }
        dup2(fd, 1);
        dup2(fd, 2);
        execvp(argv[0], (char **) argv);
        _exit(127);
    }
    free(log);
    return pid;
}

void
rig_make_database(struct rig *rig, const char *schema_file,
                  rig_schema_fn *change)
{
    struct json *schema = json_from_file(schema_file);
    char *schema_path = rig_path(rig, "schema");
    char *db_path = rig_path(rig, "db");

    assert_int_equal(schema->type, JSON_OBJECT);
    if (change) {
        change(schema);
    }
    json_destroy(shash_find_and_delete(json_object(schema), "cksum"));
    char *text = json_to_string(schema, 0);
    FILE *f = fopen(schema_path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    free(text);
    json_destroy(schema);

    unlink(db_path);
    const char *argv[] = { "ovsdb-tool", "create", db_path, schema_path,
                           NULL };
    assert_int_equal(wait_exit(spawn(rig, argv)), 0);
    free(db_path);
    free(schema_path);
}

void
rig_start_server(struct rig *rig)
{
    rig_start_server_to(rig, NULL);
}

void
rig_start_server_to(struct rig *rig, const char *active)
{
    char *to = xasprintf("--remote=%s", active);
    char *remote = xasprintf("--remote=punix:%s/sock", rig->dir);
    char *ctl = xasprintf("--unixctl=%s/ctl", rig->dir);
    char *path = rig_path(rig, "db");
    char *socket = rig_path(rig, "sock");
    const char *argv[] = { "ovsdb-server", "--no-chdir", "-vconsole:warn",
                           "-vsyslog:off", remote, ctl, path,
                           active ? to : NULL, NULL };

    unlink(socket);
    rig->server = spawn(rig, argv);
    long long deadline = rig_deadline(5000);
    while (access(socket, F_OK)) {
        assert_false(rig_expired(deadline));
        usleep(1000);
    }
    free(to);
    free(remote);
    free(ctl);
    free(path);
    free(socket);
}

void
rig_stop_server(struct rig *rig, int signal)
{
    if (rig->server > 0) {
        kill(rig->server, signal);
        wait_exit(rig->server);
        rig->server = 0;
    }
}

void
rig_transact_offline(struct rig *rig, const char *transaction)
{
    char *path = rig_path(rig, "db");
    const char *argv[] = { "ovsdb-tool", "transact", path, transaction, NULL };

    assert_int_equal(wait_exit(spawn(rig, argv)), 0);
    free(path);
}

void
rig_start_db(struct rig *rig)
{
    char *remote = xasprintf("unix:%s/sock", rig->dir);

    rig->db = ovsdb_idl_create(remote, &vteprec_idl_class, true, true);
    free(remote);
    ovsdb_idl_get_initial_snapshot(rig->db);
}

void
rig_make_switch(struct rig *rig, const char *name, const char *tunnel_ip)
{
    static const char *const names[] = { "p1", "p2" };
    struct vteprec_physical_port *ports[2];

    rig_begin(rig);
    for (int i = 0; i < 2; i++) {
        ports[i] = vteprec_physical_port_insert(rig->txn);
        vteprec_physical_port_set_name(ports[i], names[i]);
    }
    struct vteprec_physical_switch *ps
        = vteprec_physical_switch_insert(rig->txn);
    vteprec_physical_switch_set_name(ps, name);
    vteprec_physical_switch_set_ports(ps, ports, 2);
    if (tunnel_ip) {
        vteprec_physical_switch_set_tunnel_ips(ps, &tunnel_ip, 1);
    }
    const struct vteprec_global *global = vteprec_global_first(rig->db);
    if (!global) {
        global = vteprec_global_insert(rig->txn);
    }
    vteprec_global_update_switches_addvalue(global, ps);
    rig_end(rig);
}

void
rig_start_session(struct rig *rig, const char *remote)
{
    static const struct ovc_session_ops ops = {
        .session_changed = session_changed,
        .learnt_changed = learnt_changed,
        .mac_changed = mac_changed,
        .flood_changed = flood_changed,
        .node_changed = node_changed,
    };
    char *unix_remote = xasprintf("unix:%s/sock", rig->dir);
    struct ovc_session_config config = {
        .name = RIG_SWITCH,
        .switches = rig->switches,
        .n_switches = rig->n_switches,
        .remote = remote ? remote : unix_remote,
        .probe_ms = 5000,
        .ownership = rig->ownership,
        .stale_hold_ms = rig->stale_hold_ms,
        .cleanup_ms = OVC_CLEANUP_MS,
        .profile = rig->profile,
    };

    rig->session = ovc_session_create(&config, &ops, rig);
    free(unix_remote);
}

void
rig_stop_session(struct rig *rig)
{
    ovc_session_destroy(rig->session);
    rig->session = NULL;
    rig->n_up = rig->n_down = rig->n_learnt = 0;
}

int
rig_setup(void **state)
{
    struct rig *rig = rig_create();

    *state = rig;
    rig_make_database(rig, VTEP_SCHEMA, NULL);
    rig_start_server(rig);
    rig_start_db(rig);
    rig_make_switch(rig, RIG_SWITCH, RIG_OWN_VTEP);
    rig_start_session(rig, NULL);
    return 0;
}

int
rig_teardown(void **state)
{
    rig_destroy(*state);
    return 0;
}

/* Turns. */

long long
rig_deadline(int ms)
{
    return time_msec() + ms;
}

bool
rig_expired(long long deadline)
{
    return time_msec() >= deadline;
}

void
rig_turn(struct rig *rig, int max_ms)
{
    if (rig->db) {
        ovsdb_idl_run(rig->db);
        ovsdb_idl_wait(rig->db);
    }
    if (rig->session) {
        ovc_session_run(rig->session);
        ovc_session_wait(rig->session);
    }
    fake_run(rig->fake);
    proxy_run(rig->proxy);
    proxy_wait(rig->proxy);
    poll_timer_wait(max_ms);
    poll_block();
    if (rig->db) {
        ovsdb_idl_run(rig->db);
    }
}

void
rig_run(struct rig *rig, int ms)
{
    long long deadline = rig_deadline(ms);

    while (!rig_expired(deadline)) {
        rig_turn(rig, MAX(deadline - time_msec(), 0));
    }
}

void
rig_settle(struct rig *rig)
{
    long long deadline = rig_deadline(RIG_MS);
    uint64_t before;

    do {
        assert_false(rig_expired(deadline));
        before = rig_status(rig, "ovsdb", "transactions");
        rig_run(rig, 100);
    } while (rig_status(rig, "ovsdb", "transactions") != before);
}

void
rig_dump(struct rig *rig)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct tsn_json json;

    if (!rig->session) {
        return;
    }
    tsn_json_init(&json, &s);
    tsn_json_object_begin(&json, NULL);
    ovc_session_status(rig->session, NULL, &json);
    ovc_session_networks(rig->session, &json);
    ovc_session_macs(rig->session, &json);
    ovc_session_tunnels(rig->session, &json);
    tsn_json_object_end(&json);
    print_message("%.4000s\n", ds_cstr(&s));
    ds_destroy(&s);
}

/* Somebody else. */

void
rig_begin(struct rig *rig)
{
    ovsdb_idl_run(rig->db);
    rig->txn = ovsdb_idl_txn_create(rig->db);
}

void
rig_end(struct rig *rig)
{
    enum ovsdb_idl_txn_status status = ovsdb_idl_txn_commit_block(rig->txn);

    if (status != TXN_SUCCESS && status != TXN_UNCHANGED) {
        print_message("%s\n", ovsdb_idl_txn_get_error(rig->txn));
    }
    ovsdb_idl_txn_destroy(rig->txn);
    rig->txn = NULL;
    assert_true(status == TXN_SUCCESS || status == TXN_UNCHANGED);
}

/* The database. */

const struct vteprec_logical_switch *
rig_ls(struct rig *rig, const char *name)
{
    const struct vteprec_logical_switch *row;

    VTEPREC_LOGICAL_SWITCH_FOR_EACH (row, rig->db) {
        if (!strcmp(row->name, name)) {
            return row;
        }
    }
    return NULL;
}

int64_t
rig_ls_vni(struct rig *rig, const char *name)
{
    const struct vteprec_logical_switch *row = rig_ls(rig, name);

    return row && row->n_tunnel_key ? *row->tunnel_key : -1;
}

static bool
is_flood_of(const struct vteprec_mcast_macs_remote *row, const char *ls)
{
    return (row->logical_switch && !strcmp(row->logical_switch->name, ls)
            && !strcmp(row->MAC, "unknown-dst"));
}

const struct vteprec_mcast_macs_remote *
rig_flood(struct rig *rig, const char *ls)
{
    const struct vteprec_mcast_macs_remote *row;

    VTEPREC_MCAST_MACS_REMOTE_FOR_EACH (row, rig->db) {
        if (is_flood_of(row, ls)) {
            return row;
        }
    }
    return NULL;
}

size_t
rig_n_floods(struct rig *rig, const char *ls)
{
    const struct vteprec_mcast_macs_remote *row;
    size_t n = 0;

    VTEPREC_MCAST_MACS_REMOTE_FOR_EACH (row, rig->db) {
        n += is_flood_of(row, ls);
    }
    return n;
}

const char *
rig_flood_ips(struct rig *rig, const char *ls)
{
    const struct vteprec_mcast_macs_remote *row = rig_flood(rig, ls);
    static char *text;
    struct svec ips;

    svec_init(&ips);
    if (row && row->locator_set) {
        for (size_t i = 0; i < row->locator_set->n_locators; i++) {
            svec_add(&ips, row->locator_set->locators[i]->dst_ip);
        }
    }
    svec_sort(&ips);
    free(text);
    text = svec_join(&ips, " ", "");
    svec_destroy(&ips);
    return text;
}

static bool
is_mac_of(const struct vteprec_ucast_macs_remote *row, const char *ls,
          const char *mac)
{
    return (row->logical_switch && !strcmp(row->logical_switch->name, ls)
            && (!mac || !strcasecmp(row->MAC, mac)));
}

const struct vteprec_ucast_macs_remote *
rig_mac(struct rig *rig, const char *ls, const char *mac)
{
    const struct vteprec_ucast_macs_remote *row;

    VTEPREC_UCAST_MACS_REMOTE_FOR_EACH (row, rig->db) {
        if (is_mac_of(row, ls, mac)) {
            return row;
        }
    }
    return NULL;
}

size_t
rig_n_macs(struct rig *rig, const char *ls)
{
    const struct vteprec_ucast_macs_remote *row;
    size_t n = 0;

    VTEPREC_UCAST_MACS_REMOTE_FOR_EACH (row, rig->db) {
        n += is_mac_of(row, ls, NULL);
    }
    return n;
}

const char *
rig_mac_vtep(struct rig *rig, const char *ls, const char *mac)
{
    const struct vteprec_ucast_macs_remote *row = rig_mac(rig, ls, mac);

    return row && row->locator ? row->locator->dst_ip : "";
}

const struct vteprec_physical_port *
rig_port(struct rig *rig, const char *name)
{
    const struct vteprec_physical_port *row;

    VTEPREC_PHYSICAL_PORT_FOR_EACH (row, rig->db) {
        if (!strcmp(row->name, name)) {
            return row;
        }
    }
    return NULL;
}

const struct vteprec_physical_switch *
rig_switch(struct rig *rig, const char *name)
{
    const struct vteprec_physical_switch *row;

    VTEPREC_PHYSICAL_SWITCH_FOR_EACH (row, rig->db) {
        if (!strcmp(row->name, name)) {
            return row;
        }
    }
    return NULL;
}

const struct vteprec_physical_port *
rig_switch_port(struct rig *rig, const char *switch_name, const char *name)
{
    const struct vteprec_physical_switch *ps = rig_switch(rig, switch_name);

    for (size_t i = 0; ps && i < ps->n_ports; i++) {
        if (!strcmp(ps->ports[i]->name, name)) {
            return ps->ports[i];
        }
    }
    return NULL;
}

static const char *
bound_to(const struct vteprec_physical_port *row, int vlan)
{
    for (size_t i = 0; row && i < row->n_vlan_bindings; i++) {
        if (row->key_vlan_bindings[i] == vlan) {
            return row->value_vlan_bindings[i]->name;
        }
    }
    return "";
}

const char *
rig_binding(struct rig *rig, const char *port, int vlan)
{
    return bound_to(rig_port(rig, port), vlan);
}

const char *
rig_switch_binding(struct rig *rig, const char *switch_name, const char *port,
                   int vlan)
{
    return bound_to(rig_switch_port(rig, switch_name, port), vlan);
}

const struct vteprec_physical_locator *
rig_locator(struct rig *rig, const char *ip)
{
    const struct vteprec_physical_locator *row;

    VTEPREC_PHYSICAL_LOCATOR_FOR_EACH (row, rig->db) {
        if (!strcmp(row->dst_ip, ip)) {
            return row;
        }
    }
    if (rig->txn) {
        row = vteprec_physical_locator_insert(rig->txn);
        vteprec_physical_locator_set_dst_ip(row, ip);
        vteprec_physical_locator_set_encapsulation_type(row,
                                                        "vxlan_over_ipv4");
    }
    return row;
}

/* The owner. */

static struct in6_addr
parse_ip(const char *s)
{
    struct in6_addr ip;

    assert_int_equal(tsn_ip_parse(s, &ip), 0);
    return ip;
}

static struct eth_addr
parse_mac(const char *s)
{
    struct eth_addr mac;

    assert_true(ovc_text_to_mac(s, &mac));
    return mac;
}

void
rig_want_ls(struct rig *rig, const char *name, uint32_t vni,
            const char *flood_ips)
{
    struct in6_addr ips[16];
    struct svec words;

    svec_init(&words);
    svec_parse_words(&words, flood_ips);
    assert_true(words.n <= ARRAY_SIZE(ips));
    for (size_t i = 0; i < words.n; i++) {
        ips[i] = parse_ip(words.names[i]);
    }
    ovc_want_ls(rig->session, name, vni, ips, words.n);
    svec_destroy(&words);
}

void
rig_want_mac(struct rig *rig, const char *ls, const char *mac,
             const char *vtep)
{
    struct eth_addr ea = parse_mac(mac);
    struct in6_addr ip = parse_ip(vtep);

    ovc_want_mac(rig->session, ls, &ea, &ip, &in6addr_any);
}

void
rig_unwant_mac(struct rig *rig, const char *ls, const char *mac)
{
    struct eth_addr ea = parse_mac(mac);

    ovc_unwant_mac(rig->session, ls, &ea);
}

/* Status. */

static struct json *
get_json(struct rig *rig, bool arrays)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    struct tsn_json writer;

    tsn_json_init(&writer, &s);
    tsn_json_object_begin(&writer, NULL);
    ovc_session_status(rig->session, NULL, &writer);
    if (arrays) {
        ovc_session_networks(rig->session, &writer);
        ovc_session_macs(rig->session, &writer);
        ovc_session_tunnels(rig->session, &writer);
    }
    tsn_json_object_end(&writer);
    struct json *json = json_from_string(ds_cstr(&s));
    ds_destroy(&s);
    assert_int_equal(json->type, JSON_OBJECT);
    return json;
}

static const struct json *
member(const struct json *object, const char *name)
{
    const struct json *json = shash_find_data(json_object(object), name);

    if (!json) {
        fail_msg("no member \"%s\"", name);
    }
    return json;
}

static const char *
keep_text(const struct json *value)
{
    static char *texts[8];
    static int i;

    i = (i + 1) % ARRAY_SIZE(texts);
    free(texts[i]);
    texts[i] = xstrdup(value->type == JSON_STRING ? json_string(value) : "");
    return texts[i];
}

uint64_t
rig_status(struct rig *rig, const char *object, const char *name)
{
    struct json *json = get_json(rig, false);
    uint64_t value = json_integer(member(member(json, object), name));

    json_destroy(json);
    return value;
}

const char *
rig_status_text(struct rig *rig, const char *object, const char *name)
{
    struct json *json = get_json(rig, false);
    const char *text = keep_text(member(member(json, object), name));

    json_destroy(json);
    return text;
}

const char *
rig_entry(struct rig *rig, const char *array, const char *key,
          const char *value, const char *name)
{
    struct json *json = get_json(rig, true);
    const struct json_array *entries = json_array(member(json, array));
    const char *text = "no such entry";

    for (size_t i = 0; i < entries->n; i++) {
        const struct json *k = member(entries->elems[i], key);
        if (k->type == JSON_STRING && !strcmp(json_string(k), value)) {
            text = keep_text(member(entries->elems[i], name));
        }
    }
    json_destroy(json);
    return text;
}

const char *
rig_show(struct rig *rig, rig_show_fn *fn)
{
    static struct ds s = DS_EMPTY_INITIALIZER;
    struct tsn_json writer;

    ds_clear(&s);
    tsn_json_init(&writer, &s);
    tsn_json_object_begin(&writer, NULL);
    fn(rig->session, &writer);
    tsn_json_object_end(&writer);
    json_destroy(json_from_string(ds_cstr(&s)));
    return ds_cstr(&s);
}

bool
rig_all_written(struct rig *rig)
{
    return (ovc_session_is_connected(rig->session)
            && (rig_status(rig, "rows", "written")
                == rig_status(rig, "rows", "wanted")));
}

static void
add_local_mac(const struct local_mac *mac, void *lines_)
{
    struct svec *lines = lines_;
    char vtep[TSN_IP_STRLEN];

    svec_add_nocopy(lines, xasprintf("%s "ETH_ADDR_FMT" %s", mac->ls_name,
                                     ETH_ADDR_ARGS(mac->mac),
                                     tsn_ip_format(&mac->vtep, vtep)));
}

static void
add_local_flood(const struct local_flood *flood, void *lines_)
{
    struct svec *lines = lines_;
    char vtep[TSN_IP_STRLEN];

    svec_add_nocopy(lines, xasprintf("%s %s", flood->ls_name,
                                     tsn_ip_format(&flood->vtep, vtep)));
}

static const char *
join_lines(struct svec *lines)
{
    static char *text;

    svec_sort(lines);
    free(text);
    text = svec_join(lines, "\n", "");
    svec_destroy(lines);
    return text;
}

const char *
rig_learnt(struct rig *rig)
{
    struct svec lines;

    svec_init(&lines);
    ovc_for_each_local_mac(rig->session, NULL, add_local_mac, &lines);
    return join_lines(&lines);
}

const char *
rig_learnt_floods(struct rig *rig)
{
    struct svec lines;

    svec_init(&lines);
    ovc_for_each_local_flood(rig->session, NULL, add_local_flood,
                             &lines);
    return join_lines(&lines);
}

const char *
rig_changed_macs(struct rig *rig)
{
    struct svec lines;

    svec_init(&lines);
    char *rest = ds_cstr(&rig->macs), *line;
    while ((line = strsep(&rest, "\n"))) {
        if (*line && (!lines.n || strcmp(lines.names[lines.n - 1], line))) {
            svec_add(&lines, line);
        }
    }
    ds_clear(&rig->macs);
    return join_lines(&lines);
}
