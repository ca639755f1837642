/* SPDX-License-Identifier: Apache-2.0 */
/* Section "tor-agent" of tsn.yaml. */
#include <config.h>
#include "tsn/config-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "openvswitch/shash.h"
#include "tsn/error.h"
#include "util.h"

#define PROBE_DEFAULT_MS 10000
#define PROBE_MIN_MS 1000       /* ovsdb_idl takes no less. */
#define PROBE_MAX_MS 3600000

#define MAX_TORS 4096

/* More threads than cores only share them; many cores have better things to do
 * than to serve switches, which are idle most of the time. */
#define WORKERS_MAX 64
#define WORKERS_DEFAULT_MAX 8

/* N and M of RFC 7432 section 15.1. */
#define MOVE_LIMIT_DEFAULT 5
#define MOVE_LIMIT_MAX 1000
#define MOVE_WINDOW_DEFAULT_S 180
#define MOVE_WINDOW_MAX_S 3600
#define FREEZE_MAX_S 86400

/* As OpenSDN has them (spec/tor-agent.md E.2). */
#define COPY_HOLD_DEFAULT_S 300
#define COPY_HOLD_MIN_S 60
#define COPY_HOLD_MAX_S 86400

static const cyaml_schema_field_t tor_fields[] = {
    STRING("name", 0, struct file_tor, name),
    STRING("agent-name", OPTIONAL, struct file_tor, agent_name),
    STRING("ovsdb", OPTIONAL, struct file_tor, ovsdb),
    STRING("certificate", OPTIONAL, struct file_tor, certificate),
    STRING("address", OPTIONAL, struct file_tor, address),
    TOR_KIND_FIELDS(struct file_tor),
    OPTIONAL_UINT("probe-interval", struct file_tor, probe_ms),
    CYAML_FIELD_SEQUENCE_COUNT("switches", CYAML_FLAG_POINTER | OPTIONAL,
                               struct file_tor, switches, n_switches,
                               &tsn_cfg_switch_value, 1,
                               TSN_CFG_MAX_SWITCHES),
    OPTIONAL_UINT("max-backoff", struct file_tor, max_backoff_ms),
    OPTIONAL_UINT("cleanup-wait", struct file_tor, cleanup_ms),
    STRING("ownership", OPTIONAL, struct file_tor, ownership),
    CYAML_FIELD_END
};

static const cyaml_schema_value_t tor_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_tor, tor_fields),
};

const cyaml_schema_field_t tsn_cfg_tor_agent_fields[] = {
    TOR_KIND_FIELDS(struct file_tor_agent),
    CYAML_FIELD_MAPPING_PTR("tls", CYAML_FLAG_POINTER | OPTIONAL,
                            struct file_tor_agent, tls, tsn_cfg_tls_fields),
    CYAML_FIELD_SEQUENCE_COUNT("listen", CYAML_FLAG_POINTER | OPTIONAL,
                               struct file_tor_agent, listeners, n_listeners,
                               &tsn_cfg_listener_value, 1,
                               TSN_CFG_MAX_LISTENERS),
    CYAML_FIELD_BOOL_PTR("mac-ip", CYAML_FLAG_POINTER | OPTIONAL,
                         struct file_tor_agent, ipaddr),
    OPTIONAL_UINT("mac-move-limit", struct file_tor_agent, move_limit),
    OPTIONAL_UINT("mac-move-window", struct file_tor_agent, move_window_s),
    OPTIONAL_UINT("mac-freeze", struct file_tor_agent, freeze_s),
    OPTIONAL_UINT("copy-hold", struct file_tor_agent, copy_hold_s),
    OPTIONAL_UINT("workers", struct file_tor_agent, workers),
    CYAML_FIELD_SEQUENCE_COUNT("tors", CYAML_FLAG_POINTER,
                               struct file_tor_agent, tors, n_tors,
                               &tor_value, 1, MAX_TORS),
    CYAML_FIELD_END
};

