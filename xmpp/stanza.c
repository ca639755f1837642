/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/stanza.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "tsn/error.h"
#include "util.h"
#include "xmpp/repair.h"
#include "xmpp/xml-put.h"
#include "xmpp/xml.h"

#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_STREAM "http://etherx.jabber.org/streams"
#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define END_OF_RIB "0/0/EndOfRib"

static const char *
attr_or_empty(const struct xmpp_node *node, const char *name)
{
    const char *value = xmpp_node_attr(node, name);
    return value ? value : "";
}

/* The resource is what stands behind the last slash of a JID.  Peers look for
 * its name anywhere in the JID (1.10); we do so only when the proper place has
 * none, as a host may be called "config1". */
static enum xmpp_resource
parse_resource(const char *to)
{
    const char *slash = strrchr(to, '/');

    if (slash && !strcmp(slash, "/bgp-peer")) {
        return XMPP_RESOURCE_BGP;
    } else if (slash && !strcmp(slash, "/config")) {
        return XMPP_RESOURCE_CONFIG;
    }
    return strstr(to, "bgp-peer") ? XMPP_RESOURCE_BGP
           : strstr(to, "config") ? XMPP_RESOURCE_CONFIG
           : XMPP_RESOURCE_NONE;
}

/* "AFI/SAFI[/rest]".  Returns the family, 0 if it is none, and the rest. */
static uint32_t
parse_family(const char *node, const char **rest)
{
    unsigned int afi, safi;
    int n = 0;

    if (sscanf(node, "%5u/%3u%n", &afi, &safi, &n) != 2
        || afi > UINT16_MAX || safi > UINT8_MAX
        || (node[n] && node[n] != '/')) {
        return 0;
    }
    if (rest) {
        *rest = node[n] ? node + n + 1 : node + n;
    }
    return XMPP_FAMILY(afi, safi);
}

static void
set_ignored(struct xmpp_stanza *st, const char *why)
{
    st->type = XMPP_IGNORED;
    st->why = why;
}

static void
parse_subscribe(const struct xmpp_node *pubsub, const struct xmpp_node *action,
                struct xmpp_stanza *st)
{
    /* Agents put <options> inside, older ones beside (2.1). */
    const struct xmpp_node *options = xmpp_node_child(action, "options");
    if (!options) {
        options = xmpp_node_child(pubsub, "options");
    }
    const char *id = xmpp_node_text(options, "instance-id");
    const char *no_ribout = xmpp_node_text(options, "no-ribout");
    char *end;

    st->type = !strcmp(action->name, "subscribe") ? XMPP_SUBSCRIBE
                                                  : XMPP_UNSUBSCRIBE;
    st->node = attr_or_empty(action, "node");
    if (*id) {
        errno = 0;
        long long value = strtoll(id, &end, 10);
        if (end != id && !errno) {
            st->instance_id = value;
        }
    }
    st->no_ribout = *no_ribout && strchr("1tTyY", *no_ribout);
    if (!*st->node) {
        set_ignored(st, "subscription without node");
    }
}

static void
parse_pubsub(const struct xmpp_node *pubsub, struct xmpp_stanza *st)
{
    const struct xmpp_node *action = pubsub->children;

    if (!action) {
        set_ignored(st, "empty pubsub");
    } else if (!strcmp(action->name, "subscribe")
               || !strcmp(action->name, "unsubscribe")) {
        parse_subscribe(pubsub, action, st);
    } else if (!strcmp(action->name, "publish")) {
        st->type = XMPP_PUBLISH;
        st->node = attr_or_empty(action, "node");
        st->family = parse_family(st->node, NULL);
        st->body = xmpp_node_child(action, "item");
        st->end_of_rib = !*st->node && !st->body;
    } else if (!strcmp(action->name, "collection")) {
        const struct xmpp_node *member = xmpp_node_child(action, "associate");
        st->type = XMPP_COLLECTION;
        st->associate = member != NULL;
        if (!member) {
            member = xmpp_node_child(action, "dissociate");
        }
        st->node = attr_or_empty(action, "node");
        st->item_node = attr_or_empty(member, "node");
        st->family = parse_family(st->item_node, NULL);
        st->end_of_rib = !*st->node && !member;
    } else {
        set_ignored(st, "unknown pubsub action");
    }
}

