/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsnctl/render.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "util.h"

/* An object of an object's line, beyond which it gets lines of its own. */
#define INLINE_MAX 60

#define COLUMN_GAP 2
#define INDENT 2

struct renderer {
    struct ds *out;
    /* Order of first appearance of each key; OVS's objects have none. */
    struct shash ranks;
};

static void render_object(struct renderer *, const struct shash *,
                          int indent);

/* Finds the keys of the JSON 'text': the strings before a colon. */
static void
rank_keys(struct shash *ranks, const char *text)
{
    size_t rank = 0;

    for (const char *p = text; (p = strchr(p, '"')); ) {
        const char *start = ++p;

        while (*p && *p != '"') {
            p += p[0] == '\\' && p[1] ? 2 : 1;
        }
        if (!*p) {
            return;
        }
        const char *end = p++;
        if (p[strspn(p, " \t\r\n")] == ':') {
            char *key = xmemdup0(start, end - start);

            if (!shash_find(ranks, key)) {
                shash_add_nocopy(ranks, key, (void *) ++rank);
            } else {
                free(key);
            }
        }
    }
}

static int
compare_members(const void *a_, const void *b_, void *ranks)
{
    const struct shash_node *const *a = a_, *const *b = b_;
    size_t rank_a = (size_t) shash_find_data(ranks, (*a)->name);
    size_t rank_b = (size_t) shash_find_data(ranks, (*b)->name);

    /* A key written with escapes has none. */
    return rank_a != rank_b
           ? (rank_a < rank_b ? -1 : 1)
           : strcmp((*a)->name, (*b)->name);
}

/* The members of 'object' in their order, to be freed by the caller. */
static const struct shash_node **
sort_members(const struct renderer *r, const struct shash *object)
{
    const struct shash_node **nodes = xmalloc(MAX(1, shash_count(object))
                                              * sizeof *nodes);
    const struct shash_node *node;
    size_t n = 0;

    SHASH_FOR_EACH (node, object) {
        nodes[n++] = node;
    }
    qsort_r(nodes, n, sizeof *nodes, compare_members,
            CONST_CAST(struct shash *, &r->ranks));
    return nodes;
}

static bool
is_scalar(const struct json *v)
{
    return v->type != JSON_OBJECT && v->type != JSON_ARRAY;
}

static bool
all_scalars(const struct json *v)
{
    if (v->type == JSON_ARRAY) {
        for (size_t i = 0; i < v->array.n; i++) {
            if (!is_scalar(v->array.elems[i])) {
                return false;
            }
        }
    } else if (v->type == JSON_OBJECT) {
        const struct shash_node *node;

        SHASH_FOR_EACH (node, v->object) {
            if (!is_scalar(node->data)) {
                return false;
            }
        }
    }
    return true;
}

/* Whether each element is an object that fits a row. */
static bool
is_table(const struct json *v)
{
    for (size_t i = 0; i < v->array.n; i++) {
        const struct json *row = v->array.elems[i];
        const struct shash_node *node;

        if (row->type != JSON_OBJECT) {
            return false;
        }
        SHASH_FOR_EACH (node, row->object) {
            if (!all_scalars(node->data)) {
                return false;
            }
        }
    }
    return v->array.n > 0;
}

/* Text of a peer must not drive the terminal. */
static void
put_text(struct ds *out, const char *s)
{
    for (; *s; s++) {
        uint8_t c = *s;
        bool c1 = c == 0xc2 && (uint8_t) s[1] >= 0x80
                  && (uint8_t) s[1] <= 0x9f;

        ds_put_char(out, c < 0x20 || c == 0x7f || c1 ? '?' : *s);
        s += c1;
    }
}

static void
put_scalar(struct ds *out, const struct json *v)
{
    switch (v->type) {
    case JSON_FALSE:
        ds_put_cstr(out, "no");
        break;
    case JSON_TRUE:
        ds_put_cstr(out, "yes");
        break;
    case JSON_INTEGER:
        ds_put_format(out, "%lld", v->integer);
        break;
    case JSON_REAL:
        ds_put_format(out, "%.17g", v->real);
        break;
    case JSON_STRING:
        put_text(out, *v->string ? v->string : "-");
        break;
    default:
        ds_put_char(out, '-');
        break;
    }
}

