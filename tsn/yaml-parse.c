/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/yaml-check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "tsn/error.h"
#include "util.h"

/* How much of a name an error quotes. */
#define QUOTE_MAX 64

int
tsn_yaml_refuse_at(struct tsn_err *err, const char *file,
                   const yaml_mark_t *mark, const char *path,
                   const char *fmt, va_list args)
{
    char *where = xasprintf("%s:%zu:%zu", file, mark->line + 1,
                            mark->column + 1);
    char *text = xvasprintf(fmt, args);

    tsn_err_set(err, where, "%s%s%s", path, *path ? ": " : "", text);
    free(text);
    free(where);
    return -EINVAL;
}

static int OVS_PRINTF_FORMAT(4, 5)
refuse_text(const struct tsn_yaml_text *text, const yaml_mark_t *mark,
            struct tsn_err *err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int retval = tsn_yaml_refuse_at(err, text->file, mark, "", fmt, args);
    va_end(args);
    return retval;
}

/* The position of byte 'offset'. */
static yaml_mark_t
mark_of_offset(const struct tsn_yaml_text *text, size_t offset)
{
    yaml_mark_t mark = { .index = offset };

    for (size_t i = 0; i < offset && i < text->size; i++) {
        mark.column++;
        if (text->data[i] == '\n') {
            mark.line++;
            mark.column = 0;
        }
    }
    return mark;
}

/* Whether line number 'line' is indented with a tab. */
static bool
line_has_tab(const struct tsn_yaml_text *text, size_t line)
{
    const uint8_t *p = text->data, *end = p + text->size;

    while (line && p < end) {
        line -= *p++ == '\n';
    }
    while (p < end && *p == ' ') {
        p++;
    }
    return p < end && *p == '\t';
}

static int
refuse_syntax(const struct tsn_yaml_text *text, const yaml_parser_t *parser,
              struct tsn_err *err)
{
    yaml_mark_t mark = parser->problem_mark;
    const char *problem = parser->problem ? parser->problem
                                          : "cannot be parsed";

    if (parser->error == YAML_MEMORY_ERROR) {
        out_of_memory();
    }
    if (parser->error == YAML_READER_ERROR) {
        mark = mark_of_offset(text, parser->problem_offset);
        return refuse_text(text, &mark, err, "not a YAML text: %s", problem);
    }
    if (line_has_tab(text, mark.line)) {
        return refuse_text(text, &mark, err, "not valid YAML: the line is "
                           "indented with a tab; use blanks");
    }
    if (parser->context) {
        return refuse_text(text, &mark, err,
                           "not valid YAML: %s, %s (line %zu)", problem,
                           parser->context, parser->context_mark.line + 1);
    }
    return refuse_text(text, &mark, err, "not valid YAML: %s", problem);
}

/* Bounds that the tree builder of libyaml does not know. */
struct scan {
    const struct tsn_yaml_text *text;
    struct tsn_err *err;
    int depth;
    size_t n_nodes;
    int n_documents;
};

static int
scan_scalar(struct scan *scan, const yaml_event_t *event)
{
    for (size_t i = 0; i < event->data.scalar.length; i++) {
        uint8_t c = event->data.scalar.value[i];

        if (c < 0x20 || c == 0x7f) {
            return refuse_text(scan->text, &event->start_mark, scan->err,
                               "a line break or control character (0x%02x) "
                               "inside a value", c);
        }
    }
    return 0;
}

static int
scan_node(struct scan *scan, const yaml_event_t *event,
          const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor) {
        return refuse_text(scan->text, &event->start_mark, scan->err,
                           "anchors (&%.*s) are not supported", QUOTE_MAX,
                           (const char *) anchor);
    }
    if (tag) {
        return refuse_text(scan->text, &event->start_mark, scan->err,
                           "tags (%.*s) are not supported", QUOTE_MAX,
                           (const char *) tag);
    }
    if (++scan->n_nodes > TSN_YAML_MAX_NODES) {
        return refuse_text(scan->text, &event->start_mark, scan->err,
                           "more than %d values", TSN_YAML_MAX_NODES);
    }
    if (scan->depth > TSN_YAML_MAX_DEPTH) {
        return refuse_text(scan->text, &event->start_mark, scan->err,
                           "nested deeper than %d levels",
                           TSN_YAML_MAX_DEPTH);
    }
    return 0;
}

static int
scan_event(struct scan *scan, const yaml_event_t *event)
{
    int error;

    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++scan->n_documents > 1) {
            return refuse_text(scan->text, &event->start_mark, scan->err,
                               "a second document; only one is read");
        }
        return 0;

    case YAML_ALIAS_EVENT:
        return refuse_text(scan->text, &event->start_mark, scan->err,
                           "aliases (*%.*s) are not supported", QUOTE_MAX,
                           (const char *) event->data.alias.anchor);

    case YAML_SCALAR_EVENT:
        error = scan_node(scan, event, event->data.scalar.anchor,
                          event->data.scalar.tag);
        return error ? error : scan_scalar(scan, event);

    case YAML_SEQUENCE_START_EVENT:
        scan->depth++;
        return scan_node(scan, event, event->data.sequence_start.anchor,
                         event->data.sequence_start.tag);

    case YAML_MAPPING_START_EVENT:
        scan->depth++;
        return scan_node(scan, event, event->data.mapping_start.anchor,
                         event->data.mapping_start.tag);

    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        scan->depth--;
        return 0;

    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    default:
        return 0;
    }
}

static void
parser_init(yaml_parser_t *parser, const struct tsn_yaml_text *text)
{
    if (!yaml_parser_initialize(parser)) {
        out_of_memory();
    }
    yaml_parser_set_input_string(parser, text->data, text->size);
}

static int
scan_text(const struct tsn_yaml_text *text, struct tsn_err *err)
{
    struct scan scan = { .text = text, .err = err };
    yaml_parser_t parser;
    bool end = false;
    int error = 0;

    parser_init(&parser, text);
    while (!error && !end) {
        yaml_event_t event;

        if (!yaml_parser_parse(&parser, &event)) {
            error = refuse_syntax(text, &parser, err);
            break;
        }
        error = scan_event(&scan, &event);
        end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);

    if (!error && !scan.n_documents) {
        yaml_mark_t start = { .line = 0 };
        error = refuse_text(text, &start, err, "the file is empty");
    }
    return error;
}

int
tsn_yaml_parse(const struct tsn_yaml_text *text, yaml_document_t *doc,
               struct tsn_err *err)
{
    yaml_parser_t parser;

    int error = scan_text(text, err);
    if (error) {
        return error;
    }
    parser_init(&parser, text);
    if (!yaml_parser_load(&parser, doc)) {
        error = refuse_syntax(text, &parser, err);
    }
    yaml_parser_delete(&parser);
    return error;
}
