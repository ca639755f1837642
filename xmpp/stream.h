/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts the bytes of an XMPP session into stanzas, as real peers do
 * (spec/xmpp-protocol.md 1.5): any segmentation, blanks and U+0200 between
 * stanzas, repeated XML declarations, anything else in front of a stanza.
 * Sans-I/O, bounded memory. */
#ifndef XMPP_STREAM_H
#define XMPP_STREAM_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stanza larger than this closes the session: control nodes batch at most
 * 32 items, 256 retracts or 16 config objects (spec/xmpp-protocol.md 6),
 * recorded are 7 KiB, and two lists of 1 024 next hops take 0.6 MiB.  What has
 * no objects in it (XMPP_XML_MAX_OBJECTS) is read at some 10 ns a byte. */
#define XMPP_MAX_STANZA (4u << 20)

/* A stream header fits 1 KiB at every known peer. */
#define XMPP_MAX_HEADER 4096u

enum xmpp_stream_event_type {
    XMPP_STREAM_NONE,           /* More bytes are needed. */
    XMPP_STREAM_BLANK,          /* A run of keepalive bytes. */
    XMPP_STREAM_OPEN,           /* <stream:stream ...>, text up to its ">". */
    XMPP_STREAM_FEATURES,       /* <stream:features>...: TLS is asked for. */
    XMPP_STREAM_STARTTLS,       /* <starttls ... />, and the answer, */
    XMPP_STREAM_PROCEED,        /* <proceed ... />; if expected (1.7). */
    XMPP_STREAM_STANZA,         /* <iq>...</iq> or <message>...</message>,
                                 * without what stood in front of it. */
};

struct xmpp_stream_event {
    enum xmpp_stream_event_type type;
    const char *data;           /* Borrowed until the next call. */
    size_t size;
    size_t skipped;             /* Bytes of junk in front. */
};

enum xmpp_stream_tag {
    XMPP_TAG_NONE, XMPP_TAG_IQ, XMPP_TAG_MESSAGE, XMPP_TAG_FEATURES,
    XMPP_TAG_STARTTLS, XMPP_TAG_PROCEED,
};

struct xmpp_stream {
    char *buf;
    size_t size, allocated;
    size_t start;               /* First byte not yet given out.  From here
                                 * on count: */
    size_t scan;                /* bytes that need no second look, */
    size_t tag_at;              /* where the stanza begins, */
    enum xmpp_stream_tag tag;   /* if any has begun. */
    size_t junk;                /* Bytes dropped since the last event. */
    bool opened;
    bool expects_tls;           /* Looks for the tags that begin TLS. */
};

void xmpp_stream_init(struct xmpp_stream *);
void xmpp_stream_fini(struct xmpp_stream *);

/* Appends received bytes.  Returns 0, or -E2BIG when a stanza or header
 * outgrows its limit. */
int xmpp_stream_push(struct xmpp_stream *, const void *data, size_t size);

/* Takes the next event.  Returns 0; or -EBADMSG for bytes before the stream
 * header that no stream header can start with. */
int xmpp_stream_next(struct xmpp_stream *, struct xmpp_stream_event *event);

/* The bytes behind the last event, borrowed: records of TLS, which are not for
 * us.  Returns their number. */
size_t xmpp_stream_rest(const struct xmpp_stream *, const char **data);

/* Bytes of the stanza that has begun and not ended, 0 if none has.  Junk in
 * front of a stanza is not the beginning of one. */
size_t xmpp_stream_partial(const struct xmpp_stream *);

#endif /* xmpp/stream.h */
