/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/tls-private.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tsn/error.h"
#include "util.h"

/* Output that waits: a write of the largest size with its record headers, or
 * a flight of the handshake with a chain of certificates. */
#define MAX_OUTPUT (256u << 10)

/* An empty output buffer larger than this goes back to the system. */
#define KEEP_OUTPUT 4096u

/* TLS 1.2; those of TLS 1.3 are all good.  A client also takes RSA key
 * exchange, last: servers on OpenSSL 1.0, as control nodes up to R5 are, have
 * no elliptic curves unless told. */
#define SERVER_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:" \
                       "!aNULL:!PSK:!SRP"
#define CLIENT_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:" \
                       "RSA+AESGCM:!aNULL:!PSK:!SRP"

struct tsn_tls_session {
    struct tsn_tls *tls;
    enum tsn_tls_role role;
    SSL *ssl;
    bool failed;                /* Nothing can be done with it any more. */

    const uint8_t *in;          /* Borrowed. */
    size_t in_size;
    uint8_t *out;
    size_t out_size, out_allocated;
    bool is_full;               /* There was no room for output. */

    int verify_error;           /* X509_V_*: why we refused the peer, */
    int verify_depth;           /* which certificate of its chain, */
    char verify_subject[TSN_TLS_SUBJECT_STRLEN];    /* whose it is, */
    int64_t verify_time;        /* the end or start of its validity, */
    char verify_peer[TSN_TLS_SUBJECT_STRLEN];       /* and who the peer is. */
};

/* The two ends of a session's bytes. */

static int
bio_read(BIO *bio, char *buf, int size)
{
    struct tsn_tls_session *s = BIO_get_data(bio);
    size_t n = MIN(s->in_size, (size_t) MAX(size, 0));

    BIO_clear_retry_flags(bio);
    if (!n) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(buf, s->in, n);
    s->in += n;
    s->in_size -= n;
    return n;
}

static int
bio_write(BIO *bio, const char *data, int size)
{
    struct tsn_tls_session *s = BIO_get_data(bio);
    size_t wanted = s->out_size + MAX(size, 0);

    BIO_clear_retry_flags(bio);
    if (wanted > MAX_OUTPUT) {
        s->is_full = true;
        return -1;
    }
    if (wanted > s->out_allocated) {
        s->out_allocated = MAX(wanted, 2 * s->out_allocated);
        s->out = xrealloc(s->out, s->out_allocated);
    }
    memcpy(s->out + s->out_size, data, size);
    s->out_size = wanted;
    return size;
}

static long
bio_ctrl(BIO *bio OVS_UNUSED, int command, long num OVS_UNUSED,
         void *ptr OVS_UNUSED)
{
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;

static void
make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
                              "tsn");
    if (!bio_method) {
        out_of_memory();
    }
    BIO_meth_set_read(bio_method, bio_read);
    BIO_meth_set_write(bio_method, bio_write);
    BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

/* Sessions. */

/* As one line of printable ASCII, whatever a certificate holds. */
static void
format_subject(const X509 *x, char buf[TSN_TLS_SUBJECT_STRLEN])
{
    BIO *bio = BIO_new(BIO_s_mem());

    X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, XN_FLAG_RFC2253);
    int n = BIO_read(bio, buf, TSN_TLS_SUBJECT_STRLEN - 1);
    buf[MAX(n, 0)] = '\0';
    BIO_free(bio);
}

/* Keeps the first finding, for the error that follows. */
static int
verify_cb(int ok, X509_STORE_CTX *store)
{
    if (ok) {
        return ok;
    }
    SSL *ssl = X509_STORE_CTX_get_ex_data(
        store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tsn_tls_session *s = SSL_get_app_data(ssl);
    const X509 *x = X509_STORE_CTX_get_current_cert(store);

    if (s->verify_error == X509_V_OK) {
        s->verify_error = X509_STORE_CTX_get_error(store);
        s->verify_depth = X509_STORE_CTX_get_error_depth(store);
        if (x) {
            format_subject(x, s->verify_subject);
            s->verify_time = tls_time_of(
                s->verify_error == X509_V_ERR_CERT_NOT_YET_VALID
                ? X509_get0_notBefore(x) : X509_get0_notAfter(x));
        }
        x = X509_STORE_CTX_get0_cert(store);
        if (x) {
            format_subject(x, s->verify_peer);
        }
    }
    return ok;
}

struct tsn_tls_session *
tsn_tls_session_create(struct tsn_tls *tls, enum tsn_tls_role role)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct tsn_tls_session *s = xzalloc(sizeof *s);
    int mode = SSL_VERIFY_PEER;

    pthread_once(&once, make_bio_method);
    s->tls = tsn_tls_ref(tls);
    s->role = role;
    s->ssl = SSL_new(tls->ctx);
    BIO *bio = BIO_new(bio_method);
    if (!s->ssl || !bio) {
        out_of_memory();
    }
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    SSL_set_bio(s->ssl, bio, bio);
    SSL_set_app_data(s->ssl, s);
    if (role == TSN_TLS_SERVER) {
        SSL_set_accept_state(s->ssl);
        SSL_set_cipher_list(s->ssl, SERVER_CIPHERS);
        mode |= tls->require_peer_certificate
                ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    } else {
        SSL_set_connect_state(s->ssl);
        SSL_set_cipher_list(s->ssl, CLIENT_CIPHERS);
    }
    SSL_set_verify(s->ssl, mode, verify_cb);
    return s;
}