static void
parse_iq(const struct xmpp_node *iq, struct xmpp_stanza *st)
{
    const struct xmpp_node *pubsub = xmpp_node_child(iq, "pubsub");
    const struct xmpp_node *config = xmpp_node_child(iq, "config");

    if (strcmp(attr_or_empty(iq, "type"), "set")) {
        set_ignored(st, "iq type is not \"set\"");
    } else if (config) {
        st->type = XMPP_CONFIG;
        st->body = config;
    } else if (pubsub) {
        parse_pubsub(pubsub, st);
    } else {
        set_ignored(st, "iq without pubsub or config");
    }
}

static void
parse_message(const struct xmpp_node *message, struct xmpp_stanza *st)
{
    const struct xmpp_node *event = xmpp_node_child(message, "event");
    const struct xmpp_node *items = xmpp_node_child(event, "items");
    const char *node = attr_or_empty(items, "node");

    if (!items) {
        set_ignored(st, "message without items");
        return;
    }
    st->type = XMPP_EVENT;
    st->body = items;
    if (!strcmp(node, END_OF_RIB)) {
        st->end_of_rib = true;
        return;
    }
    st->family = parse_family(node, &st->node);
    if (!st->family) {
        set_ignored(st, "items without address family");
    }
}

/* Parses a stanza that is not well-formed once more, with the one thing put
 * right that real control nodes get wrong. */
static bool
parse_repaired(const char *data, size_t size, struct xmpp_xml **xmlp)
{
    struct ds text = DS_EMPTY_INITIALIZER;
    struct tsn_err err;
    bool ok = xmpp_repair_items_node(data, size, &text)
              && !xmpp_xml_parse(text.string, text.length, xmlp, &err);

    ds_destroy(&text);
    return ok;
}

int
xmpp_stanza_parse(const char *data, size_t size, struct xmpp_stanza *st,
                  struct tsn_err *err)
{
    struct xmpp_xml *xml;
    int retval = xmpp_xml_parse(data, size, &xml, err);
    bool repaired = retval == -EBADMSG && parse_repaired(data, size, &xml);

    if (retval && !repaired) {
        return retval;
    }
    const struct xmpp_node *root = xmpp_xml_root(xml);
    *st = (struct xmpp_stanza) {
        .from = attr_or_empty(root, "from"),
        .to = attr_or_empty(root, "to"),
        .why = "", .node = "", .item_node = "",
        .instance_id = -1,
        .repaired = repaired,
        .xml = xml,
    };
    st->resource = parse_resource(st->to);
    if (!strcmp(root->name, "iq")) {
        parse_iq(root, st);
    } else if (!strcmp(root->name, "message")) {
        parse_message(root, st);
    } else {
        set_ignored(st, "neither iq nor message");
    }
    if (st->type != XMPP_IGNORED && st->resource == XMPP_RESOURCE_NONE) {
        set_ignored(st, "unknown resource in \"to\"");
    } else if (st->type == XMPP_CONFIG
               && st->resource != XMPP_RESOURCE_CONFIG) {
        set_ignored(st, "configuration on another channel");
    } else if (st->type == XMPP_EVENT && st->resource != XMPP_RESOURCE_BGP) {
        set_ignored(st, "routes on another channel");
    }
    return 0;
}

void
xmpp_stanza_fini(struct xmpp_stanza *st)
{
    xmpp_xml_destroy(st->xml);
    st->xml = NULL;
}

