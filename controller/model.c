/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "controller/model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "hmapx.h"
#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "sha1.h"
#include "util.h"
#include "uuid.h"

#include "controller/config.h"
#include "xmpp/stanza.h"
#include "xmpp/xml.h"

/* Everything hangs under this one. */
#define GSC "default-global-system-config"
#define GVC GSC ":default-global-vrouter-config"

/* Indentation of a node's properties. */
#define TABS "\t\t\t\t"

/* The walk: which links are followed from which type. */
static const struct {
    const char *type, *link;
} whitelist[] = {
    { "virtual-router", "global-system-config-virtual-router" },
    { "virtual-router", "physical-router-virtual-router" },
    { "global-system-config", "global-system-config-global-vrouter-config" },
    { "physical-router", "physical-router-physical-interface" },
    { "physical-interface", "physical-interface-logical-interface" },
    { "logical-interface", "logical-interface-virtual-machine-interface" },
    { "virtual-machine-interface", "instance-ip-virtual-machine-interface" },
    { "virtual-machine-interface", "project-virtual-machine-interface" },
    { "virtual-machine-interface",
      "virtual-machine-interface-routing-instance" },
    { "virtual-machine-interface",
      "virtual-machine-interface-virtual-network" },
    { "virtual-machine-interface-routing-instance",
      "virtual-machine-interface-routing-instance" },
    { "instance-ip", "instance-ip-virtual-network" },
    { "virtual-network", "project-virtual-network" },
    { "virtual-network", "virtual-network-network-ipam" },
    { "virtual-network", "virtual-network-routing-instance" },
    { "virtual-network-network-ipam", "virtual-network-network-ipam" },
};

bool
ctrl_model_follows(const char *type, const char *link)
{
    for (size_t i = 0; i < ARRAY_SIZE(whitelist); i++) {
        if (!strcmp(whitelist[i].type, type)
            && !strcmp(whitelist[i].link, link)) {
            return true;
        }
    }
    return false;
}

void
ctrl_object_uuid(const char *type, const char *name, struct uuid *uuid)
{
    /* The name space is ours alone: a random UUID, in network order. */
    static const uint8_t space[16] = {
        0x3c, 0x1f, 0x8e, 0x52, 0x9d, 0x07, 0x4b, 0x6a,
        0xa4, 0x5e, 0x71, 0xd0, 0x2b, 0xc8, 0x96, 0xf3,
    };
    uint8_t digest[SHA1_DIGEST_SIZE];
    struct sha1_ctx ctx;

    sha1_init(&ctx);
    sha1_update(&ctx, space, sizeof space);
    sha1_update(&ctx, type, strlen(type) + 1);
    sha1_update(&ctx, name, strlen(name));
    sha1_final(&ctx, digest);

    digest[6] = (digest[6] & 0x0f) | 0x50;
    digest[8] = (digest[8] & 0x3f) | 0x80;
    for (int i = 0; i < 4; i++) {
        uuid->parts[i] = (uint32_t) digest[i * 4] << 24
                         | digest[i * 4 + 1] << 16
                         | digest[i * 4 + 2] << 8 | digest[i * 4 + 3];
    }
}

static uint32_t
hash_key(const char *type, const char *name)
{
    return hash_string(name, hash_string(type, 0));
}

struct ctrl_node *
ctrl_model_find(const struct ctrl_model *model, const char *type,
                const char *name)
{
    struct ctrl_node *node;

    HMAP_FOR_EACH_WITH_HASH (node, hmap_node, hash_key(type, name),
                             &model->nodes) {
        if (!strcmp(node->type, type) && !strcmp(node->name, name)) {
            return node;
        }
    }
    return NULL;
}

/* Adds a node, or returns the one that is there; 'name' is copied.  The caller
 * fills the properties of a new one. */
static struct ctrl_node *
add_node(struct ctrl_model *model, const char *type, const char *name,
         const char *display_name, bool *created)
{
    struct ctrl_node *node = ctrl_model_find(model, type, name);

    *created = !node;
    if (!node) {
        node = xzalloc(sizeof *node);
        node->type = type;
        node->name = xstrdup(name);
        node->display_name = nullable_xstrdup(display_name);
        ctrl_object_uuid(type, name, &node->uuid);
        hmap_insert(&model->nodes, &node->hmap_node, hash_key(type, name));
    }
    return node;
}