/* Any value on one line. */
static void
put_compact(struct renderer *r, struct ds *out, const struct json *v)
{
    size_t n = 0;

    if (v->type == JSON_ARRAY) {
        for (; n < v->array.n; n++) {
            ds_put_cstr(out, n ? ", " : "");
            put_compact(r, out, v->array.elems[n]);
        }
    } else if (v->type == JSON_OBJECT) {
        const struct shash_node **nodes = sort_members(r, v->object);

        for (; n < shash_count(v->object); n++) {
            ds_put_cstr(out, n ? " " : "");
            put_text(out, nodes[n]->name);
            ds_put_char(out, '=');
            put_compact(r, out, nodes[n]->data);
        }
        free(nodes);
    } else {
        put_scalar(out, v);
        n = 1;
    }
    if (!n) {
        ds_put_char(out, '-');
    }
}

/* Characters, not bytes. */
static size_t
text_width(const struct ds *text)
{
    size_t n = 0;

    for (size_t i = 0; i < text->length; i++) {
        n += (text->string[i] & 0xc0) != 0x80;
    }
    return n;
}

struct column {
    const char *key;
    size_t width;
    bool is_number;             /* Then it is aligned at its right end. */
};

static void
put_heading(struct ds *out, const char *key)
{
    size_t start = out->length;

    put_text(out, key);
    for (size_t i = start; i < out->length; i++) {
        out->string[i] = toupper((unsigned char) out->string[i]);
    }
}

/* The text of 'row' in 'column', valid until the next call with 'cell'. */
static void
format_cell(struct renderer *r, const struct column *column,
            const struct json *row, struct ds *cell)
{
    const struct json *v = shash_find_data(row->object, column->key);

    ds_clear(cell);
    if (v) {
        put_compact(r, cell, v);
    } else {
        ds_put_char(cell, '-');
    }
}

static void
put_cell(struct ds *out, const struct column *column, const struct ds *cell,
         bool last)
{
    size_t pad = column->width - text_width(cell);

    ds_put_char_multiple(out, ' ', column->is_number ? pad : 0);
    ds_put_buffer(out, cell->string, cell->length);
    if (!last) {
        ds_put_char_multiple(out, ' ', (column->is_number ? 0 : pad)
                                       + COLUMN_GAP);
    }
}

/* The union of the rows' keys, with the widths; '*np' of them. */
static struct column *
make_columns(struct renderer *r, const struct json *rows, size_t *np)
{
    struct shash keys = SHASH_INITIALIZER(&keys);
    const struct shash_node *node;

    for (size_t i = 0; i < rows->array.n; i++) {
        SHASH_FOR_EACH (node, rows->array.elems[i]->object) {
            shash_add_once(&keys, node->name, NULL);
        }
    }

    size_t n = shash_count(&keys);
    const struct shash_node **nodes = sort_members(r, &keys);
    struct column *columns = xcalloc(MAX(n, 1), sizeof *columns);
    struct ds cell = DS_EMPTY_INITIALIZER;
    for (size_t i = 0; i < n; i++) {
        struct column *c = &columns[i];

        /* The rows' own copy of the name, which outlives 'keys'. */
        for (size_t j = 0; !c->key; j++) {
            node = shash_find(rows->array.elems[j]->object, nodes[i]->name);
            c->key = node ? node->name : NULL;
        }
        ds_clear(&cell);
        put_heading(&cell, c->key);
        c->width = text_width(&cell);
        bool any_number = false, any_text = false;
        for (size_t j = 0; j < rows->array.n; j++) {
            const struct json *row = rows->array.elems[j];
            const struct json *v = shash_find_data(row->object, c->key);

            format_cell(r, c, row, &cell);
            c->width = MAX(c->width, text_width(&cell));
            bool number = v && (v->type == JSON_INTEGER
                                || v->type == JSON_REAL);
            any_number |= number;
            any_text |= !number && v && v->type != JSON_NULL;
        }
        c->is_number = any_number && !any_text;
    }
    ds_destroy(&cell);
    free(nodes);
    shash_destroy(&keys);
    *np = n;
    return columns;
}

static void
render_table(struct renderer *r, const struct json *rows, int indent)
{
    size_t n;
    struct column *columns = make_columns(r, rows, &n);
    struct ds cell = DS_EMPTY_INITIALIZER;

    ds_put_char_multiple(r->out, ' ', indent);
    for (size_t i = 0; i < n; i++) {
        ds_clear(&cell);
        put_heading(&cell, columns[i].key);
        put_cell(r->out, &columns[i], &cell, i == n - 1);
    }
    ds_put_char(r->out, '\n');
    for (size_t j = 0; j < rows->array.n; j++) {
        ds_put_char_multiple(r->out, ' ', indent);
        for (size_t i = 0; i < n; i++) {
            format_cell(r, &columns[i], rows->array.elems[j], &cell);
            put_cell(r->out, &columns[i], &cell, i == n - 1);
        }
        ds_put_char(r->out, '\n');
    }
    ds_destroy(&cell);
    free(columns);
}

