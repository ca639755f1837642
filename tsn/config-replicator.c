/* SPDX-License-Identifier: Apache-2.0 */
/* Section "replicator" of tsn.yaml. */
#include <config.h>
#include "tsn/config-private.h"

#include <errno.h>
#include <string.h>

#include "packets.h"
#include "util.h"

const cyaml_schema_field_t tsn_cfg_replicator_fields[] = {
    STRING("name", 0, struct file_replicator, name),
    STRING("address", 0, struct file_replicator, address),
    STRING("service-mac", OPTIONAL, struct file_replicator, service_mac),
    CYAML_FIELD_END
};

/* Under one name two sessions would throw each other out. */
static int
check_name_is_own(struct tsn_cfg_reader *r, const char *name)
{
    for (size_t i = 0; i < r->config->n_tors; i++) {
        if (!strcmp(name, r->config->tors[i].agent_name)) {
            return refuse(r, "replicator.name", "\"%s\" is already the "
                          "agent-name of tors[%zu]", name, i);
        }
    }
    return 0;
}

static int
read_service_mac(struct tsn_cfg_reader *r, const char *s,
                 struct eth_addr *dst)
{
    const char *mac = s ? s : TSN_SERVICE_MAC;

    if (!eth_addr_from_string(mac, dst)) {
        return refuse(r, "replicator.service-mac", "expects a MAC address, "
                      "not \"%s\"", mac);
    }
    if (eth_addr_is_zero(*dst) || eth_addr_is_multicast(*dst)) {
        return refuse(r, "replicator.service-mac", "expects a unicast MAC "
                      "address, not %s", mac);
    }
    return 0;
}

int
tsn_cfg_read_replicator(struct tsn_cfg_reader *r,
                        const struct file_replicator *src)
{
    struct tsn_config_replicator *dst = &r->config->replicator;
    int error;

    if (!src) {
        return 0;
    }
    r->config->has_replicator = true;
    dst->name = xstrdup(src->name);
    if ((error = tsn_cfg_check_name(r, "replicator.name", src->name))
        || (error = tsn_cfg_read_vtep(r, "replicator.address", src->address,
                                      &dst->address))
        || (error = check_name_is_own(r, src->name))) {
        return error;
    }
    return read_service_mac(r, src->service_mac, &dst->service_mac);
}
