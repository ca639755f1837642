/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/config.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/shash.h"
#include "packets.h"
#include "tsn/error.h"
#include "tsn/yaml.h"
#include "util.h"

/* Each name, number and address is claimed once; the second claim is refused
 * and told where the first one is. */
struct checker {
    const struct ctrl_config *config;
    const char *file;
    struct tsn_err *err;
    char where[128];            /* Of the value at hand. */
    struct shash claims;        /* What to where it stands. */
};

static void at(struct checker *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static int refuse(struct checker *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static int claim(struct checker *, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
at(struct checker *c, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(c->where, sizeof c->where, fmt, args);
    va_end(args);
}

static int
refuse(struct checker *c, const char *fmt, ...)
{
    char text[sizeof c->err->text];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return tsn_yaml_refuse(c->err, c->file, c->where, "%s", text);
}

/* 'fmt' makes the key: the kind of claim, then what is claimed.  A TAB stands
 * between two names, as it is in neither. */
static int
claim(struct checker *c, const char *what, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    char *key = xvasprintf(fmt, args);
    va_end(args);

    const char *other = shash_find_data(&c->claims, key);
    int error = 0;
    if (other) {
        error = refuse(c, "%s is already used at %s", what, other);
    } else {
        shash_add_nocopy(&c->claims, xstrdup(key), xstrdup(c->where));
    }
    free(key);
    return error;
}

bool
ctrl_text_is_xml(const char *text)
{
    /* U+FFFE and U+FFFF. */
    return !strstr(text, "\xef\xbf\xbe") && !strstr(text, "\xef\xbf\xbf");
}

/* Those of ASCII, and U+0080 to U+009F. */
static bool
is_control_character(const char *p)
{
    return (uint8_t) p[0] < ' ' || p[0] == 0x7f
           || ((uint8_t) p[0] == 0xc2 && (uint8_t) p[1] < 0xa0);
}

/* Object names are put together with ':'. */
static int
check_name(struct checker *c, const char *name, bool colon_ok)
{
    if (!*name) {
        return refuse(c, "a name must not be empty");
    }
    if (strlen(name) > CTRL_NAME_MAX) {
        return refuse(c, "a name has at most %d bytes", CTRL_NAME_MAX);
    }
    if (!colon_ok && strchr(name, ':')) {
        return refuse(c, "a name must not contain ':'");
    }
    for (const char *p = name; *p; p++) {
        if (is_control_character(p)) {
            return refuse(c, "a name must not contain control characters");
        }
    }
    if (!ctrl_text_is_xml(name)) {
        return refuse(c, "a name must not contain what XML cannot carry");
    }
    return 0;
}

static int
check_vtep(struct checker *c, const struct in6_addr *ip)
{
    char text[TSN_IP_STRLEN];

    if (!tsn_ip_is_v4(ip)) {
        return refuse(c, "a tunnel endpoint has an IPv4 address");
    }
    if (!tsn_ip_is_host(ip)) {
        return refuse(c, "%s is not a unicast address",
                      tsn_ip_format(ip, text));
    }
    return claim(c, tsn_ip_format(ip, text), "vtep %s", text);
}

/* Compares the first 'plen' bits, which count in the family of 'a'. */
static bool
prefix_equals(const struct in6_addr *a, const struct in6_addr *b,
              uint8_t plen)
{
    struct in6_addr mask = ipv6_create_mask(tsn_ip_is_v4(a) ? plen + 96
                                                            : plen);
    struct in6_addr x = ipv6_addr_bitand(a, &mask);
    struct in6_addr y = ipv6_addr_bitand(b, &mask);

    return tsn_ip_is_v4(a) == tsn_ip_is_v4(b) && tsn_ip_equals(&x, &y);
}

static bool
subnet_contains(const struct ctrl_subnet *subnet, const struct in6_addr *ip)
{
    return prefix_equals(&subnet->prefix, ip, subnet->plen);
}

/* Checks an address of 'subnet' that a node can have. */
static int
check_address(struct checker *c, const struct ctrl_subnet *subnet,
              const struct in6_addr *ip)
{
    char text[TSN_IP_STRLEN], prefix[TSN_IP_STRLEN];

    tsn_ip_format(ip, text);
    if (!subnet_contains(subnet, ip)) {
        return refuse(c, "%s is not in %s/%d", text,
                      tsn_ip_format(&subnet->prefix, prefix), subnet->plen);
    }
    if (!tsn_ip_is_v4(ip) || subnet->plen >= 31) {
        return 0;
    }
    uint32_t host_mask = UINT32_MAX >> subnet->plen;
    uint32_t host = ntohl(in6_addr_get_mapped_ipv4(ip)) & host_mask;
    return !host || host == host_mask
           ? refuse(c, "%s is the %s address of its subnet", text,
                    host ? "broadcast" : "network")
           : 0;
}

static int
check_subnet(struct checker *c, const struct ctrl_network *network,
             size_t n, size_t i)
{
    const struct ctrl_subnet *subnet = &network->subnets[i];
    char text[TSN_IP_STRLEN], other_text[TSN_IP_STRLEN];

    at(c, "networks[%zu].subnets[%zu].prefix", n, i);
    tsn_ip_format(&subnet->prefix, text);
    unsigned int bits = tsn_ip_is_v4(&subnet->prefix) ? subnet->plen + 96
                                                      : subnet->plen;
    struct in6_addr mask = ipv6_create_mask(bits);
    struct in6_addr net = ipv6_addr_bitand(&subnet->prefix, &mask);
    if (!tsn_ip_equals(&net, &subnet->prefix)) {
        return refuse(c, "%s/%d has bits set behind the prefix, it would be "
                      "%s/%d", text, subnet->plen,
                      tsn_ip_format(&net, other_text), subnet->plen);
    }
    if (!subnet->plen) {
        return refuse(c, "a subnet cannot be everything");
    }
    if (!tsn_ip_is_host(&subnet->prefix)) {
        return refuse(c, "the addresses of %s/%d are not unicast", text,
                      subnet->plen);
    }
    for (size_t j = 0; j < i; j++) {
        const struct ctrl_subnet *other = &network->subnets[j];

        if (prefix_equals(&subnet->prefix, &other->prefix,
                          MIN(subnet->plen, other->plen))) {
            return refuse(c, "%s/%d overlaps with %s/%d of the same network",
                          text, subnet->plen,
                          tsn_ip_format(&other->prefix, other_text),
                          other->plen);
        }
    }

    int error = 0;
    if (tsn_ip_is_set(&subnet->gateway)) {
        at(c, "networks[%zu].subnets[%zu].gateway", n, i);
        error = check_address(c, subnet, &subnet->gateway);
    }
    if (!error && tsn_ip_is_set(&subnet->dns)) {
        at(c, "networks[%zu].subnets[%zu].dns", n, i);
        error = check_address(c, subnet, &subnet->dns);
        if (!error && !tsn_ip_equals(&subnet->dns, &subnet->gateway)) {
            /* The TSN answers for it. */
            error = claim(c, tsn_ip_format(&subnet->dns, text), "ip\t%s\t%s",
                          network->name, text);
        }
    }
    return error;
}

static int
check_networks(struct checker *c)
{
    for (size_t i = 0; i < c->config->n_networks; i++) {
        const struct ctrl_network *network = &c->config->networks[i];
        char text[32];

        at(c, "networks[%zu].name", i);
        int error = check_name(c, network->name, false);
        if (!error) {
            error = claim(c, network->name, "network %s", network->name);
        }
        if (error) {
            return error;
        }

        at(c, "networks[%zu].vni", i);
        if (!network->vni || network->vni > TSN_VNI_MAX) {
            return refuse(c, "%"PRIu32" is not a VNI (1 to %d)", network->vni,
                          TSN_VNI_MAX);
        }
        snprintf(text, sizeof text, "VNI %"PRIu32, network->vni);
        error = claim(c, text, "vni %"PRIu32, network->vni);
        if (error) {
            return error;
        }

        /* It defaults to the VNI; one that is set may hit that of another
         * network in either direction. */
        if (network->id != network->vni) {
            at(c, "networks[%zu].id", i);
        }
        if (!network->id || network->id > TSN_VNI_MAX) {
            return refuse(c, "%"PRIu32" is not a network id (1 to %d)",
                          network->id, TSN_VNI_MAX);
        }
        snprintf(text, sizeof text, "network id %"PRIu32, network->id);
        error = claim(c, text, "id %"PRIu32, network->id);
        for (size_t j = 0; !error && j < network->n_subnets; j++) {
            error = check_subnet(c, network, i, j);
        }
        if (error) {
            return error;
        }
    }
    return 0;
}

/* 'where' is the path of the station itself. */
static int
check_station(struct checker *c, const struct ctrl_station *station,
              const char *where)
{
    const struct ctrl_network *network = station->network;
    char text[64];

    if (station->name) {
        at(c, "%s.name", where);
        int error = check_name(c, station->name, false);
        if (error) {
            return error;
        }
    }

    at(c, "%s.mac", where);
    snprintf(text, sizeof text, ETH_ADDR_FMT, ETH_ADDR_ARGS(station->mac));
    if (eth_addr_is_zero(station->mac)
        || eth_addr_is_multicast(station->mac)) {
        return refuse(c, "%s is not the MAC address of a machine", text);
    }
    int error = claim(c, text, "mac\t%s\t%s", network->name, text);
    if (error || !tsn_ip_is_set(&station->ip)) {
        return error;
    }

    at(c, "%s.ip", where);
    tsn_ip_format(&station->ip, text);
    for (size_t i = 0; i < network->n_subnets; i++) {
        if (subnet_contains(&network->subnets[i], &station->ip)) {
            error = check_address(c, &network->subnets[i], &station->ip);
            return error ? error
                         : claim(c, text, "ip\t%s\t%s", network->name, text);
        }
    }
    return refuse(c, "%s is in no subnet of network \"%s\"", text,
                  network->name);
}

/* The name of a virtual router: that under which an agent talks to us, and
 * the first part of its JID (spec/xmpp-protocol.md 1.2). */
static int
check_agent_name(struct checker *c, const char *name)
{
    int error = check_name(c, name, false);
    size_t len = strcspn(name, " /@");

    if (!error && name[len]) {
        error = refuse(c, "a name of an agent has no '%c'", name[len]);
    }
    return error;
}

static int
check_agent(struct checker *c, const char *name)
{
    int error = check_agent_name(c, name);

    return error ? error : claim(c, name, "agent %s", name);
}

/* Switches that share a database share its agent, in the same 'role'. */
static int
check_shared_agent(struct checker *c, const char *name, const char *role)
{
    char *key = xasprintf("shared %s %s", role, name);
    int error = check_agent_name(c, name);

    if (!error && !shash_find(&c->claims, key)) {
        error = claim(c, name, "agent %s", name);
        if (!error) {
            shash_add(&c->claims, key, xstrdup(c->where));
        }
    }
    free(key);
    return error;
}

/* An agent that has the switch's own name, the default, is its alone. */
static int
check_agents(struct checker *c, const struct ctrl_switch *sw, size_t n)
{
    int error;

    if (strcmp(sw->agent, sw->name)) {
        at(c, "switches[%zu].agent", n);
        error = check_shared_agent(c, sw->agent, "active");
    } else {
        error = check_agent(c, sw->agent);
    }
    if (!error && sw->standby_agent) {
        at(c, "switches[%zu].standby-agent", n);
        error = check_shared_agent(c, sw->standby_agent, "standby");
    }
    return error;
}

static int
check_port(struct checker *c, const struct ctrl_switch *sw, size_t n,
           size_t i)
{
    const struct ctrl_port *port = &sw->ports[i];
    char text[CTRL_NAME_MAX + 32];

    at(c, "switches[%zu].ports[%zu].name", n, i);
    int error = check_name(c, port->name, true);
    if (error) {
        return error;
    }
    snprintf(text, sizeof text, "port %s with VLAN %d", port->name,
             port->vlan);
    error = claim(c, text, "port\t%s\t%s\t%d", sw->name, port->name,
                  port->vlan);
    if (!error && !port->n_servers) {
        error = claim(c, "the name of this interface", "vmi %s-%s-%d",
                      sw->name, port->name, port->vlan);
    }
    for (size_t j = 0; !error && j < port->n_servers; j++) {
        char where[sizeof c->where - 16];

        snprintf(where, sizeof where, "switches[%zu].ports[%zu].servers[%zu]",
                 n, i, j);
        error = check_station(c, &port->servers[j], where);
        if (!error) {
            /* "a-b" port "c" and "a" port "b-c" would be one interface. */
            at(c, "%s.mac", where);
            error = claim(c, "the name of this interface",
                          "vmi %s-%s-%d-"ETH_ADDR_FMT, sw->name, port->name,
                          port->vlan, ETH_ADDR_ARGS(port->servers[j].mac));
        }
    }
    return error;
}

static int
check_switches(struct checker *c)
{
    for (size_t i = 0; i < c->config->n_switches; i++) {
        const struct ctrl_switch *sw = &c->config->switches[i];

        at(c, "switches[%zu].name", i);
        int error = check_name(c, sw->name, false);
        if (!error) {
            error = claim(c, sw->name, "switch %s", sw->name);
        }
        if (!error) {
            error = check_agents(c, sw, i);
        }
        if (!error) {
            at(c, "switches[%zu].vtep", i);
            error = check_vtep(c, &sw->vtep);
        }
        for (size_t j = 0; !error && j < sw->n_ports; j++) {
            error = check_port(c, sw, i, j);
        }
        if (error) {
            return error;
        }
    }
    return 0;
}

static int
check_hosts(struct checker *c)
{
    for (size_t i = 0; i < c->config->n_hosts; i++) {
        const struct ctrl_host *host = &c->config->hosts[i];

        at(c, "hosts[%zu].name", i);
        int error = check_name(c, host->name, false);
        if (!error) {
            error = claim(c, host->name, "host %s", host->name);
        }
        if (!error) {
            at(c, "hosts[%zu].vtep", i);
            error = check_vtep(c, &host->vtep);
        }
        for (size_t j = 0; !error && j < host->n_machines; j++) {
            char where[64];

            snprintf(where, sizeof where, "hosts[%zu].machines[%zu]", i, j);
            error = check_station(c, &host->machines[j], where);
        }
        if (error) {
            return error;
        }
    }
    return 0;
}

static int
check_tsns(struct checker *c)
{
    for (size_t i = 0; i < c->config->n_tsns; i++) {
        const struct ctrl_tsn *tsn = &c->config->tsns[i];

        at(c, "tsns[%zu].name", i);
        int error = check_agent(c, tsn->name);
        if (!error) {
            at(c, "tsns[%zu].address", i);
            error = check_vtep(c, &tsn->address);
        }
        for (size_t j = 0; !error && j < tsn->n_switches; j++) {
            at(c, "tsns[%zu].switches[%zu]", i, j);
            error = claim(c, tsn->switches[j]->name, "serves %zu %s", i,
                          tsn->switches[j]->name);
        }
        if (error) {
            return error;
        }
    }
    return 0;
}

static int
check_graceful_restart(struct checker *c)
{
    const struct ctrl_graceful_restart *gr = &c->config->graceful_restart;
    const struct { const char *key; uint32_t value, max; } times[] = {
        { "restart-time", gr->restart_s, CTRL_RESTART_MAX_S },
        { "long-lived-restart-time", gr->long_lived_s,
          CTRL_LONG_LIVED_MAX_S },
        { "end-of-rib-timeout", gr->end_of_rib_s, CTRL_END_OF_RIB_MAX_S },
    };

    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        if (times[i].value > times[i].max) {
            at(c, "graceful-restart.%s", times[i].key);
            return refuse(c, "%"PRIu32" is more than %"PRIu32" seconds",
                          times[i].value, times[i].max);
        }
    }
    return 0;
}

static int
check_globals(struct checker *c)
{
    at(c, "name");
    int error = check_name(c, c->config->name, true);
    if (!error) {
        at(c, "project");
        error = check_name(c, c->config->project, false);
    }
    if (!error && (c->config->hold_s < CTRL_HOLD_MIN_S
                   || c->config->hold_s > CTRL_HOLD_MAX_S)) {
        at(c, "hold-time");
        error = refuse(c, "%"PRIu32" is not between %d and %d seconds",
                       c->config->hold_s, CTRL_HOLD_MIN_S, CTRL_HOLD_MAX_S);
    }
    if (!error) {
        error = check_graceful_restart(c);
    }
    return error;
}

int
ctrl_config_check(const struct ctrl_config *config, const char *path,
                  struct tsn_err *err)
{
    struct checker c = { .config = config, .file = path, .err = err };

    shash_init(&c.claims);
    int error = check_globals(&c);
    if (!error) {
        error = check_networks(&c);
    }
    if (!error) {
        error = check_switches(&c);
    }
    if (!error) {
        error = check_hosts(&c);
    }
    if (!error) {
        error = check_tsns(&c);
    }
    shash_destroy_free_data(&c.claims);
    return error;
}
