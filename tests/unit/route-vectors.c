/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/unit/route-vectors.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

#include "tsn/error.h"
#include "xmpp/inet.h"
#include "xmpp/route.h"
#include "xmpp/stanza.h"
#include "xmpp/xml.h"

/* Text. */

char *
vector_read(const char *name)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    char *path = xasprintf("%s/tests/wire/data/%s", getenv("srcdir"), name);
    FILE *f = fopen(path, "rb");

    if (!f) {
        fail_msg("%s: %s", path, ovs_strerror(errno));
    }
    for (int c; (c = getc(f)) != EOF; ) {
        ds_put_char(&s, c);
    }
    fclose(f);
    free(path);
    return ds_steal_cstr(&s);
}

void
vector_replace(char **s, const char *from, const char *to)
{
    char *p = strstr(*s, from);

    if (!p) {
        fail_msg("no '%s' to replace", from);
    }
    char *replaced = xasprintf("%.*s%s%s", (int) (p - *s), *s, to,
                               p + strlen(from));
    free(*s);
    *s = replaced;
}

char *
vector_cut_entry(const char *stanza)
{
    const char *start = strstr(stanza, "<entry>");
    const char *end = start ? strstr(start, "</entry>\n") : NULL;

    if (!end) {
        fail_msg("no entry in: %s", stanza);
    }
    while (start > stanza && start[-1] == '\t') {
        start--;
    }
    return xmemdup0(start, end + strlen("</entry>\n") - start);
}

char *
vector_entry(const struct route_vector *v)
{
    char *stanza = vector_read(v->file);
    char *entry = vector_cut_entry(stanza);

    for (const char *const *edit = v->edits; edit[0]; edit += 2) {
        vector_replace(&entry, edit[0], edit[1]);
    }
    free(stanza);
    return entry;
}

char *
vector_written(const struct route_vector *v)
{
    char *entry = vector_entry(v);

    for (const char *const *edit = v->written; edit[0]; edit += 2) {
        vector_replace(&entry, edit[0], edit[1]);
    }
    return entry;
}

bool
vector_is_event(const struct route_vector *v)
{
    return !strncmp(v->file, "event", 5);
}

/* Routes as text: all that is set. */

static void
dump_dst(struct ds *s, const char *name, const struct tunnel_dst *dst,
         const struct xmpp_hop_more *more)
{
    char ip[TSN_IP_STRLEN];

    ds_put_format(s, " %s=%s/%"PRIu32, name, tsn_ip_format(&dst->ip, ip),
                  dst->label);
    ds_put_cstr(s, dst->encaps & TSN_ENCAP_MPLS_GRE ? "/gre" : "");
    ds_put_cstr(s, dst->encaps & TSN_ENCAP_MPLS_UDP ? "/udp" : "");
    ds_put_cstr(s, dst->encaps & TSN_ENCAP_VXLAN ? "/vxlan" : "");
    if (!more) {
        return;
    }
    if (!eth_addr_is_zero(more->router_mac)) {
        ds_put_format(s, "/mac="ETH_ADDR_FMT, ETH_ADDR_ARGS(more->router_mac));
    }
    if (more->l3_label) {
        ds_put_format(s, "/l3=%"PRIu32, more->l3_label);
    }
    if (more->local_sequence) {
        ds_put_format(s, "/local=%"PRIu32, more->local_sequence);
    }
    for (size_t i = 0; i < more->n_tags; i++) {
        ds_put_format(s, "/tag=%"PRIu32":%"PRIu32,
                      (uint32_t) (more->tags[i] >> 32),
                      (uint32_t) more->tags[i]);
    }
}

static void
dump_dsts(struct ds *s, const char *name, const struct tunnel_dst *dsts,
          size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dump_dst(s, name, &dsts[i], NULL);
    }
}

static void
dump_groups(struct ds *s, const uint32_t *groups, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ds_put_format(s, " sg=%"PRIu32, groups[i]);
    }
}

static void
dump_preference(struct ds *s, uint32_t local_pref, uint32_t med,
                uint32_t sequence, bool sticky)
{
    ds_put_format(s, " lp=%"PRIu32" med=%"PRIu32" seq=%"PRIu32"%s",
                  local_pref, med, sequence, sticky ? " sticky" : "");
}

