/* SPDX-License-Identifier: Apache-2.0 */
/* DHCP options and host routes in controller.yaml: "options" and "routes" of a
 * subnet or of a server.  Private to the configuration. */
#ifndef CONTROLLER_CONFIG_EXTRAS_H
#define CONTROLLER_CONFIG_EXTRAS_H 1

#include "tsn/yaml.h"

struct ctrl_extras;

/* As libcyaml fills them. */
struct yaml_option {
    char *name, *value;
};

struct yaml_route {
    char *prefix, *via;
};

struct yaml_extras {
    struct yaml_option *options;
    unsigned int options_count;
    struct yaml_route *routes;
    unsigned int routes_count;
};

extern const cyaml_schema_value_t ctrl_option_schema, ctrl_route_schema;

/* What is wrong. */
struct ctrl_extras_err {
    char key[32];               /* "routes[0].via". */
    const char *text;           /* The value there ... */
    const char *expected;       /* ... and what it is not. */
};

/* Returns 0, or -EINVAL and fills '*err'; 'to' is to be freed in any case. */
int ctrl_extras_read(const struct yaml_extras *from, struct ctrl_extras *to,
                     struct ctrl_extras_err *err);
void ctrl_extras_fini(struct ctrl_extras *);

#endif /* controller/config-extras.h */