/* Takes the text in 'ds'. */
static void
set_properties(struct ctrl_node *node, struct ds *ds)
{
    node->properties = ds_steal_cstr(ds);
}

static void
add_edge(struct ctrl_node *node, const struct ctrl_link *link,
         struct ctrl_node *other)
{
    if (node->n_edges == node->allocated_edges) {
        node->edges = x2nrealloc(node->edges, &node->allocated_edges,
                                 sizeof *node->edges);
    }
    node->edges[node->n_edges++] = (struct ctrl_edge) { link, other };
}

static void
add_link(struct ctrl_model *model, const char *type, struct ctrl_node *a,
         struct ctrl_node *b)
{
    struct ctrl_link *link = xmalloc(sizeof *link);

    *link = (struct ctrl_link) { .type = type, .ends = { a, b } };
    if (model->n_links == model->allocated_links) {
        model->links = x2nrealloc(model->links, &model->allocated_links,
                                  sizeof *model->links);
    }
    model->links[model->n_links++] = link;
    add_edge(a, link, b);
    add_edge(b, link, a);
}

/* A link with attributes: a node of its own between the two, named after them
 * in alphabetical order (4.3).  'value' is the XML in its <value>. */
static void
add_attributed_link(struct ctrl_model *model, const char *type,
                    struct ctrl_node *a, struct ctrl_node *b,
                    const char *value)
{
    bool swap = strcmp(a->name, b->name) > 0;
    char *name = xasprintf("attr(%s,%s)", swap ? b->name : a->name,
                           swap ? a->name : b->name);
    bool created;
    struct ctrl_node *middle = add_node(model, type, name, NULL, &created);

    if (created) {
        middle->properties = xasprintf(TABS "<value>\n%s" TABS "</value>\n",
                                       value);
        add_link(model, type, a, middle);
        add_link(model, type, middle, b);
    }
    free(name);
}

static int
compare_edges(const void *a_, const void *b_)
{
    const struct ctrl_edge *a = a_, *b = b_;
    int order = strcmp(a->link->type, b->link->type);

    return order ? order : strcmp(a->other->name, b->other->name);
}

/* Properties.  Text that comes from the configuration goes through
 * put_text(). */
static void
put_text(struct ds *ds, const char *indent, const char *name,
         const char *text)
{
    ds_put_format(ds, "%s<%s>", indent, name);
    xmpp_xml_escape(ds, text);
    ds_put_format(ds, "</%s>\n", name);
}

static void
put_ip(struct ds *ds, const char *indent, const char *name,
       const struct in6_addr *ip)
{
    char text[TSN_IP_STRLEN];

    put_text(ds, indent, name, tsn_ip_is_set(ip) ? tsn_ip_format(ip, text)
                                                 : "");
}

static void
put_prefix(struct ds *ds, const char *indent, const char *name,
           const struct ctrl_subnet *subnet)
{
    char text[TSN_IP_STRLEN];

    ds_put_format(ds, "%s<%s>\n", indent, name);
    ds_put_format(ds, "%s\t<ip-prefix>%s</ip-prefix>\n", indent,
                  tsn_ip_format(&subnet->prefix, text));
    ds_put_format(ds, "%s\t<ip-prefix-len>%d</ip-prefix-len>\n", indent,
                  subnet->plen);
    ds_put_format(ds, "%s</%s>\n", indent, name);
}

static void
put_options(struct ds *ds, const char *indent, const char *name,
            const struct ctrl_extras *extras)
{
    if (!extras->n_options) {
        ds_put_format(ds, "%s<%s></%s>\n", indent, name, name);
        return;
    }

    char *deeper = xasprintf("%s\t\t", indent);
    ds_put_format(ds, "%s<%s>\n", indent, name);
    for (size_t i = 0; i < extras->n_options; i++) {
        const struct ctrl_option *option = &extras->options[i];

        ds_put_format(ds, "%s\t<dhcp-option>\n", indent);
        put_text(ds, deeper, "dhcp-option-name", option->name);
        put_text(ds, deeper, "dhcp-option-value", option->value);
        put_text(ds, deeper, "dhcp-option-value-bytes", "");
        ds_put_format(ds, "%s\t</dhcp-option>\n", indent);
    }
    ds_put_format(ds, "%s</%s>\n", indent, name);
    free(deeper);
}

