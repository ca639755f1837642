/* SPDX-License-Identifier: Apache-2.0 */
/* What the BPF programs send, against what the pipeline in user space says:
 * the same frames, octet by octet, each exactly once.  In native and generic
 * mode. */
#include <config.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "bpf_rig.h"

#define GREEN 200               /* Floods unknown unicast. */
#define TREE_LABEL 4700         /* Of BLUE, the next one is GREEN's; those of
                                 * EVPN are 300 more. */
#define MAX_COPIES 16

static struct fwd_network *
make_network(uint32_t vni, uint8_t flags, uint32_t label)
{
    struct fwd_member members[] = {
        { ip(T1), vni, FWD_TOR, FWD_VXLAN },
        { ip(T2), vni, FWD_TOR, FWD_VXLAN },
        { ip(Q), 7000, FWD_EVPN, FWD_VXLAN },
        { ip(Q2), 7001, FWD_EVPN, FWD_MPLS_UDP },
        { ip(C1), 4702, FWD_TREE, FWD_MPLS_UDP },
        { ip(C2), 4703, FWD_TREE, FWD_MPLS_GRE },
    };
    struct fwd_in_label labels[] = {
        { label, FWD_LABEL_TREE }, { label + 300, FWD_LABEL_EVPN },
    };
    struct fwd_mac_entry macs[] = {
        { B1, { 0 },
          { ip(T1), vni, FWD_MAC_ROUTE | FWD_MAC_DHCP4, FWD_VXLAN } },
        { B2, { 0 }, { ip(T2), vni, FWD_MAC_ROUTE, FWD_VXLAN } },
        { V1, { 0 }, { ip(C1), 99, FWD_MAC_ROUTE, FWD_MPLS_UDP } },
    };
    struct fwd_arp_entry arps[] = {
        { inet_addr("192.0.2.2"), { SERVICE, 1, 0 } },
        { inet_addr("192.0.2.21"), { V1, 0, 0 } },
    };
    struct fwd_network_spec spec = {
        .net = { .vni = vni, .seed = 42, .service_mac = SERVICE,
                 .flags = flags },
        .members = members, .n_members = ARRAY_SIZE(members),
        .labels = labels, .n_labels = ARRAY_SIZE(labels),
        .macs = macs, .n_macs = ARRAY_SIZE(macs),
        .arps = arps, .n_arps = ARRAY_SIZE(arps),
    };
    struct fwd_net_counters *counters = fwd_net_counters_create();
    struct fwd_network *network = fwd_network_create(&spec, counters);

    fwd_net_counters_unref(counters);
    return network;
}

static struct fwd_table *
make_table(void)
{
    struct fwd_network *networks[] = {
        make_network(BLUE, 0, TREE_LABEL),
        make_network(GREEN, FWD_NET_FLOOD_UNKNOWN | FWD_NET_CONTROL_WORD,
                     TREE_LABEL + 1),
    };
    struct fwd_table *table = fwd_table_create(networks, ARRAY_SIZE(networks));

    for (size_t i = 0; i < ARRAY_SIZE(networks); i++) {
        fwd_network_unref(networks[i]);
    }
    return table;
}

/* The frames that the pipeline would have sent. */
struct copies {
    struct wire wires[MAX_COPIES];
    size_t n;
};

static void
model_copy(const struct bpf_rig *rig, const struct fwd_verdict *v,
           const struct fwd_member *m, const uint8_t *end,
           struct copies *copies)
{
    struct wire *w = &copies->wires[copies->n++];
    const uint8_t *limit = w->data + sizeof w->data;
    struct fwd_copy copy;

    assert_int_equal(fwd_copy_init(&copy, &rig->host, v, m, end - v->inner),
                     FWD_OK);
    parse_mac(PEER_MAC, w->data);
    parse_mac(NODE_MAC, w->data + 6);
    fwd_put16(w->data + 12, ETH_P_IP);
    uint8_t *p = fwd_put_ip(w->data + ETH_HLEN, limit, &copy);
    p = fwd_put_transport(p, limit, &copy);
    p = fwd_put_tunnel(p, limit, &copy);
    assert_non_null(p);
    memcpy(p, fwd_copy_payload(v, m->class), copy.size);
    w->size = p + copy.size - w->data;
    wire_normalise(w);
}

