/* SPDX-License-Identifier: Apache-2.0 */
/* What would become of a packet: each decision of the pipeline as it is made,
 * then each copy with its headers, by the very code of the engines.  Nothing
 * is sent or counted.
 *
 * Any thread that may read the table; no I/O. */
#ifndef FWD_EXPLAIN_H
#define FWD_EXPLAIN_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replication/forwarder/encap.h"
#include "replication/forwarder/table.h"
#include "replication/forwarder/trace.h"

struct ds;

/* No packet takes more decisions. */
#define FWD_EXPLAIN_MAX_STEPS 16

struct fwd_explain {
    const struct fwd_table *table;
    struct fwd_host host;

    uint8_t *packet;            /* From the IP header on. */
    size_t size;
    struct fwd_arrival arrival; /* Unless it is left to the host. */
    struct fwd_verdict verdict;
    enum fwd_step steps[FWD_EXPLAIN_MAX_STEPS];
    unsigned int n_steps;
    uint8_t *answer;            /* FWD_ANSWER: the frame that is sent. */
    bool nobody;                /* FWD_FLOOD: there is nobody to flood to. */
};

/* How a frame comes that is not in a packet of the underlay yet. */
struct fwd_explain_from {
    struct fwd_ip source;
    enum fwd_encap encap;
    uint32_t label;             /* VNI or MPLS label. */
};

/* Explains the packet of 'size' octets, from its IP header on, that comes from
 * the underlay.  Borrows 'table' as long as '*e' is used; copies the packet.
 * To be freed with fwd_explain_fini(). */
void fwd_explain_packet(struct fwd_explain *e, const struct fwd_table *table,
                        const struct fwd_host *host, const void *packet,
                        size_t size);

/* Likewise, the packet that such a frame comes in.  Returns 0, or -EMSGSIZE
 * if no packet has room for it: then there is nothing to free. */
int fwd_explain_frame(struct fwd_explain *e, const struct fwd_table *table,
                      const struct fwd_host *host,
                      const struct fwd_explain_from *from, const void *frame,
                      size_t size);

void fwd_explain_fini(struct fwd_explain *);

/* Octets of the inner frame; only if 'verdict.inner'. */
size_t fwd_explain_inner_size(const struct fwd_explain *);

enum fwd_explain_fate {
    FWD_EXPLAIN_SENT,
    FWD_EXPLAIN_DROPPED,        /* 'drop' says why. */
    FWD_EXPLAIN_SOURCE,         /* None: the frame came from there. */
    FWD_EXPLAIN_CLASS           /* None: by the class of the source (B.6). */
};

/* IPv6, UDP, label, control word, second encapsulation. */
#define FWD_EXPLAIN_MAX_HEADERS 92

/* What a member of the network gets. */
struct fwd_explain_copy {
    const struct fwd_member *member;
    enum fwd_explain_fate fate;
    enum fwd_drop drop;
    struct fwd_copy copy;       /* If sent or dropped. */

    /* The packet, if sent: headers, IP's, UDP's or GRE's, and those of the
     * tunnel, then 'copy.size' octets. */
    uint8_t headers[FWD_EXPLAIN_MAX_HEADERS];
    size_t ip_size, transport_size, tunnel_size;
    const uint8_t *payload;
};

/* All members of a network that floods a frame, in the order of the copies, or
 * the one whom a frame goes to:
 *
 *     fwd_explain_copies_init(&copies, &explain);
 *     while (fwd_explain_copies_next(&copies, &copy)) ... */
struct fwd_explain_copies {
    const struct fwd_explain *explain;
    struct fwd_copies made;
    const struct fwd_member *next;      /* Whom the next copy is for. */
    uint32_t i, n;                      /* Members. */
};
void fwd_explain_copies_init(struct fwd_explain_copies *,
                             const struct fwd_explain *);
bool fwd_explain_copies_next(struct fwd_explain_copies *,
                             struct fwd_explain_copy *);

/* explain-text.c */
/* "vni_unknown". */
const char *fwd_step_name(enum fwd_step);
/* The section of spec/tsn-dataplane.md that a step is by: "B.2". */
const char *fwd_step_rule(enum fwd_step);
/* Appends in plain words a step that 'e' has, with what it was made by. */
void fwd_explain_put_step(const struct fwd_explain *e, enum fwd_step,
                          struct ds *);
/* Likewise, the headers of the inner frame, in a line. */
void fwd_explain_put_inner(const struct fwd_explain *e, struct ds *);

#endif /* replication/forwarder/explain.h */