static void
render_array(struct renderer *r, const struct json *v, int indent)
{
    if (is_table(v)) {
        render_table(r, v, indent);
        return;
    }
    for (size_t i = 0; i < v->array.n; i++) {
        const struct json *element = v->array.elems[i];

        if (element->type == JSON_OBJECT) {
            ds_put_cstr(r->out, i ? "\n" : "");
            render_object(r, element->object, indent);
        } else {
            ds_put_char_multiple(r->out, ' ', indent);
            put_compact(r, r->out, element);
            ds_put_char(r->out, '\n');
        }
    }
}

/* Appends the text of a member to 'text' if it fits its line. */
static bool
format_inline(struct renderer *r, const struct json *v, struct ds *text)
{
    if (!all_scalars(v)) {
        return false;
    }
    ds_clear(text);
    put_compact(r, text, v);
    return v->type != JSON_OBJECT || text->length <= INLINE_MAX;
}

static void
render_object(struct renderer *r, const struct shash *object, int indent)
{
    size_t n = shash_count(object);
    const struct shash_node **nodes = sort_members(r, object);
    bool *is_inline = xcalloc(MAX(n, 1), sizeof *is_inline);
    struct ds text = DS_EMPTY_INITIALIZER;
    bool any = false;
    size_t width = 0;

    for (size_t i = 0; i < n; i++) {
        is_inline[i] = format_inline(r, nodes[i]->data, &text);
        if (is_inline[i]) {
            width = MAX(width, strlen(nodes[i]->name));
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (is_inline[i]) {
            format_inline(r, nodes[i]->data, &text);
            ds_put_char_multiple(r->out, ' ', indent);
            put_text(r->out, nodes[i]->name);
            ds_put_char(r->out, ':');
            ds_put_char_multiple(r->out, ' ',
                                 width - strlen(nodes[i]->name) + 1);
            ds_put_buffer(r->out, text.string, text.length);
            ds_put_char(r->out, '\n');
            any = true;
        }
    }
    for (size_t i = 0; i < n; i++) {
        const struct json *v = nodes[i]->data;

        if (is_inline[i]) {
            continue;
        }
        ds_put_cstr(r->out, any ? "\n" : "");
        ds_put_char_multiple(r->out, ' ', indent);
        put_text(r->out, nodes[i]->name);
        ds_put_cstr(r->out, ":\n");
        if (v->type == JSON_OBJECT) {
            render_object(r, v->object, indent + INDENT);
        } else {
            render_array(r, v, indent + INDENT);
        }
        any = true;
    }
    if (!n) {
        ds_put_char_multiple(r->out, ' ', indent);
        ds_put_cstr(r->out, "-\n");
    }
    ds_destroy(&text);
    free(is_inline);
    free(nodes);
}

/* An object of nothing but an array, such as {"tors": [...]}: the array
 * needs no title. */
static const struct shash_node *
lone_array(const struct json *v)
{
    const struct shash_node *node = v->type == JSON_OBJECT
                                    && shash_count(v->object) == 1
                                    ? shash_first(v->object) : NULL;
    const struct json *array = node ? node->data : NULL;

    return array && array->type == JSON_ARRAY ? node : NULL;
}

void
tsnctl_render(struct ds *out, const struct json *v, const char *text,
              int indent)
{
    struct renderer r = {
        .out = out,
        .ranks = SHASH_INITIALIZER(&r.ranks),
    };
    const struct shash_node *lone = lone_array(v);

    rank_keys(&r.ranks, text);
    if (lone) {
        v = lone->data;
    }
    if (v->type == JSON_OBJECT) {
        render_object(&r, v->object, indent);
    } else if (v->type == JSON_ARRAY && v->array.n) {
        render_array(&r, v, indent);
    } else {
        ds_put_char_multiple(out, ' ', indent);
        if (lone) {
            ds_put_cstr(out, "no ");
            put_text(out, lone->name);
        } else {
            put_compact(&r, out, v);
        }
        ds_put_char(out, '\n');
    }
    shash_destroy(&r.ranks);
}