int
xmpp_header_parse(const char *data, size_t size, char *from, size_t from_size,
                  struct tsn_err *err)
{
    static const char close[] = "</stream:stream>";
    struct xmpp_xml *xml;
    struct ds text = DS_EMPTY_INITIALIZER;

    ds_put_buffer(&text, data, size);
    if (size < 2 || data[size - 2] != '/') {
        ds_put_cstr(&text, close);
    }
    int retval = xmpp_xml_parse(ds_cstr(&text), text.length, &xml, err);
    ds_destroy(&text);
    if (retval) {
        return retval;
    }
    snprintf(from, from_size, "%s",
             attr_or_empty(xmpp_xml_root(xml), "from"));
    xmpp_xml_destroy(xml);
    return 0;
}

static void
put_attr(struct ds *out, const char *name, const char *value)
{
    xmpp_put3(out, " ", name, "=\"");
    xmpp_xml_escape(out, value);
    ds_put_char(out, '"');
}

void
xmpp_put_client_header(struct ds *out, const char *name,
                       const char *subcluster)
{
    ds_put_cstr(out, "<stream:stream");
    put_attr(out, "from", name);
    ds_put_cstr(out, " to=\"" XMPP_CONTROL_JID "\" version=\"1.0\""
                " xml:lang=\"en\"");
    put_attr(out, "xmlns", subcluster ? subcluster : "");
    ds_put_cstr(out, " xmlns:stream=\"" NS_STREAM "\" >");
}

void
xmpp_put_server_header(struct ds *out, const char *host, const char *client)
{
    ds_put_cstr(out, "<stream:stream");
    put_attr(out, "from", host);
    put_attr(out, "to", client);
    ds_put_cstr(out, " id=\"++123\" version=\"1.0\" xml:lang=\"en\""
                " xmlns=\"jabber:client\" xmlns:stream=\"" NS_STREAM "\" >");
}

void
xmpp_put_keepalive(struct ds *out)
{
    ds_put_cstr(out, "\xc8\x80");
}

/* As the real ones write it. */
#define DECLARATION "<?xml version=\"1.0\"?>\n"

void
xmpp_put_features(struct ds *out)
{
    ds_put_cstr(out, DECLARATION "<stream:features>\n"
                "<starttls xmlns=\"" NS_TLS "\">\n<required />\n"
                "</starttls>\n</stream:features>\n");
}

void
xmpp_put_starttls(struct ds *out)
{
    ds_put_cstr(out, DECLARATION "<starttls xmlns=\"" NS_TLS "\" />\n");
}

void
xmpp_put_proceed(struct ds *out)
{
    ds_put_cstr(out, DECLARATION "<proceed xmlns=\"" NS_TLS "\" />\n");
}

bool
xmpp_features_have_tls(const char *text, size_t size)
{
    return memmem(text, size, "<starttls", strlen("<starttls"))
           && memmem(text, size, NS_TLS, strlen(NS_TLS));
}

static void
put_iq_begin(struct ds *out, const char *name, const char *resource)
{
    ds_put_cstr(out, "<iq type=\"set\"");
    put_attr(out, "from", name);
    xmpp_put3(out, " to=\"" XMPP_CONTROL_JID "/", resource, "\"");
}

static void
put_id(struct ds *out, const char *what, const char *kind, unsigned int id)
{
    xmpp_put3(out, " id=\"", what, kind);
    xmpp_put_number(out, id);
    ds_put_char(out, '"');
}

static void
put_pubsub_begin(struct ds *out)
{
    ds_put_cstr(out, ">\n<pubsub xmlns=\"" NS_PUBSUB "\">\n");
}

static void
put_pubsub_end(struct ds *out)
{
    ds_put_cstr(out, "</pubsub>\n</iq>\n");
}

