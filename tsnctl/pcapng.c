/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsnctl/pcapng.h"

#include <string.h>

#include "util.h"

#define BLOCK_SECTION 0x0a0d0d0a
#define BLOCK_INTERFACE 1
#define BLOCK_STATISTICS 5
#define BLOCK_PACKET 6

#define OPT_END 0
#define OPT_COMMENT 1
#define SHB_USERAPPL 4
#define IF_NAME 2
#define IF_DESCRIPTION 3
#define IF_TSRESOL 9
#define EPB_FLAGS 2
#define EPB_DROPCOUNT 4
#define ISB_IFRECV 4
#define ISB_IFDROP 5

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define LINKTYPE_ETHERNET 1
#define NANOSECONDS 9           /* 10 to the minus ... */
#define FLAG_IN 1
#define FLAG_OUT 2
#define OPTION_MAX 0xffff       /* Octets of a value. */

/* What ends a block: its length once more. */
#define FRAME_LEN 12

static void
put(FILE *stream, const void *data, size_t size)
{
    fwrite(data, 1, size, stream);
}

static void
put16(FILE *stream, uint16_t value)
{
    put(stream, &value, sizeof value);
}

static void
put32(FILE *stream, uint32_t value)
{
    put(stream, &value, sizeof value);
}

/* 'size' octets, and zeros up to the next word. */
static void
put_padded(FILE *stream, const void *data, size_t size)
{
    static const char zeros[4];

    put(stream, data, size);
    put(stream, zeros, PAD_SIZE(size, 4));
}

static size_t
option_len(size_t size)
{
    return 4 + ROUND_UP(size, 4);
}

static void
put_option(FILE *stream, uint16_t code, const void *value, size_t size)
{
    put16(stream, code);
    put16(stream, size);
    put_padded(stream, value, size);
}

/* Octets of a text as the value of an option. */
static size_t
text_len(const char *text)
{
    return MIN(strlen(text), OPTION_MAX);
}

static void
put_text(FILE *stream, uint16_t code, const char *text)
{
    put_option(stream, code, text, text_len(text));
}

static void
put_option64(FILE *stream, uint16_t code, uint64_t value)
{
    put_option(stream, code, &value, sizeof value);
}

static void
put_end(FILE *stream)
{
    put_option(stream, OPT_END, "", 0);
}

static void
put_time(FILE *stream, uint64_t time_ns)
{
    put32(stream, time_ns >> 32);
    put32(stream, time_ns);
}

void
pcapng_put_section(FILE *stream, const char *application)
{
    uint64_t not_known = UINT64_MAX;    /* Length of the section. */
    uint32_t len = FRAME_LEN + 16 + option_len(text_len(application))
                   + option_len(0);

    put32(stream, BLOCK_SECTION);
    put32(stream, len);
    put32(stream, BYTE_ORDER_MAGIC);
    put16(stream, 1);           /* Version 1.0. */
    put16(stream, 0);
    put(stream, &not_known, sizeof not_known);
    put_text(stream, SHB_USERAPPL, application);
    put_end(stream);
    put32(stream, len);
}

void
pcapng_put_interface(FILE *stream, const char *name, const char *description,
                     uint32_t snaplen)
{
    static const uint8_t resolution = NANOSECONDS;
    uint32_t len = FRAME_LEN + 8 + option_len(text_len(name))
                   + option_len(text_len(description)) + option_len(1)
                   + option_len(0);

    put32(stream, BLOCK_INTERFACE);
    put32(stream, len);
    put16(stream, LINKTYPE_ETHERNET);
    put16(stream, 0);
    put32(stream, snaplen);
    put_text(stream, IF_NAME, name);
    put_text(stream, IF_DESCRIPTION, description);
    put_option(stream, IF_TSRESOL, &resolution, sizeof resolution);
    put_end(stream);
    put32(stream, len);
}

void
pcapng_put_packet(FILE *stream, const struct pcapng_packet *p)
{
    uint32_t flags = p->out ? FLAG_OUT : FLAG_IN;
    uint32_t len = FRAME_LEN + 20 + ROUND_UP(p->stored, 4)
                   + option_len(sizeof flags) + option_len(0);

    len += p->comment ? option_len(text_len(p->comment)) : 0;
    len += p->lost ? option_len(sizeof p->lost) : 0;
    put32(stream, BLOCK_PACKET);
    put32(stream, len);
    put32(stream, p->interface);
    put_time(stream, p->time_ns);
    put32(stream, p->stored);
    put32(stream, p->size);
    put_padded(stream, p->data, p->stored);
    if (p->comment) {
        put_text(stream, OPT_COMMENT, p->comment);
    }
    put_option(stream, EPB_FLAGS, &flags, sizeof flags);
    if (p->lost) {
        put_option64(stream, EPB_DROPCOUNT, p->lost);
    }
    put_end(stream);
    put32(stream, len);
}

void
pcapng_put_statistics(FILE *stream, uint32_t interface, uint64_t time_ns,
                      uint64_t received, uint64_t lost)
{
    uint32_t len = FRAME_LEN + 12 + 2 * option_len(sizeof received)
                   + option_len(0);

    put32(stream, BLOCK_STATISTICS);
    put32(stream, len);
    put32(stream, interface);
    put_time(stream, time_ns);
    put_option64(stream, ISB_IFRECV, received);
    put_option64(stream, ISB_IFDROP, lost);
    put_end(stream);
    put32(stream, len);
}
