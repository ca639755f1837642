/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "openvswitch/vlog.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tsn_notify);

void
tsn_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un sun = { .sun_family = AF_UNIX };

    if (!path || !*path) {
        return;
    }
    size_t len = strlen(path);
    if (len >= sizeof sun.sun_path || (*path != '/' && *path != '@')) {
        VLOG_WARN("NOTIFY_SOCKET is not understood path=%s", path);
        return;
    }
    memcpy(sun.sun_path, path, len);
    if (*path == '@') {
        sun.sun_path[0] = '\0';
    }

    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0
        || sendto(fd, state, strlen(state), MSG_NOSIGNAL,
                  (struct sockaddr *) &sun,
                  offsetof(struct sockaddr_un, sun_path) + len) < 0) {
        VLOG_WARN("cannot notify systemd state=%s: %s", state,
                  ovs_strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
}
