/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/show-explain.h"

#include <net/if.h>
#include <stdlib.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "replication/explain-request.h"
#include "replication/forwarder/forwarder.h"
#include "replication/forwarder/ip-text.h"
#include "replication/forwarder/nexthop.h"
#include "replication/show.h"
#include "replication/tree/networks.h"
#include "tsn/ctl.h"
#include "tsn/error.h"
#include "tsn/hex.h"
#include "tsn/json.h"
#include "util.h"
#include "xmpp/view.h"

/* Copies that are shown with their headers: a turn of the loop must not take
 * long, and nobody reads more.  Others are shown by --to. */
#define MAX_IN_FULL 100

struct context {
    struct tsn_json *json;
    const struct repl_explain_request *request;
    const struct repl_show *show;
    const struct fwd_explain *explain;
};

static void
put_ds(struct tsn_json *json, const char *key, struct ds *text)
{
    tsn_json_string(json, key, ds_cstr(text));
    ds_destroy(text);
}

static void
put_decisions(const struct context *c)
{
    const struct fwd_explain *e = c->explain;

    tsn_json_array_begin(c->json, "decisions");
    for (unsigned int i = 0; i < e->n_steps; i++) {
        struct ds text = DS_EMPTY_INITIALIZER;

        fwd_explain_put_step(e, e->steps[i], &text);
        tsn_json_object_begin(c->json, NULL);
        tsn_json_string(c->json, "rule", fwd_step_rule(e->steps[i]));
        tsn_json_string(c->json, "step", fwd_step_name(e->steps[i]));
        put_ds(c->json, "decision", &text);
        tsn_json_object_end(c->json);
    }
    tsn_json_array_end(c->json);
}

/* A row for a header of a copy. */
static void OVS_PRINTF_FORMAT(5, 6)
put_header(struct tsn_json *json, const char *name, const uint8_t *p,
           size_t size, const char *fmt, ...)
{
    struct ds fields = DS_EMPTY_INITIALIZER, hex = DS_EMPTY_INITIALIZER;
    va_list args;

    va_start(args, fmt);
    ds_put_format_valist(&fields, fmt, args);
    va_end(args);
    tsn_hex_encode(p, size, &hex);
    tsn_json_object_begin(json, NULL);
    tsn_json_string(json, "header", name);
    put_ds(json, "fields", &fields);
    put_ds(json, "hex", &hex);
    tsn_json_object_end(json);
}

static void
put_ip(struct tsn_json *json, const struct fwd_explain_copy *c)
{
    bool v4 = fwd_ip_is_v4(&c->copy.dst);

    put_header(json, v4 ? "ipv4" : "ipv6", c->headers, c->ip_size,
               "%s > %s, DSCP %d, TTL %d%s, %u octets",
               fwd_ip_text(&c->copy.src).s, fwd_ip_text(&c->copy.dst).s,
               c->copy.tos >> 2, FWD_TTL, v4 ? ", DF clear" : "",
               fwd_copy_len(&c->copy));
}

static void
put_transport(struct tsn_json *json, const struct fwd_explain_copy *c)
{
    const uint8_t *p = c->headers + c->ip_size;

    if (c->copy.encap == FWD_MPLS_GRE) {
        put_header(json, "gre", p, c->transport_size, "MPLS");
    } else {
        put_header(json, "udp", p, c->transport_size, "%u > %u, %u octets",
                   fwd_get16(p), fwd_get16(p + 2), fwd_get16(p + 4));
    }
}

/* The label at 'p', and what is behind it. */
static void
put_labels(struct tsn_json *json, const struct fwd_explain_copy *c,
           const uint8_t *p)
{
    put_header(json, "mpls", p, FWD_MPLS_LEN, "label %u, TTL %d",
               c->copy.label, c->copy.ttl);
    p += FWD_MPLS_LEN;
    if (c->copy.flags & FWD_COPY_CONTROL_WORD) {
        put_header(json, "control_word", p, FWD_CONTROL_WORD_LEN, "zero");
        p += FWD_CONTROL_WORD_LEN;
    }
    if (c->copy.flags & FWD_COPY_SECOND) {
        put_header(json, "second", p, FWD_SECOND_LEN,
                   "IPv4, UDP, VXLAN of VNI %u", c->copy.vni);
    }
}

