// SPDX-License-Identifier: BSD-2-Clause
#include "attester/authority.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "attester/authority_names.h"
#include "attester/pki.h"

enum {
	ROOT_YEARS = 25, /* as AMD's */
	CRL_YEARS = 1,
	CLOCK_SKEW_S = 3600, /* a verifier's clock may be behind ours */
};

/* AMD's serials: they tell ASK from ASVK in the CRL. */
static const uint32_t serials[SNP_PRODUCTS][ROLE_COUNT] = {
	[SNP_MILAN] = { 0x10000, 0x10001, 0x10101 },
	[SNP_GENOA] = { 0x20000, 0x20002, 0x20101 },
	[SNP_TURIN] = { 0x30000, 0x30001, 0x30101 },
};

/* What an authority holds while it works; all of it may be NULL. */
struct authority {
	const struct authority_options *options;
	EVP_PKEY *keys[ROLE_COUNT];
	X509 *certs[ROLE_COUNT];
};

static void release(struct authority *a)
{
	for (int i = 0; i < ROLE_COUNT; i++) {
		EVP_PKEY_free(a->keys[i]);
		X509_free(a->certs[i]);
	}
}

static bool extend_root(X509 *x)
{
	return pki_extend(x, x, NID_subject_key_identifier, "hash") &&
	       pki_extend(x, x, NID_basic_constraints, "critical,CA:TRUE") &&
	       pki_extend(x, x, NID_key_usage, "critical,keyCertSign,cRLSign") && pki_extend_lab(x);
}

