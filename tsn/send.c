/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/send.h"

#include <stdlib.h>
#include <string.h>

#include "util.h"

struct send {
    uv_write_t req;
    tsn_sent_fn *sent;
    void *aux;
    char data[];
};

static void
written(uv_write_t *req, int status)
{
    struct send *s = CONTAINER_OF(req, struct send, req);
    tsn_sent_fn *sent = s->sent;
    void *aux = s->aux;

    free(s);
    sent(aux, status);
}

int
tsn_send(uv_stream_t *stream, const void *data, size_t size,
         tsn_sent_fn *sent, void *aux)
{
    uv_buf_t buf = uv_buf_init(CONST_CAST(void *, data), size);

    /* Most writes fit the socket's buffer: no copy for those. */
    if (!stream->write_queue_size) {
        int n = uv_try_write(stream, &buf, 1);
        if (n > 0) {
            data = (const char *) data + n;
            size -= n;
        }
    }
    if (!size) {
        return 0;
    }

    struct send *s = xmalloc(sizeof *s + size);
    s->sent = sent;
    s->aux = aux;
    memcpy(s->data, data, size);
    buf = uv_buf_init(s->data, size);
    int error = uv_write(&s->req, stream, &buf, 1, written);
    if (error) {
        free(s);
    }
    return error;
}
