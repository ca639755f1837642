/* SPDX-License-Identifier: Apache-2.0 */
/* Writing XML without printf(), which would be most of what it takes to
 * publish a route.  No I/O, any thread. */
#ifndef XMPP_XML_PUT_H
#define XMPP_XML_PUT_H 1

#include <stdint.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"

/* Appends three strings; inline, so that the lengths of literals are
 * constants. */
static inline void
xmpp_put3(struct ds *out, const char *a, const char *b, const char *c)
{
    size_t n_a = strlen(a), n_b = strlen(b), n_c = strlen(c);
    char *p = ds_put_uninit(out, n_a + n_b + n_c);

    memcpy(p, a, n_a);
    memcpy(p + n_a, b, n_b);
    memcpy(p + n_a + n_b, c, n_c);
}

/* Appends 'value' in decimal. */
static inline void
xmpp_put_number(struct ds *out, uint64_t value)
{
    char digits[20];
    size_t i = sizeof digits;

    do {
        digits[--i] = '0' + value % 10;
        value /= 10;
    } while (value);
    ds_put_buffer(out, digits + i, sizeof digits - i);
}

/* Writes the 17 characters of ETH_ADDR_FMT to 'p', without a NUL. */
static inline void
xmpp_write_mac(char *p, const struct eth_addr *mac)
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < ETH_ADDR_LEN; i++, p += 3) {
        p[0] = digits[mac->ea[i] >> 4];
        p[1] = digits[mac->ea[i] & 0xf];
        if (i < ETH_ADDR_LEN - 1) {
            p[2] = ':';
        }
    }
}

#endif /* xmpp/xml-put.h */
