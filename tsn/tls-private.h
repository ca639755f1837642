/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the TLS adapter share, which are all that know
 * OpenSSL: contexts out of files (tls-load.c), sessions (tls.c). */
#ifndef TSN_TLS_PRIVATE_H
#define TSN_TLS_PRIVATE_H 1

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "ovs-atomic.h"
#include "tsn/tls.h"

struct tsn_tls {
    struct ovs_refcount refs;
    SSL_CTX *ctx;
    bool require_peer_certificate;
    int64_t not_after;
};

/* In seconds since 1970; 0 for one that cannot be read. */
int64_t tls_time_of(const ASN1_TIME *);
#define TLS_TIME_STRLEN 32
void tls_format_time(int64_t t, char buf[TLS_TIME_STRLEN]);

#endif /* tsn/tls-private.h */
