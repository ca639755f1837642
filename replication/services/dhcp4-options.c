/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/services/dhcp4-options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* What the text of an option's value is. */
enum form {
    FORM_TEXT,                  /* Goes as it is. */
    FORM_U8,
    FORM_U16,
    FORM_U32,
    FORM_U16S,                  /* One or more. */
    FORM_OCTETS,                /* Decimal, one or more. */
    FORM_IP,
    FORM_IPS,                   /* One or more. */
    FORM_EMPTY,
    FORM_RAW_ONLY,              /* Only as bytes: domain names, routes. */
};

struct name {
    const char *name;
    uint8_t code;
};

static const struct name names[] = {
    { "boot-size", 13 },
    { "bootfile-name", 67 },
    { "class-id", 60 },
    { "classless-static-routes", 121 },
    { "config-file", 209 },
    { "default-ip-ttl", 23 },
    { "dhcp-lease-time", 51 },
    { "dhcp-pxe-magic", 208 },
    { "dhcp-rebinding-time", 59 },
    { "dhcp-renewal-time", 58 },
    { "domain-name", 15 },
    { "domain-name-servers", 6 },
    { "domain-search", 119 },
    { "host-name", 12 },
    { "interface-mtu", 26 },
    { "log-servers", 7 },
    { "lpr-servers", 9 },
    { "name-servers", 5 },
    { "netbios-name-servers", 44 },
    { "netbios-node-type", 46 },
    { "ntp-servers", 42 },
    { "path-prefix", 210 },
    { "pop3-server", 70 },
    { "reboot-time", 211 },
    { "root-path", 17 },
    { "routers", 3 },
    { "smtp-server", 69 },
    { "static-routes", 33 },
    { "tftp-server", 128 },
    { "tftp-server-address", 150 },
    { "tftp-server-name", 66 },
    { "time-offset", 2 },
    { "time-servers", 4 },
    { "v4-captive-portal", 114 },
    { "vendor-encapsulated-options", 43 },
};

static enum form
form_of(uint8_t code)
{
    switch (code) {
    case 3 ... 11: case 21: case 33: case 41: case 42: case 44: case 45:
    case 48: case 49: case 65: case 68 ... 76: case 92: case 95: case 128:
    case 138: case 150:
        return FORM_IPS;
    case 16: case 32: case 118:
        return FORM_IP;
    case 19: case 20: case 23: case 27: case 29 ... 31: case 34: case 36:
    case 37: case 39: case 46:
        return FORM_U8;
    case 13: case 22: case 26: case 93:
        return FORM_U16;
    case 25: case 117:
        return FORM_U16S;
    case 2: case 24: case 35: case 38: case 51: case 58: case 59: case 208:
    case 211:
        return FORM_U32;
    case 63: case 77: case 79: case 120: case 122 ... 125: case 212:
        return FORM_OCTETS;
    case 80:
        return FORM_EMPTY;
    case 78: case 119: case 121:
        return FORM_RAW_ONLY;
    default:
        return FORM_TEXT;
    }
}

/* What the server says by itself, and what only clients or relays say. */
static bool
is_forbidden(uint8_t code)
{
    switch (code) {
    case 0: case DHCP_OPT_MASK: case DHCP_OPT_BROADCAST:
    case DHCP_OPT_REQUESTED_IP: case DHCP_OPT_OVERLOAD: case DHCP_OPT_TYPE:
    case DHCP_OPT_SERVER_ID: case DHCP_OPT_REQUEST_LIST:
    case DHCP_OPT_MESSAGE: case DHCP_OPT_MAX_SIZE: case DHCP_OPT_CLIENT_ID:
    case 81: case 82: case 255:
        return true;
    default:
        return false;
    }
}

/* A decimal or, for time-offset, negative number. */
static bool
parse_number(const char *s, long long min, long long max, uint32_t *value)
{
    char *end;

    errno = 0;
    long long number = strtoll(s, &end, 10);
    if (errno || end == s || *end || number < min || number > max) {
        return false;
    }
    *value = number;
    return true;
}

