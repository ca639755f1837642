/* SPDX-License-Identifier: Apache-2.0 */
/* TLS in memory: contexts from good and bad files, handshakes with ourselves
 * and with what we must refuse. */
#include <config.h>

#include <errno.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "openvswitch/dynamic-string.h"
#include "openvswitch/vlog.h"
#include "tests/unit/pki.h"
#include "tsn/error.h"
#include "tsn/tls.h"
#include "util.h"

static struct pki pki;

static int
make_pki(void **state OVS_UNUSED)
{
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    pki_init(&pki);
    pki_make_ca(&pki, "ca", NULL);
    pki_make_ca(&pki, "other-ca", NULL);
    pki_make_ca(&pki, "sub-ca", "ca");
    pki_make(&pki, "good", "ca", PKI_VALID);
    pki_make(&pki, "peer", "ca", PKI_VALID);
    pki_make(&pki, "expired", "ca", PKI_EXPIRED);
    pki_make(&pki, "future", "ca", PKI_FUTURE);
    pki_make(&pki, "stranger", "other-ca", PKI_VALID);
    pki_make(&pki, "selfish", NULL, PKI_VALID);
    pki_make(&pki, "far", "sub-ca", PKI_VALID);
    return 0;
}

static int
remove_pki(void **state OVS_UNUSED)
{
    pki_fini(&pki);
    return 0;
}

/* Contexts. */

static void
assert_refused(const struct tsn_tls_files *files, const char *where,
               const char *text)
{
    struct tsn_tls *tls = NULL;
    struct tsn_err err;

    assert_true(tsn_tls_load(files, &tls, &err) < 0);
    assert_null(tls);
    assert_string_equal(err.where, where);
    if (!strstr(err.text, text)) {
        fail_msg("\"%s\" is not in \"%s\"", text, err.text);
    }
}

static void
load__good_files__is_done(void **state OVS_UNUSED)
{
    struct tsn_tls *tls = pki_load(&pki, "good", "ca");

    assert_true(tsn_tls_not_after(tls) > time(NULL) + 29 * 86400);
    tsn_tls_unref(tsn_tls_ref(tls));
    tsn_tls_unref(tls);
}

static void
load__missing_file__names_it(void **state OVS_UNUSED)
{
    static const char *const suffixes[] = { ".pem", ".key", ".pem" };

    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        struct tsn_tls_files files = pki_files(&pki, "good", "ca");
        const char *none = pki_path(&pki, "none", suffixes[i]);
        char **paths[] = { &files.certificate, &files.private_key,
                           &files.ca };

        *paths[i] = CONST_CAST(char *, none);
        assert_refused(&files, none, "cannot be opened: No such file");
    }
}

static void
load__not_a_file__names_it(void **state OVS_UNUSED)
{
    struct tsn_tls_files files = pki_files(&pki, "good", "ca");

    files.ca = pki.dir;
    assert_refused(&files, pki.dir, "is not a file");
    /* Nobody writes into it: must not wait for that. */
    files.ca = CONST_CAST(char *, pki_path(&pki, "fifo", ".pem"));
    assert_int_equal(mkfifo(files.ca, 0600), 0);
    assert_refused(&files, files.ca, "is not a file");
}

static void
load__not_pem__says_so(void **state OVS_UNUSED)
{
    static const struct { const char *content, *text[3]; } cases[] = {
        { "", { "no PEM certificate", "no PEM private key",
                "no PEM certificate" } },
        { "hello\nworld\n", { "no PEM certificate", "no PEM private key",
                              "no PEM certificate" } },
        { "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
          { "is damaged", "no PEM private key", "is damaged" } },
        { "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n",
          { "no PEM certificate", "is damaged", "no PEM certificate" } },
        { "-----BEGIN CERTIFICATE-----\n",
          { "is damaged", "no PEM private key", "is damaged" } },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        for (size_t j = 0; j < 3; j++) {
            struct tsn_tls_files files = pki_files(&pki, "good", "ca");
            char **paths[] = { &files.certificate, &files.private_key,
                               &files.ca };
            const char *path = pki_path(&pki, "bad", ".pem");

            pki_write(&pki, "bad", ".pem", cases[i].content,
                      strlen(cases[i].content));
            *paths[j] = CONST_CAST(char *, path);
            assert_refused(&files, path, cases[i].text[j]);
        }
    }
}

