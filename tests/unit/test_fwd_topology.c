/* SPDX-License-Identifier: Apache-2.0 */
/* Several nodes at once, each with the pipeline and tables of its own, and the
 * packets between them: three service nodes and two compute nodes in a tree,
 * switches behind them, EVPN peers beside.  Whatever changes, each endpoint
 * but the sender gets every broadcast once. */
#include <config.h>
#include "replication/forwarder/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "fwd_fixture.h"
#include "replication/forwarder/encap.h"

#define N_NODES 5
#define N_TORS 6                /* The last two are what compute nodes host. */
#define N_PEERS 2
#define N_STEPS 400
#define VNI 100
/* More packets than a flood without loops has on its way. */
#define QUEUE_SIZE 256

struct packet {
    struct frame f;
    int node;                   /* Where it goes. */
};

struct world {
    uint64_t random;
    struct fwd_table *tables[N_NODES];
    int home[N_TORS];           /* The node that serves it, or -1. */
    int parent[N_NODES];        /* In the tree; -1: the root. */
    uint32_t label[N_NODES], old_label[N_NODES];
    enum fwd_encap tree_encap[N_NODES], peer_encap[N_PEERS];

    struct packet queue[QUEUE_SIZE];
    unsigned int head, tail;
    uint8_t inner[64];          /* The frame that is flooded. */
    int tors[N_TORS], peers[N_PEERS];   /* How often they got it. */
};

static unsigned int
random_below(struct world *w, unsigned int n)
{
    w->random = w->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (w->random >> 33) % n;
}

static struct fwd_ip
address(int third, int i)
{
    return fwd_ip_from_v4(htonl(10 << 24 | third << 8 | (i + 1)));
}

static struct fwd_ip node_ip(int i) { return address(0, i); }
static struct fwd_ip tor_ip(int i) { return address(1, i); }
static struct fwd_ip peer_ip(int i) { return address(2, i); }

static void
rebuild(struct world *w, int node)
{
    struct fwd_member members[N_TORS + N_PEERS + N_NODES];
    const struct fwd_in_label labels[] = {
        { w->label[node], FWD_LABEL_TREE }, { 600 + node, FWD_LABEL_EVPN },
        { w->old_label[node], FWD_LABEL_TREE },
    };
    struct fwd_network_spec spec = {
        .net = { .vni = VNI, .seed = node, .service_mac = SERVICE },
        .members = members,
        .labels = labels, .n_labels = w->old_label[node] ? 3 : 2,
    };
    size_t n = 0;

    for (int i = 0; i < N_TORS; i++) {
        if (w->home[i] == node) {
            members[n++] = (struct fwd_member) {
                tor_ip(i), VNI, FWD_TOR, FWD_VXLAN,
            };
        }
    }
    for (int i = 0; i < N_PEERS; i++) {
        members[n++] = (struct fwd_member) {
            peer_ip(i), 70 + i, FWD_EVPN, w->peer_encap[i],
        };
    }
    for (int i = 0; i < N_NODES; i++) {
        if (w->parent[i] == node || w->parent[node] == i) {
            members[n++] = (struct fwd_member) {
                node_ip(i), w->label[i], FWD_TREE, w->tree_encap[i],
            };
        }
    }
    spec.n_members = n;

    struct fwd_net_counters *counters = fwd_net_counters_create();
    struct fwd_network *network = fwd_network_create(&spec, counters);
    fwd_table_destroy(w->tables[node]);
    w->tables[node] = fwd_table_create(&network, 1);
    fwd_network_unref(network);
    fwd_net_counters_unref(counters);
}

static void
rebuild_all(struct world *w)
{
    for (int i = 0; i < N_NODES; i++) {
        rebuild(w, i);
    }
}

