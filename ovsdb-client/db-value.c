/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ovsdb-client/db-value.h"

#include <stdlib.h>
#include <string.h>

#include "openvswitch/json.h"
#include "ovsdb-client/db.h"
#include "util.h"
#include "uuid.h"

/* JSON. */

/* The elements of a set, or the one that stands for itself. */
struct elems {
    struct json *const *json;
    size_t n;
};

/* Whether 'json' is [TAG, ...] with two elements. */
static bool
is_tagged(const struct json *json, const char *tag)
{
    return (json->type == JSON_ARRAY && json->array.n == 2
            && json->array.elems[0]->type == JSON_STRING
            && !strcmp(json->array.elems[0]->string, tag));
}

/* Returns false if 'json' is a 'tag' of something else than an array. */
static bool
get_elems(const struct json *const *json, const char *tag,
          struct elems *elems)
{
    if (!is_tagged(*json, tag)) {
        *elems = (struct elems) { .json = (struct json *const *) json,
                                  .n = 1 };
        return true;
    }
    const struct json *array = (*json)->array.elems[1];
    if (array->type != JSON_ARRAY) {
        return false;
    }
    *elems = (struct elems) { .json = array->array.elems,
                              .n = array->array.n };
    return true;
}

static bool
get_uuid(const struct json *json, struct uuid *uuid)
{
    return (is_tagged(json, "uuid")
            && json->array.elems[1]->type == JSON_STRING
            && uuid_from_string(uuid, json->array.elems[1]->string));
}

/* A pair of a map, or NULL. */
static struct json *const *
get_pair(const struct json *json)
{
    return (json->type == JSON_ARRAY && json->array.n == 2
            ? json->array.elems : NULL);
}

/* Parsing: from 'json', which is there, to an empty value.  Each returns false
 * if it cannot; the value may have a part of it then. */

static const char *
get_string(const struct json *json)
{
    struct elems elems;

    /* A set of one is as good. */
    return (get_elems(&json, "set", &elems) && elems.n == 1
            && elems.json[0]->type == JSON_STRING
            ? elems.json[0]->string : NULL);
}

static bool
parse_string(const struct json *json, char **value)
{
    const char *s = get_string(json);

    if (s) {
        free(*value);
        *value = xstrdup(s);
    }
    return s != NULL;
}

static bool
parse_text(const struct json *json, struct vtep_text *value)
{
    const char *s = get_string(json);

    if (s) {
        ovs_strlcpy(value->s, s, sizeof value->s);
    }
    return s != NULL;
}

