/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ovsdb-client/proxy-protocol.h"

#include <errno.h>
#include <string.h>

#include "packets.h"
#include "tsn/error.h"
#include "util.h"

static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";

enum {
    FIXED_SIZE = 16,            /* Signature, version and command, family, the
                                 * length of the rest. */
    VERSION_2 = 0x20,           /* Version 2, command in the lower half. */
    CMD_LOCAL = 0,
    CMD_PROXY = 1,
    FAMILY_TCP4 = 0x11,
    FAMILY_TCP6 = 0x21,
    ADDRESSES_4 = 12,           /* Source, destination, their ports. */
    ADDRESSES_6 = 36,
};

static ssize_t
refuse(struct tsn_err *err, const char *why)
{
    tsn_err_set(err, NULL, "PROXY protocol: %s", why);
    return -EPROTO;
}

static uint16_t
get_be16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

/* A family that is not TCP over IP says nothing that we could use, and must
 * not be refused (2.2). */
static int
parse_addresses(const uint8_t *p, size_t size, uint8_t family,
                struct ovc_proxy *proxy)
{
    if (family == FAMILY_TCP4) {
        ovs_be32 ip4;

        if (size < ADDRESSES_4) {
            return -EPROTO;
        }
        memcpy(&ip4, p, sizeof ip4);
        in6_addr_set_mapped_ipv4(&proxy->source, ip4);
        proxy->source_port = get_be16(p + 8);
    } else if (family == FAMILY_TCP6) {
        if (size < ADDRESSES_6) {
            return -EPROTO;
        }
        memcpy(&proxy->source, p, sizeof proxy->source);
        proxy->source_port = get_be16(p + 32);
    } else {
        return 0;
    }
    proxy->has_source = true;
    return 0;
}

ssize_t
ovc_proxy_parse(const void *data, size_t size, struct ovc_proxy *proxy,
                struct tsn_err *err)
{
    const uint8_t *p = data;
    struct ovc_proxy found = { .source = in6addr_any };

    if (memcmp(p, signature, MIN(size, sizeof signature))) {
        return refuse(err, "there is no header of version 2");
    }
    if (size < FIXED_SIZE) {
        return -EAGAIN;
    }
    if ((p[12] & 0xf0) != VERSION_2) {
        return refuse(err, "the header is not of version 2");
    }
    size_t total = FIXED_SIZE + get_be16(p + 14);
    if (total > OVC_PROXY_MAX_SIZE) {
        return refuse(err, "the header is too long");
    }
    if (size < total) {
        return -EAGAIN;
    }
    switch (p[12] & 0x0f) {
    case CMD_LOCAL:
        found.local = true;
        break;
    case CMD_PROXY:
        if (parse_addresses(p + FIXED_SIZE, total - FIXED_SIZE, p[13],
                            &found)) {
            return refuse(err, "the addresses are cut off");
        }
        break;
    default:
        return refuse(err, "the command is unknown");
    }
    *proxy = found;
    return total;
}
