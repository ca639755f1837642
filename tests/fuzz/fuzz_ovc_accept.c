/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer can say before it is known: a PROXY header, then answers to our
 * questions.  The first byte says in what pieces they come, and whether names
 * are asked for.  However it is cut, the outcome is the same, and what follows
 * the last answer is left alone. */
#include <config.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "ovsdb-client/identify.h"
#include "ovsdb-client/json-frame.h"
#include "ovsdb-client/proxy-protocol.h"
#include "sset.h"
#include "tsn/error.h"
#include "util.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Returns how much of 'data' is the header. */
static size_t
parse_proxy(const uint8_t *data, size_t size)
{
    struct ovc_proxy proxy, again;
    struct tsn_err err;

    ssize_t n = ovc_proxy_parse(data, size, &proxy, &err);
    if (n < 0) {
        return 0;
    }
    ovs_assert(n >= 16 && (size_t) n <= MIN(size, OVC_PROXY_MAX_SIZE));
    ovs_assert(!proxy.local || !proxy.has_source);
    for (size_t i = 0; i < (size_t) n; i++) {
        ovs_assert(ovc_proxy_parse(data, i, &again, &err) == -EAGAIN);
    }
    return n;
}

struct outcome {
    int error;
    size_t used;
    struct ds output;
    size_t n_names;
};

static struct outcome
identify(const char *data, size_t size, size_t step, bool want_names)
{
    struct ovc_identify *id = ovc_identify_create(want_names);
    struct outcome o = { .error = -EAGAIN, .output = DS_EMPTY_INITIALIZER };

    while (o.error == -EAGAIN && o.used < size) {
        struct tsn_err err = { .text = "" };
        size_t n = MIN(step, size - o.used), used = n;

        o.error = ovc_identify_push(id, data + o.used, n, &used, &err);
        ovs_assert(used <= n);
        ovs_assert(!o.error || o.error == -EAGAIN || err.text[0]);
        o.used += used;
    }
    ds_put_cstr(&o.output, ds_cstr(ovc_identify_output(id)));
    o.n_names = sset_count(ovc_identify_names(id));
    ovs_assert(o.n_names <= OVC_IDENTIFY_MAX_NAMES);
    ovc_identify_destroy(id);
    return o;
}

static void
scan_frames(const char *data, size_t size)
{
    struct ovc_json_frame whole = { 0 }, bytes = { 0 };
    size_t at = 0;

    while (at < size) {
        size_t n = ovc_json_frame_scan(&whole, data + at, size - at);
        ovs_assert(n > 0 && n <= size - at);
        at += n;
    }
    for (size_t i = 0; i < size; i++) {
        ovs_assert(ovc_json_frame_scan(&bytes, data + i, 1) == 1);
    }
    ovs_assert(whole.depth == bytes.depth
               && whole.in_string == bytes.in_string);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) {
        return 0;
    }
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    size_t step = 1 + (data[0] & 0x7f);
    bool want_names = data[0] & 0x80;
    data++;
    size--;

    size_t header = parse_proxy(data, size);
    const char *text = (const char *) data + header;
    size -= header;
    scan_frames(text, size);
    struct outcome a = identify(text, size, SIZE_MAX, want_names);
    struct outcome b = identify(text, size, step, want_names);
    ovs_assert(a.error == b.error && a.n_names == b.n_names);
    ovs_assert(a.error || a.used == b.used);
    ovs_assert(!strcmp(ds_cstr(&a.output), ds_cstr(&b.output)));
    ds_destroy(&a.output);
    ds_destroy(&b.output);
    return 0;
}
