/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/view.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/shash.h"
#include "openvswitch/vlog.h"
#include "packets.h"
#include "util.h"

#include "xmpp/value.h"
#include "xmpp/view-private.h"
#include "xmpp/xml.h"

VLOG_DEFINE_THIS_MODULE(xmpp_view);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(5, 20);

/* Hold times that fast-convergence-parameters may have (1.8). */
#define MAX_HOLD_S 90

struct builder {
    struct xmpp_view *view;
    bool vni_is_configured;     /* VXLAN id mode, see get_vni(). */

    /* struct xmpp_network by the name of its virtual network.  The pointers
     * are good only when all networks are there. */
    struct shash networks;

    struct xmpp_vmi *vmi;               /* The one being built. */
    struct xmpp_port port;              /* Likewise. */
};

/* Number in the child 'name' of 'node'; 0 if there is none or it is not one up
 * to 'max'. */
static uint64_t
get_uint(const struct xmpp_node *node, const char *name, uint64_t max)
{
    uint64_t value;

    return xmpp_value_uint(xmpp_node_text(node, name), max, &value) ? 0
                                                                    : value;
}

static bool
get_bool(const struct xmpp_node *node, const char *name)
{
    return xmpp_value_bool(xmpp_node_text(node, name));
}

/* Types whose updates real agents ignore without id-perms (4.3): one that is
 * being deleted is sent like that. */
static bool
is_complete(const struct xmpp_gnode *node)
{
    char uuid[XMPP_UUID_STRLEN];

    return xmpp_gnode_uuid(node, uuid);
}

static const char *
last_part(const char *fq_name)
{
    const char *colon = strrchr(fq_name, ':');

    return colon ? colon + 1 : fq_name;
}

static const char *
display_name(const struct xmpp_gnode *node)
{
    const char *name = xmpp_node_text(xmpp_gnode_xml(node), "display-name");

    return *name ? name : last_part(xmpp_gnode_name(node));
}

static bool
last_two_parts_equal(const char *fq_name)
{
    const char *last = last_part(fq_name);
    size_t length = strlen(last);

    if ((size_t) (last - fq_name) < length + 1) {
        return false;
    }
    const char *previous = last - 1 - length;
    return (previous == fq_name || previous[-1] == ':')
           && !memcmp(previous, last, length);
}

static void
pick_default_instance(const struct xmpp_gnode *ri, void *best_)
{
    const struct xmpp_gnode **best = best_;
    bool is_default = get_bool(xmpp_gnode_xml(ri),
                               "routing-instance-is-default");

    if (is_default || last_two_parts_equal(xmpp_gnode_name(ri))) {
        /* The flag before the name. */
        if (!*best || (is_default
                       && !get_bool(xmpp_gnode_xml(*best),
                                    "routing-instance-is-default"))) {
            *best = ri;
        }
    }
}

/* The network id, by its old name if a control node does not send the new. */
static uint32_t
get_network_id(const struct xmpp_node *vn)
{
    const char *name = "virtual-network-network-id";

    return xmpp_node_child(vn, name)
           ? get_uint(vn, name, UINT32_MAX)
           : get_uint(xmpp_node_child(vn, "virtual-network-properties"),
                      "network-id", UINT32_MAX);
}

static uint32_t
get_vni(const struct builder *b, const struct xmpp_node *vn)
{
    uint32_t vni = b->vni_is_configured
        ? get_uint(xmpp_node_child(vn, "virtual-network-properties"),
                   "vxlan-network-identifier", UINT32_MAX)
        : get_network_id(vn);

    return vni <= TSN_VNI_MAX ? vni : 0;
}

