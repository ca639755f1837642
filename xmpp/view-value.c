/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the properties of a node. */
#include <config.h>
#include "xmpp/view-private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/vlog.h"

#include "xmpp/value.h"
#include "xmpp/xml.h"

VLOG_DEFINE_THIS_MODULE(xmpp_view_value);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

void
view_bad(struct view_reader *r, const char *property, const char *value)
{
    r->n_bad++;
    VLOG_WARN_RL(&rl, "skipped a value of the configuration that makes no "
                 "sense type=%s name=%s property=%s value=%.64s",
                 xmpp_gnode_type(r->node), xmpp_gnode_name(r->node), property,
                 value);
}

static struct in6_addr
parse_ip(struct view_reader *r, const char *property, const char *text)
{
    struct in6_addr ip;

    if (!*text) {
        return in6addr_any;
    }
    if (tsn_ip_parse(text, &ip)) {
        view_bad(r, property, text);
        return in6addr_any;
    }
    return tsn_ip_is_set(&ip) ? ip : in6addr_any;
}

struct in6_addr
view_ip(struct view_reader *r, const struct xmpp_node *node, const char *name)
{
    return parse_ip(r, name, xmpp_node_text(node, name));
}

uint64_t
view_uint(struct view_reader *r, const struct xmpp_node *node,
          const char *name, uint64_t max)
{
    const char *text = xmpp_node_text(node, name);
    uint64_t value;

    if (xmpp_value_uint(text, max, &value)) {
        view_bad(r, name, text);
        return 0;
    }
    return value;
}

/* As control nodes and agents read it: only "true" is true (3.3). */
static bool
get_bool(struct view_reader *r, const struct xmpp_node *node,
         const char *name, bool unset)
{
    const char *text = xmpp_node_text(node, name);

    if (!*text) {
        return unset;
    }
    if (strcmp(text, "true") && strcmp(text, "false")) {
        view_bad(r, name, text);
    }
    return xmpp_value_bool(text);
}

bool
view_bool(struct view_reader *r, const struct xmpp_node *node,
          const char *name)
{
    return get_bool(r, node, name, false);
}

bool
view_bool_true(struct view_reader *r, const struct xmpp_node *node,
               const char *name)
{
    return get_bool(r, node, name, true);
}

char *
view_string(const struct xmpp_node *node, const char *name)
{
    return xstrdup(xmpp_node_text(node, name));
}

void
view_uuid(struct view_reader *r, const struct xmpp_node *node,
          const char *name, char uuid[XMPP_VIEW_UUID_SIZE])
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    const char *text = xmpp_node_text(node, name);

    BUILD_ASSERT_DECL(sizeof form == XMPP_VIEW_UUID_SIZE);
    uuid[0] = '\0';
    for (size_t i = 0; i < sizeof form; i++) {
        bool ok = form[i] == 'x' ? isxdigit((unsigned char) text[i])
                                 : text[i] == form[i];
        if (!ok) {
            if (*text) {
                view_bad(r, name, text);
            }
            return;
        }
    }
    memcpy(uuid, text, sizeof form);
}

enum xmpp_forwarding_mode
view_forwarding_mode(struct view_reader *r, const struct xmpp_node *node)
{
    static const char *const modes[] = {
        [XMPP_FORWARDING_DEFAULT] = "",
        [XMPP_FORWARDING_L2_L3] = "l2_l3",
        [XMPP_FORWARDING_L2] = "l2",
        [XMPP_FORWARDING_L3] = "l3",
    };
    const char *text = xmpp_node_text(node, "forwarding-mode");

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
        if (!strcmp(text, modes[i])) {
            return i;
        }
    }
    view_bad(r, "forwarding-mode", text);
    return XMPP_FORWARDING_DEFAULT;
}