static bool extend_intermediate(X509 *x, X509 *root, const char *crl)
{
	return pki_extend(x, root, NID_subject_key_identifier, "hash") &&
	       pki_extend(x, root, NID_authority_key_identifier, "keyid:always") &&
	       pki_extend(x, root, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	       pki_extend(x, root, NID_key_usage, "critical,keyCertSign") &&
	       pki_extend(x, root, NID_crl_distribution_points, crl);
}

static bool extend(struct authority *a, enum role role, X509 *x)
{
	char crl[NAME_TEXT_MAX];

	if (role == ROLE_ARK)
		return extend_root(x);
	snprintf(crl, sizeof(crl), "URI:https://kdsintf.amd.com/%s/v1/%s/crl",
		 role == ROLE_ASK ? "vcek" : "vlek", lab_product_str(a->options->product));
	return extend_intermediate(x, a->certs[ROLE_ARK], crl);
}

/* The certificate of a role, signed; NULL when OpenSSL will not. */
static X509 *make_certificate(struct authority *a, enum role role)
{
	enum snp_product p = a->options->product;
	struct pki_subject s = {
		.name = authority_name(p, role),
		.issuer = authority_name(p, ROLE_ARK),
		.key = a->keys[role],
		.serial = serials[p][role],
		.from = a->options->now - PKI_DAY_S,
		.until = a->options->now + (int64_t)ROOT_YEARS * PKI_YEAR_S,
	};
	X509 *x = s.name && s.issuer ? pki_certificate(&s) : NULL;

	X509_NAME_free((X509_NAME *)s.name);
	X509_NAME_free((X509_NAME *)s.issuer);
	if (x && extend(a, role, x) && authority_sign(x, a->keys[ROLE_ARK]))
		return x;
	X509_free(x);
	return NULL;
}

static const char *file_of(enum role role, const char *suffix, char out[NAME_TEXT_MAX])
{
	static const char *const stems[ROLE_COUNT] = { "ark", "ask", "asvk" };

	snprintf(out, NAME_TEXT_MAX, "%s.%s", stems[role], suffix);
	return out;
}

/* -EEXIST for somebody else's certificate under that file name. */
static int check_name(X509 *x, enum snp_product product, enum role role, char why[WHY_MAX])
{
	X509_NAME *want = authority_name(product, role);
	int differ = !want || X509_NAME_cmp(X509_get_subject_name(x), want);

	X509_NAME_free(want);
	if (!differ)
		return 0;
	snprintf(why, WHY_MAX,
		 "the root that is there is not for %s: want an empty directory for a new one",
		 lab_product_str(product));
	return -EEXIST;
}

/* Loads the role's certificate or, if it or its issuer is new, makes it. */
static int load_or_make(struct authority *a, const char *directory, enum role role, bool *fresh,
			char why[WHY_MAX])
{
	char name[NAME_TEXT_MAX];
	int err;

	a->keys[role] = pki_key(directory, file_of(role, "key", name), PKI_RSA4096, why);
	if (!a->keys[role])
		return -EIO;
	if (!*fresh && pki_exists(directory, file_of(role, "pem", name))) {
		a->certs[role] = pki_certificate_read(directory, name, why);
		if (!a->certs[role])
			return -EIO;
		err = check_name(a->certs[role], a->options->product, role, why);
		if (err || X509_check_private_key(a->certs[role], a->keys[role]) == 1)
			return err;
		X509_free(a->certs[role]); /* of a key that was lost */
	}
	*fresh = true;
	a->certs[role] = make_certificate(a, role);
	if (!a->certs[role])
		return pki_error(why, file_of(role, "pem", name));
	return pki_certificate_write(directory, file_of(role, "pem", name), a->certs[role], why);
}

static bool revoke(X509_CRL *crl, uint32_t serial, int64_t at)
{
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	bool ok = n && ASN1_INTEGER_set_uint64(n, serial) == 1 && pki_crl_revoke(crl, n, at);

	ASN1_INTEGER_free(n);
	return ok;
}

static int write_crl(const struct authority *a, const char *directory, char why[WHY_MAX])
{
	const struct authority_options *o = a->options;
	X509_CRL *crl = pki_crl(a->certs[ROLE_ARK], o->now - CLOCK_SKEW_S,
				o->now + (int64_t)CRL_YEARS * PKI_YEAR_S);
	bool ok = crl && (!o->revoke_ask || revoke(crl, serials[o->product][ROLE_ASK], o->now)) &&
		  (!o->revoke_asvk || revoke(crl, serials[o->product][ROLE_ASVK], o->now)) &&
		  X509_CRL_sort(crl) == 1 && authority_sign_crl(crl, a->keys[ROLE_ARK]);
	int err = pki_crl_write(directory, "crl.der", ok ? crl : NULL, why);

	X509_CRL_free(crl);
	return err;
}

static int make(struct authority *a, const char *directory, uint8_t sha256[32], char why[WHY_MAX])
{
	bool fresh = false;
	unsigned int n;
	int err;

	err = pki_mkdir(directory, why);
	for (enum role r = ROLE_ARK; !err && r < ROLE_COUNT; r++)
		err = load_or_make(a, directory, r, &fresh, why);
	if (!err)
		err = pki_chain_write(directory, "vcek_chain.pem", a->certs[ROLE_ASK],
				      a->certs[ROLE_ARK], why);
	if (!err)
		err = pki_chain_write(directory, "vlek_chain.pem", a->certs[ROLE_ASVK],
				      a->certs[ROLE_ARK], why);
	if (!err)
		err = write_crl(a, directory, why);
	if (err)
		return err;
	if (X509_digest(a->certs[ROLE_ARK], EVP_sha256(), sha256, &n) != 1)
		return pki_error(why, "ark.pem");
	return 0;
}

int authority_make(const char *directory, const struct authority_options *o, uint8_t sha256[32],
		   char why[WHY_MAX])
{
	struct authority a = { .options = o };
	int err;

	err = make(&a, directory, sha256, why);
	release(&a);
	return err;
}

int authority_product(const char *directory, enum snp_product *out, char why[WHY_MAX])
{
	X509 *x = pki_certificate_read(directory, "ark.pem", why);
	int err = -ENOENT;

	if (!x)
		return err;
	for (enum snp_product p = SNP_MILAN; err && p < SNP_PRODUCTS; p++) {
		err = check_name(x, p, ROLE_ARK, why);
		if (!err)
			*out = p;
	}
	if (err)
		snprintf(why, WHY_MAX,
			 "%.180s/ark.pem: no lab root: want ARK-Milan, -Genoa or -Turin",
			 directory);
	X509_free(x);
	return err;
}
