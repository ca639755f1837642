/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the XMPP library for scripts/bench.
 *
 * usage: xmpp-bench decode ROUTES
 *        xmpp-bench memory ROUTES CONTROL-NODES
 *        xmpp-bench encode ROUTES
 *        xmpp-bench idle IDENTITIES SECONDS */
#include <config.h>
#include "tests/bench/xmpp-bench.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "openvswitch/vlog.h"
#include "packets.h"
#include "util.h"
#include "xmpp/route.h"

/* Tunnel endpoints that the routes point to. */
#define N_TUNNELS 250u

void
bench_die(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    putc('\n', stderr);
    exit(1);
}

static double
seconds_of(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return ts.tv_sec + ts.tv_nsec / 1e9;
}

double
bench_cpu_s(void)
{
    return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

double
bench_wall_s(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

uint64_t
bench_resident(void)
{
    unsigned long long n_pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    if (f) {
        if (fscanf(f, "%*u %llu", &n_pages) != 1) {
            n_pages = 0;
        }
        fclose(f);
    }
    return n_pages * sysconf(_SC_PAGESIZE);
}

int
bench_listen(struct sockaddr_storage *ss)
{
    struct sockaddr_in *sin = (struct sockaddr_in *) ss;
    socklen_t len = sizeof *ss;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(ss, 0, sizeof *ss);
    sin->sin_family = AF_INET;
    sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *) ss, sizeof *sin)
        || listen(fd, 1) || getsockname(fd, (struct sockaddr *) ss, &len)) {
        bench_die("cannot listen: %s", ovs_strerror(errno));
    }
    return fd;
}

pid_t
bench_fork(void)
{
    pid_t pid = fork();

    if (pid < 0) {
        bench_die("cannot fork: %s", ovs_strerror(errno));
    } else if (!pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    return pid;
}

const char *
bench_network(unsigned int n, char buf[NETWORK_STRLEN])
{
    snprintf(buf, NETWORK_STRLEN, "default-domain:admin:network-%u", n);
    return buf;
}

const char *
bench_instance(unsigned int n, char buf[NETWORK_STRLEN])
{
    snprintf(buf, NETWORK_STRLEN, "default-domain:admin:network-%u:network-%u",
             n, n);
    return buf;
}

void
bench_route(unsigned int n, unsigned int i, const char *vn,
            struct xmpp_evpn *route)
{
    uint32_t vni = 5000 + n;
    struct in6_addr tunnel;

    xmpp_evpn_init(route);
    route->tag = vni;
    route->mac = (struct eth_addr) { .ea = {
        0x02, n >> 8, n, i >> 16, i >> 8, i } };
    in6_addr_set_mapped_ipv4(&route->ip, htonl(0x0a000000 + i));
    in6_addr_set_mapped_ipv4(&tunnel, htonl(0xac100001 + i % N_TUNNELS));
    xmpp_evpn_add_next_hop(route, &tunnel, vni, TSN_ENCAP_VXLAN);
    route->virtual_network = vn ? xstrdup(vn) : NULL;
    route->local_pref = 100;
    route->med = vn ? 200 : 0;
    route->sequence = 1;
}

static unsigned int
number(const char *s)
{
    unsigned int n;

    if (!str_to_uint(s, 10, &n) || !n) {
        bench_die("'%s' is no number", s);
    }
    return n;
}

int
main(int argc, char *argv[])
{
    const char *what = argc > 2 ? argv[1] : "";

    /* What goes wrong here shows in the result. */
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_ERR);
    if (!strcmp(what, "decode") && argc == 3) {
        return bench_decode(number(argv[2]));
    } else if (!strcmp(what, "memory") && argc == 4) {
        return bench_memory(number(argv[2]), number(argv[3]));
    } else if (!strcmp(what, "encode") && argc == 3) {
        return bench_encode(number(argv[2]));
    } else if (!strcmp(what, "idle") && argc == 4) {
        return bench_idle(number(argv[2]), number(argv[3]));
    }
    bench_die("usage: xmpp-bench decode ROUTES | memory ROUTES CONTROL-NODES "
              "| encode ROUTES | idle IDENTITIES SECONDS");
}
