/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/xml-private.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <pthread.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

#include "tsn/error.h"
#include "xmpp/stream.h"

/* How much libxml2 gets at a time.  It keeps a copy of what it has not
 * consumed yet, so this also bounds that copy. */
#define FEED_SIZE 65536u

struct builder {
    struct xmpp_xml *xml;
    xmlParserCtxtPtr ctxt;
    struct tsn_err *err;
    bool failed;                /* The first error is in '*err'. */
    bool too_big;               /* It is that of a limit. */

    size_t n_objects;           /* See XMPP_XML_MAX_OBJECTS. */
    size_t depth;
    struct {
        struct xmpp_node *node;
        struct xmpp_node *last_child;
        size_t text_ofs;        /* Where its text starts in 'text'. */
    } stack[XMPP_XML_MAX_DEPTH];

    /* Text of the open elements, one behind the other.  A child's text is gone
     * from the end when its parent's continues. */
    struct ds text;
};

void *
xmpp_xml_alloc(struct xmpp_xml *xml, size_t size, size_t align)
{
    size_t pad = -(uintptr_t) xml->free & (align - 1);

    if (size + pad > xml->n_free) {
        size_t grown = MIN(xml->chunk_size * 2, XMPP_XML_LARGEST_CHUNK);
        xml->chunk_size = MAX(MAX(grown, XMPP_XML_FIRST_CHUNK), size);

        struct xmpp_xml_chunk *chunk
            = xmalloc(sizeof *chunk + xml->chunk_size);
        chunk->next = xml->chunks;
        xml->chunks = chunk;
        xml->free = (char *) chunk->data;
        xml->n_free = xml->chunk_size;
        pad = 0;
    }

    void *p = xml->free + pad;
    xml->free += size + pad;
    xml->n_free -= size + pad;
    return p;
}

static const char *
arena_strdup(struct xmpp_xml *xml, const char *s, size_t length)
{
    if (!length) {
        return "";
    }
    char *copy = xmpp_xml_alloc(xml, length + 1, 1);
    memcpy(copy, s, length);
    copy[length] = '\0';
    return copy;
}

/* Ends the parse; only the first reason is kept. */
static void OVS_PRINTF_FORMAT(3, 4)
refuse(struct builder *b, int line, const char *fmt, ...)
{
    if (b->failed) {
        return;
    }
    b->failed = true;

    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);

    /* libxml2 ends its sentences with a newline. */
    text[strcspn(text, "\r\n")] = '\0';
    tsn_err_set(b->err, NULL, "line %d: %s", line, text);
    if (b->ctxt) {
        xmlStopParser(b->ctxt);
    }
}

/* Gets pieces of a text for a person; the whole of it is in the context. */
static void OVS_PRINTF_FORMAT(2, 3)
on_error(void *b_, const char *fmt OVS_UNUSED, ...)
{
    struct builder *b = b_;
    const xmlError *error = xmlCtxtGetLastError(b->ctxt);

    refuse(b, error ? error->line : 0, "%s",
           error && error->message ? error->message : "not well-formed");
}

static void
on_doctype(void *b_, const xmlChar *name OVS_UNUSED,
           const xmlChar *external_id OVS_UNUSED,
           const xmlChar *system_id OVS_UNUSED)
{
    struct builder *b = b_;

    refuse(b, xmlSAX2GetLineNumber(b->ctxt), "document type declaration");
}

/* Ends the parse over a limit. */
#define refuse_limit(B, ...)                                            \
    ((B)->too_big |= !(B)->failed,                                      \
     refuse(B, xmlSAX2GetLineNumber((B)->ctxt), __VA_ARGS__))

#define TOO_MANY_OBJECTS "more than %u elements, attributes and the like"

/* Returns false at the limit. */
static bool
count_object(struct builder *b)
{
    if (++b->n_objects > XMPP_XML_MAX_OBJECTS) {
        refuse_limit(b, TOO_MANY_OBJECTS, XMPP_XML_MAX_OBJECTS);
        return false;
    }
    return true;
}

