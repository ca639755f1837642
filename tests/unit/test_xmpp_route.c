/* SPDX-License-Identifier: Apache-2.0 */
/* Routes are read and written, as the table of vectors says. */
#include <config.h>
#include "xmpp/route.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "unicode.h"
#include "util.h"

#include "tests/unit/route-vectors.h"
#include "tsn/error.h"
#include "xmpp/xml.h"

#define MAC "02:00:00:00:01:01"
#define ALL "ff:ff:ff:ff:ff:ff"
#define ZERO "00:00:00:00:00:00"

static int
decode_evpn(const char *entry, struct xmpp_evpn *route, struct tsn_err *err)
{
    struct xmpp_xml *xml;

    if (xmpp_xml_parse(entry, strlen(entry), &xml, err)) {
        fail_msg("%s: %s", tsn_err_format(err), entry);
    }
    int error = xmpp_evpn_decode(xmpp_xml_root(xml), route, err);
    xmpp_xml_destroy(xml);
    return error;
}

static void
route__each_vector__read_as_the_rules_say(void **state)
{
    int n_wrong = 0;

    for (size_t i = 0; i < n_route_vectors; i++) {
        const struct route_vector *v = &route_vectors[i];
        char *entry = vector_entry(v);
        struct ds out = DS_EMPTY_INITIALIZER;
        bool failed;

        char *result = vector_run(v, entry, &out, NULL, &failed);
        const char *expect = v->error ? v->error : v->dump;
        if (failed != (v->error != NULL)
            || strncmp(result, expect, failed ? strlen(expect) : SIZE_MAX)) {
            print_error("%s: %s\n  instead of: %s\n", v->name, result,
                        expect);
            n_wrong++;
        }
        free(result);
        ds_destroy(&out);
        free(entry);
    }
    assert_int_equal(n_wrong, 0);
}

static void
route__each_vector__written_as_it_was_read(void **state)
{
    for (size_t i = 0; i < n_route_vectors; i++) {
        const struct route_vector *v = &route_vectors[i];
        struct ds out = DS_EMPTY_INITIALIZER, again = DS_EMPTY_INITIALIZER;
        char *entry = vector_entry(v), *written = vector_written(v);
        bool failed;

        char *first = vector_run(v, entry, &out, NULL, &failed);
        if (v->encode == VECTOR_SAME && strcmp(ds_cstr(&out), written)) {
            fail_msg("%s: %s instead of %s", v->name, ds_cstr(&out), written);
        }
        if (v->encode != VECTOR_NONE) {
            char *second = vector_run(v, ds_cstr(&out), &again, NULL, &failed);

            /* No known encapsulation is written as none. */
            if (strcmp(first, second) && !strstr(v->name, "unknown encap")) {
                fail_msg("%s: %s became %s", v->name, first, second);
            }
            free(second);
        }
        free(first);
        free(written);
        free(entry);
        ds_destroy(&again);
        ds_destroy(&out);
    }
}

/* The peer's stanza names the route as we would. */
static void
route__each_vector_with_id__named_as_in_its_stanza(void **state)
{
    size_t n = 0;

    for (size_t i = 0; i < n_route_vectors; i++) {
        const struct route_vector *v = &route_vectors[i];
        struct ds out = DS_EMPTY_INITIALIZER, id = DS_EMPTY_INITIALIZER;
        char *stanza = vector_read(v->file), *entry = vector_entry(v);
        bool failed;

        free(vector_run(v, entry, &out, &id, &failed));
        if (v->node_id) {
            assert_string_equal(ds_cstr(&id), v->node_id);
        }
        if ((v->node_id || v->has_item_id) && !v->edits[0]) {
            char *in_stanza = xasprintf(v->node_id ? "<publish node=\"%s\">"
                                                   : "<item id=\"%s\">",
                                        ds_cstr(&id));
            if (!strstr(stanza, in_stanza)) {
                fail_msg("%s: no %s", v->name, in_stanza);
            }
            free(in_stanza);
            n++;
        }
        free(stanza);
        free(entry);
        ds_destroy(&id);
        ds_destroy(&out);
    }
    assert_true(n >= 15);
}