/* Another tree, with other labels; the old ones still lead here. */
static void
plant(struct world *w)
{
    int order[N_NODES] = { 0 };

    for (int i = 0; i < N_NODES; i++) {
        int j = random_below(w, i + 1);

        order[i] = order[j];
        order[j] = i;
    }
    for (int i = 0; i < N_NODES; i++) {
        int node = order[i];

        w->parent[node] = i ? order[random_below(w, i)] : -1;
        w->old_label[node] = w->label[node];
        w->label[node] = 4000 + 500 * node + random_below(w, 500);
        w->tree_encap[node] = random_below(w, 2) ? FWD_MPLS_UDP
                                                 : FWD_MPLS_GRE;
        if (w->old_label[node] == w->label[node]) {
            w->old_label[node] = 0;
        }
    }
}

static void
receive(int *counts, int n, int i, const struct world *w,
        const struct frame *f)
{
    assert_in_range(i, 0, n - 1);
    counts[i]++;
    assert_memory_equal(f->data + f->size - sizeof w->inner, w->inner,
                        sizeof w->inner);
}

/* Delivers a packet to whom its outer header names. */
static void
deliver(struct world *w, const struct frame *f)
{
    int third = f->data[18], i = f->data[19] - 1;

    if (third == 1) {
        receive(w->tors, N_TORS, i, w, f);
    } else if (third == 2) {
        receive(w->peers, N_PEERS, i, w, f);
    } else {
        assert_in_range(i, 0, N_NODES - 1);
        assert_true(w->tail - w->head < QUEUE_SIZE);
        w->queue[w->tail++ % QUEUE_SIZE] = (struct packet) { *f, i };
    }
}

static void
put_copy(struct world *w, const struct fwd_copy *copy, const uint8_t *payload)
{
    struct frame f;
    const uint8_t *end = f.data + sizeof f.data;
    uint8_t *p = fwd_put_ip(f.data, end, copy);

    p = fwd_put_transport(p, end, copy);
    p = fwd_put_tunnel(p, end, copy);
    f.size = p - f.data;
    put(&f, payload, copy->size);
    deliver(w, &f);
}

/* What a node does with a packet. */
static void
forward(struct world *w, const struct packet *packet)
{
    const struct fwd_host host = { .ip4 = node_ip(packet->node) };
    const uint8_t *end = packet->f.data + packet->f.size;
    const struct fwd_member *m;
    struct fwd_copies copies;
    struct fwd_arrival a;
    struct fwd_verdict v;

    assert_int_equal(fwd_parse_outer(&host, packet->f.data, end, &a),
                     packet->f.size);
    fwd_decide(w->tables[packet->node], &host, &a, &v);
    assert_int_equal(v.action, FWD_FLOOD);
    fwd_copies_init(&copies, &v, &a.source);
    while ((m = fwd_copies_next(&copies))) {
        struct fwd_copy copy;

        assert_int_equal(fwd_copy_init(&copy, &host, &v, m, end - v.inner),
                         FWD_OK);
        put_copy(w, &copy, fwd_copy_payload(&v, m->class));
    }
}

static bool
forward_next(struct world *w)
{
    if (w->head == w->tail) {
        return false;
    }
    struct packet packet = w->queue[w->head++ % QUEUE_SIZE];
    forward(w, &packet);
    return true;
}

/* A new frame, which nobody has yet. */
static void
new_frame(struct world *w)
{
    memset(w->inner, 0xff, 6);
    for (size_t i = 6; i < sizeof w->inner; i++) {
        w->inner[i] = random_below(w, 256);
    }
    w->inner[6] = 2;
    w->inner[12] = 0x88;
    w->inner[13] = 0xb5;
    memset(w->tors, 0, sizeof w->tors);
    memset(w->peers, 0, sizeof w->peers);
}

static void
send_to(struct world *w, struct fwd_ip from, int node, enum fwd_encap encap,
        uint32_t label)
{
    const struct fwd_copy copy = {
        .src = from, .dst = node_ip(node), .label = label, .encap = encap,
        .port = 50000, .ttl = 64, .size = sizeof w->inner,
    };

    put_copy(w, &copy, w->inner);
}

static void
send_from_tor(struct world *w, int tor)
{
    new_frame(w);
    send_to(w, tor_ip(tor), w->home[tor], FWD_VXLAN, VNI);
}

