/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "xmpp/backoff.h"

#include "util.h"

bool
xmpp_backoff_failed(struct xmpp_backoff *b, uint64_t up_ms)
{
    if (up_ms >= XMPP_GOOD_SESSION_MS) {
        b->attempts = 0;
        return false;
    }
    b->attempts++;
    return b->attempts % XMPP_MAX_ATTEMPTS == 0;
}

void
xmpp_backoff_rotated(struct xmpp_backoff *b)
{
    b->attempts = 1;
}

uint64_t
xmpp_backoff_delay_ms(const struct xmpp_backoff *b, uint32_t random)
{
    if (!b->attempts) {
        return XMPP_BACKOFF_FIRST_MS;
    }
    uint64_t ms = MIN(1000ull << MIN(b->attempts - 1, 10),
                      XMPP_BACKOFF_MAX_MS);
    return ms * 9 / 10 + random % (ms / 5 + 1);
}
