/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that make us answer and never read what we say.  They have a
 * certificate and a session: what TLS answers by itself costs them nothing,
 * and must not cost us memory without bound. */
#include <config.h>

#include "tests/unit/acceptor_rig.h"

#include <netinet/tcp.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>
#include <signal.h>

#include "byte-order.h"
#include "openvswitch/vlog.h"

/* Far more than the limit and the buffers of both sockets, which are small,
 * hold together. */
#define MAX_ANSWERS (8 * OVC_ACCEPTOR_MAX_UNSENT)

/* A switch with a TLS of its own, which the test can misuse. */
struct peer {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    struct ds in;
    uint64_t seq;               /* Of the next record to be sent. */
    bool closed;                /* By the acceptor. */
};

static void
peer_init(struct peer *p, struct rig *rig, int version)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(rig->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct tsn_tls_files files = pki_files(&rig->pki, "tor1", "ca");

    memset(p, 0, sizeof *p);
    ds_init(&p->in);
    p->ctx = SSL_CTX_new(TLS_client_method());
    assert_true(SSL_CTX_set_min_proto_version(p->ctx, version));
    assert_true(SSL_CTX_set_max_proto_version(p->ctx, version));
    assert_true(SSL_CTX_set_cipher_list(p->ctx,
                                        "ECDHE-ECDSA-AES128-GCM-SHA256"));
    assert_int_equal(SSL_CTX_use_certificate_file(p->ctx, files.certificate,
                                                  SSL_FILETYPE_PEM), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(p->ctx, files.private_key,
                                                 SSL_FILETYPE_PEM), 1);
    p->fd = socket(AF_INET, SOCK_STREAM, 0);
    /* The other side's buffer goes by the size of segments. */
    assert_int_equal(setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &(int) { 4096 },
                                sizeof(int)), 0);
    assert_int_equal(setsockopt(p->fd, IPPROTO_TCP, TCP_MAXSEG,
                                &(int) { 536 }, sizeof(int)), 0);
    assert_int_equal(connect(p->fd, (struct sockaddr *) &to, sizeof to), 0);
    set_nonblocking(p->fd);
    p->ssl = SSL_new(p->ctx);
    SSL_set_fd(p->ssl, p->fd);
}

static void
peer_fini(struct peer *p)
{
    SSL_free(p->ssl);
    SSL_CTX_free(p->ctx);
    close(p->fd);
    ds_destroy(&p->in);
}

/* As long as it still reads. */
static bool
peer_has(struct peer *p, const char *text)
{
    char buf[4096];
    int n;

    while ((n = SSL_read(p->ssl, buf, sizeof buf)) > 0) {
        ds_put_buffer(&p->in, buf, n);
    }
    return strstr(ds_cstr(&p->in), text);
}

static void
peer_send(struct peer *p, const char *text)
{
    assert_int_equal(SSL_write(p->ssl, text, strlen(text)), strlen(text));
    p->seq++;
}

static struct end *
peer_identify(struct peer *p, struct rig *rig)
{
    RIG_UNTIL(rig, SSL_connect(p->ssl) == 1);
    p->seq = 1;                 /* "Finished" was the first. */
    RIG_UNTIL(rig, peer_has(p, "list_dbs"));
    peer_send(p, DBS);
    RIG_UNTIL(rig, peer_has(p, "Physical_Switch"));
    peer_send(p, TOR1);
    return rig_accept(rig);
}

static struct rig *
rig_with_tor(void **state)
{
    struct rig *rig = *state;

    rig_listen(rig, (struct ovc_listener_config) { .tls = true });
    rig_add_tor(rig, (struct ovc_acceptor_tor) { .name = "tor1" });
    return rig;
}

/* The peer was hung up on, for that reason, and it is told. */
static void
check_hung_up_on(struct peer *p, struct rig *rig, struct end *idl)
{
    RIG_UNTIL(rig, idl->closed);
    assert_true(p->closed);
    assert_int_equal(rig_count(rig, NULL, "refused.not_reading"), 1);
    assert_non_null(strstr(rig_status(rig, "tor1", "last_close"),
                           "does not read"));
}

/* Records of TLS 1.2 with AES-128-GCM (RFC 5246 6.2.3.3, 6.3; RFC 5288 3), of
 * what OpenSSL would not send. */

struct keys {
    uint8_t client_key[16], server_key[16], client_iv[4], server_iv[4];
};

