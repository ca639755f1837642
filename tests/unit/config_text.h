/* SPDX-License-Identifier: Apache-2.0 */
/* A tsn.yaml that a test has as text. */
#ifndef TESTS_UNIT_CONFIG_TEXT_H
#define TESTS_UNIT_CONFIG_TEXT_H 1

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "tsn/config.h"
#include "tsn/error.h"

/* The caller destroys it. */
static inline struct tsn_config *
config_from_text(const char *text)
{
    char path[] = "/tmp/test_config.XXXXXX";
    struct tsn_config *config;
    struct tsn_err err;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    int error = tsn_config_load(path, &config, &err);
    unlink(path);
    if (error) {
        fail_msg("%s", tsn_err_format(&err));
    }
    return config;
}

#endif /* tests/unit/config_text.h */
