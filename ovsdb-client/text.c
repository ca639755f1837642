/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ovsdb-client/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "packets.h"
#include "tsn/model.h"
#include "util.h"

/* Longer error texts are cut. */
#define ERROR_TEXT_MAX 500

bool
ovc_text_to_mac(const char *s, struct eth_addr *mac)
{
    struct eth_addr ea;

    for (int i = 0; i < ETH_ADDR_LEN; i++) {
        if (!isxdigit((unsigned char) s[0])
            || !isxdigit((unsigned char) s[1])
            || s[2] != (i < ETH_ADDR_LEN - 1 ? ':' : '\0')) {
            return false;
        }
        ea.ea[i] = hexit_value(s[0]) << 4 | hexit_value(s[1]);
        s += 3;
    }
    *mac = ea;
    return true;
}

bool
ovc_is_vtep(const struct in6_addr *ip)
{
    /* The schema knows no other encapsulation than vxlan_over_ipv4. */
    if (!tsn_ip_is_v4(ip) || !tsn_ip_is_set(ip)) {
        return false;
    }
    uint8_t first = ip->s6_addr[12];
    return first != 0 && first < 224;
}

struct in6_addr
ovc_text_to_vtep(const char *s)
{
    struct in6_addr ip;

    return !tsn_ip_parse(s, &ip) && ovc_is_vtep(&ip) ? ip : in6addr_any;
}

static const char *
member_string(const struct json *object, const char *name)
{
    const struct json *json = shash_find_data(json_object(object), name);
    return json && json->type == JSON_STRING ? json_string(json) : NULL;
}

void
ovc_text_make_printable(char *text)
{
    for (char *p = text; *p; p++) {
        if (iscntrl((unsigned char) *p)) {
            *p = ' ';
        }
    }
}

char *
ovc_error_text(const struct json *error)
{
    char *text = NULL;

    if (error->type == JSON_STRING) {
        text = xstrdup(json_string(error));
    } else if (error->type == JSON_OBJECT) {
        const char *tag = member_string(error, "error");
        const char *details = member_string(error, "details");
        if (tag) {
            text = xasprintf("%s%s%s", tag, details ? ": " : "",
                             details ? details : "");
        }
    }
    if (!text) {
        text = json_to_string(error, JSSF_SORT);
    }
    if (strlen(text) > ERROR_TEXT_MAX) {
        text[ERROR_TEXT_MAX] = '\0';
    }
    ovc_text_make_printable(text);
    return text;
}
