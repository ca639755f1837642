/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/unit/pki.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tsn/error.h"
#include "tsn/tls.h"
#include "util.h"

#define SECONDS_PER_DAY 86400

void
pki_init(struct pki *pki)
{
    strcpy(pki->dir, "/tmp/tsn-pki-XXXXXX");
    ovs_assert(mkdtemp(pki->dir));
}

void
pki_fini(struct pki *pki)
{
    char command[96];

    snprintf(command, sizeof command, "rm -rf '%s'", pki->dir);
    ovs_assert(!system(command));
}

const char *
pki_path(const struct pki *pki, const char *name, const char *suffix)
{
    static char bufs[32][128];
    static unsigned int next;
    char *buf = bufs[next++ % ARRAY_SIZE(bufs)];

    snprintf(buf, sizeof bufs[0], "%s/%s%s", pki->dir, name, suffix);
    return buf;
}

static FILE *
open_file(const struct pki *pki, const char *name, const char *suffix,
          const char *mode)
{
    FILE *f = fopen(pki_path(pki, name, suffix), mode);

    ovs_assert(f);
    return f;
}

void
pki_write(const struct pki *pki, const char *name, const char *suffix,
          const void *data, size_t size)
{
    FILE *f = open_file(pki, name, suffix, "w");

    ovs_assert(fwrite(data, 1, size, f) == size);
    ovs_assert(!fclose(f));
}

void
pki_replace(const struct pki *pki, const char *name, const char *by,
            const char *suffix)
{
    char command[300];

    snprintf(command, sizeof command, "cp '%s' '%s'",
             pki_path(pki, by, suffix), pki_path(pki, "new", ".tmp"));
    ovs_assert(!system(command));
    ovs_assert(!rename(pki_path(pki, "new", ".tmp"),
                       pki_path(pki, name, suffix)));
}

static void
add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ovs_assert(ext && X509_add_ext(x, ext, -1));
    X509_EXTENSION_free(ext);
}

struct content {
    struct pki_validity validity;
    bool is_ca;
    const char *alt_names;      /* Or NULL. */
    int n_units;                /* In the subject, of 60 letters. */
};

static void
add_units(X509_NAME *subject, int n)
{
    char unit[61];

    memset(unit, 'u', 60);
    unit[60] = '\0';
    for (int i = 0; i < n; i++) {
        X509_NAME_add_entry_by_txt(subject, "OU", MBSTRING_UTF8,
                                   (const unsigned char *) unit, -1, -1, 0);
    }
}

/* Takes 'key'. */
static void
make(const struct pki *pki, const char *name, const char *issuer,
     const struct content *content, EVP_PKEY *key)
{
    EVP_PKEY *issuer_key = key;
    X509 *x = X509_new(), *issuer_x = x;
    uint32_t serial;
    FILE *f;

    ovs_assert(key && x);
    if (issuer) {
        f = open_file(pki, issuer, ".pem", "r");
        ovs_assert((issuer_x = PEM_read_X509(f, NULL, NULL, NULL)));
        fclose(f);
        f = open_file(pki, issuer, ".key", "r");
        ovs_assert((issuer_key = PEM_read_PrivateKey(f, NULL, NULL, NULL)));
        fclose(f);
    }
    RAND_bytes((unsigned char *) &serial, sizeof serial);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial);
    X509_set_version(x, X509_VERSION_3);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                               (const unsigned char *) name, -1, -1, 0);
    add_units(X509_get_subject_name(x), content->n_units);
    X509_set_issuer_name(x, X509_get_subject_name(issuer_x));
    X509_gmtime_adj(X509_getm_notBefore(x),
                    content->validity.from_days * SECONDS_PER_DAY);
    X509_gmtime_adj(X509_getm_notAfter(x),
                    content->validity.until_days * SECONDS_PER_DAY);
    X509_set_pubkey(x, key);
    add_extension(x, issuer_x, NID_basic_constraints,
                  content->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (content->alt_names) {
        add_extension(x, issuer_x, NID_subject_alt_name, content->alt_names);
    }
    ovs_assert(X509_sign(x, issuer_key, EVP_sha256()));

    f = open_file(pki, name, ".pem", "w");
    ovs_assert(PEM_write_X509(f, x));
    fclose(f);
    f = open_file(pki, name, ".key", "w");
    ovs_assert(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
    fclose(f);
    if (issuer) {
        X509_free(issuer_x);
        EVP_PKEY_free(issuer_key);
    }
    X509_free(x);
    EVP_PKEY_free(key);
}

void
pki_make_ca(const struct pki *pki, const char *name, const char *issuer)
{
    make(pki, name, issuer,
         &(struct content) { .validity = PKI_VALID, .is_ca = true },
         EVP_EC_gen("P-256"));
}

void
pki_make(const struct pki *pki, const char *name, const char *issuer,
         struct pki_validity validity)
{
    make(pki, name, issuer, &(struct content) { .validity = validity },
         EVP_EC_gen("P-256"));
}

void
pki_make_named(const struct pki *pki, const char *name, const char *issuer,
               const char *alt_names)
{
    make(pki, name, issuer, &(struct content) {
        .validity = PKI_VALID, .alt_names = alt_names,
    }, EVP_EC_gen("P-256"));
}

void
pki_make_long(const struct pki *pki, const char *name, const char *issuer)
{
    make(pki, name, issuer, &(struct content) {
        .validity = PKI_VALID, .n_units = 5,
    }, EVP_EC_gen("P-256"));
}

void
pki_make_rsa(const struct pki *pki, const char *name, const char *issuer)
{
    make(pki, name, issuer, &(struct content) { .validity = PKI_VALID },
         EVP_RSA_gen(2048));
}

struct tsn_tls_files
pki_files(const struct pki *pki, const char *name, const char *ca)
{
    return (struct tsn_tls_files) {
        .certificate = CONST_CAST(char *, pki_path(pki, name, ".pem")),
        .private_key = CONST_CAST(char *, pki_path(pki, name, ".key")),
        .ca = CONST_CAST(char *, pki_path(pki, ca, ".pem")),
    };
}

struct tsn_tls *
pki_load(const struct pki *pki, const char *name, const char *ca)
{
    struct tsn_tls_files files = pki_files(pki, name, ca);
    struct tsn_tls *tls;
    struct tsn_err err;

    if (tsn_tls_load(&files, &tls, &err)) {
        ovs_fatal(0, "%s", tsn_err_format(&err));
    }
    return tls;
}
