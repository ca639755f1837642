/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsnctl/pcap-read.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "packets.h"
#include "tsn/error.h"
#include "unaligned.h"
#include "util.h"

/* Of Linux's "cooked" captures: where the Ethernet type is, and the payload
 * (https://www.tcpdump.org/linktypes.html). */
#define SLL_TYPE 14
#define SLL_LEN 16
#define SLL2_TYPE 0
#define SLL2_LEN 20

struct tsnctl_pcap {
    pcap_t *pcap;
    int link_type;
};

int
tsnctl_pcap_open(const char *path, struct tsnctl_pcap **pcapp,
                 struct tsn_err *err)
{
    char text[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline(path, text);

    if (!pcap) {
        /* Some texts begin with the name, as do those of fopen(). */
        bool named = !strncmp(text, path, strlen(path));

        tsn_err_set(err, NULL, "%s%s%s", named ? "" : path,
                    named ? "" : ": ", text);
        return -EINVAL;
    }
    struct tsnctl_pcap *p = xmalloc(sizeof *p);
    *p = (struct tsnctl_pcap) { pcap, pcap_datalink(pcap) };
    *pcapp = p;
    return 0;
}

void
tsnctl_pcap_close(struct tsnctl_pcap *p)
{
    if (p) {
        pcap_close(p->pcap);
        free(p);
    }
}

int
tsnctl_pcap_next(struct tsnctl_pcap *p, struct tsnctl_packet *packet,
                 struct tsn_err *err)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    int n = pcap_next_ex(p->pcap, &header, &data);

    if (n == 1) {
        *packet = (struct tsnctl_packet) {
            data, header->caplen, MAX(header->len, header->caplen),
        };
        return 1;
    }
    if (n == PCAP_ERROR_BREAK) {
        return 0;
    }
    tsn_err_set(err, NULL, "%s", pcap_geterr(p->pcap));
    return -EINVAL;
}

static int
wrong_link_type(const struct tsnctl_pcap *p, const char *wanted,
                struct tsn_err *err)
{
    const char *name = pcap_datalink_val_to_name(p->link_type);

    tsn_err_set(err, NULL, "packets of link type %s (%d) instead of %s",
                name ? name : "unknown", p->link_type, wanted);
    return -EINVAL;
}

int
tsnctl_pcap_check_ethernet(const struct tsnctl_pcap *p, struct tsn_err *err)
{
    return p->link_type == DLT_EN10MB ? 0
           : wrong_link_type(p, "Ethernet, which inner frames have", err);
}

int
tsnctl_pcap_check_ip(const struct tsnctl_pcap *p, struct tsn_err *err)
{
    switch (p->link_type) {
    case DLT_EN10MB:
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
    case DLT_LINUX_SLL:
    case DLT_LINUX_SLL2:
        return 0;
    }
    return wrong_link_type(p, "Ethernet, raw IP or Linux cooked", err);
}

/* The payload is at 'payload', of the type at 'at', unless there is a tag of
 * the underlay's switches before it. */
static size_t
ip_offset(const uint8_t *data, size_t size, size_t at, size_t payload)
{
    if (payload > size) {
        return SIZE_MAX;
    }
    uint16_t type = ntohs(get_unaligned_be16((const void *) (data + at)));
    if (type == ETH_TYPE_VLAN && payload + VLAN_HEADER_LEN <= size) {
        at = payload + 2;
        payload += VLAN_HEADER_LEN;
        type = ntohs(get_unaligned_be16((const void *) (data + at)));
    }
    return type == ETH_TYPE_IP || type == ETH_TYPE_IPV6 ? payload : SIZE_MAX;
}

size_t
tsnctl_ether_ip_offset(const uint8_t *data, size_t size)
{
    return ip_offset(data, size, ETH_HEADER_LEN - 2, ETH_HEADER_LEN);
}

size_t
tsnctl_pcap_ip_offset(const struct tsnctl_pcap *p,
                      const struct tsnctl_packet *packet)
{
    switch (p->link_type) {
    case DLT_EN10MB:
        return tsnctl_ether_ip_offset(packet->data, packet->size);
    case DLT_LINUX_SLL:
        return ip_offset(packet->data, packet->size, SLL_TYPE, SLL_LEN);
    case DLT_LINUX_SLL2:
        return ip_offset(packet->data, packet->size, SLL2_TYPE, SLL2_LEN);
    default:
        return 0;
    }
}
