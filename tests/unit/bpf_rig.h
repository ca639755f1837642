/* SPDX-License-Identifier: Apache-2.0 */
/* The eBPF engine in a network namespace, an underlay in another one: whoever
 * has an address there can be spoken for by a packet socket, which also sees
 * what comes back. */
#ifndef TESTS_BPF_RIG_H
#define TESTS_BPF_RIG_H 1

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "fwd_fixture.h"
#include "netns_rig.h"
#include "openvswitch/vlog.h"
#include "replication/forwarder/encap.h"
#include "replication/forwarder/engine-bpf.h"
#include "replication/forwarder/table.h"
#include "tsn/error.h"
#include "tsn/loop.h"

#define WAIT_MS 10000           /* At most, for what must happen. */
#define QUIET_MS 50             /* For what must not. */

#define NODE "10.0.5.1"
#define NODE_MAC "02:00:00:00:01:01"
#define PEER_MAC "02:00:00:00:01:02"

/* A frame on the wire. */
struct wire {
    uint8_t data[4096];
    size_t size;
};

struct bpf_rig {
    struct tsn_loop *loop;
    struct fwd_bpf *bpf;
    struct fwd_host host;
    struct fwd_table *table;    /* The last one published. */
    int fds[2];                 /* Of the underlay's interfaces. */
    int n_fds;
};

/* Opens a packet socket on an interface of the other namespace. */
static inline int
peer_packet_socket(const char *interface)
{
    char path[64];
    int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    int size = 32 << 20, one = 1;

    snprintf(path, sizeof path, "/proc/%d/ns/net", (int) netns_peer);
    int there = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(home >= 0 && there >= 0);
    assert_int_equal(setns(there, CLONE_NEWNET), 0);
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    htons(ETH_P_ALL));
    struct sockaddr_ll addr = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = if_nametoindex(interface),
    };
    assert_true(fd >= 0 && addr.sll_ifindex);
    assert_int_equal(bind(fd, (struct sockaddr *) &addr, sizeof addr), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one);
    assert_int_equal(setns(home, CLONE_NEWNET), 0);
    close(home);
    close(there);
    return fd;
}

static inline void
rig_turn(struct bpf_rig *rig)
{
    struct pollfd fd = {
        .fd = uv_backend_fd(tsn_loop_uv(rig->loop)), .events = POLLIN,
    };

    uv_run(tsn_loop_uv(rig->loop), UV_RUN_NOWAIT);
    poll(&fd, 1, 1);
}

static inline void
rig_turn_for(struct bpf_rig *rig, int ms)
{
    uint64_t end = tsn_now_ms() + ms;

    while (tsn_now_ms() < end) {
        rig_turn(rig);
    }
}

/* Until all endpoints can be sent to. */
static inline void
rig_wait_ready(struct bpf_rig *rig)
{
    uint64_t end = tsn_now_ms() + WAIT_MS;
    struct fwd_bpf_status status;

    for (;;) {
        fwd_bpf_get_status(rig->bpf, &status);
        if (!status.n_unresolved) {
            return;
        }
        if (tsn_now_ms() >= end) {
            fail_msg("%zu endpoints do not resolve", status.n_unresolved);
        }
        rig_turn(rig);
    }
}

static inline void
rig_publish(struct bpf_rig *rig, struct fwd_table *table)
{
    fwd_bpf_publish(rig->bpf, table);
    fwd_table_destroy(rig->table);
    rig->table = table;
}

/* A table of one network, which has these members. */
static inline struct fwd_table *
rig_make_table(uint32_t vni, const struct fwd_member *members, size_t n)
{
    struct fwd_network_spec spec = {
        .net = { .vni = vni, .service_mac = SERVICE },
        .members = members, .n_members = n,
    };
    struct fwd_net_counters *counters = fwd_net_counters_create();
    struct fwd_network *network = fwd_network_create(&spec, counters);
    struct fwd_table *table = fwd_table_create(&network, 1);

    fwd_net_counters_unref(counters);
    fwd_network_unref(network);
    return table;
}

/* Why there can be no rig here; NULL if there can. */
static inline const char *
rig_enter(void)
{
    struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

    if (!netns_enter()) {
        return "no permission for network namespaces";
    }
    setrlimit(RLIMIT_MEMLOCK, &unlimited);
    return NULL;
}

/* The interface pair "u0", here, and "p0", with the addresses of all the
 * endpoints of the fixture.  The driver can do XDP as soon as "p0" does GRO.
 */
static inline void
rig_connect(bool native)
{
    static const char *const endpoints[] = { T1, T2, T3, Q, Q2, C1 };

    sh("ip link add name u0 mtu 3000 numrxqueues 2 numtxqueues 2 type veth "
       "peer name p0 mtu 3000 numrxqueues 2 numtxqueues 2 netns %d",
       (int) netns_peer);
    sh("ip link set dev u0 address " NODE_MAC " up");
    sh("ip addr add " NODE "/24 dev u0");
    sh("ip route add 10.0.0.0/8 via 10.0.5.254");
    peer_sh("ip link set dev p0 address " PEER_MAC " up");
    peer_sh("ip addr add 10.0.5.254/24 dev p0");
    for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
        peer_sh("ip addr add %s/32 dev p0", endpoints[i]);
    }
    if (native) {
        peer_sh("ethtool -K p0 gro on");
    }
}

/* No dispatcher even where there could be one. */
static bool rig_link;