static void
derive_keys(const struct peer *p, struct keys *keys)
{
    uint8_t master[48], seed[13 + 32 + 32] = "key expansion";
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

    assert_int_equal(SSL_SESSION_get_master_key(SSL_get_session(p->ssl),
                                                master, sizeof master),
                     sizeof master);
    SSL_get_server_random(p->ssl, seed + 13, 32);
    SSL_get_client_random(p->ssl, seed + 13 + 32, 32);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
                                         (char [7]) { "SHA256" }, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master,
                                          sizeof master),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed,
                                          sizeof seed),
        OSSL_PARAM_construct_end(),
    };
    assert_int_equal(EVP_KDF_derive(ctx, (uint8_t *) keys, sizeof *keys,
                                    params), 1);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

#define HELLO_SIZE 4            /* Type and length of a handshake message. */
#define RECORD_SIZE (5 + 8 + HELLO_SIZE + 16)

/* A ClientHello, so short that nothing is in it: it asks for another handshake
 * and is answered by an alert (RFC 5746 5). */
static void
seal_hello(struct peer *p, const struct keys *keys, EVP_CIPHER_CTX *ctx,
           uint8_t record[RECORD_SIZE])
{
    static const uint8_t hello[HELLO_SIZE] = { 1, 0, 0, 0 };
    ovs_be64 seq = htonll(p->seq++);
    uint8_t nonce[12], aad[13];
    int n;

    memcpy(record, "\x16\3\3\0\x1c", 5);
    memcpy(record + 5, &seq, 8);
    memcpy(nonce, keys->client_iv, 4);
    memcpy(nonce + 4, &seq, 8);
    memcpy(aad, &seq, 8);
    memcpy(aad + 8, "\x16\3\3\0\4", 5);
    EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, keys->client_key, nonce);
    EVP_EncryptUpdate(ctx, NULL, &n, aad, sizeof aad);
    EVP_EncryptUpdate(ctx, record + 13, &n, hello, sizeof hello);
    EVP_EncryptFinal_ex(ctx, record + 13 + sizeof hello, &n);
    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16,
                        record + 13 + sizeof hello);
}

#define ALERT_SIZE (5 + 8 + 2 + 16)

static void
send_records(struct peer *p, struct rig *rig, const uint8_t *data,
             size_t size)
{
    while (size && !p->closed) {
        ssize_t n = send(p->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        p->closed = n < 0 && errno != EAGAIN && errno != EINTR;
        data += MAX(n, 0);
        size -= MAX(n, 0);
        rig_turn(rig);
    }
}

static void
peer__asks_for_handshakes_and_does_not_read__is_hung_up_on(void **state)
{
    static uint8_t records[1000][RECORD_SIZE];
    struct rig *rig = rig_with_tor(state);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    struct keys keys;
    struct peer p;

    peer_init(&p, rig, TLS1_2_VERSION);
    struct end *idl = peer_identify(&p, rig);
    derive_keys(&p, &keys);
    for (size_t n = 0; n * ALERT_SIZE < MAX_ANSWERS && !p.closed;
         n += ARRAY_SIZE(records)) {
        for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
            seal_hello(&p, &keys, ctx, records[i]);
        }
        send_records(&p, rig, *records, sizeof records);
    }
    check_hung_up_on(&p, rig, idl);
    EVP_CIPHER_CTX_free(ctx);
    peer_fini(&p);
}

/* A record of TLS 1.3 with a KeyUpdate (RFC 8446 4.6.3, 5.2). */
#define KEY_UPDATE_SIZE (5 + 4 + 1 + 1 + 16)

/* Returns whether the socket takes more. */
static bool
send_key_update(struct peer *p)
{
    SSL_key_update(p->ssl, SSL_KEY_UPDATE_REQUESTED);
    int retval = SSL_do_handshake(p->ssl);

    if (retval == 1) {
        return true;
    }
    p->closed = SSL_get_error(p->ssl, retval) != SSL_ERROR_WANT_WRITE;
    return false;
}

static void
peer__wants_other_keys_and_does_not_read__is_hung_up_on(void **state)
{
    struct rig *rig = rig_with_tor(state);
    struct peer p;

    peer_init(&p, rig, TLS1_3_VERSION);
    struct end *idl = peer_identify(&p, rig);
    for (size_t n = 0; n * KEY_UPDATE_SIZE < MAX_ANSWERS && !p.closed; n++) {
        if (!send_key_update(&p) || n % 1000 == 0) {
            rig_turn(rig);
        }
    }
    check_hung_up_on(&p, rig, idl);
    peer_fini(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TLS_TEST(
            peer__asks_for_handshakes_and_does_not_read__is_hung_up_on),
        RIG_TLS_TEST(peer__wants_other_keys_and_does_not_read__is_hung_up_on),
    };

    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    signal(SIGPIPE, SIG_IGN);   /* What OpenSSL sends itself. */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
