/* SPDX-License-Identifier: Apache-2.0 */
/* The control node without its sockets: clients come and go, their stanzas
 * change its state, ctrl_core_run() tells the clients what has become of
 * it.  Sans-I/O, one thread. */
#ifndef CONTROLLER_CORE_H
#define CONTROLLER_CORE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xmpp/conn.h"

struct ctrl_config;
struct ctrl_core;
struct ctrl_model;
struct ctrl_peer;
struct ctrl_restarts;
struct ctrl_rib;
struct ctrl_rib_client;
struct in6_addr;
struct xmpp_stanza;

/* A client gets its End-of-RIB when neither side sent a stanza for so long, or
 * when its session has lasted for the maximum (spec/xmpp-protocol.md 2.2), but
 * not before it has been sent all configuration, routes and trees that there
 * are: to one that reads slowly, or while they change without a pause, it may
 * come after the maximum.  A real control node waits 6 s; we have no BGP peers
 * that could still bring routes, and a restart is to settle quickly. */
#define CTRL_END_OF_RIB_QUIET_MS 2000
#define CTRL_END_OF_RIB_MAX_MS 300000
/* After our own start clients come back one by one, the last after its longest
 * back-off, and until then their routes are not to be taken for gone. */
#define CTRL_END_OF_RIB_START_MS 12000

/* Open sessions: some times the switches and replicators of a site that we are
 * for.  Each may have some 4 MiB unsent. */
#define CTRL_MAX_SESSIONS 1024

/* Borrows 'config' until the next ctrl_core_configure() or the end. */
struct ctrl_core *ctrl_core_create(const struct ctrl_config *config);
/* With its clients. */
void ctrl_core_destroy(struct ctrl_core *);             /* NULL is fine. */

/* Goes over to another configuration; the clients are told the difference. */
void ctrl_core_configure(struct ctrl_core *, const struct ctrl_config *);

/* Sends no End-of-RIB before 'from_ms'. */
void ctrl_core_delay_end_of_rib(struct ctrl_core *, uint64_t from_ms);

/* Does what is due, a bounded amount.  Returns when to call it again, unless
 * something happens before; UINT64_MAX for never. */
uint64_t ctrl_core_run(struct ctrl_core *, uint64_t now_ms);

/* How soon a client that was not ready is asked again. */
#define CTRL_RETRY_MS 10

/* They only take note: they do not call back. */
struct ctrl_peer_ops {
    void (*send)(void *aux, const char *data, size_t size);
    /* Whether the client has read enough of it to get more. */
    bool (*is_ready)(void *aux);
    /* The owner is to end the session, and the peer with it. */
    void (*close)(void *aux, enum xmpp_close_reason);
};

/* A session is open.  'name' is the client's, copied. */
struct ctrl_peer *ctrl_peer_create(struct ctrl_core *, const char *name,
                                   const struct ctrl_peer_ops *, void *aux,
                                   uint64_t now_ms);
/* See ctrl_rib_client_set_address(). */
void ctrl_peer_set_address(struct ctrl_peer *, const struct in6_addr *ip);
/* The session is over, and what was published in it goes, too. */
void ctrl_peer_destroy(struct ctrl_peer *);             /* NULL is fine. */
/* The session is over: as the configuration of graceful restarts says, what
 * the client published is kept for when it comes back, or goes. */
void ctrl_peer_lost(struct ctrl_peer *, const struct in6_addr *peer_ip,
                    uint64_t now_ms);
/* Whether a client of that name may have a session, from that address: not if
 * there are CTRL_MAX_SESSIONS, nor in the place of one that is away
 * (spec/xmpp-protocol.md 1.9).  Logs why not. */
bool ctrl_core_admits(const struct ctrl_core *, const char *name,
                      const struct in6_addr *peer_ip);

void ctrl_peer_stanza(struct ctrl_peer *, const struct xmpp_stanza *,
                      uint64_t now_ms);

struct ctrl_peer_counters {
    uint64_t bad_items;         /* Skipped: malformed or over a limit. */
    uint64_t unpaired;          /* Publish or collection without the other. */
    uint64_t ignored;           /* Legal, of no effect. */
    uint64_t config_objects;    /* Sent. */
};

/* For people. */
const char *ctrl_peer_name(const struct ctrl_peer *);
void *ctrl_peer_aux(const struct ctrl_peer *);
const struct ctrl_peer_counters *ctrl_peer_counters(const struct ctrl_peer *);
const struct ctrl_rib_client *ctrl_peer_client(const struct ctrl_peer *);
/* FQ name of the virtual router whose configuration it gets, or NULL. */
const char *ctrl_peer_config_name(const struct ctrl_peer *);

const struct ctrl_config *ctrl_core_config(const struct ctrl_core *);
const struct ctrl_model *ctrl_core_model(const struct ctrl_core *);
const struct ctrl_rib *ctrl_core_rib(const struct ctrl_core *);
const struct ctrl_restarts *ctrl_core_restarts(const struct ctrl_core *);
/* In the order of arrival. */
typedef void ctrl_peer_fn(const struct ctrl_peer *, void *aux);
void ctrl_core_for_each_peer(const struct ctrl_core *, ctrl_peer_fn *fn,
                             void *aux);

#endif /* controller/core.h */