static void
put_tunnel(struct tsn_json *json, const struct fwd_explain_copy *c)
{
    const uint8_t *p = c->headers + c->ip_size + c->transport_size;

    if (c->copy.encap == FWD_VXLAN) {
        put_header(json, "vxlan", p, c->tunnel_size, "VNI %u",
                   c->copy.label);
    } else {
        put_labels(json, c, p);
    }
}

/* What follows the headers; of the inner frame as it came not the octets. */
static void
put_payload(const struct context *c, const struct fwd_explain_copy *copy)
{
    size_t inner_size = fwd_explain_inner_size(c->explain);
    size_t kept = copy->copy.size - inner_size;

    if (c->explain->answer) {
        put_header(c->json, "answer", copy->payload, inner_size,
                   "the ARP request made an answer, %"PRIuSIZE" octets",
                   inner_size);
        return;
    }
    if (kept) {
        put_header(c->json, "second", copy->payload, kept, "as it came");
    }
    put_header(c->json, "frame", NULL, 0, "as it came, %"PRIuSIZE" octets",
               inner_size);
}

static void
put_headers(const struct context *c, const struct fwd_explain_copy *copy)
{
    tsn_json_array_begin(c->json, "headers");
    put_ip(c->json, copy);
    put_transport(c->json, copy);
    put_tunnel(c->json, copy);
    put_payload(c, copy);
    tsn_json_array_end(c->json);
}

static void
put_member(struct tsn_json *json, const struct fwd_member *m)
{
    tsn_json_string(json, "to", fwd_ip_text(&m->ip).s);
    tsn_json_string(json, "class", fwd_class_name(m->class));
    tsn_json_string(json, "encapsulation", fwd_encap_name(m->encap));
    tsn_json_uint(json, "label", m->label);
}

/* What becomes of a copy that is longer than the MTU.  The programs of eBPF
 * leave floods to the sockets then, but drop what is for one endpoint. */
static const char *
too_long(const struct context *c, const struct fwd_explain_copy *copy,
         const struct fwd_nexthop *way)
{
    return copy->drop == FWD_DROP_JUMBO_DF
           ? ", and the inner packet must not be fragmented"
           : way && c->explain->verdict.action != FWD_FLOOD
           ? ", so dropped: too_big"
           : ": fragmented by the host";
}

static void
put_mtu(const struct context *c, const struct fwd_explain_copy *copy,
        const struct fwd_nexthop *way)
{
    uint32_t len = fwd_copy_len(&copy->copy);
    uint32_t mtu = way && way->mtu ? way->mtu : c->explain->host.mtu;

    tsn_json_uint(c->json, "octets", len);
    if (!mtu) {
        tsn_json_string(c->json, "mtu", "not known");
    } else if (len <= mtu) {
        tsn_json_stringf(c->json, "mtu", "fits %u", mtu);
    } else {
        tsn_json_stringf(c->json, "mtu", "more than %u%s", mtu,
                         too_long(c, copy, way));
    }
}

static void
put_way(struct tsn_json *json, const struct fwd_nexthop *way)
{
    char name[IF_NAMESIZE];

    if (way->state != FWD_NEXTHOP_READY) {
        tsn_json_stringf(json, "way", "%s, so dropped: %s",
                         fwd_nexthop_state_name(way->state),
                         fwd_drop_name(FWD_DROP_NO_NEIGHBOUR));
        return;
    }
    tsn_json_stringf(json, "way", "%s, "ETH_ADDR_FMT" > "ETH_ADDR_FMT
                     ", MTU %u",
                     if_indextoname(way->ifindex, name) ? name : "?",
                     ETH_ADDR_BYTES_ARGS(way->src_mac),
                     ETH_ADDR_BYTES_ARGS(way->dst_mac), way->mtu);
}

