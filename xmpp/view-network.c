/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual networks. */
#include <config.h>
#include "xmpp/view-private.h"

#include <stdlib.h>
#include <string.h>

#include "xmpp/xml.h"

static bool
last_two_parts_equal(const char *fq_name)
{
    const char *last = view_last_part(fq_name);
    size_t length = strlen(last);

    if ((size_t) (last - fq_name) < length + 1) {
        return false;
    }
    const char *previous = last - 1 - length;
    return (previous == fq_name || previous[-1] == ':')
           && !memcmp(previous, last, length);
}

struct instances {
    struct view_reader *reader;
    struct xmpp_network *network;
    const struct xmpp_gnode *best;  /* The default one. */
    bool best_has_flag;
};

static void
add_instance(const struct xmpp_gnode *ri, void *i_)
{
    struct instances *i = i_;
    struct xmpp_network *network = i->network;
    bool flag = view_bool(i->reader, xmpp_gnode_xml(ri),
                          "routing-instance-is-default");

    VIEW_GROW(network->instances, network->n_instances);
    network->instances[network->n_instances++]
        = xstrdup(xmpp_gnode_name(ri));

    /* The flag before the name. */
    if ((flag || last_two_parts_equal(xmpp_gnode_name(ri)))
        && (!i->best || (flag && !i->best_has_flag))) {
        i->best = ri;
        i->best_has_flag = flag;
    }
}

/* The network id, by its old name if a control node does not send the new. */
static uint32_t
get_network_id(struct view_reader *r, const struct xmpp_node *vn)
{
    const char *name = "virtual-network-network-id";

    return xmpp_node_child(vn, name)
           ? view_uint(r, vn, name, UINT32_MAX)
           : view_uint(r, xmpp_node_child(vn, "virtual-network-properties"),
                       "network-id", UINT32_MAX);
}

/* The middle node of a link to a logical router whose inner network this
 * is. */
static bool
is_routed(const struct xmpp_viewer *v, const struct xmpp_gnode *middle)
{
    const struct xmpp_node *value = xmpp_node_child(xmpp_gnode_xml(middle),
                                                    "value");
    const struct xmpp_glink_end *end;

    if (strcmp(xmpp_node_text(value, "logical-router-virtual-network-type"),
               "InternalVirtualNetwork")) {
        return false;
    }
    VIEW_FOR_EACH_END (end, middle) {
        if (view_end(v, end, VIEW_LR_VN, VIEW_LR)) {
            return true;
        }
    }
    return false;
}

static bool
is_inner_network(const struct xmpp_viewer *v, const struct xmpp_gnode *vn)
{
    const struct xmpp_glink_end *end;

    VIEW_FOR_EACH_END (end, vn) {
        const struct xmpp_gnode *middle = view_end(v, end, VIEW_LR_VN,
                                                   VIEW_LR_VN);
        if (middle && is_routed(v, middle)) {
            return true;
        }
    }
    return false;
}

static uint32_t
get_vni(const struct xmpp_viewer *v, struct view_reader *r,
        const struct xmpp_node *properties,
        const struct xmpp_network *network)
{
    uint32_t configured = view_uint(r, properties, "vxlan-network-identifier",
                                    UINT32_MAX);
    uint32_t vni = v->vni_is_configured || (network->routed && configured)
                   ? configured : network->id;

    if (vni > TSN_VNI_MAX) {
        view_bad(r, "VNI", "(more than 24 bits)");
        return 0;
    }
    return vni;
}