/* What becomes of 'in'; leaves the copies in '*copies'. */
static enum fwd_action
model(const struct bpf_rig *rig, const struct wire *in, struct copies *copies)
{
    static struct wire scratch;
    struct fwd_arrival a;
    struct fwd_verdict v;
    const struct fwd_member *m;
    struct fwd_copies next;

    scratch = *in;
    copies->n = 0;
    const uint8_t *end = scratch.data + scratch.size;
    uint32_t size = fwd_parse_outer(&rig->host, scratch.data + ETH_HLEN, end,
                                    &a);
    if (!size) {
        return FWD_PASS;
    }
    a.end = end = scratch.data + ETH_HLEN + size;
    fwd_decide(rig->table, &rig->host, &a, &v);
    switch (v.action) {
    case FWD_FLOOD:
        fwd_copies_init(&next, &v, &a.source);
        while ((m = fwd_copies_next(&next))) {
            model_copy(rig, &v, m, end, copies);
        }
        break;
    case FWD_ANSWER:
        arp_answer(CONST_CAST(uint8_t *, v.inner), v.mac);
        model_copy(rig, &v, &v.dest, end, copies);
        break;
    case FWD_RELAY:
        model_copy(rig, &v, &v.dest, end, copies);
        break;
    default:
        break;
    }
    return v.action;
}

/* Sends 'in' and checks that exactly the copies of the model come out. */
static void
check(struct bpf_rig *rig, const char *name, const struct wire *in,
      enum fwd_action expected)
{
    static struct copies copies;
    struct wire out;

    enum fwd_action action = model(rig, in, &copies);
    if (action != expected) {
        fail_msg("%s: the model says %s", name, fwd_action_name(action));
    }
    rig_send(rig, in);
    for (size_t n = copies.n; n; n--) {
        size_t i;

        if (!rig_receive(rig, 0, &out, WAIT_MS)) {
            rig_print(rig);
            fail_msg("%s: %zu of %zu copies are missing", name, n, copies.n);
        }
        wire_normalise(&out);
        for (i = 0; i < copies.n; i++) {
            if (copies.wires[i].size == out.size
                && !memcmp(copies.wires[i].data, out.data, out.size)) {
                break;
            }
        }
        if (i == copies.n) {
            fail_msg("%s: a frame of %zu octets to %s that none of the copies "
                     "is", name, out.size,
                     inet_ntoa(*(struct in_addr *) (out.data + 30)));
        }
        copies.wires[i].size = 0;   /* Once. */
    }
    if (rig_receive(rig, 0, &out, QUIET_MS)) {
        fail_msg("%s: a frame too many", name);
    }
}

static void
put_broadcast(struct frame *f, uint32_t vni, const uint8_t src[6], int vlan,
              size_t payload)
{
    static const uint8_t everybody[6] = EVERYBODY;

    put_ether(f, vni, everybody, src, vlan, FWD_ETH_P_IPV4);
    put_udp4(f, "192.0.2.10", "255.255.255.255", 0, 1000, 1000, payload);
}

static const uint8_t b1[6] = B1, b2[6] = B2, v1[6] = V1, gq[6] = GQ,
                     everybody[6] = EVERYBODY;

