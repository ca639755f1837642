/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of a switch that ovsdb-client parses itself. */
#include <config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/json.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/text.h"
#include "packets.h"
#include "tsn/model.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xmemdup0((const char *) data, size);
    struct eth_addr mac;

    if (ovc_text_to_mac(text, &mac)) {
        char again[ETH_ADDR_STRLEN + 1];
        struct eth_addr same;

        snprintf(again, sizeof again, ETH_ADDR_FMT, ETH_ADDR_ARGS(mac));
        if (strcasecmp(text, again) || !ovc_text_to_mac(again, &same)
            || !eth_addr_equals(mac, same)) {
            abort();
        }
    }
    struct in6_addr ip = ovc_text_to_vtep(text);
    if (tsn_ip_is_set(&ip) != ovc_is_vtep(&ip)) {
        abort();
    }

    struct json *json = json_from_string(text);
    free(ovc_error_text(json));
    json_destroy(json);
    free(text);
    return 0;
}
