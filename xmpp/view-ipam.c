/* SPDX-License-Identifier: Apache-2.0 */
/* Subnets of a network, out of the links between it and its IPAMs; the IPAMs
 * and the virtual DNS that they refer to. */
#include <config.h>
#include "xmpp/view-private.h"

#include <stdlib.h>
#include <string.h>

#include "packets.h"

#include "xmpp/xml.h"

/* What the subnets of one link have in common. */
struct subnet_context {
    struct view_reader *reader;
    struct xmpp_network *network;
    const struct xmpp_gnode *ipam;      /* Or NULL. */
    const struct xmpp_node *mgmt;       /* Its network-ipam-mgmt, or NULL. */
    const struct xmpp_node *link_routes;
};

static void
add_subnet_routes(struct subnet_context *c, struct xmpp_subnet *subnet,
                  const struct xmpp_node *element)
{
    const struct xmpp_node *lists[] = {
        xmpp_node_child(element, "host-routes"),
        c->link_routes,
        xmpp_node_child(c->mgmt, "host-routes"),
    };

    for (size_t i = 0; i < ARRAY_SIZE(lists) && !subnet->n_host_routes; i++) {
        view_add_routes(c->reader, &subnet->host_routes,
                        &subnet->n_host_routes, lists[i]);
    }
}

/* Adds one IpamSubnetType. */
static void
add_subnet(struct subnet_context *c, const struct xmpp_node *element)
{
    struct view_reader *r = c->reader;
    struct xmpp_network *network = c->network;
    struct xmpp_prefix prefix;

    if (!view_prefix(r, xmpp_node_child(element, "subnet"), &prefix)) {
        return;
    }
    if (r->n_subnet_items >= r->max_subnet_items) {
        view_bad(r, "subnet (one too many of all networks)",
                 xmpp_node_text(xmpp_node_child(element, "subnet"),
                                "ip-prefix"));
        return;
    }

    struct xmpp_subnet subnet = {
        .prefix = prefix.ip,
        .plen = prefix.plen,
        .gateway = view_ip(r, element, "default-gateway"),
        .dns_server = view_ip(r, element, "dns-server-address"),
        .enable_dhcp = view_bool_true(r, element, "enable-dhcp"),
        .addr_from_start = view_bool(r, element, "addr_from_start"),
        .vlan = view_uint(r, element, "vlan-tag", VLAN_VID_MASK),
        .ipam = xstrdup(c->ipam ? xmpp_gnode_name(c->ipam) : ""),
        .dns_method = view_string(c->mgmt, "ipam-dns-method"),
    };
    view_uuid(r, element, "subnet-uuid", subnet.uuid);
    view_add_options(r, &subnet.options, &subnet.n_options,
                     xmpp_node_child(element, "dhcp-option-list"));
    view_add_options(r, &subnet.options, &subnet.n_options,
                     xmpp_node_child(c->mgmt, "dhcp-option-list"));
    add_subnet_routes(c, &subnet, element);
    view_add_ips(r, element, "dns-nameservers", &subnet.dns_nameservers,
                 &subnet.n_dns_nameservers);
    view_add_ips(r, element, "dhcp-relay-server", &subnet.dhcp_relay_servers,
                 &subnet.n_dhcp_relay_servers);
    view_add_ips(r, xmpp_node_child(xmpp_node_child(c->mgmt,
                                                    "ipam-dns-server"),
                                    "tenant-dns-server-address"),
                 "ip-address", &subnet.tenant_dns, &subnet.n_tenant_dns);

    r->n_subnet_items += 1 + subnet.n_options + subnet.n_host_routes
                         + subnet.n_dns_nameservers
                         + subnet.n_dhcp_relay_servers + subnet.n_tenant_dns;
    VIEW_GROW(network->subnets, network->n_subnets);
    network->subnets[network->n_subnets++] = subnet;
}

/* Adds what one link between network and IPAM stands for: the subnets in its
 * own value, or with a flat subnet those of the IPAM. */
static void
add_link_subnets(const struct xmpp_gnode *middle, void *c_)
{
    struct subnet_context *c = c_;
    const struct xmpp_node *value = xmpp_node_child(xmpp_gnode_xml(middle),
                                                    "value");
    const struct xmpp_node *list = value, *element;
    const char *name = "ipam-subnets";

    c->ipam = xmpp_gnode_neighbour(middle, "virtual-network-network-ipam",
                                   "network-ipam");
    const struct xmpp_node *xml = c->ipam ? xmpp_gnode_xml(c->ipam) : NULL;
    c->mgmt = xmpp_node_child(xml, "network-ipam-mgmt");
    c->link_routes = xmpp_node_child(value, "host-routes");
    if (!strcmp(xmpp_node_text(xml, "ipam-subnet-method"), "flat-subnet")) {
        list = xmpp_node_child(xml, "ipam-subnets");
        name = "subnets";
    }
    XMPP_NODE_FOR_EACH (element, list, name) {
        add_subnet(c, element);
    }
}

