/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a peer through the session engine: framing, header, stanza.  The
 * first byte chooses the role and how the rest is cut into reads. */
#include <config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "openvswitch/vlog.h"
#include "util.h"
#include "xmpp/conn.h"
#include "xmpp/stanza.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ignore_send(void *aux OVS_UNUSED, const void *data OVS_UNUSED,
            size_t size OVS_UNUSED)
{
}

static bool
accept_all(void *aux OVS_UNUSED, const char *name OVS_UNUSED)
{
    return true;
}

static void
check_stanza(void *aux OVS_UNUSED, const struct xmpp_stanza *st)
{
    ovs_assert(st->from && st->to && st->node && st->item_node);
}

static void
ignore_closed(void *aux OVS_UNUSED, enum xmpp_close_reason reason OVS_UNUSED)
{
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct xmpp_conn_ops ops = {
        .send = ignore_send,
        .opened = accept_all,
        .stanza = check_stanza,
        .closed = ignore_closed,
    };
    static bool quiet;

    if (!quiet) {
        vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
        quiet = true;
    }
    if (!size) {
        return 0;
    }
    size_t step = 1 + (data[0] >> 1);
    struct xmpp_conn *conn = xmpp_conn_create(data[0] & 1 ? XMPP_SERVER
                                                          : XMPP_CLIENT,
                                              "fuzz", XMPP_HOLD_MS, &ops,
                                              NULL, 0);
    xmpp_conn_start(conn, 0);
    for (size_t i = 1; i < size; i += step) {
        xmpp_conn_feed(conn, data + i, MIN(step, size - i), i);
        xmpp_conn_tick(conn, i);
    }
    xmpp_conn_destroy(conn);
    return 0;
}
