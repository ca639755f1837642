/* SPDX-License-Identifier: Apache-2.0 */
/* A network namespace for the test, and one more for those it talks to.  Both
 * have no name and vanish with the processes that are in them. */
#ifndef TESTS_NETNS_RIG_H
#define TESTS_NETNS_RIG_H 1

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The process that holds the other namespace; 0 if there is none. */
static pid_t netns_peer;

/* Runs a shell command, which must succeed. */
static inline void __attribute__((format(printf, 1, 2)))
sh(const char *fmt, ...)
{
    char command[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(command, sizeof command, fmt, args);
    va_end(args);
    if (system(command)) {
        fail_msg("command failed: %s", command);
    }
}

/* The same in the other namespace. */
#define peer_sh(FMT, ...) \
    sh("nsenter --net=/proc/%d/ns/net " FMT, (int) netns_peer, ##__VA_ARGS__)

static inline void
netns_hold(int ready)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWNET) || write(ready, "", 1) != 1) {
        _exit(1);
    }
    for (;;) {
        pause();
    }
}

/* Moves this process into a namespace of its own and makes the other one.
 * Returns false if that is not permitted. */
static inline bool
netns_enter(void)
{
    int ready[2];
    char c;

    if (unshare(CLONE_NEWNET | CLONE_NEWNS)
        || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
        return false;
    }
    assert_int_equal(pipe(ready), 0);
    netns_peer = fork();
    assert_true(netns_peer >= 0);
    if (!netns_peer) {
        netns_hold(ready[1]);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    sh("ip link set lo up");
    peer_sh("ip link set lo up");
    return true;
}

static inline void
netns_leave(void)
{
    if (netns_peer > 0) {
        kill(netns_peer, SIGKILL);
        waitpid(netns_peer, NULL, 0);
        netns_peer = 0;
    }
}

/* A veth pair, 'ours' here and 'theirs' in the other namespace, both up, with
 * addresses of a prefix: "10.0.1.1/24". */
static inline void
netns_connect(const char *ours, const char *our_ip, const char *theirs,
              const char *their_ip)
{
    sh("ip link add name %s type veth peer name %s netns %d", ours, theirs,
       (int) netns_peer);
    sh("ip addr add %s dev %s && ip link set %s up", our_ip, ours, ours);
    peer_sh("ip addr add %s dev %s", their_ip, theirs);
    peer_sh("ip link set %s up", theirs);
}

#endif /* tests/unit/netns_rig.h */
