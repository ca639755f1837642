/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for all networks when they are built: encapsulations by the
 * cloud's priorities, and whom a service node without forwarding serves
 * (spec/tsn-dataplane.md A.3.1, A.7, A.8).  Pure; control thread. */
#ifndef REPL_RULES_H
#define REPL_RULES_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replication/forwarder/types.h"

struct xmpp_view;

#define REPL_N_ENCAPS 3

struct repl_rules {
    /* Best first: those of the cloud's list, then the others. */
    enum fwd_encap encaps[REPL_N_ENCAPS];
    bool mpls;                  /* The best one is MPLS, so networks are. */

    bool no_forwarding;         /* Mode "tsn-no-forwarding": of switches that
                                 * replicate by themselves, serves ... */
    bool master;                /* ... none unless elected, and ... */
    struct in6_addr *vteps;     /* ... those of physical routers that are ours,
                                 * in rising order. */
    size_t n_vteps;
};

/* Rules without a configuration: nobody is served without forwarding. */
void repl_rules_init(struct repl_rules *, bool no_forwarding);
void repl_rules_fini(struct repl_rules *);

/* Takes over what 'view' says.  Returns whether anything is different. */
bool repl_rules_set_view(struct repl_rules *, const struct xmpp_view *);

/* The best one of 'encaps', bits of enum tsn_encap.  Returns false if we know
 * none of them. */
bool repl_rules_choose(const struct repl_rules *, uint8_t encaps,
                       enum fwd_encap *);
/* Its place in the order; 0 is best. */
unsigned int repl_rules_rank(const struct repl_rules *, enum fwd_encap);

/* Whether we serve the EVPN switch at 'ip'. */
bool repl_rules_serves(const struct repl_rules *, const struct in6_addr *ip);

#endif /* replication/tree/rules.h */
