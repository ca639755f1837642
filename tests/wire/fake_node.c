/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/wire/fake_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tsn/model.h"
#include "util.h"

struct fake_link {
    uv_tcp_t tcp;
    struct fake_node *node;
    struct fake_link *next;
    size_t index;
    bool played;
};

struct fake_write {
    uv_write_t req;
    char data[];
};

static char buffer[65536];

static void
link_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct fake_link, tcp));
}

static void
close_link(struct fake_link *link)
{
    struct fake_link **p = &link->node->links;

    while (*p != link) {
        p = &(*p)->next;
    }
    *p = link->next;
    link->node->n_closed++;
    uv_close((uv_handle_t *) &link->tcp, link_closed);
}

static void
written(uv_write_t *req, int status OVS_UNUSED)
{
    free(CONTAINER_OF(req, struct fake_write, req));
}

static void
send_data(struct fake_link *link, const char *data, size_t size)
{
    struct fake_write *w = xmalloc(sizeof *w + size);
    uv_buf_t buf = uv_buf_init(w->data, size);

    memcpy(w->data, data, size);
    assert_int_equal(uv_write(&w->req, (uv_stream_t *) &link->tcp, &buf, 1,
                              written), 0);
}

static void
shut_down(uv_shutdown_t *req, int status OVS_UNUSED)
{
    free(req);
}

/* Ends our side once all is sent; the peer then ends its own. */
static void
finish(struct fake_link *link)
{
    assert_int_equal(uv_shutdown(xmalloc(sizeof(uv_shutdown_t)),
                                 (uv_stream_t *) &link->tcp, shut_down), 0);
}

static void
play(struct fake_link *link)
{
    const struct fake_node *node = link->node;
    const struct fake_play *p
        = &node->plays[MIN(link->index, node->n_plays - 1)];

    link->played = true;
    if (p->size) {
        send_data(link, p->data, p->size);
    }
    if (p->close) {
        finish(link);
    }
}

static void
alloc_cb(uv_handle_t *handle OVS_UNUSED, size_t size OVS_UNUSED, uv_buf_t *buf)
{
    *buf = uv_buf_init(buffer, sizeof buffer);
}

static void
read_cb(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct fake_link *link = CONTAINER_OF((uv_tcp_t *) stream,
                                          struct fake_link, tcp);
    struct ds *heard = &link->node->heard[link->index];

    if (n < 0) {
        close_link(link);
        return;
    }
    ds_put_buffer(heard, buf->base, n);
    if (!link->played && strchr(ds_cstr(heard), '>')) {
        play(link);
    }
}

static void
connection_cb(uv_stream_t *listener, int status)
{
    struct fake_node *node = CONTAINER_OF((uv_tcp_t *) listener,
                                          struct fake_node, listener);
    struct fake_link *link = xzalloc(sizeof *link);

    assert_int_equal(status, 0);
    assert_true(node->n_connections < FAKE_N_HEARD);
    link->node = node;
    link->index = node->n_connections++;
    link->next = node->links;
    node->links = link;
    uv_tcp_init(listener->loop, &link->tcp);
    assert_int_equal(uv_accept(listener, (uv_stream_t *) &link->tcp), 0);
    assert_int_equal(uv_read_start((uv_stream_t *) &link->tcp, alloc_cb,
                                   read_cb), 0);
}

void
fake_node_init(struct fake_node *node, uv_loop_t *loop, const char *ip,
               const struct fake_play *plays, size_t n_plays)
{
    int len = sizeof node->address;

    memset(node, 0, sizeof *node);
    node->plays = plays;
    node->n_plays = n_plays;
    for (size_t i = 0; i < FAKE_N_HEARD; i++) {
        ds_init(&node->heard[i]);
    }
    assert_int_equal(tsn_sockaddr_parse(ip, 0, &node->address), 0);
    uv_tcp_init(loop, &node->listener);
    assert_int_equal(uv_tcp_bind(&node->listener,
                                 (struct sockaddr *) &node->address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *) &node->listener, 8,
                               connection_cb), 0);
    assert_int_equal(uv_tcp_getsockname(&node->listener,
                                        (struct sockaddr *) &node->address,
                                        &len), 0);
}

void
fake_node_send(struct fake_node *node, const char *data, size_t size)
{
    for (struct fake_link *link = node->links; link; link = link->next) {
        send_data(link, data, size);
    }
}

void
fake_node_hang_up(struct fake_node *node)
{
    for (struct fake_link *link = node->links; link; link = link->next) {
        finish(link);
    }
}

void
fake_node_close(struct fake_node *node)
{
    while (node->links) {
        close_link(node->links);
    }
    uv_close((uv_handle_t *) &node->listener, NULL);
}

void
fake_node_fini(struct fake_node *node)
{
    for (size_t i = 0; i < FAKE_N_HEARD; i++) {
        ds_destroy(&node->heard[i]);
    }
}
