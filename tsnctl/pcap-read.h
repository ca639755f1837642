/* SPDX-License-Identifier: Apache-2.0 */
/* Packets of a file that tcpdump, Wireshark or "tsnctl capture" has written,
 * in pcap or pcapng. */
#ifndef TSNCTL_PCAP_READ_H
#define TSNCTL_PCAP_READ_H 1

#include <stddef.h>
#include <stdint.h>

struct tsn_err;
struct tsnctl_pcap;

/* Opens 'path', "-" for standard input.  Returns 0 with '*pcapp' owned by the
 * caller, or -EINVAL with '*err'. */
int tsnctl_pcap_open(const char *path, struct tsnctl_pcap **pcapp,
                     struct tsn_err *err);
void tsnctl_pcap_close(struct tsnctl_pcap *);           /* NULL is fine. */

struct tsnctl_packet {
    const uint8_t *data;        /* Until the next one is read. */
    size_t size;
    size_t whole_size;          /* Before it was captured: if it is larger
                                 * the end is missing. */
};

/* Reads the next packet.  Returns 1, 0 at the end, or -EINVAL with '*err'. */
int tsnctl_pcap_next(struct tsnctl_pcap *, struct tsnctl_packet *,
                     struct tsn_err *err);

/* 0, or -EINVAL with '*err' if the packets are no Ethernet frames. */
int tsnctl_pcap_check_ethernet(const struct tsnctl_pcap *,
                               struct tsn_err *err);
/* Likewise, if there is no saying where their IP headers are. */
int tsnctl_pcap_check_ip(const struct tsnctl_pcap *, struct tsn_err *err);

/* Octets before the IP header of a packet; more than it has if there is
 * none. */
size_t tsnctl_pcap_ip_offset(const struct tsnctl_pcap *,
                             const struct tsnctl_packet *);

/* The same of an Ethernet frame. */
size_t tsnctl_ether_ip_offset(const uint8_t *data, size_t size);

#endif /* tsnctl/pcap-read.h */