bool
view_prefix(struct view_reader *r, const struct xmpp_node *element,
            struct xmpp_prefix *prefix)
{
    const char *ip = xmpp_node_text(element, "ip-prefix");
    const char *len = xmpp_node_text(element, "ip-prefix-len");
    uint64_t plen;

    if (!*ip) {
        return false;
    }
    if (tsn_ip_parse(ip, &prefix->ip)) {
        view_bad(r, "ip-prefix", ip);
        return false;
    }
    if (xmpp_value_uint(len, tsn_ip_is_v4(&prefix->ip) ? 32 : 128, &plen)) {
        view_bad(r, "ip-prefix-len", len);
        return false;
    }
    prefix->plen = plen;
    return true;
}

void
view_add_ips(struct view_reader *r, const struct xmpp_node *list,
             const char *name, struct in6_addr **ips, size_t *n)
{
    const struct xmpp_node *element;

    XMPP_NODE_FOR_EACH (element, list, name) {
        struct in6_addr ip = parse_ip(r, name, element->text);

        if (*n >= VIEW_MAX_LIST) {
            view_bad(r, name, "(one too many)");
            break;
        }
        if (tsn_ip_is_set(&ip)) {
            VIEW_GROW(*ips, *n);
            (*ips)[(*n)++] = ip;
        }
    }
}

void
view_add_options(struct view_reader *r, struct xmpp_dhcp_option **options,
                 size_t *n, const struct xmpp_node *list)
{
    size_t n_before = *n;
    const struct xmpp_node *option;

    XMPP_NODE_FOR_EACH (option, list, "dhcp-option") {
        const char *name = xmpp_node_text(option, "dhcp-option-name");
        const char *value = xmpp_node_text(option, "dhcp-option-value");
        bool known = false;

        if (*n >= VIEW_MAX_OPTIONS) {
            view_bad(r, "dhcp-option (one too many)", name);
            break;
        }

        /* What was there before takes precedence.  In one list an option may
         * stand several times. */
        for (size_t i = 0; i < n_before && !known; i++) {
            known = !strcmp((*options)[i].name, name);
        }
        if (!*name) {
            view_bad(r, "dhcp-option (without name)", value);
        } else if (!known) {
            VIEW_GROW(*options, *n);
            (*options)[(*n)++] = (struct xmpp_dhcp_option) {
                .name = xstrdup(name),
                .value = xstrdup(value),
                .value_bytes = view_string(option, "dhcp-option-value-bytes"),
            };
        }
    }
}

void
view_free_options(struct xmpp_dhcp_option *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(options[i].name);
        free(options[i].value);
        free(options[i].value_bytes);
    }
    free(options);
}

void
view_add_routes(struct view_reader *r, struct xmpp_host_route **routes,
                size_t *n, const struct xmpp_node *list)
{
    const struct xmpp_node *element;

    XMPP_NODE_FOR_EACH (element, list, "route") {
        const char *text = xmpp_node_text(element, "prefix");

        if (*n >= VIEW_MAX_LIST) {
            view_bad(r, "route (one too many)", text);
            break;
        }
        struct xmpp_host_route route = {
            .next_hop = view_ip(r, element, "next-hop"),
        };

        if (tsn_prefix_parse(text, &route.prefix.ip, &route.prefix.plen)) {
            view_bad(r, "prefix", text);
        } else {
            VIEW_GROW(*routes, *n);
            (*routes)[(*n)++] = route;
        }
    }
}

const char *
view_last_part(const char *fq_name)
{
    const char *colon = strrchr(fq_name, ':');

    return colon ? colon + 1 : fq_name;
}

const char *
view_display_name(const struct xmpp_gnode *node)
{
    const char *name = xmpp_node_text(xmpp_gnode_xml(node), "display-name");

    return *name ? name : view_last_part(xmpp_gnode_name(node));
}

bool
view_is_complete(const struct xmpp_gnode *node)
{
    char uuid[XMPP_UUID_STRLEN];

    return xmpp_gnode_uuid(node, uuid);
}
