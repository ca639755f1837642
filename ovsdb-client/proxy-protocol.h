/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY protocol, version 2: what a proxy such as HAProxy tells in front
 * of a connection about whom it speaks for ("The PROXY protocol", 2.2).
 * Without I/O and without state, any thread. */
#ifndef OVSDB_CLIENT_PROXY_PROTOCOL_H
#define OVSDB_CLIENT_PROXY_PROTOCOL_H 1

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tsn_err;

/* Longest header that is taken: addresses are 216 bytes at most, and what
 * HAProxy appends (TLS version, subject, unique id) a few hundred. */
#define OVC_PROXY_MAX_SIZE 2048

struct ovc_proxy {
    bool local;                 /* The proxy speaks for itself: a check. */
    bool has_source;            /* It says where the connection comes from. */
    struct in6_addr source;
    uint16_t source_port;
};

/* Reads the header at the start of 'data'.  Returns its size, with '*proxy';
 * -EAGAIN if more is needed; or -EPROTO with '*err' if this is none, which
 * shows from the first wrong byte on. */
ssize_t ovc_proxy_parse(const void *data, size_t size,
                        struct ovc_proxy *proxy, struct tsn_err *err);

#endif /* ovsdb-client/proxy-protocol.h */
