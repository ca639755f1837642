/* SPDX-License-Identifier: Apache-2.0 */
/* Framing: however the bytes are cut into reads, the same stanzas come of
 * them.  The first byte chooses the cuts, the rest is what the peer sends. */
#include <config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"
#include "xmpp/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the next read ends: a sequence of small and large ones that follows
 * from 'state'. */
static size_t
next_size(uint32_t *state, size_t left)
{
    *state = *state * 1103515245 + 12345;
    uint32_t r = *state >> 16;
    return MIN(left, 1 + (r & 1 ? (r >> 1) % 8 : (r >> 1) % 512));
}

/* Appends what came out, but not the blanks and junk, which go when they
 * come.  Returns false once the stream is refused. */
static bool
drain(struct xmpp_stream *s, struct ds *out)
{
    struct xmpp_stream_event e;

    for (;;) {
        if (xmpp_stream_next(s, &e)) {
            ds_put_cstr(out, "refused");
            return false;
        }
        ovs_assert(s->start <= s->size && s->size <= s->allocated);
        ovs_assert(xmpp_stream_partial(s) <= s->size - s->start);
        if (e.type == XMPP_STREAM_NONE) {
            return true;
        }
        ovs_assert(e.size > 0);
        if (e.type != XMPP_STREAM_BLANK) {
            ds_put_format(out, "%d:", e.type);
            ds_put_buffer(out, e.data, e.size);
            ds_put_char(out, '\n');
        }
    }
}

/* 'cuts' 0: all at once. */
static void
run(const uint8_t *data, size_t size, uint32_t cuts, struct ds *out)
{
    struct xmpp_stream s;

    xmpp_stream_init(&s);
    for (size_t ofs = 0, n; ofs < size; ofs += n) {
        n = cuts ? next_size(&cuts, size - ofs) : size - ofs;
        /* An exact copy: the sanitizer sees a read behind it. */
        void *piece = xmemdup(data + ofs, n);
        int error = xmpp_stream_push(&s, piece, n);
        free(piece);
        ovs_assert(!error);
        if (!drain(&s, out)) {
            break;
        }
    }
    xmpp_stream_fini(&s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ds whole = DS_EMPTY_INITIALIZER, pieces = DS_EMPTY_INITIALIZER;

    if (size > 1) {
        run(data + 1, size - 1, 0, &whole);
        run(data + 1, size - 1, 1 + data[0], &pieces);
        ovs_assert(whole.length == pieces.length
                   && !memcmp(ds_cstr(&whole), ds_cstr(&pieces),
                              whole.length));
    }
    ds_destroy(&whole);
    ds_destroy(&pieces);
    return 0;
}
