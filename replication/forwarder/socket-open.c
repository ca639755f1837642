/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "replication/forwarder/socket-open.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "random.h"
#include "replication/forwarder/socket-lanes.h"
#include "tsn/model.h"
#include "util.h"

/* Frames may wait here while the thread is busy sending copies; those of the
 * other lanes do not wait long. */
#define RX_BUFFER_SIZE (16 << 20)
#define RX_LANE_BUFFER_SIZE (4 << 20)
/* Copies to an endpoint that does not resolve wait in the kernel, which keeps
 * some 200 KiB for each; they must not use up the room of the others. */
#define TX_BUFFER_SIZE (4 << 20)

struct fwd_sockaddr
fwd_sockaddr_from(const struct in6_addr *ip, uint16_t port)
{
    struct fwd_sockaddr a;

    memset(&a, 0, sizeof a);
    if (tsn_ip_is_v4(ip)) {
        a.in.sin_family = AF_INET;
        a.in.sin_addr.s_addr = ip->s6_addr32[3];
        a.in.sin_port = htons(port);
        a.len = sizeof a.in;
    } else {
        a.in6.sin6_family = AF_INET6;
        a.in6.sin6_addr = *ip;
        a.in6.sin6_port = htons(port);
        a.len = sizeof a.in6;
    }
    return a;
}

void
fwd_sockets_init(struct fwd_sockets *s)
{
    memset(s, -1, sizeof *s);
    s->lanes_error = 0;
}

static void
close_socket(int *fdp)
{
    if (*fdp >= 0) {
        close(*fdp);
        *fdp = -1;
    }
}

static void
close_lane(struct fwd_sockets *s, enum fwd_lane lane)
{
    for (int i = 0; i < FWD_N_RX; i++) {
        close_socket(&s->rx[lane][i]);
    }
}

void
fwd_sockets_close(struct fwd_sockets *s)
{
    for (int i = 0; i < FWD_N_LANES; i++) {
        close_lane(s, i);
    }
    for (int i = 0; i < FWD_N_UDP_TX; i++) {
        close_socket(&s->tx[i]);
    }
}

/* The larger one needs CAP_NET_ADMIN; the kernel caps the other. */
static void
set_buffer(int fd, int force_option, int option, int size)
{
    if (setsockopt(fd, SOL_SOCKET, force_option, &size, sizeof size)) {
        ignore(setsockopt(fd, SOL_SOCKET, option, &size, sizeof size));
    }
}

struct option {
    int level, name, value;
};

static int
set_options(int fd, const struct option *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (setsockopt(fd, options[i].level, options[i].name,
                       &options[i].value, sizeof options[i].value)) {
            return -errno;
        }
    }
    return 0;
}

static const struct option reuse_port = { SOL_SOCKET, SO_REUSEPORT, 1 };

/* With 'shared' the port may be that of another one that is shared. */
static int
open_socket(const struct fwd_sockaddr *address, int type, int proto,
            bool shared, int *fdp)
{
    int fd = socket(address->sa.sa_family,
                    type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);

    if (fd < 0) {
        return -errno;
    }
    int error = set_options(fd, &reuse_port, shared);
    if (!error && bind(fd, &address->sa, address->len)) {
        error = -errno;
    }
    if (error) {
        close(fd);
        return error;
    }
    *fdp = fd;
    return 0;
}

/* Outer headers (B.1.3): TTL 64, no DF, so that what may be fragmented is.
 * IPv4's UDP checksum is 0; IPv6's is there, as receivers may insist on it
 * (RFC 6935, 5), and the kernel computes it. */
static int
set_outer_headers(int fd, int family, bool udp, uint8_t tos)
{
    const struct option v4[] = {
        { IPPROTO_IP, IP_TTL, FWD_TTL },
        { IPPROTO_IP, IP_TOS, tos },
        { IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT },
        { SOL_SOCKET, SO_NO_CHECK, 1 },
    };
    const struct option v6[] = {
        { IPPROTO_IPV6, IPV6_UNICAST_HOPS, FWD_TTL },
        { IPPROTO_IPV6, IPV6_TCLASS, tos },
        { IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT },
    };

    return family == AF_INET
           ? set_options(fd, v4, ARRAY_SIZE(v4) - !udp)
           : set_options(fd, v6, ARRAY_SIZE(v6));
}

