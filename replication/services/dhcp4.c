/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/services/dhcp4.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "csum.h"
#include "dhcp.h"
#include "packets.h"
#include "util.h"

#define DHCP_MSG_DECLINE 4
#define DHCP_MSG_RELEASE 7
#define DHCP_MSG_INFORM 8

#define DHCP_FLAG_BROADCAST 0x8000
#define BOOTP_HEADERS_LEN \
    (ETH_HEADER_LEN + IP_HEADER_LEN + UDP_HEADER_LEN + DHCP_HEADER_LEN)
/* Size of an IP packet that every client takes (RFC 2131, 2). */
#define MIN_MAX_SIZE 576
/* A BOOTP message is no shorter (RFC 951, 3). */
#define MIN_BOOTP_LEN 300

/* What a client wants. */
struct request {
    struct dhcp_header h;
    uint8_t type;               /* 0: none given. */
    ovs_be32 requested;         /* Option 50; 0: none. */
    ovs_be32 server;            /* Option 54; 0: none. */
    uint16_t max_size;          /* Option 57; 0: none. */
    const uint8_t *client_id;   /* Option 61 in the frame, or NULL. */
    uint8_t client_id_len;
};

const char *
dhcp4_result_name(enum dhcp4_result result)
{
    static const char *const result_names[] = {
        [DHCP4_OFFERED] = "offered",
        [DHCP4_ACKED] = "acked",
        [DHCP4_NAKED] = "naked",
        [DHCP4_DECLINED] = "declined",
        [DHCP4_RELEASED] = "released",
        [DHCP4_OTHER_SERVER] = "other_server",
        [DHCP4_WRONG_MAC] = "wrong_mac",
        [DHCP4_RELAYED] = "from_relay",
        [DHCP4_OTHER_TYPE] = "other_type",
        [DHCP4_MALFORMED] = "malformed",
    };
    BUILD_ASSERT_DECL(ARRAY_SIZE(result_names) == DHCP4_N_RESULTS);

    return result_names[result];
}

/* Finds the UDP payload of an Ethernet frame.  Returns NULL if the packet is
 * not sound. */
static const uint8_t *
udp_payload(const uint8_t *frame, size_t size, size_t *payload_size)
{
    struct ip_header ip;
    struct udp_header udp;

    if (size < ETH_HEADER_LEN + sizeof ip) {
        return NULL;
    }
    frame += ETH_HEADER_LEN;
    size -= ETH_HEADER_LEN;
    memcpy(&ip, frame, sizeof ip);

    size_t header_len = IP_IHL(ip.ip_ihl_ver) * 4;
    size_t total_len = ntohs(ip.ip_tot_len);
    if (IP_VER(ip.ip_ihl_ver) != 4 || header_len < sizeof ip
        || total_len > size || total_len < header_len + sizeof udp
        || ip.ip_proto != IPPROTO_UDP || IP_IS_FRAGMENT(ip.ip_frag_off)) {
        return NULL;
    }
    if (csum(frame, header_len)) {
        return NULL;
    }

    memcpy(&udp, frame + header_len, sizeof udp);
    size_t udp_len = ntohs(udp.udp_len);
    if (udp_len < sizeof udp || udp_len > total_len - header_len
        || udp.udp_src != htons(DHCP_CLIENT_PORT)
        || udp.udp_dst != htons(DHCP_SERVER_PORT)) {
        return NULL;
    }
    /* The UDP checksum is not looked at: virtual machines leave it to hardware
     * that the frame did not pass. */
    *payload_size = udp_len - sizeof udp;
    return frame + header_len + sizeof udp;
}

static void
take_option(struct request *r, uint8_t code, const uint8_t *data, uint8_t len)
{
    switch (code) {
    case DHCP_OPT_TYPE:
        if (len == 1) {
            r->type = data[0];
        }
        break;
    case DHCP_OPT_REQUESTED_IP:
        if (len == 4) {
            memcpy(&r->requested, data, 4);
        }
        break;
    case DHCP_OPT_SERVER_ID:
        if (len == 4) {
            memcpy(&r->server, data, 4);
        }
        break;
    case DHCP_OPT_MAX_SIZE:
        if (len == 2) {
            r->max_size = data[0] << 8 | data[1];
        }
        break;
    case DHCP_OPT_CLIENT_ID:
        if (len) {
            r->client_id = data;
            r->client_id_len = len;
        }
        break;
    }
}

/* Returns false if the message is not sound.  An option that is cut ends the
 * options. */