static struct xmpp_stamp
stamp_network(const struct xmpp_viewer *v, const struct xmpp_gnode *vn)
{
    struct xmpp_stamp stamp = { .at = v->mode_at };
    const struct xmpp_glink_end *end, *end2;
    const struct xmpp_gnode *other, *router;

    view_stamp(&stamp, vn->props_at);
    VIEW_FOR_EACH_END (end, vn) {
        if ((other = view_end(v, end, VIEW_VN_RI, VIEW_RI)) != NULL) {
            view_stamp(&stamp, end->link->added_at);
            view_stamp(&stamp, other->props_at);
        } else if ((other = view_end(v, end, VIEW_LR_VN, VIEW_LR_VN))) {
            view_stamp(&stamp, end->link->added_at);
            view_stamp(&stamp, other->props_at);
            VIEW_FOR_EACH_END (end2, other) {
                router = view_end(v, end2, VIEW_LR_VN, VIEW_LR);
                if (router) {
                    view_stamp(&stamp, end2->link->added_at);
                    view_stamp(&stamp, router->props_at);
                }
            }
        }
    }
    view_stamp_subnets(v, vn, &stamp);
    return stamp;
}

static void
destroy_network(struct view_object *object)
{
    struct view_network *n = CONTAINER_OF(object, struct view_network,
                                          object);

    view_free_subnets(&n->network);
    for (size_t i = 0; i < n->network.n_instances; i++) {
        free(n->network.instances[i]);
    }
    free(n->network.instances);
    free(n->network.instance);
    free(n->network.name);
    free(n);
}

static struct view_object *
make_network(const struct xmpp_viewer *v, const struct xmpp_gnode *vn)
{
    const struct xmpp_node *xml = xmpp_gnode_xml(vn);
    const struct xmpp_node *properties
        = xmpp_node_child(xml, "virtual-network-properties");
    size_t others = v->n_subnet_items
                    - (vn->object ? vn->object->n_subnet_items : 0);
    struct view_reader r = {
        .node = vn,
        .max_subnet_items = VIEW_MAX_SUBNET_ITEMS - MIN(VIEW_MAX_SUBNET_ITEMS,
                                                        others),
    };
    char uuid[XMPP_UUID_STRLEN];

    if (!xmpp_gnode_uuid(vn, uuid)) {
        return NULL;
    }

    struct view_network *n = xzalloc(sizeof *n);
    struct xmpp_network *network = &n->network;
    struct instances instances = { .reader = &r, .network = network };

    n->object = (struct view_object) {
        .kind = VIEW_NETWORKS,
        .destroy = destroy_network,
        .data = network,
    };
    xmpp_gnode_for_each_neighbour(vn, v->names[VIEW_VN_RI],
                                  v->names[VIEW_RI], add_instance,
                                  &instances);
    if (!instances.best) {
        destroy_network(&n->object);
        return NULL;
    }
    BUILD_ASSERT_DECL(sizeof uuid == sizeof network->uuid);
    memcpy(network->uuid, uuid, sizeof uuid);
    snprintf(network->ls_name, sizeof network->ls_name, TSN_LS_PREFIX "%s",
             uuid);
    network->instance = xstrdup(xmpp_gnode_name(instances.best));
    network->name = xstrdup(xmpp_gnode_name(vn));
    network->id = get_network_id(&r, xml);
    network->routed = is_inner_network(v, vn);
    network->vni = get_vni(v, &r, properties, network);
    network->flood_unknown_unicast = view_bool(&r, xml,
                                               "flood-unknown-unicast");
    network->control_word = view_bool(&r, xml, "layer2-control-word");
    network->port_security = view_bool_true(&r, xml, "port-security-enabled");
    network->forwarding_mode = view_forwarding_mode(&r, properties);
    network->mtu = view_uint(&r, properties, "mtu", UINT16_MAX);
    view_add_subnets(&r, network, vn);
    n->object.n_bad = r.n_bad;
    n->object.n_subnet_items = r.n_subnet_items;
    return &n->object;
}

void
view_network(struct xmpp_viewer *v, struct xmpp_gnode *vn)
{
    struct xmpp_stamp stamp = stamp_network(v, vn);

    if (!view_stamp_equals(&stamp, &vn->stamp)) {
        view_set_object(v, vn, make_network(v, vn), &stamp);
    }
}