static bool
parse_code(const char *name, uint8_t *code)
{
    const char *comma = strrchr(name, ',');
    uint32_t number;

    if (!strncmp(name, "tag:", 4) && comma) {
        name = comma + 1;
    }
    if (parse_number(name, 0, UINT8_MAX, &number)) {
        *code = number;
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(name, names[i].name)) {
            *code = names[i].code;
            return true;
        }
    }
    return false;
}

struct value {
    uint8_t data[UINT8_MAX];
    size_t len;
};

static int
append(struct value *v, const void *data, size_t len)
{
    if (v->len + len > sizeof v->data) {
        return -EINVAL;
    }
    memcpy(v->data + v->len, data, len);
    v->len += len;
    return 0;
}

static int
append_number(struct value *v, const char *word, size_t size)
{
    uint32_t number;

    if (!parse_number(word, size == 4 ? INT32_MIN : 0,
                      (1LL << size * 8) - 1, &number)) {
        return -EINVAL;
    }
    uint32_t be = htonl(number);
    return append(v, (uint8_t *) &be + 4 - size, size);
}

static int
append_ip(struct value *v, const char *word)
{
    struct in_addr addr;

    return inet_pton(AF_INET, word, &addr) == 1
           ? append(v, &addr, sizeof addr) : -EINVAL;
}

static int
append_word(struct value *v, enum form form, const char *word)
{
    switch (form) {
    case FORM_U8:
    case FORM_OCTETS:
        return append_number(v, word, 1);
    case FORM_U16:
    case FORM_U16S:
        return append_number(v, word, 2);
    case FORM_U32:
        return append_number(v, word, 4);
    case FORM_IP:
    case FORM_IPS:
        return append_ip(v, word);
    case FORM_TEXT:
    case FORM_EMPTY:
    case FORM_RAW_ONLY:
        break;
    }
    return -EINVAL;
}

static bool
is_list(enum form form)
{
    return form == FORM_U16S || form == FORM_OCTETS || form == FORM_IPS;
}

/* Encodes words with blanks or commas between them. */
static int
encode_words(struct value *v, enum form form, const char *text)
{
    char *copy = xstrdup(text), *save = NULL;
    int n = 0, error = 0;

    for (char *word = strtok_r(copy, " \t,", &save); word && !error;
         word = strtok_r(NULL, " \t,", &save)) {
        error = n++ && !is_list(form) ? -EINVAL : append_word(v, form, word);
    }
    free(copy);
    return error ? error : n ? 0 : -EINVAL;
}

static int
encode(struct value *v, uint8_t code, const char *value, const char *bytes)
{
    enum form form = form_of(code);

    v->len = 0;
    if (*bytes) {
        return encode_words(v, FORM_OCTETS, bytes);
    } else if (form == FORM_TEXT) {
        return *value ? append(v, value, strlen(value)) : -EINVAL;
    } else if (form == FORM_EMPTY) {
        return 0;
    }
    return encode_words(v, form, value);
}

int
dhcp_options_add(struct dhcp_options *options, const char *name,
                 const char *value, const char *bytes)
{
    struct value v;
    uint8_t code, len;

    if (!parse_code(name, &code)) {
        return -EINVAL;
    }
    if (is_forbidden(code)) {
        return -EPERM;
    }
    if (dhcp_options_find(options, code, &len)) {
        return -EEXIST;
    }
    int error = encode(&v, code, value, bytes);
    if (error) {
        return error;
    }
    if (options->size + 2 + v.len > sizeof options->data) {
        return -ENOSPC;
    }

    uint8_t *p = options->data + options->size;
    p[0] = code;
    p[1] = v.len;
    memcpy(p + 2, v.data, v.len);
    options->size += 2 + v.len;
    return 0;
}

const uint8_t *
dhcp_options_find(const struct dhcp_options *options, uint8_t code,
                  uint8_t *len)
{
    for (size_t i = 0; i < options->size; i += 2 + options->data[i + 1]) {
        if (options->data[i] == code) {
            *len = options->data[i + 1];
            return &options->data[i + 2];
        }
    }
    return NULL;
}
