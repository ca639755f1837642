/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tsn/tls-private.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "openvswitch/vlog.h"
#include "socket-util.h"
#include "tsn/error.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(tsn_tls);

/* A file larger than this is not what it should be: the bundle of all public
 * CAs has 200 KiB. */
#define MAX_FILE (4u << 20)

/* Certificates between a peer's and the CA: real chains have three at most. */
#define MAX_CHAIN 8

/* Of all kinds of private keys. */
#define KEY_HEADER "PRIVATE KEY-----"

void
tsn_tls_files_clone(struct tsn_tls_files *dst,
                    const struct tsn_tls_files *src)
{
    *dst = (struct tsn_tls_files) {
        .certificate = nullable_xstrdup(src->certificate),
        .private_key = nullable_xstrdup(src->private_key),
        .ca = nullable_xstrdup(src->ca),
        .require_peer_certificate = src->require_peer_certificate,
    };
}

void
tsn_tls_files_fini(struct tsn_tls_files *files)
{
    free(files->certificate);
    free(files->private_key);
    free(files->ca);
    memset(files, 0, sizeof *files);
}

/* Why the last call of OpenSSL failed, in its own words. */
static const char *
library_error(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_error());

    return text ? text : "unknown error";
}

static int
refuse(struct tsn_err *err, const char *path, const char *text)
{
    tsn_err_set(err, path, "%s", text);
    return -EINVAL;
}

/* A copy of the file in memory; the caller frees it with BIO_free(). */
static int
read_file(const char *path, BIO **biop, struct tsn_err *err)
{
    struct stat st;
    int error = 0;

    /* Not to hang on a FIFO. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0) {
        error = -errno;
        tsn_err_set(err, path, "cannot be opened: %s",
                    ovs_strerror(-error));
    } else if (!S_ISREG(st.st_mode)) {
        error = refuse(err, path, "is not a file");
    } else if (st.st_size > MAX_FILE) {
        error = refuse(err, path, "is too large for certificates");
    } else {
        char *data = xmalloc(st.st_size + 1);
        size_t n;

        /* EOF: it has become shorter meanwhile. */
        int retval = read_fully(fd, data, st.st_size, &n);
        if (retval && retval != EOF) {
            error = -retval;
            tsn_err_set(err, path, "cannot be read: %s",
                        ovs_strerror(retval));
        } else {
            *biop = BIO_new(BIO_s_mem());
            if (!*biop || BIO_write(*biop, data, n) != (int) n) {
                out_of_memory();
            }
        }
        OPENSSL_cleanse(data, st.st_size);
        free(data);
    }
    if (fd >= 0) {
        close(fd);
    }
    return error;
}

/* Instead of asking at a terminal. */
static int
no_pass_phrase(char *buf OVS_UNUSED, int size OVS_UNUSED,
               int writing OVS_UNUSED, void *asked)
{
    *(bool *) asked = true;
    return -1;
}

/* The next certificate of 'bio', or NULL: with '*damaged' if something is
 * there that is none. */
static X509 *
next_certificate(BIO *bio, bool *damaged)
{
    bool asked = false;

    ERR_clear_error();
    X509 *x = PEM_read_bio_X509(bio, NULL, no_pass_phrase, &asked);
    *damaged = !x && ERR_GET_REASON(ERR_peek_last_error())
                     != PEM_R_NO_START_LINE;
    return x;
}

int64_t
tls_time_of(const ASN1_TIME *t)
{
    struct tm tm;

    return t && ASN1_TIME_to_tm(t, &tm) ? (int64_t) timegm(&tm) : 0;
}

void
tls_format_time(int64_t t, char buf[TLS_TIME_STRLEN])
{
    time_t time = t;
    struct tm tm;

    if (!gmtime_r(&time, &tm)
        || !strftime(buf, TLS_TIME_STRLEN, "%Y-%m-%d %H:%M UTC", &tm)) {
        ovs_strlcpy(buf, "an unknown date", TLS_TIME_STRLEN);
    }
}

static int
use_certificates(struct tsn_tls *tls, BIO *bio, const char *path,
                 struct tsn_err *err)
{
    bool damaged;
    X509 *x = next_certificate(bio, &damaged);

    if (!x) {
        return refuse(err, path, damaged
                      ? "the certificate in it is damaged"
                      : "there is no PEM certificate in it");
    }
    tls->not_after = tls_time_of(X509_get0_notAfter(x));
    bool ok = SSL_CTX_use_certificate(tls->ctx, x) == 1;
    X509_free(x);
    if (!ok) {
        tsn_err_set(err, path, "the certificate cannot be used: %s",
                    library_error());
        return -EINVAL;
    }

