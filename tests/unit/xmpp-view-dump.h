/* SPDX-License-Identifier: Apache-2.0 */
/* Everything in a view as text, to compare views by. */
#ifndef TESTS_UNIT_XMPP_VIEW_DUMP_H
#define TESTS_UNIT_XMPP_VIEW_DUMP_H 1

#include "openvswitch/dynamic-string.h"
#include "packets.h"

#include "xmpp/view.h"

static inline void
dump_ip(struct ds *s, const char *name, const struct in6_addr *ip)
{
    char buf[TSN_IP_STRLEN];

    if (tsn_ip_is_set(ip)) {
        ds_put_format(s, " %s=%s", name, tsn_ip_format(ip, buf));
    }
}

static inline void
dump_ips(struct ds *s, const char *name, const struct in6_addr *ips, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dump_ip(s, name, &ips[i]);
    }
}

static inline void
dump_string(struct ds *s, const char *name, const char *value)
{
    if (*value) {
        ds_put_format(s, " %s=%s", name, value);
    }
}

static inline void
dump_uint(struct ds *s, const char *name, unsigned int value)
{
    if (value) {
        ds_put_format(s, " %s=%u", name, value);
    }
}

static inline void
dump_flag(struct ds *s, const char *name, bool value)
{
    if (value) {
        ds_put_format(s, " %s", name);
    }
}

static inline void
dump_prefix(struct ds *s, const char *name, const struct xmpp_prefix *prefix)
{
    if (tsn_ip_is_set(&prefix->ip) || prefix->plen) {
        char buf[TSN_IP_STRLEN];

        ds_put_format(s, " %s=%s/%u", name, tsn_ip_format(&prefix->ip, buf),
                      prefix->plen);
    }
}

static inline void
dump_options(struct ds *s, const struct xmpp_dhcp_option *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ds_put_format(s, " option:%s=%s(%s)", options[i].name,
                      options[i].value, options[i].value_bytes);
    }
}

static inline void
dump_routes(struct ds *s, const struct xmpp_host_route *routes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dump_prefix(s, "route", &routes[i].prefix);
        dump_ip(s, "via", &routes[i].next_hop);
    }
}

static inline void
dump_network(struct ds *s, const struct xmpp_network *n)
{
    ds_put_format(s, "network %s name=%s uuid=%s ls=%s", n->instance, n->name,
                  n->uuid, n->ls_name);
    dump_uint(s, "id", n->id);
    dump_uint(s, "vni", n->vni);
    dump_flag(s, "routed", n->routed);
    dump_flag(s, "flood", n->flood_unknown_unicast);
    dump_flag(s, "control-word", n->control_word);
    dump_flag(s, "no-port-security", !n->port_security);
    dump_uint(s, "mode", n->forwarding_mode);
    dump_uint(s, "mtu", n->mtu);
    for (size_t i = 0; i < n->n_instances; i++) {
        dump_string(s, "ri", n->instances[i]);
    }
    ds_put_char(s, '\n');
    for (size_t i = 0; i < n->n_subnets; i++) {
        const struct xmpp_subnet *sub = &n->subnets[i];
        const struct xmpp_prefix prefix = { sub->prefix, sub->plen };

        ds_put_cstr(s, " subnet");
        dump_prefix(s, "prefix", &prefix);
        dump_string(s, "uuid", sub->uuid);
        dump_ip(s, "gw", &sub->gateway);
        dump_ip(s, "dns", &sub->dns_server);
        dump_flag(s, "no-dhcp", !sub->enable_dhcp);
        dump_flag(s, "from-start", sub->addr_from_start);
        dump_uint(s, "vlan", sub->vlan);
        dump_options(s, sub->options, sub->n_options);
        dump_routes(s, sub->host_routes, sub->n_host_routes);
        dump_ips(s, "nameserver", sub->dns_nameservers,
                 sub->n_dns_nameservers);
        dump_ips(s, "relay", sub->dhcp_relay_servers,
                 sub->n_dhcp_relay_servers);
        dump_string(s, "ipam", sub->ipam);
        dump_string(s, "dns-method", sub->dns_method);
        dump_ips(s, "tenant-dns", sub->tenant_dns, sub->n_tenant_dns);
        ds_put_char(s, '\n');
    }
}

static inline void
dump_vmi(struct ds *s, const struct xmpp_vmi *vmi)
{
    ds_put_format(s, "vmi %s display=%s uuid=%s network=%s", vmi->name,
                  vmi->display_name, vmi->uuid,
                  vmi->network ? vmi->network->instance : "none");
    for (size_t i = 0; i < vmi->n_macs; i++) {
        ds_put_format(s, " mac="ETH_ADDR_FMT, ETH_ADDR_ARGS(vmi->macs[i]));
    }
    dump_ip(s, "ip4", &vmi->ip4);
    dump_ip(s, "ip6", &vmi->ip6);
    for (size_t i = 0; i < vmi->n_security_groups; i++) {
        dump_uint(s, "sg", vmi->security_groups[i]);
    }
    dump_options(s, vmi->options, vmi->n_options);
    dump_routes(s, vmi->host_routes, vmi->n_host_routes);
    for (size_t i = 0; i < vmi->n_pairs; i++) {
        const struct xmpp_address_pair *pair = &vmi->pairs[i];

        dump_prefix(s, "pair", &pair->prefix);
        ds_put_format(s, "@"ETH_ADDR_FMT, ETH_ADDR_ARGS(pair->mac));
        dump_flag(s, "standby", pair->active_standby);
    }
    for (size_t i = 0; i < vmi->n_subnets; i++) {
        dump_prefix(s, "subnet", &vmi->subnets[i]);
    }
    dump_string(s, "owner", vmi->device_owner);
    dump_flag(s, "disable-policy", vmi->disable_policy);
    dump_flag(s, "no-port-security", !vmi->port_security);
    dump_uint(s, "sub-vlan", vmi->sub_interface_vlan);
    dump_uint(s, "pref", vmi->local_preference);
    ds_put_char(s, '\n');
    for (size_t i = 0; i < vmi->n_ips; i++) {
        const struct xmpp_instance_ip *ip = &vmi->ips[i];

        ds_put_format(s, " ip %s", ip->name);
        dump_ip(s, "ip", &ip->ip);
        dump_prefix(s, "subnet", &ip->subnet);
        dump_string(s, "subnet-uuid", ip->subnet_uuid);
        dump_flag(s, "standby", ip->active_standby);
        dump_flag(s, "secondary", ip->secondary);
        dump_flag(s, "local", ip->local);
        dump_flag(s, "service", ip->service);
        dump_flag(s, "health-check", ip->health_check);
        ds_put_char(s, '\n');
    }
}