char *
vector_dump_evpn(const struct xmpp_evpn *r)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    char id[XMPP_ID_STRLEN], ip[TSN_IP_STRLEN];

    ds_put_format(&s, "%d %s", xmpp_evpn_type(r), xmpp_evpn_item_id(r, id));
    if (xmpp_evpn_type(r) == XMPP_EVPN_GROUP) {
        ds_put_format(&s, " flags=%"PRIu32, r->more->flags);
    }
    for (size_t i = 0; i < r->n_next_hops; i++) {
        dump_dst(&s, "nh", &r->next_hops[i], xmpp_evpn_hop_more(r, i));
    }
    dump_dsts(&s, "olist", r->olist, r->n_olist);
    dump_dsts(&s, "leaf", r->leaf_olist, r->n_leaf_olist);
    if (r->virtual_network) {
        ds_put_format(&s, " vn=%s", r->virtual_network);
    }
    dump_groups(&s, r->security_groups, r->n_security_groups);
    dump_preference(&s, r->local_pref, r->med, r->sequence, r->sticky);
    ds_put_cstr(&s, r->edge_replication_not_supported ? " no-edge" : "");
    ds_put_cstr(&s, r->assisted_replication_supported ? " assisted" : "");
    ds_put_cstr(&s, r->etree_leaf ? " leaf" : "");
    if (tsn_ip_is_set(&r->replicator)) {
        ds_put_format(&s, " replicator=%s", tsn_ip_format(&r->replicator, ip));
    }
    return ds_steal_cstr(&s);
}

static const char *
format_group(const struct in6_addr *ip, char buf[TSN_IP_STRLEN])
{
    return tsn_ip_is_set(ip) ? tsn_ip_format(ip, buf) : "0.0.0.0";
}

char *
vector_dump_mcast(const struct xmpp_mcast *r)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    char ip[TSN_IP_STRLEN], source[TSN_IP_STRLEN];

    ds_put_format(&s, "%s,%s", format_group(&r->group, ip),
                  format_group(&r->source, source));
    if (tsn_ip_is_set(&r->next_hop)) {
        ds_put_format(&s, " join=%s/%"PRIu32"-%"PRIu32"%s%s",
                      tsn_ip_format(&r->next_hop, ip),
                      r->label_first, r->label_last,
                      r->encaps & TSN_ENCAP_MPLS_GRE ? "/gre" : "",
                      r->encaps & TSN_ENCAP_MPLS_UDP ? "/udp" : "");
    }
    if (r->source_label) {
        ds_put_format(&s, " label=%"PRIu32, r->source_label);
    }
    dump_dsts(&s, "olist", r->olist, r->n_olist);
    return ds_steal_cstr(&s);
}

static char *
dump_inet(const struct xmpp_inet *r)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    char ip[TSN_IP_STRLEN];
    struct tsn_err err;

    ds_put_format(&s, "%u/%u %s/%u", r->family >> 16, r->family & UINT16_MAX,
                  tsn_ip_format(&r->ip, ip), r->plen);
    for (size_t i = 0; i < r->n_hops; i++) {
        const char *vn = r->hops[i].virtual_network;

        dump_dst(&s, "nh", &r->hops[i].dst, &r->hops[i].more);
        ds_put_format(&s, "%s%s", vn ? "/vn=" : "", vn ? vn : "");
    }
    if (r->virtual_network) {
        ds_put_format(&s, " vn=%s", r->virtual_network);
    }
    dump_groups(&s, r->security_groups, r->n_security_groups);
    for (size_t i = 0; i < r->n_communities; i++) {
        ds_put_format(&s, " comm=%08"PRIx32, r->communities[i]);
    }
    dump_preference(&s, r->local_pref, r->med, r->sequence, r->sticky);
    if (r->balance_fields) {
        ds_put_format(&s, " fields=%02x", r->balance_fields);
    }
    ds_put_cstr(&s, r->source_bias ? " source-bias" : "");
    if (r->sub_protocol) {
        ds_put_format(&s, " sub=%d", r->sub_protocol);
    }
    ds_put_format(&s, " [%s]", xmpp_inet_check_publish(r, false, &err)
                               ? err.text : "ok");
    return ds_steal_cstr(&s);
}

