/* SPDX-License-Identifier: Apache-2.0 */
/* What the three services have in common around main(): options, log, signals,
 * control socket, privileges.  Main thread. */
#ifndef TSN_DAEMON_H
#define TSN_DAEMON_H 1

#include <stdbool.h>
#include <stdint.h>

struct tsn_ctl;
struct tsn_err;
struct tsn_loop;

struct tsn_daemon;

struct tsn_daemon_spec {
    const char *program;            /* "tsn-tor-agent". */
    const char *summary;            /* For --help. */
    const char *default_config;     /* TSN_SYSCONFDIR "/tsn.yaml". */

    /* Loads and checks 'path'; the checked configuration goes to 'aux'.
     * Returns 0 or -errno with '*err' filled. */
    int (*load)(const char *path, void *aux, struct tsn_err *err);

    /* Starts the work in 'loop'.  Returns 0; or -errno with '*err' filled and
     * nothing left to stop. */
    int (*start)(struct tsn_loop *loop, struct tsn_ctl *ctl, void *aux,
                 struct tsn_err *err);

    /* Ends the work, after the loop has been left: stops threads, runs what
     * they posted (tsn_loop_drain()), closes sockets, frees. */
    void (*stop)(void *aux);

    /* "--detach": removes what outlives the process, of this configuration or,
     * with 'all', of any, for which load() is not called; prints what it was.
     * Returns 0 or -errno with '*err'.  NULL if nothing does outlive it. */
    int (*detach)(bool all, void *aux, struct tsn_err *err);

    /* SIGHUP: reload 'path'; NULL if the program cannot.  A refused file
     * changes nothing. */
    int (*reload)(const char *path, void *aux, struct tsn_err *err);

    /* SIGHUP, for one that cannot reload: reads anew the certificates that its
     * configuration names; NULL if it names none ever.  Bad ones change
     * nothing. */
    int (*reload_certificates)(void *aux, struct tsn_err *err);

    /* Capabilities kept, CAP_*, ended by -1; NULL keeps none.  The others are
     * dropped before start(): they belong to threads, and none of those may
     * exist by then. */
    const int *keep_caps;

    /* Those kept for tsn_privileges_raise() alone, likewise. */
    const int *idle_caps;
};

/* The whole main(): parses
 *
 *   --config FILE  --check [FILE]  --log-level LEVEL  --log-file FILE
 *   --run-dir DIR  --version  --help  --detach [FILE]  --all
 *
 * runs until SIGTERM or SIGINT, and returns the exit status: 0 fine, 1 could
 * not start or a refused file, 2 unusable arguments.  The control socket is
 * RUN-DIR/PROGRAM.ctl. */
int tsn_daemon_main(int argc, char *argv[], const struct tsn_daemon_spec *spec,
                    void *aux);

/* Where sockets of this process go: "--run-dir".  It is there from the start()
 * above on. */
const char *tsn_daemon_run_dir(void);

#endif /* tsn/daemon.h */
