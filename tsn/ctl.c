/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/list.h"
#include "openvswitch/vlog.h"
#include "tsn/ctl-request.h"
#include "tsn/error.h"
#include "tsn/json.h"
#include "tsn/loop.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tsn_ctl);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(12, 5);

/* A person, a monitoring script and some that hang.  A client beyond that
 * would only wait, so it is told. */
#define MAX_CLIENTS 16

/* From connect to the end of the request line. */
#define REQUEST_TIMEOUT_MS 5000
/* From there to tsn_ctl_finish(): more than a worker's longest stall. */
#define ANSWER_TIMEOUT_MS 10000
/* A reader that takes nothing for that long is dropped. */
#define WRITE_TIMEOUT_MS 5000

struct command {
    struct ovs_list node;
    char *words;                /* "show tors". */
    char *usage;
    int min_args;
    int max_args;
    tsn_ctl_fn *fn;
    void *aux;
};

struct tsn_ctl {
    struct tsn_loop *loop;
    char *path;
    dev_t dev;                  /* Of the socket file we made. */
    ino_t ino;
    uv_pipe_t *listener;
    struct ovs_list commands;   /* struct command. */
    struct ovs_list clients;    /* struct client, those not closing. */
    size_t n_clients;
};

enum phase {
    READING,                    /* The request line. */
    WAITING,                    /* For tsn_ctl_finish() of 'call'. */
    WRITING,                    /* The reply. */
    CLOSING,
};

/* A connection.  Lives until both of its handles are closed. */
struct client {
    struct tsn_ctl *ctl;
    struct ovs_list node;       /* In 'ctl->clients' unless CLOSING. */
    enum phase phase;
    int n_handles;              /* Not closed yet. */
    uv_pipe_t pipe;
    uv_timer_t timer;
    uv_write_t write;
    struct ds reply;
    size_t left;                /* Unwritten at the last look. */
    struct tsn_ctl_call *call;  /* While WAITING. */
    size_t n;                   /* Bytes in 'line'. */
    char line[TSN_CTL_LINE_MAX + 1];
};

/* 'client' is the main thread's; the rest belongs to whom the handler gave
 * the call. */
struct tsn_ctl_call {
    struct client *client;      /* NULL when gone. */
    struct ds reply;
    struct tsn_json json;
    char *error;
};

static void
handle_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;

    if (!--client->n_handles) {
        ds_destroy(&client->reply);
        free(client);
    }
}

static void
client_close(struct client *client)
{
    if (client->phase == CLOSING) {
        return;
    }
    client->phase = CLOSING;
    if (client->call) {
        client->call->client = NULL;
        client->call = NULL;
    }
    ovs_list_remove(&client->node);
    client->ctl->n_clients--;
    client->ctl = NULL;
    uv_close((uv_handle_t *) &client->pipe, handle_closed);
    uv_close((uv_handle_t *) &client->timer, handle_closed);
}

static void
write_cb(uv_write_t *write, int status OVS_UNUSED)
{
    client_close(write->data);
}

static void
write_timer_cb(uv_timer_t *timer)
{
    struct client *client = timer->data;
    size_t left = uv_stream_get_write_queue_size(
        (uv_stream_t *) &client->pipe);

    if (left == client->left) {
        VLOG_DBG_RL(&rl, "a client does not read its reply, closing "
                    "bytes=%"PRIuSIZE, left);
        client_close(client);
    } else {
        client->left = left;
    }
}

/* Sends 'reply', which becomes the client's. */
static void
client_reply(struct client *client, struct ds *reply)
{
    client->phase = WRITING;
    ds_put_char(reply, '\n');
    client->reply = *reply;
    ds_init(reply);

    uv_buf_t buf = uv_buf_init(client->reply.string, client->reply.length);
    client->write.data = client;
    if (uv_write(&client->write, (uv_stream_t *) &client->pipe, &buf, 1,
                 write_cb)) {
        client_close(client);
        return;
    }
    client->left = uv_stream_get_write_queue_size(
        (uv_stream_t *) &client->pipe);
    uv_timer_start(&client->timer, write_timer_cb, WRITE_TIMEOUT_MS,
                   WRITE_TIMEOUT_MS);
}

