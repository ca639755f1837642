/* SPDX-License-Identifier: Apache-2.0 */
/* A TLS session in a status, for every protocol the same. */
#ifndef TSN_TLS_SHOW_H
#define TSN_TLS_SHOW_H 1

struct tsn_json;
struct tsn_tls_session;

/* Writes a member "tls": version, cipher, when our certificate expires, and
 * of the peer's, if it has shown one, the subject and when it expires.  Null
 * for a session that is NULL or has not come that far. */
void tsn_tls_show(const struct tsn_tls_session *, struct tsn_json *);

#endif /* tsn/tls-show.h */