static void
load__key_of_another_certificate__names_both(void **state OVS_UNUSED)
{
    struct tsn_tls_files files = pki_files(&pki, "good", "ca");

    files.private_key = CONST_CAST(char *, pki_path(&pki, "peer", ".key"));
    assert_refused(&files, files.private_key,
                   "does not belong to the certificate in ");
    assert_refused(&files, files.private_key, "/good.pem");
}

static void
load__key_with_pass_phrase__is_refused_not_asked_for(void **state OVS_UNUSED)
{
    struct tsn_tls_files files = pki_files(&pki, "good", "ca");
    char command[300];

    files.private_key = CONST_CAST(char *, pki_path(&pki, "secret", ".key"));
    snprintf(command, sizeof command, "openssl pkcs8 -topk8 -in '%s' -out "
             "'%s' -passout pass:x", pki_path(&pki, "good", ".key"),
             files.private_key);
    assert_int_equal(system(command), 0);
    assert_refused(&files, files.private_key, "has a pass phrase");
}

static void
load__expired_certificate__is_taken(void **state OVS_UNUSED)
{
    struct tsn_tls *tls = pki_load(&pki, "expired", "ca");

    assert_true(tsn_tls_not_after(tls) < time(NULL));
    tsn_tls_unref(tls);
}

/* Sessions. */

struct pair {
    struct tsn_tls_session *client, *server;
    struct tsn_err client_err, server_err;
    int client_done, server_done;   /* As of tsn_tls_handshake(). */
};

/* Gives 'to' all that 'from' has to say, 'step' bytes at a time, and returns
 * what its handshake says to it.  Leaves an end that has failed alone. */
static int
pass(struct tsn_tls_session *from, struct tsn_tls_session *to, size_t step,
     int done, struct tsn_err *err)
{
    const void *data;
    size_t n;

    while ((n = tsn_tls_output(from, &data))) {
        n = MIN(n, step);
        if (done != -EPROTO) {
            tsn_tls_push(to, data, n);
            done = tsn_tls_handshake(to, err);
        }
        tsn_tls_output_taken(from, n);
        if (!done) {
            /* What follows the handshake is for tsn_tls_read(). */
            char byte;
            ssize_t retval = tsn_tls_read(to, &byte, 1, err);
            done = retval == -EAGAIN ? 0 : -EPROTO;
        }
    }
    return done;
}

/* Runs the handshake of a client and a server, each with its certificate and
 * the CA it trusts. */
static void
shake_hands(struct pair *p, struct tsn_tls *client, struct tsn_tls *server,
            size_t step)
{
    memset(p, 0, sizeof *p);
    p->client = tsn_tls_session_create(client, TSN_TLS_CLIENT);
    p->server = tsn_tls_session_create(server, TSN_TLS_SERVER);
    p->server_done = tsn_tls_handshake(p->server, &p->server_err);
    p->client_done = tsn_tls_handshake(p->client, &p->client_err);
    assert_int_equal(p->server_done, -EAGAIN);
    assert_int_equal(p->client_done, -EAGAIN);
    for (int i = 0; i < 4; i++) {
        p->server_done = pass(p->client, p->server, step, p->server_done,
                              &p->server_err);
        p->client_done = pass(p->server, p->client, step, p->client_done,
                              &p->client_err);
    }
    tsn_tls_unref(client);
    tsn_tls_unref(server);
}

static void
shake_hands_of(struct pair *p, const char *client, const char *client_ca,
               const char *server, const char *server_ca)
{
    shake_hands(p, pki_load(&pki, client, client_ca),
                pki_load(&pki, server, server_ca), SIZE_MAX);
}

static void
pair_fini(struct pair *p)
{
    tsn_tls_session_destroy(p->client);
    tsn_tls_session_destroy(p->server);
}

