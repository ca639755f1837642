/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the whole cloud. */
#include <config.h>
#include "xmpp/view-private.h"

#include <string.h>

#include "xmpp/xml.h"

/* Hold times that fast-convergence-parameters may have (1.8). */
#define MAX_HOLD_S 90

/* What the graceful restart parameters are when not set, and the longest that
 * they may be (4.6). */
#define GR_DEFAULT_S 300
#define GR_MAX_S 86400

/* The first node of 'type' among the neighbours of 'node' (which may be NULL),
 * else of all: a control node sends one. */
static const struct xmpp_gnode *
find_global(const struct xmpp_viewer *v, const struct xmpp_gnode *node,
            enum view_name link, enum view_name type)
{
    const struct xmpp_gnode *found
        = node ? xmpp_gnode_neighbour(node, v->names[link], v->names[type])
               : NULL;
    size_t n;

    struct xmpp_gnode **nodes = xmpp_gtype_sorted(v->graph, v->names[type],
                                                  &n);
    for (size_t i = 0; i < n && !found; i++) {
        found = nodes[i] && nodes[i]->props ? nodes[i] : NULL;
    }
    return found;
}

static uint32_t
get_gr_time(struct view_reader *r, const struct xmpp_node *gr,
            const char *name)
{
    return *xmpp_node_text(gr, name) ? view_uint(r, gr, name, GR_MAX_S)
                                     : GR_DEFAULT_S;
}

static void
read_system_config(struct xmpp_view *view, const struct xmpp_gnode *node)
{
    const struct xmpp_node *xml = xmpp_gnode_xml(node);
    const struct xmpp_node *fast = xmpp_node_child(
        xml, "fast-convergence-parameters");
    const struct xmpp_node *gr = xmpp_node_child(
        xml, "graceful-restart-parameters");
    struct view_reader r = { .node = node };

    view->globals.autonomous_system = view_uint(&r, xml, "autonomous-system",
                                                UINT32_MAX);
    if (view_bool(&r, fast, "enable")) {
        view->hold_s = view_uint(&r, fast, "xmpp-hold-time", MAX_HOLD_S);
    }
    view->globals.gr = (struct xmpp_graceful_restart) {
        .enable = view_bool(&r, gr, "enable"),
        .bgp_helper = view_bool(&r, gr, "bgp-helper-enable"),
        .xmpp_helper = view_bool(&r, gr, "xmpp-helper-enable"),
        .restart_s = get_gr_time(&r, gr, "restart-time"),
        .long_lived_restart_s = get_gr_time(&r, gr,
                                            "long-lived-restart-time"),
        .end_of_rib_s = get_gr_time(&r, gr, "end-of-rib-timeout"),
    };
    view->graceful_restart = view->globals.gr.enable
                             && view->globals.gr.xmpp_helper;
    view->n_bad += r.n_bad;
}

static void
add_encap(struct view_reader *r, struct xmpp_globals *globals,
          const char *name)
{
    static const struct {
        const char *name;
        enum tsn_encap encap;
    } encaps[] = {
        { "VXLAN", TSN_ENCAP_VXLAN },
        { "MPLSoUDP", TSN_ENCAP_MPLS_UDP },
        { "MPLSoGRE", TSN_ENCAP_MPLS_GRE },
    };

    for (size_t i = 0; i < ARRAY_SIZE(encaps); i++) {
        if (!strcmp(name, encaps[i].name)) {
            for (size_t j = 0; j < globals->n_encaps; j++) {
                if (globals->encaps[j] == encaps[i].encap) {
                    return;
                }
            }
            globals->encaps[globals->n_encaps++] = encaps[i].encap;
            return;
        }
    }
    view_bad(r, "encapsulation", name);
}

static void
read_vrouter_config(struct xmpp_view *view, const struct xmpp_gnode *node)
{
    const struct xmpp_node *xml = xmpp_gnode_xml(node);
    struct xmpp_globals *globals = &view->globals;
    struct view_reader r = { .node = node };
    const struct xmpp_node *encap;

    globals->vni_is_configured = !strcmp(
        xmpp_node_text(xml, "vxlan-network-identifier-mode"), "configured");
    globals->forwarding_mode = view_forwarding_mode(&r, xml);
    XMPP_NODE_FOR_EACH (encap, xmpp_node_child(xml,
                                               "encapsulation-priorities"),
                        "encapsulation") {
        add_encap(&r, globals, encap->text);
    }
    view->n_bad += r.n_bad;
}

void
view_read_globals(struct xmpp_viewer *v, struct xmpp_view *view)
{
    const struct xmpp_gnode *vr = xmpp_graph_find(
        v->graph, v->names[VIEW_VR], v->virtual_router);
    const struct xmpp_gnode *gsc = find_global(v, vr, VIEW_GSC_VR, VIEW_GSC);
    const struct xmpp_gnode *gvc = find_global(v, gsc, VIEW_GSC_GVC,
                                               VIEW_GVC);

    view->globals.gr = (struct xmpp_graceful_restart) {
        .restart_s = GR_DEFAULT_S,
        .long_lived_restart_s = GR_DEFAULT_S,
        .end_of_rib_s = GR_DEFAULT_S,
    };
    if (gsc) {
        read_system_config(view, gsc);
    }
    if (gvc) {
        read_vrouter_config(view, gvc);
    }
    if (view->globals.forwarding_mode == XMPP_FORWARDING_DEFAULT) {
        view->globals.forwarding_mode = XMPP_FORWARDING_L2_L3;
    }
}
