/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/yaml-check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

/* More keys than any mapping of ours has. */
#define MAX_FIELDS 64

/* How much of a wrong value an error quotes. */
#define QUOTE_MAX 64

struct check {
    const char *file;
    yaml_document_t *doc;
    struct ds path;             /* Of the value in hand. */
    struct tsn_err *err;
};

static int OVS_PRINTF_FORMAT(3, 4)
refuse(struct check *check, const yaml_node_t *node, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int retval = tsn_yaml_refuse_at(check->err, check->file,
                                    &node->start_mark,
                                    ds_cstr(&check->path), fmt, args);
    va_end(args);
    return retval;
}

static const char *
scalar(const yaml_node_t *node)
{
    return (const char *) node->data.scalar.value;
}

/* "contrllers: x" and "- x" without a value, and the words for none. */
static bool
is_null(const yaml_node_t *node)
{
    static const char *const words[] = { "", "~", "null", "Null", "NULL" };

    if (node->type != YAML_SCALAR_NODE
        || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (!strcmp(scalar(node), words[i])) {
            return true;
        }
    }
    return false;
}

static int
check_integer(struct check *check, const yaml_node_t *node,
              const cyaml_schema_value_t *schema)
{
    const char *s = scalar(node);
    bool is_signed = schema->type == CYAML_INT;
    bool negative = is_signed && *s == '-';
    const char *digits = s + negative;
    size_t n = strlen(digits);
    unsigned bits = schema->data_size * 8 - is_signed;
    uint64_t max = UINT64_MAX >> (64 - bits);

    if (!n || strspn(digits, "0123456789") != n) {
        return refuse(check, node, "expects a whole number, not \"%.*s\"",
                      QUOTE_MAX, s);
    }
    if (n > 1 && *digits == '0') {
        return refuse(check, node, "expects a number without leading zeros, "
                      "not \"%.*s\"", QUOTE_MAX, s);
    }
    errno = 0;
    uint64_t value = strtoull(digits, NULL, 10);
    if (errno || value > max + negative) {
        return refuse(check, node, "%.*s is too large a number", QUOTE_MAX,
                      s);
    }
    return 0;
}

static int
check_bool(struct check *check, const yaml_node_t *node)
{
    static const char *const words[] = {
        "true", "false", "yes", "no", "on", "off",
    };

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (!strcasecmp(scalar(node), words[i])) {
            return 0;
        }
    }
    return refuse(check, node, "expects true or false, not \"%.*s\"",
                  QUOTE_MAX, scalar(node));
}

static int
check_enum(struct check *check, const yaml_node_t *node,
           const cyaml_schema_value_t *schema)
{
    struct ds known = DS_EMPTY_INITIALIZER;

    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        const char *word = schema->enumeration.strings[i].str;

        if (!strcmp(scalar(node), word)) {
            ds_destroy(&known);
            return 0;
        }
        ds_put_format(&known, "%s%s", i ? ", " : "", word);
    }
    int retval = refuse(check, node, "expects one of %s, not \"%.*s\"",
                        ds_cstr(&known), QUOTE_MAX, scalar(node));
    ds_destroy(&known);
    return retval;
}

static int
check_string(struct check *check, const yaml_node_t *node,
             const cyaml_schema_value_t *schema)
{
    size_t len = node->data.scalar.length;

    if (len < schema->string.min) {
        return len
               ? refuse(check, node, "expects at least %"PRIu32" characters",
                        schema->string.min)
               : refuse(check, node, "must not be empty");
    }
    if (len > schema->string.max) {
        return refuse(check, node, "is longer than %"PRIu32" characters",
                      schema->string.max);
    }
    return 0;
}

static int
check_scalar(struct check *check, const yaml_node_t *node,
             const cyaml_schema_value_t *schema)
{
    if (node->type != YAML_SCALAR_NODE) {
        return refuse(check, node, "expects a single value, not a %s",
                      node->type == YAML_SEQUENCE_NODE ? "list" : "mapping");
    }
    switch (schema->type) {
    case CYAML_INT:
    case CYAML_UINT:
        return check_integer(check, node, schema);
    case CYAML_BOOL:
        return check_bool(check, node);
    case CYAML_ENUM:
        return check_enum(check, node, schema);
    case CYAML_STRING:
        return check_string(check, node, schema);
    default:
        return 0;               /* libcyaml's own check has to do. */
    }
}

static int check_value(struct check *, const yaml_node_t *,
                       const cyaml_schema_value_t *);

static int
check_sequence(struct check *check, const yaml_node_t *node,
               const cyaml_schema_value_t *schema)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        return refuse(check, node, "expects a list (\"- ...\" lines or "
                      "[..., ...])");
    }

    const yaml_node_item_t *start = node->data.sequence.items.start;
    size_t n = node->data.sequence.items.top - start;
    size_t len = check->path.length;

    if (n < schema->sequence.min) {
        return refuse(check, node, "expects at least %"PRIu32" entries, "
                      "has %zu", schema->sequence.min, n);
    }
    for (size_t i = 0; i < n; i++) {
        const yaml_node_t *entry = yaml_document_get_node(check->doc,
                                                          start[i]);
        if (i >= schema->sequence.max) {
            return refuse(check, entry, "has more than %"PRIu32" entries",
                          schema->sequence.max);
        }
        ds_put_format(&check->path, "[%zu]", i);
        int error = check_value(check, entry, schema->sequence.entry);
        if (error) {
            return error;
        }
        ds_truncate(&check->path, len);
    }
    return 0;
}

