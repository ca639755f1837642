/* SPDX-License-Identifier: Apache-2.0 */
/* Where switches connect to us, and TLS for those that we connect to
 * (design 4.4; spec/tor-agent.md A.2, A.9, E.6, J.1..J.3).
 *
 * A ToR's session (session.h) is one of jsonrpc.c, whose passive remote gives
 * up its connection for whoever connects, a port probe included.  So it
 * listens on a private unix socket, and this stands in front: it takes the
 * connection, reads the PROXY header, does TLS, asks whether the peer is an
 * OVSDB server and of which switch, and only when it knows splices the bytes
 * to the socket of that ToR.  One address serves any number of ToRs.
 *
 * A ToR that has a session keeps it, unless the newcomer shows the same
 * identity (subject of the certificate; without TLS, the address), or the old
 * session no longer answers.
 *
 * One thread, the one of the loop; before that runs, any one. */
#ifndef OVSDB_CLIENT_ACCEPTOR_H
#define OVSDB_CLIENT_ACCEPTOR_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

struct ovc_acceptor;
struct tsn_err;
struct tsn_json;
struct tsn_tls_store;

/* Connections whose switch is not known yet: all together, and of one source
 * address.  Descriptors are finite; a proxy that does not tell for whom it
 * speaks is one source, and after its restart all switches come at once.
 * Past a limit the oldest goes, of the source that has the most: a switch
 * answers within milliseconds. */
#define OVC_ACCEPTOR_MAX_PENDING 512
#define OVC_ACCEPTOR_MAX_PENDING_SOURCE 256
/* Of a ToR: connections that are identified, and wait for its session to take
 * them, or for an older one to answer.  These make room for nobody; what is
 * over counts as if its switch were not known. */
#define OVC_ACCEPTOR_MAX_WAITING 4

/* How long, and how many bytes, a peer has to say who it is.  Two round trips
 * and a handshake with large keys; the names of OVC_IDENTIFY_MAX_NAMES
 * switches. */
#define OVC_ACCEPTOR_IDENTIFY_MS 10000
#define OVC_ACCEPTOR_MAX_BYTES (128u << 10)

/* What may wait for a peer that does not read.  Of the ToR's bytes no more is
 * taken while some wait, so that they are never so many; but a peer can also
 * have us answer it, by TLS alone. */
#define OVC_ACCEPTOR_MAX_UNSENT (256u << 10)

/* How long a session may keep silent when another peer wants its place.  An
 * OVSDB server answers an echo between two transactions. */
#define OVC_ACCEPTOR_ECHO_MS 3000

/* Connections that the kernel holds while we do something else. */
#define OVC_ACCEPTOR_BACKLOG 512

/* Connections that are taken in a second, and at once: handshakes of more
 * would take the processor from the sessions that are up. */
#define OVC_ACCEPTOR_RATE 200
#define OVC_ACCEPTOR_BURST 512

/* Wait before the first attempt to connect again; doubles up to the switch's
 * own maximum. */
#define OVC_ACCEPTOR_MIN_BACKOFF_MS 1000

/* 'tls' is for listeners and for 'dial_tls', NULL for none; borrowed. */
struct ovc_acceptor *ovc_acceptor_create(uv_loop_t *, struct tsn_tls_store *);

/* Ends everything.  Memory goes with the handles, in later turns of the
 * loop. */
void ovc_acceptor_destroy(struct ovc_acceptor *);       /* NULL is fine. */

struct ovc_listener_config {
    const char *name;           /* For status and errors. */
    struct sockaddr_storage address;
    bool tls;                   /* And a certificate is required. */
    bool proxy_protocol;        /* Version 2 in front, from every peer. */
    const struct in6_addr *proxies;     /* From these only; 0: from any. */
    size_t n_proxies;
    const char *tor;            /* Serves this one alone; NULL: all those that
                                 * have no listener of their own. */
};

/* Listens; copies the configuration.  Returns 0, or -errno with '*err'. */
int ovc_acceptor_listen(struct ovc_acceptor *,
                        const struct ovc_listener_config *,
                        struct tsn_err *err);

/* Closes the listener for all of that name.  Sessions that came by it stay. */
void ovc_acceptor_unlisten(struct ovc_acceptor *, const char *name);

struct ovc_acceptor_tor {
    const char *name;
    const char *const *switches;    /* Physical_Switch.name, any of them. */
    size_t n_switches;
    const char *certificate;    /* CN or subject alternative name that the
                                 * peer must show, or NULL. */
    struct in6_addr address;    /* That it must come from, or none. */
    const char *socket;         /* Path of its session's punix remote. */
    bool own_listener;          /* Not on those for all. */
    bool dial_tls;              /* Connect to 'dial', with TLS. */
    struct sockaddr_storage dial;
    uint32_t max_backoff_ms;
};

/* Serves a ToR from now on; copies what it needs.  The name is new. */
void ovc_acceptor_add_tor(struct ovc_acceptor *,
                          const struct ovc_acceptor_tor *);

/* Ends the session of a ToR, if it has one, at once, and closes its own
 * listener. */
void ovc_acceptor_remove_tor(struct ovc_acceptor *, const char *name);

/* Another maximum between two attempts to connect to it. */
void ovc_acceptor_set_max_backoff(struct ovc_acceptor *, const char *name,
                                  uint32_t max_backoff_ms);

/* Takes no more connections, and calls 'done' when the ToRs have ended their
 * sessions and what they wrote is sent, or 'max_ms' is over. */
typedef void ovc_acceptor_done_fn(void *aux);
void ovc_acceptor_finish(struct ovc_acceptor *, uint32_t max_ms,
                         ovc_acceptor_done_fn *done, void *aux);

/* What an operator should look into.  A refusal counts for a while: who is
 * refused comes again within its back-off, of seconds. */
#define OVC_ACCEPTOR_ALARM_MS 60000
/* Two switches with one certificate take the place from each other, each as
 * soon as it has connected again: a session that was replaced from another
 * address when it was younger than this.  A switch that moved does so once;
 * while it goes on, each time is within the alarm of the one before. */
#define OVC_ACCEPTOR_FIGHT_MS 60000
#define OVC_ACCEPTOR_FIGHT_ALARM_MS 300000
/* Time to have a new certificate signed. */
#define OVC_ACCEPTOR_EXPIRY_S (30 * 24 * 3600)

/* 'kind' is a constant: "duplicate-device", another switch of the name of one
 * that is connected, refused or in its place; "switch-refused", whom no ToR
 * wants; "certificate-expiry" of a switch.  The other two are valid during the
 * call. */
typedef void ovc_acceptor_alarm_fn(const char *kind, const char *object,
                                   const char *text, void *aux);
void ovc_acceptor_for_each_alarm(const struct ovc_acceptor *, uint64_t now_ms,
                                 int64_t wall_s, ovc_acceptor_alarm_fn *,
                                 void *aux);

/* Writes members of the open object: "listeners" [{address, tor, tls, proxy,
 * accepted, identified, pending, refused {REASON: n}}], "sessions" [{tor,
 * state, peer, certificate, since_s, ...}].  Members are described in the
 * README. */
void ovc_acceptor_show(const struct ovc_acceptor *, struct tsn_json *);

#endif /* ovsdb-client/acceptor.h */