static int
compare_subnets(const void *a_, const void *b_)
{
    const struct xmpp_subnet *a = a_, *b = b_;
    int cmp = memcmp(&a->prefix, &b->prefix, sizeof a->prefix);

    if (!cmp) {
        cmp = (int) a->plen - (int) b->plen;
    }
    return cmp ? cmp : strcmp(a->ipam, b->ipam);
}

void
view_add_subnets(struct view_reader *r, struct xmpp_network *network,
                 const struct xmpp_gnode *vn)
{
    struct subnet_context c = { .reader = r, .network = network };

    xmpp_gnode_for_each_neighbour(vn, "virtual-network-network-ipam",
                                  "virtual-network-network-ipam",
                                  add_link_subnets, &c);
    if (network->n_subnets > 1) {
        qsort(network->subnets, network->n_subnets, sizeof *network->subnets,
              compare_subnets);
    }
}

void
view_stamp_subnets(const struct xmpp_viewer *v, const struct xmpp_gnode *vn,
                   struct xmpp_stamp *stamp)
{
    const struct xmpp_glink_end *end, *end2;

    VIEW_FOR_EACH_END (end, vn) {
        const struct xmpp_gnode *middle = view_end(v, end, VIEW_VN_IPAM,
                                                   VIEW_VN_IPAM);
        if (!middle) {
            continue;
        }
        view_stamp(stamp, end->link->added_at);
        view_stamp(stamp, middle->props_at);
        VIEW_FOR_EACH_END (end2, middle) {
            const struct xmpp_gnode *ipam = view_end(v, end2, VIEW_VN_IPAM,
                                                     VIEW_IPAM);
            if (ipam) {
                view_stamp(stamp, end2->link->added_at);
                view_stamp(stamp, ipam->props_at);
            }
        }
    }
}

void
view_free_subnets(struct xmpp_network *network)
{
    for (size_t i = 0; i < network->n_subnets; i++) {
        struct xmpp_subnet *subnet = &network->subnets[i];

        view_free_options(subnet->options, subnet->n_options);
        free(subnet->host_routes);
        free(subnet->dns_nameservers);
        free(subnet->dhcp_relay_servers);
        free(subnet->ipam);
        free(subnet->dns_method);
        free(subnet->tenant_dns);
    }
    free(network->subnets);
}

static void
destroy_ipam(struct view_object *object)
{
    struct view_ipam *i = CONTAINER_OF(object, struct view_ipam, object);
    struct xmpp_ipam *ipam = &i->ipam;

    free(ipam->name);
    free(ipam->method);
    free(ipam->dns_method);
    free(ipam->tenant_dns);
    free(ipam->virtual_dns);
    view_free_options(ipam->options, ipam->n_options);
    free(ipam->host_routes);
    free(i);
}

/* By its name in the properties, else by the link. */
static char *
get_virtual_dns(const struct xmpp_viewer *v, const struct xmpp_gnode *node,
                const struct xmpp_node *server)
{
    const char *name = xmpp_node_text(server, "virtual-dns-server-name");

    if (!*name) {
        const struct xmpp_gnode *dns = xmpp_gnode_neighbour(
            node, v->names[VIEW_IPAM_VDNS], v->names[VIEW_VDNS]);

        name = dns ? xmpp_gnode_name(dns) : "";
    }
    return xstrdup(name);
}

static struct view_object *
make_ipam(const struct xmpp_viewer *v, const struct xmpp_gnode *node)
{
    const struct xmpp_node *xml = xmpp_gnode_xml(node);
    const struct xmpp_node *mgmt = xmpp_node_child(xml, "network-ipam-mgmt");
    const struct xmpp_node *server = xmpp_node_child(mgmt, "ipam-dns-server");
    struct view_reader r = { .node = node };
    struct view_ipam *i = xzalloc(sizeof *i);
    struct xmpp_ipam *ipam = &i->ipam;

    i->object = (struct view_object) {
        .kind = VIEW_IPAMS,
        .destroy = destroy_ipam,
        .data = ipam,
    };
    ipam->name = xstrdup(xmpp_gnode_name(node));
    ipam->method = view_string(mgmt, "ipam-method");
    ipam->dns_method = view_string(mgmt, "ipam-dns-method");
    view_add_ips(&r, xmpp_node_child(server, "tenant-dns-server-address"),
                 "ip-address", &ipam->tenant_dns, &ipam->n_tenant_dns);
    ipam->virtual_dns = get_virtual_dns(v, node, server);
    view_add_options(&r, &ipam->options, &ipam->n_options,
                     xmpp_node_child(mgmt, "dhcp-option-list"));
    view_add_routes(&r, &ipam->host_routes, &ipam->n_host_routes,
                    xmpp_node_child(mgmt, "host-routes"));
    ipam->flat = !strcmp(xmpp_node_text(xml, "ipam-subnet-method"),
                         "flat-subnet");
    i->object.n_bad = r.n_bad;
    return &i->object;
}

