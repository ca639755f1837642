/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket serves: questions to the ToRs, and orders.
 *
 * Main thread. */
#ifndef TOR_AGENT_COMMANDS_H
#define TOR_AGENT_COMMANDS_H 1

#include <stdint.h>

struct tsn_alarms;
struct tor_fleet;
struct tor_listen;
struct tsn_config;
struct tsn_ctl;
struct tsn_loop;

/* What commands are about; lives as long as the control socket. */
struct tor_agent {
    struct tsn_loop *main;
    struct tsn_config *config;  /* In use. */
    struct tor_fleet *fleet;
    struct tor_listen *listen;
    struct tsn_alarms *alarms;  /* Of the process. */

    char *config_error;         /* Why the last one was refused, or NULL. */
    int64_t config_wall_ms;     /* When it was loaded, or refused. */
};

void tor_commands_register(struct tsn_ctl *, struct tor_agent *);

#endif /* tor-agent/commands.h */
