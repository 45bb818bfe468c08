// SPDX-License-Identifier: BSD-2-Clause
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "verifier/refuse.h"
#include "verifier/x509.h"

enum {
	CA_KEY_BITS = 4096,
	SALT_BYTES = 48,
	AUTH_LEVEL = 3, /* 128 bits: OpenSSL counts RSA-4096 below level 4 */
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
	return algorithm_is_pss_sha384(outer) &&
	       algorithm_is_pss_sha384(X509_get0_tbs_sigalg(c->x));
}

static bool authority_key(const struct cert *c)
{
	const EVP_PKEY *key = cert_key(c);

	return key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
	       EVP_PKEY_get_bits(key) == CA_KEY_BITS;
}

static enum reason check_kinds(const struct cert *const chain[CHAIN_LENGTH], struct claims *out)
{
	const struct cert *leaf = chain[0];

	for (int i = 0; i < CHAIN_LENGTH; i++)
		if (!signed_with_pss(chain[i]))
			return refuse(
				out, REASON_CERT_SIGNATURE,
				"certificate %s is not signed with RSASSA-PSS, SHA-384, salt 48",
				chain[i]->subject);
	for (int i = 1; i < CHAIN_LENGTH; i++)
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

/* Names fit, so either a signature is wrong or OpenSSL dislikes how the two belong together. */
static enum reason broken_link(const struct cert *const chain[CHAIN_LENGTH], const char *said,
			       struct claims *out)
{
	for (int i = 0; i < CHAIN_LENGTH; i++) {
		const struct cert *issuer = chain[i + 1 < CHAIN_LENGTH ? i + 1 : i];

		if (X509_verify(chain[i]->x, cert_key(issuer)) != 1)
			return refuse(out, REASON_CERT_SIGNATURE,
				      "certificate %s is not signed by the %s that came along",
				      chain[i]->subject, issuer->subject);
	}
	return refuse(out, REASON_CERT_CHAIN, "certificate chain: %s", said);
}

static enum reason explain(X509_STORE_CTX *ctx, const struct cert *const chain[CHAIN_LENGTH],
			   struct claims *out)
{
	int error = X509_STORE_CTX_get_error(ctx), depth = X509_STORE_CTX_get_error_depth(ctx);
	const char *said = X509_verify_cert_error_string(error);
	const struct cert *c = chain[depth >= 0 && depth < CHAIN_LENGTH ? depth : 0];

	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return refuse(out, REASON_CERT_EXPIRED, "certificate %s expired %s", c->subject,
			      time_text(c->not_after).text);
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return refuse(out, REASON_CERT_NOT_YET_VALID, "certificate %s is valid from %s",
			      c->subject, time_text(c->not_before).text);
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
		return refuse(out, REASON_CERT_SIGNATURE, "certificate %s: %s", c->subject, said);
	case X509_V_ERR_OUT_OF_MEM:
	case X509_V_ERR_UNSPECIFIED:
		return refuse(out, REASON_INTERNAL, "certificate chain: %s", said);
	case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
	case X509_V_ERR_EE_KEY_TOO_SMALL:
		if (depth == 0)
			return refuse(out, REASON_CERT_LEAF, "certificate %s: %s", c->subject,
				      said);
		return refuse(out, REASON_CERT_CHAIN, "certificate %s: %s", c->subject, said);
	default:
		return broken_link(chain, said, out);
	}
}

/* What was built is what was given: no shorter way to the root, no other intermediate. */
static bool built_as_given(X509_STORE_CTX *ctx, const struct cert *const chain[CHAIN_LENGTH])
{
	const STACK_OF(X509) *built = X509_STORE_CTX_get0_chain(ctx);

	if (sk_X509_num(built) != CHAIN_LENGTH)
		return false;
	for (int i = 0; i < CHAIN_LENGTH; i++)
		if (X509_cmp(sk_X509_value(built, i), chain[i]->x))
			return false;
	return true;
}

static enum reason verify(X509_STORE_CTX *ctx, const struct cert *const chain[CHAIN_LENGTH],
			  int64_t at, struct claims *out)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

	X509_VERIFY_PARAM_set_time(param, at);
	X509_VERIFY_PARAM_set_auth_level(param, AUTH_LEVEL);
	X509_VERIFY_PARAM_set_depth(param, CHAIN_LENGTH - 2);
	/* A root is trusted by its key alone when pinned by that: then its own signature counts. */
	if (X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CHECK_SS_SIGNATURE) != 1)
		return refuse(out, REASON_INTERNAL, "certificate chain: OpenSSL takes no flags");
	if (X509_verify_cert(ctx) != 1)
		return explain(ctx, chain, out);
	if (!built_as_given(ctx, chain))
		return refuse(out, REASON_CERT_CHAIN,
			      "certificate chain: not leaf, one "
			      "intermediate, root");
	return REASON_OK;
}

enum reason cert_chain_verify(const struct cert *leaf, const struct cert *intermediate,
			      const struct cert *root, int64_t at, struct claims *out)
{
	const struct cert *const chain[CHAIN_LENGTH] = { leaf, intermediate, root };
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	enum reason reason = check_kinds(chain, out);

	if (reason)
		goto out;
	if (!ctx || !store || !untrusted || X509_STORE_add_cert(store, root->x) != 1 ||
	    sk_X509_push(untrusted, intermediate->x) != 1 ||
	    X509_STORE_CTX_init(ctx, store, leaf->x, untrusted) != 1)
		reason = refuse(out, REASON_INTERNAL, "certificate chain: no memory");
	else
		reason = verify(ctx, chain, at, out);
out:
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	sk_X509_free(untrusted); /* the certificates are the pile's */
	ERR_clear_error();
	return reason;
}