void
xmpp_put_subscribe(struct ds *out, const char *name, bool subscribe,
                   const char *instance, uint32_t instance_id, unsigned int id)
{
    const char *action = subscribe ? "subscribe" : "unsubscribe";

    put_iq_begin(out, name, "bgp-peer");
    ds_put_format(out, " id=\"subscribe%u\"", id);
    put_pubsub_begin(out);
    ds_put_format(out, "<%s", action);
    put_attr(out, "node", instance);
    ds_put_format(out, ">\n<options>\n<instance-id>%"PRIu32"</instance-id>\n"
                  "</options>\n</%s>\n", instance_id, action);
    put_pubsub_end(out);
}

void
xmpp_put_config_subscribe(struct ds *out, const char *name)
{
    put_iq_begin(out, name, "config");
    put_pubsub_begin(out);
    ds_put_cstr(out, "<subscribe node=\"virtual-router:" XMPP_VR_PREFIX);
    xmpp_xml_escape(out, name);
    ds_put_cstr(out, "\" />\n");
    put_pubsub_end(out);
}

void
xmpp_put_client_end_of_rib(struct ds *out, const char *name, unsigned int id)
{
    static const char *const actions[] = { "publish", "collection" };

    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        put_iq_begin(out, name, "bgp-peer");
        ds_put_format(out, " id=\"eor%u\"", id);
        put_pubsub_begin(out);
        ds_put_format(out, "<%s />\n", actions[i]);
        put_pubsub_end(out);
    }
}

void
xmpp_put_publish(struct ds *out, const char *name, const char *kind,
                 unsigned int id, const char *item_node, const char *entry,
                 const char *instance, bool associate)
{
    put_iq_begin(out, name, "bgp-peer");
    put_id(out, "pubsub_", kind, id);
    put_pubsub_begin(out);
    ds_put_cstr(out, "<publish");
    put_attr(out, "node", item_node);
    xmpp_put3(out, ">\n<item>\n", entry, "</item>\n</publish>\n");
    put_pubsub_end(out);

    put_iq_begin(out, name, "bgp-peer");
    /* An agent's names. */
    put_id(out, "collection", strcmp(kind, "b") ? "_l2" : "", id);
    put_pubsub_begin(out);
    ds_put_cstr(out, "<collection");
    put_attr(out, "node", instance);
    ds_put_cstr(out, associate ? ">\n<associate" : ">\n<dissociate");
    put_attr(out, "node", item_node);
    ds_put_cstr(out, " />\n</collection>\n");
    put_pubsub_end(out);
}

static void
put_message_begin(struct ds *out, const char *client)
{
    ds_put_cstr(out, "\n<message from=\"" XMPP_CONTROL_JID "\" to=\"");
    xmpp_xml_escape(out, client);
    ds_put_cstr(out, "/bgp-peer\">\n\t<event xmlns=\"" NS_PUBSUB "\">\n");
}

void
xmpp_put_event_begin(struct ds *out, const char *client, uint32_t family,
                     const char *instance)
{
    put_message_begin(out, client);
    ds_put_format(out, "\t\t<items node=\"%u/%u/", family >> 16,
                  family & 0xffff);
    xmpp_xml_escape(out, instance);
    ds_put_cstr(out, "\">\n");
}

void
xmpp_put_item(struct ds *out, const char *item_id, const char *entry)
{
    ds_put_cstr(out, "\t\t\t<item");
    put_attr(out, "id", item_id);
    xmpp_put3(out, ">\n", entry, "\t\t\t</item>\n");
}

void
xmpp_put_retract(struct ds *out, const char *item_id)
{
    ds_put_cstr(out, "\t\t\t<retract");
    put_attr(out, "id", item_id);
    ds_put_cstr(out, " />\n");
}

void
xmpp_put_event_end(struct ds *out)
{
    ds_put_cstr(out, "\t\t</items>\n\t</event>\n</message>\n");
}

void
xmpp_put_server_end_of_rib(struct ds *out, const char *client)
{
    put_message_begin(out, client);
    ds_put_cstr(out, "<items node=\"" END_OF_RIB "\"></items>\n"
                "\t</event>\n</message>\n");
}
