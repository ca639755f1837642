/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ovsdb-client/json-frame.h"

static void
in_string(struct ovc_json_frame *frame, char c)
{
    if (frame->escaped) {
        frame->escaped = false;
    } else if (c == '\\') {
        frame->escaped = true;
    } else if (c == '"') {
        frame->in_string = false;
    }
}

size_t
ovc_json_frame_scan(struct ovc_json_frame *frame, const char *data,
                    size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = data[i];

        if (frame->in_string) {
            in_string(frame, c);
        } else if (c == '"') {
            frame->in_string = true;
        } else if (c == '{' || c == '[') {
            frame->depth++;
        } else if ((c == '}' || c == ']') && frame->depth
                   && !--frame->depth) {
            return i + 1;
        }
    }
    return size;
}
