/* SPDX-License-Identifier: Apache-2.0 */
/* An underlay of our own: a network namespace whose only link is a TAP device,
 * "underlay", with the node's addresses, and all endpoints of the cases behind
 * it.  What the host sends we read, what it receives we write. */
#ifndef TESTS_FWD_TAP_H
#define TESTS_FWD_TAP_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fwd_cases.h"

struct fwd_tap;

/* Moves the process into the namespace.  NULL if that is not allowed here. */
struct fwd_tap *fwd_tap_create(void);
void fwd_tap_destroy(struct fwd_tap *);                 /* NULL is fine. */

/* Has the host receive an IP packet. */
void fwd_tap_send(struct fwd_tap *, const struct frame *);

/* Waits up to 'ms' for a UDP or GRE packet of the node, reassembled; skips all
 * others.  Returns false if there is none. */
bool fwd_tap_receive(struct fwd_tap *, struct frame *, int ms);

#endif /* tests/unit/fwd_tap.h */
