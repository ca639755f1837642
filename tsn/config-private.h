/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that read tsn.yaml share: config.c has the whole,
 * config-tor.c the section "tor-agent", config-replicator.c "replicator". */
#ifndef TSN_CONFIG_PRIVATE_H
#define TSN_CONFIG_PRIVATE_H 1

struct shash;

#include "tsn/config.h"
#include "tsn/yaml.h"

#define TEXT_MAX_LEN 255

#define OPTIONAL CYAML_FLAG_OPTIONAL
#define STRING(KEY, FLAGS, STRUCT, MEMBER) \
    CYAML_FIELD_STRING_PTR(KEY, CYAML_FLAG_POINTER | (FLAGS), STRUCT, \
                           MEMBER, 1, TEXT_MAX_LEN)
#define OPTIONAL_UINT(KEY, STRUCT, MEMBER) \
    CYAML_FIELD_UINT_PTR(KEY, CYAML_FLAG_POINTER | OPTIONAL, STRUCT, MEMBER)

struct file_bfd {
    bool *enable;
    uint32_t *min_rx_ms, *min_tx_ms;
};

/* What each ToR, and the section for all, may have. */
struct file_tor_kind {
    char *profile;
    char *tsn;
    char **tsns;
    size_t n_tsns;
    struct file_bfd *bfd;
};

/* Fields of STRUCT, which has such a member, "kind". */
#define TOR_KIND_FIELDS(STRUCT) \
    STRING("profile", OPTIONAL, STRUCT, kind.profile), \
    STRING("tsn", OPTIONAL, STRUCT, kind.tsn), \
    CYAML_FIELD_SEQUENCE_COUNT("tsns", CYAML_FLAG_POINTER | OPTIONAL, \
                               STRUCT, kind.tsns, kind.n_tsns, \
                               &tsn_cfg_tsn_value, 1, TSN_MAX_TSNS), \
    CYAML_FIELD_MAPPING_PTR("bfd", CYAML_FLAG_POINTER | OPTIONAL, \
                            STRUCT, kind.bfd, tsn_cfg_bfd_fields)

/* The section "tor-agent" as libcyaml reads it; an optional value that is
 * absent is NULL. */
struct file_tor {
    char *name;
    char *agent_name;
    char *ovsdb;
    char *certificate;
    char *address;
    struct file_tor_kind kind;
    uint32_t *probe_ms;
    char **switches;
    size_t n_switches;
    uint32_t *max_backoff_ms, *cleanup_ms;
    char *ownership;
};

struct file_listener {
    char *address;
    bool *tls;
    bool *proxy_protocol;
    char **proxies;
    size_t n_proxies;
};

struct file_tls {
    char *certificate;
    char *private_key;
    char *ca;
};

struct file_tor_agent {
    struct file_tor_kind kind;
    struct file_tls *tls;
    struct file_listener *listeners;
    size_t n_listeners;
    bool *ipaddr;
    uint32_t *workers;
    uint32_t *move_limit, *move_window_s, *freeze_s, *copy_hold_s;
    struct file_tor *tors;
    size_t n_tors;
};

struct file_storm {
    uint32_t *network, *tor, *burst;
};

/* The section "replicator", likewise. */
struct file_replicator {
    char *name;
    char *address;
    char *address6;
    char *service_mac;
    char *mode;
    char *labels;
    char *dscp;
    char *engine;
    struct file_storm *storm;
    char **tsns;
    size_t n_tsns;
};

extern const cyaml_schema_field_t tsn_cfg_bfd_fields[];
extern const cyaml_schema_field_t tsn_cfg_replicator_fields[];
extern const cyaml_schema_field_t tsn_cfg_tls_fields[];
extern const cyaml_schema_field_t tsn_cfg_tor_agent_fields[];
extern const cyaml_schema_value_t tsn_cfg_listener_value;
extern const cyaml_schema_value_t tsn_cfg_switch_value;
extern const cyaml_schema_value_t tsn_cfg_tsn_value;

/* What is being turned into 'config'. */
struct tsn_cfg_reader {
    const char *path;
    const struct file *file;
    struct tsn_config *config;
    struct tsn_err *err;
};

/* The value at 'KEY', its place in the file, is refused. */
#define refuse(READER, KEY, ...) \
    tsn_yaml_refuse((READER)->err, (READER)->path, KEY, __VA_ARGS__)

/* All of these return 0, or -EINVAL with the reader's error set. */

/* 'value' NULL leaves '*dst', the default, alone. */
int tsn_cfg_read_range(struct tsn_cfg_reader *, const char *key,
                       const uint32_t *value, uint32_t min, uint32_t max,
                       uint32_t *dst);
int tsn_cfg_check_name(struct tsn_cfg_reader *, const char *key,
                       const char *name);
int tsn_cfg_read_vtep(struct tsn_cfg_reader *, const char *key, const char *s,
                      struct in6_addr *dst);

void tsn_cfg_read_tls_files(struct tsn_cfg_reader *, const struct file_tls *,
                            struct tsn_tls_files *dst);

/* config-listen.c */
/* Far more than a host has addresses. */
#define TSN_CFG_MAX_LISTENERS 64
int tsn_cfg_read_listeners(struct tsn_cfg_reader *,
                           const struct file_tor_agent *);
void tsn_cfg_free_listeners(struct tsn_config *);

/* config-switches.c: entry 'i' of "tors".  'seen': switches of the earlier. */
/* Far more than share one database. */
#define TSN_CFG_MAX_SWITCHES 1024
int tsn_cfg_read_switches(struct tsn_cfg_reader *, const struct file_tor *,
                          size_t i, struct shash *seen);
void tsn_cfg_free_switches(struct tsn_config_tor *);

/* config-tor-kind.c: of the keys in 'src', which are those of 'section', those
 * that there are go to 'dst'. */
int tsn_cfg_read_tor_kind(struct tsn_cfg_reader *, const char *section,
                          const struct file_tor_kind *src,
                          struct tsn_config_tor *dst);

/* config-tor.c */
int tsn_cfg_read_tors(struct tsn_cfg_reader *,
                      const struct file_tor_agent *);
void tsn_cfg_free_tors(struct tsn_config *);

/* config-replicator.c; 'src' may be NULL. */
int tsn_cfg_read_replicator(struct tsn_cfg_reader *,
                            const struct file_replicator *src);

#endif /* tsn/config-private.h */
