/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "openvswitch/shash.h"
#include "controller/config-extras.h"
#include "packets.h"
#include "tsn/error.h"
#include "tsn/yaml.h"
#include "util.h"
#include "xmpp/stanza.h"

/* The file as libcyaml fills it.  What is a pointer is optional, so that its
 * absence shows. */
struct yaml_subnet {
    char *prefix, *gateway, *dns;
    bool *dhcp;
    struct yaml_extras extras;
};

struct yaml_network {
    char *name;
    uint32_t vni;
    uint32_t *id;
    bool *flood_unknown_unicast;
    uint32_t *mtu;
    struct yaml_subnet *subnets;
    unsigned int subnets_count;
};

struct yaml_station {
    char *name, *network, *mac, *ip;
    struct yaml_extras extras;
};

struct yaml_port {
    char *name;
    uint32_t vlan;
    char *network;
    struct yaml_station *servers;
    unsigned int servers_count;
};

struct yaml_switch {
    char *name, *vtep, *agent, *standby_agent;
    struct yaml_port *ports;
    unsigned int ports_count;
};

struct yaml_host {
    char *name, *vtep;
    char **networks;
    unsigned int networks_count;
    struct yaml_station *machines;
    unsigned int machines_count;
};

struct yaml_tsn {
    char *name, *address;
    char **switches;
    unsigned int switches_count;
};

struct yaml_tls {
    char *certificate, *private_key, *ca;
    bool require_client_certificate;
};

struct yaml_graceful_restart {
    bool *enable, *xmpp_helper;
    uint32_t *restart_time, *long_lived_restart_time, *end_of_rib_timeout;
};

enum yaml_vxlan_id_mode { MODE_CONFIGURED, MODE_AUTOMATIC };

struct yaml_controller {
    char *name, *listen, *project;
    uint32_t *hold_time;
    struct yaml_graceful_restart *graceful_restart;
    enum yaml_vxlan_id_mode vxlan_id_mode;
    struct yaml_tls *tls;
    struct yaml_network *networks;
    unsigned int networks_count;
    struct yaml_switch *switches;
    unsigned int switches_count;
    struct yaml_host *hosts;
    unsigned int hosts_count;
    struct yaml_tsn *tsns;
    unsigned int tsns_count;
};

/* One line per key. */
#define TEXT(KEY, STRUCT, MEMBER)                                       \
    CYAML_FIELD_STRING_PTR(KEY, CYAML_FLAG_POINTER, STRUCT, MEMBER,     \
                           1, CYAML_UNLIMITED)
#define OPT_TEXT(KEY, STRUCT, MEMBER)                                   \
    CYAML_FIELD_STRING_PTR(KEY, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, \
                           STRUCT, MEMBER, 1, CYAML_UNLIMITED)
#define OPT_BOOL(KEY, STRUCT, MEMBER)                                   \
    CYAML_FIELD_BOOL_PTR(KEY, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, \
                         STRUCT, MEMBER)
#define OPT_UINT(KEY, STRUCT, MEMBER)                                   \
    CYAML_FIELD_UINT_PTR(KEY, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, \
                         STRUCT, MEMBER)
#define OPT_LIST(KEY, STRUCT, MEMBER, SCHEMA)                           \
    CYAML_FIELD_SEQUENCE(KEY, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, \
                         STRUCT, MEMBER, SCHEMA, 0, CYAML_UNLIMITED)
#define EXTRAS(STRUCT)                                                  \
    OPT_LIST("options", STRUCT, extras.options, &ctrl_option_schema),   \
    OPT_LIST("routes", STRUCT, extras.routes, &ctrl_route_schema)
#define ENTRY(STRUCT, FIELDS)                                           \
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, STRUCT, FIELDS)

static const cyaml_schema_value_t text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED)
};