static void
put_routes(struct ds *ds, const char *indent, const char *name,
           const struct ctrl_extras *extras)
{
    if (!extras->n_routes) {
        ds_put_format(ds, "%s<%s></%s>\n", indent, name, name);
        return;
    }

    char *deeper = xasprintf("%s\t\t", indent);
    ds_put_format(ds, "%s<%s>\n", indent, name);
    for (size_t i = 0; i < extras->n_routes; i++) {
        const struct ctrl_route *route = &extras->routes[i];
        char text[TSN_IP_STRLEN];

        ds_put_format(ds, "%s\t<route>\n", indent);
        ds_put_format(ds, "%s<prefix>%s/%d</prefix>\n", deeper,
                      tsn_ip_format(&route->prefix, text), route->plen);
        put_ip(ds, deeper, "next-hop", &route->via);
        put_text(ds, deeper, "next-hop-type", "");
        ds_put_format(ds, "%s<community-attributes></community-attributes>\n",
                      deeper);
        ds_put_format(ds, "%s\t</route>\n", indent);
    }
    ds_put_format(ds, "%s</%s>\n", indent, name);
    free(deeper);
}

struct builder {
    const struct ctrl_config *config;
    struct ctrl_model *model;
    struct ctrl_node *gsc, *project, *ipam;
};

char *
ctrl_network_fq_name(const struct ctrl_config *config,
                     const struct ctrl_network *network)
{
    return xasprintf("default-domain:%s:%s", config->project, network->name);
}

char *
ctrl_network_instance(const struct ctrl_config *config,
                      const struct ctrl_network *network)
{
    return xasprintf("default-domain:%s:%s:%s", config->project,
                     network->name, network->name);
}

/* Without it agents take all as off, as with a cloud that never heard of
 * it. */
static void
put_graceful_restart(const struct ctrl_graceful_restart *gr, struct ds *ds)
{
    if (!gr->enable) {
        return;
    }
    ds_put_format(ds, TABS "<graceful-restart-parameters>\n"
                  TABS "\t<enable>true</enable>\n"
                  TABS "\t<restart-time>%"PRIu32"</restart-time>\n"
                  TABS "\t<long-lived-restart-time>%"PRIu32
                  "</long-lived-restart-time>\n"
                  TABS "\t<end-of-rib-timeout>%"PRIu32
                  "</end-of-rib-timeout>\n"
                  TABS "\t<bgp-helper-enable>false</bgp-helper-enable>\n"
                  TABS "\t<xmpp-helper-enable>%s</xmpp-helper-enable>\n"
                  TABS "</graceful-restart-parameters>\n",
                  gr->restart_s, gr->long_lived_s, gr->end_of_rib_s,
                  gr->xmpp_helper ? "true" : "false");
}

