/* SPDX-License-Identifier: Apache-2.0 */
/* Text that a switch wrote.  No state, any thread. */
#ifndef OVSDB_CLIENT_TEXT_H
#define OVSDB_CLIENT_TEXT_H 1

#include <netinet/in.h>
#include <stdbool.h>

#include "openvswitch/types.h"

struct json;

/* "xx:xx:xx:xx:xx:xx" in either case.  Returns false and leaves '*mac' alone
 * for anything else, also for keywords such as "unknown-dst". */
bool ovc_text_to_mac(const char *s, struct eth_addr *mac);

/* An address that frames can be sent to, otherwise none: all zeros. */
struct in6_addr ovc_text_to_vtep(const char *s);
bool ovc_is_vtep(const struct in6_addr *ip);

/* The error of a JSON-RPC or database operation reply (RFC 7047 4.1.3, 4.2) as
 * a line for people.  The caller frees it. */
char *ovc_error_text(const struct json *error);

/* Makes one line of it that does nothing to a terminal. */
void ovc_text_make_printable(char *text);

#endif /* ovsdb-client/text.h */