static void
add_attrs(struct builder *b, struct xmpp_node *node, const xmlChar **atts)
{
    struct xmpp_attr **tail = &node->attrs;

    for (; atts && atts[0] && count_object(b); atts += 2) {
        const char *name = (const char *) atts[0];
        const char *value = atts[1] ? (const char *) atts[1] : "";
        struct xmpp_attr *attr = xmpp_xml_alloc(b->xml, sizeof *attr,
                                                _Alignof(struct xmpp_attr));

        attr->name = arena_strdup(b->xml, name, strlen(name));
        attr->value = arena_strdup(b->xml, value, strlen(value));
        attr->next = NULL;
        *tail = attr;
        tail = &attr->next;
    }
}

static void
on_start_element(void *b_, const xmlChar *name_, const xmlChar **atts)
{
    struct builder *b = b_;
    const char *name = (const char *) name_;

    if (b->failed || !count_object(b)) {
        return;
    }
    if (b->depth >= XMPP_XML_MAX_DEPTH) {
        refuse_limit(b, "elements nested deeper than %d",
                     XMPP_XML_MAX_DEPTH);
        return;
    }

    struct xmpp_node *node = xmpp_xml_alloc(b->xml, sizeof *node,
                                            _Alignof(struct xmpp_node));
    *node = (struct xmpp_node) {
        .name = arena_strdup(b->xml, name, strlen(name)),
        .text = "",
    };
    add_attrs(b, node, atts);

    if (!b->depth) {
        b->xml->root = node;
    } else {
        size_t up = b->depth - 1;
        node->parent = b->stack[up].node;
        if (b->stack[up].last_child) {
            b->stack[up].last_child->next = node;
        } else {
            node->parent->children = node;
        }
        b->stack[up].last_child = node;
    }
    b->stack[b->depth].node = node;
    b->stack[b->depth].last_child = NULL;
    b->stack[b->depth].text_ofs = b->text.length;
    b->depth++;
}

static void
on_end_element(void *b_, const xmlChar *name OVS_UNUSED)
{
    struct builder *b = b_;

    if (b->failed || !b->depth) {
        return;
    }
    b->depth--;

    struct xmpp_node *node = b->stack[b->depth].node;
    size_t ofs = b->stack[b->depth].text_ofs;
    if (b->text.length > ofs) {
        const char *text = b->text.string + ofs;
        size_t length = b->text.length - ofs;

        /* Indentation around children is most of a stanza: not kept. */
        if (!node->children || strspn(text, " \t\r\n") < length) {
            node->text = arena_strdup(b->xml, text, length);
        }
        ds_truncate(&b->text, ofs);
    }
}

static void
on_text(void *b_, const xmlChar *text, int length)
{
    struct builder *b = b_;

    if (!b->failed && b->depth) {
        ds_put_buffer(&b->text, (const char *) text, length);
    }
}

/* A handler of the first version: libxml2 then leaves prefixes alone.  Without
 * 'error' it would write to stderr. */
static xmlSAXHandler sax = {
    .initialized = 1,
    .internalSubset = on_doctype,
    .startElement = on_start_element,
    .endElement = on_end_element,
    .characters = on_text,
    .ignorableWhitespace = on_text,
    .cdataBlock = on_text,
    .error = on_error,
};

/* Returns the end of what starts with "<" at 's': for a comment, a CDATA
 * section or a processing instruction its last byte, else the ">" of a tag, of
 * which '*n_equals' counts the "=" outside quotes.  Returns 'end' when it is
 * not there. */
