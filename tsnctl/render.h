/* SPDX-License-Identifier: Apache-2.0 */
/* Turns any JSON value into text for a terminal, so that a new command of a
 * service needs no new code here:
 *
 *   - members of an object that fit a line become "key: value" lines,
 *   - an array of flat objects becomes a table, a column for each key,
 *   - an array of others becomes a block for each element.
 *
 * Keys keep the order in which the text has them. */
#ifndef TSNCTL_RENDER_H
#define TSNCTL_RENDER_H 1

struct ds;
struct json;

/* Appends 'value' to 'out', each line indented by 'indent' blanks.  'text' is
 * what 'value' was parsed from, for the order of keys.  Control characters in
 * strings, which may come from a switch, become '?'. */
void tsnctl_render(struct ds *out, const struct json *value,
                   const char *text, int indent);

#endif /* tsnctl/render.h */
