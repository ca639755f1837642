/* SPDX-License-Identifier: Apache-2.0 */
/* Section "tor-agent" of tsn.yaml: whose database it is that an entry of
 * "tors" is about, and how it is dealt with. */
#include <config.h>
#include "tsn/config-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/shash.h"
#include "util.h"

/* As the library's default. */
#define BACKOFF_DEFAULT_MS 8000
#define BACKOFF_MIN_MS 1000
#define BACKOFF_MAX_MS 3600000

#define CLEANUP_DEFAULT_MS 30000
#define CLEANUP_MAX_MS 3600000

const cyaml_schema_value_t tsn_cfg_switch_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX_LEN),
};

/* "tor-agent.tors[2].KEY", valid until the next call. */
static const char *
tor_key(size_t i, const char *key)
{
    static char buf[80];

    snprintf(buf, sizeof buf, "tor-agent.tors[%zu].%s", i, key);
    return buf;
}

/* No two sessions may serve one switch. */
static int
read_switches(struct tsn_cfg_reader *r, const struct file_tor *src, size_t i,
              struct shash *seen)
{
    struct tsn_config_tor *dst = &r->config->tors[i];
    char *const *names = src->n_switches ? src->switches
                                         : (char *const *) &src->name;
    size_t n = src->n_switches ? src->n_switches : 1;

    dst->switches = xcalloc(n, sizeof *dst->switches);
    for (size_t j = 0; j < n; j++) {
        char key[32] = "name";

        if (src->n_switches) {
            snprintf(key, sizeof key, "switches[%zu]", j);
        }
        dst->switches[dst->n_switches++] = xstrdup(names[j]);
        int error = tsn_cfg_check_name(r, tor_key(i, key), names[j]);
        if (error) {
            return error;
        }
        if (!shash_add_once(seen, names[j], (void *) i)) {
            return refuse(r, tor_key(i, key), "\"%s\" is already a switch of "
                          "tors[%zu]", names[j],
                          (size_t) shash_find_data(seen, names[j]));
        }
    }
    return 0;
}

static int
read_ownership(struct tsn_cfg_reader *r, const struct file_tor *src, size_t i)
{
    struct tsn_config_tor *dst = &r->config->tors[i];

    if (!src->ownership || !strcmp(src->ownership, "exclusive")) {
        dst->shared = false;
    } else if (!strcmp(src->ownership, "shared")) {
        dst->shared = true;
    } else {
        return refuse(r, tor_key(i, "ownership"), "expects \"exclusive\" or "
                      "\"shared\", not \"%s\"", src->ownership);
    }
    return 0;
}

int
tsn_cfg_read_switches(struct tsn_cfg_reader *r, const struct file_tor *src,
                      size_t i, struct shash *seen)
{
    struct tsn_config_tor *dst = &r->config->tors[i];
    int error = read_switches(r, src, i, seen);

    if (!error) {
        error = read_ownership(r, src, i);
    }
    dst->max_backoff_ms = BACKOFF_DEFAULT_MS;
    dst->cleanup_ms = CLEANUP_DEFAULT_MS;
    if (!error) {
        error = tsn_cfg_read_range(r, tor_key(i, "max-backoff"),
                                   src->max_backoff_ms, BACKOFF_MIN_MS,
                                   BACKOFF_MAX_MS, &dst->max_backoff_ms);
    }
    return error ? error : tsn_cfg_read_range(
        r, tor_key(i, "cleanup-wait"), src->cleanup_ms, 0, CLEANUP_MAX_MS,
        &dst->cleanup_ms);
}

void
tsn_cfg_free_switches(struct tsn_config_tor *tor)
{
    for (size_t i = 0; i < tor->n_switches; i++) {
        free(tor->switches[i]);
    }
    free(tor->switches);
}
