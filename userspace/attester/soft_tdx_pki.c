// SPDX-License-Identifier: BSD-2-Clause
/*
 * A lab's stand-in for Intel's authorities: names, algorithms and extensions of the genuine ones,
 * so that a verifier meets nothing new.  Only the keys are other ones, and the root carries a
 * comment that says so.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "attester/pki.h"
#include "attester/soft_tdx.h"

enum {
	AUTHORITY_YEARS = 25,
	PCK_YEARS = 7,
	CRL_DAYS = 30, /* as Intel's */
};

enum role { ROLE_ROOT, ROLE_CA, ROLE_SIGNER, ROLE_COUNT };

static const struct {
	const char *stem, *name, *constraints, *usage;
} roles[ROLE_COUNT] = {
	[ROLE_ROOT] = { "root", "Intel SGX Root CA", "critical,CA:TRUE,pathlen:1",
			"critical,keyCertSign,cRLSign" },
	[ROLE_CA] = { "ca", "Intel SGX PCK Platform CA", "critical,CA:TRUE,pathlen:0",
		      "critical,keyCertSign,cRLSign" },
	[ROLE_SIGNER] = { "signer", "Intel SGX TCB Signing", "critical,CA:FALSE",
			  "critical,digitalSignature,nonRepudiation" },
};
static const char pck_name[] = "Intel SGX PCK Certificate";

static X509_NAME *name_of(const char *common)
{
	const char *const parts[][2] = { { "CN", common },
					 { "O", "Intel Corporation" },
					 { "L", "Santa Clara" },
					 { "ST", "CA" },
					 { "C", "US" } };

	return pki_name(parts, sizeof(parts) / sizeof(*parts));
}

/* The certificate of key by the name, not yet signed; above NULL: its own issuer. */
static X509 *begin(const char *common, EVP_PKEY *key, X509 *above, uint64_t serial, int64_t now,
		   int years)
{
	X509_NAME *name = name_of(common);
	struct pki_subject s = {
		.name = name,
		.issuer = above ? X509_get_subject_name(above) : name,
		.key = key,
		.serial = serial,
		.from = now - PKI_DAY_S,
		.until = now + (int64_t)years * PKI_YEAR_S,
	};
	X509 *x = name ? pki_certificate(&s) : NULL;

	X509_NAME_free(name);
	return x;
}

