/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration stanzas, one behind the other with a NUL byte between, into a
 * graph; an empty one begins a new session, a second empty one ends its
 * download.  The view must be consistent whatever they said. */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "util.h"

#include "tests/unit/xmpp-view-dump.h"
#include "tsn/error.h"
#include "xmpp/graph.h"
#include "xmpp/view.h"
#include "xmpp/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VR "default-global-system-config:tor-agent-1"

/* The view that 'viewer' makes of the changes must be that of the whole. */
static void
check(struct xmpp_viewer *viewer)
{
    struct xmpp_view *view = xmpp_viewer_build(viewer);

    for (size_t i = 0; i < view->n_networks; i++) {
        ovs_assert(xmpp_view_network(view, view->networks[i]->instance)
                   == view->networks[i]);
        ovs_assert(view->networks[i]->vni <= TSN_VNI_MAX);
    }
    for (size_t i = 0; i < view->n_vmis; i++) {
        const struct xmpp_network *network = view->vmis[i]->network;

        ovs_assert(!i || strcmp(view->vmis[i - 1]->name, view->vmis[i]->name)
                         < 0);
        ovs_assert(!network || xmpp_view_network(view, network->instance)
                               == network);
    }
    for (size_t i = 0; i < view->n_ports; i++) {
        const struct xmpp_vmi *vmi = view->ports[i]->vmi;
        size_t j = 0;

        while (j < view->n_vmis && view->vmis[j] != vmi) {
            j++;
        }
        ovs_assert(j < view->n_vmis);
        ovs_assert(view->ports[i]->vlan < 4095);
    }
    for (size_t i = 0; i < view->n_ipams; i++) {
        ovs_assert(xmpp_view_ipam(view, view->ipams[i]->name)
                   == view->ipams[i]);
    }
    xmpp_view_destroy(view);
}

/* As text, with all that it refers to. */
static char *
dump(struct xmpp_viewer *viewer)
{
    struct xmpp_view *view = xmpp_viewer_build(viewer);
    char *s = dump_view(view);

    xmpp_view_destroy(view);
    return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xmpp_graph *graph = xmpp_graph_create();
    struct xmpp_viewer *viewer = xmpp_viewer_create(graph, VR);
    const char *s = (const char *) data, *end = s + size;
    bool stale = false;

    while (s < end) {
        const char *nul = memchr(s, '\0', end - s);
        size_t n = (nul ? nul : end) - s;
        uint64_t seqno = xmpp_graph_seqno(graph);
        struct xmpp_xml *xml;
        struct tsn_err err;

        if (!n) {
            if (stale) {
                xmpp_graph_sweep(graph);
            } else {
                xmpp_graph_mark_stale(graph);
            }
            stale = !stale;
        } else if (!xmpp_xml_parse(s, n, &xml, &err)) {
            const struct xmpp_node *root = xmpp_xml_root(xml);
            const struct xmpp_node *config = xmpp_node_child(root, "config");
            size_t changed = xmpp_graph_apply(graph, config ? config : root);

            ovs_assert((changed != 0)
                       == (xmpp_graph_seqno(graph) != seqno));
            xmpp_xml_destroy(xml);
            check(viewer);
        }
        s += n + 1;
    }
    check(viewer);

    char *text = dump(viewer);
    xmpp_viewer_destroy(viewer);
    viewer = xmpp_viewer_create(graph, VR);
    char *again = dump(viewer);
    ovs_assert(!strcmp(text, again));
    free(text);
    free(again);

    /* Nothing is left when nothing is sent again. */
    xmpp_graph_mark_stale(graph);
    xmpp_graph_sweep(graph);
    ovs_assert(!xmpp_graph_n_nodes(graph));
    check(viewer);
    xmpp_viewer_destroy(viewer);
    xmpp_graph_destroy(graph);
    return 0;
}