static int
compare_strings(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

static bool
parse_strings(const struct json *json, struct vtep_strings *value)
{
    struct elems elems;

    if (!get_elems(&json, "set", &elems)) {
        return false;
    }
    value->elems = xmalloc(MAX(elems.n, 1) * sizeof *value->elems);
    for (size_t i = 0; i < elems.n; i++) {
        if (elems.json[i]->type != JSON_STRING) {
            return false;
        }
        value->elems[value->n++] = xstrdup(elems.json[i]->string);
    }
    qsort(value->elems, value->n, sizeof *value->elems, compare_strings);
    return true;
}

static bool
parse_integer(const struct json *json, struct vtep_integer *value)
{
    struct elems elems;

    if (!get_elems(&json, "set", &elems) || elems.n > 1
        || (elems.n && elems.json[0]->type != JSON_INTEGER)) {
        return false;
    }
    if (elems.n) {
        value->set = true;
        value->value = elems.json[0]->integer;
    }
    return true;
}

static bool
parse_uuid(const struct json *json, struct uuid *value)
{
    struct elems elems;

    return (get_elems(&json, "set", &elems) && elems.n <= 1
            && (!elems.n || get_uuid(elems.json[0], value)));
}

static int
compare_uuids(const void *a, const void *b)
{
    return uuid_compare_3way(a, b);
}

static bool
parse_uuids(const struct json *json, struct vtep_uuids *value)
{
    struct elems elems;

    if (!get_elems(&json, "set", &elems)) {
        return false;
    }
    value->elems = xmalloc(MAX(elems.n, 1) * sizeof *value->elems);
    for (size_t i = 0; i < elems.n; i++) {
        if (!get_uuid(elems.json[i], &value->elems[i])) {
            return false;
        }
        value->n++;
    }
    qsort(value->elems, value->n, sizeof *value->elems, compare_uuids);
    return true;
}

static int
compare_bindings(const void *a_, const void *b_)
{
    const struct vtep_binding *a = a_, *b = b_;

    return (a->vlan < b->vlan ? -1 : a->vlan > b->vlan ? 1
            : uuid_compare_3way(&a->ls, &b->ls));
}

static bool
parse_bindings(const struct json *json, struct vtep_bindings *value)
{
    struct elems elems;

    if (!is_tagged(json, "map") || !get_elems(&json, "map", &elems)) {
        return false;
    }
    value->elems = xcalloc(MAX(elems.n, 1), sizeof *value->elems);
    for (size_t i = 0; i < elems.n; i++) {
        struct json *const *pair = get_pair(elems.json[i]);

        if (!pair || pair[0]->type != JSON_INTEGER
            || !get_uuid(pair[1], &value->elems[i].ls)) {
            return false;
        }
        value->elems[i].vlan = pair[0]->integer;
        value->n++;
    }
    qsort(value->elems, value->n, sizeof *value->elems, compare_bindings);
    return true;
}

static bool
parse_map(const struct json *json, struct smap *value)
{
    struct elems elems;

    if (!is_tagged(json, "map") || !get_elems(&json, "map", &elems)) {
        return false;
    }
    for (size_t i = 0; i < elems.n; i++) {
        struct json *const *pair = get_pair(elems.json[i]);

        if (!pair || pair[0]->type != JSON_STRING
            || pair[1]->type != JSON_STRING) {
            return false;
        }
        smap_replace(value, pair[0]->string, pair[1]->string);
    }
    return true;
}

static bool
parse(const struct json *json, enum vtep_type type, void *value)
{
    switch (type) {
    case VTEP_STRING:
        return parse_string(json, value);
    case VTEP_TEXT:
        return parse_text(json, value);
    case VTEP_STRINGS:
        return parse_strings(json, value);
    case VTEP_INTEGER:
        return parse_integer(json, value);
    case VTEP_UUID:
        return parse_uuid(json, value);
    case VTEP_UUIDS:
        return parse_uuids(json, value);
    case VTEP_BINDINGS:
        return parse_bindings(json, value);
    case VTEP_MAP:
        return parse_map(json, value);
    default:
        OVS_NOT_REACHED();
    }
}

/* Any value. */

static size_t
size_of(enum vtep_type type)
{
    static const size_t sizes[] = {
        [VTEP_STRING] = sizeof(char *),
        [VTEP_TEXT] = sizeof(struct vtep_text),
        [VTEP_STRINGS] = sizeof(struct vtep_strings),
        [VTEP_INTEGER] = sizeof(struct vtep_integer),
        [VTEP_UUID] = sizeof(struct uuid),
        [VTEP_UUIDS] = sizeof(struct vtep_uuids),
        [VTEP_BINDINGS] = sizeof(struct vtep_bindings),
        [VTEP_MAP] = sizeof(struct smap),
    };

    return sizes[type];
}

void
ovc_value_init(void *value, enum vtep_type type)
{
    if (type == VTEP_MAP) {
        smap_init(value);
    } else {
        memset(value, 0, size_of(type));
        if (type == VTEP_STRING) {
            *(char **) value = xstrdup("");
        }
    }
}

void
ovc_value_fini(void *value, enum vtep_type type)
{
    if (type == VTEP_STRING) {
        free(*(char **) value);
    } else if (type == VTEP_STRINGS) {
        struct vtep_strings *strings = value;

        for (size_t i = 0; i < strings->n; i++) {
            free(strings->elems[i]);
        }
        free(strings->elems);
    } else if (type == VTEP_UUIDS) {
        free(((struct vtep_uuids *) value)->elems);
    } else if (type == VTEP_BINDINGS) {
        free(((struct vtep_bindings *) value)->elems);
    } else if (type == VTEP_MAP) {
        smap_destroy(value);
    }
}

static bool
strings_equal(const struct vtep_strings *a, const struct vtep_strings *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->elems[i], b->elems[i])) {
            return false;
        }
    }
    return true;
}

static bool
bindings_equal(const struct vtep_bindings *a, const struct vtep_bindings *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (compare_bindings(&a->elems[i], &b->elems[i])) {
            return false;
        }
    }
    return true;
}

static bool
uuids_equal(const struct vtep_uuids *a, const struct vtep_uuids *b)
{
    return (a->n == b->n
            && (!a->n || !memcmp(a->elems, b->elems,
                                 a->n * sizeof *a->elems)));
}

static bool
integers_equal(const struct vtep_integer *a, const struct vtep_integer *b)
{
    return a->set == b->set && a->value == b->value;
}

static bool
value_equals(const void *a, const void *b, enum vtep_type type)
{
    switch (type) {
    case VTEP_STRING:
        return !strcmp(*(char *const *) a, *(char *const *) b);
    case VTEP_TEXT:
        return !strcmp(a, b);
    case VTEP_STRINGS:
        return strings_equal(a, b);
    case VTEP_INTEGER:
        return integers_equal(a, b);
    case VTEP_UUID:
        return uuid_equals(a, b);
    case VTEP_UUIDS:
        return uuids_equal(a, b);
    case VTEP_BINDINGS:
        return bindings_equal(a, b);
    case VTEP_MAP:
        return smap_equal(a, b);
    default:
        OVS_NOT_REACHED();
    }
}

static void
move(void *dst, const void *src, enum vtep_type type)
{
    memcpy(dst, src, size_of(type));
    if (type == VTEP_MAP) {
        /* A small one points into itself. */
        hmap_moved(&((struct smap *) dst)->map);
    }
}

bool
ovc_value_set(void *value, enum vtep_type type, const struct json *json,
              bool *changed)
{
    union {                     /* Any of them. */
        char *string;
        struct vtep_text text;
        struct vtep_strings strings;
        struct vtep_integer integer;
        struct uuid uuid;
        struct vtep_uuids uuids;
        struct vtep_bindings bindings;
        struct smap map;
    } new;
    bool ok = true;

    ovc_value_init(&new, type);
    if (!parse(json, type, &new)) {
        ovc_value_fini(&new, type);
        ovc_value_init(&new, type);
        ok = false;
    }
    *changed = !value_equals(value, &new, type);
    ovc_value_fini(value, type);
    move(value, &new, type);
    return ok;
}