static void
put_copy(const struct context *c, const struct fwd_explain_copy *copy)
{
    struct fwd_nexthop way;
    /* Only the eBPF engine knows it. */
    bool has_way = fwd_find_way(c->show->fwd, &copy->copy.dst, &way);

    tsn_json_object_begin(c->json, NULL);
    put_member(c->json, copy->member);
    put_mtu(c, copy, has_way ? &way : NULL);
    if (copy->fate == FWD_EXPLAIN_SENT) {
        if (has_way) {
            put_way(c->json, &way);
        }
        put_headers(c, copy);
    } else {
        tsn_json_string(c->json, "dropped", fwd_drop_name(copy->drop));
    }
    tsn_json_object_end(c->json);
}

static bool
is_asked_for(const struct context *c, const struct fwd_explain_copy *copy)
{
    return !c->request->has_to
           || fwd_ip_equals(&copy->member->ip, &c->request->to);
}

static bool
is_copy(const struct fwd_explain_copy *copy)
{
    return copy->fate == FWD_EXPLAIN_SENT
           || copy->fate == FWD_EXPLAIN_DROPPED;
}

/* Those that are left in 'copies', without their headers. */
static void
put_more_copies(const struct context *c, struct fwd_explain_copies *copies)
{
    struct fwd_explain_copy copy;

    tsn_json_array_begin(c->json, "more_copies");
    while (fwd_explain_copies_next(copies, &copy)) {
        if (is_copy(&copy) && is_asked_for(c, &copy)) {
            tsn_json_object_begin(c->json, NULL);
            put_member(c->json, copy.member);
            tsn_json_string(c->json, "dropped", copy.drop
                            ? fwd_drop_name(copy.drop) : NULL);
            tsn_json_object_end(c->json);
        }
    }
    tsn_json_array_end(c->json);
}

static void
put_copies(const struct context *c)
{
    struct fwd_explain_copies copies;
    struct fwd_explain_copy copy;
    int n = 0;

    tsn_json_array_begin(c->json, "copies");
    fwd_explain_copies_init(&copies, c->explain);
    while (n < MAX_IN_FULL && fwd_explain_copies_next(&copies, &copy)) {
        if (is_copy(&copy) && is_asked_for(c, &copy)) {
            put_copy(c, &copy);
            n++;
        }
    }
    tsn_json_array_end(c->json);
    if (n == MAX_IN_FULL) {
        put_more_copies(c, &copies);
    }
}

/* Of --to, where nothing would go. */
static void
put_stranger(const struct context *c)
{
    tsn_json_object_begin(c->json, NULL);
    tsn_json_string(c->json, "to", fwd_ip_text(&c->request->to).s);
    tsn_json_string(c->json, "class", NULL);
    tsn_json_string(c->json, "why",
                    c->explain->verdict.action == FWD_FLOOD
                    ? "it is no member of the network"
                    : "the frame is not flooded");
    tsn_json_object_end(c->json);
}

/* The members that get none. */
static void
put_others(const struct context *c)
{
    const char *source = fwd_class_name(c->explain->verdict.class);
    struct fwd_explain_copies copies;
    struct fwd_explain_copy copy;
    bool found = false;

    tsn_json_array_begin(c->json, "no_copy");
    fwd_explain_copies_init(&copies, c->explain);
    while (fwd_explain_copies_next(&copies, &copy)) {
        if (!is_asked_for(c, &copy)) {
            continue;
        }
        found = true;
        if (is_copy(&copy)) {
            continue;
        }
        tsn_json_object_begin(c->json, NULL);
        put_member(c->json, copy.member);
        if (copy.fate == FWD_EXPLAIN_SOURCE) {
            tsn_json_string(c->json, "why", "the frame came from there");
        } else {
            tsn_json_stringf(c->json, "why", "nothing goes from class %s to "
                             "class %s (B.6)", source,
                             fwd_class_name(copy.member->class));
        }
        tsn_json_object_end(c->json);
    }
    if (c->request->has_to && !found) {
        put_stranger(c);
    }
    tsn_json_array_end(c->json);
}