/* Sends 'n' bytes from 'from' and reads them at 'to'. */
static void
check_transfer(struct tsn_tls_session *from, struct tsn_tls_session *to,
               size_t n)
{
    uint8_t *sent = xmalloc(n), *received = xmalloc(n + 1);
    size_t got = 0;
    struct tsn_err err;
    const void *data;
    ssize_t retval;

    for (size_t i = 0; i < n; i++) {
        sent[i] = i * 7;
    }
    assert_int_equal(tsn_tls_write(from, sent, n, &err), 0);
    size_t size = tsn_tls_output(from, &data);
    assert_true(size > n);
    tsn_tls_push(to, data, size);
    while ((retval = tsn_tls_read(to, received + got, n + 1 - got, &err))
           > 0) {
        got += retval;
    }
    assert_int_equal(retval, -EAGAIN);
    assert_int_equal(got, n);
    assert_memory_equal(received, sent, n);
    tsn_tls_output_taken(from, size);
    free(sent);
    free(received);
}

static void
handshake__good_certificates__carries_bytes_both_ways(void **state OVS_UNUSED)
{
    struct tsn_tls_info info;
    struct pair p;

    shake_hands_of(&p, "good", "ca", "peer", "ca");
    assert_int_equal(p.client_done, 0);
    assert_int_equal(p.server_done, 0);
    check_transfer(p.client, p.server, 1);
    check_transfer(p.server, p.client, TSN_TLS_MAX_WRITE);

    assert_true(tsn_tls_session_info(p.client, &info));
    assert_string_equal(info.version, "TLSv1.3");
    assert_true(info.has_peer);
    assert_string_equal(info.subject, "CN=peer");
    assert_int_equal(strlen(info.fingerprint), 32 * 3 - 1);
    assert_true(info.peer_not_after > time(NULL));
    assert_true(tsn_tls_session_info(p.server, &info));
    assert_string_equal(info.subject, "CN=good");
    pair_fini(&p);
}

static void
fingerprint__of_the_peer__is_what_openssl_prints(void **state OVS_UNUSED)
{
    struct tsn_tls_info info;
    struct pair p;
    char command[200], line[200];

    shake_hands_of(&p, "good", "ca", "peer", "ca");
    assert_true(tsn_tls_session_info(p.client, &info));
    snprintf(command, sizeof command, "openssl x509 -in '%s' -noout "
             "-fingerprint -sha256", pki_path(&pki, "peer", ".pem"));
    FILE *f = popen(command, "r");
    assert_non_null(fgets(line, sizeof line, f));
    pclose(f);
    line[strcspn(line, "\n")] = '\0';
    assert_string_equal(strchr(line, '=') + 1, info.fingerprint);
    pair_fini(&p);
}

static void
handshake__byte_by_byte__is_done(void **state OVS_UNUSED)
{
    struct pair p;

    shake_hands(&p, pki_load(&pki, "good", "ca"), pki_load(&pki, "peer", "ca"),
                1);
    assert_int_equal(p.client_done, 0);
    assert_int_equal(p.server_done, 0);
    pair_fini(&p);
}

static void
handshake__chain_over_a_sub_ca__is_done(void **state OVS_UNUSED)
{
    char command[400];
    struct pair p;

    snprintf(command, sizeof command, "cat '%s' >>'%s'",
             pki_path(&pki, "sub-ca", ".pem"), pki_path(&pki, "far", ".pem"));
    assert_int_equal(system(command), 0);
    shake_hands_of(&p, "far", "ca", "good", "ca");
    assert_int_equal(p.client_done, 0);
    assert_int_equal(p.server_done, 0);
    pair_fini(&p);
}

static void
info__before_the_handshake__there_is_none(void **state OVS_UNUSED)
{
    struct tsn_tls *tls = pki_load(&pki, "good", "ca");
    struct tsn_tls_session *s = tsn_tls_session_create(tls, TSN_TLS_CLIENT);
    struct tsn_tls_info info;

    assert_false(tsn_tls_session_info(s, &info));
    tsn_tls_session_destroy(s);
    tsn_tls_unref(tls);
}

static void
write__before_the_handshake__fails_and_says_so(void **state OVS_UNUSED)
{
    struct tsn_tls *tls = pki_load(&pki, "good", "ca");
    struct tsn_tls_session *s = tsn_tls_session_create(tls, TSN_TLS_CLIENT);
    struct tsn_err err = { .text = "" };

    assert_int_equal(tsn_tls_write(s, "x", 1, &err), -EPROTO);
    assert_string_equal(err.text, "the TLS session is not up");
    assert_int_equal(tsn_tls_handshake(s, &err), -EPROTO);
    tsn_tls_session_destroy(s);
    tsn_tls_unref(tls);
}

