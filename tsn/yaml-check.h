/* SPDX-License-Identifier: Apache-2.0 */
/* The half of tsn/yaml.h that knows lines and columns: reads a text into
 * libyaml's document tree and holds that against a schema.
 *
 * libcyaml 1.3.1 refuses in words for its programmer, and takes "90x" for 90,
 * "010" for 8 and "flase" for true; so everything is checked here before it
 * gets to see the text.  Main thread. */
#ifndef TSN_YAML_CHECK_H
#define TSN_YAML_CHECK_H 1

#include <stddef.h>
#include <stdint.h>

#include <cyaml/cyaml.h>
#include <yaml.h>

struct tsn_err;

/* Bounds on what a file may make us hold.  A site of 100 000 servers in the
 * controller's file needs about a million nodes; the deepest schema 7
 * levels. */
#define TSN_YAML_MAX_SIZE (16 * 1024 * 1024)
#define TSN_YAML_MAX_NODES (2 * 1024 * 1024)
#define TSN_YAML_MAX_DEPTH 16

struct tsn_yaml_text {
    const char *file;           /* What errors call it. */
    uint8_t *data;
    size_t size;
};

/* Parses 'text' into 'doc', which the caller deletes with
 * yaml_document_delete().  Refuses what is not YAML, an empty text, a second
 * document, anchors and aliases, tags, control characters in values and what
 * exceeds the bounds above.  Returns 0 or -EINVAL. */
int tsn_yaml_parse(const struct tsn_yaml_text *text, yaml_document_t *doc,
                   struct tsn_err *err);

/* Checks 'doc' against 'schema'.  Returns 0 or -EINVAL. */
int tsn_yaml_check(const char *file, yaml_document_t *doc,
                   const cyaml_schema_value_t *schema, struct tsn_err *err);

/* The position of the value that 'path' names ("tors[2].ovsdb"), or when it
 * is not there of what should hold it. */
yaml_mark_t tsn_yaml_find(yaml_document_t *doc, const char *path);

/* Fills 'err' for 'mark' of 'file'.  'path' may be empty.  Returns
 * -EINVAL. */
int tsn_yaml_refuse_at(struct tsn_err *err, const char *file,
                       const yaml_mark_t *mark, const char *path,
                       const char *fmt, va_list args)
    __attribute__((format(printf, 5, 0)));

#endif /* tsn/yaml-check.h */
