/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration stanzas, one behind the other with a NUL byte between, into a
 * graph; an empty one begins a new session, a second empty one ends its
 * download.  The view must be consistent whatever they said. */
#include <config.h>

#include <string.h>

#include "util.h"

#include "tsn/error.h"
#include "xmpp/graph.h"
#include "xmpp/view.h"
#include "xmpp/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct xmpp_graph *graph)
{
    struct xmpp_view *view = xmpp_view_build(graph);

    for (size_t i = 0; i < view->n_networks; i++) {
        ovs_assert(xmpp_view_network(view, view->networks[i].instance)
                   == &view->networks[i]);
        ovs_assert(view->networks[i].vni <= TSN_VNI_MAX);
    }
    for (size_t i = 0; i < view->n_vmis; i++) {
        const struct xmpp_network *network = view->vmis[i].network;

        ovs_assert(!i || strcmp(view->vmis[i - 1].name, view->vmis[i].name)
                         < 0);
        ovs_assert(!network || (network >= view->networks
                                && network < (view->networks
                                              + view->n_networks)));
    }
    for (size_t i = 0; i < view->n_ports; i++) {
        ovs_assert(view->ports[i].vlan < 4095);
        ovs_assert(view->ports[i].vmi >= view->vmis
                   && view->ports[i].vmi < view->vmis + view->n_vmis);
    }
    xmpp_view_destroy(view);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct xmpp_graph *graph = xmpp_graph_create();
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
            check(graph);
        }
        s += n + 1;
    }
    check(graph);

    /* Nothing is left when nothing is sent again. */
    xmpp_graph_mark_stale(graph);
    xmpp_graph_sweep(graph);
    ovs_assert(!xmpp_graph_n_nodes(graph));
    xmpp_graph_destroy(graph);
    return 0;
}