static void
handshake__bad_certificate__is_refused_with_the_cause(void **state OVS_UNUSED)
{
    static const struct {
        const char *bad;
        const char *ours, *theirs;  /* What is said at the two ends. */
    } cases[] = {
        { "expired", "the peer's certificate (CN=expired) has expired on ",
          "the peer refuses our certificate: it has expired" },
        { "future", "the peer's certificate (CN=future) is not valid before ",
          "the peer refuses our certificate: " },
        { "stranger", "the peer's certificate (CN=stranger) is not signed by "
                      "our CA",
          "the peer refuses our certificate: its CA is another" },
        { "selfish", "the peer's certificate (CN=selfish) is signed by "
                     "itself, not by our CA",
          "the peer refuses our certificate: " },
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct pair p;

        shake_hands_of(&p, "good", "ca", cases[i].bad, "ca");
        assert_int_equal(p.client_done, -EPROTO);
        assert_int_equal(p.server_done, -EPROTO);
        assert_ptr_equal(strstr(p.client_err.text, cases[i].ours),
                         p.client_err.text);
        assert_ptr_equal(strstr(p.server_err.text, cases[i].theirs),
                         p.server_err.text);
        pair_fini(&p);

        /* The client's, of which it hears after its own handshake. */
        shake_hands_of(&p, cases[i].bad, "ca", "good", "ca");
        assert_int_equal(p.server_done, -EPROTO);
        assert_int_equal(p.client_done, -EPROTO);
        assert_ptr_equal(strstr(p.server_err.text, cases[i].ours),
                         p.server_err.text);
        assert_ptr_equal(strstr(p.client_err.text, cases[i].theirs),
                         p.client_err.text);
        pair_fini(&p);
    }
}

/* A peer made of OpenSSL directly, for what ours would not do. */
struct raw {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in, *out;
};

static void
raw_init(struct raw *raw)
{
    raw->ctx = SSL_CTX_new(TLS_method());
    SSL_CTX_set_cipher_list(raw->ctx, "DEFAULT@SECLEVEL=0");
    raw->ssl = NULL;
}

static void
raw_start(struct raw *raw, enum tsn_tls_role role)
{
    raw->ssl = SSL_new(raw->ctx);
    raw->in = BIO_new(BIO_s_mem());
    raw->out = BIO_new(BIO_s_mem());
    SSL_set_bio(raw->ssl, raw->in, raw->out);
    if (role == TSN_TLS_CLIENT) {
        SSL_set_connect_state(raw->ssl);
    } else {
        SSL_set_accept_state(raw->ssl);
    }
    SSL_do_handshake(raw->ssl);
}

static void
raw_fini(struct raw *raw)
{
    SSL_free(raw->ssl);
    SSL_CTX_free(raw->ctx);
}

/* Runs a handshake of ours with the raw peer; returns what ours says. */
static int
shake_hands_with(struct raw *raw, struct tsn_tls_session *ours,
                 struct tsn_err *err)
{
    int done = -EAGAIN;

    for (int i = 0; i < 4 && done == -EAGAIN; i++) {
        char *in;
        const void *out;
        long n = BIO_get_mem_data(raw->out, &in);

        tsn_tls_push(ours, in, n);
        done = tsn_tls_handshake(ours, err);
        (void) BIO_reset(raw->out);
        size_t size = tsn_tls_output(ours, &out);
        BIO_write(raw->in, out, size);
        tsn_tls_output_taken(ours, size);
        SSL_do_handshake(raw->ssl);
    }
    return done;
}

static struct tsn_tls_session *
new_server(bool require)
{
    struct tsn_tls_files files = pki_files(&pki, "peer", "ca");
    struct tsn_tls *tls;

    files.require_peer_certificate = require;
    assert_int_equal(tsn_tls_load(&files, &tls, NULL), 0);
    struct tsn_tls_session *s = tsn_tls_session_create(tls, TSN_TLS_SERVER);
    tsn_tls_unref(tls);
    return s;
}

