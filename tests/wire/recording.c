/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/wire/recording.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "util.h"

static char *
read_file(const char *name, size_t *size)
{
    const char *srcdir = getenv("srcdir");
    char path[4096];

    snprintf(path, sizeof path, "%s/tests/wire/recordings/%s",
             srcdir ? srcdir : ".", name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        fail_msg("cannot open %s", path);
        abort();
    }
    fseek(f, 0, SEEK_END);
    *size = ftell(f);
    rewind(f);
    char *text = xmalloc(*size + 1);
    assert_int_equal(fread(text, 1, *size, f), *size);
    text[*size] = '\0';
    fclose(f);
    return text;
}

/* "<!-- [ 0.001] AGENT tor1 => SERVER (161 bytes) ..." and the like.  Returns
 * false for a comment that introduces no bytes. */
static bool
parse_comment(const char *line, struct transfer *t)
{
    char from[16], to[16];
    const char *rest;
    int n = 0;

    if (sscanf(line, "<!-- [ %lf ] %n", &t->time_s, &n) < 1 || !n) {
        return false;
    }
    rest = line + n;
    n = 0;
    if (sscanf(rest, "AGENT %63s => SERVER (%zu bytes%n", t->agent, &t->size,
               &n) == 2 && n) {
        t->from_agent = true;
    } else if (sscanf(rest, "SERVER => AGENT %63s (%zu bytes%n", t->agent,
                      &t->size, &n) == 2 && n) {
        t->from_agent = false;
    } else if (sscanf(rest, "REAL %15s => REAL %15s (%zu bytes%n", from, to,
                      &t->size, &n) == 3 && n) {
        t->from_agent = !strcmp(from, "CLIENT");
        strcpy(t->agent, "tor-agent-1");
    } else {
        return false;
    }
    t->data = rest[n] == ':' ? "\xc8\x80" : NULL;
    return true;
}

void
recording_read(struct recording *r, const char *name)
{
    size_t size, allocated = 0;

    memset(r, 0, sizeof *r);
    r->text = read_file(name, &size);
    for (char *line = r->text; line && *line; ) {
        struct transfer t = { .size = 0 };
        char *next = strchr(line, '\n');

        next = next ? next + 1 : r->text + size;
        if (parse_comment(line, &t)) {
            if (!t.data) {
                t.data = next;
                assert_true(t.size <= (size_t) (r->text + size - next));
                next += t.size;
            }
            if (r->n_transfers >= allocated) {
                r->transfers = x2nrealloc(r->transfers, &allocated,
                                          sizeof *r->transfers);
            }
            r->transfers[r->n_transfers++] = t;
        }
        line = next;
    }
    assert_true(r->n_transfers > 0);
}

void
recording_fini(struct recording *r)
{
    free(r->transfers);
    free(r->text);
}