static bool
parse(const uint8_t *frame, size_t size, struct request *r)
{
    const uint8_t *p = udp_payload(frame, size, &size);
    ovs_be32 magic;

    memset(r, 0, sizeof *r);
    if (!p || size < DHCP_HEADER_LEN + sizeof magic) {
        return false;
    }
    memcpy(&r->h, p, DHCP_HEADER_LEN);
    memcpy(&magic, p + DHCP_HEADER_LEN, sizeof magic);
    if (r->h.op != DHCP_OP_REQUEST || r->h.htype != ARP_HRD_ETHERNET
        || r->h.hlen != ETH_ADDR_LEN || magic != htonl(DHCP_MAGIC_COOKIE)) {
        return false;
    }

    for (size_t i = DHCP_HEADER_LEN + sizeof magic; i < size; ) {
        if (p[i] == DHCP_OPT_PAD) {
            i++;
            continue;
        }
        if (p[i] == DHCP_OPT_END || i + 2 > size
            || i + 2 + p[i + 1] > size) {
            break;
        }
        take_option(r, p[i], &p[i + 2], p[i + 1]);
        i += 2 + p[i + 1];
    }
    return true;
}

/* Whether the client wants an address that is not its lease.  Which address it
 * wants depends on its state (RFC 2131, 4.3.2), but it is never two. */
static bool
wants_other_address(const struct dhcp4_lease *lease, const struct request *r)
{
    return (r->requested && r->requested != lease->ip)
           || (r->h.ciaddr && r->h.ciaddr != lease->ip);
}

static enum dhcp4_result
decide(const struct dhcp4_lease *lease, const struct request *r)
{
    if (memcmp(r->h.chaddr, &lease->client, ETH_ADDR_LEN)) {
        return DHCP4_WRONG_MAC;
    }
    if (r->h.giaddr) {
        return DHCP4_RELAYED;
    }
    bool other_server = r->server && r->server != lease->server;
    switch (r->type) {
    case DHCP_MSG_DISCOVER:
        return DHCP4_OFFERED;
    case DHCP_MSG_REQUEST:
        return other_server ? DHCP4_OTHER_SERVER
               : wants_other_address(lease, r) ? DHCP4_NAKED
               : DHCP4_ACKED;
    case DHCP_MSG_INFORM:
        return DHCP4_ACKED;
    case DHCP_MSG_DECLINE:
        return other_server ? DHCP4_OTHER_SERVER : DHCP4_DECLINED;
    case DHCP_MSG_RELEASE:
        return other_server ? DHCP4_OTHER_SERVER : DHCP4_RELEASED;
    default:
        return DHCP4_OTHER_TYPE;
    }
}

/* Options on their way to a reply. */
struct writer {
    uint8_t *p;
    size_t size, max;
};

/* Returns false if there is no room, of which 'reserve' bytes are for others.
 */
static bool
put_option_reserving(struct writer *w, uint8_t code, const void *data,
                     size_t len, size_t reserve)
{
    if (len > UINT8_MAX || w->size + 2 + len + reserve > w->max) {
        return false;
    }
    w->p[w->size] = code;
    w->p[w->size + 1] = len;
    memcpy(&w->p[w->size + 2], data, len);
    w->size += 2 + len;
    return true;
}

static void
put_option(struct writer *w, uint8_t code, const void *data, size_t len)
{
    put_option_reserving(w, code, data, len, 0);
}

static void
put_ip(struct writer *w, uint8_t code, ovs_be32 ip)
{
    put_option(w, code, &ip, sizeof ip);
}

/* The configured routers, and then the one of the subnet. */
static void
put_routers(struct writer *w, const struct dhcp4_lease *lease)
{
    uint8_t routers[UINT8_MAX], len = 0;
    const uint8_t *configured
        = dhcp_options_find(&lease->options, DHCP_OPT_ROUTERS, &len);
    bool there = !lease->router;

    for (size_t i = 0; configured && i < len; i += 4) {
        memcpy(&routers[i], &configured[i], 4);
        there = there || !memcmp(&configured[i], &lease->router, 4);
    }
    if (!there && len + 4u <= sizeof routers) {
        memcpy(&routers[len], &lease->router, 4);
        len += 4;
    }
    if (len) {
        put_option(w, DHCP_OPT_ROUTERS, routers, len);
    }
}

static bool
is_configured(const struct dhcp4_lease *lease, uint8_t code)
{
    uint8_t len;

    return dhcp_options_find(&lease->options, code, &len) != NULL;
}

/* Configured DNS servers of 0.0.0.0 mean that the client gets none. */
static bool
means_none(uint8_t code, const uint8_t *data, uint8_t len)
{
    static const uint8_t zero[4];

    return code == DHCP_OPT_DNS && len == 4 && !memcmp(data, zero, 4);
}

/* Writes the configured options, but leaves 'reserve' bytes.  Returns how many
 * found no room. */
