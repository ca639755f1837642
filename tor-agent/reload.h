/* SPDX-License-Identifier: Apache-2.0 */
/* What a new configuration means for the ToRs that are served under an old
 * one.  Pure comparison: any thread, nothing is changed. */
#ifndef TOR_AGENT_RELOAD_H
#define TOR_AGENT_RELOAD_H 1

#include <stdbool.h>

struct tsn_config;
struct tsn_config_listener;
struct tsn_config_tor;

enum tor_change {
    TOR_SAME,
    TOR_TUNED,                  /* In place, its sessions stay. */
    TOR_REPLACED,               /* Ended and started anew. */
    TOR_ADDED,
};

/* The entry of that name, or NULL. */
const struct tsn_config_tor *tor_config_find(const struct tsn_config *,
                                             const char *name);

/* What entry 'now' of 'config' is to the ToR of the same name in 'old'.  Says
 * in '*why' the key that decides, a constant; NULL for TOR_SAME and
 * TOR_ADDED. */
enum tor_change tor_config_compare(const struct tsn_config *old,
                                   const struct tsn_config *config,
                                   const struct tsn_config_tor *now,
                                   const char **why);

/* Whether both say the same of how the switch is reached, and told from
 * others. */
bool tor_config_same_switch(const struct tsn_config_tor *,
                            const struct tsn_config_tor *);

/* The listener of 'config' that is like 'l' in all, or NULL. */
const struct tsn_config_listener *tor_config_find_listener(
    const struct tsn_config *config, const struct tsn_config_listener *l);

/* Whether sessions with control nodes have the same certificate files, or
 * none. */
bool tor_config_same_tls(const struct tsn_config *, const struct tsn_config *);
/* Whether the certificates for sessions with switches are in the same files,
 * or there are none. */
bool tor_config_same_switch_tls(const struct tsn_config *,
                                const struct tsn_config *);

#endif /* tor-agent/reload.h */
