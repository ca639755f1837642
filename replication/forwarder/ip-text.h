/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of the underlay as text, for messages. */
#ifndef FWD_IP_TEXT_H
#define FWD_IP_TEXT_H 1

#include <string.h>

#include "replication/forwarder/types.h"
#include "tsn/model.h"

struct fwd_ip_text {
    char s[TSN_IP_STRLEN];
};

/* By value: fwd_ip_text(&ip).s lives to the end of the full expression. */
static inline struct fwd_ip_text
fwd_ip_text(const struct fwd_ip *ip)
{
    struct fwd_ip_text text;
    struct in6_addr addr;

    memcpy(&addr, ip->b, sizeof addr);
    tsn_ip_format(&addr, text.s);
    return text;
}

#endif /* replication/forwarder/ip-text.h */
