/* SPDX-License-Identifier: Apache-2.0 */
/* Collects the tunnel endpoints that a network floods to, from all lists that
 * there are, and chooses how each is sent to (spec/tsn-dataplane.md A.7).
 * What comes out does not depend on the order of calls.  Pure; control
 * thread. */
#ifndef REPL_MEMBERS_H
#define REPL_MEMBERS_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "openvswitch/hmap.h"
#include "replication/forwarder/table.h"

struct repl_identity;
struct repl_rules;
struct tunnel_dst;

struct repl_members {
    const struct repl_rules *rules;
    const struct repl_identity *self;
    struct hmap all;            /* struct member. */
    unsigned int n_unreachable; /* Refused, as nothing can be sent to them. */
};

/* Borrows both until repl_members_take(). */
void repl_members_init(struct repl_members *, const struct repl_rules *,
                       const struct repl_identity *self);

bool repl_is_self(const struct repl_identity *self, const struct in6_addr *ip);

/* Whether copies can be sent to 'ip', as far as the address tells. */
bool repl_reaches(const struct repl_identity *self, const struct in6_addr *ip);

/* Adds an endpoint.  Switches that leave flooding to us get VXLAN and nothing
 * else, and only over IPv4, as 'hardware_vtep' knows no other; neighbours in the tree MPLS, others the best that they take.  Ours
 * (a frame to it would loop) and those that the rules exclude are ignored; of
 * two with the same class and address the one that is not stale counts, then
 * the better encapsulation, then the lower label. */
void repl_members_add(struct repl_members *, const struct tunnel_dst *,
                      enum fwd_class, bool stale);

/* Adds those of that class that 'network' has. */
void repl_members_add_from(struct repl_members *, const struct fwd_network *,
                           enum fwd_class);

/* Empties it, for good.  Returns the members, in an array to be freed, '*n' of
 * them.  An endpoint that is of FWD_EVPN and another class as well is not of
 * FWD_EVPN: it gets one copy. */
struct fwd_member *repl_members_take(struct repl_members *, size_t *n);

#endif /* replication/tree/members.h */
