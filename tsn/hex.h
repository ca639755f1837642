/* SPDX-License-Identifier: Apache-2.0 */
/* Octets as people write them: two hexadecimal digits for each.  Any
 * thread. */
#ifndef TSN_HEX_H
#define TSN_HEX_H 1

#include <stddef.h>
#include <stdint.h>

struct ds;
struct tsn_err;

/* Reads all of 'text'.  Between octets there may be blanks, newlines, colons,
 * dashes and dots, and before them "0x".  Returns 0 with 'octets', of which
 * there are '*n' and at most 'max', or -EINVAL with '*err'. */
int tsn_hex_decode(const char *text, uint8_t *octets, size_t max, size_t *n,
                   struct tsn_err *err);

/* Appends the digits alone. */
void tsn_hex_encode(const void *octets, size_t n, struct ds *out);

#endif /* tsn/hex.h */
