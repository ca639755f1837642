/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "openvswitch/vlog.h"
#include "tsn/ctl.h"
#include "tsn/error.h"
#include "tsn/json.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tsn_log);

/* The one that is in use. */
static enum vlog_destination destination = VLF_CONSOLE;

/* Whether stderr goes to the journal, which adds the time by itself
 * (systemd.exec(5), $JOURNAL_STREAM). */
static bool
is_journal(void)
{
    const char *s = getenv("JOURNAL_STREAM");
    uintmax_t dev, ino;
    struct stat st;

    return s && sscanf(s, "%"SCNuMAX":%"SCNuMAX, &dev, &ino) == 2
           && !fstat(STDERR_FILENO, &st)
           && st.st_dev == dev && st.st_ino == ino;
}

static bool
parse_level(const char *s, enum vlog_level *level)
{
    static const struct {
        const char *name;
        enum vlog_level level;
    } levels[] = {
        { "off", VLL_OFF }, { "err", VLL_ERR }, { "warn", VLL_WARN },
        { "info", VLL_INFO }, { "dbg", VLL_DBG },
    };

    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        if (!strcmp(s, levels[i].name)) {
            *level = levels[i].level;
            return true;
        }
    }
    return false;
}

/* The poll loop tells about each of its wake-ups when it is busy: who wants to
 * know asks for that module by name. */
static void
quieten(void)
{
    struct vlog_module *poll_loop = vlog_module_from_name("poll_loop");

    if (poll_loop && vlog_get_level(poll_loop, destination) > VLL_WARN) {
        vlog_set_levels(poll_loop, destination, VLL_WARN);
    }
}

int
tsn_log_set_level(const char *module_name, const char *level_name,
                  struct tsn_err *err)
{
    struct vlog_module *module = NULL;
    enum vlog_level level;

    if (strcmp(module_name, "any")) {
        module = vlog_module_from_name(module_name);
        if (!module) {
            tsn_err_set(err, NULL, "no log module \"%s\"", module_name);
            return -EINVAL;
        }
    }
    if (!parse_level(level_name, &level)) {
        tsn_err_set(err, NULL, "the log level is off, err, warn, info or "
                    "dbg, not \"%s\"", level_name);
        return -EINVAL;
    }
    vlog_set_levels(module, destination, level);
    if (!module) {
        quieten();
    }
    return 0;
}

int
tsn_log_init(const char *program, const char *level, const char *file,
             struct tsn_err *err)
{
    ovs_set_program_name(program, TSN_VERSION);
    vlog_set_syslog_method("null");
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    destination = file ? VLF_FILE : VLF_CONSOLE;

    int error = tsn_log_set_level("any", level, err);
    if (error) {
        return error;
    }
    vlog_set_pattern(VLF_CONSOLE, is_journal()
                     ? "%p %c%T: %m"
                     : "%D{%Y-%m-%dT%H:%M:%S.###Z} %-4p %c%T: %m");
    vlog_set_pattern(VLF_FILE, "%D{%Y-%m-%dT%H:%M:%S.###Z} %-4p %c%T: %m");
    if (file) {
        error = -vlog_set_log_file(file);
        if (error) {
            tsn_err_set(err, file, "cannot open the log: %s",
                        ovs_strerror(-error));
        }
    }
    return error;
}

void
tsn_log_reopen(void)
{
    if (destination == VLF_FILE) {
        vlog_reopen_log_file();
    }
}

static void
log_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED, char *argv[],
       void *aux OVS_UNUSED)
{
    struct tsn_json *json = tsn_ctl_reply(call);
    struct tsn_err err;

    if (tsn_log_set_level(argv[0], argv[1], &err)) {
        tsn_ctl_error(call, "%s", tsn_err_format(&err));
    } else {
        VLOG_INFO("log level set module=%s level=%s", argv[0], argv[1]);
        tsn_json_object_begin(json, "result");
        tsn_json_string(json, "module", argv[0]);
        tsn_json_string(json, "level", argv[1]);
        tsn_json_object_end(json);
    }
    tsn_ctl_finish(call);
}

void
tsn_log_register(struct tsn_ctl *ctl)
{
    tsn_ctl_register(ctl, "log", "log MODULE|any off|err|warn|info|dbg",
                     2, 2, log_cb, NULL);
}
