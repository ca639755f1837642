/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/config-extras.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "util.h"

#include "controller/config.h"

#define TEXT(KEY, STRUCT, MEMBER)                                       \
    CYAML_FIELD_STRING_PTR(KEY, CYAML_FLAG_POINTER, STRUCT, MEMBER,     \
                           0, CYAML_UNLIMITED)

static const cyaml_schema_field_t option_fields[] = {
    TEXT("name", struct yaml_option, name),
    TEXT("value", struct yaml_option, value),
    CYAML_FIELD_END
};
const cyaml_schema_value_t ctrl_option_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_option, option_fields)
};

static const cyaml_schema_field_t route_fields[] = {
    TEXT("prefix", struct yaml_route, prefix),
    TEXT("via", struct yaml_route, via),
    CYAML_FIELD_END
};
const cyaml_schema_value_t ctrl_route_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct yaml_route, route_fields)
};

static int
refuse(struct ctrl_extras_err *err, const char *list, size_t i,
       const char *key, const char *text, const char *expected)
{
    snprintf(err->key, sizeof err->key, "%s[%"PRIuSIZE"].%s", list, i, key);
    err->text = text;
    err->expected = expected;
    return -EINVAL;
}

/* Pad and end have no value (RFC 2132, 3.1, 3.2). */
static bool
is_option_name(const char *name)
{
    if (!*name || strlen(name) > CTRL_NAME_MAX || !ctrl_text_is_xml(name)) {
        return false;
    }
    if (*name != '-' && !isdigit((unsigned char) *name)) {
        return true;
    }
    int code;
    return str_to_int(name, 10, &code) && code > 0 && code < 255;
}

static int
read_options(const struct yaml_extras *from, struct ctrl_extras *to,
             struct ctrl_extras_err *err)
{
    to->options = xcalloc(from->options_count, sizeof *to->options);
    to->n_options = from->options_count;
    for (size_t i = 0; i < from->options_count; i++) {
        const struct yaml_option *option = &from->options[i];

        if (i >= CTRL_OPTIONS_MAX) {
            return refuse(err, "options", i, "name", option->name,
                          "one of the first 254: a message has no more");
        }
        if (!is_option_name(option->name)) {
            return refuse(err, "options", i, "name", option->name,
                          "the name or number of a DHCP option");
        }
        if (strlen(option->value) > CTRL_OPTION_VALUE_MAX
            || !ctrl_text_is_xml(option->value)) {
            return refuse(err, "options", i, "value", option->value,
                          "a value that fits into a DHCP option");
        }
        to->options[i].name = xstrdup(option->name);
        to->options[i].value = xstrdup(option->value);
    }
    return 0;
}

static bool
has_host_bits(const struct ctrl_route *route)
{
    struct in6_addr mask = ipv6_create_mask(
        tsn_ip_is_v4(&route->prefix) ? route->plen + 96 : route->plen);
    struct in6_addr net = ipv6_addr_bitand(&route->prefix, &mask);

    return !tsn_ip_equals(&net, &route->prefix);
}

static int
read_routes(const struct yaml_extras *from, struct ctrl_extras *to,
            struct ctrl_extras_err *err)
{
    to->routes = xcalloc(from->routes_count, sizeof *to->routes);
    to->n_routes = from->routes_count;
    for (size_t i = 0; i < from->routes_count; i++) {
        const struct yaml_route *route = &from->routes[i];
        struct ctrl_route *r = &to->routes[i];

        if (i >= CTRL_ROUTES_MAX) {
            return refuse(err, "routes", i, "prefix", route->prefix,
                          "one of the first 64: a message has no more room");
        }
        if (tsn_prefix_parse(route->prefix, &r->prefix, &r->plen)
            || has_host_bits(r)) {
            return refuse(err, "routes", i, "prefix", route->prefix,
                          "an address and a prefix length with no bits set "
                          "behind it");
        }
        if (tsn_ip_parse(route->via, &r->via) || !tsn_ip_is_host(&r->via)
            || tsn_ip_is_v4(&r->via) != tsn_ip_is_v4(&r->prefix)) {
            return refuse(err, "routes", i, "via", route->via,
                          "the address of a router, of the prefix's family");
        }
    }
    return 0;
}

int
ctrl_extras_read(const struct yaml_extras *from, struct ctrl_extras *to,
                 struct ctrl_extras_err *err)
{
    int error = read_options(from, to, err);

    return error ? error : read_routes(from, to, err);
}

void
ctrl_extras_fini(struct ctrl_extras *extras)
{
    for (size_t i = 0; i < extras->n_options; i++) {
        free(extras->options[i].name);
        free(extras->options[i].value);
    }
    free(extras->options);
    free(extras->routes);
}
