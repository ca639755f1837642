/* SPDX-License-Identifier: Apache-2.0 */
/* A text of tsn.yaml: never a crash, and a refusal always has words. */
#include <config.h>
#include "tsn/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tsn/error.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tsn_config *config = NULL;
    struct tsn_err err = { .text = "" };
    char path[64];

    int fd = memfd_create("tsn.yaml", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t) size) {
        abort();
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (tsn_config_load(path, &config, &err)) {
        ovs_assert(!config && err.where[0] && err.text[0]);
        ovs_assert(!strchr(err.text, '\n'));
    } else {
        ovs_assert(config->n_controllers > 0);
        ovs_assert(config->n_tors > 0 || config->has_replicator);
        tsn_config_destroy(config);
    }
    close(fd);
    return 0;
}
