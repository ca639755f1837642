/* SPDX-License-Identifier: Apache-2.0 */
/* Files with what is nobody else's business, such as frames of tenants, in a
 * place that the user names. */
#ifndef TSNCTL_PRIVATE_FILE_H
#define TSNCTL_PRIVATE_FILE_H 1

#include <stdio.h>

/* Opens 'name' to be written from its beginning.  A new file is for its owner
 * alone; one that is there is overwritten and keeps its owner and mode.  In a
 * directory like /tmp, what somebody else put there is not touched: it may be
 * a link of either kind to a file of ours, or be left open to be read.
 *
 * Returns 0 with '*filep' owned by the caller, or -errno: -EPERM if it is
 * somebody else's. */
int tsnctl_private_file_open(const char *name, FILE **filep);

#endif /* tsnctl/private-file.h */
