/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/wire/heard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tsn/error.h"
#include "tsn/model.h"
#include "util.h"
#include "xmpp/graph.h"
#include "xmpp/stanza.h"
#include "xmpp/view.h"
#include "xmpp/xml.h"

void
heard_init(struct heard *h)
{
    memset(h, 0, sizeof *h);
    xmpp_stream_init(&h->stream);
    ds_init(&h->header);
    shash_init(&h->routes);
    h->graph = xmpp_graph_create();
}

void
heard_fini(struct heard *h)
{
    xmpp_stream_fini(&h->stream);
    ds_destroy(&h->header);
    shash_destroy_free_data(&h->routes);
    xmpp_graph_destroy(h->graph);
}

void
heard_reset(struct heard *h)
{
    heard_fini(h);
    heard_init(h);
}

/* Attributes in alphabetical order, of which there are few. */
static void
put_meaning(const struct xmpp_node *node, int depth, struct ds *ds)
{
    const char *last = "";

    ds_put_format(ds, "%*s%s", depth, "", node->name);
    for (;;) {
        const struct xmpp_attr *next = NULL;
        for (const struct xmpp_attr *a = node->attrs; a; a = a->next) {
            if (strcmp(a->name, last) > 0
                && (!next || strcmp(a->name, next->name) < 0)) {
                next = a;
            }
        }
        if (!next) {
            break;
        }
        ds_put_format(ds, " %s=\"%s\"", next->name, next->value);
        last = next->name;
    }
    ds_put_format(ds, " %s\n", node->children ? "" : node->text);
    for (const struct xmpp_node *c = node->children; c; c = c->next) {
        put_meaning(c, depth + 1, ds);
    }
}

static void
hear_route(struct heard *h, const struct xmpp_stanza *st,
           const struct xmpp_node *item)
{
    const char *id = xmpp_node_attr(item, "id");
    struct ds ds = DS_EMPTY_INITIALIZER;

    assert_non_null(id);
    char *key = xasprintf("%s %s", st->node, id);
    free(shash_find_and_delete(&h->routes, key));
    if (!strcmp(item->name, "item")) {
        put_meaning(item, 0, &ds);
        shash_add(&h->routes, key, ds_steal_cstr(&ds));
    }
    free(key);
}

static void
hear_stanza(struct heard *h, const char *data, size_t size)
{
    struct xmpp_stanza st;
    struct tsn_err err;

    if (xmpp_stanza_parse(data, size, &st, &err)) {
        h->n_bad++;
        return;
    }
    if (st.type == XMPP_CONFIG) {
        h->n_config++;
        xmpp_graph_apply(h->graph, st.body);
    } else if (st.end_of_rib) {
        h->n_end_of_rib++;
    } else if (st.family == XMPP_FAMILY_EVPN) {
        for (const struct xmpp_node *c = st.body->children; c; c = c->next) {
            hear_route(h, &st, c);
        }
    }
    xmpp_stanza_fini(&st);
}

void
heard_bytes(struct heard *h, const char *data, size_t size)
{
    struct xmpp_stream_event event;

    assert_int_equal(xmpp_stream_push(&h->stream, data, size), 0);
    do {
        assert_int_equal(xmpp_stream_next(&h->stream, &event), 0);
        if (event.type == XMPP_STREAM_OPEN) {
            ds_put_buffer(&h->header, event.data, event.size);
        } else if (event.type == XMPP_STREAM_BLANK) {
            h->n_keepalives += memchr(event.data, '\xc8', event.size) != NULL;
        } else if (event.type == XMPP_STREAM_STANZA) {
            hear_stanza(h, event.data, event.size);
        }
    } while (event.type != XMPP_STREAM_NONE);
}

void
heard_put_config(const struct heard *h, const char *agent, struct ds *out)
{
    char *router = xasprintf(XMPP_VR_PREFIX "%s", agent);
    struct xmpp_view *view = xmpp_view_build(h->graph, router);

    for (size_t i = 0; i < view->n_networks; i++) {
        const struct xmpp_network *n = view->networks[i];
        ds_put_format(out, "network %s id=%u vni=%u\n", n->instance,
                      n->id, n->vni);
    }
    for (size_t i = 0; i < view->n_switches; i++) {
        char ip[TSN_IP_STRLEN];
        ds_put_format(out, "switch %s %s\n", view->switches[i]->name,
                      tsn_ip_format(&view->switches[i]->vtep, ip));
    }
    for (size_t i = 0; i < view->n_ports; i++) {
        const struct xmpp_port *p = view->ports[i];
        ds_put_format(out, "port %s %s vlan=%u %s\n", p->switch_name,
                      p->port, p->vlan, p->vmi && p->vmi->network
                                        ? p->vmi->network->instance : "-");
    }
    xmpp_view_destroy(view);
    free(router);
}

bool
heard_equal_routes(const struct heard *ours, const struct heard *recorded,
                   struct ds *why)
{
    const struct shash_node *node;

    SHASH_FOR_EACH (node, &recorded->routes) {
        const char *item = shash_find_data(&ours->routes, node->name);

        if (!item || strcmp(item, node->data)) {
            ds_put_format(why, "%s\nours:\n%s\nrecorded:\n%s", node->name,
                          item ? item : "nothing", (char *) node->data);
            return false;
        }
    }
    SHASH_FOR_EACH (node, &ours->routes) {
        if (!shash_find(&recorded->routes, node->name)) {
            ds_put_format(why, "%s\nours:\n%s\nrecorded:\nnothing",
                          node->name, (char *) node->data);
            return false;
        }
    }
    return true;
}
