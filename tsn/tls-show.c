/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/tls-show.h"

#include <time.h>

#include "tsn/json.h"
#include "tsn/tls.h"

static void
show_time(struct tsn_json *json, const char *key, int64_t t)
{
    time_t time = t;
    char buf[32];
    struct tm tm;

    if (gmtime_r(&time, &tm) && strftime(buf, sizeof buf,
                                         "%Y-%m-%dT%H:%M:%SZ", &tm)) {
        tsn_json_string(json, key, buf);
    } else {
        tsn_json_string(json, key, NULL);
    }
}

void
tsn_tls_show(const struct tsn_tls_session *session, struct tsn_json *json)
{
    struct tsn_tls_info info;

    if (!session || !tsn_tls_session_info(session, &info)) {
        tsn_json_string(json, "tls", NULL);
        return;
    }
    tsn_json_object_begin(json, "tls");
    tsn_json_string(json, "version", info.version);
    tsn_json_string(json, "cipher", info.cipher);
    show_time(json, "expires", info.not_after);
    tsn_json_string(json, "peer", info.has_peer ? info.subject : NULL);
    if (info.has_peer) {
        show_time(json, "peer_expires", info.peer_not_after);
    }
    tsn_json_object_end(json);
}