static inline void
dump_switches(struct ds *s, const struct xmpp_view *view)
{
    for (size_t i = 0; i < view->n_switches; i++) {
        const struct xmpp_switch *sw = view->switches[i];

        ds_put_format(s, "switch %s name=%s", sw->name, sw->fq_name);
        dump_ip(s, "vtep", &sw->vtep);
        dump_ip(s, "management", &sw->management_ip);
        dump_ip(s, "loopback", &sw->loopback_ip);
        dump_string(s, "vendor", sw->vendor);
        dump_string(s, "product", sw->product);
        ds_put_char(s, '\n');
    }
    for (size_t i = 0; i < view->n_ports; i++) {
        const struct xmpp_port *port = view->ports[i];

        ds_put_format(s, "port %s %s vlan=%u%s vmi=%s network=%s\n",
                      port->switch_name, port->port, port->vlan,
                      port->is_l3 ? " l3" : "", port->vmi->name,
                      port->vmi->network ? port->vmi->network->instance
                                         : "none");
    }
}

static inline void
dump_dns(struct ds *s, const struct xmpp_view *view)
{
    for (size_t i = 0; i < view->n_ipams; i++) {
        const struct xmpp_ipam *ipam = view->ipams[i];

        ds_put_format(s, "ipam %s", ipam->name);
        dump_string(s, "method", ipam->method);
        dump_string(s, "dns-method", ipam->dns_method);
        dump_ips(s, "tenant-dns", ipam->tenant_dns, ipam->n_tenant_dns);
        dump_string(s, "vdns", ipam->virtual_dns);
        dump_options(s, ipam->options, ipam->n_options);
        dump_routes(s, ipam->host_routes, ipam->n_host_routes);
        dump_flag(s, "flat", ipam->flat);
        ds_put_char(s, '\n');
    }
    for (size_t i = 0; i < view->n_virtual_dns; i++) {
        const struct xmpp_virtual_dns *dns = view->virtual_dns[i];

        ds_put_format(s, "vdns %s", dns->name);
        dump_string(s, "domain", dns->domain);
        dump_string(s, "order", dns->record_order);
        dump_string(s, "next", dns->next);
        dump_uint(s, "ttl", dns->ttl_s);
        dump_flag(s, "dynamic", dns->dynamic_records);
        dump_flag(s, "external", dns->external_visible);
        dump_flag(s, "reverse", dns->reverse_resolution);
        ds_put_char(s, '\n');
        for (size_t j = 0; j < dns->n_records; j++) {
            const struct xmpp_dns_record *r = &dns->records[j];

            ds_put_format(s, " record %s %s %s %s", r->name, r->class,
                          r->type, r->data);
            dump_uint(s, "ttl", r->ttl_s);
            dump_uint(s, "mx", r->mx_preference);
            ds_put_char(s, '\n');
        }
    }
}

static inline void
dump_globals(struct ds *s, const struct xmpp_view *view)
{
    const struct xmpp_globals *g = &view->globals;

    ds_put_format(s, "globals as=%u %s mode=%d encaps=", g->autonomous_system,
                  g->vni_is_configured ? "configured" : "automatic",
                  g->forwarding_mode);
    for (size_t i = 0; i < g->n_encaps; i++) {
        ds_put_format(s, "%d,", g->encaps[i]);
    }
    ds_put_format(s, " gr=%d%d%d %u %u %u hold=%u %s bad=%"PRIuSIZE"\n",
                  g->gr.enable, g->gr.bgp_helper, g->gr.xmpp_helper,
                  g->gr.restart_s, g->gr.long_lived_restart_s,
                  g->gr.end_of_rib_s, view->hold_s,
                  view->graceful_restart ? "graceful" : "graceless",
                  view->n_bad);
}

/* The caller frees it. */
static inline char *
dump_view(const struct xmpp_view *view)
{
    struct ds s = DS_EMPTY_INITIALIZER;

    for (size_t i = 0; i < view->n_networks; i++) {
        dump_network(&s, view->networks[i]);
    }
    for (size_t i = 0; i < view->n_vmis; i++) {
        dump_vmi(&s, view->vmis[i]);
    }
    dump_switches(&s, view);
    dump_dns(&s, view);
    dump_globals(&s, view);
    return ds_steal_cstr(&s);
}

#endif /* tests/unit/xmpp-view-dump.h */