static unsigned int
put_configured(struct writer *w, const struct dhcp_options *options,
               bool inform, size_t reserve)
{
    unsigned int n_omitted = 0;

    for (size_t i = 0; i < options->size; ) {
        uint8_t code = options->data[i], len = options->data[i + 1];
        const uint8_t *data = &options->data[i + 2];

        /* Routers go with that of the subnet; who only asks for information
         * gets no lease time (RFC 2131, 3.4). */
        bool skip = code == DHCP_OPT_ROUTERS || means_none(code, data, len)
                    || (inform && code == DHCP_OPT_LEASE_TIME);
        if (!skip && !put_option_reserving(w, code, data, len, reserve)) {
            n_omitted++;
        }
        i += 2 + len;
    }
    return n_omitted;
}

/* The options after the server identifier, in the order of C.3.5.  Those that
 * a client cannot do without are sure of their room. */
static void
put_lease(struct writer *w, const struct dhcp4_lease *lease, bool inform,
          unsigned int *n_omitted)
{
    uint8_t routers_len = 0;
    size_t dns_len = is_configured(lease, DHCP_OPT_DNS)
                     ? 0 : lease->n_dns * sizeof lease->dns[0];
    ovs_be32 time = htonl(DHCP4_INFINITE);

    dhcp_options_find(&lease->options, DHCP_OPT_ROUTERS, &routers_len);
    put_ip(w, DHCP_OPT_MASK, lease->mask);
    put_ip(w, DHCP_OPT_BROADCAST, lease->ip | ~lease->mask);
    *n_omitted = put_configured(w, &lease->options, inform,
                                6 + 6 + routers_len + 2 + dns_len);
    if (!inform && !is_configured(lease, DHCP_OPT_LEASE_TIME)) {
        put_option(w, DHCP_OPT_LEASE_TIME, &time, sizeof time);
    }
    put_routers(w, lease);
    if (*lease->host_name && !is_configured(lease, DHCP_OPT_HOST_NAME)) {
        put_option_reserving(w, DHCP_OPT_HOST_NAME, lease->host_name,
                             strlen(lease->host_name), 2 + dns_len);
    }
    if (dns_len) {
        put_option(w, DHCP_OPT_DNS, lease->dns, dns_len);
    }
}

/* Writes all options.  Returns their size with the cookie and the end. */
static size_t
put_options(uint8_t *p, const struct dhcp4_lease *lease,
            const struct request *r, enum dhcp4_result result,
            unsigned int *n_omitted)
{
    static const char refusal[] = "address is not yours";
    ovs_be32 magic = htonl(DHCP_MAGIC_COOKIE);
    uint8_t type = result == DHCP4_OFFERED ? DHCP_MSG_OFFER
                   : result == DHCP4_ACKED ? DHCP_MSG_ACK : DHCP_MSG_NAK;
    size_t max_size = MIN(MAX(r->max_size, MIN_MAX_SIZE),
                          DHCP4_MAX_FRAME - ETH_HEADER_LEN);
    size_t client_id_len = r->client_id ? 2 + r->client_id_len : 0;
    struct writer w = { .p = p };

    memcpy(p, &magic, sizeof magic);
    w.size = sizeof magic;
    w.max = max_size - (BOOTP_HEADERS_LEN - ETH_HEADER_LEN)
            - client_id_len - 1;
    put_option(&w, DHCP_OPT_TYPE, &type, 1);
    put_ip(&w, DHCP_OPT_SERVER_ID, lease->server);
    if (result == DHCP4_NAKED) {
        put_option(&w, DHCP_OPT_MESSAGE, refusal, sizeof refusal - 1);
    } else {
        put_lease(&w, lease, r->type == DHCP_MSG_INFORM, n_omitted);
    }
    w.max += client_id_len;
    if (r->client_id) {
        put_option(&w, DHCP_OPT_CLIENT_ID, r->client_id, r->client_id_len);
    }
    p[w.size++] = DHCP_OPT_END;
    return w.size;
}

/* Copies a configured text to a field of the header, if it fits with a zero
 * behind it. */
static void
fill_field(char *field, size_t size, const uint8_t *text, uint8_t len)
{
    if (text && len < size) {
        memcpy(field, text, len);
    }
}

/* What else to boot from (C.3.8): options 66 and 67 in their old places. */
static void
fill_boot(struct dhcp_header *h, const struct dhcp4_lease *lease)
{
    uint8_t len = 0;
    const uint8_t *text
        = dhcp_options_find(&lease->options, DHCP_OPT_TFTP_SERVER, &len);
    char name[UINT8_MAX + 1];
    struct in_addr next;

    h->siaddr = lease->server;
    if (text) {
        memcpy(name, text, len);
        name[len] = '\0';
        if (inet_pton(AF_INET, name, &next) == 1) {
            h->siaddr = next.s_addr;
        } else {
            fill_field(h->sname, sizeof h->sname, text, len);
        }
    }
    text = dhcp_options_find(&lease->options, DHCP_OPT_BOOT_FILE, &len);
    fill_field(h->file, sizeof h->file, text, len);
}

