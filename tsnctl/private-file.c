/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsnctl/private-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

/* Whether 'name' was put by somebody else where everybody may do that: the
 * rule of the kernel's fs.protected_symlinks, which not every host has on.  In
 * such a directory nobody but its owner can replace what is ours. */
static bool
is_foreign(const char *name)
{
    char *dir = dir_name(name);
    struct stat d, file;
    bool foreign = !lstat(name, &file) && !stat(dir, &d)
                   && (d.st_mode & (S_ISVTX | S_IWOTH)) == (S_ISVTX | S_IWOTH)
                   && file.st_uid != geteuid() && file.st_uid != d.st_uid;

    free(dir);
    return foreign;
}

int
tsnctl_private_file_open(const char *name, FILE **filep)
{
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC;
    int fd = open(name, flags | O_EXCL, 0600);

    if (fd < 0 && errno == EEXIST) {
        if (is_foreign(name)) {
            return -EPERM;
        }
        fd = open(name, flags | O_TRUNC, 0600);
    }
    if (fd < 0) {
        return -errno;
    }

    FILE *file = fdopen(fd, "wb");
    if (!file) {
        int error = -errno;

        close(fd);
        return error;
    }
    *filep = file;
    return 0;
}
