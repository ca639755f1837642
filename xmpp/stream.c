/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* Blanks inside an end tag: real ones have none or one.  What waits for the
 * ">" is looked at again with every byte. */
#define MAX_TAG_BLANKS 256u

/* An empty buffer larger than this goes back to the system. */
#define KEEP_BUFFER 65536u

void
xmpp_stream_init(struct xmpp_stream *s)
{
    memset(s, 0, sizeof *s);
}

void
xmpp_stream_fini(struct xmpp_stream *s)
{
    free(s->buf);
}

int
xmpp_stream_push(struct xmpp_stream *s, const void *data, size_t size)
{
    size_t pending = s->size - s->start;

    if (size > XMPP_MAX_STANZA || pending + size > XMPP_MAX_STANZA) {
        return -E2BIG;
    }
    if (s->start) {
        memmove(s->buf, s->buf + s->start, pending);
        s->start = 0;
        s->size = pending;
    }
    if (!pending && s->allocated > KEEP_BUFFER) {
        free(s->buf);
        s->buf = NULL;
        s->allocated = 0;
    }
    if (pending + size > s->allocated) {
        size_t wanted = MAX(pending + size, 2 * s->allocated);
        s->allocated = MIN(MAX(wanted, 4096), XMPP_MAX_STANZA);
        s->buf = xrealloc(s->buf, s->allocated);
    }
    if (size) {
        memcpy(s->buf + pending, data, size);
    }
    s->size = pending + size;
    return 0;
}

/* Keepalives: ASCII blanks, and either byte of U+0200, as peers match them
 * bytewise. */
static bool
is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t'
           || c == '\xc8' || c == '\x80';
}

static void
take(struct xmpp_stream *s, enum xmpp_stream_event_type type, size_t begin,
     size_t end, struct xmpp_stream_event *event)
{
    event->type = type;
    event->data = s->buf + s->start + begin;
    event->size = end - begin;
    event->skipped = begin + s->junk;
    s->start += end;
    s->scan = 0;
    s->junk = 0;
    s->tag = XMPP_TAG_NONE;
}

/* Whether 'p', of 'n' bytes, begins with 'prefix': 1 yes, 0 no, -1 there are
 * too few bytes to tell. */
static int
begins(const char *p, size_t n, const char *prefix)
{
    size_t len = strlen(prefix);

    if (memcmp(p, prefix, MIN(n, len))) {
        return 0;
    }
    return n >= len ? 1 : -1;
}

/* Finds the ">" that ends the tag at 'p', not one inside quotes.  Returns the
 * offset behind it, or 0. */
static size_t
tag_end(const char *p, size_t n)
{
    char quote = 0;

    for (size_t i = 0; i < n; i++) {
        if (quote) {
            quote = p[i] == quote ? 0 : quote;
        } else if (p[i] == '"' || p[i] == '\'') {
            quote = p[i];
        } else if (p[i] == '>') {
            return i + 1;
        }
    }
    return 0;
}

/* Before the stream is open: XML declarations, blanks, then the header. */
static int
next_header(struct xmpp_stream *s, struct xmpp_stream_event *event)
{
    const char *p = s->buf + s->start;
    size_t n = s->size - s->start;
    size_t at = 0;

    for (;;) {
        while (at < n && is_blank(p[at])) {
            at++;
        }
        int declaration = at < n ? begins(p + at, n - at, "<?") : -1;
        if (declaration != 1) {
            break;
        }
        const char *end = memmem(p + at, n - at, "?>", 2);
        if (!end) {
            return n > XMPP_MAX_HEADER ? -EBADMSG : 0;
        }
        at = end + 2 - p;
    }
    if (at == n) {
        return n > XMPP_MAX_HEADER ? -EBADMSG : 0;
    }

    int header = begins(p + at, n - at, "<stream:stream");
    size_t end = header ? tag_end(p + at, n - at) : 0;
    if (!header || at + end > XMPP_MAX_HEADER
        || (!end && n > XMPP_MAX_HEADER)) {
        return -EBADMSG;
    }
    if (header == 1 && end) {
        s->opened = true;
        take(s, XMPP_STREAM_OPEN, at, at + end, event);
    }
    return 0;
}

static const struct {
    const char *start, *end;
    enum xmpp_stream_event_type event;
} tags[] = {
    [XMPP_TAG_IQ] = { "<iq", "</iq", XMPP_STREAM_STANZA },
    [XMPP_TAG_MESSAGE] = { "<message", "</message", XMPP_STREAM_STANZA },
    [XMPP_TAG_FEATURES] = { "<stream:features", "</stream:features",
                            XMPP_STREAM_FEATURES },
    [XMPP_TAG_STARTTLS] = { "<starttls", "</starttls", XMPP_STREAM_STARTTLS },
    [XMPP_TAG_PROCEED] = { "<proceed", "</proceed", XMPP_STREAM_PROCEED },
};