static const cyaml_schema_field_t subnet_fields[] = {
    TEXT("prefix", struct yaml_subnet, prefix),
    OPT_TEXT("gateway", struct yaml_subnet, gateway),
    OPT_TEXT("dns", struct yaml_subnet, dns),
    OPT_BOOL("dhcp", struct yaml_subnet, dhcp),
    EXTRAS(struct yaml_subnet),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t subnet_schema = {
    ENTRY(struct yaml_subnet, subnet_fields)
};

static const cyaml_schema_field_t network_fields[] = {
    TEXT("name", struct yaml_network, name),
    CYAML_FIELD_UINT("vni", CYAML_FLAG_DEFAULT, struct yaml_network, vni),
    OPT_UINT("id", struct yaml_network, id),
    OPT_BOOL("flood-unknown-unicast", struct yaml_network,
             flood_unknown_unicast),
    OPT_UINT("mtu", struct yaml_network, mtu),
    OPT_LIST("subnets", struct yaml_network, subnets, &subnet_schema),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t network_schema = {
    ENTRY(struct yaml_network, network_fields)
};

static const cyaml_schema_field_t server_fields[] = {
    OPT_TEXT("name", struct yaml_station, name),
    TEXT("mac", struct yaml_station, mac),
    OPT_TEXT("ip", struct yaml_station, ip),
    EXTRAS(struct yaml_station),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t server_schema = {
    ENTRY(struct yaml_station, server_fields)
};

static const cyaml_schema_field_t machine_fields[] = {
    OPT_TEXT("name", struct yaml_station, name),
    TEXT("network", struct yaml_station, network),
    TEXT("mac", struct yaml_station, mac),
    OPT_TEXT("ip", struct yaml_station, ip),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t machine_schema = {
    ENTRY(struct yaml_station, machine_fields)
};

static const cyaml_schema_field_t port_fields[] = {
    TEXT("name", struct yaml_port, name),
    CYAML_FIELD_UINT("vlan", CYAML_FLAG_OPTIONAL, struct yaml_port, vlan),
    TEXT("network", struct yaml_port, network),
    OPT_LIST("servers", struct yaml_port, servers, &server_schema),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t port_schema = {
    ENTRY(struct yaml_port, port_fields)
};

static const cyaml_schema_field_t switch_fields[] = {
    TEXT("name", struct yaml_switch, name),
    TEXT("vtep", struct yaml_switch, vtep),
    OPT_TEXT("agent", struct yaml_switch, agent),
    OPT_TEXT("standby-agent", struct yaml_switch, standby_agent),
    OPT_LIST("ports", struct yaml_switch, ports, &port_schema),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t switch_schema = {
    ENTRY(struct yaml_switch, switch_fields)
};

static const cyaml_schema_field_t host_fields[] = {
    TEXT("name", struct yaml_host, name),
    TEXT("vtep", struct yaml_host, vtep),
    OPT_LIST("networks", struct yaml_host, networks, &text_schema),
    OPT_LIST("machines", struct yaml_host, machines, &machine_schema),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t host_schema = {
    ENTRY(struct yaml_host, host_fields)
};

static const cyaml_schema_field_t tsn_fields[] = {
    TEXT("name", struct yaml_tsn, name),
    TEXT("address", struct yaml_tsn, address),
    OPT_LIST("switches", struct yaml_tsn, switches, &text_schema),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t tsn_schema = {
    ENTRY(struct yaml_tsn, tsn_fields)
};

static const cyaml_schema_field_t tls_fields[] = {
    TEXT("certificate", struct yaml_tls, certificate),
    TEXT("private-key", struct yaml_tls, private_key),
    TEXT("ca", struct yaml_tls, ca),
    CYAML_FIELD_BOOL("require-client-certificate", CYAML_FLAG_OPTIONAL,
                     struct yaml_tls, require_client_certificate),
    CYAML_FIELD_END
};

static const cyaml_schema_field_t graceful_restart_fields[] = {
    OPT_BOOL("enable", struct yaml_graceful_restart, enable),
    OPT_UINT("restart-time", struct yaml_graceful_restart, restart_time),
    OPT_UINT("long-lived-restart-time", struct yaml_graceful_restart,
             long_lived_restart_time),
    OPT_UINT("end-of-rib-timeout", struct yaml_graceful_restart,
             end_of_rib_timeout),
    OPT_BOOL("xmpp-helper", struct yaml_graceful_restart, xmpp_helper),
    CYAML_FIELD_END
};

static const cyaml_strval_t vxlan_id_modes[] = {
    { "configured", MODE_CONFIGURED },
    { "automatic", MODE_AUTOMATIC },
};

static const cyaml_schema_field_t controller_fields[] = {
    OPT_TEXT("name", struct yaml_controller, name),
    OPT_TEXT("listen", struct yaml_controller, listen),
    OPT_UINT("hold-time", struct yaml_controller, hold_time),
    CYAML_FIELD_MAPPING_PTR("graceful-restart",
                            CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                            struct yaml_controller, graceful_restart,
                            graceful_restart_fields),
    CYAML_FIELD_ENUM("vxlan-id-mode",
                     CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
                     struct yaml_controller, vxlan_id_mode, vxlan_id_modes,
                     ARRAY_SIZE(vxlan_id_modes)),
    OPT_TEXT("project", struct yaml_controller, project),
    CYAML_FIELD_MAPPING_PTR("tls", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                            struct yaml_controller, tls, tls_fields),
    OPT_LIST("networks", struct yaml_controller, networks, &network_schema),
    OPT_LIST("switches", struct yaml_controller, switches, &switch_schema),
    OPT_LIST("hosts", struct yaml_controller, hosts, &host_schema),
    OPT_LIST("tsns", struct yaml_controller, tsns, &tsn_schema),
    CYAML_FIELD_END
};
static const cyaml_schema_value_t controller_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct yaml_controller,
                        controller_fields)
};

/* From the untyped to the typed form: a reader for each kind of value.  All
 * return 0, or -EINVAL with 'err' at the value. */
struct reader {
    const char *file;
    struct tsn_err *err;
    struct shash networks;      /* Name to struct ctrl_network. */
    struct shash switches;      /* Name to struct ctrl_switch. */
    char where[128];            /* "switches[0].ports[1]". */
};

static void at(struct reader *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Says where the values that are read next stand. */
static void
at(struct reader *r, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(r->where, sizeof r->where, fmt, args);
    va_end(args);
}

static int
refuse(struct reader *r, const char *key, const char *text,
       const char *expected)
{
    char value[sizeof r->where + 32];

    snprintf(value, sizeof value, "%s%s%s", r->where, r->where[0] ? "." : "",
             key);
    return tsn_yaml_refuse(r->err, r->file, value, "\"%s\" is not %s", text,
                           expected);
}

static int
read_ip(struct reader *r, const char *key, const char *s, struct in6_addr *ip)
{
    return s && tsn_ip_parse(s, ip)
           ? refuse(r, key, s, "an IP address")
           : 0;
}

static int
read_extras(struct reader *r, const struct yaml_extras *from,
            struct ctrl_extras *to)
{
    struct ctrl_extras_err e;

    return ctrl_extras_read(from, to, &e)
           ? refuse(r, e.key, e.text, e.expected)
           : 0;
}

static int
read_network(struct reader *r, const char *key, const char *s,
             const struct ctrl_network **network)
{
    *network = shash_find_data(&r->networks, s);
    return *network ? 0 : refuse(r, key, s, "the name of a network");
}

static int
read_subnets(struct reader *r, size_t n, const struct yaml_network *y,
             struct ctrl_network *network)
{
    network->subnets = xcalloc(y->subnets_count, sizeof *network->subnets);
    network->n_subnets = y->subnets_count;
    for (size_t i = 0; i < y->subnets_count; i++) {
        const struct yaml_subnet *from = &y->subnets[i];
        struct ctrl_subnet *to = &network->subnets[i];

        at(r, "networks[%zu].subnets[%zu]", n, i);
        if (tsn_prefix_parse(from->prefix, &to->prefix, &to->plen)) {
            return refuse(r, "prefix", from->prefix,
                          "an address and a prefix length");
        }
        int error = read_ip(r, "gateway", from->gateway, &to->gateway);
        if (!error) {
            error = read_ip(r, "dns", from->dns, &to->dns);
        }
        if (!error) {
            error = read_extras(r, &from->extras, &to->extras);
        }
        if (error) {
            return error;
        }
        to->dhcp = !from->dhcp || *from->dhcp;
    }
    return 0;
}

static int
read_mtu(struct reader *r, size_t n, const struct yaml_network *from,
         struct ctrl_network *to)
{
    char text[16];

    if (!from->mtu) {
        return 0;
    }
    if (*from->mtu < CTRL_MTU_MIN || *from->mtu > CTRL_MTU_MAX) {
        at(r, "networks[%zu]", n);
        snprintf(text, sizeof text, "%"PRIu32, *from->mtu);
        return refuse(r, "mtu", text, "an MTU (68 to 65535)");
    }
    to->mtu = *from->mtu;
    return 0;
}

static int
read_networks(struct reader *r, const struct yaml_controller *y,
              struct ctrl_config *config)
{
    config->networks = xcalloc(y->networks_count, sizeof *config->networks);
    config->n_networks = y->networks_count;
    for (size_t i = 0; i < y->networks_count; i++) {
        const struct yaml_network *from = &y->networks[i];
        struct ctrl_network *to = &config->networks[i];

        to->name = xstrdup(from->name);
        to->vni = from->vni;
        /* Unique as VNIs are, and it does not move when a line is added. */
        to->id = from->id ? *from->id : from->vni;
        to->flood_unknown_unicast = !from->flood_unknown_unicast
                                    || *from->flood_unknown_unicast;
        int error = read_mtu(r, i, from, to);
        if (!error) {
            error = read_subnets(r, i, from, to);
        }
        if (error) {
            return error;
        }
        shash_replace(&r->networks, to->name, to);
    }
    return 0;
}

static int
read_station(struct reader *r, const struct yaml_station *from,
             struct ctrl_station *to)
{
    to->name = nullable_xstrdup(from->name);
    if (!eth_addr_from_string(from->mac, &to->mac)) {
        return refuse(r, "mac", from->mac, "a MAC address");
    }
    int error = read_ip(r, "ip", from->ip, &to->ip);
    return error ? error : read_extras(r, &from->extras, &to->extras);
}

static int
read_ports(struct reader *r, size_t n, const struct yaml_switch *y,
           struct ctrl_switch *sw)
{
    sw->ports = xcalloc(y->ports_count, sizeof *sw->ports);
    sw->n_ports = y->ports_count;
    for (size_t i = 0; i < y->ports_count; i++) {
        const struct yaml_port *from = &y->ports[i];
        struct ctrl_port *to = &sw->ports[i];

        at(r, "switches[%zu].ports[%zu]", n, i);
        to->name = xstrdup(from->name);
        if (from->vlan > CTRL_VLAN_MAX) {
            char text[16];
            snprintf(text, sizeof text, "%"PRIu32, from->vlan);
            return refuse(r, "vlan", text, "a VLAN (0 to 4094, 0 for none)");
        }
        to->vlan = from->vlan;
        int error = read_network(r, "network", from->network, &to->network);
        if (error) {
            return error;
        }

        to->servers = xcalloc(from->servers_count, sizeof *to->servers);
        to->n_servers = from->servers_count;
        for (size_t j = 0; j < from->servers_count; j++) {
            at(r, "switches[%zu].ports[%zu].servers[%zu]", n, i, j);
            to->servers[j].network = to->network;
            error = read_station(r, &from->servers[j], &to->servers[j]);
            if (error) {
                return error;
            }
        }
    }
    return 0;
}

static int
read_switches(struct reader *r, const struct yaml_controller *y,
              struct ctrl_config *config)
{
    config->switches = xcalloc(y->switches_count, sizeof *config->switches);
    config->n_switches = y->switches_count;
    for (size_t i = 0; i < y->switches_count; i++) {
        const struct yaml_switch *from = &y->switches[i];
        struct ctrl_switch *to = &config->switches[i];

        at(r, "switches[%zu]", i);
        to->name = xstrdup(from->name);
        to->agent = xstrdup(from->agent ? from->agent : from->name);
        to->standby_agent = nullable_xstrdup(from->standby_agent);
        int error = read_ip(r, "vtep", from->vtep, &to->vtep);
        if (!error) {
            error = read_ports(r, i, from, to);
        }
        if (error) {
            return error;
        }
        shash_replace(&r->switches, to->name, to);
    }
    return 0;
}

static void
add_network(struct ctrl_host *host, const struct ctrl_network *network)
{
    for (size_t i = 0; i < host->n_networks; i++) {
        if (host->networks[i] == network) {
            return;
        }
    }
    host->networks[host->n_networks++] = network;
}

static int
read_machines(struct reader *r, size_t n, const struct yaml_host *y,
              struct ctrl_host *host)
{
    host->machines = xcalloc(y->machines_count, sizeof *host->machines);
    host->n_machines = y->machines_count;
    for (size_t i = 0; i < y->machines_count; i++) {
        struct ctrl_station *machine = &host->machines[i];

        at(r, "hosts[%zu].machines[%zu]", n, i);
        int error = read_network(r, "network", y->machines[i].network,
                                 &machine->network);
        if (!error) {
            error = read_station(r, &y->machines[i], machine);
        }
        if (error) {
            return error;
        }
    }
    return 0;
}

static int
read_hosts(struct reader *r, const struct yaml_controller *y,
           struct ctrl_config *config)
{
    config->hosts = xcalloc(y->hosts_count, sizeof *config->hosts);
    config->n_hosts = y->hosts_count;
    for (size_t i = 0; i < y->hosts_count; i++) {
        const struct yaml_host *from = &y->hosts[i];
        struct ctrl_host *to = &config->hosts[i];

        at(r, "hosts[%zu]", i);
        to->name = xstrdup(from->name);
        int error = read_ip(r, "vtep", from->vtep, &to->vtep);
        if (error) {
            return error;
        }

        to->networks = xcalloc(MAX(from->networks_count,
                                   from->machines_count),
                               sizeof *to->networks);
        for (size_t j = 0; j < from->networks_count; j++) {
            const struct ctrl_network *network;
            char key[32];

            snprintf(key, sizeof key, "networks[%zu]", j);
            error = read_network(r, key, from->networks[j], &network);
            if (error) {
                return error;
            }
            add_network(to, network);
        }

        error = read_machines(r, i, from, to);
        if (error) {
            return error;
        }
        for (size_t j = 0; !from->networks_count && j < to->n_machines; j++) {
            add_network(to, to->machines[j].network);
        }
    }
    return 0;
}

static int
read_tsns(struct reader *r, const struct yaml_controller *y,
          struct ctrl_config *config)
{
    config->tsns = xcalloc(y->tsns_count, sizeof *config->tsns);
    config->n_tsns = y->tsns_count;
    for (size_t i = 0; i < y->tsns_count; i++) {
        const struct yaml_tsn *from = &y->tsns[i];
        struct ctrl_tsn *to = &config->tsns[i];

        at(r, "tsns[%zu]", i);
        to->name = xstrdup(from->name);
        int error = read_ip(r, "address", from->address, &to->address);
        if (error) {
            return error;
        }

        size_t n = from->switches_count ? from->switches_count
                                        : config->n_switches;
        to->switches = xcalloc(n, sizeof *to->switches);
        to->n_switches = n;
        for (size_t j = 0; j < n; j++) {
            if (!from->switches_count) {
                to->switches[j] = &config->switches[j];
                continue;
            }
            to->switches[j] = shash_find_data(&r->switches,
                                              from->switches[j]);
            if (!to->switches[j]) {
                char key[32];
                snprintf(key, sizeof key, "switches[%zu]", j);
                return refuse(r, key, from->switches[j],
                              "the name of a switch");
            }
        }
    }
    return 0;
}

static void
read_tls(struct reader *r, const struct yaml_tls *y,
         struct ctrl_config *config)
{
    config->has_tls = true;
    config->tls = (struct tsn_tls_files) {
        .certificate = tsn_yaml_path(r->file, y->certificate),
        .private_key = tsn_yaml_path(r->file, y->private_key),
        .ca = tsn_yaml_path(r->file, y->ca),
        .require_peer_certificate = y->require_client_certificate,
    };
}

/* A missing section, too, means that it is on: a client that dies and comes
 * back is what happens most, and what is behind it has not moved. */
static void
read_graceful_restart(const struct yaml_graceful_restart *y,
                      struct ctrl_graceful_restart *gr)
{
    static const struct yaml_graceful_restart nothing;

    y = y ? y : &nothing;
    gr->enable = !y->enable || *y->enable;
    gr->xmpp_helper = !y->xmpp_helper || *y->xmpp_helper;
    gr->restart_s = y->restart_time ? *y->restart_time : 300;
    gr->long_lived_s = y->long_lived_restart_time
                       ? *y->long_lived_restart_time : 300;
    gr->end_of_rib_s = y->end_of_rib_timeout ? *y->end_of_rib_timeout : 300;
}

static int
read_globals(struct reader *r, const struct yaml_controller *y,
             struct ctrl_config *config)
{
    if (y->name) {
        config->name = xstrdup(y->name);
    } else {
        char host[256];

        if (gethostname(host, sizeof host)) {
            ovs_strlcpy(host, "tsn-controller", sizeof host);
        }
        host[sizeof host - 1] = '\0';
        config->name = xstrdup(host);
    }
    config->project = xstrdup(y->project ? y->project : "default-project");
    config->vni_is_network_id = y->vxlan_id_mode == MODE_AUTOMATIC;
    config->hold_s = y->hold_time ? *y->hold_time : CTRL_HOLD_MAX_S;
    if (y->tls) {
        read_tls(r, y->tls, config);
    }

    read_graceful_restart(y->graceful_restart, &config->graceful_restart);

    const char *listen = y->listen ? y->listen : "0.0.0.0";
    return tsn_sockaddr_parse(listen, XMPP_PORT, &config->listen)
           ? refuse(r, "listen", listen, "an IP address and optional port")
           : 0;
}

static int
read_config(const char *path, const struct yaml_controller *y,
            struct ctrl_config *config, struct tsn_err *err)
{
    struct reader r = { .file = path, .err = err };

    shash_init(&r.networks);
    shash_init(&r.switches);
    int error = read_globals(&r, y, config);
    if (!error) {
        error = read_networks(&r, y, config);
    }
    if (!error) {
        error = read_switches(&r, y, config);
    }
    if (!error) {
        error = read_hosts(&r, y, config);
    }
    if (!error) {
        error = read_tsns(&r, y, config);
    }
    shash_destroy(&r.networks);
    shash_destroy(&r.switches);
    return error;
}

int
ctrl_config_load(const char *path, struct ctrl_config **configp,
                 struct tsn_err *err)
{
    void *yaml;
    int error = tsn_yaml_load(path, &controller_schema, &yaml, err);
    if (error) {
        return error;
    }

    struct ctrl_config *config = xzalloc(sizeof *config);
    error = read_config(path, yaml, config, err);
    tsn_yaml_free(&controller_schema, yaml);
    if (!error) {
        error = ctrl_config_check(config, path, err);
    }
    if (error) {
        ctrl_config_destroy(config);
        return error;
    }
    *configp = config;
    return 0;
}

static void
free_stations(struct ctrl_station *stations, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(stations[i].name);
        ctrl_extras_fini(&stations[i].extras);
    }
    free(stations);
}

static void
free_switch(struct ctrl_switch *sw)
{
    for (size_t i = 0; i < sw->n_ports; i++) {
        free(sw->ports[i].name);
        free_stations(sw->ports[i].servers, sw->ports[i].n_servers);
    }
    free(sw->ports);
    free(sw->name);
    free(sw->agent);
    free(sw->standby_agent);
}

void
ctrl_config_destroy(struct ctrl_config *config)
{
    if (!config) {
        return;
    }
    for (size_t i = 0; i < config->n_networks; i++) {
        struct ctrl_network *network = &config->networks[i];

        for (size_t j = 0; j < network->n_subnets; j++) {
            ctrl_extras_fini(&network->subnets[j].extras);
        }
        free(network->name);
        free(network->subnets);
    }
    for (size_t i = 0; i < config->n_switches; i++) {
        free_switch(&config->switches[i]);
    }
    for (size_t i = 0; i < config->n_hosts; i++) {
        struct ctrl_host *host = &config->hosts[i];

        free_stations(host->machines, host->n_machines);
        free(host->networks);
        free(host->name);
    }
    for (size_t i = 0; i < config->n_tsns; i++) {
        free(config->tsns[i].switches);
        free(config->tsns[i].name);
    }
    free(config->networks);
    free(config->switches);
    free(config->hosts);
    free(config->tsns);
    tsn_tls_files_fini(&config->tls);
    free(config->project);
    free(config->name);
    free(config);
}