void
view_ipam(struct xmpp_viewer *v, struct xmpp_gnode *node)
{
    struct xmpp_stamp stamp = { .at = 0 };
    const struct xmpp_glink_end *end;

    view_stamp(&stamp, node->props_at);
    VIEW_FOR_EACH_END (end, node) {
        const struct xmpp_gnode *dns = view_end(v, end, VIEW_IPAM_VDNS,
                                                VIEW_VDNS);
        if (dns) {
            view_stamp(&stamp, end->link->added_at);
            view_stamp(&stamp, dns->props_at);
        }
    }
    if (!view_stamp_equals(&stamp, &node->stamp)) {
        view_set_object(v, node, make_ipam(v, node), &stamp);
    }
}

static void
destroy_virtual_dns(struct view_object *object)
{
    struct view_virtual_dns *d = CONTAINER_OF(object, struct view_virtual_dns,
                                              object);

    for (size_t i = 0; i < d->dns.n_records; i++) {
        struct xmpp_dns_record *record = &d->dns.records[i];

        free(record->name);
        free(record->type);
        free(record->class);
        free(record->data);
    }
    free(d->dns.records);
    free(d->dns.name);
    free(d->dns.domain);
    free(d->dns.record_order);
    free(d->dns.next);
    free(d);
}

struct record_context {
    struct view_reader *reader;
    struct xmpp_virtual_dns *dns;
};

static void
add_record(const struct xmpp_gnode *node, void *c_)
{
    struct record_context *c = c_;
    struct view_reader r = { .node = node };
    struct xmpp_virtual_dns *dns = c->dns;
    const struct xmpp_node *data = xmpp_node_child(xmpp_gnode_xml(node),
                                                   "virtual-DNS-record-data");

    if (!*xmpp_node_text(data, "record-name")) {
        view_bad(&r, "record-name", "(none)");
    } else {
        VIEW_GROW(dns->records, dns->n_records);
        dns->records[dns->n_records++] = (struct xmpp_dns_record) {
            .name = view_string(data, "record-name"),
            .type = view_string(data, "record-type"),
            .class = view_string(data, "record-class"),
            .data = view_string(data, "record-data"),
            .ttl_s = view_uint(&r, data, "record-ttl-seconds", INT32_MAX),
            .mx_preference = view_uint(&r, data, "record-mx-preference",
                                       UINT16_MAX),
        };
    }
    c->reader->n_bad += r.n_bad;
}

static struct view_object *
make_virtual_dns(const struct xmpp_viewer *v, const struct xmpp_gnode *node)
{
    const struct xmpp_node *data = xmpp_node_child(xmpp_gnode_xml(node),
                                                   "virtual-DNS-data");
    struct view_reader r = { .node = node };
    struct view_virtual_dns *d = xzalloc(sizeof *d);
    struct xmpp_virtual_dns *dns = &d->dns;
    struct record_context c = { .reader = &r, .dns = dns };

    d->object = (struct view_object) {
        .kind = VIEW_VIRTUAL_DNS,
        .destroy = destroy_virtual_dns,
        .data = dns,
    };
    dns->name = xstrdup(xmpp_gnode_name(node));
    dns->domain = view_string(data, "domain-name");
    dns->record_order = view_string(data, "record-order");
    dns->next = view_string(data, "next-virtual-DNS");
    dns->ttl_s = view_uint(&r, data, "default-ttl-seconds", INT32_MAX);
    dns->dynamic_records = view_bool(&r, data, "dynamic-records-from-client");
    dns->external_visible = view_bool(&r, data, "external-visible");
    dns->reverse_resolution = view_bool(&r, data, "reverse-resolution");
    xmpp_gnode_for_each_neighbour(node, v->names[VIEW_VDNS_VDNS_RECORD],
                                  v->names[VIEW_VDNS_RECORD], add_record, &c);
    d->object.n_bad = r.n_bad;
    return &d->object;
}

void
view_virtual_dns(struct xmpp_viewer *v, struct xmpp_gnode *node)
{
    struct xmpp_stamp stamp = { .at = 0 };
    const struct xmpp_glink_end *end;

    view_stamp(&stamp, node->props_at);
    VIEW_FOR_EACH_END (end, node) {
        const struct xmpp_gnode *record = view_end(
            v, end, VIEW_VDNS_VDNS_RECORD, VIEW_VDNS_RECORD);
        if (record) {
            view_stamp(&stamp, end->link->added_at);
            view_stamp(&stamp, record->props_at);
        }
    }
    if (!view_stamp_equals(&stamp, &node->stamp)) {
        view_set_object(v, node, make_virtual_dns(v, node), &stamp);
    }
}
