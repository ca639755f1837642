/* SPDX-License-Identifier: Apache-2.0 */
/* The XML of control nodes is plain: indented elements with short texts.  A
 * general parser spends more time on it than all the rest of the way of a
 * route into the table.  This one looks at each byte once and leaves the
 * strings where they are.  It decides nothing: whatever is not plain goes to
 * libxml2, errors too. */
#include <config.h>
#include "xmpp/xml-private.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* Longest name; libxml2 has a limit too, a higher one. */
#define MAX_NAME 1024

/* Classes of bytes.  NUL is in none, so that each loop ends at the end. */
enum {
    BLANK = 1 << 0,             /* Without CR, which is to be normalised. */
    NAME_START = 1 << 1,
    NAME = 1 << 2,
    TEXT = 1 << 3,              /* Neither "]" nor ">": no "]]>". */
    VALUE = 1 << 4,             /* Neither quote; nor TAB and LF, which are
                                 * to be normalised. */
};
#define OTHER (TEXT | VALUE)
#define INNER (NAME | OTHER)
#define LETTER (NAME_START | INNER)

static const uint8_t classes[256] = {
    ['\t' ... '\n'] = BLANK | TEXT,
    [' '] = BLANK | OTHER,
    ['!'] = OTHER,
    ['"'] = TEXT,
    ['#' ... '%'] = OTHER,      /* No "&". */
    ['\''] = TEXT,
    ['(' ... ','] = OTHER,
    ['-' ... '.'] = INNER,
    ['/'] = OTHER,
    ['0' ... '9'] = INNER,
    [':'] = LETTER,
    [';'] = OTHER,              /* No "<". */
    ['='] = OTHER,
    ['>'] = VALUE,
    ['?' ... '@'] = OTHER,
    ['A' ... 'Z'] = LETTER,
    ['[' ... '\\'] = OTHER,
    [']'] = VALUE,
    ['^'] = OTHER,
    ['_'] = LETTER,
    ['`'] = OTHER,
    ['a' ... 'z'] = LETTER,
    ['{' ... '~'] = OTHER,
};

struct parser {
    struct xmpp_xml *xml;
    size_t n_objects;
    size_t depth;
    struct {
        struct xmpp_node *node;
        struct xmpp_node *last_child;
    } stack[XMPP_XML_MAX_DEPTH];
};

static char *
skip(char *s, uint8_t class)
{
    while (classes[(uint8_t) *s] & class) {
        s++;
    }
    return s;
}

/* Finds the end of the name at 's'.  Returns NULL if there is none. */
static char *
name_end(char *s)
{
    if (!(classes[(uint8_t) *s] & NAME_START)) {
        return NULL;
    }
    char *end = skip(s + 1, NAME);
    return end - s <= MAX_NAME ? end : NULL;
}

/* Reads an attribute, and ends its strings.  Returns what is behind it, or
 * NULL. */
static char *
parse_attr(struct parser *parser, char *s, struct xmpp_node *node,
           struct xmpp_attr **tail)
{
    char *end = name_end(s);

    /* What is said about the language or about space is not for us to
     * judge. */
    if (!end || *end != '=' || (end[1] != '"' && end[1] != '\'')
        || !strncmp(s, "xml:", 4)) {
        return NULL;
    }
    char *value = end + 2;
    char *value_end = skip(value, VALUE);
    if (*value_end != end[1]) {
        return NULL;
    }
    *end = *value_end = '\0';
    if (xmpp_node_attr(node, s)) {
        return NULL;
    }

    struct xmpp_attr *attr = xmpp_xml_alloc(parser->xml, sizeof *attr,
                                            _Alignof(struct xmpp_attr));
    *attr = (struct xmpp_attr) { .name = s, .value = value };
    *tail = attr;
    return value_end + 1;
}

/* Reads the attributes and the end of a start tag.  Returns what is behind it,
 * or NULL. */
