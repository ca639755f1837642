/* SPDX-License-Identifier: Apache-2.0 */
/* Writes packets with comments to a stream as pcapng does (draft-ietf-opsawg-
 * pcapng): one section, in the byte order of this host, nanoseconds, Ethernet.
 * libpcap can only read that format.
 *
 * Errors stay with the stream, where ferror() tells of them. */
#ifndef TSNCTL_PCAPNG_H
#define TSNCTL_PCAPNG_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Starts the section.  'application' wrote it. */
void pcapng_put_section(FILE *, const char *application);

/* Describes an interface; the first one is number 0.  'snaplen' is the most
 * octets of a packet that there are; libpcap reads only files in which it is
 * that of all interfaces. */
void pcapng_put_interface(FILE *, const char *name, const char *description,
                          uint32_t snaplen);

struct pcapng_packet {
    uint32_t interface;
    uint64_t time_ns;           /* Since 1970. */
    const void *data;           /* 'stored' octets of 'size'. */
    size_t stored, size;
    bool out;                   /* It was to leave the host. */
    const char *comment;        /* Or NULL. */
    uint64_t lost;              /* Packets lost just before. */
};
void pcapng_put_packet(FILE *, const struct pcapng_packet *);

/* How an interface ended up. */
void pcapng_put_statistics(FILE *, uint32_t interface, uint64_t time_ns,
                           uint64_t received, uint64_t lost);

#endif /* tsnctl/pcapng.h */