/* Opens a socket to send from, on a free port of part 'i' of the range. */
static int
open_tx_socket(struct fwd_sockets *s, const struct in6_addr *ip, int i,
               uint8_t tos)
{
    int first = FWD_PORT_MIN + i * FWD_PORTS_PER_SOCKET;
    int start = random_range(FWD_PORTS_PER_SOCKET);
    int error = -EADDRINUSE;

    for (int k = 0; error == -EADDRINUSE && k < FWD_PORTS_PER_SOCKET; k++) {
        const struct fwd_sockaddr address = fwd_sockaddr_from(
            ip, first + (start + k) % FWD_PORTS_PER_SOCKET);

        error = open_socket(&address, SOCK_DGRAM, 0, false, &s->tx[i]);
        if (!error) {
            set_buffer(s->tx[i], SO_SNDBUFFORCE, SO_SNDBUF, TX_BUFFER_SIZE);
            error = set_outer_headers(s->tx[i], address.sa.sa_family, true,
                                      tos);
        }
    }
    return error;
}

static void
set_rx_buffer(int fd, enum fwd_lane lane)
{
    set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF,
               lane == FWD_LANE_FLOOD ? RX_BUFFER_SIZE : RX_LANE_BUFFER_SIZE);
}

static int
open_rx_socket(struct fwd_sockets *s, const struct fwd_sockaddr *address,
               enum fwd_rx rx, enum fwd_lane lane)
{
    int *fdp = &s->rx[lane][rx];
    int error = open_socket(address, SOCK_DGRAM, 0, lane != FWD_LANE_FLOOD,
                            fdp);

    if (!error) {
        set_rx_buffer(*fdp, lane);
        if (address->sa.sa_family == AF_INET6) {
            /* Of tunnels, checksums may be 0 (RFC 6935, 5). */
            const struct option zero = { IPPROTO_UDP, UDP_NO_CHECK6_RX, 1 };

            error = set_options(*fdp, &zero, 1);
        }
    }
    return error;
}

/* The other lanes of a port, whose first socket is open.  That one is shared
 * only now, so a port that somebody else has is none that we get. */
static int
open_rx_lanes(struct fwd_sockets *s, const struct fwd_sockaddr *address,
              enum fwd_rx rx)
{
    int first = s->rx[FWD_LANE_FLOOD][rx];
    int error = set_options(first, &reuse_port, 1);

    for (int lane = FWD_LANE_FLOOD + 1; !error && lane < FWD_N_LANES; lane++) {
        error = open_rx_socket(s, address, rx, lane);
    }
    return error ? error : fwd_lanes_select(first, rx);
}

static int
open_gre_socket(struct fwd_sockets *s, const struct fwd_sockaddr *address,
                uint8_t tos)
{
    int *fdp = &s->rx[FWD_LANE_FLOOD][FWD_RX_GRE];
    int error = open_socket(address, SOCK_RAW, IPPROTO_GRE, false, fdp);

    if (error == -EPERM || error == -EACCES) {
        return 0;
    }
    if (!error) {
        set_rx_buffer(*fdp, FWD_LANE_FLOOD);
        set_buffer(*fdp, SO_SNDBUFFORCE, SO_SNDBUF, TX_BUFFER_SIZE);
        error = set_outer_headers(*fdp, address->sa.sa_family, false, tos);
    }
    return error;
}

/* Each raw socket gets each packet, but for its filter.  What a socket got
 * before it had one is in another lane, too. */
static int
open_gre_lane(struct fwd_sockets *s, const struct fwd_sockaddr *address,
              enum fwd_family family, enum fwd_lane lane)
{
    int *fdp = &s->rx[lane][FWD_RX_GRE];
    int error = open_socket(address, SOCK_RAW, IPPROTO_GRE, false, fdp);
    char c;

    if (!error) {
        set_rx_buffer(*fdp, lane);
        error = fwd_lanes_filter(*fdp, family, lane);
    }
    while (!error && recv(*fdp, &c, sizeof c, 0) >= 0) {
        continue;
    }
    return error;
}

