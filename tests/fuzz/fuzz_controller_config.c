/* SPDX-License-Identifier: Apache-2.0 */
/* A text of controller.yaml: never a crash, a refusal always has words, and
 * what is accepted makes a graph that every client can be sent. */
#include <config.h>
#include "controller/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controller/model.h"
#include "controller/push.h"
#include "controller/rib.h"
#include "openvswitch/dynamic-string.h"
#include "tsn/error.h"
#include "util.h"
#include "xmpp/stanza.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
push_to(const struct ctrl_model *model, const char *agent)
{
    char *name = xasprintf(XMPP_VR_PREFIX "%s", agent);
    struct ctrl_push *push = ctrl_push_create(name);
    struct ds ds = DS_EMPTY_INITIALIZER;

    ctrl_push_start(push, model);
    ovs_assert(!ctrl_push_is_done(push));
    while (!ctrl_push_is_done(push)) {
        struct xmpp_stanza st;
        struct tsn_err err;

        ovs_assert(ctrl_push_next(push, &ds));

        ovs_assert(!xmpp_stanza_parse(ds.string, ds.length, &st, &err));
        ovs_assert(st.type == XMPP_CONFIG);
        xmpp_stanza_fini(&st);
        ds_clear(&ds);
    }
    ctrl_push_start(push, model);
    while (!ctrl_push_is_done(push)) {
        ovs_assert(!ctrl_push_next(push, &ds));
    }
    ds_destroy(&ds);
    ctrl_push_destroy(push);
    free(name);
}

static void
use(const struct ctrl_config *config)
{
    struct ctrl_model *model = ctrl_model_create(config);
    struct ctrl_rib *rib = ctrl_rib_create();

    for (size_t i = 0; i < config->n_switches; i++) {
        push_to(model, config->switches[i].agent);
    }
    for (size_t i = 0; i < config->n_tsns; i++) {
        push_to(model, config->tsns[i].name);
    }
    ctrl_rib_configure(rib, config);
    while (ctrl_rib_flush(rib) != CTRL_RIB_IDLE) {
        continue;
    }
    ctrl_rib_destroy(rib);
    ctrl_model_destroy(model);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ctrl_config *config = NULL;
    struct tsn_err err = { .text = "" };
    char path[64];

    int fd = memfd_create("controller.yaml", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t) size) {
        abort();
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (ctrl_config_load(path, &config, &err)) {
        ovs_assert(!config && err.where[0] && err.text[0]);
        ovs_assert(!strchr(err.text, '\n'));
    } else {
        use(config);
        ctrl_config_destroy(config);
    }
    close(fd);
    return 0;
}
