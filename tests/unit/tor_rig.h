/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge of a ToR in simulated time: the session with the switch and the
 * speaker are replaced by what the test says and looks at.
 *
 * A MAC is a letter or a number below 256: 02:00:00:00:00:XX.  Two networks
 * "blue" and "red", with VNIs 100 and 200; calls without one mean "blue". */
#ifndef TESTS_UNIT_TOR_RIG_H
#define TESTS_UNIT_TOR_RIG_H 1

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tor-agent/tor-private.h"

/* The switch's own addresses, and those of others. */
#define OWN "10.0.0.1"
#define OWN2 "10.0.0.2"
#define TSN "10.0.0.100"
#define TSN2 "10.0.0.101"
#define HOST1 "10.0.1.1"
#define HOST2 "10.0.1.2"
#define HOST3 "10.0.1.3"

extern struct tor tor;

int rig_setup(void **state);            /* With a session. */
int rig_setup_standby(void **state);    /* Without one. */
int rig_teardown(void **state);

struct tor_network *rig_network(const char *name);
/* 'vni' 0: it is gone. */
void rig_config(const char *name, uint32_t vni);
/* Security group of the interface with that MAC; 0: none. */
void rig_group(unsigned int mac, uint32_t group);

/* The switch.  Several rows of one MAC are told apart by their VTEP. */
void rig_learn(unsigned int mac, const char *vtep);
void rig_learn_ip(unsigned int mac, const char *vtep, const char *ip);
void rig_age(unsigned int mac);
void rig_flood(const char *vtep);
void rig_no_flood(const char *vtep);
/* The TSN that the switch floods to, as its row has changed / as that is the
 * best one now; NULL: that is not known. */
void rig_flood_node(const char *node);
void rig_flood_rank(const char *node);
void rig_tunnel_ips(const char *ip1, const char *ip2);  /* NULL: none. */
void rig_session(bool connected);

/* A route to a MAC, or none any more: "HOP[,HOP...][ ip=IP]". */
void rig_route(unsigned int mac, const char *hops, uint32_t sequence,
               uint32_t pref);
void rig_no_route(unsigned int mac);
/* The route is stale from now on, and another can be beside it / the stale one
 * is gone. */
void rig_stale(unsigned int mac);
void rig_swept(unsigned int mac);
/* The next route has that encapsulation. */
void rig_encaps(unsigned int encaps);
/* What is published comes back, as long as nothing better is there. */
void rig_reflect(unsigned int mac);

/* Runs until nothing is left to do now / for that time. */
void rig_run(void);
void rig_advance(uint64_t ms);

/* After rig_run(): all that is published, "NAME:MAC[/IP] VTEP #SEQ PREF" with
 * " sg=N", and for broadcast "NAME:* VTEP PREF", with " by IP" if another than
 * the first TSN replicates, a line each, sorted; NAME is the network's tag if
 * it is not 100. */
#define rig_expect_routes(EXPECTED) \
    assert_string_equal(rig_routes(), EXPECTED)
const char *rig_routes(void);
/* All rows that are wanted: "MAC VTEP[ IP]". */
#define rig_expect_rows(EXPECTED) assert_string_equal(rig_rows(), EXPECTED)
const char *rig_rows(void);
/* Rows that were renewed since the last call. */
unsigned int rig_renewed(void);
/* Routes that were published or withdrawn, and rows that were stated, since
 * the last call. */
unsigned int rig_published(void);
unsigned int rig_stated(void);

#endif /* tests/unit/tor_rig.h */
