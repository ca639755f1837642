/* SPDX-License-Identifier: Apache-2.0 */
/* What a client has been told so far, by meaning: blanks, the order of
 * attributes and how routes are put together in messages do not matter. */
#ifndef TESTS_WIRE_HEARD_H
#define TESTS_WIRE_HEARD_H 1

#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/shash.h"
#include "xmpp/stream.h"

struct heard {
    struct xmpp_stream stream;
    struct ds header;           /* As it came. */
    struct shash routes;        /* EVPN: "INSTANCE ID" to item's meaning. */
    int n_keepalives, n_end_of_rib, n_bad;
    struct xmpp_graph *graph;   /* All configuration. */
    int n_config;
};

void heard_init(struct heard *);
void heard_fini(struct heard *);
/* Another session: nothing is known any more. */
void heard_reset(struct heard *);

/* Bytes from the control node. */
void heard_bytes(struct heard *, const char *data, size_t size);

/* The networks, switches and ports of the configuration, as 'agent' sees them,
 * as text. */
void heard_put_config(const struct heard *, const char *agent,
                      struct ds *out);

/* Whether both know the same routes; if not, '*why' gets the first
 * difference. */
bool heard_equal_routes(const struct heard *ours, const struct heard *recorded,
                        struct ds *why);

#endif /* tests/wire/heard.h */
