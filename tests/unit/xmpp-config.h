/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration for tests: recorded stanzas, and writing short ones. */
#ifndef TESTS_UNIT_XMPP_CONFIG_H
#define TESTS_UNIT_XMPP_CONFIG_H 1

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "util.h"

#include "tsn/error.h"
#include "xmpp/graph.h"
#include "xmpp/xml.h"

/* Applies a stanza, or only its <config> element. */
static inline size_t
apply(struct xmpp_graph *graph, const char *data, size_t size)
{
    struct xmpp_xml *xml;
    struct tsn_err err;

    if (xmpp_xml_parse(data, size, &xml, &err)) {
        fail_msg("%s: %.*s", tsn_err_format(&err), (int) size, data);
    }
    const struct xmpp_node *root = xmpp_xml_root(xml);
    size_t n = xmpp_graph_apply(graph, strcmp(root->name, "config")
                                ? xmpp_node_child(root, "config") : root);
    xmpp_xml_destroy(xml);
    return n;
}

/* Applies all stanzas in a file of tests/wire/data/. */
static inline size_t
apply_file(struct xmpp_graph *graph, const char *name)
{
    struct ds s = DS_EMPTY_INITIALIZER;
    char *path = xasprintf("%s/tests/wire/data/%s", getenv("srcdir"), name);
    FILE *f = fopen(path, "rb");
    size_t n = 0;

    if (!f) {
        fail_msg("%s: %s", path, ovs_strerror(errno));
    }
    for (int c; (c = getc(f)) != EOF; ) {
        ds_put_char(&s, c);
    }
    fclose(f);
    free(path);

    const char *start = ds_cstr(&s), *end;
    while ((end = strstr(start, "</iq>")) != NULL) {
        end += strlen("</iq>");
        n += apply(graph, start, end - start);
        start = end;
    }
    ds_destroy(&s);
    return n;
}

/* Objects for apply_objects(). */
#define NODE(TYPE, NAME, PROPERTIES)                                    \
    "<node type='" TYPE "'><name>" NAME "</name>" PROPERTIES "</node>"
#define LINK(LINK_TYPE, TYPE1, NAME1, TYPE2, NAME2)                     \
    "<link>" NODE(TYPE1, NAME1, "") NODE(TYPE2, NAME2, "")              \
    "<metadata type='" LINK_TYPE "' /></link>"
#define ID_PERMS(NUMBER)                                                \
    "<id-perms><uuid><uuid-mslong>0</uuid-mslong>"                      \
    "<uuid-lslong>" #NUMBER "</uuid-lslong></uuid></id-perms>"

/* 'what' is "update" or "delete". */
static inline size_t
apply_objects(struct xmpp_graph *graph, const char *what, const char *objects)
{
    char *s = xasprintf("<config><%s>%s</%s></config>", what, objects, what);
    size_t n = apply(graph, s, strlen(s));

    free(s);
    return n;
}

#endif /* tests/unit/xmpp-config.h */
