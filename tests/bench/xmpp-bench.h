/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of xmpp-bench: each case measures once and writes what it found
 * as one JSON object. */
#ifndef TESTS_BENCH_XMPP_BENCH_H
#define TESTS_BENCH_XMPP_BENCH_H 1

#include <stdint.h>
#include <sys/types.h>

#include "openvswitch/compiler.h"

struct sockaddr_storage;
struct xmpp_evpn;

/* Networks over which the routes of a case are spread. */
#define N_NETWORKS 100u

#define NETWORK_STRLEN 64

/* The routing instance and the name of network 'n'. */
const char *bench_instance(unsigned int n, char buf[NETWORK_STRLEN]);
const char *bench_network(unsigned int n, char buf[NETWORK_STRLEN]);

/* Route 'i' of network 'n', as a ToR publishes it or, with 'vn', as a control
 * node shows it.  The caller xmpp_evpn_fini()s it. */
void bench_route(unsigned int n, unsigned int i, const char *vn,
                 struct xmpp_evpn *);

/* Seconds of processor time of this thread, and of the clock. */
double bench_cpu_s(void);
double bench_wall_s(void);
/* Bytes of memory in use by this process, or 0. */
uint64_t bench_resident(void);

/* A socket that listens on a free port of the loopback address. */
int bench_listen(struct sockaddr_storage *);

/* fork(), of which the child goes with its parent. */
pid_t bench_fork(void);

void bench_die(const char *fmt, ...)
    OVS_PRINTF_FORMAT(1, 2) OVS_NO_RETURN;

int bench_decode(unsigned int n_routes);
int bench_memory(unsigned int n_routes, unsigned int n_peers);
int bench_encode(unsigned int n_routes);
int bench_idle(unsigned int n_identities, unsigned int seconds);

#endif /* tests/bench/xmpp-bench.h */