static void
put_error(struct ds *out, const char *text)
{
    struct tsn_json json;

    ds_clear(out);
    tsn_json_init(&json, out);
    tsn_json_object_begin(&json, NULL);
    tsn_json_bool(&json, "ok", false);
    tsn_json_string(&json, "error", text);
    tsn_json_object_end(&json);
}

static void OVS_PRINTF_FORMAT(2, 3)
client_error(struct client *client, const char *fmt, ...)
{
    struct ds reply = DS_EMPTY_INITIALIZER;
    va_list args;

    va_start(args, fmt);
    char *text = xvasprintf(fmt, args);
    va_end(args);
    put_error(&reply, text);
    free(text);
    client_reply(client, &reply);
}

static struct command *
find_command(struct tsn_ctl *ctl, const struct tsn_ctl_request *request,
             int *n_wordsp)
{
    struct command *command, *best = NULL;
    int best_n = 0;

    LIST_FOR_EACH (command, node, &ctl->commands) {
        int n = tsn_ctl_request_match(request, command->words);

        if (n > best_n) {
            best = command;
            best_n = n;
        }
    }
    *n_wordsp = best_n;
    return best;
}

static void
answer_timer_cb(uv_timer_t *timer)
{
    struct client *client = timer->data;

    VLOG_WARN_RL(&rl, "no answer to a request timeout_ms=%d",
                 ANSWER_TIMEOUT_MS);
    client->call->client = NULL;
    client->call = NULL;
    client_error(client, "no answer within %d s", ANSWER_TIMEOUT_MS / 1000);
}

/* Hands the request line, 'len' bytes, to its handler. */
static void
client_request(struct client *client, size_t len)
{
    struct tsn_ctl_request request;
    int n;

    uv_timer_stop(&client->timer);
    const char *problem = tsn_ctl_request_parse(&request, client->line, len);
    if (problem) {
        client_error(client, "%s", problem);
        return;
    }
    struct command *command = find_command(client->ctl, &request, &n);
    if (!command) {
        client_error(client, "unknown command \"%s\"; \"help\" lists what "
                     "there is", request.words[0]);
        return;
    }
    int argc = request.n_words - n;
    if (argc < command->min_args || argc > command->max_args) {
        client_error(client, "usage: %s", command->usage);
        return;
    }

    struct tsn_ctl_call *call = xzalloc(sizeof *call);
    call->client = client;
    ds_init(&call->reply);
    tsn_json_init(&call->json, &call->reply);
    tsn_json_object_begin(&call->json, NULL);
    tsn_json_bool(&call->json, "ok", true);

    client->call = call;
    client->phase = WAITING;
    uv_timer_start(&client->timer, answer_timer_cb, ANSWER_TIMEOUT_MS, 0);
    command->fn(call, argc, request.words + n, command->aux);
}

static void
alloc_cb(uv_handle_t *handle, size_t size OVS_UNUSED, uv_buf_t *buf)
{
    static char discarded[512];
    struct client *client = handle->data;

    *buf = client->phase == READING
           ? uv_buf_init(client->line + client->n,
                         TSN_CTL_LINE_MAX - client->n)
           : uv_buf_init(discarded, sizeof discarded);
}

static void
read_cb(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf OVS_UNUSED)
{
    struct client *client = stream->data;

    if (client->phase != READING) {
        /* A client may say at once that it has no more to say. */
        if (n == UV_EOF) {
            uv_read_stop(stream);
        } else if (n < 0) {
            client_close(client);
        }
        return;
    }
    if (n < 0) {
        client_close(client);
        return;
    }

    char *newline = memchr(client->line + client->n, '\n', n);
    client->n += n;
    if (newline) {
        client_request(client, newline - client->line);
    } else if (client->n == TSN_CTL_LINE_MAX) {
        client_error(client, "the request is longer than %d bytes",
                     TSN_CTL_LINE_MAX);
    }
}