/* Returns NULL after print_message() if the kernel does not take programs. */
static inline struct bpf_rig *
rig_create(bool generic, const char *pin_dir)
{
    struct bpf_rig *rig = xzalloc(sizeof *rig);
    struct fwd_bpf_config config = {
        .host = &rig->host, .generic = generic, .link = rig_link,
        .pin_dir = pin_dir,
    };
    struct tsn_err err;

    rig->host.ip4 = ip(NODE);
    rig->loop = tsn_loop_create("test");
    int error = fwd_bpf_create(tsn_loop_uv(rig->loop), &config, &rig->bpf,
                               &err);
    if (error == -EPERM || error == -ENOSYS
        || (generic && error == -EOPNOTSUPP)) {
        print_message("SKIP: %s\n", tsn_err_format(&err));
        tsn_loop_destroy(rig->loop);
        free(rig);
        return NULL;
    } else if (error) {
        fail_msg("%s", tsn_err_format(&err));
    }
    rig->fds[rig->n_fds++] = peer_packet_socket("p0");
    return rig;
}

static inline void
rig_destroy(struct bpf_rig *rig)
{
    if (rig) {
        fwd_bpf_destroy(rig->bpf);
        fwd_table_destroy(rig->table);
        for (int i = 0; i < rig->n_fds; i++) {
            close(rig->fds[i]);
        }
        tsn_loop_destroy(rig->loop);
        free(rig);
    }
}

/* Sets a test up, which skips without '*state'.  'more' is another address of
 * the peer's, or NULL. */
static inline int
rig_setup(void **state, bool generic, const char *more)
{
    const char *reason = rig_enter();

    *state = NULL;
    if (reason) {
        print_message("SKIP: %s\n", reason);
        return 0;
    }
    rig_connect(!generic);
    if (more) {
        peer_sh("ip addr add %s/32 dev p0", more);
    }
    *state = rig_create(generic, NULL);
    return 0;
}

static inline int
rig_teardown(void **state)
{
    rig_destroy(*state);
    netns_leave();
    return 0;
}

static inline void
parse_mac(const char *s, uint8_t mac[6])
{
    assert_int_equal(sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0],
                            &mac[1], &mac[2], &mac[3], &mac[4], &mac[5]), 6);
}

/* Puts outer headers as 'from' would before the payload of 'size' bytes that
 * 'f->data' starts with. */
static inline void
wire_from(struct wire *w, const char *from, enum fwd_encap encap,
          uint32_t label, uint8_t flags, const void *payload, size_t size)
{
    struct fwd_copy copy = {
        .src = ip(from), .dst = ip(NODE), .label = label, .size = size,
        .encap = encap, .port = 50000, .ttl = 60, .flags = flags,
    };
    const uint8_t *end = w->data + sizeof w->data;

    parse_mac(NODE_MAC, w->data);
    parse_mac(PEER_MAC, w->data + 6);
    fwd_put16(w->data + 12, ETH_P_IP);
    uint8_t *p = fwd_put_ip(w->data + ETH_HLEN, end, &copy);
    p = fwd_put_tunnel(fwd_put_transport(p, end, &copy), end, &copy);
    assert_true(p + size <= end);
    memcpy(p, payload, size);
    w->size = p + size - w->data;
}

/* The same for an inner frame with a VXLAN header, as the fixture makes them.
 */
static inline void
wire_vxlan(struct wire *w, const char *from, const struct frame *f)
{
    wire_from(w, from, FWD_VXLAN, fwd_get24(f->data + 4), 0,
              f->data + FWD_VXLAN_LEN, f->size - FWD_VXLAN_LEN);
}

static inline void
rig_send(struct bpf_rig *rig, const struct wire *w)
{
    assert_int_equal(send(rig->fds[0], w->data, w->size, 0), w->size);
}

/* Receives the next frame of the node's tunnel endpoint from interface 'i'.
 * Returns false if there is none for so long. */
static inline bool
rig_receive(struct bpf_rig *rig, int i, struct wire *w, int ms)
{
    __be32 node = inet_addr(NODE);

    for (;;) {
        struct pollfd fd = { .fd = rig->fds[i], .events = POLLIN };

        if (poll(&fd, 1, ms) <= 0) {
            return false;
        }
        ssize_t n = recv(rig->fds[i], w->data, sizeof w->data, 0);
        if (n >= ETH_HLEN + FWD_IPV4_LEN
            && fwd_get16(w->data + 12) == ETH_P_IP
            && !memcmp(w->data + ETH_HLEN + 12, &node, 4)
            && (w->data[ETH_HLEN + 9] == FWD_IP_PROTO_UDP
                || w->data[ETH_HLEN + 9] == FWD_IP_PROTO_GRE)) {
            w->size = n;
            return true;
        }
    }
}

/* For who looks at a failed test. */
static inline void
rig_print(struct bpf_rig *rig)
{
    const struct fwd_counters *c = fwd_bpf_totals(rig->bpf);

    print_message("frames=%llu flooded=%llu copies=%llu",
                  (unsigned long long) c->frames,
                  (unsigned long long) c->flooded,
                  (unsigned long long) c->copies);
    for (int i = 1; i < FWD_N_DROPS; i++) {
        if (c->drops[i]) {
            print_message(" %s=%llu", fwd_drop_name(i),
                          (unsigned long long) c->drops[i]);
        }
    }
    print_message("\n");
}

/* Takes away what differs from frame to frame: the IP identification. */
static inline void
wire_normalise(struct wire *w)
{
    uint8_t *h = w->data + ETH_HLEN;

    assert_int_equal(fwd_ipv4_checksum(h), 0);
    fwd_put16(h + 4, 0);
    fwd_put16(h + 10, 0);
    fwd_put16(h + 10, fwd_ipv4_checksum(h));
}

#endif /* tests/unit/bpf_rig.h */
