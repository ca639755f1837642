/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/shash.h"
#include "packets.h"
#include "socket-util.h"
#include "tsn/error.h"
#include "tsn/tls-store.h"
#include "tsn/yaml.h"
#include "util.h"

#define XMPP_PORT 5269

#define HOLD_DEFAULT_S 90
#define HOLD_MAX_S 90           /* spec/xmpp-protocol.md 1.8. */
#define STALE_HOLD_DEFAULT_S 300
#define STALE_HOLD_MAX_S 86400
#define FROZEN_HOLD_MAX_S 2592000       /* As real agents do unless told. */
#define PROBE_DEFAULT_MS 10000
#define PROBE_MIN_MS 1000       /* ovsdb_idl takes no less. */
#define PROBE_MAX_MS 3600000

#define MAX_TORS 4096
#define TEXT_MAX_LEN 255
#define PATH_MAX_LEN 4095

/* The file as libcyaml reads it; an optional value that is absent is NULL. */
struct file_tor {
    char *name;
    char *agent_name;
    char *ovsdb;
    char *tsn;
    uint32_t *probe_ms;
};

struct file_tor_agent {
    char *tsn;
    struct file_tor *tors;
    size_t n_tors;
};

struct file_replicator {
    char *name;
    char *address;
    char *service_mac;
};

struct file_tls {
    char *certificate;
    char *private_key;
    char *ca;
};

struct file {
    char **controllers;
    size_t n_controllers;
    char *subcluster;
    uint32_t *hold_s;
    uint32_t *stale_hold_s;
    uint32_t *frozen_hold_s;
    struct file_tor_agent *tor_agent;
    struct file_replicator *replicator;
    struct file_tls *tls;
    bool *controllers_tls;
};

#define OPTIONAL CYAML_FLAG_OPTIONAL
#define STRING(KEY, FLAGS, STRUCT, MEMBER) \
    CYAML_FIELD_STRING_PTR(KEY, CYAML_FLAG_POINTER | (FLAGS), STRUCT, \
                           MEMBER, 1, TEXT_MAX_LEN)
#define OPTIONAL_UINT(KEY, STRUCT, MEMBER) \
    CYAML_FIELD_UINT_PTR(KEY, CYAML_FLAG_POINTER | OPTIONAL, STRUCT, MEMBER)

static const cyaml_schema_field_t tor_fields[] = {
    STRING("name", 0, struct file_tor, name),
    STRING("agent-name", OPTIONAL, struct file_tor, agent_name),
    STRING("ovsdb", 0, struct file_tor, ovsdb),
    STRING("tsn", OPTIONAL, struct file_tor, tsn),
    OPTIONAL_UINT("probe-interval", struct file_tor, probe_ms),
    CYAML_FIELD_END
};

static const cyaml_schema_value_t tor_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_tor, tor_fields),
};

static const cyaml_schema_field_t tor_agent_fields[] = {
    STRING("tsn", OPTIONAL, struct file_tor_agent, tsn),
    CYAML_FIELD_SEQUENCE_COUNT("tors", CYAML_FLAG_POINTER,
                               struct file_tor_agent, tors, n_tors,
                               &tor_value, 1, MAX_TORS),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t replicator_fields[] = {
    STRING("name", 0, struct file_replicator, name),
    STRING("address", 0, struct file_replicator, address),
    STRING("service-mac", OPTIONAL, struct file_replicator, service_mac),
    CYAML_FIELD_END
};

#define TLS_PATH(KEY, MEMBER) \
    CYAML_FIELD_STRING_PTR(KEY, CYAML_FLAG_POINTER, struct file_tls, MEMBER, \
                           1, PATH_MAX_LEN)

static const cyaml_schema_field_t tls_fields[] = {
    TLS_PATH("certificate", certificate),
    TLS_PATH("private-key", private_key),
    TLS_PATH("ca", ca),
    CYAML_FIELD_END
};

static const cyaml_schema_value_t controller_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX_LEN),
};

