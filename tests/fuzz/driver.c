/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for libFuzzer: runs a fuzz target over the files given, or over
 * its corpus, tests/fuzz/corpus/<target>/, or when the environment variable
 * "srcdir" is not set over nothing.  An empty input is always tried. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    size_t size = 0, allocated = 1 << 16;
    uint8_t *data = malloc(allocated);
    size_t n;
    while (data && (n = fread(data + size, 1, allocated - size, f)) > 0) {
        size += n;
        if (size == allocated) {
            data = realloc(data, allocated *= 2);
        }
    }
    fclose(f);
    if (!data) {
        return 1;
    }
    /* An exact copy, so that the address sanitizer sees an overrun. */
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(data);
    return 0;
}

int
main(int argc, char *argv[])
{
    int failed = 0, n = 0;

    LLVMFuzzerTestOneInput((const uint8_t *) "", 0);
    for (int i = 1; i < argc; i++, n++) {
        failed |= run_file(argv[i]);
    }
    const char *srcdir = getenv("srcdir");
    if (argc == 1 && srcdir) {
        const char *slash = strrchr(argv[0], '/');
        char dir[PATH_MAX], path[PATH_MAX + 256];
        snprintf(dir, sizeof dir, "%s/tests/fuzz/corpus/%s", srcdir,
                 slash ? slash + 1 : argv[0]);
        DIR *d = opendir(dir);
        for (struct dirent *e; d && (e = readdir(d)); ) {
            if (e->d_name[0] != '.') {
                snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
                failed |= run_file(path);
                n++;
            }
        }
        if (d) {
            closedir(d);
        }
    }
    printf("%d inputs\n", n);
    return failed;
}