static X509 *make_authority(enum role role, EVP_PKEY *key, const struct pki_authority *above,
			    int64_t now)
{
	X509 *x = begin(roles[role].name, key, above ? above->cert : NULL, 1 + role, now,
			AUTHORITY_YEARS);

	if (x && pki_extend(x, x, NID_subject_key_identifier, "hash") &&
	    pki_extend(x, above ? above->cert : x, NID_authority_key_identifier, "keyid") &&
	    pki_extend(x, x, NID_key_usage, roles[role].usage) &&
	    pki_extend(x, x, NID_basic_constraints, roles[role].constraints) &&
	    (above || pki_extend_lab(x)) &&
	    X509_sign(x, above ? above->key : key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

static int take_authority(const char *directory, enum role role, const struct pki_authority *above,
			  int64_t now, struct pki_authority *out, char why[WHY_MAX])
{
	int err = pki_authority_open(directory, roles[role].stem, PKI_P256, out, why);

	if (err || out->cert)
		return err;
	out->cert = make_authority(role, out->key, above, now);
	return pki_authority_keep(directory, roles[role].stem, out, why);
}

/* All of a lab's Intel, made where it is missing. */
static int take_root(const char *directory, int64_t now, struct pki_authority all[ROLE_COUNT],
		     char why[WHY_MAX])
{
	int err = pki_mkdir(directory, why);

	for (int i = 0; !err && i < ROLE_COUNT; i++)
		err = take_authority(directory, i, i ? &all[ROLE_ROOT] : NULL, now, &all[i], why);
	return err;
}

/* --- lists */

static int write_crl(const char *directory, const char *name, const struct pki_authority *a,
		     X509 *revoked, int64_t now, char why[WHY_MAX])
{
	X509_CRL *crl = pki_crl(a->cert, now, now + CRL_DAYS * PKI_DAY_S);
	bool ok = crl && (!revoked || pki_crl_revoke(crl, X509_get0_serialNumber(revoked), now)) &&
		  X509_CRL_sign(crl, a->key, EVP_sha256()) > 0;
	int err = pki_crl_write(directory, name, ok ? crl : NULL, why);

	X509_CRL_free(crl);
	return err;
}

static int write_lists(const char *directory, const struct pki_authority all[ROLE_COUNT],
		       const struct soft_tdx_options *o, char why[WHY_MAX])
{
	X509 *revoked = o->revoke ? pki_certificate_read(o->revoke, "pck.pem", why) : NULL;
	int err = o->revoke && !revoked ? -ENOENT : 0;

	if (!err)
		err = write_crl(directory, "pck_crl.der", &all[ROLE_CA], revoked, o->now, why);
	if (!err)
		err = write_crl(directory, "root_ca_crl.der", &all[ROLE_ROOT], NULL, o->now, why);
	X509_free(revoked);
	return err;
}

/* --- what PCS would publish */

static int publish(const char *root, const struct pki_authority all[ROLE_COUNT],
		   const struct soft_tdx_options *o, char why[WHY_MAX])
{
	static const struct {
		const char *name;
		enum role signer;
	} chains[] = { { "tcb_info_issuer_chain.pem", ROLE_SIGNER },
		       { "qe_identity_issuer_chain.pem", ROLE_SIGNER },
		       { "pck_crl_issuer_chain.pem", ROLE_CA } };
	char directory[ATTESTER_PATH_MAX];
	int err = pki_path(directory, root, "collateral", why);

	if (!err)
		err = pki_mkdir(directory, why);
	for (int i = 0; !err && i < 3; i++)
		err = pki_chain_write(directory, chains[i].name, all[chains[i].signer].cert,
				      all[ROLE_ROOT].cert, why);
	if (!err)
		err = write_lists(directory, all, o, why);
	if (!err)
		err = soft_tdx_documents(directory, all[ROLE_SIGNER].key, o, why);
	return err;
}

static void release_all(struct pki_authority all[ROLE_COUNT])
{
	for (int i = 0; i < ROLE_COUNT; i++)
		pki_authority_free(&all[i]);
}

int soft_tdx_root(const char *directory, const struct soft_tdx_options *o, uint8_t sha256[32],
		  char why[WHY_MAX])
{
	struct pki_authority all[ROLE_COUNT] = { { NULL, NULL } };
	int err = take_root(directory, o->now, all, why);

	if (!err)
		err = publish(directory, all, o, why);
	if (!err && X509_digest(all[ROLE_ROOT].cert, EVP_sha256(), sha256, NULL) != 1)
		err = pki_error(why, "root.pem");
	release_all(all);
	return err;
}

/* --- platforms */

static bool add_sgx(X509 *x)
{
	uint8_t ids[2 * SOFT_PLATFORM_ID_BYTES], der[SOFT_EXTENSION_MAX];
	size_t n;

	if (RAND_bytes(ids, sizeof(ids)) != 1)
		return false;
	n = soft_sgx_extension(ids, ids + SOFT_PLATFORM_ID_BYTES, der);
	return pki_extend_raw(x, "1.2.840.113741.1.13.1", bytes_of(der, n));
}

static X509 *make_pck(EVP_PKEY *key, const struct pki_authority *ca, int64_t now)
{
	uint64_t serial;
	X509 *x = NULL;

	if (RAND_bytes((uint8_t *)&serial, sizeof(serial)) == 1)
		x = begin(pck_name, key, ca->cert, serial, now, PCK_YEARS);
	if (x && pki_extend(x, ca->cert, NID_authority_key_identifier, "keyid") &&
	    pki_extend(x, x, NID_subject_key_identifier, "hash") &&
	    pki_extend(x, x, NID_key_usage, "critical,digitalSignature,nonRepudiation") &&
	    pki_extend(x, x, NID_basic_constraints, "critical,CA:FALSE") && add_sgx(x) &&
	    X509_sign(x, ca->key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

/* PCK, its authority and the root, in one PEM file: as certification data of type 5. */
static int write_chain(const char *directory, X509 *pck, const struct pki_authority all[ROLE_COUNT],
		       char why[WHY_MAX])
{
	X509 *const chain[] = { pck, all[ROLE_CA].cert, all[ROLE_ROOT].cert };

	return pki_pem_write(directory, "pck_chain.pem", chain, 3, why);
}

static int issue(const char *directory, const struct pki_authority all[ROLE_COUNT], int64_t now,
		 char why[WHY_MAX])
{
	EVP_PKEY *key = pki_key(directory, "pck.key", PKI_P256, why), *quote = NULL;
	X509 *x = NULL;
	int err = -EIO;

	if (key)
		quote = pki_key(directory, "quote.key", PKI_P256, why);
	if (quote) {
		x = make_pck(key, &all[ROLE_CA], now);
		err = x ? pki_certificate_write(directory, "pck.pem", x, why)
			: pki_error(why, "pck.pem");
	}
	if (!err)
		err = write_chain(directory, x, all, why);
	X509_free(x);
	EVP_PKEY_free(quote);
	EVP_PKEY_free(key);
	return err;
}

int soft_tdx_issue(const char *root, const char *directory, int64_t now, char why[WHY_MAX])
{
	struct pki_authority all[ROLE_COUNT] = { { NULL, NULL } };
	int err;

	if (!pki_exists(root, "root.pem") || !pki_exists(root, "ca.pem")) {
		snprintf(why, WHY_MAX,
			 "%.160s: no root.pem and ca.pem: want a directory of `lab tdx-root`",
			 root);
		return -ENOENT;
	}
	err = take_root(root, now, all, why);
	if (!err)
		err = pki_mkdir(directory, why);
	if (!err)
		err = issue(directory, all, now, why);
	release_all(all);
	return err;
}