static void
build_globals(struct builder *b)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    bool created;

    b->gsc = add_node(b->model, "global-system-config", GSC, GSC, &created);
    ds_put_cstr(&ds, TABS "<autonomous-system>64512</autonomous-system>\n");
    if (b->config->hold_s != CTRL_HOLD_MAX_S) {
        ds_put_format(&ds, TABS "<fast-convergence-parameters>\n"
                      TABS "\t<enable>true</enable>\n"
                      TABS "\t<nh-reachability-check>false"
                      "</nh-reachability-check>\n"
                      TABS "\t<xmpp-hold-time>%"PRIu32"</xmpp-hold-time>\n"
                      TABS "</fast-convergence-parameters>\n",
                      b->config->hold_s);
    }
    put_graceful_restart(&b->config->graceful_restart, &ds);
    set_properties(b->gsc, &ds);

    struct ctrl_node *gvc = add_node(b->model, "global-vrouter-config", GVC,
                                     "default-global-vrouter-config",
                                     &created);
    ds_put_format(&ds, TABS "<encapsulation-priorities>\n"
                  TABS "\t<encapsulation>VXLAN</encapsulation>\n"
                  TABS "\t<encapsulation>MPLSoGRE</encapsulation>\n"
                  TABS "\t<encapsulation>MPLSoUDP</encapsulation>\n"
                  TABS "</encapsulation-priorities>\n"
                  TABS "<vxlan-network-identifier-mode>%s"
                  "</vxlan-network-identifier-mode>\n"
                  TABS "<forwarding-mode>l2_l3</forwarding-mode>\n",
                  b->config->vni_is_network_id ? "automatic" : "configured");
    set_properties(gvc, &ds);
    add_link(b->model, "global-system-config-global-vrouter-config", gvc,
             b->gsc);

    char *name = xasprintf("default-domain:%s", b->config->project);
    b->project = add_node(b->model, "project", name, b->config->project,
                          &created);
    free(name);

    name = xasprintf("default-domain:%s:default-network-ipam",
                     b->config->project);
    b->ipam = add_node(b->model, "network-ipam", name,
                       "default-network-ipam", &created);
    ds_put_cstr(&ds, TABS "<network-ipam-mgmt>\n"
                TABS "\t<ipam-method>dhcp</ipam-method>\n"
                TABS "\t<ipam-dns-method>default-dns-server"
                "</ipam-dns-method>\n"
                TABS "</network-ipam-mgmt>\n"
                TABS "<ipam-subnet-method>user-defined-subnet"
                "</ipam-subnet-method>\n");
    set_properties(b->ipam, &ds);
    free(name);
}

static struct ctrl_node *
build_virtual_router(struct builder *b, const char *agent, const char *type,
                     const struct in6_addr *ip)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    char *name = xasprintf(XMPP_VR_PREFIX "%s", agent);
    bool created;
    struct ctrl_node *vr = add_node(b->model, "virtual-router", name, agent,
                                    &created);

    free(name);
    if (!created) {
        return vr;              /* Of another switch of the database, too. */
    }
    ds_put_format(&ds, TABS "<virtual-router-type>%s</virtual-router-type>\n"
                  TABS "<virtual-router-dpdk-enabled>false"
                  "</virtual-router-dpdk-enabled>\n", type);
    if (tsn_ip_is_set(ip)) {
        put_ip(&ds, TABS, "virtual-router-ip-address", ip);
    }
    set_properties(vr, &ds);
    add_link(b->model, "global-system-config-virtual-router", vr, b->gsc);
    return vr;
}

static void
put_ipam_subnet(struct ds *ds, const struct ctrl_subnet *subnet,
                const char *network)
{
    static const char indent[] = TABS "\t\t";
    char text[TSN_IP_STRLEN];
    struct uuid uuid;

    char *name = xasprintf("%s %s/%d", network,
                           tsn_ip_format(&subnet->prefix, text),
                           subnet->plen);
    ctrl_object_uuid("subnet", name, &uuid);
    free(name);

    ds_put_cstr(ds, TABS "\t<ipam-subnets>\n");
    put_prefix(ds, indent, "subnet", subnet);
    put_ip(ds, indent, "default-gateway", &subnet->gateway);
    put_ip(ds, indent, "dns-server-address", &subnet->dns);
    ds_put_format(ds, "%s<subnet-uuid>"UUID_FMT"</subnet-uuid>\n", indent,
                  UUID_ARGS(&uuid));
    ds_put_format(ds, "%s<enable-dhcp>%s</enable-dhcp>\n", indent,
                  subnet->dhcp ? "true" : "false");
    ds_put_format(ds, "%s<addr_from_start>true</addr_from_start>\n", indent);
    put_options(ds, indent, "dhcp-option-list", &subnet->extras);
    put_routes(ds, indent, "host-routes", &subnet->extras);
    ds_put_format(ds, "%s<subnet-name></subnet-name>\n", indent);
    ds_put_format(ds, "%s<alloc-unit>1</alloc-unit>\n", indent);
    ds_put_cstr(ds, TABS "\t</ipam-subnets>\n");
}