static char *
parse_attrs(struct parser *parser, char *s, struct xmpp_node *node,
            bool *is_empty)
{
    struct xmpp_attr **tail = &node->attrs;

    for (size_t n = 0; n <= XMPP_XML_MAX_ATTRS; n++) {
        bool blank = classes[(uint8_t) *s] & BLANK;

        s = skip(s, BLANK);
        if (*s == '>') {
            *is_empty = false;
            return s + 1;
        } else if (*s == '/') {
            *is_empty = true;
            return s[1] == '>' ? s + 2 : NULL;
        }
        s = blank ? parse_attr(parser, s, node, tail) : NULL;
        if (!s) {
            return NULL;
        }
        tail = &(*tail)->next;
        parser->n_objects++;
    }
    return NULL;
}

static void
add_node(struct parser *parser, struct xmpp_node *node)
{
    if (!parser->depth) {
        parser->xml->root = node;
        return;
    }
    size_t up = parser->depth - 1;
    node->parent = parser->stack[up].node;
    if (parser->stack[up].last_child) {
        parser->stack[up].last_child->next = node;
    } else {
        node->parent->children = node;
    }
    parser->stack[up].last_child = node;
}

/* Reads the start tag whose name is at 's', and what comes behind it up to the
 * next tag.  Returns the "<" of that one or the end, or NULL. */
static char *
parse_start(struct parser *parser, char *s)
{
    char *end = name_end(s);
    bool is_empty;

    if (!end || parser->depth >= XMPP_XML_MAX_DEPTH) {
        return NULL;
    }
    struct xmpp_node *node = xmpp_xml_alloc(parser->xml, sizeof *node,
                                            _Alignof(struct xmpp_node));
    *node = (struct xmpp_node) { .name = s, .text = "" };
    add_node(parser, node);
    s = parse_attrs(parser, end, node, &is_empty);
    if (!s || ++parser->n_objects > XMPP_XML_MAX_OBJECTS) {
        return NULL;
    }
    *end = '\0';
    if (is_empty) {
        return skip(s, BLANK);
    }
    parser->stack[parser->depth].node = node;
    parser->stack[parser->depth].last_child = NULL;
    parser->depth++;

    /* Blanks before a child do not count, other text there is not plain.  The
     * "<" of the end tag becomes the end of the text. */
    char *text_end = skip(s, TEXT);
    if (*text_end == '<' && text_end[1] == '/') {
        if (text_end > s) {
            node->text = s;
        }
        return text_end;
    }
    return text_end == skip(s, BLANK) ? text_end : NULL;
}

/* Likewise, of an end tag. */
static char *
parse_end(struct parser *parser, char *s)
{
    if (!parser->depth) {
        return NULL;
    }
    const char *name = parser->stack[--parser->depth].node->name;
    size_t len = strlen(name);

    if (strncmp(s, name, len)) {
        return NULL;
    }
    s = skip(s + len, BLANK);
    return *s == '>' ? skip(s + 1, BLANK) : NULL;
}

struct xmpp_xml *
xmpp_xml_parse_plain(const char *data, size_t size)
{
    struct xmpp_xml *xml = xzalloc(sizeof *xml);
    struct parser parser = { .xml = xml };

    /* One chunk for all: the tree of a control node's XML takes less than
     * twice its text. */
    xml->chunk_size = size + size / 2;
    char *s = xmpp_xml_alloc(xml, size + 1, 1);
    const char *end = s + size;
    memcpy(s, data, size);
    s[size] = '\0';

    s = skip(s, BLANK);
    do {
        bool is_end = *s == '<' && s[1] == '/';

        if (*s != '<') {
            s = NULL;
        } else if (is_end) {
            *s = '\0';
            s = parse_end(&parser, s + 2);
        } else {
            s = parse_start(&parser, s + 1);
        }
    } while (s && parser.depth);
    if (!s || s != end) {
        xmpp_xml_destroy(xml);
        return NULL;
    }
    return xml;
}
