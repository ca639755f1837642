/* SPDX-License-Identifier: Apache-2.0 */
/* A stanza's meaning, and the repair of names that are not escaped: the input
 * is tried as a stanza, and as a name in one. */
#include <config.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "tsn/error.h"
#include "util.h"
#include "xmpp/repair.h"
#include "xmpp/stanza.h"
#include "xmpp/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_stanza(const struct xmpp_stanza *st)
{
    ovs_assert(st->from && st->to && st->why && st->node && st->item_node);
    switch (st->type) {
    case XMPP_SUBSCRIBE:
    case XMPP_UNSUBSCRIBE:
        ovs_assert(*st->node);
        break;
    case XMPP_EVENT:
        ovs_assert(st->body && st->resource == XMPP_RESOURCE_BGP);
        ovs_assert(st->family || st->end_of_rib);
        break;
    case XMPP_CONFIG:
        ovs_assert(st->body && st->resource == XMPP_RESOURCE_CONFIG);
        break;
    case XMPP_IGNORED:
        ovs_assert(*st->why);
        break;
    case XMPP_PUBLISH:
    case XMPP_COLLECTION:
        break;
    }
}

/* Returns 0 and 'st', to be given to xmpp_stanza_fini(). */
static int
parse(const char *s, size_t size, struct xmpp_stanza *st)
{
    struct tsn_err err;
    int error = xmpp_stanza_parse(s, size, st, &err);

    ovs_assert(!error || error == -EBADMSG || error == -E2BIG);
    if (!error) {
        check_stanza(st);
    }
    return error;
}

/* What was repaired needs it no more, and only one attribute differs. */
static void
check_repair(const char *s, size_t size)
{
    struct ds repaired = DS_EMPTY_INITIALIZER;
    struct xmpp_stanza st;

    if (xmpp_repair_items_node(s, size, &repaired)) {
        ovs_assert(repaired.length > size);
        ovs_assert(repaired.length <= size + 6 * XMPP_REPAIR_MAX_NODE);
        if (!parse(repaired.string, repaired.length, &st)) {
            ovs_assert(!st.repaired);
            xmpp_stanza_fini(&st);
        }
    } else {
        ovs_assert(!repaired.length);
    }
    ds_destroy(&repaired);
}

static void
check_name(const char *name)
{
    struct ds message = DS_EMPTY_INITIALIZER;
    struct xmpp_stanza st;

    ds_put_format(&message, "<message from=\"a\" to=\"b/bgp-peer\">\n"
                  "\t<event>\n\t\t<items node=\"25/242/%s\">\n"
                  "<item id=\"x\"></item></items>\n\t</event>\n</message>",
                  name);
    if (!parse(message.string, message.length, &st)) {
        if (st.repaired) {
            struct ds a = DS_EMPTY_INITIALIZER, b = DS_EMPTY_INITIALIZER;

            ovs_assert(st.type == XMPP_EVENT);
            ovs_assert(st.family == XMPP_FAMILY_EVPN);
            xmpp_xml_escape(&a, name);
            xmpp_xml_escape(&b, st.node);
            ovs_assert(!strcmp(ds_cstr(&a), ds_cstr(&b)));
            ovs_assert(xmpp_node_child(st.body, "item"));
            ds_destroy(&a);
            ds_destroy(&b);
        }
        xmpp_stanza_fini(&st);
    }
    ds_destroy(&message);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *s = (const char *) data;
    struct xmpp_stanza st;

    if (!parse(s, size, &st)) {
        xmpp_stanza_fini(&st);
    }
    check_repair(s, size);

    char *name = xmemdup0(s, size);
    name[strcspn(name, "\n")] = '\0';
    check_name(name);
    free(name);
    return 0;
}
