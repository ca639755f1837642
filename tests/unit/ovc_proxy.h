/* SPDX-License-Identifier: Apache-2.0 */
/* Stands between a session and the server of its rig, in the test's own poll
 * loop, and does what switches are known to do: it refuses a transaction,
 * swallows its reply, or ends the connection after it. */
#ifndef TESTS_UNIT_OVC_PROXY_H
#define TESTS_UNIT_OVC_PROXY_H 1

#include <stdbool.h>

struct json;
struct proxy;

enum proxy_fate {
    PROXY_PASS,
    PROXY_REFUSE,               /* "constraint violation". */
    PROXY_HANG_UP,              /* Done, but the reply never comes. */
};

/* What becomes of a transaction; 'params' as in RFC 7047 4.1.3. */
typedef enum proxy_fate proxy_decide_fn(const struct json *params, void *aux);

/* Listens at "DIR/proxy_sock", connects to "DIR/sock". */
struct proxy *proxy_create(const char *dir, proxy_decide_fn *, void *aux);
void proxy_destroy(struct proxy *);     /* NULL is fine. */
const char *proxy_remote(const struct proxy *);

/* NULL is fine. */
void proxy_run(struct proxy *);
void proxy_wait(struct proxy *);

/* Whether one of the operations is on 'table'. */
bool proxy_has_table(const struct json *params, const char *table);
/* Refusals and hang-ups so far. */
int proxy_n_faults(const struct proxy *);

#endif /* tests/unit/ovc_proxy.h */
