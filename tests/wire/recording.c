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

/* The directions of recordings that name no agent. */
static const struct { const char *text; bool from_agent; } relays[] = {
    { "REAL CLIENT => REAL SERVER ", true },
    { "REAL SERVER => REAL CLIENT ", false },
    { "REAL CLIENT => server ", true },
    { "server => REAL CLIENT ", false },
};

/* The agent in those. */
#define RELAYED "tor-agent-1"

static bool
parse_relay(const char *rest, struct transfer *t, int *n)
{
    for (size_t i = 0; i < ARRAY_SIZE(relays); i++) {
        const char *text = relays[i].text;

        if (strncmp(rest, text, strlen(text))) {
            continue;
        }
        strcpy(t->agent, RELAYED);
        t->from_agent = relays[i].from_agent;
        if (!strncmp(rest + strlen(text), "closed", 6)) {
            t->kind = t->from_agent ? RECORDING_CLIENT_CLOSES
                                    : RECORDING_SERVER_CLOSES;
            return true;
        }
        *n = 0;
        if (sscanf(rest + strlen(text), "(%zu bytes%n", &t->size, n) == 1
            && *n) {
            *n += strlen(text);
            return true;
        }
    }
    return false;
}

/* What happened but no bytes: "NAME: TCP connected from ..." and the like. */
static bool
parse_event(const char *rest, struct transfer *t)
{
    static const struct {
        const char *text;
        enum recording_kind kind;
    } events[] = {
        { "TCP connected", RECORDING_CONNECT },
        { "TLS up", RECORDING_TLS_UP },
        { "TCP closed by server", RECORDING_SERVER_CLOSES },
        { "client closes TCP", RECORDING_CLIENT_CLOSES },
    };
    int n = 0;

    if (sscanf(rest, "%63[^: ]: %n", t->agent, &n) != 1 || !n) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
        if (!strncmp(rest + n, events[i].text, strlen(events[i].text))) {
            t->kind = events[i].kind;
            return true;
        }
    }
    return false;
}

/* "<!-- [ 0.001] AGENT tor1 => SERVER (161 bytes) ..." and the like.  Returns
 * false for a comment that says nothing of interest. */
static bool
parse_comment(const char *line, struct transfer *t)
{
    const char *rest;
    int n = 0;

    if (sscanf(line, "<!-- ######## [ %lf ] %n", &t->time_s, &n) == 1 && n) {
        t->kind = RECORDING_SECTION;
        t->title = line + n;
        return true;
    }
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
    } else if (!parse_relay(rest, t, &n)) {
        return parse_event(rest, t);
    }
    /* Keepalives are in the comment, or in both. */
    t->data = t->kind == RECORDING_BYTES && rest[n] == ':' ? "\xc8\x80"
                                                           : NULL;
    return true;
}

static void
add_step(struct transfer **steps, size_t *n, const struct transfer *t)
{
    *steps = xrealloc(*steps, (*n + 1) * sizeof **steps);
    (*steps)[(*n)++] = *t;
}

void
recording_read(struct recording *r, const char *name)
{
    size_t size;

    memset(r, 0, sizeof *r);
    r->text = read_file(name, &size);
    for (char *line = r->text; line && *line; ) {
        struct transfer t = { .size = 0 };
        char *next = strchr(line, '\n');

        next = next ? next + 1 : r->text + size;
        if (parse_comment(line, &t)) {
            if (t.kind == RECORDING_BYTES && !t.data) {
                if (!strncmp(next, "(binary", 7)) {
                    line = next;
                    continue;
                }
                t.data = next;
                assert_true(t.size <= (size_t) (r->text + size - next));
                next += t.size;
            }
            add_step(&r->steps, &r->n_steps, &t);
            if (t.kind == RECORDING_BYTES) {
                add_step(&r->transfers, &r->n_transfers, &t);
            }
        }
        line = next;
    }
    assert_true(r->n_transfers > 0);
}

void
recording_fini(struct recording *r)
{
    free(r->steps);
    free(r->transfers);
    free(r->text);
}