/* A peer sends to all nodes by itself. */
static void
send_from_peer(struct world *w, int peer)
{
    new_frame(w);
    for (int i = 0; i < N_NODES; i++) {
        enum fwd_encap encap = random_below(w, FWD_N_ENCAPS);

        send_to(w, peer_ip(peer), i, encap,
                encap == FWD_VXLAN ? VNI : (uint32_t) 600 + i);
    }
}

/* Each served switch but 'tor' has it once, and so has each peer, unless a
 * peer sent it. */
static void
expect_once(const struct world *w, int tor, bool from_peer)
{
    for (int i = 0; i < N_TORS; i++) {
        assert_int_equal(w->tors[i], w->home[i] >= 0 && i != tor);
    }
    for (int i = 0; i < N_PEERS; i++) {
        assert_int_equal(w->peers[i], !from_peer);
    }
}

/* Each to all, one after the other. */
static void
flood_from_all(struct world *w)
{
    for (int i = 0; i < N_TORS; i++) {
        if (w->home[i] >= 0) {
            send_from_tor(w, i);
            while (forward_next(w)) {
                continue;
            }
            expect_once(w, i, false);
        }
    }
    for (int i = 0; i < N_PEERS; i++) {
        send_from_peer(w, i);
        while (forward_next(w)) {
            continue;
        }
        expect_once(w, -1, true);
    }
}

static void
change_something(struct world *w)
{
    switch (random_below(w, 3)) {
    case 0:
        /* Also to nowhere. */
        w->home[random_below(w, N_TORS - 2)] = (int) random_below(w, 4) - 1;
        break;
    case 1:
        plant(w);
        break;
    case 2:
        w->peer_encap[random_below(w, N_PEERS)]
            = random_below(w, FWD_N_ENCAPS);
        break;
    }
}

static void
topology__anything_changes__each_gets_one(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < N_STEPS; i++) {
        flood_from_all(w);
        change_something(w);
        rebuild_all(w);
    }
}

/* A switch comes and goes while a frame is on its way: the others get it once,
 * and the switch at most once for each time that it came. */
static void
topology__member_changes_under_way__others_get_one(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < N_STEPS; i++) {
        int sender = random_below(w, N_TORS);
        int other = (sender + 1 + random_below(w, N_TORS - 1)) % N_TORS;
        int home = w->home[other];

        send_from_tor(w, sender);
        for (bool there = true; forward_next(w); there = !there) {
            w->home[other] = there ? -1 : home;
            rebuild(w, home);
        }
        w->home[other] = home;
        rebuild(w, home);
        assert_in_range(w->tors[other], 0, 1);
        w->tors[other] = 1;
        expect_once(w, sender, false);
    }
}

/* Frames that were sent to a label of the tree before still arrive. */
static void
topology__labels_change_under_way__each_gets_one(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < N_STEPS; i++) {
        int sender = random_below(w, N_TORS);

        send_from_tor(w, sender);
        forward_next(w);
        /* The tree stays, only its labels move. */
        for (int node = 0; node < N_NODES; node++) {
            w->old_label[node] = w->label[node];
            w->label[node] = 4000 + 500 * node
                             + (w->label[node] + 1) % 500;
        }
        rebuild_all(w);
        while (forward_next(w)) {
            continue;
        }
        expect_once(w, sender, false);
    }
}

static int
setup(void **state)
{
    struct world *w = xzalloc(sizeof *w);

    w->random = 4789;
    for (int i = 0; i < N_TORS; i++) {
        w->home[i] = i < 2 ? 0 : i - 1;
    }
    w->peer_encap[0] = FWD_VXLAN;
    w->peer_encap[1] = FWD_MPLS_UDP;
    plant(w);
    rebuild_all(w);
    *state = w;
    return 0;
}

static int
teardown(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < N_NODES; i++) {
        fwd_table_destroy(w->tables[i]);
    }
    free(w);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
        TEST(topology__anything_changes__each_gets_one),
        TEST(topology__member_changes_under_way__others_get_one),
        TEST(topology__labels_change_under_way__each_gets_one),
    };

    return cmocka_run_group_tests_name("fwd_topology", tests, NULL, NULL);
}
