/* SPDX-License-Identifier: Apache-2.0 */
/* Switches, their ports, and the interfaces behind them. */
#include <config.h>
#include "xmpp/view-private.h"

#include <stdlib.h>
#include <string.h>

#include "packets.h"

#include "xmpp/value.h"
#include "xmpp/xml.h"

/* Switches. */

static void
destroy_switch(struct view_object *object)
{
    struct view_switch *s = CONTAINER_OF(object, struct view_switch, object);

    free(s->sw.name);
    free(s->sw.fq_name);
    free(s->sw.vendor);
    free(s->sw.product);
    free(s);
}

static struct view_object *
make_switch(const struct xmpp_gnode *pr)
{
    const struct xmpp_node *xml = xmpp_gnode_xml(pr);
    struct view_reader r = { .node = pr };

    if (!view_is_complete(pr)) {
        return NULL;
    }

    struct view_switch *s = xzalloc(sizeof *s);
    s->object = (struct view_object) {
        .kind = VIEW_SWITCHES,
        .destroy = destroy_switch,
        .data = &s->sw,
    };
    s->sw = (struct xmpp_switch) {
        .name = xstrdup(view_display_name(pr)),
        .fq_name = xstrdup(xmpp_gnode_name(pr)),
        .vtep = view_ip(&r, xml, "physical-router-dataplane-ip"),
        .management_ip = view_ip(&r, xml, "physical-router-management-ip"),
        .loopback_ip = view_ip(&r, xml, "physical-router-loopback-ip"),
        .vendor = view_string(xml, "physical-router-vendor-name"),
        .product = view_string(xml, "physical-router-product-name"),
    };
    s->object.n_bad = r.n_bad;
    return &s->object;
}

void
view_switch(struct xmpp_viewer *v, struct xmpp_gnode *pr)
{
    struct xmpp_stamp stamp = { .at = 0 };

    view_stamp(&stamp, pr->props_at);
    if (!view_stamp_equals(&stamp, &pr->stamp)) {
        view_set_object(v, pr, make_switch(pr), &stamp);
    }
}

/* Interfaces. */

static void
destroy_vmi(struct view_object *object)
{
    struct view_vmi *i = CONTAINER_OF(object, struct view_vmi, object);
    struct xmpp_vmi *vmi = &i->vmi;

    for (size_t j = 0; j < vmi->n_ips; j++) {
        free(vmi->ips[j].name);
    }
    free(vmi->name);
    free(vmi->display_name);
    free(vmi->macs);
    free(vmi->ips);
    free(vmi->security_groups);
    view_free_options(vmi->options, vmi->n_options);
    free(vmi->host_routes);
    free(vmi->pairs);
    free(vmi->subnets);
    free(vmi->device_owner);
    free(i);
}

struct vmi_context {
    struct view_reader *reader;
    struct xmpp_vmi *vmi;
};

static void
add_instance_ip(const struct xmpp_gnode *iip, void *c_)
{
    struct vmi_context *c = c_;
    struct xmpp_vmi *vmi = c->vmi;
    const struct xmpp_node *xml = xmpp_gnode_xml(iip);
    struct view_reader r = { .node = iip };
    struct xmpp_instance_ip ip = {
        .ip = view_ip(&r, xml, "instance-ip-address"),
        .active_standby = !strcmp(xmpp_node_text(xml, "instance-ip-mode"),
                                  "active-standby"),
        .secondary = view_bool(&r, xml, "instance-ip-secondary"),
        .local = view_bool(&r, xml, "instance-ip-local-ip"),
        .service = view_bool(&r, xml, "service-instance-ip"),
        .health_check = view_bool(&r, xml, "service-health-check-ip"),
    };

    if (!view_prefix(&r, xmpp_node_child(xml, "instance-ip-subnet"),
                     &ip.subnet)) {
        ip.subnet = (struct xmpp_prefix) { .plen = 0 };
    }
    view_uuid(&r, xml, "subnet-uuid", ip.subnet_uuid);
    c->reader->n_bad += r.n_bad;
    if (!tsn_ip_is_set(&ip.ip)) {
        return;
    }
    ip.name = xstrdup(xmpp_gnode_name(iip));
    VIEW_GROW(vmi->ips, vmi->n_ips);
    vmi->ips[vmi->n_ips++] = ip;

    struct in6_addr *slot = tsn_ip_is_v4(&ip.ip) ? &vmi->ip4 : &vmi->ip6;
    if (!ip.secondary && !ip.local && !ip.service && !ip.health_check
        && !tsn_ip_is_set(slot)) {
        *slot = ip.ip;
    }
}

