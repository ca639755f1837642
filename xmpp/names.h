/* SPDX-License-Identifier: Apache-2.0 */
/* Strings with a count of references, so that equal ones take memory once and
 * are the same pointer.  A pool has no lock. */
#ifndef XMPP_NAMES_H
#define XMPP_NAMES_H 1

#include <stddef.h>

#include "openvswitch/hmap.h"

struct xmpp_names {
    struct hmap names;
    size_t n_bytes;             /* That they take. */
};

void xmpp_names_init(struct xmpp_names *);
/* Every name must have been given back. */
void xmpp_names_fini(struct xmpp_names *);
const char *xmpp_names_get(struct xmpp_names *, const char *s);
void xmpp_names_put(struct xmpp_names *, const char *name);

#endif /* xmpp/names.h */
