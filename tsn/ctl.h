/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket that tsnctl talks to: a unix stream socket, one request
 * line, one JSON document back, close.
 *
 *   request:  "show tors\n"  (words separated by blanks)
 *   reply:    {"ok":true,"result":{...}}  or  {"ok":false,"error":"..."}
 *
 * Lives in the main thread's loop; a request longer than a line of 32 KiB is
 * refused, one slower than 5 s closed, and so is who does not read its reply.
 * "help" lists the commands.  The socket is for its owner and its group. */
#ifndef TSN_CTL_H
#define TSN_CTL_H 1

struct tsn_ctl;
struct tsn_ctl_call;
struct tsn_err;
struct tsn_json;
struct tsn_loop;

/* Handles one request.  'argv' are the words after the command's own, 'argc'
 * of them, valid until the handler returns.  The handler fills
 * tsn_ctl_reply() and calls tsn_ctl_finish(), now or later; after 10 s the
 * client is told that there is no answer. */
typedef void tsn_ctl_fn(struct tsn_ctl_call *call, int argc, char *argv[],
                        void *aux);

/* Listens on 'path', replacing a socket that nobody serves.  Returns NULL and
 * fills 'err' when it cannot, for example as another process serves it. */
struct tsn_ctl *tsn_ctl_create(struct tsn_loop *loop, const char *path,
                               struct tsn_err *err);
/* Drops the clients and removes the socket.  Calls that are outstanding stay
 * with who has them.  NULL is fine. */
void tsn_ctl_destroy(struct tsn_ctl *ctl);

/* Serves 'command' ("show tors"); 'usage' is its line in "help".  Between
 * 'min_args' and 'max_args' further words are accepted. */
void tsn_ctl_register(struct tsn_ctl *ctl, const char *command,
                      const char *usage, int min_args, int max_args,
                      tsn_ctl_fn *fn, void *aux);

/* The writer of the reply's "result", of which the handler writes exactly one
 * value with key "result".  A handler may hand it to another thread, as long
 * as only one uses it at a time. */
struct tsn_json *tsn_ctl_reply(struct tsn_ctl_call *call);

/* Replaces the reply by an error.  Same threads as tsn_ctl_reply(). */
void tsn_ctl_error(struct tsn_ctl_call *call, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Sends the reply and frees 'call'.  Main thread only; legal when the client
 * or 'ctl' itself is gone. */
void tsn_ctl_finish(struct tsn_ctl_call *call);

#endif /* tsn/ctl.h */
