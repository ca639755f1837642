/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a frame from the underlay: the first octet says from whom, the
 * rest is the VXLAN payload. */
#include <config.h>
#include "replication/forwarder/pipeline.h"

#include <stdint.h>
#include <stdlib.h>

#include "../unit/fwd_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What holds for every frame. */
static void
check(const struct fwd_verdict *v, const struct fwd_ip *source,
      uint8_t *frame, size_t size)
{
    const struct fwd_member *m;
    struct fwd_copies copies;

    ovs_assert((v->action == FWD_DROP) == (v->drop != FWD_OK));
    ovs_assert(v->action == FWD_DROP || (v->net && v->inner
                                         && v->class != FWD_STRANGER));
    switch (v->action) {
    case FWD_FLOOD:
        fwd_copies_init(&copies, v, source);
        while ((m = fwd_copies_next(&copies))) {
            ovs_assert(!fwd_ip_equals(&m->ip, source));
            ovs_assert(v->class == FWD_TOR || m->class == FWD_TOR);
        }
        break;
    case FWD_ANSWER:
        ovs_assert(size >= FWD_VXLAN_LEN + FWD_ETHER_LEN + ARP_LEN);
        ovs_assert(v->class == FWD_TOR && !v->tagged);
        arp_answer(frame + FWD_VXLAN_LEN, v->mac);
        break;
    case FWD_RELAY:
        ovs_assert(!fwd_ip_equals(&v->tunnel, source));
        break;
    case FWD_PUNT:
        ovs_assert(v->class == FWD_TOR && !v->tagged);
        break;
    case FWD_DROP:
    case FWD_N_ACTIONS:
        break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const sources[] = { T1, T2, T3, Q, C1 };
    static struct fwd_table *table;
    struct fwd_verdict v;

    if (!table) {
        table = fixture_table();
    }
    if (!size) {
        return 0;
    }

    struct fwd_ip source = ip(sources[data[0] % ARRAY_SIZE(sources)]);
    size_t frame_size = size - 1;
    uint8_t *frame = xmemdup(data + 1, frame_size);

    fwd_decide(table, &source, frame, frame + frame_size, &v);
    check(&v, &source, frame, frame_size);
    free(frame);
    return 0;
}
