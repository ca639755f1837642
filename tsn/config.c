/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/config-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "socket-util.h"
#include "tsn/error.h"
#include "tsn/tls-store.h"
#include "util.h"

#define XMPP_PORT 5269

#define HOLD_DEFAULT_S 90
#define HOLD_MAX_S 90           /* spec/xmpp-protocol.md 1.8. */
#define STALE_HOLD_DEFAULT_S 300
#define STALE_HOLD_MAX_S 86400
#define FROZEN_HOLD_MAX_S 2592000       /* As real agents do unless told. */
#define PATH_MAX_LEN 4095

/* The whole of the file as libcyaml reads it. */
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

#define TLS_PATH(KEY, MEMBER) \
    CYAML_FIELD_STRING_PTR(KEY, CYAML_FLAG_POINTER, struct file_tls, MEMBER, \
                           1, PATH_MAX_LEN)

const cyaml_schema_field_t tsn_cfg_tls_fields[] = {
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
                            struct file, tls, tsn_cfg_tls_fields),
    CYAML_FIELD_BOOL_PTR("controllers-tls", CYAML_FLAG_POINTER | OPTIONAL,
                         struct file, controllers_tls),
    CYAML_FIELD_MAPPING_PTR("tor-agent", CYAML_FLAG_POINTER | OPTIONAL,
                            struct file, tor_agent, tsn_cfg_tor_agent_fields),
    CYAML_FIELD_MAPPING_PTR("replicator", CYAML_FLAG_POINTER | OPTIONAL,
                            struct file, replicator,
                            tsn_cfg_replicator_fields),
    CYAML_FIELD_END
};

static const cyaml_schema_value_t file_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields),
};

int
tsn_cfg_read_range(struct tsn_cfg_reader *r, const char *key,
                   const uint32_t *value, uint32_t min, uint32_t max,
                   uint32_t *dst)
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
int
tsn_cfg_check_name(struct tsn_cfg_reader *r, const char *key,
                   const char *name)
{
    size_t len = strcspn(name, " /:@");

    if (name[len]) {
        return refuse(r, key, "a name has no '%c': \"%s\"", name[len], name);
    }
    return 0;
}

/* The address of a VTEP.  The switches' VXLAN runs over IPv4. */
int
tsn_cfg_read_vtep(struct tsn_cfg_reader *r, const char *key, const char *s,
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
read_controllers(struct tsn_cfg_reader *r)
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

void
tsn_cfg_read_tls_files(struct tsn_cfg_reader *r, const struct file_tls *src,
                       struct tsn_tls_files *dst)
{
    dst->certificate = tsn_yaml_path(r->path, src->certificate);
    dst->private_key = tsn_yaml_path(r->path, src->private_key);
    dst->ca = tsn_yaml_path(r->path, src->ca);
}

/* Who names certificates wants them used. */
static int
read_tls(struct tsn_cfg_reader *r)
{
    const struct file_tls *src = r->file->tls;
    struct tsn_config *c = r->config;

    if (src) {
        c->has_tls = true;
        tsn_cfg_read_tls_files(r, src, &c->tls);
    }
    c->controllers_tls = r->file->controllers_tls ? *r->file->controllers_tls
                                                  : c->has_tls;
    return c->controllers_tls && !c->has_tls
           ? refuse(r, "controllers-tls", "needs a section \"tls\", which "
                    "names the certificates")
           : 0;
}

static int
read_config(struct tsn_cfg_reader *r)
{
    struct tsn_config *c = r->config;
    int error;

    c->subcluster = xstrdup(r->file->subcluster ? r->file->subcluster : "");
    c->hold_s = HOLD_DEFAULT_S;
    c->stale_hold_s = STALE_HOLD_DEFAULT_S;
    if ((error = read_controllers(r))
        || (error = tsn_cfg_check_name(r, "subcluster", c->subcluster))
        || (error = tsn_cfg_read_range(r, "hold-time", r->file->hold_s, 1,
                                       HOLD_MAX_S, &c->hold_s))
        || (error = tsn_cfg_read_range(r, "stale-hold", r->file->stale_hold_s,
                                       0, STALE_HOLD_MAX_S, &c->stale_hold_s))
        || (error = tsn_cfg_read_range(r, "frozen-hold",
                                       r->file->frozen_hold_s, 0,
                                       FROZEN_HOLD_MAX_S, &c->frozen_hold_s))
        || (error = read_tls(r))
        || (error = tsn_cfg_read_tors(r, r->file->tor_agent))
        || (error = tsn_cfg_read_replicator(r, r->file->replicator))) {
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
    struct tsn_cfg_reader reader = {
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
    tsn_cfg_free_tors(config);
    free(config->replicator.name);
    free(config->subcluster);
    tsn_tls_files_fini(&config->tls);
    tsn_tls_files_fini(&config->switch_tls);
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

int
tsn_config_load_switch_tls(const struct tsn_config *config,
                           struct tsn_tls_store **storep, struct tsn_err *err)
{
    if (!config->has_switch_tls) {
        *storep = NULL;
        return 0;
    }
    return tsn_tls_store_create(&config->switch_tls, storep, err);
}