static int
open_gre_lanes(struct fwd_sockets *s, const struct fwd_sockaddr *address)
{
    enum fwd_family family = address->sa.sa_family == AF_INET ? FWD_V4
                                                              : FWD_V6;
    int first = s->rx[FWD_LANE_FLOOD][FWD_RX_GRE];
    int error = first < 0 ? 0
                : fwd_lanes_filter(first, family, FWD_LANE_FLOOD);

    for (int lane = FWD_LANE_FLOOD + 1;
         !error && first >= 0 && lane < FWD_N_LANES; lane++) {
        error = open_gre_lane(s, address, family, lane);
    }
    return error;
}

static const uint16_t rx_ports[] = {
    [FWD_RX_VXLAN] = FWD_VXLAN_PORT,
    [FWD_RX_MPLS] = FWD_MPLS_PORT,
    [FWD_RX_MPLS_OLD] = FWD_MPLS_OLD_PORT,
};

/* Those of the first lane, and to send from. */
static int
open_first(struct fwd_sockets *s, const struct in6_addr *ip, uint8_t tos,
           uint16_t *port)
{
    struct fwd_sockaddr address;

    for (size_t i = 0; i < ARRAY_SIZE(rx_ports); i++) {
        *port = rx_ports[i];
        address = fwd_sockaddr_from(ip, *port);
        int error = open_rx_socket(s, &address, i, FWD_LANE_FLOOD);
        if (error) {
            return error;
        }
    }
    *port = 0;
    for (int i = 0; i < FWD_N_UDP_TX; i++) {
        int error = open_tx_socket(s, ip, i, tos);
        if (error) {
            return error;
        }
    }
    address = fwd_sockaddr_from(ip, 0);
    return open_gre_socket(s, &address, tos);
}

static void
open_lanes(struct fwd_sockets *s, const struct in6_addr *ip)
{
    struct fwd_sockaddr address;
    int error = 0;

    for (size_t i = 0; !error && i < ARRAY_SIZE(rx_ports); i++) {
        address = fwd_sockaddr_from(ip, rx_ports[i]);
        error = open_rx_lanes(s, &address, i);
    }
    if (!error) {
        address = fwd_sockaddr_from(ip, 0);
        error = open_gre_lanes(s, &address);
    }
    if (error) {
        fwd_lanes_unfilter(s->rx[FWD_LANE_FLOOD][FWD_RX_GRE]);
        for (int lane = FWD_LANE_FLOOD + 1; lane < FWD_N_LANES; lane++) {
            close_lane(s, lane);
        }
    }
    s->lanes_error = error;
}

int
fwd_sockets_open(struct fwd_sockets *s, const struct in6_addr *ip, uint8_t tos,
                 uint16_t *port)
{
    int error = open_first(s, ip, tos, port);

    if (error) {
        fwd_sockets_close(s);
    } else {
        open_lanes(s, ip);
    }
    return error;
}

static bool
has_address(const struct ifaddrs *i, const struct in6_addr *ip)
{
    if (!i->ifa_addr) {
        return false;
    }
    if (i->ifa_addr->sa_family == AF_INET) {
        const struct sockaddr_in *sin = (const void *) i->ifa_addr;

        return tsn_ip_is_v4(ip) && sin->sin_addr.s_addr == ip->s6_addr32[3];
    }
    if (i->ifa_addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *sin6 = (const void *) i->ifa_addr;

        return !memcmp(&sin6->sin6_addr, ip, sizeof *ip);
    }
    return false;
}

static unsigned int
interface_mtu(const char *name)
{
    struct ifreq ifr;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    unsigned int mtu = 0;

    memset(&ifr, 0, sizeof ifr);
    ovs_strlcpy(ifr.ifr_name, name, sizeof ifr.ifr_name);
    if (fd >= 0) {
        if (!ioctl(fd, SIOCGIFMTU, &ifr)) {
            mtu = ifr.ifr_mtu;
        }
        close(fd);
    }
    return mtu;
}

unsigned int
fwd_underlay_mtu(const struct in6_addr *ip)
{
    struct ifaddrs *list;
    unsigned int mtu = 0;

    if (getifaddrs(&list)) {
        return 0;
    }
    for (const struct ifaddrs *i = list; i && !mtu; i = i->ifa_next) {
        if (has_address(i, ip) && !(i->ifa_flags & IFF_LOOPBACK)) {
            mtu = interface_mtu(i->ifa_name);
        }
    }
    freeifaddrs(list);
    return mtu;
}
