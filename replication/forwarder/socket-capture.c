/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/socket-capture.h"

#include <time.h>

#include "replication/forwarder/capture-ring.h"
#include "util.h"

/* Both kinds of addresses have the port at the same place. */
BUILD_ASSERT_DECL(offsetof(struct sockaddr_in, sin_port)
                  == offsetof(struct sockaddr_in6, sin6_port));

static const uint16_t ports[FWD_N_RX] = {
    [FWD_RX_VXLAN] = FWD_VXLAN_PORT,
    [FWD_RX_MPLS] = FWD_MPLS_PORT,
    [FWD_RX_MPLS_OLD] = FWD_MPLS_OLD_PORT,
};

static bool
wants(const struct fwd_socket_capture *c, const struct fwd_verdict *v,
      enum fwd_drop fate)
{
    return fwd_capture_wants(&c->filter,
                             v->net ? v->net->vni : FWD_CAPTURE_ANY,
                             &c->arrival->source, fate);
}

static struct fwd_capture_record
describe(const struct fwd_socket_capture *c, const struct fwd_verdict *v,
         enum fwd_drop fate, size_t size)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (struct fwd_capture_record) {
        .time_ns = ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec,
        .source = c->arrival->source,
        .session = c->filter.session,
        .vni = v->net ? v->net->vni : FWD_CAPTURE_ANY,
        .size = size,
        .stored = MIN(size, c->filter.snaplen),
        .inner = FWD_CAPTURE_NONE,
        .encap = c->arrival->encap,
        .action = v->action,
        .drop = fate,
        .class = v->class,
        .kind = v->kind,
    };
}

void
fwd_socket_capture_frame(const struct fwd_socket_capture *c,
                         const struct fwd_verdict *v, enum fwd_drop fate)
{
    const struct fwd_arrival *a = c->arrival;

    if (!wants(c, v, fate)) {
        return;
    }
    /* GRE's flags may stand for more octets than there are. */
    struct fwd_capture_record r
        = describe(c, v, fate, a->data < a->end ? a->end - a->data : 0);
    r.type = FWD_CAPTURE_PAYLOAD;
    r.dport = ports[c->rx];
    if (v->inner) {
        r.inner = v->inner - a->data;
    }
    r.outer = (struct fwd_copy) {
        .src = a->source,
        .dst = fwd_ip_is_v4(&a->source) ? c->host->ip4 : c->host->ip6,
        .encap = a->encap,
        .port = ntohs(c->from->sin6_port),
    };
    fwd_capture_ring_put(c->ring, &r, a->data);
}

void
fwd_socket_capture_copy(const struct fwd_socket_capture *c,
                        const struct fwd_verdict *v,
                        const struct fwd_copy *copy, enum fwd_class class,
                        enum fwd_drop drop)
{
    const uint8_t *payload = fwd_copy_payload(v, class);

    if (!wants(c, v, drop)) {
        return;
    }
    struct fwd_capture_record r = describe(c, v, drop, copy->size);
    r.type = FWD_CAPTURE_COPY;
    r.inner = v->inner - payload;
    r.outer = *copy;
    r.to_class = class;
    fwd_capture_ring_put(c->ring, &r, payload);
}
