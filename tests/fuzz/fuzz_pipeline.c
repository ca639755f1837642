/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes from the underlay: the first octet says how they come, the rest is
 * a packet, or what is behind UDP or GRE in one.  What is forwarded is given
 * the headers of copies. */
#include <config.h>
#include "replication/forwarder/pipeline.h"

#include <stdint.h>
#include <stdlib.h>

#include "../unit/fwd_cases.h"
#include "replication/forwarder/encap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *source;         /* NULL: a whole packet. */
    enum fwd_encap encap;
} arrivals[] = {
    { T1, FWD_VXLAN }, { T2, FWD_VXLAN }, { T3, FWD_VXLAN },
    { Q, FWD_VXLAN }, { C1, FWD_VXLAN }, { NULL, FWD_VXLAN },
    { C1, FWD_MPLS_UDP }, { Q, FWD_MPLS_UDP }, { Q2, FWD_MPLS_UDP },
    { C1, FWD_MPLS_GRE }, { TSN2, FWD_MPLS_GRE }, { Q6, FWD_VXLAN },
    { C6, FWD_MPLS_UDP },
};

/* A copy is as long as it says, and its headers are as they must be. */
static void
check_copy(const struct fwd_host *host, const struct fwd_arrival *a,
           const struct fwd_verdict *v, const struct fwd_member *m)
{
    struct fwd_copy c;

    if (fwd_copy_init(&c, host, v, m, a->end - v->inner)) {
        return;
    }
    const uint8_t *payload = fwd_copy_payload(v, m->class);
    ovs_assert(payload >= a->data && payload + c.size == a->end);

    size_t headers = fwd_copy_len(&c) - c.size;
    uint8_t *start = xmalloc(headers), *end = start + headers, *p;
    p = fwd_put_ip(start, end, &c);
    if (p) {
        p = fwd_put_transport(p, end, &c);
        p = fwd_put_tunnel(p, end, &c);
        ovs_assert(p == end);
        ovs_assert(start[0] >> 4 == 6 || !fwd_ipv4_checksum(start));
    } else {
        ovs_assert(fwd_copy_len(&c) > FWD_IP_MAX);
    }
    free(start);
}

static void
check_flood(const struct fwd_host *host, const struct fwd_arrival *a,
            const struct fwd_verdict *v)
{
    const struct fwd_member *m;
    struct fwd_copies copies;

    fwd_copies_init(&copies, v, &a->source);
    while ((m = fwd_copies_next(&copies))) {
        ovs_assert(!fwd_ip_equals(&m->ip, &a->source));
        /* Of the matrix of B.6 what a slip would turn into a loop. */
        ovs_assert(v->class == FWD_TOR || m->class != FWD_EVPN);
        ovs_assert(v->class != FWD_EVPN || m->class == FWD_TOR);
        check_copy(host, a, v, m);
    }
}

/* What holds for every frame. */
static void
check(const struct fwd_host *host, const struct fwd_arrival *a,
      const struct fwd_verdict *v)
{
    ovs_assert((v->action == FWD_DROP) == (v->drop != FWD_OK));
    if (v->action == FWD_DROP) {
        return;
    }
    ovs_assert(v->net && v->class != FWD_STRANGER);
    ovs_assert(v->inner > a->data && v->inner + FWD_ETHER_LEN <= a->end);
    ovs_assert((v->class == FWD_TREE) <= (a->encap != FWD_VXLAN));
    ovs_assert((v->class == FWD_TOR) <= (a->encap == FWD_VXLAN));
    switch (v->action) {
    case FWD_FLOOD:
        check_flood(host, a, v);
        break;
    case FWD_ANSWER:
        ovs_assert(v->inner + FWD_ETHER_LEN + ARP_LEN <= a->end);
        ovs_assert(v->class != FWD_TREE && !v->tagged);
        ovs_assert(fwd_ip_equals(&v->dest.ip, &a->source));
        arp_answer(CONST_CAST(uint8_t *, v->inner), v->mac);
        check_copy(host, a, v, &v->dest);
        break;
    case FWD_RELAY:
        ovs_assert(!fwd_ip_equals(&v->dest.ip, &a->source));
        check_copy(host, a, v, &v->dest);
        break;
    case FWD_PUNT:
        ovs_assert(v->class != FWD_TREE && !v->tagged);
        break;
    case FWD_DROP:
    case FWD_PASS:
    case FWD_N_ACTIONS:
        OVS_NOT_REACHED();
    }
}

/* Sets where the data comes from.  Returns false if it is not for us. */
static bool
arrive(const struct fwd_host *host, unsigned int how, uint8_t *data,
       size_t size, struct fwd_arrival *a)
{
    if (arrivals[how].source) {
        *a = (struct fwd_arrival) {
            .source = ip(arrivals[how].source), .data = data,
            .end = data + size, .encap = arrivals[how].encap,
        };
        return true;
    }
    uint32_t used = fwd_parse_outer(host, data, data + size, a);
    ovs_assert(used <= size);
    if (used) {
        a->end = data + used;
    }
    return used;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fwd_table *table;
    struct fwd_host host = fwd_case_host();
    struct fwd_arrival a;
    struct fwd_verdict v;

    if (!table) {
        table = fwd_case_table();
    }
    if (!size) {
        return 0;
    }

    unsigned int how = data[0] % ARRAY_SIZE(arrivals);
    uint8_t *copy = xmalloc(MAX(size - 1, 1));
    memcpy(copy, data + 1, size - 1);
    if (arrive(&host, how, copy, size - 1, &a)) {
        fwd_decide(table, &host, &a, &v);
        check(&host, &a, &v);
    }
    free(copy);
    return 0;
}
