/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a session, to and from the ToR's session (session.h), which has
 * a socket of its own.  Whoever is slow slows the other down: nothing is read
 * while what was read last waits. */
#include <config.h>
#include "ovsdb-client/acceptor-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "socket-util.h"
#include "tsn/loop.h"
#include "tsn/send.h"
#include "util.h"

/* A session of jsonrpc.c takes a reply of that id for one to its own probe,
 * and says nothing about it. */
#define ECHO_REQUEST "{\"id\":\"echo\",\"method\":\"echo\",\"params\":[]}"

/* What the ToR's session wrote before it hung up goes to the switch for so
 * long. */
#define DRAIN_MS 2000

static void pipe_read(struct acc_conn *);

bool
acc_splice(struct acc_conn *c)
{
    int fd = make_unix_socket(SOCK_STREAM, true, NULL, c->tor->socket);

    if (fd < 0) {
        if (fd == -EMFILE || fd == -ENFILE) {
            acc_make_room(c->acceptor, c);
        }
        return false;
    }
    uv_pipe_init(c->acceptor->loop, &c->pipe, 0);
    c->n_handles++;
    if (uv_pipe_open(&c->pipe, fd)) {
        close(fd);
        acc_conn_close(c, ACC_NOT_READY, NULL);
        return false;
    }
    c->state = ACC_SPLICED;
    pipe_read(c);
    return true;
}

static void
sent_to_tor(void *c_, int status)
{
    struct acc_conn *c = c_;

    if (c->state == ACC_SPLICED && !status && c->tcp_stopped
        && !c->pipe.write_queue_size) {
        c->tcp_stopped = false;
        acc_conn_read(c);
    }
}

void
acc_splice_from_switch(struct acc_conn *c, const void *data, size_t size)
{
    c->n_in += size;
    if (c->is_challenged) {
        c->is_challenged = false;
        uv_timer_stop(&c->timer);
        acc_challenge_answered(c->tor);
    }
    /* An error is that it has hung up, as reading will tell. */
    if (!tsn_send((uv_stream_t *) &c->pipe, data, size, sent_to_tor, c)
        && c->pipe.write_queue_size) {
        c->tcp_stopped = true;
        uv_read_stop((uv_stream_t *) &c->tcp);
    }
}

static void
send_echo(struct acc_conn *c)
{
    c->echo_wanted = false;
    acc_conn_send(c, ECHO_REQUEST, strlen(ECHO_REQUEST));
}

static void
to_switch(struct acc_conn *c, const char *data, size_t size)
{
    size_t sent = 0;

    c->n_out += size;
    for (size_t at = 0; at < size; ) {
        at += ovc_json_frame_scan(&c->frame, data + at, size - at);
        if (c->echo_wanted && ovc_json_frame_is_between(&c->frame)) {
            acc_conn_send(c, data + sent, at - sent);
            sent = at;
            send_echo(c);
        }
    }
    if (sent < size && c->state == ACC_SPLICED) {
        acc_conn_send(c, data + sent, size - sent);
    }
    if (c->state == ACC_SPLICED && acc_conn_is_full(c)) {
        c->pipe_stopped = true;
        uv_read_stop((uv_stream_t *) &c->pipe);
    }
}

/* The ToR's session has hung up. */
static void
drain(struct acc_conn *c)
{
    if (!acc_conn_is_full(c)) {
        acc_conn_close(c, ACC_ENDED, "ended by the agent");
        return;
    }
    c->state = ACC_DRAINING;
    uv_close((uv_handle_t *) &c->pipe, acc_handle_closed);
    acc_conn_set_timer(c, DRAIN_MS);
    if (c->tcp_stopped) {
        c->tcp_stopped = false;
        acc_conn_read(c);
    }
}

static void
pipe_read_cb(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct acc_conn *c = stream->data;

    if (c->state != ACC_SPLICED) {
        return;
    }
    if (n < 0) {
        drain(c);
    } else if (n) {
        to_switch(c, buf->base, n);
    }
}

static void
pipe_read(struct acc_conn *c)
{
    c->pipe.data = c;
    uv_read_start((uv_stream_t *) &c->pipe, acc_alloc_cb, pipe_read_cb);
}

void
acc_splice_sent(struct acc_conn *c)
{
    if (c->state == ACC_DRAINING) {
        acc_conn_close(c, ACC_ENDED, "ended by the agent");
    } else if (c->state == ACC_SPLICED && c->pipe_stopped) {
        c->pipe_stopped = false;
        pipe_read(c);
    }
}

void
acc_challenge(struct acc_conn *c)
{
    if (c->tcp_stopped) {
        /* It has sent more than the ToR's session could take yet. */
        acc_challenge_answered(c->tor);
        return;
    }
    c->is_challenged = true;
    c->echo_wanted = true;
    acc_conn_set_timer(c, OVC_ACCEPTOR_ECHO_MS);
    if (ovc_json_frame_is_between(&c->frame)) {
        send_echo(c);
    }
}
