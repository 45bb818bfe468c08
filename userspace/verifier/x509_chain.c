// SPDX-License-Identifier: BSD-2-Clause
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "verifier/refuse.h"
#include "verifier/x509.h"

enum {
	CA_KEY_BITS = 4096,
	SALT_BYTES = 48,
	CHAIN_LENGTH = 3,
};

static bool hash_is_sha384(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *o;

	if (!alg)
		return false; /* the default of RFC 4055 is SHA-1 */
	X509_ALGOR_get0(&o, NULL, NULL, alg);
	return OBJ_obj2nid(o) == NID_sha384;
}

static bool mask_is_mgf1_sha384(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *o;
	const void *value;
	X509_ALGOR *hash;
	int type;
	bool ok;

	if (!alg)
		return false;
	X509_ALGOR_get0(&o, &type, &value, alg);
	if (OBJ_obj2nid(o) != NID_mgf1 || type != V_ASN1_SEQUENCE)
		return false;
	hash = ASN1_item_unpack(value, ASN1_ITEM_rptr(X509_ALGOR));
	ok = hash_is_sha384(hash);
	X509_ALGOR_free(hash);
	return ok;
}

static bool params_are_ours(const RSA_PSS_PARAMS *p)
{
	return hash_is_sha384(p->hashAlgorithm) && mask_is_mgf1_sha384(p->maskGenAlgorithm) &&
	       p->saltLength && ASN1_INTEGER_get(p->saltLength) == SALT_BYTES &&
	       (!p->trailerField || ASN1_INTEGER_get(p->trailerField) == 1);
}

bool algorithm_is_pss_sha384(const X509_ALGOR *alg)
{
	const ASN1_OBJECT *o;
	const void *value;
	RSA_PSS_PARAMS *p;
	int type;
	bool ok;

	X509_ALGOR_get0(&o, &type, &value, alg);
	if (OBJ_obj2nid(o) != NID_rsassaPss || type != V_ASN1_SEQUENCE)
		return false;
	p = ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
	ok = p && params_are_ours(p);
	RSA_PSS_PARAMS_free(p);
	return ok;
}

static bool signed_with_pss(const struct cert *c)
{
	const X509_ALGOR *outer;

	X509_get0_signature(NULL, &outer, c->x);
	return algorithm_is_pss_sha384(outer) && !X509_ALGOR_cmp(outer, X509_get0_tbs_sigalg(c->x));
}

static bool authority_key(const struct cert *c)
{
	const EVP_PKEY *key = cert_key(c);

	return key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
	       EVP_PKEY_get_bits(key) == CA_KEY_BITS;
}

/* chain: the leaf, then count - 1 authorities. */
static enum reason check_kinds(const struct cert *const chain[], int count, struct claims *out)
{
	const struct cert *leaf = chain[0];

	for (int i = 0; i < count; i++)
		if (!signed_with_pss(chain[i]))
			return refuse(
				out, REASON_CERT_SIGNATURE,
				"certificate %s is not signed with RSASSA-PSS, SHA-384, salt 48",
				chain[i]->subject);
	for (int i = 1; i < count; i++)
		if (!chain[i]->is_ca || !authority_key(chain[i]))
			return refuse(out, REASON_CERT_CHAIN,
				      "certificate %s is not an authority with an RSA-4096 key",
				      chain[i]->subject);
	if (leaf->is_ca)
		return refuse(out, REASON_CERT_LEAF, "certificate %s says that it is an authority",
			      leaf->subject);
	if (!cert_key(leaf) || !key_is_p384(cert_key(leaf)))
		return refuse(out, REASON_CERT_LEAF, "certificate %s has no P-384 key",
			      leaf->subject);
	return REASON_OK;
}

enum reason cert_chain_verify(const struct cert *leaf, const struct cert *intermediate,
			      const struct cert *root, int64_t at, struct claims *out)
{
	const struct cert *const chain[CHAIN_LENGTH] = { leaf, intermediate, root };
	enum reason reason = check_kinds(chain, CHAIN_LENGTH, out);

	if (!reason)
		reason = cert_path_verify(chain, CHAIN_LENGTH, at, out);
	if (!reason) {
		cert_remember(intermediate);
		cert_remember(root);
	}
	return reason;
}

enum reason cert_leaf_verify(const struct cert *leaf, const struct cert *intermediate, int64_t at,
			     struct claims *out)
{
	enum reason reason = check_kinds(&leaf, 1, out);

	return reason ? reason : cert_link_verify(leaf, intermediate, at, out);
}
