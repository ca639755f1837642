/* SPDX-License-Identifier: Apache-2.0 */
/* Replies on standard output. */
#ifndef TSNCTL_PRINT_H
#define TSNCTL_PRINT_H 1

struct json;
struct tsnctl_reply;

void tsnctl_print_json(const struct json *);

/* The result of 'reply', which is TSNCTL_OK, as text; each line is indented by
 * 'indent' blanks. */
void tsnctl_print_text(const struct tsnctl_reply *, int indent);

#endif /* tsnctl/print.h */