static void
add_network(const struct xmpp_gnode *vn, void *b_)
{
    struct builder *b = b_;
    struct xmpp_view *view = b->view;
    const struct xmpp_node *xml = xmpp_gnode_xml(vn);
    const struct xmpp_gnode *ri = NULL;
    struct xmpp_network network = {
        .id = get_network_id(xml),
        .vni = get_vni(b, xml),
        .flood_unknown_unicast = get_bool(xml, "flood-unknown-unicast"),
    };

    xmpp_gnode_for_each_neighbour(vn, "virtual-network-routing-instance",
                                  "routing-instance", pick_default_instance,
                                  &ri);
    if (!xmpp_gnode_uuid(vn, network.uuid) || !ri) {
        return;
    }
    network.instance = xstrdup(xmpp_gnode_name(ri));
    network.name = xstrdup(xmpp_gnode_name(vn));
    snprintf(network.ls_name, sizeof network.ls_name, TSN_LS_PREFIX "%s",
             network.uuid);
    view_add_subnets(&network, vn);

    VIEW_GROW(view->networks, view->n_networks);
    view->networks[view->n_networks++] = network;
}

static void
free_network(struct xmpp_network *network)
{
    view_free_subnets(network);
    free(network->instance);
    free(network->name);
}

static int
compare_networks(const void *a_, const void *b_)
{
    const struct xmpp_network *a = a_, *b = b_;
    int cmp = strcmp(a->instance, b->instance);

    return cmp ? cmp : strcmp(a->name, b->name);
}

/* Makes sorted networks of what add_network() found, with one network for an
 * instance. */
static void
finish_networks(struct builder *b)
{
    struct xmpp_view *view = b->view;
    size_t n = 0;

    if (view->n_networks > 1) {
        qsort(view->networks, view->n_networks, sizeof *view->networks,
              compare_networks);
    }
    for (size_t i = 0; i < view->n_networks; i++) {
        struct xmpp_network *network = &view->networks[i];

        if (n && !strcmp(network->instance, view->networks[n - 1].instance)) {
            VLOG_WARN_RL(&rl, "left out a network whose routing instance is "
                         "another's network=%s instance=%s",
                         network->name, network->instance);
            free_network(network);
        } else {
            view->networks[n++] = *network;
        }
    }
    view->n_networks = n;
    for (size_t i = 0; i < n; i++) {
        shash_add(&b->networks, view->networks[i].name, &view->networks[i]);
    }
}

static void
add_instance_ip(const struct xmpp_gnode *iip, void *b_)
{
    /* Addresses that are not the interface's own. */
    static const char *const other[] = {
        "instance-ip-secondary", "instance-ip-local-ip",
        "service-instance-ip", "service-health-check-ip",
    };
    struct builder *b = b_;
    const struct xmpp_node *xml = xmpp_gnode_xml(iip);
    struct in6_addr ip = view_ip(xml, "instance-ip-address");

    for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
        if (get_bool(xml, other[i])) {
            return;
        }
    }

    struct in6_addr *slot = tsn_ip_is_v4(&ip) ? &b->vmi->ip4 : &b->vmi->ip6;
    if (!tsn_ip_is_set(slot)) {
        *slot = ip;
    }
}

static void
add_security_group(const struct xmpp_gnode *sg, void *b_)
{
    struct xmpp_vmi *vmi = ((struct builder *) b_)->vmi;
    uint32_t id = get_uint(xmpp_gnode_xml(sg), "security-group-id",
                           UINT32_MAX);

    if (id && is_complete(sg)) {
        VIEW_GROW(vmi->security_groups, vmi->n_security_groups);
        vmi->security_groups[vmi->n_security_groups++] = id;
    }
}

static int
compare_uint32(const void *a_, const void *b_)
{
    const uint32_t *a = a_, *b = b_;

    return *a < *b ? -1 : *a > *b;
}

static struct eth_addr
first_mac(const struct xmpp_node *xml)
{
    const struct xmpp_node *macs = xmpp_node_child(
        xml, "virtual-machine-interface-mac-addresses");
    const struct xmpp_node *element;
    struct eth_addr mac;

    XMPP_NODE_FOR_EACH (element, macs, "mac-address") {
        if (!xmpp_value_mac(element->text, &mac) && !eth_addr_is_zero(mac)) {
            return mac;
        }
    }
    return eth_addr_zero;
}

