/* SPDX-License-Identifier: Apache-2.0 */
/* A control node that plays what it is given: for tests of the client over
 * loopback.  Failures fail the test. */
#ifndef TESTS_WIRE_FAKE_NODE_H
#define TESTS_WIRE_FAKE_NODE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

#include "openvswitch/dynamic-string.h"

/* What one connection gets once its stream header has come. */
struct fake_play {
    const char *data;           /* Borrowed. */
    size_t size;
    bool close;                 /* Then close. */
};

#define FAKE_N_HEARD 64

struct fake_node {
    uv_tcp_t listener;
    struct sockaddr_storage address;    /* With the port it got. */
    const struct fake_play *plays;      /* Borrowed. */
    size_t n_plays;
    size_t n_connections;
    size_t n_closed;            /* By either side. */
    struct ds heard[FAKE_N_HEARD];      /* From each connection. */
    struct fake_link *links;
};

/* Listens at 'ip', a free port.  The n-th connection gets the n-th play, all
 * later ones the last. */
void fake_node_init(struct fake_node *, uv_loop_t *, const char *ip,
                    const struct fake_play *plays, size_t n_plays);
/* Sends more to all connections that are there. */
void fake_node_send(struct fake_node *, const char *data, size_t size);
/* Closes all connections that are there. */
void fake_node_hang_up(struct fake_node *);
/* The loop has to run once more. */
void fake_node_close(struct fake_node *);
void fake_node_fini(struct fake_node *);

#endif /* tests/wire/fake_node.h */
