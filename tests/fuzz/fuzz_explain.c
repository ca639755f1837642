/* SPDX-License-Identifier: Apache-2.0 */
/* The words behind "explain", and whatever packet is in them. */
#include <config.h>
#include "replication/explain-request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/fwd_cases.h"
#include "openvswitch/dynamic-string.h"
#include "tsn/ctl-request.h"
#include "tsn/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_all(const struct fwd_explain *e)
{
    struct fwd_explain_copies copies;
    struct fwd_explain_copy c;
    struct ds text = DS_EMPTY_INITIALIZER;

    for (unsigned int i = 0; i < e->n_steps; i++) {
        fwd_explain_put_step(e, e->steps[i], &text);
    }
    fwd_explain_put_inner(e, &text);
    fwd_explain_copies_init(&copies, e);
    while (fwd_explain_copies_next(&copies, &c)) {
        if (c.fate == FWD_EXPLAIN_SENT) {
            ds_put_buffer(&text, (const char *) c.payload, c.copy.size);
            ovs_assert(c.ip_size + c.transport_size + c.tunnel_size
                       + c.copy.size == fwd_copy_len(&c.copy));
        }
    }
    ds_destroy(&text);
}

static void
explain(const struct fwd_table *table,
        const struct repl_explain_request *request)
{
    struct fwd_host host = fwd_case_host();
    struct fwd_explain e;

    if (!request->is_frame) {
        fwd_explain_packet(&e, table, &host, request->data, request->size);
    } else if (fwd_explain_frame(&e, table, &host, &request->from,
                                 request->data, request->size)) {
        return;
    }
    read_all(&e);
    fwd_explain_fini(&e);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fwd_table *table;
    struct repl_explain_request request;
    struct tsn_ctl_request words;
    struct tsn_err err;
    size_t len = MIN(size, TSN_CTL_LINE_MAX);
    char *line = xmalloc(len + 1);

    if (!table) {
        table = fwd_case_table();
    }
    memcpy(line, data, len);
    if (!tsn_ctl_request_parse(&words, line, len)) {
        if (!repl_explain_request_parse(&request, words.n_words, words.words,
                                        &err)) {
            ovs_assert(request.size > 0);
            explain(table, &request);
            repl_explain_request_fini(&request);
        } else {
            ovs_assert(err.text[0]);
        }
    }
    free(line);
    return 0;
}