static void
add_vmi(const struct xmpp_gnode *node, void *b_)
{
    struct builder *b = b_;
    struct xmpp_view *view = b->view;
    const struct xmpp_node *xml = xmpp_gnode_xml(node);

    /* Not a bare-metal one unless it has to do with a switch. */
    if (!is_complete(node)
        || !xmpp_gnode_neighbour(
            node, "logical-interface-virtual-machine-interface",
            "logical-interface")) {
        return;
    }

    const struct xmpp_gnode *vn = xmpp_gnode_neighbour(
        node, "virtual-machine-interface-virtual-network", "virtual-network");
    struct xmpp_vmi vmi = {
        .name = xstrdup(xmpp_gnode_name(node)),
        .display_name = xstrdup(display_name(node)),
        .mac = first_mac(xml),
        .network = vn ? shash_find_data(&b->networks, xmpp_gnode_name(vn))
                      : NULL,
    };
    view_add_options(&vmi.options, &vmi.n_options,
                     xmpp_node_child(
                         xml, "virtual-machine-interface-dhcp-option-list"));

    b->vmi = &vmi;
    xmpp_gnode_for_each_neighbour(node,
                                  "instance-ip-virtual-machine-interface",
                                  "instance-ip", add_instance_ip, b);
    xmpp_gnode_for_each_neighbour(node,
                                  "virtual-machine-interface-security-group",
                                  "security-group", add_security_group, b);
    if (vmi.n_security_groups > 1) {
        qsort(vmi.security_groups, vmi.n_security_groups,
              sizeof *vmi.security_groups, compare_uint32);
    }

    /* They come in name order. */
    VIEW_GROW(view->vmis, view->n_vmis);
    view->vmis[view->n_vmis++] = vmi;
}

static void
add_switch(const struct xmpp_gnode *pr, void *b_)
{
    struct xmpp_view *view = ((struct builder *) b_)->view;

    if (is_complete(pr)) {
        VIEW_GROW(view->switches, view->n_switches);
        view->switches[view->n_switches++] = (struct xmpp_switch) {
            .name = xstrdup(display_name(pr)),
            .vtep = view_ip(xmpp_gnode_xml(pr),
                            "physical-router-dataplane-ip"),
        };
    }
}

static int
compare_switches(const void *a_, const void *b_)
{
    const struct xmpp_switch *a = a_, *b = b_;
    int cmp = strcmp(a->name, b->name);

    return cmp ? cmp : memcmp(&a->vtep, &b->vtep, sizeof a->vtep);
}

static int
compare_vmi_to_name(const void *name, const void *vmi_)
{
    const struct xmpp_vmi *vmi = vmi_;

    return strcmp(name, vmi->name);
}

static void
add_port(const struct xmpp_gnode *node, void *b_)
{
    struct builder *b = b_;
    struct xmpp_view *view = b->view;
    struct xmpp_port port = b->port;

    port.vmi = view->n_vmis
        ? bsearch(xmpp_gnode_name(node), view->vmis, view->n_vmis,
                  sizeof *view->vmis, compare_vmi_to_name)
        : NULL;
    if (port.vmi) {
        port.switch_name = xstrdup(port.switch_name);
        port.port = xstrdup(port.port);
        VIEW_GROW(view->ports, view->n_ports);
        view->ports[view->n_ports++] = port;
    }
}

static void
add_ports(const struct xmpp_gnode *li, void *b_)
{
    struct builder *b = b_;
    const struct xmpp_node *tag = xmpp_node_child(
        xmpp_gnode_xml(li), "logical-interface-vlan-tag");
    uint64_t vlan;

    /* The real agent ignores one without tag, empty being 0 as everywhere. */
    if (!is_complete(li) || !tag
        || xmpp_value_uint(tag->text, VLAN_VID_MASK - 1, &vlan)) {
        return;
    }

    const struct xmpp_gnode *pi = xmpp_gnode_neighbour(
        li, "physical-interface-logical-interface", "physical-interface");
    if (!pi) {
        return;
    }
    const struct xmpp_gnode *pr = xmpp_gnode_neighbour(
        pi, "physical-router-physical-interface", "physical-router");
    if (!pr) {
        pr = xmpp_gnode_neighbour(li, "physical-router-logical-interface",
                                  "physical-router");
    }
    if (!pr || !is_complete(pr)) {
        return;
    }

    b->port = (struct xmpp_port) {
        .switch_name = CONST_CAST(char *, display_name(pr)),
        .port = CONST_CAST(char *, display_name(pi)),
        .vlan = vlan,
    };
    xmpp_gnode_for_each_neighbour(
        li, "logical-interface-virtual-machine-interface",
        "virtual-machine-interface", add_port, b);
}

