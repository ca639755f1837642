/* SPDX-License-Identifier: Apache-2.0 */
/* All ToRs of the process, spread over worker threads.  A ToR lives its whole
 * life in one of them (design 4.2); a new one goes to the worker with the
 * fewest, and nobody is moved for it.
 *
 * Main thread.  What is asked for here happens later, in the ToR's worker, in
 * the order in which it was asked for. */
#ifndef TOR_AGENT_FLEET_H
#define TOR_AGENT_FLEET_H 1

#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/dynamic-string.h"
#include "tor-agent/tor.h"

struct sset;
struct tor_fleet;
struct tsn_config;
struct tsn_config_tor;
struct tsn_json;
struct tsn_loop;
struct tsn_tls_store;

/* Threads start with their first ToR. */
struct tor_fleet *tor_fleet_create(struct tsn_loop *main, size_t n_workers);

/* Hands over (tor_leave()), ends all sessions, joins the threads, and runs
 * what they posted. */
void tor_fleet_stop(struct tor_fleet *);
void tor_fleet_destroy(struct tor_fleet *);             /* NULL is fine. */

/* Serves one more.  The configuration and 'tls' are borrowed: the first until
 * a fence, the second until the ToR is gone.  'remote' is copied. */
void tor_fleet_add(struct tor_fleet *, const struct tsn_config *,
                   const struct tsn_config_tor *, const char *remote,
                   struct tsn_tls_store *tls);
/* The same ToR with another configuration; it stays in its worker. */
void tor_fleet_replace(struct tor_fleet *, const struct tsn_config *,
                       const struct tsn_config_tor *, const char *remote,
                       struct tsn_tls_store *tls);
void tor_fleet_tune(struct tor_fleet *, const struct tsn_config *,
                    const struct tsn_config_tor *);
void tor_fleet_remove(struct tor_fleet *, const char *name);
/* Answers come in the order of 'config', which has the ToRs of the fleet. */
void tor_fleet_sort(struct tor_fleet *, const struct tsn_config *);

/* Calls 'done' in the main loop, once all that was asked for before has been
 * done. */
typedef void tor_fleet_done_fn(void *aux);
void tor_fleet_fence(struct tor_fleet *, tor_fleet_done_fn *done, void *aux);

bool tor_fleet_has(const struct tor_fleet *, const char *name);
size_t tor_fleet_count(const struct tor_fleet *);
/* Those that run. */
size_t tor_fleet_n_workers(const struct tor_fleet *);

/* Asks a ToR, in its worker: writes elements of the open array.  'args' are
 * those of the question. */
typedef void tor_visit_fn(struct tor *, const void *args, struct tsn_json *);

/* What came of it, in the main thread. */
struct tor_answer {
    const char *tor;
    struct tor_summary summary;
    struct ds elements;         /* For tsn_json_elements(). */
    bool gone;                  /* Removed meanwhile: the rest is empty. */
};
typedef void tor_answered_fn(const struct tor_answer[], size_t n, void *aux);

struct tor_question {
    const struct sset *tors;    /* Their names; NULL: all. */
    tor_visit_fn *visit;        /* NULL: the summary is enough. */
    void *args;                 /* Freed with free() when nobody uses it. */
    tor_answered_fn *answered;
    void *aux;
};

/* The workers do it at the same time, each a little in every turn of its
 * loop; answers come together, in the fleet's order.  After tor_fleet_stop()
 * there are none, at once. */
void tor_fleet_ask(struct tor_fleet *, const struct tor_question *);

#endif /* tor-agent/fleet.h */