static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_SEQUENCE_COUNT("controllers", CYAML_FLAG_POINTER,
                               struct file, controllers, n_controllers,
                               &controller_value, 1, TSN_MAX_CONTROLLERS),
    STRING("subcluster", OPTIONAL, struct file, subcluster),
    OPTIONAL_UINT("hold-time", struct file, hold_s),
    OPTIONAL_UINT("stale-hold", struct file, stale_hold_s),
    OPTIONAL_UINT("frozen-hold", struct file, frozen_hold_s),
    CYAML_FIELD_MAPPING_PTR("tls", CYAML_FLAG_POINTER | OPTIONAL,
                            struct file, tls, tls_fields),
    CYAML_FIELD_BOOL_PTR("controllers-tls", CYAML_FLAG_POINTER | OPTIONAL,
                         struct file, controllers_tls),
    CYAML_FIELD_MAPPING_PTR("tor-agent", CYAML_FLAG_POINTER | OPTIONAL,
                            struct file, tor_agent, tor_agent_fields),
    CYAML_FIELD_MAPPING_PTR("replicator", CYAML_FLAG_POINTER | OPTIONAL,
                            struct file, replicator, replicator_fields),
    CYAML_FIELD_END
};

static const cyaml_schema_value_t file_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields),
};

/* What is being turned into 'config'. */
struct reader {
    const char *path;
    const struct file *file;
    struct tsn_config *config;
    struct in6_addr default_tsn;    /* Of the ToRs, or none. */
    struct tsn_err *err;
};

/* The value at 'KEY', a format of its place in the file, is refused. */
#define refuse(READER, KEY, ...) \
    tsn_yaml_refuse((READER)->err, (READER)->path, KEY, __VA_ARGS__)

/* "tor-agent.tors[2].ovsdb", valid until the next call. */
static const char *
tor_key(size_t i, const char *key)
{
    static char buf[64];

    snprintf(buf, sizeof buf, "tor-agent.tors[%zu].%s", i, key);
    return buf;
}

static int
read_range(struct reader *r, const char *key, const uint32_t *value,
           uint32_t min, uint32_t max, uint32_t *dst)
{
    if (!value) {
        return 0;
    }
    if (*value < min || *value > max) {
        return refuse(r, key, "expects %"PRIu32"..%"PRIu32", not %"PRIu32,
                      min, max, *value);
    }
    *dst = *value;
    return 0;
}

/* A name goes into a JID and into "type:parent:name" of the cloud. */
static int
check_name(struct reader *r, const char *key, const char *name)
{
    size_t len = strcspn(name, " /:@");

    if (name[len]) {
        return refuse(r, key, "a name has no '%c': \"%s\"", name[len], name);
    }
    return 0;
}

/* The address of a VTEP.  The switches' VXLAN runs over IPv4. */
static int
read_vtep(struct reader *r, const char *key, const char *s,
          struct in6_addr *dst)
{
    struct in6_addr ip;

    if (tsn_ip_parse(s, &ip) || !tsn_ip_is_v4(&ip)) {
        return refuse(r, key, "expects an IPv4 address, not \"%s\"", s);
    }
    if (!tsn_ip_is_host(&ip)) {
        return refuse(r, key, "%s is not the address of a host", s);
    }
    *dst = ip;
    return 0;
}