void
tsn_tls_session_destroy(struct tsn_tls_session *s)
{
    if (s) {
        SSL_free(s->ssl);
        tsn_tls_unref(s->tls);
        free(s->out);
        free(s);
    }
}

void
tsn_tls_push(struct tsn_tls_session *s, const void *data, size_t size)
{
    s->in = data;
    s->in_size = size;
}

/* What we found wrong with the peer's certificates. */
static void
describe_verify_error(const struct tsn_tls_session *s, struct tsn_err *err)
{
    const char *whose = s->verify_depth ? "the CA's certificate in the "
                                          "peer's chain"
                                        : "the peer's certificate";
    char date[TLS_TIME_STRLEN];

    tls_format_time(s->verify_time, date);
    switch (s->verify_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        tsn_err_set(err, NULL, "%s (%s) has expired on %s", whose,
                    s->verify_subject, date);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        tsn_err_set(err, NULL, "%s (%s) is not valid before %s", whose,
                    s->verify_subject, date);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        tsn_err_set(err, NULL, "the peer's certificate (%s) is signed by "
                    "itself, not by our CA", s->verify_peer);
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
        tsn_err_set(err, NULL, "the peer's certificate (%s) is not signed by "
                    "our CA", s->verify_peer);
        break;
    case X509_V_ERR_INVALID_PURPOSE:
        tsn_err_set(err, NULL, "%s (%s) is not for this use", whose,
                    s->verify_subject);
        break;
    default:
        tsn_err_set(err, NULL, "%s (%s): %s", whose, s->verify_subject,
                    X509_verify_cert_error_string(s->verify_error));
        break;
    }
}

/* What the peer told us before it gave up. */
static void
describe_alert(int alert, struct tsn_err *err)
{
    switch (alert) {
    case SSL_AD_UNKNOWN_CA:
        tsn_err_set(err, NULL, "the peer refuses our certificate: its CA is "
                    "another");
        break;
    case SSL_AD_CERTIFICATE_EXPIRED:
        tsn_err_set(err, NULL, "the peer refuses our certificate: it has "
                    "expired");
        break;
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
        tsn_err_set(err, NULL, "the peer refuses our certificate: %s",
                    SSL_alert_desc_string_long(alert));
        break;
    case SSL_AD_PROTOCOL_VERSION:
        tsn_err_set(err, NULL, "the peer has no version of TLS in common "
                    "with us");
        break;
    default:
        tsn_err_set(err, NULL, "the peer has given up: %s",
                    SSL_alert_desc_string_long(alert));
        break;
    }
}

/* The error of the TLS layer, not one of those below that caused it. */
static unsigned long
take_error(void)
{
    unsigned long first = ERR_peek_error(), found = 0, e;

    while ((e = ERR_get_error())) {
        found = ERR_GET_LIB(e) == ERR_LIB_SSL ? e : found;
    }
    return found ? found : first;
}

static void
describe_error(const struct tsn_tls_session *s, struct tsn_err *err)
{
    unsigned long e = take_error();
    int reason = ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) : 0;
    const char *text = ERR_reason_error_string(e);

    if (s->is_full) {
        tsn_err_set(err, NULL, "too much output waits to be sent");
        return;
    }
    if (reason > SSL_AD_REASON_OFFSET) {
        describe_alert(reason - SSL_AD_REASON_OFFSET, err);
        return;
    }
    switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
        describe_verify_error(s, err);
        break;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        tsn_err_set(err, NULL, "the peer shows no certificate");
        break;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_SSL_VERSION:
        tsn_err_set(err, NULL, "the peer has no TLS 1.2 or later");
        break;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
        tsn_err_set(err, NULL, "what the peer sends is not TLS");
        break;
    case SSL_R_NO_SHARED_CIPHER:
        tsn_err_set(err, NULL, "the peer has no cipher in common with us");
        break;
    default:
        tsn_err_set(err, NULL, "%s", text ? text
                    : "the peer has sent what it must not");
        break;
    }
}

/* After a call of OpenSSL that returned 'retval': 0 if the peer has ended the
 * session, -EAGAIN, or -EPROTO with '*err'. */
