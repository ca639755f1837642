/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what must become of a case, and builds the packets that must leave. */
#include <config.h>
#include <stdio.h>

#include "fwd_cases.h"
#include "replication/forwarder/counters.h"

static const char *const punts[] = {
    [FWD_PUNT_DHCP4] = "dhcp4", [FWD_PUNT_DHCP6] = "dhcp6",
    [FWD_PUNT_IGMP] = "igmp", [FWD_PUNT_ND] = "nd", [FWD_PUNT_DNS] = "dns",
};

/* A copy as it is written down. */
struct written {
    char encap[16], ip[64], option[8];
    unsigned int label;
};

static void
syntax_error(const struct fwd_case *c, const char *what)
{
    fprintf(stderr, "%s: bad fate \"%s\": %s\n", c->name, c->fate, what);
    abort();
}

static bool
is_v6(const char *address)
{
    return strchr(address, ':') != NULL;
}

static uint16_t
get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

/* The sum of an IPv4 header with its checksum is 0xffff. */
static uint32_t
sum16(const uint8_t *p, size_t size, uint32_t sum)
{
    for (size_t i = 0; i + 1 < size; i += 2) {
        sum += get16(p + i);
    }
    if (size & 1) {
        sum += p[size - 1] << 8;
    }
    while (sum > 0xffff) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static void
set_checksum(uint8_t *ip4)
{
    ip4[10] = ip4[11] = 0;
    uint16_t sum = ~sum16(ip4, 20, 0);
    ip4[10] = sum >> 8;
    ip4[11] = sum;
}

static void
put_ip4(struct frame *f, uint8_t proto, size_t payload, const char *dst)
{
    size_t at = f->size;

    put(f, "\x45\0", 2);
    put16(f, 20 + payload);
    put32(f, 0);
    put(f, &(uint8_t[]) { 64, proto }, 2);
    put16(f, 0);
    put_ip(f, TSN1);
    put_ip(f, is_v6(dst) ? "0.0.0.0" : dst);
    set_checksum(f->data + at);
}

static void
put_ip6(struct frame *f, uint8_t proto, size_t payload, const char *dst)
{
    struct fwd_ip a = ip(TSN1_6), b = ip(dst);

    put32(f, 6u << 28);
    put16(f, payload);
    put(f, &(uint8_t[]) { proto, 64 }, 2);
    put(f, &a, sizeof a);
    put(f, &b, sizeof b);
}

/* The port, 0 here, is the sender's choice. */
static void
put_udp(struct frame *f, uint16_t dport, size_t payload)
{
    put16(f, 0);
    put16(f, dport);
    put16(f, 8 + payload);
    put16(f, 0);
}

static void
put_vxlan(struct frame *f, uint32_t vni)
{
    put32(f, 0x08000000);
    put32(f, vni << 8);
}

/* The network that the case is about, by a label of the ones there are. */
static uint32_t
vni_of(const struct fwd_case *c)
{
    static const struct {
        uint32_t label, vni;
    } labels[] = {
        { 4700, BLUE }, { 4650, BLUE }, { 4100, BLUE }, { 4800, GREEN },
        { 4200, GREEN }, { 4350, WORDS }, { 4351, WORDS }, { 4400, SIX },
        { 4410, SIX }, { 4500, CSN }, { 4600, SERVED }, { 4701, FAR },
        { 4730, BOTH },
    };

    if (c->in == VX) {
        return c->label;
    }
    for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
        if (labels[i].label == c->label) {
            return labels[i].vni;
        }
    }
    syntax_error(c, "of no network");
    return 0;
}

/* The MPLS part of a copy, with all that goes before the inner frame.  A frame
 * of the tree keeps in the tree what it came with. */
