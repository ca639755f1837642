/* SPDX-License-Identifier: Apache-2.0 */
/* "tsnctl capture": has tsn-replicator capture, and writes what it gives. */
#ifndef TSNCTL_CAPTURE_H
#define TSNCTL_CAPTURE_H 1

#include <stdbool.h>

/* Runs the command with its own options in 'argv', of which 'argv[0]' is its
 * name, by the control socket 'path', until that ends by itself or somebody
 * ends it with a signal.  With 'json' it refuses.  Returns the exit status. */
int tsnctl_capture(int argc, char *argv[], const char *path, bool json);

#endif /* tsnctl/capture.h */