/* "tor-agent.tors[2].ovsdb", valid until the next call. */
static const char *
tor_key(size_t i, const char *key)
{
    static char buf[64];

    snprintf(buf, sizeof buf, "tor-agent.tors[%zu].%s", i, key);
    return buf;
}

/* Whether 's' is "IP" (0) or "IP:PORT" (1), an IPv6 address in brackets, or
 * neither (-EINVAL). */
static int
has_port(const char *s)
{
    struct sockaddr_storage with_1, with_2;

    if (tsn_sockaddr_parse(s, 1, &with_1)
        || tsn_sockaddr_parse(s, 2, &with_2)
        || (with_1.ss_family == AF_INET6 && *s != '[')) {
        return -EINVAL;
    }
    /* Without a port the default shows. */
    return !memcmp(&with_1, &with_2, sizeof with_1);
}

/* "PORT" or "PORT:IP". */
static bool
is_listener(const char *s)
{
    char *end;

    if (*s < '1' || *s > '9') {
        return false;
    }
    unsigned long port = strtoul(s, &end, 10);
    return port <= UINT16_MAX
           && (!*end || (*end == ':' && has_port(end + 1) == 0));
}

/* A unix socket's path must fit sockaddr_un. */
static bool
is_path(const char *s)
{
    return *s == '/' && strlen(s) < 108;
}

static int
check_remote(struct tsn_cfg_reader *r, const char *key, const char *remote)
{
    if (!remote) {
        return r->config->n_listeners
               ? 0
               : refuse(r, key, "is missing: say where the switch is, or in "
                        "\"tor-agent.listen\" where it connects to us");
    }
    const char *rest = strchr(remote, ':');
    rest = rest ? rest + 1 : "";

    bool tls = !strncmp(remote, "ssl:", 4) || !strncmp(remote, "pssl:", 5);
    if (tls && !r->config->has_switch_tls) {
        return refuse(r, key, "TLS (\"%s\") needs a section \"tls\", which "
                      "names the certificates", remote);
    }
    if (!strncmp(remote, "tcp:", 4) || !strncmp(remote, "ssl:", 4)) {
        return has_port(rest) == 1
               ? 0
               : refuse(r, key, "expects %.3s:IP:PORT, not \"%s\"", remote,
                        remote);
    }
    if (!strncmp(remote, "ptcp:", 5) || !strncmp(remote, "pssl:", 5)) {
        return is_listener(rest)
               ? 0
               : refuse(r, key, "expects %.4s:PORT or %.4s:PORT:IP, not "
                        "\"%s\"", remote, remote, remote);
    }
    if (!strncmp(remote, "unix:", 5) || !strncmp(remote, "punix:", 6)) {
        return is_path(rest)
               ? 0
               : refuse(r, key, "expects unix:/PATH or punix:/PATH of less "
                        "than 108 characters, not \"%s\"", remote);
    }
    return refuse(r, key, "expects tcp:IP:PORT, ssl:IP:PORT, ptcp:PORT[:IP], "
                  "pssl:PORT[:IP], unix:PATH or punix:PATH, not \"%s\"",
                  remote);
}

/* Whether the switch's connection can have TLS. */
static bool
may_have_tls(const struct tsn_config *c, const char *ovsdb)
{
    if (ovsdb) {
        return !strncmp(ovsdb, "ssl:", 4) || !strncmp(ovsdb, "pssl:", 5);
    }
    for (size_t i = 0; i < c->n_listeners; i++) {
        if (c->listeners[i].tls) {
            return true;
        }
    }
    return false;
}