static void
route__vectors__are_many_and_have_names(void **state)
{
    size_t n_bad = 0;

    for (size_t i = 0; i < n_route_vectors; i++) {
        n_bad += route_vectors[i].error != NULL;
        assert_true(!route_vectors[i].error != !route_vectors[i].dump);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(route_vectors[i].name,
                                    route_vectors[j].name);
        }
    }
    assert_true(n_route_vectors > 200);
    assert_true(n_bad > 80);
}

static void
evpn__several_items__each_decoded(void **state)
{
    char *stanza = vector_read("event-many.xml");
    struct xmpp_xml *xml;
    struct tsn_err err;
    int n = 0;

    assert_int_equal(xmpp_xml_parse(stanza, strlen(stanza), &xml, &err), 0);
    const struct xmpp_node *items = xmpp_node_child(
        xmpp_node_child(xmpp_xml_root(xml), "event"), "items");
    const struct xmpp_node *item;
    XMPP_NODE_FOR_EACH (item, items, "item") {
        char id[XMPP_ID_STRLEN];
        struct xmpp_evpn route;

        assert_int_equal(xmpp_evpn_decode(xmpp_node_child(item, "entry"),
                                          &route, &err), 0);
        assert_string_equal(xmpp_evpn_item_id(&route, id),
                            xmpp_node_attr(item, "id"));
        xmpp_evpn_fini(&route);
        n++;
    }
    assert_true(n > 2);
    xmpp_xml_destroy(xml);
    free(stanza);
}

static void
evpn__no_entry__bad(void **state)
{
    struct xmpp_evpn route;
    struct tsn_err err;

    assert_int_equal(xmpp_evpn_decode(NULL, &route, &err), -EBADMSG);
    assert_int_equal(xmpp_evpn_decode(NULL, &route, NULL), -EBADMSG);
    assert_int_equal(decode_evpn("<entry/>", &route, &err), -EBADMSG);
    assert_int_equal(decode_evpn("<entry><nlri /></entry>", &route, &err),
                     -EBADMSG);
}

static void
evpn__inet_entry__bad(void **state)
{
    char *stanza = vector_read("event-inet.xml");
    char *entry = vector_cut_entry(stanza);
    struct xmpp_evpn route;
    struct tsn_err err;

    assert_int_equal(decode_evpn(entry, &route, &err), -EBADMSG);
    free(entry);
    free(stanza);
}

static void
evpn__long_lists__refused_above_limit(void **state)
{
    for (int extra = 0; extra < 2; extra++) {
        char *stanza = vector_read("publish-mac.xml");
        struct ds list = DS_EMPTY_INITIALIZER;
        struct xmpp_evpn route;
        struct tsn_err err;

        ds_put_cstr(&list, "<leaf-olist>");
        for (int i = 0; i < XMPP_MAX_NEXT_HOPS + extra; i++) {
            ds_put_cstr(&list, "<next-hop/>");
        }
        ds_put_cstr(&list, "</leaf-olist>");
        vector_replace(&stanza, "<leaf-olist />", ds_cstr(&list));

        char *entry = vector_cut_entry(stanza);
        assert_int_equal(decode_evpn(entry, &route, &err),
                         extra ? -EBADMSG : 0);
        if (!extra) {
            assert_int_equal(route.n_leaf_olist, XMPP_MAX_NEXT_HOPS);
            xmpp_evpn_fini(&route);
        }
        free(entry);

        vector_replace(&stanza, ds_cstr(&list), "<leaf-olist />");
        ds_clear(&list);
        ds_put_cstr(&list, "<security-group-list>");
        for (int i = 0; i < XMPP_MAX_SECURITY_GROUPS + extra; i++) {
            ds_put_cstr(&list, "<security-group>1</security-group>");
        }
        ds_put_cstr(&list, "</security-group-list>");
        vector_replace(&stanza, "<security-group-list />", ds_cstr(&list));

        entry = vector_cut_entry(stanza);
        assert_int_equal(decode_evpn(entry, &route, &err),
                         extra ? -EBADMSG : 0);
        if (!extra) {
            assert_int_equal(route.n_security_groups,
                             XMPP_MAX_SECURITY_GROUPS);
            xmpp_evpn_fini(&route);
        }
        free(entry);
        vector_replace(&stanza, ds_cstr(&list), "<security-group-list />");
        ds_clear(&list);
        ds_put_cstr(&list, "<tag-list>");
        for (int i = 0; i < XMPP_MAX_TAGS + extra; i++) {
            ds_put_cstr(&list, "<tag>1</tag>");
        }
        ds_put_cstr(&list, "</tag-list>");
        vector_replace(&stanza, "<tag-list />", ds_cstr(&list));

        entry = vector_cut_entry(stanza);
        assert_int_equal(decode_evpn(entry, &route, &err),
                         extra ? -EBADMSG : 0);
        if (!extra) {
            assert_int_equal(xmpp_evpn_hop_more(&route, 0)->n_tags,
                             XMPP_MAX_TAGS);
            xmpp_evpn_fini(&route);
        }
        free(entry);
        ds_destroy(&list);
        free(stanza);
    }
}