static void
request_timer_cb(uv_timer_t *timer)
{
    client_close(timer->data);
}

static void
connection_cb(uv_stream_t *listener, int status)
{
    struct tsn_ctl *ctl = listener->data;

    if (status < 0) {
        VLOG_WARN_RL(&rl, "cannot accept a control connection: %s",
                     uv_strerror(status));
        return;
    }

    struct client *client = xzalloc(sizeof *client);
    client->ctl = ctl;
    ds_init(&client->reply);
    uv_loop_t *uv = tsn_loop_uv(ctl->loop);
    uv_pipe_init(uv, &client->pipe, 0);
    uv_timer_init(uv, &client->timer);
    client->n_handles = 2;
    client->pipe.data = client->timer.data = client;
    ovs_list_push_back(&ctl->clients, &client->node);
    ctl->n_clients++;

    if (uv_accept(listener, (uv_stream_t *) &client->pipe)) {
        client_close(client);
    } else if (ctl->n_clients > MAX_CLIENTS) {
        client_error(client, "more than %d clients at a time", MAX_CLIENTS);
    } else if (uv_read_start((uv_stream_t *) &client->pipe, alloc_cb,
                             read_cb)) {
        client_close(client);
    } else {
        uv_timer_start(&client->timer, request_timer_cb, REQUEST_TIMEOUT_MS,
                       0);
    }
}

struct tsn_json *
tsn_ctl_reply(struct tsn_ctl_call *call)
{
    return &call->json;
}

void
tsn_ctl_error(struct tsn_ctl_call *call, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    char *error = xvasprintf(fmt, args);
    va_end(args);
    free(call->error);
    call->error = error;
}

void
tsn_ctl_finish(struct tsn_ctl_call *call)
{
    struct client *client = call->client;

    if (client) {
        client->call = NULL;
        if (call->error) {
            put_error(&call->reply, call->error);
        } else {
            ovs_assert(call->json.depth == 1);
            tsn_json_object_end(&call->json);
        }
        client_reply(client, &call->reply);
    }
    ds_destroy(&call->reply);
    free(call->error);
    free(call);
}

void
tsn_ctl_register(struct tsn_ctl *ctl, const char *words, const char *usage,
                 int min_args, int max_args, tsn_ctl_fn *fn, void *aux)
{
    struct command *command = xmalloc(sizeof *command);

    command->words = xstrdup(words);
    command->usage = xstrdup(usage);
    command->min_args = min_args;
    command->max_args = max_args;
    command->fn = fn;
    command->aux = aux;
    ovs_list_push_back(&ctl->commands, &command->node);
}

static void
help_cb(struct tsn_ctl_call *call, int argc OVS_UNUSED,
        char *argv[] OVS_UNUSED, void *ctl_)
{
    struct tsn_json *json = tsn_ctl_reply(call);
    struct tsn_ctl *ctl = ctl_;
    struct command *command;

    tsn_json_object_begin(json, "result");
    tsn_json_array_begin(json, "commands");
    LIST_FOR_EACH (command, node, &ctl->commands) {
        tsn_json_object_begin(json, NULL);
        tsn_json_string(json, "command", command->words);
        tsn_json_string(json, "usage", command->usage);
        tsn_json_object_end(json);
    }
    tsn_json_array_end(json);
    tsn_json_object_end(json);
    tsn_ctl_finish(call);
}

/* Whether somebody serves the socket 'sun': 0 if not, -errno. */
static int
probe(const struct sockaddr_un *sun)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    int error = connect(fd, (const struct sockaddr *) sun, sizeof *sun)
                ? errno : 0;
    close(fd);
    /* EAGAIN: its backlog is full. */
    return error == ECONNREFUSED || error == ENOENT ? 0
           : error == 0 || error == EAGAIN ? -EADDRINUSE
           : -error;
}

