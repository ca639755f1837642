/* SPDX-License-Identifier: Apache-2.0 */
/* B1 of spec/tsn-dataplane.md G and what it asks for. */
#ifndef TESTS_DHCP4_FIXTURE_H
#define TESTS_DHCP4_FIXTURE_H 1

#include <arpa/inet.h>
#include <string.h>

#include "replication/services/dhcp4.h"
#include "util.h"

#define B1 { { { 0x02, 0xbb, 0, 0, 0, 1 } } }
#define SERVICE { { { 0x00, 0x00, 0x5e, 0x00, 0x01, 0x00 } } }

/* A configured option; ends a list with a NULL name. */
struct configured {
    const char *name, *value, *bytes;
};

static inline struct dhcp4_lease
fixture_lease(const struct configured *options)
{
    struct dhcp4_lease lease = {
        .client = B1,
        .ip = inet_addr("192.0.2.10"),
        .mask = inet_addr("255.255.255.0"),
        .router = inet_addr("192.0.2.1"),
        .dns = { inet_addr("192.0.2.2") },
        .n_dns = 1,
        .host_name = "bms1",
        .server_mac = SERVICE,
        .server = inet_addr("192.0.2.2"),
    };

    for (; options && options->name; options++) {
        int error = dhcp_options_add(&lease.options, options->name,
                                     options->value, options->bytes);
        ovs_assert(!error);
    }
    return lease;
}

/* An Ethernet frame with a DHCP message of a client. */
struct message {
    uint8_t frame[1514];
    size_t size;
};
#define MESSAGE_IP 14
#define MESSAGE_BOOTP (14 + 20 + 8)
#define MESSAGE_OPTIONS (MESSAGE_BOOTP + 236)

/* Sets lengths and the checksum of the IP header to fit 'size'. */
static inline void
message_seal(struct message *m)
{
    uint8_t *ip = m->frame + MESSAGE_IP;
    uint32_t sum = 0;

    ip[2] = (m->size - 14) >> 8;
    ip[3] = m->size - 14;
    ip[24] = (m->size - 34) >> 8;
    ip[25] = m->size - 34;
    ip[10] = ip[11] = 0;
    for (int i = 0; i < 20; i += 2) {
        sum += ip[i] << 8 | ip[i + 1];
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    ip[10] = ~sum >> 8;
    ip[11] = ~sum;
}

static inline void
message_option(struct message *m, uint8_t code, const void *data, uint8_t len)
{
    m->frame[m->size++] = code;
    m->frame[m->size++] = len;
    memcpy(m->frame + m->size, data, len);
    m->size += len;
}

/* 'type' is not put if it is 0. */
static inline void
message_init(struct message *m, uint8_t type)
{
    static const uint8_t b1[] = { 0x02, 0xbb, 0, 0, 0, 1 };
    uint8_t *bootp = m->frame + MESSAGE_BOOTP;

    memset(m, 0, sizeof *m);
    memset(m->frame, 0xff, 6);
    memcpy(m->frame + 6, b1, 6);
    m->frame[12] = 0x08;
    memcpy(m->frame + MESSAGE_IP, "\x45\0\0\0\0\0\0\0\x40\x11", 10);
    memset(m->frame + MESSAGE_IP + 16, 0xff, 4);
    m->frame[MESSAGE_IP + 21] = 68;
    m->frame[MESSAGE_IP + 23] = 67;
    bootp[0] = 1;
    bootp[1] = 1;
    bootp[2] = 6;
    memcpy(bootp + 4, "\xca\xfe\xba\xbe", 4);
    memcpy(bootp + 28, b1, 6);
    m->size = MESSAGE_OPTIONS;
    memcpy(m->frame + m->size, "\x63\x82\x53\x63", 4);
    m->size += 4;
    if (type) {
        message_option(m, 53, &type, 1);
    }
}

static inline void
message_end(struct message *m)
{
    m->frame[m->size++] = 255;
    message_seal(m);
}

#endif /* tests/unit/dhcp4_fixture.h */
