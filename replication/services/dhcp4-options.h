/* SPDX-License-Identifier: Apache-2.0 */
/* DHCPv4 options as an operator configures them, by name or number and text,
 * and as they go to the wire (spec/tsn-dataplane.md C.3.6, RFC 2132).  No I/O,
 * any thread. */
#ifndef DHCP4_OPTIONS_H
#define DHCP4_OPTIONS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DHCP_OPT_MASK = 1,
    DHCP_OPT_ROUTERS = 3,
    DHCP_OPT_DNS = 6,
    DHCP_OPT_HOST_NAME = 12,
    DHCP_OPT_BROADCAST = 28,
    DHCP_OPT_REQUESTED_IP = 50,
    DHCP_OPT_LEASE_TIME = 51,
    DHCP_OPT_OVERLOAD = 52,
    DHCP_OPT_TYPE = 53,
    DHCP_OPT_SERVER_ID = 54,
    DHCP_OPT_REQUEST_LIST = 55,
    DHCP_OPT_MESSAGE = 56,
    DHCP_OPT_MAX_SIZE = 57,
    DHCP_OPT_CLIENT_ID = 61,
    DHCP_OPT_TFTP_SERVER = 66,
    DHCP_OPT_BOOT_FILE = 67,
};

/* Bytes of all configured options of one lease. */
#define DHCP_OPTIONS_MAX 1024

/* Options one after the other, each code once: code, length, value. */
struct dhcp_options {
    uint8_t data[DHCP_OPTIONS_MAX];
    size_t size;
};

/* Encodes and appends the option that the configuration calls 'name' ("66",
 * "tftp-server-name", or "tag:TAG,66" whose tag is not looked at).  'bytes',
 * decimal octets with blanks between them, if not "", replaces 'value'.
 *
 * Returns 0; -EEXIST if it is there already, as the first one counts;
 * -EINVAL for an unknown name or a value that does not fit the option, -EPERM
 * for an option that is the server's business, -ENOSPC. */
int dhcp_options_add(struct dhcp_options *, const char *name,
                     const char *value, const char *bytes);

/* The value of 'code', '*len' bytes, or NULL. */
const uint8_t *dhcp_options_find(const struct dhcp_options *, uint8_t code,
                                 uint8_t *len);

#endif /* replication/services/dhcp4-options.h */