static void
put_mpls(struct frame *f, const struct fwd_case *c, const struct written *w,
         const struct frame *came, size_t inner, size_t *sport2)
{
    bool to_tree = !strncmp(w->encap, "tree", 4);
    bool from_tree = c->in == TREE || c->in == TREE_GRE;
    size_t inner_size = came->size - inner;
    uint8_t ttl = c->in == VX ? 64 : (c->ttl ? c->ttl : 64) - 1;

    put32(f, w->label << 12 | 0x100 | ttl);
    if (to_tree || !strcmp(w->option, "cw")) {
        put32(f, 0);
    }
    if (to_tree && from_tree) {
        put(f, came->data + inner - 36, 36);
    } else if (to_tree) {
        put_ip4(f, 17, 16 + inner_size, w->ip);
        *sport2 = f->size;
        put_udp(f, 4789, 8 + inner_size);
        put_vxlan(f, vni_of(c));
    }
}

/* The inner frame as it leaves: as it came, or the answer to it. */
static void
put_inner(struct frame *f, const struct fwd_expected *e,
          const struct frame *came, size_t inner)
{
    size_t at = f->size;

    put(f, came->data + inner, came->size - inner);
    if (e->action == FWD_ANSWER) {
        uint8_t *eth = f->data + at, *arp = eth + 14, spa[4], tpa[4];

        memcpy(spa, arp + 14, 4);
        memcpy(tpa, arp + 24, 4);
        memcpy(arp + 18, arp + 8, 6);
        memcpy(arp + 8, e->mac, 6);
        memcpy(arp + 14, tpa, 4);
        memcpy(arp + 24, spa, 4);
        arp[7] = 2;
        memcpy(eth, arp + 18, 6);
        memcpy(eth + 6, e->mac, 6);
    }
}

static void
build_copy(const struct fwd_case *c, const struct fwd_expected *e,
           const struct written *w, struct fwd_case_copy *copy)
{
    bool vxlan = !strcmp(w->encap, "vx");
    bool gre = !strcmp(w->encap, "gre") || !strcmp(w->encap, "treegre");
    struct frame came, tunnel = { .size = 0 };
    size_t inner = fwd_case_inner(c), sport2 = 0;
    struct frame *f = &copy->packet;

    fwd_case_packet(c, &came);
    /* Only what belongs to the packet is forwarded. */
    came.size -= (c->odd & OUTER_PADDED ? 7 : 0)
                 + (c->odd & OUTER_UDP_PADDED ? 5 : 0);
    if (vxlan) {
        put_vxlan(&tunnel, w->label);
    } else {
        put_mpls(&tunnel, c, w, &came, inner, &sport2);
    }
    size_t transport = gre ? 4 : 8;
    size_t payload = transport + tunnel.size + came.size - inner;

    *copy = (struct fwd_case_copy) { .sport = 0 };
    if (is_v6(w->ip)) {
        put_ip6(f, gre ? 47 : 17, payload, w->ip);
    } else {
        put_ip4(f, gre ? 47 : 17, payload, w->ip);
    }
    if (gre) {
        put32(f, 0x8847);
    } else {
        copy->sport = f->size;
        put_udp(f, vxlan ? 4789 : 6635, payload - 8);
    }
    if (sport2) {
        copy->sport2 = f->size + sport2;
    }
    put(f, tunnel.data, tunnel.size);
    put_inner(f, e, &came, inner);
}

static enum fwd_drop
drop_from_name(const struct fwd_case *c, const char *name)
{
    for (enum fwd_drop drop = FWD_OK + 1; drop < FWD_N_DROPS; drop++) {
        if (!strcmp(fwd_drop_name(drop), name)) {
            return drop;
        }
    }
    syntax_error(c, name);
    return FWD_OK;
}

static int
punt_from_name(const struct fwd_case *c, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(punts); i++) {
        if (!strcmp(punts[i], name)) {
            return i;
        }
    }
    syntax_error(c, name);
    return -1;
}

static enum fwd_action
action_from_name(const struct fwd_case *c, const char *name)
{
    for (enum fwd_action action = 0; action < FWD_N_ACTIONS; action++) {
        if (!strcmp(fwd_action_name(action), name)) {
            return action;
        }
    }
    syntax_error(c, name);
    return FWD_DROP;
}