static const char *
markup_end(const char *s, const char *end, size_t *n_equals)
{
    static const struct {
        const char *start, *end;
    } opaque[] = {
        { "<!--", "-->" }, { "<![CDATA[", "]]>" }, { "<?", "?>" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(opaque); i++) {
        size_t n = strlen(opaque[i].start);
        if ((size_t) (end - s) >= n && !memcmp(s, opaque[i].start, n)) {
            size_t end_n = strlen(opaque[i].end);
            const char *p = memmem(s + n, end - s - n, opaque[i].end, end_n);
            return p ? p + end_n - 1 : end;
        }
    }

    char quote = '\0';
    for (; s < end; s++) {
        if (quote) {
            if (*s == quote) {
                quote = '\0';
            }
        } else if (*s == '"' || *s == '\'') {
            quote = *s;
        } else if (*s == '>') {
            break;
        } else {
            *n_equals += *s == '=';
        }
    }
    return s;
}

/* Looking for a repeated attribute, libxml2 compares all of one element with
 * each other.  Refuses an element where that would take long. */
static bool
has_few_attrs(const char *data, size_t size)
{
    const char *end = data + size;

    for (const char *s = data;
         s < end && (s = memchr(s, '<', end - s)) != NULL; ) {
        size_t n_equals = 0;

        s = markup_end(s, end, &n_equals);
        if (n_equals > XMPP_XML_MAX_ATTRS) {
            return false;
        }
    }
    return true;
}

/* Counts the objects for which libxml2 does not call us, or not once each. */
static size_t
count_hidden_objects(const char *data, size_t size)
{
    const char *end = data + size;
    size_t n = 0;

    for (const char *s = data; (s = memchr(s, '&', end - s)) != NULL; s++) {
        n++;
    }
    for (const char *s = data; (s = memchr(s, '<', end - s)) != NULL; s++) {
        n += end - s > 1 && (s[1] == '!' || s[1] == '?');
    }
    return n;
}

/* Runs libxml2 over 'data'. */
static void
parse(struct builder *b, const char *data, size_t size)
{
    b->ctxt = xmlCreatePushParserCtxt(&sax, b, NULL, 0, NULL);
    if (!b->ctxt) {
        out_of_memory();
    }

    /* A declared encoding other than UTF-8 is a lie on this wire.  As there is
     * no DOCTYPE, "no entities" only means that "&amp;" in an attribute is not
     * left as "&#38;". */
    xmlCtxtUseOptions(b->ctxt, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC
                               | XML_PARSE_NOENT);
    for (size_t ofs = 0; ofs < size && !b->failed; ) {
        size_t n = MIN(size - ofs, FEED_SIZE);

        xmlParseChunk(b->ctxt, data + ofs, n, 0);
        ofs += n;
    }
    if (!b->failed) {
        xmlParseChunk(b->ctxt, NULL, 0, 1);
    }
    if (!b->failed && (!b->ctxt->wellFormed || b->depth || !b->xml->root)) {
        refuse(b, xmlSAX2GetLineNumber(b->ctxt), "not one whole element");
    }

    /* No SAX callback builds one, but whoever owns the context frees it. */
    if (b->ctxt->myDoc) {
        xmlFreeDoc(b->ctxt->myDoc);
        b->ctxt->myDoc = NULL;
    }
    xmlFreeParserCtxt(b->ctxt);
}

/* Without memory libxml2 would call a good stanza malformed; ours ends the
 * process, as everywhere. */
static void
init_libxml2(void)
{
    xmlMemSetup(free, xmalloc, xrealloc, xstrdup);
    xmlInitParser();
}

int
xmpp_xml_parse_any(const char *data, size_t size, struct xmpp_xml **xmlp,
                   struct tsn_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_libxml2);

    /* Blanks may stand before the XML declaration, for us but not for XML. */
    while (size && strchr(" \t\r\n", *data) && *data) {
        data++;
        size--;
    }

    struct builder b = {
        .xml = xzalloc(sizeof *b.xml),
        .err = err,
        .n_objects = count_hidden_objects(data, size),
        .text = DS_EMPTY_INITIALIZER,
    };
    if (!size || *data != '<') {
        /* Also keeps libxml2 from guessing an encoding by a byte order
         * mark. */
        refuse(&b, 1, "no element");
    } else if (memchr(data, '\0', size)) {
        refuse(&b, 1, "a NUL byte");
    } else if (b.n_objects > XMPP_XML_MAX_OBJECTS) {
        b.too_big = true;
        refuse(&b, 1, TOO_MANY_OBJECTS, XMPP_XML_MAX_OBJECTS);
    } else if (!has_few_attrs(data, size)) {
        refuse(&b, 1, "an element with more than %u attributes",
               XMPP_XML_MAX_ATTRS);
    } else {
        parse(&b, data, size);
    }
    ds_destroy(&b.text);

    if (b.failed) {
        xmpp_xml_destroy(b.xml);
        return b.too_big ? -E2BIG : -EBADMSG;
    }
    *xmlp = b.xml;
    return 0;
}

