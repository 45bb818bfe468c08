// SPDX-License-Identifier: BSD-2-Clause
/* The virtual TPM's key, by the paravisor's claims, and what it has signed. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "verifier/azure_hcl.h"
#include "verifier/refuse.h"

enum {
	TPM_ST_ATTEST_QUOTE = 0x8018,
	TPM_ALG_SHA256 = 0x000b,
	CLOCK_BYTES = 17 + 8, /* TPMS_CLOCK_INFO, firmwareVersion */
	SELECTION_BYTES = 3,  /* 24 PCRs */
	MODULUS_BYTES_MIN = 256,
	MODULUS_BYTES_MAX = 512,
	EXPONENT_BYTES_MAX = 4,
};

static const uint8_t tpm_generated[4] = { 0xff, 'T', 'C', 'G' };

/* base64url without padding into out[size]; its length, or 0. */
static size_t from_b64url(const char *s, uint8_t *out, size_t size)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	size_t n = 0;
	int have = 0;

	for (; s && *s; s++) {
		const char *digit = strchr(digits, *s);

		if (!digit)
			return 0;
		bits = bits << 6 | (uint32_t)(digit - digits);
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (n == size)
			return 0;
		out[n++] = bits >> have;
	}
	return n;
}

static EVP_PKEY *key_of(const uint8_t *n, size_t n_size, const uint8_t *e, size_t e_size)
{
	BIGNUM *bn = BN_bin2bn(n, n_size, NULL), *be = BN_bin2bn(e, e_size, NULL);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	if (bn && be && ctx && build &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, be) == 1)
		params = OSSL_PARAM_BLD_to_param(build);
	if (params && EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	BN_free(be);
	BN_free(bn);
	ERR_clear_error();
	return key;
}

static EVP_PKEY *read_key(const json_t *jwk)
{
	const char *kty = json_string_value(json_object_get(jwk, "kty"));
	uint8_t n[MODULUS_BYTES_MAX], e[EXPONENT_BYTES_MAX];
	size_t n_size = from_b64url(json_string_value(json_object_get(jwk, "n")), n, sizeof(n));
	size_t e_size = from_b64url(json_string_value(json_object_get(jwk, "e")), e, sizeof(e));

	if (!kty || strcmp(kty, "RSA") || n_size < MODULUS_BYTES_MIN || !e_size)
		return NULL;
	return key_of(n, n_size, e, e_size);
}

/* The only key of that id; two of them would leave it open which. */
static const json_t *find_key(const json_t *claims, const char *id)
{
	const json_t *keys = json_object_get(claims, "keys"), *found = NULL, *one;
	size_t i;

	json_array_foreach(keys, i, one)
	{
		const char *kid = json_string_value(json_object_get(one, "kid"));

		if (!kid || strcmp(kid, id))
			continue;
		if (found)
			return NULL;
		found = one;
	}
	return found;
}

static bool read_user_data(const json_t *claims, struct azure_claims *out)
{
	const char *text = json_string_value(json_object_get(claims, "user-data"));
	size_t digits = 2 * sizeof(out->user_data);

	if (!text)
		return true; /* older hosts have none */
	if (strlen(text) != digits || strspn(text, "0123456789abcdefABCDEF") != digits)
		return false;
	for (size_t i = 0; i < sizeof(out->user_data); i++)
		sscanf(text + 2 * i, "%2hhx", &out->user_data[i]);
	out->has_user_data = true;
	return true;
}

enum reason azure_claims_read(struct bytes claims, struct azure_claims *out, struct claims *c)
{
	json_t *o = json_loadb((const char *)claims.p, claims.n, JSON_REJECT_DUPLICATES, NULL);
	const json_t *jwk = find_key(o, "HCLAkPub");
	enum reason reason = REASON_OK;

	memset(out, 0, sizeof(*out));
	if (!read_user_data(o, out))
		reason = refuse(c, REASON_FORMAT, "HCL claims: user-data is not 128 digits");
	out->key = jwk ? read_key(jwk) : NULL;
	if (!reason && !out->key)
		reason = refuse(c, REASON_FORMAT,
				"HCL claims: want one RSA key HCLAkPub of 2048 to 4096 bits");
	json_decref(o);
	return reason;
}

void azure_claims_free(struct azure_claims *a)
{
	EVP_PKEY_free(a->key);
	a->key = NULL;
}

static bool get_be16(struct bytes *in, uint16_t *out)
{
	struct bytes b;

	if (!get(in, 2, &b))
		return false;
	*out = b.p[0] << 8 | b.p[1];
	return true;
}

static bool get_2b(struct bytes *in, struct bytes *out)
{
	uint16_t n;

	return get_be16(in, &n) && get(in, n, out);
}

/* One bank, SHA-256; all: every PCR of it. */
static bool get_selection(struct bytes *in, bool *all)
{
	struct bytes select;
	uint32_t count;
	uint16_t hash;
	uint8_t n;

	if (!get_be32(in, &count) || count != 1 || !get_be16(in, &hash) || hash != TPM_ALG_SHA256 ||
	    !get_u8(in, &n) || n != SELECTION_BYTES || !get(in, n, &select))
		return false;
	*all = select.p[0] == 0xff && select.p[1] == 0xff && select.p[2] == 0xff;
	return true;
}

enum reason azure_quote_parse(struct bytes in, struct azure_quote *out, struct claims *c)
{
	struct bytes magic, signer, clock;
	uint16_t type;

	memset(out, 0, sizeof(*out));
	if (!get(&in, sizeof(tpm_generated), &magic) ||
	    !bytes_equal(magic, bytes_of(tpm_generated, sizeof(tpm_generated))) ||
	    !get_be16(&in, &type) || type != TPM_ST_ATTEST_QUOTE)
		return refuse(c, REASON_FORMAT, "what the TPM signed is no quote");
	if (!get_2b(&in, &signer) || !get_2b(&in, &out->nonce) || !get(&in, CLOCK_BYTES, &clock) ||
	    !get_selection(&in, &out->all_pcrs) || !get_2b(&in, &out->pcrs) ||
	    out->pcrs.n != AZURE_PCRS_BYTES || in.n)
		return refuse(
			c, REASON_FORMAT,
			"TPM quote: want one bank of SHA-256, its digest, and nothing behind");
	return REASON_OK;
}

bool azure_quote_verify(const struct azure_claims *a, struct bytes attest, struct bytes signature)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md && a->key && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, a->key) == 1 &&
		  EVP_DigestVerify(md, signature.p, signature.n, attest.p, attest.n) == 1;

	EVP_MD_CTX_free(md);
	ERR_clear_error();
	return ok;
}