/* Frames from everybody, in all encapsulations. */
static void
check_floods(struct bpf_rig *rig, uint32_t vni, uint32_t label,
             uint8_t evpn_flags)
{
    const uint8_t *inner;
    struct frame f;
    struct wire w;

    put_broadcast(&f, vni, b1, -1, 100);
    inner = f.data + FWD_VXLAN_LEN;
    size_t size = f.size - FWD_VXLAN_LEN;

    wire_vxlan(&w, T1, &f);
    check(rig, "from a ToR", &w, FWD_FLOOD);
    wire_vxlan(&w, T2, &f);
    check(rig, "from another ToR", &w, FWD_FLOOD);
    wire_vxlan(&w, Q, &f);
    check(rig, "from EVPN", &w, FWD_FLOOD);
    wire_from(&w, Q2, FWD_MPLS_UDP, label + 300, evpn_flags, inner, size);
    check(rig, "from EVPN by MPLS over UDP", &w, FWD_FLOOD);
    wire_from(&w, Q2, FWD_MPLS_GRE, label + 300, evpn_flags, inner, size);
    check(rig, "from EVPN by MPLS over GRE", &w, FWD_FLOOD);
    wire_from(&w, C1, FWD_MPLS_UDP, label,
              FWD_COPY_CONTROL_WORD | FWD_COPY_SECOND, inner, size);
    check(rig, "from the tree by UDP", &w, FWD_FLOOD);
    wire_from(&w, C2, FWD_MPLS_GRE, label,
              FWD_COPY_CONTROL_WORD | FWD_COPY_SECOND, inner, size);
    check(rig, "from the tree by GRE", &w, FWD_FLOOD);

    put_broadcast(&f, vni, b1, 10, 1000);
    wire_vxlan(&w, T1, &f);
    check(rig, "tagged", &w, FWD_FLOOD);
    put_broadcast(&f, vni, b1, -1, 40);     /* Any shorter is the host's. */
    wire_vxlan(&w, T1, &f);
    memset(w.data + w.size, 0xee, 10);
    w.size += 10;
    check(rig, "with padding", &w, FWD_FLOOD);
}

static void
check_everything(struct bpf_rig *rig)
{
    struct frame f;
    struct wire w;

    rig_publish(rig, make_table());
    rig_wait_ready(rig);
    check_floods(rig, BLUE, TREE_LABEL, 0);
    check_floods(rig, GREEN, TREE_LABEL + 1, FWD_COPY_CONTROL_WORD);

    put_ether(&f, BLUE, everybody, b1, -1, FWD_ETH_P_ARP);
    put_arp(&f, ARP_OP_REQUEST, b1, "192.0.2.10", "192.0.2.21");
    wire_vxlan(&w, T1, &f);
    check(rig, "ARP request", &w, FWD_ANSWER);
    put_ether(&f, BLUE, everybody, b1, -1, FWD_ETH_P_ARP);
    put_arp(&f, ARP_OP_REQUEST, b1, "192.0.2.10", "192.0.2.77");
    wire_vxlan(&w, T1, &f);
    check(rig, "ARP request for somebody unknown", &w, FWD_FLOOD);

    put_ether(&f, BLUE, v1, b1, -1, FWD_ETH_P_ARP);
    put_arp(&f, ARP_OP_REPLY, b1, "192.0.2.10", "192.0.2.21");
    wire_vxlan(&w, T1, &f);
    check(rig, "ARP reply to a VM", &w, FWD_RELAY);
    put_ether(&f, BLUE, b2, b1, -1, 0x88b5);
    put(&f, "whatever", 8);
    wire_vxlan(&w, T1, &f);
    check(rig, "unicast between ToRs", &w, FWD_RELAY);

    put_ether(&f, BLUE, gq, b1, -1, FWD_ETH_P_IPV4);
    put_udp4(&f, "192.0.2.10", "192.0.2.1", 0, 1, 2, 10);
    wire_vxlan(&w, T1, &f);
    check(rig, "unknown unicast", &w, FWD_DROP);
    put_ether(&f, GREEN, gq, b1, -1, FWD_ETH_P_IPV4);
    put_udp4(&f, "192.0.2.10", "192.0.2.1", 0, 1, 2, 10);
    wire_vxlan(&w, T1, &f);
    check(rig, "unknown unicast, flooded", &w, FWD_FLOOD);
    put_broadcast(&f, BLUE, b1, -1, 10);
    wire_vxlan(&w, T3, &f);
    check(rig, "from a stranger", &w, FWD_DROP);

    const struct fwd_counters *c = fwd_bpf_totals(rig->bpf);
    assert_int_equal(c->answered, 1);
    assert_int_equal(c->relayed, 2);
    assert_int_equal(c->flooded, 20);
    assert_int_equal(c->unknown_unicast, 1);
    assert_int_equal(c->drops[FWD_DROP_NO_L2_ROUTE], 1);
    assert_int_equal(c->drops[FWD_DROP_INVALID_MCAST_SOURCE], 1);
    assert_int_equal(c->drops[FWD_DROP_COPY_FAILED], 0);
    assert_int_equal(c->frames, 25);
}

/* Row 27: copies that cannot leave, the first and one between, do not stop
 * those after them. */
