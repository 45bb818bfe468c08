/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys and certificates of a lab, in files: what the look-alikes of vendors' authorities and
 * `fairlead lab ca` have in common.  Secret keys are made 0600 and never printed.
 */
#ifndef PKI_H
#define PKI_H

#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

#include "attester/attester.h"

enum pki_key {
	PKI_RSA4096,
	PKI_P384,
	PKI_P256,
	PKI_ED25519,
};

enum {
	PKI_DAY_S = 24 * 60 * 60,
	PKI_YEAR_S = 365 * PKI_DAY_S,
};

/* "DIRECTORY/NAME".  0 or -ENAMETOOLONG and why[]. */
int pki_path(char out[ATTESTER_PATH_MAX], const char *directory, const char *name,
	     char why[WHY_MAX]);
/* Also true when one cannot tell: nothing is made over something unreadable. */
bool pki_exists(const char *directory, const char *name);
int pki_mkdir(const char *directory, char why[WHY_MAX]); /* one that exists is fine */

/* Writes n bytes, whole or not at all.  0 or -errno and why[]. */
int pki_write(const char *directory, const char *name, struct bytes content, unsigned int mode,
	      char why[WHY_MAX]);
/* A new buffer with the file, at most max bytes of it, and its length; or NULL and why[]. */
uint8_t *pki_read(const char *directory, const char *name, size_t max, size_t *n,
		  char why[WHY_MAX]);

/* The key in the file, made first if there is none; NULL and why[]. */
EVP_PKEY *pki_key(const char *directory, const char *name, enum pki_key kind, char why[WHY_MAX]);
EVP_PKEY *pki_key_read(const char *directory, const char *name, char why[WHY_MAX]);

/* The first certificate of a PEM file; NULL and why[]. */
X509 *pki_certificate_read(const char *directory, const char *name, char why[WHY_MAX]);
int pki_certificate_write(const char *directory, const char *name, X509 *x, char why[WHY_MAX]);
int pki_der_write(const char *directory, const char *name, X509 *x, char why[WHY_MAX]);
/* Several in one PEM file, the first one first. */
int pki_pem_write(const char *directory, const char *name, X509 *const *chain, size_t count,
		  char why[WHY_MAX]);
/* x, then issuer, in one PEM file. */
int pki_chain_write(const char *directory, const char *name, X509 *x, X509 *issuer,
		    char why[WHY_MAX]);

/* What every certificate has; extensions and signature come after. */
struct pki_subject {
	const X509_NAME *name, *issuer;
	EVP_PKEY *key;
	uint64_t serial;
	int64_t from, until; /* Unix seconds */
};

/* NULL without memory. */
X509 *pki_certificate(const struct pki_subject *s);
/* "critical,CA:TRUE" in the words of x509v3_config(5); issuer may be x itself. */
bool pki_extend(X509 *x, X509 *issuer, int nid, const char *value);

/* A name of pairs such as { "CN", "a lab" }; NULL without memory. */
X509_NAME *pki_name(const char *const parts[][2], size_t count);
bool pki_extend_lab(X509 *x); /* a root says that it is a lab's */
/* oid: "1.2.3" */
bool pki_extend_raw(X509 *x, const char *oid, struct bytes content);

/* Both may be NULL. */
struct pki_authority {
	EVP_PKEY *key;
	X509 *cert;
};

/* STEM.key, made first if there is none, and STEM.pem, if there is one.  0, or -EIO and why[]. */
int pki_authority_open(const char *directory, const char *stem, enum pki_key kind,
		       struct pki_authority *out, char why[WHY_MAX]);
/* Writes STEM.pem; without a certificate, OpenSSL would make none: -EIO. */
int pki_authority_keep(const char *directory, const char *stem, const struct pki_authority *a,
		       char why[WHY_MAX]);
void pki_authority_free(struct pki_authority *a);

/* A list that revokes nobody yet, not yet signed; NULL without memory. */
X509_CRL *pki_crl(const X509 *issuer, int64_t from, int64_t until);
bool pki_crl_revoke(X509_CRL *crl, const ASN1_INTEGER *serial, int64_t at);
/* As DER; crl NULL: OpenSSL would make none. */
int pki_crl_write(const char *directory, const char *name, const X509_CRL *crl, char why[WHY_MAX]);

/* Copies what OpenSSL complained of last behind what.  -EIO. */
int pki_error(char why[WHY_MAX], const char *what);

#endif
