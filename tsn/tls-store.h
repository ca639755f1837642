/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS context for new sessions, and the files it comes from.  Files that
 * have changed make a new context; sessions keep the one they began with.
 * Any thread. */
#ifndef TSN_TLS_STORE_H
#define TSN_TLS_STORE_H 1

#include <stdint.h>

struct tsn_err;
struct tsn_tls;
struct tsn_tls_files;
struct tsn_tls_store;

/* Files are looked at no more often than that. */
#define TSN_TLS_LOOK_MS 1000

/* Loads the files; copies their names.  Returns 0 with '*storep', or -errno
 * with '*err' naming the file and what is wrong with it. */
int tsn_tls_store_create(const struct tsn_tls_files *,
                         struct tsn_tls_store **storep, struct tsn_err *err);
/* When nobody uses it any more. */
void tsn_tls_store_destroy(struct tsn_tls_store *);     /* NULL is fine. */

/* The context for a session that begins: a reference.  Files that have changed
 * are loaded first; bad ones are logged, once, and the last good ones stay in
 * use.  NULL for no store. */
struct tsn_tls *tsn_tls_store_get(struct tsn_tls_store *, uint64_t now_ms);

/* Loads the files, changed or not.  Returns 0; or -errno with '*err', and the
 * last good ones stay in use. */
int tsn_tls_store_reload(struct tsn_tls_store *, struct tsn_err *err);

#endif /* tsn/tls-store.h */