/* A route with everything set. */
static void
fill(struct xmpp_evpn *r)
{
    struct in6_addr ip;

    xmpp_evpn_init(r);
    r->tag = 5005;
    assert_int_equal(tsn_prefix_parse("2001:db8::a/128", &r->ip, &r->plen), 0);
    r->mac = (struct eth_addr) ETH_ADDR_C(02, 00, 00, 00, 01, 01);
    assert_int_equal(tsn_ip_parse("10.0.0.1", &ip), 0);
    xmpp_evpn_add_next_hop(r, &ip, 5005, TSN_ENCAP_VXLAN);
    assert_int_equal(tsn_ip_parse("10.0.0.2", &ip), 0);
    xmpp_evpn_add_next_hop(r, &ip, 17,
                           TSN_ENCAP_VXLAN | TSN_ENCAP_MPLS_UDP);
    r->olist = xmemdup(r->next_hops, sizeof *r->olist);
    r->n_olist = 1;
    r->leaf_olist = xmemdup(r->next_hops + 1, sizeof *r->leaf_olist);
    r->n_leaf_olist = 1;
    r->virtual_network = xstrdup("a&b <c> \"d\"");
    r->security_groups = xcalloc(2, sizeof *r->security_groups);
    r->security_groups[1] = UINT32_MAX;
    r->n_security_groups = 2;
    r->local_pref = 200;
    r->med = 3;
    r->sequence = 4;
    r->sticky = true;
    r->edge_replication_not_supported = true;
    r->assisted_replication_supported = true;
    r->etree_leaf = true;
    r->replicator = ip;
    struct xmpp_hop_more *more = xmpp_evpn_get_hop_more(r, 1);
    more->router_mac = (struct eth_addr) ETH_ADDR_C(02, 00, 00, 00, 0f, 01);
    more->l3_label = 9000;
    more->local_sequence = 8;
    more->tags = xcalloc(2, sizeof *more->tags);
    more->tags[1] = (UINT64_C(1) << 32) + 70000;
    more->n_tags = 2;
    assert_int_equal(tsn_ip_parse("225.1.1.1", &ip), 0);
    xmpp_evpn_set_group(r, &ip, &r->replicator, 3);
}

static void
evpn__full__survives_encode_and_decode(void **state)
{
    struct xmpp_evpn a, b;
    struct ds out = DS_EMPTY_INITIALIZER;
    struct tsn_err err;

    fill(&a);
    xmpp_evpn_encode_publish(&out, &a);
    assert_int_equal(decode_evpn(ds_cstr(&out), &b, &err), 0);
    assert_true(xmpp_evpn_equals(&a, &b));
    xmpp_evpn_fini(&b);

    /* A server keeps what is about replication to itself. */
    ds_clear(&out);
    xmpp_evpn_encode_notify(&out, &a);
    assert_int_equal(decode_evpn(ds_cstr(&out), &b, &err), 0);
    assert_false(xmpp_evpn_equals(&a, &b));
    a.edge_replication_not_supported = false;
    a.assisted_replication_supported = false;
    a.replicator = in6addr_any;
    assert_true(xmpp_evpn_equals(&a, &b));
    xmpp_evpn_fini(&b);
    xmpp_evpn_fini(&a);
    ds_destroy(&out);
}

