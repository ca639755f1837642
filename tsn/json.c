/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "packets.h"
#include "tsn/model.h"
#include "util.h"

void
tsn_json_init(struct tsn_json *json, struct ds *out)
{
    memset(json, 0, sizeof *json);
    json->out = out;
}

/* Length of the UTF-8 sequence at 's' (RFC 3629), 0 if there is none.  Stops
 * at the terminating null. */
static size_t
utf8_length(const uint8_t *s)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t n = s[0] < 0x80 ? 1
               : s[0] >= 0xc2 && s[0] <= 0xdf ? 2
               : s[0] >= 0xe0 && s[0] <= 0xef ? 3
               : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
               : 0;
    if (n <= 1) {
        return n;
    }

    uint32_t c = s[0] & (0x7f >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (s[i] & 0x3f);
    }
    bool surrogate = c >= 0xd800 && c <= 0xdfff;
    return c >= least[n] && c <= 0x10ffff && !surrogate ? n : 0;
}

static void
put_ascii(struct ds *out, char c)
{
    static const char escaped[] = "\"\\\b\f\n\r\t";
    static const char letter[] = "\"\\bfnrt";
    const char *p = strchr(escaped, c);

    if (p) {
        ds_put_char(out, '\\');
        ds_put_char(out, letter[p - escaped]);
    } else if ((uint8_t) c < 0x20 || c == 0x7f) {
        ds_put_format(out, "\\u%04x", (uint8_t) c);
    } else {
        ds_put_char(out, c);
    }
}

static void
put_string(struct ds *out, const char *s)
{
    ds_put_char(out, '"');
    while (*s) {
        size_t n = utf8_length((const uint8_t *) s);

        if (n == 1) {
            put_ascii(out, *s);
        } else if (n) {
            ds_put_buffer(out, s, n);
        } else {
            ds_put_cstr(out, "\xef\xbf\xbd");   /* U+FFFD. */
        }
        s += MAX(n, 1);
    }
    ds_put_char(out, '"');
}

/* Everything that comes before a value. */
static void
begin_value(struct tsn_json *json, const char *key)
{
    if (json->comma[json->depth]) {
        ds_put_char(json->out, ',');
    }
    json->comma[json->depth] = true;
    if (key) {
        put_string(json->out, key);
        ds_put_char(json->out, ':');
    }
}

void
tsn_json_init_elements(struct tsn_json *json, struct ds *out)
{
    tsn_json_init(json, out);
    json->depth = 1;
}

void
tsn_json_elements(struct tsn_json *json, const struct ds *elements)
{
    if (elements->length) {
        begin_value(json, NULL);
        ds_put_buffer(json->out, elements->string, elements->length);
    }
}

static void
begin_nested(struct tsn_json *json, const char *key, char bracket)
{
    begin_value(json, key);
    ds_put_char(json->out, bracket);
    ovs_assert(json->depth + 1 < TSN_JSON_DEPTH);
    json->comma[++json->depth] = false;
}

static void
end_nested(struct tsn_json *json, char bracket)
{
    ovs_assert(json->depth > 0);
    json->depth--;
    ds_put_char(json->out, bracket);
}

void
tsn_json_object_begin(struct tsn_json *json, const char *key)
{
    begin_nested(json, key, '{');
}

void
tsn_json_object_end(struct tsn_json *json)
{
    end_nested(json, '}');
}

void
tsn_json_array_begin(struct tsn_json *json, const char *key)
{
    begin_nested(json, key, '[');
}

void
tsn_json_array_end(struct tsn_json *json)
{
    end_nested(json, ']');
}

void
tsn_json_string(struct tsn_json *json, const char *key, const char *value)
{
    begin_value(json, key);
    if (value) {
        put_string(json->out, value);
    } else {
        ds_put_cstr(json->out, "null");
    }
}

void
tsn_json_stringf(struct tsn_json *json, const char *key, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    char *value = xvasprintf(fmt, args);
    va_end(args);
    tsn_json_string(json, key, value);
    free(value);
}

void
tsn_json_uint(struct tsn_json *json, const char *key, uint64_t value)
{
    begin_value(json, key);
    ds_put_format(json->out, "%" PRIu64, value);
}

void
tsn_json_int(struct tsn_json *json, const char *key, int64_t value)
{
    begin_value(json, key);
    ds_put_format(json->out, "%" PRId64, value);
}

void
tsn_json_bool(struct tsn_json *json, const char *key, bool value)
{
    begin_value(json, key);
    ds_put_cstr(json->out, value ? "true" : "false");
}

void
tsn_json_mac(struct tsn_json *json, const char *key,
             const struct eth_addr *mac)
{
    tsn_json_stringf(json, key, ETH_ADDR_FMT, ETH_ADDR_ARGS(*mac));
}

void
tsn_json_ip(struct tsn_json *json, const char *key, const struct in6_addr *ip)
{
    char buf[TSN_IP_STRLEN];

    tsn_json_string(json, key,
                    tsn_ip_is_set(ip) ? tsn_ip_format(ip, buf) : NULL);
}
