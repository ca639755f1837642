/* SPDX-License-Identifier: Apache-2.0 */
/* What a person is told when something they wrote or asked for is refused:
 * where it stands and what is wrong.  Plain data, any thread. */
#ifndef TSN_ERROR_H
#define TSN_ERROR_H 1

struct tsn_err {
    char where[256];            /* "FILE:LINE:COLUMN", a peer, or empty. */
    char text[512];             /* What is wrong, one sentence, no newline. */
};

/* Fills 'err', which may be NULL.  'where' may be NULL. */
void tsn_err_set(struct tsn_err *err, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* "where: text" or "text", valid until the next call in this thread. */
const char *tsn_err_format(const struct tsn_err *err);

#endif /* tsn/error.h */