static void
build_network(struct builder *b, const struct ctrl_network *network)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    char *name = ctrl_network_fq_name(b->config, network);
    bool created;
    struct ctrl_node *vn = add_node(b->model, "virtual-network", name,
                                    network->name, &created);

    ds_put_format(&ds, TABS "<virtual-network-properties>\n"
                  TABS "\t<allow-transit>false</allow-transit>\n"
                  TABS "\t<network-id>0</network-id>\n"
                  TABS "\t<vxlan-network-identifier>%"PRIu32
                  "</vxlan-network-identifier>\n"
                  TABS "\t<forwarding-mode>l2_l3</forwarding-mode>\n"
                  TABS "\t<rpf>enable</rpf>\n"
                  TABS "\t<mirror-destination>false</mirror-destination>\n"
                  TABS "\t<max-flows>0</max-flows>\n"
                  TABS "\t<mtu>%"PRIu16"</mtu>\n"
                  TABS "</virtual-network-properties>\n"
                  TABS "<virtual-network-network-id>%"PRIu32
                  "</virtual-network-network-id>\n"
                  TABS "<flood-unknown-unicast>%s</flood-unknown-unicast>\n",
                  network->vni, network->mtu, network->id,
                  network->flood_unknown_unicast ? "true" : "false");
    set_properties(vn, &ds);
    add_link(b->model, "project-virtual-network", vn, b->project);

    char *instance = ctrl_network_instance(b->config, network);
    struct ctrl_node *ri = add_node(b->model, "routing-instance", instance,
                                    NULL, &created);
    ds_put_cstr(&ds, TABS "<routing-instance-is-default>true"
                "</routing-instance-is-default>\n");
    set_properties(ri, &ds);
    add_link(b->model, "virtual-network-routing-instance", ri, vn);
    free(instance);

    if (network->n_subnets) {
        for (size_t i = 0; i < network->n_subnets; i++) {
            put_ipam_subnet(&ds, &network->subnets[i], name);
        }
        ds_put_cstr(&ds, TABS "\t<host-routes></host-routes>\n");
        add_attributed_link(b->model, "virtual-network-network-ipam", vn,
                            b->ipam, ds_cstr(&ds));
    }
    ds_destroy(&ds);
    free(name);
}

static void
build_instance_ip(struct builder *b, const struct ctrl_station *server,
                  struct ctrl_node *vmi, struct ctrl_node *vn)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct uuid uuid;
    bool created;

    /* As the cloud's own tools do, it is called by a UUID. */
    ctrl_object_uuid("instance-ip", vmi->name, &uuid);
    char *name = xasprintf(UUID_FMT, UUID_ARGS(&uuid));
    struct ctrl_node *iip = add_node(b->model, "instance-ip", name, name,
                                     &created);
    free(name);

    put_ip(&ds, TABS, "instance-ip-address", &server->ip);
    put_text(&ds, TABS, "instance-ip-family",
             tsn_ip_is_v4(&server->ip) ? "v4" : "v6");
    put_text(&ds, TABS, "instance-ip-mode", "active-active");
    put_text(&ds, TABS, "instance-ip-secondary", "false");
    set_properties(iip, &ds);
    add_link(b->model, "instance-ip-virtual-machine-interface", iip, vmi);
    add_link(b->model, "instance-ip-virtual-network", iip, vn);
}

/* 'server' is NULL for a port that has none in the file: the VLAN is bound all
 * the same, what is behind it is learnt. */
