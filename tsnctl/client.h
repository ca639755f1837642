/* SPDX-License-Identifier: Apache-2.0 */
/* Asks one control socket (tsn/ctl.h).  Blocks. */
#ifndef TSNCTL_CLIENT_H
#define TSNCTL_CLIENT_H 1

enum tsnctl_outcome {
    TSNCTL_OK,                  /* 'result'. */
    TSNCTL_REFUSED,             /* 'error', in the program's words. */
    TSNCTL_ABSENT,              /* Nobody serves the socket. */
    TSNCTL_FAILED,              /* 'error', in ours. */
};

struct tsnctl_reply {
    enum tsnctl_outcome outcome;
    char *text;                 /* The JSON text of the whole reply. */
    struct json *result;
    char *error;
};

/* How long a program may be silent. */
#define TSNCTL_TIMEOUT_MS 5000

/* Sends 'request', without a newline, to 'path' and waits for the reply, that
 * the caller frees with tsnctl_reply_fini(). */
void tsnctl_ask(const char *path, const char *request,
                struct tsnctl_reply *reply);

void tsnctl_reply_fini(struct tsnctl_reply *);

#endif /* tsnctl/client.h */
