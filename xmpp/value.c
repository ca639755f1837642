/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/value.h"

#include <errno.h>
#include <string.h>

#include "packets.h"
#include "util.h"

#define BLANKS " \t\r\n"

int
xmpp_value_uint(const char *s, uint64_t max, uint64_t *value)
{
    uint64_t v = 0;

    s += strspn(s, BLANKS);
    bool negative = *s == '-';
    s += negative;
    if (negative && (max > UINT32_MAX || !(*s >= '0' && *s <= '9'))) {
        return -EINVAL;
    }
    for (; *s >= '0' && *s <= '9'; s++) {
        unsigned int digit = *s - '0';

        if (v > (UINT64_MAX - digit) / 10) {
            return -EINVAL;
        }
        v = v * 10 + digit;
    }
    if (s[strspn(s, BLANKS)]) {
        return -EINVAL;
    }

    if (negative) {
        if (v > UINT64_C(1) << 31) {
            return -EINVAL;
        }
        v = (uint32_t) -v;
    }
    if (v > max) {
        return -EINVAL;
    }
    *value = v;
    return 0;
}

bool
xmpp_value_bool(const char *s)
{
    return !strcmp(s, "true");
}

int
xmpp_value_mac(const char *s, struct eth_addr *mac)
{
    struct eth_addr ea;

    if (!*s) {
        *mac = eth_addr_zero;
        return 0;
    }
    for (int i = 0; i < ETH_ADDR_LEN; i++) {
        bool ok;

        ea.ea[i] = hexits_value(s, 2, &ok);
        if (!ok || s[2] != (i < ETH_ADDR_LEN - 1 ? ':' : '\0')) {
            return -EINVAL;
        }
        s += 3;
    }
    *mac = ea;
    return 0;
}