static void
check_silent_members(struct bpf_rig *rig)
{
    /* By address, as they are copied. */
    const struct fwd_member members[] = {
        { ip("10.0.5.77"), BLUE, FWD_EVPN, FWD_VXLAN },
        { ip(Q), BLUE, FWD_EVPN, FWD_VXLAN },
        { ip("10.0.0.99"), BLUE, FWD_TOR, FWD_VXLAN },
        { ip("10.0.5.78"), BLUE, FWD_TOR, FWD_VXLAN },
        { ip(T1), BLUE, FWD_TOR, FWD_VXLAN },
        { ip(T2), BLUE, FWD_TOR, FWD_VXLAN },
    };
    const char *receivers[] = { Q, "10.0.0.99", T2 };
    uint64_t end = tsn_now_ms() + WAIT_MS;
    struct fwd_bpf_status status;
    bool seen[3] = { false };
    struct frame f;
    struct wire w;

    rig_publish(rig, rig_make_table(BLUE, members, ARRAY_SIZE(members)));
    do {
        rig_turn(rig);
        fwd_bpf_get_status(rig->bpf, &status);
    } while (status.n_unresolved > 2 && tsn_now_ms() < end);
    assert_int_equal(status.n_unresolved, 2);

    put_broadcast(&f, BLUE, b1, -1, 10);
    wire_vxlan(&w, T1, &f);
    rig_send(rig, &w);
    for (size_t i = 0; i < ARRAY_SIZE(receivers); i++) {
        assert_true(rig_receive(rig, 0, &w, WAIT_MS));
        for (size_t j = 0; j < ARRAY_SIZE(receivers); j++) {
            struct in_addr addr;

            assert_int_equal(inet_pton(AF_INET, receivers[j], &addr), 1);
            seen[j] |= !memcmp(&addr, w.data + ETH_HLEN + 16, sizeof addr);
        }
    }
    assert_true(seen[0] && seen[1] && seen[2]);
    assert_false(rig_receive(rig, 0, &w, QUIET_MS));
    const struct fwd_counters *c = fwd_bpf_totals(rig->bpf);
    assert_int_equal(c->copies, 3);
    assert_int_equal(c->drops[FWD_DROP_NO_NEIGHBOUR], 2);
    assert_int_equal(c->drops[FWD_DROP_COPY_FAILED], 0);
}

static void
fwd_bpf__silent_members_native__others_get_copies(void **state)
{
    if (!*state) {
        skip();
    }
    check_silent_members(*state);
}

static void
fwd_bpf__silent_members_generic__others_get_copies(void **state)
{
    if (!*state) {
        skip();
    }
    check_silent_members(*state);
}

static int
setup_native(void **state)
{
    return rig_setup(state, false, C2);
}

static int
setup_generic(void **state)
{
    return rig_setup(state, true, C2);
}

static void
assert_mode(struct bpf_rig *rig, const char *mode, const char *reason)
{
    struct fwd_bpf_status status;

    fwd_bpf_get_status(rig->bpf, &status);
    assert_string_equal(status.mode, mode);
    assert_string_equal(status.mode_reason, reason);
    assert_false(status.pinned);
}

static void
fwd_bpf__native__sends_what_the_pipeline_says(void **state)
{
    struct bpf_rig *rig = *state;

    if (!rig) {
        skip();
    }
    check_everything(rig);
    assert_mode(rig, "native", "u0: the driver can");
}

static void
fwd_bpf__generic__sends_what_the_pipeline_says(void **state)
{
    struct bpf_rig *rig = *state;

    if (!rig) {
        skip();
    }
    check_everything(rig);
    assert_mode(rig, "generic", "as configured");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            fwd_bpf__native__sends_what_the_pipeline_says, setup_native,
            rig_teardown),
        cmocka_unit_test_setup_teardown(
            fwd_bpf__generic__sends_what_the_pipeline_says, setup_generic,
            rig_teardown),
        cmocka_unit_test_setup_teardown(
            fwd_bpf__silent_members_native__others_get_copies, setup_native,
            rig_teardown),
        cmocka_unit_test_setup_teardown(
            fwd_bpf__silent_members_generic__others_get_copies,
            setup_generic, rig_teardown),
    };

    if (!getenv("TSN_TEST_VERBOSE")) {
        vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
