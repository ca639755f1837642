/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the two readers of XML: xml.c, which hands everything to libxml2,
 * and xml-plain.c, which is fast at what control nodes write. */
#ifndef XMPP_XML_PRIVATE_H
#define XMPP_XML_PRIVATE_H 1

#include <stddef.h>

#include "xmpp/xml.h"

/* First chunk of an arena: a route item's tree needs about this much. */
#define XMPP_XML_FIRST_CHUNK 8192u
#define XMPP_XML_LARGEST_CHUNK (1u << 20)

struct xmpp_xml_chunk {
    struct xmpp_xml_chunk *next;
    max_align_t data[];
};

struct xmpp_xml {
    struct xmpp_node *root;
    struct xmpp_xml_chunk *chunks;
    char *free;                 /* First free byte of the newest chunk. */
    size_t n_free;
    size_t chunk_size;          /* Of the newest chunk. */
};

/* Memory that lives as long as 'xml'. */
void *xmpp_xml_alloc(struct xmpp_xml *xml, size_t size, size_t align);

/* Parses like xmpp_xml_parse(), without limit of the size, but only plain
 * XML: elements of ASCII with attributes and either text or children, nothing
 * to be decoded or normalised.  Returns NULL for anything else, be it
 * well-formed or not: then it is up to xmpp_xml_parse_any().  What this one
 * takes, that one takes too, and it gives the same tree. */
struct xmpp_xml *xmpp_xml_parse_plain(const char *data, size_t size);

/* Likewise, for all of XML that xmpp_xml_parse() takes. */
int xmpp_xml_parse_any(const char *data, size_t size, struct xmpp_xml **xmlp,
                       struct tsn_err *err);

#endif /* xmpp/xml-private.h */
