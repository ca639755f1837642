/* SPDX-License-Identifier: Apache-2.0 */
/* Writing routes, element for element as real agents and control nodes do.
 * An agent writes its elements without indentation, a control node with tabs;
 * otherwise they mostly agree. */
#include <config.h>
#include "xmpp/route.h"

#include <inttypes.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "util.h"

#include "xmpp/route-private.h"
#include "xmpp/xml-put.h"
#include "xmpp/xml.h"

/* Depth of <entry> in the message of a control node. */
#define ENTRY_DEPTH 4

#define MAC_BEGIN "<mac>"

struct writer {
    struct ds *out;
    bool is_server;
    int depth;
};

static void
put_indent(struct writer *w)
{
    if (w->is_server) {
        memset(ds_put_uninit(w->out, w->depth), '\t', w->depth);
    }
}

static void
put_begin(struct writer *w, const char *name)
{
    put_indent(w);
    xmpp_put3(w->out, "<", name, ">\n");
    w->depth++;
}

static void
put_end(struct writer *w, const char *name)
{
    w->depth--;
    put_indent(w);
    xmpp_put3(w->out, "</", name, ">\n");
}

/* An element that has no children but could have. */
static void
put_none(struct writer *w, const char *name)
{
    put_indent(w);
    xmpp_put3(w->out, "<", name, " />\n");
}

static void
put_text(struct writer *w, const char *name, const char *text)
{
    put_indent(w);
    xmpp_put3(w->out, "<", name, ">");
    xmpp_xml_escape(w->out, text);
    xmpp_put3(w->out, "</", name, ">\n");
}

static void
put_uint(struct writer *w, const char *name, uint32_t value)
{
    put_indent(w);
    xmpp_put3(w->out, "<", name, ">");
    xmpp_put_number(w->out, value);
    xmpp_put3(w->out, "</", name, ">\n");
}

static void
put_bool(struct writer *w, const char *name, bool value)
{
    put_text(w, name, value ? "true" : "false");
}

/* "0.0.0.0" if there is none. */
static const char *
format_ip(const struct in6_addr *ip, char buf[TSN_IP_STRLEN])
{
    if (!tsn_ip_is_set(ip)) {
        ovs_strlcpy(buf, "0.0.0.0", TSN_IP_STRLEN);
        return buf;
    }
    return tsn_ip_format(ip, buf);
}

static void
put_ip(struct writer *w, const char *name, const struct in6_addr *ip)
{
    char buf[TSN_IP_STRLEN];

    put_text(w, name, format_ip(ip, buf));
}

static void
put_encaps(struct writer *w, uint8_t encaps)
{
    if (!encaps) {
        if (!w->is_server) {
            put_none(w, "tunnel-encapsulation-list");
            return;
        }
        encaps = TSN_ENCAP_MPLS_GRE;
    }

    put_begin(w, "tunnel-encapsulation-list");
    for (size_t i = 0; i < XMPP_N_OWN_ENCAPS; i++) {
        if (encaps & xmpp_encaps[i].bit) {
            put_text(w, "tunnel-encapsulation", xmpp_encaps[i].name);
        }
    }
    put_end(w, "tunnel-encapsulation-list");
}

static bool
fits_old_form(const struct xmpp_hop_more *more)
{
    for (size_t i = 0; i < more->n_tags; i++) {
        if (more->tags[i] & UINT64_C(0xffff0000)) {
            return false;
        }
    }
    return true;
}

/* 'new_tags' is what stands beside an empty list of tags. */
static void
put_tags(struct writer *w, const struct xmpp_hop_more *more, bool new_tags)
{
    if (!more || !more->n_tags) {
        put_none(w, "tag-list");
        put_bool(w, "is-new-tags-list", new_tags);
        return;
    }

    bool is_new = w->is_server || !fits_old_form(more);
    put_begin(w, "tag-list");
    for (size_t i = 0; i < more->n_tags; i++) {
        uint64_t tag = more->tags[i];

        put_indent(w);
        ds_put_format(w->out, "<tag>%"PRIu64"</tag>\n",
                      is_new ? tag : tag >> 32 << 16 | (tag & UINT16_MAX));
    }
    put_end(w, "tag-list");
    put_bool(w, "is-new-tags-list", is_new);
}

static void
put_mac(struct writer *w, const struct eth_addr *mac)
{
    put_indent(w);
    ds_put_cstr(w->out, MAC_BEGIN);
    xmpp_write_mac(ds_put_uninit(w->out, ETH_ADDR_STRLEN), mac);
    ds_put_cstr(w->out, "</mac>\n");
}

/* A MAC; of zeros it is none. */
static void
put_router_mac(struct writer *w, const struct xmpp_hop_more *more)
{
    if (!more || eth_addr_is_zero(more->router_mac)) {
        put_text(w, "mac", "");
        return;
    }
    put_mac(w, &more->router_mac);
}

