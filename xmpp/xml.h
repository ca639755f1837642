/* SPDX-License-Identifier: Apache-2.0 */
/* One stanza's XML as a small tree, and the escaping for what we write.
 *
 * The only user of libxml2 (SAX, no DTD, no entities but the predefined ones,
 * no network).  Names are compared literally, prefixes are never resolved, as
 * every peer does (spec/xmpp-protocol.md 1.5).  A tree lives in one arena that
 * is freed at once.  No I/O, any thread. */
#ifndef XMPP_XML_H
#define XMPP_XML_H 1

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct ds;
struct tsn_err;

/* Deepest nesting accepted: real stanzas reach 9. */
#define XMPP_XML_MAX_DEPTH 64

/* Attributes of one element: real stanzas have 6, in the stream header. */
#define XMPP_XML_MAX_ATTRS 64u

/* Objects of a stanza: elements, attributes, references, comments, CDATA
 * sections and processing instructions.  They, more than the bytes, are what
 * takes time, up to a microsecond each, in which nobody else is served: the
 * worst stanza below this limit and XMPP_MAX_STANZA is to take less than
 * 100 ms.  Of real ones each takes some 38 bytes; the largest one recorded has
 * 191, two lists of 1 024 next hops 14 000. */
#define XMPP_XML_MAX_OBJECTS (1u << 16)

struct xmpp_attr {
    const char *name;
    const char *value;
    struct xmpp_attr *next;
};

struct xmpp_node {
    const char *name;
    const char *text;           /* Character data of this element itself,
                                 * untrimmed; "" if none, or if there are
                                 * children and only blanks around them. */
    struct xmpp_attr *attrs;
    struct xmpp_node *parent, *children, *next;
};

struct xmpp_xml;

/* Parses one element (blanks and an XML declaration before it are fine).
 * Returns 0 and '*xmlp', owned by the caller; -EBADMSG for what is not
 * well-formed, has a DOCTYPE or too many attributes in one element; -E2BIG for
 * more than XMPP_MAX_STANZA bytes, too many objects or too deep nesting. */
int xmpp_xml_parse(const char *data, size_t size, struct xmpp_xml **xmlp,
                   struct tsn_err *err);
void xmpp_xml_destroy(struct xmpp_xml *);               /* NULL is fine. */
const struct xmpp_node *xmpp_xml_root(const struct xmpp_xml *);

/* 'node' or its first following sibling of that name. */
static inline const struct xmpp_node *
xmpp_node_named(const struct xmpp_node *node, const char *name)
{
    /* Most names differ in the first byte. */
    while (node && (*node->name != *name || strcmp(node->name, name))) {
        node = node->next;
    }
    return node;
}

/* All of these take NULL for 'node' and then find nothing. */
const char *xmpp_node_attr(const struct xmpp_node *node, const char *name);
static inline const struct xmpp_node *
xmpp_node_child(const struct xmpp_node *node, const char *name)
{
    return node ? xmpp_node_named(node->children, name) : NULL;
}

/* The next sibling of that name. */
static inline const struct xmpp_node *
xmpp_node_next(const struct xmpp_node *node, const char *name)
{
    return node ? xmpp_node_named(node->next, name) : NULL;
}

/* Text of the child 'name', "" if there is none. */
static inline const char *
xmpp_node_text(const struct xmpp_node *node, const char *name)
{
    const struct xmpp_node *child = xmpp_node_child(node, name);

    return child ? child->text : "";
}

#define XMPP_NODE_FOR_EACH(CHILD, PARENT, NAME)                         \
    for ((CHILD) = xmpp_node_child(PARENT, NAME); (CHILD);              \
         (CHILD) = xmpp_node_next(CHILD, NAME))

/* Appends 's' with & < > " ' and TAB, CR, LF escaped, and each byte that XML
 * cannot carry (controls, broken UTF-8) replaced by U+FFFD: what leaves is
 * well-formed whatever comes in, as a real control node aborts on a bad
 * <iq>. */
void xmpp_xml_escape(struct ds *out, const char *s);

#endif /* xmpp/xml.h */