static void
add_security_group(const struct xmpp_gnode *sg, void *c_)
{
    struct vmi_context *c = c_;
    struct xmpp_vmi *vmi = c->vmi;
    struct view_reader r = { .node = sg };
    uint32_t id = view_uint(&r, xmpp_gnode_xml(sg), "security-group-id",
                            UINT32_MAX);

    c->reader->n_bad += r.n_bad;
    if (id && view_is_complete(sg)) {
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

static void
add_routed_subnet(const struct xmpp_gnode *subnet, void *c_)
{
    struct vmi_context *c = c_;
    struct xmpp_vmi *vmi = c->vmi;
    struct view_reader r = { .node = subnet };
    struct xmpp_prefix prefix;

    if (view_prefix(&r, xmpp_node_child(xmpp_gnode_xml(subnet),
                                        "subnet-ip-prefix"), &prefix)) {
        VIEW_GROW(vmi->subnets, vmi->n_subnets);
        vmi->subnets[vmi->n_subnets++] = prefix;
    }
    c->reader->n_bad += r.n_bad;
}

static void
add_macs(struct view_reader *r, struct xmpp_vmi *vmi,
         const struct xmpp_node *xml)
{
    const struct xmpp_node *macs = xmpp_node_child(
        xml, "virtual-machine-interface-mac-addresses");
    const struct xmpp_node *element;
    struct eth_addr mac;

    XMPP_NODE_FOR_EACH (element, macs, "mac-address") {
        if (xmpp_value_mac(element->text, &mac)) {
            view_bad(r, "mac-address", element->text);
        } else if (!eth_addr_is_zero(mac)) {
            VIEW_GROW(vmi->macs, vmi->n_macs);
            vmi->macs[vmi->n_macs++] = mac;
        }
    }
    if (vmi->n_macs) {
        vmi->mac = vmi->macs[0];
    }
}

static void
add_pairs(struct view_reader *r, struct xmpp_vmi *vmi,
          const struct xmpp_node *xml)
{
    const struct xmpp_node *list = xmpp_node_child(
        xml, "virtual-machine-interface-allowed-address-pairs");
    const struct xmpp_node *element;

    XMPP_NODE_FOR_EACH (element, list, "allowed-address-pair") {
        const char *mac = xmpp_node_text(element, "mac");
        struct xmpp_address_pair pair = {
            .active_standby = !strcmp(xmpp_node_text(element, "address-mode"),
                                      "active-standby"),
        };

        if (!view_prefix(r, xmpp_node_child(element, "ip"), &pair.prefix)) {
            continue;
        }
        if (xmpp_value_mac(mac, &pair.mac)) {
            view_bad(r, "mac", mac);
            continue;
        }
        VIEW_GROW(vmi->pairs, vmi->n_pairs);
        vmi->pairs[vmi->n_pairs++] = pair;
    }
}

/* What comes from the node itself. */
static void
read_vmi(struct view_reader *r, struct xmpp_vmi *vmi)
{
    const struct xmpp_node *xml = xmpp_gnode_xml(r->node);
    const struct xmpp_node *properties = xmpp_node_child(
        xml, "virtual-machine-interface-properties");

    vmi->name = xstrdup(xmpp_gnode_name(r->node));
    vmi->display_name = xstrdup(view_display_name(r->node));
    add_macs(r, vmi, xml);
    view_add_options(r, &vmi->options, &vmi->n_options,
                     xmpp_node_child(
                         xml, "virtual-machine-interface-dhcp-option-list"));
    view_add_routes(r, &vmi->host_routes, &vmi->n_host_routes,
                    xmpp_node_child(
                        xml, "virtual-machine-interface-host-routes"));
    add_pairs(r, vmi, xml);
    vmi->device_owner = view_string(xml,
                                    "virtual-machine-interface-device-owner");
    vmi->disable_policy = view_bool(
        r, xml, "virtual-machine-interface-disable-policy");
    vmi->port_security = view_bool_true(r, xml, "port-security-enabled");
    vmi->sub_interface_vlan = view_uint(r, properties,
                                        "sub-interface-vlan-tag",
                                        VLAN_VID_MASK);
    vmi->local_preference = view_uint(r, properties, "local-preference",
                                      UINT32_MAX);
}

static struct view_object *
make_vmi(const struct xmpp_viewer *v, const struct xmpp_gnode *node,
         const struct xmpp_network *network)
{
    struct view_reader r = { .node = node };
    char uuid[XMPP_UUID_STRLEN];

    if (!xmpp_gnode_uuid(node, uuid)) {
        return NULL;
    }

    struct view_vmi *i = xzalloc(sizeof *i);
    struct vmi_context c = { .reader = &r, .vmi = &i->vmi };

    i->object = (struct view_object) {
        .kind = VIEW_VMIS,
        .destroy = destroy_vmi,
        .data = &i->vmi,
    };
    memcpy(i->vmi.uuid, uuid, sizeof uuid);
    i->vmi.network = network;
    read_vmi(&r, &i->vmi);
    xmpp_gnode_for_each_neighbour(node, v->names[VIEW_IIP_VMI],
                                  v->names[VIEW_IIP], add_instance_ip, &c);
    xmpp_gnode_for_each_neighbour(node, v->names[VIEW_VMI_SG],
                                  v->names[VIEW_SG], add_security_group, &c);
    xmpp_gnode_for_each_neighbour(node, v->names[VIEW_SUBNET_VMI],
                                  v->names[VIEW_SUBNET], add_routed_subnet,
                                  &c);
    if (i->vmi.n_security_groups > 1) {
        qsort(i->vmi.security_groups, i->vmi.n_security_groups,
              sizeof *i->vmi.security_groups, compare_uint32);
    }
    i->object.n_bad = r.n_bad;
    return &i->object;
}

/* The stamp of 'node', and the network that it is in. */
static struct xmpp_stamp
stamp_vmi(const struct xmpp_viewer *v, const struct xmpp_gnode *node,
          const struct xmpp_network **network)
{
    static const struct {
        enum view_name link, type;
    } parts[] = {
        { VIEW_IIP_VMI, VIEW_IIP },
        { VIEW_VMI_SG, VIEW_SG },
        { VIEW_SUBNET_VMI, VIEW_SUBNET },
    };
    struct xmpp_stamp stamp = { .at = 0 };
    const struct xmpp_gnode *first_vn = NULL;
    const struct xmpp_glink_end *end;

    view_stamp(&stamp, node->props_at);
    VIEW_FOR_EACH_END (end, node) {
        const struct xmpp_gnode *vn = view_end(v, end, VIEW_VMI_VN, VIEW_VN);

        if (vn) {
            if (!first_vn || strcmp(vn->name, first_vn->name) < 0) {
                first_vn = vn;
            }
            continue;
        }
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
            const struct xmpp_gnode *other = view_end(v, end, parts[i].link,
                                                      parts[i].type);
            if (other) {
                view_stamp(&stamp, end->link->added_at);
                view_stamp(&stamp, other->props_at);
                break;
            }
        }
    }
    *network = first_vn && first_vn->object && first_vn->object->shown
               ? first_vn->object->data : NULL;
    return stamp;
}

void
view_vmi(struct xmpp_viewer *v, struct xmpp_gnode *node)
{
    const struct xmpp_network *network;
    struct xmpp_stamp stamp = stamp_vmi(v, node, &network);
    const struct xmpp_vmi *old = node->object ? node->object->data : NULL;

    /* The network is compared itself: whether it is in the view depends on
     * others, too. */
    if (!view_stamp_equals(&stamp, &node->stamp)
        || (old && old->network != network)) {
        view_set_object(v, node, make_vmi(v, node, network), &stamp);
    }
}

/* Ports. */

static void
destroy_group(struct view_object *object)
{
    struct view_group *g = CONTAINER_OF(object, struct view_group, object);

    for (size_t i = 0; i < g->n_ports; i++) {
        struct xmpp_port *port = &g->ports[i];
        free(port->switch_name);
        free(port->port);
    }
    free(g->ports);
    free(g);
}

/* What the ports of a logical interface have in common. */
struct port_context {
    const struct xmpp_viewer *viewer;
    const struct xmpp_gnode *pi, *pr;
    struct view_group *group;
    uint16_t vlan;
    bool is_l3;
};

static void
add_port(const struct xmpp_gnode *node, void *c_)
{
    struct port_context *c = c_;
    struct view_group *g = c->group;

    if (!node->object) {
        return;
    }
    VIEW_GROW(g->ports, g->n_ports);
    g->ports[g->n_ports++] = (struct xmpp_port) {
        .switch_name = xstrdup(view_display_name(c->pr)),
        .port = xstrdup(view_display_name(c->pi)),
        .vlan = c->vlan,
        .is_l3 = c->is_l3,
        .vmi = node->object->data,
    };
}

/* Gets the VLAN.  Returns false if the interface is to be ignored. */
static bool
get_vlan(struct view_reader *r, uint16_t *vlan)
{
    const struct xmpp_node *tag = xmpp_node_child(
        xmpp_gnode_xml(r->node), "logical-interface-vlan-tag");
    uint64_t value;

    /* The real agent ignores one without tag, empty being 0 as everywhere. */
    if (!tag) {
        return false;
    }
    if (xmpp_value_uint(tag->text, VLAN_VID_MASK - 1, &value)) {
        view_bad(r, tag->name, tag->text);
        return false;
    }
    *vlan = value;
    return true;
}

static struct view_object *
make_group(struct port_context *c, const struct xmpp_gnode *li)
{
    struct view_reader r = { .node = li };
    struct view_group *g = xzalloc(sizeof *g);

    g->object = (struct view_object) {
        .kind = VIEW_GROUPS,
        .destroy = destroy_group,
    };
    c->group = g;
    c->is_l3 = !strcmp(xmpp_node_text(xmpp_gnode_xml(li),
                                      "logical-interface-type"), "l3");
    if (view_is_complete(li) && get_vlan(&r, &c->vlan)) {
        xmpp_gnode_for_each_neighbour(li, c->viewer->names[VIEW_LI_VMI],
                                      c->viewer->names[VIEW_VMI], add_port,
                                      c);
    }
    g->object.n_bad = r.n_bad;
    return &g->object;
}

/* Whether the ports refer to the interfaces as they are now.  Which they are
 * is in the stamp. */
static bool
group_is_current(const struct xmpp_gnode *li)
{
    const struct view_group *g = CONTAINER_OF(li->object, struct view_group,
                                              object);

    for (size_t i = 0; i < g->n_ports; i++) {
        const struct view_vmi *vmi = CONTAINER_OF(g->ports[i].vmi,
                                                  struct view_vmi, vmi);

        if (vmi->object.retired) {
            return false;
        }
    }
    return true;
}

void
view_group(struct xmpp_viewer *v, struct xmpp_gnode *li,
           const struct xmpp_gnode *pi, const struct xmpp_gnode *pr,
           struct xmpp_stamp stamp)
{
    struct port_context c = { .viewer = v, .pi = pi, .pr = pr };
    const struct xmpp_glink_end *end;

    VIEW_FOR_EACH_END (end, li) {
        const struct xmpp_gnode *vmi = view_end(v, end, VIEW_LI_VMI,
                                                VIEW_VMI);
        if (vmi) {
            view_stamp(&stamp, end->link->added_at);
            view_stamp(&stamp, vmi->props_at);
        }
    }
    if (!view_stamp_equals(&stamp, &li->stamp) || !group_is_current(li)) {
        view_set_object(v, li, make_group(&c, li), &stamp);
    }
}
