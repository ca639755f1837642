/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/hex.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "tsn/error.h"
#include "util.h"

static bool
is_separator(char c)
{
    return c && strchr(" \t\r\n:-.", c);
}

/* Behind separators and a "0x". */
static const char *
skip(const char *p)
{
    while (is_separator(*p)) {
        p++;
    }
    return p[0] == '0' && (p[1] == 'x' || p[1] == 'X') ? p + 2 : p;
}

int
tsn_hex_decode(const char *text, uint8_t *octets, size_t max, size_t *np,
               struct tsn_err *err)
{
    const char *p = skip(text);
    size_t n = 0;

    for (; *p; p = skip(p)) {
        int high = hexit_value(p[0]);
        int low = high < 0 ? -1 : hexit_value(p[1]);

        if (low < 0) {
            const char *bad = high < 0 ? p : p + 1;

            if (!*bad || is_separator(*bad)) {
                tsn_err_set(err, NULL, "half an octet at the end of "
                            "hexadecimal digits, behind %"PRIuSIZE" whole "
                            "ones", n);
            } else {
                tsn_err_set(err, NULL, "character %"PRIuSIZE" is no "
                            "hexadecimal digit", (size_t) (bad - text) + 1);
            }
            return -EINVAL;
        }
        if (n == max) {
            tsn_err_set(err, NULL, "more than %"PRIuSIZE" octets", max);
            return -EINVAL;
        }
        octets[n++] = high << 4 | low;
        p += 2;
    }
    *np = n;
    return 0;
}

void
tsn_hex_encode(const void *octets_, size_t n, struct ds *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *octets = octets_;
    char *p = ds_put_uninit(out, 2 * n);

    for (size_t i = 0; i < n; i++) {
        *p++ = digits[octets[i] >> 4];
        *p++ = digits[octets[i] & 0xf];
    }
}
