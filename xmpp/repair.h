/* SPDX-License-Identifier: Apache-2.0 */
/* What real control nodes get wrong in their XML.  No I/O, any thread. */
#ifndef XMPP_REPAIR_H
#define XMPP_REPAIR_H 1

#include <stdbool.h>
#include <stddef.h>

struct ds;

/* How far into a <message> its <items> may begin, and how long their node may
 * be: each is a few names of at most 255 characters. */
#define XMPP_REPAIR_MAX_BEFORE 4096u
#define XMPP_REPAIR_MAX_NODE 4096u

/* Control nodes write the routing instance of <items node="..."> as it is,
 * while they escape everything else.  A network called 'a&b <c> "d"' thus
 * makes a <message> that is not well-formed, with every release that builds
 * its messages out of strings (spec/xmpp-protocol.md 8).
 *
 * Appends to 'out' the message with that attribute escaped and returns true.
 * Returns false, and appends nothing, for anything else, and when the
 * attribute has nothing to escape: the fault is another one then. */
bool xmpp_repair_items_node(const char *data, size_t size, struct ds *out);

#endif /* xmpp/repair.h */
