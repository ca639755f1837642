/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves share of the thread that switches connect to: what runs
 * it (listen.c), and what answers questions about it (listen-show.c). */
#ifndef TOR_AGENT_LISTEN_PRIVATE_H
#define TOR_AGENT_LISTEN_PRIVATE_H 1

struct ovc_acceptor;
struct tsn_loop;

struct tor_listen {
    char *dir;
    struct tsn_loop *loop;      /* Its thread owns the acceptor. */
    struct ovc_acceptor *acceptor;
};

#endif /* tor-agent/listen-private.h */
