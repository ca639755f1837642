/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a frame from a DHCP client, which has as many options as fit
 * and more.  The checksum of the IP header is put right, or little would come
 * further. */
#include <config.h>
#include "replication/services/dhcp4.h"

#include <stdint.h>
#include <stdlib.h>

#include "../unit/dhcp4_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
fix_checksum(uint8_t *frame, size_t size)
{
    if (size < 34 || frame[14] != 0x45) {
        return;
    }
    uint8_t *header = frame + 14;
    uint32_t sum = 0;

    header[10] = header[11] = 0;
    for (int i = 0; i < 20; i += 2) {
        sum += header[i] << 8 | header[i + 1];
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    header[10] = ~sum >> 8;
    header[11] = ~sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dhcp4_lease lease;
    struct dhcp4_reply reply;
    char text[201] = "";

    if (!lease.mask) {
        memset(text, 'x', 200);
        lease = fixture_lease((const struct configured[]) {
            { "66", "192.0.2.50", "" }, { "67", text, "" },
            { "224", text, "" }, { "225", text, "" },
            { "3", "192.0.2.3 192.0.2.4", "" }, { .name = NULL } });
    }

    uint8_t *frame = xmemdup(data, size);
    fix_checksum(frame, size);
    if (dhcp4_serve(&lease, frame, size, &reply) <= DHCP4_NAKED) {
        ovs_assert(reply.size <= sizeof reply.frame);
        ovs_assert(reply.size >= MESSAGE_BOOTP + 300);
    }
    free(frame);
    return 0;
}
