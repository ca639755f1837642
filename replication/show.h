/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of tsn-replicator on its control socket. */
#ifndef REPL_SHOW_H
#define REPL_SHOW_H 1

struct fwd;
struct repl_dhcp4_server;
struct repl_election;
struct repl_network;
struct repl_networks;
struct repl_storms;
struct tsn_alarms;
struct tsn_config;
struct tsn_ctl;
struct xmpp_speaker;

/* What there is to show; borrowed as long as 'ctl' serves. */
struct repl_show {
    const struct tsn_config *config;
    const struct xmpp_speaker *speaker;
    const struct repl_networks *networks;
    const struct repl_election *election;       /* Or NULL. */
    const struct repl_dhcp4_server *dhcp4;
    const struct repl_storms *storms;
    const struct tsn_alarms *alarms;
    struct fwd *fwd;
};

void repl_show_register(struct tsn_ctl *ctl, struct repl_show *);

/* The served network that is called so: by its name or the last part of it, its
 * routing instance, or its VNI.  The first of several; NULL if there is none.
 */
const struct repl_network *repl_show_find(const struct repl_show *,
                                          const char *name);

#endif /* replication/show.h */