static void
read_mac(const struct fwd_case *c, const char *s, uint8_t mac[6])
{
    for (int i = 0; i < 6; i++) {
        unsigned int octet;

        if (sscanf(s + 2 * i, "%2x", &octet) != 1) {
            syntax_error(c, s);
        }
        mac[i] = octet;
    }
}

static void
read_copy(const struct fwd_case *c, const char *word, struct fwd_expected *e)
{
    struct written w = { .option = "" };

    if (!strncmp(word, "lost/", 5)) {
        e->lost[drop_from_name(c, word + 5)]++;
        return;
    }
    if (!strncmp(word, "punt/", 5)) {
        e->punt = punt_from_name(c, word + 5);
        return;
    }
    if (sscanf(word, "%15[^/]/%63[^/]/%u+%7s", w.encap, w.ip, &w.label,
               w.option) < 3
        || e->n_copies == FWD_CASE_MAX_COPIES) {
        syntax_error(c, word);
    }
    build_copy(c, e, &w, &e->copies[e->n_copies++]);
}

struct fwd_expected *
fwd_case_expect(const struct fwd_case *c, const char *text)
{
    struct fwd_expected *e = xzalloc(sizeof *e);
    char *fate = xstrdup(text), *rest = NULL;
    char *word = strtok_r(fate, " ", &rest);

    e->action = action_from_name(c, word);
    e->punt = -1;
    word = strtok_r(NULL, " ", &rest);
    if (e->action == FWD_DROP && word) {
        e->drop = drop_from_name(c, word);
    } else if (e->action == FWD_PUNT && word) {
        e->punt = punt_from_name(c, word);
    } else {
        if (e->action == FWD_ANSWER && word) {
            read_mac(c, word, e->mac);
            word = strtok_r(NULL, " ", &rest);
        }
        for (; word; word = strtok_r(NULL, " ", &rest)) {
            read_copy(c, word, e);
        }
    }
    free(fate);
    return e;
}

/* Over the pseudo header of IPv6, too (RFC 8200, 8.1). */
static bool
udp6_checksum_is_right(const uint8_t *packet, size_t size)
{
    uint32_t sum = sum16(packet + 8, 32, size - 40 + 17);

    return sum16(packet + 40, size - 40, sum) == 0xffff;
}

/* Checks what the sender may choose and takes it over from the packet. */
static const char *
adopt(const struct fwd_case_copy *copy, const uint8_t *packet, size_t size,
      uint8_t *want)
{
    if (want[0] >> 4 == 4) {
        memcpy(want + 4, packet + 4, 2);        /* Identification. */
        set_checksum(want);
    } else {
        want[1] = (want[1] & 0xf0) | (packet[1] & 0x0f);    /* Flow label. */
        memcpy(want + 2, packet + 2, 2);
        if (copy->sport && get16(packet + copy->sport + 6)) {
            if (!udp6_checksum_is_right(packet, size)) {
                return "UDP checksum";
            }
            memcpy(want + copy->sport + 6, packet + copy->sport + 6, 2);
        }
    }
    for (int i = 0; i < 2; i++) {
        size_t at = i ? copy->sport2 : copy->sport;

        if (at && get16(packet + at) < 49152) {
            return "source port";
        }
        if (at) {
            memcpy(want + at, packet + at, 2);
        }
    }
    return NULL;
}

const char *
fwd_case_compare(const struct fwd_case_copy *copy, const uint8_t *packet,
                 size_t size)
{
    static char text[64];

    if (size != copy->packet.size) {
        snprintf(text, sizeof text, "has %zu octets instead of %zu", size,
                 copy->packet.size);
        return text;
    }
    struct frame want = copy->packet;
    const char *difference = adopt(copy, packet, size, want.data);
    if (difference) {
        return difference;
    }
    for (size_t i = 0; i < size; i++) {
        if (want.data[i] != packet[i]) {
            snprintf(text, sizeof text, "octet %zu is %02x instead of %02x",
                     i, packet[i], want.data[i]);
            return text;
        }
    }
    return NULL;
}
