/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsnctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/json.h"
#include "openvswitch/shash.h"
#include "tsn/loop.h"
#include "util.h"

/* Waits for 'events' of 'fd'.  Returns 0 or -errno. */
static int
wait_for(int fd, short events)
{
    uint64_t end_ms = tsn_now_ms() + TSNCTL_TIMEOUT_MS;
    struct pollfd pfd = { .fd = fd, .events = events };

    for (;;) {
        uint64_t now_ms = tsn_now_ms();
        int n = poll(&pfd, 1, now_ms < end_ms ? end_ms - now_ms : 0);

        if (n >= 0) {
            return n ? 0 : -ETIMEDOUT;
        }
        if (errno != EINTR) {
            return -errno;
        }
    }
}

/* Returns a socket or -errno. */
static int
open_client(const char *path)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    struct timeval timeout = { .tv_sec = TSNCTL_TIMEOUT_MS / 1000 };
    int error = 0;

    if (strlen(path) >= sizeof sun.sun_path) {
        return -ENAMETOOLONG;
    }
    strcpy(sun.sun_path, path);

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    /* The timeout for sending is also that of connect(), which waits while
     * others are in the queue. */
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout)
        || connect(fd, (struct sockaddr *) &sun, sizeof sun)) {
        error = errno == EAGAIN ? -ETIMEDOUT : -errno;
        close(fd);
    }
    return error ? error : fd;
}

/* Reads up to the end.  Returns 0 or -errno. */
static int
receive(int fd, struct ds *text)
{
    for (;;) {
        char *tail = ds_put_uninit(text, 65536);
        int error = wait_for(fd, POLLIN);
        ssize_t n = error ? 0 : recv(fd, tail, 65536, 0);

        if (n < 0) {
            error = -errno;
        }
        ds_truncate(text, text->length - 65536 + MAX(n, 0));
        if (error && error != -EINTR) {
            return error;
        }
        if (!n && !error) {
            return 0;
        }
    }
}

static int
exchange(const char *path, const char *request, struct ds *text)
{
    int fd = open_client(path);
    if (fd < 0) {
        return fd;
    }

    char *line = xasprintf("%s\n", request);
    ssize_t n = send(fd, line, strlen(line), MSG_NOSIGNAL);
    /* One that refuses at once may have closed by now, and said why. */
    int error = n < 0 && errno != EPIPE ? -errno : receive(fd, text);
    free(line);
    close(fd);
    return error;
}

static void OVS_PRINTF_FORMAT(3, 4)
set_error(struct tsnctl_reply *reply, enum tsnctl_outcome outcome,
          const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    reply->error = xvasprintf(fmt, args);
    va_end(args);
    reply->outcome = outcome;
}

/* Takes {"ok":...} apart. */
static void
parse_reply(struct tsnctl_reply *reply)
{
    struct json *json = json_from_string(reply->text);
    struct json *ok = NULL, *result = NULL, *error = NULL;

    if (json->type == JSON_OBJECT) {
        ok = shash_find_data(json->object, "ok");
        result = shash_find_data(json->object, "result");
        error = shash_find_data(json->object, "error");
    }
    if (ok && ok->type == JSON_TRUE && result) {
        reply->outcome = TSNCTL_OK;
        reply->result = json_clone(result);
    } else if (ok && ok->type == JSON_FALSE && error
               && error->type == JSON_STRING) {
        set_error(reply, TSNCTL_REFUSED, "%s", error->string);
    } else {
        set_error(reply, TSNCTL_FAILED, "%s",
                  *reply->text ? "the reply is not understood"
                               : "closed the connection without a reply");
    }
    json_destroy(json);
}

void
tsnctl_ask(const char *path, const char *request, struct tsnctl_reply *reply)
{
    struct ds text = DS_EMPTY_INITIALIZER;

    memset(reply, 0, sizeof *reply);
    int error = exchange(path, request, &text);
    reply->text = ds_steal_cstr(&text);

    if (!error) {
        parse_reply(reply);
    } else if (error == -ENOENT || error == -ECONNREFUSED) {
        reply->outcome = TSNCTL_ABSENT;
    } else if (error == -ETIMEDOUT) {
        set_error(reply, TSNCTL_FAILED, "no answer within %d s",
                  TSNCTL_TIMEOUT_MS / 1000);
    } else {
        set_error(reply, TSNCTL_FAILED, "%s: %s", path,
                  ovs_strerror(-error));
    }
}

void
tsnctl_reply_fini(struct tsnctl_reply *reply)
{
    free(reply->text);
    json_destroy(reply->result);
    free(reply->error);
}
