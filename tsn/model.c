/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/model.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "packets.h"

int
tsn_ip_parse(const char *s, struct in6_addr *ip)
{
    struct in_addr v4;

    if (inet_pton(AF_INET, s, &v4) == 1) {
        in6_addr_set_mapped_ipv4(ip, v4.s_addr);
        return 0;
    }
    return inet_pton(AF_INET6, s, ip) == 1 ? 0 : -EINVAL;
}

/* Decimal digits only, so no sign, blank or "0x". */
static int
parse_uint(const char *s, unsigned long max, unsigned long *value)
{
    if (!*s || strspn(s, "0123456789") != strlen(s) || strlen(s) > 9) {
        return -EINVAL;
    }
    unsigned long v = strtoul(s, NULL, 10);
    if (v > max) {
        return -EINVAL;
    }
    *value = v;
    return 0;
}

int
tsn_prefix_parse(const char *s, struct in6_addr *ip, uint8_t *plen)
{
    char addr[TSN_IP_STRLEN];
    const char *slash = strchr(s, '/');
    struct in6_addr parsed;
    unsigned long len;

    if (!slash || (size_t) (slash - s) >= sizeof addr) {
        return -EINVAL;
    }
    memcpy(addr, s, slash - s);
    addr[slash - s] = '\0';
    if (tsn_ip_parse(addr, &parsed)
        || parse_uint(slash + 1, tsn_ip_is_v4(&parsed) ? 32 : 128, &len)) {
        return -EINVAL;
    }
    *ip = parsed;
    *plen = len;
    return 0;
}

const char *
tsn_ip_format(const struct in6_addr *ip, char buf[TSN_IP_STRLEN])
{
    if (tsn_ip_is_v4(ip)) {
        inet_ntop(AF_INET, &ip->s6_addr32[3], buf, TSN_IP_STRLEN);
    } else {
        inet_ntop(AF_INET6, ip, buf, TSN_IP_STRLEN);
    }
    return buf;
}

bool
tsn_ip_is_in(const struct in6_addr *ips, size_t n, const struct in6_addr *ip)
{
    for (size_t i = 0; i < n; i++) {
        if (tsn_ip_equals(&ips[i], ip)) {
            return true;
        }
    }
    return false;
}

bool
tsn_ip_is_host(const struct in6_addr *ip)
{
    if (!tsn_ip_is_v4(ip)) {
        return tsn_ip_is_set(ip) && !IN6_IS_ADDR_MULTICAST(ip);
    }
    ovs_be32 v4 = in6_addr_get_mapped_ipv4(ip);
    return v4 && !ip_is_multicast(v4) && v4 != htonl(INADDR_BROADCAST);
}

int
tsn_sockaddr_parse(const char *s, uint16_t default_port,
                   struct sockaddr_storage *ss)
{
    char host[TSN_IP_STRLEN];
    const char *start = s, *end, *port = NULL;
    unsigned long port_number = default_port;
    struct in6_addr ip;

    if (*s == '[') {
        start = s + 1;
        end = strchr(start, ']');
        if (!end || (end[1] && end[1] != ':')) {
            return -EINVAL;
        }
        port = end[1] ? end + 2 : NULL;
    } else {
        const char *colon = strchr(s, ':');
        /* More than one colon: a bare IPv6 address. */
        if (colon && !strchr(colon + 1, ':')) {
            end = colon;
            port = colon + 1;
        } else {
            end = s + strlen(s);
        }
    }
    if ((size_t) (end - start) >= sizeof host) {
        return -EINVAL;
    }
    memcpy(host, start, end - start);
    host[end - start] = '\0';
    if (tsn_ip_parse(host, &ip)
        || (*s == '[' && !strchr(host, ':'))
        || (port && (parse_uint(port, UINT16_MAX, &port_number)
                     || !port_number))) {
        return -EINVAL;
    }

    memset(ss, 0, sizeof *ss);
    if (tsn_ip_is_v4(&ip)) {
        struct sockaddr_in *sin = (struct sockaddr_in *) ss;
        sin->sin_family = AF_INET;
        sin->sin_port = htons(port_number);
        sin->sin_addr.s_addr = ip.s6_addr32[3];
    } else {
        struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *) ss;
        sin6->sin6_family = AF_INET6;
        sin6->sin6_port = htons(port_number);
        sin6->sin6_addr = ip;
    }
    return 0;
}
