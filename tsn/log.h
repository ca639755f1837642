/* SPDX-License-Identifier: Apache-2.0 */
/* Where vlog writes and how: one line a message on stderr, or in a file.  No
 * syslog.  Main thread. */
#ifndef TSN_LOG_H
#define TSN_LOG_H 1

struct tsn_ctl;
struct tsn_err;

/* Starts the log at 'level' ("err", "warn", "info" or "dbg") of all modules.
 * With 'file', which may be NULL, it goes there instead of to stderr.
 * Returns 0 or -errno with '*err' filled. */
int tsn_log_init(const char *program, const char *level, const char *file,
                 struct tsn_err *err);

/* Sets 'level' of 'module' or, for "any", of all.  Returns 0, or -EINVAL with
 * '*err' telling which of the two is unknown. */
int tsn_log_set_level(const char *module, const char *level,
                      struct tsn_err *err);

/* Opens the file again, for it may have been rotated. */
void tsn_log_reopen(void);

/* Serves "log MODULE|any LEVEL". */
void tsn_log_register(struct tsn_ctl *);

#endif /* tsn/log.h */