static void
evpn__copy__equal_and_independent(void **state)
{
    struct xmpp_evpn a, b;

    fill(&a);
    xmpp_evpn_copy(&b, &a);
    assert_true(xmpp_evpn_equals(&a, &b));
    xmpp_evpn_fini(&a);
    assert_string_equal(b.virtual_network, "a&b <c> \"d\"");
    xmpp_evpn_fini(&b);

    xmpp_evpn_init(&a);
    xmpp_evpn_copy(&b, &a);
    assert_true(xmpp_evpn_equals(&a, &b));
    xmpp_evpn_fini(&a);
    xmpp_evpn_fini(&b);
}

static void
evpn__any_member_differs__not_equal(void **state)
{
    struct xmpp_evpn a, b;

    fill(&a);
    fill(&b);
#define DIFFERS(CHANGE, UNDO)                                           \
    CHANGE;                                                             \
    assert_false(xmpp_evpn_equals(&a, &b));                             \
    UNDO;                                                               \
    assert_true(xmpp_evpn_equals(&a, &b))
    DIFFERS(b.tag++, b.tag--);
    DIFFERS(b.mac.ea[5]++, b.mac.ea[5]--);
    DIFFERS(b.ip.s6_addr[15]++, b.ip.s6_addr[15]--);
    DIFFERS(b.plen--, b.plen++);
    DIFFERS(b.n_next_hops--, b.n_next_hops++);
    DIFFERS(b.next_hops[1].label++, b.next_hops[1].label--);
    DIFFERS(b.next_hops[1].encaps ^= 4, b.next_hops[1].encaps ^= 4);
    DIFFERS(b.olist[0].ip.s6_addr[15]++, b.olist[0].ip.s6_addr[15]--);
    DIFFERS(b.n_leaf_olist--, b.n_leaf_olist++);
    DIFFERS(b.virtual_network[0] = 'x', b.virtual_network[0] = 'a');
    DIFFERS(b.security_groups[1]--, b.security_groups[1]++);
    DIFFERS(b.n_security_groups--, b.n_security_groups++);
    DIFFERS(b.local_pref++, b.local_pref--);
    DIFFERS(b.med++, b.med--);
    DIFFERS(b.sequence++, b.sequence--);
    DIFFERS(b.sticky = false, b.sticky = true);
    DIFFERS(b.edge_replication_not_supported = false,
            b.edge_replication_not_supported = true);
    DIFFERS(b.assisted_replication_supported = false,
            b.assisted_replication_supported = true);
    DIFFERS(b.etree_leaf = false, b.etree_leaf = true);
    DIFFERS(b.replicator = in6addr_any, b.replicator = a.replicator);
    struct xmpp_evpn_more *more = b.more;
    struct xmpp_hop_more *hop = &more->hops[1];
    DIFFERS(b.more = NULL, b.more = more);
    DIFFERS(more->flags++, more->flags--);
    DIFFERS(more->group.s6_addr[15]++, more->group.s6_addr[15]--);
    DIFFERS(more->source.s6_addr[15]++, more->source.s6_addr[15]--);
    DIFFERS(more->n_hops--, more->n_hops++);
    DIFFERS(hop->router_mac.ea[5]++, hop->router_mac.ea[5]--);
    DIFFERS(hop->l3_label++, hop->l3_label--);
    DIFFERS(hop->local_sequence++, hop->local_sequence--);
    DIFFERS(hop->n_tags--, hop->n_tags++);
    DIFFERS(hop->tags[1]++, hop->tags[1]--);
    xmpp_evpn_fini(&a);
    xmpp_evpn_fini(&b);
}

