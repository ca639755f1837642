/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that a ToR has of its own or in common with the others: what kind of
 * switch it is, who floods for it, how it watches them. */
#include <config.h>
#include "tsn/config-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

/* Faster than any switch's software is; slower than anybody would want. */
#define BFD_MIN_MS 50
#define BFD_MAX_MS 10000

/* A switch takes a node for dead after three intervals: 0.9 s. */
#define BFD_DEFAULT_MS 300

const char *const tsn_config_profiles[] = {
    "generic", "qfx5k", "arista", "cumulus", "os10", "extreme", "ovs-vtep",
    "schema", NULL
};

const cyaml_schema_field_t tsn_cfg_bfd_fields[] = {
    CYAML_FIELD_BOOL_PTR("enable", CYAML_FLAG_POINTER | OPTIONAL,
                         struct file_bfd, enable),
    OPTIONAL_UINT("min-rx", struct file_bfd, min_rx_ms),
    OPTIONAL_UINT("min-tx", struct file_bfd, min_tx_ms),
    CYAML_FIELD_END
};

const cyaml_schema_value_t tsn_cfg_tsn_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX_LEN),
};

/* "SECTION.KEY", valid until the next call. */
static const char *
kind_key(const char *section, const char *key)
{
    static char buf[64];

    snprintf(buf, sizeof buf, "%s.%s", section, key);
    return buf;
}

static int
read_profile(struct tsn_cfg_reader *r, const char *section, const char *name,
             const char **dst)
{
    for (size_t i = 0; tsn_config_profiles[i]; i++) {
        if (!strcmp(name, tsn_config_profiles[i])) {
            *dst = tsn_config_profiles[i];
            return 0;
        }
    }
    struct ds names = DS_EMPTY_INITIALIZER;
    for (size_t i = 0; tsn_config_profiles[i]; i++) {
        ds_put_format(&names, "%s%s", i ? ", " : "", tsn_config_profiles[i]);
    }
    int error = refuse(r, kind_key(section, "profile"), "expects one of %s, "
                       "not \"%s\"", ds_cstr(&names), name);
    ds_destroy(&names);
    return error;
}

static int
read_tsns(struct tsn_cfg_reader *r, const char *section,
          const struct file_tor_kind *src, struct tsn_config_tor *dst)
{
    char key[32];

    memset(dst->tsns, 0, sizeof dst->tsns);
    if (src->tsn) {
        dst->n_tsns = 1;
        return tsn_cfg_read_vtep(r, kind_key(section, "tsn"), src->tsn,
                                 &dst->tsns[0]);
    }
    dst->n_tsns = src->n_tsns;
    for (size_t i = 0; i < src->n_tsns; i++) {
        snprintf(key, sizeof key, "tsns[%zu]", i);
        int error = tsn_cfg_read_vtep(r, kind_key(section, key),
                                      src->tsns[i], &dst->tsns[i]);
        if (error) {
            return error;
        }
        for (size_t j = 0; j < i; j++) {
            if (tsn_ip_equals(&dst->tsns[i], &dst->tsns[j])) {
                return refuse(r, kind_key(section, key), "%s is already that "
                              "of tsns[%zu]", src->tsns[i], j);
            }
        }
    }
    return 0;
}

static int
read_bfd(struct tsn_cfg_reader *r, const char *section,
         const struct file_bfd *src, struct tsn_config_tor *dst)
{
    uint32_t rx = BFD_DEFAULT_MS, tx = BFD_DEFAULT_MS;
    int error;

    if ((error = tsn_cfg_read_range(r, kind_key(section, "bfd.min-rx"),
                                    src->min_rx_ms, BFD_MIN_MS, BFD_MAX_MS,
                                    &rx))
        || (error = tsn_cfg_read_range(r, kind_key(section, "bfd.min-tx"),
                                       src->min_tx_ms, BFD_MIN_MS, BFD_MAX_MS,
                                       &tx))) {
        return error;
    }
    bool enable = !src->enable || *src->enable;
    dst->bfd_min_rx_ms = enable ? rx : 0;
    dst->bfd_min_tx_ms = enable ? tx : 0;
    return 0;
}

int
tsn_cfg_read_tor_kind(struct tsn_cfg_reader *r, const char *section,
                      const struct file_tor_kind *src,
                      struct tsn_config_tor *dst)
{
    int error = 0;

    if (src->tsn && src->tsns) {
        return refuse(r, kind_key(section, "tsn"), "is the same as \"tsns\" "
                      "with one member: set only one of them");
    }
    if (src->tsn || src->tsns) {
        error = read_tsns(r, section, src, dst);
    }
    if (!error && src->profile) {
        error = read_profile(r, section, src->profile, &dst->profile);
    }
    if (!error && src->bfd) {
        error = read_bfd(r, section, src->bfd, dst);
    }
    return error;
}