/* By what a switch that connects is told from the others. */
static int
read_identity(struct tsn_cfg_reader *r, const struct file_tor *src, size_t i)
{
    struct tsn_config_tor *dst = &r->config->tors[i];
    const char *ovsdb = src->ovsdb;

    dst->certificate = nullable_xstrdup(src->certificate);
    if (src->certificate && !may_have_tls(r->config, ovsdb)) {
        return refuse(r, tor_key(i, "certificate"), "needs a session with "
                      "TLS: ssl:, pssl:, or a listener with it");
    }
    if (!src->address) {
        return 0;
    }
    if (ovsdb && strncmp(ovsdb, "ptcp:", 5) && strncmp(ovsdb, "pssl:", 5)) {
        return refuse(r, tor_key(i, "address"), "is for a switch that "
                      "connects to us");
    }
    if (tsn_ip_parse(src->address, &dst->address)
        || !tsn_ip_is_host(&dst->address)) {
        return refuse(r, tor_key(i, "address"), "expects the address of a "
                      "host, not \"%s\"", src->address);
    }
    return 0;
}

/* Refuses a 'value' that an earlier ToR has. */
static int
check_unique(struct tsn_cfg_reader *r, struct shash *seen, const char *key,
             const char *value, size_t i)
{
    if (!shash_add_once(seen, value, (void *) i)) {
        size_t first = (size_t) shash_find_data(seen, value);
        return refuse(r, key, "\"%s\" is already that of tors[%zu]", value,
                      first);
    }
    return 0;
}

/* What ToRs have in common, and what must differ from one to the other. */
struct seen {
    struct tsn_config_tor kind;         /* Only what tor_kind has. */
    struct shash names;
    struct shash agent_names;
    struct shash listeners;
    struct shash switches;
};

static int
read_tor(struct tsn_cfg_reader *r, const struct file_tor *src, size_t i,
         struct seen *seen)
{
    struct tsn_config_tor *dst = &r->config->tors[i];
    const char *agent_name = src->agent_name ? src->agent_name : src->name;
    const char *agent_key = src->agent_name ? "agent-name" : "name";
    char section[40];
    int error;

    *dst = seen->kind;
    dst->name = xstrdup(src->name);
    dst->agent_name = xstrdup(agent_name);
    dst->ovsdb = nullable_xstrdup(src->ovsdb);
    dst->probe_ms = PROBE_DEFAULT_MS;

    if ((error = tsn_cfg_check_name(r, tor_key(i, "name"), src->name))
        || (error = tsn_cfg_check_name(r, tor_key(i, agent_key), agent_name))
        || (error = check_unique(r, &seen->names, tor_key(i, "name"),
                                 src->name, i))
        || (error = check_unique(r, &seen->agent_names,
                                 tor_key(i, agent_key), agent_name, i))
        || (error = tsn_cfg_read_switches(r, src, i, &seen->switches))
        || (error = check_remote(r, tor_key(i, "ovsdb"), src->ovsdb))) {
        return error;
    }
    /* Two that listen on one port would steal each other's switch. */
    if (src->ovsdb && src->ovsdb[0] == 'p'
        && (error = check_unique(r, &seen->listeners, tor_key(i, "ovsdb"),
                                 src->ovsdb, i))) {
        return error;
    }
    error = read_identity(r, src, i);
    if (error) {
        return error;
    }

    snprintf(section, sizeof section, "tor-agent.tors[%zu]", i);
    error = tsn_cfg_read_tor_kind(r, section, &src->kind, dst);
    if (!error && !dst->n_tsns) {
        error = refuse(r, tor_key(i, "name"), "\"%s\" has no TSN: set "
                       "\"tsn\" here or for all in \"tor-agent\"",
                       src->name);
    }
    if (error) {
        return error;
    }
    if (src->probe_ms && !*src->probe_ms) {
        dst->probe_ms = 0;
        return 0;
    }
    return tsn_cfg_read_range(r, tor_key(i, "probe-interval"), src->probe_ms,
                              PROBE_MIN_MS, PROBE_MAX_MS, &dst->probe_ms);
}