static void
put_evpn_dst(struct writer *w, const struct tunnel_dst *dst,
             const struct xmpp_hop_more *more, bool new_tags)
{
    put_begin(w, "next-hop");
    put_uint(w, "af", 1);
    put_ip(w, "address", &dst->ip);
    put_router_mac(w, more);
    put_uint(w, "label", dst->label);
    put_uint(w, "l3-label", more ? more->l3_label : 0);
    put_encaps(w, dst->encaps);
    put_tags(w, more, new_tags);
    put_uint(w, "local-sequence-number", more ? more->local_sequence : 0);
    put_end(w, "next-hop");
}

static void
put_next_hops(struct writer *w, const struct xmpp_evpn *r)
{
    if (!r->n_next_hops) {
        put_none(w, "next-hops");
        return;
    }

    put_begin(w, "next-hops");
    for (size_t i = 0; i < r->n_next_hops; i++) {
        put_evpn_dst(w, &r->next_hops[i], xmpp_evpn_hop_more(r, i),
                     w->is_server);
    }
    put_end(w, "next-hops");
}

/* A list of a broadcast route. */
static void
put_evpn_dsts(struct writer *w, const char *name,
              const struct tunnel_dst *dsts, size_t n)
{
    if (!n) {
        put_none(w, name);
        return;
    }

    put_begin(w, name);
    for (const struct tunnel_dst *dst = dsts; dst < dsts + n; dst++) {
        put_evpn_dst(w, dst, NULL, false);
    }
    put_end(w, name);
}

static const char *
format_prefix(const struct xmpp_evpn *r, char buf[TSN_IP_STRLEN + 4])
{
    bool is_prefix = xmpp_evpn_type(r) == XMPP_EVPN_PREFIX;

    if (!is_prefix && !tsn_ip_is_set(&r->ip)) {
        return "0.0.0.0/32";
    }
    size_t n = strlen(tsn_ip_format(&r->ip, buf));
    snprintf(buf + n, TSN_IP_STRLEN + 4 - n, "/%u", r->plen);
    return buf;
}

/* Group and source of type 6. */
static void
put_group(struct writer *w, const struct xmpp_evpn *r)
{
    if (xmpp_evpn_type(r) == XMPP_EVPN_GROUP) {
        put_ip(w, "group", &r->more->group);
        put_ip(w, "source", &r->more->source);
        put_uint(w, "flags", r->more->flags);
    } else {
        const char *no_group = w->is_server ? "0.0.0.0" : "";

        put_text(w, "group", no_group);
        put_text(w, "source", no_group);
        put_uint(w, "flags", 0);
    }
}

static void
put_evpn_nlri(struct writer *w, const struct xmpp_evpn *r)
{
    char prefix[TSN_IP_STRLEN + 4];

    put_begin(w, "nlri");
    put_uint(w, "af", 25);
    put_uint(w, "safi", 242);
    put_uint(w, "ethernet-tag", r->tag);
    put_mac(w, &r->mac);
    put_text(w, "address", format_prefix(r, prefix));
    put_group(w, r);
    put_end(w, "nlri");
}

static void
put_security_groups(struct writer *w, const struct xmpp_evpn *r)
{
    if (!r->n_security_groups) {
        put_none(w, "security-group-list");
        return;
    }

    put_begin(w, "security-group-list");
    for (size_t i = 0; i < r->n_security_groups; i++) {
        put_uint(w, "security-group", r->security_groups[i]);
    }
    put_end(w, "security-group-list");
}

/* What a control node makes of a local preference when the agent gave no
 * MED (3.4). */
static uint32_t
derived_med(uint32_t local_pref)
{
    return local_pref == 0 ? 0
           : local_pref == 100 ? 200
           : local_pref == 200 ? 100
           : UINT32_MAX - local_pref;
}

static void
put_evpn(struct writer *w, const struct xmpp_evpn *r)
{
    bool server = w->is_server;
    const char *vn = r->virtual_network ? r->virtual_network
                     : server ? "unresolved"
                     : "";

    put_begin(w, "entry");
    put_evpn_nlri(w, r);
    put_next_hops(w, r);
    put_evpn_dsts(w, "olist", r->olist, r->n_olist);
    put_text(w, "virtual-network", vn);
    put_indent(w);
    ds_put_format(w->out, "<mobility sticky=\"%s\" seqno=\"%"PRIu32"\" />\n",
                  r->sticky ? "true" : "false", server ? r->sequence : 0);
    put_none(w, "peers");
    put_uint(w, "sequence-number", r->sequence);
    put_security_groups(w, r);
    put_uint(w, "local-preference", r->local_pref);
    put_uint(w, "med",
             r->med || !server ? r->med : derived_med(r->local_pref));

    /* What an agent says about replication is for the server alone. */
    put_bool(w, "edge-replication-not-supported",
             !server && r->edge_replication_not_supported);
    put_bool(w, "assisted-replication-supported",
             !server && r->assisted_replication_supported);
    put_evpn_dsts(w, "leaf-olist", r->leaf_olist, r->n_leaf_olist);
    if (!server && tsn_ip_is_set(&r->replicator)) {
        put_ip(w, "replicator-address", &r->replicator);
    } else {
        put_text(w, "replicator-address", "");
    }
    put_bool(w, "etree-leaf", r->etree_leaf);
    put_end(w, "entry");
}