static int
check(struct tsn_tls_session *s, int retval, struct tsn_err *err)
{
    switch (SSL_get_error(s->ssl, retval)) {
    case SSL_ERROR_WANT_READ:
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        s->failed = true;
        s->in_size = 0;
        describe_error(s, err);
        return -EPROTO;
    }
}

static int
already_failed(struct tsn_err *err)
{
    tsn_err_set(err, NULL, "the TLS session has failed");
    return -EPROTO;
}

int
tsn_tls_handshake(struct tsn_tls_session *s, struct tsn_err *err)
{
    if (s->failed) {
        return already_failed(err);
    }
    ERR_clear_error();
    int retval = SSL_do_handshake(s->ssl);
    if (retval == 1) {
        return 0;
    }
    int error = check(s, retval, err);
    if (!error) {
        s->failed = true;
        tsn_err_set(err, NULL, "the peer has ended the handshake");
        error = -EPROTO;
    }
    return error;
}

ssize_t
tsn_tls_read(struct tsn_tls_session *s, void *buf, size_t size,
             struct tsn_err *err)
{
    if (s->failed) {
        return already_failed(err);
    }
    ERR_clear_error();
    int n = SSL_read(s->ssl, buf, MIN(size, INT_MAX));
    return n > 0 ? n : check(s, n, err);
}

int
tsn_tls_write(struct tsn_tls_session *s, const void *data, size_t size,
              struct tsn_err *err)
{
    if (s->failed || size > TSN_TLS_MAX_WRITE) {
        return already_failed(err);
    }
    if (!size) {
        return 0;
    }
    ERR_clear_error();
    int n = SSL_write(s->ssl, data, size);
    if (n > 0) {
        return 0;
    }
    if (check(s, n, err) != -EPROTO) {
        s->failed = true;
        tsn_err_set(err, NULL, "the TLS session is not up");
    }
    return -EPROTO;
}

void
tsn_tls_shutdown(struct tsn_tls_session *s)
{
    if (!s->failed && SSL_is_init_finished(s->ssl)) {
        ERR_clear_error();
        SSL_shutdown(s->ssl);
        ERR_clear_error();
    }
}

size_t
tsn_tls_output(const struct tsn_tls_session *s, const void **data)
{
    *data = s->out;
    return s->out_size;
}

void
tsn_tls_output_taken(struct tsn_tls_session *s, size_t n)
{
    ovs_assert(n <= s->out_size);
    s->out_size -= n;
    if (s->out_size) {
        memmove(s->out, s->out + n, s->out_size);
    } else if (s->out_allocated > KEEP_OUTPUT) {
        free(s->out);
        s->out = NULL;
        s->out_allocated = 0;
    }
}

static void
format_fingerprint(const X509 *x, char buf[TSN_TLS_FINGERPRINT_STRLEN])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    X509_digest(x, EVP_sha256(), digest, &n);
    buf[0] = '\0';
    for (unsigned int i = 0; i < MIN(n, TSN_TLS_FINGERPRINT_STRLEN / 3);
         i++) {
        snprintf(buf + 3 * i - !!i, 4, i ? ":%02X" : "%02X", digest[i]);
    }
}

bool
tsn_tls_session_info(const struct tsn_tls_session *s,
                     struct tsn_tls_info *info)
{
    memset(info, 0, sizeof *info);
    if (!SSL_is_init_finished(s->ssl)) {
        return false;
    }
    info->version = SSL_get_version(s->ssl);
    info->cipher = SSL_get_cipher_name(s->ssl);
    info->not_after = s->tls->not_after;

    const X509 *x = SSL_get0_peer_certificate(s->ssl);
    if (x) {
        info->has_peer = true;
        format_subject(x, info->subject);
        format_fingerprint(x, info->fingerprint);
        info->peer_not_after = tls_time_of(X509_get0_notAfter(x));
    }
    return true;
}

/* As it stands there: two URIs that mean the same are not the same name. */
static bool
has_uri(X509 *x, const char *uri)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL,
                                            NULL);
    bool found = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        found = name->type == GEN_URI
                && (size_t) ASN1_STRING_length(name->d.ia5) == strlen(uri)
                && !memcmp(ASN1_STRING_get0_data(name->d.ia5), uri,
                           strlen(uri));
    }
    GENERAL_NAMES_free(names);
    return found;
}

bool
tsn_tls_session_peer_is(const struct tsn_tls_session *s, const char *name)
{
    X509 *x = SSL_is_init_finished(s->ssl)
              ? SSL_get0_peer_certificate(s->ssl) : NULL;

    return x && (X509_check_host(x, name, 0,
                                 X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT
                                 | X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1
                 || X509_check_ip_asc(x, name, 0) == 1
                 || has_uri(x, name));
}