static void
build_interface(struct builder *b, const struct ctrl_switch *sw,
                const struct ctrl_port *port,
                const struct ctrl_station *server, struct ctrl_node *li)
{
    static const char value[] =
        TABS "\t<direction>both</direction>\n"
        TABS "\t<vlan-tag>0</vlan-tag>\n"
        TABS "\t<src-mac></src-mac>\n"
        TABS "\t<dst-mac></dst-mac>\n"
        TABS "\t<mpls-label>0</mpls-label>\n"
        TABS "\t<service-chain-address></service-chain-address>\n"
        TABS "\t<ipv6-service-chain-address></ipv6-service-chain-address>\n"
        TABS "\t<protocol></protocol>\n";
    struct ds ds = DS_EMPTY_INITIALIZER;
    struct ds own = DS_EMPTY_INITIALIZER;
    bool created;

    ds_put_format(&own, "%s-%s-%d", sw->name, port->name, port->vlan);
    if (server) {
        ds_put_format(&own, "-%02x%02x%02x%02x%02x%02x",
                      ETH_ADDR_ARGS(server->mac));
    }
    char *name = xasprintf("default-domain:%s:%s", b->config->project,
                           ds_cstr(&own));
    struct ctrl_node *vmi = add_node(b->model, "virtual-machine-interface",
                                     name, server && server->name
                                           ? server->name : ds_cstr(&own),
                                     &created);
    free(name);
    ds_destroy(&own);

    if (server) {
        ds_put_format(&ds, TABS "<virtual-machine-interface-mac-addresses>\n"
                      TABS "\t<mac-address>"ETH_ADDR_FMT"</mac-address>\n"
                      TABS "</virtual-machine-interface-mac-addresses>\n",
                      ETH_ADDR_ARGS(server->mac));
    }
    if (server && server->extras.n_options) {
        put_options(&ds, TABS, "virtual-machine-interface-dhcp-option-list",
                    &server->extras);
    }
    if (server && server->extras.n_routes) {
        put_routes(&ds, TABS, "virtual-machine-interface-host-routes",
                   &server->extras);
    }
    ds_put_cstr(&ds, TABS "<virtual-machine-interface-disable-policy>false"
                "</virtual-machine-interface-disable-policy>\n");
    set_properties(vmi, &ds);
    add_link(b->model, "logical-interface-virtual-machine-interface", li,
             vmi);
    add_link(b->model, "project-virtual-machine-interface", vmi, b->project);

    char *vn_name = ctrl_network_fq_name(b->config, port->network);
    char *ri_name = ctrl_network_instance(b->config, port->network);
    struct ctrl_node *vn = ctrl_model_find(b->model, "virtual-network",
                                           vn_name);
    struct ctrl_node *ri = ctrl_model_find(b->model, "routing-instance",
                                           ri_name);
    free(vn_name);
    free(ri_name);
    add_link(b->model, "virtual-machine-interface-virtual-network", vmi, vn);
    add_attributed_link(b->model,
                        "virtual-machine-interface-routing-instance", vmi,
                        ri, value);
    if (server && tsn_ip_is_set(&server->ip)) {
        build_instance_ip(b, server, vmi, vn);
    }
}

static void
build_port(struct builder *b, const struct ctrl_switch *sw,
           const struct ctrl_port *port, struct ctrl_node *pr)
{
    bool created;

    /* The port stands once for each of its VLANs. */
    char *name = xasprintf(GSC ":%s:%s", sw->name, port->name);
    struct ctrl_node *pi = add_node(b->model, "physical-interface", name,
                                    port->name, &created);
    if (created) {
        add_link(b->model, "physical-router-physical-interface", pi, pr);
    }
    free(name);

    char *own = xasprintf("%s.%d", port->name, port->vlan);
    name = xasprintf(GSC ":%s:%s:%s", sw->name, port->name, own);
    struct ctrl_node *li = add_node(b->model, "logical-interface", name, own,
                                    &created);
    free(name);
    free(own);
    li->properties = xasprintf(TABS "<logical-interface-vlan-tag>%d"
                               "</logical-interface-vlan-tag>\n"
                               TABS "<logical-interface-type>l2"
                               "</logical-interface-type>\n", port->vlan);
    add_link(b->model, "physical-interface-logical-interface", li, pi);

    for (size_t i = 0; i < port->n_servers; i++) {
        build_interface(b, sw, port, &port->servers[i], li);
    }
    if (!port->n_servers) {
        build_interface(b, sw, port, NULL, li);
    }
}

/* A ToR agent of the switch 'pr'.  Its own address is not in the file. */
static void
build_agent(struct builder *b, const char *name, struct ctrl_node *pr)
{
    struct ctrl_node *agent = build_virtual_router(b, name, "tor-agent",
                                                   &in6addr_any);

    add_link(b->model, "physical-router-virtual-router", pr, agent);
}

