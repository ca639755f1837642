/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of values in routes and configuration (spec/xmpp-protocol.md 3.3):
 * what is missing or empty is zero, as a peer that leaves an element out means
 * the same as one that writes it empty.  No I/O, any thread. */
#ifndef XMPP_VALUE_H
#define XMPP_VALUE_H 1

#include <stdbool.h>
#include <stdint.h>

struct eth_addr;

/* A decimal number up to 'max', with blanks around it or not.  A real control
 * node prints numbers of 32 bits above 2^31 as negative ones; they are read as
 * what they were meant to be.  Returns 0; or -EINVAL and leaves '*value'
 * alone. */
int xmpp_value_uint(const char *s, uint64_t max, uint64_t *value);

/* Only "true" is. */
bool xmpp_value_bool(const char *s);

/* Six bytes in hexadecimal of two digits each, in either case.  Returns 0; or
 * -EINVAL and leaves '*mac' alone. */
int xmpp_value_mac(const char *s, struct eth_addr *mac);

#endif /* xmpp/value.h */