static void
server__client_without_certificate__by_the_option(void **state OVS_UNUSED)
{
    for (int require = 0; require < 2; require++) {
        struct tsn_tls_session *server = new_server(require);
        struct tsn_tls_info info;
        struct tsn_err err;
        struct raw raw;

        raw_init(&raw);
        raw_start(&raw, TSN_TLS_CLIENT);
        int done = shake_hands_with(&raw, server, &err);
        if (require) {
            assert_int_equal(done, -EPROTO);
            assert_string_equal(err.text, "the peer shows no certificate");
        } else {
            assert_int_equal(done, 0);
            assert_true(tsn_tls_session_info(server, &info));
            assert_false(info.has_peer);
        }
        tsn_tls_session_destroy(server);
        raw_fini(&raw);
    }
}

static void
server__tls_1_1__is_refused(void **state OVS_UNUSED)
{
    struct tsn_tls_session *server = new_server(false);
    struct tsn_err err;
    struct raw raw;

    raw_init(&raw);
    SSL_CTX_set_min_proto_version(raw.ctx, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(raw.ctx, TLS1_1_VERSION);
    raw_start(&raw, TSN_TLS_CLIENT);
    assert_int_equal(shake_hands_with(&raw, server, &err), -EPROTO);
    assert_string_equal(err.text, "the peer has no TLS 1.2 or later");
    tsn_tls_session_destroy(server);
    raw_fini(&raw);
}

static void
server__tls_1_2__is_served_with_forward_secrecy(void **state OVS_UNUSED)
{
    struct tsn_tls_session *server = new_server(false);
    struct tsn_tls_info info;
    struct raw raw;

    raw_init(&raw);
    SSL_CTX_set_max_proto_version(raw.ctx, TLS1_2_VERSION);
    raw_start(&raw, TSN_TLS_CLIENT);
    assert_int_equal(shake_hands_with(&raw, server, NULL), 0);
    assert_true(tsn_tls_session_info(server, &info));
    assert_string_equal(info.version, "TLSv1.2");
    assert_ptr_equal(strstr(info.cipher, "ECDHE-"), info.cipher);
    tsn_tls_session_destroy(server);
    raw_fini(&raw);
}

/* A server that has no elliptic curves, and one that has nothing good. */
static void
client__old_server__is_served_if_it_is_good_enough(void **state OVS_UNUSED)
{
    static const struct { const char *cipher; int done; } cases[] = {
        { "AES256-GCM-SHA384", 0 },
        { "AES256-SHA", -EPROTO },
    };

    pki_make_rsa(&pki, "old", "ca");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tsn_tls *tls = pki_load(&pki, "good", "ca");
        struct tsn_tls_session *client
            = tsn_tls_session_create(tls, TSN_TLS_CLIENT);
        struct tsn_tls_info info;
        struct tsn_err err;
        struct raw raw;

        raw_init(&raw);
        SSL_CTX_set_max_proto_version(raw.ctx, TLS1_2_VERSION);
        SSL_CTX_set_cipher_list(raw.ctx, cases[i].cipher);
        assert_int_equal(SSL_CTX_use_certificate_file(
            raw.ctx, pki_path(&pki, "old", ".pem"), SSL_FILETYPE_PEM), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(
            raw.ctx, pki_path(&pki, "old", ".key"), SSL_FILETYPE_PEM), 1);
        raw_start(&raw, TSN_TLS_SERVER);
        assert_int_equal(tsn_tls_handshake(client, &err), -EAGAIN);
        const void *out;
        size_t size = tsn_tls_output(client, &out);
        BIO_write(raw.in, out, size);
        tsn_tls_output_taken(client, size);
        SSL_do_handshake(raw.ssl);
        assert_int_equal(shake_hands_with(&raw, client, &err), cases[i].done);
        if (!cases[i].done) {
            assert_true(tsn_tls_session_info(client, &info));
            assert_string_equal(info.cipher, cases[i].cipher);
        }
        tsn_tls_session_destroy(client);
        tsn_tls_unref(tls);
        raw_fini(&raw);
    }
}

