// SPDX-License-Identifier: BSD-2-Clause
/*
 * A lab's stand-in for AWS's authorities: the names, algorithms, extensions and path lengths of the
 * genuine ones, so that a verifier meets nothing new.  Only the keys are other ones, the
 * authorities last longer, and the root carries a comment that says so.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "attester/pki.h"
#include "attester/soft_nitro.h"

enum {
	AUTHORITY_YEARS = 25,
	NAME_TEXT_MAX = 128,
};

/* In the order of a bundle; the instance is the enclave's own. */
enum role { ROLE_ROOT, ROLE_REGION, ROLE_ZONE, ROLE_INSTANCE };

static const struct {
	const char *stem, *name, *constraints;
} roles[SOFT_BUNDLE] = {
	[ROLE_ROOT] = { "root", "aws.nitro-enclaves", "critical,CA:TRUE" },
	[ROLE_REGION] = { "region", "0.lab.aws.nitro-enclaves", "critical,CA:TRUE,pathlen:2" },
	[ROLE_ZONE] = { "zone", "0.zonal.lab.aws.nitro-enclaves", "critical,CA:TRUE,pathlen:1" },
	[ROLE_INSTANCE] = { "instance", "i-0.lab.aws.nitro-enclaves",
			    "critical,CA:TRUE,pathlen:0" },
};

static X509_NAME *name_of(const char *common)
{
	const char *const parts[][2] = {
		{ "C", "US" }, { "O", "Amazon" }, { "OU", "AWS" }, { "CN", common }
	};

	return pki_name(parts, sizeof(parts) / sizeof(*parts));
}

static bool extend_authority(X509 *x, X509 *issuer, enum role role)
{
	return pki_extend(x, issuer, NID_basic_constraints, roles[role].constraints) &&
	       pki_extend(x, issuer, NID_subject_key_identifier, "hash") &&
	       pki_extend(x, issuer, NID_key_usage,
			  "critical,digitalSignature,keyCertSign,cRLSign") &&
	       (role != ROLE_ROOT || pki_extend_lab(x));
}

