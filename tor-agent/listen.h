/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that switches connect to, and that does TLS for all sessions with
 * them (ovsdb-client/acceptor.h).  A ToR's OVSDB session reaches its switch
 * through a unix socket in a directory of this process alone.
 *
 * Main thread, unless said otherwise. */
#ifndef TOR_AGENT_LISTEN_H
#define TOR_AGENT_LISTEN_H 1

#include <stddef.h>

struct tor_listen;
struct tsn_config;
struct tsn_config_tor;
struct tsn_ctl_call;
struct tsn_err;
struct tsn_loop;
struct tsn_tls_store;

/* Listens as 'config' says, and takes it that nobody connects before
 * tor_listen_start().  'run_dir' gets the directory with the sockets.  Returns
 * 0; or -errno with '*err', naming the address. */
int tor_listen_create(const struct tsn_config *, const char *run_dir,
                      struct tsn_tls_store *, struct tor_listen **listenp,
                      struct tsn_err *err);

/* Whether we could listen where 'config' says and 'old' does not: returns 0,
 * or -errno with '*err'. */
int tor_listen_check(const struct tsn_config *old, const struct tsn_config *,
                     struct tsn_err *err);
/* Goes on as 'config' says, which was checked.  Sessions of ToRs whose way has
 * not changed stay.  Waits for the thread, which never does. */
void tor_listen_reload(struct tor_listen *, const struct tsn_config *old,
                       const struct tsn_config *);

void tor_listen_start(struct tor_listen *);

/* After the ToRs' sessions have ended: sends what they have written, and joins
 * the thread. */
void tor_listen_stop(struct tor_listen *);
void tor_listen_destroy(struct tor_listen *);           /* NULL is fine. */

/* The remote that the ToR's session is to have: the switch, or the private
 * socket.  The caller frees it.  Any thread. */
char *tor_listen_remote(const struct tor_listen *,
                        const struct tsn_config_tor *);

/* What is worth an alarm, handed to 'fn' in the loop 'main': the strings until
 * it returns (ovc_acceptor_for_each_alarm()). */
struct tor_listen_alarm {
    const char *kind;           /* A constant. */
    char *object, *text;
};
typedef void tor_listen_alarms_fn(const struct tor_listen_alarm[], size_t n,
                                  void *aux);
void tor_listen_ask_alarms(struct tor_listen *, struct tsn_loop *main,
                           tor_listen_alarms_fn *fn, void *aux);

/* What ovc_acceptor_show() writes, an object, handed to 'fn' in the loop
 * 'main': the string until it returns. */
typedef void tor_listen_status_fn(const char *status, void *aux);
void tor_listen_ask_status(struct tor_listen *, struct tsn_loop *main,
                           tor_listen_status_fn *fn, void *aux);

/* Fills "show listeners" and finishes the call in the loop 'main'. */
void tor_listen_show(struct tor_listen *, struct tsn_loop *main,
                     struct tsn_ctl_call *);

#endif /* tor-agent/listen.h */