/* Seconds into milliseconds. */
static int
read_time(struct tsn_cfg_reader *r, const char *key, const uint32_t *value_s,
          uint32_t min_s, uint32_t max_s, uint32_t *dst_ms)
{
    uint32_t s = *dst_ms / 1000;
    int error = tsn_cfg_read_range(r, key, value_s, min_s, max_s, &s);

    *dst_ms = s * 1000;
    return error;
}

static int
read_bridge(struct tsn_cfg_reader *r, const struct file_tor_agent *section)
{
    struct tsn_config_bridge *b = &r->config->bridge;
    int error;

    *b = (struct tsn_config_bridge) {
        .ipaddr = section->ipaddr && *section->ipaddr,
        .move_limit = MOVE_LIMIT_DEFAULT,
        .move_window_ms = MOVE_WINDOW_DEFAULT_S * 1000,
        .copy_hold_ms = COPY_HOLD_DEFAULT_S * 1000,
    };
    if ((error = tsn_cfg_read_range(r, "tor-agent.mac-move-limit",
                                    section->move_limit, 0, MOVE_LIMIT_MAX,
                                    &b->move_limit))
        || (error = read_time(r, "tor-agent.mac-move-window",
                              section->move_window_s, 1, MOVE_WINDOW_MAX_S,
                              &b->move_window_ms))
        || (error = read_time(r, "tor-agent.mac-freeze", section->freeze_s,
                              0, FREEZE_MAX_S, &b->freeze_ms))) {
        return error;
    }
    return read_time(r, "tor-agent.copy-hold", section->copy_hold_s,
                     COPY_HOLD_MIN_S, COPY_HOLD_MAX_S, &b->copy_hold_ms);
}

static int
read_workers(struct tsn_cfg_reader *r, const struct file_tor_agent *section)
{
    long n_cores = sysconf(_SC_NPROCESSORS_ONLN);

    r->config->n_workers = n_cores < 1 ? 1 : MIN(n_cores,
                                                 WORKERS_DEFAULT_MAX);
    return tsn_cfg_read_range(r, "tor-agent.workers", section->workers, 1,
                              WORKERS_MAX, &r->config->n_workers);
}

int
tsn_cfg_read_tors(struct tsn_cfg_reader *r,
                  const struct file_tor_agent *section)
{
    struct tsn_config *c = r->config;
    struct tsn_config_tor kind = { .profile = tsn_config_profiles[0] };
    int error;

    if (!section) {
        return 0;
    }
    if ((error = tsn_cfg_read_tor_kind(r, "tor-agent", &section->kind, &kind))
        || (error = tsn_cfg_read_listeners(r, section))
        || (error = read_bridge(r, section))
        || (error = read_workers(r, section))) {
        return error;
    }
    struct seen seen = {
        .kind = kind,
        .names = SHASH_INITIALIZER(&seen.names),
        .agent_names = SHASH_INITIALIZER(&seen.agent_names),
        .listeners = SHASH_INITIALIZER(&seen.listeners),
        .switches = SHASH_INITIALIZER(&seen.switches),
    };
    c->tors = xcalloc(section->n_tors, sizeof *c->tors);
    c->n_tors = section->n_tors;
    for (size_t i = 0; i < c->n_tors && !error; i++) {
        error = read_tor(r, &section->tors[i], i, &seen);
    }
    shash_destroy(&seen.names);
    shash_destroy(&seen.agent_names);
    shash_destroy(&seen.listeners);
    shash_destroy(&seen.switches);
    return error;
}

void
tsn_cfg_free_tors(struct tsn_config *c)
{
    for (size_t i = 0; i < c->n_tors; i++) {
        free(c->tors[i].name);
        free(c->tors[i].agent_name);
        free(c->tors[i].ovsdb);
        free(c->tors[i].certificate);
        tsn_cfg_free_switches(&c->tors[i]);
    }
    free(c->tors);
    tsn_cfg_free_listeners(c);
}
