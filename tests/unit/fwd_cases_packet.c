/* SPDX-License-Identifier: Apache-2.0 */
/* The packet of a case, octet by octet. */
#include <config.h>
#include "fwd_cases.h"

static bool
is_v6(const struct fwd_case *c)
{
    return strchr(c->from, ':') != NULL;
}

static bool
is_gre(const struct fwd_case *c)
{
    return c->in == TREE_GRE || c->in == EVPN_GRE;
}

static bool
is_tree(const struct fwd_case *c)
{
    return c->in == TREE || c->in == TREE_GRE;
}

static void
set16(struct frame *f, size_t at, uint16_t value)
{
    f->data[at] = value >> 8;
    f->data[at + 1] = value;
}

static uint16_t
get16(const struct frame *f, size_t at)
{
    return f->data[at] << 8 | f->data[at + 1];
}

/* Sums what there is of the IPv4 header at 'at' (RFC 1071). */
static void
set_ipv4_checksum(struct frame *f, size_t at)
{
    size_t len = (f->data[at] & 0x0f) * 4;
    uint32_t sum = 0;

    set16(f, at + 10, 0);
    for (size_t i = 0; i < len; i += 2) {
        sum += get16(f, at + i);
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    set16(f, at + 10, ~sum);
}

static void
put_zeros(struct frame *f, size_t n)
{
    ovs_assert(f->size + n <= sizeof f->data);
    memset(f->data + f->size, 0, n);
    f->size += n;
}

static void
put_ip6_header(struct frame *f, uint8_t tos, uint8_t next, size_t payload,
               const char *src, const char *dst)
{
    struct fwd_ip a = ip(src), b = ip(dst);

    put32(f, 6u << 28 | (uint32_t) tos << 20);
    put16(f, payload);
    put(f, &(uint8_t[]) { next, 255 }, 2);
    put(f, &a, sizeof a);
    put(f, &b, sizeof b);
}

static void
put_ip4_header(struct frame *f, uint8_t tos, uint8_t proto, size_t payload,
               const char *src, const char *dst)
{
    size_t at = f->size;

    put(f, &(uint8_t[]) { 0x45, tos }, 2);
    put16(f, 20 + payload);
    put32(f, 0);
    put(f, &(uint8_t[]) { 64, proto }, 2);
    put16(f, 0);
    put_ip(f, src);
    put_ip(f, dst);
    set_ipv4_checksum(f, at);
}

static void
put_l4(struct frame *f, const struct fwd_case *c, bool udp)
{
    put16(f, c->sport);
    put16(f, c->dport);
    put16(f, udp ? 8 + c->payload : 0);
    put16(f, 0);
    put_zeros(f, udp ? c->payload : 12);
}

static void
put_inner_ip4(struct frame *f, const struct fwd_case *c, uint8_t proto)
{
    size_t at = f->size;
    size_t l4 = proto == 17 ? 8 + c->payload : proto == 6 ? 20 : 8;

    put_ip4_header(f, c->inner_tos, proto, l4, "192.0.2.10",
                   "255.255.255.255");
    set16(f, at + 6, c->fragment);
    set_ipv4_checksum(f, at);
    if (proto == 2) {
        put_zeros(f, 8);
    } else {
        put_l4(f, c, proto == 17);
    }
}

static void
put_inner_ip6(struct frame *f, const struct fwd_case *c)
{
    bool udp = c->kind == UDP6;

    put_ip6_header(f, c->inner_tos, udp ? 17 : 58, udp ? 8 + c->payload : 24,
                   "fe80::1", c->dst6);
    if (udp) {
        put_l4(f, c, true);
    } else {
        put(f, &(uint8_t[]) { c->op, 0 }, 2);
        put_zeros(f, 22);
    }
}

static void
put_inner(struct frame *f, const struct fwd_case *c)
{
    static const uint16_t types[] = {
        [ARP] = 0x0806, [ARP_BAD] = 0x0806, [UDP4] = 0x0800, [TCP4] = 0x0800,
        [IGMP] = 0x0800, [UDP6] = 0x86dd, [ICMP6] = 0x86dd, [IPV6] = 0x86dd,
    };

    put_mac_header(f, c->dst, c->src, c->vlan ? c->vlan : -1,
                   c->kind == RAW ? c->type : types[c->kind]);
    switch (c->kind) {
    case ARP:
        put_arp(f, c->op, c->src, c->spa, c->tpa);
        put_zeros(f, 18);
        break;
    case ARP_BAD: {
        size_t at = f->size;

        put_arp(f, 1, c->src, "192.0.2.10", "192.0.2.21");
        f->data[at + 5] = c->op;
        break;
    }
    case UDP4:
        put_inner_ip4(f, c, 17);
        break;
    case TCP4:
        put_inner_ip4(f, c, 6);
        break;
    case IGMP:
        put_inner_ip4(f, c, 2);
        break;
    case UDP6:
    case ICMP6:
        put_inner_ip6(f, c);
        break;
    case IPV6:
        put(f, "\x60", 1);
        break;
    case RAW:
        put(f, "payload", 7);
        put_zeros(f, c->payload);
        break;
    }
}

static void
put_vxlan(struct frame *f, uint32_t vni, uint32_t odd)
{
    uint8_t flags = odd & VX_NO_I ? 0 : 8;

    if (odd & VX_RESERVED) {
        put32(f, 0xfeffffff);
        put32(f, vni << 8 | 0xff);
    } else {
        put(f, &(uint8_t[]) { flags | (odd & VX_ALERT ? 1 : 0), 0, 0, 0 }, 4);
        put32(f, vni << 8);
    }
}

static void
put_label(struct frame *f, uint32_t label, bool bottom, uint8_t ttl)
{
    put32(f, label << 12 | (bottom ? 0x100 : 0) | ttl);
}

/* The second headers, as the neighbour made them; of a garbled one nobody
 * shall take notice. */
static void
put_second(struct frame *f, const struct fwd_case *c, size_t inner)
{
    if (c->odd & SECOND_GARBAGE) {
        put(f, "garbage garbage garbage garbage garb", 36);
        return;
    }
    put_ip4_header(f, 0, 17, 16 + inner, is_v6(c) ? "0.0.0.0" : c->from,
                   TSN1);
    put16(f, 50505);
    put16(f, 4789);
    put16(f, 16 + inner);
    put16(f, 0);
    put_vxlan(f, BLUE, 0);
}

static void
put_stack(struct frame *f, const struct fwd_case *c)
{
    uint8_t ttl = c->odd & MPLS_TTL_0 ? 0 : c->ttl ? c->ttl : 64;

    if (c->odd & (MPLS_SKIPPED | MPLS_SKIPPED_TWICE)) {
        put_label(f, 0xfffff, false, 1);
    }
    if (c->odd & MPLS_SKIPPED_TWICE) {
        put_label(f, 0xfffff, false, 1);
    }
    put_label(f, c->label, !(c->odd & MPLS_NOT_BOTTOM), ttl);
    if (c->odd & MPLS_NOT_BOTTOM) {
        put_label(f, c->label, true, ttl);
    }
}

static void
put_tunnel(struct frame *f, const struct fwd_case *c,
           const struct frame *inner)
{
    if (c->in == VX) {
        put_vxlan(f, c->label, c->odd);
        return;
    }
    put_stack(f, c);
    if (is_tree(c) || c->has_control_word) {
        put32(f, c->control_word);
    }
    if (is_tree(c)) {
        put_second(f, c, inner->size);
    }
}

static void
put_transport(struct frame *f, const struct fwd_case *c, size_t payload)
{
    if (is_gre(c)) {
        put16(f, c->gre);
        put16(f, c->odd & GRE_BY_8848 ? 0x8848 : 0x8847);
        put_zeros(f, (c->gre & 0x8000 ? 4 : 0) + (c->gre & 0x2000 ? 4 : 0));
        return;
    }
    put16(f, 50000);
    put16(f, c->port ? c->port : c->in == VX ? 4789 : 6635);
    put16(f, c->odd & OUTER_UDP_LONG ? 8 + payload + 1
             : c->odd & OUTER_UDP_SHORT ? 7 : 8 + payload);
    put16(f, c->odd & OUTER_UDP_CHECKSUM ? 0xbad1 : 0);
}

/* Puts the IP header before 'body'. */
static void
put_outer_ip(struct frame *f, const struct fwd_case *c,
             const struct frame *body)
{
    uint8_t proto = c->proto ? c->proto : is_gre(c) ? 47 : 17;
    uint8_t tos = c->odd & OUTER_TOS ? 0xff : 0;

    f->size = 0;
    if (is_v6(c)) {
        put_ip6_header(f, tos, proto, body->size, c->from,
                       c->to ? c->to : TSN1_6);
        return;
    }
    put_ip4_header(f, tos, proto, body->size, c->from, c->to ? c->to : TSN1);
    if (c->odd & OUTER_OPTIONS) {
        put32(f, 0x01010101);
        f->data[0] = 0x46;
        set16(f, 2, 24 + body->size);
    }
    set16(f, 6, c->odd & OUTER_FIRST_FRAGMENT ? 0x2000
                : c->odd & OUTER_LATER_FRAGMENT ? 0x0010
                : c->odd & OUTER_DF ? 0x4000 : 0);
    if (c->odd & OUTER_TTL_1) {
        f->data[8] = 1;
    }
    set_ipv4_checksum(f, 0);
    if (c->odd & OUTER_BAD_CHECKSUM) {
        f->data[10] ^= 0x5a;
    }
}

static size_t
put_body(struct frame *body, const struct fwd_case *c,
         const struct frame *inner)
{
    struct frame tunnel = { .size = 0 };

    put_tunnel(&tunnel, c, inner);
    put_transport(body, c, tunnel.size + inner->size);
    put(body, tunnel.data, tunnel.size);
    size_t at = body->size;
    put(body, inner->data, inner->size);
    return at;
}

/* Returns where the inner frame begins. */
static size_t
make_packet(const struct fwd_case *c, struct frame *f)
{
    struct frame inner = { .size = 0 }, body = { .size = 0 };

    put_inner(&inner, c);
    ovs_assert(c->cut <= inner.size);
    inner.size -= c->cut;
    size_t at = put_body(&body, c, &inner);
    if (c->odd & OUTER_UDP_PADDED) {
        put_zeros(&body, 5);
    }
    put_outer_ip(f, c, &body);
    at += f->size;
    put(f, body.data, body.size);
    if (c->odd & OUTER_PADDED) {
        put_zeros(f, 7);
    }
    if (c->odd & OUTER_CUT) {
        f->size--;
    }
    return at;
}

void
fwd_case_packet(const struct fwd_case *c, struct frame *f)
{
    make_packet(c, f);
}

size_t
fwd_case_inner(const struct fwd_case *c)
{
    struct frame f;

    return make_packet(c, &f);
}
