/* SPDX-License-Identifier: Apache-2.0 */
/* Where one JSON message ends and the next begins in a stream that is not
 * parsed.  The text is taken to be JSON; for any other the answer means
 * nothing, and costs nothing.  Without I/O, one thread. */
#ifndef OVSDB_CLIENT_JSON_FRAME_H
#define OVSDB_CLIENT_JSON_FRAME_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ovc_json_frame {
    uint32_t depth;             /* Of objects and arrays that are open. */
    bool in_string, escaped;
};

/* Goes on through 'data' up to the end of the message under way.  Returns the
 * number of bytes up to there, or 'size' if the message does not end in
 * them. */
size_t ovc_json_frame_scan(struct ovc_json_frame *, const char *data,
                           size_t size);

/* Whether nothing of a message has come since the last one ended. */
static inline bool
ovc_json_frame_is_between(const struct ovc_json_frame *frame)
{
    return !frame->depth && !frame->in_string;
}

#endif /* ovsdb-client/json-frame.h */
