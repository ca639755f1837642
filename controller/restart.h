/* SPDX-License-Identifier: Apache-2.0 */
/* The helper of graceful restarts: clients whose session is gone and whose
 * routes are kept, and those that are back and have not renewed all yet
 * (spec/xmpp-protocol.md 2.3).  Sans-I/O: time is a parameter.  One thread. */
#ifndef CONTROLLER_RESTART_H
#define CONTROLLER_RESTART_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

struct ctrl_graceful_restart;
struct ctrl_restarts;
struct ctrl_rib_client;
struct ctrl_rib_ops;

/* A client that comes back just before its time is over still gets this, in
 * which an agent that has gone silent says that it has told all (6, row
 * 12). */
#define CTRL_SWEEP_MIN_MS 15000

/* What is kept of clients that are away, so that names that are never used
 * again do not fill the memory: some times the agents of a site that we are
 * for, and twice the routes that one client may have.  A subscription counts
 * as a route; those of networks that are not known are not kept, as there is
 * no end of names for them. */
#define CTRL_MAX_AWAY 4096
#define CTRL_MAX_AWAY_ROUTES (1u << 21)

struct ctrl_restarts *ctrl_restarts_create(void);
/* Forgets them all; destroys the RIB clients of those that are away. */
void ctrl_restarts_destroy(struct ctrl_restarts *);     /* NULL is fine. */

/* New times count at once, also for those that are away already; without
 * helper nothing stale remains.  Copies. */
void ctrl_restarts_configure(struct ctrl_restarts *,
                             const struct ctrl_graceful_restart *);

/* The session of 'name' is gone.  Takes 'client': keeps it, or destroys it
 * without helper, beyond the limits above, or if there is nothing to keep. */
void ctrl_restarts_leave(struct ctrl_restarts *, const char *name,
                         const struct in6_addr *peer_ip,
                         struct ctrl_rib_client *client, uint64_t now_ms);

/* A session of 'name' opens.  Returns what was kept, owned by the caller until
 * ctrl_restarts_leave() or ctrl_restarts_forget(), or NULL. */
struct ctrl_rib_client *ctrl_restarts_return(struct ctrl_restarts *,
                                             const char *name,
                                             const struct ctrl_rib_ops *,
                                             void *aux, uint64_t now_ms);
/* The caller destroys the client of 'name' that it got. */
void ctrl_restarts_forget(struct ctrl_restarts *, const char *name);

/* The client has told all: what it has not renewed goes. */
void ctrl_restarts_end_of_rib(struct ctrl_restarts *, const char *name);

/* Ends what has lasted too long.  Returns when to come again, UINT64_MAX for
 * never. */
uint64_t ctrl_restarts_run(struct ctrl_restarts *, uint64_t now_ms);

/* Whether a session of 'name' from 'peer_ip' may open: one that is away comes
 * back from where it was (1.9). */
bool ctrl_restarts_admits(const struct ctrl_restarts *, const char *name,
                          const struct in6_addr *peer_ip);

/* For people, in no order. */
enum ctrl_restart_state {
    CTRL_RESTART_AWAY,          /* Within its restart time, */
    CTRL_RESTART_LONG_AWAY,     /* within its long-lived one. */
    CTRL_RESTART_BACK,          /* Some of it is still to be renewed. */
};
struct ctrl_restart_info {
    const char *name;
    const struct in6_addr *peer_ip;
    enum ctrl_restart_state state;
    uint64_t since_ms;          /* The session went. */
    uint64_t until_ms;          /* What is stale by then goes. */
    size_t n_stale;             /* Routes. */
};
typedef void ctrl_restart_fn(const struct ctrl_restart_info *, void *aux);
void ctrl_restarts_for_each(const struct ctrl_restarts *, uint64_t now_ms,
                            ctrl_restart_fn *fn, void *aux);

#endif /* controller/restart.h */
