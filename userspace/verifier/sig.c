// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/sig.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

enum {
	DER_SIGNATURE_MAX = 2 * (P384_BYTES + 3) + 4, /* two INTEGERs in a SEQUENCE */
	GROUP_NAME_MAX = 64,
};

struct curve_facts {
	const char *name;
	size_t bytes; /* of a coordinate or scalar */
	const EVP_MD *(*hash)(void);
	uint8_t order[P384_BYTES]; /* n, big endian, its first bytes (SEC 2 v2, 2.4.2 and 2.5.1) */
};

static const struct curve_facts
	curves[] = {
		[CURVE_P256] = { SN_X9_62_prime256v1,
				 P256_BYTES,
				 EVP_sha256,
				 { 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
				   0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
				   0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 } },
		[CURVE_P384] = { SN_secp384r1,
				 P384_BYTES,
				 EVP_sha384,
				 { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				   0xff, 0xff, 0xff, 0xff, 0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37,
				   0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a,
				   0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73 } },
	};

/* One of a kind, so that the sandboxed process finds loaded what it will need. */
static bool prepare_curve(enum curve curve)
{
	const uint8_t ones[2 * P384_BYTES] = { 1, [P256_BYTES] = 1, [P384_BYTES] = 1 };
	EVP_PKEY *key = EVP_EC_gen(curves[curve].name);
	struct bytes signature = bytes_of(ones, 2 * curves[curve].bytes);
	bool ready = key && !sig_verify(curve, key, signature, signature);

	EVP_PKEY_free(key);
	return ready;
}

bool sig_prepare(void)
{
	const uint64_t options = OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS;
	uint8_t digest[SHA256_BYTES];
	bool ready;

	if (OPENSSL_init_crypto(options, NULL) != 1)
		return false;
	ready = sha256(bytes_of(&options, sizeof(options)), digest) && prepare_curve(CURVE_P256) &&
		prepare_curve(CURVE_P384);
	ERR_clear_error();
	return ready;
}

bool sha256(struct bytes in, uint8_t out[SHA256_BYTES])
{
	return EVP_Digest(in.p, in.n, out, NULL, EVP_sha256(), NULL) == 1;
}

bool key_is_on(const struct evp_pkey_st *key, enum curve curve)
{
	char group[GROUP_NAME_MAX];
	int explicit = 1;

	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	       !strcmp(group, curves[curve].name) &&
	       EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
				      &explicit) == 1 &&
	       !explicit;
}

bool key_is_p384(const struct evp_pkey_st *key)
{
	return key_is_on(key, CURVE_P384);
}

struct evp_pkey_st *key_of_point(enum curve curve, struct bytes point)
{
	enum { UNCOMPRESSED = 4 };
	uint8_t encoded[1 + 2 * P384_BYTES] = { UNCOMPRESSED };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM params[3];
	EVP_PKEY *key = NULL;

	if (!ctx || point.n != 2 * curves[curve].bytes || EVP_PKEY_fromdata_init(ctx) != 1)
		goto out;
	memcpy(encoded + 1, point.p, point.n);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						     (char *)curves[curve].name, 0);
	params[1] =
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, encoded, 1 + point.n);
	params[2] = OSSL_PARAM_construct_end();
	if (EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
out:
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return key;
}

struct evp_pkey_st *key_of_pem(struct bytes pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, pem.n);
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	X509 *x = NULL;

	if (bio && !key && BIO_reset(bio) == 1)
		x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (x)
		key = X509_get_pubkey(x);
	X509_free(x);
	BIO_free(bio);
	ERR_clear_error();
	return key;
}

void key_free(struct evp_pkey_st *key)
{
	EVP_PKEY_free(key);
}

/* 1..n-1: to be told from a number that is equal to it modulo n. */
static bool in_range(const BIGNUM *v, const struct curve_facts *c)
{
	BIGNUM *n = BN_bin2bn(c->order, c->bytes, NULL);
	bool ok = n && v && !BN_is_zero(v) && BN_cmp(v, n) < 0;

	BN_free(n);
	return ok;
}

/* The DER form that EVP wants, of r and s, which it frees; its length, or 0. */
static int encode(const struct curve_facts *c, BIGNUM *r, BIGNUM *s, uint8_t out[DER_SIGNATURE_MAX])
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int n = 0;

	if (!sig || !in_range(r, c) || !in_range(s, c) || ECDSA_SIG_set0(sig, r, s) != 1)
		goto out;
	r = s = NULL; /* now sig's */
	if (i2d_ECDSA_SIG(sig, NULL) <= DER_SIGNATURE_MAX)
		n = i2d_ECDSA_SIG(sig, &out);
out:
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return n > 0 ? n : 0;
}

static bool verify(enum curve curve, struct evp_pkey_st *key, struct bytes message, BIGNUM *r,
		   BIGNUM *s)
{
	uint8_t der[DER_SIGNATURE_MAX];
	int n = encode(&curves[curve], r, s, der);
	EVP_MD_CTX *md;
	bool ok;

	if (n == 0 || !key_is_on(key, curve))
		return false;
	md = EVP_MD_CTX_new();
	ok = md && EVP_DigestVerifyInit(md, NULL, curves[curve].hash(), NULL, key) == 1 &&
	     EVP_DigestVerify(md, der, n, message.p, message.n) == 1;
	EVP_MD_CTX_free(md);
	return ok;
}

bool sig_p384_verify(struct evp_pkey_st *key, struct bytes message, struct bytes r, struct bytes s)
{
	return verify(CURVE_P384, key, message, BN_lebin2bn(r.p, r.n, NULL),
		      BN_lebin2bn(s.p, s.n, NULL));
}

bool sig_verify(enum curve curve, struct evp_pkey_st *key, struct bytes message,
		struct bytes signature)
{
	size_t n = curves[curve].bytes;

	if (signature.n != 2 * n)
		return false;
	return verify(curve, key, message, BN_bin2bn(signature.p, n, NULL),
		      BN_bin2bn(signature.p + n, n, NULL));
}
