// SPDX-License-Identifier: BSD-2-Clause
#include "verifier/sig.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>

enum {
	DER_SIGNATURE_MAX = 2 * (P384_BYTES + 3) + 4, /* two INTEGERs in a SEQUENCE */
	GROUP_NAME_MAX = 64,
};

/* The order n of P-384 (SEC 2 v2, 2.5.1), big endian. */
static const uint8_t order[P384_BYTES] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2,
	0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
};

bool sig_prepare(void)
{
	const uint64_t options = OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS;
	const uint8_t one[1] = { 1 };
	struct bytes some = bytes_of(one, sizeof(one));
	uint8_t digest[SHA256_BYTES];
	EVP_PKEY *key;
	bool ready;

	if (OPENSSL_init_crypto(options, NULL) != 1)
		return false;
	key = EVP_EC_gen(SN_secp384r1);
	ready = key && sha256(some, digest) && !sig_p384_verify(key, some, some, some);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return ready;
}

bool sha256(struct bytes in, uint8_t out[SHA256_BYTES])
{
	return EVP_Digest(in.p, in.n, out, NULL, EVP_sha256(), NULL) == 1;
}

bool key_is_p384(const struct evp_pkey_st *key)
{
	char group[GROUP_NAME_MAX];
	int explicit = 1;

	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	       !strcmp(group, SN_secp384r1) &&
	       EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
				      &explicit) == 1 &&
	       !explicit;
}

/* 1..n-1: to be told from a number that is equal to it modulo n. */
static bool in_range(const BIGNUM *v)
{
	BIGNUM *n = BN_bin2bn(order, sizeof(order), NULL);
	bool ok = n && v && !BN_is_zero(v) && BN_cmp(v, n) < 0;

	BN_free(n);
	return ok;
}

/* The DER form that EVP wants; its length, or 0. */
static int encode(struct bytes r, struct bytes s, uint8_t out[DER_SIGNATURE_MAX])
{
	BIGNUM *br = BN_lebin2bn(r.p, r.n, NULL), *bs = BN_lebin2bn(s.p, s.n, NULL);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int n = 0;

	if (!sig || !in_range(br) || !in_range(bs) || ECDSA_SIG_set0(sig, br, bs) != 1)
		goto out;
	br = bs = NULL; /* now sig's */
	if (i2d_ECDSA_SIG(sig, NULL) <= DER_SIGNATURE_MAX)
		n = i2d_ECDSA_SIG(sig, &out);
out:
	BN_free(br);
	BN_free(bs);
	ECDSA_SIG_free(sig);
	return n > 0 ? n : 0;
}

bool sig_p384_verify(struct evp_pkey_st *key, struct bytes message, struct bytes r, struct bytes s)
{
	uint8_t der[DER_SIGNATURE_MAX];
	int n = encode(r, s, der);
	EVP_MD_CTX *md;
	bool ok;

	if (n == 0 || !key_is_p384(key))
		return false;
	md = EVP_MD_CTX_new();
	ok = md && EVP_DigestVerifyInit(md, NULL, EVP_sha384(), NULL, key) == 1 &&
	     EVP_DigestVerify(md, der, n, message.p, message.n) == 1;
	EVP_MD_CTX_free(md);
	return ok;
}
