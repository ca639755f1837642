/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the embedded controller share: a configuration out of a
 * string. */
#ifndef CTRL_FIXTURE_H
#define CTRL_FIXTURE_H 1

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controller/config.h"
#include "tsn/error.h"
#include "util.h"

/* Loads 'yaml' as ctrl_config_load() would load a file.  '*err' is as from
 * there, but names no file: "LINE:COLUMN". */
static inline int
ctrl_fixture_load(const char *yaml, struct ctrl_config **config,
                  struct tsn_err *err)
{
    int fd = memfd_create("controller.yaml", MFD_CLOEXEC);
    size_t size = strlen(yaml);
    char path[64];

    assert_true(fd >= 0);
    assert_int_equal(write(fd, yaml, size), size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int error = ctrl_config_load(path, config, err);
    close(fd);

    if (error && !strncmp(err->where, path, strlen(path))) {
        size_t n = strlen(path) + (err->where[strlen(path)] == ':');
        memmove(err->where, err->where + n, strlen(err->where + n) + 1);
    }
    return error;
}

static inline struct ctrl_config *
ctrl_fixture_config(const char *yaml)
{
    struct ctrl_config *config = NULL;
    struct tsn_err err = { .text = "" };

    if (ctrl_fixture_load(yaml, &config, &err)) {
        fail_msg("%s\nis refused: %s", yaml, tsn_err_format(&err));
    }
    return config;
}

#endif /* tests/unit/ctrl_fixture.h */