int
xmpp_xml_parse(const char *data, size_t size, struct xmpp_xml **xmlp,
               struct tsn_err *err)
{
    if (size > XMPP_MAX_STANZA) {
        tsn_err_set(err, NULL, "longer than %u bytes", XMPP_MAX_STANZA);
        return -E2BIG;
    }
    struct xmpp_xml *xml = xmpp_xml_parse_plain(data, size);
    if (xml) {
        *xmlp = xml;
        return 0;
    }
    return xmpp_xml_parse_any(data, size, xmlp, err);
}

void
xmpp_xml_destroy(struct xmpp_xml *xml)
{
    if (xml) {
        struct xmpp_xml_chunk *chunk = xml->chunks, *next;

        for (; chunk; chunk = next) {
            next = chunk->next;
            free(chunk);
        }
        free(xml);
    }
}

const struct xmpp_node *
xmpp_xml_root(const struct xmpp_xml *xml)
{
    return xml->root;
}

const char *
xmpp_node_attr(const struct xmpp_node *node, const char *name)
{
    if (node) {
        for (const struct xmpp_attr *a = node->attrs; a; a = a->next) {
            if (!strcmp(a->name, name)) {
                return a->value;
            }
        }
    }
    return NULL;
}

/* Bytes of the character at 's' if XML can carry it as it is, else 0 (XML 1.0,
 * 2.2; UTF-8 as RFC 3629). */
static size_t
char_size(const uint8_t *s)
{
    if (s[0] < 0x80) {
        return s[0] >= 0x20 || strchr("\t\r\n", s[0]) ? 1 : 0;
    }

    size_t n = (s[0] & 0xe0) == 0xc0 ? 2
               : (s[0] & 0xf0) == 0xe0 ? 3
               : (s[0] & 0xf8) == 0xf0 ? 4
               : 0;
    uint32_t c = n ? s[0] & (0x7f >> n) : 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (s[i] & 0x3f);
    }

    bool ok = n == 2 ? c >= 0x80
              : n == 3 ? (c >= 0x800 && c < 0xd800)
                         || (c >= 0xe000 && c <= 0xfffd)
              : c >= 0x10000 && c <= 0x10ffff;
    return ok ? n : 0;
}

/* What 'c' becomes; NULL if it stays.  Line ends and tabs would be changed by
 * the normalisation of XML 1.0, 2.11 and 3.3.3. */
static const char *
replacement(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    case '\t': return "&#9;";
    case '\n': return "&#10;";
    case '\r': return "&#13;";
    default: return NULL;
    }
}

/* Bytes that stay as they are. */
static const bool is_harmless[256] = {
    [' ' ... '!'] = true,
    ['#' ... '%'] = true,
    ['(' ... ';'] = true,
    ['='] = true,
    ['?' ... '~'] = true,
};

void
xmpp_xml_escape(struct ds *out, const char *s)
{
    const char *run = s;        /* Start of what is copied as it is. */

    for (;;) {
        while (is_harmless[(uint8_t) *s]) {
            s++;
        }
        if (!*s) {
            break;
        }
        size_t n = char_size((const uint8_t *) s);
        const char *instead = n ? replacement(*s) : "\xef\xbf\xbd";

        if (instead) {
            ds_put_buffer(out, run, s - run);
            ds_put_cstr(out, instead);
            run = s + 1;
        }
        s += n ? n : 1;
    }
    ds_put_buffer(out, run, s - run);
}
