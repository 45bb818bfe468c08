// SPDX-License-Identifier: BSD-2-Clause
/* What the look-alikes of three vendors' authorities are made of. */
#include <errno.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "attester/pki.h"

enum { FILE_NAME_MAX = 64 };

X509_NAME *pki_name(const char *const parts[][2], size_t count)
{
	X509_NAME *name = X509_NAME_new();
	bool ok = name;

	for (size_t i = 0; ok && i < count; i++)
		ok = X509_NAME_add_entry_by_txt(name, parts[i][0], MBSTRING_ASC,
						(const uint8_t *)parts[i][1], -1, -1, 0) == 1;
	if (ok)
		return name;
	X509_NAME_free(name);
	return NULL;
}

bool pki_extend_lab(X509 *x)
{
	return pki_extend(x, x, NID_netscape_comment,
			  "fairlead lab: made by software, trust it nowhere but in that lab");
}

bool pki_extend_raw(X509 *x, const char *oid, struct bytes content)
{
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	ASN1_OBJECT *id = OBJ_txt2obj(oid, 1);
	X509_EXTENSION *e = NULL;
	bool ok;

	if (id && octets && ASN1_OCTET_STRING_set(octets, content.p, content.n) == 1)
		e = X509_EXTENSION_create_by_OBJ(NULL, id, 0, octets);
	ok = e && X509_add_ext(x, e, -1) == 1;
	X509_EXTENSION_free(e);
	ASN1_OCTET_STRING_free(octets);
	ASN1_OBJECT_free(id);
	return ok;
}

/* --- authorities in files */

void pki_authority_free(struct pki_authority *a)
{
	EVP_PKEY_free(a->key);
	X509_free(a->cert);
	*a = (struct pki_authority){ NULL, NULL };
}

int pki_authority_open(const char *directory, const char *stem, enum pki_key kind,
		       struct pki_authority *out, char why[WHY_MAX])
{
	char name[FILE_NAME_MAX];

	snprintf(name, sizeof(name), "%s.key", stem);
	out->key = pki_key(directory, name, kind, why);
	if (!out->key)
		return -EIO;
	snprintf(name, sizeof(name), "%s.pem", stem);
	if (!pki_exists(directory, name))
		return 0;
	out->cert = pki_certificate_read(directory, name, why);
	return out->cert ? 0 : -EIO;
}

int pki_authority_keep(const char *directory, const char *stem, const struct pki_authority *a,
		       char why[WHY_MAX])
{
	char name[FILE_NAME_MAX];

	snprintf(name, sizeof(name), "%s.pem", stem);
	return a->cert ? pki_certificate_write(directory, name, a->cert, why)
		       : pki_error(why, name);
}

/* --- revocation lists */

bool pki_crl_revoke(X509_CRL *crl, const ASN1_INTEGER *serial, int64_t at)
{
	X509_REVOKED *r = X509_REVOKED_new();
	ASN1_TIME *t = ASN1_TIME_set(NULL, at);
	bool ok = r && t && X509_REVOKED_set_serialNumber(r, (ASN1_INTEGER *)serial) == 1 &&
		  X509_REVOKED_set_revocationDate(r, t) == 1 && X509_CRL_add0_revoked(crl, r) == 1;

	if (!ok)
		X509_REVOKED_free(r);
	ASN1_TIME_free(t);
	return ok;
}

static bool fill(X509_CRL *crl, const X509 *issuer, int64_t from, int64_t until)
{
	ASN1_TIME *this_update = ASN1_TIME_set(NULL, from);
	ASN1_TIME *next_update = ASN1_TIME_set(NULL, until);
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	bool ok = this_update && next_update && number &&
		  X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
		  X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer)) == 1 &&
		  X509_CRL_set1_lastUpdate(crl, this_update) == 1 &&
		  X509_CRL_set1_nextUpdate(crl, next_update) == 1 &&
		  ASN1_INTEGER_set_uint64(number, 1) == 1 &&
		  X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) == 1;

	ASN1_TIME_free(this_update);
	ASN1_TIME_free(next_update);
	ASN1_INTEGER_free(number);
	return ok;
}

X509_CRL *pki_crl(const X509 *issuer, int64_t from, int64_t until)
{
	X509_CRL *crl = X509_CRL_new();

	if (crl && fill(crl, issuer, from, until))
		return crl;
	X509_CRL_free(crl);
	return NULL;
}

int pki_crl_write(const char *directory, const char *name, const X509_CRL *crl, char why[WHY_MAX])
{
	uint8_t *der = NULL;
	int n = crl ? i2d_X509_CRL(crl, &der) : -1, err;

	err = n > 0 ? pki_write(directory, name, bytes_of(der, n), 0644, why)
		    : pki_error(why, name);
	OPENSSL_free(der);
	return err;
}
