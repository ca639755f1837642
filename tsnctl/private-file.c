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

/* Whether 'file' is somebody else's, or one of ours that somebody else may have
 * given another name. */
static bool
is_suspect(const struct stat *file, const struct stat *dir)
{
    return (file->st_uid != geteuid() && file->st_uid != dir->st_uid)
           || (S_ISREG(file->st_mode) && file->st_nlink > 1);
}

/* Whether 'name', which is taken, was put by somebody else where everybody may
 * do that: the rules of the kernel's fs.protected_symlinks and
 * fs.protected_hardlinks, which not every host has on.  In such a directory
 * nobody but its owner can replace what is ours; what has gone meanwhile was
 * not. */
static bool
is_foreign(const char *name)
{
    char *dir = dir_name(name);
    struct stat d, file;
    bool foreign = !stat(dir, &d)
                   && (d.st_mode & (S_ISVTX | S_IWOTH)) == (S_ISVTX | S_IWOTH)
                   && (lstat(name, &file) || is_suspect(&file, &d));

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
