/* SPDX-License-Identifier: Apache-2.0 */
/* The request line of the control socket (tsn/ctl.h) taken apart.  Plain
 * data, any thread. */
#ifndef TSN_CTL_REQUEST_H
#define TSN_CTL_REQUEST_H 1

#include <stddef.h>

/* A jumbo frame in hexadecimal digits, as for "explain", and some words. */
#define TSN_CTL_LINE_MAX 32768
#define TSN_CTL_WORDS_MAX 32

struct tsn_ctl_request {
    char *words[TSN_CTL_WORDS_MAX + 1];     /* Ended by NULL. */
    int n_words;
};

/* Splits the 'len' bytes of 'line', without its newline, at blanks.  The
 * words are parts of 'line', which is changed and must have room for a null
 * behind.  Returns NULL, or a static text with what is wrong. */
const char *tsn_ctl_request_parse(struct tsn_ctl_request *, char *line,
                                  size_t len);

/* Whether the request starts with the words of 'command': returns how many
 * they are, 0 if it does not. */
int tsn_ctl_request_match(const struct tsn_ctl_request *,
                          const char *command);

#endif /* tsn/ctl-request.h */
