/* SPDX-License-Identifier: Apache-2.0 */
/* A stanza's bytes: what parses is written again, and must then parse to the
 * same tree; anything at all is escaped to something that parses; what the
 * reader of plain XML takes, libxml2 takes for the same. */
#include <config.h>

#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

#include "tsn/error.h"
#include "xmpp/xml-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put(struct ds *out, const struct xmpp_node *node)
{
    ds_put_format(out, "<%s", node->name);
    for (const struct xmpp_attr *a = node->attrs; a; a = a->next) {
        ds_put_format(out, " %s=\"", a->name);
        xmpp_xml_escape(out, a->value);
        ds_put_char(out, '"');
    }
    ds_put_char(out, '>');
    xmpp_xml_escape(out, node->text);
    for (const struct xmpp_node *c = node->children; c; c = c->next) {
        ovs_assert(c->parent == node);
        put(out, c);
    }
    ds_put_format(out, "</%s>", node->name);
}

static struct xmpp_xml *
reparse(const struct ds *s)
{
    struct xmpp_xml *xml = NULL;
    struct tsn_err err;
    int error = xmpp_xml_parse(s->string, s->length, &xml, &err);

    if (error) {
        ovs_fatal(0, "%s: %s", s->string, tsn_err_format(&err));
    }
    return xml;
}

static void
compare_readers(const char *data, size_t size)
{
    struct ds plain = DS_EMPTY_INITIALIZER, any = DS_EMPTY_INITIALIZER;
    struct xmpp_xml *xml = xmpp_xml_parse_plain(data, size);
    struct tsn_err err;

    if (!xml) {
        return;
    }
    put(&plain, xmpp_xml_root(xml));
    xmpp_xml_destroy(xml);
    if (xmpp_xml_parse_any(data, size, &xml, &err)) {
        ovs_fatal(0, "%s: %s", plain.string, tsn_err_format(&err));
    }
    put(&any, xmpp_xml_root(xml));
    xmpp_xml_destroy(xml);
    ovs_assert(!strcmp(ds_cstr(&plain), ds_cstr(&any)));
    ds_destroy(&plain);
    ds_destroy(&any);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ds first = DS_EMPTY_INITIALIZER, second = DS_EMPTY_INITIALIZER;
    struct xmpp_xml *xml;
    struct tsn_err err;

    compare_readers((const char *) data, size);
    if (!xmpp_xml_parse((const char *) data, size, &xml, &err)) {
        put(&first, xmpp_xml_root(xml));
        xmpp_xml_destroy(xml);

        xml = reparse(&first);
        put(&second, xmpp_xml_root(xml));
        xmpp_xml_destroy(xml);
        ovs_assert(!strcmp(ds_cstr(&first), ds_cstr(&second)));
    }

    char *s = xmemdup0((const char *) data, size);
    ds_clear(&first);
    ds_put_cstr(&first, "<a b=\"");
    xmpp_xml_escape(&first, s);
    ds_put_cstr(&first, "\">");
    xmpp_xml_escape(&first, s);
    ds_put_cstr(&first, "</a>");
    xml = reparse(&first);
    ovs_assert(!strcmp(xmpp_xml_root(xml)->text,
                       xmpp_node_attr(xmpp_xml_root(xml), "b")));
    xmpp_xml_destroy(xml);

    free(s);
    ds_destroy(&first);
    ds_destroy(&second);
    return 0;
}