static void
put_network(const struct context *c)
{
    const struct fwd_verdict *v = &c->explain->verdict;
    struct ds inner = DS_EMPTY_INITIALIZER;

    if (!v->net) {
        return;
    }
    const struct repl_network *network
        = repl_networks_find(c->show->networks, v->net->vni);
    tsn_json_string(c->json, "network",
                    network ? network->config->name : NULL);
    tsn_json_uint(c->json, "vni", v->net->vni);
    if (v->inner) {
        fwd_explain_put_inner(c->explain, &inner);
        put_ds(c->json, "frame", &inner);
    }
}

static void
put_fate(const struct context *c)
{
    const struct fwd_explain *e = c->explain;
    const struct fwd_verdict *v = &e->verdict;
    enum fwd_drop drop = e->nobody ? FWD_DROP_NO_MEMBER : v->drop;

    tsn_json_string(c->json, "fate",
                    v->action == FWD_PASS ? "left to the host"
                    : e->nobody ? "drop" : fwd_action_name(v->action));
    if (drop) {
        tsn_json_string(c->json, "reason", fwd_drop_name(drop));
    }
    if (v->action == FWD_PUNT || v->punt_too) {
        tsn_json_string(c->json, "service", fwd_punt_name(v->punt));
    }
}

static void
put_result(const struct context *c)
{
    struct fwd_status status;

    fwd_get_status(c->show->fwd, &status);
    tsn_json_object_begin(c->json, "result");
    put_fate(c);
    put_network(c);
    tsn_json_string(c->json, "engine", status.engine);
    put_decisions(c);
    if (c->explain->verdict.action != FWD_DROP
        && c->explain->verdict.action != FWD_PASS) {
        put_copies(c);
        if (c->explain->verdict.action == FWD_FLOOD || c->request->has_to) {
            put_others(c);
        }
    }
    tsn_json_object_end(c->json);
}

/* Returns an error in words, or NULL. */
static const char *
explain(struct tsn_ctl_call *call, const struct repl_show *show,
        const struct repl_explain_request *request)
{
    const struct fwd_table *table = fwd_get_table(show->fwd);
    struct fwd_explain e;
    struct fwd_host host;

    if (!table) {
        return "no networks are known yet";
    }
    fwd_get_host(show->fwd, &host);
    if (!request->is_frame) {
        fwd_explain_packet(&e, table, &host, request->data, request->size);
    } else if (fwd_explain_frame(&e, table, &host, &request->from,
                                 request->data, request->size)) {
        return "the frame is longer than what a packet has room for";
    }
    const struct context c = {
        .json = tsn_ctl_reply(call), .request = request, .show = show,
        .explain = &e,
    };
    put_result(&c);
    fwd_explain_fini(&e);
    return NULL;
}

static void
explain_cb(struct tsn_ctl_call *call, int argc, char *argv[], void *show)
{
    struct repl_explain_request request;
    struct tsn_err err;

    if (repl_explain_request_parse(&request, argc, argv, &err)) {
        tsn_ctl_error(call, "%s", tsn_err_format(&err));
    } else {
        const char *error = explain(call, show, &request);

        if (error) {
            tsn_ctl_error(call, "%s", error);
        }
        repl_explain_request_fini(&request);
    }
    tsn_ctl_finish(call);
}

void
repl_show_explain_register(struct tsn_ctl *ctl, struct repl_show *show)
{
    tsn_ctl_register(ctl, "explain", REPL_EXPLAIN_USAGE, 1,
                     REPL_EXPLAIN_MAX_WORDS, explain_cb, show);
}