/* Binds and opens for its group; nobody can connect yet. */
static int
bind_socket(int fd, const struct sockaddr_un *sun, struct stat *st)
{
    int error = probe(sun);
    if (error) {
        return error;
    }
    if (unlink(sun->sun_path) && errno != ENOENT) {
        return -errno;
    }
    if (bind(fd, (const struct sockaddr *) sun, sizeof *sun)
        || chmod(sun->sun_path, 0660)
        || lstat(sun->sun_path, st)) {
        return -errno;
    }
    return 0;
}

/* Opens the directory that 'path' is in. */
static int
open_dir_of(const char *path)
{
    char *dir = dir_name(path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = errno;

    free(dir);
    return fd < 0 ? -error : fd;
}

/* Returns a bound socket or -errno.  A lock on the directory keeps two
 * processes from replacing each other's socket as they start. */
static int
open_socket(const char *path, struct stat *st, struct tsn_err *err)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    int error = 0;

    if (strlen(path) >= sizeof sun.sun_path) {
        tsn_err_set(err, path, "is too long for a unix socket");
        return -ENAMETOOLONG;
    }
    strcpy(sun.sun_path, path);
    if (!lstat(path, st) && !S_ISSOCK(st->st_mode)) {
        tsn_err_set(err, path, "is there, and is not a socket");
        return -EEXIST;
    }

    int dir = open_dir_of(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (dir < 0) {
        error = dir;
    } else if (fd < 0 || flock(dir, LOCK_EX)) {
        error = -errno;
    } else {
        error = bind_socket(fd, &sun, st);
    }
    if (dir >= 0) {
        close(dir);
    }
    if (error && fd >= 0) {
        close(fd);
    }
    if (error == -EADDRINUSE) {
        tsn_err_set(err, path, "another process serves this socket; is the "
                    "program running already?");
    } else if (error) {
        tsn_err_set(err, path, "cannot create the control socket: %s",
                    ovs_strerror(-error));
    }
    return error ? error : fd;
}

static void
listener_closed(uv_handle_t *handle)
{
    free(handle);
}

struct tsn_ctl *
tsn_ctl_create(struct tsn_loop *loop, const char *path, struct tsn_err *err)
{
    struct stat st;

    int fd = open_socket(path, &st, err);
    if (fd < 0) {
        return NULL;
    }

    struct tsn_ctl *ctl = xzalloc(sizeof *ctl);
    ctl->loop = loop;
    ctl->path = xstrdup(path);
    ctl->dev = st.st_dev;
    ctl->ino = st.st_ino;
    ctl->listener = xzalloc(sizeof *ctl->listener);
    ctl->listener->data = ctl;
    ovs_list_init(&ctl->commands);
    ovs_list_init(&ctl->clients);

    uv_pipe_init(tsn_loop_uv(loop), ctl->listener, 0);
    int error = uv_pipe_open(ctl->listener, fd);
    if (error) {
        close(fd);
    } else {
        error = uv_listen((uv_stream_t *) ctl->listener, MAX_CLIENTS,
                          connection_cb);
    }
    if (error) {
        tsn_err_set(err, path, "cannot listen: %s", uv_strerror(error));
        tsn_ctl_destroy(ctl);
        return NULL;
    }
    tsn_ctl_register(ctl, "help", "help", 0, 0, help_cb, ctl);
    return ctl;
}

void
tsn_ctl_destroy(struct tsn_ctl *ctl)
{
    struct client *client, *next_client;
    struct command *command;
    struct stat st;

    if (!ctl) {
        return;
    }
    LIST_FOR_EACH_SAFE (client, next_client, node, &ctl->clients) {
        client_close(client);
    }
    LIST_FOR_EACH_POP (command, node, &ctl->commands) {
        free(command->words);
        free(command->usage);
        free(command);
    }
    uv_close((uv_handle_t *) ctl->listener, listener_closed);

    /* Unless a successor has put its own there. */
    if (!lstat(ctl->path, &st) && st.st_dev == ctl->dev
        && st.st_ino == ctl->ino) {
        unlink(ctl->path);
    }
    free(ctl->path);
    free(ctl);
}
