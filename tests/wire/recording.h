/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a recording of XMPP sessions: a comment in front of each transfer says
 * its time, direction and size, then come the bytes. */
#ifndef TESTS_WIRE_RECORDING_H
#define TESTS_WIRE_RECORDING_H 1

#include <stdbool.h>
#include <stddef.h>

enum recording_kind {
    RECORDING_BYTES,
    RECORDING_CONNECT,          /* Of a client. */
    RECORDING_TLS_UP,           /* The bytes that follow were inside. */
    RECORDING_SERVER_CLOSES,
    RECORDING_CLIENT_CLOSES,
    RECORDING_SECTION,          /* A headline of the scenario. */
};

struct transfer {
    enum recording_kind kind;
    const char *title;          /* RECORDING_SECTION: up to a newline. */
    const char *data;
    size_t size;
    double time_s;
    bool from_agent;
    char agent[64];             /* Name of the agent's side. */
};

struct recording {
    char *text;
    struct transfer *transfers; /* Of bytes only, */
    size_t n_transfers;
    struct transfer *steps;     /* and with all that happened between. */
    size_t n_steps;
};

/* Reads $srcdir/tests/wire/recordings/NAME; fails the test if it cannot. */
void recording_read(struct recording *, const char *name);
void recording_fini(struct recording *);

#endif /* tests/wire/recording.h */