static void
build_switch(struct builder *b, const struct ctrl_switch *sw)
{
    struct ds ds = DS_EMPTY_INITIALIZER;
    char *name = xasprintf(GSC ":%s", sw->name);
    bool created;
    struct ctrl_node *pr = add_node(b->model, "physical-router", name,
                                    sw->name, &created);

    free(name);
    put_ip(&ds, TABS, "physical-router-dataplane-ip", &sw->vtep);
    put_text(&ds, TABS, "physical-router-vnc-managed", "false");
    set_properties(pr, &ds);

    build_agent(b, sw->agent, pr);
    if (sw->standby_agent) {
        build_agent(b, sw->standby_agent, pr);
    }
    for (size_t i = 0; i < sw->n_ports; i++) {
        build_port(b, sw, &sw->ports[i], pr);
    }
}

static void
build_tsn(struct builder *b, const struct ctrl_tsn *tsn)
{
    struct ctrl_node *vr = build_virtual_router(b, tsn->name,
                                                "tor-service-node",
                                                &tsn->address);

    for (size_t i = 0; i < tsn->n_switches; i++) {
        char *name = xasprintf(GSC ":%s", tsn->switches[i]->name);
        struct ctrl_node *pr = ctrl_model_find(b->model, "physical-router",
                                               name);

        add_link(b->model, "physical-router-virtual-router", pr, vr);
        free(name);
    }
}

struct ctrl_model *
ctrl_model_create(const struct ctrl_config *config)
{
    struct ctrl_model *model = xzalloc(sizeof *model);
    struct builder b = { .config = config, .model = model };
    struct ctrl_node *node;

    hmap_init(&model->nodes);
    build_globals(&b);
    for (size_t i = 0; i < config->n_networks; i++) {
        build_network(&b, &config->networks[i]);
    }
    for (size_t i = 0; i < config->n_switches; i++) {
        build_switch(&b, &config->switches[i]);
    }
    for (size_t i = 0; i < config->n_tsns; i++) {
        build_tsn(&b, &config->tsns[i]);
    }
    HMAP_FOR_EACH (node, hmap_node, &model->nodes) {
        if (node->n_edges) {
            qsort(node->edges, node->n_edges, sizeof *node->edges,
                  compare_edges);
        }
    }
    return model;
}

void
ctrl_model_walk(const struct ctrl_model *model, const char *name,
                ctrl_walk_fn *fn, void *aux)
{
    const struct ctrl_node *start = ctrl_model_find(model, "virtual-router",
                                                    name);
    if (!start) {
        return;
    }

    /* Breadth first.  A node is told when it is met, then the link over which
     * it was met; a further link to a node that is known is told alone. */
    size_t n = 0, done = 0, allocated = 0;
    const struct ctrl_node **queue = NULL;
    struct hmapx nodes = HMAPX_INITIALIZER(&nodes);
    struct hmapx links = HMAPX_INITIALIZER(&links);
    const struct ctrl_node *node = start;

    hmapx_add(&nodes, CONST_CAST(struct ctrl_node *, start));
    fn(start, NULL, aux);
    for (;;) {
        for (size_t i = 0; i < node->n_edges; i++) {
            const struct ctrl_edge *edge = &node->edges[i];

            if (!ctrl_model_follows(node->type, edge->link->type)
                || !hmapx_add(&links, CONST_CAST(struct ctrl_link *,
                                                 edge->link))) {
                continue;
            }
            if (hmapx_add(&nodes, edge->other)) {
                fn(edge->other, NULL, aux);
                if (n == allocated) {
                    queue = x2nrealloc(queue, &allocated, sizeof *queue);
                }
                queue[n++] = edge->other;
            }
            fn(NULL, edge->link, aux);
        }
        if (done == n) {
            break;
        }
        node = queue[done++];
    }
    hmapx_destroy(&nodes);
    hmapx_destroy(&links);
    free(queue);
}

void
ctrl_model_destroy(struct ctrl_model *model)
{
    if (!model) {
        return;
    }

    struct ctrl_node *node;
    HMAP_FOR_EACH_SAFE (node, hmap_node, &model->nodes) {
        hmap_remove(&model->nodes, &node->hmap_node);
        free(node->name);
        free(node->properties);
        free(node->display_name);
        free(node->edges);
        free(node);
    }
    hmap_destroy(&model->nodes);
    for (size_t i = 0; i < model->n_links; i++) {
        free(model->links[i]);
    }
    free(model->links);
    free(model);
}
