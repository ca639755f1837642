/* SPDX-License-Identifier: Apache-2.0 */
/* An underlay whose tunnel endpoints are UDP sockets in another network
 * namespace. */
#ifndef TESTS_UDP_PEERS_H
#define TESTS_UDP_PEERS_H 1

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

#include "fwd_fixture.h"
#include "netns_rig.h"

#define NODE "10.0.5.1"

enum peer { P_T1, P_T2, P_Q, N_PEERS };
static const char *const peer_ips[N_PEERS] = { T1, T2, Q };

static inline struct sockaddr_in
sin_of(const char *s)
{
    struct sockaddr_in sin = { .sin_family = AF_INET };

    sin.sin_port = htons(FWD_VXLAN_PORT);
    assert_int_equal(inet_pton(AF_INET, s, &sin.sin_addr), 1);
    return sin;
}

/* The interface pair "u0", here with the address NODE, and "p0" with those of
 * the peers. */
static inline void
connect_peers(unsigned int mtu)
{
    sh("ip link add name u0 mtu %u numrxqueues 2 numtxqueues 2 type veth "
       "peer name p0 mtu %u numrxqueues 2 numtxqueues 2 netns %d", mtu, mtu,
       (int) netns_peer);
    sh("ip link set u0 up && ip addr add " NODE "/24 dev u0");
    sh("ip route add 10.0.0.0/8 via 10.0.5.254");
    peer_sh("ip link set p0 up");
    peer_sh("ip addr add 10.0.5.254/24 dev p0");
    for (int i = 0; i < N_PEERS; i++) {
        peer_sh("ip addr add %s/32 dev p0", peer_ips[i]);
    }
    /* The driver can do XDP now. */
    peer_sh("ethtool -K p0 gro on");
}

/* Opens the sockets of the peers. */
static inline void
open_peers(int peers[N_PEERS])
{
    int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    int size = 16 << 20;
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/ns/net", (int) netns_peer);
    int there = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(home >= 0 && there >= 0);
    assert_int_equal(setns(there, CLONE_NEWNET), 0);
    for (int i = 0; i < N_PEERS; i++) {
        struct sockaddr_in sin = sin_of(peer_ips[i]);

        peers[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_true(peers[i] >= 0);
        assert_int_equal(bind(peers[i], (struct sockaddr *) &sin, sizeof sin),
                         0);
        setsockopt(peers[i], SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    }
    assert_int_equal(setns(home, CLONE_NEWNET), 0);
    close(home);
    close(there);
}

static inline void
close_peers(const int peers[N_PEERS])
{
    for (int i = 0; i < N_PEERS; i++) {
        close(peers[i]);
    }
}

#endif /* tests/unit/udp_peers.h */
