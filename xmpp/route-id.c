/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of routes, and the ids that name them (spec/xmpp-protocol.md 3.2,
 * 3.7). */
#include <config.h>
#include "xmpp/route.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "hash.h"
#include "packets.h"
#include "util.h"

#include "xmpp/value.h"

/* Without an address the length means nothing, but in a prefix. */
static bool
has_plen(const struct xmpp_evpn *r)
{
    return tsn_ip_is_set(&r->ip) || xmpp_evpn_type(r) == XMPP_EVPN_PREFIX;
}

static bool
is_group(const struct xmpp_evpn *r)
{
    return xmpp_evpn_type(r) == XMPP_EVPN_GROUP;
}

uint32_t
xmpp_evpn_key_hash(const struct xmpp_evpn *r)
{
    uint32_t hash = hash_bytes(&r->mac, sizeof r->mac, r->tag);

    hash = hash_bytes(&r->ip, sizeof r->ip,
                      hash + (has_plen(r) ? r->plen : 0));
    if (is_group(r)) {
        hash = hash_bytes(&r->more->group, sizeof r->more->group, hash);
        hash = hash_bytes(&r->more->source, sizeof r->more->source, hash);
    }
    return hash;
}

bool
xmpp_evpn_key_equals(const struct xmpp_evpn *a, const struct xmpp_evpn *b)
{
    bool group = is_group(a);

    return a->tag == b->tag && eth_addr_equals(a->mac, b->mac)
           && tsn_ip_equals(&a->ip, &b->ip)
           && group == is_group(b)
           && (a->plen == b->plen || !has_plen(a))
           && (!group
               || (tsn_ip_equals(&a->more->group, &b->more->group)
                   && tsn_ip_equals(&a->more->source, &b->more->source)));
}

void
xmpp_evpn_key_copy(struct xmpp_evpn *dst, const struct xmpp_evpn *src)
{
    xmpp_evpn_init(dst);
    dst->tag = src->tag;
    dst->mac = src->mac;
    dst->ip = src->ip;
    dst->plen = src->plen;
    if (is_group(src)) {
        xmpp_evpn_set_group(dst, &src->more->group, &src->more->source, 0);
    }
}

/* Cuts the part of '*s' up to 'end' off into 'buf'.  Without 'end' in it the
 * part is all, and nothing is left.  Returns false if it is too long. */
static bool
cut(const char **s, char end, char *buf, size_t size)
{
    const char *p = strchr(*s, end);
    size_t n = p ? (size_t) (p - *s) : strlen(*s);

    if (n >= size) {
        return false;
    }
    memcpy(buf, *s, n);
    buf[n] = '\0';
    *s += n + (p != NULL);
    return true;
}

/* Digits only: an id is not an element's text. */
static bool
parse_number(const char *s, uint32_t *value)
{
    uint64_t v;

    if (!*s || s[strspn(s, "0123456789")]
        || xmpp_value_uint(s, UINT32_MAX, &v)) {
        return false;
    }
    *value = v;
    return true;
}

/* "GROUP,SOURCE".  A group of zeros is none; so is what agents put behind the
 * broadcast MAC in a NODE-ID. */
static bool
parse_group(const char *s, struct xmpp_evpn *key)
{
    struct in6_addr group, source;
    char buf[TSN_IP_STRLEN];

    if (!cut(&s, ',', buf, sizeof buf) || tsn_ip_parse(buf, &group)
        || tsn_ip_parse(s, &source)) {
        return false;
    }
    bool is_all = in6_addr_get_mapped_ipv4(&group) == htonl(INADDR_BROADCAST)
                  && eth_addr_is_broadcast(key->mac);
    if (tsn_ip_is_set(&group) && !is_all) {
        if (!tsn_ip_is_set(&source)) {
            source = in6addr_any;
        }
        xmpp_evpn_set_group(key, &group, &source, 0);
    }
    return true;
}

/* What is in front of the group.  Returns false if it is bad. */
static bool
parse_mac_and_prefix(const char **s, struct xmpp_evpn *key)
{
    char mac[ETH_ADDR_STRLEN + 1], tag[16], prefix[TSN_IP_STRLEN + 4];
    const char *dash = strchr(*s, '-');
    const char *comma = strchr(*s, ',');

    if (dash && comma && dash < comma
        && (!cut(s, '-', tag, sizeof tag) || !parse_number(tag, &key->tag))) {
        return false;
    }
    return cut(s, ',', mac, sizeof mac) && *mac
           && !xmpp_value_mac(mac, &key->mac)
           && cut(s, ',', prefix, sizeof prefix)
           && !tsn_prefix_parse(prefix, &key->ip, &key->plen);
}