    while ((x = next_certificate(bio, &damaged))) {
        if (SSL_CTX_add0_chain_cert(tls->ctx, x) != 1) {
            X509_free(x);
            tsn_err_set(err, path, "a further certificate cannot be used: "
                        "%s", library_error());
            return -EINVAL;
        }
    }
    return damaged ? refuse(err, path, "a further certificate in it is "
                            "damaged") : 0;
}

static int
use_private_key(struct tsn_tls *tls, BIO *bio, const char *path,
                const char *certificate, struct tsn_err *err)
{
    bool asked = false;
    int error = 0;

    ERR_clear_error();
    char *text;
    size_t size = BIO_get_mem_data(bio, &text);
    bool is_there = size && memmem(text, size, KEY_HEADER, strlen(KEY_HEADER));
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase,
                                            &asked);
    if (!key) {
        return refuse(err, path, asked
                      ? "the private key has a pass phrase, which is not "
                        "supported"
                      : is_there ? "the private key in it is damaged"
                      : "there is no PEM private key in it");
    }
    if (X509_check_private_key(SSL_CTX_get0_certificate(tls->ctx), key)
        != 1) {
        tsn_err_set(err, path, "the private key does not belong to the "
                    "certificate in %s", certificate);
        error = -EINVAL;
    } else if (SSL_CTX_use_PrivateKey(tls->ctx, key) != 1) {
        tsn_err_set(err, path, "the private key cannot be used: %s",
                    library_error());
        error = -EINVAL;
    }
    EVP_PKEY_free(key);
    return error;
}

static int
use_ca(struct tsn_tls *tls, BIO *bio, const char *path, struct tsn_err *err)
{
    X509_STORE *store = SSL_CTX_get_cert_store(tls->ctx);
    bool damaged;
    size_t n = 0;
    X509 *x;

    while ((x = next_certificate(bio, &damaged))) {
        bool ok = X509_STORE_add_cert(store, x) == 1
                  && SSL_CTX_add_client_CA(tls->ctx, x) == 1;
        X509_free(x);
        if (!ok) {
            tsn_err_set(err, path, "a certificate cannot be used: %s",
                        library_error());
            return -EINVAL;
        }
        n++;
    }
    return damaged ? refuse(err, path, "a certificate in it is damaged")
        : !n ? refuse(err, path, "there is no PEM certificate in it")
        : 0;
}

static int
use_files(struct tsn_tls *tls, const struct tsn_tls_files *files,
          struct tsn_err *err)
{
    BIO *bio;

    int error = read_file(files->certificate, &bio, err);
    if (error) {
        return error;
    }
    error = use_certificates(tls, bio, files->certificate, err);
    BIO_free(bio);
    if (error || (error = read_file(files->private_key, &bio, err))) {
        return error;
    }
    error = use_private_key(tls, bio, files->private_key, files->certificate,
                            err);
    BIO_free(bio);
    if (error || (error = read_file(files->ca, &bio, err))) {
        return error;
    }
    error = use_ca(tls, bio, files->ca, err);
    BIO_free(bio);
    return error;
}

static SSL_CTX *
new_ssl_ctx(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());

    if (!ctx) {
        out_of_memory();
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION
                             | SSL_OP_CIPHER_SERVER_PREFERENCE
                             | SSL_OP_NO_TICKET);
    /* A resumed session would outlive the files that let its peer in. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_verify_depth(ctx, MAX_CHAIN);
    SSL_CTX_set_dh_auto(ctx, 1);
    return ctx;
}

int
tsn_tls_load(const struct tsn_tls_files *files, struct tsn_tls **tlsp,
             struct tsn_err *err)
{
    struct tsn_tls *tls = xzalloc(sizeof *tls);

    ovs_refcount_init(&tls->refs);
    tls->ctx = new_ssl_ctx();
    tls->require_peer_certificate = files->require_peer_certificate;
    int error = use_files(tls, files, err);
    ERR_clear_error();
    if (error) {
        tsn_tls_unref(tls);
        return error;
    }
    if (tls->not_after < time(NULL)) {
        char date[TLS_TIME_STRLEN];

        tls_format_time(tls->not_after, date);
        VLOG_WARN("the certificate has expired on %s, peers will refuse it "
                  "file=%s", date, files->certificate);
    }
    *tlsp = tls;
    return 0;
}

struct tsn_tls *
tsn_tls_ref(struct tsn_tls *tls)
{
    if (tls) {
        ovs_refcount_ref(&tls->refs);
    }
    return tls;
}

void
tsn_tls_unref(struct tsn_tls *tls)
{
    if (tls && ovs_refcount_unref(&tls->refs) == 1) {
        SSL_CTX_free(tls->ctx);
        free(tls);
    }
}

int64_t
tsn_tls_not_after(const struct tsn_tls *tls)
{
    return tls->not_after;
}