/* Coding. */

static uint32_t
family_of(enum vector_codec codec)
{
    return codec == VECTOR_INET6 ? XMPP_FAMILY_INET6
           : codec == VECTOR_LABELED ? XMPP_FAMILY_LABELED
           : XMPP_FAMILY_INET;
}

/* Names the route on the wire as 'v' is: an event by its item, else by its
 * node. */
static void
put_id(const struct route_vector *v, struct ds *id, const char *text)
{
    if (id && (v->node_id || v->has_item_id)) {
        ds_put_cstr(id, text);
    }
}

static char *
run_evpn(const struct route_vector *v, const struct xmpp_node *entry,
         struct ds *out, struct ds *id, struct tsn_err *err)
{
    char buf[XMPP_ID_STRLEN];
    struct xmpp_evpn route;

    if (xmpp_evpn_decode(entry, &route, err)) {
        return NULL;
    }
    char *dump = vector_dump_evpn(&route);
    if (vector_is_event(v)) {
        xmpp_evpn_encode_notify(out, &route);
        put_id(v, id, xmpp_evpn_item_id(&route, buf));
    } else {
        /* An empty list means GRE to who reads it. */
        if (!strncmp(v->file, "withdraw", 8)) {
            route.next_hops[0].encaps = 0;
        }
        xmpp_evpn_encode_publish(out, &route);
        put_id(v, id, xmpp_evpn_node_id(&route, buf));
    }
    xmpp_evpn_fini(&route);
    return dump;
}

static char *
run_mcast(const struct route_vector *v, const struct xmpp_node *entry,
          struct ds *out, struct ds *id, struct tsn_err *err)
{
    char buf[XMPP_ID_STRLEN];
    struct xmpp_mcast route;

    if (xmpp_mcast_decode(entry, &route, err)) {
        return NULL;
    }
    if (vector_is_event(v)) {
        struct xmpp_mcast_id mid = {
            .agent = { .s6_addr = { [10] = 0xff, 0xff, 127, 0, 1, 3 } },
            .instance_id = 5, .group = route.group, .source = route.source,
        };
        xmpp_mcast_encode_notify(out, &route);
        put_id(v, id, xmpp_mcast_item_id(&mid, buf));
    } else {
        xmpp_mcast_encode_publish(out, &route);
        put_id(v, id, xmpp_mcast_group_node_id("default-domain:admin:vn1:vn1",
                                               &route.group, buf));
    }
    char *dump = vector_dump_mcast(&route);
    xmpp_mcast_fini(&route);
    return dump;
}

static char *
run_inet(const struct route_vector *v, const struct xmpp_node *entry,
         struct ds *id, struct tsn_err *err)
{
    struct xmpp_inet route;
    char ip[TSN_IP_STRLEN];

    if (xmpp_inet_decode(entry, family_of(v->codec), &route, err)) {
        return NULL;
    }
    if (id && v->has_item_id) {
        ds_put_format(id, "%s/%u", tsn_ip_format(&route.ip, ip), route.plen);
    }
    char *dump = dump_inet(&route);
    xmpp_inet_fini(&route);
    return dump;
}

char *
vector_run(const struct route_vector *v, const char *xml_text, struct ds *out,
           struct ds *id, bool *failed)
{
    struct tsn_err err = { .text = "" };
    struct xmpp_xml *xml;
    char *dump;

    if (xmpp_xml_parse(xml_text, strlen(xml_text), &xml, &err)) {
        *failed = true;
        return xasprintf("bad XML: %s", err.text);
    }
    const struct xmpp_node *entry = xmpp_xml_root(xml);
    if (v->codec == VECTOR_EVPN) {
        dump = run_evpn(v, entry, out, id, &err);
    } else if (v->codec == VECTOR_MCAST) {
        dump = run_mcast(v, entry, out, id, &err);
    } else {
        dump = run_inet(v, entry, id, &err);
    }
    xmpp_xml_destroy(xml);
    *failed = !dump;
    return dump ? dump : xstrdup(err.text);
}