void
xmpp_evpn_encode_publish(struct ds *out, const struct xmpp_evpn *r)
{
    put_evpn(&(struct writer) { .out = out }, r);
}

void
xmpp_evpn_encode_notify(struct ds *out, const struct xmpp_evpn *r)
{
    put_evpn(&(struct writer) { .out = out, .is_server = true,
                                .depth = ENTRY_DEPTH }, r);
}

void
xmpp_evpn_entry_set_mac(char *entry, const struct eth_addr *mac)
{
    /* The first is that of the key. */
    char *p = strstr(entry, MAC_BEGIN);

    xmpp_write_mac(p + strlen(MAC_BEGIN), mac);
}

/* Appends to 'buf', of which 'n' characters are used. */
static void
format_key(const struct xmpp_evpn *r, char buf[XMPP_ID_STRLEN], size_t n)
{
    char prefix[TSN_IP_STRLEN + 4];

    xmpp_write_mac(buf + n, &r->mac);
    n += ETH_ADDR_STRLEN;
    buf[n++] = ',';
    ovs_strlcpy(buf + n, format_prefix(r, prefix), XMPP_ID_STRLEN - n);
    n += strlen(buf + n);
    if (xmpp_evpn_type(r) == XMPP_EVPN_GROUP) {
        char group[TSN_IP_STRLEN], source[TSN_IP_STRLEN];

        snprintf(buf + n, XMPP_ID_STRLEN - n, ",%s,%s",
                 format_ip(&r->more->group, group),
                 format_ip(&r->more->source, source));
    }
}

const char *
xmpp_evpn_node_id(const struct xmpp_evpn *r, char buf[XMPP_ID_STRLEN])
{
    static const char prefix[] = "25/242/";

    memcpy(buf, prefix, sizeof prefix);
    format_key(r, buf, strlen(prefix));
    if (xmpp_evpn_is_broadcast(r) && !tsn_ip_is_set(&r->ip)) {
        size_t n = strlen(buf);

        snprintf(buf + n, XMPP_ID_STRLEN - n, ",255.255.255.255,0.0.0.0");
    }
    return buf;
}

const char *
xmpp_evpn_item_id(const struct xmpp_evpn *r, char buf[XMPP_ID_STRLEN])
{
    int n = r->tag ? snprintf(buf, XMPP_ID_STRLEN, "%"PRIu32"-", r->tag) : 0;

    format_key(r, buf, n);
    return buf;
}

static void
put_mcast_nlri(struct writer *w, const struct xmpp_mcast *r,
               uint32_t source_label)
{
    put_begin(w, "nlri");
    put_uint(w, "af", 1);
    put_uint(w, "safi", 241);
    if (tsn_ip_is_set(&r->group)) {
        put_ip(w, "group", &r->group);
    } else {
        put_text(w, "group", "255.255.255.255");
    }
    put_ip(w, "source", &r->source);
    put_uint(w, "source-label", source_label);
    put_text(w, "source-address", "");
    put_end(w, "nlri");
}

static void
put_mcast_next_hop(struct writer *w, const struct in6_addr *ip,
                   const char *label, uint8_t encaps)
{
    put_begin(w, "next-hop");
    put_uint(w, "af", 1);
    put_ip(w, "address", ip);
    put_text(w, "label", label);
    put_encaps(w, encaps);
    put_end(w, "next-hop");
}

void
xmpp_mcast_encode_publish(struct ds *out, const struct xmpp_mcast *r)
{
    struct writer w = { .out = out };
    char label[32];

    snprintf(label, sizeof label, "%"PRIu32"-%"PRIu32,
             r->label_first, r->label_last);
    put_begin(&w, "entry");
    put_mcast_nlri(&w, r, 0);
    put_begin(&w, "next-hops");
    put_mcast_next_hop(&w, &r->next_hop, label,
                       TSN_ENCAP_MPLS_GRE | TSN_ENCAP_MPLS_UDP);
    put_end(&w, "next-hops");
    put_none(&w, "olist");
    put_end(&w, "entry");
}

void
xmpp_mcast_encode_notify(struct ds *out, const struct xmpp_mcast *r)
{
    struct writer w = { .out = out, .is_server = true, .depth = ENTRY_DEPTH };

    put_begin(&w, "entry");
    put_mcast_nlri(&w, r, r->source_label);
    put_none(&w, "next-hops");
    if (r->n_olist) {
        put_begin(&w, "olist");
        for (size_t i = 0; i < r->n_olist; i++) {
            char label[16];

            snprintf(label, sizeof label, "%"PRIu32, r->olist[i].label);
            put_mcast_next_hop(&w, &r->olist[i].ip, label,
                               r->olist[i].encaps);
        }
        put_end(&w, "olist");
    } else {
        put_none(&w, "olist");
    }
    put_end(&w, "entry");
}
