/* SPDX-License-Identifier: Apache-2.0 */
/* What somebody wants to have explained: the words of the request taken
 * apart.  Any thread. */
#ifndef REPL_EXPLAIN_REQUEST_H
#define REPL_EXPLAIN_REQUEST_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replication/forwarder/explain.h"

struct tsn_err;

#define REPL_EXPLAIN_USAGE \
    "explain [{--vni N | --label N [--gre]} --from VTEP] [--to VTEP] HEX"
/* All options at a time, which is not right, and the octets. */
#define REPL_EXPLAIN_MAX_WORDS 10

struct repl_explain_request {
    bool is_frame;              /* An inner frame that comes as 'from' says;
                                 * else a packet of the underlay, from its IP
                                 * header on. */
    struct fwd_explain_from from;
    bool has_to;                /* Only the copies for 'to' matter. */
    struct fwd_ip to;
    uint8_t *data;
    size_t size;
};

/* Reads the words behind the command.  Returns 0 with '*request' to be freed
 * with repl_explain_request_fini(), or -EINVAL with '*err'. */
int repl_explain_request_parse(struct repl_explain_request *request, int argc,
                               char *argv[], struct tsn_err *err);
void repl_explain_request_fini(struct repl_explain_request *);

#endif /* replication/explain-request.h */