/* Brings the address of '*key' to the form that a decoder gives it. */
static bool
normalise_address(struct xmpp_evpn *key)
{
    if (xmpp_evpn_type(key) == XMPP_EVPN_PREFIX) {
        return true;
    }
    bool is_set = tsn_ip_is_set(&key->ip);
    if (key->plen != (tsn_ip_is_v4(&key->ip) ? 32 : 128)
        && (is_set || key->plen)) {
        return false;
    }
    if (!is_set) {
        key->ip = in6addr_any;
        key->plen = 32;
    }
    return true;
}

int
xmpp_evpn_parse_item_id(const char *id, struct xmpp_evpn *keyp)
{
    struct xmpp_evpn key;

    xmpp_evpn_init(&key);
    const char *rest = id;
    bool ok = parse_mac_and_prefix(&rest, &key);
    if (ok && rest[-1] == ',') {
        ok = parse_group(rest, &key);
    }
    if (!ok || !normalise_address(&key)) {
        xmpp_evpn_fini(&key);
        return -EINVAL;
    }
    *keyp = key;
    return 0;
}

static const char *
format_group(const struct in6_addr *group, char buf[TSN_IP_STRLEN])
{
    if (!tsn_ip_is_set(group)) {
        ovs_strlcpy(buf, "255.255.255.255", TSN_IP_STRLEN);
        return buf;
    }
    return tsn_ip_format(group, buf);
}

const char *
xmpp_mcast_item_id(const struct xmpp_mcast_id *mid, char buf[XMPP_ID_STRLEN])
{
    char agent[TSN_IP_STRLEN], group[TSN_IP_STRLEN], source[TSN_IP_STRLEN];

    snprintf(buf, XMPP_ID_STRLEN, "%s:%"PRIu32":%s,%s",
             tsn_ip_format(&mid->agent, agent), mid->instance_id,
             format_group(&mid->group, group),
             tsn_ip_is_set(&mid->source) ? tsn_ip_format(&mid->source, source)
                                         : "0.0.0.0");
    return buf;
}

int
xmpp_mcast_parse_item_id(const char *id, struct xmpp_mcast_id *midp)
{
    char agent[TSN_IP_STRLEN], number[16], group[TSN_IP_STRLEN];
    struct xmpp_mcast_id mid;

    /* The agent's address may have colons itself. */
    const char *colon = strrchr(id, ':'), *s = id;
    while (colon && colon > id && *--colon != ':') {
        continue;
    }
    if (!colon || *colon != ':' || (size_t) (colon - id) >= sizeof agent) {
        return -EINVAL;
    }
    memcpy(agent, id, colon - id);
    agent[colon - id] = '\0';
    s = colon + 1;
    if (tsn_ip_parse(agent, &mid.agent)
        || !cut(&s, ':', number, sizeof number)
        || !parse_number(number, &mid.instance_id)
        || !cut(&s, ',', group, sizeof group)
        || tsn_ip_parse(group, &mid.group) || tsn_ip_parse(s, &mid.source)
        || !tsn_ip_is_v4(&mid.group) || !tsn_ip_is_set(&mid.group)
        || !tsn_ip_is_v4(&mid.source)) {
        return -EINVAL;
    }
    if (!tsn_ip_is_set(&mid.source)) {
        mid.source = in6addr_any;
    }
    *midp = mid;
    return 0;
}

/* How many of the first 'max' bytes of 's', which is UTF-8, are whole
 * characters. */
static size_t
cut_utf8(const char *s, size_t max)
{
    size_t n = strnlen(s, max + 1);

    if (n > max) {
        n = max;
        while (n && (s[n] & 0xc0) == 0x80) {
            n--;
        }
    }
    return n;
}

const char *
xmpp_mcast_group_node_id(const char *instance, const struct in6_addr *group,
                         char buf[XMPP_ID_STRLEN])
{
    static const char prefix[] = "1/241/";
    char suffix[TSN_IP_STRLEN];
    size_t room = XMPP_ID_STRLEN - 1 - strlen(prefix) - 1
                  - strlen(format_group(group, suffix));

    snprintf(buf, XMPP_ID_STRLEN, "%s%.*s/%s", prefix,
             (int) cut_utf8(instance, room), instance, suffix);
    return buf;
}

const char *
xmpp_mcast_node_id(const char *instance, char buf[XMPP_ID_STRLEN])
{
    return xmpp_mcast_group_node_id(instance, &in6addr_any, buf);
}
