/* SPDX-License-Identifier: Apache-2.0 */
/* TLS without I/O: ciphertext in, plaintext out, and the other way round.
 * What is behind this header is the only user of OpenSSL, and it knows no protocol
 * that runs inside.
 *
 * A context, made of files, is immutable and may be used by many threads; a
 * session belongs to one.  TLS 1.2 or later; no renegotiation, compression,
 * resumption or early data; what the peer shows is verified. */
#ifndef TSN_TLS_H
#define TSN_TLS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tsn_err;
struct tsn_tls;
struct tsn_tls_session;

/* Plaintext of one record: what a buffer for tsn_tls_read() should hold. */
#define TSN_TLS_RECORD_SIZE 16384

/* Plaintext taken at once, so that what waits to be sent stays bounded. */
#define TSN_TLS_MAX_WRITE 65536

/* What a context is made of, all PEM.  Plain data, owned by who made it. */
struct tsn_tls_files {
    char *certificate;          /* Ours; behind it those between it and the
                                 * CA, if any. */
    char *private_key;          /* Without a pass phrase. */
    char *ca;                   /* One or more: who may sign for peers. */
    bool require_peer_certificate;      /* Of a server's clients: one that
                                         * shows none is refused. */
};
void tsn_tls_files_clone(struct tsn_tls_files *,
                         const struct tsn_tls_files *);
void tsn_tls_files_fini(struct tsn_tls_files *);

/* Reads the files, with blocking calls.  Returns 0 with '*tlsp', a reference;
 * or -errno with '*err' naming the file and what is wrong with it.  A
 * certificate whose time is over is taken, with a warning in the log: peers
 * refuse it, while what does not depend on them goes on. */
int tsn_tls_load(const struct tsn_tls_files *, struct tsn_tls **tlsp,
                 struct tsn_err *err);
/* Any thread. */
struct tsn_tls *tsn_tls_ref(struct tsn_tls *);          /* NULL is fine. */
void tsn_tls_unref(struct tsn_tls *);                   /* NULL is fine. */
/* When our certificate expires, in seconds since 1970. */
int64_t tsn_tls_not_after(const struct tsn_tls *);

enum tsn_tls_role { TSN_TLS_CLIENT, TSN_TLS_SERVER };

/* Takes a reference to the context.  A client has something to send at once:
 * call tsn_tls_handshake(). */
struct tsn_tls_session *tsn_tls_session_create(struct tsn_tls *,
                                               enum tsn_tls_role);
void tsn_tls_session_destroy(struct tsn_tls_session *); /* NULL is fine. */

/* Received ciphertext, borrowed until tsn_tls_handshake() or tsn_tls_read()
 * have used it up, which they have when they return -EAGAIN, or have failed.
 * Not before what was pushed last is used up. */
void tsn_tls_push(struct tsn_tls_session *, const void *data, size_t size);

/* Goes on with the handshake.  Returns 0 when it is done; -EAGAIN when more
 * must be received; or -EPROTO with '*err': why we refused the peer, or the
 * peer us.  In any case there may be output. */
int tsn_tls_handshake(struct tsn_tls_session *, struct tsn_err *err);

/* Reads plaintext.  Returns how much; 0 when the peer has ended the session;
 * -EAGAIN when more must be received; or -EPROTO with '*err'.  In any case
 * there may be output. */
ssize_t tsn_tls_read(struct tsn_tls_session *, void *buf, size_t size,
                     struct tsn_err *err);

/* Turns up to TSN_TLS_MAX_WRITE bytes of plaintext into output, all of them.
 * After the handshake only.  Returns 0, or -EPROTO with '*err'. */
int tsn_tls_write(struct tsn_tls_session *, const void *data, size_t size,
                  struct tsn_err *err);

/* Tells the peer that nothing more comes, by output. */
void tsn_tls_shutdown(struct tsn_tls_session *);

/* The ciphertext to be sent, borrowed until the next call; returns its size.
 * Then say how much of it was taken. */
size_t tsn_tls_output(const struct tsn_tls_session *, const void **data);
void tsn_tls_output_taken(struct tsn_tls_session *, size_t);

#define TSN_TLS_SUBJECT_STRLEN 256
#define TSN_TLS_FINGERPRINT_STRLEN (32 * 3)

/* Plain data, for status and for those who know a peer by its certificate. */
struct tsn_tls_info {
    const char *version;        /* "TLSv1.3"; a constant, like the next. */
    const char *cipher;
    int64_t not_after;          /* Of our own certificate. */
    bool has_peer;              /* It has shown a certificate, and: */
    char subject[TSN_TLS_SUBJECT_STRLEN];   /* RFC 2253, printable; cut. */
    char fingerprint[TSN_TLS_FINGERPRINT_STRLEN];   /* SHA-256, "AB:CD:". */
    int64_t peer_not_after;
};
/* After the handshake; before it, false. */
bool tsn_tls_session_info(const struct tsn_tls_session *,
                          struct tsn_tls_info *);

/* Whether the certificate that the peer has shown is one of 'name': its CN or
 * a DNS name or address among its subject alternative names, letter case
 * aside, without wildcards (RFC 6125), or a URI there, to the letter.  False
 * before the handshake. */
bool tsn_tls_session_peer_is(const struct tsn_tls_session *,
                             const char *name);

#endif /* tsn/tls.h */