static void
evpn__notify__derives_what_the_agent_left_out(void **state)
{
    static const struct {
        uint32_t local_pref, med;
        const char *expect;
    } cases[] = {
        { 0, 0, "<med>0</med>" },
        { 100, 0, "<med>200</med>" },
        { 200, 0, "<med>100</med>" },
        { 1, 0, "<med>4294967294</med>" },
        { 100, 5, "<med>5</med>" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct ds out = DS_EMPTY_INITIALIZER;
        struct xmpp_evpn r;
        struct in6_addr ip;

        xmpp_evpn_init(&r);
        r.local_pref = cases[i].local_pref;
        r.med = cases[i].med;
        assert_int_equal(tsn_ip_parse("10.0.0.1", &ip), 0);
        xmpp_evpn_add_next_hop(&r, &ip, 5, 0);
        xmpp_evpn_encode_notify(&out, &r);
        assert_non_null(strstr(ds_cstr(&out), cases[i].expect));
        assert_non_null(strstr(ds_cstr(&out), ">gre<"));
        assert_non_null(strstr(ds_cstr(&out), ">unresolved<"));
        ds_destroy(&out);

        /* An agent's own is left alone. */
        ds_init(&out);
        xmpp_evpn_encode_publish(&out, &r);
        assert_non_null(strstr(ds_cstr(&out), cases[i].med
                               ? "<med>5</med>" : "<med>0</med>"));
        assert_non_null(strstr(ds_cstr(&out),
                               "<tunnel-encapsulation-list />"));
        ds_destroy(&out);
        xmpp_evpn_fini(&r);
    }
}

/* Its MAC is put into what was written for another one. */
static void
evpn__entry_of_another_mac__is_that_of_the_route(void **state)
{
    const struct eth_addr macs[] = {
        ETH_ADDR_C(02, 00, 00, 00, 01, 01), ETH_ADDR_C(fe, dc, ba, 98, 76, 54),
    };
    static void (*const encoders[])(struct ds *, const struct xmpp_evpn *) = {
        xmpp_evpn_encode_publish, xmpp_evpn_encode_notify,
    };

    for (size_t i = 0; i < ARRAY_SIZE(encoders); i++) {
        struct ds out = DS_EMPTY_INITIALIZER, expect = DS_EMPTY_INITIALIZER;
        struct xmpp_evpn r;

        /* Next hops have MACs, too. */
        fill(&r);
        r.mac = macs[0];
        encoders[i](&out, &r);
        r.mac = macs[1];
        encoders[i](&expect, &r);
        xmpp_evpn_entry_set_mac(ds_cstr(&out), &macs[1]);
        assert_string_equal(ds_cstr(&out), ds_cstr(&expect));
        xmpp_evpn_fini(&r);
        ds_destroy(&out);
        ds_destroy(&expect);
    }
}

static void
evpn__zero_filled__is_without_address(void **state)
{
    struct xmpp_evpn zero = { .mac = ETH_ADDR_C(02, 00, 00, 00, 00, 00) }, r;
    char buf[XMPP_ID_STRLEN];

    xmpp_evpn_init(&r);
    r.mac = zero.mac;
    assert_true(xmpp_evpn_equals(&zero, &r));
    assert_int_equal(xmpp_evpn_key_hash(&zero), xmpp_evpn_key_hash(&r));
    assert_string_equal(xmpp_evpn_item_id(&zero, buf),
                        "02:00:00:00:00:00,0.0.0.0/32");
}

static void
mcast__node_id__keeps_group(void **state)
{
    char buf[XMPP_ID_STRLEN], name[2 * XMPP_ID_STRLEN];

    assert_string_equal(
        xmpp_mcast_node_id("default-domain:admin:vn1:vn1", buf),
        "1/241/default-domain:admin:vn1:vn1/255.255.255.255");

    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    xmpp_mcast_node_id(name, buf);
    assert_int_equal(strlen(buf), sizeof buf - 1);
    assert_string_equal(strrchr(buf, '/'), "/255.255.255.255");

    /* A character is cut off as a whole: half of one is no XML. */
    for (size_t ofs = 0; ofs < 4; ofs++) {
        memset(name, 'n', ofs);
        for (char *p = name + ofs; p + 4 < name + sizeof name; p += 4) {
            memcpy(p, "\xf0\x9f\x98\x80", 5);
        }
        xmpp_mcast_node_id(name, buf);
        assert_null(utf8_validate(buf, NULL));
        assert_in_range(strlen(buf), sizeof buf - 4, sizeof buf - 1);
        assert_string_equal(strrchr(buf, '/'), "/255.255.255.255");
    }
}

static void
evpn__nothing_more_about_it__equals_one_without(void **state)
{
    struct xmpp_evpn a, b;

    xmpp_evpn_init(&a);
    xmpp_evpn_init(&b);
    a.mac = b.mac = (struct eth_addr) ETH_ADDR_C(02, 00, 00, 00, 00, 01);
    xmpp_evpn_add_next_hop(&a, &in6addr_any, 1, 0);
    xmpp_evpn_add_next_hop(&b, &in6addr_any, 1, 0);
    assert_null(xmpp_evpn_hop_more(&b, 0));
    assert_int_equal(xmpp_evpn_more_size(&b), 0);
    xmpp_evpn_get_hop_more(&b, 0);
    assert_non_null(xmpp_evpn_hop_more(&b, 0));
    assert_null(xmpp_evpn_hop_more(&b, 1));
    assert_true(xmpp_evpn_more_size(&b) > 0);
    assert_true(xmpp_evpn_equals(&a, &b));
    assert_true(xmpp_evpn_equals(&b, &a));
    xmpp_evpn_fini(&a);
    xmpp_evpn_fini(&b);
}

static void
evpn__plain_route_read__keeps_nothing_more(void **state)
{
    char *stanza = vector_read("event-mac.xml");
    char *entry = vector_cut_entry(stanza);
    struct xmpp_evpn route;
    struct tsn_err err;

    assert_int_equal(decode_evpn(entry, &route, &err), 0);
    assert_null(route.more);
    xmpp_evpn_fini(&route);
    free(entry);
    free(stanza);
}

static void
evpn__next_hops_sorted__each_keeps_its_own(void **state)
{
    struct xmpp_evpn r, other;
    struct in6_addr ip;

    xmpp_evpn_init(&r);
    xmpp_evpn_init(&other);
    for (int i = 9; i >= 0; i--) {
        char *text = xasprintf("10.0.0.%d", i);

        assert_int_equal(tsn_ip_parse(text, &ip), 0);
        free(text);
        xmpp_evpn_add_next_hop(&other, &ip, i, 0);
        if (i % 2) {
            xmpp_evpn_get_hop_more(&other, 9 - i)->l3_label = 100 + i;
        }
    }
    for (size_t i = 0; i < 10; i++) {
        xmpp_evpn_add_next_hop_of(&r, &other, i);
    }
    assert_true(xmpp_evpn_equals(&r, &other));
    xmpp_evpn_sort_next_hops(&r);
    for (size_t i = 0; i < 10; i++) {
        const struct xmpp_hop_more *more = xmpp_evpn_hop_more(&r, i);

        assert_int_equal(r.next_hops[i].label, i);
        assert_int_equal(more ? more->l3_label : 0, i % 2 ? 100 + i : 0);
    }
    xmpp_evpn_fini(&other);
    xmpp_evpn_fini(&r);
}

static void
evpn__key_alone__equal_whatever_else(void **state)
{
    struct xmpp_evpn a, b;

    fill(&a);
    xmpp_evpn_key_copy(&b, &a);
    assert_false(xmpp_evpn_equals(&a, &b));
    assert_true(xmpp_evpn_key_equals(&a, &b));
    assert_int_equal(xmpp_evpn_key_hash(&a), xmpp_evpn_key_hash(&b));
    b.more->source.s6_addr[15]++;
    assert_false(xmpp_evpn_key_equals(&a, &b));
    assert_int_not_equal(xmpp_evpn_key_hash(&a), xmpp_evpn_key_hash(&b));
    b.more->group = in6addr_any;
    assert_false(xmpp_evpn_key_equals(&a, &b));
    assert_false(xmpp_evpn_key_equals(&b, &a));
    xmpp_evpn_fini(&b);
    xmpp_evpn_fini(&a);
}

static void
evpn__item_id__found_in_any_spelling(void **state)
{
    static const struct {
        const char *id, *canonical;
    } cases[] = {
        { "5005-" MAC ",0.0.0.0/32", NULL },
        { MAC ",0.0.0.0/32", NULL },
        { "0-" MAC ",0.0.0.0/32", MAC ",0.0.0.0/32" },
        { "05-" MAC ",0.0.0.0/32", "5-" MAC ",0.0.0.0/32" },
        { "4294967295-" MAC ",10.1.1.4/32", NULL },
        { "5-02:AA:bB:00:01:01,10.1.1.4/32",
          "5-02:aa:bb:00:01:01,10.1.1.4/32" },
        { "5-" MAC ",2001:DB8:0:0::000a/128", "5-" MAC ",2001:db8::a/128" },
        { "5-" MAC ",0.0.0.0/0", "5-" MAC ",0.0.0.0/32" },
        { "5-" MAC ",::/0", "5-" MAC ",0.0.0.0/32" },
        { "5-" MAC ",::/128", "5-" MAC ",0.0.0.0/32" },
        { "5-" MAC ",0.0.0.0/32,0.0.0.0,0.0.0.0", "5-" MAC ",0.0.0.0/32" },
        { ALL ",0.0.0.0/32", NULL },
        { "5-" ALL ",127.0.2.1/32", NULL },
        { ALL ",0.0.0.0/32,255.255.255.255,0.0.0.0", ALL ",0.0.0.0/32" },
        { ZERO ",198.51.100.0/24", NULL },
        { ZERO ",0.0.0.0/0", NULL },
        { ZERO ",::/0", NULL },
        { ZERO ",2001:DB8::/32", ZERO ",2001:db8::/32" },
        { "7-" MAC ",0.0.0.0/32,225.1.1.1,10.0.0.5", NULL },
        { "7-" MAC ",0.0.0.0/32,225.1.1.1,0.0.0.0", NULL },
        { ZERO ",0.0.0.0/32,FF05::1,::", ZERO ",0.0.0.0/32,ff05::1,0.0.0.0" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xmpp_evpn key, again;
        char buf[XMPP_ID_STRLEN];

        if (xmpp_evpn_parse_item_id(cases[i].id, &key)) {
            fail_msg("refused: %s", cases[i].id);
        }
        assert_string_equal(xmpp_evpn_item_id(&key, buf),
                            cases[i].canonical ? cases[i].canonical
                                               : cases[i].id);
        assert_int_equal(xmpp_evpn_parse_item_id(buf, &again), 0);
        assert_true(xmpp_evpn_equals(&key, &again));
        assert_int_equal(xmpp_evpn_key_hash(&key),
                         xmpp_evpn_key_hash(&again));
        xmpp_evpn_fini(&again);
        xmpp_evpn_fini(&key);
    }
}

static void
evpn__bad_item_id__refused(void **state)
{
    static const char *const ids[] = {
        "", ",", "-", "5", "5-", "5-" MAC, MAC ",", MAC ",10.1.1.4",
        MAC ",10.1.1.4/24", MAC ",10.1.1.4/33", MAC ",2001:db8::1/64",
        MAC ",x/32", ",10.1.1.4/32", "x-" MAC ",0.0.0.0/32",
        "-5-" MAC ",0.0.0.0/32", " 5-" MAC ",0.0.0.0/32",
        "4294967296-" MAC ",0.0.0.0/32", "-" MAC ",0.0.0.0/32",
        "5-5-" MAC ",0.0.0.0/32", "5-02-00-00-00-01-01,0.0.0.0/32",
        "02:00:00:00:01,0.0.0.0/32", MAC ",0.0.0.0/32,",
        MAC ",0.0.0.0/32,225.1.1.1", MAC ",0.0.0.0/32,225.1.1.1,",
        MAC ",0.0.0.0/32,225.1.1.1,x", MAC ",0.0.0.0/32,x,10.0.0.1",
        MAC ",0.0.0.0/32,225.1.1.1,10.0.0.1,", MAC ",0.0.0.0/24",
        MAC " ,0.0.0.0/32", MAC ", 0.0.0.0/32", MAC ",0.0.0.0/32 ",
        "5005 -" MAC ",0.0.0.0/32", ZERO ",10.0.0.0", ZERO ",",
        "99999999999999999999999999-" MAC ",0.0.0.0/32",
        MAC ",0000000000000000000000000000000000000000000000000000::/128",
    };

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        struct xmpp_evpn key;

        if (xmpp_evpn_parse_item_id(ids[i], &key) != -EINVAL) {
            fail_msg("accepted: %s", ids[i]);
        }
    }
}

static void
mcast__item_id__read_and_written(void **state)
{
    static const struct {
        const char *id, *canonical;
    } cases[] = {
        { "127.0.1.3:5:255.255.255.255,0.0.0.0", NULL },
        { "10.10.0.21:4294967295:225.1.1.1,10.0.0.5", NULL },
        { "2001:db8::1:5:225.1.1.1,10.0.0.5", NULL },
        { "10.0.0.1:05:225.1.1.1,0.0.0.0", "10.0.0.1:5:225.1.1.1,0.0.0.0" },
    };
    static const char *const bad[] = {
        "", ":", "::", "10.0.0.1", "10.0.0.1:5", "10.0.0.1:5:", ":5:225.1.1.1",
        "10.0.0.1:5:225.1.1.1", "10.0.0.1:5:225.1.1.1,",
        "10.0.0.1::225.1.1.1,0.0.0.0", "10.0.0.1:x:225.1.1.1,0.0.0.0",
        "10.0.0.1:-1:225.1.1.1,0.0.0.0", "x:5:225.1.1.1,0.0.0.0",
        "10.0.0.1:4294967296:225.1.1.1,0.0.0.0",
        "10.0.0.1:5:0.0.0.0,0.0.0.0", "10.0.0.1:5:all,0.0.0.0",
        "10.0.0.1:5:225.1.1.1,0.0.0.0,", "10.0.0.1:5:225.1.1.1/32,0.0.0.0",
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct xmpp_mcast_id mid;
        char buf[XMPP_ID_STRLEN];

        if (xmpp_mcast_parse_item_id(cases[i].id, &mid)) {
            fail_msg("refused: %s", cases[i].id);
        }
        assert_string_equal(xmpp_mcast_item_id(&mid, buf),
                            cases[i].canonical ? cases[i].canonical
                                               : cases[i].id);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct xmpp_mcast_id mid;

        if (xmpp_mcast_parse_item_id(bad[i], &mid) != -EINVAL) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
}

static void
mcast__group_and_source__broadcast_or_not(void **state)
{
    struct xmpp_mcast r;

    xmpp_mcast_init(&r);
    assert_true(xmpp_mcast_is_broadcast(&r));
    assert_int_equal(tsn_ip_parse("255.255.255.255", &r.group), 0);
    assert_true(xmpp_mcast_is_broadcast(&r));
    assert_int_equal(tsn_ip_parse("10.0.0.5", &r.source), 0);
    assert_false(xmpp_mcast_is_broadcast(&r));
    xmpp_mcast_init(&r);
    assert_int_equal(tsn_ip_parse("225.1.1.1", &r.group), 0);
    assert_false(xmpp_mcast_is_broadcast(&r));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(route__each_vector__read_as_the_rules_say),
        cmocka_unit_test(route__each_vector__written_as_it_was_read),
        cmocka_unit_test(route__each_vector_with_id__named_as_in_its_stanza),
        cmocka_unit_test(route__vectors__are_many_and_have_names),
        cmocka_unit_test(evpn__several_items__each_decoded),
        cmocka_unit_test(evpn__no_entry__bad),
        cmocka_unit_test(evpn__inet_entry__bad),
        cmocka_unit_test(evpn__long_lists__refused_above_limit),
        cmocka_unit_test(evpn__full__survives_encode_and_decode),
        cmocka_unit_test(evpn__copy__equal_and_independent),
        cmocka_unit_test(evpn__any_member_differs__not_equal),
        cmocka_unit_test(evpn__notify__derives_what_the_agent_left_out),
        cmocka_unit_test(evpn__entry_of_another_mac__is_that_of_the_route),
        cmocka_unit_test(evpn__zero_filled__is_without_address),
        cmocka_unit_test(evpn__nothing_more_about_it__equals_one_without),
        cmocka_unit_test(evpn__plain_route_read__keeps_nothing_more),
        cmocka_unit_test(evpn__next_hops_sorted__each_keeps_its_own),
        cmocka_unit_test(evpn__key_alone__equal_whatever_else),
        cmocka_unit_test(evpn__item_id__found_in_any_spelling),
        cmocka_unit_test(evpn__bad_item_id__refused),
        cmocka_unit_test(mcast__item_id__read_and_written),
        cmocka_unit_test(mcast__group_and_source__broadcast_or_not),
        cmocka_unit_test(mcast__node_id__keeps_group),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