static void
server__renegotiation__is_refused(void **state OVS_UNUSED)
{
    struct tsn_tls_session *server = new_server(false);
    struct tsn_err err;
    struct raw raw;
    char byte, *in;
    const void *out;

    raw_init(&raw);
    SSL_CTX_set_max_proto_version(raw.ctx, TLS1_2_VERSION);
    raw_start(&raw, TSN_TLS_CLIENT);
    assert_int_equal(shake_hands_with(&raw, server, NULL), 0);
    SSL_renegotiate(raw.ssl);
    SSL_do_handshake(raw.ssl);
    long n = BIO_get_mem_data(raw.out, &in);
    assert_true(n > 0);
    tsn_tls_push(server, in, n);
    assert_int_equal(tsn_tls_read(server, &byte, 1, &err), -EAGAIN);
    /* The client takes the refusal for the end. */
    BIO_write(raw.in, out, tsn_tls_output(server, &out));
    assert_int_not_equal(SSL_do_handshake(raw.ssl), 1);
    assert_int_equal(SSL_get_error(raw.ssl, -1), SSL_ERROR_SSL);
    tsn_tls_session_destroy(server);
    raw_fini(&raw);
}

static void
feed_garbage(enum tsn_tls_role role, const void *data, size_t size,
             const char *text)
{
    struct tsn_tls *tls = pki_load(&pki, "good", "ca");
    struct tsn_tls_session *s = tsn_tls_session_create(tls, role);
    struct tsn_err err;
    char byte;

    tsn_tls_push(s, data, size);
    assert_int_equal(tsn_tls_handshake(s, &err), -EPROTO);
    assert_string_equal(err.text, text);
    /* It stays so. */
    assert_int_equal(tsn_tls_handshake(s, &err), -EPROTO);
    assert_int_equal(tsn_tls_read(s, &byte, 1, &err), -EPROTO);
    assert_int_equal(tsn_tls_write(s, &byte, 1, &err), -EPROTO);
    tsn_tls_shutdown(s);
    tsn_tls_session_destroy(s);
    tsn_tls_unref(tls);
}

static void
handshake__garbage__is_refused(void **state OVS_UNUSED)
{
    static const char plain[] = "<stream:stream from=\"a\">";
    static const char http[] = "GET / HTTP/1.0\r\n\r\n";
    uint8_t long_record[5 + 100] = { 22, 3, 1, 0xff, 0xff };
    uint8_t zeros[100] = { 0 };

    for (int role = TSN_TLS_CLIENT; role <= TSN_TLS_SERVER; role++) {
        feed_garbage(role, plain, sizeof plain - 1,
                     "what the peer sends is not TLS");
        feed_garbage(role, http, sizeof http - 1,
                     "what the peer sends is not TLS");
        feed_garbage(role, long_record, sizeof long_record,
                     "what the peer sends is not TLS");
        feed_garbage(role, zeros, sizeof zeros,
                     "what the peer sends is not TLS");
    }
}

/* The first flight of a client or, answering one, of a server. */
static uint8_t *
first_flight(bool of_server, struct tsn_tls *tls, size_t *size)
{
    struct tsn_tls_session *client
        = tsn_tls_session_create(tls, TSN_TLS_CLIENT);
    struct tsn_tls_session *server
        = tsn_tls_session_create(tls, TSN_TLS_SERVER);
    const void *data;

    tsn_tls_handshake(client, NULL);
    *size = tsn_tls_output(client, &data);
    if (of_server) {
        tsn_tls_push(server, data, *size);
        tsn_tls_handshake(server, NULL);
        *size = tsn_tls_output(server, &data);
    }
    uint8_t *copy = xmemdup(data, *size);
    tsn_tls_session_destroy(client);
    tsn_tls_session_destroy(server);
    return copy;
}

static void
handshake__cut_or_damaged_anywhere__waits_or_fails(void **state OVS_UNUSED)
{
    struct tsn_tls *tls = pki_load(&pki, "good", "ca");

    for (int of_server = 0; of_server < 2; of_server++) {
        size_t size;
        uint8_t *flight = first_flight(of_server, tls, &size);
        enum tsn_tls_role role = of_server ? TSN_TLS_CLIENT : TSN_TLS_SERVER;
        size_t n_refused = 0;

        for (size_t at = 0; at < size; at++) {
            for (int damaged = 0; damaged < 2; damaged++) {
                struct tsn_tls_session *s = tsn_tls_session_create(tls, role);
                struct tsn_err err;
                uint8_t *data = xmemdup(flight, size);

                data[at] ^= damaged ? 0x55 : 0;
                tsn_tls_handshake(s, &err);
                tsn_tls_push(s, data, damaged ? size : at);
                int done = tsn_tls_handshake(s, &err);
                assert_true(done == -EAGAIN || done == -EPROTO);
                /* What is cut off can still come; but the server's flight is
                 * for another client. */
                assert_true(damaged || of_server || done == -EAGAIN);
                n_refused += done == -EPROTO;
                tsn_tls_session_destroy(s);
                free(data);
            }
        }
        /* One random is as good as another. */
        assert_true(n_refused > size / 10);
        free(flight);
    }
    tsn_tls_unref(tls);
}

