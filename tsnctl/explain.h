/* SPDX-License-Identifier: Apache-2.0 */
/* "tsnctl explain": reads frames, from the command line or a file, and asks
 * what becomes of them. */
#ifndef TSNCTL_EXPLAIN_H
#define TSNCTL_EXPLAIN_H 1

#include <stdbool.h>

/* Asks the replicator behind 'socket'.  'argv' begins with the command.
 * Returns the exit status. */
int tsnctl_explain(int argc, char *argv[], const char *socket, bool json);

#endif /* tsnctl/explain.h */