/* Signed by issuer's key; issuer NULL: by its own.  NULL when OpenSSL will not. */
static X509 *make_authority(enum role role, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
			    int64_t now)
{
	X509_NAME *name = name_of(roles[role].name);
	struct pki_subject s = {
		.name = name,
		.issuer = issuer ? X509_get_subject_name(issuer) : name,
		.key = key,
		.serial = 1 + role,
		.from = now - PKI_DAY_S,
		.until = now + (int64_t)AUTHORITY_YEARS * PKI_YEAR_S,
	};
	X509 *x = name ? pki_certificate(&s) : NULL;

	X509_NAME_free(name);
	if (x && extend_authority(x, issuer ? issuer : x, role) &&
	    X509_sign(x, issuer ? issuer_key : key, EVP_sha384()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

/* The authority of a role in directory, made under above if it is missing. */
static int take_authority(const char *directory, enum role role, const struct pki_authority *above,
			  int64_t now, struct pki_authority *out, char why[WHY_MAX])
{
	int err = pki_authority_open(directory, roles[role].stem, PKI_P384, out, why);

	if (err || out->cert)
		return err;
	out->cert = make_authority(role, out->key, above->cert, above->key, now);
	return pki_authority_keep(directory, roles[role].stem, out, why);
}

/* Root, region and zone of a lab's AWS, made where they are missing. */
static int take_root(const char *directory, int64_t now, struct pki_authority chain[ROLE_INSTANCE],
		     char why[WHY_MAX])
{
	static const struct pki_authority nobody;
	int err = pki_mkdir(directory, why);

	for (int i = 0; !err && i < ROLE_INSTANCE; i++)
		err = take_authority(directory, i, i ? &chain[i - 1] : &nobody, now, &chain[i],
				     why);
	return err;
}

int soft_nitro_root(const char *directory, int64_t now, uint8_t sha256[32], char why[WHY_MAX])
{
	struct pki_authority chain[ROLE_INSTANCE] = { { NULL, NULL } };
	int err = take_root(directory, now, chain, why);

	if (!err && X509_digest(chain[ROLE_ROOT].cert, EVP_sha256(), sha256, NULL) != 1)
		err = pki_error(why, "root.pem");
	for (int i = 0; i < ROLE_INSTANCE; i++)
		pki_authority_free(&chain[i]);
	return err;
}

static int write_bundle(const char *directory, const struct pki_authority chain[SOFT_BUNDLE],
			char why[WHY_MAX])
{
	char name[NAME_TEXT_MAX];
	int err = 0;

	for (int i = 0; !err && i < SOFT_BUNDLE; i++) {
		snprintf(name, sizeof(name), "cabundle%d.der", i);
		err = pki_der_write(directory, name, chain[i].cert, why);
	}
	return err;
}

int soft_nitro_issue(const char *root, const char *directory, int64_t now, char why[WHY_MAX])
{
	struct pki_authority chain[SOFT_BUNDLE] = { { NULL, NULL } };
	int err;

	if (!pki_exists(root, "root.pem")) {
		snprintf(why, WHY_MAX, "%.180s: no root.pem: want a directory of `lab nitro-root`",
			 root);
		return -ENOENT;
	}
	err = take_root(root, now, chain, why);
	if (!err)
		err = pki_mkdir(directory, why);
	if (!err)
		err = take_authority(directory, ROLE_INSTANCE, &chain[ROLE_ZONE], now,
				     &chain[ROLE_INSTANCE], why);
	if (!err)
		err = write_bundle(directory, chain, why);
	for (int i = 0; i < SOFT_BUNDLE; i++)
		pki_authority_free(&chain[i]);
	return err;
}

static X509 *make_leaf(const struct soft_enclave *e, const struct pki_authority *instance,
		       const struct soft_leaf *leaf)
{
	char common[NAME_TEXT_MAX];
	struct pki_subject s = {
		.issuer = X509_get_subject_name(instance->cert),
		.key = leaf->key,
		.serial = leaf->from,
		.from = leaf->from,
		.until = leaf->until,
	};
	X509_NAME *name;
	X509 *x;

	snprintf(common, sizeof(common), "%s.lab.aws", e->module_id);
	s.name = name = name_of(common);
	x = name ? pki_certificate(&s) : NULL;
	X509_NAME_free(name);
	if (x && pki_extend(x, instance->cert, NID_basic_constraints, "critical,CA:FALSE") &&
	    pki_extend(x, instance->cert, NID_key_usage, "digitalSignature") &&
	    X509_sign(x, instance->key, EVP_sha384()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

static int encode(X509 *x, struct soft_leaf *leaf, char why[WHY_MAX])
{
	uint8_t *p = leaf->der;
	int n = x ? i2d_X509(x, NULL) : -1;

	if (n <= 0 || n > SOFT_CERT_MAX)
		return pki_error(why, "leaf");
	leaf->n = i2d_X509(x, &p);
	return 0;
}

int soft_leaf_issue(const char *directory, const struct soft_enclave *e, int64_t now,
		    struct soft_leaf *leaf, char why[WHY_MAX])
{
	enum { SKEW_S = 3 }; /* as AWS's: 3:00:03 */
	struct pki_authority instance = { pki_key_read(directory, "instance.key", why), NULL };
	X509 *x = NULL;
	int err = -EIO;

	*leaf = (struct soft_leaf){ .from = now - SKEW_S, .until = now + e->leaf_s };
	if (instance.key)
		instance.cert = pki_certificate_read(directory, "instance.pem", why);
	if (instance.cert) {
		leaf->key = EVP_EC_gen("P-384");
		x = leaf->key ? make_leaf(e, &instance, leaf) : NULL;
		err = encode(x, leaf, why);
	}
	X509_free(x);
	pki_authority_free(&instance);
	if (err)
		soft_leaf_free(leaf);
	return err;
}

void soft_leaf_free(struct soft_leaf *leaf)
{
	EVP_PKEY_free(leaf->key);
	leaf->key = NULL;
}
