/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate authorities and certificates for tests, made when a test runs,
 * as PEM files in a directory of their own.  Aborts when it cannot. */
#ifndef TESTS_PKI_H
#define TESTS_PKI_H 1

#include <stddef.h>

struct tsn_tls;
struct tsn_tls_files;

struct pki {
    char dir[64];
};

struct pki_validity {
    int from_days, until_days;  /* From now on; negative: in the past. */
};
#define PKI_VALID ((struct pki_validity) { -1, 30 })
#define PKI_EXPIRED ((struct pki_validity) { -30, -1 })
#define PKI_FUTURE ((struct pki_validity) { 1, 30 })

void pki_init(struct pki *);
/* Removes the directory. */
void pki_fini(struct pki *);

/* Writes NAME.pem and NAME.key, CN=NAME, signed by 'issuer', whose files are
 * there, or for NULL by itself. */
void pki_make_ca(const struct pki *, const char *name, const char *issuer);
void pki_make(const struct pki *, const char *name, const char *issuer,
              struct pki_validity);

/* With subject alternative names: "DNS:a.example,URI:urn:a,IP:10.0.0.1". */
void pki_make_named(const struct pki *, const char *name, const char *issuer,
                    const char *alt_names);

/* With a subject so long that the CN, printed last, is cut off. */
void pki_make_long(const struct pki *, const char *name, const char *issuer);

/* With an RSA key, as old peers need, not one on an elliptic curve. */
void pki_make_rsa(const struct pki *, const char *name, const char *issuer);

/* "DIR/NAMESUFFIX", valid until the 32nd call from now. */
const char *pki_path(const struct pki *, const char *name,
                     const char *suffix);
void pki_write(const struct pki *, const char *name, const char *suffix,
               const void *data, size_t size);
/* Puts the file in the place of another, at once. */
void pki_replace(const struct pki *, const char *name, const char *by,
                 const char *suffix);

/* NAME.pem, NAME.key, CA.pem; the strings live as long as pki_path()'s. */
struct tsn_tls_files pki_files(const struct pki *, const char *name,
                               const char *ca);
/* The context of these. */
struct tsn_tls *pki_load(const struct pki *, const char *name,
                         const char *ca);

#endif /* tests/unit/pki.h */