static void
record__damaged_after_the_handshake__fails(void **state OVS_UNUSED)
{
    struct tsn_err err;
    const void *data;
    struct pair p;
    char buf[10];

    shake_hands_of(&p, "good", "ca", "peer", "ca");
    assert_int_equal(tsn_tls_write(p.client, "hello", 5, &err), 0);
    size_t size = tsn_tls_output(p.client, &data);
    uint8_t *copy = xmemdup(data, size);
    copy[size - 1] ^= 1;
    tsn_tls_push(p.server, copy, size);
    assert_int_equal(tsn_tls_read(p.server, buf, sizeof buf, &err), -EPROTO);
    assert_true(err.text[0] != '\0');
    free(copy);
    pair_fini(&p);
}

static void
shutdown__by_one_end__is_the_end_at_the_other(void **state OVS_UNUSED)
{
    struct tsn_err err;
    const void *data;
    struct pair p;
    char buf[10];

    shake_hands_of(&p, "good", "ca", "peer", "ca");
    tsn_tls_shutdown(p.client);
    size_t size = tsn_tls_output(p.client, &data);
    assert_true(size > 0);
    tsn_tls_push(p.server, data, size);
    assert_int_equal(tsn_tls_read(p.server, buf, sizeof buf, &err), 0);
    pair_fini(&p);
}

/* Each record makes an answer: they must not pile up. */
static void
output__never_taken__ends_the_session(void **state OVS_UNUSED)
{
    char *data = xzalloc(TSN_TLS_MAX_WRITE);
    struct tsn_err err;
    struct pair p;
    int i;

    shake_hands_of(&p, "good", "ca", "peer", "ca");
    for (i = 0; i < 10; i++) {
        if (tsn_tls_write(p.client, data, TSN_TLS_MAX_WRITE, &err)) {
            break;
        }
    }
    assert_int_equal(i, 3);
    assert_string_equal(err.text, "too much output waits to be sent");
    assert_int_equal(tsn_tls_write(p.client, data, 1, &err), -EPROTO);
    free(data);
    pair_fini(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load__good_files__is_done),
        cmocka_unit_test(load__missing_file__names_it),
        cmocka_unit_test(load__not_a_file__names_it),
        cmocka_unit_test(load__not_pem__says_so),
        cmocka_unit_test(load__key_of_another_certificate__names_both),
        cmocka_unit_test(load__key_with_pass_phrase__is_refused_not_asked_for),
        cmocka_unit_test(load__expired_certificate__is_taken),
        cmocka_unit_test(
            handshake__good_certificates__carries_bytes_both_ways),
        cmocka_unit_test(fingerprint__of_the_peer__is_what_openssl_prints),
        cmocka_unit_test(handshake__byte_by_byte__is_done),
        cmocka_unit_test(handshake__chain_over_a_sub_ca__is_done),
        cmocka_unit_test(info__before_the_handshake__there_is_none),
        cmocka_unit_test(write__before_the_handshake__fails_and_says_so),
        cmocka_unit_test(
            handshake__bad_certificate__is_refused_with_the_cause),
        cmocka_unit_test(server__client_without_certificate__by_the_option),
        cmocka_unit_test(server__tls_1_1__is_refused),
        cmocka_unit_test(server__tls_1_2__is_served_with_forward_secrecy),
        cmocka_unit_test(client__old_server__is_served_if_it_is_good_enough),
        cmocka_unit_test(server__renegotiation__is_refused),
        cmocka_unit_test(handshake__garbage__is_refused),
        cmocka_unit_test(handshake__cut_or_damaged_anywhere__waits_or_fails),
        cmocka_unit_test(record__damaged_after_the_handshake__fails),
        cmocka_unit_test(shutdown__by_one_end__is_the_end_at_the_other),
        cmocka_unit_test(output__never_taken__ends_the_session),
    };

    return cmocka_run_group_tests(tests, make_pki, remove_pki);
}