static int
compare_ports(const void *a_, const void *b_)
{
    const struct xmpp_port *a = a_, *b = b_;
    int cmp = strcmp(a->switch_name, b->switch_name);

    if (!cmp) {
        cmp = strcmp(a->port, b->port);
    }
    if (!cmp) {
        cmp = (int) a->vlan - (int) b->vlan;
    }
    return cmp ? cmp : strcmp(a->vmi->name, b->vmi->name);
}

static void
read_system_config(const struct xmpp_gnode *node, void *b_)
{
    struct xmpp_view *view = ((struct builder *) b_)->view;
    const struct xmpp_node *xml = xmpp_gnode_xml(node);
    const struct xmpp_node *fast = xmpp_node_child(
        xml, "fast-convergence-parameters");
    const struct xmpp_node *gr = xmpp_node_child(
        xml, "graceful-restart-parameters");

    if (get_bool(fast, "enable")) {
        view->hold_s = get_uint(fast, "xmpp-hold-time", MAX_HOLD_S);
    }
    view->graceful_restart = get_bool(gr, "enable")
                             && get_bool(gr, "xmpp-helper-enable");
}

static void
read_vrouter_config(const struct xmpp_gnode *node, void *b_)
{
    struct builder *b = b_;

    b->vni_is_configured = !strcmp(
        xmpp_node_text(xmpp_gnode_xml(node), "vxlan-network-identifier-mode"),
        "configured");
}

struct xmpp_view *
xmpp_view_build(const struct xmpp_graph *graph)
{
    struct xmpp_view *view = xzalloc(sizeof *view);
    struct builder b = {
        .view = view,
        .networks = SHASH_INITIALIZER(&b.networks),
    };

    xmpp_graph_for_each(graph, "global-system-config", read_system_config, &b);
    xmpp_graph_for_each(graph, "global-vrouter-config", read_vrouter_config,
                        &b);

    /* Interfaces refer to networks, ports to interfaces. */
    xmpp_graph_for_each(graph, "virtual-network", add_network, &b);
    finish_networks(&b);
    xmpp_graph_for_each(graph, "virtual-machine-interface", add_vmi, &b);
    xmpp_graph_for_each(graph, "physical-router", add_switch, &b);
    if (view->n_switches > 1) {
        qsort(view->switches, view->n_switches, sizeof *view->switches,
              compare_switches);
    }
    xmpp_graph_for_each(graph, "logical-interface", add_ports, &b);
    if (view->n_ports > 1) {
        qsort(view->ports, view->n_ports, sizeof *view->ports, compare_ports);
    }

    shash_destroy(&b.networks);
    return view;
}

void
xmpp_view_destroy(struct xmpp_view *view)
{
    if (!view) {
        return;
    }
    for (size_t i = 0; i < view->n_networks; i++) {
        free_network(&view->networks[i]);
    }
    for (size_t i = 0; i < view->n_vmis; i++) {
        struct xmpp_vmi *vmi = &view->vmis[i];

        free(vmi->name);
        free(vmi->display_name);
        free(vmi->security_groups);
        view_free_options(vmi->options, vmi->n_options);
    }
    for (size_t i = 0; i < view->n_switches; i++) {
        free(view->switches[i].name);
    }
    for (size_t i = 0; i < view->n_ports; i++) {
        free(view->ports[i].switch_name);
        free(view->ports[i].port);
    }
    free(view->networks);
    free(view->vmis);
    free(view->switches);
    free(view->ports);
    free(view);
}

static int
compare_network_to_instance(const void *instance, const void *network_)
{
    const struct xmpp_network *network = network_;

    return strcmp(instance, network->instance);
}

const struct xmpp_network *
xmpp_view_network(const struct xmpp_view *view, const char *instance)
{
    return view->n_networks
           ? bsearch(instance, view->networks, view->n_networks,
                     sizeof *view->networks, compare_network_to_instance)
           : NULL;
}