static int
read_controllers(struct reader *r)
{
    struct tsn_config *c = r->config;
    char key[40];

    for (size_t i = 0; i < r->file->n_controllers; i++) {
        const char *s = r->file->controllers[i];
        struct sockaddr_storage *ss = &c->controllers[i];

        snprintf(key, sizeof key, "controllers[%zu]", i);
        if (tsn_sockaddr_parse(s, XMPP_PORT, ss)) {
            return refuse(r, key, "expects IP, IP:PORT or [IP6]:PORT, not "
                          "\"%s\"", s);
        }

        struct in6_addr ip = ss_get_address(ss);
        if (!tsn_ip_is_host(&ip)) {
            return refuse(r, key, "%s is not the address of a host", s);
        }
        for (size_t j = 0; j < i; j++) {
            if (!memcmp(ss, &c->controllers[j], sizeof *ss)) {
                return refuse(r, key, "%s is listed twice", s);
            }
        }
        c->n_controllers++;
    }
    return 0;
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
check_remote(struct reader *r, const char *key, const char *remote)
{
    const char *rest = strchr(remote, ':');
    rest = rest ? rest + 1 : "";

    if (!strncmp(remote, "ssl:", 4) || !strncmp(remote, "pssl:", 5)) {
        return refuse(r, key, "TLS (\"%s\") is not supported yet; use tcp:, "
                      "ptcp:, unix: or punix:", remote);
    }
    if (!strncmp(remote, "tcp:", 4)) {
        return has_port(rest) == 1
               ? 0
               : refuse(r, key, "expects tcp:IP:PORT, not \"%s\"", remote);
    }
    if (!strncmp(remote, "ptcp:", 5)) {
        return is_listener(rest)
               ? 0
               : refuse(r, key, "expects ptcp:PORT or ptcp:PORT:IP, not "
                        "\"%s\"", remote);
    }
    if (!strncmp(remote, "unix:", 5) || !strncmp(remote, "punix:", 6)) {
        return is_path(rest)
               ? 0
               : refuse(r, key, "expects unix:/PATH or punix:/PATH of less "
                        "than 108 characters, not \"%s\"", remote);
    }
    return refuse(r, key, "expects tcp:IP:PORT, ptcp:PORT[:IP], unix:PATH or "
                  "punix:PATH, not \"%s\"", remote);
}

/* Refuses a 'value' that an earlier ToR has. */
static int
check_unique(struct reader *r, struct shash *seen, const char *key,
             const char *value, size_t i)
{
    if (!shash_add_once(seen, value, (void *) i)) {
        size_t first = (size_t) shash_find_data(seen, value);
        return refuse(r, key, "\"%s\" is already that of tors[%zu]", value,
                      first);
    }
    return 0;
}

/* What must differ from ToR to ToR. */
struct seen {
    struct shash names;
    struct shash agent_names;
    struct shash listeners;
};

static int
read_tor(struct reader *r, size_t i, struct seen *seen)
{
    const struct file_tor *src = &r->file->tor_agent->tors[i];
    struct tsn_config_tor *dst = &r->config->tors[i];
    const char *agent_name = src->agent_name ? src->agent_name : src->name;
    const char *agent_key = src->agent_name ? "agent-name" : "name";
    int error;

    dst->name = xstrdup(src->name);
    dst->agent_name = xstrdup(agent_name);
    dst->ovsdb = xstrdup(src->ovsdb);
    dst->probe_ms = PROBE_DEFAULT_MS;

    if ((error = check_name(r, tor_key(i, "name"), src->name))
        || (error = check_name(r, tor_key(i, agent_key), agent_name))
        || (error = check_unique(r, &seen->names, tor_key(i, "name"),
                                 src->name, i))
        || (error = check_unique(r, &seen->agent_names,
                                 tor_key(i, agent_key), agent_name, i))
        || (error = check_remote(r, tor_key(i, "ovsdb"), src->ovsdb))) {
        return error;
    }
    /* Two that listen on one port would steal each other's switch. */
    if (src->ovsdb[0] == 'p'
        && (error = check_unique(r, &seen->listeners, tor_key(i, "ovsdb"),
                                 src->ovsdb, i))) {
        return error;
    }

    if (src->tsn) {
        error = read_vtep(r, tor_key(i, "tsn"), src->tsn, &dst->tsn);
    } else if (tsn_ip_is_set(&r->default_tsn)) {
        dst->tsn = r->default_tsn;
    } else {
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
    return read_range(r, tor_key(i, "probe-interval"), src->probe_ms,
                      PROBE_MIN_MS, PROBE_MAX_MS, &dst->probe_ms);
}

static int
read_tors(struct reader *r)
{
    const struct file_tor_agent *section = r->file->tor_agent;
    struct tsn_config *c = r->config;
    int error = 0;

    if (!section) {
        return 0;
    }
    if (section->tsn) {
        error = read_vtep(r, "tor-agent.tsn", section->tsn, &r->default_tsn);
        if (error) {
            return error;
        }
    }
    struct seen seen = {
        .names = SHASH_INITIALIZER(&seen.names),
        .agent_names = SHASH_INITIALIZER(&seen.agent_names),
        .listeners = SHASH_INITIALIZER(&seen.listeners),
    };
    c->tors = xcalloc(section->n_tors, sizeof *c->tors);
    c->n_tors = section->n_tors;
    for (size_t i = 0; i < c->n_tors && !error; i++) {
        error = read_tor(r, i, &seen);
    }
    shash_destroy(&seen.names);
    shash_destroy(&seen.agent_names);
    shash_destroy(&seen.listeners);
    return error;
}

static int
read_replicator(struct reader *r)
{
    const struct file_replicator *src = r->file->replicator;
    struct tsn_config_replicator *dst = &r->config->replicator;
    int error;

    if (!src) {
        return 0;
    }
    r->config->has_replicator = true;
    dst->name = xstrdup(src->name);
    if ((error = check_name(r, "replicator.name", src->name))
        || (error = read_vtep(r, "replicator.address", src->address,
                              &dst->address))) {
        return error;
    }

    /* Under one name two sessions would throw each other out. */
    for (size_t i = 0; i < r->config->n_tors; i++) {
        if (!strcmp(dst->name, r->config->tors[i].agent_name)) {
            return refuse(r, "replicator.name", "\"%s\" is already the "
                          "agent-name of tors[%zu]", dst->name, i);
        }
    }

    const char *mac = src->service_mac ? src->service_mac : TSN_SERVICE_MAC;
    if (!eth_addr_from_string(mac, &dst->service_mac)) {
        return refuse(r, "replicator.service-mac", "expects a MAC address, "
                      "not \"%s\"", mac);
    }
    if (eth_addr_is_zero(dst->service_mac)
        || eth_addr_is_multicast(dst->service_mac)) {
        return refuse(r, "replicator.service-mac", "expects a unicast MAC "
                      "address, not %s", mac);
    }
    return 0;
}

/* Who names certificates wants them used. */
static int
read_tls(struct reader *r)
{
    const struct file_tls *src = r->file->tls;
    struct tsn_config *c = r->config;

    if (src) {
        c->has_tls = true;
        c->tls.certificate = tsn_yaml_path(r->path, src->certificate);
        c->tls.private_key = tsn_yaml_path(r->path, src->private_key);
        c->tls.ca = tsn_yaml_path(r->path, src->ca);
    }
    c->controllers_tls = r->file->controllers_tls ? *r->file->controllers_tls
                                                  : c->has_tls;
    return c->controllers_tls && !c->has_tls
           ? refuse(r, "controllers-tls", "needs a section \"tls\", which "
                    "names the certificates")
           : 0;
}

static int
read_config(struct reader *r)
{
    struct tsn_config *c = r->config;
    int error;

    c->subcluster = xstrdup(r->file->subcluster ? r->file->subcluster : "");
    c->hold_s = HOLD_DEFAULT_S;
    c->stale_hold_s = STALE_HOLD_DEFAULT_S;
    if ((error = read_controllers(r))
        || (error = check_name(r, "subcluster", c->subcluster))
        || (error = read_range(r, "hold-time", r->file->hold_s, 1,
                               HOLD_MAX_S, &c->hold_s))
        || (error = read_range(r, "stale-hold", r->file->stale_hold_s, 0,
                               STALE_HOLD_MAX_S, &c->stale_hold_s))
        || (error = read_range(r, "frozen-hold", r->file->frozen_hold_s, 0,
                               FROZEN_HOLD_MAX_S, &c->frozen_hold_s))
        || (error = read_tls(r))
        || (error = read_tors(r))
        || (error = read_replicator(r))) {
        return error;
    }
    if (!r->file->tor_agent && !r->file->replicator) {
        return refuse(r, "", "neither \"tor-agent\" nor \"replicator\" is "
                      "there: nothing to do");
    }
    return 0;
}

int
tsn_config_load(const char *path, struct tsn_config **configp,
                struct tsn_err *err)
{
    void *file = NULL;

    int error = tsn_yaml_load(path, &file_value, &file, err);
    if (error) {
        return error;
    }

    struct tsn_config *config = xzalloc(sizeof *config);
    struct reader reader = {
        .path = path,
        .file = file,
        .config = config,
        .err = err,
    };
    error = read_config(&reader);
    tsn_yaml_free(&file_value, file);
    if (error) {
        tsn_config_destroy(config);
        return error;
    }
    *configp = config;
    return 0;
}

void
tsn_config_destroy(struct tsn_config *config)
{
    if (!config) {
        return;
    }
    for (size_t i = 0; i < config->n_tors; i++) {
        free(config->tors[i].name);
        free(config->tors[i].agent_name);
        free(config->tors[i].ovsdb);
    }
    free(config->tors);
    free(config->replicator.name);
    free(config->subcluster);
    tsn_tls_files_fini(&config->tls);
    free(config);
}

int
tsn_config_load_tls(const struct tsn_config *config,
                    struct tsn_tls_store **storep, struct tsn_err *err)
{
    if (!config->controllers_tls) {
        *storep = NULL;
        return 0;
    }
    return tsn_tls_store_create(&config->tls, storep, err);
}
