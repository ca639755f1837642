/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

/* Has the pipeline tell its decisions; so before anything includes it. */
#define FWD_TRACE(V, STEP) trace(V, STEP)
#define FWD_TRACE_OUTER(A, STEP) trace_outer(A, STEP)
#include "replication/forwarder/trace.h"
#include "replication/forwarder/types.h"
static void trace(struct fwd_verdict *, enum fwd_step);
static void trace_outer(struct fwd_arrival *, enum fwd_step);
#include "replication/forwarder/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

static void
add_step(struct fwd_explain *e, enum fwd_step step)
{
    if (e->n_steps < FWD_EXPLAIN_MAX_STEPS) {
        e->steps[e->n_steps++] = step;
    }
}

static void
trace(struct fwd_verdict *v, enum fwd_step step)
{
    add_step(CONTAINER_OF(v, struct fwd_explain, verdict), step);
}

static void
trace_outer(struct fwd_arrival *a, enum fwd_step step)
{
    add_step(CONTAINER_OF(a, struct fwd_explain, arrival), step);
}

static void
explain_frame(struct fwd_explain *e)
{
    struct fwd_verdict *v = &e->verdict;

    fwd_decide(e->table, &e->host, &e->arrival, v);
    if (v->action == FWD_ANSWER) {
        e->answer = xmemdup(v->inner, fwd_explain_inner_size(e));
        arp_answer(e->answer, v->mac);
    } else if (v->action == FWD_FLOOD) {
        struct fwd_copies copies;

        fwd_copies_init(&copies, v, &e->arrival.source);
        e->nobody = !fwd_copies_next(&copies);
    }
}

void
fwd_explain_packet(struct fwd_explain *e, const struct fwd_table *table,
                   const struct fwd_host *host, const void *packet,
                   size_t size)
{
    *e = (struct fwd_explain) {
        .table = table, .host = *host,
        .packet = xmalloc(MAX(size, 1)), .size = size,
    };
    memcpy(e->packet, packet, size);

    uint32_t used = fwd_parse_outer(host, e->packet, e->packet + size,
                                    &e->arrival);
    if (used) {
        e->arrival.end = e->packet + used;
        explain_frame(e);
    } else {
        e->verdict.action = FWD_PASS;
        e->verdict.class = FWD_STRANGER;
    }
}

/* The headers with which a frame of 'size' octets comes as 'from' says: those
 * of a neighbour in the tree if that is where the label leads. */
static struct fwd_copy
arriving(const struct fwd_table *table, const struct fwd_host *host,
         const struct fwd_explain_from *from, size_t size)
{
    struct fwd_copy c = {
        .src = from->source,
        .dst = fwd_ip_is_v4(&from->source) ? host->ip4 : host->ip6,
        .label = from->label, .size = size, .encap = from->encap,
        .port = FWD_PORT_MIN, .ttl = FWD_TTL,
    };
    enum fwd_label_kind kind = FWD_LABEL_EVPN;
    const struct fwd_net *net = from->encap == FWD_VXLAN ? NULL
                                : fwd_find_label(table, from->label, &kind);

    if (net) {
        c.vni = net->vni;
        memcpy(&c.second_src, &from->source.b[12], sizeof c.second_src);
        c.flags = kind == FWD_LABEL_TREE
                  ? FWD_COPY_CONTROL_WORD | FWD_COPY_SECOND
                  : net->flags & FWD_NET_CONTROL_WORD ? FWD_COPY_CONTROL_WORD
                  : 0;
    }
    return c;
}

int
fwd_explain_frame(struct fwd_explain *e, const struct fwd_table *table,
                  const struct fwd_host *host,
                  const struct fwd_explain_from *from, const void *frame,
                  size_t size)
{
    if (size > FWD_IP_MAX) {
        return -EMSGSIZE;
    }

    const struct fwd_copy c = arriving(table, host, from, size);
    uint8_t *packet = xmalloc(FWD_EXPLAIN_MAX_HEADERS + size);
    const uint8_t *end = packet + FWD_EXPLAIN_MAX_HEADERS;
    uint8_t *p = fwd_put_ip(packet, end, &c);

    p = p ? fwd_put_transport(p, end, &c) : NULL;
    p = p ? fwd_put_tunnel(p, end, &c) : NULL;
    if (p) {
        memcpy(p, frame, size);
        fwd_explain_packet(e, table, host, packet, p - packet + size);
    }
    free(packet);
    return p ? 0 : -EMSGSIZE;
}

void
fwd_explain_fini(struct fwd_explain *e)
{
    free(e->packet);
    free(e->answer);
}

size_t
fwd_explain_inner_size(const struct fwd_explain *e)
{
    return e->arrival.end - e->verdict.inner;
}

void
fwd_explain_copies_init(struct fwd_explain_copies *copies,
                        const struct fwd_explain *e)
{
    const struct fwd_verdict *v = &e->verdict;

    *copies = (struct fwd_explain_copies) { .explain = e };
    switch (v->action) {
    case FWD_FLOOD:
        fwd_copies_init(&copies->made, v, &e->arrival.source);
        copies->next = fwd_copies_next(&copies->made);
        for (int class = 0; class < FWD_N_CLASSES; class++) {
            copies->n += fwd_network_of(v->net)->n_members[class];
        }
        break;
    case FWD_ANSWER:
    case FWD_RELAY:
        copies->n = 1;
        break;
    case FWD_DROP:
    case FWD_PASS:
    case FWD_PUNT:
    case FWD_N_ACTIONS:
        break;
    }
}

/* Makes the copy for 'c->member' as an engine does that makes all of it. */
static void
make_copy(const struct fwd_explain *e, struct fwd_explain_copy *c)
{
    const uint8_t *end = c->headers + sizeof c->headers;

    c->fate = FWD_EXPLAIN_DROPPED;
    c->drop = fwd_copy_init(&c->copy, &e->host, &e->verdict, c->member,
                            fwd_explain_inner_size(e));
    if (c->drop) {
        return;
    }
    uint8_t *transport = fwd_put_ip(c->headers, end, &c->copy);
    uint8_t *tunnel = transport ? fwd_put_transport(transport, end, &c->copy)
                      : NULL;
    uint8_t *p = tunnel ? fwd_put_tunnel(tunnel, end, &c->copy) : NULL;
    if (!p) {
        c->drop = FWD_DROP_COPY_FAILED;
        return;
    }
    c->ip_size = transport - c->headers;
    c->transport_size = tunnel - transport;
    c->tunnel_size = p - tunnel;
    c->payload = e->answer ? e->answer
                 : fwd_copy_payload(&e->verdict, c->member->class);
    c->fate = FWD_EXPLAIN_SENT;
}

bool
fwd_explain_copies_next(struct fwd_explain_copies *copies,
                        struct fwd_explain_copy *c)
{
    const struct fwd_explain *e = copies->explain;
    const struct fwd_verdict *v = &e->verdict;

    if (copies->i == copies->n) {
        return false;
    }
    memset(c, 0, sizeof *c);
    if (v->action != FWD_FLOOD) {
        copies->i++;
        c->member = &v->dest;
        make_copy(e, c);
        return true;
    }

    c->member = &fwd_network_of(v->net)->members[copies->i++];
    if (c->member == copies->next) {
        copies->next = fwd_copies_next(&copies->made);
        make_copy(e, c);
    } else {
        c->fate = fwd_ip_equals(&c->member->ip, &e->arrival.source)
                  ? FWD_EXPLAIN_SOURCE : FWD_EXPLAIN_CLASS;
    }
    return true;
}