/* Which stanza's start tag stands at 'p': the tag, XMPP_TAG_NONE, or -1 when
 * more bytes must come to tell. */
static int
match_start(const struct xmpp_stream *s, const char *p, size_t n)
{
    int last = s->expects_tls ? XMPP_TAG_PROCEED : XMPP_TAG_FEATURES;

    for (int tag = XMPP_TAG_IQ; tag <= last; tag++) {
        size_t len = strlen(tags[tag].start);
        int match = begins(p, n, tags[tag].start);
        if (match < 0 || (match && n == len)) {
            return -1;
        }
        if (match && (is_blank(p[len]) || p[len] == '>' || p[len] == '/')) {
            return tag;
        }
    }
    return XMPP_TAG_NONE;
}

/* Looks for a start tag from 's->scan' on. */
static bool
find_start(struct xmpp_stream *s, const char *p, size_t n)
{
    while (s->scan < n) {
        const char *lt = memchr(p + s->scan, '<', n - s->scan);
        if (!lt) {
            s->scan = n;
            return false;
        }
        s->scan = lt - p;
        int tag = match_start(s, lt, n - s->scan);
        if (tag < 0) {
            return false;
        }
        if (tag != XMPP_TAG_NONE) {
            s->tag = tag;
            s->tag_at = s->scan;
            s->scan += strlen(tags[tag].start);
            return true;
        }
        s->scan++;
    }
    return false;
}

/* Looks for the end of the stanza that begins at 's->tag_at'.  Returns the
 * offset behind it, or 0.  The first end tag counts, nested or not, as at
 * every peer: a broken stanza costs itself and not those behind it. */
static size_t
find_end(struct xmpp_stream *s, const char *p, size_t n)
{
    const char *end = tags[s->tag].end;
    size_t len = strlen(end);

    /* A self-closed stanza ends with its start tag, unless an end tag comes
     * before, in one of its attributes: then it would be the pieces in which
     * it comes that decide. */
    size_t self = tag_end(p + s->tag_at, MIN(n - s->tag_at,
                                             XMPP_MAX_HEADER));
    self = self && p[s->tag_at + self - 2] == '/' ? s->tag_at + self : 0;

    while (s->scan < n) {
        const char *found = memmem(p + s->scan, n - s->scan, end, len);
        if (self && (!found || found >= p + self)) {
            return self;
        }
        if (!found) {
            /* The end tag may have begun in the last bytes. */
            size_t keep = MIN(n - s->scan, len - 1);
            s->scan = n - keep;
            return 0;
        }
        size_t at = found - p + len;
        size_t limit = MIN(n, at + MAX_TAG_BLANKS);
        while (at < limit && is_blank(p[at])) {
            at++;
        }
        if (at == n) {
            s->scan = found - p;
            return 0;
        }
        if (p[at] == '>') {
            return at + 1;
        }
        s->scan = found - p + len;
    }
    return 0;
}

int
xmpp_stream_next(struct xmpp_stream *s, struct xmpp_stream_event *event)
{
    memset(event, 0, sizeof *event);
    if (s->size == s->start) {
        return 0;
    }
    const char *p = s->buf + s->start;
    size_t n = s->size - s->start;

    if (!s->opened) {
        return next_header(s, event);
    }

    if (s->tag == XMPP_TAG_NONE) {
        size_t blanks = 0;
        while (blanks < n && is_blank(p[blanks])) {
            blanks++;
        }
        if (blanks) {
            take(s, XMPP_STREAM_BLANK, 0, blanks, event);
            return 0;
        }
    }
    if (s->tag == XMPP_TAG_NONE && !find_start(s, p, n)) {
        /* What cannot begin a stanza need not be kept. */
        s->start += s->scan;
        s->junk += s->scan;
        s->scan = 0;
        return 0;
    }
    size_t end = find_end(s, p, n);
    if (end) {
        take(s, tags[s->tag].event, s->tag_at, end, event);
    }
    return 0;
}

size_t
xmpp_stream_rest(const struct xmpp_stream *s, const char **data)
{
    *data = s->buf ? s->buf + s->start : NULL;
    return s->size - s->start;
}

size_t
xmpp_stream_partial(const struct xmpp_stream *s)
{
    return s->tag == XMPP_TAG_NONE ? 0 : s->size - s->start - s->tag_at;
}