static void
fill_header(struct dhcp_header *h, const struct dhcp4_lease *lease,
            const struct request *r, enum dhcp4_result result)
{
    memset(h, 0, sizeof *h);
    h->op = DHCP_OP_REPLY;
    h->htype = ARP_HRD_ETHERNET;
    h->hlen = ETH_ADDR_LEN;
    h->xid = r->h.xid;
    h->flags = r->h.flags;
    memcpy(h->chaddr, &lease->client, ETH_ADDR_LEN);
    if (result != DHCP4_NAKED) {
        h->yiaddr = r->type == DHCP_MSG_INFORM ? 0 : lease->ip;
        fill_boot(h, lease);
    }
}

/* Where the reply goes (RFC 2131, 4.1): 0.0.0.0 is "to everybody". */
static ovs_be32
destination(const struct dhcp4_lease *lease, const struct request *r,
            enum dhcp4_result result)
{
    if (result == DHCP4_NAKED) {
        return 0;
    }
    if (r->type == DHCP_MSG_INFORM) {
        return r->h.ciaddr ? r->h.ciaddr : lease->ip;
    }
    return r->h.ciaddr || !(r->h.flags & htons(DHCP_FLAG_BROADCAST))
           ? lease->ip : 0;
}

/* Ethernet, IP and UDP headers around 'len' bytes of message at 'message'. */
static void
wrap(uint8_t *frame, const struct dhcp4_lease *lease, ovs_be32 dst,
     const uint8_t *message, size_t len)
{
    struct eth_header eth = {
        .eth_dst = dst ? lease->client : eth_addr_broadcast,
        .eth_src = lease->server_mac,
        .eth_type = htons(ETH_TYPE_IP),
    };
    struct ip_header ip = {
        .ip_ihl_ver = IP_IHL_VER(5, 4),
        .ip_tot_len = htons(IP_HEADER_LEN + UDP_HEADER_LEN + len),
        .ip_ttl = 64,
        .ip_proto = IPPROTO_UDP,
    };
    struct udp_header udp = {
        .udp_src = htons(DHCP_SERVER_PORT),
        .udp_dst = htons(DHCP_CLIENT_PORT),
        .udp_len = htons(UDP_HEADER_LEN + len),
    };

    put_16aligned_be32(&ip.ip_src, lease->server);
    put_16aligned_be32(&ip.ip_dst, dst ? dst : htonl(INADDR_BROADCAST));
    ip.ip_csum = csum(&ip, sizeof ip);

    uint32_t sum = packet_csum_pseudoheader(&ip);
    sum = csum_continue(sum, &udp, sizeof udp);
    udp.udp_csum = csum_finish(csum_continue(sum, message, len));
    if (!udp.udp_csum) {
        udp.udp_csum = htons(0xffff);
    }

    memcpy(frame, &eth, sizeof eth);
    memcpy(frame + ETH_HEADER_LEN, &ip, sizeof ip);
    memcpy(frame + ETH_HEADER_LEN + IP_HEADER_LEN, &udp, sizeof udp);
}

static void
build(const struct dhcp4_lease *lease, const struct request *r,
      enum dhcp4_result result, struct dhcp4_reply *reply)
{
    uint8_t *message = reply->frame + BOOTP_HEADERS_LEN - DHCP_HEADER_LEN;
    struct dhcp_header h;

    memset(reply, 0, sizeof *reply);
    fill_header(&h, lease, r, result);
    memcpy(message, &h, sizeof h);

    size_t len = DHCP_HEADER_LEN
                 + put_options(message + DHCP_HEADER_LEN, lease, r, result,
                               &reply->n_omitted);
    len = MAX(len, MIN_BOOTP_LEN);
    wrap(reply->frame, lease, destination(lease, r, result), message, len);
    reply->size = BOOTP_HEADERS_LEN - DHCP_HEADER_LEN + len;
}

enum dhcp4_result
dhcp4_serve(const struct dhcp4_lease *lease, const void *frame, size_t size,
            struct dhcp4_reply *reply)
{
    struct request r;

    if (!parse(frame, size, &r)) {
        return DHCP4_MALFORMED;
    }
    enum dhcp4_result result = decide(lease, &r);
    if (result <= DHCP4_NAKED) {
        build(lease, &r, result, reply);
    }
    return result;
}