static int
refuse_key(struct check *check, const yaml_node_t *key,
           const cyaml_schema_field_t *fields)
{
    struct ds known = DS_EMPTY_INITIALIZER;

    for (const cyaml_schema_field_t *f = fields; f->key; f++) {
        ds_put_format(&known, "%s%s", f == fields ? "" : ", ", f->key);
    }
    int retval = refuse(check, key, "unknown key \"%.*s\"; known here: %s",
                        QUOTE_MAX, scalar(key), ds_cstr(&known));
    ds_destroy(&known);
    return retval;
}

static int
check_mapping(struct check *check, const yaml_node_t *node,
              const cyaml_schema_value_t *schema)
{
    const cyaml_schema_field_t *fields = schema->mapping.fields;
    const yaml_node_t *seen[MAX_FIELDS] = { NULL };
    size_t len = check->path.length;

    if (node->type != YAML_MAPPING_NODE) {
        return refuse(check, node, "expects a mapping (\"key: value\" "
                      "lines)");
    }
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(check->doc,
                                                        pair->key);
        if (key->type != YAML_SCALAR_NODE) {
            return refuse(check, key, "a key must be a plain word");
        }

        const cyaml_schema_field_t *f = fields;
        while (f->key && strcmp(f->key, scalar(key))) {
            f++;
        }
        if (!f->key) {
            return refuse_key(check, key, fields);
        }

        ovs_assert(f - fields < MAX_FIELDS);
        const yaml_node_t **first = &seen[f - fields];
        if (*first) {
            return refuse(check, key, "key \"%s\" is given twice, first in "
                          "line %zu", f->key, (*first)->start_mark.line + 1);
        }
        *first = key;

        ds_put_format(&check->path, "%s%s", len ? "." : "", f->key);
        int error = check_value(check, yaml_document_get_node(check->doc,
                                                              pair->value),
                                &f->value);
        if (error) {
            return error;
        }
        ds_truncate(&check->path, len);
    }

    for (const cyaml_schema_field_t *f = fields; f->key; f++) {
        if (!seen[f - fields] && !(f->value.flags & CYAML_FLAG_OPTIONAL)) {
            return refuse(check, node, "key \"%s\" is missing", f->key);
        }
    }
    return 0;
}

static int
check_value(struct check *check, const yaml_node_t *node,
            const cyaml_schema_value_t *schema)
{
    if (schema->type == CYAML_IGNORE) {
        return 0;
    }
    if (is_null(node)) {
        bool accepts_null = (schema->flags & CYAML_FLAG_POINTER_NULL)
                            == CYAML_FLAG_POINTER_NULL;
        return accepts_null ? 0 : refuse(check, node, "has no value");
    }
    switch (schema->type) {
    case CYAML_MAPPING:
        return check_mapping(check, node, schema);
    case CYAML_SEQUENCE:
    case CYAML_SEQUENCE_FIXED:
        return check_sequence(check, node, schema);
    default:
        return check_scalar(check, node, schema);
    }
}

int
tsn_yaml_check(const char *file, yaml_document_t *doc,
               const cyaml_schema_value_t *schema, struct tsn_err *err)
{
    struct check check = {
        .file = file,
        .doc = doc,
        .path = DS_EMPTY_INITIALIZER,
        .err = err,
    };

    int error = check_value(&check, yaml_document_get_root_node(doc),
                            schema);
    ds_destroy(&check.path);
    return error;
}

static const yaml_node_t *
find_key(yaml_document_t *doc, const yaml_node_t *node, const char *key,
         size_t len)
{
    if (node->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *k = yaml_document_get_node(doc, pair->key);

        if (k->type == YAML_SCALAR_NODE && k->data.scalar.length == len
            && !memcmp(k->data.scalar.value, key, len)) {
            return yaml_document_get_node(doc, pair->value);
        }
    }
    return NULL;
}

static const yaml_node_t *
find_entry(yaml_document_t *doc, const yaml_node_t *node, size_t index)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        return NULL;
    }

    const yaml_node_item_t *start = node->data.sequence.items.start;
    size_t n = node->data.sequence.items.top - start;
    return index < n ? yaml_document_get_node(doc, start[index]) : NULL;
}

yaml_mark_t
tsn_yaml_find(yaml_document_t *doc, const char *path)
{
    const yaml_node_t *node = yaml_document_get_root_node(doc);
    const yaml_node_t *next = node;

    while (next && *path) {
        node = next;
        if (*path == '[') {
            next = find_entry(doc, node, strtoul(path + 1, NULL, 10));
            path += strcspn(path, "]");
            path += *path == ']';
        } else {
            path += *path == '.';
            size_t len = strcspn(path, ".[");
            next = find_key(doc, node, path, len);
            path += len;
        }
    }
    return next ? next->start_mark : node->start_mark;
}
