/* SPDX-License-Identifier: Apache-2.0 */
/* One table of route items, for the tests of reading and of writing them: what
 * live control nodes and agents sent (tests/wire/data/), and variants of it
 * that show each rule of spec/xmpp-protocol.md 3.3-3.10 and 7. */
#ifndef TESTS_ROUTE_VECTORS_H
#define TESTS_ROUTE_VECTORS_H 1

#include <stdbool.h>
#include <stddef.h>

struct ds;
struct xmpp_evpn;
struct xmpp_mcast;

enum vector_codec {
    VECTOR_EVPN, VECTOR_MCAST, VECTOR_INET, VECTOR_INET6, VECTOR_LABELED,
};

enum vector_encode {
    VECTOR_NONE,                /* Not written. */
    VECTOR_EQUAL,               /* What is written reads as the same route. */
    VECTOR_SAME,                /* It is written byte for byte as it was. */
};

struct route_vector {
    const char *name;
    enum vector_codec codec;
    const char *file;           /* Its first <entry> ... */
    const char *edits[11];      /* ... with each first string replaced by the
                                 * second one. */
    const char *error;          /* Start of why it is refused, or NULL and: */
    const char *dump;           /* The struct as text. */
    enum vector_encode encode;
    const char *written[5];     /* Edits that make of it what we write. */
    const char *node_id;        /* Publish: checked against the file if it has
                                 * no edits.  May be NULL. */
    bool has_item_id;           /* Event: the file has its id. */
};

extern const struct route_vector route_vectors[];
extern const size_t n_route_vectors;

/* All results are to be freed; what cannot be read fails the test. */
char *vector_read(const char *file);
void vector_replace(char **s, const char *from, const char *to);
/* The text of the first <entry>, with its indentation and line end. */
char *vector_cut_entry(const char *stanza);
char *vector_entry(const struct route_vector *);
char *vector_written(const struct route_vector *);
/* From a server, not to one. */
bool vector_is_event(const struct route_vector *);

char *vector_dump_evpn(const struct xmpp_evpn *);
char *vector_dump_mcast(const struct xmpp_mcast *);

/* Reads 'xml_text' as 'v', appends to 'out' how we write that and to 'id',
 * which may be NULL, the NODE-ID or item id if 'v' has one.  Returns its dump;
 * or sets '*failed' and returns why not.  Fails no test and does no I/O. */
char *vector_run(const struct route_vector *, const char *xml_text,
                 struct ds *out, struct ds *id, bool *failed);

#endif /* tests/unit/route-vectors.h */
